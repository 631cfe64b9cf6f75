"""What ``wb doctor`` looks at for the catalogs. It runs without any package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lakehouse.findings import Finding


def tables(home: Path) -> Finding:
    """Whether every table of the lake has a first commit. A kill while a table is made leaves one that has none."""
    lake = home / "lake"
    good: list[Path] = []
    half: list[Path] = []
    for table in sorted(lake.glob("*/*/*")):
        if table.is_dir() and not table.name.startswith((".", "_")):
            (good if any(_commits(table / "_delta_log")) else half).append(table)
    if half:
        places = ", ".join(str(table.relative_to(lake)) for table in half[:5])
        remedy = f"delete these folders under {lake}: they hold no table, and a new one could not be made there"
        return Finding("Lake", f"{len(half)} half-written: {places}", remedy, True)
    return Finding("Lake", f"{len(good)} tables in {lake}" if lake.exists() else f"{lake} does not exist yet")


def _commits(log: Path) -> Iterator[Path]:
    for path in log.glob("*"):
        if re.fullmatch(r"\d{20}(\.json|\.checkpoint.*\.parquet)", path.name) and path.stat().st_size:
            yield path


LOOKS = {"Lake": tables}
