"""The platform on one machine: real Spark, Delta and MLflow, and stand-ins for what only Databricks has.

Importing the package makes ``from databricks.feature_engineering import FeatureEngineeringClient`` work locally.
On Databricks the import changes nothing: the platform's own packages stay in charge.
"""

from __future__ import annotations

from importlib.util import find_spec

from lakehouse.paths import ROOT, home, on_databricks

__all__ = ["ROOT", "home", "on_databricks"]

# Without packages, when `wb doctor` looks for what is missing, there is no namespace to extend.
if not on_databricks() and find_spec("databricks") is not None:
    import databricks

    _compat = str(ROOT / "lakehouse" / "compat" / "databricks")
    if _compat not in databricks.__path__:
        databricks.__path__.insert(0, _compat)
