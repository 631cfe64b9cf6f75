"use strict";
// What came of a sitting: score, shares, what to repeat, and every question with its reasons.

async function showResult(sitting) {
  const items = itemsOf(sitting.items);
  const result = await grade(items, answersOf(sitting), sitting.version);
  const missed = result.items.filter((each) => !each.right).map((each) => each.id);
  const times = latest(sitting);
  const questions = await Promise.all(
    items.map((item, n) => reviewed(sitting, item, n, result.items[n], times.get(item.id))),
  );
  show(
    `Result of ${sitting.title}`,
    h("h1", {}, sitting.title),
    soft(
      `${sitting.minutes === null ? "Practice" : `Exam of ${sitting.minutes} min`}, finished ${day(sitting.finished)}, ${duration(secondsOf(sitting))} in all`,
    ),
    scoreCard(result),
    missed.length
      ? h(
          "p",
          { class: "row no-print" },
          button(`Review what was missed (${missed.length})`, () => start(reviewForm(sitting, missed), true), {
            class: "main",
          }),
          button("Print", () => window.print()),
        )
      : null,
    shareTables(result),
    weakSection(result, missed),
    slowSection(sitting, times),
    section(
      "Every question",
      h(
        "p",
        { class: "row no-print" },
        button("Open all", () => openAll(true)),
        button("Close all", () => openAll(false)),
      ),
      h("div", { class: "reviews" }, questions),
    ),
    h("p", { class: "no-print" }, h("a", { href: "#" }, "Back to the start")),
  );
}

const reviewForm = (sitting, items) => ({
  name: "missed",
  title: `Missed in ${sitting.title}`.replace(/^(Missed in )+/, "Missed in "),
  minutes: null,
  items,
});

function scoreCard({ score, partial, answered, items }) {
  return h(
    "div",
    { class: "card score" },
    h("p", { class: "big" }, figure(score), " right", h("span", { class: "soft" }, ` ${share(score)}`)),
    bar(score),
    h(
      "p",
      {},
      h("b", {}, `${bandOf(score)[0].toUpperCase()}${bandOf(score).slice(1)}.`),
      " No cut score of the real exams is published; the bands are ours.",
    ),
    answered < items.length ? h("p", {}, `${plural(items.length - answered, "question")} without an answer.`) : null,
    partial > score.right + 1e-9
      ? soft(`With partial credit, which the exam does not give: ${partial.toFixed(1)}`)
      : null,
  );
}

function shareTables({ domains, objectives }) {
  const rows = (shares, words) =>
    Object.entries(shares).map(([name, each]) => [words(name), `${figure(each)} (${share(each)})`, bar(each)]);
  return [
    section("By domain", table("By domain", ["Domain", "Right", ""], rows(domains, domainWords))),
    section(
      "By objective",
      h(
        "details",
        {},
        h("summary", {}, plural(Object.keys(objectives).length, "objective")),
        table("By objective", ["Objective", "Right", ""], rows(objectives, objectiveWords)),
      ),
    ),
  ];
}

const weakSection = ({ weakest, objectives }, missed) =>
  weakest.length
    ? section(
        "Repeat first",
        weakList(weakest, objectives, (item) => missed.includes(item.id)),
      )
    : null;

function slowSection(sitting, times) {
  const slowest = [...times]
    .filter(([, { seconds }]) => seconds >= 1)
    .sort(([, one], [, other]) => other.seconds - one.seconds);
  if (!slowest.length) return null;
  return section(
    "Time",
    h("p", {}, `${duration(secondsOf(sitting) / sitting.items.length)} a question on average. The slowest:`),
    h(
      "ol",
      { class: "slow" },
      slowest.slice(0, 5).map(([id, { seconds }]) =>
        h(
          "li",
          {},
          button(`Question ${sitting.items.indexOf(id) + 1}`, () => openReview(id), { class: "link" }),
          `, ${duration(seconds)}`,
        ),
      ),
    ),
  );
}

async function reviewed(sitting, item, n, graded, { seconds, flagged }) {
  const order = await shuffledLetters(item, sitting.seed);
  const result = await explain(item, graded.given);
  const given = Array.from(graded.given, (letter) => shownLetter(order, letter))
    .sort()
    .join(", ");
  const words = graded.right ? "right" : graded.given ? "not right" : "no answer";
  return h(
    "details",
    { class: `review ${graded.right ? "right" : "wrong"}`, id: `review-${item.id}` },
    h(
      "summary",
      {},
      h("b", {}, `Question ${n + 1}`),
      h("span", { class: "outcome" }, words),
      flagged ? h("span", { class: "soft" }, "flagged") : null,
      h("span", { class: "soft" }, duration(seconds)),
      h("span", { class: "soft id" }, item.id),
    ),
    h(
      "div",
      { class: "body" },
      ...situation(item),
      item.ask ? h("p", {}, h("b", {}, spans(item.ask))) : null,
      h(
        "ul",
        { class: "choices" },
        Array.from(order, (letter, place) => reviewedChoice(item, letter, place, result)),
      ),
      soft(`Your answer: ${given || "none"}. Objectives: ${item.objectives.join(", ")}. See `, lessonWords([item.see])),
    ),
  );
}

function reviewedChoice(item, letter, place, result) {
  const mark = markOf(result, letter);
  return h(
    "li",
    { class: `choice ${mark.kind}` },
    h(
      "div",
      { class: "line" },
      h("span", { class: "letter" }, LETTERS[place]),
      h("span", { class: "text" }, spans(item.choices[LETTERS.indexOf(letter)].text)),
      h("span", { class: "mark" }, mark.words),
    ),
    h("p", { class: "reason" }, spans(result.reasons[letter])),
  );
}

function openAll(open) {
  document.querySelectorAll("#main details").forEach((each) => (each.open = open));
}

function openReview(id) {
  const review = document.getElementById(`review-${id}`);
  review.open = true;
  review.scrollIntoView();
  review.querySelector("summary").focus({ preventScroll: true });
}
