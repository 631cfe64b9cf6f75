"""A course of a few lines to test with: a manifest, and lessons where it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from workbook.manifest import Manifest, read


def chapter(stem: str, **fields: Any) -> dict[str, Any]:
    """An entry of the manifest."""
    title = stem[3:].replace("_", " ").capitalize()
    return {
        "stem": stem,
        "title": title,
        "question": f"What is {title}?",
        "objectives": [],
        "leaves": "nothing",
        **fields,
    }


def project(name: str, *stems: str, **fields: Any) -> dict[str, Any]:
    """An entry of the manifest, with notebooks that need nothing."""
    notebooks = [{"stem": stem} for stem in stems]
    return {"name": name, "title": name, "about": name, "target": f"capstone/{name}", "notebooks": notebooks, **fields}


def write_course(
    root: Path, *chapters: dict[str, Any], projects: tuple[dict[str, Any], ...] = (), **fields: Any
) -> Manifest:
    """Write ``course/`` of a repository: the manifest with these entries, and one domain with one objective."""
    folder = root / "course"
    folder.mkdir(parents=True, exist_ok=True)
    entries = {"chapters": list(chapters), "projects": list(projects), "exams": [], "bands": {0: "any"}, "papers": []}
    (folder / "course.yaml").write_text(yaml.safe_dump(entries | fields, sort_keys=False))
    (folder / "objectives.yaml").write_text("PRO-1: {title: Models, objectives: {PRO-1.18: Look up}}\n")
    return read(folder)


def write_lesson(root: Path, text: str, notebook: str = "chapters/04_usage") -> Path:
    """Write the source of a notebook where the manifest looks for it."""
    folder, _, stem = notebook.rpartition("/")
    place = f"ch{stem}/lesson.py" if folder == "chapters" else f"{Path(folder).name}/notebooks/{stem}.py"
    source = root / "course" / place
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(text)
    return source
