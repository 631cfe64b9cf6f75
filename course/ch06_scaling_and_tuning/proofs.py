"""Proofs of chapter 06, scaling and tuning: pandas functions in Spark, counted fits, and small simulations of searches.

What runs on workers is defined inside the proofs, so that it is pickled whole. Optuna is not needed: what is claimed
of MLflow's classes for it is read from their source.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import pickle
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from workbook.proofs import Lab, holds, raises

BATCH = "spark.sql.execution.arrow.maxRecordsPerBatch"


# Pandas functions in Spark


@contextmanager
def _setting(lab: Lab, name: str, value: str) -> Iterator[None]:
    before = lab.spark.conf.get(name)
    lab.spark.conf.set(name, value)
    try:
        yield
    finally:
        lab.spark.conf.set(name, before)


def _rows(frame: Any) -> list[tuple[Any, ...]] | None:
    """The sorted rows, or None when Spark refuses the query."""
    from pyspark.errors import PySparkException

    try:
        return sorted((tuple(row) for row in frame().collect()), key=repr)
    except PySparkException:
        return None


def scale_udf_001(lab: Lab) -> set[str]:
    from pyspark.sql import functions as F
    from pyspark.sql.functions import pandas_udf

    out = "trip_id long, leg long"
    trips = lab.spark.createDataFrame(pd.DataFrame({"trip_id": [1, 2, 3], "vehicle_id": [7, 7, 8], "legs": [0, 3, 1]}))

    def split(pdf):
        rows = pdf.loc[pdf.index.repeat(pdf["legs"])]
        return pd.DataFrame({"trip_id": rows["trip_id"], "leg": rows.groupby("trip_id").cumcount()})

    def scalar() -> Any:
        return trips.select(pandas_udf(split, out)(F.struct("trip_id", "legs")).alias("r")).select("r.*")

    def mapped(frame: Any) -> Any:
        return frame.mapInPandas(lambda batches: map(split, batches), out)

    plans: dict[str, Callable[[], Any]] = {
        "A": scalar,
        "B": lambda: mapped(trips),
        "C": lambda: trips.groupBy("vehicle_id").applyInPandas(split, out),
        "D": lambda: mapped(trips.repartition("trip_id")),
    }

    def shuffles(frame: Any) -> bool:
        return "Exchange" in frame._jdf.queryExecution().executedPlan().toString()  # noqa: SLF001

    right = [(2, 0), (2, 1), (2, 2), (3, 0)]
    return holds({k: _rows(plan) == right and not shuffles(plan()) for k, plan in plans.items()})


def scale_udf_002(lab: Lab) -> set[str]:
    from pyspark.sql.functions import pandas_udf

    batch, raw = 10, lab.spark.range(0, 80, 1, 2).selectExpr("double(id * id) AS minutes")

    @pandas_udf("double")  # type: ignore[call-overload]
    def centred(minutes: pd.Series) -> pd.Series:
        return minutes - minutes.mean()

    with _setting(lab, BATCH, str(batch)):
        got = np.array(raw.select(centred("minutes").alias("y")).toPandas()["y"])
    minutes = np.arange(80.0) ** 2

    def by_pieces_of(rows: int) -> bool:
        pieces = minutes.reshape(-1, rows)
        return np.allclose(got, (pieces - pieces.mean(1, keepdims=True)).ravel())

    first = np.repeat([minutes[:batch].mean(), minutes[40 : 40 + batch].mean()], 40)
    return holds(
        {
            "A": by_pieces_of(80),
            "B": by_pieces_of(40),
            "C": np.allclose(got, minutes - first),
            "D": by_pieces_of(batch),
        }
    )


def scale_schema_003(lab: Lab) -> set[str]:
    sales = lab.spark.createDataFrame(
        pd.DataFrame({"store": [1, 1, 1, 2, 2], "day": [1.0, 2.0, 3.0, 1.0, 2.0], "units": [2.0, 4.0, 6.0, 5.0, 4.0]})
    ).coalesce(1)
    endings: dict[str, Callable[..., pd.DataFrame]] = {
        "A": lambda pdf, store, slope, n: pd.DataFrame({"slope": [slope], "n": [n]}),
        "B": lambda pdf, store, slope, n: pd.DataFrame({"n": [n], "slope": [slope], "store": [store]}),
        "C": lambda pdf, store, slope, n: pd.DataFrame({"store": [store], "coef": [slope], "n": [n]}),
        "D": lambda pdf, store, slope, n: pd.DataFrame([[store, slope, n]]),
        "E": lambda pdf, store, slope, n: pdf.assign(slope=slope, n=n),
    }

    def gives(ending: Callable[..., pd.DataFrame]) -> bool:
        def fit(pdf):
            store, n = pdf["store"].iloc[0], len(pdf)
            slope = round(np.polyfit(pdf["day"], pdf["units"], 1)[0], 6)
            return ending(pdf, store, slope, n)

        schema = "store long, slope double, n long"
        return _rows(lambda: sales.groupBy("store").applyInPandas(fit, schema)) == [(1, 2.0, 3), (2, -1.0, 2)]

    return holds({k: gives(ending) for k, ending in endings.items()})


def scale_group_004(lab: Lab) -> set[str]:
    df = lab.spark.sql(
        "SELECT CASE WHEN id < 200 THEN 'north' WHEN id < 260 THEN 'south' END AS region, double(id) AS x "
        "FROM range(300)"
    )

    def fit(pdf):
        return pd.DataFrame({"region": [pdf["region"].iloc[0]], "slope": [float(len(pdf))]})

    got = _rows(lambda: df.groupBy("region").applyInPandas(fit, "region string, slope double"))
    assert df.toPandas().groupby("region").ngroups == 2
    return holds(
        {
            "A": got == [("north", 200.0), ("south", 60.0), (None, 40.0)],
            "B": got is not None and len(got) == 2,
            "C": got is not None and len(got) == 42,
            "D": got is None,
        }
    )


def scale_group_005(lab: Lab) -> set[str]:
    n = 120
    one_customer = lab.spark.range(0, n, 1, 2).selectExpr("7L AS customer_id", "double(id) AS x")
    schema = "seen long, largest long"

    def plain(pdf: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"seen": [len(pdf)], "largest": [len(pdf)]})

    def keyed(key: tuple[Any, ...], pdf: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"seen": [len(pdf)], "largest": [len(pdf)]})

    def streamed(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        seen = largest = 0
        for pdf in batches:
            seen, largest = seen + len(pdf), max(largest, len(pdf))
        yield pd.DataFrame({"seen": [seen], "largest": [largest]})

    def keeps_apart(function: Any, batch: int = 40, frame: Any = one_customer) -> bool:
        """One row for the whole group, made without ever holding all of it."""
        with _setting(lab, BATCH, str(batch)):
            got = frame.groupBy("customer_id").applyInPandas(function, schema).collect()
        return len(got) == 1 and got[0].seen == n and got[0].largest < n

    return holds(
        {
            "A": keeps_apart(plain, batch=4),
            "B": keeps_apart(plain, frame=one_customer.repartition(8, "customer_id")),
            "C": keeps_apart(streamed),
            "D": keeps_apart(keyed),
        }
    )


def scale_group_006(lab: Lab) -> set[str]:
    from pyspark.errors import PySparkException

    spark = lab.spark
    wind = [3.0, 5.0, 7.0, 9.0]
    rows = spark.createDataFrame(
        pd.DataFrame({"turbine": [1] * 4 + [2] * 4, "wind": wind * 2, "power": [w**2 for w in wind] + wind})
    ).coalesce(1)
    models: dict[int, Any] = {}
    shared = spark.sparkContext.broadcast({})

    def fitted(pdf):
        return np.poly1d(np.polyfit(pdf["wind"], pdf["power"], 2))

    def to_global(key, pdf):
        models[key[0]] = fitted(pdf)
        return pd.DataFrame({"turbine": [key[0]]})

    def as_bytes(key, pdf):
        return pd.DataFrame({"turbine": [key[0]], "model": [pickle.dumps(fitted(pdf))]})

    def as_object(key, pdf):
        return pd.DataFrame({"turbine": [key[0]], "model": [fitted(pdf)]})

    def to_broadcast(key, pdf):
        shared.value[key[0]] = fitted(pdf)
        return pd.DataFrame({"turbine": [key[0]]})

    def collected(function: Any, schema: str) -> list[Any]:
        return rows.groupBy("turbine").applyInPandas(function, schema).collect()

    def works_again(objects: dict[int, Any]) -> bool:
        return set(objects) == {1, 2} and abs(objects[1](4.0) - 16.0) < 1e-6 and abs(objects[2](4.0) - 4.0) < 1e-6

    def by_column(function: Any) -> bool:
        try:
            got = collected(function, "turbine long, model binary")
        except PySparkException:
            return False
        return works_again({row.turbine: pickle.loads(bytes(row.model)) for row in got})

    assert len(collected(to_global, "turbine long")) == len(collected(to_broadcast, "turbine long")) == 2
    return holds(
        {
            "A": works_again(models),
            "B": by_column(as_bytes),
            "C": by_column(as_object),
            "D": works_again(shared.value),
        }
    )


def scale_cogroup_007(lab: Lab) -> set[str]:
    from pyspark.errors import PySparkException

    today = lab.spark.createDataFrame(pd.DataFrame({"store": [1, 2, 3], "day": [1, 1, 1], "price": [9.0, 8.0, 7.0]}))
    models = lab.spark.createDataFrame([(2, b"x"), (3, b"y"), (4, b"z")], "store long, model binary")
    today, models = today.coalesce(1), models.coalesce(1)

    def score(key, rows, fitted):
        sizes = [-1 if side is None else len(side) for side in (rows, fitted)]
        return pd.DataFrame([[key[0], *sizes, fitted is not None and "model" in fitted.columns]])

    frame = today.groupBy("store").cogroup(models.groupBy("store"))
    got, refused = [], False
    try:
        got = frame.applyInPandas(score, "store long, rows long, fitted long, columns boolean").collect()
    except PySparkException:
        refused = True
    by_store = {row.store: row for row in got}
    return holds(
        {
            "A": len(got) == 2,
            "B": len(got) == 4,
            "C": 1 in by_store and by_store[1].fitted == 0 and by_store[1].columns,
            "D": 4 in by_store and by_store[4].rows == -1,
            "E": refused,
        }
    )


def scale_group_008(lab: Lab) -> set[str]:
    from pyspark.errors import PySparkException

    shops, odd = 12, 7
    table = lab.table("shop_models")
    lab.spark.sql(f"CREATE TABLE {table} (shop BIGINT, score DOUBLE) USING delta")
    rows = lab.spark.range(0, shops, 1, 1).selectExpr("id AS shop").repartition(2, "shop")

    def fit(pdf):
        shop = int(pdf["shop"].iloc[0])
        if shop == odd:
            raise ValueError("one class only")
        return pd.DataFrame({"shop": [shop], "score": [0.5]})

    models = rows.groupBy("shop").applyInPandas(fit, "shop long, score double")
    failed = raises(PySparkException, lambda: models.write.mode("append").saveAsTable(table))
    left = lab.spark.table(table).collect()
    return holds(
        {
            "A": not failed and len(left) == shops - 1,
            "B": not failed and len(left) == shops,
            "C": 0 < len(left) < shops,
            "D": failed and left == [],
        }
    )


def scale_order_010(lab: Lab) -> set[str]:
    rng = np.random.default_rng(6)
    models = {store: np.poly1d([store, 100.0 * store]) for store in (1, 2, 3)}

    def score(store, rows):
        return pd.Series(models[store](rows["day"].to_numpy()), index=rows.index)

    def parts(frame: pd.DataFrame, **options: Any) -> list[pd.Series]:
        return [score(s, g) for s, g in frame.groupby("store", **options)]

    bodies: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
        "A": lambda frame: pd.concat(parts(frame)).loc[frame.index],
        "B": lambda frame: pd.concat(parts(frame)),
        "C": lambda frame: pd.concat(parts(frame, sort=False)).reset_index(drop=True),
        "D": lambda frame: score(frame["store"].iloc[0], frame),
    }
    mixed = pd.DataFrame({"store": rng.integers(1, 4, 40), "day": rng.integers(0, 30, 40)})
    right = [models[store](day) for store, day in mixed.to_numpy()]
    return holds({k: list(body(mixed)) == right for k, body in bodies.items()})


# Optuna with MLflow, read from MLflow's source


@cache
def _module(*parts: str) -> ast.Module:
    import mlflow

    return ast.parse(Path(mlflow.__file__).parent.joinpath(*parts).read_text(encoding="utf-8"))


@cache
def _method(name: str) -> ast.FunctionDef:
    """A method of MlflowSparkStudy."""
    nodes = ast.walk(_module("pyspark", "optuna", "study.py"))
    study = next(node for node in nodes if isinstance(node, ast.ClassDef) and node.name == "MlflowSparkStudy")
    return next(node for node in study.body if isinstance(node, ast.FunctionDef) and node.name == name)


def _binds(method: str, **arguments: Any) -> bool:
    """Whether a method's signature takes these arguments after self and, for optimize, the objective."""
    spec = _method(method).args
    stub = ast.parse(f"def stub({ast.unparse(_bare(spec))}): ...")
    scope: dict[str, Any] = {}
    exec(compile(stub, "stub", "exec"), scope)
    given = (None,) if method == "__init__" else (None, None)
    return not raises(TypeError, lambda: inspect.signature(scope["stub"]).bind(*given, **arguments))


def _bare(spec: ast.arguments) -> ast.arguments:
    """Arguments without annotations, which name classes of Optuna."""
    bare = ast.arguments(
        posonlyargs=[], args=[ast.arg(arg.arg) for arg in spec.args], vararg=None, kwonlyargs=[], kw_defaults=[],
        kwarg=None, defaults=spec.defaults,
    )  # fmt: skip
    assert not (spec.vararg or spec.kwarg or spec.kwonlyargs or spec.posonlyargs)
    return bare


def scale_optuna_011(lab: Lab) -> set[str]:
    guards = [
        ast.unparse(node.test)
        for node in ast.walk(_method("__init__"))
        if isinstance(node, ast.If)
        and isinstance(node.body[0], ast.Raise)
        and "ValueError" in ast.unparse(node.body[0])
    ]
    other_storage_refused = "not isinstance(self._storage, MlflowStorage)" in guards
    return holds(
        {
            "A": _binds("__init__", study_name="churn", storage=object()),
            "B": _binds("__init__", study_name="churn", storage="sqlite:////tmp/churn.db")
            and not other_storage_refused,
            "C": _binds("optimize", max_evals=64, parallelism=8),
            "D": _binds("optimize", n_trials=64, n_jobs=8),
            "E": _binds("optimize", n_trials=64, trials=object()),
        }
    )


def scale_optuna_013(lab: Lab) -> set[str]:
    """A small Parzen sampler on a bowl in the unit square; the best loss of 60 trials as a mean of logarithms."""
    n, start, searches = 60, 10, 40

    def propose(rng: Any, points: list[Any], losses: list[float]) -> Any:
        if len(points) < start:
            return rng.random(2)
        order = np.argsort(losses)
        known = np.array(points)
        good, bad = known[order[: max(2, len(order) // 5)]], known[order[max(2, len(order) // 5) :]]
        width = 0.1
        drawn = np.clip(good[rng.integers(len(good), size=24)] + rng.normal(0, width, (24, 2)), 0, 1)

        def density(centres: Any) -> Any:
            squared = ((drawn[:, None] - centres[None]) ** 2).sum(-1)
            return np.exp(-squared / (2 * width**2)).mean(1) + 0.05

        return drawn[np.argmax(density(good) / density(bad))]

    def best(seed: int, at_once: int) -> float:
        rng = np.random.default_rng(seed)
        target = rng.uniform(0.1, 0.9, 2)
        points: list[Any] = []
        losses: list[float] = []
        while len(points) < n:
            batch = [propose(rng, points, losses) for _ in range(min(at_once, n - len(points)))]
            points += batch
            losses += [float(((point - target) ** 2).sum()) for point in batch]
        return float(np.log(min(losses)))

    def mean(at_once: int, first: int = 0) -> float:
        return float(np.mean([best(seed, at_once) for seed in range(first, first + searches)]))

    random_search = float(
        np.mean(
            [
                np.log(((rng.random((n, 2)) - rng.uniform(0.1, 0.9, 2)) ** 2).sum(1).min())
                for rng in map(np.random.default_rng, range(1000, 1000 + 50 * searches))
            ]
        )
    )
    together, by_four = mean(60), mean(4)
    chance = abs(together - random_search) < 0.6
    return holds(
        {
            "A": abs(together - by_four) < 0.5,
            "B": together < by_four - 0.5,
            "C": chance and by_four < together - 1.0,
            "D": together > random_search + 0.6,
        }
    )


def scale_optuna_014(lab: Lab) -> set[str]:
    statuses = next(
        {
            ast.unparse(state): ast.literal_eval(text)
            for state, text in zip(node.value.keys, node.value.values, strict=True)
        }
        for node in _module("optuna", "storage.py").body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Dict)
        and ast.unparse(node.targets[0]) == "optuna_mlflow_status_map"
    )
    states = {"A": "PRUNED", "B": "FAIL", "C": "WAITING", "D": "RUNNING"}
    return holds({k: statuses[f"TrialState.{state}"] == "KILLED" for k, state in states.items()})


def scale_closure_015(lab: Lab) -> set[str]:
    from pyspark import cloudpickle
    from pyspark.errors import PySparkException

    spark = lab.spark
    train = pd.DataFrame({"x": np.arange(200_000.0)})
    path = str(lab.folder() / "train.parquet")
    train.to_parquet(path)

    def score(trial, data):
        return float(data["x"].max()) + trial

    def from_notebook(trial):
        return score(trial, train)

    def by_default(trial, data=train):
        return score(trial, data)

    def by_spark(trial):
        return score(trial, spark.table("main.ml.train").toPandas())

    def by_path(trial):
        return score(trial, pd.read_parquet(path))

    def light(objective: Any) -> bool:
        try:
            packed = cloudpickle.dumps(objective)
        except (PySparkException, TypeError, pickle.PicklingError):
            return False
        assert pickle.loads(packed)(1) == 200_000.0
        return len(packed) < 20_000

    return holds({"A": light(from_notebook), "B": light(by_default), "C": light(by_spark), "D": light(by_path)})


def scale_ray_018(lab: Lab) -> set[str]:
    trials = np.random.default_rng(8).random(27)  # the final loss of each; the ranking stays as it is
    trained = np.zeros(27, int)
    alive = np.arange(27)
    for until in (1, 3, 9, 27):
        trained[alive] = until
        alive = alive[np.argsort(trials[alive])][: len(alive) // 3]
    return holds({k: trained.sum() == v for k, v in {"A": 243, "B": 108, "C": 81, "D": 40}.items()})


# Scaling up or out, data and model parallel


def scale_up_022(lab: Lab) -> set[str]:
    workers, minutes = np.array([1, 2, 4, 8]), np.array([100.0, 60.0, 40.0, 30.0])
    (fixed, spread), residual, *_ = np.linalg.lstsq(np.c_[np.ones(4), 1 / workers], minutes, rcond=None)
    assert residual.size == 0 or residual[0] < 1e-9

    def takes(n: int) -> float:
        return float(fixed + spread / n)

    return holds(
        {
            "A": takes(16) <= 15,
            "B": all(takes(2**k) > 15 for k in range(20)),
            "C": takes(11) <= 15,
            "D": takes(64) <= 15,
        }
    )


def scale_par_025(lab: Lab) -> set[str]:
    parameters, per_parameter, gpus, memory, activations = 3e9, 16, 4, 40e9, 6e9
    state = parameters * per_parameter
    needed = {
        "A": state + activations,
        "B": state + activations / 4,
        "C": state + activations / 4,
        "D": state / gpus + activations,
    }
    return holds({k: bytes_ < memory for k, bytes_ in needed.items()})


def scale_par_026(lab: Lab) -> set[str]:
    rng = np.random.default_rng(26)
    x, w = rng.normal(size=(256, 5)), rng.normal(size=5)
    y = x @ rng.normal(size=5) + rng.normal(0, 1, 256)

    def gradient(rows: slice, weights: Any) -> Any:
        return 2 * x[rows].T @ (x[rows] @ weights - y[rows]) / len(x[rows])

    def shares(sizes: list[int]) -> list[slice]:
        return [slice(end - size, end) for size, end in zip(sizes, np.cumsum(sizes), strict=True)]

    def average(sizes: list[int]) -> Any:
        return np.mean([gradient(rows, w) for rows in shares(sizes)], axis=0)

    whole = gradient(slice(None), w)
    equal, copies, handled = shares([64] * 4), [w.copy() for _ in range(4)], 0
    for _ in range(3):  # every worker on its own rows with its own copy
        mean = np.mean([gradient(rows, copy) for rows, copy in zip(equal, copies, strict=True)], axis=0)
        copies = [copy - 0.1 * mean for copy in copies]
        handled = sum(len(x[rows]) for rows in equal)
    return holds(
        {
            "A": copies[0].size == w.size / 4,
            "B": all(np.array_equal(copies[0], copy) for copy in copies),
            "C": handled <= 64 / 4,
            "D": np.allclose(average([64] * 4), whole),
            "E": np.allclose(average([100, 80, 50, 26]), whole),
        }
    )


def scale_par_027(lab: Lab) -> set[str]:
    from pyspark.ml.torch.distributor import TorchDistributor

    assert lab.spark is not None
    default = {name: p.default for name, p in inspect.signature(TorchDistributor).parameters.items()}
    on_workers = TorchDistributor(num_processes=8, local_mode=False, use_gpu=False)
    accepted = str(inspect.signature(TorchDistributor.run).parameters["train_object"].annotation)
    return holds(
        {
            "A": default["local_mode"] is True and TorchDistributor(num_processes=2, use_gpu=False).local_mode,
            "B": on_workers.num_tasks != 8,
            "C": default["use_gpu"] is False,
            "D": "Callable" not in accepted,
        }
    )


# Random, grid and model-based search


def scale_search_032(lab: Lab) -> set[str]:
    rng = np.random.default_rng(32)
    minimum = rng.random(4000)
    grid = np.repeat(np.linspace(0, 1, 6), 6)
    by_grid = np.abs(minimum[:, None] - grid[None]).min(1).mean()
    by_chance = np.abs(minimum[:, None] - rng.random((4000, 36))).min(1).mean()
    return holds(
        {
            "A": by_grid < 0.8 * by_chance,
            "B": 0.8 < by_grid / by_chance < 1.25,
            "C": by_chance < 0.8 * by_grid and len(set(grid)) == 6,
            "D": by_grid < by_chance,
        }
    )


def scale_search_033(lab: Lab) -> set[str]:
    rng = np.random.default_rng(33)

    def searched(settings: int, rows: int) -> tuple[float, float]:
        """Validation accuracy of the winner and its accuracy on new customers, means of 200 searches."""
        validation = rng.binomial(rows, 0.8, (200, settings)) / rows
        return float(validation.max(1).mean()), float(rng.binomial(20_000, 0.8, 200).mean() / 20_000)

    reported, later = searched(300, 200)
    more = searched(3000, 200)[1]
    large = searched(300, 2000)[0]
    return holds(
        {
            "A": abs(reported - 0.80) < 0.02,
            "B": abs(reported - 0.88) < 0.01,
            "C": more > later + 0.01,
            "D": abs(later - 0.80) < 0.005,
            "E": large - 0.80 > 0.9 * (reported - 0.80),
        }
    )


# Parallel tuning of models that fit one node


def scale_node_034(lab: Lab) -> set[str]:
    cores = 8

    def busy(n_jobs: int, task_cpus: int = 1) -> float:
        """Threads for each core of a worker."""
        tasks = cores // task_cpus
        return tasks * (cores if n_jobs == -1 else n_jobs) / cores

    settings = {"A": busy(1), "B": busy(8), "C": busy(8, task_cpus=8), "D": busy(-1), "E": busy(1, task_cpus=8)}
    return holds({k: threads == 1 for k, threads in settings.items()})


def scale_node_035(lab: Lab) -> set[str]:
    from pyspark.sql import functions as F

    spark, cores = lab.spark, "spark.sql.leafNodeDefaultParallelism"
    settings = pd.DataFrame({"trial": range(64), "depth": range(64)})

    def one_each(frame: Any) -> bool:
        return len({row[0] for row in frame.select(F.spark_partition_id()).collect()}) == 64

    spark.conf.set(cores, "16")  # a local frame is cut as on a cluster of 16 cores
    try:
        grid = spark.createDataFrame(settings)
        return holds(
            {
                "A": one_each(grid.repartition(64)),
                "B": one_each(grid.repartition(64, "trial")),
                "C": one_each(grid.coalesce(64)),
                "D": one_each(spark.range(0, 64, 1, numPartitions=64)),
            }
        )
    finally:
        spark.conf.unset(cores)


# Counted fits


@cache
def _counting(lab: Lab) -> Any:
    """An estimator of Spark ML that only notes when it is fitted and on which frame, and a fitting evaluator."""
    from pyspark.ml import Estimator, Model
    from pyspark.ml.evaluation import Evaluator
    from pyspark.ml.param.shared import HasElasticNetParam, HasMaxIter, HasRegParam

    assert lab.spark is not None

    class Nothing(Model):  # type: ignore[misc]
        def _transform(self, dataset):
            return dataset

    class Counting(Estimator, HasRegParam, HasElasticNetParam, HasMaxIter):  # type: ignore[misc]
        def __init__(self, seconds: float = 0.0) -> None:
            super().__init__()
            self.seconds = seconds
            self.fits: list[tuple[int, float, float]] = []

        def _fit(self, dataset):
            begun = time.monotonic()
            time.sleep(self.seconds)
            self.fits.append((id(dataset), begun, time.monotonic()))
            return Nothing()

    class Constant(Evaluator):  # type: ignore[misc]
        def _evaluate(self, dataset):
            return 0.5

    return SimpleNamespace(Counting=Counting, Constant=Constant)


def scale_count_036(lab: Lab) -> set[str]:
    from pyspark.ml.tuning import CrossValidator, ParamGridBuilder

    counting = _counting(lab)
    lr = counting.Counting()
    grid = (
        ParamGridBuilder()
        .addGrid(lr.regParam, [0.01, 0.1, 1.0])
        .addGrid(lr.elasticNetParam, [0.0, 0.5, 1.0])
        .addGrid(lr.maxIter, [20, 100])
        .build()
    )
    CrossValidator(estimator=lr, estimatorParamMaps=grid, evaluator=counting.Constant(), numFolds=5).fit(
        lab.spark.range(10)
    )
    return holds({k: len(lr.fits) == v for k, v in {"A": 91, "B": 90, "C": 41, "D": 19}.items()})


def scale_count_037(lab: Lab) -> set[str]:
    from sklearn.model_selection import GridSearchCV
    from sklearn.svm import SVC

    fits: list[int] = []

    class Counted(SVC):
        def fit(self, x: Any, y: Any) -> Any:  # type: ignore[override]
            fits.append(1)
            return super().fit(x, y)

    grid = [
        {"kernel": ["linear"], "C": [0.1, 1, 10]},
        {"kernel": ["rbf"], "C": [0.1, 1, 10], "gamma": [0.001, 0.01, 0.1, 1]},
    ]
    x = np.random.default_rng(37).normal(size=(24, 2))
    GridSearchCV(Counted(), grid, cv=4).fit(x, (x[:, 0] > 0).astype(int))
    return holds({k: len(fits) == v for k, v in {"A": 97, "B": 61, "C": 49, "D": 480}.items()})


def scale_count_038(lab: Lab) -> set[str]:
    from pyspark.ml.tuning import CrossValidator, ParamGridBuilder

    counting, folds, at_once, minutes = _counting(lab), 5, 8, 6
    estimator = counting.Counting(seconds=0.005)
    grid = ParamGridBuilder().addGrid(estimator.maxIter, list(range(12))).build()
    CrossValidator(
        estimator=estimator,
        estimatorParamMaps=grid,
        evaluator=counting.Constant(),
        numFolds=folds,
        parallelism=at_once,
    ).fit(lab.spark.range(10))
    *compared, final = sorted(estimator.fits, key=lambda fit: fit[1])
    queues = [list(fits) for _, fits in itertools.groupby(compared, key=lambda fit: fit[0])]
    assert len(queues) == folds and {len(queue) for queue in queues} == {12}  # fold after fold, never mixed
    assert all(max(end for _, _, end in a) <= b[0][1] for a, b in itertools.pairwise([*queues, [final]]))
    total = sum(-(-len(queue) // at_once) for queue in queues) * minutes + minutes
    return holds({k: total == v for k, v in {"A": 51, "B": 54, "C": 60, "D": 66}.items()})
