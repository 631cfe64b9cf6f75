"use strict";
// What all finished sittings say: results, what was missed, readiness.

// What finished sittings say together: `graded` has their results, `outcomes` the latest answer to each item and
// whether it was right. Sittings whose questions have changed since have no part in it.
async function standing(sittings) {
  const graded = new Map();
  const outcomes = new Map();
  for (const sitting of sittings.filter((each) => each.finished)) {
    if ((await presentVersion(sitting)) !== sitting.version) continue;
    try {
      const result = await grade(itemsOf(sitting.items), answersOf(sitting), sitting.version);
      graded.set(sitting.uid, result);
      result.items.filter((each) => each.given).forEach((each) => outcomes.set(each.id, each));
    } catch (error) {
      say(`${sitting.title} of ${day(sitting.begun)} cannot be graded: ${error.message}`, true);
    }
  }
  return { graded, outcomes };
}

function missedForm(outcomes) {
  const items = [...bank.items.keys()].filter((id) => outcomes.get(id)?.right === false);
  return items.length ? { name: "missed", title: "What you missed", minutes: null, items } : undefined;
}

// Share of right latest answers in each domain of an exam; over all domains with the exam's weights, null until each
// has enough of them to say something.
function readiness(exam, outcomes) {
  const domains = Object.fromEntries(
    Object.keys(exam.domains).map((name) => [
      name,
      shareOf([...outcomes.values()].filter((each) => each.domain === name)),
    ]),
  );
  const total = Object.values(exam.domains).reduce((sum, each) => sum + each, 0);
  const whole = Object.keys(domains).reduce(
    (sum, name) => sum + (exam.domains[name] * percent(domains[name])) / total,
    0,
  );
  return { domains, total, whole: Object.values(domains).every((each) => each.of >= bank.enough) ? whole : null };
}

function byObjective(outcomes) {
  const graded = [...outcomes.values()];
  const names = new Set(graded.flatMap((each) => each.objectives));
  return Object.fromEntries(
    [...names].map((name) => [name, shareOf(graded.filter((each) => each.objectives.includes(name)))]),
  );
}
