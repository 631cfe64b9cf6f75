"""The results of a run's notebooks on disk. Each file is whole or absent, whatever ends a run."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lakehouse.files import write_atomically
from workbook.runner.plan import Notebook


class Store:
    """Results below a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def executed(self, notebook: Notebook) -> Path:
        return self.folder / "notebooks" / notebook.name

    def load(self, notebook: Notebook) -> dict[str, Any] | None:
        return self._read(self.folder / "results" / f"{notebook.name}.json")

    def save(self, notebook: Notebook, key: str, record: Mapping[str, Any]) -> None:
        self._write(self.folder / "results" / f"{notebook.name}.json", {"key": key, **record})

    def lineage(self, group: str) -> list[str]:
        """Keys of the notebooks that made the tables of a group as they are now."""
        return self._read(self.folder / "results" / f"{group}.lineage.json") or []

    def save_lineage(self, group: str, keys: Sequence[str]) -> None:
        self._write(self.folder / "results" / f"{group}.lineage.json", list(keys))

    @staticmethod
    def _read(path: Path) -> Any:
        with contextlib.suppress(FileNotFoundError):
            return json.loads(path.read_bytes())
        return None

    @staticmethod
    def _write(path: Path, content: Any) -> None:
        write_atomically(path, json.dumps(content))
