"""Proofs of chapter 09: unit and integration tests, grants between environments, jobs, retraining, choosing the winner.

Test files are written to a folder and run by pytest in this process. Registered models are saved once and registered
from there. What a run condition or a trigger means is taken from the words of the SDK's own classes.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import inspect
import io
import os
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from textwrap import dedent
from typing import Any

import numpy as np
import pandas as pd

from workbook.proofs import Lab, holds, raises, works


class _Outcomes:
    """A pytest plugin that notes how each test ended: passed, failed, or error before it could run."""

    def __init__(self) -> None:
        self.tests: dict[str, str] = {}
        self.unreadable = False

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.tests[report.nodeid] = report.outcome

    def pytest_collectreport(self, report: Any) -> None:
        self.unreadable |= report.outcome == "failed"


def _pytest(lab: Lab, files: dict[str, str]) -> _Outcomes:
    """Write these files to a new folder and let pytest run what it finds there; leaves no trace in this process."""
    import pytest

    folder, outcomes = lab.folder(), _Outcomes()
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    path_before, modules_before, environment = list(sys.path), set(sys.modules), dict(os.environ)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    # Without confcutdir pytest also looks at all that lies beside the folder.
    places = ["-c", os.devnull, "--rootdir", str(folder), "--confcutdir", str(folder), str(folder)]
    off = [f"-pno:{plugin}" for plugin in ("cacheprovider", "faulthandler", "unraisableexception", "threadexception")]
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            pytest.main(["-q", "--tb=no", *off, *places], plugins=[outcomes])
    finally:
        sys.path[:] = path_before
        os.environ.clear()
        os.environ.update(environment)
        for name in set(sys.modules) - modules_before:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(folder)):
                del sys.modules[name]
    return outcomes


def _green(outcomes: _Outcomes) -> bool:
    return bool(outcomes.tests) and not outcomes.unreadable and set(outcomes.tests.values()) == {"passed"}


def _red(outcomes: _Outcomes) -> set[str]:
    """Names of the test functions that failed, without file and parameters."""
    return {name.rpartition("::")[2] for name, outcome in outcomes.tests.items() if outcome == "failed"}


def _refused() -> tuple[type[Exception], ...]:
    from mlflow.exceptions import MlflowException

    return (MlflowException,)


@cache
def _source(lab: Lab) -> str:
    """A saved model with a signature; the requirements are given because inferring them takes seconds."""
    import mlflow
    from mlflow.models import infer_signature

    class Zero(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return [0.0] * len(model_input)

    path = str(lab.folder() / "model")
    signature = infer_signature(pd.DataFrame({"x": [1.0]}), pd.Series([1.0]))
    mlflow.pyfunc.save_model(path, python_model=Zero(), signature=signature, pip_requirements=["mlflow"])
    return path


@cache
def _schema(lab: Lab, catalog: str) -> str:
    """The schema of the proofs in one of the environments."""
    lab.spark.sql(f"CREATE SCHEMA IF NOT EXISTS {catalog}.proofs")
    return f"{catalog}.proofs"


def _register(lab: Lab, name: str, versions: int = 1) -> str:
    """Add versions to a model, which is made if it is not there; return the number of the last one."""
    with contextlib.suppress(*_refused()):
        lab.client.create_registered_model(name)
    return str([lab.client.create_model_version(name, _source(lab)) for _ in range(versions)][-1].version)


def _model(lab: Lab, catalog: str, versions: int) -> str:
    name = f"{_schema(lab, catalog)}.model_{uuid.uuid4().hex[:8]}"
    _register(lab, name, versions)
    return name


@contextmanager
def _granted(grants: Iterable[tuple[str, str]], principal: str) -> Iterator[None]:
    """Give a principal these privileges for the length of a block, and call the registry in its name."""
    from lakehouse import registry

    grants = list(grants)
    for privilege, securable in grants:
        registry.grant(privilege, securable, principal)
    try:
        with registry.acting_as(principal):
            yield
    finally:
        for privilege, securable in grants:
            registry.revoke(privilege, securable, principal)


def _somebody() -> str:
    return f"{uuid.uuid4().hex[:8]}@example.com"


def ops_copy_003(lab: Lab) -> set[str]:
    source, target = _model(lab, "staging", 1), _model(lab, "prod", 1)
    entry = [
        grant
        for name in (source, target)
        for grant in (("USE CATALOG", name.split(".")[0]), ("USE SCHEMA", name.rpartition(".")[0]))
    ]
    offered = {
        "A": ("EXECUTE", source),
        "B": ("CREATE MODEL", target.rpartition(".")[0]),
        "C": ("CREATE MODEL VERSION", target),
        "D": ("MANAGE", source),
        "E": ("APPLY TAG", target),
    }

    def copies(letters: Iterable[str]) -> bool:
        with _granted([*entry, *(offered[letter] for letter in letters)], _somebody()):
            return works(lambda: lab.client.copy_model_version(f"models:/{source}/1", target), _refused())

    # Needed is what the call cannot do without, although all the others are there; together they are enough.
    needed = {letter for letter in offered if not copies(set(offered) - {letter})}
    return needed if copies(needed) else set()


def ops_params_007(lab: Lab) -> set[str]:
    from lakehouse.dbutils import DBUtils

    client, name, dbutils = lab.client, _model(lab, "dev", 1), DBUtils()
    client.set_registered_model_alias(name, "Champion", "1")
    before = dict(os.environ)
    os.environ.update(WORKBOOK_JOB_RUN=f"proof-{uuid.uuid4().hex}", WORKBOOK_TASK="train")
    try:
        made = _register(lab, name)  # task "train"
        dbutils.jobs.taskValues.set("version", made)
        _register(lab, name)  # the colleague
        os.environ["WORKBOOK_TASK"] = "validate"
        found = {
            "A": str(max(int(v.version) for v in client.search_model_versions(f"name='{name}'"))),
            "B": str(client.get_model_version_by_alias(name, "Champion").version),
            "C": dbutils.jobs.taskValues.get("train", "version"),
            "D": _register(lab, name),  # the notebook is run again
        }
    finally:
        os.environ.clear()
        os.environ.update(before)
    return holds({letter: version == made for letter, version in found.items()})


def ops_mutant_008(lab: Lab) -> set[str]:
    cases = {
        "A": ({"customer": ["a"], "ago": [3]}, {"a": 3}),
        "B": ({"customer": ["a", "a"], "ago": [0, 5]}, {"a": 5}),
        "C": ({"customer": ["a", "b"], "ago": [2, 9]}, {"a": 2, "b": 9}),
        "D": ({"customer": ["a"], "ago": [0]}, {}),
        "E": ({"customer": ["a", "a"], "ago": [4, -1]}, {"a": 4}),
    }
    tests = "".join(
        f"""
def test_{letter}():
    orders = pd.DataFrame({rows!r})
    orders["day"] = AS_OF - pd.to_timedelta(orders.pop("ago"), unit="D")
    assert days_since_last(orders, AS_OF).to_dict() == {expected!r}
"""
        for letter, (rows, expected) in cases.items()
    )

    def red(comparison: str) -> set[str]:
        head = f"""
import pandas as pd

AS_OF = pd.Timestamp("2026-05-20")

def days_since_last(orders, as_of):
    past = orders[orders["day"] {comparison} as_of]
    last = past.groupby("customer")["day"].max()
    return (as_of - last).dt.days
"""
        return _red(_pytest(lab, {"test_days.py": head + tests}))

    assert red("<") == set()  # all five are right about the specified function
    return {name.removeprefix("test_") for name in red("<=")}


def ops_testable_009(lab: Lab) -> set[str]:
    from pyspark.errors import AnalysisException
    from pyspark.sql import functions as F

    spark, missing = lab.spark, lab.table("loans")
    view = f"loans_{uuid.uuid4().hex[:8]}"  # needs no table, and is what a test could name as the source
    catalog, schema, table = lab.table("loan_features").split(".")
    target = f"{catalog}.not_{schema}.{table}"  # no such schema, so that nothing can be written
    ratio = F.col("debt") / F.col("income")

    def pure(df: Any) -> Any:
        return df.withColumn("ratio", ratio)

    def with_names(source: str, target: str) -> None:
        spark.table(source).withColumn("ratio", ratio).write.mode("overwrite").saveAsTable(target)

    def with_view(df: Any) -> None:
        df.createOrReplaceTempView(view)
        assert rows(spark.table(view).withColumn("ratio", ratio))  # reading is not what fails
        with_names(view, target)

    def no_return(df: Any) -> None:
        df.withColumn("ratio", ratio)

    def skipping() -> None:
        with contextlib.suppress(AnalysisException):
            with_names(missing, target)

    def rows(frame: Any) -> bool:
        return "ratio" in frame.columns and [row.ratio for row in frame.collect()] == [0.5, 0.25, 2.0]

    def three() -> Any:
        return spark.sql("SELECT * FROM VALUES (1D, 2D), (1D, 4D), (4D, 2D) AS loans(debt, income)")

    def checks(call: Callable[[Any], Any]) -> bool:
        """Whether a test sees the ratio of its three rows, in what comes back or in the frame that it passed."""
        df = three()
        if raises(AnalysisException, lambda: call(df)):
            return False
        result = call(df)
        return rows(result if result is not None else df)

    claims = {
        "A": checks(pure),
        "B": checks(with_view),
        "C": checks(no_return),
        "D": checks(lambda df: skipping()),
    }
    spark.catalog.dropTempView(view)
    return holds(claims)


def ops_frames_010(lab: Lab) -> set[str]:
    from pyspark.testing import assertDataFrameEqual

    def frame(*rows: tuple[int, float]) -> Any:
        values = ", ".join(f"({customer}L, {total}D)" for customer, total in rows)
        return lab.spark.sql(f"SELECT * FROM VALUES {values} AS totals(customer, total)")

    expected = frame((1, 30.0), (2, 15.0))
    right = (frame((1, 30.0), (2, 15.0)), frame((2, 15.0), (1, 30.0)))
    wrong = frame((1, 30.0), (2, 16.0))

    def compare_lists(actual: Any) -> None:
        assert actual.collect() == expected.collect()

    def compare_counts(actual: Any) -> None:
        assert actual.count() == expected.count()

    def compare_frames(actual: Any) -> None:
        assert actual == expected

    lines: dict[str, Callable[[Any], None]] = {
        "A": compare_lists,
        "B": lambda actual: assertDataFrameEqual(actual, expected),
        "C": compare_counts,
        "D": compare_frames,
    }

    def green(line: Callable[[Any], None], actual: Any) -> bool:
        return works(lambda: line(actual), AssertionError)

    return holds(
        {
            letter: all(green(line, actual) for actual in right) and not green(line, wrong)
            for letter, line in lines.items()
        }
    )


def ops_raises_011(lab: Lab) -> set[str]:
    tests = """

import pytest


def test_A():
    with pytest.raises(Exception):
        price_per_night(100, 0)


def test_B():
    try:
        price_per_night(100, 0)
    except ValueError:
        pass


def test_C():
    assert price_per_night(100, 0) is None


def test_D():
    with pytest.raises(ValueError):
        price_per_night(100, 0)
"""

    def red(check: str) -> set[str]:
        function = f"def price_per_night(total, nights):\n{check}    return total / nights\n"
        return _red(_pytest(lab, {"test_price.py": function + tests}))

    right = red("    if nights < 1:\n        raise ValueError('nights')\n")
    unchecked, silent = red(""), red("    if nights < 1:\n        return None\n")
    return {name.removeprefix("test_") for name in (unchecked & silent) - right}


def ops_collect_012(lab: Lab) -> set[str]:
    def function(name: str) -> str:
        return f"def {name}():\n    assert True\n"

    outcomes = _pytest(
        lab,
        {
            "features.py": function("test_ratio"),
            "tests/features_test.py": function("test_log"),
            "tests/helpers.py": function("test_sum"),
            "tests/test_features.py": function("test_join") + function("check_nulls"),
        },
    )
    run = {name.rpartition("::")[2] for name in outcomes.tests}
    asked = {"A": "test_ratio", "B": "test_log", "C": "test_sum", "D": "test_join", "E": "check_nulls"}
    return holds({letter: name in run for letter, name in asked.items()})


def ops_mutates_016(lab: Lab) -> set[str]:
    client = lab.client
    prod = _model(lab, "prod", 4)
    staging = prod.replace("prod", "staging", 1)
    _schema(lab, "staging")
    _register(lab, staging)
    client.set_registered_model_alias(prod, "Champion", "4")
    before = client.get_model_version_by_alias(prod, "Champion")
    new = _register(lab, staging)  # train("staging")
    assert new == "2"
    failed = not works(lambda: client.set_registered_model_alias(prod, "Champion", new), _refused())
    after = client.get_model_version_by_alias(prod, "Champion")
    return holds(
        {
            "A": failed,
            "B": after.name == staging,
            "C": str(after.version) == str(before.version),
            "D": after.name == prod and str(after.version) == "2",
        }
    )


def ops_asserts_017(lab: Lab) -> set[str]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    def run(seed: int, fault: str = "") -> tuple[float, int, int, bool]:
        """AUC, number of customers and of predictions, and whether all scores are there."""
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(2000, 3))
        y = (rng.random(2000) < 1 / (1 + np.exp(-1.2 * x[:, 0] - 0.9 * x[:, 1]))).astype(int)
        if fault == "labels":
            y = rng.permutation(y)
        model = LogisticRegression().fit(x[:1000], y[:1000])
        scores = model.predict_proba(x)[:, 1]
        auc = float(roc_auc_score(y[1000:], scores[1000:]))
        if fault == "join":
            scores = scores[:1100]
        return auc, len(x), len(scores), bool(np.isfinite(scores).all())

    seeds = range(1, 7)
    sound = [run(seed) for seed in seeds]
    assert all(0.78 < auc < 0.87 for auc, *_ in sound)
    last_green = run(99)[0]
    assertions: dict[str, Callable[[float, int, int, bool], bool]] = {
        "A": lambda auc, n, predictions, complete: abs(auc - last_green) <= 1e-6 * last_green,
        "B": lambda auc, n, predictions, complete: auc > 0.7,
        "C": lambda auc, n, predictions, complete: 0 <= auc <= 1 and complete,
        "D": lambda auc, n, predictions, complete: predictions == n,
        "E": lambda auc, n, predictions, complete: predictions > 0,
    }

    def useful(holds_for: Callable[[float, int, int, bool], bool]) -> bool:
        catches = [all(not holds_for(*run(seed, fault)) for seed in seeds) for fault in ("labels", "join")]
        return all(holds_for(*result) for result in sound) and any(catches)

    return holds({letter: useful(assertion) for letter, assertion in assertions.items()})


def ops_seam_018(lab: Lab) -> set[str]:
    text = """
    from unittest.mock import MagicMock

    import numpy as np
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    def features(orders):
        return orders.groupby("customer", as_index=False).agg(spend_30d=("amount", "sum"))

    def fit(frame, labels):
        return LogisticRegression().fit(frame[["spend_30d"]].to_numpy(), labels)

    def score(model, frame):
        return model.predict_proba(frame[["spend30"]].to_numpy())[:, 1]

    ORDERS = pd.DataFrame({"customer": [1, 1, 2, 3, 4, 4], "amount": [5.0, 6.0, 1.0, 2.0, 9.0, 3.0]})
    MODEL = LogisticRegression().fit(np.array([[1.0], [9.0]]), [0, 1])

    def test_A():
        frame = pd.DataFrame({"customer": range(10_000), "spend30": np.linspace(0, 10, 10_000)})
        assert len(score(MODEL, frame)) == 10_000

    def test_B():
        frame = features(ORDERS)
        assert len(score(fit(frame, [1, 0, 0, 1]), frame)) == 4

    def test_C():
        frame = features(ORDERS)
        assert frame["customer"].is_unique and frame.notna().all(axis=None) and len(frame) == 4

    def test_D():
        model = MagicMock()
        model.predict_proba.return_value = np.array([[0.4, 0.6]])
        assert list(score(model, pd.DataFrame({"spend30": [1.0]}))) == [0.6]
    """
    return {name.removeprefix("test_") for name in _red(_pytest(lab, {"test_pipeline.py": text}))}


def ops_import_021(lab: Lab) -> set[str]:
    def function(body: str) -> str:
        return f"def add_ratio(df):\n    return df.assign(ratio={body})\n"

    check = (
        "import pandas as pd\n{first}\n\n"
        "def test_ratio():\n"
        "    df = pd.DataFrame({{'debt': [1.0], 'income': [4.0]}})\n"
        "    assert add_ratio(df)['ratio'].tolist() == [0.25]\n"
    )
    top = (
        'catalog = dbutils.widgets.get("catalog")\n'
        'display(add_ratio(spark.table(f"{catalog}.bank.loans").toPandas()))\n'
    )
    right, broken = "df['debt'] / df['income']", "df['income'] / df['debt']"

    def layout(letter: str, body: str) -> dict[str, str]:
        """Files of one layout, when the function that the job runs has this body."""
        notebook = f"# Databricks notebook source\n{function(body)}\n# COMMAND ----------\n{top}"
        if letter == "A":
            return {"train_nb.py": notebook, "test_ratio.py": check.format(first="from train_nb import add_ratio")}
        if letter == "B":
            return {"train_nb.py": notebook, "test_ratio.py": check.format(first="%run ./train_nb")}
        if letter == "C":
            return {
                "ratios.py": function(body),
                "train_nb.py": f"from ratios import add_ratio\n{top}",
                "test_ratio.py": check.format(first="from ratios import add_ratio"),
            }
        return {"train_nb.py": notebook, "test_ratio.py": check.format(first=function(right))}

    return holds(
        {
            letter: _green(_pytest(lab, layout(letter, right))) and not _green(_pytest(lab, layout(letter, broken)))
            for letter in "ABCD"
        }
    )


def ops_readprod_025(lab: Lab) -> set[str]:
    client, schema = lab.client, _schema(lab, "prod")
    today, champion = _model(lab, "prod", 2), "Champion"
    client.set_registered_model_alias(today, champion, "2")
    offered = {
        "A": [("EXECUTE", "prod")],
        "B": [("USE CATALOG", "prod"), ("USE SCHEMA", schema), ("EXECUTE", today)],
        "C": [("USE CATALOG", "prod"), ("USE SCHEMA", schema), ("EXECUTE", schema)],
        "D": [("USE CATALOG", "prod"), ("ALL PRIVILEGES", schema)],
    }
    source = _source(lab)
    next_year = _model(lab, "prod", 1)  # no grant names it

    def fits(letter: str) -> bool:
        with _granted(offered[letter], _somebody()):
            # Loading asks the registry for the place of the files; reading them is the same for everybody.
            loads = all(
                works(lambda name=name: client.get_model_version_download_uri(name, "1"), _refused())
                for name in (today, next_year)
            )
            changes: list[Callable[[], Any]] = [
                lambda: client.create_model_version(today, source),
                lambda: client.set_registered_model_alias(today, champion, "1"),
                lambda: client.set_model_version_tag(today, "1", "seen", "yes"),
            ]
            return loads and not any(works(change, _refused()) for change in changes)

    return holds({letter: fits(letter) for letter in offered})


def ops_declare_028(lab: Lab) -> set[str]:
    import yaml
    from databricks.sdk.service.catalog import RegisteredModelsAPI
    from databricks.sdk.service.ml import ModelRegistryAPI

    entries = {
        "A": "models: {scorer: {name: prod.churn.scorer, description: Churn score}}",
        "B": "registered_models: {scorer: {catalog_name: prod, schema_name: churn, name: scorer}}",
        "C": "registered_models: {scorer: {catalog_name: prod, schema_name: churn, name: scorer, stage: Production}}",
        "D": "registered_models: {scorer: {name: prod.churn.scorer, comment: Churn score}}",
    }
    apis = {"registered_models": RegisteredModelsAPI.create, "models": ModelRegistryAPI.create_model}

    def declares(entry: str) -> bool:
        ((kind, resources),) = yaml.safe_load(entry).items()
        fields = resources["scorer"]
        parameters = set(inspect.signature(apis[kind]).parameters)
        accepted = set(fields) <= parameters
        in_catalog = {"catalog_name", "schema_name"} <= parameters  # the request knows catalogs at all
        parts = [fields.get(part, "") for part in ("catalog_name", "schema_name", "name")]
        return accepted and in_catalog and all(parts) and ".".join(parts) == "prod.churn.scorer"

    return holds({letter: declares(entry) for letter, entry in entries.items()})


def _runs(task: Any, ended: dict[str, str]) -> bool:
    """Whether a task runs, given how its dependencies ended; the rules are those in the text of ``RunIf``."""
    from databricks.sdk.service.jobs import RunIf

    states = [ended[dependency.task_key] for dependency in task.depends_on or []]
    success, failed = [state == "success" for state in states], [state == "failed" for state in states]
    rules = {
        RunIf.ALL_SUCCESS: all(success),
        RunIf.AT_LEAST_ONE_SUCCESS: any(success),
        RunIf.NONE_FAILED: not any(failed) and any(success),
        RunIf.ALL_DONE: True,
        RunIf.AT_LEAST_ONE_FAILED: any(failed),
        RunIf.ALL_FAILED: all(failed),
    }
    assert set(rules) == set(RunIf)
    assert "When omitted, defaults to ``ALL_SUCCESS``" in " ".join((RunIf.__doc__ or "").split())
    return rules[task.run_if or RunIf.ALL_SUCCESS]


def ops_gate_032(lab: Lab) -> set[str]:
    from databricks.sdk.service.jobs import NotebookTask, RunIf, Task, TaskDependency

    def deploy(**options: Any) -> Task:
        return Task(task_key="deploy", notebook_task=NotebookTask("/Shared/deploy"), **options)

    both = [TaskDependency("train"), TaskDependency("validate")]
    tasks = {
        "A": deploy(depends_on=[TaskDependency("train")]),
        "B": deploy(depends_on=[TaskDependency("validate")], run_if=RunIf.ALL_DONE),
        "C": deploy(depends_on=both, run_if=RunIf.AT_LEAST_ONE_SUCCESS),
        "D": deploy(depends_on=both),
    }
    good = {"train": "success", "validate": "success"}
    bad = [{"train": "success", "validate": "failed"}, {"train": "failed", "validate": "not run"}]
    return holds({letter: _runs(task, good) and not any(_runs(task, b) for b in bad) for letter, task in tasks.items()})


def ops_repair_033(lab: Lab) -> set[str]:
    from databricks.sdk.service.jobs import JobsAPI

    calls: dict[str, tuple[Any, dict[str, Any]]] = {
        "A": (JobsAPI.run_now, {"job_id": 77}),
        "B": (JobsAPI.repair_run, {"run_id": 981, "rerun_all_failed_tasks": True}),
        "C": (JobsAPI.repair_run, {"job_id": 77, "rerun_tasks": ["validate", "deploy"]}),
        "D": (JobsAPI.run_now, {"job_id": 77, "only": ["validate", "deploy"]}),
    }

    def within_the_run(method: Any, arguments: dict[str, Any]) -> bool:
        accepted = works(lambda: inspect.signature(method).bind(None, **arguments), TypeError)
        text = " ".join((method.__doc__ or "").split())
        same_run = "Tasks are re-run as part of the original job run" in text
        spares_training = arguments.get("rerun_all_failed_tasks") is True or "train" not in arguments.get(
            "rerun_tasks", ["train"]
        )
        return accepted and same_run and spares_training

    return holds({letter: within_the_run(*call) for letter, call in calls.items()})


def ops_cooldown_035(lab: Lab) -> set[str]:
    from databricks.sdk.service.jobs import Condition, TableUpdateTriggerConfiguration, TriggerSettings

    hour, hours = 3600, 24 * 10
    gaps: dict[str, dict[str, Any]] = {
        "A": {"min_time_between_triggers_seconds": 86_400},
        "B": {"wait_after_last_change_seconds": 86_400},
        "C": {"max_concurrent_runs": 1},
        "D": {"condition": Condition.ALL_UPDATED},
    }

    def starts(gap: dict[str, Any]) -> list[int]:
        """Seconds at which the job starts in ten days of hourly updates, after the words of the class."""
        tables = ["prod.mon.eta_drift_metrics"]
        update = TriggerSettings(table_update=TableUpdateTriggerConfiguration(table_names=tables, **gap)).table_update
        assert update is not None and len(update.table_names) == 1  # so that any and all are the same
        started: list[int] = []
        quiet, between = update.wait_after_last_change_seconds or 0, update.min_time_between_triggers_seconds or 0
        for change in range(0, hours * hour, hour):
            due, another = change + quiet, change + hour
            undisturbed = quiet == 0 or due < another
            if undisturbed and (not started or due - started[-1] >= between):
                started.append(due)
        return started

    def daily(gap: dict[str, Any]) -> bool:
        if raises(TypeError, lambda: starts(gap)):
            return False
        when = starts(gap)
        return len(when) > 1 and all(later - earlier >= 24 * hour for earlier, later in pairwise(when))

    return holds({letter: daily(gap) for letter, gap in gaps.items()})


def ops_echo_036(lab: Lab) -> set[str]:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(9)

    def payments(week: int) -> tuple[Any, Any]:
        angle = np.deg2rad(6 * week)  # what makes a payment fraudulent turns by six degrees a week
        x = rng.normal(size=(3000, 2))
        return x, (x @ np.array([np.cos(angle), np.sin(angle)]) > 0).astype(int)

    x, y = payments(0)
    model = LogisticRegression().fit(x, y)
    shown, true = [], []
    for week in range(1, 13):
        x, y = payments(week)
        labels = model.predict(x)  # nobody has confirmed anything yet
        model = LogisticRegression().fit(x, labels)
        shown.append(float(np.mean(model.predict(x) == labels)))
        true.append(float(np.mean(model.predict(x) == y)))
    stays_high, is_high = min(shown) > 0.95, true[-1] > 0.9
    fell = true[-1] < true[0] - 0.2
    return holds(
        {
            "A": stays_high and is_high,
            "B": not stays_high and fell,
            "C": not stays_high and is_high,
            "D": stays_high and fell,
        }
    )


def ops_window_038(lab: Lab) -> set[str]:
    day = dt.date
    trained = {"champion": (day(2026, 1, 1), day(2026, 3, 31)), "challenger": (day(2026, 1, 1), day(2026, 6, 30))}
    today, matures = day(2026, 9, 20), dt.timedelta(days=45)
    windows = {
        "A": (day(2026, 1, 1), day(2026, 3, 31)),
        "B": (day(2026, 6, 1), day(2026, 6, 30)),
        "C": (day(2026, 7, 1), day(2026, 7, 31)),
        "D": (day(2026, 8, 15), day(2026, 9, 15)),
    }

    def fair(first: dt.date, last: dt.date) -> bool:
        unseen = all(last < begin or first > end for begin, end in trained.values())
        return unseen and last + matures <= today

    return holds({letter: fair(*window) for letter, window in windows.items()})


def ops_noise_039(lab: Lab) -> set[str]:
    rng, weeks, n, draws = np.random.default_rng(39), 400, 400, 400
    first = second = 0
    for _ in range(weeks):
        hard = rng.random(n)
        # Both are right on 80 % of the rows; they agree more often than by chance, as real models do.
        champion = np.where(hard < 0.6, rng.random(n) < 0.95, rng.random(n) < 0.575)
        challenger = np.where(hard < 0.6, rng.random(n) < 0.95, rng.random(n) < 0.575)
        difference = challenger.astype(float) - champion
        first += difference.sum() > 0
        values = np.array([(difference == value).mean() for value in (-1.0, 0.0, 1.0)])
        counts = rng.multinomial(n, values, size=draws)  # the same as drawing n pairs with replacement
        second += np.quantile((counts[:, 2] - counts[:, 0]) / n, 0.05) > 0
    rate_1, rate_2 = first / weeks, second / weeks
    half_1, half_2 = 0.4 < rate_1 < 0.56, 0.4 < rate_2 < 0.56
    rare_1, rare_2 = 0.02 < rate_1 < 0.09, 0.02 < rate_2 < 0.09
    return holds(
        {
            "A": half_1 and rare_2,
            "B": half_1 and half_2,
            "C": rate_1 < 0.02 and rate_2 == 0,
            "D": rare_1 and half_2,
        }
    )


def ops_guard_040(lab: Lab) -> set[str]:
    def promote(new: dict[str, float], old: dict[str, float]) -> bool:
        return (
            new["auc"] >= old["auc"] + 0.005
            and new["auc_new_customers"] >= old["auc_new_customers"] - 0.010
            and new["p95_ms"] <= 1.2 * old["p95_ms"]
        )

    def measured(auc: float, auc_new_customers: float, p95_ms: float) -> dict[str, float]:
        return {"auc": auc, "auc_new_customers": auc_new_customers, "p95_ms": p95_ms}

    champion = measured(0.812, 0.744, 50)
    challengers = {
        "A": measured(0.829, 0.731, 48),
        "B": measured(0.815, 0.760, 40),
        "C": measured(0.826, 0.745, 63),
        "D": measured(0.818, 0.735, 59),
    }
    return holds({letter: promote(challenger, champion) for letter, challenger in challengers.items()})


def ops_nan_041(lab: Lab) -> set[str]:
    import warnings

    from sklearn.metrics import roc_auc_score

    client, name = lab.client, _model(lab, "prod", 2)
    client.set_registered_model_alias(name, "Champion", "1")
    y = [0, 0, 0, 0]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        new_auc, old_auc = roc_auc_score(y, [0.1, 0.2, 0.3, 0.4]), roc_auc_score(y, [0.4, 0.1, 0.2, 0.2])
    assert caught and np.isnan(new_auc) and np.isnan(old_auc)
    compared = works(lambda: new_auc < old_auc, (TypeError, ValueError))
    moved_without_error = True
    if not new_auc < old_auc:
        moved_without_error = works(lambda: client.set_registered_model_alias(name, "Champion", "2"), _refused())
    champion = str(client.get_model_version_by_alias(name, "Champion").version)
    return holds(
        {
            "A": compared and champion == "1",
            "B": champion == "2",
            "C": not compared,
            "D": not moved_without_error,
        }
    )


def ops_many_042(lab: Lab) -> set[str]:
    rng, truth, n, weeks = np.random.default_rng(42), 0.80, 300, 500

    def reported(candidates: int) -> float:
        """The best share of hits among the candidates, on average over the weeks."""
        return float((rng.binomial(n, truth, size=(weeks, candidates)) / n).max(axis=1).mean())

    best, of_more = reported(60), reported(600)
    fresh = float((rng.binomial(n, truth, size=weeks) / n).mean())  # the winner on rows that did not choose it
    hits = rng.binomial(n, truth, size=60)
    again = max(hits) / n  # the same rows once more: the same hits, the same winner
    about_85, about_80 = abs(best - 0.85) < 0.015, abs(best - truth) < 0.015

    def honest(figure: float) -> bool:
        return abs(figure - truth) < 0.01

    return holds(
        {
            "A": about_85 and honest(fresh),
            "B": about_85 and honest(of_more),
            "C": about_80 and honest(best),
            "D": about_80 and honest(again),
        }
    )
