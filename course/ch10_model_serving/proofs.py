"""Proofs of chapter 10: batch, streams, online features, endpoints and rollouts.

Streams are tiny and run until their input is used up. Most stateful claims read one shared run, `_counted`.
Endpoints: MLflow's own scoring server answers in this process, and the SDK talks to `_Wire`, which notes each call.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import json
import math
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbook.proofs import Lab, holds, raises, works

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# --- batch or not -----------------------------------------------------------------------------------------------------


def srv_mode_002(lab: Lab) -> set[str]:
    def plan(hours_between: int) -> tuple[float, int]:
        """DBU a day, and minutes from the landing of the oldest file to the end of its run."""
        minutes = 4 + 6 * hours_between
        return 24 / hours_between * minutes / 60 * 8, (hours_between - 1) * 60 + minutes

    plans = {"A": (24 * 8.0, 6), "B": plan(24), "C": plan(1), "D": plan(2)}
    in_time = {letter: cost for letter, (cost, wait) in plans.items() if wait <= 30}
    return holds({letter: letter in in_time and cost == min(in_time.values()) for letter, (cost, _) in plans.items()})


# --- one model in three places ----------------------------------------------------------------------------------------


@functools.cache
def _saved(lab: Lab, filling: bool) -> tuple[str, Path]:
    """A model of minutes and tickets, and a folder in which each call of predict leaves its process and row count."""
    import mlflow.pyfunc
    import numpy as np
    import pandas as pd
    from mlflow.models import infer_signature
    from mlflow.pyfunc.model import PythonModel

    log = lab.folder()

    class Score(PythonModel):
        def __init__(self, log: str, filling: bool) -> None:
            self.log, self.filling = log, filling

        def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
            import os
            import uuid

            open(os.path.join(self.log, f"{os.getpid()}-{len(model_input)}-{uuid.uuid4().hex}"), "w").close()
            frame = model_input.fillna(0.0) if self.filling else model_input
            return (0.5 * frame["minutes"] + frame["tickets"]).tolist()

    signature = infer_signature(pd.DataFrame({"minutes": [1.0], "tickets": [1.0]}), np.array([1.0]))
    path = str(lab.folder() / "model")
    mlflow.pyfunc.save_model(
        path, python_model=Score(str(log), filling), signature=signature, pip_requirements=["mlflow"]
    )
    return path, log


@functools.cache
def _model(lab: Lab, filling: bool = False) -> Any:
    import mlflow

    return mlflow.pyfunc.load_model(_saved(lab, filling)[0])


@functools.cache
def _spark_udf(lab: Lab) -> Any:
    import mlflow

    return mlflow.pyfunc.spark_udf(lab.spark, _saved(lab, True)[0], result_type="double", env_manager="local")


def _calls(lab: Lab) -> set[tuple[int, int, str]]:
    """Process, rows and name of each call that the filling model has seen."""
    names = [path.name.split("-") for path in _saved(lab, True)[1].iterdir()]
    return {(int(process), int(rows), name) for process, rows, name in names}


@functools.cache
def _server(lab: Lab, filling: bool) -> Any:
    from fastapi.testclient import TestClient
    from mlflow.pyfunc import scoring_server

    before = dict(os.environ)
    app = scoring_server.init(_model(lab, filling))
    for name in set(os.environ) - set(before):  # init marks the whole process as a server
        del os.environ[name]
    return TestClient(app)


def _ask(lab: Lab, body: Any, *, filling: bool = False) -> tuple[int, Any]:
    reply = _server(lab, filling).post(
        "/invocations", content=json.dumps(body), headers={"content-type": "application/json"}
    )
    return reply.status_code, reply.json()


@functools.cache
def _batch(lab: Lab) -> tuple[list[Any], bool, set[tuple[int, int, str]]]:
    """Scored rows, whether the column alone called nothing, and the calls that the action made."""
    columns = "id", "double(id) AS minutes", "if(id = 3, NULL, double(id)) AS tickets"
    frame = lab.spark.range(0, 40, 1, 2).selectExpr(*columns)
    before = _calls(lab)
    scored = frame.withColumn("score", _spark_udf(lab)("minutes", "tickets"))
    lazy = _calls(lab) == before
    return scored.collect(), lazy, _calls(lab) - before


def srv_mode_008(lab: Lab) -> set[str]:
    in_batch = {row["id"]: row["score"] for row in _batch(lab)[0]}
    records = [{"minutes": 5.0, "tickets": 5.0}, {"minutes": 3.0}]
    status, answer = _ask(lab, {"dataframe_records": records}, filling=True)
    assert status == 200
    unfilled = in_batch[3] is None or math.isnan(in_batch[3])
    bare = not isinstance(answer, dict)
    on_request = answer if bare else answer["predictions"]
    return holds(
        {
            "A": unfilled,
            "B": abs(in_batch[5] - on_request[0]) > 1e-3,
            "C": bare or on_request != [7.5, 1.5],
            "D": [in_batch[5], in_batch[3]] == on_request,
        }
    )


def srv_batch_009(lab: Lab) -> set[str]:
    _, lazy, calls = _batch(lab)
    on_driver = {process for process, _, _ in calls} == {os.getpid()}
    single = {rows for _, rows, _ in calls} == {1}
    return holds(
        {
            "A": on_driver and not lazy,
            "B": not on_driver and lazy and not single,
            "C": not on_driver and not lazy and not single,
            "D": single,
        }
    )


def srv_batch_010(lab: Lab) -> set[str]:
    import mlflow
    from pyspark.sql import functions as F

    def own(minutes):  # type: ignore[no-untyped-def]
        import os

        return minutes * 0 + os.getpid() * 1000 + len(minutes)

    own_udf = F.pandas_udf(own, "double", F.PandasUDFType.SCALAR)
    seen = [row[0] for row in lab.spark.range(0, 40, 1, 2).select(own_udf(F.col("id").cast("double"))).collect()]
    processes, rows = {int(value) // 1000 for value in seen}, {int(value) % 1000 for value in seen}
    by_signature = lab.spark.sql("SELECT 3D AS tickets, 2D AS minutes").select(_spark_udf(lab)()).collect()[0][0] == 4.0
    from pyspark.util import PythonEvalType

    pandas_kinds = {PythonEvalType.SQL_SCALAR_PANDAS_UDF, PythonEvalType.SQL_SCALAR_PANDAS_ITER_UDF}
    return holds(
        {
            "A": os.getpid() in processes,
            "B": rows == {1},
            "C": by_signature and "env_manager" in inspect.signature(mlflow.pyfunc.spark_udf).parameters,
            "D": not {_spark_udf(lab).evalType, own_udf.evalType} <= pandas_kinds,
        }
    )


def srv_batch_011(lab: Lab) -> set[str]:
    import pandas as pd
    from mlflow.exceptions import MlflowException

    data: dict[str, dict[str, list[Any]]] = {
        "A": {"tickets": [3.0], "minutes": [2.0]},
        "B": {"minutes": [2], "tickets": [3]},
        "C": {"minutes": [2.0], "tickets": [3.0], "plan": ["basic"]},
        "D": {"minutes": [2.0]},
        "E": {"minutes": ["two"], "tickets": [3.0]},
    }

    def predicts(columns: dict[str, list[Any]]) -> bool:
        try:
            return list(_model(lab).predict(pd.DataFrame(columns))) == [4.0]
        except MlflowException:
            return False

    return holds({letter: predicts(columns) for letter, columns in data.items()})


def srv_batch_012(lab: Lab) -> set[str]:
    import mlflow.pyfunc
    import numpy as np
    import pandas as pd
    from mlflow.exceptions import MlflowException
    from mlflow.models import infer_signature
    from mlflow.pyfunc.model import PythonModel

    class Tickets(PythonModel):
        def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
            return (model_input["open_tickets"] * 1.0).tolist()

    folder = lab.folder()
    for name, cells in {"before": "1,1\n2,2\n", "monday": "1,1\n2,\n"}.items():
        (folder / f"{name}.csv").write_text(f"customer_id,open_tickets\n{cells}")
    before, monday = (pd.read_csv(folder / f"{name}.csv") for name in ("before", "monday"))
    mlflow.pyfunc.save_model(
        str(folder / "m"),
        python_model=Tickets(),
        signature=infer_signature(before[["open_tickets"]], np.array([1.0])),
        pip_requirements=["mlflow"],
    )
    model = mlflow.pyfunc.load_model(str(folder / "m"))
    assert list(model.predict(before)) == [1.0, 2.0]
    try:
        scores = list(model.predict(monday))
    except MlflowException:
        scores = None
    return holds(
        {
            "A": scores is None and monday["open_tickets"].dtype == "float64" and len(monday) == 2,
            "B": scores is not None and len(scores) == 2 and math.isnan(scores[1]),
            "C": scores == [1.0],
            "D": scores == [1.0, 0.0],
        }
    )


def srv_batch_013(lab: Lab) -> set[str]:
    from pyspark.sql import functions as F

    def loads(make: Callable[[Callable[[], None]], Any], kind: Any) -> int:
        folder = str(lab.folder())

        def load() -> None:
            import os
            import uuid

            open(os.path.join(folder, uuid.uuid4().hex), "w").close()

        udf = F.pandas_udf(make(load), "double", kind)
        lab.spark.range(0, 60, 1, 2).select(udf(F.col("id").cast("double"))).collect()
        return len(os.listdir(folder))

    def plain(load: Callable[[], None]) -> Any:
        def score(minutes):  # type: ignore[no-untyped-def]
            load()
            return minutes * 2

        return score

    def iterator(load: Callable[[], None]) -> Any:
        def score(batches):  # type: ignore[no-untyped-def]
            load()
            for minutes in batches:
                yield minutes * 2

        return score

    size = "spark.sql.execution.arrow.maxRecordsPerBatch"
    before = lab.spark.conf.get(size) or "10000"
    lab.spark.conf.set(size, "10")  # 60 rows in batches of 10 stand for 60,000 in batches of 10,000
    try:
        found = loads(plain, F.PandasUDFType.SCALAR), loads(iterator, F.PandasUDFType.SCALAR_ITER)
    finally:
        lab.spark.conf.set(size, before)
    pairs = {"A": (2, 2), "B": (6, 6), "C": (60, 2), "D": (6, 2)}
    return holds({letter: found == pair for letter, pair in pairs.items()})


# --- streams ----------------------------------------------------------------------------------------------------------

_EVENTS = "id long, ts timestamp, minutes double, tickets double"
_ARRIVALS = (("12:01", "12:14"), ("12:31",), ("12:32",), ("12:20", "12:05"), ("12:55",))


def _arrive(folder: Path, number: int) -> None:
    """Let file ``number`` of the arrivals land; files are read in this order."""
    rows = [{"id": 1, "ts": f"2026-03-02 {clock}:00", "minutes": 1.0, "tickets": 2.0} for clock in _ARRIVALS[number]]
    path = folder / f"{number}.json"
    path.write_text("\n".join(map(json.dumps, rows)))
    os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number))


def _source(lab: Lab, files: int = 5) -> Path:
    folder = lab.folder()
    for number in range(files):
        _arrive(folder, number)
    return folder


@functools.cache
def _all_files(lab: Lab) -> Path:
    return _source(lab)


def _stream(lab: Lab, folder: Path, files_each: int = 100) -> DataFrame:
    return lab.spark.readStream.schema(_EVENTS).option("maxFilesPerTrigger", files_each).json(str(folder))


def _table(lab: Lab, folder: Path) -> DataFrame:
    return lab.spark.read.schema(_EVENTS).json(str(folder))


def _run(
    lab: Lab,
    frame: DataFrame,
    mode: str = "append",
    checkpoint: Path | None = None,
    each: Callable[[DataFrame], DataFrame] = lambda batch: batch,
) -> tuple[list[list[Any]], int]:
    """Rows of each micro-batch, and how many rows the state holds at the end."""
    got: list[list[Any]] = []
    query = (
        frame.writeStream.outputMode(mode)
        .foreachBatch(lambda batch, number: got.append(each(batch).collect()))
        .option("checkpointLocation", str(checkpoint or lab.folder()))
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination(120)
    states = [op.numRowsTotal for progress in query.recentProgress for op in progress.stateOperators]
    return got, states[-1] if states else 0


def _windows(frame: DataFrame) -> DataFrame:
    from pyspark.sql import functions as F

    return (
        frame.withWatermark("ts", "10 minutes")
        .groupBy("id", F.window("ts", "10 minutes"))
        .agg(F.count("*").alias("n"), F.sum("minutes").alias("minutes"))
        .select(F.date_format("window.start", "HH:mm").alias("start"), "n", "minutes")
    )


def _merge(batches: list[list[Any]]) -> dict[str, int]:
    """The newest count of each window."""
    return {row["start"]: row["n"] for row in itertools.chain(*batches)}


@functools.cache
def _counted(lab: Lab) -> tuple[dict[str, int], dict[str, int], int]:
    """Append mode with a watermark: windows out before a restart, all windows out, rows in the state at the end."""
    folder, checkpoint = _source(lab, files=2), lab.folder()
    first, _ = _run(lab, _windows(_stream(lab, folder, 1)), checkpoint=checkpoint)
    for number in (2, 3, 4):
        _arrive(folder, number)
    second, state = _run(lab, _windows(_stream(lab, folder, 1)), checkpoint=checkpoint)
    return _merge(first), _merge(first + second), state


@functools.cache
def _complete_state(lab: Lab) -> int:
    """Rows in the state after all arrivals in complete mode, although there is a watermark."""
    return _run(lab, _windows(_stream(lab, _all_files(lab), 3)), "complete")[1]


@functools.cache
def _stateless(lab: Lab) -> list[list[Any]]:
    """Micro-batches of a query with a watermark that only passes on its rows."""
    from pyspark.sql import functions as F

    frame = _stream(lab, _all_files(lab), 2).withWatermark("ts", "10 minutes")
    return _run(lab, frame.withColumn("clock", F.date_format("ts", "HH:mm")))[0]


@functools.cache
def _scored_stream(lab: Lab) -> tuple[list[float], set[tuple[int, int, str]]]:
    """Scores from a stream on which the model's UDF stands directly, and the calls of the model."""
    from pyspark.sql import functions as F

    frame = _stream(lab, _all_files(lab)).withColumn("minutes", F.col("minutes") * 2)  # add_features
    before = _calls(lab)
    batches, _ = _run(lab, frame.withColumn("score", _spark_udf(lab)("minutes", "tickets")))
    return [row["score"] for row in itertools.chain(*batches)], _calls(lab) - before


def srv_stream_014(lab: Lab) -> set[str]:
    from pyspark.errors import AnalysisException

    folder = _all_files(lab)
    ran = _scored_stream(lab)[0] == [3.0] * 7
    return holds(
        {
            "A": raises(AnalysisException, lambda: _run(lab, _table(lab, folder))),
            "B": not ran,
            "C": not ran,
            "D": raises(AnalysisException, lambda: _stream(lab, folder).write.format("noop").mode("append").save()),
            "E": not ran,
        }
    )


def srv_stream_015(lab: Lab) -> set[str]:
    from delta.tables import DeltaTable
    from pyspark.errors import AnalysisException

    spark = lab.spark
    folder = lab.folder()
    (folder / "a.json").write_text('{"id": 1, "minutes": 5.0}\n{"id": 2, "minutes": 6.0}')

    def stream() -> DataFrame:
        return spark.readStream.schema("id long, minutes double").json(str(folder))

    def table() -> str:
        name = lab.table("scores")
        spark.sql(f"CREATE TABLE {name} AS SELECT 1L AS id, 1D AS minutes")
        return name

    refusing = table()

    def kept(write: Callable[[str], Any], name: str) -> bool:
        """Whether the newest score of each customer is there, once."""
        try:
            query = write(name)
        except AnalysisException:
            return False
        if query is not None:
            query.awaitTermination(120)
        return sorted(map(tuple, spark.table(name).collect())) == [(1, 5.0), (2, 6.0)]

    def upsert_into(name: str) -> Callable[..., None]:
        def upsert(batch: DataFrame, batch_id: int | None = None) -> None:
            merge = DeltaTable.forName(spark, name).alias("t").merge(batch.alias("s"), "t.id = s.id")
            merge.whenMatchedUpdateAll().whenNotMatchedInsertAll().execute()

        return upsert

    def writer(frame: DataFrame) -> Any:
        return frame.writeStream.option("checkpointLocation", str(lab.folder())).trigger(availableNow=True)

    return holds(
        {
            "C": kept(lambda name: writer(stream()).outputMode("update").toTable(name), refusing),
            "D": kept(lambda name: upsert_into(name)(stream()), refusing),
            "A": kept(lambda name: writer(stream()).outputMode("append").toTable(name), refusing),
            "B": kept(lambda name: writer(stream()).foreachBatch(upsert_into(name)).start(), table()),
        }
    )


def srv_stream_016(lab: Lab) -> set[str]:
    from pyspark.errors import AnalysisException

    refused = raises(AnalysisException, lambda: _scored_stream(lab))
    scores, calls = _scored_stream(lab)
    ran, on_driver = len(scores) == 7, os.getpid() in {process for process, _, _ in calls}
    return holds({"A": ran and bool(calls) and not on_driver, "B": refused, "C": ran and on_driver, "D": refused})


def srv_stream_017(lab: Lab) -> set[str]:
    def refused_as_stream(df: DataFrame) -> bool:
        """Whether the frame is refused for streaming. The model does not exist: what passes fails later, at loading."""
        from mlflow.exceptions import MlflowException

        try:
            lab.fe.score_batch(model_uri=f"models:/{lab.table('none')}/1", df=df)
        except (ValueError, MlflowException) as error:
            return "stream" in str(error)
        return False

    stream = _stream(lab, _all_files(lab))
    seen: list[bool] = []

    def look(batch: DataFrame) -> DataFrame:
        seen.append(refused_as_stream(batch))
        return batch

    _run(lab, stream, each=look)
    refused, in_batch = refused_as_stream(stream), not any(seen)
    return holds(
        {
            "A": not refused,
            "B": refused and not refused_as_stream(stream.withWatermark("ts", "10 minutes")),
            "C": refused and in_batch,
            "D": refused and not in_batch,
        }
    )


def srv_stream_018(lab: Lab) -> set[str]:
    _, windows, _ = _counted(lab)
    early, late = windows["12:00"] == 2, windows.get("12:20") == 1  # 12:01 alone makes a count of 1
    return holds({"A": early and late, "B": late and not early, "C": not early and not late, "D": early and not late})


def srv_stream_019(lab: Lab) -> set[str]:
    _, windows, state = _counted(lab)
    clocks = [[row["clock"] for row in batch] for batch in _stateless(lab)]
    passed = list(itertools.chain(*clocks))
    return holds(
        {
            "A": state < len({clock[:4] for clock in passed}),
            "B": sorted(passed) == sorted(itertools.chain(*_ARRIVALS)),
            "C": all(batch == sorted(batch) for batch in clocks),
            "D": "12:05" not in passed and "12:20" not in windows,
            "E": not windows or not passed,
        }
    )


def srv_stream_020(lab: Lab) -> set[str]:
    from pyspark.errors import AnalysisException, IllegalArgumentException

    folder = _all_files(lab)

    def written(mode: str) -> bool:
        path = str(lab.folder() / "scores")
        try:
            writer = _stream(lab, folder).writeStream.format("delta").outputMode(mode)
            query = writer.option("checkpointLocation", str(lab.folder())).trigger(availableNow=True).start(path)
        except (AnalysisException, IllegalArgumentException):
            return False
        query.awaitTermination(120)
        return lab.spark.read.format("delta").load(path).count() == 7

    return holds(
        {
            letter: written(mode)
            for letter, mode in {"A": "complete", "B": "update", "C": "insert-only", "D": "append"}.items()
        }
    )


def srv_stream_021(lab: Lab) -> set[str]:
    from pyspark.errors import AnalysisException, StreamingQueryException
    from pyspark.sql import functions as F

    folder = _source(lab, files=3)

    def files_read(checkpoint: Path) -> set[str]:
        frame = _stream(lab, folder).select(F.col("_metadata.file_name").alias("file"))
        return {row["file"] for row in itertools.chain(*_run(lab, frame, checkpoint=checkpoint)[0])}

    assert files_read(lab.folder()) == {"0.json", "1.json", "2.json"}
    _arrive(folder, 3)
    try:
        read = files_read(lab.folder())  # an emptied folder is a new one
    except (AnalysisException, StreamingQueryException):
        read = set()
    old_and_new = {"0.json", "1.json", "2.json", "3.json"}
    return holds({"A": read == old_and_new, "B": read == {"3.json"}, "C": not read, "D": read == {"2.json", "3.json"}})


def srv_stream_022(lab: Lab) -> set[str]:
    before, windows, state = _counted(lab)
    n_windows = 5
    in_dict: dict[str, int] = {}  # what a new process has: rows that arrive after the restart, 12:32 of 12:30 to 12:40
    for clock in itertools.chain(*_ARRIVALS[2:]):
        in_dict[clock[:4] + "0"] = in_dict.get(clock[:4] + "0", 0) + 1
    return holds(
        {
            "A": state < n_windows,
            "B": "12:30" not in before and windows["12:30"] == 2,
            "C": _complete_state(lab) < n_windows,
            "D": state == 0,  # the run was one with availableNow
            "E": in_dict["12:30"] == 2,
        }
    )


def srv_stream_023(lab: Lab) -> set[str]:
    import time

    from pyspark.errors import PySparkException

    checkpoint = str(lab.folder())

    def start(name: str) -> Any:
        rate = lab.spark.readStream.format("rate").load()
        return rate.writeStream.format("memory").queryName(name).option("checkpointLocation", checkpoint).start()

    q1 = start("srv_q1")
    q2, error = None, None
    try:
        q2 = start("srv_q2")
    except PySparkException as raised:
        error = raised
    deadline = time.monotonic() + 3
    while q1.isActive and time.monotonic() < deadline:
        time.sleep(0.05)
    first, second, quiet = q1.isActive, q2 is not None and q2.isActive, q1.exception() is None
    same = q2 is not None and q1.id == q2.id
    for query in (q1, q2):
        if query is not None:
            query.stop()
    return holds(
        {
            "A": first and second and same,
            "B": first and error is not None,
            "C": second and same and not first and quiet,
            "D": first and second and not same,
        }
    )


def srv_stream_024(lab: Lab) -> set[str]:
    import shutil

    from delta.tables import DeltaTable

    spark = lab.spark

    def rows(*ids: int) -> DataFrame:
        return spark.range(ids[0], ids[-1] + 1, 1, 1).withColumnRenamed("id", "event_id")

    older, batch = rows(1), rows(2, 3)

    def merge(path: str) -> None:
        into = DeltaTable.forPath(spark, path).alias("t").merge(batch.alias("s"), "t.event_id = s.event_id")
        into.whenNotMatchedInsertAll().execute()

    def writer(frame: DataFrame, mode: str = "append") -> Any:
        return frame.write.format("delta").mode(mode)

    bodies: dict[str, Callable[[str], None]] = {
        "A": lambda path: writer(batch).save(path),
        "B": lambda path: writer(batch).option("txnAppId", "scores").option("txnVersion", 41).save(path),
        "C": merge,
        "D": lambda path: writer(batch, "overwrite").save(path),
        "E": lambda path: writer(batch.dropDuplicates(["event_id"])).save(path),
    }

    base, tried = (str(lab.folder() / name) for name in ("base", "tried"))
    writer(older).save(base)
    shutil.copytree(base, tried)
    writer(batch).save(tried)  # what a first attempt leaves, except that this one has no txnVersion

    def once(letter: str) -> bool:
        path = str(lab.folder() / "scored")
        shutil.copytree(base if letter == "B" else tried, path)
        if letter == "B":
            bodies[letter](path)
        bodies[letter](path)  # the same batch again
        return sorted(row["event_id"] for row in spark.read.format("delta").load(path).collect()) == [1, 2, 3]

    return holds({letter: once(letter) for letter in bodies})


def srv_stream_025(lab: Lab) -> set[str]:
    from pyspark.errors import AnalysisException
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    def over(order: str) -> Any:
        return F.sum("minutes").over(Window.partitionBy("id").orderBy(order).rowsBetween(-9, 0))

    folder = lab.folder()
    for number in (1, 2):  # 12:31 and 12:32, one customer, one window, two micro-batches
        _arrive(folder, number)
    stream = _stream(lab, folder, 1)
    by_batch, _ = _run(lab, stream, each=lambda batch: batch.withColumn("total", over("ts")))

    def refused(order: str, mode: str) -> bool:
        return raises(AnalysisException, lambda: _run(lab, stream.select(over(order)), mode))

    return holds(
        {
            "A": not refused("id", "append"),
            "B": _counted(lab)[1]["12:30"] == 2,
            "C": max(row["total"] for row in itertools.chain(*by_batch)) == 2.0,
            "D": not refused("ts", "complete"),
        }
    )


def srv_stream_026(lab: Lab) -> set[str]:
    from pyspark.errors import AnalysisException

    n_windows = 5
    before, _, state = _counted(lab)
    updates, update_state = _run(lab, _windows(_stream(lab, _all_files(lab), 2)), "update")
    running = [[row["n"] for row in batch if row["start"] == "12:30"] for batch in updates]
    path = str(lab.folder() / "live")
    to_delta = _windows(_stream(lab, _all_files(lab))).writeStream.format("delta").outputMode("update")
    accepted = works(
        lambda: to_delta.option("checkpointLocation", str(lab.folder())).start(path).stop(), AnalysisException
    )
    return holds(
        {
            "A": "12:30" in before and state < n_windows,  # 12:31 had arrived when the first run ended
            "B": accepted,
            "C": _complete_state(lab) < n_windows,
            "D": running[0] == [1] and running[1] == [2] and update_state < n_windows,
        }
    )


def srv_feat_027(lab: Lab) -> set[str]:
    from pyspark.errors import AnalysisException
    from pyspark.sql import functions as F

    folder = _all_files(lab)
    rate = F.col("minutes") / F.greatest(F.lit(1), "tickets")  # tickets stands for days
    bodies: dict[str, Callable[[DataFrame], DataFrame]] = {
        "A": lambda df: df.withColumn("x", F.col("minutes") / F.lit(df.count())),
        "B": lambda df: lab.spark.createDataFrame(df.toPandas().assign(x=lambda p: p.minutes / p.tickets)),
        "C": lambda df: df.withColumn("x", rate),
        "D": lambda df: df.orderBy("ts").dropDuplicates(["id"]).withColumn("x", F.col("minutes") / 7),
    }

    def serves_both(body: Callable[[DataFrame], DataFrame]) -> bool:
        try:
            streamed = [row["x"] for row in itertools.chain(*_run(lab, body(_stream(lab, folder)))[0])]
        except AnalysisException:
            return False
        return streamed == [row["x"] for row in body(_table(lab, folder)).collect()]

    return holds({letter: serves_both(body) for letter, body in bodies.items()})


def srv_pipe_028(lab: Lab) -> set[str]:
    from pyspark import pipelines as dp
    from pyspark.pipelines.graph_element_registry import GraphElementRegistry, graph_element_registration_context

    class Noted(GraphElementRegistry):
        def __init__(self) -> None:
            self.kinds: list[str] = []

        def register_output(self, output: Any) -> None:
            self.kinds.append(type(output).__name__)

        def register_flow(self, flow: Any) -> None:
            pass

        def register_sql(self, sql_text: str, file_path: Path) -> None:
            pass

    def kind(decorator: str) -> str | None:
        """What the decorator declares."""
        noted = Noted()
        with graph_element_registration_context(noted):
            if not hasattr(dp, decorator):
                return None
            getattr(dp, decorator)(name="scored_events")(lambda: None)
        return noted.kinds[0]

    decorators = {"A": "table", "B": "materialized_view", "C": "temporary_view", "D": "streaming_table"}
    # stored, and appended to as rows arrive
    return holds({letter: kind(decorator) == "StreamingTable" for letter, decorator in decorators.items()})


# --- online features --------------------------------------------------------------------------------------------------


class _Wire:
    """Takes the place of the SDK's HTTP client: notes each call, and answers with ``reply``."""

    class _Config:
        workspace_id = None

    def __init__(self, reply: dict[str, Any] | None = None) -> None:
        self._cfg = self._Config()
        self.reply = reply or {}
        self.calls: list[tuple[str, str, Any]] = []

    def do(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        self.calls.append((method, path, request.get("body")))
        return self.reply


def srv_online_033(lab: Lab) -> set[str]:
    from databricks.sdk.service.ml import FeatureStoreAPI, OnlineStore, PublishSpec, PublishSpecPublishMode

    mode = PublishSpecPublishMode.TRIGGERED
    calls: dict[str, Callable[[Any], Any]] = {
        "A": lambda api: api.publish_table(name="main.ml.usage", online_store="shop", online=True),
        "B": lambda api: api.create_online_store(
            OnlineStore(name="shop", source_table_name="main.ml.usage", publish_mode=mode)  # type: ignore[call-arg]
        ),
        "C": lambda api: api.publish_table(
            "main.ml.usage",
            PublishSpec(source="main.ml.usage", store="shop", mode="merge"),  # type: ignore[call-arg]
        ),
        "D": lambda api: api.publish_table(
            "main.ml.usage",
            PublishSpec(online_store="shop", online_table_name="main.ml.usage_online", publish_mode=mode),
        ),
    }

    def publishes(call: Callable[[Any], Any]) -> bool:
        wire = _Wire()
        if raises(TypeError, lambda: call(FeatureStoreAPI(wire))):
            return False
        return [path for _, path, _ in wire.calls] == ["/api/2.0/feature-store/tables/main.ml.usage/publish"]

    return holds({letter: publishes(call) for letter, call in calls.items()})


def srv_online_036(lab: Lab) -> set[str]:
    import datetime as dt

    from lakehouse.feature_engineering.point_in_time import point_in_time_join

    balances = lab.spark.sql("SELECT 5L AS customer_id, TIMESTAMP '2026-03-10' AS ts, 40D AS balance")
    asked = lab.spark.sql("SELECT 5L AS customer_id, TIMESTAMP '2026-03-30' AS ts")
    keys, times, outputs = {"customer_id": "customer_id"}, ("ts", "ts"), {"balance": "balance"}
    week = dt.timedelta(days=7)
    looked_up = point_in_time_join(asked, balances, keys=keys, timestamp=times, outputs=outputs, lookback=week)
    [job] = looked_up.fillna({"balance": -1.0}).collect()
    [online] = balances.where("customer_id = 5").selectExpr("max_by(balance, ts) AS balance").collect()  # any age
    found = job["balance"], online["balance"]
    pairs = {"A": (-1.0, -1.0), "B": (-1.0, 40.0), "C": (40.0, 40.0), "D": (40.0, -1.0)}
    return holds({letter: found == pair for letter, pair in pairs.items()})


def srv_online_037(lab: Lab) -> set[str]:
    from pyspark.sql.streaming import StreamingQuery

    folder, name = lab.folder(), lab.table("card_24h")
    (folder / "a.json").write_text('{"card": 1, "n": 5}\n{"card": 2, "n": 1}')
    lab.fe.create_table(name=name, primary_keys="card", df=lab.spark.sql("SELECT 1L AS card, 4L AS n"))

    def keeps(**options: Any) -> bool:
        counts = lab.spark.readStream.schema("card long, n long").json(str(folder))
        try:
            query = lab.fe.write_table(name=name, df=counts, **options)
        except (ValueError, TypeError):
            return False
        assert isinstance(query, StreamingQuery)
        query.processAllAvailable()
        query.stop()
        return sorted(map(tuple, lab.fe.read_table(name=name).select("card", "n").collect())) == [(1, 5), (2, 1)]

    ckpt = str(lab.folder())
    return holds(
        {
            "A": keeps(mode="append", checkpoint_location=ckpt),
            "B": keeps(mode="overwrite", checkpoint_location=ckpt),
            "C": keeps(mode="merge", checkpoint_location=ckpt),
            "D": keeps(outputMode="update", checkpointLocation=ckpt),
        }
    )


# --- endpoints --------------------------------------------------------------------------------------------------------


def srv_query_038(lab: Lab) -> set[str]:
    extra = {"feature_lookups": [{"table_name": "main.ml.usage", "lookup_key": "customer_id"}]}
    status, answer = _ask(lab, {"dataframe_records": [{"customer_id": 7}], **extra})
    complete, _ = _ask(lab, {"dataframe_records": [{"customer_id": 7, "minutes": 2.0, "tickets": 3.0}], **extra})
    missing = status == 400 and "minutes" in answer["message"] and "tickets" in answer["message"]
    return holds(
        {
            "A": missing and complete == 200,
            "B": status == 400 and complete != 200,
            "C": status == 200 and not math.isnan(answer["predictions"][0]),
            "D": status == 200 and math.isnan(answer["predictions"][0]),
        }
    )


def srv_alias_039(lab: Lab) -> set[str]:
    from databricks.sdk.service.serving import EndpointTag, ServedEntityInput, ServingEndpointsAPI

    v = "7"
    steps: dict[str, Callable[[Any], Any]] = {
        "A": lambda api: None,
        "B": lambda api: api.update_config(
            "churn", served_entities=[ServedEntityInput(entity_name="main.ml.churn@Champion", entity_version="latest")]
        ),
        "C": lambda api: api.patch("churn", add_tags=[EndpointTag(key="alias", value="Champion")]),
        "D": lambda api: api.update_config(
            "churn", served_entities=[ServedEntityInput(entity_name="main.ml.churn", entity_version=v)]
        ),
    }

    def serves_7(step: Callable[[Any], Any]) -> bool:
        """Whether the step tells the endpoint to serve version 7: the only way, as it stores a version number."""
        wire = _Wire({"name": "churn"})
        step(ServingEndpointsAPI(wire))
        entities = [entity for _, _, body in wire.calls if body for entity in body.get("served_entities", [])]
        return {"entity_name": "main.ml.churn", "entity_version": "7"} in entities

    assert not {"entity_alias", "alias"} & set(inspect.signature(ServedEntityInput).parameters)
    return holds({letter: serves_7(step) for letter, step in steps.items()})


def srv_deploy_040(lab: Lab) -> set[str]:
    from databricks.sdk.errors import OperationFailed
    from databricks.sdk.service.serving import ServedEntityInput, ServingEndpointsAPI

    state = {"ready": "READY", "config_update": "UPDATE_FAILED"}
    active = {"served_entities": [{"entity_name": "main.ml.churn", "entity_version": "4"}]}
    wire = _Wire({"name": "churn", "state": state, "config": active})
    api = ServingEndpointsAPI(wire)
    version_5 = ServedEntityInput(entity_name="main.ml.churn", entity_version="5")
    failed = raises(OperationFailed, lambda: api.update_config_and_wait("churn", served_entities=[version_5]))
    polls = sum(method == "GET" for method, _, _ in wire.calls)
    endpoint = api.get("churn")
    assert endpoint.state and endpoint.state.ready and endpoint.config and endpoint.config.served_entities
    answering = endpoint.state.ready.value == "READY"
    old = endpoint.config.served_entities[0].entity_version == "4"
    return holds(
        {
            "A": not failed and not old,
            "B": failed and polls == 1 and answering and old,
            "C": polls > 1,
            "D": failed and not answering,
        }
    )


def srv_deploy_041(lab: Lab) -> set[str]:
    from databricks.sdk.service.serving import EndpointCoreConfigInput, ServedEntityInput, ServingEndpointsAPI

    name = {"entity_name": "main.ml.churn", "entity_version": "4", "workload_size": "Small"}
    drafts: dict[str, dict[str, Any]] = {
        "A": {**name, "min_replicas": 1, "max_replicas": 3},
        "B": {**name, "traffic_percentage": 100},
        "C": {"model_uri": "models:/main.ml.churn/4", "workload_size": "Small", "scale_to_zero_enabled": False},
        "D": {**name, "scale_to_zero_enabled": False},
    }

    def create(draft: dict[str, Any]) -> None:
        config = EndpointCoreConfigInput(name="churn", served_entities=[ServedEntityInput(**draft)])
        ServingEndpointsAPI(_Wire({"name": "churn"})).create(name="churn", config=config)

    return holds({letter: works(partial(create, draft), TypeError) for letter, draft in drafts.items()})


def srv_deploy_042(lab: Lab) -> set[str]:
    from databricks.sdk.service import serving as s

    where: dict[str, Any] = {"catalog_name": "main", "schema_name": "mon"}
    assert "deprecated" in (inspect.getdoc(s.AutoCaptureConfigInput) or "").lower()
    makes: dict[str, Callable[[], dict[str, Any]]] = {
        "A": lambda: {
            "ai_gateway": s.AiGatewayConfig(
                inference_table_config=s.AiGatewayInferenceTableConfig(**where, enabled=True)
            )
        },
        "B": lambda: {
            "ai_gateway": s.AiGatewayConfig(usage_tracking_config=s.AiGatewayUsageTrackingConfig(**where, enabled=True))
        },
        "C": lambda: {
            "config": s.EndpointCoreConfigInput(
                name="churn",
                served_entities=[
                    s.ServedEntityInput(
                        entity_name="main.ml.churn",
                        entity_version="4",
                        inference_table_name="main.mon.churn_payload",  # type: ignore[call-arg]
                    )
                ],
            )
        },
        "D": lambda: {
            "config": s.EndpointCoreConfigInput(
                name="churn",
                inference_table_config=s.AiGatewayInferenceTableConfig(**where),  # type: ignore[call-arg]
            )
        },
    }

    def logs(make: Callable[[], dict[str, Any]]) -> bool:
        wire = _Wire({"name": "churn"})
        if raises(TypeError, lambda: s.ServingEndpointsAPI(wire).create(name="churn", **make())):
            return False
        return all(word in json.dumps(wire.calls[0][2]) for word in ('"main"', '"mon"'))

    return holds({letter: logs(make) for letter, make in makes.items()})


def srv_query_044(lab: Lab) -> set[str]:
    split = {"columns": ["minutes", "tickets"], "data": [[2.0, 3.0]]}
    bodies: dict[str, Any] = {
        "A": {"dataframe_split": {"columns": ["minutes", "tickets"], "data": [[2, 3]]}},
        "B": [{"minutes": 2.0, "tickets": 3.0}],
        "C": {"inputs": {"minutes": [2.0], "tickets": [3.0]}},
        "D": split,
        "E": {"dataframe_records": [{"minutes": 2.0, "tickets": 3.0}], "inputs": [[2.0, 3.0]]},
    }
    return holds({letter: _ask(lab, body) == (200, {"predictions": [4.0]}) for letter, body in bodies.items()})


def srv_query_045(lab: Lab) -> set[str]:
    from unittest.mock import patch

    import pandas as pd
    from mlflow.deployments.databricks import DatabricksDeploymentClient

    df = pd.DataFrame({"minutes": [2.0], "tickets": [3.0]})
    calls: dict[str, dict[str, Any]] = {
        "A": {"endpoint": "churn", "inputs": df},
        "B": {"endpoint": "churn", "inputs": df.to_dict(orient="records")},
        "C": {"endpoint": "churn", "inputs": {"dataframe_split": df.to_dict(orient="split")}},
        "D": {"endpoint": "churn", "dataframe_records": df.to_dict(orient="records")},
    }

    def answered(arguments: dict[str, Any]) -> bool:
        with patch.object(DatabricksDeploymentClient, "_call_endpoint") as call:
            try:
                DatabricksDeploymentClient("databricks").predict(**arguments)
                body = json.loads(json.dumps(call.call_args.kwargs["json_body"]))
            except TypeError:
                return False
        return _ask(lab, body) == (200, {"predictions": [4.0]})

    return holds({letter: answered(arguments) for letter, arguments in calls.items()})


def srv_query_047(lab: Lab) -> set[str]:
    status, answer = _ask(lab, {"dataframe_records": [{"minutes": 2.0, "tickets": 3.0}, {"minutes": 8.0}]})
    scores = answer.get("predictions", [])
    return holds(
        {
            "A": status == 400,
            "B": scores == [4.0],
            "C": scores == [4.0, 4.0],
            "D": status == 200 and len(scores) == 2 and scores[0] == 4.0 and math.isnan(scores[1]),
        }
    )


def srv_tune_048(lab: Lab) -> set[str]:
    needed = {"A": 600 * 0.02, "B": 600 / 2 * 0.045, "C": 600 / 20 * 0.07, "D": 600 * 0.04}  # D: retries only add to it
    wait = {"A": 0.0, "B": 2 / 600, "C": 20 / 600, "D": 0.0}
    return holds({letter: needed[letter] <= 4 and wait[letter] <= 0.5 for letter in needed})


# --- rollouts ---------------------------------------------------------------------------------------------------------


def srv_roll_053(lab: Lab) -> set[str]:
    def month(recall: float, precision: float) -> tuple[float, float, float]:
        """Leavers found, calls made, and what is left in the end."""
        found = 1000 * recall
        calls = found / precision
        return found, calls, found * 40 - calls * 8

    def f1(recall: float, precision: float) -> float:
        return 2 * recall * precision / (recall + precision)

    old, new = month(0.72, 0.40), month(0.80, 0.32)
    return holds(
        {
            "A": math.isclose(new[2], 12_000) and math.isclose(old[2], 14_400) and new[2] < old[2],
            "B": (new[0] - old[0]) * 40 > (new[1] - old[1]) * 8,
            "C": f1(0.80, 0.32) > f1(0.72, 0.40),
            "D": math.isclose(new[2], old[2]),
        }
    )


def srv_split_054(lab: Lab) -> set[str]:
    from databricks.sdk.service.serving import Route, TrafficConfig

    entities = {"champion", "challenger"}
    splits: dict[str, dict[str, Any]] = {
        "A": {"champion": 95, "challenger": 5},
        "B": {"champion": 0.95, "challenger": 0.05},
        "C": {"champion": 100, "challenger": 0},
        "D": {"champion": 100, "challenger": 5},
        "E": {"main.ml.churn/7": 95, "main.ml.churn/8": 5},
    }

    def valid(split: dict[str, Any]) -> bool:
        """The documented rule: whole percentages that sum to 100, for names of served entities."""
        routes = TrafficConfig(
            routes=[Route(served_model_name=name, traffic_percentage=p) for name, p in split.items()]
        ).as_dict()["routes"]
        shares = [route["traffic_percentage"] for route in routes]
        named = {route["served_model_name"] for route in routes} <= entities
        return named and all(isinstance(share, int) and 0 <= share <= 100 for share in shares) and sum(shares) == 100

    assert inspect.signature(Route).parameters["traffic_percentage"].annotation == "int"
    return holds({letter: valid(split) for letter, split in splits.items()})


def srv_split_056(lab: Lab) -> set[str]:
    import numpy as np

    to_new = np.random.default_rng(3).random((100_000, 8)) < 0.1
    some, every = to_new.any(axis=1), to_new.all(axis=1)
    return holds(
        {
            "A": abs((some & ~every).mean() - 0.57) < 0.01,
            "B": abs(some.mean() - 0.10) < 0.02,
            "C": abs(every.mean() - 0.10) < 0.02,
            "D": (some & ~every).mean() > 0.95,
        }
    )
