// The page of plans: each plan with how it stands, its work place by place, orders, and who is on duty.
(() => {
  "use strict";
  const { t, make, since, show, mount, feed, get, personName, modes, everySecond } = yiping;
  const LEVELS = ["blue", "yellow", "orange", "red"];
  const DONE = ["closed", "verified"];
  let list = null, place = null, plans = [], chosen = null, whole = null, at = null;

  const running = (plan) => plan.runs.find((run) => run.state === "in_force") ?? plan.runs.find((run) => run.state === "proposed");
  const counts = (run) => t("plans.counts", run.counts);
  const standing = (plan) => {
    const run = running(plan) ?? plan.runs[0];
    if (!run) return make("span", { class: "dim" }, t("plans.never"));
    const open = ["in_force", "proposed"].includes(run.state);
    return make("span", { class: open ? "" : "dim" }, open ? modes.levelMark(run.level, run.state === "proposed") : "",
      make("b", {}, t(`run.${run.state}`)), ` ${t(`level.${run.level}`)} · ${t(`trigger.${run.trigger}`)} · `, since(run.steps.at(-1).at));
  };

  // ---- orders
  const redraw = () => { drawList(); };
  const levelChoice = (plan) => make("select", { name: "level", "aria-label": t("plans.level"), "data-plan": plan.id },
    LEVELS.map((level) => make("option", { value: level, selected: level === (running(plan)?.level ?? plan.order_level) }, t(`level.${level}`))));
  const orders = (plan) => {
    if (!modes.mayOrder()) return null;
    const run = running(plan);
    if (run?.state === "proposed") return [modes.orderButton(plan.id, "begin", "plans.confirm", true, redraw), modes.orderButton(plan.id, "dismiss", "plans.dismiss", false, redraw)];
    const levels = plan.mode ? null : levelChoice(plan);
    const body = () => (levels ? { level: levels.value } : {});
    if (run) {
      const change = run.trigger === "order" && levels
        ? make("button", { type: "button", onclick: (event) => modes.order(event.currentTarget, plan.id, "begin", body()) }, t("plans.change")) : null;
      return [change && levels, change, modes.orderButton(plan.id, "end", "plans.end", false, redraw)];
    }
    return [levels, make("button", { type: "button", class: "strong", "data-do": "begin", "data-plan": plan.id,
      onclick: (event) => modes.order(event.currentTarget, plan.id, "begin", body()) }, t("plans.begin"))];
  };

  // ---- the list
  const card = (plan) => {
    const run = running(plan);
    return make("li", { class: [plan.id === chosen ? "here" : "", run?.state ?? "idle"].join(" "), "data-plan": plan.id },
      make("button", { class: "quiet name", type: "button", onclick: () => choose(plan.id) }, modes.nameOf(plan), plan.mode ? make("small", {}, ` ${t("plans.mode")}`) : ""),
      standing(plan),
      run?.state === "proposed" ? modes.doubts(run) : null,
      run?.state === "in_force" ? make("small", {}, run.settled ? counts(run) : t("plans.making")) : null,
      make("div", { class: "do" }, orders(plan)));
  };
  const drawList = () => {
    if (!list?.isConnected) return;
    list.replaceChildren(plans.length ? make("ul", {}, plans.map(card)) : make("p", { class: "empty dim" }, t("plans.nothing")));
    document.getElementById("plans-age")?.replaceChildren(since(at ?? feed.link.dataAt));
  };

  // ---- the chosen one: a row for each place, a column for each step
  const cell = (works) => {
    const live = works.filter((work) => !work.withdrawn_at);
    const work = (live.length ? live : works).at(-1);
    if (!work) return make("td", { class: "none" }, "");
    const gone = Boolean(work.withdrawn_at);
    const done = DONE.includes(work.state) || work.task === null;
    const sign = gone ? "–" : done ? "✓" : work.state === "reported" ? "✓?" : work.who ? "▶" : "○";
    return make("td", { "data-state": gone ? "withdrawn" : work.state ?? "told", "data-task": work.task, class: gone ? "gone" : done ? "done" : "" },
      make("span", { class: "sign", "aria-hidden": true }, sign), " ", gone ? t("plans.withdrawn") : work.task === null ? t("notice.delivered") : t(`task.${work.state}`),
      make("small", {}, [work.who ? personName(work.who) : "", work.round > 1 ? t("plans.round", { n: work.round }) : "",
        work.checked ? t("plans.ticked", { n: work.checked, of: work.of }) : ""].filter(Boolean).join(" · ")));
  };
  const table = (run) => {
    const steps = whole.steps.filter((step) => step.do === "task" && run.works.some((work) => work.step === step.id));
    const places = [...new Map(run.works.filter((work) => work.place).map((work) => [work.place, work.name])).entries()];
    if (!places.length) return make("p", { class: "empty dim" }, t("plans.no_work"));
    return make("table", { "data-run": run.id }, make("thead", {}, make("tr", {}, make("th", { scope: "col" }, t("plans.place")),
      steps.map((step) => make("th", { scope: "col", title: step.checklist.join("\n") }, modes.nameOf(step),
        make("small", {}, [step.photo ? t("plans.photo") : "", step.repeats ? t("plans.repeats") : ""].filter(Boolean).join(" · ")))))),
    make("tbody", {}, places.map(([id, name]) => make("tr", { "data-place": id }, make("th", { scope: "row" }, name),
      steps.map((step) => cell(run.works.filter((work) => work.place === id && work.step === step.id)))))));
  };
  const history = (run) => make("ol", { class: "trail" }, [...run.steps].reverse().map((step) => make("li", {},
    make("time", { class: "dim", datetime: step.at }, show(step.at, "full")), make("b", {}, personName(step.by)),
    make("span", {}, t(`run.step.${step.step}`), step.detail.level ? ` ${t(`level.${step.detail.level}`)}` : ""),
    make("span", { class: "dim" }, modes.why(step.reason, step.detail.cause)))));
  const drawChosen = () => {
    if (!place?.isConnected) return;
    if (!whole) { place.replaceChildren(make("p", { class: "empty dim" }, t("plans.choose"))); return; }
    const open = whole.runs.filter((run) => ["in_force", "proposed"].includes(run.state));
    const shown = open.length ? open : whole.runs.slice(0, 1);
    const parts = shown.flatMap((run) => [
      make("h3", {}, modes.levelMark(run.level, run.state !== "in_force"), modes.nameOf(whole), make("b", { class: "state" }, t(`run.${run.state}`))),
      make("p", { class: "dim" }, [t(`trigger.${run.trigger}`), modes.why(run.because, run.cause), counts(run)].filter(Boolean).join(" · ")),
      run.state === "proposed" ? modes.doubts(run).map((one) => make("p", {}, one)) : null,
      run.state === "exercise" ? make("p", {}, t("plans.exercise")) : null,
      table(run), make("h4", {}, t("plans.history")), history(run),
    ]);
    if (!shown.length) parts.push(make("h3", {}, modes.nameOf(whole), make("b", { class: "state" }, t("plans.idle"))), make("p", { class: "empty dim" }, t("plans.never")));
    place.replaceChildren(...parts.flat().filter(Boolean));
  };
  const choose = async (id) => { chosen = id; drawList(); await reloadChosen(); };
  const reloadChosen = async () => { if (chosen) { whole = await get(`/api/v1/plans/${chosen}`); drawChosen(); } };
  const reload = async () => {
    plans = (await get("/api/v1/plans")).items;
    chosen ??= (plans.find((plan) => running(plan)) ?? plans[0])?.id ?? null;
    drawList();
    await reloadChosen();
  };
  let soon = null;
  const again = () => { if (list?.isConnected) soon ??= setTimeout(() => { soon = null; reload().catch((error) => yiping.say(error.message, "error")); }, 700); };
  feed.hear("plan", again);
  feed.hear("reset", again);
  feed.on("task", () => { again(); if (list?.isConnected) modes.reload(); });
  everySecond.add(() => {
    if (!list?.isConnected || feed.link.dataAt === at) return;
    at = feed.link.dataAt;
    for (const id of ["plans-age", "plan-age"]) document.getElementById(id)?.replaceChildren(since(at));
  });
  mount("plans-roster", (element) => modes.follow((_, roster) => {
    if (!element.isConnected) return;
    const n = modes.dutyCount();
    element.replaceChildren(n ? modes.drawRoster() : make("p", { class: "empty dim" }, t("plans.nobody")));
    document.getElementById("plans-roster-count").replaceChildren(`${t("plans.on_duty", { n })} · `, since(roster.at));
  }));
  mount("plans-chosen", (element) => { place = element; drawChosen(); });
  mount("plans-list", (element) => {
    list = element;
    feed.start();
    modes.follow(() => drawList());
    if (feed.link.state === "live") again();
  });
})();
