"""Turn the authored text into notebooks and sealed question banks.

``authoring/chapters/04_feature_store.py`` (jupytext py:percent, solved in place) becomes two notebooks:

- ``chapters/04_feature_store.ipynb``, unsolved and without outputs: what a learner opens;
- ``solutions/chapters/04_feature_store.ipynb``, solved, with the few outputs that nbval compares.

``authoring/quizzes/04_feature_store.yaml`` becomes the sealed bank ``quizzes/banks/04_feature_store.json``, and all banks
together the exams and quizzes of ``quizzes/banks/forms.json``, each with its answer sheet ``quizzes/quiz-04.ipynb``,
and the page that asks them in a browser, ``quizzes/simulator.html``.

Inside a code cell the lines between ``### BEGIN SOLUTION`` and ``### END SOLUTION`` are the answer; a cell tagged
``solution`` is an answer whole. The learner gets the block's ``### STUB: `` lines instead, or without them
``name = ...`` for each name that the block binds, so that an unsolved notebook parses and runs from top to bottom.

Building is a pure function of the authored text, apart from the outputs: these come from an executed copy
(:func:`store_outputs`) and stay as long as the code that produced them does.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import textwrap
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any, NamedTuple

import jupytext
import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode, v4

from lakehouse.home import ROOT
from workbook.exercises import exercises as registered_exercises
from workbook.exercises import near
from workbook.outputs import COMPARED, PICTURE, carry_outputs, kept_outputs, number_cells, refuse_unfit_outputs

_GENERATED = ("chapters", "capstone", "quizzes", "solutions")
_FORMS = "authoring/quizzes/exams.yaml"
_CODE_TAGS = {"parameters", COMPARED, PICTURE, "nbval-ignore-output", "nbval-skip", "hide-input"}
_TAGS = _CODE_TAGS | {"solution"}

_BEGIN, _END, _STUB = "### BEGIN SOLUTION", "### END SOLUTION", "### STUB: "
_LIKE_A_MARKER = re.compile(r"\s*#+\s*(BEGIN|END)[ _-]*SOLUTION|\s*#+\s*STUB\b", re.IGNORECASE)

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class BuildError(ValueError):
    """A fault in an authored file; the message begins with ``file:line:``."""


class Line(NamedTuple):
    """A line of a cell and the place in the authored file that it comes from (``file:line``)."""

    where: str
    text: str


@dataclass(frozen=True)
class Cell:
    """A cell as authored, answer included."""

    kind: str
    id: str
    tags: tuple[str, ...]
    lines: tuple[Line, ...]
    where: str


@dataclass(frozen=True)
class Change:
    """What a build would do to one file.

    Attributes
    ----------
    path : Path
        The notebook.
    reason : str
        ``missing``, ``stale`` (differs from what its source gives) or ``orphan`` (nothing authored gives it).
    text : str or None
        The notebook's new text; None for an orphan.
    """

    path: Path
    reason: str
    text: str | None


def build(check: bool = False, root: Path = ROOT, exercises: Collection[str] | None = None) -> list[Path]:
    """Write every notebook that does not match its source, and remove those whose source is gone.

    Parameters
    ----------
    check : bool
        Change nothing, only report.
    root : Path
        The repository: holds ``authoring/`` and receives the notebooks.
    exercises : collection of str, optional
        The known exercise ids; by default the registered ones.

    Returns
    -------
    list of Path
        The notebooks written or removed, or with `check` those that would be. Empty means fresh.
        :func:`changes` tells the reason of each.

    Raises
    ------
    BuildError
        If an authored file has a fault. Nothing has been written then.
    FileNotFoundError
        If `root` has no ``authoring`` folder.
    """
    found = changes(root, exercises)
    if not check:
        for change in found:
            if change.text is None:
                change.path.unlink()
            else:
                _write(change.path, change.text)
    return [change.path for change in found]


def changes(root: Path = ROOT, exercises: Collection[str] | None = None) -> list[Change]:
    """Compare the notebooks on disk with what their sources give. Parameters and errors as for :func:`build`."""
    authoring = root / "authoring"
    if not authoring.is_dir():
        raise FileNotFoundError(f"{authoring} does not exist: notebooks are built from the sources in it.")
    if exercises is None:
        exercises = registered_exercises()
    wanted: dict[Path, str] = {}
    for source in sorted(authoring.rglob("*.py")):
        relative = source.relative_to(authoring).with_suffix(".ipynb")
        unsolved, solved = _notebooks(source, root, exercises)
        carry_outputs(root / "solutions" / relative, solved)
        wanted |= {root / relative: _text(unsolved), root / "solutions" / relative: _text(solved)}
    wanted |= _quizzes(authoring / "quizzes", root / "quizzes")
    found = [
        Change(path, "stale" if path.exists() else "missing", text)
        for path, text in wanted.items()
        if not path.exists() or path.read_bytes() != text.encode()
    ]
    given = {_source(text) for text in wanted.values()} - {None}
    return found + [
        Change(path, "orphan", None)
        for path, source in _generated(root).items()
        # A copy of a notebook under another name is somebody's own.
        if path not in wanted and source not in given
    ]


def _quizzes(source: Path, target: Path) -> dict[Path, str]:
    """The sealed banks, the forms, the answer sheets and the simulator, by path."""
    # Imported here: most builds of most tests have no bank.
    from workbook.quiz import forms, library, notebooks, sealed, simulator
    from workbook.quiz.bank import read_bank

    authored = read_bank(source)
    if not authored:
        return {}
    banks = {chapter: sealed.seal(items) for chapter, items in authored.items()}
    items = [item for own in authored.values() for item in own]
    all_forms = forms.all_forms(items, source / "exams.yaml")
    apart = forms.not_together(items)
    whole = reduce(or_, banks.values())
    sheets = {
        target / f"{form.name}.ipynb": v4.new_notebook(
            cells=notebooks.cells(form, whole), metadata=_metadata(f"{_FORMS}#{form.name}")
        )
        for form in all_forms
    }
    return {
        **{target / "banks" / f"{chapter}.json": sealed.to_json(bank) for chapter, bank in banks.items()},
        target / "banks" / library.FORMS: library.to_json(all_forms, apart),
        **{path: _text(sheet) for path, sheet in sheets.items()},
        target / simulator.FILE: simulator.page(whole, library.forms_of(all_forms, apart)),
    }


def _metadata(source: str) -> dict[str, Any]:
    return {**_METADATA, "workbook": {"source": source}}


def store_outputs(executed: Path, solution: Path) -> None:
    """Copy the outputs worth keeping from an executed notebook into the committed solution.

    Kept are all outputs of cells tagged ``nbval-check-output``, because nbval compares them field by field, and the
    pictures of cells tagged ``picture``. Execution counts and metadata (widget state, papermill's timings) never are:
    they change with each run.

    Parameters
    ----------
    executed : Path
        A run of `solution` with its default parameters, by papermill or Jupyter.
    solution : Path
        The notebook under ``solutions/``; rewritten.

    Raises
    ------
    ValueError
        If `executed` is a run of other code, a cell failed, a compared cell wrote to stderr, or a picture is larger
        than 60 kB. `solution` is unchanged then.
    """
    target = nbformat.read(solution, as_version=4)
    runs = {cell.get("id"): cell for cell in nbformat.read(executed, as_version=4).cells if cell.cell_type == "code"}
    for cell in target.cells:
        if cell.cell_type != "code":
            continue
        run = runs.get(cell.id)
        if run is None or run.source != cell.source:
            raise ValueError(f"{executed} is not a run of {solution}: cell {cell.id} differs. Build and execute again.")
        refuse_unfit_outputs(run, executed)
        cell.outputs = kept_outputs(run.outputs, cell.metadata.get("tags", ()))
    number_cells(target)
    _write(solution, _text(target))


# Reading ------------------------------------------------------------------------------------------------------------


def _read(path: Path, root: Path) -> list[Cell]:
    """The cells of an authored file. Ids come from a cell's text, so that an edit elsewhere does not change them."""
    name = path.relative_to(root).as_posix()
    text = path.read_text(encoding="utf-8")
    bare = [_bare(line) for line in text.splitlines()]
    cells: list[Cell] = []
    copies: Counter[str] = Counter()
    position = 0
    for parsed in jupytext.reads(text, fmt="py:percent").cells:
        if not parsed.source:
            continue
        source = parsed.source.splitlines()
        position = _locate([_bare(line) for line in source], bare, position)
        lines = tuple(Line(f"{name}:{position + offset}", line) for offset, line in enumerate(source, start=1))
        where = lines[0].where if lines else f"{name}:{position + 1}"
        position += len(source)
        if "incorrectly_encoded_metadata" in parsed.metadata:
            head = parsed.metadata["incorrectly_encoded_metadata"]
            raise BuildError(f'{where}: cannot read the cell head {head!r}; write it like # %% tags=["picture"]')
        content = f"{parsed.cell_type}\n{parsed.source}"
        copies[content] += 1
        derived = hashlib.sha256(f"{content}\n{copies[content]}".encode()).hexdigest()[:12]
        tags = tuple(parsed.metadata.get("tags", ()))
        cell = Cell(parsed.cell_type, parsed.metadata.get("id", derived), tags, lines, where)
        _refuse_faulty_head(cell, {other.id for other in cells})
        cells.append(cell)
    return cells


def _bare(line: str) -> str:
    # jupytext takes comment marks off Markdown and magics; without them a cell's lines are those of the file.
    return line.strip("# \t")


def _locate(wanted: list[str], lines: list[str], start: int) -> int:
    for position in range(start, len(lines) - len(wanted) + 1):
        if lines[position : position + len(wanted)] == wanted:
            return position
    return start


def _refuse_faulty_head(cell: Cell, ids: Collection[str]) -> None:
    for tag in cell.tags:
        if tag not in _TAGS:
            raise BuildError(f"{cell.where}: unknown tag {tag!r}; known are {', '.join(sorted(_TAGS))}")
        if tag in _CODE_TAGS and cell.kind != "code":
            raise BuildError(f"{cell.where}: tag {tag!r} has no meaning on a {cell.kind} cell")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", cell.id):
        raise BuildError(f"{cell.where}: cell id {cell.id!r} must be 1 to 64 letters, digits, - or _")
    if cell.id in ids:
        raise BuildError(f"{cell.where}: cell id {cell.id!r} is taken by an earlier cell")


# Solving and unsolving ----------------------------------------------------------------------------------------------


def _notebooks(path: Path, root: Path, exercises: Collection[str]) -> tuple[NotebookNode, NotebookNode]:
    """The unsolved and the solved notebook of an authored file."""
    twins: tuple[list[NotebookNode], list[NotebookNode]] = ([], [])
    for cell in _read(path, root):
        unsolved, solved = _versions(cell)
        if cell.kind == "code":
            hidden = _exercise_ids(solved, exercises) - _exercise_ids(unsolved, exercises)
            if hidden:
                raise BuildError(f"{cell.where}: check({min(hidden)!r}) is part of the solution; learners need it too")
        for cells, lines in zip(twins, (unsolved, solved), strict=True):
            cells.append(_node(cell, "\n".join(line.text for line in lines).strip("\n")))
    metadata = _metadata(path.relative_to(root).as_posix())
    unsolved, solved = (v4.new_notebook(cells=cells, metadata=metadata) for cells in twins)
    return unsolved, solved


def _node(cell: Cell, source: str) -> NotebookNode:
    new = {"code": v4.new_code_cell, "markdown": v4.new_markdown_cell, "raw": v4.new_raw_cell}[cell.kind]
    return new(source, id=cell.id, metadata={"tags": list(cell.tags)} if cell.tags else {})


def _versions(cell: Cell) -> tuple[list[Line], list[Line]]:
    """The lines of a cell for the learner, and solved."""
    _refuse_misspelt_markers(cell)
    if "solution" not in cell.tags:
        return _split_at_markers(cell)
    if cell.kind != "code":
        return [Line(cell.where, "*Write your answer here.*")], list(cell.lines)
    for line in cell.lines:
        if line.text.strip() in (_BEGIN, _END):
            raise BuildError(f"{line.where}: a cell tagged 'solution' is a solution whole and holds no markers")
    return _stub(cell.lines, cell.where, indent=""), _without_stubs(cell.lines)


def _refuse_misspelt_markers(cell: Cell) -> None:
    # A marker that is nearly right would publish the answer.
    for line in cell.lines:
        if _LIKE_A_MARKER.match(line.text):
            if cell.kind != "code":
                raise BuildError(f"{line.where}: solution markers work in code cells only; tag this cell 'solution'")
            if line.text.strip() not in (_BEGIN, _END) and not line.text.lstrip().startswith(_STUB):
                raise BuildError(f"{line.where}: {line.text.strip()!r} must read {_BEGIN!r}, {_END!r} or '{_STUB}...'")


def _split_at_markers(cell: Cell) -> tuple[list[Line], list[Line]]:
    unsolved: list[Line] = []
    solved: list[Line] = []
    block: list[Line] = []
    begin: Line | None = None
    for line in cell.lines:
        mark = line.text.strip()
        if mark == _BEGIN:
            if begin is not None:
                raise BuildError(f"{line.where}: {_BEGIN!r} inside the block that begins at {begin.where}")
            begin, block = line, []
        elif mark == _END:
            if begin is None:
                raise BuildError(f"{line.where}: {_END!r} without {_BEGIN!r}")
            indent = begin.text[: len(begin.text) - len(begin.text.lstrip())]
            unsolved += _stub(block, begin.where, indent)
            solved += _without_stubs(block)
            begin = None
        elif begin is not None:
            block.append(line)
        elif _is_stub(line):
            raise BuildError(f"{line.where}: a stub line outside a solution")
        else:
            unsolved.append(line)
            solved.append(line)
    if begin is not None:
        raise BuildError(f"{begin.where}: {_BEGIN!r} without {_END!r}")
    return unsolved, solved


def _is_stub(line: Line) -> bool:
    return line.text.lstrip().startswith(_STUB)


def _without_stubs(lines: Collection[Line]) -> list[Line]:
    return [line for line in lines if not _is_stub(line)]


def _stub(block: Collection[Line], where: str, indent: str) -> list[Line]:
    """What the learner finds in place of `block`: its own stub lines, else ``name = ...`` for the names it binds."""
    given = [Line(line.where, line.text.replace(_STUB, "", 1)) for line in block if _is_stub(line)]
    if given:
        return given
    try:
        tree = _parse(textwrap.dedent("\n".join(line.text for line in block)))
    except SyntaxError:
        raise BuildError(f"{where}: this block gives no stub by itself; add lines '{_STUB}...'") from None
    bound = list(dict.fromkeys(name for name in _bound(tree) if not name.startswith("_")))
    if bound and not any(isinstance(node, ast.Return) for node in _scope(tree)):
        return [Line(where, f"{indent}{name} = ...") for name in bound]
    # An indented block is the body of something and may not be empty.
    return [Line(where, indent + text) for text in (["# your code here", "..."] if indent else ["# your code here"])]


def _scope(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below `node` that run in the same scope; of functions and classes only the definition itself."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, (*_DEFINITIONS, ast.Lambda, ast.comprehension)):
            yield from _scope(child)


def _bound(tree: ast.AST) -> Iterator[str]:
    """Names that code binds for later cells. Loop variables are not meant, and ``x += 1`` needs its earlier value."""
    nodes = list(_scope(tree))
    targets = [node.target for node in nodes if isinstance(node, ast.For | ast.AugAssign)]
    passing = [name for target in targets for name in ast.walk(target)]
    for node in nodes:
        if isinstance(node, _DEFINITIONS):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node not in passing:
            yield node.id


def _parse(source: str) -> ast.Module:
    """Parse a cell as IPython would, magics included."""
    return ast.parse(TransformerManager().transform_cell(source))


def _exercise_ids(lines: list[Line], exercises: Collection[str]) -> set[str]:
    """The exercises that a cell checks.

    Raises
    ------
    BuildError
        If the cell does not parse, or a ``check`` or ``hint`` does not name a registered exercise.
    """
    try:
        tree = _parse("\n".join(line.text for line in lines))
    except SyntaxError as error:
        place = lines[min(error.lineno or 1, len(lines)) - 1].where
        raise BuildError(f"{place}: the cell does not parse: {error.msg}") from None
    checked = set()
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("check", "hint")):
            continue
        where = lines[min(node.lineno, len(lines)) - 1].where
        name = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
        if not isinstance(name, str):
            raise BuildError(f'{where}: {node.func.id}() needs the exercise as a literal first argument, such as "4.3"')
        if name not in exercises:
            raise BuildError(f"{where}: no exercise {name!r} is registered{near(name, exercises)}")
        if node.func.id == "check":
            checked.add(name)
    return checked


# Files --------------------------------------------------------------------------------------------------------------


def _generated(root: Path) -> dict[Path, str | None]:
    """Files that a build may have written, now or earlier, with the source that a notebook names."""
    found: dict[Path, str | None] = dict.fromkeys(sorted((root / "quizzes" / "banks").glob("[0-9][0-9]_*.json")))
    for folder in _GENERATED:
        for path in sorted((root / folder).rglob("*.ipynb")):
            if not any(part.startswith(".") for part in path.relative_to(root).parts):
                # Without a source it is somebody's own; damaged, it is rewritten as stale if there is a source for it.
                source = _source(path.read_text(encoding="utf-8"))
                if source is not None:
                    found[path] = source
    return found


def _source(text: str) -> str | None:
    """The source that the text of a notebook names."""
    try:
        return json.loads(text)["metadata"]["workbook"]["source"]
    except (ValueError, KeyError, TypeError):
        return None


def _text(notebook: NotebookNode) -> str:
    return nbformat.writes(notebook, version=nbformat.NO_CONVERT) + "\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8", newline="\n")
    os.replace(partial, path)
