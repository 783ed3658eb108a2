// Tasks that nobody accepts: above everything else, with words, a sound that repeats until somebody acts, and ways on.
yiping.unaccepted = (() => {
  "use strict";
  const { t, make, since, mount, feed, marks, me, act, post, get, all, clock, everySecond, personName, siteName, unfit, say,
    keyboard } = yiping;
  const LOUD = new Set(["P1", "P2"]); // the others are shown, but a sound at night is for what is urgent
  const QUIET_FOR_S = 60; // after somebody has acted; then it sounds again unless somebody was asked
  const REASK_MS = 15000;
  const MOST_ASKED = 8; // the most urgent: in a flood hundreds wait, and each answer costs a route for every responder
  const RINGS = ["again", "wider", "everybody"];
  const people = new Map(); // task id -> {asked: ms, items, error}
  let place = null;
  let user = null;
  let drawn = "";

  const byUrgency = (a, b) => a.priority.localeCompare(b.priority) || a.unaccepted_since.localeCompare(b.unaccepted_since) || a.id - b.id;
  const tasks = () => [...feed.tasks.values()].filter((task) => task.unaccepted_since && feed.isOpenTask(task)).sort(byUrgency);
  const isAsking = (task) => task.state === "offered";
  /** Who acted last, while that keeps the sound off: {by, left}. */
  const attended = (task) => {
    const last = task.steps.filter((step) => step.role).at(-1);
    const left = last ? QUIET_FOR_S - (clock.now() - Date.parse(last.at)) / 1000 : 0;
    return left > 0 ? { by: last.by, left: Math.ceil(left) } : null;
  };
  /** Those that sound: urgent, nobody is being asked, and nobody has done anything about it just now. */
  const calling = () => tasks().filter((task) => LOUD.has(task.priority) && !isAsking(task) && !attended(task));
  const mayDispatch = () => Boolean(user?.may?.includes("dispatch"));

  // ---- who could be asked
  const ask = async (task) => {
    const known = people.get(task.id);
    if (!mayDispatch() || (known && known.version === task.version && performance.now() - known.asked < REASK_MS)) return;
    const entry = { asked: performance.now(), version: task.version, items: known?.items ?? null };
    people.set(task.id, entry);
    try {
      entry.items = (await get(`/api/v1/tasks/${task.id}/people`)).items;
      draw(true);
    } catch (error) {
      console.warn("people:", error.message); // the buttons stay without numbers
    }
  };
  const reached = (task, ring) => people.get(task.id)?.items
    ?.filter((one) => one.ring && (one.ring === "usual" || RINGS.indexOf(one.ring) <= RINGS.indexOf(ring))).length;

  // ---- a card
  /** @type {[string, RegExp][]} */
  const KINDS = [["declined", /^declined/], ["silent", /^(did not answer|not delivered)/], ["busy", /^busy/], ["off", /^off shift/], ["other", /./]];
  const why = (task) => {
    const n = new Map();
    for (const { reason } of task.candidates) {
      const kind = KINDS.find(([, pattern]) => pattern.test(reason))?.[0];
      if (kind) n.set(kind, (n.get(kind) ?? 0) + 1);
    }
    return n.size ? KINDS.filter(([kind]) => n.has(kind)).map(([kind]) => t(`unaccepted.n.${kind}`, { n: n.get(kind) })).join(" · ")
      : t("unaccepted.nobody_there");
  };
  const toldAbove = (task) => task.steps.filter((step) => step.step === "escalate" && step.detail.to)
    .flatMap((step) => Object.entries(step.detail.to))
    .map(([post_, who]) => t("unaccepted.told", { post: t(`post.${post_}`), who: yiping.personNames(who) })).join("；");
  const standing = (task) => {
    if (task.unit) return t("unaccepted.with_unit", { unit: task.unit });
    return isAsking(task) ? t("unaccepted.asking", { who: feed.holderNames(task) }) : why(task);
  };
  const ringButton = (task, ring) => {
    const n = reached(task, ring);
    const before = RINGS[RINGS.indexOf(ring) - 1];
    if (before && n !== undefined && n === reached(task, before)) return null; // reaches nobody more
    return make("button", { type: "button", "data-do": ring, "aria-disabled": n === 0 ? "true" : null, title: n === 0 ? t("unaccepted.none_more") : null },
      t(`unaccepted.${ring}`), n === undefined ? "" : ` ${n}`);
  };
  const card = (task) => {
    const loud = LOUD.has(task.priority) && !isAsking(task);
    const quiet = loud && attended(task);
    return make("article", { class: `nobody ${task.priority}${loud ? " loud" : ""}`, "data-card": `nobody-${task.id}`, "data-task": task.id,
      tabindex: 0, "aria-label": `${t("unaccepted.title")} ${task.priority} ${task.title}` },
    marks.mark(task.priority),
    make("div", { class: "what" },
      make("h3", {}, make("b", {}, t("unaccepted.title"), " ", since(task.unaccepted_since, "for")), make("span", {}, task.title)),
      make("p", {}, siteName(task.site) && !task.title.includes(siteName(task.site)) ? `${siteName(task.site)} · ` : "", standing(task)),
      toldAbove(task) && make("p", { class: "dim told" }, toldAbove(task)),
      feed.alerts.has(task.alert) && yiping.claims.line(feed.alerts.get(task.alert)),
      quiet && make("p", { class: "dim quiet" }, t("unaccepted.quiet", { who: personName(quiet.by), n: quiet.left }))),
    mayDispatch() && make("div", { class: "do" },
      !task.unit && RINGS.map((ring) => ringButton(task, ring)),
      make("button", { type: "button", class: "strong", "data-do": "assign" }, t("unaccepted.assign"))));
  };
  const draw = (again = false) => {
    if (!place?.isConnected) return;
    const shown = tasks();
    const text = JSON.stringify([shown.map((task) => [task.id, task.version, attended(task), yiping.claims.signature(feed.alerts.get(task.alert))]), mayDispatch()]);
    const ids = new Set(shown.map((task) => task.id));
    for (const id of people.keys()) if (!ids.has(id)) people.delete(id);
    shown.slice(0, MOST_ASKED).forEach(ask);
    if (text === drawn && !again) return;
    drawn = text;
    keyboard.keepFocus(place, () => place.replaceChildren(...shown.map(card)));
    place.hidden = shown.length === 0;
    document.body.toggleAttribute("data-unaccepted", shown.some((task) => LOUD.has(task.priority) && !isAsking(task)));
  };
  const askRing = (task, ring, button) => {
    if (button.getAttribute("aria-disabled")) return say(t("unaccepted.none_more"));
    return act(button, () => post(`/api/v1/tasks/${task.id}/ask`, { ring }));
  };

  // ---- assign anyone
  const openDialog = async (task) => {
    if (document.querySelector("dialog[open]")) return;
    const search = make("input", { type: "search", placeholder: t("unaccepted.search"), "aria-label": t("unaccepted.search") });
    const list = make("ul", { class: "everybody" }, make("li", { class: "dim" }, t("loading")));
    const unit = make("select", { "aria-label": t("unaccepted.unit") });
    const handOver = make("button", { type: "button", onclick: (event) => act(event.currentTarget, async () => {
      await post(`/api/v1/tasks/${task.id}/reassign`, { unit: unit.value, reason: t("unaccepted.reason") });
      dialog.close();
    }) }, t("unaccepted.hand_over"));
    const units = make("div", { class: "units", hidden: true }, make("label", {}, t("unaccepted.unit"), " ", unit), handOver);
    const dialog = make("dialog", { id: "assign", "aria-labelledby": "assign-title" },
      make("h2", { id: "assign-title" }, marks.mark(task.priority), " ", t("unaccepted.dialog", { title: task.title })),
      search, list, units, make("button", { type: "button", class: "close", onclick: () => dialog.close() }, t("unaccepted.close")));
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
    search.focus();
    let items = null;
    let sure = null; // whom the next press sends although something speaks against it
    const send = (one, button) => act(button, async () => {
      await post(`/api/v1/tasks/${task.id}/send`, { responder: one.responder.id, anyway: one.reasons.length > 0 });
      dialog.close();
    });
    const travel = (one) => (one.method === "no position" ? "" : `${t("travel.min", { n: Math.max(1, Math.round(one.travel_s / 60)) })} · ${
      one.distance_m < 1000 ? `${Math.round(one.distance_m)} m` : `${(one.distance_m / 1000).toFixed(1)} km`}`);
    const against = (one) => one.reasons.map((reason) => (/^busy/.test(reason) && one.busy_with
      ? t("unaccepted.busy_with", one.busy_with) : unfit(reason))).join(" · ");
    const told = (one) => (one.asked === "open" ? t("unaccepted.asked.open") : against(one) || t("unaccepted.free"));
    const sureText = (one) => t(one.busy_with && one.bars.includes("busy") ? "unaccepted.sure_busy" : "unaccepted.sure",
      { who: one.responder.name, task: one.busy_with?.title });
    const sendButton = (one) => {
      if (one.asked === "open" || one.bars.includes("account")) return make("span", {});
      const free = one.reasons.length === 0;
      return make("button", { type: "button", class: free ? "strong" : "", "data-do": "send", onclick: (event) => {
        if (!free && sure !== one.responder.id) { sure = one.responder.id; return show(); }
        return send(one, event.currentTarget);
      } }, free ? t("unaccepted.send") : sure === one.responder.id ? sureText(one) : t("unaccepted.send_anyway"));
    };
    const callLink = (one) => (one.phone ? make("a", { href: `tel:${one.phone}`, "data-do": "call", onclick: () => act(null, async () => {
      await post(`/api/v1/tasks/${task.id}/call`, { responder: one.responder.id });
      say(t("unaccepted.called", { who: one.responder.name, phone: one.phone }));
    }) }, t("unaccepted.call", { phone: one.phone })) : make("span", { class: "dim" }, t("unaccepted.no_phone")));
    const row = (one) => make("li", { "data-card": one.responder.id, class: one.reasons.length ? "against" : "" },
      make("b", {}, one.responder.name), make("span", { class: "dim" }, one.responder.team), make("span", {}, travel(one)),
      make("span", { class: "why" }, told(one)), callLink(one), sendButton(one));
    const show = () => {
      const wanted = search.value.trim().toLowerCase();
      const found = items.filter((one) => [one.responder.name, one.responder.id, one.responder.team, one.responder.grid, told(one), one.phone]
        .some((text) => text.toLowerCase().includes(wanted)))
        .sort((a, b) => Number(a.reasons.length > 0) - Number(b.reasons.length > 0)); // the server's order, the soonest first, within each
      keyboard.keepFocus(list, () => list.replaceChildren(...(found.length ? found.map(row) : [make("li", { class: "dim" }, t("unaccepted.no_match"))])));
    };
    search.addEventListener("input", () => { sure = null; if (items) show(); });
    search.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== "ArrowDown") return;
      list.querySelector("button")?.focus();
      event.preventDefault();
    });
    list.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step) return;
      const buttons = [...list.querySelectorAll("button")];
      const at = buttons.indexOf(/** @type {Element} */ (event.target).closest("li")?.querySelector("button"));
      (buttons[at + step] ?? search).focus();
      event.preventDefault();
    });
    try {
      items = (await get(`/api/v1/tasks/${task.id}/people`)).items;
      show();
      const known = await all("/api/v1/units");
      unit.replaceChildren(...known.map((one) => make("option", { value: one.id }, one.name)));
      units.hidden = known.length === 0;
    } catch (error) {
      list.replaceChildren(make("li", {}, error.message));
    }
  };

  const taskOf = (element) => feed.tasks.get(Number(element.closest?.("[data-task]")?.dataset.task));
  mount("unaccepted", async (element) => {
    place = element;
    drawn = "";
    place.tabIndex = -1;
    place.addEventListener("click", (event) => {
      const task = taskOf(event.target);
      const button = event.target.closest("button[data-do]");
      if (!task) return;
      if (button && RINGS.includes(button.dataset.do)) askRing(task, button.dataset.do, button);
      else if (button?.dataset.do === "assign") openDialog(task);
      else if (feed.alerts.has(task.alert)) yiping.alertList.choose(task.alert);
    });
    place.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !event.target.matches("[data-task]") || !mayDispatch()) return;
      openDialog(taskOf(event.target));
      event.preventDefault();
    });
    feed.on("task", () => draw());
    everySecond.add(() => draw());
    user = await me().catch(() => null);
    draw(true);
  });
  document.addEventListener("keydown", (event) => {
    if (!place?.isConnected || event.key.toLowerCase() !== "n" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (keyboard.isTyping(event) || keyboard.isCovered()) return;
    place.querySelector("[data-task]")?.focus();
  });
  yiping.callers.add(calling);
  return { calling, tasks };
})();
