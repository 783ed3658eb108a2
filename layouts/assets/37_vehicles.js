// Vehicles that tell their positions, on the map: an arrow for each, and the track of the one that the chosen alert is about.
yiping.vehicles = (() => {
  "use strict";
  const { t, mount, get, page, map, feed, alertList, ageSeconds, everySecond } = yiping;
  const EVERY_S = 5;
  const STALE_S = 120; // drawn faint
  const BEFORE_MS = 10 * 60e3; // of the track, before the alert began
  const TRACK = "#e9edf1";
  const shown = new Map(); // vehicle -> {one, mark}
  let newest = null;
  let failed = false;
  let due_s = 0;
  let asking = false;
  let about = null; // the vehicle of the chosen alert: {alert, plate}
  let track = []; // layers
  let points = 0;

  const inAlert = () => new Set([...feed.alerts.values()].filter((alert) => !alert.ended_at && alert.vehicle).map((alert) => alert.vehicle.plate));
  let alarming = new Set();
  const paint = (plate) => (context, x, y) => {
    const one = shown.get(plate)?.one;
    if (!one) return;
    const named = alarming.has(plate) || about?.plate === plate;
    context.globalAlpha = ageSeconds(one.at) > STALE_S ? 0.35 : 1;
    context.save();
    context.translate(x, y);
    context.beginPath();
    if (one.heading === null) context.rect(-4.5, -4.5, 9, 9);
    else {
      context.rotate((one.heading * Math.PI) / 180);
      [[0, -8], [5, 6], [0, 3], [-5, 6]].forEach(([px, py], n) => (n ? context.lineTo(px, py) : context.moveTo(px, py)));
      context.closePath();
    }
    context.fillStyle = named ? "#eef3f7" : "#7c8b98";
    context.fill();
    context.lineWidth = 1.5;
    context.strokeStyle = "#0e1216";
    context.stroke();
    context.restore();
    if (named) map.text(context, plate, x, y - 16, "#eef3f7", 12);
    context.globalAlpha = 1;
  };
  const put = (one) => {
    const known = shown.get(one.vehicle);
    if (known) {
      known.one = one;
      known.mark.setLatLng([one.lat, one.lon]);
      known.mark.redraw();
      return;
    }
    const mark = map.drawn([[one.lon, one.lat]], { radius: 9, paint: paint(one.vehicle) });
    if (!mark) return;
    mark.bindTooltip(() => {
      const told = shown.get(one.vehicle)?.one ?? one;
      return [told.vehicle, told.speed_kmh !== null && t("vehicle.speed", { n: Math.round(told.speed_kmh) }), yiping.ago(told.at)].filter(Boolean).join(" · ");
    });
    shown.set(one.vehicle, { one, mark });
  };
  const forget = () => { shown.forEach(({ mark }) => mark.remove()); shown.clear(); track.forEach((layer) => layer.remove()); track = []; };

  const drawTrack = async () => {
    const asked = about;
    if (!asked) { track.forEach((layer) => layer.remove()); track = []; points = 0; return; }
    const since = new Date(Date.parse(asked.alert.started_at) - BEFORE_MS).toISOString();
    const until = asked.alert.ended_at ? new Date(Date.parse(asked.alert.ended_at) + 60e3).toISOString() : "";
    const found = await get(`/api/v1/vehicles/${encodeURIComponent(asked.plate)}/track?since=${since}${until && `&until=${until}`}`);
    if (asked !== about) return;
    track.forEach((layer) => layer.remove());
    points = found.items.length;
    const way = found.items.map((one) => [one.lon, one.lat]);
    track = way.length > 1 ? [
      map.drawn(way, { color: "#0e1216", weight: 6, opacity: 0.7 }),
      map.drawn(way, { color: TRACK, weight: 2.5, dashArray: "1 6", lineCap: "round" }),
    ].filter(Boolean) : [];
  };
  const ask = async () => {
    asking = true;
    try {
      const { items } = await get("/api/v1/vehicles");
      alarming = inAlert();
      const heard = new Set(items.map((one) => one.vehicle));
      shown.forEach(({ mark }, plate) => { if (!heard.has(plate)) { mark.remove(); shown.delete(plate); } });
      items.forEach(put);
      newest = items[0]?.at ?? null;
      await drawTrack();
      failed = false;
    } catch {
      failed = true; // said below; asked again
    } finally {
      asking = false;
    }
  };
  mount("vehicles-age", (place) => {
    if (!page.vehicles) return;
    map.born.add(() => { forget(); due_s = 0; });
    alertList.follow((alert) => {
      const before = about?.alert.id;
      about = alert?.vehicle ? { alert, plate: alert.vehicle.plate } : null;
      if (before !== about?.alert.id) due_s = 0;
    });
    everySecond.add(() => {
      if (!place.isConnected) return;
      const now_s = performance.now() / 1000;
      if (!asking && !document.hidden && now_s >= due_s) { due_s = now_s + EVERY_S; ask(); }
      place.textContent = failed ? `⚠ ${t("vehicles.failed")}` : newest
        ? t("vehicles.age", { n: shown.size, age: yiping.ago(newest) }) : "";
    });
  });
  return { shown, get points() { return points; } };
})();
