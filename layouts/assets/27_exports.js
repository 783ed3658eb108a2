// Links to exports: a few are made at once, and whoever has to wait, or finds the line full, is told before it begins.
yiping.exports = (() => {
  "use strict";
  const { t, make, get, say } = yiping;
  /** May it begin? Says so in words where it has to wait or is refused. */
  const mayBegin = async () => {
    try {
      const line = await get("/api/v1/exports");
      if (line.own >= line.own_at_most) say(t("refused.export.own", { n: line.own }), "error");
      else if (line.running < line.at_once) return true;
      else if (line.waiting >= line.may_wait) say(t("refused.export.full", { n: line.waiting }), "error");
      else {
        say(t("export.queued", { n: line.waiting + 1 }));
        return true;
      }
    } catch (error) {
      say(error.message, "error");
    }
    return false;
  };
  /** A link that downloads an export. */
  const link = (properties, ...children) => {
    const element = make("a", { download: "", ...properties }, ...children);
    let goes = false;
    element.addEventListener("click", async (event) => {
      if (goes) { goes = false; return; }
      event.preventDefault();
      if (!(await mayBegin())) return;
      goes = true;
      element.click();
    });
    return element;
  };
  return { link };
})();
