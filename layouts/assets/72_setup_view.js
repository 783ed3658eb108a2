// The set-up page: one site at a time, its zones and marks over its newest picture, and what is configured there.
(() => {
  "use strict";
  const { t, make, mount, get, post, act, since, feed } = yiping;
  let found = null;
  let chosen = null;
  let place = null;
  let list = null;

  const rows = (pairs) => make("table", {}, make("tbody", {}, pairs.map(([name, value]) =>
    make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, value)))));
  const part = (title, ...inside) => make("section", {}, make("h3", {}, title), ...inside.flat(3));
  const settings = (one) => {
    const told = Object.entries(one.settings);
    return told.length ? rows(told) : make("p", { class: "dim" }, t("setup.usual"));
  };
  const recipe = (one, ...more) =>
    make("article", { "data-kind": one.kind }, make("h4", {}, one.title || one.kind, make("span", { class: "dim" }, ` ${one.name ?? ""} · ${one.kind}`)), settings(one), ...more.flat(3));

  const weights = (one) => {
    if (!one.weights) return [];
    const shown = ["path", "task", "water_class", "threshold", "sha256"].filter((name) => one.weights[name] !== undefined && one.weights[name] !== "" && one.weights[name] !== null);
    return [
      rows(shown.map((name) => [t(name === "path" ? "setup.weights" : `setup.${name}`), String(one.weights[name])])),
      make("p", { class: one.weights.licence ? "licence" : "licence bad" }, one.weights.licence ? `${t("setup.licence")}：${one.weights.licence}` : t("setup.no_licence")),
    ];
  };
  const staff = (one, height) => one.staff ? [make("table", { class: "marks" },
    make("caption", {}, t("setup.marks")),
    make("thead", {}, make("tr", {}, ["row", "cm"].map((name) => make("th", { scope: "col" }, t(`setup.${name}`))))),
    make("tbody", {}, one.staff.marks.map((mark) => make("tr", {},
      make("td", {}, height ? String(Math.round(mark.row * height)) : mark.row.toFixed(3)), make("td", {}, String(mark.cm))))))] : [];

  // ---- the picture
  const across = (line, row) => { // where the staff's line has this row
    for (let i = 1; i < line.length; i++) {
      const [[x0, y0], [x1, y1]] = [line[i - 1], line[i]];
      if (row <= y1 || i === line.length - 1) return x0 + ((x1 - x0) * (row - y0)) / (y1 - y0);
    }
    return line[0][0];
  };
  const sketch = (canvas, site) => {
    const context = canvas.getContext("2d");
    const { width: w, height: h } = canvas;
    context.font = `600 ${Math.max(12, w / 50)}px system-ui, "Noto Sans CJK SC", sans-serif`;
    context.lineWidth = Math.max(1, w / 400);
    context.strokeStyle = context.fillStyle = "#f2f6f9";
    for (const zone of site.zones) {
      context.beginPath();
      zone.polygon.forEach(([x, y], i) => (i ? context.lineTo(x * w, y * h) : context.moveTo(x * w, y * h)));
      context.closePath();
      context.stroke();
      const [x, y] = zone.polygon.reduce((a, b) => (b[1] < a[1] ? b : a));
      context.fillText(zone.id, Math.min(x * w + 4, w * 0.9), Math.max(y * h - 5, 16));
    }
    for (const { staff: one } of site.detectors) {
      if (!one) continue;
      context.beginPath();
      one.line.forEach(([x, y], i) => (i ? context.lineTo(x * w, y * h) : context.moveTo(x * w, y * h)));
      context.stroke();
      for (const mark of one.marks) {
        const x = across(one.line, mark.row) * w;
        context.fillRect(x - w / 80, mark.row * h - 1, w / 40, 2);
        context.fillText(`${mark.cm} cm`, x + w / 60, mark.row * h + 4);
      }
    }
  };
  async function picture(site, canvas, note, tables) {
    try {
      const answer = await fetch(yiping.at(`/media/live/${site.id}.jpg`));
      if (!answer.ok) throw new Error(String(answer.status));
      const bitmap = await createImageBitmap(await answer.blob());
      [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
      canvas.getContext("2d").drawImage(bitmap, 0, 0);
      document.getElementById("setup-age")?.replaceChildren(since(answer.headers.get("X-Taken-At")));
      note.textContent = "";
      tables(bitmap.height);
    } catch (error) {
      note.textContent = t("setup.no_picture", { why: error.message });
    }
    sketch(canvas, site);
  }

  const losses = (site) => {
    const told = feed.sites.get(site.id) ?? {};
    const entries = (told.losses ?? []).map((one) => make("tr", { "data-cause": one.cause },
      make("td", {}, since(one.at)),
      make("td", {}, one.until ? t("setup.lasted", { n: Math.max(1, Math.round((Date.parse(one.until) - Date.parse(one.at)) / 1000)) }) : t("setup.lost_still")),
      make("td", {}, t(`lost.${one.cause}`, {}, one.cause), one.reason ? make("small", { class: "dim" }, one.reason) : null)));
    const shown = part(t("setup.losses"), entries.length ? make("table", { class: "losses" }, make("tbody", {}, entries)) : make("p", { class: "dim" }, t("setup.no_losses")));
    shown.classList.add("losses-of");
    return shown;
  };

  const draw = () => {
    list.replaceChildren(...found.sites.map((site) =>
      make("button", { class: site.id === chosen ? "quiet here" : "quiet", "data-site": site.id, onclick: () => { chosen = site.id; draw(); } }, site.name)));
    const site = found.sites.find((one) => one.id === chosen);
    if (!site) return place.replaceChildren();
    const canvas = make("canvas", { width: 640, height: 360, role: "img", "aria-label": site.name });
    canvas.addEventListener("dblclick", () => yiping.live.open(site.id));
    const note = make("p", { class: "dim", role: "status" });
    const detectors = make("div", {});
    const tables = (height) => detectors.replaceChildren(...site.detectors.map((one) => recipe(one, weights(one), staff(one, height))));
    const learn = make("button", { "data-do": "learn" }, t("setup.learn"));
    learn.addEventListener("click", () => act(learn, async () => {
      await post(`/api/v1/sites/${site.id}/learn-view`);
      learn.textContent = t("setup.learned");
    }));
    document.getElementById("setup-age")?.replaceChildren();
    tables(0);
    place.replaceChildren(
      make("div", { class: "setup-picture" }, site.camera ? [canvas, note, learn, yiping.live.button(site.id)] : [],
        part(t("setup.zones"), site.zones.map((zone) => make("p", {}, `${zone.id} · ${zone.polygon.length}`))),
        site.camera ? part(t("setup.health"), rows(Object.entries(site.health).map(([name, value]) => [t(`setup.health.${name}`, {}, name), typeof value === "boolean" ? (value ? "✓" : "–") : value]))) : []),
      make("div", { class: "setup-facts" },
        losses(site),
        part(t("setup.monitors"), site.monitors.map((one) => recipe(one))),
        part(t("setup.detectors"), make("p", { class: "dim" }, t("setup.inference", found.inference)), detectors),
        part(t("setup.rules"), site.rules.map((one) => recipe(one)))));
    if (site.camera) picture(site, canvas, note, tables);
  };
  mount("setup", async (element) => {
    place = element;
    list = document.getElementById("setup-sites");
    feed.start();
    try {
      found = await get("/api/v1/setup");
      chosen = found.sites[0]?.id ?? null;
      draw();
      feed.on("site", (ids) => {
        const shown = place.querySelector(".losses-of");
        const site = found.sites.find((one) => one.id === chosen);
        if (shown && site && (ids.has(chosen) || ids.has(0))) shown.replaceWith(losses(site));
      });
    } catch (error) {
      place.replaceChildren(make("p", { class: "empty" }, error.message));
    }
  });
})();
