"""Public calls: arguments are held to their annotations, and what Spark refuses is shown in a few lines.

Without this a pandas frame in place of a Spark frame fails somewhere inside, as ``has no attribute 'isStreaming'``.
"""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, TypeVar

import pyspark.errors
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

MOST_LINES = 5

_Call = TypeVar("_Call", bound=Callable[..., Any])

_WORDS: dict[Any, str] = {
    DataFrame: "a Spark DataFrame",
    SparkSession: "a Spark session",
    StructType: "a StructType",
    timedelta: "a datetime.timedelta",
    types.ModuleType: "a module",
    str: "a text",
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "a dict",
}


def public_call(call: _Call) -> _Call:
    """Refuse arguments whose kind is not that of the annotation, and shorten what Spark says to :data:`MOST_LINES` lines.

    Raises
    ------
    ValueError
        From the decorated call: names the argument, what it must be, what was given, and the remedy.
    """
    signature = inspect.signature(call)

    @functools.cache
    def hints() -> dict[str, Any]:
        return typing.get_type_hints(call)

    @functools.wraps(call)
    def checked(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs).arguments
        for name, value in given.items():
            parameter = signature.parameters[name]
            named = parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
            if named and name in hints() and not _fits(value, hints()[name]):
                raise ValueError(
                    f"{name} must be {_words(hints()[name])}, got {_shown(value)}.{_remedy(value, hints()[name])}"
                )
        try:
            return call(*args, **kwargs)
        except PySparkException as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            if len(lines) <= MOST_LINES:
                raise
            kind = getattr(pyspark.errors, type(error).__name__, PySparkException)
            raise kind("\n".join(lines[:MOST_LINES])) from None

    return checked  # type: ignore[return-value]


def _fits(value: Any, hint: Any) -> bool:
    if hint is Any:
        return True
    if hint is None:
        return value is None
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, each) for each in inner)
    if origin is list:
        return isinstance(value, (list, tuple)) and all(_fits(each, inner[0]) for each in value)
    if origin is dict:
        return isinstance(value, dict) and all(
            _fits(key, inner[0]) and _fits(each, inner[1]) for key, each in value.items()
        )
    kind = origin or hint
    if not isinstance(kind, type):
        return True
    if isinstance(value, bool) and kind in (int, float):
        return False
    if kind is SparkSession:
        # That of Spark Connect is another class.
        return type(value).__name__ == SparkSession.__name__
    return isinstance(value, (int, float) if kind is float else kind)


def _alternatives(hint: Any) -> Iterator[Any]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        for each in typing.get_args(hint):
            yield from _alternatives(each)
    else:
        yield hint


def _words(hint: Any) -> str:
    words = []
    for each in _alternatives(hint):
        if each is type(None):
            continue  # May be left out, which is no help to somebody who passed something.
        kind = typing.get_origin(each) or each
        inner = [part for part in typing.get_args(each) if part is not Any]
        word = _WORDS.get(kind) or f"a {getattr(kind, '__name__', kind)}"
        if kind is list and inner:
            members = {str: "texts"}
            word += f" of {members.get(inner[0]) or ' and '.join(part.__name__ for part in _alternatives(inner[0]))}"
        words.append(word)
    return " or ".join(dict.fromkeys(words))


def _shown(value: Any) -> str:
    kind = type(value)
    if isinstance(value, (str, int, float, bool, list, tuple, dict, type(None))) and len(repr(value)) <= 80:
        return repr(value)
    return f"a {kind.__module__.partition('.')[0]} {kind.__name__}"


def _remedy(value: Any, hint: Any) -> str:
    wanted = list(_alternatives(hint))
    if DataFrame in wanted and type(value).__module__.partition(".")[0] == "pandas":
        return " Convert it: spark.createDataFrame(df)."
    if DataFrame in wanted and isinstance(value, str):
        return " Read the table: spark.table(name)."
    if timedelta in wanted:
        return " For seven days write timedelta(days=7)."
    return ""
