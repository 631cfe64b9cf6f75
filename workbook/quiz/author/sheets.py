"""Answer sheets: a notebook for each form, with its questions in the order of the bank's letters."""

from __future__ import annotations

import re

from nbformat import NotebookNode, v4

from workbook.quiz.forms import Form
from workbook.quiz.markup import spans
from workbook.quiz.sealed import Bank, SealedItem

_INTRODUCTION = """# {title}

{count} questions{clock}. Run the cells from the top.

- **With a form**: where the notebook's front end shows widgets, the third cell shows one question after the other. Its last
  button grades.
- **Without**: read the questions below, type the letters between the quotes of the next cell, `"B"`, or `"AC"` where two are
  asked for, and run everything again. An empty answer counts as wrong; nothing counts before the first answer is there.

Each question gives one point or none, as in the exam. The result shows what was right, why, and what to repeat."""


def cells(form: Form, bank: Bank) -> list[NotebookNode]:
    """The cells of an answer sheet. Equal questions give equal cells.

    Raises
    ------
    BankError
        When the bank lacks an item of the form.
    """
    asked = bank.only(form.items)
    clock = "" if form.minutes is None else f", {form.minutes} minutes. No clock runs here: set one of your own"
    introduction = _INTRODUCTION.format(title=_escaped(form.title), count=len(form.items), clock=clock)
    answers = "\n".join(f'    "{item}": "",' for item in form.items)
    parameters = f'quiz = "{form.name}"\nversion = "{asked.version}"\nstudent = ""\nanswers = {{\n{answers}\n}}'
    begin = "from workbook.quiz.sheet import Sheet\n\nsheet = Sheet(quiz, answers, version=version)\nsheet.show_form()"
    questions = [
        v4.new_markdown_cell(question(number, item), id=item.id) for number, item in enumerate(asked.items.values(), 1)
    ]
    return [
        v4.new_markdown_cell(introduction, id="introduction"),
        v4.new_code_cell(parameters, id="answers", metadata={"tags": ["parameters"]}),
        v4.new_code_cell(begin, id="form"),
        *questions,
        v4.new_code_cell("result = sheet.grade()", id="grade"),
    ]


def question(number: int, item: SealedItem) -> str:
    """A question as Markdown that Jupyter and Databricks show alike."""
    parts = [f"### {number} · `{item.id}`", prose(item.stem)]
    if item.code:
        parts.append(f"```python\n{item.code.rstrip()}\n```")
    if item.ask:
        parts.append(f"**{prose(item.ask)}**")
    parts.append("\n".join(f"- **{letter}** {prose(item.choices[n].text)}" for n, letter in enumerate(item.letters)))
    return "\n\n".join(parts)


def prose(text: str) -> str:
    """A question's text as Markdown in which only spans of code mean something."""
    return "".join(f"`{piece}`" if is_code else _escaped(piece) for is_code, piece in spans(text))


def _escaped(text: str) -> str:
    # Between two dollar signs Jupyter would typeset mathematics.
    return re.sub(r"([\\*_$~\[\]<>#|])", r"\\\1", text)
