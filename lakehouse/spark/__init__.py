"""The `spark` of a notebook: one session for each process, wherever the code runs."""

from __future__ import annotations

from lakehouse.spark.connect import CONNECT_SERVER
from lakehouse.spark.session import get_spark

__all__ = ["CONNECT_SERVER", "get_spark"]
