"use strict";
// The screen before a sitting: which form, and in which mode.

// The form of an address: a fixed one, a random one, what was missed; undefined when there is none.
async function formOf(name) {
  if (bank.forms.has(name)) return bank.forms.get(name);
  if (name === "missed") return missedForm((await standing(allSittings())).outcomes);
  return randomForm(name);
}

async function showStart(form) {
  const minutes = minutesOf(form);
  const version = await versionOf(itemsOf(form.items));
  const open = allSittings()
    .reverse()
    .find((each) => !each.finished && each.form === form.name && each.version === version);
  show(
    form.title,
    h("h1", {}, form.title),
    h(
      "p",
      { class: "lead" },
      plural(form.items.length, "question"),
      form.minutes === null ? "" : `, ${form.minutes} min`,
    ),
    open
      ? h(
          "p",
          { class: "card open" },
          h("a", { href: `#sitting=${open.uid}` }, "Go on where you left it"),
          h("span", { class: "soft" }, `begun ${day(open.begun)}`),
        )
      : null,
    h(
      "div",
      { class: "modes" },
      mode(
        "Exam",
        `The clock runs: ${minutes} min${form.minutes === null ? ", two a question" : ""}. Reasons come at the end. You can pause; a paused question is hidden.`,
        () => start(form, false),
      ),
      mode("Practice", "No clock. After each answer you see why every choice is right or wrong.", () =>
        start(form, true),
      ),
    ),
    h("p", {}, h("a", { href: "#" }, "Back")),
  );
}

const mode = (title, text, begin) =>
  h(
    "section",
    { class: "card" },
    h("h2", {}, title),
    h("p", {}, text),
    button(`Begin ${title.toLowerCase()}`, begin, { class: "main" }),
  );

async function start(form, practice) {
  const sitting = await newSitting(form, practice);
  saveSitting(sitting);
  location.hash = `sitting=${sitting.uid}`;
}
