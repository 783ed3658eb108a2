// A draft judged on what was observed in the last hours, before it is saved: which alerts would have been otherwise.
yiping.setup.trial = (() => {
  "use strict";
  const { t, make, get, post, show, duration, siteName, marks } = yiping;
  const [ASK_MS, PATIENCE_MS] = [500, 150_000];
  const SPANS = [1, 6, 24];
  const KINDS = ["new", "gone", "earlier", "later", "graver", "milder", "longer", "shorter", "same"];

  const clock = (iso) => show(iso, "full");
  const sentence = (one) => {
    const side = one.after ?? one.before;
    const values = { place: `${siteName(one.site)} · ${one.rule}${one.zone ? ` · ${one.zone}` : ""}`, by: duration(Math.abs(one.by_s ?? 0)), before: clock(one.before?.raised_at), after: clock(one.after?.raised_at),
      ended: one.after?.ended_at ? clock(one.after.ended_at) : t("what_if.open"), was: one.before?.ended_at ? clock(one.before.ended_at) : t("what_if.open"),
      priority: one.after?.priority ?? "", priority_before: one.before?.priority ?? "" };
    return make("li", { "data-what": one.what }, marks.mark(side.priority, one.what === "gone"), " ", t(`what_if.${one.what}`, values));
  };
  const remark = (text) => (/nothing is known from/.test(text) ? t("what_if.gap") : /other version|decide otherwise/.test(text) ? t("what_if.code") : /without their state/.test(text) ? t("what_if.inexact") : /not what was kept/.test(text) ? t("what_if.damaged") : text);
  const shown = (answer) => {
    const counts = KINDS.filter((kind) => answer.counts[kind]).map((kind) => t(`what_if.count.${kind}`, { n: answer.counts[kind] })).join(yiping.language === "zh" ? "，" : ", ");
    const notes = (answer.notes ?? []).map((one) => t(`what_if.note.${one.key}`, { ...one.values, site: siteName(one.values.site) }, one.text));
    const differs = KINDS.some((kind) => kind !== "same" && answer.counts[kind]);
    return [make("p", { class: "summary" }, make("b", {}, differs ? t("setup.try.counts", { counts }) : t("setup.try.same"))),
      make("ul", { class: "differences" }, answer.alerts.slice(0, 60).map(sentence)),
      make("ul", { class: "dim" }, [...new Set([...notes, ...answer.remarks.map(remark)])].map((text) => make("li", {}, text))), make("p", { class: "dim" }, t("setup.try.assumed"))];
  };
  const refused = (told) => (told.answer?.words && t(`refused.${told.answer.words.key}`, told.answer.words.values, "")) || told.error;
  /** Ask, wait, and show the answer in `place`; what is wrong in the draft is thrown as it comes, with `errors`. */
  const run = async (document, hours, place) => {
    const say = (...inside) => place.replaceChildren(...inside);
    say(make("p", { class: "dim", role: "status" }, t("setup.try.working", { n: 0 })));
    const begun = performance.now();
    const { id } = await post("/api/v1/settings/what-if", { document, hours });
    if (id === null) { say(make("p", { class: "dim", role: "status" }, t("setup.try.nothing"))); return; }
    while (place.isConnected) {
      const told = await get(`/api/v1/what-ifs/${id}`);
      if (told.state === "done") { say(...shown(told.answer)); return; }
      if (told.state === "refused") { say(make("p", { class: "wrong", role: "alert" }, refused(told))); return; }
      const n = Math.round((performance.now() - begun) / 1000);
      if (n * 1000 > PATIENCE_MS) { say(make("p", { class: "wrong", role: "alert" }, t("setup.try.long"))); return; }
      say(make("p", { class: "dim", role: "status" }, t("setup.try.working", { n })));
      await new Promise((later) => { setTimeout(later, ASK_MS); });
    }
  };
  /** For the dialog in which a draft is saved: tried at once on the last hour, and again on a longer span by choice. */
  const part = (document) => {
    const place = make("div", { class: "trial-answer", "aria-live": "polite" });
    const span = make("select", { "aria-label": t("setup.try.span") }, SPANS.map((n) => make("option", { value: n }, t("setup.try.hours", { n }))));
    const again = make("button", { type: "button", "data-do": "try-again" }, t("setup.do.try_again"));
    const go = async () => {
      again.disabled = true;
      try { await run(document, Number(span.value), place); } catch (error) { place.replaceChildren(make("p", { class: "wrong", role: "alert" }, error.message)); } finally { again.disabled = false; }
    };
    again.addEventListener("click", go);
    span.addEventListener("change", go);
    return Object.assign(make("section", { class: "trial" }, make("div", { class: "do" }, make("h3", {}, t("setup.try")), span, again), place), { go });
  };

  return { run, part };
})();
