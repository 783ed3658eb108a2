// The catalogue of applications: a row each; asked for again when alerts, tasks, sites or plans change.
(() => {
  "use strict";
  const { t, make, mount, get, send, act, show, since, feed, language, everySecond } = yiping;
  const SIGNS = { alerting: "▲", overdue: "▲", blind: "⚠", unknown: "◌", watching: "●", idle: "○" };
  let place = null, found = null, stale = false, asking = false;

  const nameOf = (one) => one[language] || (one.id ? t(`profile.${one.id}`, {}, one.id) : t("applications.no_profile"));
  const site = (one) => make("li", { class: one.alerts_open || one.health === "lost" ? "bad" : "", "data-site": one.id },
    one.alerts_open ? "▲ " : one.health === "lost" ? "⚠ " : one.health === "live" ? "" : "◌ ", one.name);
  const sites = (one) => {
    if (!one.sites.length) return "–";
    const lost = one.sites.filter((each) => each.health === "lost").length;
    return make("details", {}, make("summary", {}, t("applications.sites_counts", { n: one.sites.length }), lost ? make("b", {}, ` · ⚠ ${t("applications.sites_lost", { n: lost })}`) : ""),
      make("ul", {}, one.sites.map(site)));
  };
  const inspected = ({ inspected: found }) => (found ? make("div", {}, make("a", { href: yiping.at("/inspections") }, t("applications.inspected", found)),
    found.overdue ? make("b", {}, ` · ▲ ${t("applications.inspected.overdue", found)}`) : "", found.last ? make("small", { class: "dim" }, ` · ${t("applications.inspected.last", { at: show(found.last, "date") })}`) : "") : null);
  const plan = (one) => make("div", { class: one.state ? "" : "dim" }, make("a", { href: yiping.at("/plans") }, one[language]), ` · ${t(one.state ? `run.${one.state}` : "plans.idle")}`);
  // ---- switched on and off by an administrator: another version of the settings, with the others' masked keys untouched
  const change = (button, edit, note) => act(button, async () => {
    const settings = await get("/api/v1/settings");
    const document = structuredClone(settings.document);
    document.applications = edit(document.applications ?? []);
    await send("PUT", "/api/v1/settings", { base_version: settings.version, document, note });
    await load();
  });
  const onOff = (id, doing, edit) => make("button", { type: "button", class: "quiet", "data-do": doing, "data-pack": id,
    onclick: (event) => change(event.currentTarget, edit, `${t(`applications.${doing}`)} ${id}`) }, t(`applications.${doing}`));
  const off = (one) => (found.editable && one.pack && !one.sites.length && !one.inspected
    ? onOff(one.id, "off", (names) => names.filter((name) => name.split("/").pop() !== one.id)) : null);
  const offered = () => (found.available.length ? make("section", { class: "available" }, make("h3", {}, t("applications.available")), make("ul", {}, found.available.map((one) =>
    make("li", {}, make("b", {}, one[language]), " ", make("span", { class: "dim" }, one.about[language]), " ", onOff(one.id, "on", (names) => [...names, one.id]))))) : null);
  const row = (one) => make("tr", { "data-application": one.id, "data-state": one.state, class: ["alerting", "overdue", "blind"].includes(one.state) ? "bad" : "" },
    make("th", { scope: "row" }, nameOf(one), make("small", {}, one.about ? one.about[language] : t("applications.own"))),
    make("td", { class: "state" }, make("span", { "aria-hidden": true }, `${SIGNS[one.state]} `), t(`applications.state.${one.state}`)),
    make("td", {}, one.owner || "–"),
    make("td", {}, one.sites.length || !one.inspected ? sites(one) : "", inspected(one)),
    make("td", { class: "of-month" }, t("applications.alerts_counts", one.alerts)),
    make("td", { class: "of-month" }, t("applications.tasks_counts", one.tasks)),
    make("td", {}, one.plans.length ? one.plans.map(plan) : "–", off(one)));
  const head = () => make("tr", {}, ["name", "state", "owner", "sites", "alerts", "tasks", "plans"].map((name) => make("th", { scope: "col" }, t(`applications.${name}`))));
  const draw = () => {
    if (!place?.isConnected || !found) return;
    const open = new Set([...place.querySelectorAll("details[open]")].map((one) => one.closest("tr").dataset.application));
    place.replaceChildren(...(found.items.length
      ? [make("p", { class: "dim" }, t("applications.month", { at: show(found.since, "date") })),
        make("table", {}, make("thead", {}, head()), make("tbody", {}, found.items.map(row)))]
      : [make("p", { class: "empty dim" }, t("applications.none"))]), offered() ?? "");
    place.querySelectorAll("details").forEach((one) => { one.open = open.has(one.closest("tr").dataset.application); });
    document.getElementById("applications-age")?.replaceChildren(since(found.at));
  };
  const load = async () => {
    if (asking) return;
    [asking, stale] = [true, false];
    try {
      found = { ...await get("/api/v1/applications"), at: new Date(yiping.clock.now()).toISOString() };
      draw();
    } catch (error) {
      if (place?.isConnected) place.replaceChildren(make("p", { class: "empty" }, error.message));
    } finally { asking = false; }
  };

  const again = () => { stale = true; };
  ["alert", "task", "site"].forEach((topic) => feed.on(topic, again));
  ["plan", "inspection", "reset", "settings"].forEach((topic) => feed.hear(topic, again));
  everySecond.add(() => { if (stale && place?.isConnected) load(); });
  mount("applications", (element) => { place = element; feed.start(); load(); });
})();
