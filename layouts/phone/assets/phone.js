/* The responder's page: shows what the server drew, sends steps exactly once (also later, when there was no
   network), and shares the position while on shift. */
(() => {
"use strict";
const POLL_MS = 3000, POLL_HIDDEN_MS = 10000, TIMEOUT_MS = 15000, UPLOAD_TIMEOUT_MS = 180000;
const MOST_PHOTO_BYTES = 10 * 1024 * 1024, MOST_PHOTO_PIXELS = 20_000_000, LONGEST_SIDE = 2560;
const POSITION_EVERY_MS = 10000, POSITION_AT_LEAST_MS = 60000, MOVED_M = 15, WORST_ACCURACY_M = 500;
const AFTER = {"en-route": "en_route", "on-scene": "on_scene", "report": "reported", "block": "blocked"};
const ORDER = ["accepted", "en_route", "on_scene", "reported"];
const words = JSON.parse(document.body.dataset.words), user = document.body.dataset.user;
const base = document.body.dataset.base; /* the path of a reverse proxy, where there is one */
const live = document.getElementById("live"), link = document.getElementById("link");
const notices = document.getElementById("notices"), share = document.getElementById("share");
const shared = document.getElementById("shared");
let tag = live.dataset.tag, skew = Date.parse(document.body.dataset.now) - Date.now();
let waiting = [], taken = [], refused = [], online = true, expired = false, offers = null, watch = null, lastSent = null;

const say = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const cookie = name => (document.cookie.split("; ").find(c => c.startsWith(name + "=")) || "").slice(name.length + 1);
const headers = more => ({"X-CSRF-Token": decodeURIComponent(cookie((document.body.dataset.cookies || "") + "yiping_csrf")), ...more});
const key = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), b => b.toString(16).padStart(2, "0")).join("");
const limited = async (url, options, ms) => {
  const stop = new AbortController(), timer = setTimeout(() => stop.abort(), ms);
  try { return await fetch(base + url, {...options, signal: stop.signal, credentials: "same-origin", cache: "no-store"}); }
  finally { clearTimeout(timer); }
};

/* --- what waits to be sent: in IndexedDB, so that it survives a closed page and an empty battery */
let opened = null;
const database = () => opened ||= new Promise((done, fail) => {
  const request = indexedDB.open("yiping-phone", 1);
  request.onupgradeneeded = () => request.result.createObjectStore("steps", {keyPath: "n", autoIncrement: true});
  request.onsuccess = () => done(request.result);
  request.onerror = () => fail(request.error);
});
const inSteps = async (mode, act) => {
  const base = await database();
  return new Promise((done, fail) => {
    const unit = base.transaction("steps", mode), request = act(unit.objectStore("steps"));
    unit.oncomplete = () => done(request.result);
    unit.onerror = unit.onabort = () => fail(unit.error);
  });
};
const reload = async () => {
  const mine = (await inSteps("readonly", steps => steps.getAll())).filter(step => step.user === user);
  waiting = mine.filter(step => !step.refused);
  refused = mine.filter(step => step.refused);
  showRefused();
};
const change = (n, changes) => inSteps("readwrite", steps => {
  const request = steps.get(n);
  request.onsuccess = () => { if (request.result) steps.put({...request.result, ...changes}); };
  return request;
});
const drop = n => inSteps("readwrite", steps => steps.delete(n));
const keep = async step => {
  await inSteps("readwrite", steps => steps.add({...step, user, key: key(), at: new Date().toISOString()}));
  await reload();
  mark();
  send();
};

/* --- sending: one at a time, in order; the key makes the server do it once however often it arrives */
let busy = false;
const send = async () => {
  if (busy || expired) return;
  busy = true;
  try {
    const alone = async () => { await reload(); while (waiting.length && await sendOne(waiting[0])) await reload(); };
    if (navigator.locks) await navigator.locks.request("yiping-send", {ifAvailable: true}, lock => lock && alone());
    else await alone();
  } finally { busy = false; mark(); }
};
const sendOne = async step => {
  const options = {method: "POST", headers: headers({"Idempotency-Key": step.key})};
  if (step.fields) {
    options.body = new FormData();
    for (const [name, value] of step.fields) options.body.append(name, value);
    if (step.photo) options.body.append("photo", step.photo, "photo.jpg");
  } else {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify({...(step.call ? {answer: step.what} : {}), ...(step.reason ? {reason: step.reason} : {})});
  }
  let answer;
  const url = step.call ? `/api/v1/roll-calls/${step.call}/answer` : step.what === "inspection" ? "/api/v1/inspections" : step.what === "own" ? "/api/v1/reports" : `/api/v1/tasks/${step.task}/${step.what}`;
  try { answer = await limited(url, options, step.photo ? UPLOAD_TIMEOUT_MS : TIMEOUT_MS); }
  catch { setOnline(false); return false; }
  setOnline(true);
  if (answer.status === 401) { setExpired(); return false; }
  if (answer.status >= 500 || [408, 425, 429].includes(answer.status)) return false;
  if (answer.ok) {
    taken = [...taken, step];
    await drop(step.n);
    if (step.what === "report") notice(words.sent, true);
    if (step.what === "inspection") notice(say(words.inspect_sent, {name: step.title}), true);
    if (step.what === "own") notice(say(words.own_sent, {n: (await answer.json()).event.id}), true);
  }
  else {
    /* What somebody wrote or photographed is never thrown away: it stays, with the reason, to be mended and sent again. */
    const why = await reason(answer);
    if (step.fields || step.reason) await change(step.n, {refused: {why, at: new Date(Date.now() + skew).toISOString()}});
    else await drop(step.n);
    notice(say(words.refused, {why}), false);
  }
  await reload();
  await look();
  return true;
};
/* The server's kind of refusal in the reader's language; its own words, which name the field, behind it. A detail in
   both languages is written "中文 / English". */
const reason = async answer => {
  let told = {};
  try { told = await answer.json(); } catch { /* not from us: a proxy's page */ }
  const kind = words["refused." + String(told.type || "").split(":").pop()] || say(words.refused_status, {n: answer.status});
  const both = String(told.detail || "").split(" / ");
  const chinese = document.documentElement.lang === "zh";
  const plain = chinese && /:(forbidden|not-found|illegal-move|stale-version)$/.test(told.type) ? "" : told.detail;
  const detail = both.length === 2 ? both[chinese ? 0 : 1] : plain;
  return detail ? `${kind}（${detail}）` : kind;
};

/* --- showing */
const notice = (text, good) => {
  const box = document.createElement("p"), line = document.createElement("span"), close = document.createElement("button");
  box.className = good ? "notice good" : "notice";
  line.textContent = text;
  close.textContent = "×";
  close.type = "button";
  close.onclick = () => box.remove();
  box.append(line, close);
  notices.append(box);
  while (notices.children.length > 3) notices.firstChild.remove();
  if (good) setTimeout(() => box.remove(), 5000);
};
/* --- what was not taken: kept here with its reason, to be mended and sent again, or thrown away by who wrote it */
const refusedBox = document.getElementById("refused");
const showRefused = () => {
  const shown = new Set([...refusedBox.querySelectorAll("form")].map(form => form.dataset.n));
  const there = new Set(refused.map(step => String(step.n)));
  for (const form of refusedBox.querySelectorAll("form")) if (!there.has(form.dataset.n)) form.remove();
  for (const step of refused) if (!shown.has(String(step.n))) refusedBox.append(refusedForm(step));
  refusedBox.hidden = !refused.length;
  refusedBox.querySelector("h2").textContent = say(words.refused_kept, {n: refused.length});
};
const refusedForm = step => {
  const form = /** @type {HTMLFormElement} */ (document.querySelector("#refused-form").content.firstElementChild.cloneNode(true));
  const text = step.fields ? (step.fields.find(([name]) => name === "description" || name === "text") || [])[1] : step.reason;
  const date = new Date(step.at).toLocaleString(document.documentElement.lang, {timeZone: document.body.dataset.zone, hour12: false});
  form.dataset.n = step.n;
  form.querySelector(".what").textContent = `${step.title || (step.what === "own" ? words.own : step.call ? words.roll_call : say(words.of_task, {n: step.task}))} · ${date}`;
  form.querySelector(".why").textContent = step.refused.why;
  form.text.value = text || "";
  const kind = form.querySelector("[name=kind]"), kinds = document.querySelector("#own [name=kind]");
  if (step.what === "own" && kinds) {
    kind.append(...[...kinds.options].map(option => option.cloneNode(true)));
    kind.value = (step.fields.find(([name]) => name === "kind") || [])[1];
  } else kind.closest("label").remove();
  const photo = form.querySelector(".photo"), picture = photo.querySelector("img");
  if (!step.fields) photo.remove();
  else if (step.photo) { picture.src = URL.createObjectURL(step.photo); picture.hidden = false; }
  return form;
};
const mended = async event => {
  event.preventDefault();
  const form = event.target, n = Number(form.dataset.n), step = refused.find(one => one.n === n);
  if (!step) return;
  const text = form.text.value.trim(), file = form.photo && form.photo.files[0], changes = {refused: null, key: key()};
  try { if (file) changes.photo = await smaller(file); }
  catch (error) { notice(error.message, false); return; }
  if (step.fields) changes.fields = step.fields.map(([name, value]) =>
    name === "text" || name === "description" ? [name, text] : name === "kind" && form.kind ? [name, form.kind.value] : [name, value]);
  else changes.reason = text;
  if (step.what === "own") {
    const place = await placeNow();
    if (place) changes.fields = changes.fields.map(([name, value]) => name in place ? [name, place[name]] : [name, value]);
  }
  await change(n, changes);
  await reload();
  mark();
  send();
};
const thrownAway = async event => {
  const button = event.target.closest("[data-throw]");
  if (!button || !confirm(words.throw_away_sure)) return;
  await drop(Number(button.closest("form").dataset.n));
  await reload();
  mark();
};
const setOnline = now => { online = now; showLink(); };
const setExpired = () => { expired = true; showLink(); };
const showLink = () => {
  link.className = online && !expired ? "" : "lost";
  link.textContent = "";
  if (expired) {
    const again = document.createElement("a");
    again.href = `${base}/login?next=${base}/r`;
    again.textContent = words.login;
    link.append(again);
    return;
  }
  const parts = [online ? words.online : words.offline];
  if (waiting.length) parts.push(say(words.waiting, {n: waiting.length}));
  link.textContent = parts.join(" · ");
};
const mark = () => {
  /* Steps that are still on their way count already, so that work goes on without network. */
  for (const card of live.querySelectorAll("article")) {
    const ofCard = step => card.dataset.call ? String(step.call) === card.dataset.call : !step.call && String(step.task) === card.dataset.task;
    const mine = waiting.filter(ofCard), done = taken.filter(ofCard);
    let state = card.dataset.drawn ||= card.dataset.state;
    for (const step of [...done, ...mine]) {
      if (AFTER[step.what] && state !== "offered") state = AFTER[step.what];
      if (step.what === "unblock") state = card.dataset.back;
    }
    card.dataset.state = state;
    const line = card.querySelector(".sending");
    line.hidden = !mine.length;
    line.textContent = online ? words.sending : words.queued;
    const answered = card.classList.contains("offer") && mine.length + done.length > 0;
    for (const button of card.querySelectorAll("button")) button.disabled = answered;
    const reached = ORDER.indexOf(ORDER.includes(state) ? state : card.dataset.back);
    for (const step of card.querySelectorAll("[data-step]"))
      step.classList.toggle("reached", ORDER.indexOf(step.dataset.step) <= reached);
  }
  showLink();
};
/* What somebody is writing stays where it is: a node that leaves the page for a moment, be it to be put back at
   once, loses the cursor, and with it the letters that are being typed or composed. */
const within = (old, fresh) => {
  const part = fresh.matches("[data-keep]") ? fresh : fresh.querySelector("[data-keep]");
  let node = part && old.querySelector(`[data-keep="${part.dataset.keep}"]`);
  while (node && node.parentNode !== old) node = node.parentNode;
  return node;
};
const merge = (old, fresh) => {
  const stays = new Map();
  for (const child of fresh.children) { const same = within(old, child); if (same) stays.set(child, same); }
  const staying = new Set(stays.values());
  for (const node of [...old.childNodes]) if (!staying.has(node)) node.remove();
  let next = old.firstChild;
  for (const node of [...fresh.childNodes]) {
    const same = stays.get(node);
    if (!same) { old.insertBefore(node, next); continue; }
    if (same !== next) old.insertBefore(same, next);
    next = same.nextSibling;
    if (same.dataset.keep) continue;
    for (const {name} of [...same.attributes]) if (!node.hasAttribute(name)) same.removeAttribute(name);
    for (const {name, value} of node.attributes) same.setAttribute(name, value);
    merge(same, node);
  }
};
const draw = html => {
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  merge(live, fresh.content);
  settle();
};
const settle = () => {
  const facts = document.getElementById("facts"), count = Number(facts.dataset.offers);
  if (offers !== null && count > offers) {
    if (navigator.vibrate) navigator.vibrate([400, 150, 400, 150, 400]);
    window.scrollTo(0, 0);
  }
  offers = count;
  document.title = (count ? `(${count}) ${words.new_task} ` : "") + document.title.replace(/^\(\d+\).*?[!！] /, "");
  mark();
  tick();
  follow(facts.dataset.onShift === "1");
  inspect(facts.dataset.places !== "0" || location.search.includes("place="));
};
/* Inspections have a script of their own, loaded where somebody has a place to inspect or has scanned a code. */
const inspect = wanted => {
  if (window.yipingPhone) { if (window.yipingPhone.places) window.yipingPhone.places(); return; }
  const root = document.getElementById("inspect");
  if (!wanted || !root) return;
  window.yipingPhone = {words, base, say, limited, keep, smaller, notice, waiting: () => waiting, skewed: () => Date.now() + skew};
  const script = document.createElement("script");
  script.src = root.dataset.script;
  document.head.append(script);
};
const look = async () => {
  if (expired) return;
  const known = taken; // what is asked for now tells of these
  try {
    const answer = await limited("/r/live", {headers: {"If-None-Match": tag}}, TIMEOUT_MS);
    if (answer.redirected || answer.status === 401) { setExpired(); return; }
    if (answer.status >= 500) { setOnline(false); return; }
    skew = Date.parse(answer.headers.get("Date")) + 500 - Date.now() || skew;
    setOnline(true);
    taken = taken.filter(step => !known.includes(step));
    if (answer.status === 200) { tag = answer.headers.get("ETag"); draw(await answer.text()); }
    else if (window.yipingPhone?.places) window.yipingPhone.places();
  } catch { setOnline(false); mark(); }
};
const tick = () => {
  for (const clock of live.querySelectorAll("[data-until]")) {
    const left = Math.ceil((Date.parse(clock.dataset.until) - Date.now() - skew) / 1000);
    const hours = Math.floor(left / 3600), minutes = Math.floor(left / 60) % 60, seconds = String(left % 60).padStart(2, "0");
    clock.textContent = left <= 0 ? clock.dataset.over || words.overdue : (hours ? `${hours}:${String(minutes).padStart(2, "0")}` : minutes) + ":" + seconds;
    clock.classList.toggle("soon", left <= 30);
    clock.classList.toggle("over", left <= 0);
  }
  showShared();
};

/* --- what is pressed */
const took = event => {
  const button = event.target.closest("button[data-do]");
  if (!button) return;
  const what = button.dataset.do, {task, call} = button.closest("article").dataset;
  button.disabled = true;
  keep({what, ...(call ? {call: Number(call)} : {task: Number(task)}), reason: button.dataset.reason || ""});
};
const wrote = async event => {
  event.preventDefault();
  const form = event.target, what = form.dataset.do, card = form.closest("article");
  const task = card && Number(card.dataset.task);
  const call = card && Number(card.dataset.call);
  if (form.reason) { keep({what, ...(call ? {call} : {task}), reason: form.reason.value.trim()}); return; }
  const text = form.text.value.trim(), file = form.photo.files[0];
  if (!text && !file) { notice(words.needs, false); return; }
  if (!file && "needsPhoto" in form.dataset) { notice(words.needs_photo, false); return; }
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const fields = what === "own" ? await ownFields(form, text) : [["text", text], ...ticked(card)];
    await keep({what, task, fields, photo: file ? await smaller(file) : null});
    if (what === "own") { form.reset(); chose({target: form.photo}); own.open = false; }
  }
  catch (error) { notice(error.message, false); }
  finally { button.disabled = false; }
};
/* Personal data: asked for when somebody opens them, which is audited; kept nowhere, gone when they are closed. */
const opensPersonal = async event => {
  const box = event.target, list = box.matches("details.personal") && box.querySelector("dl");
  if (!list) return;
  list.textContent = "";
  if (!box.open) return;
  try {
    const options = {method: "POST", headers: headers({"Content-Type": "application/json"}), body: JSON.stringify({reason: words.personal_reason})};
    const answer = await limited(`/api/v1/events/${box.dataset.event}/personal-data`, options, TIMEOUT_MS);
    if (!answer.ok) { list.textContent = await reason(answer); return; }
    for (const one of (await answer.json()).values) {
      const name = document.createElement("dt"), value = document.createElement("dd");
      name.textContent = document.documentElement.lang === "zh" ? one.zh : one.en;
      value.textContent = one.value;
      list.append(name, value);
    }
    if (!box.open) list.textContent = "";
  } catch { list.textContent = words.offline; }
};
const ticked = card => [...card.querySelectorAll(".checklist input:checked")].map(box => ["checked", box.value]);
/* A report of one's own: the place and the time are those of the moment in which it is written. */
const ownFields = async (form, text) => {
  const place = await placeNow();
  if (!place) throw new Error(words.place_none);
  return [["kind", form.kind.value], ["description", text], ["lon", place.lon], ["lat", place.lat],
    ["seen_at", new Date(Date.now() + skew).toISOString()]];
};
const placeNow = async () => {
  const here = await new Promise(done => {
    if (!("geolocation" in navigator) || !window.isSecureContext) { done(null); return; }
    navigator.geolocation.getCurrentPosition(({coords}) => done(coords), () => done(null), {enableHighAccuracy: true, maximumAge: 30000, timeout: 8000});
  });
  const [lon, lat] = here ? [here.longitude, here.latitude] : document.body.dataset.place.split(",").map(Number);
  const known = here || document.body.dataset.place, values = {lon: known && lon.toFixed(5), lat: known && lat.toFixed(5), m: here && Math.round(here.accuracy)};
  document.getElementById("place").textContent = known ? say(here ? words.place_here : words.place_last, values) : words.place_none;
  return known ? {lon, lat} : null;
};
const chose = event => {
  const input = event.target;
  if (input.name !== "photo") return;
  const label = input.parentElement, picture = label.querySelector("img"), file = input.files[0];
  if (picture.src) URL.revokeObjectURL(picture.src);
  picture.hidden = !file;
  const span = label.querySelector("span");
  span.dataset.first ||= span.textContent;
  span.textContent = file ? words.photo_again : span.dataset.first;
  if (file) picture.src = URL.createObjectURL(file);
};
/* A copy in memory: the file itself may be gone when the network is back. The original goes as it is, with the
   place and time in it, unless it is too large to be taken. */
const smaller = async file => {
  const start = new Uint8Array(await file.slice(0, 32).arrayBuffer());
  if (/^....ftyp(hei|hev|mif1|msf1)/.test(String.fromCharCode(...start.slice(0, 12)))) throw new Error(words.heic);
  let bitmap;
  try { bitmap = await createImageBitmap(file); } catch { throw new Error(words.no_picture); }
  if (file.size <= MOST_PHOTO_BYTES && bitmap.width * bitmap.height <= MOST_PHOTO_PIXELS) {
    bitmap.close();
    return new Blob([await file.arrayBuffer()], {type: file.type});
  }
  const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(bitmap.width * scale);
  canvas.height = Math.round(bitmap.height * scale);
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise(done => canvas.toBlob(done, "image/jpeg", 0.85));
  if (!blob || blob.size > MOST_PHOTO_BYTES) throw new Error(words.too_large);
  return blob;
};

/* --- position: on shift only, and only after it was switched on here */
const WANTED = "yiping-share-" + user;
const follow = onShift => {
  const wanted = localStorage.getItem(WANTED) === "yes", possible = "geolocation" in navigator;
  share.hidden = !onShift || wanted || !possible || !window.isSecureContext;
  share.textContent = words.share;
  if (onShift && !window.isSecureContext) shared.textContent = words.needs_https;
  if (onShift && wanted && possible && watch === null) {
    shared.textContent = words.locating;
    watch = navigator.geolocation.watchPosition(found, lost, {enableHighAccuracy: true, maximumAge: 5000, timeout: 30000});
  } else if ((!onShift || !wanted) && watch !== null) {
    navigator.geolocation.clearWatch(watch);
    watch = lastSent = null;
    shared.textContent = "";
  }
};
const found = async ({coords, timestamp}) => {
  const now = Date.now();
  if (coords.accuracy > WORST_ACCURACY_M || (lastSent && now - lastSent.tried < POSITION_EVERY_MS)) return;
  if (lastSent && now - lastSent.tried < POSITION_AT_LEAST_MS && moved(lastSent, coords) < MOVED_M) return;
  const sent = {lon: coords.longitude, lat: coords.latitude, tried: now, at: lastSent && lastSent.at};
  lastSent = sent;
  const at = new Date(Math.min(timestamp, now) + skew).toISOString();
  try {
    const answer = await limited(`/api/v1/responders/${encodeURIComponent(user)}/position`, {
      method: "POST", headers: headers({"Content-Type": "application/json"}),
      body: JSON.stringify({lon: sent.lon, lat: sent.lat, at}),
    }, TIMEOUT_MS);
    if (answer.ok) sent.at = now;
  } catch { setOnline(false); }
  showShared();
};
const lost = error => {
  shared.textContent = error.code === 1 ? words.denied : words.no_position;
  if (error.code !== 1) return;
  localStorage.removeItem(WANTED);
  navigator.geolocation.clearWatch(watch);
  watch = null;
  share.hidden = false;
};
const showShared = () => {
  if (watch !== null && lastSent && lastSent.at)
    shared.textContent = `${words.sharing} · ${Math.round((Date.now() - lastSent.at) / 1000)} s`;
};
const moved = (one, two) => {
  const north = (two.latitude - one.lat) * 111195, east = (two.longitude - one.lon) * 111195 * Math.cos(one.lat * Math.PI / 180);
  return Math.hypot(north, east);
};
share.onclick = () => { localStorage.setItem(WANTED, "yes"); follow(true); };

document.getElementById("log-out").onclick = async () => {
  const unsent = waiting.length + refused.length;
  if (unsent && !confirm(say(words.unsent, {n: unsent}))) return;
  try {
    await limited("/logout", {method: "POST", headers: headers({}), redirect: "manual"}, TIMEOUT_MS);
    for (const step of [...waiting, ...refused]) await drop(step.n);
    if (window.caches) await caches.delete("yiping-phone");
    location.href = `${base}/login?next=${base}/r`;
  } catch { setOnline(false); }
};
live.addEventListener("click", took);
live.addEventListener("submit", wrote);
live.addEventListener("change", chose);
live.addEventListener("toggle", opensPersonal, true);
refusedBox.addEventListener("submit", mended);
refusedBox.addEventListener("click", thrownAway);
refusedBox.addEventListener("change", chose);
const own = /** @type {HTMLDetailsElement} */ (document.getElementById("own"));
own.addEventListener("submit", wrote);
own.addEventListener("change", chose);
own.addEventListener("toggle", () => { if (own.open) placeNow(); });
addEventListener("online", () => { look(); send(); });
addEventListener("offline", () => { setOnline(false); mark(); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) { look(); send(); } });
const turn = async () => { await look(); await send(); setTimeout(turn, document.hidden ? POLL_HIDDEN_MS : POLL_MS); };
if ("serviceWorker" in navigator && window.isSecureContext)
  navigator.serviceWorker.register(`${base}/r/sw.js`, {scope: `${base}/r`}).catch(() => {});
reload().then(() => { settle(); setInterval(tick, 1000); turn(); });
})();
