"""Proofs of chapter 02, Delta tables: on real Delta through Spark, with commit times set through the log's files."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import AnalysisException, PySparkException, StreamingQueryException, UnsupportedOperationException
from pyspark.sql import DataFrame

from lakehouse.paths import lake
from workbook.proofs import Lab, holds, raises, rows, works

#: Delta's own errors reach Python as one or the other.
REFUSED = (PySparkException, Py4JJavaError)
#: The clock of the timeline. Delta refuses time travel beyond 7 days, so 5 March, 18:00 is the present.
NOW = datetime.now(UTC).replace(microsecond=0)
_ENDS = datetime(2026, 3, 5, 18, tzinfo=UTC)
#: When versions 0 to 4 of the timeline were committed.
COMMITTED = ("2026-03-01 05:00", "2026-03-02 05:00", "2026-03-02 07:00", "2026-03-03 09:00", "2026-03-04 10:00")


def _moment(text: str) -> datetime:
    """A time of the timeline, moved so that it ends in the present."""
    return NOW - (_ENDS - datetime.fromisoformat(text).replace(tzinfo=UTC))


def _folder(table: str) -> Path:
    return lake().joinpath(*table.split("."))


def _copy(lab: Lab, table: str) -> str:
    name = lab.table("copy")
    shutil.copytree(_folder(table), _folder(name))
    return name


def _version(table: str) -> int:
    return max(int(entry.stem) for entry in (_folder(table) / "_delta_log").glob("*.json"))


def _active(table: str) -> dict[str, dict[str, Any]]:
    """The files of the current version: size, and statistics by which a reader skips."""
    files: dict[str, dict[str, Any]] = {}
    for entry in sorted((_folder(table) / "_delta_log").glob("*.json")):
        for line in entry.read_text().splitlines():
            action = json.loads(line)
            if "remove" in action:
                files.pop(action["remove"]["path"], None)
            if "add" in action:
                added = action["add"]
                files[added["path"]] = json.loads(added["stats"]) | {"size": added["size"]}
    return files


def _share_read(table: str, column: str, value: Any) -> float:
    """Share of rows in files whose minimum and maximum admit the value."""
    files = _active(table).values()
    may_hold = [f for f in files if f["minValues"][column] <= value <= f["maxValues"][column]]
    return sum(f["numRecords"] for f in may_hold) / sum(f["numRecords"] for f in files)


def _bytes_stored(table: str) -> int:
    return sum(file.stat().st_size for file in _folder(table).rglob("*.parquet"))


@contextmanager
def _setting(lab: Lab, key: str, value: str) -> Iterator[None]:
    before = lab.spark.conf.get(key, None)
    lab.spark.conf.set(key, value)
    try:
        yield
    finally:
        if before is None:
            lab.spark.conf.unset(key)
        else:
            lab.spark.conf.set(key, before)


def _small_files(lab: Lab) -> Any:
    """OPTIMIZE with a small target size, so that a small table keeps several files."""
    return _setting(lab, "spark.databricks.delta.optimize.maxFileSize", "9000")


@cache
def _timeline(lab: Lab) -> str:
    """A table of five versions, committed at the times of COMMITTED; updates set updated_at."""
    table = lab.table("timeline")
    stamps = [_moment(text) for text in COMMITTED]
    state = {key: (0, stamps[0]) for key in range(10)}
    changed: tuple[tuple[int, ...], ...] = ((), (0, 1, 2, 3), (4, 5, 10), (0, 1), (6,))
    for version, keys in enumerate(changed):
        state |= {key: (version, stamps[version]) for key in keys}
        rows = [(key, value, stamp) for key, (value, stamp) in state.items()]
        frame = lab.spark.createDataFrame(rows, "id long, v int, updated_at timestamp").coalesce(1)
        frame.write.mode("overwrite").saveAsTable(table)
    for version, stamp in enumerate(stamps):
        os.utime(_folder(table) / "_delta_log" / f"{version:020d}.json", (stamp.timestamp(), stamp.timestamp()))
    return table


def _at(lab: Lab, table: str, version: int) -> list[tuple[Any, ...]]:
    return rows(lab.spark.read.option("versionAsOf", version).table(table))


@cache
def _scores(lab: Lab) -> str:
    """Predictions in 6 files, each with all customers, dates and segments."""
    table = lab.table("scores")
    frame = lab.spark.range(12000).selectExpr(
        "pmod(hash(id, 1), 2000) AS customer_id",
        "date_add(DATE'2026-01-01', pmod(hash(id, 2), 60)) AS score_date",
        "format_string('s%02d', pmod(hash(id, 3), 12)) AS segment",
    )
    frame.repartition(6).write.saveAsTable(table)
    return table


def delta_write_001(lab: Lab) -> set[str]:
    spark, day = lab.spark, "2026-03-08"
    daily = spark.createDataFrame([(1, day), (2, day)], "customer_id long, day string").coalesce(1)
    base = lab.table("usage")
    spark.createDataFrame([(1, "2026-03-07")], daily.schema).coalesce(1).write.saveAsTable(base)
    wanted = sorted([(1, "2026-03-07"), (1, day), (2, day)])
    once = daily.dropDuplicates(["customer_id", "day"])
    writes: dict[str, Callable[[str], None]] = {
        "A": lambda t: once.write.mode("append").saveAsTable(t),
        "B": lambda t: daily.write.mode("overwrite").option("replaceWhere", f"day = '{day}'").saveAsTable(t),
        "C": lambda t: daily.coalesce(1).write.mode("overwrite").option("overwriteSchema", "true").saveAsTable(t),
        "D": lambda t: daily.write.mode("ignore").option("mergeSchema", "true").saveAsTable(t),
    }
    claims = {}
    for letter, write in writes.items():
        table = _copy(lab, base)
        write(table)
        write(table)
        claims[letter] = sorted(map(tuple, spark.table(table).collect())) == wanted
    return holds(claims)


def delta_merge_002(lab: Lab) -> set[str]:
    spark, table, view = lab.spark, lab.table("profiles"), lab.table("updates").replace(".", "_")
    spark.sql(f"CREATE TABLE {table} AS SELECT * FROM VALUES (1, 'none'), (2, 'none') AS s (customer_id, plan)")
    feed = [(2, "basic", "09:00"), (2, "premium", "11:00"), (3, "basic", "10:00")]
    spark.createDataFrame(feed, "customer_id int, plan string, at string").createOrReplaceTempView(view)
    before, version = rows(spark.table(table)), _version(table)
    merge = f"""MERGE INTO {table} AS t USING {view} AS s ON t.customer_id = s.customer_id
        WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"""
    failed = raises(UnsupportedOperationException, lambda: spark.sql(merge))
    plans = [plan for customer, plan in rows(spark.table(table)) if customer == 2]
    untouched = rows(spark.table(table)) == before and _version(table) == version
    claims = {
        "A": plans == ["premium"],
        "B": len(plans) == 2,
        "C": failed and untouched,
        "D": not failed and plans == ["basic"],
    }
    return holds(claims)


def delta_merge_003(lab: Lab) -> set[str]:
    from delta.tables import DeltaTable

    spark, table = lab.spark, lab.table("profiles")
    spark.sql(f"CREATE TABLE {table} AS SELECT * FROM VALUES (1, 'a'), (2, 'a') AS s (customer_id, v)")
    feed = spark.createDataFrame([(2, "b"), (3, "c"), (3, "d"), (None, "n")], "customer_id int, v string")

    def run() -> None:
        (
            DeltaTable.forName(spark, table)
            .alias("t")
            .merge(feed.alias("s"), "t.customer_id = s.customer_id")
            .whenMatchedUpdateAll()
            .whenNotMatchedInsertAll()
            .execute()
        )

    first = works(run, UnsupportedOperationException)
    after_first = [row[0] for row in spark.table(table).collect()]
    second = works(run, UnsupportedOperationException)
    after_second = [row[0] for row in spark.table(table).collect()]
    feed = feed.where("customer_id IS NULL OR customer_id <> 3")
    without_3 = works(run, UnsupportedOperationException)
    claims = {
        "A": first and after_first.count(3) == 2,
        "B": not first,
        "C": first and not second and without_3,
        "D": second and after_second.count(None) == 1,
        "E": second and len(after_second) == len(after_first),
    }
    return holds(claims)


def delta_travel_004(lab: Lab) -> set[str]:
    spark, t, at = lab.spark, _timeline(lab), f"{_moment('2026-03-02 06:00'):%Y-%m-%d %H:%M:%S}"
    seen = _at(lab, t, max(n for n, text in enumerate(COMMITTED) if text < "2026-03-02 06:00"))
    claims = {
        "A": rows(spark.read.option("timestampAsOf", at).table(t)) == seen,
        "B": rows(spark.read.option("versionAsOf", 3).table(t)) == seen,
        "C": rows(spark.table(t).where(f"updated_at <= '{at}'")) == seen,
        "D": rows(spark.read.option("startingTimestamp", at).table(t)) == seen,
    }
    return holds(claims)


def delta_travel_005(lab: Lab) -> set[str]:
    from delta.tables import DeltaTable

    spark, t = lab.spark, _timeline(lab)
    trained_on = [(key, 2 if key in (4, 5, 10) else 1 if key < 4 else 0) for key in range(11)]
    reads: dict[str, Callable[[], DataFrame]] = {
        "A": lambda: spark.read.option("version", 2).table(t),
        "B": lambda: spark.sql(f"SELECT * FROM {t} VERSION AS OF 2"),
        "C": lambda: DeltaTable.forName(spark, t).history(2),
        "D": lambda: spark.read.option("versionAsOf", 2).table(t),
        "E": lambda: spark.read.format("delta").version(2).table(t),  # type: ignore[attr-defined]
    }

    def gives(read: Callable[[], DataFrame]) -> bool:
        try:
            frame = read()
        except AttributeError:
            return False
        return {"id", "v"} <= set(frame.columns) and sorted(map(tuple, frame.select("id", "v").collect())) == trained_on

    return holds({letter: gives(read) for letter, read in reads.items()})


def delta_history_006(lab: Lab) -> set[str]:
    spark, t = lab.spark, lab.table("features")
    spark.range(30).repartition(3).write.saveAsTable(t)
    spark.sql(f"ALTER TABLE {t} ADD CONSTRAINT small CHECK (id < 100)")

    def adds_one(act: Callable[[], Any], refused: tuple[type[Exception], ...] = ()) -> bool:
        before = _version(t)
        works(act, refused)
        return _version(t) == before + 1

    claims = {
        "A": adds_one(lambda: spark.range(90, 110).coalesce(1).write.mode("append").saveAsTable(t), REFUSED),
        "B": adds_one(lambda: spark.sql(f"ALTER TABLE {t} ADD COLUMNS (v INT)")),
        "C": adds_one(lambda: spark.read.option("versionAsOf", 0).table(t).collect()),
        "D": adds_one(lambda: spark.sql(f"OPTIMIZE {t}")),
        "E": adds_one(lambda: spark.sql(f"OPTIMIZE {t}")),
    }
    return holds(claims)


def delta_restore_007(lab: Lab) -> set[str]:
    spark, t = lab.spark, _copy(lab, _timeline(lab))
    good, bad = _at(lab, t, 3), _at(lab, t, 4)
    spark.sql(f"RESTORE TABLE {t} TO VERSION AS OF 3")
    now, bad_readable = rows(spark.table(t)), works(lambda: _at(lab, t, 4), REFUSED)
    claims = {
        "A": not bad_readable,
        "B": now == bad,
        "C": now == good and _version(t) == 3,
        "D": now == good and _version(t) == 5 and bad_readable and _at(lab, t, 4) == bad,
    }
    return holds(claims)


def delta_restore_008(lab: Lab) -> set[str]:
    from delta.tables import DeltaTable

    spark, at = lab.spark, f"{_moment('2026-03-02 08:00'):%Y-%m-%d %H:%M:%S}"
    wanted = _at(lab, _timeline(lab), 2)
    lines: dict[str, Callable[[str], Any]] = {
        "A": lambda t: spark.sql(f"RESTORE TABLE {t} TO TIMESTAMP AS OF '{at}'"),
        "B": lambda t: DeltaTable.forName(spark, t).rollback(timestamp=at),  # type: ignore[attr-defined]
        "C": lambda t: DeltaTable.forName(spark, t).restoreToTimestamp(at),
        "D": lambda t: spark.read.option("timestampAsOf", at).table(t).write.mode("append").saveAsTable(t),
        "E": lambda t: spark.read.option("timestampAsOf", at).table(t).write.mode("overwrite").saveAsTable(t),
    }
    claims = {}
    for letter, line in lines.items():
        table = _copy(lab, _timeline(lab))
        done = works(partial(line, table), AttributeError)
        claims[letter] = done and rows(spark.table(table)) == wanted
    return holds(claims)


def delta_pin_009(lab: Lab) -> set[str]:
    spark, t = lab.spark, _timeline(lab)
    at_start, at_end = 1, 2  # version 2 is committed while the model trains; the table is at 4 when the auditor asks
    frame = spark.read.option("versionAsOf", at_start).table(t)
    seen = rows(frame)
    last_stamp, n_rows = max(row[2] for row in seen), len(seen)
    current = spark.table(t)
    claims = {
        "A": rows(current.where(current.updated_at <= last_stamp)) == seen,
        "B": _at(lab, t, at_start) == seen,
        "C": _at(lab, t, at_end) == seen,
        "D": rows(current) == seen and current.count() == n_rows,
    }
    return holds(claims)


def delta_schema_011(lab: Lab) -> set[str]:
    spark, base = lab.spark, lab.table("features")
    spark.createDataFrame([(1, 10)], "customer_id long, minutes int").coalesce(1).write.saveAsTable(base)
    new = spark.createDataFrame([(2, 20, 5)], "customer_id long, minutes int, n_logins_28d int").coalesce(1)
    lines: dict[str, Callable[[str], None]] = {
        "A": lambda t: new.write.mode("append").saveAsTable(t),
        "B": lambda t: new.write.mode("overwrite").option("overwriteSchema", "true").saveAsTable(t),
        "C": lambda t: new.select(spark.table(t).columns).write.mode("append").saveAsTable(t),
        "D": lambda t: new.write.mode("append").option("mergeSchema", "true").saveAsTable(t),
    }
    claims = {}
    for letter, line in lines.items():
        table = _copy(lab, base)
        works(partial(line, table), AnalysisException)
        claims[letter] = rows(spark.table(table)) == [(1, 10, None), (2, 20, 5)]
    return holds(claims)


def delta_schema_012(lab: Lab) -> set[str]:
    spark, t = lab.spark, lab.table("usage")
    spark.sql(f"CREATE TABLE {t} (customer_id BIGINT, minutes INT, plan STRING)")
    statements = {
        "A": "DROP COLUMN plan",
        "B": "ADD COLUMNS (n_days INT)",
        "C": "ALTER COLUMN minutes TYPE BIGINT",
        "D": "RENAME COLUMN plan TO tariff",
        "E": "ALTER COLUMN minutes COMMENT 'per day'",
    }
    passed = {
        letter: works(partial(spark.sql, f"ALTER TABLE {t} {change}"), PySparkException)
        for letter, change in statements.items()
    }
    fields = {f.name: (f.dataType.simpleString(), f.metadata.get("comment")) for f in spark.table(t).schema}
    effects = {
        "A": "plan" not in fields,
        "B": "n_days" in fields,
        "C": fields["minutes"][0] == "bigint",
        "D": "tariff" in fields,
        "E": fields["minutes"][1] == "per day",
    }
    return holds({letter: passed[letter] and effects[letter] for letter in statements})


def delta_constraint_013(lab: Lab) -> set[str]:
    spark, t = lab.spark, lab.table("predictions")
    spark.sql(f"CREATE TABLE {t} (id BIGINT, score DOUBLE)")
    spark.sql(f"ALTER TABLE {t} ADD CONSTRAINT valid_score CHECK (score BETWEEN 0 AND 1)")
    for bad in ("1.7D", "CAST(NULL AS DOUBLE)"):
        batch = spark.range(1000).selectExpr("id", f"IF(id = 500, {bad}, 0.5D) AS score")
        works(partial(batch.write.mode("append").saveAsTable, t), REFUSED)
    n = spark.table(t).count()
    return holds({"A": n == 1999, "B": n == 0, "C": n == 1000, "D": n == 2000})


def delta_atomic_014(lab: Lab) -> set[str]:
    spark, t = lab.spark, lab.table("predictions")
    spark.range(100).selectExpr("id", "'yesterday' AS scored").coalesce(1).write.saveAsTable(t)
    old = rows(spark.table(t))
    dying = spark.range(0, 100, 1, 2).selectExpr("id", "IF(id < 90, 'tonight', raise_error('task died')) AS scored")
    failed = raises(REFUSED, lambda: dying.write.mode("overwrite").saveAsTable(t))
    readable = works(lambda: spark.table(t).collect(), REFUSED)
    now = rows(spark.table(t)) if readable else []
    claims = {
        "A": any(scored == "tonight" for _, scored in now),
        "B": not readable,
        "C": readable and not now,
        "D": failed and now == old,
    }
    return holds(claims)


def delta_files_015(lab: Lab) -> set[str]:
    spark, base = lab.spark, _scores(lab)
    n = len(_active(base))
    packed, other = _copy(lab, base), _copy(lab, base)
    spark.sql(f"OPTIMIZE {packed}")
    spark.sql(f"REFRESH TABLE {other}")
    after_refresh = len(_active(other))
    spark.sql(f"ALTER TABLE {other} SET TBLPROPERTIES ('delta.autoOptimize.optimizeWrite' = 'true')")
    vacuumed = _vacuumed(lab)
    claims = {
        "A": len(_active(packed)) <= n / 2 and spark.table(packed).count() == spark.table(base).count(),
        "B": vacuumed["files after default"] < vacuumed["files before default"],
        "C": after_refresh <= n / 2,
        "D": len(_active(other)) <= n / 2,
    }
    return holds(claims)


def delta_skipping_016(lab: Lab) -> set[str]:
    spark, before = lab.spark, _scores(lab)
    after = _copy(lab, before)
    with _small_files(lab):
        spark.sql(f"OPTIMIZE {after} ZORDER BY (customer_id, score_date)")
    asked = range(50, 2000, 100)
    read_before, read_after = (sum(_share_read(t, "customer_id", c) for c in asked) / 20 for t in (before, after))
    ids = [row[0] for row in spark.table(after).select("customer_id").collect()]
    kept = [p for p in _folder(after).rglob("*") if p.is_file() and "_delta_log" not in p.parts and p.suffix != ".crc"]
    size_before, size_after = (sum(file["size"] for file in _active(t).values()) for t in (before, after))
    claims = {
        "A": ids == sorted(ids),
        "B": any(path.suffix != ".parquet" for path in kept),
        "C": read_before > 0.95 and read_after < 0.6,
        "D": size_after < 0.5 * size_before,
    }
    return holds(claims)


def delta_skipping_017(lab: Lab) -> set[str]:
    spark = lab.spark
    steps: dict[str, Callable[[str], Any]] = {
        "A": lambda t: spark.sql(f"OPTIMIZE {t}"),
        "B": lambda t: spark.sql(f"OPTIMIZE {t} ZORDER BY (customer_id)"),
        "C": lambda t: spark.sql(f"OPTIMIZE {t} ZORDER BY (segment)"),
        "D": lambda t: spark.table(t).repartition(12).write.mode("overwrite").saveAsTable(t),
    }
    claims = {}
    for letter, step in steps.items():
        table = _copy(lab, _scores(lab))
        with _small_files(lab):
            step(table)
        claims[letter] = sum(_share_read(table, "segment", f"s{n:02d}") for n in range(12)) / 12 < 0.5
    return holds(claims)


def delta_skipping_018(lab: Lab) -> set[str]:
    spark, t = lab.spark, lab.table("clicks")
    frame = spark.range(40).selectExpr("id AS user_id", "IF(id % 2 = 0, '2026-02-28', '2026-03-01') AS event_date")
    frame.repartition(2).write.partitionBy("event_date").saveAsTable(t)

    def files() -> list[int]:
        return [sum(f"event_date={day}" in path for path in _active(t)) for day in ("2026-02-28", "2026-03-01")]

    statements = {
        "A": f"OPTIMIZE {t} PARTITION BY (event_date) ZORDER BY (user_id)",
        "B": f"OPTIMIZE {t} ZORDER BY (event_date, user_id)",
        "C": f"OPTIMIZE {t} WHERE user_id < 100000 ZORDER BY (user_id)",
        "D": f"OPTIMIZE {t} WHERE event_date >= '2026-03-01' ZORDER BY (user_id)",
    }
    claims = {}
    for letter, statement in statements.items():
        ran = works(partial(spark.sql, statement), PySparkException)
        claims[letter] = ran and files() == [2, 1]
    return holds(claims)


def delta_partition_019(lab: Lab) -> set[str]:
    spark, t = lab.spark, lab.table("predictions")
    frame = spark.range(31 * 20).selectExpr(
        "id % 20 AS customer_id",
        "(id % 20) / 20 AS score",
        "date_add(DATE'2026-02-01', CAST(id DIV 20 AS INT)) AS score_date",
    )
    frame.coalesce(1).write.partitionBy("score_date").saveAsTable(t)
    filters = {
        "A": "customer_id = 17",
        "B": "score_date = DATE'2026-03-02'",
        "C": "score > 0.5",
        "D": "month(score_date) = 3",
        "E": "score_date IS NOT NULL OR customer_id = 17",
    }
    n = len(_active(t))
    return holds({letter: len(spark.table(t).where(f).inputFiles()) < n for letter, f in filters.items()})


def delta_partition_020(lab: Lab) -> set[str]:
    spark, t = lab.spark, lab.table("trial")
    for _ in range(3):
        batch = spark.range(400).selectExpr("id", "id % 40 AS customer_id")
        batch.coalesce(1).write.mode("append").partitionBy("customer_id").saveAsTable(t)
    n = len(_active(t))
    return holds({"A": n == 3, "B": n == 40, "C": n == 120, "D": n == 1200})


def delta_cluster_022(lab: Lab) -> set[str]:
    spark, t = lab.spark, lab.table("scores")
    spark.sql(f"CREATE TABLE {t} (customer_id BIGINT, segment STRING, score_date DATE) CLUSTER BY (customer_id)")
    statements = {
        "A": f"OPTIMIZE {t} ZORDER BY (segment)",
        "B": f"OPTIMIZE {t}",
        "C": f"ALTER TABLE {t} CLUSTER BY (segment, score_date)",
        "D": f"CREATE TABLE {t}_2 (id BIGINT, d DATE) PARTITIONED BY (d) CLUSTER BY (id)",
        "E": f"ALTER TABLE {t} CLUSTER BY NONE",
    }
    return holds({letter: raises(PySparkException, partial(spark.sql, text)) for letter, text in statements.items()})


@cache
def _vacuumed(lab: Lab) -> dict[str, Any]:
    """A table's life: DELETE and a default VACUUM at once, then overwrites and a VACUUM whose retention has passed."""
    spark, t = lab.spark, lab.table("features")
    facts: dict[str, Any] = {"table": t}
    spark.range(4700, 4720).selectExpr("id AS customer_id", "'rev 0' AS v").repartition(2).write.saveAsTable(t)
    spark.sql(f"DELETE FROM {t} WHERE customer_id = 4711")
    facts["files before default"] = len(_active(t))
    facts["default vacuum fails"] = raises(REFUSED, lambda: spark.sql(f"VACUUM {t}"))
    facts["files after default"] = len(_active(t))
    facts["current"] = {row[0] for row in spark.table(t).collect()}
    facts["before the delete"] = {row[0] for row in _at(lab, t, 0)}
    for n in (1, 2, 3):
        spark.range(3000).selectExpr("id AS customer_id", f"uuid() || 'rev {n}' AS v").repartition(2).write.mode(
            "overwrite"
        ).saveAsTable(t)
    facts["old version"] = _version(t) - 1

    def near_the_table() -> bool:
        return _bytes_stored(t) < 1.5 * sum(file["size"] for file in _active(t).values())

    spark.sql(f"OPTIMIZE {t}")
    facts["optimize"] = near_the_table()
    spark.sql(f"DELETE FROM {t} WHERE customer_id % 10 = 0")
    facts["delete"] = near_the_table()
    spark.sql(f"ALTER TABLE {t} SET TBLPROPERTIES ('delta.logRetentionDuration' = 'interval 7 days')")
    facts["log retention"] = near_the_table()
    facts["rows"] = rows(spark.table(t))
    # The files of old versions are seconds old: let the table's retention have passed for them.
    spark.sql(f"ALTER TABLE {t} SET TBLPROPERTIES ('delta.deletedFileRetentionDuration' = 'interval 0 hours')")
    spark.sql(f"VACUUM {t}")
    facts["vacuum"] = near_the_table()
    return facts


def delta_vacuum_023(lab: Lab) -> set[str]:
    facts = _vacuumed(lab)
    return holds({"A": facts["optimize"], "B": facts["delete"], "C": facts["log retention"], "D": facts["vacuum"]})


def delta_vacuum_024(lab: Lab) -> set[str]:
    spark, facts = lab.spark, _vacuumed(lab)
    t, old = facts["table"], facts["old version"]
    listed = {row["version"] for row in spark.sql(f"DESCRIBE HISTORY {t}").select("version").collect()}
    claims = {
        "A": old in listed,
        "B": raises(REFUSED, lambda: _at(lab, t, old)),
        "C": rows(spark.table(t)) == facts["rows"],
        "D": works(lambda: spark.sql(f"RESTORE TABLE {t} TO VERSION AS OF {old}"), REFUSED),
        "E": min(listed) == old + 1,
    }
    return holds(claims)


def delta_vacuum_025(lab: Lab) -> set[str]:
    facts = _vacuumed(lab)
    gone_now, gone_then = 4711 not in facts["current"], 4711 not in facts["before the delete"]
    claims = {
        "A": gone_now and not gone_then,
        "B": gone_now and gone_then,
        "C": not gone_now,
        "D": gone_now and facts["default vacuum fails"],
    }
    return holds(claims)


def delta_cdf_026(lab: Lab) -> set[str]:
    spark, t = lab.spark, lab.table("profiles")
    spark.sql(f"CREATE TABLE {t} (id BIGINT, v STRING) TBLPROPERTIES (delta.enableChangeDataFeed = true)")
    spark.range(20).selectExpr("id", "'a' AS v").coalesce(1).write.mode("append").saveAsTable(t)
    spark.sql(f"UPDATE {t} SET v = 'b' WHERE id < 8")
    spark.sql(f"DELETE FROM {t} WHERE id >= 17")
    n = spark.read.option("readChangeFeed", "true").option("startingVersion", 1).table(t).count()
    return holds({"A": n == 39, "B": n == 31, "C": n == 19, "D": n == 17})


def delta_stream_027(lab: Lab) -> set[str]:
    spark, source, target, path = lab.spark, lab.table("features"), lab.table("scored"), lab.folder() / "checkpoint"

    def run() -> None:
        stream = spark.readStream.table(source).writeStream.option("checkpointLocation", str(path))
        stream.trigger(availableNow=True).toTable(target).awaitTermination()

    spark.range(100).selectExpr("id", "'a' AS v").coalesce(1).write.saveAsTable(source)
    run()
    spark.sql(f"UPDATE {source} SET v = 'corrected' WHERE id < 40")
    spark.range(100, 200).selectExpr("id", "'a' AS v").coalesce(1).write.mode("append").saveAsTable(source)
    failed = raises(StreamingQueryException, run)
    found = rows(spark.table(target))
    corrected = sum(v == "corrected" for _, v in found)
    claims = {
        "A": not failed and len(found) == 200 and corrected == 40,
        "B": not failed and len(found) == 200 and corrected == 0,
        "C": failed and len(found) == 100,
        "D": not failed and len(found) == 300,
    }
    return holds(claims)
