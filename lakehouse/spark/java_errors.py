"""Java exceptions for which PySpark has no class, as Spark Connect shows them: their message, without the Java stack.

Classic PySpark turns the exceptions that it knows into its own and lets the others through as ``Py4JJavaError``, whose text
is the whole Java stack: a violated ``CHECK`` or ``NOT NULL`` constraint of Delta, a task that failed.
"""

from __future__ import annotations

import re
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors.exceptions import captured

_JAVA_FRAMES = re.compile(r"^\s*(at [\w.$/<>]+\(.*\)|\.\.\. \d+ more|Driver stacktrace:)\s*$\n?", re.MULTILINE)


class JavaError(captured.CapturedException, Py4JJavaError):
    """An exception of Java. Who catches ``PySparkException`` or ``Py4JJavaError`` catches it.

    Parameters
    ----------
    java_exception : JavaObject
        The exception.
    """

    def __init__(self, java_exception: Any) -> None:
        captured.CapturedException.__init__(self, origin=java_exception)
        # What a Py4JJavaError has.
        self.java_exception = java_exception
        self.errmsg = str(self)

    def __str__(self) -> str:
        return without_java_frames(self._desc or self.java_exception.toString())


def without_java_frames(text: str) -> str:
    """A message without the lines of the Java stack that it may hold."""
    return _JAVA_FRAMES.sub("", text).strip()


def install() -> None:
    """Let classic PySpark raise :class:`JavaError` in this process; calling it again is harmless."""
    convert = captured._convert_exception  # noqa: SLF001
    if getattr(convert, "gives_java_errors", False):
        return

    def converted(java_exception: Any) -> captured.CapturedException:
        found = convert(java_exception)
        return JavaError(java_exception) if isinstance(found, captured.UnknownException) else found

    converted.gives_java_errors = True  # type: ignore[attr-defined]
    captured._convert_exception = converted  # type: ignore[assignment]  # noqa: SLF001
