// The page of drills: scores so far beside the recorded night, or how to begin one and how earlier ones went.
(() => {
  "use strict";
  const { t, make, mount, get, show, duration, since, siteName, feed } = yiping;
  const EVERY_MS = 3000;
  const STEPS = ["acknowledged", "dispatched", "on_scene", "handled"];
  let place = null;

  const seconds = (value) => (value === null || value === undefined ? "–" : duration(value));
  const cell = (text, kind = "") => make("td", { class: kind }, text);
  const heads = (names) => make("tr", {}, names.map((name) => make("th", { scope: "col" }, t(name))));
  const limits = (step) => Object.entries(step.limits_s).map(([priority, s]) => `${priority} ${duration(s)}`).join(" · ");
  const over = (score) => cell(score.over ? `⚠ ${score.over}` : "0", score.over ? "number over" : "number");

  const scores = (steps) => make("table", { class: "scores" },
    make("thead", {}, heads(["drill.step", "drill.limit", "drill.in_time", "drill.late", "drill.open", "drill.median", "drill.worst", "drill.night"])),
    make("tbody", {}, steps.map(({ step, drill, night, ...rest }) => make("tr", { "data-step": step },
      make("th", { scope: "row" }, t(`drill.step.${step}`)),
      cell(limits(rest), "dim"),
      cell(t("drill.of", { n: drill.within, of: drill.of }), "number"),
      over(drill),
      cell(drill.open, "number"),
      cell(seconds(drill.median_s), "number"),
      cell(seconds(drill.worst_s), "number"),
      cell(`${t("drill.of", { n: night.within, of: night.of })} · ${seconds(night.median_s)}`, "number dim")))));

  const late = (row, step, steps) => {
    const limit = steps.find((one) => one.step === step)?.limits_s[row.priority];
    const took = row.drill?.[step];
    return limit !== undefined && took !== null && took !== undefined && took > limit;
  };
  const took = (row, step, steps) => make("td", { class: late(row, step, steps) ? "number over" : "number" },
    `${late(row, step, steps) ? "⚠ " : ""}${seconds(row.drill?.[step])} `,
    make("span", { class: "dim" }, row.night ? `（${seconds(row.night[step])}）` : ""));
  const alerts = (found) => make("table", { class: "alerts" },
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, t("drill.raised")), make("th", { scope: "col" }, t("drill.alert")),
      STEPS.map((step) => make("th", { scope: "col" }, t(`drill.step.${step}`))))),
    make("tbody", {}, found.alerts.map((row) => make("tr", {},
      cell(show(row.raised_at), "number"),
      make("td", {}, yiping.marks.mark(row.priority), ` ${siteName(row.site)} · ${feed.ruleName(row.rule, row.kind)}`),
      STEPS.map((step) => took(row, step, found.steps))))));

  const running = (found) => [
    make("p", { class: "drill-now" }, t("drill.now", {
      since: show(found.drill.since, "full"), until: show(found.drill.until, "full"), speed: found.drill.speed, ends: show(found.drill.ends),
    })),
    Date.parse(found.drill.began) > yiping.clock.now() ? make("p", { class: "drill-now", role: "status" }, t("drill.soon", { at: show(found.drill.began) })) : null,
    found.ended ? make("p", { class: "drill-now", role: "status" }, t("drill.over")) : null,
    make("p", { class: "dim" }, t("drill.counted")),
    scores(found.steps),
    make("h4", {}, t("drill.alerts")),
    found.alerts.length ? alerts(found) : make("p", { class: "dim" }, t("drill.none")),
    found.only_in_the_night.length ? make("p", { class: "dim" }, t("drill.missing", { n: found.only_in_the_night.length })) : null,
  ];
  const earlier = (found) => make("table", { class: "earlier" },
    make("thead", {}, make("tr", {}, ["drill.began", "drill.span", "drill.speed"].map((name) => make("th", { scope: "col" }, t(name))),
      STEPS.map((step) => make("th", { scope: "col" }, t(`drill.step.${step}`))))),
    make("tbody", {}, found.map((one) => make("tr", { "data-drill": one.name },
      cell(show(one.drill.began, "full"), "number"),
      cell(`${show(one.drill.since, "full")} – ${show(one.drill.until, "full")}`, "number"),
      cell(`${one.drill.speed} ×`, "number"),
      STEPS.map((step) => {
        const score = one.steps.find((each) => each.step === step)?.drill;
        return cell(score ? `${t("drill.of", { n: score.within, of: score.of })}${score.over ? ` ⚠ ${score.over}` : ""}` : "–", score?.over ? "number over" : "number");
      })))));
  const none = (found) => found.waits ? [make("p", { class: "drill-now", role: "status" }, t("drill.waits"))] : [
    make("p", {}, t("drill.how")),
    make("pre", {}, "python app.py drill --from 2026-07-12T20:00:00+08:00 --to 2026-07-12T22:00:00+08:00 --speed 2 --port 8060"),
    make("h4", {}, t("drill.earlier")),
    found.earlier.length ? earlier(found.earlier) : make("p", { class: "dim" }, t("drill.earlier.none")),
  ];
  const ask = async () => {
    if (!place?.isConnected) return;
    try {
      const found = await get("/api/v1/drill");
      document.getElementById("drill-age")?.replaceChildren(since(found.at));
      place.replaceChildren(...(found.running ? running(found.running) : none(found)).filter(Boolean));
    } catch (error) {
      place.replaceChildren(make("p", { class: "empty" }, error.message));
    }
    setTimeout(ask, EVERY_MS);
  };
  mount("drill", (element) => { place = element; feed.start(); ask(); });
})();
