"""Checks of chapter 05, Spark ML. The message of an assert is written for the mistake that was made."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from workbook.exercises import exercise, right, trials, wrong
from workbook.judging import answers_to, is_number


def _name(value: Any) -> str:
    """The name of a tool, whether it is given as a string, with arguments, or as the class itself."""
    text = value.__name__ if isinstance(value, type) else str(value)
    text = " ".join(text.split("(")[0].split(".")[-1].split())
    usual = ("LogisticRegression", "ALS", "GeneralizedLinearRegression", "LinearRegression", "GBTClassifier")
    usual += ("GBTRegressor", "one node", "one node, scored by Spark", "one model per group")
    return {name.lower(): name for name in usual}.get(text.lower(), text)


def _frame(answer: Any, name: str) -> None:
    assert hasattr(answer, "columns") and hasattr(answer, "sparkSession"), f"{name} should be a Spark DataFrame."


@exercise(
    "5.1",
    objective=("PRO-1.01", "ASC-3.01", "PRO-1.07"),
    hint="Ask three things: one model or many? How large is the table that the fit reads, after the joins? Does it need training or only scoring?",
)
def tool_and_algorithm(tool):
    answers_to(tool, "abcdef", "tool")
    one, scored, many = "one node", "one node, scored by Spark", "one model per group"
    said = {key: _name(value) for key, value in tool.items()}
    assert said["a"] != one, "a: 800 GB after all joins do not fit into one machine's memory."
    assert said["a"] != "GeneralizedLinearRegression", (
        "a: with family='binomial' this would work too, but Spark ML has a classifier for yes or no. Give that one."
    )
    assert said["a"] == "LogisticRegression", (
        f"a: {said['a']!r} does not give a probability with one interpretable effect for each feature. Which linear classifier does?"
    )
    assert said["b"] == "ALS", f"b: {said['b']!r} is not a recommender. Which class in the table is one?"
    assert said["c"] not in ("GBTClassifier", "GBTRegressor"), (
        "c: Spark's boosted trees have no monotonic constraints. And 90,000 rows are small, however large the log was."
    )
    assert said["c"] == one, "c: the fit reads only 90,000 rows with 40 features, about 30 MB."
    assert said["d"] != "LinearRegression", (
        "d: a linear regression adds a constant per driver and can predict negative counts. Counts and factors need a log link."
    )
    assert said["d"] == "GeneralizedLinearRegression", (
        f"d: {said['d']!r}: which estimator models a count, with a factor per unit?"
    )
    assert said["e"] != many and said["e"] != one, (
        "e: there is one model, and it is already trained. 900 million rows should be scored where they are stored."
    )
    assert said["e"] == scored, (
        f"e: {said['e']!r} would be a new model that needs a new approval. Spark can apply the existing one."
    )
    assert said["f"] != scored, "f: nothing is trained yet, and each shop needs its own model."
    assert said["f"] == many, (
        "f: these are 8,000 independent fits of about 730 rows each. One Spark ML fit after another would take hours."
    )


@trials("5.1")
def _(_spark):
    tool = {
        "a": "LogisticRegression",
        "b": "ALS",
        "c": "one node",
        "d": "GeneralizedLinearRegression",
        "e": "one node, scored by Spark",
        "f": "one model per group",
    }
    yield right(tool)
    yield right(
        tool | {"a": "logisticregression()", "d": 'GeneralizedLinearRegression(family="poisson")', "c": "One node"}
    )
    yield wrong("has a classifier for yes or no", tool | {"a": "GeneralizedLinearRegression"})
    yield wrong("do not fit into one", tool | {"a": "one node"})
    yield wrong("no monotonic constraints", tool | {"c": "GBTClassifier"})
    yield wrong("log link", tool | {"d": "LinearRegression"})
    yield wrong("needs a new approval", tool | {"e": "GBTClassifier"})
    yield wrong("8,000 independent", tool | {"f": "one node"})
    yield wrong("has no answer for f", {key: value for key, value in tool.items() if key != "f"})


@exercise(
    "5.2",
    objective=("ASC-3.03", "PRO-1.03"),
    hint="Imagine the stage with no rows at all, only its arguments. Could it already transform a row?",
)
def who_learns(learns):
    names = ["StringIndexer", "OneHotEncoder", "VectorAssembler", "Bucketizer", "QuantileDiscretizer", "FeatureHasher"]
    answers_to(learns, names, "learns")
    odd = [name for name in names if learns[name] not in (True, False)]
    assert not odd, f"Say True or False for {', '.join(odd)}."
    assert learns["StringIndexer"], "StringIndexer: the index of a value depends on how often it occurs."
    assert not learns["VectorAssembler"], (
        "VectorAssembler only concatenates the columns of a row. It needs no other rows."
    )
    assert not learns["Bucketizer"], "Bucketizer gets its boundaries from the argument splits. It needs no other rows."
    assert learns["QuantileDiscretizer"], "QuantileDiscretizer needs the rows to find the quantiles."
    assert learns["OneHotEncoder"], (
        "OneHotEncoder must know how many categories there are: that is the length of its vectors."
    )
    assert not learns["FeatureHasher"], (
        "FeatureHasher computes the position from the value itself: it needs no vocabulary."
    )


@trials("5.2")
def _(_spark):
    learns = {"StringIndexer": True, "OneHotEncoder": True, "VectorAssembler": False}
    learns |= {"Bucketizer": False, "QuantileDiscretizer": True, "FeatureHasher": False}
    yield right(learns)
    yield wrong("length of its vectors", learns | {"OneHotEncoder": False})
    yield wrong("gets its boundaries", learns | {"Bucketizer": True})
    yield wrong("find the quantiles", learns | {"QuantileDiscretizer": False})
    yield wrong("no vocabulary", learns | {"FeatureHasher": True})
    yield wrong("True or False", learns | {"FeatureHasher": "maybe"})


@exercise(
    "5.3",
    objective=("PRO-1.02", "PRO-1.03"),
    hint="Go stage by stage. Which rows still contain a null after the indexer with keep? And how many categories does the encoder see?",
)
def four_rows_come_in(predicted):
    names = ["rows", "basic", "premium", "gift"]
    answers_to(predicted, names, "predicted")
    vectors = {}
    for name in names[1:]:
        try:
            vectors[name] = [int(value) for value in predicted[name]]
        except (TypeError, ValueError):
            raise AssertionError(f"{name}: write the vector as a list of zeros and ones, such as [0, 1].") from None
    rows = predicted["rows"]
    assert rows != 4, "rows: the assembler drops a row with a null in its inputs, and one customer has no minutes."
    assert rows != 2, (
        "rows: keep gives the missing plan an index, so that row has no null when it reaches the assembler."
    )
    assert rows != 1, "rows: keep gives both gift and the missing plan an index. Only the null in minutes is left."
    assert rows == 3, (
        f"rows: {rows!r} is wrong. Exactly one of the four rows still has a null when it reaches the assembler."
    )
    long = [name for name, vector in vectors.items() if len(vector) == 4]
    assert not long, (
        "Length 4 would come from dropLast=False. By default the last of the four categories has no position."
    )
    short = [name for name, vector in vectors.items() if len(vector) != 3]
    assert not short, (
        f"{short[0]}: keep adds a fourth category, and dropLast drops the last one. How long is the vector?"
    )
    assert vectors["gift"] == [0, 0, 0], (
        "gift: unseen values are the last category, which dropLast drops. With a 1 in its vector, gift would look like a known plan."
    )
    assert vectors["basic"] != [0, 0, 1], "basic is the most frequent plan, and the most frequent value has index 0."
    assert vectors["basic"] == [1, 0, 0], (
        "basic: the most frequent value has index 0, so the 1 is in the first position."
    )
    assert vectors["premium"] != [0, 1, 0], (
        "premium is second in alphabetical order. The default order is by frequency."
    )
    assert vectors["premium"] == [0, 0, 1], (
        "premium: it is the rarest of the three known plans, and each of them keeps a position."
    )


@trials("5.3")
def _(_spark):
    predicted = {"rows": 3, "basic": [1, 0, 0], "premium": [0, 0, 1], "gift": [0, 0, 0]}
    yield right(predicted)
    yield wrong("has no minutes", predicted | {"rows": 4})
    yield wrong("so that row has no null", predicted | {"rows": 2})
    yield wrong("dropLast=False", predicted | {"gift": [0, 0, 0, 1]})
    yield wrong("look like a known plan", predicted | {"gift": [0, 0, 1]})
    yield wrong("second in alphabetical order", predicted | {"premium": [0, 1, 0]})
    yield wrong("list of zeros and ones", predicted | {"gift": None})


_KINDS = "Imputer, StringIndexer, OneHotEncoder, VectorAssembler and LogisticRegression"


def _columns(stage: Any, names: tuple[str, ...]) -> list[str]:
    found: list[str] = []
    for name in names:
        if stage.hasParam(name) and stage.isDefined(name):
            value = stage.getOrDefault(name)
            found += [value] if isinstance(value, str) else list(value)
    return found


@exercise(
    "5.4",
    objective=("PRO-1.02", "ASC-3.04"),
    hint="Five stages: fill, index, encode, assemble, estimate. Each reads columns that an earlier stage wrote.",
)
def a_pipeline_that_survives(unfitted):
    from pyspark.ml import Pipeline, PipelineModel
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import Imputer, OneHotEncoder, StringIndexer, VectorAssembler

    assert not isinstance(unfitted, PipelineModel), (
        "unfitted is already fitted. Give the Pipeline itself, without fit(train)."
    )
    assert isinstance(unfitted, Pipeline), f"unfitted should be a Pipeline, it is {type(unfitted).__name__}."
    stages = unfitted.getStages() if unfitted.isDefined("stages") else []
    kinds = [type(stage) for stage in stages]
    assert LogisticRegression in kinds[-1:], "The last stage should be the LogisticRegression."
    known = ["age", "log_income", "country", "plan", "churned"]
    origins: dict[str, set[str]] = {}  # column -> the input columns that it comes from
    for stage in stages:
        reads = _columns(stage, ("inputCol", "inputCols"))
        reads += _columns(stage, ("featuresCol",)) if isinstance(stage, LogisticRegression) else []
        missing = [name for name in reads if name not in known]
        assert not missing, (
            f"{type(stage).__name__} reads {missing[0]}, which no earlier stage creates. A pipeline runs its stages in the order of the list."
        )
        writes = _columns(stage, ("outputCol", "outputCols"))
        known += writes
        many = _columns(stage, ("outputCols",))
        if len(reads) == len(many):  # one output for each input
            origins |= {to: origins.get(of, {of}) for of, to in zip(reads, many, strict=True)}
        else:
            origins |= {to: {name for of in reads for name in origins.get(of, {of})} for to in writes}
    assert Imputer in kinds, (
        f"Nothing fills the missing values: the assembler fails at the first missing age. Use {_KINDS}."
    )
    assert all(s.getStrategy() == "median" for s in stages if isinstance(s, Imputer)), (
        "The Imputer does not fill with the median: set strategy='median'. The default is the mean."
    )
    filled = {name for s in stages if isinstance(s, Imputer) for name in _columns(s, ("inputCol", "inputCols"))}
    assert filled >= {"age", "log_income"}, (
        f"Only {', '.join(sorted(filled))} is filled, but both age and log_income have missing values."
    )
    indexers = [s for s in stages if isinstance(s, StringIndexer)]
    assert indexers, "country and plan are strings: a StringIndexer converts them to numbers."
    invalid = {s.getHandleInvalid() for s in indexers}
    assert "error" not in invalid, (
        "handleInvalid of the StringIndexer is 'error', the default: the first customer from a new country stops the scoring."
    )
    assert "skip" not in invalid, "handleInvalid='skip' drops the customers from a new country: they get no score."
    assembled = [name for s in stages if isinstance(s, VectorAssembler) for name in _columns(s, ("inputCols",))]
    indices = {name for s in indexers for name in _columns(s, ("outputCol", "outputCols"))}
    as_quantity = sorted(indices & set(assembled))
    assert not as_quantity and OneHotEncoder in kinds, (
        f"{', '.join(as_quantity) or 'An index'} goes into the model as a quantity: index 2 would count twice as much as index 1. Use a OneHotEncoder."
    )
    raw = sorted(
        {"age", "log_income"}
        & set(assembled)
        - {name for s in stages if isinstance(s, Imputer) for name in _columns(s, ("outputCol", "outputCols"))}
    )
    assert not raw, (
        f"The assembler takes {', '.join(raw)} with missing values: use the columns that the Imputer writes."
    )
    assert "churned" not in assembled, (
        "The label is among the features: the model would be perfect in training and useless afterwards."
    )
    used = origins.get(stages[-1].getFeaturesCol(), set())
    lacking = [name for name in ("age", "log_income", "country", "plan") if name not in used]
    assert not lacking, f"The features of the model do not include {', '.join(lacking)}."
    assert stages[-1].getLabelCol() == "churned", (
        f"labelCol is {stages[-1].getLabelCol()!r}, but the label of these rows is churned."
    )


@trials("5.4")
def _(spark):
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import Imputer, OneHotEncoder, StandardScaler, StringIndexer, VectorAssembler

    assert spark is not None
    numbers, words = ["age", "log_income"], ["country", "plan"]
    filled, indexed, encoded = (
        [f"{c}_{kind}" for c in part] for part, kind in ((numbers, "f"), (words, "i"), (words, "o"))
    )
    fill = Imputer(inputCols=numbers, outputCols=filled, strategy="median")
    index = StringIndexer(inputCols=words, outputCols=indexed, handleInvalid="keep")
    encode = OneHotEncoder(inputCols=indexed, outputCols=encoded)
    assemble = VectorAssembler(inputCols=filled + encoded, outputCol="features")
    estimate = LogisticRegression(labelCol="churned")

    def of(*stages):
        return Pipeline(stages=list(stages))

    in_place = Imputer(inputCols=numbers, outputCols=numbers, strategy="median")
    yield right(of(fill, index, encode, assemble, estimate))
    yield right(
        of(index, encode, in_place, VectorAssembler(inputCols=encoded + numbers, outputCol="features"), estimate)
    )
    scaled = StandardScaler(inputCol="numbers", outputCol="scaled")
    first = VectorAssembler(inputCols=filled, outputCol="numbers")
    both = VectorAssembler(inputCols=["scaled", *encoded], outputCol="features")
    yield right(of(fill, first, scaled, index, encode, both, estimate))
    yield wrong("which no earlier stage creates", of(fill, index, assemble, encode, estimate))
    yield wrong("new country stops", of(fill, index.copy({index.handleInvalid: "error"}), encode, assemble, estimate))
    yield wrong("they get no score", of(fill, index.copy({index.handleInvalid: "skip"}), encode, assemble, estimate))
    yield wrong("The default is the mean", of(fill.copy({fill.strategy: "mean"}), index, encode, assemble, estimate))
    as_numbers = VectorAssembler(inputCols=filled + indexed, outputCol="features")
    yield wrong("as a quantity", of(fill, index, as_numbers, estimate))
    yield wrong("labelCol is 'label'", of(fill, index, encode, assemble, LogisticRegression()))
    yield wrong(
        "with missing values",
        of(fill, index, encode, VectorAssembler(inputCols=numbers + encoded, outputCol="features"), estimate),
    )
    yield wrong("should be a Pipeline", [fill, index])
    yield wrong(
        "do not include log_income",
        of(fill, index, encode, VectorAssembler(inputCols=filled[:1] + encoded, outputCol="features"), estimate),
    )


@exercise(
    "5.5",
    objective="ASC-3.02",
    hint="A class with few rows needs a large weight. Which weight for each class makes both sums equal to half the number of rows?",
)
def balanced_by_weight(weighted):
    _frame(weighted, "weighted")
    assert "weight" in weighted.columns, "The column weight is missing."
    assert "churned" in weighted.columns, "The column churned is missing: add a column to train and keep the others."
    kind = dict(weighted.dtypes)["weight"]
    assert kind.startswith("decimal") or kind in ("double", "float", "int", "bigint", "smallint", "tinyint"), (
        f"weight is {kind}: a weight is a number for each row."
    )
    weight, churned = F.col("weight"), F.col("churned") == 1
    rows, empty, of_churners, of_stayers = weighted.agg(
        F.count(F.lit(1)),
        F.sum(weight.isNull().cast("int")),
        F.sum(F.when(churned, weight)),
        F.sum(F.when(~churned, weight)),
    ).first()
    assert rows, "weighted has no rows."
    assert not empty, f"{empty:,} rows have no weight: the weight is null."
    assert of_churners > 0 and of_stayers > 0, "One class has a total weight of zero or less: the fit would ignore it."
    if not math.isclose(of_churners, of_stayers, rel_tol=0.01):
        larger = "stayers" if of_stayers > of_churners else "churners"
        assert larger != "stayers", (
            "The total weight of the stayers is still larger. Did each class get its own share instead of the other's?"
        )
        raise AssertionError("The total weight of the churners is larger. How many stayers are there for one churner?")
    assert math.isclose(of_churners + of_stayers, rows, rel_tol=0.01), (
        f"Balanced, but all weights add up to {of_churners + of_stayers:,.0f} for {rows:,} rows. "
        "Scale them so that each class adds up to half the number of rows."
    )


@trials("5.5")
def _(spark):
    train = spark.createDataFrame([(1,)] * 2 + [(0,)] * 8, "churned int")

    def with_weights(churner, stayer):
        return train.withColumn("weight", F.when(F.col("churned") == 1, F.lit(churner)).otherwise(F.lit(stayer)))

    yield right(with_weights(2.5, 0.625))
    yield wrong("its own share", with_weights(0.2, 0.8))
    yield wrong("of the churners is larger", with_weights(8.0, 1.0))
    yield wrong("Balanced, but", with_weights(0.8, 0.2))
    yield wrong("weight is missing", train)
    yield wrong("weight is string", with_weights("2.5", "0.625"))
    yield wrong("have no weight", train.withColumn("weight", F.when(F.col("churned") == 1, F.lit(2.5))))


@exercise(
    "5.6",
    objective=("PRO-1.05", "ASC-3.11"),
    hint="Draw it: from (0, 0) to the corner (false positive rate, recall) to (1, 1). What is the area below?",
)
def area_with_one_corner(returned, at_half):
    assert is_number(returned), "returned should be a number."
    tp, fn, fp, tn = (at_half[name] for name in ("tp", "fn", "fp", "tn"))
    recall, specificity = tp / (tp + fn), tn / (tn + fp)
    area = (recall + specificity) / 2

    def near(value):
        return abs(returned - value) < 0.005

    if near(area):
        return
    assert not near((tp + tn) / (tp + fn + fp + tn)), (
        "That is the accuracy. It depends on the class sizes; the area under ROC does not."
    )
    assert not near(recall), (
        "That is the recall alone, the height of the corner: the area also needs the false positive rate."
    )
    assert not near(specificity), "That is the specificity alone. The area under the two lines also depends on recall."
    assert not (tp and near(tp / (tp + fp))), "That is the precision. It is not an axis of the ROC curve."
    assert not (tp and near(2 * tp / (2 * tp + fp + fn))), "That is F1, which uses precision. The ROC curve does not."
    assert returned > 0.5 or area < 0.5, f"{returned:.2f} is below 0.5, but this model is better than a coin toss."
    raise AssertionError(
        f"{returned:.2f} is not the area below the corner at (false positive rate, recall). The evaluator sees only the scores 0 and 1, "
        "not the probabilities."
    )


@trials("5.6")
def _(_spark):
    at_half = {"tp": 20, "fn": 80, "fp": 10, "tn": 890}
    yield right(0.5 * (0.2 + 890 / 900), at_half)
    yield wrong("is the accuracy", 0.91, at_half)
    yield wrong("recall alone", 0.2, at_half)
    yield wrong("is the precision", 2 / 3, at_half)
    yield wrong("is F1", 40 / 130, at_half)
    yield wrong("is not the area", 0.84, at_half)
    yield wrong("should be a number", "0.84", at_half)


@exercise(
    "5.7",
    objective=("ASC-3.13", "ASC-3.11", "ASC-3.12"),
    hint="Is it about order, about a decision at one threshold, about the probabilities themselves, or about amounts?",
)
def metric_for_the_question(metric):
    answers_to(metric, "abcdef", "metric")
    said = {key: str(value).strip() for key, value in metric.items()}
    assert said["a"] != "areaUnderROC", (
        "a: with 3 in 1,000 positive, a large area under ROC can still mean hundreds of false alarms at the top. "
        "The team checks only the top, so precision matters."
    )
    assert said["a"] != "recallByLabel", "a: recall at one threshold does not compare two rankings."
    assert said["a"] == "areaUnderPR", f"a: {said['a']!r} does not look at the precision among the highest scores."
    assert said["b"] not in ("areaUnderROC", "areaUnderPR"), (
        "b: the area depends on the order alone. If you halve all probabilities, it does not change, but the amounts of finance do."
    )
    assert said["b"] == "logLoss", f"b: {said['b']!r} does not judge the probabilities themselves."
    assert said["c"] == "recallByLabel", (
        f"c: {said['c']!r}: the threshold is fixed, and the people missed are false negatives. Which metric counts them?"
    )
    assert said["d"] != "mae", "d: to the mean absolute error, one hour and six times ten minutes are the same."
    assert said["d"] == "rmse", (
        f"d: {said['d']!r}: an error of 60 must count more than six errors of 10. Which metric squares the errors?"
    )
    assert said["e"] != "rmse", (
        "e: a squared error of 10 units counts 100 times as much as an error of one unit, but costs only ten times as much."
    )
    assert said["e"] == "mae", (
        f"e: {said['e']!r}: at one euro per unit, the cost is proportional to the absolute error."
    )
    assert said["f"] == "areaUnderROC", (
        f"f: {said['f']!r}: the probability that a positive ranks above a negative is an area."
    )


@trials("5.7")
def _(_spark):
    metric = {"a": "areaUnderPR", "b": "logLoss", "c": "recallByLabel", "d": "rmse", "e": "mae", "f": "areaUnderROC"}
    yield right(metric)
    yield wrong("so precision matters", metric | {"a": "areaUnderROC"})
    yield wrong("If you halve all probabilities", metric | {"b": "areaUnderROC"})
    yield wrong("six times ten minutes", metric | {"d": "mae"})
    yield wrong("only ten times as much", metric | {"e": "rmse"})
    yield wrong("people missed", metric | {"c": "areaUnderPR"})


@exercise(
    "5.8",
    objective="ASC-3.02",
    hint="Use the odds p / (1 - p), divide them by ratio, and convert back: odds / (1 + odds). Then multiply numerator and denominator by 1 - p.",
)
def weights_undone(undo):
    assert callable(undo), "undo should be a function of p and ratio."

    def asked(p, ratio):
        try:
            result = undo(p, ratio)
            assert result is not None, "undo returns nothing: return the corrected probability."
            return np.asarray(result, dtype=float)
        except (TypeError, ValueError, ZeroDivisionError) as error:
            raise AssertionError(
                f"undo({p!r}, {ratio}) raises {type(error).__name__}: p is a number or a NumPy array, from 0 to 1."
            ) from None

    half = asked(0.5, 9)
    assert half.shape == (), "undo(0.5, 9) should give a number."
    assert not math.isclose(float(half), 0.5 / 9, rel_tol=1e-6), (
        "A weight multiplies the odds, not the probability: odds of 1 divided by 9 are 0.111, and that is a probability of 0.1."
    )
    assert not math.isclose(float(half), 0.9, rel_tol=1e-6), (
        "This is the wrong direction: the weights raised the probability, so it must become smaller."
    )
    assert not math.isclose(float(half), 1 / 9, rel_tol=1e-6), (
        "These are the odds. Convert them to a probability: odds / (1 + odds)."
    )
    assert math.isclose(float(half), 0.1, rel_tol=1e-6), (
        f"undo(0.5, 9) gives {float(half):.3f}: odds of 1 divided by 9 are a probability of 0.1."
    )
    with np.errstate(all="ignore"):
        many = asked(np.array([0.0, 0.5, 0.9, 1.0]), 9)
    assert many.shape == (4,), "For an array of four, undo should give an array of four."
    assert not np.isnan(many).any(), (
        "A probability of 1 gives nan: simplify the formula until it does not divide by 1 - p."
    )
    assert np.allclose(many, [0.0, 0.1, 0.5, 1.0]), (
        f"undo of 0, 0.5, 0.9, 1 with ratio 9 gives {many.round(3).tolist()}."
    )
    assert math.isclose(float(asked(0.3, 1)), 0.3), "With a ratio of 1 nothing was weighted: p must not change."


@trials("5.8")
def _(_spark):
    def through_odds(p, ratio):
        odds = p / (1 - p) / ratio
        return odds / (1 + odds)

    yield right(lambda p, ratio: p / (p + ratio * (1 - p)))
    yield wrong("not the probability", lambda p, ratio: p / ratio)
    yield wrong("wrong direction", lambda p, ratio: ratio * p / (ratio * p + 1 - p))
    yield right(lambda p, ratio: 1 - ratio * (1 - np.asarray(p)) / (p + ratio * (1 - np.asarray(p))))
    yield wrong("returns nothing", lambda p, ratio: None)
    yield wrong("These are the odds", lambda p, ratio: p / (1 - p) / ratio)
    yield wrong("gives nan", through_odds)
    yield wrong("a number or a NumPy array", lambda p, ratio: [x / ratio for x in p])


@exercise(
    "5.9",
    objective=("ASC-3.14", "ASC-3.12"),
    hint="Which function undoes log1p? Apply it to the column prediction, then compare it with minutes.",
)
def in_minutes(rmse_minutes, forecast):
    assert is_number(rmse_minutes), "rmse_minutes should be a number, such as the result of evaluate."
    p, y, log_y = F.col("prediction"), F.col("minutes"), F.col("log_minutes")

    def rmse(difference):
        return F.sqrt(F.avg(difference * difference))

    right_, plus_one, on_log, mixed, half = forecast.agg(
        rmse(F.expm1(p) - y), rmse(F.exp(p) - y), rmse(p - log_y), rmse(p - y), rmse(F.expm1(p) - log_y)
    ).first()

    def near(value):
        return abs(rmse_minutes - value) < 1e-6 * value

    assert not near(on_log), "That is the RMSE on the log scale, which is not in minutes."
    assert not near(math.exp(on_log)) and not near(math.expm1(on_log)), (
        "exp of the RMSE on the log scale is a factor. Undo the logarithm row by row, before the errors are squared and averaged."
    )
    assert not near(mixed), "The predictions are still logarithms, but the labels are minutes: convert the predictions."
    assert not near(half), (
        "The predictions are minutes, but the labels are logarithms: compare with the column minutes."
    )
    assert not near(plus_one), "exp does not undo log1p: every prediction is 1 minute too high. expm1 does."
    assert near(right_), f"{rmse_minutes:.1f} is not the RMSE in minutes of these rows."


@trials("5.9")
def _(spark):
    minutes, predicted = np.array([10.0, 60.0, 240.0, 5.0]), np.array([3.0, 4.0, 5.0, 2.0])
    rows = [(float(m), float(np.log1p(m)), float(p)) for m, p in zip(minutes, predicted, strict=True)]
    forecast = spark.createDataFrame(rows, "minutes double, log_minutes double, prediction double")

    def rmse(a, b):
        return float(np.sqrt(((a - b) ** 2).mean()))

    on_log = rmse(predicted, np.log1p(minutes))
    yield right(rmse(np.expm1(predicted), minutes), forecast)
    yield wrong("which is not in minutes", on_log, forecast)
    yield wrong("is a factor", float(np.exp(on_log)), forecast)
    yield wrong("still logarithms", rmse(predicted, minutes), forecast)
    yield wrong("1 minute too high", rmse(np.exp(predicted), minutes), forecast)
    yield wrong("should be a number", forecast, forecast)


@exercise(
    "5.10",
    objective=("PRO-1.04", "ASC-3.08", "ASC-3.09"),
    hint="How many combinations? How many folds? And what is fitted once more at the end? A stage before the search is not part of it.",
)
def fits_counted(fits):
    names = ["inside", "fill inside", "fill outside", "split"]
    answers_to(fits, names, "fits")
    assert all(is_number(fits[name]) for name in names), "Give a whole number for each of the four."
    assert fits["inside"] not in (30, 31), "inside: two parameters of three values are 3 x 3 = 9 combinations, not 6."
    assert fits["inside"] != 45, (
        "inside: 9 combinations x 5 folds, and then the winner is fitted once more, on all rows."
    )
    assert fits["inside"] != 9, "inside: each of the 9 combinations is fitted in each of the 5 folds."
    assert fits["inside"] == 46, (
        f"inside: {fits['inside']} is not the number of combinations x folds, plus the final fit."
    )
    assert fits["fill inside"] not in (1, 5, 6), (
        "fill inside: the whole pipeline is the estimator, so the filling stage is fitted each time, even if only the model's parameters differ."
    )
    assert fits["fill inside"] == fits["inside"], "fill inside: every fit of the pipeline fits each of its stages once."
    assert fits["fill outside"] not in (5, 45, 46), (
        "fill outside: the folds exist only inside the search. The stages before it are fitted once, on all rows, validation rows included."
    )
    assert fits["fill outside"] == 1, (
        f"fill outside: {fits['fill outside']}: how often does a pipeline fit its first stage?"
    )
    assert fits["split"] != 9, "split: 9 fits on the training part, and then the winner once more on all rows."
    assert fits["split"] == 10, (
        f"split: {fits['split']}: a single split tries each of the 9 combinations once, and one fit follows."
    )


@trials("5.10")
def _(_spark):
    fits = {"inside": 46, "fill inside": 46, "fill outside": 1, "split": 10}
    yield right(fits)
    yield wrong("the winner is fitted once more", fits | {"inside": 45})
    yield wrong("9 combinations, not 6", fits | {"inside": 31})
    yield wrong("the whole pipeline is the estimator", fits | {"fill inside": 1})
    yield wrong("validation rows included", fits | {"fill outside": 46})
    yield wrong("9 fits on the training part", fits | {"split": 9})
    yield wrong("should be a dict", 46)


@exercise(
    "5.11",
    objective=("PRO-1.04", "ASC-3.09"),
    hint="The grid must be built from the stage inside `pipeline`: getStages()[-1]. The fold of a customer can be computed from a hash of customer_id.",
)
def a_search_by_customer(search, folded, pipeline):
    from pyspark.ml import Pipeline
    from pyspark.ml.evaluation import BinaryClassificationEvaluator
    from pyspark.ml.tuning import CrossValidator, CrossValidatorModel

    assert not isinstance(search, CrossValidatorModel), (
        "search is already fitted. Give the CrossValidator itself, without fit."
    )
    assert isinstance(search, CrossValidator), f"search should be a CrossValidator, it is {type(search).__name__}."
    _frame(folded, "folded")
    missing = [name for name in ("estimator", "estimatorParamMaps", "evaluator") if not search.isDefined(name)]
    assert not missing, f"search lacks {', '.join(missing)}."
    estimator = search.getEstimator()
    assert isinstance(estimator, Pipeline), (
        "The estimator is the last stage alone: the stages before it would be fitted on validation rows. Search over the whole pipeline."
    )
    owners = {stage.uid for stage in estimator.getStages()}
    grid = search.getEstimatorParamMaps()
    strangers = [param.name for values in grid for param in values if param.parent not in owners]
    assert not strangers, (
        f"{strangers[0]} in the grid belongs to an object that is not in the pipeline: all fits would be the same."
    )
    values = sorted(value for maps in grid for param, value in maps.items() if param.name == "regParam")
    assert values == [0.0, 0.1], f"The grid holds regParam {values}: 0.0 and 0.1 were asked for."
    evaluator = search.getEvaluator()
    assert isinstance(evaluator, BinaryClassificationEvaluator) and evaluator.getMetricName() == "areaUnderROC", (
        "The evaluator should be a BinaryClassificationEvaluator with areaUnderROC."
    )
    assert evaluator.getRawPredictionCol() != "prediction", (
        "The evaluator reads prediction, the class at one threshold: keep the default of rawPredictionCol."
    )
    assert evaluator.getLabelCol() == "churned", (
        f"The evaluator looks for a label called {evaluator.getLabelCol()!r}: labelCol='churned'."
    )
    assert search.getNumFolds() == 3, f"numFolds is {search.getNumFolds()}: three folds were asked for."
    column = search.getFoldCol()
    assert column, (
        "foldCol is not set: the folds would be drawn by row, and labels of one customer would land in training and validation."
    )
    assert column in folded.columns, f"foldCol is {column!r}, and folded has no such column."
    kind = dict(folded.dtypes)[column]
    assert kind in ("int", "tinyint", "smallint", "bigint"), (
        f"{column} is {kind}: the number of a fold should be a whole number, an int."
    )
    by_customer = folded.groupBy("customer_id").agg(F.min(column).alias("low"), F.max(column).alias("high"))
    low, high, split, used, customers = by_customer.agg(
        F.min("low"),
        F.max("high"),
        F.sum((F.col("low") != F.col("high")).cast("int")),
        F.count_distinct("low"),
        F.count("*"),
    ).first()
    assert low is not None, "folded has no rows with a fold."
    assert low >= 0, "Some folds are negative: a hash can be negative, and % keeps the sign. Use pmod."
    assert high <= 2, f"Fold numbers go up to {high}: they must be 0, 1 and 2."
    assert split == 0, (
        f"{split:,} of {customers:,} customers are in more than one fold: the number must depend on the customer alone."
    )
    assert used == 3, f"Only {used} of the folds 0, 1, 2 have rows."


@trials("5.11")
def _(spark):
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.evaluation import BinaryClassificationEvaluator
    from pyspark.ml.tuning import CrossValidator, ParamGridBuilder

    train = spark.range(60).selectExpr("id % 20 AS customer_id", "id")
    stage = LogisticRegression(labelCol="churned")
    pipeline = Pipeline(stages=[stage])
    folded = train.withColumn("fold", F.pmod(F.hash("customer_id"), F.lit(3)))

    def search(owner=stage, estimator=pipeline, foldCol="fold", label="churned"):  # noqa: N803
        return CrossValidator(
            estimator=estimator,
            estimatorParamMaps=ParamGridBuilder().addGrid(owner.regParam, [0.0, 0.1]).build(),
            evaluator=BinaryClassificationEvaluator(labelCol=label),
            numFolds=3,
            foldCol=foldCol,
        )

    yield right(search(), folded, pipeline)
    yield right(search(), folded.withColumn("fold", F.col("fold").cast("bigint")), pipeline)
    yield wrong("should be a whole number", search(), folded.withColumn("fold", F.col("fold").cast("string")), pipeline)
    yield wrong("not in the pipeline", search(owner=LogisticRegression()), folded, pipeline)
    yield wrong("whole pipeline", search(estimator=stage), folded, pipeline)
    yield wrong("drawn by row", search(foldCol=""), folded, pipeline)
    yield wrong("looks for a label", search(label="label"), folded, pipeline)
    yield wrong("in more than one fold", search(), train.withColumn("fold", F.pmod(F.hash("id"), F.lit(3))), pipeline)
    yield wrong("% keeps the sign", search(), train.withColumn("fold", F.hash("customer_id") % 3), pipeline)
    yield wrong(
        "they must be 0, 1 and 2", search(), train.withColumn("fold", F.col("customer_id").cast("int")), pipeline
    )


@exercise(
    "5.12",
    objective="ASC-3.15",
    hint="Two questions: how far is training from the best possible, and how far is validation from training? For e: what does a strong penalty do?",
)
def diagnosis(verdict):
    answers_to(verdict, "abcde", "verdict")
    said = {key: str(value).strip().lower() for key, value in verdict.items()}
    odd = [key for key, value in said.items() if value not in ("bias", "variance", "neither")]
    assert not odd, f"Say 'bias', 'variance' or 'neither' for {', '.join(odd)}."
    assert said["a"] == "variance", (
        "a: nearly perfect on rows it has seen, poor on others: it has memorized its training rows."
    )
    assert said["b"] != "variance", "b: training and validation do not differ. Both are far below 0.84."
    assert said["b"] == "bias", "b: 0.66 is far from what is possible, even on the rows that the model was trained on."
    assert said["c"] == "neither", (
        "c: validation is within 0.01 of the best possible and close to training. There is nothing to fix."
    )
    assert said["d"] != "bias", (
        "d: training is better than the best possible, and more rows bring the curves closer together. Which problem do more rows reduce?"
    )
    assert said["d"] == "variance", (
        "d: training and validation still differ by 0.14, and more rows reduce the difference."
    )
    assert said["e"] != "variance", (
        "e: regParam is the strength of the penalty, C is its inverse: the penalty is now far stronger, not weaker."
    )
    assert said["e"] == "bias", (
        "e: the ranking survives, but the penalty holds the coefficients near zero, so every probability is near the mean of the labels. The log loss would show it."
    )


@trials("5.12")
def _(_spark):
    verdict = {"a": "variance", "b": "bias", "c": "neither", "d": "variance", "e": "bias"}
    yield right(verdict)
    yield wrong("do not differ", verdict | {"b": "variance"})
    yield wrong("nothing to fix", verdict | {"c": "variance"})
    yield wrong("do more rows reduce", verdict | {"d": "bias"})
    yield wrong("stronger, not weaker", verdict | {"e": "variance"})
    yield wrong("The log loss would show it", verdict | {"e": "neither"})
    yield wrong("Say 'bias'", verdict | {"a": "overfit"})


@exercise(
    "5.13",
    objective=("PRO-1.07", "PRO-1.06"),
    hint="Fill missing numbers, put the values in the order of the coefficients, multiply and add, add the intercept, then 1 / (1 + exp(-total)).",
)
def a_scorer_without_spark(plain_score, examples):
    assert callable(plain_score), "plain_score should be a function of one row, a dict."
    pairs = []
    for row in examples:
        truth = row["p"]
        try:
            said = plain_score({name: value for name, value in row.items() if name != "p"})
        except Exception as error:
            gaps = [name for name, value in row.items() if value is None]
            where = f"a row without {', '.join(gaps)}" if gaps else f"a row with country {row.get('country')!r}"
            raise AssertionError(f"{where} raises {type(error).__name__}: {str(error)[:80]}") from None
        assert said is not None, "plain_score returns nothing."
        assert is_number(said), f"plain_score should return a number, it returned {type(said).__name__}."
        pairs.append((float(said), truth, row))
    said, truth = (np.array([pair[number] for pair in pairs]) for number in (0, 1))
    logit = np.log(truth / (1 - truth))
    if np.allclose(said, truth, atol=1e-6):
        return "This function needs no Spark, so it can answer a request quickly."
    assert not np.allclose(said, logit, atol=1e-6), (
        "These are the log-odds: 1 / (1 + exp(-total)) converts them to probabilities."
    )
    assert not np.allclose(said, 1 - truth, atol=1e-6), (
        "This is the probability of staying: the sign of the exponent is wrong."
    )
    inside = np.clip(said, 1e-12, 1 - 1e-12)
    apart = np.log(inside / (1 - inside)) - logit
    assert not (np.ptp(apart) < 1e-6), (
        "All log-odds are off by the same amount: the intercept is missing or added twice."
    )
    complete = [abs(s - t) < 1e-6 for s, t, row in pairs if None not in row.values()]
    gaps = [abs(s - t) < 1e-6 for s, t, row in pairs if None in row.values()]
    assert not (complete and all(complete) and not all(gaps)), (
        "Complete rows are right, rows with missing values are not: replace None with the median."
    )
    usual = max({row["country"] for _, _, row in pairs}, key=lambda c: sum(row["country"] == c for _, _, row in pairs))
    hits = sum(abs(s - t) < 1e-6 for s, t, _ in pairs)
    assert hits, (
        f"No row agrees with Spark, not even those of {usual}. Are the values in the order of the coefficients: numbers, labels of country, labels of plan?"
    )
    raise AssertionError(
        f"{hits} of {len(pairs)} rows agree with Spark: check the order of the labels, and the rows with an unknown country."
    )


@trials("5.13")
def _(_spark):
    numbers = {"median": 40.0, "labels": ["DE", "FR"], "coefficients": [-0.02, 0.5, -0.3], "intercept": -1.0}

    def score(row, intercept=-1.0, median=40.0, labels=("DE", "FR"), raw=False):
        age = median if row["age"] is None else row["age"]
        places = [age] + [float(row["country"] == label) for label in labels]
        total = intercept + sum(c * x for c, x in zip(numbers["coefficients"], places, strict=True))
        return total if raw else float(1 / (1 + np.exp(-total)))

    rows = [{"age": a, "country": c} for a in (20.0, None, 60.0) for c in ("DE", "FR", "BR")]
    examples = [row | {"p": score(row)} for row in rows]
    yield right(score, examples)
    yield wrong("the intercept is missing", lambda row: score(row, intercept=0.0), examples)
    yield wrong("the log-odds", lambda row: score(row, raw=True), examples)
    yield wrong("with the median", lambda row: score(row, median=0.0), examples)
    yield wrong("rows agree with Spark", lambda row: score(row, labels=("FR", "DE")), examples)
    yield wrong("raises TypeError", lambda row: score(row | {"age": row["age"] * 1}), examples)
    yield wrong("returns nothing", lambda row: None, examples)


class _Says:
    """A model that adds the columns of a binary classifier, with the probability that a column holds."""

    def __init__(self) -> None:
        self.asked = 0

    def transform(self, frame: DataFrame) -> DataFrame:
        from pyspark.ml.functions import array_to_vector

        self.asked += 1
        p = F.col("truth")
        return (
            frame.withColumn("rawPrediction", array_to_vector(F.array(-(p - 0.5), p - 0.5)))
            .withColumn("probability", array_to_vector(F.array(1 - p, p)))
            .withColumn("prediction", (p > 0.5).cast("double"))
        )


@exercise(
    "5.14",
    objective=("PRO-1.06", "PRO-1.05", "ASC-3.13"),
    hint="vector_to_array converts probability to an array. For which p is p x kept_share x worth at least the cost?",
)
def the_call_list(call_list, test):
    assert callable(call_list), "call_list should be a function."
    spark = test.sparkSession
    truth = [0.05, 0.19, 0.20, 0.26, 0.45, 0.95]
    frame = spark.createDataFrame(
        [(number, p) for number, p in enumerate(truth)], "customer_id long, truth double"
    ).coalesce(1)

    def asked(model, of, cost=12.0, kept_share=0.3, worth=200.0):
        try:
            result = call_list(model, of, cost, kept_share, worth)
        except PySparkException as error:
            if of.isStreaming:
                raise AssertionError(
                    "A stream is refused: an operation in call_list needs all rows at once, such as collect, count or toPandas."
                ) from None
            raise AssertionError(
                f"call_list raises {type(error).__name__}. probability is a vector: vector_to_array('probability')[1] is a number."
            ) from None
        _frame(result, "What call_list returns")
        return result

    model = _Says()
    result = asked(model, frame)
    assert model.asked, "call_list does not use the argument model."
    try:
        columns, kinds = result.columns, dict(result.dtypes)
    except PySparkException as error:
        raise AssertionError(
            f"The list cannot be computed, {type(error).__name__}: probability is a vector, not an array."
        ) from None
    assert columns == ["customer_id", "p"], f"The columns are {columns}: they should be exactly customer_id and p."
    assert kinds["p"] == "double", f"p is {kinds['p']}, but should be a double."
    rows = {row.customer_id: row.p for row in result.collect()}
    assert not rows or set(rows.values()) - {0.0, 1.0}, (
        "p is 0 or 1: that is prediction, the class. Take the probability."
    )
    close = {key: abs(value - truth[key]) for key, value in rows.items()}
    stays = {key: abs(value - (1 - truth[key])) for key, value in rows.items()}
    assert not rows or max(close.values()) < 1e-9 or max(stays.values()) > 1e-9, (
        "p is the probability of staying: position 1 belongs to class 1."
    )
    assert not rows or max(close.values()) < 1e-9, "p is not the probability of class 1. rawPrediction holds log-odds."
    listed = set(rows)
    assert listed != {5}, "Only customers above 0.5 are listed: the threshold follows from the costs, not from 0.5."
    assert listed != set(range(6)), (
        "Every customer is on the list, but a voucher pays only above a certain probability."
    )
    by_worth = {key for key, p in enumerate(truth) if p >= 12 / 200}
    assert listed != by_worth, (
        "Your threshold is cost / worth, but a voucher keeps only the share kept_share of those who would have left."
    )
    assert 2 in listed, (
        "A customer exactly at the threshold of 12 / (0.3 x 200) = 0.20 is missing: the voucher breaks even there, and break-even customers belong on the list."
    )
    assert listed == {2, 3, 4, 5}, (
        f"With cost 12, share 0.3 and worth 200 the list has {len(listed)} of 6 customers. It should have the four with p of at least 0.20."
    )
    dearer = {row.customer_id for row in asked(_Says(), frame, cost=24.0).collect()}
    assert dearer == {4, 5}, "With a voucher at twice the price the list is wrong: is the threshold a fixed number?"
    stream = spark.readStream.format("rate").load().selectExpr("value AS customer_id", "CAST(0.5 AS DOUBLE) AS truth")
    streamed = asked(_Says(), stream)
    assert streamed.isStreaming, "For a stream call_list should return a stream, but it returned an ordinary DataFrame."


@trials("5.14")
def _(spark):
    from pyspark.ml.functions import vector_to_array

    test = spark.range(1)

    def listed(model, frame, cost, kept_share, worth, p=None, threshold=None):
        scored = model.transform(frame)
        p = vector_to_array("probability")[1] if p is None else p
        return scored.select("customer_id", p.alias("p")).where(
            F.col("p") >= (threshold or cost / (kept_share * worth))
        )

    def collected(model, frame, *costs):
        rows = listed(model, frame, *costs).collect()
        return spark.createDataFrame([(row.customer_id, row.p) for row in rows], "customer_id long, p double")

    yield right(listed, test)
    yield wrong("that is prediction", lambda *a: listed(*a, p=F.col("prediction")), test)
    yield wrong("probability of staying", lambda *a: listed(*a, p=vector_to_array("probability")[0]), test)
    yield wrong("log-odds", lambda *a: listed(*a, p=vector_to_array("rawPrediction")[1]), test)
    yield wrong("not from 0.5", lambda *a: listed(*a, threshold=0.5), test)
    yield wrong("only the share", lambda *a: listed(*a, threshold=0.06), test)
    yield wrong("a fixed number", lambda *a: listed(*a, threshold=0.2), test)
    yield wrong("A stream is refused", collected, test)
    yield wrong("be exactly customer_id and p", lambda model, frame, *_: model.transform(frame), test)
