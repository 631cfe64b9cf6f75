"""What a Databricks notebook has without importing it: ``dbutils`` and ``display``.

Only what lessons use is here. Everything else raises the error that Python gives for a name that does not exist.
"""

from __future__ import annotations

import html
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.files import write_atomically
from lakehouse.paths import home

_ROWS_SHOWN = 20


class Frame:
    """A table to look at: HTML in a notebook, aligned text elsewhere.

    Parameters
    ----------
    columns
        Names, in order.
    rows
        Values as they are to be shown; ``None`` shows as ``null``.
    note
        A line under the table, for example that rows were cut.
    """

    def __init__(self, columns: list[str], rows: list[tuple[Any, ...]], note: str = "") -> None:
        self.columns, self.note = columns, note
        self.rows = [tuple("null" if value is None else str(value) for value in row) for row in rows]

    def __repr__(self) -> str:
        widths = [max(map(len, cells)) for cells in zip(self.columns, *self.rows, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
                 for row in [tuple(self.columns), tuple("-" * width for width in widths), *self.rows]]  # fmt: skip
        return "\n".join(lines + [self.note] * bool(self.note))

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self.columns)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in self.rows)
        note = f"<p><small>{html.escape(self.note)}</small></p>" if self.note else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}"


def display(*values: Any) -> None:
    """Show values; a Spark DataFrame as a table of its first 20 rows.

    Databricks shows up to 10,000 rows with charts; a lesson looks at few.
    """
    for value in values:
        _show(_table(value) if isinstance(value, DataFrame) else value)


def _table(df: DataFrame) -> Frame:
    rows = df.limit(_ROWS_SHOWN + 1).collect()
    note = f"first {_ROWS_SHOWN} rows" if len(rows) > _ROWS_SHOWN else ""
    return Frame(df.columns, [tuple(_readable(value) for value in row) for row in rows[:_ROWS_SHOWN]], note)


def _readable(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value


def _show(value: Any) -> None:
    # Outside a notebook IPython's display prints the text form.
    from IPython.display import display as ipython_display

    ipython_display(value)


class NotebookExit(BaseException):
    """Ends a notebook early, as ``dbutils.notebook.exit`` does. Not an error: a runner reads the value and goes on."""

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.value = value


class Widgets:
    """``dbutils.widgets``: named inputs, always text.

    Locally a widget's value is its default, unless the environment holds ``WORKBOOK_WIDGET_<NAME>``.
    """

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def text(self, name: str, defaultValue: str, label: str | None = None) -> None:  # noqa: N803
        self._create(name, defaultValue)

    def dropdown(self, name: str, defaultValue: str, choices: list[str], label: str | None = None) -> None:  # noqa: N803
        self._need_choice(name, defaultValue, choices)
        self._create(name, defaultValue)

    def combobox(self, name: str, defaultValue: str, choices: list[str], label: str | None = None) -> None:  # noqa: N803
        self._create(name, defaultValue)

    def multiselect(self, name: str, defaultValue: str, choices: list[str], label: str | None = None) -> None:  # noqa: N803
        self._need_choice(name, defaultValue, choices)
        self._create(name, defaultValue)

    def get(self, name: str) -> str:
        if name not in self._values:
            raise ValueError(f"No input widget named {name} is defined. Create it first: dbutils.widgets.text(...).")
        return self._values[name]

    def getAll(self) -> dict[str, str]:  # noqa: N802
        return dict(self._values)

    def remove(self, name: str) -> None:
        self._values.pop(name, None)

    def removeAll(self) -> None:  # noqa: N802
        self._values.clear()

    def _create(self, name: str, default: str) -> None:
        # A widget that exists keeps its value, as on the platform.
        self._values.setdefault(name, os.environ.get(f"WORKBOOK_WIDGET_{name.upper()}", str(default)))

    @staticmethod
    def _need_choice(name: str, default: str, choices: list[str]) -> None:
        if default not in choices:
            raise ValueError(f"The default {default!r} of widget {name} is not one of its choices {choices}.")


@dataclass(frozen=True)
class FileInfo:
    """One entry of ``dbutils.fs.ls``; ``size`` in bytes, ``modificationTime`` in milliseconds since 1970."""

    path: str
    name: str
    size: int
    modificationTime: int  # noqa: N815


class Files:
    """``dbutils.fs`` over Unity Catalog volumes: ``/Volumes/<catalog>/<schema>/<volume>/...`` is a folder of the lake."""

    def ls(self, path: str) -> list[FileInfo]:
        folder = self._local(path)
        if not folder.exists():
            raise FileNotFoundError(f"No such file or directory: {path}")
        entries = sorted(folder.iterdir()) if folder.is_dir() else [folder]
        return [self._info(path.rstrip("/"), entry, folder.is_dir()) for entry in entries]

    def head(self, path: str, maxBytes: int = 65536) -> str:  # noqa: N803
        with self._local(path).open("rb") as file:
            return file.read(maxBytes).decode("utf-8", errors="replace")

    def put(self, path: str, contents: str, overwrite: bool = False) -> bool:
        target = self._local(path)
        if target.exists() and not overwrite:
            raise FileExistsError(f"{path} exists already: pass overwrite=True to replace it.")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(contents)
        return True

    def mkdirs(self, path: str) -> bool:
        self._local(path).mkdir(parents=True, exist_ok=True)
        return True

    def cp(self, source: str, target: str, recurse: bool = False) -> bool:
        here, there = self._local(source), self._local(target)
        if here.is_dir():
            if not recurse:
                raise IsADirectoryError(f"{source} is a folder: pass recurse=True to copy it.")
            shutil.copytree(here, there, dirs_exist_ok=True)
        else:
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(here, there)
        return True

    def mv(self, source: str, target: str, recurse: bool = False) -> bool:
        self.cp(source, target, recurse)
        return self.rm(source, recurse)

    def rm(self, path: str, recurse: bool = False) -> bool:
        target = self._local(path)
        if not target.exists():
            return False
        if target.is_dir():
            if any(target.iterdir()) and not recurse:
                raise OSError(f"{path} is not empty: pass recurse=True to remove it.")
            shutil.rmtree(target)
        else:
            target.unlink()
        return True

    @staticmethod
    def _local(path: str) -> Path:
        parts = Path(path.removeprefix("dbfs:")).parts
        if len(parts) < 5 or parts[:2] != ("/", "Volumes") or ".." in parts:
            raise ValueError(
                f"{path!r} is not in a Unity Catalog volume. Use /Volumes/<catalog>/<schema>/<volume>/...; "
                "the DBFS root and mounts are deprecated."
            )
        catalog, schema, volume, *rest = parts[2:]
        return home() / "lake" / catalog / schema / f"_volume_{volume}" / Path(*rest)

    @staticmethod
    def _info(path: str, entry: Path, in_folder: bool) -> FileInfo:
        stat = entry.stat()
        name = entry.name + "/" * entry.is_dir()
        size = 0 if entry.is_dir() else stat.st_size
        return FileInfo(f"{path}/{name}" if in_folder else path, name, size, int(stat.st_mtime * 1000))


class Data:
    """``dbutils.data``: a first look at a frame."""

    def summarize(self, df: DataFrame, precise: bool = False) -> None:
        """Show count, share of nulls, distinct values, mean, standard deviation, minimum, median and maximum per column.

        Parameters
        ----------
        df
            The frame; nested columns are counted only.
        precise
            Whether distinct counts and medians are exact. Without it they are estimates within 5 %, as on the platform.
        """
        _show(summary_table(df, precise))


def summary_table(df: DataFrame, precise: bool = False) -> Frame:
    """The table that ``dbutils.data.summarize`` shows: one row for each column of ``df``, in one pass over the data."""
    from pyspark.sql.types import ArrayType, BooleanType, MapType, NumericType, StructType

    measures: list[Any] = [F.count(F.lit(1)).alias("n")]
    for i, field in enumerate(df.schema.fields):
        column = F.col(f"`{field.name}`")
        nested = isinstance(field.dataType, (ArrayType, MapType, StructType))
        numeric = isinstance(field.dataType, NumericType)
        nothing = F.lit(None)
        distinct = F.count_distinct(column) if precise else F.approx_count_distinct(column)
        median = F.median(column) if precise else F.percentile_approx(column, 0.5)
        ordered = not nested and not isinstance(field.dataType, BooleanType)
        measures += [
            F.count(column).alias(f"present_{i}"),
            (nothing if nested else distinct).alias(f"distinct_{i}"),
            (F.mean(column) if numeric else nothing).alias(f"mean_{i}"),
            (F.stddev(column) if numeric else nothing).alias(f"stddev_{i}"),
            (F.min(column) if ordered else nothing).alias(f"min_{i}"),
            (median if numeric else nothing).alias(f"median_{i}"),
            (F.max(column) if ordered else nothing).alias(f"max_{i}"),
        ]
    found = df.agg(*measures).first()
    assert found is not None
    rows = []
    for i, field in enumerate(df.schema.fields):
        missing = 100 * (1 - found[f"present_{i}"] / found["n"]) if found["n"] else 0.0
        values = [found[f"{name}_{i}"] for name in ("distinct", "mean", "stddev", "min", "median", "max")]
        shown = ["" if value is None else _readable(value) for value in values]
        rows.append((field.name, field.dataType.simpleString(), found["n"], f"{missing:.1f} %", *shown))
    return Frame(["column", "type", "rows", "null", "distinct", "mean", "stddev", "min", "median", "max"], rows)


class TaskValues:
    """``dbutils.jobs.taskValues``: small values handed from one task of a job run to the next, as JSON.

    The run is named by ``WORKBOOK_JOB_RUN`` and the task by ``WORKBOOK_TASK``; outside a job ``get`` gives
    ``debugValue`` and ``set`` does nothing, as on the platform.
    """

    _MOST_BYTES = 48 * 1024

    def set(self, key: str, value: Any) -> None:
        text = json.dumps(value)
        if len(text.encode()) > self._MOST_BYTES:
            raise ValueError(f"The task value {key!r} has {len(text.encode())} bytes; the limit is {self._MOST_BYTES}.")
        if "WORKBOOK_JOB_RUN" in os.environ:
            write_atomically(self._file(os.environ.get("WORKBOOK_TASK", "task"), key), text)

    def get(self, taskKey: str, key: str, default: Any = None, debugValue: Any = None) -> Any:  # noqa: N803
        if "WORKBOOK_JOB_RUN" not in os.environ:
            if debugValue is None:
                raise TypeError("Must pass debugValue when calling get outside of a job context.")
            return debugValue
        file = self._file(taskKey, key)
        if file.exists():
            return json.loads(file.read_text())
        if default is None:
            raise ValueError(f"Task value with key {key!r} of task {taskKey!r} is not set and there is no default.")
        return default

    @staticmethod
    def _file(task: str, key: str) -> Path:
        return home() / "jobs" / os.environ["WORKBOOK_JOB_RUN"] / task / f"{key}.json"


class Jobs:
    """``dbutils.jobs``."""

    def __init__(self) -> None:
        self.taskValues = TaskValues()


class Notebook:
    """``dbutils.notebook``: ``exit`` only; several notebooks are a job's business."""

    def exit(self, value: str) -> None:
        """End the notebook here with a value for whoever started it."""
        raise NotebookExit(value)


class DBUtils:
    """The parts of ``dbutils`` that lessons use."""

    def __init__(self) -> None:
        self.widgets, self.fs, self.data = Widgets(), Files(), Data()
        self.jobs, self.notebook = Jobs(), Notebook()
