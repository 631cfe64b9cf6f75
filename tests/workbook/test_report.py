"""The report's page, on made-up records."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from workbook.runner import report
from workbook.runner.run import Run

PIXEL = "data:image/png;base64,iVBORw0KGgo="


def record(name: str, status: str, **more: Any) -> dict[str, Any]:
    return {
        "notebook": f"solutions/chapters/{name}.ipynb",
        "title": f"Title of {name}",
        "group": f"chapters/{name}",
        "status": status,
        "seconds": 3.0,
        "start": 0.0,
        "cells": 4,
        "checks": {"pass": 0, "fail": 0, "error": 0, "todo": 0, "results": []},
        "metrics": {},
        "pictures": [],
        "error": None,
        "executed": f"/nowhere/{name}.ipynb",
    } | more


@pytest.fixture
def finished(tmp_path: Path) -> Run:
    executed = tmp_path / "run" / "01.ipynb"
    executed.parent.mkdir()
    executed.touch()
    check = {"exercise": "1.2", "outcome": "fail", "message": "use <=, not <", "cell": 2}
    error = {"cell": 2, "ename": "ValueError", "evalue": "a & b", "source": "f('<b>')", "traceback": "line\n" * 500}
    return Run(
        engine="classic",
        jobs=1,
        unsolved=False,
        parameters={"country": "<script>alert(1)</script>"},
        started=datetime(2026, 11, 21, 9, 30, tzinfo=UTC),
        seconds=61.2,
        notebooks=[
            record(
                "01", "passed", executed=str(executed), metrics={"auc": 0.87654321, "rows": 12000}, pictures=[PIXEL]
            ),
            record("02", "failed", error=error, checks=record("", "")["checks"] | {"fail": 1, "results": [check]}),
            record("03", "skipped", seconds=0.0, start=None, reason="02 failed, and this notebook builds on it"),
        ],
    )


@pytest.fixture
def page(finished: Run, tmp_path: Path) -> str:
    return report.write(finished, tmp_path / "report", {"python": "3.11"}).read_text()


def test_the_page_needs_nothing_else(page: str):
    assert not re.search(r'(src|href)="(https?:)?//', page)
    assert not re.search(r"<(script|link)\b|@import|url\(", page)
    assert f'src="{PIXEL}"' in page


def test_everything_is_escaped(page: str):
    for raw, escaped in [
        ("<script>alert", "&lt;script&gt;alert"),
        ("f('<b>')", "f(&#39;&lt;b&gt;&#39;)"),
        ("use <=, not <", "use &lt;=, not &lt;"),
        ("a & b", "a &amp; b"),
    ]:
        assert raw not in page
        assert escaped in page


def test_it_says_what_people_look_for(page: str):
    assert "1 of 3 notebooks passed" in page
    assert "1 min 01 s" in page
    assert "Cell 2: ValueError" in page
    assert "02 failed, and this notebook builds on it" in page
    assert re.search(r"<td>auc</td><td>0\.8765</td>", page)
    assert re.search(r"<td>rows</td><td>12,000</td>", page)
    assert 'href="../run/01.ipynb"' in page
    assert page.count("<svg") == 3
    assert "prefers-color-scheme: dark" in page
    assert '<meta name="viewport"' in page


def test_a_long_traceback_is_cut(page: str):
    assert page.count("line\n") <= report.MOST_LINES + 1


def test_json_holds_the_same_facts_without_pictures(finished: Run, page: str, tmp_path: Path):
    facts = json.loads((tmp_path / "report" / "report.json").read_text())
    assert facts["passed"] is False
    assert facts["versions"] == {"python": "3.11"}
    assert [each["status"] for each in facts["notebooks"]] == ["passed", "failed", "skipped"]
    assert [each["executed"] for each in facts["notebooks"]] == ["../run/01.ipynb", None, None]
    assert {"notebook", "status", "seconds", "checks", "metrics", "error"} <= set(facts["notebooks"][0])
    assert "pictures" not in facts["notebooks"][0]


@pytest.mark.parametrize(
    ("statuses", "interrupted", "code"),
    [
        (["passed", "reused"], False, 0),
        (["passed", "failed"], False, 1),
        (["passed", "skipped"], False, 1),
        (["passed", "unfinished"], True, 130),
    ],
)
def test_exit_code(finished: Run, statuses: list[str], interrupted: bool, code: int):
    finished.notebooks = [record(str(number), status) for number, status in enumerate(statuses)]
    finished.interrupted = interrupted
    assert finished.exit_code == code


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.6, "1 min 00 s"), (125, "2 min 05 s")]
)
def test_durations_read_as_people_say_them(seconds: float, text: str):
    assert report.duration(seconds) == text
