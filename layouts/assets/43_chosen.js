// The duty page's chosen alert or task: where it stands on the four axes, what can be decided, evidence, and its trail.
yiping.dutyChosen = (() => {
  "use strict";
  const { t, make, show, mount, feed, marks, act, post, get, siteName, personName, personNames, me, axes, say, keyboard } = yiping;
  const AUDIT_ROWS = 40;
  const earlier = new Map(); // alerts that are no longer in hand, by id
  let chosen = null; // {topic: "alert" | "task", id}
  let place = null;
  let user = null;
  let form = null; // what is being decided about the chosen one
  let goBack = null; // gives the focus back to the row from which the panel was entered by keyboard

  const may = (action) => !user?.may || user.may.includes(action);
  const itemOf = ({ topic, id }) => feed[`${topic}s`].get(id) ?? (topic === "alert" ? earlier.get(id) : undefined);
  const choose = (topic, id) => {
    if (chosen?.topic !== topic || chosen.id !== id) form = null;
    chosen = { topic, id };
    yiping.claims.claim(topic === "alert" ? feed.alerts.get(id) : feed.alerts.get(itemOf(chosen)?.alert));
    draw();
  };
  const chooseEarlier = async (id) => {
    try {
      if (!feed.alerts.has(id)) earlier.set(id, await axes.whole(id));
      choose("alert", id);
    } catch (error) {
      say(error.message, "error");
    }
  };
  const button = (name, path, strong = false) => make("button", {
    type: "button", class: strong ? "strong" : "", "data-do": name,
    onclick: (event) => act(event.currentTarget, async () => { await post(path); await drawTrail(); }),
  }, t(`do.${name}`));
  const open = (name) => {
    const item = itemOf(chosen);
    form = axes.form(name, item, user, () => { form = null; draw(); });
    draw();
  };
  const buttons = (alert, task) => make("div", { class: "do" },
    alert && feed.unseen(alert) && may("acknowledge")
      && button("acknowledge", `/api/v1/alerts/${alert.id}/acknowledge`, true),
    alert && feed.canDispatch(alert) && may("dispatch") && button("dispatch", `/api/v1/alerts/${alert.id}/dispatch`),
    task?.state === "reported" && may("verify") && (user?.name === task.responder
      ? make("span", { class: "dim" }, t("verify.not_own")) : button("verify", `/api/v1/tasks/${task.id}/verify`, true)),
    task && feed.isOpenTask(task) && axes.may(user, "cancel_task") && button("cancel", `/api/v1/tasks/${task.id}/cancel`),
    alert && axes.buttons(alert, user, open));
  const draw = () => {
    if (place?.isConnected) keyboard.keepFocus(place, fill);
  };
  const fill = () => {
    const item = chosen && itemOf(chosen);
    if (!item) {
      place.replaceChildren(make("p", { class: "empty dim" }, t(chosen ? "duty.gone" : "duty.choose")));
      return;
    }
    const alert = chosen.topic === "alert" ? item : feed.alerts.get(item.alert);
    const task = chosen.topic === "task" ? item : feed.lastTask(item);
    const parts = [
      make("h3", {}, marks.mark(item.priority, alert ? !feed.unacknowledged(alert) : true),
        alert ? feed.titleOf(alert) : item.title, make("span", { class: "dim" }, `${siteName(item.site)} #${item.id}`)),
      alert && yiping.claims.line(alert),
      alert && axes.draw(alert, chooseEarlier),
      buttons(alert, task),
      form,
      make("div", { id: "duty-evidence" }),
      make("div", { class: "pictures" },
        alert && marks.closer(alert, feed.titleOf(alert)),
        alert && marks.evidence(alert, feed.titleOf(alert), { ondblclick: () => yiping.live.open(item.site) }),
        task?.report_photo && marks.picture(task.report_photo, null, task.priority, t("panel.report"))),
      yiping.live.button(item.site),
      alert && yiping.clips.of(alert),
      task?.report_text && make("p", { class: "words" }, `${personName(task.responder)}：${task.report_text}`),
      make("h4", {}, t("duty.trail")),
      make("ol", { class: "trail", id: "duty-trail" }),
    ];
    place.replaceChildren(...parts.filter(Boolean));
    drawTrail();
  };

  // ---- the trail: the alert's own steps, and those of its tasks
  const alertSteps = async (alert) => {
    const whole = await axes.whole(alert.id);
    const proofs = whole.proofs ?? [];
    document.getElementById("duty-evidence")?.replaceChildren(...(proofs.length ? axes.evidence(proofs) : []));
    return (whole.steps ?? []).map((step) => ({
      at: step.at, actor: step.by, action: step.step, subject: `alert:${alert.id}`, reason: step.reason, until: step.until, detail: step.detail,
    }));
  };
  const taskSteps = async (alert, item) => {
    const tasks = (alert ? feed.tasksOf(alert) : [item]).filter(Boolean);
    if (user && !may("read_audit")) {
      const task = chosen.topic === "task" ? item : feed.lastTask(alert);
      return task ? feed.stepsOf(alert ?? { raised_at: null }, task).filter(([name, at]) => at && name.startsWith("task."))
        .map(([name, at, who]) => ({ at, actor: who, words: t(`step.${name}`), subject: `task:${task.id}` })) : [];
    }
    const parts = await Promise.all(tasks.map((task) => get(`/api/v1/audit?subject=task:${task.id}&limit=${AUDIT_ROWS}`)));
    return parts.flatMap((part) => part.items);
  };
  const line = (entry) => make("li", {},
    make("time", { class: "dim", datetime: entry.at }, show(entry.at, "full")),
    make("b", {}, personNames(entry.actor)),
    make("span", {}, entry.words ?? t(entry.detail?.because ? `ended.${entry.detail.because}` : `audit.${entry.action}`, {}, entry.action), entry.until ? ` ${t("axis.until", { at: show(entry.until, "minute") })}` : ""),
    make("span", { class: "dim" }, entry.subject),
    entry.reason ? make("span", { class: "reason" }, entry.reason) : null,
    entry.detail?.blind_s ? make("span", { class: "reason" }, t("audit.blind", { n: Math.round(entry.detail.blind_s) })) : null);
  const drawTrail = async () => {
    const list = document.getElementById("duty-trail");
    if (!list || !chosen) return;
    const asked = chosen;
    const item = itemOf(chosen);
    const alert = chosen.topic === "alert" ? item : feed.alerts.get(item?.alert);
    try {
      const parts = await Promise.all([alert ? alertSteps(alert) : [], taskSteps(alert, item)]);
      if (asked !== chosen || !list.isConnected) return;
      const rows = parts.flat().map((entry, n) => [entry, n]).sort(([a, m], [b, n]) => b.at.localeCompare(a.at) || n - m).slice(0, AUDIT_ROWS);
      list.replaceChildren(...rows.map(([entry]) => line(entry)));
    } catch (error) {
      list.replaceChildren(make("li", { class: "dim" }, error.message));
    }
  };
  mount("duty-chosen", async (element) => {
    place = element;
    draw();
    yiping.claims.follow(() => {
      const line = place.querySelector(".claim");
      const alert = chosen?.topic === "alert" ? itemOf(chosen) : null;
      const now = alert && yiping.claims.line(alert);
      if (line) line.replaceWith(now ?? ""); else if (now) place.querySelector("h3")?.after(now);
    });
    ["alert", "task"].forEach((topic) => feed.on(topic, (ids) => {
      const item = chosen && itemOf(chosen);
      if (chosen && (!item || ids.has(item.id) || ids.has(item.alert) || ids.has(0))) draw();
    }));
    element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !goBack) return;
      goBack();
      event.preventDefault();
    });
    user = await me().catch(() => null);
    draw();
    const asked = Number(new URLSearchParams(location.search).get("alert"));
    if (asked && !chosen) chooseEarlier(asked); // the page's address names it
  });
  /** Give the panel the focus (none of its buttons: a second Enter must do nothing); Escape calls `back`. */
  const enter = (back) => { goBack = back; place?.focus(); };
  return { choose, enter };
})();
