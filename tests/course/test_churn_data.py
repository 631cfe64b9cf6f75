"""The churn generator: its promises to the lessons, checked against features computed from the tables alone."""

from __future__ import annotations

import dataclasses
import re
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from course.churn import data
from course.churn.data import SAMPLE, TABLES, ChurnOptions, best_auc, generate, load_sample, options_of, truth
from course.churn.simulation import simulate
from lakehouse.paths import ROOT

Tables = dict[str, pd.DataFrame]
OPTIONS = ChurnOptions(customers=3_000)
README = (ROOT / "datasets" / "README.md").read_text()
FEATURES = [name for name in truth(OPTIONS) if name not in ("intercept", "country_BR")]
TIME_COLUMN = {"usage": "available_at", "payments": "paid_at", "tickets": "opened_at", "labels": "label_ts"}


@pytest.fixture(scope="module")
def tables() -> Tables:
    return generate(OPTIONS)


@pytest.fixture(scope="module")
def honest(tables: Tables) -> pd.DataFrame:
    labels = tables["labels"]
    return features(tables, labels, labels["label_ts"])


def features(tables: Tables, labels: pd.DataFrame, seen_until: pd.Series) -> pd.DataFrame:
    """Features of each label from what the tables hold up to a moment: another road to the numbers of the simulation."""
    rows = labels.assign(seen_until=seen_until).reset_index(drop=True)
    keys = rows[["customer_id", "seen_until"]].rename_axis("row").reset_index()

    def seen(table: str, days: int = 10_000) -> pd.DataFrame:
        joined = keys.merge(tables[table], on="customer_id")
        age = joined["seen_until"] - joined[TIME_COLUMN[table]]
        return joined[(age >= pd.Timedelta(0)) & (age < pd.Timedelta(days=days))]

    def count(frame: pd.DataFrame) -> pd.Series:
        return frame.groupby("row").size().reindex(rows.index, fill_value=0)

    usage = seen("usage").sort_values(["row", "week_start"])
    back = usage.groupby("row").cumcount(ascending=False)
    recent, before = (
        usage[back.between(first, first + 3)].groupby("row")["minutes"].sum().reindex(rows.index, fill_value=0)
        for first in (0, 4)
    )
    rows["minutes_trend"] = ((recent - before) / (recent + before)).where(count(usage) >= 8).fillna(0)
    rows["tickets_30d"] = count(seen("tickets", 30))
    payments = seen("payments", 90)
    rows["late_payments_90d"] = count(payments[payments["failed"] | (payments["late_days"] > 0)])
    rows = rows.merge(tables["customers"].drop_duplicates("customer_id"), on="customer_id", validate="many_to_one")
    rows["tenure_years"] = (rows["label_ts"].dt.tz_localize(None) - rows["signup_date"]).dt.days / 365
    rows["age_decades"] = (rows["age"] - 45) / 10
    rows["log_income"] = np.log(rows["income"] / 40_000)
    for column in ("plan", "country"):
        rows = rows.join(pd.get_dummies(rows[column], prefix=column, dtype=float))
    return rows.merge(tables["label_truth"], on=["customer_id", "label_ts"], validate="one_to_one")


def held_out_auc(frame: pd.DataFrame) -> tuple[float, float]:
    """AUC of a logistic regression on customers that it has not seen, and the best possible AUC on them."""
    filled = frame[FEATURES].fillna(frame[FEATURES].median())
    test = frame["customer_id"] % 4 == 0
    model = LogisticRegression(max_iter=1_000).fit(filled[~test], frame["churned"][~test])
    score = model.predict_proba(filled[test])[:, 1]
    return roc_auc_score(frame["churned"][test], score), roc_auc_score(frame["churned"][test], frame["p"][test])


# One world, however it is computed


def test_equal_options_give_equal_tables_and_another_seed_gives_others(tables: Tables) -> None:
    again, other = generate(OPTIONS), generate(dataclasses.replace(OPTIONS, seed=8))
    for table in TABLES:
        pd.testing.assert_frame_equal(tables[table], again[table])
        assert not tables[table].equals(other[table])


def test_a_customer_does_not_depend_on_its_neighbours(tables: Tables) -> None:
    ids = np.random.default_rng(0).permutation(np.arange(1, OPTIONS.customers + 1))
    blocks = [simulate(block, OPTIONS) for block in np.array_split(ids, [1, 2, 500, 1_700])]
    for table in TABLES:
        together = pd.concat([block[table] for block in blocks]).sort_values("customer_id", kind="stable")
        pd.testing.assert_frame_equal(together.reset_index(drop=True), tables[table])


def test_more_weeks_add_rows_and_change_none(tables: Tables) -> None:
    longer = generate(dataclasses.replace(OPTIONS, weeks=60))
    end = pd.Timestamp(OPTIONS.end, tz="UTC")
    longer["label_truth"] = longer["label_truth"][longer["label_truth"]["label_ts"] <= end]
    for table, column in TIME_COLUMN.items():
        assert (longer[table][column] > end).any()
        longer[table] = longer[table][longer[table][column] <= end]
    # A ticket that was open at the earlier snapshot may be resolved in the later one.
    resolved_at = longer["tickets"]["resolved_at"]
    longer["tickets"]["resolved_at"] = resolved_at.where(resolved_at <= end)
    for table in TABLES:
        pd.testing.assert_frame_equal(longer[table].reset_index(drop=True), tables[table])


def test_customers_who_sign_up_later_are_not_there_yet() -> None:
    early = generate(dataclasses.replace(OPTIONS, weeks=26))["customers"]
    assert early["signup_date"].max() < pd.Timestamp(2025, 7, 7)
    assert 0.75 < early["customer_id"].nunique() / OPTIONS.customers < 0.85


def test_spark_writes_the_same_rows_from_this_process_and_from_its_workers(spark, schema, monkeypatch) -> None:
    options = ChurnOptions(customers=120, seed=3, leak=True, drift_from=date(2025, 9, 1), drift=("category", "nulls"))
    expected = generate(options)

    def assert_written() -> None:
        assert options_of(spark, schema) == options
        for table in TABLES:
            frame = spark.table(f"{schema}.raw_{table}")
            assert dict(frame.dtypes) == data._columns(table, options)
            rows = frame.toPandas()
            for column, kind in expected[table].dtypes.items():
                if kind.kind == "M":  # Spark gives naive moments in the session's zone, which is UTC
                    rows[column] = pd.to_datetime(rows[column], utc=getattr(kind, "tz", None) is not None)
            key = ["customer_id", *TIME_COLUMN.get(table, "label_ts" if table == "label_truth" else "plan").split()]
            rows = rows.sort_values(key, ignore_index=True)
            pd.testing.assert_frame_equal(rows, expected[table].sort_values(key, ignore_index=True), rtol=1e-12)

    data.write_tables(spark, schema, options)
    assert_written()
    monkeypatch.setattr(data, "IN_MEMORY_CUSTOMERS", 0)
    monkeypatch.setattr(data, "CUSTOMERS_PER_TASK", 50)
    data.write_tables(spark, schema, options)
    assert_written()


def test_options_of_is_none_unless_all_tables_belong_together(spark, schema, monkeypatch) -> None:
    assert options_of(spark, "main.no_such_schema") is None
    options = ChurnOptions(customers=5)
    data.write_tables(spark, schema, options)
    assert options_of(spark, schema) == options

    monkeypatch.setattr(data, "GENERATOR_VERSION", data.GENERATOR_VERSION + 1)
    assert options_of(spark, schema) is None
    monkeypatch.undo()

    other = data._to_json(ChurnOptions(customers=6))
    spark.sql(f"ALTER TABLE {schema}.raw_customers SET TBLPROPERTIES ('{data.OPTIONS_PROPERTY}' = '{other}')")
    assert options_of(spark, schema) is None

    spark.sql(f"DROP TABLE {schema}.raw_customers")
    assert options_of(spark, schema) is None


@pytest.mark.parametrize("name", ["churn", "main.", "main.churn.raw"])
def test_a_schema_needs_two_levels(name: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"schema={name!r} is not of the form catalog.schema")):
        data.write_tables(None, name)
    with pytest.raises(ValueError, match=r"catalog\.schema"):
        options_of(None, name)


# The truth


def test_the_true_probability_follows_from_the_tables(honest: pd.DataFrame) -> None:
    known = honest.dropna(subset=["age", "income"])
    log_odds = truth(OPTIONS)["intercept"] + sum(truth(OPTIONS)[name] * known[name] for name in FEATURES)
    assert len(known) > 0.7 * len(honest)
    np.testing.assert_allclose(1 / (1 + np.exp(-log_odds)), known["p"], rtol=1e-9)


def test_each_feature_moves_the_truth(honest: pd.DataFrame) -> None:
    assert (honest[FEATURES].std() > 0).all()
    assert honest["minutes_trend"].eq(0).mean() < 0.2  # new customers, for whom there is no trend yet


def test_rate_and_best_auc_are_in_the_stated_bands(tables: Tables) -> None:
    assert 0.055 < tables["labels"]["churned"].mean() < 0.075
    assert tables["labels"]["churned"].mean() == pytest.approx(tables["label_truth"]["p"].mean(), abs=0.005)
    assert 0.82 < best_auc(tables["labels"], tables["label_truth"]) < 0.86


def test_an_honest_model_comes_close_to_the_best_auc_and_not_beyond(honest: pd.DataFrame) -> None:
    reached, best = held_out_auc(honest)
    assert best - 0.02 < reached < best + 0.005


def test_logistic_regression_recovers_the_coefficients(honest: pd.DataFrame) -> None:
    known = honest.dropna(subset=["age", "income"])
    x = known[FEATURES].to_numpy(dtype=float)
    model = LogisticRegression(C=np.inf, max_iter=1_000, tol=1e-8).fit(x, known["churned"])
    estimate = np.append(model.intercept_, model.coef_)
    x = np.column_stack([np.ones(len(x)), x])
    p = known["p"].to_numpy()
    standard_error = np.sqrt(np.diag(np.linalg.inv(x.T @ (x * (p * (1 - p))[:, None]))))
    true = np.array([truth(OPTIONS)[name] for name in ["intercept", *FEATURES]])
    assert (np.abs(estimate - true) < 4 * standard_error).all()
    assert (np.abs(true) > 4 * standard_error).sum() >= 8  # most effects are large enough to be found


def test_latest_values_leak(tables: Tables, honest: pd.DataFrame) -> None:
    end = pd.Series(pd.Timestamp(OPTIONS.end, tz="UTC"), index=tables["labels"].index)
    latest = features(tables, tables["labels"], end)
    reached, best = held_out_auc(latest)
    assert reached > best + 0.04
    reached, best = held_out_auc(latest[latest["label_ts"] == "2025-11-17"])
    assert reached > 0.97 > best


def test_best_auc_is_the_area_under_the_roc_curve() -> None:
    rng = np.random.default_rng(1)
    keys = pd.DataFrame({"customer_id": np.arange(400), "label_ts": pd.Timestamp("2025-06-02", tz="UTC")})
    p = rng.integers(1, 9, 400) / 10  # with ties
    labels = keys.assign(churned=(rng.random(400) < p).astype(int))
    assert best_auc(labels, keys.assign(p=p)) == pytest.approx(roc_auc_score(labels["churned"], p))
    assert best_auc(labels[:100], keys.assign(p=p)) == pytest.approx(roc_auc_score(labels["churned"][:100], p[:100]))
    with pytest.raises(ValueError, match="400 rows are of one class"):
        best_auc(labels.assign(churned=0), keys.assign(p=p))
    with pytest.raises(ValueError, match="300 rows have no row in label_truth"):
        best_auc(labels, keys.assign(p=p)[:100])


# The tables


def test_nothing_is_recorded_after_the_snapshot(tables: Tables) -> None:
    end = pd.Timestamp(OPTIONS.end, tz="UTC")
    for table, column in TIME_COLUMN.items():
        assert tables[table][column].max() <= end
    assert tables["tickets"]["resolved_at"].max() <= end
    assert tables["tickets"]["resolved_at"].isna().any()
    assert (tables["usage"]["available_at"].dt.tz_localize(None) - tables["usage"]["week_start"]).eq("9D").all()


def test_some_customers_are_sent_twice_with_equal_rows(tables: Tables) -> None:
    customers = tables["customers"]
    twice = customers["customer_id"].duplicated()
    assert 0.01 < twice.mean() < 0.03
    assert len(customers.drop_duplicates()) == customers["customer_id"].nunique() == OPTIONS.customers


def test_age_and_income_have_nulls_and_income_not_at_random() -> None:
    customers = generate(ChurnOptions(customers=20_000, weeks=13))["customers"]
    nulls = customers[["age", "income"]].isna()
    assert nulls["age"].mean() == pytest.approx(0.06, abs=0.01)
    assert nulls["income"].mean() == pytest.approx(0.13, abs=0.01)
    assert nulls["income"][customers["plan"] == "premium"].mean() > nulls["income"][customers["plan"] == "basic"].mean()


def test_labels_are_every_four_weeks_until_the_customer_leaves(tables: Tables) -> None:
    labels = tables["labels"].merge(tables["customers"].drop_duplicates(), on="customer_id")
    dates = np.sort(labels["label_ts"].unique())
    assert len(dates) == 10
    assert set(np.diff(dates)) == {pd.Timedelta(weeks=4)}
    assert (labels["label_ts"].dt.tz_localize(None) - labels["signup_date"]).min() >= pd.Timedelta(days=28)
    assert not labels.duplicated(["customer_id", "label_ts"]).any()
    last = labels.groupby("customer_id")["label_ts"].transform("max") == labels["label_ts"]
    assert labels["churned"][~last].eq(0).all()
    assert labels["label_ts"][last & (labels["churned"] == 0)].eq(dates[-1]).all()


def test_leaving_shows_only_after_the_label(tables: Tables) -> None:
    leavers = tables["labels"][lambda labels: (labels["churned"] == 1) & (labels["label_ts"] < "2025-10-01")]

    def after_label(table: str, column: str) -> pd.DataFrame:
        rows = leavers.merge(tables[table], on="customer_id")
        return rows.assign(days=(rows[column] - rows["label_ts"]) / pd.Timedelta(days=1))

    notices = after_label("tickets", "opened_at").query("topic == 'cancellation' and days > 0")
    assert notices["days"].between(1, 27).all()
    assert 0.8 < notices["customer_id"].nunique() / len(leavers) < 0.92
    payments = after_label("payments", "paid_at").query("20 < days")
    assert payments["failed"].mean() > 0.85
    assert payments["days"].max() < 27 + 28 + 1
    usage = after_label("usage", "available_at")
    # What arrives 9 days after the label is the week that begins with it; the feed reports a closed account for 28 days.
    before, after = usage["minutes"][usage["days"].between(-60, 8)], usage["minutes"][usage["days"] >= 9]
    assert after.mean() < 0.1 * before.mean()
    assert usage["days"].max() < 27 + 28 + 9


# The switches


def test_leak_adds_columns_known_only_after_the_label(tables: Tables) -> None:
    leaking = generate(dataclasses.replace(OPTIONS, leak=True))
    added = leaking["customers"].columns.difference(tables["customers"].columns)
    assert list(added) == ["account_status", "retention_call_at"]
    pd.testing.assert_frame_equal(leaking["customers"].drop(columns=added), tables["customers"])
    for table in TABLES[1:]:
        pd.testing.assert_frame_equal(leaking[table], tables[table])
    rows = tables["labels"].merge(leaking["customers"].drop_duplicates(), on="customer_id")
    left = rows["churned"] == 1
    assert (rows["retention_call_at"] > rows["label_ts"])[left & rows["retention_call_at"].notna()].all()
    old = rows["label_ts"] < "2025-12-01"
    assert rows["account_status"][left & old].eq("closed").all()
    assert rows["retention_call_at"][left & old].notna().mean() > 0.85
    stayers = ~rows["customer_id"].isin(rows["customer_id"][left])
    assert rows["account_status"][stayers].eq("active").all()
    assert rows["retention_call_at"][stayers].isna().all()


def test_drift_changes_the_data_from_its_day_on(tables: Tables) -> None:
    day = pd.Timestamp(2025, 9, 1)
    drifting = generate(dataclasses.replace(OPTIONS, drift_from=day.date()))
    both = tables["usage"].merge(drifting["usage"], on=["customer_id", "week_start"], suffixes=("", "_drifting"))
    early = both["week_start"] < day
    assert both["minutes"][early].equals(both["minutes_drifting"][early])
    assert both["minutes_drifting"][~early].sum() / both["minutes"][~early].sum() == pytest.approx(1.35, abs=0.02)

    new = drifting["customers"]["signup_date"] >= day
    pd.testing.assert_frame_equal(
        drifting["customers"][~new], tables["customers"][tables["customers"]["signup_date"] < day]
    )
    assert drifting["customers"]["country"][new].eq("BR").mean() == pytest.approx(0.5, abs=0.1)
    assert drifting["customers"]["income"][new].isna().mean() == pytest.approx(0.6, abs=0.1)
    assert "BR" not in set(tables["customers"]["country"])

    for table in ("labels", "label_truth"):
        before = tables[table]["label_ts"] < day.tz_localize("UTC")
        pd.testing.assert_frame_equal(
            tables[table][before].reset_index(drop=True),
            drifting[table][drifting[table]["label_ts"] < day.tz_localize("UTC")].reset_index(drop=True),
        )


def test_drift_keeps_the_reasons_to_leave() -> None:
    options = dataclasses.replace(OPTIONS, drift_from=date(2025, 9, 1))
    drifting = generate(options)
    rows = features(drifting, drifting["labels"], drifting["labels"]["label_ts"]).dropna(subset=["age", "income"])
    log_odds = truth(options)["intercept"] + sum(
        truth(options)[name] * rows[name] for name in [*FEATURES, "country_BR"]
    )
    np.testing.assert_allclose(1 / (1 + np.exp(-log_odds)), rows["p"], rtol=1e-9)


@pytest.mark.parametrize(("kind", "changed"), [("numeric", "minutes"), ("category", "country"), ("nulls", "income")])
def test_each_drift_kind_comes_alone(tables: Tables, kind: str, changed: str) -> None:
    drifting = generate(dataclasses.replace(OPTIONS, drift_from=date(2025, 9, 1), drift=(kind,)))
    customers, usual = drifting["customers"], tables["customers"]
    assert (customers["country"] != usual["country"]).any() == (changed == "country")
    assert (customers["income"].isna() != usual["income"].isna()).any() == (changed == "income")
    late = drifting["usage"]["week_start"] >= "2025-09-01"
    late_usual = tables["usage"]["week_start"] >= "2025-09-01"
    ratio = drifting["usage"]["minutes"][late].mean() / tables["usage"]["minutes"][late_usual].mean()
    assert (ratio > 1.2) == (changed == "minutes")


def test_concept_change_changes_the_reasons_and_not_the_data(tables: Tables) -> None:
    day = date(2025, 9, 1)
    options = dataclasses.replace(OPTIONS, concept_change_from=day)
    changed = generate(options)
    pd.testing.assert_frame_equal(changed["customers"], tables["customers"])
    assert truth(options) == truth(OPTIONS) == truth(options, date(2025, 8, 31))
    assert truth(options, day) != truth(OPTIONS, day)

    rows = features(changed, changed["labels"], changed["labels"]["label_ts"])
    rows[FEATURES] = rows[FEATURES].fillna(rows[FEATURES].median())
    old = rows["label_ts"] < pd.Timestamp(day, tz="UTC")
    usual = tables["labels"]["label_ts"] < pd.Timestamp(day, tz="UTC")
    assert rows["churned"][old].sum() == tables["labels"]["churned"][usual].sum()
    champion = LogisticRegression(max_iter=1_000).fit(rows[old][FEATURES], rows["churned"][old])
    reached = roc_auc_score(rows["churned"][~old], champion.predict_proba(rows[~old][FEATURES])[:, 1])
    assert reached < roc_auc_score(rows["churned"][~old], rows["p"][~old]) - 0.05


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"customers": 0}, "customers=0 is not possible: use a whole number from 1"),
        ({"customers": "5000"}, "customers='5000' is not possible"),
        ({"customers": True}, "customers=True is not possible"),
        ({"weeks": 12}, "weeks=12 is not possible: use a whole number from 13"),
        ({"seed": -1}, "seed=-1 is not possible"),
        ({"start": date(2025, 1, 7)}, "start=2025-01-07 is not a Monday, and weeks begin on Mondays: use 2025-01-06."),
        ({"start": "2025-01-06"}, "start='2025-01-06' is not a datetime.date"),
        ({"leak": "yes"}, "leak='yes' is not a bool"),
        ({"drift_from": datetime(2025, 9, 1)}, "drift_from=datetime.datetime(2025, 9, 1, 0, 0) is not a datetime.date"),
        (
            {"drift_from": date(2026, 1, 5)},
            "drift_from=2026-01-05 is outside the simulated time: use a day from 2025-01-06",
        ),
        ({"concept_change_from": date(2024, 1, 1)}, "concept_change_from=2024-01-01 is outside the simulated time"),
        ({"drift": ("sudden",)}, "drift=('sudden',) is not a tuple of drift kinds: choose from ('numeric',"),
        ({"drift": "numeric"}, "drift='numeric' is not a tuple"),
        (
            {"drift_from": date(2026, 2, 2), "weeks": 70},
            "drift_from=2026-02-02 is after the last sign-up on 2026-01-04",
        ),
    ],
)
def test_wrong_options_name_argument_value_and_remedy(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        ChurnOptions(**arguments)  # type: ignore[arg-type]


# Files and documentation


def test_the_sample_is_small_and_equals_a_regeneration() -> None:
    files = list((ROOT / "datasets" / "churn").iterdir())
    assert sum(file.stat().st_size for file in files) <= 1_000_000
    regenerated = generate(SAMPLE)
    for table, frame in load_sample().items():
        pd.testing.assert_frame_equal(frame, regenerated[table], rtol=1e-9)


def test_the_command_line_writes_parquet_in_blocks(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(data, "CUSTOMERS_PER_BLOCK", 15)
    data.main(["--customers", "40", "--weeks", "20", "--leak", "--out", str(tmp_path)])
    expected = generate(ChurnOptions(customers=40, weeks=20, leak=True))
    for table in TABLES:
        written = pq.read_table(tmp_path / f"{table}.parquet")
        frame = written.to_pandas(date_as_object=False, coerce_temporal_nanoseconds=True)
        pd.testing.assert_frame_equal(frame, expected[table], rtol=1e-12)
    assert f"usage.parquet  {len(expected['usage'])} rows" in capsys.readouterr().out


def test_the_command_line_explains_a_wrong_value(tmp_path: Path, capsys) -> None:
    with pytest.raises(SystemExit):
        data.main(["--start", "2025-01-07", "--out", str(tmp_path)])
    assert "start=2025-01-07 is not a Monday" in capsys.readouterr().err


def test_the_readme_names_every_column_and_the_true_coefficients() -> None:
    for columns in [*data.COLUMNS.values(), data.LEAK_COLUMNS]:
        for column, kind in columns.items():
            assert f"`{column}` | {kind} |" in README
    changed = dataclasses.replace(OPTIONS, concept_change_from=OPTIONS.start)
    for name, value in truth(OPTIONS).items():
        assert f"| `{name}` | {value:.2f} | {truth(changed)[name]:.2f} |" in README
