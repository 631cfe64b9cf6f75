"""What a learner has: the sealed banks and the forms of ``quizzes/banks``."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from pathlib import Path

from pydantic import ValidationError

from lakehouse.paths import ROOT
from workbook.quiz.forms import BLUEPRINTS, Form, assemble
from workbook.quiz.items import BankError
from workbook.quiz.sealed import Bank, read_sealed

FOLDER = ROOT / "quizzes" / "banks"
FORMS = "forms.json"


def whole_bank(folder: Path = FOLDER) -> Bank:
    """All questions as one bank.

    Raises
    ------
    BankError
        When there is none, or one is damaged.
    """
    paths = [path for path in sorted(folder.glob("*.json")) if path.name != FORMS]
    if not paths:
        raise BankError(f"there is no bank in {folder}: `wb build` makes them")
    return reduce(or_, map(read_sealed, paths))


@dataclass(frozen=True)
class Forms:
    """The fixed forms, and what is needed to draw others.

    Attributes
    ----------
    fixed : dict of str to Form
        By name.
    apart : dict of str to list of str
        For an id those that may not be in one form with it.
    """

    fixed: dict[str, Form]
    apart: dict[str, list[str]]


def read_forms(folder: Path = FOLDER) -> Forms:
    """The forms of a folder of banks.

    Raises
    ------
    BankError
        When the file is missing or damaged.
    """
    path = folder / FORMS
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        fixed = {fields["name"]: Form.model_validate(fields) for fields in content["forms"]}
        return Forms(fixed, content["apart"])
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        raise BankError(f"{path} cannot be read ({error}); `wb build` rebuilds it") from error


def to_json(found: Sequence[Form], apart: Mapping[str, Collection[str]]) -> str:
    """The text of the file of forms."""
    content = {"forms": [form.model_dump() for form in found], "apart": forms_of(found, apart).apart}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def draw(exam: str, seed: int, bank: Bank, forms: Forms) -> Form:
    """A new form by the blueprint of an exam; equal seeds give equal forms.

    Raises
    ------
    BankError
        For an unknown exam, or a bank that is too small.
    """
    if exam not in BLUEPRINTS:
        raise BankError(f"there is no blueprint {exam!r} to draw from. There are: {', '.join(BLUEPRINTS)}")
    return assemble(list(bank.items.values()), BLUEPRINTS[exam], seed, forms.apart)


def forms_of(found: Sequence[Form], apart: Mapping[str, Collection[str]]) -> Forms:
    """The forms as they will be read, in an order that does not change from build to build."""
    return Forms({form.name: form for form in found}, {one: sorted(others) for one, others in sorted(apart.items())})


def form_named(name: str, known: dict[str, Form]) -> Form:
    """The form of this name; ``04`` and ``4`` stand for ``quiz-04``.

    Raises
    ------
    BankError
        When there is none; the message lists them.
    """
    wanted = f"quiz-{int(name):02}" if name.isdigit() else name
    if wanted not in known:
        raise BankError(f"there is no form {name!r}. There are: {', '.join(known) or 'none'}")
    return known[wanted]
