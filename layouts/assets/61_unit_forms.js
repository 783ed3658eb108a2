// The forms in which administrators edit a unit and a category: one field each, what is wrong is said at the field.
(() => {
  "use strict";
  const { t, make } = yiping;
  const KINDS = ["district", "street", "community", "grid", "section", "post", "joint_duty", "department", "external"];
  const POSTS = ["responder", "grid_leader", "section_head", "duty_officer", "commander", "district"];
  const LADDER = [[50, ["responder"]], [80, ["responder", "grid_leader"]], [100, ["section_head", "duty_officer"]], [150, ["commander", "district"]]];
  const NEW = { unit: {}, category: { priority: "P4", file_when: ["described"], escalations: LADDER.map(([percent, to]) => ({ percent, to })) } };
  const FILING = ["described", "photo", "in_a_grid", "reporter_known"];
  const CLOSING = ["report_photo", "called_back", "resolution", "outcome"];
  const words = (text) => text.split(/[,，、\s]+/).filter(Boolean);
  const number = (text) => (text.trim() === "" ? null : Number(text));

  // ---- kinds of fields: what is shown, and what is read back
  const text = (more = {}) => ({
    draw: (name, value) => make("input", { name, type: "text", value: value ?? "", autocomplete: "off", ...more }),
    read: (form, name) => form.elements[name].value.trim(),
  });
  const optional = () => ({ ...text(), read: (form, name) => form.elements[name].value.trim() || null });
  const whole = () => ({
    draw: (name, value) => make("input", { name, type: "number", min: 0, step: 1, value: value ?? 0 }),
    read: (form, name) => Number(form.elements[name].value),
  });
  const list = () => ({ ...text(), draw: (name, value) => make("input", { name, type: "text", value: (value ?? []).join("、"), autocomplete: "off" }),
    read: (form, name) => words(form.elements[name].value) });
  const one = (options) => ({
    draw: (name, value) => make("select", { name }, options().map(([id, label]) => make("option", { value: id, selected: id === (value ?? "") }, label))),
    read: (form, name) => form.elements[name].value,
  });
  const several = (options) => ({
    draw: (name, value) => make("select", { name, multiple: true, size: 4 }, options().map(([id, label]) => make("option", { value: id, selected: (value ?? []).includes(id) }, label))),
    read: (form, name) => [...form.elements[name].selectedOptions].map((each) => each.value),
  });
  const yes = () => ({
    draw: (name, value) => make("input", { name, type: "checkbox", checked: !!value }),
    read: (form, name) => form.elements[name].checked,
  });
  const ticks = (ids, label) => ({
    draw: (name, value) => make("span", { class: "ticks" }, ids.map((id) => make("label", {},
      make("input", { type: "checkbox", name, value: id, checked: (value ?? []).includes(id) }), t(label(id))))),
    read: (form, name) => [...form.querySelectorAll(`input[name="${name}"]:checked`)].map((each) => each.value),
  });
  const pairs = () => ({
    draw: (name, value) => make("textarea", { name, rows: 2, placeholder: t("hint.contact") }, Object.entries(value ?? {}).map(([key, each]) => `${key}: ${each}`).join("\n")),
    read: (form, name) => Object.fromEntries(form.elements[name].value.split("\n").map((line) => line.split(/[:：](.*)/s).map((part) => part.trim())).filter(([key]) => key).map(([key, value]) => [key, value ?? ""])),
  });
  const place = () => ({
    draw: (name, value) => make("span", { class: "pair" }, ["lon", "lat"].map((axis) => make("input", { name: `${name}.${axis}`, inputmode: "decimal",
      placeholder: t(`field.${axis}`), "aria-label": t(`field.${axis}`), value: value?.[axis] ?? "" }))),
    read: (form, name) => {
      const [lon, lat] = ["lon", "lat"].map((axis) => number(form.elements[`${name}.${axis}`].value));
      return lon === null && lat === null ? null : { lon, lat };
    },
  });
  const outline = () => ({
    draw: (name, value) => make("textarea", { name, rows: 2, spellcheck: "false", placeholder: t("hint.outline") }, value ? JSON.stringify(value) : ""),
    read: (form, name) => {
      const given = form.elements[name].value.trim();
      try { return given ? JSON.parse(given) : null; } catch { throw Object.assign(new Error(t("organisation.no_json")), { errors: [{ field: name, message: t("organisation.no_json") }] }); }
    },
  });
  const ladder = () => ({
    draw: (name, value) => {
      const spare = { percent: 200, to: [] };
      return make("table", { class: "ladder", "data-name": name }, make("tbody", {}, [...(value ?? []), spare].map((step) => make("tr", {},
        make("td", {}, make("input", { type: "number", min: 1, max: 1000, value: step.percent, "aria-label": "%" }), " %"),
        make("td", { class: "ticks" }, POSTS.map((post) => make("label", {}, make("input", { type: "checkbox", value: post, checked: step.to.includes(post) }), t(`post.${post}`))))))));
    },
    read: (form, name) => [...form.querySelectorAll(`table[data-name="${name}"] tr`)].map((tr) => ({
      percent: Number(tr.querySelector("input[type=number]").value), to: [...tr.querySelectorAll("input:checked")].map((each) => each.value),
    })).filter((step) => step.to.length),
  });

  const fieldsOf = (what, units) => {
    const named = (keep) => [["", "—"], ...units.filter(keep).map((unit) => [unit.id, unit.name])];
    const working = units.filter((unit) => !["grid", "section", "district"].includes(unit.kind)).map((unit) => [unit.id, unit.name]);
    const sections = one(() => named((unit) => unit.kind === "section"));
    return what === "unit" ? {
      name: text({ required: true, maxlength: 100 }), kind: one(() => KINDS.map((kind) => [kind, t(`unit.${kind}`)])),
      parent: one(() => named(() => true)), code: text({ maxlength: 20 }), section: sections, posts: whole(), people: list(), leader: text(),
      powers: list(), vehicles: list(), contact: pairs(), platform: yes(), location: place(), outline: outline(),
    } : {
      zh: text({ required: true }), en: text({ required: true }), group: text(), priority: one(() => ["P1", "P2", "P3", "P4"].map((each) => [each, each])),
      section: sections, lead: one(() => named((unit) => !["grid", "section", "district"].includes(unit.kind))),
      co_handlers: several(() => working), cooperating: several(() => working), intake_limit: optional(), limit: text({ required: true }),
      time: one(() => ["working", "calendar"].map((each) => [each, t(`clock.${each}`)])), file_when: ticks(FILING, (id) => `filing.${id}`),
      close_when: ticks(CLOSING, (id) => `closing.${id}`), escalations: ladder(), public: yes(), normative: yes(),
    };
  };

  /** The form of a unit or a category; `id` is asked for when it is new. save(id, body) may throw what the server said. */
  const draw = ({ what, value: given, isNew, units, save, extra }) => {
    const value = isNew ? NEW[what] : given;
    const fields = fieldsOf(what, units);
    const key = what === "unit" ? "id" : "kind";
    const group = (input) => input.matches("span, table");
    const row = (name, input) => make(group(input) ? "div" : "label", { role: group(input) ? "group" : null, "aria-label": group(input) ? t(`${what}.${name}`) : null, class: "row", "data-field": name }, make("span", {}, t(`${what}.${name}`)), input, make("small", { class: "wrong", role: "alert" }));
    const form = make("form", { id: "organisation-form", "data-what": what, onsubmit: async (event) => {
      event.preventDefault();
      const button = form.querySelector("button.strong");
      form.querySelectorAll(".wrong").forEach((small) => small.replaceChildren());
      button.disabled = true;
      try {
        const body = Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.read(form, name)]));
        const id = isNew ? form.elements.new_id.value.trim() : value[key];
        if (what === "category") body.kind = id;
        await save(id, body);
      } catch (error) {
        const located = error.errors?.length ? error.errors : [{ field: (/^(\w+): /.exec(error.detail ?? "") ?? [])[1], message: error.detail ?? error.message }];
        for (const { field, message } of located) {
          const at = form.querySelector(`[data-field="${(field ?? "").split(".")[0]}"] .wrong`);
          if (at) { at.append(`${field.split(".").slice(1).join(".")} ${message.replace(/^Value error, /, "")}`.trim()); at.scrollIntoView({ block: "nearest" }); } else yiping.say(error.message, "error");
        }
      } finally { button.disabled = false; }
    } },
    make("h3", {}, isNew ? t(`organisation.new_${what}`) : what === "unit" ? value.name : value[yiping.language]),
    isNew && row(key, make("input", { name: "new_id", required: true, autocomplete: "off", maxlength: 64 })),
    Object.entries(fields).map(([name, field]) => row(name, field.draw(name, value[name]))),
    make("div", { class: "do" }, make("button", { class: "strong" }, t("organisation.save")), extra));
    return form;
  };
  yiping.unitForm = draw;
})();
