# %% [markdown]
# # 07 · MLflow tracking
# ## Which run won, and could I do it again?
#
# A week of experiments leaves forty models behind and one question: which of them do we keep, and why? If the answer is in a notebook that was edited
# afterwards, or in somebody's head, the work has to be done twice. Tracking is the habit of letting **every run write its own record**: what went in,
# what came out, and what it would take to do it again. The habit costs a few lines. This chapter shows those lines, and the ways in which they go
# wrong.
#
# **You will be able to**
#
# | | objective |
# |---|---|
# | log parameters, metrics, tags, pictures, data and models by hand | ASC-1.12, PRO-1.16 |
# | say what autologging records, and what it leaves out | PRO-1.16 |
# | give a sweep a parent run and child runs, across processes too | PRO-1.15 |
# | find the best run by code, under conditions | ASC-1.11 |
# | read the MLflow UI, and know what it cannot show | ASC-1.13 |
# | repeat a run from its record alone | PRO-1.16 |
#
# **The pipeline so far**: feature tables (chapter 04), a model where the data lives (05), searches on many machines (06). This chapter makes their
# results findable and repeatable; chapter 08 gives the winner a name and puts it in charge.
#
# Time: about 110 minutes. Every exercise has a `hint`. A check that says *todo* waits for you; it never stops the notebook.

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
import functools
import hashlib
import inspect
import json
import re
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from databricks.feature_engineering import FeatureEngineeringClient
from mlflow.models import infer_signature
from pyspark.sql import functions as F
from sklearn.calibration import calibration_curve
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_curve
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits

ws = start("07_mlflow_tracking", catalog=catalog, schema=schema, n_customers=n_customers, seed=seed)
fe = FeatureEngineeringClient()
client = mlflow.MlflowClient()

# Five thousand rows are quicker on one thread than on many that wait for each other.
threadpool_limits(1)
# Two warnings that would repeat all the time. The second is the subject of section 8.
warnings.filterwarnings("ignore", module="sklearn")
warnings.filterwarnings("ignore", message="Hint: Inferred schema contains integer")

# %% [markdown]
# `start` has chosen an **experiment**: the folder of runs that this notebook writes to. Begin with an empty one. A deleted run can be restored, so
# nothing is lost if you come back to this chapter.

# %%
# An ML runtime cluster of Databricks switches autologging on by itself; here it has its own section.
mlflow.autolog(disable=True)
for old in mlflow.search_runs(output_format="list"):
    client.delete_run(old.info.run_id)
for old in mlflow.search_logged_models(output_format="list"):
    client.delete_logged_model(old.model_id)

# %% [markdown]
# The rows to learn from: every label known on 29 September 2025 with its features, looked up point in time, kept as a Delta table. The table matters
# in this chapter: it has versions, and a record that names the version can be followed.

# %% tags=["nbval-check-output"]
FEATURES = churn.NUMERIC
rows_table = ws.table("demo_track_rows")


@functools.cache
def read_rows(version):
    """Training and validation rows of a version of the table, each customer on one side only, in a fixed order."""
    frame = spark.sql(f"SELECT * FROM {rows_table} VERSION AS OF {version}")
    parts = churn.split_by_customer(frame, test_percent=25)
    return tuple(part.toPandas().sort_values(["customer_id", "label_ts"], ignore_index=True) for part in parts)


spark.sql(f"DROP TABLE IF EXISTS {rows_table}")
training_set = fe.create_training_set(
    df=churn.labels_known_at(spark.table(ws.table("raw_labels")), dt.date(2025, 9, 29)),
    feature_lookups=churn.feature_lookups(ws.schema_name),
    label="churned",
    exclude_columns=["signup_date"],
)
training_set.load_df().write.saveAsTable(rows_table)
train, valid = read_rows("0")
print(f"{len(train):,} rows to train, {len(valid):,} to validate, {100 * valid['churned'].mean():.1f} % of these left")

# %% [markdown]
# ## 1 · Params, metrics, artifacts
#
# A run is a record with four drawers. What belongs where follows from what you want to do with it later:
#
# | drawer | holds | can change? | search |
# |---|---|---|---|
# | parameter | an input, kept **as text** | no | `=`, `!=`, `LIKE` |
# | metric | a number, once or at many steps | a new value joins the history | `=`, `>`, `<`, order |
# | tag | a label, kept as text | yes, also after the run has ended | `=`, `!=`, `LIKE` |
# | artifact | a file: picture, table, report | can be added | not searched |
#
# `with mlflow.start_run()` opens the run and closes it whatever happens inside.

# %%
with mlflow.start_run(run_name="logistic regression") as run:
    mlflow.log_params({"model": "logistic regression", "C": 1.0, "rows": len(train)})
    model = churn.sklearn_pipeline().fit(train, train["churned"])
    p = model.predict_proba(valid)[:, 1]
    mlflow.log_metrics({"val_auc": churn.pandas_auc(valid["churned"], p), "val_mean": p.mean()})
    mlflow.set_tag("review", "open")
    to_call = valid[["customer_id"]].assign(score=p).nlargest(20, "score")
    mlflow.log_text(to_call.to_csv(index=False), "reports/to_call.csv")

# %% [markdown]
# Now read it back, as a script would that knows nothing but the run's id. `info` says how the run went, `data` what was logged; artifacts are files
# with a store of their own.

# %% tags=["nbval-check-output"]
experiment_id, run_id = run.info.experiment_id, run.info.run_id
record = client.get_run(run_id)
print("status   ", record.info.status)
print("params   ", {key: record.data.params[key] for key in ("model", "C")})
print("metrics  ", {key: round(value, 2) for key, value in sorted(record.data.metrics.items())})
print("own tags ", {key: value for key, value in record.data.tags.items() if not key.startswith("mlflow.")})
print("artifacts", [one.path for one in client.list_artifacts(run_id, "reports")])
copy = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="reports/to_call.csv")
print("a copy   ", len(Path(copy).read_text().splitlines()) - 1, "customers to call")

# %% [markdown]
# `mlflow.get_run(run_id)` returns the same object. `C` went in as a number and came back as the text `'1.0'`. Remember that for section 9.
#
# `download_artifacts` wants its arguments by name: the first position is a URI. `MlflowClient().download_artifacts(run_id, path)` does the same, and
# `mlflow.artifacts.load_text("runs:/<run_id>/reports/to_call.csv")` reads without a copy.
#
# ### The trap: what MLflow refuses, and what it does not
# A call that is refused raises, and what stands after it in the block is not logged. One call below is worse than refused.


# %% tags=["nbval-check-output"]
def outcome(attempt):
    try:
        attempt()
    except Exception as error:
        return f"{type(error).__name__} {getattr(error, 'error_code', '')}".strip()
    return "accepted"


with mlflow.start_run(run_name="refusals") as refusals:
    mlflow.log_param("C", 1.0)
    print("the same parameter, other value:", outcome(lambda: mlflow.log_param("C", 0.1)))
    print("a metric that is a word        :", outcome(lambda: mlflow.log_metric("quality", "high")))
    print("a metric that is a matrix      :", outcome(lambda: mlflow.log_metric("confusion", np.eye(2))))
    print("a metric called auc@premium    :", outcome(lambda: mlflow.log_metric("auc@premium", 0.8)))
    print("a metric called plan=basic     :", outcome(lambda: mlflow.log_metric("plan=basic", 0.8)))
    print("a metric called auc/plan basic :", outcome(lambda: mlflow.log_metric("auc/plan basic", 0.8)))
    print("mlflow.log_tags                :", outcome(lambda: mlflow.log_tags({"review": "open"})))
    print(
        "a tag, twice                   :",
        outcome(lambda: [mlflow.set_tag("review", word) for word in ("open", "done")]),
    )
    print("a parameter of 7,000 letters   :", outcome(lambda: mlflow.log_param("columns", "x" * 7000)))
kept = client.get_run(refusals.info.run_id).data.params["columns"]
print(f"of the 7,000 letters {len(kept):,} were kept")

# %% [markdown]
# Names take letters, digits and `_ - . : /` and space. The long parameter was cut at 6,000 characters without a word: a list of 800 columns belongs
# in an artifact (`log_dict`).
#
# ### Exercise 7.1 - which drawer?
# Say for each fact `"param"`, `"metric"`, `"tag"`, `"artifact"` or `"dataset"` (section 4: a reference to rows, with name, version and digest).
#
# * a: the learning rate of this run
# * b: the loss after each of 60 rounds of boosting
# * c: whether a colleague has approved the run; she will say so next week
# * d: the SHAP values of 400 customers, 2,400 numbers
# * e: which rows the model was trained on
# * f: the number of seconds that scoring 1,000 customers took, by which runs will be filtered

# %%
### BEGIN SOLUTION
drawer = {"a": "param", "b": "metric", "c": "tag", "d": "artifact", "e": "dataset", "f": "metric"}
### END SOLUTION
check("7.1", drawer)

# %% [markdown]
# ### Exercise 7.2 - one metric for each slice
# One AUC for everybody hides the group that the model serves badly. Write `slice_metrics(frame, column)`: it takes a frame with `churned`, a score
# `p` and a column to slice by, and returns a dictionary for `mlflow.log_metrics`, with keys such as `val_auc/plan/basic`.
#
# * A character that MLflow refuses in a name becomes `_`: a plan called `R&D = free` has the key `val_auc/plan/R_D _ free`.
# * A slice in which everybody stayed, or everybody left, has no AUC: leave it out.
#
# `churn.pandas_auc(labels, scores)` computes an AUC.


# %%
def slice_metrics(frame, column):
    ### BEGIN SOLUTION
    return {
        f"val_auc/{column}/{re.sub(r'[^A-Za-z0-9_. :/-]', '_', str(value))}": churn.pandas_auc(
            part["churned"], part["p"]
        )
        for value, part in frame.groupby(column)
        if part["churned"].nunique() == 2
    }
    ### END SOLUTION


check("7.2", slice_metrics)

# %% [markdown]
# ## 2 · Metrics over steps
#
# A metric may be logged at many steps: loss by round, AUC by epoch. Train two boosted models for 100 rounds each, one that learns fast and one that
# learns slowly, and log the validation AUC after every round. `log_batch` sends all rounds in one request; a loop over `log_metric(..., step=...)`
# sends one request for each.

# %%
from mlflow.entities import Metric


def fit(frame, **settings):
    """A boosted model. Equal rows and equal settings give an equal model."""
    return HistGradientBoostingClassifier(early_stopping=False, random_state=seed, **settings).fit(
        frame[FEATURES], frame["churned"]
    )


def auc_of(model, frame):
    return churn.pandas_auc(frame["churned"], model.predict_proba(frame[FEATURES])[:, 1])


learners = {
    "fast": {"max_iter": 100, "learning_rate": 0.3, "max_depth": 4},
    "slow": {"max_iter": 100, "learning_rate": 0.02, "max_depth": 1},
}
curves, step_runs = {}, {}
mlflow.set_system_metrics_sampling_interval(0.5)
for name, settings in learners.items():
    with mlflow.start_run(run_name=f"{name} learner", log_system_metrics=True) as run:
        mlflow.log_params(settings)
        stages = fit(train, **settings).staged_predict_proba(valid[FEATURES])
        curves[name] = [churn.pandas_auc(valid["churned"], stage[:, 1]) for stage in stages]
        client.log_batch(run.info.run_id, [Metric("val_auc", auc, 0, step) for step, auc in enumerate(curves[name])])
    step_runs[name] = run.info.run_id

# %% tags=["picture"]
tops = {name: int(np.argmax(curve)) for name, curve in curves.items()}
told = [
    f"the {name} learner is best after round {tops[name]} with {max(curve):.3f} and ends at {curve[-1]:.3f}"
    for name, curve in curves.items()
]
figure, axes = pictures.draw(alt=f"Validation AUC by round of boosting: {'; '.join(told)}.", size=(8, 3))
for (name, curve), style, colour in zip(curves.items(), ("-", "--"), (pictures.BLUE, pictures.ORANGE), strict=True):
    axes.plot(curve, style, color=colour, label=f"{name} learner")
    axes.plot(tops[name], max(curve), "^", color=colour, markersize=9)
    axes.annotate(
        f"best {max(curve):.3f}", (tops[name], max(curve)), xytext=(0, 8), textcoords="offset points", ha="center"
    )
    below = curve[-1] == min(one[-1] for one in curves.values())
    axes.annotate(
        f"last {curve[-1]:.3f}", (len(curve) - 1, curve[-1]), xytext=(4, -9 if below else 5), textcoords="offset points"
    )
axes.set(xlabel="round of boosting", ylabel="AUC, validation", title="Two runs, one hundred steps each")
axes.set_ylim(top=max(map(max, curves.values())) + 0.02)
axes.set_xlim(right=115)
axes.legend(frameon=False, loc="lower center")
figure

# %% [markdown]
# ### Exercise 7.3 - predict before you look
# The runs are logged. Before the next cell reads the store, say what it will find.
#
# * `shown`: which value of `val_auc` does the record of the fast learner show, `"first"`, `"best"` or `"last"`?
# * `first_by_record`: which run does a search with `order_by=["metrics.val_auc DESC"]` put first, `"fast"` or `"slow"`?
# * `best_round_in`: which run contains the single best round, `"fast"` or `"slow"`? Read it from the picture.

# %%
### BEGIN SOLUTION
shown, first_by_record, best_round_in = "last", "slow", "fast"
### END SOLUTION
check("7.3", shown, first_by_record, best_round_in, curves)

# %% tags=["nbval-check-output"]
for name, run_id in step_runs.items():
    history = client.get_metric_history(run_id, "val_auc")
    print(
        f"{name}: the record says {client.get_run(run_id).data.metrics['val_auc']:.2f},",
        f"the history has {len(history)} values, the best is {max(one.value for one in history):.2f}",
    )
by_record = client.search_runs(
    [experiment_id], "attributes.run_name LIKE '% learner'", order_by=["metrics.val_auc DESC"]
)
print("first by record:", by_record[0].info.run_name)

# %% [markdown]
# A record shows the **most recent** value of a metric, and a search ranks by it. MLflow cannot know whether high is good, so it does not pick a best
# one. Two ways out: compute the best from the history, or log it under a name of its own (`best_val_auc`) when training ends.
#
# ### Exercise 7.4 - best, not last
# Write `best_step(run_id, key, higher_is_better=True)`. It returns the pair *(step, value)* of the best value in the history of a metric, the earlier
# step if two are equal. The check asks for the highest value and, with `higher_is_better=False`, for the lowest.


# %%
def best_step(run_id, key, higher_is_better=True):
    ### BEGIN SOLUTION
    sign = -1 if higher_is_better else 1
    best = min(client.get_metric_history(run_id, key), key=lambda one: (sign * one.value, one.step))
    return best.step, best.value
    ### END SOLUTION


check("7.4", best_step, step_runs["fast"])

# %% [markdown]
# The two runs carry a third kind of metric that you did not log: `log_system_metrics=True` samples the machine in the background, here twice a
# second. It tells whether a run was slow because of the model or because memory was full. It says nothing about quality.

# %% tags=["nbval-check-output"]
sampled = client.get_run(step_runs["fast"]).data.metrics
print(
    [name for name in ("system/cpu_utilization_percentage", "system/system_memory_usage_percentage") if name in sampled]
)

# %% [markdown]
# > **On the exam** a run's metric is "the value". **Today** `get_run(...).data.metrics` holds the latest value and `get_metric_history` all of them.
# > The first position of `log_metric` after key and value is `step`; without it every value has step 0, and a chart has nothing to draw.

# %% [markdown]
# ## 3 · Pictures
#
# Some faults have no number that gives them away. Two logistic regressions, one with `class_weight="balanced"`, the option that everybody recommends
# for rare classes:

# %% tags=["nbval-check-output"]
scores, score_runs = {}, {}
for name, weight in {"plain": None, "balanced": "balanced"}.items():
    with mlflow.start_run(run_name=f"{name} weights") as run:
        model = churn.sklearn_pipeline().set_params(logisticregression__class_weight=weight)
        scores[name] = model.fit(train, train["churned"]).predict_proba(valid)[:, 1]
        mlflow.log_param("class_weight", weight)
        mlflow.log_metric("val_auc", churn.pandas_auc(valid["churned"], scores[name]))
    score_runs[name] = run.info.run_id
    print(f"{name:9} AUC {churn.pandas_auc(valid['churned'], scores[name]):.2f}")

# %% tags=["picture"]
truth = valid["churned"].to_numpy()
gaps = {name: 100 * (score.mean() - truth.mean()) for name, score in scores.items()}
said = ", ".join(f"{name} weights predict {100 * score.mean():.0f} % leavers" for name, score in scores.items())
figure, (left, right) = pictures.draw(
    alt=f"Left: the ROC curves of both models lie on each other. Right: calibration, {said}, {100 * truth.mean():.0f} % left; only plain weights follow the diagonal.",
    size=(8, 3.4),
    columns=2,
)
for (name, score), style, colour in zip(scores.items(), ("o-", "s--"), (pictures.BLUE, pictures.ORANGE), strict=True):
    false_rate, true_rate, _ = roc_curve(truth, score)
    left.plot(false_rate, true_rate, style[1:], color=colour, label=name)
    happened, predicted = calibration_curve(truth, score, n_bins=8, strategy="quantile")
    right.plot(100 * predicted, 100 * happened, style, color=colour, label=name)
right.axline((0, 0), slope=1, color="black", linewidth=0.8)
left.set(title="ROC curve", xlabel="stayers flagged (share)", ylabel="leavers found (share)")
right.set(title="Calibration, eight groups", xlabel="mean prediction, %", ylabel="left, %")
left.legend(frameon=False, loc="lower right")
right.legend(frameon=False, loc="upper left")
figure

# %% [markdown]
# By AUC the runs are twins, because AUC asks for the order of the customers only. The calibration curve asks whether a score means what it says: a
# customer with a predicted 40 % of the balanced model leaves in far fewer than 40 of 100 cases. If you multiply these scores by euros, you decide
# wrongly. ROC curve, precision-recall curve and a confusion matrix at "the top 10 %" look alike for both.
#
# A figure goes into the run with `mlflow.log_figure(figure, "plots/calibration.png")`: the name is required. `log_artifact` is for a file that is on
# disk already.
#
# ### Exercise 7.5 - put the evidence into the run
# The run `score_runs["balanced"]` has ended. Add to **this** run, without starting another:
#
# * the metric `calibration_gap`: mean prediction minus share of leavers, in percentage points (`gaps["balanced"]`)
# * the picture above, `figure`, as `plots/calibration.png`
#
# Then set `evidence` to the id of the run that holds them.

# %%
### BEGIN SOLUTION
### STUB: evidence = ...
with mlflow.start_run(run_id=score_runs["balanced"]) as reopened:
    mlflow.log_metric("calibration_gap", gaps["balanced"])
    mlflow.log_figure(figure, "plots/calibration.png")
evidence = reopened.info.run_id
### END SOLUTION
check("7.5", evidence, score_runs["balanced"], gaps["balanced"])

# %% [markdown]
# ### Why did the model say so? SHAP
# SHAP splits one prediction into a part for each feature; the parts and a base value add up to the model's output. The picture answers a question
# that reviewers ask first: *what does the model look at, and in which direction?*

# %% tags=["nbval-check-output"]
import shap

gentle = fit(train, max_iter=60, learning_rate=0.1, max_depth=2)
asked = valid[FEATURES].head(400)
explained = shap.TreeExplainer(gentle)(asked)
added_up = explained.base_values + explained.values.sum(axis=1)
print("one part for each customer and feature:", explained.values.shape)
print("parts add up to the log-odds          :", np.allclose(added_up, gentle.decision_function(asked)))
print("parts add up to the probability       :", np.allclose(added_up, gentle.predict_proba(asked)[:, 1]))

# %% tags=["picture"]
size_of = pd.Series(np.abs(explained.values).mean(axis=0), index=FEATURES).sort_values()
trend = FEATURES.index("minutes_trend")
shap_figure, (left, right) = pictures.draw(
    alt=f"Left: mean absolute SHAP value in log-odds, largest for {size_of.index[-1]} with {size_of.iloc[-1]:.2f}. "
    "Right: a falling trend of minutes watched raises the log-odds of leaving, a rising one lowers them.",
    size=(8, 3.2),
    columns=2,
)
drawn = left.barh(size_of.index, size_of, color=pictures.BLUE)
left.bar_label(drawn, fmt="%.2f", padding=3)
left.set(
    title="How much each feature moves a prediction", xlabel="mean |SHAP|, log-odds", xlim=(0, size_of.max() * 1.2)
)
right.scatter(asked["minutes_trend"], explained.values[:, trend], s=12, color=pictures.ORANGE)
right.axhline(0, color="black", linewidth=0.8)
right.set(title="minutes_trend", xlabel="last 4 weeks against the 4 before", ylabel="SHAP, log-odds")
shap_figure

# %%
with mlflow.start_run(run_name="gentle boosting, explained"):
    mlflow.log_metric("val_auc", auc_of(gentle, valid))
    mlflow.log_figure(shap_figure, "plots/shap.png")
    mlflow.log_table(pd.DataFrame(explained.values, columns=FEATURES), "explanations/shap.json")

# %% [markdown]
# SHAP explains the **model**, not the world. A leaking feature would come first in this picture and look like a discovery.

# %% [markdown]
# ## 4 · Datasets
#
# "Which rows was it trained on?" needs more than a table's name, because tables change. `log_input` records a **dataset**: name, schema, a digest,
# where it came from, and which role it played (`context`). It stores **no rows**.

# %% tags=["nbval-check-output"]
from mlflow.data.sources import DeltaDatasetSource


def dataset_of(frame, version):
    """The rows as a dataset that knows the version of the table they came from."""
    source = DeltaDatasetSource(delta_table_name=rows_table, delta_table_version=version)
    return mlflow.data.from_pandas(frame, source=source, name="churn rows", targets="churned")


with mlflow.start_run(run_name="with its data") as run:
    mlflow.log_input(dataset_of(train, version="0"), context="training")
    mlflow.log_input(dataset_of(valid, version="0"), context="validation")
for logged in client.get_run(run.info.run_id).inputs.dataset_inputs:
    source = json.loads(logged.dataset.source)
    print(
        {tag.key: tag.value for tag in logged.tags},
        "| version",
        source["delta_table_version"],
        "|",
        logged.dataset.profile,
    )

# %% [markdown]
# From such a record a colleague reads source, column types and role, and can follow the version back by time travel, as long as that version is kept.
# She cannot load rows from the run, and the profile counts rows; it holds no means or quantiles (those are monitoring, chapter 11).
#
# ### The trap: version 0, and equal digests
# The first version of a Delta table is number 0. Look at what is recorded if you pass it as a number:

# %% tags=["nbval-check-output"]
for version in ("0", 0, 1):
    kept = DeltaDatasetSource(delta_table_name=rows_table, delta_table_version=version).to_dict()
    print(f"passed {version!r:4} recorded {kept.get('delta_table_version', 'nothing')!r}")

base = pd.DataFrame({"minutes": np.arange(12_000.0), "seen": pd.Timestamp("2025-06-01")})
changed = {
    "a number in row 5": base.assign(minutes=base["minutes"].where(base.index != 5, -1.0)),
    "a number in row 11,000": base.assign(minutes=base["minutes"].where(base.index != 11_000, -1.0)),
    "every date": base.assign(seen=pd.Timestamp("2019-01-01")),
}
for what, frame in changed.items():
    same = mlflow.data.from_pandas(frame).digest == mlflow.data.from_pandas(base).digest
    print(f"changed {what:23} ->", "the same digest" if same else "another digest")

# %% [markdown]
# Zero counts as "not given", and the record would follow the table's **latest** version, whatever that is by then: pass the version as text. And
# another digest proves another frame, but an equal one proves nothing: dates are not hashed, nor what comes after row 10,000.
#
# ## 5 · Autologging
#
# `mlflow.autolog()` wraps the `fit` of every supported library: parameters, training metrics, plots and the model are logged without a line of yours.
# `mlflow.sklearn.autolog()` does it for one library. Switch it on and fit a tree:

# %% tags=["nbval-check-output"]
mlflow.sklearn.autolog(log_models=False, silent=True)


def tree(depth):
    return DecisionTreeClassifier(max_depth=depth, random_state=seed).fit(train[FEATURES], train["churned"])


tree(3)
by_itself = mlflow.last_active_run()
data = by_itself.data
print("parameters    ", len(data.params), "among them max_depth =", data.params["max_depth"])
print("metrics       ", sorted(data.metrics))
print("validation    ", [name for name in data.metrics if "val" in name])
print("data came from", by_itself.inputs.dataset_inputs[0].dataset.source_type)
print("still open    ", mlflow.active_run() is not None)

# %% [markdown]
# Everything that the library knows is there. What it cannot know is missing: how the model does on **other** rows, which table and version the frame
# came from (the source is just "code"), why the threshold is what it is. And the run is closed when `fit` returns, so the natural next line goes
# elsewhere:

# %% tags=["nbval-check-output"]
small = tree(3)
of_the_fit = mlflow.last_active_run().info.run_id
mlflow.log_metric("val_auc", auc_of(small, valid))
print("val_auc is in the run of the fit:", mlflow.active_run().info.run_id == of_the_fit)
mlflow.end_run()

# %% [markdown]
# ### Exercise 7.6 - two fits, one run
# Predict. Autologging is on. Inside **one** `with mlflow.start_run():` you fit `tree(1)`, then `tree(12)`. Afterwards the run has one `max_depth` and
# one `training_roc_auc`. From which fit is each, `"first"` or `"second"`?

# %%
### BEGIN SOLUTION
comes_from = {"max_depth": "first", "training_roc_auc": "second"}
### END SOLUTION
check("7.6", comes_from)

# %% tags=["nbval-check-output"]
with mlflow.start_run(run_name="two fits") as run:
    trees = [tree(1), tree(12)]
mixed = client.get_run(run.info.run_id).data
print("max_depth       ", mixed.params["max_depth"])
print("training_roc_auc", round(mixed.metrics["training_roc_auc"], 2))
print("of the two fits ", [round(auc_of(one, train), 2) for one in trees])

# %% [markdown]
# The record describes a model that never existed: the depth of one fit and the quality of the other. Parameters keep their first value and metrics
# show their last; autologging swallows the refusal, because logging must never stop a training. One fit, one run.
#
# ### Exercise 7.7 - one run that holds it all
# With autologging still on, make **one** run that holds
#
# * what autologging records of `tree(4)`
# * `val_auc` on the validation rows
# * the training rows as a dataset with the version of the table (`dataset_of`), context `"training"`
# * a tag `purpose` with the value `exercise`
#
# and set `whole` to its id.

# %%
### BEGIN SOLUTION
### STUB: whole = ...
with mlflow.start_run(run_name="tree, complete") as run:
    mlflow.set_tag("purpose", "exercise")
    mlflow.log_input(dataset_of(train, version="0"), context="training")
    mlflow.log_metric("val_auc", auc_of(tree(4), valid))
whole = run.info.run_id
### END SOLUTION
check("7.7", whole)

# %% [markdown]
# For a search such as `GridSearchCV` autologging makes a parent and child runs by itself. How many children do seven candidates give?

# %% tags=["nbval-check-output"]
from sklearn.model_selection import GridSearchCV

grid = GridSearchCV(
    DecisionTreeClassifier(random_state=seed), {"max_depth": [1, 2, 3, 4, 5, 6, 8]}, cv=2, scoring="roc_auc"
)
grid.fit(train[FEATURES], train["churned"])
searched = mlflow.last_active_run().info.run_id
children = client.search_runs([experiment_id], f"tags.mlflow.parentRunId = '{searched}'")
print(f"7 candidates, {len(children)} child runs")
mlflow.sklearn.autolog(disable=True)

# %% [markdown]
# Only the best five: `max_tuning_runs=5` is the default of autologging.
#
# ### Spark ML has two switches with similar names


# %% tags=["nbval-check-output"]
import mlflow.pyspark.ml
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import VectorAssembler

assembled = VectorAssembler(inputCols=["minutes_trend", "tickets_30d"], outputCol="features").transform(
    spark.sql(f"SELECT * FROM {rows_table} VERSION AS OF 0")
)
# Without the list MLflow looks for one in the settings of `sparkContext`, which Spark Connect and serverless compute do not have.
allowed = ["pyspark.ml.classification.LogisticRegressionModel"]
mlflow.pyspark.ml.autolog(log_model_allowlist=allowed, log_models=False, log_datasets=False, silent=True)
LogisticRegression(labelCol="churned", maxIter=3, regParam=0.1).fit(assembled)
spark_run = mlflow.last_active_run()
mlflow.pyspark.ml.autolog(log_model_allowlist=allowed, disable=True)
print("mlflow.pyspark.ml.autolog:", {name: spark_run.data.params[name] for name in ("maxIter", "regParam")})
print("metrics                  :", dict(spark_run.data.metrics))

# %% [markdown]
# `mlflow.pyspark.ml.autolog()` records the estimator's parameters (and no training metric for this one). `mlflow.spark.autolog()`, in spite of its
# name, notes which **data sources** Spark has read; it needs a JAR of its own and never looks at an estimator.
#
# > **On the exam** "autolog for Spark ML" may be spelt `mlflow.spark.autolog()`, an old mistake of study material. **Today**
# > `mlflow.pyspark.ml.autolog()` or the umbrella `mlflow.autolog()`. **On Databricks** an ML runtime cluster calls `mlflow.autolog()` for an
# > interactive notebook; **serverless compute does not**: call it yourself, or no run appears and no error either.

# %% [markdown]
# ## 6 · Nested runs
#
# Three depths are three runs that belong together. A second `start_run` inside an open run is refused, unless you say that a child is meant:

# %% tags=["nbval-check-output"]
with mlflow.start_run(run_name="outer") as outer:
    print("start_run              :", outcome(lambda: mlflow.start_run(run_name="inner")))
    with mlflow.start_run(run_name="inner", nested=True) as inner:
        mlflow.log_metric("val_auc", 0.8)
outer_record, inner_record = (client.get_run(one.info.run_id) for one in (outer, inner))
print("the child's parent is  :", inner_record.data.tags["mlflow.parentRunId"] == outer.info.run_id)
print("metrics of the parent  :", outer_record.data.metrics)
print("parent knows its child :", inner.info.run_id in str(outer_record.to_dictionary()))

# %% [markdown]
# The relation is **one tag on the child**, `mlflow.parentRunId`. Nothing moves up: the parent has no metric, no parameter, no artifact of its
# children and does not know them. Two things follow. A plain search returns parents and children mixed. And a parent that should show the winner has
# to be told.
#
# The tag also works where no parent is open, in a task of a job or on another machine. `nested=True` does not:

# %% tags=["nbval-check-output"]
outer_id = outer.info.run_id  # the parent has ended long ago


def parent_of(**options):
    with mlflow.start_run(**options) as run:
        pass
    return "has the parent" if run.data.tags.get("mlflow.parentRunId") == outer_id else "has no parent, and no error"


print("nested=True          ", parent_of(run_name="region north", nested=True))
print("parent_run_id        ", parent_of(run_name="region north", parent_run_id=outer_id))
print("a tag of your own    ", parent_of(run_name="region north", tags={"parentRunId": outer_id}))
by_client = client.create_run(experiment_id, tags={"mlflow.parentRunId": outer_id}, run_name="region south")
print("client with the tag  ", "has the parent" if by_client.data.tags["mlflow.parentRunId"] == outer_id else "no")
client.set_terminated(by_client.info.run_id)

# %% [markdown]
# Here is a sweep of nine settings, a parent with nine children, and what its record is good for:

# %%
with mlflow.start_run(run_name="sweep: depth and rate") as sweep:
    for rate in (0.03, 0.1, 0.3):
        for depth in (1, 2, 4):
            settings = {"max_iter": 60, "learning_rate": rate, "max_depth": depth}
            with mlflow.start_run(run_name=f"depth {depth}, rate {rate}", nested=True):
                mlflow.log_params(settings)
                model = fit(train, **settings)
                mlflow.log_metrics({"train_auc": auc_of(model, train), "val_auc": auc_of(model, valid)})

# %% tags=["picture"]
children = mlflow.search_runs([experiment_id], filter_string=f"tags.mlflow.parentRunId = '{sweep.info.run_id}'")
by_setting = children.set_index(["params.learning_rate", "params.max_depth"]).sort_index()
ends = {rate: by_setting.loc[(rate, "4"), ["metrics.train_auc", "metrics.val_auc"]] for rate in ("0.03", "0.3")}
said = ", ".join(
    f"at rate {rate} {ends[rate].iloc[0]:.2f} in training and {ends[rate].iloc[1]:.2f} in validation" for rate in ends
)
figure, axes = pictures.draw(
    alt=f"AUC by depth of the trees. At depth 4: {said}. The gap grows with depth and with rate.", size=(8, 3)
)
for rate, marker in {"0.03": "o", "0.3": "s"}.items():
    for part, style, colour in (("train", "--", pictures.ORANGE), ("val", "-", pictures.BLUE)):
        curve = [by_setting.loc[(rate, depth), f"metrics.{part}_auc"] for depth in ("1", "2", "4")]
        axes.plot(["1", "2", "4"], curve, style, marker=marker, color=colour)
        axes.annotate(f" {part}, rate {rate}", ("4", curve[-1]), xytext=(6, 0), textcoords="offset points", va="center")
axes.set(xlabel="max_depth", ylabel="AUC", title="Nine children, one query: where training and validation part")
figure

# %% [markdown]
# The more the model may bend, the better it knows the rows it has seen, and the less it gains on others. A picture like this is made from the store,
# by anybody, at any time: nobody has to run the sweep again.
#
# ### Exercise 7.8 - a sweep that sums itself up
# Run a sweep over `max_depth` 1, 2 and 3 with `fit(train, max_iter=40, learning_rate=0.1, max_depth=depth)`:
#
# * one parent, and one child for each depth with its parameter `max_depth` and its metric `val_auc`
# * when the loop ends, the **parent** gets the metric `val_auc` of the winner and the tag `best_run_id` with the winner's run id
#
# Set `parent_id`.

# %%
### BEGIN SOLUTION
### STUB: parent_id = ...
with mlflow.start_run(run_name="sweep: depth") as parent:
    results = {}
    for depth in (1, 2, 3):
        with mlflow.start_run(run_name=f"depth {depth}", nested=True) as child:
            mlflow.log_param("max_depth", depth)
            results[child.info.run_id] = auc_of(fit(train, max_iter=40, learning_rate=0.1, max_depth=depth), valid)
            mlflow.log_metric("val_auc", results[child.info.run_id])
    winner = max(results, key=results.get)
    mlflow.log_metric("val_auc", results[winner])
    mlflow.set_tag("best_run_id", winner)
parent_id = parent.info.run_id
### END SOLUTION
check("7.8", parent_id)

# %% [markdown]
# ## 7 · Logged models
#
# In MLflow 3 a model is not a folder of a run any more. `log_model(model, name=...)` creates a **LoggedModel**: an object of the experiment with an
# id, its own metrics and parameters, and a link to the run that made it. One run may own many, such as the checkpoints of one training.
#
# First the trap that stops half of all older notebooks on the first try:

# %% tags=["nbval-check-output"]
with mlflow.start_run(run_name="logged as ever") as run:
    print("log_model as ever      :", outcome(lambda: mlflow.sklearn.log_model(gentle, name="model")))

# %% [markdown]
# Outside Databricks, MLflow 3 stores scikit-learn models with *skops*, which refuses classes that it does not trust: all tree ensembles. Name the
# format and it works. On Databricks the default is `cloudpickle`, and the call above passes. Now three checkpoints of one training:

# %%
checkpoints = {}
with mlflow.start_run(run_name="three checkpoints") as checkpoint_run:
    for rounds in (10, 40, 200):
        model = fit(train, max_iter=rounds, learning_rate=0.1, max_depth=3)
        info = mlflow.sklearn.log_model(
            model,
            name=f"rounds-{rounds}",
            serialization_format="cloudpickle",
            signature=infer_signature(valid[FEATURES], model.predict_proba(valid[FEATURES])[:, 1]),
            # Named, because finding them out takes MLflow a process of its own for each model.
            pip_requirements=mlflow.sklearn.get_default_pip_requirements(include_cloudpickle=True),
        )
        mlflow.log_metric("val_auc", auc_of(model, valid), step=rounds, model_id=info.model_id)
        checkpoints[rounds] = info

# %% tags=["nbval-check-output"]
run_id = checkpoint_run.info.run_id
print("artifacts of the run  :", client.list_artifacts(run_id))
print("its models            :", len(client.get_run(run_id).outputs.model_outputs))
print("URI of a model        :", checkpoints[10].model_uri[: len("models:/m-")] + "...")
loaded = mlflow.sklearn.load_model(f"runs:/{run_id}/rounds-40")
print(
    "the old URI loads too :",
    auc_of(loaded, valid) == auc_of(mlflow.sklearn.load_model(checkpoints[40].model_uri), valid),
)

# %% [markdown]
# The run lists no files, and nothing is lost: the model lies with the experiment, and `runs:/<run_id>/<name>` is resolved to it. Because each value
# was logged with `model_id`, the models have metrics of their own and can be searched. A search for **runs** could only say that this run is the
# best; not which of its models.
#
# ### Exercise 7.9 - which checkpoint?
# Find the best checkpoint of `checkpoint_run` by `val_auc` with `mlflow.search_logged_models`, and set `best_model` to its **id**. The function takes
# `experiment_ids`, `filter_string`, `order_by` (a list of dictionaries with `field_name` and `ascending`), `max_results` and `output_format="list"`;
# a model's attribute `source_run_id` says which run made it.

# %%
### BEGIN SOLUTION
### STUB: best_model = ...
found = mlflow.search_logged_models(
    [experiment_id],
    filter_string=f"source_run_id = '{checkpoint_run.info.run_id}'",
    order_by=[{"field_name": "metrics.val_auc", "ascending": False}],
    max_results=1,
    output_format="list",
)
best_model = found[0].model_id
### END SOLUTION
check("7.9", best_model, checkpoint_run.info.run_id)

# %% [markdown]
# > **On the exam** `mlflow.sklearn.log_model(model, "model")` puts a folder `model` into the run's artifacts. **Today** the second argument is called
# > `name`; `artifact_path` is its deprecated spelling (and still the only one of `mlflow.spark.log_model`). The models of an experiment have a tab of
# > their own in the UI.

# %% [markdown]
# ## 8 · Signature and input example
#
# A **signature** says which columns and types go in, what comes out, and which parameters `predict` takes. It knows types, not sensible values.
# PyFunc, the generic way to load any model, checks it on every call. Unity Catalog does not register a model without one.

# %% tags=["nbval-check-output"]
served = mlflow.pyfunc.load_model(checkpoints[40].model_uri)
for column in served.metadata.signature.inputs:
    print(f"{column.name:18}{column.type.name:8}", "required" if column.required else "optional")
good = valid[FEATURES].head(3)
frames = {
    "columns in another order ": good[FEATURES[::-1]],
    "one column more          ": good.assign(country="DE"),
    "nonsense, minutes -40,000": good.assign(minutes_trend=-40_000.0),
    "age as whole numbers     ": good.assign(age=[30, 40, 50]),
    "no minutes_trend         ": good.drop(columns="minutes_trend"),
    "no age                   ": good.drop(columns="age"),
    "tickets unknown for one  ": good.assign(tickets_30d=[1, None, 2]),
}
for what, frame in frames.items():
    print(what, outcome(lambda frame=frame: served.predict(frame)))

# %% [markdown]
# Order and extra columns do not matter, and nonsense passes. Three refusals deserve a second look:
#
# * **Whole numbers for a double.** A 64-bit integer does not fit a double without possible loss, so it is not converted silently (`int32` is). Cast
#   to `float64`.
# * **No age.** Some ages were missing in the sample, so the signature calls the column *optional* and lets the frame pass. The error comes from the
#   model, later and less clear.
# * **Tickets unknown.** `tickets_30d` was a whole number in training. In production one value is missing, pandas turns the column into floats, and
#   floats do not go into an integer column. The model itself handles missing values: it is the signature that says no.
#
# MLflow had warned when the signature was inferred:

# %% tags=["nbval-check-output"]
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    infer_signature(valid[FEATURES])
print(str(caught[0].message).split(".")[0])

# %% [markdown]
# ### Exercise 7.10 - a signature for production
# Make `signature` for the model `gentle` so that rows with a missing count can be scored. It should hold the inputs (no column refused because a
# value is missing), the output (`gentle.predict_proba(...)[:, 1]`), and a parameter `threshold` with the default 0.5.

# %%
### BEGIN SOLUTION
### STUB: signature = ...
inputs = valid[FEATURES].astype("float64")
signature = infer_signature(inputs, gentle.predict_proba(inputs)[:, 1], params={"threshold": 0.5})
### END SOLUTION
check("7.10", signature, FEATURES)

# %% [markdown]
# An **input example** is a few rows given to `log_model`. They are stored with the model, and the model is asked to score them while it is being
# logged; the signature is inferred from the rows and the answer. See what that answer is:

# %% tags=["nbval-check-output"]
options = {
    "serialization_format": "cloudpickle",
    "input_example": valid[FEATURES].astype("float64").head(3),
    "pip_requirements": mlflow.sklearn.get_default_pip_requirements(include_cloudpickle=True),
}
with mlflow.start_run(run_name="with an example"):
    as_class = mlflow.sklearn.log_model(gentle, name="class", **options)
    as_probability = mlflow.sklearn.log_model(gentle, name="probability", pyfunc_predict_fn="predict_proba", **options)
everybody = valid[FEATURES].astype("float64")
classes, both = (mlflow.pyfunc.load_model(info.model_uri).predict(everybody) for info in (as_class, as_probability))
print("signature without asking for it:", as_class.signature is not None)
print(
    "PyFunc calls predict           :",
    sorted(set(classes.tolist())),
    f"- {classes.sum()} of {len(classes):,} customers get a 1",
)
print(
    "PyFunc calls predict_proba     :",
    both.shape[1],
    "columns,",
    f"{len(set(both[:, 1].tolist())) > 500 and 'hundreds of'} different scores",
)

# %% [markdown]
# The trap: PyFunc calls `predict`, and a scikit-learn classifier answers with the **class**, 1 from 50 % upwards. Hardly anybody reaches 50 %, and a
# call list made from it is worthless. `pyfunc_predict_fn="predict_proba"` hands on probabilities. If the trial on the example fails, the model is
# stored all the same, **without a signature**; a warning in the log is all you get. And an example fills no gaps: a request without a required column
# is refused.

# %% [markdown]
# ## 9 · Search the best run
#
# Searching by hand in a table works for ten runs. A nightly job with 250 candidates needs the rule as code. Make a night with seven candidates in an
# experiment of its own, each with something that tempts:


# %%
def empty_experiment(suffix):
    """An experiment beside that of the chapter, without the runs of an earlier pass."""
    name = f"{client.get_experiment(experiment_id).name}-{suffix}"
    found = client.get_experiment_by_name(name)
    if found is None:
        return client.create_experiment(name)
    for run in client.search_runs([found.experiment_id]):
        client.delete_run(run.info.run_id)
    return found.experiment_id


night = empty_experiment("night")
candidates = pd.DataFrame(
    [
        ("a", 2, "val_auc", 0.842, 12.0, "FINISHED", "candidate"),
        ("b", 4, "val_auc", 0.861, 31.0, "FINISHED", "candidate"),
        ("c", 6, "val_auc", 0.858, 48.0, "FINISHED", "candidate"),
        ("d", 8, "val_auc", 0.970, 20.0, "FAILED", "candidate"),
        ("e", 10, "val_auc", 0.874, 64.0, "FINISHED", "candidate"),
        ("f", 12, "val_auc", 0.899, 35.0, "FINISHED", "debug"),
        ("g", 14, "val_AUC", 0.810, 30.0, "FINISHED", "candidate"),
    ],
    columns=["name", "depth", "key", "auc", "latency_ms", "status", "purpose"],
)
for number, one in enumerate(candidates.itertuples()):
    made = client.create_run(night, start_time=1_760_000_000_000 + 60_000 * number, run_name=one.name)
    client.log_param(made.info.run_id, "depth", one.depth)
    client.log_metric(made.info.run_id, one.key, one.auc)
    client.log_metric(made.info.run_id, "latency_ms", one.latency_ms)
    client.set_tag(made.info.run_id, "purpose", one.purpose)
    client.set_terminated(made.info.run_id, one.status)
candidates

# %% [markdown]
# `d` crashed after its first fold and keeps what it had logged by then; `f` was tested on its training rows; `g` spells the metric with capitals and
# was started last. A filter is a little SQL: `metrics.`, `params.`, `tags.`, `attributes.`, joined by `AND`. There is no `OR`.


# %% tags=["nbval-check-output"]
def names(filter_string="", order_by=()):
    return [run.info.run_name for run in client.search_runs([night], filter_string, order_by=list(order_by))]


print("best by val_auc           ", names(order_by=["metrics.val_auc DESC"])[0])
print("best by val_AUC           ", names(order_by=["metrics.val_AUC DESC"])[0])
print("best by valid_auc         ", names(order_by=["metrics.valid_auc DESC"])[0])
print("finished                  ", names("attributes.status = 'FINISHED'", ["attributes.run_name ASC"]))
print("status as a tag           ", names("tags.mlflow.status = 'FINISHED'"))
print("without the prefix        ", outcome(lambda: names(order_by=["val_auc DESC"])))
print("this OR that              ", outcome(lambda: names("metrics.val_auc > 0.86 OR metrics.latency_ms < 20")))
print("params.depth > 5          ", outcome(lambda: names("params.depth > 5")))
print("params.depth > '5'        ", outcome(lambda: names("params.depth > '5'")))

# %% [markdown]
# Three traps in nine lines. A key that **no run has** is not refused: all runs tie, and the newest comes first (`g`, by `valid_auc`), whatever its
# quality. A **crashed** run keeps its metrics and wins (`ViewType.ACTIVE_ONLY` does not help: it means "not deleted"). And parameters are **text**:
# MLflow refuses to compare them by size. pandas does not:

# %% tags=["nbval-check-output"]
table = mlflow.search_runs([night]).sort_values("tags.mlflow.runName")
print("as text  :", list(table[table["params.depth"] > "5"]["params.depth"]))
print("as number:", list(table[table["params.depth"].astype(int) > 5]["params.depth"]))
print("newest of the versions '9' and '10':", max(["9", "10"]))

# %% [markdown]
# The depths 10, 12 and 14 are gone, because "1" comes before "5". Versions are text in many APIs too. If you filter by a number often, log it as a
# metric as well.
#
# `client.search_runs` gives `Run` objects, 1,000 for one call unless you ask for more, and a `token` for the next page. `mlflow.search_runs` gives a
# pandas frame with columns such as `metrics.val_auc` and follows the pages by itself.
#
# ### Exercise 7.11 - the rule of promotion
# Write the rule as code: the best **finished** run with the tag `purpose` = `candidate`, a `val_auc` of at least 0.80 and a `latency_ms` of at most
# 50. Fill `filter_string` and `order_by`, with which the job calls `client.search_runs([night], filter_string, order_by=order_by, max_results=1)`.

# %%
### BEGIN SOLUTION
filter_string = (
    "attributes.status = 'FINISHED' AND tags.purpose = 'candidate' "
    "AND metrics.val_auc >= 0.80 AND metrics.latency_ms <= 50"
)
order_by = ["metrics.val_auc DESC"]
### END SOLUTION
check("7.11", filter_string, order_by, night)

# %% [markdown]
# For an error such as RMSE the order is `ASC`. The habit from AUC promotes the worst run of all.
#
# ## 10 · Organise experiments
#
# A search ranks runs of one experiment by one key. So:
#
# | decision | why |
# |---|---|
# | one experiment for each **problem** (churn, credit limits), not for each person, model family or month | what is compared lies together: same target, same metrics |
# | model family, author, purpose, snapshot of the test data are **tags** | everything you might group or filter by |
# | one agreed set of metric names, logged by a shared helper | `auc`, `AUC` and `valid_auc` are three metrics, and nobody is told |
# | a tag for the data that was **tested** on, filtered before ranking | equal names on different test data do not compare |
# | names of runs for people, tags and ids for code | names are neither unique nor stable |
#
# One more rule for notebooks and jobs: call `mlflow.set_experiment` once, at the top. On Databricks a notebook without it logs to an experiment of
# its own, which is bound to the notebook; a job needs permission to edit the experiment that it writes to.
#
# ## 11 · What the UI shows
#
# Open a terminal and type `./wb ui`. It starts the real MLflow UI on the runs you have just made and prints an address; Ctrl-C ends it. Choose
# **Model training** in the switch at the top left, close the assistant at the right, and open the experiment of this chapter. On Databricks the same
# pages are under *Experiments*.
#
# **The table of runs.** Children are folded under their parent; each row shows age, dataset, duration, source and the models it made. The box above
# takes the filters of section 9. *Columns* adds parameters and metrics. The chart button beside the table draws only the **ten most recent** runs
# until you raise that number; nothing is lost.
#
# ![The runs of the experiment in the MLflow UI: "sweep: depth" is unfolded and shows three children; columns for age, dataset, duration, source and models](images/07_ui_runs.png)
#
# **One run.** Metrics (the latest values), parameters, and at the right id, status, source with the Git commit if there is one, datasets, tags and
# models. The pencils tell what can be edited: tags and the description. Parameters and metrics have none.
#
# ![The overview of the run "recorded, deep": one metric, four parameters, the source with its commit, a dataset for training and the tags code and data_version](images/07_ui_run.png)
#
# **Its data.** A click on the dataset shows name, role, number of rows, digest and columns. The **version** of the table is in the record and not on
# this page: code can read it, a reader cannot. Log it as a tag too, and both can.
#
# ![The dataset "churn rows" of a run in the MLflow UI: 5,650 rows, a digest, and the names and types of its columns](images/07_ui_dataset.png)
#
# **Metrics over steps.** *Model metrics* draws each metric by step; *System metrics* has the machine. Here a last value that is not the best one
# becomes visible.
#
# ![The tab of model metrics of the run "fast learner": the validation AUC rises within twenty steps and then falls until step 99](images/07_ui_steps.png)
#
# **Artifacts.** Pictures, texts and tables are shown right on the tab, and can be downloaded.
#
# ![The tab of artifacts of the run "gentle boosting, explained", with the picture of SHAP values open](images/07_ui_artifacts.png)
#
# **Models.** The logged models of the experiment with the run that each came from. One is marked as failed: that is the model whose format was
# refused in section 7.
#
# ![The models of the experiment: five are ready, one with the name model has failed; each row names its source run](images/07_ui_models.png)
#
# **Comparison.** Tick several runs and press *Compare*: parameters and metrics side by side, and a parallel coordinates plot in which each line is a
# run.
#
# ![The comparison of the nine children of the sweep: lines lead from learning rate and depth to the validation AUC](images/07_ui_compare.png)
#
# > **On the exam** the UI shows runs, parameters, metrics, artifacts and models, and compares runs. **Today** models have a page of their own. **On
# > Databricks** the source of a run links to the notebook as it was when it ran. On neither does a page compute a number that was not logged.
#
# ### Exercise 7.12 - can the page answer?
# A reviewer has the UI and nothing else. The run was made like `with its data` and `fast learner` together: parameters, metrics by round, a dataset,
# pictures, tags. Say `True` if she can find the answer on its pages, `False` if somebody has to run code.
#
# * a: which learning rate was used?
# * b: after which round was the validation AUC highest?
# * c: what is the AUC for customers of 60 and older, which nobody logged?
# * d: which columns did the training rows have, and of which type?
# * e: show me the training rows of customer 17
# * f: the author mistyped a parameter. Can I correct it here?
# * g: which runs of this experiment have `val_auc` over 0.78 and finished?

# %%
### BEGIN SOLUTION
on_the_page = {"a": True, "b": True, "c": False, "d": True, "e": False, "f": False, "g": True}
### END SOLUTION
check("7.12", on_the_page)

# %% [markdown]
# ## 12 · Reproduce a run
#
# To do a run again takes five things: the **data** (table and version), the **code** (a commit), the **settings**, the **seed**, and the
# **environment**. Four of them fit in parameters, tags and a dataset. The fifth, the versions of the libraries, is written beside every logged model,
# as `requirements.txt` and `conda.yaml`. Copies of the data are not needed, and the text of a query is not enough: it means whatever the table holds
# when it runs.
#
# An auditor asks the other way round: *which runs used data from before the correction of 3 May, and with which code?* A search can filter by a
# dataset's `name`, `digest` and `context` only, so the version and the commit belong in tags as well. Two runs with a complete record, on the table
# as it is today:


# %%
def recorded_run(name, **settings):
    """Fit with these settings and record all that it takes to do it again."""
    rows, others = read_rows("0")
    with mlflow.start_run(run_name=name) as run:
        mlflow.log_params({**settings, "random_state": seed})
        mlflow.set_tag("data_version", "0")
        # MLflow adds the commit when the program lies in a Git repository. What a cell defines is in no commit: keep a hash of it.
        mlflow.set_tag("code", hashlib.sha256(inspect.getsource(fit).encode()).hexdigest()[:10])
        mlflow.log_input(dataset_of(rows, version="0"), context="training")
        mlflow.log_metric("val_auc", auc_of(fit(rows, **settings), others))
    return run.info.run_id


recorded = [
    recorded_run("recorded, shallow", max_iter=40, learning_rate=0.1, max_depth=1),
    recorded_run("recorded, deep", max_iter=80, learning_rate=0.3, max_depth=4),
]

# %% [markdown]
# Weeks go by. Some customers ask to be forgotten, and their rows are deleted: same name, same columns, fewer rows. A colleague repeats the second run
# with the same code, settings and seed, from the table of today:

# %% tags=["nbval-check-output"]
spark.sql(f"DELETE FROM {rows_table} WHERE customer_id % 8 = 0")
today = str(spark.sql(f"DESCRIBE HISTORY {rows_table}").agg(F.max("version")).first()[0])
rows, others = read_rows(today)
from_today = auc_of(fit(rows, max_iter=80, learning_rate=0.3, max_depth=4), others)
as_recorded = client.get_run(recorded[1]).data.metrics["val_auc"]
print(f"recorded {as_recorded:.3f}, repeated {from_today:.3f}, equal: {np.isclose(as_recorded, from_today)}")

# %% [markdown]
# Nothing was done wrong, apart from the data. The seed fixes what the code draws at random; it cannot fix what the table holds.
#
# ### Exercise 7.13 - again, from the record alone
# Write `rebuild(run_id)`: it reads the run's record, fits again and returns the validation AUC. The version of the table is in the dataset's source
# (`client.get_run(run_id).inputs.dataset_inputs[0].dataset.source`, a JSON text), the settings are in the parameters. Mind their type. `read_rows`,
# `fit` and `auc_of` are yours to use. The check tries it on both recorded runs.


# %%
def rebuild(run_id):
    ### BEGIN SOLUTION
    record = client.get_run(run_id)
    version = json.loads(record.inputs.dataset_inputs[0].dataset.source)["delta_table_version"]
    rows, others = read_rows(version)
    params = record.data.params
    settings = {"max_iter": int, "learning_rate": float, "max_depth": int}
    model = fit(rows, **{name: kind(params[name]) for name, kind in settings.items()})
    return auc_of(model, others)
    ### END SOLUTION


check("7.13", rebuild, recorded)

# %% [markdown]
# This works as long as version 0 is kept. `VACUUM` removes the files of old versions, and then the record points to nothing. Here it even has to: as
# long as version 0 can be read, nobody has been forgotten. Where the law allows it, a model that answers to auditors is trained on a table that is
# kept. Where it does not, the record still says why the number cannot be had again.

# %% [markdown]
# ## 13 · Traps
#
# Three more, run in an experiment of their own so that the strays do not litter yours.

# %% tags=["nbval-check-output"]
lab = empty_experiment("lab")
mlflow.set_experiment(experiment_id=lab)

# 1. A logging call outside a run is not refused and not dropped: it starts a run, and leaves it open.
mlflow.log_metric("val_auc", 0.81)
stray = mlflow.active_run()
print(
    "1. active run after log_metric:", stray is not None, "| the next start_run:", outcome(lambda: mlflow.start_run())
)
mlflow.end_run()


# 2. The active run belongs to the thread that started it.
def log_country(country):
    mlflow.log_metric(f"auc/{country}", 0.8)
    mlflow.end_run()


with mlflow.start_run(run_name="threads") as run, ThreadPoolExecutor(2) as pool:
    list(pool.map(log_country, ["DE", "FR", "GB"]))
print(
    "2. metrics in the run:",
    client.get_run(run.info.run_id).data.metrics,
    "| runs in the lab:",
    len(client.search_runs([lab])),
)


# 3. A worker's disk is not the driver's. A folder that lives as long as the task stands for the worker's disk here.
def report_on_worker(rows):
    with tempfile.TemporaryDirectory() as workers_disk:
        path = Path(workers_disk) / "report.csv"
        rows.head(3).to_csv(path)
        return pd.DataFrame({"path": [str(path)]})


paths = spark.table(rows_table).groupBy("country").applyInPandas(report_on_worker, "path string").toPandas()["path"]
with mlflow.start_run(run_name="worker's disk"):
    print("3. log_artifact of a worker's file:", outcome(lambda: mlflow.log_artifact(paths[0])))

# %% [markdown]
# 1. Log inside `with mlflow.start_run()`, or read `mlflow.active_run()` when in doubt.
# 2. In threads and tasks name the run: `mlflow.log_metric(key, value, run_id=run_id)` or `MlflowClient().log_metric(run_id, key, value)`.
#    `nested=True` in a pool thread finds nothing to nest in.
# 3. Let the function **return** what should be kept, as rows; the driver draws and logs. On one machine a plain path works, because driver and
#    workers share a disk; the mistake shows on the first real cluster.
#
# ## Checkpoint · The troubleshooting lab
#
# Six cells of colleagues. Each runs without stopping and leaves something wrong in the store. Read it, look at the symptom, and write the repaired
# cell below it. One check at the end looks at the **store** and says which repair is still open.
#
# ### Cell 1 - "My parameter is gone"

# %% tags=["nbval-check-output"]
mlflow.log_param("data_version", 0)
try:
    with mlflow.start_run(run_name="cell 1") as run:
        mlflow.log_metric("val_auc", 0.81)
except Exception as error:
    print(type(error).__name__, "- a run is already active:", "already active" in str(error))
mlflow.end_run()

# %% [markdown]
# Put the parameter and the metric into one run called `cell 1`; `fixed_1` is its id.

# %%
### BEGIN SOLUTION
### STUB: fixed_1 = ...
with mlflow.start_run(run_name="cell 1") as run:
    mlflow.log_param("data_version", 0)
    mlflow.log_metric("val_auc", 0.81)
fixed_1 = run.info.run_id
### END SOLUTION

# %% [markdown]
# ### Cell 2 - "The countries are missing"

# %% tags=["nbval-check-output"]
auc_by_country = {
    country: churn.pandas_auc(part["churned"], part["p"])
    for country, part in valid.assign(p=scores["plain"]).groupby("country")
    if part["churned"].nunique() == 2
}


def evaluate(country):
    mlflow.log_metric(f"auc/{country}", auc_by_country[country])
    mlflow.end_run()


with mlflow.start_run(run_name="cell 2") as run, ThreadPoolExecutor(4) as pool:
    list(pool.map(evaluate, auc_by_country))
print("metrics in the run:", client.get_run(run.info.run_id).data.metrics)

# %% [markdown]
# Keep the pool, and bring one metric `auc/<country>` for each country into one run; `fixed_2` is its id.


# %%
### BEGIN SOLUTION
### STUB: fixed_2 = ...
def evaluate_into(run_id):
    def evaluate(country):
        client.log_metric(run_id, f"auc/{country}", auc_by_country[country])

    return evaluate


with mlflow.start_run(run_name="cell 2") as run, ThreadPoolExecutor(4) as pool:
    list(pool.map(evaluate_into(run.info.run_id), auc_by_country))
fixed_2 = run.info.run_id
### END SOLUTION

# %% [markdown]
# ### Cell 3 - "The file was there a second ago"

# %% tags=["nbval-check-output"]
with mlflow.start_run(run_name="cell 3") as run:
    files = spark.table(rows_table).groupBy("country").applyInPandas(report_on_worker, "path string").toPandas()
    for path in files["path"]:
        try:
            mlflow.log_artifact(path)
        except FileNotFoundError as error:
            print(type(error).__name__)
            break

# %% [markdown]
# The team wants the share of leavers by country, as one artifact `reports/left_by_country.csv` with the columns `country` and `left`, one line for
# each country of `rows_table`. Compute it on the workers; `fixed_3` is the run's id.

# %%
### BEGIN SOLUTION
### STUB: fixed_3 = ...
left = spark.table(rows_table).groupBy("country").agg(F.avg("churned").alias("left")).orderBy("country").toPandas()
with mlflow.start_run(run_name="cell 3") as run:
    mlflow.log_text(left.to_csv(index=False), "reports/left_by_country.csv")
fixed_3 = run.info.run_id
### END SOLUTION

# %% [markdown]
# ### Cell 4 - "The run is red and empty"

# %% tags=["nbval-check-output"]
auc_by_plan = {"basic": 0.78, "standard": 0.80, "premium": 0.77}
try:
    with mlflow.start_run(run_name="cell 4") as run:
        for plan, auc in auc_by_plan.items():
            mlflow.log_metric(f"auc__plan={plan}", auc)
except mlflow.MlflowException as error:
    print(error.error_code)
record = client.get_run(run.info.run_id)
print(record.info.status, record.data.metrics)

# %% [markdown]
# Log all three values under names that MLflow takes and that say which plan is meant; `fixed_4` is the id of the run, which should be finished.

# %%
### BEGIN SOLUTION
### STUB: fixed_4 = ...
with mlflow.start_run(run_name="cell 4") as run:
    mlflow.log_metrics({f"auc/plan/{plan}": auc for plan, auc in auc_by_plan.items()})
fixed_4 = run.info.run_id
### END SOLUTION

# %% [markdown]
# ### Cell 5 - "Depth 1 scores like depth 8"

# %% tags=["nbval-check-output"]
mlflow.sklearn.autolog(log_models=False, silent=True)
with mlflow.start_run(run_name="cell 5") as run:
    for depth in (1, 3, 8):
        mlflow.log_metric("val_auc", auc_of(tree(depth), valid))
mlflow.sklearn.autolog(disable=True)
record = client.get_run(run.info.run_id).data
print(
    "max_depth",
    record.params["max_depth"],
    "| values of val_auc in one run:",
    len(client.get_metric_history(run.info.run_id, "val_auc")),
)

# %% [markdown]
# Give each depth a run of its own below one parent, with its `max_depth` and its `val_auc`, with autologging or by hand; `fixed_5` is the id of the
# **parent**.

# %%
### BEGIN SOLUTION
### STUB: fixed_5 = ...
with mlflow.start_run(run_name="cell 5") as parent:
    for depth in (1, 3, 8):
        with mlflow.start_run(run_name=f"depth {depth}", nested=True):
            mlflow.log_param("max_depth", depth)
            mlflow.log_metric("val_auc", auc_of(tree(depth), valid))
fixed_5 = parent.info.run_id
### END SOLUTION

# %% [markdown]
# ### Cell 6 - "The deep models never win"

# %% tags=["nbval-check-output"]
asked_for = "attributes.status = 'FINISHED' AND tags.purpose = 'candidate'"
table = mlflow.search_runs([night], filter_string=asked_for, order_by=["metrics.val_auc DESC"])
deep = table[table["params.depth"] > "5"]
print("winner with a depth over 5:", deep["tags.mlflow.runName"].iloc[0])

# %% [markdown]
# Find the run that should have won: the best finished candidate of `night` with a depth over 5, of any latency. `fixed_6` is its id.

# %%
### BEGIN SOLUTION
### STUB: fixed_6 = ...
deep = table[table["params.depth"].astype(int) > 5]
fixed_6 = deep["run_id"].iloc[0]
### END SOLUTION

# %% [markdown]
# ### Exercise 7.14

# %%
check("7.14", fixed_1, fixed_2, fixed_3, fixed_4, fixed_5, fixed_6, auc_by_country, night)

# %% [markdown]
# ## Recap
#
# 1. Parameters are inputs and text, metrics are numbers with a history, tags may change, artifacts are files; a dataset is a reference to rows, not
#    the rows.
# 2. A record shows the last value of a metric. The best one is in the history, or under a name of its own.
# 3. Autologging knows what the library knows. Validation, data version and purpose are yours, inside the same run.
# 4. A child is a run with the tag `mlflow.parentRunId`. Nothing moves up to the parent unless you log it there.
# 5. The best run is a query: finished, agreed metric, right data, then the order.
# 6. A run can be repeated if it names data version, code, settings, seed and environment.
#
# **Traps**: a parameter cannot change, a long one is cut · names with `=` or `@` are refused · logging outside a run opens one · the active run
# belongs to a thread · a worker's file is not the driver's · version 0 as a number is not recorded · equal digests prove nothing · a key that no run
# has sorts by age · a crashed run keeps its metrics · parameters compare as text · PyFunc answers with classes · integers in a signature refuse
# missing values.
#
# **Next**: chapter 08 registers the winner in Unity Catalog, gives it an alias and moves it through its life; chapter 11 watches whether it stays
# good.
