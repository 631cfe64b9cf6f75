"""The questions become sealed banks, forms, answer sheets and the page of the simulator."""

from __future__ import annotations

from functools import reduce
from operator import or_
from pathlib import Path

from nbformat import v4

from workbook.build.files import metadata, text_of
from workbook.manifest import Manifest


def quizzes(course: Manifest, target: Path) -> dict[Path, str]:
    """The texts of the files below ``target``, by path; none when there is no question."""
    # Imported here: most builds of most tests have no bank.
    from workbook.quiz import banks, sealed, simulator
    from workbook.quiz.author import fixed_forms, sheets
    from workbook.quiz.author.bank import read_bank

    authored = read_bank(course)
    if not authored:
        return {}
    by_chapter = {chapter: sealed.seal(items) for chapter, items in authored.items()}
    items = [item for own in authored.values() for item in own]
    forms = fixed_forms.all_forms(items, course)
    apart = fixed_forms.not_together(items)
    whole = reduce(or_, by_chapter.values())
    source = f"{course.package}/{fixed_forms.FILE}"
    notebooks = {
        target / f"{form.name}.ipynb": v4.new_notebook(
            cells=sheets.cells(form, whole), metadata=metadata(f"{source}#{form.name}")
        )
        for form in forms
    }
    return {
        **{target / "banks" / f"{chapter}.json": sealed.to_json(bank) for chapter, bank in by_chapter.items()},
        target / "banks" / banks.FORMS: banks.to_json(forms, apart),
        **{path: text_of(sheet) for path, sheet in notebooks.items()},
        target / simulator.FILE: simulator.page(whole, banks.forms_of(forms, apart)),
    }
