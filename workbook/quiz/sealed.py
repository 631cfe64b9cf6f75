"""Banks as learners get them: ``quizzes/banks/<chapter>.json``, with keys hashed and reasons masked.

A seal stops the eye of somebody who opens the file, and a search in it. It does not stop an attacker: whoever can grade
offline can also try every letter.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbook.objectives import domain_of
from workbook.quiz.items import LETTERS, BankError

if TYPE_CHECKING:
    from workbook.quiz.author.bank import Item

FORMAT = 1


@dataclass(frozen=True)
class SealedChoice:
    """A choice: ``seal`` hides whether it is right, ``reason`` is masked."""

    text: str
    seal: str
    reason: str


@dataclass(frozen=True)
class SealedItem:
    """A question without its key. The fields are those of :class:`workbook.quiz.author.bank.Item`."""

    id: str
    objectives: tuple[str, ...]
    stem: str
    code: str | None
    ask: str | None
    exam: bool
    select: int
    choices: tuple[SealedChoice, ...]
    difficulty: int
    see: str

    @property
    def letters(self) -> str:
        """The letters that can be chosen."""
        return LETTERS[: len(self.choices)]

    @cached_property
    def version(self) -> str:
        """Changes with every change of the question."""
        return _digest(json.dumps(asdict(self), ensure_ascii=False))

    @property
    def domain(self) -> str:
        """The exam domain of the first objective, such as ``PRO-2``."""
        return domain_of(self.objectives[0])

    def is_right(self, letter: str) -> bool:
        """Whether a choice is right."""
        return self.choices[LETTERS.index(letter)].seal == _seal(self.id, letter, right=True)

    def key(self) -> str:
        """The letters of the right choices. For showing after an answer."""
        return "".join(letter for letter in self.letters if self.is_right(letter))

    def reason(self, letter: str) -> str:
        """Why a choice is right or wrong. For showing after an answer."""
        masked = base64.b64decode(self.choices[LETTERS.index(letter)].reason)
        return _masked(masked, self.id, letter).decode()


@dataclass(frozen=True)
class Bank:
    """Questions that can be graded.

    Attributes
    ----------
    items : dict of str to SealedItem
        By id, in the order of the source.
    """

    items: dict[str, SealedItem]

    @cached_property
    def version(self) -> str:
        """Changes when one of these questions does, and with their order; answers belong to one version."""
        return _digest("\n".join(item.version for item in self.items.values()))

    def __or__(self, other: Bank) -> Bank:
        """The questions of two banks as one."""
        return Bank(self.items | other.items)

    def only(self, ids: Sequence[str]) -> Bank:
        """The questions of a form, in its order.

        Raises
        ------
        BankError
            When an id is not in this bank.
        """
        unknown = [each for each in ids if each not in self.items]
        if unknown:
            raise BankError(f"{unknown} are not in this bank of {len(self.items)} items")
        return Bank({each: self.items[each] for each in ids})


def seal(items: Iterable[Item]) -> Bank:
    """Seal the items of a chapter. Equal items give equal bytes."""
    sealed = {
        item.id: SealedItem(
            id=item.id,
            objectives=item.objectives,
            stem=item.stem,
            code=item.code,
            ask=item.ask,
            exam=item.exam,
            select=item.select,
            choices=tuple(
                SealedChoice(
                    text=choice.text,
                    seal=_seal(item.id, letter, right=choice.correct),
                    reason=base64.b64encode(_masked(choice.reason.encode(), item.id, letter)).decode(),
                )
                for letter, choice in zip(LETTERS, item.choices, strict=False)
            ),
            difficulty=item.difficulty,
            see=item.see,
        )
        for item in items
    }
    return Bank(sealed)


def to_json(bank: Bank) -> str:
    """The text of a bank's file."""
    content = {"format": FORMAT, "items": [asdict(item) for item in bank.items.values()]}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def read_sealed(path: Path) -> Bank:
    """Read a bank's file.

    Raises
    ------
    BankError
        When it is damaged or was made for another version of this program.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise BankError(f"{path.name} has format {content['format']}, this program reads {FORMAT}: run `wb build`")
        items = {fields["id"]: item_of(fields) for fields in content["items"]}
        return Bank(items)
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, BankError):
            raise
        raise BankError(f"{path.name} is not a bank ({error}); `wb build` rebuilds it") from error


def item_of(fields: Mapping[str, Any]) -> SealedItem:
    """An item from its fields as JSON holds them."""
    choices = tuple(SealedChoice(**choice) for choice in fields["choices"])
    return SealedItem(**{**fields, "objectives": tuple(fields["objectives"]), "choices": choices})


def _seal(item_id: str, letter: str, *, right: bool) -> str:
    return hashlib.sha256(f"{item_id}:{letter}:{'right' if right else 'wrong'}".encode()).hexdigest()[:32]


def _masked(text: bytes, item_id: str, letter: str) -> bytes:
    """Mask a text, or take the mask off again."""
    mask = hashlib.sha256(f"{item_id}:{letter}:reason".encode()).digest()
    return bytes(a ^ b for a, b in zip(text, cycle(mask), strict=False))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
