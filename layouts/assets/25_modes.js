// Plans in force and modes of the city: the banner of every page, the pinned cameras, who is on duty.
yiping.modes = (() => {
  "use strict";
  const { t, make, mount, since, show, feed, me, act, post, get, language, siteName } = yiping;
  const LEVELS = { red: "P1", orange: "P2", yellow: "P3", blue: "P4" };
  const WHY = ["expired", "cancelled", "lowered", "elsewhere"];
  let state = { items: [], pinned: [], modes: [], exercises: [] };
  let roster = { items: [], responders: [] };
  let place = null;
  let user = null;
  let asking = null; // "end:storm": the reason is being written
  const followers = new Set();

  const mayOrder = () => Boolean(user?.may?.includes("order_plan"));
  const nameOf = (plan) => plan[language] ?? plan.zh;
  /** The reason of a step in words; of an alert the name of its site and what its rule watches. */
  const why = (text, cause) => {
    if (cause && text === `${cause.site}/${cause.rule}`) return `${siteName(cause.site)} · ${feed.ruleName(cause.rule, cause.kind, cause.label)}`;
    return WHY.includes(text) ? t(`run.why.${text}`) : text;
  };
  const DOUBTS = ["area_unknown", "status_unknown", "type_unknown"];
  /** Why somebody is asked, where the warning itself leaves it open. */
  const doubts = (run) => {
    const found = (run.doubts ?? []).filter((one) => DOUBTS.includes(one)).map((one) =>
      make("strong", { class: "doubt", "data-doubt": one }, t(`plans.doubt.${one}`)));
    if (found.length && run.named) found.push(make("span", { class: "named" }, t("plans.named", { area: run.named.area || "—", sender: run.named.sender })));
    return found;
  };
  const levelMark = (level, open = false) => (LEVELS[level] ? yiping.marks.mark(LEVELS[level], open) : "");

  // ---- orders, here and on the page of plans
  const order = (button, plan, what, body = {}) => act(button, async () => {
    await post(`/api/v1/plans/${plan}/${what}`, body);
    asking = null;
    await load();
  });
  /** A button; for `end` and `dismiss` it first asks for the reason. */
  const orderButton = (plan, what, word, strong, redraw) => {
    if (!mayOrder()) return null;
    const needsReason = what !== "begin";
    if (needsReason && asking === `${what}:${plan}`) {
      const input = make("input", { name: "reason", maxlength: 500, required: true, placeholder: t("plans.reason"), "aria-label": t("plans.reason") });
      setTimeout(() => input.focus());
      return make("form", { class: "reason", "data-do": what, "data-plan": plan, onsubmit: (event) => {
        event.preventDefault();
        order(event.currentTarget.querySelector("button"), plan, what, { reason: input.value });
      } }, input, make("button", { class: "strong" }, t(word)),
      make("button", { type: "button", class: "quiet", onclick: () => { asking = null; redraw(); } }, t("plans.cancel")));
    }
    return make("button", { type: "button", class: strong ? "strong" : "", "data-do": what, "data-plan": plan,
      onclick: (event) => {
        if (!needsReason) return order(event.currentTarget, plan, what);
        asking = `${what}:${plan}`;
        return redraw();
      } }, t(word));
  };

  // ---- who is on duty: by shift, else who is on shift by team
  const dutyGroups = () => {
    const groups = new Map();
    const add = (group, person) => groups.set(group, [...(groups.get(group) ?? []), person]);
    for (const one of roster.items) add(one.unit_name, { name: one.name, duty: one.duty, until: one.until });
    for (const one of roster.responders) add(one.team || "—", { name: one.name, busy: one.busy });
    return groups;
  };
  const dutyCount = () => new Set([...roster.items.map((one) => one.person), ...roster.responders.map((one) => one.id)]).size;
  const drawRoster = () => make("dl", { class: "roster" }, [...dutyGroups()].map(([group, people]) => make("div", {},
    make("dt", {}, group, make("small", {}, ` ${people.length}`)),
    make("dd", {}, people.map((one) => make("span", { class: one.busy ? "busy" : "" }, one.name,
      one.duty ? make("small", {}, ` ${one.duty}`) : null,
      one.until ? make("small", {}, ` ${t("plans.until", { at: show(one.until, "minute") })}`) : null,
      one.busy ? make("small", {}, ` ${t("person.busy")}`) : null))))));

  // ---- the banner
  const inForce = (item) => make("div", { class: "banner in-force", "data-plan": item.plan, "data-mode": item.mode || null, "data-level": item.level },
    levelMark(item.level), make("b", {}, nameOf(item), item.mode ? ` · ${t("plans.mode")}` : ""),
    make("span", { class: "level" }, t(`level.${item.level}`)),
    make("span", { class: "since" }, `${t("plans.since", { at: show(item.begun_at, "full") })} · ${t("plans.lasting")} `, since(item.begun_at, "for")),
    make("span", { class: "by" }, item.begun_by === "system" ? t(`trigger.${item.trigger}`) : t("plans.by_order", { who: item.by_name })),
    (item.reason || item.because) && make("span", { class: "dim" }, t("plans.because", { why: why(item.reason || item.because, item.cause) })),
    item.pinned.length ? make("span", {}, t("plans.pins", { n: item.pinned.length })) : null,
    item.stays ? make("span", { class: "stays" }, t("plans.stays")) : null,
    item.mode ? make("details", { class: "duty-list" }, make("summary", {}, t("plans.on_duty", { n: dutyCount() })), drawRoster()) : null,
    make("span", { class: "do" }, make("a", { href: yiping.at("/plans") }, t("page.plans")), orderButton(item.plan, "end", "plans.end", false, draw)));
  const proposed = (item) => make("div", { class: "banner proposed", "data-plan": item.plan },
    levelMark(item.level, true), make("b", {}, `${t("plans.proposes")} ${nameOf(item)}`), make("span", { class: "level" }, t(`level.${item.level}`)),
    doubts(item), make("span", { class: "dim" }, t("plans.because", { why: why(item.because, item.cause) })), since(item.opened_at),
    make("span", { class: "do" }, orderButton(item.plan, "begin", "plans.confirm", true, draw), orderButton(item.plan, "dismiss", "plans.dismiss", false, draw)));
  const exercise = (run) => make("div", { class: "banner exercise", "data-plan": run.plan },
    make("b", {}, t("run.exercise")), make("span", {}, why(run.because, run.cause)), make("span", { class: "dim" }, t("plans.exercise")), since(run.opened_at));
  const draw = () => {
    if (!place?.isConnected) return;
    const opened = place.querySelector("details")?.open;
    const running = state.items.filter((item) => item.state === "in_force");
    running.sort((a, b) => Number(Boolean(b.mode)) - Number(Boolean(a.mode)) || (LEVELS[a.level] ?? "").localeCompare(LEVELS[b.level] ?? ""));
    const rows = [...running.map(inForce), ...state.items.filter((item) => item.state === "proposed").map(proposed), ...state.exercises.map(exercise)];
    place.replaceChildren(...rows);
    place.hidden = rows.length === 0;
    if (opened && place.querySelector("details")) place.querySelector("details").open = true;
    document.body.dataset.modes = state.modes.join(" ");
  };
  const load = async () => {
    [state, roster] = await Promise.all([get("/api/v1/modes"), get("/api/v1/roster")]);
    draw();
    followers.forEach((follower) => follower(state, roster));
  };
  let soon = null;
  const again = (ms = 100) => { soon ??= setTimeout(() => { soon = null; load().catch((error) => console.warn("modes:", error.message)); }, ms); };
  ["plan", "reset", "organisation"].forEach((topic) => feed.hear(topic, () => again()));

  mount("mode-banner", (element) => {
    place = element;
    me().then((who) => { user = who; again(); }).catch(() => {});
  });
  /** `follower(state, roster)` is called now and whenever it changes. */
  const follow = (follower) => { followers.add(follower); follower(state, roster); };
  return { follow, reload: () => again(2000), orderButton, order, drawRoster, dutyCount, levelMark, nameOf, why, doubts, mayOrder, get state() { return state; } };
})();
