"""One authored lesson becomes two notebooks, unsolved and solved.

Inside a code cell the lines between ``### BEGIN SOLUTION`` and ``### END SOLUTION`` are the answer; a cell tagged
``solution`` is an answer whole. The learner gets the block's ``### STUB: `` lines instead, or without them
``name = ...`` for each name that the block binds, so that an unsolved notebook parses and runs from top to bottom.
"""

from __future__ import annotations

import ast
import hashlib
import posixpath
import re
import textwrap
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import jupytext
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode, v4

from lakehouse.errors import InvalidValue
from workbook.build.files import metadata
from workbook.build.outputs import COMPARED, PICTURE
from workbook.exercises import near
from workbook.manifest import Chapter, Manifest

_CODE_TAGS = {"parameters", COMPARED, PICTURE, "nbval-ignore-output", "nbval-skip", "hide-input"}
_TAGS = _CODE_TAGS | {"solution"}

_BEGIN, _END, _STUB = "### BEGIN SOLUTION", "### END SOLUTION", "### STUB: "
_LIKE_A_MARKER = re.compile(r"\s*#+\s*(BEGIN|END)[ _-]*SOLUTION|\s*#+\s*STUB\b", re.IGNORECASE)

_LINK_ELSEWHERE = re.compile(r"\]\(((?:images|\.\.)/[^)\s]*)\)")

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class BuildError(InvalidValue):
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


def twins(path: Path, root: Path, exercises: Collection[str]) -> tuple[NotebookNode, NotebookNode]:
    """The unsolved and the solved notebook of an authored file."""
    both: tuple[list[NotebookNode], list[NotebookNode]] = ([], [])
    for cell in _read(path, root):
        unsolved, solved = _versions(cell)
        if cell.kind == "code":
            hidden = _exercise_ids(solved, exercises) - _exercise_ids(unsolved, exercises)
            if hidden:
                raise BuildError(f"{cell.where}: check({min(hidden)!r}) is part of the solution; learners need it too")
        for cells, lines in zip(both, (unsolved, solved), strict=True):
            cells.append(_node(cell, "\n".join(line.text for line in lines).strip("\n")))
    source = metadata(path.relative_to(root).as_posix())
    unsolved, solved = (v4.new_notebook(cells=cells, metadata=source) for cells in both)
    return unsolved, solved


def point_from_solutions(notebook: str, solved: NotebookNode) -> None:
    """Let the links and pictures in the text of a solved notebook point to where those of the unsolved one do.

    Parameters
    ----------
    notebook : str
        The unsolved notebook, a path below the root. The solved one is at the same path below ``solutions/``.
    solved : NotebookNode
        Changed in place. Links to neighbours stay: they lead to the solved neighbours.
    """
    folder = PurePosixPath(notebook).parent
    up = "../" * (len(folder.parts) + 1)
    for cell in solved.cells:
        if cell.cell_type == "markdown":
            cell.source = _LINK_ELSEWHERE.sub(
                lambda link: f"]({up}{posixpath.normpath(f'{folder}/{link[1]}')})", cell.source
            )


def footer(course: Manifest, chapter: Chapter, sheets: Collection[str]) -> list[NotebookNode]:
    """The last cell of a chapter: its quiz, and the chapters before and after it that are written. None without any.

    Parameters
    ----------
    course : Manifest
    chapter : Chapter
    sheets : collection of str
        Names of the answer sheets.
    """
    written = course.written()
    place = written.index(chapter)
    parts = []
    if (sheet := f"quiz-{chapter.number}") in sheets:
        parts.append(
            f"**Quiz** `./wb quiz {chapter.number}` in a terminal, or the [answer sheet](../quizzes/{sheet}.ipynb)"
        )
    if place:
        parts.append(f"**Back** {_linked(written[place - 1])}")
    if place + 1 < len(written):
        parts.append(f"**Next** {_linked(written[place + 1])}")
    return [v4.new_markdown_cell("---\n" + " · ".join(parts), id="footer")] if parts else []


def _linked(chapter: Chapter) -> str:
    return f"[{chapter.number} {chapter.title}]({chapter.stem}.ipynb)"


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
