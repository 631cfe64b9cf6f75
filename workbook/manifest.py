"""The manifest of the course: ``course/course.yaml`` and ``course/objectives.yaml``, checked field by field when read.

The machinery finds everything that is taught through this module. It imports a chapter's or project's modules by the
names that :class:`Manifest` gives, so it names none of them itself.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lakehouse.errors import InvalidValue
from lakehouse.paths import ROOT

FOLDER = ROOT / "course"
_FILE, _OBJECTIVES = "course.yaml", "objectives.yaml"

Stem = Annotated[str, Field(pattern=r"^\d\d_[a-z0-9_]+$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, Field(min_length=1)]


class ManifestError(InvalidValue):
    """A manifest that cannot be used; each line of the message names file, entry and field."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Chapter(_Strict):
    """One chapter.

    Attributes
    ----------
    stem : str
        Name of its notebook; its folder is ``ch<stem>``.
    title, question : str
        What it is about, and the question it answers.
    objectives : tuple of str
        The exam objectives that it teaches.
    project : str or None
        The project whose parameters and assets its notebook uses.
    needs : tuple of str
        Assets of the project that ``start`` makes when they are missing.
    leaves : str
        What it leaves for later chapters, in words.
    task : str or None
        What somebody who has learnt it does from an empty notebook: its row of the rubric.
    draft : bool
        Keep the lesson and its exercises out of the build.
    """

    stem: Stem
    title: Text
    question: Text
    objectives: tuple[str, ...]
    project: Name | None = None
    needs: tuple[Name, ...] = ()
    leaves: Text
    task: Text | None = None
    draft: bool = False

    @property
    def number(self) -> str:
        """The number in its stem, ``"04"``."""
        return self.stem[:2]

    @property
    def notebook(self) -> str:
        """Path of its notebook below the root."""
        return f"chapters/{self.stem}.ipynb"


class ProjectNotebook(_Strict):
    """A notebook of a project and the assets that it needs."""

    stem: Name
    needs: tuple[Name, ...] = ()


class ProjectEntry(_Strict):
    """A project: its name, what it is, and its notebooks, which follow each other in the folder ``target``."""

    name: Name
    title: Text
    about: Text
    target: Annotated[str, Field(pattern=r"^capstone/[a-z0-9_/]+$")]
    notebooks: tuple[ProjectNotebook, ...]


class Exam(_Strict):
    """The blueprint of an exam: items for each domain, minutes, and how many fixed forms are drawn from it."""

    name: Name
    title: Text
    domains: dict[str, int]
    minutes: int
    fixed: int


class Paper(_Strict):
    """A form that follows from the questions of an old paper, ``sources`` with each number from 1 to ``questions``."""

    form: Text
    title: Text
    sources: Annotated[str, Field(pattern=r"\{\}")]
    questions: Annotated[int, Field(ge=1)]
    minutes: int | None = None

    @property
    def names(self) -> list[str]:
        """The names of its questions, as items give them in ``source``."""
        return [self.sources.format(number) for number in range(1, self.questions + 1)]


class Domain(_Strict):
    """An exam domain with its objectives: id to words."""

    title: Text
    objectives: dict[str, Text]


class Use(_Strict):
    """What a notebook takes from a project: the project's name and the assets that have to be there."""

    project: str
    needs: tuple[str, ...]


class Manifest(_Strict):
    """All of the course in order: chapters, projects, exams, and the objectives of both exams."""

    folder: Path
    chapters: tuple[Chapter, ...]
    projects: tuple[ProjectEntry, ...]
    exams: tuple[Exam, ...]
    bands: dict[int, Text]
    papers: tuple[Paper, ...]
    domains: dict[str, Domain]

    @model_validator(mode="after")
    def _consistent(self) -> Manifest:
        names = [chapter.stem for chapter in self.chapters] + [stem for stem, _ in self._project_notebooks()]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ValueError(f"{', '.join(twice)} names two notebooks; a stem is used once")
        known = {project.name for project in self.projects}
        for chapter in self.chapters:
            if chapter.project is not None and chapter.project not in known:
                raise ValueError(f"{chapter.stem}: there is no project {chapter.project!r}")
            if chapter.needs and chapter.project is None:
                raise ValueError(f"{chapter.stem}: needs {', '.join(chapter.needs)} but names no project")
            unknown = [each for each in chapter.objectives if each not in self.objectives]
            if unknown:
                raise ValueError(f"{chapter.stem}: {', '.join(unknown)} is not an objective of {_OBJECTIVES}")
        return self

    @property
    def package(self) -> str:
        """Name of the package that holds the chapters' and projects' modules."""
        return self.folder.name

    @functools.cached_property
    def objectives(self) -> dict[str, str]:
        """All objectives, id to words, in their order."""
        return {name: words for domain in self.domains.values() for name, words in domain.objectives.items()}

    def chapter_folder(self, chapter: Chapter) -> Path:
        """Folder of a chapter's sources."""
        return self.folder / f"ch{chapter.stem}"

    def lessons(self) -> dict[str, Path]:
        """The notebooks' sources, in the order of the course: path of a notebook below the root to its source.

        A chapter whose lesson is missing or a draft has no notebook.
        """
        found = {
            chapter.notebook: self.chapter_folder(chapter) / "lesson.py"
            for chapter in self.chapters
            if not chapter.draft
        }
        for project in self.projects:
            for notebook in project.notebooks:
                source = self.folder / project.name / "notebooks" / f"{notebook.stem}.py"
                found[f"{project.target}/{notebook.stem}.ipynb"] = source
        return {notebook: source for notebook, source in found.items() if source.exists()}

    def written(self) -> list[Chapter]:
        """The chapters that have a notebook, in order."""
        there = self.lessons()
        return [chapter for chapter in self.chapters if chapter.notebook in there]

    def checks(self) -> dict[str, str]:
        """The modules with exercises: chapter (``"04"``) or project to the module's name.

        A draft's exercises are not listed.
        """
        rooms = {chapter.number: f"ch{chapter.stem}" for chapter in self.chapters if not chapter.draft}
        rooms |= {project.name: project.name for project in self.projects}
        return {
            name: f"{self.package}.{room}.checks"
            for name, room in rooms.items()
            if (self.folder / room / "checks.py").exists()
        }

    def use_of(self, stem: str) -> Use | None:
        """What the notebook of this stem takes from a project; None for one that needs the platform alone.

        Raises
        ------
        InvalidValue
            If no notebook has this stem.
        """
        for chapter in self.chapters:
            if chapter.stem == stem:
                return None if chapter.project is None else Use(project=chapter.project, needs=chapter.needs)
        for other, use in self._project_notebooks():
            if other == stem:
                return use
        known = [chapter.stem for chapter in self.chapters] + [other for other, _ in self._project_notebooks()]
        raise InvalidValue(
            f"notebook={stem!r} is not in {_FILE}: use the stem of a notebook, one of {', '.join(known)}, or none."
        )

    def _project_notebooks(self) -> Iterator[tuple[str, Use]]:
        for project in self.projects:
            for notebook in project.notebooks:
                yield notebook.stem, Use(project=project.name, needs=notebook.needs)


def read(folder: Path) -> Manifest:
    """Read the manifest of a folder.

    Raises
    ------
    ManifestError
        One line for each fault: file, entry and what is wrong.
    """
    fields = _yaml(folder / _FILE)
    try:
        return Manifest.model_validate({**fields, "folder": folder, "domains": _yaml(folder / _OBJECTIVES)})
    except ValidationError as error:
        faults = [
            f"{_FILE}, {'.'.join(map(str, fault['loc'])) or 'course'}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors()
        ]
        raise ManifestError("\n".join(faults)) from None


@functools.cache
def manifest() -> Manifest:
    """The manifest of this course, read once. Errors as for :func:`read`."""
    return read(FOLDER)


def load_yaml(text: str) -> Any:
    """Read YAML with the fast parser where PyYAML has it: a bank takes a tenth of the time."""
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _yaml(path: Path) -> dict[str, Any]:
    try:
        found = load_yaml(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ManifestError(f"{path} cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise ManifestError(f"{path} must hold a mapping")
    return found
