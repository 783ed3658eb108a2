// The moving pictures of an alert: a small player for each clip, what is still being recorded, and why there is none.
yiping.clips = (() => {
  "use strict";
  const { t, make, get, show } = yiping;
  const ASK_MS = 1500; // again, while a clip is being made
  const LATE_S = 15; // after its end
  const SETTLED_MIN = 11; // by then the server has told what became of it
  const PATIENCE_MS = SETTLED_MIN * 60_000;
  const REASONS = { no_video: "clip.no_video", codec: "clip.codec_refused", disk: "clip.disk", not_cut: "clip.not_cut", not_recorded: "clip.not_recorded" };
  const TYPES = { h264: 'video/mp4; codecs="avc1.640028"', hevc: 'video/mp4; codecs="hvc1.1.6.L120.90"', vp9: 'video/mp4; codecs="vp09.00.40.08"', av1: 'video/mp4; codecs="av01.0.08M.08"' };
  const NAMES = { h264: "H.264", hevc: "H.265", mjpeg: "MJPEG", mpeg4: "MPEG-4", vp9: "VP9", av1: "AV1" };
  const known = new Map(); // alert id -> {items, at: ms}
  const players = new Map(); // sha256 -> its element: a page that is drawn anew does not begin the video anew
  const MOST = 12;

  const seconds = (from, to) => Math.round((Date.parse(to) - Date.parse(from)) / 1000);
  const plays = (codec) => Boolean(TYPES[codec] && document.createElement("video").canPlayType(TYPES[codec]));
  const address = (clip) => yiping.at(`/media/clips/${clip.sha256}.mp4`);
  const download = (clip) => make("a", { href: address(clip), download: `${clip.site}-${clip.id}.mp4` }, t("clip.download"));
  const note = (...words) => make("p", { class: "clip-note" }, words);

  const player = (clip) => {
    const before = players.get(clip.sha256);
    if (before) {
      const running = before.querySelector("video");
      if (running && !running.paused) setTimeout(() => running.play().catch(() => {})); // moving it on the page stops it
      return before;
    }
    const video = make("video", {
      src: address(clip), controls: true, loop: true, playsinline: true, preload: "metadata", "data-clip": clip.id,
      "data-from": clip.from_at, "data-to": clip.to_at,
      "aria-label": t("clip.label", { at: show(clip.since) }),
    });
    video.muted = true;
    const frame = make("div", { class: "clip" }, video);
    video.addEventListener("error", () => {
      players.delete(clip.sha256);
      frame.replaceChildren(note(t("clip.broken"), " ", download(clip)));
    });
    if (players.size >= MOST) players.delete(players.keys().next().value);
    players.set(clip.sha256, frame);
    return frame;
  };
  const one = (clip) => {
    if (clip.state === "pending") {
      const left = seconds(new Date(yiping.clock.now()).toISOString(), clip.until);
      return [note(left < -LATE_S ? t("clip.late", { n: SETTLED_MIN }) : t("clip.follows", { n: Math.max(1, left + 3) }))];
    }
    if (clip.state === "missing") return [note(t("clip.missing", { why: t(REASONS[clip.reason] ?? "clip.no_video") }))];
    if (clip.state === "expired") return [note(t("clip.expired"))];
    if (!plays(clip.codec)) return [note(t("clip.codec", { codec: NAMES[clip.codec] ?? clip.codec }), " ", download(clip))];
    const gap = clip.gap_s >= 0.5 ? note(t("clip.gap", { n: Math.round(clip.gap_s) })) : null;
    return [player(clip), make("p", { class: "dim clip-span" }, `${show(clip.from_at)} – ${show(clip.to_at)} `, download(clip)), gap];
  };

  /** Fills `place` with the clips of the alert, and again until all are made or the place has left the page. */
  const fill = async (place, alert) => {
    try {
      const { items } = await get(`/api/v1/alerts/${alert}/clips`);
      if (known.size > 200) known.clear();
      known.set(alert, { items, at: performance.now() });
    } catch {
      // what was known stays; it is asked for again
    }
    draw(place, alert);
    const items = known.get(alert)?.items;
    const waits = !items || items.some((clip) => clip.state === "pending");
    const asked = Number(place.dataset.asked);
    if (waits && place.isConnected && performance.now() - asked < PATIENCE_MS) setTimeout(() => fill(place, alert), ASK_MS);
  };
  const draw = (place, alert) => {
    const items = known.get(alert)?.items ?? [];
    const sign = JSON.stringify([items, items.some((clip) => clip.state === "pending") && Math.round(yiping.clock.now() / 1000)]);
    if (place.dataset.sign === sign) return;
    place.dataset.sign = sign;
    place.hidden = !items.length;
    place.replaceChildren(...items.flatMap(one).filter(Boolean));
  };
  /** The place of an alert's clips, filled as they come. */
  const of = (alert) => {
    const place = make("section", { class: "clips", "data-clips": alert.id, hidden: true });
    place.dataset.asked = String(performance.now());
    draw(place, alert.id);
    setTimeout(() => fill(place, alert.id));
    return place;
  };
  return { of };
})();
