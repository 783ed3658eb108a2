// What is chosen on the wall: an alert, a place, an event or a person. Map, cameras and panel turn to it, its address is
// that of the page, nothing but the person changes it, and Escape gives the old view back.
yiping.selection = (() => {
  "use strict";
  const { t, make, since, show, mount, feed, marks, page, act, get, siteName, personName, alertList, screening, tiles, map,
    everySecond, keyboard, dispatchPanel, may } = yiping;
  const NEAREST = 3; // cameras that are put up
  const WAIT_MS = 700; // for the ways, before the map flies without them
  const SECOND_CLICK_MS = 400; // a camera that is opened by a double click must not have moved after the first
  const REFRESH_MS = 15000; // people move, roads are closed and opened
  const CLOSE_M = 500; // a closed road so near is seen too
  const SHOWN = 8; // alerts or tasks in the panel
  const TOPICS = ["alert", "site", "camera", "event", "person"];
  let current = null; // {topic, id}
  let whole = null; // the event that is chosen, with its tasks
  let around = null; // {place, ways, closed}
  let askedMs = 0;
  let choices = 0; // so that an answer that comes late does not change what was chosen since
  let bar = null;

  const isSame = (one) => current !== null && current.topic === one.topic && current.id === one.id;
  const spot = (site) => (site ? { lon: site.lon, lat: site.lat } : null);
  const siteOf = (one = current) => {
    if (one?.topic === "alert") return feed.alerts.get(one.id)?.site ?? null;
    if (one?.topic === "event") return whole?.site || null;
    return one?.topic === "site" ? one.id : null;
  };
  const placeOf = () => {
    if (current?.topic === "person") return feed.responders.get(current.id)?.position ?? null;
    return around?.place ?? whole?.location ?? spot(yiping.sites.get(siteOf()));
  };
  /** Metres between two places of one city. */
  const metres = (a, b) => {
    const perDegree = 111195;
    return Math.hypot((a.lon - b.lon) * Math.cos((a.lat * Math.PI) / 180), a.lat - b.lat) * perDegree;
  };
  const nearest = (place) => page.sites.filter((site) => site.camera)
    .map((site) => ({ id: site.id, far: metres(place, site) })).sort((a, b) => a.far - b.far).slice(0, NEAREST).map(({ id }) => id);

  // ---- turning everything to it
  const address = { alert: (id) => `alerts/${id}`, site: (id) => `sites/${encodeURIComponent(id)}`, event: (id) => `events/${id}` };
  const ask = async () => {
    const asked = current;
    if (!address[asked.topic]) return;
    askedMs = performance.now();
    try {
      const found = await get(`/api/v1/${address[asked.topic](asked.id)}/surroundings`);
      if (!isSame(asked)) return;
      around = found;
      map.putAround(around);
      drawBar();
      if (asked.topic !== "alert") dispatchPanel.redraw();
    } catch (error) {
      console.warn("surroundings:", error.message); // the place is shown without them; asked again below
    }
  };
  const fly = () => {
    const place = placeOf();
    if (!place) return;
    const ways = (around?.ways ?? []).slice(0, 3).flatMap((way) => way.path);
    const closed = (around?.closed ?? []).filter((one) => metres(place, one) < CLOSE_M).map((one) => [one.lon, one.lat]);
    map.flyTo([[place.lon, place.lat], ...ways, ...closed]);
  };
  const turn = async ({ later = false } = {}) => {
    const mine = current;
    around = null;
    map.putAround(null);
    drawBar();
    const place = placeOf();
    if (place) setTimeout(() => isSame(mine) && tiles.putUp(nearest(place)), later ? SECOND_CLICK_MS : 0);
    await Promise.race([ask(), new Promise((done) => setTimeout(done, WAIT_MS))]);
    if (isSame(mine)) fly();
  };
  const tell = () => {
    const told = current ? `?${current.topic}=${encodeURIComponent(current.id)}` : "";
    history.replaceState(history.state, "", location.pathname + told);
  };
  const begin = (one, options) => {
    choices++;
    current = one;
    if (one.topic !== "event") whole = null;
    tell();
    turn(options);
  };
  const isWall = () => bar?.isConnected ?? false;

  /** Choose a thing on the wall; one that is over is opened where it is kept. */
  const select = async (topic, id) => {
    if (topic === "alert" && !feed.alerts.has(id)) return location.assign(yiping.at(`/duty?alert=${id}`));
    if (topic === "alert") return alertList.choose(id);
    if (topic === "camera") {
      select("site", id);
      return yiping.live.open(id);
    }
    const one = { topic, id };
    if (isSame(one)) return;
    const mine = ++choices;
    if (topic === "event") {
      const found = await get(`/api/v1/events/${id}`);
      if (mine !== choices) return;
      whole = found;
    } else if (topic === "site" ? !yiping.sites.has(id) : !feed.responders.has(id)) {
      throw new Error(t("error.404"));
    }
    alertList.letGo(true);
    begin(one, { later: topic === "site" });
    dispatchPanel.redraw();
  };
  /** As before anything was chosen. */
  const letGo = () => {
    choices++;
    if (!current) return false;
    current = whole = around = null;
    tell();
    map.putAround(null);
    map.goBack();
    tiles.putUp([]);
    alertList.letGo();
    drawBar();
    dispatchPanel.redraw();
    return true;
  };

  // ---- what is told of it
  const tasksOf = () => {
    const { topic, id } = current;
    const all = [...feed.tasks.values()].filter(feed.isOpenTask);
    if (topic === "event") {
      const known = new Map((whole?.tasks ?? []).map((task) => [task.id, task]));
      for (const task of feed.tasks.values()) if (task.event === id) known.set(task.id, task);
      return [...known.values()].sort((a, b) => b.id - a.id);
    }
    return all.filter((task) => (topic === "person" ? feed.holdersOf(task).includes(id) : task.site === id));
  };
  const alertsOf = () => {
    const { topic, id } = current;
    if (topic === "event") return [...feed.alerts.values()].filter((alert) => alert.event === id).sort(feed.byUrgency);
    return topic === "site" ? feed.inHand().filter((alert) => alert.site === id) : [];
  };
  const title = () => {
    const { topic, id } = current;
    if (topic === "alert") { const alert = feed.alerts.get(id); return alert ? `${feed.titleOf(alert)} · ${siteName(alert.site)}` : `#${id}`; }
    if (topic === "event") return whole?.title ?? `#${id}`;
    return topic === "site" ? siteName(id) : personName(id);
  };
  const fact = (name, value) => value && make("div", {}, make("dt", {}, name), make("dd", {}, value));
  const facts = () => {
    const { topic, id } = current;
    if (topic === "event") return [
      fact(t("events.state"), t(`event.${whole.state}`)), fact(t("fact.started"), show(whole.opened_at, "full")),
      fact(t("selection.where"), siteName(whole.site)), fact(t("selection.grid"), whole.grid && screening.gridName(whole.grid))];
    if (topic === "person") {
      const one = feed.responders.get(id);
      if (!one) return []; // no longer among those on duty
      return [fact(t("selection.team"), one.team), fact(t("selection.shift"), t(one.on_shift ? "person.on_shift" : "person.off_shift")),
        fact(t("selection.position"), one.position_at ? [since(one.position_at)] : t("person.no_position"))];
    }
    const site = yiping.sites.get(id);
    if (!site) return [];
    const values = [...feed.readings.values()].filter((one) => one.site === id).slice(0, 3);
    return [fact(t("selection.grid"), site.grid && screening.gridName(site.grid)), fact(t("selection.seen"), tiles.isLost(id) ? feed.lossOf(id) : t(`health.${feed.sites.get(id)?.health ?? "unknown"}`)),
      ...values.map((one) => fact(t(`quantity.${one.quantity}`, {}, one.quantity), `${+one.value.toFixed(2)} ${one.unit}`))];
  };
  const list = (name, rows, none) => make("section", { class: "candidates" }, make("h4", {}, name),
    rows.length ? make("ol", {}, rows.slice(0, SHOWN)) : make("p", { class: "dim" }, none));
  const wayRow = (way) => make("li", { class: way.going ? "going" : "", "data-way": way.responder },
    make("b", {}, personName(way.responder)), make("span", { class: "dim" }, feed.responders.get(way.responder)?.team ?? ""),
    make("span", { class: "travel" }, dispatchPanel.travel(way)), way.going && make("span", { class: "tag" }, t("candidate.chosen")));
  const taskRow = (task) => make("li", { "data-task": task.id }, make("b", {}, task.title), make("span", { class: "dim" }, feed.holderNames(task)),
    make("span", { class: "travel" }, t(`task.${task.state}`)));
  const alertRow = (alert) => make("li", { "data-alert": alert.id }, make("span", {}, marks.mark(alert.priority, !feed.unacknowledged(alert))),
    make("span", {}, feed.titleOf(alert)), since(alert.raised_at, "ago", { class: "dim" }),
    make("button", { type: "button", "data-do": "choose", onclick: () => alertList.choose(alert.id) }, t("selection.choose")));
  /** The dispatch panel's contents where no alert is chosen; null where nothing is. */
  const panel = () => {
    if (!current || current.topic === "alert") return null;
    const [alerts, tasks] = [alertsOf(), tasksOf()];
    const { topic, id } = current;
    const proof = alerts.find((alert) => alert.evidence) ?? alerts[0];
    const camera = topic === "site" ? yiping.live.button(id) : whole?.site ? yiping.live.button(whole.site) : null;
    const picture = proof ? marks.evidence(proof, feed.titleOf(proof)) : whole?.photo && marks.picture(whole.photo, null, whole.priority, title());
    return [
      make("div", { class: picture ? "subject" : "subject bare" }, picture && make("div", { class: "proof" }, picture, proof && yiping.clips.of(proof)),
        make("div", { class: "do" }, camera,
          topic === "event" && make("a", { class: "button", href: yiping.at(`/events?event=${id}`) }, t("selection.open_event")),
          make("button", { type: "button", class: "quiet", "data-do": "let-go", onclick: letGo }, t("selection.back")))),
      make("div", { class: "work", "data-selected": `${topic}:${id}` },
        make("div", { class: "about" },
          make("h3", {}, whole && marks.mark(whole.priority), title(), make("span", { class: "dim" }, `${t(`selection.${topic}`)}${topic === "event" ? ` #${id}` : ""}`)),
          make("dl", { class: "facts" }, facts())),
        topic === "person" ? null : list(t("panel.candidates"), (around?.ways ?? []).map(wayRow), around ? t(may("dispatch") ? "candidate.nobody" : "may.not") : t("loading")),
        make("div", { class: "lists" },
          topic === "person" ? null : list(t("panel.alerts"), alerts.map(alertRow), t("selection.no_alerts")),
          list(t("selection.tasks"), tasks.map(taskRow), t("selection.no_tasks")))),
    ];
  };
  const signature = () => (current ? JSON.stringify([current, alertsOf().map((one) => [one.id, one.version]), tasksOf().map((one) => [one.id, one.version])]) : "none");
  const drawBar = () => {
    if (!isWall()) return;
    bar.hidden = current === null;
    if (!current) return bar.replaceChildren();
    bar.dataset.selected = `${current.topic}:${current.id}`;
    const found = around && [
      around.ways.length > 0 && t("selection.ways", { n: around.ways.length }),
      around.closed.length > 0 && `✕ ${t("selection.closed_n", { n: around.closed.length })}`,
      !placeOf() && t("person.no_position")].filter(Boolean).join(" · ");
    bar.replaceChildren(make("b", {}, title()), make("span", { class: "dim" }, found || ""),
      make("button", { type: "button", class: "quiet", "data-do": "let-go", onclick: letGo }, t("selection.back"), " ", make("kbd", {}, "Esc")));
  };

  // ---- the address of the page
  const fromAddress = () => {
    const asked = new URLSearchParams(location.search);
    const topic = TOPICS.find((one) => asked.has(one));
    if (!topic) return;
    const told = asked.get(topic);
    act(null, () => select(topic, ["alert", "event"].includes(topic) ? Number(told) : told));
  };
  mount("selection-bar", (element) => {
    bar = element;
    current = whole = around = null;
    let read = false;
    const start = () => {
      if (read || feed.link.state !== "live") return;
      read = true;
      fromAddress();
    };
    feed.on("link", start);
    start();
    alertList.follow((alert) => {
      if (alert && alertList.isByHand() && !isSame({ topic: "alert", id: alert.id })) begin({ topic: "alert", id: alert.id });
    });
    ["alert", "task", "event"].forEach((topic) => feed.on(topic, () => {
      if (current && current.topic !== "alert") dispatchPanel.redrawIfOther();
    }));
  });
  everySecond.add(() => { if (isWall() && current && !document.hidden && performance.now() - askedMs > REFRESH_MS) ask(); });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !isWall() || keyboard.isTyping(event) || keyboard.isCovered()) return;
    if (letGo()) event.preventDefault();
  });

  return { select, letGo, panel, signature, site: () => siteOf(), get current() { return current; }, isWall };
})();
