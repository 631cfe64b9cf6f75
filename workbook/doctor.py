"""``wb doctor``: what is on this machine, what is wrong with it, and what to do about it.

Nothing here imports a package, so that it works when all of them are missing or broken. For the same reason ``wb`` runs
this file, not its package, and with whatever Python there is.
"""

from __future__ import annotations

import functools
import importlib
import os
import re
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timezone
from importlib.metadata import distributions
from pathlib import Path

# Run as a file, by any Python from 3.8 on: nothing has put the repository on the path.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lakehouse import platform
from lakehouse.files import holder
from lakehouse.findings import Finding
from lakehouse.paths import ROOT, home

GIB = 1024**3
DISK_NEEDED, DISK_WISHED = 1 * GIB, 5 * GIB
MEMORY_NEEDED, MEMORY_WISHED = 3 * GIB, 6 * GIB
OLDEST_CLOCK = datetime(2026, 1, 1, tzinfo=timezone.utc)


def diagnose(root: Path = ROOT, state: Path | None = None) -> list[Finding]:
    """Look at everything that the course needs.

    Parameters
    ----------
    root : Path
        Root of the repository.
    state : Path, optional
        Folder of local state, by default :func:`lakehouse.paths.home`.
    """
    state = state or home()
    looks: dict[str, Callable[[], Finding]] = {"Python": python, "Packages": lambda: packages(root)}
    for part in platform.STAND_INS:
        if part.health:
            found = importlib.import_module(part.health).LOOKS
            looks.update({name: functools.partial(look, state) for name, look in found.items()})
    looks.update(
        {
            "Disk": lambda: disk(state),
            "Memory": memory,
            "Home": lambda: writable(state),
            "Runs": lambda: busy(state),
            "Ports": ports,
            "Clock": lambda: clock(state),
        }
    )
    return [_look(name, look) for name, look in looks.items()]


def _look(name: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except Exception as error:  # what cannot be looked at must not hide what can
        return Finding(name, f"could not be looked at: {type(error).__name__}: {error}", "see the message", True)


def show(findings: list[Finding]) -> int:
    """Print the findings. Return 1 when something is wrong, else 0."""
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        mark = "WRONG" if finding.wrong else "note" if finding.remedy else "ok"
        print(f"{mark:<6} {finding.name:<{width}}  {finding.found}")
        if finding.remedy:
            print(f"{'':<{width + 9}}-> {finding.remedy}")
    wrong = [finding.name for finding in findings if finding.wrong]
    print(f"\nWrong: {', '.join(wrong)}." if wrong else "\nNothing is wrong.")
    return 1 if wrong else 0


def python() -> Finding:
    """The interpreter."""
    found = f"{sys.version.split()[0]} at {sys.executable}"
    if (3, 11) <= sys.version_info[:2] < (3, 13):
        return Finding("Python", found)
    return Finding("Python", found, "the course needs 3.11 or 3.12: delete .venv and run `./wb run`", True)


def packages(root: Path) -> Finding:
    """Whether the installed packages are those of requirements.lock."""
    lock = root / "requirements.lock"
    # A package may be locked more than once: another version for another Python or system.
    locked: dict[str, list[str]] = {}
    for name, pinned in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock.read_text(), re.MULTILINE):
        locked.setdefault(name, []).append(pinned)
    installed = {_canonical(each.metadata["Name"]): each.version for each in distributions() if each.metadata["Name"]}
    # By hand, because a Python before 3.11 cannot read TOML.
    needed = re.search(r"^dependencies = \[(.*?)\]$", (root / "pyproject.toml").read_text(), re.M | re.S)
    names = [_canonical(name) for name in re.findall(r'"([A-Za-z0-9._-]+)', needed[1] if needed else "")]
    missing = [name for name in names if name not in installed]
    other = [
        f"{name} {installed[name]} (locked: {' or '.join(pinned)})"
        for name, pinned in locked.items()
        if name in installed and installed[name] not in pinned
    ]
    if not missing and not other:
        count = sum(name in installed for name in locked)
        return Finding("Packages", f"{count} packages, each with the version of requirements.lock")
    found = "; ".join(
        [f"missing: {', '.join(missing)}"] * bool(missing) + [f"other versions: {', '.join(other)}"] * bool(other)
    )
    return Finding("Packages", found, "delete .venv and run `./wb run` to rebuild the environment", bool(missing))


def disk(state: Path) -> Finding:
    """Room for tables and models."""
    free = shutil.disk_usage(_existing(state)).free
    remedy = "make room: `wb reset runs` deletes what runs left; WORKBOOK_HOME can name a folder on another disk"
    found = f"{free / GIB:.1f} GiB free for {state}"
    if free < DISK_NEEDED:
        return Finding("Disk", found, remedy, True)
    return Finding("Disk", found, remedy if free < DISK_WISHED else "")


def memory() -> Finding:
    """Room for one JVM and one kernel."""
    available = _available_memory()
    if available is None:
        return Finding("Memory", "this system does not tell")
    found = f"{available / GIB:.1f} GiB available"
    if available < MEMORY_NEEDED:
        return Finding("Memory", found, "close other programs, or on WSL2 raise `memory=` in .wslconfig", True)
    return Finding("Memory", found, "do not use --jobs here" if available < MEMORY_WISHED else "")


def _available_memory() -> int | None:
    told = Path("/proc/meminfo")
    if told.exists():
        match = re.search(r"^MemAvailable:\s+(\d+) kB", told.read_text(), re.MULTILINE)
        return int(match[1]) * 1024 if match else None
    if "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def writable(state: Path) -> Finding:
    """Whether the folder of local state can be written to."""
    try:
        with tempfile.TemporaryFile(dir=_existing(state)) as file:
            file.write(b"x")
    except OSError as error:
        remedy = "make it writable (`ls -ld` shows its owner), or set WORKBOOK_HOME to a folder of yours"
        return Finding("Home", f"{state} cannot be written to: {error.strerror}", remedy, True)
    return Finding("Home", str(state))


def busy(state: Path) -> Finding:
    """Whether a run is at work in this home."""
    process = holder(state / "run.lock")
    if process is not None:
        return Finding("Runs", f"process {process} runs the course", "wait for it before you start another")
    return Finding("Runs", "none at work")


def ports() -> Finding:
    """Whether a server can listen on this machine: kernels and Spark talk over 127.0.0.1."""
    try:
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen()
            with socket.create_connection(server.getsockname(), timeout=5):
                pass
    except OSError as error:
        remedy = "allow local connections on 127.0.0.1: a firewall or a VPN may block them"
        return Finding("Ports", f"127.0.0.1 cannot be used: {error}", remedy, True)
    return Finding("Ports", "127.0.0.1 can be used")


def clock(state: Path) -> Finding:
    """Whether the clock runs on: time travel and point-in-time joins go by it."""
    now = datetime.now(timezone.utc)
    found = now.isoformat(timespec="seconds")
    remedy = "set the clock (on WSL2: `sudo hwclock -s`)"
    if now < OLDEST_CLOCK:
        return Finding("Clock", found, remedy, True)
    newest = max((path.stat().st_mtime for path in state.glob("lake/*/*/*/_delta_log")), default=0.0)
    if newest > time.time() + 60:
        ahead = datetime.fromtimestamp(newest, timezone.utc).isoformat(timespec="seconds")
        return Finding("Clock", f"{found}, but a table was written at {ahead}", f"{remedy}, or `wb reset lake`", True)
    return Finding("Clock", found)


def _existing(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.exists())


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(show(diagnose()))
