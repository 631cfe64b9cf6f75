"use strict";
// A sitting: its clock, and what somebody does in it. Every change is in the storage before the next key is read.

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

// The clock -----------------------------------------------------------------------------------------------------------

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

// State of a question -------------------------------------------------------------------------------------------------

const practising = () => sat.sitting.minutes === null;

const current = () => sat.items[sat.sitting.desk.place];

const stateOf = (item) => latest(sat.sitting).get(item.id);

// In practice an answer counts when it is checked, and stands from then on.
const isChecked = (item) => practising() && stateOf(item).given !== "";

const chosenOf = (item) => stateOf(item).given || (sat.sitting.desk.drafts[item.id] ?? "");

const isComplete = (item) => (practising() ? isChecked(item) : stateOf(item).given.length === item.select);

const isIncomplete = (item) => !isComplete(item) && chosenOf(item) !== "";

const shownLetter = (order, letter) => LETTERS[order.indexOf(letter)];

// What somebody does --------------------------------------------------------------------------------------------------

function changed(item, input) {
  if (!inTime()) return;
  const inputs = [...document.querySelectorAll("#question input:checked")];
  if (inputs.length > item.select) {
    input.checked = false;
    say(`Choose ${item.select}: take one back before you choose another.`);
    return;
  }
  const given = inputs
    .map((each) => each.value)
    .sort()
    .join("");
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
    say(
      given
        ? `Choose ${item.select}: ${given.length} is chosen.`
        : `Choose ${item.select === 1 ? "an answer" : item.select} first.`,
    );
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
  const text = open
    ? `${plural(open, "question")} without a complete answer. After grading nothing can be changed.`
    : "After grading nothing can be changed.";
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
