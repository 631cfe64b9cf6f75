"""One pure function grades: answer sheets, the terminal, the widget, papermill and the browser give the same result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lakehouse.errors import InvalidValue
from workbook.quiz.sealed import Bank, SealedItem


class AnswerError(InvalidValue):
    """Answers that cannot be graded; the message names the item. Nothing has been recorded."""


@dataclass(frozen=True)
class Share:
    """How many of some items were right."""

    right: int
    of: int

    @property
    def percent(self) -> float:
        """In [0, 100]; 0 of 0 is 0."""
        return 100 * self.right / self.of if self.of else 0.0


@dataclass(frozen=True)
class GradedItem:
    """One answer.

    Attributes
    ----------
    given : str
        Its letters, sorted; empty when there is no answer.
    right : bool
        All right letters and no other: the exam gives a point or none.
    partial : float
        Right letters less wrong ones, as a share of the right ones, in [0, 1]. Shown beside the score, not part of it.
    """

    id: str
    objectives: tuple[str, ...]
    domain: str
    given: str
    right: bool
    partial: float


@dataclass(frozen=True)
class Result:
    """What came of a set of answers. One entry for every item of the bank; an item without answer is wrong.

    Attributes
    ----------
    version : str
        Of the bank.
    items : tuple of GradedItem
        In the order of the bank.
    """

    version: str
    items: tuple[GradedItem, ...]

    @property
    def score(self) -> Share:
        """Items that are right."""
        return _share(self.items)

    @property
    def answered(self) -> int:
        """Items with an answer."""
        return sum(bool(item.given) for item in self.items)

    @property
    def partial(self) -> float:
        """Sum of the partial credits: at least ``score.right``."""
        return sum(item.partial for item in self.items)

    @property
    def by_domain(self) -> dict[str, Share]:
        """Share by exam domain. An item counts in the domain of its first objective."""
        return {
            domain: _share(item for item in self.items if item.domain == domain)
            for domain in sorted({item.domain for item in self.items})
        }

    @property
    def by_objective(self) -> dict[str, Share]:
        """Share by objective. An item counts for each of its objectives."""
        return {
            objective: _share(item for item in self.items if objective in item.objectives)
            for objective in sorted({objective for item in self.items for objective in item.objectives})
        }

    def weakest(self, count: int = 3) -> list[str]:
        """The objectives with the lowest share, of those where something is wrong; more items wrong come first."""
        shares = {objective: share for objective, share in self.by_objective.items() if share.right < share.of}
        return sorted(shares, key=lambda each: (shares[each].percent, -shares[each].of, each))[:count]


def to_repeat(bank: Bank, result: Result, objective: str) -> list[str]:
    """Sections of lessons (``see``) of an objective's items that were not right, each once."""
    missed = (bank.items[each.id].see for each in result.items if objective in each.objectives and not each.right)
    return list(dict.fromkeys(missed))


def grade(bank: Bank, answers: Mapping[str, str], *, version: str | None = None) -> Result:
    """Grade answers.

    Parameters
    ----------
    bank : Bank
        The items that were asked.
    answers : mapping of str to str
        Id of an item to the letters of its choices as the bank orders them, ``"B"`` or ``"AC"``; case, order, spaces
        and commas do not matter. An item may be left out or empty.
    version : str, optional
        Version of the bank that the answers were given to.

    Returns
    -------
    Result

    Raises
    ------
    AnswerError
        For an unknown id, a letter that the item does not have or has twice, more letters than the item asks for, or
        another version of the bank. The message names the item.
    """
    if version is not None and version != bank.version:
        raise AnswerError(
            f"these answers belong to version {version} of the bank and this is {bank.version}: "
            "questions have changed since. Answer the new ones."
        )
    unknown = [item_id for item_id in answers if item_id not in bank.items]
    if unknown:
        raise AnswerError(f"{unknown[0]}: there is no such item among these {len(bank.items)}")
    given = {item_id: _letters(bank.items[item_id], answer) for item_id, answer in answers.items()}
    return Result(bank.version, tuple(_graded(item, given.get(item.id, "")) for item in bank.items.values()))


def _letters(item: SealedItem, answer: str) -> str:
    if not isinstance(answer, str):
        raise AnswerError(f"{item.id}: an answer is a text such as 'B' or 'AC', not {answer!r}")
    letters = sorted(answer.upper().replace(",", "").replace(" ", ""))
    for letter in letters:
        if letter not in item.letters:
            raise AnswerError(f"{item.id}: there is no choice {letter!r}, only {', '.join(item.letters)}")
    if len(set(letters)) < len(letters):
        raise AnswerError(f"{item.id}: {answer!r} names a letter twice")
    if len(letters) > item.select:
        raise AnswerError(f"{item.id}: {answer!r} has {len(letters)} letters, and the item asks for {item.select}")
    return "".join(letters)


def _graded(item: SealedItem, given: str) -> GradedItem:
    n_right = sum(item.is_right(letter) for letter in given)
    n_wrong = len(given) - n_right
    return GradedItem(
        id=item.id,
        objectives=item.objectives,
        domain=item.domain,
        given=given,
        right=n_right == item.select and not n_wrong,
        partial=max(0.0, (n_right - n_wrong) / item.select),
    )


def _share(items: Iterable[GradedItem]) -> Share:
    outcomes = [item.right for item in items]
    return Share(sum(outcomes), len(outcomes))
