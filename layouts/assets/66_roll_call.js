// Roll-calls: order, who was reached and answered, call again, close; and on every page the ones to oneself.
(() => {
  "use strict";
  const { t, make, since, show, mount, feed, act, post, get, personName, me, may, duration, clock, everySecond, language } = yiping;
  const STATES = ["missing", "unable", "called", "reached", "present"];
  const SIGN = { called: "…", reached: "▶", present: "✓", unable: "✗", missing: "⚠" };
  const AGAIN_MS = 700;
  let order = null, list = null, place = null;
  let choices = null, past = [], chosen = null, whole = null, filter = "all", closing = false;
  const picked = { units: new Set(), roles: new Set(), plans: new Set(), people: new Set() };
  let draft = { template: "", title: "", text: "", minutes: 5, ladder: true, search: "" };
  const at = () => Number(new URLSearchParams(location.search).get("id")) || null;
  const told = (error) => yiping.say(error.message, "error");

  // ---- the order
  const minutes = (text) => { const found = /^(\d+)(s|min|h|d)$/.exec(text); return found ? Math.max(1, Math.round(Number(found[1]) * { s: 1 / 60, min: 1, h: 60, d: 1440 }[found[2]])) : 5; };
  const useTemplate = (id) => {
    const one = choices.templates.find((each) => each.id === id);
    draft = { ...draft, template: id, title: one ? one[language] : "", text: one ? one.text : "", minutes: one ? minutes(one.answer_within) : 5 };
    if (one) for (const [name, ids] of [["units", one.units], ["roles", one.roles], ["plans", one.plans]]) picked[name] = new Set(ids);
    drawOrder();
  };
  const tick = (name, id, text) => make("label", {}, make("input", { type: "checkbox", name, value: id, checked: picked[name].has(id),
    onchange: (event) => { if (event.target.checked) picked[name].add(id); else picked[name].delete(id); countPicked(); } }), ` ${text}`);
  const group = (name, items) => items.length > 0 && make("details", { class: "ticks-of", "data-of": name, open: picked[name].size > 0 },
    make("summary", {}, t(`roll.${name}`), make("b", { class: "picked" })), make("div", { class: "ticks" }, items));
  const people = () => choices.people.filter((one) => picked.people.has(one.id) || (draft.search && `${one.name} ${one.id}`.toLowerCase().includes(draft.search.toLowerCase()))).slice(0, 40);
  const countPicked = () => order.querySelectorAll(".ticks-of").forEach((one) => {
    one.querySelector(".picked").textContent = picked[one.dataset.of].size ? ` ${picked[one.dataset.of].size}` : "";
  });
  const drawPeople = () => order.querySelector("#roll-people")?.replaceChildren(...people().map((one) => tick("people", one.id, one.name)));
  const field = (name, element) => make("label", { class: "row" }, make("span", {}, t(`roll.${name}`)), element);
  const drawOrder = () => {
    if (!order?.isConnected) return;
    if (!may("call_roll")) { order.replaceChildren(make("p", { class: "empty dim" }, t("roll.look"))); return; }
    if (!choices) return;
    const write = (name) => (event) => { draft[name] = event.target.value; };
    order.replaceChildren(make("form", { id: "roll-form", onsubmit: (event) => {
      event.preventDefault();
      act(event.currentTarget.querySelector("button.strong"), async () => {
        const made = await post("/api/v1/roll-calls", { title: draft.title, text: draft.text, template: draft.template, answer_within: `${draft.minutes}min`,
          ladder: draft.ladder, ...Object.fromEntries(Object.entries(picked).map(([name, ids]) => [name, [...ids]])) });
        Object.values(picked).forEach((ids) => ids.clear());
        drawOrder();
        choose(made.roll_call.id);
      });
    } },
    field("template", make("select", { name: "template", onchange: (event) => useTemplate(event.target.value) },
      make("option", { value: "", selected: !draft.template }, t("roll.template.own")),
      choices.templates.map((one) => make("option", { value: one.id, selected: one.id === draft.template }, one[language])))),
    field("title", make("input", { name: "title", required: true, maxlength: 100, value: draft.title, oninput: write("title") })),
    field("text", Object.assign(make("textarea", { name: "text", rows: 3, maxlength: 500, oninput: write("text") }), { value: draft.text })),
    field("within", make("select", { name: "minutes", onchange: (event) => { draft.minutes = Number(event.target.value); } },
      [...new Set([1, 2, 3, 5, 10, 15, 30, 60, draft.minutes])].sort((a, b) => a - b).map((n) => make("option", { value: n, selected: n === draft.minutes }, t("roll.minutes", { n }))))),
    make("h4", {}, t("roll.whom")),
    group("units", choices.units.map((one) => tick("units", one.id, one.name))),
    group("roles", choices.roles.map((one) => tick("roles", one, t(`role.${one}`)))),
    group("plans", choices.plans.map((one) => tick("plans", one.id, one[language] || one.zh))),
    group("people", [make("input", { type: "search", placeholder: t("roll.search"), "aria-label": t("roll.search"), value: draft.search,
      oninput: (event) => { draft.search = event.target.value; drawPeople(); } }), make("div", { id: "roll-people", class: "ticks" })]),
    make("label", {}, make("input", { type: "checkbox", name: "ladder", checked: draft.ladder, onchange: (event) => { draft.ladder = event.target.checked; } }), ` ${t("roll.ladder")}`),
    make("small", { class: "dim" }, choices.channels.length ? t("roll.channels", { list: choices.channels.join(" ") }) : t("roll.no_channels")),
    make("button", { class: "strong" }, t("roll.call"))));
    drawPeople();
    countPicked();
  };

  // ---- one roll-call
  const due = (one) => {
    const element = make("span", { class: "countdown", "data-due": one.due });
    count(element);
    return element;
  };
  const count = (element) => {
    const s = (Date.parse(element.dataset.due) - clock.now()) / 1000;
    element.textContent = t(s >= 0 ? "roll.left" : "roll.over", { n: duration(Math.abs(s)) });
  };
  const waits = (one) => ["called", "reached", "missing"].includes(one.state);
  const channel = (name) => (name === "screen" ? t("roll.screen") : name);
  const row = (one) => make("tr", { "data-person": one.person, "data-state": one.state },
    make("td", {}, make("b", {}, one.name), one.stands_for ? make("small", {}, t("roll.stands_for", { who: one.stands_for_name })) : null),
    make("td", {}, one.unit_name),
    make("td", { class: "state" }, make("span", { class: "sign", "aria-hidden": true }, SIGN[one.state]), ` ${t(`roll.state.${one.state}`)}`,
      make("small", {}, [waits(one) && whole.roll_call.closed_at === null && one.state !== "missing" ? due(one) : null, one.calls > 1 ? ` ${t("roll.calls", { n: one.calls })}` : ""].filter(Boolean))),
    make("td", {}, one.reached.map((each) => make("span", { class: "by", title: show(each.at, "full") }, `${channel(each.channel)} ${show(each.at)} `)),
      one.failed.map((each) => make("span", { class: "failed", title: each.error }, `✗ ${each.channel} `))),
    make("td", {}, one.answered_at ? show(one.answered_at) : "", one.reason ? make("small", {}, one.reason) : null, one.told_by ? make("small", {}, t("roll.told_by", { who: one.told_by_name })) : null),
    make("td", { class: "do" }, waits(one) && whole.roll_call.closed_at === null && may("call_roll") ? make("button", { type: "button", class: "quiet", "data-do": "present-for",
      onclick: (event) => act(event.currentTarget, async () => { await post(`/api/v1/roll-calls/${whole.roll_call.id}/answer`, { answer: "present", person: one.person }); await load(); }) }, t("roll.present_for")) : ""));
  const tile = (state) => make("button", { type: "button", class: `count ${state} ${whole.counts[state] ? "some" : ""}`, "data-count": state, "aria-pressed": filter === state ? "true" : "false",
    onclick: () => { filter = state; draw(); } }, make("b", {}, String(whole.counts[state] ?? 0)), make("small", {}, t(state === "all" ? "roll.all" : `roll.state.${state}`)));
  const steps = () => {
    if (whole.roll_call.closed_at || !may("call_roll")) return null;
    const path = `/api/v1/roll-calls/${whole.roll_call.id}`;
    if (closing) {
      return make("form", { class: "reason", onsubmit: (event) => {
        event.preventDefault();
        const note = event.currentTarget.elements.note.value;
        act(event.currentTarget.querySelector("button"), async () => { await post(`${path}/close`, { note }); closing = false; await load(); });
      } }, make("input", { name: "note", maxlength: 500, placeholder: t("roll.close.note"), "aria-label": t("roll.close.note") }),
      make("button", { class: "strong" }, t("roll.close")), make("button", { type: "button", class: "quiet", onclick: () => { closing = false; draw(); } }, t("roll.cancel")));
    }
    return [whole.people.some(waits) ? make("button", { type: "button", "data-do": "recall", onclick: (event) => act(event.currentTarget, async () => { await post(`${path}/recall`); await load(); }) }, t("roll.recall")) : null,
      make("button", { type: "button", "data-do": "close", onclick: () => { closing = true; draw(); } }, t("roll.close"))];
  };
  const summary = () => {
    const closed = whole.roll_call.steps.find((step) => step.step === "close");
    if (!closed) return null;
    const { counts } = closed.detail;
    return make("p", { class: "summary" }, t("roll.summary", { ...counts, silent: counts.called + counts.reached + counts.missing }), closed.reason ? ` · ${closed.reason}` : "");
  };
  const draw = () => {
    if (!place?.isConnected) return;
    if (!whole) { place.replaceChildren(make("p", { class: "empty dim" }, t("roll.none"))); return; }
    if (place.querySelector("form")?.contains(document.activeElement) && closing) return;
    const one = whole.roll_call;
    const shown = whole.people.filter((each) => filter === "all" || each.state === filter)
      .sort((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state) || a.unit_name.localeCompare(b.unit_name) || a.name.localeCompare(b.name));
    const scroll = place.querySelector(".people")?.scrollTop ?? 0;
    place.replaceChildren(...[
      make("h3", {}, one.title, make("span", { class: "state" }, t(one.closed_at ? "roll.closed" : "roll.open"))),
      make("p", { class: "dim" }, [t("roll.number", { n: one.id }), show(one.ordered_at, "full"), t("roll.by", { who: one.steps[0].name })].join(" · ")),
      one.text ? make("p", {}, one.text) : null, summary(),
      make("div", { class: "counts" }, ["all", "present", "unable", "reached", "called", "missing"].map(tile)),
      make("div", { class: "steps" }, steps()),
      make("div", { class: "people", tabindex: 0, role: "region", "aria-label": t("roll.person") }, make("table", {}, make("thead", {}, make("tr", {}, ["person", "unit", "state", "reached", "answered"].map((name) => make("th", { scope: "col" }, t(`roll.${name}`))), make("td"))),
        make("tbody", {}, shown.map(row)))),
      make("ol", { class: "history" }, one.steps.map((step) => make("li", {}, make("time", { class: "dim" }, show(step.at, "full")), ` ${step.name} ${t(`roll.step.${step.step}`, { n: step.detail.n })}`))),
    ].filter(Boolean));
    place.querySelector(".people").scrollTop = scroll;
    document.getElementById("roll-call-age")?.replaceChildren(since(new Date(clock.now()).toISOString()));
  };
  const pastRow = (one) => make("li", { class: one.id === whole?.roll_call.id ? "here" : "" }, make("a", { href: yiping.at(`/roll-call?id=${one.id}`), onclick: (event) => { event.preventDefault(); choose(one.id); } },
    make("b", {}, one.title), make("span", { class: "state" }, t(one.closed_at ? "roll.closed" : "roll.open")),
    make("small", {}, `${show(one.ordered_at, "full")} · ✓ ${one.counts.present} / ${one.counts.all}`)));
  const drawList = () => { if (list?.isConnected) list.replaceChildren(past.length ? make("ul", {}, past.map(pastRow)) : make("p", { class: "empty dim" }, t("roll.nothing"))); };

  // ---- loading
  const choose = (id) => {
    chosen = id;
    closing = false;
    filter = "all";
    history.pushState({}, "", yiping.at(`/roll-call?id=${id}`));
    return reload().catch(told);
  };
  const load = async () => {
    const id = chosen ?? past.find((one) => !one.closed_at)?.id ?? past[0]?.id;
    whole = id ? await get(`/api/v1/roll-calls/${id}`) : null;
    draw();
  };
  const reload = async () => {
    if (!place?.isConnected) return;
    past = (await get("/api/v1/roll-calls?limit=30")).items;
    await load();
    drawList();
  };
  let soon = null;
  const again = (ms = AGAIN_MS) => { soon ??= setTimeout(() => { soon = null; reload().catch(told); }, ms); };

  // ---- on every page: the roll-calls to oneself
  let bar = null, mine = [], why = null;
  const say = (button, one, answer, reason) => act(button, async () => { await post(`/api/v1/roll-calls/${one.id}/answer`, { answer, reason }); why = null; await loadMine(); });
  const mineRow = (one) => make("div", { class: "mine", "data-roll-call": one.id }, make("b", {}, t(one.stands_for ? "roll.mine.deputy" : "roll.mine", { title: one.title, who: personName(one.stands_for) })),
    one.text ? make("span", {}, one.text) : null, make("span", { class: "countdown", "data-due": one.due }),
    why === one.id ? make("form", { onsubmit: (event) => { event.preventDefault(); say(event.currentTarget.querySelector("button"), one, "unable", event.currentTarget.elements.reason.value); } },
      make("input", { name: "reason", required: true, maxlength: 500, placeholder: t("roll.mine.why"), "aria-label": t("roll.mine.why") }), make("button", { class: "strong" }, t("roll.mine.unable")))
      : [make("button", { type: "button", class: "strong", "data-do": "present", onclick: (event) => say(event.currentTarget, one, "present", "") }, t("roll.mine.present")),
        make("button", { type: "button", "data-do": "unable", onclick: () => { why = one.id; drawMine(); bar.querySelector("input")?.focus(); } }, t("roll.mine.unable"))]);
  const drawMine = () => {
    if (!bar?.isConnected) return;
    const open = mine.filter((one) => !one.answer);
    bar.hidden = open.length === 0;
    bar.replaceChildren(...open.map(mineRow));
    bar.querySelectorAll(".countdown").forEach(count);
  };
  const loadMine = async () => { mine = (await get("/api/v1/roll-calls/mine")).items; if (!bar?.contains(document.activeElement) || why === null) drawMine(); };
  let mineSoon = null;
  const mineAgain = () => { mineSoon ??= setTimeout(() => { mineSoon = null; loadMine().catch(() => {}); }, 300); };

  ["roll_call", "reset"].forEach((topic) => feed.hear(topic, () => { again(); mineAgain(); }));
  feed.hear("notice", ({ notice }) => { if (notice.subject.startsWith("roll_call:")) again(); });
  everySecond.add(() => {
    if (place?.isConnected) place.querySelectorAll(".countdown").forEach(count);
    bar?.querySelectorAll(".countdown").forEach(count);
  });
  window.addEventListener("popstate", () => { if (place?.isConnected) { chosen = at(); again(0); } });
  mount("roll-call-mine", (element) => { bar = element; me().then(mineAgain).catch(() => {}); });
  mount("roll-call-list", (element) => { list = element; drawList(); });
  mount("roll-call-order", (element) => {
    order = element;
    me().then(async () => { if (may("call_roll")) { choices = await get("/api/v1/roll-calls/choices"); const first = choices.templates[0]; if (first && !draft.template) useTemplate(first.id); } drawOrder(); }).catch(told);
  });
  mount("roll-call-chosen", (element) => {
    place = element;
    chosen = at();
    feed.start();
    again(0);
  });
})();
