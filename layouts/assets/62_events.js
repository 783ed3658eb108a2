// The page of events: what is in hand, how its clocks stand, who has which part, and what can be done next.
(() => {
  "use strict";
  const { t, make, since, show, mount, feed, marks, act, post, get, all, siteName, personName, me, duration, clock,
    everySecond } = yiping;
  const MOST = 300;
  const ENDED = ["closed", "reviewed", "not_filed", "voided"];
  const events = new Map();
  const units = new Map();
  let kinds = [];
  let bar = null, list = null, place = null;
  let user = null, chosen = null, whole = null, filter = "open", form = null;

  const unitName = (id) => units.get(id)?.name ?? id;
  const kindName = (kind) => { const one = kinds.find((each) => each.kind === kind); return one ? one[yiping.language] : t(`kind.${kind}`, {}, kind); };
  const isOpen = (event) => !ENDED.includes(event.state);
  const holder = (task) => personName(task.responder) || unitName(task.unit || task.offered_to || "");

  // ---- clocks: what is left, as text; only what is over its limit has a colour, and says so in words
  const clockText = (one) => {
    if (one.stopped) return t("clock.stopped");
    if (one.paused) return t("clock.paused");
    const left = (Date.parse(one.due) - clock.now()) / 1000;
    return t(left >= 0 ? "clock.left" : "clock.over", { n: long(Math.abs(left)) });
  };
  const long = (s) => (s >= 172800 ? t("events.days", { n: Math.floor(s / 86400) }) : duration(s));
  const isOver = (one) => one.due && Date.parse(one.due) < clock.now();
  const running = (event) => [...event.clocks].reverse().find((one) => !one.stopped);
  const clockCell = (event) => {
    const one = running(event);
    return one ? make("span", { class: isOver(one) ? "over" : one.paused ? "paused" : "", title: show(one.due, "full") },
      `${t(`clock.${one.name}`)} ${clockText(one)}`) : "";
  };

  // ---- the list
  const row = (event) => make("tr", {
    "data-event": event.id, class: event.id === chosen ? "here" : "", tabindex: 0,
    onclick: () => choose(event.id), onkeydown: (key) => key.key === "Enter" && choose(event.id),
  },
  make("td", {}, marks.mark(event.priority, !isOpen(event)), String(event.id)),
  make("td", {}, make("b", {}, event.title), make("small", {}, kindName(event.kind), event.site ? ` · ${siteName(event.site)}` : "", event.grid ? ` · ${event.grid}` : "")),
  make("td", {}, t(`event.${event.state}`), make("small", {}, t(`origin.${event.origin}`))),
  make("td", {}, unitName(event.lead), make("small", {}, [...event.co_handlers, ...event.cooperating].map(unitName).join("、"))),
  make("td", {}, clockCell(event)),
  make("td", {}, since(event.opened_at, "ago")));
  const columns = () => make("tr", {}, ["id", "what", "state", "parts", "clock", "since"].map((name) => make("th", { scope: "col" }, t(`events.${name}`))));
  const shown = () => [...events.values()].filter((event) => filter === "all" || (filter === "open" ? isOpen(event) : event.state === filter))
    .sort((a, b) => Number(isOpen(b)) - Number(isOpen(a)) || a.priority.localeCompare(b.priority) || b.id - a.id).slice(0, MOST);
  const drawList = () => {
    if (!list?.isConnected) return;
    const rows = shown().map(row);
    list.replaceChildren(rows.length ? make("table", {}, make("thead", {}, columns()), make("tbody", {}, rows))
      : make("p", { class: "empty dim" }, t("events.nothing")));
  };
  const drawBar = () => {
    if (!bar?.isConnected) return;
    const options = ["open", "all", "received", "to_verify", "judging", "dispatched", "handling", "to_check", "suspended", "closed"];
    const choice = make("select", { "aria-label": t("events.filter"), onchange: (event) => { filter = event.target.value; drawList(); } },
      options.map((one) => make("option", { value: one, selected: one === filter },
        ["open", "all"].includes(one) ? t(`events.${one}`) : t(`event.${one}`))));
    bar.replaceChildren(choice, user?.may?.includes("receive_event")
      ? make("button", { type: "button", id: "event-new", onclick: (event) => act(event.currentTarget, openEntry) }, t("events.new")) : "");
  };

  // ---- one event
  const choose = async (id) => {
    if (entry?.changed() && !confirm(t("entry.discard"))) return;
    chosen = id;
    leaveEntry();
    drawList();
    await load();
  };
  const load = async () => {
    const asked = chosen;
    if (asked === null) return;
    try {
      const found = await get(`/api/v1/events/${asked}`);
      if (asked !== chosen) return;
      whole = found;
      keep(found);
      drawList();
      if (!document.activeElement?.closest("#event-form, #event-personal form")) drawChosen();
    } catch (error) { yiping.say(error.message, "error"); }
  };
  const tag = () => `"${whole.version}.${whole.tasks.reduce((sum, task) => sum + task.version, 0)}"`;
  const send = (button, step, body = {}) => act(button, async () => {
    await post(`/api/v1/events/${chosen}/${step}`, body, { "If-Match": tag() });
    form = null;
    await load();
  });
  const turn = (task, name, needsReason = false) => make("button", {
    type: "button", "data-turn": name, onclick: (event) => {
      if (needsReason) { form = { turn: name, task }; drawChosen(); return; }
      act(event.currentTarget, async () => { await post(`/api/v1/tasks/${task.id}/${name}`, {}); await load(); });
    },
  }, t(`turn.${name}`));
  const may = (action) => user?.may?.includes(action);
  const taskRow = (task) => make("li", { "data-task": task.id, "data-state": task.state },
    make("span", { class: "part" }, t(`part.${task.role}`)),
    make("b", {}, holder(task)),
    make("span", {}, task.title, task.promised ? make("small", {}, ` ${t("events.promised", { day: task.promised })}`) : ""),
    make("span", {}, t(`task.${task.state}`)),
    make("span", { class: "do" },
      task.state === "reported" && may("verify") && task.responder !== user.name && turn(task, "verify"),
      task.state === "reported" && may("verify") && task.responder !== user.name && turn(task, "rework", true),
      !["closed", "cancelled", "reported", "verified"].includes(task.state) && may("dispatch") && turn(task, "reassign", true),
      !["closed", "cancelled", "reported", "verified"].includes(task.state) && may("rule_event") && turn(task, "rule", true)),
    task.checklist.length > 0 && make("p", { class: "words" }, t("events.checked", { n: task.checked.length, of: task.checklist.length }), " ",
      task.checklist.map((item, n) => `${task.checked.includes(n) ? "☑" : "☐"} ${item}`).join("　")),
    task.report_text && make("p", { class: "words" }, task.report_text),
    task.report_photo && marks.picture(task.report_photo, null, task.priority, t("panel.report")));
  const TAKES_TASKS = ["filed", "judging", "dispatched", "handling"];
  const tasksHead = () => make("h4", {}, t("events.tasks"), " ", TAKES_TASKS.includes(whole.state) && may("dispatch") && make("button", {
    type: "button", "data-do": "add-task", onclick: () => { form = { step: "add_task" }; drawChosen(); document.querySelector("#event-form select")?.focus(); },
  }, t("events.add_task")));
  const STRONG = ["file", "dispatch", "close"];
  const steps = () => make("div", { class: "do", id: "event-steps" }, whole.possible.map(({ step, why }) => make("button", {
    type: "button", "data-step": step, class: STRONG.includes(step) && !why ? "strong" : "", title: why || null,
    "aria-disabled": why ? "true" : null,
    onclick: (event) => {
      if (why) { yiping.say(why, "error"); return; }
      if (step in FIELDS) { form = { step }; drawChosen(); document.querySelector("#event-form input, #event-form textarea, #event-form select")?.focus(); } else send(event.currentTarget, step);
    },
  }, t(`event.step.${step}`))));
  const clocksOf = () => whole.clocks.map((one) => make("li", { class: isOver(one) ? "over" : "" },
    make("span", {}, t(`clock.${one.name}`), make("small", {}, ` ${t(`clock.${one.time}`)}`)),
    make("progress", { max: 100, value: Math.min(100, 100 * one.used_s / one.limit_s), "aria-label": t(`clock.${one.name}`) }),
    make("b", {}, `${Math.round(100 * one.used_s / one.limit_s)} % · ${clockText(one)}`),
    make("small", {}, one.due ? show(one.due, "full") : "", one.pauses.length ? ` · ${t("clock.pauses", { n: one.pauses.length })}` : "")));
  const told = (step) => (step.detail.to ? Object.entries(step.detail.to).map(([post, people]) =>
    `${t(`post.${post}`, {}, post)}${people.length ? `（${people.map((one) => personName(one) || unitName(one)).join("、")}）` : ""}`).join("、") : "");
  const detail = (step) => [
    step.step === "escalate" ? `${step.detail.percent ? `${step.detail.percent} % ` : ""}→ ${told(step)}` : "",
    step.detail.minutes, step.detail.unit && unitName(step.detail.unit), step.detail.with && unitName(step.detail.with),
    step.detail.limit_s && t("events.limit", { n: long(step.detail.limit_s) }), step.detail.more_s && `+ ${long(step.detail.more_s)}`,
    step.detail.lead && unitName(step.detail.lead), step.detail.score && t("events.score", { n: step.detail.score }),
    step.detail.shares && Object.entries(step.detail.shares).map(([id, text]) => `${unitName(id)}：${text}`).join("；"),
  ].filter(Boolean).join(" · ");
  const history = () => make("ol", { class: "trail", id: "event-history" }, [...whole.steps].reverse().map((step) => make("li", {},
    make("time", { class: "dim", datetime: step.at }, show(step.at, "full")),
    make("b", {}, personName(step.detail.after_step_of ?? step.by)),
    make("span", {}, t(`event.step.${step.step}`, {}, step.step), " → ", t(`event.${step.to}`)),
    make("span", { class: "dim" }, [step.reason && t(`events.reason.${step.reason}`, {}, step.reason), detail(step)].filter(Boolean).join(" · ")))));
  const fact = (name, text) => text && make("div", {}, make("dt", {}, t(`events.${name}`)), make("dd", {}, text));
  const drawChosen = () => {
    if (!place?.isConnected) return;
    if (form === "new") { drawEntry(); return; }
    if (!whole) { place.replaceChildren(make("p", { class: "empty dim" }, t("events.choose"))); return; }
    const parts = [
      make("h3", {}, marks.mark(whole.priority, !isOpen(whole)), whole.title, make("b", { class: "state" }, t(`event.${whole.state}`))),
      make("dl", {}, fact("origin", t(`origin.${whole.origin}`)), fact("kind", kindName(whole.kind)), fact("section", unitName(whole.section)),
        fact("lead", unitName(whole.lead)), fact("co_handlers", whole.co_handlers.map(unitName).join("、")),
        fact("cooperating", whole.cooperating.map(unitName).join("、")), fact("holders", whole.holders.map(unitName).join("、")),
        fact("grid", whole.grid), fact("recurs", whole.recurs ? `#${whole.recurs}` : ""),
        fact("reporter", Object.values(whole.reporter).join(" "))),
      whole.description && make("p", { class: "words" }, whole.description),
      yiping.eventPersonal.draw(whole, drawChosen),
      whole.photo && marks.picture(whole.photo, null, whole.priority, whole.title),
      whole.clocks.length && make("ul", { class: "clocks" }, clocksOf()),
      make("h4", {}, t("events.next")), steps(), form && stepForm(),
      (whole.tasks.length > 0 || TAKES_TASKS.includes(whole.state)) && tasksHead(), whole.tasks.length && make("ul", { class: "parts" }, whole.tasks.map(taskRow)),
      make("h4", {}, t("events.history")), history(),
      may("review") && make("p", {}, make("a", { id: "event-report", href: yiping.at(`/reports?subject=event:${whole.id}`) }, t("reports.of_this_event"))),
      may("read_audit") && make("p", {}, yiping.exports.link({ id: "event-export", href: yiping.at(`/api/v1/events/${whole.id}/export`) }, t("events.export")),
        make("small", { class: "dim" }, ` ${t("events.export_holds")}`)),
    ];
    place.replaceChildren(...parts.filter(Boolean));
  };

  // ---- what a step asks for
  const FIELDS = {
    refuse: ["reason"], suspend: ["reason"], void: ["reason"], reopen: ["reason"], rule: ["reason"], review: ["reason"],
    escalate: ["reason"], outcome: ["reason"], extend: ["more", "reason"], call_back: ["satisfied", "score", "reason"],
    judge: ["lead", "co_handlers", "cooperating", "limit"], convene: ["minutes", "topics"], share: ["district", "reason"],
    add_task: ["unit", "title", "part", "checklist", "needs_photo"],
    hold: ["district"], split: ["shares", "reason"], hand_over: ["unit", "title", "every"], link: ["event"],
  };
  const UNIT = ["lead", "unit", "district"];
  const UNITS = ["co_handlers", "cooperating"];
  const DURATIONS = ["more", "limit", "every"];
  const unitOptions = (name) => [...units.values()].filter((one) => name === "district" ? one.kind === "district" : !["district", "grid", "section"].includes(one.kind))
    .map((one) => make("option", { value: one.id, selected: [whole?.[name]].flat().includes(one.id) }, one.name));
  const input = (name) => {
    const common = { name, id: `f-${name}` };
    if (UNIT.includes(name)) return make("select", common, make("option", { value: "" }, "—"), unitOptions(name));
    if (UNITS.includes(name)) return make("select", { ...common, multiple: true, size: 5 }, unitOptions(name));
    if (name === "satisfied") return make("select", common, ["yes", "no", "unreached"].map((one) => make("option", { value: one }, t(`events.${one}`))));
    if (name === "part") return make("select", common, ["co_handler", "cooperating", "lead"].map((one) => make("option", { value: one }, t(`part.${one}`))));
    if (name === "needs_photo") return make("input", { ...common, type: "checkbox" });
    if (DURATIONS.includes(name)) return yiping.eventEntry.durationInput(name);
    if (name === "checklist") return make("textarea", { ...common, rows: 3, placeholder: t("hint.checklist") });
    if (["reason", "minutes", "topics", "shares"].includes(name)) return make("textarea", { ...common, rows: name === "topics" ? 4 : 2, placeholder: t(`hint.${name}`, {}, "") });
    return make("input", { ...common, type: ["score", "event"].includes(name) ? "number" : "text", placeholder: t(`hint.${name}`, {}, "") });
  };
  const field = (name) => make("label", { for: `f-${name}` }, make("span", {}, t(`field.${name}`)), input(name));
  const lines = (text) => text.split("\n").map((line) => line.split(/[|｜]/).map((part) => part.trim())).filter((parts) => parts[0]);
  const unitId = (text) => [...units.values()].find((one) => one.name === text)?.id ?? text;
  const given = (element, names) => {
    const body = {};
    for (const name of names) {
      const control = element.elements[name];
      if (UNITS.includes(name)) body[name] = [...control.selectedOptions].map((one) => one.value);
      else if (name === "satisfied") { body.reached = control.value !== "unreached"; if (body.reached) body.satisfied = control.value === "yes"; }
      else if (name === "needs_photo") body.needs_photo = control.checked;
      else if (DURATIONS.includes(name)) { const chosenSpan = yiping.eventEntry.durationOf(element, name); if (chosenSpan) body[name] = chosenSpan; }
      else if (name === "checklist") body.checklist = control.value.split("\n").map((line) => line.trim()).filter(Boolean);
      else if (name === "topics") body.topics = lines(control.value).map(([title, department, promised]) => ({ title, department: unitId(department), promised }));
      else if (name === "shares") body.shares = Object.fromEntries(lines(control.value).map(([district, text]) => [unitId(district), text ?? ""]));
      else if (control.value !== "") body[name] = ["score", "event"].includes(name) ? Number(control.value) : control.value;
    }
    return body;
  };
  const stepForm = () => {
    const names = form.turn ? (form.turn === "reassign" ? ["unit", "reason"] : ["reason"]) : FIELDS[form.step];
    return make("form", { id: "event-form", onsubmit: (event) => {
      event.preventDefault();
      const body = given(event.currentTarget, names);
      const button = event.currentTarget.querySelector("button");
      if (form.step === "add_task") return act(button, async () => { await post(`/api/v1/events/${chosen}/tasks`, body); form = null; await load(); });
      if (!form.turn) return send(button, form.step, body);
      return act(button, async () => { await post(`/api/v1/tasks/${form.task.id}/${form.turn}`, body); form = null; await load(); });
    } }, names.map(field), make("div", { class: "do" },
      make("button", { class: "strong" }, form.turn ? t(`turn.${form.turn}`) : t(form.step === "add_task" ? "events.add_task" : `event.step.${form.step}`)),
      make("button", { type: "button", onclick: () => { form = null; drawChosen(); } }, t("events.cancel"))));
  };
  let entry = null; // the form of a new event: it stays whatever is drawn anew
  const showMap = (is) => { const one = document.getElementById("event-place"); if (one) one.hidden = !is; };
  const leaveEntry = () => { entry?.end(); entry = null; form = null; showMap(false); };
  const openEntry = async () => {
    if (!kinds.length) kinds = await all("/api/v1/categories");
    chosen = whole = null;
    form = "new";
    drawChosen();
    drawList();
  };
  const drawEntry = () => {
    if (entry && place.contains(entry.element)) return;
    showMap(true);
    entry = yiping.eventEntry.form(kinds, {
      leave: () => { leaveEntry(); drawChosen(); document.getElementById("event-new")?.focus(); },
      done: async (event) => { keep(event); leaveEntry(); await choose(event.id); },
    });
    place.replaceChildren(entry.element);
    entry.first.focus();
  };

  // ---- current by the events socket
  const keep = (event) => { const known = events.get(event.id); if (!known || known.version <= event.version) events.set(event.id, event); };
  const reload = async () => {
    const [found, parts, table] = await Promise.all([all("/api/v1/events?limit=200", MOST), all("/api/v1/units"), all("/api/v1/categories")]);
    events.clear();
    units.clear();
    found.forEach(keep);
    parts.forEach((one) => units.set(one.id, one));
    kinds = table;
    drawBar();
    drawList();
    drawChosen();
  };
  let again = null;
  const soon = () => { again ??= setTimeout(() => { again = null; load(); }, 250); };
  feed.on("event", (ids) => {
    if (!list?.isConnected) return;
    for (const id of ids) if (feed.events.has(id)) keep(feed.events.get(id));
    drawList();
    if (ids.has(chosen)) soon();
  });
  feed.on("task", (ids) => { if (list?.isConnected && whole && [...ids].some((id) => id === 0 || feed.tasks.get(id)?.event === chosen)) soon(); });
  feed.hear("reset", () => list?.isConnected && reload().catch((error) => yiping.say(error.message, "error")));
  everySecond.add(() => {
    if (!list?.isConnected) return;
    document.getElementById("events-age")?.replaceChildren(since(feed.link.dataAt));
    for (const tr of list.querySelectorAll("tr[data-event]")) {
      const event = events.get(Number(tr.dataset.event));
      if (event && running(event)) tr.children[4].replaceChildren(clockCell(event));
    }
  });
  mount("events-bar", (element) => { bar = element; drawBar(); });
  mount("events-chosen", (element) => { place = element; drawChosen(); });
  mount("events-list", (element) => {
    list = element;
    feed.start();
    me().then((who) => { user = who; drawBar(); drawChosen(); }).catch(() => {});
    reload().catch((error) => yiping.say(error.message, "error"));
    const address = new URLSearchParams(location.search);
    const asked = Number(address.get("event"));
    if (asked) choose(asked); // the page's address names it
    else if (address.has("new")) act(null, openEntry);
  });
})();
