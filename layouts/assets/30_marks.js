// Signs used all over: the priority mark (shape, colour and letters), pictures with the object's box, alert facts.
yiping.marks = (() => {
  "use strict";
  const { make, t } = yiping;
  const SVG = "http://www.w3.org/2000/svg";
  // One shape for each priority, corner points on a 24 x 24 field, so that it can be told without its colour.
  const SHAPES = {
    P1: [[8, 1], [16, 1], [23, 8], [23, 16], [16, 23], [8, 23], [1, 16], [1, 8]],
    P2: [[12, 1], [23.5, 22], [0.5, 22]],
    P3: [[12, 0.5], [23.5, 12], [12, 23.5], [0.5, 12]],
    P4: [[2.5, 2.5], [21.5, 2.5], [21.5, 21.5], [2.5, 21.5]],
  };
  const COLOURS = { P1: "#ff4d52", P2: "#ff9838", P3: "#f2cf4a", P4: "#58a6ff" };

  const svg = (tag, attributes) => {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  /** The mark of a priority; `open`: outline only (already acknowledged). */
  const mark = (priority, open = false) => {
    const picture = svg("svg", { viewBox: "-1 -1 26 26", class: `mark ${priority}${open ? " open" : ""}`, role: "img" });
    const name = svg("title", {});
    name.textContent = t(`priority.${priority}`);
    const shape = svg("polygon", { points: SHAPES[priority].map((p) => p.join(",")).join(" ") });
    const text = svg("text", { x: 12, y: priority === "P2" ? 20.5 : 16.4, "text-anchor": "middle" });
    text.textContent = priority;
    picture.append(name, shape, text);
    return picture;
  };

  /** An evidence picture with the object's box over it (fractions of the picture). */
  const picture = (evidence, xyxy, priority, alt, properties = {}) => {
    if (!evidence) return make("div", { class: "picture none", ...properties }, make("span", {}, t("evidence.none")));
    const image = make("img", { src: yiping.at(`/media/evidence/${evidence}`), alt, decoding: "async", draggable: "false" });
    const fit = make("div", { class: "fit" }, image);
    const frame = make("div", { class: "picture", ...properties }, fit);
    image.addEventListener("error", () => {
      frame.classList.add("none");
      frame.replaceChildren(make("span", {}, t("evidence.gone")));
    });
    if (xyxy) {
      const [left, top, right, bottom] = xyxy.map((v) => v * 100);
      const style = `left:${left}%;top:${top}%;width:${right - left}%;height:${bottom - top}%`;
      fit.append(make("i", { class: `box ${priority}`, style, "aria-hidden": "true" }));
    }
    return frame;
  };

  /** What nothing can name, enlarged and brightened; null for other alerts. */
  const closer = (alert, alt, properties = {}) => {
    if (alert.kind !== "unknown_object" || !alert.evidence || !alert.xyxy) return null;
    const sides = alert.xyxy.map((side) => Math.min(1, Math.max(0, side)).toFixed(4)).join(",");
    const says = t("evidence.closer");
    return picture(`${alert.evidence}?closer=${sides}`, null, alert.priority, alt && `${alt}: ${says}`, { title: says, ...properties });
  };

  /** What an alert is known by: its picture, or the value that decided. */
  const evidence = (alert, alt, properties = {}) => {
    if (alert.evidence || alert.value === null) return picture(alert.evidence, alert.xyxy, alert.priority, alt, properties);
    const value = make("b", {}, String(+alert.value.toFixed(2)));
    return make("div", { class: "picture", ...properties }, make("div", { class: "number" }, value, make("span", { class: "dim" }, ` ${alert.unit}`)));
  };

  return { mark, picture, closer, evidence, SHAPES, COLOURS };
})();
