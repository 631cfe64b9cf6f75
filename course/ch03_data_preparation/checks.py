"""Checks of chapter 03, data preparation. The message of an assert is written for the mistake that was made."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from workbook.exercises import exercise, right, trials, wrong
from workbook.judging import answers_to


def _called(function: Callable[..., Any], kind: str, *arguments: Any) -> Any:
    """What a function of the learner returns. An error of the wrong kind of object becomes a message."""
    try:
        return function(*arguments)
    except (AttributeError, TypeError, KeyError, IndexError) as error:
        raise AssertionError(f"{kind}. The call failed with {type(error).__name__}: {error}") from None


@exercise(
    "3.1",
    objective="ASC-2.01",
    hint="NaN is a value of type double. Does Spark treat it as a missing value? Does pandas?",
)
def null_is_not_nan(gaps):
    keys = ["spark count", "spark max", "pandas count"]
    assert isinstance(gaps, Mapping) and set(keys) <= set(gaps), f"gaps should be a dictionary with the keys {keys}."
    assert all(isinstance(gaps[key], Real) for key in keys), 'Answer with numbers; write NaN as float("nan").'
    assert gaps["spark count"] != 4, "spark count: F.count('x') leaves out nulls. Only F.count('*') counts all rows."
    assert gaps["spark count"] != 2, "spark count: for Spark NaN is a value of type double, and it is counted."
    assert gaps["spark count"] == 3, "spark count: how many of the four rows are not null?"
    assert gaps["spark max"] != 100, (
        "spark max: Spark does not skip NaN. Where does it sort it: below or above all other numbers?"
    )
    assert math.isnan(gaps["spark max"]), "spark max: which value does Spark sort above all others?"
    assert gaps["pandas count"] != 3, "pandas count: pandas treats NaN as a missing value, and null becomes NaN."
    assert gaps["pandas count"] == 2, "pandas count: pandas counts the values that are neither null nor NaN."


@trials("3.1")
def _(_spark):
    gaps = {"spark count": 3, "spark max": float("nan"), "pandas count": 2}
    yield right(gaps)
    yield wrong("leaves out nulls", gaps | {"spark count": 4})
    yield wrong("it is counted", gaps | {"spark count": 2})
    yield wrong("does not skip NaN", gaps | {"spark max": 100.0})
    yield wrong("null becomes NaN", gaps | {"pandas count": 3})
    yield wrong("Answer with numbers", gaps | {"spark max": "NaN"})
    yield wrong("should be a dictionary", [3, 100.0, 2])


@exercise(
    "3.2",
    objective="ASC-2.03",
    hint="First name the kind of each column in the question: continuous or categorical. Then read the table above.",
)
def picture_by_type(picture):
    picture = answers_to(picture, "abcde", "picture", {"histogram", "boxes", "stacked shares", "hexbin", "sorted bars"})
    assert picture["a"] != "histogram", (
        "a: one histogram of all minutes mixes the plans. One box for each plan shows medians and spreads side by side."
    )
    assert picture["a"] == "boxes", "a: a continuous column split by a categorical one: one box for each plan."
    assert picture["b"] != "boxes", "b: a box is drawn from five numbers, so it cannot show two humps."
    assert picture["b"] == "histogram", "b: the question is about the shape of one continuous column."
    assert picture["c"] == "hexbin", (
        "c: two continuous columns and 3 million rows: dots would cover each other, so count them in cells."
    )
    assert picture["d"] != "sorted bars", (
        "d: counts of the methods alone say nothing about the plans. Compare the shares within each plan."
    )
    assert picture["d"] == "stacked shares", (
        "d: two categorical columns, and plans of unequal size: compare the shares within each plan."
    )
    assert picture["e"] == "sorted bars", "e: counts of one categorical column: the bars should be sorted by length."


@trials("3.2")
def _(_spark):
    picture = {"a": "boxes", "b": "histogram", "c": "hexbin", "d": "stacked shares", "e": "sorted bars"}
    yield right(picture)
    yield right(picture | {"a": "Boxes "})
    yield wrong("mixes the plans", picture | {"a": "histogram"})
    yield wrong("five numbers", picture | {"b": "boxes"})
    yield wrong("3 million rows", picture | {"c": "boxes"})
    yield wrong("say nothing about the plans", picture | {"d": "sorted bars"})
    yield wrong("sorted by length", picture | {"e": "histogram"})
    yield wrong("'pie' is not a choice", picture | {"e": "pie"})
    yield wrong("['pie'] is not a choice", picture | {"e": ["pie"]})


@exercise(
    "3.3",
    objective="ASC-2.02",
    hint="The wrong value is part of the mean and of the standard deviation. How far from the mean can it be at most?",
)
def the_rule_uses_the_value_that_it_judges(fate):
    small, large, many = keys = ["10 rows", "10 rows x 1000", "100 rows"]
    fate = answers_to(fate, keys, "fate", {"kept", "dropped"})
    assert not fate[small] == fate[large] == "dropped", (
        f"{small} and {large}: the value looks absurd next to the nine others, but it also inflates the standard deviation."
    )
    assert fate[small] == "kept", (
        f"{small}: the mean and standard deviation of all ten rows include the wrong value. Compute its distance."
    )
    assert fate[large] == "kept", (
        f"{large}: a larger value makes the standard deviation larger in proportion, so size does not help."
    )
    assert fate[many] == "dropped", (
        f"{many}: among 99 good rows the value can be almost 10 standard deviations away. Compare that with 3."
    )


@trials("3.3")
def _(_spark):
    fate = {"10 rows": "kept", "10 rows x 1000": "kept", "100 rows": "dropped"}
    yield right(fate)
    yield wrong("also inflates", dict.fromkeys(fate, "dropped"))
    yield wrong("10 rows x 1000: a larger value", fate | {"10 rows x 1000": "dropped"})
    yield wrong("Compute its distance", fate | {"10 rows": "dropped"})
    yield wrong("almost 10 standard deviations", fate | {"100 rows": "kept"})
    yield wrong("no answer for", {"10 rows": "kept"})


@exercise(
    "3.4",
    objective=("ASC-2.02", "ASC-2.06"),
    hint="approxQuantile takes a column that exists: select the logarithm first. What does a comparison with null give?",
)
def outliers_go_and_nulls_stay(kept, customers):
    assert isinstance(kept, DataFrame), "kept should be a DataFrame: customers with a condition."
    assert sorted(kept.columns) == sorted(customers.columns), (
        f"kept has the columns {kept.columns}: keep those of customers, and compute the logarithm in the condition."
    )
    log = F.log("income")
    both = customers.select("income", log.alias("log_income"))
    (plain_low, plain_high), (log_low, log_high) = _fences(both, "income", "log_income")
    wanted = customers.agg(
        F.sum(F.col("income").isNull().cast("int")).alias("silent"),
        F.sum(log.between(log_low, log_high).cast("int")).alias("inside"),
        F.sum(F.col("income").between(plain_low, plain_high).cast("int")).alias("plain"),
        F.count(F.lit(1)).alias("rows"),
    ).first()
    found = kept.agg(
        F.sum(F.col("income").isNull().cast("int")).alias("silent"),
        F.sum(log.between(log_low - 1e-9, log_high + 1e-9).cast("int")).alias("inside"),
        F.count(F.lit(1)).alias("rows"),
    ).first()
    silent, inside = found["silent"] or 0, found["inside"] or 0
    outside, lost = found["rows"] - silent - inside, wanted["inside"] - inside
    assert kept.select("customer_id").distinct().count() == found["rows"], (
        "Some customers occur more than once: filter customers, which has one row for each."
    )
    assert silent >= wanted["silent"], (
        f"{wanted['silent'] - silent} customers without income are lost: a comparison with null is not true. Add isNull()."
    )
    assert silent == wanted["silent"], "There are more customers without income than before: do not change income."
    assert outside + lost == 0 or inside + outside != wanted["plain"], (
        "These are the limits of income itself. They cut off the whole upper tail: use the limits of the logarithm."
    )
    assert outside == 0, f"{outside} outliers are still there: the limits are Q1 - 1.5 IQR and Q3 + 1.5 IQR of the log."
    assert lost == 0, f"{lost} customers inside the limits are lost: compare log(income) with the limits of the log."


def _fences(frame: DataFrame, *columns: str) -> list[tuple[float, float]]:
    quartiles = frame.approxQuantile(list(columns), [0.25, 0.75], 0.0)
    return [(low - 1.5 * (high - low), high + 1.5 * (high - low)) for low, high in quartiles]


@trials("3.4")
def _(spark):
    incomes = [float(10_000 * 2 ** (k / 4)) for k in range(16)] + [10.0, 400_000.0, None, None]
    frame = spark.createDataFrame(list(enumerate(incomes)), "customer_id int, income double").coalesce(1)
    on_plain, on_log = _fences(frame.select("income", F.log("income").alias("x")), "income", "x")
    inside, plain = F.log("income").between(*on_log), F.col("income").between(*on_plain)
    silent = F.col("income").isNull()
    yield right(frame.where(inside | silent), frame)
    yield right(frame.where(inside | silent).select("income", "customer_id"), frame)
    yield wrong("more than once", frame.where(inside | silent).unionAll(frame.where(silent)), frame)
    yield wrong("Add isNull()", frame.where(inside), frame)
    yield wrong("the whole upper tail", frame.where(plain | silent), frame)
    yield wrong("outliers are still there", frame, frame)
    yield wrong("in the condition", frame.withColumn("x", F.log("income")).where(inside | silent), frame)
    yield wrong("should be a DataFrame", on_log, frame)
    yield wrong("inside the limits are lost", frame.where((inside & (F.col("income") > 12_000)) | silent), frame)


@exercise(
    "3.5",
    objective="ASC-2.04",
    hint="Kind of each column first. For two continuous ones: a line, a rise of any shape, or any shape at all?",
)
def measure_by_type(measure):
    measure = answers_to(
        measure, "abcde", "measure", ("pearson", "spearman", "mutual information", "cramer", "mann-whitney")
    )
    assert measure["a"] not in ("pearson", "spearman"), (
        "a: countries and plans have no order. A correlation of their index numbers changes with the numbering."
    )
    assert measure["a"] != "mutual information", (
        "a: mutual information also works for categories, but the measure that belongs to a chi-square test is Cramér's V."
    )
    assert measure["a"] == "cramer", (
        "a: two categorical columns: chi-square on the counts, and Cramér's V for strength."
    )
    assert measure["b"] != "pearson", "b: the question is not about a line, and the long tails dominate Pearson."
    assert measure["b"] == "spearman", "b: whether one rises with the other, in any shape, is a question about ranks."
    assert measure["c"] == "mann-whitney", (
        "c: a skewed continuous column in two groups needs a rank test of two groups."
    )
    assert measure["d"] not in ("pearson", "spearman"), (
        "d: the relation goes down and then up, so both correlations cancel to about zero."
    )
    assert measure["d"] == "mutual information", (
        "d: hour and streams are both numeric, and their relation is neither rising nor falling throughout."
    )
    assert measure["e"] == "pearson", (
        "e: the tariff is a straight line. Which measure is 1 for points on a rising line, and only for them?"
    )


@trials("3.5")
def _(_spark):
    measure = {"a": "cramer", "b": "spearman", "c": "mann-whitney", "d": "mutual information", "e": "pearson"}
    yield right(measure)
    yield right(measure | {"a": "Cramér"})
    yield wrong("belongs to a chi-square test", measure | {"a": "mutual information"})
    yield wrong("changes with the numbering", measure | {"a": "pearson"})
    yield wrong("the long tails", measure | {"b": "pearson"})
    yield wrong("rank test of two groups", measure | {"c": "spearman"})
    yield wrong("cancel to about zero", measure | {"d": "spearman"})
    yield wrong("straight line", measure | {"e": "cramer"})


@exercise(
    "3.6",
    objective="ASC-2.05",
    hint="Who has a gap: anybody, mostly letter writers, or dissatisfied customers? Do the filled values vary?",
)
def what_the_mean_bends(bias):
    keys = ["household mean", "household deviation", "hours mean", "satisfaction mean"]
    bias = answers_to(bias, keys, "bias", {"about right", "too small", "too large"})
    assert bias["household mean"] == "about right", (
        "household mean: the gaps are random, so the known values are a fair sample, and adding their mean does not change it."
    )
    assert bias["household deviation"] != "about right", (
        "household deviation: filled rows all hold one value. They add rows and no variation."
    )
    assert bias["household deviation"] == "too small", "household deviation: does a constant add to the variation?"
    assert bias["hours mean"] != "about right", (
        "hours mean: most customers with a gap write letters and watch more than the mean that you fill in."
    )
    assert bias["hours mean"] == "too small", (
        "hours mean: letter writers watch more, and their values are the missing ones."
    )
    assert bias["satisfaction mean"] != "about right", (
        "satisfaction mean: mostly satisfied customers answer, so the mean of the known values is the mean of a selection."
    )
    assert bias["satisfaction mean"] == "too large", "satisfaction mean: the low values are the ones that are missing."


@trials("3.6")
def _(_spark):
    bias = {
        "household mean": "about right",
        "household deviation": "too small",
        "hours mean": "too small",
        "satisfaction mean": "too large",
    }
    yield right(bias)
    yield wrong("fair sample", bias | {"household mean": "too small"})
    yield wrong("no variation", bias | {"household deviation": "about right"})
    yield wrong("than the mean that you fill in", bias | {"hours mean": "about right"})
    yield wrong("mean of a selection", bias | {"satisfaction mean": "about right"})
    yield wrong("the low values", bias | {"satisfaction mean": "too small"})


@exercise(
    "3.7",
    objective=("ASC-2.05", "ASC-2.06"),
    hint="Compute one median for each channel of train, join it to new with a left join, and use coalesce to fill only the gaps.",
)
def group_median_of_the_training_rows(fill_hours):
    assert callable(fill_hours), "fill_hours should be a function of train and new."
    from lakehouse.spark import get_spark

    spark = get_spark()
    columns = "customer_id int, channel string, hours double"
    old = [(k, "app", hours) for k, hours in enumerate([1.0, 2.0, 3.0, 30.0, 2.0])]
    old += [(k, "letter", hours) for k, hours in enumerate([10.0, 12.0, 14.0, 50.0, None, 12.0], start=10)]
    rows = [(20, "app", None), (21, "letter", None), (22, "letter", 40.25), (23, "app", 4.0), (24, "letter", 44.25)]
    rows += [(25, "phone", 7.0)]  # a channel that train lacks
    train, new = spark.createDataFrame(old, columns).coalesce(1), spark.createDataFrame(rows, columns).coalesce(1)
    result = _called(fill_hours, "train and new are Spark DataFrames, so use methods of Spark", train, new)
    assert isinstance(result, DataFrame), "fill_hours should return a Spark DataFrame."
    assert sorted(result.columns) == sorted(new.columns), (
        f"The result has the columns {result.columns}: return those of new and no helper column."
    )
    found = result.select("customer_id", "channel", "hours").collect()
    hours = {row["customer_id"]: row["hours"] for row in found}
    assert 25 in hours or len(hours) != 5, (
        "A customer whose channel does not occur in train is lost: use a left join from new."
    )
    assert sorted(row["customer_id"] for row in found) == [20, 21, 22, 23, 24, 25], (
        f"{len(found)} rows come back instead of the 6 of new: fill the gaps of new, drop no row and add none of train."
    )
    assert {(row["customer_id"], row["channel"]) for row in found} == {(k, way) for k, way, _ in rows}, (
        "The channel of a customer has changed. Change only hours."
    )
    assert hours[22] == 40.25 and hours[23] == 4, "Known hours have changed. Fill only the gaps."
    assert hours[20] is not None and hours[21] is not None, "There are still gaps in hours."
    assert (hours[20], hours[21]) != (4.0, 42.25), (
        "The gaps hold the medians of new. Learn them from train: a single new customer has no median."
    )
    assert hours[20] != hours[21], (
        f"App and letter got the same {hours[20]:g} hours. Letter writers watch more: use one median for each channel."
    )
    assert not (hours[20] == 7.6 or hours[21] == 19.6), (
        "These are means. One heavy viewer pulls them up: use the median."
    )
    assert (hours[20], hours[21]) == (2.0, 12.0), (
        f"App got {hours[20]:g} and letter {hours[21]:g} hours; the medians of train are 2 and 12."
    )


@trials("3.7")
def _(_spark):
    def filler(statistic, by_channel=True, learn_from_new=False, clean=True, how="left"):
        def fill_hours(train, new):
            source = new if learn_from_new else train
            if not by_channel:
                return new.fillna(source.agg(statistic("hours")).first()[0], subset=["hours"])
            learnt = source.groupBy("channel").agg(statistic("hours").alias("typical"))
            joined = new.join(learnt, "channel", how).withColumn("hours", F.coalesce("hours", "typical"))
            return joined.select(new.columns) if clean else joined

        return fill_hours

    def by_pandas(train, new):
        return new["hours"].fillna(train.groupby("channel")["hours"].transform("median"))

    yield right(filler(F.median))
    yield wrong("Learn them from train", filler(F.median, learn_from_new=True))
    yield wrong("one median for each channel", filler(F.median, by_channel=False))
    yield wrong("These are means", filler(F.mean))
    yield wrong("no helper column", filler(F.median, clean=False))
    yield wrong("drop no row", lambda train, new: new.dropna())
    yield wrong("still gaps", lambda train, new: new)
    yield wrong("left join", filler(F.median, how="inner"))
    yield wrong(
        "Known hours have changed",
        lambda train, new: filler(F.median)(train, new).withColumn("hours", F.round("hours")),
    )
    yield wrong("The channel", lambda train, new: filler(F.median)(train, new).withColumn("channel", F.lit("app")))
    yield wrong("are Spark DataFrames", by_pandas)


@exercise(
    "3.8",
    objective="ASC-2.06",
    hint="SimpleImputer has an argument that adds a 0/1 column for the rows in which it filled a gap.",
)
def the_gap_reaches_the_model(model):
    from sklearn.base import clone
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline

    assert isinstance(model, Pipeline) and len(model.steps) > 1, (
        "model should be a scikit-learn pipeline with at least two steps: fill the gaps, then classify."
    )
    assert isinstance(model.steps[-1][1], LogisticRegression), "The last step of model should be a LogisticRegression."
    missing = np.arange(400) % 4 == 0
    score = np.where(missing, np.nan, 40.0 + (np.arange(400) % 40) ** 2 / 40)  # skewed: the mean is not the median
    frame = pd.DataFrame({"satisfaction": score})
    try:
        prepare = clone(model[:-1]).fit(frame, (np.arange(400) % 3 == 0).astype(int))
        median, mean = float(np.nanmedian(score)), float(np.nanmean(score))
        rows = prepare.transform(pd.DataFrame({"satisfaction": [np.nan, median, mean, 41.0, 71.0]}))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise AssertionError(
            f"The steps before the classifier fail on a frame with the column satisfaction: {str(error)[:150]}"
        ) from None
    rows = np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows, dtype=float)
    assert not np.isnan(rows).any(), "The classifier gets NaN: the steps before it must fill the gaps."
    gap, at_median, at_mean, low, high = rows

    def apart(one: np.ndarray, other: np.ndarray) -> int:
        return int((~np.isclose(one, other)).sum())

    assert apart(low, high), "The known answers no longer reach the classifier: keep the filled column beside the flag."
    flags = np.isclose(low, high) & np.isclose(low, at_median) & ~np.isclose(low, gap)
    assert flags.any(), (
        "A customer who skipped the question cannot be told from one with that answer: add an indicator of the gaps."
    )
    assert apart(gap, at_mean) != flags.sum(), "The gaps are filled with the mean: use the median."
    assert apart(gap, at_median) == flags.sum(), "The flag is there, but the gaps are not filled with the median."


@trials("3.8")
def _(_spark):
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import MissingIndicator, SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.preprocessing import StandardScaler

    line, flagged = LogisticRegression(), SimpleImputer(strategy="median", add_indicator=True)
    yield right(make_pipeline(flagged, line))
    yield right(make_pipeline(flagged, StandardScaler(), line))
    yield right(make_pipeline(make_union(SimpleImputer(strategy="median"), MissingIndicator()), line))
    yield wrong("add an indicator", make_pipeline(SimpleImputer(strategy="median"), line))
    yield wrong("at least two steps", line)
    yield wrong("gets NaN", make_pipeline("passthrough", line))
    yield wrong(
        "not filled with the median",
        make_pipeline(SimpleImputer(strategy="constant", fill_value=-1, add_indicator=True), line),
    )
    yield wrong("filled with the mean", make_pipeline(SimpleImputer(add_indicator=True), line))
    yield wrong("no longer reach", make_pipeline(MissingIndicator(), line))
    yield wrong("should be a LogisticRegression", make_pipeline(flagged, RandomForestClassifier(5)))


@exercise(
    "3.9",
    objective="ASC-2.07",
    hint="keep adds a category at the end, and the encoder leaves out the last category unless told otherwise.",
)
def the_unknown_has_a_place(stages):
    from pyspark.ml import Pipeline

    from lakehouse.spark import get_spark

    assert isinstance(stages, (list, tuple)) and stages, "stages should be a list of Spark ML stages."
    assert all(hasattr(stage, "fit") or hasattr(stage, "transform") for stage in stages), (
        "Each element of stages should be a stage of Spark ML, such as StringIndexer."
    )
    spark = get_spark()
    train = spark.createDataFrame([("film",), ("film",), ("sport",)], "genre string").coalesce(1)
    new = spark.createDataFrame([("film",), ("sport",), ("opera",), (None,)], "genre string").coalesce(1)
    try:
        rows = Pipeline(stages=list(stages)).fit(train).transform(new).collect()
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        unseen = "nseen label" in text or "handleInvalid" in text or "NULL value" in text
        assert not unseen, "An unseen genre stops the job: set handleInvalid of the indexer."
        assert "must be of type numeric" not in text, (
            "The encoder needs indices, not strings: put the indexer before it."
        )
        raise
    assert "v" in rows[0].asDict(), "No stage writes the column v: make it the output column of the encoder."
    assert len(rows) == 4, f"{4 - len(rows)} of 4 rows are lost: skip drops unknown genres instead of encoding them."
    assert hasattr(rows[0]["v"], "toArray"), (
        "v holds numbers instead of vectors: an index is not one-hot. Add the encoder."
    )
    film, sport, opera, null = (row["v"].toArray().tolist() for row in rows)
    assert len(film) <= 4, (
        f"v has {len(film):,} positions for two known genres and the unknown. Use an indexer and an encoder, not a hash."
    )
    assert any(opera) and any(null), (
        "The unknown genre is all zeros: keep adds its category as the last one, and the last one is left out."
    )
    assert any(film) and any(sport), "A known genre has no position of its own."
    assert len({tuple(one) for one in (film, sport, opera)}) == 3, (
        f"film {film}, sport {sport} and opera {opera} should have a position of their own each."
    )
    assert len(film) == 3, (
        f"v has {len(film)} positions and one of them is never used: both stages add a category for the unknown."
    )
    assert sorted([film, sport, opera]) == [[0, 0, 1], [0, 1, 0], [1, 0, 0]], (
        f"film {film}, sport {sport} and opera {opera} should each have one 1 and otherwise zeros."
    )


@trials("3.9")
def _(_spark):
    from pyspark.ml import Pipeline
    from pyspark.ml.feature import FeatureHasher, OneHotEncoder, StringIndexer

    def indexer(rule, out="i"):
        return StringIndexer(inputCol="genre", outputCol=out, handleInvalid=rule)

    every = OneHotEncoder(inputCol="i", outputCol="v", dropLast=False)
    yield right([indexer("keep"), every])
    yield right([indexer("keep"), OneHotEncoder(inputCols=["i"], outputCols=["v"], dropLast=False)])
    yield right([Pipeline(stages=[indexer("keep"), every])])
    yield right([indexer("keep"), OneHotEncoder(inputCol="i", outputCol="v", handleInvalid="keep")])
    both = OneHotEncoder(inputCol="i", outputCol="v", handleInvalid="keep", dropLast=False)
    yield wrong("one of them is never used", [indexer("keep"), both])
    yield wrong("not a hash", [FeatureHasher(inputCols=["genre"], outputCol="v")])
    yield wrong("the last one is left out", [indexer("keep"), OneHotEncoder(inputCol="i", outputCol="v")])
    yield wrong("rows are lost", [indexer("skip"), every])
    yield wrong("stops the job", [indexer("error"), every])
    yield wrong("an index is not one-hot", [indexer("keep", out="v")])
    yield wrong("No stage writes the column v", [indexer("keep")])
    yield wrong("should be a list", indexer("keep"))


@exercise(
    "3.10",
    objective=("ASC-2.08", "PRO-1.03"),
    hint="How many levels, how many rows for each, what kind of model, and what happens to a new level?",
)
def a_stage_for_each_column(stage):
    stage = answers_to(stage, "abcde", "stage", {"one-hot", "index", "hash", "target means", "leave out"})
    assert stage["a"] != "index", (
        "a: a regression multiplies the index by one weight, as if the plan with index 2 were twice the plan with index 1."
    )
    assert stage["a"] == "one-hot", (
        "a: a linear model needs a weight for each level, and three levels with an intercept take only two columns."
    )
    assert stage["b"] != "one-hot", (
        "b: trees split indexed categories directly; one-hot columns let them separate only one level at a time."
    )
    assert stage["b"] == "index", "b: Spark's trees take the index and know from its metadata that it is a category."
    assert stage["c"] not in ("one-hot", "index"), (
        "c: there is no full list of search terms to fit, and it would be far longer than 4,096."
    )
    assert stage["c"] == "hash", "c: which encoder needs no fit and has a position for every new term?"
    assert stage["d"] != "leave out", "d: shops differ a lot in returns, and each has hundreds of orders to learn from."
    assert stage["d"] == "target means", (
        "d: few columns are wanted for 3,000 levels with many rows each: use out-of-fold means of the label."
    )
    assert stage["e"] == "leave out", (
        "e: an id identifies one customer. The model would memorise training customers, and the customers to be scored are new."
    )


@trials("3.10")
def _(_spark):
    stage = {"a": "one-hot", "b": "index", "c": "hash", "d": "target means", "e": "leave out"}
    yield right(stage)
    yield wrong("twice the plan", stage | {"a": "index"})
    yield wrong("one level at a time", stage | {"b": "one-hot"})
    yield wrong("no full list", stage | {"c": "one-hot"})
    yield wrong("out-of-fold means", stage | {"d": "one-hot"})
    yield wrong("would memorise", stage | {"e": "target means"})


@exercise(
    "3.11",
    objective="ASC-2.08",
    hint="Loop over the folds. For each one, compute the mean label by code from the other folds and map it to the codes of this fold.",
)
def each_row_from_other_rows(out_of_fold):
    assert callable(out_of_fold), "out_of_fold should be a function of code, label and fold."
    index = [7, 3, 9, 4, 1, 8]
    code = pd.Series(["a", "a", "a", "b", "b", "c"], index=index)
    label = pd.Series([1, 0, 1, 1, 0, 1], index=index)
    fold = pd.Series([0, 1, 1, 0, 1, 0], index=index)
    before = label.copy()
    found = _called(out_of_fold, "code, label and fold are pandas Series", code, label, fold)
    assert isinstance(found, pd.Series), f"out_of_fold should return a Series, it returned {type(found).__name__}."
    assert label.equals(before), "out_of_fold changes the Series label: work on a copy."
    assert sorted(found.index) == sorted(index), "The result should have the index of code: one value for each row."
    found = pd.to_numeric(found.reindex(index), errors="coerce")
    assert found.notna().all(), (
        "Some rows get no value: where no other fold has the code, use the mean label of all rows in other folds."
    )
    by_code = label.groupby(code).transform("mean")
    assert not np.allclose(found, by_code), "Each row still sees its own label: use the rows of other folds only."
    counts = code.groupby(code).transform("size")
    rest = ((by_code * counts - label) / (counts - 1).where(counts > 1)).fillna(found)
    assert not np.allclose(found, rest), (
        "Only the row's own label is left out, so within a code the value falls when the label rises: leave out the whole fold."
    )
    inside = label.groupby([code, fold]).transform("mean")
    assert not np.allclose(found, inside), "The means come from the row's own fold: use the other folds."
    # Row 8 (code c, fold 0) has no other row of its code: the mean label of fold 1 is 1/3.
    assert not math.isclose(found[8], label.mean()), (
        "A code that no other fold has gets the mean of all labels, including its own. Use the other folds here too."
    )
    wanted = pd.Series([0.5, 1.0, 1.0, 0.0, 1.0, 1 / 3], index=index)
    assert np.allclose(found, wanted), (
        f"Codes {code.tolist()}, labels {label.tolist()}, folds {fold.tolist()}: expected {wanted.round(2).tolist()}, "
        f"got {found.round(2).tolist()}."
    )


def _encoder(rows_of, fallback_of):
    def out_of_fold(code, label, fold):
        result = pd.Series(index=code.index, dtype=float)
        for one in fold.unique():
            mine = fold == one
            source, rest = rows_of(mine), fallback_of(mine)
            means = label[source].groupby(code[source]).mean()
            result[mine] = code[mine].map(means)
            if rest is not None:
                result[mine] = result[mine].fillna(label[rest].mean())
        return result

    return out_of_fold


@trials("3.11")
def _(_spark):
    def others(mine):
        return ~mine

    def everything(mine):
        return mine | True

    def without_own(code, label, fold):
        total, n = label.groupby(code).transform("sum"), label.groupby(code).transform("size")
        return ((total - label) / (n - 1).where(n > 1)).fillna(label.mean())

    yield right(_encoder(others, others))
    yield wrong("sees its own label", _encoder(everything, others))
    yield wrong("Some rows get no value", _encoder(others, lambda mine: None))
    yield wrong("including its own", _encoder(others, everything))
    yield wrong("own fold", _encoder(lambda mine: mine, others))
    yield wrong("leave out the whole fold", without_own)
    yield wrong("should return a Series", lambda code, label, fold: label.groupby(code).transform("mean").to_numpy())


@exercise(
    "3.12",
    objective="ASC-2.09",
    hint="Compute the residuals of the training rows on the log scale, then exp of each, then the mean.",
)
def back_to_euros(factor, euros, on_log, x, euro, test):
    residuals = np.log(euro[~test]) - on_log.predict(x[~test])
    of_test = np.log(euro[test]) - on_log.predict(x[test])
    plain = np.exp(on_log.predict(x[test]))
    wanted, normal = float(np.exp(residuals).mean()), float(np.exp(residuals.var() / 2))
    assert isinstance(factor, Real) and not isinstance(factor, bool), "factor should be one number."
    euros = np.asarray(euros)
    assert euros.shape == plain.shape and euros.dtype.kind == "f", (
        f"euros should be an array of {len(plain):,} predictions, one for each test row."
    )
    assert not np.allclose(euros, plain), "euros is exp of the prediction, uncorrected: the total stays too small."
    assert euros.mean() > 1000, (
        "euros is still on the log scale: nobody earns about 10 EUR a year. Take exp of the predictions."
    )
    assert abs(factor - np.exp(residuals.mean())) > 1e-9, (
        "factor is exp of the mean residual, which is 1. First exp of each residual, then the mean."
    )
    assert abs(factor - np.exp(of_test).mean()) > 1e-9, (
        "factor was learnt from the test rows, whose incomes are unknown in production. Use the training rows."
    )
    assert abs(factor - euro[test].sum() / plain.sum()) > 1e-9, (
        "factor is computed from the true total of the test rows. In production that total is unknown."
    )
    assert abs(factor - np.exp(-residuals).mean()) > 1e-9, (
        "The residual has the wrong sign: it is log(truth) - prediction."
    )
    assert abs(factor - normal) > 1e-9, (
        "factor is exp(s²/2), which is right only for normal residuals. Take the mean of exp(residual)."
    )
    total = euro[~test].sum() / np.exp(on_log.predict(x[~test])).sum()
    assert abs(factor - total) > 1e-9, "factor is a ratio of totals. Take exp of each residual, then the mean."
    assert abs(factor - wanted) < 1e-6, (
        f"factor is {factor:.4f}; the mean of exp(residual) over the training rows is {wanted:.4f}."
    )
    assert np.allclose(euros, plain * factor, rtol=1e-6), "euros should be exp of each prediction, times factor."
    return f"The corrected total is {euros.sum() / euro[test].sum():.2f} of the true one."


@trials("3.12")
def _(_spark):
    from sklearn.linear_model import LinearRegression

    rng = np.random.default_rng(1)
    x = rng.normal(size=(400, 1))
    euro = np.exp(10 + 0.3 * x[:, 0] + rng.normal(0, 0.5, 400))
    test = np.arange(400) % 2 == 0
    on_log = LinearRegression().fit(x[~test], np.log(euro[~test]))
    given = (on_log, x, euro, test)
    logs = on_log.predict(x[test])
    residuals = np.log(euro[~test]) - on_log.predict(x[~test])
    factor = np.exp(residuals).mean()
    yield right(factor, np.exp(logs) * factor, *given)
    for words, other in (
        ("only for normal residuals", np.exp(residuals.var() / 2)),
        ("the wrong sign", np.exp(-residuals).mean()),
        ("ratio of totals", euro[~test].sum() / np.exp(on_log.predict(x[~test])).sum()),
    ):
        yield wrong(words, other, np.exp(logs) * other, *given)
    yield wrong("uncorrected", factor, np.exp(logs), *given)
    yield wrong("log scale", factor, logs * factor, *given)
    one = np.exp(residuals.mean())
    yield wrong("which is 1", one, np.exp(logs) * factor, *given)
    peeked = np.exp(np.log(euro[test]) - logs).mean()
    yield wrong("from the test rows", peeked, np.exp(logs) * peeked, *given)
    fitted = euro[test].sum() / np.exp(logs).sum()
    yield wrong("from the true total", fitted, np.exp(logs) * fitted, *given)
    yield wrong("one number", residuals, np.exp(logs) * factor, *given)


@exercise(
    "3.13",
    objective=("ASC-2.06", "PRO-1.03"),
    hint="Which steps use the label? How much would the others change if they saw only half of the rows?",
)
def what_fitting_early_inflates(inflated):
    keys = ["imputer", "scaler", "outlier limits", "selection"]
    inflated = answers_to(inflated, keys, "inflated", {"under 0.01", "over 0.05"})
    assert inflated["imputer"] == "under 0.01", (
        "imputer: it does not use the label, and the mean of all rows is close to the mean of half of them."
    )
    assert inflated["scaler"] == "under 0.01", "scaler: a slightly different shift and unit, the same for all rows."
    assert inflated["outlier limits"] == "under 0.01", (
        "outlier limits: quartiles do not use the label, and those of a thousand rows are close to those of two thousand."
    )
    assert inflated["selection"] == "over 0.05", (
        "selection: it uses the label. Among 3,000 columns of noise some fit the held-out rows by chance, and it picks those."
    )


@trials("3.13")
def _(_spark):
    inflated = dict.fromkeys(["imputer", "scaler", "outlier limits"], "under 0.01") | {"selection": "over 0.05"}
    yield right(inflated)
    yield wrong("the mean of half of them", inflated | {"imputer": "over 0.05"})
    yield wrong("the same for all rows", inflated | {"scaler": "over 0.05"})
    yield wrong("quartiles do not use", inflated | {"outlier limits": "over 0.05"})
    yield wrong("by chance", inflated | {"selection": "under 0.01"})
    yield wrong("is not a choice", inflated | {"selection": "over 0.01"})


@exercise(
    "3.14",
    objective=("ASC-2.06", "ASC-2.07", "ASC-2.09", "PRO-1.03"),
    hint="Order: logarithm, imputer, indexers (what about a new country?), encoder, assembler. Fit on train alone.",
)
def one_recipe_for_all_rows(recipe, train):
    from lakehouse.spark import get_spark

    assert hasattr(recipe, "transform"), "recipe is not fitted yet: call fit(train) on the Pipeline."
    columns = ["customer_id", "country", "plan", "age", "income", "no_age", "no_income"]
    typical = (1, "DE", "basic", 40.0, 30_000.0, 0.0, 0.0)
    changes = {
        "typical": {},
        "richer": {"income": 30_000.0 * math.e},
        "older": {"age": 41.0},
        "half a year": {"age": 40.5},
        "no income": {"income": None, "no_income": 1.0},
        "no age": {"age": None, "no_age": 1.0},
        "other plan": {"plan": "standard"},
        "other country": {"country": "FR"},
        "never seen": {"country": "XX"},
        "new plan": {"plan": "gold"},
        "Poland": {"country": "PL"},
    }
    rows = [
        tuple({**dict(zip(columns, typical, strict=True)), "customer_id": k, **change}.values())
        for k, change in enumerate(changes.values())
    ]
    kinds = "customer_id long, country string, plan string, age double, income double, no_age double, no_income double"
    new = get_spark().createDataFrame(rows, kinds).coalesce(1)
    try:
        made = recipe.transform(new)
        assert "features" in made.columns, "There is no column features: make it the output column of the assembler."
        found = {
            row["customer_id"]: row["features"].toArray() for row in made.select("customer_id", "features").collect()
        }
    except AssertionError:
        raise
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        assert not any(words in text for words in ("NOT_FOUND", "UNRESOLVED_COLUMN", "does not exist")), (
            "The recipe needs a column that the clean table does not have: the logarithm belongs inside the pipeline."
        )
        assert "nseen label" not in text, (
            "A country or plan that training has not seen stops the job: set handleInvalid='keep' in the indexers."
        )
        assert "null while assembling" not in text, (
            "A gap reaches the assembler and stops the job: impute before you assemble."
        )
        raise
    lost = [name for k, name in enumerate(changes) if k not in found]
    assert not lost, f"Rows are lost ({', '.join(lost)}): no stage may skip rows."
    v = {name: found[k] for k, name in enumerate(changes)}
    moved = {name: np.flatnonzero(~np.isclose(values, v["typical"])) for name, values in v.items()}
    still = [name for name in ("richer", "older", "other plan", "other country") if len(moved[name]) == 0]
    assert not still, f"features does not change with {', '.join(still)}: is an input of the assembler missing?"
    log = moved["richer"][0]
    step = v["richer"][log] - v["typical"][log]
    assert step < 100, "income goes into features in euros: take the natural logarithm."
    assert math.isclose(step, 1.0, abs_tol=1e-6) or abs(step - 1) > 1e-3, (
        f"e times the income should raise the logarithm by 1, here by {step:.6f}: use ln, not log1p, and do not round."
    )
    assert math.isclose(step, 1.0, abs_tol=1e-6), (
        f"e times the income should raise the logarithm by 1, here by {step:.3f}: use the natural log, and do not scale."
    )
    age = moved["older"][0]
    assert math.isclose(v["older"][age] - v["typical"][age], 1.0, abs_tol=1e-6), "age should be in years, unscaled."
    assert math.isclose(v["half a year"][age] - v["typical"][age], 0.5, abs_tol=1e-6), "age 40.5 is rounded or cut off."
    for gap, place in (("no income", log), ("no age", age)):
        flags = [k for k in moved[gap] if k != place]
        assert flags, f"The flag of {gap} does not reach features: add no_age and no_income to the assembler."
    for gap, place, column in (("income", log, F.log("income")), ("age", age, F.col("age"))):
        fill = v[f"no {gap}"][place]
        assert _near_the_median(fill, train.select(column.alias("x"))), (
            f"A missing {gap} becomes {fill:.4f}, which is not the median of the training rows"
            f"{' on the log scale' if gap == 'income' else ''}."
        )
    assert len(v["typical"]) > 6, "country and plan take one position each, as index numbers. Encode them one-hot."
    for name in ("other plan", "other country"):
        jump = v[name] - v["typical"]
        assert set(np.abs(jump[moved[name]]).round(6)) == {1.0} and len(moved[name]) <= 2 and v[name].max() > 0, (
            f"{name}: another level should switch one position on and one off. Is the encoder missing?"
        )
    assert np.array_equal(v["Poland"], v["never seen"]), (
        "The recipe knows Poland, which no training row has: it was fitted on all rows. Fit it on train."
    )
    return f"features has {len(v['typical'])} positions."


def _near_the_median(value: float, column: DataFrame) -> bool:
    """Imputer's median is a value of the column, whose rank is off by at most a thousandth of the rows."""
    known = np.sort(np.array([row["x"] for row in column.where("x IS NOT NULL").collect()], dtype=float))
    middle, reach = len(known) // 2, 2 + len(known) // 500
    window = known[max(0, middle - reach) : middle + reach + 1]
    return bool(np.isclose([*window, *(window[1:] + window[:-1]) / 2], value, rtol=0, atol=1e-9).any())


@trials("3.14")
def _(spark):
    from pyspark.ml import Pipeline
    from pyspark.ml.feature import Imputer, OneHotEncoder, SQLTransformer, StringIndexer, VectorAssembler

    countries, plans = ["DE", "FR", "GB"], ["basic", "standard", "premium"]
    rows = [
        (k, countries[k % 3], plans[k // 3 % 3], None if k == 4 else 30.0 + k, None if k == 7 else 20_000.0 + 900 * k,
         float(k == 4), float(k == 7))
        for k in range(27)
    ]  # fmt: skip
    kinds = "customer_id long, country string, plan string, age double, income double, no_age double, no_income double"
    everybody = spark.createDataFrame([*rows, (99, "PL", "basic", 33.0, 25_000.0, 0.0, 0.0)], kinds).coalesce(1)
    train = everybody.where("country != 'PL'")
    flags = ["no_age", "no_income"]

    def recipe(log="ln(income)", rule="keep", with_flags=True, onehot=True, inside=True, fill="median", age="age"):
        encoded = ["c_v", "p_v"] if onehot else ["c", "p"]
        stages = (
            [SQLTransformer(statement=f"SELECT *, {log} AS log_income, {age} AS years FROM __THIS__")] if inside else []
        )
        stages += [
            Imputer(strategy=fill, inputCols=["years" if inside else "age", "log_income"], outputCols=["a", "l"]),
            StringIndexer(inputCols=["country", "plan"], outputCols=["c", "p"], handleInvalid=rule),
        ]
        if onehot:
            stages.append(OneHotEncoder(inputCols=["c", "p"], outputCols=["c_v", "p_v"]))
        wanted = ["a", "l", *(flags if with_flags else []), *encoded]
        return Pipeline(stages=[*stages, VectorAssembler(inputCols=wanted, outputCol="features")])

    yield right(recipe().fit(train), train)
    yield wrong("not fitted yet", recipe(), train)
    yield wrong("a missing income becomes".capitalize(), recipe(fill="mean").fit(train), train)
    yield wrong("rounded or cut off", recipe(age="CAST(CAST(age AS INT) AS DOUBLE)").fit(train), train)
    yield wrong("not log1p", recipe(log="log1p(income)").fit(train), train)
    yield wrong("Encode them one-hot", recipe(onehot=False).fit(train), train)
    yield wrong("fitted on all rows", recipe().fit(everybody), train)
    yield wrong("in euros", recipe(log="income").fit(train), train)
    yield wrong("use the natural log", recipe(log="log10(income)").fit(train), train)
    yield wrong("no stage may skip", recipe(rule="skip").fit(train), train)
    yield wrong("stops the job", recipe(rule="error").fit(train), train)
    yield wrong("does not reach features", recipe(with_flags=False).fit(train), train)
    yield wrong("belongs inside", recipe(inside=False).fit(train.selectExpr("*", "ln(income) AS log_income")), train)
