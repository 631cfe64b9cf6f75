"""The world behind the churn tables: who the customers are, what they do, and the true reason why they leave.

Everything here is a pure function of (customer ids, options). Each random number is a hash of (seed, customer, stream,
counter), so a customer's rows do not depend on which other customers are simulated beside it, in which order, on how
many machines, or on how many weeks follow. The equations are written out in ``datasets/README.md``.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from scipy.special import expit, ndtri

TABLES = ("customers", "usage", "payments", "tickets", "labels", "label_truth")
DRIFT_KINDS = ("numeric", "category", "nulls")

HOUR, DAY, WEEK = 3_600, 86_400, 604_800  # in seconds
DELIVERY_DAYS = 2  # the usage feed delivers a week this long after its end
FIRST_LABEL_WEEK, WEEKS_BETWEEN_LABELS = (13, 4)  # 13 weeks = the 90 days that the longest feature looks back
SIGNUP_WEEKS = 52  # new customers arrive during this many weeks from the start
MINIMUM_TERM_DAYS = 28  # nobody can leave earlier, so nobody is labelled earlier
BILLING_DAYS = 30
NEVER = 10**6  # a day that no simulation reaches
CLOSING_DAYS = 28  # the feed still reports a closed account, and the bank is still asked, for this long

COUNTRIES = {"DE": 0.32, "FR": 0.22, "GB": 0.20, "ES": 0.14, "PL": 0.12}
NEW_COUNTRY = "BR"
PRICES = {"basic": 9.99, "standard": 14.99, "premium": 24.99}
TOPICS = {"technical": 0.42, "billing": 0.33, "account": 0.21, "cancellation": 0.04}

TRUTH: Mapping[str, float] = {
    "intercept": -3.60,
    "minutes_trend": -4.8,
    "tickets_30d": 0.8,
    "late_payments_90d": 0.75,
    "tenure_years": -0.45,
    "age_decades": -0.30,
    "log_income": -0.70,
    "plan_basic": 0.50,
    "plan_premium": -0.50,
    "country_FR": 0.15,
    "country_GB": -0.15,
    "country_ES": 0.35,
    "country_PL": 0.50,
    "country_BR": 0.60,
}
CHANGED_TRUTH: Mapping[str, float] = {
    **TRUTH,
    "minutes_trend": -1.0,
    "tickets_30d": -0.10,
    "plan_basic": 1.60,
    "tenure_years": 0.20,
}


@dataclass(frozen=True)
class ChurnOptions:
    """What to simulate. Equal options give equal tables.

    Parameters
    ----------
    customers : int
        Number of customer ids, 1 to ``customers``. About 60 % signed up before ``start``, the others during the first
        52 weeks; with fewer weeks the later ones are not there yet.
    weeks : int
        Length of the simulated time in weeks, at least 13 (the first label date). More weeks add rows and change none.
    seed : int
        Seed of every random number, 0 to 2**63 - 1.
    start : datetime.date
        A Monday: the first day of the first usage week.
    leak : bool
        Add ``account_status`` and ``retention_call_at`` to ``customers``: columns that are known only after the label.
    drift_from : datetime.date, optional
        From this day on the data drift, in the ways named by ``drift``. The reasons to leave stay the same.
    drift : tuple of str
        Any of ``"numeric"`` (minutes rise by 35 %), ``"category"`` (half of the new customers come from a new country,
        BR) and ``"nulls"`` (60 % of the new customers have no income). Used only with ``drift_from``.
    concept_change_from : datetime.date, optional
        Labels at or after this day are drawn with other coefficients. The data stay the same.

    Raises
    ------
    ValueError
        If a value is of the wrong type or out of range. The message names the argument, the value and the remedy.
    """

    customers: int = 5_000
    weeks: int = 52
    seed: int = 7
    start: date = date(2025, 1, 6)
    leak: bool = False
    drift_from: date | None = None
    drift: tuple[str, ...] = DRIFT_KINDS
    concept_change_from: date | None = None

    def __post_init__(self) -> None:
        _require_int("customers", self.customers, 1, 10**9)
        _require_int("weeks", self.weeks, FIRST_LABEL_WEEK, 520)
        _require_int("seed", self.seed, 0, 2**63 - 1)
        _require_day("start", self.start)
        if self.start.weekday() != 0:
            monday = self.start - timedelta(days=self.start.weekday())
            raise ValueError(f"start={self.start} is not a Monday, and weeks begin on Mondays: use {monday}.")
        if type(self.leak) is not bool:
            raise ValueError(f"leak={self.leak!r} is not a bool: use True or False.")
        if not isinstance(self.drift, tuple) or not self.drift or not set(self.drift) <= set(DRIFT_KINDS):
            raise ValueError(f"drift={self.drift!r} is not a tuple of drift kinds: choose from {DRIFT_KINDS}.")
        for name in ("drift_from", "concept_change_from"):
            day = getattr(self, name)
            if day is not None:
                _require_day(name, day)
                if not self.start <= day < self.end:
                    raise ValueError(
                        f"{name}={day} is outside the simulated time: use a day from {self.start} "
                        f"to {self.end - timedelta(days=1)}, or more weeks."
                    )
        last_signup = self.start + timedelta(days=7 * SIGNUP_WEEKS - 1)
        if self.drift_from is not None and self.drift_from > last_signup and set(self.drift) != {"numeric"}:
            raise ValueError(
                f"drift_from={self.drift_from} is after the last sign-up on {last_signup}, and drift={self.drift!r} shows "
                'only in new customers: use an earlier day, or drift=("numeric",).'
            )

    @property
    def end(self) -> date:
        """The day of the snapshot: what is recorded by its first moment (00:00 UTC) is in the tables."""
        return self.start + timedelta(weeks=self.weeks)


def _require_int(name: str, value: object, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"{name}={value!r} is not possible: use a whole number from {low} to {high}.")


def _require_day(name: str, value: object) -> None:
    if type(value) is not date:  # a datetime is a date too, and would compare as one
        raise ValueError(f"{name}={value!r} is not a datetime.date: use for example datetime.date(2025, 1, 6).")


def truth(options: ChurnOptions, at: date | None = None) -> dict[str, float]:
    """The coefficients of the logistic model from which the labels are drawn.

    Parameters
    ----------
    options : ChurnOptions
    at : datetime.date, optional
        Day of the label; the start when left out. It matters only with ``concept_change_from``.

    Returns
    -------
    dict of str to float
        ``intercept`` and one coefficient per feature, in log-odds per unit of the feature. Plan ``standard`` and
        country ``DE`` are the reference levels.
    """
    changed = options.concept_change_from is not None and (at or options.start) >= options.concept_change_from
    return dict(CHANGED_TRUTH if changed else TRUTH)


class _Draws:
    """Random numbers for a block of customers, each a splitmix64 hash of (seed, stream, customer, counter)."""

    def __init__(self, seed: int, customer_ids: np.ndarray) -> None:
        self._seed = np.array([seed], dtype=np.uint64)
        self._ids = customer_ids.astype(np.uint64)

    def uniform(self, stream: str, counter: np.ndarray | None = None) -> np.ndarray:
        """Uniform in (0, 1): shape (n,), or the shape (n, k) to which a ``counter`` (k,) or (n, k) broadcasts."""
        key = _mix(_mix(self._seed) ^ np.uint64(zlib.crc32(stream.encode())))
        bits = _mix(self._ids ^ key)
        if counter is not None:
            bits = _mix(bits[:, None] ^ _mix(np.atleast_2d(counter).astype(np.uint64)))
        return ((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53

    def normal(self, stream: str, counter: np.ndarray | None = None) -> np.ndarray:
        """Standard normal, with the shape of ``uniform``."""
        return ndtri(self.uniform(stream, counter))

    def choice(self, stream: str, shares: Mapping[str, float], counter: np.ndarray | None = None) -> np.ndarray:
        """One of the keys of ``shares`` (which sum to 1), with the shape of ``uniform``."""
        bounds = np.cumsum(list(shares.values()))[:-1]
        return np.array(list(shares), dtype=object)[np.searchsorted(bounds, self.uniform(stream, counter))]


def _mix(z: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64 (Steele, Lea, Flood 2014), wrapping modulo 2**64."""
    z = z + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@dataclass(frozen=True)
class _People:
    """Arrays of shape (n,). Days and seconds, here and below, count from 00:00 UTC of ``options.start``."""

    country: np.ndarray
    plan: np.ndarray
    signup_day: np.ndarray
    age: np.ndarray
    income: np.ndarray
    age_known: np.ndarray
    income_known: np.ndarray
    late_rate: np.ndarray
    ticket_rate: np.ndarray


def _people(draws: _Draws, options: ChurnOptions) -> _People:
    arrival = draws.uniform("signup day")
    signup_day = np.where(
        draws.uniform("signed up before the start") < 0.6,
        -1 - np.floor(3 * 365 * arrival**1.5),
        np.floor(7 * SIGNUP_WEEKS * arrival),
    ).astype(np.int64)
    z_income = draws.normal("income")
    wish = 0.5 * z_income + draws.normal("plan")
    country = draws.choice("country", COUNTRIES)
    no_income = np.where(z_income > 0, 0.18, 0.08)  # who earns more tells less often: the nulls are not at random
    if options.drift_from is not None:
        is_new = signup_day >= (options.drift_from - options.start).days
        if "category" in options.drift:
            country = np.where(is_new & (draws.uniform("new country") < 0.5), NEW_COUNTRY, country)
        if "nulls" in options.drift:
            no_income = np.where(is_new, 0.6, no_income)
    return _People(
        country=country,
        plan=np.where(wish < -0.35, "basic", np.where(wish < 0.95, "standard", "premium")).astype(object),
        signup_day=signup_day,
        age=np.clip(np.round(44 + 14 * draws.normal("age")), 18, 90),
        income=np.round(38_000 * np.exp(0.45 * z_income), -2),
        age_known=draws.uniform("age is known") >= 0.06,
        income_known=draws.uniform("income is known") >= no_income,
        late_rate=0.12 * np.exp(draws.normal("payment habit") - 0.5),
        ticket_rate=0.075 * np.exp(0.8 * draws.normal("ticket habit") - 0.32),
    )


def _minutes(draws: _Draws, people: _People, options: ChurnOptions) -> np.ndarray:
    """Minutes per week, shape (n, weeks), as if everyone were a customer all the time."""
    weeks = np.arange(options.weeks)
    shocks = draws.normal("engagement", weeks)
    engagement = np.empty_like(shocks)
    engagement[:, 0] = shocks[:, 0]
    for week in weeks[1:]:
        engagement[:, week] = 0.93 * engagement[:, week - 1] + np.sqrt(1 - 0.93**2) * shocks[:, week]
    by_plan = np.where(people.plan == "basic", 4.6, np.where(people.plan == "standard", 5.0, 5.4))
    level = (by_plan + 0.4 * draws.normal("usage habit"))[:, None]
    minutes = np.exp(level + 0.75 * engagement + 0.25 * draws.normal("week's noise", weeks))
    minutes[draws.uniform("week away", weeks) < 0.04] = 0
    if options.drift_from is not None and "numeric" in options.drift:
        minutes[:, 7 * weeks >= (options.drift_from - options.start).days] *= 1.35
    return np.round(minutes, 1)


@dataclass(frozen=True)
class _Tickets:
    """At most one ticket per customer and week: arrays of shape (n, weeks)."""

    happened: np.ndarray
    opened: np.ndarray  # in seconds


def _tickets(draws: _Draws, people: _People, options: ChurnOptions) -> _Tickets:
    weeks = np.arange(options.weeks)
    opened = WEEK * weeks + np.floor(WEEK * draws.uniform("ticket moment", weeks)).astype(np.int64)
    happened = draws.uniform("ticket", weeks) < people.ticket_rate[:, None]
    return _Tickets(happened & (opened >= DAY * people.signup_day[:, None]), opened)


@dataclass(frozen=True)
class _Payments:
    """One payment per customer and 30 days since sign-up: arrays of shape (n, payments)."""

    due_day: np.ndarray
    late_days: np.ndarray
    failed: np.ndarray
    minute_of_day: np.ndarray

    @property
    def paid(self) -> np.ndarray:
        """The moment when the bank reports the payment or its failure, in seconds."""
        return DAY * (self.due_day + self.late_days) + 60 * self.minute_of_day


def _payments(draws: _Draws, people: _People, options: ChurnOptions) -> _Payments:
    first = np.maximum(1, np.ceil(-people.signup_day / BILLING_DAYS)).astype(np.int64)
    number = first[:, None] + np.arange(7 * options.weeks // BILLING_DAYS + 1)
    late_rate = np.minimum(people.late_rate, 0.9)[:, None]
    trouble = draws.uniform("payment trouble", number) < late_rate
    failed = trouble & (draws.uniform("payment fails", number) < 0.25)
    days = 1 + np.floor(14 * draws.uniform("days late", number)).astype(np.int64)
    return _Payments(
        due_day=people.signup_day[:, None] + BILLING_DAYS * number,
        late_days=np.where(trouble & ~failed, days, 0),
        failed=failed,
        minute_of_day=np.floor(24 * 60 * draws.uniform("payment minute", number)).astype(np.int64),
    )


@dataclass(frozen=True)
class _Departures:
    """Who is labelled when, and who leaves: (n, labels) arrays, and (n,) arrays that hold a far future for stayers."""

    label_days: np.ndarray  # shape (labels,)
    labelled: np.ndarray
    probability: np.ndarray
    churned: np.ndarray
    last_label_day: np.ndarray
    leave_day: np.ndarray


def _departures(
    draws: _Draws, people: _People, minutes: np.ndarray, tickets: _Tickets, payments: _Payments, options: ChurnOptions
) -> _Departures:
    weeks = range(FIRST_LABEL_WEEK, options.weeks + 1, WEEKS_BETWEEN_LABELS)
    label_weeks = np.array(weeks)
    probability = np.column_stack(
        [expit(_log_odds(people, minutes, tickets, payments, week, options)) for week in weeks]
    )
    in_term = people.signup_day[:, None] + MINIMUM_TERM_DAYS <= 7 * label_weeks
    would_leave = in_term & (draws.uniform("leaves", label_weeks) < probability)
    leaves: np.ndarray = np.logical_or.reduce(would_leave, axis=1)
    which = would_leave.argmax(axis=1)
    labelled = in_term & (~leaves[:, None] | (np.arange(len(label_weeks)) <= which[:, None]))
    # Days 7 to 27 after the label: before the next label date, so windows of 30 days never contradict each other.
    wait = 7 + np.floor(21 * draws.uniform("leave day")).astype(np.int64)
    last_label_day = np.where(leaves, 7 * label_weeks[which], NEVER)
    return _Departures(
        label_days=7 * label_weeks,
        labelled=labelled,
        probability=probability,
        churned=would_leave & labelled,
        last_label_day=last_label_day,
        leave_day=np.where(leaves, last_label_day + wait, NEVER),
    )


def _log_odds(
    people: _People, minutes: np.ndarray, tickets: _Tickets, payments: _Payments, week: int, options: ChurnOptions
) -> np.ndarray:
    """Log-odds of churn at the Monday that begins ``week``, from what was known then. Shape (n,)."""
    now = WEEK * week
    last = (7 * week - 7 - DELIVERY_DAYS) // 7  # the last week that the feed has delivered by now
    recent = minutes[:, last - 3 : last + 1].sum(axis=1)
    before = minutes[:, last - 7 : last - 3].sum(axis=1)
    enough = (people.signup_day <= 7 * (last - 7)) & (recent + before > 0)
    trend = np.divide(recent - before, recent + before, out=np.zeros_like(recent), where=enough)
    new_tickets = tickets.happened & (tickets.opened > now - 30 * DAY) & (tickets.opened <= now)
    late = (payments.failed | (payments.late_days > 0)) & (payments.paid > now - 90 * DAY) & (payments.paid <= now)
    features = {
        "intercept": 1.0,
        "minutes_trend": trend,
        "tickets_30d": new_tickets.sum(axis=1),
        "late_payments_90d": (late & (payments.due_day >= 0)).sum(axis=1),
        "tenure_years": (7 * week - people.signup_day) / 365,
        "age_decades": (people.age - 45) / 10,
        "log_income": np.log(people.income / 40_000),
        **{f"plan_{plan}": people.plan == plan for plan in ("basic", "premium")},
        **{f"country_{country}": people.country == country for country in ("FR", "GB", "ES", "PL", "BR")},
    }
    coefficients = truth(options, options.start + timedelta(weeks=week))
    return sum((coefficients[name] * value for name, value in features.items()), np.zeros(len(minutes)))


def simulate(
    customer_ids: np.ndarray, options: ChurnOptions, tables: Collection[str] = TABLES
) -> dict[str, pd.DataFrame]:
    """Simulate the rows of some customers.

    Parameters
    ----------
    customer_ids : array of int, shape (n,)
        Any ids, in any order; each customer's rows depend on its own id and the options alone.
    options : ChurnOptions
        Its ``customers`` is not used here.
    tables : collection of str
        Which of ``TABLES`` to return.

    Returns
    -------
    dict of str to pandas.DataFrame
        Per table the rows recorded by ``options.end``, in the order of the ids and of time. Moments are
        ``datetime64[ns, UTC]`` in whole seconds, days are ``datetime64[ns]`` at midnight.
    """
    ids = np.asarray(customer_ids, dtype=np.int64)
    draws = _Draws(options.seed, ids)
    people = _people(draws, options)
    minutes = _minutes(draws, people, options)
    tickets = _tickets(draws, people, options)
    payments = _payments(draws, people, options)
    departures = _departures(draws, people, minutes, tickets, payments, options)
    builders = {
        "customers": lambda: _customers_table(ids, draws, people, departures, options),
        "usage": lambda: _usage_table(ids, draws, people, minutes, departures, options),
        "payments": lambda: _payments_table(ids, draws, people, payments, departures, options),
        "tickets": lambda: _tickets_table(ids, draws, people, tickets, departures, options),
        "labels": lambda: _labels_table(ids, departures, options, {"churned": departures.churned.astype(np.int32)}),
        "label_truth": lambda: _labels_table(ids, departures, options, {"p": departures.probability}),
    }
    return {table: builders[table]() for table in tables}


def _moments(seconds: np.ndarray | pd.Series, options: ChurnOptions) -> pd.DatetimeIndex:
    return pd.to_datetime(_epoch(options) + np.asarray(seconds, dtype=np.int64), unit="s", utc=True)


def _days(days: np.ndarray, options: ChurnOptions) -> pd.DatetimeIndex:
    return pd.to_datetime(_epoch(options) + DAY * np.asarray(days, dtype=np.int64), unit="s")


def _epoch(options: ChurnOptions) -> int:
    return DAY * (options.start - date(1970, 1, 1)).days


def _customers_table(
    ids: np.ndarray, draws: _Draws, people: _People, departures: _Departures, options: ChurnOptions
) -> pd.DataFrame:
    end_day = 7 * options.weeks
    frame = pd.DataFrame(
        {
            "customer_id": ids,
            "country": people.country,
            "plan": people.plan,
            "signup_date": _days(people.signup_day, options),
            "age": np.where(people.age_known, people.age, np.nan),
            "income": np.where(people.income_known, people.income, np.nan),
        }
    )
    if options.leak:
        call = DAY * (departures.leave_day - 6) + np.floor(5 * DAY * draws.uniform("call moment")).astype(np.int64)
        called = (draws.uniform("retention call") < 0.9) & (call <= DAY * end_day)
        frame["account_status"] = np.where(departures.leave_day <= end_day, "closed", "active").astype(object)
        frame["retention_call_at"] = _moments(np.where(called, call, 0), options).where(called)
    sent = np.where(draws.uniform("sent twice") < 0.02, 2, 1) * (people.signup_day < end_day)
    return frame.loc[np.repeat(np.arange(len(ids)), sent)].reset_index(drop=True)


def _usage_table(
    ids: np.ndarray, draws: _Draws, people: _People, minutes: np.ndarray, departures: _Departures, options: ChurnOptions
) -> pd.DataFrame:
    weeks = np.arange(options.weeks)
    first_day = 7 * weeks
    weeks_since_label = (first_day - departures.last_label_day[:, None]) // 7
    fading = np.array([0.08, 0.04, 0.02, 0.01])[np.clip(weeks_since_label, 0, 3)]
    days_left = np.clip(departures.leave_day[:, None] - first_day, 0, 7)
    used = np.round(minutes * np.where(weeks_since_label >= 0, fading, 1.0) * days_left / 7, 1)
    sessions = np.ceil(used / 40 + draws.uniform("sessions", weeks) * (used > 0)).astype(np.int32)
    reported = (
        (first_day >= people.signup_day[:, None])
        & (first_day < departures.leave_day[:, None] + CLOSING_DAYS)
        & (first_day + 7 + DELIVERY_DAYS <= 7 * options.weeks)
    )
    row, week = np.nonzero(reported)
    return pd.DataFrame(
        {
            "customer_id": ids[row],
            "week_start": _days(first_day[week], options),
            "minutes": used[row, week],
            "sessions": sessions[row, week],
            "available_at": _moments(DAY * (first_day[week] + 7 + DELIVERY_DAYS), options),
        }
    )


def _payments_table(
    ids: np.ndarray, draws: _Draws, people: _People, payments: _Payments, departures: _Departures, options: ChurnOptions
) -> pd.DataFrame:
    due_day = payments.due_day
    stopped = (due_day > departures.last_label_day[:, None]) & (draws.uniform("stops paying")[:, None] < 0.9)
    payments = _Payments(
        due_day, np.where(stopped, 0, payments.late_days), payments.failed | stopped, payments.minute_of_day
    )
    paid = payments.paid
    recorded = (
        (due_day >= 0) & (paid <= WEEK * options.weeks) & (due_day < departures.leave_day[:, None] + CLOSING_DAYS)
    )
    row, number = np.nonzero(recorded)
    return pd.DataFrame(
        {
            "customer_id": ids[row],
            "paid_at": _moments(paid[row, number], options),
            "amount": pd.Series(people.plan[row]).map(PRICES).to_numpy(dtype=np.float64),
            "late_days": payments.late_days[row, number].astype(np.int32),
            "failed": payments.failed[row, number],
        }
    )


def _tickets_table(
    ids: np.ndarray, draws: _Draws, people: _People, tickets: _Tickets, departures: _Departures, options: ChurnOptions
) -> pd.DataFrame:
    weeks = np.arange(options.weeks)
    end, leave = WEEK * options.weeks, DAY * departures.leave_day
    row, week = np.nonzero(tickets.happened & (tickets.opened <= np.minimum(end, leave - 1)[:, None]))
    hours = np.exp(np.log(30) + draws.normal("hours to resolve", weeks)[row, week])
    opened = tickets.opened[row, week]
    ordinary = {
        "customer": row,
        "opened": opened,
        "topic": draws.choice("topic", TOPICS, weeks)[row, week],
        "resolved": opened + np.round(HOUR * hours).astype(np.int64),
    }
    # One to six days before leaving, so always after the label: these tickets are how a leak shows.
    notice = leave - DAY - np.floor(5 * DAY * draws.uniform("notice")).astype(np.int64)
    (row,) = np.nonzero((draws.uniform("writes a notice") < 0.85) & (notice <= end))
    notices = {"customer": row, "opened": notice[row], "topic": "cancellation", "resolved": leave[row]}
    frame = pd.concat([pd.DataFrame(ordinary), pd.DataFrame(notices)]).sort_values(
        ["customer", "opened"], ignore_index=True
    )
    return pd.DataFrame(
        {
            "customer_id": ids[frame["customer"]],
            "opened_at": _moments(frame["opened"], options),
            "topic": frame["topic"],
            "resolved_at": _moments(frame["resolved"], options).where(frame["resolved"] <= end),
        }
    )


def _labels_table(
    ids: np.ndarray, departures: _Departures, options: ChurnOptions, values: Mapping[str, np.ndarray]
) -> pd.DataFrame:
    row, which = np.nonzero(departures.labelled)
    return pd.DataFrame(
        {
            "customer_id": ids[row],
            "label_ts": _moments(DAY * departures.label_days[which], options),
            **{name: value[row, which] for name, value in values.items()},
        }
    )
