"""Names and literals in SQL text, and columns whose names need quoting."""

from __future__ import annotations

from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

#: Catalogs outside Unity Catalog: a name completed with one of these has no governed table behind it.
_NOT_UNITY_CATALOG = ("spark_catalog", "hive_metastore")


def quoted(name: str) -> str:
    """An identifier in backticks; ``main.churn.usage`` as one column name stays one name."""
    return "`" + name.replace("`", "``") + "`"


def literal(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def column(name: str) -> Column:
    """The column of exactly this name, also when the name holds dots."""
    return F.col(quoted(name))


def table(name: str) -> str:
    """A three-level name with each level in backticks."""
    return ".".join(quoted(level) for level in name.split("."))


def three_levels(name: str, spark: SparkSession) -> str:
    """Complete a name to ``catalog.schema.object``, in lower case as Unity Catalog keeps it.

    One- and two-level names are completed from the current catalog and schema, as on Databricks.

    Raises
    ------
    ValueError
        When the name has no level, more than three, or an empty one, or when the catalog is not in Unity Catalog.
    """
    if not isinstance(name, str):
        raise ValueError(f"A name must be a string like 'main.churn.usage', got {type(name).__name__}: {name!r}.")
    levels = [level.strip("`") for level in name.lower().split(".")]
    if not all(levels) or len(levels) > 3:
        raise ValueError(f"{name!r} is not a name of the form catalog.schema.object, for example 'main.churn.usage'.")
    if len(levels) == 1:
        levels.insert(0, spark.catalog.currentDatabase())
    if len(levels) == 2:
        levels.insert(0, spark.catalog.currentCatalog())
    if levels[0] in _NOT_UNITY_CATALOG:
        raise ValueError(
            f"{name!r} stands for {'.'.join(levels)!r}, which is not in Unity Catalog. "
            "Give all three levels, for example 'main.churn.usage'."
        )
    return ".".join(levels)
