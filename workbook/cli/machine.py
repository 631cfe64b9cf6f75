"""What concerns this machine: ``wb lab``, ``doctor``, ``stop``, ``reset``."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Annotated

import typer

from lakehouse import platform
from lakehouse.errors import InvalidValue, UnusableFolder
from lakehouse.paths import ROOT, home
from workbook.cli.app import HANDED_ON, app


@app.command(context_settings=HANDED_ON)
def lab(context: typer.Context) -> None:
    """Open your copies of the notebooks in JupyterLab: `wb lab 04` a chapter. Other arguments go to JupyterLab."""
    from workbook.copies import make_copies, work_folder
    from workbook.manifest import manifest

    folder = work_folder()
    try:
        made = make_copies(folder)
    except OSError as error:
        raise UnusableFolder(
            f"{error}. Your notebooks are kept in {folder}: name a writable place in WORKBOOK_HOME"
        ) from None
    if made:
        typer.echo(f"{len(made)} notebooks are new in {folder}: they are yours to work in")
    # From the root of the repository the solutions are in reach too.
    top = ROOT if folder.is_relative_to(ROOT) else folder
    start = f"/lab/tree/{folder.relative_to(top).as_posix()}".removesuffix("/.")
    arguments = list(context.args)
    chapters = {chapter.number: chapter.notebook for chapter in manifest().chapters}
    if arguments and (number := arguments[0].zfill(2)) in chapters:
        notebook = chapters[number]
        if not (folder / notebook).exists():
            raise InvalidValue(f"chapter {number} is not written yet: `wb lab` opens what there is.")
        start = f"{start}/{notebook}"
        del arguments[0]
    server = [sys.executable, "-P", "-m", "jupyterlab", f"--ServerApp.root_dir={top}", f"--LabApp.default_url={start}"]
    os.execv(sys.executable, [*server, *arguments])


@app.command()
def doctor() -> None:
    """Show what was found on this machine, what is wrong with it, and what to do."""
    from workbook.doctor import diagnose, show

    raise typer.Exit(show(diagnose()))


@app.command()
def stop() -> None:
    """Stop the local servers that notebooks have started, such as Spark Connect."""
    stopped = [(server, found) for server in platform.servers() if (found := server.stop()) is not None]
    for server, found in stopped:
        typer.echo(f"stopped {server.title}, process {found.process_id}")
    if not stopped:
        typer.echo("no local server is running")


#: What `wb reset` deletes beside the state of the stand-ins.
_OWN_STATE = {
    "progress": ("progress.db", "progress.db-wal", "progress.db-shm", "profile.json"),
    "runs": ("run", "report"),
}
_STATE = {**platform.state(), **_OWN_STATE}


@app.command()
def reset(
    what: Annotated[
        list[str] | None, typer.Argument(help=f"Any of {', '.join(_STATE)}; everything when nothing is named.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete tables, models, progress or results. The environment and your notebooks stay."""
    unknown = sorted(set(what or ()) - set(_STATE))
    if unknown:
        raise InvalidValue(f"cannot reset {', '.join(unknown)}: choose from {', '.join(_STATE)}")
    chosen = [home() / name for kind in what or _STATE for name in _STATE[kind]]
    paths = [path for path in chosen if path.exists()]
    if not paths:
        typer.echo("There is nothing to delete.")
        return
    for path in paths:
        typer.echo(f"  {path}")
    if not yes:
        typer.confirm("Delete these for good?", abort=True)
    for path in paths:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
