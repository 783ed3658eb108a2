// The review page: a cursor on the figure's time axis, played at 1 to 60 times, and what was so at that moment.
(() => {
  "use strict";
  const { t, make, mount, marks, siteName, personName, show, duration, feed } = yiping;
  const STEPS = ["created", "accepted", "en_route", "on_scene", "reported", "verified", "closed", "cancelled"];
  const STEP_FRACTION = 1 / 120; // of the span, for the arrow keys
  const FRAME_MS = 40; // of a camera with 25 pictures a second
  let data = null;
  let cursor = 0; // ms UTC
  let playing = false;
  let speed = 10;
  let lastFrame = 0;
  let lastPanels = 0;
  const followers = []; // parts of the page that show what was so at the cursor
  const onAxis = []; // and those that lie on the time axis
  const inAddress = []; // what other parts of the page put into its address
  let asked = new URLSearchParams(location.search); // what the address asks for, until it was read
  const time = (iso) => (iso ? Date.parse(iso) : Infinity);
  const by = (id) => document.getElementById(id);

  // ---- the cursor on the axis
  const axis = () => {
    const plot = by("review-graph")?.querySelector(".js-plotly-plot");
    const x = plot?._fullLayout?.xaxis;
    return x?._length ? { plot, x, left: x._offset, right: x._offset + x._length } : null;
  };
  const drawCursor = () => {
    const line = by("review-cursor");
    const found = axis();
    if (!line || !found || !data) return;
    const at = found.x.l2p(cursor + data.offset) + found.left;
    line.style.transform = `translateX(${at}px)`;
    line.hidden = at < found.left - 1 || at > found.right + 1;
    const iso = new Date(cursor).toISOString();
    onAxis.forEach((draw) => draw());
    by("review-now").replaceChildren(make("span", { class: "dim" }, show(iso, "date")), make("b", {}, show(iso, "time")));
  };
  const seek = (at, soft = false) => {
    if (!data) return;
    cursor = Math.min(data.until, Math.max(data.since, at));
    drawCursor();
    stepClips();
    const now = performance.now();
    if (soft && now - lastPanels < 200) return; // pictures need not change with every frame
    lastPanels = now;
    drawPanels();
  };
  const frame = (now) => {
    if (!playing || !by("review-graph")) { playing = false; return; }
    const passed = lastFrame ? now - lastFrame : 0;
    lastFrame = now;
    seek(cursor + passed * speed, true);
    if (cursor >= data.until) play(false);
    else requestAnimationFrame(frame);
  };
  const play = (on) => {
    if (on && !data) return;
    if (on && cursor >= data.until) cursor = data.since;
    playing = on;
    lastFrame = 0;
    const button = by("review-play");
    if (button) button.textContent = t(on ? "review.pause" : "review.play");
    if (on) requestAnimationFrame(frame);
    else { drawPanels(); stepClips(); keepAddress(); }
  };

  // ---- the address says what is shown, so that it can be kept and given to others
  const keepAddress = () => {
    if (!data || playing || asked.size) return;
    const local = (ms) => yiping.wall(ms);
    const told = new URLSearchParams({ from: local(data.since).replace(/:00$/, ""), to: local(data.until).replace(/:00$/, ""), at: local(cursor) });
    inAddress.forEach((part) => Object.entries(part()).forEach(([name, value]) => told.set(name, value)));
    history.replaceState(history.state, "", `${location.pathname}?${told.toString().replaceAll("%3A", ":").replaceAll("%2C", ",")}`);
  };
  let addressTimer = 0;
  const keepAddressSoon = () => {
    clearTimeout(addressTimer);
    addressTimer = setTimeout(keepAddress, 300);
  };

  // ---- clips of the time run in step with the cursor
  const FASTEST = 16; // a browser plays no faster; beyond it the picture jumps
  const stepClips = () => document.querySelectorAll("#review-newest video[data-from]").forEach((video) => {
    const [from, to] = [Date.parse(video.dataset.from), Date.parse(video.dataset.to)];
    const inside = cursor >= from && cursor <= to;
    const wanted = Math.min(Math.max(0, (cursor - from) / 1000), (to - from) / 1000);
    video.loop = false;
    if (!inside || !playing) {
      if (!video.paused) video.pause();
      if (Math.abs(video.currentTime - wanted) > FRAME_MS / 4e3 && video.readyState) video.currentTime = wanted;
      return;
    }
    video.playbackRate = Math.min(FASTEST, speed);
    if (Math.abs(video.currentTime - wanted) > Math.max(0.4, speed / 4) && video.readyState) video.currentTime = wanted;
    if (video.paused) video.play().catch(() => {}); // while it loads
  });

  // A clip comes some time after its picture: then it takes its place, too. (Such events do not bubble.)
  document.addEventListener("loadedmetadata", () => data && stepClips(), true);

  // ---- from alert to alert
  const leap = (way) => {
    if (!data) return;
    const begins = [...new Set(data.alerts.map((alert) => time(alert.started_at)).filter((at) => at >= data.since && at <= data.until))];
    begins.sort((one, other) => one - other);
    const found = way > 0 ? begins.find((at) => at > cursor + 1) : begins.findLast((at) => at < cursor - 1);
    if (found !== undefined) { seek(found); keepAddressSoon(); }
  };

  /** One picture on or back, in clips that are shown; it pauses, as a player does. */
  const stepFrame = (way) => {
    if (!data) return;
    if (playing) play(false);
    seek(cursor + way * FRAME_MS);
    keepAddressSoon();
  };

  // ---- what was so at the cursor
  const fill = (id, rows) => by(id)?.replaceChildren(
    ...(rows.length ? rows : [make("p", { class: "dim empty" }, t("review.nothing_now"))]));
  const stateThen = (alert) => {
    const seen = time(alert.acknowledged_at) <= cursor;
    if (time(alert.ended_at) <= cursor) return seen ? null : "returned";
    return seen ? "acknowledged" : "firing";
  };
  const drawOpen = () => {
    const open = data.alerts.filter((alert) => time(alert.started_at) <= cursor && stateThen(alert));
    open.sort((a, b) => a.priority.localeCompare(b.priority) || time(b.started_at) - time(a.started_at));
    fill("review-open", open.slice(0, 30).map((alert) => {
      const state = stateThen(alert);
      const end = Math.min(cursor, time(alert.ended_at));
      return make("div", { class: "then", "data-then": alert.id },
        marks.mark(alert.priority, state === "acknowledged"),
        make("b", {}, feed.titleOf(alert)), make("span", {}, siteName(alert.site)),
        make("span", { class: "dim" }, `${t(`state.short.${state}`)} ${duration((end - time(alert.started_at)) / 1000)}`));
    }));
  };
  const drawValues = () => {
    const rows = [];
    for (const curve of data.readings) {
      let low = 0;
      let high = curve.at.length; // the last point at or before the cursor
      while (low < high) { const mid = (low + high) >> 1; if (curve.at[mid] <= cursor) low = mid + 1; else high = mid; }
      if (!low) continue;
      rows.push(make("div", { class: "then value" },
        make("b", {}, siteName(curve.site)), make("span", { class: "dim" }, t(`quantity.${curve.quantity}`, {}, curve.quantity)),
        make("span", { class: "number" }, `${+curve.value[low - 1].toFixed(2)} ${curve.unit === "1" ? "" : curve.unit}`),
        make("span", { class: "dim" }, t("age.s", { n: Math.round((cursor - curve.at[low - 1]) / 1000) }))));
    }
    fill("review-values", rows);
  };
  // The same picture may be that of several alerts: the newest one at the cursor is meant.
  const alertOf = (picture) => data.alerts.filter((one) => one.evidence === picture.id && time(one.started_at) <= cursor)
    .toSorted((one, other) => time(other.started_at) - time(one.started_at))[0];
  const drawNewest = () => {
    const newest = new Map();
    for (const picture of data.evidence) if (time(picture.at) <= cursor) newest.set(picture.origin, picture);
    const list = [...newest.values()].sort((a, b) => time(b.at) - time(a.at)).slice(0, 8).map((picture) => [picture, alertOf(picture)]);
    const sign = list.map(([picture, alert]) => `${picture.id}/${alert?.id ?? ""}`).join();
    const place = by("review-newest");
    if (!place || (place.dataset.sign === sign && list.length)) return;
    place.dataset.sign = sign;
    fill("review-newest", list.map(([picture, alert]) => {
      const [, task] = picture.origin.match(/^report:(\d+)$/) ?? [];
      return make("figure", {},
        marks.picture(picture.id, alert?.xyxy, alert?.priority ?? "P4", siteName(picture.origin)),
        make("figcaption", {}, make("b", {}, task ? t("review.report_of", { n: task }) : siteName(picture.origin)),
          make("span", { class: "dim" }, ` ${show(picture.at)}`)),
        alert && yiping.clips.of(alert));
    }));
  };
  const drawSteps = () => {
    const rows = [];
    for (const task of data.tasks) {
      const reached = STEPS.filter((step) => time(task[`${step}_at`]) <= cursor);
      const last = reached.at(-1);
      if (!last) continue;
      rows.push(make("div", { class: `then${["closed", "cancelled"].includes(last) ? " over" : ""}` },
        make("b", {}, `#${task.id} ${personName(task.responder ?? task.offered_to)}`),
        make("span", {}, siteName(task.site)), make("span", {}, t(`step.task.${last}`)),
        make("span", { class: "dim" }, show(task[`${last}_at`]))));
    }
    fill("review-steps", rows.reverse().slice(0, 20));
  };
  const drawPanels = () => {
    if (!data || !by("review-open")) return;
    drawOpen();
    drawValues();
    drawNewest();
    drawSteps();
    followers.forEach((draw) => draw(data, cursor));
  };

  // ---- places
  mount("review-axis", (place) => {
    let down = null;
    const to = (event) => {
      const found = axis();
      if (!found || !data) return;
      const x = event.clientX - found.plot.getBoundingClientRect().left;
      if (x < found.left || x > found.right) return;
      seek(found.x.p2l(x - found.left) - data.offset);
      keepAddressSoon();
    };
    place.addEventListener("pointerdown", (event) => { down = [event.clientX, event.clientY]; }, true);
    // plotly covers the whole page while the button is down, so the end of a click is heard by the document.
    document.addEventListener("pointerup", (event) => {
      // A click seeks; a drag moves the picture of the axis.
      if (down && Math.hypot(event.clientX - down[0], event.clientY - down[1]) < 4) to(event);
      down = null;
    }, true);
    new ResizeObserver(drawCursor).observe(place);
    new MutationObserver(() => requestAnimationFrame(drawCursor)).observe(place, { childList: true, subtree: true });
  });
  mount("review-play", (button) => button.addEventListener("click", () => play(!playing)));
  mount("review-frame-on", (button) => button.addEventListener("click", () => stepFrame(1)));
  mount("review-frame-back", (button) => button.addEventListener("click", () => stepFrame(-1)));
  mount("review-next", (button) => button.addEventListener("click", () => leap(1)));
  mount("review-previous", (button) => button.addEventListener("click", () => leap(-1)));
  mount("review-speeds", (place) => {
    const draw = () => place.querySelectorAll("button").forEach((one) => one.setAttribute("aria-pressed", String(+one.dataset.speed === speed)));
    place.addEventListener("click", (event) => {
      if (!event.target.dataset.speed) return;
      speed = Number(event.target.dataset.speed);
      draw();
    });
    draw();
  });
  const write = (input, value) => {
    // React keeps its own idea of an input's value: set it past React, then tell it.
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(input, value);
    input.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const wall = (ms) => yiping.wall(ms).slice(0, 16);
  // Of the span that was read; the server sends a file, and the page stays.
  mount("review-parquet", (place) => place.replaceChildren(...["alerts", "tasks", "readings"].map((table) =>
    make("button", { type: "button", class: "quiet", "data-table": table, onclick: () => {
      if (!data) return;
      const span = new URLSearchParams({ table, since: new Date(data.since).toISOString(), until: new Date(data.until).toISOString() });
      location.assign(yiping.at(`/api/v1/spans.parquet?${span}`));
    } }, t(`review.parquet.${table}`)))));
  mount("review-shortcuts", (place) => place.addEventListener("click", (event) => {
    const minutes = Number(event.target.dataset.minutes);
    if (!minutes) return;
    const end = yiping.clock.now() + 60e3;
    write(by("review-since"), wall(end - minutes * 60e3));
    write(by("review-until"), wall(end));
    setTimeout(() => by("review-read").click(), 50);
  }));
  ["review-since", "review-until"].forEach((id) => mount(id, (input) => { input.type = "datetime-local"; }));
  /** Ask for what the address says; Dash has begun to read the newest half hour meanwhile. */
  const readAsked = () => {
    const [from, to] = [asked.get("from"), asked.get("to")];
    if (!from || !to) return false;
    write(by("review-since"), from);
    write(by("review-until"), to);
    setTimeout(() => by("review-read").click(), 50);
    asked.delete("from");
    return true;
  };
  document.addEventListener("keydown", (event) => {
    if (!data || !by("review-graph") || yiping.keyboard.isTyping(event) || yiping.keyboard.isCovered()) return;
    const step = (data.until - data.since) * STEP_FRACTION;
    const on = /** @type {Element} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey || on.closest?.("video")) return;
    if (event.key === " " && on.closest?.("button, a, summary")) return; // it presses what has the focus
    if (event.key === " ") play(!playing);
    else if (event.key === "ArrowRight") seek(cursor + step);
    else if (event.key === "ArrowLeft") seek(cursor - step);
    else if (event.key === "n" || event.key === "N") leap(1);
    else if (event.key === "p" || event.key === "P") leap(-1);
    else if (event.key === ".") stepFrame(1);
    else if (event.key === ",") stepFrame(-1);
    else if (event.key === "Home") seek(data.since);
    else if (event.key === "End") seek(data.until);
    else return;
    keepAddressSoon();
    event.preventDefault();
  });

  window.dash_clientside = Object.assign(window.dash_clientside ?? {}, {
    yiping_review: {
      /** Dash read a span: begin at its beginning. */
      take(found) {
        data = found ?? null;
        if (!data) return "";
        if (readAsked()) return ""; // this was the newest half hour, which nobody asked for
        play(false);
        const first = Math.min(...data.alerts.map((alert) => time(alert.started_at)).filter((at) => at >= data.since));
        cursor = Number.isFinite(first) ? first : data.since;
        try {
          if (asked.get("at")) cursor = yiping.moment(asked.get("at")).getTime();
        } catch {
          // no time: the first alert is as good
        }
        asked = new URLSearchParams();
        requestAnimationFrame(() => { seek(cursor); keepAddress(); });
        return String(data.since);
      },
    },
  });

  yiping.review = {
    /** `draw(data, cursor)` is called whenever either has changed. */
    follow: (draw) => followers.push(draw),
    seek: (at) => { seek(at); keepAddressSoon(); },
    stateThen,
    cursor: () => cursor,
    /** `part()` gives what the address is to hold besides: {name: value}. Call `addressChanged` when it differs. */
    inAddress: (part) => inAddress.push(part),
    addressChanged: () => keepAddressSoon(),
    /** False while the span of the address is still to be read. */
    isRead: () => Boolean(data) && asked.size === 0,
    /** `draw()` is called whenever the axis may show another span. */
    onAxis: (draw) => onAxis.push(draw),
    /** The moment at this x of the window, and the x within #review-axis of a moment; null where the axis does not reach. */
    timeAt: (clientX) => {
      const found = data && axis();
      const x = found ? clientX - found.plot.getBoundingClientRect().left : -1;
      return found && x >= found.left && x <= found.right ? found.x.p2l(x - found.left) - data.offset : null;
    },
    placeOf: (at) => {
      const found = data && axis();
      const x = found ? found.x.l2p(at + data.offset) + found.left : -1;
      return found && x >= found.left && x <= found.right ? x : null;
    },
    span: () => data && { since: data.since, until: data.until },
  };
})();
