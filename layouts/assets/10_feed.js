// What the page knows: alerts, tasks, people, sites and readings, kept current by the events socket.
// Every change has a number; after a break the socket is asked to go on from the last one, so nothing is missed.
yiping.feed = (() => {
  "use strict";
  const { clock, all, t } = yiping;
  const PING_EVERY_S = 5;
  const SILENT_FOR_S = 2.5 * PING_EVERY_S; // then the link is taken for dead, though the socket may not know yet
  const SPARK_POINTS = 240;
  const FLUSH_MS = 15;

  /** @type {Map<number, Rest["AlertView"]>} */
  const alerts = new Map();
  /** @type {Map<number, Rest["TaskView"]>} */
  const tasks = new Map();
  /** @type {Map<number, Rest["EventView"]>} */
  const events = new Map();
  /** @type {Map<string, Rest["ResponderView"]>} */
  const responders = new Map();
  /** @type {Map<string, SiteState>} */
  const sites = new Map();
  /** @type {Map<string, Gauged>} */
  const readings = new Map(); // "site|monitor|quantity" -> {site, monitor, quantity, unit, value, at, points: [[ms, value]]}
  const kept = { alert: alerts, task: tasks, event: events, responder: responders };

  const link = { state: "connecting", heardAt: null, dataAt: null };
  let epoch = "";
  let seq = 0;
  let loaded = false;
  let waiting = null; // changes that came while the snapshot was being read
  let socket = null;
  let attempt = 0;

  // ---- listeners get the set of ids that changed, a few milliseconds' worth at once
  const listeners = new Map();
  const dirty = new Map();
  let flushing = null;
  const on = (topic, listener) => {
    if (!listeners.has(topic)) listeners.set(topic, new Set());
    listeners.get(topic).add(listener);
  };
  // ---- topics that only one page keeps: it hears each change, and "reset" when it has to read everything anew
  const hearers = new Map();
  const hear = (topic, listener) => hearers.set(topic, [...(hearers.get(topic) ?? []), listener]);
  const tell = (topic, data) => hearers.get(topic)?.forEach((listener) => listener(data));
  const touch = (topic, id) => {
    if (topic === "alert" || topic === "task") hand = null;
    if (!dirty.has(topic)) dirty.set(topic, new Set());
    dirty.get(topic).add(id);
    flushing ??= setTimeout(flush, FLUSH_MS);
  };
  const flush = () => {
    flushing = null;
    const batch = new Map(dirty);
    dirty.clear();
    for (const [topic, ids] of batch) listeners.get(topic)?.forEach((listener) => listener(ids));
  };

  // ---- applying
  const keep = (topic, item) => {
    const map = kept[topic];
    const known = map.get(item.id);
    if (known && item.version !== undefined && known.version > item.version) return;
    map.set(item.id, topic === "responder" && known && item.busy === null ? { ...item, busy: known.busy } : item);
    touch(topic, item.id);
  };
  const keepReading = (reading) => {
    const key = `${reading.site}|${reading.monitor}|${reading.quantity}`;
    const at = Date.parse(reading.at);
    const known = readings.get(key);
    const points = known?.points ?? [];
    const last = points.at(-1);
    if (last && at <= last[0]) {
      if (at < points[0][0]) return;
      const same = points.find((point) => point[0] === at);
      if (same) same[1] = reading.value; // a correction
      else points.push([at, reading.value]);
      points.sort((a, b) => a[0] - b[0]); // late, but still worth drawing
    } else points.push([at, reading.value]);
    if (points.length > SPARK_POINTS) points.splice(0, points.length - SPARK_POINTS);
    const newest = !known || Date.parse(known.at) <= at ? reading : known;
    readings.set(key, { ...newest, points });
    touch("reading", key);
  };
  const keepSite = (site) => {
    const known = sites.get(site.site);
    if (known?.at && site.at && known.at > site.at) return;
    sites.set(site.site, site);
    touch("site", site.site);
  };
  /** Why a lost site cannot be seen, in words. */
  const lossOf = (id) => { const cause = sites.get(id)?.cause; return cause ? yiping.t(`lost.${cause}`) : yiping.t("health.lost"); };
  const apply = (change) => {
    if (change.seq <= seq) return;
    seq = change.seq;
    link.dataAt = new Date(clock.now()).toISOString();
    if (change.topic in kept) keep(change.topic, change.data[change.topic]);
    else if (change.topic === "reading") keepReading(change.data);
    else if (change.topic === "site") keepSite(change.data);
    else tell(change.topic, change.data);
  };

  // ---- the snapshot: everything that still matters
  const sparkSince = () => new Date(clock.now() - 6 * 3600e3).toISOString();
  async function snapshot() {
    const wanted = [
      all("/api/v1/alerts?open=true&limit=500"),
      all("/api/v1/alerts?unacknowledged=true&limit=500"),
      all("/api/v1/tasks?open=true&limit=500"),
      all("/api/v1/responders"),
      all("/api/v1/sites"),
    ];
    const [open, unacknowledged, openTasks, people, places] = await Promise.all(wanted);
    const inWork = new Set([...open, ...unacknowledged].map((alert) => alert.id));
    const behind = openTasks.map((task) => task.alert).filter((id) => id && !inWork.has(id));
    const more = await Promise.all([...new Set(behind)].slice(0, 200).map((id) => yiping.get(`/api/v1/alerts/${id}`)));
    for (const [topic, map] of Object.entries(kept)) {
      for (const id of map.keys()) touch(topic, id);
      map.clear();
    }
    [...open, ...unacknowledged, ...more].forEach((alert) => keep("alert", alert.alert ?? alert));
    openTasks.forEach((task) => keep("task", task));
    people.forEach((one) => keep("responder", one));
    places.forEach((site) => keepSite({ site: site.id, health: site.health ?? "unknown", degraded: site.degraded ?? "", cause: site.cause ?? "", losses: site.losses ?? [], at: site.at ?? null }));
    await sparks();
    for (const topic of Object.keys(kept)) touch(topic, 0);
  }
  async function sparks() {
    const gauges = yiping.page.sites.filter((site) => site.gauges);
    const lists = gauges.map((site) => all(`/api/v1/readings?site=${site.id}&since=${encodeURIComponent(sparkSince())}`));
    (await Promise.all(lists)).flat().forEach(keepReading);
  }

  // ---- the socket
  const setLink = (state) => {
    if (link.state === state) return;
    link.state = state;
    touch("link", state);
  };
  const address = () => {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    return `${scheme}://${location.host}${yiping.at("/ws/events")}?since=${seq}&epoch=${encodeURIComponent(loaded ? epoch : "")}&batch=1`;
  };
  const take = (change) => (waiting ? waiting.push(change) : apply(change));
  async function hello(message, from) {
    epoch = message.epoch;
    tell("store", { state: "ok", since: null, free_mib: null }); // until the server says otherwise
    if (loaded && !message.reset) {
      setLink("live");
      return;
    }
    waiting = [];
    seq = message.seq;
    loaded = false;
    try {
      await snapshot();
    } catch (error) {
      if (from === socket) from.close(); // try again, with the same patience as for a lost link
      console.warn("snapshot:", error.message);
      return;
    }
    if (from !== socket) return;
    const later = waiting;
    waiting = null;
    loaded = true;
    attempt = 0;
    tell("reset");
    later.forEach(apply);
    link.dataAt ??= new Date(clock.now()).toISOString();
    setLink("live");
  }
  /** Nothing was missed up to this moment: that is how old the page's data is. */
  const hearPing = (message) => {
    clock.hear(message.at);
    attempt = 0;
    if (loaded) link.dataAt = message.at;
  };
  function connect() {
    const mine = new WebSocket(address());
    socket = mine;
    mine.onmessage = (event) => {
      if (mine !== socket) return;
      const message = JSON.parse(event.data);
      link.heardAt = performance.now();
      if (message.type === "hello") hello(message, mine);
      else if (message.type === "ping") hearPing(message);
      else if (["store", "claim", "told"].includes(message.type)) tell(message.type, message.data);
      else if (message.type === "change") take(message);
      else if (message.type === "changes") message.changes.forEach(take);
    };
    mine.onclose = () => {
      if (mine !== socket) return;
      socket = null;
      waiting = null;
      setLink("lost");
      if (attempt >= 2) yiping.get("/api/v1/me").catch(() => {}); // a session that has ended leads to the login page
      const pause = Math.min(5000, 300 * 2 ** attempt++) * (0.7 + 0.6 * Math.random());
      setTimeout(connect, pause);
    };
  }
  setInterval(() => {
    if (!socket || link.heardAt === null || socket.readyState !== WebSocket.OPEN) return;
    if (performance.now() - link.heardAt > SILENT_FOR_S * 1000) {
      const dead = socket;
      dead.close(); // its close event may take a minute on a dead link: do not wait for it
      dead.onclose?.();
      link.heardAt = null;
    }
  }, 1000);

  /** The page needs live data: connect (once). */
  let started = false;
  const start = () => {
    if (started) return;
    started = true;
    connect();
  };

  // ---- questions the panels ask
  const tasksOf = (alert) =>
    [...tasks.values()].filter((task) => task.alert === alert.id || (alert.event && task.event === alert.event));
  /** The newest task of an alert that was not cancelled, or undefined. */
  const lastTask = (alert) => tasksOf(alert).filter((task) => task.state !== "cancelled").sort((a, b) => b.id - a.id)[0];
  const isOpenTask = (task) => !["closed", "cancelled"].includes(task.state);
  /** May somebody be sent? Not while a task of it is offered or being worked on. */
  const canDispatch = (alert) =>
    alert.state !== "closed" && !tasksOf(alert).some((task) => isOpenTask(task) && task.state !== "draft");
  const isShelved = (alert) => alert.shelved_until !== null && Date.parse(alert.shelved_until) > clock.now();
  /** Kept quiet: shelved, by design, out of service, or judged not true. It calls nobody, but is shown all the same. */
  const isQuiet = (alert) => isShelved(alert) || alert.inhibited_by !== "" || alert.work_order !== "" || alert.verification === "dismissed";
  /** Has nobody acknowledged it yet? */
  const unseen = (alert) => alert.state === "firing" || alert.state === "returned";
  /** Does it call for somebody? */
  const unacknowledged = (alert) => unseen(alert) && !isQuiet(alert);
  /** Unacknowledged first, then by priority, then the newest. */
  const byUrgency = (a, b) =>
    Number(unacknowledged(b)) - Number(unacknowledged(a)) || Number(a.priority > b.priority) - Number(a.priority < b.priority) || b.id - a.id;
  /** Worked out once for each change: every panel asks, and in a flood there are a thousand. */
  let hand = null;
  const handNow = () => {
    if (hand) return hand;
    const busy = new Set();
    for (const task of tasks.values()) if (isOpenTask(task)) { busy.add(`a${task.alert}`); busy.add(`e${task.event}`); }
    const all = [...alerts.values()].filter(
      (alert) => alert.state !== "closed" || busy.has(`a${alert.id}`) || (alert.event && busy.has(`e${alert.event}`)),
    ).sort(byUrgency);
    const bySite = new Map();
    for (const alert of all) { if (!bySite.has(alert.site)) bySite.set(alert.site, []); bySite.get(alert.site).push(alert); }
    hand = { all, bySite };
    return hand;
  };
  /** Alerts that still need somebody: holding, or unacknowledged, or with an open task. The most urgent first. */
  const inHand = () => [...handNow().all];
  const mostUrgentAt = (site, fits = () => true) => handNow().bySite.get(site)?.find(fits);

  /** Who has it, or all who are asked: the two best at once when it is urgent. */
  const holdersOf = (task) =>
    task?.responder ? [task.responder] : task?.offered_to ? [task.offered_to, ...(task.also_offered ?? [])] : [];
  const holderNames = (task) => yiping.personNames(holdersOf(task));

  /** Every step from detection to the end: [[name, when or null, who (one or several)]]. */
  const stepsOf = (alert, task) => [
    ["alert.raised", alert.raised_at, ""],
    ["alert.acknowledged", alert.acknowledged_at, alert.acknowledged_by],
    ["task.created", task?.created_at, task?.created_by],
    ["task.offered", task?.offered_to || task?.accepted_at ? task.created_at : null, holdersOf(task)],
    ["task.accepted", task?.accepted_at, task?.responder],
    ["task.en_route", task?.en_route_at, task?.responder],
    ["task.on_scene", task?.on_scene_at, task?.responder],
    ["task.reported", task?.reported_at, task?.responder],
    ["task.verified", task?.verified_at, task?.verified_by],
    ...(task?.cancelled_at ? [["task.cancelled", task.cancelled_at, ""]] : [["task.closed", task?.closed_at, ""]]),
  ];

  const LONGEST_LABEL = 100; // a foreign one may have thousands of characters, which take a browser a minute to break into lines
  const shorter = (text) => (text.length > LONGEST_LABEL ? `${text.slice(0, LONGEST_LABEL - 1)}…` : text);
  const labelOf = (alert) => t(`label.${alert.label}`, {}, shorter(alert.label));
  /** A rule in words: by its id where that is a known one ("警戒水位"), else by its kind: "水位 超过限值". */
  const ruleName = (rule, kind = rule, label = "") => t(`rule.${rule}`, {}, "")
    || [label ? t(`quantity.${label}`, {}, labelOf({ label })) : "", t(`kind.${kind}`, {}, kind)].filter(Boolean).join(" ");
  /** What happened, in words: "人 · 进入区域". */
  const titleOf = (alert) => {
    const what = t(`kind.${alert.kind}`, {}, alert.kind);
    if (alert.vehicle) return `${alert.vehicle.plate} · ${what}`;
    if (alert.value !== null && alert.value !== undefined) {
      const quantity = t(`quantity.${alert.label || alert.zone}`, {}, shorter(alert.label));
      return `${quantity ? `${quantity} ` : ""}${+alert.value.toFixed(2)} ${alert.unit} · ${what}`;
    }
    return alert.label ? `${labelOf(alert)} · ${what}` : what;
  };

  return {
    alerts, tasks, events, responders, sites, readings, link, on, hear, lossOf, start, tasksOf, isOpenTask, inHand,
    mostUrgentAt, unseen, unacknowledged, isShelved, isQuiet, lastTask, byUrgency,
    canDispatch, holdersOf, holderNames, stepsOf, titleOf, labelOf, ruleName, get seq() { return seq; },
  };
})();
