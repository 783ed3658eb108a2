// The review page: a camera's small pictures at the cursor and under the pointer, and when something moved in a rectangle.
(() => {
  "use strict";
  const { t, make, mount, get, act, page, siteName, show, duration, review } = yiping;
  const LONGEST_MS = 3 * 86_400e3; // as web/lookback.py
  const STEP = 1 / 40; // of the picture, for the arrow keys
  const LEAST = 0.02; // a smaller rectangle was a click
  const cameras = page.sites.filter((site) => site.camera);
  // An address that was shared names camera and rectangle; what is no camera of this visitor's, or no rectangle, is left out.
  const shared = new URLSearchParams(location.search);
  const sharedBox = (text) => {
    const sides = (text ?? "").split(",").map(Number);
    const [left, top, right, bottom] = sides;
    const inside = sides.length === 4 && sides.every((side) => side >= 0 && side <= 1);
    return inside && right - left >= LEAST && bottom - top >= LEAST ? sides : null;
  };
  const named = cameras.find((one) => one.id === shared.get("camera"));
  let camera = (named ?? cameras[0])?.id ?? "";
  let rectangle = named ? sharedBox(shared.get("box")) : null; // [left, top, right, bottom]; null: the whole picture
  let searchShared = rectangle !== null; // whoever opens a shared rectangle wants to see what moved in it
  let found = null; // what the last search answered
  let seen = null; // the data of the span: another one makes what was found stale
  let follow = (_data, _cursor) => {}; // of the picture that is on the page

  // ---- small pictures: one request at a time, and after it only the newest of those that were wanted
  const loader = (draw) => {
    let [busy, next] = [false, null];
    const ask = async (site, at) => {
      if (busy) { next = [site, at]; return; }
      busy = true;
      let [bitmap, taken] = [null, ""];
      try {
        const answer = await fetch(yiping.at(`/media/previews/${encodeURIComponent(site)}.jpg?at=${Math.max(0, Math.round(at))}`));
        if (answer.status === 200) {
          taken = answer.headers.get("X-Taken-At") ?? "";
          bitmap = await createImageBitmap(await answer.blob());
        }
      } catch {
        // the link is lost, which the page's head tells: there is no picture
      }
      draw(bitmap, taken, at);
      busy = false;
      if (next) { const [s, a] = next; next = null; ask(s, a); }
    };
    return ask;
  };

  // ---- under the pointer on the time axis
  mount("review-scrub", (place) => {
    const canvas = make("canvas", { width: 320, height: 180, "aria-hidden": "true" });
    const told = make("span", {});
    const figure = make("div", { class: "scrub", hidden: true }, canvas, told);
    const marks = make("div", { id: "motion-marks" });
    place.replaceChildren(marks, figure);
    let [x, inside, last] = [0, false, null];
    const ask = loader((bitmap, taken) => {
      figure.hidden = !bitmap || !inside;
      figure.dataset.taken = bitmap ? taken : "";
      if (!bitmap) return;
      canvas.height = Math.round((320 * bitmap.height) / bitmap.width);
      canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
      told.textContent = `${siteName(camera)} ${show(taken)}`;
      const half = figure.offsetWidth / 2;
      figure.style.transform = `translateX(${Math.min(Math.max(x - half, 0), place.clientWidth - 2 * half)}px)`;
    });
    const axis = place.parentElement;
    axis.addEventListener("pointermove", (event) => {
      const at = camera ? review.timeAt(event.clientX) : null;
      inside = at !== null;
      if (!inside) { figure.hidden = true; return; }
      x = event.clientX - place.getBoundingClientRect().left;
      const second = Math.floor(at / 1000);
      if (second === last && !figure.hidden) return;
      last = second;
      ask(camera, at);
    });
    axis.addEventListener("pointerleave", () => { inside = false; figure.hidden = true; });
  });

  // ---- what was found, on the axis
  let sign = "";
  const drawMarks = () => {
    const place = document.getElementById("motion-marks");
    if (!place) return;
    const moments = found?.moments ?? [];
    const ends = moments.map((one) => [review.placeOf(Date.parse(one.since)), review.placeOf(Date.parse(one.until))]);
    const now = `${found?.site}/${ends.flat().join()}`;
    if (now === sign && place.childElementCount) return;
    sign = now;
    place.replaceChildren(...moments.map((one, i) => {
      const [from, to] = ends[i];
      if (from === null) return null;
      // The list beside it has the same moments for the keyboard.
      return make("button", { class: "motion-mark", tabindex: -1, title: labelOf(one), "aria-label": labelOf(one), onclick: () => choose(i),
        style: `transform: translateX(${from}px); width: ${Math.max(3, (to ?? from) - from)}px` });
    }).filter(Boolean));
  };
  review.onAxis(drawMarks);
  const labelOf = (one) => t("motion.mark", { at: show(one.since), n: Math.round((Date.parse(one.until) - Date.parse(one.since)) / 1000) });
  const choose = (i) => {
    const one = found?.moments[i];
    if (one) review.seek(Date.parse(one.since));
  };

  // ---- the camera's picture at the cursor, with the rectangle
  const draw = (place) => {
    if (!camera) {
      place.replaceChildren(make("p", { class: "dim empty" }, t("motion.no_camera")));
      return;
    }
    const canvas = make("canvas", { id: "motion-picture", width: 640, height: 360, tabindex: 0, role: "img" });
    const caption = make("span", { class: "dim", id: "motion-taken" });
    const status = make("p", { id: "motion-told", role: "status" });
    const list = make("ol", { id: "motion-list" });
    const choice = make("select", { id: "motion-camera", "aria-label": t("motion.camera") }, cameras.map((one) => make("option", { value: one.id }, one.name || one.id)));
    const least = make("select", { id: "motion-least", "aria-label": t("motion.least") },
      [["0", "any"], ["0.1", "some"], ["0.3", "much"]].map(([value, name]) => make("option", { value }, t(`motion.least.${name}`))));
    const go = make("button", { id: "motion-go", class: "strong", type: "button" }, t("motion.search"));
    const whole = make("button", { id: "motion-whole", class: "quiet", type: "button" }, t("motion.whole"));
    let bitmap = null;
    const paint = () => {
      const context = canvas.getContext("2d");
      const { width: w, height: h } = canvas;
      context.fillStyle = "#090c0f";
      context.fillRect(0, 0, w, h);
      if (bitmap) context.drawImage(bitmap, 0, 0, w, h);
      else {
        context.font = '500 22px system-ui, "Noto Sans CJK SC", sans-serif';
        context.textAlign = "center";
        context.fillStyle = "#9aa8b4";
        context.fillText(t("motion.no_picture"), w / 2, h / 2);
      }
      const box = rectangle ?? [0, 0, 1, 1];
      const [x, y, wide, high] = [box[0] * w, box[1] * h, (box[2] - box[0]) * w, (box[3] - box[1]) * h];
      if (rectangle) {
        context.fillStyle = "rgba(9,12,15,.55)";
        context.beginPath();
        context.rect(0, 0, w, h);
        context.rect(x, y, wide, high);
        context.fill("evenodd");
        for (const { colour, thick } of [{ colour: "#0d1115", thick: 6 }, { colour: "#f1f5f8", thick: 3 }]) {
          context.strokeStyle = colour;
          context.lineWidth = thick;
          context.strokeRect(x, y, wide, high);
        }
      }
      whole.disabled = !rectangle;
      review.addressChanged();
      canvas.dataset.rectangle = box.map((side) => side.toFixed(3)).join();
      canvas.setAttribute("aria-label", t("motion.picture", { name: siteName(camera), box: box.map((side) => `${Math.round(side * 100)} %`).join(" ") }));
    };
    const ask = loader((now, taken) => {
      bitmap = now;
      if (now && canvas.height !== Math.round((640 * now.height) / now.width)) canvas.height = Math.round((640 * now.height) / now.width);
      canvas.dataset.taken = now ? taken : "";
      caption.textContent = now ? t("motion.taken", { at: show(taken) }) : "";
      paint();
    });
    const forget = () => {
      found = null;
      status.textContent = t("motion.hint");
      list.replaceChildren();
      drawMarks();
    };
    const tell = () => {
      const minutes = (spans) => spans.reduce((sum, one) => sum + Date.parse(one.until) - Date.parse(one.since), 0) / 60e3;
      const said = [found.total ? t("motion.found", { n: found.total }) : t("motion.none")];
      said.push(t("motion.span", { from: show(found.since), to: show(found.until) }));
      if (found.total > found.moments.length) said.push(t("motion.more", { n: found.moments.length }));
      if (found.unseen.length) said.push(t("motion.unseen", { n: Math.max(1, Math.round(minutes(found.unseen))) }));
      if (found.changed.length) said.push(t("motion.changed", { n: found.changed.length }));
      status.textContent = said.join(t("motion.and"));
      list.replaceChildren(...found.moments.map((one, i) => make("li", {},
        make("button", { class: "quiet", type: "button", "data-moment": i, onclick: () => choose(i) },
          make("b", {}, show(one.since)), make("span", { class: "dim" }, duration((Date.parse(one.until) - Date.parse(one.since)) / 1000)),
          make("span", { class: "dim" }, t("motion.share", { n: Math.max(1, Math.round(one.share * 100)) }))))));
      drawMarks();
    };
    const search = () => act(go, async () => {
      const span = review.span();
      if (!span) return;
      let [since, until] = [span.since, span.until];
      if (until - since > LONGEST_MS) { // the three days around the cursor
        since = Math.min(Math.max(since, review.cursor() - LONGEST_MS / 2), until - LONGEST_MS);
        until = since + LONGEST_MS;
      }
      const asked = new URLSearchParams({ since: new Date(since).toISOString(), until: new Date(until).toISOString(), least: least.value });
      (rectangle ?? [0, 0, 1, 1]).forEach((side, i) => asked.set(["left", "top", "right", "bottom"][i], side.toFixed(4)));
      const [site, data] = [camera, seen];
      const answer = await get(`/api/v1/sites/${encodeURIComponent(site)}/motion?${asked}`);
      if (site !== camera || data !== seen) return; // another camera or span was chosen meanwhile
      found = answer;
      tell();
    });
    // The pointer draws, and the search begins when it lets go.
    let from = null;
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height].map((side) => Math.min(1, Math.max(0, side)));
    };
    canvas.addEventListener("pointerdown", (event) => { from = at(event); canvas.setPointerCapture(event.pointerId); });
    canvas.addEventListener("pointermove", (event) => {
      if (!from) return;
      const to = at(event);
      const box = [Math.min(from[0], to[0]), Math.min(from[1], to[1]), Math.max(from[0], to[0]), Math.max(from[1], to[1])];
      if (box[2] - box[0] < LEAST || box[3] - box[1] < LEAST) return;
      rectangle = box;
      paint();
    });
    canvas.addEventListener("pointerup", (event) => {
      const to = at(event);
      const drawn = from && Math.abs(to[0] - from[0]) >= LEAST && Math.abs(to[1] - from[1]) >= LEAST;
      from = null;
      if (drawn) search();
    });
    canvas.addEventListener("pointercancel", () => { from = null; });
    // Arrows move it, with Shift its right and lower sides; Enter searches, Escape is the whole picture.
    canvas.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const way = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key];
      if (way) {
        const [left, top, right, bottom] = rectangle ?? [0.35, 0.35, 0.65, 0.65];
        const within = (value, low, high) => Math.min(high, Math.max(low, value));
        if (!rectangle) rectangle = [left, top, right, bottom];
        else if (event.shiftKey) rectangle = [left, top, within(right + way[0], left + LEAST, 1), within(bottom + way[1], top + LEAST, 1)];
        else {
          const [dx, dy] = [within(way[0], -left, 1 - right), within(way[1], -top, 1 - bottom)];
          rectangle = [left + dx, top + dy, right + dx, bottom + dy];
        }
      } else if (event.key === "Enter") search();
      else if (event.key === "Escape" && rectangle) rectangle = null;
      else return;
      paint();
      event.preventDefault();
      event.stopPropagation(); // the page's own arrows move the cursor
    });
    choice.addEventListener("change", () => {
      camera = choice.value;
      rectangle = null;
      forget();
      ask(camera, review.cursor());
    });
    go.addEventListener("click", search);
    whole.addEventListener("click", () => { rectangle = null; paint(); });
    follow = (data, cursor) => {
      if (data !== seen) { seen = data; forget(); }
      ask(camera, cursor);
      if (searchShared && review.isRead()) { searchShared = false; search(); }
    };
    choice.value = camera;
    place.replaceChildren(
      make("div", { class: "motion-form" }, choice, least, go, whole),
      make("div", { class: "motion-below" }, make("div", { class: "motion-shown" }, canvas, caption), make("div", { class: "motion-found" }, status, list)));
    forget();
    paint();
  };
  review.inAddress(() => ({
    ...(camera && (rectangle || camera !== cameras[0]?.id) ? { camera } : {}),
    ...(rectangle ? { box: rectangle.map((side) => Number(side.toFixed(3))).join() } : {}),
  }));
  mount("motion", draw);
  review.follow((data, cursor) => follow(data, cursor));
})();
