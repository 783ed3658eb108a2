// A site and its camera: where it is, how it is read, and a test of what it sends before anything is saved.
yiping.setup.camera = (() => {
  "use strict";
  const { t, make, act, post } = yiping;
  const { state, kinds, titleOf, cameraOf, putCamera, free, sites, forms } = yiping.setup;
  const PLACE = ["name", "id", "grid", "profile", "catchment"];
  const FIRST = ["url", "path", "substream", "credentials", "device", "channel"];

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

  /** The form of a site and its camera. value: of the draft, or a new one; save(site): may throw; cancel(). */
  const draw = ({ value, isNew, save, cancel }) => {
    const given = structuredClone(value);
    const schema = state.schema.$defs.SiteSettings;
    const text = { ...schema, properties: Object.fromEntries(PLACE.filter((name) => isNew || name !== "id").map((name) => [name, schema.properties[name]])), required: isNew ? ["id", "name"] : ["name"] };
    const place = forms.draw({ schema: text, kind: "site", value: Object.fromEntries(PLACE.filter((name) => given[name] !== undefined && (isNew || name !== "id")).map((name) => [name, given[name]])), first: PLACE });
    const where = ["lat", "lon"].map((axis) => make("input", { name: axis, type: "number", step: "any", min: axis === "lat" ? -90 : -180, max: axis === "lat" ? 90 : 180, value: given.location?.[axis] ?? "", required: true, "aria-label": t(`setup.${axis}`) }));
    const location = make("div", { class: "setting", "data-setting": "location" }, make("span", { class: "setting-name" }, t("setup.location"), make("span", { class: "needed" }, " *")),
      make("div", { class: "setting-field" }, make("span", { class: "pair" }, make("label", {}, t("setup.lat"), where[0]), make("label", {}, t("setup.lon"), where[1])), make("small", { class: "wrong", role: "alert" }), make("small", { class: "dim" }, t("setup.location.help"))));
    let camera = cameraOf(given);
    let fields = null;
    let tested = null;
    const holder = make("div", { class: "camera-fields" });
    const shown = make("div", { class: "test-place" });
    const kind = make("select", { id: "camera-kind" }, [["", t("setup.no_camera")], ...Object.keys(kinds("cameras")).map((one) => [one, titleOf("cameras", one)])]
      .map(([id, label]) => make("option", { value: id, selected: id === (camera?.kind ?? "") }, label)));
    const known = [...new Set(sites().map((one) => cameraOf(one)?.credentials).filter(Boolean))];
    const secrets = make("datalist", { id: "known-credentials" }, known.map((name) => make("option", { value: name })));
    const redraw = () => {
      shown.replaceChildren();
      fields = kind.value ? forms.draw({ schema: kinds("cameras")[kind.value], kind: kind.value, value: camera?.kind === kind.value ? camera : { kind: kind.value }, first: FIRST.filter((name) => kinds("cameras")[kind.value].properties[name]), lists: { credentials: "known-credentials" } }) : null;
      holder.replaceChildren(...(fields ? [fields.element] : []));
      test.hidden = !fields;
    };
    const test = make("button", { type: "button", "data-do": "test" }, t("setup.do.test"));
    test.addEventListener("click", () => act(test, async () => {
      const asked = { ...read(), kind: kind.value };
      shown.replaceChildren(make("p", { class: "dim", role: "status" }, t("setup.test.running")));
      try {
        const drawn = await result(await post("/api/v1/settings/camera-test", { camera: asked }), fields && kinds("cameras")[kind.value].properties.substream ? (url) => {
          const input = holder.querySelector('[data-setting="substream"] input');
          input.value = url;
          input.closest("details")?.setAttribute("open", "");
          input.focus();
        } : null);
        tested = drawn.bitmap ?? tested;
        shown.replaceChildren(drawn);
      } catch (error) {
        shown.replaceChildren();
        const left = fields.mark((error.errors ?? []).map((one) => [one.field.replace(/^camera\.?/, ""), one.message]));
        if (!error.errors?.length || left.length) throw error;
      }
    }));
    const read = () => fields.read();
    kind.addEventListener("change", () => { if (fields && camera?.kind !== kind.value) camera = null; redraw(); });
    const placeOf = () => {
      const [lat, lon] = where.map((input) => (input.value.trim() === "" || !input.checkValidity() ? null : Number(input.value)));
      const wrong = location.querySelector(".wrong");
      wrong.textContent = lat === null || lon === null ? t("setup.location.wrong") : "";
      if (wrong.textContent) { where[lat === null ? 0 : 1].focus(); throw Object.assign(new Error(t("setup.not_ready")), { shown: true }); }
      return { ...(given.location ?? {}), lat, lon };
    };
    const form = make("form", { class: "open", id: "camera-form", novalidate: true, onsubmit: (event) => {
      event.preventDefault();
      act(event.submitter, async () => {
        const told = place.read();
        const one = { ...given, ...told, location: placeOf() };
        for (const name of PLACE) if (told[name] === undefined && name !== "id") delete one[name];
        if (kind.value) putCamera(one, { ...read(), kind: kind.value });
        else if (cameraOf(given)) { if (one.monitor && cameraOf({ monitor: one.monitor })) delete one.monitor; else one.monitors = one.monitors.filter((each) => !cameraOf({ monitor: each })); }
        if (tested) state.pictures.set(one.id, tested);
        await save(one, form);
      });
    } },
    make("h3", {}, t(isNew ? "setup.new_camera" : "setup.edit_camera")), place.element, location,
    make("div", { class: "setting" }, make("label", { class: "setting-name", for: "camera-kind" }, t("setup.kind")), make("div", { class: "setting-field" }, kind)),
    holder, secrets, make("div", { class: "do" }, test, make("small", { class: "dim" }, t("setup.test.why"))), shown,
    make("p", { class: "wrong whole", role: "alert" }),
    make("div", { class: "do" }, make("button", { class: "strong", "data-do": "apply" }, t("setup.do.apply")), make("button", { type: "button", "data-do": "leave", onclick: cancel }, t("setup.do.leave"))));
    redraw();
    /** Problems [[path below the site, words]] at their fields; gives those that have none. */
    const mark = (problems) => {
      const rest = place.mark(problems).filter(([path, message]) => {
        const [, inner] = /^\.?(?:monitor|monitors\[[^\]]*\])\.?(.*)$/.exec(path) ?? [];
        if (inner !== undefined && fields && !fields.mark([[inner, message]]).length) return false;
        if (/^\.?location/.test(path)) { location.querySelector(".wrong").textContent = message; return false; }
        return true;
      });
      form.querySelector(".whole").textContent = rest.map(([path, message]) => `${path.replace(/^\./, "")}：${message}`).join("；");
      return rest;
    };
    return Object.assign(form, { mark });
  };

  /** A new site with a camera, in the middle of those there are; or a copy of one with all that belongs to it. */
  const fresh = (of = null) => {
    const ids = sites().map((one) => one.id);
    if (of) return { ...structuredClone(of), id: free(of.id, ids), name: `${of.name || of.id}（${t("setup.copy")}）` };
    const middle = (axis) => (sites().length ? +(sites().reduce((sum, one) => sum + one.location[axis], 0) / sites().length).toFixed(5) : "");
    let n = 1;
    while (ids.includes(`camera-${n}`)) n++;
    return { id: `camera-${n}`, name: "", location: { lat: middle("lat"), lon: middle("lon") }, monitor: { kind: "rtsp_camera" }, detectors: [{ kind: "yolo" }], zones: [], rules: [] };
  };

  return { draw, fresh, result };
})();
