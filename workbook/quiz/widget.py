"""The form of an answer sheet, made of ipywidgets: one question at a time, in the letters of the notebook's own text."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from workbook.quiz.grading import AnswerError
from workbook.quiz.markup import code_html, question_html
from workbook.quiz.result_page import result_html
from workbook.quiz.sealed import SealedItem

if TYPE_CHECKING:
    from workbook.quiz.sheet import Sheet


def form(sheet: Sheet) -> widgets.Widget:
    """A form that fills in ``sheet.answers``; its last button grades and keeps the result."""
    return _Form(sheet).box


class _Form:
    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._items = list(sheet.bank.items.values())
        self._place = 0
        self._where = widgets.Label()
        self._question = widgets.HTML()
        self._choices = widgets.HBox()
        self._message = widgets.HTML()
        previous, following, finish = (widgets.Button(description=text) for text in ("Previous", "Next", "Grade"))
        finish.button_style = "primary"
        previous.on_click(lambda _: self._go(self._place - 1))
        following.on_click(lambda _: self._go(self._place + 1))
        finish.on_click(lambda _: self._grade())
        buttons = widgets.HBox([previous, following, finish, self._where])
        layout = widgets.Layout(max_width="60em")
        self.box = widgets.VBox([self._question, self._choices, buttons, self._message], layout=layout)
        self._go(0)

    def _go(self, place: int) -> None:
        self._place = min(max(place, 0), len(self._items) - 1)
        item = self._items[self._place]
        self._question.value = f"<h3>{self._place + 1} of {len(self._items)}</h3>{question_html(item)}"
        given = self._sheet.answers.get(item.id, "")
        boxes = [
            widgets.ToggleButton(
                description=letter,
                value=letter in given,
                tooltip=f"choose {letter}",
                layout=widgets.Layout(width="4em"),
            )
            for letter in item.letters
        ]
        for box in boxes:
            box.observe(lambda change: self._choose(item, change["owner"], boxes), names="value")
        self._choices.children = boxes
        self._tell()

    def _choose(self, item: SealedItem, clicked: Any, boxes: list[Any]) -> None:
        if clicked.value and item.select == 1:
            for box in boxes:
                if box is not clicked:
                    box.value = False
        chosen = [box for box in boxes if box.value]
        if len(chosen) > item.select:
            clicked.value = False
            self._message.value = f"<p>Choose {item.select}: take one back first.</p>"
            return
        self._message.value = ""
        self._sheet.answers[item.id] = "".join(box.description for box in chosen)
        self._tell()

    def _tell(self) -> None:
        answered = sum(bool(self._sheet.answers.get(item.id)) for item in self._items)
        self._where.value = f"{answered} of {len(self._items)} answered"

    def _grade(self) -> None:
        try:
            result = self._sheet.result()
        except AnswerError as error:
            self._message.value = f"<p>{html.escape(str(error))}</p>"
            return
        kept = self._sheet.keep()
        given = {item: letters for item, letters in self._sheet.answers.items() if letters}
        self._message.value = (
            f"{result_html(self._sheet.form, self._sheet.bank, result)}<p>{html.escape(kept)}</p>"
            f"<p>To hand this sheet in, put these in its cell of answers:</p>"
            f"{code_html('answers = ' + json.dumps(given, indent=4))}"
        )
