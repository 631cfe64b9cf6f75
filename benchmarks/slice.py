"""`wb run` against plain papermill with a JVM for each notebook, over the same notebooks; then an unchanged rerun."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from workbook.cli.course import JOBS

ROOT = Path(__file__).resolve().parent.parent


def timed(command: list[str], home: Path, folder: Path) -> float:
    """Seconds that a command takes with its state in ``home``; its output goes to a log."""
    begin = time.perf_counter()
    with (folder / "log.txt").open("a") as log:
        subprocess.run(
            command, cwd=folder, env=os.environ | {"WORKBOOK_HOME": str(home)}, stdout=log, stderr=log, check=True
        )
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--customers", type=int, help="n_customers for every notebook; their own defaults when left out"
    )
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=JOBS, help="groups of notebooks that `wb run` runs side by side")
    asked = parser.parse_args()
    notebooks = [ROOT / "solutions/chapters/04_feature_store.ipynb"]
    notebooks += sorted((ROOT / "solutions/capstone/churn").glob("*.ipynb"))
    size = ["-p", f"n_customers={asked.customers}"] if asked.customers else []
    folder = Path(tempfile.mkdtemp(prefix="workbook-bench-"))
    # The cluster manager's variables of a surrounding run would hand the notebooks a warm JVM.
    for name in ("PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET"):
        os.environ.pop(name, None)
    run = [sys.executable, "-m", "workbook", "run", "--only", "04", "--only", "churn", "--jobs", str(asked.jobs), *size]
    try:
        for turn in range(asked.rounds):
            plain = 0.0
            for notebook in notebooks:
                command = [
                    sys.executable,
                    "-m",
                    "papermill",
                    str(notebook),
                    str(folder / "out.ipynb"),
                    "--no-progress-bar",
                ]
                command += ["-p", "n_customers", str(asked.customers)] if asked.customers else []
                took = timed(command, folder / f"plain-{turn}", folder)
                plain += took
                print(f"papermill {notebook.stem:22} {took:6.1f} s", flush=True)
            ours = timed(run, folder / f"run-{turn}", folder)
            again = timed(run, folder / f"run-{turn}", folder)
            report = json.loads((folder / f"run-{turn}" / "report" / "report.json").read_text())
            assert all(record["status"] == "reused" for record in report["notebooks"])
            print(f"papermill, one after the other: {plain:6.1f} s", flush=True)
            print(f"wb run:                         {ours:6.1f} s", flush=True)
            print(f"papermill / wb run = {plain / ours:.2f}; unchanged rerun {again:.1f} s", flush=True)
    except subprocess.CalledProcessError:
        print((folder / "log.txt").read_text()[-4000:], file=sys.stderr)
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
