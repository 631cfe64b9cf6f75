"""What ``wb progress`` shows of the exercises."""

from __future__ import annotations

from rich.console import Console
from rich.progress_bar import ProgressBar
from rich.table import Table

from workbook.progress import summary


def show(console: Console) -> None:
    """Print the progress of each chapter as a table."""
    chapters = summary()
    if not chapters:
        console.print("There are no exercises yet.")
        return
    table = Table("Chapter", "", "Passed", "Hints read", "Open", box=None, padding=(0, 2, 0, 0))
    for chapter in chapters:
        bar = ProgressBar(total=chapter.total, completed=chapter.passed, width=20)
        table.add_row(
            chapter.chapter, bar, f"{chapter.passed} of {chapter.total}", str(chapter.hints), " ".join(chapter.open)
        )
    console.print(table)
    passed, total = sum(each.passed for each in chapters), sum(each.total for each in chapters)
    console.print(f"{passed} of {total} exercises passed.")
