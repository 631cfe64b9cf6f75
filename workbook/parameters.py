"""Kinds of parameters: each takes a name and a value and returns the value in force, or refuses it in words.

Values come as they stand in a notebook's cell, or as text from a widget, papermill or the command line.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

from lakehouse.errors import InvalidValue

Kind = Callable[[str, Any], Any]


def whole_number(low: int, high: int) -> Kind:
    """A whole number between two bounds, both included."""

    def checked(name: str, value: Any) -> int:
        try:
            number = int(value)
            if isinstance(value, (bool, float)):
                raise ValueError
        except (TypeError, ValueError):
            raise InvalidValue(
                f"{name} must be a whole number, not {value!r}: pass for example {name}={low}."
            ) from None
        if not low <= number <= high:
            raise InvalidValue(f"{name}={number} is out of range: use a whole number from {low:,} to {high:,}.")
        return number

    return checked


def identifier(name: str, value: Any) -> str:
    """One level of a table's name; Unity Catalog keeps it in lower case."""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", value):
        raise InvalidValue(
            f"{name}={value!r} is not a name: use letters, digits and _, beginning with a letter, without dots. "
            "Catalog and schema are two parameters."
        )
    return value.lower()


def day(name: str, value: Any) -> dt.date:
    """A day, as a date or as YYYY-MM-DD."""
    try:
        # A datetime is a date for isinstance, but the two do not compare.
        if isinstance(value, dt.datetime):
            return value.date()
        return value if isinstance(value, dt.date) else dt.date.fromisoformat(value)
    except (TypeError, ValueError):
        raise InvalidValue(f"{name}={value!r} is not a day: write it as YYYY-MM-DD, for example 2025-09-29.") from None


def one_of(*choices: str) -> Kind:
    """One of a few words."""

    def checked(name: str, value: Any) -> str:
        if value not in choices:
            raise InvalidValue(f"{name}={value!r} is not a choice: use one of {', '.join(choices)}.")
        return value

    return checked
