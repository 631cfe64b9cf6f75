# %% [markdown]
# # 06 · Scaling and tuning
# ## How do many machines search, and when is one enough?
#
# Training one model for each country, or trying sixty settings of one model, is work that falls apart into pieces which do not need each other.
# Such work can be spread over machines in one line. The line is easy; knowing **what it costs, what it cannot speed up, and when it makes things
# worse** is what the exam asks, and what your bill shows.
#
# **You will be able to**
#
# | | objective |
# |---|---|
# | run pandas code inside Spark, and pick the right one of its five forms | PRO-1.08 |
# | train and use one model per group, and keep the results as rows of a table | PRO-1.14 |
# | count the fits of a grid search with cross-validation before you pay for them | ASC-3.10 |
# | say when random, grid or model-based search finds more | ASC-3.06 |
# | tune with Optuna, record it in MLflow, and spread it over Spark | PRO-1.09 |
# | parallelise the tuning of models that fit one machine, without the usual waste | ASC-3.07 |
# | read Hyperopt's `fmin`, which the exam still asks about | ASC-3.05 |
# | tune with Ray, and choose between Ray and Spark | PRO-1.10, PRO-1.13 |
# | decide between a bigger node and more nodes, from a measured curve | PRO-1.11 |
# | choose data or model parallelism for a large network | PRO-1.12 |
#
# **The pipeline so far**: four feature tables that are correct in time, and a first model. This chapter trains one model per country, searches
# for better settings, and leaves a tuned model in the registry.
#
# Time: about 110 minutes. Seconds differ from machine to machine and from run to run: read the ratios.

# %% tags=["parameters"]
catalog = "main"
schema = "churn"
n_customers = 2000
seed = 7

# %%
from workbook import check, hint, pictures, start
from course import churn

import pickle
import tempfile
import time
from collections.abc import Iterator

import mlflow
import numpy as np
import optuna
import pandas as pd
from databricks.feature_engineering import FeatureEngineeringClient
from pyspark.errors import PySparkException
from pyspark.sql import functions as F
from pyspark.sql.functions import pandas_udf, udf

ws = start("06_scaling_and_tuning", catalog=catalog, schema=schema, n_customers=n_customers, seed=seed)
optuna.logging.set_verbosity(optuna.logging.ERROR)

# %% [markdown]
# First the rows to train on: labels with their features as they were known at the time of the label (chapter 04), written once as a table. The
# customers are split in three by a hash of their id. **Train** fits, **validation** compares settings, **test** is looked at once, at the very
# end.

# %%
fe = FeatureEngineeringClient()
spark.sql(f"DROP TABLE IF EXISTS {ws.table('demo_scale_rows')}")
fe.create_training_set(
    df=spark.table(ws.table("raw_labels")), feature_lookups=churn.feature_lookups(ws.schema_name), label="churned"
).load_df().drop("signup_date").write.saveAsTable(ws.table("demo_scale_rows"))
rows = spark.table(ws.table("demo_scale_rows"))

train_rows, others = churn.split_by_customer(rows, 40)
validation_rows, test_rows = churn.split_by_customer(others, 20)
train, validation, test = (part.toPandas() for part in (train_rows, validation_rows, test_rows))
for part in (train, validation, test):
    part.attrs.clear()  # Spark Connect leaves a note about its query there, which would travel along
everyone = pd.concat([train, validation, test], ignore_index=True)
columns = ["age", "log_income", "minutes_trend", "tickets_30d", "late_payments_90d", "tenure_years"]

# %% tags=["nbval-check-output"]
for name, part in {"train": train, "validation": validation, "test": test}.items():
    print(f"{name:10} {len(part):6,} labels, {part['churned'].sum():4} churned")

# %% [markdown]
# ## 1 · Pandas functions
#
# Spark runs in Java, your model in Python. Rows travel between the two in **Arrow batches**, 10,000 rows by default. You write a function of
# pandas objects; its form decides what it gets and what it may give.
#
# | form | the function gets | it gives | moves rows between machines |
# |---|---|---|---|
# | `pandas_udf`, Series to Series | one batch of a column | as many values | no |
# | `pandas_udf`, iterator of Series | the batches of a partition, one after the other | as many values | no |
# | `mapInPandas` | the batches of a partition, as frames | any number of rows, any columns | no |
# | `groupBy().applyInPandas` | one frame with **all** rows of a group | any number of rows, any columns | yes, to bring a group together |
# | `cogroup().applyInPandas` | two frames with the same key | any number of rows, any columns | yes, both sides |
#
# The iterator forms exist for set-up that is expensive: load a model before the loop, use it for every batch. A plain UDF, without pandas, calls
# Python once for **each row**. Let us measure what that means for scoring with a scikit-learn model.

# %%
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def unfitted(c=1.0):
    """A logistic regression on numeric columns that takes nulls."""
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression(C=c))


model = unfitted().fit(train[columns].to_numpy(), train["churned"])


@udf("double")
def row_at_a_time(*values):
    return float(model.predict_proba([[np.nan if value is None else value for value in values]])[0, 1])


@pandas_udf("double")
def batch_at_a_time(batch: pd.DataFrame) -> pd.Series:
    return pd.Series(model.predict_proba(batch.to_numpy())[:, 1])


@pandas_udf("double")
def set_up_once(batches: Iterator[pd.DataFrame]) -> Iterator[pd.Series]:
    loaded = model  # here a real job loads its model, once for each partition
    for batch in batches:
        yield pd.Series(loaded.predict_proba(batch.to_numpy())[:, 1])


def rate_of(column, frame):
    """Rows that are scored in a second."""
    count = frame.count()
    begun = time.perf_counter()
    frame.agg(F.sum(column)).first()
    return count / (time.perf_counter() - begun)


features = F.struct(*columns)  # a pandas UDF gets a struct as a DataFrame
rows.limit(100).agg(F.sum(batch_at_a_time(features))).first()  # starts the Python workers
rates = {
    "UDF, row at a time": rate_of(row_at_a_time(*columns), rows.limit(500)),
    "pandas UDF": rate_of(batch_at_a_time(features), rows),
    "pandas UDF, iterator": rate_of(set_up_once(features), rows),
}
begun = time.perf_counter()
model.predict_proba(everyone[columns].to_numpy())
rates["no Spark at all"] = len(everyone) / (time.perf_counter() - begun)

# %% tags=["picture"]
figure, axes = pictures.draw(
    alt="Rows scored per second: " + ", ".join(f"{name} {rate:,.0f}" for name, rate in rates.items()) + ".",
    size=(8, 2.4),
)
bars = axes.barh(list(rates)[::-1], list(rates.values())[::-1], color=pictures.BLUE, height=0.6)
axes.bar_label(bars, fmt="{:,.0f}", padding=4)
axes.set(
    xscale="log",
    xlim=(50, 5e7),
    xlabel="rows per second, each step ten times the one before",
    title="Scoring the same rows",
)
figure

# %% [markdown]
# Row by row is slowest by far: scikit-learn prepares a whole call for one number. The last bar is the first answer to this chapter's question.
# These rows fit into memory, and without moving them to workers and back **one machine is enough and quicker**. Spark earns its keep when the
# rows do not fit, or when the work for each row is heavy.
#
# ### Exercise 6.1 - what is the mean of a batch?
# `minutes` holds 0, 1, 2, ... 19,999 in one partition. The function below subtracts the mean. What does it give for the **first** row (minutes 0)
# and for **row 10,000** (minutes 10,000)? The mean of all rows is 9,999.5; the default batch holds 10,000 rows.


# %%
@pandas_udf("double")
def centred(minutes: pd.Series) -> pd.Series:
    return minutes - minutes.mean()


### BEGIN SOLUTION
centred_rows = {0: -4999.5, 10_000: -4999.5}
### END SOLUTION
check("6.1", centred_rows)

# %% tags=["nbval-check-output"]
numbers = spark.range(0, 20_000, 1, 1).select(F.col("id").cast("double").alias("minutes"))
result = numbers.select("minutes", centred("minutes").alias("centred"))
print(result.toPandas().iloc[[0, 9_999, 10_000, 19_999]].to_string(index=False))

# %% [markdown]
# The function sees a batch and nothing else. Not the column, not even the partition: 20,000 rows of one partition came in two batches. With 500
# rows in a test everything fits into one batch, and the fault does not show. And the batch is not yours to rely on. Look at two of these rows
# again, by a filter **after** the function:

# %% tags=["nbval-check-output"]
print(result.where("minutes IN (0, 10000)").toPandas().to_string(index=False))

# %% [markdown]
# Other results for the same rows: Spark was free to run the filter first, and the function then got a batch of two. **A statistic of the column
# is an aggregation first, and a constant in the function after that.** The same holds for ranks, for shares and for anything you `fit`.
#
# ### Exercise 6.2 - load once, keep few
# Marketing wants the customers with a probability above 0.5 and no others. Write `likely(batches)` for `mapInPandas`: it gets an iterator of
# frames, yields frames with `customer_id`, `label_ts` and `p`, and calls `load_model()` **once**, not once for each batch. `loads` counts the
# calls.

# %%
loads = []


def load_model():
    loads.append("loaded")
    return model


# %%
### BEGIN SOLUTION
def likely(batches):
    loaded = load_model()
    for batch in batches:
        scored = batch[["customer_id", "label_ts"]].assign(p=loaded.predict_proba(batch[columns].to_numpy())[:, 1])
        yield scored[scored["p"] > 0.5]


### END SOLUTION
check("6.2", likely, loads, model, validation)

# %% [markdown]
# In Spark it is `rows.mapInPandas(likely, "customer_id long, label_ts timestamp, p double")`. The rows stay in their partition: no shuffle.
#
# > **On the exam** "scale training and inference with pandas Function APIs" means `applyInPandas`, `mapInPandas` and cogroup; a *pandas UDF* is
# > used like a column expression. **Today** `mlflow.pyfunc.spark_udf` is the iterator pandas UDF already written for you: it loads a registered
# > model once for each Python worker (chapter 10). **On Databricks** it is the same API. Workers there are other machines: what the function
# > imports must be installed on them.

# %% [markdown]
# ## 2 · One model per group
#
# `groupBy(key).applyInPandas(function, schema)` brings the rows of a key together and calls your function once for each key. The frames that it
# returns become the rows of the result. **Nothing else finds a way back.**
#
# ### Exercise 6.3 - three things to foresee
# 180 orders come from the channels `web` (90) and `shop` (60); for 30 the channel is null. The function keeps its model in a dictionary of the
# notebook and returns one row. Say before you run it: how many **rows** come back from Spark, how many **groups** pandas makes of the same orders
# with `groupby("channel")`, and how many models are in the **dictionary** afterwards?

# %%
orders = spark.sql(
    "SELECT CASE WHEN id < 90 THEN 'web' WHEN id < 150 THEN 'shop' END AS channel, double(id % 7) AS basket FROM range(180)"
)
models = {}


def mean_model(key, orders_of_channel):
    models[key[0]] = orders_of_channel["basket"].mean()
    return pd.DataFrame({"channel": [key[0]], "orders": [len(orders_of_channel)]})


### BEGIN SOLUTION
foreseen = {"rows": 3, "groups": 2, "dictionary": 0}
### END SOLUTION
check("6.3", foreseen)

# %% tags=["nbval-check-output"]
by_channel = orders.groupBy("channel").applyInPandas(mean_model, "channel string, orders long")
display(by_channel.orderBy("channel"))
print("groups in pandas:", orders.toPandas().groupby("channel").ngroups, "| models in the notebook:", len(models))

# %% [markdown]
# Spark treats null as a key like others; pandas drops it unless told `dropna=False`. And the function ran in another process, with a **copy** of
# `models` that was thrown away. A broadcast variable would not help: it carries values to the workers, never back.
#
# So the model itself goes into the row, as bytes. Five countries, five models. Note that the function returns the key as well, because
# `applyInPandas` adds nothing by itself, and that columns are matched with the schema **by name**.


# %%
def fit_country(key, customers):
    held_out = customers["customer_id"] % 5 == 0
    known, new = customers[~held_out], customers[held_out]
    fitted = unfitted().fit(known[columns].to_numpy(), known["churned"])
    auc = churn_auc(new["churned"], fitted.predict_proba(new[columns].to_numpy())[:, 1])
    return pd.DataFrame(
        {"country": [key[0]], "labels": [len(customers)], "auc": [auc], "model": [pickle.dumps(fitted)]}
    )


def churn_auc(labels, scores):
    """Area under the ROC curve, from ranks. Written out, because workers do not have this course's code."""
    ranks = pd.Series(np.asarray(scores)).rank().to_numpy()
    left = np.asarray(labels) == 1
    return float((ranks[left].sum() - left.sum() * (left.sum() + 1) / 2) / (left.sum() * (~left).sum()))


spark.sql(f"DROP TABLE IF EXISTS {ws.table('demo_scale_models')}")
rows.groupBy("country").applyInPandas(
    fit_country, "country string, labels long, auc double, model binary"
).write.saveAsTable(ws.table("demo_scale_models"))

# %% tags=["nbval-check-output"]
segments = spark.table(ws.table("demo_scale_models"))
display(
    segments.select(
        "country", "labels", F.round("auc", 2).alias("auc"), F.length("model").isNotNull().alias("has a model")
    ).orderBy("country")
)

# %% [markdown]
# `pickle.loads(row.model)` is the fitted object again. Is a model of its own worth it for a country? Compare with **one** model for all, on the
# same held-out customers.

# %%
held_out, known = (everyone[(everyone["customer_id"] % 5 == 0) == new] for new in (True, False))
for_all = unfitted().fit(known[columns].to_numpy(), known["churned"])
own = {row.country: row.auc for row in segments.collect()}
shared = {
    country: churn_auc(part["churned"], for_all.predict_proba(part[columns].to_numpy())[:, 1])
    for country, part in held_out.groupby("country")
}

# %% tags=["picture"]
figure, axes = pictures.draw(
    alt="AUC on held-out customers by country: "
    + ", ".join(f"{country} own model {own[country]:.3f}, one for all {shared[country]:.3f}" for country in shared)
    + ".",
    size=(8, 2.6),
)
for place, country in enumerate(shared):
    axes.plot([own[country], shared[country]], [place, place], color=pictures.GREY, linewidth=3, zorder=0)
axes.scatter(
    list(own[c] for c in shared), range(len(shared)), marker="s", s=60, color=pictures.ORANGE, label="its own model"
)
axes.scatter(
    list(shared.values()), range(len(shared)), marker="o", s=60, color=pictures.BLUE, label="one model for all"
)
axes.set(
    yticks=range(len(shared)),
    yticklabels=list(shared),
    xlabel="AUC on held-out customers",
    title="A model per country?",
)
figure.legend(loc="outside right upper", frameon=False)
figure

# %% [markdown]
# Where the square lies left of the circle, the country's own model is the worse one: it has seen a fraction of the data. Models per group pay
# when the **reasons differ** between groups, not when only the level does. Compare before you run 20,000 of them.
#
# ### The trap: one odd group
# In shop 3 below everybody stays. A classifier cannot be fitted to one class. What happens to the other shops?

# %%
shops = spark.sql(
    "SELECT id % 6 AS shop, double(id % 11) AS visits, int(id % 6 <> 3 AND id % 4 = 0) AS churned FROM range(600)"
)


def fit_shop(key, customers):
    fitted = LogisticRegression().fit(customers[["visits"]].to_numpy(), customers["churned"])
    return pd.DataFrame({"shop": [key[0]], "weight": [fitted.coef_[0, 0]]})


# %% tags=["nbval-check-output"]
spark.sql(f"DROP TABLE IF EXISTS {ws.table('demo_scale_shops')}")
try:
    shops.groupBy("shop").applyInPandas(fit_shop, "shop long, weight double").write.saveAsTable(
        ws.table("demo_scale_shops")
    )
except PySparkException as error:
    said = [line for line in str(error).splitlines() if line.startswith("ValueError")]
    print(type(error).__name__, "-", said[0].split(",")[0])
print("table written:", spark.catalog.tableExists(ws.table("demo_scale_shops")))

# %% [markdown]
# Nothing is written. An error in one group fails its task, the task fails the job, and a Delta write is one commit at the end: all or nothing.
# Retries run the same rows and fail again. **Spark never skips a group; your function must.**
#
# ### Exercise 6.4 - a row for every group, whatever happens
# Write `fit_segment(key, customers)`. It returns one row with `segment`, `labels` (how many), `status` and `model`:
#
# * fewer than 20 customers who churned, or fewer than 20 who stayed: status `"too few"`, model None
# * `unfitted().fit(...)` on `columns` raises an error: status is the name of the error's class, such as `"ValueError"`, model None
# * otherwise status `"ok"`, and the fitted model as bytes


# %%
### BEGIN SOLUTION
def fit_segment(key, customers):
    status, as_bytes = "ok", None
    left = int(customers["churned"].sum())
    if min(left, len(customers) - left) < 20:
        status = "too few"
    else:
        try:
            as_bytes = pickle.dumps(unfitted().fit(customers[columns].to_numpy(), customers["churned"]))
        except Exception as error:
            status = type(error).__name__
    return pd.DataFrame({"segment": [key[0]], "labels": [len(customers)], "status": [status], "model": [as_bytes]})


### END SOLUTION
check("6.4", fit_segment, train)

# %% [markdown]
# ### The largest group sets the time
# Each group is handled by one process on one core. Below, a fit is played by waiting in proportion to its rows. Both tables have the same number
# of rows and eight groups. In the second, one group has most of the rows.


# %%
def wait_like_a_fit(key, group):
    import os

    begun = time.time()
    time.sleep(len(group) / 4000)
    return pd.DataFrame(
        {"group": [key[0]], "rows": [len(group)], "begun": [begun], "ended": [time.time()], "process": [os.getpid()]}
    )


SPANS = "group long, rows long, begun double, ended double, process long"
shapes = {
    "eight equal groups": "2 + id % 8",
    "one group with 80 % of the rows": "CASE WHEN id % 10 < 8 THEN 2 ELSE 3 + id % 7 END",
}
spans = {
    name: spark.range(0, 8000, 1, 2).select(F.expr(f"bigint({key})").alias("key")).groupBy("key")
    .applyInPandas(wait_like_a_fit, SPANS).toPandas()
    for name, key in shapes.items()
}  # fmt: skip

# %% tags=["picture"]
for frame in spans.values():
    frame["since"] = frame.groupby("process")["begun"].transform("min")  # when its worker began
took = {name: (frame["ended"] - frame["since"]).max() for name, frame in spans.items()}
figure, axes = pictures.draw(
    alt="Which process works when: " + ", ".join(f"{name} take {seconds:.1f} s" for name, seconds in took.items())
    + f", of which the largest group takes {(spans[list(spans)[1]].eval('ended - begun')).max():.1f} s.",
    size=(8, 3), rows=2, sharex=True,
)  # fmt: skip
for panel, (name, frame) in zip(axes, spans.items(), strict=True):
    lanes = {process: lane for lane, process in enumerate(sorted(frame["process"].unique()))}
    for span in frame.itertuples():
        largest = span.rows == frame["rows"].max() and span.rows > 2000
        colour = pictures.ORANGE if largest else pictures.BLUE
        begun = span.begun - span.since
        panel.barh(
            lanes[span.process], span.ended - span.begun, left=begun, color=colour, edgecolor="white", height=0.7
        )
        if largest:
            panel.text(begun + 0.03, lanes[span.process], f"group {span.group}: {span.rows:,} rows", va="center")
    panel.set(yticks=range(len(lanes)), yticklabels=[f"worker {lane + 1}" for lane in lanes.values()], title=name)
axes[1].set_xlabel("seconds since the worker began its first group")
figure

# %% [markdown]
# More cores would not shorten the orange bar. **Before you run a model per group, look at the sizes**: the best speed-up that any number of cores
# can give is all rows divided by the rows of the largest group.

# %% tags=["nbval-check-output"]
for name, frame in spans.items():
    print(
        f"{name:32} largest {frame['rows'].max():5,} of {frame['rows'].sum():,}: at best {frame['rows'].sum() / frame['rows'].max():.2f} times quicker"
    )

# %% [markdown]
# The second limit is memory. The function gets **one frame with the whole group**, and smaller Arrow batches or more partitions do not change
# that. If the learner can take its rows in portions (`partial_fit`), write the function with an iterator. Spark 4.1 reads the form from the type
# hints:

# %% tags=["nbval-check-output"]
one_customer = spark.range(0, 30_000, 1, 1).selectExpr("7L AS customer", "double(id) AS x")


def whole(group: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"rows": [len(group)], "largest": [len(group)]})


def in_portions(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    seen = largest = 0
    for batch in batches:  # here: model.partial_fit(batch)
        seen, largest = seen + len(batch), max(largest, len(batch))
    yield pd.DataFrame({"rows": [seen], "largest": [largest]})


for function in (whole, in_portions):
    seen = one_customer.groupBy("customer").applyInPandas(function, "rows long, largest long").first()
    print(f"{function.__name__:12} {seen['rows']:,} rows, at most {seen['largest']:,} in memory at a time")

# %% [markdown]
# ### Using the models: cogroup
# To score, bring a country's rows together with its model. Watch what happens to a country without a model (BR) and to a model without rows (PL).

# %% tags=["nbval-check-output"]
asked = spark.createDataFrame([("DE", 1), ("DE", 2), ("BR", 3)], "country string, customer_id long")
two_models = segments.where("country IN ('DE', 'PL')").select("country", "model")


def meet(key, customers, found):
    return pd.DataFrame({"country": [key[0]], "customers": [len(customers)], "models": [len(found)]})


display(
    asked.groupBy("country")
    .cogroup(two_models.groupBy("country"))
    .applyInPandas(meet, "country string, customers long, models long")
    .orderBy("country")
)

# %% [markdown]
# Like a full outer join: every key of either side gets a call, and the missing side is an **empty frame**, not None. `found["model"].iloc[0]`
# would end the job at BR; ask `found.empty` first.
#
# ### The trap: a run for every group
# It is tempting to log each of a thousand models as an MLflow run, straight from the workers. Eight of them are measured here, and, to compare, a
# thousand rows in one write.

# %%
with mlflow.start_run(run_name="one run for the night") as night:
    tracking, experiment_id = mlflow.get_tracking_uri(), night.info.experiment_id
RUNS, MODELS = 8, 1000


def log_a_run_each(batches):
    mlflow.set_tracking_uri(tracking)
    for batch in batches:
        seconds = []
        for store in batch["id"]:
            begun = time.perf_counter()
            assert mlflow.active_run() is None  # the notebook's run is not open here: a worker has to start its own
            with mlflow.start_run(experiment_id=experiment_id, run_name=f"store {store}"):
                mlflow.log_params({"store": int(store), "c": 1.0})
                mlflow.log_metric("auc", 0.8)
            seconds.append(time.perf_counter() - begun)
        yield batch.assign(seconds=seconds)


begun = time.perf_counter()
spark.sql(f"DROP TABLE IF EXISTS {ws.table('demo_scale_metrics')}")
spark.range(MODELS).selectExpr("id AS store", "0.8D AS auc").write.saveAsTable(ws.table("demo_scale_metrics"))
print(f"{MODELS:,} rows in one write: {time.perf_counter() - begun:,.1f} s")
try:
    logged = spark.range(0, RUNS, 1, 2).mapInPandas(log_a_run_each, "id long, seconds double").toPandas()
    each = logged["seconds"].median()  # the first one of each worker also connects
    print(
        f"{MODELS:,} runs, extrapolated from {RUNS}: {each * MODELS:,.0f} s of the workers, without a single model file"
    )
except PySparkException as error:
    print("On this compute a worker does not reach the tracking server:", type(error).__name__)

# %% [markdown]
# On a platform with a rate limit the runs are refused on top of it. The pattern that works: **one run** for the night (code, parameters, version
# of the table), **one table** with a row for each group and night, and, to deploy, **one PyFunc model** that holds all of them and picks by the
# row's key. You write the heart of that model in the checkpoint.

# %% [markdown]
# ## 3 · Counting fits
#
# What a grid search costs is known before it starts: **combinations x folds + 1**. Combinations are multiplied, not added. The 1 is the winner,
# fitted again on all rows; it is the model you get. A single train-validation split has one "fold". A *list* of grids is searched one grid after
# the other, so their combinations are added.

# %% tags=["nbval-check-output"]
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import GridSearchCV

fits = []


class Counted(ClassifierMixin, BaseEstimator):
    def __init__(self, depth=1, rate=0.1):
        self.depth, self.rate = depth, rate

    def fit(self, x, y):
        fits.append((self.depth, self.rate, len(x)))
        self.classes_ = np.unique(y)
        return self

    def predict(self, x):
        return np.zeros(len(x), int)


x, y = np.zeros((40, 1)), np.arange(40) % 2
GridSearchCV(Counted(), {"depth": [2, 4, 8], "rate": [0.1, 0.3]}, cv=4).fit(x, y)
print(len(fits), "fits: 3 x 2 combinations x 4 folds, and one on", fits[-1][2], "rows")

# %% [markdown]
# Spark's `CrossValidator(parallelism=...)` runs several fits at a time, but only **within a fold**: the next fold begins when the last fit of
# this one is done. An estimator that only notes when it works makes it visible. Ten combinations, three folds, four at a time:

# %%
from pyspark.ml import Estimator, Model
from pyspark.ml.evaluation import Evaluator
from pyspark.ml.param.shared import HasMaxIter
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder


class Nothing(Model):
    def _transform(self, dataset):
        return dataset


class Clocked(Estimator, HasMaxIter):
    def __init__(self):
        super().__init__()
        self.fits = []

    def _fit(self, dataset):
        begun = time.perf_counter()
        time.sleep(0.1)
        self.fits.append((begun, time.perf_counter(), id(dataset)))
        return Nothing()


class Constant(Evaluator):
    def _evaluate(self, dataset):
        return 0.5


clocked = Clocked()
grid = ParamGridBuilder().addGrid(clocked.maxIter, list(range(10))).build()
CrossValidator(estimator=clocked, estimatorParamMaps=grid, evaluator=Constant(), numFolds=3, parallelism=4).fit(
    spark.range(30)
)
clock = sorted(clocked.fits)

# %% tags=["picture"]
figure, axes = pictures.draw(
    alt=f"{len(clock)} fits on a line of time, four at once: three folds of ten fits follow each other, each ending with a round of two fits; one last fit on all rows.",
    size=(8, 2.4),
)
free, folds = [0.0] * 4, []
for begun, ended, dataset in clock:
    folds += [] if dataset in folds else [dataset]
    lane = next(lane for lane in range(4) if free[lane] <= begun)
    free[lane] = ended
    final = len(folds) == 4
    colour = pictures.ORANGE if final else (pictures.BLUE, pictures.GREY, pictures.GREEN)[(len(folds) - 1) % 3]
    axes.barh(lane, ended - begun, left=begun - clock[0][0], color=colour, edgecolor="white", height=0.8)
    axes.text(
        (begun + ended) / 2 - clock[0][0],
        lane,
        "all" if final else f"fold {len(folds)}",
        ha="center",
        va="center",
        fontsize=8,
    )
axes.set(
    yticks=range(4),
    yticklabels=[f"thread {lane + 1}" for lane in range(4)],
    xlabel="seconds",
    title="10 combinations, 3 folds, parallelism 4",
)
figure

# %% [markdown]
# Each fold takes three rounds, the third with two idle threads. Then the final fit, alone. Rounds do not reach across folds, and a fit cannot be
# cut in two.
#
# ### Exercise 6.5 - what will it cost?
# Count the fits of four searches; for `e` give minutes.
#
# * a: `CrossValidator`, a grid of 4 values of `regParam` and 2 of `maxIter`, `numFolds=3`
# * b: `TrainValidationSplit` with the same grid
# * c: `GridSearchCV(model, [{"C": four values}, {"C": four values, "gamma": three values}], cv=5)`
# * d: `RandomizedSearchCV(model, three parameters with ten values each, n_iter=20, cv=5, refit=False)`
# * e: the minutes until search a has its model, with `parallelism=4`, if every fit takes 10 minutes and does not slow the others

# %%
### BEGIN SOLUTION
cost = {"a": 25, "b": 9, "c": 81, "d": 100, "e": 70}
### END SOLUTION
check("6.5", cost)

# %% [markdown]
# > **On the exam** "how many models are trained?" may mean with or without the final refit: read whether the question asks for the models that
# > are *compared* or for all that are *fitted*. `RandomizedSearchCV` and Optuna are counted by `n_iter` and `n_trials`, however large the space
# > is.

# %% [markdown]
# ## 4 · Random, grid, Bayesian
#
# A **grid** tries every combination of a few values. **Random** search draws each parameter afresh in every trial. A **model-based** search
# (Bayesian; Optuna's and Hyperopt's default is TPE) learns from finished trials where good values lie. All three pay the same for a trial.
#
# ### Exercise 6.6 - before you look
# There is time for 25 fits: a 5 x 5 grid, or 25 random points. The loss depends on the learning rate; the second parameter hardly matters, which
# nobody knows yet. How many **different** learning rates does each search try, and which of them comes nearer to the best one on average:
# `"grid"`, `"random"` or `"neither"`?

# %%
### BEGIN SOLUTION
guess = {"rates of the grid": 5, "rates of random": 25, "nearer": "random"}
### END SOLUTION
check("6.6", guess)

# %%
draw = np.random.default_rng(seed)
steps = np.linspace(0, 1, 5)
grid_points = np.array([(rate, other) for rate in steps for other in steps])
random_points = draw.random((25, 2))
best_rates = draw.random(5000)
distance = {
    "grid": np.abs(best_rates[:, None] - steps).min(1).mean(),
    "random": np.abs(best_rates[:, None] - draw.random((5000, 25))).min(1).mean(),
}

# %% tags=["picture"]
figure, axes = pictures.draw(
    alt=f"25 points each: seen from the axis of the learning rate the grid has 5 values, random search 25. "
    f"Mean distance to the best rate: grid {distance['grid']:.3f}, random {distance['random']:.3f}.",
    size=(8, 2.9), columns=2, sharey=True,
)  # fmt: skip
for panel, name, points, mark in zip(axes, distance, (grid_points, random_points), ("s", "o"), strict=True):
    panel.scatter(points[:, 0], points[:, 1], color=pictures.BLUE, marker=mark, s=25)
    panel.plot(points[:, 0], np.full(25, -0.12), "|", color=pictures.ORANGE, markersize=14, clip_on=False)
    panel.set(
        title=f"{name}: {distance[name]:.3f} off, on average",
        xlabel="learning rate, scaled to 0 .. 1",
        ylim=(-0.2, 1.05),
    )
axes[0].set_ylabel("the other parameter")
figure

# %% [markdown]
# The orange marks are what the loss gets to see. The grid spends five fits on each learning rate. Few of many parameters matter, in most models,
# and you do not know which: that is why random search beats the grid at equal cost. A grid remains right for few discrete values that must all be
# tried.
#
# Now the third kind. The **regret** of a search is its best loss so far minus the best possible one. For real models nobody knows the best
# possible; for a made-up loss we do. Twenty searches of each kind, each with the minimum at another place:

# %%
SEARCHES, TRIALS = 20, 36


def loss(rate, other, best):
    """Smooth, lowest at `best`, and nearly the same for all values of `other`."""
    return 30 * (rate - best) ** 2 + 0.02 * (other - 0.5) ** 2


def tpe_search(number, best, at_once=1, loss=loss):
    """The losses of one search in which `at_once` trials are proposed before any of them is finished."""
    study, losses = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=number)), []
    for _ in range(TRIALS // at_once):
        asked = [study.ask() for _ in range(at_once)]
        found = [loss(trial.suggest_float("rate", 0, 1), trial.suggest_float("other", 0, 1), best) for trial in asked]
        for trial, value in zip(asked, found, strict=True):
            study.tell(trial, value)
        losses += found
    return losses


six = np.linspace(0, 1, 6)
losses = {"grid 6 x 6": [], "random": [], "TPE": []}
hidden = np.random.default_rng(6).uniform(0.1, 0.9, SEARCHES)
for number, best in enumerate(hidden):
    chance = np.random.default_rng(number)
    shuffled = chance.permutation([(rate, other) for rate in six for other in six])
    losses["grid 6 x 6"].append([loss(*point, best) for point in shuffled])
    losses["random"].append([loss(*point, best) for point in chance.random((TRIALS, 2))])
    losses["TPE"].append(tpe_search(number, best))
regret = {name: np.exp(np.log(np.minimum.accumulate(each, axis=1)).mean(0)) for name, each in losses.items()}

# %% tags=["picture"]
figure, axes = pictures.draw(
    alt="Regret after 36 trials: " + ", ".join(f"{name} {curve[-1]:.4f}" for name, curve in regret.items())
    + ". After 10 trials: " + ", ".join(f"{name} {curve[9]:.3f}" for name, curve in regret.items()) + ".",
    size=(8, 3.2),
)  # fmt: skip
for (name, curve), style, colour in zip(
    regret.items(), (":", "--", "-"), (pictures.RED, pictures.ORANGE, pictures.BLUE), strict=True
):
    axes.plot(range(1, TRIALS + 1), curve, style, color=colour, linewidth=2, label=name)
axes.axvline(10, color=pictures.GREY, linewidth=1)
axes.text(10.3, regret["grid 6 x 6"][0], "TPE begins to learn", va="top")
axes.set(yscale="log", xlabel="trials", ylabel="regret (typical of 20 searches)", title="Who finds the minimum?")
axes.legend(frameon=False)
figure

# %% [markdown]
# The grid stops at the distance between its values. TPE draws its first ten trials at random, learns from then on, and leaves chance behind.
#
# ### Stop bad trials early
# A trial that is clearly behind after a few epochs need not finish. **Successive halving** lets all trials train one epoch, keeps the best part,
# lets those go on, and so forth. Hyperband and ASHA are built on it; Optuna calls it pruning, Ray Tune a scheduler. Sixteen trials, factor 4, at
# most 16 epochs:

# %% tags=["nbval-check-output"]
alive, before, trained = 16, 0, 0
for until in (1, 4, 16):
    trained += alive * (until - before)
    print(f"up to epoch {until:2}: {alive:2} trials train {until - before:2} epochs each")
    alive, before = alive // 4, until
print(f"{trained} epochs in place of {16 * 16}")

# %% [markdown]
# Survivors continue where they were, so earlier epochs are not paid again. The price: a trial that starts slowly and ends well is lost.
#
# ### The trap: the winner's luck
# Suppose that the settings do not matter at all. A hundred models, each right for 75 % of all customers, each erring on other ones, are compared
# on 300 validation rows. What does the team report?

# %%
lucky = np.random.default_rng(4).binomial(300, 0.75, 100) / 300

# %% tags=["picture"]
figure, axes = pictures.draw(
    alt=f"Accuracies of 100 equally good models on 300 rows, spread around the true 0.75 from {lucky.min():.3f} to {lucky.max():.3f}, the winner's.",
    size=(8, 2.5),
)
axes.hist(lucky, bins=np.arange(198.5, 258, 3) / 300, color=pictures.BLUE, edgecolor="white")
axes.axvline(0.75, color="black", linestyle="--")
axes.text(0.749, 21, "true accuracy of every model", ha="right")
axes.axvline(lucky.max(), color=pictures.ORANGE, linewidth=3)
axes.text(lucky.max() - 0.001, 13, f"reported: {lucky.max():.3f}", ha="right")
axes.set(
    xlabel="accuracy on the validation rows",
    ylabel="models",
    ylim=(0, 24),
    xlim=(0.68, 0.83),
    title="100 settings that make no difference",
)
figure

# %% [markdown]
# The best of many noisy numbers is too good, and the more settings you try the better it looks. Choosing is a kind of fitting. **Report the
# number of a test set that took no part in the search.** More validation rows narrow the gap; more trials widen it.

# %% [markdown]
# ## 5 · Optuna and MLflow
#
# In Optuna you write one function. It asks a `trial` for values while it runs, and returns a number; a **study** calls it `n_trials` times. There
# is no space to declare: `suggest_float(..., log=True)` inside the function is the declaration, and a parameter that a branch does not ask for
# does not exist in that trial.
#
# Here is what a trial does: fit on the train customers, judge on the validation customers. It uses one thread; section 6 shows why.

# %%
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

x_train, y_train = train[columns].to_numpy(), train["churned"].to_numpy()
x_validation, y_validation = validation[columns].to_numpy(), validation["churned"].to_numpy()


def build(kind, **settings):
    if kind == "logistic":
        return unfitted(**settings)
    return HistGradientBoostingClassifier(max_iter=40, early_stopping=False, random_state=0, **settings)


def evaluate(kind, **settings):
    """AUC on the validation customers: larger is better."""
    with threadpool_limits(1):
        fitted = build(kind, **settings).fit(x_train, y_train)
        return churn_auc(y_validation, fitted.predict_proba(x_validation)[:, 1])


def boosting(trial):
    rate = trial.suggest_float("learning_rate", 0.005, 1.0, log=True)
    leaves = trial.suggest_int("max_leaf_nodes", 2, 32, log=True)
    return evaluate("boosting", learning_rate=rate, max_leaf_nodes=leaves)


# %% [markdown]
# ### The trap: a study that looks for the worst
# Two studies, same objective, same seed. One says that larger is better; the other says nothing.

# %%
said = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=6))
silent = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=6))
for study in (said, silent):
    study.optimize(boosting, n_trials=24)
found = {"direction=maximize": said, "no direction": silent}

# %% tags=["picture"]
so_far = {"direction=maximize": np.maximum.accumulate, "no direction": np.minimum.accumulate}
figure, axes = pictures.draw(
    alt="What two studies call their best AUC, after 6 and after 24 trials: "
    + ", ".join(
        f"{name} {best([t.value for t in found[name].trials])[5]:.3f} and {found[name].best_value:.3f}"
        for name, best in so_far.items()
    )
    + ".",
    size=(8, 3),
)
for (name, best), mark, colour in zip(so_far.items(), "os", (pictures.BLUE, pictures.RED), strict=True):
    values = [trial.value for trial in found[name].trials]
    axes.plot(range(1, 25), values, mark, color=colour, alpha=0.45, markersize=5, label=f"trials, {name}")
    axes.step(range(1, 25), best(values), color=colour, linewidth=2.5, where="post", label=f'its "best", {name}')
axes.axvline(6.5, color=pictures.GREY, linewidth=1)
axes.set(
    xlabel="trial (the first six are random)",
    ylabel="AUC on validation customers",
    title="One objective, two directions",
)
figure.legend(loc="outside right upper", frameon=False, fontsize=8)
figure

# %% [markdown]
# A study **minimises** unless told otherwise. Given an AUC it searches, with all its skill, for the worst model, and proudly hands over its
# settings. No error, no warning. Say `direction="maximize"`, or return a loss: `1 - auc`. scikit-learn's `neg_...` scores are gains too: larger
# is better.
#
# ### Exercise 6.7 - write a search
# Write `objective(trial)` and create `search`, the study that goes with it (do not run it). `kind` is `"logistic"` or `"boosting"`. A logistic
# regression has `c` from 0.001 to 100, evenly over the powers of ten; boosting has `max_leaf_nodes` from 2 to 16. Return what `evaluate` gives.


# %%
### BEGIN SOLUTION
def objective(trial):
    kind = trial.suggest_categorical("kind", ["logistic", "boosting"])
    if kind == "logistic":
        return evaluate(kind, c=trial.suggest_float("c", 0.001, 100, log=True))
    return evaluate(kind, max_leaf_nodes=trial.suggest_int("max_leaf_nodes", 2, 16))


search = optuna.create_study(direction="maximize")
### END SOLUTION
check("6.7", objective, search)

# %% [markdown]
# ### Trials as MLflow runs
# With `MlflowStorage` a study lives in an experiment: the study is a parent run, every trial a child run. Other processes can join it, and a
# study of the same name goes on where it stopped. Below a study meets all endings: trials that finish, trials that are pruned, and one that
# fails.

# %%
from mlflow.optuna.storage import MlflowStorage

storage = MlflowStorage(experiment_id=experiment_id)
moment = f"{time.time():.0f}"


def endings(trial):
    x = trial.suggest_float("x", 0, 1)
    for epoch in range(3):
        trial.report(x / (epoch + 1), epoch)
        if trial.number % 3 == 1:  # in earnest: if trial.should_prune()
            raise optuna.TrialPruned
    if trial.number == 2:
        raise ValueError("no convergence")
    return x


study = optuna.create_study(study_name=f"endings {moment}", storage=storage)
study.optimize(endings, n_trials=5, catch=ValueError)

# %% tags=["nbval-check-output"]
parent = mlflow.search_runs([experiment_id], f"tags.mlflow.runName = 'endings {moment}'")["run_id"][0]
children = mlflow.search_runs([experiment_id], f"tags.mlflow.parentRunId = '{parent}'").sort_values("tags.numbers")
for trial, status in zip(sorted(study.trials, key=lambda trial: trial.number), children["status"], strict=True):
    print(f"trial {trial.number}: {trial.state.name:8} in Optuna, {status:8} in MLflow")

# %% [markdown]
# MLflow has no word for *pruned*: such runs end as KILLED, and they are a saving, not a fault. A process that is lost leaves its run RUNNING.
#
# What does it cost to keep a study there? The same empty objective, in memory and in MLflow:


# %%
def seconds_per_trial(study, trials=12):
    seconds = []
    for _ in range(trials):
        begun = time.perf_counter()
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
        seconds.append(time.perf_counter() - begun)
    return seconds


in_memory = seconds_per_trial(optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed)))
in_mlflow = seconds_per_trial(
    optuna.create_study(study_name=f"cost {moment}", storage=storage, sampler=optuna.samplers.TPESampler(seed=seed))
)

# %% tags=["picture"]
pictures.lines(
    range(1, 13), {"in MLflow": in_mlflow, "in memory": in_memory},
    title="What a trial costs beside the training", unit="seconds", along="trial",
)  # fmt: skip

# %% [markdown]
# Every proposal reads all earlier trials back from the server, so each trial costs more than the one before. That is nothing beside a training of
# ten minutes, and a lot beside one of a tenth of a second: there, group several fits into a trial, or keep the study in memory and log its result
# as one run.
#
# ### Over Spark
# `MlflowSparkStudy` runs the trials as Spark tasks. The names are Optuna's: `n_trials`, and `n_jobs` for the number of tasks, so of trials at a
# time. Left out, `n_jobs` is **the number of trials**: all at once, if there are cores enough. Make the study first, with its direction;
# `MlflowSparkStudy` then finds it by its name.

# %%
from mlflow.pyspark.optuna.study import MlflowSparkStudy

name = f"churn {moment}"
optuna.create_study(study_name=name, storage=storage, direction="maximize")
over_spark = MlflowSparkStudy(study_name=name, storage=storage, sampler=optuna.samplers.TPESampler(n_startup_trials=4))
over_spark.optimize(boosting, n_trials=8, n_jobs=2)

# %% tags=["nbval-check-output"]
print(
    len(over_spark.trials), "trials,", over_spark.direction.name, "- better than a coin:", over_spark.best_value > 0.6
)
try:
    MlflowSparkStudy(study_name="elsewhere", storage="sqlite:///:memory:")
except ValueError as error:
    print("ValueError -", str(error).split(". ")[0])
try:
    over_spark.optimize(boosting, max_evals=8)
except TypeError as error:
    print("TypeError -", str(error).split("optimize() ")[-1])

# %% [markdown]
# > **On the exam** "distribute Optuna and record it in MLflow" is this pair: `MlflowStorage` and `MlflowSparkStudy`. **Today**, in the MLflow 3.8
# > of Runtime 18 LTS, `MlflowSparkStudy` takes no `direction`; later versions do. Making the study first works in both. **On Databricks** Runtime
# > 17 ML and later have MLflow 3 with these classes. A **seeded** sampler goes to every task as the same copy: in 3.8 tasks then propose equal
# > points, and later versions give each task a seed of its own. Either way, a study that is to repeat exactly needs `n_jobs=1`; with more, leave
# > the seed out.
#
# ### How many at once?
# A sampler learns from **finished** trials. If all of them start together, there is nothing to learn from. Here both parameters matter, and more
# and more of the 36 trials are in flight at the same time:


# %%
def bowl(rate, other, best):
    return 30 * ((rate - best) ** 2 + (other - best) ** 2)


def typical(losses):
    """Lowest loss of each search, and of those the geometric mean."""
    return np.exp(np.log(np.min(losses, axis=1)).mean())


final = {
    f"{several} at once": typical([tpe_search(number, best, several, bowl) for number, best in enumerate(hidden)])
    for several in (1, 4, 12)
}
many = np.random.default_rng(7).uniform(0.1, 0.9, 200)  # two quick ones, so more searches
final["36 at once"] = typical([tpe_search(number, best, 36, bowl) for number, best in enumerate(many)])
chance = np.random.default_rng(8)
by_chance = typical([[bowl(*point, best) for point in chance.random((TRIALS, 2))] for best in many])

# %% tags=["picture"]
figure, axes = pictures.draw(
    alt="Regret of TPE after 36 trials: "
    + ", ".join(f"{name} {value:.3f}" for name, value in final.items())
    + f"; random search {by_chance:.3f}.",
    size=(8, 2.6),
)
axes.barh(
    [f"{name}: {value:.3f}" for name, value in final.items()][::-1], list(final.values())[::-1], color=pictures.BLUE
)
axes.axvline(by_chance, color=pictures.ORANGE, linestyle="--", label=f"random search {by_chance:.3f}")
axes.set(
    xlabel="regret after 36 trials (geometric mean of the searches)",
    title="TPE, with some or all trials at the same time",
)
figure.legend(loc="outside lower right", frameon=False)
figure

# %% [markdown]
# A few at once cost next to nothing. All at once is random search, whatever the sampler is called.
#
# ### Exercise 6.8 - choose `n_jobs`
# 48 trials of 5 minutes each have to be done within 65 minutes; the cluster has 16 free cores and a trial takes one. Which is the **smallest**
# `n_jobs` that meets the deadline? And how many finished trials can the sampler learn from when it proposes the **last** trials, with that number
# and with `n_jobs=48` on a cluster of 48 cores? Take trials as going in rounds.

# %%
### BEGIN SOLUTION
plan = {"n_jobs": 4, "known with n_jobs": 44, "known with 48": 0}
### END SOLUTION
check("6.8", plan)

# %% [markdown]
# ## 6 · Parallel tuning on one node
#
# A scikit-learn model fits on one node; what can be spread is the **trials**. Three ways: threads or processes of one machine (`n_jobs` in
# scikit-learn), tasks of Spark, or Ray. scikit-learn by itself knows nothing of a cluster: `n_jobs=-1` means all cores of the machine it runs on,
# which is the driver. Three traps wait for those who spread trials.
#
# ### The trap: the data set in the closure
# A function that goes to a worker takes along every value that it refers to. Three ways to reach a large frame, and the size of what is sent
# **with each task**:

# %%
from pyspark import cloudpickle

big = pd.DataFrame({"x": np.arange(2_000_000.0)})
big_path = f"{tempfile.mkdtemp()}/big.parquet"  # on a cluster: a path below /Volumes, which every worker can read
big.to_parquet(big_path)


def taken_along(trial):
    return big["x"].max() + trial


def as_default(trial, data=big):
    return data["x"].max() + trial


def from_storage(trial):
    return pd.read_parquet(big_path)["x"].max() + trial


# %% tags=["nbval-check-output"]
for function in (taken_along, as_default, from_storage):
    print(f"{function.__name__:13} {len(cloudpickle.dumps(function)) / 1e6:5.1f} MB")

# %% [markdown]
# A default value is stored in the function, so it travels too. 16 MB are bearable; with 3 GB the tasks die. **Broadcasting the data set** is no
# way out: each of the Python workers still unpacks a copy of its own, so eight tasks on a node hold eight. Send a path, read on the worker, and
# read only the columns that you need. A frame of a few MB may travel.
#
# ### Exercise 6.9 - make it light
# This objective works in the notebook and cannot be spread. Rewrite it as `light(c)`: same result, and nothing heavy taken along. The training
# rows are at `train_path`, as Parquet. Do not use `spark`: a task has no session.

# %%
train_path = f"{tempfile.mkdtemp()}/train.parquet"
train.to_parquet(train_path)
heavy_data = pd.concat([train] * 40)


def heavy(c):
    part = heavy_data.head(len(train))
    return float(
        unfitted(c).fit(part[columns].to_numpy(), part["churned"]).score(part[columns].to_numpy(), part["churned"])
    )


# %%
### BEGIN SOLUTION
def light(c):
    part = pd.read_parquet(train_path)
    return float(
        unfitted(c).fit(part[columns].to_numpy(), part["churned"]).score(part[columns].to_numpy(), part["churned"])
    )


### END SOLUTION
check("6.9", light, heavy(1.0))

# %% [markdown]
# ### The trap: parallelism inside parallelism
# Two tasks run at a time, one for each core. Each fits a small boosting model; first with one thread, then with as many threads as the machine
# has cores.


# %%
def fit_with(threads):
    def run(batches):
        import os

        import joblib

        draw = np.random.default_rng(1)
        data = draw.normal(size=(5000, 8))
        target = (data[:, 0] + draw.normal(size=5000) > 1).astype(int)
        wanted = joblib.cpu_count() if threads == "all" else threads
        for _ in batches:
            begun = time.perf_counter()
            with threadpool_limits(wanted):
                HistGradientBoostingClassifier(max_iter=15, max_leaf_nodes=8, early_stopping=False).fit(data, target)
            yield pd.DataFrame(
                {
                    "threads": [wanted],
                    "seconds": [time.perf_counter() - begun],
                    "default": [os.environ.get("OMP_NUM_THREADS")],
                }
            )

    return spark.range(0, 2, 1, 2).mapInPandas(run, "threads long, seconds double, default string").toPandas()


fit_with(1)  # the first fit imports
measured = {threads: fit_with(threads) for threads in (1, "all")}
slow = measured["all"]["seconds"].max() / measured[1]["seconds"].max()
for frame in measured.values():
    print(f"2 tasks, {frame['threads'].iloc[0]} thread(s) in each: a fit takes {frame['seconds'].max():.2f} s")
print(f"{slow:.1f} times as long. Spark had set OMP_NUM_THREADS={measured['all']['default'].iloc[0]} for its workers.")

# %% [markdown]
# More threads than cores do not add work, they wait for each other. Spark knows this and starts its Python workers with one OpenMP thread for
# each of `spark.task.cpus`. But **`n_jobs=-1` of a scikit-learn forest does not read that**: it counts the cores of the machine, in each of eight
# tasks. Give every level its share, so that *tasks at a time x threads of a task = cores*: either many tasks with `n_jobs=1`, or
# `spark.task.cpus=8` with `n_jobs=8`, one trial at a time. The second needs the memory of only one trial.
#
# ### The trap: 16 settings, 16 tasks?
# To let idle cores take the next setting, each setting should be a task of its own. How many rows does the fullest task get?

# %%
settings = pd.DataFrame({"trial": range(16), "depth": range(16)})
frame = spark.createDataFrame(settings)
ways = {
    "repartition(16)": frame.repartition(16),
    'repartition(16, "trial")': frame.repartition(16, "trial"),
    "coalesce(16)": frame.coalesce(16),
    "spark.range(0, 16, 1, 16)": spark.range(0, 16, 1, 16),
}
for way, spread in ways.items():
    tasks = spread.groupBy(F.spark_partition_id().alias("task")).count().toPandas()["count"]
    print(f"{way:26} {len(tasks):2} tasks with work, at most {tasks.max()} settings in one")

# %% [markdown]
# A hash puts several settings into one place and none into others, `coalesce` never makes more partitions than there are, and dealing out in turn
# begins at a place of its own for every input partition. Only a **range** is cut into equal pieces. The function looks its setting up by number:
# `settings.iloc[id]`.
#
# > **On the exam** a single-node model is tuned in parallel by `SparkTrials` (older), `MlflowSparkStudy` or Ray Tune; a **distributed** model
# > (Spark ML) is tuned from the driver, one trial after the other or a few at a time, because each fit already fills the cluster. Never both at
# > once.

# %% [markdown]
# ## 7 · Hyperopt: fmin
#
# Hyperopt is no longer maintained, and ML runtimes after 16.4 LTS do not have it. The Associate guide still names it, so learn to **read** it.
# This is one search in both:
#
# ```python
# # Hyperopt                                                # Optuna
# space = {"c": hp.loguniform("c", np.log(1e-3), np.log(100)),
#          "depth": hp.choice("depth", [2, 4, 8])}
#
# def objective(s):                                         def objective(trial):
#     auc = evaluate(s["c"], s["depth"])                        c = trial.suggest_float("c", 1e-3, 100, log=True)
#     return {"loss": -auc, "status": STATUS_OK}                depth = trial.suggest_categorical("depth", [2, 4, 8])
#                                                               return evaluate(c, depth)
#
# best = fmin(fn=objective, space=space,                    study = optuna.create_study(direction="maximize")
#             algo=tpe.suggest, max_evals=50,               study.optimize(objective, n_trials=50)
#             trials=SparkTrials(parallelism=8))            study.best_params
# space_eval(space, best)
# ```
#
# | point | Hyperopt | Optuna |
# |---|---|---|
# | direction | always **minimises** `loss` | minimises unless `direction="maximize"` |
# | space | declared before, passed to `fmin` | asked for while the objective runs |
# | bounds on a log scale | `hp.loguniform` takes **natural logarithms** of the bounds | `log=True` takes the bounds themselves |
# | a choice in the result | its **position** in the list; `space_eval` gives the value | the value |
# | sampler | `algo=tpe.suggest` or `rand.suggest` | `sampler=`; TPE is the default |
# | number of trials | `max_evals` | `n_trials` |
# | over the cluster | `SparkTrials(parallelism=...)` for **single-node** models | `MlflowSparkStudy`, `n_jobs` |
# | the model is Spark ML | `Trials()`: trials on the driver, each fit on the cluster | an ordinary study on the driver |
#
# ### Exercise 6.10 - read an old notebook
# ```python
# space = {"trees": hp.choice("trees", [50, 100, 200, 400]), "alpha": hp.loguniform("alpha", -5, 2)}
#
# def objective(s):
#     f1 = f1_of(GBTClassifier(maxIter=s["trees"], stepSize=s["alpha"]).fit(spark_train))   # Spark ML
#     return {"loss": f1, "status": STATUS_OK}
#
# best = fmin(objective, space, algo=tpe.suggest, max_evals=40, trials=______)
# print(best)                                                # {'trees': 1, 'alpha': 0.31}
# ```
# How many **trees** had the best trial? What are the smallest and the largest **alpha** that can be drawn, to two digits? Is the **f1** of `best`
# the `"highest"` or the `"lowest"` of the 40? Which class belongs into the blank: `"Trials"` or `"SparkTrials"`?

# %%
### BEGIN SOLUTION
reading = {"trees": 100, "alpha": (0.0067, 7.4), "f1": "lowest", "trials": "Trials"}
### END SOLUTION
check("6.10", reading)

# %% [markdown]
# `loguniform` is easy to try without Hyperopt: it draws evenly between the bounds, and takes the exponential.

# %% tags=["nbval-check-output"]
even = np.random.default_rng(0).uniform
for low, high in ((-5, 2), (0.01, 100), (np.log(0.01), np.log(100))):
    drawn = np.exp(even(low, high, 10_000))
    print(
        f"loguniform({low:.2f}, {high:.2f}) draws from {drawn.min():.2g} up, {100 * (drawn > 100).mean():.0f} % above 100"
    )

# %% [markdown]
# The middle line is the usual accident: the bounds as they are. No draw is below 1, and most are astronomically large.

# %% [markdown]
# ## 8 · Ray and Spark
#
# **Spark** is data parallel: one operation over many rows, planned as a query, with joins, shuffles and tables. **Ray** is task parallel: Python
# functions (*tasks*) and Python objects that live on and keep state (*actors*), each with its own request for CPUs, GPUs or parts of them. On top
# of Ray sits **Ray Tune**: trials with resources, samplers, and schedulers that stop bad trials early.
#
# The next cell starts Ray on this machine and stops it again. It shows an actor that counts, and a search of eight trials, two at a time, whose
# scheduler (ASHA) may stop a trial after 1 or 3 of 9 epochs.


# %%
def a_little_ray():
    import logging
    import os
    import shutil

    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    import ray
    from IPython.utils.capture import capture_output
    from ray import tune

    folder = tempfile.mkdtemp(prefix="ray")
    ray.init(
        num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR,
        object_store_memory=100_000_000, _temp_dir=folder,
    )  # fmt: skip

    @ray.remote
    class Counter:
        def __init__(self):
            self.count = 0

        def add(self):
            self.count += 1
            return self.count

    def train_network(config):
        for epoch in range(1, 10):
            tune.report({"loss": (config["rate"] - 0.3) ** 2 + 1 / epoch})

    try:
        counter = Counter.remote()
        counted = ray.get([counter.add.remote() for _ in range(3)])
        tuner = tune.Tuner(
            tune.with_resources(train_network, {"cpu": 1}),
            param_space={"rate": tune.uniform(0, 1)},
            tune_config=tune.TuneConfig(
                metric="loss", mode="min", num_samples=8, reuse_actors=True, max_concurrent_trials=2,
                scheduler=tune.schedulers.ASHAScheduler(max_t=9, grace_period=1, reduction_factor=3),
            ),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        )  # fmt: skip
        with capture_output():  # Tune reports every few seconds
            results = tuner.fit()
        epochs = [result.metrics["training_iteration"] for result in results]
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)
    return counted, sorted(epochs, reverse=True)


try:
    counted, epochs = a_little_ray()
    print("an actor keeps its state:", counted)
    print("epochs of the eight trials:", epochs, "-", sum(epochs), "in place of", 8 * 9)
except Exception as refused:
    print("Ray does not start here:", type(refused).__name__, "- read on, nothing below needs it.")

# %% [markdown]
# * **Resources decide how many run at once.** A trial starts when *everything* it asks for is free on one node. `{"cpu": 2, "gpu": 0.5}` lets two
#   trials share a GPU; they must share its memory by themselves. A trial that asks for nothing gets one CPU.
# * **A task sees no run**, as on Spark's workers: the open run and the login belong to the notebook's process. Return the numbers and log them
#   there. Handing run id and credentials to the tasks works too, with more machinery.
# * `ray.put` stores a data set once per node; tasks on that node read it without a copy of their own. That is Ray's answer to the closure trap.
#
# > **On Databricks** Ray runs *inside* a Spark application on a classic cluster: `setup_ray_cluster(max_worker_nodes=...)` starts a background
# > Spark job, each of whose tasks is a Ray worker that **holds its slots, busy or idle, until `shutdown_ray_cluster()`**. If it took all slots,
# > the next Spark query waits until then. (With a smaller `min_worker_nodes` it may shrink while idle.) **Here** that call does not work on
# > Spark's local mode, so this machine's Ray stands beside Spark.
#
# | take Spark for | take Ray for |
# |---|---|
# | joins, aggregations, SQL over tables | simulations, reinforcement learning: state that lives on |
# | one function over all rows of a table | neural networks with a share of a GPU each |
# | one small model per group, read from and written to Delta | search with early stopping, trials of uneven length |
# | Spark ML on data that fits no machine | many different Python tasks with different needs |
#
# Either way, data should be prepared with Spark and read by Ray from storage. Two engines are two things to size and to watch: if `applyInPandas`
# does it, stay.
#
# ### Exercise 6.11 - how many, and which
# A Ray cluster has 4 workers, each with 16 CPUs and 2 GPUs. How many trials run at once if each asks for `{"cpu": 3, "gpu": 0.5}` (**a**), and if
# each asks for `{"cpu": 6, "gpu": 0.5}` (**b**)? Then say `"spark"` or `"ray"`:
#
# * c: features for 40 million customers, from a join of three tables, every night
# * d: 60 warehouse simulators that run for hours, while a policy learns from all of them
# * e: one small forecast for each of 25,000 shops, from a Delta table into a Delta table
# * f: 200 settings of an image network, two trials on a GPU, the bad ones stopped early

# %%
### BEGIN SOLUTION
answers = {"a": 16, "b": 8, "c": "spark", "d": "ray", "e": "spark", "f": "ray"}
### END SOLUTION
check("6.11", answers)

# %% [markdown]
# ## 9 · Scale up or out
#
# **Up** is a bigger node: more memory, more or faster cores, a GPU. **Out** is more nodes. Measure before you decide. On the left sixteen pieces
# of real computing, shared by 1 to 8 threads of this machine. On the right a job with 0.3 s of work that cannot be divided (collecting, planning)
# and 24 pieces that can; there waiting stands for computing, so that more "machines" than cores can be played.

# %%
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor


def compute(_):
    hashlib.pbkdf2_hmac("sha256", b"work", b"salt", 100_000)  # pure computing, outside Python's lock


def wait(_):
    time.sleep(0.05)


def seconds(piece, pieces, workers, fixed=0.0):
    begun = time.perf_counter()
    time.sleep(fixed)
    with ThreadPoolExecutor(int(workers)) as pool:
        list(pool.map(piece, range(pieces)))
    return time.perf_counter() - begun


threads, machines = np.array([1, 2, 4, 8]), np.array([1, 2, 4, 8, 12])
on_cores = [min(seconds(compute, 16, n) for _ in range(2)) for n in threads]
on_machines = np.array([seconds(wait, 24, n, fixed=0.3) for n in machines])
# time = fixed + divisible / n, by least squares
(fixed, divisible), *_ = np.linalg.lstsq(np.c_[np.ones(len(machines)), 1 / machines], on_machines, rcond=None)

# %% tags=["picture"]
figure, axes = pictures.draw(
    alt=f"Left, on {os.cpu_count()} cores: " + ", ".join(f"{n} threads {s:.2f} s" for n, s in zip(threads, on_cores, strict=True))
    + ". Right: " + ", ".join(f"{n} machines {s:.2f} s" for n, s in zip(machines, on_machines, strict=True))
    + f"; the fitted curve falls towards {fixed:.2f} s and never below.",
    size=(8, 3), columns=2,
)  # fmt: skip
axes[0].plot(threads, on_cores, "o-", color=pictures.BLUE)
axes[0].axvline(os.cpu_count(), color=pictures.GREY, linestyle=":")
axes[0].set(
    xticks=threads, ylim=(0, None), xlabel="threads (dotted: number of cores)", ylabel="seconds", title="This machine"
)
along = np.linspace(1, 12, 100)
axes[1].plot(along, fixed + divisible / along, "-", color=pictures.BLUE, label="fixed + divisible / n")
axes[1].plot(along, on_machines[0] / along, ":", color=pictures.GREEN, label="if all were divisible")
axes[1].plot(machines, on_machines, "o", color=pictures.BLUE)
axes[1].axhline(fixed, color=pictures.ORANGE, linestyle="--", label="fixed part")
axes[1].set(xticks=machines, ylim=(0, None), xlabel="machines", title="A job with a fixed part")
axes[1].legend(frameon=False, fontsize=8)
figure

# %% [markdown]
# More threads than cores gain nothing. (If other programs keep the cores busy while this runs, the left curve is flat from the start.) The right
# curve is **Amdahl's law**: *time = fixed + divisible / n*. Each doubling takes off half of what the last one took off; no number of machines
# gets below the fixed part. It is the driver's work, the shuffle that waits for everybody, or **the largest group** of section 2. Only a faster
# node shortens it, or other code.
#
# | symptom | remedy |
# |---|---|
# | the algorithm works on one machine and its data do not fit | **up**: a node with more memory, and no workers |
# | `toPandas()` fills the driver | **up** (the driver), or do not collect. More workers give the driver nothing |
# | a network does not fit its GPU | **up** (a larger GPU), or split the model (section 10) |
# | many independent fits, even groups, Spark ML on many rows | **out** |
# | one group with most of the rows; the curve is flat | neither: change the work |
#
# ### Exercise 6.12 - read a curve
# A job took 84 minutes with 1 worker, 48 with 2, 30 with 4 and 21 with 8. Write `amdahl(workers, minutes)`: it returns the fixed and the
# divisible minutes. Then say how many workers bring the job to 20 minutes and to 10 minutes, None if no number does.


# %%
### BEGIN SOLUTION
def amdahl(workers, minutes):
    workers = np.asarray(workers, float)
    (fixed, divisible), *_ = np.linalg.lstsq(
        np.c_[np.ones(len(workers)), 1 / workers], np.asarray(minutes, float), rcond=None
    )
    return fixed, divisible


workers_for = {20: 9, 10: None}
### END SOLUTION
check("6.12", amdahl, workers_for)

# %% [markdown]
# ## 10 · Data and model parallel
#
# When one network is too slow or too large for one GPU there are two things that can be divided.
#
# * **Data parallel**: every worker has the whole model and its own rows. After each step the gradients are averaged, so all copies stay equal. It
#   saves *time*.
# * **Model parallel**: every worker has a part of the model. What travels are activations, or shards of the weights fetched when needed. It saves
#   *memory*.
#
# Both in a few lines. First the rows are divided: is the average of four gradients the gradient of all rows?

# %% tags=["nbval-check-output"]
draw = np.random.default_rng(10)
inputs, weights = draw.normal(size=(256, 6)), draw.normal(size=6)
targets = inputs @ draw.normal(size=6) + draw.normal(size=256)


def gradient(part, at):
    return 2 * inputs[part].T @ (inputs[part] @ at - targets[part]) / len(inputs[part])


def averaged(shares, at):
    ends = np.cumsum(shares)
    return np.mean([gradient(slice(end - share, end), at) for share, end in zip(shares, ends, strict=True)], axis=0)


whole_gradient = gradient(slice(None), weights)
print(
    "shares 64, 64, 64, 64: equal to the gradient of all rows:",
    np.allclose(averaged([64] * 4, weights), whole_gradient),
)
print(
    "shares 100, 80, 50, 26:                                  ",
    np.allclose(averaged([100, 80, 50, 26], weights), whole_gradient),
)
copies = [weights.copy() for _ in range(4)]
for _ in range(5):
    step = averaged([64] * 4, copies[0])
    copies = [copy - 0.1 * step for copy in copies]
print("after five steps the four copies are equal:", all(np.array_equal(copies[0], copy) for copy in copies))

# %% [markdown]
# With equal shares it is one large batch, which may want another learning rate. With unequal shares a plain average favours the rows of the small
# ones: weight it by the number of rows. Each worker does as much arithmetic as before; more rows are seen in the same time.
#
# Now the model is divided: a layer of 6 x 8 weights, two workers with four of its outputs each.

# %% tags=["nbval-check-output"]
layer = draw.normal(size=(6, 8))
left, right = layer[:, :4], layer[:, 4:]
together = np.hstack([inputs @ left, inputs @ right])
print("same outputs:", np.allclose(together, inputs @ layer), "| weights per worker:", left.size, "of", layer.size)

# %% [markdown]
# **The memory sum.** Training in mixed precision with Adam takes about 16 bytes for each parameter: weights, gradients and the optimizer's state.
# Activations come on top, and they alone shrink with the batch. A network of 2 billion parameters, 5 GB of activations, GPUs with 24 GB:

# %% tags=["picture"]
state, activations = 2e9 * 16 / 1e9, 5
pictures.bars(
    {
        "data parallel, 4 GPUs": state + activations,
        "data parallel, a quarter of the batch": state + activations / 4,
        "state cut into 4 parts (ZeRO, FSDP)": state / 4 + activations,
    },
    limit=("memory of a GPU", 24),
    fmt="%.0f GB",
    title="Memory on each GPU",
)

# %% [markdown]
# More GPUs with plain data parallelism change nothing: each holds the whole state. Cutting the state over the GPUs (DeepSpeed ZeRO, PyTorch FSDP)
# does; the parts are fetched when a layer needs them, so a little room must be left. Start with data parallel if the model fits, shard if it does
# not, split layers or tensors only if a single layer is too large.
#
# On Databricks PyTorch's processes are started by `TorchDistributor`. Two of its defaults decide whether your workers do anything at all:

# %% tags=["nbval-check-output"]
import inspect

from pyspark.ml.torch.distributor import TorchDistributor

for name in ("num_processes", "local_mode", "use_gpu"):
    print(f"{name} = {inspect.signature(TorchDistributor).parameters[name].default}")

# %% [markdown]
# `local_mode=True` keeps all processes **on the driver**, cut down to its GPUs, while the workers idle: say `local_mode=False`. `num_processes`
# counts processes, usually one for each GPU. `use_gpu=False` must be said on a cluster of CPUs.
#
# ### Exercise 6.13 - will it fit?
# A network has 1.5 billion parameters at 16 bytes; activations take 4 GB at the present batch; a node has 4 GPUs with 16 GB each. Give the GB
# **on each GPU** for: **a** data parallel, **b** data parallel with half the batch on each GPU, **c** the state cut into 4 parts, with the
# present batch. And `fits`: the list of the plans that fit.

# %%
### BEGIN SOLUTION
memory = {"a": 28, "b": 26, "c": 10, "fits": ["c"]}
### END SOLUTION
check("6.13", memory)

# %% [markdown]
# ## Checkpoint · One model out of many
#
# Three models stand at the end: boosting with default settings, boosting as the study found it, and a logistic regression that nobody tuned. The
# **validation** customers choose among them. The **test** customers, which took no part in any choice, say once how good they are.

# %%
fitting = pd.concat([train, validation])
contestants = {
    "boosting, default settings": build("boosting"),
    "boosting, tuned": build("boosting", **said.best_params),
    "logistic regression, not tuned": build("logistic"),
}
validated = dict(zip(contestants, (evaluate("boosting"), said.best_value, evaluate("logistic")), strict=True))
winner = max(validated, key=validated.get)
with threadpool_limits(1):
    judged = {
        name: churn_auc(
            test["churned"], one.fit(fitting[columns], fitting["churned"]).predict_proba(test[columns])[:, 1]
        )
        for name, one in contestants.items()
    }
best_possible = churn.best_auc(ws, test_rows.select("customer_id", "label_ts", "churned"))

# %% tags=["picture"]
figure, axes = pictures.draw(
    alt="AUC on the test customers: "
    + ", ".join(f"{name} {auc:.3f}" for name, auc in judged.items())
    + f"; best possible {best_possible:.3f}.",
    size=(8, 2.2),
)
for place, auc in enumerate(reversed(judged.values())):
    axes.plot(auc, place, "o", color=pictures.BLUE, markersize=9)
    axes.annotate(f"{auc:.3f}", (auc, place), xytext=(0, 8), textcoords="offset points", ha="center")
axes.axvline(best_possible, color=pictures.ORANGE, linestyle="--", label=f"best possible {best_possible:.3f}")
axes.set(yticks=range(3), yticklabels=list(judged)[::-1], ylim=(-0.5, 2.8), title="AUC on the test customers")
figure.legend(loc="outside lower right", frameon=False)
figure

# %% [markdown]
# The search lifted boosting to about the level that the logistic regression has without any search: these customers leave for reasons that add up,
# which is what that model assumes. **A search finds the best of what you let it try**; features and model family come first.

# %%
from mlflow.models import infer_signature

some = test[columns].head().astype(float)
with mlflow.start_run(run_name="tuned") as run:
    mlflow.log_params({"model": winner, "trials": len(said.trials), "search": "TPE", "columns": ", ".join(columns)})
    mlflow.log_metrics({"auc_validation": validated[winner], "auc_test": judged[winner]})
    mlflow.sklearn.log_model(
        contestants[winner],
        name="model",
        signature=infer_signature(some, contestants[winner].predict_proba(some)),
        pyfunc_predict_fn="predict_proba",
        serialization_format="cloudpickle",
        pip_requirements=mlflow.sklearn.get_default_pip_requirements(),
        registered_model_name=ws.table("churn_tuned"),
    )
ws.report(
    auc_default=judged["boosting, default settings"], auc_tuned=judged["boosting, tuned"], auc_winner=judged[winner]
)

# %% [markdown]
# ### Exercise 6.14 - the heart of a model of models
# The models per country have to be deployed as one. Write `route(models, fallback, rows)`, what its `predict` does:
#
# * `models` maps a country to a fitted model, `fallback` is a model for everybody else; `rows` has `country` and `columns`
# * it returns an array of probabilities of churn **in the order of the rows**, whatever their index
# * a country without a model, or null, goes to `fallback`
# * each model is called once for all its rows, and `rows` stays as it was


# %%
### BEGIN SOLUTION
def route(models, fallback, rows):
    result = np.empty(len(rows))
    country = rows["country"].where(rows["country"].isin(list(models)))
    for name in country.unique():
        mine = (country.isna() if pd.isna(name) else country == name).to_numpy()
        chosen = fallback if pd.isna(name) else models[name]
        result[mine] = chosen.predict_proba(rows.loc[mine, columns].to_numpy())[:, 1]
    return result


### END SOLUTION
check("6.14", route)

# %% [markdown]
# In a PyFunc, `load_context` reads the pickles of `demo_scale_models` into the dictionary and `predict` calls this function. One version, one
# alias, one endpoint: all countries move and roll back together (chapter 08).
#
# ## Recap
#
# 1. A pandas function sees a batch, a group, or two groups: never the column. What it does not return is lost.
# 2. One model per group is `applyInPandas`: the whole group in one process, the model as bytes in a row, a status in place of an error. Log one
#    run and a table, not a run for each.
# 3. A grid search fits combinations x folds + 1 models. Random search beats the grid when few parameters matter, TPE beats both if it may learn
#    from finished trials.
# 4. A study minimises unless told otherwise. `MlflowStorage` keeps it in an experiment, `MlflowSparkStudy` spreads it over Spark; a few trials at
#    once, not all.
# 5. Send a path and not the data; tasks at a time x threads of a task = cores.
# 6. Time is fixed + divisible / n. Scale out what divides, scale up what does not, and split the model only when its state does not fit.
#
# **Traps**: the mean of a batch · a dictionary filled on workers · null is a group in Spark · one odd group ends the write · the largest group
# sets the time · a run for every group · the winner's luck · a study without direction · all trials at once · the data set in the closure ·
# `n_jobs=-1` inside tasks · `hp.choice` gives a position · an idle Ray cluster holds its slots · `local_mode=True`.
#
# **Next**: chapter 07 makes every run of such a search something that you can find, compare and repeat.
