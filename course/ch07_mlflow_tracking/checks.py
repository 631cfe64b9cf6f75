"""Checks of chapter 07, MLflow tracking. They judge what the store holds, and name the mistake."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from workbook.exercises import exercise, right, trials, wrong


def _client() -> Any:
    import mlflow

    return mlflow.MlflowClient()


def _run_of(run_id: Any, name: str) -> Any:
    """The run with this id; a plain message when there is none."""
    from mlflow.exceptions import MlflowException

    assert isinstance(run_id, str), (
        f"{name} should be the id of a run, a string: `run.info.run_id`. Its type is {type(run_id).__name__}."
    )
    try:
        return _client().get_run(run_id)
    except MlflowException:
        raise AssertionError(f"{name}: no run has this id. Take it from `run.info.run_id`.") from None


def _children_of(run: Any) -> list[Any]:
    return _client().search_runs([run.info.experiment_id], f"tags.mlflow.parentRunId = '{run.info.run_id}'")


def _files_of(run: Any, folder: str) -> list[str]:
    return [one.path for one in _client().list_artifacts(run.info.run_id, folder)]


# For the trials: a store with runs -----------------------------------------------------------------------------------


def _experiment() -> str:
    """An empty experiment in the store of this process."""
    import uuid

    from lakehouse import registry

    registry.install()
    return str(_client().create_experiment(f"/Shared/trials/{uuid.uuid4().hex}"))


def _logged(experiment: str, name: str = "trial", status: str = "FINISHED", **logged: dict[str, Any]) -> str:
    """A run with these params, metrics, tags, texts and files (artifacts); returns its id. A list is a metric's history."""
    import tempfile
    from pathlib import Path

    client = _client()
    run_id = str(client.create_run(experiment, run_name=name).info.run_id)
    for key, value in logged.get("params", {}).items():
        client.log_param(run_id, key, value)
    for key, values in logged.get("metrics", {}).items():
        for step, value in enumerate(values if isinstance(values, list) else [values]):
            client.log_metric(run_id, key, value, step=step)
    for key, value in logged.get("tags", {}).items():
        client.set_tag(run_id, key, value)
    for path, text in logged.get("texts", {}).items():
        client.log_text(run_id, text, path)
    for path, content in logged.get("files", {}).items():
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, Path(path).name)
            file.write_bytes(content)
            client.log_artifact(run_id, str(file), str(Path(path).parent) if "/" in path else None)
    client.set_terminated(run_id, status)
    return run_id


# Params, metrics, artifacts --------------------------------------------------------------------------------------------


@exercise(
    "7.1",
    objective=("ASC-1.12", "PRO-1.16"),
    hint="Will it change later? Will you compare it by size? Is it one number, a file, or a reference to rows?",
)
def each_fact_in_its_place(kind_of):
    assert isinstance(kind_of, dict) and set(kind_of) == set("abcdef"), (
        "kind_of should be a dictionary with the keys a, b, c, d, e and f."
    )
    kinds = ("param", "metric", "tag", "artifact", "dataset")
    odd = sorted(str(value) for value in kind_of.values() if value not in kinds)
    assert not odd, f"{odd[0]!r} is not one of {', '.join(kinds)}."
    assert kind_of["c"] != "param", "c: a parameter cannot change, so next week's approval would be refused."
    assert kind_of["c"] == "tag", "c: a label that changes after the run has ended is a tag."
    assert kind_of["a"] == "param", "a: an input that is fixed before training is a parameter."
    assert kind_of["b"] == "metric", "b: a number that is logged again at every step is a metric with a history."
    assert kind_of["d"] != "metric", "d: 2,400 metrics would make the record unreadable. Store them as one file."
    assert kind_of["d"] == "artifact", "d: a table of numbers is a file, so an artifact."
    assert kind_of["e"] != "artifact", "e: a copy of the rows costs storage and has to be protected. Log a reference."
    assert kind_of["e"] == "dataset", "e: a dataset records which rows were used: name, digest and source."
    assert kind_of["f"] == "metric", "f: a filter by size needs a number; parameters and tags are text."


@trials("7.1")
def _(_spark: Any) -> Iterator[Any]:
    kind_of = {"a": "param", "b": "metric", "c": "tag", "d": "artifact", "e": "dataset", "f": "metric"}
    yield right(kind_of)
    yield wrong("a parameter cannot change", kind_of | {"c": "param"})
    yield wrong("2,400 metrics", kind_of | {"d": "metric"})
    yield wrong("Log a reference", kind_of | {"e": "artifact"})
    yield wrong("needs a number", kind_of | {"f": "param"})
    yield wrong("is not one of", kind_of | {"a": "parameter"})
    yield wrong("should be a dictionary", ["param"])


def _sliced() -> pd.DataFrame:
    rows = [
        ("R&D = free", 0, 0.1), ("R&D = free", 1, 0.9), ("R&D = free", 0, 0.95),
        ("basic", 0, 0.2), ("basic", 1, 0.7),
        ("new", 0, 0.3), ("new", 0, 0.4),
        ("friends@home", 1, 0.3), ("friends@home", 1, 0.6),
        ("student%", 0, 0.1), ("student%", 1, 0.2),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["plan", "churned", "p"])


@exercise(
    "7.2",
    objective="PRO-1.16",
    hint="`for value, part in frame.groupby(column)`. re.sub(r'[^...]', '_', text) replaces every character not listed.",
)
def slices_under_names_that_mlflow_takes(slice_metrics):
    assert callable(slice_metrics), "slice_metrics should be a function."
    frame = _sliced()
    try:
        found = slice_metrics(frame, "plan")
    except ValueError as error:
        raise AssertionError(f"slice_metrics fails for a slice with one outcome only: {error}") from None
    assert isinstance(found, dict), f"slice_metrics should return a dictionary, not {type(found).__name__}."
    refused = sorted(str(key) for key in found if not re.fullmatch(r"[\w. :/-]+", str(key)))
    assert not refused, (
        f"MLflow refuses the name {refused[0]!r}. Replace every character except letters, digits, space and _-.:/."
    )
    bad = sorted(key for key, value in found.items() if isinstance(value, float) and math.isnan(value))
    assert not bad, f"{bad[0]} is NaN: a slice with one outcome has no AUC. Leave it out."
    for key, what in {"val_auc/plan/new": "stayed", "val_auc/plan/friends_home": "left"}.items():
        assert key not in found, f"{key}: a slice in which all customers {what} has no AUC. Leave it out."
    wanted = {"val_auc/plan/R_D _ free": 0.5, "val_auc/plan/basic": 1.0, "val_auc/plan/student_": 1.0}
    missing = sorted(set(wanted) - set(found))
    assert not missing, f"The key {missing[0]!r} is missing; you have {sorted(map(str, found))}."
    extra = sorted(set(found) - set(wanted))
    assert not extra, f"The key {extra[0]!r} should not be there."
    for key, auc in wanted.items():
        assert abs(float(found[key]) - auc) < 1e-9, f"{key} should be {auc}: the AUC of the rows of that slice only."
    other = slice_metrics(frame.rename(columns={"plan": "country"}), "country")
    assert "val_auc/country/basic" in other, (
        "Sliced by country, the names should contain country: use the argument `column`."
    )


@trials("7.2")
def _(_spark: Any) -> Iterator[Any]:
    from sklearn.metrics import roc_auc_score

    def metrics(
        name: Callable[[str, str], str], one_outcome: bool = False, overall: bool = False, some_left: bool = False
    ) -> Callable[..., Any]:
        def slice_metrics(frame, column):
            return {
                name(column, value): float(
                    roc_auc_score(*[(frame if overall else part)[key] for key in ("churned", "p")])
                    if part["churned"].nunique() == 2
                    else 0.5
                )
                for value, part in frame.groupby(column)
                if (part["churned"].sum() > 0 if some_left else one_outcome or part["churned"].nunique() == 2)
            }

        return slice_metrics

    def clean(value: str) -> str:
        return re.sub(r"[^\w. :/-]", "_", value)

    def two(value: str) -> str:
        return value.replace("&", "_").replace("=", "_").replace("@", "_")

    def stops(frame, column):
        raise ValueError("Only one class is present in y_true.")

    yield right(metrics(lambda column, value: f"val_auc/{column}/{clean(value)}"))
    yield wrong("MLflow refuses the name", metrics(lambda column, value: f"val_auc/{column}/{value}"))
    yield wrong("MLflow refuses the name 'val_auc/plan/student%'", metrics(lambda c, v: f"val_auc/{c}/{two(v)}"))
    yield wrong("all customers left", metrics(lambda c, value: f"val_auc/{c}/{clean(value)}", some_left=True))
    yield wrong("all customers stayed", metrics(lambda c, value: f"val_auc/{c}/{clean(value)}", one_outcome=True))
    yield wrong("of that slice only", metrics(lambda c, value: f"val_auc/{c}/{clean(value)}", overall=True))
    yield wrong("use the argument", metrics(lambda _column, value: f"val_auc/plan/{clean(value)}"))
    yield wrong("is missing; you have", metrics(lambda column, value: f"val_auc/{column}/{clean(value)[:3]}"))
    yield wrong("fails for a slice", stops)
    yield wrong("should be a function", {"val_auc": 0.5})


# Metrics over steps ----------------------------------------------------------------------------------------------------


@exercise(
    "7.3",
    objective=("PRO-1.16", "ASC-1.11"),
    hint="Does MLflow know whether a high value is good? Compare the last values of the curves, then their best ones.",
)
def the_record_shows_the_last_value(shown, first_by_record, best_round_in, curves):
    assert shown in ("first", "best", "last"), 'shown should be "first", "best" or "last".'
    names = sorted(curves)
    for name, answer in {"first_by_record": first_by_record, "best_round_in": best_round_in}.items():
        assert answer in names, f"{name} should be one of {', '.join(names)}."
    assert shown != "best", "MLflow does not know whether high is good, so it cannot show the best value."
    assert shown == "last", "Each round adds a value to the history; the record does not stay at the first."
    by_end = max(curves, key=lambda name: curves[name][-1])
    by_top = max(curves, key=lambda name: max(curves[name]))
    assert best_round_in == by_top, "Another run has the highest value of all: compare the triangles in the picture."
    assert first_by_record == by_end, "A search sorts by what the record shows. Compare the last values of the curves."


@trials("7.3")
def _(_spark: Any) -> Iterator[Any]:
    curves = {"fast": [0.6, 0.8, 0.7], "slow": [0.6, 0.7, 0.75]}
    yield right("last", "slow", "fast", curves)
    yield wrong("cannot show the best", "best", "slow", "fast", curves)
    yield wrong("does not stay at the first", "first", "slow", "fast", curves)
    yield wrong("the last values", "last", "fast", "fast", curves)
    yield wrong("triangles", "last", "slow", "slow", curves)
    yield wrong("first_by_record should be one of", "last", 1, "slow", curves)


@exercise(
    "7.4",
    objective=("PRO-1.16", "ASC-1.11"),
    hint="client.get_metric_history(run_id, key) gives a list; each of its items has step and value.",
)
def the_best_step_of_a_history(best_step, run_id):
    assert callable(best_step), "best_step should be a function."
    client = _client()
    # A history of its own, in which both the highest and the lowest value occur twice.
    ours = client.create_run(client.get_run(run_id).info.experiment_id, run_name="check 7.4").info.run_id
    try:
        for step, value in enumerate([0.7, 0.9, 0.6, 0.9, 0.6, 0.8]):
            client.log_metric(ours, "check_auc", value, step=step)
        for one, key in ((run_id, "val_auc"), (ours, "check_auc")):
            for higher in (True, False):
                _judge_best(best_step(one, key, higher_is_better=higher), client.get_metric_history(one, key), higher)
    finally:
        client.delete_run(ours)


def _judge_best(found: Any, history: list[Any], higher: bool) -> None:
    best = (max if higher else min)(one.value for one in history)
    first = min(one.step for one in history if one.value == best)
    word = "highest" if higher else "lowest"
    assert found is not None, "best_step returns None."
    assert isinstance(found, tuple | list) and len(found) == 2, "best_step should return a pair: step and value."
    step, value = found
    assert all(isinstance(part, int | float) for part in found), "The step and the value should be numbers."
    last = max(history, key=lambda one: one.step)
    assert (step, value) != (last.step, last.value) or last.value == best, (
        "That is the last step, the value that the record shows, not the best one."
    )
    assert (value, step) != (first, best), "The order of the pair is wrong: first the step, then the value."
    assert abs(value - best) < 1e-12, (
        f"With higher_is_better={higher} it should return the {word} value of the history of `key`."
    )
    assert step == first, f"The {word} value occurs twice: return the earlier step."


@trials("7.4")
def _(_spark: Any) -> Iterator[Any]:
    run_id = _logged(_experiment(), metrics={"val_auc": [0.7, 0.9, 0.6, 0.8]})

    def best(sign: int = 1, tie: int = 1, both: bool = True) -> Callable[..., Any]:
        def best_step(run_id, key, higher_is_better=True):
            way = sign if higher_is_better or not both else -sign
            history = _client().get_metric_history(run_id, key)
            one = max(history, key=lambda one: (way * one.value, -tie * one.step))
            return one.step, one.value

        return best_step

    yield right(best(), run_id)
    yield wrong("the last step", lambda _id, key, higher_is_better=True: (3, 0.8), run_id)
    yield wrong("the lowest value of", best(both=False), run_id)
    yield wrong("the highest value of", best(sign=-1), run_id)
    yield wrong("return the earlier step", best(tie=-1), run_id)
    yield wrong("order of the pair", lambda _id, key, higher_is_better=True: (0.9, 1), run_id)
    yield wrong("a pair", lambda _id, key, higher_is_better=True: 0.9, run_id)


# Pictures --------------------------------------------------------------------------------------------------------------


_PNG = b"\x89PNG"


@exercise(
    "7.5",
    objective=("ASC-1.12", "PRO-1.16"),
    hint="start_run(run_id=...) opens an ended run again. log_figure takes the figure and a path for the file.",
)
def the_evidence_is_in_the_run(evidence, run_id, gap):
    run = _run_of(evidence, "evidence")
    assert evidence == run_id, (
        "evidence is another run. start_run without an id makes a new one: use start_run(run_id=...)."
    )
    assert "calibration_gap" in run.data.metrics, "The run has no metric calibration_gap."
    logged = run.data.metrics["calibration_gap"]
    assert not abs(100 * logged - gap) < 1e-6, "calibration_gap is a share; the exercise asks for percentage points."
    assert not abs(logged + gap) < 1e-6, "The sign is wrong: mean prediction minus share of leavers."
    assert abs(logged - gap) < 1e-6, f"calibration_gap is {logged:.3g}, not the gap of this run's scores."
    loose = [path for path in _files_of(run, "") if path.endswith(".png")]
    assert not loose, f"{loose[0]} is not in a folder: its path should be plots/calibration.png."
    assert "plots/calibration.png" in _files_of(run, "plots"), "The run has no picture plots/calibration.png."
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        picture = Path(_client().download_artifacts(run_id, "plots/calibration.png", folder)).read_bytes()
    assert picture.startswith(_PNG), "plots/calibration.png is not a picture: store the figure with log_figure."
    assert run.info.status == "FINISHED", "The run is still open: use `with`, or mlflow.end_run()."


@trials("7.5")
def _(_spark: Any) -> Iterator[Any]:
    experiment = _experiment()
    png = {"plots/calibration.png": _PNG}

    def logged(value: float, files: dict[str, bytes] = png, status: str = "FINISHED") -> tuple[str, str, float]:
        run_id = _logged(experiment, status=status, metrics={"calibration_gap": value}, files=files)
        return run_id, run_id, 27.0

    yield right(*logged(27.0))
    yield wrong("a share", *logged(0.27))
    yield wrong("The sign is wrong", *logged(-27.0))
    yield wrong("no picture", *logged(27.0, files={}))
    yield wrong("not in a folder", *logged(27.0, files={"calibration.png": _PNG}))
    yield wrong("is not a picture", *logged(27.0, files={"plots/calibration.png": b"picture"}))
    yield wrong("still open", *logged(27.0, status="RUNNING"))
    yield wrong("another run", logged(27.0)[0], logged(27.0)[0], 27.0)
    empty = _logged(experiment)
    yield wrong("no metric", empty, empty, 27.0)
    yield wrong("should be the id of a run", None, empty, 27.0)


# Autologging -----------------------------------------------------------------------------------------------------------


@exercise(
    "7.6",
    objective=("PRO-1.16", "ASC-1.12"),
    hint="Can a parameter change? Can a metric get another value?",
)
def a_record_of_two_fits(comes_from):
    assert isinstance(comes_from, dict) and set(comes_from) == {"max_depth", "training_roc_auc"}, (
        "comes_from should be a dictionary with the keys max_depth and training_roc_auc."
    )
    odd = sorted(str(value) for value in comes_from.values() if value not in ("first", "second"))
    assert not odd, f'{odd[0]!r} is neither "first" nor "second".'
    depth, auc = comes_from["max_depth"], comes_from["training_roc_auc"]
    assert (depth, auc) != ("first", "first"), (
        "Only a parameter cannot change. A metric gets a second value, and the record shows the newer one."
    )
    assert (depth, auc) != ("second", "second"), (
        "A parameter cannot change: MLflow refuses the second max_depth, and autologging ignores the error."
    )
    assert (depth, auc) == ("first", "second"), "It is the other way round: which of the two can be logged again?"


@trials("7.6")
def _(_spark: Any) -> Iterator[Any]:
    yield right({"max_depth": "first", "training_roc_auc": "second"})
    yield wrong("Only a parameter", {"max_depth": "first", "training_roc_auc": "first"})
    yield wrong("ignores the error", {"max_depth": "second", "training_roc_auc": "second"})
    yield wrong("other way round", {"max_depth": "second", "training_roc_auc": "first"})
    yield wrong("is neither", {"max_depth": 1, "training_roc_auc": "second"})
    yield wrong("should be a dictionary", {"depth": "first"})


@exercise(
    "7.7",
    objective=("PRO-1.16", "ASC-1.12"),
    hint="Open the run yourself, fit inside it, and log the rest before the block ends.",
)
def one_run_holds_it_all(whole, train, valid):
    import json

    run = _run_of(whole, "whole")
    data = run.data
    if "max_depth" not in data.params:
        raise AssertionError(
            "The run has nothing from the fit: fit inside `with mlflow.start_run():`, or autologging opens a run of its own."
        )
    assert data.params["max_depth"] == "4", (
        f"max_depth is {data.params['max_depth']}: make one fit in this run, that of tree(4)."
    )
    assert any(name.startswith("training_") for name in data.metrics), (
        "The run has parameters but no training metrics: let autologging record the fit."
    )
    assert "val_auc" in data.metrics, "val_auc is not in this run: log it before the block ends."
    train_auc = data.metrics.get("training_roc_auc")
    assert train_auc is None or abs(data.metrics["val_auc"] - train_auc) > 1e-9, (
        "val_auc equals the training AUC: score the validation rows."
    )
    expected = _tree_auc(train, valid, data.params.get("random_state", ""))
    assert expected is None or abs(data.metrics["val_auc"] - expected) < 1e-6, (
        "val_auc is not the AUC of tree(4) on the validation rows: log auc_of(tree, valid)."
    )
    tables = []
    for one in run.inputs.dataset_inputs:
        roles = [tag.value for tag in one.tags if tag.key == "mlflow.data.context"]
        if one.dataset.source_type == "delta_table":
            rows = json.loads(one.dataset.profile or "{}").get("num_rows")
            tables.append((roles, json.loads(one.dataset.source).get("delta_table_version"), rows))
    assert tables, (
        "The run has no dataset of the table: autologging sees only a frame. Log dataset_of(train, version=...) yourself."
    )
    training = [(version, rows) for roles, version, rows in tables if "training" in roles]
    assert training, 'The dataset should have the context "training".'
    for version, rows in training:
        assert rows == len(train), f"The dataset has {rows} rows, the training rows are {len(train)}: log `train`."
        assert version is not None, (
            "The dataset has no version: 0 as a number counts as not given. Pass the version as a string."
        )
        assert version == "0", f"The dataset has version {version!r}, but the rows are those of version 0."
    assert data.tags.get("purpose") == "exercise", "The tag purpose = exercise is missing."
    assert run.info.status == "FINISHED", "The run is still open: use `with`, or mlflow.end_run()."


def _tree_auc(train: pd.DataFrame, valid: pd.DataFrame, random_state: str) -> float | None:
    """Validation AUC of the tree that is asked for; None when its seed is not a number."""
    from mlflow.utils.autologging_utils import disable_autologging
    from sklearn.tree import DecisionTreeClassifier

    from course import churn

    if not random_state.isdecimal():
        return None
    features = [name for name in churn.NUMERIC if name in train]
    with disable_autologging():
        model = DecisionTreeClassifier(max_depth=4, random_state=int(random_state))
        model.fit(train[features], train["churned"])
        return float(churn.pandas_auc(valid["churned"], model.predict_proba(valid[features])[:, 1]))


@trials("7.7")
def _(_spark: Any) -> Iterator[Any]:
    import json

    from mlflow.entities import Dataset, DatasetInput, InputTag

    experiment = _experiment()
    train = pd.DataFrame({"age": [20.0, 30.0, 40.0, 50.0], "churned": [0, 1, 0, 1]})
    valid = pd.DataFrame({"age": [20.0, 30.0, 40.0], "churned": [0, 1, 1]})

    def logged(
        version: str | None = "0",
        context: str = "training",
        params: dict[str, Any] | None = None,
        metrics: dict[str, Any] | None = None,
        tags: dict[str, Any] | None = None,
        kind: str = "delta_table",
        rows: int = 4,
    ) -> tuple[Any, ...]:
        run_id = _logged(
            experiment,
            params={"max_depth": 4, "random_state": 7} if params is None else params,
            metrics={"training_roc_auc": 0.8, "val_auc": 0.75} if metrics is None else metrics,
            tags={"purpose": "exercise"} if tags is None else tags,
        )
        source = {"delta_table_name": "t"} | ({"delta_table_version": version} if version else {})
        # For an equal name and digest the store keeps the first source.
        profile = json.dumps({"num_rows": rows})
        dataset = Dataset("rows", digest=run_id, source_type=kind, source=json.dumps(source), profile=profile)
        _client().log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", context)])])
        return run_id, train, valid

    yield right(*logged())
    yield wrong("nothing from the fit", *logged(params={}))
    yield wrong("make one fit in this run", *logged(params={"max_depth": 3}))
    yield wrong("no training metrics", *logged(metrics={"val_auc": 0.7}))
    yield wrong("val_auc is not in this run", *logged(metrics={"training_roc_auc": 0.8}))
    yield wrong("score the validation rows", *logged(metrics={"training_roc_auc": 0.8, "val_auc": 0.8}))
    yield wrong("sees only a frame", *logged(kind="code"))
    yield wrong('context "training"', *logged(context="validation"))
    yield wrong("has no version", *logged(version=None))
    yield wrong("those of version 0", *logged(version="7"))
    yield wrong("the training rows are 4", *logged(rows=3))
    yield wrong("not the AUC of tree(4)", *logged(metrics={"training_roc_auc": 0.8, "val_auc": 0.123}))
    yield wrong("should be the id of a run", None, train, valid)
    yield wrong("The tag purpose", *logged(tags={}))


# Nested runs -----------------------------------------------------------------------------------------------------------


@exercise(
    "7.8",
    objective="PRO-1.15",
    hint="Each child logs inside its own block. After the loop the parent is the active run again.",
)
def a_sweep_that_sums_itself_up(parent_id):
    parent = _run_of(parent_id, "parent_id")
    assert "mlflow.parentRunId" not in parent.data.tags, "parent_id is the id of a child: use the id of the outer run."
    children = _children_of(parent)
    assert children, "The run has no children: start the inner runs with nested=True while the parent is open."
    depths = sorted(child.data.params.get("max_depth", "none") for child in children)
    assert depths == ["1", "2", "3"], (
        f"The children have max_depth {', '.join(depths)}; they should have 1, 2 and 3, once each."
    )
    values = {child.info.run_id: child.data.metrics.get("val_auc") for child in children}
    assert None not in values.values(), "A child has no val_auc: log it inside the child's block."
    assert "val_auc" in parent.data.metrics, (
        "The parent has no val_auc. Nothing is copied to it: log the winner's value there."
    )
    best = max(values.values())
    shown = parent.data.metrics["val_auc"]
    assert abs(shown - best) < 1e-9, "The parent's val_auc is not that of the best child. Is it that of the last one?"
    named = parent.data.tags.get("best_run_id")
    assert named, "The parent has no tag best_run_id."
    assert values.get(named) == best, "best_run_id does not name the child with the highest val_auc."
    assert parent.info.status == "FINISHED", "The parent is still open: use `with`, or mlflow.end_run()."


@trials("7.8")
def _(_spark: Any) -> Iterator[Any]:
    experiment = _experiment()

    def sweep(
        depths: tuple[int, ...] = (1, 2, 3), summed: float | None = 0.8, best: int | None = 1, metric: str = "val_auc"
    ):
        parent = _logged(experiment, metrics={} if summed is None else {"val_auc": summed})
        children = [
            _logged(
                experiment,
                params={"max_depth": depth},
                metrics={metric: value},
                tags={"mlflow.parentRunId": parent},
            )
            for depth, value in zip(depths, (0.7, 0.8, 0.75), strict=False)
        ]
        if best is not None:
            _client().set_tag(parent, "best_run_id", children[best])
        return parent, children

    yield right(sweep()[0])
    yield wrong("has no children", _logged(experiment))
    yield wrong("use the id of the outer run", sweep()[1][0])
    yield wrong("Nothing is copied to it", sweep(summed=None)[0])
    yield wrong("that of the last one", sweep(summed=0.75)[0])
    yield wrong("no tag best_run_id", sweep(best=None)[0])
    yield wrong("does not name the child", sweep(best=2)[0])
    yield wrong("should have 1, 2 and 3", sweep(depths=(1, 2))[0])
    yield wrong("inside the child's block", sweep(metric="auc")[0])


# Logged models ---------------------------------------------------------------------------------------------------------


@exercise(
    "7.9",
    objective=("ASC-1.11", "PRO-1.16"),
    hint="order_by=[{'field_name': 'metrics.val_auc', 'ascending': False}]; the id is an attribute of the model found.",
)
def the_best_checkpoint(best_model, run_id):
    import mlflow

    assert isinstance(best_model, str), (
        f"best_model should be the id of a model, a string such as m-...; its type is {type(best_model).__name__}."
    )
    assert best_model != run_id, "That is the run's id. One run can have many models: set the model's id."
    experiment = _client().get_run(run_id).info.experiment_id
    models = {
        model.model_id: next((one.value for one in model.metrics or [] if one.key == "val_auc"), None)
        for model in mlflow.search_logged_models(
            [experiment], filter_string=f"source_run_id = '{run_id}'", output_format="list"
        )
    }
    wanted = best_model.removeprefix("models:/")
    assert wanted in models, "This is not a model of that run. Filter by source_run_id."
    values = {model: value for model, value in models.items() if value is not None}
    assert wanted != min(values, key=lambda model: values[model]), (
        "That is the worst one: without 'ascending': False the lowest value comes first."
    )
    best = max(values.values())
    assert values.get(wanted) == best, "That is not the best one. Without order_by the newest model comes first."


@trials("7.9")
def _(_spark: Any) -> Iterator[Any]:
    import mlflow

    experiment = _experiment()
    models, runs = [], []
    for values in ((0.7, 0.9, 0.8), (0.95,)):
        runs.append(_logged(experiment))
        for value in values:
            model = _client().create_logged_model(experiment, name="checkpoint", source_run_id=runs[-1])
            _client().log_metric(runs[-1], "val_auc", value, model_id=model.model_id)
            _client().finalize_logged_model(model.model_id, mlflow.entities.LoggedModelStatus.READY)
            models.append(model.model_id)
    yield right(models[1], runs[0])
    yield wrong("the run's id", runs[0], runs[0])
    yield wrong("the newest model", models[2], runs[0])
    yield wrong("the worst one", models[0], runs[0])
    yield wrong("not a model of that run", models[3], runs[0])
    yield wrong("should be the id of a model", 7, runs[0])


# Signature -------------------------------------------------------------------------------------------------------------


@exercise(
    "7.10",
    objective="ASC-1.12",
    hint="Which type can hold a missing value? Convert the frame before infer_signature sees it.",
)
def a_signature_for_production(signature, features):
    from mlflow.models import ModelSignature

    assert isinstance(signature, ModelSignature), (
        f"signature should be the result of infer_signature, not {type(signature).__name__}."
    )
    assert signature.inputs is not None and signature.inputs.has_input_names(), (
        "The signature has no named input columns: infer it from the frame, not from an array."
    )
    types = {column.name: column.type.name for column in signature.inputs}
    missing = [name for name in features if name not in types]
    assert not missing, f"The input {missing[0]} is missing."
    extra = [name for name in types if name not in features]
    assert not extra, f"The input {extra[0]} is not a feature: callers would have to send it."
    whole = [name for name, kind in types.items() if kind in ("integer", "long")]
    assert not whole, (
        f"{whole[0]} is a whole number ({types[whole[0]]}): with a missing value pandas makes it a float, which is refused."
    )
    other = [name for name, kind in types.items() if kind != "double"]
    assert not other, f"{other[0]} has the type {types[other[0]]}, which refuses pandas' float64 columns. Use float64."
    assert signature.outputs is not None, (
        "The signature has no output, and Unity Catalog refuses such a model: pass the predictions as well."
    )
    assert len(signature.outputs.inputs) == 1, "The output has several columns: use [:, 1], the probability of leaving."
    kinds = [str(one.type) for one in signature.outputs]
    assert not any("int" in kind or "long" in kind for kind in kinds), (
        "The output is a class. predict_proba(...)[:, 1] gives the probability."
    )
    shape = getattr(signature.outputs.inputs[0], "shape", (-1,))
    assert len(shape) == 1, "The output has two columns: use the second, [:, 1], the probability of leaving."
    params = {one.name: one.default for one in (signature.params.params if signature.params else [])}
    assert "threshold" in params, "The parameter threshold is missing: params={'threshold': 0.5}."
    default = params["threshold"]
    assert isinstance(default, float) and default == 0.5, f"threshold has the default {default!r}; it should be 0.5."


@trials("7.10")
def _(_spark: Any) -> Iterator[Any]:
    import numpy as np
    from mlflow.models import infer_signature

    features = ["age", "tickets_30d"]
    frame = pd.DataFrame({"age": [30.0, 40.0], "tickets_30d": [1, 2]})
    floats, p = frame.astype("float64"), np.array([0.1, 0.2])
    params = {"threshold": 0.5}
    yield right(infer_signature(floats, p, params=params), features)
    yield wrong("is a whole number", infer_signature(frame, p, params=params), features)
    yield wrong("has no output", infer_signature(floats, params=params), features)
    yield wrong("is a class", infer_signature(floats, np.array([0, 1]), params=params), features)
    yield wrong("two columns", infer_signature(floats, np.array([[0.9, 0.1], [0.8, 0.2]]), params=params), features)
    yield wrong("threshold is missing", infer_signature(floats, p), features)
    yield wrong("the default '0.5'", infer_signature(floats, p, params={"threshold": "0.5"}), features)
    yield wrong("pandas' float64", infer_signature(floats.astype("float32"), p, params=params), features)
    text = infer_signature(floats.astype(str), p, params=params)
    yield wrong("has the type string", text, features)
    columns = pd.DataFrame({"stay": 1 - p, "leave": p})
    yield wrong("several columns", infer_signature(floats, columns, params=params), features)
    yield wrong("it should be 0.5", infer_signature(floats, p, params={"threshold": 0.7}), features)
    yield wrong("is not a feature", infer_signature(floats.assign(churned=0.0), p, params=params), features)
    yield wrong("not from an array", infer_signature(floats.to_numpy(), p, params=params), features)
    yield wrong("should be the result of infer_signature", None, features)


# Search ----------------------------------------------------------------------------------------------------------------


@exercise(
    "7.11",
    objective="ASC-1.11",
    hint="Four conditions joined by AND: attributes.status, tags.purpose, metrics.val_auc, metrics.latency_ms.",
)
def the_rule_of_promotion(filter_string, order_by, night):
    from mlflow.exceptions import MlflowException

    assert isinstance(filter_string, str), "filter_string should be a string."
    if isinstance(order_by, str):
        raise AssertionError("order_by should be a list: ['metrics.val_auc DESC'].")
    assert isinstance(order_by, list | tuple) and order_by, "order_by should be a list with at least one string."
    try:
        found = _client().search_runs([night], filter_string, order_by=list(order_by))
    except (MlflowException, TypeError, AttributeError) as error:
        raise AssertionError(f"MLflow refuses the search: {str(error).splitlines()[0][:160]}") from None
    assert found, "The search finds no run. Is each key spelt as it was logged, and each string in quotes?"

    def told(test: Callable[[Any], bool]) -> bool:
        return any(test(run) for run in found)

    assert not told(lambda run: run.info.status != "FINISHED"), (
        "The search finds a crashed run, because it keeps its metrics. Filter by attributes.status."
    )
    assert not told(lambda run: run.data.tags.get("purpose") != "candidate"), (
        "The search finds a debug run. Filter by tags.purpose."
    )
    assert not told(lambda run: run.data.metrics.get("latency_ms", 1e9) > 50), (
        "The search finds a run with a latency over 50 ms."
    )
    assert not told(lambda run: run.data.metrics.get("val_auc", 0) < 0.8), (
        "The search finds a run without a val_auc of at least 0.80. Filter by metrics.val_auc."
    )
    everything = _client().search_runs([night])
    fit = [
        run
        for run in everything
        if run.info.status == "FINISHED"
        and run.data.tags.get("purpose") == "candidate"
        and run.data.metrics.get("latency_ms", 1e9) <= 50
        and run.data.metrics.get("val_auc", 0) >= 0.8
    ]
    assert len(found) == len(fit), (
        f"{len(found)} of the {len(fit)} runs that fulfil the rule are found: a condition is too strict."
    )
    best = max(run.data.metrics["val_auc"] for run in fit)
    first = found[0].data.metrics["val_auc"]
    assert first != min(run.data.metrics["val_auc"] for run in fit), (
        "The worst run comes first: a higher AUC is better."
    )
    assert first == best, "The best run does not come first. Order by metrics.val_auc, spelt as it was logged."


@trials("7.11")
def _(_spark: Any) -> Iterator[Any]:
    night = _experiment()
    for auc, latency, status, purpose in (
        (0.80, 50.0, "FINISHED", "candidate"),
        (0.86, 31.0, "FINISHED", "candidate"),
        (0.85, 48.0, "FINISHED", "candidate"),
        (0.97, 20.0, "FAILED", "candidate"),
        (0.88, 51.0, "FINISHED", "candidate"),
        (0.89, 35.0, "FINISHED", "debug"),
        (0.79, 30.0, "FINISHED", "candidate"),
    ):
        metrics = {"val_auc": auc, "latency_ms": latency}
        _logged(night, status=status, metrics=metrics, tags={"purpose": purpose})
    conditions = {
        "status": "attributes.status = 'FINISHED'",
        "purpose": "tags.purpose = 'candidate'",
        "auc": "metrics.val_auc >= 0.8",
        "latency": "metrics.latency_ms <= 50",
    }
    best = ["metrics.val_auc DESC"]

    def rule(**changes: str | None) -> str:
        return " AND ".join(text for text in (conditions | changes).values() if text)

    yield right(rule(), best, night)
    yield wrong("finds a crashed run", rule(status=None), best, night)
    yield wrong("finds a debug run", rule(purpose=None), best, night)
    yield wrong("a latency over 50 ms", rule(latency="metrics.latency_ms < 60"), best, night)
    yield wrong("Filter by metrics.val_auc", rule(auc=None), best, night)
    yield wrong("2 of the 3 runs that fulfil", rule(latency="metrics.latency_ms < 50"), best, night)
    yield wrong("1 of the 3 runs that fulfil", rule(auc="metrics.val_auc > 0.85"), best, night)
    yield wrong("finds no run", rule(purpose="tags.Purpose = 'candidate'"), best, night)
    yield wrong("The worst run", rule(), ["metrics.val_auc ASC"], night)
    yield wrong("spelt as it was logged", rule(), ["metrics.val_AUC DESC"], night)
    yield wrong("MLflow refuses the search", rule(status="status is FINISHED"), best, night)
    yield wrong("should be a list: ", rule(), "metrics.val_auc DESC", night)


# The UI ----------------------------------------------------------------------------------------------------------------


@exercise(
    "7.12",
    objective="ASC-1.13",
    hint="The pages show and summarise what was logged; tags and the description can be edited. Pages score no rows.",
)
def what_the_page_can_answer(on_the_page):
    assert isinstance(on_the_page, dict) and set(on_the_page) == set("abcdefg"), (
        "on_the_page should be a dictionary with the keys a to g."
    )
    odd = sorted(key for key, value in on_the_page.items() if not isinstance(value, bool))
    assert not odd, f"{odd[0]} should be True or False."
    assert on_the_page["a"], "a: the run's overview shows its parameters."
    assert on_the_page["b"], "b: the tab of model metrics draws the values of all steps."
    assert not on_the_page["c"], (
        "c: a page can only summarise what was logged. A slice that nobody logged needs predictions, and so code."
    )
    assert on_the_page["d"], "d: a logged dataset shows the names and types of its columns. Open it in both runs."
    assert not on_the_page["e"], (
        "e: a dataset is a reference. The page has rows only if somebody stored them as an artifact."
    )
    assert not on_the_page["f"], "f: a parameter cannot change. Only tags and the description can be edited."
    assert on_the_page["g"], "g: the box above the table takes the filters of section 9."


@trials("7.12")
def _(_spark: Any) -> Iterator[Any]:
    answer = {"a": True, "b": True, "c": False, "d": True, "e": False, "f": False, "g": True}
    yield right(answer)
    yield wrong("nobody logged", answer | {"c": True})
    yield wrong("is a reference", answer | {"e": True})
    yield wrong("a parameter cannot change", answer | {"f": True})
    yield wrong("takes the filters", answer | {"g": False})
    yield wrong("values of all steps", answer | {"b": False})
    yield wrong("Open it in both runs", answer | {"d": False})
    yield wrong("keys a to g", [True])
    yield wrong("True or False", answer | {"a": "yes"})


# Reproduction ----------------------------------------------------------------------------------------------------------


@exercise(
    "7.13",
    objective="PRO-1.16",
    hint="json.loads(source)['delta_table_version'] is the version. '40' is a string, and int('40') is a number.",
)
def rebuilt_from_the_record(rebuild, recorded):
    assert callable(rebuild), "rebuild should be a function."
    client = _client()
    runs = [client.get_run(run_id) for run_id in recorded]
    records = [run.data.metrics["val_auc"] for run in runs]
    found = []
    for run_id in recorded:
        try:
            found.append(rebuild(run_id))
        except Exception as error:
            raise AssertionError(
                f"rebuild fails with {type(error).__name__}: {str(error).splitlines()[0][:160]} "
                "Remember that parameters come back as strings."
            ) from None
    assert all(isinstance(value, float | int) for value in found), (
        "rebuild should return one number, the validation AUC."
    )
    right_ones = [abs(value - record) < 1e-6 for value, record in zip(found, records, strict=True)]
    if not all(right_ones):
        assert len({round(float(value), 9) for value in found}) > 1, (
            "All runs give the same AUC: something is fixed in your code that should come from the record."
        )
        assert not all(right_ones[:2]), (
            "The run on the later version of the table has another AUC: read the version from the record."
        )
        assert not any(right_ones), (
            f"{sum(right_ones)} of {len(right_ones)} runs give the recorded AUC: read all settings from the record."
        )
        raise AssertionError(
            "No run gives the recorded AUC. Do version and settings come from the record, and is the score on the "
            "validation rows?"
        )
    # The same record without the result: what is left must be enough.
    copy = client.create_run(runs[0].info.experiment_id, run_name="check 7.13").info.run_id
    try:
        for key, text in runs[0].data.params.items():
            client.log_param(copy, key, text)
        client.log_inputs(copy, runs[0].inputs.dataset_inputs)
        again = rebuild(copy)
    except KeyError:
        again = None
    finally:
        client.delete_run(copy)
    assert isinstance(again, float | int) and abs(again - records[0]) < 1e-6, (
        "For a copy of a run without its val_auc, rebuild fails: fit the model again, do not read the recorded metric."
    )


@trials("7.13")
def _(_spark: Any) -> Iterator[Any]:
    import json

    from mlflow.entities import Dataset, DatasetInput

    experiment = _experiment()
    recorded = []
    for value, version in ((0.7, "0"), (0.8, "0"), (0.6, "1")):
        recorded.append(_logged(experiment, params={"depth": value}, metrics={"val_auc": value + int(version)}))
        source = json.dumps({"delta_table_name": "t", "delta_table_version": version})
        dataset = Dataset(f"rows v{version}", digest="d", source_type="delta_table", source=source)
        _client().log_inputs(recorded[-1], [DatasetInput(dataset, [])])

    def fitted(run_id: str, version: str | None = None) -> float:
        record = _client().get_run(run_id)
        found = json.loads(record.inputs.dataset_inputs[0].dataset.source)["delta_table_version"]
        return float(record.data.params["depth"]) + int(version or found)

    def gives(*values: Any) -> Callable[[str], Any]:
        return dict(zip(recorded, values, strict=True)).__getitem__

    def text(_run_id: str) -> float:
        raise TypeError("fit() got multiple values for keyword argument 'random_state'.")

    yield right(fitted, recorded)
    yield wrong("got multiple values", text, recorded)
    yield wrong("All runs give the same", gives(0.8, 0.8, 0.8), recorded)
    yield wrong("read the version", lambda run_id: fitted(run_id, version="0"), recorded)
    yield wrong("1 of 3 runs", gives(0.7, 0.81, 0.6), recorded)
    yield wrong("No run gives", gives(0.71, 0.81, 0.6), recorded)
    yield wrong("one number", gives(None, None, None), recorded)
    yield wrong("do not read the recorded", lambda run_id: _client().get_run(run_id).data.metrics["val_auc"], recorded)
    yield wrong("should be a function", 0.7, recorded)


# The troubleshooting lab -----------------------------------------------------------------------------------------------


@exercise(
    "7.14",
    objective=("PRO-1.15", "PRO-1.16", "ASC-1.11", "ASC-1.12"),
    hint="Cells 1, 2, 3, 5: which run is active, in which thread, on which machine? Cell 4: which names? Cell 6: which type?",
)
def six_cells_repaired(fixed_1, fixed_2, fixed_3, fixed_4, fixed_5, fixed_6, auc_by_country, auc_by_plan, rows, night):
    run = _run_of(fixed_1, "Cell 1")
    assert "val_auc" in run.data.metrics, "Cell 1: the run has no val_auc. Is it the one that the stray call opened?"
    assert "data_version" in run.data.params, (
        "Cell 1: the parameter is in another run. With nested=True it stays in the accidental parent: log it inside the block."
    )
    assert run.info.run_name == "cell 1", f"Cell 1: the run is called {run.info.run_name!r}; it should be 'cell 1'."

    run = _run_of(fixed_2, "Cell 2")
    wanted = {f"auc/{country}": auc for country, auc in auc_by_country.items()}
    missing = sorted(set(wanted) - set(run.data.metrics))
    assert not missing, (
        f"Cell 2: {len(missing)} of {len(wanted)} metrics are missing. In a pool thread no run is active: name the run."
    )
    off = sorted(key for key, auc in wanted.items() if abs(run.data.metrics[key] - auc) > 1e-6)
    assert not off, f"Cell 2: {off[0]} is {run.data.metrics[off[0]]:.3g}; auc_by_country has {wanted[off[0]]:.3g}."

    run = _run_of(fixed_3, "Cell 3")
    assert "reports/left_by_country.csv" in _files_of(run, "reports"), (
        "Cell 3: the run has no artifact reports/left_by_country.csv. Let the workers return rows, and log on the driver."
    )
    _judge_shares(run.info.artifact_uri, rows)

    run = _run_of(fixed_4, "Cell 4")
    assert run.info.status == "FINISHED", f"Cell 4: the run's status is {run.info.status}."
    unnamed = [plan for plan in auc_by_plan if not any(plan in key for key in run.data.metrics)]
    assert not unnamed, f"Cell 4: no metric has {unnamed[0]} in its name."
    for plan, auc in auc_by_plan.items():
        values = [value for key, value in run.data.metrics.items() if plan in key]
        assert len(values) == 1 and len(run.data.metrics) >= len(auc_by_plan), (
            "Cell 4: each plan should have one metric of its own."
        )
        assert abs(values[0] - auc) < 1e-6, f"Cell 4: the metric of {plan} is {values[0]:.3g}; it should be {auc}."

    parent = _run_of(fixed_5, "Cell 5")
    children = _children_of(parent)
    assert children, "Cell 5: the run has no children. Give each depth a nested run, and set the id of the parent."
    depths = sorted((child.data.params.get("max_depth", "none") for child in children), key=lambda text: text.zfill(9))
    assert depths == ["1", "3", "8"], (
        f"Cell 5: the children have max_depth {', '.join(depths)}; they should have 1, 3 and 8, once each."
    )
    scores = [child.data.metrics.get("val_auc") for child in children]
    assert None not in scores, "Cell 5: a child has no val_auc."
    assert len(set(scores)) > 1, "Cell 5: all depths have the same val_auc. Log the score of each tree."

    winner = _run_of(fixed_6, "Cell 6")
    assert winner.info.experiment_id == night, "Cell 6: this run is not in `night`."
    assert winner.info.status == "FINISHED", "Cell 6: this run has crashed."
    assert winner.data.tags.get("purpose") == "candidate", "Cell 6: this is a debug run."
    depth = int(winner.data.params.get("depth", 0))
    assert depth > 5, f"Cell 6: this run has a depth of {depth}."
    asked = "attributes.status = 'FINISHED' AND tags.purpose = 'candidate' AND metrics.val_auc > 0"
    deep = [run for run in _client().search_runs([night], asked) if int(run.data.params["depth"]) > 5]
    best = max(run.data.metrics["val_auc"] for run in deep)
    assert winner.data.metrics.get("val_auc") == best, (
        f"Cell 6: depth {depth} is not the best. As text '10' sorts before '5': compare numbers."
    )
    return "All six are repaired: run scope, threads, workers, names, children, types."


def _judge_shares(artifact_uri: str, rows: Any) -> None:
    """Judge the file of cell 3 by the rows themselves."""
    import io

    import mlflow
    from pyspark.sql import functions as F

    text = mlflow.artifacts.load_text(f"{artifact_uri}/reports/left_by_country.csv")
    try:
        table = pd.read_csv(io.StringIO(text), keep_default_na=False)
    except ValueError:
        raise AssertionError("Cell 3: the file is not a CSV file.") from None
    names = list(table.columns)
    assert set(names) == {"country", "left"}, (
        f"Cell 3: the file has the columns {names}; it should have country and left. Leave out the index of the frame."
    )
    shares = {
        row["country"]: row["share"] for row in rows.groupBy("country").agg(F.avg("churned").alias("share")).collect()
    }
    assert sorted(table["country"]) == sorted(shares), (
        f"Cell 3: the file has {len(table)} lines; it should have one line for each of the {len(shares)} countries."
    )
    left = pd.to_numeric(table["left"], errors="coerce")
    assert left.between(0, 1).all(), "Cell 3: left should be a share between 0 and 1."
    off = [name for name, share in zip(table["country"], left, strict=True) if abs(share - shares[name]) > 0.006]
    assert not off, f"Cell 3: the share of {off[0]} should be {shares[off[0]]:.3f}, the mean of churned."


@trials("7.14")
def _(spark: Any) -> Iterator[Any]:
    experiment, night = _experiment(), _experiment()
    countries = {"DE": 0.8, "FR": 0.7}
    plans = {"basic": 0.78, "standard": 0.80, "premium": 0.77}
    frame = spark.createDataFrame([("DE", 0), ("DE", 1), ("FR", 0)], "country string, churned int")
    runs = {}
    for name, depth, auc, status, purpose in (
        ("c", 6, 0.85, "FINISHED", "candidate"),
        ("d", 8, 0.97, "FAILED", "candidate"),
        ("e", 10, 0.87, "FINISHED", "candidate"),
        ("f", 12, 0.89, "FINISHED", "debug"),
        ("b", 4, 0.88, "FINISHED", "candidate"),
    ):
        runs[name] = _logged(
            night, status=status, params={"depth": depth}, metrics={"val_auc": auc}, tags={"purpose": purpose}
        )

    def csv(text: str) -> str:
        return _logged(experiment, texts={"reports/left_by_country.csv": text})

    def parent(*depths: int, gain: float = 0.01) -> str:
        run_id = _logged(experiment)
        for depth in depths:
            score, tags = 0.7 + gain * depth, {"mlflow.parentRunId": run_id}
            _logged(experiment, params={"max_depth": depth}, metrics={"val_auc": score}, tags=tags)
        return run_id

    def first(**logged: Any) -> str:
        return _logged(experiment, "cell 1", **logged)

    by_plan = {f"auc/plan/{plan}": auc for plan, auc in plans.items()}
    good: dict[int, Any] = {
        1: first(params={"data_version": 0}, metrics={"val_auc": 0.81}),
        2: _logged(experiment, metrics={"auc/DE": 0.8, "auc/FR": 0.7}),
        3: csv("country,left\nDE,0.5\nFR,0.0\n"),
        4: _logged(experiment, metrics=by_plan),
        5: parent(1, 3, 8),
        6: runs["e"],
    }

    def fixed(changed: dict[int, Any] | None = None) -> tuple[Any, ...]:
        return *(good | (changed or {})).values(), countries, plans, frame, night

    yield right(*fixed())
    yield right(*fixed({3: csv('"left","country"\n"0.0","FR"\n"0.5","DE"\n')}))
    yield wrong("the accidental parent", *fixed({1: first(metrics={"val_auc": 0.81})}))
    yield wrong("that the stray call opened", *fixed({1: first(params={"data_version": 0})}))
    stray = _logged(experiment, "fun-bat-1", params={"data_version": 0}, metrics={"val_auc": 0.81})
    yield wrong("'fun-bat-1'", *fixed({1: stray}))
    yield wrong("Cell 2: 1 of 2 metrics", *fixed({2: _logged(experiment, metrics={"auc/DE": 0.8})}))
    yield wrong("auc_by_country has 0.8", *fixed({2: _logged(experiment, metrics={"auc/DE": 0, "auc/FR": 0})}))
    yield wrong("Let the workers return rows", *fixed({3: _logged(experiment)}))
    yield wrong("the index of the frame", *fixed({3: csv(",country,left\n0,DE,0.5\n1,FR,0.0\n")}))
    yield wrong("the file has 1 lines", *fixed({3: csv("country,left\nDE,0.5\n")}))
    yield wrong("the file has 3 lines", *fixed({3: csv("country,left\nDE,0.5\nFR,0.0\nFR,0.0\n")}))
    yield wrong("between 0 and 1", *fixed({3: csv("country,left\nDE,50\nFR,0\n")}))
    yield wrong("the share of DE", *fixed({3: csv("country,left\nDE,0.4\nFR,0.0\n")}))
    yield wrong("status is FAILED", *fixed({4: _logged(experiment, status="FAILED", metrics=by_plan)}))
    yield wrong("no metric has premium", *fixed({4: _logged(experiment, metrics={"basic": 0.78, "standard": 0.8})}))
    yield wrong("one metric of its own", *fixed({4: _logged(experiment, metrics={"basic standard premium": 0.78})}))
    yield wrong("metric of basic is 0.5", *fixed({4: _logged(experiment, metrics=dict.fromkeys(by_plan, 0.5))}))
    yield wrong("has no children", *fixed({5: _logged(experiment)}))
    yield wrong("should have 1, 3 and 8", *fixed({5: parent(1, 3)}))
    yield wrong("the same val_auc", *fixed({5: parent(1, 3, 8, gain=0)}))
    yield wrong("compare numbers", *fixed({6: runs["c"]}))
    yield wrong("has crashed", *fixed({6: runs["d"]}))
    yield wrong("is a debug run", *fixed({6: runs["f"]}))
    yield wrong("a depth of 4", *fixed({6: runs["b"]}))
    yield wrong("Cell 5: no run has this id", *fixed({5: "abc"}))
