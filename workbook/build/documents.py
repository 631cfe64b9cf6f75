"""The parts of Markdown documents that follow from the manifest, the bank, the stand-ins and the command line.

A part stands between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``; the rest of a document is written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lakehouse.platform import STAND_INS
from workbook.build.lessons import BuildError
from workbook.manifest import Manifest

FILES = ("README.md", "quizzes/README.md")
_PART = re.compile(r"<!-- begin ([a-z-]+) -->\n(.*?)<!-- end \1 -->", re.DOTALL)


def documents(course: Manifest, root: Path, commands: Mapping[str, str] | None = None) -> dict[Path, str]:
    """The documents of a repository with their generated parts as they should be, by path.

    Parameters
    ----------
    course : Manifest
    root : Path
    commands : mapping of str to str, optional
        Name of each command to what it does. Without it the list of commands stays as it is.

    Raises
    ------
    BuildError
        If a document asks for a part that nothing gives.
    """
    parts: dict[str, Callable[[], str]] = {
        "chapters": lambda: _chapters(course),
        "questions": lambda: _questions(course),
        "forms": lambda: _forms(course),
        "stand-ins": _stand_ins,
    }
    if commands is not None:
        parts["commands"] = lambda: _table(
            ("command", "does"), [(f"`wb {name}`", text) for name, text in commands.items()]
        )

    def filled(path: Path) -> str:
        def part(found: re.Match[str]) -> str:
            name = found[1]
            if name == "commands" and commands is None:
                return found[0]
            if name not in parts:
                raise BuildError(f"{path.relative_to(root)}: there is no part {name!r}; use one of {', '.join(parts)}")
            return f"<!-- begin {name} -->\n{parts[name]()}<!-- end {name} -->"

        return _PART.sub(part, path.read_text(encoding="utf-8"))

    return {root / file: filled(root / file) for file in FILES if (root / file).exists()}


def _chapters(course: Manifest) -> str:
    there = course.lessons()

    def link(number: str, notebook: str) -> str:
        return f"[{number}]({notebook})" if notebook in there else f"{number}, planned"

    rows = [
        (
            link(chapter.number, chapter.notebook),
            f"**{chapter.title}**: {_lower(chapter.question)}",
            chapter.leaves,
        )
        for chapter in course.chapters
    ]
    rows += [("", f"**{project.title}**: {project.about}, `{project.target}/`", "") for project in course.projects]
    return _table(("chapter", "question", "leaves"), rows)


def _questions(course: Manifest) -> str:
    from workbook.quiz.author.bank import TIER_RESTS_ON, read_bank

    items = [item for own in read_bank(course).values() for item in own]
    rows = [(tier, str(sum(item.tier == tier for item in items)), words) for tier, words in TIER_RESTS_ON.items()]
    rows.append(("all", str(len(items)), ""))
    return _table(("tier", "questions", "what the key rests on"), rows)


def _forms(course: Manifest) -> str:
    from workbook.quiz.author.bank import read_bank
    from workbook.quiz.author.fixed_forms import all_forms

    items = [item for own in read_bank(course).values() for item in own]
    rows = [
        (f"`{form.name}`", form.title, str(len(form.items)), str(form.minutes or ""))
        for form in all_forms(items, course)
    ]
    return _table(("form", "title", "questions", "minutes"), rows)


def _stand_ins() -> str:
    rows = [(part.platform, part.here, part.differs) for part in STAND_INS]
    return _table(("on the platform", "here", "what differs"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("|" + "|".join(f" {cell} " if cell else " " for cell in line) + "|\n" for line in lines)


def _lower(question: str) -> str:
    return question[:1].lower() + question[1:] if question[:2] != "I " else question
