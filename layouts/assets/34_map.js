// The map: our own lines and areas on a canvas, no tiles from anywhere; sites and people drawn straight onto it.
yiping.map = (() => {
  "use strict";
  const { t, mount, feed, marks, page, ageSeconds, everySecond, alertList, tiles, personName } = yiping;
  const STALE_S = 120; // a position older than this is drawn faint
  const GROUND = {
    water: { color: "#24465c", weight: 1, fillColor: "#152b3a", fillOpacity: 1 },
    green: { stroke: false, fillColor: "#15221d", fillOpacity: 1 },
    block: { color: "#1f2831", weight: 1, fillColor: "#171e25", fillOpacity: 1 },
    major: { color: "#46535f", weight: 3.5 },
    road: { color: "#36424d", weight: 2 },
    path: { color: "#2b353e", weight: 1, dashArray: "3 4" },
    border: { color: "#4a5763", weight: 1, dashArray: "8 5", fill: false },
  };
  /** @type {[RegExp, string][]} */
  const WORDS = [
    [/river|water|lake|stream|canal/, "water"], [/park|green|grass|wood/, "green"], [/border|boundary|district|grid/, "border"],
    [/primary|trunk|motorway|major|main|bridge/, "major"], [/foot|path|steps|alley|walk/, "path"], [/block|building|house/, "block"],
  ];
  /** How a GeoJSON feature of the ground is drawn: by its words, else by its geometry. Called by dash-leaflet. */
  const style = (feature) => {
    const p = feature.properties ?? {};
    const text = [p.kind, p.class, p.highway, p.natural, p.type, p.layer].filter(Boolean).join(" ").toLowerCase();
    const known = WORDS.find(([pattern]) => pattern.test(text))?.[1];
    const line = /Line/.test(feature.geometry.type);
    if (known === "water" && line) return { ...GROUND.water, weight: 8, fill: false, color: "#1b3547", interactive: false };
    return { ...GROUND[known ?? (line ? "road" : "block")], interactive: false };
  };

  // ---- marks on leaflet's canvas, as large as the page's letters
  let unit = 1;
  const measure = () => { unit = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16 || 1; unit = Math.max(1, unit); };
  let Mark = null;
  const define = () => {
    const { L } = window;
    L.Canvas.include({
      _drawYiping(layer) {
        if (!this._drawing || layer._empty()) return;
        const context = this._ctx;
        context.save();
        context.translate(layer._point.x, layer._point.y);
        context.scale(unit, unit);
        layer.options.paint(context, 0, 0);
        context.restore();
      },
    });
    Mark = L.CircleMarker.extend({
      _updatePath() { this._renderer._drawYiping(this); },
      // The name beside a mark needs redrawing too, so its room is part of the layer.
      _updateBounds() {
        const r = (this._radius + 3) * unit;
        const [wide, high] = [r + 150 * unit, r + 24 * unit];
        this._pxBounds = L.bounds(this._point.subtract([wide, high]), this._point.add([wide, high]));
      },
    });
  };
  const text = (context, words, x, y, colour, size = 12, weight = 500) => {
    context.font = `${weight} ${size}px system-ui, "Noto Sans CJK SC", sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    context.lineWidth = 3;
    context.strokeStyle = "rgba(14,18,22,.85)";
    context.strokeText(words, x, y);
    context.fillStyle = colour;
    context.fillText(words, x, y);
  };
  const outline = (context, points, x, y, size) => {
    context.beginPath();
    points.forEach(([px, py], i) => {
      const at = [x + ((px - 12) / 12) * size, y + ((py - 12) / 12) * size];
      if (i) context.lineTo(...at); else context.moveTo(...at);
    });
    context.closePath();
  };
  // Where a site's name stands: below, above, right or left, so that neighbours' names do not cover each other.
  const SIDES = [
    (more) => [0, 18 + more], (more) => [0, -18 - more], (more, half) => [16 + more + half, 0], (more, half) => [-16 - more - half, 0],
  ];
  const sides = new Map(); // site -> its side, null where there is no room for its name
  let settled = ""; // the sites in trouble when the names were settled
  /** Half of the width of a text on the map, in its own units: a Chinese sign is as wide as it is high. */
  const halfOf = (words) => [...words].reduce((sum, sign) => sum + (sign > "\u2000" ? 6 : 3.6), 2);
  const settleNames = () => {
    const { x: wide, y: high } = map.getSize();
    const taken = page.sites.map((site) => box(map.latLngToContainerPoint([site.lat, site.lon]), 0, 0, 11, 11));
    /** @param {number[]} box */
    const inside = ([left, top, right, bottom]) => left >= 0 && top >= 0 && right <= wide && bottom <= high;
    // Those in trouble first: a name that finds no room of its own is left out, and comes with the pointer.
    for (const site of [...page.sites].sort((a, b) => Number(Boolean(alertList.at(b.id))) - Number(Boolean(alertList.at(a.id))))) {
      const at = map.latLngToContainerPoint([site.lat, site.lon]);
      const half = halfOf(site.name);
      const own = (side) => box(at, ...side(5, half), half, 8);
      const side = SIDES.find((one) => inside(own(one)) && !taken.some((other) => cross(own(one), other)));
      sides.set(site.id, side ?? null);
      if (side) taken.push(own(side));
    }
  };
  const box = (at, dx, dy, w, h) => [at.x + (dx - w) * unit, at.y + (dy - h) * unit, at.x + (dx + w) * unit, at.y + (dy + h) * unit];
  const cross = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
  const paintSite = (site) => (context, x, y) => {
    const alert = alertList.at(site.id);
    const lost = tiles.isLost(site.id);
    const chosen = alertList.chosen()?.site === site.id || yiping.selection.site() === site.id;
    if (alert) {
      const fresh = feed.unacknowledged(alert);
      const size = fresh ? 13 : 11;
      if (fresh) {
        context.beginPath();
        context.arc(x, y, size + 6, 0, 2 * Math.PI);
        context.fillStyle = `${marks.COLOURS[alert.priority]}33`;
        context.fill();
      }
      outline(context, marks.SHAPES[alert.priority], x, y, size);
      context.fillStyle = fresh ? marks.COLOURS[alert.priority] : "#10151a";
      context.fill();
      context.lineWidth = 2;
      context.strokeStyle = marks.COLOURS[alert.priority];
      context.stroke();
      context.font = "700 12px system-ui, sans-serif";
      context.textAlign = "center";
      context.textBaseline = "middle";
      // A triangle is narrower than its letters: they bring their ground with them.
      context.lineJoin = "round";
      context.lineWidth = 3;
      context.strokeStyle = fresh ? marks.COLOURS[alert.priority] : "#10151a";
      context.strokeText(alert.priority, x, y + (alert.priority === "P2" ? 3 : 0.5));
      context.fillStyle = fresh ? "#10151a" : marks.COLOURS[alert.priority];
      context.fillText(alert.priority, x, y + (alert.priority === "P2" ? 3 : 0.5));
    } else {
      context.beginPath();
      if (site.camera) context.rect(x - 6, y - 6, 12, 12);
      else { context.moveTo(x, y - 8); context.lineTo(x + 6, y + 3); context.arc(x, y + 2.5, 6, 0.1, Math.PI - 0.1); context.closePath(); }
      context.fillStyle = "#10151a";
      context.fill();
      context.lineWidth = 1.6;
      context.strokeStyle = lost ? "#5d6a76" : "#aab7c2";
      context.setLineDash(lost ? [2, 2] : []);
      context.stroke();
      context.setLineDash([]);
      if (site.camera && !lost) { context.fillStyle = "#aab7c2"; context.fillRect(x - 2, y - 2, 4, 4); }
    }
    if (chosen) {
      context.beginPath();
      context.arc(x, y, 20, 0, 2 * Math.PI);
      context.lineWidth = 1.5;
      context.strokeStyle = "#eef3f7";
      context.stroke();
    }
    if (sides.get(site.id) === null && !chosen) return;
    const [dx, dy] = (sides.get(site.id) ?? SIDES[0])(alert ? 5 : 0, halfOf(site.name));
    text(context, lost ? `${site.name} · ${feed.lossOf(site.id)}` : site.name, x + dx, y + dy, alert ? "#eef3f7" : "#93a1ad");
  };
  const paintPerson = (id) => (context, x, y) => {
    const one = feed.responders.get(id);
    if (!one?.position) return;
    const stale = ageSeconds(one.position_at) > STALE_S;
    context.globalAlpha = stale ? 0.35 : 1;
    context.beginPath();
    context.arc(x, y, one.busy ? 5 : 4, 0, 2 * Math.PI);
    context.fillStyle = one.busy ? "#eef3f7" : "#7c8b98";
    context.fill();
    const chosen = yiping.selection.current?.topic === "person" && yiping.selection.current.id === id;
    if (one.busy || chosen) {
      context.beginPath();
      context.arc(x, y, chosen ? 14 : 8, 0, 2 * Math.PI);
      context.lineWidth = 1.5;
      context.strokeStyle = "#eef3f7";
      context.stroke();
      text(context, personName(id), x, y - 15, "#eef3f7", 12);
    }
    context.globalAlpha = 1;
  };

  // ---- the live layer
  let map = null;
  let renderer = null;
  let moved = false; // by hand: then the view is the person's
  let refit = () => {};
  const siteMarks = new Map();
  const people = new Map();
  const busy = () => {
    const at = new Set();
    for (const task of feed.tasks.values()) if (feed.isOpenTask(task)) feed.holdersOf(task).forEach((who) => at.add(who));
    return at;
  };
  const drawSites = () => {
    const troubled = page.sites.filter((site) => alertList.at(site.id)).map((site) => site.id).join();
    if (map && troubled !== settled) { settled = troubled; settleNames(); }
    siteMarks.forEach((mark) => mark.redraw());
  };
  const drawPeople = () => {
    if (!map) return;
    const working = busy();
    for (const one of feed.responders.values()) {
      one.busy = working.has(one.id);
      if (!one.position || !one.on_shift) { people.get(one.id)?.remove(); people.delete(one.id); continue; }
      const at = [one.position.lat, one.position.lon];
      const known = people.get(one.id);
      if (known) known.setLatLng(at);
      else {
        const mark = new Mark(at, { radius: 9, paint: paintPerson(one.id), renderer, pane: "live" });
        mark.bindTooltip(() => {
          const who = feed.responders.get(one.id);
          return `${who.name} · ${who.team} · ${t(who.busy ? "person.busy" : "person.free")} · ${yiping.ago(who.position_at)}`;
        });
        people.set(one.id, mark.addTo(map).bringToBack()); // a site in trouble must never be hidden
      }
    }
  };
  const begin = (made) => {
    map = made;
    if (!Mark) define();
    // A canvas of their own above the ground: a moving person must not make the whole map be drawn again.
    map.createPane("live").style.zIndex = 450;
    renderer = window.L.canvas({ pane: "live", padding: 0.1 });
    siteMarks.clear();
    people.clear();
    for (const site of page.sites) {
      const mark = new Mark([site.lat, site.lon], { radius: 16, paint: paintSite(site), renderer, pane: "live" });
      mark.bindTooltip(() => site.name);
      mark.on("click", (event) => {
        if (picker) { pickedBy = event.originalEvent; picker({ lon: site.lon, lat: site.lat, site: site.id }); return; }
        const alert = alertList.at(site.id);
        if (alert) alertList.choose(alert.id); else yiping.selection.select("site", site.id);
      });
      siteMarks.set(site.id, mark.addTo(map));
    }
    moved = false;
    before = null;
    map.on("dragstart dblclick", () => { moved = true; });
    map.on("click", ({ latlng, originalEvent }) => { // a site's mark hears the same click first
      if (picker && originalEvent !== pickedBy) picker(placeAt(latlng.wrap()));
    });
    map.getContainer().addEventListener("keydown", (event) => {
      if (picker && event.key === "Enter" && event.target === map.getContainer()) { event.preventDefault(); picker(placeAt(map.getCenter())); }
    });
    spotMark = null;
    pick(picker);
    map.getContainer().addEventListener("wheel", () => { moved = true; }, { passive: true });
    const fit = () => {
      measure();
      map.invalidateSize({ animate: false });
      if (moved || !page.sites.length || !map.getSize().x) return; // a map that is hidden has no size to fit
      map.fitBounds(page.sites.map((site) => [site.lat, site.lon]), { padding: [44, 44], maxZoom: 17, animate: false });
      settleNames();
      drawSites();
    };
    map.on("zoomend", () => { settleNames(); drawSites(); drawAround(); });
    refit = fit;
    new ResizeObserver(fit).observe(map.getContainer());
    drawPeople();
    drawAround();
    born.forEach((listener) => listener());
  };
  // ---- a place that is to be chosen, and the mark of the one that was
  let picker = null;
  let pickedBy = null; // the click that a site's mark has taken
  let spotMark = null;
  const placeAt = ({ lng, lat }) => ({ lon: lng, lat });
  /** While there is a `listener`, a click (or Enter, for the middle) tells it {lon, lat, site} and chooses nothing; null ends it. */
  const pick = (listener) => {
    picker = listener;
    map?.getContainer().classList.toggle("picking", Boolean(listener));
  };
  const paintSpot = (context, x, y) => {
    context.beginPath();
    context.arc(x, y, 9, 0, 2 * Math.PI);
    [[0, -16, 0, -5], [0, 5, 0, 16], [-16, 0, -5, 0], [5, 0, 16, 0]].forEach(([ax, ay, bx, by]) => { context.moveTo(x + ax, y + ay); context.lineTo(x + bx, y + by); });
    context.lineWidth = 5;
    context.strokeStyle = "#0e1216";
    context.stroke();
    context.lineWidth = 2.2;
    context.strokeStyle = "#ffffff";
    context.stroke();
  };
  /** Show this place as chosen; the map comes to it where it is out of sight. null: none. */
  const putSpot = (place) => {
    spotMark?.remove();
    spotMark = null;
    if (!map || !place) return;
    const at = [place.lat, place.lon];
    spotMark = new Mark(at, { radius: 17, paint: paintSpot, renderer, pane: "live", interactive: false }).addTo(map);
    if (!map.getBounds().pad(-0.05).contains(at)) { moved = true; map.setView(at, Math.max(map.getZoom(), 16), { animate: !isCalm() }); }
  };

  // ---- around what was chosen: the ways of those who could be sent, and closed roads
  const CLOSED = "#ff9838";
  const NAMED_WAYS = 4; // more names hide each other
  let before = null; // the view that Escape gives back: {centre, zoom, moved}
  let around = null; // {place, ways, closed}
  let layers = [];
  const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
  let taken = []; // room that other words have, in the map's points
  const BESIDE = [18, -20, 34, -36, 50];
  /** Words below or above a place, where they cover no other words. */
  const label = (at, words, colour) => {
    const point = map.latLngToContainerPoint(at);
    const own = (dy) => box(point, 0, dy, halfOf(words), 8);
    const meets = (dy) => taken.filter((other) => cross(own(dy), other)).length;
    const dy = BESIDE.reduce((best, one) => (meets(one) < meets(best) ? one : best));
    taken.push(own(dy));
    return new Mark(at, { radius: 10, paint: (context, x, y) => text(context, words, x, y + dy, colour, 12, 650), renderer, pane: "live", interactive: false });
  };
  const line = (points, options) => window.L.polyline(points.map(([lon, lat]) => [lat, lon]), { renderer, pane: "live", interactive: false, ...options });
  const closedLayers = (one) => [
    ...one.lines.map((piece) => line(piece, { color: CLOSED, weight: 5, opacity: 0.9, dashArray: "2 7" })),
    window.L.circle([one.lat, one.lon], { radius: one.radius_m, renderer, pane: "live", interactive: false, color: CLOSED, weight: 2, dashArray: "6 4", fill: false }),
    label([one.lat, one.lon], `✕ ${t("selection.closed", { who: one.travel.map((mode) => t(`way.${mode}`, {}, mode)).join(t("selection.and")) })}`, CLOSED),
  ];
  const wayLayers = (way, n) => {
    const main = way.going || n === 0;
    const straight = way.method !== "road";
    const style = main ? { color: "#eef3f7", weight: 4 } : { color: "#aab7c2", weight: 2.5, opacity: 0.8 };
    const words = [personName(way.responder), t("travel.min", { n: Math.max(1, Math.round(way.travel_s / 60)) }), way.going && t("candidate.chosen"), straight && t("candidate.straight")];
    const [lon, lat] = way.path[0];
    return [
      line(way.path, { color: "#0e1216", weight: style.weight + 3, opacity: 0.7 }),
      line(way.path, { ...style, dashArray: straight ? "3 8" : main ? null : "9 5" }),
      n < NAMED_WAYS && label([lat, lon], words.filter(Boolean).join(" · "), "#eef3f7"),
    ];
  };
  const drawAround = () => {
    if (!map) return;
    layers.forEach((layer) => layer.remove());
    taken = page.sites.flatMap((site) => {
      const at = map.latLngToContainerPoint([site.lat, site.lon]);
      const half = halfOf(site.name);
      if (sides.get(site.id) === null) return [box(at, 0, 0, 15, 15)];
      const [dx, dy] = (sides.get(site.id) ?? SIDES[0])(5, half);
      return [box(at, 0, 0, 15, 15), box(at, dx, dy, half, 9)];
    });
    layers = around ? [...around.closed.flatMap(closedLayers), ...around.ways.map((way, n) => wayLayers(way, n)).reverse().flat()].filter(Boolean) : [];
    layers.forEach((layer) => layer.addTo(map));
    siteMarks.forEach((mark) => mark.bringToFront()); // what is wrong, and where, is never hidden
  };
  /** Draw this around what was chosen; null: nothing. The view stays where it is. */
  const putAround = (found) => { around = found; drawAround(); drawSites(); };
  /** Fly to these [lon, lat]; the view before is kept for `goBack`. */
  const flyTo = (points) => {
    if (!map || !points.length) return;
    before ??= { centre: map.getCenter(), zoom: map.getZoom(), moved };
    moved = true;
    const bounds = window.L.latLngBounds(points.map(([lon, lat]) => [lat, lon]));
    const options = { paddingTopLeft: [64 * unit, 72 * unit], paddingBottomRight: [64 * unit, 48 * unit], maxZoom: 17 };
    if (isCalm()) map.fitBounds(bounds, { ...options, animate: false });
    else map.flyToBounds(bounds, { ...options, duration: 0.8 });
  };
  const goBack = () => {
    if (!map || !before) return;
    const { centre, zoom } = before;
    moved = before.moved;
    before = null;
    if (!moved && isCalm()) refit();
    else if (isCalm()) map.setView(centre, zoom, { animate: false });
    else map.flyTo(centre, zoom, { duration: 0.6 });
  };
  /** A mark, or a line through [lon, lat]s, drawn beside the others; null before there is a map. */
  const drawn = (points, options) => (map ? (options.paint ? new Mark([points[0][1], points[0][0]], { renderer, pane: "live", ...options }) : line(points, options)).addTo(map) : null);
  const born = new Set(); // who is told when a map has begun
  /** What is seen: [west, south, east, north]; null before there is a map. */
  const view = () => {
    const bounds = map?.getBounds();
    return bounds ? [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()] : null;
  };

  // dash-leaflet keeps its map to itself; leaflet tells every map's birth.
  window.L?.Map.addInitHook(/** @this {import("leaflet").Map} */ function () { setTimeout(() => begin(this), 0); });
  ["alert", "site"].forEach((topic) => feed.on(topic, drawSites));
  feed.on("task", () => { drawSites(); drawPeople(); });
  feed.on("responder", drawPeople);
  mount("map-age", (place) => everySecond.add(() => {
    const newest = [...feed.responders.values()].map((one) => one.position_at ?? "").sort().at(-1);
    place.textContent = newest ? t("map.age", { age: yiping.ago(newest) }) : "";
  }));
  mount("map", () => { alertList.follow(drawSites); tiles.follow(drawSites); });
  everySecond.add(() => people.forEach((mark) => mark.redraw()));

  return { style, people, siteMarks, putAround, flyTo, goBack, view, pick, putSpot, drawn, text, born, get around() { return around; } };
})();
