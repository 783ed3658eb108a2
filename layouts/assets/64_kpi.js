// The page of alarm figures: each with its limits and, in words and by a sign, how it stands to them.
(() => {
  "use strict";
  const { t, make, since, show, mount, feed, get, marks, siteName, duration, clock, say, everySecond } = yiping;
  const REFRESH_S = 60;
  const DAY_MS = 86400e3;
  let place = null;
  /** @type {{ days: number, since?: undefined, until?: undefined } | { days?: undefined, since: string, until: string }} */
  let span = { days: 1 }; // or {since, until}: ISO
  let figures = null;
  let readAt = null;

  const period = () => (span.days
    ? { since: new Date(clock.now() - span.days * DAY_MS).toISOString(), until: new Date(clock.now()).toISOString() } : span);
  const query = () => { const { since: begin, until } = period(); return `since=${encodeURIComponent(begin)}&until=${encodeURIComponent(until)}`; };

  // ---- numbers
  const percent = (share) => (share === null ? "–" : `${+(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`);
  const plain = (value) => (value === null ? "–" : value >= 100 ? String(Math.round(value)) : String(+value.toFixed(value < 10 ? 2 : 1)));
  const written = (name, value) => (name.endsWith("_share") ? percent(value) : plain(value));
  const standing = (value, [good, bearable]) => (value === null || value <= good ? "good" : value <= bearable ? "bearable" : "over");
  // A verdict on a day of which half an hour is known would be none: at least half of the period must be.
  const known_s = () => Math.max(0, (Date.parse(figures.until) - Math.max(Date.parse(figures.since), Date.parse(figures.data_since ?? figures.until))) / 1000);
  const isKnown = () => known_s() >= (Date.parse(figures.until) - Date.parse(figures.since)) / 2000;
  const SIGN = { good: "✓", bearable: "▲", over: "⚠" };
  const figure = (name, value, more = "") => {
    const pair = figures.limits[name];
    const how = !pair ? "good" : isKnown() ? standing(value, pair) : "unknown";
    const limit = pair && (pair[0] === pair[1] ? t("kpi.limit_one", { good: written(name, pair[0]) })
      : t("kpi.limits", { good: written(name, pair[0]), bearable: written(name, pair[1]) }));
    return make("div", { class: `figure ${how}`, "data-figure": name, "data-standing": how },
      make("dt", {}, t(`kpi.${name}`)),
      make("dd", {}, make("b", {}, written(name, value)), pair && make("span", { class: "verdict" }, how === "unknown" ? t("kpi.unknown") : `${SIGN[how]} ${t(`kpi.${how}`)}`)),
      make("dd", {}, make("small", {}, [limit, more].filter(Boolean).join(" · "))));
  };

  // ---- parts
  const part = (title, ...children) => make("section", { class: "part" }, make("h4", {}, title), ...children);
  const rates = (desk) => part(desk.name ? `${t("kpi.rates")} · ${desk.name}` : t("kpi.rates"), make("dl", { class: "figures" },
    ["alarms", "per_day", "per_hour", "per_10min", "peak_10min", "busy_share"].map((name) => figure(name, desk[name])),
    figure("flood_share", desk.flood_share, t("kpi.floods", { n: desk.floods, longest: duration(desk.longest_flood_s) }))));
  const quality = () => part(t("kpi.quality"), make("dl", { class: "figures" },
    figure("standing", figures.standing), figure("standing_24h", figures.standing_24h),
    figure("chattering", figures.chattering.length), figure("top_share", figures.top_share),
    ...["stale", "stale_sites", "shelved"].map((name) => figure(name, figures[name]))));
  const ruleName = (one) => `${siteName(one.site)} · ${feed.ruleName(one.rule)}${one.zone ? ` · ${t(`zone.${one.zone}`, {}, one.zone)}` : ""}`;
  const table = (title, columns, rows, name) => part(title, rows.length
    ? make("table", { "data-table": name }, make("thead", {}, make("tr", {}, columns.map((one) => make("th", { scope: "col" }, one)))),
      make("tbody", {}, rows.map((row) => make("tr", {}, row.map((cell) => make("td", {}, cell))))))
    : make("p", { class: "dim" }, t("kpi.none")));
  const bar = (share, most) => make("i", { class: "bar-of", style: `width:${(100 * share) / (most || 1)}%`, "aria-hidden": "true" });
  const top = () => table(t("kpi.top"), [t("kpi.what"), t("kpi.count"), t("kpi.share")],
    figures.top.map((one) => [ruleName(one), String(one.alarms), [percent(one.share), bar(one.share, figures.top[0].share)]]), "top");
  const chattering = () => table(t("kpi.chattering"), [t("kpi.what"), t("kpi.count")],
    figures.chattering.slice(0, 10).map((one) => [[`⚠ ${ruleName(one)}`], String(one.alarms)]), "chattering");
  const oldest = () => table(t("kpi.oldest"), [t("kpi.what"), ""],
    figures.oldest.map((one) => [[marks.mark(one.priority, true), ` ${ruleName(one)}`], since(one.since)]), "oldest");
  const mix = () => {
    const share = (name) => figures.priorities[name].share ?? 0;
    const row = (names, label, target) => {
      const sum = names.reduce((all, name) => all + share(name), 0);
      return make("li", { "data-mix": names[0] }, names.map((name) => marks.mark(name, true)), make("span", {}, label),
        make("div", { class: "track" }, make("i", { style: `width:${100 * sum}%` }), make("u", { style: `left:${100 * target}%`, title: t("kpi.target") })),
        make("b", {}, percent(sum)), make("span", { class: "dim" }, `${t("kpi.target")} ${percent(target)}`));
    };
    return part(t("kpi.priorities"), make("ul", { class: "mix" }, row(["P1"], t("priority.P1"), figures.mix.P1), row(["P2"], t("priority.P2"), figures.mix.P2),
      row(["P3", "P4"], `${t("priority.P3")} + ${t("priority.P4")}`, figures.mix.P3)));
  };
  const acknowledgement = () => table(t("kpi.acknowledgement"), ["", t("kpi.median"), t("kpi.p90"), t("kpi.limit"), t("kpi.late")],
    Object.entries(figures.acknowledgement).map(([priority, one]) => [
      [marks.mark(priority, true), ` ${one.acknowledged} / ${one.alarms}`],
      one.median_s === null ? "–" : duration(one.median_s),
      make("span", { class: one.p90_s > one.limit_s ? "over" : "" }, one.p90_s === null ? "–" : `${one.p90_s > one.limit_s ? "⚠ " : ""}${duration(one.p90_s)}`),
      duration(one.limit_s),
      make("span", { class: one.late ? "over" : "" }, one.late ? `⚠ ${one.late}` : "0")]), "acknowledgement");

  const draw = () => {
    if (!place?.isConnected || !figures) return;
    document.getElementById("kpi-age")?.replaceChildren(
      make("span", {}, `${show(figures.since, "full")} – ${show(figures.until, "full")} · ${t("data.age")} `), since(readAt));
    place.replaceChildren(
      ...(isKnown() ? [] : [make("p", { class: "little", role: "status" }, `⚠ ${t("kpi.little", { known: duration(known_s()) })}`)]),
      ...figures.desks.map(rates), quality(),
      make("div", { class: "parts" }, top(), make("div", {}, mix(), acknowledgement()), make("div", {}, chattering(), oldest())),
      make("p", { class: "dim" }, t("kpi.standard")));
  };
  const load = async () => {
    try {
      figures = await get(`/api/v1/alarm-kpi?${query()}`);
      readAt = new Date(clock.now()).toISOString();
      draw();
    } catch (error) {
      say(error.message, "error");
    }
  };

  mount("kpi-bar", (element) => {
    const begin = make("input", { type: "datetime-local", "aria-label": t("review.since") });
    const end = make("input", { type: "datetime-local", "aria-label": t("review.until") });
    const buttons = [1, 7, 30].map((days) => make("button", {
      type: "button", "data-days": days, "aria-pressed": String(span.days === days), onclick: () => { span = { days }; press(); load(); },
    }, t(`kpi.last.${days}`)));
    const press = () => buttons.forEach((button) => button.setAttribute("aria-pressed", String(span.days === Number(button.dataset.days))));
    const read = () => {
      let from, to;
      try {
        [from, to] = [begin, end].map((input) => yiping.moment(input.value));
      } catch (error) {
        return say(error.message, "error");
      }
      if (!(from < to)) return say(t("kpi.bad_span"), "error");
      span = { since: from.toISOString(), until: to.toISOString() };
      press();
      load();
    };
    const csv = make("a", { class: "button", href: "#", id: "kpi-csv", download: "alarm-kpi.csv" }, t("kpi.csv"));
    csv.addEventListener("click", () => { csv.href = `${yiping.at("/api/v1/alarm-kpi.csv")}?${query()}`; });
    element.replaceChildren(make("span", { class: "dim" }, t("kpi.period")), ...buttons, begin, "–", end, yiping.zoneNote(),
      make("button", { type: "button", onclick: read }, t("kpi.read")), csv);
  });
  mount("kpi", (element) => { place = element; load(); });
  everySecond.add(() => {
    if (place?.isConnected && span.days && readAt && yiping.ageSeconds(readAt) > REFRESH_S) { readAt = new Date(clock.now()).toISOString(); load(); }
  });
})();
