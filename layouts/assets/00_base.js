// The ground of the screens' scripts: words, server time, DOM building, requests to the server, mounting.
window.yiping = /** @type {any} the other files add their parts */ ((/** @returns {Base} */ () => {
  "use strict";
  const page = JSON.parse(document.getElementById("yiping-page-data").textContent);
  const words = window.yipingWords; // by language, from a file that browsers keep
  const cookies = new Map(document.cookie.split("; ").map((pair) => /** @type {[string, string]} */ (pair.split("=", 2))));
  const asked = cookies.get(page.language_cookie);
  const language = asked in words ? asked : page.language;
  document.documentElement.lang = language;

  // ---- how much fits: sizes follow the window, which zooming makes smaller; so the zoom is told to the styles
  const ZOOMS = [1.1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 5];
  const NARROW_REM = 85; // with fewer of them side by side, the parts of a page stand below one another
  const fit = () => {
    const root = document.documentElement;
    const ratio = outerWidth / innerWidth; // not so with tools docked beside the page: those make no level of the zoom
    const zoom = ZOOMS.find((level) => Math.abs(ratio / level - 1) < 0.02 && devicePixelRatio > level - 0.02) ?? 1;
    root.style.setProperty("--zoom", String(zoom));
    root.classList.toggle("narrow", innerWidth / parseFloat(getComputedStyle(root).fontSize) < NARROW_REM);
  };
  addEventListener("resize", fit);
  fit();

  /** The text of a key, with {n} and the like filled in; `instead` (or the key) when there is none. */
  const t = (key, values = {}, instead = key) =>
    (words[language][key] ?? instead).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

  // ---- time: the server's, because ages must not depend on how well this computer's clock is set
  let offset = 0;
  let heard = [];
  const clock = {
    now: () => Date.now() + offset,
    /** The Date header of an answer: to the second only, so it counts until something better is heard. */
    guess(header) {
      const ahead = Date.parse(header ?? "") + 500 - Date.now();
      if (!heard.length && Math.abs(ahead) > 1000) offset = ahead;
    },
    /** The server said it is `iso` just now. The smallest delay of the last few gives the best estimate. */
    hear(iso) {
      heard = [...heard.slice(-7), Date.parse(iso) - Date.now()];
      offset = Math.max(...heard);
    },
  };
  const locale = language === "zh" ? "zh-CN" : "en-GB";
  const format = (options) => new Intl.DateTimeFormat(locale, { timeZone: page.timezone, hour12: false, ...options });
  const twoDigits = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
  const formats = {
    time: format(twoDigits),
    minute: format({ hour: "2-digit", minute: "2-digit" }),
    date: format({ year: "numeric", month: "2-digit", day: "2-digit", weekday: "short" }),
    full: format({ month: "2-digit", day: "2-digit", ...twoDigits }),
  };
  const show = (iso, how = "time") => (iso ? formats[how].format(new Date(iso)) : "");

  // Fields of local time show the city's clock, wherever the browser is: its own zone must not move a shift.
  const wallClock = new Intl.DateTimeFormat("sv-SE", { timeZone: page.timezone, dateStyle: "short", timeStyle: "medium" });
  const wall = (ms) => wallClock.format(new Date(ms)).replace(" ", "T");
  const zoneOffset = (ms) => Date.parse(`${wall(ms)}Z`) - Math.floor(ms / 1000) * 1000;
  /** What a clock in the city shows, as a moment. Throws, in words, for no time and for one that the clocks skip. */
  const moment = (text) => {
    const told = Date.parse(`${text}Z`);
    if (Number.isNaN(told)) throw new Error(t("time.none"));
    const near = told - zoneOffset(told);
    const at = told - zoneOffset(near);
    if (Date.parse(`${wall(at)}Z`) !== told) throw new Error(t("time.skipped", { zone: page.timezone }));
    return new Date(at);
  };
  /** Named beside every field of local time. */
  const zoneNote = () => make("small", { class: "dim zone" }, t("time.zone", { zone: page.timezone }));

  const ageSeconds = (iso) => Math.max(0, (clock.now() - Date.parse(iso)) / 1000);
  const ago = (iso) => {
    if (!iso) return t("age.none");
    const s = ageSeconds(iso);
    if (s < 2) return t("age.now");
    if (s < 60) return t("age.s", { n: Math.floor(s) });
    if (s < 3600) return t("age.min", { n: Math.floor(s / 60) });
    if (s < 86400) return t("age.h", { n: Math.floor(s / 3600) });
    return t("age.d", { n: Math.floor(s / 86400) });
  };
  const duration = (s) => {
    const whole = Math.max(0, Math.round(s));
    const pad = (n) => String(n).padStart(2, "0");
    const [h, m, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
    return h ? `${h}:${pad(m)}:${pad(rest)}` : `${m}:${pad(rest)}`;
  };

  // ---- DOM
  /** An element: make("p", {class: "x", onclick: f, "data-id": 1}, "text", child). */
  const make = (tag, properties = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (name === "style") element.style.cssText = value; // as an attribute the page's policy would have to let it in
      else element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
    return element;
  };
  /** A time that keeps itself up to date; how: "ago", or "for" (a stopwatch since then). */
  const since = (iso, how = "ago", properties = {}) => {
    const element = make("time", { datetime: iso, "data-at": iso, "data-how": how, title: show(iso, "full"), ...properties });
    refresh(element);
    return element;
  };
  const refresh = (element) => {
    const { at, how } = element.dataset;
    const text = how === "for" ? duration(ageSeconds(at)) : ago(at);
    if (element.textContent !== text) element.textContent = text;
  };
  const everySecond = new Set();
  setInterval(() => {
    document.querySelectorAll("time[data-at]").forEach(refresh);
    everySecond.forEach((work) => work());
  }, 1000);

  // ---- mounting: Dash draws the places, the scripts fill them when they appear
  const places = new Map();
  const mounted = new WeakSet();
  const look = () => {
    for (const [id, fill] of places) {
      const element = document.getElementById(id);
      if (element && !mounted.has(element)) {
        mounted.add(element);
        fill(element);
      }
    }
  };
  new MutationObserver(look).observe(document.documentElement, { childList: true, subtree: true });
  const mount = (id, fill) => {
    if (places.has(id)) throw new Error(`two scripts fill #${id}`);
    places.set(id, fill);
    look();
  };

  // ---- requests
  const randomId = () =>
    [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  /** An address of ours as the browser asks for it: under the path of the reverse proxy, where there is one. */
  const at = (path) => (page.base ?? "") + path;
  let asking = null;
  let visitor = null;
  /** Who is logged in: {name, role, may, csrf}; asked once. */
  const me = () => (asking ??= request("GET", "/api/v1/me").then((who) => (visitor = who)).catch((error) => { asking = null; throw error; }));
  /** May the visitor do this, says the server? Until it has said so, nothing is offered. */
  const may = (action) => Boolean(visitor && (visitor.may?.includes(action) || page.kiosk?.lends.includes(action)));
  const myName = () => visitor?.name ?? "";

  /** Why somebody cannot be sent, as the server tells it, in words. */
  /** @type {[RegExp, (...found: string[]) => string][]} */
  const UNFIT = [
    [/^last position/, () => t("reason.old_position")],
    [/^declined/, (reason) => `${t("reason.declined")}${reason.slice(8)}`],
    [/^lacks (.*)/, (_, what) => t("reason.skill", { what })],
    [/^too far: (\S+) min, limit (\S+) min/, (_, n, limit) => t("reason.too_far", { n, limit })],
    [/^works as (\w+) now/, (_, role) => t("reason.works as", { role: t(`role.${role}`, {}, role) })],
  ];
  const unfit = (reason) => {
    const [pattern, say_it] = UNFIT.find(([each]) => each.test(reason)) ?? [];
    return pattern ? say_it(...reason.match(pattern)) : t(`reason.${reason}`, {}, reason);
  };
  /** How a value of a refusal is said: by the name of its member. */
  const saidAs = {
    at: (iso) => show(iso, "full"),
    until: (iso) => show(iso, "full"),
    by: (id) => personName(id),
    who: (id) => personName(id) || "—",
    role: (role) => t(`role.${role}`, {}, role),
    task_state: (state) => t(`task.${state}`, {}, state),
    event_state: (state) => t(`event.${state}`, {}, state),
    unfit,
    unfit_each: (told) => told.split("; ").map((one) => {
      const [id, reason] = one.split(": ");
      return reason ? `${personName(id)}${language === "zh" ? "" : " "}${unfit(reason)}` : one;
    }).join(language === "zh" ? "、" : ", "),
  };
  /** A refusal in the reader's language, local time and names: {key, values} of a problem document. */
  const refusal = ({ key, values }) => t(`refused.${key}`,
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, (saidAs[name] ?? String)(value ?? "")])));

  async function request(method, path, body, headers = {}) {
    const isForm = body instanceof FormData; // the browser writes its own type, with the border between the parts
    let answer;
    try {
      answer = await fetch(at(path), {
        method,
        credentials: "same-origin",
        headers: { Accept: "application/json", ...(body && !isForm ? { "Content-Type": "application/json" } : {}), ...headers },
        body: isForm ? body : body ? JSON.stringify(body) : undefined,
      });
    } catch {
      throw new Error(t("error.network"));
    }
    clock.guess(answer.headers.get("Date"));
    if (answer.status === 401) {
      location.assign(`${at("/login")}?next=${encodeURIComponent(location.pathname)}`);
      throw new Error(t("error.login"));
    }
    const content = await answer.json().catch(() => ({}));
    if (!answer.ok) {
      const detail = typeof content.detail === "string" ? content.detail : content.title;
      const own = content.words && words[language][`refused.${content.words.key}`] ? refusal(content.words) : "";
      const said = own || t(`error.${answer.status}`, {}, t("error.other", { n: answer.status })) + (detail ? `：${detail}` : "");
      throw Object.assign(new Error(said), { detail, errors: content.errors, words: content.words, status: answer.status });
    }
    return content;
  }
  const get = (path) => request("GET", path);
  /** A step with consequences. Sent again after a lost answer it still happens once (Idempotency-Key). */
  const send = async (method, path, body, headers = {}) => {
    const { csrf } = await me();
    return request(method, path, body, { "X-CSRF-Token": csrf, "Idempotency-Key": randomId(), ...headers });
  };
  const posted = new Set();
  /** `listener(path, answer, body)` hears of every step that the server has taken for this page. */
  const onPosted = (listener) => posted.add(listener);
  const post = async (path, body = {}, given = {}) => {
    const asWhom = async () => ({ ...(await yiping.kiosk.hand(path)), ...given });
    const answer = await send("POST", path, body, await asWhom()).catch(async (error) => {
      // It crosses somebody else's work: the person says so again, or leaves it.
      if (!error.words?.key.startsWith("conflict.") || !(await yiping.claims.askAnyway(error.message))) throw error;
      return send("POST", path, { ...body, anyway: true }, await asWhom());
    });
    posted.forEach((listener) => listener(path, answer, body));
    return answer;
  };
  /** Every item of a list, page by page, at most `most`. */
  const all = async (path, most = 2000) => {
    const items = [];
    let next = null;
    do {
      const mark = path.includes("?") ? "&" : "?";
      const part = await get(next === null ? path : `${path}${mark}next=${encodeURIComponent(next)}`);
      items.push(...part.items);
      next = part.next ?? null;
    } while (next !== null && items.length < most);
    return items;
  };

  // ---- messages to the person
  const say = (text, kind = "note") => {
    let box = document.getElementById("messages");
    if (!box) document.body.append((box = make("div", { id: "messages", role: "alert", "aria-live": "assertive" })));
    const message = make("p", { class: `message ${kind}` }, text);
    box.append(message);
    setTimeout(() => message.remove(), kind === "error" ? 9000 : 4000);
  };
  /** Run a step for a button: disabled meanwhile, errors shown as text. */
  const act = async (button, step) => {
    if (button?.disabled) return;
    if (button) button.disabled = true;
    try {
      await step();
    } catch (error) {
      say(error.message, "error");
    } finally {
      if (button) button.disabled = false;
    }
  };

  // ---- names
  const sites = new Map(page.sites.map((site) => [site.id, site]));
  const responders = new Map(page.responders.map((one) => [one.id, one]));
  const siteName = (id) => sites.get(id)?.name || id;
  const users = new Map();
  const nameUser = (id, name) => name && users.set(id, name);
  const personName = (id) => (id ? responders.get(id)?.name || users.get(id) || (id === "system" ? t("who.system") : id) : "");
  const personNames = (ids) => [ids].flat().map(personName).filter(Boolean).join("、");

  return {
    page, language, words: words[language], t, clock, show, wall, moment, zoneNote, ago, ageSeconds, duration, make, since, everySecond, mount, at, me, may, myName, get, post, onPosted, send, all,
    say, act, unfit, sites, siteName, personName, personNames, nameUser,
  };
})());
