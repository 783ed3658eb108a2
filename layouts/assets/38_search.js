// Search (Ctrl K) over sites, cameras, people, alerts and events, by keyboard alone; what is found opens at its address.
yiping.search = (() => {
  "use strict";
  const { t, make, mount, feed, page, get, siteName, marks, act, keyboard, since, personName } = yiping;
  const MOST = 6; // of each kind
  const MOST_PLACES = 20; // whose alerts and events are asked for
  const PAUSE_MS = 160; // between the last key and the question
  const ENDED = ["closed", "reviewed", "not_filed", "voided"];
  let dialog = null;

  // ---- pinyin initials by the browser's own order of Chinese characters: it knows each one's most frequent reading
  const FIRST_OF_LETTER = [..."阿八嚓哒妸发旮哈讥咔垃痳拏噢妑七呥扨它穵夕丫帀"];
  const LETTERS = "abcdefghjklmnopqrstwxyz";
  const order = new Intl.Collator("zh-Hans-CN-u-co-pinyin");
  const initial = (char) => (/\p{Script=Han}/u.test(char)
    ? LETTERS[FIRST_OF_LETTER.findLastIndex((first) => order.compare(first, char) <= 0)] ?? "" : char);
  const knowsPinyin = ["江", "北", "中"].map(initial).join("") === "jbz";
  const initials = (text) => (knowsPinyin ? [...text.toLowerCase()].map(initial).join("").replace(/[^a-z0-9]/g, "") : "");

  /** How well all words fit: 0 begins with, 1 contains, 2 by initials; null: not. */
  const fit = (words, name, ...more) => {
    const text = [name, ...more].join(" ").toLowerCase();
    const short = initials(name);
    const ranks = words.map((word) => (name.toLowerCase().startsWith(word) ? 0 : text.includes(word) ? 1 : short.includes(word) ? 2 : null));
    return ranks.includes(null) ? null : Math.max(...ranks);
  };
  const best = (things, rank) => things.map((one) => [rank(one), one]).filter(([n]) => n !== null)
    .sort(([a], [b]) => a - b).map(([, one]) => one);

  // ---- what is found: {topic, id, url, parts}
  const onWall = (topic, id) => `/?${topic}=${encodeURIComponent(id)}`;
  const ofSite = (site) => ({ topic: "site", id: site.id, url: onWall("site", site.id), parts: [make("b", {}, site.name), make("span", { class: "dim" }, site.id), make("span", { class: "dim" }, site.grid)] });
  const ofCamera = (site) => ({ ...ofSite(site), topic: "camera", url: onWall("camera", site.id) });
  const ofPerson = (one) => ({ topic: "person", id: one.id, url: onWall("person", one.id), parts: [make("b", {}, personName(one.id)), make("span", { class: "dim" }, one.id), make("span", { class: "dim" }, one.team)] });
  const ofAlert = (alert) => ({
    topic: "alert", id: alert.id, url: alert.state === "closed" ? `/duty?alert=${alert.id}` : onWall("alert", alert.id),
    parts: [marks.mark(alert.priority, !feed.unacknowledged(alert)), make("b", {}, feed.titleOf(alert)), make("span", {}, siteName(alert.site)),
      make("span", { class: "dim" }, `#${alert.id} · ${t(`state.${alert.state}`)} · `, since(alert.raised_at))],
  });
  const ofEvent = (event) => ({
    topic: "event", id: event.id, url: ENDED.includes(event.state) ? `/events?event=${event.id}` : onWall("event", event.id),
    parts: [marks.mark(event.priority, ENDED.includes(event.state)), make("b", {}, event.title), make("span", {}, siteName(event.site)),
      make("span", { class: "dim" }, `#${event.id} · ${t(`event.${event.state}`)} · `, since(event.opened_at))],
  });
  const here = (words) => {
    const isNumber = words.every((word) => /^\d{1,5}$/.test(word)); // of an alert or event rather than a part of a grid's code
    const sites = best(page.sites, (site) => fit(words, site.name, site.id, isNumber ? "" : site.grid));
    const people = best(page.responders, (one) => fit(words, one.name, one.id, one.team));
    return { sites, people };
  };
  const open = ({ topic, id, url }) => {
    dialog?.close();
    if (url.startsWith("/?") && yiping.selection.isWall()) act(null, () => yiping.selection.select(topic, id));
    else location.assign(yiping.at(url));
  };

  // ---- the dialog
  const show = () => {
    let found = [];
    let at = 0;
    let asked = 0;
    let pause = null;
    let isNew = true; // of other words the first is chosen; what was chosen stays so when more is found
    const input = make("input", { type: "search", id: "search-text", role: "combobox", autocomplete: "off", spellcheck: "false", maxlength: 100,
      "aria-controls": "search-found", "aria-expanded": "true", "aria-autocomplete": "list", placeholder: t("search.hint"), "aria-label": t("search.title") });
    const list = make("ul", { id: "search-found", role: "listbox", "aria-label": t("search.title") });
    const own = make("dialog", { id: "search", "aria-label": t("search.title") }, input, list, make("p", { class: "dim" }, t("search.keys")));
    dialog = own;
    const words = () => input.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const mark = () => {
      const options = [...list.querySelectorAll("[role=option]")];
      options.forEach((option, n) => option.setAttribute("aria-selected", String(n === at)));
      input.setAttribute("aria-activedescendant", options[at]?.id ?? "");
      options[at]?.scrollIntoView({ block: "nearest" });
    };
    const draw = (groups, isWhole) => {
      const chosen = found[at];
      found = groups.flatMap(([, items]) => items);
      at = Math.max(0, chosen && !isNew ? found.findIndex((one) => one.url === chosen.url) : 0);
      isNew = !found.length;
      list.setAttribute("aria-busy", String(!isWhole));
      let n = 0;
      list.replaceChildren(...groups.filter(([, items]) => items.length).flatMap(([name, items]) => [
        make("li", { class: "dim kind", role: "presentation" }, t(`search.${name}`)),
        ...items.map((one) => {
          const mine = n++;
          return make("li", { role: "option", id: `search-${mine}`, "data-url": one.url, onclick: () => open(one), onpointermove: () => { if (at !== mine) { at = mine; mark(); } } }, one.parts);
        })]), words().length && isWhole && !found.length ? make("li", { class: "dim" }, t("search.none")) : "");
      mark();
    };
    let isCurrent = false; // does the list answer what is in the field? Else Enter opens nothing
    const look = async () => {
      const mine = ++asked;
      isCurrent = true;
      const text = input.value.trim().toLowerCase();
      if (!words().length) return draw([["alert", feed.inHand().slice(0, MOST).map(ofAlert)]], true);
      const { sites, people } = here(words());
      const local = [["site", sites.slice(0, MOST).map(ofSite)], ["camera", sites.filter((one) => one.camera).slice(0, MOST).map(ofCamera)],
        ["person", people.slice(0, MOST).map(ofPerson)]];
      draw(local, false);
      const places = sites.slice(0, MOST_PLACES).map((site) => `&at=${encodeURIComponent(site.id)}`).join("");
      try {
        const answer = await get(`/api/v1/search?q=${encodeURIComponent(text)}${places}`);
        if (mine !== asked || !own.isConnected) return;
        draw([...local, ["alert", answer.alerts.slice(0, MOST).map(ofAlert)], ["event", answer.events.slice(0, MOST).map(ofEvent)]], true); // nothing moves
      } catch (error) {
        if (mine !== asked || !own.isConnected) return;
        list.setAttribute("aria-busy", "false"); // what the page knows itself can be opened all the same
        list.append(make("li", { class: "dim" }, error.message));
      }
    };
    input.addEventListener("input", () => {
      isNew = true;
      isCurrent = false;
      list.setAttribute("aria-busy", "true");
      clearTimeout(pause);
      pause = setTimeout(look, PAUSE_MS);
    });
    own.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step && found.length) {
        at = (at + step + found.length) % found.length;
        mark();
      }
      else if (event.key === "Enter" && !event.isComposing) { if (isCurrent && found[at]) open(found[at]); }
      else return;
      event.preventDefault();
    });
    own.addEventListener("close", () => { clearTimeout(pause); own.remove(); dialog = null; });
    document.body.append(own);
    own.showModal();
    input.focus();
    look();
  };
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || event.key.toLowerCase() !== "k") return;
    if (!document.getElementById("frame")) return;
    event.preventDefault();
    if (dialog) dialog.close();
    else if (!keyboard.isCovered()) show();
  });
  mount("search-open", (button) => button.addEventListener("click", () => { if (!keyboard.isCovered()) show(); }));
  return { initials, fit };
})();
