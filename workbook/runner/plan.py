"""What a run consists of: the notebooks and their parameters.

Notebooks are read as the JSON that they are: a run in which nothing changed must end at once, and importing papermill
alone takes longer than that.
"""

from __future__ import annotations

import ast
import datetime as dt
import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lakehouse.errors import InvalidValue

FOLDERS = ("chapters", "capstone")
UNKNOWN = object()  # the default of a parameter whose value is computed, so its type is not known


@dataclass(frozen=True)
class Notebook:
    """One notebook of the course.

    Attributes
    ----------
    path : Path
        The ``.ipynb`` file.
    name : str
        Its path relative to the root of the repository, with forward slashes.
    group : str
        Notebooks of one group build on each other and run in the order of their names. A capstone folder is
        a group; a chapter is a group of its own.
    title : str
        First heading, or the file's stem.
    defaults : dict of str to object
        The names assigned in the cell tagged ``parameters`` and their values.
    cells : int
        Number of cells.
    content : str
        Hash of the cells without outputs and execution counts.
    code : str
        The cells' code that Python can parse, for the imports in it.
    """

    path: Path
    name: str
    group: str
    title: str
    defaults: Mapping[str, Any] = field(hash=False)
    cells: int
    content: str
    code: str

    @property
    def folder(self) -> Path:
        """Folder of the notebook: its working directory, as on Databricks."""
        return self.path.parent


def notebook_files(base: Path, folders: Sequence[str] = FOLDERS) -> list[Path]:
    """The notebooks below a folder in the order in which they run, without the copies that Jupyter keeps of them."""
    return [
        path
        for folder in folders
        for path in sorted((base / folder).rglob("*.ipynb"))
        if ".ipynb_checkpoints" not in path.parts
    ]


def discover(root: Path, *, unsolved: bool = False) -> list[Notebook]:
    """Return the notebooks of the course in the order in which they run.

    Parameters
    ----------
    root : Path
        Root of the repository.
    unsolved : bool
        Take ``chapters/`` and ``capstone/``, as learners get them, in place of ``solutions/``.

    Raises
    ------
    ValueError
        There is no notebook, or one is not valid JSON.
    """
    base = root if unsolved else root / "solutions"
    paths = notebook_files(base)
    if not paths:
        raise InvalidValue(f"no notebooks under {base}; `wb build` makes them")
    return [_read(path, root, base) for path in paths]


def _read(path: Path, root: Path, base: Path) -> Notebook:
    try:
        cells = json.loads(path.read_bytes())["cells"]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidValue(f"{path} is not a notebook ({error}); `wb build` rebuilds it") from error
    parts = [(cell["cell_type"], source(cell), sorted(cell.get("metadata", {}).get("tags", []))) for cell in cells]
    relative = path.relative_to(base)
    return Notebook(
        path=path,
        name=path.relative_to(root).as_posix(),
        group=relative.with_suffix("").as_posix() if relative.parts[0] == "chapters" else relative.parent.as_posix(),
        title=title_of(cells) or path.stem,
        defaults=_defaults(text for kind, text, tags in parts if kind == "code" and "parameters" in tags),
        cells=len(cells),
        content=digest(json.dumps(parts)),
        code="\n".join(text for kind, text, _ in parts if kind == "code" and _parses(text)),
    )


def _parses(text: str) -> bool:
    """Whether a cell is plain Python: one with magics or a broken one imports nothing that matters."""
    with suppress(SyntaxError):
        ast.parse(text)
        return True
    return False


def source(cell: Mapping[str, Any]) -> str:
    """Return the source of a cell of a notebook's JSON, where it may be a text or a list of lines."""
    text = cell.get("source", "")
    return text if isinstance(text, str) else "".join(text)


def title_of(cells: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the first level-one heading of a notebook's Markdown cells."""
    lines = (line for cell in cells if cell["cell_type"] == "markdown" for line in source(cell).splitlines())
    return next((line[2:].strip() for line in lines if line.startswith("# ")), None)


def _defaults(sources: Iterable[str]) -> dict[str, Any]:
    defaults: dict[str, Any] = {}
    for text in sources:
        for statement in ast.parse(text).body:
            if isinstance(statement, ast.Assign):
                targets, value = statement.targets, statement.value
            elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
                targets, value = [statement.target], statement.value
            else:
                continue
            try:
                default = ast.literal_eval(value)
            except ValueError:
                default = UNKNOWN
            defaults.update((target.id, default) for target in targets if isinstance(target, ast.Name))
    return defaults


def select(notebooks: Sequence[Notebook], only: Sequence[str]) -> list[Notebook]:
    """Return the notebooks that match, each with those of its group that it builds on.

    Parameters
    ----------
    notebooks : sequence of Notebook
        The whole course.
    only : sequence of str
        A number selects the chapter with that number; any other text selects the notebooks whose path without
        ``.ipynb`` contains it. None at all selects everything.

    Raises
    ------
    ValueError
        A text selects nothing.
    """
    if not only:
        return list(notebooks)
    wanted: set[str] = set()
    for pattern in only:
        found = [notebook for notebook in notebooks if _matches(notebook, pattern)]
        if not found:
            known = "\n".join(f"  {notebook.name.removesuffix('.ipynb')}" for notebook in notebooks)
            raise InvalidValue(f"--only {pattern} selects no notebook. There are:\n{known}")
        for last in found:
            wanted |= {each.name for each in notebooks if each.group == last.group and each.name <= last.name}
    return [notebook for notebook in notebooks if notebook.name in wanted]


def _matches(notebook: Notebook, pattern: str) -> bool:
    if pattern.isdigit():
        return notebook.group == f"chapters/{notebook.path.stem}" and notebook.path.stem.startswith(f"{pattern:0>2}_")
    return pattern.removesuffix(".ipynb") in notebook.name.removesuffix(".ipynb")


def bind(notebooks: Sequence[Notebook], given: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Give each notebook the parameters that it has, with values of the type of its defaults.

    Parameters
    ----------
    notebooks : sequence of Notebook
        The notebooks that will run.
    given : sequence of str
        ``name=value``, the value in YAML as papermill reads it. A parameter whose default is a text takes the
        value as it stands, so a date stays a text.

    Returns
    -------
    dict
        Name of a notebook to its parameters; a notebook without a parameter of that name does not get it.

    Raises
    ------
    ValueError
        Not of the form ``name=value``, a name that no notebook has, or a value of another type than the default.
    """
    bound: dict[str, dict[str, Any]] = {notebook.name: {} for notebook in notebooks}
    for pair in given:
        name, equals, text = pair.partition("=")
        name = name.strip()
        if not equals or not name:
            raise InvalidValue(f"-p takes name=value, not {pair!r}")
        takers = [notebook for notebook in notebooks if name in notebook.defaults]
        if not takers:
            known = sorted({known for notebook in notebooks for known in notebook.defaults})
            raise InvalidValue(f"no selected notebook has a parameter {name!r}. Known: {', '.join(known) or 'none'}")
        for notebook in takers:
            bound[notebook.name][name] = _typed(name, text, notebook.defaults[name])
    return bound


def _typed(name: str, text: str, default: Any) -> Any:
    if isinstance(default, str):
        return text
    import yaml

    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        shown = text if len(text) <= 80 else f"{text[:80]}..."
        raise InvalidValue(f"{name}: {shown!r} is not a YAML value") from error
    if isinstance(value, (list, tuple, dict)):
        value = _as_papermill_writes(name, value)
    number = isinstance(value, int) and not isinstance(value, bool)
    if isinstance(default, bool):
        fits, kind = isinstance(value, bool), "true or false"
    elif isinstance(default, int):
        fits, kind = number, "a whole number"
    elif isinstance(default, float):
        if number or isinstance(value, str):  # YAML takes 1e-3 for a text
            with suppress(ValueError, OverflowError):
                value = float(value)
        fits, kind = isinstance(value, float) and math.isfinite(value), "a number"
    elif isinstance(default, (list, tuple)):
        fits, kind = isinstance(value, list), "a list such as [1, 2]"
    elif isinstance(default, dict):
        fits, kind = isinstance(value, dict), "a mapping such as {a: 1}"
    else:
        # A date has no literal in a parameters cell, so it goes in as the text that was typed.
        fits, kind = True, ""
        value = value if value is None or isinstance(value, (bool, int, float, str, list, dict)) else text
    if not fits:
        raise InvalidValue(f"{name} must be {kind}, not {text!r}")
    return value


def _as_papermill_writes(name: str, value: Any, inside: tuple[int, ...] = ()) -> Any:
    """A value of a list or mapping as papermill writes it into the notebook: a date becomes the text that was typed.

    Raises
    ------
    InvalidValue
        For what papermill would write as something else: a set, bytes, a key that is no text, a list that holds itself.
    """
    if id(value) in inside:
        raise InvalidValue(f"{name}: the value holds itself; write it without an anchor")
    within = (*inside, id(value))
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise InvalidValue(
                    f"{name}: the key {key!r} is not a text, and the notebook would get one: write '{key}'"
                )
        return {key: _as_papermill_writes(name, each, within) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_papermill_writes(name, each, within) for each in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dt.date):
        return str(value)
    raise InvalidValue(f"{name}: {value!r} cannot be written into a notebook: use texts, numbers, lists and mappings")


def digest(*parts: str | bytes) -> str:
    """Hash of several parts, each with its length, so that no two lists of parts run together."""
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        sha.update(len(data).to_bytes(8, "big"))
        sha.update(data)
    return sha.hexdigest()
