"""The course machinery. A notebook needs three names: ``start``, ``check`` and ``hint``."""

from __future__ import annotations

import lakehouse  # noqa: F401  (puts the local feature engineering client on the `databricks` namespace)
from workbook.checks import check, hint
from workbook.workspace import Workspace, start

__all__ = ["Workspace", "check", "hint", "start"]
