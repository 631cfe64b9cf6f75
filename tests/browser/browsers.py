"""A browser of the Chromium family for tests of pages: one that is there, else one that can be had."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "microsoft-edge-stable",
    "msedge",
)
MAC = tuple(
    f"/Applications/{name}.app/Contents/MacOS/{name}" for name in ("Google Chrome", "Chromium", "Microsoft Edge")
)
#: Seconds that an installation may take.
PATIENCE = 300


def _runs(command: list[str]) -> bool:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _playwrights_own() -> str:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


@dataclass(frozen=True)
class Machine:
    """What the search asks of a machine; tests give it another one."""

    which: Callable[[str], str | None] = shutil.which
    exists: Callable[[str], bool] = os.path.exists
    runs: Callable[[list[str]], bool] = _runs
    playwrights_own: Callable[[], str] = _playwrights_own
    is_root: Callable[[], bool] = _is_root


def find(machine: Machine | None = None) -> str:
    """Path of a browser.

    On PATH, where macOS keeps applications, or playwright's own; else installed by playwright, or by apt for root.

    Raises
    ------
    LookupError
        When there is none and none can be had; the message says what was tried.
    """
    machine = machine or Machine()
    found = _on_path(machine) or next(filter(machine.exists, MAC), None)
    if found:
        return found
    own = machine.playwrights_own()
    if machine.exists(own):
        return own
    tried = "`playwright install chromium`"
    if machine.runs([sys.executable, "-m", "playwright", "install", "chromium"]) and machine.exists(own):
        return own
    if machine.is_root() and machine.which("apt-get"):
        tried += " and `apt-get install chromium`"
        if not machine.runs(["apt-get", "install", "-y", "chromium"]):
            # A fresh image has no lists of packages.
            machine.runs(["apt-get", "update"])
            machine.runs(["apt-get", "install", "-y", "chromium"])
        found = _on_path(machine)
        if found:
            return found
    raise LookupError(f"no Chrome, Chromium or Edge on this machine, and {tried} did not bring one")


def _on_path(machine: Machine) -> str | None:
    return next((found for name in NAMES if (found := machine.which(name))), None)


def options(path: str) -> dict[str, object]:
    """How playwright is to launch it."""
    # Chromium's sandbox refuses root, which containers run as.
    return {"executable_path": Path(path), "args": ["--no-sandbox"] if _is_root() else []}
