"""Proofs for chapter 08: the model registry, PyFunc models, aliases, tags, grants, and the legacy stages and webhooks.

Models are saved once to a folder and registered from there: that costs a tenth of logging them in a run. Rules that
only Unity Catalog has (three levels, signature, no stages, privileges) are those of the local registry.
"""

from __future__ import annotations

import functools
import inspect
import json
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workbook.proofs import Lab, holds, raises, works

CALLER = "someone@example.com"


def _refused() -> tuple[type[Exception], ...]:
    """What the client raises when the registry, or its own check, says no."""
    from mlflow.exceptions import MlflowException

    return (MlflowException,)


def _signature() -> Any:
    import pandas as pd
    from mlflow.models import infer_signature

    return infer_signature(pd.DataFrame({"x": [1.0]}), pd.Series([1.0]))


def _one_row() -> Any:
    import pandas as pd

    return pd.DataFrame({"x": [1.0]})


def _save(lab: Lab, model: Any, **options: Any) -> str:
    """Save a PythonModel; the requirements are given because inferring them takes seconds."""
    import mlflow

    path = str(lab.folder() / "model")
    mlflow.pyfunc.save_model(path, python_model=model, **{"pip_requirements": ["mlflow"], **options})
    return path


def _save_sklearn(lab: Lab, model: Any, **options: Any) -> str:
    import mlflow

    path = str(lab.folder() / "model")
    mlflow.sklearn.save_model(
        model, path, pip_requirements=["scikit-learn"], serialization_format="cloudpickle", **options
    )
    return path


def _python_model(predict: Callable[[Any], Any]) -> Any:
    """A PythonModel whose predict is this function of the input."""
    from mlflow.pyfunc import PythonModel

    class Model(PythonModel):
        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            return predict(model_input)

    return Model()


def _says(number: float) -> Callable[[Any], Any]:
    def predict(model_input: Any) -> Any:
        return [number] * len(model_input)

    return predict


def _log(number: float, registered_model_name: str | None = None, requirement: str = "mlflow") -> Any:
    """Log a model that answers this number on any row, in the active run."""
    import mlflow

    return mlflow.pyfunc.log_model(
        name="model",
        python_model=_python_model(_says(number)),
        signature=_signature(),
        pip_requirements=[requirement],
        registered_model_name=registered_model_name,
    )


@functools.cache
def _sources(lab: Lab, count: int = 3) -> tuple[str, ...]:
    """Saved models with a signature that answer 1.0, 2.0, ... on any row."""
    return tuple(
        _save(lab, _python_model(_says(float(number))), signature=_signature()) for number in range(1, count + 1)
    )


def _model(lab: Lab, versions: int, **aliases: str) -> str:
    """A registered model with so many versions; version n answers n for n up to 3."""
    name = lab.table("model")
    sources = _sources(lab)
    lab.client.create_registered_model(name)
    for number in range(versions):
        lab.client.create_model_version(name, sources[min(number, 2)])
    for alias, version in aliases.items():
        lab.client.set_registered_model_alias(name, alias, version)
    return name


def _answer(uri: str) -> float:
    import mlflow

    return float(mlflow.pyfunc.load_model(uri).predict(_one_row())[0])


def _loads(uri: str) -> bool:
    return works(lambda: _answer(uri), _refused())


def _champion(lab: Lab, name: str, alias: str = "Champion") -> str | None:
    """Number of the version behind an alias, None without one."""
    aliases: dict[str, str] = lab.client.get_registered_model(name).aliases
    return aliases.get(alias.lower())


@functools.cache
def _legacy(lab: Lab) -> tuple[Any, str]:
    """Client and address of a plain MLflow registry, the kind that has stages."""
    from mlflow import MlflowClient

    from lakehouse.paths import home

    assert lab.client is not None
    database = lab.folder() / "mlflow.db"
    shutil.copy(home() / "mlflow" / "mlflow.db", database)
    uri = f"sqlite:///{database}"
    return MlflowClient(tracking_uri=uri, registry_uri=uri), uri


def _legacy_model(lab: Lab, versions: int) -> tuple[Any, str]:
    client, _ = _legacy(lab)
    name = f"churn_{uuid.uuid4().hex[:8]}"
    client.create_registered_model(name)
    for number in range(versions):
        client.create_model_version(name, _sources(lab)[min(number, 2)])
    return client, name


@contextmanager
def _registry(uri: str) -> Iterator[None]:
    """Set another registry for the length of a block."""
    import mlflow

    before = mlflow.get_registry_uri()
    mlflow.set_registry_uri(uri)
    try:
        yield
    finally:
        mlflow.set_registry_uri(before)


@functools.cache
def _scaled() -> tuple[Any, Any, Any]:
    """Raw inputs, a fitted scaler, and a regression fitted on what the scaler gives."""
    import pandas as pd
    from sklearn.linear_model import LinearRegression
    from sklearn.preprocessing import StandardScaler

    raw = pd.DataFrame({"a": [10.0, 20.0, 30.0, 40.0], "b": [1.0, 5.0, 2.0, 8.0]})
    scaler = StandardScaler().fit(raw.to_numpy())
    return raw, scaler, LinearRegression().fit(scaler.transform(raw.to_numpy()), 3 * raw["a"] - 2 * raw["b"] + 7)


def reg_flavor_001(lab: Lab) -> set[str]:
    import mlflow
    import numpy as np
    import pandas as pd
    from sklearn.linear_model import LinearRegression

    usage = np.linspace(0, 1, 5).reshape(-1, 1)
    model = LinearRegression().fit(usage, 10 * usage.ravel())  # score 10 at the cap
    rules = lab.folder() / f"rules_{uuid.uuid4().hex[:8]}.py"
    rules.write_text("def cap(x):\n    return x.clip(upper=1.0)\n\n\ndef decide(score):\n    return 'decline'\n")

    def decide(model_input: Any) -> list[str]:
        scores = model.predict(model_input.clip(upper=1.0).to_numpy())
        return ["accept" if s < 3 else "review" if s < 11 else "decline" for s in scores]

    def decides(path: str) -> bool:
        before = list(sys.path)
        try:
            got = mlflow.pyfunc.load_model(path).predict(pd.DataFrame({"utilisation": [0.1, 0.9, 5.0]}))
        finally:
            sys.path[:] = before
        return list(got) == ["accept", "review", "review"]

    def named_method() -> bool:
        return decides(_save_sklearn(lab, model, pyfunc_predict_fn="decide", code_paths=[str(rules)]))

    return holds(
        {
            "A": decides(_save_sklearn(lab, model, code_paths=[str(rules)])),
            "B": decides(_save(lab, _python_model(decide))),
            "C": decides(_save_sklearn(lab, model, metadata={"cap": 1.0, "cut_offs": [3, 11]})),
            "D": works(named_method, (AttributeError, *_refused())) and named_method(),
        }
    )


def reg_preproc_002(lab: Lab) -> set[str]:
    import mlflow
    import numpy as np
    from mlflow.pyfunc import PythonModel
    from sklearn.pipeline import make_pipeline

    class Scaled(PythonModel):
        def __init__(self, scaler: Any, model: Any) -> None:
            self.scaler, self.model = scaler, model

        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            return self.model.predict(self.scaler.transform(model_input))

    raw, scaler, model = _scaled()
    truth = 3 * raw["a"] - 2 * raw["b"] + 7

    def right(path: str) -> bool:
        return bool(np.allclose(mlflow.pyfunc.load_model(path).predict(raw), truth))

    beside = _save_sklearn(lab, model)
    (Path(beside).parent / "scaler.pkl").write_bytes(b"a file of the run, beside the model")
    return holds(
        {
            "A": right(_save_sklearn(lab, make_pipeline(scaler, model))),
            "B": right(beside),
            "C": right(_save(lab, Scaled(scaler, model))),
            "D": right(_save_sklearn(lab, model, input_example=raw)),
        }
    )


def reg_pyfunc_003(lab: Lab) -> set[str]:
    import mlflow
    import pandas as pd
    from mlflow.models import Model, infer_signature

    raw, _, model = _scaled()
    native = _save_sklearn(lab, model, signature=infer_signature(raw, model.predict(raw.to_numpy())))

    def with_reason(rows: Any) -> Any:
        scores = model.predict(rows.to_numpy())
        return pd.DataFrame({"score": scores, "reason": ["a is high" if a > 25 else "-" for a in rows["a"]]})

    wrapped = mlflow.pyfunc.load_model(_save(lab, _python_model(with_reason)))
    name = lab.table("native")
    lab.client.create_registered_model(name)
    registers_natively = works(lambda: lab.client.create_model_version(name, native), _refused())
    native_answer = mlflow.pyfunc.load_model(native).predict(raw)
    return holds(
        {
            "A": not inspect.isfunction(type(wrapped.unwrap_python_model()).predict),
            "B": "python_function" not in Model.load(native).flavors,
            "C": not registers_natively,
            "D": list(wrapped.predict(raw)) == ["score", "reason"] and getattr(native_answer, "ndim", 1) == 1,
        }
    )


def reg_predict_004(lab: Lab) -> set[str]:
    import copy

    import numpy as np

    raw, fitted, model = _scaled()
    rows = raw.to_numpy()

    def span(scaler: Any, batch: Any) -> Any:
        with np.errstate(invalid="ignore"):
            return (batch - batch.min(axis=0)) / (batch.max(axis=0) - batch.min(axis=0))

    bodies: dict[str, Callable[[Any, Any], Any]] = {
        "A": lambda scaler, batch: scaler.transform(batch),
        "B": lambda scaler, batch: scaler.fit_transform(batch),
        "C": lambda scaler, batch: scaler.partial_fit(batch).transform(batch),
        "D": span,
    }

    def keeps_the_rule(scale: Callable[[Any, Any], Any]) -> bool:
        def call(scaler: Any, batch: Any) -> Any:
            scaled = scale(scaler, batch)
            return model.predict(scaled) if np.isfinite(scaled).all() else np.full(len(batch), np.nan)

        one_replica, other = copy.deepcopy(fitted), copy.deepcopy(fitted)
        in_batch = call(one_replica, rows)[0]
        call(one_replica, rows + 100)
        later, alone = call(one_replica, rows)[0], call(other, rows[:1])[0]
        return bool(np.allclose([later, alone], in_batch))

    return holds({letter: keeps_the_rule(scale) for letter, scale in bodies.items()})


def reg_batch_005(lab: Lab) -> set[str]:
    import mlflow
    import numpy as np
    import pandas as pd

    def affordability(model_input: Any) -> Any:
        x = model_input.copy()
        x["income"] = x["income"].fillna(x["income"].median())
        return 0.001 * x["income"] - 0.5 * x["loans"]

    model = mlflow.pyfunc.load_model(_save(lab, _python_model(affordability)))
    north = pd.DataFrame({"income": [1000.0, 2000.0, np.nan, 4000.0], "loans": [1.0, 0.0, 2.0, 1.0]})
    south = pd.DataFrame({"income": [9000.0, np.nan, 7000.0], "loans": [0.0, 2.0, 1.0]})
    before, batch = north.copy(), model.predict(north)
    alone = [float(model.predict(north.iloc[[i]]).iloc[0]) for i in range(len(north))]
    known = north["income"].notna().to_numpy()
    reverse = model.predict(north.iloc[::-1]).sort_index()
    return holds(
        {
            "A": not np.allclose(batch[known], np.array(alone)[known]),
            "B": bool(np.isnan(alone[2])),
            "C": not north.equals(before),
            "D": not np.isclose(batch.iloc[2], model.predict(south).iloc[1]),  # both: no income, two loans
            "E": not np.allclose(reverse, batch),
        }
    )


def reg_consistent_006(lab: Lab) -> set[str]:
    import mlflow
    import numpy as np
    from mlflow.models import infer_signature
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def train(mean: float, deviation: float, slope: float) -> tuple[Any, Any]:
        x = np.array([[mean - deviation], [mean + deviation]])
        scaler = StandardScaler().fit(x)
        return scaler, LinearRegression().fit(scaler.transform(x), slope * x.ravel())

    (scaler_1, model_1), (scaler_2, model_2) = train(40, 10, 3), train(55, 20, 4)
    x = np.array([[30.0], [50.0], [70.0]])
    signature = infer_signature(x, x.ravel())
    client = lab.client

    def registered(*parts: Any) -> str:
        name = lab.table("part")
        client.create_registered_model(name)
        for part in parts:
            client.create_model_version(name, part)
        client.set_registered_model_alias(name, "Champion", "1")
        return name

    def saved(estimator: Any) -> str:
        return _save_sklearn(lab, estimator, signature=signature)

    bare = registered(saved(model_1), saved(model_2))
    whole = registered(saved(make_pipeline(scaler_1, model_1)), saved(make_pipeline(scaler_2, model_2)))
    fixed = saved(make_pipeline(scaler_1))  # a service that was released with version 1
    scalers = {"1": scaler_1, "2": scaler_2}
    scaler_alias = "1"  # the scaler's own Champion: nobody moves it

    def predict(name: str, inputs: Any) -> Any:
        return mlflow.pyfunc.load_model(f"models:/{name}@Champion").predict(inputs)

    for name in (bare, whole):
        client.set_registered_model_alias(name, "Champion", "2")  # Monday
    truth = 4 * x.ravel()
    shared = mlflow.sklearn.load_model(fixed).transform(x)
    return holds(
        {
            "A": bool(np.allclose(predict(bare, (x - 40) / 10), truth)),
            "B": bool(np.allclose(predict(bare, shared), truth)),
            "C": bool(np.allclose(predict(whole, x), truth)),
            "D": bool(np.allclose(predict(bare, scalers[scaler_alias].transform(x)), truth)),
        }
    )


def reg_columns_007(lab: Lab) -> set[str]:
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    frame = pd.DataFrame({"spend": [5.0, 80.0, 20.0, 60.0], "plan": ["basic", "premium", "basic", "premium"]})
    y = [0, 1, 0, 1]
    tomorrow = pd.DataFrame({"spend": [42.0, 7.0], "plan": ["student", "basic"]})
    scale = (StandardScaler(), ["spend"])

    def columns(encoder: Any) -> Any:
        return make_pipeline(make_column_transformer(scale, (encoder, ["plan"])), LogisticRegression())

    fitted = {
        "A": LogisticRegression().fit(pd.get_dummies(frame), y),
        "B": make_pipeline(OrdinalEncoder(), LogisticRegression()).fit(frame, y),
        "C": columns(OneHotEncoder()).fit(frame, y),
        "D": columns(OneHotEncoder(handle_unknown="ignore")).fit(frame, y),
    }

    def scores_all(model: Any) -> bool:
        return works(lambda: model.predict_proba(tomorrow), ValueError) and len(model.predict(tomorrow)) == 2

    return holds({letter: scores_all(model) for letter, model in fitted.items()})


def reg_missing_008(lab: Lab) -> set[str]:
    import numpy as np
    import pandas as pd
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    train = pd.DataFrame({"channel": ["web"] * 6 + ["shop"] * 3 + [np.nan]}, dtype=object)
    y = [1, 1, 1, 1, 1, 0, 0, 0, 0, 1]
    imputer, rest = (
        SimpleImputer(strategy="most_frequent"),
        (OneHotEncoder(handle_unknown="ignore"), LogisticRegression()),
    )
    pipeline = make_pipeline(imputer, *rest).fit(train, y)
    model = pipeline[1:]
    tonight = pd.DataFrame({"channel": ["shop"] * 4 + [np.nan, "web"]}, dtype=object)
    as_trained = model.predict_proba(tonight.fillna("web").to_numpy())[:, 1]

    def right(scores: Any) -> bool:
        return len(scores) == len(as_trained) and bool(np.allclose(scores, as_trained))

    refitted = SimpleImputer(strategy="most_frequent").fit_transform(tonight)
    return holds(
        {
            "A": right(pipeline.predict_proba(tonight.dropna())[:, 1]),
            "B": right(pipeline.predict_proba(tonight)[:, 1]),
            "C": right(model.predict_proba(refitted)[:, 1]),
            "D": right(model.predict_proba(tonight.fillna("unknown").to_numpy())[:, 1]),
        }
    )


def reg_artifacts_009(lab: Lab) -> set[str]:
    import mlflow
    import pandas as pd
    from mlflow.models import infer_signature
    from mlflow.pyfunc import PythonModel

    path = lab.folder() / "segments.json"
    path.write_text(json.dumps({"PT": 1.0, "NO": 2.0}))
    signature = infer_signature(pd.DataFrame({"country": ["PT"]}), [1.0])

    class Segmenter(PythonModel):
        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            table = json.loads(path.read_text())
            return [table[country] for country in model_input["country"]]

    class FromContext(PythonModel):
        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            table = json.loads(Path(context.artifacts["segments"]).read_text())
            return [table[country] for country in model_input["country"]]

    class Early(PythonModel):
        def load_context(self, context: Any) -> None:
            self.table = json.loads(path.read_text())

        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            return [self.table[country] for country in model_input["country"]]

    lab.experiment()
    with mlflow.start_run():
        mlflow.log_artifact(str(path))
    saved = {
        "A": _save(lab, Segmenter(), signature=signature),
        "B": _save(lab, Segmenter(), signature=signature, code_paths=[str(path)]),
        "C": _save(lab, FromContext(), signature=signature, artifacts={"segments": str(path)}),
        "D": _save(lab, Early(), signature=signature),
    }
    path.unlink()  # the endpoint's machine does not have Ana's folder

    def scores(model: str) -> bool:
        def call() -> Any:
            return mlflow.pyfunc.load_model(model).predict(pd.DataFrame({"country": ["NO"]}))

        return works(call, FileNotFoundError) and call() == [2.0]

    before = list(sys.path)
    try:
        return holds({letter: scores(model) for letter, model in saved.items()})
    finally:
        sys.path[:] = before


def reg_codepaths_010(lab: Lab) -> set[str]:
    import importlib

    import mlflow

    module = f"churn_rules_{uuid.uuid4().hex[:8]}"
    folder = lab.folder()
    file = folder / f"{module}.py"
    file.write_text(
        "import mlflow\n\n\nclass ChurnRules(mlflow.pyfunc.PythonModel):\n"
        "    def predict(self, context, model_input, params=None):\n        return [1.0] * len(model_input)\n"
    )
    before = list(sys.path)
    sys.path.insert(0, str(folder))
    try:
        rules = importlib.import_module(module).ChurnRules
        lab.experiment()
        with mlflow.start_run():
            mlflow.log_artifact(str(file))
        saved = {
            "A": _save(lab, rules(), signature=_signature(), code_paths=[str(file)]),
            "B": _save(lab, rules(), signature=_signature(), artifacts={"rules": str(file)}),
            "C": _save(lab, rules(), signature=_signature(), pip_requirements=["mlflow", module]),
            "D": _save(lab, rules(), signature=_signature()),
        }
    finally:
        sys.path[:] = before
    shutil.rmtree(folder)

    def loads_elsewhere(model: str) -> bool:
        sys.modules.pop(module, None)
        importlib.invalidate_caches()
        try:
            return works(lambda: mlflow.pyfunc.load_model(model).predict(_one_row()), ModuleNotFoundError)
        finally:
            sys.path[:] = before
            sys.modules.pop(module, None)

    return holds({letter: loads_elsewhere(model) for letter, model in saved.items()})


def reg_clock_011(lab: Lab) -> set[str]:
    import mlflow
    import pandas as pd
    from mlflow.pyfunc import PythonModel

    clock = {"now": pd.Timestamp("2026-11-02 08:00")}  # Monday: the endpoint starts

    def minutes(since: Any, until: Any) -> list[float]:
        return [round(value / 60, 3) for value in (until - since).dt.total_seconds()]

    class Now(PythonModel):
        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            return minutes(model_input["last_order"], pd.Series(clock["now"], index=model_input.index))

    class Nightly(PythonModel):
        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            return list(model_input["minutes_at_night"])

    class AtLoading(PythonModel):
        def load_context(self, context: Any) -> None:
            self.now = clock["now"]

        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            return minutes(model_input["last_order"], pd.Series(self.now, index=model_input.index))

    class FromRequest(PythonModel):
        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            return minutes(model_input["last_order"], model_input["requested_at"])

    night = pd.Timestamp("2026-11-03 02:00")
    logged = pd.DataFrame(
        {
            "last_order": [pd.Timestamp("2026-11-03 11:48")],
            "requested_at": [pd.Timestamp("2026-11-03 12:00")],
            "minutes_at_night": [(night - pd.Timestamp("2026-11-02 21:00")).total_seconds() / 60],  # the order before
        }
    )

    def exact_and_repeatable(model: Any) -> bool:
        path = _save(lab, model)
        clock["now"] = pd.Timestamp("2026-11-02 08:00")
        endpoint = mlflow.pyfunc.load_model(path)
        clock["now"] = logged["requested_at"].iloc[0]
        live = endpoint.predict(logged)
        clock["now"] = pd.Timestamp("2026-11-10 15:30")
        replayed = mlflow.pyfunc.load_model(path).predict(logged)
        return live == [12.0] and replayed == live

    # C is the code of the question, loaded by path: the very same version each time.
    models = {"A": Nightly(), "B": AtLoading(), "C": Now(), "D": FromRequest()}
    return holds({letter: exact_and_repeatable(model) for letter, model in models.items()})


def reg_rawsig_012(lab: Lab) -> set[str]:
    import mlflow
    import pandas as pd
    from mlflow.models import infer_signature

    def add_ratio(frame: Any) -> Any:
        return frame.assign(ratio=frame["debt"] / frame["income"])

    raw = pd.DataFrame({"debt": [10.0, 30.0], "income": [100.0, 60.0]})
    seen = []

    def predict(model_input: Any) -> Any:
        seen.append(list(model_input))
        return add_ratio(model_input)["ratio"].fillna(-1.0)

    path = _save(lab, _python_model(predict), signature=infer_signature(add_ratio(raw), pd.Series([0.1, 0.5])))
    name = lab.table("loans")
    lab.client.create_registered_model(name)
    registered = works(lambda: lab.client.create_model_version(name, path), _refused())
    model = mlflow.pyfunc.load_model(path)
    model.predict(add_ratio(raw))  # with all three columns it works
    scored = works(lambda: model.predict(raw), _refused())
    return holds(
        {
            "A": scored and list(model.predict(raw)) == list(add_ratio(raw)["ratio"]),
            "B": registered and raises(_refused(), lambda: model.predict(raw)),
            "C": scored and "ratio" in seen[-1],
            "D": not registered,
        }
    )


def reg_ucsig_013(lab: Lab) -> set[str]:
    import pandas as pd
    from mlflow.models import infer_signature

    frame = pd.DataFrame({"age": [30.0, 40.0, 50.0], "income": [1.0, 2.0, 3.0]})
    scores = pd.Series([0.1, 0.2, 0.3])
    fillings: dict[str, dict[str, Any]] = {
        "A": {"pip_requirements": ["scikit-learn==1.9.1"]},
        "B": {"input_example": frame.head(3)},
        "C": {"signature": infer_signature(frame)},
        "D": {"metadata": {"inputs": list(frame.columns), "output": "score"}},
        "E": {"signature": infer_signature(frame, scores)},
    }
    name = lab.table("score")
    lab.client.create_registered_model(name)

    def registers(options: dict[str, Any]) -> bool:
        path = _save(lab, _python_model(_says(0.5)), **options)
        return works(lambda: lab.client.create_model_version(name, path), _refused())

    return holds({letter: registers(options) for letter, options in fillings.items()})


def reg_enforce_014(lab: Lab) -> set[str]:
    import mlflow
    import numpy as np
    import pandas as pd
    from mlflow.models import infer_signature

    example = pd.DataFrame({"amount": [5.0], "items": [2], "country": ["PT"]})
    path = _save(lab, _python_model(_says(1.0)), signature=infer_signature(example, pd.Series([1.0])))
    model = mlflow.pyfunc.load_model(path)
    frames: dict[str, dict[str, Any]] = {
        "A": {"amount": [5.0], "items": np.int32([2]), "country": ["PT"]},
        "B": {"amount": [5], "items": [2], "country": ["PT"]},
        "C": {"amount": [5.0], "items": [2]},
        "D": {"country": ["PT"], "items": [2], "amount": [5.0], "note": ["vip"]},
        "E": {"amount": [5.0], "items": [None], "country": ["PT"]},
    }

    def scored(columns: dict[str, Any]) -> bool:
        return works(lambda: model.predict(pd.DataFrame(columns)), _refused())

    return holds({letter: scored(columns) for letter, columns in frames.items()})


def reg_package_015(lab: Lab) -> set[str]:
    import mlflow

    name = lab.table("handed_over")
    lab.experiment()
    with mlflow.start_run() as run:
        mlflow.log_param("depth", 4)
        _log(1.0, name, requirement="scikit-learn==1.9.1")
    version = lab.client.get_model_version(name, "1")
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{name}/1"))
    model = mlflow.pyfunc.load_model(f"models:/{name}/1")
    files = {path.name for path in folder.rglob("*") if path.is_file()}
    told = {**dict(version), "tags": version.tags}
    return holds(
        {
            "A": raises(_refused(), lambda: model.predict(_one_row().rename(columns={"x": "y"}))),
            "B": any(Path(file).suffix in {".parquet", ".csv", ".json"} for file in files),
            "C": {"conda.yaml", "python_env.yaml"} <= files
            and "scikit-learn==1.9.1" in (folder / "requirements.txt").read_text(),
            "D": bool(told["metrics"]) or any("better" in key or "compare" in key for key in version.tags),
            "E": version.run_id == run.info.run_id and mlflow.get_run(version.run_id).data.params["depth"] == "4",
        }
    )


def reg_register_016(lab: Lab) -> set[str]:
    import mlflow

    lab.experiment()
    with mlflow.start_run() as run:
        _log(1.0)
    run_id = run.info.run_id

    def does_it(register: Callable[[str], Any]) -> bool:
        name = lab.table("scorer")
        if not works(lambda: register(name), (TypeError, *_refused())):
            return False
        return lab.client.get_model_version(name, "1").run_id == run_id and _answer(f"models:/{name}/1") == 1.0

    return holds(
        {
            "A": does_it(lambda name: mlflow.register_model(run_id, name)),
            "B": does_it(lambda name: lab.client.create_registered_model(name, source=f"runs:/{run_id}/model")),
            "C": does_it(lambda name: mlflow.register_model(f"runs:/{run_id}/model", name)),
            "D": does_it(lambda name: mlflow.register_model(f"models:/{run_id}/model", name)),
        }
    )


def reg_again_017(lab: Lab) -> set[str]:
    import mlflow

    name = _model(lab, 7, Champion="7")  # version 7 answers 3
    lab.experiment()
    with mlflow.start_run():
        succeeded = works(
            lambda: _log(8.0, name),
            _refused(),
        )
    numbers = {int(mv.version) for mv in lab.client.search_model_versions(f"name = '{name}'")}
    tonight = succeeded and 8 in numbers and _answer(f"models:/{name}/8") == 8.0
    champion = _answer(f"models:/{name}@Champion")
    return holds(
        {
            "A": _answer(f"models:/{name}/7") == 8.0 and champion == 8.0,
            "B": tonight and _champion(lab, name) == "7" and champion == 3.0,
            "C": tonight and champion == 8.0,
            "D": not succeeded and max(numbers) == 7,
        }
    )


def reg_load_018(lab: Lab) -> set[str]:
    import mlflow

    name = _model(lab, 4, Champion="4")
    row = _one_row()

    def third(load: Callable[[], Any]) -> bool:
        return works(load, (AttributeError, *_refused())) and load().predict(row)[0] == 3.0

    return holds(
        {
            "A": third(lambda: mlflow.pyfunc.load_model(f"models:/{name}/version=3")),
            "B": third(lambda: mlflow.pyfunc.load_model(f"models:/{name}@3")),
            "C": third(lambda: getattr(mlflow, "load_model")(f"models:/{name}/3")),  # noqa: B009
            "D": third(lambda: mlflow.pyfunc.load_model(f"models:/{name}/3")),
        }
    )


def reg_newest_019(lab: Lab) -> set[str]:
    name = _model(lab, 11)
    versions = lab.client.search_model_versions(f"name = '{name}'")
    compared = works(lambda: max(mv.version for mv in versions), TypeError)
    newest = max(mv.version for mv in versions) if compared else None
    complete = {int(mv.version) for mv in versions} == set(range(1, 12))
    return holds(
        {
            "A": newest == "9" and isinstance(newest, str) and complete,
            "B": newest in (11, "11"),
            "C": newest in (10, "10") and not complete,
            "D": not compared,
        }
    )


def reg_uri_020(lab: Lab) -> set[str]:
    import mlflow
    from mlflow.tracking._model_registry.utils import _get_default_registry_uri_for_tracking_uri as default_for
    from mlflow.utils.uri import is_databricks_unity_catalog_uri

    assert lab.client is not None
    with _registry("databricks"):
        meant = mlflow.get_registry_uri()
    unity_catalog = is_databricks_unity_catalog_uri(meant)
    default_is_unity_catalog = is_databricks_unity_catalog_uri(default_for("databricks"))
    return holds(
        {
            "A": unity_catalog and default_is_unity_catalog,
            "B": unity_catalog,
            "C": not unity_catalog and default_is_unity_catalog,
            "D": not unity_catalog and not default_is_unity_catalog,
        }
    )


def reg_port_022(lab: Lab) -> set[str]:
    import mlflow

    name, client = _model(lab, 4), lab.client
    calls: dict[str, Callable[[], Any]] = {
        "A": lambda: client.transition_model_version_stage(name, "4", "Production"),
        "B": lambda: client.get_latest_versions(name, stages=["Production"]),
        "C": lambda: client.set_model_version_tag(name, "4", "validation", "passed"),
        "D": lambda: mlflow.pyfunc.load_model(f"models:/{name}/Production"),
        "E": lambda: client.update_model_version(name, "4", description="Q4 retrain"),
    }
    return holds({letter: raises(_refused(), call) for letter, call in calls.items()})


def reg_tracking_023(lab: Lab) -> set[str]:
    import mlflow

    from lakehouse import registry

    name = lab.table("loans")
    lab.experiment()
    with mlflow.start_run(tags={"mlflow.source.git.commit": "abc123"}) as run:
        mlflow.log_param("learning_rate", 0.0123)
        for epoch, loss in enumerate((0.9, 0.6, 0.4567)):
            mlflow.log_metric("val_loss", loss, step=epoch)
        _log(1.0, name)
    lab.client.set_registered_model_alias(name, "fit_for_production", "1")
    registry.grant("EXECUTE", name, CALLER)
    told_by_run = json.dumps(mlflow.get_run(run.info.run_id).to_dictionary())
    history = [metric.value for metric in lab.client.get_metric_history(run.info.run_id, "val_loss")]
    model, version = lab.client.get_registered_model(name), lab.client.get_model_version(name, "1")
    told_by_registry = f"{dict(model)} {dict(version)} {registry.show_grants(name)}"

    def only_registry(fact: str) -> bool:
        return fact in told_by_registry and fact not in told_by_run

    return holds(
        {
            "A": only_registry("0.0123"),
            "B": only_registry("fit_for_production"),
            "C": only_registry("0.9") or len(history) != 3,
            "D": only_registry(CALLER),
            "E": only_registry("abc123"),
        }
    )


def reg_serving_024(lab: Lab) -> set[str]:
    from dataclasses import fields

    from databricks.sdk.service.serving import ServedEntityInput, ServedEntityOutput

    name = _model(lab, 3, Champion="2")
    asked = {field.name for field in fields(ServedEntityInput)}
    told = {field.name for field in fields(ServedEntityOutput)}
    statuses = [lab.client.get_model_version(name, number).status for number in ("1", "2", "3")]
    return holds(
        {
            "A": {"entity_name", "entity_version"} <= asked & told,
            "B": any("alias" in field for field in asked | told),
            "C": "entity_version" not in asked,
            "D": statuses.count("READY") == 1,
        }
    )


def reg_alias_025(lab: Lab) -> set[str]:
    name = _model(lab, 4, Champion="3", Challenger="4")
    lab.client.set_registered_model_alias(name, "Champion", "4")
    third, fourth = (set(lab.client.get_model_version(name, number).aliases) for number in ("3", "4"))
    return holds(
        {
            "A": "champion" in third and "champion" in fourth,
            "B": "challenger" not in fourth,
            "C": {"champion", "challenger"} <= fourth,
            "D": "archived" in third,
            "E": not third and _loads(f"models:/{name}/3"),
        }
    )


def reg_moved_026(lab: Lab) -> set[str]:
    import mlflow

    name = _model(lab, 3, Champion="2")  # versions 2 and 3 stand for 5 and 6
    called = {"2": "5", "3": "6"}
    written = {}
    model = mlflow.pyfunc.load_model(f"models:/{name}@Champion")
    for part in range(1, 25):
        if part in (1, 20):
            champion = lab.client.get_model_version_by_alias(name, "Champion")
            scored_by = str(int(model.predict(_one_row())[0]))
            written[part] = (called[scored_by], called[champion.version])
        if part == 10:
            lab.client.set_registered_model_alias(name, "Champion", "3")
    assert written[1] == ("5", "5")
    outcomes = {"A": ("6", "6"), "B": ("5", "5"), "C": ("6", "5"), "D": ("5", "6")}
    return holds({letter: written[20] == outcome for letter, outcome in outcomes.items()})


def reg_promote_027(lab: Lab) -> set[str]:
    client = lab.client

    def sequence_works(calls: Sequence[Callable[[str], Any]]) -> bool:
        name = _model(lab, 2, Champion="1")  # versions 1 and 2 stand for 6 and 7
        for call in calls:
            call(name)
            if _champion(lab, name) is None:
                return False
        return _champion(lab, name) == "2" and _champion(lab, name, "Previous") == "1"

    def champion(name: str) -> str:
        return str(client.get_model_version_by_alias(name, "Champion").version)

    move, drop = client.set_registered_model_alias, client.delete_registered_model_alias
    return holds(
        {
            "A": sequence_works(
                [
                    lambda name: drop(name, "Champion"),
                    lambda name: move(name, "Champion", "2"),
                    lambda name: move(name, "Previous", "1"),
                ]
            ),
            "B": sequence_works(
                [lambda name: move(name, "Previous", champion(name)), lambda name: move(name, "Champion", "2")]
            ),
            "C": sequence_works(
                [lambda name: move(name, "Champion", "2"), lambda name: move(name, "Previous", champion(name))]
            ),
            "D": sequence_works(
                [lambda name: client.delete_model_version(name, "1"), lambda name: move(name, "Champion", "2")]
            ),
        }
    )


def reg_rollback_028(lab: Lab) -> set[str]:
    client = lab.client

    def back(call: Callable[[str], Any]) -> bool:
        name = _model(lab, 2, Champion="2")  # versions 1 and 2 stand for 6 and 7
        call(name)
        uri = f"models:/{name}@Champion"
        return _loads(uri) and _answer(uri) == 1.0

    return holds(
        {
            "A": back(lambda name: client.delete_model_version(name, "2")),
            "B": back(lambda name: client.copy_model_version(f"models:/{name}/1", name)),
            "C": back(lambda name: client.set_registered_model_alias(name, "Champion", "1")),
            "D": back(lambda name: client.set_model_version_tag(name, "2", "status", "rolled_back")),
        }
    )


def reg_modeltag_029(lab: Lab) -> set[str]:
    import mlflow

    client = lab.client

    def in_run(name: str) -> None:
        lab.experiment()
        with mlflow.start_run():
            mlflow.set_tag("cost_centre", "4711")

    def tags_model(call: Callable[[str], Any]) -> bool:
        name = _model(lab, 1)
        return (
            works(lambda: call(name), TypeError) and client.get_registered_model(name).tags.get("cost_centre") == "4711"
        )

    return holds(
        {
            "A": tags_model(lambda name: client.set_registered_model_tag(name, "cost_centre", "4711")),
            "B": tags_model(lambda name: client.set_model_version_tag(name, "1", "cost_centre", "4711")),
            "C": tags_model(lambda name: client.update_registered_model(name, tags={"cost_centre": "4711"})),
            "D": tags_model(in_run),
        }
    )


def reg_versiontag_030(lab: Lab) -> set[str]:
    client = lab.client

    def records(call: Callable[[str], Any]) -> bool:
        name = _model(lab, 2)  # versions 1 and 2 stand for 4 and 5
        client.set_model_version_tag(name, "1", "validation", "failed")
        if not works(lambda: call(name), TypeError):
            return False
        old, new = (client.get_model_version(name, number).tags.get("validation") for number in ("1", "2"))
        return (old, new) == ("failed", "passed")

    return holds(
        {
            "A": records(lambda name: client.set_registered_model_tag(name, "validation", "passed")),
            "B": records(lambda name: client.update_model_version(name, "2", tags={"validation": "passed"})),
            "C": records(lambda name: client.set_registered_model_alias(name, "validation_passed", "2")),
            "D": records(lambda name: client.set_model_version_tag(name, "2", "validation", "passed")),
        }
    )


def reg_untag_031(lab: Lab) -> set[str]:
    import mlflow

    client = lab.client
    lab.experiment()
    with mlflow.start_run() as run:
        run_id = run.info.run_id

    def opens(call: Callable[[str], Any]) -> bool:
        name = _model(lab, 1)
        client.set_model_version_tag(name, "1", "on_hold", "legal")
        client.set_model_version_tag(name, "1", "team", "risk")
        works(lambda: call(name), _refused())
        return set(client.get_model_version(name, "1").tags) == {"team"}

    return holds(
        {
            "A": opens(lambda name: client.set_model_version_tag(name, "1", "on_hold", "")),
            "B": opens(lambda name: client.delete_registered_model_tag(name, "on_hold")),
            "C": opens(lambda name: client.delete_model_version_tag(name, "1", "on_hold")),
            "D": opens(lambda name: client.delete_tag(run_id, "on_hold")),
        }
    )


def reg_describe_032(lab: Lab) -> set[str]:
    client, text = lab.client, "Trained on the October data."

    def describes(call: Callable[[str], Any]) -> bool:
        name = _model(lab, 1)
        client.update_registered_model(name, description="Arrival times.")
        return (
            works(lambda: call(name), AttributeError)
            and client.get_model_version(name, "1").description == text
            and client.get_registered_model(name).description == "Arrival times."
        )

    return holds(
        {
            "A": describes(lambda name: client.update_registered_model(name, description=text)),
            "B": describes(lambda name: client.update_model_version(name, "1", description=text)),
            "C": describes(lambda name: client.set_model_version_tag(name, "1", "description", text)),
            "D": describes(lambda name: getattr(client, "set_model_version_description")(name, "1", text)),  # noqa: B009
        }
    )


def reg_grants_033(lab: Lab) -> set[str]:
    from lakehouse import registry

    name = _model(lab, 1, Champion="1")
    catalog, schema, _ = name.split(".")
    offered = {
        "A": ("USE CATALOG", catalog),
        "B": ("CREATE MODEL VERSION", name),
        "C": ("USE SCHEMA", f"{catalog}.{schema}"),
        "D": ("EXECUTE", name),
        "E": ("MANAGE", name),
    }

    def enough(letters: Sequence[str]) -> bool:
        analyst = f"analyst-{uuid.uuid4().hex[:8]}@example.com"
        for letter in letters:
            registry.grant(*offered[letter], analyst)
        try:
            with registry.acting_as(analyst):
                return _loads(f"models:/{name}@Champion")
        finally:
            for letter in letters:
                registry.revoke(*offered[letter], analyst)

    everything = list(offered)
    assert enough(everything)
    return holds({letter: not enough([other for other in everything if other != letter]) for letter in everything})


def reg_ci_034(lab: Lab) -> set[str]:
    from lakehouse import registry

    client, source = lab.client, _sources(lab)[1]

    def fits(privilege: str, on_schema: bool = False) -> bool:
        name, other = _model(lab, 1, Champion="1"), lab.table("other")
        schema = name.rpartition(".")[0]
        ci = f"ci-{uuid.uuid4().hex[:8]}@example.com"
        held = [
            ("USE CATALOG", schema.partition(".")[0]),
            ("USE SCHEMA", schema),
            ("EXECUTE", name),
            (privilege, schema if on_schema else name),
        ]
        for grant in held:
            registry.grant(*grant, ci)
        try:
            with registry.acting_as(ci):
                adds = works(lambda: client.create_model_version(name, source), _refused())
                moves = works(lambda: client.set_registered_model_alias(name, "Champion", "1"), _refused())
                makes = works(lambda: client.create_registered_model(other), _refused())
        finally:
            for grant in held:
                registry.revoke(*grant, ci)
        return adds and not moves and not makes

    return holds(
        {
            "A": fits("CREATE MODEL", on_schema=True),
            "B": fits("CREATE MODEL VERSION"),
            "C": fits("APPLY TAG"),
            "D": fits("MANAGE"),
        }
    )


def reg_copy_035(lab: Lab) -> set[str]:
    import mlflow

    client, source, target = lab.client, _model(lab, 1), lab.table("prod_scorer")
    lab.experiment()
    with mlflow.start_run() as run:
        _log(2.0, source)
    client.set_model_version_tag(source, "2", "validation", "passed")
    client.set_registered_model_alias(source, "Challenger", "2")
    number = client.copy_model_version(f"models:/{source}@Challenger", target).version
    copy = client.get_model_version(target, number)
    return holds(
        {
            "A": copy.tags.get("validation") == "passed",
            "B": _loads(f"models:/{target}@Challenger"),
            "C": copy.run_id == run.info.run_id,
            "D": str(number) == "2",
            "E": not _loads(f"models:/{source}/2"),
        }
    )


def reg_validate_038(lab: Lab) -> set[str]:
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.tree import DecisionTreeClassifier

    def sound(world_changes: bool) -> dict[str, bool]:
        """Whether each rule decides as the months after the decision do.

        In the world of the question version 7 learns its data by heart. In the other the world changes in July, and
        version 7 is a good model that has seen the change.
        """
        rng = np.random.default_rng(8)

        def rows(n: int, column: int) -> tuple[Any, Any]:
            x = rng.normal(size=(n, 6))
            return x, (rng.random(n) < 1 / (1 + np.exp(-1.5 * x[:, column]))).astype(int)

        later = 1 if world_changes else 0
        spring, summer, october, november = rows(2000, 0), rows(1000, later), rows(2000, later), rows(4000, later)
        six = LogisticRegression().fit(*spring)
        tree = DecisionTreeClassifier(max_depth=12, random_state=0)
        seven = (LogisticRegression() if world_changes else tree).fit(
            np.vstack([spring[0], summer[0]]), np.concatenate([spring[1], summer[1]])
        )

        def leads(period: tuple[Any, Any]) -> bool:
            """Whether version 7 has the higher AUC."""
            x, y = period
            of_six, of_seven = (roc_auc_score(y, model.predict_proba(x)[:, 1]) for model in (six, seven))
            return bool(of_seven > of_six)

        promotes = {
            "A": leads(summer),
            "B": leads(spring) and leads(summer) and leads(october),
            "C": leads(october),
            "D": len(spring[1]) + len(summer[1]) > len(spring[1]),  # more and newer data
        }
        return {letter: promoted == leads(november) for letter, promoted in promotes.items()}

    here, elsewhere = sound(world_changes=False), sound(world_changes=True)
    return holds({letter: here[letter] and elsewhere[letter] for letter in here})


def reg_gates_039(lab: Lab) -> set[str]:
    from lakehouse import registry

    client, developer, job = lab.client, "developer@example.com", "release-job@example.com"

    def arrangement(owner: str, *, tags: bool = False, at_training: bool = False) -> bool:
        name = _model(lab, 3, Champion="1")  # version 2 failed its checks, version 3 passed
        schema = name.rpartition(".")[0]
        opened = [(privilege, where, who) for who in (developer, job) for privilege, where in (
            ("USE CATALOG", schema.partition(".")[0]), ("USE SCHEMA", schema))]  # fmt: skip
        for grant in opened:
            registry.grant(*grant)
        registry.set_owner(name, owner)
        try:
            if tags:
                client.set_model_version_tag(name, "2", "checks", "failed")
            if at_training:
                with registry.acting_as(owner):
                    client.set_registered_model_alias(name, "Champion", "2")
            with registry.acting_as(developer):
                works(lambda: client.set_registered_model_alias(name, "Champion", "2"), _refused())
            prevented = _champion(lab, name) != "2"
            with registry.acting_as(owner):
                released = works(lambda: client.set_registered_model_alias(name, "Champion", "3"), _refused())
            return prevented and released
        finally:
            for grant in opened:
                registry.revoke(*grant)

    return holds(
        {
            "A": arrangement(developer),
            "B": arrangement(job),
            "C": arrangement(developer, tags=True),
            "D": arrangement(developer, at_training=True),
        }
    )


def reg_stages_041(lab: Lab) -> set[str]:
    client, name = _legacy_model(lab, 1)
    stages = {"A": "Development", "B": "Staging", "C": "Archived", "D": "Deployed", "E": "None"}

    def accepted(stage: str) -> bool:
        return works(lambda: client.transition_model_version_stage(name, "1", stage), _refused())

    return holds({letter: accepted(stage) for letter, stage in stages.items()})


def reg_transition_042(lab: Lab) -> set[str]:
    client = lab.client

    def takes_its_place(call: Callable[[str], Any]) -> bool:
        name = _model(lab, 2)  # version 2 stands for 4
        if not works(lambda: call(name), (TypeError, *_refused())):
            return False
        return _loads(f"models:/{name}@Champion") and _answer(f"models:/{name}@Champion") == 2.0

    return holds(
        {
            "A": takes_its_place(lambda name: client.update_model_version(name, "2", stage="Production")),
            "B": takes_its_place(lambda name: client.transition_model_version_stage(name, "2", "Champion")),
            "C": takes_its_place(lambda name: client.set_registered_model_alias(name, "Champion", "2")),
            "D": takes_its_place(lambda name: client.set_model_version_tag(name, "2", "stage", "Production")),
        }
    )


def reg_olduri_043(lab: Lab) -> set[str]:
    client, name = _legacy_model(lab, 3)  # versions 2 and 3 stand for 3 and 4
    client.transition_model_version_stage(name, "2", "Production")
    client.transition_model_version_stage(name, "3", "Staging")
    addresses = {
        "A": f"models:/{name}/Production",
        "B": f"models:/{name}@Production",
        "C": f"models:/{name}/production",
        "D": f"models:/{name}/2",
        "E": f"models:/{name}/latest",
    }
    with _registry(_legacy(lab)[1]):
        return holds({letter: _loads(uri) and _answer(uri) == 2.0 for letter, uri in addresses.items()})


def reg_archived_044(lab: Lab) -> set[str]:
    client, name = _legacy_model(lab, 3)
    client.transition_model_version_stage(name, "2", "Archived")
    client.transition_model_version_stage(name, "3", "Production")
    version = client.get_model_version(name, "2")
    files_stayed = Path(version.source).is_dir()
    with _registry(_legacy(lab)[1]):
        runs = _loads(f"models:/{name}/2")
        answer = _answer(f"models:/{name}/2") if runs else None
    return holds(
        {
            "A": not runs and not files_stayed,
            "B": answer == 2.0 and version.current_stage == "Archived",
            "C": not runs and files_stayed,
            "D": answer == 3.0,
        }
    )


def reg_retire_045(lab: Lab) -> set[str]:
    client = lab.client

    def unnamed(name: str) -> None:
        client.delete_registered_model_alias(name, "Fallback")

    def tag_and_delete(name: str) -> None:
        client.set_registered_model_tag(name, "retired", "2")
        client.delete_model_version(name, "2")

    def retires(*calls: Callable[[str], Any]) -> bool:
        name = _model(lab, 3, Fallback="2")
        done = all([works(functools.partial(call, name), (TypeError, *_refused())) for call in calls])
        if not done or not _loads(f"models:/{name}/2"):
            return False
        version = client.get_model_version(name, "2")
        return not version.aliases and "retired" in version.tags.values()

    return holds(
        {
            "A": retires(unnamed, lambda name: client.set_model_version_tag(name, "2", "status", "retired")),
            "B": retires(unnamed, lambda name: client.transition_model_version_stage(name, "2", "Archived")),
            "C": retires(tag_and_delete),
            "D": retires(unnamed, lambda name: client.update_model_version(name, "2", status="ARCHIVED")),
        }
    )


def reg_latest_046(lab: Lab) -> set[str]:
    client, name = lab.client, _model(lab, 3, Champion="2")

    def right(call: Callable[[], Any]) -> bool:
        return works(call, _refused()) and call().version == "2"

    return holds(
        {
            "A": right(lambda: client.get_latest_versions(name)[0]),
            "B": right(lambda: client.get_model_version(name, "Champion")),
            "C": right(lambda: client.search_model_versions(f"name = '{name}' and alias = 'Champion'")[0]),
            "D": right(lambda: client.get_model_version_by_alias(name, "Champion")),
        }
    )


def reg_first_047(lab: Lab) -> set[str]:
    name = _model(lab, 1)
    uri = f"models:/{name}@Champion"
    loaded, given = _loads(uri), lab.client.get_model_version(name, "1").aliases
    moved = works(lambda: lab.client.transition_model_version_stage(name, "1", "Production"), _refused())
    lab.client.set_registered_model_alias(name, "Champion", "1")
    return holds(
        {
            "A": loaded and "champion" in given,
            "B": loaded and not given,
            "C": not loaded and not given and _loads(uri),
            "D": not loaded and moved,
        }
    )


def reg_events_048(lab: Lab) -> set[str]:
    from databricks.sdk.service.ml import RegistryWebhookEvent

    events = {event.value for event in RegistryWebhookEvent}
    return holds(
        {
            "A": not any("DEPLOY" in event or "ENDPOINT" in event or "SERV" in event for event in events),
            "B": "MODEL_VERSION_CREATED" not in events,
            "C": "TRANSITION_REQUEST_CREATED" not in events,
            "D": "MODEL_VERSION_TAG_SET" not in events,
        }
    )


def reg_ossevent_049(lab: Lab) -> set[str]:
    from mlflow.entities.webhook import WebhookEvent

    names = {
        "A": "model_version.transitioned",
        "B": "model_version_alias.created",
        "C": "model_version_alias.updated",
        "D": "registered_model.alias_set",
    }
    return holds({letter: works(lambda n=n: WebhookEvent.from_str(n), _refused()) for letter, n in names.items()})


@functools.cache
def _create_webhook() -> tuple[frozenset[str], dict[str, str], str]:
    """Parameters of the SDK's method, its text about each event, and its text on the model's name."""
    import re

    from databricks.sdk.service.ml import ModelRegistryAPI

    text = " ".join((inspect.getdoc(ModelRegistryAPI.create_webhook) or "").split())
    events = dict(re.findall(r"- ``([A-Z_]+)``: (.*?)(?= - ``|:param)", text))
    about_name = text.partition(":param model_name:")[2].partition(":param")[0]
    return frozenset(inspect.signature(ModelRegistryAPI.create_webhook).parameters), events, about_name


def reg_target_051(lab: Lab) -> set[str]:
    parameters, events, _ = _create_webhook()

    def fits(event: str, *arguments: str) -> bool:
        after_the_move = "was transitioned to production" in events[event]
        return {"events", "model_name", "http_url_spec", *arguments} <= parameters and after_the_move

    return holds(
        {
            "A": "target_stage" in parameters,
            "B": fits("MODEL_VERSION_TRANSITIONED_STAGE"),
            "C": fits("MODEL_VERSION_TRANSITIONED_TO_PRODUCTION"),
            "D": fits("TRANSITION_REQUEST_TO_PRODUCTION_CREATED"),
        }
    )


def reg_scope_052(lab: Lab) -> set[str]:
    from databricks.sdk.service.ml import ModelRegistryAPI

    _, events, about_name = _create_webhook()
    required = (
        inspect.signature(ModelRegistryAPI.create_webhook).parameters["model_name"].default is inspect.Parameter.empty
    )
    registry_wide = "all registered models" in about_name and "not specified" in about_name
    only_creation = "created" in events["MODEL_VERSION_CREATED"] and "chang" not in events["MODEL_VERSION_CREATED"]
    return holds(
        {
            "A": required,
            "B": not required and registry_wide and only_creation,
            "C": "own" in about_name,
            "D": not required and registry_wide and not only_creation,
        }
    )
