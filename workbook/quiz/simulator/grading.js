"use strict";
// Seals, masks and grading as workbook/quiz/sealed.py and grading.py do them; tests/vectors/grading.json holds both to
// the same results and the same messages.

const LETTERS = "ABCDEF";

class AnswerError extends Error {}

const lettersOf = (item) => LETTERS.slice(0, item.choices.length);

async function sha256(text) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

// The seals do not change, and a history of many sittings asks for the same ones again.
const rightness = new WeakMap();

async function isRight(item, letter) {
  if (!rightness.has(item)) rightness.set(item, new Map());
  const known = rightness.get(item);
  if (!known.has(letter)) {
    const seal = hex(await sha256(`${item.id}:${letter}:right`)).slice(0, 32);
    known.set(letter, item.choices[LETTERS.indexOf(letter)].seal === seal);
  }
  return known.get(letter);
}

// Letters of the right choices, as "B" or "AC".
async function keyOf(item) {
  const right = await Promise.all(Array.from(lettersOf(item), (letter) => isRight(item, letter)));
  return Array.from(lettersOf(item))
    .filter((_, n) => right[n])
    .join("");
}

// Why a choice is right or wrong.
async function reasonOf(item, letter) {
  const masked = Uint8Array.from(atob(item.choices[LETTERS.indexOf(letter)].reason), (each) => each.charCodeAt(0));
  const mask = await sha256(`${item.id}:${letter}:reason`);
  return new TextDecoder().decode(masked.map((byte, n) => byte ^ mask[n % mask.length]));
}

// Changes when one of these items does, and with their order.
async function versionOf(items) {
  return hex(await sha256(items.map((item) => item.version).join("\n"))).slice(0, 12);
}

// The letters of an item in the order in which a sitting of that seed shows them.
async function shuffledLetters(item, seed) {
  const digests = await Promise.all(
    Array.from(lettersOf(item), async (letter) => [hex(await sha256(`${seed}:${item.id}:${letter}`)), letter]),
  );
  return digests
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([, letter]) => letter)
    .join("");
}

// Grade answers (id to letters in the bank's order) to items. An AnswerError names the item at fault.
async function grade(items, answers, version = null) {
  const own = await versionOf(items);
  if (version !== null && version !== own) {
    throw new AnswerError(
      `these answers belong to version ${version} of the bank and this is ${own}: ` +
        "questions have changed since. Answer the new ones.",
    );
  }
  const byId = new Map(items.map((item) => [item.id, item]));
  const entries = Object.entries(answers);
  const unknown = entries.find(([id]) => !byId.has(id));
  if (unknown) throw new AnswerError(`${unknown[0]}: there is no such item among these ${items.length}`);
  const given = new Map(entries.map(([id, answer]) => [id, readLetters(byId.get(id), answer)]));
  const graded = await Promise.all(items.map((item) => gradeItem(item, given.get(item.id) ?? "")));
  const shares = (names, belongs) =>
    Object.fromEntries(names.sort().map((name) => [name, shareOf(graded.filter((each) => belongs(each, name)))]));
  const objectives = shares([...new Set(graded.flatMap((each) => each.objectives))], (each, name) =>
    each.objectives.includes(name),
  );
  return {
    version: own,
    items: graded,
    score: shareOf(graded),
    answered: graded.filter((each) => each.given).length,
    partial: graded.reduce((sum, each) => sum + each.partial, 0),
    domains: shares([...new Set(graded.map((each) => each.domain))], (each, name) => each.domain === name),
    objectives,
    weakest: weakestOf(objectives),
  };
}

function readLetters(item, answer) {
  if (typeof answer !== "string") {
    throw new AnswerError(`${item.id}: an answer is a text such as 'B' or 'AC', not ${pythonic(answer)}`);
  }
  const letters = Array.from(answer.toUpperCase().replace(/[, ]/g, "")).sort(
    (one, other) => one.codePointAt(0) - other.codePointAt(0),
  );
  const allowed = Array.from(lettersOf(item));
  const missing = letters.find((letter) => !allowed.includes(letter));
  if (missing !== undefined) {
    throw new AnswerError(`${item.id}: there is no choice ${pythonic(missing)}, only ${allowed.join(", ")}`);
  }
  if (new Set(letters).size < letters.length) {
    throw new AnswerError(`${item.id}: ${pythonic(answer)} names a letter twice`);
  }
  if (letters.length > item.select) {
    throw new AnswerError(
      `${item.id}: ${pythonic(answer)} has ${letters.length} letters, and the item asks for ${item.select}`,
    );
  }
  return letters.join("");
}

async function gradeItem(item, given) {
  const right = await Promise.all(Array.from(given, (letter) => isRight(item, letter)));
  const nRight = right.filter(Boolean).length;
  const nWrong = given.length - nRight;
  return {
    id: item.id,
    objectives: item.objectives,
    domain: item.domain,
    given,
    right: nRight === item.select && !nWrong,
    partial: Math.max(0, (nRight - nWrong) / item.select),
  };
}

function shareOf(graded) {
  return { right: graded.filter((each) => each.right).length, of: graded.length };
}

// In [0, 100]; 0 of 0 is 0.
const percent = (share) => (share.of ? (100 * share.right) / share.of : 0);

// The objectives with the lowest share, of those where something is wrong; more items wrong come first.
function weakestOf(shares, count = 3) {
  return Object.keys(shares)
    .filter((name) => shares[name].right < shares[name].of)
    .sort(
      (one, other) =>
        percent(shares[one]) - percent(shares[other]) || shares[other].of - shares[one].of || (one < other ? -1 : 1),
    )
    .slice(0, count);
}

// What Python's repr() says of a value from JSON: messages quote answers with it.
function pythonic(value) {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(pythonic).join(", ")}]`;
  if (typeof value === "object") {
    return `{${Object.entries(value)
      .map(([name, each]) => `${pythonic(name)}: ${pythonic(each)}`)
      .join(", ")}}`;
  }
  if (typeof value !== "string") return String(value);
  const quote = value.includes("'") && !value.includes('"') ? '"' : "'";
  const escaped = value.replace(/[\\\n\r\t\x00-\x1f\x7f]|'/g, (each) => {
    const short = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "'": quote === "'" ? "\\'" : "'" }[each];
    return short ?? `\\x${each.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
  return quote + escaped + quote;
}
