# %% [markdown]
# # 04 · Feature store
# ## What did we know, and when did we know it?
#
# A model is trained on the past and used in the present. Between the two lies the most common reason why a model that shone
# in the notebook fails at work: **it was trained on something that nobody knew yet**. A feature store is the place where a team
# keeps features so that this cannot happen by accident, and so that training and use compute them alike.
#
# **You will be able to**
#
# | | objective |
# |---|---|
# | create a feature table in Unity Catalog, write to it, train with it, score with it | ASC-1.05 to 1.09 |
# | guarantee that a lookup sees only what was known at the time of the label | PRO-1.18 |
# | automate feature computation with the `FeatureEngineeringClient` | PRO-1.19 |
# | compute a feature on demand, the same way in training and in use | PRO-1.22 |
# | say what an online table is for (built in chapter 10) | ASC-1.10, PRO-1.20, PRO-1.21 |
#
# **The pipeline so far**: five raw tables of a streaming service - customers, weekly usage, payments, support tickets, and labels that say
# who left within 30 days. This chapter turns them into four feature tables and an honest training set.
#
# Time: about 90 minutes. Every exercise has a `hint`. A check that says *todo* waits for you; it never stops the notebook.

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

import mlflow
import pandas as pd
from databricks.feature_engineering import FeatureEngineeringClient, FeatureFunction, FeatureLookup
from pyspark.sql import Window
from pyspark.sql import functions as F

ws = start("04_feature_store", catalog=catalog, schema=schema, n_customers=n_customers, seed=seed)
fe = FeatureEngineeringClient()

# %% [markdown]
# ## 1 · A feature table is a Delta table with a primary key
#
# No more than that. The key says what a row is about; the rest of the columns are features. In Unity Catalog **any** Delta table with a
# `PRIMARY KEY` constraint can be looked up as a feature table, no matter who made it and how.
#
# `create_table` makes one from a DataFrame. Every argument is passed by name.

# %%
spark.sql(f"DROP TABLE IF EXISTS {ws.table('demo_plan')}")
plans = spark.createDataFrame([(1, "basic", 2), (2, "standard", 5)], "customer_id long, plan string, open_tickets int")
table = fe.create_table(
    name=ws.table("demo_plan"), primary_keys="customer_id", df=plans, description="Plan and open tickets of a customer"
)
print(table.primary_keys, "|", table.description)

# %% [markdown]
# Plain SQL does it too. A table of a colleague who has never heard of a feature store works as well as ours, as long as it has a key:

# %% tags=["nbval-check-output"]
spark.sql(f"DROP TABLE IF EXISTS {ws.table('demo_region')}")
spark.sql(
    f"CREATE TABLE {ws.table('demo_region')} (country STRING NOT NULL, region STRING, CONSTRAINT region_pk PRIMARY KEY (country))"
)
print(fe.get_table(name=ws.table("demo_region")).primary_keys)

# %% [markdown]
# What `create_table` does when the table is there already surprises people: it returns the old one and **writes nothing**. No error either.

# %%
fe.create_table(
    name=ws.table("demo_plan"),
    primary_keys="customer_id",
    df=spark.createDataFrame([(7, "premium", 0)], "customer_id long, plan string, open_tickets int"),
)
print(fe.read_table(name=ws.table("demo_plan")).count(), "rows: customer 7 was not written")

# %% [markdown]
# ### Exercise 4.1 - what is a row about?
# Choose the primary key of three tables. A time series is keyed by its entity **and** its timestamp: both belong into the list.
#
# * `prices`: one price for each country and plan, columns `country, plan, price, currency`
# * `usage`: what a customer watched, one row for each delivery of the feed, columns `customer_id, ts, minutes_4w`
# * `customers`: the CRM's current view of a customer, columns `customer_id, country, plan, updated_at`

# %%
### BEGIN SOLUTION
keys = {"prices": ["country", "plan"], "usage": ["customer_id", "ts"], "customers": ["customer_id"]}
### END SOLUTION
check("4.1", keys)

# %% [markdown]
# ### Exercise 4.2 - the key must be unique
# Unity Catalog does not enforce a primary key; the feature client does, when it writes. The CRM export sends some customers twice.
# First see what the client says, then make a frame that it takes: one row for each customer, nobody lost.

# %% tags=["nbval-check-output"]
raw_customers = spark.table(ws.table("raw_customers"))
spark.sql(f"DROP TABLE IF EXISTS {ws.table('demo_customers')}")
try:
    fe.create_table(name=ws.table("demo_customers"), primary_keys="customer_id", df=raw_customers)
except ValueError as error:
    print(type(error).__name__, "- the client refuses duplicate keys")

# %%
### BEGIN SOLUTION
one_each = raw_customers.dropDuplicates(["customer_id"])
### END SOLUTION
check("4.2", one_each, raw_customers)

# %% [markdown]
# > **On the exam** "Which object is a feature table in Unity Catalog?" - a Delta table with a primary key. **Older material** says
# > "Delta table plus metadata in the workspace feature store": that was the workspace-level store, visible in one workspace only. Unity Catalog
# > tables are account-level: shared across workspaces, with grants and lineage. **Here** names have three levels as there; `main`,
# > `dev`, `staging` and `prod` are folders.

# %% [markdown]
# ## 2 · Writing: merge, and only merge
#
# `write_table` updates the rows whose key exists and inserts the others. A column that the new frame does not carry **keeps its old value**
# in updated rows and is null in inserted ones.
#
# ### Exercise 4.3 - read the merge before you run it
# `demo_plan` holds customer 1 (basic, 2 open tickets) and customer 2 (standard, 5 open tickets). We merge two rows that carry no
# `open_tickets`: customer 2 is now premium, customer 9 is new. What is `open_tickets` of customers 1, 2 and 9 afterwards?

# %%
### BEGIN SOLUTION
open_tickets_after = {1: 2, 2: 5, 9: None}
### END SOLUTION
check("4.3", open_tickets_after)

# %% tags=["nbval-check-output"]
update = spark.createDataFrame([(2, "premium"), (9, "basic")], "customer_id long, plan string")
fe.write_table(name=ws.table("demo_plan"), df=update, mode="merge")
display(fe.read_table(name=ws.table("demo_plan")).orderBy("customer_id"))

# %% [markdown]
# ### Four refusals worth seeing once
# A good store says no. Each of these is a wrong choice in somebody's exam:


# %% tags=["nbval-check-output"]
def refusal(attempt):
    try:
        attempt()
    except (ValueError, TypeError) as error:
        return type(error).__name__
    return "accepted"


demo = ws.table("demo_plan")
twice = spark.createDataFrame([(1, "basic"), (1, "premium")], "customer_id long, plan string")
no_key = spark.createDataFrame([(None, "basic")], "customer_id long, plan string")
print("overwrite      ", refusal(lambda: fe.write_table(name=demo, df=update, mode="overwrite")))
print("append         ", refusal(lambda: fe.write_table(name=demo, df=update, mode="append")))
print("a key twice    ", refusal(lambda: fe.write_table(name=demo, df=twice, mode="merge")))
print("a null key     ", refusal(lambda: fe.write_table(name=demo, df=no_key, mode="merge")))
print("without names  ", refusal(lambda: fe.create_table("main.churn.x", ["customer_id"], plans)))

# %% [markdown]
# > **On the exam** of before September 2025, "merge or overwrite" was a question, because the old `FeatureStoreClient` had both. **Today's**
# > `FeatureEngineeringClient` has `merge` alone; to replace a table drop it and create it, to remove rows use SQL `DELETE`. *Append* never existed.

# %% [markdown]
# ## 3 · A training set is labels plus lookups
#
# You bring a frame with keys and labels. Each `FeatureLookup` names a table and the column of **your** frame that holds its key. The training set
# remembers which feature came from where; `load_df` makes the join. Every label row comes out exactly once, matched or not.

# %% tags=["nbval-check-output"]
labels = spark.createDataFrame([(1, 0), (2, 1), (3, 0)], "customer_id long, churned int")
training_set = fe.create_training_set(
    df=labels,
    feature_lookups=[FeatureLookup(table_name=ws.table("demo_plan"), lookup_key="customer_id")],
    label="churned",
)
display(training_set.load_df().orderBy("customer_id"))

# %% [markdown]
# Customer 3 is in no feature table: nulls, and the row stays. `label` must always be given, even if it is `None` for a frame without labels.
# A lookup whose output has the name of a column you already have is refused here - and allowed when scoring, as you will see.
#
# ### Exercise 4.4 - two tables, one name
# Sales and support both keep a feature called `score`. Build the training frame with columns `sales_score` and `support_score`, **without** the
# key `customer_id` among the model's inputs.

# %%
for team, rows in {"sales": [(1, 0.2), (2, 0.9)], "support": [(1, 7.0), (2, 3.0)]}.items():
    spark.sql(f"DROP TABLE IF EXISTS {ws.table('demo_' + team)}")
    scores = spark.createDataFrame(rows, "customer_id long, score double")
    fe.create_table(name=ws.table(f"demo_{team}"), primary_keys="customer_id", df=scores)

# %%
### BEGIN SOLUTION
lookups = [
    FeatureLookup(
        table_name=ws.table(f"demo_{team}"), lookup_key="customer_id", rename_outputs={"score": f"{team}_score"}
    )
    for team in ("sales", "support")
]
two_scores = fe.create_training_set(
    df=labels, feature_lookups=lookups, label="churned", exclude_columns=["customer_id"]
).load_df()
### END SOLUTION
check("4.4", two_scores)

# %% [markdown]
# ## 4 · Point in time: the row for this label
#
# On 1 June you must say whether customer 17 will leave within 30 days. She wrote two tickets in May - and a third on 9 June, the day before
# she left. A model that has seen the third ticket looks brilliant and is useless: on 1 June it does not exist.

# %% tags=["picture"]
tickets = pd.DataFrame(
    {
        "customer_id": 17,
        "ts": pd.to_datetime(["2026-05-04", "2026-05-20", "2026-06-09"]),
        "open_tickets": [1, 2, 3],
    }
)
pictures.timeline(tickets, ts="ts", value="open_tickets", label_ts="2026-06-01", title="Open tickets of customer 17")

# %% [markdown]
# Blue and orange is what we knew. Grey is the future. A **time series feature table** has its timestamp among the keys and declared as such; the
# lookup names the column of the label frame that says *when*. Then the store takes, for each label, **the latest row at or before its time**.

# %% tags=["nbval-check-output"]
spark.sql(f"DROP TABLE IF EXISTS {ws.table('demo_tickets')}")
fe.create_table(
    name=ws.table("demo_tickets"),
    primary_keys=["customer_id", "ts"],
    timeseries_column="ts",
    df=spark.createDataFrame(tickets),
)
at_label = FeatureLookup(table_name=ws.table("demo_tickets"), lookup_key="customer_id", timestamp_lookup_key="label_ts")
june = spark.createDataFrame([(17, dt.datetime(2026, 6, 1), 1)], "customer_id long, label_ts timestamp, churned int")
display(fe.create_training_set(df=june, feature_lookups=[at_label], label="churned").load_df())

# %% [markdown]
# Two tickets, as it should be. A plain join on `customer_id` would have given three rows, one of them from the future.
#
# ### Exercise 4.5 - four rules in four rows
# The table for customer 5: at 09:00 the value 10, at 12:00 the value 20, at 15:00 a row whose value is **null**. What does a point-in-time
# lookup give for a label at 08:00, at 12:00 sharp, at 14:59, and at 18:00? Write `None` for null.

# %%
### BEGIN SOLUTION
looked_up = {"08:00": None, "12:00": 20, "14:59": 20, "18:00": None}
### END SOLUTION
check("4.5", looked_up)

# %% [markdown]
# Now let the store answer. The comparison is `<=`, so 12:00 sharp matches; the **whole row** is taken, so the null of 15:00 is not filled
# from 12:00.

# %% tags=["nbval-check-output"]
spark.sql(f"DROP TABLE IF EXISTS {ws.table('demo_rules')}")
day = dt.datetime(2026, 6, 1)
hours = [(5, day.replace(hour=9), 10), (5, day.replace(hour=12), 20), (5, day.replace(hour=15), None)]
fe.create_table(
    name=ws.table("demo_rules"),
    primary_keys=["customer_id", "ts"],
    timeseries_column="ts",
    df=spark.createDataFrame(hours, "customer_id long, ts timestamp, value int"),
)
asked = [(5, day.replace(hour=h, minute=m)) for h, m in ((8, 0), (12, 0), (14, 59), (18, 0))]
rules = fe.create_training_set(
    df=spark.createDataFrame(asked, "customer_id long, label_ts timestamp"),
    feature_lookups=[
        FeatureLookup(table_name=ws.table("demo_rules"), lookup_key="customer_id", timestamp_lookup_key="label_ts")
    ],
    label=None,
).load_df()
display(rules.orderBy("label_ts"))

# %% [markdown]
# ## 5 · The leak, made visible
#
# Now the churn data. `course/churn/features.py` holds the feature functions; read `usage_features` and `rolling_count` there, they are ten lines each.
# The data come from a generator whose truth we know, so we also know **the best AUC that any honest model can reach** on these labels.

# %%
churn.create_feature_tables(fe, spark, ws.schema_name)
churn.register_functions(spark, ws.schema_name)
churn_labels = spark.table(ws.table("raw_labels"))
_, held_out = churn.split_by_customer(churn_labels)
best = churn.best_auc(ws, held_out)
print(
    f"{churn_labels.count():,} labels, {100 * churn_labels.agg(F.avg('churned')).first()[0]:.1f} % churned, best possible AUC {best:.3f}"
)

# %% [markdown]
# Train twice on the same labels, with the same model and the same split. Once from tables that keep **only the latest value** of each
# customer - the natural thing to build if nobody thinks of time. Once point in time.


# %%
def auc_of(frame):
    train, test = (part.toPandas() for part in churn.split_by_customer(frame))
    model = churn.sklearn_pipeline().fit(train, train["churned"])
    return churn.pandas_auc(test["churned"], model.predict_proba(test)[:, 1])


def latest_only(table):
    newest_first = Window.partitionBy("customer_id").orderBy(F.desc("ts"))
    rows = spark.table(ws.table(table)).withColumn("n", F.row_number().over(newest_first))
    return rows.where("n = 1").drop("n", "ts")


honest_frame = fe.create_training_set(
    df=churn_labels, feature_lookups=churn.feature_lookups(ws.schema_name), label="churned"
).load_df()
time_series = ["minutes_trend", "tickets_30d", "late_payments_90d"]
leaking_frame = honest_frame.drop(*time_series)
for table in ("usage_features", "ticket_features", "payment_features"):
    leaking_frame = leaking_frame.join(latest_only(table), "customer_id", "left")
leaking_frame = leaking_frame.fillna(0, time_series)
honest, leaking = auc_of(honest_frame), auc_of(leaking_frame)

# %% tags=["picture"]
pictures.bars(
    {"latest value (leaks)": leaking, "point in time": honest},
    limit=("best possible", best),
    title="AUC on held-out customers",
)

# %%
ws.report(auc_honest=honest, auc_leaking=leaking, auc_best_possible=best)

# %% [markdown]
# The leaking model beats the best AUC that the truth allows. **When a result is better than it can be, look for the future in it.** What did the
# leak see? Customers who leave stop watching, stop paying and write a last ticket - after the label. In production none of that is there yet.
#
# ### Exercise 4.6 - stop the leak
# A colleague made this lookup on `ticket_features` and was told that a time series needs more than a key. Repair it: build the
# training frame `honest_tickets` from `churn_labels` with `tickets_30d` as it was known at `label_ts`, null where nothing was known.

# %% tags=["nbval-check-output"]
colleagues = FeatureLookup(table_name=ws.table("ticket_features"), lookup_key="customer_id")
print(refusal(lambda: fe.create_training_set(df=churn_labels, feature_lookups=[colleagues], label="churned")))

# %%
### BEGIN SOLUTION
honest_tickets = fe.create_training_set(
    df=churn_labels,
    feature_lookups=[
        FeatureLookup(table_name=ws.table("ticket_features"), lookup_key="customer_id", timestamp_lookup_key="label_ts")
    ],
    label="churned",
).load_df()
### END SOLUTION
check("4.6", honest_tickets, churn_labels, spark.table(ws.table("ticket_features")))

# %% [markdown]
# ## 6 · How old may a value be, and what if there is none?
#
# `lookback_window` refuses rows that are too old: usable is what is at most that old, the edge included. `default_values` fills what is null **after** the
# join - no row, a row too old, and also a null that the table really holds. Its keys are the **output** names. On-demand functions
# have run by then: they see the null, not the default.

# %% tags=["picture"]
pictures.timeline(
    tickets[:2], ts="ts", value="open_tickets", label_ts="2026-06-15", lookback=pd.Timedelta(days=14),
    title="A label on 15 June with a lookback of 14 days: nothing usable",
)  # fmt: skip

# %% tags=["nbval-check-output"]
fresh = FeatureLookup(
    table_name=ws.table("demo_tickets"),
    lookup_key="customer_id",
    timestamp_lookup_key="label_ts",
    lookback_window=dt.timedelta(days=14),
    default_values={"open_tickets": 0},
)
some_days = spark.createDataFrame(
    [(17, dt.datetime(2026, 6, d)) for d in (1, 3, 4, 10)], "customer_id long, label_ts timestamp"
)
display(fe.create_training_set(df=some_days, feature_lookups=[fresh], label=None).load_df().orderBy("label_ts"))

# %% [markdown]
# On 3 June the row of 20 May is exactly 14 days old and still counts; on 4 June it does not, and the default steps in.
#
# ### Exercise 4.7 - a feed that may be down
# If the usage feed has delivered nothing for three weeks, its last value is stale and must count as *no trend*. Write the `FeatureLookup` on
# `usage_features`: only `minutes_trend`, under the name `trend`, at `label_ts`, at most 21 days old, 0.0 where there is none.

# %%
### BEGIN SOLUTION
trend_lookup = FeatureLookup(
    table_name=ws.table("usage_features"),
    lookup_key="customer_id",
    feature_names=["minutes_trend"],
    rename_outputs={"minutes_trend": "trend"},
    timestamp_lookup_key="label_ts",
    lookback_window=dt.timedelta(days=21),
    default_values={"trend": 0.0},
)
### END SOLUTION
check("4.7", trend_lookup)

# %% [markdown]
# > **Online it is different.** An online store keeps only the latest value of a key: no point in time and no lookback at request time. Defaults apply
# > on both sides. Online tables are chapter 10 (the guide's "online tables" are gone since January 2026; the Online Feature Store replaced them).

# %% [markdown]
# ## 7 · Event time is not availability time
#
# Point in time protects you from rows with a later timestamp. It cannot know that a timestamp lies. Usage of the week of Monday 2 June is
# delivered two days after that week's end. Time-stamp it with the Monday, and a label on 5 June "knows" a week that is not over.

# %%
usage = spark.table(ws.table("raw_usage"))
by_event = usage.select(
    "customer_id", F.col("week_start").cast("timestamp").alias("ts"), F.col("minutes").alias("minutes_1w")
)
spark.sql(f"DROP TABLE IF EXISTS {ws.table('demo_usage_by_event')}")
fe.create_table(
    name=ws.table("demo_usage_by_event"), primary_keys=["customer_id", "ts"], timeseries_column="ts", df=by_event
)


def auc_of_last_week(table):
    """How well the minutes of the last week alone rank the leavers: the fewer, the likelier."""
    last_week = FeatureLookup(
        table_name=ws.table(table),
        lookup_key="customer_id",
        feature_names=["minutes_1w"],
        timestamp_lookup_key="label_ts",
        default_values={"minutes_1w": 0.0},
    )
    frame = fe.create_training_set(df=churn_labels, feature_lookups=[last_week], label="churned").load_df().toPandas()
    return churn.pandas_auc(frame["churned"], -frame["minutes_1w"])


by_week, by_delivery = auc_of_last_week("demo_usage_by_event"), auc_of_last_week("usage_features")

# %% tags=["picture"]
pictures.bars(
    {"stamped with the week": by_week, "stamped with the delivery": by_delivery},
    limit=("best possible with all features", best),
    title="Minutes of the last week as the only feature",
)

# %% [markdown]
# One weak feature beats everything that is possible, because the week that "begins" at the label is the week in which leavers stop watching. The join was
# correct both times. The rule: **the timestamp of a feature is the moment from which a model could have read it.**
#
# ### Exercise 4.8 - stamp it right
# Someone gives you the usage without `available_at`. A week begins at `week_start` (a Monday, 00:00), ends seven days later, and is delivered two
# days after its end. Add the column `ts`.

# %%
feed = usage.select("customer_id", "week_start", "minutes")
### BEGIN SOLUTION
known = feed.withColumn("ts", F.col("week_start").cast("timestamp") + F.expr("INTERVAL 9 DAYS"))
### END SOLUTION
check("4.8", known)

# %% [markdown]
# ## 8 · On demand: features that need the request
#
# How long has she been a customer *at the moment of the question*? No table can hold that: it depends on the request. A **feature
# function** is a Python function registered in Unity Catalog; the training set, `score_batch` and a serving endpoint all run the same one.
# Its inputs are bound to columns of the label frame, to looked-up features, or to other functions' outputs.

# %% tags=["nbval-check-output"]
from lakehouse.functions import function_ddl

print(function_ddl(churn.tenure_years, name="main.churn.tenure_years"))

# %% [markdown]
# That statement is what runs on Databricks. `register_python_function` runs it there and keeps the same source in the lake here.

# %% tags=["nbval-check-output"]
tenure = FeatureFunction(
    udf_name=ws.table("tenure_years"),
    input_bindings={"signup_date": "signup_date", "label_ts": "label_ts"},
    output_name="tenure_years",
)
signup = FeatureLookup(
    table_name=ws.table("customer_features"), lookup_key="customer_id", feature_names=["signup_date"]
)
one_day = churn_labels.where("customer_id <= 3")
display(
    fe.create_training_set(df=one_day, feature_lookups=[signup, tenure], label="churned")
    .load_df()
    .orderBy("customer_id", "label_ts")
    .limit(4)
)

# %% [markdown]
# ### Exercise 4.9 - write one
# Write `is_new(signup_date, label_ts)`: true if the customer signed up less than 90 days before the label. It must carry type annotations
# (`dt.date`, `dt.datetime`, result `bool`), import what it needs itself, and give `None` for a null input: Unity Catalog hands nulls over.


# %%
### BEGIN SOLUTION
def is_new(signup_date: dt.date, label_ts: dt.datetime) -> bool:
    if signup_date is None or label_ts is None:
        return None
    return (label_ts.date() - signup_date).days < 90


### END SOLUTION
check("4.9", is_new)

# %% [markdown]
# ## 9 · Training/serving skew, and how packaging ends it
#
# A model needs its features computed in production exactly as in training. `fe.log_model` stores the recipe - tables, keys, renames, lookback,
# defaults, functions - beside the model. `fe.score_batch` then needs **only the keys**: it looks up the rest itself. So does the model that
# `mlflow.pyfunc.load_model` gives, with the latest value of each key, as an endpoint does.

# %%
training_set = fe.create_training_set(
    df=churn.labels_known_at(churn_labels, dt.date(2025, 9, 29)),
    feature_lookups=churn.feature_lookups(ws.schema_name),
    label="churned",
    exclude_columns=["customer_id", "label_ts", "signup_date"],
)
training_pd = training_set.load_df().toPandas()
model = churn.sklearn_pipeline().fit(training_pd.drop(columns="churned"), training_pd["churned"])
with mlflow.start_run(run_name="churn logistic regression") as run:
    mlflow.log_param("model", "logistic_regression")
    fe.log_model(
        model=model,
        artifact_path="model",
        flavor=mlflow.sklearn,
        training_set=training_set,
        serialization_format="cloudpickle",
        registered_model_name=ws.table("churn_sklearn"),
    )

# %% tags=["nbval-check-output"]
version = churn.version_of_run(ws.table("churn_sklearn"), run.info.run_id)
mlflow.MlflowClient().set_registered_model_alias(ws.table("churn_sklearn"), "Champion", version)
autumn = churn_labels.where("label_ts = '2025-10-20'").select("customer_id", "label_ts")
scored = fe.score_batch(model_uri=f"models:/{ws.table('churn_sklearn')}@Champion", df=autumn)
print(scored.columns)

# %% [markdown]
# Two columns went in, all features and `prediction` came out.
#
# ### The trap: what you do after `load_df` is not packaged
# `load_df` gives the features as the tables hold them. If you scale a column *after* it and train on the result, the recipe knows nothing of your scaling.
# At scoring the model gets raw values and gives other answers than in training, with no error.

# %%
from sklearn.linear_model import LogisticRegression

columns = ["minutes_trend", "tickets_30d", "late_payments_90d"]
small_set = fe.create_training_set(
    df=churn_labels,
    feature_lookups=[one for one in churn.feature_lookups(ws.schema_name)[1:4]],
    label="churned",
    exclude_columns=["customer_id", "label_ts"],
)
small_pd = small_set.load_df().toPandas()
scaled = (small_pd[columns] - small_pd[columns].mean()) / small_pd[columns].std()
outside = LogisticRegression(class_weight="balanced").fit(scaled, small_pd["churned"])
with mlflow.start_run(run_name="scaled outside the model") as run:
    fe.log_model(
        model=outside, artifact_path="model", flavor=mlflow.sklearn, training_set=small_set,
        serialization_format="cloudpickle",
    )  # fmt: skip
asked = churn_labels.select("customer_id", "label_ts")
in_training = 100 * outside.predict(scaled).mean()
in_use = 100 * fe.score_batch(model_uri=f"runs:/{run.info.run_id}/model", df=asked).agg(F.avg("prediction")).first()[0]
print(f"predicted to leave: {in_training:.1f} % in training, {in_use:.1f} % in use, same customers, same dates")

# %% [markdown]
# ### Exercise 4.10 - put it inside
# Make the scaling part of the model: fit one scikit-learn object on `small_pd[columns]` (unscaled) that scales and then predicts.

# %%
### BEGIN SOLUTION
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

inside = make_pipeline(StandardScaler(), LogisticRegression()).fit(small_pd[columns], small_pd["churned"])
### END SOLUTION
check("4.10", inside, small_pd)

# %% [markdown]
# ### Exercise 4.11 - what if?
# Scoring has one freedom that training has not: a column of your frame that carries the name of a feature **overrides** the lookup. Score the customers of
# `autumn` with the Champion as if nobody had an open ticket in the last 30 days. Support wants to know whom a solved ticket would keep.

# %%
champion = f"models:/{ws.table('churn_sklearn')}@Champion"
### BEGIN SOLUTION
without_tickets = fe.score_batch(model_uri=champion, df=autumn.withColumn("tickets_30d", F.lit(0)))
### END SOLUTION
check("4.11", without_tickets, scored)

# %% [markdown]
# ## 10 · Time travel is not point in time
#
# Delta's time travel answers *which version of the table*. Point in time answers *which row for this label*. A version from June holds whatever was
# written by then, for all labels alike; and it is gone after VACUUM.

# %% tags=["nbval-check-output"]
history = spark.sql(f"DESCRIBE HISTORY {ws.table('demo_plan')}")
merge = history.where("operation = 'MERGE'").agg(F.max("version")).first()[0]
for version in (merge - 1, merge):
    rows = spark.sql(f"SELECT * FROM {ws.table('demo_plan')} VERSION AS OF {version}").orderBy("customer_id").collect()
    print("before the merge" if version < merge else "after the merge ", [(row.customer_id, row.plan) for row in rows])

# %% [markdown]
# ### Exercise 4.12 - which tool?
# For each question say `"point in time"`, `"time travel"` or `"neither"`.
#
# * a: train on labels of twelve different months, each with the features of its month
# * b: rerun last month's training on exactly the table as it was then, to explain a result
# * c: find out who may read the feature table
# * d: undo a faulty merge of this morning

# %%
### BEGIN SOLUTION
tool = {"a": "point in time", "b": "time travel", "c": "neither", "d": "time travel"}
### END SOLUTION
check("4.12", tool)

# %% [markdown]
# ## 11 · The old client
#
# Older material and the exam's older questions use `databricks.feature_store.FeatureStoreClient`, the workspace-level client. Locally it is a thin adapter that
# warns and names the new call.

# %% tags=["nbval-check-output"]
import warnings

from databricks.feature_store import FeatureStoreClient

fs = FeatureStoreClient()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    fs.read_table(ws.table("demo_plan"))
print(caught[0].category.__name__, "-", caught[0].message)

# %% [markdown]
# ### Exercise 4.13 - translate
# Sort five calls of an old notebook: `"same"` if it works with `FeatureEngineeringClient` as written, `"changed"` if there is a new way to do it,
# `"never"` if it never worked.
#
# * a: `fs.write_table(name=t, df=df, mode="merge")`
# * b: `fs.write_table(name=t, df=df, mode="overwrite")`
# * c: `fs.create_table("main.ml.t", ["id"], df)`
# * d: `fs.score_batch(uri, df, feature_lookups=lookups)`
# * e: `fs.read_table(name=t)`

# %%
### BEGIN SOLUTION
verdict = {"a": "same", "b": "changed", "c": "changed", "d": "never", "e": "same"}
### END SOLUTION
check("4.13", verdict)

# %% [markdown]
# ## 12 · Governance and lineage, in brief
#
# A feature table is a Unity Catalog table: owners, grants, tags, lineage come with it. Who reads it needs `SELECT` (and `USE CATALOG`, `USE SCHEMA`); who
# writes it, `MODIFY`. A good pattern keeps personal data in a restricted schema and publishes derived features in an open one. The client's tags say what a column
# comment cannot:

# %% tags=["nbval-check-output"]
fe.set_feature_table_tag(name=ws.table("usage_features"), key="refresh", value="weekly")
print(fe.get_table(name=ws.table("usage_features")).tags)

# %% [markdown]
# Because a model logged by `fe.log_model` carries its recipe, the platform draws lineage from table to model by itself. A model logged with plain
# `mlflow.sklearn.log_model` has no recipe: `score_batch` refuses it, and no lookup happens when it is served.
#
# ## Checkpoint · The feature quality checklist, as code
#
# Before a feature table is published: is the key unique and never null? Are too many values missing? Are values in their range? Is it fresh? A
# checklist in a document is read once. A function runs every night.
#
# ### Exercise 4.14
# Complete `problems`. It returns a list of words, empty if all is well: `"null key"`, `"duplicate key"`, `"missing"` (more than
# `most_missing` of the values of `feature` are null), `"range"` (a value outside `low`..`high`), `"stale"` (the newest `ts` is more than `max_age` before `now`).


# %%
def problems(df, keys, feature, low, high, now, most_missing=0.2, max_age=dt.timedelta(days=14)):
    ### BEGIN SOLUTION
    found = df.agg(
        F.count(F.lit(1)).alias("rows"),
        F.count_distinct(*keys).alias("distinct"),
        F.sum(F.greatest(*[F.col(key).isNull().cast("int") for key in [*keys, keys[0]]])).alias("null_keys"),
        F.avg(F.col(feature).isNull().cast("double")).alias("missing"),
        F.min(feature).alias("low"),
        F.max(feature).alias("high"),
        F.max("ts").alias("newest"),
    ).first()
    checks = {
        "null key": found.null_keys > 0,
        "duplicate key": found.distinct < found.rows - found.null_keys,
        "missing": found.missing > most_missing,
        "range": found.low is not None and (found.low < low or found.high > high),
        "stale": found.newest < now - max_age,
    }
    return [name for name, bad in checks.items() if bad]
    ### END SOLUTION


check("4.14", problems)

# %% [markdown]
# ## Recap
#
# 1. A feature table is a Delta table with a primary key. A time series has its timestamp in the key, declared as such.
# 2. `write_table` merges. Nothing else. The client checks that keys are unique and not null; Unity Catalog itself only informs.
# 3. Point in time takes, for each label, the latest row at or before its time: whole, ties included, every label once.
# 4. The timestamp must be the moment from which the value could have been read.
# 5. `fe.log_model` packs the recipe, `fe.score_batch` needs only keys. Preprocessing belongs inside the model.
# 6. A result better than the truth allows is a leak.
#
# **Traps**: `create_table` on an existing table writes nothing · `label` missing · default keys are output names · lookback does not exist online ·
# training refuses a column named like a feature, scoring takes it as override · time travel is not point in time.
#
# **Next**: chapter 05 trains and judges a model where the data live; chapter 10 serves these features online. The churn capstone in
# `capstone/churn/` uses the four feature tables you have just built.
