// A wall's screen: no menu, sound by itself, and for each step an officer's name and password. Full screen (F) and the red
// banner of a link that is down are everybody's.
yiping.kiosk = (() => {
  "use strict";
  const { t, make, mount, page, clock, show, duration, everySecond, feed, keyboard, say, send } = yiping;
  const UNDO_S = 20; // so long the hand that took a step may take it back without the password again

  // ---- the link: since when nothing came
  mount("link-banner", (place) => {
    let lostAt = null;
    const draw = () => {
      const isLost = feed.link.state === "lost";
      lostAt = isLost ? lostAt ?? feed.link.dataAt ?? new Date(clock.now()).toISOString() : null;
      place.hidden = !isLost;
      if (isLost) place.textContent = `⚠ ${t("link.down", { at: show(lostAt), for: duration((clock.now() - Date.parse(lostAt)) / 1000) })}`;
    };
    feed.on("link", draw);
    everySecond.add(draw);
    draw();
  });

  // ---- full screen
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "f" || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (keyboard.isTyping(event) || keyboard.isCovered() || document.getElementById("frame")?.dataset.page !== "wall") return;
    event.preventDefault();
    if (document.fullscreenElement) document.exitFullscreen();
    else document.documentElement.requestFullscreen().catch((error) => say(error.message, "error"));
  });

  // ---- an officer's hand
  let lent = null; // {grant, until: ms}: takes back the step it took
  const field = (name, type, autocomplete, required = true) => make("label", {}, t(`kiosk.hand.${name}`),
    make("input", { name, type, autocomplete, required, autocapitalize: "none", spellcheck: "false" }));
  /** Ask who acts; a grant, or null when nobody does. A wrong password is said in the dialog, which stays. */
  const ask = () => new Promise((done) => {
    let grant = null;
    const wrong = make("p", { class: "wrong", role: "alert" });
    const go = make("button", { class: "strong" }, t("kiosk.hand.do"));
    const cancel = make("button", { type: "button", onclick: () => dialog.close() }, t("kiosk.hand.cancel"));
    const form = make("form", { method: "dialog" }, field("name", "text", "off"), field("password", "password", "off"),
      field("code", "text", "one-time-code", false), wrong, make("div", { class: "do" }, go, cancel));
    const dialog = make("dialog", { id: "hand", "aria-labelledby": "hand-title" },
      make("h2", { id: "hand-title" }, t("kiosk.hand")), make("p", { class: "dim" }, t("kiosk.hand.hint")), form);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      go.disabled = true;
      wrong.textContent = "";
      try {
        const { name, password, code } = Object.fromEntries(new FormData(form));
        grant = await send("POST", "/api/v1/screens/hand", { name, password, code });
        dialog.close();
      } catch (error) {
        wrong.textContent = error.message;
        form.elements.password.value = "";
        form.elements.password.focus();
      } finally {
        go.disabled = false;
      }
    });
    dialog.addEventListener("close", () => { dialog.remove(); done(grant); });
    document.body.append(dialog);
    dialog.showModal();
  });
  /** The header that makes this step an officer's own; nothing where somebody is logged in. Throws when nobody acts. */
  const hand = async (path) => {
    if (!page.kiosk || path === "/api/v1/screens/hand") return {};
    if (/\/(undo|take-back)$/.test(path) && lent && lent.until > performance.now()) return { "X-Yiping-Officer": lent.grant };
    const given = await ask();
    if (!given) throw new Error(t("kiosk.hand.none"));
    yiping.nameUser(given.name, given.display_name);
    lent = { grant: given.grant, until: performance.now() + UNDO_S * 1000 };
    say(t("kiosk.hand.done", { who: given.display_name || given.name }));
    return { "X-Yiping-Officer": given.grant };
  };

  if (page.kiosk) document.documentElement.classList.add("kiosk");
  return { hand };
})();
