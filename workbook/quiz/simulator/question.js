"use strict";
// The screens of a sitting: a question, the pause, the end.

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
    practising()
      ? h("span", { class: "soft" }, "Practice")
      : h("span", { id: "clock", role: "timer", "aria-label": "Time left" }, clock(secondsLeft())),
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
        : h(
            "button",
            { type: "submit", class: "main", "aria-keyshortcuts": "n" },
            place + 1 < sat.items.length ? "Next" : "To the end",
          ),
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
        h(
          "div",
          { class: "head" },
          h("h1", {}, `Question ${place + 1} of ${sat.items.length}`),
          h("span", { class: "soft" }, item.id),
        ),
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
  return {
    given,
    key,
    right: given === key,
    reasons: Object.fromEntries(letters.map((letter, n) => [letter, reasons[n]])),
  };
}

function markOf({ given, key }, letter) {
  const right = key.includes(letter);
  const chosen = given.includes(letter);
  if (right) return { kind: "right", words: chosen ? "Right, your answer" : "Right" };
  return { kind: chosen ? "wrong" : "", words: chosen ? "Wrong, your answer" : "Wrong" };
}

function verdict(item, { right, key }, order) {
  const letters = Array.from(key, (letter) => shownLetter(order, letter))
    .sort()
    .join(" and ");
  return h(
    "div",
    { class: `verdict ${right ? "right" : "wrong"}`, id: "verdict", tabindex: -1 },
    h("p", {}, h("b", {}, right ? "Right." : "Not right."), right ? "" : ` The key is ${letters}.`),
    soft("See ", lessonWords([item.see])),
  );
}

const flagButton = (item) =>
  button("Flag", flag, {
    id: "flag",
    class: "toggle",
    "aria-pressed": String(stateOf(item).flagged),
    "aria-keyshortcuts": "f",
  });

function questionList() {
  const counts = sat.items.filter(isComplete).length;
  return h(
    "nav",
    { class: "navigator", "aria-label": "Questions", id: "navigator" },
    h("p", { class: "soft", id: "answered" }, `${counts} of ${sat.items.length} answered`),
    h(
      "ol",
      {},
      sat.items.map((item, n) => h("li", {}, cell(item, n))),
    ),
    h(
      "p",
      { class: "legend soft" },
      h("span", {}, "✓ answered"),
      h("span", {}, "… not complete"),
      h("span", {}, "⚑ flagged"),
    ),
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
  document.getElementById("answered").textContent =
    `${sat.items.filter(isComplete).length} of ${sat.items.length} answered`;
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
      h(
        "div",
        { class: "row" },
        button("Go on", unpause, { class: "main" }),
        h("a", { class: "button", href: "#" }, "Leave"),
      ),
    ),
  );
}

function showEnd() {
  const numbers = sat.items.map((item, n) => [item, n]);
  const open = numbers.filter(([item]) => !isComplete(item));
  const flagged = numbers.filter(([item]) => stateOf(item).flagged);
  const list = (title, found) =>
    found.length
      ? h(
          "section",
          {},
          h("h2", {}, `${title}: ${found.length}`),
          h(
            "ul",
            { class: "numbers" },
            found.map(([item, n]) => h("li", {}, cell(item, n))),
          ),
        )
      : null;
  show(
    "The end",
    topBar(),
    h(
      "div",
      { class: "middle" },
      h("h1", {}, "The end"),
      h(
        "p",
        {},
        open.length
          ? "Some questions have no complete answer. One without an answer counts as wrong."
          : "Every question has an answer.",
      ),
      practising() ? null : soft("The clock stands on this page."),
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
