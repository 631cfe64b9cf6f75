"""Questions to test with."""

from __future__ import annotations

from typing import Any

from workbook.quiz.author.bank import Item

WORDS = [
    "table",
    "row",
    "label",
    "window",
    "alias",
    "version",
    "metric",
    "stream",
    "batch",
    "slice",
    "drift",
    "run",
    "model",
    "join",
    "merge",
    "key",
]


def worded_item(number: int, key: str = "A", **fields: Any) -> Item:
    """An item whose words differ from those of every other number."""
    words = " ".join(f"{WORDS[(number * step) % len(WORDS)]}{number}" for step in (1, 3, 5, 7))
    made = {
        "id": f"fs-pit-{number:03}",
        "objectives": ["PRO-1.18"],
        "stem": f"{words} and what follows?",
        "select": len(key),
        "choices": [
            {
                "text": f"{letter} {words}",
                "correct": letter in key,
                "reason": f"Because of {words} and of {letter} alone.",
            }
            for letter in "ABCD"
        ],
        "difficulty": 1,
        "tier": "judgement",
        "checked": "2026-11",
        "see": "04_feature_store#lookback",
    }
    return Item.model_validate(made | fields)


def choices(*texts: str, reason: str = "A reason that is long enough to teach somebody.") -> list[dict[str, Any]]:
    """Choices of which the first is right."""
    return [{"text": text, "correct": i == 0, "reason": reason} for i, text in enumerate(texts)]


def plain_item(number: int, key: str, objectives: tuple[str, ...] = ("PRO-1.18",), n_choices: int = 4) -> Item:
    """An item as short as it may be."""
    return Item.model_validate(
        {
            "id": f"fs-pit-{number:03}",
            "objectives": objectives,
            "stem": f"Question {number}?",
            "select": len(key),
            "choices": [
                {"text": f"choice {letter}", "correct": letter in key, "reason": f"Why {letter}: as the docs say."}
                for letter in "ABCDEF"[:n_choices]
            ],
            "difficulty": 1,
            "tier": "judgement",
            "checked": "2026-11",
            "see": "04_feature_store#lookback",
        }
    )


ITEMS = [
    plain_item(1, "B"),
    plain_item(2, "AC", ("PRO-1.18", "PRO-2.01")),
    plain_item(3, "D", ("PRO-2.01",)),
    plain_item(4, "ABE", ("ASC-1.06",), n_choices=5),
]
