"""What ``wb doctor`` looks at for Spark. It runs without any package."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lakehouse.findings import Finding
from lakehouse.spark.delta_jars import JAR_FOLDER
from lakehouse.spark.java import JAVA_NEEDED

JAVA_TRIED = 21


def java(home: Path) -> Finding:
    """The Java that Spark would start."""
    named = os.environ.get("JAVA_HOME")
    binary = str(Path(named) / "bin" / "java") if named else shutil.which("java")
    remedy = (
        "`./wb run` downloads one; or install it: openjdk-17-jre-headless (Debian, Ubuntu, WSL2), "
        "java-21-openjdk-headless (Fedora), `brew install --cask temurin@17` (macOS)"
    )
    if binary is None:
        return Finding("Java", "none", remedy, True)
    where = f"JAVA_HOME={named}" if named else binary
    try:
        told = subprocess.run([binary, "-version"], capture_output=True, text=True, timeout=60)
    except OSError as error:
        return Finding("Java", f"{where} does not run ({error.strerror})", f"unset JAVA_HOME, or {remedy}", True)
    number = re.search(r'version "(\d+)(?:\.(\d+))?[^"]*"', told.stderr)
    if told.returncode or number is None:
        return Finding("Java", f"{where} does not run: {told.stderr[:200].strip()}", remedy, True)
    major = int(number[2] or 0) if number[1] == "1" else int(number[1])
    if major < JAVA_NEEDED:
        return Finding("Java", f"{major} ({where}); Spark needs {JAVA_NEEDED}", remedy, True)
    if major > JAVA_TRIED:
        return Finding("Java", f"{major} ({where})", f"if Spark does not start, use {JAVA_NEEDED} or {JAVA_TRIED}")
    return Finding("Java", f"{major} ({where})")


def delta_jars(home: Path) -> Finding:
    """Whether Delta's jars for the installed delta-spark are there, so that Spark starts without a network."""
    try:
        wanted = version("delta-spark")
    except PackageNotFoundError:
        return Finding("Delta jars", "delta-spark is not installed", "run `./wb run`", True)
    folder = JAR_FOLDER / f"delta-{wanted}"
    jars = sorted(folder.glob("*.jar"))
    if not folder.is_dir():
        return Finding("Delta jars", "not downloaded yet", "the first start of Spark downloads them (needs a network)")
    if not jars or any(jar.stat().st_size == 0 for jar in jars):
        return Finding("Delta jars", f"{folder} is incomplete", f"delete {folder}; the next start downloads it", True)
    return Finding("Delta jars", f"{len(jars)} for Delta {wanted}")


LOOKS = {"Java": java, "Delta jars": delta_jars}
