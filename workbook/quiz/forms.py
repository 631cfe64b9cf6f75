"""Exams and quizzes: which items, in which order, for how long, and what a score means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from workbook.manifest import Exam, manifest
from workbook.quiz.items import BankError

BLUEPRINTS: dict[str, Exam] = {exam.name: exam for exam in manifest().exams}

#: Lowest score of each band, of 60, the best band first.
BANDS = tuple(sorted(manifest().bands.items(), reverse=True))


class Drawable(Protocol):
    """What drawing a form asks of an item, authored or sealed."""

    @property
    def id(self) -> str: ...

    @property
    def exam(self) -> bool: ...

    @property
    def objectives(self) -> tuple[str, ...]: ...

    @property
    def domain(self) -> str: ...


class Form(BaseModel):
    """A list of items to be answered in one sitting.

    Attributes
    ----------
    name, title : str
    minutes : int or None
        None for a quiz without a clock.
    items : tuple of str
        Ids; every item once.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    minutes: int | None = None
    items: tuple[str, ...]


def exam_title(exam: Exam, number: int | str) -> str:
    """Title of a fixed exam."""
    return f"{exam.title}, exam {number}"


def band(right: int, of: int) -> str:
    """What a score means: the bands of the manifest, of 60, for any length by the share of right items.

    No cut score of the real exams is published.
    """
    return next(words for least, words in BANDS if right * 60 >= least * of)


def assemble(
    items: Sequence[Drawable],
    blueprint: Exam,
    seed: int,
    apart: Mapping[str, Collection[str]],
    *,
    avoid: Collection[str] = (),
    spare: Collection[str] = (),
    number: int | None = None,
) -> Form:
    """Draw a form by a blueprint.

    Objectives are spread: in each domain an objective gets its next item only when the others have as many. No two
    near-duplicates come together, and no item that gives another one away. The order is random.

    Parameters
    ----------
    items : sequence of Drawable
        The bank.
    seed : int
        Equal seeds and banks give equal forms.
    apart : mapping of str to collection of str
        For an id those that may not be in one form with it: :func:`workbook.quiz.author.fixed_forms.not_together`.
    avoid : collection of str
        Ids that are taken only when a domain has too few others.
    spare : collection of str
        Ids that are taken only when their objective has no others.
    number : int, optional
        Of a fixed exam, for its name and title; by default these are made from the seed.

    Raises
    ------
    BankError
        When a domain has too few items.
    """
    rank = {item.id: rank_of(item.id, seed) for item in items}
    chosen: list[str] = []
    for domain, wanted in blueprint.domains.items():
        pool = {item.id: item.objectives[0] for item in items if item.exam and item.domain == domain}
        try:
            draw(pool, wanted, chosen, apart, rank, avoid, spare)
        except LookupError:
            raise BankError(f"{domain} has {len(pool)} items in the bank: too few for a form with {wanted}") from None
    return Form(
        name=f"{blueprint.name}-seed-{seed}" if number is None else f"{blueprint.name}-{number}",
        title=f"{blueprint.title}, drawn from seed {seed}" if number is None else exam_title(blueprint, number),
        minutes=blueprint.minutes,
        items=tuple(sorted(chosen, key=rank.__getitem__)),
    )


def rank_of(item_id: str, seed: int) -> bytes:
    """The place of an item among others, by digest, which the browser computes too: equal seeds give equal exams there."""
    return sha256(f"{seed}:{item_id}".encode()).digest()


def draw(
    pool: Mapping[str, str],
    wanted: int,
    chosen: list[str],
    apart: Mapping[str, Collection[str]],
    rank: Mapping[str, bytes],
    avoid: Collection[str],
    spare: Collection[str],
) -> None:
    """Add ``wanted`` ids of a pool (id to objective) to those chosen. A LookupError when there are too few."""
    times: Counter[str] = Counter()
    for _ in range(wanted):
        free = [each for each in pool if each not in chosen and not set(apart.get(each, ())) & set(chosen)]
        if not free:
            raise LookupError
        best = min(free, key=lambda each: (each in avoid, times[pool[each]], each in spare, rank[each]))
        times[pool[best]] += 1
        chosen.append(best)
