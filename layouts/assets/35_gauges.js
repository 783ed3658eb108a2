// The gauge strip: the latest value of every quantity with its last hours and its age.
(() => {
  "use strict";
  const { t, make, since, mount, feed, siteName, ageSeconds, everySecond, marks, alertList } = yiping;
  const OLD_AFTER_S = 900;
  const WIDE = 160;
  const HIGH = 36;
  const SVG = "http://www.w3.org/2000/svg";
  const rows = new Map();
  let place = null;

  const spark = (reading) => {
    const picture = document.createElementNS(SVG, "svg");
    picture.setAttribute("viewBox", `0 0 ${WIDE} ${HIGH}`);
    picture.setAttribute("preserveAspectRatio", "none");
    picture.setAttribute("class", "spark");
    const { points } = reading;
    if (points.length < 2) return picture;
    const limits = (yiping.sites.get(reading.site)?.limits ?? []).filter((limit) => limit.quantity === reading.quantity);
    const values = points.map((point) => point[1]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    // A limit is drawn when the curve comes near it; a far one would flatten the curve.
    const near = limits.filter((limit) => limit.value <= high + 2 * Math.max(high - low, 1e-9));
    const [from, to] = [Math.min(low, ...near.map((l) => l.value)), Math.max(high, ...near.map((l) => l.value))];
    const [start, end] = [points[0][0], points.at(-1)[0]];
    const x = (at) => ((at - start) / Math.max(1, end - start)) * WIDE;
    const y = (value) => HIGH - 3 - ((value - from) / Math.max(1e-9, to - from)) * (HIGH - 6);
    for (const limit of near) {
      const line = document.createElementNS(SVG, "line");
      for (const [name, value] of Object.entries({ x1: 0, x2: WIDE, y1: y(limit.value), y2: y(limit.value), class: limit.priority }))
        line.setAttribute(name, String(value));
      picture.append(line);
    }
    const curve = document.createElementNS(SVG, "polyline");
    curve.setAttribute("points", points.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" "));
    picture.append(curve);
    return picture;
  };
  const draw = (reading) => {
    const hot = alertList.at(reading.site, (alert) => alert.value !== null && alert.label === reading.quantity);
    return make("li", { class: `gauge${ageSeconds(reading.at) > OLD_AFTER_S ? " old" : ""}`, "data-gauge": `${reading.site}|${reading.quantity}` },
      make("div", { class: "name" },
        make("b", {}, siteName(reading.site)), make("span", { class: "dim" }, t(`quantity.${reading.quantity}`, {}, reading.quantity))),
      make("div", { class: "graph" }, spark(reading)),
      make("div", { class: "value" },
        hot && marks.mark(hot.priority, !feed.unacknowledged(hot)),
        make("b", {}, reading.value.toFixed(Math.abs(reading.value) < 100 && reading.quantity === "water_level" ? 2 : 1)),
        make("span", { class: "dim" }, reading.unit === "1" ? "" : reading.unit),
        reading.corrections > 0 && make("span", { class: "dim corrected" }, t("gauges.corrected", { first: +reading.first_value.toFixed(2) }))),
      since(reading.at, "ago", { class: "dim age" }));
  };
  const update = (ids) => {
    if (!place?.isConnected) return;
    for (const key of ids) {
      const reading = feed.readings.get(key);
      if (!reading) continue;
      const element = draw(reading);
      if (rows.has(key)) rows.get(key).replaceWith(element);
      else place.append(element);
      rows.set(key, element);
    }
    place.classList.toggle("nothing", rows.size === 0);
  };
  const again = () => update(feed.readings.keys());

  mount("gauge-strip", (element) => {
    place = element;
    rows.clear();
    place.setAttribute("data-nothing", t("gauges.nothing"));
    feed.on("reading", update);
    feed.on("alert", again);
    everySecond.add(() => rows.forEach((row, key) => row.classList.toggle("old", ageSeconds(feed.readings.get(key).at) > OLD_AFTER_S)));
    again();
    place.classList.toggle("nothing", rows.size === 0);
  });
})();
