// What is kept quiet: shelved, suppressed by design, out of service; also where its alert is over, so that it is not
// forgotten. The shelf that ends next comes first.
(() => {
  "use strict";
  const { t, make, since, mount, feed, marks, all, siteName, me, axes, clock, everySecond } = yiping;
  const ASK_AGAIN_MS = 1000;
  const REFRESH_S = 60;
  let place = null;
  let user = null;
  let kept = [];
  let readAt = null;
  let planned = null;
  let drawn = "";

  const order = (a, b) => (a.shelved_until ?? "9").localeCompare(b.shelved_until ?? "9") || b.id - a.id;
  const row = (alert) => make("li", { "data-quiet": alert.id },
    marks.mark(alert.priority, true),
    make("b", {}, feed.titleOf(alert)), make("span", { class: "dim" }, siteName(alert.site)),
    make("span", { class: "why" }, axes.held(alert).map(([name, text]) => make("span", {}, `❚❚ ${t(`suppression.${name}`)} · ${text}`))),
    make("span", { class: "do" },
      feed.isShelved(alert) && axes.may(user, "shelve") && axes.at_once("unshelve", alert),
      alert.work_order && axes.may(user, "out_of_service") && axes.at_once("return_to_service", alert)));
  const draw = () => {
    if (!place?.isConnected) return;
    const shown = kept.filter((alert) => axes.held(alert).length).sort(order);
    const text = JSON.stringify([shown.map((alert) => [alert.id, alert.version, axes.held(alert)]), user?.name]);
    if (text === drawn) return;
    drawn = text;
    place.replaceChildren(...(shown.length ? shown.map(row) : [make("li", { class: "none dim" }, t("quiet.none"))]));
    const n = (name) => shown.filter((alert) => axes.held(alert).some(([one]) => one === name)).length;
    document.getElementById("duty-quiet-counts")?.replaceChildren(
      t("quiet.counts", { shelved: n("shelved"), by_design: n("by_design"), out: n("out_of_service") }), ` · ${t("data.age")} `, since(readAt, "ago", { class: "dim" }));
  };
  const load = async () => {
    planned = null;
    try {
      kept = await all("/api/v1/suppressed-alerts");
      readAt = new Date(clock.now()).toISOString();
      drawn = "";
      draw();
    } catch (error) {
      console.warn("suppressed:", error.message); // the age beside the title tells
    }
  };
  const soon = () => { planned ??= setTimeout(load, ASK_AGAIN_MS); };
  mount("duty-quiet", (element) => {
    place = element;
    drawn = "";
    me().then((who) => { user = who; drawn = ""; draw(); }).catch(() => {});
    load();
    feed.on("alert", soon);
  });
  everySecond.add(() => {
    if (!place?.isConnected) return;
    draw();
    if (readAt && yiping.ageSeconds(readAt) > REFRESH_S) soon();
  });
})();
