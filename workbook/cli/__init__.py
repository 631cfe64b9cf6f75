"""The command line, ``wb``. Each command imports what it needs when it runs, so that every one of them starts at once."""

from __future__ import annotations

from workbook.cli import build, course, machine, plan, quiz, test, tracking_ui  # noqa: F401  (each adds its commands)
from workbook.cli.app import app, commands

__all__ = ["app", "commands"]
