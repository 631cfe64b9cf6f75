"""The course as a whole: ``wb run``."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from lakehouse.paths import ROOT, home
from workbook.cli.app import app

#: Two notebooks keep two cores busy; on one core they would only wait for each other.
JOBS = min(2, os.cpu_count() or 1)


@app.command()
def run(
    only: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="A chapter's number, or a part of a path. May be repeated.")
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", metavar="NAME=VALUE", help="A parameter of the notebooks. May be repeated."),
    ] = None,
    unsolved: Annotated[bool, typer.Option("--unsolved", help="Run the notebooks as learners get them.")] = False,
    engine: Annotated[str | None, typer.Option(metavar="NAME", help="classic or connect.")] = None,
    jobs: Annotated[int, typer.Option(metavar="N", help="Groups of notebooks that run side by side.")] = JOBS,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget earlier results and their tables.")] = False,
) -> None:
    """Run the notebooks and write a report. Results whose inputs did not change are reused."""
    from rich.console import Console

    from workbook.cli import console as terminal
    from workbook.runner import run as runner

    console = Console()
    result = runner.run(
        ROOT,
        home(),
        only=only or (),
        parameters=parameter or (),
        unsolved=unsolved,
        engine=engine or _engine(),
        jobs=jobs,
        fresh=fresh,
        watcher=terminal.Terminal(console),
    )
    terminal.close(console, result, str(home() / "report" / "index.html"))
    raise typer.Exit(result.exit_code)


def _engine() -> str:
    if os.environ.get("SPARK_REMOTE") or os.environ.get("WORKBOOK_MASTER"):
        return "remote"
    return os.environ.get("WORKBOOK_SPARK", "classic")
