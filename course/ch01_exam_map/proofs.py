"""Proofs for chapter 01: preparation, the platform's parts, compute, ML runtimes, AutoML, MLOps practice.

AutoML itself is not installed here: its documented splits, samples and weights are repeated with scikit-learn.
"""

from __future__ import annotations

import subprocess
import sys
import uuid
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from workbook.proofs import Lab, holds, raises, works

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def map_ready_004(lab: Lab) -> set[str]:
    from databricks.sdk.service import catalog, compute, jobs, workspace

    def granted(kind: str, api: type) -> bool:
        """Whether it is a securable of Unity Catalog, and has no access list of the workspace."""
        return kind in catalog.SecurableType.__members__ and not hasattr(api, "set_permissions")

    return holds(
        {
            "A": granted("CLUSTER", compute.ClustersAPI),
            "B": granted("TABLE", catalog.TablesAPI),
            "C": granted("MODEL", catalog.RegisteredModelsAPI),
            "D": granted("JOB", jobs.JobsAPI),
            "E": granted("NOTEBOOK", workspace.WorkspaceAPI),
        }
    )


def map_weights_005(lab: Lab) -> set[str]:
    weight = {"development": 0.44, "mlops": 0.44, "deployment": 0.12}
    rise = {"development": 0.80 - 0.70, "mlops": 0.65 - 0.50, "deployment": 0.80 - 0.30}
    gain = {domain: 59 * weight[domain] * rise[domain] for domain in weight}
    plans = {"A": gain["deployment"], "B": gain["mlops"], "C": gain["development"], "D": sum(gain.values()) / 3}
    return holds({letter: questions == max(plans.values()) for letter, questions in plans.items()})


def map_cells_006(lab: Lab) -> set[str]:
    import pandas as pd

    cells = {
        1: 'prices = pd.DataFrame({"net": [100.0, 200.0]})',
        2: 'prices["gross"] = prices["net"] * 1.19',
        3: 'prices["net"] = prices["net"] * 0.9',
        4: 'result = round(prices["gross"].sum(), 2)',
    }

    def run(*order: int) -> float:
        memory: dict[str, Any] = {"pd": pd}
        for number in order:
            exec(cells[number], memory)
        return float(memory["result"])

    assert run(1, 3, 2, 3, 2, 4) == 289.17, "the saved output"
    return holds(
        {
            "A": run(1, 2, 3, 4) == 289.17,
            "B": run(1, 2, 3, 4) == 321.3,
            "C": raises(KeyError, lambda: run(1, 2, 3, 4)),
            "D": run(1, 2, 3, 4) == 357.0,
        }
    )


def map_import_007(lab: Lab) -> set[str]:
    import importlib

    folder = lab.folder()
    name = f"scoring_{uuid.uuid4().hex[:8]}"
    file = folder / f"{name}.py"

    def after(*lines: str) -> float:
        """Import, change the file, then run these lines; the last is an expression."""
        file.write_text("def cap(x): return min(x, 1.0)\n")
        sys.modules.pop(name, None)
        importlib.invalidate_caches()
        memory: dict[str, Any] = {"importlib": importlib}
        exec(f"from {name} import cap", memory)
        assert memory["cap"](50) == 1.0, "the old limit"
        file.write_text("def cap(x): return min(x, 10.0)\n")
        for line in lines[:-1]:
            exec(line.replace("scoring", name), memory)
        return float(eval(lines[-1].replace("scoring", name), memory))

    before = list(sys.path), sys.dont_write_bytecode
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True  # a compiled file of the same second would be taken for the new one
    try:
        got = {
            "A": after("from scoring import cap", "cap(50)"),
            "B": after("import scoring", "importlib.reload(scoring)", "cap(50)"),
            "D": after("from scoring import cap as new_cap", "new_cap(50)"),
            "E": after("import scoring", "importlib.reload(scoring)", "scoring.cap(50)"),
        }
    finally:
        sys.path[:], sys.dont_write_bytecode = before
        sys.modules.pop(name, None)
    program = f"from {name} import cap; print(cap(50))"  # a new process, as after a restart
    restarted = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    got["C"] = float(restarted.stdout)
    return holds({letter: value == 10.0 for letter, value in got.items()})


def map_widget_008(lab: Lab) -> set[str]:
    from lakehouse.dbutils import DBUtils

    def run(value: str) -> Any:
        """What the widget gives in a run of its own."""
        widgets = DBUtils().widgets
        widgets.text("retrain", value)
        return widgets.get("retrain")

    assert run("True") == "True", "the run of somebody else, before"
    value = run("False")
    return holds(
        {
            "A": value == "False" and bool(value),
            "B": isinstance(value, bool) or works(lambda: DBUtils().widgets.get("unknown"), ValueError),
            "C": value == "" and bool(value),
            "D": value == "True",
        }
    )


def map_secret_009(lab: Lab) -> set[str]:
    import mlflow

    lab.experiment()
    password = "s3cr3t-" + uuid.uuid4().hex
    cfg = {"user": "svc_ml", "password": password, "depth": 6}
    calls = {
        "A": lambda: mlflow.log_params(cfg),
        "B": lambda: mlflow.set_tag("secret", "scope ml, key db"),
        "C": lambda: mlflow.log_params({key: cfg[key] for key in ("user", "depth")}),
        "D": lambda: mlflow.log_dict(cfg, "settings.json"),
        "E": lambda: mlflow.log_param("entries", len(cfg)),
    }

    def readable(call: Any) -> bool:
        with mlflow.start_run() as run:
            call()
        data = lab.client.get_run(run.info.run_id).data
        files = [
            mlflow.artifacts.load_text(f"{run.info.artifact_uri}/{file.path}")
            for file in lab.client.list_artifacts(run.info.run_id)
        ]
        return any(password in text for text in [str(data.params), str(data.tags), *files])

    return holds({letter: readable(call) for letter, call in calls.items()})


def map_pick_012(lab: Lab) -> set[str]:
    from databricks.sdk.mixins.compute import ClustersExt

    offered = {
        "16.4.x-cpu-ml-scala2.13": "16.4 LTS ML",
        "17.3.x-cpu-ml-scala2.13": "17.3 LTS ML",
        "18.0.x-cpu-ml-scala2.13": "18.0 ML",
        "17.3.x-gpu-ml-scala2.13": "17.3 LTS ML, GPU",
        "17.3.x-scala2.13": "17.3 LTS",
        "18.0.x-scala2.13": "18.0",
    }

    class Clusters(ClustersExt):
        """The SDK's own choice, over a list that needs no workspace."""

        def __init__(self) -> None:
            pass

        def spark_versions(self) -> Any:
            return SimpleNamespace(versions=[SimpleNamespace(key=key, name=name) for key, name in offered.items()])

    selected = Clusters().select_spark_version(ml=True, long_term_support=True, scala="2.13")
    return holds(
        {
            "A": selected == "18.0.x-cpu-ml-scala2.13",
            "B": selected == "17.3.x-scala2.13",
            "C": selected == "17.3.x-gpu-ml-scala2.13",
            "D": selected == "17.3.x-cpu-ml-scala2.13",
        }
    )


def map_clash_014(lab: Lab) -> set[str]:
    from packaging.requirements import Requirement

    has = {"scikit-learn": "1.6.1", "numpy": "2.1.3", "pandas": "2.2.3", "mlflow": "3.0.1", "scipy": "1.15.1"}
    needs = {
        "A": "numpy>=1.26,<3",
        "B": "scikit-learn~=1.4.2",
        "C": "pandas==2.2.*",
        "D": "scipy<1.15",
        "E": "mlflow>=2.14",
    }
    wanted = {letter: Requirement(line) for letter, line in needs.items()}
    return holds({letter: not need.specifier.contains(has[need.name]) for letter, need in wanted.items()})


@cache
def _sales() -> tuple[pd.DataFrame, pd.DataFrame]:
    """300 days of 20 shops that share the luck of each day, and the 30 days after them."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(20)
    days, shops = 330, 20
    luck, temperature = rng.normal(0, 20, days), rng.normal(12, 8, days)
    frame = pd.DataFrame({"shop": np.tile(np.arange(shops), days), "day": np.repeat(np.arange(days), shops)})
    frame["temperature"] = temperature[frame["day"]]
    frame["units"] = 200 + 0.3 * frame["shop"] + luck[frame["day"]] + rng.normal(0, 3, len(frame))
    return frame[frame["day"] < 300], frame[frame["day"] >= 300]


def map_amltime_020(lab: Lab) -> set[str]:
    import numpy as np
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.metrics import mean_absolute_error, root_mean_squared_error

    known, future = _sales()
    at_random = np.random.default_rng(1).random(len(known)) < 0.6
    by_time = (known["day"] < 180).to_numpy()

    every = ("shop", "day", "temperature")

    def honest(train: np.ndarray, columns: tuple[str, ...] = every, trees: int = 10, metric: Any = None) -> bool:
        """Whether the validation error is within a third of the error of the next month."""
        measure = metric or root_mean_squared_error
        model = RandomForestRegressor(trees, random_state=0).fit(known.loc[train, list(columns)], known["units"][train])
        validation, later = (
            measure(rows["units"], model.predict(rows[list(columns)])) for rows in (known[~train], future)
        )
        return bool(abs(validation / later - 1) < 1 / 3)

    assert not honest(at_random), "the fault in the stem"
    return holds(
        {
            "A": honest(at_random, columns=("shop", "temperature")),
            "B": honest(at_random, trees=30),
            "C": honest(by_time),
            "D": honest(at_random, metric=mean_absolute_error),
        }
    )


@cache
def _customers(n: int, future: bool, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Usage and exit survey of customers, and who leaves; of those who are still to leave there is no survey yet."""
    import numpy as np

    rng = np.random.default_rng(seed)
    usage = rng.normal(0, 1, n)
    left = rng.random(n) < 1 / (1 + np.exp(1.5 + usage))
    survey = np.where(left & (not future), rng.integers(0, 11, n).astype(float), np.nan)
    return np.column_stack([usage, survey]), left


def map_amlleak_021(lab: Lab) -> set[str]:
    import numpy as np
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import log_loss, roc_auc_score

    sets = [_customers(2000, False, 1), _customers(2000, False, 2), _customers(2000, True, 3)]

    def gap(exclude: bool = False, impute: bool = False, trees: int = 20, metric: Any = roc_auc_score) -> float:
        """Difference of the score between validation and production."""
        median = np.nanmedian(sets[0][0][:, 1])

        def prepared(x: np.ndarray) -> np.ndarray:
            if exclude:
                return x[:, :1]
            return np.nan_to_num(x, nan=median) if impute else x

        (x, y), validation, production = sets
        model = RandomForestClassifier(trees, max_depth=4, max_features=None, random_state=0).fit(prepared(x), y)
        there, here = (metric(y, model.predict_proba(prepared(x))[:, 1]) for x, y in (validation, production))
        return float(abs(there - here))

    agrees = 0.05
    return holds(
        {
            "A": gap(impute=True) < agrees,
            "B": gap(exclude=True) < agrees,
            "C": gap(trees=80) < agrees,
            "D": gap(metric=log_loss) < agrees,
        }
    )


def map_amlbal_022(lab: Lab) -> set[str]:
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(22)

    def rows(n: int) -> tuple[np.ndarray, np.ndarray]:
        y = rng.random(n) < 0.04
        return rng.normal(1.0 * y, 1.0).reshape(-1, 1), y

    (x, y), (x_validation, y_validation) = rows(60_000), rows(40_000)
    kept = y | (rng.random(len(y)) < 0.4)
    weights = np.where(y[kept], 1.0, 1 / 0.4)
    model = LogisticRegression().fit(x[kept], y[kept], sample_weight=weights)
    share, predicted = y_validation.mean(), model.predict_proba(x_validation)[:, 1].mean()

    def about(real: float, mean: float) -> bool:
        return abs(share - real) < 0.01 and abs(predicted - mean) < 0.01

    return holds({"A": about(0.094, 0.094), "B": about(0.04, 0.094), "C": about(0.04, 0.5), "D": about(0.04, 0.04)})


def map_amlbest_024(lab: Lab) -> set[str]:
    import mlflow

    experiment_id = lab.experiment()

    def trial(training: float, validation: float) -> str:
        with mlflow.start_run() as run:
            mlflow.log_metrics(
                {"training_root_mean_squared_error": training, "val_root_mean_squared_error": validation}
            )
        return str(run.info.run_id)

    trials = {trial(9.1, 12.4): 12.4, trial(2.0, 15.8): 15.8, trial(13.0, 13.9): 13.9}
    best_trial = min(trials, key=lambda run_id: trials[run_id])
    summary = SimpleNamespace(best_trial=SimpleNamespace(mlflow_run_id=best_trial))
    mine = trial(8.8, 11.6)

    def first(order: str) -> str:
        found = mlflow.search_runs(experiment_ids=[experiment_id], order_by=[order], max_results=1)
        return str(found["run_id"][0])

    return holds(
        {
            "A": first("metrics.val_root_mean_squared_error ASC") == mine,
            "B": first("metrics.val_root_mean_squared_error DESC") == mine,
            "C": first("metrics.training_root_mean_squared_error ASC") == mine,
            "D": summary.best_trial.mlflow_run_id == mine,
        }
    )


def map_jobs_026(lab: Lab) -> set[str]:
    from databricks.sdk.service.jobs import JobSettings, Task

    cluster = {"spark_version": "17.3.x-cpu-ml-scala2.13", "node_type_id": "m5.xlarge", "num_workers": 2}
    notebook = {"notebook_path": "notebook"}
    job = JobSettings.from_dict(
        {
            "job_clusters": [{"job_cluster_key": "ml", "new_cluster": cluster}],
            "environments": [{"environment_key": "slim", "spec": {"environment_version": "4"}}],
            "tasks": [
                {"task_key": "features", "existing_cluster_id": "0412-081533-x7", "notebook_task": notebook},
                {"task_key": "train", "job_cluster_key": "ml", "notebook_task": notebook},
                {"task_key": "validate", "notebook_task": notebook},
                {"task_key": "package", "environment_key": "slim", "spark_python_task": {"python_file": "p.py"}},
                {"task_key": "score", "new_cluster": cluster, "notebook_task": notebook},
            ],
        }
    )
    of_the_job = {each.job_cluster_key: each.new_cluster for each in job.job_clusters or []}
    task = {each.task_key: each for each in job.tasks or []}

    def own_cluster(each: Task) -> bool:
        described = each.new_cluster or of_the_job.get(each.job_cluster_key or "")
        return described is not None and described.spark_version is not None

    keys = {"A": "features", "B": "train", "C": "validate", "D": "package", "E": "score"}
    return holds({letter: own_cluster(task[key]) for letter, key in keys.items()})


def map_serverless_027(lab: Lab) -> set[str]:
    from pyspark.errors import PySparkAttributeError, PySparkNotImplementedError
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.connect.group import GroupedData
    from pyspark.sql.connect.readwriter import DataFrameReader
    from pyspark.sql.connect.session import SparkSession

    # What the classes of Spark Connect offer shows without a server.
    session, frame = object.__new__(SparkSession), object.__new__(DataFrame)
    missing = (PySparkAttributeError, PySparkNotImplementedError, AttributeError)

    def lacks(*paths: tuple[Any, str]) -> bool:
        return any(raises(missing, lambda owner=owner, name=name: getattr(owner, name)) for owner, name in paths)

    return holds(
        {
            "A": lacks((DataFrameReader, "table"), (frame, "where")),
            "B": lacks((session, "sparkContext")),
            "C": lacks((frame, "groupBy"), (GroupedData, "applyInPandas")),
            "D": lacks((frame, "rdd")),
            "E": lacks((frame, "sample"), (frame, "limit"), (frame, "toPandas")),
        }
    )


def map_words_028(lab: Lab) -> set[str]:
    import mlflow
    import pandas as pd
    from mlflow.exceptions import MlflowException
    from mlflow.models import infer_signature
    from mlflow.pyfunc import PythonModel

    class Half(PythonModel):
        def predict(self, context, model_input, params=None):
            return [0.5] * len(model_input)

    path, name, t = str(lab.folder() / "model"), lab.table("model"), lab.table("features")
    signature = infer_signature(pd.DataFrame({"x": [1.0]}), pd.Series([0.5]))
    mlflow.pyfunc.save_model(path, python_model=Half(), signature=signature, pip_requirements=["mlflow"])
    lab.spark.sql(f"CREATE TABLE {t} (id BIGINT NOT NULL, CONSTRAINT pk PRIMARY KEY (id)) USING delta")
    df = lab.spark.range(1)
    client = lab.client
    client.create_registered_model(name)
    for _ in range(2):
        client.create_model_version(name, path)

    def tagged() -> bool:
        client.set_model_version_tag(name, "2", "validation", "passed")
        return bool(client.get_model_version(name, "2").tags["validation"] == "passed")

    def aliased() -> bool:
        client.set_registered_model_alias(name, "Champion", "2")
        return str(client.get_model_version_by_alias(name, "Champion").version) == "2"

    def overwritten() -> bool:
        try:
            lab.fe.write_table(name=t, df=df, mode="overwrite")
        except ValueError as error:
            return "overwrite" not in str(error)  # refused for its mode, not for something else
        return True

    refused = (MlflowException,)
    return holds(
        {
            "A": works(lambda: client.transition_model_version_stage(name, "2", stage="Production"), refused),
            "B": tagged(),
            "C": works(lambda: client.get_latest_versions(name, stages=["Production"]), refused),
            "D": overwritten(),
            "E": aliased(),
        }
    )
