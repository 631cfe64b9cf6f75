"""Contracts that every committed notebook holds. The rules are functions here, and are tested on samples themselves."""

from __future__ import annotations

import ast
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from lakehouse.paths import ROOT
from workbook import copies
from workbook.build import changes
from workbook.cli import commands
from workbook.exercises import exercises
from workbook.manifest import manifest
from workbook.quiz.banks import read_forms, whole_bank

LARGEST = 300_000
SKIPPED_FOLDERS = re.compile(r"\..*|__pycache__|.*\.egg-info|mlruns|spark-warehouse|node_modules")
ASSETS = {".ipynb", ".py", ".r", ".scala", ".sql"}
ALLOWED_PATHS = ("/Volumes/", "/api/")
ABSOLUTE_PATH = re.compile(r"/[\w.-]+/|/(tmp|home|root|mnt|dbfs|Users)\b|~/|[A-Za-z]:[\\/]|file:/")
MACHINE_PATH = re.compile(r"/(home|root|Users|tmp|private|var)/\w")
CLASSIC_ONLY = {"rdd", "sparkContext", "_jdf", "_jvm", "_jsc", "_sc"}
MYST_BLOCK = re.compile(r"^\s*(:{3,}|[`~]{3,}\{|\([\w-]+\)=\s*$)", re.MULTILINE)


def folders(root: Path = ROOT) -> Iterator[tuple[Path, list[str], list[str]]]:
    for folder, below, files in os.walk(root):
        # The learner's copies are not ours to judge, solved or not.
        below[:] = sorted(
            name for name in below if not SKIPPED_FOLDERS.fullmatch(name) and Path(folder, name) != root / copies.NAME
        )
        yield Path(folder), below, sorted(files)


NOTEBOOKS = [folder / name for folder, _, files in folders() for name in files if name.endswith(".ipynb")]
SOLVED = [path for path in NOTEBOOKS if path.is_relative_to(ROOT / "solutions")]
UNSOLVED = [path for path in NOTEBOOKS if path not in SOLVED]
SHEETS = [path for path in UNSOLVED if path.is_relative_to(ROOT / "quizzes")]
LESSONS = [path for path in NOTEBOOKS if path not in SHEETS]
SOURCES = manifest().lessons()


def each(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.relative_to(ROOT).as_posix())


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def parse(source: str) -> ast.Module:
    return ast.parse(TransformerManager().transform_cell(source))


def calls(path: Path, name: str) -> list[ast.Call]:
    nodes = [node for cell in code(path) for node in ast.walk(parse(cell.source))]
    return [node for node in nodes if isinstance(node, ast.Call) and getattr(node.func, "id", None) == name]


def checked(path: Path) -> list[str]:
    return [ast.literal_eval(call.args[0]) for call in calls(path, "check")]


# The rules -----------------------------------------------------------------------------------------------------------


def faults_of_code(source: str) -> list[str]:
    """What would not run on another machine, on Spark Connect or on Databricks."""
    faults = [f"magic {line.strip()!r}" for line in source.splitlines() if re.match(r"\s*%run\b", line)]
    tree = parse(source)
    # Only the beginning of an f-string can make a path absolute.
    later = {id(piece) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for piece in node.values[1:]}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) if name in CLASSIC_ONLY:
                faults.append(f".{name} needs classic Spark")
            case ast.Name(id="sc"):
                faults.append("sc needs classic Spark")
            case ast.ImportFrom(module="delta" | "delta.tables"):
                faults.append("DeltaTable needs classic Spark: use SQL or the DataFrame API")
            case ast.Constant(value=str(text)) if id(node) not in later:
                if "dbfs:/" in text:
                    faults.append(f"{text!r} is on DBFS")
                elif ABSOLUTE_PATH.match(text) and not text.startswith(ALLOWED_PATHS):
                    faults.append(f"{text!r} is an absolute path")
    return faults


def faults_of_markdown(source: str) -> list[str]:
    """What Databricks and Jupyter would show as raw text: MyST directives, labels and roles."""
    faults = [match.group().strip() for match in MYST_BLOCK.finditer(source)]
    for span in re.finditer(r"(`+)(.+?)\1", source, flags=re.DOTALL):
        if role := re.search(r"\{[\w:+-]+\}$", source[: span.start()]):
            faults.append(role.group() + span.group())
    return faults


@pytest.mark.parametrize(
    "source",
    [
        "%run ./setup",
        "df.rdd.map(f)",
        "spark.sparkContext.parallelize([1])",
        "sc.parallelize([1])",
        "df._jdf",
        "from delta.tables import DeltaTable",
        "open('/tmp/x.csv')",
        "open(f'/dbfs/{name}')",
        "path = '~/data'",
        r"path = 'C:\\data'",
        "spark.read.load('dbfs:/x')",
        "spark.read.load(f'{scheme}') or 'file:/x'",
    ],
)
def test_the_rule_for_code_bites(source):
    assert faults_of_code(source)


@pytest.mark.parametrize(
    "source",
    [
        "%matplotlib inline\nx = 1",
        "f'{root}/tables/x'",
        "'/Volumes/main/ml/files'",
        "'https://docs.databricks.com/aws/en/'",
        "rate = 'calls/week'\nlabel = '/week'\ny = a / b",
        "spark.range(3).select('id')  # no .rdd here",
    ],
)
def test_the_rule_for_code_spares_what_runs_anywhere(source):
    assert faults_of_code(source) == []


@pytest.mark.parametrize("source", ["::: note\nhi\n:::", "```{note}\nhi\n```", "see {ref}`here`", "(label)=\n# Title"])
def test_the_rule_for_markdown_bites(source):
    assert faults_of_markdown(source)


@pytest.mark.parametrize(
    "source", ["the name `main.{schema}` and `x`", "```python\nf'{a}'\n```", "$\\frac{a}{b}$", "a :: b", "f(x)= 2"]
)
def test_the_rule_for_markdown_spares_plain_markdown(source):
    assert faults_of_markdown(source) == []


# The repository ------------------------------------------------------------------------------------------------------


def test_the_learners_copies_are_not_the_course(tmp_path):
    for name in ("work/chapters", "chapters/work", ".workbook"):
        (tmp_path / name).mkdir(parents=True)
    assert [folder.relative_to(tmp_path).as_posix() for folder, _, _ in folders(tmp_path)] == [
        ".",
        "chapters",
        "chapters/work",
    ]


def test_notebooks_are_fresh():
    stale = [f"{change.path.relative_to(ROOT)} is {change.reason}" for change in changes(commands=commands())]
    assert not stale, "run `wb build`: " + ", ".join(stale)


def test_every_notebook_is_generated():
    assert {path.relative_to(ROOT).as_posix() for path in UNSOLVED if path not in SHEETS} == set(SOURCES)
    assert {path.stem for path in SHEETS} == set(read_forms().fixed)
    assert {path.relative_to(ROOT / "solutions").as_posix() for path in SOLVED} == set(SOURCES)


def test_one_stem_across_all_folders():
    stems = Counter(path.stem for path in UNSOLVED)
    assert [stem for stem, count in stems.items() if count > 1] == []


def test_no_two_assets_with_one_stem_in_a_folder():
    # Databricks refuses x.py beside x.ipynb, and x.ipynb beside a folder x.
    clashes = []
    for folder, below, files in folders():
        stems = Counter(below) + Counter(Path(name).stem for name in files if Path(name).suffix.lower() in ASSETS)
        clashes += [folder.relative_to(ROOT) / stem for stem, count in stems.items() if count > 1]
    assert clashes == []


def test_every_exercise_is_asked_once():
    asked = Counter(exercise_id for path in UNSOLVED for exercise_id in checked(path))
    assert asked == Counter(exercises().keys())


def test_a_demo_table_belongs_to_one_lesson():
    # Two lessons that run side by side would drop each other's tables.
    used = {
        path: set(re.findall(r"\bdemo_\w+", "\n".join(cell.source for cell in code(path))))
        for path in UNSOLVED
        if path not in SHEETS
    }
    shared = Counter(name for names in used.values() for name in names)
    assert [name for name, count in shared.items() if count > 1] == []


# The chapters --------------------------------------------------------------------------------------------------------

CHAPTERS = [each for each in manifest().chapters if f"chapters/{each.stem}.ipynb" in SOURCES]
MOST_EXERCISES, FEWEST_EXERCISES, FEWEST_PICTURES = 14, 8, 3


def each_chapter(function):
    return pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)(function)


def markdown(path: Path) -> str:
    return "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")


def anchors(text: str) -> set[str]:
    """The headings of a lesson as questions name them: lower case, joined by hyphens, without the leading number."""
    headings = re.findall(r"^#{2,3} (?:\d+ · )?(.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-") for heading in headings}


def objectives_in(text: str) -> set[str]:
    """The ids that a text names: "ASC-1.05 to 1.09", "PRO-1.01, 1.03", "PRO-2.02"."""
    found = set()
    for exam, section, names in re.findall(r"(PRO|ASC)-(\d)\.(\d\d(?:(?:, | and | to )(?:\d\.)?\d\d\b)*)", text):
        names = re.sub(r"\d\.(?=\d\d)", "", names)
        names = re.sub(
            r"(\d\d) to (\d\d)", lambda ends: " ".join(f"{n:02d}" for n in range(int(ends[1]), int(ends[2]) + 1)), names
        )
        found |= {f"{exam}-{section}.{number}" for number in re.findall(r"\d\d", names)}
    return found


def decimals(text: str) -> set[str]:
    """Numbers with a decimal point in prose. Code, links, headings and numbers of sections or versions are none."""
    text = re.sub(r"```.*?```", " ", text, flags=re.DOTALL)
    # A line such as "* a: ..." is what an exercise gives.
    text = re.sub(r"`[^`]*`|\]\([^)]*\)|^#.*$|^\|.*$|^>.*$|^\* [a-z]: .*$", " ", text, flags=re.MULTILINE)
    text = re.sub(r"\b(?:MLflow|Spark|PySpark|Delta|Delta Lake|Runtime|Python) \d+\.\d+", " ", text)
    return set(re.findall(r"(?<![\w.-])\d+\.\d+(?![\w.]*[\w]|\s*(?:LTS|ML\b))", text))


def test_the_rules_for_headings_and_numbers():
    assert anchors("## 3 · Merge\n### Exercise 4.1 - a key\n# Title") == {"merge", "exercise-4-1-a-key"}
    assert decimals("an AUC of 0.81, see `0.5`, version 17.3 LTS, and 3.0.1") == {"0.81"}
    named = objectives_in("ASC-1.05 to 1.07, PRO-1.01, 1.03 and PRO-2.02")
    assert named == {"ASC-1.05", "ASC-1.06", "ASC-1.07", "PRO-1.01", "PRO-1.03", "PRO-2.02"}
    assert decimals("| 0.7 |\n> **Today** from 18.0 on\n## 2.5 x\nand 0.9 below") == {"0.9"}


def test_every_section_that_a_question_names_is_there():
    known = {each.stem: anchors(markdown(ROOT / f"chapters/{each.stem}.ipynb")) for each in CHAPTERS}
    named = {item.id: item.see.split("#") for item in whole_bank().items.values()}
    missing = [
        f"{item}: {stem}#{anchor}" for item, (stem, anchor) in named.items() if anchor not in known.get(stem, {anchor})
    ]
    assert missing == []


@each_chapter
def test_every_objective_of_a_chapter_is_listed_practised_and_asked(chapter):
    text = markdown(ROOT / f"chapters/{chapter.stem}.ipynb")
    listed = objectives_in(text)
    assert sorted(set(chapter.objectives) - listed) == [], "not in the text"
    asked = {objective for item in whole_bank().items.values() for objective in item.objectives}
    assert sorted(set(chapter.objectives) - asked) == [], "no question"
    practised = {objective for each in exercises().values() for objective in each.objectives}
    # Online stores are built where they are served.
    elsewhere = {"PRO-1.20", "PRO-1.21", "ASC-1.10"}
    assert sorted(set(chapter.objectives) - practised - elsewhere) == [], "no exercise"


@each_chapter
def test_a_chapter_is_a_sitting_of_exercises_pictures_and_an_end(chapter):
    path = ROOT / "solutions" / f"chapters/{chapter.stem}.ipynb"
    text = markdown(path)
    assert FEWEST_EXERCISES <= len(checked(path)) <= MOST_EXERCISES
    found = [output for cell in code(path) for output in cell.outputs if "image/png" in output.get("data", {})]
    assert len(found) + len(re.findall(r"!\[[^]]+\]\(", text)) >= FEWEST_PICTURES
    assert text.startswith(f"# {chapter.number} · {chapter.title}\n## {chapter.question}\n")
    for part in ("## Checkpoint", "## Recap", "**Traps**", "**Next**", "**Quiz**"):
        assert part in text


@each(SOLVED)
def test_every_picture_says_what_it_shows(path):
    pictures = [output for cell in code(path) for output in cell.outputs if "image/png" in output.get("data", {})]
    alts = [output.metadata.get("image/png", {}).get("alt", "") for output in pictures]
    assert [alt for alt in alts if len(alt) < 20] == []
    assert "![](" not in markdown(path)


@each(SOLVED)
def test_decimals_in_the_text_come_from_the_code_or_an_output(path):
    cells = code(path)
    shown = "\n".join([cell.source for cell in cells] + [json.dumps(cell.outputs) for cell in cells])
    assert sorted(number for number in decimals(markdown(path)) if number not in shown) == []


@each(LESSONS)
def test_every_relative_link_leads_to_a_file(path):
    links = re.findall(r"\]\((?!https?:|#|attachment:)([^)\s#]+)", markdown(path))
    assert [link for link in links if not (path.parent / link).exists()] == []


# Each notebook -------------------------------------------------------------------------------------------------------


@each(NOTEBOOKS)
def test_is_a_valid_notebook_with_ids_and_small(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    nbformat.validate(notebook)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    assert path.stat().st_size < LARGEST


@each(NOTEBOOKS)
def test_is_portable(path):
    cells = read(path).cells
    faults = [fault for cell in cells if cell.cell_type == "code" for fault in faults_of_code(cell.source)]
    faults += [fault for cell in cells if cell.cell_type == "markdown" for fault in faults_of_markdown(cell.source)]
    assert faults == []


@each(NOTEBOOKS)
def test_pictures_of_the_text_are_there_small_and_have_a_text(path):
    for cell in read(path).cells:
        for text, target in re.findall(r"!\[([^]]*)\]\(([^)]*)\)", cell.source if cell.cell_type == "markdown" else ""):
            picture = path.parent / target
            assert picture.is_file(), f"{target} is not there"
            assert picture.stat().st_size <= 60_000, f"{target} has more than 60 kB"
            assert len(text) > 20, f"{target} needs a text that says what it shows"


@each(LESSONS)
def test_starts_with_parameters_and_start(path):
    cells = code(path)
    tagged = [number for number, cell in enumerate(cells) if "parameters" in cell.metadata.get("tags", ())]
    starting = [number for number, cell in enumerate(cells) if re.search(r"\bstart\(", cell.source)]
    assert len(tagged) == 1, "one cell is tagged 'parameters'"
    assert len(starting) == len(calls(path, "start")) == 1, "start() is called once"
    assert tagged < starting, "parameters come before start()"
    for statement in parse(cells[tagged[0]].source).body:
        assert isinstance(statement, ast.Assign), "parameters are plain assignments"
        value = ast.literal_eval(statement.value)
        assert isinstance(value, bool | int | float | str), f"{value!r} has no type that a widget could be cast to"
    (call,) = calls(path, "start")
    assert ast.literal_eval(call.args[0]) == path.stem, "start() is told the notebook's own stem"


@each(LESSONS)
def test_asks_for_exercises_of_its_own_chapter(path):
    known = exercises()
    chapter = path.parent.name if "capstone" in path.relative_to(ROOT).parts else path.stem.partition("_")[0]
    for exercise_id in checked(path):
        assert known[exercise_id].chapter == chapter
        assert known[exercise_id].hint and known[exercise_id].objectives


@each(UNSOLVED)
def test_unsolved_has_no_outputs(path):
    assert [cell.id for cell in code(path) if cell.outputs or cell.execution_count] == []


@each(SHEETS)
def test_a_sheet_asks_its_form_with_no_letter_given(path):
    cells = code(path)
    assert [cell.id for cell in cells] == ["answers", "form", "grade"]
    assert cells[0].metadata.tags == ["parameters"]
    values = {node.targets[0].id: ast.literal_eval(node.value) for node in parse(cells[0].source).body}
    form = read_forms().fixed[path.stem]
    assert (values["quiz"], values["answers"]) == (form.name, dict.fromkeys(form.items, ""))
    assert values["version"] == whole_bank().only(form.items).version


@each([path for path in UNSOLVED if path not in SHEETS])
def test_unsolved_has_no_answers(path):
    authored = SOURCES[path.relative_to(ROOT).as_posix()].read_text(encoding="utf-8")
    text = "\n".join(cell.source for cell in read(path).cells)
    assert "SOLUTION" not in text and "### STUB" not in text
    lines = Counter(line.strip() for line in authored.splitlines())
    blocks = re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", authored, flags=re.DOTALL)
    answers = [line.strip() for block in blocks for line in block.splitlines() if "### STUB" not in line]
    shown = {line.strip() for line in text.splitlines()}
    assert [line for line in answers if len(line) > 3 and lines[line] == 1 and line in shown] == []


@each(SOLVED)
def test_solved_differs_from_unsolved_by_answers_only(path):
    unsolved = ROOT / path.relative_to(ROOT / "solutions")
    assert [cell.id for cell in read(path).cells] == [cell.id for cell in read(unsolved).cells]
    assert checked(path) == checked(unsolved)


@each(SOLVED)
def test_outputs_show_no_path_of_the_machine_that_made_them(path):
    shown = json.dumps([cell.outputs for cell in code(path)])
    assert MACHINE_PATH.findall(shown) == []
    # The repository and the store may lie anywhere.
    assert not re.findall(r"(?<![\w:/.])/[\w./-]*(?:\.workbook|site-packages|mlflow/artifacts)", shown)
