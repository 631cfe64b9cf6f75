"""The churn tables: in memory, as parquet files, or as Delta tables of any size.

``python -m course.churn.data --customers 5000 --out DIR`` writes one parquet file per table. The columns and the
equations are in ``datasets/README.md``.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from course.churn import simulation
from course.churn.simulation import DRIFT_KINDS, TABLES, ChurnOptions, simulate, truth
from lakehouse.errors import InvalidValue
from lakehouse.paths import ROOT

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

__all__ = [
    "DEFAULTS",
    "SAMPLE",
    "TABLES",
    "ChurnOptions",
    "best_auc",
    "generate",
    "load_sample",
    "options_of",
    "truth",
    "write_parquet",
    "write_tables",
]

GENERATOR_VERSION = 1  # raise it when the same options give other rows: tables of the older version no longer fit
OPTIONS_PROPERTY = "workbook.options"
DEFAULTS = ChurnOptions()
SAMPLE = ChurnOptions(customers=500)
SAMPLE_FOLDER = ROOT / "datasets" / "churn"
IN_MEMORY_CUSTOMERS = 20_000  # up to here one process is quicker than starting Spark's Python workers
CUSTOMERS_PER_BLOCK = 10_000
CUSTOMERS_PER_TASK = 50_000
TABLES_AT_ONCE = 3

COLUMNS: dict[str, dict[str, str]] = {
    "customers": {
        "customer_id": "bigint",
        "country": "string",
        "plan": "string",
        "signup_date": "date",
        "age": "double",
        "income": "double",
    },
    "usage": {
        "customer_id": "bigint",
        "week_start": "date",
        "minutes": "double",
        "sessions": "int",
        "available_at": "timestamp",
    },
    "payments": {
        "customer_id": "bigint",
        "paid_at": "timestamp",
        "amount": "double",
        "late_days": "int",
        "failed": "boolean",
    },
    "tickets": {"customer_id": "bigint", "opened_at": "timestamp", "topic": "string", "resolved_at": "timestamp"},
    "labels": {"customer_id": "bigint", "label_ts": "timestamp", "churned": "int"},
    "label_truth": {"customer_id": "bigint", "label_ts": "timestamp", "p": "double"},
}
LEAK_COLUMNS = {"account_status": "string", "retention_call_at": "timestamp"}
ARROW_TYPES = {
    "bigint": pa.int64(),
    "int": pa.int32(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "string": pa.string(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}


def generate(options: ChurnOptions = DEFAULTS) -> dict[str, pd.DataFrame]:
    """Make all tables in memory: 5,000 customers over 52 weeks take about a second and 20 MB.

    Returns
    -------
    dict of str to pandas.DataFrame
        Keys are ``TABLES``. Moments are ``datetime64[ns, UTC]``, days are ``datetime64[ns]`` at midnight.
    """
    return simulate(_customer_ids(options), options)


def best_auc(labels: pd.DataFrame, label_truth: pd.DataFrame) -> float:
    """Area under the ROC curve of the true churn probability: what a perfect model would reach on these labels.

    Parameters
    ----------
    labels, label_truth : pandas.DataFrame
        The tables of these names, or any part of ``labels``: rows are matched on ``customer_id`` and ``label_ts``.

    Raises
    ------
    ValueError
        If a label has no true probability, or if all labels are of one class.
    """
    rows = labels.merge(label_truth, on=["customer_id", "label_ts"], how="left", validate="one_to_one")
    if rows["p"].isna().any():
        raise InvalidValue(
            f"labels: {rows['p'].isna().sum()} rows have no row in label_truth: pass tables made with the same options."
        )
    positive = rows["churned"] == 1
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if not n_positive or not n_negative:
        raise InvalidValue(
            f"labels: all {len(rows)} rows are of one class, so no AUC exists: pass more customers or dates."
        )
    rank_sum = rows["p"].rank()[positive].sum()
    return float((rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def write_tables(spark: SparkSession, schema: str = "main.churn", options: ChurnOptions = DEFAULTS) -> None:
    """Write the raw tables ``raw_customers`` ... ``raw_label_truth`` as Delta tables, replacing those that are there.

    Up to 20,000 customers the rows are made in this process; more are made by Spark's workers, in blocks, and never
    pass through the driver. Both ways give the same rows. Each table is replaced in one commit that also stores the
    options, as the table property ``workbook.options``, so a run that was cut short is seen by ``options_of``.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        Classic or Connect.
    schema : str
        ``catalog.schema``; it is created if it does not exist.
    options : ChurnOptions

    Raises
    ------
    ValueError
        If ``schema`` has not two levels.
    """
    _require_two_levels(schema)
    spark.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    large = options.customers > IN_MEMORY_CUSTOMERS
    in_memory = {} if large else generate(options)

    def write(table: str) -> None:
        name = f"{schema}.raw_{table}"
        if large:
            print(f"{name}: {options.customers:,} customers", flush=True)
            frame = _simulated_by_workers(spark, table, options)
        else:
            frame = spark.createDataFrame(pa.Table.from_batches([_to_arrow(table, in_memory[table], options)]))
        frame.writeTo(name).using("delta").tableProperty(OPTIONS_PROPERTY, _to_json(options)).createOrReplace()

    # A small table is mostly planning and one commit, which leave the other core idle.
    with ThreadPoolExecutor(1 if large else TABLES_AT_ONCE) as pool:
        list(pool.map(write, TABLES))


def options_of(spark: SparkSession, schema: str = "main.churn") -> ChurnOptions | None:
    """The options with which the raw tables of a schema were made.

    Returns
    -------
    ChurnOptions or None
        None if a table is missing, if the tables do not belong together, or if another version of this generator made
        them: they have to be written again.

    Raises
    ------
    ValueError
        If ``schema`` has not two levels.
    """
    _require_two_levels(schema)
    stored = set()
    for table in TABLES:
        name = f"{schema}.raw_{table}"
        if not spark.catalog.tableExists(name):
            return None
        properties = {row["key"]: row["value"] for row in spark.sql(f"SHOW TBLPROPERTIES {name}").collect()}
        stored.add(properties.get(OPTIONS_PROPERTY))
    text = stored.pop()
    return None if stored or text is None else _from_json(text)


def write_parquet(options: ChurnOptions, folder: Path) -> list[Path]:
    """Write one parquet file per table into ``folder``, in blocks of customers, and return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {table: folder / f"{table}.parquet" for table in TABLES}
    with ExitStack() as stack:
        writers = {
            table: stack.enter_context(pq.ParquetWriter(path, _arrow_schema(table, options), compression="zstd"))
            for table, path in paths.items()
        }
        ids = _customer_ids(options)
        for block in np.split(ids, range(CUSTOMERS_PER_BLOCK, len(ids), CUSTOMERS_PER_BLOCK)):
            for table, frame in simulate(block, options).items():
                writers[table].write_batch(_to_arrow(table, frame, options))
    return list(paths.values())


def load_sample() -> dict[str, pd.DataFrame]:
    """The committed sample of 500 customers: equal to ``generate(SAMPLE)``, for those who cannot generate."""
    return {
        table: pq.read_table(SAMPLE_FOLDER / f"{table}.parquet").to_pandas(
            date_as_object=False, coerce_temporal_nanoseconds=True
        )
        for table in TABLES
    }


def _customer_ids(options: ChurnOptions) -> np.ndarray:
    return np.arange(1, options.customers + 1)


def _simulated_by_workers(spark: SparkSession, table: str, options: ChurnOptions) -> DataFrame:
    from pyspark import cloudpickle

    # Sends the code itself, so that workers which do not have this repository can run it.
    cloudpickle.register_pickle_by_value(simulation)
    arrow_schema = _arrow_schema(table, options)

    def rows_of(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            frame = simulate(batch.column("id").to_numpy(), options, [table])[table]
            yield pa.RecordBatch.from_pandas(frame, schema=arrow_schema, preserve_index=False)

    ids = spark.range(1, options.customers + 1, 1, math.ceil(options.customers / CUSTOMERS_PER_TASK))
    return ids.mapInArrow(rows_of, ", ".join(f"{name} {kind}" for name, kind in _columns(table, options).items()))


def _columns(table: str, options: ChurnOptions) -> dict[str, str]:
    return COLUMNS[table] | (LEAK_COLUMNS if options.leak and table == "customers" else {})


def _arrow_schema(table: str, options: ChurnOptions) -> pa.Schema:
    return pa.schema([(name, ARROW_TYPES[kind]) for name, kind in _columns(table, options).items()])


def _to_arrow(table: str, frame: pd.DataFrame, options: ChurnOptions) -> pa.RecordBatch:
    return pa.RecordBatch.from_pandas(frame, schema=_arrow_schema(table, options), preserve_index=False)


def _to_json(options: ChurnOptions) -> str:
    return json.dumps({"version": GENERATOR_VERSION, **asdict(options)}, default=date.isoformat)


def _from_json(text: str) -> ChurnOptions | None:
    values = json.loads(text)
    if values.pop("version") != GENERATOR_VERSION:
        return None
    for name in ("start", "drift_from", "concept_change_from"):
        if values[name] is not None:
            values[name] = date.fromisoformat(values[name])
    return ChurnOptions(**values | {"drift": tuple(values["drift"])})


def _require_two_levels(schema: str) -> None:
    parts = schema.split(".")
    if len(parts) != 2 or not all(parts):
        raise InvalidValue(f"schema={schema!r} is not of the form catalog.schema: use for example 'main.churn'.")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: one flag per field of ``ChurnOptions``."""
    parser = argparse.ArgumentParser(
        prog="python -m course.churn.data", description="Write the churn tables as parquet."
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the parquet files; made if missing")
    parser.add_argument("--customers", type=int, default=DEFAULTS.customers)
    parser.add_argument("--weeks", type=int, default=DEFAULTS.weeks)
    parser.add_argument("--seed", type=int, default=DEFAULTS.seed)
    parser.add_argument("--start", type=date.fromisoformat, default=DEFAULTS.start, help="a Monday, YYYY-MM-DD")
    parser.add_argument(
        "--leak", action="store_true", help="add columns to customers that are known only after the label"
    )
    parser.add_argument("--drift-from", type=date.fromisoformat, metavar="DAY", help="the data drift from this day on")
    parser.add_argument("--drift", nargs="+", choices=DRIFT_KINDS, default=DRIFT_KINDS, help="how they drift")
    parser.add_argument("--concept-change-from", type=date.fromisoformat, metavar="DAY", help="other reasons to leave")
    given = vars(parser.parse_args(arguments))
    out = given.pop("out")
    try:
        options = ChurnOptions(**given | {"drift": tuple(given["drift"])})
    except ValueError as error:
        parser.error(str(error))
    for path in write_parquet(options, out):
        print(f"{path}  {pq.read_metadata(path).num_rows:,} rows")


if __name__ == "__main__":
    main()
