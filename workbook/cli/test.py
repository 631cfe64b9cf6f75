"""``wb test``."""

from __future__ import annotations

import tempfile
from importlib.util import find_spec
from pathlib import Path

import typer

from workbook.cli.app import HANDED_ON, app


@app.command(context_settings=HANDED_ON)
def test(context: typer.Context) -> None:
    """Run every test. With arguments, which pytest gets, run only the tests of tests/."""
    from workbook.runner.test_suite import Steps, Tests

    chosen = context.args
    with tempfile.TemporaryDirectory() as scratch:
        steps = Steps(Path(scratch))
        if chosen:
            steps.pytest(Tests("Tests, classic Spark", ["tests", *chosen]))
        else:
            steps.everything()
            if find_spec("ruff"):
                steps.command("Lint", ["ruff", "check", "."])
                steps.command("Format", ["ruff", "format", "--check", "."])
            if find_spec("mypy"):
                steps.command("Types", ["mypy", "lakehouse", "workbook", "course"])
            steps.command("Generated files match their sources", ["workbook", "build", "--check"])
    raise typer.Exit(steps.close())
