"use strict";
// Sittings in this browser's storage, one entry each, and the file that carries them elsewhere.

const PREFIX = "lakehouse-ml-workbook:";
const FILE_FORMAT = "lakehouse-ml-workbook sittings";

// What the storage refused lives here until the page closes.
const unsaved = new Map();

function storageFailed(error) {
  document.getElementById("storage").textContent =
    `This browser does not store your answers (${error.name}): they are lost when the page closes. ` +
    "Allow storage for this page or free some, or export the sittings before you leave.";
}

function readEntry(name) {
  if (unsaved.has(name)) return unsaved.get(name);
  try {
    return localStorage.getItem(PREFIX + name);
  } catch (error) {
    storageFailed(error);
    return null;
  }
}

// Write an entry, or remove it with null. False when the storage refused; the page then keeps it itself.
function writeEntry(name, text) {
  try {
    if (text === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, text);
    unsaved.delete(name);
    if (!unsaved.size) document.getElementById("storage").textContent = "";
    return true;
  } catch (error) {
    unsaved.set(name, text);
    storageFailed(error);
    return false;
  }
}

function entryNames() {
  try {
    const stored = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
    return [...new Set([...stored.map((key) => key.slice(PREFIX.length)), ...unsaved.keys()])];
  } catch (error) {
    storageFailed(error);
    return [...unsaved.keys()];
  }
}

// Sittings ------------------------------------------------------------------------------------------------------------

const now = () => `${new Date().toISOString().slice(0, 19)}+00:00`;

// Where somebody is in a sitting. It stays in this browser: place, seconds since the last entry of the log, choices of
// a practice that were not checked yet, and the score, which questions that change later would hide.
const freshDesk = () => ({ place: 0, spent: 0, paused: false, drafts: {}, score: null });

async function newSitting(form, practice) {
  return {
    uid: crypto.randomUUID(),
    form: form.name,
    title: form.title,
    version: await versionOf(itemsOf(form.items)),
    items: form.items,
    seed: newSeed(),
    minutes: practice ? null : minutesOf(form),
    begun: now(),
    finished: null,
    answers: [],
    desk: freshDesk(),
  };
}

const saveSitting = (sitting) => writeEntry(`sitting:${sitting.uid}`, JSON.stringify(sitting));

const deleteSitting = (uid) => writeEntry(`sitting:${uid}`, null);

// A stored sitting; null when there is none, an error when it is damaged.
function readSitting(uid) {
  const text = readEntry(`sitting:${uid}`);
  if (text === null) return null;
  const { desk, ...sitting } = JSON.parse(text);
  checkSitting(sitting, `sitting ${uid}`);
  return { ...sitting, desk: { ...freshDesk(), ...desk } };
}

// All sittings, oldest first. One that cannot be read is left alone and said.
function allSittings() {
  const found = [];
  for (const name of entryNames().filter((each) => each.startsWith("sitting:"))) {
    try {
      const sitting = readSitting(name.slice("sitting:".length));
      if (sitting) found.push(sitting);
    } catch (error) {
      say(`A stored sitting cannot be read and is left out: ${error.message}`);
    }
  }
  // Of two that were begun in one second the order is the same in every browser.
  const moment = (sitting) => sitting.begun + sitting.uid;
  return found.sort((one, other) => (moment(one) < moment(other) ? -1 : 1));
}

// What the log says of each item: latest answer and flag, seconds in all.
function latest(sitting) {
  const found = new Map(sitting.items.map((id) => [id, { given: "", flagged: false, seconds: 0 }]));
  for (const { item, given, flagged, seconds } of sitting.answers) {
    found.set(item, { given, flagged, seconds: found.get(item).seconds + seconds });
  }
  return found;
}

const answersOf = (sitting) => Object.fromEntries([...latest(sitting)].map(([id, { given }]) => [id, given]));

const secondsOf = (sitting) => sitting.answers.reduce((sum, each) => sum + each.seconds, 0);

const tenths = (seconds) => Math.round(10 * seconds) / 10;

// Add an entry to the log of a sitting, with the seconds since the last one. What rounding takes off is kept for the
// next entry; no entry passes the end of the time.
function addEntry(sitting, item, given, flagged) {
  const most = sitting.minutes === null ? Infinity : Math.max(0, 60 * sitting.minutes - secondsOf(sitting));
  const seconds = Math.max(0, tenths(Math.min(sitting.desk.spent, most)));
  sitting.answers.push({ item, given, flagged, seconds, at: now() });
  sitting.desk.spent -= seconds;
}

// Book the seconds spent on the question at hand when nothing else has: it was left, or the page was closed on it.
function settle(sitting) {
  const item = sitting.items[sitting.desk.place];
  if (item === undefined || tenths(sitting.desk.spent) <= 0) return false;
  const { given, flagged } = latest(sitting).get(item);
  addEntry(sitting, item, given, flagged);
  return true;
}

// The bank's version of the questions of a sitting; null when one of them is gone.
async function presentVersion(sitting) {
  const items = itemsOf(sitting.items);
  return items.includes(undefined) ? null : versionOf(items);
}

// The file ------------------------------------------------------------------------------------------------------------

function exported() {
  const sittings = allSittings().map((sitting) => {
    if (!sitting.finished && settle(sitting)) saveSitting(sitting);
    const { desk, ...rest } = sitting;
    return rest;
  });
  return `${JSON.stringify({ format: FILE_FORMAT, version: 1, sittings }, null, 1)}\n`;
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/;
const isText = (value) => typeof value === "string" && value !== "";
const isTime = (value) => typeof value === "string" && TIME.test(value) && !Number.isNaN(Date.parse(value));
const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
const has = (value, name) => Object.prototype.hasOwnProperty.call(value, name);
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

const SITTING_FIELDS = {
  uid: [(value) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value), "a UUID in lower case"],
  form: [isText, "the name of a form"],
  title: [(value) => typeof value === "string", "a text"],
  version: [(value) => typeof value === "string" && /^[0-9a-f]{12}$/.test(value), "12 hexadecimal digits"],
  items: [
    (value) => Array.isArray(value) && value.length > 0 && value.every(isText) && new Set(value).size === value.length,
    "a list of ids, each once",
  ],
  seed: [isCount, "a whole number that is not negative"],
  minutes: [(value) => value === null || (isCount(value) && value > 0), "a whole number above 0, or null"],
  begun: [isTime, "a time such as 2026-11-21T10:00:00+00:00"],
  finished: [(value) => value === null || isTime(value), "a time such as 2026-11-21T10:00:00+00:00, or null"],
  answers: [Array.isArray, "a list"],
};
const ANSWER_FIELDS = {
  item: [isText, "an id"],
  given: [(value) => typeof value === "string" && /^[A-F]*$/.test(value), "letters from A to F"],
  flagged: [(value) => typeof value === "boolean", "true or false"],
  seconds: [(value) => Number.isFinite(value) && value >= 0, "a number that is not negative"],
  at: [isTime, "a time such as 2026-11-21T10:00:00+00:00"],
};

function checkFields(value, fields, where) {
  if (!isObject(value)) throw new Error(`${where} must be an object`);
  for (const name of Object.keys(value)) {
    if (!has(fields, name)) throw new Error(`${where}.${name}: there is no such field`);
  }
  for (const [name, [holds, words]] of Object.entries(fields)) {
    if (!has(value, name)) throw new Error(`${where}.${name} is missing`);
    if (!holds(value[name])) throw new Error(`${where}.${name} must be ${words}, not ${shortened(value[name])}`);
  }
}

function shortened(value) {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function checkSitting(sitting, where) {
  checkFields(sitting, SITTING_FIELDS, where);
  const asked = new Set(sitting.items);
  sitting.answers.forEach((answer, n) => {
    checkFields(answer, ANSWER_FIELDS, `${where}.answers[${n}]`);
    if (!asked.has(answer.item)) throw new Error(`${where}.answers[${n}].item: ${answer.item} is not asked in it`);
  });
}

// The sittings of a file. An error names the first thing that is wrong.
async function readFile(text) {
  let content;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new Error(`the file is not JSON (${error.message})`);
  }
  const fields = {
    format: [(value) => value === FILE_FORMAT, `"${FILE_FORMAT}"`],
    version: [(value) => value === 1, "1"],
    sittings: [Array.isArray, "a list"],
  };
  checkFields(content, fields, "the file");
  const uids = new Set();
  for (const [n, sitting] of content.sittings.entries()) {
    const where = `sittings[${n}]`;
    checkSitting(sitting, where);
    if (uids.has(sitting.uid)) throw new Error(`${where}.uid stands in the file twice`);
    uids.add(sitting.uid);
    for (const answer of sitting.answers) answer.given = [...answer.given].sort().join("");
    await checkAnswers(sitting, where);
  }
  return content.sittings;
}

// Every answer must be one that can be graded, as far as this page holds the questions it was given to.
async function checkAnswers(sitting, where) {
  if ((await presentVersion(sitting)) !== sitting.version) return;
  sitting.answers.forEach(({ item, given }, n) => {
    try {
      readLetters(bank.items.get(item), given);
    } catch (error) {
      throw new Error(`${where}.answers[${n}].given: ${error.message}`);
    }
  });
}

// Take the sittings of a file in: of two with one uid the one with the longer log stays, of equal logs a finished one.
// Either all are stored or none.
async function importFile(text) {
  const sittings = await readFile(text);
  const before = new Map();
  const counts = { added: 0, replaced: 0, kept: 0 };
  for (const sitting of sittings) {
    const name = `sitting:${sitting.uid}`;
    let known = null;
    try {
      known = readSitting(sitting.uid);
    } catch {
      // A damaged one is better replaced.
    }
    if (known && !isFuller(sitting, known)) {
      counts.kept += 1;
      continue;
    }
    before.set(name, readEntry(name));
    const place = sitting.items.findIndex((id) => !latest(sitting).get(id).given);
    const desk = { ...freshDesk(), place: place < 0 ? sitting.items.length : place };
    if (!writeEntry(name, JSON.stringify({ ...sitting, desk }))) {
      for (const [each, old] of before) {
        unsaved.delete(each);
        if (readEntry(each) !== old) writeEntry(each, old);
      }
      throw new Error("the browser's storage refused them");
    }
    counts[known ? "replaced" : "added"] += 1;
  }
  return counts;
}

const isFuller = (one, other) =>
  one.answers.length !== other.answers.length
    ? one.answers.length > other.answers.length
    : one.finished !== null && other.finished === null;
