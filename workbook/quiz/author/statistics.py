"""``wb quiz --stats``: what the bank covers, how its keys are proved, and whether guessing pays."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from workbook.objectives import OBJECTIVES
from workbook.quiz.author.bank import read_bank
from workbook.quiz.author.lint import LEAST_PER_OBJECTIVE, SEED_QUESTIONS, faults_of_bank, faults_of_items, figures


def show(console: Console | None = None) -> int:
    """Print the figures of the authored bank; return 0 when the lint finds no fault, else 1.

    Raises
    ------
    BankError
        When the bank cannot be read.
    """
    console = console or Console()
    bank = read_bank()
    items = [item for chapter in bank.values() for item in chapter]
    found = figures(items)
    chapters = Table(
        "Chapter", "Items", "Executed", "Package", "Documented", "Judgement", box=None, padding=(0, 2, 0, 0)
    )
    for chapter, own in bank.items():
        chapters.add_row(chapter, *map(str, (len(own), *figures(own).tiers.values())))
    chapters.add_row("all", *map(str, (found.items, *found.tiers.values())))
    console.print(chapters)
    console.print(", ".join(f"{kind} {100 * share:.0f} %" for kind, share in found.shares.items()), highlight=False)
    console.print(
        f"key positions of single-select items {found.positions}: chi-square p = {found.p_authored:.2f} as authored, "
        f"{found.p_shuffled:.2f} shuffled; the right choice is the longest in {100 * found.longest:.0f} %",
        highlight=False,
    )
    console.print(f"{len(SEED_QUESTIONS) - len(found.missing_seeds)} of {len(SEED_QUESTIONS)} seed questions stood for")
    objectives = Table("Objective", "Items", "", box=None, padding=(0, 2, 0, 0))
    for objective, count in found.objectives.items():
        mark = "" if count >= LEAST_PER_OBJECTIVE else "too few"
        objectives.add_row(objective, str(count), f"{OBJECTIVES[objective]}  {mark}".strip())
    console.print(objectives)
    faults = faults_of_items(items) + faults_of_bank(items)
    for fault in faults:
        console.print(f"fault: {fault}", highlight=False, markup=False)
    return 1 if faults else 0
