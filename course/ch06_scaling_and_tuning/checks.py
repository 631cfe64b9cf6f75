"""Checks of chapter 06, scaling and tuning. Each message addresses the mistake that was made."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from workbook.exercises import exercise, right, trials, wrong
from workbook.judging import answers_to, is_number

COLUMNS = ["age", "log_income", "minutes_trend", "tickets_30d", "late_payments_90d", "tenure_years"]


def _list(keys: set[Any]) -> str:
    return ", ".join(repr(key) for key in sorted(keys, key=str))


def _near(value: Any, wanted: float, tolerance: float = 0.02) -> bool:
    return is_number(value) and abs(value - wanted) <= tolerance * max(abs(wanted), 1e-9)


def _called(function: Callable[..., Any], *arguments: Any, when: str) -> Any:
    try:
        return function(*arguments)
    except Exception as error:
        raise AssertionError(f"{when} it raises {type(error).__name__}: {error}") from None


# 1 Pandas functions


@exercise(
    "6.1",
    objective="PRO-1.08",
    hint="How many batches do 20,000 rows make, and which rows does each call of the function receive?",
)
def the_mean_of_a_batch(centred_rows):
    answers_to(centred_rows, {0, 10_000}, "centred_rows")
    first, later = centred_rows[0], centred_rows[10_000]
    assert is_number(first) and is_number(later), "Both values should be numbers: the row's minutes minus a mean."
    assert not (_near(first, -9999.5) or _near(later, 0.5)), (
        "You subtracted the mean of all 20,000 rows, which the function never sees. It is called once per batch."
    )
    assert _near(first, -4999.5, 1e-4), (
        f"{first} for the first row: the first batch holds 0 to 9,999, so the function subtracts the mean of those from 0."
    )
    assert not _near(later, 5000.5, 1e-3), (
        "You used the mean of the first batch for the second batch. Nothing is kept from one call to the next."
    )
    assert _near(later, -4999.5, 1e-4), (
        f"{later} for row 10,000: it is the first row of the second batch, which holds 10,000 to 19,999."
    )
    return "The two rows differ by 10,000 minutes, but their results are equal."


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
    hint="Compare with the iterator UDF above: load before the loop, `yield` inside it. Here you yield a DataFrame.",
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
        "likely returns one DataFrame. Spark expects an iterator of DataFrames: `yield` one for each batch."
    )
    assert isinstance(made, Iterator), (
        f"likely returns {type(made).__name__}. Write it as a generator, with `yield`: a list holds the whole partition in memory."
    )
    first = _called(next, made, None, when="On the first batch")
    assert first is not None, "likely yields nothing."
    assert len(handed) == 1, (
        "likely reads all batches before it yields the first DataFrame, so the whole partition is in memory. Yield inside the loop."
    )
    results = [first, *_called(list, made, when="On the later batches")]
    assert all(isinstance(one, pd.DataFrame) for one in results), "likely should yield pandas DataFrames."
    calls = len(loads) - before
    assert calls != 0, (
        "load_model() was never called. A real worker does not have the notebook's `model`; it has to load one."
    )
    assert calls == 1, (
        f"load_model() was called {calls} times for {len(batches)} batches. Call it once, before the loop."
    )
    found = pd.concat(results)
    assert set(found.columns) == {"customer_id", "label_ts", "p"}, (
        f"The DataFrames have the columns {sorted(map(str, found.columns))}; the schema requires customer_id, label_ts, and p."
    )
    used = np.concatenate(batches)
    p = model.predict_proba(frame.iloc[used][COLUMNS].to_numpy())[:, 1]
    assert (found["p"] > 0.5).all(), "There are still rows with a probability of 0.5 or less."
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
    yield wrong("returns one DataFrame", one_frame, loads, model, frame)
    yield wrong("as a generator", a_list, loads, model, frame)
    yield wrong("the schema requires", all_columns, loads, model, frame)
    yield wrong("second column of predict_proba", other_class, loads, model, frame)
    yield wrong("should be a function", "likely", loads, model, frame)


# 2 One model per group


@exercise(
    "6.3",
    objective="PRO-1.14",
    hint="Which of the two treats null as a key? And in which process does the function fill its dictionary?",
)
def groups_are_foreseen(foreseen):
    answers_to(foreseen, {"rows", "groups", "dictionary"}, "foreseen")
    assert all(is_number(value) for value in foreseen.values()), "All three values should be numbers."
    assert foreseen["rows"] != 2, (
        "rows: Spark does not drop the orders without a channel. Null is a key like any other."
    )
    assert foreseen["rows"] != 32, "rows: all nulls form one group, not 30 groups of one order each."
    assert foreseen["rows"] == 3, (
        "rows: each call returns one row, and there is one call per group, including the group of null."
    )
    assert foreseen["groups"] != 3, "groups: pandas drops missing keys in groupby unless you pass dropna=False."
    assert foreseen["groups"] == 2, "groups: pandas makes one group for each channel that is not missing."
    assert foreseen["dictionary"] == 0, (
        "dictionary: the function runs in another process with a copy of it, and the copy is thrown away. "
        "Only the DataFrame that it returns comes back."
    )


@trials("6.3")
def _(_spark):
    foreseen = {"rows": 3, "groups": 2, "dictionary": 0}
    yield right(foreseen)
    yield wrong("Null is a key", foreseen | {"rows": 2})
    yield wrong("form one group", foreseen | {"rows": 32})
    yield wrong("dropna=False", foreseen | {"groups": 3})
    yield wrong("in another process", foreseen | {"dictionary": 3})
    yield wrong("should be numbers", foreseen | {"dictionary": "none"})
    yield wrong("should be a dictionary", (3, 2, 0))


@exercise(
    "6.4",
    objective="PRO-1.14",
    hint="Count both classes first. Then `try` to fit and pickle. `type(error).__name__` is the name of the class.",
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
            f"For {what} fit_segment returns {type(made).__name__}; applyInPandas expects a pandas DataFrame."
        )
        names = {"segment", "labels", "status", "model"}
        assert set(made.columns) == names, (
            f"For {what} the columns are {sorted(map(str, made.columns))}, not {sorted(names)}. applyInPandas does not add the key."
        )
        assert len(made) == 1, f"For {what} fit_segment returns {len(made)} rows. Return one row for every group."
        return made.iloc[0]

    good = row_of(normal, "a normal group")
    assert good["segment"] == "DE", (
        f"segment is {good['segment']!r} for the key ('DE',). The key is a tuple: use key[0]."
    )
    assert good["labels"] == len(normal), f"labels is {good['labels']} for a group of {len(normal)} rows."
    assert good["status"] == "ok", f"A normal group gets the status {good['status']!r}, not 'ok'."
    assert isinstance(good["model"], bytes | bytearray), (
        f"model is {type(good['model']).__name__}. A Spark column takes bytes: pickle.dumps(fitted)."
    )
    fitted = pickle.loads(good["model"])
    assert hasattr(fitted, "predict_proba"), "The bytes do not contain a fitted model: pickle what fit returns."
    assert len(_called(fitted.predict_proba, normal[COLUMNS].to_numpy(), when="When the model scores new rows")) == len(
        normal
    )

    for customers, what in (
        (few, "a group with 19 churned rows"),
        (normal.assign(churned=0), "a group without churned rows"),
        (normal.assign(churned=1), "a group with churned rows only"),
    ):
        made = row_of(customers, what)
        assert made["status"] == "too few", f"For {what} the status is {made['status']!r}: count both classes."
        assert made["model"] is None, f"For {what} model should be None."
    at_edge = row_of(enough, "a group with exactly 20 churned rows")
    assert at_edge["status"] == "ok", "20 churned rows are enough: too few means fewer than 20."
    made = row_of(odd, "a group whose fit fails")
    assert made["status"] == "ValueError", (
        f"When fit raises a ValueError, the status is {made['status']!r}. Use type(error).__name__, so that the table shows the cause."
    )
    assert made["model"] is None, "When fit raises, model should be None."
    unnamed = row_of(normal, "the null key", key=None)
    assert pd.isna(unnamed["segment"]), f"For the null key, segment is {unnamed['segment']!r}: keep it null."


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
    yield wrong("returns 0 rows", skips, frame)
    yield wrong("count both classes", _fitter(least=1), frame)
    yield wrong("fewer than 20", _fitter(least=21), frame)
    yield wrong("use key[0]", _fitter(segment=lambda key, _: str(key)), frame)
    yield wrong("takes bytes", _fitter(model=lambda *_: "model"), frame)
    yield wrong("does not add the key", lambda key, customers: _fitter()(key, customers).drop(columns="segment"), frame)
    yield wrong("expects a pandas DataFrame", lambda key, customers: {"segment": key[0]}, frame)
    yield wrong("keep it null", _fitter(segment=lambda key, _: str(key[0])), frame)


# 3 Counting fits


@exercise(
    "6.5",
    objective="ASC-3.10",
    hint="Multiply combinations by folds, and ask whether there is a final fit. For e, count rounds within each fold.",
)
def what_a_search_costs(cost):
    answers_to(cost, set("abcde"), "cost")
    assert all(is_number(value) for value in cost.values()), "All five values should be numbers."
    a, b, c, d, e = (cost[name] for name in "abcde")
    assert a != 24, "a: after 8 combinations on 3 folds, the best combination is fitted once more on all rows."
    assert a not in (18, 19), "a: a grid tries every combination, so 4 and 2 are multiplied, not added."
    assert a != 9, "a: that forgets the folds: each combination is fitted on each of the 3."
    assert a == 25, f"a: {a} is not combinations x folds + 1."
    assert b != 8, "b: TrainValidationSplit also fits its winner again on all rows."
    assert b != 25, "b: there is one split, not three folds."
    assert b == 9, f"b: {b} is not combinations x one split + 1."
    assert c not in (60, 61, 240, 241), (
        "c: a list of two dictionaries is two grids. The first has no gamma, so it adds only its 4 combinations."
    )
    assert c != 80, "c: GridSearchCV has refit=True by default, so there is a final fit."
    assert c == 81, f"c: {c} is not (combinations of the first grid + combinations of the second) x folds + 1."
    assert d not in (1000, 1001, 5000, 5001), (
        "d: n_iter sets the size of a random search, however large its search space is."
    )
    assert d != 101, "d: with refit=False there is no final fit."
    assert d == 100, f"d: {d} is not n_iter x folds."
    assert e != 60, "e: the rounds are right; the final fit on all rows takes 10 minutes more."
    assert e not in (250, 240), "e: four fits run at a time."
    assert e not in (62.5, 72.5), "e: a fit cannot be split between threads; count whole rounds."
    assert e == 70, f"e: {e} is not the minutes of the rounds in all folds plus those of the final fit."


@trials("6.5")
def _(_spark):
    cost = {"a": 25, "b": 9, "c": 81, "d": 100, "e": 70}
    yield right(cost)
    yield wrong("once more on all rows", cost | {"a": 24})
    yield wrong("multiplied, not added", cost | {"a": 19})
    yield wrong("forgets the folds", cost | {"a": 9})
    yield wrong("one split, not three", cost | {"b": 25})
    yield wrong("fits its winner again", cost | {"b": 8})
    yield wrong("two grids", cost | {"c": 61})
    yield wrong("refit=True", cost | {"c": 80})
    yield wrong("n_iter sets the size", cost | {"d": 5001})
    yield wrong("with refit=False", cost | {"d": 101})
    yield wrong("10 minutes more", cost | {"e": 60})
    yield wrong("four fits run at a time", cost | {"e": 250})
    yield wrong("should be numbers", cost | {"e": "70"})


# 4 Random, grid, Bayesian


@exercise(
    "6.6",
    objective="ASC-3.06",
    hint="Project the 25 points onto the axis of the learning rate: how many of them coincide?",
)
def grid_or_random(guess):
    answers_to(guess, {"rates of the grid", "rates of random", "nearer"}, "guess")
    assert guess["nearer"] in ("grid", "random", "neither"), 'nearer should be "grid", "random" or "neither".'
    rates = (guess["rates of the grid"], guess["rates of random"])
    assert all(map(is_number, rates)), "Both counts of learning rates should be numbers."
    assert guess["rates of the grid"] != 25, (
        "The grid makes 25 fits, but five of them share each learning rate: only the other parameter changes."
    )
    assert guess["rates of the grid"] == 5, "A 5 x 5 grid has five values on each axis."
    assert guess["rates of random"] != 5, (
        "Random search draws a new learning rate in every trial; it does not choose from five."
    )
    assert guess["rates of random"] == 25, "Each of the 25 random points has a learning rate of its own."
    assert guess["nearer"] != "grid", (
        "The grid covers the square evenly, but only the axis of the learning rate matters, and there it has five values."
    )
    assert guess["nearer"] != "neither", (
        "The numbers of fits are equal, but the numbers of learning rates are not: compare those."
    )


@trials("6.6")
def _(_spark):
    guess = {"rates of the grid": 5, "rates of random": 25, "nearer": "random"}
    yield right(guess)
    yield wrong("share each learning rate", guess | {"rates of the grid": 25})
    yield wrong("in every trial", guess | {"rates of random": 5})
    yield wrong("covers the square evenly", guess | {"nearer": "grid"})
    yield wrong("numbers of fits are equal", guess | {"nearer": "neither"})
    yield wrong("should be numbers", guess | {"rates of the grid": "five"})
    yield wrong('should be "grid"', guess | {"nearer": "Random search"})


# 5 Optuna and MLflow


@exercise(
    "6.7",
    objective=("PRO-1.09", "ASC-3.06"),
    hint="Ask for `kind` first, and for each other parameter inside the branch that uses it. Is a larger result better?",
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
        assert is_number(value), f"objective returns {type(value).__name__}: return the result of evaluate."
        return float(value), trial.distributions

    value, space = asked(kind="logistic", c=1.0)
    _, other_space = asked(kind="boosting", max_leaf_nodes=4)
    kinds = space.get("kind")
    assert isinstance(kinds, CategoricalDistribution) and set(kinds.choices) == {"logistic", "boosting"}, (
        'Ask for kind with suggest_categorical("kind", ["logistic", "boosting"]).'
    )
    c = space.get("c")
    assert isinstance(c, FloatDistribution), 'A logistic trial should ask for c: suggest_float("c", ...).'
    assert (c.low, c.high) == (0.001, 100), (
        f"c goes from {c.low:g} to {c.high:g}. Optuna takes the bounds themselves, 0.001 and 100, also with log=True."
    )
    assert c.log, (
        "c is drawn evenly between 0.001 and 100, so 90 % of the draws are above 10: log=True spreads it over the powers of ten."
    )
    leaves = other_space.get("max_leaf_nodes")
    assert isinstance(leaves, IntDistribution), (
        "A boosting trial should ask for max_leaf_nodes with suggest_int: it is an integer."
    )
    assert (leaves.low, leaves.high) == (2, 16), (
        f"max_leaf_nodes goes from {leaves.low} to {leaves.high}, not from 2 to 16; suggest_int includes both ends."
    )
    gain = value > 0.5
    assert not (gain and search.direction != StudyDirection.MAXIMIZE), (
        "The objective returns an AUC, and this study minimises: it looks for the worst model. Pass direction='maximize'."
    )
    assert gain or search.direction == StudyDirection.MINIMIZE, (
        "The objective returns a loss, and this study maximises it. Return the result of evaluate."
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
    yield wrong("90 % of the draws", build(log=False), up)
    yield wrong("bounds themselves", build(low=1e-7, high=4.6), up)
    yield wrong("not from 2 to 16", build(leaves=32), up)
    yield wrong("it is an integer", build(as_float=True), up)
    yield wrong("should be a study", build(), "maximize")
    yield wrong("returns NoneType", lambda trial: build()(trial) and None, up)


@exercise(
    "6.8",
    objective=("PRO-1.09", "ASC-3.07"),
    hint="How many rounds of 5 minutes fit into the deadline? All trials of a round are proposed before any of them finishes.",
)
def few_enough_to_learn(plan):
    answers_to(plan, {"n_jobs", "known with n_jobs", "known with 48"}, "plan")
    assert all(is_number(value) for value in plan.values()), "All three values should be numbers."
    jobs = plan["n_jobs"]
    assert jobs != -1, "n_jobs: -1 is the default and means all 48 at once."
    assert jobs > 3, f"n_jobs: {jobs} at a time take {-(-48 // max(int(jobs), 1)) * 5} minutes, but the deadline is 65."
    assert jobs == 4, (
        f"n_jobs: {jobs} is not the smallest that meets the deadline: 13 rounds of 5 minutes fit into 65 minutes."
    )
    assert plan["known with 48"] != 47, (
        "known with 48: a shared storage holds 47 other trials, but none of them is finished."
    )
    assert plan["known with 48"] == 0, "known with 48: all are proposed at the same moment, before any result is in."
    assert plan["known with n_jobs"] != 47, (
        "known with n_jobs: three other trials of the last round run at the same time and are not finished."
    )
    assert plan["known with n_jobs"] == 44, "known with n_jobs: all trials except those of the last round are finished."


@trials("6.8")
def _(_spark):
    plan = {"n_jobs": 4, "known with n_jobs": 44, "known with 48": 0}
    yield right(plan)
    yield wrong("80 minutes", plan | {"n_jobs": 3})
    yield wrong("not the smallest", plan | {"n_jobs": 16})
    yield wrong("all 48 at once", plan | {"n_jobs": -1})
    yield wrong("none of them is finished", plan | {"known with 48": 47})
    yield wrong("not finished", plan | {"known with n_jobs": 47})
    yield wrong("should be numbers", plan | {"n_jobs": "4"})


# 6 Parallel tuning on one node


@exercise(
    "6.9",
    objective="ASC-3.07",
    hint="Which names does the function take from outside, and how large are their values? A path is a short string.",
)
def nothing_heavy_taken_along(light, heavy):
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
        f"light takes along {size / 1e6:.1f} MB: a default value is stored in the function and is sent with it."
    )
    assert size < 100_000, (
        f"light takes along {size / 1e6:.1f} MB: every outside name is packed with its value. Read the rows from train_path, inside the function."
    )
    for c in (1.0, 0.0001):
        result, wanted = _called(light, c, when=f"With c={c}"), heavy(c)
        assert is_number(result), f"light returns {type(result).__name__}; heavy returns a number."
        assert _near(result, wanted, 1e-9), (
            f"light({c}) is {result:.4f}, but heavy({c}) is {wanted:.4f}: use the same rows, model, and score, and pass c on."
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

    def heavy(c):
        return float(data.max() * c)

    def raises(c):
        return {}["churned"]

    namespace: dict[str, Any] = {"spark": spark}
    exec("def by_session(c):\n    return spark.table('t').toPandas()", namespace)

    def ignores_c(c):
        return 49_999.0

    yield right(by_range, heavy)
    yield wrong("With c=1.0 it raises KeyError", raises, heavy)
    yield wrong("pass c on", ignores_c, heavy)
    yield wrong("every outside name", from_outside, heavy)
    yield wrong("a default value", from_default, heavy)
    yield wrong("has no session", namespace["by_session"], heavy)
    yield wrong("the same rows, model, and score", other, heavy)
    yield wrong("returns NoneType", nothing, heavy)
    yield wrong("a function of c", 49_999.0, heavy)


# 7 Hyperopt: fmin


@exercise(
    "6.10",
    objective="ASC-3.05",
    hint="See the table above: the result of a choice, the bounds of loguniform, the direction of fmin, and the model's library.",
)
def an_old_notebook_is_read(reading):
    answers_to(reading, {"iterations", "alpha", "f1", "trials"}, "reading")
    assert reading["iterations"] != 1, (
        "iterations: 1 is not among the options. fmin returns the position in the list of hp.choice."
    )
    assert reading["iterations"] != 50, "iterations: positions are counted from 0."
    assert reading["iterations"] == 100, "iterations: take the value at position 1 of [50, 100, 200, 400]."
    alpha = reading["alpha"]
    assert isinstance(alpha, tuple | list | np.ndarray) and len(alpha) == 2 and all(map(is_number, alpha)), (
        "alpha should be two numbers, the smallest and the largest."
    )
    assert not _near(alpha[0], -5), (
        "alpha: -5 and 2 are logarithms. The drawn value is e to the power of a number between them."
    )
    assert not (_near(alpha[1], 100) or _near(alpha[0], 1e-5)), (
        "alpha: Hyperopt takes natural logarithms, not powers of ten."
    )
    assert _near(alpha[0], float(np.exp(-5)), 0.05) and _near(alpha[1], float(np.exp(2)), 0.05), (
        f"alpha: {alpha[0]} and {alpha[1]} are not the exponentials of the two bounds."
    )
    assert reading["f1"] in ("highest", "lowest"), 'f1 should be "highest" or "lowest".'
    assert reading["f1"] == "lowest", (
        "f1: fmin minimises the loss, and f1 itself was returned as the loss. It should be -f1."
    )
    assert reading["trials"] in ("Trials", "SparkTrials"), 'trials should be "Trials" or "SparkTrials".'
    assert reading["trials"] == "Trials", (
        "trials: SparkTrials sends each trial to a worker, which has no Spark session, so Spark ML cannot be fitted there. "
        "Trials runs them on the driver, and each fit uses the cluster."
    )


@trials("6.10")
def _(_spark):
    reading = {"iterations": 100, "alpha": (0.0067, 7.4), "f1": "lowest", "trials": "Trials"}
    yield right(reading)
    yield right(reading | {"alpha": [0.0067, 7.39]})
    yield right(reading | {"alpha": np.exp([-5.0, 2.0])})
    yield wrong("position in the list", reading | {"iterations": 1})
    yield wrong("counted from 0", reading | {"iterations": 50})
    yield wrong("are logarithms", reading | {"alpha": (-5, 2)})
    yield wrong("not powers of ten", reading | {"alpha": (1e-5, 100)})
    yield wrong("two numbers", reading | {"alpha": "0.0067 to 7.4"})
    yield wrong("It should be -f1", reading | {"f1": "highest"})
    yield wrong("has no Spark session", reading | {"trials": "SparkTrials"})


# 8 Ray and Spark


@exercise(
    "6.11",
    objective=("PRO-1.10", "PRO-1.13"),
    hint="For each node, how many trials do its CPUs allow, and how many its GPUs? For c to f: rows of tables, or long-lived and uneven tasks?",
)
def ray_or_spark(answers):
    answers_to(answers, set("abcdef"), "answers")
    a, b = answers["a"], answers["b"]
    assert is_number(a) and is_number(b), "a and b should be numbers."
    assert a not in (20, 21), (
        "a: the CPUs would allow that many. Each trial also needs half a GPU, and 8 GPUs give 16 halves."
    )
    assert a != 8, "a: each trial needs half a GPU, so two trials share one."
    assert a != 4, "a: a node runs as many trials as fit, not only one."
    assert a == 16, f"a: {a} is wrong. On each of 4 nodes the CPUs allow 5 trials and the GPUs allow 4."
    assert b != 16, "b: the GPUs would allow 16. With 6 CPUs each, a node of 16 CPUs runs only two trials."
    assert b not in (10, 11), (
        "b: a trial runs on one node. The four CPUs left on each node cannot be combined into another trial."
    )
    assert b == 8, f"b: {b} is wrong. On each of 4 nodes the CPUs allow 2 trials and the GPUs allow 4."
    for name in "cdef":
        assert answers[name] in ("spark", "ray"), f'{name}: answer "spark" or "ray".'
    assert answers["c"] == "spark", (
        "c: joins and aggregations of tables are planned and shuffled by Spark. Ray has no such planner."
    )
    assert answers["d"] == "ray", (
        "d: simulators that keep state and exchange messages are actors. A Spark query cannot express them."
    )
    assert answers["e"] == "spark", (
        "e: independent fits by key, from table to table: applyInPandas does it in one job, with no second engine to run."
    )
    assert answers["f"] == "ray", "f: Ray Tune schedules fractions of GPUs and stops bad trials early."


@trials("6.11")
def _(_spark):
    answers = {"a": 16, "b": 8, "c": "spark", "d": "ray", "e": "spark", "f": "ray"}
    yield right(answers)
    yield wrong("8 GPUs give 16 halves", answers | {"a": 21})
    yield wrong("two trials share one", answers | {"a": 8})
    yield wrong("cannot be combined", answers | {"b": 10})
    yield wrong("runs only two", answers | {"b": 16})
    yield wrong("planned and shuffled", answers | {"c": "ray"})
    yield wrong("are actors", answers | {"d": "spark"})
    yield wrong("no second engine", answers | {"e": "ray"})
    yield wrong("fractions of GPUs", answers | {"f": "spark"})
    yield wrong("should be numbers", answers | {"a": "16"})
    yield wrong('answer "spark" or "ray"', answers | {"c": "Spark ML"})


# 9 Scale up or out


@exercise(
    "6.12",
    objective="PRO-1.11",
    hint="Plotted over 1 / workers, the minutes lie on a straight line. What do its intercept and its slope mean?",
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
        assert all(is_number(value) for value in made), "amdahl should return two numbers, not other objects."
        got = [float(value) for value in made]
        assert not (_near(got[0], divisible) and _near(got[1], fixed)), (
            "The two are swapped: the fixed minutes come first."
        )
        assert abs(got[0]) > 0.01, (
            "The fixed part is 0, so the work would be perfectly divisible, and twice the workers would halve the time."
        )
        assert not _near(got[0], float(minutes[-1])), (
            f"The fixed part is not the time with the most workers: even more workers would still reduce the {minutes[-1]} minutes."
        )
        assert _near(got[0], fixed) and _near(got[1], divisible), (
            f"For {workers} workers and {minutes} minutes amdahl returns {got[0]:.1f} + {got[1]:.1f} / n, which does not match these times."
        )
    answers_to(workers_for, {10, 20}, "workers_for")
    assert workers_for[10] is None, "10 minutes: the fixed 12 minutes remain, however many workers share the rest."
    assert workers_for[20] is not None, (
        "20 minutes: 8 workers take 21 minutes, and each additional worker still reduces that a little."
    )
    assert is_number(workers_for[20]), "20 minutes: give a number of workers."
    assert workers_for[20] != 16, "20 minutes: 16 workers take 16.5 minutes. Fewer are enough."
    assert workers_for[20] == 9, (
        f"20 minutes: {workers_for[20]} is not the smallest number of workers. Solve 12 + 72 / n = 20."
    )


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
    yield wrong("time with the most workers", last, answer)
    yield wrong("swapped", lambda workers, minutes: amdahl(workers, minutes)[::-1], answer)
    yield wrong("two numbers", lambda workers, minutes: amdahl(workers, minutes)[0], answer)
    yield wrong("12 minutes remain, however", amdahl, answer | {10: 36})
    yield wrong("reduces that a little", amdahl, answer | {20: None})
    yield wrong("Fewer are enough", amdahl, answer | {20: 16})
    yield wrong("Solve 12", amdahl, answer | {20: 10})
    yield wrong("not other objects", lambda workers, minutes: (None, None), answer)
    yield wrong("returns 24.0 + 60.0 / n", lambda workers, minutes: (24.0, 60.0), answer)
    yield wrong("a function of workers", (12, 72), answer)


# 10 Data and model parallel


@exercise(
    "6.13",
    objective="PRO-1.12",
    hint="1.5 billion times 16 bytes are 24 GB. Which plans keep all of them on every GPU, and which part shrinks with the batch?",
)
def will_it_fit(memory):
    answers_to(memory, {"a", "b", "c", "fits"}, "memory")
    a, b, c = (memory[name] for name in "abc")
    assert all(map(is_number, (a, b, c))), "a, b and c should be numbers, in GB."
    assert not (_near(a, 10) or _near(a, 7)), (
        "a: data parallelism divides the rows, not the model: every GPU has all weights, gradients and optimizer state."
    )
    assert not _near(a, 24), "a: add the activations to the 24 GB of state."
    assert _near(a, 28), f"a: {a} GB is not the whole state plus the activations."
    assert not _near(b, 14), "b: half the batch halves only the activations; the state does not change."
    assert _near(b, 26), f"b: {b} GB is not the whole state plus half of the activations."
    assert not _near(c, 7), "c: only the state is divided by four; the activations of a GPU's own rows are not."
    assert _near(c, 10), f"c: {c} GB is not a quarter of the state plus the activations."
    fits = memory["fits"]
    assert isinstance(fits, list | tuple | set) and all(one in ("a", "b", "c") for one in fits), (
        'fits should be a list of letters, such as ["a"].'
    )
    assert set(fits) == {"c"}, (
        f"fits: {sorted(fits)} is wrong. A GPU has 16 GB; the memory of other GPUs does not help a plan that copies the state."
    )


@trials("6.13")
def _(_spark):
    memory = {"a": 28, "b": 26, "c": 10, "fits": ["c"]}
    yield right(memory)
    yield wrong("divides the rows", memory | {"a": 10})
    yield wrong("add the activations", memory | {"a": 24})
    yield wrong("halves only the activations", memory | {"b": 14})
    yield wrong("only the state is divided", memory | {"c": 7})
    yield wrong("does not help", memory | {"fits": ["a", "b", "c"]})
    yield wrong("list of letters", memory | {"fits": 1})
    yield wrong("in GB", memory | {"a": "28 GB"})


# Checkpoint


@exercise(
    "6.14",
    objective=("PRO-1.14", "PRO-1.08"),
    hint="Create an array with one place per row. How can a mask select the places of a country?",
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
    assert rows.equals(before), "route changed `rows`: the caller may still need them."
    assert made is not None, "route returns None: is the return statement missing?"
    assert not isinstance(made, pd.DataFrame), (
        "route returns a DataFrame: return an array with one probability for each row."
    )
    try:
        result = np.asarray(made, dtype=float)
    except (TypeError, ValueError):
        raise AssertionError("route should return an array of numbers, one probability for each row.") from None
    assert result.shape != (len(rows), 2), (
        "route returns both columns of predict_proba: the probability of churn is the second."
    )
    assert result.shape == (len(rows),), (
        f"route returns an array of shape {result.shape} for {len(rows)} rows. Every row needs one number."
    )
    assert not np.isnan(result).any(), (
        f"{np.isnan(result).sum()} rows have no number: null and unknown countries go to fallback."
    )
    which = np.array([{"DE": 1, "FR": 2, "ES": 3}.get(country, 9) for country in rows["country"]])
    wanted = which / 10 + rows[COLUMNS[0]].to_numpy() / 100
    assert np.allclose(np.sort(result), np.sort(wanted)), (
        "Some rows are scored by the wrong model. Score rows of BR and null with fallback, and the others with their country's model."
    )
    if isinstance(made, pd.Series):
        assert not np.allclose(made.reindex(rows.index), wanted) or np.allclose(result, wanted), (
            "The numbers are right by index, but the caller reads them by position: return them in the order of the rows."
        )
    assert np.allclose(result, wanted), (
        "The numbers are right but not in the order of the rows, so callers get the answers of other customers."
    )
    calls = max(one.calls for one in [*models.values(), fallback])
    assert calls <= 2, f"A model was called {calls} times. Call it once for all its rows, not once for each row."
    one_country = rows[rows["country"] == "FR"]
    again = np.asarray(_called(route, models, fallback, one_country, when="On rows of one country"), float)
    assert np.allclose(again, wanted[(rows["country"] == "FR").to_numpy()]), (
        "On rows of one country the numbers are wrong."
    )


class _Steps:
    """A stand-in for a model: its own number plus a hundredth of the first column."""

    def __init__(self, number: int) -> None:
        self.number, self.calls = number, 0

    def predict_proba(self, x: Any) -> np.ndarray:
        self.calls += 1
        if not len(x):
            raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required.")
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

    def both_columns(models, fallback, rows):
        return fallback.predict_proba(rows[COLUMNS].to_numpy())

    def every_model(models, fallback, rows):
        result = by_mask(models, fallback, rows)
        for name, model in models.items():
            model.predict_proba(rows.loc[(rows["country"] == name).to_numpy(), COLUMNS].to_numpy())
        return result

    yield right(by_mask)
    yield wrong("array of numbers", lambda models, fallback, rows: ["high"] * len(rows))
    yield wrong("returns None", lambda models, fallback, rows: None)
    yield wrong("both columns", both_columns)
    yield wrong("one country it raises ValueError: Found array with 0", every_model)
    yield right(lambda models, fallback, rows: by_index(models, fallback, rows).loc[rows.index])
    yield wrong("not in the order of the rows", in_groups)
    yield wrong("reads them by position", by_index)
    yield wrong("Every row needs one number", loses_null)
    yield wrong("not once for each row", row_by_row)
    yield wrong("scored by the wrong model", first_country)
    yield wrong("it raises KeyError", strict)
    yield wrong("route changed", changes)
    yield wrong("go to fallback", unfilled)
