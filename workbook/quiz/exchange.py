"""Results as files: JSON that every face of the quizzes reads and writes, CSV for a spreadsheet, a deck for Anki."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from lakehouse.errors import InvalidValue
from workbook.quiz import sittings
from workbook.quiz.forms import Form
from workbook.quiz.items import LETTERS
from workbook.quiz.markup import prose_html, question_html
from workbook.quiz.sealed import Bank, SealedItem
from workbook.quiz.sittings import Answer, Sitting

FORMAT = "lakehouse-ml-workbook sittings"
VERSION = 1
#: Anki recognises a deck and a kind of note by these numbers: a later deck updates the cards of an earlier one.
_DECK, _MODEL = 1_893_411_702, 1_893_411_703


class ExchangeError(InvalidValue):
    """A file that cannot be taken over; the message names the field. Nothing has been recorded."""


def _utc(value: str) -> str:
    moment = datetime.fromisoformat(value)
    if moment.utcoffset() is None:
        raise ValueError("a time needs its distance from UTC, such as 2026-11-21T10:00:00+00:00")
    return value


Moment = Annotated[str, AfterValidator(_utc)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class AnswerRecord(_Strict):
    """An :class:`workbook.quiz.sittings.Answer` in a file."""

    item: str
    given: Annotated[str, Field(pattern=f"^[{LETTERS}]*$")]
    flagged: bool
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    at: Moment


class SittingRecord(_Strict):
    """A :class:`workbook.quiz.sittings.Sitting` in a file."""

    uid: Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$")]
    form: Annotated[str, Field(min_length=1)]
    title: str
    version: str
    items: Annotated[list[str], Field(min_length=1)]
    seed: int
    minutes: int | None
    begun: Moment
    finished: Moment | None
    answers: list[AnswerRecord]

    @model_validator(mode="after")
    def _of_this_form(self) -> SittingRecord:
        strange = {answer.item for answer in self.answers} - set(self.items)
        if strange:
            raise ValueError(f"answers to {sorted(strange)}, which were not asked")
        return self


class SittingsFile(_Strict):
    """The whole file."""

    format: Literal["lakehouse-ml-workbook sittings"]
    version: Literal[1]
    sittings: list[SittingRecord]


def to_json(found: Iterable[Sitting]) -> str:
    """The text of a file with these sittings."""
    content = [
        {
            "uid": sitting.uid,
            "form": sitting.form.name,
            "title": sitting.form.title,
            "version": sitting.version,
            "items": list(sitting.form.items),
            "seed": sitting.seed,
            "minutes": sitting.form.minutes,
            "begun": sitting.begun,
            "finished": sitting.finished,
            "answers": [asdict(answer) for answer in sitting.log],
        }
        for sitting in found
    ]
    return json.dumps({"format": FORMAT, "version": VERSION, "sittings": content}, indent=1, ensure_ascii=False) + "\n"


def from_json(text: str) -> list[Sitting]:
    """Read such a text.

    Raises
    ------
    ExchangeError
        One line for each field that is wrong.
    """
    try:
        records = SittingsFile.model_validate_json(text).sittings
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors()
        ]
        raise ExchangeError("\n".join(faults)) from None
    return [
        Sitting(
            record.uid,
            Form(name=record.form, title=record.title, minutes=record.minutes, items=tuple(record.items)),
            record.version,
            record.seed,
            record.begun,
            record.finished,
            [Answer(**answer.model_dump()) for answer in record.answers],
        )
        for record in records
    ]


def to_csv(found: Iterable[Sitting], bank: Bank) -> str:
    """A line for each item of each sitting, with what was answered last.

    ``right`` is 1 or 0, and empty where the question has changed since or is gone.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["sitting", "form", "begun", "finished", "item", "domain", "objectives", "given", "right", "flagged", "seconds"]
    )
    for sitting in found:
        graded = sittings.graded(sitting, bank)
        outcomes = {item.id: item for item in graded.items} if graded else {}
        answers, seconds, flagged = sitting.answers, sitting.seconds, sitting.flagged
        for item in sitting.form.items:
            known = outcomes.get(item)
            writer.writerow(
                [
                    sitting.uid,
                    sitting.form.name,
                    sitting.begun,
                    sitting.finished or "",
                    item,
                    known.domain if known else "",
                    " ".join(known.objectives) if known else "",
                    answers.get(item, ""),
                    int(known.right) if known else "",
                    int(item in flagged),
                    f"{seconds.get(item, 0.0):.1f}",
                ]
            )
    return text.getvalue()


def write_anki(bank: Bank, path: Path) -> int:
    """Write the questions as a deck for Anki, keys in clear, and return their number. A tag for each objective."""
    import genanki

    model = genanki.Model(
        _MODEL,
        "Lakehouse ML workbook question",
        fields=[{"name": name} for name in ("Id", "Question", "Answer")],
        templates=[
            {
                "name": "Question",
                "qfmt": "{{Question}}",
                "afmt": "{{FrontSide}}<hr id=answer>{{Answer}}<p><small>{{Id}}</small></p>",
            }
        ],
        css=".card { font-family: sans-serif; text-align: left; max-width: 45em; margin: auto }"
        " pre { background: #8882; padding: .6em; white-space: pre-wrap } .right { font-weight: bold }",
    )
    deck = genanki.Deck(_DECK, "Lakehouse ML workbook")
    for item in bank.items.values():
        deck.add_note(
            genanki.Note(
                model=model,
                fields=[item.id, question_html(item), _answer(item)],
                tags=[objective.replace(".", "-") for objective in item.objectives],
                guid=genanki.guid_for(item.id),
            )
        )
    genanki.Package(deck).write_to_file(str(path))
    return len(bank.items)


def _answer(item: SealedItem) -> str:
    lines = "".join(
        f'<li class="{"right" if item.is_right(letter) else "wrong"}">'
        f"{'Right' if item.is_right(letter) else 'Wrong'}. {prose_html(item.reason(letter))}</li>"
        for letter in item.letters
    )
    return f"<p><b>{', '.join(item.key())}</b></p><ol type=A>{lines}</ol>"
