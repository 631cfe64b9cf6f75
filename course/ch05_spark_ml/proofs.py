"""Proofs of chapter 05, Spark ML: frames of a few dozen rows, and fitted models shared through cached helpers."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from workbook.proofs import Lab, holds, raises, works

PLANS = ["basic", "basic", "plus", "basic", "gold", "plus"]


# Shared frames and models


def _frame(lab: Lab, **columns: Any) -> Any:
    import pandas as pd

    return lab.spark.createDataFrame(pd.DataFrame(columns))


@cache
def _train(lab: Lab) -> Any:
    rng = np.random.default_rng(5)
    n = 48
    age, income = rng.integers(20, 70, n).astype(float), rng.normal(3, 1, n)
    label = ((age - 45) / 15 + (income - 3) + rng.normal(0, 1, n) > 0.3).astype(float)
    plan = [PLANS[i % len(PLANS)] for i in range(n)]
    return _frame(lab, customer_id=range(n), plan=plan, age=age, income=income, label=label).cache()


@cache
def _pipeline(lab: Lab) -> Any:
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import OneHotEncoder, StringIndexer, VectorAssembler

    assert lab.spark is not None
    return Pipeline(
        stages=[
            StringIndexer(inputCol="plan", outputCol="plan_ix", handleInvalid="keep"),
            OneHotEncoder(inputCols=["plan_ix"], outputCols=["plan_oh"]),
            VectorAssembler(inputCols=["plan_oh", "age", "income"], outputCol="features"),
            LogisticRegression(regParam=0.1),
        ]
    )


@cache
def _model(lab: Lab) -> Any:
    return _pipeline(lab).fit(_train(lab))


@cache
def _vectors(lab: Lab) -> Any:
    """The training rows with ``features`` of age and income."""
    from pyspark.ml.feature import VectorAssembler

    return VectorAssembler(inputCols=["age", "income"], outputCol="features").transform(_train(lab))


@cache
def _tools() -> SimpleNamespace:
    """An estimator that notes each frame it is fitted on, its model, and an evaluator that calls a function."""
    from pyspark.ml import Estimator, Model
    from pyspark.ml.evaluation import Evaluator
    from pyspark.ml.param.shared import HasRegParam

    class Noted(Model):
        def __init__(self, notes: Any, reg: float) -> None:
            super().__init__()
            self.notes, self.reg = notes, reg

        def _transform(self, dataset: Any) -> Any:
            self.notes.last = self.reg
            return dataset

    class Notes(Estimator, HasRegParam):
        def __init__(self) -> None:
            super().__init__()
            self._setDefault(regParam=0.0)
            self.notes = SimpleNamespace(frames=[], models=[], last=None)

        def _fit(self, dataset: Any) -> Any:
            self.notes.frames.append(dataset)
            self.notes.models.append(Noted(self.notes, self.getRegParam()))
            return self.notes.models[-1]

    class Judge(Evaluator):
        def __init__(self, call: Callable[[Any], float]) -> None:
            super().__init__()
            self.call = call

        def _evaluate(self, dataset: Any) -> float:
            return self.call(dataset)

    return SimpleNamespace(Notes=Notes, Judge=Judge)


def _grid(estimator: Any, n: int) -> list[Any]:
    from pyspark.ml.tuning import ParamGridBuilder

    return ParamGridBuilder().addGrid(estimator.regParam, [float(i) for i in range(n)]).build()


def _scored(lab: Lab, label: Any, score: Any) -> Any:
    """A scored frame of a binary classifier with threshold 0.5."""
    label, score = np.asarray(label, float), np.asarray(score, float)
    return _frame(lab, label=label, rawPrediction=score, prediction=(score >= 0.5).astype(float))


# Which tool


def ml_fit_002(lab: Lab) -> set[str]:
    from pyspark.ml.classification import GBTClassifier
    from pyspark.ml.regression import GBTRegressor
    from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier

    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (400, 2))
    y = (x[:, 0] + rng.normal(0, 1, 400) > 0.5).astype(int)
    line = np.column_stack([np.linspace(0, 1, 50), np.full(50, 0.5)])

    def rule(cls: Any) -> bool:
        return any("monoton" in name.lower() for name in [*dir(cls), *getattr(cls, "_parameter_constraints", {})])

    tied = HistGradientBoostingClassifier(monotonic_cst=[1, 0], max_iter=20).fit(x, y).predict_proba(line)[:, 1]
    free = GradientBoostingClassifier(n_estimators=20, random_state=0).fit(x, y).predict_proba(line)[:, 1]
    return holds(
        {
            "A": rule(GBTClassifier),
            "B": rule(GradientBoostingClassifier) or bool((np.diff(free) >= 0).all()),
            "C": rule(GBTRegressor),
            "D": rule(HistGradientBoostingClassifier) and bool((np.diff(tied) >= 0).all()),
        }
    )


def ml_fit_003(lab: Lab) -> set[str]:
    from pyspark.ml import Estimator, classification, clustering, recommendation, regression

    modules = (classification, clustering, recommendation, regression)
    found = {k: v for m in modules for k, v in vars(m).items() if isinstance(v, type) and issubclass(v, Estimator)}
    glm = found["GeneralizedLinearRegression"]
    return holds(
        {
            "A": hasattr(found.get("ALS"), "implicitPrefs"),
            "B": any("SV" in name and "kernel" in map(str.lower, dir(cls)) for name, cls in found.items()),
            "C": any(word in name.lower() for name in found for word in ("dbscan", "density", "optics")),
            "D": hasattr(glm, "variancePower") and hasattr(glm, "linkPower"),
            "E": any(word in name.lower() for name in found for word in ("isolation", "anomaly", "outlier")),
        }
    )


def ml_node_006(lab: Lab) -> set[str]:
    from pyspark.ml.functions import vector_to_array

    model, rows = _model(lab), _train(lab).toPandas()
    truth = model.transform(_train(lab)).select(vector_to_array("probability")[1].alias("p")).toPandas()["p"].to_numpy()
    coefficients, intercept = model.stages[-1].coefficients.toArray(), model.stages[-1].intercept
    labels = list(model.stages[0].labels)

    def agrees(weights: Any, constant: float, order: list[str]) -> bool:
        hot = np.array([[plan == known for known in order] for plan in rows["plan"]], float)
        x = np.column_stack([hot, rows[["age", "income"]]])
        return bool(np.allclose(1 / (1 + np.exp(-(x @ weights + constant))), truth, atol=1e-9))

    enough = agrees(coefficients, intercept, labels)
    return holds(
        {
            "A": not enough,
            "B": enough and not agrees(coefficients, 0.0, labels),
            "C": not enough,
            "D": enough and not agrees(coefficients, intercept, labels[::-1]),
            "E": not enough,
        }
    )


# Scoring


def ml_score_007(lab: Lab) -> set[str]:
    from pyspark.errors import AnalysisException
    from pyspark.ml.evaluation import BinaryClassificationEvaluator

    model, folder, seen = _model(lab), str(lab.folder()), []
    _train(lab).coalesce(1).write.mode("overwrite").parquet(folder)
    events = lab.spark.readStream.schema(_train(lab).schema).parquet(folder)

    def written(writer: Any) -> None:
        query = writer.trigger(availableNow=True).start()
        query.awaitTermination()

    sink = "ml_score_007"
    written(model.transform(events).writeStream.format("memory").queryName(sink))
    written(events.writeStream.foreachBatch(lambda batch, _: seen.append(model.transform(batch).count())))
    n = _train(lab).count()
    return holds(
        {
            "A": works(lambda: _pipeline(lab).fit(events), AnalysisException),
            "B": lab.spark.table(sink).where("prediction is not null").count() == n,
            "C": works(lambda: BinaryClassificationEvaluator().evaluate(model.transform(events)), AnalysisException),
            "D": sum(seen) == n,
            "E": works(lambda: model.transform(events).collect(), AnalysisException),
        }
    )


def ml_score_008(lab: Lab) -> set[str]:
    from pyspark.errors import AnalysisException
    from pyspark.ml.functions import vector_to_array
    from pyspark.sql import functions as F

    scored = _model(lab).transform(_train(lab))
    truth = np.array([row.probability[1] for row in scored.select("probability").collect()])

    def right(column: Callable[[], Any]) -> bool:
        try:
            frame = scored.select(column().alias("p"))
        except AnalysisException:
            return False
        return frame.dtypes == [("p", "double")] and bool(np.allclose(frame.toPandas()["p"], truth))

    return holds(
        {
            "A": right(lambda: F.col("probability")[1]),
            "B": right(lambda: vector_to_array("probability")[1]),
            "C": right(lambda: F.col("prediction").cast("double")),
            "D": right(lambda: vector_to_array("rawPrediction")[1]),
        }
    )


def ml_score_009(lab: Lab) -> set[str]:
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import StringIndexer, VectorAssembler

    model = Pipeline(
        stages=[
            StringIndexer(inputCol="plan", outputCol="plan_ix", handleInvalid="keep"),
            VectorAssembler(inputCols=["plan_ix", "age"], outputCol="features", handleInvalid="skip"),
            LogisticRegression(maxIter=3),
        ]
    ).fit(_train(lab).where("plan in ('basic', 'plus')"))
    tonight = _frame(lab, plan=["basic", "gold", None, "basic", "plus"], age=[30.0, 41.0, 25.0, None, 52.0])
    assert tonight.where("age is null").count() == 1
    n = model.transform(tonight).count()
    return holds({"A": n == 2, "B": n == 3, "C": n == 5, "D": n == 4})


# Pipelines


def ml_pipe_010(lab: Lab) -> set[str]:
    from pyspark.errors import IllegalArgumentException
    from pyspark.ml import Pipeline

    index, encode, assemble, estimate = _pipeline(lab).getStages()
    message, model = "", None
    try:
        model = Pipeline(stages=[index, assemble, encode, estimate]).fit(_train(lab))
    except IllegalArgumentException as error:
        message = str(error)
    fitted = model is not None
    return holds(
        {
            "A": fitted and works(lambda: model.transform(_train(lab)), IllegalArgumentException),
            "B": fitted and "plan_oh" not in model.stages[1].getInputCols(),
            "C": not fitted and "plan_oh" in message,
            "D": fitted and raises(IllegalArgumentException, lambda: model.transform(_train(lab))),
        }
    )


def ml_pipe_011(lab: Lab) -> set[str]:
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import Imputer, VectorAssembler

    stages = [
        Imputer(inputCols=["age"], outputCols=["age_f"], strategy="median"),
        VectorAssembler(inputCols=["age_f", "income"], outputCol="features"),
        LogisticRegression(maxIter=2),
    ]
    pipeline = Pipeline(stages=stages)
    model = pipeline.fit(_train(lab))
    other = _frame(lab, age=[1.0, 1.0, 1.0, None], income=[3.0] * 4)
    filled = model.stages[0].transform(other).toPandas()["age_f"].iloc[-1]
    return holds(
        {
            "A": type(pipeline.getStages()[0]) is Imputer and not hasattr(pipeline.getStages()[0], "surrogateDF"),
            "B": bool(filled == 1.0),
            "C": type(model.stages[1]) is VectorAssembler,
            "D": works(lambda: pipeline.transform(_train(lab)), AttributeError),
            "E": works(lambda: model.fit(_train(lab)), AttributeError),
        }
    )


def ml_pipe_012(lab: Lab) -> set[str]:
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import StringIndexer, VectorAssembler
    from pyspark.ml.functions import vector_to_array

    cancelled = ["no"] * 6 + ["yes"] * 14
    trials = _frame(lab, cancelled=cancelled, days=[float(i % 9) for i in range(20)]).coalesce(1)
    label = StringIndexer(inputCol="cancelled", outputCol="label")
    assembler = VectorAssembler(inputCols=["days"], outputCol="features")
    model = Pipeline(stages=[label, assembler, LogisticRegression(regParam=1.0)]).fit(trials)
    p = model.transform(trials).select(vector_to_array("probability")[1].alias("p")).toPandas()["p"].mean()
    labels = model.stages[0].labels
    turned = label.fit(_frame(lab, cancelled=cancelled[::-1]).coalesce(1)).labels
    of_yes, of_no = abs(p - 0.7) < 0.01, abs(p - 0.3) < 0.01
    return holds(
        {
            "A": of_no and labels == ["yes", "no"],
            "B": of_yes and labels == sorted(labels),
            "C": of_yes and labels[1] == "yes",
            "D": labels != turned,
        }
    )


def ml_pipe_013(lab: Lab) -> set[str]:
    from pyspark.ml import Pipeline
    from pyspark.ml.feature import Imputer

    incomes = [1.0, 2.0, 6.0, None, 900.0, 800.0, 700.0, None]
    rows = _frame(lab, income=incomes, part=["train"] * 4 + ["test"] * 4).coalesce(1)
    train, test = rows.where("part = 'train'"), rows.where("part = 'test'")

    def fill(fitted_on: Any, strategy: str = "mean") -> float:
        imputer = Imputer(inputCols=["income"], outputCols=["income"], strategy=strategy)
        return imputer.fit(fitted_on).surrogateDF.first()["income"]

    def filled(model: Any, frame: Any) -> float:
        """What a missing income becomes."""
        return model.transform(frame.where("income is null")).first()["income"]

    stored = Pipeline(stages=[Imputer(inputCols=["income"], outputCols=["income"])]).fit(train)
    clean, everything, median = fill(train), fill(rows), fill(rows, "median")
    used = {  # fill value in training, in the test, and what the training rows alone would give
        "A": (median, median, fill(train, "median")),
        "B": (filled(stored, train), filled(stored, test), clean),
        "C": (clean, fill(test), clean),
        "D": (everything, everything, clean),
    }
    # honest: training knows nothing of the test rows, and the test gets what the stored pipeline fills in
    return holds({k: in_train == alone == in_test for k, (in_train, in_test, alone) in used.items()})


def ml_split_014(lab: Lab) -> set[str]:
    from pyspark.sql import functions as F

    spark = lab.spark
    friday = spark.range(0, 120, 1, 1).withColumnRenamed("id", "customer_id")
    monday = spark.range(0, 120, 1, 3).withColumnRenamed("id", "customer_id")

    def same(test_rows: Callable[[Any], Any]) -> bool:
        first, second = ({row.customer_id for row in test_rows(frame).collect()} for frame in (friday, monday))
        return first == second

    def split(frame: Any) -> Any:
        return frame.randomSplit([0.8, 0.2], seed=42)[1]

    def cached(frame: Any) -> Any:
        kept = frame.select("customer_id").cache()
        rows = split(kept).collect()
        kept.unpersist()
        return SimpleNamespace(collect=lambda: rows)

    setting = "spark.sql.shuffle.partitions"
    before = spark.conf.get(setting)
    spark.conf.set(setting, "5")
    try:
        fixed = same(split)
    finally:
        spark.conf.set(setting, before)
    return holds(
        {
            "A": fixed,
            "B": same(cached),
            "C": same(lambda frame: frame.subtract(frame.sample(0.8, seed=42))),
            "D": same(lambda frame: frame.where(F.expr("pmod(xxhash64(customer_id), 10) < 2"))),
        }
    )


# Estimators, transformers, encoders


def ml_est_015(lab: Lab) -> set[str]:
    from pyspark.ml import Estimator, feature

    names = ["QuantileDiscretizer", "Bucketizer", "OneHotEncoder", "HashingTF", "IDF", "Normalizer"]
    return holds({k: issubclass(getattr(feature, name), Estimator) for k, name in zip("ABCDEF", names, strict=True)})


def ml_est_016(lab: Lab) -> set[str]:
    from pyspark.ml.feature import StandardScaler

    train, test = (_vectors(lab).where(part).select("features") for part in ("age < 50", "age >= 30"))
    scaler = StandardScaler(inputCol="features", outputCol="scaled")

    def factor(frame: Any) -> Any:
        row = frame.first()
        return row["scaled"].toArray() / row["features"].toArray()

    def alike(call: Callable[[], tuple[Any, Any]]) -> bool:
        try:
            first, second = call()
        except AttributeError:
            return False
        return bool(np.allclose(factor(first), factor(second)))

    def stored() -> tuple[Any, Any]:
        fitted = scaler.fit(train)
        return fitted.transform(train), fitted.transform(test)

    def in_place() -> tuple[Any, Any]:
        scaler.fit(train)
        return scaler.transform(train), scaler.transform(test)

    return holds(
        {
            "A": alike(stored),
            "B": alike(in_place),
            "C": alike(lambda: (scaler.fit_transform(train), scaler.transform(test))),
            "D": alike(lambda: (scaler.fit(train).transform(train), scaler.fit(test).transform(test))),
        }
    )


def ml_feat_017(lab: Lab) -> set[str]:
    from pyspark.ml import Pipeline
    from pyspark.ml.feature import CountVectorizer, FeatureHasher, OneHotEncoder, StringIndexer, TargetEncoder
    from pyspark.sql import functions as F

    def frame(devices: list[str], labels: list[float]) -> Any:
        return _frame(lab, device=devices, label=labels).withColumn("words", F.array("device")).coalesce(1)

    train = frame(["a1", "a1", "b2", "b2", "c3", "c3"], [0.0, 1.0, 1.0, 1.0, 0.0, 0.0])
    new = frame(["Q-91", "Z-17"], [0.0, 0.0])
    index = StringIndexer(inputCol="device", outputCol="ix", handleInvalid="keep")

    def meets(*stages: Any) -> bool:
        model = Pipeline(stages=list(stages)).fit(train)
        known, first, second = (
            np.atleast_1d(getattr(row.out, "toArray", lambda row=row: row.out)())
            for row in [model.transform(train).first(), *model.transform(new).collect()]
        )
        return len(known) == len(first) == len(second) and bool((first != second).any())

    return holds(
        {
            "A": meets(index, OneHotEncoder(inputCols=["ix"], outputCols=["out"])),
            "B": meets(CountVectorizer(inputCol="words", outputCol="out", minDF=1.0)),
            "C": meets(FeatureHasher(inputCols=["device"], outputCol="out", numFeatures=262144)),
            "D": meets(
                index, TargetEncoder(inputCols=["ix"], outputCols=["out"], labelCol="label", handleInvalid="keep")
            ),
        }
    )


def ml_feat_018(lab: Lab) -> set[str]:
    from pyspark.ml.feature import StandardScaler, VectorAssembler

    assembler = VectorAssembler(inputCols=["minutes"], outputCol="features")
    train, new = (assembler.transform(_frame(lab, minutes=m)) for m in ([90.0, 100.0, 110.0], [120.0]))
    got = StandardScaler(inputCol="features", outputCol="scaled").fit(train).transform(new).first()["scaled"][0]
    return holds({k: math.isclose(got, v) for k, v in {"A": 2.0, "B": 12.0, "C": 20.0, "D": 1.2}.items()})


def ml_feat_019(lab: Lab) -> set[str]:
    from pyspark.ml import Pipeline
    from pyspark.ml.feature import OneHotEncoder, StringIndexer

    model = Pipeline(
        stages=[
            StringIndexer(inputCol="plan", outputCol="plan_ix", handleInvalid="keep"),
            OneHotEncoder(inputCols=["plan_ix"], outputCols=["plan_oh"]),
        ]
    ).fit(_frame(lab, plan=["a", "a", "a", "a", "b", "b", "b", "c", "c", "d"]))
    got = model.transform(_frame(lab, plan=["e"])).first()["plan_oh"].toArray().tolist()
    return holds({"A": got == [0, 0, 0, 0, 1], "B": got == [0, 0, 0], "C": got == [0, 0, 0, 1], "D": got == [0] * 4})


# Class imbalance


def ml_imb_020(lab: Lab) -> set[str]:
    pairs = {"A": (0.03, 0.97), "B": (0.97, 0.03), "C": (1, 970), "D": (0.515, 16.67), "E": (1, 5.7)}
    return holds({k: math.isclose(970 * stay, 30 * left, rel_tol=0.005) for k, (stay, left) in pairs.items()})


def ml_imb_021(lab: Lab) -> set[str]:
    rng = np.random.default_rng(3)
    share = 0.0625
    left = rng.random(400_000) < share
    kept = left | (rng.random(left.size) < 0.1)
    assert abs(left[kept].mean() - 0.40) < 0.01  # what a calibrated model says on the sample
    true = left.mean()
    return holds({k: abs(true - v) < 0.008 for k, v in {"A": 0.06, "B": 0.04, "C": 0.40, "D": 0.87}.items()})


def ml_imb_022(lab: Lab) -> set[str]:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import KFold

    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(600, 5)), np.r_[np.ones(30), np.zeros(570)].astype(int)
    later, later_y = rng.normal(size=(4000, 5)), (rng.random(4000) < 0.05).astype(int)

    def copied(rows: Any, labels: Any) -> tuple[Any, Any]:
        times = np.where(labels == 1, 16, 1)
        return np.repeat(rows, times, axis=0), np.repeat(labels, times)

    def scores(rows: Any, labels: Any, new: Any, depth: int | None = None) -> Any:
        forest = RandomForestClassifier(6, max_depth=depth, random_state=0)
        return forest.fit(rows, labels).predict_proba(new)[:, 1]

    def validated(folds: int, copy_first: bool) -> float:
        rows, labels = copied(x, y) if copy_first else (x, y)
        aucs = []
        for train, test in KFold(folds, shuffle=True, random_state=0).split(rows):
            part = (rows[train], labels[train]) if copy_first else copied(rows[train], labels[train])
            aucs.append(roc_auc_score(labels[test], scores(*part, rows[test])))
        return float(np.mean(aucs))

    wrong = validated(5, copy_first=True)
    on_later = scores(*copied(x, y), later)
    honest = roc_auc_score(later_y, on_later)
    assert wrong > 0.97 and abs(honest - 0.5) < 0.1
    more = np.r_[np.arange(4000), np.repeat(np.flatnonzero(later_y), 15)]
    return holds(
        {
            "A": abs(roc_auc_score(later_y[more], on_later[more]) - honest) > 0.01,
            "B": roc_auc_score(later_y, scores(*copied(x, y), later, depth=3)) < honest - 0.1,
            "C": abs(validated(5, copy_first=False) - 0.5) < 0.15,
            "D": validated(10, copy_first=True) < 0.8,
        }
    )


def ml_imb_023(lab: Lab) -> set[str]:
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.functions import vector_to_array

    label = [1.0] * 4 + [0.0] * 36
    minutes = [1.0, 2.0, 3.0, 6.0] + [float(i % 9) for i in range(36)]
    rows = VectorAssembler(inputCols=["minutes"], outputCol="features").transform(
        _frame(lab, label=label, minutes=minutes, w=[40 / (2 * 4) if y else 40 / (2 * 36) for y in label])
    )

    def balanced(**arguments: Any) -> bool:
        """A fit that balances the classes gives probabilities whose class means add up to one."""
        try:
            model = LogisticRegression(**arguments).fit(rows)
        except TypeError:
            return False
        scored = model.transform(rows).select("label", vector_to_array("probability")[1].alias("p")).toPandas()
        return abs(scored.groupby("label")["p"].mean().sum() - 1) < 0.01

    return holds(
        {
            "A": balanced(classWeight="balanced"),
            "B": balanced(weightCol="w"),
            "C": balanced(thresholds=[0.97, 0.03]),
            "D": balanced(family="multinomial"),
        }
    )


# Metrics of classifiers


def ml_met_024(lab: Lab) -> set[str]:
    from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score

    rng = np.random.default_rng(0)
    certain = dict.fromkeys("ABCDE", True)
    for round_ in range(12):
        y = rng.integers(0, 2, 60)
        p = rng.random(60)
        if round_ % 2:  # those between the thresholds are mostly positive, or mostly negative
            y = np.where((p > 0.2) & (p < 0.5), round_ % 4 == 1, y).astype(int)
        keep = p.copy()
        before, after = (p >= 0.5).astype(int), (p >= 0.2).astype(int)
        certain["A"] &= bool(recall_score(y, after) >= recall_score(y, before))
        certain["B"] &= bool(precision_score(y, after) < precision_score(y, before))
        certain["C"] &= bool(roc_auc_score(y, p) == roc_auc_score(y, keep))
        certain["D"] &= bool(accuracy_score(y, after) < accuracy_score(y, before))
        certain["E"] &= bool(f1_score(y, after) > f1_score(y, before))
    return holds(certain)


def ml_met_025(lab: Lab) -> set[str]:
    from sklearn.metrics import precision_score, recall_score

    y = np.r_[np.ones(18), np.zeros(42), np.ones(12), np.zeros(928)]
    flagged = np.r_[np.ones(60), np.zeros(940)]
    got = round(precision_score(y, flagged), 3), round(recall_score(y, flagged), 3)
    reports = {"A": (0.60, 0.30), "B": (0.30, 0.957), "C": (0.946, 0.60), "D": (0.30, 0.60)}
    return holds({k: got == report for k, report in reports.items()})


def ml_met_026(lab: Lab) -> set[str]:
    def gain(p: float) -> float:
        return p * 0.25 * 200 - 20

    cuts = {"A": 0.40, "B": 0.10, "C": 0.50, "D": 0.025}
    return holds({k: gain(cut - 0.01) < 0 < gain(cut + 0.01) for k, cut in cuts.items()})


def ml_met_027(lab: Lab) -> set[str]:
    from pyspark.ml.evaluation import BinaryClassificationEvaluator
    from sklearn.metrics import accuracy_score, average_precision_score, f1_score, recall_score

    y = np.r_[np.ones(6), np.zeros(24)]
    score = np.r_[0.9, 0.8, 0.7, 0.45, 0.44, 0.6, np.linspace(0.01, 0.43, 21), 0.55, 0.65, 0.2]
    scored, hard = _scored(lab, y, score), (score >= 0.5).astype(float)
    got = BinaryClassificationEvaluator(rawPredictionCol="prediction", labelCol="label").evaluate(scored)
    assert got < BinaryClassificationEvaluator(labelCol="label").evaluate(scored) - 0.05
    claims = {
        "A": accuracy_score(y, hard),
        "B": average_precision_score(y, hard),
        "C": (recall_score(y, hard) + recall_score(y, hard, pos_label=0)) / 2,
        "D": f1_score(y, hard),
    }
    return holds({k: math.isclose(got, value, abs_tol=1e-6) for k, value in claims.items()})


def ml_met_028(lab: Lab) -> set[str]:
    from pyspark.ml.evaluation import MulticlassClassificationEvaluator

    scored = _scored(lab, [1.0] * 2 + [0.0] * 38, [0.1] * 40)
    got = MulticlassClassificationEvaluator(labelCol="label", predictionCol="prediction").evaluate(scored)
    return holds({k: abs(got - v) < 0.008 for k, v in {"A": 0.95, "B": 0.93, "C": 0.49, "D": 0.0}.items()})


def ml_met_029(lab: Lab) -> set[str]:
    from pyspark.errors import IllegalArgumentException
    from pyspark.ml.evaluation import BinaryClassificationEvaluator, MulticlassClassificationEvaluator

    scored = _scored(lab, [1.0] * 5 + [0.0] * 15, [0.9] * 3 + [0.1] * 2 + [0.9] * 1 + [0.1] * 14)

    def gives_recall(evaluator: Callable[[], Any]) -> bool:
        try:
            return math.isclose(evaluator().evaluate(scored), 3 / 5)
        except IllegalArgumentException:
            return False

    many = MulticlassClassificationEvaluator
    return holds(
        {
            "A": gives_recall(lambda: BinaryClassificationEvaluator(metricName="recall")),
            "B": gives_recall(lambda: many(metricName="weightedRecall", metricLabel=1.0)),
            "C": gives_recall(lambda: many(metricName="recallByLabel")),
            "D": gives_recall(lambda: many(metricName="recallByLabel", metricLabel=1.0)),
        }
    )


def ml_met_030(lab: Lab) -> set[str]:
    from sklearn.metrics import average_precision_score, roc_auc_score

    rng = np.random.default_rng(2)
    fraud, honest = rng.normal(2.3, 1, 1_000), rng.normal(0, 1, 99_000)

    def areas(positive: Any, negative: Any) -> tuple[float, float]:
        y, score = np.r_[np.ones(len(positive)), np.zeros(len(negative))], np.r_[positive, negative]
        return float(roc_auc_score(y, score)), float(average_precision_score(y, score))

    roc, pr = areas(fraud, honest)
    rare_roc, rare_pr = areas(fraud[:100], honest)
    random_pr = areas(rng.random(1_000), rng.random(99_000))[1]
    # excellent for half of the frauds and blind for the rest, against a model that is fair for all of them
    top = areas(np.r_[np.full(500, 9.0), rng.normal(0, 1, 500)], honest)
    assert abs(roc - 0.95) < 0.01
    return holds(
        {
            "A": abs(random_pr - 0.01) < 0.004,
            "B": abs(random_pr - 0.50) < 0.1,
            "C": abs(rare_roc - roc) < 0.02 and rare_pr < 0.6 * pr,
            "D": rare_roc < 0.6 * roc and rare_pr < 0.6 * pr,
            "E": (top[0] > roc) == (top[1] > pr),
        }
    )


def ml_met_031(lab: Lab) -> set[str]:
    from pyspark.ml.evaluation import (
        BinaryClassificationEvaluator,
        MulticlassClassificationEvaluator,
        RegressionEvaluator,
    )

    assert lab.spark is not None
    evaluators = {
        "A": RegressionEvaluator(metricName="mae"),
        "B": RegressionEvaluator(metricName="r2"),
        "C": MulticlassClassificationEvaluator(metricName="logLoss"),
        "D": BinaryClassificationEvaluator(metricName="areaUnderPR"),
        "E": MulticlassClassificationEvaluator(metricName="hammingLoss"),
        "F": MulticlassClassificationEvaluator(metricName="f1"),
    }
    return holds({k: not evaluator.isLargerBetter() for k, evaluator in evaluators.items()})


# Metrics of regressions


def ml_reg_032(lab: Lab) -> set[str]:
    p, q = np.full(10, 10.0), np.r_[np.full(9, 5.0), 40.0]
    metrics: dict[str, tuple[Callable[[Any], float], float, float, int]] = {
        "A": (lambda e: float(np.sqrt((e**2).mean())), 10.0, 13.5, 1),
        "B": (lambda e: float(e.mean()), 10.0, 8.5, 1),
        "C": (lambda e: float(np.median(e)), 10.0, 5.0, 1),
        "D": (lambda e: float((e <= 6).mean()), 0.0, 0.9, -1),
    }
    claims = {}
    for k, (metric, of_p, of_q, sign) in metrics.items():
        true_numbers = round(metric(p), 1) == of_p and round(metric(q), 1) == of_q
        claims[k] = true_numbers and sign * metric(p) < sign * metric(q)
    return holds(claims)


def ml_reg_033(lab: Lab) -> set[str]:
    from sklearn.metrics import explained_variance_score, r2_score

    rng = np.random.default_rng(4)
    y = rng.normal(100, 10, 5000)
    prediction = y + rng.normal(0, 2, y.size) + 12.5
    r2, correlation = r2_score(y, prediction), np.corrcoef(y, prediction)[0, 1]
    assert abs(r2 + 0.6) < 0.05 and abs(correlation - 0.98) < 0.01
    return holds(
        {
            "A": r2 >= 0,
            "B": bool(correlation < 0),
            "C": bool(((y - y.mean()) ** 2).mean() < ((y - prediction) ** 2).mean()),
            "D": abs(explained_variance_score(y, prediction) - 0.6) < 0.1,
        }
    )


def ml_reg_034(lab: Lab) -> set[str]:
    from pyspark.errors import IllegalArgumentException
    from pyspark.ml.evaluation import RegressionEvaluator

    label, prediction = [0.0, 10.0, 40.0, 200.0], [1.0, 14.0, 50.0, 190.0]
    scored = _frame(lab, label=label, prediction=prediction).where("label > 0")
    truth = np.mean([abs(a - b) / a for a, b in zip(label, prediction, strict=True) if a])

    def gives(call: Callable[[], float]) -> bool:
        try:
            return math.isclose(call(), truth)
        except IllegalArgumentException:
            return False

    return holds(
        {
            "A": gives(lambda: RegressionEvaluator(metricName="mape").evaluate(scored)),
            "B": gives(lambda: scored.selectExpr("avg(abs(label - prediction) / label)").first()[0]),
            "C": gives(lambda: scored.selectExpr("sum(abs(label - prediction)) / sum(label)").first()[0]),
            "D": gives(lambda: scored.selectExpr("avg(abs(label - prediction) / prediction)").first()[0]),
        }
    )


def ml_log_035(lab: Lab) -> set[str]:
    from pyspark.ml.evaluation import RegressionEvaluator
    from pyspark.sql import functions as F

    rng = np.random.default_rng(6)
    price = np.exp(rng.normal(5, 0.5, 40))
    guess = price * np.exp(rng.normal(0, 0.25, 40))
    scored = _frame(lab, price=price, log_price=np.log(price), prediction=np.log(guess))
    back = scored.withColumn("prediction", F.exp("prediction"))
    truth = math.sqrt(((price - guess) ** 2).mean())
    got = {
        "A": math.exp(RegressionEvaluator(labelCol="log_price").evaluate(scored)),
        "B": RegressionEvaluator(labelCol="price").evaluate(scored),
        "C": RegressionEvaluator(labelCol="log_price").evaluate(back),
        "D": RegressionEvaluator(labelCol="price").evaluate(back),
    }
    return holds({k: math.isclose(value, truth, rel_tol=1e-6) for k, value in got.items()})


def ml_log_036(lab: Lab) -> set[str]:
    rng = np.random.default_rng(7)
    price = np.exp(rng.uniform(np.log(2e4), np.log(2e6), 100_000))
    guess = price * np.exp(rng.normal(0, 0.25, price.size))
    factor, miss = np.exp(np.abs(np.log(guess / price))), np.abs(guess - price)
    halves = [price < 2e5, price >= 2e5]
    quarter = 0.25 * price.mean()
    return holds(
        {
            "A": all(abs((factor[half] <= 1.28).mean() - 0.68) < 0.02 for half in halves),
            "B": all(0.5 * quarter < miss[half].mean() < 2 * quarter for half in halves),
            "C": bool(np.median(miss) < 2),
            "D": bool(np.median(miss) < 1),
        }
    )


def ml_log_037(lab: Lab) -> set[str]:
    from pyspark.sql import functions as F

    frame = _frame(lab, y=[0.0, 1.0, 2.0, 15.0]).withColumn("prediction", F.log1p("y"))
    rows = frame.withColumn("tickets", F.exp("prediction")).toPandas()
    got, y = rows["tickets"], rows["y"]
    claims = {"A": y, "B": y - 1, "C": y + 1, "D": y * 2.72}
    return holds({k: bool(np.allclose(got, value, rtol=0.1, atol=0.1)) for k, value in claims.items()})


# Cross-validation


def ml_cv_038(lab: Lab) -> set[str]:
    from pyspark.ml import Pipeline
    from pyspark.ml.tuning import CrossValidator

    tools = _tools()
    imputer, estimator = tools.Notes(), tools.Notes()
    cv = CrossValidator(
        estimator=estimator, estimatorParamMaps=_grid(estimator, 6), evaluator=tools.Judge(lambda _: 0.5), numFolds=4
    )
    Pipeline(stages=[imputer, cv]).fit(_train(lab))
    frames = imputer.notes.frames
    assert len(estimator.notes.frames) == 25
    fits, rows, n = len(frames), frames[0].count(), _train(lab).count()
    return holds(
        {"A": fits == 25, "B": fits == 1 and rows == n, "C": fits == 4 and rows < n, "D": fits == 1 and rows < n}
    )


def ml_cv_039(lab: Lab) -> set[str]:
    from pyspark.ml.tuning import CrossValidator, TrainValidationSplit

    tools = _tools()

    def fits_in(tuner: Any, **arguments: Any) -> bool:
        estimator = tools.Notes()
        judge = tools.Judge(lambda _: 0.5)
        tuner(estimator=estimator, estimatorParamMaps=_grid(estimator, 12), evaluator=judge, **arguments).fit(
            _train(lab)
        )
        return len(estimator.notes.frames) * 40 / 60 <= 10

    return holds(
        {
            "A": fits_in(CrossValidator, numFolds=2),
            "B": fits_in(CrossValidator, numFolds=3, parallelism=4),
            "C": fits_in(CrossValidator, numFolds=3, collectSubModels=True),
            "D": fits_in(TrainValidationSplit, trainRatio=0.8),
        }
    )


def ml_cv_040(lab: Lab) -> set[str]:
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import KFold
    from sklearn.naive_bayes import GaussianNB

    rng = np.random.default_rng(8)
    y = np.r_[np.ones(40), np.zeros(360)].astype(int)
    x = rng.normal(size=(400, 3)) + 0.6 * y[:, None]
    split, folds = [], []
    for seed in range(20):
        aucs = []
        for train, test in KFold(5, shuffle=True, random_state=seed).split(x):
            scores = GaussianNB().fit(x[train], y[train]).predict_proba(x[test])[:, 1]
            aucs.append(roc_auc_score(y[test], scores))
        split.append(aucs[0])  # the first fold alone is one random 80/20 split
        folds.append(np.mean(aucs))
    one, five = np.std(split), np.std(folds)
    assert one > 0.05
    higher = np.mean(folds) - np.mean(split) > 0.03
    return holds(
        {
            "A": bool(0.001 < five < 0.5 * one),
            "B": bool(abs(five / one - 1) < 0.3),
            "C": bool(five < 0.001),
            "D": bool(abs(five / one - 1) < 0.3 and higher),
        }
    )


def ml_cv_041(lab: Lab) -> set[str]:
    from pyspark.errors import SparkRuntimeException
    from pyspark.ml.tuning import CrossValidator
    from pyspark.sql import functions as F

    tools = _tools()
    rows = lab.spark.range(0, 90, 1, 1).selectExpr("cast(id % 30 as int) as customer_id")
    rows = rows.withColumn("fold", F.expr("pmod(hash(customer_id), 3)")).cache()

    def customers(frame: Any) -> set[int]:
        return {row.customer_id for row in frame.select("customer_id").collect()}

    def apart(frame: Any, **arguments: Any) -> bool:
        estimator, sides = tools.Notes(), []

        def judge(validation: Any) -> float:
            sides.append(customers(validation) & customers(estimator.notes.frames[-1]))
            return 0.5

        try:
            cv = CrossValidator(
                estimator=estimator,
                estimatorParamMaps=_grid(estimator, 1),
                evaluator=tools.Judge(judge),
                numFolds=3,
                **arguments,
            )
            cv.fit(frame)
        except TypeError:
            return False
        except SparkRuntimeException as error:
            if "fold number" not in str(error).lower():
                raise
            return False
        return len(sides) == 3 and not any(sides)

    return holds(
        {
            "A": apart(rows, groupCol="customer_id"),
            "B": apart(rows.orderBy("customer_id"), seed=42),
            "C": apart(rows, foldCol="fold"),
            "D": apart(rows, foldCol="customer_id"),
        }
    )


def ml_cv_042(lab: Lab) -> set[str]:
    from pyspark.ml.tuning import CrossValidator

    tools = _tools()
    estimator = tools.Notes()
    notes, grid = estimator.notes, _grid(estimator, 3)
    quality = {0.0: 0.6, 1.0: 0.9, 2.0: 0.7}
    judge = tools.Judge(lambda _: quality[notes.last])
    cv = CrossValidator(estimator=estimator, estimatorParamMaps=grid, evaluator=judge, numFolds=4, seed=1)
    cv_model = cv.fit(_train(lab))
    metrics, best = cv_model.avgMetrics, cv_model.bestModel
    on_fold_models = notes.models[:12]
    calls: list[float] = []
    for model in notes.models:
        model.notes = SimpleNamespace(last=None)
    cv_model.transform(_train(lab))
    calls = [model.reg for model in notes.models if model.notes.last is not None]
    return holds(
        {
            "A": len(metrics) == 12,
            "B": np.allclose(metrics, [quality[params[estimator.regParam]] for params in grid]),
            "C": best is notes.models[12] and best.reg == 1.0 and notes.frames[12].count() == _train(lab).count(),
            "D": any(best is model for model in on_fold_models),
            "E": len(calls) == 4,
        }
    )


def ml_cv_043(lab: Lab) -> set[str]:
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.tuning import CrossValidator, ParamGridBuilder

    assert lab.spark is not None
    values = [0.01, 0.1, 10.0]

    def tuned(cls: Any) -> tuple[list[float], Any, Any]:
        """Penalties that copies of a pipeline use under a grid made from another object; the grid; the stage."""
        inside, outside = cls(), cls()
        grid = ParamGridBuilder().addGrid(outside.regParam, values).build()
        pipeline = Pipeline(stages=[inside])
        return [pipeline.copy(params).getStages()[0].getRegParam() for params in grid], grid, inside

    penalties, _, _ = tuned(LogisticRegression)
    _, grid, inside = tuned(_tools().Notes)
    judge = _tools().Judge(lambda _: inside.notes.last)
    cv = CrossValidator(estimator=Pipeline(stages=[inside]), estimatorParamMaps=grid, evaluator=judge)
    message, metrics = "", []
    try:
        metrics = cv.fit(_train(lab)).avgMetrics
    except (ValueError, KeyError, TypeError) as error:
        message = str(error)
    return holds(
        {
            "A": bool(message),
            "B": penalties == [0.0] * 3 and metrics == [0.0] * 3,
            "C": penalties == values and len(set(metrics)) == 3,
            "D": penalties == [10.0] * 3 and metrics == [10.0] * 3,
        }
    )


# Bias and variance, choice of algorithm


def ml_bias_044(lab: Lab) -> set[str]:
    from sklearn.tree import DecisionTreeRegressor

    rng = np.random.default_rng(9)

    def data(n: int) -> tuple[Any, Any]:
        x = rng.uniform(-2, 2, (n, 3))
        return x, 1.5 * x[:, 0] + np.where(x[:, 1] > 0, 1.0, -1.0) + rng.normal(0, 1, n)

    (x, y), (new_x, new_y) = data(400), data(4000)

    def error(rows: Any, labels: Any, train: Any = x, **arguments: Any) -> float:
        tree = DecisionTreeRegressor(random_state=0, **arguments).fit(train, y)
        return float(np.sqrt(((tree.predict(rows) - labels) ** 2).mean()))

    def scaled(rows: Any) -> Any:
        return (rows - x.mean(axis=0)) / x.std(axis=0)

    now = error(new_x, new_y, max_depth=15)
    assert error(x, y, max_depth=15) < 0.25 and abs(now - 1.4) < 0.15
    clearly = now - 0.1
    return holds(
        {
            "A": error(new_x, new_y, max_depth=4) < clearly,
            "B": error(new_x, new_y, max_depth=25) < clearly,
            "C": error(new_x, new_y, max_depth=15, min_samples_leaf=20) < clearly,
            "D": error(scaled(new_x), new_y, train=scaled(x), max_depth=15) < clearly,
            "E": error(new_x, new_y, max_depth=15, min_impurity_decrease=0.0) < clearly,
        }
    )


def ml_bias_045(lab: Lab) -> set[str]:
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import cross_val_score
    from sklearn.preprocessing import PolynomialFeatures

    rng = np.random.default_rng(10)

    def data(n: int) -> tuple[Any, Any]:
        x = np.column_stack([rng.uniform(-10, 30, n), rng.uniform(0, 24, n)])
        return x, 0.25 * (x[:, 0] - 10) ** 2 + 0.5 * x[:, 1] + rng.normal(0, 8, n)

    (x, y), (new_x, new_y), many = data(2000), data(5000), data(20_000)

    def error(rows: Any, labels: Any, alpha: float = 1e-6, degree: int = 1, on: Any = None) -> float:
        shape = PolynomialFeatures(degree, include_bias=False).fit(rows)
        model = Ridge(alpha).fit(shape.transform(rows), labels)
        features, truth = on or (new_x, new_y)
        return float(np.sqrt(((model.predict(shape.transform(features)) - truth) ** 2).mean()))

    now = error(x, y)
    assert abs(now - error(x, y, on=(x, y))) < 2 and abs(now - 31) < 2
    folds = -cross_val_score(Ridge(1e-6), x, y, cv=10, scoring="neg_root_mean_squared_error").mean()
    clearly = 0.8 * now
    return holds(
        {
            "A": error(*many) < clearly,
            "B": error(x, y, alpha=1e5) < clearly,
            "C": bool(folds < clearly),
            "D": error(x, y, degree=2) < clearly,
        }
    )


def ml_bias_046(lab: Lab) -> set[str]:
    from pyspark.errors import IllegalArgumentException
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.functions import vector_to_array
    from sklearn.linear_model import LogisticRegression as Sklearn
    from sklearn.metrics import log_loss

    rng = np.random.default_rng(11)
    x = rng.normal(size=(400, 2))
    y = (2 * x[:, 0] - 3 * x[:, 1] + rng.normal(0, 0.7, 400) > 0).astype(float)
    parts = [slice(0, 200), slice(200, 400)]
    model = Sklearn(C=100).fit(x[:200], y[:200])
    before = [log_loss(y[part], model.predict_proba(x[part])) for part in parts]
    assert max(before) < 0.35
    frame = _frame(lab, id=range(400), a=x[:, 0], b=x[:, 1], label=y)
    rows = VectorAssembler(inputCols=["a", "b"], outputCol="features").transform(frame)
    try:
        spark_model = LogisticRegression(regParam=100.0).fit(rows.where("id < 200"))
    except IllegalArgumentException:
        return {"D"}
    scored = spark_model.transform(rows).select("id", vector_to_array("probability")[1].alias("p"))
    p = scored.toPandas().sort_values("id")["p"].to_numpy()
    after = [log_loss(y[part], p[part]) for part in parts]
    low, high = [loss < 0.35 for loss in after], [loss > 0.6 for loss in after]
    near_zero = bool(np.abs(spark_model.coefficients.toArray()).max() < 0.05)
    return holds(
        {
            "A": all(high) and near_zero,
            "B": low[0] and high[1],
            "C": bool(np.allclose(after, before, atol=0.1)),
            "D": spark_model is None,
        }
    )


def ml_algo_047(lab: Lab) -> set[str]:
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.regression import DecisionTreeRegressor, GeneralizedLinearRegression, LinearRegression

    rng = np.random.default_rng(12)
    devices = np.repeat(np.arange(1.0, 8.0), 8)
    tickets = rng.poisson(0.12 * 1.6**devices).astype(float)
    assembler = VectorAssembler(inputCols=["devices"], outputCol="features")
    rows = assembler.transform(_frame(lab, devices=devices, tickets=tickets)).cache()
    steps = assembler.transform(_frame(lab, id=range(1, 8), devices=np.arange(1.0, 8.0))).coalesce(1)

    def both(estimator: Any) -> bool:
        got = estimator.fit(rows).transform(steps).toPandas().sort_values("id")["prediction"].to_numpy()
        if (got <= 0).any():
            return False
        factors = got[1:] / got[:-1]
        return bool(np.allclose(factors, factors[0], rtol=1e-6) and factors[0] > 1.2)

    return holds(
        {
            "A": both(LinearRegression(labelCol="tickets")),
            "B": both(DecisionTreeRegressor(labelCol="tickets", maxDepth=3)),
            "C": both(GeneralizedLinearRegression(labelCol="tickets", family="poisson")),
            "D": both(LogisticRegression(labelCol="tickets", family="multinomial", maxIter=2)),
        }
    )


def ml_algo_048(lab: Lab) -> set[str]:
    from pyspark.errors import IllegalArgumentException, PySparkException
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.regression import RandomForestRegressor

    week = np.arange(104.0)
    assembler = VectorAssembler(inputCols=["week"], outputCol="features")
    rows = assembler.transform(_frame(lab, week=week, label=100 + 200 * week / 103))
    model = RandomForestRegressor(numTrees=5, maxDepth=6, seed=1).fit(rows)
    future = assembler.transform(_frame(lab, week=np.arange(104.0, 130.0)))
    try:
        got = model.transform(future).toPandas()["prediction"].to_numpy()
    except (IllegalArgumentException, PySparkException):
        return {"D"}
    return holds(
        {
            "A": bool(got[-1] > 330),
            "B": bool(np.ptp(got) < 1 and abs(got.mean() - 300) < 10),
            "C": bool(abs(got.mean() - 200) < 20),
            "D": len(got) != 26,
        }
    )
