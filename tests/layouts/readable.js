// What of a page cannot be read as it stands: [{kind, text, where, more}] of every text that is seen or could be.
// kinds: "small" (under the least size), "clipped" (cut off by a box that does not scroll), "outside" (beyond the window,
// where nothing scrolls to it), "overlap" (two texts on one another), "sideways" (the page itself is wider than the window),
// "column" (a line holds a character or two, so that the text runs from top to bottom).
(least) => {
  const found = [];
  const width = document.documentElement.clientWidth;
  const tell = (kind, text, element, more = "") =>
    found.push({ kind, text: text.trim().slice(0, 60), where: path(element), more });
  const path = (element) => {
    const names = [];
    for (let one = element; one && one !== document.body && names.length < 4; one = one.parentElement) {
      const name = one.id
        ? `#${one.id}`
        : `${one.localName}${[...one.classList]
            .slice(0, 2)
            .map((part) => `.${part}`)
            .join("")}`;
      names.unshift(name);
      if (one.id) break;
    }
    return names.join(" > ");
  };
  const shown = (element) =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true });
  // The parts of a text's boxes that are glyphs: a line's box is higher than they are.
  const glyphs = (box, size) => {
    const middle = (box.top + box.bottom) / 2;
    return {
      left: box.left,
      right: box.right,
      top: Math.max(box.top, middle - size / 2),
      bottom: Math.min(box.bottom, middle + size / 2),
    };
  };
  const cutters = new Map(); // element -> how it cuts: {cutsX, cutsY, scrollsX, scrollsY, box}
  const cutter = (element) => {
    if (!cutters.has(element)) {
      const { overflowX, overflowY, position, clipPath } = getComputedStyle(element);
      const box = element.getBoundingClientRect();
      const left = box.left + element.clientLeft,
        top = box.top + element.clientTop;
      const inner = element.clientWidth
        ? { left, top, right: left + element.clientWidth, bottom: top + element.clientHeight }
        : box;
      const cuts = (value) => value === "hidden" || value === "clip";
      const scrolls = (value) => value === "auto" || value === "scroll";
      cutters.set(element, {
        cutsX: cuts(overflowX),
        cutsY: cuts(overflowY),
        scrollsX: scrolls(overflowX),
        scrollsY: scrolls(overflowY),
        box: inner,
        fixed: position === "fixed",
        unseen: clipPath.startsWith("inset(50%") || (box.width <= 1 && box.height <= 1),
      });
    }
    return cutters.get(element);
  };
  const texts = [];
  const look = (_node, content, element, boxes) => {
    const style = getComputedStyle(element);
    let size = parseFloat(style.fontSize);
    if (element instanceof SVGElement && element.getScreenCTM) {
      const { c = 0, d = 1 } = element.getScreenCTM() ?? {};
      size *= Math.hypot(c, d); // turned, too
    }
    const isFlat = element.closest("canvas, [data-decoration]") !== null;
    for (const box of boxes) {
      if (box.width < 1 || box.height < 1 || isFlat) continue;
      let seen = glyphs(box, size);
      let fixed = false,
        lost = null;
      for (let one = element; one && one !== document.documentElement; one = one.parentElement) {
        if (fixed) break; // what surrounds a fixed element does not cut it
        const cut = cutter(one);
        if (cut.unseen) {
          lost = "unseen";
          break;
        }
        fixed = cut.fixed;
        if (one === element && style.display === "inline") continue;
        if (cut.scrollsX || cut.scrollsY) {
          const reached = seen.left >= cut.box.left - 1 && seen.right <= cut.box.right + 1;
          if (seen.bottom <= cut.box.top + 1 || seen.top >= cut.box.bottom - 1 || (cut.scrollsX && !reached)) {
            lost = "scrolled";
            break;
          }
          if (!cut.scrollsX && cut.cutsX && !reached) {
            tell("clipped", content, element, `by ${path(one)}`);
            lost = "told";
            break;
          }
          seen = { ...seen, top: Math.max(seen.top, cut.box.top), bottom: Math.min(seen.bottom, cut.box.bottom) };
          continue;
        }
        const beyondX = cut.cutsX && (seen.left < cut.box.left - 1.5 || seen.right > cut.box.right + 1.5);
        const beyondY = cut.cutsY && (seen.top < cut.box.top - 2 || seen.bottom > cut.box.bottom + 2);
        if (beyondX || beyondY) {
          tell("clipped", content, element, `by ${path(one)}`);
          lost = "told";
          break;
        }
      }
      if (lost) continue;
      if (size < least - 0.05) tell("small", content, element, `${size.toFixed(1)} px`);
      const below =
        seen.top > innerHeight - 1 &&
        (fixed ||
          getComputedStyle(document.documentElement).overflowY === "hidden" ||
          document.documentElement.scrollHeight <= innerHeight + 1);
      if (seen.left < -1 || seen.right > width + 1 || below || (fixed && seen.bottom < 1)) tell("outside", content, element);
      else texts.push({ content, element, box: seen });
    }
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element || !shown(element) || element.closest("script, style, noscript, option")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const lines = [...range.getClientRects()].filter((box) => box.width >= 1);
    look(node, node.data, element, lines);
    const size = parseFloat(getComputedStyle(element).fontSize);
    if (lines.length >= 3 && Math.max(...lines.map((box) => box.width)) < 2.3 * size)
      tell("column", node.data, element, `${lines.length} lines`);
  }
  for (const field of document.querySelectorAll(
    "input:not([type=checkbox], [type=radio], [type=hidden], [type=range]), select, textarea",
  )) {
    if (!shown(field)) continue;
    const size = parseFloat(getComputedStyle(field).fontSize);
    const text = field.localName === "select" ? (field.selectedOptions[0]?.textContent ?? "") : field.value || field.placeholder;
    if (size < least - 0.05) tell("small", text || field.name, field, `${size.toFixed(1)} px`);
  }
  if (document.documentElement.scrollWidth > innerWidth + 1 && getComputedStyle(document.documentElement).overflowX !== "hidden")
    tell("sideways", `${document.documentElement.scrollWidth} of ${innerWidth} px`, document.body);

  // Two texts on one another, neither covered by something that lies between them.
  texts.sort((a, b) => a.box.top - b.box.top);
  const covered = (text, x, y) => {
    const top = document.elementFromPoint(x, y);
    return top !== null && top !== text.element && !top.contains(text.element) && !text.element.contains(top);
  };
  texts.forEach((one, n) => {
    for (let m = n + 1; m < texts.length && texts[m].box.top < one.box.bottom; m += 1) {
      const other = texts[m];
      if (one.element === other.element) continue;
      const left = Math.max(one.box.left, other.box.left),
        right = Math.min(one.box.right, other.box.right);
      const top = Math.max(one.box.top, other.box.top),
        bottom = Math.min(one.box.bottom, other.box.bottom);
      if (right - left < 3 || bottom - top < 3) continue;
      const [x, y] = [(left + right) / 2, (top + bottom) / 2];
      if (x < 0 || y < 0 || x >= innerWidth || y >= innerHeight) continue;
      const upper = covered(one, x, y) ? other.element : one.element;
      const opaque = (element, beside) => {
        for (let here = element; here && !here.contains(beside); here = here.parentElement) {
          const alpha =
            getComputedStyle(here)
              .backgroundColor.match(/[\d.]+/g)
              .map(Number)[3] ?? 1;
          if (alpha > 0.7 || getComputedStyle(here).backgroundImage.startsWith("url(")) return true;
        }
        return false;
      };
      if (opaque(upper, upper === one.element ? other.element : one.element)) continue;
      if (opaque(one.element, other.element) || opaque(other.element, one.element)) continue;
      tell(
        "overlap",
        `${one.content.trim().slice(0, 30)} / ${other.content.trim().slice(0, 30)}`,
        one.element,
        `and ${path(other.element)}`,
      );
    }
  });
  return found;
};
