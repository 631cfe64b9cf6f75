"""The commands of ``wb``. Each imports what it needs when it runs, so that every one of them starts at once."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated
from xml.etree import ElementTree

import typer

from lakehouse.home import ROOT, home

if TYPE_CHECKING:
    from workbook.quiz.forms import Form
    from workbook.quiz.sealed import Bank

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The lakehouse ML workbook. `wb python ...` runs its Python; `wb lock` makes requirements.lock anew.",
)

#: Long tests that run beside the others.
_PROOFS, _BROWSER = "tests/test_proofs.py", "tests/test_simulator.py"
#: Two notebooks keep two cores busy; on one core they would only wait for each other.
JOBS = min(2, os.cpu_count() or 1)
_STATE = {
    "lake": ("lake", "warehouse"),
    "models": ("mlflow",),
    "progress": ("progress.db", "progress.db-wal", "progress.db-shm"),
    "runs": ("run", "report"),
}


def _refuse(message: object) -> typer.Exit:
    typer.echo(f"wb: {message}", err=True)
    return typer.Exit(2)


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

    from workbook import console as terminal
    from workbook import run as runner

    console = Console()
    try:
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
    except (ValueError, BlockingIOError) as error:
        raise _refuse(error) from None
    except (RuntimeError, OSError) as error:
        typer.echo(f"wb: {error}", err=True)
        raise typer.Exit(1) from None
    terminal.close(console, result, str(home() / "report" / "index.html"))
    raise typer.Exit(result.exit_code)


def _engine() -> str:
    if os.environ.get("SPARK_REMOTE") or os.environ.get("WORKBOOK_MASTER"):
        return "remote"
    return os.environ.get("WORKBOOK_SPARK", "classic")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def test(context: typer.Context) -> None:
    """Run every test. With arguments, which pytest gets, run only the tests of tests/."""
    chosen = context.args
    with tempfile.TemporaryDirectory() as scratch:
        steps = _Steps(Path(scratch))
        if chosen:
            steps.pytest(_Tests("Tests, classic Spark", ["tests", *chosen]))
        else:
            steps.everything()
            if find_spec("ruff"):
                steps.command("Lint", ["ruff", "check", "."])
                steps.command("Format", ["ruff", "format", "--check", "."])
            if find_spec("mypy"):
                steps.command("Types", ["mypy", "lakehouse", "workbook"])
            steps.command("Notebooks match authoring/", ["workbook", "build", "--check"])
    raise typer.Exit(steps.close())


@dataclass
class _Tests:
    """A run of pytest, in the environment of this process unless another is given."""

    title: str
    arguments: list[str]
    environment: dict[str, str] | None = None


@dataclass
class _Running:
    """A run of pytest that was started; without a log it prints for itself."""

    title: str
    process: subprocess.Popen[bytes]
    counts: Path
    log: IO[str] | None

    def show(self) -> None:
        """Print the log."""
        if self.log is not None:
            self.log.seek(0)
            print(f"\n=== {self.title}\n{self.log.read()}", flush=True)


class _Steps:
    """Runs one step after the other, counts their tests and remembers whether one failed."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._passed = self._failed = self._skipped = 0

    def everything(self) -> None:
        """Run all tests, two runs at a time: one alone leaves much of two cores idle."""
        from workbook.jvm import WarmJvm
        from workbook.run import in_home

        nbval = ["--nbval-lax", "--nbval-current-env", "-p", "no:cacheprovider"]
        spark = WarmJvm()
        try:
            with in_home(self._scratch / "home", "classic"):
                environment = os.environ | {"WORKBOOK_STRICT": "1"} | spark.environment()
            self.pytest(
                _Tests("Tests, classic Spark", ["tests", "--ignore", _PROOFS, "--ignore", _BROWSER]),
                _Tests("Solved notebooks, strictly, against their stored outputs", [*nbval, "solutions"], environment),
                _Tests("Answer sheets", [*nbval, "quizzes"], environment),
                _Tests(
                    "Tests of both engines, Spark Connect",
                    ["tests", "-m", "both_engines", "-p", "no:cacheprovider"],
                    os.environ | {"WORKBOOK_SPARK": "connect"},
                ),
                _Tests("Keys of the questions, by running their choices", [_PROOFS]),
                _Tests("The exam simulator, in a browser", [_BROWSER]),
                at_once=2,
            )
        finally:
            spark.close()

    def pytest(self, *tests: _Tests, at_once: int = 1) -> None:
        """Run pytest, some runs at once. The output of the first is shown as it comes, that of the others at their end.

        A run without a single test is a failure.
        """
        waiting = deque(enumerate(tests))
        running: list[_Running] = []
        silent: list[_Running] = []  # ended, and not shown yet
        with contextlib.ExitStack() as stack:
            while running or waiting:
                if waiting and len(running) < at_once:
                    number, chosen = waiting.popleft()
                    log = None
                    if number == 0:
                        print(f"\n=== {chosen.title}", flush=True)
                    else:
                        log = stack.enter_context(tempfile.TemporaryFile("w+", dir=self._scratch))
                    counts = self._scratch / f"junit-{number}.xml"
                    command = [sys.executable, "-m", "pytest", f"--junitxml={counts}", *chosen.arguments]
                    process = subprocess.Popen(
                        command, cwd=ROOT, env=chosen.environment, stdout=log, stderr=log and subprocess.STDOUT
                    )
                    stack.callback(process.kill)  # for the others, when one cannot be started or Ctrl-C comes
                    running.append(_Running(chosen.title, process, counts, log))
                    continue
                for each in [each for each in running if each.process.poll() is not None]:
                    running.remove(each)
                    silent.append(each)
                    self._count(each.process.returncode, each.counts)
                if silent and not any(each.log is None for each in running):
                    for each in silent:
                        each.show()
                    silent.clear()
                    if running:
                        print(f"(running: {', '.join(each.title for each in running)})", flush=True)
                time.sleep(0.1)

    def _count(self, code: int, counts: Path) -> None:
        failed = 0
        if counts.exists():
            for suite in ElementTree.parse(counts).getroot().iter("testsuite"):
                number = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
                failed += number["failures"] + number["errors"]
                self._skipped += number["skipped"]
                self._passed += number["tests"] - number["failures"] - number["errors"] - number["skipped"]
            counts.unlink()
        self._failed += failed or (code != 0)

    def command(self, title: str, module: list[str]) -> None:
        """Run a command that either holds or does not."""
        print(f"\n=== {title}", flush=True)
        if subprocess.run([sys.executable, "-m", *module], cwd=ROOT).returncode == 0:
            self._passed += 1
        else:
            self._failed += 1

    def close(self) -> int:
        """Print the sum and return the exit code."""
        skipped = f", {self._skipped} skipped" if self._skipped else ""
        print(f"\n{self._passed} passed, {self._failed} failed{skipped}", flush=True)
        return 1 if self._failed else 0


@app.command()
def build(
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; fail when a notebook is out of date.")
    ] = False,
    execute: Annotated[bool, typer.Option("--execute", help="Run the solutions too, and keep their outputs.")] = False,
) -> None:
    """Make the notebooks from authoring/."""
    from workbook import build as builder

    try:
        found = builder.changes() if check else []
        changed = [change.path for change in found] if check else builder.build()
    except ValueError as error:
        raise _refuse(error) from None
    for path in changed:
        typer.echo(f"{'out of date' if check else 'written'}: {path.relative_to(ROOT)}")
    if check and changed:
        raise typer.Exit(1)
    if execute:
        _execute_solutions()


def _execute_solutions() -> None:
    from rich.console import Console

    from workbook import build as builder
    from workbook import console as terminal
    from workbook import run as runner

    result = runner.run(ROOT, home(), watcher=terminal.Terminal(Console()))
    for record in result.notebooks:
        if record["status"] in ("passed", "reused"):
            builder.store_outputs(Path(record["executed"]), ROOT / record["notebook"])
    raise typer.Exit(result.exit_code)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def lab(context: typer.Context) -> None:
    """Open your copies of the notebooks in JupyterLab, which gets the arguments. Existing copies stay as they are."""
    from workbook.copies import make_copies, work_folder

    folder = work_folder()
    try:
        made = make_copies(folder)
    except OSError as error:
        raise _refuse(f"{error}. Your notebooks are kept in {folder}: name a writable place in WORKBOOK_HOME") from None
    if made:
        typer.echo(f"{len(made)} notebooks are new in {folder}: they are yours to work in")
    # From the root of the repository the solutions are in reach too.
    top = ROOT if folder.is_relative_to(ROOT) else folder
    start = f"/lab/tree/{folder.relative_to(top).as_posix()}".removesuffix("/.")
    server = [sys.executable, "-P", "-m", "jupyterlab", f"--ServerApp.root_dir={top}", f"--LabApp.default_url={start}"]
    os.execv(sys.executable, [*server, *context.args])


_Browser = Annotated[bool, typer.Option("--browser", help="Open the simulator in the browser instead.")]


@app.command()
def quiz(
    name: Annotated[str | None, typer.Argument(help="A chapter's number, or a quiz. None lists them.")] = None,
    browser: _Browser = False,
    stats: Annotated[
        bool, typer.Option("--stats", help="Show what the bank covers and how its keys are proved.")
    ] = False,
) -> None:
    """Answer a quiz. Each answer is followed by the reasons."""
    if stats:
        from workbook.quiz import statistics

        raise typer.Exit(statistics.show())
    _sit(name, practice=True, browser=browser)


@app.command()
def exam(
    name: Annotated[str | None, typer.Argument(help="An exam, such as pro-1. None lists them.")] = None,
    browser: _Browser = False,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="With pro or assoc: draw a new exam by its blueprint.")
    ] = None,
) -> None:
    """Sit an exam: the clock runs while you sit, and reasons come at the end."""
    _sit(name, practice=False, seed=seed, browser=browser)


@app.command()
def review() -> None:
    """Repeat what you missed in quizzes and exams, when it is due."""
    from rich.console import Console

    from workbook.quiz import library
    from workbook.quiz.review import due_form

    console = Console()
    try:
        bank = library.whole_bank()
        form, later = due_form(bank)
    except ValueError as error:
        raise _refuse(error) from None
    if form is not None:
        _ask(form, bank, practice=True)
    elif later is not None:
        console.print(f"Nothing is due before {later.astimezone():%d %B, %H:%M}.", highlight=False)
    else:
        console.print("Nothing was missed yet: `wb quiz` and `wb exam` list what there is.")


@app.command(name="grade")
def grade_(
    folder: Annotated[Path, typer.Argument(help="Answer sheets as they were handed in.")],
    output: Annotated[
        Path | None, typer.Option("-o", metavar="FOLDER", help="Where to write. By default the folder itself.")
    ] = None,
    run_sheets: Annotated[
        bool, typer.Option("--run", help="Execute each sheet with papermill. They are other people's programs.")
    ] = False,
    seconds: Annotated[int, typer.Option(metavar="N", help="With --run: the time limit of each.")] = 120,
) -> None:
    """Grade a class: a gradebook in CSV, and a page with the statistics of every question."""
    from rich.console import Console
    from rich.markup import escape

    from workbook.quiz import gradebook, library

    console = Console()
    try:
        bank, forms = library.whole_bank(), library.read_forms()
        with console.status("reading the sheets") as status:
            rows = gradebook.grade_folder(
                folder,
                bank,
                forms,
                run=run_sheets,
                seconds=seconds,
                told=lambda file: status.update(escape(f"{'running' if run_sheets else 'reading'} {file}")),
            )
        target = output or folder
        target.mkdir(parents=True, exist_ok=True)
        (target / "gradebook.csv").write_text(gradebook.to_csv(rows), encoding="utf-8")
        (target / "gradebook.html").write_text(gradebook.to_html(rows, bank, forms), encoding="utf-8")
    except (ValueError, OSError) as error:
        raise _refuse(error) from None
    for row in rows:
        if row.result is None:
            typer.echo(f"not graded: {row.file}: {row.reason}")
    count = sum(row.result is not None for row in rows)
    typer.echo(f"{count} of {len(rows)} sheets graded: {target / 'gradebook.csv'}, {target / 'gradebook.html'}")


@app.command(name="export")
def export_(
    file: Annotated[
        Path, typer.Argument(help="results.json, results.csv, or deck.apkg: all questions, with keys, for Anki.")
    ],
) -> None:
    """Write your answers to a file, or the questions as a deck for Anki. The ending decides."""
    from workbook.quiz import exchange, library, sittings

    try:
        if file.suffix == ".json":
            found = sittings.every()
            file.write_text(exchange.to_json(found), encoding="utf-8")
        elif file.suffix == ".csv":
            found = sittings.every()
            file.write_text(exchange.to_csv(found, library.whole_bank()), encoding="utf-8")
        elif file.suffix == ".apkg":
            count = exchange.write_anki(library.whole_bank(), file)
            typer.echo(f"{count} questions, with their keys, in {file}")
            return
        else:
            raise _refuse(f"cannot write {file}: the ending has to be .json, .csv or .apkg")
    except (ValueError, OSError) as error:
        raise _refuse(error) from None
    typer.echo(f"{len(found)} sittings in {file}")


@app.command(name="import")
def import_(file: Annotated[Path, typer.Argument(help="A JSON file of `wb export` or of the browser.")]) -> None:
    """Take over answers from another machine or from the browser. What is here already is not doubled."""
    from workbook.quiz import exchange, sittings

    try:
        found = exchange.from_json(file.read_text(encoding="utf-8"))
        changed = sittings.merge(found)
    except (ValueError, OSError) as error:
        raise _refuse(f"{file}: {error}") from None
    typer.echo(f"{changed} of {len(found)} sittings are new")


def _sit(name: str | None, *, practice: bool, seed: int | None = None, browser: bool = False) -> None:
    from rich.console import Console

    from workbook.quiz import library

    console = Console()
    try:
        forms = library.read_forms()
        known = {each.name: each for each in forms.fixed.values() if (each.minutes is None) == practice}
        if name is None and browser:
            _open("")
            return
        if name is None:
            for form in known.values():
                clock = "" if form.minutes is None else f", {form.minutes} min"
                console.print(f"{form.name:14} {form.title} ({len(form.items)} questions{clock})", highlight=False)
            return
        bank = library.whole_bank()
        form = library.form_named(name, known) if seed is None else library.draw(name, seed, bank, forms)
        if browser:
            _open(form.name)
            return
    except ValueError as error:
        raise _refuse(error) from None
    _ask(form, bank, practice=practice)


def _open(name: str) -> None:
    # Only the page needs its maker, which brings lexers and templates.
    from workbook.quiz import simulator

    simulator.open_page(name)


def _ask(form: Form, bank: Bank, *, practice: bool) -> None:
    from rich.console import Console

    from workbook.quiz import terminal

    console = Console()
    sitting = terminal.sit(form, bank, console, practice=practice)
    if sitting is not None:
        terminal.show_result(console, bank, sitting, reasons=not practice)


@app.command()
def progress() -> None:
    """Show which exercises are solved, and how ready you are for each exam."""
    from rich.console import Console

    from workbook.progress import render
    from workbook.quiz import library, readiness, sittings

    console = Console()
    render(console)
    console.print()
    try:
        readiness.show(console, sittings.finished(), library.whole_bank())
    except ValueError as error:
        raise _refuse(error) from None


@app.command()
def doctor() -> None:
    """Show what was found on this machine, what is wrong with it, and what to do."""
    from workbook.doctor import diagnose, show

    raise typer.Exit(show(diagnose()))


@app.command()
def stop() -> None:
    """Stop the local Spark Connect server that WORKBOOK_SPARK=connect started."""
    from lakehouse.session import running_connect_server

    server = running_connect_server()
    if server is None:
        typer.echo("no local Spark Connect server is running")
    else:
        server.close()
        typer.echo(f"stopped the Spark Connect server, process {server.process_id}")


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
        raise _refuse(f"cannot reset {', '.join(unknown)}: choose from {', '.join(_STATE)}")
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
