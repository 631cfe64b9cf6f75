"""The registry of exercises.

Each chapter's exercises are functions in a module of this package: ``"4.3"`` is in ``ch04.py``, ``"churn.2"`` in
``churn.py``. A module is imported when one of its exercises is first asked for.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from workbook.objectives import OBJECTIVES

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
        """The chapter as files are numbered: ``"04"``, or the capstone's name."""
        return _chapter(self.id)

    @property
    def answers(self) -> tuple[str, ...]:
        """Names of the answers that the checker takes."""
        return tuple(inspect.signature(self.checker).parameters)


_registry: dict[str, Exercise] = {}


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
        raise ValueError(f"exercise id {exercise_id!r} must read like '4.3' or 'churn.2'")
    objectives = (objective,) if isinstance(objective, str) else tuple(objective)
    unknown = [name for name in objectives if name not in OBJECTIVES]
    if unknown or not objectives:
        raise ValueError(f"exercise {exercise_id}: objective {objective!r} is not listed in workbook/objectives.py")
    if not hint.strip():
        raise ValueError(f"exercise {exercise_id}: the hint is empty; say what leads to the answer")

    def register(checker: _Checker) -> _Checker:
        module = checker.__module__
        if module.startswith(f"{__name__}.") and module != _module(exercise_id):
            raise ValueError(f"exercise {exercise_id} is in {module}; it would be looked for in {_module(exercise_id)}")
        known = _registry.get(exercise_id)
        # Reloading a module defines its checkers anew; that is not a second exercise.
        if known and _origin(known.checker) != _origin(checker):
            raise ValueError(f"exercise {exercise_id} is taken by {_origin(known.checker)}")
        _registry[exercise_id] = Exercise(exercise_id, objectives, hint.strip(), checker)
        return checker

    return register


def find(exercise_id: str) -> Exercise:
    """The exercise with an id.

    Raises
    ------
    ValueError
        If there is none; the message lists ids that are near.
    """
    if not isinstance(exercise_id, str):
        raise ValueError(f'the exercise must be a string such as "4.3", not {exercise_id!r}')
    if _ID.fullmatch(exercise_id) and exercise_id not in _registry and importlib.util.find_spec(_module(exercise_id)):
        importlib.import_module(_module(exercise_id))
    if exercise_id not in _registry:
        raise ValueError(f"there is no exercise {exercise_id!r}{near(exercise_id, exercises())}")
    return _registry[exercise_id]


def exercises() -> dict[str, Exercise]:
    """All exercises by id: the numbered chapters in order, then the capstones."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return {exercise_id: _registry[exercise_id] for exercise_id in sorted(_registry, key=_order)}


def near(exercise_id: str, known: Iterable[str]) -> str:
    """The end of an error message: the known ids that an unknown one may have meant, if any."""
    alike = difflib.get_close_matches(exercise_id, known)
    return f"; near: {', '.join(alike)}" if alike else ""


def _chapter(exercise_id: str) -> str:
    name = exercise_id.partition(".")[0]
    return name.zfill(2) if name.isdecimal() else name


def _module(exercise_id: str) -> str:
    chapter = _chapter(exercise_id)
    return f"{__name__}.{f'ch{chapter}' if chapter.isdecimal() else chapter}"


def _order(exercise_id: str) -> tuple[bool, str, int]:
    chapter = _chapter(exercise_id)
    return not chapter.isdecimal(), chapter, int(exercise_id.rpartition(".")[2])


def _origin(checker: Callable[..., Any]) -> str:
    return f"{checker.__module__}.{checker.__qualname__}"
