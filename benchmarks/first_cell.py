"""The first cell of chapter 04 on a fresh lake: with a JVM of its own, and on one that is warm."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from statistics import median

from lakehouse.spark.shared_jvm import start_jvm

CELL = """
import json, time
begun = time.perf_counter()
from workbook import start
from course import churn
import mlflow
from databricks.feature_engineering import FeatureEngineeringClient
imported = time.perf_counter()
ws = start("04_feature_store", n_customers={customers}, seed=7)
FeatureEngineeringClient()
done = time.perf_counter()
print(json.dumps({{"imports": imported - begun, "start": done - imported}}))
"""


def first_cell(customers: int, **environment: str) -> dict[str, float]:
    """Seconds of the cell's imports and of the rest, in a process and a home of its own."""
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [sys.executable, "-c", CELL.format(customers=customers)],
            env={**os.environ, **environment, "WORKBOOK_HOME": home},
            capture_output=True,
            text=True,
            check=True,
        )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    cold = [first_cell(asked.customers) for _ in range(asked.rounds)]
    with tempfile.TemporaryDirectory() as home:
        os.environ["WORKBOOK_HOME"] = home
        jvm = start_jvm()
        try:
            first_cell(asked.customers, **jvm.open_gateway())  # warms it
            warm = [first_cell(asked.customers, **jvm.open_gateway()) for _ in range(asked.rounds)]
        finally:
            jvm.close()
    totals = {}
    for name, laps in (("cold JVM", cold), ("warm JVM", warm)):
        parts = {part: median(lap[part] for lap in laps) for part in laps[0]}
        totals[name] = sum(parts.values())
        told = ", ".join(f"{part} {seconds:.1f} s" for part, seconds in parts.items())
        print(f"{name}: {totals[name]:.1f} s ({told})")
    print(f"cold / warm = {totals['cold JVM'] / totals['warm JVM']:.2f}")


if __name__ == "__main__":
    main()
