// Be told in this browser also when no page is open. Shown only where the centre has web push on: it goes through the
// browser maker's cloud (which cannot read it).
(() => {
  "use strict";
  const { t, make, mount, get, post, act } = yiping;
  const raw = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
  const registration = () => navigator.serviceWorker.register(yiping.at("/r/sw.js"), { scope: yiping.at("/r") });

  mount("push-slot", async (place) => {
    if (!("PushManager" in window)) return;
    const { public_key: key } = await get("/api/v1/web-push").catch(() => ({ public_key: null }));
    if (!key) return;
    const worker = await registration();
    const draw = async () => {
      const mine = await worker.pushManager.getSubscription();
      place.replaceChildren(make("button", {
        type: "button", class: "quiet", title: t("push.hint"), "aria-pressed": String(Boolean(mine)),
        onclick: (event) => act(event.currentTarget, async () => { await (mine ? stop(mine) : begin(worker, key)); await draw(); }),
      }, t(mine ? "push.on" : "push.off")));
    };
    await draw();
  });
  const begin = async (worker, key) => {
    const mine = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: raw(key) });
    const { endpoint, keys } = mine.toJSON();
    try {
      await post("/api/v1/web-push", { endpoint, p256dh: keys.p256dh, auth: keys.auth });
    } catch (error) {
      await mine.unsubscribe();
      throw error;
    }
  };
  const stop = async (mine) => {
    await post("/api/v1/web-push/forget", { endpoint: mine.endpoint });
    await mine.unsubscribe();
  };
})();
