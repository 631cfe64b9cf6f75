"""What many checkers ask of an answer before they judge it: a dictionary with all keys, words that are choices, numbers."""

from __future__ import annotations

import math
import numbers
import unicodedata
from collections.abc import Hashable, Iterable, Mapping
from typing import Any


def answers_to(
    given: Any, keys: Iterable[Hashable], name: str, words: Iterable[Hashable] | None = None
) -> dict[Any, Any]:
    """Return the answers by key, for an exercise that asks several things at once.

    Parameters
    ----------
    given : object
        What the learner wrote.
    keys : iterable of str or int
        One for each question. Keys beside them do not count.
    name : str
        The learner's name for the dictionary, for the messages.
    words : iterable of str, int or bool, optional
        The choices. A text is taken for the choice that it spells, whatever its case, accents and spaces.

    Returns
    -------
    dict
        The keys in their order, each with one of `words` where these are given.

    Raises
    ------
    AssertionError
        If `given` is no dictionary, lacks a key, or holds what is no choice: the message is feedback.
    """
    wanted = list(keys)
    listed = ", ".join(map(str, wanted))
    assert isinstance(given, Mapping), (
        f"{name} should be a dictionary with the keys {listed}, not {_article(type(given).__name__)}."
    )
    missing = [str(key) for key in wanted if key not in given or given[key] is ...]
    assert not missing, f"{name} has no answer for {', '.join(missing)}: its keys are {listed}."
    if words is None:
        return {key: given[key] for key in wanted}
    # The order of a set changes from run to run, and equal answers get equal feedback.
    ordered = sorted(words, key=str) if isinstance(words, set | frozenset) else words
    choices = {_spelt(word): word for word in ordered}
    found = {}
    for key in wanted:
        word = _spelt(given[key])
        assert word in choices, (
            f"{name}, {key}: {given[key]!r} is not a choice. Use one of {', '.join(repr(each) for each in choices.values())}."
        )
        found[key] = choices[word]
    return found


def is_number(value: Any) -> bool:
    """Whether an answer is a number that can be compared: no bool, no NaN. NumPy's numbers count."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and not math.isnan(value)


def _spelt(word: Any) -> Any:
    if not isinstance(word, str):
        # True is equal to 1, and no choice among numbers.
        return (type(word).__name__, repr(word))
    letters = unicodedata.normalize("NFKD", word)
    return " ".join("".join(each for each in letters if not unicodedata.combining(each)).casefold().split())


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
