"""``wb plan``: the study plan, from the profile and the progress of today."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lakehouse.errors import InvalidValue
from workbook.cli.app import app, named_by_user


@app.command()
def plan(
    exam: Annotated[str | None, typer.Option(metavar="NAME", help="The exam: pro or assoc.")] = None,
    date: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="The day of the exam.")] = None,
    days: Annotated[str | None, typer.Option(metavar="DAYS", help='Weekdays to study, such as "Tue Thu Sat".')] = None,
    minutes: Annotated[int | None, typer.Option(metavar="N", help="Minutes on such a day.")] = None,
    picture: Annotated[Path | None, typer.Option(metavar="FILE", help="Also draw the plan, as a PNG.")] = None,
) -> None:
    """Show what to study on which day until the exam, from your progress of today. Options change your profile."""
    from rich.console import Console

    from workbook import study
    from workbook.cli import plan_table

    given = {"exam": exam, "exam_date": date, "weekdays": days and days.replace(",", " ").split(), "minutes": minutes}
    changes = {name: value for name, value in given.items() if value is not None}
    profile = study.read_profile()
    if profile is None and date is None:
        raise InvalidValue(
            "there is no profile yet: rate yourself at the end of chapter 01, or give the day of your exam, "
            "wb plan --date YYYY-MM-DD."
        )
    if changes:
        known = profile or study.beginner()
        fields = {name: changes.get(name, getattr(known, name)) for name in given}
        profile = study.keep_profile(known.levels, **fields)
        typer.echo("Saved as your profile.")
    assert profile is not None, "kept or read above"
    plan_table.show(Console(), profile)
    if picture is not None:
        with named_by_user(picture):
            study.calendar(profile).savefig(picture)
        typer.echo(f"Drawn: {picture}")
