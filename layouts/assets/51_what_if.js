// Beside the review's axis: the map as it was at the cursor, and what would have been otherwise by other limits or people.
(() => {
  "use strict";
  const { t, make, mount, get, post, act, page, marks, siteName, personName, show, duration, unfit, review } = yiping;

  // ---- the map: our own ground and the sites, drawn anew whenever the cursor moves
  const EDGE = 46;
  const STALE_MS = 120_000; // a position older than this is drawn faint
  let canvas = null;
  let ground = null; // drawn once for each size
  let now = null;
  const scale = () => window.devicePixelRatio || 1;
  const projection = () => {
    const [lons, lats] = [page.sites.map((site) => site.lon), page.sites.map((site) => site.lat)];
    const [west, east, south, north] = [Math.min(...lons), Math.max(...lons), Math.min(...lats), Math.max(...lats)];
    const squeeze = Math.cos((((south + north) / 2) * Math.PI) / 180);
    const { clientWidth: w, clientHeight: h } = canvas;
    const fit = Math.min((w - 2 * EDGE) / Math.max(1e-4, (east - west) * squeeze), (h - 2 * EDGE) / Math.max(1e-4, north - south));
    return (lon, lat) => [w / 2 + (lon - (west + east) / 2) * squeeze * fit, h / 2 - (lat - (south + north) / 2) * fit];
  };
  const lines = (context, place, rings) => {
    context.beginPath();
    for (const ring of rings) ring.forEach(([lon, lat], i) => (i ? context.lineTo(...place(lon, lat)) : context.moveTo(...place(lon, lat))));
  };
  const drawGround = (place) => {
    const made = document.createElement("canvas");
    [made.width, made.height] = [canvas.width, canvas.height];
    const context = made.getContext("2d");
    context.scale(scale(), scale());
    for (const feature of (kept() ?? []).flatMap((part) => part.features ?? [])) {
      const { type, coordinates } = feature.geometry ?? {};
      const rings = { LineString: () => [coordinates], MultiLineString: () => coordinates, Polygon: () => coordinates, MultiPolygon: () => coordinates.flat() }[type]?.();
      if (!rings) continue;
      const style = yiping.map.style(feature);
      lines(context, place, rings);
      if (type.endsWith("Polygon") && style.fill !== false) {
        context.fillStyle = style.fillColor ?? "#151b21";
        context.fill("evenodd");
      }
      if (style.stroke !== false) {
        context.setLineDash((style.dashArray ?? "").split(" ").filter(Boolean).map(Number));
        context.lineWidth = style.weight ?? 1;
        context.strokeStyle = style.color ?? "#36424d";
        context.stroke();
      }
    }
    return made;
  };
  let groundData = null;
  const kept = () => groundData;
  const words = (context, text, x, y, colour, size = 12) => {
    context.font = `500 ${size}px system-ui, "Noto Sans CJK SC", sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    context.lineWidth = 3;
    context.strokeStyle = "rgba(14,18,22,.85)";
    context.strokeText(text, x, y);
    context.fillStyle = colour;
    context.fillText(text, x, y);
  };
  /** The names, those of sites in trouble first, below or above where they cover no other; what finds no room is left out. */
  const drawNames = (context, names, width, height) => {
    const taken = names.map(({ x, y }) => [x - 11, y - 11, x + 11, y + 11]);
    /** @param {number[]} box */
    const isFree = ([left, top, right, bottom]) => left >= 0 && top >= 0 && right <= width && bottom <= height
      && !taken.some((other) => left < other[2] && other[0] < right && top < other[3] && other[1] < bottom);
    for (const { text, x, y, colour } of names.sort((a, b) => b.first - a.first)) {
      context.font = '500 12px system-ui, "Noto Sans CJK SC", sans-serif';
      const half = context.measureText(text).width / 2 + 3;
      const room = [22, -22].map((dy) => ({ dy, box: [x - half, y + dy - 8, x + half, y + dy + 8] })).find(({ box }) => isFree(box));
      if (!room) continue;
      taken.push(room.box);
      words(context, text, x, y + room.dy, colour);
    }
  };
  const drawSite = (context, site, x, y, data, cursor, names) => {
    const open = data.alerts.filter((one) => one.site === site.id && Date.parse(one.started_at) <= cursor && review.stateThen(one));
    open.sort((a, b) => a.priority.localeCompare(b.priority));
    const alert = open[0];
    if (alert) {
      const fresh = review.stateThen(alert) === "firing";
      context.beginPath();
      marks.SHAPES[alert.priority].forEach(([px, py], i) => {
        const at = [x + (px - 12), y + (py - 12)];
        if (i) context.lineTo(...at); else context.moveTo(...at);
      });
      context.closePath();
      context.fillStyle = fresh ? marks.COLOURS[alert.priority] : "#10151a";
      context.fill();
      context.lineWidth = 2;
      context.strokeStyle = marks.COLOURS[alert.priority];
      context.stroke();
      context.font = "700 12px system-ui, sans-serif";
      context.textAlign = "center";
      context.textBaseline = "middle";
      // A triangle is narrower than its letters: they bring their ground with them.
      context.lineJoin = "round";
      context.lineWidth = 3;
      context.strokeStyle = fresh ? marks.COLOURS[alert.priority] : "#10151a";
      context.strokeText(alert.priority, x, y + (alert.priority === "P2" ? 3 : 0.5));
      context.fillStyle = fresh ? "#10151a" : marks.COLOURS[alert.priority];
      context.fillText(alert.priority, x, y + (alert.priority === "P2" ? 3 : 0.5));
    } else {
      context.beginPath();
      if (site.camera) context.rect(x - 6, y - 6, 12, 12); else context.arc(x, y, 6, 0, 2 * Math.PI);
      context.fillStyle = "#10151a";
      context.fill();
      context.lineWidth = 1.6;
      context.strokeStyle = "#aab7c2";
      context.stroke();
    }
    const told = data.readings.filter((curve) => curve.site === site.id).map((curve) => {
      const at = curve.at.findLastIndex((ms) => ms <= cursor);
      return at < 0 ? null : `${+curve.value[at].toFixed(2)} ${curve.unit === "1" ? "" : curve.unit}`.trim();
    }).filter(Boolean);
    names.push({ text: [site.name || site.id, ...told.slice(0, 2)].join(" · "), x, y, colour: alert ? "#eef3f7" : "#93a1ad", first: Boolean(alert) });
    return alert ? `${site.name || site.id} ${alert.priority}` : null;
  };
  const drawPeople = (context, place, data, cursor) => {
    for (const [who, points] of Object.entries(data.tracks ?? {})) {
      const at = points.findLastIndex(([ms]) => ms <= cursor);
      if (at < 0) continue;
      const [ms, lon, lat] = points[at];
      const [x, y] = place(lon, lat);
      const task = data.tasks.findLast((one) => one.responder === who && Date.parse(one.accepted_at) <= cursor
        && !(Date.parse(one.closed_at ?? one.cancelled_at ?? "") <= cursor));
      context.globalAlpha = cursor - ms > STALE_MS ? 0.4 : 1;
      const site = task && page.sites.find((one) => one.id === task.site);
      if (site) {
        context.beginPath();
        context.moveTo(x, y);
        context.lineTo(...place(site.lon, site.lat));
        context.setLineDash([4, 4]);
        context.lineWidth = 1.5;
        context.strokeStyle = "#7c8b98";
        context.stroke();
        context.setLineDash([]);
      }
      context.beginPath();
      context.arc(x, y, task ? 5 : 4, 0, 2 * Math.PI);
      context.fillStyle = task ? "#eef3f7" : "#7c8b98";
      context.fill();
      words(context, personName(who), x, y - 13, "#eef3f7", 12);
      context.globalAlpha = 1;
    }
  };
  /** The way that each vehicle of an alert has driven until the cursor, and where it is. */
  const drawVehicles = (context, place, data, cursor) => {
    for (const [plate, points] of Object.entries(data.vehicles ?? {})) {
      const driven = points.filter(([ms]) => ms <= cursor);
      if (!driven.length) continue;
      const [ms] = driven.at(-1);
      context.globalAlpha = cursor - ms > STALE_MS ? 0.4 : 1;
      context.beginPath();
      driven.forEach(([, lon, lat], n) => (n ? context.lineTo(...place(lon, lat)) : context.moveTo(...place(lon, lat))));
      context.setLineDash([1, 5]);
      context.lineCap = "round";
      context.lineWidth = 2.5;
      context.strokeStyle = "#e9edf1";
      context.stroke();
      context.setLineDash([]);
      const [x, y] = place(...driven.at(-1).slice(1));
      context.fillStyle = "#eef3f7";
      context.fillRect(x - 4.5, y - 4.5, 9, 9);
      words(context, plate, x, y - 13, "#eef3f7", 12);
      context.globalAlpha = 1;
    }
  };
  const drawMap = () => {
    if (!canvas?.isConnected || !canvas.clientWidth || !page.sites.length) return;
    const [w, h] = [Math.round(canvas.clientWidth * scale()), Math.round(canvas.clientHeight * scale())];
    if (canvas.width !== w || canvas.height !== h || !ground) {
      [canvas.width, canvas.height] = [w, h];
      ground = drawGround(projection());
    }
    const place = projection();
    const context = canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, w, h);
    context.drawImage(ground, 0, 0);
    context.scale(scale(), scale());
    if (!now) return;
    const [data, cursor] = now;
    drawVehicles(context, place, data, cursor);
    drawPeople(context, place, data, cursor);
    const names = [];
    const told = page.sites.map((site) => drawSite(context, site, ...place(site.lon, site.lat), data, cursor, names)).filter(Boolean);
    drawNames(context, names, canvas.clientWidth, canvas.clientHeight);
    canvas.setAttribute("aria-label", `${t("review.map")}：${told.join("、") || t("review.nothing_now")}`);
    canvas.dataset.alerts = String(told.length);
  };
  review.follow((data, cursor) => { now = [data, cursor]; drawMap(); });
  mount("review-map", (place) => {
    canvas = place;
    ground = null;
    new ResizeObserver(drawMap).observe(place);
  });

  // ---- what if
  const ASK_MS = 700;
  const PATIENCE_MS = 150_000;
  let choices = null;
  let changes = [];
  const settingName = (name) => t(`what_if.setting.${name}`, {}, name);
  const ruleName = (rule) => `${siteName(rule.site)} · ${rule.rule}`;
  const option = (value, text, more = {}) => make("option", { value, ...more }, text);
  const clock = (iso) => show(iso, "full");

  const sentence = (one) => {
    const place = `${siteName(one.site)} · ${one.rule}${one.zone ? ` · ${one.zone}` : ""}`;
    const side = one.after ?? one.before;
    const values = { place, by: duration(Math.abs(one.by_s ?? 0)), before: clock(one.before?.raised_at), after: clock(one.after?.raised_at),
      ended: one.after?.ended_at ? clock(one.after.ended_at) : t("what_if.open"), was: one.before?.ended_at ? clock(one.before.ended_at) : t("what_if.open"),
      priority: one.after?.priority ?? "", priority_before: one.before?.priority ?? "" };
    return make("li", { "data-what": one.what },
      make("button", { class: "quiet what", onclick: () => review.seek(Date.parse(side.raised_at)) }, marks.mark(side.priority, one.what === "gone"), t(`what_if.${one.what}`, values)));
  };
  const whom = (side) => {
    if (!side) return t("what_if.no_alert");
    if (!side.offered.length) return `${t("what_if.nobody")}${side.shortfall.length ? `（${side.shortfall.map((told) => { const [id, why] = told.split(": "); return why ? `${personName(id)} ${unfit(why)}` : unfit(told); }).join("、")}）` : ""}`;
    return side.offered.map((one) => t("what_if.offered", { who: personName(one.responder), at: clock(one.arrives_at), way: duration(one.travel_s) })).join("、");
  };
  const sending = (one) => make("li", { "data-sent": one.site },
    make("b", {}, `${siteName(one.site)} · ${one.rule}`), make("span", {}, t("what_if.sent", { before: whom(one.before), after: whom(one.after) })));
  const remark = (text) => (/nothing is known from/.test(text) ? t("what_if.gap") : /other version|decide otherwise/.test(text) ? t("what_if.code") : /without their state/.test(text) ? t("what_if.inexact") : /not what was kept/.test(text) ? t("what_if.damaged") : text);
  const showAnswer = (place, answer) => {
    const kinds = ["new", "gone", "earlier", "later", "graver", "milder", "longer", "shorter", "same"];
    const summary = kinds.filter((kind) => answer.counts[kind]).map((kind) => t(`what_if.count.${kind}`, { n: answer.counts[kind] })).join("，");
    const notes = (answer.notes ?? []).map((one) => t(`what_if.note.${one.key}`, { ...one.values, site: siteName(one.values.site) }, one.text));
    const remarks = [...new Set([...notes, ...answer.remarks.map(remark)])];
    place.replaceChildren(
      make("p", { class: "summary" }, answer.alerts.length || answer.dispatch.length ? summary || t("what_if.none") : t("what_if.none")),
      make("ul", { class: "differences" }, answer.alerts.slice(0, 100).map(sentence)),
      answer.dispatch.length ? make("h4", {}, t("what_if.dispatch")) : "",
      make("ul", { class: "differences" }, answer.dispatch.slice(0, 100).map(sending)),
      make("ul", { class: "remarks dim" }, remarks.map((text) => make("li", {}, text))),
      make("p", { class: "dim" }, t("what_if.assumed")));
  };
  const refused = (told) => (told.answer?.words && t(`refused.${told.answer.words.key}`, told.answer.words.values, "")) || told.error;
  const ask = async (place, without) => {
    const span = review.span();
    if (!span) throw new Error(t("what_if.no_span"));
    const body = { since: new Date(span.since).toISOString(), until: new Date(span.until).toISOString(), changes, without };
    const { id } = await post("/api/v1/what-ifs", body);
    const begun = performance.now();
    for (;;) {
      place.replaceChildren(make("p", { class: "dim", role: "status" }, t("what_if.working", { n: Math.round((performance.now() - begun) / 1000) })));
      const told = await get(`/api/v1/what-ifs/${id}`);
      if (told.state === "done") return showAnswer(place, told.answer);
      if (told.state === "refused") throw new Error(refused(told));
      if (performance.now() - begun > PATIENCE_MS) throw new Error(t("refused.what_if.long"));
      await new Promise((later) => { setTimeout(later, ASK_MS); });
    }
  };

  const draw = (place) => {
    const rule = make("select", { id: "what-if-rule", "aria-label": t("what_if.rule") }, choices.rules.map((one, i) => option(i, ruleName(one))));
    const setting = make("select", { id: "what-if-setting", "aria-label": t("what_if.setting") });
    const value = make("input", { id: "what-if-value", type: "text", size: 8, autocomplete: "off", "aria-label": t("what_if.value") });
    const was = make("small", { class: "dim" });
    const list = make("ul", { class: "chosen" });
    const people = make("select", { id: "what-if-without", "aria-label": t("what_if.without") }, option("", t("what_if.everybody")), choices.responders.map((one) => option(one.id, one.name)));
    const answer = make("div", { id: "what-if-answer", "aria-live": "polite" });
    const chosenRule = () => choices.rules[Number(rule.value)];
    const chosenSetting = () => chosenRule()?.settings.find((one) => one.name === setting.value);
    const tellWas = () => {
      const one = chosenSetting();
      was.textContent = one ? t("what_if.now", { value: one.value ?? "—" }) : "";
      was.title = one?.description ?? "";
      value.placeholder = one?.value ?? (one?.kind === "duration" ? "60s" : "");
    };
    const fillSettings = () => {
      setting.replaceChildren(...(chosenRule()?.settings ?? []).map((one) => option(one.name, settingName(one.name))));
      tellWas();
    };
    const drawChanges = () => list.replaceChildren(...changes.map((one, i) => make("li", {}, `${siteName(one.site)} · ${one.rule} · ${settingName(one.setting)} → ${one.value}`,
      make("button", { class: "quiet", title: t("what_if.drop"), "aria-label": t("what_if.drop"), onclick: () => { changes.splice(i, 1); drawChanges(); } }, "×"))));
    const take = () => {
      const [one, how, text] = [chosenRule(), chosenSetting(), value.value.trim()];
      if (!one || !how || !text) return;
      const kept = how.kind === "number" && text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
      changes = [...changes.filter((c) => c.site !== one.site || c.rule !== one.rule || c.setting !== how.name), { site: one.site, rule: one.rule, setting: how.name, value: kept }];
      value.value = "";
      drawChanges();
    };
    const go = make("button", { id: "what-if-go", class: "strong", type: "submit" }, t("what_if.go"));
    rule.addEventListener("change", fillSettings);
    setting.addEventListener("change", tellWas);
    const form = make("form", { class: "what-if-form" },
      make("div", {}, rule, setting, value, was, make("button", { id: "what-if-add", class: "quiet", type: "button", onclick: take }, t("what_if.add"))),
      list,
      make("div", {}, make("label", {}, t("what_if.without"), people), go));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      take();
      act(go, async () => {
        try {
          await ask(answer, people.value ? [people.value] : []);
        } catch (error) {
          answer.replaceChildren(make("p", { class: "bad", role: "alert" }, error.message));
        }
      });
    });
    fillSettings();
    drawChanges();
    place.replaceChildren(form, answer);
  };
  mount("what-if", async (place) => {
    try {
      choices = await get("/api/v1/what-ifs/choices");
      draw(place);
    } catch (error) {
      place.replaceChildren(make("p", { class: "empty" }, error.message));
    }
  });

  window.dash_clientside = Object.assign(window.dash_clientside ?? {}, {
    yiping_review_map: {
      /** The ground has come with the page. */
      take(parts) {
        groundData = parts ?? [];
        ground = null;
        drawMap();
        return "";
      },
    },
  });
})();
