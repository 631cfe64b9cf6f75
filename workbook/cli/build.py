"""What authors use: ``wb build`` and ``wb new``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from lakehouse.paths import ROOT, home
from workbook.cli.app import app, commands


@app.command()
def build(
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; fail when a notebook is out of date.")
    ] = False,
    execute: Annotated[bool, typer.Option("--execute", help="Run the solutions too, and keep their outputs.")] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="With --execute: a chapter's number, or a part of a path. May be repeated."),
    ] = None,
) -> None:
    """Make what is generated from the sources in course/: notebooks, question banks, the simulator, lists in documents."""
    from workbook import build as builder
    from workbook.manifest import manifest

    if check:
        changed = [change.path for change in builder.changes(commands=commands())]
    else:
        changed = builder.build(commands=commands())
    for path in changed:
        typer.echo(f"{'out of date' if check else 'written'}: {path.relative_to(ROOT)}")
    for chapter in manifest().chapters:
        if chapter.draft:
            typer.echo(f"draft, not built: {chapter.stem}")
    if check and changed:
        raise typer.Exit(1)
    if execute:
        _execute_solutions(only or ())


def _execute_solutions(only: Sequence[str]) -> None:
    from rich.console import Console

    from workbook import build as builder
    from workbook.cli import console as terminal
    from workbook.runner import run as runner

    result = runner.run(ROOT, home(), only=only, watcher=terminal.Terminal(Console()))
    for record in result.notebooks:
        if record["status"] in ("passed", "reused"):
            builder.store_outputs(Path(record["executed"]), ROOT / record["notebook"])
    raise typer.Exit(result.exit_code)


@app.command()
def new(chapter: Annotated[str, typer.Argument(metavar="STEM", help="Number and name, such as 05_spark_ml.")]) -> None:
    """Make the folder of a chapter from a template, and its entry in the manifest, as a draft."""
    from workbook.build.new_chapter import new_chapter

    for path in new_chapter(chapter):
        typer.echo(f"written: {path.relative_to(ROOT)}")
    typer.echo("`wb build` lists the draft in the README; without its line `draft: true` it is built.")
