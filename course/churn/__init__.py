"""The churn project: its data, and the steps of its pipeline that chapters, the capstone and the tests share.

Each step is a plain function of DataFrames or of a workspace. Notebooks show one step at a time and call the others from
here.
"""

from __future__ import annotations

from course.churn.features import (
    CATEGORICAL,
    FEATURE_TABLES,
    NUMERIC,
    create_feature_tables,
    customer_features,
    feature_lookups,
    payment_features,
    register_functions,
    rolling_count,
    tenure_years,
    ticket_features,
    usage_features,
)
from course.churn.labels import (
    LABEL,
    OUTCOME_DAYS,
    labels_between,
    labels_known_at,
    latest_labels,
    split_by_customer,
)
from course.churn.promotion import JUDGE_AFTER, RETRAIN_AFTER, Comparison, best_auc, compare
from course.churn.training import (
    BASELINE_COLUMNS,
    Trained,
    auc,
    baseline_frame,
    pandas_auc,
    register_baseline,
    sklearn_pipeline,
    spark_pipeline,
    train_and_register,
    training_set,
    version_of_run,
)

__all__ = [
    "BASELINE_COLUMNS",
    "CATEGORICAL",
    "FEATURE_TABLES",
    "JUDGE_AFTER",
    "LABEL",
    "NUMERIC",
    "OUTCOME_DAYS",
    "RETRAIN_AFTER",
    "Comparison",
    "Trained",
    "auc",
    "baseline_frame",
    "best_auc",
    "compare",
    "create_feature_tables",
    "customer_features",
    "feature_lookups",
    "labels_between",
    "labels_known_at",
    "latest_labels",
    "pandas_auc",
    "payment_features",
    "register_baseline",
    "register_functions",
    "rolling_count",
    "sklearn_pipeline",
    "spark_pipeline",
    "split_by_customer",
    "tenure_years",
    "ticket_features",
    "train_and_register",
    "training_set",
    "usage_features",
    "version_of_run",
]
