"""A new chapter from the template: its folder, and its entry in the manifest."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lakehouse.errors import InvalidValue
from lakehouse.files import write_atomically
from workbook import manifest

_TEMPLATE = Path(__file__).parent / "template"
_STEM = re.compile(r"(\d\d)_[a-z0-9_]+")


def new_chapter(stem: str, folder: Path = manifest.FOLDER) -> list[Path]:
    """Make a chapter as a draft that holds every contract. Files that are there stay as they are.

    Parameters
    ----------
    stem : str
        Number and name, such as ``05_spark_ml``.
    folder : Path
        The course.

    Returns
    -------
    list of Path
        The files made or changed.

    Raises
    ------
    InvalidValue
        If the stem is not of this form, another chapter has its number, or its lesson is written already.
    """
    found = _STEM.fullmatch(stem)
    if found is None:
        raise InvalidValue(f"{stem!r} is not the stem of a chapter: write number and name, such as 05_spark_ml.")
    course = manifest.read(folder)
    entry = next((chapter for chapter in course.chapters if chapter.number == found[1]), None)
    if entry is not None and entry.stem != stem:
        raise InvalidValue(f"chapter {found[1]} is {entry.stem}: choose another number.")
    room = folder / f"ch{stem}"
    if (room / "lesson.py").exists():
        raise InvalidValue(f"{room / 'lesson.py'} is there already.")
    title = entry.title if entry else stem[3:].replace("_", " ").capitalize()
    objectives = (entry.objectives if entry else ()) or tuple(course.objectives)
    values = {
        "stem": stem,
        "number": found[1],
        "title": title,
        "question": entry.question if entry else "Which question does it answer?",
        "id": f"{int(found[1])}.1",
        "objective": objectives[0],
    }
    manifest_file = folder / "course.yaml"
    text = _as_draft(manifest_file.read_text(encoding="utf-8"), values, known=entry is not None)
    pages = Environment(loader=FileSystemLoader(_TEMPLATE), undefined=StrictUndefined, keep_trailing_newline=True)
    made = []
    for template in sorted(_TEMPLATE.glob("*.j2")):
        target = room / template.stem
        if not target.exists():
            write_atomically(target, pages.get_template(template.name).render(values))
            made.append(target)
    write_atomically(manifest_file, text)
    return [*made, manifest_file]


def _as_draft(text: str, values: dict[str, str], *, known: bool) -> str:
    """The manifest with the chapter marked as a draft. Written by hand, with comments, so it is changed line by line."""
    lines = text.splitlines(keepends=True)
    stems = {n: found[1] for n, line in enumerate(lines) if (found := re.match(r"  - stem: (\d\d_\w+)", line))}
    if known:
        (place,) = (n for n, stem in stems.items() if stem == values["stem"])
        lines.insert(place + 1, "    draft: true\n")
        return "".join(lines)
    later = [n for n, stem in stems.items() if stem > values["stem"]]
    # Behind the last chapter comes an empty line or the next part.
    place = later[0] if later else next(n for n in range(max(stems) + 1, len(lines)) if not lines[n].startswith("    "))
    fields = {
        "stem": values["stem"],
        "draft": True,
        "title": values["title"],
        "question": values["question"],
        "objectives": [],
        "leaves": "nothing yet",
    }
    dumped = yaml.safe_dump([fields], sort_keys=False, default_flow_style=None, width=200)
    lines[place:place] = [f"  {line}\n" for line in dumped.splitlines()]
    return "".join(lines)
