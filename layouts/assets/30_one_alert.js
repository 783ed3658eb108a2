// How an alert, or several on one card, are drawn.
yiping.oneAlert = (() => {
  "use strict";
  const { t, make, since, feed, marks, siteName, personName, show, sites, screening, may, sightings } = yiping;
  const AT_ONCE = 100; // rows of an opened card; more on demand, so that a thousand do not hold up the page

  /** The furthest step of the alert's tasks, in words, or "". */
  const progress = (alert) => {
    const tasks = feed.tasksOf(alert).filter((task) => task.state !== "cancelled");
    if (!tasks.length) return "";
    const task = tasks.reduce((newest, one) => (one.id > newest.id ? one : newest));
    const who = feed.holderNames(task);
    if (task.unaccepted_since && task.state === "draft") return t("unaccepted.title");
    return `${t(`task.${task.state}`)}${who ? ` · ${who}` : ""}`;
  };
  const signature = (alert) => `${alert.version}|${alert.state}|${alert.evidence}|${progress(alert)}|${may("acknowledge")}${may("dispatch")}|${yiping.claims.signature(alert)}`;

  /** A chosen one is marked as such; the one that is only shown (not `byHand`) otherwise: no key acts on it. */
  const signOf = (chosen, byHand) => (chosen ? (byHand ? " chosen" : " shown") : "");
  const card = (alert, chosen, byHand) => {
    const fresh = feed.unacknowledged(alert);
    const step = progress(alert);
    const buttons = make("div", { class: "do" },
      fresh && may("acknowledge") && make("button", { type: "button", class: "strong", "data-do": "acknowledge", title: "A" }, t("do.acknowledge")),
      feed.canDispatch(alert) && may("dispatch") && make("button", { type: "button", "data-do": "dispatch", title: "D" }, t("do.dispatch")),
      yiping.claims.mayTakeOver(alert) && make("button", { type: "button", "data-do": "take-over" }, t("claim.take_over")));
    return make("article", {
      class: `alert ${alert.priority}${fresh ? " fresh" : ""}${signOf(chosen, byHand)}`,
      "data-alert": alert.id, "data-card": alert.id, tabindex: 0, "aria-current": chosen && byHand && "true",
      "aria-label": `${alert.priority} ${feed.titleOf(alert)} ${siteName(alert.site)}`,
    },
      marks.mark(alert.priority, !fresh),
      marks.closer(alert, "", { class: "picture thumb" }) ?? marks.evidence(alert, "", { class: "picture thumb" }),
      make("div", { class: "what" },
        make("h3", { "data-shown": t("chosen.tag") }, feed.titleOf(alert)),
        make("p", { class: "where" }, siteName(alert.site)),
        make("p", { class: "dim" },
          since(alert.started_at), ` · ${t(`state.${alert.state}`)}`,
          alert.acknowledged_by ? ` ${personName(alert.acknowledged_by)} ${show(alert.acknowledged_at, "minute")}` : ""),
        sightings.word(alert) && make("p", { class: "dim", "data-look": alert.second_look?.verdict ?? "vehicle" }, sightings.word(alert)),
        step && make("p", { class: "step" }, step),
        yiping.claims.line(alert)),
      buttons);
  };

  // ---- several on one card: a grid in a flood, the log, another desk's
  const nameOf = (key, alerts) => {
    if (typeof key === "string") return t(`cards.${key}`);
    const codes = [...new Set(alerts.map((alert) => sites.get(alert.site)?.grid || siteName(alert.site)))];
    const first = screening.gridName(codes[0]);
    return codes.length === 1 ? t("cards.grid", { grid: first }) : t("cards.grids", { grid: first, n: codes.length });
  };
  /** "Market 12 · School 25": where most of them are. */
  const where = (alerts) => {
    const n = new Map();
    for (const alert of alerts) n.set(alert.site, (n.get(alert.site) ?? 0) + 1);
    return [...n].sort((a, b) => b[1] - a[1]).slice(0, 4).map(([site, count]) => `${siteName(site)} ${count}`).join(" · ");
  };
  const row = (alert, chosen, byHand) => make("li", {
    "data-alert": alert.id, tabindex: 0, class: `${feed.unacknowledged(alert) ? "fresh" : ""}${signOf(alert.id === chosen, byHand)}`,
  },
    marks.mark(alert.priority, !feed.unacknowledged(alert)),
    make("span", { class: "title" }, feed.titleOf(alert)),
    make("span", { class: "dim" }, siteName(alert.site)),
    make("span", { class: "dim" }, progress(alert)),
    since(alert.raised_at, "ago", { class: "dim" }));

  /** All of one camera and zone: as one alert's card, of the most urgent, with their number. */
  const placeHead = (alerts, lead, fresh, open) => {
    const step = progress(lead);
    return [
      marks.mark(lead.priority, !fresh.length),
      marks.closer(lead, "", { class: "picture thumb" }) ?? marks.evidence(lead, "", { class: "picture thumb" }),
      make("div", { class: "what" },
        make("h3", { "data-shown": t("chosen.tag") }, make("b", { class: "times" }, `×${alerts.length}`), ` ${feed.titleOf(lead)}`),
        make("p", { class: "where" }, siteName(lead.site), lead.zone && make("span", { class: "dim" }, ` · ${t(`zone.${lead.zone}`, {}, lead.zone)}`)),
        make("p", { class: "dim" }, since(lead.started_at), " · ", fresh.length ? t("cards.unacknowledged", { n: fresh.length }) : t(`state.${lead.state}`)),
        step && make("p", { class: "step" }, step),
        yiping.claims.line(lead)),
      make("div", { class: "do" },
        fresh.length > 0 && may("acknowledge") && make("button", { type: "button", class: "strong", "data-do": "acknowledge-all" }, t("do.acknowledge_all", { n: fresh.length })),
        feed.canDispatch(lead) && may("dispatch") && make("button", { type: "button", "data-do": "dispatch", title: "D" }, t("do.dispatch")),
        yiping.claims.mayTakeOver(lead) && make("button", { type: "button", "data-do": "take-over" }, t("claim.take_over")),
        make("button", { type: "button", "data-do": "open", "aria-expanded": String(open) }, t(open ? "cards.close" : "cards.open"))),
    ];
  };
  const gridHead = (key, alerts, { highest, fresh, newest, aside, open }) => [
    marks.mark(highest, !fresh.length),
    make("div", { class: "picture thumb" }, make("div", { class: "number" },
      make("b", {}, String(alerts.length)), make("span", { class: "dim" }, ` ${t("cards.alerts")}`))),
    make("div", { class: "what" },
      make("h3", { "data-shown": t("chosen.tag") }, nameOf(key, alerts)),
      make("p", { class: "where" }, where(alerts)),
      make("p", { class: "dim" }, fresh.length && fresh.length < alerts.length ? `${t("cards.unacknowledged", { n: fresh.length })} · ` : "",
        t("cards.newest"), " ", since(newest))),
    make("div", { class: "do" },
      fresh.length > 0 && may("acknowledge") && make("button", { type: "button", class: aside ? "" : "strong", "data-do": "acknowledge-all" },
        t("do.acknowledge_all", { n: fresh.length })),
      make("button", { type: "button", "data-do": "open", "aria-expanded": String(open) }, t(open ? "cards.close" : "cards.open"))),
  ];

  /**
   * A card that stays the same element while its alerts change: {element, update(alerts, chosen, byHand)}.
   * `isPlace`: all are of one camera and zone.
   */
  const group = (key, isPlace = false) => {
    let open = false;
    let shown = AT_ONCE;
    let last = [[], null, false];
    let drawn = "";
    const aside = typeof key === "string"; // the log, another desk's, what is kept quiet
    const element = make("article", { class: "alert group", "data-card": key, tabindex: 0 });
    const list = make("ol", { class: "members" });
    const lead = (alerts) => [...alerts].sort(feed.byUrgency);
    const update = (alerts, chosen, byHand) => {
      last = [alerts, chosen, byHand];
      const fresh = alerts.filter(feed.unacknowledged);
      const waiting = fresh.length ? fresh : alerts;
      const highest = waiting.map((alert) => alert.priority).sort()[0];
      const newest = alerts.reduce((a, b) => (a.raised_at > b.raised_at ? a : b)).raised_at;
      const first = lead(alerts)[0];
      const text = `${isPlace ? `${first.id}|${signature(first)}|` : ""}${alerts.length}|${fresh.length}|${highest}|${newest}|${open}|${may("acknowledge")}|${signOf(alerts.some((one) => one.id === chosen), byHand)}`;
      if (text !== drawn) {
        drawn = text;
        element.className = `alert group${isPlace ? " place" : ""} ${highest}${fresh.length && key !== "log" && key !== "elsewhere" ? " fresh" : ""}`
          + `${signOf(alerts.some((one) => one.id === chosen), byHand)}${open ? " open" : ""}`;
        element.setAttribute("aria-label", `${highest} ${isPlace ? `${feed.titleOf(first)} ${siteName(first.site)}` : nameOf(key, alerts)} ${alerts.length}`);
        if (isPlace) element.dataset.alert = first.id;
        if (element.classList.contains("chosen")) element.setAttribute("aria-current", "true"); else element.removeAttribute("aria-current");
        const head = isPlace ? placeHead(alerts, first, fresh, open) : gridHead(key, alerts, { highest, fresh, newest, aside, open });
        element.replaceChildren(...head, list);
      }
      if (!open) return list.replaceChildren();
      const sorted = lead(alerts);
      list.replaceChildren(...sorted.slice(0, shown).map((alert) => row(alert, chosen, byHand)),
        sorted.length > shown ? make("li", { class: "more" }, make("button", { type: "button", "data-do": "more" }, t("cards.more", { n: sorted.length - shown }))) : "");
    };
    const toggle = () => { open = !open; shown = AT_ONCE; update(...last); };
    const more = () => { shown += AT_ONCE; update(...last); };
    return { element, update, toggle, more, isPlace, alerts: () => last[0] };
  };
  return { card, group, progress, signature };
})();
