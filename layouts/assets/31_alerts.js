// The wall's alert list: what needs somebody, most urgent first; choosing, acknowledging and dispatching.
yiping.alertList = (() => {
  "use strict";
  const { t, make, since, mount, feed, marks, act, post, siteName, show } = yiping;
  const cards = new Map(); // alert id -> {element, drawn}
  let place = null;
  let counts = null;
  let chosen = null; // alert id
  let choseByHand = false;
  const followers = new Set();

  const choose = (id, byHand = true) => {
    if (byHand) choseByHand = true;
    if (chosen === id) return;
    cards.get(chosen)?.element.classList.remove("chosen");
    chosen = id;
    const card = cards.get(id)?.element;
    card?.classList.add("chosen");
    if (byHand) card?.scrollIntoView({ block: "nearest" });
    followers.forEach((follow) => follow(feed.alerts.get(id) ?? null));
  };
  const acknowledge = (alert, button) => act(button, async () => {
    choseByHand ||= chosen === alert.id; // whoever works on it wants to see what becomes of it
    await post(`/api/v1/alerts/${alert.id}/acknowledge`);
  });
  const dispatch = (alert, button, responder = null) => act(button, async () => {
    choseByHand ||= chosen === alert.id;
    await post(`/api/v1/alerts/${alert.id}/dispatch`, responder ? { responder } : {});
  });

  /** The furthest step of the alert's tasks, in words, or "". */
  const progress = (alert) => {
    const tasks = feed.tasksOf(alert).filter((task) => task.state !== "cancelled");
    if (!tasks.length) return "";
    const task = tasks.reduce((newest, one) => (one.id > newest.id ? one : newest));
    const who = yiping.personName(task.responder ?? task.offered_to);
    return `${t(`task.${task.state}`)}${who ? ` · ${who}` : ""}`;
  };
  const signature = (alert) => `${alert.version}|${alert.state}|${alert.evidence}|${progress(alert)}`;

  const draw = (alert) => {
    const fresh = feed.unacknowledged(alert);
    const step = progress(alert);
    const buttons = make("div", { class: "do" },
      fresh && make("button", { type: "button", class: "strong", "data-do": "acknowledge", title: "A" }, t("do.acknowledge")),
      feed.canDispatch(alert) && make("button", { type: "button", "data-do": "dispatch", title: "D" }, t("do.dispatch")));
    return make("article", {
      class: `alert ${alert.priority}${fresh ? " fresh" : ""}${alert.id === chosen ? " chosen" : ""}`,
      "data-alert": alert.id, tabindex: 0, "aria-label": `${alert.priority} ${feed.titleOf(alert)} ${siteName(alert.site)}`,
    },
      marks.mark(alert.priority, !fresh),
      marks.evidence(alert, "", { class: "picture thumb" }),
      make("div", { class: "what" },
        make("h3", {}, feed.titleOf(alert)),
        make("p", { class: "where" }, siteName(alert.site)),
        make("p", { class: "dim" },
          since(alert.started_at), ` · ${t(`state.${alert.state}`)}`,
          alert.acknowledged_by ? ` ${yiping.personName(alert.acknowledged_by)} ${show(alert.acknowledged_at, "minute")}` : ""),
        step && make("p", { class: "step" }, step)),
      buttons);
  };

  const place_in_order = (wanted) => {
    let before = place.firstElementChild;
    for (const alert of wanted) {
      const { element } = cards.get(alert.id);
      if (element === before) before = before.nextElementSibling;
      else place.insertBefore(element, before);
    }
  };
  const update = () => {
    if (!place?.isConnected) return;
    const wanted = feed.inHand().sort(feed.byUrgency);
    const ids = new Set(wanted.map((alert) => alert.id));
    for (const [id, { element }] of cards) if (!ids.has(id)) { element.remove(); cards.delete(id); }
    for (const alert of wanted) {
      const drawn = signature(alert);
      const known = cards.get(alert.id);
      if (known?.drawn === drawn) continue;
      const element = draw(alert);
      if (known) known.element.replaceWith(element);
      cards.set(alert.id, { element, drawn });
    }
    place_in_order(wanted);
    place.classList.toggle("nothing", wanted.length === 0);
    drawCounts(wanted);
    // Until somebody chooses, the most urgent one is shown; a chosen one stays until it is gone.
    if (!ids.has(chosen)) choseByHand = false;
    if (!choseByHand) choose(wanted[0]?.id ?? null, false);
    else followers.forEach((follow) => follow(feed.alerts.get(chosen) ?? null));
  };
  const drawCounts = (wanted) => {
    if (!counts) return;
    const open = wanted.filter(feed.unacknowledged);
    counts.replaceChildren(
      make("b", { class: open.length ? "" : "dim" }, t("alerts.unacknowledged", { n: open.length })),
      make("span", { class: "dim" }, ` / ${t("alerts.in_hand", { n: wanted.length })}`));
  };

  mount("alert-counts", (element) => { counts = element; });
  mount("alert-list", (element) => {
    place = element;
    cards.clear();
    place.setAttribute("data-nothing", t("alerts.nothing"));
    place.addEventListener("click", (event) => {
      const card = event.target.closest("[data-alert]");
      if (!card) return;
      const alert = feed.alerts.get(Number(card.dataset.alert));
      choose(alert.id);
      const button = event.target.closest("button[data-do]");
      if (button?.dataset.do === "acknowledge") acknowledge(alert, button);
      if (button?.dataset.do === "dispatch") dispatch(alert, button);
    });
    ["alert", "task"].forEach((topic) => feed.on(topic, update));
    document.addEventListener("keydown", keys);
    update();
  });

  const keys = (event) => {
    if (!place?.isConnected || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.("input, textarea, select")) return;
    const order = [...place.querySelectorAll("[data-alert]")].map((card) => Number(card.dataset.alert));
    const at = order.indexOf(chosen);
    const alert = feed.alerts.get(chosen);
    if (event.key === "j" && at < order.length - 1) choose(order[at + 1]);
    else if (event.key === "k" && at > 0) choose(order[at - 1]);
    else if (event.key === "a" && alert && feed.unacknowledged(alert)) acknowledge(alert);
    else if (event.key === "d" && alert && feed.canDispatch(alert)) dispatch(alert);
    else return;
    event.preventDefault();
  };

  return {
    choose, acknowledge, dispatch, chosen: () => feed.alerts.get(chosen) ?? null,
    follow: (follower) => { followers.add(follower); follower(feed.alerts.get(chosen) ?? null); },
    /** The most urgent alert in hand at a site (of those that fit), or undefined. */
    at: (site, fits = () => true) =>
      feed.inHand().filter((alert) => alert.site === site && fits(alert)).sort(feed.byUrgency)[0],
  };
})();
