"""All tests, several runs of pytest side by side."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict, deque
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from xml.etree import ElementTree

from lakehouse.paths import ROOT
from workbook.manifest import manifest

AT_ONCE = 2
SLOWEST = 10


@dataclass
class Tests:
    """A run of pytest, in the environment of this process unless another is given."""

    title: str
    arguments: list[str]
    environment: dict[str, str] | None = None


@dataclass
class _Running:
    """A run of pytest that was started; without a log it prints for itself."""

    title: str
    process: subprocess.Popen[bytes]
    counts: Path
    log: IO[str] | None
    begun: float
    seconds: float = 0.0

    def show(self) -> None:
        """Print the log."""
        if self.log is not None:
            self.log.seek(0)
            print(f"\n=== {self.title} ({self.seconds:.0f} s)\n{self.log.read()}", flush=True)


@dataclass(frozen=True)
class Timed:
    """A test, or a notebook, and how long it took in seconds."""

    seconds: float
    name: str


class Steps:
    """Runs one step after the other, counts their tests and remembers whether one failed."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._passed = self._failed = self._skipped = 0
        self._took: list[Timed] = []

    def everything(self) -> None:
        """Run all tests, two runs at a time on one warm JVM, those that take longest first.

        The solved notebooks share a lake. Chapters run in a random order, so no chapter can depend on what another leaves; a
        project's notebooks follow each other.
        """
        from workbook.runner.run import in_home
        from workbook.runner.warm_spark import WarmJvm

        seed = int(os.environ.get("WORKBOOK_TEST_SEED") or random.randrange(10_000))
        print(f"Chapters in the order of WORKBOOK_TEST_SEED={seed}", flush=True)
        spark = WarmJvm()
        users: list[WarmJvm] = []

        def on_spark(title: str, *arguments: str, **environment: str) -> Tests:
            # Each run talks to the JVM through a gateway of its own.
            users.append(spark.share())
            return Tests(title, [*arguments], {**os.environ, **users[-1].environment(), **environment})

        try:
            with in_home(self._scratch / "home", "classic"):
                # Two runs at a time, and what the sessions of earlier ones have left.
                os.environ.setdefault("WORKBOOK_DRIVER_MEMORY", "3g")
                lake = {"WORKBOOK_HOME": os.environ["WORKBOOK_HOME"], "WORKBOOK_STRICT": "1"}
                nbval = ["--nbval-lax", "--nbval-current-env", "-p", "no:cacheprovider"]
                notebooks = [on_spark(f"Solved: {title}", *nbval, *paths, **lake) for title, paths in _solved(seed)]
                tests = [
                    on_spark("Keys of the questions, by running their choices", "tests/course/test_proofs.py"),
                    on_spark("The platform", "tests/lakehouse"),
                    *notebooks,
                    Tests(
                        "Both engines, on Spark Connect",
                        ["tests", "-m", "both_engines", "-p", "no:cacheprovider"],
                        os.environ | {"WORKBOOK_SPARK": "connect"},
                    ),
                    on_spark("The course", "tests/course", "--ignore", "tests/course/test_proofs.py"),
                    on_spark("The machinery", "tests/workbook"),
                    Tests("Answer sheets", [*nbval, "quizzes"], os.environ | lake),
                    Tests("The exam simulator, in a browser", ["tests/browser"]),
                ]
                self.pytest(*tests, at_once=AT_ONCE)
        finally:
            for user in users:
                user.close()

    def pytest(self, *tests: Tests, at_once: int = 1) -> None:
        """Run pytest, some runs at once. The output of the first is shown as it comes, that of the others at their end.

        A run without a single test is a failure.
        """
        waiting = deque(enumerate(tests))
        running: list[_Running] = []
        silent: list[_Running] = []  # ended, and not shown yet
        with contextlib.ExitStack() as stack:
            while running or waiting:
                if waiting and len(running) < at_once:
                    number, chosen = waiting.popleft()
                    log = None
                    if number == 0:
                        print(f"\n=== {chosen.title}", flush=True)
                    else:
                        log = stack.enter_context(tempfile.TemporaryFile("w+", dir=self._scratch))
                    counts = self._scratch / f"junit-{number}.xml"
                    command = [sys.executable, "-m", "pytest", f"--junitxml={counts}", *chosen.arguments]
                    process = subprocess.Popen(
                        command, cwd=ROOT, env=chosen.environment, stdout=log, stderr=log and subprocess.STDOUT
                    )
                    stack.callback(process.kill)  # for the others, when one cannot be started or Ctrl-C comes
                    running.append(_Running(chosen.title, process, counts, log, time.monotonic()))
                    continue
                for each in [each for each in running if each.process.poll() is not None]:
                    running.remove(each)
                    silent.append(each)
                    each.seconds = time.monotonic() - each.begun
                    self._count(each.process.returncode, each.counts)
                if silent and not any(each.log is None for each in running):
                    for each in silent:
                        each.show()
                    silent.clear()
                    if running:
                        print(f"(running: {', '.join(each.title for each in running)})", flush=True)
                time.sleep(0.1)

    def _count(self, code: int, counts: Path) -> None:
        failed = 0
        if counts.exists():
            root = ElementTree.parse(counts).getroot()
            for suite in root.iter("testsuite"):
                number = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
                failed += number["failures"] + number["errors"]
                self._skipped += number["skipped"]
                self._passed += number["tests"] - number["failures"] - number["errors"] - number["skipped"]
            took: defaultdict[str, float] = defaultdict(float)
            for case in root.iter("testcase"):
                # The tests of a notebook are its cells; what counts is the notebook.
                place, name = case.get("classname", ""), case.get("name", "")
                took[place if place.endswith(".ipynb") else f"{place}::{name}"] += float(case.get("time", 0))
            self._took += [Timed(seconds, name) for name, seconds in took.items()]
            counts.unlink()
        self._failed += failed or (code != 0)

    def command(self, title: str, module: list[str]) -> None:
        """Run a command that either holds or does not."""
        print(f"\n=== {title}", flush=True)
        if subprocess.run([sys.executable, "-m", *module], cwd=ROOT).returncode == 0:
            self._passed += 1
        else:
            self._failed += 1

    def close(self) -> int:
        """Print the slowest tests and the sum, and return the exit code."""
        slowest = sorted(self._took, key=lambda each: -each.seconds)[:SLOWEST]
        if len(self._took) > SLOWEST:
            print(f"\nThe {SLOWEST} slowest:", *(f"{each.seconds:7.1f} s  {each.name}" for each in slowest), sep="\n")
        skipped = f", {self._skipped} skipped" if self._skipped else ""
        print(f"\n{self._passed} passed, {self._failed} failed{skipped}", flush=True)
        return 1 if self._failed else 0


def _solved(seed: int) -> list[tuple[str, list[str]]]:
    """The solved notebooks that run one after the other, with a title: each chapter alone, the notebooks of a project."""
    groups: dict[str, list[str]] = {}
    for notebook in manifest().lessons():
        folder, _, name = notebook.rpartition("/")
        groups.setdefault(name.removesuffix(".ipynb") if folder == "chapters" else folder, []).append(
            f"solutions/{notebook}"
        )
    shuffled = list(groups.items())
    random.Random(seed).shuffle(shuffled)
    return shuffled
