// An event entered by hand: its place by a click on the map or by the name of a site, a grid, a unit or a street, then what,
// how urgent, until when, who called, and a picture. On the page of events it stands beside the map, on the wall over the tiles.
yiping.eventEntry = (() => {
  "use strict";
  const { t, make, mount, act, get, post, all, say, map, keyboard, search } = yiping;
  const MOST_FOUND = 8;
  const PAUSE_MS = 250; // after the last key in a field of coordinates
  const UNITS = ["min", "h", "d"];

  // ---- a duration: a number and its unit, because "2 days" is written in many ways
  const durationInput = (name, hint = "") => make("span", { class: "duration" },
    make("input", { type: "number", name, id: `f-${name}`, min: "1", max: "9999", step: "1", inputmode: "numeric", placeholder: hint }),
    make("select", { name: `${name}_unit`, "aria-label": `${t(`field.${name}`)}: ${t("entry.unit")}` },
      UNITS.map((unit) => make("option", { value: unit, selected: unit === "h" }, t(`entry.unit.${unit}`)))));
  /** What was chosen, as the server reads it: `4h`; undefined for none. */
  const durationOf = (form, name) => (form.elements[name].value ? `${form.elements[name].value}${form.elements[`${name}_unit`].value}` : undefined);
  const told = (text) => String(text).replace(/^([\d.]+)\s*(min|h|d)$/, (_, n, unit) => `${n} ${t(`entry.unit.${unit}`)}`);

  // ---- known places: asked for once
  let places = null;
  const known = () => (places ??= get("/api/v1/places").then((found) => found.items).catch((error) => { places = null; throw error; }));
  const COORDINATES = /^\s*(-?\d{1,3}(?:\.\d+)?)\s*[,，\s]\s*(-?\d{1,2}(?:\.\d+)?)\s*$/;
  const found = (items, text) => {
    const pair = text.match(COORDINATES);
    if (pair) return [{ kind: "point", name: `${pair[1]}, ${pair[2]}`, lon: Number(pair[1]), lat: Number(pair[2]), id: "", grid: "" }];
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return [];
    return items.map((one) => [search.fit(words, one.name, one.id, one.grid), one]).filter(([rank]) => rank !== null)
      .sort(([a], [b]) => a - b).slice(0, MOST_FOUND).map(([, one]) => one);
  };
  /** A field that searches places by keyboard alone; `take(place)` is told what was chosen. */
  const placeField = (take) => {
    let shown = [], at = 0, asked = 0;
    const input = make("input", { id: "f-place", type: "search", role: "combobox", autocomplete: "off", spellcheck: "false", maxlength: 100,
      "aria-controls": "entry-found", "aria-expanded": "false", "aria-autocomplete": "list", placeholder: t("entry.place_hint") });
    const list = make("ul", { id: "entry-found", role: "listbox", hidden: true, "aria-label": t("entry.place") });
    const close = () => { shown = []; list.hidden = true; input.setAttribute("aria-expanded", "false"); input.removeAttribute("aria-activedescendant"); };
    const choose = (one) => { input.value = one.name; close(); take(one); };
    const draw = () => {
      list.hidden = false;
      input.setAttribute("aria-expanded", "true");
      list.replaceChildren(...(shown.length ? shown.map((one, n) => make("li", {
        role: "option", id: `entry-${n}`, "aria-selected": String(n === at), onpointerdown: (event) => { event.preventDefault(); choose(one); },
      }, make("b", {}, one.name), make("span", { class: "dim" }, [t(`entry.kind.${one.kind}`), one.grid].filter(Boolean).join(" · "))))
        : [make("li", { class: "dim" }, t("search.none"))]));
      input.setAttribute("aria-activedescendant", shown.length ? `entry-${at}` : "");
      list.children[at]?.scrollIntoView({ block: "nearest" });
    };
    const look = async () => {
      const mine = ++asked, text = input.value.trim();
      if (!text) return close();
      try {
        const items = await known();
        if (mine !== asked) return;
        shown = found(items, text);
        at = 0;
        draw();
      } catch (error) { say(error.message, "error"); }
    };
    input.addEventListener("input", look);
    input.addEventListener("blur", close);
    input.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step && list.hidden) look();
      else if (step && shown.length) { at = (at + step + shown.length) % shown.length; draw(); }
      else if (event.key === "Enter" && !event.isComposing) { if (shown[at]) choose(shown[at]); }
      else if (event.key === "Escape" && !list.hidden) { event.stopPropagation(); close(); }
      else return;
      event.preventDefault(); // Enter chooses a place and never sends the form
    });
    return { input, list };
  };

  // ---- the form
  const label = (name, control, ...more) => make("label", { for: `f-${name}` }, make("span", {}, t(`field.${name}`)), control, ...more);
  const DIGITS = 6;
  /** The form; `done(event)` once it is stored, `leave()` when it is given up. */
  const form = (kinds, { done, leave }) => {
    let site = "", asked = 0, pause = null;
    const here = make("p", { class: "here dim", id: "entry-here", role: "status" }, t("entry.nowhere"));
    const [lon, lat] = ["lon", "lat"].map((name) => make("input", { name, id: `f-${name}`, required: true, inputmode: "decimal", pattern: "-?[0-9]{1,3}([.][0-9]+)?", "aria-label": t(`field.${name}`), placeholder: t(`field.${name}`) }));
    const grid = make("input", { name: "grid", id: "f-grid", maxlength: 15, pattern: "[0-9]{15}", inputmode: "numeric", "aria-describedby": "entry-here" });
    const ask = async (place) => {
      const mine = ++asked;
      try {
        const what = await get(`/api/v1/places/at?lon=${place.lon}&lat=${place.lat}`);
        if (mine !== asked) return;
        grid.value = what.grid;
        const near = what.site ? t("entry.near", { site: what.site_name, n: what.site_m }) : "";
        here.textContent = [what.streets.join(" / "), what.grid_name || t("entry.no_grid"), near].filter(Boolean).join(" · ") + (what.plausible ? "" : ` ⚠ ${t("entry.far")}`);
        here.classList.toggle("doubtful", !what.plausible);
      } catch (error) { if (mine === asked) here.textContent = error.message; }
    };
    const put = (place, { typed = false } = {}) => {
      site = place.site ?? (place.kind === "site" ? place.id : "");
      if (!typed) { lon.value = place.lon.toFixed(DIGITS); lat.value = place.lat.toFixed(DIGITS); }
      map.putSpot(place);
      ask(place);
    };
    const typed = () => {
      clearTimeout(pause);
      pause = setTimeout(() => {
        const place = { lon: Number(lon.value), lat: Number(lat.value) };
        if (lon.value && lat.value && Math.abs(place.lon) <= 180 && Math.abs(place.lat) <= 90) put(place, { typed: true });
      }, PAUSE_MS);
    };
    [lon, lat].forEach((input) => input.addEventListener("input", typed));
    const { input: placeInput, list } = placeField(put);
    const limitHint = make("small", { class: "dim", id: "entry-limit" });
    const kind = make("select", { name: "kind", id: "f-kind" }, kinds.map((one) => make("option", { value: one.kind }, one[yiping.language])));
    const priority = make("select", { name: "priority", id: "f-priority" });
    const byKind = () => {
      const one = kinds.find((each) => each.kind === kind.value);
      const chosen = priority.value;
      priority.replaceChildren(make("option", { value: "" }, t("entry.by_kind", { what: one ? t(`priority.${one.priority}`) : "–" })),
        ...["P1", "P2", "P3", "P4"].map((each) => make("option", { value: each, selected: each === chosen }, yiping.language === "zh" ? `${each} ${t(`priority.${each}`)}` : t(`priority.${each}`))));
      limitHint.textContent = one ? t("entry.by_kind", { what: `${told(one.limit)}, ${t(`clock.${one.time}`)}` }) : "";
    };
    kind.addEventListener("change", byKind);
    byKind();
    const preview = make("img", { alt: t("field.photo"), hidden: true });
    const photo = make("input", { type: "file", name: "photo", id: "f-photo", accept: "image/jpeg,image/png,image/webp" });
    const free = () => { if (preview.src) URL.revokeObjectURL(preview.src); };
    photo.addEventListener("change", () => {
      free();
      const [file] = photo.files;
      preview.hidden = !file;
      if (file) preview.src = URL.createObjectURL(file); else preview.removeAttribute("src");
    });
    const end = () => { clearTimeout(pause); free(); map.pick(null); map.putSpot(null); };
    const element = make("form", { id: "event-form", class: "entry", onsubmit: (event) => {
      event.preventDefault();
      const e = element.elements;
      const reporter = Object.fromEntries([["name", e.caller.value.trim()], ["phone", e.phone.value.trim()]].filter(([, value]) => value));
      const body = { kind: kind.value, title: e.title.value.trim(), description: e.description.value.trim(), site, grid: grid.value, reporter,
        location: { lon: Number(lon.value), lat: Number(lat.value) }, priority: priority.value || null, limit: durationOf(element, "limit") ?? null };
      const [file] = photo.files;
      act(element.querySelector("button.strong"), async () => {
        const parts = new FormData();
        if (file) { parts.append("event", JSON.stringify(body)); parts.append("photo", file); }
        const made = await (file ? post("/api/v1/entries", parts) : post("/api/v1/events", body));
        end();
        await done(made.event);
      });
    } },
    make("h3", {}, t("events.new")),
    make("div", { class: "place" }, label("place", placeInput), list, here),
    make("div", { class: "row" }, make("span", {}, t("entry.coordinates")), make("span", { class: "pair" }, lon, lat)),
    label("grid", grid), label("kind", kind),
    label("title", make("input", { name: "title", id: "f-title", maxlength: 200 })),
    label("description", make("textarea", { name: "description", id: "f-description", rows: 3, required: true, maxlength: 4000 })),
    label("priority", priority),
    make("div", { class: "row" }, make("label", { for: "f-limit" }, t("field.limit")), durationInput("limit"), limitHint),
    label("caller", make("input", { name: "caller", id: "f-caller", maxlength: 200, autocomplete: "off" })),
    label("phone", make("input", { name: "phone", id: "f-phone", type: "tel", maxlength: 200, autocomplete: "off" })),
    label("photo", photo), preview,
    make("div", { class: "do" }, make("button", { class: "strong" }, t("events.enter")),
      make("button", { type: "button", "data-do": "leave-entry", onclick: () => { end(); leave(); } }, t("events.cancel"))));
    map.pick(put);
    const changed = () => Boolean(["title", "description", "caller"].some((name) => element.elements[name].value.trim()) || photo.files.length);
    return { element, first: placeInput, end, changed };
  };

  // ---- the wall: over its middle, so that the map stays in sight and takes the click
  let dialog = null;
  const openOnWall = async () => {
    if (dialog || keyboard.isCovered()) return;
    if (document.documentElement.classList.contains("narrow")) { location.assign(yiping.at("/events?new")); return; }
    const kinds = await all("/api/v1/categories");
    if (dialog || keyboard.isCovered()) return;
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    const own = make("dialog", { id: "entry", "aria-label": t("events.new") });
    const close = () => { own.close(); own.remove(); dialog = null; before?.focus?.({ preventScroll: true }); };
    const made = form(kinds, {
      leave: close,
      done: async (event) => { close(); say(t("entry.entered", { n: event.id })); await yiping.selection.select("event", event.id); },
    });
    own.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.preventDefault(); made.end(); close(); } });
    own.append(make("p", { class: "dim" }, t("entry.pick")), made.element);
    dialog = own;
    document.body.append(own);
    own.show(); // not modal: the map below takes clicks
    made.first.focus();
  };
  mount("entry-open", (button) => button.addEventListener("click", () => act(button, openOnWall)));
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "e" || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const button = document.getElementById("entry-open");
    if (!button || keyboard.isTyping(event) || keyboard.isCovered()) return;
    event.preventDefault();
    button.click();
  });
  return { form, durationInput, durationOf };
})();
