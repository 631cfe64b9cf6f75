"use strict";
// Elements, words and figures that every screen uses. Text only ever becomes text nodes: no question can add markup.

// Make an element: h("p", { class: "soft", onclick: f }, "text", child, null).
function h(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const button = (label, onclick, properties = {}) => h("button", { type: "button", onclick, ...properties }, label);

const soft = (...children) => h("p", { class: "soft" }, ...children);

function show(title, ...children) {
  document.title = title === "Exam simulator" ? title : `${title} - Exam simulator`;
  const main = document.getElementById("main");
  main.replaceChildren(...children.flat().filter(Boolean));
  main.className = "";
}

// The heading takes the focus on every change of screen, so that a screen reader begins there.
function focusHeading() {
  const heading = document.querySelector("#main h1");
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

let quietAgain = 0;

// Say something in the line at the bottom, which screen readers read out. What somebody must act on stays there.
function say(message, stays = false) {
  const line = document.getElementById("status");
  clearTimeout(quietAgain);
  line.textContent = message;
  if (!stays) quietAgain = setTimeout(() => (line.textContent = ""), 8000);
}

// Ask before something that cannot be undone. Resolves to whether it is meant.
function confirmed(title, text, yes) {
  return new Promise((resolve) => {
    const dialog = document.getElementById("dialog");
    const close = (answer) => () => {
      dialog.returnValue = answer;
      dialog.close();
    };
    dialog.replaceChildren(
      h("h2", { id: "dialog-title" }, title),
      h("p", {}, text),
      h(
        "div",
        { class: "row" },
        button(yes, close("yes"), { class: "main" }),
        button("Cancel", close("no"), { autofocus: true }),
      ),
    );
    dialog.returnValue = "no";
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    dialog.showModal();
  });
}

const KEYS = [
  ["1 to 6, a to e", "choose, or take back one of several"],
  ["n or →", "next question"],
  ["p or ←", "previous question"],
  ["f", "flag for review"],
  ["g", "go to the list of questions"],
  ["Enter", "check an answer in practice; else the next question"],
  ["Escape", "close a window, leave the list of questions"],
  ["?", "show these keys"],
];

// Who speaks to a computer may want words not to be taken for keys.
const keysAreOn = () => readEntry("keys") !== "off";

function switchKeys() {
  writeEntry("keys", keysAreOn() ? "off" : null);
  document.getElementById("dialog").close();
  say(`Single keys are ${keysAreOn() ? "on" : "off"}.`);
}

function showKeys() {
  const dialog = document.getElementById("dialog");
  dialog.replaceChildren(
    h("h2", { id: "dialog-title" }, "Keys"),
    h(
      "dl",
      { class: "keys" },
      KEYS.flatMap(([key, words]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, words)]),
    ),
    h(
      "div",
      { class: "row" },
      button("Close", () => dialog.close(), { autofocus: true }),
      button(keysAreOn() ? "Turn single keys off" : "Turn single keys on", switchKeys),
    ),
  );
  dialog.showModal();
}

// Markdown of the simple kind that questions use: paragraphs, and spans of code between backticks.
function spans(text) {
  return text
    .trim()
    .split(/\s+/)
    .join(" ")
    .split("`")
    .map((span, n) => (n % 2 ? h("code", {}, span) : span));
}

const prose = (text) =>
  text
    .trim()
    .split("\n\n")
    .map((paragraph) => h("p", {}, ...spans(paragraph)));

// A program; the page's own maker has split it into pieces of one colour. A reader who scrolls by keys can reach it.
function program(pieces) {
  const code = pieces.map((piece) => (typeof piece === "string" ? piece : h("span", { class: piece[0] }, piece[1])));
  return h("pre", { tabindex: 0, role: "region", "aria-label": "Code" }, h("code", {}, ...code));
}

const situation = (item) => [...prose(item.stem), item.code && program(item.code)].filter(Boolean);

const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

const figure = (share) => `${share.right} of ${share.of}`;

const share = (value) => `${Math.round(percent(value))}\u00a0%`;

function clock(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (!parts[0]) parts.shift();
  return parts.map((part, n) => (n ? String(part).padStart(2, "0") : part)).join(":");
}

function duration(seconds) {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
}

const day = (time) =>
  new Date(time).toLocaleString("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
  });

// A bar beside a figure that says the same; it is for the eye only.
function bar(value) {
  const filled = h("span");
  filled.style.width = `${percent(value)}%`;
  return h("span", { class: "bar", "aria-hidden": "true" }, filled);
}

// "04_feature_store#lookback-window" and others as people say it: the sections of each notebook.
function lessonWords(sees) {
  const sections = new Map();
  for (const [notebook, section] of sees.map((see) => see.split("#"))) {
    sections.set(notebook, [...(sections.get(notebook) ?? []), section.replace(/-/g, " ")]);
  }
  return [...sections].flatMap(([notebook, found], n) => [
    n ? "; " : "",
    h("code", {}, notebook),
    ` ${found.join(", ")}`,
  ]);
}

// A table whose first column names its rows.
function table(caption, head, rows) {
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    h(
      "table",
      {},
      h("caption", { class: "hidden" }, caption),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          head.map((cell) => h("th", { scope: "col" }, cell)),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map(([first, ...rest]) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, first),
            rest.map((cell) => h("td", {}, cell)),
          ),
        ),
      ),
    ),
  );
}

const objectiveWords = (name) => [h("b", {}, name), ` ${bank.objectives[name] ?? ""}`];

const domainWords = (name) => [h("b", {}, name), ` ${bank.domains[name] ?? ""}`];
