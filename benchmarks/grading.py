"""`wb grade` on a class of answer sheets, without running them, against parsing their JSON alone."""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from pathlib import Path

import nbformat
from nbformat import v4

from workbook.quiz import banks, gradebook
from workbook.quiz.author import sheets
from workbook.quiz.items import LETTERS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sheets", type=int, default=1000)
    parser.add_argument("--form", default="pro-1")
    asked = parser.parse_args()
    bank, forms = banks.whole_bank(), banks.read_forms()
    form = banks.form_named(asked.form, forms.fixed)
    items = bank.only(form.items)
    chance = random.Random(1)
    with tempfile.TemporaryDirectory(prefix="workbook-bench-") as folder:
        blank = nbformat.writes(v4.new_notebook(cells=sheets.cells(form, bank)))
        for number in range(asked.sheets):
            notebook = json.loads(blank)
            answers = {
                item.id: "".join(sorted(chance.sample(LETTERS[: len(item.choices)], item.select)))
                for item in items.items.values()
            }
            parameters = f'quiz = "{form.name}"\nversion = "{items.version}"\nstudent = "{number}"\nanswers = {answers}'
            notebook["cells"][1]["source"] = parameters.splitlines(keepends=True)
            Path(folder, f"{number:04}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
        begin = time.perf_counter()
        size = 0
        for path in Path(folder).glob("*.ipynb"):
            size += path.stat().st_size
            json.loads(path.read_text(encoding="utf-8"))
        parsed = time.perf_counter() - begin
        begin = time.perf_counter()
        rows = gradebook.grade_folder(Path(folder), bank, forms)
        table, page = gradebook.to_csv(rows), gradebook.to_html(rows, bank, forms)
        graded = time.perf_counter() - begin
    assert all(row.result for row in rows)
    print(f"{len(rows)} sheets of {len(form.items)} items, {size / 1e6:.0f} MB; page of {len(page) / 1e6:.1f} MB")
    print(
        f"parse their JSON {parsed:.1f} s, wb grade {graded:.1f} s, ratio {graded / parsed:.1f}; {len(table)} characters of CSV"
    )


if __name__ == "__main__":
    main()
