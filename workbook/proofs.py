"""Proofs of the answer keys: each runs the choices of one question and returns the letters that hold.

A proof is a function of the chapter's ``proofs.py`` with the name of the item and one argument, the :class:`Lab`. It never
sees the key; a test compares.
"""

from __future__ import annotations

import importlib
import tempfile
import uuid
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbook.manifest import manifest
from workbook.quiz.author.bank import Item

if TYPE_CHECKING:
    from databricks.feature_engineering import FeatureEngineeringClient
    from mlflow import MlflowClient
    from pyspark.sql import DataFrame, SparkSession

#: A proof works on a handful of rows: compiling a plan takes longer than running it.
_INTERPRETED = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}

Proof = Callable[["Lab"], Iterable[str]]


class Lab:
    """What proofs work with. Everything is made when it is first asked for, and shared by all proofs.

    Attributes
    ----------
    spark : SparkSession
        The local platform's session, with the registry of the local platform set.
    fe : FeatureEngineeringClient
    client : MlflowClient
        On the store of the local platform.
    """

    @cached_property
    def spark(self) -> SparkSession:
        return self._workspace.spark

    @cached_property
    def fe(self) -> FeatureEngineeringClient:
        from databricks.feature_engineering import FeatureEngineeringClient

        assert self.spark is not None
        return FeatureEngineeringClient()

    @cached_property
    def client(self) -> MlflowClient:
        from mlflow import MlflowClient

        assert self._workspace is not None
        return MlflowClient()

    def table(self, name: str = "t") -> str:
        """A three-level name that nothing has yet, for a table, function or model."""
        return f"{self._workspace.schema_name}.{name}_{uuid.uuid4().hex[:8]}"

    def folder(self) -> Path:
        """A new empty folder."""
        return Path(tempfile.mkdtemp(prefix="proof-"))

    def experiment(self) -> str:
        """Make a new MLflow experiment the current one, and return its id."""
        import mlflow

        assert self._workspace is not None
        return mlflow.set_experiment(f"/Shared/proofs/{uuid.uuid4().hex}").experiment_id

    @cached_property
    def _workspace(self) -> Any:
        from workbook import start

        workspace = start(schema="proofs")
        for name, value in _INTERPRETED.items():
            workspace.spark.conf.set(name, value)
        return workspace


def holds(claims: dict[str, bool]) -> set[str]:
    """The letters of the claims that are true."""
    return {letter for letter, true in claims.items() if true}


def raises(error: type[Exception] | tuple[type[Exception], ...], call: Callable[[], Any]) -> bool:
    """Whether a call raises this error. Another error is a fault of the proof and goes through."""
    try:
        call()
    except error:
        return True
    return False


def works(call: Callable[[], Any], refused: type[Exception] | tuple[type[Exception], ...] = Exception) -> bool:
    """Whether a call comes back without one of the errors in ``refused``."""
    return not raises(refused, call)


def rows(df: DataFrame) -> list[tuple[Any, ...]]:
    """The rows of a small frame, in an order that does not depend on how it is stored."""
    return sorted(map(tuple, df.collect()), key=repr)


def proof_of(chapter: str, item: Item) -> Proof:
    """The proof of an item of a chapter.

    Raises
    ------
    LookupError
        When the module or the function is missing; the message names both.
    """
    module_name = f"{manifest().package}.ch{chapter}.proofs"
    try:
        return getattr(importlib.import_module(module_name), item.proof or "")
    except (ModuleNotFoundError, AttributeError) as error:
        raise LookupError(f"{item.id}: there is no proof {item.proof!r} in {module_name}") from error


def prove(chapter: str, item: Item, lab: Lab) -> str:
    """Run the proof of an item; return the letters that hold, sorted, such as ``"AC"``."""
    return "".join(sorted(set(proof_of(chapter, item)(lab))))
