"""One direction: the platform knows no course, the machinery names no chapter, and nothing goes in a circle."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from lakehouse.paths import ROOT
from workbook.imports import Sources, circle, imports_of
from workbook.manifest import manifest
from workbook.projects import project_named

SOURCES = Sources(ROOT)
EDGES = SOURCES.graph()


def of(package: str) -> dict[str, set[str]]:
    return {name: used for name, used in EDGES.items() if name.partition(".")[0] == package}


def folders(package: str) -> dict[str, set[str]]:
    """The imports between the top-level modules and folders of a package."""
    drawn: dict[str, set[str]] = {}
    for name, used in of(package).items():
        if name.count("."):
            own = name.split(".")[1]
            others = {each.split(".")[1] for each in used if each.startswith(f"{package}.")}
            drawn.setdefault(own, set()).update(others - {own})
    return drawn


def test_imports_are_read_wherever_they_stand_but_for_the_type_checker():
    source = (
        "from __future__ import annotations\nimport a.b\nfrom a import c, name\nif TYPE_CHECKING:\n    import a.t\n"
        "def f():\n    from a.late import x\nrow = 'a.named:thing'\nimport databricks.store\n"
    )
    known = {"a", "a.b", "a.c", "a.t", "a.late", "a.named", "lakehouse.compat.databricks.store"}
    assert imports_of(ast.parse(source), known) == known - {"a.t"}


def test_a_circle_is_found():
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"b"}})) == {"b", "c"}


def test_the_packages_have_one_direction():
    upwards = {"lakehouse": ("workbook", "course"), "workbook": ("course",), "course": ()}
    wrong = [
        f"{name} imports {other}"
        for package, above in upwards.items()
        for name, used in of(package).items()
        for other in used
        if other.partition(".")[0] in above
    ]
    assert wrong == []


@pytest.mark.parametrize("package", ["lakehouse", "workbook"])
def test_no_circle_between_modules_and_none_between_folders(package):
    assert circle(of(package)) == []
    assert circle(folders(package)) == []


def test_the_machinery_names_no_chapter_no_project_and_no_table():
    course = manifest()
    names = {chapter.stem for chapter in course.chapters} | {project.name for project in course.projects}
    # The platform has its own training sets and feature tables.
    assets = {asset.name for project in course.projects for asset in project_named(project.name).assets}
    faults = []
    for name, path in SOURCES.modules.items():
        if name.startswith(("lakehouse", "workbook")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
            for node in ast.walk(tree):
                # Docstrings and messages may give examples; code may not decide by a name.
                if isinstance(node, documented) and ast.get_docstring(node) is not None:
                    node.body = node.body[1:] or [ast.Pass()]
            words = [
                node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
            ]
            words += [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
            faults += [
                f"{name}: {word}"
                for word in words
                if word in names | (assets if name.startswith("workbook") else set())
            ]
    assert faults == []


def test_the_learners_path_imports_nothing_of_the_authors():
    learner = SOURCES.closure(
        ["workbook", "workbook.workspace", "workbook.checks", "workbook.quiz.sheet", "course.churn"]
    )
    assert [name for name in sorted(learner) if name.startswith(("workbook.build", "workbook.quiz.author"))] == []
    program = (
        "import sys, workbook, workbook.quiz.sheet\n"
        "print([n for n in sys.modules if n.startswith(('workbook.build', 'workbook.quiz.author', 'jupytext', 'fsrs'))])"
    )
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
