# %% [markdown]
# # Churn capstone 5 · Champion and challenger
# ## Compare on fresh labels, move the alias by a rule, move it back

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
from databricks.feature_engineering import FeatureEngineeringClient
from pyspark.sql import functions as F

ws = start("churn_05_promotion", catalog=catalog, schema=schema, n_customers=n_customers, seed=seed, as_of=as_of)
fe = FeatureEngineeringClient()
client = mlflow.MlflowClient()
name = ws.table("churn_model")

# %% [markdown]
# ## Step 12 · Fresh labels
#
# Neither model has seen an outcome that became known after the retraining. That is the only fair ground: on older labels one of them has an advantage.

# %%
retrained_on = ws.params.as_of + churn.RETRAIN_AFTER
judged_on = retrained_on + churn.JUDGE_AFTER
fresh = churn.labels_between(spark.table(ws.table("raw_labels")), after=retrained_on, until=judged_on)
by_model = {
    alias.lower(): fe.score_batch(model_uri=f"models:/{name}@{alias}", df=fresh).select(
        "customer_id", "label_ts", "churned", F.col("prediction").alias(alias.lower())
    )
    for alias in ("Champion", "Challenger")
}
scored = by_model["champion"].join(by_model["challenger"], ["customer_id", "label_ts", "churned"]).toPandas()
print(f"{len(scored):,} labels that became known after {retrained_on}, {100 * scored.churned.mean():.1f} % churned")

# %% [markdown]
# ## The rule, written down before the numbers
#
# Move the alias only if the challenger has the higher AUC in at least **95 %** of 200 resamplings of the customers (better beyond chance), and its mean
# probability is within **25 %** of the share that really left (its numbers still mean what they say). Otherwise nothing moves.

# %%
result = churn.compare(scored)
print(result)
ws.report(
    auc_champion=result.champion, auc_challenger=result.challenger, challenger_wins=result.wins,
    calibration=result.calibration, auc_best_possible=churn.best_auc(ws, fresh),
)  # fmt: skip

# %% tags=["picture"]
pictures.bars(
    {"Champion": result.champion, "Challenger": result.challenger},
    limit=("best possible", churn.best_auc(ws, fresh)),
    title="AUC on fresh labels",
)

# %%
before = client.get_model_version_by_alias(name, "Champion").version
challenger = client.get_model_version_by_alias(name, "Challenger").version
if result.challenger_is_better():
    client.set_model_version_tag(name, str(challenger), "validation_status", "PASSED")
    client.set_registered_model_alias(name, "Champion", challenger)
    print(f"Champion moves from version {before} to version {challenger}")
else:
    client.set_model_version_tag(name, str(challenger), "validation_status", "FAILED")
    print(f"Champion stays version {before}")

# %% [markdown]
# ## Moving back
#
# Rolling back is moving the alias again: no training, no deployment. A model that is loaded already stays what it was; the next load follows the alias.
# **Put right**: the recipe moved the alias to version "2", whether there was one or not. Here the version comes from the registry.

# %%
promoted = client.get_model_version_by_alias(name, "Champion").version
client.set_registered_model_alias(name, "Champion", before)
assert client.get_model_version_by_alias(name, "Champion").version == before
print(f"rolled back to version {before}; and forward again to version {promoted}")
client.set_registered_model_alias(name, "Champion", promoted)

# %% [markdown]
# ## Step 13 · What you have built
#
# Raw tables → a pipeline that can be repeated → feature tables with a time → a training set that sees no future → a model that carries its recipe →
# versions with names for their role → inference that needs only keys → a rule that decides, and a way back.
#
# **To remember**
#
# 1. Split by a hash of the key. 2. Register with a signature. 3. Time-stamp features with the moment of knowing. 4. Log with `fe.log_model`, score with
# `fe.score_batch`. 5. Compare on labels that neither model has seen, by a rule that was there first. 6. Move aliases, not code, to roll back; move code, not
# models, to promote.
