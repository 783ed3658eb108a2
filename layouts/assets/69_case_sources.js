// Cases from other systems: the mappings in force, and a trial of one on a sample, which is not stored.
(() => {
  "use strict";
  const { t, make, mount, get, post, act, me, show, since, duration, feed, language, everySecond } = yiping;
  let place = null, listed = null, found = null, tried = null, who = null;

  const ladder = (one) => make("ul", {}, one.call_out.map((rung) => make("li", {}, t("case_sources.within", { what: rung[language], n: +(rung.within_s / 60).toFixed(1) }))));
  const personal = (one) => make("ul", {}, one.personal.map((field) => make("li", {}, make("b", {}, field[language]), " ",
    make("small", {}, field.roles.map((role) => t(`role.${role}`, {}, role)).join(language === "zh" ? "、" : ", ")))),
  one.personal.length ? make("li", { class: "dim" }, t("case_sources.keep", { n: one.keep_s >= 172800 ? t("events.days", { n: Math.floor(one.keep_s / 86400) }) : duration(one.keep_s) })) : "");
  const row = (one) => make("tr", { "data-source": one.id },
    make("th", { scope: "row" }, one[language], make("small", {}, t("case_sources.address"), " ", make("code", {}, yiping.at(`/api/v1/case-sources/${one.id}/cases`)))),
    make("td", { class: "number" }, String(one.count)),
    make("td", {}, one.last_at ? since(one.last_at, "ago") : "–"),
    make("td", {}, one.call_out.length ? ladder(one) : "–"),
    make("td", {}, one.personal.length ? personal(one) : "–"));
  const head = () => make("tr", {}, ["name", "count", "last", "call_out", "personal"].map((name) => make("th", { scope: "col" }, t(`case_sources.${name}`))));

  // ---- the trial, for administrators
  const parsed = (text) => { try { return JSON.parse(text); } catch (error) { throw new Error(t("case_sources.no_json", { why: error.message })); } };
  const area = (name, rows, text) => make("label", {}, make("span", {}, t(`case_sources.${name}`)),
    make("textarea", { name, rows, spellcheck: false, required: true }, text));
  const trial = () => {
    const first = found.items[0];
    const form = make("form", { id: "case-trial", onsubmit: (event) => {
      event.preventDefault();
      const element = event.currentTarget;
      act(element.querySelector("button"), async () => {
        tried = null;
        drawResult();
        tried = await post("/api/v1/case-sources/try", { mapping: parsed(element.elements.mapping.value), sample: parsed(element.elements.sample.value) });
        drawResult();
      });
    } },
    make("h3", {}, t("case_sources.try")), make("p", { class: "dim" }, t("case_sources.try_hint")),
    make("div", { class: "pair" }, area("mapping", 16, JSON.stringify(first.mapping, null, 2)), area("sample", 16, "")),
    make("div", { class: "do" }, found.items.length > 1 && make("select", { "aria-label": t("case_sources.name"), onchange: (event) => {
      form.elements.mapping.value = JSON.stringify(found.items.find((one) => one.id === event.target.value).mapping, null, 2);
    } }, found.items.map((one) => make("option", { value: one.id }, one[language]))), make("button", { class: "strong" }, t("case_sources.do_try"))),
    make("div", { id: "case-result" }));
    return form;
  };
  const fact = (name, text) => make("div", {}, make("dt", {}, name), make("dd", {}, text));
  const drawResult = () => document.getElementById("case-result")?.replaceChildren(...(tried ? [
    make("h4", {}, t("case_sources.result")),
    make("dl", {}, fact(t("case_sources.title"), tried.title), fact(t("case_sources.description"), tried.description || "–"),
      fact(t("case_sources.priority"), tried.priority ? t(`priority.${tried.priority}`, {}, tried.priority) : t("case_sources.by_category")),
      fact(t("case_sources.place"), tried.place_found ? `${tried.location.lon}, ${tried.location.lat}` : t("case_sources.place_default")),
      tried.personal.map((one) => fact(one[language], one.characters ? t("case_sources.found", { n: one.characters }) : t("case_sources.not_found")))),
    tried.missing.length ? make("p", { class: "missing" }, `⚠ ${t("case_sources.missing")}：`, make("code", {}, tried.missing.join(", "))) : "",
  ] : []));

  const draw = () => {
    if (!place?.isConnected || !found) return;
    // The form stays where it is: a node that is moved loses the cursor, and with it what is being typed.
    if (!listed?.isConnected) place.replaceChildren(listed = make("div", {}));
    listed.replaceChildren(...(found.items.length
      ? [make("p", { class: "dim" }, t("case_sources.since", { at: show(found.since, "date") })),
        make("table", {}, make("thead", {}, head()), make("tbody", {}, found.items.map(row)))]
      : [make("p", { class: "empty dim" }, t("case_sources.none"))]));
    if (found.items.length && who?.may?.includes("administer") && !document.getElementById("case-trial")) place.append(trial());
    document.getElementById("case-sources-age")?.replaceChildren(since(found.at));
  };
  const load = async () => {
    try {
      found = { ...await get("/api/v1/case-sources"), at: new Date(yiping.clock.now()).toISOString() };
      draw();
    } catch (error) {
      if (place?.isConnected) place.replaceChildren(make("p", { class: "empty" }, error.message));
    }
  };
  let stale = false;
  feed.on("event", () => { stale = true; });
  ["reset", "settings"].forEach((topic) => feed.hear(topic, () => { stale = true; }));
  everySecond.add(() => { if (stale && place?.isConnected) { stale = false; load(); } });
  mount("case-sources", (element) => {
    place = element;
    tried = null;
    feed.start();
    me().then((user) => { who = user; draw(); }).catch(() => {});
    load();
  });
})();
