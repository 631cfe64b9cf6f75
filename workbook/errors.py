"""Errors as a learner reads them: what Spark says, without the plan and the Java stack behind it."""

from __future__ import annotations

import re
from typing import Any

from pyspark.errors import PySparkException


def tidy_errors(shell: Any) -> None:
    """Make a kernel show Java errors without the Java stack, and end quietly at ``dbutils.notebook.exit``."""
    from py4j.protocol import Py4JJavaError

    from lakehouse.dbutils import NotebookExit

    shell.set_custom_exc((Py4JJavaError, NotebookExit), _show_error)


def _show_error(shell: Any, kind: type, error: Any, trace: Any, tb_offset: int | None = None) -> None:
    from lakehouse.dbutils import NotebookExit

    if isinstance(error, NotebookExit):
        print(f"Notebook exited: {error.value}")
        # A cell that ends in SystemExit(0) stops the notebook, and papermill takes it as done.
        shell._showtraceback(SystemExit, SystemExit("0"), [])  # noqa: SLF001
        return
    message = error.java_exception.getMessage() or error.java_exception.toString()
    shell.showtraceback((PySparkException, PySparkException(message), trace), tb_offset=tb_offset)


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
    if type(error).__name__ == "Py4JJavaError" and len(lines) > 1:
        return lines[1].removeprefix(": ")
    if isinstance(error, PySparkException) and lines[0]:
        return lines[0]
    return f"{type(error).__name__}: {lines[0]}" if lines[0] else type(error).__name__
