"""Run the course: every notebook through papermill on a warm Spark, with results that are reused while they hold.

A run has its own lake, model registry and progress in ``<home>/run``, so it never touches a learner's. There,
``results/`` holds one file per notebook, written when the notebook ends: whatever ends a run, the next one goes on
from the notebooks that are done.
"""

from __future__ import annotations

import contextlib
import functools
import os
import queue
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import TYPE_CHECKING, Any

from lakehouse import platform
from lakehouse.errors import InvalidValue
from lakehouse.files import locked_or_refused
from workbook.runner import plan
from workbook.runner.keys import keys as keys_of
from workbook.runner.plan import Notebook
from workbook.runner.results import Run, Watcher
from workbook.runner.store import Store

if TYPE_CHECKING:
    from workbook.runner.kernel import Kernel
    from workbook.runner.warm_spark import Spark

ENGINES = ("classic", "connect", "remote")
PRELOAD = ("pyspark.sql", "pyspark.ml", "pandas", "sklearn", "mlflow", "matplotlib.pyplot", "lakehouse.spark")
REPORTED_VERSIONS = ("pyspark", "delta-spark", "mlflow", "pandas", "scikit-learn")

_OWN_VARIABLES = ("SPARK_REMOTE", "WORKBOOK_SPARK", "PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET")


def run(
    root: Path,
    home: Path,
    *,
    only: Sequence[str] = (),
    parameters: Sequence[str] = (),
    unsolved: bool = False,
    engine: str = "classic",
    jobs: int = 1,
    fresh: bool = False,
    spark: Callable[[], Spark] | None = None,
    preload: Sequence[str] = PRELOAD,
    watcher: Watcher | None = None,
) -> Run:
    """Run the notebooks whose results are missing or out of date, and write the report.

    Parameters
    ----------
    root : Path
        Root of the repository.
    home : Path
        Folder of local state. The kernels work in ``home/run``; the report goes to ``home/report``.
    only, unsolved
        Which notebooks: see :func:`workbook.runner.plan.select` and :func:`workbook.runner.plan.discover`.
    parameters : sequence of str
        ``name=value``: see :func:`workbook.runner.plan.bind`.
    engine : {"classic", "connect", "remote"}
        Own JVM, own Spark Connect server, or the cluster that SPARK_REMOTE or WORKBOOK_MASTER names.
    jobs : int
        Groups of notebooks that run side by side, on one JVM.
    fresh : bool
        Empty ``home/run`` first.
    spark : callable, optional
        Makes the Spark of a worker; by default the one of the engine.
    preload : sequence of str
        Modules that a kernel imports ahead.
    watcher : Watcher, optional
        Receives progress, from several threads.

    Raises
    ------
    InvalidValue
        A bad argument, before anything starts: unknown notebook, parameter, type or engine.
    Unavailable
        Another run is at work in the same home.
    """
    if engine not in ENGINES:
        raise InvalidValue(f"--engine must be one of {', '.join(ENGINES)}, not {engine!r}")
    if jobs < 1:
        raise InvalidValue(f"--jobs must be 1 or more, not {jobs}")
    root, home = root.resolve(), home.resolve()
    notebooks = plan.select(plan.discover(root, unsolved=unsolved), only)
    bound = plan.bind(notebooks, parameters)
    keys = keys_of(notebooks, bound, root=root, engine=engine)
    result = Run(engine, jobs, unsolved, dict(pair.split("=", 1) for pair in parameters), datetime.now().astimezone())
    watcher = watcher or Watcher()
    with locked_or_refused(home / "run.lock", f"runs the course in {home}"):
        if fresh:
            _empty(home / "run")
        store = Store(home / "run")
        course = _Course(notebooks, bound, keys, store, watcher, unsolved=unsolved)
        watcher.begin(notebooks)
        course.announce()
        if course.pending:
            with in_home(home / "run", engine), _terminable():
                result.interrupted = not course.execute(spark or _spark_of(engine), jobs, preload)
        watcher.end()
        result.notebooks = course.records()
        result.seconds = round(time.monotonic() - course.begun, 3)
        # Imported here: a refused command should not wait for Jinja.
        from workbook.runner import report

        report.write(result, home / "report", versions())
    return result


def versions() -> dict[str, str]:
    """Return the versions that a report names: Python, Java and the main packages that are installed."""
    found = {"python": python_version()}
    release = Path(os.environ.get("JAVA_HOME", "/nowhere")) / "release"
    if release.exists():
        lines = dict(line.partition("=")[::2] for line in release.read_text().splitlines())
        found["java"] = lines.get("JAVA_VERSION", "").strip('"')
    for package in REPORTED_VERSIONS:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


class _Course:
    """The notebooks of a run by group, and what is known of each."""

    def __init__(
        self,
        notebooks: Sequence[Notebook],
        bound: Mapping[str, Mapping[str, Any]],
        keys: Mapping[str, str],
        store: Store,
        watcher: Watcher,
        *,
        unsolved: bool,
    ) -> None:
        self.notebooks, self.bound, self.keys = notebooks, bound, keys
        self.store, self.watcher, self.unsolved = store, watcher, unsolved
        self.begun = time.monotonic()
        self._records: dict[str, dict[str, Any]] = {}
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        groups: dict[str, list[Notebook]] = {}
        for notebook in notebooks:
            groups.setdefault(notebook.group, []).append(notebook)
        self.pending = {group: self._outdated(members) for group, members in groups.items()}
        self.pending = {group: members for group, members in self.pending.items() if members}
        self._left = sum(map(len, self.pending.values()))

    def _outdated(self, group: list[Notebook]) -> list[Notebook]:
        """Note the results of a group that still hold, and return the notebooks that must run."""
        held: list[dict[str, Any]] = []
        for notebook in group:
            stored = self.store.load(notebook)
            if stored is None or stored.pop("key") != self.keys[notebook.name] or stored["status"] != "passed":
                break
            if not self.store.executed(notebook).exists():
                break
            held.append(stored)
        # The next notebook reads the tables of those before it. If another run has changed them since (one with other
        # parameters, say), their results still hold and their tables do not.
        before = [self.keys[notebook.name] for notebook in group[: len(held)]]
        if len(held) < len(group) and self.store.lineage(group[0].group)[: len(held)] != before:
            held = []
        for notebook, stored in zip(group, held, strict=False):
            self._records[notebook.name] = stored | {"status": "reused", "start": None}
        return group[len(held) :]

    def announce(self) -> None:
        """Tell the watcher which results are reused."""
        for notebook in self.notebooks:
            if notebook.name in self._records:
                self.watcher.done(self._records[notebook.name])

    def execute(self, spark: Callable[[], Spark], jobs: int, preload: Sequence[str]) -> bool:
        """Run what is pending. Return whether it came to its end."""
        groups: queue.SimpleQueue[list[Notebook]] = queue.SimpleQueue()
        for members in self.pending.values():
            groups.put(members)
        from workbook.runner.kernel import prepare

        prepare(preload)
        workers = [_Worker(self, groups, spark(), preload) for _ in range(min(jobs, len(self.pending)))]
        try:
            for worker in workers:
                worker.start()
            for worker in workers:
                while worker.is_alive():
                    worker.join(0.2)
        except KeyboardInterrupt:
            self._stopped.set()
            for worker in workers:
                worker.abort()
            return False
        for worker in workers:
            if worker.failure is not None:
                raise worker.failure
        return True

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def claim(self) -> bool:
        """Count down by one notebook; return whether another remains for which a kernel is worth starting."""
        with self._lock:
            self._left -= 1
            return self._left > 0

    def finish(self, notebook: Notebook, record: dict[str, Any]) -> None:
        """Keep the record of a notebook, on disk too if it was executed."""
        if self.stopped:
            return
        record = self._base(notebook) | record
        if record["status"] != "skipped":
            self.store.save(notebook, self.keys[notebook.name], record)
        self._records[notebook.name] = record
        self.watcher.done(record)

    def records(self) -> list[dict[str, Any]]:
        """Return a record for every notebook, in the order of the course."""
        unfinished = {"status": "unfinished", "seconds": 0.0, "start": None}
        return [self._records.get(each.name) or self._base(each) | unfinished for each in self.notebooks]

    def _base(self, notebook: Notebook) -> dict[str, Any]:
        return {
            "notebook": notebook.name,
            "title": notebook.title,
            "group": notebook.group,
            "cells": 0,
            "checks": {"pass": 0, "fail": 0, "error": 0, "todo": 0, "results": []},
            "metrics": {},
            "pictures": [],
            "error": None,
            "executed": str(self.store.executed(notebook)),
        }


class _Worker(threading.Thread):
    """Takes one group after the other. Has one Spark, and always one kernel ahead."""

    def __init__(
        self, course: _Course, groups: queue.SimpleQueue[list[Notebook]], spark: Spark, preload: Sequence[str]
    ) -> None:
        super().__init__(daemon=True)
        self._course, self._groups, self._spark, self._preload = course, groups, spark, preload
        self._kernels: list[Kernel] = []
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            # Java starts while this process imports papermill and the first kernel what notebooks import.
            with ThreadPoolExecutor(1) as ahead:
                ready = ahead.submit(self._spark.environment)
                self._kernel_ahead()
                ready.result()
            while not self._course.stopped:
                try:
                    group = self._groups.get_nowait()
                except queue.Empty:
                    break
                self._run_group(group)
        except Exception as error:
            # After an abort, errors only say that things were torn down. Otherwise the main thread raises it.
            self.failure = None if self._course.stopped else error
        finally:
            if not self._course.stopped:
                self._tear_down()

    def _run_group(self, group: list[Notebook]) -> None:
        course = self._course
        lineage = [course.keys[each.name] for each in course.notebooks if each.group == group[0].group]
        done = len(lineage) - len(group)
        failed: Notebook | None = None
        for position, notebook in enumerate(group, start=done):
            if course.stopped:
                return
            another = course.claim()
            if failed is not None:
                reason = f"{failed.path.stem} failed, and this notebook builds on it"
                course.finish(notebook, {"status": "skipped", "seconds": 0.0, "start": None, "reason": reason})
                continue
            # From here on the tables are those of the notebooks before, and perhaps half of this one.
            course.store.save_lineage(notebook.group, lineage[:position])
            course.watcher.start(notebook)
            begun = time.monotonic()
            found = self._execute(notebook, another=another)
            if found["error"] and not self._spark.alone() and not course.stopped:
                # A notebook beside this one may have broken the Spark of both.
                self._spark.discard()
                self._kernel_ahead()
                found = self._execute(notebook, another=False)
            found["error"] = found["error"] or _refused(found["checks"]["results"], unsolved=course.unsolved)
            status = "failed" if found["error"] else "passed"
            seconds = round(time.monotonic() - begun, 3)
            course.store.save_lineage(notebook.group, lineage[: position + 1])
            course.finish(
                notebook, {"status": status, "seconds": seconds, "start": round(begun - course.begun, 3), **found}
            )
            if status == "failed":
                failed = notebook
                # Whatever made it fail may still be in there: streams, settings, a stopped context.
                self._spark.discard()

    def _execute(self, notebook: Notebook, *, another: bool) -> dict[str, Any]:
        from workbook.runner.execute import execute

        course = self._course
        kernel = self._kernels[0]
        kernel.enter(notebook.folder, self._spark.environment())
        if another:
            self._kernel_ahead()
        found = execute(
            notebook,
            course.bound[notebook.name],
            kernel,
            course.store.executed(notebook),
            functools.partial(course.watcher.cell, notebook),
        )
        self._kernels.remove(kernel)
        kernel.close()
        return found

    def _kernel_ahead(self) -> None:
        from workbook.runner.kernel import Kernel

        self._course.store.folder.mkdir(parents=True, exist_ok=True)
        self._kernels.append(Kernel(os.environ, self._preload, self._course.store.folder / "kernels.log"))

    def abort(self) -> None:
        """Kill what this worker started. Called by the main thread."""
        for kernel in list(self._kernels):
            kernel.kill()
        self._spark.close()

    def _tear_down(self) -> None:
        for kernel in self._kernels:
            kernel.close()
        self._spark.close()


def _refused(results: Sequence[Mapping[str, Any]], *, unsolved: bool) -> dict[str, Any] | None:
    """Return the first check that makes a notebook fail: in a solution whatever is not a pass, else what is wrong."""
    accepted = ("pass", "todo") if unsolved else ("pass",)
    for check in results:
        if check["outcome"] not in accepted:
            return {
                "cell": check["cell"],
                "ename": f"check {check['exercise']}: {check['outcome']}",
                "evalue": check["message"],
                "source": "",
                "traceback": "",
            }
    return None


def _spark_of(engine: str) -> Callable[[], Spark]:
    from workbook.runner import warm_spark

    if engine == "classic":
        return warm_spark.WarmJvm().share
    if engine == "connect":
        return warm_spark.WarmServer().share
    return warm_spark.OtherSpark


def _empty(folder: Path) -> None:
    """Delete what earlier runs left, and end a server that a killed run left behind with it."""
    with in_home(folder, "connect"):
        for server in platform.servers():
            server.stop()
    if folder.exists():
        shutil.rmtree(folder)


@contextlib.contextmanager
def in_home(home: Path, engine: str) -> Iterator[None]:
    """Give this process, and so the JVM and the kernels it starts, the run's own home and the wanted engine."""
    saved = dict(os.environ)
    os.environ["WORKBOOK_HOME"] = str(home)
    if engine != "remote":
        for name in (*_OWN_VARIABLES, "WORKBOOK_MASTER"):
            os.environ.pop(name, None)
    if engine == "connect":
        os.environ["WORKBOOK_SPARK"] = "connect"
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved)


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Let `kill` and a closed terminal end a run as Ctrl-C does, and Ctrl-C also where a shell has turned it off."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    saved = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # `nohup wb run` goes on
        saved[signal.SIGHUP] = signal.signal(signal.SIGHUP, interrupt)
    try:
        yield
    finally:
        for number, handler in saved.items():
            signal.signal(number, handler)
