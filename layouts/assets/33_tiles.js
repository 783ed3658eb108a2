// The camera wall: one binary socket, one canvas a camera, newest picture wins, as many as the browser asks for.
yiping.tiles = (() => {
  "use strict";
  const { t, make, mount, feed, marks, page, everySecond, alertList, duration, modes } = yiping;
  const CREDITS = 4; // pictures that may be under way; each one drawn asks for the next
  const COVER_AFTER_S = 5; // without a newer picture, by when pictures arrive: one that arrives late is no fault
  const LOST_AFTER_S = 2; // the same where the camera is told to be lost: what still arrives is believed more
  const LAG_S = 2; // a picture's own time is as much behind: said, in seconds
  const CALM_S = 10; // a cover that was taken away, or a badge that came or went, does not turn again sooner
  const tiles = new Map(); // site id -> tile
  const followers = new Set(); // told when a cover comes or goes
  const faults = new Map(); // site id -> what is wrong with its camera: nothing is detected there meanwhile
  let socket = null;
  let attempt = 0;
  let wall = null;

  // ---- drawing
  const path = (context, corners, w, h) => {
    context.beginPath();
    corners.forEach(([x, y], i) => (i ? context.lineTo(x * w, y * h) : context.moveTo(x * w, y * h)));
    context.closePath();
  };
  const overlay = (tile, header, w, h) => {
    const context = tile.context;
    const urgent = tile.alert?.state === "firing" || tile.alert?.state === "acknowledged" ? tile.alert : null;
    const line = Math.max(1, w / 400);
    for (const zone of tile.site.zones) {
      const hot = urgent && urgent.zone === zone.id;
      path(context, zone.polygon, w, h);
      context.setLineDash(hot ? [] : [line * 5, line * 4]);
      context.lineWidth = line * (hot ? 1.6 : 1);
      context.strokeStyle = hot ? marks.COLOURS[urgent.priority] : "rgba(230,238,245,.45)";
      context.stroke();
    }
    context.setLineDash([]);
    context.font = `600 ${Math.max(11, w / 38)}px system-ui, "Noto Sans CJK SC", sans-serif`;
    context.textBaseline = "bottom";
    for (const box of header.boxes) {
      const [left, top, right, bottom] = [box.xyxy[0] * w, box.xyxy[1] * h, box.xyxy[2] * w, box.xyxy[3] * h];
      const colour = box.alerting ? marks.COLOURS[urgent?.priority ?? "P2"] : "rgba(240,246,250,.85)";
      context.lineWidth = line * (box.alerting ? 2.4 : 1.2);
      context.strokeStyle = colour;
      context.strokeRect(left, top, right - left, bottom - top);
      const text = `${t(`label.${box.label}`, {}, box.label)} ${Math.round(box.confidence * 100)}`;
      const wide = context.measureText(text).width + 6;
      const high = Math.max(13, w / 30);
      const y = top > high ? top : top + high;
      context.fillStyle = box.alerting ? colour : "rgba(10,14,18,.62)";
      context.fillRect(left, y - high, wide, high);
      context.fillStyle = box.alerting ? "#10151a" : "#e6edf2";
      context.fillText(text, left + 3, y - 1);
    }
  };
  const nowS = () => performance.now() / 1000;
  let received = 0;
  async function drawPicture(buffer) {
    const number = ++received;
    const view = new DataView(buffer);
    const length = view.getUint32(0);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
    const tile = tiles.get(header.site);
    if (!tile) return;
    const bitmap = await createImageBitmap(new Blob([new Uint8Array(buffer, 4 + length)], { type: "image/jpeg" }));
    if (number < tile.number) return bitmap.close(); // one that came later was decoded sooner
    const known = tile.at === header.at && tile.sequence === header.sequence; // told again after a reconnection
    tile.number = number;
    if (tile.canvas.width !== bitmap.width || tile.canvas.height !== bitmap.height) {
      tile.canvas.width = bitmap.width;
      tile.canvas.height = bitmap.height;
    }
    tile.context.drawImage(bitmap, 0, 0);
    bitmap.close();
    tile.at = header.at;
    tile.sequence = header.sequence;
    // The first one after connecting may have lain there for long: an old one shows no live camera, two of them do.
    const first = tile.socket !== socket;
    tile.socket = socket;
    if (!known && !(first && yiping.ageSeconds(header.at) > coverAfterS(tile))) tile.arrivedS = nowS();
    overlay(tile, header, tile.canvas.width, tile.canvas.height);
    drawAge(tile);
  }
  /** A camera that gives a picture now and then is not silent in between. */
  const coverAfterS = (tile) => Math.max(COVER_AFTER_S, 2.5 * (tile.site.picture_every_s ?? 0));
  /** What covers the picture: "" (nothing), "waiting", "old" or "lost". The one place that decides it. */
  const coverOf = (tile, health) => {
    const silentS = tile.arrivedS === null ? Infinity : nowS() - tile.arrivedS;
    const lost = health === "lost" && silentS > LOST_AFTER_S;
    const kind = lost ? "lost" : tile.at === null ? "waiting" : silentS > coverAfterS(tile) ? "old" : "";
    if (tile.coverKind === "" && nowS() - tile.uncoveredS < CALM_S) return "";
    const covered = tile.coverKind === "old" || tile.coverKind === "lost";
    return kind === "" && covered && tile.arrivedS === tile.lastBeforeS ? "old" : kind; // only a picture uncovers
  };
  /** Is the picture behind, in its own time? Once said, until it has not been for a while; and the other way round. */
  const lagsNow = (tile, seconds) => {
    if (seconds > LAG_S) [tile.behindS, tile.lagS] = [nowS(), seconds];
    const lags = nowS() - tile.behindS < CALM_S;
    if (lags !== tile.lags && nowS() - tile.lagTurnedS >= CALM_S) {
      tile.lags = lags;
      tile.lagTurnedS = nowS();
    }
    return tile.lags;
  };
  const drawAge = (tile) => {
    const { health = "unknown", degraded, cause } = feed.sites.get(tile.site.id) ?? {};
    const seconds = tile.at ? yiping.ageSeconds(tile.at) : null;
    const kind = coverOf(tile, health);
    if (kind !== tile.coverKind) {
      // The first picture of all ends a waiting, no fault: it may be covered again as soon as pictures stop.
      if (kind === "" && (tile.coverKind === "old" || tile.coverKind === "lost")) tile.uncoveredS = nowS();
      tile.coverKind = kind;
      tile.lastBeforeS = tile.arrivedS;
      followers.forEach((follow) => follow());
    }
    const lags = lagsNow(tile, seconds);
    const age = seconds === null ? "—" : lags ? t("tile.lag", { n: Math.round(tile.lagS) }) : t("age.short", { n: seconds < 10 ? seconds.toFixed(1) : Math.floor(seconds) });
    tile.age.textContent = degraded ? [`⚠ ${lags ? "" : t(`tile.degraded.${degraded}`)}`.trim(), age].join(lags ? " " : " · ") : age; // both do not fit
    tile.age.title = [degraded && t(`tile.degraded_why.${degraded}`), lags && t("tile.lag_why")].filter(Boolean).join(" · ");
    tile.age.classList.toggle("lag", lags);
    tile.age.classList.toggle("wordy", Boolean(degraded) && !lags);
    const cover = { "": "", waiting: t("tile.waiting"), lost: [t("tile.lost"), cause && t(`lost.${cause}`)].filter(Boolean).join(" · "),
      old: t("tile.old", { age: duration(nowS() - (tile.arrivedS ?? nowS() - (seconds ?? 0))) }) }[kind];
    tile.element.classList.toggle("covered", kind !== "");
    tile.element.classList.toggle("lost", kind === "lost" || kind === "old");
    const fault = faults.has(tile.site.id) ? `⚠ ${t(`label.${faults.get(tile.site.id)}`)} · ${t("tile.paused")}` : "";
    tile.element.classList.toggle("ill", fault !== "");
    if (tile.fault.textContent !== fault) tile.fault.textContent = fault;
    if (tile.cover.textContent !== cover) tile.cover.textContent = cover;
  };
  // A fault that is clearing, or that only its latch holds open, is no fault of the picture that is seen now.
  const drawState = () => {
    faults.clear();
    for (const alert of feed.alerts.values())
      if (alert.kind === "camera_health" && alert.condition === "active") faults.set(alert.site, alert.label);
    tiles.forEach(drawAge);
    for (const tile of tiles.values()) {
      const alert = alertList.at(tile.site.id);
      const sign = alert ? `${alert.id}|${alert.state}` : "";
      const ofChosen = alertList.chosen()?.site === tile.site.id;
      tile.element.classList.toggle("of-chosen", ofChosen && alertList.isByHand());
      tile.element.classList.toggle("of-shown", ofChosen && !alertList.isByHand());
      if (tile.sign === sign) continue;
      tile.sign = sign;
      tile.alert = alert;
      tile.element.dataset.priority = alert?.priority ?? "";
      tile.mark.replaceChildren(...(alert ? [marks.mark(alert.priority, !feed.unacknowledged(alert))] : []));
      tile.what.textContent = alert ? feed.titleOf(alert) : "";
    }
  };

  // ---- the socket: asks for nothing while nobody sees the page
  const send = (message) => socket?.readyState === WebSocket.OPEN && socket.send(JSON.stringify(message));
  function connect() {
    if (document.hidden || !wall?.isConnected) return;
    const mine = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${yiping.at("/ws/wall")}`);
    mine.binaryType = "arraybuffer";
    socket = mine;
    mine.onopen = () => { attempt = 0; send({ look: [...tiles.keys()], credits: CREDITS }); };
    mine.onmessage = async (event) => {
      if (!(event.data instanceof ArrayBuffer)) return;
      try {
        await drawPicture(event.data);
      } catch (error) {
        console.warn("tile:", error.message); // one broken picture must not stop the others
      }
      if (mine === socket) send({ credit: 1 });
    };
    mine.onclose = () => {
      if (mine !== socket) return;
      socket = null;
      setTimeout(connect, Math.min(5000, 300 * 2 ** attempt++) * (0.7 + 0.6 * Math.random()));
    };
  }
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { const idle = socket; socket = null; idle?.close(); }
    else if (!socket) connect();
  });

  // ---- layout: the number of columns that makes the pictures largest
  const RATIO = 16 / 9;
  /** Rows of `n` pictures of which `large` take two rows and two columns each and come first. */
  const rowsOf = (columns, n, large) => {
    const bands = large ? Math.ceil(large / Math.floor(columns / 2)) : 0;
    const beside = bands * 2 * columns - large * 4;
    return bands * 2 + Math.ceil(Math.max(0, n - large - beside) / columns);
  };
  const arrange = () => {
    const n = tiles.size;
    const large = [...tiles.values()].filter((tile) => tile.element.classList.contains("large")).length;
    const { clientWidth: w, clientHeight: h } = wall;
    if (!n || !w || !h) return;
    const gap = parseFloat(getComputedStyle(wall).columnGap) || 0;
    let best = { columns: 1, width: 0 };
    for (let columns = large ? 2 : 1; columns <= Math.max(n, 2); columns++) {
      const rows = rowsOf(columns, n, large);
      const width = Math.min((w - gap * (columns - 1)) / columns, ((h - gap * (rows - 1)) / rows) * RATIO);
      if (width > best.width) best = { columns, width };
    }
    wall.style.setProperty("--columns", best.columns);
    wall.style.setProperty("--tile", `${Math.floor(best.width)}px`);
  };
  const build = (site) => {
    const canvas = make("canvas", { width: 640, height: 360, role: "img", "aria-label": site.name });
    const tile = {
      site, canvas, context: canvas.getContext("2d", { alpha: false }), at: null, sequence: null, number: 0, socket: null, sign: null, alert: null,
      arrivedS: null, coverKind: null, uncoveredS: -Infinity, lastBeforeS: null, lags: false, behindS: -Infinity, lagTurnedS: -Infinity,
      age: make("span", { class: "age" }), cover: make("div", { class: "cover" }), fault: make("div", { class: "fault" }), pin: make("span", { class: "pin", hidden: true }, t("plans.pinned")), mark: make("span"), what: make("span", { class: "what" }),
    };
    tile.element = make("figure", { class: "tile", "data-site": site.id, tabindex: 0 }, canvas, tile.cover, tile.fault, tile.pin,
      make("figcaption", {}, tile.mark, make("b", {}, site.name), tile.what, tile.age));
    tile.element.addEventListener("click", () => {
      const alert = alertList.at(site.id);
      if (alert) alertList.choose(alert.id);
      else yiping.selection.select("site", site.id);
    });
    const open = () => yiping.live.open(site.id);
    tile.element.addEventListener("dblclick", open);
    tile.element.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.target === tile.element) open(); });
    return tile;
  };

  // ---- which come first, twice as large while there are others beside them: those near what was chosen, else the pinned
  let pinned = [];
  let near = [];
  const order = () => {
    if (!wall?.isConnected) return;
    const large = (near.length ? near : pinned).filter((id) => tiles.has(id));
    const first = [...new Set([...large, ...pinned.filter((id) => tiles.has(id))])];
    const all = [...first, ...[...tiles.keys()].filter((id) => !first.includes(id))];
    for (const [id, tile] of tiles) {
      tile.element.classList.toggle("large", large.includes(id) && all.length > large.length);
      tile.element.toggleAttribute("data-pinned", pinned.includes(id));
      tile.element.toggleAttribute("data-near", near.includes(id));
      tile.pin.hidden = !pinned.includes(id);
    }
    const held = /** @type {HTMLElement} */ (document.activeElement);
    for (const id of all) wall.append(tiles.get(id).element);
    if (wall.contains(held)) held.focus({ preventScroll: true }); // an element that is moved loses the focus
    arrange();
  };
  const pin = (state) => { pinned = state.pinned; order(); };
  /** These cameras are up, the nearest first; none: as it was before. */
  const putUp = (sites) => { near = sites; order(); };

  mount("camera-wall", (element) => {
    wall = element;
    tiles.clear();
    page.sites.filter((site) => site.camera).forEach((site) => tiles.set(site.id, build(site)));
    wall.replaceChildren(...[...tiles.values()].map((tile) => tile.element));
    if (!tiles.size) wall.append(make("p", { class: "empty dim" }, t("tile.no_cameras")));
    new ResizeObserver(arrange).observe(wall);
    arrange();
    const counts = document.getElementById("camera-counts");
    const all = () => {
      tiles.forEach(drawAge);
      const bad = [...tiles.values()].filter(({ element }) => ["lost", "ill"].some((sign) => element.classList.contains(sign))).length;
      counts.textContent = t("tile.counts", { n: tiles.size }) + (bad ? ` · ${t("tile.counts_lost", { n: bad })}` : "");
    };
    feed.on("site", all);
    everySecond.add(all);
    ["alert", "task"].forEach((topic) => feed.on(topic, drawState));
    alertList.follow(drawState);
    modes.follow(pin);
    all();
    connect();
  });
  /** Can the site not be seen? A camera on the wall by what its tile shows, another site by what is told of it. */
  const isLost = (site) => (tiles.has(site) ? ["lost", "old"].includes(tiles.get(site).coverKind) : feed.sites.get(site)?.health === "lost");
  return { tiles, isLost, putUp, follow: (follower) => followers.add(follower) };
})();
