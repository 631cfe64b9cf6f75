"""Quizzes, exams, and what the learner has done.

``wb quiz``, ``exam``, ``review``, ``progress``, ``grade``, ``export``, ``import``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lakehouse.errors import InvalidValue
from lakehouse.files import write_atomically
from workbook.cli.app import app, named_by_user

if TYPE_CHECKING:
    from workbook.quiz.forms import Form
    from workbook.quiz.sealed import Bank

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
        from workbook.quiz.author import statistics

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

    from workbook.quiz import banks
    from workbook.quiz.review import due_form

    console = Console()
    bank = banks.whole_bank()
    form, later = due_form(bank)
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

    from workbook.quiz import banks, gradebook

    console = Console()
    bank, forms = banks.whole_bank(), banks.read_forms()
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
    with named_by_user(target):
        write_atomically(target / "gradebook.csv", gradebook.to_csv(rows))
        write_atomically(target / "gradebook.html", gradebook.to_html(rows, bank, forms))
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
    from workbook.quiz import banks, exchange, sittings

    if file.suffix not in (".json", ".csv", ".apkg"):
        raise InvalidValue(f"cannot write {file}: the ending has to be .json, .csv or .apkg")
    with named_by_user(file):
        if file.suffix == ".apkg":
            count = exchange.write_anki(banks.whole_bank(), file)
            typer.echo(f"{count} questions, with their keys, in {file}")
            return
        found = sittings.every()
        as_json = file.suffix == ".json"
        file.write_text(
            exchange.to_json(found) if as_json else exchange.to_csv(found, banks.whole_bank()), encoding="utf-8"
        )
    typer.echo(f"{len(found)} sittings in {file}")


@app.command(name="import")
def import_(file: Annotated[Path, typer.Argument(help="A JSON file of `wb export` or of the browser.")]) -> None:
    """Take over answers from another machine or from the browser. What is here already is not doubled."""
    from workbook.quiz import exchange, sittings

    with named_by_user(file):
        text = file.read_text(encoding="utf-8")
    try:
        found = exchange.from_json(text)
    except exchange.ExchangeError as error:
        raise InvalidValue(f"{file}: {error}") from None
    changed = sittings.merge(found)
    typer.echo(f"{changed} of {len(found)} sittings are new")


def _sit(name: str | None, *, practice: bool, seed: int | None = None, browser: bool = False) -> None:
    from rich.console import Console

    from workbook.quiz import banks

    console = Console()
    forms = banks.read_forms()
    known = {each.name: each for each in forms.fixed.values() if (each.minutes is None) == practice}
    if name is None and browser:
        _open("")
        return
    if name is None:
        for form in known.values():
            clock = "" if form.minutes is None else f", {form.minutes} min"
            console.print(f"{form.name:14} {form.title} ({len(form.items)} questions{clock})", highlight=False)
        return
    bank = banks.whole_bank()
    form = banks.form_named(name, known) if seed is None else banks.draw(name, seed, bank, forms)
    if browser:
        _open(form.name)
        return
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

    from workbook.cli import progress_table
    from workbook.quiz import banks, readiness, sittings

    console = Console()
    progress_table.show(console)
    console.print()
    readiness.show(console, sittings.finished(), banks.whole_bank())
