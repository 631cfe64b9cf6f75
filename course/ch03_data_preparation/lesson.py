# %% [markdown]
# # 03 · Data preparation
# ## What does the data say before any model?
#
# A model learns from the prepared columns, and every preparation step changes them. Filling a gap invents values, dropping an outlier removes a
# customer, and an encoder that has seen the test labels makes any model look good. None of these raises an error. In this chapter you measure
# what each step does, on data whose truth is known.
#
# **You will be able to**
#
# | | objective |
# |---|---|
# | read summary statistics from `summary` and `dbutils.data.summarize`, and say what they hide | ASC-2.01 |
# | remove outliers by standard deviation or by IQR, and see which customers that removes | ASC-2.02 |
# | choose the plot for a categorical and for a continuous column | ASC-2.03 |
# | compare two columns with the method that fits their types | ASC-2.04 |
# | contrast mean, median and mode imputation, and impute | ASC-2.05, ASC-2.06 |
# | one-hot encode, and say when another encoding is better | ASC-2.07, ASC-2.08 |
# | say when to take the logarithm, and convert predictions back without bias | ASC-2.09 |
# | choose the transformer or estimator for a stated need | PRO-1.03 |
#
# **The pipeline so far**: the raw tables of a streaming service, written as Delta tables in chapter 02. This chapter adds a customer survey; you
# end with a clean customer table and a fitted recipe. Chapter 04 turns the raw tables into feature tables.
#
# Time: about 100 minutes. Every exercise has a `hint`. A check that says *todo* waits for you; it never stops the notebook.

# %% tags=["parameters"]
catalog = "main"
schema = "churn"
n_customers = 2000
seed = 7

# %%
from workbook import check, hint, pictures, start
from course import churn
from course.ch03_data_preparation import drawings, experiments
from course.ch03_data_preparation.survey import ANSWERS, survey, to_spark

import numpy as np
import pandas as pd
from pyspark.errors import PySparkException
from pyspark.ml import Estimator, Pipeline
from pyspark.ml import feature as ml
from pyspark.ml.classification import DecisionTreeClassifier
from pyspark.ml.stat import ChiSquareTest, Correlation
from pyspark.sql import Window
from pyspark.sql import functions as F
from scipy import stats
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import mutual_info_regression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor

ws = start("03_data_preparation", catalog=catalog, schema=schema, n_customers=n_customers, seed=seed)
customers = spark.table(ws.table("raw_customers")).dropDuplicates(["customer_id"])
usage = spark.table(ws.table("raw_usage"))
payments = spark.table(ws.table("raw_payments"))

# %% [markdown]
# ## 1 · Summary statistics
#
# Start with `df.summary()`: it returns eight statistics, one per row, for every numeric or string column. Five rows of data are enough to learn
# how to read it.

# %% tags=["nbval-check-output"]
few = spark.createDataFrame(
    [(10.0, "basic"), (50.0, "standard"), (70.0, None), (130.0, "standard"), (None, "basic")],
    "amount double, plan string",
)
display(few.summary())
print(dict(few.summary().dtypes))

# %% [markdown]
# Notice four things:
#
# * `count` counts the values that are **not null**: 4 of 5 in both columns. There is no row for nulls; compare `count` with `df.count()`.
# * A string column has a minimum and a maximum as text ("10" comes before "9"). Its mean, standard deviation and percentiles are null, unless its
#   strings are numbers.
# * `50%` of `amount` is 50, although the middle of 50 and 70 is 60. The percentiles of `summary` are values that occur in the column; `F.median`
#   returns 60.
# * Every column of the result is a **string**. Cast before you compute with it.
#
# You can ask for other statistics by name, such as `df.summary("count", "count_distinct")`. `df.describe()` returns the same without the
# percentiles.
#
# On Databricks, `dbutils.data.summarize(df)` shows more with less typing. Look at the column `distinct` of the key:

# %%
dbutils.data.summarize(customers)

# %% [markdown]
# `customer_id` is unique, because the duplicates were removed when the table was read. Yet the number of distinct ids may differ from the number
# of rows: it is an **estimate**, because exact counts of distinct values are slow on large tables. `precise=True` returns exact counts and takes
# longer:

# %%
dbutils.data.summarize(customers, precise=True)

# %% [markdown]
# > **On the exam** `summary`, `describe` and `dbutils.data.summarize` are all called summary statistics; `summarize` counts distinct values
# > without being asked, and approximates unless you ask for `precise=True`. **On Databricks** `summarize` also draws a small histogram for each
# > column; the estimate of distinct values is documented for categorical columns, and histograms and percentiles keep a tiny error even with
# > `precise=True`. You can add charts and a data profile to the table that `display(df)` shows. **Here** `summarize` is a plain table that
# > estimates the distinct values of every column, and its precise median is exact.
#
# ### The mean of a skewed column
# `usage` has one row for each customer and week. How many minutes does such a row hold? The mean and the median give different answers:

# %% tags=["nbval-check-output"]
minutes = usage.agg(F.avg("minutes").alias("mean"), F.median("minutes").alias("median")).first()
below = usage.agg(F.avg((F.col("minutes") < minutes["mean"]).cast("double"))).first()[0]
print(f"mean {minutes['mean']:.0f} minutes, median {minutes['median']:.0f} minutes")
print(f"{100 * below:.0f} % of all weeks are below the mean")

# %% [markdown]
# Two thirds of the weeks are "below average", because a few long weeks pull the mean to the right. Neither number is wrong. The **mean** answers
# questions about the total: the mean times the number of weeks is the traffic that the network must carry. The **median** answers questions about
# the typical row. A report that quotes the mean as "a typical week" overstates it by half.
#
# Quartiles mean the same whatever the distribution: at most a quarter of the rows lies below the first, and at most a quarter above the third.
# "The mean plus or minus two standard deviations holds 95 %, with as many rows below as above" is promised only for a normal column.
#
# ### Exercise 3.1 - null is not NaN
# A column holds four rows: 100.0, 50.0, NaN (an earlier job divided 0 by 0) and null. **Before you run anything**, predict three results. Answer
# with a dictionary from these keys to numbers; write `float("nan")` where you expect NaN.
#
# * `"spark count"`: `F.count("x")` in Spark
# * `"spark max"`: `F.max("x")` in Spark
# * `"pandas count"`: `.count()` of the same column in pandas

# %%
### BEGIN SOLUTION
gaps = {"spark count": 3, "spark max": float("nan"), "pandas count": 2}
### END SOLUTION
check("3.1", gaps)

# %% tags=["nbval-check-output"]
x = spark.createDataFrame([(100.0,), (50.0,), (float("nan"),), (None,)], "x double")
without_nan = x.select(F.nanvl("x", F.lit(None).cast("double")).alias("x"))
for name, frame in (("with NaN", x), ("NaN to null", without_nan)):
    found = frame.agg(F.count("x").alias("count"), F.max("x").alias("max"), F.avg("x").alias("avg")).first()
    print(f"Spark, {name:11}", found.asDict())
print("pandas            ", {"count": int(x.toPandas()["x"].count()), "max": float(x.toPandas()["x"].max())})

# %% [markdown]
# Null means "no value", and Spark skips it. NaN is a **value** of type double: Spark counts it, sorts it above all other numbers, and any sum or
# mean that includes it becomes NaN. In pandas both mean "missing". Use `nanvl` to turn NaN into null when you read the data.

# %% [markdown]
# ## 2 · Distributions
#
# A summary has eight numbers; a picture shows the shape. For a large table, count the rows of each interval **in Spark** and draw the counts.
# Spark reads every row, but only the counts reach the driver.


# %%
def histogram(df, column, width):
    """Left edge and number of rows of each interval, counted in Spark."""
    edge = (F.floor(F.col(column) / width) * width).alias("edge")
    return df.where(F.col(column).isNotNull()).groupBy(edge).count().orderBy("edge").toPandas()


plain = histogram(usage, "minutes", 25)
logged = histogram(usage.where("minutes > 0").withColumn("log_minutes", F.log10("minutes")), "log_minutes", 0.1)

# %% tags=["picture"]
drawings.two_axes(plain, logged, minutes["mean"], minutes["median"])

# %% [markdown]
# ### A sample must be random
# Plotting libraries want pandas, and the quick way to get some rows is `limit`. It takes the rows that are easiest to reach, usually those of the
# first files. If the table was written in some order, you see only one end of it.

# %% tags=["picture"]
in_order = usage.where("minutes > 0").orderBy("minutes")  # stands for a table that was written in this order
drawings.first_and_random(
    in_order.limit(2000).toPandas()["minutes"],
    in_order.sample(fraction=0.05, seed=seed).toPandas()["minutes"],
)

# %% [markdown]
# `sample(fraction, seed)` gives every row the same chance, wherever it is stored.
#
# ### The survey
# The rest of the chapter uses a second source. The service asked its customers, by app or by letter:
#
# * How many people live in your household? (`household`)
# * Which genre do you like best? (`genre`)
# * How many hours do you watch in a week? (`hours`)
# * How satisfied are you, from 0 to 100? (`satisfaction`)
# * Would you recommend us? (`recommends`)
#
# `survey.py` in the chapter's folder generates the answers and also the true values, even for skipped questions. No real company has these, but
# here they let us measure every error.

# %% tags=["nbval-check-output"]
ids = [row["customer_id"] for row in customers.select("customer_id").orderBy("customer_id").collect()]
asked = survey(ids, seed=seed)  # pandas: answers and true values
answers = to_spark(spark, asked)  # Spark: what a company would have
print(", ".join(ANSWERS))
gap_shares = asked[["household", "genre", "hours", "satisfaction"]].isna().mean()
print("missing:", {name: f"{100 * share:.0f} %" for name, share in gap_shares.items()})

# %% [markdown]
# ### What a box plot hides
# How long did the answers take? Here are two views of the same column:

# %% tags=["picture"]
drawings.box_and_histogram(asked["answer_days"])

# %% [markdown]
# The box goes from the first to the third quartile with a line at the median. The whiskers reach to the last values within 1.5 IQR of the box,
# and values beyond are dots. Such a picture cannot show two humps. The histogram shows them and makes you ask which two groups these are: some
# customers answered by app and the others by letter. One box **for each group** makes the difference clear, as the second of these plots shows:

# %% tags=["picture"]
drawings.gallery(asked)

# %% [markdown]
# | you look at | draw | avoid |
# |---|---|---|
# | one continuous column | histogram; box plot for a quick comparison of many columns | a bar for each distinct value |
# | one categorical column | bars of counts, sorted | a line: nothing lies between two categories |
# | continuous by categorical | one box for each category, on a shared axis | bars of means alone |
# | two categorical columns | stacked bars of shares, one bar for each level | counts, if the levels differ in size |
# | two continuous columns | scatter plot; with many rows a hexbin plot or a sample | a million dots that cover each other |
#
# ### Exercise 3.2 - which picture?
# Answer with a dictionary from each letter to one of `"histogram"`, `"boxes"`, `"stacked shares"`, `"hexbin"`, `"sorted bars"`.
#
# * a: Do premium customers watch more minutes than basic ones, and do they vary more?
# * b: Is there more than one kind of delivery time in this column?
# * c: For 3 million customers, do minutes go up with income?
# * d: Do basic, standard and premium customers pay by the same mix of methods?
# * e: Which of 12 ticket topics is the most frequent?

# %%
### BEGIN SOLUTION
picture = {"a": "boxes", "b": "histogram", "c": "hexbin", "d": "stacked shares", "e": "sorted bars"}
### END SOLUTION
check("3.2", picture)

# %% [markdown]
# ## 3 · Outliers
#
# Two rules are common:
#
# * **Standard deviation**: drop x < mean - 3 s or x > mean + 3 s, where s is the standard deviation.
# * **IQR**: drop x < Q1 - 1.5 IQR or x > Q3 + 1.5 IQR, where Q1 and Q3 are the quartiles and IQR = Q3 - Q1.
#
# On a normal column they drop 0.3 % and 0.7 % of the rows. Minutes are not normal, and every one of these weeks is genuine: the generator made no
# errors.

# %% tags=["nbval-check-output"]
spread = usage.agg(F.avg("minutes").alias("mean"), F.stddev("minutes").alias("sd")).first()
q1, q3 = usage.approxQuantile("minutes", [0.25, 0.75], 0.0)
limits = {
    "3 deviations": (spread["mean"] - 3 * spread["sd"], spread["mean"] + 3 * spread["sd"]),
    "1.5 IQR": (q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)),
}
weeks = usage.count()
watched = usage.agg(F.sum("minutes")).first()[0]
lost = {}
for rule, (low, high) in limits.items():
    kept_weeks = usage.where(F.col("minutes").between(low, high))
    lost[rule] = 1 - kept_weeks.agg(F.sum("minutes")).first()[0] / watched
    print(f"{rule:12} keeps {low:4.0f} to {high:3.0f} minutes, drops", end=" ")
    print(f"{100 - 100 * kept_weeks.count() / weeks:.1f} % of the weeks and {100 * lost[rule]:.0f} % of all minutes")

dropped = (F.col("minutes") > limits["1.5 IQR"][1]).cast("double")
by_plan = usage.join(customers, "customer_id").groupBy("plan").agg(F.avg(dropped).alias("share")).collect()
print("weeks that the IQR rule drops:", {row["plan"]: f"{100 * row['share']:.1f} %" for row in sorted(by_plan)})

# %% [markdown]
# The IQR rule removed almost a third of everything that was ever watched. It dropped premium weeks about five times as often as basic weeks and
# twice as often as standard weeks. Both lower limits are negative, so nothing is cut off there (`between` includes its limits). On a long right
# tail the IQR rule is the stricter one: the tail inflates the standard deviation but hardly moves the quartiles.

# %% tags=["picture"]
a, b = usage.where("minutes > 0").select(F.log10("minutes").alias("x")).approxQuantile("x", [0.25, 0.75], 0.0)
log_limits = (a - 1.5 * (b - a), b + 1.5 * (b - a))
drawings.outlier_limits(plain, logged, {rule: high for rule, (_, high) in limits.items()}, log_limits, lost)

# %% [markdown]
# If a column is skewed because its values multiply (money, durations, counts), apply the rule to its **logarithm** (zeros apart, since log(0) is
# null). Before you drop anything, ask what the value is:
#
# * an error: correct it or set it to null
# * a genuine extreme: keep it, take the log, or cap it: `F.least("minutes", F.lit(high))` keeps the row and replaces a larger value by `high`
# * another population: model it separately
#
# Limits are learnt from data, so compute them from the training rows and apply the same numbers to all other rows (section 10).
#
# The weeks outside the log limits are genuine too: most of them are the last weeks of customers who are leaving, when the minutes fall to almost
# nothing. A churn model may not use them either, because this fall comes after the moment of prediction (chapter 04).
#
# ### The IQR of a column that is mostly zero
# `late_days` says how late a payment was. Most payments are on time:

# %% tags=["nbval-check-output"]
q1, q3 = payments.approxQuantile("late_days", [0.25, 0.75], 0.0)
late = payments.where("late_days > 0")
survivors = late.where(F.col("late_days").between(q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)))
print(f"Q1 = {q1:.0f}, Q3 = {q3:.0f}; late payments before the rule: {late.count():,}, after it: {survivors.count()}")

# %% [markdown]
# The IQR is 0 and so are both limits: the rule removed **every late payment**, and late payments are one of the reasons why these customers
# leave. Before you apply one rule to all columns, look at the share of each column's most frequent value.
#
# ### Exercise 3.3 - one wrong number
# Weekly minutes of a few customers lie between 100 and 140. One was exported in the wrong unit and says 7,200,000. The rule of 3 standard
# deviations is computed from these same rows. Predict what happens to the wrong value. Answer with a dictionary from these keys to `"kept"` or
# `"dropped"`:
#
# * `"10 rows"`: nine good rows and the wrong one
# * `"10 rows x 1000"`: the same, but the wrong value is 1,000 times larger
# * `"100 rows"`: 99 good rows and the wrong one

# %%
### BEGIN SOLUTION
fate = {"10 rows": "kept", "10 rows x 1000": "kept", "100 rows": "dropped"}
### END SOLUTION
check("3.3", fate)


# %% tags=["nbval-check-output"]
def distances(n, wrong_value):
    values = np.append(np.linspace(100, 140, n - 1), wrong_value)
    middle = np.median(values)
    deviations = abs(wrong_value - values.mean()) / values.std(ddof=1)
    robust = abs(wrong_value - middle) / (1.4826 * np.median(np.abs(values - middle)))
    return f"{deviations:5.2f} standard deviations from the mean, {robust:,.0f} robust deviations from the median"


print("10 rows       ", distances(10, 7_200_000))
print("10 rows x 1000", distances(10, 7_200_000_000))
print("100 rows      ", distances(100, 7_200_000))

# %% [markdown]
# The wrong value pulls the mean towards itself and inflates the standard deviation. Among n rows no value can be further than (n - 1) / sqrt(n)
# sample standard deviations from the mean. For ten rows that is 2.85, so the rule never triggers, however large the value. Compute the limits
# from a clean reference period, or use the median and the median absolute deviation ("robust deviations" above), which one bad row hardly moves.
#
# ### The filter that also drops nulls
# Suppose an imputer will fill `income` later. Count the rows without income before and after a filter:

# %% tags=["nbval-check-output"]
nulls = customers.where("income IS NULL").count()
filtered = customers.where(F.col("income").between(0, 1_000_000))  # limits that no income exceeds
print(f"{nulls} customers without income; after the filter: {filtered.where('income IS NULL').count()}")

# %% [markdown]
# A comparison with null is null, and `where` keeps a row only if its condition is true. The same happens with `income < limit` and `income != 0`.
#
# ### Exercise 3.4 - drop outliers, keep nulls
# Create `kept`, a Spark DataFrame: the rows of `customers` without outliers of income. Apply the IQR rule with factor 1.5 to the **natural
# logarithm** of `income`, with exact quartiles (relative error 0.0). Keep the customers without income, and keep the columns as they are.

# %%
### BEGIN SOLUTION
_log_income = F.log("income")
_low, _high = customers.select(_log_income.alias("x")).approxQuantile("x", [0.25, 0.75], 0.0)
_reach = 1.5 * (_high - _low)
kept = customers.where(F.col("income").isNull() | _log_income.between(_low - _reach, _high + _reach))
### END SOLUTION
check("3.4", kept, customers)

# %% [markdown]
# ## 4 · Comparing two features
#
# Are two columns related? The method depends on the types of the columns. The wrong method also returns a number, but it answers a different
# question.
#
# | columns | question | measure of strength | test |
# |---|---|---|---|
# | two continuous | do they lie on a line? | Pearson's r | its p-value |
# | two continuous or ordered | does one always rise with the other? | Spearman's rank correlation | its p-value |
# | two continuous, any shape | does knowing one tell you anything about the other? | mutual information | permutation |
# | two categorical | do the shares differ? | Cramér's V | chi-square on the table of counts |
# | continuous by two groups | do the groups differ? | difference of the means, in standard deviations (Cohen's d); rank-biserial | t-test, Mann-Whitney for skewed columns |
# | continuous by several groups | do any groups differ? | share of variance explained (eta squared) | ANOVA, Kruskal-Wallis for skewed columns |
#
# The picture shows two continuous columns in four shapes:

# %% tags=["picture"]
rng = np.random.default_rng(3)
across = rng.uniform(0, 10, 150)
shapes = {
    "line": 2 * across + rng.normal(0, 2, 150),
    "steep curve": np.exp(across),
    "U": (across - 5) ** 2 + rng.normal(0, 1, 150),
    "nothing": rng.normal(0, 1, 150),
}
found = {
    name: (np.corrcoef(across, up)[0, 1], stats.spearmanr(across, up).statistic,
           mutual_info_regression(across[:, None], up, random_state=0)[0])
    for name, up in shapes.items()
}  # fmt: skip
drawings.four_shapes(across, shapes, found)

# %% [markdown]
# Pearson measures how close the points are to a **line**, so it understates the strength of the curve. Spearman works on ranks: it is 1 for any
# relation that only rises. Neither detects the U, where falling and rising cancel. Mutual information does, but it does not tell you the shape or
# the direction. So look at a plot first. If you see a U, the distance from its lowest point is the better feature.
#
# In Spark, rank correlations are in `pyspark.ml.stat` and need one vector column, which `VectorAssembler` makes from several columns.
# `df.stat.corr` supports only Pearson:

# %% tags=["nbval-check-output"]
both = answers.dropna(subset=["hours", "satisfaction"])
try:
    both.stat.corr("hours", "satisfaction", method="spearman")
except (PySparkException, ValueError) as error:
    print(type(error).__name__, "- df.stat.corr has no Spearman")
vectors = ml.VectorAssembler(inputCols=["hours", "satisfaction", "answer_days"], outputCol="v").transform(both)
for method in ("pearson", "spearman"):
    matrix = Correlation.corr(vectors, "v", method).head()[0].toArray()
    print(f"{method:8} hours and satisfaction {matrix[0, 1]:.2f}, hours and answer_days {matrix[0, 2]:.2f}")

# %% [markdown]
# ### Two categorical columns
# Does the favourite genre depend on the channel? Spark counts the pairs of levels. The table of counts is small, whatever the number of rows, so
# scipy can test it:

# %% tags=["nbval-check-output"]
with_genre = answers.dropna(subset=["genre"])
counts = with_genre.stat.crosstab("channel", "genre").toPandas().set_index("channel_genre").sort_index()
counts = counts[sorted(counts.columns)]
print(counts)


def cramers_v(table):
    table = np.asarray(table)
    chi_square = stats.chi2_contingency(table, correction=False).statistic
    return float(np.sqrt(chi_square / table.sum() / (min(table.shape) - 1)))


print(f"\nCramér's V {cramers_v(counts):.2f}, p below 0.001: {stats.chi2_contingency(counts).pvalue < 0.001}")
indexed = ml.StringIndexer(inputCols=["channel", "genre"], outputCols=["c", "g"]).fit(with_genre).transform(with_genre)
tested = ChiSquareTest.test(ml.VectorAssembler(inputCols=["g"], outputCol="v").transform(indexed), "v", "c").head()
print(f"the same test in Spark, p below 0.001: {tested['pValues'][0] < 0.001}")

# %% [markdown]
# Cramér's V goes from 0 (unrelated) to 1 (one column determines the other). Do not number the levels and correlate the numbers: the result
# depends on an arbitrary order.

# %% tags=["nbval-check-output"]
by_row = with_genre.select("channel", "genre").toPandas()
genres = sorted(by_row["genre"].unique())
channel = (by_row["channel"] == "letter").astype(int)
shuffle = np.random.default_rng(4)
orders = [dict(zip(shuffle.permutation(genres), range(len(genres)), strict=True)) for _ in range(200)]
correlations = [np.corrcoef(channel, by_row["genre"].map(numbers))[0, 1] for numbers in orders]
print(f"Pearson over 200 numberings of the same genres: from {min(correlations):.1f} to {max(correlations):.1f}")

# %% [markdown]
# ### Groups of a continuous column
# `hours` is skewed, so use rank tests. For two groups, the rank-biserial effect is the chance that a random letter writer watches more than a
# random app user, minus the chance of the opposite. For the six genres, eta squared is the share of the variance that the genre explains:

# %% tags=["nbval-check-output"]
seen = asked.dropna(subset=["hours", "genre"])
by_letter, by_app = (seen.loc[seen["channel"] == name, "hours"] for name in ("letter", "app"))
u = stats.mannwhitneyu(by_letter, by_app)
effect = 2 * u.statistic / (len(by_letter) * len(by_app)) - 1
print(f"hours by channel: Mann-Whitney p below 0.001: {u.pvalue < 0.001}, rank-biserial effect {effect:.2f}")
log_hours = np.log(seen["hours"])
eta_squared = log_hours.groupby(seen["genre"]).transform("mean").var() / log_hours.var()
h = stats.kruskal(*[group for _, group in seen.groupby("genre")["hours"]])
print(f"hours by genre: Kruskal-Wallis p below 0.001: {h.pvalue < 0.001}, eta squared of log hours {eta_squared:.2f}")

# %% [markdown]
# Both p-values are tiny, but only the channel matters much: the genre explains a few per cent of the variance.
#
# ### A p-value is not a strength
# Take one table of shares that differ by less than one percentage point, at three sample sizes:

# %% tags=["nbval-check-output"]
for factor in (1, 30, 1000):
    table = np.array([[505, 495], [497, 503]]) * factor
    p = stats.chi2_contingency(table, correction=False).pvalue
    print(f"{table.sum():9,} rows: V = {cramers_v(table):.3f}, p = {p:.3f}")

# %% [markdown]
# The effect is the same; only the number of rows makes it "significant". On a large table even a trivial difference is significant, so report the
# effect size and use the p-value only as evidence that there is some association.
#
# > **On the exam** two continuous columns are compared by a correlation, two categorical ones by a chi-square test. **On Databricks** both run
# > without leaving Spark: `Correlation` of `pyspark.ml.stat` takes a vector column, `ChiSquareTest` a vector column of level indices and a label.
#
# ### Exercise 3.5 - which measure?
# Answer with a dictionary from each letter to one of `"pearson"`, `"spearman"`, `"mutual information"`, `"cramer"`, `"mann-whitney"`.
#
# * a: `country` and `plan`; you also want a chi-square test
# * b: income and minutes, both with a long tail; you only care whether one rises with the other
# * c: minutes of customers with and without a ticket, a long tail in both groups
# * d: number of active streams and hour of the day, low at noon and high in the morning and at night
# * e: weight of a parcel in kg and its price, a tariff of 2 EUR plus 1.50 EUR for each kg

# %%
### BEGIN SOLUTION
measure = {"a": "cramer", "b": "spearman", "c": "mann-whitney", "d": "mutual information", "e": "pearson"}
### END SOLUTION
check("3.5", measure)

# %% [markdown]
# ## 5 · Imputation
#
# Why is a value missing? The answer decides what a fill can repair.
#
# | name | why it is missing | in the survey |
# |---|---|---|
# | missing completely at random | chance alone | `household`, `genre`: lost in the post or by a bug |
# | missing at random | another column that you have | `hours`: the question is on the back of the letter, and many overlook it |
# | missing not at random | the value itself | `satisfaction`: dissatisfied customers skip the question |
#
# ("At random" means at random among rows that are alike in the other columns.) Compare the share of gaps between groups: a difference rules out
# "completely at random". The data cannot rule out the third reason, because the values that would prove it are the missing ones.

# %% tags=["nbval-check-output"]
by_channel = asked.groupby("channel")[["household", "hours", "satisfaction"]]
print((100 * by_channel.agg(lambda column: column.isna().mean())).round(0).astype(int))

# %% [markdown]
# The table shows the percentage missing. For `hours` it depends on the channel, for the other two it does not. From this table `satisfaction`
# looks as harmless as `household`.
#
# ### Exercise 3.6 - what does the mean do?
# Fill the gaps of each column with the mean of its known values and compare with the **true values**. Predict the outcome: answer with a
# dictionary from these keys to `"about right"`, `"too small"` or `"too large"`.
#
# * `"household mean"`: the mean of `household`
# * `"household deviation"`: the standard deviation of `household`
# * `"hours mean"`: the mean of `hours` (letter writers watch more)
# * `"satisfaction mean"`: the mean of `satisfaction`

# %%
### BEGIN SOLUTION
bias = {
    "household mean": "about right",
    "household deviation": "too small",
    "hours mean": "too small",
    "satisfaction mean": "too large",
}
### END SOLUTION
check("3.6", bias)


# %%
def fills(column):
    """The truth, and the column after five treatments."""
    known = asked[column]
    by_channel = known.groupby(asked["channel"])
    drawn = by_channel.transform(lambda c: c.dropna().sample(len(c), replace=True, random_state=seed).to_numpy())
    return {
        "truth": asked[f"{column}_true"],
        "drop the rows": known.dropna(),
        "mean": known.fillna(known.mean()),
        "median": known.fillna(known.median()),
        "mean of the channel": known.fillna(by_channel.transform("mean")),
        "draw from the channel": known.fillna(drawn),
    }


# %% tags=["nbval-check-output"]
for column, reason in (
    ("household", "completely at random"),
    ("hours", "at random"),
    ("satisfaction", "not at random"),
):
    measured = {name: [len(v), v.mean(), v.std()] for name, v in fills(column).items()}
    print(f"{column}, missing {reason}")
    print(pd.DataFrame(measured, index=["rows", "mean", "deviation"]).T.round(2).to_string(), "\n")

# %% [markdown]
# Compare each block with its first line:
#
# * **Completely at random**: dropping rows is unbiased and only costs rows. Filling with the mean preserves the mean and shrinks the standard
#   deviation, because filled rows do not vary.
# * **At random**: if you drop the rows or fill every gap with one number, the mean is about an hour too low, because most gaps are those of
#   letter writers. The mean **of the channel** corrects the mean. Drawing known values of the channel also corrects the standard deviation.
# * **Not at random**: after every treatment customers look about six points more satisfied than they are. Only the true values show it. A fill
#   from other columns that are related to satisfaction (`hours`, `recommends`) would remove a part of this bias, but not all of it.
#
# A fill never adds information. It makes the rows usable, at the cost of distorting some property; you choose which.

# %% tags=["picture"]
letters = asked["channel"] == "letter"
shown = ["truth", "mean", "mean of the channel", "draw from the channel"]
drawings.filled_hours({name: values[letters] for name, values in fills("hours").items() if name in shown})

# %% [markdown]
# The picture shows letter writers only. Filling with the mean also weakens correlations, since a filled value does not follow the other column.
# Delete half of the true satisfaction at random and fill with the mean:

# %% tags=["nbval-check-output"]
half = asked["satisfaction_true"].mask(np.random.default_rng(1).random(len(asked)) < 0.5)
for name, column in (("known rows", half), ("filled rows", half.fillna(half.mean()))):
    print(f"{name:11} deviation {column.std():4.1f}, correlation with hours {column.corr(asked['hours_true']):.2f}")

# %% [markdown]
# With a share k of known values, both shrink by about sqrt(k), here 0.71. A standard error computed from the filled column is too small as well,
# since filled rows count as if they were measured.
#
# ### Mean, median or mode?
# The **mean** preserves the total and follows every extreme value. The **median** has the smallest mean absolute error and ignores the tail, so
# it suits skewed columns. The **mode** is for categories: it needs neither an order nor a sum. In a continuous column hardly any value occurs
# twice, so its mode is meaningless. A "median" of levels ranked by frequency is not a median: the ranks are not an order of the values.
#
# Spark's `Imputer` offers all three (its median is approximate, see `relativeError`) and fills nulls and NaN alike. Two details are surprising:
# it takes numeric columns only, even for the mode, and the output has the **type of the input**.

# %% tags=["nbval-check-output"]
median = ml.Imputer(
    strategy="median", inputCols=["hours", "satisfaction"], outputCols=["hours_full", "satisfaction_full"]
)
print("double columns, medians:", median.fit(answers).surrogateDF.first().asDict())
mean = ml.Imputer(strategy="mean", inputCols=["household"], outputCols=["household_full"]).fit(answers)
filled = mean.transform(answers).where("household IS NULL").first()["household_full"]
print(f"int column, mean {mean.surrogateDF.first()[0]:.2f}, filled in as {filled}")
try:
    ml.Imputer(strategy="mode", inputCols=["genre"], outputCols=["g"]).fit(answers)
except PySparkException:
    print("string column, mode: refused, Imputer takes numeric columns only")
nulls = [frame.where("genre IS NULL").count() for frame in (answers, answers.fillna(0, subset=["genre"]))]
print("fillna(0) on a string column: nulls before", nulls[0], "after", nulls[1])

# %% [markdown]
# The fraction is cut off, not rounded, so cast an integer column to double first. `fillna(0)` silently ignores columns of another type. For a
# string column use `fillna({"genre": most_frequent})`, or give the gaps a level of their own: `StringIndexer(handleInvalid="keep")` gives nulls
# and unseen values one extra index.
#
# > **On the exam** mean, median and mode are the three strategies of `Imputer`: the median for skewed numbers, the mode for categories that are
# > coded as numbers. In older exam material, AutoML does the imputation; it is built into the ML runtimes up to 17.3 LTS, and its notebooks show
# > which fill it chose. **Today** you write the step yourself, in the pipeline.
#
# ### Exercise 3.7 - learnt from the training rows
# Write the body of `fill_hours(train, new)`. Both arguments are Spark DataFrames with the columns `customer_id`, `channel` and `hours`. Return
# the Spark DataFrame `new` with the gaps of `hours` filled by the **median hours of the same channel, learnt from** `train`. No row and no other
# column changes. In production `new` may hold a single customer, so compute no median from it.


# %%
def fill_hours(train, new):
    ### BEGIN SOLUTION
    learnt = train.groupBy("channel").agg(F.median("hours").alias("typical"))
    filled = new.join(learnt, "channel", "left").withColumn("hours", F.coalesce("hours", "typical"))
    return filled.select(new.columns)
    ### END SOLUTION


check("3.7", fill_hours)

# %% [markdown]
# ### Gaps in a time series
# A sensor has no value for two hours. If a forecast is trained on the filled series, use only fills that look at past values. By default the
# window of an ordered partition ends at the current row:

# %% tags=["nbval-check-output"]
feed = spark.createDataFrame([(1, 5.0), (2, 7.0), (3, None), (4, None), (5, 90.0)], "hour int, x double")
past = Window.partitionBy(F.lit(1)).orderBy("hour")
future = past.rowsBetween(0, Window.unboundedFollowing)
display(
    feed.select(
        "hour",
        "x",
        F.last("x", ignorenulls=True).over(past).alias("last_known"),
        F.coalesce("x", F.lag("x").over(past)).alias("one_back"),
        F.coalesce("x", F.avg("x").over(past)).alias("mean_so_far"),
        F.first("x", ignorenulls=True).over(future).alias("next_known_leaks"),
    ).orderBy("hour")
)

# %% [markdown]
# `lag` looks one row back and leaves the second hour of a gap empty. The next known value leaks the value of hour 5 into the training data, and
# so would an average over the whole column.

# %% [markdown]
# ## 6 · Missingness as signal
#
# The gaps of `satisfaction` cannot be filled correctly, but skipping the question is information too:

# %% tags=["picture"]
rates = {
    f"{column} {'missing' if gap else 'known'}": 100 * asked.loc[asked[column].isna() == gap, "recommends"].mean()
    for column in ("household", "hours", "satisfaction")
    for gap in (False, True)
}
pictures.bars(rates, title="Customers who would recommend the service, in %", fmt="%.0f")

# %% [markdown]
# For `household` and `hours` the gap says little. For `satisfaction` it says a lot. Filling with the median erases that: customers who skipped
# the question become ordinary customers. (From here on AUC judges the models: the chance that a random positive row gets a higher score than a
# random negative one; 0.5 is guessing.)
#
# ### Exercise 3.8 - keep the signal
# Build `model`, a scikit-learn pipeline (not fitted) that takes a frame with the single column `satisfaction`, gaps included, and predicts
# `recommends`. Fill the gaps with the median, **and** add a column that says which rows were filled; end with a `LogisticRegression`.

# %%
### BEGIN SOLUTION
model = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), LogisticRegression())
### END SOLUTION
check("3.8", model)


# %% tags=["picture"]
flag = experiments.value_of_a_flag(asked)  # three models, each scored on rows that it has not seen
drawings.dots(
    {name: flag[name] for name in ("median", "median and a flag")},
    limit=("with the true satisfaction", flag["truth"]),
    title="Predicting who recommends from satisfaction alone",
    unit="AUC",
)

# %% tags=["nbval-check-output"]
recovered = (flag["median and a flag"] - flag["median"]) / (flag["truth"] - flag["median"])
print(f"share of the loss that the flag recovers: {100 * recovered:.0f} %")

# %% [markdown]
# The flag recovers most of what the gaps took away, although no true value is known. In Spark, add `df.withColumn("no_satisfaction",
# F.col("satisfaction").isNull().cast("double"))` **before** you fill: after filling you cannot tell which rows were empty.
#
# The price is that the model now relies on *why* values are missing. If the question becomes mandatory next year, the flag is always 0 and the
# model has lost a feature. The share of nulls is worth monitoring (chapter 11).
#
# The raw tables have such a gap as well: customers who earn more leave out `income` more often (`datasets/README.md`). That is why the clean
# table at the end of this chapter keeps a flag for it.

# %% [markdown]
# ## 7 · One-hot encoding
#
# Categories are names; most models need numbers. In Spark two estimators convert them. `StringIndexer` numbers the levels, by default the most
# frequent first and ties in alphabetical order (`stringOrderType` changes that). `OneHotEncoder` gives each number a position in a vector.

# %% tags=["nbval-check-output"]
wishes = spark.createDataFrame([(name,) for name in ["film"] * 3 + ["sport"] * 2 + ["news"]], "genre string")
fresh = spark.createDataFrame([("film",), ("sport",), ("news",), ("opera",), (None,)], "genre string")
for handle in ("skip", "keep", "error"):
    indexer = ml.StringIndexer(inputCol="genre", outputCol="i", handleInvalid=handle)
    encoder = ml.OneHotEncoder(inputCol="i", outputCol="v")  # dropLast=True is the default
    try:
        rows = Pipeline(stages=[indexer, encoder]).fit(wishes).transform(fresh).collect()
        print(f"{handle:5}", {row["genre"]: row["v"].toArray().astype(int).tolist() for row in rows})
    except Exception as error:
        print(f"{handle:5} (the default) stops the job: unseen label", "nseen label" in str(error))

# %% [markdown]
# * With `dropLast=True`, the **last** category has no position of its own. With `skip` that is `news`: all zeros mean `news`. With an intercept,
#   a column for the last level would be redundant (collinear), and without a penalty the weights would not be unique.
# * `skip` drops rows, in training and in scoring. A customer without a row gets no score.
# * `keep` adds a category for unknown values and nulls, **as the last one**. With `dropLast=True` that is the one left out: every known level has
#   a position, and the unknown is all zeros. A model learns a weight for the unknown only if training rows have nulls.
#
# ### Exercise 3.9 - a position for the unknown
# You want a model to learn a weight for "unknown or missing genre". Write `stages`, a list of Spark ML stages (not fitted) that lead from column
# `genre` to vector column `v`. An unseen genre or a null gets a 1 in a position of its own, each known genre has its own position too, and no
# position is left unused.

# %%
### BEGIN SOLUTION
stages = [
    ml.StringIndexer(inputCol="genre", outputCol="i", handleInvalid="keep"),
    ml.OneHotEncoder(inputCol="i", outputCol="v", dropLast=False),
]
### END SOLUTION
check("3.9", stages)

# %% [markdown]
# ### The index is a name, not an amount
# Why not stop after the indexer? The share who recommend depends on the genre, and does not rise or fall steadily with the index:

# %% tags=["nbval-check-output"]
index = asked["genre_true"].map({name: i for i, name in enumerate(asked["genre_true"].value_counts().index)}).to_frame()
dummies = pd.get_dummies(asked["genre_true"]).astype(float)
forest, line = RandomForestClassifier(20, random_state=0), LogisticRegression()
print(f"index,   logistic regression: AUC {experiments.auc_in_folds(asked, line, index):.2f}")
print(f"index,   random forest:       AUC {experiments.auc_in_folds(asked, forest, index):.2f}")
print(f"one-hot, logistic regression: AUC {experiments.auc_in_folds(asked, line, dummies):.2f}")

# %% [markdown]
# A linear model multiplies the index by one weight, so level 4 counts twice as much as level 2. A tree can split between any two numbers, so it
# works well with the index; a one-hot column lets it separate only one level per split. In Spark the indexer marks the column as categorical in
# its metadata, and tree models use that. They need at least as many bins (`maxBins`) as levels:

# %% tags=["nbval-check-output"]
shops = spark.createDataFrame([(f"shop {k % 40}", float(k % 2)) for k in range(80)], "shop string, label double")
indexer = ml.StringIndexer(inputCol="shop", outputCol="i")
assembler = ml.VectorAssembler(inputCols=["i"], outputCol="features")
try:
    Pipeline(stages=[indexer, assembler, DecisionTreeClassifier(maxDepth=2)]).fit(shops)
except Exception as error:
    print("40 levels, default maxBins of 32: refused, and the message names maxBins:", "maxBins" in str(error))

# %% [markdown]
# ### One-hot of 10,000 levels
# Now encode a column that says nothing at all: each customer gets a random voucher code. `people` has one row for each customer with a label;
# `churned` says whether they left within the year. Customers with an even id are held out. The logistic regression uses almost no regularisation
# (`C=1000`); Spark's default, `regParam=0`, uses none.

# %%
ever = spark.table(ws.table("raw_labels")).groupBy("customer_id").agg(F.max("churned").alias("churned"))
people = customers.join(ever, "customer_id").toPandas().sort_values("customer_id").reset_index(drop=True)
held_out, label = experiments.held_out(people), people["churned"]
without_code = experiments.with_column(people)
levels = [10, 100, 500, 2_000, 10_000]
on_train, on_test = experiments.one_hot_vouchers(people, levels)

# %% tags=["picture"]
drawings.by_levels(levels, on_train, on_test, without_code)

# %% tags=["nbval-check-output"]
widest = experiments.voucher(people, 10_000)
unseen = (~widest[held_out].isin(widest[~held_out])).mean()
coded = OneHotEncoder(categories=[list(range(10_000))]).fit_transform(widest.to_frame())
sparse_mb = (coded.data.nbytes + coded.indices.nbytes + coded.indptr.nbytes) / 1e6
print(f"{100 * unseen:.0f} % of the held-out customers have a code that no training row has (10,000 levels)")
print(
    f"memory: {coded.shape[0] * coded.shape[1] * 8 / 1e6:.0f} MB as a dense array, {sparse_mb:.2f} MB as a sparse one"
)

# %% [markdown]
# The more levels, the better the model memorises its training rows. The damage on held-out rows is greatest in the middle, where a code has about
# two training customers: enough for the model to fit their labels by chance, and common enough to reappear among the held-out rows. With 10,000
# levels most held-out customers have an unknown code, which becomes zeros, so the damage is smaller, but not zero. A sparse vector keeps the many
# columns cheap; a dense array does not.
#
# **One-hot fits** a linear model and a handful of levels, each with enough rows. **It does not fit** trees (use the index), very many levels
# (hash, group the rare ones, or target means, section 8), identifiers (leave them out) and ordered levels with equal steps (number them in
# order).
#
# `FeatureHasher` needs no fit and no list of levels: a hash of the column name and value determines the position. New values get a position
# immediately, several levels may share one, and a weight cannot be traced back to a level.

# %% tags=["nbval-check-output"]
hasher = ml.FeatureHasher(inputCols=["genre"], outputCol="v", numFeatures=64)
for row in hasher.transform(fresh).collect():
    print(row["genre"], "-> position", row["v"].indices.tolist(), "of", row["v"].size)

# %% [markdown]
# > **On the exam** "When is one-hot encoding unsuitable?": with many levels, and for tree models. Remember the two steps (`StringIndexer`, then
# > `OneHotEncoder`), the dropped last level, and that the encoder needs indices, not strings. **On Databricks** nothing differs: it is the same
# > Spark ML.
#
# ### Exercise 3.10 - choose the encoding
# Answer with a dictionary from each letter to `"one-hot"`, `"index"`, `"hash"`, `"target means"` (the mean of the label for each level, see
# section 8) or `"leave out"`.
#
# * a: `plan` with three levels, for a logistic regression
# * b: `plan` with three levels, for gradient boosted trees in Spark
# * c: the search term that a visitor typed, for a linear model; new terms every minute, and the vector may have 4,096 positions
# * d: `shop`, 3,000 shops with hundreds of orders each, for a linear model with few columns; the label is "returned", and shops differ a lot in
#   it
# * e: `customer_id`, for a churn model that will score new customers

# %%
### BEGIN SOLUTION
stage = {"a": "one-hot", "b": "index", "c": "hash", "d": "target means", "e": "leave out"}
### END SOLUTION
check("3.10", stage)

# %% [markdown]
# ## 8 · Encoding and leakage
#
# Target encoding replaces a level by the mean of the label over its rows: one column, however many levels. It is useful, and it is the easiest
# way to leak the label into a feature. Spark 4 has a `TargetEncoder`. Look at the value that it gives a level with only one row:

# %% tags=["nbval-check-output"]
tiny = spark.createDataFrame(
    [(0.0, 1.0), (0.0, 0.0), (0.0, 1.0), (0.0, 0.0), (1.0, 1.0), (2.0, 0.0)], "code double, label double"
)
for smoothing in (0.0, 10.0):
    encoder = ml.TargetEncoder(
        inputCols=["code"], outputCols=["mean"], labelCol="label", targetType="binary", smoothing=smoothing
    )
    rows = encoder.fit(tiny).transform(tiny).collect()
    print(
        f"smoothing {smoothing:4}: (code, label, encoded)",
        sorted({(row["code"], row["label"], round(row["mean"], 2)) for row in rows}),
    )

# %% [markdown]
# Codes 1 and 2 have one row each, and their encoded value **is their label**. Smoothing pulls small levels towards the overall mean, but their
# order does not change, and a model can exploit it.
#
# Return to the random voucher code, with 500 levels. It cannot help to predict anything, so the AUC should stay where it is without the code.
# There are three ways to encode it:

# %%
codes = experiments.voucher(people, 500)
train_means = label[~held_out].groupby(codes[~held_out]).mean()
ways = {
    "means over all rows (leaks)": label.groupby(codes).transform("mean"),
    "means over training rows": codes.map(train_means).fillna(label[~held_out].mean()),
    "means out of fold": experiments.means_out_of_fold(people, codes),
}
encoded = {name: experiments.with_column(people, column) for name, column in ways.items()}

# %% tags=["picture"]
drawings.dots(
    encoded, limit=("without the code", without_code), title="Held-out customers, with a random code", unit="AUC"
)

# %% [markdown]
# * **All rows, then split**: the held-out rows carry their own labels. In production the label is unknown, so expect a value near the second one.
# * **Training rows only**: the score is honest, and bad. Each *training* row still sees its own label, so the model trusts the column far too
#   much.
# * **Out of fold**: each training row is encoded from other rows. The column is worth nothing, and it does no harm.
#
# > scikit-learn's `TargetEncoder` does the third in `fit_transform`, so `fit(X, y).transform(X)` returns other numbers for the same rows.
# > **Spark's** `TargetEncoder` does the second, so you must build the folds yourself. Leaving out only the row's own label does not help: within
# > a level the encoded value then *falls* when the label rises, and a model can exploit that just as well.
#
# ### Exercise 3.11 - out of fold
# Write `out_of_fold(code, label, fold)`. The arguments are pandas Series with the same index. Return a Series with that index that holds for each
# row the mean label of the rows with the **same code in other folds**, or, where there are none, the mean label of **all rows in other folds**.


# %%
def out_of_fold(code, label, fold):
    ### BEGIN SOLUTION
    encoded = pd.Series(index=code.index, dtype=float)
    for one in fold.unique():
        mine, others = fold == one, fold != one
        means = label[others].groupby(code[others]).mean()
        encoded[mine] = code[mine].map(means).fillna(label[others].mean())
    return encoded
    ### END SOLUTION


check("3.11", out_of_fold)

# %% [markdown]
# ## 9 · Log and back
#
# Take the logarithm of a column that is **positive, skewed to the right, and the result of multiplication**: money, durations, counts. It turns
# factors into sums and a long tail into a hill. It does not help if a column is symmetric or has its tail on the left:

# %% tags=["nbval-check-output"]
columns = {
    "minutes per week": usage.where("minutes > 0 AND customer_id % 5 = 0").toPandas()["minutes"],
    "income in EUR": people["income"].dropna(),
    "age in years": people["age"].dropna(),
    "share watched, most near 0.9": pd.Series(np.random.default_rng(1).beta(9, 1.2, 20_000)),
}
for name, values in columns.items():
    print(f"{name:30} skewness {stats.skew(values):5.1f}, after log1p {stats.skew(np.log1p(values)):5.1f}")

# %% [markdown]
# Skewness is 0 for a symmetric column. `age` gets worse, the share does not improve, and values of -1 or less, such as a negative balance, have
# no `log1p` at all.
#
# **Trees are not affected** by the log of a *feature*: it keeps the order, and a split depends only on the order. A linear model is:

# %% tags=["nbval-check-output"]
income = np.sort(np.random.default_rng(12).lognormal(3.7, 0.9, 1500))[:, None]
rises_with_log = np.log(income[:, 0]) + np.random.default_rng(13).normal(0, 0.3, 1500)
for name, estimator in (("tree", DecisionTreeRegressor(max_depth=4, random_state=0)), ("line", LinearRegression())):
    r2 = [estimator.fit(x, rises_with_log).score(x, rises_with_log) for x in (income, np.log(income))]
    print(f"{name}: R2 {r2[0]:.2f} on income, {r2[1]:.2f} on log income")

# %% [markdown]
# ### The rows that disappear
# In Spark, `log` of 0 is null, without an error. A `VectorAssembler` with `handleInvalid="skip"` then drops those rows:

# %% tags=["nbval-check-output"]
idle = usage.where("minutes = 0").count()
assembler = ml.VectorAssembler(inputCols=["x"], outputCol="v", handleInvalid="skip")
print(f"weeks without minutes: {100 * idle / weeks:.1f} %")
for name, column in (("log", F.log("minutes")), ("log1p", F.log1p("minutes"))):
    left = assembler.transform(usage.withColumn("x", column)).count()
    print(f"rows lost with {name}: {100 - 100 * left / weeks:.1f} %")

# %% [markdown]
# These are customers on holiday or already gone, and the job lost their rows without an error. `log1p(x) = log(1 + x)` keeps zeros at zero.
#
# ### RMSE on the log scale is not money
# Now take the log of a *target*. Predict income, where it is known, from plan and country: one model on the logarithm, one on euros, trained on
# odd ids and tested on even ones.

# %% tags=["nbval-check-output"]
known = people.dropna(subset=["income"]).reset_index(drop=True)
x = pd.get_dummies(known[["country", "plan"]]).astype(float)
test = (known["customer_id"] % 2 == 0).to_numpy()
euro = known["income"].to_numpy()
on_log = LinearRegression().fit(x[~test], np.log(euro[~test]))
on_euro = LinearRegression().fit(x[~test], euro[~test])
predicted_log = on_log.predict(x[test])


def rmse(truth, guess):
    return float(np.sqrt(np.mean((truth - guess) ** 2)))


log_rmse = rmse(np.log(euro[test]), predicted_log)
print(f"model on the log: RMSE {log_rmse:.2f} on its own scale; exp of it is {np.exp(log_rmse):.2f}")
print(f"model on euros:   RMSE {rmse(euro[test], on_euro.predict(x[test])):,.0f} EUR")

# %% [markdown]
# Side by side, the first number seems to beat the second by thousands of euros, but it is not in euros. Errors on the log scale are **factors**:
# exp of the RMSE is the factor by which a typical prediction misses, for high and low incomes alike. That is not an RMSE in euros either, and
# neither is the log RMSE times the mean income. Convert each **prediction** back first, then compute the metric:

# %% tags=["nbval-check-output"]
back = np.exp(predicted_log)
print(f"model on the log, converted back: RMSE {rmse(euro[test], back):,.0f} EUR")
print(f"predicted total / true total: {back.sum() / euro[test].sum():.2f}")

# %% [markdown]
# The second line is the next trap: the predicted incomes add up to about nine tenths of the true ones. If the errors are symmetric on the log
# scale, `exp` of the predicted mean is the **median** in euros, not the mean, and in a column skewed to the right the median is lower. To predict
# one customer's income that is fine. For totals and budgets it is biased.
#
# The correction is one factor learnt from the **training** rows: the mean of exp(residual), where residual = log(truth) - prediction on the log
# scale (Duan's smearing factor). If the residuals are normal with variance s², it is close to exp(s²/2).
#
# ### Exercise 3.12 - back to euros
# Compute `factor`, a float: Duan's smearing factor from the training rows. Then compute `euros`, an array of the corrected predictions in EUR for
# the test rows. You have `on_log`, `x`, `euro`, `test` and `predicted_log`.

# %%
### BEGIN SOLUTION
_residuals = np.log(euro[~test]) - on_log.predict(x[~test])
factor = np.exp(_residuals).mean()
euros = np.exp(predicted_log) * factor
### END SOLUTION
check("3.12", factor, euros, on_log, x, euro, test)

# %% tags=["picture"]
s2 = np.var(np.log(euro[~test]) - on_log.predict(x[~test]))
guesses = {
    "exp alone": back,
    "exp, times exp(s²/2)": back * np.exp(s2 / 2),
    "model on euros": on_euro.predict(x[test]),
}
drawings.dots(
    {name: guess.sum() / euro[test].sum() for name, guess in guesses.items()},
    limit=("true total", 1.0),
    title="Predicted total income, as a share of the true total",
    unit="predicted total / true total",
)

# %% tags=["nbval-check-output"]
for name, guess in guesses.items():
    error = np.abs(euro[test] - guess).mean()
    print(f"{name:21} mean absolute error {error:7,.0f} EUR, RMSE {rmse(euro[test], guess):7,.0f} EUR")

# %% [markdown]
# The correction has a price. In mean absolute error `exp` alone is the best of the three, because the median minimises it. In RMSE and in the
# total, the corrected predictions and the model on euros are about equally good, and both beat `exp` alone. Choose by the question,
# as in section 1.
#
# > **On the exam** two objectives concern the logarithm: when to take it (right skew, positive values), and when to undo it (**before** a metric
# > is computed or a prediction is read). Chapter 05 practises the second with Spark's evaluators.

# %% [markdown]
# ## 10 · Fitted steps
#
# A median, a list of levels, a scale, an outlier limit, a mean label: each is **learnt** from data. Fit a learnt step once, on the training rows,
# and from then on only apply it. In Spark ML the type shows the difference: an **estimator** has `fit` and returns a model; a plain
# **transformer** has only `transform` and learns nothing.
#
# | you need | stage |
# |---|---|
# | one vector column from several columns | `VectorAssembler` |
# | numbers without gaps | `Imputer` |
# | numbers for strings; 0/1 positions for these numbers | `StringIndexer`; `OneHotEncoder` |
# | a fixed number of positions for any number of levels | `FeatureHasher` |
# | columns with standard deviation 1 (and mean 0) | `StandardScaler` (with `withMean=True`) |
# | columns from 0 to 1 | `MinMaxScaler` |
# | a scale that outliers do not affect | `RobustScaler` (median and IQR) |
# | rows of length 1 | `Normalizer` |
# | classes with limits that you choose | `Bucketizer` |
# | classes with about equal numbers of rows | `QuantileDiscretizer` |
# | any SQL expression | `SQLTransformer` |
#
# Scale for models that compare columns with each other: distances, k-means, and linear models with a penalty. Trees do not need it.

# %% tags=["nbval-check-output"]
candidates = [ml.VectorAssembler, ml.Imputer, ml.StringIndexer, ml.OneHotEncoder, ml.FeatureHasher, ml.TargetEncoder]
candidates += [ml.StandardScaler, ml.MinMaxScaler, ml.RobustScaler, ml.Normalizer]
candidates += [ml.Bucketizer, ml.QuantileDiscretizer, ml.SQLTransformer]
for kind, learns in (("estimators", True), ("plain transformers", False)):
    print(f"{kind:18}", ", ".join(one.__name__ for one in candidates if issubclass(one, Estimator) == learns))

# %% [markdown]
# Two names mislead. `Normalizer` divides each row by its own norm and learns nothing. `QuantileDiscretizer` learns its limits and returns a
# `Bucketizer`. The limits of a `Bucketizer` must cover every value: a value outside stops the job, whatever `handleInvalid` says (that is about
# NaN).

# %% tags=["nbval-check-output"]
ages = spark.createDataFrame([(20.0,), (71.0,)], "age double")
for top in (65.0, float("inf")):
    classes = ml.Bucketizer(splits=[0.0, 18.0, 30.0, top], inputCol="age", outputCol="class", handleInvalid="keep")
    try:
        print(f"last split {top}:", [row["class"] for row in classes.transform(ages).orderBy("age").collect()])
    except Exception as error:
        print(f"last split {top}: the job stops, age 71 out of bounds:", "out of Bucketizer bounds" in str(error))

# %% [markdown]
# ### Fitting before the split
# "Split first, then fit" is a common rule. Section 8 showed that target means leak. How much does fitting too early inflate the score for other
# steps? Take four steps and fit each twice: on all rows before the split, and on training rows only.
#
# 1. **imputer**: the means of `age` and `income`
# 2. **scaler**: the means and standard deviations of `age` and `income`
# 3. **outlier limits**: the IQR limits of `age` and `income`, used to cap both
# 4. **selection**: out of 3,000 columns of pure noise, the 20 that correlate most with the label
#
# ### Exercise 3.13 - predict the damage
# For each step, how much higher is the AUC on the held-out rows if the step was fitted on **all** rows? Predict: answer with a dictionary from
# `"imputer"`, `"scaler"`, `"outlier limits"` and `"selection"` to `"under 0.01"` or `"over 0.05"`.

# %%
### BEGIN SOLUTION
inflated = {"imputer": "under 0.01", "scaler": "under 0.01", "outlier limits": "under 0.01", "selection": "over 0.05"}
### END SOLUTION
check("3.13", inflated)

# %% tags=["nbval-check-output"]
steps = ["imputer", "scaler", "outlier limits", "selection"]
early = {step: experiments.auc_if_fitted(people, step, rows=np.ones(len(people), dtype=bool)) for step in steps}
in_time = {step: experiments.auc_if_fitted(people, step, rows=~held_out) for step in steps}
for step in steps:
    print(f"{step:14} fitted on all rows {early[step]:.2f}, on training rows {in_time[step]:.2f}")

# %% tags=["picture"]
drawings.early_and_in_time(early, in_time)

# %% [markdown]
# The first three, learnt from all rows instead of half of them, change **nothing that you could see**. They do not use the label, and a mean or a
# quartile of a thousand rows is nearly the same either way. Steps that **use the label** inflate the score: the selection lets the held-out rows
# help to choose the columns that fit their own noise. (Chosen on training rows, the 20 useless columns make the model worse, as they should.) The
# inflation grows as the number of rows falls:

# %% tags=["picture"]
sizes = [size for size in (100, 200, 400, 800) if size < len(people)] + [len(people)]
on_all_rows, on_training_rows = experiments.selection_by_size(label, sizes)
pictures.lines(
    [f"{size:,}" for size in sizes],
    {"20 columns chosen on all rows": on_all_rows, "chosen on training rows": on_training_rows},
    title="1,000 columns of noise: the honest AUC is 0.5",
    unit="AUC on held-out rows",
    along="number of rows",
)

# %% [markdown]
# So why fit *every* step on training rows? First, you do not have to argue about each one, and an imputer that uses other columns (a model,
# nearest neighbours) can leak more than a mean does. Second, the same rule solves a problem in **production**.
#
# ### Fitted again in production
# A service gets one customer at a time. See what happens if it calls `fit_transform` where it should call `transform`:

# %% tags=["nbval-check-output"]
numbers = ["age", "income"]
full = people.dropna(subset=numbers)
odd = full[full["customer_id"] % 2 == 1]
scaler = StandardScaler().fit(odd[numbers])
scorer = LogisticRegression().fit(scaler.transform(odd[numbers]), odd["churned"])
three = full[full["customer_id"] % 2 == 0].head(3)
right_way = scorer.predict_proba(scaler.transform(three[numbers]))[:, 1]
again = [scorer.predict_proba(StandardScaler().fit_transform(three.iloc[[i]][numbers]))[0, 1] for i in range(3)]
print("transform:     ", [f"{score:.2f}" for score in right_way])
print("fit_transform: ", [f"{score:.2f}" for score in again])
print("get_dummies of one row:", pd.get_dummies(three.iloc[[0]]["plan"]).columns.tolist())

# %% [markdown]
# One row minus its own mean is 0, so every customer gets the same score, and no error is raised. `get_dummies` has the same fault: it creates
# columns only for the levels it sees. Either keep the fitted `OneHotEncoder`, or keep the list of columns and use `reindex(columns=...,
# fill_value=0)`. The list is then part of the fitted state and must be stored with the model.
#
# The clean way is a **pipeline**: all fitted steps and the model in one object. Call `fit` on training rows, and `transform` or `predict`
# everywhere else. In cross-validation the pipeline is fitted again in each fold: `cross_val_score(make_pipeline(imputer, model), X, y)` is
# honest, `cross_val_score(model, imputer.fit_transform(X), y)` is not.
#
# > **On the exam** "Which of these is an estimator?" and "Where does the imputer belong?": an estimator has `fit` and returns a model (a
# > transformer); it belongs inside the pipeline, after the split. **On Databricks** a pipeline logged with MLflow carries its fitted steps to
# > every endpoint (chapters 05 and 07).

# %% [markdown]
# ## Checkpoint · A clean table and a recipe
#
# What belongs in the clean table, and what in the recipe? **In the table**: one row per key, right types, NaN turned into null, and facts about a
# row that need no other row, such as flags for gaps. **In the recipe**: everything that is learnt. Once medians are filled in, you cannot remove
# them, and test rows have already influenced them.

# %% tags=["nbval-check-output"]
spark.sql(f"DROP TABLE IF EXISTS {ws.table('demo_prep_customers')}")
no_value = F.lit(None).cast("double")
clean = customers.select(
    "customer_id", "country", "plan", *[F.nanvl(name, no_value).alias(name) for name in ("age", "income")]
).withColumns({f"no_{name}": F.col(name).isNull().cast("double") for name in ("age", "income")})
clean.write.saveAsTable(ws.table("demo_prep_customers"))
clean = spark.table(ws.table("demo_prep_customers"))
train = clean.where("customer_id % 2 = 1 AND country != 'PL'")  # suppose the service opens Poland after the training
print("rows", clean.count(), "- columns", clean.columns)
print("countries known in training:", sorted(row["country"] for row in train.select("country").distinct().collect()))

# %% [markdown]
# ### Exercise 3.14 - the recipe
# Create `recipe`, a Spark ML `Pipeline` **fitted on** `train`. Its `transform` adds a vector column `features` to any frame with the columns of
# `clean`. The vector holds:
#
# * `age` and the natural logarithm of `income`, gaps filled with the median of the training rows, neither scaled nor rounded
# * the flags `no_age` and `no_income`
# * `country` and `plan`, one-hot encoded; a country or plan never seen in training must not stop the job or lose a row
#
# `ml.SQLTransformer(statement="SELECT *, ... FROM __THIS__")` puts a column expression into a pipeline. Why should the logarithm be inside, and
# not in a cell before it?

# %%
### BEGIN SOLUTION
recipe = Pipeline(
    stages=[
        ml.SQLTransformer(statement="SELECT *, ln(income) AS log_income FROM __THIS__"),
        ml.Imputer(strategy="median", inputCols=["age", "log_income"], outputCols=["age_filled", "log_income_filled"]),
        ml.StringIndexer(inputCols=["country", "plan"], outputCols=["country_i", "plan_i"], handleInvalid="keep"),
        ml.OneHotEncoder(inputCols=["country_i", "plan_i"], outputCols=["country_v", "plan_v"]),
        ml.VectorAssembler(
            inputCols=["age_filled", "log_income_filled", "no_age", "no_income", "country_v", "plan_v"],
            outputCol="features",
        ),
    ]
).fit(train)
### END SOLUTION
check("3.14", recipe, train)

# %% [markdown]
# The logarithm learns nothing, but it belongs to the recipe all the same: if it is in a cell before, every job that scores customers must repeat
# it, and one that forgets feeds euros to a model that expects logarithms.

# %% [markdown]
# ## Recap
#
# 1. Look at the shape before the numbers. On a skewed column use the mean for totals and the median for typical rows.
# 2. An outlier rule assumes a shape. On a long right tail both rules remove genuine rows, here mostly those of the best customers. Try the log
#    scale.
# 3. The types of two columns determine the measure. Report the effect size; on a large table even a trivial difference has a small p-value.
# 4. Values missing completely at random: any fill preserves something useful. Missing at random: fill by group. Missing not at random: no fill
#    removes the bias completely. Keep a flag.
# 5. Use one-hot for linear models and few levels, the index for trees, and hashing or out-of-fold means for many levels.
# 6. Fit every step on training rows. Fitting a mean early hardly matters; fitting anything that uses the label early inflates the score a lot.
#
# **Traps**: `summary` returns strings and has no row for nulls · NaN is a number in Spark · `limit` is not a random sample · the IQR of a column
# that is mostly zero is 0 · three standard deviations never exclude one of ten rows · a filter on a column drops its nulls · a correlation of
# index numbers is meaningless · `Imputer` truncates to the input's type · `handleInvalid="skip"` loses rows · target means over all rows leak ·
# `log(0)` is null · exp of a log RMSE is a factor · `exp` of a prediction is the median.
#
# **Next**: chapter 04 computes features from the raw tables as they were known at each moment; chapter 05 fits models on them in pipelines like
# the one that you built here.
