"use strict";
// Drawing a random exam by a blueprint, as workbook/quiz/forms.py does, and what a score means.

// The bank as the page holds it, once it has been read.
const bank = {
  items: new Map(),
  forms: new Map(),
  apart: {},
  exams: [],
  bands: [],
  enough: 0,
  objectives: {},
  domains: {},
};

function readBank(content) {
  Object.assign(bank, content, {
    items: new Map(content.items.map((item) => [item.id, item])),
    forms: new Map(content.forms.map((form) => [form.name, form])),
  });
}

const itemsOf = (ids) => ids.map((id) => bank.items.get(id));

const bandOf = ({ right, of }) => bank.bands.find(([least]) => right * 60 >= least * of)[1];

// Numbers in [0, 1) that follow from a seed: the generator "mulberry32".
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffled(values, random) {
  const found = [...values];
  for (let last = found.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [found[last], found[other]] = [found[other], found[last]];
  }
  return found;
}

const newSeed = () => crypto.getRandomValues(new Uint32Array(1))[0] >>> 1;

// Draw a form: in each domain an objective gets its next item only when the others have as many, and no two items that
// must not meet come together. An error where a domain has too few.
function drawExam(exam, seed) {
  const random = randomFrom(seed);
  const chosen = [];
  for (const [domain, wanted] of Object.entries(exam.domains)) {
    const pool = [...bank.items.values()].filter((item) => item.exam && item.domain === domain);
    const times = {};
    for (let n = 0; n < wanted; n += 1) {
      const free = pool.filter(
        ({ id }) => !chosen.includes(id) && !(bank.apart[id] ?? []).some((other) => chosen.includes(other)),
      );
      if (!free.length) {
        throw new Error(`${domain} has ${pool.length} items in the bank: too few for a form with ${wanted}`);
      }
      const count = (item) => times[item.objectives[0]] ?? 0;
      const best = shuffled(free, random).reduce((one, other) => (count(other) < count(one) ? other : one));
      times[best.objectives[0]] = count(best) + 1;
      chosen.push(best.id);
    }
  }
  return {
    name: `${exam.name}-random-${seed}`,
    title: `${exam.title}, random exam`,
    minutes: exam.minutes,
    items: shuffled(chosen, random),
  };
}

// The form of a random exam's name, "pro-random-7"; undefined when it is no such name.
function randomForm(name) {
  const [, exam, seed] = /^(.+)-random-(\d{1,10})$/.exec(name) ?? [];
  const found = bank.exams.find((each) => each.name === exam);
  return found && drawExam(found, Number(seed));
}

// Minutes for sitting a form as an exam: its own, else two a question, as the exams give.
const minutesOf = (form) => form.minutes ?? 2 * form.items.length;
