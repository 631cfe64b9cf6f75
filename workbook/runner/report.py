"""The report of a run: one HTML file that needs nothing else, and the same facts as JSON beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lakehouse.files import write_atomically
from workbook.pages import templates
from workbook.runner.results import Run

STATUSES = ("passed", "reused", "failed", "skipped", "unfinished")
MOST_LINES = 80


def write(run: Run, folder: Path, versions: Mapping[str, str]) -> Path:
    """Write ``index.html`` and ``report.json``.

    Parameters
    ----------
    run : Run
        A finished or interrupted run.
    folder : Path
        Made when missing.
    versions : mapping of str to str
        Name to version, in the order to show.

    Returns
    -------
    Path
        The HTML file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    facts = summary(run, folder, versions)
    pictures = {record["notebook"]: record["pictures"] for record in run.notebooks}
    write_atomically(folder / "report.json", json.dumps(facts, indent=1) + "\n")
    write_atomically(folder / "index.html", render(facts, pictures))
    return folder / "index.html"


def summary(run: Run, folder: Path, versions: Mapping[str, str]) -> dict[str, Any]:
    """Return the content of ``report.json``: everything but the pictures, with paths relative to `folder`."""
    notebooks = []
    for record in run.notebooks:
        facts = {name: value for name, value in record.items() if name not in ("pictures", "executed")}
        executed = Path(record["executed"])
        facts["executed"] = Path(os.path.relpath(executed, folder)).as_posix() if executed.exists() else None
        notebooks.append(facts)
    return {
        "started": run.started.isoformat(timespec="seconds"),
        "seconds": run.seconds,
        "engine": run.engine,
        "jobs": run.jobs,
        "unsolved": run.unsolved,
        "parameters": run.parameters,
        "versions": dict(versions),
        "interrupted": run.interrupted,
        "passed": run.exit_code == 0,
        "totals": {status: run.count(status) for status in STATUSES},
        "notebooks": notebooks,
    }


def render(facts: Mapping[str, Any], pictures: Mapping[str, list[str]]) -> str:
    """Return the HTML page.

    Parameters
    ----------
    facts : mapping
        As :func:`summary` gives them.
    pictures : mapping of str to list of str
        Data URIs of the pictures of each notebook.
    """
    environment = templates(Path(__file__).parent)
    environment.filters.update(duration=duration, figure=_figure, tail=_tail)
    longest = max([facts["seconds"], 0.001, *(each["seconds"] for each in facts["notebooks"])])
    return environment.get_template("report.html.j2").render(**facts, pictures=pictures, longest=longest)


def duration(seconds: float) -> str:
    """Return seconds as people say them: ``0.4 s``, ``12 s``, ``2 min 05 s``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _figure(value: Any) -> str:
    if isinstance(value, float) and not value.is_integer():
        return f"{value:.4g}"
    return f"{value:,.0f}" if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)


def _tail(text: str) -> str:
    lines = text.splitlines()
    return "\n".join(lines if len(lines) <= MOST_LINES else ["...", *lines[-MOST_LINES:]])
