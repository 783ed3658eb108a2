// How surely a camera saw what an alert is about: how long it stood, as an interval, and what the second look saw;
// what is expected of a gauge; and which vehicle it is.
yiping.sightings = (() => {
  "use strict";
  const { t, show, clock } = yiping;
  const MOST_PARTS = 5; // unseen parts that are told one by one, the last ones
  const labelOf = (label) => t(`label.${label}`, {}, label);

  /** "≥ 182 s, ≤ 244 s · unseen 62 s · as of 10:32:07"; null where the alert says nothing of it. */
  const dwell = (alert) => {
    const one = alert.dwell;
    if (!one) return null;
    const values = { least: Math.floor(one.at_least_s), most: one.at_most_s === null ? "" : Math.ceil(one.at_most_s) };
    return [
      t(one.at_most_s === null ? "dwell.least" : "dwell.both", values),
      one.at_most_s === null && t("dwell.before"),
      one.unseen_s > 0 && t("dwell.unseen", { n: Math.round(one.unseen_s) }),
      !alert.ended_at && t("dwell.as_of", { at: show(one.as_of) }),
    ].filter(Boolean).join(" · ");
  };
  /** Each unseen part with its times. */
  const unseen = (alert) => (alert.dwell?.unseen ?? []).slice(-MOST_PARTS).map(([from, to]) => t("dwell.part", { from: show(from), to: show(to) }));
  /** "seen again at 2× the size: Person 0.71"; null where nobody looked again. */
  const look = (alert) => {
    const one = alert.second_look;
    if (!one) return null;
    if (one.verdict === "unclear" && !one.scores.length) return t("look.none");
    const values = { magnify: +one.magnify.toFixed(1), label: labelOf(one.label), score: one.score.toFixed(2) };
    return [t(`look.${one.verdict}`, values), one.instead && t("look.instead", { label: labelOf(one.instead) })].filter(Boolean).join(" · ");
  };
  /** A word for a card: only where it changes what to think of the alert. */
  const word = (alert) => ({ asked: t("look.asked"), not_seen: t("look.withdrawn") })[alert.second_look?.verdict] ?? repeat(alert);
  const repeat = (alert) => (alert.vehicle?.earlier ? t("vehicle.repeat", { n: alert.vehicle.earlier + 1, at: show(alert.vehicle.last_at, "full") }) : "");
  const minutes = (s) => Math.max(0, Math.round(s / 60));
  const number = (value) => +value.toFixed(2);
  /** "now 18.4 cm, limit 30 cm · in 11 to 16 min it reaches 30 cm · slowest needed unit travels 9 min"; null without one. */
  const forecast = (alert) => {
    const one = alert.forecast;
    if (!one) return null;
    const values = { level: number(one.level), limit: number(one.limit), unit: one.unit, travel: Math.ceil(one.travel.travel_s / 60) };
    if (one.outcome !== "open") return [t(`forecast.${one.outcome}`), t("forecast.level", values)].join(" · ");
    const passed = alert.ended_at ? 0 : (clock.now() - Date.parse(one.as_of)) / 1000;
    values.least = minutes(one.at_least_s - passed);
    values.most = minutes(one.at_most_s - passed);
    const unit = !one.travel.who ? "nobody" : one.travel.skill ? "unit" : "nearest";
    return [
      t("forecast.level", values),
      t(values.most > 3 * values.least + 30 ? "forecast.open_ended" : "forecast.range", values),
      t(`forecast.${unit}`, values),
      one.at_least_s - passed < one.travel.travel_s && t("forecast.late"),
      t("forecast.as_of", { at: show(one.as_of) }),
    ].filter(Boolean).join(" · ");
  };
  /** "渝A12345 · permit has expired, valid until 1 July 00:00"; null for what tells no position. */
  const vehicle = (alert) => {
    const one = alert.vehicle;
    if (!one) return null;
    return [one.plate, t(`vehicle.permit.${one.permit}`), one.permit_until && t("vehicle.until", { at: show(one.permit_until, "date") })].filter(Boolean).join(" · ");
  };
  /** "time no. 3, last on 10 July 23:10:04", "first time"; null for what tells no position. */
  const before = (alert) => alert.vehicle && (repeat(alert) || t("vehicle.first"));
  return { vehicle, before, forecast, dwell, unseen, look, word };
})();
