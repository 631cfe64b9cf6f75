"""Proofs for chapter 07, MLflow tracking: runs, search, autologging, signatures and logged models on a real store."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from workbook.proofs import Lab, holds, raises, works

# ---------------------------------------------------------------------------------------------------------- helpers


def _end_all() -> None:
    import mlflow

    while mlflow.active_run():
        mlflow.end_run()


def _run(lab: Lab, experiment: str, order: int = 0, **metrics: float) -> str:
    """A finished run whose start time is fixed, with metrics; returns its id."""
    run_id = lab.client.create_run(experiment, start_time=1_790_000_000_000 + order).info.run_id
    for key, value in metrics.items():
        lab.client.log_metric(run_id, key, value)
    lab.client.set_terminated(run_id)
    return run_id


def _ids(runs: Any) -> list[str]:
    return [run.info.run_id for run in runs]


def _parent(lab: Lab, run_id: str) -> str | None:
    return lab.client.get_run(run_id).data.tags.get("mlflow.parentRunId")


@contextlib.contextmanager
def _switched(switch: Callable[..., Any], **options: Any) -> Iterator[None]:
    """Autologging on for a while. Afterwards MLflow has forgotten it, so that a later umbrella call is not overruled."""
    import mlflow
    from mlflow.utils.autologging_utils import AUTOLOGGING_INTEGRATIONS

    try:
        switch(**options)
        yield
    finally:
        mlflow.autolog(disable=True, silent=True)
        for name in ("sklearn", "pyspark.ml", "spark"):
            if name in AUTOLOGGING_INTEGRATIONS:
                AUTOLOGGING_INTEGRATIONS[name]["disable"] = True
                AUTOLOGGING_INTEGRATIONS.pop(name)


#: Nothing of what the items ask for depends on these; they spare the time of storing models and data.
_LIGHT = {"log_models": False, "log_datasets": False, "silent": True}


@functools.cache
def _rows() -> tuple[Any, Any]:
    import numpy as np

    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    return x, x[:, 0] + rng.normal(0, 0.1, 60)


def _width_model() -> Any:
    """A PyFunc model that answers with the number of columns it sees."""
    from mlflow.pyfunc import PythonModel

    class Width(PythonModel):
        def predict(self, context, model_input, params=None):
            return model_input["minutes"].to_numpy() * 0 + model_input.shape[1]

    return Width()


def _loaded(lab: Lab, **options: Any) -> Any:
    import mlflow

    path = str(lab.folder() / "model")
    mlflow.pyfunc.save_model(path, python_model=_width_model(), pip_requirements=[], **options)
    return mlflow.pyfunc.load_model(path)


def _usage() -> Any:
    import pandas as pd

    return pd.DataFrame({"minutes": [10.0, 20.0, 30.0], "tickets": [1, 2, 3]})


# ------------------------------------------------------------------------------------------------------- nested runs


def track_nested_001(lab: Lab) -> set[str]:
    import mlflow

    experiment = lab.experiment()

    def folded(gap: Callable[[int], Any]) -> bool:
        try:
            with mlflow.start_run() as parent:
                for depth in (3, 5):
                    with gap(depth):
                        mlflow.log_param("depth", depth)
        except Exception as error:  # MLflow raises the bare class here: the text has to tell
            if "already active" not in str(error) and "context manager" not in str(error):
                raise
            return False
        finally:
            _end_all()
        found = lab.client.search_runs([experiment], f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
        return sorted(run.data.params["depth"] for run in found) == ["3", "5"]

    return holds(
        {
            "A": folded(lambda d: mlflow.start_run(run_name=f"depth-{d}")),
            "B": folded(lambda d: mlflow.start_run(run_name=f"depth-{d}", nested=True)),
            "C": folded(lambda d: mlflow.start_run(run_name=f"depths/depth-{d}", tags={"parent": "depths"})),
            "D": folded(lambda d: lab.client.create_run(experiment, run_name=f"depth-{d}")),
        }
    )


def track_nested_002(lab: Lab) -> set[str]:
    import mlflow

    experiment, children = lab.experiment(), []
    with mlflow.start_run() as outer:
        for rate, f1 in ((0.1, 0.5), (0.2, 0.7), (0.3, 0.6), (0.4, 0.4)):
            with mlflow.start_run(nested=True) as inner:
                mlflow.log_param("rate", rate)
                mlflow.log_metric("val_f1", f1)
                mlflow.log_text("fine", "report.txt")
            children.append(inner.info.run_id)
    outer_id = outer.info.run_id
    record = lab.client.get_run(outer_id)
    return holds(
        {
            "A": all(_parent(lab, child) == outer_id for child in children),
            "B": any(child in str(record.to_dictionary()) for child in children),
            "C": "rate" in record.data.params,
            "D": sorted(_ids(lab.client.search_runs([experiment]))) == sorted([outer_id, *children]),
            "E": bool(lab.client.list_artifacts(outer_id))
            or all(lab.client.get_run(c).info.artifact_uri.startswith(record.info.artifact_uri) for c in children),
        }
    )


def track_nested_003(lab: Lab) -> set[str]:
    import mlflow

    experiment = lab.experiment()
    with mlflow.start_run() as pipeline:
        parent_id = pipeline.info.run_id

    def child(**options: Any) -> bool:
        with mlflow.start_run(**options) as run:  # no run is active here, as in another process
            pass
        return run.info.run_id != parent_id and _parent(lab, run.info.run_id) == parent_id

    made = lab.client.create_run(experiment, tags={"mlflow.parentRunId": parent_id}).info.run_id
    return holds(
        {
            "A": child(run_name="north", nested=True),
            "B": child(run_name="north", parent_run_id=parent_id),
            "C": child(run_id=parent_id),
            "D": made != parent_id and _parent(lab, made) == parent_id,
            "E": child(run_name="north", tags={"parentRunId": parent_id}),
        }
    )


def track_nested_004(lab: Lab) -> set[str]:
    import mlflow
    from mlflow.exceptions import MlflowException

    experiment, sweeps = lab.experiment(), []
    for values in ((0.7, 0.8), (0.9, 0.95)):  # the second sweep has better children: they must not be found
        with mlflow.start_run() as parent:
            children = []
            for value in values:
                with mlflow.start_run(nested=True) as run:
                    mlflow.log_metric("val_auc", value)
                children.append(run.info.run_id)
        sweeps.append((parent.info.run_id, children[-1]))
    parent_id, best = sweeps[0]

    def finds(text: str) -> bool:
        try:
            return (
                lab.client.search_runs([experiment], text, order_by=["metrics.val_auc DESC"], max_results=1)[
                    0
                ].info.run_id
                == best
            )
        except (MlflowException, IndexError):
            return False

    return holds(
        {
            "A": finds(f"attributes.parent_run_id = '{parent_id}'"),
            "B": finds(f"attributes.run_id = '{parent_id}'"),
            "C": finds(f"tags.mlflow.parentRunId = '{parent_id}'"),
            "D": finds(f"tags.parentRunId = '{parent_id}'"),
        }
    )


def track_nested_005(lab: Lab) -> set[str]:
    import mlflow

    experiment = lab.experiment()

    def parent_shows(nested: bool = False, step: bool = False, search: bool = False, write: bool = False) -> bool:
        with mlflow.start_run(nested=nested) as parent:
            for number, value in enumerate((0.7, 0.9, 0.8)):
                with mlflow.start_run(nested=True):
                    mlflow.log_metric("val_auc", value, step=number if step else None)
            if search:
                lab.client.search_runs([experiment], order_by=["metrics.val_auc DESC"])
            if write:
                mlflow.log_metric("val_auc", 0.9)
        return lab.client.get_run(parent.info.run_id).data.metrics.get("val_auc") == 0.9

    return holds(
        {
            "A": parent_shows(nested=True),
            "B": parent_shows(step=True),
            "C": parent_shows(search=True),
            "D": parent_shows(write=True),
        }
    )


# --------------------------------------------------------------------------------------- params, metrics, tags, traps


def track_log_006(lab: Lab) -> set[str]:
    import mlflow
    from mlflow.exceptions import MlflowException

    experiment = lab.experiment()
    scores = {"val_auc": 0.84, "val_f1": 0.61, "val_precision": 0.70, "val_recall": 0.54}

    def found(call: Callable[[], Any]) -> bool:
        try:
            with mlflow.start_run() as run:
                call()
        except (MlflowException, TypeError):
            return False
        hits = lab.client.search_runs([experiment], "metrics.val_auc > 0.8")
        return [hit.data.metrics for hit in hits if hit.info.run_id == run.info.run_id] == [scores]

    return holds(
        {
            "A": found(lambda: mlflow.log_dict(scores, "validation/scores.json")),
            "B": found(lambda: mlflow.log_params(scores)),
            "C": found(lambda: mlflow.log_metrics(scores)),
            "D": found(lambda: mlflow.log_metric("scores", scores)),  # type: ignore[arg-type]
        }
    )


def track_log_007(lab: Lab) -> set[str]:
    import mlflow
    from mlflow.exceptions import MlflowException

    experiment = lab.experiment()

    def suits(rate: str, state: str, auc: str) -> bool:
        try:
            with mlflow.start_run() as run:
                getattr(mlflow, rate)("learning_rate", 0.05)
                getattr(mlflow, state)("review", "open")
                getattr(mlflow, auc)("val_auc", 0.84)
            with mlflow.start_run(run_id=run.info.run_id):  # next week
                getattr(mlflow, state)("review", "approved")
        except (MlflowException, AttributeError):
            return False
        finally:
            _end_all()
        ranked = lab.client.search_runs([experiment], "metrics.val_auc > 0.8", order_by=["metrics.val_auc DESC"])
        data = lab.client.get_run(run.info.run_id).data
        return run.info.run_id in _ids(ranked) and "approved" in [*data.tags.values(), *data.params.values()]

    return holds(
        {
            "A": suits("log_param", "log_param", "log_metric"),
            "B": suits("log_param", "set_tag", "log_metric"),
            "C": suits("set_tag", "log_metric", "log_param"),
            "D": suits("log_param", "log_tags", "log_metric"),
        }
    )


def track_log_008(lab: Lab) -> set[str]:
    from mlflow.exceptions import MlflowException

    run_id = _run(lab, lab.experiment())
    names = {
        "A": "auc__segment=premium",
        "B": "auc/segment-premium",
        "C": "auc@premium",
        "D": "auc[segment.premium]",
        "E": "auc segment.premium",
    }
    return holds(
        {
            letter: works(lambda name=name: lab.client.log_metric(run_id, name, 0.8), MlflowException)
            and lab.client.get_run(run_id).data.metrics.get(name) == 0.8
            for letter, name in names.items()
        }
    )


def track_log_009(lab: Lab) -> set[str]:
    import mlflow

    def cell_2(**options: Any) -> str:
        with mlflow.start_run(run_name="baseline", **options) as run:
            mlflow.log_metric("val_auc", 0.81)
        return run.info.run_id

    def both(run_id: str) -> bool:
        data = lab.client.get_run(run_id).data
        return data.params == {"data_version": "42"} and data.metrics == {"val_auc": 0.81}

    experiment = lab.experiment()
    earlier = _run(lab, experiment)
    mlflow.log_param("data_version", 42)  # cell 1
    opened = mlflow.active_run()
    stopped = raises(Exception, cell_2)
    dropped = not any(run.data.params for run in lab.client.search_runs([experiment]))
    in_earlier = bool(lab.client.get_run(earlier).data.params)
    nested = cell_2(nested=True)
    mlflow.set_experiment(experiment_id=experiment)
    again_stopped = raises(Exception, cell_2)
    _end_all()
    with mlflow.start_run(run_name="baseline") as repaired:
        mlflow.log_param("data_version", 42)
        mlflow.log_metric("val_auc", 0.81)
    return holds(
        {
            "A": opened is not None and stopped and both(repaired.info.run_id),
            "B": opened is not None and stopped and both(nested),
            "C": dropped and stopped,
            "D": in_earlier and not again_stopped,
        }
    )


def track_log_010(lab: Lab) -> set[str]:
    import mlflow

    lab.experiment()
    with mlflow.start_run() as run:
        for epoch, auc in enumerate([0.81, 0.93, 0.85]):
            mlflow.log_metric("val_auc", auc, step=epoch, timestamp=1_790_000_000_000 + 300_000 * epoch)
    value = lab.client.get_run(run.info.run_id).data.metrics["val_auc"]
    mean = round((0.81 + 0.93 + 0.85) / 3, 2)
    return holds({"A": value == 0.81, "B": value == 0.93, "C": value == 0.85, "D": round(value, 2) == mean})


def track_log_011(lab: Lab) -> set[str]:
    import mlflow
    from mlflow import MlflowClient

    lab.experiment()
    segments = {"north": 0.8, "south": 0.7}

    def nested(name: str, auc: float) -> None:
        with mlflow.start_run(nested=True):
            mlflow.log_metric(name, auc)

    def arrives(line: Callable[[str, str, float], Any]) -> bool:
        def evaluate(segment: str) -> None:
            try:
                line(run_id, f"auc/{segment}", segments[segment])
            finally:
                _end_all()

        with mlflow.start_run() as run:
            run_id = run.info.run_id
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(evaluate, segments))
        return lab.client.get_run(run_id).data.metrics == {f"auc/{s}": auc for s, auc in segments.items()}

    return holds(
        {
            "A": arrives(lambda run_id, name, auc: mlflow.log_metric(name, auc, run_id=run_id)),
            "B": arrives(lambda run_id, name, auc: mlflow.log_metrics({name: auc}, synchronous=True)),
            "C": arrives(lambda run_id, name, auc: MlflowClient().log_metric(run_id, name, auc)),
            "D": arrives(lambda run_id, name, auc: nested(name, auc)),
        }
    )


# --------------------------------------------------------------------------------------------- artifacts and models


def track_art_012(lab: Lab) -> set[str]:
    import mlflow
    import numpy as np
    from matplotlib.figure import Figure
    from mlflow.exceptions import MlflowException

    lab.experiment()
    figure, matrix = Figure(), np.array([[50, 4], [7, 20]])
    figure.subplots().imshow(matrix)

    def attached(call: Callable[[], Any]) -> bool:
        with mlflow.start_run() as run:
            done = works(call, (TypeError, MlflowException))
        return done and bool(lab.client.list_artifacts(run.info.run_id))

    return holds(
        {
            "A": attached(lambda: mlflow.log_figure(figure)),  # type: ignore[call-arg]
            "B": attached(lambda: mlflow.log_artifact(figure, "plots/confusion.png")),  # type: ignore[arg-type]
            "C": attached(lambda: mlflow.log_metrics({"confusion": matrix})),  # type: ignore[dict-item]
            "D": attached(lambda: mlflow.log_figure(figure, "plots/confusion.png")),
        }
    )


def track_art_013(lab: Lab) -> set[str]:
    from pathlib import Path

    import mlflow
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    lab.experiment()
    path = "reports/slices.csv"
    with mlflow.start_run() as run:
        mlflow.log_text("segment,auc\n", path)
    run_id = run.info.run_id

    def copied(call: Callable[[], Any]) -> bool:
        try:
            return Path(call()).read_text() == "segment,auc\n"
        except (MlflowException, AttributeError, OSError):
            return False

    return holds(
        {
            "A": copied(lambda: mlflow.artifacts.download_artifacts(run_id, path)),
            "B": copied(lambda: mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=path)),
            "C": copied(lambda: mlflow.get_run(run_id).data.artifacts[path]),
            "D": copied(lambda: MlflowClient().download_artifacts(run_id, path)),
            "E": copied(lambda: mlflow.get_artifact(run_id, path)),  # type: ignore[attr-defined]
        }
    )


def track_model_015(lab: Lab) -> set[str]:
    import mlflow
    from mlflow.models import infer_signature

    experiment, sample = lab.experiment(), _usage()
    signature = infer_signature(sample, sample["minutes"])
    with mlflow.start_run() as run:
        info = mlflow.pyfunc.log_model(
            name="model", python_model=_width_model(), signature=signature, pip_requirements=[]
        )
    run_id = run.info.run_id
    empty = lab.client.list_artifacts(run_id) == []
    by_name = f"runs:/{run_id}/model"
    mlflow.register_model(by_name, lab.table("scorer"))
    outputs = lab.client.get_run(run_id).outputs
    linked = [model.model_id for model in outputs.model_outputs] if outputs else []
    return holds(
        {
            "A": lab.client.list_artifacts(run_id) != [],
            "B": not works(lambda: mlflow.pyfunc.load_model(info.model_uri), mlflow.MlflowException),
            "C": empty and len(mlflow.pyfunc.load_model(by_name).predict(sample)) == 3,
            "D": info.model_id not in linked,
            "E": info.model_uri.startswith("models:/m-")
            and mlflow.get_logged_model(info.model_id).experiment_id == experiment,
        }
    )


def track_model_016(lab: Lab) -> set[str]:
    import mlflow
    from mlflow.exceptions import MlflowException

    experiment, checkpoints = lab.experiment(), []
    with mlflow.start_run() as run:
        for step, auc in enumerate([0.71, 0.92, 0.88]):
            model_id = mlflow.initialize_logged_model(name=f"step-{step}").model_id
            mlflow.log_metric("val_auc", auc, step=step, model_id=model_id)
            mlflow.finalize_logged_model(model_id, "READY")
            checkpoints.append(model_id)
    best = checkpoints[1]
    by_auc = [{"field_name": "metrics.val_auc", "ascending": False}]
    first_run = lab.client.search_runs([experiment], order_by=["metrics.val_auc DESC"], max_results=1)[0]
    ranked = mlflow.search_logged_models([experiment], order_by=by_auc, max_results=1, output_format="list")
    newest = mlflow.search_logged_models([experiment], max_results=1, output_format="list")
    try:
        by_run = mlflow.get_logged_model(run.info.run_id).model_id
    except MlflowException:
        by_run = None
    return holds(
        {
            "A": getattr(first_run, "model_id", None) == best or first_run.data.metrics["val_auc"] == 0.92,
            "B": [model.model_id for model in ranked] == [best],
            "C": [model.model_id for model in newest] == [best],
            "D": by_run == best,
        }
    )


# ----------------------------------------------------------------------------------------- signature and example


def track_sig_017(lab: Lab) -> set[str]:
    import numpy as np
    from mlflow.models import infer_signature

    frame, threshold = _usage(), {"threshold": 0.5}
    prediction = np.array([0.1, 0.2, 0.3])
    signature = infer_signature(frame, prediction, params=threshold)
    wider = infer_signature(frame.assign(minutes=[-9e9, 0.0, 9e9]), prediction, params=threshold)
    text = json.dumps(signature.to_dict())
    columns = dict(zip(signature.inputs.input_names(), map(str, signature.inputs.input_types()), strict=True))
    (parameter,) = signature.params.params
    return holds(
        {
            "A": [name for name in columns] == ["minutes", "tickets"] and "long" in columns["tickets"].lower(),
            "B": "float64" in str(signature.outputs),
            "C": wider != signature,
            "D": (parameter.name, parameter.default) == ("threshold", 0.5) and "double" in str(parameter.dtype).lower(),
            "E": any(library in text for library in ("numpy", "pandas", "scikit-learn", "mlflow==")),
        }
    )


def track_sig_018(lab: Lab) -> set[str]:
    from mlflow.exceptions import MlflowException
    from mlflow.models import infer_signature

    frame = _usage()
    model = _loaded(lab, signature=infer_signature(frame, frame["minutes"]))
    frames = {
        "A": frame[["tickets", "minutes"]],
        "B": frame.assign(country="SE"),
        "C": frame.assign(minutes=[10, 20, 30]),
        "D": frame.assign(minutes=-40_000.0),
        "E": frame[["minutes"]],
    }
    return holds({letter: raises(MlflowException, lambda f=f: model.predict(f)) for letter, f in frames.items()})


def track_sig_019(lab: Lab) -> set[str]:
    import numpy as np
    from mlflow.exceptions import MlflowException
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types import ColSpec, Schema

    train = _usage()
    production = train.assign(tickets=[1.0, np.nan, 3.0])
    optional = Schema([ColSpec("double", "minutes"), ColSpec("long", "tickets", required=False)])
    signatures = {
        "A": infer_signature(train.astype({"tickets": "float64"}), train["minutes"]),
        "B": infer_signature(train.fillna(0), train["minutes"]),
        "C": ModelSignature(inputs=optional),
        "D": infer_signature(train.astype({"tickets": "Int64"}), train["minutes"]),
    }
    return holds(
        {
            letter: works(lambda s=signature: _loaded(lab, signature=s).predict(production), MlflowException)
            for letter, signature in signatures.items()
        }
    )


def track_sig_020(lab: Lab) -> set[str]:
    import mlflow
    from mlflow.exceptions import MlflowException
    from mlflow.pyfunc import PythonModel

    frame, seen = _usage(), []

    class Counts(PythonModel):
        def predict(self, context, model_input, params=None):
            seen.append(len(model_input))
            return model_input["minutes"].to_numpy()

    class Fails(PythonModel):
        def predict(self, context, model_input, params=None):
            raise KeyError("no such column")

    def save(model: PythonModel, **options: Any) -> str:
        path = str(lab.folder() / "model")
        mlflow.pyfunc.save_model(path, python_model=model, pip_requirements=[], **options)
        return path

    path = save(Counts(), input_example=frame.head(3))
    stored = mlflow.models.Model.load(path)
    without = mlflow.models.Model.load(save(Counts()))
    loaded = mlflow.pyfunc.load_model(path)
    return holds(
        {
            "A": stored.load_input_example(path).to_dict("list") == frame.to_dict("list"),
            "B": works(lambda: loaded.predict(frame[["tickets"]]), MlflowException),
            "C": without.signature is None and stored.signature is not None and stored.signature.outputs is not None,
            "D": not works(lambda: save(Fails(), input_example=frame.head(3))),
            "E": seen[:1] == [3],
        }
    )


# ------------------------------------------------------------------------------------------------------ autologging


def track_auto_021(lab: Lab) -> set[str]:
    import mlflow
    from sklearn.linear_model import Ridge

    def recorded(line: Callable[[], Any]) -> bool:
        experiment = lab.experiment()
        try:
            line()
            Ridge(alpha=2.0).fit(*_rows())
        except TypeError:
            return False
        finally:
            _end_all()
        runs = lab.client.search_runs([experiment])
        return any("alpha" in r.data.params and "training_mean_squared_error" in r.data.metrics for r in runs)

    claims = {
        "A": recorded(lambda: mlflow.start_run(log_all=True)),  # type: ignore[call-arg]
        "D": recorded(lambda: mlflow.set_experiment("/Shared/proofs/x", autolog=True)),  # type: ignore[call-arg]
    }
    try:
        claims["C"] = recorded(mlflow.enable_system_metrics_logging)
    finally:
        mlflow.disable_system_metrics_logging()
    with _switched(mlflow.autolog, **_LIGHT):
        claims["B"] = recorded(lambda: None)
    return holds(claims)


def track_auto_022(lab: Lab) -> set[str]:
    import mlflow
    import pandas as pd
    from sklearn.linear_model import Ridge

    experiment = lab.experiment()
    x, y = _rows()
    # as after spark.read.option("versionAsOf", 42).table("main.ml.orders").toPandas(): a plain frame
    train = pd.DataFrame(x, columns=["a", "b", "c"])
    with _switched(mlflow.sklearn.autolog, log_models=False, silent=True):
        Ridge(alpha=2.0).fit(train, y)
    (run,) = lab.client.search_runs([experiment])
    data = run.data
    source = [(i.dataset.source_type, json.loads(i.dataset.source)) for i in run.inputs.dataset_inputs]
    own = [*data.params, *data.tags, *data.params.values(), *data.tags.values()]
    return holds(
        {
            "A": data.params.get("alpha") != "2.0",
            "B": bool(source) and all(kind == "code" and "version" not in str(s).lower() for kind, s in source),
            "C": "training_mean_squared_error" not in data.metrics,
            "D": not any(word in text.lower() for text in own for word in ("finance", "cost", "forecast", "three")),
            "E": "Ridge" not in data.tags.get("estimator_class", ""),
        }
    )


def track_auto_023(lab: Lab) -> set[str]:
    import mlflow
    import mlflow.pyspark.ml
    from mlflow.exceptions import MlflowException
    from pyspark.ml import Estimator, Model
    from pyspark.ml.param.shared import HasMaxIter

    class Fitted(Model):
        def _transform(self, dataset):
            return dataset

    class Plain(Estimator, HasMaxIter):
        """An estimator of Spark ML whose fit costs nothing."""

        def _fit(self, dataset):
            return Fitted()

    frame = lab.spark.range(1)

    def recorded(switch: Callable[..., Any], **options: Any) -> bool:
        experiment = lab.experiment()
        try:
            with _switched(switch, **options):
                estimator = Plain()
                estimator.set(estimator.maxIter, 7)
                estimator.fit(frame)
        except MlflowException:  # mlflow.spark: the JAR for data sources is not here
            return False
        return any(run.data.params.get("maxIter") == "7" for run in lab.client.search_runs([experiment]))

    return holds(
        {
            "A": recorded(mlflow.pyspark.ml.autolog, **_LIGHT),
            "B": recorded(mlflow.spark.autolog, silent=False),
            "C": recorded(mlflow.autolog, **_LIGHT),
            "D": recorded(mlflow.sklearn.autolog, **_LIGHT),
        }
    )


def track_auto_024(lab: Lab) -> set[str]:
    import mlflow
    from sklearn.linear_model import Ridge

    experiment = lab.experiment()
    with _switched(mlflow.sklearn.autolog, **_LIGHT), mlflow.start_run() as run:
        for alpha in (0.5, 500):
            Ridge(alpha=alpha).fit(*_rows())
    data = lab.client.get_run(run.info.run_id).data
    runs = lab.client.search_runs([experiment])
    alpha, r2 = data.params["alpha"], round(data.metrics["training_r2_score"], 2)
    return holds(
        {
            "A": (alpha, r2) == ("0.5", 0.99),
            "B": (alpha, r2) == ("500", 0.24),
            "C": (alpha, r2) == ("0.5", 0.24),
            "D": len(runs) == 2 and any("mlflow.parentRunId" in run.data.tags for run in runs),
        }
    )


def track_auto_025(lab: Lab) -> set[str]:
    import mlflow
    from sklearn.linear_model import Ridge

    experiment = lab.experiment()
    with _switched(mlflow.sklearn.autolog, **_LIGHT):
        Ridge(alpha=2.0).fit(*_rows())
        logged = works(lambda: mlflow.log_metric("test_cost", 12.0))
        still_open = mlflow.active_run() is not None
        _end_all()
    runs = lab.client.search_runs([experiment])
    together = [run for run in runs if "alpha" in run.data.params and "test_cost" in run.data.metrics]
    return holds(
        {
            "A": len(together) == 1 and still_open,
            "B": len(together) == 1 and not still_open,
            "C": not logged,
            "D": len(runs) == 2 and not together and any("test_cost" in run.data.metrics for run in runs),
        }
    )


# ----------------------------------------------------------------------------------------------------------- search


def track_search_027(lab: Lab) -> set[str]:
    import mlflow
    from mlflow import MlflowClient

    metrics = {"val_auc": 0.84, "val_f1": 0.61}
    run_id = _run(lab, lab.experiment(), **metrics)

    def gives(call: Callable[[], Any]) -> bool:
        try:
            return call() == metrics
        except (AttributeError, TypeError):
            return False

    return holds(
        {
            "A": gives(lambda: mlflow.get_run(run_id).data.metrics),
            "B": gives(lambda: mlflow.get_run(run_id).info.metrics),
            "C": gives(lambda: mlflow.get_metrics(run_id)),  # type: ignore[attr-defined]
            "D": gives(lambda: MlflowClient().get_run(run_id).data.metrics),
            "E": gives(lambda: MlflowClient().get_metric_history(run_id)),  # type: ignore[call-arg]
        }
    )


def track_search_028(lab: Lab) -> set[str]:
    from mlflow.exceptions import MlflowException

    experiment = lab.experiment()
    runs = [_run(lab, experiment, order, val_rmse=value) for order, value in enumerate((6.0, 4.0, 9.0, 5.0))]

    def best(order: str) -> bool:
        try:
            return _ids(lab.client.search_runs([experiment], order_by=[order], max_results=1)) == [runs[1]]
        except MlflowException:
            return False

    return holds(
        {
            "A": best("metrics.val_rmse ASC"),
            "B": best("metrics.val_rmse DESC"),
            "C": best("val_rmse ASC"),
            "D": best("params.val_rmse ASC"),
        }
    )


def track_search_029(lab: Lab) -> set[str]:
    from mlflow.exceptions import MlflowException

    experiment = lab.experiment()
    values = (0.8, 0.9, 0.6, 0.7)
    runs = [_run(lab, experiment, order, val_auc=value) for order, value in enumerate(values)]
    try:
        got = _ids(lab.client.search_runs([experiment], order_by=["metrics.val_AUC DESC"], max_results=1))
    except MlflowException:
        got = []
    return holds({"A": got == [runs[1]], "B": got == [runs[3]], "C": got == [runs[2]], "D": not got})


def track_search_030(lab: Lab) -> set[str]:
    import mlflow
    from mlflow.exceptions import MlflowException

    experiment = lab.experiment()
    for depth in (2, 4, 6, 8, 10, 12):
        with mlflow.start_run():
            mlflow.log_param("depth", depth)
    runs = mlflow.search_runs([experiment])
    wanted = ["10", "12", "6", "8"]

    def depths(text: str) -> list[str]:
        try:
            return sorted(run.data.params["depth"] for run in lab.client.search_runs([experiment], filter_string=text))
        except MlflowException:
            return []

    return holds(
        {
            "A": depths("params.depth > 5") == wanted,
            "B": depths("params.depth > '5'") == wanted,
            "C": sorted(runs[runs["params.depth"].astype(int) > 5]["params.depth"]) == wanted,
            "D": sorted(runs[runs["params.depth"] > "5"]["params.depth"]) == wanted,
        }
    )


def track_search_031(lab: Lab) -> set[str]:
    import mlflow
    from mlflow.entities import ViewType

    experiment = lab.experiment()
    good = _run(lab, experiment, val_auc=0.88)
    _run(lab, experiment, val_auc=0.85)

    def crashes() -> None:
        with mlflow.start_run():
            mlflow.log_metric("val_auc", 0.97)
            raise RuntimeError("out of memory in fold 2")

    assert raises(RuntimeError, crashes)

    def first(**options: Any) -> list[str]:
        return _ids(
            lab.client.search_runs([experiment], max_results=1, **{"order_by": ["metrics.val_auc DESC"], **options})
        )

    return holds(
        {
            "A": first(run_view_type=ViewType.ACTIVE_ONLY) == [good],
            "B": first(order_by=["metrics.val_auc DESC", "end_time DESC"]) == [good],
            "C": first(filter_string="tags.mlflow.status = 'FINISHED'") == [good],
            "D": first(filter_string="attributes.status = 'FINISHED'") == [good],
        }
    )


# ---------------------------------------------------------------------------------------- reproduction and pictures


def track_repro_036(lab: Lab) -> set[str]:
    import mlflow
    import numpy as np
    import pandas as pd

    lab.experiment()
    path = lab.folder() / "orders.csv"
    train = pd.DataFrame({"amount": np.arange(5000) / 7, "items": np.arange(5000) % 9})
    train.to_csv(path, index=False)
    dataset = mlflow.data.from_pandas(train, source=str(path), name="orders")
    with mlflow.start_run() as run:
        mlflow.log_input(dataset, context="training")
    record = lab.client.get_run(run.info.run_id)
    (logged,) = record.inputs.dataset_inputs
    changed = train.assign(amount=train["amount"] + 1)
    other = mlflow.data.from_pandas(changed, source=str(path), name="orders")
    changed.to_csv(path, index=False)  # the file is overwritten
    reached = pd.read_csv(json.loads(logged.dataset.source)["uri"])
    profile = json.loads(logged.dataset.profile)
    return holds(
        {
            "A": other.digest != logged.dataset.digest
            and mlflow.data.from_pandas(train, source=str(path), name="orders").digest == logged.dataset.digest,
            "B": bool(lab.client.list_artifacts(run.info.run_id)),
            "C": np.allclose(reached["amount"], train["amount"]),
            "D": any(word in str(profile).lower() for word in ("mean", "quantile", "std", "50%")),
            "E": "amount" in logged.dataset.schema
            and "orders.csv" in logged.dataset.source
            and [(tag.key, tag.value) for tag in logged.tags] == [("mlflow.data.context", "training")],
        }
    )


def track_repro_037(lab: Lab) -> set[str]:
    import mlflow
    import numpy as np
    import pandas as pd
    from mlflow.data.delta_dataset_source import DeltaDatasetSource

    lab.experiment()
    weeks = {v: pd.DataFrame({"amount": np.random.default_rng(v).normal(size=100)}) for v in (7, 8)}
    assert not weeks[7].equals(weeks[8])
    records: dict[str, list[Any]] = {"A": [], "B": [], "C": [], "D": []}
    for version, frame in weeks.items():
        source = DeltaDatasetSource(delta_table_name="main.ml.orders", delta_table_version=version)
        dataset = mlflow.data.from_pandas(frame, source=source, name="orders")
        with mlflow.start_run() as run:
            mlflow.log_text("SELECT * FROM main.ml.orders", "query.sql")
            mlflow.log_params({"table": "main.ml.orders", "rows": len(frame), "schema": str(dict(frame.dtypes))})
            mlflow.log_params({"seed_python": 7, "seed_numpy": 7, "random_state": 7})
            mlflow.log_input(dataset, context="training")
        record = lab.client.get_run(run.info.run_id)
        params = record.data.params
        records["A"].append(mlflow.artifacts.load_text(f"{record.info.artifact_uri}/query.sql"))
        records["B"].append({key: params[key] for key in ("table", "rows", "schema")})
        records["C"].append(json.loads(record.inputs.dataset_inputs[0].dataset.source)["delta_table_version"])
        records["D"].append({key: params[key] for key in ("seed_python", "seed_numpy", "random_state")})
    return holds({letter: first != second for letter, (first, second) in records.items()})


def track_art_038(lab: Lab) -> set[str]:
    import numpy as np
    from sklearn.calibration import calibration_curve
    from sklearn.metrics import confusion_matrix, precision_recall_curve, roc_curve

    rng = np.random.default_rng(3)
    a = rng.uniform(size=4000)
    truth = (rng.uniform(size=4000) < a).astype(int)
    b = a**3

    def gap(score: Any) -> float:
        share, mean = calibration_curve(truth, score, n_bins=5)
        return float(np.abs(share - mean).max())

    def curves_differ(curve: Callable[..., Any]) -> bool:
        (x_a, y_a, _), (x_b, y_b, _) = curve(truth, a), curve(truth, b)
        return not (len(x_a) == len(x_b) and np.allclose(x_a, x_b) and np.allclose(y_a, y_b))

    def matrix(score: Any) -> Any:
        return confusion_matrix(truth, score >= np.sort(score)[-400])

    return holds(
        {
            "A": gap(a) < 0.1 and gap(b) > 0.25,
            "B": curves_differ(roc_curve),
            "C": curves_differ(precision_recall_curve),
            "D": not np.array_equal(matrix(a), matrix(b)),
        }
    )
