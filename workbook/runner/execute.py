"""One notebook through papermill in a kernel that was started ahead, and what its outputs say."""

from __future__ import annotations

import base64
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import papermill
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError

from workbook.checks import MIME as CHECK_MIME
from workbook.runner.kernel import START_SECONDS, Kernel
from workbook.runner.plan import Notebook, source
from workbook.workspace import METRICS_MIME

OUTCOMES = ("pass", "fail", "error", "todo")

MOST_PICTURES = 8
PICTURE_PIXELS = 640

_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


class _KernelEngine(NBClientEngine):
    """Papermill's own engine, with a kernel that is there already."""

    @classmethod
    def execute_managed_notebook(  # type: ignore[override]
        cls, nb_man: Any, kernel_name: str, *, kernel: Kernel, on_cell: Callable[[int], None], **ignored: Any
    ) -> None:
        client = PapermillNotebookClient(
            nb_man,
            km=kernel.manager,
            kernel_name=kernel_name,
            timeout=None,
            startup_timeout=START_SECONDS,
            on_cell_start=lambda cell, cell_index: on_cell(cell_index),
        )
        client.execute(cleanup_kc=True)


papermill_engines.register("workbook", _KernelEngine)


def execute(
    notebook: Notebook,
    parameters: Mapping[str, Any],
    kernel: Kernel,
    output: Path,
    on_cell: Callable[[int], None] = lambda index: None,
) -> dict[str, Any]:
    """Run a notebook in a kernel that has entered its folder, and read its results.

    Parameters
    ----------
    notebook : Notebook
        What to run.
    parameters : mapping of str to object
        Values in place of those in the cell tagged ``parameters``.
    kernel : Kernel
        Used up afterwards.
    output : Path
        Where the executed notebook goes. It is there after a failure too.
    on_cell : callable
        Called with the index of each cell as it starts.

    Returns
    -------
    dict
        ``cells``, ``checks``, ``metrics``, ``pictures`` and ``error`` as :func:`read` gives them.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    cell = 0

    def note(index: int) -> None:
        nonlocal cell
        cell = index
        on_cell(index)

    failure = None
    try:
        papermill.execute_notebook(
            str(notebook.path),
            str(output),
            parameters=dict(parameters),
            engine_name="workbook",
            kernel_name="python3",
            language="python",
            progress_bar=False,
            kernel=kernel,
            on_cell=note,
        )
    except PapermillExecutionError:
        pass  # the executed notebook holds the error with its cell
    except Exception as error:  # the kernel died, or the notebook cannot be run at all
        failure = error
    executed = json.loads(output.read_bytes()) if output.exists() else {"cells": []}
    result = read(executed)
    if failure is not None and result["error"] is None:
        cells = executed["cells"]
        result["error"] = {
            "cell": sum(_is_own(each) for each in cells[: cell + 1]),
            "ename": type(failure).__name__,
            "evalue": _plain(str(failure)) or "the kernel ended",
            "source": source(cells[cell]) if cell < len(cells) else "",
            "traceback": "",
        }
    return result


def read(executed: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an executed notebook says about itself.

    Parameters
    ----------
    executed : mapping
        The notebook's JSON.

    Returns
    -------
    dict
        ``cells``: number of cells. ``checks``: the count of each outcome and ``results``, a list of exercise, outcome,
        message and cell. ``metrics``: name to value. ``pictures``: data URIs. ``error``: None, or the first error with
        ``cell`` (its number in the source notebook, from 1), ``ename``, ``evalue``, ``source`` and ``traceback``.
    """
    results: list[dict[str, Any]] = []
    metrics: dict[str, Any] = {}
    pictures: list[str] = []
    error = None
    for number, cell, output in _outputs(executed):
        data = output.get("data", {})
        if CHECK_MIME in data:
            check = _json(data[CHECK_MIME])
            told = {name: str(check.get(name) or "") for name in ("exercise", "outcome", "message")}
            results.append(told | {"cell": number})
        if METRICS_MIME in data:
            metrics.update(_json(data[METRICS_MIME]))
        if "image/png" in data and len(pictures) < MOST_PICTURES:
            pictures.append(_thumbnail(data["image/png"]))
        if output["output_type"] == "error" and error is None:
            error = {
                "cell": number,
                "ename": output["ename"],
                "evalue": _plain(output["evalue"]),
                "source": source(cell),
                "traceback": _plain("\n".join(output["traceback"])),
            }
    count = Counter(result["outcome"] for result in results)
    return {
        "cells": len([cell for cell in executed["cells"] if _is_own(cell)]),
        "checks": {outcome: count[outcome] for outcome in OUTCOMES} | {"results": results},
        "metrics": metrics,
        "pictures": pictures,
        "error": error,
    }


def _outputs(executed: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any], Mapping[str, Any]]]:
    number = 0
    for cell in executed["cells"]:
        number += _is_own(cell)
        for output in cell.get("outputs", []):
            yield number, cell, output


def _is_own(cell: Mapping[str, Any]) -> bool:
    """Whether the cell is of the source notebook: papermill adds one with parameters, and marks at an error."""
    tags = cell.get("metadata", {}).get("tags", [])
    return not {"injected-parameters", "papermill-error-cell-tag"} & set(tags)


def _json(value: Any) -> dict[str, Any]:
    return json.loads(value) if isinstance(value, str) else dict(value)


def _plain(text: str) -> str:
    return _ANSI.sub("", text)


def _thumbnail(encoded: str) -> str:
    """Return a picture as a data URI of at most PICTURE_PIXELS in width, so that a report stays small."""
    from PIL import Image

    picture = Image.open(io.BytesIO(base64.b64decode(encoded)))
    picture.thumbnail((PICTURE_PIXELS, 4 * PICTURE_PIXELS))
    small = io.BytesIO()
    picture.convert("RGBA").quantize(128).save(small, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(small.getvalue()).decode()
