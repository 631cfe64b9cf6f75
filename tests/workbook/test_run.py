"""The runner, on notebooks of a few lines without Spark."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from small_course import chapter, project, write_course
from typer.testing import CliRunner

from lakehouse.errors import InvalidValue, Unavailable
from workbook import cli
from workbook.runner import plan
from workbook.runner.keys import keys as keys_of
from workbook.runner.results import Run, Watcher
from workbook.runner.run import run
from workbook.runner.warm_spark import OtherSpark, WarmJvm, WarmServer

CHECK = (
    "from IPython.display import display\n"
    "display({{'application/vnd.workbook.check+json': {{'exercise': '{0}', 'outcome': '{1}', 'message': '{2}',"
    " 'notebook': 'x'}}, 'text/plain': ''}}, raw=True)"
)
METRICS = "display({'application/vnd.workbook.metrics+json': {'auc': 0.75}, 'text/plain': ''}, raw=True)"


def write(path: Path, *sources: str, parameters: str | None = None) -> Path:
    """Write a notebook of code cells."""
    cells: list[dict[str, Any]] = [{"cell_type": "markdown", "id": "t", "metadata": {}, "source": f"# {path.stem}!"}]
    tags = [["parameters"]] * (parameters is not None) + [[]] * len(sources)
    for number, (text, tag) in enumerate(zip([parameters, *sources] if tags[0] else sources, tags, strict=True)):
        code = {"cell_type": "code", "execution_count": None, "outputs": [], "source": text}
        cells.append({**code, "id": f"c{number}", "metadata": {"tags": tag} if tag else {}})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path


def course(root: Path, **options: Any) -> Run:
    return run(root, root / "state", spark=options.pop("spark", OtherSpark), preload=(), **options)


def statuses(result: Run) -> dict[str, str]:
    return {Path(record["notebook"]).stem: record["status"] for record in result.notebooks}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with one chapter."""
    write(tmp_path / "solutions/chapters/01_a.ipynb", "x = 1", parameters="n = 5\nday = '2026-01-01'\nrate = 0.5")
    return tmp_path


# What runs, and in which order


def test_chapters_come_first_and_a_capstone_is_one_group(root: Path):
    write(root / "solutions/capstone/churn/02_b.ipynb", "")
    write(root / "solutions/capstone/churn/01_a.ipynb", "")
    write(root / "solutions/chapters/.ipynb_checkpoints/01_a-checkpoint.ipynb", "")
    found = plan.discover(root)
    assert [(each.name, each.group) for each in found] == [
        ("solutions/chapters/01_a.ipynb", "chapters/01_a"),
        ("solutions/capstone/churn/01_a.ipynb", "capstone/churn"),
        ("solutions/capstone/churn/02_b.ipynb", "capstone/churn"),
    ]
    assert found[0].title == "01_a!"
    assert found[0].defaults == {"n": 5, "day": "2026-01-01", "rate": 0.5}


def test_unsolved_takes_the_folders_where_the_learner_works(root: Path):
    write(root / "chapters/01_a.ipynb", "")
    assert [each.name for each in plan.discover(root, unsolved=True)] == ["chapters/01_a.ipynb"]


def test_no_notebooks_is_an_error_that_says_how_to_make_them(tmp_path: Path):
    with pytest.raises(ValueError, match="wb build"):
        plan.discover(tmp_path)


@pytest.mark.parametrize(
    ("only", "selected"),
    [
        (["01"], ["chapters/01_a"]),
        (["1"], ["chapters/01_a"]),
        (["churn"], ["capstone/churn/01_a", "capstone/churn/02_b"]),
        (["churn/02"], ["capstone/churn/01_a", "capstone/churn/02_b"]),
        (["churn/01"], ["capstone/churn/01_a"]),
        (["01", "churn/01_a.ipynb"], ["chapters/01_a", "capstone/churn/01_a"]),
    ],
)
def test_only_selects_with_what_the_notebooks_build_on(root: Path, only: list[str], selected: list[str]):
    write(root / "solutions/capstone/churn/01_a.ipynb", "")
    write(root / "solutions/capstone/churn/02_b.ipynb", "")
    found = plan.select(plan.discover(root), only)
    assert [each.name for each in found] == [f"solutions/{name}.ipynb" for name in selected]


def test_only_that_selects_nothing_lists_what_there_is(root: Path):
    with pytest.raises(ValueError, match=r"--only 07 selects no notebook(.|\n)*solutions/chapters/01_a"):
        course(root, only=["07"])


# Parameters


@pytest.mark.parametrize(
    ("pair", "value"),
    [("n=7", 7), ("rate=2", 2.0), ("rate=1e-3", 0.001), ("day=2026-02-03", "2026-02-03"), ("day=7", "7"), ("n=-1", -1)],
)
def test_values_take_the_type_of_the_default(root: Path, pair: str, value: object):
    name = pair.partition("=")[0]
    bound = plan.bind(plan.discover(root), [pair])["solutions/chapters/01_a.ipynb"]
    assert bound == {name: value}
    assert type(bound[name]) is type(value)


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("n=abc", "n must be a whole number, not 'abc'"),
        ("n=1.5", "n must be a whole number, not '1.5'"),
        ("n=true", "n must be a whole number, not 'true'"),
        ("n=", "n must be a whole number, not ''"),
        ("rate=true", "rate must be a number, not 'true'"),
        ("rate=nan", "rate must be a number, not 'nan'"),
        ("rate=high", "rate must be a number, not 'high'"),
        ("m=1", "no selected notebook has a parameter 'm'. Known: day, n, rate"),
        ("n", "-p takes name=value, not 'n'"),
    ],
)
def test_a_bad_parameter_is_refused_before_anything_starts(root: Path, pair: str, message: str):
    class Forbidden(OtherSpark):
        def __init__(self) -> None:
            raise AssertionError("Spark was started")

    with pytest.raises(ValueError) as refused:
        course(root, parameters=[pair], spark=Forbidden)
    assert message in str(refused.value)
    assert not (root / "state").exists()


def test_a_parameter_goes_only_to_the_notebooks_that_have_it(root: Path):
    write(root / "solutions/chapters/02_b.ipynb", "")
    bound = plan.bind(plan.discover(root), ["n=7"])
    assert list(bound.values()) == [{"n": 7}, {}]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[2024-01-01, b]", ["2024-01-01", "b"]),
        ("[2024-01-01 10:00:00]", ["2024-01-01 10:00:00"]),
        ("[1, 2.5, true, null, .inf]", [1, 2.5, True, None, float("inf")]),
        ("[{a: [2024-01-01]}]", [{"a": ["2024-01-01"]}]),
        ("[&x [1], *x]", [[1], [1]]),
        (f"[{10**400}]", [10**400]),
    ],
)
def test_a_yaml_value_goes_in_as_papermill_writes_it(root: Path, text: str, value: Any):
    write(root / "solutions/chapters/01_a.ipynb", "x = 1", parameters="values = []")
    bound = plan.bind(plan.discover(root), [f"values={text}"])
    assert bound["solutions/chapters/01_a.ipynb"] == {"values": value}
    assert keys_of(plan.discover(root), bound, root=root, engine="classic")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[!!set {a, b}]", "cannot be written into a notebook"),
        ("[!!binary aGk=]", "cannot be written into a notebook"),
        ("[{1: a}]", "the key 1 is not a text"),
        ("[{2024-01-01: a, b: c}]", "is not a text"),
        ("&x [*x]", "the value holds itself"),
        ("[!!python/name:os.system '']", "is not a YAML value"),
        (f"[{'9' * 5000}]", "is not a YAML value"),
        ("[" * 3000, "is not a YAML value"),
    ],
)
def test_a_value_that_papermill_would_change_is_refused_with_the_reason(root: Path, text: str, reason: str):
    write(root / "solutions/chapters/01_a.ipynb", "x = 1", parameters="values = []")
    with pytest.raises(InvalidValue, match=reason):
        plan.bind(plan.discover(root), [f"values={text}"])


def test_a_number_that_is_too_large_for_a_float_is_refused(root: Path):
    with pytest.raises(InvalidValue, match="rate must be a number"):
        plan.bind(plan.discover(root), [f"rate={10**400}"])


@pytest.mark.parametrize(("options", "message"), [({"jobs": 0}, "--jobs"), ({"engine": "spork"}, "--engine")])
def test_a_bad_option_is_refused(root: Path, options: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        course(root, **options)


# What a result depends on


def keys(root: Path, parameters: tuple[str, ...] = (), engine: str = "classic") -> dict[str, str]:
    notebooks = plan.discover(root)
    return keys_of(notebooks, plan.bind(notebooks, parameters), root=root, engine=engine)


def test_keys_change_with_every_input_and_with_nothing_else(root: Path):
    chapter = root / "solutions/chapters/01_a.ipynb"
    first = write(root / "solutions/capstone/churn/01_a.ipynb", "a")
    write(root / "solutions/capstone/churn/02_b.ipynb", "b")
    before = keys(root)
    assert keys(root) == before

    notebook = json.loads(chapter.read_text())
    notebook["cells"][2] |= {
        "outputs": [{"output_type": "stream", "name": "stdout", "text": "x"}],
        "execution_count": 1,
    }
    chapter.write_text(json.dumps(notebook, indent=3))
    assert keys(root) == before, "outputs are not an input"

    def changed(now: Mapping[str, str]) -> set[str]:
        return {Path(name).parent.name + "/" + Path(name).stem for name in now if now[name] != before[name]}

    everything = {"chapters/01_a", "churn/01_a", "churn/02_b"}
    assert changed(keys(root, ("n=7",))) == {"chapters/01_a"}
    assert changed(keys(root, engine="connect")) == everything
    (root / "requirements.lock").write_text("a==1")
    assert changed(keys(root)) == everything
    (root / "requirements.lock").unlink()
    write(first, "changed")
    assert changed(keys(root)) == {"churn/01_a", "churn/02_b"}


def test_keys_follow_the_imports_of_the_notebooks(root: Path):
    """Touch every kind of file; only what uses it gets another key."""
    files = {
        "lakehouse/__init__.py": "",
        "lakehouse/store.py": "from lakehouse import join\n",
        "lakehouse/join.py": '"""Doc."""\nx = 1  # why\n',
        "lakehouse/join.jar": "1",
        "lakehouse/compat/databricks/features.py": "import lakehouse.store\n",
        "workbook/__init__.py": "",
        "workbook/tool.py": "x = 1\n",
        "workbook/cli.py": "x = 1\n",
        "course/ch01_a/checks.py": "import workbook.tool\n",
        "course/ch01_a/proofs.py": "import lakehouse.store\n",
        "course/ch01_a/questions.yaml": "[]\n",
        "course/small/project.py": "from course.small import data\n",
        "course/small/data.py": "FOLDER = 'x' + \"datasets\"\n",
        "datasets/a.csv": "1",
        "datasets/README.md": "1",
    }
    write_course(
        root,
        chapter("01_a"),
        chapter("02_b"),
        chapter("03_c", project="small"),
        projects=(project("small"),),
    )
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    write(root / "solutions/chapters/02_b.ipynb", "from databricks.features import Client")
    write(root / "solutions/chapters/03_c.ipynb", "%magic", "y = 1")
    before = keys(root)

    def touched(path: str, text: str) -> set[str]:
        old = (root / path).read_text()
        (root / path).write_text(text)
        now = keys(root)
        (root / path).write_text(old)
        return {Path(name).stem for name in now if now[name] != before[name]}

    assert touched("lakehouse/join.py", "x = 2\n") == {"02_b"}
    assert touched("lakehouse/join.py", '"""Other words."""\n\nx = 1\n') == set()
    assert touched("lakehouse/join.jar", "2") == {"02_b"}
    assert touched("workbook/tool.py", "x = 2\n") == {"01_a"}
    assert touched("course/ch01_a/checks.py", "import workbook.tool as t\n") == {"01_a"}
    assert touched("course/small/data.py", 'FOLDER = "datasets"\n') == {"03_c"}
    assert touched("datasets/a.csv", "2") == {"03_c"}
    for path in ("workbook/cli.py", "course/ch01_a/proofs.py", "course/ch01_a/questions.yaml", "datasets/README.md"):
        assert touched(path, "changed = 1\n") == set(), path
    manifest = (root / "course/course.yaml").read_text()
    assert touched("course/course.yaml", manifest.replace("What is B?", "What is it?")) == set()
    assert touched("course/course.yaml", manifest.replace("  project: small", "  project: small\n  needs: [t]")) == {
        "03_c"
    }


# Running


def test_a_run_reports_reuses_and_goes_on_after_a_failure(root: Path):
    """One course from its first run to the repaired one: each step runs only what it must."""
    write(
        root / "solutions/chapters/02_b.ipynb",
        "import os; print(os.environ['WORKBOOK_HOME'], os.getcwd(), sep='|')",
        CHECK.format("2.1", "pass", "good"),
        METRICS,
    )
    write(root / "solutions/capstone/churn/01_raw.ipynb", "y = 1")
    bad = write(root / "solutions/capstone/churn/02_fit.ipynb", "y = 2", "def f():\n    raise ValueError('<no>')\nf()")
    write(root / "solutions/capstone/churn/03_use.ipynb", "y = 3")

    first = course(root, parameters=["n=7"])
    assert first.exit_code == 1
    assert statuses(first) == {
        "01_a": "passed",
        "02_b": "passed",
        "01_raw": "passed",
        "02_fit": "failed",
        "03_use": "skipped",
    }
    report = json.loads((root / "state/report/report.json").read_text())
    assert report["passed"] is False
    assert report["parameters"] == {"n": "7"}
    assert report["totals"] == {"passed": 3, "reused": 0, "failed": 1, "skipped": 1, "unfinished": 0}
    a, b, _, fit, use = report["notebooks"]
    assert b["notebook"] == "solutions/chapters/02_b.ipynb"
    assert b["checks"] == {
        "pass": 1,
        "fail": 0,
        "error": 0,
        "todo": 0,
        "results": [{"exercise": "2.1", "outcome": "pass", "message": "good", "cell": 3}],
    }
    assert b["metrics"] == {"auc": 0.75}
    assert b["seconds"] > 0
    assert {name: fit["error"][name] for name in ("cell", "ename", "evalue")} == {
        "cell": 3,
        "ename": "ValueError",
        "evalue": "<no>",
    }
    assert fit["error"]["source"].endswith("f()")
    assert "\x1b" not in fit["error"]["traceback"]
    assert "02_fit failed" in use["reason"]
    executed = (root / "state/report" / b["executed"]).read_text()
    assert f"{root / 'state/run'}|{root / 'solutions/chapters'}" in executed
    assert "n = 7" in (root / "state/report" / a["executed"]).read_text()
    page = (root / "state/report/index.html").read_text()
    assert "&lt;no&gt;" in page
    assert "<no>" not in page

    write(bad, "y = 2", "fixed = True")
    second = course(root, parameters=["n=7"])
    assert second.exit_code == 0
    assert statuses(second) == {
        "01_a": "reused",
        "02_b": "reused",
        "01_raw": "reused",
        "02_fit": "passed",
        "03_use": "passed",
    }
    assert second.notebooks[1]["metrics"] == {"auc": 0.75}

    class Forbidden(OtherSpark):
        def __init__(self) -> None:
            raise AssertionError("Spark was started")

    third = course(root, parameters=["n=7"], spark=Forbidden)
    assert set(statuses(third).values()) == {"reused"}
    assert third.exit_code == 0


def test_fresh_forgets_results_and_tables(root: Path):
    course(root)
    left = root / "state/run/lake/t"
    left.mkdir(parents=True)
    assert statuses(course(root, fresh=True)) == {"01_a": "passed"}
    assert not left.exists()


def test_a_group_starts_over_when_other_tables_are_in_its_place(tmp_path: Path):
    """Results of n=5 still hold, but the tables are those of n=6: the second notebook may not read them."""
    table = tmp_path / "table"
    first = tmp_path / "solutions/capstone/churn/01_make.ipynb"
    second = tmp_path / "solutions/capstone/churn/02_use.ipynb"
    write(first, f"open({str(table)!r}, 'w').write(str(n))", parameters="n = 5")
    write(second, "x = 1")
    course(tmp_path)
    stored = tmp_path / "state/run/results/solutions/capstone/churn/01_make.ipynb.json"
    of_five = stored.read_text()
    course(tmp_path, parameters=["n=6"])
    stored.write_text(of_five)
    write(second, f"assert open({str(table)!r}).read() == '5'")
    assert statuses(course(tmp_path)) == {"01_make": "passed", "02_use": "passed"}


@pytest.mark.parametrize(
    ("outcome", "solved", "unsolved"),
    [("fail", "failed", "failed"), ("error", "failed", "failed"), ("todo", "failed", "passed")],
)
def test_checks_decide_too(root: Path, outcome: str, solved: str, unsolved: str):
    source = CHECK.format("1.1", outcome, "the label itself is a feature")
    write(root / "solutions/chapters/01_a.ipynb", source)
    result = course(root)
    assert statuses(result) == {"01_a": solved}
    assert result.notebooks[0]["error"]["evalue"] == "the label itself is a feature"
    assert "1.1" in result.notebooks[0]["error"]["ename"]
    if outcome != "error":
        write(root / "chapters/01_a.ipynb", source)
        assert statuses(course(root, unsolved=True)) == {"01_a": unsolved}


def test_a_kernel_that_dies_fails_its_notebook_only(root: Path):
    write(root / "solutions/chapters/01_a.ipynb", "x = 1", "import os; os._exit(9)", parameters="n = 1")
    write(root / "solutions/chapters/02_b.ipynb", "x = 1")
    result = course(root, parameters=["n=2"])
    assert statuses(result) == {"01_a": "failed", "02_b": "passed"}
    assert result.notebooks[0]["error"]["ename"] == "DeadKernelError"
    assert result.notebooks[0]["error"]["cell"] == 4


def test_groups_run_side_by_side_with_a_spark_each(root: Path):
    other = root / "met"
    meet = (
        "import pathlib, time, os\n"
        "mine, yours = (pathlib.Path({here!r}) / f'{{name}}' for name in ({a!r}, {b!r}))\n"
        "mine.parent.mkdir(exist_ok=True); mine.touch()\n"
        "until = time.time() + 60\n"
        "while not yours.exists():\n"
        "    assert time.time() < until\n"
        "    time.sleep(0.05)\n"
        "print(os.environ['SPARK_NUMBER'])"
    )
    write(root / "solutions/chapters/01_a.ipynb", meet.format(here=str(other), a="a", b="b"))
    write(root / "solutions/chapters/02_b.ipynb", meet.format(here=str(other), a="b", b="a"))
    made: list[OtherSpark] = []

    class Numbered(OtherSpark):
        def __init__(self) -> None:
            made.append(self)
            self.number = len(made)
            self.closed = 0

        def environment(self) -> dict[str, str]:
            return {"SPARK_NUMBER": str(self.number)}

        def close(self) -> None:
            self.closed += 1

    assert statuses(course(root, jobs=2, spark=Numbered)) == {"01_a": "passed", "02_b": "passed"}
    assert [each.closed for each in made] == [1, 1]


def test_spark_is_replaced_after_a_failure(root: Path):
    write(root / "solutions/chapters/01_a.ipynb", "1 / 0")
    write(root / "solutions/chapters/02_b.ipynb", "x = 1")
    events: list[str] = []

    class Told(OtherSpark):
        def environment(self) -> dict[str, str]:
            events.append("environment")
            return {}

        def discard(self) -> None:
            events.append("discard")

    course(root, spark=Told)
    assert events[-2:] == ["discard", "environment"]


class FakeJvm:
    """A JVM as a worker knows it."""

    def __init__(self) -> None:
        self.gateways = 0
        self.closed = self.dead = False

    def open_gateway(self) -> dict[str, str]:
        self.gateways += 1
        return {"PYSPARK_GATEWAY_PORT": f"{id(self)}:{self.gateways}"}

    def alive(self) -> bool:
        return not self.dead

    def close(self) -> None:
        assert not self.closed
        self.closed = True


@pytest.fixture
def jvms(monkeypatch: pytest.MonkeyPatch) -> list[FakeJvm]:
    """The JVMs that were started."""
    started: list[FakeJvm] = []

    def start_jvm() -> FakeJvm:
        started.append(FakeJvm())
        return started[-1]

    monkeypatch.setattr("lakehouse.spark.shared_jvm.start_jvm", start_jvm)
    return started


def test_a_jvm_that_is_gone_is_replaced(jvms: list[FakeJvm]):
    spark = WarmJvm()
    first = spark.environment()
    assert spark.environment() == first
    jvms[0].dead = True
    assert spark.environment() != first
    spark.close()
    assert [jvm.closed for jvm in jvms] == [True, True]


def test_workers_share_a_jvm_by_a_gateway_each_and_the_last_closes_it(jvms: list[FakeJvm]):
    shared = WarmJvm()
    one, other = shared.share(), shared.share()
    assert one.environment() != other.environment()
    assert (len(jvms), jvms[0].gateways) == (1, 2)
    one.close()
    assert not jvms[0].closed
    assert not other.alone()  # the one that has left may have broken it
    other.close()
    assert jvms[0].closed


def test_a_worker_that_discards_the_shared_jvm_goes_on_with_its_own(jvms: list[FakeJvm]):
    shared = WarmJvm()
    one, other = shared.share(), shared.share()
    one.environment(), other.environment()
    one.discard()
    one.environment()
    assert one.alone()
    assert (len(jvms), jvms[0].closed) == (2, False)
    other.environment()
    assert len(jvms) == 2
    one.close(), other.close()
    assert [jvm.closed for jvm in jvms] == [True, True]


def test_a_notebook_that_fails_beside_another_is_judged_alone(root: Path):
    write(root / "solutions/chapters/01_a.ipynb", "import os", "assert os.environ['ALONE'] == 'True', 'broken'")
    write(root / "solutions/chapters/02_b.ipynb", "1 / 0")

    class Shared(OtherSpark):
        def __init__(self) -> None:
            self.own = False

        def environment(self) -> dict[str, str]:
            return {"ALONE": str(self.own)}

        def alone(self) -> bool:
            return self.own

        def discard(self) -> None:
            self.own = True

    result = course(root, jobs=2, spark=Shared)
    assert statuses(result) == {"01_a": "passed", "02_b": "failed"}


# Kernels


def test_where_forking_is_not_safe_a_kernel_is_a_new_process(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("workbook.runner.kernel._PROCESSES", multiprocessing.get_context("spawn"))
    assert statuses(course(root)) == {"01_a": "passed"}


def test_a_kernel_with_its_imports_done_is_like_a_new_one(root: Path):
    draw = "import numpy as np, matplotlib.pyplot as plt\nprint(np.random.rand())\nplt.plot([1, 2]);"
    write(root / "solutions/chapters/01_a.ipynb", draw)
    write(root / "solutions/chapters/02_b.ipynb", draw)
    program = "from test_run import *; run(Path(sys.argv[1]), Path(sys.argv[1]) / 'state', spark=OtherSpark)"
    places = {"PYTHONPATH": f"{Path(__file__).parent}{os.pathsep}{Path(__file__).parents[1]}"}
    subprocess.run([sys.executable, "-c", program, str(root)], check=True, timeout=120, env=os.environ | places)
    printed = []
    for name in ("01_a", "02_b"):
        executed = json.loads((root / f"state/run/notebooks/solutions/chapters/{name}.ipynb").read_text())
        outputs = [output for cell in executed["cells"] for output in cell.get("outputs", [])]
        assert [output["output_type"] for output in outputs] == ["stream", "display_data"]
        assert "image/png" in outputs[1]["data"]
        printed.append(outputs[0]["text"])
    assert printed[0] != printed[1]


def test_the_process_gets_its_environment_back(root: Path):
    before = dict(os.environ)
    course(root)
    assert dict(os.environ) == before


def test_two_runs_in_one_home_are_refused(root: Path):
    class Second(Watcher):
        def start(self, notebook: plan.Notebook) -> None:
            with pytest.raises(Unavailable, match=f"process {os.getpid()} runs the course"):
                course(root)
            seen.append(notebook.name)

    seen: list[str] = []
    assert course(root, watcher=Second()).exit_code == 0
    assert seen


# Interruptions, in a process of their own

PROGRAM = """
import sys
from pathlib import Path
from rich.console import Console
from workbook.cli.console import Terminal, close
from workbook.runner.warm_spark import OtherSpark
from workbook.runner.run import run

root = Path(sys.argv[1])
console = Console()
result = run(root, root / "state", spark=OtherSpark, preload=(), watcher=Terminal(console))
close(console, result, "the report")
sys.exit(result.exit_code)
"""


def start(root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(root)], stdout=subprocess.PIPE, text=True)


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def gone(process_id: int) -> bool:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """Two notebooks; the second says when it is there, and waits until it is let go."""
    write(tmp_path / "solutions/capstone/churn/01_a.ipynb", "x = 1")
    write(
        tmp_path / "solutions/capstone/churn/02_b.ipynb",
        textwrap.dedent(f"""
        import os, pathlib, time
        here = pathlib.Path({str(tmp_path)!r})
        (here / "part").write_text(str(os.getpid()))
        (here / "part").rename(here / "started")
        while not (here / "go").exists():
            time.sleep(0.1)
        """),
    )
    return tmp_path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_stops_its_kernels_says_where_and_goes_on(slow: Path, number: signal.Signals):
    process = start(slow)
    wait_for(slow / "started")
    process.send_signal(number)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Stopped at capstone/churn/02_b" in told
    assert gone(int((slow / "started").read_text()))
    report = json.loads((slow / "state/report/report.json").read_text())
    assert [each["status"] for each in report["notebooks"]] == ["passed", "unfinished"]
    (slow / "go").touch()
    assert statuses(course(slow)) == {"01_a": "reused", "02_b": "passed"}


def test_after_a_kill_the_next_run_goes_on(slow: Path):
    process = start(slow)
    wait_for(slow / "started")
    process.kill()
    process.communicate(timeout=60)
    (slow / "go").touch()
    assert statuses(course(slow)) == {"01_a": "reused", "02_b": "passed"}
    kernel = int((slow / "started").read_text())
    deadline = time.monotonic() + 30
    while not gone(kernel):
        assert time.monotonic() < deadline, "the kernel outlived its runner"
        time.sleep(0.1)


def test_lines_are_plain_where_there_is_no_terminal(root: Path):
    process = start(root)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "\x1b" not in told
    assert "\r" not in told
    assert "1 passed, 0 failed" in told


# The command


def test_the_command_refuses_with_a_message_and_code_2(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("workbook.cli.course.ROOT", root)
    told = CliRunner().invoke(cli.app, ["run", "-p", "n=abc"])
    assert told.exit_code == 2
    assert "n must be a whole number, not 'abc'" in told.output
    assert "Traceback" not in told.output


def test_reset_asks_and_leaves_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("workbook.cli.machine.home", lambda: tmp_path)
    for folder in ("lake", "tmp", "locks", "mlflow", "jobs", "tools", "jars", "run"):
        (tmp_path / folder).mkdir()
    (tmp_path / "progress.db").touch()
    refused = CliRunner().invoke(cli.app, ["reset"], input="n\n")
    assert refused.exit_code == 1
    assert (tmp_path / "lake").exists()
    assert CliRunner().invoke(cli.app, ["reset", "lake"], input="y\n").exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["jars", "jobs", "mlflow", "progress.db", "run", "tools"]
    assert CliRunner().invoke(cli.app, ["reset", "-y"]).exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["jars", "tools"]
    assert CliRunner().invoke(cli.app, ["reset", "everything"]).exit_code == 2


def test_a_shared_connect_server_is_closed_by_the_last_worker(monkeypatch: pytest.MonkeyPatch):
    closed = []
    server = SimpleNamespace(url="sc://localhost:1", close=lambda: closed.append(True))
    monkeypatch.setattr("lakehouse.spark.CONNECT_SERVER", SimpleNamespace(ensure=lambda: server))
    shared = WarmServer()
    workers = [shared.share(), shared.share()]
    for worker in workers:
        worker.environment()
    workers[0].close()
    assert closed == []
    workers[1].close()
    assert closed == [True]
