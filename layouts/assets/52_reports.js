// The page of after-action reports: read, edit, comment, sign. What a report says comes drawn from the server as an
// outline of parts, tables and pictures; here it only becomes elements.
(() => {
  "use strict";
  const { t, make, show, mount, marks, act, post, get, all, siteName, personName, me, say, feed } = yiping;
  const MOST = 500;
  const PARTS = ["summary", "sensing", "handling", "evaluation", "improvement"];
  let bar = null, list = null, tools = null, place = null;
  let user = null, units = [], reports = [], whole = null, chosen = null, version = null;
  let draft = null; // what is being edited: {texts, measures, note}
  let signing = false, making = false, filter = "all";

  const may = (what) => Boolean(whole?.may.includes(what));
  const language = () => `language=${yiping.language}`;
  // An alert has no title: it is called by what was seen and by its rule, as everywhere.
  const alertName = ({ label, rule, kind }) => [label && t(`quantity.${label}`, {}, feed.labelOf({ label })),
    t(`rule.${rule}`, {}, t(`kind.${kind}`, {}, kind))].filter(Boolean).join(" · ");
  const titleOf = (review) => review.title || (review.topic === "span" ? t("reports.topic.span") : alertName(review));
  const aboutOf = (review) => [t(`reports.topic.${review.topic}`), review.topic === "span"
    ? `${show(review.since, "full")} – ${show(review.until, "full")}` : "", review.site && siteName(review.site)].filter(Boolean).join(" · ");
  const stateOf = (review) => make("span", { class: `state ${review.state}` }, t(`reports.state.${review.state}`));

  // ---- the address: a report has its own
  const write = (push) => {
    const asked = new URLSearchParams();
    if (chosen !== null) asked.set("report", chosen);
    if (version !== null) asked.set("version", version);
    const address = `${location.pathname}${asked.size ? `?${asked}` : ""}`;
    history[push ? "pushState" : "replaceState"](history.state, "", address);
  };
  const changed = () => draft !== null && JSON.stringify({ ...draft, before: undefined }) !== draft.before;
  const leave = () => !changed() || confirm(t("reports.unsaved"));

  // ---- the list
  const drawList = () => {
    if (!list?.isConnected) return;
    const shown = reports.filter((one) => filter === "all" || one.state === filter);
    list.replaceChildren(shown.length ? make("ul", {}, shown.map((one) => make("li", {
      "data-report": one.id, class: one.id === chosen ? "here" : "", tabindex: 0, onclick: () => choose(one.id),
      onkeydown: (key) => key.key === "Enter" && choose(one.id),
    }, one.priority ? marks.mark(one.priority, true) : make("span", {}), make("b", {}, titleOf(one)), stateOf(one),
    make("small", {}, `${one.id} · ${aboutOf(one)} · ${show(one.made_at, "full")}`))))
      : make("p", { class: "empty dim" }, t("reports.nothing")));
  };
  const drawBar = () => {
    if (!bar?.isConnected) return;
    const choice = make("select", { "aria-label": t("reports.filter"), onchange: (event) => { filter = event.target.value; drawList(); } },
      ["all", "draft", "edited", "signed"].map((one) => make("option", { value: one, selected: one === filter }, t(`reports.state.${one}`))));
    bar.replaceChildren(choice, user?.may?.includes("review_event") ? make("button", {
      type: "button", id: "report-new", onclick: () => { if (leave()) { making = true; draft = null; drawChosen(); } },
    }, t("reports.new")) : "");
  };

  // ---- one report
  const choose = async (id, { of = null, push = true } = {}) => {
    if (!leave()) return;
    chosen = id;
    version = of;
    whole = draft = null;
    signing = making = false;
    write(push);
    drawList();
    await load();
  };
  const load = async () => {
    const asked = chosen;
    if (asked === null) { drawChosen(); return; }
    place?.replaceChildren(make("p", { class: "dim" }, t("loading")));
    try {
      const found = await get(`/api/v1/review-reports/${asked}?${language()}${version === null ? "" : `&version=${version}`}`);
      if (asked !== chosen) return;
      whole = found;
      reports = reports.map((one) => (one.id === found.review.id ? found.review : one));
      if (!reports.some((one) => one.id === asked)) reports.unshift(found.review);
      drawList();
      drawChosen();
    } catch (error) {
      if (asked === chosen) place?.replaceChildren(make("p", { class: "empty" }, error.message));
    }
  };

  const drawTools = () => {
    if (!tools?.isConnected) return;
    if (!whole || making) { tools.replaceChildren(); return; }
    const { review } = whole;
    const isNewest = whole.number === review.newest;
    const file = (form, more = "") => yiping.exports.link({
      class: "button", "data-file": form,
      href: yiping.at(`/api/v1/review-reports/${review.id}/report.${form}?version=${whole.number}${form === "geojson" ? "" : `&${language()}`}${more}`),
    }, t(`reports.file.${form}`));
    const versions = make("select", { id: "report-version", "aria-label": t("reports.version"), onchange: (event) => choose(review.id, { of: Number(event.target.value) }) },
      [...whole.versions.map((one) => one.number), 0].map((n) => make("option", { value: n, selected: n === whole.number },
        n === 0 ? t("reports.draft_now") : t("reports.version_n", { n }) + (n === review.signed ? ` · ${t("reports.state.signed")}` : ""))));
    const marked = draft ? [] : [file("pdf"), file("html")];
    const watermark = make("input", { type: "checkbox", id: "report-watermark", onchange: () => marked.forEach((one) => {
      one.href = one.href.replace("&watermark=true", "") + (watermark.checked ? "&watermark=true" : "");
    }) });
    tools.replaceChildren(...[
      versions,
      !draft && may("edit") && review.state !== "signed" && isNewest && make("button", { type: "button", id: "report-edit", onclick: edit }, t("reports.edit")),
      draft && make("button", { type: "button", id: "report-save", class: "strong", onclick: (event) => act(event.currentTarget, save) }, t("reports.save")),
      draft && make("button", { type: "button", id: "report-cancel", onclick: () => { if (leave()) { draft = null; drawChosen(); } } }, t("reports.cancel")),
      !draft && may("sign") && review.state !== "signed" && isNewest && make("button", { type: "button", id: "report-sign-open", onclick: () => { signing = !signing; drawChosen(); } }, t("reports.sign")),
      make("span", { class: "grow" }),
      !draft && make("label", { class: "dim" }, watermark, ` ${t("reports.watermark")}`), ...marked, !draft && tableChoice(file), !draft && file("geojson"),
    ].filter(Boolean));
  };
  /** CSV is of one table: which one is chosen beside it. */
  const tableChoice = (file) => {
    const names = whole.report.parts.flatMap((part) => part.blocks).filter((one) => one.block === "table");
    const link = file("csv", "&table=timeline");
    const choice = make("select", { "aria-label": t("reports.table"), onchange: (event) => { link.href = link.href.replace(/table=\w+/, `table=${event.target.value}`); } },
      names.map((one) => make("option", { value: one.name, selected: one.name === "timeline" }, one.title)));
    return make("span", { class: "do" }, choice, link);
  };

  const cell = (value) => (typeof value === "string" ? make("td", {}, value) : make("td", { class: value.mark }, value.text));
  const block = (one) => make("section", { "data-block": one.name }, make("h5", {}, one.title),
    one.block === "pictures" ? make("div", { class: "report-pictures" }, one.items.slice(0, 24).map((item) => make("figure", {},
      marks.picture(item.picture, null, "P4", item.caption), make("figcaption", {}, item.caption))))
      : make("div", { class: "table" }, one.rows.length > 0 && make("table", {},
        make("thead", {}, make("tr", {}, one.columns.map((column) => make("th", { scope: "col" }, column.name)))),
        make("tbody", {}, one.rows.map((row) => make("tr", {}, row.map(cell))))), one.note && make("small", { class: "dim" }, one.note)));
  const textOf = (part) => {
    if (draft && PARTS.includes(part.id)) {
      const area = make("textarea", { "data-part": part.id, rows: 6, maxlength: 20000, "aria-label": part.title, placeholder: t("reports.leave_empty"),
        oninput: (event) => { draft.texts[part.id] = event.target.value; } });
      area.value = draft.texts[part.id] ?? "";
      const auto = part.written ? null : make("p", { class: "words dim" }, part.text);
      return [area, auto && make("div", { class: "do" }, make("button", { type: "button", "data-start": part.id, onclick: () => {
        area.value = draft.texts[part.id] = part.text;
        area.focus();
      } }, t("reports.start_from"))), auto];
    }
    return part.text ? [make("p", { class: "words" }, part.text),
      make("small", { class: "dim" }, part.written ? t("aar.by_people") : t("aar.by_system"))] : [];
  };
  const partOf = (part) => make("section", { id: `part-${part.id}`, "data-part-of": part.id }, make("h4", {}, part.title), textOf(part),
    draft && part.id === "improvement" && measures(),
    part.blocks.filter((one) => !(draft && one.name === "measures")).map(block));

  const measures = () => {
    const box = make("div", { id: "report-measures" });
    const draw = () => box.replaceChildren(make("h5", {}, t("aar.table.measures")), ...draft.measures.map((one, n) => {
      const field = (name, properties) => {
        const input = make("input", { ...properties, "data-measure": name, "aria-label": t(`reports.measure.${name}`), placeholder: t(`reports.measure.${name}`), oninput: (event) => { one[name] = event.target.value; } });
        input.value = one[name] ?? "";
        return input;
      };
      const unit = make("select", { "data-measure": "unit", "aria-label": t("reports.measure.unit"), onchange: (event) => { one.unit = event.target.value; draw(); } },
        make("option", { value: "" }, t("reports.measure.other")), units.map((each) => make("option", { value: each.id, selected: each.id === one.unit }, each.name)));
      return make("div", {}, field("text", { maxlength: 500 }), unit, one.unit ? make("span", {}) : field("owner", { maxlength: 100 }),
        field("due", { type: "date" }), make("button", { type: "button", "aria-label": t("reports.measure.drop"), onclick: () => { draft.measures.splice(n, 1); draw(); } }, "✕"));
    }), make("p", { class: "do" }, make("button", { type: "button", id: "measure-add", onclick: () => { draft.measures.push({ text: "", unit: units[0]?.id ?? "", owner: "", due: "" }); draw(); box.querySelector("div:last-of-type input")?.focus(); } }, t("reports.measure.add"))),
    make("small", { class: "dim" }, t("reports.measure.hint")));
    draw();
    return box;
  };
  const edit = () => {
    const texts = { ...whole.texts }, measures = whole.measures.map(({ text, unit, owner, due }) => ({ text, unit, owner, due })), note = "";
    draft = { texts, measures, note, before: JSON.stringify({ texts, measures, note }) };
    signing = false;
    drawChosen();
  };
  const save = async () => {
    const texts = Object.fromEntries(Object.entries(draft.texts).filter(([, text]) => text.trim()));
    const planned = draft.measures.filter((one) => one.text.trim());
    if (planned.some((one) => !one.due)) throw new Error(t("reports.measure.no_due"));
    await post(`/api/v1/review-reports/${chosen}/versions`, { base: whole.review.newest, texts, measures: planned, note: draft.note });
    draft = null;
    version = null;
    write(false);
    say(t("reports.saved"));
    await load();
  };
  const signBox = () => make("div", { id: "report-sign", role: "group", "aria-label": t("reports.sign") },
    make("b", {}, t("reports.sign_title", { n: whole.number || 1 })), make("p", {}, t("reports.sign_means", { n: whole.measures.length })),
    make("div", { class: "do" }, make("button", { type: "button", class: "strong", id: "report-sign-now", onclick: (event) => act(event.currentTarget, async () => {
      let number = whole.number;
      if (number === 0) {
        const saved = await post(`/api/v1/review-reports/${chosen}/versions`, { base: 0 });
        number = saved.review.newest;
      }
      await post(`/api/v1/review-reports/${chosen}/sign`, { version: number });
      signing = false;
      version = null;
      say(t("reports.signed"));
      await load();
    }) }, t("reports.sign_now")), make("button", { type: "button", onclick: () => { signing = false; drawChosen(); } }, t("reports.cancel"))));
  const comment = () => {
    const part = make("select", { name: "part", "aria-label": t("reports.part") }, make("option", { value: "" }, t("reports.whole")),
      whole.report.parts.filter((one) => PARTS.includes(one.id)).map((one) => make("option", { value: one.id }, one.title)));
    const text = make("input", { name: "text", maxlength: 4000, required: true, placeholder: t("reports.comment_hint"), "aria-label": t("reports.comment") });
    return make("form", { id: "report-comment", onsubmit: (event) => {
      event.preventDefault();
      act(event.currentTarget.querySelector("button"), async () => {
        await post(`/api/v1/review-reports/${chosen}/comments`, { part: part.value, text: text.value });
        await load();
      });
    } }, part, text, make("button", {}, t("reports.comment")));
  };
  const drawChosen = () => {
    if (!place?.isConnected) return;
    drawTools();
    if (making) { place.replaceChildren(newForm()); return; }
    if (!whole) { place.replaceChildren(make("p", { class: "empty dim" }, t("reports.choose"))); return; }
    const { review, report } = whole;
    place.replaceChildren(...[
      make("h3", { id: "report-title" }, review.priority && marks.mark(review.priority, true), `${report.title} ${review.id}`, make("span", {}, report.subtitle),
        make("span", { class: `state ${report.state}` }, report.state_text)),
      make("p", { class: "dim" }, `${t("aar.outline")} · ${report.timezone}`),
      report.signature.length > 0 && make("p", { class: "dim", id: "report-signature" }, report.signature.map((line) => make("span", {}, line, make("br")))),
      review.event && make("p", {}, make("a", { id: "report-event", href: yiping.at(`/events?event=${review.event}`) }, t("reports.measures_event", { n: review.event }))),
      review.topic === "event" && make("p", {}, make("a", { href: yiping.at(`/events?event=${review.subject.split(":")[1]}`) }, t("reports.open_event"))),
      signing && signBox(),
      make("nav", { "aria-label": t("reports.parts") }, report.parts.map((part) => make("a", { href: `#part-${part.id}`, onclick: (event) => {
        event.preventDefault();
        document.getElementById(`part-${part.id}`)?.scrollIntoView({ block: "start" });
      } }, part.title))),
      make("dl", { class: "head-facts" }, report.head.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)))),
      ...report.parts.map(partOf),
      draft && make("label", {}, `${t("reports.note")} `, make("input", { maxlength: 500, value: draft.note, oninput: (event) => { draft.note = event.target.value; } })),
      !draft && may("comment") && comment(),
      whole.versions.length > 0 && make("section", { id: "report-versions" }, make("h5", {}, t("reports.versions")), make("ul", {}, whole.versions.map((one) => make("li", { class: "dim" },
        `${t("reports.version_n", { n: one.number })} · ${show(one.at, "full")} · ${personName(one.who)} ${one.note}`)))),
    ].filter(Boolean));
  };

  // ---- another one: of an event, or of a span
  const newForm = () => {
    const number = make("input", { name: "number", inputmode: "numeric", pattern: "[1-9][0-9]{0,14}", required: true, placeholder: t("reports.event_number"), "aria-label": t("reports.event_number") });
    const title = make("input", { name: "title", maxlength: 200, placeholder: t("reports.span_title"), "aria-label": t("reports.span_title") });
    const [begin, end] = ["since", "until"].map((name) => make("input", { name, type: "datetime-local", required: true, "aria-label": t(`reports.${name}`) }));
    const made = async (body) => { const { review } = await post("/api/v1/review-reports", body); await reload(); making = false; await choose(review.id); };
    return make("div", {}, make("h4", {}, t("reports.of_event")),
      make("form", { id: "report-of-event", onsubmit: (event) => { event.preventDefault(); act(event.currentTarget.querySelector("button"), () => made({ topic: "event", number: Number(number.value) })); } },
        number, make("button", { class: "strong" }, t("reports.make"))),
      make("h4", {}, t("reports.of_span")),
      make("form", { id: "report-of-span", onsubmit: (event) => {
        event.preventDefault();
        act(event.currentTarget.querySelector("button"), () => made({ topic: "span", title: title.value,
          since: yiping.moment(begin.value).toISOString(), until: yiping.moment(end.value).toISOString() }));
      } }, title, begin, "–", end, yiping.zoneNote(), make("button", { class: "strong" }, t("reports.make"))));
  };
  /** Of a subject that the address names: its report, or the offer to make one. */
  const ofSubject = async (subject) => {
    const found = await get(`/api/v1/review-reports?subject=${encodeURIComponent(subject)}`);
    if (found.items.length) { await choose(found.items[0].id, { push: false }); return; }
    const [topic, number] = subject.split(":");
    const button = make("button", { type: "button", class: "strong", id: "report-make", onclick: (event) => act(event.currentTarget, async () => {
      const { review } = await post("/api/v1/review-reports", { topic, number: Number(number) });
      await reload();
      await choose(review.id);
    }) }, t("reports.make"));
    place.replaceChildren(make("p", { class: "empty" }, t("reports.none_yet"), " ", user?.may?.includes("review_event") && button));
  };

  const reload = async () => {
    reports = await all("/api/v1/review-reports?limit=200", MOST);
    drawList();
  };
  addEventListener("beforeunload", (event) => { if (place?.isConnected && changed()) event.preventDefault(); });
  addEventListener("popstate", () => {
    if (!place?.isConnected) return;
    const asked = new URLSearchParams(location.search);
    draft = null;
    choose(Number(asked.get("report")) || null, { of: asked.has("version") ? Number(asked.get("version")) : null, push: false });
  });
  mount("reports-bar", (element) => { bar = element; drawBar(); });
  mount("report-tools", (element) => { tools = element; drawTools(); });
  mount("report-chosen", (element) => { place = element; drawChosen(); });
  mount("reports-list", async (element) => {
    list = element;
    yiping.feed.start();
    try {
      [user, units] = await Promise.all([me(), all("/api/v1/units")]);
      units = units.filter((one) => !["district", "grid", "section"].includes(one.kind));
      drawBar();
      await reload();
      const asked = new URLSearchParams(location.search);
      if (asked.get("report")) await choose(Number(asked.get("report")), { of: asked.has("version") ? Number(asked.get("version")) : null, push: false });
      else if (asked.get("subject")) await ofSubject(asked.get("subject"));
    } catch (error) { say(error.message, "error"); }
  });
})();
