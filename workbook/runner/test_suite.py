"""All tests, several runs of pytest side by side."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from xml.etree import ElementTree

from lakehouse.paths import ROOT

#: Long tests that run beside the others.
_PROOFS, _BROWSER = "tests/course/test_proofs.py", "tests/browser"


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

    def show(self) -> None:
        """Print the log."""
        if self.log is not None:
            self.log.seek(0)
            print(f"\n=== {self.title}\n{self.log.read()}", flush=True)


class Steps:
    """Runs one step after the other, counts their tests and remembers whether one failed."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._passed = self._failed = self._skipped = 0

    def everything(self) -> None:
        """Run all tests, two runs at a time: one alone leaves much of two cores idle."""
        from workbook.runner.run import in_home
        from workbook.runner.warm_spark import WarmJvm

        nbval = ["--nbval-lax", "--nbval-current-env", "-p", "no:cacheprovider"]
        spark = WarmJvm()
        try:
            with in_home(self._scratch / "home", "classic"):
                environment = os.environ | {"WORKBOOK_STRICT": "1"} | spark.environment()
            self.pytest(
                Tests("Tests, classic Spark", ["tests", "--ignore", _PROOFS, "--ignore", _BROWSER]),
                Tests("Solved notebooks, strictly, against their stored outputs", [*nbval, "solutions"], environment),
                Tests("Answer sheets", [*nbval, "quizzes"], environment),
                Tests(
                    "Tests of both engines, Spark Connect",
                    ["tests", "-m", "both_engines", "-p", "no:cacheprovider"],
                    os.environ | {"WORKBOOK_SPARK": "connect"},
                ),
                Tests("Keys of the questions, by running their choices", [_PROOFS]),
                Tests("The exam simulator, in a browser", [_BROWSER]),
                at_once=2,
            )
        finally:
            spark.close()

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
                    running.append(_Running(chosen.title, process, counts, log))
                    continue
                for each in [each for each in running if each.process.poll() is not None]:
                    running.remove(each)
                    silent.append(each)
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
            for suite in ElementTree.parse(counts).getroot().iter("testsuite"):
                number = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
                failed += number["failures"] + number["errors"]
                self._skipped += number["skipped"]
                self._passed += number["tests"] - number["failures"] - number["errors"] - number["skipped"]
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
        """Print the sum and return the exit code."""
        skipped = f", {self._skipped} skipped" if self._skipped else ""
        print(f"\n{self._passed} passed, {self._failed} failed{skipped}", flush=True)
        return 1 if self._failed else 0
