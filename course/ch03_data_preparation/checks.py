"""Checks of chapter 03, data preparation. The message of an assert is written for the mistake that was made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from workbook.exercises import exercise, right, trials, wrong


def _words(answer: Any, keys: str | list[str], allowed: set[str], name: str) -> None:
    """Each key is answered with one of the words."""
    wanted = list(keys)
    assert isinstance(answer, Mapping), f"{name} should be a dictionary with the keys {', '.join(wanted)}."
    missing = [key for key in wanted if key not in answer]
    assert not missing, f"{name} lacks an answer for {', '.join(missing)}."
    odd = {key: answer[key] for key in wanted if not isinstance(answer[key], str) or answer[key] not in allowed}
    assert not odd, f"{name}: {odd} is not one of the words {', '.join(sorted(allowed))}."


@exercise("3.1", objective="ASC-2.01", hint="One of the two gaps is a value of type double. Which one, and to whom?")
def null_is_not_nan(gaps):
    keys = ["spark count", "spark max", "pandas count"]
    assert isinstance(gaps, Mapping) and set(keys) <= set(gaps), f"gaps should be a dictionary with the keys {keys}."
    assert all(isinstance(gaps[key], Real) for key in keys), 'Answer with numbers; NaN is float("nan").'
    assert gaps["spark count"] != 4, "spark count: F.count('x') leaves out nulls. Only F.count('*') counts all rows."
    assert gaps["spark count"] != 2, "spark count: to Spark NaN is a number like any other, and it is counted."
    assert gaps["spark count"] == 3, "spark count: count the rows whose value is not null."
    assert gaps["spark max"] != 100, (
        "spark max: Spark does not skip NaN. Where does it sort it: below or above all other numbers?"
    )
    assert math.isnan(gaps["spark max"]), "spark max: it is the value that Spark sorts above all others."
    assert gaps["pandas count"] != 3, "pandas count: pandas takes NaN for a missing value, and null becomes NaN."
    assert gaps["pandas count"] == 2, "pandas count: pandas counts what is neither null nor NaN."


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
    _words(picture, "abcde", {"histogram", "boxes", "stacked shares", "hexbin", "sorted bars"}, "picture")
    assert picture["a"] != "histogram", (
        "a: one histogram of all minutes mixes the plans. One box for each plan puts middle and spread side by side."
    )
    assert picture["a"] == "boxes", "a: a continuous column split by a categorical one: one box for each plan."
    assert picture["b"] != "boxes", "b: a box is five numbers, and two humps disappear between them."
    assert picture["b"] == "histogram", "b: the shape of one continuous column is what a histogram shows."
    assert picture["c"] == "hexbin", "c: two continuous columns and 3 million rows: count the dots in hexagons."
    assert picture["d"] != "sorted bars", (
        "d: counts of genres alone say nothing about the channel. Compare the shares within app and within letter."
    )
    assert picture["d"] == "stacked shares", "d: two categorical columns of unequal size: shares within each channel."
    assert picture["e"] == "sorted bars", "e: counts of one categorical column: bars, sorted by length."


@trials("3.2")
def _(_spark):
    picture = {"a": "boxes", "b": "histogram", "c": "hexbin", "d": "stacked shares", "e": "sorted bars"}
    yield right(picture)
    yield wrong("mixes the plans", picture | {"a": "histogram"})
    yield wrong("five numbers", picture | {"b": "boxes"})
    yield wrong("3 million rows", picture | {"c": "boxes"})
    yield wrong("say nothing about the channel", picture | {"d": "sorted bars"})
    yield wrong("sorted by length", picture | {"e": "histogram"})
    yield wrong("is not one of the words", picture | {"e": "pie"})


@exercise(
    "3.3",
    objective="ASC-2.02",
    hint="The wrong value is part of the mean and of the deviation. What is the most it can get away from them?",
)
def the_rule_judges_itself(fate):
    small, large, many = keys = ["10 rows", "10 rows, 1000 times larger", "100 rows"]
    _words(fate, keys, {"kept", "dropped"}, "fate")
    assert not fate[small] == fate[large] == "dropped", (
        "10 rows: the value looks absurd next to the nine, but the rule uses a deviation that the value itself inflates."
    )
    assert fate[small] == "kept", (
        "10 rows: mean and deviation of all ten include the wrong value. Compute its distance."
    )
    assert fate[large] == "kept", "10 rows: a larger value makes the deviation larger in step, so size does not help."
    assert fate[many] == "dropped", "100 rows: with 99 good rows one value can be almost 10 deviations away. Compare 3."


@trials("3.3")
def _(_spark):
    fate = {"10 rows": "kept", "10 rows, 1000 times larger": "kept", "100 rows": "dropped"}
    yield right(fate)
    yield wrong("itself inflates", dict.fromkeys(fate, "dropped"))
    yield wrong("size does not help", fate | {"10 rows, 1000 times larger": "dropped"})
    yield wrong("almost 10 deviations", fate | {"100 rows": "kept"})
    yield wrong("lacks an answer", {"10 rows": "kept"})


@exercise(
    "3.4",
    objective=("ASC-2.02", "ASC-2.06"),
    hint="approxQuantile takes a column that exists: select the logarithm first. What does a comparison with null give?",
)
def outliers_go_and_nulls_stay(kept, customers):
    assert isinstance(kept, DataFrame), "kept should be a DataFrame: customers with a condition."
    assert kept.columns == customers.columns, (
        f"kept has the columns {kept.columns}: keep those of customers, and do the logarithm in the condition."
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
    assert silent >= wanted["silent"], (
        f"{wanted['silent'] - silent} customers without income are lost: a comparison with null is not true. Add isNull()."
    )
    assert outside + lost == 0 or inside + outside != wanted["plain"], (
        "These are the limits of income itself. On the plain scale the rule cuts off the whole upper tail: take the log."
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
    _words(measure, "abcde", {"pearson", "spearman", "mutual information", "cramer", "mann-whitney"}, "measure")
    assert measure["a"] not in ("pearson", "spearman"), (
        "a: countries and plans have no order. A correlation of their index numbers changes with the numbering."
    )
    assert measure["a"] == "cramer", (
        "a: two categorical columns: chi-square on the counts, and Cramér's V for strength."
    )
    assert measure["b"] != "pearson", (
        "b: the question is about rising, not about a line, and the long tails rule Pearson."
    )
    assert measure["b"] == "spearman", "b: does one rise with the other, in any shape? That is a question about ranks."
    assert measure["c"] == "mann-whitney", "c: two groups of a skewed continuous column: a rank test of two groups."
    assert measure["d"] not in ("pearson", "spearman"), "d: down and then up: both correlations cancel to about zero."
    assert measure["d"] == "mutual information", (
        "d: hour and streams are numbers, and the relation has neither direction."
    )
    assert measure["e"] == "pearson", (
        "e: the tariff is a straight line, which is just what one of the measures asks for."
    )


@trials("3.5")
def _(_spark):
    measure = {"a": "cramer", "b": "spearman", "c": "mann-whitney", "d": "mutual information", "e": "pearson"}
    yield right(measure)
    yield wrong("changes with the numbering", measure | {"a": "pearson"})
    yield wrong("the long tails", measure | {"b": "pearson"})
    yield wrong("rank test of two groups", measure | {"c": "spearman"})
    yield wrong("cancel to about zero", measure | {"d": "spearman"})
    yield wrong("straight line", measure | {"e": "cramer"})


@exercise(
    "3.6",
    objective="ASC-2.05",
    hint="Who are the people with a gap: like the others, letter writers, or the unsatisfied? Do filled rows vary?",
)
def what_the_mean_bends(bias):
    keys = ["household mean", "household deviation", "hours mean", "satisfaction mean"]
    _words(bias, keys, {"about right", "too small", "too large"}, "bias")
    assert bias["household mean"] == "about right", (
        "household mean: the gaps are chance alone, so the known values are a fair sample. Adding their mean keeps it."
    )
    assert bias["household deviation"] != "about right", (
        "household deviation: filled rows all hold one value. They add rows and no variation."
    )
    assert bias["household deviation"] == "too small", "household deviation: does a constant add to the variation?"
    assert bias["hours mean"] != "about right", (
        "hours mean: most of those with a gap write letters and watch more than the mean that they are given."
    )
    assert bias["hours mean"] == "too small", (
        "hours mean: letter writers watch more, and their values are the missing ones."
    )
    assert bias["satisfaction mean"] != "about right", (
        "satisfaction mean: the known values are those of satisfied people. Their mean is a mean of a selection."
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
    yield wrong("than the mean that they are given", bias | {"hours mean": "about right"})
    yield wrong("mean of a selection", bias | {"satisfaction mean": "about right"})
    yield wrong("the low values", bias | {"satisfaction mean": "too small"})


@exercise(
    "3.7",
    objective=("ASC-2.05", "ASC-2.06"),
    hint="One median for each channel, from train. A left join brings it to new; coalesce uses it only in the gaps.",
)
def group_median_of_the_training_rows(fill_hours):
    assert callable(fill_hours), "fill_hours should be a function of train and new."
    from lakehouse.spark import get_spark

    spark = get_spark()
    columns = "customer_id int, channel string, hours double"
    old = [(k, "app", hours) for k, hours in enumerate([1.0, 2.0, 3.0, 30.0, 2.0])]
    old += [(k, "letter", hours) for k, hours in enumerate([10.0, 12.0, 14.0, 50.0, None, 12.0], start=10)]
    rows = [(20, "app", None), (21, "letter", None), (22, "letter", 40.0), (23, "app", 4.0), (24, "letter", 44.0)]
    train, new = spark.createDataFrame(old, columns).coalesce(1), spark.createDataFrame(rows, columns).coalesce(1)
    result = fill_hours(train, new)
    assert isinstance(result, DataFrame), "fill_hours should return a DataFrame."
    assert sorted(result.columns) == sorted(new.columns), (
        f"The result has the columns {result.columns}: give back those of new and no helper column."
    )
    hours = {row["customer_id"]: row["hours"] for row in result.collect()}
    assert set(hours) == {20, 21, 22, 23, 24}, (
        f"{len(hours)} of 5 customers come back: fill the gaps of new, drop nobody and add nobody of train."
    )
    assert hours[22] == 40 and hours[23] == 4, "Hours that somebody told were changed. Only gaps are filled."
    assert hours[20] is not None and hours[21] is not None, "There are still gaps in hours."
    assert (hours[20], hours[21]) != (4.0, 42.0), (
        "The gaps hold the medians of new. They must come from train: one customer of tonight has no median of her own."
    )
    assert hours[20] != hours[21], (
        f"App and letter got the same {hours[20]:g} hours. Letter writers watch more: one median for each channel."
    )
    assert not (hours[20] == 7.6 or hours[21] == 19.6), (
        "These are means. One heavy viewer pulls them up: take the median."
    )
    assert (hours[20], hours[21]) == (2.0, 12.0), (
        f"App got {hours[20]:g} and letter {hours[21]:g} hours; the medians of train are 2 and 12."
    )


@trials("3.7")
def _(_spark):
    def filler(statistic, by_channel=True, learn_from_new=False, clean=True):
        def fill_hours(train, new):
            source = new if learn_from_new else train
            if not by_channel:
                return new.fillna(source.agg(statistic("hours")).first()[0], subset=["hours"])
            learnt = source.groupBy("channel").agg(statistic("hours").alias("typical"))
            joined = new.join(learnt, "channel", "left").withColumn("hours", F.coalesce("hours", "typical"))
            return joined.select(new.columns) if clean else joined

        return fill_hours

    yield right(filler(F.median))
    yield wrong("must come from train", filler(F.median, learn_from_new=True))
    yield wrong("one median for each channel", filler(F.median, by_channel=False))
    yield wrong("These are means", filler(F.mean))
    yield wrong("no helper column", filler(F.median, clean=False))
    yield wrong("drop nobody", lambda train, new: new.dropna())
    yield wrong("still gaps", lambda train, new: new)


@exercise(
    "3.8",
    objective="ASC-2.06",
    hint="SimpleImputer has an argument that adds a column which says where it filled something in.",
)
def the_gap_reaches_the_model(model):
    from sklearn.base import clone

    assert hasattr(model, "fit") and hasattr(model, "predict_proba"), (
        "model should be a pipeline that ends in a classifier such as LogisticRegression."
    )
    # The number says nothing, the gap says all.
    silent = np.arange(400) % 4 == 0
    score = np.where(silent, np.nan, 40.0 + np.arange(400) % 40)
    frame = pd.DataFrame({"satisfaction": score})
    recommends = np.where(silent, np.arange(400) % 40 == 0, np.arange(400) % 10 != 1).astype(int)
    try:
        fitted = clone(model).fit(frame, recommends)
    except ValueError as error:
        if "NaN" not in str(error):
            raise
        raise AssertionError("The model gets NaN: the first step of the pipeline must fill the gaps.") from None
    asked = pd.DataFrame({"satisfaction": [np.nan, float(np.nanmedian(score)), float(np.nanmean(score)), 0.0, -1.0]})
    gap, median, mean, zero, minus = fitted.predict_proba(asked)[:, 1]
    assert min(abs(gap - median), abs(gap - mean)) > 0.05, (
        "A customer who told nothing gets the score of an ordinary one: the gap is filled and forgotten. Add an indicator."
    )
    assert min(abs(gap - zero), abs(gap - minus)) > 1e-9, (
        "The gap is filled with a constant outside the range. A line through it bends the weight of all real answers: "
        "use the median, and a column of its own for the gap."
    )


@trials("3.8")
def _(_spark):
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    line = LogisticRegression()
    yield right(make_pipeline(SimpleImputer(strategy="median", add_indicator=True), line))
    yield wrong("filled and forgotten", make_pipeline(SimpleImputer(strategy="median"), line))
    yield wrong("must fill the gaps", line)
    yield wrong("outside the range", make_pipeline(SimpleImputer(strategy="constant", fill_value=-1), line))
    yield wrong("ends in a classifier", make_pipeline(SimpleImputer(strategy="median", add_indicator=True)))


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
    outputs = [_output(stage) for stage in stages]
    assert "v" in outputs, "No stage writes the column v: name it as the output of the encoder."
    spark = get_spark()
    train = spark.createDataFrame([("film",), ("film",), ("sport",)], "genre string").coalesce(1)
    new = spark.createDataFrame([("film",), ("sport",), ("opera",), (None,)], "genre string").coalesce(1)
    try:
        rows = Pipeline(stages=list(stages)).fit(train).transform(new).collect()
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        unseen = "nseen label" in text or "handleInvalid" in text or "NULL value" in text
        assert not unseen, "An unseen genre stops the job: the indexer's handleInvalid is still 'error'."
        assert "must be of type numeric" not in text, (
            "The encoder takes indices, not strings: put the indexer before it."
        )
        raise
    assert len(rows) == 4, f"{4 - len(rows)} of 4 rows are lost: skip drops unknown genres instead of encoding them."
    assert hasattr(rows[0]["v"], "toArray"), "v holds plain numbers: an index is not one-hot. Add the encoder."
    film, sport, opera, null = (row["v"].toArray().tolist() for row in rows)
    assert any(opera) and any(null), (
        "The unknown genre is all zeros: keep adds its category as the last one, and the last one is left out."
    )
    assert any(film) and any(sport), "A known genre has no place of its own."
    assert sorted([film, sport, opera]) == [[0, 0, 1], [0, 1, 0], [1, 0, 0]], (
        f"film {film}, sport {sport} and opera {opera} should have one place each."
    )


def _output(stage: Any) -> str | None:
    if not hasattr(stage, "getOutputCol"):
        return None
    try:
        return str(stage.getOutputCol())
    except Exception:
        return None


@trials("3.9")
def _(_spark):
    from pyspark.ml.feature import OneHotEncoder, StringIndexer

    def indexer(rule, out="i"):
        return StringIndexer(inputCol="genre", outputCol=out, handleInvalid=rule)

    every = OneHotEncoder(inputCol="i", outputCol="v", dropLast=False)
    yield right([indexer("keep"), every])
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
    _words(stage, "abcde", {"one-hot", "index", "hash", "target means", "leave out"}, "stage")
    assert stage["a"] != "index", (
        "a: a regression multiplies the index with one weight, as if premium were 2 times standard."
    )
    assert stage["a"] == "one-hot", "a: three levels and a linear model: a weight for each level costs two columns."
    assert stage["b"] != "one-hot", (
        "b: trees split indexed categories directly; one-hot makes them cut one level at a time."
    )
    assert stage["b"] == "index", "b: Spark's trees take the index and know from its metadata that it is a category."
    assert stage["c"] not in ("one-hot", "index"), (
        "c: there is no full list of search terms to fit, and it would be far longer than 4,096."
    )
    assert stage["c"] == "hash", "c: which encoder needs no fit, has a fixed width and a place for every new term?"
    assert stage["d"] != "leave out", "d: shops differ a lot in returns, and each has hundreds of orders to learn from."
    assert stage["d"] == "target means", (
        "d: few columns for 3,000 levels with many rows each: out-of-fold means of the label."
    )
    assert stage["e"] == "leave out", (
        "e: an id names one customer. Whatever is learnt about it is memory, and the customers to be scored are new."
    )


@trials("3.10")
def _(_spark):
    stage = {"a": "one-hot", "b": "index", "c": "hash", "d": "target means", "e": "leave out"}
    yield right(stage)
    yield wrong("2 times standard", stage | {"a": "index"})
    yield wrong("one level at a time", stage | {"b": "one-hot"})
    yield wrong("no full list", stage | {"c": "one-hot"})
    yield wrong("out-of-fold means", stage | {"d": "one-hot"})
    yield wrong("is memory", stage | {"e": "target means"})


@exercise(
    "3.11",
    objective="ASC-2.08",
    hint="Loop over the folds. For each: means of the label by code from the other folds, mapped to this fold's codes.",
)
def each_row_from_other_rows(out_of_fold):
    assert callable(out_of_fold), "out_of_fold should be a function of code, label and fold."
    index = [7, 3, 9, 4, 1, 8]
    code = pd.Series(["a", "a", "a", "b", "b", "c"], index=index)
    label = pd.Series([1, 0, 1, 1, 0, 1], index=index)
    fold = pd.Series([0, 1, 1, 0, 1, 0], index=index)
    before = label.copy()
    found = out_of_fold(code, label, fold)
    assert isinstance(found, pd.Series), f"out_of_fold should return a Series, it returned {type(found).__name__}."
    assert label.equals(before), "out_of_fold changes the labels that it was given."
    assert sorted(found.index) == sorted(index), "The result should have the index of code: one value for each row."
    found = found.reindex(index).astype(float)
    assert found.notna().all(), (
        "Some rows get no value: a code without rows in other folds takes the mean label of all rows in other folds."
    )
    by_code = label.groupby(code).transform("mean")
    assert not np.allclose(found, by_code), "Each row still sees its own label: use the rows of other folds only."
    counts = code.groupby(code).transform("size")
    rest = ((by_code * counts - label) / (counts - 1).where(counts > 1)).fillna(found)
    assert not np.allclose(found, rest), (
        "Only the row's own label is left out. Within a code the value then falls when the own label rises: leave out the fold."
    )
    inside = label.groupby([code, fold]).transform("mean")
    assert not np.allclose(found, inside), "The means come from the row's own fold: take the other folds."
    # Row 8 (code c, fold 0) has no other row of its code: the mean label of fold 1 is 1/3.
    assert not math.isclose(found[8], label.mean()), (
        "A code without rows elsewhere gets the mean of all labels, its own among them. Use the other folds here too."
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
    yield wrong("its own among them", _encoder(others, everything))
    yield wrong("own fold", _encoder(lambda mine: mine, others))
    yield wrong("leave out the fold", without_own)
    yield wrong("should return a Series", lambda code, label, fold: label.groupby(code).transform("mean").to_numpy())


@exercise(
    "3.12",
    objective="ASC-2.09",
    hint="Residuals of the training rows on the log scale; exp of each; then their mean. In this order.",
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
    assert euros.mean() > 1000, "euros is still on the log scale: a prediction of about 10 EUR a year is none."
    assert abs(factor - np.exp(residuals.mean())) > 1e-9, (
        "factor is exp of the mean residual, which is 1. First exp of each residual, then the mean."
    )
    assert abs(factor - np.exp(of_test).mean()) > 1e-9, (
        "factor was learnt from the test rows, whose incomes a model does not know. Use the training rows."
    )
    assert abs(factor - euro[test].sum() / plain.sum()) > 1e-9, (
        "factor makes the total of the test rows come out right by looking at it. In production that total is unknown."
    )
    assert min(abs(factor - wanted), abs(factor - normal)) < 2e-3, (
        f"factor is {factor:.3f}; the mean of exp(residual) over the training rows is {wanted:.3f}."
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
    yield right(float(np.exp(residuals.var() / 2)), np.exp(logs) * np.exp(residuals.var() / 2), *given)
    yield wrong("uncorrected", factor, np.exp(logs), *given)
    yield wrong("log scale", factor, logs * factor, *given)
    one = np.exp(residuals.mean())
    yield wrong("which is 1", one, np.exp(logs) * factor, *given)
    peeked = np.exp(np.log(euro[test]) - logs).mean()
    yield wrong("from the test rows", peeked, np.exp(logs) * peeked, *given)
    fitted = euro[test].sum() / np.exp(logs).sum()
    yield wrong("by looking at it", fitted, np.exp(logs) * fitted, *given)
    yield wrong("one number", residuals, np.exp(logs) * factor, *given)


@exercise(
    "3.13",
    objective=("ASC-2.06", "PRO-1.03"),
    hint="Which steps look at the label? What would change in the others if half of the rows were missing?",
)
def what_early_fits_fake(fake):
    keys = ["imputer", "scaler", "target means", "selection"]
    _words(fake, keys, {"under 0.01", "over 0.05"}, "fake")
    assert fake["imputer"] == "under 0.01", (
        "imputer: it never looks at the label, and the mean of all rows is nearly the mean of half of them. Bad habit, no fake."
    )
    assert fake["scaler"] == "under 0.01", "scaler: a slightly different shift and unit, the same for all rows."
    assert fake["target means"] == "over 0.05", (
        "target means: with a handful of rows for each code, a held-out row carries a good part of its own label."
    )
    assert fake["selection"] == "over 0.05", (
        "selection: among 3,000 columns of noise some fit the held-out rows by luck, and it chose just those."
    )


@trials("3.13")
def _(_spark):
    fake = {"imputer": "under 0.01", "scaler": "under 0.01", "target means": "over 0.05", "selection": "over 0.05"}
    yield right(fake)
    yield wrong("Bad habit, no fake", fake | {"imputer": "over 0.05"})
    yield wrong("the same for all rows", fake | {"scaler": "over 0.05"})
    yield wrong("a good part of its own label", fake | {"target means": "under 0.01"})
    yield wrong("by luck", fake | {"selection": "under 0.01"})


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
        "no income": {"income": None, "no_income": 1.0},
        "no age": {"age": None, "no_age": 1.0},
        "other plan": {"plan": "standard"},
        "other country": {"country": "FR"},
        "never seen": {"country": "XX"},
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
        assert "features" in made.columns, "There is no column features: it is the output of the assembler."
        found = {
            row["customer_id"]: row["features"].toArray() for row in made.select("customer_id", "features").collect()
        }
    except AssertionError:
        raise
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        assert not any(words in text for words in ("NOT_FOUND", "UNRESOLVED_COLUMN", "does not exist")), (
            "The recipe needs a column that the clean table does not have: the logarithm belongs inside."
        )
        assert "nseen label" not in text, (
            "A country that training has not seen stops the job: handleInvalid='keep' in the indexer."
        )
        assert "null while assembling" not in text, (
            "A gap reaches the assembler and stops the job: impute before you assemble."
        )
        raise
    lost = [name for k, name in enumerate(changes) if k not in found]
    assert not lost, f"Rows are lost ({', '.join(lost)}): nothing in the recipe may skip."
    v = {name: found[k] for k, name in enumerate(changes)}
    moved = {name: np.flatnonzero(~np.isclose(values, v["typical"])) for name, values in v.items()}
    still = [name for name in ("richer", "older", "other plan", "other country") if len(moved[name]) == 0]
    assert not still, f"features does not change with {', '.join(still)}: is an input of the assembler missing?"
    log = moved["richer"][0]
    step = v["richer"][log] - v["typical"][log]
    assert step < 100, "income goes into features in euros: take the natural logarithm."
    assert math.isclose(step, 1.0, abs_tol=1e-6), (
        f"e times the income should raise log income by 1, here by {step:.3f}: use the natural log, and do not scale."
    )
    age = moved["older"][0]
    assert math.isclose(v["older"][age] - v["typical"][age], 1.0, abs_tol=1e-6), "age should be in years, unscaled."
    for gap, place in (("no income", log), ("no age", age)):
        flags = [k for k in moved[gap] if k != place]
        assert flags, f"The flag of {gap} does not reach features: add no_age and no_income to the assembler."
    told = train.agg(
        F.percentile_approx(F.log("income"), F.array(F.lit(0.45), F.lit(0.55)), 10_000).alias("log_income"),
        F.percentile_approx("age", F.array(F.lit(0.45), F.lit(0.55)), 10_000).alias("age"),
    ).first()
    for gap, place, (low, high) in (("income", log, told["log_income"]), ("age", age, told["age"])):
        fill = v[f"no {gap}"][place]
        assert low - 0.01 <= fill <= high + 0.01, (
            f"A missing {gap} becomes {fill:.2f}, far from the middle of the training rows: impute the median of the "
            f"{'logarithm' if gap == 'income' else 'years'}."
        )
    assert np.array_equal(v["Poland"], v["never seen"]), (
        "The recipe knows Poland, which no training row has: it was fitted on all rows. Fit it on train."
    )
    for name in ("other plan", "other country"):
        jump = v[name] - v["typical"]
        assert set(np.abs(jump[moved[name]]).round(6)) == {1.0} and len(moved[name]) <= 2 and v[name].max() > 0, (
            f"{name}: a level should switch one place on and one off. Is the encoder missing?"
        )
    assert len(v["typical"]) > 6, (
        "country and plan take one place each, as index numbers. For a linear model encode them one-hot."
    )
    return f"{len(v['typical'])} places, learnt from {train.count():,} training rows."


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

    def recipe(log="ln(income)", rule="keep", with_flags=True, onehot=True, inside=True):
        encoded = ["c_v", "p_v"] if onehot else ["c", "p"]
        stages = [SQLTransformer(statement=f"SELECT *, {log} AS log_income FROM __THIS__")] if inside else []
        stages += [
            Imputer(strategy="median", inputCols=["age", "log_income"], outputCols=["a", "l"]),
            StringIndexer(inputCols=["country", "plan"], outputCols=["c", "p"], handleInvalid=rule),
        ]
        if onehot:
            stages.append(OneHotEncoder(inputCols=["c", "p"], outputCols=["c_v", "p_v"]))
        wanted = ["a", "l", *(flags if with_flags else []), *encoded]
        return Pipeline(stages=[*stages, VectorAssembler(inputCols=wanted, outputCol="features")])

    yield right(recipe().fit(train), train)
    yield wrong("not fitted yet", recipe(), train)
    yield wrong("fitted on all rows", recipe().fit(everybody), train)
    yield wrong("in euros", recipe(log="income").fit(train), train)
    yield wrong("use the natural log", recipe(log="log10(income)").fit(train), train)
    yield wrong("nothing in the recipe may skip", recipe(rule="skip").fit(train), train)
    yield wrong("stops the job", recipe(rule="error").fit(train), train)
    yield wrong("does not reach features", recipe(with_flags=False).fit(train), train)
    yield wrong("belongs inside", recipe(inside=False).fit(train.selectExpr("*", "ln(income) AS log_income")), train)
