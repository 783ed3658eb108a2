// Which alerts share a card and which are in the log only. The server derives it from the times at which they came
// (so it is the same after a reload or a restart); a P1 waits for nobody.
yiping.screening = (() => {
  "use strict";
  const { get, feed, everySecond } = yiping;
  const ASK_EVERY_MS = 700; // while alerts come
  const REFRESH_MS = 15000; // the count of the last ten minutes goes down by itself
  const ALONE_AFTER_MS = 4000; // without an answer so long, an alert is shown by itself: nothing is held back
  let known = { desk: "", at: null, flood: { since: null, count: 0 }, last: 0 };
  let cardOf = new Map();
  let logged = new Set();
  let elsewhere = new Set();
  const unplaced = new Map(); // alert id -> when it was first asked for
  const followers = new Set();
  let waiting = null;
  let askedMs = -Infinity;
  let wanted = false;

  const tell = () => followers.forEach((follow) => follow());
  const ask = async () => {
    waiting = null;
    askedMs = performance.now();
    try {
      const answer = await get("/api/v1/alarm-cards");
      known = answer;
      cardOf = new Map(answer.groups.flatMap(([card, alerts]) => alerts.map((id) => [id, card])));
      logged = new Set(answer.logged);
      elsewhere = new Set(answer.elsewhere);
      for (const id of unplaced.keys()) if (id <= answer.last) unplaced.delete(id);
      tell();
    } catch (error) {
      console.warn("cards:", error.message); // asked again below; what has no card yet is shown by itself
    }
    if (unplaced.size) soon();
  };
  const soon = () => { waiting ??= setTimeout(ask, Math.max(0, askedMs + ASK_EVERY_MS - performance.now())); };

  /** The alert's card: an id, "log", "elsewhere" (another desk's), "quiet", or null for a moment when it has just come. */
  const place = (alert) => {
    if (feed.isQuiet(alert)) return "quiet";
    if (alert.priority === "P1") return alert.id;
    if (alert.id <= known.last) {
      if (logged.has(alert.id)) return "log";
      return elsewhere.has(alert.id) ? "elsewhere" : cardOf.get(alert.id) ?? alert.id;
    }
    if (!unplaced.has(alert.id)) unplaced.set(alert.id, performance.now());
    soon();
    return performance.now() - unplaced.get(alert.id) > ALONE_AFTER_MS ? alert.id : null;
  };

  /** Does it share a card with others of its grid? */
  const isOnGridCard = (alert) => alert.priority !== "P1" && cardOf.has(alert.id);
  const isGridCard = (key) => known.groups?.some(([card]) => card === key) ?? false;

  /** The grid's name; the last digits of its code where it has none. */
  const gridName = (code) => known.grids?.[code] ?? (code.length > 8 ? `…${code.slice(-6)}` : code);

  /** Whoever draws cards is told when they are others. */
  const follow = (follower) => {
    followers.add(follower);
    if (wanted) return;
    wanted = true;
    soon();
    feed.on("link", () => feed.link.state === "live" && soon());
    everySecond.add(() => {
      if (unplaced.size) tell();
      if (performance.now() - askedMs > REFRESH_MS) soon();
    });
  };
  return { place, isOnGridCard, isGridCard, follow, gridName, get flood() { return known.flood; }, get at() { return known.at; } };
})();
