"""The public signatures equal those of the real package, which is inspected in an environment of its own.

``WORKBOOK_PARITY_PYTHON`` names a Python that has ``databricks-feature-engineering`` and PySpark. Without it the test
builds such an environment once with uv, and is skipped where that is not possible. Only signatures are read.
"""

from __future__ import annotations

import inspect
import json
import os
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import lakehouse.feature_engineering as ours
from lakehouse.feature_engineering.legacy import FeatureStoreClient
from lakehouse.paths import ROOT

REAL = "databricks-feature-engineering==0.18.2"
ENVIRONMENT = ROOT / ".workbook" / "parity"

#: Class here, and where the real one is imported from. TrainingSet is made by the client, so its constructor is ours.
CLASSES = {
    "FeatureEngineeringClient": (ours.FeatureEngineeringClient, "databricks.feature_engineering"),
    "FeatureLookup": (ours.FeatureLookup, "databricks.feature_engineering"),
    "FeatureFunction": (ours.FeatureFunction, "databricks.feature_engineering"),
    "TrainingSet": (ours.TrainingSet, "databricks.feature_engineering.training_set"),
    "FeatureStoreClient": (FeatureStoreClient, "databricks.feature_store"),
}

EXAMPLES = {
    "FeatureLookup": ours.FeatureLookup("main.a.t", "id"),
    "FeatureFunction": ours.FeatureFunction(udf_name="main.a.f"),
    "TrainingSet": ours.TrainingSet,
}


def public_signatures(cls: type) -> dict[str, Any]:
    """Method -> parameters as [name, kind, default]; property -> null. Runs in both environments."""
    found: dict[str, Any] = {}
    for name in dir(cls):
        if name.startswith("_") and name != "__init__":
            continue
        member = inspect.getattr_static(cls, name)
        if isinstance(member, property):
            found[name] = None
            continue
        parameters = inspect.signature(getattr(cls, name)).parameters.values()
        found[name] = [
            [p.name, p.kind.name, "required" if p.default is p.empty else repr(p.default)] for p in parameters
        ]
    return found


SCRIPT = f"""
import importlib, inspect, json
from typing import Any
{inspect.getsource(public_signatures)}
classes = {json.dumps({name: module for name, (_, module) in CLASSES.items()})}
print(json.dumps({{c: public_signatures(getattr(importlib.import_module(m), c)) for c, m in classes.items()}}))
"""


def real_python() -> Path:
    """Python of the environment with the real package, built when it is not there."""
    named = os.environ.get("WORKBOOK_PARITY_PYTHON")
    if named:
        return Path(named)
    python = ENVIRONMENT / "bin" / "python"
    if (ENVIRONMENT / "ready").exists():
        return python
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("no environment with the real package: set WORKBOOK_PARITY_PYTHON, or put uv on the PATH")
    for command in (
        [uv, "venv", "--clear", "--python", "3.11", str(ENVIRONMENT)],
        [uv, "pip", "install", "--python", str(python), REAL, f"pyspark[connect]=={version('pyspark')}", "pandas<3"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        if done.returncode:
            pytest.skip(f"the real package cannot be installed: {done.stderr.strip().splitlines()[-1]}")
    (ENVIRONMENT / "ready").touch()
    return python


@pytest.fixture(scope="module")
def real() -> dict[str, dict[str, Any]]:
    """Signatures of the real package."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "SPARK"))}
    done = subprocess.run([str(real_python()), "-c", SCRIPT], capture_output=True, text=True, timeout=300, env=clean)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def same_default(here: str, there: str) -> bool:
    # A sentinel object without a value of its own ("<object object at 0x...>") can only be matched by some default.
    return here == there or (there.startswith("<object object") and here != "required")


@pytest.mark.parametrize("name", CLASSES)
def test_every_public_signature_equals_the_real_one(name, real):
    here, there = public_signatures(CLASSES[name][0]), real[name]
    if name == "TrainingSet":
        del here["__init__"], there["__init__"]
    attributes = {member for member, parameters in there.items() if parameters is None}
    assert not set(there) - attributes - set(here), "missing here"
    # An attribute that the constructor sets reads the same as a property.
    assert all(hasattr(EXAMPLES[name], member) for member in attributes)
    for member, expected in there.items():
        if member in attributes:
            continue
        shown = [parameter[:2] for parameter in here[member]]
        assert shown == [parameter[:2] for parameter in expected], member
        for (parameter, _, default), (_, _, real_default) in zip(here[member], expected, strict=True):
            assert same_default(default, real_default), f"{member}({parameter}={default}), there {real_default}"
