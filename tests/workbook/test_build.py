"""Building notebooks from authored text: determinism, stubs, faults, outputs."""

from __future__ import annotations

import ast
import base64
import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import v4
from small_course import chapter, project, write_course, write_lesson

from workbook.build import BuildError, build, changes, store_outputs
from workbook.build.lessons import footer
from workbook.manifest import ManifestError

LESSON = """
# %% [markdown]
# # Usage
#
# ### Exercise 4.1

# %% tags=["parameters"]
n = 3

# %%
### BEGIN SOLUTION
rows = [day for day in range(n)]
### END SOLUTION
check("4.1", rows)

# %% tags=["nbval-check-output"]
print("a", n)
n + 1

# %% tags=["solution"]
total = 41
for row in rows:
    total += row
_scratch = 1

# %% [markdown] tags=["solution"]
# Because the feed is late.
"""


@pytest.fixture
def root(tmp_path):
    write_course(tmp_path, chapter("04_usage"), projects=(project("churn", "churn_01_read"),))
    return tmp_path


def built(root: Path, text: str, exercises=("4.1",)) -> tuple[list, list]:
    """Unsolved and solved cells of one authored file."""
    write_lesson(root, text)
    build(root=root, exercises=exercises)
    paths = root / "chapters/04_usage.ipynb", root / "solutions/chapters/04_usage.ipynb"
    return tuple(nbformat.read(path, as_version=4).cells for path in paths)


def solution_block(*lines: str) -> str:
    return "\n".join(["# %%", "### BEGIN SOLUTION", *lines, "### END SOLUTION"]) + "\n"


def executed(path: Path, to: Path) -> Path:
    notebook = nbformat.read(path, as_version=4)
    define = v4.new_code_cell("check = lambda *answers: None", metadata={"tags": ["injected-parameters"]})
    notebook.cells.insert(0, define)
    NotebookClient(notebook, timeout=60).execute()
    notebook.metadata["papermill"] = {"duration": 1.5}
    nbformat.write(notebook, to)
    return to


def test_each_source_gives_an_unsolved_and_a_solved_notebook(root):
    write_lesson(root, LESSON)
    write_lesson(root, "# %%\nx = 1\n", "capstone/churn/churn_01_read")
    written = build(root=root, exercises=["4.1"])
    assert {path.relative_to(root).as_posix() for path in written} == {
        "chapters/04_usage.ipynb",
        "solutions/chapters/04_usage.ipynb",
        "capstone/churn/churn_01_read.ipynb",
        "solutions/capstone/churn/churn_01_read.ipynb",
    }


def test_building_again_changes_nothing_and_gives_the_same_bytes(root):
    write_lesson(root, LESSON)
    first = {path: path.read_bytes() for path in build(root=root, exercises=["4.1"])}
    assert build(root=root, exercises=["4.1"]) == []
    for path in first:
        path.unlink()
    assert {path: path.read_bytes() for path in build(root=root, exercises=["4.1"])} == first


def test_notebooks_are_valid_and_say_where_they_come_from(root):
    write_lesson(root, LESSON)
    for path in build(root=root, exercises=["4.1"]):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert notebook.metadata.workbook.source == "course/ch04_usage/lesson.py"
        assert notebook.metadata.kernelspec.name == "python3"
        assert set(notebook.metadata) == {"kernelspec", "language_info", "workbook"}


def test_solutions_and_markers_stay_out_of_the_unsolved_notebook(root):
    unsolved, solved = built(root, LESSON)
    assert [cell.source for cell in unsolved] == [
        "# Usage\n\n### Exercise 4.1",
        "n = 3",
        'rows = ...\ncheck("4.1", rows)',
        'print("a", n)\nn + 1',
        "total = ...",
        "*Write your answer here.*",
    ]
    assert solved[2].source == 'rows = [day for day in range(n)]\ncheck("4.1", rows)'
    assert solved[5].source == "Because the feed is late."
    assert "SOLUTION" not in json.dumps([unsolved, solved])


def test_twins_share_ids_and_tags(root):
    unsolved, solved = built(root, LESSON)
    assert [(cell.id, cell.metadata) for cell in unsolved] == [(cell.id, cell.metadata) for cell in solved]
    assert unsolved[1].metadata.tags == ["parameters"]


def test_both_notebooks_show_the_picture_beside_the_unsolved_one(root):
    text = "\n# %% [markdown]\n# ![Two runs](images/04_runs.png) and `images/04_runs.png` and ![x](https://a.b/images/c.png)\n"
    unsolved, solved = built(root, LESSON + text)
    assert unsolved[-1].source.startswith("![Two runs](images/04_runs.png) and `images/04_runs.png`")
    assert solved[-1].source == unsolved[-1].source.replace("](images", "](../../chapters/images")
    assert (root / "solutions/chapters/../../chapters/images").resolve() == root / "chapters/images"


def test_a_chapter_ends_with_links_to_its_quiz_and_its_neighbours(tmp_path):
    stems = ("03_before", "04_usage", "05_planned", "06_after")
    course = write_course(tmp_path, *map(chapter, stems))
    for stem in ("03_before", "04_usage", "06_after"):
        write_lesson(tmp_path, "# %%\na = 1\n", f"chapters/{stem}")
    found = {each.stem: footer(course, each, {"quiz-04"}) for each in course.chapters if each.stem != "05_planned"}
    (cell,) = found["04_usage"]
    assert cell.source == (
        "---\n**Quiz** `./wb quiz 04` in a terminal, or the [answer sheet](../quizzes/quiz-04.ipynb) · "
        "**Back** [03 Before](03_before.ipynb) · **Next** [06 After](06_after.ipynb)"
    )
    build(root=tmp_path, exercises=())
    solved = nbformat.read(tmp_path / "solutions/chapters/04_usage.ipynb", as_version=4).cells[-1].source
    assert solved == "---\n**Back** [03 Before](03_before.ipynb) · **Next** [06 After](06_after.ipynb)"


def test_an_edit_changes_the_id_of_its_own_cell_only(root):
    before, _ = built(root, "# %%\na = 1\n\n# %%\nb = 1\n\n# %%\nb = 1\n")
    after, _ = built(root, "# %%\nnew = 0\n\n# %%\na = 2\n\n# %%\nb = 1\n\n# %%\nb = 1\n")
    assert [cell.id for cell in after][2:] == [cell.id for cell in before][1:]
    assert len({cell.id for cell in after}) == 4


def test_an_explicit_id_is_kept(root):
    unsolved, _ = built(root, '# %% id="setup"\nx = 1\n')
    assert unsolved[0].id == "setup" and unsolved[0].metadata == {}


@pytest.mark.parametrize(
    ("block", "stub"),
    [
        (["a = 1", "b, (c, *d) = f()", "a = 2"], "a = ...\nb = ...\nc = ...\nd = ..."),
        (["with run() as r:", "    model = fit()"], "r = ...\nmodel = ..."),
        (["def feature(x):", "    y = x", "    return y"], "feature = ..."),
        (["x: int = 1", "x += 1", "seen.y = 2", "seen['z'] = 3"], "x = ..."),
        (["for i, j in pairs:", "    last = i"], "last = ..."),
        (["fe.write_table(name=t, df=df)"], "# your code here"),
        (["df = [n for n in names]", "### STUB: df = ...  # as of the label"], "df = ...  # as of the label"),
        (["### STUB: ", "_ = 1"], ""),
    ],
)
def test_stub_of_a_block(root, block, stub):
    unsolved, solved = built(root, solution_block(*block))
    assert unsolved[0].source == stub
    assert solved[0].source == "\n".join(line for line in block if not line.startswith("### STUB"))


def test_stubs_keep_the_indentation_of_what_they_replace(root):
    text = """
# %%
def late(df):
    ### BEGIN SOLUTION
    held = df
    return held
    ### END SOLUTION

def early(df):
    ### BEGIN SOLUTION
    kept = df
    ### END SOLUTION
    return kept

def never(df):
    ### BEGIN SOLUTION
    if df:
        ### STUB: pass
        return df
    ### END SOLUTION
"""
    unsolved, _ = built(root, text)
    assert unsolved[0].source == (
        "def late(df):\n    # your code here\n    ...\n\ndef early(df):\n    kept = ...\n    return kept\n\n"
        "def never(df):\n        pass"
    )


def test_a_name_in_a_magic_cell_parses(root):
    unsolved, _ = built(root, "# %%\n# %matplotlib inline\nx = 1\n")
    assert unsolved[0].source == "%matplotlib inline\nx = 1"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("# %%\nx = 1\n### BEGIN SOLUTION\ny = 2\n", 3, "without '### END SOLUTION'"),
        ("# %%\nx = 1\n### END SOLUTION\n", 3, "without '### BEGIN SOLUTION'"),
        ("# %%\n### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION\n", 3, "inside the block that begins at"),
        ("# %%\n# BEGIN SOLUTION\ny = 2\n# END SOLUTION\n", 2, "must read '### BEGIN SOLUTION'"),
        ("# %%\n### Begin solution\ny = 2\n### END SOLUTION\n", 2, "must read"),
        ("# %%\nx = 1\n### STUB: x = 2\n", 3, "outside a solution"),
        ("# %%\nf(\n    ### BEGIN SOLUTION\n    1)\n    ### END SOLUTION\n", 3, "gives no stub by itself"),
        ("# %%\n### BEGIN SOLUTION\n### STUB: y = (\ny = 1\n### END SOLUTION\n", 3, "does not parse"),
        ("# %%\nok = 1\n\n# %%\nx = = 1\n", 5, "does not parse"),
        ("# %% [markdown]\n# text\n# ### BEGIN SOLUTION\n# ### END SOLUTION\n", 3, "code cells only"),
        ('# %% tags=["solution"]\nx = 1\n### BEGIN SOLUTION\n### END SOLUTION\n', 3, "is a solution whole"),
        ('# %%\nx = 1\ncheck("4.2", x)\n', 3, r"no exercise '4.2' is registered; near: 4.1"),
        ('# %%\nhint("9.9")\n', 2, "no exercise '9.9' is registered"),
        ("# %%\ncheck(name, x)\n", 2, "needs the exercise as a literal"),
        ('# %%\n### BEGIN SOLUTION\ncheck("4.1", 1)\n### END SOLUTION\n', 2, "learners need it too"),
        ('# %% tags=["nbval-check-ouput"]\nx = 1\n', 2, "unknown tag 'nbval-check-ouput'"),
        ('# %% [markdown] tags=["picture"]\n# text\n', 2, "no meaning on a markdown cell"),
        ('# %% {"tags": ["picture"\nx = 1\n', 2, "cannot read the cell head"),
        ('# %% id="a"\nx = 1\n\n# %% id="a"\nx = 2\n', 5, "taken by an earlier cell"),
        ('# %% id="a b"\nx = 1\n', 2, "must be 1 to 64 letters"),
    ],
)
def test_a_fault_is_named_with_file_and_line_and_nothing_is_written(root, text, line, message):
    write_lesson(root, "# %%\nfine = 1\n", "chapters/01_fine")
    write_lesson(root, text)
    with pytest.raises(BuildError, match=message) as refused:
        build(root=root, exercises=["4.1"])
    assert str(refused.value).startswith(f"course/ch04_usage/lesson.py:{line}: ")
    assert not list(root.rglob("*.ipynb"))


def test_check_reports_and_changes_nothing(root):
    write_lesson(root, LESSON)
    write_course(root, chapter("04_usage"), chapter("05_gone"))
    gone = write_lesson(root, "# %%\nx = 1\n", "chapters/05_gone")
    build(root=root, exercises=["4.1"])
    gone.unlink()
    (root / "chapters/04_usage.ipynb").write_text("{ <<<<<<< conflict")
    (root / "solutions/chapters/04_usage.ipynb").unlink()
    found = {change.path.relative_to(root).as_posix(): change.reason for change in changes(root, ["4.1"])}
    assert found == {
        "chapters/04_usage.ipynb": "stale",
        "solutions/chapters/04_usage.ipynb": "missing",
        "chapters/05_gone.ipynb": "orphan",
        "solutions/chapters/05_gone.ipynb": "orphan",
    }
    before = {path: path.read_bytes() for path in root.rglob("*.ipynb")}
    assert len(changes(root, ["4.1"])) == 4
    assert {path: path.read_bytes() for path in root.rglob("*.ipynb")} == before


def test_build_removes_orphans_but_no_notebook_of_the_learners_own(root):
    write_course(root, chapter("04_usage"), chapter("05_gone"))
    gone = write_lesson(root, "# %%\nx = 1\n", "chapters/05_gone")
    write_lesson(root, LESSON)
    build(root=root, exercises=["4.1"])
    gone.unlink()
    own = root / "chapters" / "scratch.ipynb"
    nbformat.write(v4.new_notebook(), own)
    copy = root / "chapters" / "04_usage-Copy1.ipynb"
    copy.write_bytes((root / "chapters/04_usage.ipynb").read_bytes())
    build(root=root, exercises=["4.1"])
    assert sorted(path.name for path in (root / "chapters").iterdir()) == sorted(
        ["04_usage.ipynb", own.name, copy.name]
    )


def test_a_missing_course_removes_nothing(tmp_path):
    kept = tmp_path / "chapters" / "04.ipynb"
    kept.parent.mkdir()
    nbformat.write(v4.new_notebook(metadata={"workbook": {"source": "course/ch04_usage/lesson.py"}}), kept)
    with pytest.raises(ManifestError, match=r"course\.yaml"):
        build(root=tmp_path, exercises=[])
    assert kept.exists()


def test_stored_outputs_are_those_of_compared_cells_without_what_changes_each_run(root):
    _, solved = built(root, LESSON)
    path = root / "solutions/chapters/04_usage.ipynb"
    store_outputs(executed(path, root / "run.ipynb"), path)
    notebook = nbformat.read(path, as_version=4)
    assert [output.output_type for output in notebook.cells[3].outputs] == ["stream", "execute_result"]
    assert notebook.cells[3].outputs[0].text == "a 3\n"
    assert notebook.cells[3].outputs[1].data == {"text/plain": "4"}
    assert [cell.id for cell in notebook.cells] == [cell.id for cell in solved]
    assert "papermill" not in notebook.metadata
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [i if c.outputs else None for i, c in enumerate(code, start=1)]
    assert build(root=root, exercises=["4.1"]) == [], "stored outputs are no reason to build"
    assert not any(cell.get("outputs") for cell in nbformat.read(root / "chapters/04_usage.ipynb", as_version=4).cells)


@pytest.mark.parametrize(
    ("old", "new", "stays"),
    [("# # Usage", "# # Usage by day", True), ("total = 41", "total = 42", True), ("n = 3", "n = 4", False)],
)
def test_outputs_stay_until_code_at_or_before_them_changes(root, old, new, stays):
    built(root, LESSON)
    path = root / "solutions/chapters/04_usage.ipynb"
    store_outputs(executed(path, root / "run.ipynb"), path)
    _, solved = built(root, LESSON.replace(old, new))
    assert bool(solved[3].outputs) is stays


def test_outputs_left_in_untagged_cells_are_stale(root):
    built(root, LESSON)
    path = root / "solutions/chapters/04_usage.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[2].outputs = [v4.new_output("stream", text="left by hand")]
    nbformat.write(notebook, path)
    assert build(root=root, exercises=["4.1"]) == [path]
    assert not nbformat.read(path, as_version=4).cells[2].outputs


def picture_run(root: Path, png: bytes) -> tuple[Path, Path]:
    built(root, '# %% tags=["picture"]\ndraw()\n')
    path = root / "solutions/chapters/04_usage.ipynb"
    run = nbformat.read(path, as_version=4)
    data = {"text/plain": "<Figure>", "text/html": "<b>", "image/png": base64.b64encode(png).decode()}
    run.cells[0].outputs = [
        v4.new_output("stream", text="drawing\n"),
        v4.new_output("display_data", data=data, metadata={"width": 3}),
    ]
    nbformat.write(run, root / "run.ipynb")
    return root / "run.ipynb", path


def test_a_picture_is_kept_with_its_text_only(root):
    run, path = picture_run(root, b"\x89PNG")
    store_outputs(run, path)
    (output,) = nbformat.read(path, as_version=4).cells[0].outputs
    assert set(output.data) == {"text/plain", "image/png"} and output.metadata == {}


def test_a_large_picture_is_refused_and_the_solution_stays(root):
    run, path = picture_run(root, b"0" * 60_001)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="60001 bytes, more than 60000: draw it smaller"):
        store_outputs(run, path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (v4.new_output("stream", name="stderr", text="WARN"), "compared but writes to stderr: 'WARN'"),
        (v4.new_output("error", ename="KeyError", evalue="'ts'", traceback=[]), "failed with KeyError: 'ts'"),
    ],
)
def test_outputs_of_an_unclean_run_are_refused(root, output, message):
    built(root, LESSON)
    path = root / "solutions/chapters/04_usage.ipynb"
    run = nbformat.read(path, as_version=4)
    run.cells[3].outputs = [output]
    nbformat.write(run, root / "run.ipynb")
    with pytest.raises(ValueError, match=message):
        store_outputs(root / "run.ipynb", path)


def test_outputs_of_other_code_are_refused(root):
    built(root, LESSON)
    path = root / "solutions/chapters/04_usage.ipynb"
    (root / "run.ipynb").write_bytes(path.read_bytes())
    built(root, LESSON.replace("n = 3", "n = 4"))
    with pytest.raises(ValueError, match="is not a run of"):
        store_outputs(root / "run.ipynb", path)


def test_unsolved_cells_parse(root):
    unsolved, _ = built(root, LESSON)
    for cell in unsolved:
        if cell.cell_type == "code":
            ast.parse(cell.source)
