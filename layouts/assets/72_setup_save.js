// From the draft to what is in force: what differs, in words; the note; who saved meanwhile; versions and the way back.
yiping.setup.save = (() => {
  "use strict";
  const { t, make, act, get, post, send, since, personName } = yiping;
  const { state, dirty, discard, changed, takeOver, forms } = yiping.setup;

  // ---- problems and differences in words
  const sayProblem = (problem) => {
    const text = [`refused.${problem.key}`, problem.key].find((key) => problem.key && yiping.words[key]);
    return text ? t(text, Object.fromEntries(Object.entries(problem.values ?? {}).map(([name, value]) => [name, value ?? ""]))) : problem.words || problem.message || problem.key;
  };
  const checked = async (document) => post("/api/v1/settings/check", { document });
  /** Which of the problems are below `path` ("sites[2].rules[0]"): [[what follows, words]]. */
  const below = (problems, path) => problems.filter((one) => one.path === path || one.path.startsWith(`${path}.`) || one.path.startsWith(`${path}[`)).map((one) => [one.path.slice(path.length), sayProblem(one)]);
  /** Try a changed draft; true and taken when nothing is wrong below `path(draft)`, else the problems go to `mark`. */
  const apply = async (change, path, mark) => {
    const draft = structuredClone(state.draft);
    change(draft);
    const { problems } = await checked(draft);
    const own = below(problems, path(draft));
    if (own.length) { mark(own); return false; }
    change(state.draft); // in place: the editor of the picture holds on to its site
    return true;
  };

  const PARTS = { sites: "site", rules: "rule", detectors: "detector", zones: "zone", monitors: "monitor" };
  /** `sites[gate-3].rules[dwell].at_least` as "gate-3 · rule dwell · how long". */
  const sayPath = (path) => {
    const parts = path.match(/[^.[\]]+(?:\[[^\]]*\])?(?: \(order\))?/g) ?? [path];
    return parts.map((part) => {
      const [, name, inner] = /^([^[]+)(?:\[([^\]]*)\])?/.exec(part);
      if (inner !== undefined && PARTS[name]) return name === "sites" ? yiping.siteName(inner) || inner : `${t(`setup.part.${PARTS[name]}`)} ${inner}`;
      return inner !== undefined ? `${forms.told(name, "").label} ${inner}` : forms.told(name, "").label;
    }).join(" · ");
  };
  const sayValue = (value, path) => {
    if (value === null || value === undefined) return t("setup.nothing");
    if (/polygon|\.line$/.test(path) && Array.isArray(value)) return t("setup.corners", { n: value.length });
    if (typeof value === "boolean") return t(value ? "setup.yes" : "setup.no");
    if (typeof value === "object") {
      if (Array.isArray(value)) return value.every((one) => typeof one !== "object") ? value.join(", ") || t("setup.nothing") : t("setup.entries", { n: value.length });
      if (value.location) return [value.name || value.id, ...["zones", "detectors", "rules"].map((part) => `${forms.told(part, "").label} ${(value[part] ?? []).length}`)].join(" · ");
      return value.name || value.id || value.kind || JSON.stringify(value).slice(0, 120);
    }
    return String(value);
  };
  const sayDifference = (one) => make("li", { "data-path": one.path }, make("b", {}, `${one.before === null ? "＋" : one.after === null ? "－" : "～"} ${sayPath(one.path)}`), " ",
    one.before === null ? sayValue(one.after, one.path) : one.after === null ? make("s", {}, sayValue(one.before, one.path)) : `${sayValue(one.before, one.path)} → ${sayValue(one.after, one.path)}`);
  const listOf = (difference) => make("ul", { class: "difference" }, difference.length ? difference.slice(0, 200).map(sayDifference) : make("li", { class: "dim" }, t("setup.no_difference")));

  const dialogOf = (id, title, ...inside) => {
    const dialog = make("dialog", { id, class: "setup-dialog", "aria-labelledby": `${id}-title` }, make("h2", { id: `${id}-title` }, title), ...inside);
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
    return dialog;
  };

  // ---- saving
  const open = async (editorProblem) => {
    const local = editorProblem();
    if (local) throw new Error(local);
    const { problems, difference } = await checked(state.draft);
    const note = make("input", { id: "save-note", type: "text", maxlength: 300, required: true, autocomplete: "off" });
    const wrong = make("p", { class: "wrong", role: "alert" });
    const form = make("form", { novalidate: true, onsubmit: (event) => {
      event.preventDefault();
      if (!note.value.trim()) { wrong.textContent = t("setup.note.missing"); note.focus(); return; }
      act(event.submitter, async () => {
        try {
          await put(note.value.trim());
          dialog.close();
        } catch (error) {
          if (error.status === 409) { dialog.close(); await behind(); return; }
          wrong.textContent = error.errors?.length ? error.errors.map((one) => `${sayPath(one.path)}：${sayProblem(one)}`).join("；") : error.message;
        }
      });
    } }, make("label", { for: "save-note" }, t("setup.note")), note, wrong,
    make("div", { class: "do" }, make("button", { class: "strong", "data-do": "put", disabled: problems.length > 0 }, t("setup.do.put")), make("button", { type: "button", "data-do": "back", onclick: () => dialog.close() }, t("setup.do.back"))));
    const tried = !problems.length && difference.some((one) => /rules|zones|^sites\[[^\]]*\]$/.test(one.path)) ? yiping.setup.trial.part(state.draft) : null;
    const dialog = dialogOf("save-dialog", t("setup.save.title", { n: difference.length }),
      problems.length ? make("div", { class: "problems", role: "alert" }, make("b", {}, t("setup.problems", { n: problems.length })), make("ul", {}, problems.map((one) => make("li", { "data-path": one.path }, `${sayPath(one.path)}：${sayProblem(one)}`)))) : null,
      listOf(difference), tried, form);
    if (!problems.length) note.focus();
    tried?.go();
  };
  const put = async (note) => {
    await send("PUT", "/api/v1/settings", { base_version: state.settings.version, document: state.draft, note });
    await reload();
    yiping.say(t("setup.saved", { n: state.settings.version }));
  };
  const reload = async () => {
    state.draft = null;
    await yiping.setup.read();
    changed("all");
  };

  // ---- somebody else has saved
  const behind = async () => {
    const newest = await get("/api/v1/settings");
    if (newest.version === state.settings.version) return;
    changed({ newest });
  };
  /** Look whether there is a newer version; a page on which nothing is unsaved follows it at once. */
  const look = async (isBusy) => {
    if (!yiping.setup.mayEdit()) return;
    const { items: [last] } = await get("/api/v1/settings/versions?limit=1");
    if (!last || last.version <= state.settings.version) return;
    const newest = await get("/api/v1/settings");
    if (newest.version <= state.settings.version) return; // it cannot be read, or another server has not taken it yet
    if (dirty() || isBusy()) { changed({ newest }); return; }
    await reload();
    yiping.say(t("setup.followed", { who: personName(newest.who), n: newest.version }));
  };
  const banner = (newest, isBusy, redraw) => make("div", { class: "newer", role: "alert" },
    make("b", {}, t("setup.newer", { who: personName(newest.who), n: newest.version })), " ", since(newest.at), " ", t("setup.newer.kept"), " ",
    make("button", { type: "button", "data-do": "join", onclick: () => {
      if (isBusy()) { yiping.say(t("setup.finish_form"), "error"); return; }
      const told = takeOver(newest);
      redraw();
      yiping.say(told.length ? t("setup.joined.both", { what: told.map(sayPath).join("；") }) : t("setup.joined"), told.length ? "error" : "note");
    } }, t("setup.do.join")),
    make("button", { type: "button", "data-do": "drop-mine", onclick: (event) => act(event.currentTarget, async () => { await reload(); redraw(); }) }, t("setup.do.drop_mine")));

  // ---- versions
  const versions = async () => {
    const told = await get("/api/v1/settings/versions");
    const items = told.items ?? told.versions ?? told;
    const newest = state.settings.version;
    const rows = items.map((one) => make("li", { class: "version", "data-version": one.version },
      make("div", {}, make("b", {}, t("setup.version", { n: one.version })), one.version === newest ? make("span", { class: "in-force" }, t("setup.in_force")) : null, " ", since(one.at), " ", personName(one.who), " ",
        make("span", { class: "dim" }, one.restored ? t("setup.restored_from", { n: one.restored }) : one.note ?? "")),
      one.difference?.length ? make("details", {}, make("summary", {}, t("setup.what", { n: one.difference.length })), listOf(one.difference)) : null,
      one.version !== newest ? make("button", { type: "button", "data-do": "restore", onclick: (event) => act(event.currentTarget, async () => {
        if (dirty()) throw new Error(t("setup.unsaved_first"));
        await post(`/api/v1/settings/versions/${one.version}/restore`, { base_version: newest });
        dialog.close();
        await reload();
        yiping.say(t("setup.restored", { n: one.version, now: state.settings.version }));
      }) }, t("setup.do.restore")) : null));
    const dialog = dialogOf("versions-dialog", t("setup.versions"), make("ol", { class: "versions" }, rows.length ? rows : make("li", { class: "dim" }, t("setup.no_versions"))),
      make("div", { class: "do" }, make("button", { type: "button", "data-do": "back", onclick: () => dialog.close() }, t("setup.do.back"))));
  };

  /** The bar below everything: how much is unsaved, and the way to save it. */
  const bar = (editorProblem) => make("div", { class: "save-bar", role: "region", "aria-label": t("setup.do.save") }, make("b", {}, t("setup.unsaved")),
    make("button", { type: "button", class: "strong", "data-do": "save", onclick: (event) => act(event.currentTarget, () => open(editorProblem)) }, t("setup.do.save")),
    make("button", { type: "button", "data-do": "discard", onclick: () => { discard(); changed("all"); } }, t("setup.do.discard")));

  return { apply, bar, banner, look, versions };
})();
