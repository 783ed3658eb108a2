// The last hours of a gauge as they are stored, with the limits of rules as lines beside them.
yiping.setup.curve = (() => {
  "use strict";
  const { t, make, get, show, since } = yiping;
  const SVG = "http://www.w3.org/2000/svg";
  const [HOURS, WIDE, HIGH, LEFT, RIGHT, FOOT, HEAD] = [6, 640, 190, 56, 12, 24, 10];
  const [KEPT_MS, SHORTEST_MS] = [20_000, 1_800_000];
  const OWN = { water_level: "m", water_depth: "cm", rainfall: "mm" };
  const METRES = { m: 1, cm: 0.01, mm: 0.001, ft: 0.3048, dm: 0.1 };
  const asked = new Map(); // by site and quantity: {at, items}, so that every key stroke asks nobody

  const shape = (tag, attributes = {}, text = "") => {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.textContent = text;
    return element;
  };
  const read = (site, quantity) => {
    const key = `${site}|${quantity}`;
    const known = asked.get(key);
    if (known && Date.now() - known.at < KEPT_MS) return known.items;
    const from = new Date(Date.now() - HOURS * 3_600_000).toISOString();
    const items = get(`/api/v1/readings?site=${encodeURIComponent(site)}&quantity=${encodeURIComponent(quantity)}&since=${encodeURIComponent(from)}&limit=20000`).then((told) => told.items);
    asked.set(key, { at: Date.now(), items });
    items.catch(() => asked.delete(key));
    return items;
  };
  /** What one of this unit is in the quantity's own; null where that is not known here. */
  const factor = (unit, quantity) => {
    const own = OWN[quantity];
    if (!unit || unit === own) return 1;
    return METRES[unit] && METRES[own] ? METRES[unit] / METRES[own] : null;
  };
  /** The limits of a rule in the quantity's own unit: [{value, name, priority}]; null where its unit cannot be converted. */
  const limitsOf = (rule) => {
    if (!["threshold", "time_to_threshold", "out_of_range"].includes(rule.kind)) return [];
    const one = factor(rule.unit, rule.quantity);
    if (one === null) return null;
    const found = ["above", "below", "clear_at", "lowest", "highest"].filter((name) => typeof rule[name] === "number")
      .map((name) => ({ value: rule[name] * one, name: t(`setup.limit.${name}`), priority: name === "clear_at" ? "" : rule.priority ?? "P3", clears: name === "clear_at" }));
    const bands = [...(rule.bands ?? []), ...[["warning", "P3"], ["guaranteed", "P2"], ["record", "P1"]].filter(([name]) => typeof rule.stages?.[name] === "number").map(([name, priority]) => ({ above: rule.stages[name], priority }))];
    return [...found, ...bands.filter((band) => typeof band.above === "number").map((band) => ({ value: band.above * one, name: band.priority, priority: band.priority }))];
  };
  const rounded = (value) => String(+value.toPrecision(4));

  const picture = (items, limits, what) => {
    const values = items.map((one) => one.value);
    const all = [...values, ...limits.map((one) => one.value)];
    let [low, high] = [Math.min(...all), Math.max(...all)];
    const room = (high - low || Math.abs(high) || 1) * 0.08;
    [low, high] = [low - room, high + room];
    const end = Date.now(), first = items.length ? Date.parse(items[0].at) : 0;
    const start = Math.max(end - HOURS * 3_600_000, Math.min(first, end - SHORTEST_MS)); // a gauge of today needs no empty hours
    const x = (ms) => LEFT + ((ms - start) / (end - start)) * (WIDE - LEFT - RIGHT);
    const y = (value) => HEAD + (1 - (value - low) / (high - low)) * (HIGH - HEAD - FOOT);
    const told = t("setup.curve.label", { what, n: items.length, low: values.length ? rounded(Math.min(...values)) : "–", high: values.length ? rounded(Math.max(...values)) : "–", limits: limits.map((one) => `${one.name} ${rounded(one.value)}`).join(", ") || "–" });
    const svg = shape("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, class: "curve", role: "img", "aria-label": told });
    for (const part of [0, 0.5, 1]) {
      const value = low + room + part * (high - low - 2 * room);
      svg.append(shape("line", { x1: LEFT, x2: WIDE - RIGHT, y1: y(value), y2: y(value), class: "grid" }), shape("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, rounded(value)));
    }
    for (const part of [0, 1 / 3, 2 / 3, 1]) {
      const ms = start + part * (end - start);
      svg.append(shape("text", { x: x(ms), y: HIGH - 6, "text-anchor": part === 0 ? "start" : part === 1 ? "end" : "middle" }, show(new Date(ms).toISOString(), "minute")));
    }
    for (const one of limits) {
      svg.append(shape("line", { x1: LEFT, x2: WIDE - RIGHT, y1: y(one.value), y2: y(one.value), class: one.clears ? "limit clears" : `limit ${one.priority}`, "data-limit": rounded(one.value) }),
        shape("text", { x: LEFT + 4, y: y(one.value) - 4, class: "limit-name" }, `${one.name} ${rounded(one.value)}`));
    }
    const points = items.map((one) => `${x(Date.parse(one.at)).toFixed(1)},${y(one.value).toFixed(1)}`);
    if (points.length > 1) svg.append(shape("polyline", { points: points.join(" "), class: "values" }));
    else if (points.length) svg.append(shape("circle", { cx: points[0].split(",")[0], cy: points[0].split(",")[1], r: 3, class: "one-value" }));
    return svg;
  };

  /** An element with the curve of what a site's gauges told of a quantity, and `update(rules)`, which draws their limits. */
  const draw = (site, quantity, rules) => {
    const place = make("figure", { class: "gauge-curve", "data-curve": `${site}|${quantity}` });
    const what = t(`quantity.${quantity}`, {}, quantity);
    const update = async (now) => {
      let items = [];
      try { items = await read(site, quantity); } catch (error) { if (error.status !== 404) { place.replaceChildren(make("p", { class: "dim" }, error.message)); return; } }
      const limits = now.map(limitsOf);
      const odd = now.find((_, i) => limits[i] === null);
      const newest = items.at(-1);
      place.replaceChildren(...[
        make("figcaption", {}, make("b", {}, t("setup.curve", { what, n: HOURS })), " ", newest ? make("span", { class: "dim" }, t("setup.curve.now", { value: `${rounded(newest.value)} ${newest.unit === "1" ? "" : newest.unit}`.trim() }), " ", since(newest.at, "ago")) : make("span", { class: "dim" }, t("setup.curve.none", { n: HOURS }))),
        odd ? make("small", { class: "dim" }, t("setup.curve.unit", { unit: odd.unit })) : null,
        items.length || limits.flat().filter(Boolean).length ? picture(items, limits.flat().filter(Boolean), what) : null,
      ].filter(Boolean));
    };
    update(rules);
    return Object.assign(place, { update });
  };
  /** The curves of all that a site's gauges measure, with the limits of its rules. */
  const ofSite = (site, gauges) => [...new Set(gauges.map((one) => one.quantity).filter(Boolean))]
    .map((quantity) => draw(site.id, quantity, (site.rules ?? []).filter((rule) => rule.quantity === quantity)));

  return { draw, ofSite, limitsOf };
})();
