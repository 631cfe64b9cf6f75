"""Checks of chapter 02, Delta tables. The message of an assert is written for the mistake that was made."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from pyspark.sql import functions as F

from workbook.exercises import exercise, right, trials, wrong
from workbook.judging import answers_to


def _is_frame(value: Any) -> bool:
    # The DataFrame of Spark Connect is another class than that of classic Spark.
    return hasattr(value, "columns") and hasattr(value, "agg") and hasattr(value, "selectExpr")


@exercise(
    "2.1",
    objective="ASC-1.07",
    hint="Which rows does your frame hold? Which option limits an overwrite to those rows?",
)
def a_write_that_may_be_repeated(stored, week, before):
    assert _is_frame(stored), "stored should be the DataFrame of the table: spark.table(weekly)."
    missing = sorted({"customer_id", "week_start", "minutes"} - set(stored.columns))
    assert not missing, f"The columns {missing} are missing from the table."
    totals = {}
    for name, frame in (("stored", stored), ("new", week), ("old", before)):
        for row in frame.groupBy("week_start").agg(
            F.count(F.lit(1)).alias("n"), F.count_distinct("customer_id").alias("customers"), F.sum("minutes").alias("minutes")
        ).collect():  # fmt: skip
            totals.setdefault(name, {})[row["week_start"]] = row
    rows = totals.get("stored", {})
    (new, wanted), (old, kept) = (next(iter(totals[name].items())) for name in ("new", "old"))
    assert old in rows, (
        f"The week of {old} is gone: an overwrite without a condition replaces the whole table, not only the rows that you write."
    )
    assert rows[old]["n"] == kept["n"], (
        f"The week of {old} does not have the rows that it had before: leave it as it was."
    )
    assert abs((rows[old]["minutes"] or 0) - (kept["minutes"] or 0)) < 1e-3, (
        f"The minutes of the week of {old} have changed."
    )
    assert new in rows, (
        f"The week of {new} is not stored. (The mode ignore, for example, writes nothing if the table exists.)"
    )
    doubles = rows[new]["n"] - rows[new]["customers"]
    assert doubles == 0, (
        f"The week of {new} has {doubles:,} rows too many: an append does not compare its rows with the stored ones, "
        "so dropping duplicates in the new frame does not help."
    )
    assert rows[new]["n"] == wanted["n"], (
        f"The week of {new} has {rows[new]['n']:,} rows, the frame has {wanted['n']:,}."
    )
    assert abs((rows[new]["minutes"] or 0) - (wanted["minutes"] or 0)) < 1e-3, (
        f"The minutes of the week of {new} are not those of the frame."
    )
    assert set(rows) == {old, new}, "The table holds other weeks too: store only the two weeks of this exercise."


@trials("2.1")
def _(spark):
    one, two = dt.date(2026, 3, 2), dt.date(2026, 3, 9)
    columns = "customer_id long, week_start date, minutes double"
    before = spark.createDataFrame([(1, one, 10.0), (2, one, 20.0)], columns)
    week = spark.createDataFrame([(1, two, 30.0), (2, two, 40.0)], columns)
    yield right(before.union(week), week, before)
    yield wrong("does not compare its rows", before.union(week).union(week), week, before)
    yield wrong("replaces the whole table", week, week, before)
    yield wrong("mode ignore", before, week, before)
    yield wrong("have changed", before.withColumn("minutes", F.lit(1.0)).union(week), week, before)
    yield wrong("should be the DataFrame", None, week, before)


@exercise(
    "2.2",
    objective="ASC-1.07",
    hint="MERGE raises the error if two source rows match one stored row. Which rows are stored before each run?",
)
def doubles_of_a_merge(predicted):
    keys = ("first run", "second run", "rows of customer 5", "rows without key")
    assert isinstance(predicted, Mapping), f"predicted should be a dictionary with the keys {', '.join(keys)}."
    missing = [key for key in keys if key not in predicted or predicted[key] is ...]
    assert not missing, f"Not answered yet: {', '.join(missing)}."
    for run in keys[:2]:
        assert predicted[run] in ("passes", "fails"), f"{run}: answer 'passes' or 'fails'."
    for count in keys[2:]:
        assert isinstance(predicted[count], int) and not isinstance(predicted[count], bool), (
            f"{count}: answer an integer."
        )
    assert predicted["first run"] == "passes", (
        "first run: customer 5 is not stored yet, so no stored row would be changed twice. MERGE does not check "
        "that the keys of the source are unique."
    )
    assert predicted["rows of customer 5"] == 2, (
        "rows of customer 5: neither of the two rows matches a stored row in the first run, so each of them is inserted."
    )
    assert predicted["rows without key"] == 1, (
        "rows without key: a null key matches no row, and a row without a match is inserted, once in each run that passes."
    )
    assert predicted["second run"] == "fails", (
        "second run: customer 5 is stored now, and two source rows match each stored row. A repeated merge is harmless only "
        "if the source has one row for each key."
    )


@trials("2.2")
def _(_spark):
    predicted = {"first run": "passes", "second run": "fails", "rows of customer 5": 2, "rows without key": 1}
    yield right(predicted)
    yield wrong("not stored yet", predicted | {"first run": "fails"})
    yield wrong("each of them is inserted", predicted | {"rows of customer 5": 1})
    yield wrong("a null key matches no row", predicted | {"rows without key": 0})
    yield wrong("harmless only", predicted | {"second run": "passes"})
    yield wrong("answer an integer", predicted | {"rows of customer 5": "2"})
    yield wrong("Not answered yet", {"first run": "passes"})


@exercise(
    "2.3",
    objective="ASC-1.07",
    hint="Which aggregate function returns the value of one column in the row where another column is largest?",
)
def one_row_for_each_key(latest, updates):
    assert _is_frame(latest), "latest should be a DataFrame."
    assert {"customer_id", "plan"} <= set(latest.columns), "latest needs the columns customer_id and plan."
    found = [(row["customer_id"], row["plan"]) for row in latest.collect()]
    keys = [key for key, _ in found]
    assert None not in keys, "A row without a key is left: it matches no stored row, so every run inserts it."
    twice = sorted({key for key in keys if keys.count(key) > 1})
    assert not twice, (
        f"Customer {twice[0]} still has several rows: MERGE raises an error if two source rows match one stored row."
    )
    newest: dict[Any, tuple[str, str]] = {}
    for row in updates.where("customer_id IS NOT NULL").collect():
        if row["customer_id"] not in newest or row["changed_at"] > newest[row["customer_id"]][0]:
            newest[row["customer_id"]] = (row["changed_at"], row["plan"])
    lost = sorted(set(newest) - set(keys))
    assert not lost, f"Customer {lost[0]} is missing: drop only the older rows of a customer."
    stale = sorted(key for key, plan in found if key in newest and plan != newest[key][1])
    assert not stale, (
        f"Customer {stale[0]} has a plan that is not the one with the largest changed_at. dropDuplicates keeps an arbitrary "
        "row, and max(plan) is the last plan in alphabetical order."
    )
    assert sorted(keys) == sorted(newest), "latest holds customers that are not in updates."
    assert set(latest.columns) == {"customer_id", "plan"}, (
        "Keep only customer_id and plan: the table has no other columns."
    )


@trials("2.3")
def _(spark):
    rows = [(2, "premium", "09:00"), (2, "basic", "11:00"), (7, "basic", "10:00"), (None, "basic", "10:30")]
    updates = spark.createDataFrame(rows, "customer_id long, plan string, changed_at string")
    keyed = updates.where("customer_id IS NOT NULL").groupBy("customer_id")
    yield right(keyed.agg(F.max_by("plan", "changed_at").alias("plan")), updates)
    yield wrong(
        "every run inserts it",
        updates.groupBy("customer_id").agg(F.max_by("plan", "changed_at").alias("plan")),
        updates,
    )
    yield wrong(
        "if two source rows match", updates.where("customer_id IS NOT NULL").select("customer_id", "plan"), updates
    )
    yield wrong("in alphabetical order", keyed.agg(F.max("plan").alias("plan")), updates)
    yield wrong("is missing: drop", updates.where("customer_id = 7").select("customer_id", "plan"), updates)
    yield wrong("should be a DataFrame", [2, 7], updates)


@exercise(
    "2.4",
    objective=("ASC-1.08", "PRO-2.02"),
    hint="Which of these options does a batch read of a Delta table support? What does Spark do with an unknown option?",
)
def reads_of_a_version(reads):
    reads = answers_to(reads, "abcdef", "reads", ("version 1", "current", "error"))
    assert reads["a"] == "version 1", "a: versionAsOf is the reader's option for time travel by number."
    assert reads["b"] != "error", "b: Spark raises no error for an unknown option. That makes the typo dangerous."
    assert reads["b"] == "current", (
        "b: version is not an option of Delta's reader. What does a read without options return?"
    )
    assert reads["c"] == "version 1", "c: VERSION AS OF is time travel in SQL."
    assert reads["d"] == "version 1", "d: 'at or before' includes a commit at exactly that time."
    assert reads["e"] == "current", (
        "e: startingVersion belongs to streams and to the change data feed. A plain batch read ignores it."
    )
    assert reads["f"] == "error", "f: a time after the last commit is refused; it does not select the latest version."


@trials("2.4")
def _(_spark):
    reads = {"a": "version 1", "b": "current", "c": "version 1", "d": "version 1", "e": "current", "f": "error"}
    yield right(reads)
    yield wrong("typo dangerous", reads | {"b": "error"})
    yield wrong("read without options", reads | {"b": "version 1"})
    yield wrong("belongs to streams", reads | {"e": "version 1"})
    yield wrong("does not select", reads | {"f": "current"})
    yield wrong("at or before", reads | {"d": "current"})
    yield wrong("is not a choice", reads | {"a": 1})


@exercise("2.5", objective="PRO-2.02", hint="Does a restore remove entries from the log, or add one?")
def a_restore_is_a_commit(restored):
    keys = ("version", "version 3 readable", "customer 8 there", "rows")
    assert isinstance(restored, Mapping), f"restored should be a dictionary with the keys {', '.join(keys)}."
    missing = [key for key in keys if key not in restored or restored[key] is ...]
    assert not missing, f"Not answered yet: {', '.join(missing)}."
    for key in keys[1:3]:
        assert isinstance(restored[key], bool), f"{key}: answer True or False."
    for key in ("version", "rows"):
        assert isinstance(restored[key], int) and not isinstance(restored[key], bool), f"{key}: answer an integer."
    assert restored["version"] != 2, (
        "version: a restore removes nothing from the log. It is a commit with a number of its own."
    )
    assert restored["version"] == 5, "version: the log ends at 4, and a restore adds one commit to it."
    assert restored["version 3 readable"], (
        "version 3 readable: its log entry and its files are still there, so you can read it."
    )
    assert not restored["customer 8 there"], (
        "customer 8 there: version 4 inserted her, after the version that you restore. A restore undoes every later commit."
    )
    assert restored["rows"] == 7, (
        f"rows: version 2 had 7 rows, and the restore brings back exactly these, not {restored['rows']!r}."
    )


@trials("2.5")
def _(_spark):
    restored = {"version": 5, "version 3 readable": True, "customer 8 there": False, "rows": 7}
    yield right(restored)
    yield wrong("removes nothing from the log", restored | {"version": 2})
    yield wrong("adds one commit", restored | {"version": 3})
    yield wrong("so you can read it", restored | {"version 3 readable": False})
    yield wrong("undoes every later commit", restored | {"customer 8 there": True})
    yield wrong("exactly these", restored | {"rows": 8})
    yield wrong("answer an integer", restored | {"version": "5"})


@exercise(
    "2.6",
    objective="PRO-1.21",
    hint="readChangeFeed with a first and a last version, both inclusive. Which _change_type do you need?",
)
def reverse_one_commit(lost):
    assert _is_frame(lost), "lost should be a DataFrame."
    assert "customer_id" in lost.columns and "plan" in lost.columns, "lost needs the columns customer_id and plan."
    found = [(row["customer_id"], row["plan"]) for row in lost.select("customer_id", "plan").collect()]
    keys = [key for key, _ in found]
    assert 8 not in keys, (
        "Version 4 inserted customer 8. The starting and the ending version are inclusive: both are 3 here."
    )
    assert 2 not in keys, "Version 2 changed customer 2. The feed should start at version 3."
    assert not {3, 5} & set(keys), (
        "Customers 3 and 5 were never deleted: read the change feed, not a version of the table."
    )
    gone = sorted({1, 4, 6, 7} - set(keys))
    assert not gone, (
        f"Customer {gone[0]} is missing. The feed returns deleted rows with their values: _change_type = 'delete'."
    )
    assert len(keys) == 4, (
        f"{len(keys)} rows for 4 customers: the feed returns inserts too. Keep only the rows of version 3 with _change_type = 'delete'."
    )
    assert all(plan == "basic" for _, plan in found), "The plans are not those that were deleted."
    extra = sorted(set(lost.columns) - {"customer_id", "plan"})
    assert not extra, f"The table does not have the columns {extra}: select only customer_id and plan."


@trials("2.6")
def _(spark):
    columns = "customer_id long, plan string"
    rows = [(1, "basic"), (4, "basic"), (6, "basic"), (7, "basic")]
    lost = spark.createDataFrame(rows, columns)
    yield right(lost)
    yield wrong("both are 3 here", spark.createDataFrame([*rows, (8, "standard")], columns))
    yield wrong("start at version 3", spark.createDataFrame([*rows, (2, "premium")], columns))
    yield wrong("not a version of the table", spark.createDataFrame([*rows, (3, "premium")], columns))
    yield wrong("with their values", spark.createDataFrame(rows[:2], columns))
    yield wrong("returns inserts too", spark.createDataFrame([*rows, (1, "basic")], columns))
    yield wrong("does not have the columns", lost.withColumn("_change_type", F.lit("delete")))


@exercise(
    "2.7",
    objective="ASC-1.07",
    hint="Ask three questions: does the table have all its columns? Can each value be cast? Do columns match by name or by position?",
)
def what_schema_enforcement_lets_through(writes):
    writes = answers_to(writes, "abcdefg", "writes", ("stored", "changed", "refused"))
    assert writes["a"] == "refused", (
        "a: an append with a column that the table does not have fails. Delta neither drops the column nor adds it by default."
    )
    assert writes["b"] == "stored", (
        "b: a missing column is filled with null; a frame does not need all columns of the table."
    )
    assert writes["c"] != "refused", (
        "c: the double can be cast to an integer, so it is. Only values that cannot be cast are refused."
    )
    assert writes["c"] == "changed", "c: an INT column cannot hold 12.7. Which value is in the table afterwards?"
    assert writes["d"] == "refused", "d: this string cannot be cast to a number, and Delta does not store null instead."
    assert writes["e"] == "stored", "e: saveAsTable matches columns by name, so their order does not matter."
    assert writes["f"] == "changed", (
        "f: insertInto matches columns by position and ignores their names. Both columns are numbers, so the write succeeds."
    )
    assert writes["g"] == "stored", "g: mergeSchema adds the column to the table in the same commit."


@trials("2.7")
def _(_spark):
    writes = {
        "a": "refused",
        "b": "stored",
        "c": "changed",
        "d": "refused",
        "e": "stored",
        "f": "changed",
        "g": "stored",
    }
    yield right(writes)
    yield wrong("nor adds it by default", writes | {"a": "stored"})
    yield wrong("does not need all columns", writes | {"b": "refused"})
    yield wrong("Only values that cannot be cast", writes | {"c": "refused"})
    yield wrong("Which value", writes | {"c": "stored"})
    yield wrong("by position", writes | {"f": "stored"})
    yield wrong("order does not matter", writes | {"e": "changed"})


@exercise(
    "2.8",
    objective=("ASC-1.07", "PRO-2.02"),
    hint="A row passes only if the condition is true. What is NULL >= 0? What is NULL OR true?",
)
def a_condition_for_usage(condition):
    from lakehouse.spark import get_spark

    assert isinstance(condition, str), "condition should be a string: the SQL between the parentheses of CHECK (...)."
    cases = [
        (120.0, 3, True, "An ordinary week, 120 minutes in 3 sessions, is refused."),
        (None, 4, True, "A week without minutes (null) is refused: NULL in a comparison is not true. Allow it explicitly: minutes IS NULL OR ..."),
        (None, 0, True, "A week with null minutes and 0 sessions is refused: 'no minutes' means 0 or null."),
        (0.0, 0, True, "A week without use, 0 minutes in 0 sessions, is refused."),
        (10080.0, 9, True, "Exactly 10,080 minutes, a whole week, are refused: 'at most' includes the bound."),
        (-5.0, 1, False, "-5 minutes pass: minutes need a lower bound."),
        (10500.0, 9, False, "10,500 minutes pass, and a week has 7 * 24 * 60 = 10,080."),
        (60.0, None, False, "A null number of sessions passes: add sessions IS NOT NULL."),
        (None, None, False, "A row with both values null passes: sessions must not be null even if minutes is."),
        (None, -1, False, "-1 sessions with null minutes pass: the rules for sessions hold even if minutes is null."),
        (0.0, 2, True, "0 minutes in 2 sessions are refused: no rule forbids sessions without minutes."),
        (60.0, -1, False, "-1 sessions pass: sessions need a lower bound."),
        (60.0, 0, False, "60 minutes in 0 sessions pass: 0 sessions are right only if there were no minutes."),
    ]  # fmt: skip
    frame = get_spark().createDataFrame(
        [(n, *case[:2]) for n, case in enumerate(cases)], "n int, minutes double, sessions int"
    )
    try:
        told = dict(frame.selectExpr("n", f"(\n{condition}\n) AS passes").collect())
    except Exception as error:
        raise AssertionError(
            f"Spark cannot evaluate the condition ({type(error).__name__}): it is one SQL expression, without CHECK, and its "
            "columns are minutes and sessions."
        ) from None
    assert all(value is None or isinstance(value, bool) for value in told.values()), (
        "The condition should return true or false, not a number or a string."
    )
    for n, (_, _, wanted, message) in enumerate(cases):
        assert (told[n] is True) == wanted, message


@trials("2.8")
def _(_spark):
    rest = "AND sessions IS NOT NULL AND sessions >= 0 AND (sessions > 0 OR coalesce(minutes, 0) = 0)"
    condition = f"(minutes IS NULL OR minutes BETWEEN 0 AND 10080) {rest}"
    yield right(condition)
    yield wrong("Allow it explicitly", f"minutes BETWEEN 0 AND 10080 {rest}")
    yield wrong(
        "0 or null",
        "(minutes IS NULL OR minutes BETWEEN 0 AND 10080) AND sessions >= 0 AND (sessions > 0 OR minutes = 0)",
    )
    yield wrong("includes the bound", f"(minutes IS NULL OR (minutes >= 0 AND minutes < 10080)) {rest}")
    yield wrong("7 * 24 * 60", f"(minutes IS NULL OR minutes >= 0) {rest}")
    yield wrong("only if there were no minutes", "(minutes IS NULL OR minutes BETWEEN 0 AND 10080) AND sessions >= 0")
    yield wrong(
        "both values null",
        "minutes IS NULL OR (minutes BETWEEN 0 AND 10080 AND sessions IS NOT NULL AND sessions >= 0 "
        "AND (sessions > 0 OR minutes = 0))",
    )
    yield wrong(
        "hold even if minutes is null",
        "sessions IS NOT NULL AND (minutes IS NULL OR (minutes BETWEEN 0 AND 10080 AND sessions >= 0 "
        "AND (sessions > 0 OR minutes = 0)))",
    )
    yield wrong("no rule forbids", f"{condition} AND (sessions = 0 OR minutes IS NULL OR minutes > 0)")
    yield wrong("cannot evaluate", "CHECK (minutes >= 0)")
    yield wrong("should be a string", True)


@exercise("2.9", objective="PRO-2.07", hint="A file can be skipped only if the value lies outside its range.")
def skip_by_ranges(files_to_read):
    import pandas as pd

    assert callable(files_to_read), "files_to_read should be a function."
    found = pd.DataFrame({"rows": [10, 20, 30, 40], "low": [0, 5, 9, 20], "high": [5, 9, 30, 40]})

    def told(value):
        try:
            answer = files_to_read(found.copy(), value)
        except Exception as error:
            raise AssertionError(f"files_to_read raises {type(error).__name__} for a frame of four files.") from None
        assert answer is not None, "files_to_read returns nothing yet."
        try:
            return float(answer)
        except (TypeError, ValueError):
            raise AssertionError(
                f"files_to_read should return a number, it returned {type(answer).__name__}."
            ) from None

    assert told(25) != 70, "It returns the number of rows in those files; return the number of files."
    assert told(5) == 2, (
        f"5 is the largest value of one file and the smallest of another, so 2 files may hold it, not {told(5):g}: both bounds belong to the range."
    )
    assert told(25) == 2, f"25 lies in the ranges 9 to 30 and 20 to 40: 2 files, not {told(25):g}."
    assert told(50) == 0, f"50 lies in no range: 0 files, not {told(50):g}. Both bounds have to be compared."
    assert told(-1) == 0, f"-1 lies below all ranges: 0 files, not {told(-1):g}. Compare with the lower bounds too."


@trials("2.9")
def _(_spark):
    yield right(lambda found, value: int(((found["low"] <= value) & (value <= found["high"])).sum()))
    yield right(lambda found, value: len(found.query("low <= @value <= high")))
    yield wrong(
        "both bounds belong", lambda found, value: int(((found["low"] < value) & (value < found["high"])).sum())
    )
    yield wrong("lies in the ranges", lambda found, value: 2 if value == 5 else int((found["low"] == value).sum()))
    yield wrong(
        "number of rows",
        lambda found, value: int(found.loc[(found["low"] <= value) & (value <= found["high"]), "rows"].sum()),
    )
    yield wrong("returns nothing yet", lambda found, value: None)
    yield wrong("should be a function", 3)


@exercise(
    "2.10",
    objective="PRO-2.07",
    hint="Which programs use the table? How many values does the column have? Will the queries change?",
)
def choose_a_layout(layout):
    layout = answers_to(layout, "abcd", "layout", ("liquid", "z-order", "partition", "nothing"))
    assert layout["a"] != "partition", (
        "a: partition columns cannot be changed later, and there are too many customers for partitions. Here the queries will change."
    )
    assert layout["a"] != "z-order", (
        "a: a Z-order works, but the table does not store it and every OPTIMIZE has to name it again. New tables have a better choice."
    )
    assert layout["a"] == "liquid", "a: with 5 million rows a day, queries need a layout that lets them skip files."
    assert layout["b"] == "nothing", "b: every job reads all 12 rows, so no file can be skipped."
    assert layout["c"] != "liquid", (
        "c: clustering is a table feature, and the old program could no longer write to the table."
    )
    assert layout["c"] != "partition", "c: 40,000 shops make 40,000 folders of small files."
    assert layout["c"] == "z-order", (
        "c: without an order each of the 300 files can hold any shop, so queries skip none."
    )
    assert layout["d"] != "liquid", "d: clustering is a table feature that this old engine does not support."
    assert layout["d"] == "partition", (
        "d: a month is loaded, deleted and read as a whole, and each is large: a partition for each month serves all three."
    )


@trials("2.10")
def _(_spark):
    layout = {"a": "liquid", "b": "nothing", "c": "z-order", "d": "partition"}
    yield right(layout)
    yield wrong("cannot be changed later", layout | {"a": "partition"})
    yield wrong("does not store it", layout | {"a": "z-order"})
    yield wrong("no file can be skipped", layout | {"b": "liquid"})
    yield wrong("could no longer write", layout | {"c": "liquid"})
    yield wrong("40,000 folders", layout | {"c": "partition"})
    yield wrong("a partition for each month", layout | {"d": "z-order"})
    yield wrong("this old engine", layout | {"d": "liquid"})


@exercise(
    "2.11",
    objective=("ASC-1.01", "PRO-2.02"),
    hint="Write down the files of each version. Which of them does version 3 still use?",
)
def what_vacuum_forgets(still_readable):
    assert isinstance(still_readable, (list, tuple, set)), "still_readable should be a list of version numbers."
    given = {number for number in still_readable if isinstance(number, int) and not isinstance(number, bool)}
    assert given <= {0, 1, 2, 3} and len(given) == len(still_readable), (
        "Use the integers 0, 1, 2 and 3, each at most once."
    )
    assert 3 in given, "Version 3 is the current one, and VACUUM never touches the files of the current version."
    assert 2 in given, (
        "Version 2 is old, but an append adds files and removes none: version 3 still uses the file of version 2."
    )
    assert 1 not in given or 0 in given, (
        "Version 1 is not readable without version 0: the append only added a file, so version 1 needs the file of version 0 as well."
    )
    assert not given & {0, 1}, (
        "The overwrite in version 2 removed the files of versions 0 and 1 from the table. No later version uses them, and "
        "with a retention of 0 hours VACUUM deletes them."
    )


@trials("2.11")
def _(_spark):
    yield right([2, 3])
    yield wrong("is old, but an append", [3])
    yield wrong("removed the files", [0, 1, 2, 3])
    yield wrong("not readable without", [1, 2, 3])
    yield wrong("current one", [2])
    yield wrong("at most once", ["2", "3"])
    yield wrong("list of version numbers", 2)


@exercise(
    "2.12",
    objective=("PRO-1.21", "ASC-4.01"),
    hint="Is the source only appended to? If not, does the target need the updates and deletes?",
)
def which_read_for_which_job(which_read):
    words = ("stream", "stream, skip changes", "stream of the change data feed", "time travel")
    which_read = answers_to(which_read, "abcd", "which_read", words)
    assert which_read["a"] != "stream, skip changes", (
        "a: the table is only appended to, so there is nothing to skip. Without the option an unexpected change would be noticed."
    )
    assert which_read["a"] == "stream", "a: a plain stream returns each appended row once."
    assert which_read["b"] != "stream", "b: a plain stream stops at the first update or delete of the source."
    assert which_read["b"] == "stream of the change data feed", (
        "b: the copy has to follow updates and deletes, so its stream needs the kind of change of each row."
    )
    assert which_read["c"] == "stream, skip changes", (
        "c: corrections come as commits that change rows. They must not stop the job, and it can leave them out."
    )
    assert which_read["d"] == "time travel", "d: the job compares two versions of one table; it processes no new rows."


@trials("2.12")
def _(_spark):
    which = {"a": "stream", "b": "stream of the change data feed", "c": "stream, skip changes", "d": "time travel"}
    yield right(which)
    yield wrong("nothing to skip", which | {"a": "stream, skip changes"})
    yield wrong("stops at the first update", which | {"b": "stream"})
    yield wrong("the kind of change", which | {"b": "stream, skip changes"})
    yield wrong("must not stop the job", which | {"c": "stream"})
    yield wrong("two versions of one table", which | {"d": "stream"})


@exercise(
    "2.13",
    objective=("ASC-1.01", "ASC-1.12"),
    hint="DESCRIBE HISTORY lists the number. Which kind of read returns the same rows after another commit?",
)
def pin_a_version(pin, table):
    from lakehouse.spark import get_spark

    assert callable(pin), "pin should be a function that takes the name of a table."
    spark, tried = get_spark(), f"{table}_pin_check"
    spark.sql(f"DROP TABLE IF EXISTS {tried}")
    try:
        spark.sql(f"CREATE TABLE {tried} AS SELECT id FROM range(3)")
        spark.sql(f"INSERT INTO {tried} VALUES (3)")
        try:
            given = pin(tried)
        except Exception as error:
            raise AssertionError(f"pin raises {type(error).__name__} for a table of two versions.") from None
        assert given is not None, "pin returns nothing yet."
        assert isinstance(given, (tuple, list)) and len(given) == 2, "pin should return a tuple of two: version, frame."
        version, frame = given
        assert isinstance(version, int) and not isinstance(version, bool), (
            f"The first value returned is a {type(version).__name__}; it should be the number of the version, an int."
        )
        assert version != 4, "The number returned is the number of rows: take the version from DESCRIBE HISTORY."
        assert version == 1, f"The version returned is {version}, but version 1 was current when pin was called."
        assert _is_frame(frame), "The second value returned should be a DataFrame."
        before = frame.count()
        assert before == 4, (
            f"The frame has {before} rows, and version 1 of the table has 4: read the version that you return."
        )
        spark.sql(f"INSERT INTO {tried} VALUES (4), (5)")
        after = frame.count()
        assert after == before, (
            f"Another job has committed, and the frame has grown from {before} to {after} rows: it reads whatever is current. "
            "Read the version with versionAsOf."
        )
    finally:
        spark.sql(f"DROP TABLE IF EXISTS {tried}")


@trials("2.13")
def _(spark):
    spark.sql("CREATE SCHEMA IF NOT EXISTS main.default")
    table = "main.default.demo_delta_trial"

    def newest(name):
        return spark.sql(f"DESCRIBE HISTORY {name} LIMIT 1").first()["version"]

    yield right(lambda name: (newest(name), spark.read.option("versionAsOf", newest(name)).table(name)), table)
    yield wrong("whatever is current", lambda name: (newest(name), spark.table(name)), table)
    yield wrong(
        "read the version that you return",
        lambda name: (newest(name), spark.read.option("versionAsOf", 0).table(name)),
        table,
    )
    yield wrong("was current when pin", lambda name: (0, spark.read.option("versionAsOf", 0).table(name)), table)
    yield wrong("take the version from", lambda name: (spark.table(name).count(), spark.table(name)), table)
    yield wrong("version, frame", lambda name: spark.table(name), table)


@exercise(
    "2.14",
    objective=("PRO-2.02", "PRO-1.21"),
    hint="Which commit updated rows? The change data feed has their old values as update_preimage.",
)
def one_commit_undone(repaired):
    assert _is_frame(repaired), "repaired should be the DataFrame of the table: spark.table(predictions)."
    missing = sorted({"customer_id", "score"} - set(repaired.columns))
    assert not missing, f"The columns {missing} are missing from the table."
    rows = [(row["customer_id"], row["score"]) for row in repaired.select("customer_id", "score").collect()]
    keys = {key for key, _ in rows}
    late = sum(key not in keys for key in range(200, 260))
    assert late == 0, (
        f"{late} customers that were scored after the bad commit are gone: a restore undoes every later commit, so insert "
        "them again, or reverse only the bad commit."
    )
    early = sum(key not in keys for key in range(200))
    assert early == 0, f"{early} of the first 200 customers are gone: change their scores, do not delete them."
    doubles = len(rows) - len(keys)
    assert doubles == 0, (
        f"{doubles} rows too many: inserting the old values in addition to the bad ones makes duplicates. Use MERGE on customer_id."
    )
    percent = sum(score is not None and score > 1 for _, score in rows)
    assert percent == 0, (
        f"{percent} scores are above 1: they are still percentages. (update_postimage holds the bad values, update_preimage the good ones.)"
    )
    bent = sum(score is None or abs(score - (key % 50) / 50) > 1e-9 for key, score in rows if key in range(260))
    assert bent == 0, f"{bent} scores differ from those before the bad commit: change the damaged rows and no others."
    assert keys == set(range(260)), "The table holds customers that were never scored: check the rows that you insert."


@trials("2.14")
def _(spark):
    def frame(rows):
        return spark.createDataFrame(rows, "customer_id long, score double").coalesce(1)

    good = [(key, (key % 50) / 50) for key in range(260)]
    bad = [(key, score * 100 if key % 3 == 0 and key < 200 else score) for key, score in good]
    yield right(frame(good))
    yield wrong("still percentages", frame(bad))
    yield wrong("scored after the bad commit", frame(good[:200]))
    yield wrong("makes duplicates", frame(good + good[:200:3]))
    yield wrong("and no others", frame([(key, score / 100) for key, score in bad]))
    yield wrong("do not delete them", frame(good[10:]))
