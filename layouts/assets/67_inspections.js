// Inspections: coverage with its denominators, who is overdue by name, hazards that came back, and the day's route.
(() => {
  "use strict";
  const { t, make, mount, get, show, since, feed, language, everySecond, at } = yiping;
  const SPANS = [7, 30, 90, 365], SVG = "http://www.w3.org/2000/svg";
  let places = {}, found = null, tour = null, days = 30, person = "", stale = false, asking = false;

  const late = (s) => (s >= 172800 ? t("inspections.late.days", { n: Math.floor(s / 86400) }) : t("inspections.late.hours", { n: Math.floor(s / 3600) }));
  const names = (people) => (people.length ? people.map((one) => one.name).join(language === "zh" ? "、" : ", ") : t("inspections.nobody"));
  const share = (one) => (one.places ? `${t("inspections.of", { n: one.inspected, of: one.places })} · ${Math.floor((100 * one.inspected) / one.places)} %` : "–");
  const event = (number, key = "inspections.event") => make("a", { href: at(`/events?id=${number}`) }, t(key, { n: number }));

  // ---- coverage
  const figure = (key, value, more = "", bad = false) => make("div", { class: bad ? "figure bad" : "figure", "data-figure": key },
    make("b", {}, bad ? "▲ " : "", value), make("span", {}, t(`inspections.${key}`)), more ? make("small", {}, more) : null);
  const figures = () => {
    const { whole, hazards } = found;
    return make("div", { class: "figures" },
      figure("inspected", share(whole)),
      figure("due", whole.due), figure("overdue.count", whole.overdue, "", whole.overdue > 0),
      figure("rechecks", whole.rechecks, whole.rechecks_overdue ? t("inspections.rechecks.late", { n: whole.rechecks_overdue }) : "", whole.rechecks_overdue > 0),
      figure("hazards", hazards.found, hazards.open ? t("inspections.hazards.open", { n: hazards.open }) : ""));
  };
  const table = (heads, rows) => make("table", {}, make("thead", {}, make("tr", {}, heads.map((head) => make("th", { scope: "col" }, head)))), make("tbody", {}, rows));
  const counts = (one) => [make("td", { class: "number" }, share(one)), make("td", { class: "number" }, one.due),
    make("td", { class: one.overdue ? "number bad" : "number" }, one.overdue ? `▲ ${one.overdue}` : 0)];
  const heads = ["inspections.inspected", "inspections.due", "inspections.overdue.count"].map((key) => t(key));
  const byType = () => table([t("inspections.type"), ...heads], found.types.map((one) => make("tr", { "data-type": one.type }, make("th", { scope: "row" }, one[language]), counts(one))));
  const byGrid = () => table([t("inspections.grid"), t("inspections.people"), ...heads, ""], found.grids.map((one) => make("tr", { "data-grid": one.grid },
    make("th", { scope: "row" }, one.name || t("inspections.no_grid")), make("td", {}, names(one.people)), counts(one),
    make("td", {}, make("a", { href: at(`/inspections/codes?grid=${encodeURIComponent(one.grid)}`), target: "_blank" }, t("inspections.codes.of_grid"))))));
  const spans = () => make("p", { class: "spans" }, SPANS.map((n) => make("button", { type: "button", class: "quiet", "aria-pressed": String(n === days), "data-days": n,
    onclick: () => { days = n; load(); } }, t("inspections.days", { n }))),
  make("a", { href: at("/inspections/codes"), target: "_blank" }, t("inspections.codes.print")));
  const drawFigures = () => places.figures.replaceChildren(...(found.whole.places
    ? [spans(), figures(), byType(), byGrid()] : [make("p", { class: "empty dim" }, t("inspections.none"))]));

  // ---- by name
  const overdueRow = (one) => make("tr", { "data-inspection": one.id }, make("th", { scope: "row" }, one.name, make("small", {}, `${kindOf(one.type)} · ${t(`inspections.reason.${one.reason}`)}`, one.event ? [" · ", event(one.event)] : "")),
    make("td", {}, names(one.people)), make("td", { class: "number bad" }, `▲ ${late(one.late_s)}`));
  const kindOf = (type) => found.types.find((one) => one.type === type)?.[language] ?? type;
  const drawOverdue = () => places.overdue.replaceChildren(...(found.overdue.length
    ? [table([t("inspections.place"), t("inspections.people"), t("inspections.late")], found.overdue.map(overdueRow)),
      found.more_overdue ? make("p", { class: "dim" }, t("inspections.more", { n: found.more_overdue })) : ""]
    : [make("p", { class: "empty dim" }, t("inspections.all_done"))]));
  const drawRepeats = () => places.repeats.replaceChildren(found.repeats.length
    ? make("ul", {}, found.repeats.map((one) => make("li", { "data-event": one.event }, make("b", {}, one.name), ` · ${one[language]}`,
      make("small", {}, `${show(one.at, "full")} · `, event(one.event), one.event === one.again ? "" : [" · ", event(one.again, "inspections.again")], ` · ${t(`event.${one.event_state}`)}`))))
    : make("p", { class: "empty dim" }, t("inspections.no_repeats")));

  // ---- the day's route
  const shape = (tag, attributes, text = "") => {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.textContent = text;
    return made;
  };
  const map = () => {
    const { width, height, streets, route, stops } = tour.map;
    const drawn = shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": t("inspections.route") });
    drawn.append(shape("path", { class: "street", d: streets }), shape("path", { class: "way", d: route }));
    stops.forEach(([x, y], number) => drawn.append(shape("circle", { class: number ? "stop" : "start", cx: x, cy: y, r: 3 }),
      ...(number && stops.length <= 30 ? [shape("text", { x: x + 3.5, y: y - 2.5 }, number)] : [])));
    return drawn;
  };
  const minutes = (s) => Math.max(1, Math.round(s / 60));
  const stop = (one) => make("li", {}, make("b", {}, one.inspections[0].name.split(" · ")[0]), one.note ? ` · ${one.note}` : "",
    one.inspections.map((each) => make("small", { class: each.state === "overdue" ? "bad" : "" }, `${each.state === "overdue" ? "▲ " : ""}${t(`inspections.reason.${each.reason}`)} · ${show(each.due, "date")}`)),
    make("small", {}, t("inspections.route.leg", { minutes: minutes(one.travel_s) }), one.method === "road" ? "" : ` · ${t("inspections.route.straight")}`));
  const drawRoute = () => {
    const people = [...new Map(found.grids.flatMap((grid) => grid.people).map((one) => [one.id, one.name]))];
    if (!person && people.length) [[person]] = people;
    const choose = make("select", { "aria-label": t("inspections.route.choose"), onchange: (changed) => { person = changed.target.value; loadRoute(); } },
      people.map(([id, name]) => make("option", { value: id, selected: id === person }, name)));
    /** @type {(Node | string)[]} */
    const parts = people.length ? [make("p", {}, make("label", {}, t("inspections.route.who"), " ", choose))] : [make("p", { class: "empty dim" }, t("inspections.nobody"))];
    if (tour && tour.person === person) {
      if (!tour.stops.length) parts.push(make("p", { class: "dim" }, t("inspections.route.empty")));
      else parts.push(make("p", {}, t("inspections.route.whole", { n: tour.stops.length, minutes: minutes(tour.travel_s), km: (tour.distance_m / 1000).toFixed(1) })),
        make("div", { class: "tour" }, map(), make("ol", {}, tour.stops.map(stop))), tour.left_out ? make("p", { class: "dim" }, t("inspections.route.left_out", { n: tour.left_out })) : "");
    }
    places.route.replaceChildren(...parts);
  };
  const loadRoute = async () => {
    if (!person) return;
    const who = person;
    try { tour = await get(`/api/v1/inspections/route?person=${encodeURIComponent(who)}`); } catch (error) {
      places.route.replaceChildren(make("p", { class: "empty" }, error.message));
      return;
    }
    if (who === person && places.route?.isConnected) drawRoute();
  };

  const load = async () => {
    if (asking) return;
    [asking, stale] = [true, false];
    try {
      found = { ...await get(`/api/v1/inspections/standing?days=${days}`), at: new Date(yiping.clock.now()).toISOString() };
      if (!places.figures?.isConnected) return;
      drawFigures(); drawOverdue(); drawRepeats(); drawRoute();
      document.getElementById("inspection-age")?.replaceChildren(since(found.at));
      await loadRoute();
    } catch (error) {
      places.figures?.replaceChildren(make("p", { class: "empty" }, error.message));
    } finally { asking = false; }
  };
  let waited = 0; // figures of many places are counted anew at most every five seconds
  ["inspection", "event", "reset", "settings"].forEach((topic) => feed.hear(topic, () => { stale = true; }));
  everySecond.add(() => { waited += 1; if (stale && waited >= 5 && places.figures?.isConnected) { waited = 0; load(); } });
  ["overdue", "repeats", "route"].forEach((name) => { places[name] = null; });
  mount("inspection-overdue", (element) => { places.overdue = element; });
  mount("inspection-repeats", (element) => { places.repeats = element; });
  mount("inspection-route", (element) => { places.route = element; });
  mount("inspection-figures", (element) => { places.figures = element; feed.start(); queueMicrotask(load); });
})();
