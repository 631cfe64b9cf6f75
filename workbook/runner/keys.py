"""A key for each notebook that changes with everything its result depends on, and with nothing else."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from workbook import manifest
from workbook.imports import Sources, imports_of
from workbook.manifest import Manifest
from workbook.runner.plan import Notebook, digest


def keys(
    notebooks: Sequence[Notebook], parameters: Mapping[str, Mapping[str, Any]], *, root: Path, engine: str
) -> dict[str, str]:
    """Return a key for each notebook, in their order.

    It is made from the notebook's cells and parameters, the notebooks before it in its group, the modules of the repository
    that it imports and those that these import, the project and assets that the manifest gives it, the data that these
    modules read, the engine, the version of Python and the locked packages. Comments and docstrings do not count.

    Parameters
    ----------
    notebooks : sequence of Notebook
    parameters : mapping
        Name of a notebook to its parameters, as :func:`workbook.runner.plan.bind` gives them.
    root : Path
        The repository.
    engine : str
    """
    sources = Sources(root)
    course = manifest.read(root / manifest.FOLDER.name) if (root / manifest.FOLDER.name).is_dir() else None
    common = digest(engine, f"{sys.version_info[:2]}", *_lock(root))
    chain: dict[str, str] = {}
    result = {}
    for notebook in notebooks:
        before = chain.get(notebook.group, common)
        used = sources.closure(_used(notebook, sources, course))
        code = [part for name in sorted(used) for part in (name, sources.digest(name))]
        given = json.dumps(parameters[notebook.name], sort_keys=True)
        needs = repr(course.use_of(notebook.path.stem)) if course else ""
        key = digest(before, notebook.name, notebook.content, given, needs, *code, *_beside(used, sources, root))
        result[notebook.name] = chain[notebook.group] = key
    return result


def _used(notebook: Notebook, sources: Sources, course: Manifest | None) -> set[str]:
    """What a notebook imports, and what ``start`` and ``check`` import for it by the manifest."""
    found = imports_of(ast.parse(notebook.code), sources.modules)
    if course is not None:
        use = course.use_of(notebook.path.stem)
        rooms = [notebook.path.stem[:2], use.project if use else ""]
        found |= {module for room, module in course.checks().items() if room in rooms}
        if use is not None:
            found.add(f"{course.package}.{use.project}.project")
    return found


def _beside(used: set[str], sources: Sources, root: Path) -> Iterator[str | bytes]:
    """Other files that modules load: jars beside them, and the sample data."""
    files = {jar for name in used for jar in sources.modules[name].parent.glob("*.jar")}
    if any('"datasets"' in sources.text(name) for name in used):
        files |= {path for path in (root / "datasets").rglob("*") if path.is_file() and path.suffix != ".md"}
    for path in sorted(files):
        yield path.relative_to(root).as_posix()
        yield path.read_bytes()


def _lock(root: Path) -> Iterator[bytes]:
    lock = root / "requirements.lock"
    if lock.exists():
        yield lock.read_bytes()
