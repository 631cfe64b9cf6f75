"""What every part of the quizzes knows of a question: its letters, their order, and the error of a bank."""

from __future__ import annotations

from hashlib import sha256

from lakehouse.errors import InvalidValue

LETTERS = "ABCDEF"


class BankError(InvalidValue):
    """A bank that cannot be used; the message names file, item and field."""


def shuffled_letters(item_id: str, letters: str, seed: int) -> str:
    """The letters of an item's choices in the order in which a sitting of that seed shows them.

    By digest, which the browser computes too: a sitting that is carried there keeps its order.
    """
    return "".join(sorted(letters, key=lambda letter: sha256(f"{seed}:{item_id}:{letter}".encode()).digest()))
