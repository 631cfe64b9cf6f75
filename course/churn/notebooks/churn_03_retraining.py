# %% [markdown]
# # Churn capstone 3 · Retraining
# ## The same code, later labels, a new version
#
# Twelve weeks have passed since `as_of`. What customers do has not changed, but *why they leave* has: prices went up in autumn. The model in production does not
# know. This notebook trains the challenger.

# %% tags=["parameters"]
catalog = "main"
schema = "churn_capstone"
n_customers = 5000
seed = 7
as_of = "2025-09-29"
model = "logistic_regression"

# %%
# workbook first: on this machine it makes `databricks.feature_engineering` importable
from workbook import pictures, start
from course import churn

import datetime as dt

import mlflow
from databricks.feature_engineering import FeatureEngineeringClient
from pyspark.sql import functions as F

ws = start(
    "churn_03_retraining", catalog=catalog, schema=schema, n_customers=n_customers, seed=seed, as_of=as_of, model=model
)
fe = FeatureEngineeringClient()
client = mlflow.MlflowClient()
today = ws.params.as_of + churn.RETRAIN_AFTER
print(f"today is {today}")

# %% [markdown]
# ## Step 9 · What is new, and does it matter?
#
# The labels whose outcome became known since `as_of`, scored by the Champion. Its AUC on them, beside the AUC it had when it was made:

# %%
all_labels = spark.table(ws.table("raw_labels"))
new_labels = churn.labels_between(all_labels, after=ws.params.as_of, until=today)
champion = client.get_model_version_by_alias(ws.table("churn_model"), "Champion")
then = client.get_run(champion.run_id).data.metrics["auc"]
scored = fe.score_batch(model_uri=f"models:/{ws.table('churn_model')}@Champion", df=new_labels)
now = churn.auc(scored, score="prediction")
possible = churn.best_auc(ws, new_labels)
print(
    f"{new_labels.count():,} new labels. AUC of the Champion: {then:.3f} when trained, {now:.3f} on the new ones (best possible {possible:.3f})"
)

# %% [markdown]
# ## Retrain: feature logic unchanged, labels of the last months
#
# The new outcomes must be in, and the old reasons out: the challenger learns from the labels that became known in the last twelve weeks. New rows are merged
# into the feature tables first; the function that trains is the one that trained version 1.

# %%
churn.create_feature_tables(fe, spark, ws.schema_name, since=ws.params.as_of)
trained = churn.train_and_register(ws, fe, new_labels, name=ws.table("churn_model"), run_name=f"retrained on {today}")
client.set_registered_model_alias(ws.table("churn_model"), "Challenger", trained.version)
client.set_model_version_tag(ws.table("churn_model"), str(trained.version), "validation_status", "PENDING")
ws.report(auc_champion_then=then, auc_champion_now=now, auc_challenger=trained.auc, auc_best_possible=possible)

# %% tags=["picture"]
pictures.bars(
    {"Champion, when trained": then, "Champion, on new labels": now, "Challenger, held-out customers": trained.auc},
    limit=("best possible on new labels", possible),
    title="AUC before and after the reasons changed",
)

# %% [markdown]
# The challenger looks better on labels of the time it was trained on. That is not a comparison yet: it knows that time. The last notebook compares both on labels
# that neither has seen.
