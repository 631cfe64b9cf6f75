"use strict";
// One question after the other. Every change is in the storage before the next key is read.

// The sitting on screen: its record, its items, the order of their choices, and since when the clock runs.
let sat = null;

const WARNINGS = [
  [600, "10 minutes left."],
  [60, "1 minute left."],
];

async function openSitting(sitting) {
  const items = itemsOf(sitting.items);
  const orders = await Promise.all(items.map((item) => shuffledLetters(item, sitting.seed)));
  if (settle(sitting)) saveSitting(sitting);
  sat = { sitting, items, orders, since: null, warned: 0, ticks: 0 };
  sat.warned = secondsLeft();
  sat.timer = setInterval(tick, 1000);
  await showPlace();
}

// Leave the sitting as it is; it can be taken up again.
function closeSitting() {
  if (!sat) return;
  clearInterval(sat.timer);
  stopClock();
  if (!sat.sitting.finished) {
    settle(sat.sitting);
    saveSitting(sat.sitting);
  }
  sat = null;
}

// The clock ------------------------------------------------------------------------------------------------------------

// Time counts while a question can be read that has not been answered for good.
function startClock() {
  sat.since = performance.now();
}

function bookTime() {
  if (sat.since === null) return;
  const moment = performance.now();
  sat.sitting.desk.spent += (moment - sat.since) / 1000;
  sat.since = moment;
}

function stopClock() {
  bookTime();
  sat.since = null;
}

function secondsLeft() {
  const { minutes, desk } = sat.sitting;
  return minutes === null ? Infinity : Math.max(0, 60 * minutes - secondsOf(sat.sitting) - desk.spent);
}

async function tick() {
  if (sat.since === null) return;
  bookTime();
  sat.ticks += 1;
  // A closed tab loses no more than this.
  if (sat.ticks % 5 === 0) saveSitting(sat.sitting);
  const left = secondsLeft();
  // After a jump past both, the later one.
  const warning = WARNINGS.filter(([at]) => left <= at && sat.warned > at).pop();
  if (warning) say(warning[1]);
  sat.warned = left;
  showClock();
  if (left === 0) await finish(true);
}

function showClock() {
  const shown = document.getElementById("clock");
  if (!shown) return;
  const left = secondsLeft();
  shown.textContent = clock(left);
  shown.classList.toggle("short", left <= 600);
}

// Whether time is left. When none is, what was about to happen does not, and the sitting is graded.
function inTime() {
  bookTime();
  if (secondsLeft() > 0) return true;
  finish(true);
  return false;
}

// State of a question --------------------------------------------------------------------------------------------------

const practising = () => sat.sitting.minutes === null;

const current = () => sat.items[sat.sitting.desk.place];

const stateOf = (item) => latest(sat.sitting).get(item.id);

// In practice an answer counts when it is checked, and stands from then on.
const isChecked = (item) => practising() && stateOf(item).given !== "";

const chosenOf = (item) => stateOf(item).given || (sat.sitting.desk.drafts[item.id] ?? "");

const isComplete = (item) => (practising() ? isChecked(item) : stateOf(item).given.length === item.select);

const isIncomplete = (item) => !isComplete(item) && chosenOf(item) !== "";

const shownLetter = (order, letter) => LETTERS[order.indexOf(letter)];

// Screens --------------------------------------------------------------------------------------------------------------

async function showPlace() {
  const { sitting } = sat;
  stopClock();
  say("");
  if (sitting.desk.paused) showPause();
  else if (sitting.desk.place >= sat.items.length) showEnd();
  else await showQuestion();
  saveSitting(sitting);
  focusHeading();
}

function topBar(...extra) {
  return h(
    "div",
    { class: "bar-top" },
    h("span", { class: "title" }, sat.sitting.title),
    practising() ? h("span", { class: "soft" }, "Practice") : h("span", { id: "clock", role: "timer", "aria-label": "Time left" }, clock(secondsLeft())),
    ...extra,
  );
}

async function showQuestion() {
  const item = current();
  const order = sat.orders[sat.sitting.desk.place];
  const checked = isChecked(item);
  const result = checked ? await explain(item, stateOf(item).given) : null;
  // A key may have led elsewhere meanwhile.
  if (!sat || item !== current()) return;
  const many = item.select > 1;
  const place = sat.sitting.desk.place;
  const form = h(
    "form",
    { id: "question", novalidate: true, onsubmit: submit },
    ...situation(item),
    h(
      "fieldset",
      { disabled: checked },
      h("legend", {}, item.ask ? spans(item.ask) : h("span", { class: "hidden" }, "Choose an answer")),
      many ? h("p", { class: "soft", id: "count" }, countWords(item)) : null,
      Array.from(order, (letter, n) => choice(item, letter, n, many, result)),
    ),
    result ? verdict(item, result, order) : null,
    h(
      "div",
      { class: "row steps" },
      button("Previous", () => go(place - 1), { disabled: place === 0, "aria-keyshortcuts": "p" }),
      flagButton(item),
      practising() && !checked
        ? h("button", { type: "submit", class: "main" }, "Check")
        : h("button", { type: "submit", class: "main", "aria-keyshortcuts": "n" }, place + 1 < sat.items.length ? "Next" : "To the end"),
    ),
  );
  show(
    `Question ${place + 1}`,
    topBar(practising() ? null : button("Pause", pause, { class: "quiet" })),
    h(
      "div",
      { class: "sheet" },
      h(
        "article",
        { class: "question" },
        h("div", { class: "head" }, h("h1", {}, `Question ${place + 1} of ${sat.items.length}`), h("span", { class: "soft" }, item.id)),
        form,
      ),
      questionList(),
    ),
  );
  document.getElementById("main").className = "wide";
  if (!checked) startClock();
}

const countWords = (item) => `${chosenOf(item).length} of ${item.select} chosen`;

function choice(item, letter, n, many, result) {
  const input = h("input", {
    type: many ? "checkbox" : "radio",
    name: "choice",
    value: letter,
    checked: chosenOf(item).includes(letter),
    onchange: () => changed(item, input),
  });
  const mark = result && markOf(result, letter);
  return h(
    "div",
    { class: `choice ${mark?.kind ?? ""}` },
    h(
      "label",
      {},
      input,
      h("span", { class: "letter" }, LETTERS[n]),
      h("span", { class: "text" }, spans(item.choices[LETTERS.indexOf(letter)].text)),
      mark ? h("span", { class: "mark" }, mark.words) : null,
    ),
    result ? h("p", { class: "reason" }, spans(result.reasons[letter])) : null,
  );
}

// Key and reasons of an item, and what an answer makes of them.
async function explain(item, given) {
  const letters = Array.from(lettersOf(item));
  const [key, reasons] = await Promise.all([keyOf(item), Promise.all(letters.map((letter) => reasonOf(item, letter)))]);
  return { given, key, right: given === key, reasons: Object.fromEntries(letters.map((letter, n) => [letter, reasons[n]])) };
}

function markOf({ given, key }, letter) {
  const right = key.includes(letter);
  const chosen = given.includes(letter);
  if (right) return { kind: "right", words: chosen ? "Right, your answer" : "Right" };
  return { kind: chosen ? "wrong" : "", words: chosen ? "Wrong, your answer" : "Wrong" };
}

function verdict(item, { right, key }, order) {
  const letters = Array.from(key, (letter) => shownLetter(order, letter)).sort().join(" and ");
  return h(
    "div",
    { class: `verdict ${right ? "right" : "wrong"}`, id: "verdict", tabindex: -1 },
    h("p", {}, h("b", {}, right ? "Right." : "Not right."), right ? "" : ` The key is ${letters}.`),
    h("p", { class: "soft" }, "See ", lessonWords([item.see])),
  );
}

const flagButton = (item) =>
  button("Flag", flag, { id: "flag", class: "toggle", "aria-pressed": String(stateOf(item).flagged), "aria-keyshortcuts": "f" });

function questionList() {
  const counts = sat.items.filter(isComplete).length;
  return h(
    "nav",
    { class: "navigator", "aria-label": "Questions", id: "navigator" },
    h("p", { class: "soft", id: "answered" }, `${counts} of ${sat.items.length} answered`),
    h("ol", {}, sat.items.map((item, n) => h("li", {}, cell(item, n)))),
    h("p", { class: "legend soft" }, h("span", {}, "✓ answered"), h("span", {}, "… not complete"), h("span", {}, "⚑ flagged")),
    button("To the end", () => go(sat.items.length), { class: "quiet" }),
  );
}

function cell(item, n) {
  const here = n === sat.sitting.desk.place;
  const { flagged } = stateOf(item);
  const [kind, sign, words] = isComplete(item)
    ? ["answered", "✓", "answered"]
    : isIncomplete(item)
      ? ["partly", "…", "not complete"]
      : ["", "", "not answered"];
  return h(
    "button",
    {
      type: "button",
      class: `${kind} ${flagged ? "flagged" : ""}`,
      "aria-current": here ? "step" : null,
      "aria-label": `Question ${n + 1}, ${words}${flagged ? ", flagged" : ""}`,
      onclick: () => go(n),
    },
    h("span", { class: "n" }, String(n + 1)),
    h("span", { class: "signs", "aria-hidden": "true" }, sign, flagged ? "⚑" : ""),
  );
}

function refreshNavigator() {
  const item = current();
  const place = sat.sitting.desk.place;
  document.querySelectorAll("#navigator li")[place].replaceChildren(cell(item, place));
  document.getElementById("answered").textContent = `${sat.items.filter(isComplete).length} of ${sat.items.length} answered`;
  const count = document.getElementById("count");
  if (count) count.textContent = countWords(item);
}

function showPause() {
  show(
    "Paused",
    topBar(),
    h(
      "div",
      { class: "middle" },
      h("h1", {}, "Paused"),
      h("p", {}, "The clock stands and the question is hidden. You can close this page: your answers are kept."),
      h("div", { class: "row" }, button("Go on", unpause, { class: "main" }), h("a", { class: "button", href: "#" }, "Leave")),
    ),
  );
}

function showEnd() {
  const numbers = sat.items.map((item, n) => [item, n]);
  const open = numbers.filter(([item]) => !isComplete(item));
  const flagged = numbers.filter(([item]) => stateOf(item).flagged);
  const list = (title, found) =>
    found.length
      ? h("section", {}, h("h2", {}, `${title}: ${found.length}`), h("ul", { class: "numbers" }, found.map(([item, n]) => h("li", {}, cell(item, n)))))
      : null;
  show(
    "The end",
    topBar(),
    h(
      "div",
      { class: "middle" },
      h("h1", {}, "The end"),
      h("p", {}, open.length ? "Some questions have no complete answer. One without an answer counts as wrong." : "Every question has an answer."),
      practising() ? null : h("p", { class: "soft" }, "The clock stands on this page."),
      list("Without a complete answer", open),
      list("Flagged for review", flagged),
      h(
        "div",
        { class: "row" },
        button("Grade", askToFinish, { class: "main", id: "grade" }),
        button("Back to the questions", () => go(open[0]?.[1] ?? sat.items.length - 1)),
      ),
    ),
  );
}

// What somebody does ---------------------------------------------------------------------------------------------------

function changed(item, input) {
  if (!inTime()) return;
  const inputs = [...document.querySelectorAll("#question input:checked")];
  if (inputs.length > item.select) {
    input.checked = false;
    say(`Choose ${item.select}: take one back before you choose another.`);
    return;
  }
  const given = inputs.map((each) => each.value).sort().join("");
  if (practising()) sat.sitting.desk.drafts[item.id] = given;
  else addEntry(sat.sitting, item.id, given, stateOf(item).flagged);
  saveSitting(sat.sitting);
  refreshNavigator();
}

// Choose by key: the n-th choice as shown.
function choose(n) {
  const input = document.querySelectorAll("#question input")[n];
  if (!input || input.matches(":disabled")) return;
  input.focus();
  input.click();
}

async function submit(event) {
  event.preventDefault();
  const item = current();
  if (!practising() || isChecked(item)) {
    await go(sat.sitting.desk.place + 1);
    return;
  }
  const given = chosenOf(item);
  if (given.length < item.select) {
    say(given ? `Choose ${item.select}: ${given.length} is chosen.` : `Choose ${item.select === 1 ? "an answer" : item.select} first.`);
    return;
  }
  bookTime();
  addEntry(sat.sitting, item.id, given, stateOf(item).flagged);
  delete sat.sitting.desk.drafts[item.id];
  stopClock();
  sat.sitting.desk.spent = 0;
  saveSitting(sat.sitting);
  await showQuestion();
  document.getElementById("verdict")?.focus();
}

async function go(place) {
  if (place < 0 || place > sat.items.length || !inTime()) return;
  settle(sat.sitting);
  sat.sitting.desk.place = place;
  await showPlace();
}

function flag() {
  const item = current();
  if (!item || !inTime()) return;
  const { flagged } = stateOf(item);
  addEntry(sat.sitting, item.id, stateOf(item).given, !flagged);
  saveSitting(sat.sitting);
  document.getElementById("flag").setAttribute("aria-pressed", String(!flagged));
  refreshNavigator();
  say(flagged ? "Flag taken off." : "Flagged for review.");
}

async function pause() {
  if (!inTime()) return;
  settle(sat.sitting);
  sat.sitting.desk.paused = true;
  await showPlace();
}

async function unpause() {
  sat.sitting.desk.paused = false;
  await showPlace();
}

async function askToFinish() {
  const open = sat.items.filter((item) => !isComplete(item)).length;
  const text = open ? `${plural(open, "question")} without a complete answer. After grading nothing can be changed.` : "After grading nothing can be changed.";
  if (await confirmed("Grade this sitting?", text, "Grade")) await finish(false);
}

async function finish(timeOver) {
  if (!sat || sat.sitting.finished) return;
  const { sitting } = sat;
  document.getElementById("dialog").close();
  stopClock();
  settle(sitting);
  sitting.finished = now();
  sitting.desk.score = (await grade(sat.items, answersOf(sitting), sitting.version)).score;
  saveSitting(sitting);
  closeSitting();
  location.replace(`#result=${sitting.uid}`);
  if (timeOver) say("Time is over. What you answered has been graded.");
}

// Another tab wrote this sitting: go on from what it wrote, so that neither loses the other's answers.
async function adopt(text) {
  if (text === null) {
    clearInterval(sat.timer);
    sat = null;
    location.hash = "";
    say("This sitting was deleted in another tab.");
    return;
  }
  const before = sat.sitting;
  const other = readSitting(before.uid);
  if (other.finished) {
    clearInterval(sat.timer);
    sat = null;
    location.replace(`#result=${other.uid}`);
    return;
  }
  if (other.answers.length <= before.answers.length) return;
  stopClock();
  sat.sitting = { ...other, desk: { ...other.desk, place: before.desk.place, paused: before.desk.paused } };
  await showPlace();
  say("Answers from another tab were taken over.");
}
