# %% [markdown]
# # 01 · Exam map
# ## What must I be able to do, and where am I now?
#
# You have an exam date, or will have one soon. Most people prepare by reading everything once, in order, and find out in the exam that they can explain many
# topics but not use them. This chapter works the other way round: you see the whole platform and the whole pipeline first, run it once, rate what you can
# already do, and leave with a study plan up to your exam date.
#
# **You will be able to**
#
# | | objective |
# |---|---|
# | name the practices of good MLOps, and say what each one prevents | ASC-1.01 |
# | say what an ML runtime gives you, and detect a version conflict before a job fails | ASC-1.02 |
# | say what AutoML did, what it left to you, and what replaces it | ASC-1.03, ASC-1.04 |
# | match platform features to the activities of the lifecycle | PRO-2.02 |
#
# **The pipeline so far**: nothing but five raw tables of a streaming service, which the cell below the parameters makes. In section 9 you run the whole pipeline
# once, from these tables to a scored customer. The later chapters take it apart.
#
# Time: about 90 minutes. Every exercise has a `hint`. A check that says *todo* waits for you; it never stops the notebook. Where an exercise has items a, b, c, give a dictionary
# from the letter in lower case to the answer, such as `{"a": True, "b": False}`.
#
# Three labels recur in every chapter. **On the exam**: the words and answers that the exam expects. **Today** or **On Databricks**: what the product does now. **Here**: what is different
# on your machine.

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
import numpy as np
import pandas as pd
from databricks.feature_engineering import FeatureEngineeringClient, FeatureLookup
from pyspark.sql import functions as F

# `start` connects the notebook and gives it `spark`, `dbutils` and `display`, as on Databricks
ws = start("01_exam_map", catalog=catalog, schema=schema, n_customers=n_customers, seed=seed)
fe = FeatureEngineeringClient()

# %% [markdown]
# ## 1 · Blueprints and weights
#
# There are two exams, each with a guide. The **Professional** guide changed on 30 September 2025: four domains became three, and the new topics went into Model Development and MLOps, now 44 % each. The
# **Associate** guide is from March 2025.
#
# | | Professional | Associate |
# |---|---|---|
# | scored questions | 59 in 120 minutes | 48 in 90 minutes |
# | domains | Model Development 44 %, MLOps 44 %, Model Deployment 12 % | Databricks ML 38 %, Data Processing 19 %, Model Development 31 %, Model Deployment 12 % |
# | pass mark | not published | not published |
# | questions | single choice and multiple selection | the same |
#
# No pass mark is published for either exam, although many sites name one. Aim for a margin.

# %% tags=["picture"]
blueprints = {
    "before September 2025": {"experimentation": 30, "lifecycle": 30, "deployment": 25, "monitoring": 15},
    "since September 2025": {"model development": 44, "MLOps (with monitoring)": 44, "deployment": 12},
}
colours = {"deployment": "#f0b57a", "monitoring": "#c9ddc9"}
said = "; ".join(f"{when}: {', '.join(f'{n} {p} %' for n, p in parts.items())}" for when, parts in blueprints.items())
figure, axes = pictures.draw(alt=f"Weights of the Professional exam. {said}.", size=(8.6, 2.2))
for place, parts in enumerate(blueprints.values()):
    left = 0
    for number, (domain, percent) in enumerate(parts.items()):
        axes.barh(
            place,
            percent,
            left=left,
            color=colours.get(domain, ("#b9cfe6", "#dbe7f3")[number % 2]),
            edgecolor="white",
            height=0.62,
        )
        axes.text(left + percent / 2, place, f"{domain}\n{percent} %", ha="center", va="center", fontsize=8)
        left += percent
axes.set(yticks=range(2), yticklabels=list(blueprints), xlim=(0, 100), xlabel="% of the questions")
axes.set_title("The Professional exam before and since September 2025")
axes.invert_yaxis()
figure

# %% [markdown]
# Deployment fell from 25 % to 12 %. Monitoring is not gone: it is the largest part of MLOps, ten of its twenty objectives. New topics are Spark ML, Optuna, Ray, testing
# and bundles. Registry stages, webhooks and Z-ordering left the guide, but many collections of practice questions still ask about them.
#
# An hour of study is worth most where **points gained times weight of the domain** is largest.
#
# ### Exercise 1.1 - which domain should Mara study?
# Mara's practice test shows 60 % in Model Development, 55 % in MLOps and 20 % in Model Deployment. She has one weekend, enough for one domain: it would take her to 75 %, 68 % **or** 80 % there.
# Compute `gain`, a dictionary from domain to the number of **questions** that she would gain in the Professional exam, and name the `best_domain`.

# %%
items = {"Model Development": 26, "MLOps": 26, "Model Deployment": 7}
now = {"Model Development": 0.60, "MLOps": 0.55, "Model Deployment": 0.20}
then = {"Model Development": 0.75, "MLOps": 0.68, "Model Deployment": 0.80}
### BEGIN SOLUTION
gain = {domain: items[domain] * (then[domain] - now[domain]) for domain in items}
best_domain = max(gain, key=gain.get)
### END SOLUTION
check("1.1", gain, best_domain)

# %% [markdown]
# The small domain wins narrowly, because the rise there is four times as large. If she stood at 45 % in deployment, it would lose. Multiply the gain by the weight; do not simply pick the weakest or
# the largest domain.
#
# ## 2 · Old words and new
#
# Exam guides change more slowly than the product. You will meet three generations of terms: those of older study material, those of the guides, and those on the screen.
#
# | older material | the guides in force | today |
# |---|---|---|
# | `FeatureStoreClient`, workspace feature store | Feature Engineering in Unity Catalog | `FeatureEngineeringClient`; any Delta table in Unity Catalog with a primary key is a feature table; `write_table` merges, it never overwrites or appends |
# | stages Staging, Production, Archived | aliases (Associate) | aliases and tags; stages do not exist in Unity Catalog, where a version also needs a **signature** |
# | registry webhooks | - | none in Unity Catalog: deployment jobs |
# | Repos, Workflows | Git folders, jobs | Git folders, Lakeflow Jobs |
# | Asset Bundles | Databricks Asset Bundles | Declarative Automation Bundles; the command is still `databricks bundle` |
# | Delta Live Tables | Delta Live Tables | Lakeflow Spark Declarative Pipelines |
# | online tables | online tables (Professional) | Online Feature Store; online tables ended in January 2026 |
# | Lakehouse Monitoring | Lakehouse Monitoring (Professional) | data profiling |
# | Hyperopt in the runtime | `fmin` (Associate) | not in ML runtimes after 16.4 LTS ML: Optuna, Ray Tune |
# | AutoML in the runtime | AutoML (Associate) | not built in from 18.0 ML on |
#
# > **On the exam** answer in the guide's terms, and know the current names. **Today** is what your team uses. **Here** the notebooks use today's calls; the quizzes
# > mark a question as *old* where only older material asks it.
#
# ### Exercise 1.2 - which lines still run?
# Predict before you run: `True` if the line works today with a model or table in Unity Catalog, `False` if it is refused.
#
# * a: `client.set_registered_model_alias(name, "Champion", 1)`
# * b: `client.transition_model_version_stage(name, 1, stage="Production")`
# * c: `fe.write_table(name=t, df=df, mode="merge")`
# * d: `fe.write_table(name=t, df=df, mode="overwrite")`
# * e: `mlflow.sklearn.log_model(model, name="model", registered_model_name=name)` without signature or input example

# %%
### BEGIN SOLUTION
still_runs = {"a": True, "b": False, "c": True, "d": False, "e": False}
### END SOLUTION
check("1.2", still_runs)

# %%
import warnings

from mlflow.models import infer_signature
from sklearn.dummy import DummyClassifier

small = pd.DataFrame({"tickets": [0.0, 3.0, 1.0, 5.0]})
model = DummyClassifier(strategy="prior").fit(small, [0.0, 1.0, 0.0, 1.0])
name, t = ws.table("demo_map_model"), ws.table("demo_map_words")
client = mlflow.MlflowClient()
with mlflow.start_run(run_name="old words and new"):
    mlflow.sklearn.log_model(
        model, name="model", registered_model_name=name, signature=infer_signature(small, model.predict(small))
    )
spark.sql(f"DROP TABLE IF EXISTS {t}")
row = spark.createDataFrame([(1, 5)], "id long, n int")
fe.create_table(name=t, primary_keys="id", schema=row.schema)


def log_without_signature():
    with mlflow.start_run(run_name="no signature"):
        mlflow.sklearn.log_model(model, name="model", registered_model_name=name)


lines = {
    "a": lambda: client.set_registered_model_alias(name, "Champion", 1),
    "b": lambda: client.transition_model_version_stage(name, 1, stage="Production"),
    "c": lambda: fe.write_table(name=t, df=row, mode="merge"),
    "d": lambda: fe.write_table(name=t, df=row, mode="overwrite"),
    "e": log_without_signature,
}
outcome = {}
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # MLflow itself warns that stages will be removed
    for letter, line in lines.items():
        try:
            line()
            outcome[letter] = "works"
        except Exception as error:
            outcome[letter] = f"is refused: {type(error).__name__}"

# %% tags=["nbval-check-output"]
for letter, what in outcome.items():
    print(letter, what)

# %% [markdown]
# ## 3 · The platform on one page
#
# The platform has four layers. **Storage** holds files: Delta tables and volumes. The **catalog** gives them names, owners, grants and lineage. **Compute** reads them, and is most of what you
# pay for, while it runs. The **lifecycle** services keep what a model needs: features, runs, versions, endpoints, monitors. When a scenario confuses you, ask first which layer it is about.

# %% tags=["picture"]
from matplotlib.patches import FancyBboxPatch

layers = {
    "lifecycle": ["features", "MLflow runs", "model registry", "monitors", "bundles"],
    "compute": ["serverless", "jobs compute", "model serving", "SQL warehouse", "all-purpose"],
    "catalog": ["functions", "models", "tables", "grants", "lineage"],
    "storage": ["volumes", "model files", "Delta tables", "transaction logs", "checkpoints"],
}
way = ["Delta tables", "tables", "serverless", "features", "MLflow runs", "model registry", "model serving", "monitors"]
places = {part: (column + 0.5, -row) for row, parts in enumerate(layers.values()) for column, part in enumerate(parts)}
said = "; ".join(f"{layer}: {', '.join(parts)}" for layer, parts in layers.items())
figure, axes = pictures.draw(
    alt=f"The platform in four layers, from top to bottom. {said}. The path of a model: {', '.join(way)}.",
    size=(8, 3.2),
)
for row, (layer, parts) in enumerate(layers.items()):
    axes.text(-0.05, -row, layer, ha="right", va="center", weight="bold")
    colour = ("#d7e3f0", "#f6e3cf", "#dcebdf", "#e8e8e8")[row]
    for part in parts:
        x, y = places[part]
        box = FancyBboxPatch(
            (x - 0.43, y - 0.26), 0.86, 0.52, boxstyle="round,pad=0.02", facecolor=colour, edgecolor="#888888"
        )
        axes.add_patch(box)
        axes.text(x, y, part, ha="center", va="center", fontsize=8.5)
for number, part in enumerate(way, start=1):
    x, y = places[part]
    axes.text(
        x - 0.4, y + 0.24, number, ha="center", va="center", fontsize=8, color="white",
        bbox={"boxstyle": "circle,pad=0.2", "facecolor": pictures.RED, "edgecolor": "none"},
    )  # fmt: skip
axes.set(xlim=(-0.8, 5.05), ylim=(-3.4, 0.5))
axes.axis("off")
figure

# %% [markdown]
# The red numbers follow a churn model. Rows are stored (1), get a name and grants (2), and are read by compute (3). Features are kept (4), a run is tracked (5), a version is registered (6) and served (7), and a
# monitor watches it (8). Each time the path changes layers, a missing permission can stop it.
#
# The layer determines **how access is given**. Access to objects of the catalog (tables, views, volumes, functions, models) is given with `GRANT`. Objects of the workspace (notebooks,
# folders, clusters, jobs, experiments, endpoints) have access lists with levels such as CAN RUN or CAN MANAGE. A job needs both: someone must be allowed to start it, and the identity
# that it runs as must be allowed to read the tables.
#
# ### Exercise 1.3 - a grant or an access list?
# The service principal `spend-prod` takes over a pipeline. For each need write `"grant"` (Unity Catalog) or `"access list"` (workspace).
#
# * a: write predictions into `prod.spend.predictions`
# * b: query the serving endpoint `spend`
# * c: call the function `prod.spend.tenure_years`
# * d: start the job `score-daily`
# * e: log runs into the experiment `/Shared/spend`
# * f: read image files in the volume `/Volumes/prod/spend/receipts`

# %%
### BEGIN SOLUTION
opened_by = {
    "a": "grant",
    "b": "access list",
    "c": "grant",
    "d": "access list",
    "e": "access list",
    "f": "grant",
}
### END SOLUTION
check("1.3", opened_by)

# %% [markdown]
# ### Which feature serves which activity
#
# | activity | feature | what goes wrong without it |
# |---|---|---|
# | study the data | notebooks, data profiling, `dbutils.data.summarize` | a model is trained on an empty column |
# | compute features once, for training and use | feature tables, `FeatureEngineeringClient` | training and use compute them differently |
# | compare experiments | MLflow tracking | nobody can say which settings gave the good result |
# | say which model is live | model registry, alias | two teams score with two different files |
# | move a project between environments | bundles, Git folders, catalogs for dev, staging and prod | manual edits in production |
# | run it every night | Lakeflow Jobs | it runs only while your laptop is open |
# | answer a request in milliseconds | Model Serving, online features | requests wait for a notebook |
# | see that it is still right | monitors, inference tables, alerts | customers notice the error first |
#
# ### Exercise 1.4 - one activity, one feature
# Choose for each sentence one of `"feature table"`, `"tracking"`, `"registry"`, `"bundle"`, `"job"`, `"serving"`, `"monitor"`.
#
# * a: "Roll back to last week's version, without touching the code of the nightly scoring."
# * b: "The same three resources in staging and production, reviewed as a pull request."
# * c: "Which learning rate gave the best validation loss of the 200 we tried?"
# * d: "Tell us when the share of missing incomes doubles."
# * e: "Marketing and support should compute late payments in the same way."
# * f: "Score the basket while the customer is still on the page."
# * g: "Score all customers at 4 in the morning, and try again if it fails."

# %%
### BEGIN SOLUTION
feature = {
    "a": "registry",
    "b": "bundle",
    "c": "tracking",
    "d": "monitor",
    "e": "feature table",
    "f": "serving",
    "g": "job",
}
### END SOLUTION
check("1.4", feature)

# %% [markdown]
# ## 4 · Compute for each kind of work
#
# | compute | for | not for |
# |---|---|---|
# | serverless (notebooks and jobs) | most notebooks and job tasks; starts within a minute by default (a cheaper mode takes several) | RDDs and other parts of classic Spark, the full set of libraries of an ML runtime, most GPU work |
# | all-purpose cluster | a person who explores and debugs | production jobs: shared state, no clean start, more expensive per hour |
# | jobs cluster | a scheduled run with its own runtime; created for the run, ended with it | clicking through a notebook |
# | ML runtime | training with the libraries that it pins | standard access mode: it needs dedicated compute |
# | GPU node | deep learning that keeps a GPU busy | a gradient-boosted tree of 100,000 rows |
# | SQL warehouse | SQL, dashboards, alerts | Python training |
# | Model Serving | requests that wait for an answer | a million rows a night |
#
# Ask in this order: Is a user or a system **waiting** for the answer? Does a person work with it, or a schedule? Does it need a library, a GPU or a runtime that serverless compute does not have?
#
# > **On the exam**, older material contrasts two kinds of cluster: a scheduled production run belongs on a *jobs cluster, not an all-purpose cluster*. That still holds. **Today** serverless
# > compute is the recommendation for most job tasks, and a notebook task that names no compute runs on it; a GPU variant of serverless exists too. **Here** everything runs in one Spark on your machine.
#
# ### Exercise 1.5 - seven workloads
# Choose `"serverless"`, `"all-purpose"`, `"jobs cluster"`, `"jobs cluster, GPU"`, `"SQL warehouse"` or `"model serving"`.
#
# * a: a nightly task that merges new rows into a feature table with DataFrame code; nobody wants to maintain a cluster
# * b: a fraud score for a payment that can wait at most 200 ms
# * c: a data scientist debugs old code that uses `rdd.mapPartitions`, all afternoon
# * d: a weekly run, unattended, fine-tunes an image network in PyTorch on one GPU of a classic cluster
# * e: an alert on a drift metrics table every hour
# * f: a monthly training that needs the exact libraries of 17.3 LTS ML
# * g: a nightly batch of predictions for 3 million customers in Python, with pinned libraries and no cluster settings to maintain

# %%
### BEGIN SOLUTION
compute = {
    "a": "serverless",
    "b": "model serving",
    "c": "all-purpose",
    "d": "jobs cluster, GPU",
    "e": "SQL warehouse",
    "f": "jobs cluster",
    "g": "serverless",
}
### END SOLUTION
check("1.5", compute)

# %% [markdown]
# ## 5 · ML runtimes
#
# An ML runtime is a Databricks Runtime with machine learning libraries **installed in versions that were tested together**: scikit-learn, XGBoost, LightGBM, PyTorch, MLflow, the feature engineering client, tuning
# libraries, and on GPU nodes the drivers. It is a convenience and a guarantee, not a permission: on the standard runtime you can also train, register models and use Unity Catalog.
#
# | runtime | Spark | MLflow | feature engineering client | AutoML | Hyperopt |
# |---|---|---|---|---|---|
# | 16.4 LTS ML | 3.5 | 2.21 | 0.10.2 | yes | yes |
# | 17.3 LTS ML | 4.0 | 3.0.1 | 0.12.1 | yes | no |
# | 18 LTS ML | 4.1 | 3.8.1 | 0.13.0 | no | no |
#
# An ML runtime needs compute in **dedicated** access mode: assigned to one user or one group. On serverless compute you pin libraries in the environment of the
# notebook or job instead. A library that you install with `%pip` belongs to your notebook alone, and the restart after it clears your variables.
#
# ### Works on my runtime
# A project states what it needs, and a runtime states what it has. Both are metadata, so you can detect a conflict before the job fails. Python packages carry their requirements too. These are some
# upper bounds that the MLflow of this machine sets, and whether a newer version would still meet them:

# %% tags=["nbval-check-output"]
from importlib.metadata import requires, version

from packaging.requirements import Requirement

bounds = {need.name: need.specifier for need in map(Requirement, requires("mlflow")) if need.marker is None}
for package, newer in {"scikit-learn": "2.0.0", "numpy": "3.0.0"}.items():
    here = bounds[package].contains(version(package))
    print(
        f"mlflow asks for {package}{bounds[package]}: met here {here}, met by {newer} {bounds[package].contains(newer)}"
    )

# %% [markdown]
# If a notebook installs a version beyond a bound, `pip` prints a line that begins with ERROR, yet **exits successfully**. MLflow fails later, at the import or at the first call that changed.
#
# ### Exercise 1.6 - find the conflicts
# Complete `conflicts`: it takes requirement lines and the versions of a (made-up) runtime, and returns a sorted list of the **names** of the packages whose requirement is not met. A package that the
# runtime does not have is a conflict too. Do not compare versions as numbers or strings: 1.10 is newer than 1.9. `Requirement(line)` has a `name` and a `specifier` that compares them correctly.

# %%
project = ["scikit-learn~=1.5.1", "mlflow>=2.14", "numpy>=1.26,<2", "lightgbm>=4", "pandas>=2.1"]
runtime = {"scikit-learn": "1.6.1", "mlflow": "3.0.1", "numpy": "2.1.3", "pandas": "2.10.0"}


def conflicts(lines, installed):
    ### BEGIN SOLUTION
    wanted = [Requirement(line) for line in lines]
    return sorted(
        need.name for need in wanted if need.name not in installed or not need.specifier.contains(installed[need.name])
    )
    ### END SOLUTION


check("1.6", conflicts)

# %% [markdown]
# ## 6 · AutoML then and now
#
# On a runtime up to 17.3 LTS ML, one call searches for a model:
#
# ```python
# from databricks import automl
#
# summary = automl.classify(dataset=train, target_col="churned", timeout_minutes=30)
# summary.best_trial.mlflow_run_id
# ```
#
# AutoML imputes and encodes each column by its type, splits the rows, tries several algorithms and settings, and logs every trial to MLflow. Three things make it a **glass box**:
#
# * a notebook with the code of each trial, to read, edit and run again;
# * a data exploration notebook with statistics of every column;
# * an ordinary MLflow experiment, which you can search and extend.
#
# It helps you choose an **algorithm** by comparing trials on the same rows. It helps you choose **features** by showing them: the exploration notebook reveals empty and constant columns, which it also leaves out, and the notebook
# of a trial contains code for Shapley values, switched off by default. It does not test columns for significance, invent features of your business, or write feature tables.
#
# Each trial trains on **one** worker, and a table that does not fit one worker is sampled. If few rows are positive, AutoML downsamples the majority class in the training part and adjusts the weights; validation rows stay as they are.
#
# > **On the exam** (Associate) AutoML saves time and helps to choose models and features. **Today** it is not built in from Databricks Runtime 18.0 ML on, and the import fails there; you write the search yourself with
# > Optuna or Ray (chapter 06), or keep a 17.3 LTS ML cluster. **Here** it is not installed; the next cells repeat with scikit-learn what a split by rows and a split by time do.
#
# ### What AutoML cannot know
# A tool sees columns, not the process that fills them. It cannot know **when** a value was known, nor that rows of one day belong together. Twelve shops sell ice cream, and on some
# days all of them sell more. How you split the rows decides what the validation score is worth.
#
# ### Exercise 1.7 - predict the split
# A random forest gets `shop`, `day` and `temperature` and predicts `units`. Its mean absolute error is measured three times: on validation rows chosen at random, on the last 30 days held out,
# and in the month after, which is the truth. Which split gives the more honest error, `"at random"` or `"by time"`? And does the random split make the model look too `"good"` or too `"bad"`?

# %%
### BEGIN SOLUTION
### STUB: honest_split = ...  # "at random" or "by time"
### STUB: random_split_is_too = ...  # "good" or "bad"
honest_split, random_split_is_too = "by time", "good"
### END SOLUTION
check("1.7", honest_split, random_split_is_too)

# %%
from sklearn.ensemble import RandomForestRegressor

draws = np.random.default_rng(28)
days = np.arange(360)
mood = draws.normal(0, 25, len(days))  # what all shops share on a day
sales = pd.DataFrame([(shop, day) for shop in range(12) for day in days], columns=["shop", "day"])
sales["temperature"] = (12 + 10 * np.sin(sales["day"] / 58) + draws.normal(0, 3, len(days))[sales["day"]]).round(1)
sales["units"] = 200 + 5 * sales["shop"] + mood[sales["day"]] + draws.normal(0, 4, len(sales))
inputs = ["shop", "day", "temperature"]


def error_on(train, test):
    forest = RandomForestRegressor(40, random_state=28, n_jobs=2).fit(train[inputs], train["units"])
    return float(np.abs(forest.predict(test[inputs]) - test["units"]).mean())


history, next_month = sales[sales["day"] < 330], sales[sales["day"] >= 330]
order = draws.permutation(len(history))
cut = int(0.8 * len(history))
at_random = error_on(history.iloc[order[:cut]], history.iloc[order[cut:]])
by_time = error_on(history[history["day"] < 300], history[history["day"] >= 300])
truth = error_on(history, next_month)

# %% tags=["picture"]
pictures.bars(
    {"validation, rows at random": at_random, "validation, last 30 days": by_time, "the month after": truth},
    title="Mean absolute error in units: which validation told the truth?",
    fmt="%.1f",
)

# %% [markdown]
# The random split reports an error about a third too small, because the other shops' rows of the same day reveal that day's level. The split by time is close to what the month after brings. The tool cannot know this: **you** choose the
# split. In AutoML `time_col` splits by time and `exclude_cols` removes a column that is filled after the fact; every other tool needs the same two decisions.

# %% [markdown]
# ## 7 · MLOps practice
#
# Each practice prevents a specific failure, and you will see these failures happen in this course.
#
# | practice | prevents | chapter |
# |---|---|---|
# | code in Git, reviewed, the same code in every environment | untested code in production | 09 |
# | one catalog for each environment; people read `prod`, jobs write it | an experiment that overwrites a live table | 08, 09 |
# | features computed in one place | training/serving skew | 04 |
# | every run tracked: data version, parameters, metrics, model | a result that nobody can repeat | 07 |
# | models promoted by an alias after a check, with a way back | a release that cannot be undone | 08, 09 |
# | jobs run as a service principal | a pipeline that stops when somebody leaves | 09 |
# | secrets in a secret scope | a password that everyone with access to the experiment can read | here |
# | data and predictions watched | an error that customers notice first | 11 |
#
# ### Redaction hides printed secrets, not logged ones
# A Databricks notebook replaces a secret with `[REDACTED]` in printed output. MLflow stores what it is given. Predict what the run keeps, then look:

# %% tags=["nbval-check-output"]
settings = {"user": "svc_ml", "password": "correct-horse", "depth": 6, "url": "jdbc:postgresql://db/churn"}
with mlflow.start_run(run_name="secret") as run:
    mlflow.log_params(settings)
print("everyone with access to the experiment can read:", mlflow.get_run(run.info.run_id).data.params["password"])
mlflow.MlflowClient().delete_run(run.info.run_id)

# %% [markdown]
# Deleting the run only hides it, and a deleted run can be restored. The password has to be changed.
#
# ### Exercise 1.8 - log only allowed settings
# Complete `loggable`: it returns the entries of `settings` that may be logged, which are `user` and `depth`, if they are present. Name what is **allowed**, not what is forbidden: the next secret will
# have a name that no list of forbidden names includes.


# %%
def loggable(settings):
    ### BEGIN SOLUTION
    allowed = {"user", "depth"}
    return {key: value for key, value in settings.items() if key in allowed}
    ### END SOLUTION


check("1.8", loggable)

# %% [markdown]
# ## 8 · A reproducible project
#
# A project that someone else can run has four separate parts: **code** in modules, **settings** for each environment in a file, **dependencies** with exact versions, and
# a thin **notebook** that reads parameters and calls the code. Then the same commit runs in development and in production.
#
# ### A notebook that depends on the order of its cells
# A notebook shows code and outputs. It does not show in which order the cells ran, nor how often. Here are four cells of a colleague:

# %%
cells = {
    1: 'fees = pd.DataFrame({"net": [50.0, 150.0]})',
    2: 'fees["gross"] = fees["net"] * 1.19',
    3: 'fees["net"] = fees["net"] + 10          # handling',
    4: 'print(round(fees["gross"].sum(), 2))',
}


def run_cells(*order):
    memory = {"pd": pd}
    for number in order:
        exec(cells[number], memory)


# %% [markdown]
# ### Exercise 1.9 - what does the job print?
# Your colleague ran cells 1, 2, 3, then cell 2 again, then cell 4, and saved. Predict two numbers: the `saved_output`, and the `job_output` of a job that runs cells 1, 2, 3, 4 once.

# %%
### BEGIN SOLUTION
saved_output, job_output = 261.8, 238.0
### END SOLUTION
check("1.9", saved_output, job_output)

# %% tags=["nbval-check-output"]
print("saved:", end=" ")
run_cells(1, 2, 3, 2, 4)
print("job:  ", end=" ")
run_cells(1, 2, 3, 4)

# %% [markdown]
# Neither run raises an error, and only the second matches the code as saved. *Restart and run all* before you save, and do not let a cell overwrite its own inputs.
#
# ### Git folders and modules
# A Git folder is a clone of a repository in your workspace: notebooks and `.py` files side by side, with branches and commits. Code that two notebooks need belongs in a module,
# where it can be tested. A common surprise: **a module is imported once for each Python process.** You edit the file, run the import again, and get the old code:

# %% tags=["nbval-check-output"]
import importlib
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
with tempfile.TemporaryDirectory() as folder:
    sys.path.insert(0, folder)
    module = Path(folder, "demo_limits.py")
    module.write_text("def cap(x):\n    return min(x, 1.0)\n")
    from demo_limits import cap

    module.write_text("def cap(x):\n    return min(x, 10.0)\n")
    from demo_limits import cap

    print("imported again:       ", cap(50))
    import demo_limits

    importlib.reload(demo_limits)
    print("after reload, cap:    ", cap(50))
    print("after reload, module: ", demo_limits.cap(50))
    sys.path.remove(folder)
    del sys.modules["demo_limits"]

# %% [markdown]
# The second import reads nothing, because Python keeps modules that it has loaded. `reload` runs the file again, yet the name `cap` still points to the old function: a name taken with `from ... import` is not updated. Only
# the attribute of the module, `demo_limits.cap`, is new.
#
# On Databricks `%load_ext autoreload` with `%autoreload 2` reloads changed modules for you, and `dbutils.library.restartPython()` starts a new process. A production job avoids the question: it names the
# **remote repository and a branch, tag or commit** as its source, so that uncommitted edits in a workspace folder cannot change what it runs.
#
# ### Exercise 1.10 - a widget is text
# A notebook task gets its parameters through widgets, and every widget value is text. The next cell is part of a job that retrains every night, although nobody sets `retrain`:

# %% tags=["nbval-check-output"]
dbutils.widgets.text("retrain", "False")
print("train" if dbutils.widgets.get("retrain") else "do not train")
dbutils.widgets.remove("retrain")

# %% [markdown]
# Complete `wants_retraining`: it takes the widget's text and returns a bool. Accept `true` and `false` in any case, with spaces around them. Raise a `ValueError` for anything else: a typo must neither start a training
# nor skip one silently.


# %%
def wants_retraining(text):
    ### BEGIN SOLUTION
    answers = {"true": True, "false": False}
    if text.strip().lower() not in answers:
        raise ValueError(f"retrain={text!r} must be true or false")
    return answers[text.strip().lower()]
    ### END SOLUTION


check("1.10", wants_retraining)

# %% [markdown]
# ## 9 · The whole pipeline, once
#
# These forty lines go from raw tables to a score. Do not read them for the details; each comment names the chapter that explains them. Look at the **shape**: data, features,
# training set, model, run, version, score, watch.

# %%
# 02  read tables that remember
labels = spark.table(ws.table("raw_labels"))
tickets = spark.table(ws.table("raw_tickets"))
known = churn.labels_known_at(labels, dt.date(2025, 9, 29))
# 03  look before you model
churn_rate = known.agg(F.avg("churned")).first()[0]
# 04  timestamped features, and a training set without leakage
spark.sql(f"DROP TABLE IF EXISTS {ws.table('demo_map_tickets')}")
fe.create_table(
    name=ws.table("demo_map_tickets"),
    primary_keys=["customer_id", "ts"],
    timeseries_column="ts",
    df=churn.ticket_features(tickets),
)
lookup = FeatureLookup(
    table_name=ws.table("demo_map_tickets"),
    lookup_key="customer_id",
    timestamp_lookup_key="label_ts",
    default_values={"tickets_30d": 0},
)
train, test = churn.split_by_customer(known)
training_set = fe.create_training_set(
    df=train, feature_lookups=[lookup], label="churned", exclude_columns=["customer_id", "label_ts"]
)
# 05  train    06  (tune)    07  track    08  register, and say which version is live
from sklearn.linear_model import LogisticRegression

training_rows = training_set.load_df().toPandas()
with mlflow.start_run(run_name="the whole pipeline") as tour:
    churn_model = LogisticRegression().fit(training_rows[["tickets_30d"]], training_rows["churned"])
    mlflow.log_params({"rows": len(training_rows), "features": "tickets_30d"})
    dataset = mlflow.data.from_pandas(training_rows, name=ws.table("demo_map_tickets"), targets="churned")
    mlflow.log_input(dataset, "training")
    fe.log_model(
        model=churn_model, artifact_path="model", flavor=mlflow.sklearn, training_set=training_set,
        registered_model_name=ws.table("demo_map_churn"), serialization_format="cloudpickle",
    )  # fmt: skip
tour_version = churn.version_of_run(ws.table("demo_map_churn"), tour.info.run_id)
client.set_registered_model_alias(ws.table("demo_map_churn"), "Champion", tour_version)
# 10  score by keys alone    11  watch    (09 makes all of it a job)
scored = fe.score_batch(model_uri=f"models:/{ws.table('demo_map_churn')}@Champion", df=test)
shares = scored.groupBy(F.date_trunc("quarter", "label_ts").alias("quarter")).agg(
    F.avg("prediction").alias("predicted"), F.avg("churned").alias("observed"), F.avg("tickets_30d").alias("tickets")
)
watched = shares.orderBy("quarter").toPandas()

# %% tags=["nbval-check-output"]
print(f"{known.count():,} labels, {100 * churn_rate:.1f} % churned")
print("columns scored:", scored.columns)
print("predicted to leave:", f"{100 * watched['predicted'].max():.1f} % at most in a quarter")

# %% [markdown]
# The pipeline runs, the model is registered, it scores, and it predicts that nobody leaves: `predict` returns classes at a threshold of 0.5, and no customer in the test set reaches it. A pipeline
# that runs is not a pipeline that is right. Chapter 05 shows how to judge a model; chapter 04 adds the features that are missing here.

# %% tags=["picture"]
steps = {
    "02 Delta\ntables": f"{known.count():,} labels",
    "03 data\npreparation": f"{100 * churn_rate:.1f} % churned",
    "04 feature\nstore": "tickets_30d",
    "05 06 train,\ntune": f"{len(training_rows):,} rows",
    "07\ntracking": "1 run",
    "08\nregistry": "@Champion",
    "10\nserving": f"{test.count():,} scores",
    "11\nmonitoring": f"{100 * watched['predicted'].max():.0f} % to leave",
}
said = ", then ".join(f"{step} ({what})".replace("\n", " ") for step, what in steps.items())
figure, axes = pictures.draw(
    alt=f"The pipeline of section 9 by chapter: {said}. Chapter 09 makes it a job.", size=(9, 1.6)
)
for position, (step, what) in enumerate(steps.items()):
    axes.text(
        position, 0, step, ha="center", va="center", fontsize=9,
        bbox={"boxstyle": "round,pad=0.4", "facecolor": "#d7e3f0", "edgecolor": "#3b6ea5"},
    )  # fmt: skip
    axes.text(position, -0.5, what, ha="center", va="center", fontsize=8.5)
    if position:
        axes.annotate(
            "", (position - 0.38, 0), (position - 0.62, 0), arrowprops={"arrowstyle": "->", "color": "#555555"}
        )
axes.annotate("", (7.4, 0.42), (-0.4, 0.42), arrowprops={"arrowstyle": "-", "color": "#d9822b", "lw": 2})
axes.text(3.5, 0.55, "09 MLOps pipelines: all of it as tested code, in a job", ha="center", fontsize=9, color="#9a5316")
axes.set(xlim=(-0.5, 7.5), ylim=(-0.65, 0.75))
axes.axis("off")
figure

# %% [markdown]
# ### Exercise 1.11 - read the record
# Someone asks about the live model: *which run made it, from which table, and on how many rows?* Answer from the record alone, starting from the alias `Champion` of `demo_map_churn`. Give a
# dictionary with `run_id`; `rows`, as an int, because MLflow keeps parameters as text; and `table`, the name of the dataset that the run logged as its input (`run.inputs.dataset_inputs`). The author chose
# that name; on Databricks, Unity Catalog also records by itself which tables a notebook or job reads.

# %%
live = ws.table("demo_map_churn")
### BEGIN SOLUTION
champion = client.get_model_version_by_alias(live, "Champion")
record = client.get_run(champion.run_id)
lineage = {
    "run_id": champion.run_id,
    "rows": int(record.data.params["rows"]),
    "table": record.inputs.dataset_inputs[0].dataset.name,
}
### END SOLUTION
check("1.11", lineage, tour.info.run_id, len(training_rows), ws.table("demo_map_tickets"))

# %% [markdown]
# ## 10 · How to prepare
#
# Flash cards train recall. Scenario questions ask for a **decision under a constraint**, and you practise that by making decisions: build the same small pipeline several times, each time with another constraint, until
# the choices become automatic. Turn each objective into a task with a clear finish: not "read about aliases" but "register two versions, move the alias, score, roll back".
#
# * **A chapter** takes 60 to 120 minutes. Do the exercises before you read on: you remember a mistake better once you know the reason.
# * **A quiz** follows each chapter: `./wb quiz 04` in a terminal. What you miss comes back in `./wb review`, spaced over days.
# * **A full exam** under the clock comes near the end: `./wb exam pro-1`. You have about two minutes a question; mark the hard ones and move on.
# * In a scenario, find the **phase** (data, training, registry, serving, monitoring), then the **constraint** (governance, latency, cost, reproducibility). Eliminate the options that violate it. Many of them
#   would work, but at a higher cost or against governance.
#
# ## Checkpoint · Where am I now?
#
# You may not need every chapter in full. Each row of the rubric is the task that a chapter teaches (chapters 01 and 12 teach none of their own). Rate it by what you could do **today, in an empty notebook**:
#
# | level | meaning |
# |---|---|
# | 0 | new to me |
# | 1 | I can explain it |
# | 2 | I have done it, with notes |
# | 3 | I do it without notes, and can explain the common failures |

# %% tags=["nbval-check-output"]
from workbook import study

for chapter, task in study.rubric().items():
    print(chapter, " ", task)

# %% [markdown]
# ### Exercise 1.12 - the rubric
# Set `levels`, a dictionary from chapter, such as `"02"`, to a level from 0 to 3. Then say which `exam` you sit (`"pro"` or `"assoc"`), the `exam_date` (`dt.date(2027, 3, 1)`), on which `weekdays` you can study
# (`["Tue", "Sat"]`), and how many `minutes` on such a day. Be strict: the plan uses your ratings until quiz results replace them.

# %%
### BEGIN SOLUTION
levels = dict.fromkeys(study.rubric(), 1) | {"02": 2, "05": 2, "07": 2}
exam = "pro"
exam_date = dt.date.today() + dt.timedelta(weeks=10)
weekdays = ["Tue", "Thu", "Sat"]
minutes = 90
### END SOLUTION
check("1.12", levels, exam, exam_date, weekdays, minutes)

# %% [markdown]
# The next cell grades the rubric: the mean level of each domain as a percentage of the maximum, and their mean, weighted as the exam weighs the domains. It also saves your profile, so that `./wb plan` in a terminal shows your plan on any later
# day, from your progress so far.

# %%
profile = study.keep_profile(levels, exam=exam, exam_date=exam_date, weekdays=weekdays, minutes=minutes)
if profile is None:
    print("Rate yourself in the exercise above; the plan follows.")
else:
    print(study.grade(profile))

# %%
# Before you have rated yourself, this draws a beginner with ten weeks left.
study.calendar(profile or study.beginner())

# %%
plan = study.plan(profile or study.beginner())
display(pd.DataFrame([{"day": f"{b.day:%a %d %b}", "what": b.what, "minutes": b.minutes} for b in plan.blocks[:12]]))
print("no time for:", ", ".join(work.what for work in plan.left_out) or "nothing, everything fits")

# %% [markdown]
# ## Recap
#
# 1. The Professional exam is Model Development and MLOps, 44 % each, and 12 % Model Deployment. Study where points gained times weight is largest.
# 2. Storage, catalog, compute, lifecycle: find the layer first. Catalog objects are granted; workspace objects have access lists.
# 3. Schedules run on serverless or jobs compute, people on serverless or all-purpose compute, waiting requests on Model Serving.
# 4. An ML runtime is a tested set of versions. Detect a conflict from metadata before the job fails.
# 5. AutoML gave a baseline and its code. It cannot know when a value was known; neither can any other tool.
# 6. Keep code, settings, dependencies and notebook separate, and let a job run a commit, not a folder.
#
# **Traps**: an hour on the weakest domain is not always the best spent · Unity Catalog refuses stages, and `fe.write_table` refuses `overwrite` · `pip` installs a conflict and exits successfully · a random split of rows that share a day gives an over-optimistic score · a logged
# password can be read by everyone with access to the experiment · a saved output may come from cells run in another order · `import` does not read a file twice · the widget text `"False"` is true.
#
# **Next**: chapter 02 shows how tables remember, and how you undo.
