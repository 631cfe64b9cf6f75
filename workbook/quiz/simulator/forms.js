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

const newSeed = () => crypto.getRandomValues(new Uint32Array(1))[0] >>> 1;

// Draw a form: in each domain an objective gets its next item only when the others have as many, and no two items that
// must not meet come together. Equal seeds give equal forms, here and in Python. An error where a domain has too few.
async function drawExam(exam, seed) {
  const ids = [...bank.items.keys()];
  const digests = await Promise.all(ids.map(async (id) => hex(await sha256(`${seed}:${id}`))));
  const rank = new Map(ids.map((id, n) => [id, digests[n]]));
  const chosen = [];
  for (const [domain, wanted] of Object.entries(exam.domains)) {
    const pool = [...bank.items.values()].filter((item) => item.exam && item.domain === domain);
    const times = {};
    const count = (item) => times[item.objectives[0]] ?? 0;
    const isBefore = (one, other) =>
      count(one) !== count(other) ? count(one) < count(other) : rank.get(one.id) < rank.get(other.id);
    for (let n = 0; n < wanted; n += 1) {
      const free = pool.filter(
        ({ id }) => !chosen.includes(id) && !(bank.apart[id] ?? []).some((other) => chosen.includes(other)),
      );
      if (!free.length) {
        throw new Error(`${domain} has ${pool.length} items in the bank: too few for a form with ${wanted}`);
      }
      const best = free.reduce((one, other) => (isBefore(other, one) ? other : one));
      times[best.objectives[0]] = count(best) + 1;
      chosen.push(best.id);
    }
  }
  return {
    name: `${exam.name}-seed-${seed}`,
    title: `${exam.title}, drawn from seed ${seed}`,
    minutes: exam.minutes,
    items: chosen.sort((one, other) => (rank.get(one) < rank.get(other) ? -1 : 1)),
  };
}

// The form of a random exam's name, "pro-seed-7"; undefined when it is no such name.
async function randomForm(name) {
  const [, exam, seed] = /^(.+)-seed-(\d{1,10})$/.exec(name) ?? [];
  const found = bank.exams.find((each) => each.name === exam);
  return found && drawExam(found, Number(seed));
}

// Minutes for sitting a form as an exam: its own, else two a question, as the exams give.
const minutesOf = (form) => form.minutes ?? 2 * form.items.length;
