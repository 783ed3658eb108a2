// The banner that says why nothing can be stored just now, and what to do about it.
(() => {
  "use strict";
  const { t, make, mount, show, feed } = yiping;
  let news = { state: "ok", since: null, free_mib: null };
  let place = null;
  const draw = () => {
    if (!place?.isConnected) return;
    place.hidden = news.state === "ok";
    place.dataset.state = news.state;
    if (place.hidden) return place.replaceChildren();
    const free = news.free_mib === null ? "" : t("store.free", { n: news.free_mib });
    return place.replaceChildren(
      make("b", {}, t(`store.${news.state}`)), make("span", {}, t(`store.${news.state}.do`)),
      make("span", { class: "dim" }, `${t("store.since", { at: show(news.since, "full") })} ${free}`),
    );
  };
  feed.hear("store", (said) => { news = said; draw(); });
  mount("store-banner", (element) => { place = element; draw(); });
})();
