"use strict";
// The first screen: what can be sat, what was, and what to repeat.

async function showHome() {
  const sittings = allSittings();
  const { graded, outcomes } = await standing(sittings);
  const open = [];
  for (const sitting of sittings.filter((each) => !each.finished).reverse()) {
    open.push(openCard(sitting, (await presentVersion(sitting)) === sitting.version));
  }
  const forms = [...bank.forms.values()];
  const last = new Map(
    [...sittings].filter((each) => graded.has(each.uid)).map((each) => [each.form, graded.get(each.uid)]),
  );
  const cards = (found) => found.map((form) => formCard(form, last.get(form.name)));
  const quizzes = forms.filter((form) => form.minutes === null);
  show(
    "Exam simulator",
    h("h1", {}, "Exam simulator"),
    h(
      "p",
      { class: "lead" },
      `${plural(bank.items.size, "question")}, each choice with its reason. Sit an exam against the clock, or practise without it.`,
    ),
    open.length ? section("Go on", h("ul", { class: "cards" }, open)) : null,
    section(
      "Exams",
      h("ul", { class: "cards" }, cards(forms.filter((form) => form.minutes !== null)), await Promise.all(bank.exams.map(randomCard))),
    ),
    missedSection(missedForm(outcomes)),
    quizzes.length ? section("Quizzes", h("ul", { class: "cards small" }, cards(quizzes))) : null,
    outcomes.size ? standingSection(outcomes) : null,
    historySection(sittings, graded),
    dataSection(sittings),
  );
}

const section = (title, ...children) => h("section", {}, h("h2", {}, title), ...children.flat());

const size = (form) => plural(form.items.length, "question") + (form.minutes === null ? "" : `, ${form.minutes} min`);

const formCard = (form, result) =>
  h(
    "li",
    { class: "card" },
    h("a", { href: `#${form.name}` }, form.title),
    h("span", { class: "soft" }, `${form.name}: ${size(form)}`),
    result ? h("span", { class: "soft" }, `Last: ${figure(result.score)} (${share(result.score)})`) : null,
  );

async function randomCard(exam) {
  const questions = Object.values(exam.domains).reduce((sum, each) => sum + each, 0);
  const title = `${exam.title}, random exam`;
  try {
    const form = await drawExam(exam, newSeed());
    return h(
      "li",
      { class: "card" },
      h("a", { href: `#${form.name}` }, title),
      h("span", { class: "soft" }, `Drawn by the exam's weights: ${size(form)}`),
    );
  } catch (error) {
    return h(
      "li",
      { class: "card off" },
      h("span", {}, title),
      h("span", { class: "soft" }, `${plural(questions, "question")}. Not yet: ${error.message}.`),
    );
  }
}

function openCard(sitting, current) {
  const { title, begun, items, minutes } = sitting;
  const answered = Object.values(answersOf(sitting)).filter(Boolean).length;
  const left = minutes === null ? "practice" : `${clock(60 * minutes - secondsOf(sitting) - sitting.desk.spent)} left`;
  return h(
    "li",
    { class: "card open" },
    current ? h("a", { href: `#sitting=${sitting.uid}` }, `Go on with ${title}`) : h("span", {}, title),
    h("span", { class: "soft" }, `${answered} of ${items.length} answered, ${left}, begun ${day(begun)}`),
    current ? null : h("span", { class: "soft" }, "Its questions have changed since: it cannot be taken up."),
    button("Discard", () => discard(sitting), {
      class: "quiet",
      "aria-label": `Discard ${title}, begun ${day(begun)}`,
    }),
  );
}

async function discard(sitting) {
  const text = "Its answers are deleted from this browser for good.";
  if (!(await confirmed(`Discard ${sitting.title}?`, text, "Discard"))) return;
  deleteSitting(sitting.uid);
  await showHome();
  focusHeading();
  say(`${sitting.title} was discarded.`);
}

function missedSection(form) {
  return section(
    "What you missed",
    form
      ? h(
          "p",
          {},
          h("a", { href: "#missed" }, `Repeat ${plural(form.items.length, "question")}`),
          " whose latest answer was wrong.",
        )
      : soft("Questions whose latest answer was wrong gather here when a sitting is finished."),
  );
}

function standingSection(outcomes) {
  const shares = byObjective(outcomes);
  const weakest = weakestOf(shares, 5);
  const exams = bank.exams
    .map((exam) => ({ exam, ...readiness(exam, outcomes) }))
    .filter(({ domains }) => Object.values(domains).some((each) => each.of));
  return section(
    "Where you stand",
    soft(
      `From the latest answer to each question, weighted like the exam. A domain counts from ${bank.enough} answers on.`,
    ),
    ...exams.map(({ exam, domains, total, whole }) => [
      h("h3", {}, `${exam.title}: ${whole === null ? "not known yet" : `${Math.round(whole)}\u00a0% ready`}`),
      table(
        exam.title,
        ["Domain", "Weight", "Right", ""],
        Object.entries(domains).map(([name, each]) => [
          domainWords(name),
          share({ right: exam.domains[name], of: total }),
          each.of >= bank.enough
            ? `${figure(each)} (${share(each)})`
            : `${figure(each)}; ${plural(bank.enough - each.of, "more answer")} needed`,
          bar(each),
        ]),
      ),
    ]),
    weakest.length ? h("h3", {}, "Weakest objectives") : null,
    weakest.length ? weakList(weakest, shares, (item) => outcomes.get(item.id)?.right === false) : null,
  );
}

// Objectives with their wording, and the lessons of those questions that were not right.
function weakList(names, shares, isMissed) {
  return h(
    "ol",
    { class: "weak" },
    names.map((name) => {
      const lessons = new Set(
        [...bank.items.values()]
          .filter((item) => item.objectives.includes(name) && isMissed(item))
          .map((item) => item.see),
      );
      return h(
        "li",
        {},
        h("p", {}, objectiveWords(name), ` (${figure(shares[name])} right)`),
        soft("See ", lessonWords([...lessons])),
      );
    }),
  );
}

function historySection(sittings, graded) {
  const finished = sittings
    .filter((each) => each.finished)
    .sort((one, other) => (one.finished < other.finished ? 1 : -1));
  if (!finished.length) return section("History", soft("What you finish is listed here with its score."));
  return section(
    "History",
    table(
      "History",
      ["Finished", "What", "Mode", "Right", "Band"],
      finished.map((sitting) => {
        const score = graded.get(sitting.uid)?.score ?? sitting.desk.score;
        return [
          graded.has(sitting.uid)
            ? h("a", { href: `#result=${sitting.uid}` }, day(sitting.finished))
            : day(sitting.finished),
          sitting.title,
          sitting.minutes === null ? "practice" : "exam",
          score ? `${figure(score)} (${share(score)})` : "not known here",
          graded.has(sitting.uid) ? bandOf(score) : "its questions have changed since",
        ];
      }),
    ),
  );
}

function dataSection(sittings) {
  const input = h("input", {
    type: "file",
    class: "hidden",
    id: "import",
    accept: ".json,application/json",
    onchange: () => importChosen(input),
  });
  return section(
    "Your data",
    soft("Sittings are kept in this browser only. Export them to keep them, or to take them to another one."),
    h(
      "div",
      { class: "row" },
      button("Export", () => exportSittings(sittings.length), { disabled: !sittings.length }),
      h("label", { class: "file", for: "import" }, "Import", input),
      button("Delete all", () => deleteAll(sittings.length), { disabled: !sittings.length, class: "danger" }),
    ),
  );
}

function exportSittings(count) {
  const url = URL.createObjectURL(new Blob([exported()], { type: "application/json" }));
  h("a", { href: url, download: `sittings-${now().slice(0, 10)}.json` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
  say(`${plural(count, "sitting")} exported.`);
}

async function importChosen(input) {
  const [file] = input.files;
  if (!file) return;
  try {
    const { added, replaced, kept } = await importFile(await file.text());
    await showHome();
    say(`Imported ${file.name}: ${added} added, ${replaced} replaced by longer ones, ${kept} known already.`);
  } catch (error) {
    input.value = "";
    say(`Nothing was imported from ${file.name}: ${error.message}`, true);
  }
  document.getElementById("import").focus();
}

async function deleteAll(count) {
  const text = "They are deleted from this browser for good. An exported file could bring them back.";
  if (!(await confirmed(`Delete ${plural(count, "sitting")}?`, text, "Delete all"))) return;
  entryNames()
    .filter((name) => name.startsWith("sitting:"))
    .forEach((name) => writeEntry(name, null));
  await showHome();
  focusHeading();
  say("All sittings were deleted.");
}
