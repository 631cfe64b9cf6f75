"""A quiz in the terminal: one question after the other, kept as it goes, with the clock in sight."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from rich.console import Console
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from workbook.objectives import DOMAINS, OBJECTIVES
from workbook.quiz import sittings
from workbook.quiz.forms import Form, band
from workbook.quiz.grading import grade, to_repeat
from workbook.quiz.items import LETTERS, shuffled_letters
from workbook.quiz.markup import spans
from workbook.quiz.sealed import Bank, SealedItem
from workbook.quiz.sittings import Sitting

_COMMANDS = "s (skip), f (flag), p (previous), a number (go there), end, or quit (resume later)"


def sit(
    form: Form,
    bank: Bank,
    console: Console,
    *,
    practice: bool,
    ask: Callable[[str], str] = input,
    clock: Callable[[], float] = time.monotonic,
) -> Sitting | None:
    """Ask the questions of a form, from where an earlier go was left.

    Parameters
    ----------
    form, bank
        The bank may hold more than the form asks.
    practice : bool
        Show key and reasons after each answer; otherwise only at the end.
    ask : callable
        Gives the line that is typed.
    clock : callable
        Seconds, rising.

    Returns
    -------
    Sitting or None
        The finished sitting; None after ``quit``: the next call goes on.

    Raises
    ------
    BankError
        When the bank lacks an item of the form.
    """
    asked = bank.only(form.items)
    sitting = sittings.unfinished(form, asked.version)
    if sitting is None:
        sitting = sittings.begin(form, asked.version, seed=random.SystemRandom().randrange(2**31))
    else:
        console.print(
            f"Going on with {form.title}: {sum(map(bool, sitting.answers.values()))} of {len(form.items)} were answered."
        )
    place = next((n for n, item in enumerate(form.items) if not sitting.answers.get(item)), 0)
    while sitting.left != 0:
        item = asked.items[form.items[place]] if place < len(form.items) else None
        order = shuffled_letters(item.id, item.letters, sitting.seed) if item else ""
        if item:
            _show(console, form, sitting, item, order, place)
        else:
            _show_end(console, form, sitting)
        begun = clock()
        try:
            line = ask("> ").strip().lower()
        except (EOFError, KeyboardInterrupt):
            line = "quit"
        spent = clock() - begun
        given, flagged = (sitting.answers.get(item.id, ""), item.id in sitting.flagged) if item else ("", False)
        in_time = sitting.left is None or spent < sitting.left
        letters = _letters(line, item, order) if item and in_time else None
        if item:
            flag = not flagged if line in ("f", "flag") else flagged
            sitting.answer(item.id, given if letters is None else letters, seconds=spent, flagged=flag)
        if line in ("quit", "q"):
            console.print("Kept. The same command goes on from here.")
            return None
        if line == "end" or (item is None and not line):
            break
        if letters is not None and item:
            if practice:
                _explain(console, item, order, letters)
            place += 1
        elif line.isdigit() and 1 <= int(line) <= len(form.items):
            place = int(line) - 1
        elif line in ("p", "previous"):
            place = max(0, place - 1)
        elif line in ("s", "skip", ""):
            place += 1
        elif line not in ("f", "flag") and in_time:
            wanted = f"{item.select} of {', '.join(LETTERS[: len(order)])}, " if item else ""
            console.print(f"[yellow]Type {wanted}{_COMMANDS}[/yellow]")
    if sitting.left == 0:
        console.print("[bold]Time is over.[/bold]")
    sitting.finish()
    return sitting


def show_result(console: Console, bank: Bank, sitting: Sitting, *, reasons: bool) -> None:
    """Print score, band, shares, time, what to repeat, and with ``reasons`` those of the questions that were not right."""
    result = grade(bank.only(sitting.form.items), sitting.answers)
    score = result.score
    console.print(
        f"\n[bold]{sitting.form.title}[/bold]: {score.right} of {score.of} right ({score.percent:.0f} %), "
        f"{band(score.right, score.of)}"
    )
    if result.partial > score.right:
        console.print(f"With partial credit, which the exam does not give: {result.partial:.1f}")
    table = Table("Domain", "Right", box=None, padding=(0, 2, 0, 0))
    for domain, share in result.by_domain.items():
        table.add_row(f"{domain} {DOMAINS[domain]}", f"{share.right} of {share.of}")
    console.print(table)
    _show_time(console, sitting)
    for graded in result.items if reasons else ():
        if not graded.right:
            item = bank.items[graded.id]
            console.rule(f"{item.id}  ·  your answer: {graded.given or 'none'}")
            _show_question(console, item)
            _show_choices(console, item, item.letters, graded.given)
            _explain(console, item, item.letters, graded.given)
    weakest = result.weakest()
    if weakest:
        console.print("Repeat first:")
    for objective in weakest:
        share = result.by_objective[objective]
        sections = to_repeat(bank, result, objective)
        console.print(
            f"  {objective} {OBJECTIVES[objective]} ({share.right} of {share.of}): {', '.join(sections)}",
            highlight=False,
        )
    if weakest:
        console.print("`wb review` asks again what was not right.")


def _show_time(console: Console, sitting: Sitting) -> None:
    seconds = sitting.seconds
    if not sum(seconds.values()):
        return
    slowest = sorted(seconds, key=lambda item: -seconds[item])[:3]
    console.print(
        f"{sum(seconds.values()) / 60:.0f} min in all, {sum(seconds.values()) / len(sitting.form.items):.0f} s for each "
        f"question; longest: {', '.join(f'{item} {seconds[item]:.0f} s' for item in slowest)}",
        highlight=False,
    )


def _letters(line: str, item: SealedItem, order: str) -> str | None:
    """The letters of the bank that a typed line means, None when it is no whole answer to the item."""
    shown = [letter for letter in line.upper() if letter not in " ,"]
    if len(set(shown)) != item.select or len(shown) != item.select or not set(shown) <= set(LETTERS[: len(order)]):
        return None
    return "".join(sorted(order[LETTERS.index(letter)] for letter in shown))


def _show_end(console: Console, form: Form, sitting: Sitting) -> None:
    numbers = list(enumerate(form.items, start=1))
    console.rule("the end")
    for what, found in (
        ("without an answer", [n for n, item in numbers if not sitting.answers.get(item)]),
        ("flagged", [n for n, item in numbers if item in sitting.flagged]),
    ):
        if found:
            console.print(f"{len(found)} {what}: {', '.join(map(str, found))}", highlight=False)
    console.print("Enter ends and grades; a number goes back to a question.")


def _show(console: Console, form: Form, sitting: Sitting, item: SealedItem, order: str, place: int) -> None:
    left = "" if sitting.left is None else f"  ·  {sitting.left / 60:.0f} min left"
    flag = "  ·  flagged" if item.id in sitting.flagged else ""
    console.rule(f"{place + 1} of {len(form.items)}{left}{flag}")
    _show_question(console, item)
    _show_choices(console, item, order, sitting.answers.get(item.id, ""))


def _show_question(console: Console, item: SealedItem) -> None:
    console.print(_prose(item.stem))
    if item.code:
        # Wrapped, because a line that is cut off may hold the answer.
        code = Syntax(item.code.rstrip(), "python", background_color="default", word_wrap=True)
        console.print(Padding(code, (1, 2)))
    if item.ask:
        console.print(_prose(item.ask), style="bold")


def _show_choices(console: Console, item: SealedItem, order: str, given: str) -> None:
    grid = Table.grid(padding=(0, 1))
    for shown, letter in zip(LETTERS, order, strict=False):
        chosen = "*" if letter in given else " "
        grid.add_row(chosen, Text(shown, "bold"), _prose(item.choices[LETTERS.index(letter)].text))
    console.print(grid)


def _explain(console: Console, item: SealedItem, order: str, given: str) -> None:
    right = set(given) == set(item.key())
    console.print("[bold green]Right.[/bold green]" if right else "[bold red]Not right.[/bold red]")
    grid = Table.grid(padding=(0, 1))
    for shown, letter in zip(LETTERS, order, strict=False):
        mark = Text("right", "green") if item.is_right(letter) else Text("wrong", "red")
        grid.add_row(" ", Text(shown, "bold"), mark, _prose(item.reason(letter)))
    console.print(grid)
    console.print(f"  See {item.see}\n", highlight=False)


def _prose(text: str) -> Text:
    found = Text()
    for is_code, piece in spans(text):
        found.append(piece, "cyan" if is_code else "")
    return found
