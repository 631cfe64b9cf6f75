"""How a run shows itself in a terminal: one line per notebook, and bars for those at work."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from workbook.runner.plan import Notebook
from workbook.runner.report import duration
from workbook.runner.run import Run, Watcher

STYLES = {"passed": "green", "reused": "blue", "failed": "bold red", "skipped": "yellow", "unfinished": "dim"}


class Terminal(Watcher):
    """Prints a line when a notebook ends; on a terminal, draws a bar of cells for each that runs.

    Parameters
    ----------
    console : Console
        Where to print. When it is not a terminal, nothing is ever redrawn.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._total = self._count = 0
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()
        self._progress = Progress(
            TextColumn("  {task.description}"),
            BarColumn(30),
            MofNCompleteColumn(),
            TextColumn("cells"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def begin(self, notebooks: Sequence[Notebook]) -> None:
        self._total = len(notebooks)
        self._progress.start()

    def start(self, notebook: Notebook) -> None:
        with self._lock:
            self._tasks[notebook.name] = self._progress.add_task(escape(_short(notebook.name)), total=notebook.cells)
        if not self._console.is_terminal:
            self._console.print(f"        running            {_short(notebook.name)}", highlight=False, markup=False)

    def cell(self, notebook: Notebook, index: int) -> None:
        self._progress.update(self._tasks[notebook.name], completed=index)

    def done(self, record: Mapping[str, Any]) -> None:
        with self._lock:
            self._count += 1
            task = self._tasks.pop(record["notebook"], None)
            if task is not None:
                self._progress.remove_task(task)
            style = STYLES[record["status"]]
            self._progress.console.print(
                f"{self._count:>3}/{self._total:<3} [{style}]{record['status']:<8}[/] "
                f"{duration(record['seconds']):>11}  {escape(_short(record['notebook']))}{_checks(record)}",
                highlight=False,
                soft_wrap=True,
            )
            if record["error"]:
                error = record["error"]
                first = (error["evalue"].splitlines() or [""])[0]
                self._progress.console.print(
                    f"        cell {error['cell']}: {error['ename']}: {first}",
                    style="red",
                    highlight=False,
                    markup=False,
                    soft_wrap=True,
                )

    def end(self) -> None:
        self._progress.stop()


def close(console: Console, run: Run, report: str) -> None:
    """Print the last lines of a run: where it stopped, the totals, the report."""
    if run.interrupted:
        left = [record["notebook"] for record in run.notebooks if record["status"] == "unfinished"]
        at = f" at {_short(left[0])}" if left else ""
        console.print(f"Stopped{at}. What is done is kept; the same command goes on from here.", soft_wrap=True)
    counts = [f"{run.count('passed', 'reused')} passed", f"{run.count('failed')} failed"]
    counts += [f"{run.count(status)} {status}" for status in ("skipped", "unfinished") if run.count(status)]
    reused = f", {run.count('reused')} of them reused" if run.count("reused") else ""
    console.print(f"{', '.join(counts)}{reused}, {duration(run.seconds)}", highlight=False)
    console.print(f"Report: {report}", highlight=False, markup=False, soft_wrap=True)


def _short(name: str) -> str:
    return name.removeprefix("solutions/").removesuffix(".ipynb")


def _checks(record: Mapping[str, Any]) -> str:
    checks = record["checks"]["results"]
    return f"  {record['checks']['pass']} of {len(checks)} checks pass" if checks else ""
