"""Proofs of chapter 11, monitoring: drift from known truths, tests on samples, metric tables in duckdb, SDK classes."""

from __future__ import annotations

import inspect
import json
import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from workbook.proofs import holds, raises, works

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbook.proofs import Lab

Array = np.ndarray


def _psi(base: Array, now: Array, bins: int = 10) -> float:
    """Population stability index of numeric values, bins at the quantiles of the baseline."""
    edges = np.quantile(base, np.linspace(0, 1, bins + 1))[1:-1]
    p, q = (np.bincount(np.searchsorted(edges, x), minlength=bins) / len(x) for x in (base, now))
    p, q = np.maximum(p, 1e-6), np.maximum(q, 1e-6)
    return float(np.sum((q - p) * np.log(q / p)))


def _auc(score: Array, label: Array) -> float:
    from scipy.stats import rankdata

    ranks, n_true = rankdata(score), int(label.sum())
    return float((ranks[label].sum() - n_true * (n_true + 1) / 2) / (n_true * (len(label) - n_true)))


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def _ks(base: Array, now: Array) -> Any:
    from scipy.stats import ks_2samp

    return ks_2samp(base, now, method="asymp")


def _sql(query: str, **frames: Any) -> Any:
    """Rows of a query over frames, by duckdb."""
    import duckdb

    with duckdb.connect() as connection:
        for name, frame in frames.items():
            connection.register(name, frame)
        return connection.sql(query).fetchall()


# kinds of drift


def mon_kinds_001(lab: Lab) -> set[str]:
    rng = np.random.default_rng(3)

    def month(share_damaged: float, n: int = 20_000) -> tuple[Array, Array]:
        damaged = rng.random(n) < share_damaged
        return rng.normal(np.where(damaged, 1.5, 0.0), 1.0), damaged

    (x0, y0), (x1, y1) = month(0.02), month(0.10)
    same_readings = [_ks(x0[y0 == k], x1[y1 == k]).pvalue > 0.01 for k in (False, True)]
    # the right probabilities at a base rate of 2 %, by Bayes
    learnt = _sigmoid(1.5 * x1 - 1.5**2 / 2 + math.log(0.02 / 0.98))
    return holds(
        {
            "A": not any(same_readings),
            "B": y1.mean() > 2 * y0.mean() and all(same_readings),
            "C": not same_readings[1],
            "D": abs(learnt.mean() - y1.mean()) < 0.01,
        }
    )


def mon_kinds_002(lab: Lab) -> set[str]:
    rng = np.random.default_rng(4)

    def quarter(w1: float, w2: float, n: int = 20_000) -> tuple[Array, Array, Array]:
        x1, x2 = rng.normal(size=n), rng.normal(size=n)
        return x1, x2, w1 * x1 + w2 * x2 + 0.5 * rng.normal(size=n) > 0

    spring, autumn = quarter(1, 0), quarter(0, 1)
    moved = max(_psi(spring[i], autumn[i]) for i in (0, 1)) > 0.1
    label_moved = abs(spring[2].mean() - autumn[2].mean()) > 0.05
    accuracy = [float(np.mean((x1 > 0) == late)) for x1, _, late in (spring, autumn)]
    return holds(
        {
            "A": moved,
            "B": label_moved,
            "C": not moved and not label_moved and accuracy[0] > 0.8 and abs(accuracy[1] - 0.5) < 0.03,
            "D": abs(np.mean(autumn[0] > 0) - 0.5) > 0.05,
        }
    )


def mon_kinds_003(lab: Lab) -> set[str]:
    rng = np.random.default_rng(5)

    def risk(income: Array) -> Array:
        return _sigmoid(-2.0 - 1.2 * income)

    before, after = rng.normal(0, 1, 20_000), rng.normal(-1, 1.4, 20_000)
    paid_back = [rng.random(x.size) >= risk(x) for x in (before, after)]
    middle = [~paid[np.abs(x) < 0.1] for x, paid in zip((before, after), paid_back, strict=True)]
    default_rate = [float(1 - paid.mean()) for paid in paid_back]
    return holds(
        {
            "A": _psi(before, after) > 0.2,
            "B": abs(middle[0].mean() - middle[1].mean()) > 0.05,
            "C": abs(default_rate[1] - default_rate[0]) > 0.05 and abs(middle[0].mean() - middle[1].mean()) < 0.05,
            "D": abs(risk(after).mean() - default_rate[1]) > 0.02,
            "E": abs(risk(after).mean() - risk(before).mean()) < 0.02,
        }
    )


def mon_kinds_005(lab: Lab) -> set[str]:
    rng = np.random.default_rng(6)
    report = []
    for shift in (0.0, 1.0):
        x1, x2 = rng.normal(size=20_000), rng.normal(shift, 1, 20_000)
        score = 2.0 * x1 + 0.02 * x2
        report.append((x2, score, _auc(score, rng.random(x1.size) < _sigmoid(2.0 * x1))))
    (x2, score, auc), (x2_now, score_now, auc_now) = report
    psi = _psi(x2, x2_now)
    return holds(
        {
            "A": psi > 0.2 and abs(auc_now - auc) < 0.01,
            "B": psi > 0.2 and auc_now < auc - 0.05,
            "C": psi < 0.1,
            "D": psi > 0.2 and _psi(score, score_now) > 0.2,
        }
    )


def mon_kinds_006(lab: Lab) -> set[str]:
    rng = np.random.default_rng(7)
    quiet_and_changed = []
    for w_age, w_mileage in ((1.0, 0.5), (0.5, 1.0)):
        age, mileage = rng.normal(size=(2, 8_000))
        paid = 10 - w_age * age - w_mileage * mileage + rng.normal(0, 0.3, 8_000)
        quiet_and_changed.append((age, mileage, 10 - age - 0.5 * mileage, paid))
    old, new = quiet_and_changed
    error = [float(np.mean(np.abs(paid - predicted))) for _, _, predicted, paid in (old, new)]
    return holds(
        {
            "A": max(_ks(old[i], new[i]).statistic for i in (0, 1)) > 0.1,
            "B": _psi(old[2], new[2]) > 0.1,
            "C": _psi(old[3], new[3]) > 0.1,
            "D": error[1] > 1.5 * error[0],
        }
    )


def mon_label_008(lab: Lab) -> set[str]:
    from scipy.spatial.distance import jensenshannon
    from scipy.stats import chi2_contingency

    rng, n = np.random.default_rng(8), 4_000
    shares = {"base": [0.80, 0.15, 0.05], "quiet": [0.80, 0.15, 0.05], "week": [0.73, 0.15, 0.12]}
    rows = {k: rng.choice(["solved", "returned", "refunded"], n, p=p) for k, p in shares.items()}
    counts = {k: np.array([np.sum(x == v) for v in ("solved", "returned", "refunded")]) for k, x in rows.items()}

    def moves(metric: Callable[[str], bool]) -> bool:
        return metric("week") and not metric("quiet")

    return holds(
        {
            "A": moves(lambda k: len(rows[k]) != len(rows["base"])),
            "B": moves(lambda k: jensenshannon(counts["base"], counts[k]) > 0.05),
            "C": moves(lambda k: bool(np.mean(rows[k] == "") > 0)),
            "D": moves(lambda k: chi2_contingency([counts["base"], counts[k]]).pvalue < 1e-6),
            "E": moves(lambda k: len(np.unique(rows[k])) != len(np.unique(rows["base"]))),
        }
    )


# tests


def mon_test_010(lab: Lab) -> set[str]:
    from scipy import stats

    rng, n = np.random.default_rng(9), 80_000
    base_p = np.full(40, 1 / 40)
    week_p = base_p.copy()
    losers, winners = [5, 15, 25, 35], [6, 14, 26, 34]
    week_p[losers] -= 0.005
    week_p[winners] += 0.005
    base, week = rng.choice(40, n, p=base_p), rng.choice(40, n, p=week_p)
    renumbered = np.empty(40, dtype=int)
    renumbered[[*losers, *np.setdiff1d(np.arange(40), losers)]] = np.arange(40)  # the losers come first
    numberings = [np.arange(40), renumbered]

    def table(x: Array) -> Array:
        return np.bincount(x, minlength=40)

    tests: dict[str, Callable[[Array, Array], float]] = {
        "A": lambda a, b: stats.ttest_ind(a, b, equal_var=False).pvalue,
        "B": lambda a, b: _ks(a, b).pvalue,
        "C": lambda a, b: stats.chi2_contingency([table(a), table(b)]).pvalue,
        "D": lambda a, b: stats.mannwhitneyu(a, b, method="asymptotic").pvalue,
    }
    found = {k: [test(codes[base], codes[week]) < 1e-4 for codes in numberings] for k, test in tests.items()}
    return holds({k: all(verdicts) for k, verdicts in found.items()})


def mon_test_011(lab: Lab) -> set[str]:
    from scipy.spatial.distance import jensenshannon

    rng, n, ids = np.random.default_rng(10), 5_000, 20_000
    shares = np.r_[np.full(20, 0.30 / 20), np.full(ids - 20, 0.70 / (ids - 20))]
    one, two = (np.bincount(rng.choice(ids, n, p=shares), minlength=ids) for _ in range(2))
    raw = jensenshannon(one, two)
    grouped = jensenshannon(*(np.r_[x[:20], x[20:].sum()] for x in (one, two)))
    kept = (one >= 5) & (two >= 5)
    # KS on the ids after another assignment of ids, when twenty best sellers gain
    gained = np.r_[np.full(20, 0.45 / 20), np.full(ids - 20, 0.55 / (ids - 20))]
    three = np.bincount(rng.choice(ids, n, p=gained), minlength=ids)
    orders = [np.arange(ids), rng.permutation(ids)]
    gaps = [np.abs(np.cumsum(one[o] - three[o]) / n).max() for o in orders]
    assert abs(raw - 0.64) < 0.02  # the number in the stem, from two weeks without a change
    return holds(
        {
            "A": raw < 0.1,
            "B": one[kept].sum() > n / 2,
            "C": abs(gaps[0] - gaps[1]) < 0.02,
            "D": raw > 0.5 and grouped < 0.1,
        }
    )


def mon_test_012(lab: Lab) -> set[str]:
    from scipy import stats

    rng = np.random.default_rng(13)
    base, week = rng.normal(40, 5, 3_000), rng.normal(40, 9, 3_000)
    values = np.unique(np.r_[base, week])
    counts = [np.isin(values, x).astype(int) for x in (base, week)]
    p_values = {
        "A": _ks(base, week).pvalue,
        "B": stats.ttest_ind(base, week, equal_var=False).pvalue,
        "C": stats.mannwhitneyu(base, week, method="asymptotic").pvalue,
        "D": stats.chi2_contingency(counts).pvalue,
    }
    return holds({k: p < 0.01 for k, p in p_values.items()})


def mon_test_013(lab: Lab) -> set[str]:
    rng = np.random.default_rng(12)
    before = rng.normal(0.0, 1.0, 10_000)
    side = rng.choice([-1.0, 1.0], 10_000)
    after = 0.95 * side + np.sqrt(1 - 0.95**2) * rng.normal(size=10_000)
    return holds(
        {
            "A": abs(after.mean() - before.mean()) > 0.1,
            "B": _psi(before, after) > 0.2,
            "C": abs(after.std() - before.std()) > 0.1,
            "D": np.isnan(after).mean() - np.isnan(before).mean() > 0.01,
            "E": _ks(before, after).statistic > 0.15,
        }
    )


def mon_test_014(lab: Lab) -> set[str]:
    from scipy import stats

    rng, p = np.random.default_rng(13), 0.03
    first = rng.normal(size=(4_000, 400)).argsort(axis=1) < 200  # in sorted order: is it of the first sample?
    gaps = np.abs(np.where(first, 1, -1).cumsum(axis=1)).max(axis=1) / 200
    sizes, which = np.unique(gaps.round(3), return_inverse=True)
    no_change = stats.kstwo.sf(sizes, 100)[which]
    # weeks of which one in twenty has a real change of power one half: how many alarms are real?
    real, false = 0.05 * 0.5, 0.95 * p
    # a gap of that p-value in a feature which the model does not use
    used, unused = rng.normal(size=(2, 40_000))
    label, shift = used + rng.normal(size=40_000) > 0, 0.02
    p_shift = _ks(unused, unused + shift).pvalue
    accuracy = [float(np.mean((used + 0.0 * x > 0) == label)) for x in (unused, unused + shift)]
    return holds(
        {
            "A": real / (real + false) > 0.9,
            "B": 0.005 < np.mean(no_change <= p) < 0.04,
            "C": stats.kstwobign.sf(0.1) < stats.kstwobign.sf(2.0),  # does a smaller gap give the smaller p-value?
            "D": p_shift < p and accuracy[1] < accuracy[0] - 0.01,
        }
    )


def mon_test_015(lab: Lab) -> set[str]:
    from scipy import stats

    rng, printed, gaps = np.random.default_rng(1), [], []
    for n in (1_000, 500_000):
        result = stats.ks_2samp(rng.normal(0.00, 1, n), rng.normal(0.03, 1, n))
        printed.append((bool(result.statistic < 0.1), bool(result.pvalue < 0.001)))
        gaps.append(result.statistic)
    return holds(
        {
            "A": printed == [(True, False), (False, True)] and gaps[1] > gaps[0],
            "B": printed == [(True, False)] * 2,
            "C": printed == [(True, False), (True, True)],
            "D": printed == [(True, True)] * 2,
        }
    )


def mon_test_016(lab: Lab) -> set[str]:
    from scipy.spatial.distance import jensenshannon

    rng = np.random.default_rng(15)
    base, week = rng.choice(6, 5_000, p=[0.3, 0.1, 0.2, 0.1, 0.2, 0.1]), rng.choice(6, 5_000)
    other_names = np.array([4, 2, 0, 5, 1, 3])
    recoded = (other_names[base], other_names[week])

    def js(a: Array, b: Array) -> float:
        return float(jensenshannon(np.bincount(a, minlength=6), np.bincount(b, minlength=6)))

    def ks(a: Array, b: Array) -> float:
        return float(_ks(a, b).statistic)

    x, y = rng.normal(0, 1, 500), rng.normal(0.3, 1, 500)
    by_bins = [jensenshannon(*(np.histogram(v, np.linspace(-4, 5, k))[0] for v in (x, y))) for k in (5, 400)]
    return holds(
        {
            "A": math.isclose(js(base, week), js(*recoded)) and not math.isclose(ks(base, week), ks(*recoded)),
            "B": math.isclose(js(base, week), js(week, base)) and not math.isclose(ks(base, week), ks(week, base)),
            "C": ks(np.zeros(50), np.ones(50)) > 1,
            "D": abs(by_bins[0] - by_bins[1]) < 0.01,
        }
    )


def mon_test_017(lab: Lab) -> set[str]:
    from scipy.spatial.distance import jensenshannon

    a, b = [5_000, 0], [0, 700]
    first, second, third = jensenshannon(a, b), jensenshannon(a, b, base=2), jensenshannon(a, a)
    return holds(
        {
            "A": math.isclose(first, math.sqrt(math.log(2))),
            "B": math.isclose(first, math.log(2)),
            "C": math.isclose(third, 1),
            "D": math.isclose(second, 1) and not math.isclose(first, second),
            "E": jensenshannon(a, np.array(b) / sum(b)) > first + 1e-9,
        }
    )


def mon_test_019(lab: Lab) -> set[str]:
    import pandas as pd
    from scipy import stats

    base = pd.Series({"shop": 5_000, "web": 3_000, "phone": 2_000})
    week = pd.Series({"shop": 3_000, "web": 1_800, "phone": 1_200, "app": 4_000})

    def p_value() -> float:
        return float(stats.chi2_contingency([base, week[base.index]]).pvalue)

    failed = raises(ValueError, p_value)
    whole = base.reindex(week.index, fill_value=0)
    return holds(
        {
            "A": not failed and p_value() < 1e-6,
            "B": failed,
            "C": not failed and p_value() > 0.999 and stats.chi2_contingency([whole, week]).pvalue < 1e-6,
            "D": not failed and 1e-6 < p_value() < 0.05,
        }
    )


def mon_test_020(lab: Lab) -> set[str]:
    import pandas as pd
    from scipy import stats

    def rows(share_null: float, n: int = 10_000) -> pd.Series:
        n_null = int(n * share_null)
        parts = {"direct": 0.5, "search": 0.3, "mail": 0.2}
        values = [v for v, p in parts.items() for _ in range(round((n - n_null) * p))]
        return pd.Series([*values, *[None] * n_null], dtype="object")

    base, week = rows(0.04), rows(0.30)

    def reports(treat: Callable[[pd.Series], pd.Series]) -> bool:
        """Whether the test fires and the category that contributes most is the missing one."""
        both = pd.concat([treat(x).value_counts() for x in (base, week)], axis=1).fillna(0)
        result = stats.chi2_contingency(both.T)
        parts = ((both.T - result.expected_freq) ** 2 / result.expected_freq).sum()
        return bool(result.pvalue < 1e-6) and parts.idxmax() == "missing"

    return holds(
        {
            "A": reports(lambda x: x.fillna("missing")),
            "B": reports(lambda x: x.dropna()),
            "C": reports(lambda x: x.fillna(x.mode()[0])),
            "D": reports(lambda x: x.fillna("mail")),
        }
    )


def mon_test_021(lab: Lab) -> set[str]:
    from scipy import stats

    rng, shares = np.random.default_rng(20), [0.4, 0.25, 0.2, 0.1, 0.05]
    bases, weeks = rng.multinomial(6_000, shares, 4_000), rng.multinomial(8_000, shares, 4_000)
    base, week = bases[0], weeks[0]
    refused = raises(ValueError, lambda: stats.chisquare(week, base))
    scaled = bases * 8_000 / 6_000
    p_scaled = stats.chi2.sf(((weeks - scaled) ** 2 / scaled).sum(axis=1), 4)
    pooled = (bases + weeks) / 14_000
    statistic = sum(((x - pooled * n) ** 2 / (pooled * n)).sum(axis=1) for x, n in ((bases, 6_000), (weeks, 8_000)))
    p_table = stats.chi2.sf(statistic, 4)
    same = np.isclose(p_table[0], stats.chi2_contingency([base, week]).pvalue)
    same_scaled = np.isclose(p_scaled[0], stats.chisquare(week, base * 8_000 / 6_000).pvalue)
    return holds(
        {
            "A": not refused,
            "B": refused and same_scaled and abs(np.mean(p_scaled < 0.05) - 0.05) < 0.02,
            "C": not refused and math.isnan(stats.chisquare(week, base).pvalue),
            "D": bool(refused and same and abs(np.mean(p_table < 0.05) - 0.05) < 0.02),
        }
    )


def mon_psi_022(lab: Lab) -> set[str]:
    base, week = np.array([0.40, 0.30, 0.20, 0.10]), np.array([0.28, 0.30, 0.20, 0.22])
    psi = float(np.sum((week - base) * np.log(week / base)))
    return holds(
        {
            "A": round(psi, 2) == 0.07 and psi < 0.1,
            "B": round(psi, 2) == 0.14 and 0.1 <= psi < 0.2,
            "C": round(psi, 2) == 0.24 and psi >= 0.2,
            "D": round(psi, 2) == 0.18 and 0.1 <= psi < 0.2,
        }
    )


def mon_alert_023(lab: Lab) -> set[str]:
    rng = np.random.default_rng(22)

    def paged(level: float, rows: int) -> float:
        """Share of days with an alarm: z-tests of two windows without drift, 20 columns."""
        from scipy import stats

        means = rng.normal(0, 1 / math.sqrt(rows), (2, 20_000, 20))
        p = 2 * stats.norm.sf(np.abs(means[0] - means[1]) / math.sqrt(2 / rows))
        return float(np.mean((p < level).any(axis=1)))

    today = paged(0.05, 1_000)
    often, seldom = abs(today - 0.64) < 0.02, abs(today - 0.05) < 0.02
    return holds(
        {
            "A": often and abs(paged(0.05 / 20, 1_000) - 0.05) < 0.02,
            "B": often and paged(0.05, 100_000) < 0.9 * today,
            "C": seldom,
            "D": today > 0.99 and abs(paged(0.01, 1_000) - 0.01) < 0.01,
        }
    )


# data quality


def mon_quality_024(lab: Lab) -> set[str]:
    from scipy.stats import wasserstein_distance

    rng = np.random.default_rng(23)
    base, week = rng.gamma(2, 12, 10_000), rng.gamma(2, 12, 10_000)
    week[rng.random(10_000) < 1 / 3] = np.nan
    known = week[~np.isnan(week)]
    return holds(
        {
            "A": _ks(base, known).pvalue < 0.01,
            "B": abs(known.mean() - base.mean()) > 0.05 * base.mean(),
            "C": np.isnan(week).mean() - np.isnan(base).mean() > 0.1,
            "D": wasserstein_distance(base, known) > 0.05 * base.std(),
        }
    )


def mon_quality_025(lab: Lab) -> set[str]:
    import pandas as pd

    rng, n = np.random.default_rng(24), 20_000
    train, good = (pd.DataFrame({"age": rng.uniform(18, 80, n).round()}) for _ in range(2))
    nulls, wild, typed = good.copy(), good.copy(), good.astype(str)
    nulls.loc[rng.random(n) < 0.08, "age"] = np.nan
    wild.loc[rng.random(n) < 0.005, "age"] = 999

    def scored(frame: pd.DataFrame) -> float:
        age = pd.to_numeric(frame["age"]).fillna(train["age"].median()).clip(train["age"].min(), train["age"].max())
        return float(_sigmoid(0.05 * (age - 45)).mean())

    watches: dict[str, Callable[[pd.DataFrame], bool]] = {
        "A": lambda f: bool(f["age"].isna().mean() > 0.01),
        "B": lambda f: bool(pd.to_numeric(f["age"]).max() > train["age"].max()),
        "C": lambda f: not f.dtypes.equals(train.dtypes),
        "D": lambda f: abs(scored(f) - scored(train)) > 0.02,
    }
    assert not any(watch(good) for watch in watches.values())
    return holds({k: not any(watch(f) for f in (nulls, wild, typed)) for k, watch in watches.items()})


# responses


def _fit(x: Array, y: Array) -> Array:
    return np.linalg.lstsq(np.c_[x, np.ones(len(x))], 2.0 * y - 1, rcond=None)[0]


def _accuracy(weights: Array, x: Array, y: Array) -> float:
    return float(np.mean((np.c_[x, np.ones(len(x))] @ weights > 0) == y))


def mon_act_028(lab: Lab) -> set[str]:
    rng = np.random.default_rng(27)

    def weeks(n: int, w1: float, w2: float) -> tuple[Array, Array]:
        x = rng.normal(size=(500 * n, 2))
        return x, w1 * x[:, 0] + w2 * x[:, 1] + 0.5 * rng.normal(size=len(x)) > 0

    def wide(x: Array) -> Array:
        return np.c_[x, x**2, x[:, :1] * x[:, 1:]]

    year_ago, before, after, next_week = weeks(48, 1, 0), weeks(48, 1, 0), weeks(4, 0, 1), weeks(1, 0, 1)
    everything = [np.concatenate(parts) for parts in zip(before, after, strict=True)]
    x, y = next_week
    reached = {
        "A": _accuracy(_fit(*year_ago), x, y),
        "B": _accuracy(_fit(*after), x, y),
        "C": _accuracy(_fit(*everything), x, y),
        "D": _accuracy(_fit(wide(before[0]), before[1]), wide(x), y),
    }
    best = max(reached.values())
    return {k for k, value in reached.items() if value > best - 0.1}


def mon_act_029(lab: Lab) -> set[str]:
    rng = np.random.default_rng(28)

    def rows(n: int, w1: float, w2: float, noise: float) -> tuple[Array, Array]:
        x = rng.normal(size=(n, 2))
        return x, w1 * x[:, 0] + w2 * x[:, 1] + noise * rng.normal(size=n) > 0

    def linear(data: tuple[Array, Array]) -> Callable[[tuple[Array, Array]], float]:
        weights = _fit(*data)
        return lambda other: _accuracy(weights, *other)

    def memory(data: tuple[Array, Array]) -> Callable[[tuple[Array, Array]], float]:
        """One nearest neighbour: knows its training rows by heart."""
        x, y = data

        def score(other: tuple[Array, Array]) -> float:
            nearest = ((other[0][:, None, :] - x[None, :, :]) ** 2).sum(axis=2).argmin(axis=1)
            return float(np.mean(y[nearest] == other[1]))

        return score

    right: dict[str, list[bool]] = {k: [] for k in "ABCD"}
    for w1, w2, noise, learn in ((0, 1, 1.0, linear), (1, 0, 1.0, memory)):
        old_train, old_test = rows(600, 1, 0, 0.3), rows(600, 1, 0, 0.3)  # easier rows, a year ago
        month, held_out, future = (rows(n, w1, w2, noise) for n in (600, 600, 1_500))
        validation = rows(600, w1, w2, noise)
        champion, challenger = linear(old_train), learn(month)
        truly_better = challenger(future) > champion(future)
        verdicts = {
            "A": challenger(old_test) > champion(old_test),
            "B": challenger(month) > champion(month),
            "C": challenger(held_out) > champion(held_out),
            "D": challenger(validation) > champion(old_test),
        }
        for k, verdict in verdicts.items():
            right[k].append(verdict == truly_better)
    return holds({k: all(outcomes) for k, outcomes in right.items()})


# profiles, by the SDK


def mon_profile_034(lab: Lab) -> set[str]:
    from databricks.sdk.service.dataquality import AggregationGranularity, InferenceLogConfig, InferenceProblemType

    fields: dict[str, Any] = {
        "problem_type": InferenceProblemType.INFERENCE_PROBLEM_TYPE_CLASSIFICATION,
        "timestamp_column": "scored_at",
        "granularities": [AggregationGranularity.AGGREGATION_GRANULARITY_1_DAY],
        "prediction_column": "prediction",
        "model_id_column": "model_version",
        "label_column": "churned",
    }
    assert works(lambda: InferenceLogConfig(**fields), TypeError)
    left_out = {"A": "problem_type", "B": "model_id_column", "C": "granularities", "D": "label_column"}

    def without(name: str) -> bool:
        return works(lambda: InferenceLogConfig(**{k: v for k, v in fields.items() if k != name}), TypeError)

    return holds({k: without(name) for k, name in left_out.items()})


def mon_profile_036(lab: Lab) -> set[str]:
    from databricks.sdk.service.catalog import TableInfo
    from databricks.sdk.service.dataquality import DataProfilingConfig, Monitor, SnapshotConfig

    config: dict[str, Any] = {
        "output_schema_id": "id",
        "baseline_table_name": "main.ml.stores_2025",
        "snapshot": SnapshotConfig(),
    }

    def changed(old: str, **new: Any) -> bool:
        fields = {k: v for k, v in config.items() if k != old} | new
        return works(lambda: DataProfilingConfig(**fields), TypeError)

    by_id = "UUID" in inspect.getsource(Monitor) and "table_id" in inspect.signature(TableInfo).parameters
    by_name_alone = "table_name" in inspect.signature(Monitor).parameters
    return holds(
        {
            "A": changed("output_schema_id", output_schema_name="main.ml"),
            "B": works(lambda: DataProfilingConfig(**config), TypeError) and by_id and not by_name_alone,
            "C": changed("baseline_table_name", baseline_table_id="id"),
            "D": changed("snapshot", profile_type="snapshot"),
        }
    )


def mon_profile_038(lab: Lab) -> set[str]:
    from databricks.sdk.service.dataquality import DataQualityAPI, Monitor

    says = " ".join((inspect.getdoc(DataQualityAPI.create_monitor) or "").replace("`", "").split())
    objects = " ".join(inspect.getsource(Monitor).replace("`", "").split())
    return holds(
        {
            "A": "anomaly_detection_config for a schema monitor" in says,
            "B": "data_profiling_config for a schema monitor" in says,
            "C": "anomaly_detection_config for a table monitor" in says,
            "D": "data_profiling_config for a table monitor" in says,
            "E": "following: schema or table." not in objects,
        }
    )


# windows and slices


def mon_window_040(lab: Lab) -> set[str]:
    rng = np.random.default_rng(40)
    train = rng.normal(0, 1, 5_000)
    weeks = [rng.normal(0.1 * k, 1, 5_000) for k in range(1, 13)]
    pairs = list(pairwise(weeks))
    consecutive = [_psi(a, b) for a, b in pairs]
    return holds(
        {
            "A": max(consecutive) > 0.2,
            "B": max(np.convolve(consecutive, np.full(4, 0.25), "valid")) > 0.2,
            "C": max(_psi(train, week) for week in weeks) > 0.2,
            "D": max(abs(b.mean() - a.mean()) for a, b in pairs) > 0.5,
        }
    )


def mon_window_041(lab: Lab) -> set[str]:
    rng = np.random.default_rng(41)
    train = rng.normal(0, 1, 5_000)
    weeks = {k: rng.normal(1.0 if k == 6 else 0.0, 1, 5_000) for k in range(1, 11)}
    consecutive = [k for k in range(2, 11) if _psi(weeks[k - 1], weeks[k]) > 0.2]
    baseline = [k for k in weeks if _psi(train, weeks[k]) > 0.2]
    return holds(
        {
            "A": consecutive == [6],
            "B": consecutive == [6, 7],
            "C": baseline == [6],
            "D": baseline == [6, 7, 8, 9, 10],
            "E": not baseline,
        }
    )


def mon_window_042(lab: Lab) -> set[str]:
    rng = np.random.default_rng(42)

    def week(mean: float) -> Array:
        return rng.normal(mean, 1, 5_000)

    old_train, new_train = week(0.0), week(1.0)
    stays = [week(1.0) for _ in range(12)]
    returns = [*[week(1.0) for _ in range(2)], *[week(1.0 - 0.1 * k) for k in range(1, 11)]]
    raised = 1.2 * max(_psi(old_train, x) for x in stays)

    def smoothed(weeks: list[Array]) -> float:
        return float(max(np.convolve([_psi(old_train, x) for x in weeks], np.full(4, 0.25), "valid")))

    rules: dict[str, Callable[[list[Array]], bool]] = {
        "A": lambda weeks: max(_psi(new_train, x) for x in weeks) > 0.2,
        "B": lambda weeks: max(_psi(old_train, x) for x in weeks) > raised,
        "C": lambda weeks: max(_psi(a, b) for a, b in pairwise(weeks)) > 0.2,
        "D": lambda weeks: smoothed(weeks) > 0.2,
    }
    return holds({k: fires(returns) and not fires(stays) for k, fires in rules.items()})


def mon_slice_043(lab: Lab) -> set[str]:
    rng = np.random.default_rng(43)

    def days(n_weeks: int, longer: float = 0.0) -> list[Array]:
        return [rng.normal((30 if d % 7 >= 5 else 20) + longer, 5, 1_000) for d in range(7 * n_weeks)]

    def weeks(of: list[Array]) -> list[Array]:
        return [np.concatenate(of[i : i + 7]) for i in range(0, len(of), 7)]

    ordinary, longer, reference = days(6), days(2, 6.0), days(4)
    four_weeks, monday_to_friday = np.concatenate(reference), np.concatenate(reference[:5])
    rules: dict[str, Callable[[list[Array]], bool]] = {
        "A": lambda of: max(_psi(a, b) for a, b in pairwise(of)) > 0.2,
        "B": lambda of: max(_psi(four_weeks, x) for x in of) > 0.2,
        "C": lambda of: max(_psi(monday_to_friday, x) for x in weeks(of)) > 0.2,
        "D": lambda of: max(_psi(four_weeks, x) for x in weeks(of)) > 0.2,
    }
    return holds({k: fires(ordinary + longer) and not fires(ordinary) for k, fires in rules.items()})


def mon_slice_044(lab: Lab) -> set[str]:
    import pandas as pd

    day = pd.Timestamp("2026-10-14")
    slices = {(None, None): 0.06, ("country", "FR"): 0.04, ("country", "PT"): 0.31}
    rows = [
        {
            "window": {"start": day},
            "granularity": granularity,
            "drift_type": kind,
            "slice_key": key,
            "slice_value": value,
            "column_name": "amount",
            "population_stability_index": psi + more,
        }
        for (key, value), psi in slices.items()
        for granularity, kind, more in (
            ("1 day", "BASELINE", 0.0),
            ("1 day", "CONSECUTIVE", 0.1),
            ("1 week", "BASELINE", 0.2),
        )
    ]
    whole = {
        "window": {"start": day},
        "granularity": "1 day",
        "drift_type": "BASELINE",
        "slice_key": None,
        "slice_value": None,
        "column_name": ":table",
        "population_stability_index": None,
    }
    frame = pd.DataFrame([*rows, whole])
    conditions = {
        "A": "column_name = 'amount' AND slice_key IS NULL",
        "B": "column_name = 'amount' AND slice_key = 'country'",
        "C": "column_name = 'amount' AND slice_key = ':table'",
        "D": "column_name = ':table' AND slice_key IS NULL",
    }

    def read(condition: str) -> float | None:
        query = f"""SELECT max(population_stability_index) FROM orders_drift_metrics
            WHERE "window".start = TIMESTAMP '{day}' AND granularity = '1 day' AND drift_type = 'BASELINE'
            AND {condition}"""
        return _sql(query, orders_drift_metrics=frame)[0][0]

    return holds({k: read(condition) == 0.06 for k, condition in conditions.items()})


def mon_slice_045(lab: Lab) -> set[str]:
    import pandas as pd

    orders = pd.DataFrame([(c, a) for c in ("FR", "PT", "SE") for a in (20.0, 900.0)], columns=["country", "amount"])
    # the documented rule: each expression groups the data by itself, and the whole table is always there
    grouped = "GROUP BY GROUPING SETS ((country), (amount > 500), ())"
    n_rows = len(_sql(f"SELECT count(*) FROM orders {grouped}", orders=orders))
    return holds({"A": n_rows == 5, "B": n_rows == 7, "C": n_rows == 6, "D": n_rows == 12})


def mon_slice_046(lab: Lab) -> set[str]:
    import pandas as pd

    metrics = pd.DataFrame(
        [
            (11, None, None, 10_000, 0.917),
            (11, "country", "FR", 9_000, 0.92),
            (11, "country", "PT", 1_000, 0.89),
            (12, None, None, 10_000, 0.920),
            (12, "country", "FR", 9_000, 0.95),
            (12, "country", "PT", 1_000, 0.65),
        ],
        columns=["week", "slice_key", "slice_value", "n", "acc"],
    )
    by_country = "FROM metrics WHERE slice_key = 'country' AND week = "

    def value(query: str) -> float:
        return float(_sql(query, metrics=metrics)[0][0])

    def change(query: str) -> float:
        return value(query + "12") - value(query + "11")

    weighted = f"SELECT sum(acc * n) / sum(n) {by_country}"
    fewer = """SELECT count(*) FROM metrics a JOIN metrics b USING (slice_key, slice_value)
        WHERE a.week = 11 AND b.week = 12 AND b.n <= 0.9 * a.n"""
    return holds(
        {
            "A": change("SELECT acc FROM metrics WHERE slice_key IS NULL AND week = ") <= -0.02,
            "B": value(f"SELECT min(acc) {by_country} 12") < 0.80,
            "C": change(weighted) <= -0.02,
            "D": value(f"SELECT max(acc) - min(acc) {by_country} 12") > 0.15,
            "E": value(fewer) > 0,
        }
    )


# custom metrics: the template is rendered and put into a query, as the platform documents it


def _render(definition: str, **names: str) -> str:
    from jinja2 import Environment, StrictUndefined

    return Environment(undefined=StrictUndefined, autoescape=False).from_string(definition).render(**names)


def mon_custom_047(lab: Lab) -> set[str]:
    import duckdb
    import pandas as pd

    orders = pd.DataFrame({"amount": [5.0, -1.0, 7.0, 2.0], "fee": [-1.0, -2.0, -3.0, 4.0]})
    wanted = {"amount": [(0.25,)], "fee": [(0.75,)]}
    definitions = {
        "A": "avg(CASE WHEN {{input_column}} < 0 THEN 1.0 ELSE 0.0 END)",
        "B": "avg(CASE WHEN amount < 0 THEN 1.0 ELSE 0.0 END)",
        "C": "sum(CAST({{input_column}} < 0 AS INT)) / count(*)",
        "D": "SELECT avg(CAST({{input_column}} < 0 AS INT)) FROM orders",
        "E": "CAST({{input_column}} < 0 AS INT)",
    }

    def metric(definition: str, column: str) -> list[tuple[float, ...]] | None:
        try:
            rendered = _render(definition, input_column=column)
            return _sql(f"SELECT {rendered} AS share_negative FROM orders", orders=orders)
        except duckdb.ParserException:
            return None

    return holds({k: all(metric(d, c) == want for c, want in wanted.items()) for k, d in definitions.items()})


def mon_custom_048(lab: Lab) -> set[str]:
    import duckdb
    import pandas as pd

    table = pd.DataFrame({"prediction": [10.0, 22.0, 30.0], "sales": [12.0, 20.0, 28.0]})
    aggregate = "sum(abs(prediction - sales)) AS abs_error, sum(sales) AS total_sales"
    metrics = pd.DataFrame(_sql(f"SELECT {aggregate} FROM t", t=table), columns=["abs_error", "total_sales"])
    reads = {"aggregate": table, "derived": metrics, "drift": metrics}  # what each type is computed from
    stored = {"aggregate": "profile", "derived": "profile", "drift": "drift"}  # and where it is stored
    choices = {
        "A": ("drift", "{{current_df}}.abs_error / {{current_df}}.total_sales"),
        "B": ("derived", "abs_error / total_sales"),
        "C": ("derived", "sum(abs(prediction - sales)) / sum(sales)"),
        "D": ("aggregate", "abs_error / total_sales"),
    }

    def fits(kind: str, definition: str) -> bool:
        query = f"SELECT {_render(definition, current_df='source', base_df='source')} FROM source"
        try:
            rows = _sql(query, source=reads[kind])
        except duckdb.BinderException:
            return False
        return rows == [(6.0 / 60.0,)] and stored[kind] == "profile" and reads[kind] is metrics

    return holds({k: fits(*choice) for k, choice in choices.items()})


def mon_custom_049(lab: Lab) -> set[str]:
    import duckdb
    import pandas as pd
    from jinja2 import UndefinedError

    def frame(wape: float, start: str) -> pd.DataFrame:
        return pd.DataFrame({"wape": [wape], "window": [{"start": start}]})

    definitions = {
        "A": "({{current_df}}.wape - {{base_df}}.wape) / {{base_df}}.wape",
        "B": "({{base_df}}.wape - {{current_df}}.wape) / {{current_df}}.wape",
        "C": "({{current}}.wape - {{previous}}.wape) / {{previous}}.wape",
        "D": 'wape / lag(wape) OVER (ORDER BY "window".start) - 1',
    }

    def value(definition: str) -> float | None:
        try:
            rendered = _render(definition, current_df="now", base_df="reference")
            now, reference = frame(0.25, "2026-10-12"), frame(0.20, "2026-10-05")
            return _sql(f"SELECT {rendered} FROM now, reference", now=now, reference=reference)[0][0]
        except (UndefinedError, duckdb.BinderException):
            return None

    values = {k: value(definition) for k, definition in definitions.items()}
    return holds({k: v is not None and math.isclose(v, 0.25) for k, v in values.items()})


# labels and requests


def mon_labels_050(lab: Lab) -> set[str]:
    rng, n, today = np.random.default_rng(50), 20_000, 20
    accuracy: dict[int, list[float]] = {}
    for seen_on in (today, today + 20):
        accuracy[seen_on] = []
        for week in range(today):
            fraud = np.random.default_rng(week).random(n) < 0.05
            right = np.random.default_rng(100 + week).random(n) < np.where(fraud, 0.70, 0.97)
            known_after = np.where(fraud, rng.integers(0, 7, n), 45)
            labelled = known_after <= 7 * (seen_on - week)
            accuracy[seen_on].append(float(right[labelled].mean()))
    usual, newest = accuracy[today][0], accuracy[today][-4:]
    later = accuracy[today + 20][-4:]
    return holds(
        {
            "A": all(abs(x - usual) < 0.05 for x in newest),
            "B": min(newest) > usual + 0.01,
            "C": all(abs(x - 0.70) < 0.05 for x in newest) and all(abs(x - 0.96) < 0.02 for x in later),
            "D": max(newest) < usual - 0.1 and all(abs(x - y) < 0.02 for x, y in zip(newest, later, strict=True)),
        }
    )


def mon_labels_051(lab: Lab) -> set[str]:
    def row(key: str, status: int, records: list[dict[str, int]], answer: dict[str, Any]) -> tuple[str, int, str, str]:
        return key, status, json.dumps({"dataframe_records": records}), json.dumps(answer)

    twice = row("r2", 200, [{"x": 2}, {"x": 3}], {"predictions": [0, 1]})
    log = [
        row("r1", 200, [{"x": 1}], {"predictions": [0]}),
        twice,
        twice,
        row("r3", 400, [{"y": 4}, {"y": 5}], {"error_code": "BAD_REQUEST"}),
        row("r4", 200, [{"x": 6}, {"x": 2}, {"x": 7}], {"predictions": [1, 0, 1]}),
    ]
    once = {key: (request, response) for key, status, request, response in log if status == 200}
    unpacked = [
        (key, record, prediction)
        for key, (request, response) in once.items()
        for record, prediction in zip(
            json.loads(request)["dataframe_records"], json.loads(response)["predictions"], strict=True
        )
    ]
    return holds(
        {
            "A": len(unpacked) == len(log) == 5,
            "B": len(unpacked) == len({key for key, *_ in log}) == 4,
            "C": len(unpacked) == sum(len(json.loads(r).get("predictions", [])) for *_, r in log) == 8,
            "D": len(unpacked) == 6,
        }
    )


# endpoint health


def mon_health_052(lab: Lab) -> set[str]:
    rng, n = np.random.default_rng(52), 20_000
    slow = np.zeros(n, dtype=bool)
    slow[: int(0.03 * n)] = True
    latency = np.where(slow, rng.normal(2_000, 100, n), rng.uniform(30, 50, n))
    shown = {
        "A": np.quantile(latency, 0.99),
        "B": np.median(latency),
        "C": latency.mean(),
        "D": np.quantile(latency, 0.95),
    }
    return holds({k: bool(value > 150) for k, value in shown.items()})


def mon_health_053(lab: Lab) -> set[str]:
    minutes = {"noon": (5_400, 108), "evening": (16_200, 324)}
    rate = {k: failed / 60 for k, (_, failed) in minutes.items()}
    share = {k: failed / requests for k, (requests, failed) in minutes.items()}
    fires = {k for k, value in rate.items() if value > 5}
    return holds(
        {
            "A": not fires and all(value == 0.02 for value in rate.values()),
            "B": fires == {"noon", "evening"},
            "C": fires == {"evening"} and math.isclose(share["noon"], share["evening"]),
            "D": fires == {"evening"} and math.isclose(share["evening"], 3 * share["noon"]),
        }
    )


# alerts


def mon_alert_055(lab: Lab) -> set[str]:
    import pandas as pd

    cases = {"blip": [0.02, 0.03, 0.02, 0.9, 0.02], "lasting": [0.02, 0.03, 0.25, 0.30, 0.28], "quiet": [0.02] * 5}
    rules = {
        "A": ("max(population_stability_index)", 0.2),
        "B": ("avg(population_stability_index)", 0.2),
        "C": ("count_if(population_stability_index > 0.2)", 0),
        "D": ("min(population_stability_index)", 0.2),
    }

    def fires(expression: str, threshold: float, case: str) -> bool:
        days = pd.date_range(end="2026-10-14", periods=5)
        psi = pd.DataFrame({"day": days, "population_stability_index": cases[case]})
        query = f"SELECT {expression} FROM psi WHERE day > DATE '2026-10-14' - 3"
        return _sql(query, psi=psi)[0][0] > threshold

    return holds(
        {
            k: fires(*rule, "lasting") and not fires(*rule, "blip") and not fires(*rule, "quiet")
            for k, rule in rules.items()
        }
    )


def mon_alert_056(lab: Lab) -> set[str]:
    from databricks.sdk.service.jobs import ConditionTask, ConditionTaskOp, RunIf, Task, TaskDependency

    value, refused = "{{tasks.check.values.psi}}", (TypeError, ValueError)
    greater = ConditionTaskOp.GREATER_THAN

    def gate(**fields: Callable[[], Any]) -> bool:
        after = [TaskDependency("check")]

        def task() -> Any:
            return Task(task_key="gate", depends_on=after, **{k: make() for k, make in fields.items()}).as_dict()

        return works(task, refused)

    return holds(
        {
            "A": gate(condition_task=lambda: ConditionTask(condition=f"{value} > 0.2")),
            "B": gate(condition_task=lambda: ConditionTask(op=greater, left=value, right="0.2")),
            "C": gate(run_if=lambda: RunIf(f"{value} > 0.2")),
            "D": gate(condition_task=lambda: ConditionTask(op=greater, left=value, threshold=0.2)),
        }
    )
