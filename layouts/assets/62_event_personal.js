// Personal data of an event: masked; shown on need with a reason, which is audited, and masked again after a minute.
yiping.eventPersonal = (() => {
  "use strict";
  const { t, make, show, post, act, language, everySecond, clock } = yiping;
  const SHOWN_MS = 60000;
  let revealed = null; // {event, values, until}: here alone, and for a minute

  const value = (event, field) => (revealed?.event === event ? revealed.values.get(field) : undefined);
  const form = (event, redraw) => make("form", { onsubmit: (sent) => {
    sent.preventDefault();
    const element = sent.currentTarget;
    act(element.querySelector("button"), async () => {
      const { values } = await post(`/api/v1/events/${event}/personal-data`, { reason: element.elements.reason.value });
      revealed = { event, values: new Map(values.map((one) => [one.field, one.value])), until: clock.now() + SHOWN_MS, redraw };
      redraw();
    });
  } }, make("input", { name: "reason", required: true, maxlength: 500, autocomplete: "off", placeholder: t("personal.why"), "aria-label": t("personal.why") }),
  make("button", {}, t("personal.show")));
  const left = () => t("personal.until", { n: Math.max(0, Math.ceil((revealed.until - clock.now()) / 1000)) });
  everySecond.add(() => {
    if (!revealed) return;
    if (clock.now() >= revealed.until || !document.getElementById("event-personal")) {
      const { redraw } = revealed;
      revealed = null;
      redraw();
    } else document.getElementById("event-personal-left")?.replaceChildren(left());
  });

  /** The section of the event `whole`; null where there is none. `redraw()` draws the event anew. */
  const draw = (whole, redraw) => {
    const personal = whole.personal;
    if (!personal) return null;
    if (revealed && revealed.event !== whole.id) revealed = null;
    const mine = personal.fields.some((one) => one.mine);
    return make("section", { id: "event-personal" }, make("h4", {}, t("personal.title")),
      personal.deleted_at ? make("p", { class: "dim" }, t("personal.deleted", { at: show(personal.deleted_at, "full") })) : [
        make("dl", {}, personal.fields.map((one) => {
          const known = value(whole.id, one.field);
          return make("div", { "data-field": one.field }, make("dt", {}, one[language]),
            make("dd", { class: known === undefined ? "masked" : "" }, known ?? t(one.mine || !mine ? "personal.masked" : "personal.not_yours")));
        })),
        revealed ? make("small", { id: "event-personal-left" }, left()) : mine ? form(whole.id, redraw) : make("small", {}, t("personal.not_yours")),
        make("small", {}, t("personal.delete_at", { at: show(personal.delete_at, "full") })),
      ]);
  };
  return { draw };
})();
