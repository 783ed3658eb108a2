// The keyboard on every page: the list of shortcuts (?), and the focus that stays where it was when a part is redrawn.
yiping.keyboard = (() => {
  "use strict";
  const { t, make, mount } = yiping;
  const TABBABLE = "a[href], button, input, select, textarea, summary, video[controls], [tabindex]";
  /** Per page: [keys, name of what they do]. */
  const SHORTCUTS = {
    review: [["Space", "play"], ["← →", "step"], ["N P", "leap"], [", .", "frame"], ["Home End", "ends"], ["Ctrl K", "search"], ["Tab", "next"], ["Enter", "press"], ["?", "list"], ["Esc", "close"]],
    wall: [["J K", "choose"], ["A", "acknowledge"], ["D", "dispatch"], ["Z", "undo"], ["N", "nobody"], ["E", "enter_event"], ["F", "full"], ["Ctrl K", "search"], ["Esc", "let_go"], ["Tab", "next"], ["Enter", "press"], ["?", "list"], ["Esc", "close"]],
    duty: [["Z", "undo"], ["N", "nobody"], ["Ctrl K", "search"], ["Tab", "next"], ["↑ ↓", "rows"], ["Enter", "open"], ["Enter", "press"], ["Esc", "back"], ["?", "list"]],
  };
  const isTyping = (event) => Boolean(event.target.closest?.("input, textarea, select, [contenteditable]"));
  /** While the list is open the keys of the page below it are off. */
  const isCovered = () => document.querySelector("dialog[open]") !== null;

  // ---- the list
  const draw = (page) => {
    const dialog = make("dialog", { id: "shortcuts", "aria-labelledby": "shortcuts-title" },
      make("h2", { id: "shortcuts-title" }, t("shortcut.title")),
      make("dl", {}, SHORTCUTS[page].map(([keys, name]) => make("div", {},
        make("dt", {}, keys.split(" ").map((key) => make("kbd", {}, key))), make("dd", {}, t(`shortcut.${name}`))))),
      make("button", { type: "button", onclick: () => dialog.close() }, t("shortcut.done")));
    dialog.addEventListener("close", () => dialog.remove()); // the browser gives the focus back to where it was
    document.body.append(dialog);
    dialog.showModal();
  };
  mount("frame", (frame) => document.addEventListener("keydown", (event) => {
    if (!frame.isConnected || event.key !== "?" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
    const open = /** @type {HTMLDialogElement | null} */ (document.getElementById("shortcuts"));
    if (open) open.close();
    else if (SHORTCUTS[frame.dataset.page] && !isCovered()) draw(frame.dataset.page);
    else return;
    event.preventDefault();
  }));

  // ---- the focus
  let last = null; // a button that is disabled while its step runs loses the focus without an event
  document.addEventListener("focusin", (event) => { last = event.target; });
  document.addEventListener("pointerdown", () => { last = null; }, true);
  const ownerOf = (element) => element.closest("[data-alert], [data-card]");
  const sameAs = (place, element, owner) => {
    const { alert, card } = owner?.dataset ?? {};
    const found = owner && [alert && `[data-alert="${alert}"]`, card && `[data-card="${card}"]`].filter(Boolean)
      .map((selector) => place.querySelector(selector)).find(Boolean);
    if (element === owner) return found;
    const within = owner && place.contains(owner) ? owner : found ?? (owner ? null : place);
    return element.dataset.do ? within?.querySelector(`[data-do="${element.dataset.do}"]`) ?? found : found;
  };
  /** Redraw a place; what had the focus in it has it afterwards. If that is gone, the place itself has it: no other button. */
  const keepFocus = (place, redraw) => {
    const active = document.activeElement;
    const held = active !== document.body ? active : last;
    const inside = held && held !== place && place.contains(held) ? held : null;
    const owner = inside && place.contains(ownerOf(inside)) ? ownerOf(inside) : null;
    redraw();
    if (!inside || (document.activeElement === inside && inside.isConnected)) return;
    (inside.isConnected ? inside : sameAs(place, inside, owner) ?? place).focus({ preventScroll: true });
  };

  const isReachable = (element) => element.tabIndex >= 0 && !element.disabled && element.getClientRects().length > 0;
  /** Give the focus to what comes after (or before) an element and everything in it. */
  const leave = (element, backwards) => {
    const wanted = backwards ? Node.DOCUMENT_POSITION_PRECEDING : Node.DOCUMENT_POSITION_FOLLOWING;
    const others = [...document.querySelectorAll(TABBABLE)].filter((one) => !element.contains(one) && !one.contains(element)
      && isReachable(one) && element.compareDocumentPosition(one) & wanted);
    const next = backwards ? others.at(-1) : others[0];
    next?.focus();
    return Boolean(next);
  };

  return { keepFocus, leave, isTyping, isCovered };
})();
