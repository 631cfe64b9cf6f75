"""The churn project: its parameters, and the assets that its notebooks make and others need."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from course.churn import data
from course.churn.features import CATEGORICAL, FEATURE_TABLES, create_feature_tables, register_functions
from course.churn.labels import labels_between, labels_known_at
from course.churn.promotion import JUDGE_AFTER, RETRAIN_AFTER
from course.churn.training import (
    Trained,
    baseline_frame,
    register_baseline,
    spark_pipeline,
    train_and_register,
    training_set,
)
from lakehouse.errors import InvalidValue
from workbook.parameters import day, one_of, whole_number
from workbook.projects import Asset, Project

if TYPE_CHECKING:
    from workbook.workspace import Workspace

CAPSTONE_WEEKS = 64

#: The tables of these are in the schema that the notebook names; those of others have one of their own beside it.
LESSON = data.ChurnOptions(customers=2000, seed=7)
CAPSTONE = data.ChurnOptions(customers=5000, seed=7, weeks=CAPSTONE_WEEKS, concept_change_from=dt.date(2025, 9, 29))


def monday(name: str, value: Any) -> dt.date:
    """A Monday, as a date or as YYYY-MM-DD: labels are made on Mondays."""
    found = day(name, value)
    if found.weekday() != 0:
        before = found - dt.timedelta(days=found.weekday())
        raise InvalidValue(f"{name}={found} is not a Monday, and labels are made on Mondays: use {before}.")
    return found


def options_for(params: SimpleNamespace) -> data.ChurnOptions:
    """The options of the raw tables that a notebook's parameters ask for.

    In the capstone (it has a parameter ``as_of``) the reasons to leave change on that day, and the data go on long
    enough for a second training and a comparison after it.

    Raises
    ------
    InvalidValue
        If ``as_of`` leaves no labels before it or not enough time after it.
    """
    asked = vars(params)
    options = replace(LESSON, customers=asked.get("n_customers", LESSON.customers), seed=asked.get("seed", LESSON.seed))
    if "as_of" not in asked:
        return options
    options = replace(options, weeks=CAPSTONE_WEEKS)
    first = options.start + dt.timedelta(weeks=24)
    last = options.end - RETRAIN_AFTER - JUDGE_AFTER
    if not first <= asked["as_of"] <= last:
        raise InvalidValue(
            f"as_of={asked['as_of']} leaves too little before or after it: use a Monday from {first} to {last}."
        )
    return replace(options, concept_change_from=asked["as_of"])


def schema_of(params: SimpleNamespace) -> str:
    """The schema of the tables of these parameters: ``churn``, and for others for example ``churn_500_seed7``."""
    options = options_for(params)
    levels = [params.schema]
    if options not in (LESSON, CAPSTONE):
        levels += [str(options.customers), f"seed{options.seed}"]
        if options.concept_change_from is not None:
            levels.append(f"{options.concept_change_from:%Y%m%d}")
    if data.GENERATOR_VERSION > 1:
        levels.append(f"v{data.GENERATOR_VERSION}")
    return "_".join(levels)


# Assets


def _raw_tables_are_there(ws: Workspace) -> bool:
    found = data.options_of(ws.spark, ws.schema_name)
    if found is not None and found != options_for(ws.params):
        # A notebook that works with them may be running: they are never replaced.
        raise InvalidValue(
            f"the raw tables of {ws.schema_name} were made with other parameters ({found.customers:,} customers, seed "
            f"{found.seed}): pass another schema, or delete this one with DROP SCHEMA {ws.schema_name} CASCADE."
        )
    return found is not None


def _make_raw_tables(ws: Workspace) -> None:
    data.write_tables(ws.spark, ws.schema_name, options_for(ws.params))


def _feature_tables_are_there(ws: Workspace) -> bool:
    return all(ws.spark.catalog.tableExists(ws.table(name)) for name in FEATURE_TABLES)


def _make_feature_tables(ws: Workspace) -> None:
    create_feature_tables(_client(), ws.spark, ws.schema_name)
    register_functions(ws.spark, ws.schema_name)


TRAINING_SET = "training_set"


def _make_training_set(ws: Workspace) -> None:
    labels = ws.spark.table(ws.table("raw_labels"))
    if hasattr(ws.params, "as_of"):
        labels = labels_known_at(labels, ws.params.as_of)
    training_set(ws, _client(), labels).load_df().write.saveAsTable(ws.table(TRAINING_SET))


def _make_baseline(ws: Workspace) -> Trained:
    return register_baseline(ws, spark_pipeline("classifier", ["age", "income"], CATEGORICAL), baseline_frame(ws))


def _make_champion(ws: Workspace) -> Trained:
    labels = labels_known_at(ws.spark.table(ws.table("raw_labels")), ws.params.as_of)
    return _train(ws, labels, run_name=f"as of {ws.params.as_of}", alias="Champion")


def _make_challenger(ws: Workspace) -> Trained:
    today = ws.params.as_of + RETRAIN_AFTER
    labels = labels_between(ws.spark.table(ws.table("raw_labels")), after=ws.params.as_of, until=today)
    return _train(ws, labels, run_name=f"retrained on {today}", alias="Challenger")


def _train(ws: Workspace, labels: Any, *, run_name: str, alias: str) -> Trained:
    import mlflow

    name = ws.table("churn_model")
    trained = train_and_register(ws, _client(), labels, name=name, run_name=run_name)
    mlflow.MlflowClient().set_registered_model_alias(name, alias, str(trained.version))
    return trained


def _has_alias(model: str, alias: str) -> Callable[[Workspace], bool]:
    def present(ws: Workspace) -> bool:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        try:
            MlflowClient().get_model_version_by_alias(ws.table(model), alias)
        except MlflowException:
            return False
        return True

    return present


def _client() -> Any:
    from databricks.feature_engineering import FeatureEngineeringClient

    return FeatureEngineeringClient()


PROJECT = Project(
    name="churn",
    schema="churn",
    parameters={
        "n_customers": whole_number(200, 5_000_000),
        "seed": whole_number(0, 2**31 - 1),
        "as_of": monday,
        "model": one_of("logistic_regression", "gradient_boosted_trees"),
    },
    schema_of=schema_of,
    assets=(
        Asset("raw_tables", "the raw tables", _raw_tables_are_there, _make_raw_tables),
        Asset(
            "feature_tables",
            "the feature tables",
            _feature_tables_are_there,
            _make_feature_tables,
            made_from=("raw_tables",),
        ),
        Asset(
            TRAINING_SET,
            "the training set",
            lambda ws: bool(ws.spark.catalog.tableExists(ws.table(TRAINING_SET))),
            _make_training_set,
            made_from=("raw_tables", "feature_tables"),
        ),
        Asset(
            "baseline",
            "the baseline and its alias Champion",
            _has_alias("churn_baseline", "Champion"),
            _make_baseline,
            made_from=("raw_tables",),
        ),
        Asset(
            "champion",
            "the first model with features and its alias Champion",
            _has_alias("churn_model", "Champion"),
            _make_champion,
            made_from=("raw_tables", "feature_tables"),
        ),
        Asset(
            "challenger",
            "the retrained model and its alias Challenger",
            _has_alias("churn_model", "Challenger"),
            _make_challenger,
            made_from=("champion",),
        ),
    ),
)
