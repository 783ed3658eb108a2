// The wall's dispatch panel: the chosen alert, its picture, who could go, who goes, and each step with who and when.
yiping.dispatchPanel = (() => {
  "use strict";
  const { t, make, page, since, show, mount, feed, marks, act, post, get, siteName, personName, personNames, duration, me, may, unfit, alertList, sightings } = yiping;
  const REASK_MS = 15000;
  const candidates = new Map(); // alert id -> {asked: ms, items, error}
  let place = null;
  let drawn = "";

  const fact = (name, value) => value && make("div", {}, make("dt", {}, name), make("dd", {}, value));
  const facts = (alert) => make("dl", { class: "facts" },
    fact(t("fact.zone"), alert.zone && t(`zone.${alert.zone}`, {}, alert.zone)),
    fact(t("fact.started"), [show(alert.started_at, "full")]),
    fact(t("fact.lasted"), alert.ended_at
      ? duration((Date.parse(alert.ended_at) - Date.parse(alert.started_at)) / 1000)
      : since(alert.started_at, "for")),
    fact(t("dwell.time"), sightings.dwell(alert) ?? ""),
    fact(t("forecast"), sightings.forecast(alert) ?? ""),
    fact(t("vehicle"), sightings.vehicle(alert) ?? ""),
    fact(t("vehicle.before"), sightings.before(alert) ?? ""),
    fact(t("look"), sightings.look(alert) ?? ""),
    fact(t("fact.confidence"), alert.confidence ? `${Math.round(alert.confidence * 100)} %` : ""),
    alert.rule !== alert.kind && fact(t("fact.rule"), alert.rule),
  );

  // ---- who could go
  const ask = async (alert) => {
    if (!may("dispatch") || page.kiosk) return; // who could go is for those who are logged in
    const known = candidates.get(alert.id);
    if (known && performance.now() - known.asked < REASK_MS) return;
    const entry = { asked: performance.now(), items: known?.items ?? null, error: "" };
    candidates.set(alert.id, entry);
    try {
      entry.items = (await get(`/api/v1/alerts/${alert.id}/candidates`)).items;
    } catch (error) {
      entry.error = error.message;
    }
    if (alertList.chosen()?.id === alert.id) draw(alertList.chosen(), true);
  };
  const travel = (one) => `${t("travel.min", { n: Math.max(1, Math.round(one.travel_s / 60)) })} · ${
    one.distance_m < 1000 ? `${Math.round(one.distance_m)} m` : `${(one.distance_m / 1000).toFixed(1)} km`}`;
  const lastOf = (warning) => t("candidate.last_unit", { grid: warning.replace(/^.* /, "") });
  /** What the cost is made of beside the way, in words; the way itself stands there already. */
  const parts = (one) => (one.why ?? "").split(", ").slice(1)
    .map((part) => part.replace(/^(load|rest|own grid) (-?\d+) s$/, (_, what, s) => `${t(`candidate.${what}`)} ${s > 0 ? "+" : "−"}${duration(Math.abs(s))}`)).join(" · ");
  const notes = (one) => [one.method === "straight line" && t("candidate.straight"), parts(one), one.warning && make("b", { class: "warning" }, `⚠ ${lastOf(one.warning)}`)]
    .filter(Boolean).flatMap((each, n) => (n ? [" · ", each] : [each]));
  const byRoad = (one) => one.method === "road";
  const cost = (one) => one.cost_s || one.travel_s;
  const candidateRow = (alert, one, task) => {
    const who = yiping.feed.responders.get(one.responder);
    const going = feed.holdersOf(task).includes(one.responder);
    return make("li", { class: `${one.reason ? "unfit" : ""}${going ? " going" : ""}` },
      make("b", {}, personName(one.responder)),
      make("span", { class: "dim" }, who?.team ?? ""),
      make("span", { class: "travel", title: one.why || null }, one.reason ? unfit(one.reason) : travel(one)),
      !task && !one.reason && may("dispatch") && alertList.isByHand() && make("button", {
        type: "button", onclick: (event) => alertList.dispatch(alert, event.currentTarget, one.responder),
      }, t("do.send")),
      going && make("span", { class: "tag" }, t("candidate.chosen")),
      !one.reason && notes(one).length > 0 && make("small", { class: "notes" }, notes(one)));
  };
  const candidateList = (alert, task) => {
    const entry = candidates.get(alert.id);
    if ((!may("dispatch") || page.kiosk) && !task?.candidates?.length) return make("section", { class: "candidates" });
    const items = task?.candidates?.length ? task.candidates : entry?.items;
    const shown = (items ?? []).toSorted((a, b) => Number(!!a.reason) - Number(!!b.reason) || Number(byRoad(b)) - Number(byRoad(a)) || cost(a) - cost(b)).slice(0, 6);
    return make("section", { class: "candidates" },
      make("h4", {}, t("panel.candidates")),
      shown.length
        ? make("ol", {}, shown.map((one) => candidateRow(alert, one, task)))
        : make("p", { class: "dim" }, entry?.error || t(items ? "candidate.nobody" : "loading")));
  };

  // ---- how far it is
  const timeline = (alert, task) => make("section", { class: "timeline" },
    make("h4", {}, t("panel.progress")),
    make("ol", {}, feed.stepsOf(alert, task).map(([name, at, who]) =>
      make("li", { class: at ? "done" : "", "data-step": name },
        make("i", { "aria-hidden": "true" }),
        make("b", {}, t(`step.${name}`)),
        make("span", {}, at ? personNames(who) : ""),
        at ? make("time", { datetime: at, class: "dim" }, show(at)) : ""))));
  const report = (_alert, task, who) => task.reported_at && make("section", { class: "report" },
    make("h4", {}, t("panel.report")),
    task.report_photo && marks.picture(task.report_photo, null, task.priority, t("panel.report")),
    make("p", {}, task.report_text || t("report.no_text")),
    task.state === "reported" && may("verify") && alertList.isByHand() && (who?.name === task.responder
      ? make("p", { class: "dim" }, t("verify.not_own"))
      : make("button", {
        type: "button", class: "strong", "data-do": "verify",
        onclick: (event) => act(event.currentTarget, () => post(`/api/v1/tasks/${task.id}/verify`)),
      }, t("do.verify"))));

  let user = null;
  const draw = (alert, again = false) => {
    if (!place?.isConnected) return;
    const tasks = alert ? feed.tasksOf(alert).toSorted((a, b) => b.id - a.id) : [];
    const task = tasks.find((one) => one.state !== "cancelled") ?? tasks[0];
    const held = task && !feed.canDispatch(alert) ? task : null;
    const byHand = alertList.isByHand(); // what is only shown may be another one at the moment of the click
    const sign = alert ? `${byHand}|${alert.id}|${alert.version}|${task?.id}|${task?.version}|${task?.state}|${alert.evidence}` : yiping.selection.signature();
    if (sign === drawn && !again) return;
    drawn = sign;
    if (!alert) {
      const other = yiping.selection.panel(); // of a place, an event or a person
      place.replaceChildren(...(other ?? [make("p", { class: "empty dim" }, t("panel.nothing_chosen"))]));
      return;
    }
    const fresh = feed.unacknowledged(alert);
    place.replaceChildren(
      make("div", { class: "subject" },
        make("div", { class: "proof" }, marks.closer(alert, feed.titleOf(alert)) ?? marks.evidence(alert, feed.titleOf(alert)), yiping.clips.of(alert)),
        make("div", { class: "do" },
          !byHand && (may("acknowledge") || may("dispatch")) && make("p", { class: "dim" }, t("chosen.shown")),
          byHand && fresh && may("acknowledge") && make("button", {
            type: "button", class: "strong", onclick: (e) => alertList.acknowledge(alert, e.currentTarget),
          }, `${t("do.acknowledge")} A`),
          byHand && feed.canDispatch(alert) && may("dispatch") && make("button", {
            type: "button", onclick: (e) => alertList.dispatch(alert, e.currentTarget),
          }, `${t("do.dispatch_nearest")} D`))),
      make("div", { class: "work" },
        make("div", { class: "about" },
          make("h3", {}, marks.mark(alert.priority, !fresh), feed.titleOf(alert), make("span", { class: "dim" }, siteName(alert.site))),
          facts(alert)),
        task?.reported_at ? report(alert, task, user) : candidateList(alert, held),
        timeline(alert, task)));
    yiping.reach();
    if (feed.canDispatch(alert)) ask(alert);
  };

  mount("dispatch-panel", async (element) => {
    place = element;
    drawn = "";
    alertList.follow((alert) => draw(alert));
    feed.on("task", () => draw(alertList.chosen()));
    user = await me().catch(() => null);
    draw(alertList.chosen(), true); // what the visitor may do is known now
  });
  return { redraw: () => draw(alertList.chosen(), true), redrawIfOther: () => draw(alertList.chosen()), travel };
})();
