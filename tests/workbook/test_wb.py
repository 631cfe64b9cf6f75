"""The launcher, with stand-ins for uv and Java on a PATH that holds nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from lakehouse.paths import ROOT

TOOLS = ["sh", "cat", "cksum", "dirname", "head", "ln", "mkdir", "mv", "readlink", "rm", "sed", "sleep", "touch"]


class Machine:
    """A copy of the launcher in a folder of its own, and the programs that it finds."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a repository"
        self.bin = folder / "bin"
        self.installs = folder / "installs"
        (self.root / "workbook").mkdir(parents=True)
        self.bin.mkdir()
        shutil.copy(ROOT / "wb", self.root / "wb")
        (self.root / "pyproject.toml").write_text("[project]\n")
        (self.root / "requirements.lock").write_text("a==1\n")
        (self.root / "workbook" / "__init__.py").touch()
        (self.root / "workbook" / "__main__.py").write_text(
            "import json, os, sys\n"
            "names = ['JAVA_HOME', 'PYSPARK_PYTHON', 'SPARK_HOME']\n"
            "print(json.dumps({'argv': sys.argv[1:], 'prefix': sys.prefix} | {n: os.environ.get(n) for n in names}))\n"
        )
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))
        self.program(
            "uv",
            f"""
            case "$1 $2" in
                "venv "*) for last; do :; done; exec "{sys.executable}" -m venv --without-pip "$last" ;;
                "pip install") printf '%s\\n' "$*" >> "{self.installs}"; [ ! -e "{self.root}/offline" ] ;;
                *) echo "uv 1" ;;
            esac
            """,
        )

    def program(self, name: str, script: str) -> Path:
        path = self.bin / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n" + textwrap.dedent(script))
        path.chmod(0o755)
        return path

    def java(self, version: str, home: Path) -> None:
        """Put a Java into a folder, as it answers `-version`."""
        self.program(
            str(home / "bin" / "java"), f"echo '    java.home = {home}' >&2; echo 'openjdk version \"{version}\"' >&2"
        )

    def run(self, *arguments: str, wb: Path | None = None, cwd: Path | None = None, **environment: str):
        return subprocess.run(
            [wb or self.root / "wb", *arguments],
            cwd=cwd or self.root,
            env={"PATH": str(self.bin), "HOME": str(self.bin)} | environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def count_installs(self) -> int:
        return len(self.installs.read_text().splitlines()) if self.installs.exists() else 0


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    machine.java("17.0.9", tmp_path / "java17")
    (machine.bin / "java").symlink_to(tmp_path / "java17" / "bin" / "java")
    return machine


def test_is_plain_shell():
    assert subprocess.run(["sh", "-n", ROOT / "wb"]).returncode == 0
    assert (ROOT / "wb").read_text().startswith("#!/bin/sh\n")
    if shutil.which("shellcheck"):
        assert subprocess.run(["shellcheck", ROOT / "wb"]).returncode == 0


def test_first_run_installs_what_the_lock_says_and_the_second_installs_nothing(machine: Machine):
    first = machine.run("run", "--only", "a b")
    assert first.returncode == 0, first.stderr
    told = json.loads(first.stdout)
    assert told["argv"] == ["run", "--only", "a b"]
    assert told["prefix"] == str(machine.root / ".venv")
    assert told["PYSPARK_PYTHON"] == str(machine.root / ".venv" / "bin" / "python")
    assert "-c requirements.lock -r pyproject.toml" in machine.installs.read_text()
    assert "installing packages" in first.stderr

    second = machine.run("run")
    assert second.stderr == ""
    assert machine.count_installs() == 1


def test_each_command_installs_its_own_extra_once(machine: Machine):
    machine.run("run")
    machine.run("test")
    machine.run("test")
    machine.run("run")
    assert [line.partition("pyproject.toml")[2].strip() for line in machine.installs.read_text().splitlines()] == [
        "",
        "--extra test --extra author",
    ]


def test_a_changed_lock_is_installed(machine: Machine):
    machine.run("run")
    (machine.root / "requirements.lock").write_text("a==2\n")
    machine.run("run")
    assert machine.count_installs() == 2


def test_works_from_another_folder_and_through_links(machine: Machine, tmp_path: Path):
    (machine.root / "relative").symlink_to("wb")
    (tmp_path / "absolute").symlink_to(machine.root / "relative")
    told = machine.run("progress", wb=tmp_path / "absolute", cwd=Path("/"))
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["prefix"] == str(machine.root / ".venv")


def test_packages_of_the_repository_can_be_imported_from_any_folder(machine: Machine, tmp_path: Path):
    told = machine.run("python", "-c", "import workbook; print(workbook.__file__)", cwd=tmp_path)
    assert told.stdout.strip() == str(machine.root / "workbook" / "__init__.py"), told.stderr


def test_another_spark_is_not_let_in(machine: Machine):
    assert json.loads(machine.run("progress", SPARK_HOME="/opt/spark-2").stdout)["SPARK_HOME"] is None


def test_a_failed_installation_is_said_and_tried_again(machine: Machine):
    (machine.root / "offline").touch()
    failed = machine.run("run")
    assert failed.returncode != 0
    assert "could not be installed" in failed.stderr
    assert not (machine.root / ".workbook" / "setup.lock").is_symlink()
    (machine.root / "offline").unlink()
    assert machine.run("run").returncode == 0


def test_a_killed_installation_is_made_anew(machine: Machine):
    machine.run("run")
    (machine.root / ".venv" / ".wb-installing").touch()
    (machine.root / ".venv" / "half").touch()
    again = machine.run("run")
    assert "making the Python environment" in again.stderr
    assert machine.count_installs() == 2


def test_two_first_runs_install_once(machine: Machine):
    machine.program(
        "uv",
        (machine.bin / "uv")
        .read_text()
        .removeprefix("#!/bin/sh\n")
        .replace('"pip install")', '"pip install") sleep 1;'),
    )
    command = [machine.root / "wb", "run"]
    environment = {"PATH": str(machine.bin), "HOME": str(machine.bin)}
    # Started in this repository, which has packages of the same names.
    both = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
        for _ in "ab"
    ]
    for process in both:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    assert machine.count_installs() == 1


def test_the_lock_of_a_killed_set_up_is_taken_over(machine: Machine):
    dead = subprocess.Popen(["sh", "-c", "exit"])
    dead.wait()
    (machine.root / ".workbook").mkdir()
    (machine.root / ".workbook" / "setup.lock").symlink_to(str(dead.pid))
    assert machine.run("run").returncode == 0


def test_a_set_up_that_is_at_work_is_waited_for(machine: Machine):
    (machine.root / ".workbook").mkdir()
    lock = machine.root / ".workbook" / "setup.lock"
    lock.symlink_to(str(os.getpid()))
    process = subprocess.Popen(
        [machine.root / "wb", "run"],
        env={"PATH": str(machine.bin), "HOME": str(machine.bin)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert f"waiting for process {os.getpid()}" in process.stderr.readline()
    assert machine.count_installs() == 0
    lock.unlink()
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_without_uv_and_python_says_what_to_install(machine: Machine):
    (machine.bin / "uv").unlink()
    told = machine.run("run")
    assert told.returncode != 0
    for hint in ("sudo apt install python3", "sudo dnf install", "brew install uv", "WSL2"):
        assert hint in told.stderr


def test_java_home_is_used_before_the_path(machine: Machine, tmp_path: Path):
    machine.java("21.0.1", tmp_path / "java21")
    told = machine.run("run", JAVA_HOME=str(tmp_path / "java21"))
    assert json.loads(told.stdout)["JAVA_HOME"] == str(tmp_path / "java21")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'openjdk version \"11.0.2\"' >&2", "is Java 11.0.2; Spark needs 17"),
        ("echo 'java version \"1.8.0_402\"' >&2", "is Java 1.8.0_402; Spark needs 17"),
        ("echo 'cannot execute binary file' >&2; exit 126", "does not run: cannot execute binary file"),
        ("echo hello", "does not tell its version"),
        (None, "has no working Java"),
    ],
)
def test_a_useless_java_home_is_named_and_the_next_java_used(
    machine: Machine, tmp_path: Path, script: str | None, message: str
):
    if script is not None:
        machine.program(str(tmp_path / "bad" / "bin" / "java"), script)
    told = machine.run("run", JAVA_HOME=str(tmp_path / "bad"))
    assert told.returncode == 0
    assert f"JAVA_HOME={tmp_path / 'bad'}" in told.stderr
    assert message in told.stderr
    assert json.loads(told.stdout)["JAVA_HOME"] == str(tmp_path / "java17")


def _with_jdk_module(machine: Machine, body: str) -> None:
    """Make the environment, with a stand-in for the package that downloads Java."""
    assert machine.run("progress").returncode == 0
    site = next((machine.root / ".venv").glob("lib/python*/site-packages"))
    (site / "jdk.py").write_text(textwrap.dedent(body))


def test_without_java_one_is_fetched_once(machine: Machine, tmp_path: Path):
    (machine.bin / "java").unlink()
    machine.java("17.0.9", tmp_path / "download" / "jdk-17")
    _with_jdk_module(
        machine,
        f"""
        import shutil
        def install(version, path):
            assert version == "17"
            shutil.copytree({str(tmp_path / "download")!r}, path)
        """,
    )
    first = machine.run("run")
    assert first.returncode == 0, first.stderr
    assert "downloading Java 17" in first.stderr
    second = machine.run("run")
    assert second.returncode == 0
    assert second.stderr == ""


def test_without_java_and_network_says_what_to_install(machine: Machine):
    (machine.bin / "java").unlink()
    _with_jdk_module(machine, "def install(version, path): raise OSError('no network')")
    told = machine.run("run")
    assert told.returncode != 0
    assert told.stdout == ""
    for hint in ("openjdk-17-jre-headless", "dnf install java", "brew install --cask temurin@17", "WSL2", "JAVA_HOME"):
        assert hint in told.stderr
    assert not (machine.root / ".workbook" / "setup.lock").is_symlink()
    assert machine.run("progress").returncode == 0
    assert machine.run("python", "-c", "print(1)").stdout == "1\n"


def test_a_remote_cluster_needs_no_java(machine: Machine):
    (machine.bin / "java").unlink()
    told = machine.run("run", SPARK_REMOTE="sc://cluster:15002")
    assert told.returncode == 0, told.stderr


def test_interrupted_set_up_leaves_no_lock(machine: Machine):
    machine.program(
        "uv",
        (machine.bin / "uv")
        .read_text()
        .removeprefix("#!/bin/sh\n")
        .replace('"pip install")', '"pip install") sleep 60;'),
    )
    process = subprocess.Popen(
        [machine.root / "wb", "run"],
        env={"PATH": str(machine.bin), "HOME": str(machine.bin)},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    lock = machine.root / ".workbook" / "setup.lock"
    while not (machine.root / ".venv" / ".wb-installing").exists():
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, 15)
    assert process.wait(timeout=30) == 143
    assert not lock.is_symlink()


def test_doctor_installs_nothing_and_takes_the_python_that_is_there(machine: Machine):
    (machine.root / "workbook" / "doctor.py").write_text("import sys; print('looked at by', sys.executable)\n")
    machine.program("python3", f'exec "{sys.executable}" "$@"')
    done = machine.run("doctor")
    assert (done.returncode, machine.count_installs()) == (0, 0), done.stderr
    assert "looked at by" in done.stdout
    assert not (machine.root / ".venv").exists()


def test_doctor_says_when_there_is_no_python_at_all(machine: Machine):
    done = machine.run("doctor")
    assert done.returncode == 1
    assert "no Python was found" in done.stderr
