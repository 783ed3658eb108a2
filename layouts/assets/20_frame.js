// The page's header: link and data age, clock, language, who is logged in, and the cue for a new P1.
(() => {
  "use strict";
  const { t, make, mount, clock, show, ago, page, everySecond, me, act, post, feed } = yiping;
  const SOUND_KEY = "yiping.sound";
  const REPEAT_CUE_S = 10;

  mount("link-state", (place) => {
    const dot = make("i", { class: "dot", "aria-hidden": "true" });
    const text = make("b");
    const age = make("span", { class: "dim" });
    place.replaceChildren(dot, text, age);
    const draw = () => {
      const { state, dataAt } = feed.link;
      place.dataset.state = state;
      text.textContent = t(`link.${state}`);
      age.textContent = dataAt ? ` ${t("data.age")} ${ago(dataAt)}` : "";
    };
    feed.on("link", draw);
    everySecond.add(draw);
    draw();
    feed.start();
  });

  mount("clock", (place) => {
    const tick = () => {
      const now = new Date(clock.now()).toISOString();
      place.dateTime = now;
      place.replaceChildren(make("span", { class: "dim" }, show(now, "date")), make("b", {}, show(now, "time")));
    };
    everySecond.add(tick);
    tick();
  });

  mount("language", (button) => {
    button.addEventListener("click", () => {
      document.cookie = `${page.language_cookie}=${button.value}; path=/; max-age=31536000; samesite=strict`;
      location.reload();
    });
  });

  // ---- one row where everything fits, else the pages in a row of their own
  mount("pages", (place) => {
    const head = place.closest(".head");
    let planned = 0;
    const measure = () => {
      cancelAnimationFrame(planned);
      planned = requestAnimationFrame(() => {
        head.classList.remove("two-rows");
        head.classList.toggle("two-rows", head.scrollWidth > head.clientWidth + 1);
      });
    };
    // ---- the menus: one open at a time; Escape, a click elsewhere and leaving it close it, arrows go through it
    const menus = [...place.querySelectorAll("details.nav-menu")];
    const close = (menu, focus = false) => { menu.open = false; if (focus) menu.querySelector("summary").focus(); };
    menus.forEach((menu) => {
      const reachable = () => [...menu.querySelectorAll(".menu a")].filter((link) => link.getClientRects().length > 0);
      menu.addEventListener("toggle", () => { if (menu.open) menus.filter((other) => other !== menu).forEach((other) => close(other)); });
      menu.addEventListener("focusout", ({ relatedTarget }) => { if (relatedTarget && !menu.contains(relatedTarget)) close(menu); });
      menu.addEventListener("keydown", (event) => {
        const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (event.key === "Escape" && menu.open) close(menu, true);
        else if (step) {
          menu.open = true;
          const links = reachable(), now = links.indexOf(document.activeElement);
          links.at(now < 0 ? (step > 0 ? 0 : -1) : (now + step) % links.length)?.focus();
        } else return;
        event.preventDefault();
        event.stopPropagation();
      });
    });
    document.addEventListener("pointerdown", ({ target }) => menus.forEach((menu) => { if (!menu.contains(target)) close(menu); }), true);
    const parts = new ResizeObserver(measure);
    [head, ...head.querySelectorAll(".status > *")].forEach((part) => parts.observe(part));
  });

  mount("user-menu", async (place) => {
    try {
      const who = await me();
      yiping.nameUser(who.name, who.display_name);
      document.body.dataset.role = who.role;
      place.replaceChildren(make("b", {}, who.display_name || who.name), make("span", { class: "dim" }, t(`role.${who.role}`)));
    } catch (error) {
      place.textContent = error.message;
    }
  });

  // ---- a list that scrolls and holds nothing to stop at is reached by keyboard itself
  const STOPS = "a[href], button, input, select, textarea, summary, [tabindex]:not([data-scrolls])";
  const reach = () => document.querySelectorAll("#main :is(ul, ol, section, div)").forEach((part) => {
    if (part.closest("[aria-hidden='true'], .ag-root-wrapper")) return; // the grid moves the focus by itself
    const tall = part.scrollHeight > part.clientHeight + 1, wide = part.scrollWidth > part.clientWidth + 1;
    const style = tall || wide ? getComputedStyle(part) : null;
    const scrolls = style !== null && part.clientHeight > 0 && !part.querySelector(STOPS)
      && ((tall && /auto|scroll/.test(style.overflowY)) || (wide && /auto|scroll/.test(style.overflowX)));
    if (scrolls && !part.hasAttribute("tabindex")) { part.tabIndex = 0; part.dataset.scrolls = ""; }
    else if (!scrolls && "scrolls" in part.dataset) { part.removeAttribute("tabindex"); delete part.dataset.scrolls; }
  });
  everySecond.add(reach);
  addEventListener("resize", () => requestAnimationFrame(reach));
  yiping.reach = reach; // what is drawn anew asks for it at once

  mount("logout", (button) => {
    button.addEventListener("click", () => act(button, async () => {
      await post("/logout");
      location.assign(yiping.at("/login"));
    }));
  });

  // ---- the cue: what nobody has acknowledged yet, and what nobody accepts
  const waiting = () => feed.inHand().filter(feed.unacknowledged);
  /** Functions that list what else sounds until somebody acts; scripts that load later add theirs. */
  const callers = (yiping.callers = new Set());
  const calling = () => [...callers].reduce((n, list) => n + list().length, 0);
  let audio = null;
  let lastCue = 0;
  const beep = () => {
    if (audio?.state !== "running") return;
    [0, 0.22].forEach((after) => {
      const tone = audio.createOscillator();
      const loudness = audio.createGain();
      const start = audio.currentTime + after;
      tone.frequency.value = 880;
      loudness.gain.setValueAtTime(0.0001, start);
      loudness.gain.exponentialRampToValueAtTime(0.25, start + 0.02);
      loudness.gain.exponentialRampToValueAtTime(0.0001, start + 0.18);
      tone.connect(loudness).connect(audio.destination);
      tone.start(start);
      tone.stop(start + 0.2);
    });
  };
  const cue = () => {
    const urgent = waiting().filter((alert) => alert.priority === "P1").length + calling();
    document.body.toggleAttribute("data-urgent", urgent > 0);
    if (urgent && audio && performance.now() - lastCue > REPEAT_CUE_S * 1000) {
      lastCue = performance.now();
      beep();
    }
  };
  const title = document.title;
  const count = () => {
    const n = waiting().length + calling();
    document.title = n ? `(${n}) ${title}` : title;
    cue();
  };
  ["alert", "task"].forEach((topic) => feed.on(topic, count));
  everySecond.add(cue);

  mount("sound-slot", (place) => {
    // A browser lets a page sound only after a click, so the choice is kept but each visit needs one.
    const button = make("button", { class: "quiet", type: "button" });
    const draw = () => {
      const on = audio?.state === "running";
      button.textContent = page.kiosk ? `${on ? "♪" : "⚠"} ${t(on ? "kiosk.sound.on" : "kiosk.sound.off")}` : t(on ? "sound.on" : "sound.off");
      button.setAttribute("aria-pressed", String(on));
    };
    const enable = async () => {
      audio ??= new AudioContext();
      await audio.resume();
      draw();
    };
    button.addEventListener("click", async () => {
      if (audio?.state === "running") await audio.suspend();
      else { await enable(); beep(); }
      localStorage.setItem(SOUND_KEY, audio.state === "running" ? "on" : "off");
      draw();
    });
    if (page.kiosk) {
      // A wall sounds: at once where the browser is started so, else from the first key or click on; a tab that was put to
      // sleep is woken.
      const wake = () => (audio?.state === "running" ? draw() : enable().catch(() => draw()));
      ["pointerdown", "keydown"].forEach((what) => document.addEventListener(what, wake));
      everySecond.add(wake);
      wake();
    } else if (localStorage.getItem(SOUND_KEY) === "on") document.addEventListener("pointerdown", enable, { once: true });
    place.replaceChildren(button);
    draw();
  });
})();
