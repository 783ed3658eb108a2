// The editor over a camera's picture: zones, staff lines and their marks, by mouse, finger and keyboard.
yiping.setup.editor = (() => {
  "use strict";
  const { t, make, since } = yiping;
  const { state, usesOf, renameZone, free } = yiping.setup;
  const SVG = "http://www.w3.org/2000/svg";
  const [STEP, LEAP, NEAR_PX, REFRESH_MS] = [0.002, 0.02, 12, 2000];
  const TOUCHES = 1e-6;

  // ---- outlines: the same rules as `data.model.zone`, said before anything is sent
  const side = (a, b, p) => (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]);
  const cut = (a, b, c, d) => side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0;
  const crossing = (points) => {
    const sides = points.map((point, i) => [point, points[(i + 1) % points.length]]);
    for (let i = 0; i < sides.length; i++)
      for (let j = i + 2; j < sides.length; j++) if (j - i < sides.length - 1 && cut(...sides[i], ...sides[j])) return { first: i + 1, second: j + 1 };
    return null;
  };
  const distance = ([x, y], [ax, ay], [bx, by]) => {
    const length = (bx - ax) ** 2 + (by - ay) ** 2;
    const along = length ? Math.min(1, Math.max(0, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length)) : 0;
    return Math.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay));
  };
  const touching = (points) => { // a corner that is given twice running counts once
    const kept = points.map((_, i) => i).filter((i) => points[i].some((v, axis) => v !== points.at(i - 1)[axis]));
    for (let i = 0; i < kept.length; i++)
      for (let j = 0; j < kept.length; j++) {
        const next = (j + 1) % kept.length;
        if (i !== j && i !== next && distance(points[kept[i]], points[kept[j]], points[kept[next]]) < TOUCHES) return { corner: kept[i] + 1, side: kept[j] + 1 };
      }
    return null;
  };
  const area = (points) => Math.abs(points.reduce((sum, [x, y], i) => {
    const [nx, ny] = points[(i + 1) % points.length];
    return sum + x * ny - nx * y;
  }, 0)) / 2;
  /** Why this is no outline of a zone: {key, values}; null when it is one. */
  const outlineProblem = (points) => {
    if (points.length < 3) return { key: "few", values: { n: points.length } };
    const outside = points.findIndex((point) => point.some((v) => !(v >= 0 && v <= 1)));
    if (outside >= 0) return { key: "outside", values: { corner: outside + 1 } };
    const crossed = crossing(points);
    if (crossed) return { key: "crosses", values: crossed };
    const touched = touching(points);
    if (touched) return { key: "touches", values: touched };
    return area(points) < 1e-6 ? { key: "flat", values: {} } : null;
  };
  const nameProblem = (zones, zone) => (!zone.id.trim() ? { key: "nameless", values: {} }
    : zones.some((other) => other !== zone && other.id === zone.id) ? { key: "twice", values: { name: zone.id } } : null);
  const problemOf = (zones, zone) => nameProblem(zones, zone) ?? outlineProblem(zone.polygon);
  const inWords = (problem) => t(`setup.zone.${problem.key}`, problem.values);

  const rounded = (value) => Math.round(value * 10000) / 10000;
  const inside = (value) => rounded(Math.min(1, Math.max(0, value)));
  const shape = (tag, attributes = {}, ...children) => {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) if (value !== null && value !== false) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const titled = (text) => Object.assign(shape("title"), { textContent: text });
  const percent = (value) => (value * 100).toFixed(1);

  /** The editor of one site of the draft. `editable`: may anything be changed? `changed`: called after each change. */
  const open = (site, { editable, changed }) => {
    site.zones ??= [];
    const staffs = () => (site.detectors ?? []).filter((one) => one.line && one.marks);
    let chosen = site.zones.length ? { list: "zones", index: 0, point: null } : null;
    let drawing = null; // {points, at}: the outline that is being drawn, and the crosshair of the keyboard
    let dragging = null;
    let past = [], future = [];
    let timer = null, taken = null;

    // ---- what is drawn, and the way back
    const snapshot = () => JSON.stringify({ zones: site.zones, lines: staffs().map(({ line, marks }) => ({ line, marks })) });
    let before = snapshot();
    const restore = (text) => {
      const { zones, lines } = JSON.parse(text);
      if (zones.length === site.zones.length) zones.forEach((zone, i) => zone.id !== site.zones[i].id && renameZone(site, site.zones[i].id, zone.id));
      site.zones = zones;
      staffs().forEach((staff, i) => Object.assign(staff, lines[i]));
      if (chosen?.list === "zones" && !site.zones[chosen.index]) chosen = site.zones.length ? { list: "zones", index: site.zones.length - 1, point: null } : null;
      else if (chosen && chosen.point !== null && !pointsOf(chosen)[chosen.point]) chosen = { ...chosen, point: null };
    };
    const commit = () => {
      const now = snapshot();
      if (now === before) return;
      past = [...past.slice(-99), before];
      future = [];
      before = now;
      changed("zones");
      drawAll();
    };
    const step = (from, to) => {
      if (!from.length) return;
      to.push(before);
      before = from.pop();
      restore(before);
      changed("zones");
      drawAll();
    };
    const undo = () => (drawing ? (drawing.points.pop(), drawAll()) : step(past, future));
    const redo = () => step(future, past);

    const shapeOf = (which) => (which.list === "zones" ? site.zones[which.index] : staffs()[which.index]);
    const pointsOf = (which) => {
      const one = shapeOf(which);
      return which.list === "zones" ? one?.polygon ?? [] : which.list === "lines" ? one?.line ?? [] : one?.marks ?? [];
    };
    const closed = (which) => which.list === "zones";
    const least = (which) => (which.list === "zones" ? 3 : 2);
    const put = (which, point) => {
      if (which.list === "marks") shapeOf(which).marks[which.point] = { ...shapeOf(which).marks[which.point], row: point[1] };
      else pointsOf(which)[which.point] = point;
    };
    const across = (line, row) => { // where the staff's line has this row
      for (let i = 1; i < line.length; i++) {
        const [[x0, y0], [x1, y1]] = [line[i - 1], line[i]];
        if (row <= y1 || i === line.length - 1) return y1 === y0 ? x0 : x0 + ((x1 - x0) * (row - y0)) / (y1 - y0);
      }
      return line[0][0];
    };

    // ---- the places of the page
    const canvas = make("canvas", { width: 1280, height: 720, "aria-hidden": "true" });
    const overlay = shape("svg", { class: "zone-overlay", role: "group", "aria-label": t("setup.editor", { site: site.name || site.id }), preserveAspectRatio: "none" });
    const age = make("span", { class: "dim picture-age" });
    const note = make("p", { class: "dim editor-note", role: "status" });
    const said = make("p", { class: "wrong", role: "alert" });
    const list = make("div", { class: "zone-list" });
    const corners = make("div", { class: "zone-corners" });
    const button = (name, work) => make("button", { type: "button", "data-do": name, title: t(`setup.do.${name}.why`), onclick: work }, t(`setup.do.${name}`));
    const buttons = {
      zone: button("zone", () => begin()), close: button("close", () => finish()), cancel: button("cancel", () => { drawing = null; drawAll(); }),
      insert: button("insert", () => insert()), remove: button("remove", () => removePoint()), undo: button("undo", undo), redo: button("redo", redo),
    };
    const bar = make("div", { class: "editor-bar", role: "toolbar", "aria-label": t("setup.zones") }, editable ? Object.values(buttons) : []);
    const stage = make("div", { class: "zone-stage" }, canvas, overlay);

    // ---- drawing
    const unit = () => canvas.width / Math.max(1, overlay.getBoundingClientRect().width); // picture pixels of one on the screen
    const px = ([x, y]) => [x * canvas.width, y * canvas.height];
    const path = (points) => points.map((point) => px(point).map((v) => v.toFixed(1)).join(",")).join(" ");
    /** @type {(text: string, at: number[], size: number) => Element} */
    const label = (text, [x, y], size) => {
      const far = x > canvas.width * 0.85;
      return Object.assign(shape("text", { x: far ? x - size / 3 : x + size / 3, y: Math.max(size, y - size / 3), "text-anchor": far ? "end" : "start", "font-size": size, class: "zone-name" }), { textContent: text });
    };
    const handle = (which, point, index, size, text) => shape("circle", {
      cx: px(point)[0], cy: px(point)[1], r: size, class: chosen?.point === index && chosen.list === which.list ? "handle here" : "handle", "data-point": index, "data-list": which.list, "data-index": which.index,
      tabindex: 0, role: "button", "aria-label": text,
    }, titled(text));
    const isChosen = (listed, index) => chosen && !drawing && chosen.index === index && (chosen.list === listed || (listed === "lines" && chosen.list === "marks"));
    const drawZones = (size) => site.zones.flatMap((zone, index) => {
      const wrong = outlineProblem(zone.polygon), here = isChosen("zones", index);
      const which = { list: "zones", index };
      const top = zone.polygon.reduce((a, b) => (b[1] < a[1] ? b : a), zone.polygon[0] ?? [0, 0]);
      return [
        shape("polygon", { points: path(zone.polygon), class: `zone${here ? " here" : ""}${wrong ? " bad" : ""}`, "data-zone": zone.id, "data-index": index }, titled(zone.id)),
        label(wrong ? `⚠ ${zone.id}` : zone.id, px(top), 14 * size),
        ...(here && editable ? [...middles(which, size), ...zone.polygon.map((point, i) => handle(which, point, i, 6 * size,
          t("setup.corner", { zone: zone.id, n: i + 1, of: zone.polygon.length, x: percent(point[0]), y: percent(point[1]) })))] : []),
      ];
    });
    const middles = (which, size) => {
      const points = pointsOf(which);
      return points.slice(0, closed(which) ? points.length : -1).map((point, i) => {
        const next = points[(i + 1) % points.length];
        const [x, y] = px([(point[0] + next[0]) / 2, (point[1] + next[1]) / 2]);
        return shape("circle", { cx: x, cy: y, r: 4 * size, class: "middle", "data-middle": i, "data-list": which.list, "data-index": which.index }, titled(t("setup.middle")));
      });
    };
    const drawStaffs = (size) => staffs().flatMap((staff, index) => {
      const here = isChosen("lines", index), lines = { list: "lines", index }, marks = { list: "marks", index };
      return [
        shape("polyline", { points: path(staff.line), class: `staff${here ? " here" : ""}`, "data-staff": index }, titled(t("setup.staff"))),
        ...staff.marks.flatMap((mark, i) => {
          const [x, y] = px([across(staff.line, mark.row), mark.row]);
          const text = t("setup.mark", { n: i + 1, cm: mark.cm, y: percent(mark.row) });
          return [
            shape("line", { x1: x - 10 * size, x2: x + 10 * size, y1: y, y2: y, class: "mark-line" }), label(`${mark.cm} cm`, [x + 10 * size, y + 8 * size], 12 * size),
            ...(here && editable ? [handle(marks, [across(staff.line, mark.row), mark.row], i, 5 * size, text)] : []),
          ];
        }),
        ...(here && editable ? staff.line.map((point, i) => handle(lines, point, i, 6 * size, t("setup.line_point", { n: i + 1, of: staff.line.length, x: percent(point[0]), y: percent(point[1]) }))) : []),
      ];
    });
    const drawNew = (size) => (drawing ? [
      shape("polyline", { points: path([...drawing.points, drawing.at]), class: "zone new" }),
      ...drawing.points.map((point, i) => shape("circle", { cx: px(point)[0], cy: px(point)[1], r: (i ? 4 : 7) * size, class: i ? "set" : "set first" })),
      ...(drawing.keys ? [shape("path", { d: `M${px(drawing.at)[0] - 12 * size},${px(drawing.at)[1]}h${24 * size}M${px(drawing.at)[0]},${px(drawing.at)[1] - 12 * size}v${24 * size}`, class: "crosshair" })] : []),
    ] : []);
    const drawOverlay = () => {
      const size = unit();
      const held = overlay.contains(document.activeElement) && document.activeElement !== overlay;
      overlay.setAttribute("viewBox", `0 0 ${canvas.width} ${canvas.height}`);
      overlay.classList.toggle("drawing", Boolean(drawing));
      if (drawing) overlay.setAttribute("tabindex", 0); else overlay.removeAttribute("tabindex");
      overlay.replaceChildren(...drawZones(size), ...drawStaffs(size), ...drawNew(size));
      if (held && chosen) overlay.querySelector(`.handle[data-list="${chosen.list}"][data-index="${chosen.index}"][data-point="${chosen.point ?? 0}"]`)?.focus({ preventScroll: true });
    };
    const drawBar = () => {
      const points = chosen && !drawing ? pointsOf(chosen) : [];
      buttons.zone.hidden = Boolean(drawing);
      buttons.close.hidden = buttons.cancel.hidden = !drawing;
      buttons.close.disabled = !drawing || drawing.points.length < 3;
      buttons.insert.disabled = !chosen || Boolean(drawing) || chosen.list === "marks" || points.length < 2;
      buttons.remove.disabled = chosen?.point === null || !chosen || Boolean(drawing) || points.length <= least(chosen);
      buttons.undo.disabled = drawing ? !drawing.points.length : !past.length;
      buttons.redo.disabled = Boolean(drawing) || !future.length;
      note.textContent = !editable ? "" : drawing ? t("setup.drawing", { n: drawing.points.length }) : chosen ? t("setup.editing") : t("setup.no_zone_yet");
      const wrong = drawing ? null : site.zones.map((zone) => [zone, problemOf(site.zones, zone)]).find(([, problem]) => problem);
      const text = wrong ? `${wrong[0].id || "?"}：${inWords(wrong[1])}` : "";
      if (said.textContent !== text) said.textContent = text;
    };
    const choose = (which) => { chosen = which; drawing = null; drawAll(); };
    const drawList = () => {
      if (list.contains(document.activeElement) && document.activeElement.matches("input")) return; // somebody types there
      list.replaceChildren(...site.zones.map((zone, index) => make("div", { class: isChosen("zones", index) ? "zone-row here" : "zone-row", "data-zone": zone.id },
        editable ? make("input", { value: zone.id, maxlength: 60, "aria-label": t("setup.zone.name"), autocomplete: "off", onfocus: () => { if (!isChosen("zones", index)) { chosen = { list: "zones", index, point: null }; drawOverlay(); drawBar(); drawCorners(); } },
          onchange: (event) => rename(zone, event.currentTarget) }) : make("b", {}, zone.id),
        make("span", { class: "dim" }, t("setup.corners", { n: zone.polygon.length })),
        make("span", { class: "uses" }, usesOf(site, zone.id).map((one) => make("span", { class: "use" }, one.id || yiping.setup.titleOf(one.kind in yiping.setup.kinds("rules") ? "rules" : "detectors", one.kind)))),
        editable ? make("span", { class: "row-do" },
          make("button", { type: "button", class: "quiet", "data-do": "choose", "aria-pressed": String(Boolean(isChosen("zones", index))), onclick: () => choose({ list: "zones", index, point: null }) }, t("setup.do.choose")),
          make("button", { type: "button", class: "quiet", "data-do": "drop", "aria-label": t("setup.drop_zone", { zone: zone.id }), onclick: () => dropZone(index) }, t("setup.do.drop"))) : null)),
      ...staffs().map((staff, index) => make("div", { class: isChosen("lines", index) ? "zone-row here" : "zone-row", "data-staff": index }, make("b", {}, t("setup.staff")),
        make("span", { class: "dim" }, t("setup.staff_has", { n: staff.line.length, marks: staff.marks.length })), make("span", {}),
        editable ? make("span", { class: "row-do" }, make("button", { type: "button", class: "quiet", "data-do": "choose", onclick: () => choose({ list: "lines", index, point: null }) }, t("setup.do.choose")),
          make("button", { type: "button", class: "quiet", "data-do": "mark", onclick: () => addMark(index) }, t("setup.do.mark"))) : null)));
      if (!list.children.length) list.append(make("p", { class: "dim" }, t("setup.no_zones")));
    };
    /** Corners as numbers: to be exact, and for those who use no mouse. Values outside of the picture are said, not cut. */
    const drawCorners = () => {
      if (corners.contains(document.activeElement) && document.activeElement.matches("input")) return;
      if (!chosen || drawing || !shapeOf(chosen) || !editable) return corners.replaceChildren();
      const which = chosen.list === "marks" ? { ...chosen, list: "lines" } : chosen;
      const field = (value, text, write) => make("input", { type: "number", step: 0.1, value, "aria-label": text, onchange: (event) => {
        const given = Number(event.currentTarget.value);
        if (event.currentTarget.value.trim() === "" || Number.isNaN(given)) { event.currentTarget.value = value; return; }
        write(given); event.currentTarget.blur(); commit(); drawAll();
      } });
      const points = pointsOf(which);
      corners.replaceChildren(make("details", { open: corners.querySelector("details")?.open }, make("summary", {}, t("setup.numbers")),
        make("table", {}, make("thead", {}, make("tr", {}, ["#", "x %", "y %"].map((text) => make("th", { scope: "col" }, text)))),
          make("tbody", {}, points.map((point, i) => make("tr", {}, make("th", { scope: "row" }, String(i + 1)),
            [0, 1].map((axis) => make("td", {}, field(percent(point[axis]), `${i + 1} ${axis ? "y" : "x"} %`, (given) => { const next = [...point]; next[axis] = rounded(given / 100); points[i] = next; }))))))),
        which.list === "lines" ? make("table", {}, make("thead", {}, make("tr", {}, [t("setup.mark_no"), t("setup.cm"), "y %"].map((text) => make("th", { scope: "col" }, text)))),
          make("tbody", {}, shapeOf(which).marks.map((mark, i) => make("tr", {}, make("th", { scope: "row" }, String(i + 1)),
            make("td", {}, field(mark.cm, `${t("setup.mark_no")} ${i + 1} ${t("setup.cm")}`, (given) => { mark.cm = given; })),
            make("td", {}, field(percent(mark.row), `${t("setup.mark_no")} ${i + 1} y %`, (given) => { mark.row = rounded(given / 100); })))))) : null));
    };
    const drawAll = () => { drawOverlay(); drawBar(); drawList(); drawCorners(); };

    // ---- steps
    const begin = () => { drawing = { points: [], at: [0.5, 0.5], keys: false }; drawAll(); overlay.focus({ preventScroll: true }); };
    const finish = () => {
      if (!drawing || drawing.points.length < 3) { if (drawing) said.textContent = t("setup.zone.few", { n: drawing.points.length }); return; }
      const problem = outlineProblem(drawing.points);
      if (problem) { said.textContent = inWords(problem); return; }
      site.zones.push({ id: free(t("setup.zone.new"), site.zones.map((zone) => zone.id)), polygon: drawing.points });
      chosen = { list: "zones", index: site.zones.length - 1, point: null };
      drawing = null;
      commit();
      list.querySelector(".zone-row.here input")?.select();
    };
    const addPoint = (point) => {
      const first = drawing.points[0];
      const near = first && Math.hypot((first[0] - point[0]) * canvas.width, (first[1] - point[1]) * canvas.height) / unit() < NEAR_PX;
      if (near && drawing.points.length >= 3) return finish();
      if (!near || !first) drawing.points.push(point.map(inside));
      drawing.at = point;
      drawAll();
    };
    const insert = (after = chosen.point ?? 0, at = null) => {
      const points = pointsOf(chosen);
      const from = closed(chosen) ? after : Math.min(after, points.length - 2);
      const next = points[(from + 1) % points.length];
      points.splice(from + 1, 0, (at ?? [(points[from][0] + next[0]) / 2, (points[from][1] + next[1]) / 2]).map(inside));
      chosen = { ...chosen, point: from + 1 };
      commit();
      overlay.querySelector(".handle.here")?.focus({ preventScroll: true });
    };
    const removePoint = () => {
      if (!chosen || chosen.point === null) return;
      const points = pointsOf(chosen);
      if (points.length <= least(chosen)) { said.textContent = t("setup.zone.few", { n: points.length - 1 }); return; }
      points.splice(chosen.point, 1);
      chosen = { ...chosen, point: Math.min(chosen.point, points.length - 1) };
      commit();
      overlay.querySelector(".handle.here")?.focus({ preventScroll: true });
    };
    const dropZone = (index) => {
      const zone = site.zones[index];
      const used = usesOf(site, zone.id);
      if (used.length) { said.textContent = t("setup.zone.used", { name: zone.id, uses: used.map((one) => one.id || one.kind).join("、") }); return; }
      site.zones.splice(index, 1);
      chosen = site.zones.length ? { list: "zones", index: Math.min(index, site.zones.length - 1), point: null } : null;
      commit();
    };
    const rename = (zone, input) => {
      const name = input.value.trim();
      const problem = nameProblem(site.zones.filter((one) => one !== zone), { id: name });
      if (problem) { said.textContent = inWords(problem); input.value = zone.id; return; }
      renameZone(site, zone.id, name);
      zone.id = name;
      input.blur();
      commit();
    };
    const addMark = (index) => {
      const staff = staffs()[index];
      const rows = staff.line.map(([, y]) => y);
      staff.marks.push({ row: rounded((Math.min(...rows) + Math.max(...rows)) / 2), cm: 0 });
      chosen = { list: "marks", index, point: staff.marks.length - 1 };
      commit();
    };
    const moveBy = (x, y) => {
      if (chosen.list === "marks") put(chosen, [0, inside(shapeOf(chosen).marks[chosen.point].row + y)]);
      else { const [px0, py0] = pointsOf(chosen)[chosen.point]; put(chosen, [inside(px0 + x), inside(py0 + y)]); }
      commit();
    };

    // ---- pointer and keys
    const at = (event) => {
      const box = overlay.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    };
    const whichOf = (element) => ({ list: element.dataset.list, index: Number(element.dataset.index), point: Number(element.dataset.point) });
    if (editable) {
      overlay.addEventListener("pointerdown", (event) => {
        if (event.button !== 0) return;
        if (drawing) { event.preventDefault(); overlay.focus({ preventScroll: true }); drawing.keys = false; addPoint(at(event)); return; }
        const { target } = event;
        if (target.matches(".middle")) { chosen = { ...whichOf(target), point: null }; insert(Number(target.dataset.middle), at(event)); dragging = { ...chosen }; }
        else if (target.matches(".handle")) { chosen = whichOf(target); dragging = { ...chosen }; drawOverlay(); drawBar(); overlay.querySelector(".handle.here")?.focus({ preventScroll: true }); }
        else if (target.matches(".zone")) { chosen = { list: "zones", index: Number(target.dataset.index), point: null }; drawAll(); }
        else if (target.matches(".staff")) { chosen = { list: "lines", index: Number(target.dataset.staff), point: null }; drawAll(); }
        if (dragging) { event.preventDefault(); overlay.setPointerCapture(event.pointerId); }
      });
      overlay.addEventListener("pointermove", (event) => {
        if (drawing) { drawing.at = at(event).map(inside); drawOverlay(); return; }
        if (!dragging) return;
        put(dragging, at(event).map(inside));
        drawOverlay();
        drawBar();
      });
      const drop = () => { if (dragging) { dragging = null; commit(); drawAll(); } };
      overlay.addEventListener("pointerup", drop);
      overlay.addEventListener("pointercancel", drop);
      overlay.addEventListener("focusin", (event) => {
        if (!event.target.matches?.(".handle") || dragging) return;
        const which = whichOf(event.target);
        if (chosen?.list === which.list && chosen.point === which.point) return;
        chosen = which;
        overlay.querySelectorAll(".handle.here").forEach((one) => one.classList.remove("here"));
        event.target.classList.add("here");
        drawBar();
      });
      const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      overlay.addEventListener("keydown", (event) => {
        const { key } = event;
        const move = moves[key]?.map((v) => v * (event.shiftKey ? LEAP : STEP));
        if (event.ctrlKey || event.metaKey) {
          if (key === "z" && !event.shiftKey) undo(); else if (key === "y" || (key === "Z" || (key === "z" && event.shiftKey))) redo(); else return;
        } else if (drawing) {
          if (move) { drawing.keys = true; drawing.at = [inside(drawing.at[0] + move[0]), inside(drawing.at[1] + move[1])]; drawOverlay(); }
          else if (key === "Enter" || key === " ") { drawing.keys = true; addPoint(drawing.at); }
          else if (key === "Backspace") undo();
          else return;
        } else if (!event.target.matches(".handle")) return;
        else if (move) moveBy(...move);
        else if (key === "Delete" || key === "Backspace") removePoint();
        else if (key === "Insert" || key === "+") insert();
        else return;
        event.preventDefault();
        event.stopPropagation();
      });
    }

    overlay.addEventListener("dblclick", (event) => {
      if (drawing) finish(); else if (isRunning() && !event.target.matches(".handle, .middle")) yiping.live.open(site.id);
    });

    // ---- the picture
    const show = (bitmap, at_) => {
      if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
      stage.style.setProperty("--ratio", String(bitmap.width / bitmap.height));
      canvas.getContext("2d").drawImage(bitmap, 0, 0);
      if (at_ !== taken) { taken = at_; age.replaceChildren(at_ ? since(at_) : t("setup.tested_picture")); }
      drawOverlay();
    };
    const isRunning = () => state.found.sites.some((one) => one.id === site.id && one.camera);
    const look = async () => {
      const tested = state.pictures.get(site.id);
      if (!isRunning()) { if (tested) show(tested, null); else why.textContent = t("setup.not_saved_yet"); return; }
      try {
        const answer = await fetch(yiping.at(`/media/live/${encodeURIComponent(site.id)}.jpg`));
        if (!answer.ok) throw new Error(String(answer.status));
        show(await createImageBitmap(await answer.blob()), answer.headers.get("X-Taken-At"));
        if (why.textContent) why.textContent = "";
      } catch (error) {
        if (tested) show(tested, null);
        else why.textContent = t("setup.no_picture", { why: error.message });
      }
    };
    const why = make("p", { class: "dim", role: "status" });
    const watch = async () => {
      if (!stage.isConnected) return;
      if (!document.hidden) await look();
      timer = setTimeout(watch, REFRESH_MS);
    };
    new ResizeObserver(() => stage.isConnected && drawOverlay()).observe(stage);
    drawAll();
    const element = make("div", { class: "zone-editor" }, bar, stage, why, note, said, list, corners);
    element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !drawing) return;
      event.preventDefault();
      drawing = null;
      drawAll();
      buttons.zone.focus();
    });
    requestAnimationFrame(() => { clearTimeout(timer); watch(); });
    return {
      element, age, redraw: () => { before = snapshot(); drawAll(); }, size: () => canvas.height,
      problem: () => site.zones.map((zone) => [zone, problemOf(site.zones, zone)]).find(([, problem]) => problem) ?? null,
      isBusy: () => Boolean(drawing || dragging), inWords,
    };
  };

  return { open, outlineProblem, problemOf, inWords };
})();
