"""Checks of chapter 07, MLflow tracking. They judge what the store holds, and name the mistake that was made."""

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
    """The run of an id, refused in words when there is none."""
    from mlflow.exceptions import MlflowException

    assert isinstance(run_id, str), (
        f"{name} should be the id of a run, a text: `run.info.run_id`. It is of type {type(run_id).__name__}."
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
    """A run with these params, metrics, tags and texts (artifacts); returns its id. A list is a metric's history."""
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
    client.set_terminated(run_id, status)
    return run_id


# Params, metrics, artifacts --------------------------------------------------------------------------------------------


@exercise(
    "7.1",
    objective=("ASC-1.12", "PRO-1.16"),
    hint="Will it change later? Will you compare it by size? Is it one number, or a file, or a reference to rows?",
)
def each_fact_in_its_drawer(drawer):
    assert isinstance(drawer, dict) and set(drawer) == set("abcdef"), "Say it for a, b, c, d, e and f."
    kinds = ("param", "metric", "tag", "artifact", "dataset")
    odd = sorted(str(value) for value in drawer.values() if value not in kinds)
    assert not odd, f"{odd[0]!r} is none of {', '.join(kinds)}."
    assert drawer["c"] != "param", "c: a parameter cannot change. Next week's approval would be refused."
    assert drawer["c"] == "tag", "c: a label that changes after the run has ended is a tag."
    assert drawer["a"] == "param", "a: an input that was fixed before training is a parameter."
    assert drawer["b"] == "metric", "b: a number that is logged again at every step is a metric with a history."
    assert drawer["d"] != "metric", "d: 2,400 metrics would make the record unreadable. A table is a file."
    assert drawer["d"] == "artifact", "d: a table of numbers is a file, so an artifact."
    assert drawer["e"] != "artifact", "e: a copy of the rows costs storage and needs access rules. Log a reference."
    assert drawer["e"] == "dataset", "e: name, version and digest of rows are what a dataset records."
    assert drawer["f"] == "metric", "f: who wants to filter by size needs a number; parameters and tags are text."


@trials("7.1")
def _(_spark: Any) -> Iterator[Any]:
    drawer = {"a": "param", "b": "metric", "c": "tag", "d": "artifact", "e": "dataset", "f": "metric"}
    yield right(drawer)
    yield wrong("a parameter cannot change", drawer | {"c": "param"})
    yield wrong("2,400 metrics", drawer | {"d": "metric"})
    yield wrong("Log a reference", drawer | {"e": "artifact"})
    yield wrong("needs a number", drawer | {"f": "param"})
    yield wrong("is none of", drawer | {"a": "parameter"})
    yield wrong("Say it for", ["param"])


def _sliced() -> pd.DataFrame:
    rows = [
        ("R&D = free", 0, 0.1), ("R&D = free", 1, 0.9), ("R&D = free", 0, 0.95),
        ("basic", 0, 0.2), ("basic", 1, 0.7),
        ("new", 0, 0.3), ("new", 0, 0.4),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["plan", "churned", "p"])


@exercise(
    "7.2",
    objective="PRO-1.16",
    hint="groupby(column) gives value and part. re.sub(r'[^...]', '_', text) replaces what is not in a list of characters.",
)
def slices_under_names_that_mlflow_takes(slice_metrics):
    assert callable(slice_metrics), "slice_metrics should be a function."
    frame = _sliced()
    try:
        found = slice_metrics(frame, "plan")
    except ValueError as error:
        raise AssertionError(f"A slice in which everybody stayed stops it: {error}") from None
    assert isinstance(found, dict), f"slice_metrics should return a dictionary, not {type(found).__name__}."
    refused = sorted(str(key) for key in found if not re.fullmatch(r"[\w. :/-]+", str(key)))
    assert not refused, (
        f"MLflow refuses the name {refused[0]!r}. Replace what is not a letter, digit or one of _-.:/ and space."
    )
    bad = sorted(key for key, value in found.items() if isinstance(value, float) and math.isnan(value))
    assert not bad, f"{bad[0]} is NaN: a slice with one outcome has no AUC. Leave it out."
    assert "val_auc/plan/new" not in found, (
        "val_auc/plan/new: a slice in which everybody stayed has no AUC. Leave it out."
    )
    wanted = {"val_auc/plan/R_D _ free": 0.5, "val_auc/plan/basic": 1.0}
    missing = sorted(set(wanted) - set(found))
    assert not missing, f"The key {missing[0]!r} is missing; you have {sorted(found)}."
    extra = sorted(set(found) - set(wanted))
    assert not extra, f"The key {extra[0]!r} is one too many."
    for key, auc in wanted.items():
        assert abs(float(found[key]) - auc) < 1e-9, f"{key} should be {auc}: the AUC of the rows of that slice alone."
    other = slice_metrics(frame.rename(columns={"plan": "country"}), "country")
    assert "val_auc/country/basic" in other, (
        "Sliced by country, the keys should say country: use the argument `column`."
    )


@trials("7.2")
def _(_spark: Any) -> Iterator[Any]:
    from sklearn.metrics import roc_auc_score

    def metrics(
        name: Callable[[str, str], str], one_outcome: bool = False, overall: bool = False
    ) -> Callable[..., Any]:
        def slice_metrics(frame, column):
            return {
                name(column, value): float(
                    roc_auc_score(*[(frame if overall else part)[key] for key in ("churned", "p")])
                    if part["churned"].nunique() == 2
                    else 0.5
                )
                for value, part in frame.groupby(column)
                if one_outcome or part["churned"].nunique() == 2
            }

        return slice_metrics

    def clean(value: str) -> str:
        return re.sub(r"[^\w. :/-]", "_", value)

    def stops(frame, column):
        raise ValueError("Only one class is present in y_true.")

    yield right(metrics(lambda column, value: f"val_auc/{column}/{clean(value)}"))
    yield wrong("MLflow refuses the name", metrics(lambda column, value: f"val_auc/{column}/{value}"))
    yield wrong(
        "everybody stayed has no AUC", metrics(lambda c, value: f"val_auc/{c}/{clean(value)}", one_outcome=True)
    )
    yield wrong("of that slice alone", metrics(lambda c, value: f"val_auc/{c}/{clean(value)}", overall=True))
    yield wrong("use the argument", metrics(lambda _column, value: f"val_auc/plan/{clean(value)}"))
    yield wrong(
        "is missing; you have", metrics(lambda column, value: f"val_auc/{column}/{value[:3].replace('&', '_')}")
    )
    yield wrong("stops it", stops)
    yield wrong("should be a function", {"val_auc": 0.5})


# Metrics over steps ----------------------------------------------------------------------------------------------------


@exercise(
    "7.3",
    objective=("PRO-1.16", "ASC-1.11"),
    hint="Does MLflow know whether a high value is good? Compare the right ends of the curves, then their tops.",
)
def the_record_shows_the_last_value(shown, first_by_record, best_round_in, curves):
    assert shown in ("first", "best", "last"), 'shown should be "first", "best" or "last".'
    names = sorted(curves)
    for name, answer in {"first_by_record": first_by_record, "best_round_in": best_round_in}.items():
        assert answer in names, f"{name} should be one of {', '.join(names)}."
    assert shown != "best", "MLflow does not know whether high is good, so it cannot show the best value."
    assert shown == "last", "Each round adds a value to the history; the first has no special place in it."
    by_end = max(curves, key=lambda name: curves[name][-1])
    by_top = max(curves, key=lambda name: max(curves[name]))
    assert best_round_in == by_top, f"The highest top is that of the {by_top} learner: look at the triangles."
    assert first_by_record == by_end, "A search ranks by what the record shows. Compare the right ends of the curves."


@trials("7.3")
def _(_spark: Any) -> Iterator[Any]:
    curves = {"fast": [0.6, 0.8, 0.7], "slow": [0.6, 0.7, 0.75]}
    yield right("last", "slow", "fast", curves)
    yield wrong("cannot show the best", "best", "slow", "fast", curves)
    yield wrong("no special place", "first", "slow", "fast", curves)
    yield wrong("right ends", "last", "fast", "fast", curves)
    yield wrong("triangles", "last", "slow", "slow", curves)
    yield wrong("first_by_record should be one of", "last", 1, "slow", curves)


@exercise(
    "7.4",
    objective=("PRO-1.16", "ASC-1.11"),
    hint="client.get_metric_history(run_id, key) gives a list; each of its items has step and value.",
)
def the_best_step_of_a_history(best_step, run_id):
    assert callable(best_step), "best_step should be a function."
    for higher, word in ((True, "highest"), (False, "lowest")):
        history = _client().get_metric_history(run_id, "val_auc")
        best = (max if higher else min)(one.value for one in history)
        first = min(one.step for one in history if one.value == best)
        found = best_step(run_id, "val_auc", higher_is_better=higher)
        assert found is not None, "best_step returns nothing."
        assert isinstance(found, tuple | list) and len(found) == 2, "It should return a pair: step and value."
        step, value = found
        last = max(history, key=lambda one: one.step)
        assert (step, value) != (last.step, last.value) or last.value == best, (
            "That is the last step. The record's value is the most recent one, not the best."
        )
        assert (value, step) != (first, best), "The pair is the wrong way round: first the step, then the value."
        assert abs(value - best) < 1e-12, f"That is not the {word} value of the history."
        assert step == first, f"The {word} value stands at an earlier step already."


@trials("7.4")
def _(_spark: Any) -> Iterator[Any]:
    run_id = _logged(_experiment(), metrics={"val_auc": [0.7, 0.9, 0.6, 0.9, 0.6, 0.8]})

    def history(key: str) -> list[Any]:
        return list(_client().get_metric_history(run_id, key))

    def best(sign: int = 1, tie: int = 1) -> Callable[..., Any]:
        def best_step(run_id, key, higher_is_better=True):
            way = sign if higher_is_better else -1
            one = max(history(key), key=lambda one: (way * one.value, -tie * one.step))
            return one.step, one.value

        return best_step

    yield right(best(), run_id)
    yield wrong("the last step", lambda _id, key, higher_is_better=True: (5, 0.8), run_id)
    yield wrong("not the lowest", lambda _id, key, higher_is_better=True: (1, 0.9), run_id)
    yield wrong("not the highest", best(sign=-1), run_id)
    yield wrong("an earlier step", best(tie=-1), run_id)
    yield wrong("wrong way round", lambda _id, key, higher_is_better=True: (0.9, 1), run_id)
    yield wrong("a pair", lambda _id, key, higher_is_better=True: 0.9, run_id)


# Pictures --------------------------------------------------------------------------------------------------------------


@exercise(
    "7.5",
    objective=("ASC-1.12", "PRO-1.16"),
    hint="start_run(run_id=...) opens an ended run again. log_figure wants the figure and a name for the file.",
)
def the_evidence_is_in_the_run(evidence, run_id, gap):
    run = _run_of(evidence, "evidence")
    assert evidence == run_id, (
        "evidence is another run. A plain start_run makes a new one: name the run, start_run(run_id=...)."
    )
    assert "calibration_gap" in run.data.metrics, "The run has no metric calibration_gap."
    logged = run.data.metrics["calibration_gap"]
    assert not abs(100 * logged - gap) < 1e-6, "calibration_gap is a share; it is asked for in percentage points."
    assert not abs(logged + gap) < 1e-6, "The sign is turned: mean prediction minus share of leavers."
    assert abs(logged - gap) < 1e-6, f"calibration_gap is {logged:.3g}, not the gap of this run's scores."
    loose = [path for path in _files_of(run, "") if path.endswith(".png")]
    assert not loose, f"{loose[0]} lies at the top: its name should be plots/calibration.png."
    assert "plots/calibration.png" in _files_of(run, "plots"), "The run has no picture plots/calibration.png."
    assert run.info.status == "FINISHED", "The run is still open: use `with`, or mlflow.end_run()."


@trials("7.5")
def _(_spark: Any) -> Iterator[Any]:
    experiment = _experiment()
    png = {"plots/calibration.png": "picture"}

    def logged(value: float, texts: dict[str, str] = png, status: str = "FINISHED") -> tuple[str, str, float]:
        run_id = _logged(experiment, status=status, metrics={"calibration_gap": value}, texts=texts)
        return run_id, run_id, 27.0

    yield right(*logged(27.0))
    yield wrong("a share", *logged(0.27))
    yield wrong("sign is turned", *logged(-27.0))
    yield wrong("no picture", *logged(27.0, texts={}))
    yield wrong("lies at the top", *logged(27.0, texts={"calibration.png": "picture"}))
    yield wrong("still open", *logged(27.0, status="RUNNING"))
    yield wrong("another run", logged(27.0)[0], logged(27.0)[0], 27.0)
    empty = _logged(experiment)
    yield wrong("no metric", empty, empty, 27.0)
    yield wrong("should be the id of a run", None, empty, 27.0)


# Autologging -----------------------------------------------------------------------------------------------------------


@exercise(
    "7.6",
    objective=("PRO-1.16", "ASC-1.12"),
    hint="May a parameter change? May a metric get another value?",
)
def a_record_of_two_fits(comes_from):
    assert isinstance(comes_from, dict) and set(comes_from) == {"max_depth", "training_roc_auc"}, (
        "Say it for max_depth and training_roc_auc."
    )
    odd = sorted(str(value) for value in comes_from.values() if value not in ("first", "second"))
    assert not odd, f'{odd[0]!r} is neither "first" nor "second".'
    depth, auc = comes_from["max_depth"], comes_from["training_roc_auc"]
    assert (depth, auc) != ("first", "first"), (
        "Only parameters are protected from change. A metric takes the second value as its newer one."
    )
    assert (depth, auc) != ("second", "second"), (
        "A parameter that is logged cannot change: autologging's second max_depth is refused, quietly."
    )
    assert (depth, auc) == ("first", "second"), "It is the other way round: which of the two may be written again?"


@trials("7.6")
def _(_spark: Any) -> Iterator[Any]:
    yield right({"max_depth": "first", "training_roc_auc": "second"})
    yield wrong("Only parameters", {"max_depth": "first", "training_roc_auc": "first"})
    yield wrong("refused, quietly", {"max_depth": "second", "training_roc_auc": "second"})
    yield wrong("other way round", {"max_depth": "second", "training_roc_auc": "first"})
    yield wrong("is neither", {"max_depth": 1, "training_roc_auc": "second"})
    yield wrong("Say it for", {"depth": "first"})


@exercise(
    "7.7",
    objective=("PRO-1.16", "ASC-1.12"),
    hint="Open the run yourself, fit inside it, and log the rest before the block ends.",
)
def one_run_holds_it_all(whole):
    import json

    run = _run_of(whole, "whole")
    data = run.data
    if "max_depth" not in data.params:
        raise AssertionError(
            "The run has nothing of the fit: fit inside `with mlflow.start_run():`, or autologging opens a run of its own."
        )
    assert data.params["max_depth"] == "4", f"max_depth is {data.params['max_depth']}: one fit in this run, of tree(4)."
    assert any(name.startswith("training_") for name in data.metrics), (
        "The run has parameters but no training metrics: let autologging record the fit."
    )
    assert "val_auc" in data.metrics, "val_auc is not in this run: log it before the block ends."
    train_auc = data.metrics.get("training_roc_auc")
    assert train_auc is None or abs(data.metrics["val_auc"] - train_auc) > 1e-9, (
        "val_auc equals the training AUC: score the validation rows."
    )
    tables = []
    for one in run.inputs.dataset_inputs:
        roles = [tag.value for tag in one.tags if tag.key == "mlflow.data.context"]
        if one.dataset.source_type == "delta_table":
            tables.append((roles, json.loads(one.dataset.source)))
    assert tables, (
        "No dataset of the table: autologging knows a frame only. Log dataset_of(train, version=...) yourself."
    )
    assert any("training" in roles for roles, _ in tables), 'The dataset should have the context "training".'
    versions = [source.get("delta_table_version") for roles, source in tables if "training" in roles]
    assert all(version is not None for version in versions), (
        "The dataset has lost its version: 0 as a number counts as not given. Pass it as text."
    )
    assert data.tags.get("purpose") == "exercise", "The tag purpose = exercise is missing."
    assert run.info.status == "FINISHED", "The run is still open: use `with`, or mlflow.end_run()."


@trials("7.7")
def _(_spark: Any) -> Iterator[Any]:
    import json

    from mlflow.entities import Dataset, DatasetInput, InputTag

    experiment = _experiment()

    def logged(
        version: str | None = "0",
        context: str = "training",
        params: dict[str, Any] | None = None,
        metrics: dict[str, Any] | None = None,
        tags: dict[str, Any] | None = None,
        kind: str = "delta_table",
    ) -> str:
        run_id = _logged(
            experiment,
            params={"max_depth": 4} if params is None else params,
            metrics={"training_roc_auc": 0.8, "val_auc": 0.7} if metrics is None else metrics,
            tags={"purpose": "exercise"} if tags is None else tags,
        )
        source = {"delta_table_name": "t"} | ({"delta_table_version": version} if version else {})
        # Of equal name and digest the store keeps the first source.
        dataset = Dataset(name="rows", digest=run_id, source_type=kind, source=json.dumps(source))
        _client().log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", context)])])
        return run_id

    yield right(logged())
    yield wrong("nothing of the fit", logged(params={}))
    yield wrong("one fit in this run", logged(params={"max_depth": 3}))
    yield wrong("no training metrics", logged(metrics={"val_auc": 0.7}))
    yield wrong("val_auc is not in this run", logged(metrics={"training_roc_auc": 0.8}))
    yield wrong("score the validation rows", logged(metrics={"training_roc_auc": 0.8, "val_auc": 0.8}))
    yield wrong("knows a frame only", logged(kind="code"))
    yield wrong('context "training"', logged(context="validation"))
    yield wrong("lost its version", logged(version=None))
    yield wrong("The tag purpose", logged(tags={}))


# Nested runs -----------------------------------------------------------------------------------------------------------


@exercise(
    "7.8",
    objective="PRO-1.15",
    hint="The children log inside their own block. After the loop the parent is the active run again.",
)
def a_sweep_that_sums_itself_up(parent_id):
    parent = _run_of(parent_id, "parent_id")
    assert "mlflow.parentRunId" not in parent.data.tags, "parent_id is the id of a child: take that of the outer run."
    children = _children_of(parent)
    assert children, "The run has no children: start the inner runs with nested=True, while the parent is open."
    depths = sorted(child.data.params.get("max_depth", "none") for child in children)
    assert depths == ["1", "2", "3"], (
        f"The children have max_depth {', '.join(depths)}; asked are 1, 2 and 3, once each."
    )
    values = {child.info.run_id: child.data.metrics.get("val_auc") for child in children}
    assert None not in values.values(), "A child has no val_auc: log it inside the child's block."
    assert "val_auc" in parent.data.metrics, (
        "The parent has no val_auc. Nothing moves up: log the winner's value there."
    )
    best = max(values, key=lambda run_id: values[run_id])
    shown = parent.data.metrics["val_auc"]
    assert abs(shown - values[best]) < 1e-9, (
        "The parent's val_auc is not that of the best child. Is it that of the last?"
    )
    named = parent.data.tags.get("best_run_id")
    assert named, "The parent has no tag best_run_id."
    assert named == best, "best_run_id does not name the child with the highest val_auc."
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
    yield wrong("take that of the outer run", sweep()[1][0])
    yield wrong("Nothing moves up", sweep(summed=None)[0])
    yield wrong("that of the last", sweep(summed=0.75)[0])
    yield wrong("no tag best_run_id", sweep(best=None)[0])
    yield wrong("does not name the child", sweep(best=2)[0])
    yield wrong("asked are 1, 2 and 3", sweep(depths=(1, 2))[0])
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
        f"best_model should be the id of a model, a text such as m-...; it is of type {type(best_model).__name__}."
    )
    assert best_model != run_id, "That is the run's id. One run may own many models: give the model's id."
    experiment = _client().get_run(run_id).info.experiment_id
    models = {
        model.model_id: next((one.value for one in model.metrics or [] if one.key == "val_auc"), None)
        for model in mlflow.search_logged_models(
            [experiment], filter_string=f"source_run_id = '{run_id}'", output_format="list"
        )
    }
    wanted = best_model.removeprefix("models:/")
    assert wanted in models, "This is no model of that run. Filter by source_run_id."
    values = {model: value for model, value in models.items() if value is not None}
    assert wanted != min(values, key=lambda model: values[model]), (
        "That is the worst of them: without 'ascending': False the lowest value comes first."
    )
    best = max(values.values())
    assert values.get(wanted) == best, "That is not the best of them. Without order_by the newest model comes first."


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
    yield wrong("the worst of them", models[0], runs[0])
    yield wrong("no model of that run", models[3], runs[0])
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
        f"signature should be what infer_signature returns, not {type(signature).__name__}."
    )
    assert signature.inputs is not None and signature.inputs.has_input_names(), (
        "The signature has no named input columns: infer it from the frame, not from an array."
    )
    types = {column.name: column.type.name for column in signature.inputs}
    missing = [name for name in features if name not in types]
    assert not missing, f"The input {missing[0]} is missing."
    extra = [name for name in types if name not in features]
    assert not extra, f"The input {extra[0]} is no feature: callers would have to send it."
    whole = [name for name, kind in types.items() if kind in ("integer", "long")]
    assert not whole, (
        f"{whole[0]} is a whole number ({types[whole[0]]}): a missing value makes the column float, and it is refused."
    )
    assert signature.outputs is not None, (
        "The signature does not say what comes out. Unity Catalog refuses such a model: pass the predictions."
    )
    kinds = [str(one.type) for one in signature.outputs]
    assert not any("int" in kind or "long" in kind for kind in kinds), (
        "The output is a class. predict_proba(...)[:, 1] gives the probability."
    )
    shape = getattr(signature.outputs.inputs[0], "shape", (-1,))
    assert len(shape) == 1, "The output has two columns: take the second, [:, 1], the probability of leaving."
    params = {one.name: one.default for one in (signature.params.params if signature.params else [])}
    assert "threshold" in params, "The parameter threshold is missing: params={'threshold': 0.5}."
    assert params["threshold"] == 0.5, f"threshold has the default {params['threshold']}, asked is 0.5."


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
    yield wrong("what comes out", infer_signature(floats, params=params), features)
    yield wrong("is a class", infer_signature(floats, np.array([0, 1]), params=params), features)
    yield wrong("two columns", infer_signature(floats, np.array([[0.9, 0.1], [0.8, 0.2]]), params=params), features)
    yield wrong("threshold is missing", infer_signature(floats, p), features)
    yield wrong("asked is 0.5", infer_signature(floats, p, params={"threshold": 0.7}), features)
    yield wrong("is no feature", infer_signature(floats.assign(churned=0.0), p, params=params), features)
    yield wrong("not from an array", infer_signature(floats.to_numpy(), p, params=params), features)
    yield wrong("should be what infer_signature returns", None, features)


# Search ----------------------------------------------------------------------------------------------------------------


@exercise(
    "7.11",
    objective="ASC-1.11",
    hint="Four conditions joined by AND: attributes.status, tags.purpose, metrics.val_auc, metrics.latency_ms.",
)
def the_rule_of_promotion(filter_string, order_by, night):
    from mlflow.exceptions import MlflowException

    assert isinstance(filter_string, str), "filter_string should be a text."
    if isinstance(order_by, str):
        raise AssertionError("order_by should be a list: ['metrics.val_auc DESC'].")
    assert isinstance(order_by, list | tuple) and order_by, "order_by should be a list with one text at least."
    try:
        found = _client().search_runs([night], filter_string, order_by=list(order_by))
    except (MlflowException, TypeError, AttributeError) as error:
        raise AssertionError(f"MLflow refuses the search: {str(error).splitlines()[0][:160]}") from None
    assert found, "No run is found. Is each key spelt as it was logged, and the text in quotes?"

    def told(test: Callable[[Any], bool]) -> bool:
        return any(test(run) for run in found)

    assert not told(lambda run: run.info.status != "FINISHED"), (
        "A crashed run is among the runs found: it keeps its metrics. Filter by attributes.status."
    )
    assert not told(lambda run: run.data.tags.get("purpose") != "candidate"), (
        "A run for debugging is among the runs found. Filter by tags.purpose."
    )
    assert not told(lambda run: run.data.metrics.get("latency_ms", 1e9) > 50), (
        "A run that is too slow is among the runs found."
    )
    assert not told(lambda run: run.data.metrics.get("val_auc", 0) < 0.8), (
        "A run without val_auc of 0.80 or more is among the runs found. Filter by metrics.val_auc."
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
        f"{len(fit) - len(found)} runs that fulfil the rule are not found: a condition is too strict."
    )
    best = max(run.data.metrics["val_auc"] for run in fit)
    first = found[0].data.metrics["val_auc"]
    assert first != min(run.data.metrics["val_auc"] for run in fit), (
        "The worst of them comes first: AUC is better when it is higher."
    )
    assert first == best, "The best run does not come first. Order by metrics.val_auc, spelt as it was logged."


@trials("7.11")
def _(_spark: Any) -> Iterator[Any]:
    night = _experiment()
    for auc, latency, status, purpose in (
        (0.81, 12.0, "FINISHED", "candidate"),
        (0.86, 31.0, "FINISHED", "candidate"),
        (0.85, 50.0, "FINISHED", "candidate"),
        (0.97, 20.0, "FAILED", "candidate"),
        (0.88, 64.0, "FINISHED", "candidate"),
        (0.89, 35.0, "FINISHED", "debug"),
        (0.70, 30.0, "FINISHED", "candidate"),
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
    yield wrong("A crashed run", rule(status=None), best, night)
    yield wrong("for debugging", rule(purpose=None), best, night)
    yield wrong("too slow", rule(latency=None), best, night)
    yield wrong("Filter by metrics.val_auc", rule(auc=None), best, night)
    yield wrong("too strict", rule(latency="metrics.latency_ms < 50"), best, night)
    yield wrong("No run is found", rule(purpose="tags.Purpose = 'candidate'"), best, night)
    yield wrong("The worst of them", rule(), ["metrics.val_auc ASC"], night)
    yield wrong("spelt as it was logged", rule(), ["metrics.val_AUC DESC"], night)
    yield wrong("MLflow refuses the search", rule(status="status is FINISHED"), best, night)
    yield wrong("should be a list: ", rule(), "metrics.val_auc DESC", night)


# The UI ----------------------------------------------------------------------------------------------------------------


@exercise(
    "7.12",
    objective="ASC-1.13",
    hint="The pages show what was logged, and let tags and the description be changed. They compute nothing.",
)
def what_the_page_can_answer(on_the_page):
    assert isinstance(on_the_page, dict) and set(on_the_page) == set("abcdefg"), "Answer for a, b, c, d, e, f and g."
    odd = sorted(key for key, value in on_the_page.items() if not isinstance(value, bool))
    assert not odd, f"{odd[0]} should be True or False."
    assert on_the_page["a"], "a: parameters stand on the run's overview."
    assert on_the_page["b"], "b: the tab of model metrics draws the values of all steps."
    assert not on_the_page["c"], (
        "c: the page shows what was logged. A slice that nobody logged needs predictions and code."
    )
    assert on_the_page["d"], "d: a logged dataset shows the names and types of its columns."
    assert not on_the_page["e"], (
        "e: a dataset is a reference. Rows are there only if somebody stored them as an artifact."
    )
    assert not on_the_page["f"], "f: parameters are the record and cannot be edited. Tags and the description can."
    assert on_the_page["g"], "g: the box above the table takes the filters of section 9."


@trials("7.12")
def _(_spark: Any) -> Iterator[Any]:
    answer = {"a": True, "b": True, "c": False, "d": True, "e": False, "f": False, "g": True}
    yield right(answer)
    yield wrong("nobody logged", answer | {"c": True})
    yield wrong("is a reference", answer | {"e": True})
    yield wrong("cannot be edited", answer | {"f": True})
    yield wrong("takes the filters", answer | {"g": False})
    yield wrong("values of all steps", answer | {"b": False})
    yield wrong("True or False", answer | {"a": "yes"})


# Reproduction ----------------------------------------------------------------------------------------------------------


@exercise(
    "7.13",
    objective="PRO-1.16",
    hint="json.loads(source)['delta_table_version'], then read_rows(version). '40' is text: int('40') is a number.",
)
def rebuilt_from_the_record(rebuild, recorded):
    assert callable(rebuild), "rebuild should be a function."
    records = [_client().get_run(run_id).data.metrics["val_auc"] for run_id in recorded]
    found = []
    for run_id in recorded:
        try:
            found.append(rebuild(run_id))
        except (TypeError, ValueError) as error:
            raise AssertionError(
                f"rebuild stops with {type(error).__name__}: parameters come back as text. Turn them into numbers."
            ) from None
    assert all(isinstance(value, float | int) for value in found), (
        "rebuild should return one number, the validation AUC."
    )
    right_ones = [abs(value - record) < 1e-6 for value, record in zip(found, records, strict=True)]
    if all(right_ones):
        return
    assert len({round(float(value), 9) for value in found}) > 1, (
        "Both runs give the same AUC, so something is fixed in the code that should come from the record: the settings?"
    )
    assert not any(right_ones), "One of the two runs is met, the other is not: read all settings from the record."
    raise AssertionError(
        "Neither AUC is the recorded one. Are the rows those of the recorded version, and the settings those of the run?"
    )


@trials("7.13")
def _(_spark: Any) -> Iterator[Any]:
    experiment = _experiment()
    recorded = [_logged(experiment, metrics={"val_auc": value}) for value in (0.7, 0.8)]

    def gives(*values: Any) -> Callable[[str], Any]:
        return dict(zip(recorded, values, strict=True)).__getitem__

    def text(_run_id: str) -> float:
        raise ValueError("The 'max_iter' parameter must be an int. Got '40' instead.")

    yield right(gives(0.7, 0.8), recorded)
    yield wrong("come back as text", text, recorded)
    yield wrong("Both runs give the same", gives(0.8, 0.8), recorded)
    yield wrong("One of the two runs", gives(0.7, 0.81), recorded)
    yield wrong("Neither AUC", gives(0.71, 0.81), recorded)
    yield wrong("one number", gives(None, None), recorded)
    yield wrong("should be a function", 0.7, recorded)


# The troubleshooting lab -----------------------------------------------------------------------------------------------


@exercise(
    "7.14",
    objective=("PRO-1.15", "PRO-1.16", "ASC-1.11", "ASC-1.12"),
    hint="In each cell ask first: which run is active here, in this thread and on this machine?",
)
def six_cells_repaired(fixed_1, fixed_2, fixed_3, fixed_4, fixed_5, fixed_6, auc_by_country, night):
    data = _run_of(fixed_1, "Cell 1").data
    assert "val_auc" in data.metrics, "Cell 1: the run has no val_auc. Is it the one that the stray call opened?"
    assert "data_version" in data.params, (
        "Cell 1: the parameter is in another run. With nested=True it stays in the accidental parent: log it inside the block."
    )

    run = _run_of(fixed_2, "Cell 2")
    wanted = {f"auc/{country}" for country in auc_by_country}
    missing = sorted(wanted - set(run.data.metrics))
    assert not missing, (
        f"Cell 2: {len(missing)} of {len(wanted)} metrics are missing. In a pool thread no run is active: name the run."
    )

    run = _run_of(fixed_3, "Cell 3")
    assert "reports/left_by_country.csv" in _files_of(run, "reports"), (
        "Cell 3: the run has no artifact reports/left_by_country.csv. Let the workers return rows, and log on the driver."
    )
    import mlflow

    lines = mlflow.artifacts.load_text(f"{run.info.artifact_uri}/reports/left_by_country.csv").strip().splitlines()
    assert set(lines[0].split(",")) == {"country", "left"}, (
        f"Cell 3: the file has the columns {lines[0]!r}, asked are country and left. An index column is one too many."
    )
    assert len(lines) - 1 >= len(auc_by_country), (
        f"Cell 3: {len(lines) - 1} lines for {len(auc_by_country)} countries: one file for all, one line for each country."
    )

    run = _run_of(fixed_4, "Cell 4")
    assert run.info.status == "FINISHED", f"Cell 4: the run's status is {run.info.status}."
    unnamed = [plan for plan in ("basic", "standard", "premium") if not any(plan in key for key in run.data.metrics)]
    assert not unnamed, f"Cell 4: no metric says {unnamed[0]}."

    parent = _run_of(fixed_5, "Cell 5")
    children = _children_of(parent)
    assert children, "Cell 5: the run has no children. Give each depth a nested run, and the id of the parent."
    depths = sorted(int(child.data.params.get("max_depth", 0)) for child in children)
    assert depths == [1, 3, 8], f"Cell 5: the children have the depths {depths}, asked are 1, 3 and 8, once each."
    assert all("val_auc" in child.data.metrics for child in children), "Cell 5: a child has no val_auc."

    winner = _run_of(fixed_6, "Cell 6")
    assert winner.info.experiment_id == night, "Cell 6: this is no run of `night`."
    assert winner.info.status == "FINISHED", "Cell 6: this run has crashed."
    assert winner.data.tags.get("purpose") == "candidate", "Cell 6: this run was for debugging."
    depth = int(winner.data.params.get("depth", 0))
    assert depth > 5, f"Cell 6: this run has a depth of {depth}."
    asked = "attributes.status = 'FINISHED' AND tags.purpose = 'candidate' AND metrics.val_auc > 0"
    deep = [run for run in _client().search_runs([night], asked) if int(run.data.params["depth"]) > 5]
    best = max(run.data.metrics["val_auc"] for run in deep)
    assert winner.data.metrics.get("val_auc") == best, (
        f"Cell 6: depth {depth} is not the best. As text '10' comes before '5': compare numbers."
    )
    return "All six are repaired: run scope, threads, workers, names, children, types."


@trials("7.14")
def _(_spark: Any) -> Iterator[Any]:
    experiment, night = _experiment(), _experiment()
    countries = {"DE": 0.8, "FR": 0.7}
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

    def parent(*depths: int) -> str:
        run_id = _logged(experiment)
        for depth in depths:
            _logged(
                experiment, params={"max_depth": depth}, metrics={"val_auc": 0.7}, tags={"mlflow.parentRunId": run_id}
            )
        return run_id

    by_plan = {f"auc/plan/{plan}": 0.8 for plan in ("basic", "standard", "premium")}
    good: dict[int, Any] = {
        1: _logged(experiment, params={"data_version": 0}, metrics={"val_auc": 0.81}),
        2: _logged(experiment, metrics={"auc/DE": 0.8, "auc/FR": 0.7}),
        3: csv("country,left\nDE,0.1\nFR,0.2\n"),
        4: _logged(experiment, metrics=by_plan),
        5: parent(1, 3, 8),
        6: runs["e"],
    }

    def fixed(changed: dict[int, Any] | None = None) -> tuple[Any, ...]:
        return *(good | (changed or {})).values(), countries, night

    yield right(*fixed())
    yield wrong("the accidental parent", *fixed({1: _logged(experiment, metrics={"val_auc": 0.81})}))
    yield wrong("that the stray call opened", *fixed({1: _logged(experiment, params={"data_version": 0})}))
    yield wrong("Cell 2: 1 of 2 metrics", *fixed({2: _logged(experiment, metrics={"auc/DE": 0.8})}))
    yield wrong("Let the workers return rows", *fixed({3: _logged(experiment)}))
    yield wrong("An index column", *fixed({3: csv(",country,left\n0,DE,0.1\n1,FR,0.2\n")}))
    yield wrong("one line for each country", *fixed({3: csv("country,left\nDE,0.1\n")}))
    yield wrong("status is FAILED", *fixed({4: _logged(experiment, status="FAILED", metrics=by_plan)}))
    yield wrong("no metric says premium", *fixed({4: _logged(experiment, metrics={"basic": 0.8, "standard": 0.8})}))
    yield wrong("has no children", *fixed({5: _logged(experiment)}))
    yield wrong("asked are 1, 3 and 8", *fixed({5: parent(1, 3)}))
    yield wrong("compare numbers", *fixed({6: runs["c"]}))
    yield wrong("has crashed", *fixed({6: runs["d"]}))
    yield wrong("was for debugging", *fixed({6: runs["f"]}))
    yield wrong("a depth of 4", *fixed({6: runs["b"]}))
    yield wrong("Cell 5: no run has this id", *fixed({5: "abc"}))
