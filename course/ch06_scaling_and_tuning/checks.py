"""Checks of chapter 06, scaling and tuning. The message of an assert is written for the mistake that was made."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from workbook.exercises import exercise, right, trials, wrong

COLUMNS = ["age", "log_income", "minutes_trend", "tickets_30d", "late_payments_90d", "tenure_years"]


def _answers(given: Any, keys: set[Any], name: str) -> None:
    assert isinstance(given, Mapping), f"{name} should be a dictionary with the keys {_list(keys)}."
    assert set(given) == keys, f"{name} should have exactly the keys {_list(keys)}."


def _list(keys: set[Any]) -> str:
    return ", ".join(repr(key) for key in sorted(keys, key=str))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _near(value: Any, wanted: float, tolerance: float = 0.02) -> bool:
    return _is_number(value) and abs(value - wanted) <= tolerance * max(abs(wanted), 1e-9)


def _called(function: Callable[..., Any], *arguments: Any, when: str) -> Any:
    try:
        return function(*arguments)
    except Exception as error:
        raise AssertionError(f"{when} it raises {type(error).__name__}: {error}") from None


# 1 Pandas functions


@exercise(
    "6.1",
    objective="PRO-1.08",
    hint="How many batches do 20,000 rows make, and what does each call of the function get?",
)
def the_mean_of_a_batch(centred_rows):
    _answers(centred_rows, {0, 10_000}, "centred_rows")
    first, later = centred_rows[0], centred_rows[10_000]
    assert _is_number(first) and _is_number(later), "Both answers should be numbers: a row's minutes minus a mean."
    assert not (_near(first, -9999.5) or _near(later, 0.5)), (
        "That subtracts the mean of all 20,000 rows, which the function never sees. It is called once for each batch."
    )
    assert _near(first, -4999.5, 1e-4), (
        f"{first} for the first row: the first batch holds 0 to 9,999, and the function subtracts their mean from 0."
    )
    assert not _near(later, 5000.5, 1e-3), (
        "That takes the mean of the first batch for the second one. Nothing is kept from one call to the next."
    )
    assert _near(later, -4999.5, 1e-4), (
        f"{later} for row 10,000: it is the first row of the second batch, 10,000 to 19,999, whose mean is 14,999.5."
    )
    return "Two different rows, one result: nothing tells them apart any more."


@trials("6.1")
def _(_spark):
    yield right({0: -4999.5, 10_000: -4999.5})
    yield wrong("never sees", {0: -9999.5, 10_000: 0.5})
    yield wrong("Nothing is kept", {0: -4999.5, 10_000: 5000.5})
    yield wrong("first batch holds", {0: 0.0, 10_000: -4999.5})
    yield wrong("first row of the second batch", {0: -4999.5, 10_000: 0.0})
    yield wrong("should be numbers", {0: "-4999.5", 10_000: -4999.5})
    yield wrong("should be a dictionary", -4999.5)


@exercise(
    "6.2",
    objective="PRO-1.08",
    hint="Like the iterator UDF above: load before the loop, `yield` inside it. What is yielded here is a frame.",
)
def loaded_once_and_filtered(likely, loads, model, frame):
    assert inspect.isfunction(likely), "likely should be a function of the batches."
    batches = [part for part in np.array_split(np.arange(min(len(frame), 600)), 3) if len(part)]
    handed: list[int] = []

    def source() -> Iterator[pd.DataFrame]:
        for number, part in enumerate(batches):
            handed.append(number)
            yield frame.iloc[part].copy()

    before = len(loads)
    made = _called(likely, source(), when="On three batches")
    assert not isinstance(made, pd.DataFrame), (
        "likely gives one frame back. Spark wants an iterator of frames: `yield` one for each batch."
    )
    assert isinstance(made, Iterator), (
        f"likely gives back {type(made).__name__}. Write it as a generator, with `yield`: a list holds the whole partition in memory."
    )
    first = _called(next, made, None, when="On the first batch")
    assert first is not None, "likely yields nothing."
    assert len(handed) == 1, (
        "likely reads all batches before it yields the first frame, so the whole partition is in memory. Yield inside the loop."
    )
    results = [first, *_called(list, made, when="On the later batches")]
    assert all(isinstance(one, pd.DataFrame) for one in results), "What is yielded should be pandas DataFrames."
    calls = len(loads) - before
    assert calls != 0, (
        "load_model() was never called: a worker has no `model` of yours unless it is sent along or loaded."
    )
    assert calls == 1, f"load_model() was called {calls} times for {len(batches)} batches: call it before the loop."
    found = pd.concat(results)
    assert set(found.columns) == {"customer_id", "label_ts", "p"}, (
        f"The frames have the columns {sorted(found.columns)}; the schema asks for customer_id, label_ts and p."
    )
    used = np.concatenate(batches)
    p = model.predict_proba(frame.iloc[used][COLUMNS].to_numpy())[:, 1]
    assert (found["p"] > 0.5).all(), "Rows with a probability of 0.5 or less are still there."
    assert len(found) == (p > 0.5).sum(), (
        f"{len(found)} rows instead of {(p > 0.5).sum()}: is p the probability of class 1, the second column of predict_proba?"
    )
    assert np.allclose(np.sort(found["p"]), np.sort(p[p > 0.5])), "The probabilities are not those of the model."


class _Half:
    """A stand-in for a model: the first column is the probability of class 1."""

    def predict_proba(self, x: Any) -> np.ndarray:
        p = np.asarray(x, float)[:, 0]
        return np.c_[1 - p, p]


def _some_customers(rows: int = 90) -> pd.DataFrame:
    frame = pd.DataFrame(np.random.default_rng(1).random((rows, 6)), columns=COLUMNS)
    return frame.assign(
        customer_id=np.arange(rows),
        label_ts=pd.Timestamp("2025-06-02"),
        churned=(np.arange(rows) % 3 == 0).astype(int),
    )


@trials("6.2")
def _(_spark):
    loads: list[str] = []
    model, frame = _Half(), _some_customers()

    def load_model():
        loads.append("loaded")
        return model

    def scored(loaded, batch):
        return batch[["customer_id", "label_ts"]].assign(p=loaded.predict_proba(batch[COLUMNS].to_numpy())[:, 1])

    def good(batches):
        loaded = load_model()
        for batch in batches:
            some = scored(loaded, batch)
            yield some[some["p"] > 0.5]

    def each_time(batches):
        for batch in batches:
            some = scored(load_model(), batch)
            yield some[some["p"] > 0.5]

    def from_the_notebook(batches):
        for batch in batches:
            some = scored(model, batch)
            yield some[some["p"] > 0.5]

    def unfiltered(batches):
        loaded = load_model()
        for batch in batches:
            yield scored(loaded, batch)

    def all_at_once(batches):
        some = scored(load_model(), pd.concat(list(batches)))
        yield some[some["p"] > 0.5]

    def one_frame(batches):
        return pd.concat(list(good(batches)))

    def a_list(batches):
        return list(good(batches))

    def all_columns(batches):
        loaded = load_model()
        for batch in batches:
            some = batch.assign(p=loaded.predict_proba(batch[COLUMNS].to_numpy())[:, 1])
            yield some[some["p"] > 0.5]

    def other_class(batches):
        loaded = load_model()
        for batch in batches:
            some = batch[["customer_id", "label_ts"]].assign(p=loaded.predict_proba(batch[COLUMNS].to_numpy())[:, 0])
            yield some[some["p"] > 0.5]

    yield right(good, loads, model, frame)
    yield wrong("was called 3 times", each_time, loads, model, frame)
    yield wrong("never called", from_the_notebook, loads, model, frame)
    yield wrong("0.5 or less", unfiltered, loads, model, frame)
    yield wrong("reads all batches", all_at_once, loads, model, frame)
    yield wrong("one frame back", one_frame, loads, model, frame)
    yield wrong("as a generator", a_list, loads, model, frame)
    yield wrong("the schema asks for", all_columns, loads, model, frame)
    yield wrong("second column of predict_proba", other_class, loads, model, frame)
    yield wrong("should be a function", "likely", loads, model, frame)


# 2 One model per group


@exercise(
    "6.3",
    objective="PRO-1.14",
    hint="Which of the two treats null as a key? And in which process does the function fill its dictionary?",
)
def groups_are_foreseen(foreseen):
    _answers(foreseen, {"rows", "groups", "dictionary"}, "foreseen")
    assert all(_is_number(value) for value in foreseen.values()), "Give three numbers."
    assert foreseen["rows"] != 2, "rows: Spark does not drop the orders without a channel. Null is a key like others."
    assert foreseen["rows"] != 32, "rows: all nulls form one group; they are not 30 groups of one order each."
    assert foreseen["rows"] == 3, "rows: one row comes back for each call, and there is a call for web, shop and null."
    assert foreseen["groups"] != 3, "groups: pandas drops missing keys in groupby unless you say dropna=False."
    assert foreseen["groups"] == 2, "groups: pandas makes a group for web and one for shop."
    assert foreseen["dictionary"] == 0, (
        "dictionary: the function runs in another process with a copy of it, and the copy is thrown away. "
        "Only the frame that it returns comes back."
    )


@trials("6.3")
def _(_spark):
    foreseen = {"rows": 3, "groups": 2, "dictionary": 0}
    yield right(foreseen)
    yield wrong("Null is a key", foreseen | {"rows": 2})
    yield wrong("form one group", foreseen | {"rows": 32})
    yield wrong("dropna=False", foreseen | {"groups": 3})
    yield wrong("in another process", foreseen | {"dictionary": 3})
    yield wrong("three numbers", foreseen | {"dictionary": "none"})
    yield wrong("should be a dictionary", (3, 2, 0))


@exercise(
    "6.4",
    objective="PRO-1.14",
    hint="Count both classes first. Then `try` to fit and to pickle; `type(error).__name__` is the name of the class.",
)
def every_group_gets_a_row(fit_segment, frame):
    assert inspect.isfunction(fit_segment), "fit_segment should be a function of key and customers."
    normal = frame.head(3000).reset_index(drop=True)
    few = normal.assign(churned=(np.arange(len(normal)) < 19).astype(int))
    enough = normal.assign(churned=(np.arange(len(normal)) < 20).astype(int))
    odd = normal.assign(age=np.inf)

    def row_of(customers: pd.DataFrame, what: str, key: Any = "DE") -> Any:
        made = _called(fit_segment, (key,), customers.copy(), when=f"For {what}")
        assert isinstance(made, pd.DataFrame), (
            f"For {what} it gives back {type(made).__name__}; applyInPandas wants a pandas DataFrame."
        )
        names = {"segment", "labels", "status", "model"}
        assert set(made.columns) == names, (
            f"For {what} the columns are {sorted(map(str, made.columns))}; wanted are {sorted(names)}. The key does not come by itself."
        )
        assert len(made) == 1, f"For {what} it gives {len(made)} rows: one row for every group, whatever happens."
        return made.iloc[0]

    good = row_of(normal, "a normal group")
    assert good["segment"] == "DE", (
        f"segment is {good['segment']!r} for the key ('DE',): the key is a tuple, take key[0]."
    )
    assert good["labels"] == len(normal), f"labels is {good['labels']} for a group of {len(normal)} rows."
    assert good["status"] == "ok", f"A normal group gets the status {good['status']!r}, not 'ok'."
    assert isinstance(good["model"], bytes | bytearray), (
        f"model is {type(good['model']).__name__}. A Spark column takes bytes: pickle.dumps(fitted)."
    )
    fitted = pickle.loads(good["model"])
    assert hasattr(fitted, "predict_proba"), "The bytes hold no model: pickle what fit gives back."
    assert len(_called(fitted.predict_proba, normal[COLUMNS].to_numpy(), when="Used on new rows")) == len(normal)

    for customers, what in (
        (few, "a group with 19 churned customers"),
        (normal.assign(churned=0), "a group in which nobody churned"),
        (normal.assign(churned=1), "a group in which everybody churned"),
    ):
        made = row_of(customers, what)
        assert made["status"] == "too few", f"For {what} the status is {made['status']!r}: count both classes."
        assert made["model"] is None, f"For {what} model should be None."
    at_edge = row_of(enough, "a group with exactly 20 churned customers")
    assert at_edge["status"] == "ok", "20 churned customers are enough: too few is fewer than 20."
    made = row_of(odd, "a group whose fit fails")
    assert made["status"] == "ValueError", (
        f"When fit raises a ValueError the status is {made['status']!r}: use type(error).__name__, so that the table says what happened."
    )
    assert made["model"] is None, "When fit raises, model should be None."
    unnamed = row_of(normal, "the null key", key=None)
    assert pd.isna(unnamed["segment"]), f"For the null key segment is {unnamed['segment']!r}: keep it null."


def _fitter(least: int = 20, catch: type[Exception] | tuple[type[Exception], ...] = Exception, **changes: Any) -> Any:
    from sklearn.linear_model import LogisticRegression

    def fit_segment(key, customers):
        status, model = "ok", None
        left = int(customers["churned"].sum())
        if min(left, len(customers) - left) < least:
            status = "too few"
        else:
            try:
                fitted = LogisticRegression().fit(customers[COLUMNS].to_numpy(), customers["churned"])
                model = pickle.dumps(fitted)
            except catch as error:
                status = type(error).__name__
        made = {"segment": [key[0]], "labels": [len(customers)], "status": [status], "model": [model]}
        return pd.DataFrame(made | {name: [change(key, customers)] for name, change in changes.items()})

    return fit_segment


@trials("6.4")
def _(_spark):
    frame = _some_customers()

    def skips(key, customers):
        made = _fitter()(key, customers)
        return made[made["status"] == "ok"]

    yield right(_fitter(), frame)
    yield wrong("For a group whose fit fails it raises ValueError", _fitter(catch=()), frame)
    yield wrong("0 rows", skips, frame)
    yield wrong("count both classes", _fitter(least=1), frame)
    yield wrong("fewer than 20", _fitter(least=21), frame)
    yield wrong("take key[0]", _fitter(segment=lambda key, _: str(key)), frame)
    yield wrong("takes bytes", _fitter(model=lambda *_: "model"), frame)
    yield wrong(
        "does not come by itself", lambda key, customers: _fitter()(key, customers).drop(columns="segment"), frame
    )
    yield wrong("wants a pandas DataFrame", lambda key, customers: {"segment": key[0]}, frame)
    yield wrong("keep it null", _fitter(segment=lambda key, _: str(key[0])), frame)


# 3 Counting fits


@exercise(
    "6.5",
    objective="ASC-3.10",
    hint="Combinations times folds, plus the final fit where there is one. For e: rounds within a fold, folds one after the other.",
)
def what_a_search_costs(cost):
    _answers(cost, set("abcde"), "cost")
    assert all(_is_number(value) for value in cost.values()), "Give five numbers."
    a, b, c, d, e = (cost[name] for name in "abcde")
    assert a != 24, "a: 8 combinations on 3 folds are compared, and then the best is fitted once more on all rows."
    assert a not in (18, 19), "a: a grid tries every combination, so 4 and 2 are multiplied, not added."
    assert a != 9, "a: that forgets the folds: each combination is fitted on each of the 3."
    assert a == 25, f"a: {a} fits? Combinations x folds + 1."
    assert b != 8, "b: TrainValidationSplit also fits its winner again on all rows."
    assert b != 25, "b: there is one split and not three folds."
    assert b == 9, f"b: {b} fits? Combinations x one split + 1."
    assert c not in (60, 61, 240, 241), (
        "c: a list of two dictionaries is two grids. The first does not know gamma, so it has 4 combinations, and they are searched as well."
    )
    assert c != 80, "c: GridSearchCV has refit=True unless told otherwise."
    assert c == 81, f"c: {c} fits? (4 + 4 x 3) x 5 + 1."
    assert d not in (1000, 1001, 5000, 5001), (
        "d: a random search is as large as n_iter says, however large its space is."
    )
    assert d != 101, "d: refit=False leaves the final fit out."
    assert d == 100, f"d: {d} fits? n_iter x folds."
    assert e != 60, "e: the rounds are right; the final fit on all rows takes 10 minutes more."
    assert e not in (250, 240), "e: four fits run at a time."
    assert e not in (62.5, 72.5), "e: a fit cannot be cut in two, and a round ends when its last fit does."
    assert e == 70, f"e: {e} minutes? 8 fits are 2 rounds of four, in each of 3 folds, and then the final fit."


@trials("6.5")
def _(_spark):
    cost = {"a": 25, "b": 9, "c": 81, "d": 100, "e": 70}
    yield right(cost)
    yield wrong("once more on all rows", cost | {"a": 24})
    yield wrong("multiplied, not added", cost | {"a": 19})
    yield wrong("forgets the folds", cost | {"a": 9})
    yield wrong("one split and not three", cost | {"b": 25})
    yield wrong("fits its winner again", cost | {"b": 8})
    yield wrong("two grids", cost | {"c": 61})
    yield wrong("refit=True", cost | {"c": 80})
    yield wrong("as large as n_iter", cost | {"d": 5001})
    yield wrong("refit=False", cost | {"d": 101})
    yield wrong("10 minutes more", cost | {"e": 60})
    yield wrong("four fits run at a time", cost | {"e": 250})
    yield wrong("five numbers", cost | {"e": "70"})


# 4 Random, grid, Bayesian


@exercise(
    "6.6",
    objective="ASC-3.06",
    hint="Look at the 25 points from the side of the learning rate: how many of them lie behind each other?",
)
def grid_or_random(guess):
    _answers(guess, {"rates of the grid", "rates of random", "nearer"}, "guess")
    assert guess["nearer"] in ("grid", "random", "neither"), 'nearer should be "grid", "random" or "neither".'
    assert guess["rates of the grid"] != 25, (
        "The grid makes 25 fits, but five of them share each learning rate: only the other parameter changes."
    )
    assert guess["rates of the grid"] == 5, "A 5 x 5 grid has five values on each axis."
    assert guess["rates of random"] != 5, "Random search draws a new learning rate in every trial, not one of five."
    assert guess["rates of random"] == 25, "Each of the 25 random points has a learning rate of its own."
    assert guess["nearer"] != "grid", (
        "The grid is even in the square, but it is the axis of the learning rate that counts, and there it has five values."
    )
    assert guess["nearer"] != "neither", (
        "Equal numbers of fits do not teach equally much: compare the numbers of rates."
    )


@trials("6.6")
def _(_spark):
    guess = {"rates of the grid": 5, "rates of random": 25, "nearer": "random"}
    yield right(guess)
    yield wrong("share each learning rate", guess | {"rates of the grid": 25})
    yield wrong("in every trial", guess | {"rates of random": 5})
    yield wrong("even in the square", guess | {"nearer": "grid"})
    yield wrong("do not teach equally much", guess | {"nearer": "neither"})
    yield wrong('should be "grid"', guess | {"nearer": "Random search"})


# 5 Optuna and MLflow


@exercise(
    "6.7",
    objective=("PRO-1.09", "ASC-3.06"),
    hint="Ask for `kind` first; ask for the others inside the branch that uses them. And what does a study do with a gain?",
)
def a_search_of_ones_own(objective, search):
    import optuna
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
    from optuna.study import StudyDirection

    assert inspect.isfunction(objective), "objective should be a function of trial."
    assert isinstance(search, optuna.study.Study), "search should be a study: optuna.create_study(...)."

    def asked(**values: Any) -> tuple[float, dict[str, Any]]:
        trial = optuna.trial.FixedTrial(values)
        try:
            value = objective(trial)
        except ValueError as error:
            missing = str(error).split("'")[1] if "is not found" in str(error) else None
            if missing is None:
                raise AssertionError(f"A trial with {values} ends in a ValueError: {error}") from None
            known = missing in ("kind", "c", "max_leaf_nodes")
            raise AssertionError(
                f"A trial of kind {values['kind']!r} asks for {missing}, which it does not use: ask inside the branch."
                if known
                else f"The objective asks for {missing!r}; the parameters are called kind, c and max_leaf_nodes."
            ) from None
        except Exception as error:
            raise AssertionError(f"A trial with {values} ends in a {type(error).__name__}: {error}") from None
        assert _is_number(value), f"objective gives back {type(value).__name__}: return what evaluate gives."
        return float(value), trial.distributions

    value, space = asked(kind="logistic", c=1.0)
    _, other_space = asked(kind="boosting", max_leaf_nodes=4)
    kinds = space.get("kind")
    assert isinstance(kinds, CategoricalDistribution) and set(kinds.choices) == {"logistic", "boosting"}, (
        'kind should be asked for by suggest_categorical("kind", ["logistic", "boosting"]).'
    )
    c = space.get("c")
    assert isinstance(c, FloatDistribution), 'A logistic trial should ask for c: suggest_float("c", ...).'
    assert (c.low, c.high) == (0.001, 100), (
        f"c goes from {c.low:g} to {c.high:g}. Optuna takes the bounds themselves, 0.001 and 100, also with log=True."
    )
    assert c.log, (
        "c is drawn evenly between 0.001 and 100, so nine of ten are above 10: log=True spreads it over the powers of ten."
    )
    leaves = other_space.get("max_leaf_nodes")
    assert isinstance(leaves, IntDistribution), (
        "A boosting trial should ask for max_leaf_nodes by suggest_int: it is a whole number."
    )
    assert (leaves.low, leaves.high) == (2, 16), (
        f"max_leaf_nodes goes from {leaves.low} to {leaves.high}, not from 2 to 16; suggest_int includes both ends."
    )
    gain = value > 0.5
    assert not (gain and search.direction != StudyDirection.MAXIMIZE), (
        "The objective returns an AUC, and this study minimises: it looks for the worst model. direction='maximize'."
    )
    assert gain or search.direction == StudyDirection.MINIMIZE, (
        "The objective returns a loss, and this study maximises it. Return what evaluate gives."
    )


@trials("6.7")
def _(_spark):
    import optuna

    def build(kind_first=True, log=True, low=0.001, high=100.0, leaves=16, sign=1, as_float=False):
        def objective(trial):
            kind = trial.suggest_categorical("kind", ["logistic", "boosting"])
            if not kind_first:
                trial.suggest_float("c", low, high, log=log)
                trial.suggest_int("max_leaf_nodes", 2, leaves)
            if kind == "logistic":
                trial.suggest_float("c", low, high, log=log)
            elif as_float:
                trial.suggest_float("max_leaf_nodes", 2, leaves)
            else:
                trial.suggest_int("max_leaf_nodes", 2, leaves)
            return sign * 0.8

        return objective

    up, down = optuna.create_study(direction="maximize"), optuna.create_study()
    yield right(build(), up)
    yield right(build(sign=-1), down)
    yield wrong("looks for the worst model", build(), down)
    yield wrong("returns a loss", build(sign=-1), up)
    yield wrong("ask inside the branch", build(kind_first=False), up)
    yield wrong("nine of ten", build(log=False), up)
    yield wrong("bounds themselves", build(low=1e-7, high=4.6), up)
    yield wrong("not from 2 to 16", build(leaves=32), up)
    yield wrong("whole number", build(as_float=True), up)
    yield wrong("should be a study", build(), "maximize")
    yield wrong("gives back NoneType", lambda trial: build()(trial) and None, up)


@exercise(
    "6.8",
    objective=("PRO-1.09", "ASC-3.07"),
    hint="48 trials, n at a time, are so many rounds, rounded up. The trials of a round are proposed before any of them is finished.",
)
def few_enough_to_learn(plan):
    _answers(plan, {"n_jobs", "known with n_jobs", "known with 48"}, "plan")
    assert all(_is_number(value) for value in plan.values()), "Give three numbers."
    jobs = plan["n_jobs"]
    assert jobs != -1, "n_jobs: -1 is the default and means all 48 at once."
    assert jobs > 3, (
        f"n_jobs: {jobs} at a time take {-(-48 // max(int(jobs), 1)) * 5} minutes, more than the 65 that there are."
    )
    assert jobs == 4, (
        f"n_jobs: {jobs} meets the deadline, and so does a smaller number: 13 rounds of 5 minutes fit into 65."
    )
    assert plan["known with 48"] != 47, (
        "known with 48: a shared storage holds 47 other trials, but none of them is finished."
    )
    assert plan["known with 48"] == 0, "known with 48: all are proposed at the same moment, before any result is in."
    assert plan["known with n_jobs"] != 47, (
        "known with n_jobs: three other trials of the last round run at the same time and are not finished."
    )
    assert plan["known with n_jobs"] == 44, "known with n_jobs: all trials but those of the last round are finished."


@trials("6.8")
def _(_spark):
    plan = {"n_jobs": 4, "known with n_jobs": 44, "known with 48": 0}
    yield right(plan)
    yield wrong("80 minutes", plan | {"n_jobs": 3})
    yield wrong("so does a smaller number", plan | {"n_jobs": 16})
    yield wrong("all 48 at once", plan | {"n_jobs": -1})
    yield wrong("none of them is finished", plan | {"known with 48": 47})
    yield wrong("not finished", plan | {"known with n_jobs": 47})
    yield wrong("three numbers", plan | {"n_jobs": "4"})


# 6 Parallel tuning on one node


@exercise(
    "6.9",
    objective="ASC-3.07",
    hint="Which names does the function take from outside, and how large are their values? A path is a short text.",
)
def nothing_heavy_taken_along(light, wanted):
    from pyspark import cloudpickle

    assert inspect.isfunction(light), "light should be a function of c."
    assert "spark" not in light.__code__.co_names, (
        "light uses spark, which lives on the driver: a task on a worker has no session. Read the file with pandas."
    )
    try:
        size = len(cloudpickle.dumps(light))
    except Exception as error:
        raise AssertionError(f"light cannot be sent to a worker: {type(error).__name__}.") from None
    in_defaults = light.__defaults__ is not None and len(pickle.dumps(light.__defaults__)) > 100_000
    assert not in_defaults, (
        f"light takes along {size / 1e6:.1f} MB: a default value is stored in the function and travels with it."
    )
    assert size < 100_000, (
        f"light takes along {size / 1e6:.1f} MB: every name from outside is packed with its value. Read the rows inside, from train_path."
    )
    result = _called(light, 1.0, when="With c=1.0")
    assert _is_number(result), f"light gives back {type(result).__name__}, heavy a number."
    assert _near(result, wanted, 1e-9), (
        f"light(1.0) is {result:.4f}, heavy(1.0) is {wanted:.4f}: same rows, same model, same score."
    )


@trials("6.9")
def _(_spark):
    data = np.arange(50_000.0)
    spark = None

    def from_outside(c):
        return float(data.max() * c)

    def from_default(c, rows=data):
        return float(rows.max() * c)

    def by_range(c):
        return 49_999.0 * c

    def other(c):
        return 49_998.0 * c

    def nothing(c):
        by_range(c)

    namespace: dict[str, Any] = {"spark": spark}
    exec("def by_session(c):\n    return spark.table('t').toPandas()", namespace)
    yield right(by_range, 49_999.0)
    yield wrong("every name from outside", from_outside, 49_999.0)
    yield wrong("a default value", from_default, 49_999.0)
    yield wrong("has no session", namespace["by_session"], 49_999.0)
    yield wrong("same rows, same model", other, 49_999.0)
    yield wrong("gives back NoneType", nothing, 49_999.0)
    yield wrong("a function of c", 49_999.0, 49_999.0)


# 7 Hyperopt: fmin


@exercise(
    "6.10",
    objective="ASC-3.05",
    hint="`best` holds positions for choices, the bounds are logarithms, `loss` is made small, and the model is distributed.",
)
def an_old_notebook_is_read(reading):
    _answers(reading, {"trees", "alpha", "f1", "trials"}, "reading")
    assert reading["trees"] != 1, "trees: 1 is not among the options. fmin gives the position in the list of hp.choice."
    assert reading["trees"] != 50, "trees: positions are counted from 0."
    assert reading["trees"] == 100, "trees: position 1 of [50, 100, 200, 400]."
    alpha = reading["alpha"]
    assert isinstance(alpha, tuple | list) and len(alpha) == 2 and all(map(_is_number, alpha)), (
        "alpha should be two numbers, the smallest and the largest."
    )
    assert not _near(alpha[0], -5), (
        "alpha: -5 and 2 are logarithms. What is drawn is e to the power of a number between them."
    )
    assert not (_near(alpha[1], 100) or _near(alpha[0], 1e-5)), (
        "alpha: Hyperopt takes natural logarithms, not powers of ten."
    )
    assert _near(alpha[0], float(np.exp(-5)), 0.05) and _near(alpha[1], float(np.exp(2)), 0.05), (
        f"alpha: from {alpha[0]} to {alpha[1]}? Take np.exp of both bounds."
    )
    assert reading["f1"] in ("highest", "lowest"), 'f1 should be "highest" or "lowest".'
    assert reading["f1"] == "lowest", (
        "f1: fmin minimises the loss, and f1 itself was returned as the loss. It should be -f1."
    )
    assert reading["trials"] in ("Trials", "SparkTrials"), 'trials should be "Trials" or "SparkTrials".'
    assert reading["trials"] == "Trials", (
        "trials: SparkTrials sends each trial to a worker, where no Spark session is, so Spark ML cannot be fitted there. "
        "Trials runs them on the driver, and each fit uses the cluster."
    )


@trials("6.10")
def _(_spark):
    reading = {"trees": 100, "alpha": (0.0067, 7.4), "f1": "lowest", "trials": "Trials"}
    yield right(reading)
    yield right(reading | {"alpha": [0.0067, 7.39]})
    yield wrong("position in the list", reading | {"trees": 1})
    yield wrong("counted from 0", reading | {"trees": 50})
    yield wrong("are logarithms", reading | {"alpha": (-5, 2)})
    yield wrong("not powers of ten", reading | {"alpha": (1e-5, 100)})
    yield wrong("two numbers", reading | {"alpha": "0.0067 to 7.4"})
    yield wrong("It should be -f1", reading | {"f1": "highest"})
    yield wrong("no Spark session", reading | {"trials": "SparkTrials"})


# 8 Ray and Spark


@exercise(
    "6.11",
    objective=("PRO-1.10", "PRO-1.13"),
    hint="Ask for each node: how many trials do its CPUs allow, how many its GPUs? For c to f: rows of tables, or tasks with a life of their own?",
)
def ray_or_spark(answers):
    _answers(answers, set("abcdef"), "answers")
    a, b = answers["a"], answers["b"]
    assert _is_number(a) and _is_number(b), "a and b should be numbers."
    assert a not in (20, 21), (
        "a: the CPUs would allow that many. Each trial also needs half a GPU, and 8 GPUs give 16 halves."
    )
    assert a != 8, "a: half a GPU each: two trials share one."
    assert a != 4, "a: a node takes as many trials as fit, not one."
    assert a == 16, f"a: {a}? On each of 4 nodes the CPUs allow 5 trials and the GPUs 4."
    assert b != 16, "b: the GPUs would allow 16. With 6 CPUs each, a node of 16 CPUs takes only two trials."
    assert b not in (10, 11), (
        "b: a trial runs on one node. Four CPUs are left on each, and they do not add up to another trial."
    )
    assert b == 8, f"b: {b}? On each of 4 nodes the CPUs allow 2 trials and the GPUs 4."
    for name in "cdef":
        assert answers[name] in ("spark", "ray"), f'{name}: answer "spark" or "ray".'
    assert answers["c"] == "spark", (
        "c: joins and aggregations of tables are planned and shuffled by Spark. Ray has no such planner."
    )
    assert answers["d"] == "ray", (
        "d: simulators that keep state and exchange messages are actors. A query has no place for them."
    )
    assert answers["e"] == "spark", (
        "e: independent fits by key, from table to table: applyInPandas does it in one job, with no second engine to run."
    )
    assert answers["f"] == "ray", "f: parts of GPUs and early stopping of uneven trials are what Ray Tune schedules."


@trials("6.11")
def _(_spark):
    answers = {"a": 16, "b": 8, "c": "spark", "d": "ray", "e": "spark", "f": "ray"}
    yield right(answers)
    yield wrong("8 GPUs give 16 halves", answers | {"a": 21})
    yield wrong("two trials share one", answers | {"a": 8})
    yield wrong("do not add up", answers | {"b": 10})
    yield wrong("takes only two", answers | {"b": 16})
    yield wrong("planned and shuffled", answers | {"c": "ray"})
    yield wrong("are actors", answers | {"d": "spark"})
    yield wrong("no second engine", answers | {"e": "ray"})
    yield wrong("early stopping", answers | {"f": "spark"})
    yield wrong("should be numbers", answers | {"a": "16"})
    yield wrong('answer "spark" or "ray"', answers | {"c": "Spark ML"})


# 9 Scale up or out


@exercise(
    "6.12",
    objective="PRO-1.11",
    hint="Minutes lie on a straight line over 1 / workers: its height at 0 is the fixed part, its slope the divisible one.",
)
def a_curve_is_read(amdahl, workers_for):
    assert inspect.isfunction(amdahl), "amdahl should be a function of workers and minutes."
    cases = (
        ([1, 2, 4, 8], [84, 48, 30, 21], 12.0, 72.0),
        ([1, 3, 9], [100, 40, 20], 10.0, 90.0),
        ([2, 4, 8, 16], [70, 45, 32.5, 26.25], 20.0, 100.0),
    )
    for workers, minutes, fixed, divisible in cases:
        made = _called(amdahl, list(workers), list(minutes), when=f"For {workers} workers and {minutes} minutes")
        assert isinstance(made, tuple | list | np.ndarray) and len(made) == 2, (
            "amdahl should return two numbers: the fixed and the divisible minutes."
        )
        got = [float(value) for value in np.asarray(made, float).ravel()]
        assert not (_near(got[0], divisible) and _near(got[1], fixed)), (
            "The two are swapped: the fixed minutes come first."
        )
        assert abs(got[0]) > 0.01, (
            "The fixed part is 0: that takes the work as perfectly divisible, and then a doubling would halve the time."
        )
        assert not _near(got[0], float(minutes[-1])), (
            f"The fixed part is not the time of the most workers: more of them would still take something off {minutes[-1]} minutes."
        )
        assert _near(got[0], fixed) and _near(got[1], divisible), (
            f"For {workers} workers and {minutes} minutes it gives {got[0]:.1f} + {got[1]:.1f} / n; the times lie on {fixed:.0f} + {divisible:.0f} / n."
        )
    _answers(workers_for, {10, 20}, "workers_for")
    assert workers_for[10] is None, "10 minutes: 12 minutes remain however many workers divide the rest."
    assert workers_for[20] is not None, "20 minutes: 8 workers take 21, and each further one still takes a little off."
    assert _is_number(workers_for[20]), "20 minutes: give a number of workers."
    assert workers_for[20] != 16, "20 minutes: 16 workers take 16.5. Fewer are enough."
    assert workers_for[20] == 9, f"20 minutes: {workers_for[20]} workers? Solve 12 + 72 / n = 20."


@trials("6.12")
def _(_spark):
    def amdahl(workers, minutes):
        slope, height = np.polyfit(1 / np.asarray(workers, float), minutes, 1)
        return height, slope

    def perfect(workers, minutes):
        return 0.0, workers[0] * minutes[0]

    def last(_workers, minutes):
        return minutes[-1], minutes[0] - minutes[-1]

    answer = {20: 9, 10: None}
    yield right(amdahl, answer)
    yield wrong("perfectly divisible", perfect, answer)
    yield wrong("time of the most workers", last, answer)
    yield wrong("swapped", lambda workers, minutes: amdahl(workers, minutes)[::-1], answer)
    yield wrong("two numbers", lambda workers, minutes: amdahl(workers, minutes)[0], answer)
    yield wrong("12 minutes remain", amdahl, answer | {10: 36})
    yield wrong("still takes a little off", amdahl, answer | {20: None})
    yield wrong("Fewer are enough", amdahl, answer | {20: 16})
    yield wrong("Solve 12", amdahl, answer | {20: 10})
    yield wrong("a function of workers", (12, 72), answer)


# 10 Data and model parallel


@exercise(
    "6.13",
    objective="PRO-1.12",
    hint="1.5 billion times 16 bytes are 24 GB. Which plans keep all of them on every GPU, and which part shrinks with the batch?",
)
def will_it_fit(memory):
    _answers(memory, {"a", "b", "c", "fits"}, "memory")
    a, b, c = (memory[name] for name in "abc")
    assert all(map(_is_number, (a, b, c))), "a, b and c should be numbers, in GB."
    assert not (_near(a, 10) or _near(a, 7)), (
        "a: data parallel divides the rows and not the model: every GPU has all weights, gradients and optimizer state."
    )
    assert not _near(a, 24), "a: the activations come on top of the 24 GB of state."
    assert _near(a, 28), f"a: {a} GB? 24 GB of state and 4 GB of activations."
    assert not _near(b, 14), "b: half the batch halves the activations only; the state stays as it is."
    assert _near(b, 26), f"b: {b} GB? 24 GB of state and half of the 4 GB of activations."
    assert not _near(c, 7), "c: the state is cut into four parts, the activations of a GPU's own rows are not."
    assert _near(c, 10), f"c: {c} GB? A quarter of 24 GB and 4 GB of activations."
    fits = memory["fits"]
    assert isinstance(fits, list | tuple | set) and set(fits) <= set("abc"), (
        'fits should be a list of letters, such as ["a"].'
    )
    assert set(fits) == {"c"}, (
        f"fits: {sorted(fits)}? A GPU has 16 GB, and memory of other GPUs does not help a plan that copies the state."
    )


@trials("6.13")
def _(_spark):
    memory = {"a": 28, "b": 26, "c": 10, "fits": ["c"]}
    yield right(memory)
    yield wrong("divides the rows", memory | {"a": 10})
    yield wrong("come on top", memory | {"a": 24})
    yield wrong("halves the activations only", memory | {"b": 14})
    yield wrong("are not", memory | {"c": 7})
    yield wrong("does not help", memory | {"fits": ["a", "b", "c"]})
    yield wrong("list of letters", memory | {"fits": 1})
    yield wrong("in GB", memory | {"a": "28 GB"})


# Checkpoint


@exercise(
    "6.14",
    objective=("PRO-1.14", "PRO-1.08"),
    hint="Make an empty array of the length of the rows, and for each country fill the places where a mask is true.",
)
def routed_by_country(route):
    assert inspect.isfunction(route), "route should be a function of models, fallback and rows."
    draw = np.random.default_rng(3)
    countries = ["DE", "FR", None, "BR", "FR", "DE", "ES", "FR"] * 5
    rows = pd.DataFrame(draw.random((len(countries), 6)), columns=COLUMNS).assign(country=countries)
    rows = rows.sample(frac=1, random_state=5)
    models = {"DE": _Steps(1), "FR": _Steps(2), "ES": _Steps(3)}
    fallback = _Steps(9)
    before = rows.copy()
    made = _called(route, models, fallback, rows, when="On rows of DE, FR, ES, BR and null, in mixed order,")
    assert rows.equals(before), "route changed the rows that it was given: the caller may still need them."
    assert made is not None, "route gives nothing back: is the return missing?"
    assert not isinstance(made, pd.DataFrame), "route gives a DataFrame back: return one probability for each row."
    result = np.asarray(made, dtype=float)
    assert result.shape != (len(rows), 2), (
        "route gives both columns of predict_proba: the probability of churn is the second."
    )
    assert result.shape == (len(rows),), (
        f"route gives {result.shape[0] if result.ndim else 0} numbers for {len(rows)} rows: nobody may be lost."
    )
    assert not np.isnan(result).any(), (
        f"{np.isnan(result).sum()} rows got no number: null and unknown countries go to fallback."
    )
    which = np.array([{"DE": 1, "FR": 2, "ES": 3}.get(country, 9) for country in rows["country"]])
    wanted = which / 10 + rows[COLUMNS[0]].to_numpy() / 100
    assert np.allclose(np.sort(result), np.sort(wanted)), (
        "Some rows are scored by the model of another country: rows of BR and of null belong to fallback, the others to their own model."
    )
    if isinstance(made, pd.Series):
        assert not np.allclose(made.reindex(rows.index), wanted) or np.allclose(result, wanted), (
            "The numbers are right by their index, but the caller reads them by position: put them into the order of the rows."
        )
    assert np.allclose(result, wanted), (
        "All numbers are right and stand in another order than the rows: a caller gets the answer of somebody else."
    )
    calls = max(one.calls for one in [*models.values(), fallback])
    assert calls <= 2, f"A model was called {calls} times: once for all its rows, not once for each row."
    one_country = rows[rows["country"] == "FR"]
    again = np.asarray(_called(route, models, fallback, one_country, when="On rows of one country"), float)
    assert np.allclose(again, wanted[(rows["country"] == "FR").to_numpy()]), (
        "On rows of one country the numbers are wrong."
    )


class _Steps:
    """A stand-in for a model: a number of its own plus a hundredth of the first column."""

    def __init__(self, number: int) -> None:
        self.number, self.calls = number, 0

    def predict_proba(self, x: Any) -> np.ndarray:
        self.calls += 1
        p = self.number / 10 + np.asarray(x, float).reshape(len(x), -1)[:, 0] / 100
        return np.c_[1 - p, p]


@trials("6.14")
def _(_spark):
    def chosen(models, fallback, name):
        return models.get(name, fallback)

    def by_mask(models, fallback, rows):
        result = np.empty(len(rows))
        country = rows["country"].where(rows["country"].isin(list(models)), "other")
        for name in country.unique():
            mine = (country == name).to_numpy()
            result[mine] = chosen(models, fallback, name).predict_proba(rows.loc[mine, COLUMNS].to_numpy())[:, 1]
        return result

    def parts(models, fallback, rows, **options):
        return [
            pd.Series(chosen(models, fallback, name).predict_proba(part[COLUMNS].to_numpy())[:, 1], index=part.index)
            for name, part in rows.groupby("country", **options)
        ]

    def in_groups(models, fallback, rows):
        return pd.concat(parts(models, fallback, rows, dropna=False)).to_numpy()

    def by_index(models, fallback, rows):
        return pd.concat(parts(models, fallback, rows, dropna=False))

    def loses_null(models, fallback, rows):
        return pd.concat(parts(models, fallback, rows)).to_numpy()

    def row_by_row(models, fallback, rows):
        return np.array(
            [
                chosen(models, fallback, row["country"]).predict_proba(np.array([row[COLUMNS]], float))[0, 1]
                for _, row in rows.iterrows()
            ]
        )

    def first_country(models, fallback, rows):
        return chosen(models, fallback, rows["country"].iloc[0]).predict_proba(rows[COLUMNS].to_numpy())[:, 1]

    def strict(models, fallback, rows):
        return [models[name] for name in rows["country"]]

    def changes(models, fallback, rows):
        rows["country"] = rows["country"].fillna("other")
        return by_mask(models, fallback, rows)

    def unfilled(models, fallback, rows):
        result = np.full(len(rows), np.nan)
        for name, model in models.items():
            mine = (rows["country"] == name).to_numpy()
            result[mine] = model.predict_proba(rows.loc[mine, COLUMNS].to_numpy())[:, 1]
        return result

    yield right(by_mask)
    yield right(lambda models, fallback, rows: by_index(models, fallback, rows).loc[rows.index])
    yield wrong("stand in another order", in_groups)
    yield wrong("reads them by position", by_index)
    yield wrong("nobody may be lost", loses_null)
    yield wrong("not once for each row", row_by_row)
    yield wrong("model of another country", first_country)
    yield wrong("it raises KeyError", strict)
    yield wrong("changed the rows", changes)
    yield wrong("go to fallback", unfilled)
