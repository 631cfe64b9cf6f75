"""The steps of the churn pipeline that chapters, the capstone and the tests share.

Each step is a plain function of DataFrames or of a workspace. Notebooks show one step at a time and call the others
from here; ``build_missing`` makes what a notebook expects earlier ones to have left behind.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from workbook.churn import data

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from databricks.feature_engineering import FeatureEngineeringClient, FeatureFunction, FeatureLookup, TrainingSet
    from pyspark.ml import Pipeline
    from sklearn.pipeline import Pipeline as SklearnPipeline

    from workbook.start import Workspace

LABEL = "churned"
OUTCOME_DAYS = 30  # a label says what happened within so many days, and is known only then
RETRAIN_AFTER = dt.timedelta(weeks=12)  # the capstone's second training, after its first
JUDGE_AFTER = dt.timedelta(weeks=12)  # its comparison, after the second training
CAPSTONE_WEEKS = 64
CATEGORICAL = ["country", "plan"]
NUMERIC = ["age", "log_income", "minutes_trend", "tickets_30d", "late_payments_90d", "tenure_years"]


# Features


def customer_features(customers: DataFrame) -> DataFrame:
    """One row for each customer: the raw export sends some of them twice.

    Returns
    -------
    DataFrame
        Key ``customer_id``; ``country``, ``plan``, ``signup_date``, ``age`` (years), ``log_income`` (log of euros).
    """
    return customers.dropDuplicates(["customer_id"]).select(
        "customer_id", "country", "plan", "signup_date", "age", F.log("income").alias("log_income")
    )


def usage_features(usage: DataFrame) -> DataFrame:
    """Trend of the minutes watched, at each delivery of the weekly feed.

    ``ts`` is the moment when the feed delivers a week, not the week itself: before it nobody could have known.

    Returns
    -------
    DataFrame
        Keys ``customer_id`` and ``ts``; ``minutes_1w`` and ``minutes_4w``, the minutes of the last one and four delivered
        weeks; ``minutes_trend`` in [-1, 1], the last four against the four before,
        ``(recent - before) / (recent + before)``, null with fewer than eight weeks.
    """
    weeks = Window.partitionBy("customer_id").orderBy("week_start")
    recent = F.sum("minutes").over(weeks.rowsBetween(-3, 0))
    before = F.sum("minutes").over(weeks.rowsBetween(-7, -4))
    enough = (F.row_number().over(weeks) >= 8) & (recent + before > 0)
    return usage.select(
        "customer_id",
        F.col("available_at").alias("ts"),
        F.col("minutes").alias("minutes_1w"),
        recent.alias("minutes_4w"),
        F.when(enough, (recent - before) / (recent + before)).alias("minutes_trend"),
    )


def ticket_features(tickets: DataFrame) -> DataFrame:
    """Tickets opened in the last 30 days, at every moment when that number changes.

    Returns
    -------
    DataFrame
        Keys ``customer_id`` and ``ts``; ``tickets_30d``.
    """
    return rolling_count(tickets, moment=F.col("opened_at"), days=30, name="tickets_30d")


def payment_features(payments: DataFrame) -> DataFrame:
    """Payments of the last 90 days that failed or came late, at every moment when that number changes.

    Returns
    -------
    DataFrame
        Keys ``customer_id`` and ``ts``; ``late_payments_90d``.
    """
    troubled = payments.where("failed OR late_days > 0")
    return rolling_count(troubled, moment=F.col("paid_at"), days=90, name="late_payments_90d")


def rolling_count(events: DataFrame, *, moment: Column, days: int, name: str) -> DataFrame:
    """Number of events in the last ``days`` days, as a time series with one row for each change.

    An event counts from its moment on and stops counting ``days`` days later, so the value at any time is that of the
    latest row at or before it. A snapshot per week would be stale between two snapshots.

    Parameters
    ----------
    events : DataFrame
        One row for each event, with ``customer_id``.
    moment : Column
        Timestamp of the event.
    days : int
        Length of the window.
    name : str
        Name of the feature.

    Returns
    -------
    DataFrame
        Keys ``customer_id`` and ``ts``, unique; the count as int.
    """
    changes = events.select(
        "customer_id",
        F.explode(
            F.array(
                F.struct(moment.alias("ts"), F.lit(1).alias("change")),
                F.struct((moment + F.expr(f"INTERVAL {days} DAYS")).alias("ts"), F.lit(-1).alias("change")),
            )
        ).alias("point"),
    ).select("customer_id", "point.*")
    past = Window.partitionBy("customer_id").orderBy("ts")
    return (
        changes.groupBy("customer_id", "ts")
        .agg(F.sum("change").alias("change"))
        .select("customer_id", "ts", F.sum("change").over(past).cast("int").alias(name))
    )


def tenure_years(signup_date: dt.date, label_ts: dt.datetime) -> float:
    """Years as a customer at the moment of the label: known only with the request, so computed on demand."""
    if signup_date is None or label_ts is None:
        return None
    return (label_ts.date() - signup_date).days / 365


FEATURE_TABLES: dict[str, dict[str, Any]] = {
    "customer_features": {
        "source": "raw_customers",
        "build": customer_features,
        "primary_keys": ["customer_id"],
        "description": "Customer master data, one row each. Owner: churn team. Refresh: daily.",
    },
    "usage_features": {
        "source": "raw_usage",
        "build": usage_features,
        "primary_keys": ["customer_id", "ts"],
        "timeseries_column": "ts",
        "description": "Trend of minutes watched, time-stamped with the delivery of the feed. Refresh: weekly.",
    },
    "ticket_features": {
        "source": "raw_tickets",
        "build": ticket_features,
        "primary_keys": ["customer_id", "ts"],
        "timeseries_column": "ts",
        "description": "Tickets of the last 30 days, one row for each change. Refresh: daily.",
    },
    "payment_features": {
        "source": "raw_payments",
        "build": payment_features,
        "primary_keys": ["customer_id", "ts"],
        "timeseries_column": "ts",
        "description": "Late or failed payments of the last 90 days, one row for each change. Refresh: daily.",
    },
}


def create_feature_tables(fe: FeatureEngineeringClient, spark: Any, schema: str, since: dt.date | None = None) -> None:
    """Create the feature tables that are missing, and merge into those that exist.

    Parameters
    ----------
    fe : FeatureEngineeringClient
    spark : SparkSession
    schema : str
        ``catalog.schema`` of the raw tables and of the feature tables.
    since : datetime.date, optional
        Merge only the rows of time series after this day. They are still computed from all raw rows, because a
        window that ends today began weeks ago.
    """
    for name, table in FEATURE_TABLES.items():
        full_name = f"{schema}.{name}"
        df = table["build"](spark.table(f"{schema}.{table['source']}"))
        if not spark.catalog.tableExists(full_name):
            declared = {key: table[key] for key in ("primary_keys", "timeseries_column", "description") if key in table}
            fe.create_table(name=full_name, df=df, **declared)
            continue
        if since is not None and "timeseries_column" in table:
            df = df.where(F.col(table["timeseries_column"]) > F.lit(_moment(since)))
        fe.write_table(name=full_name, df=df, mode="merge")


def register_functions(spark: Any, schema: str) -> None:
    """Register the on-demand features as functions of the schema."""
    from lakehouse.functions import register_python_function

    register_python_function(tenure_years, name=f"{schema}.tenure_years", spark=spark)


def feature_lookups(schema: str) -> list[FeatureLookup | FeatureFunction]:
    """What a churn model needs: three point-in-time lookups, one plain lookup, one function.

    A customer without tickets has no row in ``ticket_features``: the default says what that means.
    """
    from databricks.feature_engineering import FeatureFunction, FeatureLookup

    def at_label(table: str, feature: str, default: float) -> FeatureLookup:
        return FeatureLookup(
            table_name=f"{schema}.{table}",
            lookup_key="customer_id",
            feature_names=[feature],
            timestamp_lookup_key="label_ts",
            default_values={feature: default},
        )

    return [
        FeatureLookup(table_name=f"{schema}.customer_features", lookup_key="customer_id"),
        at_label("usage_features", "minutes_trend", 0.0),
        at_label("ticket_features", "tickets_30d", 0),
        at_label("payment_features", "late_payments_90d", 0),
        FeatureFunction(
            udf_name=f"{schema}.tenure_years",
            input_bindings={"signup_date": "signup_date", "label_ts": "label_ts"},
            output_name="tenure_years",
        ),
    ]


# Labels


def labels_known_at(labels: DataFrame, as_of: dt.date) -> DataFrame:
    """The labels whose outcome was known on the day ``as_of``: those of at least 30 days before.

    A label of last week says "has not left within 30 days" of somebody who may leave tomorrow.
    """
    return labels.where(F.col("label_ts") <= F.lit(_moment(as_of - dt.timedelta(days=OUTCOME_DAYS))))


def labels_between(labels: DataFrame, after: dt.date, until: dt.date) -> DataFrame:
    """The labels with ``after < label_ts + 30 days <= until``: what became known between two days."""
    known_at = F.col("label_ts") + F.expr(f"INTERVAL {OUTCOME_DAYS} DAYS")
    return labels.where((known_at > F.lit(_moment(after))) & (known_at <= F.lit(_moment(until))))


def latest_labels(labels: DataFrame, on: dt.date) -> DataFrame:
    """The rows of the last label date at or before a day: who is a customer then."""
    past = labels.where(F.col("label_ts") <= F.lit(_moment(on)))
    return past.join(past.agg(F.max("label_ts").alias("label_ts")), "label_ts")


def _moment(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time())


def split_by_customer(df: DataFrame, test_percent: int = 20) -> tuple[DataFrame, DataFrame]:
    """Train and test, the same rows on every run, on any number of machines and after any repartitioning.

    A hash of the key decides, so a customer is on one side only. ``randomSplit`` gives other rows when the frame is
    partitioned otherwise, whatever its seed.
    """
    bucket = F.pmod(F.xxhash64("customer_id"), F.lit(100))
    return df.where(bucket >= test_percent), df.where(bucket < test_percent)


# Models


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
        raise ValueError(f"model={model!r} is not a choice: use one of {', '.join(estimators)}.")
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


# What earlier notebooks leave behind


def options_for(ws: Workspace) -> data.ChurnOptions:
    """The options of the raw tables that a workspace's parameters ask for.

    In the capstone (it has a parameter ``as_of``) the reasons to leave change on that day, and the data go on long
    enough for a second training and a comparison after it.

    Raises
    ------
    ValueError
        If ``as_of`` leaves no labels before it or not enough time after it.
    """
    asked = vars(ws.params)
    options = data.ChurnOptions(
        customers=asked.get("n_customers", data.DEFAULTS.customers), seed=asked.get("seed", data.DEFAULTS.seed)
    )
    if "as_of" not in asked:
        return options
    options = replace(options, weeks=CAPSTONE_WEEKS)
    first = options.start + dt.timedelta(weeks=24)
    last = options.end - RETRAIN_AFTER - JUDGE_AFTER
    if not first <= asked["as_of"] <= last:
        raise ValueError(
            f"as_of={asked['as_of']} leaves too little before or after it: use a Monday from {first} to {last}."
        )
    return replace(options, concept_change_from=asked["as_of"])


def build_missing(ws: Workspace) -> None:
    """Make what a notebook expects to find: the raw tables, and in the capstone what its earlier notebooks leave.

    Nothing that is there is made again, unless the raw tables were made with other parameters: then all of it is.
    """
    options = options_for(ws)
    if data.options_of(ws.spark, ws.schema_name) != options:
        print(f"Making the raw tables of {options.customers:,} customers in {ws.schema_name} ...", flush=True)
        _forget_results(ws)
        data.write_tables(ws.spark, ws.schema_name, options)
    for stage, present, make in _CAPSTONE:
        if ws.notebook in CAPSTONE[CAPSTONE.index(stage) + 1 :] and not present(ws):
            print(f"Making what {stage} leaves behind ...", flush=True)
            make(ws)


CAPSTONE = ["churn_01_baseline", "churn_02_features", "churn_03_retraining", "churn_04_inference", "churn_05_promotion"]


def make_champion(ws: Workspace) -> Trained:
    """What the second notebook of the capstone does: feature tables, a first version, the alias Champion."""
    import mlflow
    from databricks.feature_engineering import FeatureEngineeringClient

    fe = FeatureEngineeringClient()
    create_feature_tables(fe, ws.spark, ws.schema_name)
    register_functions(ws.spark, ws.schema_name)
    labels = labels_known_at(ws.spark.table(ws.table("raw_labels")), ws.params.as_of)
    name = ws.table("churn_model")
    trained = train_and_register(ws, fe, labels, name=name, run_name=f"as of {ws.params.as_of}")
    mlflow.MlflowClient().set_registered_model_alias(name, "Champion", str(trained.version))
    return trained


def make_challenger(ws: Workspace) -> Trained:
    """What the third notebook of the capstone does: a version trained on the labels since ``as_of``."""
    import mlflow
    from databricks.feature_engineering import FeatureEngineeringClient

    today = ws.params.as_of + RETRAIN_AFTER
    labels = labels_between(ws.spark.table(ws.table("raw_labels")), after=ws.params.as_of, until=today)
    name = ws.table("churn_model")
    trained = train_and_register(ws, FeatureEngineeringClient(), labels, name=name, run_name=f"retrained on {today}")
    mlflow.MlflowClient().set_registered_model_alias(name, "Challenger", str(trained.version))
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


_CAPSTONE: list[tuple[str, Callable[[Workspace], bool], Callable[[Workspace], Trained]]] = [
    (
        "churn_01_baseline",
        _has_alias("churn_baseline", "Champion"),
        lambda ws: register_baseline(
            ws, spark_pipeline("classifier", ["age", "income"], CATEGORICAL), baseline_frame(ws)
        ),
    ),
    ("churn_02_features", _has_alias("churn_model", "Champion"), make_champion),
    ("churn_03_retraining", _has_alias("churn_model", "Challenger"), make_challenger),
]


def _forget_results(ws: Workspace) -> None:
    """Take the aliases and feature tables of other raw tables away, so that nothing old is compared with the new."""
    import mlflow

    client = mlflow.MlflowClient()
    for model, alias in (("churn_baseline", "Champion"), ("churn_model", "Champion"), ("churn_model", "Challenger")):
        if _has_alias(model, alias)(ws):
            client.delete_registered_model_alias(ws.table(model), alias)
    for name in FEATURE_TABLES:
        ws.spark.sql(f"DROP TABLE IF EXISTS {ws.table(name)}")
