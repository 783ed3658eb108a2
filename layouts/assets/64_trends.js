// Figures of each day over the last weeks as small lines: the whole, each grid, each unit. Every share stands with the numbers
// it is made of, and nothing is concluded from a few cases.
(() => {
  "use strict";
  const { t, make, mount, get, duration, since, clock, act } = yiping;
  const WEEKS = [2, 4, 8, 13];
  const WIDTH = 170, HEIGHT = 30, PAD = 3;
  const SHARES = { closed_share: ["closed", "opened"], late_share: ["late", "handled"], satisfied_share: ["satisfied", "answered"] };
  const FIGURES = ["alerts", "opened", "closed_share", "late_share", "satisfied_share", "acknowledge_s", "accept_s", "on_scene_s"];
  const OF_GRIDS = ["alerts", "opened", "closed_share", "late_share", "satisfied_share", "on_scene_s"];
  const OF_UNITS = ["opened", "closed_share", "late_share", "satisfied_share", "accept_s", "on_scene_s"];
  let place = null, weeks = 4, found = null;

  const percent = (n, of) => `${Math.round((100 * n) / of)} %`;
  const sum = (values) => values.reduce((all, one) => all + one, 0);
  const of = (n) => t("trends.of", { n });
  /** The points of one figure: {value (null: none), n: of how many, words}. */
  const points = (line, name) => found.days.map((_, day) => {
    if (name in SHARES) {
      const [n, all] = SHARES[name].map((one) => line[one][day]);
      return { value: all ? n / all : null, n: all, words: all ? `${n}/${all} · ${percent(n, all)}` : "–" };
    }
    if (name.endsWith("_s")) {
      const value = line[name][day];
      return { value, n: line[`${name}_n`][day], words: value === null ? "–" : `${duration(value)} · ${of(line[`${name}_n`][day])}` };
    }
    return { value: line[name][day], n: Infinity, words: String(line[name][day]) };
  });
  /** What a figure is over all days, with its numbers; of a few cases the numbers alone. */
  const total = (line, name) => {
    if (name in SHARES) {
      const [n, all] = SHARES[name].map((one) => line.total[one]);
      if (!all) return [make("b", {}, "–")];
      return all < found.few ? [make("b", {}, `${n}/${all}`), make("small", {}, t("trends.few"))] : [make("b", {}, percent(n, all)), make("small", {}, `${n}/${all}`)];
    }
    if (name.endsWith("_s")) {
      const value = line.total[name], n = line.total[`${name}_n`];
      if (value === null) return [make("b", {}, "–")];
      return [make("b", {}, duration(value)), make("small", {}, n < found.few ? `${of(n)} · ${t("trends.few")}` : of(n))];
    }
    return [make("b", {}, String(line.total[name]))];
  };
  /** The first half of the days against the second: only where both have enough cases. */
  const halves = (line, name) => {
    const middle = Math.floor(found.days.length / 2);
    const both = (values) => [sum(values.slice(0, middle)), sum(values.slice(middle))];
    if (name.endsWith("_s")) return "";
    if (!(name in SHARES)) return t("trends.halves", { first: both(line[name])[0], second: both(line[name])[1] });
    const [n, all] = SHARES[name].map((one) => both(line[one]));
    if (Math.min(...all) < found.few) return t("trends.no_halves");
    return t("trends.halves", { first: percent(n[0], all[0]), second: percent(n[1], all[1]) });
  };

  // ---- a small line; a day of a few cases is a hollow point, a day without any has none
  const svg = (tag, properties, ...children) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    Object.entries(properties).forEach(([name, value]) => element.setAttribute(name, value));
    element.append(...children);
    return element;
  };
  const spark = (line, name, of_whom) => {
    const given = points(line, name);
    const isShare = name in SHARES, isCount = given[0]?.n === Infinity;
    const known = given.filter(({ value }) => value !== null);
    const most = isShare ? 1 : Math.max(1, ...known.map(({ value }) => value));
    const step = WIDTH / given.length;
    const x = (n) => (n + 0.5) * step, y = (value) => HEIGHT - PAD - (value / most) * (HEIGHT - 2 * PAD);
    const parts = [svg("line", { x1: 0, x2: WIDTH, y1: HEIGHT - PAD, y2: HEIGHT - PAD, class: "ground" })];
    if (isCount) given.forEach(({ value }, n) => value && parts.push(svg("rect", { x: x(n) - step * 0.35, width: step * 0.7, y: y(value), height: HEIGHT - PAD - y(value), class: "count" })));
    else {
      const runs = [[]];
      given.forEach(({ value }, n) => (value === null ? runs.push([]) : runs.at(-1).push(`${x(n).toFixed(1)},${y(value).toFixed(1)}`)));
      runs.filter((run) => run.length > 1).forEach((run) => parts.push(svg("polyline", { points: run.join(" "), class: "way" })));
      given.forEach(({ value, n }, day) => value !== null && parts.push(svg("circle", { cx: x(day), cy: y(value), r: Math.min(2, step / 2), class: n < found.few ? "few" : "enough" })));
    }
    given.forEach(({ words }, n) => parts.push(svg("rect", { x: n * step, width: step, y: 0, height: HEIGHT, class: "day" }, svg("title", {}, `${found.days[n]}: ${words}`))));
    const ends = [known[0], known.at(-1)].map((one) => one?.words ?? "–");
    const said = [of_whom, t(`trends.${name}`), t("trends.from_to", { first: ends[0], last: ends[1] })].filter(Boolean).join(" · ");
    return svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, class: "spark", role: "img", "aria-label": said, "data-spark": name }, ...parts);
  };

  // ---- tables
  const whole = () => make("table", { "data-trends": "whole" },
    make("thead", {}, make("tr", {}, ["figure", "total", "daily", "compared"].map((one) => make("th", { scope: "col" }, t(`trends.${one}`))))),
    make("tbody", {}, FIGURES.map((name) => make("tr", { "data-figure": name },
      make("th", { scope: "row" }, t(`trends.${name}`)), make("td", { class: "total" }, total(found.whole, name)),
      make("td", {}, spark(found.whole, name)), make("td", { class: "dim" }, halves(found.whole, name))))));
  const each = (kind, lines, names) => make("section", { class: "part" }, make("h4", {}, t(`trends.${kind}`)), lines.length
    ? make("div", { class: "wide" }, make("table", { "data-trends": kind },
      make("thead", {}, make("tr", {}, make("th", { scope: "col" }, ""), names.map((name) => make("th", { scope: "col" }, t(`trends.${name}`))))),
      make("tbody", {}, lines.map((line) => make("tr", { "data-line": line.id },
        make("th", { scope: "row" }, line.name, line.overdue_now > 0 && make("small", { class: "over" }, `⚠ ${t("trends.overdue_now", { n: line.overdue_now })}`)),
        names.map((name) => make("td", {}, make("div", { class: "total" }, total(line, name)), spark(line, name, line.name))))))))
    : make("p", { class: "dim" }, t("trends.nothing")));
  const draw = () => {
    if (!place?.isConnected || !found) return;
    place.querySelector(".trends-body").replaceChildren(...[
      make("p", { class: "dim" }, t("trends.what", { few: found.few }), " ", since(new Date(clock.now()).toISOString())),
      found.cut && make("p", {}, `⚠ ${t("trends.cut")}`),
      found.whole.overdue_now > 0 && make("p", { class: "over" }, `⚠ ${t("trends.overdue_now", { n: found.whole.overdue_now })}`),
      whole(), each("grids", found.grids, OF_GRIDS), each("units", found.units, OF_UNITS)].filter(Boolean));
  };
  const load = async () => {
    const asked = weeks;
    const answer = await get(`/api/v1/trends?weeks=${asked}`);
    if (asked === weeks) { found = answer; draw(); }
  };
  mount("trends", (element) => {
    place = element;
    const buttons = WEEKS.map((n) => make("button", { type: "button", "data-weeks": n, "aria-pressed": String(n === weeks),
      onclick: (event) => { weeks = n; press(); act(event.currentTarget, load); } }, t("trends.weeks", { n })));
    const csv = make("a", { class: "button", id: "trends-csv", href: "#", download: "trends.csv" }, t("kpi.csv"));
    const press = () => {
      buttons.forEach((button) => button.setAttribute("aria-pressed", String(Number(button.dataset.weeks) === weeks)));
      csv.href = yiping.at(`/api/v1/trends.csv?weeks=${weeks}`);
    };
    press();
    element.replaceChildren(make("div", { class: "bar" }, make("h3", {}, t("trends.title")), ...buttons, csv), make("div", { class: "trends-body" }));
    act(null, load);
  });
})();
