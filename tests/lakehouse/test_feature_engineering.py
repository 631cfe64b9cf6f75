"""The feature engineering client: the documented rules, one test for each."""

from __future__ import annotations

import datetime as dt
import importlib
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import cloudpickle
import mlflow
import pandas as pd
import pytest
from mlflow.types import ColSpec, Schema
from pyspark.errors import PySparkException
from pyspark.sql import functions as F
from pyspark.sql import types as T
from sklearn.linear_model import LinearRegression

from lakehouse.feature_engineering import (
    FeatureEngineeringClient,
    FeatureFunction,
    FeatureLookup,
    FeatureTable,
    TrainingSet,
)
from lakehouse.feature_engineering.legacy import FeatureStoreClient
from lakehouse.feature_engineering.resolve import resolve
from lakehouse.feature_engineering.spec import FeatureSpec
from lakehouse.functions import register_python_function

JAN = [dt.datetime(2026, 1, day) for day in range(1, 32)]
USAGE = "customer_id long, ts timestamp, minutes double, calls int"
CUSTOMERS = "customer_id long, plan string, age int"


@pytest.fixture(scope="module")
def fe() -> FeatureEngineeringClient:
    return FeatureEngineeringClient()


@pytest.fixture(scope="module")
def store(spark, fe) -> Iterator[SimpleNamespace]:
    """A schema with two feature tables that no test changes: usage (time series) and customers."""
    schema = f"main.fs_{uuid.uuid4().hex[:8]}"
    spark.sql(f"CREATE SCHEMA {schema}")
    usage = [(1, JAN[0], 10.0, 1), (1, JAN[9], None, 2), (2, JAN[4], 30.0, None)]
    fe.create_table(
        name=f"{schema}.usage",
        primary_keys=["customer_id", "ts"],
        timeseries_column="ts",
        df=spark.createDataFrame(usage, USAGE),
        description="Weekly usage; it's summed",
        tags={"team": "growth"},
    )
    customers = [(1, "basic", 20), (2, None, 40)]
    fe.create_table(
        name=f"{schema}.customers", primary_keys="customer_id", df=spark.createDataFrame(customers, CUSTOMERS)
    )
    labels = spark.createDataFrame(
        [(1, JAN[5], 0.0), (1, JAN[20], 1.0), (1, JAN[20], 1.0), (2, JAN[4], 0.0), (3, JAN[20], 1.0)],
        "customer_id long, at timestamp, churned double",
    )
    yield SimpleNamespace(
        schema=schema, usage=f"{schema}.usage", customers=f"{schema}.customers", labels=labels, spark=spark
    )
    spark.sql(f"DROP SCHEMA {schema} CASCADE")


def usage_of(store, **kwargs) -> FeatureLookup:
    return FeatureLookup(store.usage, "customer_id", timestamp_lookup_key="at", **kwargs)


def columns(frame) -> list[tuple]:
    return sorted((tuple(row) for row in frame.collect()), key=str)


@pytest.mark.parametrize(
    ("module", "name", "here"),
    [
        ("databricks.feature_engineering", "FeatureEngineeringClient", FeatureEngineeringClient),
        ("databricks.feature_engineering", "FeatureLookup", FeatureLookup),
        ("databricks.feature_engineering.entities.feature_lookup", "FeatureLookup", FeatureLookup),
        ("databricks.feature_engineering.entities.feature_function", "FeatureFunction", FeatureFunction),
        ("databricks.feature_engineering.entities.feature_table", "FeatureTable", FeatureTable),
        ("databricks.feature_engineering.training_set", "TrainingSet", TrainingSet),
        ("databricks.feature_store", "FeatureStoreClient", FeatureStoreClient),
        ("databricks.feature_store", "FeatureLookup", FeatureLookup),
    ],
)
def test_the_platforms_import_paths_give_the_local_classes(module, name, here):
    assert getattr(importlib.import_module(module), name) is here


# Feature tables


@pytest.mark.both_engines
def test_a_created_table_tells_its_keys_and_keeps_them_not_null(fe, store):
    table = fe.get_table(name=store.usage)
    assert isinstance(table, FeatureTable)
    assert (table.primary_keys, table.timestamp_keys) == (["customer_id"], ["ts"])
    assert table.features == ["minutes", "calls"]
    assert (table.description, table.tags) == ("Weekly usage; it's summed", {"team": "growth"})
    schema = fe.read_table(name=store.usage).schema
    assert {field.name: field.nullable for field in schema} == {
        "customer_id": False,
        "ts": False,
        "minutes": True,
        "calls": True,
    }


def test_every_argument_is_keyword_only(fe, spark):
    with pytest.raises(TypeError):
        fe.create_table("main.a.t", ["id"], spark.range(1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "Give df or schema"),
        ({"schema": "id long, x double", "primary_keys": []}, "primary_keys is empty"),
        ({"schema": "id long, x double", "primary_keys": "key"}, r"primary_keys \['key'\] are not columns"),
        ({"schema": "id long, ts timestamp", "timeseries_column": "ts"}, "'ts' must also be listed in primary_keys"),
        (
            {"schema": "id long, x double", "primary_keys": ["id", "x"], "timeseries_column": "x"},
            "type DATE or TIMESTAMP",
        ),
        (
            {"schema": "ts timestamp", "primary_keys": "ts", "timeseries_column": "ts"},
            "at least one column that is not",
        ),
        ({"schema": "id long, ID double"}, r"\['id'\] more than once"),
        ({"schema": "id long, b byte"}, "'b' has type TINYINT"),
        ({"schema": "id array<int>, b int"}, "keys must be scalars"),
        ({"schema": "id long", "name": "main.a.b.c"}, "not a name of the form catalog.schema.object"),
        ({"schema": "id long", "name": "spark_catalog.a.b"}, "not in Unity Catalog"),
    ],
)
def test_a_table_that_breaks_a_rule_is_not_created(fe, schema, spark, arguments, message):
    arguments = {"name": f"{schema}.t", "primary_keys": "id"} | arguments
    if "schema" in arguments:
        arguments["schema"] = T.StructType.fromDDL(arguments["schema"])
    with pytest.raises(ValueError, match=message):
        fe.create_table(**arguments)
    assert spark.sql(f"SHOW TABLES IN {schema}").count() == 0


def test_rows_that_break_a_rule_leave_no_table_behind(fe, schema, spark):
    for rows, message in (([(1, "a"), (1, "b")], "Non-unique rows"), ([(None, "a")], "NOT NULL")):
        with pytest.raises(ValueError, match=message):
            fe.create_table(name=f"{schema}.t", primary_keys="id", df=spark.createDataFrame(rows, "id long, x string"))
    failing = spark.range(2).select("id", F.raise_error(F.lit("source is gone")).cast("string").alias("x"))
    with pytest.raises(Exception, match="source is gone"):
        fe.create_table(name=f"{schema}.t", primary_keys="id", df=failing)
    assert spark.sql(f"SHOW TABLES IN {schema}").count() == 0


def test_df_and_schema_must_agree(fe, schema, spark):
    with pytest.raises(ValueError, match="columns of df and schema differ"):
        fe.create_table(
            name=f"{schema}.t", primary_keys="id", df=spark.range(1), schema=T.StructType.fromDDL("id long, x int")
        )


def test_an_existing_table_is_returned_untouched(fe, store, spark):
    with pytest.warns(UserWarning, match="exists already"):
        table = fe.create_table(name=store.customers, primary_keys="id", df=spark.range(5))
    assert table.primary_keys == ["customer_id"]
    assert fe.read_table(name=store.customers).count() == 2


def test_a_table_from_a_schema_is_empty_and_takes_the_old_spelling(fe, schema):
    table = fe.create_table(
        name=f"{schema}.t",
        primary_keys=["id", "day"],
        timestamp_keys="day",
        schema=T.StructType.fromDDL("id long, day date, x double"),
    )
    assert table.timestamp_keys == ["day"]
    assert fe.read_table(name=table.name).count() == 0
    with pytest.raises(TypeError, match="unexpected keyword argument 'path'"):
        fe.create_table(name=f"{schema}.u", primary_keys="id", path="/tmp/x")


def test_a_table_with_a_primary_key_from_sql_is_a_feature_table(fe, schema, spark):
    spark.sql(f"CREATE TABLE {schema}.keyed (Id BIGINT NOT NULL, x DOUBLE, CONSTRAINT pk PRIMARY KEY (Id))")
    spark.sql(f"CREATE TABLE {schema}.plain (id BIGINT, x DOUBLE)")
    assert fe.get_table(name=f"{schema}.keyed").primary_keys == ["Id"]
    for method in (fe.get_table, fe.read_table, fe.drop_table):
        with pytest.raises(ValueError, match="has no primary key"):
            method(name=f"{schema}.plain")
    assert spark.catalog.tableExists(f"{schema}.plain")


def test_names_are_completed_from_the_current_schema(fe, store, spark):
    catalog, before = spark.catalog.currentCatalog(), spark.catalog.currentDatabase()
    spark.sql(f"USE {store.schema}")
    try:
        assert fe.get_table(name="usage").name == store.usage
    finally:
        spark.sql(f"USE {catalog}.{before}")


@pytest.mark.both_engines
def test_merge_updates_inserts_adds_columns_and_keeps_missing_ones(fe, schema, spark):
    name = f"{schema}.t"
    fe.create_table(
        name=name, primary_keys="id", df=spark.createDataFrame([(1, "a", 1), (2, "b", 2)], "id long, x string, n int")
    )
    fe.write_table(
        name=name, df=spark.createDataFrame([(2, "B", 0.5), (3, "C", None)], "id long, x string, extra double")
    )
    assert columns(fe.read_table(name=name)) == [(1, "a", 1, None), (2, "B", 2, 0.5), (3, "C", None, None)]


@pytest.mark.both_engines
def test_a_refused_write_changes_nothing(fe, store, schema, spark):
    refused = [
        ([(1, "x", 1), (1, "y", 2)], CUSTOMERS, "Non-unique rows: 1 values"),
        ([(None, "x", 1)], CUSTOMERS, "1 rows have a null in the key"),
        ([("x", 1)], "plan string, age int", "lacks the key columns"),
        ([(1, 2.5)], "customer_id long, age double", "'age' is DOUBLE in df and INT in"),
        ([(1, None)], "customer_id long, note void", "'note' has type VOID"),
        ([(1, 1, 1)], "customer_id long, age int, AGE int", "more than once"),
    ]
    for rows, ddl, message in refused:
        with pytest.raises(ValueError, match=message):
            fe.write_table(name=store.customers, df=spark.createDataFrame(rows, T.StructType.fromDDL(ddl)))
    assert columns(fe.read_table(name=store.customers)) == [(1, "basic", 20), (2, None, 40)]


@pytest.mark.parametrize("mode", ["overwrite", "append", "MERGE"])
def test_only_merge_is_a_mode(fe, store, mode):
    with pytest.raises(ValueError, match="mode must be 'merge'"):
        fe.write_table(name=store.customers, df=fe.read_table(name=store.customers), mode=mode)


def test_a_time_series_write_must_carry_every_feature(fe, store, spark):
    df = spark.createDataFrame([(1, JAN[1], 5.0)], "customer_id long, ts timestamp, minutes double")
    with pytest.raises(ValueError, match=r"df lacks the columns \['calls'\]"):
        fe.write_table(name=store.usage, df=df)


def test_a_missing_table_is_named(fe, store, spark):
    for call in (fe.get_table, fe.read_table, fe.drop_table):
        with pytest.raises(ValueError, match=rf"Feature table '{store.schema}.nothing' does not exist"):
            call(name=f"{store.schema}.nothing")
    with pytest.raises(ValueError, match="does not exist"):
        fe.write_table(name=f"{store.schema}.nothing", df=spark.range(1))


@pytest.mark.both_engines
def test_a_streaming_frame_is_merged_batch_by_batch(fe, schema, spark, tmp_path):
    source, name = f"{schema}.source", f"{schema}.target"
    spark.createDataFrame([(1, "new"), (3, "new")], "id long, x string").write.saveAsTable(source)
    fe.create_table(
        name=name, primary_keys="id", df=spark.createDataFrame([(1, "old"), (2, "old")], "id long, x string")
    )
    query = fe.write_table(
        name=name,
        df=spark.readStream.table(source),
        checkpoint_location=str(tmp_path / "checkpoint"),
        trigger={"availableNow": True},
    )
    assert query.awaitTermination(120)
    assert columns(fe.read_table(name=name)) == [(1, "new"), (2, "old"), (3, "new")]
    with pytest.raises(ValueError, match="create_table writes batch frames only"):
        fe.create_table(name=f"{schema}.other", primary_keys="id", df=spark.readStream.table(source))


def test_read_as_of_a_moment_is_time_travel(fe, schema, spark):
    name = f"{schema}.t"
    fe.create_table(name=name, primary_keys="id", df=spark.range(2))
    first = spark.sql(f"DESCRIBE HISTORY {name} LIMIT 1").head()["timestamp"]
    fe.write_table(name=name, df=spark.range(2, 5))
    assert fe.read_table(name=name).count() == 5
    assert fe.read_table(name=name, as_of_delta_timestamp=first).count() == 2
    assert fe.read_table(name=name, as_of_delta_timestamp=str(first)).count() == 2
    with pytest.raises(TypeError, match="unexpected keyword argument 'version'"):
        fe.read_table(name=name, version=0)
    with pytest.raises(ValueError, match="must be a string or a datetime"):
        fe.read_table(name=name, as_of_delta_timestamp=0)


def test_tags_are_set_replaced_and_deleted(fe, schema):
    name = f"{schema}.t"
    fe.create_table(name=name, primary_keys="id", schema=T.StructType.fromDDL("id long"))
    fe.set_feature_table_tag(name=name, key="owner's team", value="a")
    fe.set_feature_table_tag(name=name, key="owner's team", value="b\\c")
    assert fe.get_table(name=name).tags == {"owner's team": "b\\c"}
    fe.delete_feature_table_tag(name=name, key="owner's team")
    assert fe.get_table(name=name).tags == {}
    with pytest.warns(UserWarning, match="has no tag 'owner'"):
        fe.delete_feature_table_tag(name=name, key="owner")


def test_drop_table_deletes_the_data(fe, schema, spark, home):
    name = f"{schema}.t"
    fe.create_table(name=name, primary_keys="id", df=spark.range(1))
    folder = home / "lake" / Path(*name.split("."))
    assert folder.is_dir()
    fe.drop_table(name=name)
    assert not folder.exists()


# Lookups


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"lookup_key": []}, ValueError, "lookup_key of main.a.t is empty"),
        ({"lookback_window": timedelta(1)}, ValueError, "lookback_window needs timestamp_lookup_key"),
        ({"lookback_window": -timedelta(1), "timestamp_lookup_key": "at"}, ValueError, "must not be negative"),
        ({"lookback_window": 7, "timestamp_lookup_key": "at"}, ValueError, "must be a datetime.timedelta, got 7"),
        ({"feature_names": ["x"], "rename_outputs": {"y": "z"}}, ValueError, r"rename_outputs names \['y'\]"),
        ({"online": True}, TypeError, "unexpected keyword argument 'online'"),
    ],
)
def test_a_lookup_that_contradicts_itself(arguments, error, message):
    with pytest.raises(error, match=message):
        FeatureLookup(**({"table_name": "main.a.t", "lookup_key": "id"} | arguments))


def test_a_lookup_must_fit_its_table(fe, store):
    def refused(lookup: FeatureLookup, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            fe.create_training_set(df=store.labels, feature_lookups=[lookup], label="churned")

    refused(FeatureLookup(store.usage, "customer_id"), "is a time-series table .* give timestamp_lookup_key")
    refused(FeatureLookup(store.customers, "customer_id", timestamp_lookup_key="at"), "is not a time-series table")
    refused(FeatureLookup(store.customers, ["customer_id", "at"]), r"has 2 column\(s\), but the primary key .* has 1")
    refused(FeatureLookup(store.customers, "churned"), "'churned' is DOUBLE, but 'customer_id' of table .* is BIGINT")
    refused(FeatureLookup(store.customers, "client"), "'client' is neither in df nor a feature")
    refused(FeatureLookup(store.customers, "customer_id", feature_names="height"), r"has no features \['height'\]")
    refused(usage_of(store, default_values={"hours": 1.0}), r"default_values names \['hours'\]")
    refused(
        usage_of(store, default_values={"calls": 0.5}), r"default_values\['calls'\] = 0.5 does not fit the type INT"
    )
    refused(usage_of(store, default_values={"calls": True}), "does not fit the type INT")
    refused(FeatureLookup(f"{store.schema}.nothing", "customer_id"), "does not exist")


def test_a_date_key_that_is_not_declared_time_series_is_refused(fe, schema, store):
    fe.create_table(
        name=f"{schema}.t", primary_keys=["id", "ts"], schema=T.StructType.fromDDL("id long, ts timestamp, x double")
    )
    lookup = FeatureLookup(f"{schema}.t", ["customer_id", "at"])
    with pytest.raises(ValueError, match="not declared as its time-series column"):
        fe.create_training_set(df=store.labels, feature_lookups=[lookup], label="churned")
    with pytest.raises(ValueError, match="not declared as its time-series column"):
        fe.create_feature_spec(name=f"{schema}.spec", features=[lookup])


# Training sets


@pytest.mark.both_engines
def test_load_df_keeps_every_row_and_orders_the_columns(fe, store):
    training = fe.create_training_set(
        df=store.labels,
        feature_lookups=[usage_of(store), FeatureLookup(store.customers, "customer_id", feature_names="age")],
        label="churned",
        exclude_columns=["at"],
    )
    assert isinstance(training, TrainingSet)
    loaded = training.load_df()
    assert loaded.columns == ["customer_id", "minutes", "calls", "age", "churned"] == training.get_output_columns()
    assert columns(loaded) == sorted(
        [
            (1, 10.0, 1, 20, 0.0),
            (1, None, 2, 20, 1.0),
            (1, None, 2, 20, 1.0),
            (2, 30.0, None, 40, 0.0),
            (3, None, None, None, 1.0),
        ],
        key=str,
    )


@pytest.mark.both_engines
def test_defaults_fill_any_null_and_go_by_the_output_name(fe, store):
    lookup = FeatureLookup(
        store.usage,
        "customer_id",
        timestamp_lookup_key="at",
        rename_outputs={"minutes": "usage"},
        lookback_window=timedelta(days=10),
        default_values={"usage": -1, "calls": 0},
    )
    loaded = fe.create_training_set(df=store.labels, feature_lookups=[lookup], label="churned").load_df()
    found = columns(loaded.where("churned = 1").select("customer_id", "usage", "calls").distinct())
    # Customer 1: 11 days old and out of the window. Customer 3: unknown.
    assert found == [(1, -1.0, 0), (3, -1.0, 0)]
    stored_null = loaded.where("customer_id = 2").head()
    assert (stored_null["usage"], stored_null["calls"]) == (30.0, 0)


def test_labels(fe, store):
    def create(label, **kwargs):
        lookups = [FeatureLookup(store.customers, "customer_id")]
        return fe.create_training_set(df=store.labels, feature_lookups=lookups, label=label, **kwargs)

    assert create(None).get_output_columns() == ["customer_id", "at", "churned", "plan", "age"]
    assert create(["churned", "at"]).get_output_columns() == ["customer_id", "plan", "age", "churned", "at"]
    with pytest.raises(TypeError, match="label"):
        fe.create_training_set(df=store.labels, feature_lookups=[])
    for label, kwargs, message in (
        ("left", {}, "label 'left' is not a column"),
        ("churned", {"exclude_columns": ["churned"]}, "label 'churned' is in exclude_columns"),
        ("age", {}, "label 'age' is also a feature"),
        (["churned", "churned"], {}, "more than once"),
        ("churned", {"exclude_columns": ["height"]}, r"exclude_columns \['height'\] are neither"),
    ):
        with pytest.raises(ValueError, match=message):
            create(label, **kwargs)


def test_collisions_are_refused(fe, store):
    def create(df, lookups):
        return fe.create_training_set(df=df, feature_lookups=lookups, label="churned")

    customers = FeatureLookup(store.customers, "customer_id")
    with pytest.raises(ValueError, match=r"df already has the columns \['AGE'\]"):
        create(store.labels.withColumn("AGE", F.lit(1)), [customers])
    with pytest.raises(ValueError, match=r"\['plan', 'age'\] more than once"):
        create(store.labels, [customers, customers])
    twice = FeatureLookup(store.customers, "customer_id", rename_outputs={"plan": "plan2", "age": "age2"})
    assert create(store.labels, [customers, twice]).get_output_columns()[-5:] == [
        "plan",
        "age",
        "plan2",
        "age2",
        "churned",
    ]


def test_exactly_one_source_of_features(fe, store):
    for sources in ({}, {"feature_lookups": [], "feature_spec": "main.a.s"}):
        with pytest.raises(ValueError, match="exactly one of feature_lookups and feature_spec"):
            fe.create_training_set(df=store.labels, label=None, **sources)
    with pytest.raises(NotImplementedError, match="Meanwhile use feature_lookups"):
        fe.create_training_set(df=store.labels, label=None, features=[])


@pytest.mark.both_engines
def test_a_null_moment_is_an_error_and_drops_no_row(fe, store, spark):
    labels = store.labels.unionByName(spark.createDataFrame([(1, None, 1.0)], store.labels.schema))
    training = fe.create_training_set(df=labels, feature_lookups=[usage_of(store)], label="churned")
    with pytest.raises(ValueError, match="Column 'at' is null in 1 row"):
        training.load_df()


def test_the_type_of_the_moment_must_equal_the_tables(fe, store):
    dated = store.labels.withColumn("at", F.to_date("at"))
    with pytest.raises(ValueError, match=r"'at' is DATE, but 'ts' of table .* is TIMESTAMP"):
        fe.create_training_set(df=dated, feature_lookups=[usage_of(store)], label="churned")


def test_the_feature_list_is_frozen_when_the_set_is_created(fe, schema, spark):
    name = f"{schema}.t"
    fe.create_table(name=name, primary_keys="id", df=spark.createDataFrame([(1, 2)], "id long, x int"))
    labels = spark.createDataFrame([(1, 0)], "id long, y int")
    training = fe.create_training_set(df=labels, feature_lookups=[FeatureLookup(name, "id")], label="y")
    fe.write_table(name=name, df=spark.createDataFrame([(1, 3, 4)], "id long, x int, later int"))
    assert columns(training.load_df()) == [(1, 3, 0)]


def test_limits_of_the_platform(spark, store):
    many = [FeatureFunction(udf_name=f"main.a.f{i}") for i in range(101)]
    with pytest.raises(ValueError, match="101 feature functions are more than the 100"):
        resolve(spark, many)
    many = [FeatureLookup(f"main.a.t{i}", "id") for i in range(51)]
    with pytest.raises(ValueError, match="51 feature tables are more than the 50"):
        resolve(spark, many)
    many = [
        FeatureLookup(store.customers, "customer_id", rename_outputs={"plan": f"p{i}", "age": f"a{i}"})
        for i in range(501)
    ]
    with pytest.raises(ValueError, match="1002 features are more than the 1000"):
        resolve(spark, many)


# On-demand features


def double_it(x: float) -> float:
    return None if x is None else 2 * x


def older(age: int, years: int) -> int:
    return None if age is None else age + years


@pytest.fixture(scope="module")
def udfs(spark, store) -> SimpleNamespace:
    return SimpleNamespace(
        double=register_python_function(double_it, name=f"{store.schema}.double_it", spark=spark),
        older=register_python_function(older, name=f"{store.schema}.older", spark=spark),
    )


@pytest.mark.both_engines
def test_functions_read_features_and_each_other_in_any_order(fe, store, udfs):
    training = fe.create_training_set(
        df=store.labels,
        feature_lookups=[
            FeatureFunction(udf_name=udfs.double, input_bindings={"x": "twice"}, output_name="four_times"),
            FeatureFunction(udf_name=udfs.double, input_bindings={"x": "minutes"}, output_name="twice"),
            usage_of(store, feature_names="minutes"),
        ],
        label="churned",
        exclude_columns=["at", "twice"],
    )
    assert training.get_output_columns() == ["customer_id", "minutes", "four_times", "churned"]
    known = training.load_df().where("churned = 0").orderBy("customer_id").collect()
    assert [tuple(row) for row in known] == [(1, 10.0, 40.0, 0.0), (2, 30.0, 120.0, 0.0)]


def test_a_key_may_be_the_output_of_a_function(fe, store, udfs):
    training = fe.create_training_set(
        df=store.labels.select("customer_id", "churned").withColumn("by", F.lit(1).cast("long")),
        feature_lookups=[
            FeatureLookup(store.customers, "next_id", feature_names="age"),
            FeatureFunction(
                udf_name=udfs.older, input_bindings={"age": "customer_id", "years": "by"}, output_name="next_id"
            ),
        ],
        label="churned",
    )
    loaded = training.load_df()
    assert loaded.columns == ["customer_id", "by", "age", "next_id", "churned"]
    assert {row["customer_id"]: row["age"] for row in loaded.collect()} == {1: 40, 2: None, 3: None}


def test_bindings_must_fit_the_function(fe, store, udfs):
    def refused(bindings, message, *more):
        call = FeatureFunction(udf_name=udfs.double, input_bindings=bindings, output_name="out")
        with pytest.raises(ValueError, match=message):
            fe.create_training_set(df=store.labels, feature_lookups=[call, *more], label="churned")

    refused({"y": "churned"}, r"bind \['y'\], but its parameters are \['x'\]")
    refused({"x": "customer_id"}, "'customer_id' is BIGINT, but 'x' of function .* is DOUBLE")
    refused({"x": "height"}, "'height' is neither in df nor a feature")
    back = FeatureFunction(udf_name=udfs.double, input_bindings={"x": "out"}, output_name="back")
    refused({"x": "back"}, r"\['back', 'out'\] need each other's outputs", back)
    with pytest.raises(ValueError, match=r"does not exist\. Register it"):
        resolve(store.spark, [FeatureFunction(udf_name=f"{store.schema}.nothing")])


def test_the_default_output_name_is_the_functions_full_name(udfs):
    assert FeatureFunction(udf_name=udfs.double, input_bindings={"x": "y"}).output_name == udfs.double


# Feature specs


def test_a_stored_spec_gives_the_same_training_set(fe, store, udfs):
    features = [
        usage_of(store, default_values={"calls": 3}, lookback_window=timedelta(days=3)),
        FeatureFunction(udf_name=udfs.double, input_bindings={"x": "minutes"}, output_name="twice"),
    ]
    name = f"{store.schema}.spec"
    info = fe.create_feature_spec(name=name, features=features, exclude_columns=["at"])
    assert info.name == name
    direct = fe.create_training_set(
        df=store.labels, feature_lookups=features, label="churned", exclude_columns=["at"]
    ).feature_spec
    assert fe.create_training_set(df=store.labels, feature_spec=name, label="churned").feature_spec == direct
    assert FeatureSpec.from_yaml(direct.to_yaml()) == direct
    with pytest.raises(ValueError, match="exists already"):
        fe.create_feature_spec(name=name, features=features)
    fe.delete_feature_spec(name=name)
    with pytest.raises(ValueError, match=f"Feature spec '{name}' does not exist"):
        fe.create_training_set(df=store.labels, feature_spec=name, label="churned")
    with pytest.raises(ValueError, match="does not exist"):
        fe.delete_feature_spec(name=udfs.double)
    assert resolve(store.spark, features).lookups == direct.lookups


def test_a_spec_of_another_format_is_refused():
    with pytest.raises(ValueError, match="has format 99"):
        FeatureSpec.from_yaml("format: 99\n")


# Models


class Sum(mlflow.pyfunc.PythonModel):
    """Adds what it is given and counts the columns, so that a test sees exactly what reached the model."""

    def predict(self, context, model_input, params=None):
        return model_input.sum(axis=1) + 1000 * model_input.shape[1]


@pytest.fixture(scope="module")
def logged(fe, store, home, udfs) -> SimpleNamespace:
    """``Sum`` over (fee, minutes, calls, twice), registered as version 1 with the alias Champion."""
    from lakehouse.registry import install

    install(home)
    # Spark's Python workers cannot import a test module.
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    mlflow.set_experiment("feature_engineering")
    training = fe.create_training_set(
        df=store.labels.withColumn("fee", F.lit(0.5)),
        feature_lookups=[
            usage_of(store, default_values={"minutes": 0.0, "calls": 0}),
            FeatureFunction(udf_name=udfs.double, input_bindings={"x": "minutes"}, output_name="twice"),
        ],
        label="churned",
        exclude_columns=["customer_id", "at"],
    )
    name = f"{store.schema}.sum"
    with mlflow.start_run() as run:
        info = fe.log_model(
            model=Sum(),
            artifact_path="model",
            flavor=mlflow.pyfunc,
            training_set=training,
            registered_model_name=name,
            infer_input_example=True,
            pip_requirements=["mlflow"],
        )
    mlflow.MlflowClient().set_registered_model_alias(name, "Champion", "1")
    return SimpleNamespace(name=name, info=info, run_id=run.info.run_id, training=training)


@pytest.fixture
def customers_to_score(spark):
    return spark.createDataFrame(
        [("a", 1, JAN[5], 0.5), ("b", 2, JAN[5], 0.5), ("c", 9, JAN[5], 0.5)],
        "note string, customer_id long, at timestamp, fee double",
    )


def test_the_signature_comes_from_the_training_set(logged):
    signature = logged.info.signature
    types = {column.name: (str(column.type).removeprefix("DataType."), column.required) for column in signature.inputs}
    # The keys and what the caller may bring; only the fee can be neither null nor looked up.
    assert types == {
        "customer_id": ("long", False),
        "at": ("datetime", False),
        "fee": ("double", True),
        "minutes": ("double", False),
        "calls": ("integer", False),
        "twice": ("double", False),
    }
    assert signature.outputs.input_names() == ["churned"]


def test_the_spec_is_stored_beside_the_model(logged):
    root = Path(mlflow.artifacts.download_artifacts(artifact_uri=logged.info.model_uri))
    [path] = root.rglob("feature_spec.yaml")
    assert FeatureSpec.from_yaml(path.read_text()) == logged.training.feature_spec


def test_the_model_loads_as_pyfunc_and_predicts_from_features(logged):
    model = mlflow.pyfunc.load_model(f"models:/{logged.name}@Champion")
    features = pd.DataFrame({"fee": [1.0], "minutes": [2.0], "calls": pd.Series([3], dtype="int32"), "twice": [4.0]})
    assert list(model.predict(features)) == [4010.0]


@pytest.mark.both_engines
def test_the_model_loaded_as_pyfunc_looks_the_latest_features_up_by_key(logged):
    model = mlflow.pyfunc.load_model(f"models:/{logged.name}@Champion")
    rows = pd.DataFrame({"customer_id": [2, 9, 1], "fee": [0.5, 0.5, 0.5]}, index=[7, 8, 9])
    latest = model.predict(rows)
    by_hand = {2: 4000.5 + 30.0 + 60.0, 9: 4000.5}
    assert list(latest.index) == [7, 8, 9]
    assert {key: latest.loc[index] for key, index in ((2, 7), (9, 8))} == by_hand
    # A feature that the caller brings is not looked up, and what is made from it follows.
    overridden = model.predict(rows.assign(minutes=[100.0, 100.0, 100.0]))
    assert overridden.loc[7] == 4000.5 + 100.0 + 200.0
    with pytest.raises(Exception, match=r"The columns \['customer_id'\] are missing"):
        model.predict(rows.drop(columns="customer_id"))


@pytest.mark.both_engines
def test_score_batch_looks_up_by_the_models_own_spec(fe, logged, customers_to_score):
    scored = fe.score_batch(model_uri=f"models:/{logged.name}@Champion", df=customers_to_score)
    assert scored.columns == [*customers_to_score.columns, "minutes", "calls", "twice", "prediction"]
    found = {row["note"]: (row["minutes"], row["calls"], row["twice"], row["prediction"]) for row in scored.collect()}
    # Four columns reach the model: the note and the keys do not.
    assert found == {
        "a": (10.0, 1, 20.0, 4031.5),
        "b": (30.0, 0, 60.0, 4090.5),
        "c": (0.0, 0, None, 4000.5),  # the function saw the null; defaults are filled after it
    }


def test_score_batch_takes_versions_and_runs(fe, logged, customers_to_score):
    one = customers_to_score.where("note = 'a'")
    for uri in (f"models:/{logged.name}/1", f"runs:/{logged.run_id}/model"):
        assert fe.score_batch(model_uri=uri, df=one, result_type="float").head()["prediction"] == 4031.5


@pytest.mark.both_engines
def test_a_column_named_like_a_feature_overrides_it(fe, logged, customers_to_score):
    uri = f"models:/{logged.name}/1"
    looked_up = fe.score_batch(model_uri=uri, df=customers_to_score.withColumn("minutes", F.lit(100.0)))
    assert looked_up.columns[-4:] == ["minutes", "calls", "twice", "prediction"]
    row = looked_up.where("note = 'a'").head()
    assert (row["minutes"], row["calls"], row["twice"], row["prediction"]) == (100.0, 1, 200.0, 4301.5)
    on_demand = fe.score_batch(model_uri=uri, df=customers_to_score.withColumn("twice", F.lit(0.0)))
    assert on_demand.where("note = 'a'").head()["prediction"] == 4011.5


def test_what_score_batch_refuses(fe, logged, store, schema, spark, customers_to_score):
    uri = f"models:/{logged.name}/1"

    def refused(df, message):
        with pytest.raises(ValueError, match=message):
            fe.score_batch(model_uri=uri, df=df)

    refused(customers_to_score.drop("customer_id"), r"df lacks the columns \['customer_id'\]")
    refused(customers_to_score.drop("at", "fee"), r"df lacks the columns \['at', 'fee'\]")
    refused(customers_to_score.withColumn("prediction", F.lit(1)), "has a column 'prediction'")
    refused(customers_to_score.withColumn("customer_id", F.col("customer_id").cast("int")), "'customer_id' is INT")
    refused(customers_to_score.select("*", F.lit(1).alias("FEE")), "more than once")
    refused(customers_to_score.withColumn("at", F.lit(None).cast("timestamp")), "Column 'at' is null in 3 row")
    customers_to_score.write.saveAsTable(f"{schema}.stream")
    refused(spark.readStream.table(f"{schema}.stream"), "does not take a streaming frame")
    with pytest.warns(UserWarning, match=r"score_batch ignores the arguments \['feature_lookups'\]"):
        fe.score_batch(model_uri=uri, df=customers_to_score, feature_lookups=[])


def test_a_model_without_spec_is_refused(fe, logged, customers_to_score):
    with mlflow.start_run():
        info = mlflow.pyfunc.log_model(name="plain", python_model=Sum(), pip_requirements=["mlflow"])
    with pytest.raises(ValueError, match=r"was not logged by FeatureEngineeringClient\.log_model"):
        fe.score_batch(model_uri=info.model_uri, df=customers_to_score)
    with pytest.raises(ValueError, match="training_set must come from create_training_set"):
        fe.log_model(model=Sum(), artifact_path="model", flavor=mlflow.pyfunc)


def test_a_recreated_table_is_announced(fe, schema, spark, logged):
    name = f"{schema}.t"
    features = spark.createDataFrame([(1, 2.0)], "id long, x double")
    labels = spark.createDataFrame([(1, 0.0)], "id long, y double")
    fe.create_table(name=name, primary_keys="id", df=features)
    training = fe.create_training_set(df=labels, feature_lookups=[FeatureLookup(name, "id")], label="y")
    regression = LinearRegression().fit(pd.DataFrame({"id": [1, 2], "x": [1.0, 2.0]}), [1.0, 2.0])
    with mlflow.start_run():
        info = fe.log_model(
            model=regression,
            artifact_path="model",
            flavor=mlflow.sklearn,
            training_set=training,
            serialization_format="cloudpickle",
            pip_requirements=["scikit-learn"],
        )
    fe.drop_table(name=name)
    fe.create_table(name=name, primary_keys="id", df=features)
    with pytest.warns(UserWarning, match=f"'{name}' was dropped and created anew"):
        scored = fe.score_batch(model_uri=info.model_uri, df=labels.select("id"))
    assert scored.columns == ["id", "x", "prediction"]


@pytest.mark.both_engines
def test_a_spark_model_is_scored_by_transform(fe, store, logged, customers_to_score):
    from pyspark.ml import Pipeline
    from pyspark.ml.feature import Imputer, VectorAssembler
    from pyspark.ml.regression import LinearRegression as SparkRegression

    training = fe.create_training_set(
        df=store.labels, feature_lookups=[usage_of(store)], label="churned", exclude_columns=["customer_id", "at"]
    )
    stages = [
        Imputer(inputCols=["minutes", "calls"], outputCols=["note", "calls_known"]),
        VectorAssembler(inputCols=["note", "calls_known"], outputCol="features"),
        SparkRegression(labelCol="churned", regParam=0.1),
    ]
    model = Pipeline(stages=stages).fit(training.load_df())
    with mlflow.start_run():
        info = fe.log_model(model=model, artifact_path="model", flavor=mlflow.spark, training_set=training)
    # The pipeline has a column "note" of its own, which must not touch the one that is passed through.
    scored = fe.score_batch(model_uri=info.model_uri, df=customers_to_score, result_type="float")
    assert scored.columns == [*customers_to_score.columns, "minutes", "calls", "prediction"]
    assert dict(scored.dtypes)["prediction"] == "float"
    rows = {row["note"]: row for row in scored.collect()}
    assert set(rows) == {"a", "b", "c"}
    assert all(row["prediction"] is not None for row in rows.values())


def test_a_training_set_without_label_takes_an_output_schema(fe, store, logged):
    training = fe.create_training_set(
        df=store.labels.drop("churned"), feature_lookups=[FeatureLookup(store.customers, "customer_id")], label=None
    )
    with mlflow.start_run():
        info = fe.log_model(
            model=Sum(),
            artifact_path="model",
            flavor=mlflow.pyfunc,
            training_set=training,
            output_schema=Schema([ColSpec("double", "cluster")]),
            pip_requirements=["mlflow"],
        )
    assert info.signature.outputs.input_names() == ["cluster"]


# What is not here yet, and what was


def test_online_methods_say_what_to_use_meanwhile(fe):
    for call in (
        lambda: fe.create_online_store(name="s", capacity="CU_1"),
        lambda: fe.publish_table(online_store=None, source_table_name="main.a.t", online_table_name="main.a.o"),
        lambda: fe.create_feature_serving_endpoint(name="e", config=None),
        lambda: fe.create_feature(source=None, function=None, catalog_name="main", schema_name="a"),
    ):
        with pytest.raises(NotImplementedError, match=r"^\w+ is not here yet, .* Meanwhile \w+"):
            call()


def test_the_legacy_client_warns_with_the_new_call(schema, spark):
    fs = FeatureStoreClient()
    name = f"{schema}.t"
    df = spark.createDataFrame([(1, JAN[0], 1.0), (2, JAN[0], 2.0)], "id long, ts timestamp, x double")
    with pytest.warns(FutureWarning, match="timeseries_column=ts"):
        table = fs.create_table(name, "id", df, timestamp_keys="ts")
    assert (table.primary_keys, table.timestamp_keys) == (["id"], ["ts"])
    with pytest.warns(FutureWarning, match=r"FeatureEngineeringClient\(\)\.write_table"):
        fs.write_table(name, df.where("id = 2").withColumn("x", F.lit(5.0)), "overwrite")
    with pytest.warns(FutureWarning, match=r"read_table\(name=\.\.\.\)"):
        frame = fs.read_table(name)
    assert columns(frame) == [(2, JAN[0], 5.0)]
    assert not frame.schema["id"].nullable
    labels = spark.createDataFrame([(3, JAN[1], 0)], "id long, at timestamp, y int")
    lookup = FeatureLookup(name, "id", timestamp_lookup_key="at", default_values={"x": 9.0})
    with pytest.warns() as caught:
        training = fs.create_training_set(labels, [lookup], "y")
    told = {warning.category: str(warning.message) for warning in caught}
    assert "create_training_set(df=..." in told[FutureWarning]
    assert "ignores default_values" in told[UserWarning]
    assert training.load_df().head()["x"] is None


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_the_legacy_client_refuses_other_names_and_modes(spark):
    fs = FeatureStoreClient()
    for name in ("usage", "churn.usage"):
        with pytest.raises(ValueError, match=r"write catalog\.schema\.table, for example 'main\."):
            fs.get_table(name)
    with pytest.raises(ValueError, match="mode must be 'merge' or 'overwrite', got 'append'"):
        fs.write_table("main.a.t", spark.range(1), "append")
    with pytest.raises(TypeError):
        fs.score_batch("models:/m/1", spark.range(1), feature_lookups=[])


KILLED = """
import os, signal, sys
from lakehouse.feature_engineering import FeatureEngineeringClient, tables
from lakehouse.spark import get_spark
spark = get_spark()
run = spark.sql
def killed(statement, *args, **kwargs):
    if statement.startswith("ALTER TABLE") and "RENAME" in statement:
        os.kill(os.getpid(), signal.SIGKILL)
    return run(statement, *args, **kwargs)
spark.sql = killed
FeatureEngineeringClient().create_table(name=sys.argv[1], primary_keys="id", df=spark.range(10))
"""


def test_a_process_killed_while_creating_leaves_no_half_made_table(fe, schema, spark):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYSPARK_GATEWAY")}
    done = subprocess.run([sys.executable, "-c", KILLED, f"{schema}.t"], env=environment, capture_output=True)
    assert done.returncode == -9, done.stderr
    with pytest.raises(ValueError, match="does not exist"):
        fe.get_table(name=f"{schema}.t")
    assert spark.sql(f"SHOW TABLES IN {schema}").collect() == []
    fe.create_table(name=f"{schema}.t", primary_keys="id", df=spark.range(3))
    assert fe.read_table(name=f"{schema}.t").count() == 3


class First(mlflow.pyfunc.PythonModel):
    """Gives the first column and checks the types that it is handed."""

    def predict(self, context, model_input, params=None):
        assert model_input["price"].dtype == "float64"
        return model_input["amount"].astype(float)


def test_example_and_signature_say_what_a_table_allows(fe, spark, schema, home):
    from lakehouse.registry import install

    install(home)
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    columns = (
        "id bigint, price decimal(10,2), n int, big bigint, flag boolean, words array<string>, rates map<string,double>, "
        "place struct<town:string,code:int>, day date, at timestamp"
    )
    rows = [
        (1, Decimal("1.50"), 3, 5, True, ["a"], {"a": 1.0}, ("x", 1), dt.date(2026, 1, 1), JAN[5]),
        (2, *[None] * 9),
    ]
    fe.create_table(name=f"{schema}.wide", primary_keys="id", df=spark.createDataFrame(rows, columns))
    labels = spark.createDataFrame([(1, 2.0, 0), (2, 3.0, 1), (3, 4.0, 0)], "id bigint, amount double, y int")
    lookup = FeatureLookup(table_name=f"{schema}.wide", lookup_key="id")
    training = fe.create_training_set(df=labels, feature_lookups=[lookup], label="y", exclude_columns=["id"])
    info = fe.log_model(
        model=First(),
        artifact_path="model",
        flavor=mlflow.pyfunc,
        training_set=training,
        registered_model_name=f"{schema}.wide_model",
        infer_input_example=True,
        pip_requirements=["mlflow"],
    )
    types = {column.name: str(column.type) for column in info.signature.inputs}
    assert (types["id"], types["price"], types["n"], types["big"]) == (
        "DataType.long",
        "DataType.double",
        "DataType.double",
        "DataType.double",
    )
    assert not any(column.required for column in info.signature.inputs)
    model = mlflow.pyfunc.load_model(info.model_uri)
    assert list(model.predict(model.input_example)) == [2.0, 3.0, 4.0]
    assert list(model.predict(pd.DataFrame({"id": [2, 1], "amount": [5.0, 6.0]}))) == [5.0, 6.0]
    scored = fe.score_batch(model_uri=f"models:/{schema}.wide_model/1", df=labels.drop("y"))
    assert {row["id"]: row["prediction"] for row in scored.collect()} == {1: 2.0, 2: 3.0, 3: 4.0}


@pytest.mark.both_engines
def test_a_frame_of_the_wrong_kind_is_refused_with_the_remedy(fe, schema):
    frame = pd.DataFrame({"id": [1]})
    remedy = r"df must be a Spark DataFrame, got a pandas DataFrame. Convert it: spark.createDataFrame\(df\)."
    calls = (
        lambda: fe.create_table(name=f"{schema}.t", primary_keys="id", df=frame),
        lambda: fe.write_table(name=f"{schema}.t", df=frame),
        lambda: fe.create_training_set(df=frame, feature_lookups=[], label=None),
        lambda: fe.score_batch(model_uri="models:/m/1", df=frame),
    )
    for call in calls:
        with pytest.raises(ValueError, match=remedy):
            call()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda fe: fe.create_table(name=3, primary_keys="id"), "name must be a text, got 3"),
        (
            lambda fe: fe.create_table(name="a.b.c", primary_keys=["id", 3]),
            "primary_keys must be a text or a list of texts",
        ),
        (lambda fe: fe.create_table(name="a.b.c", primary_keys="id", tags=["x"]), r"tags must be a dict, got \['x'\]"),
        (lambda fe: fe.read_table(name=None), "name must be a text, got None"),
        (lambda fe: fe.score_batch(model_uri="m", df="a.b.c"), r"Read the table: spark.table\(name\)"),
        (
            lambda fe: fe.log_model(model=1, artifact_path="m", flavor="sklearn"),
            "flavor must be a module, got 'sklearn'",
        ),
        (lambda fe: FeatureLookup("t", "id", default_values=[1]), r"default_values must be a dict, got \[1\]"),
        (lambda fe: FeatureFunction(udf_name=3), "udf_name must be a text, got 3"),
    ],
)
def test_every_argument_is_held_to_its_kind(fe, call, words):
    with pytest.raises(ValueError, match=words):
        call(fe)


@pytest.mark.both_engines
def test_keys_are_compared_as_they_are_stored(fe, spark, schema):
    name = f"{schema}.by_double"
    fe.create_table(name=name, primary_keys="id", df=spark.createDataFrame([(1.0, 1)], "id double, x int"))
    equal_when_stored = {
        "cast": ([(2**53, 1), (2**53 + 1, 2)], "id bigint, x int"),
        "zeros": ([(0.0, 1), (-0.0, 2)], "id double, x int"),
        "not a number": ([(float("nan"), 1), (float("nan"), 2)], "id double, x int"),
    }
    for rows, columns in equal_when_stored.values():
        with pytest.raises(ValueError, match="occur more than once"):
            fe.write_table(name=name, df=spark.createDataFrame(rows, columns))
    padded = f"{schema}.by_char"
    spark.sql(f"CREATE TABLE {padded} (id CHAR(3) NOT NULL, x INT, CONSTRAINT pk PRIMARY KEY (id))")
    with pytest.raises(ValueError, match="occur more than once"):
        fe.write_table(name=padded, df=spark.createDataFrame([("a", 1), ("a ", 2)], "id string, x int"))
    assert fe.read_table(name=name).count() == 1
    assert fe.read_table(name=padded).count() == 0


@pytest.mark.both_engines
def test_what_spark_refuses_in_a_call_is_told_in_five_lines(fe, spark, schema):
    name = f"{schema}.strict"
    fe.create_table(name=name, primary_keys="id", df=spark.createDataFrame([(1, 1.0)], "id bigint, x double"))
    spark.sql(f"ALTER TABLE {name} ADD CONSTRAINT positive CHECK (x > 0)")
    refused = {
        "TIMESTAMP_NTZ, which .* cannot hold yet. Cast it to TIMESTAMP": "SELECT 2L AS id, 1.0D AS x, TIMESTAMP_NTZ'2026-01-01' AS seen",
        "CHECK constraint positive": "SELECT 2L AS id, -1.0D AS x",
        "we ird": "SELECT 2L AS id, 1.0D AS x, 1 AS `we ird`",
        "boom": "SELECT 2L AS id, CAST(raise_error('boom') AS DOUBLE) AS x",
    }
    for words, query in refused.items():
        with pytest.raises((ValueError, PySparkException), match=words) as told:
            fe.write_table(name=name, df=spark.sql(query))
        assert len(str(told.value).splitlines()) <= 5
        assert "\tat " not in str(told.value)
    assert fe.read_table(name=name).count() == 1


@pytest.mark.both_engines
def test_defaults_are_filled_after_on_demand_functions(fe, spark, store, udfs):
    training = fe.create_training_set(
        df=store.labels,
        feature_lookups=[
            usage_of(store, default_values={"minutes": 5.0}),
            FeatureFunction(udf_name=udfs.double, input_bindings={"x": "minutes"}, output_name="twice"),
        ],
        label="churned",
    )
    rows = training.load_df().collect()
    assert all(row["minutes"] is not None for row in rows)
    unmatched = [row for row in rows if row["twice"] is None]
    assert unmatched and all(row["minutes"] == 5.0 for row in unmatched)
