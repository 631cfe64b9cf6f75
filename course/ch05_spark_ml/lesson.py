# %% [markdown]
# # 05 · Spark ML
# ## How do I train and judge a model where the data lives?
#
# A model can be trained in two places: on one machine that fetches the rows, or on the cluster that holds them. This chapter teaches the second
# way, and when the first is better. It also teaches how to judge a model, because training is the easy half: a model that flags nobody has an
# accuracy of 93 % on our data, a careless encoder finds a strong signal in pure noise, and a search reports the wrong winner without an error.
# You will see each of them happen.
#
# **You will be able to**
#
# | | objective |
# |---|---|
# | say when Spark ML is the right tool, and which algorithm fits | PRO-1.01, ASC-3.01 |
# | build a pipeline, and tell estimators from transformers | PRO-1.02, PRO-1.03, ASC-3.03, ASC-3.04 |
# | train on few positives among many rows | ASC-3.02 |
# | choose a metric and the evaluator that computes it, for classes and for amounts | PRO-1.05, ASC-3.11 to 3.13 |
# | undo a logarithm before anything is measured | ASC-3.14 |
# | tune with cross-validation or a single split, and know what each costs | PRO-1.04, ASC-3.08, ASC-3.09 |
# | read bias and variance off a curve | ASC-3.15 |
# | score a table and a stream, and choose Spark ML or one node for each kind of use | PRO-1.06, PRO-1.07 |
#
# **The pipeline so far**: raw tables, and the four feature tables of chapter 04. This chapter trains the first model on them and registers it as
# the baseline.
#
# Time: about 120 minutes. Every exercise has a `hint`. A check that says *todo* waits for you; it never stops the notebook.

# %% tags=["parameters"]
catalog = "main"
schema = "churn"
n_customers = 2000
seed = 7

# %%
# workbook first: on this machine it makes `databricks.feature_engineering` importable
from workbook import check, hint, pictures, start
from course import churn

import datetime as dt
import os
import tempfile
import time

import mlflow
import numpy as np
import pandas as pd
from databricks.feature_engineering import FeatureEngineeringClient
from pyspark.errors import AnalysisException, IllegalArgumentException
from pyspark.ml import Estimator, Model, Pipeline
from pyspark.ml.classification import GBTClassifier, LogisticRegression, RandomForestClassifier
from pyspark.ml.evaluation import (
    BinaryClassificationEvaluator,
    Evaluator,
    MulticlassClassificationEvaluator,
    RegressionEvaluator,
)
from pyspark.ml.feature import Imputer, OneHotEncoder, StandardScaler, StringIndexer, TargetEncoder, VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.ml.regression import LinearRegression, RandomForestRegressor
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder, TrainValidationSplit
from pyspark.sql import functions as F

ws = start("05_spark_ml", catalog=catalog, schema=schema, n_customers=n_customers, seed=seed)
fe = FeatureEngineeringClient()

# %% [markdown]
# ## 1 · When Spark ML is right
#
# Spark ML trains **one** model on rows that are spread over many machines. For each step of the algorithm every executor works through its own
# rows and sends back a small sum, such as a gradient or a histogram; the rows never travel. That scales to billions of rows. The price is that
# each step is a Spark job, so even 1,000 rows take seconds. Three questions decide, in this order:
#
# | question | Spark ML | one machine |
# |---|---|---|
# | How large are the rows **that the fit needs**, after filters, joins and aggregates? | more than one machine's memory, and a sample will not do | they fit: most tables of customers do |
# | Who has the algorithm, with the option you need? | `pyspark.ml` has it | only another library has it, such as boosted trees with a monotone effect (`HistGradientBoostingClassifier`, XGBoost) |
# | Where are the predictions used? | in tables and streams | in a request that must be answered in milliseconds |
#
# Where the table lies does not decide: 60,000 rows in Delta fit into pandas. And two jobs look like Spark ML but are not. *Scoring* billions of
# rows with a small scikit-learn model needs no Spark ML: Spark can apply any Python model to a table (`mlflow.pyfunc.spark_udf`, chapter 10).
# *Many small models*, one for each shop, are many single-node fits side by side (`applyInPandas`, chapter 06).
#
# First the rows of this chapter: the labels whose outcome is known, with the features of chapter 04 at `label_ts`. A fit reads its input many
# times, so we write the result of the joins to a Delta table once. On serverless compute that replaces `cache()`, which is refused there.

# %% tags=["nbval-check-output"]
labels = churn.labels_known_at(spark.table(ws.table("raw_labels")), dt.date(2026, 1, 5))
training_set = fe.create_training_set(
    df=labels, feature_lookups=churn.feature_lookups(ws.schema_name), label="churned", exclude_columns=["signup_date"]
)
kept = ws.table("demo_ml_rows")
spark.sql(f"DROP TABLE IF EXISTS {kept}")
training_set.load_df().coalesce(1).write.saveAsTable(kept)  # 11,000 rows: one file, so that a step is one task
rows = spark.table(kept)
numeric, categorical = churn.NUMERIC, churn.CATEGORICAL
size = rows.agg(
    F.count("*").alias("rows"), F.count_distinct("customer_id").alias("customers"), F.avg("churned").alias("p")
)
size = size.first()
print(f"{size.rows:,} labels of {size.customers:,} customers, {100 * size.p:.1f} % churned")
print("numeric:", *numeric, "| categorical:", *categorical)

# %% [markdown]
# ### The trap: "the model learns while Spark reads"
# scikit-learn has models that learn batch by batch with `partial_fit`. Call it inside a function that Spark runs on each batch, and everything
# appears to work:

# %% tags=["nbval-check-output"]
from sklearn.linear_model import SGDClassifier

learner = SGDClassifier(loss="log_loss", random_state=7)


def learn(batches):
    for batch in batches:
        learner.partial_fit(batch[["tickets_30d", "minutes_trend"]], batch["churned"], classes=[0, 1])
        yield pd.DataFrame({"learned": [len(batch)]})


learned = rows.mapInPandas(learn, "learned long").agg(F.sum("learned")).first()[0]
print(f"{learned:,} rows went through partial_fit")
print("the model has coefficients:", hasattr(learner, "coef_"))

# %% [markdown]
# Every worker received a **copy** of `learner`, trained it, and threw it away with the task. Nothing in a Python function merges the state of the
# workers; Spark ML's estimators do exactly that.

# %% [markdown]
# ## 2 · Choosing an algorithm
#
# | you need | in `pyspark.ml` | remember |
# |---|---|---|
# | yes or no, with a probability and readable effects | `LogisticRegression` | effects add up on the log-odds |
# | an amount | `LinearRegression` | can predict below zero |
# | a count, or a positive skewed amount | `GeneralizedLinearRegression(family="poisson" / "gamma" / "tweedie")` | log link: never negative, and exp(coefficient) is a factor per unit |
# | bends and interactions, no scaling needed | `RandomForest...`, `GBT...` | predicts means of training rows |
# | recommendations | `ALS`, `implicitPrefs=True` for plays and clicks | needs ids as integers |
# | groups without a label | `KMeans`, `BisectingKMeans`, `GaussianMixture` | each row gets a group; nothing is left over as an outlier |
# | a margin between classes | `LinearSVC` | linear only, two classes, no probability |
#
# Not in Spark ML: kernels, density-based clustering, isolation forests, monotone constraints.

# %% tags=["nbval-check-output"]
import pyspark.ml.classification
import pyspark.ml.clustering
import pyspark.ml.recommendation
import pyspark.ml.regression

modules = (pyspark.ml.classification, pyspark.ml.clustering, pyspark.ml.recommendation, pyspark.ml.regression)
for name in ("ALS", "GBTClassifier", "GaussianMixture", "LinearSVC", "SVC", "DBSCAN", "IsolationForest"):
    print(f"{name:16}", "yes" if any(hasattr(module, name) for module in modules) else "no")

# %% [markdown]
# ### Trees do not extrapolate
# A price index rises by one point a month, from 100 in month 0 to 159 in month 59. A forest and a line learn it. Before you run the cell: what
# does each of them say for month 84, where the trend has reached 184?

# %% tags=["nbval-check-output"]
months = VectorAssembler(inputCols=["month"], outputCol="features").transform(
    spark.range(84 + 1)
    .select(F.col("id").cast("double").alias("month"), (100.0 + F.col("id")).alias("index"))
    .coalesce(1)
)
past = months.where("month < 60")
line = LinearRegression(labelCol="index").fit(past).transform(months)
forest = RandomForestRegressor(labelCol="index", numTrees=5, seed=7).fit(past).transform(months)
by_month = {
    name: scored.orderBy("month").toPandas()["prediction"] for name, scored in {"line": line, "forest": forest}.items()
}
print(f"month 84: line {by_month['line'].iloc[-1]:.0f}, forest {by_month['forest'].iloc[-1]:.0f}")

# %%
figure, axes = pictures.draw(
    alt=f"Predicted index of a line and a forest trained on months 0 to 59. In month 84 the line says {by_month['line'].iloc[-1]:.0f} and the forest "
    f"{by_month['forest'].iloc[-1]:.0f}.",
    size=(6, 2.4),
)
axes.plot(by_month["line"], color=pictures.BLUE, label="LinearRegression")
axes.plot(by_month["forest"], color=pictures.ORANGE, linestyle="--", label="RandomForestRegressor")
axes.axvline(59, color="#888888", linestyle=":", label="last training month")
axes.set(xlabel="month", ylabel="predicted index", title="Trained on months 0 to 59")
axes.legend(frameon=False)
figure

# %% [markdown]
# The forest stays at the level of the last training months. A leaf stores a mean of training labels, so no tree says more than the largest or
# less than the smallest of them - and no error tells you. Predict the *change* instead, or use a model with a slope.
#
# ### Exercise 5.1 - which tool, which algorithm?
# Name the Spark ML estimator by its class (`"ALS"`, say) where Spark ML should train. Otherwise say `"one node"`, `"one node, scored by Spark"`
# or `"one model per group"`.
#
# * a: 400 million clicks with 250 features, 800 GB after all joins; bought or not, with a probability and readable effects
# * b: 2 billion plays of songs, no ratings; recommend songs
# * c: a 5 TB log becomes 90,000 machines with 40 features each; boosted trees whose risk may never fall with age
# * d: claims per insured car, 0, 1, 2 ..., 600 million rows; "each further driver multiplies the claims by so much"
# * e: an approved XGBoost model of 3 MB, trained on a sample; 900 million rows want a score every night
# * f: 8,000 shops, each with its own two years of daily sales; each shop gets its own forecast

# %%
### BEGIN SOLUTION
tool = {
    "a": "LogisticRegression",
    "b": "ALS",
    "c": "one node",
    "d": "GeneralizedLinearRegression",
    "e": "one node, scored by Spark",
    "f": "one model per group",
}
### END SOLUTION
check("5.1", tool)

# %% [markdown]
# ## 3 · Estimators, transformers, evaluators
#
# | kind | has | gives | learns from rows? |
# |---|---|---|---|
# | **transformer** | `transform(df)` | a DataFrame with more columns | no |
# | **estimator** | `fit(df)` | a *model*, which is a transformer | yes |
# | **evaluator** | `evaluate(df)` | one number, and `isLargerBetter()` | no |
#
# In scikit-learn `fit` changes the estimator. Here it does **not**: it returns a new object, and that object transforms training and test rows
# alike.

# %% tags=["nbval-check-output"]
column = VectorAssembler(inputCols=["minutes"], outputCol="features")
watched = column.transform(spark.createDataFrame([(150.0,), (200.0,), (250.0,)], "minutes double"))
scaler = StandardScaler(inputCol="features", outputCol="scaled")
fitted = scaler.fit(watched)
print("transform: estimator", hasattr(scaler, "transform"), "| model", hasattr(fitted, "transform"))
print(f"learned: mean {fitted.mean[0]:.0f}, standard deviation {fitted.std[0]:.0f}")
new = column.transform(spark.createDataFrame([(260.0,)], "minutes double"))
print(f"260 minutes become {fitted.transform(new).first().scaled[0]:.1f}")

# %% [markdown]
# scikit-learn would give 1.2 here, the distance from the mean in standard deviations. Spark's `StandardScaler` divides only: `withMean` is false
# by default, because subtracting a mean would fill every zero of a sparse vector. Note also that you rarely need it: Spark's linear models scale
# inside the solver (`standardization=True`) and give the coefficients back on the original scale, and trees do not care.

# %% [markdown]
# ### Exercise 5.2 - who learns?
# A stage that learns can carry test rows into the training; one that does not cannot. **Before** you run the next cell: which of these six are
# estimators? Give a dict with `True` for each that must be fitted and `False` for the others: `StringIndexer`, `OneHotEncoder`,
# `VectorAssembler`, `Bucketizer`, `QuantileDiscretizer`, `FeatureHasher`.

# %%
### BEGIN SOLUTION
learns = {
    "StringIndexer": True,
    "OneHotEncoder": True,
    "VectorAssembler": False,
    "Bucketizer": False,
    "QuantileDiscretizer": True,
    "FeatureHasher": False,
}
### END SOLUTION
check("5.2", learns)

# %% tags=["nbval-check-output"]
from pyspark.ml import feature

for name in ("StringIndexer", "OneHotEncoder", "VectorAssembler", "Bucketizer", "QuantileDiscretizer", "FeatureHasher"):
    print(f"{name:20}", "estimator" if issubclass(getattr(feature, name), Estimator) else "transformer")

# %% [markdown]
# `OneHotEncoder` surprises most people: it must count the categories to know how long its vectors are. `Bucketizer` is given its borders,
# `QuantileDiscretizer` has to find them. A hash needs no vocabulary. By the same test `Imputer`, every column-wise scaler and `IDF` are
# estimators; `Normalizer`, which scales each row by itself, `HashingTF` and `SQLTransformer` are transformers.

# %% [markdown]
# ## 4 · Encoders and assemblers
#
# Every Spark ML algorithm reads **one vector column**. `VectorAssembler` builds it from numbers and vectors; strings must become numbers first.
#
# * `StringIndexer` numbers the values **by frequency**: the most frequent gets 0. Ties go by the alphabet. `stringOrderType="alphabetAsc"` sorts
#   instead.
# * An index is not yet a feature of a linear model, which would read plan 2 as twice plan 1. `OneHotEncoder` makes a vector of zeros and a one.
#   `dropLast=True` leaves the last category out: it is the vector of zeros.
# * `handleInvalid` says what happens to the unexpected: `error` (default), `skip` (the **row** disappears) or `keep`. In the indexer `keep` gives
#   nulls and unseen values one more index, the last. In the assembler `keep` lets a null through as NaN.
#
# ### Trap: a label that is a string
# A label must be a number. First, what Spark says to words:


# %% tags=["nbval-check-output"]
trials = spark.createDataFrame(
    [("yes", 2.0), ("yes", 3.0), ("no", 9.0), ("yes", 1.0), ("no", 7.0)], "cancelled string, days double"
)
trials = VectorAssembler(inputCols=["days"], outputCol="features").transform(trials)
try:
    LogisticRegression(labelCol="cancelled").fit(trials)
except IllegalArgumentException as error:
    print(f"label as words:    {type(error).__name__}")
as_number = trials.withColumn("label", F.expr("CAST(cancelled = 'yes' AS INT)"))
print(f"label as a number: {type(LogisticRegression(maxIter=3).fit(as_number)).__name__}")

# %% [markdown]
# The quick repair is an indexer for the label. It runs, and it turns the model around: here most users cancel, so "yes" is the more frequent
# value and becomes class **0**. `probability[1]` is then the probability of staying.

# %% tags=["nbval-check-output"]
indexer = StringIndexer(inputCol="cancelled", outputCol="label")
print("class 0, class 1 by frequency:", indexer.fit(trials).labels)
print("class 0, class 1 by alphabet: ", indexer.setStringOrderType("alphabetAsc").fit(trials).labels)

# %% [markdown]
# Better: say what you mean, `F.expr("CAST(cancelled = 'yes' AS INT)")`. A cast needs no fit and cannot turn around when the shares change.
#
# ### Exercise 5.3 - four rows come in
# The stages below are fitted on six customers: three `basic`, two `standard`, one `premium`. Tonight's rows are (premium, 100 minutes), (gift,
# 50), (null, 80), (basic, null). **Before** you run it: how many rows come out, and what are the one-hot vectors of `basic`, `premium` and of the
# unseen plan `gift`? Answer like `{"rows": 2, "basic": [0, 1], "premium": [1, 1], "gift": [0, 0]}`.

# %%
customers = spark.createDataFrame(
    [("basic", 60.0), ("basic", 70.0), ("standard", 90.0), ("premium", 95.0), ("basic", 40.0), ("standard", 85.0)],
    "plan string, minutes double",
)
encoding = Pipeline(
    stages=[
        StringIndexer(inputCol="plan", outputCol="plan_index", handleInvalid="keep"),
        OneHotEncoder(inputCols=["plan_index"], outputCols=["plan_onehot"]),
        VectorAssembler(inputCols=["plan_onehot", "minutes"], outputCol="features", handleInvalid="skip"),
    ]
)
tonight = spark.createDataFrame(
    [("premium", 100.0), ("gift", 50.0), (None, 80.0), ("basic", None)], "plan string, minutes double"
)

# %%
### BEGIN SOLUTION
predicted = {"rows": 3, "basic": [1, 0, 0], "premium": [0, 0, 1], "gift": [0, 0, 0]}
### END SOLUTION
check("5.3", predicted)

# %% tags=["nbval-check-output"]
encoder = encoding.fit(customers)
encoded = encoder.transform(tonight)
print(encoded.count(), "of", tonight.count(), "rows come out")
known = encoder.transform(customers).select("plan", vector_to_array("plan_onehot").alias("v")).distinct()
for row in known.union(encoded.select("plan", vector_to_array("plan_onehot"))).distinct().orderBy("plan").collect():
    print(f"{row.plan!s:9}", [int(value) for value in row.v])

# %% [markdown]
# Three things at once. `keep` gave `gift` and the missing plan a fourth index; `dropLast` drops exactly that fourth category, so both are zeros
# and the known plans keep a place each. And `skip` in the assembler lost the customer without minutes: she gets **no score at all**, and nobody
# is told. Fill gaps with an `Imputer` and leave `skip` alone.
#
# **Many values.** One-hot of 30,000 devices makes 30,000 places, and `keep` gives all new devices the same one. `FeatureHasher` computes the
# place from the value: no vocabulary, fixed length, new values differ, at the price of collisions. `TargetEncoder` (Spark 4) replaces a value by
# the mean label of its training rows: one number, but it reads the label - section 6 shows what that can do.

# %% [markdown]
# ## 5 · A split that stays
#
# `randomSplit([0.8, 0.2], seed=42)` looks repeatable. The seed fixes a draw **in each partition**; other files or another cluster mean other
# partitions:

# %% tags=["nbval-check-output"]
once = rows.randomSplit([0.8, 0.2], seed=42)[1].select("customer_id", "label_ts")
again = rows.repartition(7).randomSplit([0.8, 0.2], seed=42)[1].select("customer_id", "label_ts")
both = once.intersect(again).count()
print(f"the same seed, the same rows: {once.count():,} and {again.count():,} test rows, {both:,} in common")
learned_from = rows.join(once, ["customer_id", "label_ts"], "left_anti").select("customer_id").distinct()
seen = once.select("customer_id").distinct()
print(
    f"{seen.join(learned_from, 'customer_id').count():,} of {seen.count():,} test customers are also in the training part"
)

# %% [markdown]
# Two faults. After any rewrite of the table - an `OPTIMIZE` is enough - other rows are in the test set, and yesterday's model is judged on rows
# it has learned. And one customer has a label every four weeks, so a draw of rows puts nearly everyone on both sides. A **hash of the customer**
# ends both: it depends on the key alone. That is all that `churn.split_by_customer` does. A split written to a table once works too; `sample`
# with a seed has the fault of `randomSplit`, and a cache ends with the session.

# %% tags=["nbval-check-output"]
train, test = churn.split_by_customer(rows)
_, test_again = churn.split_by_customer(rows.repartition(7))
same = test.select("customer_id", "label_ts").exceptAll(test_again.select("customer_id", "label_ts")).count() == 0
shared = train.select("customer_id").distinct().join(test.select("customer_id").distinct(), "customer_id").count()
print(
    f"{train.count():,} training rows, {test.count():,} test rows; the same after repartitioning: {same}; shared customers: {shared}"
)
train_pd, test_pd = (
    part.toPandas().sort_values(["customer_id", "label_ts"], ignore_index=True) for part in (train, test)
)

# %% [markdown]
# ## 6 · Pipelines
#
# A `Pipeline` is an estimator made of stages. `fit(train)` runs down the list: it fits a stage, transforms the rows with it, and hands them to
# the next. What comes out is a `PipelineModel`, a transformer with everything that was learned. A `Pipeline` has no `transform` and a
# `PipelineModel` has no `fit`: to learn from new rows, fit the pipeline again, from nothing. The list is run **as it stands**: nobody sorts it by
# columns.

# %% tags=["nbval-check-output"]
index, encode, assemble = encoding.getStages()
try:
    Pipeline(stages=[index, assemble, encode]).fit(customers)
except IllegalArgumentException as error:
    print(f"{type(error).__name__}, and it names plan_onehot: {'plan_onehot' in str(error)}")
print("still an estimator:", type(encoding.getStages()[0]).__name__)
print("its fitted twin:   ", type(encoder.stages[0]).__name__)
print("learns nothing:    ", type(encoder.stages[2]).__name__)

# %% [markdown]
# ### Exercise 5.4 - a pipeline that survives production
# Build `unfitted`: it takes `age`, `log_income`, `country` and `plan` and ends in a `LogisticRegression` for `churned`. Missing numbers get the
# **median** of the training rows, a country that training has not seen still gets a score, and no category is read as a quantity.

# %%
### BEGIN SOLUTION
unfitted = Pipeline(
    stages=[
        Imputer(inputCols=["age", "log_income"], outputCols=["age_filled", "income_filled"], strategy="median"),
        StringIndexer(inputCols=["country", "plan"], outputCols=["country_index", "plan_index"], handleInvalid="keep"),
        OneHotEncoder(inputCols=["country_index", "plan_index"], outputCols=["country_onehot", "plan_onehot"]),
        VectorAssembler(
            inputCols=["age_filled", "income_filled", "country_onehot", "plan_onehot"], outputCol="features"
        ),
        LogisticRegression(labelCol="churned"),
    ]
)
### END SOLUTION
check("5.4", unfitted)

# %% [markdown]
# ### The leak: a stage that is fitted on all rows
# "Clean the data, then split" is the natural order, and the wrong one. Whatever an early stage learns, it learns from test rows too. How bad is
# that? It depends on **what** the stage learns. An imputer learns one number:

# %% tags=["nbval-check-output"]
imputer = Imputer(inputCols=["age"], outputCols=["age_filled"], strategy="mean")
print(
    f"mean age: {imputer.fit(rows).surrogateDF.first().age:.2f} of all rows, {imputer.fit(train).surrogateDF.first().age:.2f} of the training rows"
)

# %% [markdown]
# A leak, but a tiny one. Now a stage that learns from the **label**. Let us add a postcode drawn at random: 3,000 values that have nothing to do
# with anything. A `TargetEncoder` replaces each by the mean label of its rows. An honest AUC of pure noise is 0.5, a coin.

# %%
noisy = rows.withColumn(
    "postcode", F.pmod(F.xxhash64("customer_id", "label_ts", F.lit("post")), F.lit(3000)).cast("double")
)
noisy_train, noisy_test = churn.split_by_customer(noisy)
target = TargetEncoder(
    inputCols=["postcode"], outputCols=["score"], labelCol="churned", handleInvalid="keep", smoothing=1.0
)
leaking = churn.auc(target.fit(noisy).transform(noisy_test), score="score")
honest = churn.auc(target.fit(noisy_train).transform(noisy_test), score="score")

# %% tags=["picture"]
figure, axes = pictures.draw(
    alt=f"AUC on test rows of a postcode that means nothing: {leaking:.2f} if the encoder is fitted on all rows and then split, {honest:.2f} if it is "
    "fitted on the training rows; a coin has 0.5.",
    size=(6.5, 1.6),
)
drawn = axes.barh(
    ["fitted on the training rows", "fitted on all rows"], [honest, leaking], color=[pictures.BLUE, pictures.ORANGE]
)
axes.bar_label(drawn, fmt="%.2f", label_type="center", color="white", fontweight="bold")
axes.axvline(0.5, color="black", linestyle="--")
axes.annotate("a coin", (0.5, 0.5), xytext=(5, 0), textcoords="offset points", va="center")
axes.set(xlim=(0, 1), xlabel="AUC on the test rows", title="A postcode that means nothing")
figure

# %% [markdown]
# The encoder wrote the test labels into the test rows. No better model, no more data would have helped: the score was a fiction before training
# began. The rule has no exceptions to remember: **split first, and put every stage that learns into the pipeline.** Then `fit(train)` cannot see
# more than it should, and test rows and production rows get the stored numbers.
#
# From here on we use the pipeline of `course/churn/training.py`: six numbers, two categories, a logistic regression.

# %% tags=["nbval-check-output"]
pipeline = churn.spark_pipeline("classifier")
model = pipeline.fit(train)


def scores(fitted_model, frame):
    """Labels and probabilities of a scored frame, in pandas."""
    p = vector_to_array("probability")[1].alias("p")
    return fitted_model.transform(frame).select("customer_id", "label_ts", "churned", p).toPandas()


plain = scores(model, test)
best = churn.best_auc(ws, test.select("customer_id", "label_ts", "churned"))
auc = churn.pandas_auc(plain["churned"], plain["p"])
print(f"AUC on the test customers {auc:.3f}; the truth behind the data would reach {best:.3f}")

# %%
ws.report(auc_spark_ml=auc, auc_best_possible=best)

# %% [markdown]
# > **On the exam** estimators and transformers "chained" are a pipeline, and every stage that learns belongs in it. **Today** the same code runs
# > on every kind of compute: since Databricks Runtime 17.0 standard compute and serverless run `pyspark.ml` over Spark Connect; before, Spark ML
# > needed a dedicated cluster. **Here** the notebook runs on classic Spark and on Spark Connect alike.

# %% [markdown]
# ## 7 · Class imbalance
#
# About one label in fifteen is a churner. See what that does to the most natural metric:


# %% tags=["nbval-check-output"]
def confusion(y, flagged):
    y, flagged = np.asarray(y) == 1, np.asarray(flagged)
    return {
        "tp": int((y & flagged).sum()), "fn": int((y & ~flagged).sum()),
        "fp": int((~y & flagged).sum()), "tn": int((~y & ~flagged).sum()),
    }  # fmt: skip


at_half = confusion(plain["churned"], plain["p"] >= 0.5)
nobody = confusion(plain["churned"], plain["p"] > 1)
for name, found in {"threshold 0.5": at_half, "flag nobody": nobody}.items():
    accuracy = (found["tp"] + found["tn"]) / len(plain)
    print(f"{name:14} accuracy {100 * accuracy:.0f} %, found {found['tp']} of {found['tp'] + found['fn']} churners")

# %% [markdown]
# A model that flags nobody is as "accurate" as ours. Nothing is wrong with our model: its ranking is close to the best possible. What is wrong is
# the metric, and the threshold of 0.5, which hardly any customer reaches. Remedies, from harmless to dangerous:
#
# | remedy | changes | remember |
# |---|---|---|
# | another threshold | the decision | often all you need (section 8) |
# | weights, `weightCol="weight"` | the fit | probabilities no longer mean what they say (section 9) |
# | keep a share of the majority | the fit, faster | same; undo it in the odds |
# | copy the minority, or invent rows (SMOTE) | the fit | only **inside** the training part |
#
# Spark ML has no `class_weight="balanced"`. It takes a weight for each row from a column.
#
# ### Exercise 5.5 - balance by weight
# Make `weighted`: `train` with a column `weight`, so that churners and stayers have the same total weight, and all weights together still add up
# to the number of rows.

# %%
### BEGIN SOLUTION
counts = train.groupBy("churned").count().collect()
share = {row["churned"]: train.count() / (2 * row["count"]) for row in counts}
weighted = train.withColumn("weight", F.when(F.col("churned") == 1, share[1]).otherwise(share[0]))
### END SOLUTION
check("5.5", weighted)

# %% tags=["nbval-check-output"]
churners, stayers = int(train_pd["churned"].sum()), int((train_pd["churned"] == 0).sum())
ratio = stayers / churners  # how much heavier a churner is than a stayer
total = churners + stayers
weight = F.when(F.col("churned") == 1, total / (2 * churners)).otherwise(total / (2 * stayers))
balanced_pipeline = Pipeline(
    stages=[*pipeline.getStages()[:-1], LogisticRegression(labelCol="churned", weightCol="weight")]
)
balanced = scores(balanced_pipeline.fit(train.withColumn("weight", weight)), test)
for name, scored in {"plain": plain, "balanced": balanced}.items():
    found = confusion(scored["churned"], scored["p"] >= 0.5)
    recall, precision = found["tp"] / (found["tp"] + found["fn"]), found["tp"] / max(1, found["tp"] + found["fp"])
    print(f"{name:9} recall {recall:.2f}  precision {precision:.2f}  AUC {churn.pandas_auc(scored['churned'], scored['p']):.2f}"
          f"  mean probability {scored['p'].mean():.2f}")  # fmt: skip
print(f"share who really left {plain['churned'].mean():.2f}")

# %% [markdown]
# Recall went up, precision went down, and the AUC stayed: weighting moved everybody's score up and hardly changed the order. A lower threshold on
# the plain model does the same. But the mean probability is now several times the share of those who leave.
#
# ### Trap: copies on both sides
# Copying the churners before the split puts twins into training and validation. A forest recognises the twins:

# %% tags=["nbval-check-output"]
from sklearn.ensemble import RandomForestClassifier as SklearnForest
from sklearn.model_selection import train_test_split


def validated(learn_from, judge_on):
    grown = SklearnForest(25, random_state=7, n_jobs=2).fit(learn_from[numeric].fillna(0), learn_from["churned"])
    return churn.pandas_auc(judge_on["churned"], grown.predict_proba(judge_on[numeric].fillna(0))[:, 1])


copies = pd.concat([train_pd] + 14 * [train_pd[train_pd["churned"] == 1]])
part, rest = train_test_split(copies, test_size=0.25, random_state=7)
print(
    f"copied before the split: AUC {validated(part, rest):.2f} in validation, {validated(copies, test_pd):.2f} on customers nobody copied"
)

# %% [markdown]
# ## 8 · Metrics chosen by cost
#
# | evaluator | reads | default metric | others |
# |---|---|---|---|
# | `BinaryClassificationEvaluator` | `rawPrediction` | `areaUnderROC` | `areaUnderPR` |
# | `MulticlassClassificationEvaluator` | `prediction` (`probability` for `logLoss`) | `f1`, weighted by class size | `accuracy`, `precisionByLabel`, `recallByLabel`, `logLoss`, `hammingLoss`, ... |
# | `RegressionEvaluator` | `prediction` | `rmse` | `mse`, `mae`, `r2`, `var` |
#
# Recall: which share of the churners was found, tp / (tp + fn). Precision: which share of those flagged are churners, tp / (tp + fp). Both depend
# on a threshold. Lower the threshold and recall can only rise; precision usually falls. The area under the **ROC** curve depends on the order
# alone: it is the chance that a random churner scores higher than a random stayer, 0.5 for a coin. The area under the **PR** curve looks at
# precision, so its level without skill is the share of positives, and it falls when positives get rarer.
#
# ### Exercise 5.6 - what does this evaluator return?
# Someone passes `rawPredictionCol="prediction"`, because "that is where the predictions are". At the threshold of 0.5 our test rows give the four
# counts of `at_half`, printed below. Compute from them the number that `BinaryClassificationEvaluator` will return, **before** you run it. A
# pointer: with scores of 0 and 1 only, the ROC curve has a single corner.

# %% tags=["nbval-check-output"]
print(at_half)

# %%
### BEGIN SOLUTION
recall_at_half = at_half["tp"] / (at_half["tp"] + at_half["fn"])
specificity = at_half["tn"] / (at_half["tn"] + at_half["fp"])
returned = (recall_at_half + specificity) / 2
### END SOLUTION
check("5.6", returned, at_half)

# %% tags=["nbval-check-output"]
scored_test = model.transform(test)
for column in ("prediction", "rawPrediction"):
    evaluator = BinaryClassificationEvaluator(rawPredictionCol=column, labelCol="churned")
    print(f"areaUnderROC from {column:13} {evaluator.evaluate(scored_test):.2f}")
pr = BinaryClassificationEvaluator(labelCol="churned", metricName="areaUnderPR").evaluate(scored_test)
print(f"areaUnderPR  {pr:.2f}, where a coin would reach {plain['churned'].mean():.2f}")

# %% [markdown]
# With 0 and 1 the area is the mean of recall and specificity at one threshold: a fine number, and not the AUC. The other default to know is `f1`:

# %% tags=["nbval-check-output"]
silent = test.select(F.col("churned").cast("double"), F.lit(0.0).alias("prediction"))  # flags nobody
for asked in ({}, {"metricName": "recallByLabel"}, {"metricName": "recallByLabel", "metricLabel": 1.0}):
    value = MulticlassClassificationEvaluator(labelCol="churned", **asked).evaluate(silent)
    print(f"{asked!s:55} {value:.2f}")

# %% [markdown]
# A model that finds nobody gets an F1 of 0.9, because Spark weights the F1 of each class by its rows. And `recallByLabel` looks at class 0 unless
# `metricLabel=1.0` says otherwise.
#
# ### Exercise 5.7 - choose the metric
# Choose one for each question: `"areaUnderROC"`, `"areaUnderPR"`, `"recallByLabel"`, `"logLoss"`, `"rmse"`, `"mae"`.
#
# * a: 3 in 1,000 invoices are fraud, and the team can check the top 200 of 50,000. Which of two rankings is better?
# * b: finance multiplies each probability by the customer's revenue. Which model's probabilities are better?
# * c: a scan at an agreed threshold must miss as few sick people as possible
# * d: a delivery forecast: one miss of an hour costs a customer, six misses of ten minutes cost nothing
# * e: a stock forecast: each unit too many or too few costs one euro
# * f: how often does a random churner score higher than a random stayer?

# %%
### BEGIN SOLUTION
metric = {
    "a": "areaUnderPR", "b": "logLoss", "c": "recallByLabel", "d": "rmse", "e": "mae", "f": "areaUnderROC",
}  # fmt: skip
### END SOLUTION
check("5.7", metric)

# %% [markdown]
# ### The threshold follows from the costs
# A voucher costs 12 euros. It keeps one of three customers who would have left; a kept customer is worth 180 euros. Everybody else takes the
# voucher and nothing changes:
#
# | | would have left | would have stayed |
# |---|---|---|
# | voucher | 180 / 3 - 12 = **+48** | **-12** |
# | no voucher | 0 | 0 |
#
# The expected gain of a voucher is p x 1/3 x 180 - 12, which is positive from **p = 12 / (180 / 3) = 0.20** on. No metric and no 0.5 comes into
# it, only cost, success rate and worth - and a probability that means what it says. Let us try all thresholds on the test rows, with both models:

# %% tags=["picture"]
cost, kept_share, worth = 12.0, 1 / 3, 180.0
from_p = cost / (kept_share * worth)
thresholds = np.linspace(0.02, 0.9, 45)


def net_value(scored, threshold):
    flagged = scored["p"] >= threshold
    return float((scored["churned"][flagged] * kept_share * worth - cost).sum())


value = {
    name: [net_value(scored, t) for t in thresholds] for name, scored in {"plain": plain, "balanced": balanced}.items()
}
at = {name: net_value(scored, from_p) for name, scored in {"plain": plain, "balanced": balanced}.items()}
figure, axes = pictures.draw(
    alt=f"Net value of the vouchers by threshold, in euros. At {from_p:.2f} the plain model earns {at['plain']:,.0f} euros and the "
    f"balanced model {at['balanced']:,.0f}. The best thresholds are {thresholds[np.argmax(value['plain'])]:.2f} and "
    f"{thresholds[np.argmax(value['balanced'])]:.2f}.",
    size=(6.5, 2.7),
)
axes.plot(thresholds, value["plain"], color=pictures.BLUE, label="plain model")
axes.plot(thresholds, value["balanced"], color=pictures.ORANGE, linestyle="--", label="balanced model")
axes.axvline(from_p, color="black", linestyle=":", label=f"cost / gain = {from_p:.2f}")
axes.axhline(0, color="#888888", linewidth=1)
axes.set(
    xlabel="threshold: a voucher from this probability on",
    ylabel="euros on the test rows",
    title="What the vouchers earn",
    ylim=(-11000, None),
)
axes.legend(frameon=False)
figure

# %% tags=["nbval-check-output"]
for name, scored in {"plain": plain, "balanced": balanced}.items():
    sent = int((scored["p"] >= from_p).sum())
    print(f"{name:9} {sent:,} vouchers for {len(scored):,} labels, {at[name]:,.0f} euros")

# %% [markdown]
# For the plain model the threshold from the costs is about the best there is, without any search. The balanced model ranks as well, but at 0.20
# it sends vouchers to most customers and loses thousands of euros: its 0.20 is not a probability of 0.20.

# %% [markdown]
# ## 9 · Calibration
#
# A model is calibrated if, among customers with a score of about 0.3, about 30 % leave. To look, put the scores into bins and compare their mean
# with the share who left:


# %% tags=["picture"]
def in_bins(scored):
    eighth = pd.qcut(scored["p"], 8, labels=False)
    return scored.groupby(eighth).agg(says=("p", "mean"), left=("churned", "mean"))


of_plain, of_balanced = in_bins(plain), in_bins(balanced)
figure, axes = pictures.draw(
    alt="Share who left by mean probability, in eight bins of test rows. In the highest bin "
    + ", ".join(
        f"the {name} model says {bins['says'].iloc[-1]:.2f} and {bins['left'].iloc[-1]:.2f} left"
        for name, bins in (("plain", of_plain), ("balanced", of_balanced))
    )
    + ".",
    size=(5.2, 2.7),
)
axes.plot(of_plain["says"], of_plain["left"], color=pictures.BLUE, marker="o", label="plain model")
axes.plot(of_balanced["says"], of_balanced["left"], color=pictures.ORANGE, marker="s", label="balanced model")
axes.plot([0, 0.85], [0, 0.85], color="#888888", linestyle=":", label="says what happens")
axes.set(xlabel="mean probability in the bin", ylabel="share who left", title="Eight bins of test rows")
axes.legend(frameon=False)
figure

# %% [markdown]
# Weights of w for churners and 1 for stayers multiply the **odds** p / (1 - p) of every row by about w, and so does a training set that keeps one
# stayer in w. To get the probability back, divide the odds: odds = p / (1 - p) / w, then odds / (1 + odds). Dividing the *probability* works for
# tiny values only: 0.9 / 15 is not the answer.
#
# ### Exercise 5.8 - undo the weights
# Complete `undo(p, ratio)`: it turns the probability of a model whose churners weigh `ratio` times as much as a stayer into the true one. `p` is
# a number or a NumPy array.


# %%
def undo(p, ratio):
    ### BEGIN SOLUTION
    return p / (p + ratio * (1 - p))
    ### END SOLUTION


check("5.8", undo)

# %% tags=["nbval-check-output"]
odds = balanced["p"] / (1 - balanced["p"]) / ratio
again_honest = odds / (1 + odds)
loss = {"plain": plain["p"], "balanced": balanced["p"], "balanced, undone": again_honest}
for name, p in loss.items():
    log_loss = -np.where(plain["churned"] == 1, np.log(p), np.log(1 - p)).mean()
    print(f"{name:17} mean probability {p.mean():.2f}  log loss {log_loss:.2f}")

# %% [markdown]
# ## 10 · Regression metrics
#
# RMSE squares the errors, so one large miss outweighs many small ones; MAE counts each unit alike. R2 compares with a constant: the mean of the
# rows that are judged. Below zero means that this constant would have been closer - often the level has shifted, though the order is right. Two
# forecasts of ten deliveries, in minutes:

# %% tags=["nbval-check-output"]
misses = {"steady": [8.0] * 10, "mostly sharp": [3.0] * 9 + [45.0]}
for name, miss in misses.items():
    late = spark.createDataFrame(
        [(100.0 + 10 * i, 100.0 + 10 * i + m) for i, m in enumerate(miss)], "label double, prediction double"
    )
    found = {m: RegressionEvaluator(metricName=m).evaluate(late) for m in ("rmse", "mae", "r2")}
    print(f"{name:13}", "  ".join(f"{m} {value:.2f}" for m, value in found.items()))
shifted = late.withColumn("prediction", F.col("label") + 60)
r2 = RegressionEvaluator(metricName="r2").evaluate(shifted)
print(f"always 60 too high: correlation {shifted.corr('label', 'prediction'):.2f}, r2 {r2:.2f}")

# %% [markdown]
# If large misses hurt most, `steady` is better; if every minute costs the same, `mostly sharp` is. The metric decides which model wins, so the
# costs must decide the metric. There is no `mape` in the evaluator. A percentage error is one line of SQL, and you must say which you mean:
# `avg(abs(label - prediction) / label)` counts every row alike, `sum(abs(label - prediction)) / sum(label)` counts large rows more, and neither
# exists where the label is zero.

# %% [markdown]
# ## 11 · Undo the log
#
# Minutes watched in a week are skewed to the right, so we train on `log1p(minutes)`, the logarithm of 1 + minutes, which stays defined at 0. We
# take the customers who watched at all in one week of November. What the model predicts are now logarithms.

# %% tags=["nbval-check-output"]
week = spark.table(ws.table("raw_usage")).where("week_start = '2025-11-10'").select("customer_id", "minutes")
week = week.join(spark.table(ws.table("customer_features")), "customer_id").withColumn(
    "log_minutes", F.log1p("minutes")
)
week_train, week_test = churn.split_by_customer(week.where("minutes > 0").coalesce(1))
stages = [
    StringIndexer(inputCol="plan", outputCol="plan_index"),
    OneHotEncoder(inputCols=["plan_index"], outputCols=["plan_onehot"]),
    VectorAssembler(inputCols=["plan_onehot"], outputCol="features"),
    LinearRegression(labelCol="log_minutes"),
]
forecast = Pipeline(stages=stages).fit(week_train).transform(week_test)
forecast = forecast.select("customer_id", "minutes", "log_minutes", "prediction")
on_log = RegressionEvaluator(labelCol="log_minutes").evaluate(forecast)
mixed = RegressionEvaluator(labelCol="minutes").evaluate(forecast)
print(f"log against log: rmse {on_log:.2f}, a factor of {np.exp(on_log):.1f} | log against minutes: rmse {mixed:.0f}")

# %% [markdown]
# The first number is no amount of minutes: on the log scale errors are ratios. Its exponential is the factor by which a typical prediction is
# off, for those who watch little and those who watch a lot alike. The last one compares minutes with logarithms, and means nothing.
#
# ### Exercise 5.9 - in minutes, please
# Compute `rmse_minutes`, the RMSE of `forecast` in minutes. Undo the logarithm row by row first; the label was made with `log1p`.

# %%
### BEGIN SOLUTION
back = forecast.withColumn("prediction", F.expm1("prediction"))
rmse_minutes = RegressionEvaluator(labelCol="minutes").evaluate(back)
### END SOLUTION
check("5.9", rmse_minutes, forecast)

# %% tags=["nbval-check-output"]
undone = forecast.select("minutes", F.expm1("prediction").alias("right"), F.exp("prediction").alias("wrong"))
gap, actual, planned = undone.agg(F.avg(F.col("wrong") - F.col("right")), F.sum("minutes"), F.sum("right")).first()
print(f"exp instead of expm1: every prediction is {gap:.2f} too high")
print(f"sum of the right predictions / sum of the minutes: {planned / actual:.2f}")

# %% [markdown]
# The last line is a trap for planners. A mean of logarithms, taken back, is nearer to a *median* than to a mean, and for skewed amounts a median
# is lower. For totals multiply by a factor found on training rows (sum of labels / sum of predictions), or fit a `GeneralizedLinearRegression`
# with log link, which predicts means.

# %% [markdown]
# ## 12 · Cross-validation
#
# One split judges a model on one part of the rows. With few positives the result is partly luck. K-fold cross-validation judges on every row once
# and averages. The same model, 600 training rows, 20 seeds:

# %% tags=["picture"]
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import GaussianNB

few = train_pd.sample(600, random_state=7).reset_index(drop=True)
x, y = few[numeric].fillna(few[numeric].median()), few["churned"]
single, folds = [], []
for draw in range(20):
    aucs = []
    for fit_on, judge_on in StratifiedKFold(5, shuffle=True, random_state=draw).split(x, y):
        bayes = GaussianNB().fit(x.iloc[fit_on], y.iloc[fit_on])
        aucs.append(churn.pandas_auc(y.iloc[judge_on], bayes.predict_proba(x.iloc[judge_on])[:, 1]))
    single.append(aucs[0])  # the first fold alone is one random 80/20 split
    folds.append(float(np.mean(aucs)))
figure, axes = pictures.draw(
    alt=f"AUC of one model for 20 seeds. A single 80/20 split gives {min(single):.2f} to {max(single):.2f}, the mean of five folds "
    f"{min(folds):.2f} to {max(folds):.2f}.",
    size=(6.5, 1.6),
)
axes.scatter(single, ["one 80/20 split"] * 20, color=pictures.ORANGE, marker="s", alpha=0.6)
axes.scatter(folds, ["mean of 5 folds"] * 20, color=pictures.BLUE, alpha=0.6)
axes.set(xlabel="AUC in validation", title="One model, 20 seeds", ylim=(-0.6, 1.6))
figure

# %% [markdown]
# The mean of the folds moves much less; it does not stand still, because the seed still decides who meets in a fold. The price is time:
# **combinations x folds + 1** fits, the last one on all training rows with the winner. `TrainValidationSplit` needs **combinations + 1**. With
# millions of rows a single split is steady enough; with few rows it is a lottery. `parallelism` runs fits side by side and changes their number
# by none.
#
# ### Exercise 5.10 - count the fits
# A grid has three values for `regParam` and three for `maxIter`. How often is each stage fitted, if
#
# * `"inside"`: the pipeline (fill, then model) is the estimator of a `CrossValidator` with 5 folds - the fits of the **model**
# * `"fill inside"`: the same - the fits of the **filling** stage
# * `"fill outside"`: the cross-validation is the last stage **of the pipeline** - the fits of the filling stage
# * `"split"`: the pipeline is the estimator of a `TrainValidationSplit` - the fits of the model

# %%
### BEGIN SOLUTION
fits = {"inside": 46, "fill inside": 46, "fill outside": 1, "split": 10}
### END SOLUTION
check("5.10", fits)

# %% [markdown]
# Now count. Two stages that learn nothing and note each fit stand for the real ones, so this costs no time:

# %% tags=["nbval-check-output"]
from pyspark.ml.param.shared import HasMaxIter, HasRegParam


class Nothing(Model):
    def _transform(self, dataset):
        return dataset


class Noted(Estimator, HasRegParam, HasMaxIter):
    def __init__(self):
        super().__init__()
        self.fits = []

    def _fit(self, dataset):
        self.fits.append(dataset)
        return Nothing()


class Coin(Evaluator):
    def _evaluate(self, dataset):
        return 0.5


def counted(search):
    fill, learner = Noted(), Noted()
    grid = ParamGridBuilder().addGrid(learner.regParam, [0.0, 0.1, 1.0]).addGrid(learner.maxIter, [5, 10, 20]).build()
    search(fill, learner, {"estimatorParamMaps": grid, "evaluator": Coin()}).fit(train)
    return f"the model {len(learner.fits)} times, the filling stage {len(fill.fits)} times"


print("pipeline in CrossValidator:      ", counted(
    lambda fill, learner, how: CrossValidator(estimator=Pipeline(stages=[fill, learner]), numFolds=5, **how)))  # fmt: skip
print("CrossValidator in pipeline:      ", counted(
    lambda fill, learner, how: Pipeline(stages=[fill, CrossValidator(estimator=learner, numFolds=5, **how)])))  # fmt: skip
print("pipeline in TrainValidationSplit:", counted(
    lambda fill, learner, how: TrainValidationSplit(estimator=Pipeline(stages=[fill, learner]), **how)))  # fmt: skip

# %% [markdown]
# The second layout is cheaper for a reason: the filling stage was fitted **once, on all rows**, validation rows included. For an imputer that is
# a small leak; for a target encoder it is the picture of section 6. Put the whole pipeline into the search.
#
# > **On the exam** "how many models are trained?" wants combinations x folds; if the final fit on all rows counts, it is one more, so read the
# > wording. **Today** a search for a single-node model runs with Optuna or Ray instead (chapter 06). **On Databricks** each fit of a search can
# > be logged as a child run by `mlflow.pyspark.ml.autolog()`.
#
# ### Trap: a grid that never arrives
# A parameter belongs to **one object**. A grid built from another `LogisticRegression` fits no stage, and a stage takes what is its own and says
# nothing about the rest:

# %% tags=["nbval-check-output"]
stranger = LogisticRegression(labelCol="churned")
inside = pipeline.getStages()[-1]
for name, owner in {"another object": stranger, "the stage itself": inside}.items():
    grid = ParamGridBuilder().addGrid(owner.regParam, [0.01, 0.1, 10.0]).build()
    used = [pipeline.copy(values).getStages()[-1].getRegParam() for values in grid]
    print(f"a grid from {name}: the fits use regParam {used}")

# %% [markdown]
# The first search would fit the same model again and again, report equal averages, and declare a winner.
#
# ### Exercise 5.11 - a search with customers kept apart
# By default the folds are drawn by row, and months of one customer land on both sides. `foldCol` names a column with the number of the fold, 0 to
# `numFolds` - 1. Make `folded`, which is `train` with a column `fold` that keeps each customer in one of **3** folds, and `search`, a
# `CrossValidator` over the whole `pipeline` with that column, the values 0.0 and 0.1 for `regParam`, judged by the area under the ROC curve. Do
# not fit it.

# %%
### BEGIN SOLUTION
folded = train.withColumn("fold", F.pmod(F.hash("customer_id"), F.lit(3)))
search = CrossValidator(
    estimator=pipeline,
    estimatorParamMaps=ParamGridBuilder().addGrid(pipeline.getStages()[-1].regParam, [0.0, 0.1]).build(),
    evaluator=BinaryClassificationEvaluator(labelCol="churned"),
    numFolds=3,
    foldCol="fold",
    parallelism=2,
)
### END SOLUTION
check("5.11", search, folded, pipeline)

# %% [markdown]
# Ours, for the next cells. It makes 2 x 3 + 1 = 7 fits of the whole pipeline.

# %% tags=["nbval-check-output"]
by_customer = train.withColumn("fold", F.pmod(F.xxhash64("customer_id", F.lit("fold")), F.lit(3)).cast("int"))
grid = ParamGridBuilder().addGrid(inside.regParam, [0.0, 0.1]).build()
tuned = CrossValidator(
    estimator=pipeline, estimatorParamMaps=grid, evaluator=BinaryClassificationEvaluator(labelCol="churned"),
    numFolds=3, foldCol="fold", parallelism=2,
).fit(by_customer)  # fmt: skip
for values, mean, spread in zip(grid, tuned.avgMetrics, tuned.stdMetrics, strict=True):
    print(f"regParam {values[inside.regParam]}: AUC {mean:.3f}, standard deviation over the folds {spread:.3f}")

# %% [markdown]
# `avgMetrics` has one mean for each combination, in the order of the grid; `bestModel` is a new fit of the winner on all rows of the frame, not
# the luckiest fold. The evaluator says through `isLargerBetter()` whether the largest or the smallest mean wins, so never multiply a loss by -1.
# When two means differ by less than the spread, take the simpler model. `collectSubModels=True` keeps the models of the folds for a look, and
# costs memory.

# %% [markdown]
# ## 13 · Overfitting on curves
#
# Two curves tell what a model lacks. The **validation curve** changes the complexity, the **learning curve** the number of rows. We draw them
# with scikit-learn: 9,000 rows fit into any machine. What they say holds for `maxDepth` in Spark too.

# %% tags=["picture"]
from sklearn.tree import DecisionTreeClassifier as SklearnTree


def both_aucs(learner, learn_from):
    columns = numeric
    fitted_tree = learner.fit(learn_from[columns].fillna(0), learn_from["churned"])
    return [
        churn.pandas_auc(part["churned"], fitted_tree.predict_proba(part[columns].fillna(0))[:, 1])
        for part in (learn_from, test_pd)
    ]


depths = [1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20]
by_depth = np.array([both_aucs(SklearnTree(max_depth=depth, random_state=7), train_pd) for depth in depths])
sizes = [int(len(train_pd) * share) for share in (0.03, 0.06, 0.12, 0.25, 0.5, 1.0)]
by_size = np.mean(
    [
        [
            both_aucs(SklearnTree(max_depth=6, random_state=7), train_pd.sample(size, random_state=draw))
            for size in sizes
        ]
        for draw in range(4)
    ],
    axis=0,
)
top = depths[int(by_depth[:, 1].argmax())]
figure, (left, right) = pictures.draw(
    alt=f"Left: AUC of a tree by depth. In training it rises from {by_depth[0, 0]:.2f} to {by_depth[-1, 0]:.2f}, in validation it is highest "
    f"at depth {top} with {by_depth[:, 1].max():.2f} and falls to {by_depth[-1, 1]:.2f}. Right: AUC at depth 6 by rows. With {sizes[0]} rows "
    f"{by_size[0, 0]:.2f} in training and {by_size[0, 1]:.2f} in validation, with {sizes[-1]:,} rows {by_size[-1, 0]:.2f} and {by_size[-1, 1]:.2f}.",
    size=(7.4, 2.5),
    columns=2,
    sharey=True,
)
for axes, x, found, title, along in (
    (left, depths, by_depth, "Validation curve", "depth of the tree"),
    (right, sizes, by_size, "Learning curve, depth 6", "training rows"),
):
    axes.plot(x, found[:, 0], color=pictures.GREY, marker="s", linestyle="--", label="training")
    axes.plot(x, found[:, 1], color=pictures.BLUE, marker="o", label="validation")
    axes.axhline(best, color=pictures.ORANGE, linestyle=":", label="best possible")
    axes.set(title=title, xlabel=along)
right.set_xscale("log")
left.set_ylabel("AUC")
left.legend(frameon=False)
figure

# %% [markdown]
# Left end: both curves low and together, the tree is too simple (**bias**). Right end of the left panel: training near 1, validation falling, the
# tree knows its rows by heart (**variance**). On the right, more rows bring the curves together from both sides: rows cure variance. They do
# nothing for bias, because a stump stays a stump.
#
# | | training | validation | cure |
# |---|---|---|---|
# | bias | poor | as poor | more features, squares and products (`PolynomialExpansion`), deeper trees, less penalty |
# | variance | good | much worse | shallower trees, `minInstancesPerNode`, more penalty, more rows |
# | neither | good | nearly as good, near what is possible | leave it |
#
# Penalties point in opposite directions in the two libraries: scikit-learn's `C` is the **inverse** strength, Spark's `regParam` the strength,
# about 1 / (rows x C).
#
# ### Exercise 5.12 - diagnose
# For each say `"bias"`, `"variance"` or `"neither"`. The best possible AUC is 0.84.
#
# * a: AUC 0.99 in training, 0.71 in validation
# * b: AUC 0.66 in training, 0.66 in validation
# * c: AUC 0.845 in training, 0.83 in validation
# * d: AUC 0.92 in training, 0.78 in validation; with half of the rows it was 0.97 and 0.74
# * e: scikit-learn's `LogisticRegression(C=1000)` was moved to Spark as `regParam=1000`; both AUCs are still near 0.82, but every probability is
#   about 0.07

# %%
### BEGIN SOLUTION
verdict = {"a": "variance", "b": "bias", "c": "neither", "d": "variance", "e": "bias"}
### END SOLUTION
check("5.12", verdict)

# %% [markdown]
# ## 14 · Feature importance
#
# A logistic regression can be read: exp(coefficient) is the factor on the odds for one more unit. We know the truth behind these data, so we can
# compare:

# %% tags=["nbval-check-output"]
coefficients = dict(zip(numeric, tuned.bestModel.stages[-1].coefficients.toArray(), strict=False))
for name, truth in {"tickets_30d": 0.80, "late_payments_90d": 0.75}.items():
    print(f"one more in {name:18} odds x {np.exp(coefficients[name]):.1f}, in truth x {np.exp(truth):.1f}")

# %% [markdown]
# A forest has `featureImportances`: how much each column reduced impurity, on **training** rows, scaled to a sum of 1. Two traps. The vector has
# positions and no names; the names are in the metadata of the assembled column. And a column with many values offers many places to cut, so even
# noise gets its share. Let us add a column of pure noise and ask in two ways: by impurity, and by **permutation** - shuffle one column of the
# *test* rows and see how much AUC is lost.

# %%
noise = (F.pmod(F.xxhash64("customer_id", "label_ts", F.lit("noise")), F.lit(1000)) / 1000).alias("noise")
columns = [*numeric, "noise"]
medians = tuned.bestModel.stages[0].surrogateDF.first().asDict()
assembler = VectorAssembler(inputCols=columns, outputCol="features")
with_noise = assembler.transform(train.select("*", noise).fillna(medians))
grown = RandomForestClassifier(labelCol="churned", numTrees=10, maxDepth=8, seed=7).fit(with_noise)
attributes = with_noise.schema["features"].metadata["ml_attr"]["attrs"]["numeric"]
by_impurity = {attribute["name"]: float(grown.featureImportances[attribute["idx"]]) for attribute in attributes}

rng = np.random.default_rng(7)
unshuffled = test.select("customer_id", "label_ts", *columns[:-1], noise, "churned").fillna(medians).toPandas()
variants = [unshuffled.assign(shuffled="none")]
variants += [unshuffled.assign(shuffled=name, **{name: rng.permutation(unshuffled[name])}) for name in columns]
asked = assembler.transform(spark.createDataFrame(pd.concat(variants)[[*columns, "churned", "shuffled"]]))
judged = grown.transform(asked).select("shuffled", "churned", vector_to_array("probability")[1].alias("p")).toPandas()
aucs = {name: churn.pandas_auc(part["churned"], part["p"]) for name, part in judged.groupby("shuffled")}
lost = {name: aucs["none"] - aucs[name] for name in columns}

# %% tags=["picture"]
ranked = sorted(columns, key=by_impurity.get)
figure, (left, right) = pictures.draw(
    alt=f"Importance of seven columns in a forest. By impurity noise has {by_impurity['noise']:.2f}, and minutes_trend, the highest, has "
    f"{by_impurity['minutes_trend']:.2f}. By permutation on test rows shuffling noise loses {lost['noise']:.3f} of the AUC, minutes_trend {lost['minutes_trend']:.3f}.",
    size=(7.4, 2.5),
    columns=2,
    sharey=True,
)
for axes, found, title, unit in (
    (left, by_impurity, "By impurity, training rows", "share of the reduction"),
    (right, lost, "By permutation, test rows", "AUC lost"),
):
    colours = [pictures.ORANGE if name == "noise" else pictures.BLUE for name in ranked]
    drawn = axes.barh(ranked, [found[name] for name in ranked], color=colours)
    axes.bar_label(drawn, fmt="%.2f", padding=3)
    axes.set(title=title, xlabel=unit)
    axes.margins(x=0.15)
figure

# %% [markdown]
# By impurity the noise stands among the real columns. Permutation gives it nothing, because on rows that the forest has not seen the noise does
# not help. Print both before you tell anyone what drives churn.

# %% [markdown]
# ## 15 · The baseline, registered
#
# The winner of the search becomes the baseline that later models must beat: parameters and metrics first, then the model with a signature, which
# Unity Catalog demands, then the alias.

# %%
baseline_name = ws.table("churn_spark_ml")
inputs = [*numeric, *categorical]
after = scores(tuned.bestModel, test)
some = tuned.bestModel.transform(train.limit(50)).select(*inputs, "prediction").toPandas()
some = some.astype(dict.fromkeys(numeric, float))  # doubles can be missing, integers cannot
with mlflow.start_run(run_name="Spark ML baseline") as run:
    mlflow.log_params(
        {"regParam": tuned.bestModel.stages[-1].getRegParam(), "folds": 3, "split": "hash of customer_id"}
    )
    mlflow.log_metrics(
        {"auc_folds": float(max(tuned.avgMetrics)), "auc": churn.pandas_auc(after["churned"], after["p"])}
    )
    mlflow.spark.log_model(
        tuned.bestModel,
        artifact_path="model",
        signature=mlflow.models.infer_signature(some[inputs], some[["prediction"]]),
        registered_model_name=baseline_name,
        # Named, because finding them out takes MLflow a process that loads the model.
        pip_requirements=mlflow.spark.get_default_pip_requirements(),
    )
version = churn.version_of_run(baseline_name, run.info.run_id)
mlflow.MlflowClient().set_registered_model_alias(baseline_name, "Champion", str(version))
baseline = mlflow.spark.load_model(f"models:/{baseline_name}@Champion")
print([type(stage).__name__ for stage in baseline.stages])

# %% [markdown]
# > **On the exam** `mlflow.spark.log_model` is the call for a Spark ML model, and that holds. Older material lets `mlflow.spark.autolog()` track
# > the training: it records data sources only. Spark ML's parameters and metrics are logged by `mlflow.pyspark.ml.autolog()`, or by
# > `mlflow.autolog()` for everything. **On Databricks** `registered_model_name` needs three levels and a signature.

# %% [markdown]
# ## 16 · Scoring in batch and stream
#
# The loaded model carries its medians, labels and coefficients. `transform` adds three columns: `rawPrediction` (the log-odds, here),
# `probability` (a **vector**, one place for each class) and `prediction` (the class at the threshold, 0.0 or 1.0). To rank customers or to
# multiply by euros you need the probability of class 1 as a number:

# %% tags=["nbval-check-output"]
incoming, from_stream = ws.table("demo_ml_incoming"), ws.table("demo_ml_from_stream")
for table in (incoming, from_stream):
    spark.sql(f"DROP TABLE IF EXISTS {table}")
rows.where("label_ts = '2025-11-17'").write.saveAsTable(incoming)


def refusal(attempt):
    try:
        attempt()
    except AnalysisException as error:
        return f"refused, {type(error).__name__}"
    return "works"


batch = baseline.transform(spark.table(incoming))
print("F.col('probability')[1]            ", refusal(lambda: batch.select(F.col("probability")[1]).count()))
print("vector_to_array('probability')[1]  ", refusal(lambda: batch.select(vector_to_array("probability")[1]).count()))

# %% [markdown]
# Structured Streaming hands the same model a table that never ends. `transform` works row by row, so it gives another stream. Whatever needs
# **all** rows - `fit`, an evaluator, `collect`, `count` - is refused. Before you run the cell: which of the four lines work?

# %% tags=["nbval-check-output"]
stream = spark.readStream.table(incoming)
print("pipeline.fit(stream)       ", refusal(lambda: pipeline.fit(stream)))
print("model.transform(stream)    ", refusal(lambda: baseline.transform(stream)))
print("evaluator.evaluate(scored) ", refusal(lambda: evaluator.evaluate(baseline.transform(stream))))
print("scored.collect()           ", refusal(lambda: baseline.transform(stream).collect()))

# %%
# A checkpoint remembers what has been read. On serverless compute it must be in a volume, here any folder will do.
checkpoint = tempfile.mkdtemp(dir=os.environ.get("MLFLOW_DFS_TMP"))
scored_stream = baseline.transform(stream).select("customer_id", vector_to_array("probability")[1].alias("p"))
query = (
    scored_stream.writeStream.trigger(availableNow=True).option("checkpointLocation", checkpoint).toTable(from_stream)
)
query.awaitTermination()

# %% tags=["nbval-check-output"]
pairs = spark.table(from_stream).join(
    batch.select("customer_id", vector_to_array("probability")[1].alias("in_batch")), "customer_id"
)
apart = pairs.agg(F.max(F.abs(F.col("p") - F.col("in_batch")))).first()[0]
print(f"{pairs.count():,} customers scored by the stream; largest difference from the batch {apart:.6f}")

# %% [markdown]
# `availableNow` reads what is there and ends, which is what a nightly job and serverless compute want. When scores go to two places or into a
# `MERGE`, `foreachBatch` calls your function with each small batch as an ordinary DataFrame. To train on what streams in, refit on a table on a
# schedule: chapter 09.

# %% [markdown]
# ## 17 · Spark ML or one node
#
# The same rows, the same algorithm, both libraries. First: do they find the same model?

# %% tags=["nbval-check-output"]
on_one_node = churn.sklearn_pipeline().fit(train_pd, train_pd["churned"])
p_one_node = on_one_node.predict_proba(test_pd)[:, 1]
print(
    f"AUC: Spark ML {churn.pandas_auc(plain['churned'], plain['p']):.2f}, scikit-learn {churn.pandas_auc(test_pd['churned'], p_one_node):.2f}"
)

# %% [markdown]
# They do. What differs is the price. We let the rows grow by slightly shaken copies and time a fit of five boosted trees: Spark ML on the table,
# and scikit-learn including the way to the driver (`toPandas`), once with exact splits, which is what the older `GradientBoostingClassifier`
# does, and once with histograms, as Spark does.

# %%
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier

crossover = ws.table("demo_ml_crossover")
whole = rows.select(*numeric, "churned").dropna()


def seconds(work):
    begin = time.perf_counter()
    result = work()
    return time.perf_counter() - begin, result


def measure(copies):
    shaken = [(F.col(name) + F.randn(7) * 0.01).alias(name) for name in numeric]
    many = whole.crossJoin(spark.range(copies)).select(*shaken, "churned").repartition(2)
    many.write.mode("overwrite").saveAsTable(crossover)
    data = spark.table(crossover)
    boosted = GBTClassifier(labelCol="churned", maxIter=5, maxDepth=5, seed=7)
    in_spark, _ = seconds(
        lambda: Pipeline(stages=[VectorAssembler(inputCols=numeric, outputCol="features"), boosted]).fit(data)
    )
    fetch, local = seconds(data.toPandas)
    exact, _ = seconds(
        lambda: GradientBoostingClassifier(n_estimators=5, max_depth=5).fit(local[numeric], local["churned"])
    )
    binned, _ = seconds(
        lambda: HistGradientBoostingClassifier(max_iter=5, max_depth=5, early_stopping=False).fit(
            local[numeric], local["churned"]
        )
    )
    return len(local), in_spark, fetch + exact, fetch + binned


spark.sql(f"DROP TABLE IF EXISTS {crossover}")
measured = [measure(copies) for copies in (1, 4)]

# %% tags=["picture"]
# Measured once with the cell above, copies of 1, 10, 40, 100 and 300, 2 cores: rows, then seconds of the three.
long = [
    (9_011, 4.7, 0.5, 1.0),
    (90_110, 7.8, 4.6, 1.4),
    (360_440, 34.2, 22.4, 3.8),
    (901_100, 42.4, 36.5, 6.3),
    (2_703_300, 133.6, 163.6, 21.5),
]
lines = (
    ("Spark ML, histograms", pictures.BLUE, "o", "-"),
    ("scikit-learn, exact", pictures.ORANGE, "s", "--"),
    ("scikit-learn, histograms", pictures.GREEN, "^", ":"),
)
figure, axes = pictures.draw(
    alt="Seconds to fit five boosted trees by rows. Measured once on 2 cores: "
    + "; ".join(f"{n:,} rows: Spark ML {a}, exact scikit-learn {b}, with histograms {c}" for n, a, b, c in long)
    + ". This run: "
    + "; ".join(f"{n:,} rows: {a:.1f}, {b:.1f} and {c:.1f}" for n, a, b, c in measured)
    + ".",
    size=(6.5, 3),
)
points, now = np.array(long), np.array(measured)
for number, (name, colour, marker, style) in enumerate(lines, start=1):
    axes.plot(points[:, 0], points[:, number], color=colour, marker=marker, linestyle=style, label=name)
    axes.scatter(now[:, 0], now[:, number], s=90, facecolors="none", edgecolors=colour, marker=marker)
axes.set(
    title="Solid: measured once on 2 cores. Hollow: this run", ylabel="seconds for one fit", xscale="log", yscale="log"
)
axes.set_xticks(points[:, 0], [f"{n:,.0f}" for n in points[:, 0]])
axes.set_xlabel("rows")
axes.minorticks_off()
axes.legend(frameon=False)
figure

# %% [markdown]
# On small data Spark pays its fixed price, seconds where the others need a fraction of one. Then the lines close in. Somewhere between one and
# three million rows Spark overtakes the **exact** trees, on the same two cores, because it cuts each column into at most 32 bins (`maxBins`) and
# works on both, while exact trees sort every value on one core. Against **histograms on one node** it does not win at any size measured. So the
# crossover belongs to a pair of implementations and to a number of machines: with more machines Spark's times fall, and once the rows no longer
# fit into the driver's memory scikit-learn cannot run at all. Measure yours before you decide.
#
# The same choice by the way the predictions are used:
#
# | predictions are used in | Spark ML model | single-node model |
# |---|---|---|
# | **batch**: a table every night | `transform` | `spark_udf`, which copies the model to every worker |
# | **stream** | `transform` | `spark_udf` works there too |
# | **a request**, in milliseconds | needs a Spark session beside the endpoint, and a job for each request | loads anywhere, answers in a few milliseconds |
#
# The last line decides most real projects. `mlflow.pyfunc` does load a Spark ML model for an endpoint, but it starts Spark to do so. Let us time
# one customer:

# %%
one = test.limit(1).toPandas()
one_row = spark.createDataFrame(one.drop(columns="churned").fillna({"age": 40.0, "log_income": 10.5}))
by_spark, _ = seconds(lambda: baseline.transform(one_row).select("probability").collect())
by_sklearn, _ = seconds(lambda: on_one_node.predict_proba(one))
print(f"one customer: Spark ML {1000 * by_spark:.0f} ms, scikit-learn {1000 * by_sklearn:.0f} ms")

# %% [markdown]
# If training must stay in Spark and a request must be fast, **carry the numbers over**: a fitted logistic regression is a few medians, lists of
# labels, coefficients and an intercept. Spark's coefficients are on the original scale, whatever `standardization` says, and `regParam` did its
# work in the fit. Nothing else is needed.

# %% tags=["nbval-check-output"]
filled, indexed, fitted = baseline.stages[0], baseline.stages[1], baseline.stages[-1]
numbers = {
    "medians": filled.surrogateDF.first().asDict(),
    "labels": dict(zip(categorical, [list(labels) for labels in indexed.labelsArray], strict=True)),
    "coefficients": [float(c) for c in fitted.coefficients.toArray()],
    "intercept": float(fitted.intercept),
}
print(numeric, "then one place for each of", numbers["labels"])

# %% [markdown]
# ### Exercise 5.13 - a scorer without Spark
# Complete `plain_score(row)`. `row` is a dict with the inputs of the model; a missing value is `None`. The places of `coefficients` are the
# numbers in the order of `numeric`, then one place for each label of `country`, then for each of `plan`, as printed. An unknown or missing
# category has no place. The check compares you with Spark on 40 customers, some of them with gaps and with a country that the model has never
# seen.

# %%
unseen = test.orderBy("customer_id", "label_ts").limit(40)
unseen = unseen.withColumn("age", F.expr("CASE WHEN customer_id % 3 > 0 THEN age END"))
unseen = unseen.withColumn("country", F.expr("CASE WHEN customer_id % 4 > 0 THEN country ELSE 'BR' END"))
answers = baseline.transform(unseen).select(*inputs, vector_to_array("probability")[1].alias("p"))
examples = [row.asDict() for row in answers.collect()]


def plain_score(row):
    ### BEGIN SOLUTION
    places = [numbers["medians"][name] if row[name] is None else row[name] for name in numeric]
    for name in categorical:
        places += [float(row[name] == label) for label in numbers["labels"][name]]
    total = numbers["intercept"] + sum(c * place for c, place in zip(numbers["coefficients"], places, strict=True))
    return 1 / (1 + np.exp(-total))
    ### END SOLUTION


check("5.13", plain_score, examples)

# %% [markdown]
# ## Checkpoint · The call list
#
# Marketing wants the list of those who get a voucher, from tonight's table and, later, from the stream. A list needs everything of this chapter:
# a probability and not a class, a threshold from the costs, no lost rows, and nothing that a stream refuses.
#
# ### Exercise 5.14
# Complete `call_list(model, frame, cost, kept_share, worth)`. It returns a DataFrame with exactly `customer_id` and `p`, the probability of class
# 1 as a double, for the customers for whom a voucher pays: it costs `cost`, keeps the share `kept_share` of those who would have left, and each
# of them is worth `worth`. `model` is a fitted pipeline for 0 and 1. `frame` is a table **or a stream**.


# %%
def call_list(model, frame, cost, kept_share, worth):
    ### BEGIN SOLUTION
    p = vector_to_array("probability")[1].alias("p")
    return model.transform(frame).select("customer_id", p).where(F.col("p") >= cost / (kept_share * worth))
    ### END SOLUTION


check("5.14", call_list, test)

# %% [markdown]
# ## Recap
#
# 1. Spark ML trains one model on rows that outgrow a machine. Rows that fit after all joins belong on one node, wherever the table lies.
# 2. An estimator's `fit` returns a model; the estimator stays as it was. Whatever learns from rows goes into the pipeline, and the pipeline goes
#    into the search: combinations x folds + 1 fits.
# 3. Split by a hash of the customer. A seed alone promises nothing.
# 4. Accuracy says nothing about rare classes. Ranking is AUC, decisions follow from costs: p >= cost / (success rate x worth), if p is
#    calibrated. Weights and resampling multiply the odds: divide them again.
# 5. Undo a logarithm row by row, with the inverse of the function that was used, before any metric.
# 6. Training near perfect and validation poor is variance; both poor is bias. A fitted pipeline scores tables and streams; for requests carry the
#    model to one node.
#
# **Traps**: `partial_fit` in a UDF trains copies · trees do not extrapolate · the most frequent label becomes class 0 · `skip` loses rows ·
# `randomSplit` follows the files · a target encoder fitted before the split · copies on both sides · AUC of `prediction` · F1 weighted over
# classes · `recallByLabel` of class 0 · probabilities of a weighted fit · a grid from another object · log against money · importance of noise.
#
# **Next**: chapter 06 searches on many machines at once and trains one model for each segment; chapter 07 tracks what you tried; chapter 10
# serves the model.
