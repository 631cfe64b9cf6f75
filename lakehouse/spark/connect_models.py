"""Spark ML models through ``mlflow.spark`` on Spark Connect.

MLflow moves a model's files with the JVM's Hadoop file system, and a Connect client has no JVM. Client and local server
share one disk, so plain file operations do the same.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import mlflow.spark
from pyspark.sql.utils import is_remote


class _SharedDisk:
    """The two operations that MLflow asks of its Hadoop file system for saving and loading."""

    @staticmethod
    def copy_to_local_file(src: str, dst: str, remove_src: bool) -> None:
        if not Path(src).is_dir():
            raise FileNotFoundError(
                f"Spark wrote the model to {src}, which is not on this machine: a Connect server elsewhere needs "
                "MLFLOW_DFS_TMP to name a folder that both machines see."
            )
        (shutil.move if remove_src else shutil.copytree)(src, dst)

    @staticmethod
    def maybe_copy_from_uri(src_uri: str, dst_path: str, local_model_path: str | None = None) -> str:
        return local_model_path or src_uri


def install() -> None:
    """Let ``mlflow.spark`` save and load where this process is on Spark Connect; calling it again is harmless."""
    if is_remote():
        mlflow.spark._HadoopFileSystem = _SharedDisk  # type: ignore[attr-defined]  # noqa: SLF001
