"""Models of chapter 03 that are fitted many times: does a preparation step help, or only seem to?

``people`` is a pandas DataFrame with one row for each customer: ``customer_id``, ``country``, ``plan``, ``age``, ``income`` and the
label ``churned``. Customers with an even id are held out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from course import churn

NUMBERS, WORDS = ["age", "income"], ["country", "plan"]


def auc_in_folds(asked: pd.DataFrame, estimator: Any, columns: pd.DataFrame) -> float:
    """AUC for ``recommends`` over five folds: each row is scored by a model that has not seen it."""
    scores = cross_val_predict(estimator, columns, asked["recommends"], cv=5, method="predict_proba")[:, 1]
    return float(churn.pandas_auc(asked["recommends"], scores))


def value_of_a_flag(asked: pd.DataFrame) -> dict[str, float]:
    """AUC for ``recommends`` from satisfaction alone: filled, filled and flagged, and true."""
    median, line, column = SimpleImputer(strategy="median"), LogisticRegression(), asked[["satisfaction"]]
    return {
        "median": auc_in_folds(asked, make_pipeline(median, line), column),
        "median and a flag": auc_in_folds(asked, make_pipeline(make_union(median, MissingIndicator()), line), column),
        "truth": auc_in_folds(asked, line, asked[["satisfaction_true"]]),
    }


def held_out(people: pd.DataFrame) -> np.ndarray:
    """True for the customers with an even id."""
    return (people["customer_id"] % 2 == 0).to_numpy()


def prepared(words: Sequence[str] = WORDS) -> ColumnTransformer:
    """Impute and scale the numbers, one-hot encode the words. Not fitted."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    return ColumnTransformer(
        [("numbers", numbers, NUMBERS), ("words", OneHotEncoder(handle_unknown="ignore"), list(words))]
    )


def voucher(people: pd.DataFrame, levels: int) -> pd.Series:
    """A random code for each customer. It says nothing about anybody."""
    return pd.Series(np.random.default_rng(levels).integers(0, levels, len(people)), index=people.index)


def one_hot_vouchers(people: pd.DataFrame, levels: Sequence[int]) -> tuple[list[float], list[float]]:
    """AUC on training and on held-out rows, with a one-hot encoded code of so many levels."""
    test, label = held_out(people), people["churned"]
    on_train, on_test = [], []
    for k in levels:
        frame = people.assign(voucher=voucher(people, k).astype(str))
        model = make_pipeline(prepared([*WORDS, "voucher"]), LogisticRegression(C=1000, max_iter=500))
        model.fit(frame[~test], label[~test])
        scores = model.predict_proba(frame)[:, 1]
        on_train.append(float(churn.pandas_auc(label[~test], scores[~test])))
        on_test.append(float(churn.pandas_auc(label[test], scores[test])))
    return on_train, on_test


def means_out_of_fold(people: pd.DataFrame, code: pd.Series) -> pd.Series:
    """Smoothed mean labels, each training row's from other folds of the training rows, a held-out row's from all of them."""
    # Ridge on one-hot columns gives a smoothed mean for each level.
    test, label, column = held_out(people), people["churned"], code.to_frame("code")
    means = make_pipeline(OneHotEncoder(handle_unknown="ignore"), Ridge())
    encoded = pd.Series(0.0, index=people.index)
    encoded[~test] = cross_val_predict(means, column[~test], label[~test], cv=5)
    encoded[test] = means.fit(column[~test], label[~test]).predict(column[test])
    return encoded


def held_out_auc(people: pd.DataFrame, columns: Any) -> float:
    """Fit a logistic regression on the training rows of these columns; its AUC on the held-out rows."""
    test, label = held_out(people), people["churned"]
    fitted = LogisticRegression(max_iter=500).fit(columns[~test], label[~test])
    return float(churn.pandas_auc(label[test], fitted.predict_proba(columns[test])[:, 1]))


def with_column(people: pd.DataFrame, extra: pd.Series | None = None) -> float:
    """AUC on held-out rows of the real columns and one more. Everything else is fitted on training rows."""
    columns = prepared().fit(people[~held_out(people)]).transform(people)
    return held_out_auc(people, columns if extra is None else np.column_stack([columns, extra.to_numpy()]))


def auc_if_fitted(people: pd.DataFrame, step: str, rows: np.ndarray) -> float:
    """AUC on held-out rows if ``step`` was fitted on ``rows`` and everything else on training rows."""
    train, changed = ~held_out(people), people.copy()
    if step == "imputer":
        changed[NUMBERS] = SimpleImputer(strategy="mean").fit(people.loc[rows, NUMBERS]).transform(people[NUMBERS])
    if step == "outlier limits":
        quartiles = people.loc[rows, NUMBERS].quantile([0.25, 0.75])
        reach = 1.5 * (quartiles.loc[0.75] - quartiles.loc[0.25])
        changed[NUMBERS] = people[NUMBERS].clip(quartiles.loc[0.25] - reach, quartiles.loc[0.75] + reach, axis=1)
    columns = prepared().fit(changed[rows if step == "scaler" else train]).transform(changed)
    if step == "selection":
        noise = np.random.default_rng(5).normal(size=(len(people), 3000))
        best = SelectKBest(f_classif, k=20).fit(noise[rows], people["churned"][rows])
        columns = np.column_stack([columns, best.transform(noise)])
    return held_out_auc(people, columns)


def selection_by_size(label: pd.Series, sizes: Sequence[int]) -> tuple[list[float], list[float]]:
    """AUC of 20 out of 1,000 columns of noise, chosen on all rows and on training rows. Mean of four repeats."""
    means: dict[bool, list[float]] = {True: [], False: []}
    for size in sizes:
        scores: dict[bool, list[float]] = {True: [], False: []}
        for repeat in range(4):
            rng = np.random.default_rng(100 + repeat)
            noise, y = rng.normal(size=(size, 1000)), rng.permutation(label.to_numpy())[:size]
            train = np.arange(size) % 2 == 1
            for all_rows in (True, False):
                rows = np.ones(size, dtype=bool) if all_rows else train
                best = SelectKBest(f_classif, k=20).fit(noise[rows], y[rows]).transform(noise)
                fitted = LogisticRegression(max_iter=500).fit(best[train], y[train])
                scores[all_rows].append(churn.pandas_auc(y[~train], fitted.predict_proba(best[~train])[:, 1]))
        for all_rows, values in scores.items():
            means[all_rows].append(float(np.mean(values)))
    return means[True], means[False]
