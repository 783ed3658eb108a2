// The wall's alert list: cards of what needs somebody, most urgent first; choosing, acknowledging and dispatching.
yiping.alertList = (() => {
  "use strict";
  const { t, make, since, mount, feed, act, post, say, screening, oneAlert, keyboard, me, may } = yiping;
  const CALM_MS = 200; // without a P1 the list is drawn no more often
  const MOST_AT_ONCE = 500;
  const cards = new Map(); // card key -> {element, drawn} of one alert, or {element, group} of several
  let place = null;
  let counts = null;
  let chosen = null; // alert id
  let choseByHand = false; // false: the most urgent one is only shown, and no key acts on it
  let within = new Set(); // alert ids that were chosen with it: those on its card then, or the one of a row
  let withinCard = false;
  const followers = new Set();

  const cardOf = (id) => [...cards.values()].find((card) => card.ids.has(id));
  /** `card`: the whole card it is on, as it is now; what joins it later was not chosen. */
  const choose = (id, byHand = true, card = null) => {
    const first = byHand && !choseByHand;
    if (byHand) choseByHand = true;
    if (byHand) yiping.claims.claim(feed.alerts.get(id));
    within = new Set(card?.ids ?? [id]);
    withinCard = card !== null;
    if (chosen === id && !first) return;
    chosen = id;
    update();
    if (byHand) cardOf(id)?.element.scrollIntoView({ block: "nearest" });
    followers.forEach((follow) => follow(feed.alerts.get(id) ?? null));
  };
  /** No alert is chosen: a place is looked at (`byHand`, and none is shown instead), or nothing (the most urgent is shown). */
  const letGo = (byHand = false) => {
    chosen = null;
    choseByHand = byHand;
    within = new Set();
    withinCard = false;
    yiping.claims.claim(null);
    update();
  };
  const chooseCard = (id) => choose(id, true, cardOf(id) ?? null);
  const acknowledge = (alert, button) => act(button, async () => {
    await post(`/api/v1/alerts/${alert.id}/acknowledge`);
  });
  const acknowledgeAll = (alerts, button) => act(button, async () => {
    const waiting = alerts.filter(feed.unacknowledged).map((alert) => alert.id);
    for (let from = 0; from < waiting.length; from += MOST_AT_ONCE)
      await post("/api/v1/alarm-cards/acknowledge", { alerts: waiting.slice(from, from + MOST_AT_ONCE) });
  });
  /** Acknowledge what was chosen; those that joined the card since are named, and stay. */
  const acknowledgeChosen = (alerts) => {
    acknowledgeAll(alerts.filter((alert) => within.has(alert.id)));
    const joined = alerts.filter((alert) => !within.has(alert.id) && feed.unacknowledged(alert)).length;
    if (joined && withinCard) say(t("chosen.joined", { n: joined }));
  };
  /** Confirm those that the button showed; those that joined since are named, and stay. */
  const acknowledgeShown = async (shown, card, button) => {
    const ids = new Set(shown.map((alert) => alert.id));
    await acknowledgeAll(shown, button);
    const joined = (card.group?.alerts() ?? []).filter((alert) => !ids.has(alert.id) && feed.unacknowledged(alert)).length;
    if (joined) say(t("chosen.joined_since", { n: joined }));
  };
  const dispatch = (alert, button, responder = null) => act(button, async () => {
    await post(`/api/v1/alerts/${alert.id}/dispatch`, responder ? { responder } : {});
  });

  const cardOfPlace = new Map(); // "site|zone|P1?" -> the card's key, which stays while anything of it is in hand
  /** The card of its camera and zone. A P1 shares it with P1 only: it is never one among what can wait. */
  const placeKey = (alert, alive) => {
    const name = `${alert.site}|${alert.zone}|${alert.priority === "P1"}`;
    alive.add(name);
    let key = cardOfPlace.get(name) ?? alert.id;
    if (screening.isGridCard(key)) key += 0.5; // a grid's card is named after an alert that has become a P1 since
    cardOfPlace.set(name, key);
    return key;
  };
  /** [[key, alerts]], the most urgent first, those of the log and of other desks last. */
  const wantedCards = () => {
    const byKey = new Map();
    const alive = new Set();
    const hand = feed.inHand().sort((a, b) => a.id - b.id); // so that a card is named after the first, also after a reload
    for (const alert of hand) {
      const card = screening.place(alert);
      if (card === null) continue;
      const key = typeof card === "string" || screening.isOnGridCard(alert) ? card : placeKey(alert, alive);
      if (byKey.has(key)) byKey.get(key).push(alert); else byKey.set(key, [alert]);
    }
    for (const name of cardOfPlace.keys()) if (!alive.has(name)) cardOfPlace.delete(name);
    const rank = ([key, alerts]) => {
      const lead = alerts.reduce((a, b) => (feed.byUrgency(a, b) <= 0 ? a : b));
      return { aside: Number(typeof key === "string"), fresh: Number(feed.unacknowledged(lead)), priority: lead.priority, key };
    };
    return [...byKey].map((card) => ({ card, rank: rank(card) }))
      .sort(({ rank: a }, { rank: b }) => a.aside - b.aside || b.fresh - a.fresh || a.priority.localeCompare(b.priority) || b.key - a.key)
      .map(({ card }) => card);
  };
  const drawCard = (key, alerts) => {
    const ids = new Set(alerts.map((alert) => alert.id));
    let known = cards.get(key);
    const isPlace = typeof key !== "string" && !alerts.some(screening.isOnGridCard);
    if (known?.group && (known.group.isPlace !== isPlace || (isPlace && alerts.length === 1))) {
      known.element.remove();
      cards.delete(key);
      known = undefined;
    }
    if (alerts.length === 1 && typeof key !== "string" && !known?.group) {
      const [alert] = alerts;
      const drawn = `${oneAlert.signature(alert)}|${alert.id === chosen}|${choseByHand}`;
      if (known?.drawn === drawn) return;
      const element = oneAlert.card(alert, alert.id === chosen, choseByHand);
      known?.element.replaceWith(element);
      cards.set(key, { element, drawn, ids });
      return;
    }
    const group = known?.group ?? oneAlert.group(key, isPlace);
    if (known && !known.group) known.element.replaceWith(group.element);
    group.update(alerts, chosen, choseByHand);
    cards.set(key, { element: group.element, group, ids });
  };
  const placeInOrder = (wanted) => {
    let before = place.firstElementChild;
    for (const [key] of wanted) {
      const { element } = cards.get(key);
      if (element === before) before = before.nextElementSibling;
      else place.insertBefore(element, before);
    }
  };
  const drawCards = (wanted) => {
    const keys = new Set(wanted.map(([key]) => key));
    for (const [key, { element }] of cards) if (!keys.has(key)) { element.remove(); cards.delete(key); }
    for (const [key, alerts] of wanted) drawCard(key, alerts);
    placeInOrder(wanted);
  };
  let planned = null;
  const update = () => {
    clearTimeout(planned);
    planned = null;
    if (!place?.isConnected) return;
    const wanted = wantedCards();
    // Until somebody chooses, the most urgent one is shown. What somebody chose stays chosen, also when it is gone:
    // whatever comes meanwhile, a key must never act on another one.
    const before = chosen;
    if (!choseByHand) chosen = wanted.length ? [...wanted[0][1]].sort(feed.byUrgency)[0].id : null;
    keyboard.keepFocus(place, () => drawCards(wanted));
    place.classList.toggle("nothing", wanted.length === 0);
    drawCounts();
    if (!choseByHand || before === chosen) followers.forEach((follow) => follow(feed.alerts.get(chosen) ?? null));
  };
  /** A P1 is drawn at once, of the rest several at a time: a page that is busy drawing shows nothing. */
  const soon = (ids) => {
    if (ids && [...ids].some((id) => feed.alerts.get(id)?.priority === "P1")) update();
    else planned ??= setTimeout(update, CALM_MS);
  };
  const drawCounts = () => {
    if (!counts) return;
    const all = feed.inHand();
    const open = all.filter(feed.unacknowledged).length;
    const { since: began, count } = screening.flood;
    counts.replaceChildren(
      make("b", { class: open ? "" : "dim" }, t("alerts.unacknowledged", { n: open })),
      make("span", { class: "dim" }, ` / ${t("alerts.in_hand", { n: all.length })}`));
    const bar = document.getElementById("flood-bar");
    bar?.toggleAttribute("hidden", !began);
    if (began) bar?.replaceChildren(make("b", {}, `⚠ ${t("flood.on")}`), make("span", {}, t("flood.count", { n: count })),
      since(began, "for", { title: t("flood.since") }), make("span", { class: "dim" }, t("flood.rule")));
  };

  mount("alert-counts", (element) => { counts = element; });
  mount("alert-list", (element) => {
    place = element;
    cards.clear();
    place.setAttribute("tabindex", "-1");
    place.setAttribute("data-nothing", t("alerts.nothing"));
    // What was shown when the button was pressed: whatever joins the card before it is let go was not confirmed.
    let pressed = null;
    place.addEventListener("pointerdown", (event) => {
      const card = cards.get(cardKey(event.target));
      const isAll = event.target.closest("button[data-do='acknowledge-all']");
      pressed = isAll && card?.group ? { key: cardKey(event.target), alerts: [...card.group.alerts()] } : null;
    });
    // A redraw under the pointer takes the button away, and the browser then sends no click.
    place.addEventListener("pointerup", (event) => {
      const held = pressed;
      setTimeout(() => {
        if (held === null || held !== pressed) return;
        pressed = null;
        if (held.key === cardKey(event.target) && cards.get(held.key)?.group) acknowledgeShown(held.alerts, cards.get(held.key));
      });
    });
    place.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-do]");
      const card = cards.get(cardKey(event.target));
      if (button?.dataset.do === "open") return keyboard.keepFocus(place, card.group.toggle);
      if (button?.dataset.do === "more") return keyboard.keepFocus(place, card.group.more);
      if (button?.dataset.do === "acknowledge-all") {
        const shown = pressed?.key === cardKey(event.target) ? pressed.alerts : card.group.alerts();
        pressed = null;
        return acknowledgeShown(shown, card, button);
      }
      const alert = feed.alerts.get(Number(event.target.closest("[data-alert]")?.dataset.alert));
      if (!alert) return card?.group && keyboard.keepFocus(place, card.group.toggle);
      if (button?.dataset.do === "take-over") return act(button, () => yiping.claims.takeOver(alert));
      choose(alert.id, true, card?.group?.isPlace && !event.target.closest("li") ? card : null);
      if (button?.dataset.do === "acknowledge") acknowledge(alert, button);
      if (button?.dataset.do === "dispatch") dispatch(alert, button);
    });
    ["alert", "task"].forEach((topic) => feed.on(topic, (ids) => soon(topic === "alert" ? ids : null)));
    screening.follow(update);
    yiping.claims.follow(update);
    document.addEventListener("keydown", keysPressed);
    me().then(update).catch(() => {}); // what the visitor may do is known now
    update();
  });

  const cardKey = (element) => {
    const key = element.closest("[data-card]")?.dataset.card;
    return /^\d+(\.5)?$/.test(key) ? Number(key) : key;
  };
  const keysPressed = (event) => {
    if (!place?.isConnected || event.ctrlKey || event.metaKey || event.altKey) return;
    if (keyboard.isTyping(event) || keyboard.isCovered()) return;
    const key = event.key.toLowerCase(); // Caps Lock is often on where names are typed in capitals
    const isStep = key === "a" || key === "d";
    if (isStep && event.repeat) return; // a key that is held down is one press
    if (key === "enter") {
      if (event.target.matches?.("[data-card], [data-alert]") && place.contains(event.target)) event.target.click();
      return;
    }
    const order = wantedCards().map(([, alerts]) => [...alerts].sort(feed.byUrgency)[0].id);
    const card = cardOf(chosen);
    const at = order.findIndex((id) => card?.ids.has(id));
    const alert = feed.alerts.get(chosen);
    if ((key === "j" || key === "k") && !choseByHand && order.length) chooseCard(order[0]);
    else if (key === "j" && order.length) chooseCard(order[Math.min(at + 1, order.length - 1)]);
    else if (key === "k" && order.length) chooseCard(order[Math.max(at - 1, 0)]);
    else if (isStep && !may(key === "a" ? "acknowledge" : "dispatch")) say(t("may.not"));
    else if (isStep && (!choseByHand || chosen === null)) say(t("chosen.nothing"));
    else if (isStep && !card) say(t("chosen.gone"));
    else if (key === "a" && card?.group) acknowledgeChosen(card.group.alerts());
    else if (key === "a" && alert && feed.unacknowledged(alert)) acknowledge(alert);
    else if (key === "d" && alert && feed.canDispatch(alert)) dispatch(alert);
    else return;
    event.preventDefault();
  };

  return {
    choose, letGo, acknowledge, dispatch, chosen: () => feed.alerts.get(chosen) ?? null,
    /** Did a person choose it, or is it only shown because it is the most urgent? */
    isByHand: () => choseByHand,
    follow: (follower) => { followers.add(follower); follower(feed.alerts.get(chosen) ?? null); },
    /** The most urgent alert in hand at a site (of those that fit), or undefined. */
    at: feed.mostUrgentAt,
  };
})();
