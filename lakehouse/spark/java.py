"""The Java that Spark runs on."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from lakehouse.errors import Unavailable

JAVA_NEEDED = 17


def need_java() -> Path:
    """The Java that Spark will use.

    Raises
    ------
    Unavailable
        When there is none of version 17 or later.
    """
    java_home = os.environ.get("JAVA_HOME")
    found = str(Path(java_home) / "bin" / "java") if java_home else shutil.which("java")
    version = java_version(found) if found else None
    if found is None or version is None or version < JAVA_NEEDED:
        what = "no Java" if version is None else f"Java {version}"
        raise Unavailable(
            f"Spark needs Java {JAVA_NEEDED} or later and found {what} (JAVA_HOME={java_home!r}, PATH). "
            "`./wb doctor` shows what is there; `./wb run` fetches a private one."
        )
    return Path(found)


def java_version(java: str) -> int | None:
    """Major version of a ``java`` program, None when it cannot be run."""
    try:
        told = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30).stderr
    except (OSError, subprocess.TimeoutExpired):
        return None
    _, _, rest = told.partition('version "')
    major = rest.partition('"')[0].split(".")
    digits = major[1] if major[0] == "1" and len(major) > 1 else major[0].partition("-")[0]
    return int(digits) if digits.isdigit() else None
