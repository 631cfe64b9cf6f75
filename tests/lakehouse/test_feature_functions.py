"""Registered Python functions: what may be registered, what the DDL says, and how they run on columns."""

from __future__ import annotations

import datetime as dt
import json
from typing import Annotated

import pytest
from pyspark.sql import functions as F

from lakehouse import functions
from lakehouse.functions import function_ddl, get_python_function, register_python_function

OUTSIDE = 365


def tenure_days(signup: dt.date, at: dt.datetime) -> int:
    """Days since signup."""
    import datetime

    # Both ends as dates: hours do not count.
    if signup is None or at is None:
        return None
    return (at.date() - signup) // datetime.timedelta(days=1)


def half(x: Annotated[int, "INT"]) -> float | None:
    return None if x is None else x / 2


def kinds(flag: bool, text: str, values: list[float], raw: bytes) -> list[str]:
    return [str(flag), text, str(sum(values)), raw.decode()]


def test_ddl_is_the_statement_for_databricks():
    assert function_ddl(tenure_days, "main.churn.tenure_days") == (
        "CREATE OR REPLACE FUNCTION main.churn.tenure_days(signup DATE, at TIMESTAMP)\n"
        "RETURNS BIGINT\n"
        "LANGUAGE PYTHON\n"
        "COMMENT 'Days since signup.'\n"
        "AS $$\n"
        "import datetime\n"
        "\n"
        "# Both ends as dates: hours do not count.\n"
        "if signup is None or at is None:\n"
        "    return None\n"
        "return (at.date() - signup) // datetime.timedelta(days=1)\n"
        "$$"
    )


def test_types_follow_from_the_annotations():
    ddl = function_ddl(kinds, "main.a.kinds")
    assert "kinds(flag BOOLEAN, text STRING, values ARRAY<DOUBLE>, raw BINARY)\nRETURNS ARRAY<STRING>" in ddl
    assert "half(x INT)\nRETURNS DOUBLE" in function_ddl(half, "main.a.half")


def uses_a_global(x: int) -> int:
    return x + OUTSIDE


def uses_a_global_inside(xs: list[int]) -> int:
    def add(x):
        return x + OUTSIDE

    return add(xs[0])


def unannotated(x, y: int) -> int:
    return x + y


def no_result(x: int):
    return x


def unknown_type(x: complex) -> int:
    return 1


def with_default(x: int = 1) -> int:
    return x


def with_star(*xs: int) -> int:
    return 1


def with_dollars(x: int) -> str:
    return "$$"


def generator(x: int) -> int:
    yield x


def only_a_docstring(x: int) -> int:
    """Nothing."""


@pytest.mark.parametrize(
    ("fn", "message"),
    [
        (uses_a_global, r"uses \['OUTSIDE'\], defined outside"),
        (uses_a_global_inside, r"uses \['OUTSIDE'\], defined outside"),
        (unannotated, "parameter 'x', has no type annotation"),
        (no_result, "its result, has no type annotation"),
        (unknown_type, "has no SQL type"),
        (with_default, "'x' has a default"),
        (with_star, "must be a plain one"),
        (with_dollars, r"has '\$\$' in its body"),
        (generator, "must be a plain def"),
        (only_a_docstring, "no statement besides its docstring"),
    ],
)
def test_what_cannot_run_alone_is_refused(fn, message):
    with pytest.raises(ValueError, match=message):
        function_ddl(fn, "main.a.f")


def test_lambdas_and_closures_are_refused():
    with pytest.raises(TypeError, match="not a function written with def"):
        function_ddl(lambda x: x, "main.a.f")
    with pytest.raises(TypeError, match="not a function written with def"):
        function_ddl(len, "main.a.f")
    factor = 2

    def scaled(x: int) -> int:
        return factor * x

    with pytest.raises(ValueError, match=r"uses \['factor'\] of the function around it"):
        function_ddl(scaled, "main.a.f")


def test_a_registered_function_is_stored_in_the_lake(spark, schema):
    name = register_python_function(tenure_days, name=f"{schema}.Tenure_Days", spark=spark)
    assert name == f"{schema}.tenure_days"
    stored = json.loads(functions.object_path(name).read_text())
    assert stored["parameters"] == [{"name": "signup", "type": "DATE"}, {"name": "at", "type": "TIMESTAMP"}]
    assert get_python_function(name).ddl() == function_ddl(tenure_days, name)
    with pytest.raises(ValueError, match="exists already"):
        register_python_function(half, name=name, spark=spark, replace=False)
    assert get_python_function(name).return_type == "BIGINT"
    register_python_function(half, name=name, spark=spark)
    assert get_python_function(name).return_type == "DOUBLE"


def test_a_missing_schema_or_function_is_named(spark, schema):
    with pytest.raises(ValueError, match=r"Schema 'main.nowhere' does not exist"):
        register_python_function(half, name="main.nowhere.half", spark=spark)
    with pytest.raises(ValueError, match=r"'main.t.nothing' does not exist. Register it"):
        get_python_function("main.t.nothing")


def test_a_failed_write_keeps_the_stored_function(spark, schema, monkeypatch):
    name = register_python_function(half, name=f"{schema}.half", spark=spark)

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lakehouse.files.os.replace", full_disk)
    with pytest.raises(OSError, match="No space left"):
        register_python_function(tenure_days, name=name, spark=spark)
    assert get_python_function(name).return_type == "DOUBLE"
    assert [path.name for path in functions.object_path(name).parent.iterdir()] == ["half.json"]


@pytest.mark.both_engines
def test_null_reaches_the_function_as_none(spark, schema):
    tenure = get_python_function(register_python_function(tenure_days, name=f"{schema}.tenure", spark=spark))
    all_kinds = get_python_function(register_python_function(kinds, name=f"{schema}.kinds", spark=spark))
    df = spark.sql(
        "SELECT * FROM VALUES (1, DATE '2026-01-01', TIMESTAMP '2026-01-04 23:00:00'), (2, NULL, NULL) AS t(i, d, at)"
    )
    one_of_each = all_kinds.on_columns(
        F.lit(True), F.lit("t"), F.array(F.lit(1.0), F.lit(2.5)), F.lit("raw").cast("binary")
    )
    rows = (
        df.select(tenure.on_columns(F.col("d"), F.col("at")).alias("n"), one_of_each.alias("k")).orderBy("i").collect()
    )
    assert [row["n"] for row in rows] == [3, None]
    assert rows[0]["k"] == ["True", "t", "3.5", "raw"]


@pytest.mark.both_engines
def test_a_result_of_another_type_is_an_error_and_not_null(spark, schema):
    def wrong(x: int) -> int:
        return x / 2

    def whole(x: int) -> float:
        return x

    wrong_name = register_python_function(wrong, name=f"{schema}.wrong", spark=spark)
    whole_name = register_python_function(whole, name=f"{schema}.whole", spark=spark)
    assert spark.range(3, 4).select(get_python_function(whole_name).on_columns(F.col("id"))).head()[0] == 3.0
    with pytest.raises(Exception, match=r"wrong returned 1\.5 \(float\), but it is declared BIGINT"):
        spark.range(3, 4).select(get_python_function(wrong_name).on_columns(F.col("id"))).collect()
