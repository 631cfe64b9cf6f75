"""A survey of the streaming service's customers: the answers, and beside them the true values.

Real data do not show why a value is missing or what it would have been. Here both are known, so the bias of each way to fill
a gap can be measured. The columns and the reasons for their gaps:

| column | kind | missing | because of |
|---|---|---|---|
| ``customer_id`` | bigint | never | |
| ``channel`` | ``app`` 70 %, ``letter`` 30 % | never | |
| ``answer_days`` | days until the answer came: about 2 by app, 11 by letter | never | |
| ``household`` | persons, 1 to 6, whole number | 15 % | chance alone (missing completely at random) |
| ``genre`` | one of ``GENRES``; letter writers like news | 8 % | chance alone |
| ``hours`` | per week, skewed to the right; letter writers watch more | 5 % by app, 55 % by letter | the channel: the question is on the back of the letter (missing at random) |
| ``satisfaction`` | 0 to 100, about normal | about a quarter | the answer itself: dissatisfied customers skip it (missing not at random) |
| ``recommends`` | 1 or 0, the last question | never | |

``recommends`` is drawn with log-odds ``-0.3 + 0.09 (satisfaction - 60) + TASTE[genre]``: the true satisfaction counts, answered or not.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

GENRES: Mapping[str, tuple[float, float]] = {
    "film": (0.30, 0.22),
    "series": (0.28, 0.10),
    "sport": (0.16, 0.14),
    "kids": (0.13, 0.06),
    "music": (0.08, 0.12),
    "news": (0.05, 0.36),
}
"""Share of each favourite genre: by app, by letter."""

TASTE: Mapping[str, float] = {"film": 1.0, "series": -1.0, "sport": 1.0, "kids": -1.0, "music": 1.0, "news": -1.0}
"""What the favourite genre adds to the log-odds of recommending the service."""

QUESTIONS = ("household", "genre", "hours", "satisfaction")
"""The questions that have gaps. Their true values are in the columns ``household_true`` and so on."""

ANSWERS = {
    "customer_id": "bigint",
    "channel": "string",
    "answer_days": "double",
    "household": "int",
    "genre": "string",
    "hours": "double",
    "satisfaction": "double",
    "recommends": "int",
}
"""The columns that a company would have, with their types in Spark."""


def survey(customer_ids: Sequence[int], seed: int = 7) -> pd.DataFrame:
    """Generate the answers. Equal arguments give equal answers, and a customer's answers do not depend on who else is asked.

    Parameters
    ----------
    customer_ids : sequence of int, shape (n,)
        Positive and unique.
    seed : int

    Returns
    -------
    pandas.DataFrame, shape (n, 12)
        One row for each id, in the order given: the columns above, then ``household_true``, ``genre_true``, ``hours_true``
        and ``satisfaction_true``, which no company has. ``household`` is a float because of its gaps.
    """
    ids = np.asarray(customer_ids, dtype=np.int64)

    def uniform(stream: str) -> np.ndarray:
        # A generator's numbers come in a fixed order, so the one at position i is the same however many are drawn.
        rng = np.random.default_rng([seed, zlib.crc32(stream.encode())])
        return rng.random(ids.max(initial=0) + 1)[ids]

    def normal(stream: str) -> np.ndarray:
        rng = np.random.default_rng([seed, zlib.crc32(stream.encode())])
        return rng.standard_normal(ids.max(initial=0) + 1)[ids]

    letter = uniform("channel") < 0.3
    by_app, by_letter = (np.cumsum([shares[way] for shares in GENRES.values()])[:-1] for way in (0, 1))
    wish = uniform("genre")
    genre = np.array(list(GENRES), dtype=object)[
        np.where(letter, np.searchsorted(by_letter, wish), np.searchsorted(by_app, wish))
    ]
    habit = normal("hours")
    hours = np.round(np.exp(np.where(letter, 2.6, 1.9) + 0.5 * habit), 1)
    satisfaction = np.clip(np.round(60 + 16 * (0.6 * habit + 0.8 * normal("satisfaction"))), 0, 100)
    household = 1 + np.floor(6 * uniform("household") ** 1.6)
    log_odds = -0.3 + 0.09 * (satisfaction - 60) + np.array([TASTE[name] for name in genre], dtype=float)
    tells = 1 / (1 + np.exp(-(satisfaction - 48) / 6))  # the chance that the question is answered

    def told(values: np.ndarray, known: np.ndarray) -> pd.Series:
        return pd.Series(values).where(known)

    return pd.DataFrame(
        {
            "customer_id": ids,
            "channel": np.where(letter, "letter", "app").astype(object),
            "answer_days": np.round(np.where(letter, 11 + 1.6 * normal("post"), 2.2 * np.exp(0.5 * normal("post"))), 1),
            "household": told(household, uniform("household is known") >= 0.15),
            "genre": told(genre, uniform("genre is known") >= 0.08),
            "hours": told(hours, uniform("hours are known") >= np.where(letter, 0.55, 0.05)),
            "satisfaction": told(satisfaction, uniform("satisfaction is known") < tells),
            "recommends": (uniform("recommends") < 1 / (1 + np.exp(-log_odds))).astype(int),
            "household_true": household,
            "genre_true": genre,
            "hours_true": hours,
            "satisfaction_true": satisfaction,
        }
    )


def to_spark(spark: SparkSession, answers: pd.DataFrame) -> DataFrame:
    """Return the answers, without the true values, as a Spark DataFrame with the types of ``ANSWERS``.

    A gap becomes null. Otherwise Spark may keep the NaN of pandas as a number.
    """
    told = answers[list(ANSWERS)].astype({"household": "Int64"}).astype(object)
    rows = told.where(told.notna(), None).to_numpy().tolist()
    return spark.createDataFrame(rows, ", ".join(f"{name} {kind}" for name, kind in ANSWERS.items()))
