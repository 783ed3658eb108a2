// The four axes of an alert (condition, acknowledgement, suppression, verification), its evidence, and what people may
// decide about it. Each decision is one request; a refusal is shown with its reason.
yiping.axes = (() => {
  "use strict";
  const { t, make, since, show, feed, marks, act, post, siteName, personName, duration, clock, page, get, sightings } = yiping;
  const MINUTES = [15, 30, 60, 120, 240, 480, 720, 1440];
  const left = (iso) => duration((Date.parse(iso) - clock.now()) / 1000);
  const may = (user, action) => user?.may?.includes(action);

  const cell = (name, value, sign, ...more) => make("div", { "data-axis": name, "data-value": value, class: sign ? "off" : "" },
    make("dt", {}, t(`axis.${name}`)),
    make("dd", {}, make("b", {}, `${sign ? `${sign} ` : ""}${t(`${name}.${value}`)}`), ...more.filter(Boolean).map((one) => make("span", {}, one))));
  const condition = (alert) => cell("condition", alert.condition, { stale: "⚠", clearing: "◔", cleared: "" }[alert.condition],
    alert.stale_since ? since(alert.stale_since) : since(alert.ended_at ?? alert.active_since, alert.ended_at ? "ago" : "for"),
    alert.occurrence > 1 && t("alert.occurrence", { n: alert.occurrence }),
    alert.latched_since && `⚠ ${t("alert.latched")}`);
  const acknowledgement = (alert) => cell("acknowledgement", alert.acknowledged_at ? "yes" : "no", "",
    alert.acknowledged_at && `${personName(alert.acknowledged_by)} ${show(alert.acknowledged_at)}`,
    alert.acknowledged_until && t("axis.until", { at: show(alert.acknowledged_until, "minute") }));
  const held = (alert) => [
    feed.isShelved(alert) && ["shelved", t("axis.shelved", { who: personName(alert.shelved_by), at: show(alert.shelved_until, "minute"), left: left(alert.shelved_until) })],
    alert.inhibited_by && ["by_design", t("axis.inhibited", { by: alert.inhibited_by.replace("alert:", "#") })],
    alert.work_order && ["out_of_service", t("axis.work_order", { order: alert.work_order })],
  ].filter(Boolean);
  const suppression = (alert) => {
    const why = held(alert);
    if (!why.length) return cell("suppression", "none", "");
    return make("div", { "data-axis": "suppression", "data-value": why.map(([name]) => name).join(" "), class: "off" },
      make("dt", {}, t("axis.suppression")),
      make("dd", {}, why.flatMap(([name, text]) => [make("b", {}, `❚❚ ${t(`suppression.${name}`)}`), make("span", {}, text)])));
  };
  const verification = (alert) => cell("verification", alert.verification, { confirmed: "✓", dismissed: "✗", probable: "?" }[alert.verification]);

  const plain = (name, value, text, ...more) => text && make("div", { "data-axis": name, "data-value": value },
    make("dt", {}, t(name === "dwell" ? "dwell.time" : name)),
    make("dd", {}, make("b", {}, text), ...more.map((one) => make("span", {}, one))));
  const dwell = (alert) => plain("dwell", "", sightings.dwell(alert), ...sightings.unseen(alert));
  const look = (alert) => plain("look", alert.second_look?.verdict, sightings.look(alert));

  const forecast = (alert) => plain("forecast", alert.forecast?.outcome, sightings.forecast(alert));

  const vehicle = (alert) => plain("vehicle", alert.vehicle?.permit, sightings.vehicle(alert), ...[sightings.before(alert)].filter(Boolean));

  /** Where an alert stands, as four words each with who and when. */
  const draw = (alert, choose) => make("section", { class: "axes" },
    make("dl", {}, condition(alert), acknowledgement(alert), suppression(alert), verification(alert), dwell(alert), look(alert), forecast(alert), vehicle(alert)),
    alert.follows && make("button", { type: "button", class: "quiet", "data-do": "follows", onclick: () => choose(alert.follows) },
      t("alert.follows", { id: alert.follows })));

  // ---- evidence: what speaks for it (+) and against it (−)
  const proof = (one) => make("li", { class: one.for_it ? "" : "against" },
    make("b", { title: t(one.for_it ? "proof.for" : "proof.against") }, one.for_it ? "＋" : "－"),
    make("span", {}, t(`proof.${one.kind}`, {}, one.kind)),
    make("span", {}, [one.text, one.value === null ? "" : `${+one.value.toFixed(2)} ${one.unit}`].filter(Boolean).join(" ")),
    make("span", { class: "dim" }, one.source.startsWith("user:") ? personName(one.source.slice(5)) : one.source.startsWith("site:") ? siteName(one.source.slice(5).split("/")[0]) : one.source),
    make("time", { class: "dim", datetime: one.at }, show(one.at)),
    one.picture && marks.picture(one.picture, null, "P4", one.text));
  const evidence = (proofs) => [make("h4", {}, t("axis.evidence")), make("ul", { class: "proofs" }, proofs.map(proof))];

  // ---- decisions
  const FIELDS = {
    dismiss: () => [],
    shelve: (user) => [make("select", { name: "minutes", "aria-label": t("decide.for") },
      MINUTES.filter((minutes) => minutes * 60 <= (page.shelve_at_most[user.role] ?? 0)).map((minutes) =>
        make("option", { value: minutes }, minutes < 60 ? t("decide.min", { n: minutes }) : t("decide.h", { n: minutes / 60 }))))],
    out_of_service: () => [make("input", { name: "work_order", required: true, maxlength: 100, placeholder: t("decide.work_order") })],
  };
  const form = (name, alert, user, close) => {
    const reason = make("input", { name: "reason", required: true, maxlength: 500, placeholder: t("decide.reason") });
    const element = make("form", { class: "decide", "data-form": name },
      make("b", {}, t(`do.${name}`)), FIELDS[name](user), reason,
      make("button", { class: "strong", "data-do": `${name}-now` }, t("decide.now")),
      make("button", { type: "button", class: "quiet", onclick: close }, t("decide.no")));
    element.addEventListener("submit", (event) => {
      event.preventDefault();
      const given = /** @type {Record<string, any>} */ (Object.fromEntries(new FormData(element)));
      if (given.minutes) given.minutes = Number(given.minutes);
      act(element.querySelector("[data-do]"), async () => { await post(`/api/v1/alerts/${alert.id}/${name}`, given); close(); });
    });
    setTimeout(() => element.querySelector("input, select")?.focus());
    return element;
  };
  const at_once = (name, alert, strong = false) => make("button", {
    type: "button", class: strong ? "strong" : "", "data-do": name,
    onclick: (event) => act(event.currentTarget, () => post(`/api/v1/alerts/${alert.id}/${name}`)),
  }, t(`do.${name}`));
  const asking = (name, _alert, open) => make("button", { type: "button", "data-do": name, onclick: () => open(name) }, t(`do.${name}`));
  /** The buttons of who may press them; `open`: shows the form of a decision that needs a reason. */
  const buttons = (alert, user, open) => [
    alert.verification !== "confirmed" && alert.verification !== "dismissed" && may(user, "verify_alert") && at_once("confirm", alert),
    alert.verification !== "dismissed" && may(user, "verify_alert") && asking("dismiss", alert, open),
    !feed.isShelved(alert) && may(user, "shelve") && page.shelve_at_most[user.role] && asking("shelve", alert, open),
    feed.isShelved(alert) && may(user, "shelve") && at_once("unshelve", alert),
    !alert.work_order && may(user, "out_of_service") && asking("out_of_service", alert, open),
    alert.work_order && may(user, "out_of_service") && at_once("return_to_service", alert),
  ].filter(Boolean);

  return { draw, evidence, buttons, form, held, at_once, may, whole: (id) => get(`/api/v1/alerts/${id}`) };
})();
