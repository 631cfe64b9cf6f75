"""Which model is better: champion against challenger on labels that neither was trained on."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame

from course.churn.labels import LABEL
from course.churn.training import auc, pandas_auc

if TYPE_CHECKING:
    import pandas as pd

    from workbook.workspace import Workspace

RETRAIN_AFTER = dt.timedelta(weeks=12)  # the capstone's second training, after its first
JUDGE_AFTER = dt.timedelta(weeks=12)  # its comparison, after the second training


@dataclass(frozen=True)
class Comparison:
    """Champion against challenger on labels that neither was trained on.

    Attributes
    ----------
    champion, challenger : float
        AUC of each.
    wins : float
        Share of the resampled sets of customers in which the challenger's AUC is higher, in [0, 1].
    calibration : float
        Mean predicted probability of the challenger divided by the share that really left; 1 is right.
    """

    champion: float
    challenger: float
    wins: float
    calibration: float

    def challenger_is_better(self, least_wins: float = 0.95, tolerance: float = 0.25) -> bool:
        """The rule for moving the alias: better beyond chance, and its probabilities still mean what they say."""
        return self.wins >= least_wins and abs(self.calibration - 1) <= tolerance


def compare(scored: pd.DataFrame, resamples: int = 200, seed: int = 7) -> Comparison:
    """Compare two models that scored the same labels.

    Customers are resampled, not rows: two labels of one customer are not independent.

    Parameters
    ----------
    scored : pandas.DataFrame
        Columns ``customer_id``, ``churned``, ``champion`` and ``challenger`` (probabilities).
    resamples : int
        Number of bootstrap samples.
    seed : int
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    customers, codes = np.unique(scored["customer_id"], return_inverse=True)
    by_score = {name: pandas_auc(scored[LABEL], scored[name]) for name in ("champion", "challenger")}
    wins = 0
    for _ in range(resamples):
        weight = np.bincount(rng.integers(0, len(customers), len(customers)), minlength=len(customers))[codes]
        ours, theirs = (pandas_auc(scored[LABEL], scored[name], weight) for name in ("challenger", "champion"))
        wins += ours > theirs
    calibration = float(scored["challenger"].mean() / scored[LABEL].mean())
    return Comparison(by_score["champion"], by_score["challenger"], wins / resamples, calibration)


def best_auc(ws: Workspace, labels: DataFrame) -> float:
    """The AUC of the true churn probability on these labels: no honest model does better, but for chance."""
    truth = ws.spark.table(ws.table("raw_label_truth"))
    return auc(labels.join(truth, ["customer_id", "label_ts"]), score="p")
