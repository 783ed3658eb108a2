// Ten seconds to take back what was just acknowledged, dismissed or dispatched: a bar that counts down, and Z.
// The server decides whether it is in time, and refuses in words when somebody has accepted meanwhile.
yiping.undo = (() => {
  "use strict";
  const { t, make, page, post, onPosted, act, say, feed, keyboard, siteName } = yiping;
  const TICK_MS = 200;
  /** @type {[RegExp, (match: RegExpMatchArray, answer: any) => { words: string, take: () => Promise<any> } | null][]} */
  const STEPS = [
    [/^\/api\/v1\/alerts\/(\d+)\/(acknowledge|dismiss)$/, (match, answer) => ({
      words: `${t(`undo.${match[2]}`)} · ${feed.titleOf(answer.alert)} · ${siteName(answer.alert.site)}`, take: () => post(`/api/v1/alerts/${match[1]}/undo`) })],
    [/^\/api\/v1\/alerts\/(\d+)\/dispatch$/, (_match, { task }) => (task.unaccepted_since && task.offered_to ? null : {
      words: `${t("undo.dispatch", { who: feed.holderNames(task) || "—" })} · ${task.title}`, take: () => post(`/api/v1/tasks/${task.id}/take-back`) })],
    [/^\/api\/v1\/alarm-cards\/acknowledge$/, (_match, { items }) => (items.length ? {
      words: t("undo.acknowledge_all", { n: items.length }), take: () => post("/api/v1/alarm-cards/undo", { alerts: items.map((one) => one.id) }) } : null)],
  ];
  let waiting = []; // newest last: {words, take, until}
  let bar = null;

  const alive = () => (waiting = waiting.filter((one) => one.until > performance.now())).at(-1);
  const draw = () => {
    const one = alive();
    if (!one) { bar?.remove(); bar = null; return; }
    const left = Math.ceil((one.until - performance.now()) / 1000);
    if (bar?.of !== one) {
      bar?.remove();
      const count = make("progress", { max: page.undo_within_s, value: left, "aria-hidden": "true" });
      const button = make("button", { type: "button", class: "strong", "data-do": "undo", onclick: () => take(one) });
      bar = Object.assign(make("div", { id: "undo", role: "status" }, make("span", {}, one.words), count, button, make("kbd", {}, "Z")), { of: one, count, button });
      document.body.append(bar);
    }
    bar.count.value = (one.until - performance.now()) / 1000;
    bar.button.textContent = t("undo.do", { n: left });
  };
  const take = (one) => act(bar?.button, async () => {
    waiting = waiting.filter((each) => each !== one); // once only, whatever comes of it
    try {
      await one.take();
      say(t("undo.done"));
    } finally {
      draw();
    }
  });
  onPosted((path, answer) => {
    for (const [pattern, made] of STEPS) {
      const match = path.match(pattern);
      const one = match && page.undo_within_s > 0 && made(match, answer);
      if (one) waiting.push({ ...one, until: performance.now() + page.undo_within_s * 1000 });
    }
    draw();
  });
  const pageName = () => document.getElementById("frame")?.dataset.page;
  setInterval(() => { if (bar || waiting.length) draw(); }, TICK_MS);
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "z" || event.altKey || event.shiftKey || event.repeat) return;
    if (keyboard.isTyping(event) || keyboard.isCovered()) return;
    const one = alive();
    if (one) take(one);
    else if (["wall", "duty"].includes(pageName())) say(t("undo.none"));
    else return;
    event.preventDefault();
  });
})();
