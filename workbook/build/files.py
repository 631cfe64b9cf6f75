"""The files that a build writes, and the mark that says what a notebook is made from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def metadata(source: str) -> dict[str, Any]:
    """The metadata of a notebook that is made from ``source``, a path below the root."""
    return {**_METADATA, "workbook": {"source": source}}


def source_of(text: str) -> str | None:
    """The source that the text of a notebook names; None for a notebook that no build has made."""
    try:
        return str(json.loads(text)["metadata"]["workbook"]["source"])
    except (ValueError, KeyError, TypeError):
        return None


def text_of(notebook: NotebookNode) -> str:
    """The text of a notebook's file."""
    return str(nbformat.writes(notebook, version=nbformat.NO_CONVERT)) + "\n"


def generated(root: Path, folders: tuple[str, ...]) -> dict[Path, str | None]:
    """Files below these folders that a build may have written, now or earlier, with the source that a notebook names."""
    found: dict[Path, str | None] = dict.fromkeys(sorted((root / "quizzes" / "banks").glob("[0-9][0-9]_*.json")))
    for folder in folders:
        for path in sorted((root / folder).rglob("*.ipynb")):
            if not any(part.startswith(".") for part in path.relative_to(root).parts):
                # Without a source it is somebody's own; damaged, it is rewritten as stale if there is a source for it.
                source = source_of(path.read_text(encoding="utf-8"))
                if source is not None:
                    found[path] = source
    return found
