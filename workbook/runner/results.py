"""What a run was asked for, what each notebook gave, and who follows it while it goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from workbook.runner.plan import Notebook


@dataclass
class Run:
    """What was asked, and what each notebook gave.

    Attributes
    ----------
    notebooks : list of dict
        One record per notebook, in the order of the course: ``notebook`` (path), ``title``, ``group``, ``status``
        (passed, failed, reused, skipped, unfinished), ``seconds``, ``start`` (seconds since the start of the run, None
        if it did not run), ``executed`` (path of the executed notebook) and what :func:`workbook.runner.execute.read` found.
    """

    engine: str
    jobs: int
    unsolved: bool
    parameters: dict[str, str]
    started: datetime
    notebooks: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False

    def count(self, *statuses: str) -> int:
        """Number of notebooks with one of the statuses."""
        return sum(record["status"] in statuses for record in self.notebooks)

    @property
    def exit_code(self) -> int:
        """0 when every notebook passed now or before, 130 after an interruption, else 1."""
        if self.interrupted:
            return 130
        return 0 if self.count("passed", "reused") == len(self.notebooks) else 1


class Watcher:
    """Follows a run. This one says nothing; the command line's draws."""

    def begin(self, notebooks: Sequence[Notebook]) -> None: ...

    def start(self, notebook: Notebook) -> None: ...

    def cell(self, notebook: Notebook, index: int) -> None: ...

    def done(self, record: Mapping[str, Any]) -> None: ...

    def end(self) -> None: ...
