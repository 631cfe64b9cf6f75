"""What grading has to give, in Python and in the browser: ``python tests/browser/grading_vectors.py`` writes the file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from questions import plain_item

from workbook.quiz.grading import AnswerError, grade
from workbook.quiz.items import shuffled_letters
from workbook.quiz.sealed import Bank, SealedItem, item_of, seal

PATH = Path(__file__).parent / "vectors" / "grading.json"

BANK = seal(
    [
        plain_item(1, "B"),
        plain_item(2, "AC", ("PRO-1.18", "PRO-2.01")),
        plain_item(3, "D", ("PRO-2.01",)),
        plain_item(4, "ABE", ("ASC-1.06",), n_choices=5),
        plain_item(5, "F", ("PRO-3.02", "ASC-4.02"), n_choices=6),
        plain_item(6, "A", ("PRO-2.01", "PRO-2.02"), n_choices=3),
        plain_item(7, "BD", ("PRO-2.02",)),
    ]
)
_RIGHT = {each.id: each.key() for each in BANK.items.values()}
_FIRST, _TWO, _FIVE, _SIX = "fs-pit-001", "fs-pit-002", "fs-pit-004", "fs-pit-005"

#: Name of a case to its answers, and to the version they were given to where that is asked for.
_SHEETS: dict[str, tuple[dict[str, Any], str | None]] = {
    "nothing": ({}, None),
    "nothing, to this version": ({}, BANK.version),
    "everything right": (_RIGHT, BANK.version),
    "everything wrong": ({each: "C" if each != _TWO else "BD" for each in _RIGHT}, None),
    "one of two right": ({_TWO: "A"}, None),
    "one right and one wrong": ({_TWO: "AB"}, None),
    "two of three right": ({_FIVE: "AB"}, None),
    "two right and one wrong": ({_FIVE: "ABC"}, None),
    "empty answers": ({_FIRST: "", _TWO: " , "}, None),
    "case, order, spaces and commas": ({_TWO: "c, a", _FIVE: "e b a", _FIRST: " b "}, None),
    "the sixth choice": ({_SIX: "f"}, None),
    "half of them": ({each: key for each, key in _RIGHT.items() if int(each[-1]) % 2}, None),
    "unknown item": ({_FIRST: "B", "fs-pit-009": "A"}, None),
    "unknown item before a bad letter": ({_FIRST: "Z", "fs-pit-009": "A"}, None),
    "the name of a property": ({"toString": "A"}, None),
    "choice that the item does not have": ({_FIRST: "E"}, None),
    "choice that no item has": ({_FIVE: "ABG"}, None),
    "first of several bad letters": ({_FIRST: "zyb"}, None),
    "sign": ({_FIRST: "?"}, None),
    "quote": ({_FIRST: "'"}, None),
    "backslash and line end": ({_FIRST: "B\\\n"}, None),
    "letter of another alphabet": ({_FIRST: "ß"}, None),
    "letter twice": ({_TWO: "AA"}, None),
    "letter twice in both cases": ({_TWO: "a,A"}, None),
    "too many letters": ({_FIRST: "BC"}, None),
    "too many letters, with commas": ({_TWO: "a, b, c"}, None),
    "number": ({_FIRST: 2}, None),
    "null": ({_FIRST: None}, None),
    "truth value": ({_FIRST: True}, None),
    "list": ({_FIRST: ["B", 1, None]}, None),
    "object": ({_FIRST: {"given": "it's"}}, None),
    "another version": (_RIGHT, "0123456789ab"),
    "another version before a fault": ({"fs-pit-009": "A"}, "0123456789ab"),
}


def vectors() -> dict[str, Any]:
    """The content of the file."""
    return {
        "items": [
            asdict(each) | {"version": each.version, "domain": each.domain, "key": each.key()}
            for each in BANK.items.values()
        ],
        "reasons": {each.id: [each.reason(letter) for letter in each.letters] for each in BANK.items.values()},
        "version": BANK.version,
        "orders": [
            {"item": each.id, "seed": seed, "order": shuffled_letters(each.id, each.letters, seed)}
            for each in BANK.items.values()
            for seed in (0, 7, 2**31 - 1)
        ],
        "cases": [
            {"name": name, "answers": answers, "version": version, **outcome(BANK, answers, version)}
            for name, (answers, version) in _SHEETS.items()
        ],
    }


def outcome(bank: Bank, answers: dict[str, Any], version: str | None) -> dict[str, Any]:
    """What ``grade`` gives: a result, or the message with which it refuses."""
    try:
        result = grade(bank, answers, version=version)
    except AnswerError as error:
        return {"error": str(error)}
    return {
        "result": {
            "version": result.version,
            "items": [asdict(each) for each in result.items],
            "score": asdict(result.score),
            "answered": result.answered,
            "partial": result.partial,
            "domains": {name: asdict(share) for name, share in result.by_domain.items()},
            "objectives": {name: asdict(share) for name, share in result.by_objective.items()},
            "weakest": result.weakest(),
        }
    }


def read_bank(items: list[dict[str, Any]]) -> Bank:
    """The bank of a file of vectors, as if it had been read from a sealed one."""
    fields = SealedItem.__dataclass_fields__
    return Bank(
        {each["id"]: item_of({name: value for name, value in each.items() if name in fields}) for each in items}
    )


if __name__ == "__main__":
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text(json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
