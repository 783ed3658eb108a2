/* The login's passkey button: with the password done before, or instead of name and password. */
(() => {
"use strict";
const button = /** @type {HTMLButtonElement | null} */ (document.getElementById("passkey")), failed = document.getElementById("passkey-failed");
if (!button || !window.PublicKeyCredential || !PublicKeyCredential.parseRequestOptionsFromJSON) return;
button.hidden = false;
const base = button.dataset.base; /* the path of a reverse proxy, where there is one */
const post = async (path, given) => {
  const answer = await fetch(base + path, {method: "POST", credentials: "same-origin", headers: {"Content-Type": "application/json"}, body: JSON.stringify(given)});
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
};
button.addEventListener("click", async () => {
  button.disabled = true;
  failed.hidden = true;
  try {
    const options = await post("/login/passkey/options", {});
    const credential = await navigator.credentials.get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options)});
    const {go} = await post("/login/passkey", {credential: /** @type {PublicKeyCredential} */ (credential).toJSON(), next: button.dataset.next});
    location.assign(base && go.startsWith(`${base}/`) ? go : base + go);
  } catch {
    failed.textContent = button.dataset.failed;
    failed.hidden = false;
  } finally { button.disabled = false; }
});
})();
