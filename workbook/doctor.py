"""``wb doctor``: what is on this machine, what is wrong with it, and what to do about it.

Nothing here imports Spark or MLflow, so that it works when these are missing or broken. For the same reason ``wb`` runs
this file and not its package.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path

from lakehouse.home import ROOT, home

GIB = 1024**3
DISK_NEEDED, DISK_WISHED = 1 * GIB, 5 * GIB
MEMORY_NEEDED, MEMORY_WISHED = 3 * GIB, 6 * GIB
JAVA_NEEDED, JAVA_TRIED = 17, 21
OLDEST_CLOCK = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    name, found : str
        What was looked at, and what is there.
    remedy : str
        What to do; empty when all is well.
    wrong : bool
        Whether the course cannot be expected to work. A remedy without it is advice.
    """

    name: str
    found: str
    remedy: str = ""
    wrong: bool = False


def diagnose(root: Path = ROOT, state: Path | None = None) -> list[Finding]:
    """Look at everything that the course needs.

    Parameters
    ----------
    root : Path
        Root of the repository.
    state : Path, optional
        Folder of local state, by default :func:`lakehouse.home.home`.
    """
    state = state or home()
    looks: dict[str, Callable[[], Finding]] = {
        "Python": python,
        "Packages": lambda: packages(root),
        "Java": java,
        "Delta jars": lambda: delta_jars(root),
        "Disk": lambda: disk(state),
        "Memory": memory,
        "Home": lambda: writable(state),
        "Runs": lambda: busy(state),
        "Lake": lambda: tables(state / "lake"),
        "Ports": ports,
        "Clock": lambda: clock(state),
    }
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
    needed = tomllib.loads((root / "pyproject.toml").read_text())["project"]["dependencies"]
    names = [_canonical(re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]) for requirement in needed]
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
    return Finding("Packages", found, "delete .venv and run `./wb run` to make the environment anew", bool(missing))


def java() -> Finding:
    """The Java that Spark would start."""
    named = os.environ.get("JAVA_HOME")
    binary = str(Path(named) / "bin" / "java") if named else shutil.which("java")
    remedy = (
        "`./wb run` downloads one; or install it: openjdk-17-jre-headless (Debian, Ubuntu, WSL2), "
        "java-21-openjdk-headless (Fedora), `brew install --cask temurin@17` (macOS)"
    )
    if binary is None:
        return Finding("Java", "none", remedy, True)
    where = f"JAVA_HOME={named}" if named else binary
    try:
        told = subprocess.run([binary, "-version"], capture_output=True, text=True, timeout=60)
    except OSError as error:
        return Finding("Java", f"{where} does not run ({error.strerror})", f"unset JAVA_HOME, or {remedy}", True)
    number = re.search(r'version "(\d+)(?:\.(\d+))?[^"]*"', told.stderr)
    if told.returncode or number is None:
        return Finding("Java", f"{where} does not run: {told.stderr[:200].strip()}", remedy, True)
    major = int(number[2] or 0) if number[1] == "1" else int(number[1])
    if major < JAVA_NEEDED:
        return Finding("Java", f"{major} ({where}); Spark needs {JAVA_NEEDED}", remedy, True)
    if major > JAVA_TRIED:
        return Finding("Java", f"{major} ({where})", f"if Spark does not start, use {JAVA_NEEDED} or {JAVA_TRIED}")
    return Finding("Java", f"{major} ({where})")


def delta_jars(root: Path) -> Finding:
    """Whether Delta's jars for the installed delta-spark are there, so that Spark starts without a network."""
    try:
        wanted = version("delta-spark")
    except PackageNotFoundError:
        return Finding("Delta jars", "delta-spark is not installed", "run `./wb run`", True)
    folder = root / ".workbook" / "jars" / f"delta-{wanted}"
    jars = sorted(folder.glob("*.jar"))
    if not folder.is_dir():
        return Finding("Delta jars", "not downloaded yet", "the first start of Spark downloads them (needs a network)")
    if not jars or any(jar.stat().st_size == 0 for jar in jars):
        return Finding("Delta jars", f"{folder} is incomplete", f"delete {folder}; the next start downloads it", True)
    return Finding("Delta jars", f"{len(jars)} for Delta {wanted}")


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
    lock = state / "run.lock"
    if lock.exists():
        with lock.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return Finding("Runs", f"process {file.read()} runs the course", "wait for it before you start another")
    return Finding("Runs", "none at work")


def tables(lake: Path) -> Finding:
    """Whether every table of the lake has a first commit. A kill while a table is made leaves one that has none."""
    good: list[Path] = []
    half: list[Path] = []
    for table in sorted(lake.glob("*/*/*")):
        if table.is_dir() and not table.name.startswith((".", "_")):
            (good if any(_commits(table / "_delta_log")) else half).append(table)
    if half:
        places = ", ".join(str(table.relative_to(lake)) for table in half[:5])
        remedy = f"delete these folders under {lake}: they hold no table, and a new one could not be made there"
        return Finding("Lake", f"{len(half)} half-written: {places}", remedy, True)
    return Finding("Lake", f"{len(good)} tables in {lake}" if lake.exists() else f"{lake} does not exist yet")


def _commits(log: Path) -> Iterator[Path]:
    for path in log.glob("*"):
        if re.fullmatch(r"\d{20}(\.json|\.checkpoint.*\.parquet)", path.name) and path.stat().st_size:
            yield path


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
    now = datetime.now(UTC)
    found = now.isoformat(timespec="seconds")
    remedy = "set the clock (on WSL2: `sudo hwclock -s`)"
    if now < OLDEST_CLOCK:
        return Finding("Clock", found, remedy, True)
    newest = max((path.stat().st_mtime for path in state.glob("lake/*/*/*/_delta_log")), default=0.0)
    if newest > time.time() + 60:
        ahead = datetime.fromtimestamp(newest, UTC).isoformat(timespec="seconds")
        return Finding("Clock", f"{found}, but a table was written at {ahead}", f"{remedy}, or `wb reset lake`", True)
    return Finding("Clock", found)


def _existing(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.exists())


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(show(diagnose()))
