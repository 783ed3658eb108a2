// The set-up page: one site at a time, its zones and marks over its newest picture, and what is configured there.
// Where the settings are kept in the store, an administrator edits them here (72_setup_save.js); else they are shown.
(() => {
  "use strict";
  const { t, make, mount, post, act, since, feed, personName } = yiping;
  const { state, kinds, titleOf, nameOf, mayEdit, dirty, free, editor, forms, save, curve, trial, monitorsOf, gaugesOf, isGauge, monitorPath, putMonitor, camera: sitePart } = yiping.setup;
  const LOOK_MS = 5000;
  let place = null, list = null, over = null;
  let canvasEditor = null;
  let newer = null; // a version that somebody else saved while something is unsaved here

  const rows = (pairs) => make("table", {}, make("tbody", {}, pairs.map(([name, value]) =>
    make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, value)))));
  const part = (title, ...inside) => make("section", {}, make("h3", {}, title), ...inside.flat(3));
  const settings = (one) => {
    const told = Object.entries(one.settings).map(([name, value]) => [forms.told(name, one.kind).label, value]);
    return told.length ? rows(told) : make("p", { class: "dim" }, t("setup.usual"));
  };
  const recipe = (one, ...more) =>
    make("article", { "data-kind": one.kind }, make("h4", {}, yiping.setup.inOwnLanguage(one.title || one.kind), make("span", { class: "dim" }, ` ${one.name ?? ""} · ${one.kind}`)), settings(one), ...more.flat(3));

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

  const losses = (site) => {
    const entries = (feed.sites.get(site.id)?.losses ?? []).map((one) => make("tr", { "data-cause": one.cause },
      make("td", {}, since(one.at)),
      make("td", {}, one.until ? t("setup.lasted", { n: Math.max(1, Math.round((Date.parse(one.until) - Date.parse(one.at)) / 1000)) }) : t("setup.lost_still")),
      make("td", {}, t(`lost.${one.cause}`, {}, one.cause), one.reason ? make("small", { class: "dim" }, one.reason) : null)));
    const shown = part(t("setup.losses"), entries.length ? make("table", { class: "losses" }, make("tbody", {}, entries)) : make("p", { class: "dim" }, t("setup.no_losses")));
    shown.classList.add("losses-of");
    return shown;
  };


  // ---- what is in force at a site, as `/api/v1/setup` tells it, and the same of the draft
  const facts = (id) => state.found.sites.find((one) => one.id === id) ?? null;
  const shownSites = () => (mayEdit() ? yiping.setup.sites() : state.found.sites);
  const current = () => shownSites().find((one) => one.id === state.chosen) ?? null;
  const path = (draft, rest = "") => `sites[${draft.sites.findIndex((one) => one.id === state.chosen)}]${rest}`;
  const isBusy = () => Boolean(place?.querySelector("form.open") || canvasEditor?.isBusy());
  const hasCamera = (site) => (mayEdit() ? Boolean(yiping.setup.cameraOf(site)) : site.camera);
  /** A site in force as the document has it, as far as the picture shows it. */
  const asDraft = (site) => ({ ...site, rules: site.rules.map((one) => ({ kind: one.kind, id: one.name, zone: one.settings.zone })),
    detectors: site.detectors.map((one) => ({ kind: one.kind, id: one.name, zone: one.settings.zone, ...(one.staff ?? {}) })) });
  const asText = (value) => (typeof value === "string" ? value : Array.isArray(value) && value.every((one) => typeof one === "string") ? value.join(", ") : JSON.stringify(value));
  const ofDraft = (what, one) => ({ kind: one.kind, title: titleOf(what, one.kind), name: nameOf(one),
    settings: Object.fromEntries(Object.entries(one).filter(([name]) => !["kind", "id", "weights", "line", "marks"].includes(name)).map(([name, value]) => [name, asText(value)])) });

  // ---- recipes of a site: rules, detectors; each with its form
  const SKIP = { rules: [], detectors: ["line", "marks", "weights"] };
  const FIRST = { rules: ["zone", "at_least", "labels", "quantity", "unit", "above", "below", "clear_at", "after", "during", "priority", "id"], detectors: ["zone", "labels", "confidence", "fixed", "references", "id"] };
  const STAFF = { line: [[0.5, 0.2], [0.5, 0.8]], marks: [{ row: 0.25, cm: 100 }, { row: 0.75, cm: 0 }] };
  const labels = () => [...new Set((current().detectors ?? []).flatMap((one) => one.labels ?? kinds("detectors")[one.kind]?.properties.labels?.default ?? []))];
  /** The form of one rule or detector in place of what is shown; index -1 for a new one. */
  const formOf = (what, kind, value, index, done) => {
    const schema = kinds(what)[kind];
    const site = current();
    const drawn = forms.draw({ schema, kind, value, zones: (site.zones ?? []).map((zone) => zone.id), skip: SKIP[what], lists: { labels: "known-labels", at_least_by_label: "known-labels" },
      first: FIRST[what].filter((name) => schema.properties[name] && (name !== "zone" || !schema.properties.quantity)) });
    const rest = make("p", { class: "wrong whole", role: "alert" });
    const beside = schema.properties.quantity && what === "rules" ? limitsBeside(site, drawn, kind) : null;
    const tried = make("div", { class: "trial-answer", "aria-live": "polite" });
    const tries = what === "rules" && facts(site.id) ? make("button", { type: "button", "data-do": "try", onclick: (event) => act(event.currentTarget, async () => {
      const draft = structuredClone(state.draft);
      const one = draft.sites.find((each) => each.id === state.chosen);
      one[what] = [...(one[what] ?? [])];
      const at = index < 0 ? one[what].length : index;
      one[what][at] = { kind, ...drawn.read() };
      try { await trial.run(draft, 1, tried); } catch (error) {
        tried.replaceChildren();
        rest.textContent = (error.errors ?? []).map((each) => each.message ?? each.words).join("；") || error.message;
      }
    }) }, t("setup.do.try")) : null;
    const form = make("form", { class: "open recipe-form", "data-kind": kind, novalidate: true, onsubmit: (event) => {
      event.preventDefault();
      act(event.submitter, async () => {
        rest.textContent = "";
        const given = { kind, ...drawn.read() };
        const at = index < 0 ? (site[what] ?? []).length : index;
        const taken = await save.apply((draft) => {
          const one = draft.sites.find((each) => each.id === state.chosen);
          one[what] = [...(one[what] ?? [])];
          one[what][at] = given;
        }, (draft) => path(draft, `.${what}[${at}]`), (problems) => { rest.textContent = drawn.mark(problems).map(([where, message]) => `${where.replace(/^\./, "")} ${message}`.trim()).join("；"); });
        if (taken) { form.remove(); done(); }
      });
    } }, make("h4", {}, titleOf(what, kind)), beside?.element, drawn.element, make("datalist", { id: "known-labels" }, labels().map((one) => make("option", { value: one }, yiping.t(`label.${one}`, {}, one)))), rest, tried,
    make("div", { class: "do" }, make("button", { class: "strong", "data-do": "apply" }, t("setup.do.apply")), tries, make("button", { type: "button", "data-do": "leave", onclick: () => { form.remove(); done(); } }, t("setup.do.leave"))));
    if (beside) form.addEventListener("input", beside.draw);
    return form;
  };
  /** The curve of the rule's quantity beside its limits, drawn anew while they are typed. */
  const limitsBeside = (site, drawn, kind) => {
    const element = make("div", { class: "limits-beside" });
    let shown = null;
    const draw = () => {
      const value = (name) => drawn.element.querySelector(`[data-setting="${name}"] :is(input, select)`)?.value.trim() ?? "";
      const number = (name) => (value(name) === "" || Number.isNaN(Number(value(name))) ? undefined : Number(value(name)));
      const quantity = value("quantity");
      if (!quantity) { shown = null; element.replaceChildren(); return; }
      const bands = [...drawn.element.querySelectorAll('[data-setting="bands"] .several-row')].map((row) => ({ above: Number(row.querySelector('[data-setting="above"] input')?.value || NaN), priority: row.querySelector('[data-setting="priority"] select')?.value }));
      const rule = { kind, quantity, unit: value("unit") || undefined, priority: value("priority") || undefined, bands: bands.filter((one) => Number.isFinite(one.above)),
        ...Object.fromEntries(["above", "below", "clear_at", "lowest", "highest"].map((name) => [name, number(name)]).filter(([, given]) => given !== undefined)) };
      if (shown?.dataset.curve === `${site.id}|${quantity}`) shown.update([rule]);
      else element.replaceChildren(shown = curve.draw(site.id, quantity, [rule]));
    };
    draw();
    return { element, draw };
  };
  const changedHere = () => { canvasEditor?.redraw(); if (!canvasEditor) drawPicture(); drawRight(); drawBar(); };
  const editable = (what, one, index, shown) => {
    const element = shown;
    if (!mayEdit()) return element;
    const start = () => {
      const form = formOf(what, one.kind, one, index, changedHere);
      element.replaceWith(form);
      form.querySelector("input, select, textarea")?.focus();
    };
    element.querySelector("h4").append(make("span", { class: "row-do" },
      make("button", { type: "button", class: "quiet", "data-do": "edit", "aria-label": t("setup.edit_one", { name: nameOf(one) }), disabled: !kinds(what)[one.kind], onclick: start }, t("setup.do.edit")),
      make("button", { type: "button", class: "quiet", "data-do": "drop", "aria-label": t("setup.drop_one", { name: nameOf(one) }), onclick: () => { current()[what].splice(index, 1); changedHere(); } }, t("setup.do.drop"))));
    return element;
  };
  const adder = (what) => {
    if (!mayEdit()) return null;
    const options = Object.keys(kinds(what)).map((kind) => make("option", { value: kind }, titleOf(what, kind)));
    const chooser = make("select", { "aria-label": t(`setup.new_${what}`) }, make("option", { value: "" }, t(`setup.new_${what}`)), options);
    const holder = make("div", { class: "adder", "data-adds": what }, chooser);
    const begin = (kind, more = {}) => {
      const site = current();
      const id = free(kind, (site[what] ?? []).map(nameOf));
      const value = { ...more, kind, ...(id !== kind ? { id } : {}), ...(kind === "staff_gauge" ? structuredClone(STAFF) : {}), ...(kinds(what)[kind].properties.zone && site.zones?.length ? { zone: site.zones.at(-1).id } : {}) };
      const form = formOf(what, kind, value, -1, () => { if (what === "detectors") drawPicture(); changedHere(); });
      chooser.replaceWith(form);
      form.querySelector("input, select, textarea")?.focus();
    };
    chooser.addEventListener("change", () => { if (chooser.value) begin(chooser.value); });
    return Object.assign(holder, { begin });
  };
  /** A limit for what this gauge measures. */
  const openLimit = (gauge) => {
    if (isBusy()) { yiping.say(t("setup.finish_form"), "error"); return; }
    right.querySelector('[data-adds="rules"]').begin("threshold", { quantity: gauge.quantity, ...(gauge.unit ? { unit: gauge.unit } : {}) });
    right.querySelector(".recipe-form")?.scrollIntoView({ block: "nearest" });
    right.querySelector('.recipe-form [data-setting="above"] input')?.focus();
  };
  const openGauge = (element, gauge, index) => {
    if (isBusy()) { yiping.say(t("setup.finish_form"), "error"); return; }
    const site = current();
    const form = sitePart.drawGauge({ site, value: gauge, cancel: () => { form.remove(); drawAll(); }, save: async (given) => {
      const taken = await save.apply((draft) => { putMonitor(draft.sites.find((one) => one.id === site.id), index, structuredClone(given)); },
        (draft) => { const one = draft.sites.find((each) => each.id === site.id); return path(draft, `.${monitorPath(one, index < 0 ? monitorsOf(one).length - 1 : index)}`); }, (problems) => form.mark(problems));
      if (!taken) return;
      form.remove();
      drawAll();
      if (index < 0) openLimit(given);
    } });
    element.replaceWith(form);
    form.querySelector("input, select")?.focus();
  };

  // ---- the right side
  const detectorsOf = (site, known, height) => (site.detectors ?? []).map((one, index) => {
    const inForce = known?.detectors[index];
    const alike = inForce && inForce.kind === one.kind ? inForce : null;
    const shown = mayEdit() ? { ...ofDraft("detectors", one), weights: alike?.weights ?? null, staff: one.line && one.marks ? { line: one.line, marks: one.marks } : null } : one;
    return editable("detectors", one, index, recipe(shown, weights(shown), staff(shown, height)));
  });
  const cameraPart = (site, known) => {
    const monitors = mayEdit() ? monitorsOf(site).map((one) => ofDraft(yiping.setup.isCamera(one) ? "cameras" : "monitors", one)) : known.monitors;
    const withSteps = (one, index) => {
      const element = recipe(one);
      const gauge = mayEdit() ? monitorsOf(site)[index] : null;
      if (!isGauge(gauge)) return element;
      element.querySelector("h4").append(make("span", { class: "row-do" },
        make("button", { type: "button", class: "quiet", "data-do": "limit", onclick: () => openLimit(gauge) }, t("setup.do.limit")),
        make("button", { type: "button", class: "quiet", "data-do": "edit", "aria-label": t("setup.edit_one", { name: nameOf(gauge) }), onclick: () => openGauge(element, gauge, index) }, t("setup.do.edit")),
        make("button", { type: "button", class: "quiet", "data-do": "drop", "aria-label": t("setup.drop_one", { name: nameOf(gauge) }), onclick: () => { putMonitor(site, index, null); drawAll(); } }, t("setup.do.drop"))));
      return element;
    };
    const more = make("button", { type: "button", "data-do": "add-gauge-here", onclick: () => openGauge(more, null, -1) }, t("setup.do.add_gauge_here"));
    const where = mayEdit() ? make("p", { class: "dim" }, `${site.id} · ${site.location?.lat}, ${site.location?.lon}${site.grid ? ` · ${site.grid}` : ""}`) : null;
    return part(t("setup.monitors"), where, monitors.map(withSteps), mayEdit() ? make("div", { class: "do" }, more,
      make("button", { type: "button", "data-do": "edit-site", onclick: () => openSite(site, false) }, t("setup.do.edit_site")),
      make("button", { type: "button", "data-do": "clone", onclick: () => openSite(sitePart.fresh(site), true) }, t("setup.do.clone")),
      make("button", { type: "button", "data-do": "remove-site", onclick: () => removeSite(site) }, t("setup.do.remove_site"))) : []);
  };
  const removeSite = (site) => {
    state.draft.sites = state.draft.sites.filter((one) => one !== site);
    state.chosen = state.draft.sites[0]?.id ?? null;
    drawAll();
  };
  let right = null;
  const drawRight = () => {
    const site = current();
    if (!right || !site || right.querySelector("form.open")) return;
    const known = facts(site.id);
    const height = known?.camera ? canvasEditor?.size() ?? 0 : 0;
    right.replaceChildren(...[
      losses({ id: site.id }),
      cameraPart(site, known),
      part(t("setup.detectors"), make("p", { class: "dim" }, t("setup.inference", state.found.inference)), make("div", {}, detectorsOf(site, known, height)), adder("detectors")),
      part(t("setup.rules"), (site.rules ?? []).map((one, index) => editable("rules", one, index, recipe(mayEdit() ? ofDraft("rules", one) : one))), adder("rules")),
      hasCamera(site) ? part(t("setup.health"), rows(Object.entries(mayEdit() ? { ...(known?.health ?? {}), ...(site.health ?? {}) } : site.health)
        .map(([name, value]) => [t(`setup.health.${name}`, {}, name), typeof value === "boolean" ? (value ? "✓" : "–") : value]))) : null,
    ].filter(Boolean));
  };
  const openSite = (site, isNew, device = "camera") => {
    if (isBusy()) { yiping.say(t("setup.finish_form"), "error"); return; }
    const form = sitePart.draw({ value: site, isNew, device, cancel: () => { form.remove(); drawAll(); }, save: async (one) => {
      const index = isNew ? state.draft.sites?.length ?? 0 : state.draft.sites.findIndex((each) => each.id === site.id);
      const taken = await save.apply((draft) => { draft.sites = [...(draft.sites ?? [])]; draft.sites[index] = one; }, () => `sites[${index}]`, (problems) => form.mark(problems));
      if (!taken) return;
      state.chosen = one.id;
      form.remove();
      drawAll();
      if (device === "gauge") openLimit(gaugesOf(one)[0]);
    } });
    if (isNew) { list.querySelectorAll(".here").forEach((each) => each.classList.remove("here")); over.replaceChildren(...top()); place.replaceChildren(over, make("div", { class: "setup-alone" }, form)); } else right.replaceChildren(form);
    form.querySelector("input, select")?.focus();
  };

  // ---- the left side: the picture
  let left = null;
  const drawPicture = () => {
    const site = current();
    if (!left || !site) return;
    const known = facts(site.id);
    const learn = make("button", { "data-do": "learn" }, t("setup.learn"));
    learn.addEventListener("click", () => act(learn, async () => {
      await post(`/api/v1/sites/${site.id}/learn-view`);
      learn.textContent = t("setup.learned");
    }));
    canvasEditor = hasCamera(site) ? editor.open(mayEdit() ? site : asDraft(site), { editable: mayEdit(), changed: () => { drawRight(); drawBar(); } }) : null;
    document.getElementById("setup-age")?.replaceChildren(...(canvasEditor ? [canvasEditor.age] : []));
    const gauges = mayEdit() ? gaugesOf(site) : (known?.monitors ?? []).filter((one) => one.settings.quantity).map((one) => ({ quantity: one.settings.quantity }));
    const rules = mayEdit() ? site.rules : (known?.rules ?? []).map((one) => ({ kind: one.kind, priority: one.priority, ...one.settings }));
    left.replaceChildren(...(canvasEditor || !gauges.length ? [make("h3", {}, t("setup.zones")), canvasEditor?.element ?? make("p", { class: "dim" }, t("setup.no_camera_here"))] : []), ...(known?.camera ? [learn] : []),
      ...(gauges.length ? [make("h3", {}, t("setup.curves")), ...curve.ofSite({ id: site.id, rules }, gauges)] : []));
  };

  // ---- around both
  const editorProblem = () => {
    for (const site of yiping.setup.sites()) {
      const wrong = (site.zones ?? []).map((zone) => [zone, editor.problemOf(site.zones, zone)]).find(([, problem]) => problem);
      if (wrong) return `${site.name || site.id} · ${wrong[0].id || "?"}：${editor.inWords(wrong[1])}`;
    }
    return isBusy() ? t("setup.finish_form") : "";
  };
  const top = () => [
    newer ? save.banner(newer, isBusy, () => { newer = null; drawAll(); }) : null,
    state.settings.trouble ? make("p", { class: "newer", role: "alert" }, t("setup.trouble", { n: state.settings.newest, why: state.settings.trouble })) : null,
    mayEdit() ? make("p", { class: "mode" }, make("b", {}, t("setup.version", { n: state.settings.version })), " ", t("setup.since"), " ", since(state.settings.at), state.settings.who ? ` · ${personName(state.settings.who)}` : "")
      : make("p", { class: "mode dim" }, t("setup.read_only")),
  ].filter(Boolean);
  const drawTop = () => over?.replaceChildren(...top());
  const drawBar = () => {
    const old = place.querySelector(".save-bar");
    if (mayEdit() && dirty()) { if (!old) place.append(save.bar(editorProblem)); } else old?.remove();
    list.querySelectorAll("[data-site]").forEach((button) => button.classList.toggle("changed", isChanged(button.dataset.site)));
  };
  const isChanged = (id) => mayEdit() && !yiping.setup.same(yiping.setup.site(id), (state.settings.document.sites ?? []).find((one) => one.id === id));
  const choose = (id) => {
    if (id !== state.chosen && isBusy()) { yiping.say(t("setup.finish_form"), "error"); return; }
    state.chosen = id;
    drawAll();
  };
  const drawList = () => list.replaceChildren(...shownSites().map((site) =>
    make("button", { type: "button", class: site.id === state.chosen ? "quiet here" : "quiet", "data-site": site.id, "aria-current": site.id === state.chosen ? "true" : null, onclick: () => choose(site.id) }, site.name || site.id)),
  ...(mayEdit() ? [make("button", { type: "button", "data-do": "add", onclick: () => openSite(sitePart.fresh(), true) }, t("setup.do.add")),
    make("button", { type: "button", "data-do": "add-gauge", onclick: () => openSite(sitePart.fresh(null, "gauge"), true, "gauge") }, t("setup.do.add_gauge")), make("div", { class: "list-foot" },
    make("button", { type: "button", class: "quiet", "data-do": "versions", onclick: (event) => act(event.currentTarget, save.versions) }, t("setup.versions")),
    make("a", { href: yiping.at("/api/v1/settings/export"), download: "config.yaml", "data-do": "export" }, t("setup.export")))] : []));
  const drawAll = () => {
    if (!shownSites().some((one) => one.id === state.chosen)) state.chosen = shownSites()[0]?.id ?? null;
    drawList();
    drawTop();
    if (!current()) { place.replaceChildren(over, make("p", { class: "empty dim" }, t("setup.no_sites"))); drawBar(); return; }
    left = make("div", { class: "setup-picture" });
    right = make("div", { class: "setup-facts" });
    place.replaceChildren(over, left, right);
    drawPicture();
    drawRight();
    drawBar();
  };
  mount("setup", async (element) => {
    place = element;
    list = document.getElementById("setup-sites");
    over = make("div", { class: "setup-over" });
    feed.start();
    try {
      await yiping.setup.read();
      state.chosen = shownSites()[0]?.id ?? null;
      drawAll();
      feed.on("site", (ids) => {
        const shown = place.querySelector(".losses-of");
        const site = current();
        if (shown && site && (ids.has(site.id) || ids.has(0))) shown.replaceWith(losses({ id: site.id }));
      });
      const look = () => place.isConnected && save.look(isBusy).catch(() => {});
      setInterval(look, LOOK_MS);
      feed.hear("settings", look);
    } catch (error) {
      place.replaceChildren(make("p", { class: "empty" }, error.message));
    }
  });
  yiping.setup.hear((what) => {
    if (what?.newest) { newer = what.newest; drawTop(); return; }
    if (what === "all") { newer = null; if (!isBusy()) drawAll(); else drawTop(); }
  });
  addEventListener("beforeunload", (event) => { if (mayEdit() && (dirty() || isBusy())) event.preventDefault(); });
})();
