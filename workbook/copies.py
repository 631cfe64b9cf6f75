"""The learner's own copies of the notebooks: made once, worked in, never overwritten.

The notebooks of ``chapters/``, ``capstone/`` and ``quizzes/`` are files of the repository. Who works in them would lose
the work to the next build, and meet conflicts with the next ``git pull``.
"""

from __future__ import annotations

import os
from pathlib import Path

from lakehouse.files import write_atomically
from lakehouse.paths import ROOT, home
from workbook.runner.plan import notebook_files

NAME = "work"
FOLDERS = ("chapters", "capstone", "quizzes")


def work_folder() -> Path:
    """``work`` at the root of the repository, or in ``WORKBOOK_HOME`` where that is set."""
    return (home() if os.environ.get("WORKBOOK_HOME") else ROOT) / NAME


def make_copies(folder: Path, root: Path = ROOT) -> list[Path]:
    """Copy the notebooks that are not in the work folder yet, and the pictures that their text shows.

    Parameters
    ----------
    folder : Path
        The work folder; made when missing.
    root : Path
        The repository.

    Returns
    -------
    list of Path
        The new copies of notebooks. Delete or rename a copy to get a new one.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    made = []
    for notebook in sorted(notebook_files(root, FOLDERS)):
        copy = folder / notebook.relative_to(root)
        if copy.exists():
            continue
        # Whole or not at all: what a kill leaves half-written would never be made again.
        write_atomically(copy, notebook.read_bytes())
        made.append(copy)
    for picture in sorted(path for name in FOLDERS for path in (root / name).rglob("images/*.png")):
        copy = folder / picture.relative_to(root)
        if not copy.exists() or copy.read_bytes() != picture.read_bytes():
            write_atomically(copy, picture.read_bytes())
    return made
