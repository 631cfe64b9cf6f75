"""Checks of chapter 08, model registry. The message of an assert is written for the mistake that was made."""

from __future__ import annotations

import hashlib
import hmac
import inspect
import json
import tempfile
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from workbook.exercises import exercise, right, trials, wrong


def _dict_of(given: object, name: str, keys: list[str], words: set[object] | None = None) -> Mapping[str, Any]:
    """The answer as a dict with exactly these keys, and values among `words`."""
    assert isinstance(given, dict), f"{name} should be a dict with the keys {', '.join(keys)}."
    assert set(given) == set(keys), f"{name} should have exactly the keys {', '.join(keys)}."
    if words is not None:
        odd = [
            f"{key}: {value!r}"
            for key, value in given.items()
            if not isinstance(value, str | int) or value not in words
        ]
        said = ", ".join(repr(word) for word in sorted(words, key=str))
        assert not odd, f"Use the words {said}. Not one of them: {'; '.join(odd)}."
    return given


def _works(attempt: Callable[[], Any], what: str) -> Any:
    """What the learner's code gives; an error of it becomes feedback."""
    try:
        return attempt()
    except AssertionError:
        raise
    except Exception as error:
        text = str(error).strip().splitlines()
        raise AssertionError(f"{what} raised {type(error).__name__}: {text[0] if text else 'no message'}") from None


class _FromColumn:
    """A stand-in for a fitted classifier: its probability is made from columns of the frame, nothing is learnt."""

    def __init__(self, probability: Callable[[pd.DataFrame], Any]) -> None:
        self.probability = probability

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        found = np.asarray(self.probability(frame), dtype=float)
        return np.column_stack([1 - found, found])


# 1 flavors ----------------------------------------------------------------------------------------------------------


@exercise(
    "8.1",
    objective="PRO-3.03",
    hint="What does `predict` of the fitted object itself give, and is that all that the consumer wants?",
)
def way_of_logging(way):
    way = _dict_of(way, "way", list("abcde"), {"flavor", "predict_fn", "pyfunc"})
    assert way["a"] != "pyfunc", (
        "a: imputer, encoder and regressor are one fitted scikit-learn object already. Its own flavor keeps all of it, "
        "and every pyfunc consumer can load it; a wrapper would add nothing."
    )
    assert way["a"] == "flavor", "a: `predict` of a regressor gives the number that is asked for. The default is right."
    assert way["b"] != "flavor", (
        "b: by default pyfunc calls `predict`, which gives the class. With 6 % leavers that is 0 for nearly everybody."
    )
    assert way["b"] == "predict_fn", (
        "b: `pyfunc_predict_fn` may name any method of the estimator, so no class of your own is needed."
    )
    assert way["c"] == "pyfunc", (
        "c: the estimator has no method that knows the table of offers. Code that runs after it needs a PythonModel."
    )
    assert way["d"] == "pyfunc", (
        "d: no flavor holds two libraries. A PythonModel carries both models and averages them."
    )
    assert way["e"] == "flavor", (
        "e: `mlflow.spark` keeps the pipeline as Spark's own, so that a Spark job loads it and calls `transform` on the "
        "whole table. A pyfunc would hand the rows to Python in batches."
    )


@trials("8.1")
def _(_spark):
    way = {"a": "flavor", "b": "predict_fn", "c": "pyfunc", "d": "pyfunc", "e": "flavor"}
    yield right(way)
    yield wrong("add nothing", way | {"a": "pyfunc"})
    yield wrong("0 for nearly everybody", way | {"b": "flavor"})
    yield wrong("no class of your own", way | {"b": "pyfunc"})
    yield wrong("table of offers", way | {"c": "predict_fn"})
    yield wrong("the rows to Python", way | {"e": "pyfunc"})
    yield wrong("Use the words", way | {"e": ["flavor"]})
    yield wrong("should be a dict", "flavor")


# 2 preprocessing inside the model -----------------------------------------------------------------------------------


@exercise(
    "8.2",
    objective="PRO-1.17",
    hint="What is the standard deviation of one number? And which object does `model_input` name?",
)
def batch_statistics_are_foreseen(foreseen):
    foreseen = _dict_of(foreseen, "foreseen", ["alone", "two files", "frame"])
    words = {
        "alone": ("a score", "no score"),
        "two files": ("the same", "different"),
        "frame": ("as before", "changed"),
    }
    for key, allowed in words.items():
        assert foreseen[key] in allowed, f"Answer {key!r} with one of {' or '.join(map(repr, allowed))}."
    assert foreseen["alone"] == "no score", (
        "alone: the deviation of a single row is NaN, so every scaled column is NaN, and the regression refuses it."
    )
    assert foreseen["two files"] == "different", (
        "two files: mean and deviation are those of whoever else is in the file. Other neighbours, other score."
    )
    assert foreseen["frame"] == "changed", (
        "frame: without a signature `model_input` is the caller's own frame, and the class writes into it."
    )


@trials("8.2")
def _(_spark):
    foreseen = {"alone": "no score", "two files": "different", "frame": "changed"}
    yield right(foreseen)
    yield wrong("of a single row is NaN", foreseen | {"alone": "a score"})
    yield wrong("Other neighbours", foreseen | {"two files": "the same"})
    yield wrong("writes into it", foreseen | {"frame": "as before"})
    yield wrong("Answer 'frame' with one of", foreseen | {"frame": "yes"})


# 3 artifacts --------------------------------------------------------------------------------------------------------


@exercise(
    "8.3",
    objective="PRO-3.03",
    hint="`context.artifacts` maps your word to a path. When is `load_context` called, and when `predict`?",
)
def words_come_from_the_artifact(Banded):  # noqa: N803
    from mlflow.pyfunc import PythonModel

    assert inspect.isclass(Banded) and issubclass(Banded, PythonModel), (
        "Banded should be a class that inherits from mlflow.pyfunc.PythonModel."
    )
    frame = pd.DataFrame({"p": [0.05, 0.1, 0.2, 0.3, 0.95]}, index=[7, 3, 9, 1, 4])
    told = {}
    for name, bands in {
        "ours": [[0.0, "nothing"], [0.1, "mail"], [0.3, "call"]],
        "another": [[0.0, "low"], [0.5, "high"]],
    }.items():
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "bands-of-the-check.json")
            file.write_text(json.dumps(bands))
            context = SimpleNamespace(artifacts={"bands": str(file)}, model_config={})
            model = _works(lambda: Banded(_FromColumn(lambda asked: asked["p"])), "Banded(model)")
            _works(lambda: model.load_context(context), "load_context")  # noqa: B023
            file.unlink()
            try:
                result = model.predict(context, frame)
            except FileNotFoundError:
                raise AssertionError(
                    "predict opens a file. Read the artifact once, in load_context, and keep what it says in `self`: "
                    "predict is called for each request."
                ) from None
            except Exception as error:
                raise AssertionError(f"predict raised {type(error).__name__}: {error}") from None
        assert not isinstance(result, str | dict | pd.DataFrame) and hasattr(result, "__len__"), (
            f"predict should give one word for each row, as a list, array or Series; it gave a {type(result).__name__}."
        )
        assert len(result) == len(frame), f"predict gave {len(result)} words for {len(frame)} rows."
        told[name] = [str(word) for word in result]
    assert told["another"] == ["low", "low", "low", "low", "high"], (
        f"With another file, which knows only low and high (from 0.5), the words are {told['another']}: they must come "
        "from the artifact, not from the notebook."
    )
    wanted = ["nothing", "mail", "mail", "call", "call"]
    edge = [word for word, right_word in zip(told["ours"], wanted, strict=True) if word != right_word]
    assert not edge, (
        f"Probabilities 0.05, 0.1, 0.2, 0.3, 0.95 became {told['ours']}. A word holds "
        "from its number upwards, the number itself included."
    )


@trials("8.3")
def _(_spark):
    from mlflow.pyfunc import PythonModel

    class Base(PythonModel):
        def __init__(self, model):
            self.model = model

        def load_context(self, context):
            self.bands = sorted(json.loads(Path(context.artifacts["bands"]).read_text()))

        def word(self, p):
            return [word for low, word in self.bands if p >= low][-1]

        def predict(self, context, model_input: pd.DataFrame, params=None):
            return [self.word(p) for p in self.model.predict_proba(model_input)[:, 1]]

    class Remembered(Base):
        def load_context(self, context):
            self.bands = [[0.0, "nothing"], [0.1, "mail"], [0.3, "call"]]

    class EachTime(Base):
        def load_context(self, context):
            pass

        def predict(self, context, model_input: pd.DataFrame, params=None):
            Base.load_context(self, context)
            return Base.predict(self, context, model_input)

    class Above(Base):
        def word(self, p):
            return [word for low, word in self.bands if p > low][-1]

    class OneWord(Base):
        def predict(self, context, model_input: pd.DataFrame, params=None):
            return self.word(self.model.predict_proba(model_input)[:, 1].mean())

    class OtherKey(Base):
        def load_context(self, context):
            self.bands = json.loads(Path(context.artifacts["offers"]).read_text())

    yield right(Base)
    yield wrong("not from the notebook", Remembered)
    yield wrong("once, in load_context", EachTime)
    yield wrong("the number itself included", Above)
    yield wrong("one word for each row", OneWord)
    yield wrong("load_context raised KeyError", OtherKey)
    yield wrong("should be a class", Base(None))


# 4 request-time features --------------------------------------------------------------------------------------------


@exercise(
    "8.4",
    objective="PRO-1.17",
    hint="Everything that the feature needs is in the row. `.assign(...)` gives a new frame and leaves the old one alone.",
)
def tenure_is_computed_from_the_request(AtRequest):  # noqa: N803
    from mlflow.pyfunc import PythonModel

    assert inspect.isclass(AtRequest) and issubclass(AtRequest, PythonModel), (
        "AtRequest should be a class that inherits from mlflow.pyfunc.PythonModel."
    )
    frame = pd.DataFrame(
        {
            "signup_date": pd.to_datetime(["2024-01-01", "2024-07-01", "2025-03-01"]),
            "requested_at": pd.to_datetime(["2025-01-01 08:30", "2025-07-01 23:59", "2025-12-01 00:10"]),
        },
        index=[5, 2, 8],
    )
    before = frame.copy()
    days = np.array([366, 365, 275])

    def tenure(asked: pd.DataFrame) -> Any:
        assert isinstance(asked, pd.DataFrame), "Hand the model a frame with named columns: it picks them by name."
        assert "tenure_years" in asked.columns, "The model got no column tenure_years: add it to the frame before."
        return asked["tenure_years"]

    model = _works(lambda: AtRequest(_FromColumn(lambda asked: tenure(asked) / 100)), "AtRequest(model)")
    try:
        result = model.predict(None, frame)
    except KeyError as error:
        raise AssertionError(
            f"predict raised KeyError: {error}. Callers send signup_date and requested_at; everything else about the "
            "tenure is yours to compute."
        ) from None
    except AssertionError:
        raise
    except Exception as error:
        raise AssertionError(f"predict raised {type(error).__name__}: {error}") from None
    found = np.asarray(result, dtype=float) if not isinstance(result, str | dict) else np.array([])
    assert found.shape == (3,), (
        f"predict should give one probability for each row, shape (3,), not {found.shape}: take column 1 of predict_proba."
    )
    assert frame.equals(before), "The caller's frame has changed: add the column to a copy."
    years = found * 100
    first = (before["requested_at"].iloc[0] - before["signup_date"]).dt.days.to_numpy() / 365
    assert not np.allclose(years, first), "All rows use the time of the first one: subtract row by row."
    assert not np.allclose(years, days / 365.25), (
        "The days are divided by 365.25. Training divided by 365 (see churn.tenure_years): the difference is small, and "
        "it is skew between training and use."
    )
    assert (years < 2).all(), (
        f"The first customer signed up 366 days before the request, yet her tenure is {years[0]:.1f} years. Does the code "
        "read a clock, or forget to turn days into years?"
    )
    assert np.allclose(years, days / 365), (
        f"The tenures are {np.round(years, 4).tolist()} years. Whole days between signup_date and requested_at, divided by "
        f"365, would be {np.round(days / 365, 4).tolist()}."
    )


@trials("8.4")
def _(_spark):
    from mlflow.pyfunc import PythonModel

    class Base(PythonModel):
        def __init__(self, model):
            self.model = model

        def until(self, frame):
            return frame["requested_at"]

        def years(self, frame):
            return (self.until(frame) - frame["signup_date"]).dt.days / 365

        def predict(self, context, model_input: pd.DataFrame, params=None):
            return self.model.predict_proba(model_input.assign(tenure_years=self.years(model_input)))[:, 1]

    class Clock(Base):
        def until(self, frame):
            return pd.Timestamp("2027-06-01")

    class First(Base):
        def until(self, frame):
            return frame["requested_at"].iloc[0]

    class Astronomer(Base):
        def years(self, frame):
            return Base.years(self, frame) * 365 / 365.25

    class Writes(Base):
        def predict(self, context, model_input: pd.DataFrame, params=None):
            model_input["tenure_years"] = self.years(model_input)
            return self.model.predict_proba(model_input)[:, 1]

    class Both(Base):
        def predict(self, context, model_input: pd.DataFrame, params=None):
            return self.model.predict_proba(model_input.assign(tenure_years=self.years(model_input)))

    class AsksForIt(Base):
        def years(self, frame):
            return frame["tenure_years"]

    class Seconds(Base):
        def years(self, frame):
            return (self.until(frame) - frame["signup_date"]).dt.total_seconds() / 86400 / 365

    yield right(Base)
    yield wrong("read a clock", Clock)
    yield wrong("row by row", First)
    yield wrong("skew between training and use", Astronomer)
    yield wrong("to a copy", Writes)
    yield wrong("column 1 of predict_proba", Both)
    yield wrong("Callers send signup_date", AsksForIt)
    yield wrong("Whole days", Seconds)


# 5 signatures -------------------------------------------------------------------------------------------------------


@exercise(
    "8.5",
    objective="PRO-3.03",
    hint="Columns go by name. Which conversions can never lose anything? What type has a column with a gap?",
)
def signature_is_read_right(scored):
    scored = _dict_of(scored, "scored", list("abcde"))
    odd = [key for key, value in scored.items() if not isinstance(value, bool)]
    assert not odd, f"Answer with True or False: {', '.join(odd)}."
    assert scored["a"], "a: columns are matched by name, whatever their order, and a column too many is dropped."
    assert not scored["b"], "b: a required column is missing. MLflow says which one and fills in nothing."
    assert not scored["c"], (
        "c: pandas makes a 64-bit integer of -1, and not every such number fits into a double: refused. Send -1.0."
    )
    assert not scored["d"], (
        "d: a column with a gap is no column of integers any more: refused. Declare what can have gaps as double."
    )
    assert scored["e"], "e: a 32-bit integer always fits into a long, so it is converted without asking."


@trials("8.5")
def _(_spark):
    scored = {"a": True, "b": False, "c": False, "d": False, "e": True}
    yield right(scored)
    yield wrong("matched by name", scored | {"a": False})
    yield wrong("fills in nothing", scored | {"b": True})
    yield wrong("Send -1.0", scored | {"c": True})
    yield wrong("can have gaps", scored | {"d": True})
    yield wrong("always fits", scored | {"e": False})
    yield wrong("True or False", scored | {"e": "yes"})


# 6 environments -----------------------------------------------------------------------------------------------------


@exercise(
    "8.6",
    objective="PRO-3.03",
    hint="Ask of each thing who reads it: `predict`, an import, pip, the check of a request, a tester, or a person.",
)
def what_travels_where(argument):
    words = {"artifacts", "code_paths", "pip_requirements", "signature", "input_example", "metadata"}
    argument = _dict_of(argument, "argument", list("abcdef"), words)
    assert argument["a"] != "code_paths", (
        "a: code_paths is for what is imported. The table would lie in a folder of code, and predict would have to guess "
        "where: artifacts tells it by `context.artifacts`."
    )
    assert argument["a"] == "artifacts", "a: data that predict needs is an artifact, found through the context."
    assert argument["b"] != "artifacts", (
        "b: an artifact is data and is not put on the import path, so unpickling the class still ends in "
        "ModuleNotFoundError."
    )
    assert argument["b"] != "pip_requirements", (
        "b: pip looks for a package of this name in an index. The file is not there."
    )
    assert argument["b"] == "code_paths", "b: a module of your own is stored with the model by code_paths."
    assert argument["c"] == "pip_requirements", "c: a package from an index is declared, not copied: pip_requirements."
    assert argument["d"] != "metadata", "d: metadata is text that no code looks at. It refuses nothing."
    assert argument["d"] == "signature", "d: only a signature is checked when predict is called."
    assert argument["e"] == "metadata", "e: what people should read and no code needs is metadata."
    assert argument["f"] == "input_example", (
        "f: from an example MLflow infers the signature and stores a request that can be sent as it is."
    )


@trials("8.6")
def _(_spark):
    argument = {
        "a": "artifacts",
        "b": "code_paths",
        "c": "pip_requirements",
        "d": "signature",
        "e": "metadata",
        "f": "input_example",
    }
    yield right(argument)
    yield wrong("guess", argument | {"a": "code_paths"})
    yield wrong("import path", argument | {"b": "artifacts"})
    yield wrong("in an index. The file", argument | {"b": "pip_requirements"})
    yield wrong("refuses nothing", argument | {"d": "metadata"})
    yield wrong("can be sent as it is", argument | {"f": "signature"})


# 7 registration -----------------------------------------------------------------------------------------------------


@exercise(
    "8.7",
    objective="ASC-1.14",
    hint="`mlflow.register_model` wants an address and a name. Which address names a run and the model in it?",
)
def yesterdays_model_is_registered(handover, run, name):
    from mlflow.entities.model_registry import RegisteredModel

    assert not isinstance(handover, RegisteredModel), (
        "That is the registered model, an empty shelf. A version has to be put on it: mlflow.register_model(address, name)."
    )
    assert hasattr(handover, "version") and hasattr(handover, "run_id"), (
        f"handover is a {type(handover).__name__}. mlflow.register_model gives a ModelVersion, and trains and logs nothing."
    )
    full = str(handover.name)
    assert full.count(".") == 2, f"The name {full!r} does not have the three levels catalog.schema.model."
    assert full == name, f"The version was added to {full}; it belongs to {name}."
    assert handover.run_id == run.info.run_id, (
        "The version does not lead back to yesterday's run. Register the model of that run: runs:/<run id>/model."
    )
    return f"{full} leads back to its run."


@trials("8.7")
def _(_spark):
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

    run = SimpleNamespace(info=SimpleNamespace(run_id="abc"))
    name = "main.churn.handover"

    def version(name=name, run_id="abc"):
        return ModelVersion(name, "1", 0, run_id=run_id)

    yield right(version(), run, name)
    yield wrong("empty shelf", RegisteredModel(name), run, name)
    yield wrong("three levels", version("handover"), run, name)
    yield wrong("it belongs to", version("main.churn.other"), run, name)
    yield wrong("lead back", version(run_id="xyz"), run, name)
    yield wrong("handover is a str", f"models:/{name}/1", run, name)


# 8 aliases ----------------------------------------------------------------------------------------------------------


@exercise(
    "8.8",
    objective="ASC-1.18",
    hint="When is the alias looked up: once at the load, or each time that the loaded object predicts?",
)
def moved_alias_is_foreseen(at_seven):
    keys = ["alias", "notebook", "job scores", "job writes"]
    at_seven = _dict_of(at_seven, "at_seven", keys, {1, 2})
    assert at_seven["alias"] == 2, "alias: it was moved at 05:00, and an alias points at one version."
    assert at_seven["notebook"] == 1, (
        "notebook: the object was loaded from version 1 and is not told of anything. The alias is resolved at the load."
    )
    assert at_seven["job scores"] == 1, (
        "job scores: the run that started at 04:00 loaded version 1. The next start, at 08:00, will load version 2."
    )
    assert at_seven["job writes"] == 2, (
        "job writes: it asks for the alias each hour, so its label has followed the alias, and its scores have not."
    )


@trials("8.8")
def _(_spark):
    at_seven = {"alias": 2, "notebook": 1, "job scores": 1, "job writes": 2}
    yield right(at_seven)
    yield wrong("moved at 05:00", at_seven | {"alias": 1})
    yield wrong("not told of anything", at_seven | {"notebook": 2})
    yield wrong("The next start", at_seven | {"job scores": 2})
    yield wrong("its label has followed", at_seven | {"job writes": 1})


# 9 tags -------------------------------------------------------------------------------------------------------------


@exercise(
    "8.9",
    objective="ASC-1.17",
    hint="Two levels, two verbs: `set_..._tag` and `delete_..._tag`, for the model and for a version. Descriptions are updated.",
)
def version_is_stamped(stamp):
    from course.ch08_model_registry.practice import NAME, PracticeRegistry

    assert inspect.isfunction(stamp), "stamp should be a function of client, name and version."
    registry = PracticeRegistry(3, tags={1: {"on_hold": "legal"}, 2: {"on_hold": "legal", "team": "growth"}})
    general = registry.descriptions[None]
    _works(lambda: stamp(registry, NAME, "2"), "stamp")
    assert "cost_centre" not in registry.tags[2], (
        "cost_centre is on version 2. It belongs to the model as a whole: set_registered_model_tag."
    )
    assert registry.model_tags.get("cost_centre") == "4711", "The model as a whole has no tag cost_centre = 4711."
    assert "validation" not in registry.model_tags, (
        "validation is on the model as a whole, so every version seems to have passed: set_model_version_tag."
    )
    assert registry.tags[2].get("validation") == "passed", "Version 2 has no tag validation = passed."
    assert "validation" not in registry.tags[1] and "validation" not in registry.tags[3], (
        "Another version was stamped too: use the version that is given."
    )
    assert registry.tags[2].get("on_hold", "gone") not in ("", "None", "False", "false"), (
        "The tag on_hold is still there, with an empty value. A gate that asks for the key stays closed: delete it."
    )
    assert "on_hold" not in registry.tags[2], "Version 2 still has the tag on_hold."
    assert registry.tags[1].get("on_hold") == "legal", "Version 1 has lost its tag on_hold, and nobody asked for that."
    assert registry.tags[2].get("team") == "growth", "Version 2 has lost its tag team: remove one key only."
    assert registry.descriptions[None] == general, (
        "The description of the model as a whole was overwritten: update_model_version is for one version."
    )
    assert registry.descriptions.get(2) == "Retrained on data until September.", (
        "Version 2 has no description 'Retrained on data until September.'. A tag called description is not one."
    )


@trials("8.9")
def _(_spark):
    note = "Retrained on data until September."

    def good(client, name, version):
        client.set_registered_model_tag(name, "cost_centre", "4711")
        client.set_model_version_tag(name, version, "validation", "passed")
        client.delete_model_version_tag(name, version, "on_hold")
        client.update_model_version(name, version, description=note)

    def on_the_version(client, name, version):
        good(client, name, version)
        client.set_model_version_tag(name, version, "cost_centre", 4711)

    def on_the_model(client, name, version):
        good(client, name, version)
        client.set_registered_model_tag(name, "validation", "passed")

    def emptied(client, name, version):
        good(client, name, version)
        client.set_model_version_tag(name, version, "on_hold", "")

    def described_all(client, name, version):
        good(client, name, version)
        client.update_registered_model(name, description=note)

    def invented(client, name, version):
        client.set_model_version_description(name, version, note)

    def tagged_description(client, name, version):
        good(client, name, version)
        client.update_model_version(name, version, description=None)
        client.set_model_version_tag(name, version, "description", note)

    yield right(good)
    yield wrong("belongs to the model as a whole", on_the_version)
    yield wrong("every version seems to have passed", on_the_model)
    yield wrong("asks for the key", emptied)
    yield wrong("was overwritten", described_all)
    yield wrong("stamp raised AttributeError", invented)
    yield wrong("is not one", tagged_description)


# 10 promotion -------------------------------------------------------------------------------------------------------


@exercise(
    "8.10",
    objective="ASC-1.18",
    hint="Two cuts: after what either model has seen, and before what today knows nothing about yet.",
)
def only_fair_rows_judge(fair):
    assert isinstance(fair, pd.DataFrame), (
        f"fair should be a pandas DataFrame, a part of rows; it is a {type(fair).__name__}."
    )
    assert "label_ts" in fair.columns, "Keep the columns of rows: label_ts is missing."
    dates = pd.to_datetime(fair["label_ts"])
    assert len(dates), "No rows are left. Two label dates are fair to both models."
    both = int((dates <= "2025-06-30").sum())
    assert both == 0, f"{both:,} rows are of June or before: both models were trained on them, so both look too good."
    one = int((dates <= "2025-09-22").sum())
    assert one == 0, (
        f"{one:,} rows are of July to September. They are new to version 1 and training data of version 2, whose lead "
        "there may be memory."
    )
    late = int((dates + pd.Timedelta(days=30) > "2025-12-20").sum())
    assert late == 0, (
        f"{late:,} rows have a label whose 30 days are not over on 20 December. Their 0 means 'has not left yet'."
    )
    missing = {"2025-10-20", "2025-11-17"} - set(dates.dt.strftime("%Y-%m-%d"))
    assert not missing, (
        f"The label date {min(missing)} is fair to both and known today: leaving it out wastes evidence."
    )
    return f"{len(fair):,} rows judge both."


@trials("8.10")
def _(_spark):
    days = [
        *("2025-06-02", "2025-06-30", "2025-07-28", "2025-08-25", "2025-09-22"),
        *("2025-10-20", "2025-11-17", "2025-12-15"),
    ]
    rows = pd.DataFrame({"customer_id": 1, "label_ts": pd.to_datetime(days), "churned": 0})
    fair = rows[(rows["label_ts"] > "2025-09-22") & (rows["label_ts"] < "2025-12-01")]
    yield right(fair)
    yield wrong("both look too good", rows)
    yield wrong("may be memory", rows[rows["label_ts"] > "2025-06-30"])
    yield wrong("has not left yet", rows[rows["label_ts"] > "2025-09-22"])
    yield wrong("wastes evidence", fair.head(1))
    yield wrong("it is a Series", rows["label_ts"])


# 12 grants ----------------------------------------------------------------------------------------------------------

_LEVELS = ("catalog", "schema", "model")
_WAY_IN = {("USE CATALOG", "catalog"), ("USE SCHEMA", "schema")}


@exercise(
    "8.11",
    objective="ASC-1.15",
    hint="First the way in: which two containers must be opened? Then one more privilege for the deed itself.",
)
def least_privileges(grants):
    wanted = {
        "analyst": ("EXECUTE", "model"),
        "ci": ("CREATE MODEL VERSION", "model"),
        "validator": ("APPLY TAG", "model"),
        "release": ("MANAGE", "model"),
    }
    grants = _dict_of(grants, "grants", list(wanted))
    for who, needed in wanted.items():
        given = grants[who]
        assert isinstance(given, list | tuple | set) and all(
            isinstance(pair, list | tuple) and len(pair) == 2 and all(isinstance(part, str) for part in pair)
            for pair in given
        ), f"{who}: give a list of pairs such as ('USE CATALOG', 'catalog')."
        held = {(" ".join(what.upper().replace("_", " ").split()), where.lower()) for what, where in given}
        odd = sorted({where for _, where in held} - set(_LEVELS))
        assert not odd, f"{who}: {odd[0]!r} is not one of catalog, schema and model."
        assert ("USE CATALOG", "catalog") in held, (
            f"{who}: without USE CATALOG on the catalog nothing in it can be reached, whatever else is granted."
        )
        assert ("USE SCHEMA", "schema") in held, (
            f"{who}: the schema has to be opened as well: USE SCHEMA on the schema."
        )
        own = held - _WAY_IN
        names = {what for what, _ in own}
        assert "ALL PRIVILEGES" not in names, f"{who}: ALL PRIVILEGES is not the least that works."
        assert who == "release" or "MANAGE" not in names, (
            f"{who}: MANAGE lets somebody grant, rename, delete and move aliases. One privilege does what {who} needs."
        )
        assert "CREATE MODEL" not in names, (
            f"{who}: CREATE MODEL makes other models in the schema. To add a version to this one is CREATE MODEL VERSION."
        )
        wide = sorted(what for what, where in own if where != "model")
        assert not wide, f"{who}: {wide[0]} on more than the model holds for every model below it."
        assert needed in own, (
            f"{who}: cannot do it yet. "
            + {
                "analyst": "For privileges a model is a function: loading it is EXECUTE.",
                "ci": "Adding a version to a model of somebody else has a privilege of its own.",
                "validator": "Setting a tag has a privilege of its own.",
                "release": "An alias is moved by the owner or by who has MANAGE. A tag or a new version is not an alias.",
            }[who]
        )
        extra = sorted(names - {needed[0], "EXECUTE"})
        assert not extra, f"{who}: {extra[0]} is more than needed."


@trials("8.11")
def _(_spark):
    way_in = [("USE CATALOG", "catalog"), ("USE SCHEMA", "schema")]
    grants = {
        "analyst": [*way_in, ("EXECUTE", "model")],
        "ci": [*way_in, ("EXECUTE", "model"), ("create_model_version", "model")],
        "validator": [*way_in, ("APPLY TAG", "model")],
        "release": [*way_in, ("MANAGE", "model")],
    }
    yield right(grants)
    yield wrong("nothing in it can be reached", grants | {"analyst": [("EXECUTE", "model")]})
    yield wrong("opened as well", grants | {"analyst": [way_in[0], ("EXECUTE", "model")]})
    yield wrong("makes other models", grants | {"ci": [*way_in, ("CREATE MODEL", "schema")]})
    yield wrong("One privilege does what validator needs", grants | {"validator": [*way_in, ("MANAGE", "model")]})
    yield wrong("not an alias", grants | {"release": [*way_in, ("APPLY TAG", "model")]})
    yield wrong("every model below it", grants | {"analyst": [*way_in, ("EXECUTE", "schema")]})
    yield wrong("list of pairs", grants | {"analyst": "EXECUTE"})


# 14 webhooks --------------------------------------------------------------------------------------------------------


@exercise(
    "8.12",
    objective="PRO-2.02",
    hint="Sign the bytes that came, not your reading of them. What is signed besides the body, and which of it tells the time?",
)
def only_genuine_deliveries_pass(authentic):
    assert inspect.isfunction(authentic), "authentic should be a function of secret, headers, body and now."
    secret, sent_at = "s3cret", 1_795_000_000
    body = b'{"entity": "model_version_alias",  "action":"created", "data": {"name": "main.churn.x", "version": "3"}}'

    def signed(secret: str = secret, sent_at: int = sent_at, body: bytes = body) -> dict[str, str]:
        said = f"d-17.{sent_at}.".encode() + body
        digest = b64encode(hmac.new(secret.encode(), said, hashlib.sha256).digest()).decode()
        return {
            "X-MLflow-Signature": f"v1,{digest}",
            "X-MLflow-Timestamp": str(sent_at),
            "X-MLflow-Delivery-Id": "d-17",
            "Content-Type": "application/json",
        }

    def verdict(headers: dict[str, str], body: bytes = body, now: float = sent_at + 2.5) -> bool:
        result = _works(lambda: authentic(secret, headers, body, now), "authentic")
        assert isinstance(result, bool | np.bool_), f"authentic should return True or False, not {result!r}."
        return bool(result)

    assert verdict(signed()), (
        "A genuine delivery is turned away. The signature is 'v1,' and the base64 of HMAC-SHA256 over id, dot, timestamp, "
        "dot, and the body's bytes as they came."
    )
    assert not verdict(signed("guessed")), "A delivery signed with another secret is believed."
    assert not verdict(signed(), body.replace(b'"3"', b'"9"')), (
        "The body was changed on the way, version 3 into 9, and is believed."
    )
    assert not verdict(signed(), now=sent_at + 301), (
        "A delivery of five minutes and a second ago is believed. Whoever recorded it can send it again for ever."
    )
    fresh = signed() | {"X-MLflow-Timestamp": str(sent_at + 3600)}
    assert not verdict(fresh, now=sent_at + 3602), (
        "An old delivery whose timestamp was replaced by a fresh one is believed: the timestamp is part of what is signed."
    )
    assert verdict(signed(), now=sent_at + 299), (
        "A delivery of 299 seconds ago is turned away; five minutes are allowed."
    )
    unsigned = {name: value for name, value in signed().items() if name != "X-MLflow-Signature"}
    try:
        believed = authentic(secret, unsigned, body, sent_at)
    except Exception as error:
        raise AssertionError(
            f"A request without a signature raises {type(error).__name__}. Answer False: anybody can send one."
        ) from None
    assert not believed, "A request without any signature is believed."


@trials("8.12")
def _(_spark):
    def tag(secret, said):
        return "v1," + b64encode(hmac.new(secret.encode(), said, hashlib.sha256).digest()).decode()

    def fields(headers):
        return (
            headers.get("X-MLflow-Signature", ""),
            headers["X-MLflow-Timestamp"],
            headers["X-MLflow-Delivery-Id"],
        )

    def good(secret, headers, body, now):
        signature, sent_at, delivery = fields(headers)
        expected = tag(secret, f"{delivery}.{sent_at}.".encode() + body)
        return hmac.compare_digest(expected, signature) and abs(now - float(sent_at)) <= 300

    def ageless(secret, headers, body, now):
        signature, sent_at, delivery = fields(headers)
        return tag(secret, f"{delivery}.{sent_at}.".encode() + body) == signature

    def body_only(secret, headers, body, now):
        return tag(secret, body) == fields(headers)[0]

    def only_there(secret, headers, body, now):
        return headers.get("X-MLflow-Signature", "").startswith("v1,")

    def brittle(secret, headers, body, now):
        return headers["X-MLflow-Signature"] != "" and good(secret, headers, body, now)

    def quick(secret, headers, body, now):
        return good(secret, headers, body, now) and now - float(headers["X-MLflow-Timestamp"]) <= 60

    yield right(good)
    yield wrong("can send it again", ageless)
    yield wrong("A genuine delivery is turned away", body_only)
    yield wrong("signed with another secret", only_there)
    yield wrong("raises KeyError", brittle)
    yield wrong("five minutes are allowed", quick)
    yield wrong("True or False", lambda secret, headers, body, now: "yes")


# 15 code or model ---------------------------------------------------------------------------------------------------


@exercise(
    "8.13",
    objective="ASC-1.16",
    hint="Could the training be run again in production, and would it give an equally good model there?",
)
def code_or_model(moved):
    moved = _dict_of(moved, "moved", list("abcde"), {"code", "model"})
    assert moved["a"] == "code", (
        "a: the model of development has learnt from a masked sample. Twenty minutes of training in production, by reviewed "
        "code on the full data, are the cheaper and better way."
    )
    assert moved["b"] == "model", (
        "b: a second training costs a second budget and gives another model, which nobody has tested. Copy the version."
    )
    assert moved["c"] == "code", "c: the data may not leave production, so the training has to go there."
    assert moved["d"] == "model", "d: there is no training code to promote. The bought model is moved as it is."
    assert moved["e"] == "code", (
        "e: whatever way the model takes, the code around it (features, scoring, monitoring) is code and goes by review and "
        "tests."
    )


@trials("8.13")
def _(_spark):
    moved = {"a": "code", "b": "model", "c": "code", "d": "model", "e": "code"}
    yield right(moved)
    yield wrong("masked sample", moved | {"a": "model"})
    yield wrong("second budget", moved | {"b": "code"})
    yield wrong("may not leave", moved | {"c": "model"})
    yield wrong("no training code", moved | {"d": "code"})
    yield wrong("goes by review", moved | {"e": "model"})


# Checkpoint ---------------------------------------------------------------------------------------------------------


@exercise(
    "8.14",
    objective="ASC-1.18",
    hint="Write down the way back while `Champion` still points at it. A search gives version numbers, nothing more.",
)
def the_drill(promote, roll_back, audit):
    from course.ch08_model_registry.practice import NAME, PracticeRegistry

    for name, function in {"promote": promote, "roll_back": roll_back, "audit": audit}.items():
        assert inspect.isfunction(function), f"{name} should be a function."
    registry = PracticeRegistry(
        11,
        tags={1: {"validation": "passed"}, 2: {"validation": "failed"}, 3: {"validation": "passed"}},
    )
    _works(lambda: promote(registry, NAME, "1", "10:00"), "promote, when no version is Champion yet,")
    assert registry.aliases.get("champion") == 1, "After the first promotion, Champion does not point at version 1."
    for number, why in (("2", "failed its validation"), ("4", "was never validated")):
        before = dict(registry.aliases)
        try:
            promote(registry, NAME, number, "10:05")
        except ValueError:
            pass
        except Exception as error:
            raise AssertionError(
                f"promote of version {number}, which {why}, raised {type(error).__name__}. Ask for the tag with .get and "
                "raise a ValueError."
            ) from None
        else:
            raise AssertionError(f"promote took version {number}, which {why}. It should raise a ValueError.")
        assert registry.aliases == before, f"promote refused version {number}, but had moved an alias before."
    registry.champions.clear()
    _works(lambda: promote(registry, NAME, "3", "10:10"), "promote")
    assert None not in registry.champions, (
        "Between two calls of promote there was no Champion: a job that starts then fails. Setting an alias moves it."
    )
    assert registry.aliases.get("champion") == 3, "After the second promotion, Champion does not point at version 3."
    assert registry.aliases.get("previous") != 3, (
        "Previous points at the new Champion: it was set after Champion had moved. The way back is lost."
    )
    assert registry.aliases.get("previous") == 1, "After the second promotion, Previous does not point at version 1."
    assert registry.tags[3].get("promoted") == "10:10", "Version 3 has no tag promoted = 10:10."
    assert registry.tags[1].get("promoted") == "10:00", "Version 1 has lost its tag promoted = 10:00."

    registry.champions.clear()
    _works(lambda: roll_back(registry, NAME, "10:20"), "roll_back")
    assert 3 in registry.versions, (
        "roll_back deleted version 3: the evidence is gone. Move the alias, keep the version."
    )
    assert None not in registry.champions, "Between two calls of roll_back there was no Champion."
    assert registry.aliases.get("champion") == 1, "After roll_back, Champion does not point at version 1."
    assert "rolled_back" not in registry.tags[1], (
        "The tag rolled_back is on version 1, which is fine. It belongs to the one that was taken out: look before you move."
    )
    assert registry.tags[3].get("rolled_back") == "10:20", "Version 3 has no tag rolled_back = 10:20."

    table = _works(lambda: audit(registry, NAME), "audit")
    assert isinstance(table, list) and all(isinstance(row, dict) for row in table), (
        "audit should return a list of dicts."
    )
    keys = {"version", "aliases", "validation", "promoted", "rolled_back"}
    missing = sorted(set.union(set(), *[keys - set(row) for row in table]))
    assert table and not missing, f"Rows of audit should have the keys {', '.join(sorted(keys))}."
    numbers = [int(row["version"]) for row in table]
    assert sorted(numbers) == list(range(1, 12)), f"audit should list the versions 1 to 11; it lists {sorted(numbers)}."
    assert numbers == sorted(numbers), (
        f"The rows of audit are in the order {numbers}. Version numbers are texts, and '10' sorts before '2': use int."
    )
    third, first = table[2], table[0]
    assert isinstance(first["aliases"], list | tuple | set), "aliases of a row should be a list."
    assert "champion" in {str(alias).lower() for alias in first["aliases"]}, (
        "audit does not show that version 1 is the Champion: ask for each version by get_model_version."
    )
    found = [third["validation"], third["promoted"], third["rolled_back"]]
    assert found == ["passed", "10:10", "10:20"], (
        f"audit says of version 3: {found}, its tags say passed, 10:10, 10:20."
    )
    assert table[1]["promoted"] is None, "audit should say None where there is no tag."
    return "Promoted, refused, rolled back and audited; there was a Champion at every moment."


@trials("8.14")
def _(_spark):
    def promote(client, name, version, when):
        if client.get_model_version(name, version).tags.get("validation") != "passed":
            raise ValueError(version)
        champion = client.get_registered_model(name).aliases.get("champion")
        if champion is not None:
            client.set_registered_model_alias(name, "Previous", champion)
        client.set_registered_model_alias(name, "Champion", version)
        client.set_model_version_tag(name, version, "promoted", when)

    def roll_back(client, name, when):
        broken = client.get_model_version_by_alias(name, "Champion").version
        previous = client.get_model_version_by_alias(name, "Previous").version
        client.set_registered_model_alias(name, "Champion", previous)
        client.set_model_version_tag(name, broken, "rolled_back", when)

    def rows(client, name, order):
        found = sorted((mv.version for mv in client.search_model_versions(f"name = '{name}'")), key=order)
        versions = [client.get_model_version(name, number) for number in found]
        wanted = ("validation", "promoted", "rolled_back")
        return [
            {"version": mv.version, "aliases": mv.aliases} | {key: mv.tags.get(key) for key in wanted}
            for mv in versions
        ]

    def audit(client, name):
        return rows(client, name, int)

    def blind(client, name, version, when):
        client.set_registered_model_alias(name, "Champion", version)

    def late(client, name, version, when):
        if client.get_model_version(name, version).tags.get("validation") != "passed":
            raise ValueError(version)
        client.set_registered_model_alias(name, "Champion", version)
        client.set_registered_model_alias(name, "Previous", client.get_model_version_by_alias(name, "Champion").version)

    def gap(client, name, version, when):
        if client.get_model_version(name, version).tags.get("validation") != "passed":
            raise ValueError(version)
        client.delete_registered_model_alias(name, "Champion")
        promote(client, name, version, when)

    def only_later(client, name, version, when):
        client.set_registered_model_alias(name, "Previous", client.get_model_version_by_alias(name, "Champion").version)
        promote(client, name, version, when)

    def delete(client, name, when):
        client.delete_model_version(name, client.get_model_version_by_alias(name, "Champion").version)

    def tags_the_wrong_one(client, name, when):
        previous = client.get_model_version_by_alias(name, "Previous").version
        client.set_registered_model_alias(name, "Champion", previous)
        broken = client.get_model_version_by_alias(name, "Champion").version
        client.set_model_version_tag(name, broken, "rolled_back", when)

    def from_search(client, name):
        return [{"tags": mv.tags.get("validation")} for mv in client.search_model_versions(f"name = '{name}'")]

    yield right(promote, roll_back, audit)
    yield wrong("It should raise a ValueError", blind, roll_back, audit)
    yield wrong("The way back is lost", late, roll_back, audit)
    yield wrong("there was no Champion: a job", gap, roll_back, audit)
    yield wrong("no version is Champion yet", only_later, roll_back, audit)
    yield wrong("the evidence is gone", promote, delete, audit)
    yield wrong("look before you move", promote, tags_the_wrong_one, audit)
    yield wrong("use int", promote, roll_back, lambda client, name: rows(client, name, str))
    yield wrong("audit raised", promote, roll_back, from_search)
