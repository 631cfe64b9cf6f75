"""Proofs of chapter 04, feature store. Tables and the one logged model are shared; scoring runs once for all proofs."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbook.proofs import Lab, holds, raises, rows, works

if TYPE_CHECKING:
    pass

MAY_4 = dt.datetime(2026, 5, 4)


def at(hour: int, minute: int = 0) -> dt.datetime:
    return MAY_4 + dt.timedelta(hours=hour, minutes=minute)


def keyed(lab: Lab, name: str, columns: str, values: str = "") -> str:
    """A table with a primary key on its first column, made by SQL: quicker than by the client, and as good for it."""
    key = columns.split()[0]
    name = lab.table(name)
    lab.spark.sql(f"CREATE TABLE {name} ({columns}, CONSTRAINT pk PRIMARY KEY ({key})) USING delta")
    if values:
        lab.spark.sql(f"INSERT INTO {name} VALUES {values}")
    return name


@cache
def shops(lab: Lab) -> str:
    """Shops 1, 2, 3 with region and score; key shop_id."""
    name = lab.table("shops")
    df = lab.spark.createDataFrame(
        [(1, "north", 0.3), (2, "south", 0.6), (3, "south", 0.9)], "shop_id long, region string, score double"
    )
    lab.fe.create_table(name=name, primary_keys="shop_id", df=df)
    return name


@cache
def readings(lab: Lab) -> str:
    """Time series of pumps: 5 and 3 and 7 as in the stems."""
    name = lab.table("readings")
    data = [
        (5, at(6), 25.0, 1.0),
        (5, at(10), 40.0, 1.0),
        (5, at(14), 60.0, 1.0),
        (3, at(8), 61.0, 2.1),
        (3, at(9), None, 2.4),
        (3, at(9, 30), 66.0, 2.6),
        (7, at(0), 80.0, 1.0),
    ]
    lab.fe.create_table(
        name=name,
        primary_keys=["pump_id", "ts"],
        timeseries_column="ts",
        df=lab.spark.createDataFrame(data, "pump_id long, ts timestamp, temp double, pressure double"),
    )
    return name


@cache
def looked_up(lab: Lab) -> dict[tuple[int, dt.datetime], tuple[Any, Any]]:
    """(temp, pressure) of the labels of pumps 5 and 3, as of their time."""
    from databricks.feature_engineering import FeatureLookup

    asked = [(5, at(5)), (5, at(9, 59)), (5, at(10)), (5, at(13, 59)), (5, at(14)), (3, at(9, 20))]
    lookup = FeatureLookup(table_name=readings(lab), lookup_key="pump_id", timestamp_lookup_key="checked_at")
    df = lab.spark.createDataFrame(asked, "pump_id long, checked_at timestamp")
    frame = lab.fe.create_training_set(df=df, feature_lookups=[lookup], label=None).load_df()
    return {(row.pump_id, row.checked_at): (row.temp, row.pressure) for row in frame.collect()}


@cache
def members(lab: Lab) -> str:
    """Members with visits, open tickets and city; key member_id."""
    name = lab.table("members")
    df = lab.spark.createDataFrame(
        [(1, 10, 2, "Oslo"), (2, 20, 3, "Bergen")], "member_id long, visits long, open_tickets long, city string"
    )
    lab.fe.create_table(name=name, primary_keys="member_id", df=df)
    return name


@cache
def members_lookup(lab: Lab) -> Any:
    from databricks.feature_engineering import FeatureLookup

    return FeatureLookup(table_name=members(lab), lookup_key="member_id", feature_names=["visits", "open_tickets"])


@cache
def member_model(lab: Lab) -> str:
    """URI of a model logged by the feature client; it predicts visits + 1000 * open_tickets."""
    import mlflow

    class Sum(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return (model_input["visits"] + 1000 * model_input["open_tickets"]).astype(float)

    labels = lab.spark.createDataFrame([(1, 0), (2, 1)], "member_id long, left long")
    training_set = lab.fe.create_training_set(
        df=labels, feature_lookups=[members_lookup(lab)], label="left", exclude_columns=["member_id"]
    )
    lab.experiment()
    with mlflow.start_run() as run:
        lab.fe.log_model(model=Sum(), artifact_path="model", flavor=mlflow.pyfunc, training_set=training_set)
    return f"runs:/{run.info.run_id}/model"


def is_feature_table(lab: Lab, name: str) -> bool:
    from databricks.feature_engineering import FeatureLookup

    lookup = FeatureLookup(table_name=name, lookup_key="store_id")
    df = lab.spark.createDataFrame([(1,)], "store_id long")
    return works(lambda: lab.fe.create_training_set(df=df, feature_lookups=[lookup], label=None), ValueError)


def fs_table_001(lab: Lab) -> set[str]:
    spark = lab.spark
    names = {letter: lab.table("stores") for letter in "ABCDE"}
    plain = "(store_id BIGINT NOT NULL, size_m2 DOUBLE) USING delta"
    spark.sql(
        f"CREATE TABLE {names['A']} (store_id BIGINT NOT NULL, size_m2 DOUBLE, "
        "CONSTRAINT stores_pk PRIMARY KEY (store_id)) USING delta"
    )
    spark.sql(f"CREATE TABLE {names['B']} {plain} CLUSTER BY (store_id)")
    stores = spark.createDataFrame([(1, 80.0)], "store_id long, size_m2 double")
    lab.fe.create_table(name=names["C"], primary_keys="store_id", df=stores)
    stores.write.saveAsTable(names["D"])
    spark.sql(f"ALTER TABLE {names['D']} SET TBLPROPERTIES ('feature_table' = 'true')")
    spark.sql(f"CREATE TABLE {names['E']} {plain} PARTITIONED BY (store_id)")
    return holds({letter: is_feature_table(lab, name) for letter, name in names.items()})


def fs_create_002(lab: Lab) -> set[str]:
    fe: Any = lab.fe
    depots = lab.spark.createDataFrame([(1, "Lyon")], "depot_id long, city string")
    name = {letter: lab.table("depots") for letter in "ABCD"}
    lab.spark.sql(f"CREATE TABLE {name['D']} (depot_id BIGINT NOT NULL, city STRING) USING delta")
    calls: dict[str, Callable[[], Any]] = {
        "A": lambda: fe.create_table(name=name["A"], primary_keys="depot_id", df=depots, description="Depots"),
        "B": lambda: fe.create_table(name["B"], ["depot_id"], depots, description="Depots"),
        "C": lambda: fe.create_feature_table(name=name["C"], keys="depot_id", features_df=depots, description="Depots"),
        "D": lambda: fe.register_table(delta_table=name["D"], primary_keys="depot_id", description="Depots"),
    }
    claims = {}
    for letter, call in calls.items():
        claims[letter] = (
            works(call, (TypeError, AttributeError)) and fe.get_table(name=name[letter]).description == "Depots"
        )
    return holds(claims)


def fs_create_003(lab: Lab) -> set[str]:
    name = shops(lab)
    before = rows(lab.fe.read_table(name=name))
    tonight = lab.spark.createDataFrame(
        [(2, "west", 0.1), (4, "west", 0.2)], "shop_id long, region string, score double"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        failed = not works(lambda: lab.fe.create_table(name=name, primary_keys="shop_id", df=tonight), ValueError)
    after = rows(lab.fe.read_table(name=name))
    return holds(
        {
            "A": after == rows(tonight),
            "B": (2, "west", 0.1) in after and (4, "west", 0.2) not in after,
            "C": failed,
            "D": not failed and after == before,
        }
    )


def fs_create_004(lab: Lab) -> set[str]:
    from databricks.feature_engineering import FeatureLookup
    from pyspark.sql.types import DoubleType, LongType, StructField, StructType, TimestampType

    schema = StructType(
        [
            StructField("machine_id", LongType()),
            StructField("ts", TimestampType()),
            StructField("vibration", DoubleType()),
        ]
    )
    labels = lab.spark.createDataFrame([(1, at(1))], "machine_id long, label_ts timestamp")

    def point_in_time(**arguments: Any) -> bool:
        name = lab.table("vibration")

        def build() -> None:
            lab.fe.create_table(name=name, schema=schema, **arguments)
            lookup = FeatureLookup(table_name=name, lookup_key="machine_id", timestamp_lookup_key="label_ts")
            lab.fe.create_training_set(df=labels, feature_lookups=[lookup], label=None)

        return works(build, ValueError)

    if point_in_time(primary_keys=["machine_id"], timeseries_column="ts"):
        raise AssertionError("the call of the stem must be refused")
    return holds(
        {
            "A": point_in_time(primary_keys=["ts"], timeseries_column="ts"),
            "B": point_in_time(primary_keys=["machine_id", "ts"], timeseries_column="ts"),
            "C": point_in_time(primary_keys=["machine_id", "ts"], partition_columns=["ts"]),
            "D": point_in_time(primary_keys=["machine_id"], partition_columns=["ts"]),
        }
    )


def fs_write_005(lab: Lab) -> set[str]:
    fe = lab.fe
    t = keyed(lab, "households", "household BIGINT NOT NULL, kwh DOUBLE", "(1, 4.0), (2, 5.0)")
    changed = lab.spark.createDataFrame([(2, 9.5), (3, 1.0)], "household long, kwh double")

    def right() -> bool:
        return rows(fe.read_table(name=t)) == [(1, 4.0), (2, 9.5), (3, 1.0)]

    claims = {
        "A": works(lambda: fe.write_table(name=t, df=changed, mode="overwrite"), ValueError) and right(),
        "B": works(lambda: fe.write_table(name=t, df=changed, mode="append"), ValueError) and right(),
        "C": works(lambda: fe.write_table(name=t, df=changed, mode="merge"), ValueError) and right(),
    }
    # The table is now as it should be; an append of the same frame must leave it so to count as right.
    changed.write.mode("append").saveAsTable(t)
    return holds(claims | {"D": right()})


def fs_write_006(lab: Lab) -> set[str]:
    columns = "member_id BIGINT NOT NULL, tier STRING, visits INT"
    name = keyed(lab, "members", columns, "(1, 'gold', 12), (2, 'basic', 3)")
    update = lab.spark.createDataFrame([(2, "gold"), (3, "basic")], "member_id long, tier string")
    refused = raises(ValueError, lambda: lab.fe.write_table(name=name, df=update, mode="merge"))
    visits = {row.member_id: row.visits for row in lab.fe.read_table(name=name).collect()}
    return holds(
        {
            "A": visits == {1: 12, 2: 3, 3: None},
            "B": visits == {1: 12, 2: None, 3: None},
            "C": visits == {1: 12, 2: 3, 3: 0},
            "D": refused or visits == {1: 12, 2: 3},
        }
    )


def fs_write_007(lab: Lab) -> set[str]:
    name = readings(lab)
    before = rows(lab.fe.read_table(name=name))
    hour = lab.spark.createDataFrame([(5, at(18), 58.5)], "pump_id long, ts timestamp, temp double")
    refused = raises(ValueError, lambda: lab.fe.write_table(name=name, df=hour, mode="merge"))
    after = rows(lab.fe.read_table(name=name))
    return holds(
        {
            "A": (5, at(18), 58.5, None) in after,
            "B": (5, at(18), 58.5, 1.0) in after,
            "C": (5, at(14), 58.5, 1.0) in after,
            "D": refused and after == before,
        }
    )


def fs_write_008(lab: Lab) -> set[str]:
    fe, create = lab.fe, lab.spark.createDataFrame
    name = keyed(lab, "cards", "card_id BIGINT NOT NULL, limit_eur DOUBLE", "(1, 100.0)")
    columns = "card_id long, limit_eur double"
    frames = {
        "A": create([(1, 500.0), (1, 700.0)], columns),
        "B": create([(2, 900.0)], columns),
        "C": create([(None, 300.0)], columns),
        "D": create([(1, 800.0, "DE")], f"{columns}, country string"),
        "E": create([(1, "high")], "card_id long, limit_eur string"),
    }
    claims = {
        letter: raises(ValueError, partial(fe.write_table, name=name, df=frame, mode="merge"))
        for letter, frame in frames.items()
    }
    if rows(fe.read_table(name=name)) != [(1, 800.0, "DE"), (2, 900.0, None)]:
        raise AssertionError("the accepted frames must have been merged")
    return holds(claims)


def fs_write_009(lab: Lab) -> set[str]:
    from pyspark.sql.functions import lit

    fe = lab.fe
    t = keyed(lab, "users", "user_id BIGINT NOT NULL, city STRING", "(5, 'Rome'), (17, 'Bari'), (23, 'Pisa')")
    users = lab.spark.createDataFrame([(5, "Rome"), (17, "Bari"), (23, "Pisa")], "user_id long, city string")
    rest, gone = users.where("user_id = 5"), users.where("user_id <> 5")
    id_before = fe.get_table(name=t).table_id

    def erased(step: Callable[[], Any]) -> bool:
        step()
        same_table = fe.get_table(name=t).table_id == id_before
        return same_table and rows(fe.read_table(name=t)) == [(5, "Rome")]

    nulled = gone.withColumn("city", lit(None).cast("string"))
    kept_for = "'delta.deletedFileRetentionDuration'"
    claims = {
        "A": erased(lambda: fe.write_table(name=t, df=rest, mode="merge")),
        "C": erased(lambda: lab.spark.sql(f"ALTER TABLE {t} SET TBLPROPERTIES ({kept_for} = '0 days')")),
        "D": erased(lambda: fe.write_table(name=t, df=nulled, mode="merge")),
    }
    return holds(claims | {"B": erased(lambda: lab.spark.sql(f"DELETE FROM {t} WHERE user_id IN (17, 23)"))})


def fs_train_011(lab: Lab) -> set[str]:
    from databricks.feature_engineering import FeatureLookup

    name = keyed(lab, "shops", "shop_id BIGINT NOT NULL, region STRING, score DOUBLE")
    lookup = FeatureLookup(table_name=name, lookup_key="opened_by", feature_names=["score"])
    labels = lab.spark.createDataFrame([(1, 0)], "opened_by long, profitable int")
    training_set = lab.fe.create_training_set(df=labels, feature_lookups=[lookup], label="profitable")
    # Rows that are written only now: a lookup that had read the table could not know them.
    lab.spark.sql(f"INSERT INTO {name} VALUES (1, 'north', 0.75)")
    [row] = training_set.load_df().collect()
    [step] = training_set.feature_spec.lookups
    [key] = step.keys
    return holds(
        {
            "A": (key.column, key.bound_to) == ("opened_by", "shop_id") and row.asDict().get("score") == 0.75,
            "B": key.bound_to == "opened_by",
            "C": len(training_set.feature_spec.functions) > 0,
            "D": row.score is None,
        }
    )


def fs_train_012(lab: Lab) -> set[str]:
    from databricks.feature_engineering import FeatureLookup
    from databricks.feature_engineering.training_set import TrainingSet

    fe: Any = lab.fe
    name = shops(lab)
    openings = lab.spark.createDataFrame([(1, 0)], "shop_id long, profitable int")
    lookup = FeatureLookup(table_name=name, lookup_key="shop_id")
    calls: dict[str, Callable[[], Any]] = {
        "A": lambda: fe.create_training_set(df=openings, feature_lookups=[lookup]),
        "B": lambda: openings.join(fe.read_table(name=name), "shop_id", "left"),
        "C": lambda: fe.create_training_set(df=openings, feature_lookups=[lookup], label="profitable"),
        "D": lambda: fe.get_table(name=name).load_df(openings, label="profitable"),
    }

    def gives(call: Callable[[], Any]) -> bool:
        try:
            made = call()
        except (TypeError, AttributeError):
            return False
        # What log_model takes: an object with a recipe.
        return isinstance(made, TrainingSet) and "score" in made.get_output_columns()

    return holds({letter: gives(call) for letter, call in calls.items()})


def fs_train_013(lab: Lab) -> set[str]:
    from itertools import combinations

    from databricks.feature_engineering import FeatureLookup

    ratings = keyed(lab, "ratings", "shop_id BIGINT NOT NULL, score DOUBLE")
    labels = lab.spark.createDataFrame([(1, "north", 0)], "shop_id long, region string, profitable int")

    def columns(changes: tuple[str, ...]) -> list[str]:
        second: dict[str, Any] = {}
        if "A" in changes:
            second["rename_outputs"] = {"score": "rating"}
        if "E" in changes:
            second["feature_names"] = ["score"]
        lookups = [
            FeatureLookup(table_name=shops(lab), lookup_key="shop_id"),
            FeatureLookup(table_name=ratings, lookup_key="shop_id", **second),
        ]
        training_set = lab.fe.create_training_set(
            df=labels.drop("region") if "D" in changes else labels,
            feature_lookups=lookups[::-1] if "C" in changes else lookups,
            label="profitable",
            exclude_columns=["region"] if "B" in changes else [],
        )
        if not {"region", "score", "rating"} <= set(training_set.feature_spec.outputs):
            return []
        return training_set.get_output_columns()

    def repairs(changes: tuple[str, ...]) -> bool:
        try:
            return "region" in columns(changes)
        except ValueError:
            return False

    return {letter for pair in combinations("ABCDE", 2) if repairs(pair) for letter in pair}


def fs_train_014(lab: Lab) -> set[str]:
    from databricks.feature_engineering import FeatureLookup

    labels = lab.spark.createDataFrame([(1, 0), (1, 0), (2, 1), (8, 1)], "shop_id long, profitable int")
    lookup = FeatureLookup(table_name=shops(lab), lookup_key="shop_id", feature_names=["score"])
    frame = lab.fe.create_training_set(df=labels, feature_lookups=[lookup], label="profitable").load_df()
    found = sorted((row.shop_id, row.score is None) for row in frame.collect())
    return holds(
        {
            "A": found == [(1, False), (1, False), (2, False)],
            "B": found == [(1, False), (1, False), (2, False), (8, True)],
            "C": found == [(1, False), (2, False), (8, True)],
            "D": found == [(1, False), (1, False), (2, False), (3, False), (8, True)],
        }
    )


def fs_train_015(lab: Lab) -> set[str]:
    from databricks.feature_engineering import FeatureLookup

    name = lab.table("sites")
    lab.spark.sql(
        f"CREATE TABLE {name} (site_id BIGINT NOT NULL, size DOUBLE, CONSTRAINT pk PRIMARY KEY (site_id)) USING delta"
    )
    labels = lab.spark.createDataFrame([(1, 0)], "site_id long, profitable int")
    lookup = FeatureLookup(table_name=name, lookup_key="site_id")
    create = partial(lab.fe.create_training_set, df=labels, feature_lookups=[lookup], label="profitable")
    training_set = create()
    packed = training_set.feature_spec.to_yaml()  # what log_model stores with the model
    lab.spark.sql(f"ALTER TABLE {name} ADD COLUMN parking INT")
    return holds(
        {
            "A": "parking" in training_set.load_df().columns,
            "B": "parking" in create().load_df().columns,
            "C": "parking" in packed,
            "D": "parking" in lab.fe.read_table(name=name).columns,
            # An alias points at a version, and the version holds what was packed.
            "E": "parking" in packed,
        }
    )


def auc(labels: np.ndarray, scores: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels, scores))


@cache
def usage() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Monthly usage and one label of each customer; leavers use a bit less before, four of five use nothing after."""
    rng = np.random.default_rng(4)
    n = 1500
    label_month = rng.integers(1, 7, n)
    churned = rng.random(n) < 0.3
    months = np.arange(8)
    base = rng.normal(10, 2, (n, len(months))) - 1.6 * churned[:, None]
    gone = churned & (rng.random(n) < 0.8)
    after = gone[:, None] & (months[None, :] > label_month[:, None])
    values = np.where(after, rng.normal(0, 0.5, base.shape), base)
    history = pd.DataFrame(
        {"customer": np.repeat(np.arange(n), len(months)), "month": np.tile(months, n), "usage": values.ravel()}
    )
    return pd.DataFrame({"customer": np.arange(n), "month": label_month, "churned": churned}), history


def as_of(labels: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    history = history.assign(found=history["month"])
    return pd.merge_asof(labels.sort_values("month"), history.sort_values("month"), on="month", by="customer")


def latest(labels: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    last = history.sort_values("month").groupby("customer").tail(1).rename(columns={"month": "found"})
    return labels.merge(last, on="customer", how="left")


def fs_pit_016(lab: Lab) -> set[str]:
    labels, history = usage()
    honest, leaking = as_of(labels, history), latest(labels, history)

    def counts(frame: pd.DataFrame) -> bool:
        return len(frame) == len(labels) and not frame.duplicated(["customer", "month"]).any()

    def ranges(frame: pd.DataFrame) -> bool:
        inside = frame["usage"].between(history["usage"].min(), history["usage"].max()).all()
        return bool(inside) and abs(frame["usage"].isna().mean() - history["usage"].isna().mean()) < 0.01

    def held_out(frame: pd.DataFrame) -> bool:
        test = np.random.default_rng(0).random(len(frame)) < 0.4
        scores = [auc(frame["churned"][part], -frame["usage"][part]) for part in (test, ~test)]
        return abs(scores[0] - scores[1]) < 0.08

    def newest_known(frame: pd.DataFrame) -> bool:
        known = frame[["customer", "month"]].merge(history[["customer", "month"]], on="customer", suffixes=("", "_row"))
        newest = known[known["month_row"] <= known["month"]].groupby("customer")["month_row"].max()
        return bool((frame["customer"].map(newest) == frame["found"]).all())

    checks = {"A": counts, "B": ranges, "C": held_out, "D": newest_known}
    return holds({letter: check(honest) and not check(leaking) for letter, check in checks.items()})


def fs_pit_017(lab: Lab) -> set[str]:
    hours = {"A": at(5), "B": at(9, 59), "C": at(10), "D": at(13, 59), "E": at(14)}
    return holds({letter: looked_up(lab)[5, hour][0] == 40.0 for letter, hour in hours.items()})


def fs_pit_018(lab: Lab) -> set[str]:
    seen = looked_up(lab)[3, at(9, 20)]
    return holds(
        {"A": seen == (61.0, 2.4), "B": seen == (61.0, 2.1), "C": seen == (None, 2.4), "D": seen == (66.0, 2.6)}
    )


def fs_pit_019(lab: Lab) -> set[str]:
    import duckdb

    con = duckdb.connect()
    con.execute("CREATE TABLE labels (customer_id INT, label_ts INT, churned INT)")
    con.execute("CREATE TABLE history (customer_id INT, ts INT, balance DOUBLE)")
    # 1: a later row. 2: no earlier row. 3: a row at the same moment. 4: two labels. 5: the latest balance is null.
    con.execute("INSERT INTO labels VALUES (1, 10, 0), (2, 10, 0), (3, 10, 0), (4, 10, 0), (4, 20, 1), (5, 10, 0)")
    con.execute(
        "INSERT INTO history VALUES (1, 5, 100), (1, 15, 999), (2, 15, 100), (3, 5, 100), (3, 10, 200), (4, 5, 100), "
        "(4, 15, 200), (5, 5, 100), (5, 8, NULL)"
    )
    result = con.execute(
        """
        SELECT l.customer_id, l.label_ts, l.churned, h.balance
        FROM labels l JOIN history h ON h.customer_id = l.customer_id AND h.ts <= l.label_ts
        QUALIFY row_number() OVER (PARTITION BY l.customer_id ORDER BY h.ts DESC) = 1
        """
    ).fetchall()
    balance = {row[0]: row[3] for row in result}
    return holds(
        {
            "A": balance[1] == 999,
            "B": 2 not in balance,
            "C": balance[3] != 200,
            "D": sum(row[0] == 4 for row in result) < 2,
            "E": balance[5] == 100,
        }
    )


def fs_default_020(lab: Lab) -> set[str]:
    from databricks.feature_engineering import FeatureLookup

    labels = lab.spark.createDataFrame([(99, 1)], "shop_id long, profitable int")
    name = shops(lab)

    def filled(defaults: dict[str, float]) -> bool:
        lookup = FeatureLookup(
            table_name=name,
            lookup_key="shop_id",
            feature_names=["score"],
            rename_outputs={"score": "site_score"},
            default_values=defaults,
        )
        try:
            training_set = lab.fe.create_training_set(df=labels, feature_lookups=[lookup], label="profitable")
        except ValueError:
            return False
        return training_set.load_df().first()["site_score"] == 0.0

    gaps = {"A": "site_score", "B": "score", "C": f"{name}.score", "D": "shop_id"}
    return holds({letter: filled({key: 0.0}) for letter, key in gaps.items()})


def fs_lookback_021(lab: Lab) -> set[str]:
    from databricks.feature_engineering import FeatureLookup

    lookup = FeatureLookup(
        table_name=readings(lab),
        lookup_key="pump_id",
        feature_names=["temp"],
        timestamp_lookup_key="checked_at",
        lookback_window=dt.timedelta(hours=6),
    )
    asked = [at(-1), at(4), at(6), at(6, 1)]
    df = lab.spark.createDataFrame([(7, hour) for hour in asked], "pump_id long, checked_at timestamp")
    frame = lab.fe.create_training_set(df=df, feature_lookups=[lookup], label=None).load_df()
    with_value = {row.checked_at for row in frame.collect() if row.temp is not None}
    return holds(
        {
            "A": with_value == {at(4)},
            "B": with_value == {at(4), at(6)},
            "C": with_value == {at(4), at(6), at(6, 1)},
            "D": with_value == {at(4), at(-1)},
        }
    )


def fs_leak_023(lab: Lab) -> set[str]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score

    labels, history = usage()
    honest, leaking = as_of(labels, history), latest(labels, history)
    in_use = auc(honest["churned"], -honest["usage"])  # what is known when the question is asked
    offline = auc(leaking["churned"], -leaking["usage"])
    if not (0.65 < in_use < 0.78 and 0.9 < offline < 0.98):
        raise AssertionError(f"the stem's situation: {in_use:.3f} {offline:.3f}")

    def agrees(value: float) -> bool:
        return abs(value - in_use) < 0.04

    regularised = cross_val_score(
        LogisticRegression(C=0.001), leaking[["usage"]], leaking["churned"], cv=10, scoring="roc_auc"
    ).mean()
    fresher = latest(labels, pd.concat([history, history[history["month"] == 7].assign(month=8)]))
    version = latest(labels, history[history["month"] <= 3])
    point_in_time = cross_val_score(
        LogisticRegression(), honest[["usage"]], honest["churned"], cv=5, scoring="roc_auc"
    ).mean()
    return holds(
        {
            "A": agrees(point_in_time),
            "B": agrees(regularised),
            "C": agrees(auc(fresher["churned"], -fresher["usage"])),
            "D": agrees(auc(version["churned"], -version["usage"])),
        }
    )


def fs_avail_024(lab: Lab) -> set[str]:
    starts = pd.date_range("2024-01-01", "2025-12-01", freq="MS")
    scores = pd.DataFrame({"month_start": starts, "score": range(len(starts))})
    scores["month_end"] = scores["month_start"] + pd.offsets.MonthEnd(0)
    scores["delivered_at"] = scores["month_end"] + pd.Timedelta(days=10)
    scores["loaded_at"] = pd.Timestamp("2026-11-14")
    times = ["month_start", "month_end", "delivered_at", "loaded_at"]
    scores[times] = scores[times].astype("datetime64[ns]")
    days = pd.DataFrame({"label_ts": pd.date_range("2024-04-01", "2025-12-31", freq="D").astype("datetime64[ns]")})

    def seen(column: str) -> pd.Series:
        stamped = scores.sort_values([column, "month_start"])
        return pd.merge_asof(days, stamped, left_on="label_ts", right_on=column)["score"]

    readable = pd.Series(
        [scores.loc[scores["delivered_at"] <= day, "score"].max() for day in days["label_ts"]], name="score"
    ).astype(float)
    columns = {"A": "month_start", "B": "month_end", "C": "delivered_at", "D": "loaded_at"}
    return holds({letter: seen(column).astype(float).equals(readable) for letter, column in columns.items()})


def fs_ondemand_027(lab: Lab) -> set[str]:
    from databricks.feature_engineering import FeatureFunction, FeatureLookup

    from lakehouse.functions import register_python_function

    def days_since(last_order: dt.date, asked_at: dt.datetime) -> int:
        if last_order is None or asked_at is None:
            return None
        return (asked_at.date() - last_order).days

    customers = keyed(lab, "customers", "customer_id BIGINT NOT NULL, last_order_date DATE")
    udf_name = register_python_function(days_since, name=lab.table("days_since"), spark=lab.spark)
    lookup = FeatureLookup(table_name=customers, lookup_key="customer_id")
    labels = lab.spark.createDataFrame([(1, at(1), 0)], "customer_id long, label_ts timestamp, bought int")

    def bound(bindings: dict[str, str]) -> bool:
        function = FeatureFunction(udf_name=udf_name, output_name="days_since_order", input_bindings=bindings)
        create = partial(lab.fe.create_training_set, df=labels, feature_lookups=[lookup, function], label="bought")
        return works(create, ValueError) and "days_since_order" in create().get_output_columns()

    return holds(
        {
            "A": bound({"last_order_date": "last_order", "label_ts": "asked_at"}),
            "B": bound({"last_order": "last_order_date"}),
            "C": bound({"last_order": f"{customers}.last_order_date", "asked_at": "label_ts"}),
            "D": bound({"last_order": "last_order_date", "asked_at": "label_ts"}),
        }
    )


def fs_ondemand_028(lab: Lab) -> set[str]:
    from databricks.feature_engineering import FeatureFunction, FeatureLookup
    from pyspark.errors import PythonException

    from lakehouse.functions import register_python_function

    def spent_per_visit(spent: float, visits: int) -> float:
        return spent / visits

    name = keyed(lab, "spending", "member_id BIGINT NOT NULL, spent DOUBLE, visits BIGINT")
    udf_name = register_python_function(spent_per_visit, name=lab.table("spent_per_visit"), spark=lab.spark)
    ratio = FeatureFunction(
        udf_name=udf_name, input_bindings={"spent": "spent", "visits": "visits"}, output_name="ratio"
    )
    lookup = FeatureLookup(table_name=name, lookup_key="member_id")
    labels = lab.spark.createDataFrame([(99, 1)], "member_id long, bought int")
    frame = lab.fe.create_training_set(df=labels, feature_lookups=[lookup, ratio], label="bought").load_df()
    try:
        ratios, message = [row.ratio for row in frame.collect()], ""
    except PythonException as error:
        ratios, message = None, str(error)
    return holds({"A": ratios == [None], "B": "TypeError" in message, "C": ratios == [], "D": ratios == [0.0]})


@cache
def predictions(lab: Lab) -> dict[int, float]:
    frame = lab.spark.createDataFrame([(1,), (2,)], "member_id long")
    scored = lab.fe.score_batch(model_uri=member_model(lab), df=frame)
    return {row.member_id: row.prediction for row in scored.collect()}


def fs_score_030(lab: Lab) -> set[str]:
    import mlflow
    from pyspark.errors import PythonException
    from pyspark.sql.functions import struct

    fe: Any = lab.fe
    uri, lookup = member_model(lab), members_lookup(lab)
    keys = lab.spark.createDataFrame([(1,), (2,)], "member_id long")
    columns = fe.create_training_set(df=keys, feature_lookups=[lookup], label=None).get_output_columns()
    return holds(
        {
            "A": works(
                lambda: keys.withColumn(
                    "prediction", mlflow.pyfunc.spark_udf(lab.spark, uri)(struct("member_id"))
                ).collect(),
                PythonException,
            ),
            "B": "prediction" in columns,
            "C": predictions(lab) == {1: 2010.0, 2: 3020.0},
            "D": works(lambda: fe.predict_batch(model_uri=uri, df=keys, feature_lookups=[lookup]), AttributeError),
        }
    )


def fs_score_031(lab: Lab) -> set[str]:
    batch = lab.spark.createDataFrame([(1, "summer"), (2, "winter")], "member_id long, campaign string")
    columns = lab.fe.score_batch(model_uri=member_model(lab), df=batch).columns
    return holds(
        {
            "A": columns == ["member_id", "campaign", "visits", "open_tickets", "prediction"],
            "B": columns == ["member_id", "prediction"],
            "C": columns == ["member_id", "campaign", "prediction"],
            "D": columns == ["member_id", "campaign", "city", "visits", "open_tickets", "prediction"],
        }
    )


def fs_score_032(lab: Lab) -> set[str]:
    from pyspark.sql.functions import lit

    keys = lab.spark.createDataFrame([(1,), (2,)], "member_id long")
    what_if = keys.withColumn("open_tickets", lit(0).cast("long"))
    try:
        scored = lab.fe.score_batch(model_uri=member_model(lab), df=what_if).collect()
    except ValueError:
        scored = []
    got = {row.member_id: (row.visits, row.open_tickets, row.prediction) for row in scored}
    stored = {row.member_id: row.open_tickets for row in lab.fe.read_table(name=members(lab)).collect()}
    return holds(
        {
            "A": not got,
            "B": {key: row[2] - row[0] for key, row in got.items()} == {1: 0.0, 2: 0.0},
            "C": {key: row[0] for key, row in got.items()} == {1: 10, 2: 20},
            "D": set(stored.values()) == {0},
            "E": bool(got) and all(got[key][1] == stored[key] for key in got),
        }
    )


def fs_skew_033(lab: Lab) -> set[str]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(3)
    table = rng.normal([100.0, 5.0], [20.0, 1.0], (2000, 2))
    raw = table[:800]  # what load_df gives, and what score_batch hands to the logged model
    left = (raw[:, 0] - 100) / 20 + rng.normal(0, 0.5, len(raw)) > 0.9
    scaler = StandardScaler().fit(raw)
    model = LogisticRegression().fit(scaler.transform(raw), left)
    in_training = model.predict(scaler.transform(raw))
    everywhere = StandardScaler().fit(table)
    model_everywhere = LogisticRegression().fit(everywhere.transform(raw), left)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(raw, left)
    if not (0.12 < in_training.mean() < 0.28 and model.predict(raw).mean() > 0.99):
        raise AssertionError("the stem's situation")

    def agrees(logged: Any, trained: np.ndarray) -> bool:
        return float(np.mean(logged.predict(raw) == trained)) > 0.99

    return holds(
        {
            "A": agrees(model, in_training),
            "B": agrees(model, in_training),
            "C": agrees(model_everywhere, model_everywhere.predict(everywhere.transform(raw))),
            "D": agrees(pipeline, in_training),
        }
    )


@cache
def plain_model(lab: Lab) -> str:
    """Name of a registered model that was logged by MLflow alone, with member_id as its only input and an alias."""
    import mlflow
    from mlflow.models import infer_signature

    class Sum(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return (model_input["visits"] + 1000 * model_input["open_tickets"]).astype(float)

    name = lab.table("risk")
    signature = infer_signature(pd.DataFrame({"member_id": [1]}), np.array([0.5]))
    lab.experiment()
    with mlflow.start_run():
        mlflow.pyfunc.log_model(
            name="model",
            python_model=Sum(),
            signature=signature,
            registered_model_name=name,
            pip_requirements=["mlflow"],
        )
    lab.client.set_registered_model_alias(name, "Champion", "1")
    return name


def fs_log_034(lab: Lab) -> set[str]:
    name = plain_model(lab)
    keys = lab.spark.createDataFrame([(1,), (2,)], "member_id long")

    def scores(uri: str, **more: Any) -> bool:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return works(lambda: lab.fe.score_batch(model_uri=uri, df=keys, **more), ValueError)

    return holds(
        {
            "A": scores(f"models:/{name}@Champion"),
            "B": scores(member_model(lab)) and predictions(lab) == {1: 2010.0, 2: 3020.0},
            "C": scores(f"models:/{name}/1", feature_lookups=[members_lookup(lab)]),
            "D": scores(f"models:/{name}/1"),
        }
    )
