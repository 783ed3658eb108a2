// One camera's own video in a window over the page: live, with its newest minute to look back through.
yiping.live = (() => {
  "use strict";
  const { t, make, page, show } = yiping;
  const RECENT_S = 60; // that can be looked back through
  const KEPT_S = 90; // in the browser's buffer
  const NEAR_S = 0.35; // behind the newest picture that is there, when the camera sends evenly
  const FAR_S = 1.2; // further behind than that it jumps to the present
  const SILENT_S = 3; // without video: said
  const OWN_TIME_S = 60; // a recording that is played has a time of its own
  const MOST_BROKEN = 3; // times that the player gave up on the video within a minute; then pictures
  const SINGLE_MS = 1000; // between two single pictures, where there is no video that this browser plays
  const CLOSED = { 4403: "live.not_allowed", 4429: "live.too_many" };
  const SINGLE = { 4404: "live.single", 4415: "live.codec" };
  const NAMES = { hevc: "H.265", mjpeg: "MJPEG", mpeg4: "MPEG-4", vp9: "VP9", av1: "AV1" };
  const siteOf = (id) => page.sites.find((one) => one.id === id);
  const nowS = () => performance.now() / 1000;
  let open = null; // the window that is open

  /** Puts what the socket brings into a video element; places in it are seconds since `origin`. */
  class Film {
    constructor(video) {
      this.video = video;
      this.waiting = []; // what is put in next: {header, content}
      this.origin = null;
      this.newest = null; // header of the newest part, and its place
      this.lateS = Infinity; // this computer's clock against the server's: the least that a part was late
      this.wanted = null; // a moment (epoch s) to show as soon as it is there
      this.pieceS = 0.25;
      this.live = false; // does it follow the newest part?
      this.still = false; // was it stopped by hand?
      this.seen = null; // media time of the newest picture shown
      this.source = new MediaSource();
      this.url = URL.createObjectURL(this.source);
      video.src = this.url;
      this.ready = new Promise((done) => this.source.addEventListener("sourceopen", done, { once: true }));
    }

    take(header, content) {
      if (header.type === "part") {
        this.lateS = Math.min(this.lateS, nowS() - header.sent);
        this.arrivedS = nowS();
        this.pieceS = 0.8 * this.pieceS + 0.2 * Math.min(2, header.until - header.since);
      }
      this.waiting.push({ header, content });
      this.feed();
    }

    async feed() {
      await this.ready;
      if (this.buffer?.updating || !this.waiting.length || this.source.readyState !== "open" || this.video.error) return;
      const { header, content } = this.waiting[0];
      try {
        if (header.type === "begin") this.begin(header);
        else this.place(header);
        this.buffer.appendBuffer(content);
        this.waiting.shift();
      } catch (error) {
        if (error.name !== "QuotaExceededError") throw error;
        this.buffer.remove(0, Math.max(1, this.video.currentTime - 5)); // `updateend` goes on
      }
    }

    begin({ media_type: type, offset }) {
      if (!this.buffer) {
        this.buffer = this.source.addSourceBuffer(type);
        this.buffer.addEventListener("updateend", () => { this.follow(); this.tidy(); this.feed(); });
      } else if (type !== this.type) this.buffer.changeType(type);
      this.type = type;
      this.offset = offset;
      this.origin ??= offset;
    }

    /** Where a part belongs; the first one tells where time begins: early enough for what is looked back at. */
    place(header) {
      if (!this.placed) {
        this.origin = header.since - 2 * KEPT_S;
        this.placed = true;
      }
      const offset = this.offset - this.origin;
      if (Math.abs(this.buffer.timestampOffset - offset) > 0.001) this.buffer.timestampOffset = offset;
      this.stale = false;
      this.newest = { ...header, end: offset + header.media + (header.until - header.since), drift: header.since - (this.offset + header.media) };
    }

    get end() {
      const { buffered } = this.video;
      return buffered.length ? buffered.end(buffered.length - 1) : null;
    }
    holds(place) {
      const { buffered } = this.video;
      for (let i = 0; i < buffered.length; i++) if (place >= buffered.start(i) - 0.1 && place < buffered.end(i)) return true;
      return false;
    }
    /** The moment of a place, epoch seconds, by the camera's time. */
    at(place) { return this.origin + place + (this.newest?.drift ?? 0); }
    placeOf(atS) { return atS - this.origin - (this.newest?.drift ?? 0); }
    get nearS() { return Math.max(NEAR_S, 1.4 * this.pieceS); }

    /** Show what is wanted as soon as it is there. */
    follow() {
      const { video, end } = this;
      if (end === null) return;
      if (this.wanted !== null) {
        if (this.stale) return;
        const place = this.placeOf(this.wanted);
        const { buffered } = video;
        const start = buffered.start(0);
        if (this.holds(place)) video.currentTime = Math.max(place, start);
        else if (place < start && end > start + 0.5) video.currentTime = start; // no more is kept
        else return;
        this.wanted = null;
        if (!this.still) video.play().catch(() => {});
        return;
      }
      if (!this.live) return;
      const behind = end - video.currentTime;
      if (behind > Math.max(FAR_S, 2 * this.nearS) || behind < 0 || !this.holds(video.currentTime)) video.currentTime = Math.max(0, end - this.nearS);
      video.playbackRate = behind > this.nearS + 0.3 ? 1.1 : 1;
      if (video.paused && !this.still) video.play().catch(() => {});
    }
    tidy() {
      const old = Math.min(this.end - KEPT_S, this.video.currentTime - 5);
      if (this.video.buffered.length && this.video.buffered.start(0) < old - 10 && !this.buffer.updating) this.buffer.remove(0, old);
    }
    /** Begin anew: the server sends from another time on. */
    async empty() {
      this.stale = true; // what is still in the buffer is not what is asked for
      this.waiting = [];
      await this.ready;
      if (!this.buffer) return;
      if (this.source.readyState === "open") this.buffer.abort();
      this.buffer.remove(0, Infinity);
    }
    /** How old the picture is that is seen, seconds; null before the first. By the camera's time where that is the present. */
    get lag() {
      if (!this.newest || !Number.isFinite(this.lateS)) return null;
      const server = nowS() - this.lateS;
      const own = Math.abs(this.newest.sent - this.newest.until) > OWN_TIME_S;
      const seen = this.seen ?? this.video.currentTime;
      return own ? server - this.newest.sent + this.newest.end - seen : server - this.at(seen);
    }
    close() {
      this.video.removeAttribute("src");
      this.video.load();
      URL.revokeObjectURL(this.url);
    }
  }

  class View {
    constructor(site) {
      this.site = site;
      this.asked = null; // from when on the server sends, epoch seconds; null: the present
      this.attempt = 0;
      this.broken = []; // when the player gave up, seconds
      this.video = make("video", { playsinline: true, tabindex: -1, "aria-label": site.name });
      this.video.muted = true;
      this.video.addEventListener("error", () => this.film && this.beginAnew());
      this.single = make("img", { hidden: true, alt: site.name });
      this.state = make("b", { role: "status" });
      this.note = make("p", { class: "live-note", hidden: true });
      this.hold = make("button", { type: "button", "data-do": "hold", onclick: () => this.toggle() });
      this.back = make("input", { type: "range", min: -RECENT_S, max: 0, step: 0.5, value: 0, "aria-label": t("live.recent") });
      this.back.addEventListener("input", () => (Number(this.back.value) >= -0.5 ? this.present() : this.lookBack(Number(this.back.value))));
      this.backText = make("span", { class: "dim live-back" });
      this.now = make("button", { type: "button", "data-do": "present", onclick: () => this.present() }, t("live.present"));
      this.bar = make("div", { class: "live-bar" }, this.hold, this.back, this.backText, this.now);
      this.stage = make("div", { class: "live-stage" }, this.video, this.single, this.note);
      this.dialog = make("dialog", { class: "live", "data-site": site.id, "aria-labelledby": "live-title" },
        make("div", { class: "live-frame" },
          make("header", {}, make("h2", { id: "live-title" }, site.name), this.state,
            make("button", { type: "button", "data-do": "full", onclick: () => this.full() }, t("live.full")),
            make("button", { type: "button", "data-do": "close", onclick: () => this.dialog.close() }, t("live.close"))),
          this.stage, this.bar));
      this.dialog.addEventListener("close", () => this.end());
      this.dialog.addEventListener("keydown", (event) => this.key(event));
      this.stage.addEventListener("dblclick", () => this.full());
      document.body.append(this.dialog);
      this.dialog.showModal();
      this.now.focus();
      this.timer = setInterval(() => this.draw(), 200);
      if (window.MediaSource) this.film = this.newFilm();
      if (this.film) this.connect();
      else this.singles(t("live.no_player"));
      this.draw();
    }

    newFilm() {
      const film = new Film(this.video);
      film.live = true;
      const seen = (_now, frame) => {
        film.seen = frame.mediaTime;
        if (this.film === film) this.video.requestVideoFrameCallback(seen);
      };
      this.video.requestVideoFrameCallback?.(seen);
      return film;
    }

    connect() {
      const address = yiping.at(`/ws/live?site=${encodeURIComponent(this.site.id)}`);
      const mine = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${address}`);
      mine.binaryType = "arraybuffer";
      this.socket = mine;
      this.passed = true; // everything before the next `begin` of what is asked for
      mine.onopen = () => { if (this.asked !== null) mine.send(JSON.stringify({ from: this.asked })); };
      mine.onmessage = (event) => {
        if (mine !== this.socket || !(event.data instanceof ArrayBuffer)) return;
        const length = new DataView(event.data).getUint32(0);
        const header = JSON.parse(new TextDecoder().decode(new Uint8Array(event.data, 4, length)));
        if (header.type === "begin" && header.from === this.asked) this.passed = false;
        if (this.passed) return;
        this.attempt = 0;
        if (header.lost) this.lostS = nowS();
        this.film.take(header, new Uint8Array(event.data, 4 + length));
      };
      mine.onclose = ({ code, reason }) => {
        if (mine !== this.socket) return;
        this.socket = null;
        if (SINGLE[code]) return this.singles(t(SINGLE[code], { codec: NAMES[reason] ?? reason }));
        if (CLOSED[code]) return this.refused(t(CLOSED[code]));
        this.again = setTimeout(() => this.connect(), Math.min(5000, 500 * 2 ** this.attempt++));
      };
    }

    /** The player cannot go on with what came, as after a damaged picture: the present, in a new one. */
    beginAnew() {
      this.broken = [...this.broken.filter((atS) => nowS() - atS < 60), nowS()];
      if (this.broken.length > MOST_BROKEN) return this.singles(t("live.no_player"));
      const socket = this.socket;
      this.socket = null;
      socket?.close();
      this.film.close();
      this.film = this.newFilm();
      this.asked = null;
      clearTimeout(this.again);
      this.again = setTimeout(() => this.connect(), 500);
    }

    /** From another time on. What is asked for again is not asked for at once. */
    async ask(fromS) {
      this.asked = fromS;
      this.passed = true;
      await this.film.empty();
      if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ from: fromS }));
    }

    lookBack(seconds) {
      const { film } = this;
      if (!film?.newest) return;
      const atS = film.newest.until + seconds;
      film.live = false;
      this.video.playbackRate = 1;
      film.wanted = atS;
      if (film.holds(film.placeOf(atS))) film.follow();
      else if (this.asked === null || atS < this.asked) this.ask(Math.floor(film.newest.until - RECENT_S));
    }
    present() {
      const { film } = this;
      if (!film) return;
      film.live = true;
      film.still = false;
      film.wanted = null;
      film.follow();
    }
    toggle() {
      const { film, video } = this;
      if (!film) return;
      film.still = !video.paused;
      if (film.still) {
        film.live = false;
        video.pause();
      } else video.play().catch(() => {});
    }
    full() {
      if (document.fullscreenElement) document.exitFullscreen();
      else this.stage.parentElement.requestFullscreen().catch(() => {});
    }
    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const step = { ArrowLeft: -5, ArrowRight: 5 }[event.key];
      if (step && event.target !== this.back) this.step(step);
      else if (event.key === "f" || event.key === "F") this.full();
      else if (event.key === "l" || event.key === "L") this.present();
      else if (event.key === " " && event.target.tagName !== "BUTTON") this.toggle();
      else return;
      event.preventDefault();
      event.stopPropagation();
    }
    step(seconds) {
      if (!this.film?.newest) return;
      const behind = this.film.newest.until - this.film.at(this.video.currentTime);
      if (behind - seconds < 1) this.present();
      else this.lookBack(-Math.min(RECENT_S, behind - seconds));
    }

    singles(why) {
      this.socket?.close();
      this.film?.close();
      this.film = this.socket = null;
      this.video.hidden = true;
      this.bar.hidden = true;
      this.single.hidden = false;
      this.say(why);
      const next = async () => {
        try {
          const answer = await fetch(yiping.at(`/media/live/${encodeURIComponent(this.site.id)}.jpg`));
          if (!answer.ok) throw new Error(String(answer.status));
          this.takenAt = Date.parse(answer.headers.get("X-Taken-At"));
          const url = URL.createObjectURL(await answer.blob());
          this.single.src = url;
          await this.single.decode();
          URL.revokeObjectURL(url);
        } catch {
          // the last one stays, and its age is told
        }
        if (this.dialog.isConnected) this.again = setTimeout(next, SINGLE_MS);
      };
      next();
    }
    refused(why) {
      this.bar.hidden = true;
      this.say(why);
      this.stopped = true;
    }
    say(words) {
      this.note.textContent = words;
      this.note.hidden = !words;
    }

    draw() {
      const { film, video } = this;
      const set = (state, words) => {
        this.dialog.dataset.state = state;
        if (this.state.textContent !== words) this.state.textContent = words;
      };
      if (this.stopped) return set("refused", "");
      if (!film) {
        if (!this.takenAt) return set("single", t("live.connecting"));
        return set("single", t("live.single_age", { n: Math.max(0, (yiping.clock.now() - this.takenAt) / 1000).toFixed(1) }));
      }
      this.hold.textContent = t(film.still ? "live.play" : "live.hold");
      const lag = film.lag;
      this.dialog.dataset.lag = lag === null ? "" : lag.toFixed(3);
      if (lag === null) return set("connecting", t("live.connecting"));
      film.follow();
      const silent = nowS() - film.arrivedS;
      if (!film.live) {
        const behind = film.newest.until - film.at(video.currentTime);
        if (document.activeElement !== this.back || !film.wanted) this.back.value = String(-Math.min(RECENT_S, behind));
        this.backText.textContent = t("live.ago", { n: Math.round(behind) });
        return set("recent", t("live.recent_at", { time: show(new Date(film.at(video.currentTime) * 1000).toISOString()) }));
      }
      this.back.value = "0";
      this.backText.textContent = "";
      if (!this.socket || silent > SILENT_S) return set("silent", t(this.socket ? "live.silent" : "live.again", { n: Math.round(silent) }));
      const skipped = nowS() - (this.lostS ?? -Infinity) < 5 ? ` · ${t("live.lost")}` : "";
      return set("live", t("live.lag", { n: Math.max(0, lag).toFixed(1) }) + skipped);
    }

    end() {
      clearInterval(this.timer);
      clearTimeout(this.again);
      const socket = this.socket;
      this.socket = null;
      socket?.close();
      this.film?.close();
      this.film = null;
      this.dialog.remove();
      if (open === this) open = null;
    }
  }

  /** Show this site's camera. */
  const show_ = (id) => {
    const site = siteOf(id);
    if (!site?.camera || open) return;
    open = new View(site);
  };
  /** A button that does so; null for a site without a camera. */
  const button = (id) => (siteOf(id)?.camera ? make("button", { type: "button", "data-do": "live", "data-live": id, onclick: () => show_(id) }, t("live.open")) : null);
  return { open: show_, button };
})();
