// The page of notices: newest first, call-outs without an answer before them; kept current by the events socket.
(() => {
  "use strict";
  const { t, make, since, mount, feed, marks, act, post, get, personName, me } = yiping;
  const MOST = 200;
  const kept = new Map();
  let place = null;
  let user = null;
  let at = null;

  const open = (notice) => notice.wants_answer && ["waiting", "delivered"].includes(notice.state);
  const order = (a, b) => Number(open(b)) - Number(open(a)) || b.id - a.id;
  const bad = (notice) => notice.state === "failed" || open(notice);
  const sign = (notice) => ({ waiting: "…", delivered: "✓", answered: "✓✓", stopped: "–", failed: "✗" })[notice.state];
  const result = (notice) => {
    if (notice.answered_by) return t("notices.answered_by", { who: personName(notice.answered_by), text: notice.answer });
    const tries = notice.attempts > 1 ? t("notices.attempts", { n: notice.attempts }) : "";
    return [notice.error || notice.result, tries].filter(Boolean).join(" · ");
  };
  const answerButton = (notice) => open(notice) && (!user?.may || user.may.includes("acknowledge"))
    && make("button", {
      type: "button", class: "strong", "data-do": "answer",
      onclick: (event) => act(event.currentTarget, () => post(`/api/v1/notices/${notice.id}/answer`, { text: "" })),
    }, t("notices.answer"));
  const row = (notice) => make("tr", { "data-notice": notice.id, "data-state": notice.state, class: bad(notice) ? "bad" : "" },
    make("td", {}, since(notice.created_at)),
    make("td", {}, make("span", { class: "sign", "aria-hidden": true }, sign(notice)), t(`notice.${notice.state}`),
      open(notice) ? ` · ${t("notices.unanswered")}` : ""),
    make("td", {}, notice.channel),
    make("td", {}, notice.recipients.join(" ")),
    make("td", {}, marks.mark(notice.priority, !bad(notice)), notice.title, make("small", {}, notice.text)),
    make("td", {}, result(notice)),
    make("td", {}, answerButton(notice)));
  const head = () => make("tr", {},
    ["at", "state", "channel", "to", "what", "result"].map((name) => make("th", { scope: "col" }, t(`notices.${name}`))), make("th"));
  const draw = () => {
    if (!place?.isConnected) return;
    const rows = [...kept.values()].sort(order).slice(0, MOST);
    place.replaceChildren(rows.length
      ? make("table", {}, make("thead", {}, head()), make("tbody", {}, rows.map(row)))
      : make("p", { class: "empty dim" }, t("notices.nothing")));
    document.getElementById("notices-age")?.replaceChildren(since(at ?? feed.link.dataAt));
  };
  const load = async () => {
    const found = await get(`/api/v1/notices?limit=${MOST}`);
    kept.clear();
    for (const notice of found.items) kept.set(notice.id, notice);
    draw();
  };

  feed.hear("notice", ({ notice }) => { kept.set(notice.id, notice); if (kept.size > 2 * MOST) kept.delete([...kept.keys()].sort((a, b) => a - b)[0]); draw(); });
  feed.hear("reset", () => place?.isConnected && load().catch((error) => yiping.say(error.message, "error")));
  yiping.everySecond.add(() => {
    if (place?.isConnected && feed.link.dataAt !== at) document.getElementById("notices-age")?.replaceChildren(since(at = feed.link.dataAt));
  });
  mount("notices", (element) => {
    place = element;
    feed.start();
    me().then((who) => { user = who; draw(); }).catch(() => {});
    if (feed.link.state === "live") load().catch((error) => yiping.say(error.message, "error"));
  });
})();
