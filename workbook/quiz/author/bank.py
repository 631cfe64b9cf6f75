"""Questions as their authors write them: ``questions.yaml`` of a chapter, checked field by field when read."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from workbook.manifest import Manifest, load_yaml, manifest
from workbook.objectives import OBJECTIVES, domain_of
from workbook.quiz.items import LETTERS, BankError

#: The tiers, and what the key of a question rests on in each.
TIER_RESTS_ON = {
    "executed": "a proof runs every choice, on real Spark, Delta, MLflow, scikit-learn or SciPy, or on our documented local "
    "rule; `./wb test` compares what it returns with the key",
    "package": "a proof reads an installed package: a signature, a field, an enumeration",
    "documented": "a page of the product's documentation, named in the item, with what it says in our words",
    "judgement": "the reasons of its choices argue it",
}
TIERS = tuple(TIER_RESTS_ON)
PROVED_TIERS = ("executed", "package")

#: The questions that the course began with.
SEED_QUESTIONS = tuple(name for paper in manifest().papers for name in paper.names)
_ID = re.compile(r"[a-z]+(-[a-z0-9]+)+-\d{3}")

Entry = TypeVar("Entry", bound=BaseModel)
Text = Annotated[str, Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Choice(_Strict):
    """One choice with the reason why it is right or wrong."""

    text: Text
    correct: bool
    reason: Text


class Page(_Strict):
    """A documentation page and what it says, in our words."""

    name: Text
    says: Text


class Item(_Strict):
    """One question.

    Attributes
    ----------
    id : str
        ``<prefix>-<topic>-<three digits>``, unique in the bank, and never used again.
    objectives : tuple of str
        Ids of :data:`workbook.objectives.OBJECTIVES`.
    stem, code, ask : str
        The situation, code to read (optional), and the question; ``ask`` may be left out where the stem ends in it.
    scenario : bool
        Whether the question asks for a decision in a situation, not for a fact.
    exam : bool
        Whether an exam may draw it; false for a question about preparing for one.
    select : int
        How many choices are to be taken. More than one is said in the question.
    choices : tuple of Choice
        In the order in which their letters A, B, ... are given.
    difficulty : {1, 2, 3}
        1 most get right who have done it once, 3 needs two ideas at a time.
    tier : str
        What the key rests on. ``executed``: a proof runs the choices. ``package``: a proof reads an installed package.
        ``documented``: ``page`` says so. ``judgement``: the reasons argue it.
    versions : dict of str to str
        Packages that the key depends on, with the version it was checked with.
    checked : date
        First day of the month in which it was checked.
    source : tuple of str
        Seed questions that this item stands for.
    see : str
        Section of a lesson, ``<notebook>#<heading>``.
    """

    id: str
    objectives: Annotated[tuple[str, ...], Field(min_length=1)]
    stem: Text
    code: str | None = None
    ask: str | None = None
    scenario: bool = False
    exam: bool = True
    select: Annotated[int, Field(ge=1)] = 1
    choices: Annotated[tuple[Choice, ...], Field(min_length=3, max_length=6)]
    difficulty: Literal[1, 2, 3]
    tier: Literal["executed", "package", "documented", "judgement"]
    page: Page | None = None
    versions: dict[str, str] = {}
    checked: date
    source: tuple[str, ...] = ()
    see: Annotated[str, Field(pattern=r"^\d\d_[a-z_]+#[a-z0-9-]+$")]

    @field_validator("id")
    @classmethod
    def _named(cls, value: str) -> str:
        if not _ID.fullmatch(value):
            raise ValueError(f"{value!r} is not of the form prefix-topic-001")
        return value

    @field_validator("objectives")
    @classmethod
    def _known(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [value for value in values if value not in OBJECTIVES]
        if unknown:
            raise ValueError(f"unknown objectives {unknown}; objectives.yaml lists them")
        return values

    @field_validator("source")
    @classmethod
    def _seed(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [value for value in values if value not in SEED_QUESTIONS]
        if unknown:
            raise ValueError(f"{unknown} are no seed questions; write 003/PE1-12, 003/Q1-8 or 002/2.4")
        return values

    @field_validator("checked", mode="before")
    @classmethod
    def _month(cls, value: Any) -> Any:
        return f"{value}-01" if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d", value) else value

    @model_validator(mode="after")
    def _consistent(self) -> Item:
        n_correct = len(self.key)
        if n_correct != self.select:
            raise ValueError(f"{n_correct} choices are correct and select is {self.select}")
        if n_correct == len(self.choices):
            raise ValueError("every choice is correct")
        if (self.tier == "documented") != (self.page is not None):
            raise ValueError(f"tier {self.tier}: a page belongs to documented items, and only to them")
        # Case may be the difference: open-source MLflow takes "champion" and "Champion" for two aliases.
        if len({choice.text for choice in self.choices}) < len(self.choices):
            raise ValueError("two choices have the same text")
        return self

    @property
    def proof(self) -> str | None:
        """Name of the function in the chapter's ``proofs.py`` that runs the choices; None for a tier without proofs."""
        return self.id.replace("-", "_") if self.tier in PROVED_TIERS else None

    @property
    def key(self) -> str:
        """Letters of the correct choices, ``"B"`` or ``"AC"``."""
        return "".join(letter for letter, choice in zip(LETTERS, self.choices, strict=False) if choice.correct)

    @property
    def domain(self) -> str:
        """The exam domain of the first objective, such as ``PRO-2``."""
        return domain_of(self.objectives[0])

    @property
    def letters(self) -> str:
        """The letters that can be chosen."""
        return LETTERS[: len(self.choices)]


def read_list(path: Path, model: type[Entry], named_by: str) -> list[Entry]:
    """Read a YAML file that holds a list, each entry a model.

    Parameters
    ----------
    named_by : str
        The field that names an entry in messages.

    Raises
    ------
    BankError
        One line for each fault: file, entry, field and what is wrong.
    """
    file = f"{path.parent.name}/{path.name}"
    try:
        raw = load_yaml(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise BankError(f"{file} is not YAML: {error}") from error
    if not isinstance(raw, list):
        raise BankError(f"{file} must hold a list of {model.__name__.lower()}s")
    entries, faults = [], []
    for number, fields in enumerate(raw, start=1):
        unnamed = f"{model.__name__.lower()} {number}"
        name = fields.get(named_by, unnamed) if isinstance(fields, dict) else unnamed
        try:
            entries.append(model.model_validate(fields))
        except ValidationError as error:
            for fault in error.errors():
                field = ".".join(map(str, fault["loc"])) or model.__name__.lower()
                faults.append(f"{file}, {name}, {field}: {fault['msg'].removeprefix('Value error, ')}")
    if faults:
        raise BankError("\n".join(faults))
    return entries


def read_chapter(path: Path) -> list[Item]:
    """Read one file of questions. Errors as for :func:`read_list`."""
    return read_list(path, Item, "id")


def read_bank(course: Manifest | None = None) -> dict[str, list[Item]]:
    """Read all questions: stem of a chapter to its items, for the chapters that have any.

    Parameters
    ----------
    course : Manifest, optional
        By default that of this course.

    Raises
    ------
    BankError
        For the faults of :func:`read_list`, and for an id that occurs twice.
    """
    course = course or manifest()
    files = {chapter.stem: course.chapter_folder(chapter) / "questions.yaml" for chapter in course.chapters}
    bank = {stem: read_chapter(path) for stem, path in files.items() if path.exists()}
    where: dict[str, str] = {}
    faults = []
    for chapter, items in bank.items():
        for item in items:
            if item.id in where:
                faults.append(f"{chapter}, {item.id}, id: stands in {where[item.id]} already")
            where[item.id] = chapter
    if faults:
        raise BankError("\n".join(faults))
    return {stem: items for stem, items in bank.items() if items}
