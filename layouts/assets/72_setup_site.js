// A site, its camera and its gauges: where it is, how they are read, and a test of what they send before anything is saved.
yiping.setup.camera = (() => {
  "use strict";
  const { t, make, act, post } = yiping;
  const { state, kinds, titleOf, cameraOf, putCamera, isGauge, gaugesOf, monitorsOf, putMonitor, free, sites, forms } = yiping.setup;
  const PLACE = ["name", "id", "grid", "profile", "catchment", "template"];
  const CALLS_US = ["http_push", "sl651_gauge"]; // their senders come to us: there is nothing to open
  const FIRST = { camera: ["url", "path", "substream", "credentials", "device", "channel"],
    gauge: ["quantity", "unit", "url", "host", "port", "topic", "address", "path", "value", "time", "station", "element", "credentials", "every", "id"] };

  // ---- the test
  const bitmapOf = (base64) => createImageBitmap(new Blob([Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0))], { type: "image/jpeg" }));
  const rate = (value) => (value === null ? "–" : t("setup.test.rate", { n: value }));
  const keys = (found) => (found.key_every_s !== null ? t("setup.test.key", { n: found.key_every_s }) : found.key_over_s !== null ? t("setup.test.key_over", { n: found.key_over_s }) : "–");
  const substream = (found, use) => {
    const one = found.substream;
    if (!one) return t("setup.test.no_substream");
    const size = one.width ? ` ${one.width} × ${one.height}` : "";
    return make("span", {}, t(one.answers ? "setup.test.substream" : "setup.test.substream_silent", { url: one.url }), size, " ",
      one.answers && use ? make("button", { type: "button", class: "quiet", "data-do": "use-substream", onclick: () => use(one.url) }, t("setup.test.use")) : null);
  };
  /** What the camera sends, with its first picture; or why it cannot be read. */
  const result = async (found, use) => {
    if (!found.ok) {
      return make("div", { class: "test-result failed", role: "status" }, make("b", {}, `⚠ ${yiping.t(`setup.cause.${found.cause}`, {}, yiping.t(`lost.${found.cause}`, {}, found.cause))}`),
        found.reason ? make("small", { class: "dim" }, found.reason) : null, make("small", { class: "dim" }, t("setup.test.after", { n: found.after_s })));
    }
    const picture = make("canvas", { role: "img", "aria-label": t("setup.test.picture") });
    const bitmap = found.picture ? await bitmapOf(found.picture) : null;
    if (bitmap) { [picture.width, picture.height] = [bitmap.width, bitmap.height]; picture.getContext("2d").drawImage(bitmap, 0, 0); }
    const rows = [["codec", found.codec || "–"], ["size", `${found.width} × ${found.height}`], ["frames", rate(found.frames_per_second)], ["keys", keys(found)],
      ["audio", found.audio === null ? "–" : t(found.audio ? "setup.yes" : "setup.no")], ["substream_name", substream(found, use)]];
    return Object.assign(make("div", { class: "test-result", role: "status" }, make("b", {}, `✓ ${t("setup.test.ok", { n: found.after_s })}`), bitmap ? picture : null,
      make("table", {}, make("tbody", {}, rows.map(([name, value]) => make("tr", { "data-fact": name }, make("th", { scope: "row" }, t(`setup.test.${name}`)), make("td", {}, value)))))), { bitmap });
  };

  /** The first readings of a gauge in words, or why there are none, with what came instead. */
  const gaugeResult = (found) => (found.ok
    ? make("div", { class: "test-result", role: "status" }, make("b", {}, `✓ ${t("setup.test.ok", { n: found.after_s })}`),
      make("table", {}, make("caption", {}, t("setup.gauge.first")), make("tbody", {}, found.readings.map((one) => make("tr", { "data-reading": one.value }, make("th", { scope: "row" }, t(`quantity.${one.quantity}`, {}, one.quantity)),
        make("td", {}, make("b", {}, `${+one.value.toPrecision(5)} ${one.unit === "1" ? "" : one.unit}`.trim())), make("td", {}, yiping.show(one.at, "full")))))), came(found))
    : make("div", { class: "test-result failed", role: "status" }, make("b", {}, `⚠ ${yiping.t(`setup.cause.${found.cause}`, {}, yiping.t(`lost.${found.cause}`, {}, found.cause))}`),
      found.reason ? make("small", { class: "dim" }, found.reason) : null, came(found), make("small", { class: "dim" }, t("setup.test.after", { n: found.after_s }))));
  const came = (found) => (found.excerpt ? make("p", {}, t("setup.gauge.came"), make("code", {}, found.excerpt)) : null);

  /** Kind and settings of a camera or a gauge, with its test. value: the present one, or null; siteId(): as it is typed. */
  const deviceFields = (device, value, siteId) => {
    const many = `${device}s`;
    let [now, fields, tested] = [value, null, null];
    const holder = make("div", { class: `${device}-fields` });
    const shown = make("div", { class: "test-place" });
    const kind = make("select", { id: `${device}-kind` }, [["", t(device === "camera" ? "setup.no_camera" : "setup.gauge.choose")], ...Object.keys(kinds(many)).map((one) => [one, titleOf(many, one)])]
      .map(([id, label]) => make("option", { value: id, selected: id === (now?.kind ?? "") }, label)));
    const known = [...new Set(sites().flatMap((one) => monitorsOf(one).map((each) => each.credentials)).filter(Boolean))];
    const lists = [make("datalist", { id: "known-credentials" }, known.map((name) => make("option", { value: name }))), make("datalist", { id: "known-units" }, ["m", "cm", "mm", "mm/h", "m³/s", "°C", "ppm", "%LEL", "%", "mg/m³", "ft"].map((name) => make("option", { value: name })))];
    const test = make("button", { type: "button", "data-do": "test" }, t(device === "camera" ? "setup.do.test" : "setup.do.test_gauge"));
    const doing = make("div", { class: "do" }, test, make("small", { class: "dim" }, t("setup.test.why")));
    const read = () => (fields ? { ...fields.read(), kind: kind.value } : null);
    const redraw = () => {
      shown.replaceChildren();
      const schema = kinds(many)[kind.value];
      fields = schema ? forms.draw({ schema, kind: kind.value, value: now?.kind === kind.value ? now : { kind: kind.value }, first: FIRST[device].filter((name) => schema.properties[name]), lists: { credentials: "known-credentials", unit: "known-units" } }) : null;
      holder.replaceChildren(...(fields ? [fields.element] : []));
      doing.hidden = !fields || CALLS_US.includes(kind.value);
      if (CALLS_US.includes(kind.value)) shown.replaceChildren(make("p", { class: "dim calls-us" }, t(`setup.gauge.calls_us.${kind.value}`, {
        url: `${location.origin}${yiping.at("/api/v1/datastreams/")}${siteId() || "…"}/${now?.id || kind.value}/observations`, body: `{"result": 31.5, "phenomenonTime": "${new Date().toISOString()}"}` })));
    };
    test.addEventListener("click", () => act(test, async () => {
      const asked = read();
      shown.replaceChildren(make("p", { class: "dim", role: "status" }, t("setup.test.running")));
      try {
        const found = await post(`/api/v1/settings/${device}-test`, { [device]: asked });
        const drawn = /** @type {HTMLElement & { bitmap?: ImageBitmap | null }} */ (device === "gauge" ? gaugeResult(found) : await result(found, kinds(many)[kind.value].properties.substream ? (url) => {
          const input = holder.querySelector('[data-setting="substream"] input');
          input.value = url;
          input.closest("details")?.setAttribute("open", "");
          input.focus();
        } : null));
        tested = drawn.bitmap ?? tested;
        shown.replaceChildren(drawn);
      } catch (error) {
        shown.replaceChildren();
        const left = fields.mark((error.errors ?? []).map((one) => [one.field.replace(new RegExp(`^${device}\\.?`), ""), one.message]));
        if (!error.errors?.length || left.length) throw error;
      }
    }));
    kind.addEventListener("change", () => { if (fields && now?.kind !== kind.value) now = null; redraw(); });
    redraw();
    const element = make("div", { class: "device" }, make("div", { class: "setting" }, make("label", { class: "setting-name", for: kind.id }, t(device === "camera" ? "setup.kind" : "setup.gauge.kind")), make("div", { class: "setting-field" }, kind)),
      holder, ...lists, doing, shown);
    return { element, read, mark: (problems) => fields?.mark(problems) ?? problems, tested: () => tested };
  };

  /** The form of one gauge of a site. value: of the draft, or null; save(gauge, form): may throw; cancel(). */
  const drawGauge = ({ site, value, save, cancel }) => {
    const fields = deviceFields("gauge", value, () => site.id);
    const whole = make("p", { class: "wrong whole", role: "alert" });
    const form = make("form", { class: "open", id: "gauge-form", novalidate: true, onsubmit: (event) => {
      event.preventDefault();
      act(event.submitter, async () => {
        const gauge = fields.read();
        if (!gauge) { form.querySelector("select").focus(); throw new Error(t("setup.gauge.choose")); }
        await save(gauge, form);
      });
    } }, make("h4", {}, t(value ? "setup.edit_gauge" : "setup.new_gauge")), fields.element, whole,
    make("div", { class: "do" }, make("button", { class: "strong", "data-do": "apply" }, t("setup.do.apply")), make("button", { type: "button", "data-do": "leave", onclick: cancel }, t("setup.do.leave"))));
    return Object.assign(form, { mark: (problems) => { whole.textContent = fields.mark(problems).map(([path, message]) => `${path.replace(/^\./, "")}：${message}`).join("；"); } });
  };

  /** The form of a site and its camera, or its first gauge. value: of the draft, or a new one; save(site): may throw; cancel(). */
  const draw = ({ value, isNew, save, cancel, device = "camera" }) => {
    const given = structuredClone(value);
    const schema = state.schema.$defs.SiteSettings;
    const text = { ...schema, properties: Object.fromEntries(PLACE.filter((name) => isNew || name !== "id").map((name) => [name, schema.properties[name]])), required: isNew ? ["id", "name"] : ["name"] };
    const place = forms.draw({ schema: text, kind: "site", value: Object.fromEntries(PLACE.filter((name) => given[name] !== undefined && (isNew || name !== "id")).map((name) => [name, given[name]])), first: PLACE });
    const where = ["lat", "lon"].map((axis) => make("input", { name: axis, type: "number", step: "any", min: axis === "lat" ? -90 : -180, max: axis === "lat" ? 90 : 180, value: given.location?.[axis] ?? "", required: true, "aria-label": t(`setup.${axis}`) }));
    const location = make("div", { class: "setting", "data-setting": "location" }, make("span", { class: "setting-name" }, t("setup.location"), make("span", { class: "needed" }, " *")),
      make("div", { class: "setting-field" }, make("span", { class: "pair" }, make("label", {}, t("setup.lat"), where[0]), make("label", {}, t("setup.lon"), where[1])), make("small", { class: "wrong", role: "alert" }), make("small", { class: "dim" }, t("setup.location.help"))));
    const fields = deviceFields(device, device === "camera" ? cameraOf(given) : gaugesOf(given)[0] ?? null, () => place.element.querySelector('[data-setting="id"] input')?.value.trim() || given.id);
    const placeOf = () => {
      const [lat, lon] = where.map((input) => (input.value.trim() === "" || !input.checkValidity() ? null : Number(input.value)));
      const wrong = location.querySelector(".wrong");
      wrong.textContent = lat === null || lon === null ? t("setup.location.wrong") : "";
      if (wrong.textContent) { where[lat === null ? 0 : 1].focus(); throw Object.assign(new Error(t("setup.not_ready")), { shown: true }); }
      return { ...(given.location ?? {}), lat, lon };
    };
    const form = make("form", { class: "open", id: `${device}-form`, novalidate: true, onsubmit: (event) => {
      event.preventDefault();
      act(event.submitter, async () => {
        const told = place.read();
        const one = { ...given, ...told, location: placeOf() };
        for (const name of PLACE) if (told[name] === undefined && name !== "id") delete one[name];
        const found = fields.read();
        if (device === "gauge") putMonitor(one, gaugesOf(given).length ? monitorsOf(given).findIndex(isGauge) : -1, found);
        else if (found) putCamera(one, found);
        else if (cameraOf(given)) { if (one.monitor && cameraOf({ monitor: one.monitor })) delete one.monitor; else one.monitors = one.monitors.filter((each) => !cameraOf({ monitor: each })); }
        if (fields.tested()) state.pictures.set(one.id, fields.tested());
        await save(one, form);
      });
    } },
    make("h3", {}, t(device === "gauge" ? "setup.new_gauge" : isNew ? "setup.new_camera" : "setup.edit_camera")), place.element, location, fields.element,
    make("p", { class: "wrong whole", role: "alert" }),
    make("div", { class: "do" }, make("button", { class: "strong", "data-do": "apply" }, t("setup.do.apply")), make("button", { type: "button", "data-do": "leave", onclick: cancel }, t("setup.do.leave"))));
    /** Problems [[path below the site, words]] at their fields; gives those that have none. */
    const mark = (problems) => {
      const rest = place.mark(problems).filter(([path, message]) => {
        const [, inner] = /^\.?(?:monitor|monitors\[[^\]]*\])\.?(.*)$/.exec(path) ?? [];
        if (inner !== undefined && !fields.mark([[inner, message]]).length) return false;
        if (/^\.?location/.test(path)) { location.querySelector(".wrong").textContent = message; return false; }
        return true;
      });
      form.querySelector(".whole").textContent = rest.map(([path, message]) => `${path.replace(/^\./, "")}：${message}`).join("；");
      return rest;
    };
    return Object.assign(form, { mark });
  };

  /** A new site with a camera or a gauge, in the middle of those there are; or a copy of one with all that belongs to it. */
  const fresh = (of = null, device = "camera") => {
    const ids = sites().map((one) => one.id);
    if (of) return { ...structuredClone(of), id: free(of.id, ids), name: `${of.name || of.id}（${t("setup.copy")}）` };
    const middle = (axis) => (sites().length ? +(sites().reduce((sum, one) => sum + one.location[axis], 0) / sites().length).toFixed(5) : "");
    let n = 1;
    while (ids.includes(`${device}-${n}`)) n++;
    if (device === "gauge") return { id: `gauge-${n}`, name: "", location: { lat: middle("lat"), lon: middle("lon") }, monitor: { kind: "http_poll" }, rules: [] };
    return { id: `camera-${n}`, name: "", location: { lat: middle("lat"), lon: middle("lon") }, monitor: { kind: "rtsp_camera" }, detectors: [{ kind: "yolo" }], zones: [], rules: [] };
  };

  return { draw, drawGauge, fresh, result };
})();
