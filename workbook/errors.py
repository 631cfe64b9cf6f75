"""Errors as a learner reads them."""

from __future__ import annotations

import re
from typing import Any

from pyspark.errors import PySparkException


def end_quietly_at_exit(shell: Any) -> None:
    """Make a kernel stop without an error where a notebook calls ``dbutils.notebook.exit``."""
    from lakehouse.dbutils import NotebookExit

    shell.set_custom_exc((NotebookExit,), _show_exit)


def _show_exit(shell: Any, kind: type, error: Any, trace: Any, tb_offset: int | None = None) -> None:
    print(f"Notebook exited: {error.value}")
    # A cell that ends in SystemExit(0) stops the notebook, and papermill takes it as done.
    shell._showtraceback(SystemExit, SystemExit("0"), [])  # noqa: SLF001


def first_line(error: Exception) -> str:
    """An error in one line: of Spark's errors the condition and its sentence, without plan or Java frames."""
    text = str(error).strip()
    _, failed_on_a_worker, trace = text.partition("JVM stacktrace")[0].rpartition("Traceback (most recent call last):")
    if failed_on_a_worker:
        # The last unindented line of the Python traceback says why.
        reasons = re.findall(r"^[A-Za-z_][\w.]*(?:: .*)?$", trace, flags=re.MULTILINE)
        if reasons:
            return str(reasons[-1])
    lines = text.splitlines() or [""]
    if isinstance(error, PySparkException) and lines[0]:
        return lines[0]
    return f"{type(error).__name__}: {lines[0]}" if lines[0] else type(error).__name__
