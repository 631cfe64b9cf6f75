"""From labels to a registered model: pipelines, training sets, tracking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from course.churn.features import CATEGORICAL, NUMERIC, feature_lookups
from course.churn.labels import LABEL, labels_known_at, split_by_customer
from lakehouse.errors import InvalidValue

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from databricks.feature_engineering import FeatureEngineeringClient, TrainingSet
    from pyspark.ml import Pipeline
    from sklearn.pipeline import Pipeline as SklearnPipeline

    from workbook.workspace import Workspace


def spark_pipeline(
    model: str = "logistic_regression", numeric: Sequence[str] = NUMERIC, categorical: Sequence[str] = CATEGORICAL
) -> Pipeline:
    """Spark ML pipeline: impute, index, one-hot, assemble, estimate. Nothing is fitted yet.

    The first two estimators write the **probability** of churn into ``prediction``, the one column that ``score_batch``
    hands on. The third, Spark's ``LogisticRegression``, writes the class there, and classes rank nobody.

    Parameters
    ----------
    model : {"logistic_regression", "gradient_boosted_trees", "classifier"}
    numeric, categorical : sequence of str
        Input columns.

    Raises
    ------
    ValueError
        If `model` is another word.
    """
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import Imputer, OneHotEncoder, StringIndexer, VectorAssembler
    from pyspark.ml.regression import GBTRegressor, GeneralizedLinearRegression

    estimators: dict[str, Any] = {
        "logistic_regression": GeneralizedLinearRegression(
            family="binomial", link="logit", regParam=1e-4, labelCol=LABEL, featuresCol="features"
        ),
        "gradient_boosted_trees": GBTRegressor(labelCol=LABEL, featuresCol="features", maxIter=30, maxDepth=3, seed=7),
        "classifier": LogisticRegression(labelCol=LABEL, featuresCol="features"),
    }
    if model not in estimators:
        raise InvalidValue(f"model={model!r} is not a choice: use one of {', '.join(estimators)}.")
    imputed = [f"{name}_imputed" for name in numeric]
    indexed, encoded = ([f"{name}_{kind}" for name in categorical] for kind in ("index", "onehot"))
    return Pipeline(
        stages=[
            Imputer(inputCols=list(numeric), outputCols=imputed, strategy="median"),
            StringIndexer(inputCols=list(categorical), outputCols=indexed, handleInvalid="keep"),
            OneHotEncoder(inputCols=indexed, outputCols=encoded),
            VectorAssembler(inputCols=imputed + encoded, outputCol="features"),
            estimators[model],
        ]
    )


@dataclass(frozen=True)
class Trained:
    """A model version that :func:`train_and_register` made.

    Attributes
    ----------
    version : int
        Number of the version in the registry.
    run_id : str
    auc : float
        Area under the ROC curve on the customers held out.
    """

    version: int
    run_id: str
    auc: float


BASELINE_COLUMNS = ["age", "income", *CATEGORICAL]


def baseline_frame(ws: Workspace) -> DataFrame:
    """The labels known at ``as_of`` with the columns of the customer table, one row for each label."""
    customers = ws.spark.table(ws.table("raw_customers")).dropDuplicates(["customer_id"])
    labels = labels_known_at(ws.spark.table(ws.table("raw_labels")), ws.params.as_of)
    return labels.join(customers, "customer_id").select("customer_id", "label_ts", *BASELINE_COLUMNS, LABEL)


def register_baseline(ws: Workspace, unfitted: Pipeline, frame: DataFrame) -> Trained:
    """Fit on 80 % of the customers, track, register with a signature, and make the version the Champion.

    Parameters
    ----------
    ws : Workspace
    unfitted : Pipeline
        Takes ``BASELINE_COLUMNS``, ends in a classifier.
    frame : DataFrame
        What :func:`baseline_frame` gives.
    """
    import mlflow
    from mlflow.models import infer_signature

    name = ws.table("churn_baseline")
    train, test = split_by_customer(frame)
    with mlflow.start_run(run_name="baseline") as run:
        mlflow.log_params({"features": ", ".join(BASELINE_COLUMNS), "as_of": ws.params.as_of})
        model = unfitted.fit(train)
        score = auc(model.transform(test))
        mlflow.log_metric("auc", score)
        some = model.transform(train.limit(100)).toPandas()
        signature = infer_signature(some[BASELINE_COLUMNS], some[["prediction"]])
        mlflow.spark.log_model(
            model,
            artifact_path="model",
            signature=signature,
            registered_model_name=name,
            # Named, because finding them out takes MLflow a subprocess that loads the model: half a minute.
            pip_requirements=mlflow.spark.get_default_pip_requirements(),
        )
    version = version_of_run(name, run.info.run_id)
    mlflow.MlflowClient().set_registered_model_alias(name, "Champion", str(version))
    return Trained(version, run.info.run_id, score)


def training_set(ws: Workspace, fe: FeatureEngineeringClient, labels: DataFrame) -> TrainingSet:
    """Labels plus everything that :func:`feature_lookups` knows about them at ``label_ts``."""
    return fe.create_training_set(
        df=labels,
        feature_lookups=feature_lookups(ws.schema_name),
        label=LABEL,
        exclude_columns=["customer_id", "label_ts", "signup_date"],
    )


def train_and_register(
    ws: Workspace, fe: FeatureEngineeringClient, labels: DataFrame, *, name: str, run_name: str
) -> Trained:
    """Train on 80 % of the customers, judge on the others, log with the recipe of the features, register.

    The whole way from labels to a version in one call, so that retraining is the same code on other labels.

    Parameters
    ----------
    ws : Workspace
        Its parameter ``model`` names the estimator.
    fe : FeatureEngineeringClient
    labels : DataFrame
        ``customer_id``, ``label_ts`` and ``churned``, outcomes known.
    name : str
        Three-level name of the registered model.
    run_name : str
    """
    import mlflow

    train_labels, test_labels = split_by_customer(labels)
    train = training_set(ws, fe, train_labels)
    # Kept as a table, because fitting reads the rows many times: serverless compute refuses cache().
    kept = ws.table("churn_training_rows")
    train.load_df().write.mode("overwrite").option("overwriteSchema", "true").saveAsTable(kept)
    frame = ws.spark.table(kept)
    model = spark_pipeline(getattr(ws.params, "model", "logistic_regression")).fit(frame)
    score = auc(model.transform(training_set(ws, fe, test_labels).load_df()), score="prediction")
    first, last = labels.agg(F.min("label_ts"), F.max("label_ts")).first() or (None, None)
    with mlflow.start_run(run_name=run_name) as run:
        mlflow.log_params({"labels_from": first, "labels_to": last, "train_rows": frame.count()})
        mlflow.log_metric("auc", score)
        fe.log_model(
            model=model, artifact_path="model", flavor=mlflow.spark, training_set=train, registered_model_name=name
        )
    return Trained(version_of_run(name, run.info.run_id), run.info.run_id, score)


def version_of_run(name: str, run_id: str) -> int:
    """The version of a registered model that a run made. Unity Catalog searches by name only, so the rest is ours."""
    from mlflow import MlflowClient

    versions = MlflowClient().search_model_versions(f"name = '{name}'")
    return max(int(version.version) for version in versions if version.run_id == run_id)


def sklearn_pipeline() -> SklearnPipeline:
    """The same model in scikit-learn, for what fits into memory: it takes a frame and picks its columns itself."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    columns = ColumnTransformer(
        [
            ("numeric", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), NUMERIC),
            ("categorical", OneHotEncoder(handle_unknown="ignore"), CATEGORICAL),
        ]
    )
    return make_pipeline(columns, LogisticRegression(max_iter=1000))


def auc(scored: DataFrame, score: str = "probability", label: str = LABEL) -> float:
    """Area under the ROC curve of a scored frame: 0.5 is a coin, 1 is perfect."""
    from pyspark.ml.evaluation import BinaryClassificationEvaluator

    evaluator = BinaryClassificationEvaluator(rawPredictionCol=score, labelCol=label, metricName="areaUnderROC")
    return float(evaluator.evaluate(scored))


def pandas_auc(labels: pd.Series, scores: pd.Series | np.ndarray, weight: np.ndarray | None = None) -> float:
    """Area under the ROC curve of scores of shape (n,)."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels, scores, sample_weight=weight))
