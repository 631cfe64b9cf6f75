"""What a process needs before it starts Spark: UTC, its own Python for the workers, and a lake that can be written to."""

from __future__ import annotations

import logging
import os
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

from lakehouse.errors import UnusableFolder
from lakehouse.paths import CATALOGS, ROOT, home, lake

_FREE_BYTES_NEEDED = 200 * 1024**2

#: Everything else that a file system allows may be in a path.
_NOT_IN_A_PATH = {
    ",": "Spark takes a comma for the end of a folder's name",
    "%[0-9A-Fa-f]{2}": "MLflow reads % with two digits as another character",
    r"[\n\r]": "its name has more than one line",
}
_NOT_IN_THE_CLONES_PATH = {":": "Java takes a colon for the end of a path"}
_NOT_IN_THE_ENVIRONMENTS_PATH = {"%": "MLflow cannot read its own migrations there"}


def prepare_process() -> None:
    """Set what Spark reads from the process, and look at the lake.

    Raises
    ------
    UnusableFolder
        If the lake cannot be written to or its disk is full.
    """
    # Naive datetimes in Python mean the same moment as in Spark, on any laptop, as on Databricks: UTC.
    os.environ["TZ"] = "UTC"
    time.tzset()
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    # Spark logs every SQL error as a line of JSON beside the exception that says the same.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    logging.getLogger("DataFrameQueryContextLogger").setLevel(logging.CRITICAL)
    _check_lake()


def _check_lake() -> None:
    _refuse_name(home(), _NOT_IN_A_PATH, "name another home in the environment variable WORKBOOK_HOME")
    _refuse_name(ROOT, _NOT_IN_A_PATH | _NOT_IN_THE_CLONES_PATH, "move the clone")
    _refuse_name(Path(sys.prefix), _NOT_IN_THE_ENVIRONMENTS_PATH, "make the Python environment elsewhere")
    try:
        for name in CATALOGS:
            (lake() / name / "default").mkdir(parents=True, exist_ok=True)
        (home() / "tmp").mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=lake()):
            pass
    except OSError as error:
        raise UnusableFolder(
            error.errno,
            f"the lake {lake()} cannot be written to ({error.strerror}). "
            "Make the folder writable, or name another one in the environment variable WORKBOOK_HOME",
        ) from error
    free = shutil.disk_usage(lake()).free
    if free < _FREE_BYTES_NEEDED:
        raise UnusableFolder(
            f"the disk of the lake {lake()} has {free // 1024**2} MiB left and Spark needs at least "
            f"{_FREE_BYTES_NEEDED // 1024**2} MiB. Make room (`wb reset` deletes the lake), "
            "or name a folder on another disk in the environment variable WORKBOOK_HOME"
        )


def _refuse_name(folder: Path, patterns: dict[str, str], remedy: str) -> None:
    for pattern, reason in patterns.items():
        if re.search(pattern, str(folder)):
            raise UnusableFolder(f"the folder {folder} cannot be used, because {reason}: {remedy}.")
