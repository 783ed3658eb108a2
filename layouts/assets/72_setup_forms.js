// Forms made from JSON schemas: one field for each setting, with its unit, bounds, choices and what it means.
yiping.setup.forms = (() => {
  "use strict";
  const { t, make } = yiping;
  const { state, isMap } = yiping.setup;
  const UNITS = ["ms", "s", "min", "h", "d"];
  const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
  const ZONE_LISTS = new Set(["except_zones", "closer", "fixed"]);
  const DURATION = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)\s*$/;
  let counted = 0;

  // ---- schemas
  const resolved = (schema, root) => {
    if (schema.$ref) return { ...resolved(root.$defs[schema.$ref.split("/").pop()], root), ...Object.fromEntries(Object.entries(schema).filter(([key]) => key !== "$ref")) };
    if (schema.anyOf) {
      const other = schema.anyOf.filter((one) => one.type !== "null");
      if (other.length === 1) return { ...resolved(other[0], root), ...Object.fromEntries(Object.entries(schema).filter(([key]) => key !== "anyOf")), nullable: true };
    }
    return schema;
  };
  /** ISO 8601 as it stands in schemas, in our own spelling: PT1H30M is 90min. */
  const spelt = (text) => {
    const found = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?$/.exec(text ?? "");
    if (!found) return text ?? "";
    const s = (Number(found[1] ?? 0) * 24 + Number(found[2] ?? 0)) * 3600 + Number(found[3] ?? 0) * 60 + Number(found[4] ?? 0);
    for (const [unit, size] of Object.entries({ d: 86400, h: 3600, min: 60, s: 1 })) if (s >= size && s % size === 0) return `${s / size}${unit}`;
    return s ? `${s * 1000}ms` : "0s";
  };
  const told = (name, kind) => {
    const words = state.found?.words?.[yiping.language] ?? {};
    return { label: words[`${kind}.${name}`]?.[0] ?? words[name]?.[0] ?? name, help: words[`${kind}.${name}`]?.[1] ?? words[name]?.[1] };
  };
  const UNIT_OF = { cm: "cm", zero_m: "m", camera_roll_deg: "°", resolution: "mm" };
  const bounds = (schema) => {
    const low = schema.minimum ?? schema.exclusiveMinimum, high = schema.maximum ?? schema.exclusiveMaximum;
    const open = [schema.exclusiveMinimum !== undefined ? "<" : "≤", schema.exclusiveMaximum !== undefined ? "<" : "≤"];
    return low === undefined && high === undefined ? "" : `${low !== undefined ? `${low} ${open[0]} ` : ""}x${high !== undefined ? ` ${open[1]} ${high}` : ""}`;
  };
  const isDuration = (schema) => schema.type === "string" && Boolean(schema.examples?.includes("180s"));
  const usual = (schema) => {
    const value = schema.default;
    if (value === undefined || value === null || value === "" || Array.isArray(value) || isMap(value)) return "";
    return isDuration(schema) ? spelt(value) : typeof value === "boolean" ? t(value ? "setup.yes" : "setup.no") : String(value);
  };

  // ---- fields: each gives {element, read}; read returns undefined for what is left as usual. Errors are thrown in words.
  const text = (schema, value, place) => {
    const input = make("input", { type: "text", value: value ?? "", autocomplete: "off", spellcheck: "false", placeholder: usual(schema), list: place.list, ...place.aria });
    return { element: input, read: () => input.value.trim() || undefined };
  };
  const number = (schema, value, place) => {
    const whole = schema.type === "integer";
    const input = make("input", { type: "number", step: whole ? 1 : "any", min: schema.minimum ?? schema.exclusiveMinimum, max: schema.maximum ?? schema.exclusiveMaximum, value: value ?? "", placeholder: usual(schema), ...place.aria });
    const unit = UNIT_OF[place.name] ?? "";
    const read = () => {
      if (input.value.trim() === "") { if (input.validity.badInput) throw new Error(t("setup.not_number")); return undefined; }
      const given = Number(input.value);
      if (whole && !Number.isInteger(given)) throw new Error(t("setup.not_whole"));
      const low = schema.minimum ?? schema.exclusiveMinimum, high = schema.maximum ?? schema.exclusiveMaximum;
      const beyond = (low !== undefined && (given < low || (schema.exclusiveMinimum !== undefined && given === low))) || (high !== undefined && (given > high || (schema.exclusiveMaximum !== undefined && given === high)));
      if (beyond) throw new Error(t("setup.not_within", { bounds: bounds(schema) }));
      return given;
    };
    return { element: make("span", { class: "with-unit" }, input, unit ? make("span", { class: "dim" }, unit) : null, bounds(schema) ? make("small", { class: "dim" }, bounds(schema)) : null), read };
  };
  const duration = (schema, value, place) => {
    const [, size = "", unit] = DURATION.exec(spelt(value) ?? "") ?? [];
    const usualUnit = DURATION.exec(usual(schema))?.[2] ?? "s";
    const input = make("input", { type: "number", min: 0, step: "any", value: size, placeholder: usual(schema), ...place.aria });
    const units = make("select", { "aria-label": t("setup.unit", { name: place.label }) }, UNITS.map((one) => make("option", { value: one, selected: one === (unit ?? usualUnit) }, t(`setup.unit.${one}`))));
    return { element: make("span", { class: "with-unit" }, input, units), read: () => {
      if (input.value.trim() === "") { if (input.validity.badInput) throw new Error(t("setup.not_number")); return undefined; }
      if (Number(input.value) < 0) throw new Error(t("setup.not_within", { bounds: "0 ≤ x" }));
      return `${Number(input.value)}${units.value}`;
    } };
  };
  const yes = (schema, value, place) => {
    const input = make("input", { type: "checkbox", checked: value ?? schema.default ?? false, ...place.aria });
    return { element: input, read: () => (input.checked === (schema.default ?? false) && value === undefined ? undefined : input.checked) };
  };
  const choice = (options, _schema, value, place, none = "—") => {
    const known = options.map(([id]) => id);
    const all = [...(place.required && value !== undefined ? [] : [["", none]]), ...options, ...(value && !known.includes(value) ? [[value, `${value} ⚠`]] : [])];
    const select = make("select", place.aria, all.map(([id, label]) => make("option", { value: id, selected: id === (value ?? "") }, label)));
    return { element: select, read: () => select.value || undefined };
  };
  const oneOf = (schema, value, place) => choice(schema.enum.map((one) => [one, yiping.t(`setup.choice.${one}`, {}, yiping.t(`priority.${one}`, {}, one))]), schema, value, place,
    usual(schema) ? t("setup.as_usual", { value: yiping.t(`setup.choice.${schema.default}`, {}, yiping.t(`priority.${schema.default}`, {}, usual(schema))) }) : "—");
  const zone = (schema, value, place) => choice(place.zones.map((id) => [id, id]), schema, value, place, place.required ? "—" : t("setup.whole_picture"));
  const quantities = () => Object.keys(yiping.words).filter((key) => key.startsWith("quantity.")).map((key) => [key.slice(9), t(key)]);
  const ticks = (options, value, place) => {
    const boxes = [...new Set([...options.map(([id]) => id), ...(value ?? [])])].map((id) => {
      const input = make("input", { type: "checkbox", value: id, checked: (value ?? []).includes(id) });
      return { input, label: make("label", {}, input, options.find(([one]) => one === id)?.[1] ?? id) };
    });
    const element = make("span", { class: "ticks", ...place.aria }, boxes.length ? boxes.map(({ label }) => label) : make("span", { class: "dim" }, t("setup.no_zones")));
    return { element, read: () => { const chosen = boxes.filter(({ input }) => input.checked).map(({ input }) => input.value); return chosen.length || value ? chosen : undefined; } };
  };
  const words = (schema, value, place) => {
    const input = make("input", { type: "text", value: (value ?? []).join(", "), autocomplete: "off", spellcheck: "false", list: place.list, placeholder: (schema.default ?? []).join(", "), ...place.aria });
    return { element: input, read: () => { const found = input.value.split(/[,，、]/).map((one) => one.trim()).filter(Boolean); return found.length || value?.length ? found : undefined; } };
  };
  /** Several of the same: objects in a list, or in a map by a name. */
  const several = (inner, value, place, byName) => {
    const rows = [];
    const holder = make("span", { class: "several", ...place.aria });
    const add = (name, one) => {
      const key = byName ? make("input", { type: "text", value: name ?? "", placeholder: t("setup.name_of"), "aria-label": t("setup.name_of"), list: place.list }) : null;
      const made = inner(one, rows.length);
      const row = { key, made };
      const element = make("span", { class: "several-row" }, key, made.element, make("button", { type: "button", class: "quiet", "aria-label": t("setup.drop_row", { name: place.label }), onclick: () => { rows.splice(rows.indexOf(row), 1); element.remove(); } }, "✕"));
      rows.push(row);
      holder.insertBefore(element, more);
    };
    const more = make("button", { type: "button", class: "quiet more", onclick: () => add(undefined, undefined) }, t("setup.add_row"));
    holder.append(more);
    for (const [name, one] of byName ? Object.entries(value ?? {}) : (value ?? []).map((each) => [null, each])) add(name, one);
    return { element: holder, marks: (rest) => rows[Number(/^\[(\d+)\]/.exec(rest)?.[1])]?.made, read: () => {
      if (byName) {
        const pairs = rows.map(({ key, made }) => [key.value.trim(), made.read()]).filter(([key]) => key);
        return pairs.length || value ? Object.fromEntries(pairs) : undefined;
      }
      const found = rows.map(({ made }) => made.read()).filter((one) => one !== undefined);
      return found.length || value?.length ? found : undefined;
    } };
  };
  const hours = (value) => {
    const days = ticks(DAYS.map((day) => [day, t(`setup.day.${day}`)]), value?.days ?? DAYS, { aria: { role: "group", "aria-label": t("setup.days") } });
    const [start, end] = ["start", "end"].map((name) => make("input", { type: "text", class: "clock-field", value: value?.[name] ?? (name === "start" ? "00:00" : "24:00"), pattern: "([01]?[0-9]|2[0-3]):[0-5][0-9]|24:00", "aria-label": t(`setup.${name}`) }));
    return { element: make("span", { class: "hours" }, days.element, make("span", {}, start, " – ", end)), read: () => {
      for (const input of [start, end]) if (!input.checkValidity()) throw new Error(t("setup.not_clock", { value: input.value }));
      const chosen = days.read();
      return { ...(chosen.length < 7 ? { days: chosen } : {}), start: start.value.trim(), end: end.value.trim() };
    } };
  };
  const json = (_schema, value, place) => {
    const area = make("textarea", { rows: 3, spellcheck: "false", ...place.aria }, value === undefined ? "" : JSON.stringify(value));
    return { element: area, read: () => {
      if (!area.value.trim()) return undefined;
      try { return JSON.parse(area.value); } catch { throw new Error(t("setup.not_json")); }
    } };
  };

  // ---- reference pictures: taken from the live picture, sent as files, or named where they lie on the server
  const KEPT = /^var:references\/([a-z0-9_-]+)\/([0-9a-f]{32}\.jpg)$/;
  const pictures = (_schema, value, place) => {
    const paths = [...(value ?? [])];
    const site = state.chosen;
    const shown = make("span", { class: "reference-pictures" });
    const address = make("input", { type: "text", autocomplete: "off", spellcheck: "false", placeholder: t("setup.reference.path"), "aria-label": t("setup.reference.path"), ...place.aria });
    const keep = async (body) => {
      const { path } = await yiping.post(`/api/v1/sites/${encodeURIComponent(site)}/references`, body);
      if (paths.includes(path)) yiping.say(t("setup.reference.same")); else paths.push(path);
      draw();
    };
    const draw = () => shown.replaceChildren(...paths.map((path, n) => {
      const [, of, name] = KEPT.exec(path) ?? [];
      const url = name ? yiping.at(`/api/v1/sites/${of}/references/${name}`) : null;
      return make("span", { class: "reference", "data-reference": path },
        url ? make("a", { href: url, target: "_blank", rel: "noopener" }, make("img", { src: url, alt: t("setup.reference.n", { n: n + 1 }), loading: "lazy" })) : make("code", {}, path),
        make("button", { type: "button", class: "quiet", "aria-label": t("setup.drop_row", { name: t("setup.reference.n", { n: n + 1 }) }), onclick: () => { paths.splice(n, 1); draw(); } }, "✕"));
    }), ...(paths.length ? [] : [make("span", { class: "dim" }, t("setup.reference.none"))]));
    const live = make("button", { type: "button", "data-do": "reference-live", onclick: (event) => yiping.act(event.currentTarget, () => keep({})) }, t("setup.reference.live"));
    const file = make("input", { type: "file", accept: "image/jpeg,image/png,image/webp", multiple: true, "aria-label": t("setup.reference.file"), "data-do": "reference-file" });
    file.addEventListener("change", () => yiping.act(live, async () => {
      for (const one of file.files) { const body = new FormData(); body.append("photo", one); await keep(body); }
      file.value = "";
    }));
    const add = make("button", { type: "button", class: "quiet", onclick: () => { const path = address.value.trim(); if (path && !paths.includes(path)) paths.push(path); address.value = ""; draw(); } }, t("setup.add_row"));
    draw();
    return { element: make("span", { class: "several" }, shown, make("span", { class: "do" }, live, make("label", { class: "reference-file" }, t("setup.reference.file"), file)), make("span", { class: "with-unit" }, address, add)),
      read: () => { const typed = address.value.trim(); const found = typed && !paths.includes(typed) ? [...paths, typed] : paths; return found.length || value?.length ? found : undefined; } };
  };

  const fieldOf = (schema, value, place) => {
    const { root } = place;
    if (place.name === "zone" && place.zones) return zone(schema, value, place);
    if (place.name === "quantity" && schema.type === "string") return choice(quantities(), schema, value, place);
    if (place.name === "references") return pictures(schema, value, place);
    if (ZONE_LISTS.has(place.name)) return ticks(place.zones.map((id) => [id, id]), value, { aria: { role: "group", ...place.aria } });
    if (schema.enum) return oneOf(schema, value, place);
    if (isDuration(schema)) return duration(schema, value, place);
    if (schema.type === "boolean") return yes(schema, value, place);
    if (schema.type === "number" || schema.type === "integer") return number(schema, value, place);
    if (schema.type === "array") {
      const items = resolved(schema.items ?? {}, root);
      if (place.name === "during") return several(hours, value, place, false);
      if (items.type === "string") return words(schema, value, place);
      if (items.type === "object") return several((one) => group(items, one, place), value, place, false);
      return json(schema, value, place);
    }
    if (schema.type === "object" && schema.additionalProperties) {
      const found = resolved(schema.additionalProperties, root);
      const inner = found.anyOf?.some((one) => one.type === "string") ? { type: "string" } : found;
      return several((one) => (inner.type === "object" ? group(inner, one, place) : fieldOf(inner, one, { ...place, aria: { "aria-label": place.label } })), value, place, true);
    }
    if (schema.type === "object" && schema.properties) return group(schema, value, place, schema.nullable);
    return schema.type === "string" ? text(schema, value, place) : json(schema, value, place);
  };

  /** A field set of an object's settings; `optional`: left out as a whole where nothing is given. */
  const group = (schema, value, place, optional = false) => {
    const made = draw({ schema, root: place.root, kind: place.kind, value: value ?? {}, zones: place.zones, lists: place.lists, nested: true });
    return { element: made.element, mark: made.mark, read: () => (optional && !value && made.isEmpty() ? undefined : made.read()) };
  };

  /** A form's fields for `value`. zones: ids of the site's zones; skip: names that are edited elsewhere. */
  const draw = ({ schema, root = state.schema, kind, value, zones = [], lists = {}, skip = [], first = [], nested = false }) => {
    const required = new Set(schema.required ?? []);
    const names = Object.keys(schema.properties ?? {}).filter((name) => !skip.includes(name) && name !== "kind");
    const rank = (name) => (first.includes(name) ? first.indexOf(name) - 100 : required.has(name) ? -1 : 0);
    const sorted = names.toSorted((a, b) => rank(a) - rank(b)); // what ranks alike stays as the schema has it
    const fields = sorted.map((name) => {
      const own = resolved(schema.properties[name], root);
      const { label, help } = told(name, kind);
      const id = `setting-${++counted}`;
      const place = { name, label, kind, root, zones, lists, required: required.has(name), list: lists[name], aria: { id, "aria-describedby": `${id}-help ${id}-wrong` } };
      const field = fieldOf(own, value[name], place);
      const group_ = field.element.matches(".ticks, .several, fieldset");
      if (group_) { field.element.setAttribute("role", "group"); field.element.setAttribute("aria-labelledby", `${id}-name`); }
      const wrong = make("small", { class: "wrong", id: `${id}-wrong`, role: "alert" });
      const explained = help ?? own.description ?? "";
      const title = [label, required.has(name) ? make("span", { class: "needed", title: t("setup.needed") }, " *") : null];
      const element = make("div", { class: "setting", "data-setting": name },
        group_ ? make("span", { class: "setting-name", id: `${id}-name` }, title) : make("label", { class: "setting-name", for: id }, title),
        make("div", { class: "setting-field" }, field.element, wrong, make("small", { class: "dim", id: `${id}-help` }, explained)));
      return { name, field, wrong, element, required: required.has(name), isRare: !required.has(name) && value[name] === undefined && !first.includes(name) };
    });
    const common = fields.filter((one) => nested || !one.isRare).map((one) => one.element);
    const rare = nested ? [] : fields.filter((one) => one.isRare).map((one) => one.element);
    const more = rare.length ? make("details", { class: "rare" }, make("summary", {}, t("setup.more", { n: rare.length })), rare) : null;
    const element = make(nested ? "fieldset" : "div", { class: "settings" }, common, more);
    const byName = new Map(fields.map((one) => [one.name, one]));
    const show = (one, message) => {
      one.wrong.textContent = one.wrong.textContent ? `${one.wrong.textContent}；${message}` : message;
      const control = one.element.querySelector("input, select, textarea");
      control?.setAttribute("aria-invalid", "true");
      one.element.closest("details")?.setAttribute("open", "");
    };
    const clear = () => fields.forEach((one) => { one.wrong.textContent = ""; one.element.querySelector("[aria-invalid]")?.removeAttribute("aria-invalid"); });
    /** Show problems at their fields: [[path below this object, words]]; gives those that found none. */
    const mark = (problems) => problems.filter(([path, message]) => {
      const [, name, rest] = /^\.?([\w-]+)(.*)$/.exec(path) ?? [];
      const one = byName.get(name);
      if (!one) return true;
      const inner = rest ? one.field.marks?.(rest)?.mark ?? one.field.mark : null;
      if (inner && !inner([[rest.replace(/^\[[^\]]*\]/, ""), message]]).length) return false;
      show(one, message);
      return false;
    });
    /** The object as the fields say; throws when one of them cannot be read, which is then told there. */
    const read = () => {
      clear();
      const result = Object.fromEntries(Object.entries(value).filter(([name]) => !byName.has(name)));
      let failed = null;
      for (const one of fields) {
        try {
          const given = one.field.read();
          if (given !== undefined) result[one.name] = given;
          else if (one.required) throw new Error(t("setup.missing"));
        } catch (error) {
          if (!one.wrong.textContent) show(one, error.message);
          failed ??= one;
        }
      }
      if (failed) {
        failed.element.querySelector("input, select, textarea")?.focus();
        throw Object.assign(new Error(t("setup.not_ready")), { shown: true });
      }
      return result;
    };
    /** Is nothing filled in? */
    const isEmpty = () => fields.every((one) => {
      try { return one.field.read() === undefined; } catch { return false; }
    });
    return { element, read, mark, isEmpty };
  };

  return { draw, spelt, told, resolved };
})();
