# %% [markdown]
# # Churn capstone 1 · Baseline
# ## Raw tables, a Spark ML pipeline, a tracked run, a registered model
#
# The capstone runs the churn pipeline whole, in five notebooks that follow each other. This one takes the plain way: the customer table, a pipeline, a
# model. It is what most first drafts look like; the next notebooks do better and say by how much.
#
# The plan comes from a widely copied end-to-end recipe in thirteen steps. Where a step of it was wrong, one sentence **Put right** says what and why.

# %% tags=["parameters"]
catalog = "main"
schema = "churn_capstone"
n_customers = 5000
seed = 7
as_of = "2025-09-29"

# %%
# workbook first: on this machine it makes `databricks.feature_engineering` importable
from workbook import pictures, start
from course import churn

import mlflow
from pyspark.ml import Pipeline
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import Imputer, OneHotEncoder, StringIndexer, VectorAssembler
from pyspark.sql import functions as F

ws = start("churn_01_baseline", catalog=catalog, schema=schema, n_customers=n_customers, seed=seed, as_of=as_of)

# %% [markdown]
# ## Step 1 · Read the raw data
#
# On the day `as_of` we know the outcome of every label that is at least 30 days old.

# %%
customers = spark.table(ws.table("raw_customers"))
labels = churn.labels_known_at(spark.table(ws.table("raw_labels")), ws.params.as_of)
size = customers.agg(F.count("*").alias("rows"), F.count_distinct("customer_id").alias("customers")).first()
known = labels.agg(F.count("*").alias("labels"), F.avg("churned").alias("churned")).first()
print(f"{size.rows:,} rows of {size.customers:,} customers")
print(f"{known.labels:,} labels, {100 * known.churned:.1f} % churned")

# %% [markdown]
# **Put right**: the recipe used the customer table as it came. The export sends some customers twice, so their labels would count double, and a feature
# table would refuse them: keep one row for each key first.

# %%
frame = churn.baseline_frame(ws)
display(frame.orderBy("customer_id", "label_ts").limit(5))

# %% [markdown]
# ## Steps 2 to 4 · Impute, index, encode, assemble, estimate: one pipeline
#
# Everything that learns from data is a stage, so that it learns from the training part only. `handleInvalid="keep"` gives a country that training has
# not seen a place of its own; without it scoring would fail on that day.
#
# **Put right**: the label must be a number. `churned` is 0 or 1 here; a string or boolean label raises an error when the pipeline is fitted.

# %%
numeric, categorical = ["age", "income"], ["country", "plan"]
imputed = [f"{name}_imputed" for name in numeric]
indexed, encoded = [f"{name}_index" for name in categorical], [f"{name}_onehot" for name in categorical]
stages = [
    Imputer(inputCols=numeric, outputCols=imputed, strategy="median"),
    StringIndexer(inputCols=categorical, outputCols=indexed, handleInvalid="keep"),
    OneHotEncoder(inputCols=indexed, outputCols=encoded),
    VectorAssembler(inputCols=imputed + encoded, outputCol="features"),
    LogisticRegression(featuresCol="features", labelCol="churned"),
]
unfitted = Pipeline(stages=stages)

# %% [markdown]
# ## Step 5 · A split that can be repeated
#
# **Put right**: `randomSplit([0.8, 0.2], seed=42)` is repeatable only while the frame is partitioned and ordered the same. See it change:

# %%
once = frame.randomSplit([0.8, 0.2], seed=42)[1]
again = frame.repartition(7).randomSplit([0.8, 0.2], seed=42)[1]
keys = ["customer_id", "label_ts"]
in_both = once.select(keys).intersect(again.select(keys)).count()
print(f"randomSplit with one seed: {once.count():,} and {again.count():,} test rows, {in_both:,} of them the same")

# %% [markdown]
# A hash of the key decides instead. It also puts all labels of one customer on one side; otherwise the model would meet its training customers again.

# %%
train, test = churn.split_by_customer(frame)
train_again, _ = churn.split_by_customer(frame.repartition(7))
assert train.select(keys).exceptAll(train_again.select(keys)).count() == 0
print(f"{train.count():,} training rows, {test.count():,} test rows, the same after any repartitioning")

# %% [markdown]
# ## Step 6 · Train, evaluate, track, register
#
# **Put right**: the recipe predicted and never looked at the predictions, logged its parameter after the model, and registered without a signature, which Unity
# Catalog refuses. `churn.register_baseline` does it in order: parameters, fit, a metric on the customers held out, a signature with inputs and outputs.

# %%
registered = churn.register_baseline(ws, unfitted, frame)
print(f"version {registered.version} of {ws.table('churn_baseline')}, AUC {registered.auc:.3f}")

# %% [markdown]
# **Put right**: the recipe loaded `@Champion` before any alias was set. An alias is set by somebody; `register_baseline` does it as its last act.

# %%
client = mlflow.MlflowClient()
print("Champion is version", client.get_model_version_by_alias(ws.table("churn_baseline"), "Champion").version)

best = churn.best_auc(ws, test.select("customer_id", "label_ts", "churned"))
ws.report(auc_baseline=registered.auc, auc_best_possible=best)

# %% tags=["picture"]
pictures.bars(
    {"a coin": 0.5, "customer table alone": registered.auc},
    limit=("best possible", best),
    title="AUC on held-out customers",
)

# %% [markdown]
# The customer table alone is better than a coin and far from what is possible: it knows who the customers are and nothing of what they do.
# Behaviour changes over time, so it needs lookups in time. That is the next notebook.
