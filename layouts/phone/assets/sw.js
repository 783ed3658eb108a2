/* Keeps the page itself, so that it opens without network. Never answers for anything else. */
const CACHE = "yiping-phone";
const BASE = new URL(self.location.href).pathname.replace(/\/r\/sw\.js$/, ""); // the path of a reverse proxy
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", event => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", event => {
  const url = new URL(event.request.url);
  const ours = url.origin === location.origin && (url.pathname === `${BASE}/r` || url.pathname === `${BASE}/r/places` || url.pathname.startsWith(`${BASE}/r/assets/`));
  if (event.request.method !== "GET" || !ours) return;
  event.respondWith((async () => {
    const cache = await caches.open(CACHE);
    const name = url.pathname;
    try {
      const answer = await fetch(event.request);
      if (answer.ok && !answer.redirected) await cache.put(name, answer.clone());
      return answer;
    } catch (error) {
      const kept = await cache.match(name);
      if (kept) return kept;
      throw error;
    }
  })());
});
// Web push (only where the centre has it on): what the page would tell, also when no page is open.
self.addEventListener("push", event => {
  if (!event.data) return;
  const { title, text, subject } = event.data.json();
  event.waitUntil(self.registration.showNotification(title, { body: text, tag: subject, requireInteraction: true }));
});
self.addEventListener("notificationclick", event => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow(`${BASE}/`));
});
