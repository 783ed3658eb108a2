// The duty page: rows go straight into AG Grid by asynchronous transactions; the chosen row shows its trail.
(() => {
  "use strict";
  const { t, make, since, show, mount, feed, marks, siteName, personName, ageSeconds, duration, everySecond, axes, say, keyboard } = yiping;
  const URGENCY = ["firing", "returned", "acknowledged", "quiet", "closed"];
  const STALE_S = 300;
  const MOVE_MS = 150;

  // ---- functions that the column definitions name
  window.dashAgGridFunctions = Object.assign(window.dashAgGridFunctions ?? {}, {
    yipingTime: (iso) => show(iso, "full"),
    yipingLasting: (iso) => (iso ? duration(ageSeconds(iso)) : ""),
    yipingByUrgency: (_a, _b, rowA, rowB) => URGENCY.indexOf(rowA?.data?.sign) - URGENCY.indexOf(rowB?.data?.sign),
  });
  window.dashAgGridComponentFunctions = Object.assign(window.dashAgGridComponentFunctions ?? {}, {
    yipingMark: ({ value, data }) => window.React.createElement("span", {
      ref: (place) => place?.replaceChildren(marks.mark(value, data.settled)),
    }),
  });

  const stepOf = (task) => {
    const who = feed.holderNames(task);
    return task ? `${t(`task.${task.state}`)}${who ? ` · ${who}` : ""}` : "";
  };
  const conditionOf = (alert) => [
    `${alert.condition === "stale" ? "⚠ " : ""}${t(`condition.${alert.condition}`)}`,
    alert.occurrence > 1 && `×${alert.occurrence}`, alert.latched_since && "⚠",
  ].filter(Boolean).join(" ");
  const quietOf = (alert) => axes.held(alert).map(([name]) => `❚❚ ${t(`suppression.${name}`)}`).join(" ");
  const alertRow = (alert) => ({
    key: String(alert.id), id: alert.id, priority: alert.priority, what: feed.titleOf(alert), site: siteName(alert.site),
    started: alert.started_at, lasting: alert.ended_at ? null : alert.active_since, sign: feed.isQuiet(alert) ? "quiet" : alert.state,
    state: t(`state.short.${alert.state}`), settled: !feed.unacknowledged(alert), condition: conditionOf(alert),
    suppression: quietOf(alert), verification: t(`verification.${alert.verification}`),
    acknowledged_by: personName(alert.acknowledged_by), step: stepOf(feed.lastTask(alert)),
  });
  const taskRow = (task) => ({
    key: String(task.id), id: task.id, priority: task.priority, title: task.title, site: siteName(task.site), state: t(`task.${task.state}`),
    who: feed.holderNames(task), started: task.created_at, lasting: task.created_at,
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
    useKeys(gridId, api, topic);
    // Columns are set in pixels for letters of 16; on larger screens they grow with them.
    const widths = new Map(api.getColumns().map((column) => [column.getColId(), column.getActualWidth()]));
    let scale = 1;
    const widen = () => {
      if (api.isDestroyed()) return;
      const wanted = Math.max(1, parseFloat(getComputedStyle(document.documentElement).fontSize) / 16);
      if (Math.abs(wanted - scale) < 0.01) return; // what somebody has drawn wider stays so
      scale = wanted;
      api.setColumnWidths([...widths].map(([key, width]) => ({ key, newWidth: Math.round(width * scale) })));
    };
    addEventListener("resize", widen);
    widen();
    update();
  };
  /**
   * Tab goes through the page, not through the cells: arrow keys reach the rows, Enter opens the one with the focus.
   * AG Grid keeps the focus by the row's number, so that an alert sorted in above would get it: here it follows the row
   * that the person moved to, and where that has left the table, Enter does nothing and says so.
   */
  const useKeys = (gridId, api, topic) => {
    const grid = document.getElementById(gridId);
    let entered = null; // id of the row that the person moved to
    let moving = null; // a timer while a key or a click of the person may still move the focus
    const rowOf = (element) => api.getRowNode(element.closest(".ag-row")?.getAttribute("row-id") ?? "");
    const stopMoving = () => { clearTimeout(moving); moving = null; };
    const startMoving = () => { stopMoving(); moving = setTimeout(stopMoving, MOVE_MS); };
    const focusRow = (row, column = "priority") => {
      entered = row.id;
      api.ensureNodeVisible(row);
      api.setFocusedCell(row.rowIndex, column);
    };
    const follow = () => {
      const row = entered === null ? null : api.getRowNode(entered);
      const focused = rowOf(document.activeElement);
      if (grid.contains(document.activeElement) && focused && row && row.rowIndex !== null && focused !== row)
        focusRow(row, api.getFocusedCell()?.column ?? "priority");
    };
    const open = (row) => {
      row.setSelected(true, true);
      choose(topic, row.data.id, gridId);
      yiping.dutyChosen.enter(() => {
        if (row.displayed) focusRow(row);
        else grid.querySelector(".ag-header-cell")?.focus();
      });
    };
    api.setGridOption("focusGridInnerElement", () => {
      const row = api.getSelectedNodes().find((one) => one.displayed) ?? api.getDisplayedRowAtIndex(0);
      if (row) focusRow(row);
      return Boolean(row);
    });
    api.addEventListener("modelUpdated", stopMoving);
    grid.addEventListener("pointerdown", startMoving, true);
    grid.addEventListener("focusin", (event) => {
      if (moving === null) { setTimeout(follow); return; } // a cell may get the focus before it is part of its row
      const row = rowOf(event.target);
      if (!row) return;
      entered = row.id;
      stopMoving();
    });
    grid.addEventListener("keydown", (event) => {
      if (/** @type {Element} */ (event.target).closest(".ag-popup") || event.ctrlKey || event.metaKey || event.altKey) return;
      const row = rowOf(event.target);
      if (event.key === "Tab") {
        if (!keyboard.leave(grid, event.shiftKey)) return;
      } else if (row && (event.key === "Enter" || event.key === " ")) {
        if (row.id === entered) open(row);
        else say(t("duty.row_gone"));
      } else {
        // Where the person's row is gone, an arrow key accepts the one that has the focus: at the end there is no other.
        if (row && event.key.startsWith("Arrow") && !api.getRowNode(entered ?? "")) entered = row.id;
        return startMoving();
      }
      event.preventDefault();
      event.stopPropagation();
    }, true);
  };
  const choose = (topic, id, gridId) => {
    for (const other of ["duty-alerts", "duty-tasks"])
      if (other !== gridId) window.dash_ag_grid.getApi(other)?.deselectAll();
    yiping.dutyChosen.choose(topic, id);
  };
  const openTasks = () => [...feed.tasks.values()].filter(feed.isOpenTask);

  // ---- people on shift
  mount("duty-people", (list) => {
    const counts = document.getElementById("duty-people-counts");
    const draw = () => {
      if (!list.isConnected) return;
      const held = new Map(openTasks().flatMap((task) => feed.holdersOf(task).map((who) => [who, task])));
      const people = [...feed.responders.values()].filter((one) => one.on_shift);
      people.sort((a, b) => Number(held.has(b.id)) - Number(held.has(a.id)) || a.team.localeCompare(b.team) || a.name.localeCompare(b.name));
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
