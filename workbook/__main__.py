"""``python -m workbook``: what ``wb`` runs."""

from __future__ import annotations

from workbook.cli import app

app(prog_name="wb")
