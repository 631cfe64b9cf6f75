# %% [markdown]
# # Churn capstone 4 · Batch inference
# ## Two ways to score, and what each needs

# %% tags=["parameters"]
catalog = "main"
schema = "churn_capstone"
n_customers = 5000
seed = 7
as_of = "2025-09-29"

# %%
# workbook first: on this machine it makes `databricks.feature_engineering` importable
from workbook import start
from course import churn

import mlflow
from databricks.feature_engineering import FeatureEngineeringClient
from pyspark.sql import functions as F

ws = start("churn_04_inference", catalog=catalog, schema=schema, n_customers=n_customers, seed=seed, as_of=as_of)
fe = FeatureEngineeringClient()
today = ws.params.as_of + churn.RETRAIN_AFTER
to_score = churn.latest_labels(spark.table(ws.table("raw_labels")), today).select("customer_id", "label_ts")
n_customers_to_score = to_score.count()
print(f"{n_customers_to_score:,} customers to score on {today}")

# %% [markdown]
# ## Step 10 · `score_batch`: bring the keys, the model brings the rest
#
# **Put right**: the recipe built a *training set* for inference, without a label, which is a `TypeError`. A model that was logged by `fe.log_model` looks its features
# up itself.

# %%
champion = f"models:/{ws.table('churn_model')}@Champion"
scored = fe.score_batch(model_uri=champion, df=to_score)
display(
    scored.select("customer_id", "tickets_30d", "late_payments_90d", "prediction")
    .orderBy(F.desc("prediction"))
    .limit(5)
)

# %% [markdown]
# Keep what was predicted, when, and by which version: monitoring will join the truth to it later.

# %%
version = mlflow.MlflowClient().get_model_version_by_alias(ws.table("churn_model"), "Champion").version
predictions = scored.select("customer_id", "label_ts", "prediction").withColumn("model_version", F.lit(int(version)))
predictions.write.mode("overwrite").saveAsTable(ws.table("churn_predictions"))
impossible = F.expr("prediction IS NULL OR prediction < 0 OR prediction > 1")
written = spark.table(ws.table("churn_predictions")).agg(F.count("*"), F.count_if(impossible)).first()
assert tuple(written) == (n_customers_to_score, 0), "every customer must be scored exactly once, with a probability"

# %% [markdown]
# ## Step 11 · `models:/...@Champion`: bring the features
#
# A model that was logged by plain `mlflow.spark.log_model`, like the baseline of notebook 1, loads as what it is and transforms a frame that has all its columns.
# Nothing is looked up: making the columns is your business, and making them as in training is too.

# %%
baseline = mlflow.spark.load_model(f"models:/{ws.table('churn_baseline')}@Champion")
customers = spark.table(ws.table("raw_customers")).dropDuplicates(["customer_id"])
by_hand = baseline.transform(to_score.join(customers, "customer_id"))
print(f"{by_hand.count():,} customers scored by the baseline")

# %% [markdown]
# Do the two agree on whom to call? Of the 100 customers with the highest risk by either model:

# %%
from pyspark.ml.functions import vector_to_array

top = {
    "champion": scored.orderBy(F.desc("prediction"), "customer_id"),
    "baseline": by_hand.orderBy(F.desc(vector_to_array("probability")[1]), "customer_id"),
}
lists = {
    name: {row.customer_id for row in frame.select("customer_id").limit(100).collect()} for name, frame in top.items()
}
ws.report(customers_scored=n_customers_to_score, same_in_top_100=len(lists["champion"] & lists["baseline"]))

# %% [markdown]
# A wrong list costs money every night. And a batch job that loads `@Champion` follows the alias at its next run; nothing has to be deployed.
# An endpoint would not: it pins a version number (chapter 10).
