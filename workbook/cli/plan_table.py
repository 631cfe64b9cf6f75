"""What ``wb plan`` shows."""

from __future__ import annotations

import datetime as dt
from itertools import groupby

from rich.console import Console
from rich.table import Table

from workbook.study import Plan, Profile, grade, plan


def show(console: Console, profile: Profile, today: dt.date | None = None) -> None:
    """Print the plan of a profile as a table, one line for each block."""
    now = today or dt.date.today()
    left = (profile.exam_date - now).days
    if left <= 0:
        console.print(
            f"The day of your exam, {profile.exam_date}, is over: wb plan --date YYYY-MM-DD sets another one."
        )
        return
    found = plan(profile, now)
    console.print(
        f"{profile.blueprint.title}, {profile.exam_date:%A %d %B %Y}: {left} days. "
        f"You rated yourself at {grade(profile).percent:.0f} % by the exam's weights.",
        highlight=False,
    )
    if not found.blocks:
        console.print(f"None of the days left is a {', '.join(profile.weekdays)}: wb plan --days names others.")
        return
    console.print(_table(found))
    longer = [block for block in found.blocks if block.kind == "exam" and block.minutes > profile.minutes]
    if longer:
        console.print(f"A full exam takes {longer[0].minutes} minutes in one go: keep these days free for it.")
    if found.left_out:
        missing = ", ".join(work.what for work in found.left_out)
        console.print(f"No time for: {missing}. Another weekday or more minutes help: wb plan --days, --minutes.")


def _table(found: Plan) -> Table:
    table = Table("Day", "What", "Minutes", box=None, padding=(0, 2, 0, 0))
    table.add_column("Command", overflow="fold")
    for day, blocks in groupby(found.blocks, key=lambda block: block.day):
        for number, block in enumerate(blocks):
            table.add_row("" if number else f"{day:%a %d %b}", block.what, str(block.minutes), f"./{block.command}")
    return table
