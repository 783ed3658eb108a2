/* One's own account, the administrators' users, and setting a password by a one-time code. All by the REST API. */
(() => {
"use strict";
const body = document.body, words = JSON.parse(body.dataset.words), main = document.getElementById("main");
const base = body.dataset.base; /* the path of a reverse proxy, where there is one */
const page = body.dataset.page, SOON_MS = 14 * 86400e3;
const t = (key, values = {}) => (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
const make = (tag, attributes = {}, ...inside) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...inside.filter(one => one !== null && one !== undefined));
  return element;
};
const shown = new Intl.DateTimeFormat(document.documentElement.lang, {
  timeZone: body.dataset.timezone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hour12: false,
});
const moment = text => text ? shown.format(new Date(text)) : "";
const cookie = name => (document.cookie.split("; ").find(c => c.startsWith(name + "=")) || "").slice(name.length + 1);

/* --- talking to the server */
class Refused extends Error {}
const ask = async (method, path, given) => {
  let answer;
  try {
    answer = await fetch(base + "/api/v1" + path, {
      method, cache: "no-store", credentials: "same-origin",
      headers: {"Content-Type": "application/json", "X-CSRF-Token": decodeURIComponent(cookie((document.body.dataset.cookies || "") + "yiping_csrf"))},
      body: given === undefined ? undefined : JSON.stringify(given),
    });
  } catch { throw new Refused(t("refused.network")); }
  const told = await answer.json().catch(() => ({}));
  if (answer.ok) return told;
  const reason = `refused.${told.reason}`, status = `refused.${answer.status}`;
  if (told.reason && words[reason]) throw new Refused(t(reason));
  if (answer.status === 401 && page !== "reset" && page !== "screen") { location.assign(`${base}/login?next=${location.pathname}`); }
  const generic = words[status] && t(status, {n: answer.headers.get("Retry-After") || "60"});
  throw new Refused(generic && answer.status !== 404 ? generic : [generic, told.detail].filter(Boolean).join(" · ") || String(answer.status));
};
const say = text => {
  const line = make("p", {}, text);
  document.getElementById("told").append(line);
  setTimeout(() => line.remove(), 6000);
};
const act = async (button, place, work) => {
  button.disabled = true;
  place.textContent = "";
  try { await work(); } catch (error) {
    if (!(error instanceof Refused)) throw error;
    place.textContent = error.message;
    place.scrollIntoView({block: "nearest"});
  } finally { button.disabled = false; }
};
const refusals = () => make("p", {class: "refused", role: "alert"});

/* --- parts */
const field = (label, attributes) => {
  const input = make("input", {required: true, ...attributes});
  return [make("label", {}, t(label), input), input];
};
const form = (button, fields, work, attributes = {}) => {
  const place = refusals(), go = make("button", {class: "strong"}, t(button));
  const made = make("form", attributes, ...fields, place, make("div", {class: "buttons"}, go));
  made.addEventListener("submit", event => { event.preventDefault(); act(go, place, () => work(made)); });
  return made;
};
/** @returns {[any, () => string]} the fields, and what they hold */
const newPasswords = () => {
  const [one, first] = field("new_password", {type: "password", autocomplete: "new-password", name: "new"});
  const [two, second] = field("again", {type: "password", autocomplete: "new-password", name: "again"});
  const value = () => {
    if (first.value !== second.value) throw new Refused(t("differs"));
    return first.value;
  };
  return [[one, two], value];
};
const section = (title, ...inside) => make("section", {}, make("h2", {}, t(title)), ...inside);
const sessionTable = (sessions, end) => make("div", {class: "wide"}, make("table", {},
  make("thead", {}, make("tr", {}, ...["", "since", "used", "until", "origin", ""].map(key => make("th", {}, key && t(key))))),
  make("tbody", {}, ...sessions.map(one => {
    const place = refusals();
    const button = make("button", {class: "small", type: "button"}, t("end"));
    button.addEventListener("click", () => act(button, place, () => end(one)));
    const soon = one.expires_at && one.kind === "token" && Date.parse(one.expires_at) - Date.now() < SOON_MS;
    return make("tr", {"data-id": one.id},
      make("td", {}, t(`kind.${one.kind}`), " ", one.current ? make("span", {class: "mark"}, t("this_one")) : null),
      make("td", {}, moment(one.created_at)),
      make("td", {}, moment(one.used_at) || t("unknown_use")),
      make("td", {}, one.expires_at ? moment(one.expires_at) : t("never"), " ", soon ? make("span", {class: "mark warn"}, t("soon")) : null),
      make("td", {}, [one.label, one.address].filter(Boolean).join(" · "), make("div", {class: "agent"}, one.agent), place),
      make("td", {class: "steps"}, one.current ? "" : button));
  }))));
const dialog = (title, ...inside) => {
  const close = make("button", {type: "button", class: "quiet"}, t("close"));
  const box = make("dialog", {"aria-label": title}, make("h2", {}, title), ...inside, make("div", {class: "buttons"}, close));
  close.addEventListener("click", () => box.close());
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
  return box;
};
const secret = (title, text) => {
  const copy = make("button", {type: "button"}, t("copy"));
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text).then(() => { copy.textContent = t("copied"); }, () => {});
  });
  dialog(title, make("div", {class: "secret"}, make("code", {id: "secret"}, text), make("div", {class: "buttons"}, copy)));
};

/* --- one's own account */
const ownPassword = account => {
  if (!account.has_password) return section("own_password", make("p", {}, t("no_password")));
  const [now, present] = field("current_password", {type: "password", autocomplete: "current-password", name: "current"});
  const [fields, fresh] = newPasswords();
  return section("own_password", make("p", {class: "dim"}, t("password_rule")), form("change_password", [now, ...fields], async made => {
    const {ended} = await ask("POST", "/account/password", {current: present.value, new: fresh()});
    made.reset();
    say(t("password_changed", {n: ended}));
    await drawAccount();
  }, {id: "password"}));
};
const ownSessions = account => {
  const place = refusals(), others = make("button", {type: "button", id: "end-others"}, t("end_others"));
  const end = async id => {
    const {ended} = await ask("POST", "/account/end-session", {id});
    say(t("ended", {n: ended}));
    await drawAccount();
  };
  others.addEventListener("click", () => act(others, place, () => end("others")));
  return section("sessions", make("p", {class: "dim"}, t("sessions_hint")), sessionTable(account.sessions, one => end(one.id)), place,
    make("div", {class: "buttons"}, others));
};
/* --- second factor */
const askPassword = title => new Promise(done => {
  const [now, present] = field("ask_password", {type: "password", autocomplete: "current-password", name: "password"});
  let given = null;
  const box = dialog(title, form("go_on", [now], async () => { given = present.value; box.close(); }));
  box.addEventListener("close", () => done(given));
  present.focus();
});
const showCodes = codes => codes.length && dialog(t("recovery"), make("p", {}, t("recovery_hint")),
  make("ul", {class: "codes"}, ...codes.map(code => make("li", {}, code))));
const added = async ({recovery_codes}) => {
  say(t("factor_added"));
  await drawAccount();
  showCodes(recovery_codes);
};
const addTotp = async () => {
  const password = await askPassword(t("add_totp"));
  if (password === null) return;
  const {qr, secret: key, setup} = await ask("POST", "/account/totp", {password});
  const [label, labelOf] = field("factor_label", {maxlength: 100, required: false, name: "label"});
  const [code, codeOf] = field("six_digits", {inputmode: "numeric", autocomplete: "one-time-code", maxlength: 10, name: "code"});
  const box = dialog(t("add_totp"), make("p", {}, t("scan")), make("img", {class: "qr", src: qr, alt: ""}), make("p", {}, make("code", {id: "totp-key"}, key)),
    form("confirm", [label, code], async () => {
      const done = await ask("POST", "/account/totp/confirm", {setup, code: codeOf.value, label: labelOf.value.trim()});
      box.close();
      await added(done);
    }));
};
const addPasskey = async () => {
  const password = await askPassword(t("add_passkey"));
  if (password === null) return;
  const options = await ask("POST", "/account/passkeys/options", {password});
  let credential;
  try { credential = await navigator.credentials.create({publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options)}); }
  catch { throw new Refused(t("refused.factor")); }
  const label = navigator.userAgentData?.platform || navigator.platform || "";
  await added(await ask("POST", "/account/passkeys", {credential: /** @type {PublicKeyCredential} */ (credential).toJSON(), label}));
};
const secondFactor = account => {
  const {factors, recovery_left, passkeys_possible} = account.second_factor, place = refusals();
  if (!account.has_password) return section("second_factor", make("p", {}, t("second_from_provider")));
  const button = (key, work) => {
    const made = make("button", {type: "button", "data-step": key}, t(key));
    made.addEventListener("click", () => act(made, place, work));
    return made;
  };
  const withPassword = async (title, path, more = {}) => {
    const password = await askPassword(title);
    return password === null ? null : ask("POST", path, {password, ...more});
  };
  const rows = factors.map(one => make("tr", {}, make("td", {}, t(`kind.${one.kind}`)), make("td", {}, one.label),
    make("td", {}, moment(one.created_at)), make("td", {}, moment(one.used_at) || t("unknown_use")),
    make("td", {class: "steps"}, button("remove", async () => {
      if (await withPassword(t("remove"), "/account/remove-factor", {id: one.id})) await drawAccount();
    }))));
  const passkeys = passkeys_possible && window.PublicKeyCredential && PublicKeyCredential.parseCreationOptionsFromJSON;
  return section("second_factor", make("p", {class: "dim"}, t("second_hint")),
    account.must_enrol ? make("p", {class: "refused", role: "alert"}, t("second_required")) : null,
    rows.length ? make("div", {class: "wide"}, make("table", {}, make("tbody", {}, ...rows))) : null,
    rows.length ? make("p", {}, t("recovery_left", {n: recovery_left})) : null, place,
    make("div", {class: "buttons"}, button("add_totp", addTotp), passkeys ? button("add_passkey", addPasskey) : null,
      rows.length ? button("recovery_new", async () => {
        const made = await withPassword(t("recovery_new"), "/account/recovery-codes");
        if (made) { await drawAccount(); showCodes(made.recovery_codes); }
      }) : null),
    passkeys ? null : make("p", {class: "dim"}, t("no_passkeys_here")));
};
const parts = [secondFactor, ownPassword, ownSessions];
const drawAccount = async () => {
  const account = await ask("GET", "/account");
  const who = make("p", {}, make("b", {}, account.display_name || account.name), ` · ${account.name} · ${words[`role.${account.role}`]}`);
  main.replaceChildren(who, ...parts.map(part => part(account)));
};

/* --- users, for administrators */
const roles = (kept = "") => make("select", {name: "role"}, ...Object.keys(words).filter(key => key.startsWith("role.")
  && (key !== "role.wall" || kept === "wall")).map(
  key => make("option", {value: key.slice(5)}, words[key])));
const at = name => `/users/${encodeURIComponent(name)}`;
const link = code => `${location.origin}${base}/reset#${code}`;
const addUser = () => {
  const [name, nameOf] = field("user_name", {name: "name", maxlength: 64, autocomplete: "off"});
  const [display, displayOf] = field("display_name", {name: "display_name", maxlength: 200, required: false, autocomplete: "off"});
  const role = roles();
  return section("add_user", form("add_user", [name, display, make("label", {}, t("role"), role)], async made => {
    const added = await ask("POST", "/users", {name: nameOf.value.trim(), display_name: displayOf.value.trim(), role: role.value});
    made.reset();
    await drawUsers();
    if (added.code) secret(t("code_is", {name: added.name}), link(added.code));
  }, {class: "row", id: "add-user"}));
};
/* A screen on a wall: the same name enrols it anew, and its former browser shows nothing any more. */
const addScreen = () => {
  const [name, nameOf] = field("screen_name", {name: "screen", maxlength: 64, autocomplete: "off"});
  const [display, displayOf] = field("screen_place", {name: "place", maxlength: 200, required: false, autocomplete: "off"});
  return section("add_screen", make("p", {class: "dim"}, t("add_screen_hint", {address: `${location.host}${base}/screen`})),
    form("add_screen", [name, display], async made => {
      const {name: screen, code} = await ask("POST", "/screens", {name: nameOf.value.trim(), display_name: displayOf.value.trim()});
      made.reset();
      await drawUsers();
      secret(t("screen_code_is", {name: screen, address: `${location.host}${base}/screen`}), code);
    }, {class: "row", id: "add-screen"}));
};
const editUser = user => {
  const [display, displayOf] = field("display_name", {value: user.display_name, maxlength: 200, required: false});
  const role = roles(user.role);
  role.value = user.role;
  const box = dialog(user.name, form("save", [display, make("label", {}, t("role"), role)], async () => {
    if (role.value !== user.role && !confirm(t("sure_role", {name: user.name}))) return;
    await ask("PUT", at(user.name), {role: role.value, display_name: displayOf.value.trim()});
    box.close();
    await drawUsers();
  }));
};
const userSessions = async user => {
  const list = make("div");
  const [label, labelOf] = field("token_label", {maxlength: 200});
  const [days, daysOf] = field("token_days", {type: "number", min: 1, max: 3650, value: 365, required: false});
  const draw = async () => {
    const {items} = await ask("GET", `${at(user.name)}/sessions`);
    list.replaceChildren(sessionTable(items, async one => {
      await ask("POST", `${at(user.name)}/end-session`, {id: one.id});
      await draw();
    }));
  };
  const box = dialog(user.name, list, make("h2", {}, t("new_token")), form("issue", [label, days], async () => {
    const given = {label: labelOf.value.trim(), days: daysOf.value ? Number(daysOf.value) : null};
    const {token} = await ask("POST", `${at(user.name)}/tokens`, given);
    box.close();
    await drawUsers();
    secret(t("token_is", {name: user.name}), token);
  }, {class: "row"}));
  await draw();
};
const userRow = user => {
  const place = refusals();
  const step = (key, work, question) => {
    const button = make("button", {type: "button", class: "small", "data-step": key}, t(key));
    button.addEventListener("click", () => {
      if (question && !confirm(t(question, {name: user.name}))) return;
      act(button, place, async () => { await work(); });
    });
    return button;
  };
  const plain = (key, question) => step(key, async () => { await ask("POST", `${at(user.name)}/${key}`, {}); await drawUsers(); }, question);
  const state = user.disabled_at ? make("span", {class: "mark warn"}, t("disabled", {who: user.disabled_by, at: moment(user.disabled_at)}))
    : user.from_provider ? make("span", {class: "mark"}, t("from_provider"))
    : user.has_password || ["source", "wall"].includes(user.role) ? t("active") : make("span", {class: "mark"}, t("without_password"));
  const reset = step("reset_password", async () => {
    const {code} = await ask("POST", `${at(user.name)}/reset`, {});
    secret(t("code_is", {name: user.name}), link(code));
  });
  return make("tr", {class: user.disabled_at ? "off" : null, "data-user": user.name},
    make("td", {}, make("b", {}, user.name), make("div", {class: "dim"}, user.display_name)),
    make("td", {}, words[`role.${user.role}`]), make("td", {}, state, place),
    make("td", {}, t(user.second_factor ? "yes" : "no")), make("td", {}, `${user.sessions} / ${user.tokens}`),
    make("td", {class: "steps"}, step("edit", async () => editUser(user)), " ", step("show_sessions", () => userSessions(user)), " ",
      user.disabled_at ? plain("enable") : user.role === "wall" ? null : reset, " ", user.disabled_at ? null : plain("disable", "sure_disable"), " ",
      user.disabled_at ? null : plain("revoke", "sure_revoke"), ...more.map(each => each(user, step)).filter(Boolean)));
};
const more = [(user, step) => user.second_factor ? step("remove-second-factor", async () => {
  await ask("POST", `${at(user.name)}/remove-second-factor`, {});
  await drawUsers();
}, "sure_second") : null];
const drawUsers = async () => {
  const {items} = await ask("GET", "/users");
  const heads = ["user_name", "role", "state", "second_factor", "counts", "steps"];
  main.replaceChildren(section("accounts", make("div", {class: "wide"}, make("table", {},
    make("thead", {}, make("tr", {}, ...heads.map(key => make("th", {}, t(key))))), make("tbody", {}, ...items.map(userRow))))), addUser(), addScreen());
};

/* --- a password by a one-time code; the code stands behind # so that it is in no log */
const drawReset = async () => {
  const [code, codeOf] = field("code", {name: "code", autocomplete: "off", value: decodeURIComponent(location.hash.slice(1))});
  history.replaceState(null, "", location.pathname + location.search);
  const [fields, fresh] = newPasswords();
  main.replaceChildren(section("reset", make("p", {}, t("reset_hint")), make("p", {class: "dim"}, t("password_rule")),
    form("set_password", [code, ...fields], async () => {
      const {name} = await ask("POST", "/password-reset", {code: codeOf.value.trim(), new: fresh()});
      main.replaceChildren(section("reset", make("p", {}, t("reset_done", {name})), make("a", {href: `${base}/login`}, t("log_in"))));
    }, {id: "reset"})));
};

/* --- this browser becomes a wall's screen */
const drawScreen = async () => {
  const [code, codeOf] = field("screen_code", {name: "code", autocomplete: "off", autocapitalize: "characters", spellcheck: "false"});
  main.replaceChildren(section("screen", make("p", {}, t("screen_hint")), form("enrol", [code], async () => {
    await ask("POST", "/screens/enrol", {code: codeOf.value.trim()});
    location.assign(`${base}/`);
  }, {id: "screen"})));
  codeOf.focus();
};

const draw = {account: drawAccount, accounts: drawUsers, reset: drawReset, screen: drawScreen}[page];
const logOut = document.getElementById("log-out");
if (logOut) logOut.addEventListener("click", async () => {
  await fetch(base + "/logout", {method: "POST", headers: {"X-CSRF-Token": decodeURIComponent(cookie((document.body.dataset.cookies || "") + "yiping_csrf"))}});
  location.assign(`${base}/login`);
});
draw().catch(error => { main.replaceChildren(make("p", {class: "refused"}, error.message)); });
})();
