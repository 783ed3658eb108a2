// Shift handover: the open items as the server gathers them, notes, two signatures, print; the line on every page when
// a signature is overdue.
(() => {
  "use strict";
  const { t, make, since, show, mount, feed, marks, act, post, get, personName, me, may, myName, duration, clock, everySecond, language } = yiping;
  const GROUPS = ["alerts", "events", "tasks", "suppressed", "plans", "roll_calls", "devices", "notices", "settings"];
  const AGAIN_MS = 2000;
  let place = null, list = null, roster = null;
  let standing = null, whole = null, chosen = null; // chosen: id, null: the open one
  let past = [], next = null, words = "";
  let writing = null; // {item, what, text}: the note that is being written
  let asking = null; // "return" or "drop": its reason is being written

  const at = () => Number(new URLSearchParams(location.search).get("id")) || null;
  const day = (iso) => show(iso, "full").slice(0, -3);

  // ---- items in words
  const left = (item) => {
    if (item.due === null || item.due === undefined) return null;
    if (whole.handover.state !== "draft") return t("handover.until", { at: day(item.due) });
    const countdown = make("span", { class: "countdown", "data-due": item.due });
    count(countdown);
    return countdown;
  };
  const long = (s) => (s >= 172800 ? t("events.days", { n: Math.floor(s / 86400) }) : duration(s));
  const count = (element) => {
    const s = (Date.parse(element.dataset.due) - clock.now()) / 1000;
    element.textContent = t(s >= 0 ? "handover.due" : "handover.over", { n: long(Math.abs(s)) });
    element.classList.toggle("over", s < 0);
  };
  const link = (address, text) => make("a", { href: yiping.at(address) }, text);
  const measured = (item) => (item.value === null || item.value === undefined ? "" : ` ${+item.value.toFixed(2)} ${item.unit}`);
  const alertWords = (item) => [marks.mark(item.priority, !item.calls), link(`/?alert=${item.alert}`, item.site_name), ` ${feed.ruleName(item.rule, item.kind, item.label)}${measured(item)}`];
  /** Of each group: what it is, how it stands, its time limit. */
  const SAY = {
    alerts: (item) => [alertWords(item), item.calls ? make("b", { class: item.priority === "P1" ? "loud" : "" }, t("handover.calls"))
      : [t(`state.${item.state}`), item.acknowledged_by ? make("small", {}, t("handover.by", { who: personName(item.acknowledged_by) })) : null], null],
    events: (item) => [[marks.mark(item.priority, false), link(`/?event=${item.event}`, item.title), item.site ? ` · ${item.site_name}` : ""],
      [t(`event.${item.state}`), item.lead ? make("small", {}, item.lead) : null],
      item.paused ? t("clock.paused") : [item.due ? `${t(`clock.${item.clock}`)} ` : "", left(item)]],
    tasks: (item) => [[marks.mark(item.priority, false), item.title, item.site ? ` · ${item.site_name}` : ""],
      item.unaccepted_since ? make("b", { class: "loud" }, t("handover.unaccepted")) : [t(`task.${item.state}`), item.who ? make("small", {}, item.who) : null],
      item.promised ? t("handover.promised", { day: item.promised }) : left(item)],
    suppressed: (item) => [alertWords(item), [item.how.map((one) => t(`suppression.${one}`)).join("、"),
      make("small", {}, [item.shelved_by && personName(item.shelved_by), item.work_order && t("handover.order", { order: item.work_order })].filter(Boolean).join(" · "))],
    left(item) ?? t("handover.no_end")],
    plans: (item) => [[yiping.modes.levelMark(item.level, item.waits), link("/plans", item[language] || item.zh), item.mode ? ` · ${t("plans.mode")}` : ""],
      [t(`run.${item.state}`), make("small", {}, [t(`level.${item.level}`), item.by && item.by !== "system" ? t("handover.ordered_by", { who: personName(item.by) }) : t(`trigger.${item.trigger}`)].join(" · "))], null],
    roll_calls: (item) => [link(`/roll-call?id=${item.roll_call}`, item.title), [t("handover.roll_call", { n: item.counts.present, of: item.counts.all }),
      make("small", {}, t("roll.by", { who: personName(item.by) }))], left(item)],
    devices: (item) => [link(`/?site=${item.site}`, item.site_name), [make("b", {}, t(`handover.fault.${item.fault}`)), make("small", {}, cause(item))], null],
    notices: (item) => [[marks.mark(item.priority, true), item.title], [t(`notice.${item.state}`), make("small", {}, [item.channel, item.to.join(" "), item.error].filter(Boolean).join(" · "))], null],
    settings: (item) => [t("handover.version", { n: item.version, m: item.changed }), [personName(item.by), make("small", {}, item.note)], null],
  };
  const cause = (item) => {
    if (item.fault === "lost") return t(`lost.${item.cause}`, {}, "");
    if (item.fault === "degraded") return t(`tile.degraded.${item.cause}`, {}, item.cause);
    if (item.fault === "recording_gap") return t("handover.missing_s", { n: duration(Number(item.cause)) });
    return t(`quantity.${item.cause}`, {}, item.cause);
  };

  // ---- notes
  const open = () => ["draft", "signed"].includes(whole?.handover.state);
  const writes = () => open() && may("hand_over");
  const noteView = (note) => make("li", { class: note.question ? "question" : "" }, make("b", {}, note.name || personName(note.by)), " ",
    make("time", { class: "dim" }, day(note.at)), note.question ? make("small", {}, ` ${t("handover.question")}`) : "", make("p", {}, note.text));
  const notesOf = (key) => whole.handover.notes.filter((note) => note.item === key);
  const noteForm = (item, what) => {
    const text = make("textarea", { name: "note", rows: 2, maxlength: 2000, required: true, "aria-label": what,
      placeholder: item ? what : t(whole.handover.state === "signed" ? "handover.note.question" : "handover.note.general"),
      oninput: (event) => { writing = { item, text: event.target.value }; } });
    if (writing?.item === item) text.value = writing.text;
    return make("form", { class: "note", "data-item": item, onsubmit: (event) => {
      event.preventDefault();
      act(event.currentTarget.querySelector("button"), async () => {
        await post(`/api/v1/handovers/${whole.handover.id}/notes`, { item, text: text.value });
        writing = null;
        await load();
      });
    } }, text, make("button", { class: "strong" }, t("handover.note.save")),
    item ? make("button", { type: "button", class: "quiet", onclick: () => { writing = null; draw(); } }, t("handover.cancel")) : null);
  };
  const itemRow = (group, item) => {
    const [what, how, limit] = SAY[group](item);
    const notes = notesOf(item.key);
    const row = make("tr", { "data-key": item.key, class: item.calls && item.priority === "P1" ? "loud" : "" },
      make("td", { class: "what" }, what), make("td", { class: "how" }, how), make("td", { class: "limit" }, limit),
      make("td", { class: "since" }, item.started_at ? (whole.handover.state === "draft" ? since(item.started_at) : day(item.started_at)) : ""),
      make("td", { class: "do" }, writes() ? make("button", { type: "button", class: "quiet", "data-do": "note", onclick: () => {
        writing = { item: item.key, text: "" };
        draw();
        place.querySelector(`form.note[data-item="${CSS.escape(item.key)}"] textarea`)?.focus();
      } }, t(whole.handover.state === "signed" ? "handover.ask" : "handover.note")) : ""));
    const below = notes.length || writing?.item === item.key
      ? make("tr", { class: "notes" }, make("td", { colspan: 5 }, notes.length ? make("ul", {}, notes.map(noteView)) : "",
        writing?.item === item.key && writes() ? noteForm(item.key, t("handover.note")) : "")) : null;
    return [row, below];
  };
  const group = (name) => {
    const items = whole.items?.groups[name] ?? [];
    const more = whole.items?.more[name];
    return make("section", { class: "group", "data-group": name },
      make("h4", {}, t(`handover.group.${name}`), make("span", { class: "count" }, items.length ? String(items.length + (more ?? 0)) : t("handover.clear"))),
      items.length ? make("table", {}, make("tbody", {}, items.flatMap((item) => itemRow(name, item)))) : null,
      more ? make("p", { class: "dim" }, t("handover.left_out", { n: more })) : null);
  };
  /** What has come since the first signature: no part of what is signed, but of what the incoming officer must know. */
  const fresh = () => Object.keys(whole.fresh ?? {}).length > 0 && make("section", { class: "group fresh", "data-group": "fresh" },
    make("h4", {}, t("handover.fresh")), make("table", {}, make("tbody", {}, GROUPS.flatMap((name) => (whole.fresh[name] ?? []).flatMap((item) => itemRow(name, item))))));
  /** Notes on items that are no longer open: they are not lost. */
  const orphans = () => {
    const known = new Set([...Object.values(whole.items?.groups ?? {}), ...Object.values(whole.fresh ?? {})].flat().map((item) => item.key));
    return whole.handover.notes.filter((note) => note.item && !known.has(note.item));
  };

  // ---- signatures
  const signature = (side) => {
    const one = whole.handover[side];
    return make("div", { class: `signature ${one ? "signed" : "open"}`, "data-side": side }, make("span", { class: "dim" }, t(`handover.${side}`)),
      one ? [make("b", {}, `✓ ${one.name}`), make("small", {}, `${show(one.at, "full")} · ${t(`handover.how.${one.how}`)}`)] : make("b", { class: "dim" }, t("handover.unsigned")));
  };
  const signForm = (what) => make("form", { class: "sign", "data-do": what, onsubmit: (event) => {
    event.preventDefault();
    const password = event.currentTarget.elements.password.value;
    act(event.currentTarget.querySelector("button"), async () => {
      try {
        await post(`/api/v1/handovers/${whole.handover.id}/${what}`, { version: whole.handover.version, password });
      } finally { await load(); }
    });
  } }, make("input", { type: "text", name: "username", autocomplete: "username", value: myName(), hidden: true, readonly: true }),
  make("input", { type: "password", name: "password", autocomplete: "current-password", placeholder: t("handover.password"), "aria-label": t("handover.password") }),
  make("button", { class: "strong" }, t(`handover.${what}`)));
  const reasonForm = () => make("form", { class: "reason", "data-do": asking, onsubmit: (event) => {
    event.preventDefault();
    const reason = event.currentTarget.elements.reason.value;
    act(event.currentTarget.querySelector("button"), async () => {
      await post(`/api/v1/handovers/${whole.handover.id}/${asking}`, { version: whole.handover.version, reason });
      asking = null;
      await load();
    });
  } }, make("input", { name: "reason", required: true, maxlength: 2000, placeholder: t("handover.reason"), "aria-label": t("handover.reason") }),
  make("button", { class: "strong" }, t(`handover.${asking}`)),
  make("button", { type: "button", class: "quiet", onclick: () => { asking = null; draw(); } }, t("handover.cancel")));
  const ask = (what) => make("button", { type: "button", "data-ask": what, onclick: () => { asking = what; draw(); place.querySelector("form.reason input")?.focus(); } }, t(`handover.${what}`));
  const steps = () => {
    const state = whole.handover.state;
    if (!open()) return null;
    if (!may("hand_over")) return make("p", { class: "dim" }, t("handover.look"));
    if (asking) return reasonForm();
    const own = whole.handover.outgoing?.by === myName();
    if (state === "draft") return [signForm("sign"), make("small", { class: "dim" }, t("handover.sign.hint")), ask("drop")];
    return [own ? make("p", { class: "dim" }, t("handover.take.other")) : signForm("take"), ask("return"), ask("drop")];
  };

  // ---- the page
  const beginButton = () => may("hand_over") && !standing?.open && make("button", { type: "button", class: "strong", id: "handover-begin", onclick: (event) => act(event.currentTarget, async () => {
    try { await post("/api/v1/handovers"); chosen = null; } finally { await reload(); }
  }) }, t("handover.begin"));
  const openLink = () => standing?.open && standing.open.id !== whole?.handover.id
    && make("a", { href: yiping.at("/handover"), onclick: (event) => { event.preventDefault(); choose(null); } }, t("handover.current"));
  const title = () => {
    const one = whole.handover;
    const until = one.incoming?.at ?? one.outgoing?.at ?? whole.items?.at ?? one.begun_at;
    return make("div", { class: "title" },
      make("h3", {}, t("handover.number", { n: one.id }), make("span", { class: "state", "data-state": one.state }, t(`handover.state.${one.state}`)),
        openLink(), open() ? null : beginButton(), make("button", { type: "button", class: "print", onclick: () => window.print() }, t("handover.print"))),
      make("p", { class: "dim" }, [t("handover.period", { since: day(one.since), until: day(until) }), one.change ? t("handover.change", { at: day(one.change) }) : ""].filter(Boolean).join(" · ")),
      make("p", { class: "print-only" }, document.querySelector(".head h1")?.textContent ?? ""));
  };
  const draw = () => {
    if (!place?.isConnected) return;
    if (!whole) {
      place.replaceChildren(...[make("p", { class: "empty dim" }, t("handover.none")), beginButton()].filter(Boolean));
      return;
    }
    const one = whole.handover;
    const general = notesOf("");
    const scroll = place.scrollTop;
    place.replaceChildren(...[title(),
      make("div", { class: "signatures" }, signature("outgoing"), signature("incoming"), make("div", { class: "steps" }, steps())),
      make("section", { class: "group general" }, make("h4", {}, t("handover.notes")),
        general.length || orphans().length ? make("ul", {}, general.map(noteView), orphans().map((note) => {
          const shown = noteView(note);
          shown.prepend(make("small", { class: "dim" }, `${note.item} · ${t("handover.gone")} `));
          return shown;
        })) : make("p", { class: "dim" }, t("handover.notes.none")), writes() ? noteForm("", t("handover.notes")) : null),
      fresh(), whole.items ? make("p", { class: "dim when" }, one.state === "draft" ? t("handover.live") : t("handover.fixed", { at: show(whole.items.at, "full") })) : null,
      ...(whole.items ? GROUPS.map(group) : []),
      make("section", { class: "group history" }, make("h4", {}, t("handover.history")), make("ol", {}, one.steps.map((step) => make("li", {},
        make("time", { class: "dim" }, show(step.at, "full")), ` ${step.name} ${t(`handover.step.${step.step}`)} `, make("span", { class: "dim" }, step.reason))))),
      one.digest ? make("p", { class: "hash" }, make("span", { class: "dim" }, t("handover.hash")), ` ${one.digest} `,
        make("b", { class: whole.intact ? "" : "loud" }, t(whole.intact ? "handover.intact" : "handover.changed"))) : null,
    ].filter(Boolean));
    place.scrollTop = scroll;
    document.getElementById("handover-age")?.replaceChildren(since(new Date(clock.now()).toISOString()));
  };
  const person = (shift, key) => make("li", {}, make("b", {}, shift.name), shift.duty ? ` ${shift.duty}` : "", make("small", {}, ` ${shift.unit} · ${key === "now" ? t("plans.until", { at: day(shift.ends) }) : `${day(shift.begins)}–${show(shift.ends, "minute")}`}`));
  const drawRoster = () => {
    if (!roster?.isConnected || !standing) return;
    const { on_duty: now, next: later } = standing;
    roster.replaceChildren(...(now.length || later.length ? [
      standing.next_change ? make("p", {}, t("handover.next_change", { at: day(standing.next_change) })) : "",
      make("h4", {}, t("handover.now")), now.length ? make("ul", {}, now.map((one) => person(one, "now"))) : make("p", { class: "dim" }, t("handover.clear")),
      make("h4", {}, t("handover.next")), later.length ? make("ul", {}, later.map((one) => person(one, "next"))) : make("p", { class: "dim" }, t("handover.clear")),
    ] : [make("p", { class: "empty dim" }, t("handover.roster.none"))]));
  };
  const pastRow = (one) => make("li", { class: one.id === whole?.handover.id ? "here" : "" }, make("a", { href: yiping.at(`/handover?id=${one.id}`), onclick: (event) => { event.preventDefault(); choose(one.id); } },
    make("b", {}, `${one.id} · ${day(one.begun_at)}`), make("span", { class: "state" }, t(`handover.state.${one.state}`)),
    make("small", {}, `${one.outgoing?.name ?? personName(one.begun_by)} → ${one.incoming?.name ?? "—"}`)));
  const drawList = () => {
    if (!list?.isConnected) return;
    let items = list.querySelector("ul");
    if (!items) {
      let timer = null;
      items = make("ul", {});
      list.replaceChildren(make("input", { type: "search", name: "q", placeholder: t("handover.search"), "aria-label": t("handover.search"), oninput: (event) => {
        words = event.target.value;
        clearTimeout(timer);
        timer = setTimeout(() => loadList().catch(told), 300);
      } }), items);
    }
    items.replaceChildren(...(past.length ? past.map(pastRow) : [make("li", { class: "empty dim" }, t("handover.nothing"))]),
      ...(next ? [make("li", {}, make("button", { type: "button", class: "quiet", onclick: (event) => act(event.currentTarget, () => loadList(next)) }, t("handover.more")))] : []));
  };

  // ---- loading
  const told = (error) => yiping.say(error.message, "error");
  const loadList = async (from = null) => {
    const asked = words;
    const found = await get(`/api/v1/handovers?limit=20&q=${encodeURIComponent(asked)}${from ? `&next=${from}` : ""}`);
    if (asked !== words) return;
    past = from ? [...past, ...found.items] : found.items;
    next = found.next;
    drawList();
  };
  const choose = (id) => {
    chosen = id;
    writing = asking = null;
    history.pushState({}, "", yiping.at(id ? `/handover?id=${id}` : "/handover"));
    return load().catch(told);
  };
  const load = async () => {
    const shown = () => chosen ?? standing?.open?.id ?? whole?.handover.id;
    const id = shown();
    const found = id ? await get(`/api/v1/handovers/${id}`) : null;
    if (shown() !== id) return;
    whole = found;
    if (found && chosen === null) history.replaceState({}, "", yiping.at("/handover"));
    draw();
    drawList();
  };
  const busy = () => place?.contains(document.activeElement) && /^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName);
  const reload = async () => {
    standing = await get("/api/v1/handovers/standing");
    drawLate();
    if (!place?.isConnected) return;
    drawRoster();
    await Promise.all([loadList(), busy() ? null : load()]);
  };
  let soon = null;
  const again = (ms = AGAIN_MS) => { soon ??= setTimeout(() => { soon = null; reload().catch(told); }, ms); };
  const live = () => { if (place?.isConnected && ["draft", "signed"].includes(whole?.handover.state)) again(); };

  // ---- on every page: a signature that is overdue
  const drawLate = () => {
    const line = document.getElementById("handover-late");
    if (!line || !standing) return;
    const late = standing.overdue;
    line.hidden = !late || Boolean(place?.isConnected && standing.open);
    line.replaceChildren(...(late ? ["⚠ ", t(`handover.overdue.${late.missing}`, { at: day(late.change) }), " ", link("/handover", t("handover.overdue.open"))] : []));
  };
  mount("handover-late", () => {
    feed.hear("handover", () => again(200));
    feed.hear("organisation", () => again(500));
    feed.hear("reset", () => again(200));
    me().then(() => again(300)).catch(() => {});
    setInterval(() => again(0), 60_000);
  });
  ["alert", "task", "event", "site"].forEach((topic) => feed.on(topic, live));
  ["plan", "notice"].forEach((topic) => feed.hear(topic, live));
  everySecond.add(() => { if (place?.isConnected) place.querySelectorAll(".countdown").forEach(count); });
  window.addEventListener("popstate", () => { if (place?.isConnected) { chosen = at(); load().catch(told); } });
  mount("handover-list", (element) => { list = element; drawList(); });
  mount("handover-roster", (element) => { roster = element; drawRoster(); });
  mount("handover-chosen", (element) => {
    place = element;
    chosen = at();
    feed.start();
    again(0);
  });
})();
