// Who is on which alert, on every screen: chosen by somebody, taken over when there is no sign of them for 20 s.
yiping.claims = (() => {
  "use strict";
  const { t, make, page, feed, get, send, say, may, myName, clock, everySecond, siteName, personName } = yiping;
  const URGENT = new Set(["P1", "P2"]);
  const SILENT_S = 20;
  const SIGN_EVERY_MS = 4000;
  const held = new Map(); // alert id -> {by, name, since, seen_at}
  const followers = new Set();
  let mine = null; // the alert that this screen is on
  let signed = -Infinity;
  let active = -Infinity; // when the person at this screen last touched key or mouse
  let silent = new Set();

  const silentFor = (claim) => Math.floor((clock.now() - Date.parse(claim.seen_at)) / 1000);
  const isSilent = (claim) => silentFor(claim) >= SILENT_S;
  const tell = () => followers.forEach((follow) => follow());
  const keep = (claim) => {
    const id = Number(claim.subject.split(":")[1]);
    const before = held.get(id);
    yiping.nameUser(claim.by, claim.name);
    if (claim.by) held.set(id, claim); else held.delete(id);
    if (before?.by !== claim.by || (before && isSilent(before))) tell(); // a mere sign changes nothing that is drawn
  };
  const load = async () => {
    try {
      const { items } = await get("/api/v1/claims");
      held.clear();
      items.forEach((claim) => {
        yiping.nameUser(claim.by, claim.name);
        held.set(Number(claim.subject.split(":")[1]), claim);
      });
      tell();
    } catch (error) {
      console.warn("claims:", error.message); // they come again with the next sign
    }
  };

  const sign = async (takeOver = false) => {
    const alert = mine;
    signed = performance.now();
    keep((await send("POST", "/api/v1/claims", { alert, take_over: takeOver })).items[0]);
  };
  /** Not on this one after all; another may have been chosen since. */
  const leave = (id) => { if (mine === id) mine = null; };
  /** This screen is on the alert now, if it is urgent; the one before is free again. Who else is on it stays on it. */
  const claim = (alert) => {
    if (page.kiosk || !may("acknowledge") || alert?.id === mine) return; // a wall is nobody
    if (mine !== null) send("POST", "/api/v1/claims/release", { alert: mine }).catch(() => {});
    mine = alert && URGENT.has(alert.priority) ? alert.id : null;
    if (mine === null) return;
    active = performance.now();
    const other = held.get(mine);
    if (other && other.by !== myName() && !isSilent(other)) mine = null;
    else sign().catch((error) => { leave(alert.id); console.warn("claim:", error.message); });
  };
  const takeOver = async (alert) => {
    mine = alert.id;
    await sign(true);
  };

  /** "(name) is on it"; null where nobody is. */
  const line = (alert) => {
    const one = held.get(alert.id);
    if (!one) return null;
    const own = one.by === myName();
    const quiet = isSilent(one);
    const text = quiet && !own ? t("claim.silent", { who: one.name, n: silentFor(one) }) : own ? t("claim.mine") : t("claim.theirs", { who: one.name });
    return make("p", { class: `claim${own ? " own" : ""}${quiet ? " silent" : ""}` }, text);
  };
  const mayTakeOver = (alert) => {
    const one = held.get(alert.id);
    return Boolean(one && one.by !== myName() && isSilent(one) && may("acknowledge"));
  };
  const signature = (alert) => {
    const one = alert && held.get(alert.id);
    return one ? `${one.by}|${isSilent(one) ? silentFor(one) : ""}` : "";
  };

  // ---- a step that crosses somebody else's work
  const askAnyway = (text) => new Promise((answer) => {
    const dialog = make("dialog", { id: "crossing", "aria-labelledby": "crossing-title" },
      make("h2", { id: "crossing-title" }, t("claim.crossing")), make("p", {}, text),
      make("div", { class: "do" },
        make("button", { type: "button", class: "strong", "data-do": "leave", onclick: () => dialog.close("no") }, t("claim.leave")),
        make("button", { type: "button", "data-do": "anyway", onclick: () => dialog.close("yes") }, t("claim.anyway"))));
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (dialog.returnValue !== "yes") say(t("claim.left"));
      answer(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
  const hearTold = ({ subject, key, values }) => {
    const alert = feed.alerts.get(Number(subject.split(":")[1]));
    const what = alert ? `${feed.titleOf(alert)} · ${siteName(alert.site)}` : subject;
    if (key === "claim.taken" && alert) leave(alert.id);
    say(t(`told.${key}`, { ...values, name: values.name || personName(values.who), what }), "error");
  };

  feed.hear("claim", keep);
  feed.hear("told", hearTold);
  feed.on("link", () => feed.link.state === "live" && load());
  ["keydown", "pointerdown", "pointermove", "wheel"].forEach((kind) =>
    document.addEventListener(kind, () => { active = performance.now(); }, { passive: true, capture: true }));
  everySecond.add(() => {
    const alert = mine;
    if (alert !== null && active > signed && performance.now() - signed > SIGN_EVERY_MS)
      sign().catch((error) => { if (error.words?.key === "claim.held") leave(alert); });
    const now = new Set([...held].filter(([, one]) => isSilent(one)).map(([id]) => id));
    if (now.size || silent.size) tell(); // its seconds run
    silent = now;
  });
  return { claim, takeOver, line, mayTakeOver, signature, askAnyway, follow: (follower) => followers.add(follower) };
})();
