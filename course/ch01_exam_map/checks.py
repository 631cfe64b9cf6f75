"""Checks of chapter 01, exam map. The message of an assert is written for the mistake that was made."""

from __future__ import annotations

import datetime as dt

from lakehouse.errors import InvalidValue
from workbook import study
from workbook.exercises import exercise, right, trials, wrong
from workbook.judging import answers_to, is_number


@exercise(
    "1.1",
    objective="PRO-2.02",
    hint="A rise of 10 points in a domain of 26 questions is 2.6 questions. What is it in a domain of 7?",
)
def gain_in_questions(gain, best_domain):
    items = {"Model Development": 26, "MLOps": 26, "Model Deployment": 7}
    rise = {"Model Development": 0.15, "MLOps": 0.13, "Model Deployment": 0.60}
    gain = gain.to_dict() if hasattr(gain, "to_dict") else gain
    assert isinstance(gain, dict) and set(gain) == set(items), f"gain needs the three domains: {', '.join(items)}."
    assert all(is_number(value) for value in gain.values()), "gain holds a number for each domain."
    if all(abs(gain[domain] - rise[domain]) < 1e-6 for domain in items):
        raise AssertionError("That is the rise in points. Multiply it by the number of questions in the domain.")
    if all(abs(gain[domain] - items[domain] * (rise[domain] + start)) < 1e-6 for domain, start in _NOW.items()):
        raise AssertionError("That is how many she would get right, not how many more: subtract what she has now.")
    for domain in items:
        assert abs(gain[domain] - items[domain] * rise[domain]) < 0.06, (
            f"{domain}: {gain[domain]:.2f} is not questions times rise, {items[domain]} x {rise[domain]:.2f}."
        )
    assert isinstance(best_domain, str) and best_domain in items, (
        f"best_domain={best_domain!r} is not one of {', '.join(items)}."
    )
    assert best_domain == "Model Deployment", (
        f"{best_domain} does not have the largest gain: compare {', '.join(f'{d} {g:.2f}' for d, g in gain.items())}."
    )


_NOW = {"Model Development": 0.60, "MLOps": 0.55, "Model Deployment": 0.20}


@trials("1.1")
def _(_spark):
    gain = {"Model Development": 3.9, "MLOps": 3.38, "Model Deployment": 4.2}
    yield right(gain, "Model Deployment")
    points = {"Model Development": 0.15, "MLOps": 0.13, "Model Deployment": 0.60}
    yield wrong("rise in points", points, "Model Deployment")
    whole = {"Model Development": 26 * 0.75, "MLOps": 26 * 0.68, "Model Deployment": 7 * 0.8}
    yield wrong("how many more", whole, "Model Development")
    yield wrong("does not have the largest gain", gain, "MLOps")
    yield wrong("needs the three domains", {"MLOps": 3.38}, "MLOps")
    yield wrong("is not one of", gain, "Deployment")


@exercise(
    "1.2",
    objective="PRO-2.02",
    hint="Which were modes or states of the old registry and feature store? What must every version in Unity Catalog carry?",
)
def words_of_today(still_runs):
    still_runs = answers_to(still_runs, "abcde", "still_runs", (True, False))
    assert still_runs["a"], "a: aliases are how a version is named today. The call works."
    assert not still_runs["b"], "b: Unity Catalog has no stages. The environment is the catalog, the status an alias."
    assert still_runs["c"], "c: merge is the one mode that the FeatureEngineeringClient has."
    assert not still_runs["d"], "d: overwrite was a mode of the old FeatureStoreClient; this client refuses it."
    assert not still_runs["e"], (
        "e: a model registered in Unity Catalog needs a signature. An input example gives one; here there is neither."
    )


@trials("1.2")
def _(_spark):
    answer = {"a": True, "b": False, "c": True, "d": False, "e": False}
    yield right(answer)
    yield wrong("no stages", answer | {"b": True})
    yield wrong("old FeatureStoreClient", answer | {"d": True})
    yield wrong("needs a signature", answer | {"e": True})
    yield wrong("no answer for e", {key: answer[key] for key in "abcd"})


@exercise(
    "1.3",
    objective=("PRO-2.02", "ASC-1.01"),
    hint="Does the thing have a three-level name? Then it lives in the catalog.",
)
def grant_or_access_list(opened_by):
    opened_by = answers_to(opened_by, "abcdef", "opened_by", ("grant", "access list"))
    assert opened_by["a"] == "grant", (
        "a: a table is a securable of Unity Catalog: MODIFY and SELECT on it, USE on its catalog and schema."
    )
    assert opened_by["b"] == "access list", (
        "b: an endpoint is a workspace object, with CAN QUERY. What the endpoint reads is a matter of grants to its creator."
    )
    assert opened_by["c"] == "grant", "c: functions are securables too: EXECUTE."
    assert opened_by["d"] == "access list", "d: a job is a workspace object: CAN MANAGE RUN."
    assert opened_by["e"] == "access list", "e: an experiment is a workspace object: CAN EDIT."
    assert opened_by["f"] == "grant", "f: a volume has a three-level name and is granted: READ VOLUME."


@trials("1.3")
def _(_spark):
    answer = dict(zip("abcdef", ("grant", "access list", "grant", "access list", "access list", "grant"), strict=True))
    yield right(answer)
    yield wrong("CAN QUERY", answer | {"b": "grant"})
    yield wrong("EXECUTE", answer | {"c": "access list"})
    yield wrong("CAN EDIT", answer | {"e": "grant"})
    yield wrong("READ VOLUME", answer | {"f": "access list"})
    yield wrong("is not a choice", answer | {"a": "granted"})


_FEATURES = ("feature table", "tracking", "registry", "bundle", "job", "serving", "monitor")


@exercise(
    "1.4",
    objective="PRO-2.02",
    hint="What would you open first to do it? Which feature stores the thing that is asked for?",
)
def one_activity_one_feature(feature):
    feature = answers_to(feature, "abcdefg", "feature", _FEATURES)
    assert feature["a"] != "job", "a: the nightly job stays as it is. It asks for an alias, and the alias is moved."
    assert feature["a"] == "registry", (
        "a: versions, and the alias that says which one is live, are kept by the registry."
    )
    assert feature["b"] == "bundle", "b: resources declared as files, deployed to several targets: a bundle."
    assert feature["c"] != "registry", "c: the registry keeps versions worth deploying. 200 trials are runs."
    assert feature["c"] == "tracking", "c: parameters and metrics of runs are compared in MLflow tracking."
    assert feature["d"] == "monitor", "d: nulls of a column over time, with an alert on their change: a monitor."
    assert feature["e"] == "feature table", "e: a feature that two teams share is computed once, in a feature table."
    assert feature["f"] == "serving", "f: the customer waits, so an endpoint answers."
    assert feature["g"] != "serving", "g: nobody waits at four in the morning. A job with a retry costs less."
    assert feature["g"] == "job", "g: a schedule with retries is a job."


@trials("1.4")
def _(_spark):
    words = ("registry", "bundle", "tracking", "monitor", "feature table", "serving", "job")
    answer = dict(zip("abcdefg", words, strict=True))
    yield right(answer)
    yield wrong("nightly job stays", answer | {"a": "job"})
    yield wrong("200 trials are runs", answer | {"c": "registry"})
    yield wrong("Nobody waits".lower(), answer | {"g": "serving"})
    yield wrong("deployed to several targets", answer | {"b": "job"})


_COMPUTE = ("serverless", "all-purpose", "jobs cluster", "jobs cluster, GPU", "SQL warehouse", "model serving")


@exercise(
    "1.5",
    objective=("PRO-2.02", "ASC-1.02"),
    hint="Does somebody wait? A person or a schedule? Is there a library, a GPU or an API that serverless lacks?",
)
def compute_for_seven_workloads(compute):
    compute = answers_to(compute, "abcdefg", "compute", _COMPUTE)
    assert compute["a"] != "all-purpose", (
        "a: an all-purpose cluster is for people. A nightly task gets compute of its own."
    )
    assert compute["a"] == "serverless", (
        "a: DataFrame code without special libraries, and no cluster to maintain: serverless."
    )
    assert compute["b"] == "model serving", "b: a payment can wait 200 ms at most. Only an endpoint is already running."
    assert compute["c"] != "serverless", (
        "c: serverless is Spark Connect, which has no RDD. The old code does not run there."
    )
    assert compute["c"] == "all-purpose", (
        "c: a person, interactively, with classic Spark: an all-purpose cluster, in dedicated mode."
    )
    assert compute["d"] == "jobs cluster, GPU", (
        "d: PyTorch on one device needs one GPU, and a weekly run needs it for the run only: a jobs cluster with a GPU node."
    )
    assert compute["e"] == "SQL warehouse", (
        "e: alerts are SQL queries on a schedule. They run on a SQL warehouse (which may be serverless itself)."
    )
    assert compute["f"] != "serverless", (
        "f: the libraries of an ML runtime come with a classic cluster in dedicated mode. Serverless pins its own environment."
    )
    assert compute["f"] == "jobs cluster", "f: a schedule with an ML runtime: a jobs cluster."
    assert compute["g"] != "model serving", (
        "g: three million rows at night are a batch. An endpoint is for those who wait."
    )
    assert compute["g"] == "serverless", (
        "g: a batch in Python on a schedule, libraries pinned in its environment, no cluster to maintain: serverless."
    )


@trials("1.5")
def _(_spark):
    words = (
        "serverless", "model serving", "all-purpose", "jobs cluster, GPU", "SQL warehouse", "jobs cluster", "serverless",
    )  # fmt: skip
    answer = dict(zip("abcdefg", words, strict=True))
    yield right(answer)
    yield wrong("for people", answer | {"a": "all-purpose"})
    yield wrong("no RDD", answer | {"c": "serverless"})
    yield wrong("dedicated mode", answer | {"f": "serverless"})
    yield wrong("are a batch", answer | {"g": "model serving"})
    yield wrong("200 ms", answer | {"b": "serverless"})


@exercise(
    "1.6",
    objective="ASC-1.02",
    hint="Requirement(line) has a name and a specifier; specifier.contains(version) compares as pip does.",
)
def conflicts_are_found(conflicts):
    assert callable(conflicts), "conflicts should stay a function."
    runtime = {"scikit-learn": "1.6.1", "mlflow": "3.0.1", "numpy": "2.1.3", "pandas": "2.10.0"}

    def found(*lines):
        names = conflicts(list(lines), dict(runtime))
        assert names is not None, "conflicts returns nothing yet."
        assert isinstance(names, list), (
            f"Return a list, not a {type(names).__name__}: two runs then give the same order."
        )
        return names

    assert found("pandas>=2.9") == [], (
        "In another project, pandas>=2.9 is met by 2.10.0: compare versions, not strings or decimal numbers."
    )
    assert found("mlflow>=2.14") == [], "mlflow 3.0.1 satisfies >=2.14 and is no conflict."
    assert found("lightgbm>=4") != ["lightgbm>=4"], "Return the names of the packages, not the whole lines."
    assert found("lightgbm>=4") == ["lightgbm"], "lightgbm is not in the runtime at all: that is a conflict too."
    assert found("optuna") == ["optuna"], (
        "A line without a version, such as optuna, still asks for the package: if the runtime lacks it, it is a conflict."
    )
    assert found("scikit-learn~=1.5.1") == ["scikit-learn"], (
        "~=1.5.1 allows 1.5.2, but not 1.6: the last number given may grow, the others may not."
    )
    names = found("scikit-learn~=1.5.1", "mlflow>=2.14", "numpy>=1.26,<2", "lightgbm>=4", "pandas>=2.1")
    assert sorted(names) == ["lightgbm", "numpy", "scikit-learn"], (
        f"{names} should be the three packages in conflict: every part of a requirement counts, also <2."
    )
    assert names == sorted(names), "Return the names sorted, so that two runs give the same list."


@trials("1.6")
def _(_spark):
    from packaging.requirements import Requirement

    def met(line, installed):
        need = Requirement(line)
        return need.name in installed and need.specifier.contains(installed[need.name])

    def name(line):
        return Requirement(line).name

    def good(lines, installed):
        return sorted(name(line) for line in lines if not met(line, installed))

    yield right(good)
    yield wrong(
        "compare versions", lambda lines, had: sorted(name(each) for each in lines if had[name(each)] < each[-3:])
    )
    known_only = lambda lines, had: sorted(name(line) for line in lines if name(line) in had and not met(line, had))  # noqa: E731
    yield wrong("lightgbm is not in the runtime at all", known_only)
    yield wrong("not the whole lines", lambda lines, had: [line for line in lines if not met(line, had)])
    yield wrong(
        "A line without a version",
        lambda lines, had: sorted(
            name(line) for line in lines if not Requirement(line).specifier.contains(had.get(name(line), "0"))
        ),
    )
    yield wrong("Return the names sorted", lambda lines, had: [name(line) for line in lines if not met(line, had)])
    yield wrong("Return a list", lambda lines, had: set(good(lines, had)))
    yield wrong("returns nothing", lambda lines, had: None)


@exercise(
    "1.7",
    objective=("ASC-1.03", "ASC-1.04"),
    hint="On which days do the validation rows lie, and are other rows of these days among the training rows?",
)
def the_split_decides(honest_split, random_split_is_too):
    assert honest_split in ("at random", "by time"), "honest_split is 'at random' or 'by time'."
    assert random_split_is_too in ("good", "bad"), "random_split_is_too is 'good' or 'bad'."
    assert honest_split == "by time", (
        "With rows at random, each validation day has other shops in the training rows, which tell how that day went. "
        "The month after has no such helpers, and neither do the last 30 days."
    )
    assert random_split_is_too == "good", (
        "The random split gives help that the future does not give, so its error is too small: it looks too good."
    )


@trials("1.7")
def _(_spark):
    yield right("by time", "good")
    yield wrong("tell how that day went", "at random", "good")
    yield wrong("looks too good", "by time", "bad")
    yield wrong("honest_split is", "random", "good")


@exercise(
    "1.8", objective="ASC-1.01", hint="Keep what is on a short list. What is not on it stays out, whatever its name."
)
def only_what_is_allowed(loggable):
    assert callable(loggable), "loggable should stay a function."
    settings = {"user": "svc_ml", "password": "x", "depth": 6, "url": "jdbc:postgresql://db/churn"}
    found = loggable(dict(settings))
    assert isinstance(found, dict), "loggable returns a dictionary: the entries that may be logged."
    assert "password" not in found, "The password is still there."
    assert "url" not in found, "url is not on the list of what is allowed; a URL often carries a user and a password."
    assert found.get("depth") == 6 and found.get("user") == "svc_ml", "user and depth may be logged, and are missing."
    # Names that nobody thought of.
    for name in ("pat_eu", "dsn", "client_id"):
        assert name not in loggable(settings | {name: "k-123"}), (
            f"Tomorrow's secret is called {name}, and it gets through: name what is allowed, not what is forbidden."
        )
    try:
        partly = loggable({"user": "a"})
    except KeyError as error:
        raise AssertionError(f"Settings without {error} raise a KeyError: return the entries that are there.") from None
    assert partly == {"user": "a"}, "For settings with a user alone, return that user."
    given = dict(settings)
    loggable(given)
    assert given == settings, "loggable changes the settings that it is given; the connection still needs the password."


@trials("1.8")
def _(_spark):
    def remove(settings):
        for key in list(settings):
            if key not in ("user", "depth"):
                del settings[key]
        return settings

    yield right(lambda settings: {key: settings[key] for key in ("user", "depth") if key in settings})
    yield wrong("still there", lambda settings: settings)
    yield wrong("url is not on the list", lambda s: {key: s[key] for key in s if key != "password"})
    yield wrong("Tomorrow's secret", lambda s: {key: s[key] for key in s if key not in ("password", "url")})
    yield wrong("raise a KeyError", lambda s: {"user": s["user"], "depth": s["depth"]})
    yield wrong("changes the settings", remove)


@exercise(
    "1.9",
    objective="ASC-1.01",
    hint="Write down net and gross after each cell. Which net does cell 2 see, the first and the second time?",
)
def order_of_cells(saved_output, job_output):
    for answer in (saved_output, job_output):
        assert is_number(answer), "Give both answers as numbers, without quotes."
    assert abs(saved_output - 238.0) > 0.01 or abs(job_output - 261.8) > 0.01, (
        "The other way round: the author ran cell 2 again after the handling was added, the job does not."
    )
    assert abs(job_output - 261.8) > 0.01, (
        "The job runs cell 2 once, before cell 3 adds the handling: gross never sees it."
    )
    assert abs(job_output - 238.0) < 0.01, f"In the job gross is 1.19 times (50 + 150), not {job_output}."
    assert abs(saved_output - 238.0) > 0.01, "The author ran cell 2 again after cell 3, so gross includes the handling."
    assert abs(saved_output - 261.8) < 0.01, (
        f"On its second run, cell 2 sees 60 and 160: 1.19 times their sum, not {saved_output}."
    )


@trials("1.9")
def _(_spark):
    yield right(261.8, 238.0)
    yield wrong("The other way round", 238.0, 261.8)
    yield wrong("gross never sees it", 261.8, 261.8)
    yield wrong("includes the handling", 238.0, 238.0)
    yield wrong("sees 60 and 160", 285.6, 238.0)
    yield wrong("without quotes", "261.8", 238.0)


@exercise("1.10", objective="ASC-1.01", hint="bool('False') is True. Compare the text with the words that you accept.")
def text_becomes_a_decision(wants_retraining):
    assert callable(wants_retraining), "wants_retraining should stay a function."

    def answer(text):
        try:
            return wants_retraining(text)
        except ValueError:
            return ValueError
        except Exception as error:
            raise AssertionError(
                f"{text!r} raises a {type(error).__name__}: a ValueError with a sentence tells the reader of the log more."
            ) from None

    assert answer("False") is not None, "wants_retraining returns nothing yet."
    assert answer("False") is not True, "'False' still means yes: a text that is not empty counts as true."
    assert answer("False") is False, "For 'False' the answer is the bool False, no error and no text."
    assert answer("True") is True, "For 'True' the answer is the bool True."
    for text in ("true", " TRUE "):
        assert answer(text) is True, f"{text!r} was typed by a person and means yes: ignore case and spaces."
    assert answer("ture") is ValueError, (
        "'ture' is a typo: a ValueError stops the run, while a silent False would skip the training for weeks."
    )
    assert answer("") is ValueError, "An empty text says neither yes nor no: raise a ValueError."
    for text in ("1", "null", "[]", "yes"):
        assert answer(text) is ValueError, f"{text!r} is neither true nor false: raise a ValueError."


@trials("1.10")
def _(_spark):
    import json

    def strict(text):
        return {"true": True, "false": False}[text.strip().lower()]

    def good(text):
        try:
            return strict(text)
        except KeyError:
            raise ValueError(text) from None

    yield right(good)
    yield wrong("still means yes", bool)
    yield wrong("ignore case", lambda text: {"True": True, "False": False}.get(text, ValueError))
    yield wrong("is a typo", lambda text: text.strip().lower() == "true")
    yield wrong("raises a KeyError", strict)
    yield wrong("neither true nor false", lambda text: json.loads(text.lower()))
    yield wrong("returns nothing", lambda text: None)


@exercise(
    "1.11",
    objective="PRO-2.02",
    hint="Alias -> version -> run_id -> run. A run has data.params and inputs.dataset_inputs.",
)
def lineage_is_read(lineage, run_id, rows, table):
    assert isinstance(lineage, dict), "lineage should be a dictionary with run_id, rows and table."
    missing = sorted({"run_id", "rows", "table"} - set(lineage))
    assert not missing, f"lineage lacks {', '.join(missing)}."
    assert lineage["run_id"] == run_id, (
        "That is not the run of the Champion: get_model_version_by_alias gives the version, and the version its run_id."
    )
    assert not isinstance(lineage["rows"], str), "rows is a string: parameters are stored as strings, so convert it."
    assert lineage["rows"] == rows, f"rows={lineage['rows']} is not what the run logged."
    assert isinstance(lineage["table"], str), "table should be the name of the table, a text."
    assert lineage["table"].count(".") == 2, f"{lineage['table']} is not a three-level name."
    assert lineage["table"] == table, f"{lineage['table']} is not the table that the run logged as its input."


@trials("1.11")
def _(_spark):
    answer = {"run_id": "r1", "rows": 10, "table": "main.churn.t"}
    given = ("r1", 10, "main.churn.t")
    yield right(answer, *given)
    yield wrong("not the run of the Champion", answer | {"run_id": "r0"}, *given)
    yield wrong("rows is a string", answer | {"rows": "10"}, *given)
    yield wrong("three-level name", answer | {"table": "t"}, *given)
    yield wrong("lineage lacks table", {"run_id": "r1", "rows": 10}, *given)


@exercise(
    "1.12",
    objective="PRO-2.02",
    hint="A level is what you could do today in an empty notebook, not what you have read. Dates are dt.date(year, month, day).",
)
def the_rubric_is_rated(levels, exam, exam_date, weekdays, minutes):
    assert not isinstance(levels, dict) or not any(isinstance(key, int) for key in levels), (
        'The keys of levels are two-digit strings, such as "02".'
    )
    try:
        profile = study.Profile(levels, exam, exam_date, weekdays, minutes)
    except InvalidValue as error:
        raise AssertionError(str(error)) from None
    assert profile.exam_date > dt.date.today(), (
        "exam_date is not in the future: book a date, or take the one you aim for."
    )
    if set(profile.levels.values()) == {3}:
        return "All rows at level 3: sit a full exam now, and come back with what it missed."
    if not study.plan(profile).left_out:
        return "Everything fits before your exam."
    return "There is not enough time for everything: see below what the plan leaves out, or add a weekday."


@trials("1.12")
def _(_spark):
    levels = dict.fromkeys(study.rubric(), 1)
    day = dt.date.today() + dt.timedelta(weeks=10)
    yield right(levels, "pro", day, ["Tue", "Sat"], 90)
    yield wrong("levels lacks 02", {key: 1 for key in levels if key != "02"}, "pro", day, ["Tue"], 90)
    yield wrong("is not a level", levels | {"02": 5}, "pro", day, ["Tue"], 90)
    yield wrong("not in the future", levels, "pro", dt.date(2024, 1, 1), ["Tue"], 90)
    yield right(dict.fromkeys(levels, 3), "pro", dt.datetime.combine(day, dt.time()), ["Tuesday"], "60")
    yield wrong("two-digit strings", {int(key): 1 for key in levels}, "pro", day, ["Tue"], 90)
    yield wrong("weekdays", levels, "pro", day, ["Someday"], 90)
    yield wrong("minutes", levels, "pro", day, ["Tue"], 0)
