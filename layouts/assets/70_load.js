// The page of the machine's load: one row a camera, asked for every two seconds while the page is open.
(() => {
  "use strict";
  const { t, make, mount, get, siteName, since, feed } = yiping;
  const EVERY_MS = 2000;
  const STAGES = ["demux", "record", "decode", "detail", "gate", "convert", "infer", "track", "judge", "encode"];
  const LARGE_MS = 60; // of decoding a second: more than any substream takes
  const FEW = 0.02; // a share below this is not worth a warning
  let place = null;

  const number = (value, digits = 1) => (value === undefined || value === null ? "–" : value.toFixed(digits));
  const percent = (share) => `${Math.round(100 * share)} %`;
  const total = (camera) => Object.values(camera.cpu_ms).reduce((sum, one) => sum + one, 0);
  const cell = (text, kind = "number") => make("td", { class: kind }, text);

  const row = (camera) => {
    const shed = camera.shed_share ?? 0;
    const share = camera.pictures_per_second ? (camera.looks_per_second ?? 0) / camera.pictures_per_second : 0;
    return make("tr", { "data-site": camera.site, class: shed >= FEW || [3, 5, 6].includes(camera.decode_state) ? "bad" : "" },
      cell(siteName(camera.site), "name"),
      cell(camera.process, "name"),
      cell(camera.decode_state === undefined ? "–" : t(`load.state.${camera.decode_state}`), "name"),
      cell(number(camera.pictures_per_second)),
      cell(number(camera.looks_per_second)),
      cell(percent(Math.min(1, share))),
      cell(percent(camera.window_share ?? 0)),
      cell(shed >= FEW ? `⚠ ${percent(shed)}` : percent(shed)),
      cell(number(camera.dropped_per_second ?? 0)),
      cell(camera.age_s === undefined ? "–" : `${Math.round(1000 * camera.age_s)} ms`),
      STAGES.map((stage) => cell(number(camera.cpu_ms[stage] ?? 0))),
      cell(number(total(camera), 0), "number sum"));
  };
  const head = () => [
    make("tr", {},
      ["site", "process", "state", "pictures", "looks", "share", "parts", "shed", "dropped", "age"].map((name, i) =>
        make("th", { scope: "col", rowspan: 2, class: i < 3 ? "" : "number" }, t(`load.${name}`))),
      make("th", { scope: "colgroup", colspan: STAGES.length + 1, class: "group" }, t("load.cpu"))),
    make("tr", {},
      STAGES.map((stage) => make("th", { scope: "col", class: "number" }, t(`load.stage.${stage}`))),
      make("th", { scope: "col", class: "number" }, "Σ")),
  ];
  const summary = (found) => {
    const shed = found.cameras.filter((camera) => (camera.shed_share ?? 0) >= FEW).length;
    const cores = found.cameras.reduce((sum, camera) => sum + total(camera), 0) / 1000;
    const memory = found.processes.filter((one) => one.resident_mib).map((one) => t("load.memory", { name: one.name, n: one.resident_mib }));
    const large = found.cameras.filter((camera) => camera.decode_state === 2 && (camera.cpu_ms.decode ?? 0) >= LARGE_MS);
    const decoding = large.reduce((sum, camera) => sum + camera.cpu_ms.decode, 0);
    return [
      make("p", { class: shed ? "load-notice bad" : "load-notice", role: "status" }, shed ? t("load.shedding", { n: shed }) : t("load.enough")),
      make("p", { class: "dim" }, [t("load.sum", { n: found.cameras.length, cores: cores.toFixed(2) }), ...memory].join(" · ")),
      large.length ? make("p", { class: "dim" }, t("load.saves", { n: large.length, ms: Math.round(decoding) })) : null,
    ];
  };
  const draw = (found) => {
    const ages = found.processes.map((one) => one.at).filter(Boolean).sort();
    document.getElementById("load-age")?.replaceChildren(since(ages.at(-1) ?? null));
    place.replaceChildren(...(found.cameras.length
      ? [...summary(found).filter(Boolean), make("table", {}, make("thead", {}, head()), make("tbody", {}, found.cameras.map(row)))]
      : [make("p", { class: "empty dim" }, t("load.none"))]));
  };
  const ask = async () => {
    if (!place?.isConnected) return;
    try {
      draw(await get("/api/v1/load"));
    } catch (error) {
      place.replaceChildren(make("p", { class: "empty" }, error.message));
    }
    setTimeout(ask, EVERY_MS);
  };
  mount("load", (element) => { place = element; feed.start(); ask(); });
})();
