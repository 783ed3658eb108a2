/* Inspections on the phone: the places that are due, and the form of one, by its code or by a tap. Loaded only where
   somebody inspects. What it needs is kept by the service worker, so that it works without network. */
(() => {
"use strict";
const {words, base, say, limited, keep, smaller, notice, waiting, skewed} = window.yipingPhone;
const root = document.getElementById("inspect"), language = document.documentElement.lang;
const CHOICES = ["ok", "hazard", "none"];
let known = null, tag = "", scanned = new URLSearchParams(location.search).get("place") || "", drawn = "";

const make = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes))
    if (key.startsWith("on")) made[key] = value; else if (value !== false) made.setAttribute(key, value === true ? "" : value);
  made.append(...children.filter(one => one !== null));
  return made;
};
const metres = (one, two) => {
  const north = (two[1] - one[1]) * 111195, east = (two[0] - one[0]) * 111195 * Math.cos(one[1] * Math.PI / 180);
  return Math.hypot(north, east);
};
const sending = place => waiting().filter(step => step.place === place);
const day = moment => new Date(moment).toLocaleDateString(language, {timeZone: document.body.dataset.zone, month: "numeric", day: "numeric"});

const look = async () => {
  try {
    const answer = await limited(`/r/places${scanned ? `?place=${encodeURIComponent(scanned)}` : ""}`, {headers: tag ? {"If-None-Match": tag} : {}}, 15000);
    if (answer.status === 200) { known = await answer.json(); tag = answer.headers.get("ETag") || ""; }
  } catch { /* no network: what is known stays */ }
  if (known) draw();
};

/* --- the list: overdue ones first, then the nearest */
const list = () => {
  const here = (document.body.dataset.place || "").split(",").map(Number);
  const away = place => here.length === 2 ? metres(here, place.at) : 0;
  const due = known.places.filter(place => (place.due || place.checks) && !sending(place.id).length);
  due.sort((one, two) => Number(Boolean(two.over)) - Number(Boolean(one.over)) || away(one) - away(two));
  const row = place => make("li", {}, make("button", {type: "button", class: "choice", "data-place": place.id, onclick: () => open(place.id)},
    make("b", {}, place.name), make("small", {}, [known.types[place.type].name, place.note, place.due && say(place.over ? words.inspect_over : words.inspect_due, {day: day(place.due)}),
      place.checks && say(words.inspect_checks, {n: place.checks.length})].filter(Boolean).join(" · "))));
  const queued = known.places.filter(place => sending(place.id).length).length;
  return make("details", {id: "inspect-list", open: root.querySelector("#inspect-list")?.open ?? false},
    make("summary", {}, say(words.inspect_today, {n: due.length}) + (queued ? ` · ${say(words.waiting, {n: queued})}` : "")), make("ul", {}, ...due.map(row)));
};
const draw = () => {
  const form = root.querySelector("form");
  const mark = JSON.stringify([known, waiting().map(step => step.n)]);
  if (mark === drawn && root.firstChild) return;
  drawn = mark;
  if (form) root.querySelector("#inspect-list")?.replaceWith(list()); /* what somebody is filling in stays */
  else {
    root.replaceChildren(list());
    if (scanned) open(scanned);
  }
};

/* --- the form of one place */
const open = id => {
  const place = known.places.find(one => one.id === id);
  root.querySelector("form")?.remove();
  if (!place) { notice(say(known.unknown ? words.inspect_unknown : words.inspect_offline, {id}), false); scanned = ""; return; }
  const form = formOf(place);
  root.prepend(form);
  form.scrollIntoView();
};
const radios = (name, values) => make("span", {class: "answers"}, ...values.map(value =>
  make("label", {}, make("input", {type: "radio", name, value}), make("span", {}, words[`inspect_${value}`] || words[`recheck_${value}`]))));
const formOf = place => {
  const kind = known.types[place.type], checks = (place.checks || []);
  const item = ([id, text, hazard, photo]) => make("fieldset", {"data-item": id, "data-photo": photo}, make("legend", {}, text), radios(`item-${id}`, CHOICES),
    make("input", {class: "why", name: `why-${id}`, maxlength: 500, placeholder: words.inspect_why, "aria-label": words.inspect_why, hidden: true}),
    hazard ? null : make("small", {}, words.inspect_noted));
  const check = one => make("fieldset", {"data-event": one.event}, make("legend", {}, say(words.inspect_recheck, {title: one.title})),
    one.own ? make("small", {}, words.inspect_other) : radios(`check-${one.event}`, ["gone", "there"]));
  const items = kind.items.map(item);
  const form = make("form", {class: "report", "data-place": place.id, onsubmit: event => send(event, place)},
    make("h2", {}, place.name), make("p", {class: "way"}, [kind.name, place.note].filter(Boolean).join(" · ")),
    ...checks.map(check),
    make("button", {type: "button", class: "quiet", "data-all": true, onclick: () => { for (const one of items) { const ok = one.querySelector("[value=ok]"); if (!one.querySelector(":checked")) ok.checked = true; } }}, words.inspect_all),
    ...items,
    make("label", {class: "photo"}, make("input", {type: "file", name: "photo", accept: "image/jpeg,image/png,image/webp", capture: "environment"}), make("span", {}, words.inspect_photo), make("img", {alt: "", hidden: true})),
    make("textarea", {name: "text", rows: 2, maxlength: 500, placeholder: words.inspect_text, "aria-label": words.inspect_text}),
    make("p", {id: "inspect-place", role: "status"}), make("button", {class: "go"}, words.inspect_send),
    make("button", {type: "button", class: "quiet", onclick: () => close(form)}, words.inspect_close));
  form.addEventListener("change", event => {
    const field = event.target.closest("fieldset");
    const why = field?.querySelector(".why");
    if (why) why.hidden = field.querySelector(":checked")?.value !== "hazard";
    if (event.target.name === "photo") {
      const picture = form.querySelector("img"), file = event.target.files[0];
      if (picture.src) URL.revokeObjectURL(picture.src);
      picture.hidden = !file;
      if (file) picture.src = URL.createObjectURL(file);
    }
  });
  return form;
};
const close = form => { form.remove(); scanned = ""; history.replaceState(null, "", `${base}/r`); drawn = ""; draw(); };
const position = () => new Promise(done => {
  if (!("geolocation" in navigator) || !window.isSecureContext) { done(null); return; }
  navigator.geolocation.getCurrentPosition(({coords}) => done(coords), () => done(null), {enableHighAccuracy: true, maximumAge: 0, timeout: 15000});
});
const send = async (event, place) => {
  event.preventDefault();
  const form = event.target, status = form.querySelector("#inspect-place"), button = form.querySelector(".go");
  const fields = [["place", place.id]], file = form.photo.files[0];
  const chosen = field => field.querySelector(":checked")?.value;
  const items = [...form.querySelectorAll("[data-item]")], answered = items.filter(chosen);
  const rechecks = [...form.querySelectorAll("[data-event]")].filter(chosen);
  const missing = items.find(one => !chosen(one));
  const wrong = answered.length && missing ? [missing, words.inspect_missing] : !answered.length && !rechecks.length ? [form, words.inspect_missing]
    : !file && answered.some(one => "photo" in one.dataset && one.dataset.photo !== "false" && chosen(one) === "hazard") ? [form.querySelector(".photo"), words.inspect_needs_photo] : null;
  if (wrong) { notice(wrong[1], false); wrong[0].scrollIntoView({block: "center"}); return; }
  button.disabled = true;
  status.textContent = words.locating;
  try {
    const here = await position();
    if (!here) throw new Error(words.place_none);
    const away = metres([here.longitude, here.latitude], place.at), within = known.within_m;
    if (here.accuracy > within) throw new Error(say(words.inspect_inaccurate, {n: Math.round(here.accuracy), limit: within}));
    if (away > within) throw new Error(say(words.inspect_far, {n: Math.round(away), limit: within}));
    fields.push(["lon", here.longitude], ["lat", here.latitude], ["accuracy_m", Math.round(here.accuracy)], ["seen_at", new Date(skewed()).toISOString()]);
    for (const one of answered) {
      fields.push(["found", `${one.dataset.item}=${chosen(one)}`]);
      const why = one.querySelector(".why").value.trim();
      if (why && chosen(one) === "hazard") fields.push(["notes", `${one.dataset.item}=${why}`]);
    }
    for (const one of rechecks) fields.push(["recheck", `${one.dataset.event}=${chosen(one) === "gone" ? "ok" : "hazard"}`]);
    fields.push(["text", form.text.value.trim()]);
    await keep({what: "inspection", place: place.id, title: place.name, fields, photo: file ? await smaller(file) : null});
    close(form);
  } catch (error) { status.textContent = error.message; notice(error.message, false); }
  finally { button.disabled = false; }
};

window.yipingPhone.places = look;
look();
})();
