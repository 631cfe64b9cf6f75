"""The steps of ``wb test``: what runs at once, what is counted, what is shown when."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbook.runner.test_suite import Steps, Tests


def written(folder: Path, name: str, source: str) -> Tests:
    path = folder / f"test_{name}.py"
    path.write_text(source)
    return Tests(name, [str(path), "-p", "no:cacheprovider"])


def test_every_run_is_counted_and_shown_once(tmp_path: Path, capfd: pytest.CaptureFixture):
    slow = "import pytest, time\ndef test_a(): time.sleep(1)\n@pytest.mark.skip\ndef test_b(): pass\n"
    steps = Steps(tmp_path)
    steps.pytest(
        written(tmp_path, "first", slow),
        written(tmp_path, "second", "def test_a(): assert 'shown' == 'log'\ndef test_b(): pass\n"),
        written(tmp_path, "third", "def test_a(): pass\n"),
        written(tmp_path, "empty", ""),
        at_once=2,
    )
    printed = capfd.readouterr().out
    assert [printed.count(f"=== {name}") for name in ("first", "second", "third", "empty")] == [1, 1, 1, 1]
    assert printed.index("=== first") < printed.index("=== second") < printed.index("=== third")
    assert "'shown' == 'log'" in printed
    assert steps.close() == 1
    # A run without a test counts as a failure.
    assert "3 passed, 2 failed, 1 skipped" in capfd.readouterr().out


def test_no_more_run_at_once_than_asked(tmp_path: Path):
    source = (
        "import pathlib, time\n"
        "def test_a():\n"
        "    here = pathlib.Path(__file__).with_suffix('.on')\n"
        "    here.touch()\n"
        "    time.sleep(0.5)\n"
        "    assert len(list(here.parent.glob('*.on'))) <= 2\n"
        "    here.unlink()\n"
    )
    steps = Steps(tmp_path)
    steps.pytest(*(written(tmp_path, f"run{n}", source) for n in range(4)), at_once=2)
    assert steps.close() == 0


def test_a_command_that_fails_is_counted(tmp_path: Path, capfd: pytest.CaptureFixture):
    steps = Steps(tmp_path)
    steps.command("fine", ["platform"])
    steps.command("broken", ["json.tool", str(tmp_path / "nothing")])
    assert steps.close() == 1
    assert "1 passed, 1 failed" in capfd.readouterr().out
