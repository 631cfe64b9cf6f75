"""The learner's own copies of the notebooks: made once, worked in, never overwritten.

The notebooks of ``chapters/``, ``capstone/`` and ``quizzes/`` are files of the repository. Who works in them would lose
the work to the next build, and meet conflicts with the next ``git pull``.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from lakehouse.home import ROOT, home
from workbook.plan import notebook_files

NAME = "work"
FOLDERS = ("chapters", "capstone", "quizzes")


def work_folder() -> Path:
    """``work`` at the root of the repository, or in ``WORKBOOK_HOME`` where that is set."""
    return (home() if os.environ.get("WORKBOOK_HOME") else ROOT) / NAME


def make_copies(folder: Path, root: Path = ROOT) -> list[Path]:
    """Copy the notebooks that are not in the work folder yet.

    Parameters
    ----------
    folder : Path
        The work folder; made when missing.
    root : Path
        The repository.

    Returns
    -------
    list of Path
        The new copies. Delete or rename a copy to get a new one.

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
        copy.parent.mkdir(parents=True, exist_ok=True)
        # Moved into place whole: what a kill leaves half-written would never be made again.
        unfinished = copy.with_suffix(".part")
        shutil.copyfile(notebook, unfinished)
        unfinished.replace(copy)
        made.append(copy)
    return made
