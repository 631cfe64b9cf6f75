"""The registry of exercises.

The exercises of a chapter are functions of its ``checks.py``, and so are those of a project: the manifest says which there
are. A module is imported when one of its exercises is first asked for.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from lakehouse.errors import InvalidValue
from workbook.manifest import manifest
from workbook.objectives import OBJECTIVES

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_ID = re.compile(r"(?P<chapter>[1-9]\d*|[a-z][a-z_]*)\.(?P<number>[1-9]\d*)")
_Checker = TypeVar("_Checker", bound=Callable[..., str | None])


@dataclass(frozen=True)
class Exercise:
    """An exercise and the function that judges an answer.

    Attributes
    ----------
    id : str
        Chapter and number, such as ``"4.3"`` or ``"churn.2"``.
    objectives : tuple of str
        The exam objectives that it trains, keys of :data:`workbook.objectives.OBJECTIVES`.
    hint : str
        A question or pointer that leads to the answer without giving it.
    checker : callable
        Takes the answers and asserts what is right; the message of a failed assert is the feedback.
        May return a sentence to show when everything holds.
    """

    id: str
    objectives: tuple[str, ...]
    hint: str
    checker: Callable[..., str | None]

    @property
    def chapter(self) -> str:
        """The chapter as files are numbered: ``"04"``, or the project's name."""
        return _chapter(self.id)

    @property
    def answers(self) -> tuple[str, ...]:
        """Names of the answers that the checker takes."""
        return tuple(inspect.signature(self.checker).parameters)


@dataclass(frozen=True)
class Trial:
    """Answers to try a checker with.

    Attributes
    ----------
    answers : tuple
        As ``check`` passes them.
    words : str or None
        A part of the feedback that they must get; None for answers that must pass.
    """

    answers: tuple[Any, ...]
    words: str | None


Trials = Callable[["SparkSession"], Iterable[Trial]]

_registry: dict[str, Exercise] = {}
_trials: dict[str, Trials] = {}


def exercise(exercise_id: str, *, objective: str | tuple[str, ...], hint: str) -> Callable[[_Checker], _Checker]:
    """Register a function as the checker of an exercise.

    Parameters
    ----------
    exercise_id : str
        Chapter and number, such as ``"4.3"`` or ``"churn.2"``.
    objective : str or tuple of str
        Id or ids of the exam objectives that the exercise trains.
    hint : str
        What ``hint(id)`` shows. Compulsory.

    Raises
    ------
    ValueError
        If the id is malformed, taken, or belongs into another module; an objective is unknown; or the hint is empty.

    Examples
    --------
    >>> @exercise("4.3", objective="PRO-1.18", hint="When could a model have read the usage of Monday?")
    ... def usage_is_honest(known):
    ...     late = known.where("ts < day + INTERVAL 2 DAYS").count()
    ...     assert late == 0, f"{late} rows can be seen before the feed delivers them."
    """
    if not _ID.fullmatch(exercise_id):
        raise InvalidValue(f"exercise id {exercise_id!r} must read like '4.3' or 'churn.2'")
    objectives = (objective,) if isinstance(objective, str) else tuple(objective)
    unknown = [name for name in objectives if name not in OBJECTIVES]
    if unknown or not objectives:
        raise InvalidValue(f"exercise {exercise_id}: objective {objective!r} is not listed in objectives.yaml")
    if not hint.strip():
        raise InvalidValue(f"exercise {exercise_id}: the hint is empty; say what leads to the answer")

    def register(checker: _Checker) -> _Checker:
        module = checker.__module__
        wanted = manifest().checks().get(_chapter(exercise_id))
        if module.startswith(f"{manifest().package}.") and module != wanted:
            raise InvalidValue(f"exercise {exercise_id} is in {module}; it would be looked for in {wanted or 'none'}")
        known = _registry.get(exercise_id)
        # Reloading a module defines its checkers again; that is not a second exercise.
        if known and _origin(known.checker) != _origin(checker):
            raise InvalidValue(f"exercise {exercise_id} is taken by {_origin(known.checker)}")
        _registry[exercise_id] = Exercise(exercise_id, objectives, hint.strip(), checker)
        return checker

    return register


def right(*answers: Any) -> Trial:
    """Answers that must pass."""
    return Trial(answers, None)


def wrong(words: str, *answers: Any) -> Trial:
    """Answers with a usual mistake, and a part of the feedback that explains it."""
    return Trial(answers, words)


def trials(exercise_id: str) -> Callable[[Trials], Trials]:
    """Register what an exercise is tried with: a function of the Spark session that yields :class:`Trial` objects.

    It stands beside the checker, and runs in the tests only: each exercise rejects at least three mistakes that people
    make, each with a message of its own.

    Examples
    --------
    >>> @trials("4.3")
    ... def _(spark):
    ...     yield right({1: 2, 2: 5, 9: None})
    ...     yield wrong("leaves rows", {1: None, 2: 5, 9: None})
    """

    def register(tried: Trials) -> Trials:
        _trials[exercise_id] = tried
        return tried

    return register


def trials_of(exercise_id: str, spark: SparkSession) -> list[Trial]:
    """What an exercise is tried with; empty when nothing is registered."""
    find(exercise_id)
    return list(_trials[exercise_id](spark)) if exercise_id in _trials else []


def find(exercise_id: str) -> Exercise:
    """The exercise with an id.

    Raises
    ------
    ValueError
        If there is none; the message lists ids that are near.
    """
    if not isinstance(exercise_id, str):
        raise InvalidValue(f'the exercise must be a string such as "4.3", not {exercise_id!r}')
    if exercise_id not in _registry and _ID.fullmatch(exercise_id):
        module = manifest().checks().get(_chapter(exercise_id))
        if module is not None:
            importlib.import_module(module)
    if exercise_id not in _registry:
        raise InvalidValue(f"there is no exercise {exercise_id!r}{near(exercise_id, exercises())}")
    return _registry[exercise_id]


def exercises() -> dict[str, Exercise]:
    """All exercises by id: the numbered chapters in order, then the projects."""
    for module in manifest().checks().values():
        importlib.import_module(module)
    return {exercise_id: _registry[exercise_id] for exercise_id in sorted(_registry, key=_order)}


def near(exercise_id: str, known: Iterable[str]) -> str:
    """The end of an error message: the known ids that an unknown one may have meant, if any."""
    alike = difflib.get_close_matches(exercise_id, known)
    return f"; near: {', '.join(alike)}" if alike else ""


def _chapter(exercise_id: str) -> str:
    name = exercise_id.partition(".")[0]
    return name.zfill(2) if name.isdecimal() else name


def _order(exercise_id: str) -> tuple[bool, str, int]:
    chapter = _chapter(exercise_id)
    return not chapter.isdecimal(), chapter, int(exercise_id.rpartition(".")[2])


def _origin(checker: Callable[..., Any]) -> str:
    return f"{checker.__module__}.{checker.__qualname__}"
