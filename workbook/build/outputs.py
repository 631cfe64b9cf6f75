"""Which outputs of a run stay in a committed notebook.

Two tags decide: everything that a cell tagged ``nbval-check-output`` shows, since nbval compares it field by field, and
the picture of a cell tagged ``picture``. Metadata (widget state, papermill's timings) change with each run and never
stay; an execution count is the cell's position.
"""

from __future__ import annotations

import base64
from collections.abc import Collection
from itertools import takewhile
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode, v4

from lakehouse.errors import InvalidValue

COMPARED = "nbval-check-output"
PICTURE = "picture"
LARGEST_PICTURE = 60_000
"""Bytes of a PNG."""


def kept_outputs(outputs: list[NotebookNode], tags: Collection[str]) -> list[NotebookNode]:
    """The outputs to keep of a cell with these tags."""
    kept: list[NotebookNode] = []
    for output in outputs:
        if output.output_type == "stream" and output.name == "stdout" and COMPARED in tags:
            # A kernel splits its stream at arbitrary places.
            if kept and kept[-1].output_type == "stream":
                kept[-1].text += output.text
            else:
                kept.append(v4.new_output("stream", name="stdout", text=output.text))
        elif output.output_type in ("display_data", "execute_result"):
            data = {mime: value for mime, value in output.data.items() if _is_kept(mime, value, tags)}
            if data and (COMPARED in tags or "image/png" in data):
                # The text of a picture for those who cannot see it.
                alt = output.get("metadata", {}).get("image/png") if "image/png" in data else None
                kept.append(v4.new_output(output.output_type, data=data, metadata={"image/png": alt} if alt else {}))
    return kept


def refuse_unfit_outputs(cell: NotebookNode, origin: Path) -> None:
    """Refuse a run whose outputs cannot be committed.

    Raises
    ------
    ValueError
        If the cell failed, is compared but wrote to stderr, or shows a picture larger than :data:`LARGEST_PICTURE`.
    """
    tags = cell.metadata.get("tags", ())
    for output in cell.outputs:
        if output.output_type == "error":
            raise InvalidValue(f"{origin}: cell {cell.id} failed with {output.ename}: {output.evalue}")
        if output.output_type == "stream":
            if output.name == "stderr" and COMPARED in tags:
                raise InvalidValue(f"{origin}: cell {cell.id} is compared but writes to stderr: {output.text[:200]!r}")
        elif PICTURE in tags and (size := _size(output.data.get("image/png", ""))) > LARGEST_PICTURE:
            raise InvalidValue(
                f"{origin}: the picture of cell {cell.id} has {size} bytes, more than {LARGEST_PICTURE}: "
                "draw it smaller or with a lower dpi, or take its tag 'picture' off."
            )


def carry_outputs(path: Path, solved: NotebookNode) -> None:
    """Give `solved` the outputs stored at `path`, up to the first cell whose code changed: what follows may differ.

    A file that is not a notebook any more, say after a merge conflict, has none to give.
    """
    if not path.exists():
        return
    try:
        stored = nbformat.read(path, as_version=4)
    except (ValueError, nbformat.ValidationError):
        return
    pairs = zip(_code_cells(solved), _code_cells(stored), strict=False)
    for new, old in takewhile(lambda pair: pair[0].source == pair[1].source, pairs):
        new.outputs = kept_outputs(old.outputs, new.metadata.get("tags", ()))
    number_cells(solved)


def number_cells(notebook: NotebookNode) -> None:
    """Number the code cells that have outputs by their position: nbval takes an output without a number for a mistake."""
    for position, cell in enumerate(_code_cells(notebook), start=1):
        cell.execution_count = position if cell.outputs else None


def _code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _is_kept(mime: str, value: Any, tags: Collection[str]) -> bool:
    if mime == "image/png":
        return PICTURE in tags and _size(value) <= LARGEST_PICTURE
    if COMPARED in tags:
        return not mime.startswith("image/") and mime != "application/vnd.jupyter.widget-view+json"
    return PICTURE in tags and mime == "text/plain"


def _size(png: str) -> int:
    return len(base64.b64decode(png))
