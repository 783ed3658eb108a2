// The ground of the set-up page: the draft of the settings document, its parts of one site, and how two drafts join.
yiping.setup = (() => {
  "use strict";
  const { get } = yiping;
  /** found: what is in force, `/api/v1/setup`; settings: {mode, version, at, who, document}; schema: of the document, where
   * it may be edited; draft: the document as it is edited here; pictures: by site, the newest of a test. */
  const state = { found: null, settings: null, schema: null, draft: null, chosen: null, pictures: new Map() };
  const hearers = new Set();
  /** Something of the draft has changed; `what`: site, zones, camera, rules, all. */
  const changed = (what) => hearers.forEach((hear) => hear(what));
  const hear = (listener) => hearers.add(listener);

  const isMap = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
  const ordered = (value) => (Array.isArray(value) ? value.map(ordered) : isMap(value)
    ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, ordered(value[key])])) : value);
  const same = (a, b) => JSON.stringify(ordered(a)) === JSON.stringify(ordered(b));

  // ---- parts of a site
  const sites = () => state.draft?.sites ?? [];
  const site = (id = state.chosen) => sites().find((one) => one.id === id) ?? null;
  const FLOORS = { cameras: ["MonitorRecipe", (one) => one["x-gives"] === "frames"], monitors: ["MonitorRecipe", (one) => one["x-gives"] !== "frames"],
    gauges: ["MonitorRecipe", (one) => one["x-gives"] === "readings"], detectors: ["DetectorRecipe", () => true], rules: ["RuleRecipe", () => true] };
  /** What kinds of cameras, monitors, detectors, rules there are: their schemas by kind. */
  const kinds = (what) => {
    const [floor, keep] = FLOORS[what];
    const mapping = state.schema?.$defs[floor]?.discriminator.mapping ?? {};
    return Object.fromEntries(Object.entries(mapping).map(([kind, at]) => [kind, state.schema.$defs[at.split("/").pop()]]).filter(([, one]) => keep(one)));
  };
  const nameOf = (recipe) => recipe.id || recipe.kind;
  /** Of a title "中文 / English" the reader's part. */
  const inOwnLanguage = (title) => {
    const [chinese, english] = title.split(" / ");
    return yiping.language === "zh" ? chinese : (english ?? chinese);
  };
  const titleOf = (what, kind) => inOwnLanguage(kinds(what)[kind]?.title ?? kind);
  const isCamera = (recipe) => Boolean(recipe && kinds("cameras")[recipe.kind]);
  const cameraOf = (one) => (isCamera(one?.monitor) ? one.monitor : (one?.monitors ?? []).find(isCamera) ?? null);
  /** Put the camera where the old one is, else at the first place; a sensor that stands there goes to the others. */
  const putCamera = (one, camera) => {
    const place = (one.monitors ?? []).findIndex(isCamera);
    if (place >= 0) one.monitors[place] = camera;
    else {
      if (one.monitor && !isCamera(one.monitor)) one.monitors = [one.monitor, ...(one.monitors ?? [])];
      one.monitor = camera;
    }
  };
  const isGauge = (recipe) => Boolean(recipe && kinds("gauges")[recipe.kind]);
  /** Everything that a site reads, in the order in which it is written. */
  const monitorsOf = (one) => [one?.monitor, ...(one?.monitors ?? [])].filter(Boolean);
  const gaugesOf = (one) => monitorsOf(one).filter(isGauge);
  /** Where the monitor at this place of `monitorsOf` stands: "monitor" or "monitors[1]". */
  const monitorPath = (one, index) => (one.monitor ? index ? `monitors[${index - 1}]` : "monitor" : `monitors[${index}]`);
  /** Put another monitor at this place, or a new one for -1; null takes it away. Gives its place. */
  const putMonitor = (one, index, monitor) => {
    const all = monitorsOf(one);
    const at = index < 0 ? all.length : index;
    all.splice(at, index < 0 ? 0 : 1, ...(monitor ? [monitor] : []));
    const single = Boolean(one.monitor) || !one.monitors?.length;
    if (single && all.length) one.monitor = all.shift(); else delete one.monitor;
    if (all.length) one.monitors = all; else delete one.monitors;
    return at;
  };
  const ZONE_LISTS = ["except_zones", "closer", "fixed"];
  const names = (recipe, zone) => recipe.zone === zone || ZONE_LISTS.some((key) => (recipe[key] ?? []).includes(zone));
  /** Rules and detectors of the site that name this zone. */
  const usesOf = (one, zone) => [...(one.rules ?? []), ...(one.detectors ?? [])].filter((recipe) => names(recipe, zone));
  const renameZone = (one, from, to) => {
    for (const recipe of usesOf(one, from)) {
      if (recipe.zone === from) recipe.zone = to;
      for (const key of ZONE_LISTS) if (recipe[key]) recipe[key] = recipe[key].map((each) => (each === from ? to : each));
    }
  };
  /** `name`, or `name-2` and so on, whichever of them is free. */
  const free = (name, taken) => {
    if (!taken.includes(name)) return name;
    for (let n = 2; ; n++) if (!taken.includes(`${name}-${n}`)) return `${name}-${n}`;
  };

  // ---- three drafts into one: what only one of two has changed counts; where both did, mine, and it is told
  const named = (list) => {
    const found = new Map(list.map((one) => [isMap(one) ? one.id || one.kind : undefined, one]));
    return found.size === list.length && !found.has(undefined) ? found : null;
  };
  const merged = (base, mine, theirs, path, told) => {
    if (same(mine, theirs) || same(base, theirs)) return mine;
    if (same(base, mine)) return theirs;
    if (isMap(mine) && isMap(theirs)) {
      const keys = [...new Set([...Object.keys(theirs), ...Object.keys(mine)])];
      const pairs = keys.map((key) => [key, merged(base?.[key], mine[key], theirs[key], path ? `${path}.${key}` : key, told)]);
      return Object.fromEntries(pairs.filter(([, value]) => value !== undefined));
    }
    if (Array.isArray(mine) && Array.isArray(theirs)) {
      const [old, own, other] = [named(Array.isArray(base) ? base : []), named(mine), named(theirs)];
      if (old && own && other) {
        const all = [...new Set([...other.keys(), ...own.keys()])];
        return all.map((name) => merged(old.get(name), own.get(name), other.get(name), `${path}[${name}]`, told)).filter((one) => one !== undefined);
      }
    }
    told.push(path);
    return mine;
  };

  // ---- the document
  const dirty = () => Boolean(state.draft) && !same(state.draft, state.settings.document);
  const mayEdit = () => state.settings?.mode === "screen";
  const discard = () => { state.draft = structuredClone(state.settings.document ?? {}); };
  /** Read what is in force, and the document where there is one; a draft stays as it is. */
  const read = async () => {
    [state.found, state.settings] = await Promise.all([get("/api/v1/setup"), get("/api/v1/settings")]);
    if (mayEdit()) state.schema ??= await get("/api/v1/settings/schema");
    if (!state.draft || !mayEdit()) discard();
  };
  /** Take the newest version for the ground of the draft; gives the paths that others have changed, too. */
  const takeOver = (newest) => {
    const told = [];
    state.draft = merged(state.settings.document, state.draft, structuredClone(newest.document), "", told);
    state.settings = newest;
    return told;
  };

  return {
    state, changed, hear, same, isMap, sites, site, kinds, nameOf, inOwnLanguage, titleOf, isCamera, cameraOf, putCamera, isGauge, monitorsOf, gaugesOf, monitorPath, putMonitor, usesOf, renameZone, free,
    merged, dirty, mayEdit, discard, read, takeOver,
  };
})();
