"""Compare what the sources give with what is there, and write the difference.

Building is a pure function of the authored text, apart from the outputs of solved notebooks: these come from an executed
copy (:func:`store_outputs`) and stay as long as the code that produced them does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import nbformat

from lakehouse.errors import InvalidValue
from lakehouse.files import write_atomically
from lakehouse.paths import ROOT
from workbook import manifest
from workbook.build import overview
from workbook.build.documents import documents
from workbook.build.files import generated, source_of, text_of
from workbook.build.lessons import footer, point_from_solutions, twins
from workbook.build.outputs import carry_outputs, kept_outputs, number_cells, refuse_unfit_outputs
from workbook.build.quizzes import quizzes
from workbook.exercises import exercises as registered_exercises

_GENERATED = ("chapters", "capstone", "quizzes", "solutions")


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


def build(
    root: Path = ROOT, exercises: Collection[str] | None = None, commands: Mapping[str, str] | None = None
) -> list[Path]:
    """Write every file that does not match its source, and remove those whose source is gone.

    Parameters
    ----------
    root : Path
        The repository: holds ``course/`` and receives the notebooks.
    exercises : collection of str, optional
        The known exercise ids; by default the registered ones.
    commands : mapping of str to str, optional
        The command line's commands, for the documents that list them.

    Returns
    -------
    list of Path
        The files written or removed. Empty means that all were fresh.

    Raises
    ------
    BuildError, ManifestError, BankError
        If an authored file has a fault. Nothing has been written then.
    """
    found = changes(root, exercises, commands)
    for change in found:
        if change.text is None:
            change.path.unlink()
        else:
            write_atomically(change.path, change.text)
    return [change.path for change in found]


def changes(
    root: Path = ROOT, exercises: Collection[str] | None = None, commands: Mapping[str, str] | None = None
) -> list[Change]:
    """Compare the files on disk with what their sources give. Parameters and errors as for :func:`build`."""
    course = manifest.read(root / manifest.FOLDER.name)
    if exercises is None:
        exercises = registered_exercises()
    wanted: dict[Path, str] = quizzes(course, root / "quizzes")
    sheets = {path.stem for path in wanted}
    chapters = {chapter.notebook: chapter for chapter in course.chapters}
    for notebook, source in course.lessons().items():
        unsolved, solved = twins(source, root, exercises)
        if notebook in chapters:
            for both in (unsolved, solved):
                both.cells += footer(course, chapters[notebook], sheets)
        point_from_solutions(notebook, solved)
        carry_outputs(root / "solutions" / notebook, solved)
        wanted |= {root / notebook: text_of(unsolved), root / "solutions" / notebook: text_of(solved)}
    wanted |= documents(course, root, commands)
    if root / "README.md" in wanted:
        wanted[root / overview.FILE] = overview.overview(course)
    found = [
        Change(path, "stale" if path.exists() else "missing", text)
        for path, text in wanted.items()
        if not path.exists() or path.read_bytes() != text.encode()
    ]
    given = {source_of(text) for text in wanted.values()} - {None}
    return found + [
        Change(path, "orphan", None)
        for path, source in generated(root, _GENERATED).items()
        # A copy of a notebook under another name is somebody's own.
        if path not in wanted and source not in given
    ]


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
            raise InvalidValue(
                f"{executed} is not a run of {solution}: cell {cell.id} differs. Build and execute again."
            )
        refuse_unfit_outputs(run, executed)
        cell.outputs = kept_outputs(run.outputs, cell.metadata.get("tags", ()))
    number_cells(target)
    write_atomically(solution, text_of(target))
