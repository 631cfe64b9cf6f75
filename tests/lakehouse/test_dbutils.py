"""dbutils and display, as a lesson uses them."""

from __future__ import annotations

import datetime as dt

import pytest

from lakehouse.dbutils import DBUtils, Frame, NotebookExit, _table, summary_table

pytestmark = pytest.mark.both_engines


@pytest.fixture
def dbutils():
    return DBUtils()


def test_a_widget_is_text_and_keeps_its_first_value(dbutils):
    dbutils.widgets.text("n", "5")
    dbutils.widgets.text("n", "7")
    assert dbutils.widgets.get("n") == "5"
    dbutils.widgets.removeAll()
    assert dbutils.widgets.getAll() == {}


def test_the_environment_sets_a_widget(dbutils, monkeypatch):
    monkeypatch.setenv("WORKBOOK_WIDGET_N", "9")
    dbutils.widgets.text("n", "5")
    assert dbutils.widgets.get("n") == "9"


def test_an_unknown_widget_and_a_default_that_is_no_choice_are_refused(dbutils):
    with pytest.raises(ValueError, match="No input widget named n"):
        dbutils.widgets.get("n")
    with pytest.raises(ValueError, match="not one of its choices"):
        dbutils.widgets.dropdown("model", "c", ["a", "b"])


def test_files_of_a_volume(dbutils):
    base = "/Volumes/main/default/files"
    dbutils.fs.put(f"{base}/a/x.txt", "hello", overwrite=True)
    assert dbutils.fs.head(f"{base}/a/x.txt", 4) == "hell"
    assert [entry.name for entry in dbutils.fs.ls(base)] == ["a/"]
    assert dbutils.fs.ls(f"{base}/a")[0].size == 5
    dbutils.fs.cp(f"{base}/a", f"{base}/b", recurse=True)
    dbutils.fs.mv(f"{base}/b/x.txt", f"{base}/y.txt")
    assert sorted(entry.name for entry in dbutils.fs.ls(base)) == ["a/", "b/", "y.txt"]
    with pytest.raises(FileExistsError, match="overwrite=True"):
        dbutils.fs.put(f"{base}/y.txt", "again")
    with pytest.raises(OSError, match="recurse=True"):
        dbutils.fs.rm(f"{base}/a")
    assert dbutils.fs.rm(base, recurse=True) is True
    assert dbutils.fs.rm(base) is False


@pytest.mark.parametrize("path", ["/tmp/x", "dbfs:/mnt/x", "/Volumes/main/default/../../x", "/Volumes/main"])
def test_paths_outside_volumes_are_refused(dbutils, path):
    with pytest.raises(ValueError, match="/Volumes/<catalog>"):
        dbutils.fs.ls(path)


def test_task_values_pass_between_the_tasks_of_one_run(dbutils, monkeypatch):
    with pytest.raises(TypeError, match="debugValue"):
        dbutils.jobs.taskValues.get("train", "auc")
    assert dbutils.jobs.taskValues.get("train", "auc", debugValue=0.5) == 0.5
    monkeypatch.setenv("WORKBOOK_JOB_RUN", "17")
    monkeypatch.setenv("WORKBOOK_TASK", "train")
    dbutils.jobs.taskValues.set("auc", 0.8)
    assert DBUtils().jobs.taskValues.get("train", "auc", debugValue=0.1) == 0.8
    with pytest.raises(ValueError, match="no default"):
        dbutils.jobs.taskValues.get("train", "missing")
    with pytest.raises(ValueError, match="limit"):
        dbutils.jobs.taskValues.set("big", "x" * 50_000)


def test_exit_carries_its_value_past_except_exception(dbutils):
    def guarded():
        try:
            dbutils.notebook.exit("done")
        except Exception:
            return "a notebook's own error handling stopped its exit"

    with pytest.raises(NotebookExit) as ended:
        guarded()
    assert ended.value.value == "done"


def test_display_shows_at_most_20_rows_and_says_so(spark):
    table = _table(spark.range(25).orderBy("id"))
    assert len(table.rows) == 20
    assert table.note == "first 20 rows"
    assert _table(spark.range(3)).note == ""


def test_a_table_escapes_html_and_shows_nulls():
    html = Frame(["<a>"], [("<script>",), (None,)])._repr_html_()
    assert "&lt;script&gt;" in html
    assert "<script>" not in html
    assert "null" in html


def test_summarize_counts_what_is_there(spark):
    rows = [(1, 2.0, "a", dt.date(2026, 1, 1)), (2, None, "b", None), (3, 4.0, "b", dt.date(2026, 1, 3))]
    table = summary_table(spark.createDataFrame(rows, "id long, x double, word string, day date"), precise=True)
    found = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert found["x"]["null"] == "33.3 %"
    assert (found["x"]["mean"], found["x"]["min"], found["x"]["max"]) == ("3", "2", "4")
    assert found["word"]["distinct"] == "2"
    assert found["word"]["mean"] == ""
    assert found["day"]["max"] == "2026-01-03"
    assert summary_table(spark.createDataFrame([], "id long")).rows[0][2] == "0"


def executed(tmp_path, *sources: str):
    """The outputs of a notebook made of these cells, run by papermill."""
    import nbformat
    import papermill

    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), tmp_path / "in.ipynb")
    papermill.execute_notebook(tmp_path / "in.ipynb", tmp_path / "out.ipynb", progress_bar=False)
    return [cell.outputs for cell in nbformat.read(tmp_path / "out.ipynb", as_version=4).cells]


QUIET = "from workbook.errors import end_quietly_at_exit; end_quietly_at_exit(get_ipython())"


def test_a_notebook_that_exits_is_done_and_runs_no_further(tmp_path):
    leave = "from lakehouse.dbutils import DBUtils; DBUtils().notebook.exit('enough')"
    _, left, after = executed(tmp_path, QUIET, leave, "print('never')")
    assert left[0].text == "Notebook exited: enough\n"
    assert after == []
