"use strict";
// Addresses, keys and theme; and the start of it all.

// #pro-1 names a form, #sitting=<uid> and #result=<uid> a sitting; anything else is the first screen.
async function route() {
  closeSitting();
  document.getElementById("dialog").close();
  try {
    const address = decodeURIComponent(location.hash.slice(1));
    const [, kind, uid] = /^(sitting|result)=(.+)$/.exec(address) ?? [];
    if (kind) await showStored(uid);
    else if (!address) await showHome();
    else await showNamed(address);
  } catch (error) {
    await showHome();
    say(error.message, true);
  }
  if (!sat && routed) focusHeading();
  routed = true;
}

// The first screen leaves the focus where the browser has it.
let routed = false;

async function showStored(uid) {
  const sitting = readSitting(uid);
  if (!sitting) throw new Error("There is no such sitting in this browser.");
  if ((await presentVersion(sitting)) !== sitting.version) {
    throw new Error("The questions of this sitting have changed since: it can neither be taken up nor graded.");
  }
  if (sitting.finished) await showResult(sitting);
  else await openSitting(sitting);
}

async function showNamed(name) {
  const form = await formOf(name);
  if (form) await showStart(form);
  else throw new Error(name === "missed" ? "No question waits to be repeated." : `There is no form "${name}".`);
}

// Keys ----------------------------------------------------------------------------------------------------------------

const isTyping = (target) =>
  target.isContentEditable ||
  target.matches("textarea, select, input:not([type=radio], [type=checkbox], [type=button], [type=file])");

// In a sitting. The letter f is the flag, so a sixth choice has the 6 alone.
function sittingKey(key) {
  const place = sat.sitting.desk.place;
  if (sat.sitting.desk.paused) return null;
  if (key === "ArrowRight" || key === "n") return () => go(place + 1);
  if (key === "ArrowLeft" || key === "p") return () => go(place - 1);
  if (place >= sat.items.length) return null;
  if (key === "f") return flag;
  if (key === "g") return () => document.querySelector("#navigator [aria-current]").focus();
  if (key === "Escape") return focusHeading;
  const n = /^[1-6]$/.test(key) ? Number(key) - 1 : /^[a-e]$/.test(key) ? "abcde".indexOf(key) : -1;
  return n < 0 ? null : () => choose(n);
}

function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (isTyping(event.target) || document.getElementById("dialog").open || !keysAreOn()) return;
  // There they scroll.
  if (event.key.startsWith("Arrow") && event.target.closest("pre, .scroll")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const action = key === "?" ? showKeys : sat && sittingKey(key);
  if (!action) return;
  event.preventDefault();
  action();
}

// Theme ---------------------------------------------------------------------------------------------------------------

const systemDark = matchMedia("(prefers-color-scheme: dark)");

const isDark = () => (document.documentElement.dataset.theme ?? (systemDark.matches ? "dark" : "light")) === "dark";

function showTheme() {
  const chosen = readEntry("theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
  document.getElementById("theme-button").textContent = isDark() ? "Light theme" : "Dark theme";
}

function switchTheme() {
  writeEntry("theme", isDark() ? "light" : "dark");
  showTheme();
}

// Start ---------------------------------------------------------------------------------------------------------------

function keep() {
  if (!sat || sat.sitting.finished) return;
  bookTime();
  saveSitting(sat.sitting);
}

function leave() {
  if (sat) stopClock();
  keep();
}

function begin() {
  if (!globalThis.crypto?.subtle) {
    document.getElementById("loading").textContent =
      "This browser offers no crypto.subtle for this address, which the sealed keys need. " +
      "Open the file itself, or serve it from localhost or by https.";
    return;
  }
  readBank(JSON.parse(document.getElementById("content").textContent));
  // One screen after the other: a slow one may not come over the next.
  let routing = route();
  addEventListener("hashchange", () => (routing = routing.then(route)));
  addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", keep);
  // A page that the browser kept for "back" was not looked at meanwhile.
  addEventListener("pageshow", (event) => event.persisted && sat && showPlace());
  document.addEventListener("keydown", onKey);
  addEventListener("storage", (event) => {
    if (event.key === `${PREFIX}theme`) showTheme();
    if (sat && event.key === `${PREFIX}sitting:${sat.sitting.uid}`)
      adopt(event.newValue).catch((error) => say(error.message, true));
  });
  // On paper everything is open.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("#main details:not([open])")];
    closed.forEach((each) => (each.open = true));
  });
  addEventListener("afterprint", () => closed.forEach((each) => (each.open = false)));
}

showTheme();
systemDark.addEventListener("change", showTheme);
document.getElementById("theme-button").addEventListener("click", switchTheme);
document.getElementById("keys-button").addEventListener("click", showKeys);
// The questions are read after the first paint.
requestAnimationFrame(() => setTimeout(begin));
