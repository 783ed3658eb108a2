// The duty page: rows go straight into AG Grid by asynchronous transactions; the chosen row shows its trail.
(() => {
  "use strict";
  const { t, make, since, show, mount, feed, marks, act, post, get, siteName, personName, me, ageSeconds, ago, duration,
    everySecond } = yiping;
  const URGENCY = ["firing", "returned", "acknowledged", "closed"];
  const STALE_S = 300;
  const AUDIT_ROWS = 40;
  let chosen = null; // {topic: "alert" | "task", id}

  // ---- functions that the column definitions name
  window.dashAgGridFunctions = Object.assign(window.dashAgGridFunctions ?? {}, {
    yipingTime: (iso) => show(iso, "full"),
    yipingLasting: (iso) => (iso ? duration(ageSeconds(iso)) : ""),
    yipingByUrgency: (a, b, rowA, rowB) => URGENCY.indexOf(rowA?.data?.sign) - URGENCY.indexOf(rowB?.data?.sign),
  });
  window.dashAgGridComponentFunctions = Object.assign(window.dashAgGridComponentFunctions ?? {}, {
    yipingMark: ({ value, data }) => window.React.createElement("span", {
      ref: (place) => place?.replaceChildren(marks.mark(value, data.settled)),
    }),
  });

  const lastTask = (alert) => feed.tasksOf(alert).filter((task) => task.state !== "cancelled").sort((a, b) => b.id - a.id)[0];
  const stepOf = (task) => {
    const who = personName(task?.responder ?? task?.offered_to);
    return task ? `${t(`task.${task.state}`)}${who ? ` · ${who}` : ""}` : "";
  };
  const alertRow = (alert) => ({
    key: String(alert.id), id: alert.id, priority: alert.priority, what: feed.titleOf(alert), site: siteName(alert.site),
    started: alert.started_at, lasting: alert.ended_at ? null : alert.started_at, sign: alert.state,
    state: t(`state.short.${alert.state}`), settled: !feed.unacknowledged(alert),
    acknowledged_by: personName(alert.acknowledged_by), step: stepOf(lastTask(alert)),
  });
  const taskRow = (task) => ({
    key: String(task.id), id: task.id, priority: task.priority, title: task.title, site: siteName(task.site), state: t(`task.${task.state}`),
    who: personName(task.responder ?? task.offered_to), started: task.created_at, lasting: task.created_at,
    created_by: personName(task.created_by), settled: task.state !== "reported",
  });

  /** Keep a grid's rows equal to wanted(), by the smallest transaction. */
  const keepRows = async (gridId, topic, wanted, row) => {
    const api = await window.dash_ag_grid.getApiAsync(gridId);
    const shown = new Map(); // id -> JSON of the row
    const update = () => {
      if (api.isDestroyed()) return;
      const add = [], change = [], remove = [];
      const now = new Map(wanted().map((item) => [String(item.id), row(item)]));
      for (const [id, data] of now) {
        const text = JSON.stringify(data);
        if (!shown.has(id)) add.push(data);
        else if (shown.get(id) !== text) change.push(data);
        shown.set(id, text);
      }
      for (const id of shown.keys()) if (!now.has(id)) { remove.push({ key: id }); shown.delete(id); }
      if (add.length || change.length || remove.length) api.applyTransactionAsync({ add, update: change, remove });
    };
    ["alert", "task"].forEach((one) => feed.on(one, update));
    everySecond.add(() => !api.isDestroyed() && api.refreshCells({ columns: ["lasting"], force: true }));
    api.addEventListener("selectionChanged", () => {
      const [selected] = api.getSelectedRows();
      if (selected) choose(topic, selected.id, gridId);
    });
    update();
  };
  const choose = (topic, id, gridId) => {
    chosen = { topic, id };
    for (const other of ["duty-alerts", "duty-tasks"])
      if (other !== gridId) window.dash_ag_grid.getApi(other)?.deselectAll();
    drawChosen();
  };
  const openTasks = () => [...feed.tasks.values()].filter(feed.isOpenTask);

  // ---- the chosen one
  let place = null;
  let user = null;
  const may = (action) => !user?.may || user.may.includes(action);
  const button = (name, path, strong = false) => make("button", {
    type: "button", class: strong ? "strong" : "", "data-do": name,
    onclick: (event) => act(event.currentTarget, async () => { await post(path); await drawTrail(); }),
  }, t(`do.${name}`));
  const buttons = (alert, task) => make("div", { class: "do" },
    alert && feed.unacknowledged(alert) && may("acknowledge")
      && button("acknowledge", `/api/v1/alerts/${alert.id}/acknowledge`, true),
    alert && feed.canDispatch(alert) && may("dispatch") && button("dispatch", `/api/v1/alerts/${alert.id}/dispatch`),
    task?.state === "reported" && may("verify") && (user?.name === task.responder
      ? make("span", { class: "dim" }, t("verify.not_own")) : button("verify", `/api/v1/tasks/${task.id}/verify`, true)),
    task && feed.isOpenTask(task) && user?.may?.includes("cancel_task") && button("cancel", `/api/v1/tasks/${task.id}/cancel`));
  const drawChosen = () => {
    if (!place?.isConnected) return;
    const item = chosen && feed[`${chosen.topic}s`].get(chosen.id);
    if (!item) {
      place.replaceChildren(make("p", { class: "empty dim" }, t("duty.choose")));
      return;
    }
    const alert = chosen.topic === "alert" ? item : feed.alerts.get(item.alert);
    const task = chosen.topic === "task" ? item : lastTask(item);
    const parts = [
      make("h3", {}, marks.mark(item.priority, alert ? !feed.unacknowledged(alert) : true),
        alert ? feed.titleOf(alert) : item.title, make("span", { class: "dim" }, siteName(item.site))),
      make("div", { class: "pictures" },
        alert && marks.evidence(alert, feed.titleOf(alert)),
        task?.report_photo && marks.picture(task.report_photo, null, task.priority, t("panel.report"))),
      task?.report_text && make("p", { class: "words" }, `${personName(task.responder)}：${task.report_text}`),
      buttons(alert, task),
      make("h4", {}, t("duty.trail")),
      make("ol", { class: "trail", id: "duty-trail" }),
    ];
    place.replaceChildren(...parts.filter(Boolean));
    drawTrail();
  };
  const drawTrail = async () => {
    const list = document.getElementById("duty-trail");
    if (!list || !chosen) return;
    const asked = chosen;
    if (user && !may("read_audit")) return drawSteps(list);
    const item = feed[`${chosen.topic}s`].get(chosen.id);
    const alert = chosen.topic === "alert" ? item : feed.alerts.get(item?.alert);
    const subjects = [alert && `alert:${alert.id}`, ...(alert ? feed.tasksOf(alert) : [item]).filter(Boolean)
      .map((one) => (one.version !== undefined && one.event !== undefined && one.title ? `task:${one.id}` : null))].filter(Boolean);
    try {
      const parts = await Promise.all(subjects.map((subject) => get(`/api/v1/audit?subject=${subject}&limit=${AUDIT_ROWS}`)));
      if (asked !== chosen || !list.isConnected) return;
      const rows = parts.flatMap((part) => part.items).sort((a, b) => b.seq - a.seq).slice(0, AUDIT_ROWS);
      list.replaceChildren(...rows.map((entry) => make("li", {},
        make("time", { class: "dim", datetime: entry.at }, show(entry.at, "full")),
        make("b", {}, personName(entry.actor)),
        make("span", {}, t(`audit.${entry.action}`, {}, entry.action)),
        make("span", { class: "dim" }, entry.subject),
        entry.detail?.blind_s ? make("span", { class: "dim" }, t("audit.blind", { n: Math.round(entry.detail.blind_s) })) : null)));
    } catch (error) {
      list.replaceChildren(make("li", { class: "dim" }, error.message));
    }
  };
  /** For those who may not read the audit trail: the steps as alert and task have them. */
  const drawSteps = (list) => {
    const item = feed[`${chosen.topic}s`].get(chosen.id);
    const alert = chosen.topic === "alert" ? item : feed.alerts.get(item?.alert);
    const task = chosen.topic === "task" ? item : item && lastTask(item);
    const steps = alert ? feed.stepsOf(alert, task).filter(([, at]) => at) : [];
    list.replaceChildren(...steps.reverse().map(([name, at, who]) => make("li", {},
      make("time", { class: "dim", datetime: at }, show(at, "full")), make("b", {}, personName(who)), make("span", {}, t(`step.${name}`)))));
  };
  mount("duty-chosen", async (element) => {
    place = element;
    drawChosen();
    ["alert", "task"].forEach((topic) => feed.on(topic, (ids) => {
      const item = chosen && feed[`${chosen.topic}s`].get(chosen.id);
      if (item && (ids.has(item.id) || ids.has(item.alert) || ids.has(0))) drawChosen();
    }));
    user = await me().catch(() => null);
    drawChosen();
  });

  // ---- people on shift
  mount("duty-people", (list) => {
    const counts = document.getElementById("duty-people-counts");
    const draw = () => {
      if (!list.isConnected) return;
      const held = new Map(openTasks().map((task) => [task.responder ?? task.offered_to, task]));
      const people = [...feed.responders.values()].filter((one) => one.on_shift);
      people.sort((a, b) => held.has(b.id) - held.has(a.id) || a.team.localeCompare(b.team) || a.name.localeCompare(b.name));
      list.replaceChildren(...people.map((one) => {
        const task = held.get(one.id);
        const stale = !one.position_at || ageSeconds(one.position_at) > STALE_S;
        return make("li", { class: `${task ? "busy" : ""}${stale ? " stale" : ""}`, "data-person": one.id },
          make("b", {}, one.name), make("span", { class: "dim" }, one.team),
          make("span", {}, task ? `${t(`task.${task.state}`)} · ${siteName(task.site)}` : t("person.free")),
          one.position_at ? since(one.position_at, "ago", { class: "dim" }) : make("span", { class: "dim" }, t("person.no_position")));
      }));
      counts?.replaceChildren(make("span", { class: "dim" }, t("duty.people_counts", { n: people.length, busy: held.size })));
    };
    let waiting = null; // positions come many a second; the list is redrawn once
    const soon = () => { waiting ??= setTimeout(() => { waiting = null; draw(); }, 400); };
    ["responder", "task"].forEach((topic) => feed.on(topic, soon));
    draw();
  });

  const count = (id, text) => {
    const element = document.getElementById(id);
    if (element && element.textContent !== text) element.textContent = text;
  };
  mount("duty-alerts", () => {
    keepRows("duty-alerts", "alert", feed.inHand, alertRow);
    feed.on("alert", () => count("duty-alert-counts", t("alerts.unacknowledged", { n: feed.inHand().filter(feed.unacknowledged).length })));
  });
  mount("duty-tasks", () => {
    keepRows("duty-tasks", "task", openTasks, taskRow);
    feed.on("task", () => count("duty-task-counts", t("duty.to_verify", { n: openTasks().filter((one) => one.state === "reported").length })));
  });
})();
