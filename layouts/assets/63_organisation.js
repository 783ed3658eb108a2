// The organisation: coverage against 100 %, units as a tree, the category table; administrators edit both in forms.
(() => {
  "use strict";
  const { t, make, since, mount, act, all, get, send, personName, me } = yiping;
  let units = [], categories = [], shifts = [], user = null, editing = null, readAt = null;
  const places = {};
  const draw = (name, ...children) => places[name]?.isConnected && places[name].replaceChildren(...children.filter(Boolean));
  const mayEdit = () => user?.may?.includes("administer");

  const nameOf = (id) => id.replace(/^\S+/, (word) => units.find((unit) => unit.id === word)?.name ?? word);
  const drawCoverage = (figures) => draw("coverage", make("ul", {}, figures.map((one) => make("li", { "data-figure": one.name, class: one.percent < 100 ? "short" : "" },
    make("span", {}, t(`coverage.${one.name}`)),
    make("progress", { max: 100, value: one.of ? one.percent : 0, "aria-label": t(`coverage.${one.name}`) }),
    make("b", {}, one.of ? `${one.percent} %` : "–"), make("span", { class: "dim" }, `${one.present} / ${one.of}`),
    one.missing.length ? make("small", { class: "dim", title: one.missing.join(", ") },
      t("coverage.missing", { what: `${one.missing.slice(0, 6).map(nameOf).join("、")}${one.missing.length > 6 ? "…" : ""}` })) : ""))));

  const children = (parent) => units.filter((one) => one.parent === parent || (parent === "" && !units.some((each) => each.id === one.parent)));
  const branch = (unit, depth) => [make("tr", { "data-unit": unit.id, tabindex: 0, onclick: () => edit("unit", unit) },
    make("td", { style: `padding-left:${0.5 + depth * 1.2}rem` }, make("b", {}, unit.name), make("small", {}, unit.code)),
    make("td", {}, t(`unit.${unit.kind}`)),
    make("td", {}, unit.people.map(personName).join("、") || "–"),
    make("td", {}, unit.posts ? `${Math.min(unit.people.length, unit.posts)} / ${unit.posts}` : ""),
    make("td", {}, unit.platform ? "✓" : "–")), ...children(unit.id).flatMap((one) => branch(one, depth + 1))];
  const drawUnits = () => draw("units", make("table", {}, make("thead", {}, make("tr", {},
    ["name", "kind", "people", "posts", "platform"].map((name) => make("th", { scope: "col" }, t(`unit.${name}`))))),
  make("tbody", {}, children("").flatMap((one) => branch(one, 0)))));

  const drawCategories = () => draw("categories", make("p", { class: "dim" }, t("organisation.non_normative")), make("table", {},
    make("thead", {}, make("tr", {}, ["kind", "limit", "section", "lead", "public"].map((name) => make("th", { scope: "col" }, t(`category.${name}`))))),
    make("tbody", {}, categories.map((one) => make("tr", { "data-kind": one.kind, tabindex: 0, onclick: () => edit("category", one) },
      make("td", {}, make("b", {}, one[yiping.language]), make("small", {}, one.kind)),
      make("td", {}, one.limit, make("small", {}, t(`clock.${one.time}`))),
      make("td", {}, one.section), make("td", {}, one.lead), make("td", {}, one.public ? "✓" : "–"))))));

  // ---- editing: a form with a field for each, saved against the version that was read
  const edit = (what, one, isNew = false) => { editing = { what, one, isNew }; drawEdit(); };
  const done = async () => { editing = null; await load(); };
  const drawEdit = () => {
    if (!mayEdit()) { draw("edit", make("p", { class: "empty dim" }, t("organisation.read_only"))); return; }
    const fresh = ["unit", "category"].map((what) => make("button", { type: "button", "data-new": what, onclick: () => edit(what, {}, true) }, t(`organisation.new_${what}`)));
    draw("edit", make("div", { class: "do" }, fresh), editing && form(), editing?.what === "unit" && !editing.isNew && shiftList(editing.one), importForm());
  };
  const rosterOf = (unit) => {
    const mine = shifts.filter((shift) => shift.unit === unit.id && Date.parse(shift.ends) > yiping.clock.now());
    return mine.length ? make("ul", { class: "roster" }, mine.map((shift) => make("li", {}, make("b", {}, personName(shift.person)), " ",
      yiping.show(shift.begins, "full"), " – ", yiping.show(shift.ends, "full"), ` ${shift.duty} `,
      make("button", { type: "button", onclick: (event) => act(event.currentTarget, async () => { await send("DELETE", `/api/v1/shifts/${shift.id}`, null); await load(); }) },
        t("organisation.remove"))))) : make("p", { class: "roster dim" }, t("organisation.no_shifts"));
  };
  const shiftList = (unit) => {
    const when = (name) => make("label", {}, t(`shift.${name}`), make("input", { name, type: "datetime-local", required: true }));
    return make("section", { id: "organisation-shifts" }, make("h3", {}, t("organisation.shifts")),
      rosterOf(unit),
      make("form", { class: "shift", onsubmit: (event) => {
        event.preventDefault();
        const form = event.currentTarget, e = form.elements;
        act(event.submitter, async () => {
          const [begins, ends] = [e.begins, e.ends].map((field) => yiping.moment(field.value).toISOString());
          await send("POST", "/api/v1/shifts", { unit: unit.id, person: e.person.value.trim(), duty: e.duty.value.trim(), begins, ends });
          form.reset();
          await load();
        });
      } }, make("label", {}, t("shift.person"), make("select", { name: "person" }, unit.people.map((one) => make("option", { value: one }, personName(one))))),
      when("begins"), when("ends"), yiping.zoneNote(), make("label", {}, t("shift.duty"), make("input", { name: "duty", maxlength: 100 })), make("button", {}, t("organisation.add_shift"))));
  };
  const form = () => {
    const { what, one, isNew } = editing;
    const seen = isNew ? {} : { "If-Match": `"${one.version}"` };
    const path = (id) => `/api/v1/${what === "unit" ? "units" : "categories"}/${encodeURIComponent(id)}`;
    return yiping.unitForm({
      what, value: one, isNew, units,
      save: async (id, body) => { await send("PUT", path(id), body, seen); yiping.say(t("organisation.saved")); await done(); },
      extra: [
        what === "unit" && !isNew && make("button", { type: "button", "data-do": "remove", onclick: (event) => act(event.currentTarget, async () => {
          await send("DELETE", path(one.id), null, seen);
          await done();
        }) }, t("organisation.remove")),
        make("button", { type: "button", onclick: () => { editing = null; drawEdit(); } }, t("events.cancel")),
      ].filter(Boolean),
    });
  };
  const importForm = () => make("form", { id: "organisation-import", onsubmit: (event) => {
    event.preventDefault();
    const [file] = event.currentTarget.elements.file.files;
    act(event.submitter, async () => {
      if (!file) return;
      const form = { yml: "yaml", json: "geojson" }[file.name.split(".").pop().toLowerCase()] ?? file.name.split(".").pop().toLowerCase();
      const counts = await send("POST", "/api/v1/organisation/import", { form, text: await file.text() });
      yiping.say(t("organisation.imported", { added: counts.added, changed: counts.changed }));
      await load();
    });
  } }, make("label", {}, make("span", {}, t("organisation.import")), make("input", { type: "file", name: "file", accept: ".yaml,.yml,.csv,.geojson,.json" })),
  make("button", {}, t("organisation.take_in")));

  const load = async () => {
    const [parts, table, figures, roster] = await Promise.all([all("/api/v1/units"), all("/api/v1/categories"), get("/api/v1/organisation/coverage"), all("/api/v1/shifts")]);
    shifts = roster;
    units = parts;
    categories = table;
    readAt = figures.at;
    document.getElementById("organisation-age")?.replaceChildren(since(readAt));
    drawCoverage(figures.items);
    drawUnits();
    drawCategories();
    // What somebody is typing stays, whatever others have changed meanwhile; saving compares versions.
    if (editing && places.edit?.isConnected) places.edit.querySelector(".roster")?.replaceWith(rosterOf(editing.one)); else drawEdit();
  };
  for (const name of ["coverage", "units", "edit", "categories"])
    mount(`organisation-${name}`, (element) => {
      places[name] = element;
      if (name !== "categories") return;
      yiping.feed.start();
      me().then((who) => { user = who; drawEdit(); }).catch(() => {});
      load().catch((error) => yiping.say(error.message, "error"));
    });
  yiping.feed.hear("organisation", () => places.units?.isConnected && load().catch(() => {}));
})();
