"""Checks of chapter 08, model registry. The message of an assert is written for the mistake that was made."""

from __future__ import annotations

import hashlib
import hmac
import inspect
import json
import tempfile
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from course import churn
from workbook.exercises import exercise, right, trials, wrong
from workbook.judging import answers_to


def _works(attempt: Callable[[], Any], what: str) -> Any:
    """The result of the learner's code; an error in it becomes feedback."""
    try:
        return attempt()
    except AssertionError:
        raise
    except Exception as error:
        text = str(error).strip().splitlines()
        raise AssertionError(f"{what} raised {type(error).__name__}: {text[0] if text else 'no message'}") from None


class _FromColumn:
    """A stand-in for a fitted classifier: its probability is computed from columns of the frame, nothing is learned."""

    def __init__(self, probability: Callable[[pd.DataFrame], Any]) -> None:
        self.probability = probability

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        found = np.asarray(self.probability(frame), dtype=float)
        return np.column_stack([1 - found, found])

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        raise AssertionError("`predict` of a classifier returns the class. Use column 1 of `predict_proba`.")


# 1 flavors ----------------------------------------------------------------------------------------------------------


@exercise(
    "8.1",
    objective="PRO-3.03",
    hint="What does `predict` of the fitted object itself return, and is that what the consumers want?",
)
def way_of_logging(way):
    way = answers_to(way, "abcde", "way", {"flavor", "predict_fn", "pyfunc"})
    assert way["a"] != "pyfunc", (
        "a: imputer, encoder and regressor are one fitted scikit-learn object already. The sklearn flavor stores all of "
        "it, and every pyfunc consumer can load it. A wrapper would add nothing."
    )
    assert way["a"] == "flavor", (
        "a: `predict` of a regressor returns the number that consumers want, so the default is right."
    )
    assert way["b"] != "flavor", (
        "b: by default pyfunc calls `predict`, which returns the class. With 6 % leavers that is 0 for nearly everybody."
    )
    assert way["b"] == "predict_fn", (
        "b: `predict_proba` returns the class probabilities, and `pyfunc_predict_fn` can name it. You need no class of "
        "your own."
    )
    assert way["c"] == "pyfunc", (
        "c: no method of the estimator uses the table of offers. Code that runs after the estimator needs a PythonModel."
    )
    assert way["d"] == "pyfunc", (
        "d: a library's flavor stores models of that library only. A PythonModel contains both models and averages them."
    )
    assert way["e"] == "flavor", (
        "e: `mlflow.spark` stores the pipeline as a Spark pipeline. A Spark job loads it and calls `transform` on the whole "
        "table. A pyfunc would send the rows to Python in batches."
    )


@trials("8.1")
def _(_spark):
    way = {"a": "flavor", "b": "predict_fn", "c": "pyfunc", "d": "pyfunc", "e": "flavor"}
    yield right(way)
    yield wrong("add nothing", way | {"a": "pyfunc"})
    yield wrong("0 for nearly everybody", way | {"b": "flavor"})
    yield wrong("need no class of your own", way | {"b": "pyfunc"})
    yield wrong("table of offers", way | {"c": "predict_fn"})
    yield wrong("models of that library only", way | {"d": "flavor"})
    yield wrong("the rows to Python", way | {"e": "pyfunc"})
    yield wrong("is not a choice", way | {"e": ["flavor"]})
    yield wrong("should be a dict", "flavor")


# 2 preprocessing inside the model -----------------------------------------------------------------------------------


@exercise(
    "8.2",
    objective="PRO-1.17",
    hint="What is the standard deviation of one number? And is `model_input` a copy of the caller's frame?",
)
def batch_statistics_are_foreseen(foreseen):
    foreseen = answers_to(foreseen, ["alone", "two files", "frame"], "foreseen")
    words = {
        "alone": ("a score", "no score"),
        "two files": ("the same", "different"),
        "frame": ("as before", "changed"),
    }
    for key, allowed in words.items():
        assert foreseen[key] in allowed, f"Answer {key!r} with one of {' or '.join(map(repr, allowed))}."
    assert foreseen["alone"] == "no score", (
        "alone: the standard deviation of one row is NaN, so every scaled column is NaN, and the regression raises an error."
    )
    assert foreseen["two files"] == "different", (
        "two files: mean and standard deviation are computed from the file, so her score depends on the other rows in it."
    )
    assert foreseen["frame"] == "changed", (
        "frame: without a signature `model_input` is the caller's own frame, and `predict` assigns to its columns."
    )


@trials("8.2")
def _(_spark):
    foreseen = {"alone": "no score", "two files": "different", "frame": "changed"}
    yield right(foreseen)
    yield wrong("of one row is NaN", foreseen | {"alone": "a score"})
    yield wrong("depends on the other rows", foreseen | {"two files": "the same"})
    yield wrong("assigns to its columns", foreseen | {"frame": "as before"})
    yield wrong("Answer 'frame' with one of", foreseen | {"frame": "yes"})


# 3 artifacts --------------------------------------------------------------------------------------------------------


@exercise(
    "8.3",
    objective="PRO-3.03",
    hint="`context.artifacts` maps the artifact's name to a path. For one probability: which bands start at or below it?",
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
                    "predict opens a file. Read the artifact once, in load_context, and keep its content in `self`: "
                    "predict is called for each request."
                ) from None
            except AssertionError:
                raise
            except Exception as error:
                raise AssertionError(f"predict raised {type(error).__name__}: {error}") from None
        assert not isinstance(result, str | dict | pd.DataFrame) and hasattr(result, "__len__"), (
            f"predict should return one word for each row, as a list, array or Series; it returned a {type(result).__name__}."
        )
        assert len(result) == len(frame), f"predict returned {len(result)} words for {len(frame)} rows."
        told[name] = [str(word) for word in result]
    assert told["another"] == ["low", "low", "low", "low", "high"], (
        f"With the bands [[0.0, 'low'], [0.5, 'high']], predict returned {told['another']}. The words have to come from the "
        "artifact, not from the notebook."
    )
    wanted = ["nothing", "mail", "mail", "call", "call"]
    edge = [word for word, right_word in zip(told["ours"], wanted, strict=True) if word != right_word]
    assert not edge, (
        f"Probabilities 0.05, 0.1, 0.2, 0.3, 0.95 became {told['ours']}. A word applies to probabilities at or above its "
        "number."
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

    class Class(Base):
        def predict(self, context, model_input: pd.DataFrame, params=None):
            return [self.word(p) for p in self.model.predict(model_input)]

    class OtherKey(Base):
        def load_context(self, context):
            self.bands = json.loads(Path(context.artifacts["offers"]).read_text())

    yield right(Base)
    yield wrong("not from the notebook", Remembered)
    yield wrong("once, in load_context", EachTime)
    yield wrong("at or above its number", Above)
    yield wrong("column 1 of `predict_proba`", Class)
    yield wrong("one word for each row", OneWord)
    yield wrong("load_context raised KeyError", OtherKey)
    yield wrong("should be a class", Base(None))


# 4 request-time features --------------------------------------------------------------------------------------------


@exercise(
    "8.4",
    objective="PRO-1.17",
    hint="Everything that the feature needs is in the row. `.assign(...)` returns a new frame and leaves the old one unchanged.",
)
def tenure_is_computed_from_the_request(AtRequest):  # noqa: N803
    from mlflow.pyfunc import PythonModel

    assert inspect.isclass(AtRequest) and issubclass(AtRequest, PythonModel), (
        "AtRequest should be a class that inherits from mlflow.pyfunc.PythonModel."
    )
    others = [name for name in churn.NUMERIC if name != "tenure_years"]
    frame = pd.DataFrame(
        {name: ["basic"] * 3 for name in churn.CATEGORICAL}
        | {name: [1.0, 2.0, 3.0] for name in others}
        | {
            "signup_date": pd.to_datetime(["2024-01-01", "2024-07-01", "2025-03-01"]),
            "requested_at": pd.to_datetime(["2025-01-01 08:30", "2025-07-01 23:59", "2025-12-01 00:10"]),
        },
        index=[5, 2, 8],
    )
    before = frame.copy()
    days = np.array([366, 365, 275])

    def tenure(asked: pd.DataFrame) -> Any:
        assert isinstance(asked, pd.DataFrame), "Pass a frame with named columns to the model: it selects them by name."
        missing = [name for name in (*churn.CATEGORICAL, *churn.NUMERIC) if name not in asked.columns]
        assert "tenure_years" not in missing, "The model got no column tenure_years: add it before you call the model."
        assert not missing, f"The model did not get the columns {', '.join(missing)}: pass all columns of `inputs`."
        return asked["tenure_years"]

    model = _works(lambda: AtRequest(_FromColumn(lambda asked: tenure(asked) / 100)), "AtRequest(model)")
    try:
        result = model.predict(None, frame)
    except KeyError as error:
        raise AssertionError(
            f"predict raised KeyError: {error}. Callers send signup_date, requested_at and all columns of `inputs` except "
            "tenure_years, which predict computes."
        ) from None
    except AssertionError:
        raise
    except Exception as error:
        raise AssertionError(f"predict raised {type(error).__name__}: {error}") from None
    try:
        found = np.asarray(result, dtype=float)
    except (TypeError, ValueError):
        raise AssertionError(
            "predict should return numbers, one probability for each row: column 1 of predict_proba."
        ) from None
    assert found.shape == (3,), (
        f"predict should return one probability for each row, shape (3,), not {found.shape}: take column 1 of predict_proba."
    )
    assert frame.equals(before), "predict changed the caller's frame: add the column to a copy."
    years = found * 100
    first = (before["requested_at"].iloc[0] - before["signup_date"]).dt.days.to_numpy() / 365
    assert not np.allclose(years, first), "All rows use the request time of the first row: subtract row by row."
    assert not np.allclose(years, days / 365.25), (
        "The days are divided by 365.25. Training divided by 365 (see churn.tenure_years). The difference is small, but the "
        "model now gets other values than in training."
    )
    assert (years < 2).all(), (
        f"The first customer signed up 366 days before the request, yet her tenure is {years[0]:.1f} years. Does predict "
        "read a clock, or forget to divide by 365?"
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

    class Selects(Base):
        def predict(self, context, model_input: pd.DataFrame, params=None):
            wide = model_input.assign(tenure_years=self.years(model_input))
            return self.model.predict_proba(wide[[*churn.CATEGORICAL, *churn.NUMERIC]])[:, 1]

    class Words(Base):
        def predict(self, context, model_input: pd.DataFrame, params=None):
            return ["high"] * len(model_input)

    class OnlyTenure(Base):
        def predict(self, context, model_input: pd.DataFrame, params=None):
            return self.model.predict_proba(self.years(model_input).to_frame("tenure_years"))[:, 1]

    yield right(Base)
    yield right(Selects)
    yield wrong("should return numbers", Words)
    yield wrong("pass all columns of `inputs`", OnlyTenure)
    yield wrong("read a clock", Clock)
    yield wrong("row by row", First)
    yield wrong("other values than in training", Astronomer)
    yield wrong("to a copy", Writes)
    yield wrong("column 1 of predict_proba", Both)
    yield wrong("Callers send signup_date", AsksForIt)
    yield wrong("Whole days", Seconds)


# 5 signatures -------------------------------------------------------------------------------------------------------


@exercise(
    "8.5",
    objective="PRO-3.03",
    hint="Which of these conversions can never change a value? Which type does pandas give to each column?",
)
def signature_is_read_right(scored):
    scored = answers_to(scored, "abcde", "scored")
    odd = [key for key, value in scored.items() if not isinstance(value, bool)]
    assert not odd, f"Answer with True or False: {', '.join(odd)}."
    assert scored["a"], "a: columns are matched by name, in any order, and extra columns are dropped."
    assert not scored["b"], "b: a required column is missing. MLflow names it in the error and fills in nothing."
    assert not scored["c"], (
        "c: pandas stores -1 as a 64-bit integer, and a double cannot hold every such integer exactly: refused. Send -1.0."
    )
    assert not scored["d"], (
        "d: a column with a missing value is not an integer column: refused. Declare columns that can have missing values as "
        "double."
    )
    assert scored["e"], "e: every 32-bit integer fits into a long, so MLflow converts it."


@trials("8.5")
def _(_spark):
    scored = {"a": True, "b": False, "c": False, "d": False, "e": True}
    yield right(scored)
    yield wrong("matched by name", scored | {"a": False})
    yield wrong("fills in nothing", scored | {"b": True})
    yield wrong("Send -1.0", scored | {"c": True})
    yield wrong("can have missing values", scored | {"d": True})
    yield wrong("every 32-bit integer", scored | {"e": False})
    yield wrong("True or False", scored | {"e": "yes"})


# 6 environments -----------------------------------------------------------------------------------------------------


@exercise(
    "8.6",
    objective="PRO-3.03",
    hint="Who reads it: `predict`, an import, pip, the check of a request, a tester, or a person?",
)
def what_travels_where(argument):
    words = {"artifacts", "code_paths", "pip_requirements", "signature", "input_example", "metadata"}
    argument = answers_to(argument, "abcdef", "argument", words)
    assert argument["a"] != "code_paths", (
        "a: code_paths is for modules to import. predict would have to guess the path of the table; an artifact's path is in "
        "`context.artifacts`."
    )
    assert argument["a"] == "artifacts", "a: data that predict reads is an artifact; its path is in the context."
    assert argument["b"] != "artifacts", (
        "b: artifacts are not on the import path, so loading the model still ends in a ModuleNotFoundError."
    )
    assert argument["b"] != "pip_requirements", (
        "b: pip looks for a package of this name in an index. Your module is not published there."
    )
    assert argument["b"] == "code_paths", "b: code_paths stores your own modules with the model."
    assert argument["c"] == "pip_requirements", "c: a package from an index is listed, not copied: pip_requirements."
    assert argument["d"] != "metadata", "d: calls are not checked against metadata, so nothing is refused."
    assert argument["d"] == "signature", "d: only the signature is checked when predict is called."
    assert argument["e"] == "metadata", "e: notes for people, which no code needs, are metadata."
    assert argument["f"] == "input_example", (
        "f: MLflow infers the signature from an input example and stores it as a request that can be sent unchanged."
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
    yield wrong("not published there", argument | {"b": "pip_requirements"})
    yield wrong("nothing is refused", argument | {"d": "metadata"})
    yield wrong("can be sent unchanged", argument | {"f": "signature"})


# 7 registration -----------------------------------------------------------------------------------------------------


@exercise(
    "8.7",
    objective="ASC-1.14",
    hint="`mlflow.register_model` takes an address and a name. Which of the two addresses contains the run's id?",
)
def yesterdays_model_is_registered(handover, run, name):
    from mlflow.entities.model_registry import RegisteredModel

    assert not isinstance(handover, RegisteredModel), (
        "handover is the registered model, which has no version yet. Add the version and keep what that call returns."
    )
    assert all(hasattr(handover, part) for part in ("name", "version", "run_id")), (
        f"handover is a {type(handover).__name__}. Both mlflow.register_model and client.create_model_version return a "
        "ModelVersion: keep that."
    )
    full = str(handover.name)
    assert full.count(".") == 2, f"The name {full!r} does not have three levels: catalog, schema and model."
    assert full == name, f"The version was added to {full}. It should be a version of {name}."
    assert handover.run_id, (
        "The version has no run: client.create_model_version stores the run only if you pass its id as run_id."
    )
    assert handover.run_id == run.info.run_id, (
        "The version leads back to another run than yesterday's. Which run's id is in the address?"
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
    yield wrong("no version yet", RegisteredModel(name), run, name)
    yield wrong("three levels", version("handover"), run, name)
    yield wrong("should be a version of", version("main.churn.other"), run, name)
    yield wrong("another run than yesterday's", version(run_id="xyz"), run, name)
    yield wrong("has no run", version(run_id=None), run, name)
    yield wrong("handover is a str", f"models:/{name}/1", run, name)


# 8 aliases ----------------------------------------------------------------------------------------------------------


@exercise(
    "8.8",
    objective="ASC-1.18",
    hint="When is the alias resolved: once when the model is loaded, or at each `predict`?",
)
def moved_alias_is_foreseen(at_seven):
    keys = ["alias", "notebook", "job scores", "job writes"]
    if isinstance(at_seven, dict):  # the registry returns numbers as strings
        at_seven = {key: int(value) if value in ("1", "2") else value for key, value in at_seven.items()}
    at_seven = answers_to(at_seven, keys, "at_seven", (1, 2))
    assert at_seven["alias"] == 2, "alias: it was moved to version 2 at 05:00."
    assert at_seven["notebook"] == 1, (
        "notebook: the alias was resolved when the model was loaded. Moving it does not change the loaded object."
    )
    assert at_seven["job scores"] == 1, (
        "job scores: the job loaded version 1 at 04:00. It will load version 2 at its next start, at 08:00."
    )
    assert at_seven["job writes"] == 2, (
        "job writes: the job looks up the alias every hour, so the number that it records follows the alias."
    )


@trials("8.8")
def _(_spark):
    at_seven = {"alias": 2, "notebook": 1, "job scores": 1, "job writes": 2}
    yield right(at_seven)
    yield right(at_seven | {"alias": "2"})
    yield wrong("moved to version 2 at 05:00", at_seven | {"alias": 1})
    yield wrong("does not change the loaded object", at_seven | {"notebook": 2})
    yield wrong("at its next start", at_seven | {"job scores": 2})
    yield wrong("follows the alias", at_seven | {"job writes": 1})


# 9 tags -------------------------------------------------------------------------------------------------------------


@exercise(
    "8.9",
    objective="ASC-1.17",
    hint="Four methods of `client`: one for the registered model's tag, three for the version.",
)
def version_is_stamped(stamp):
    from course.ch08_model_registry.practice import NAME, PracticeRegistry

    assert inspect.isfunction(stamp), "stamp should be a function with the parameters client, name and version."
    registry = PracticeRegistry(3, tags={1: {"on_hold": "legal"}, 2: {"on_hold": "legal", "team": "growth"}})
    general = registry.descriptions[None]
    _works(lambda: stamp(registry, NAME, "2"), "stamp")
    assert "cost_centre" not in registry.tags[2], (
        "cost_centre is a tag of version 2. It should be a tag of the registered model."
    )
    assert registry.model_tags.get("cost_centre") == "4711", "The registered model has no tag cost_centre = 4711."
    assert "validation" not in registry.model_tags, (
        "validation is a tag of the registered model, so every version seems to have passed. Set it on the version."
    )
    assert registry.tags[2].get("validation") == "passed", "Version 2 has no tag validation = passed."
    assert "validation" not in registry.tags[1] and "validation" not in registry.tags[3], (
        "Another version has the tag validation too. Use the parameter version."
    )
    assert registry.tags[2].get("on_hold", "gone") not in ("", "None", "False", "false"), (
        "The tag on_hold is still there, with an empty value. A tag with an empty value is still a tag: delete it."
    )
    assert "on_hold" not in registry.tags[2], "Version 2 still has the tag on_hold."
    assert registry.tags[1].get("on_hold") == "legal", (
        "Version 1 has lost its tag on_hold: change only the version that is passed."
    )
    assert registry.tags[2].get("team") == "growth", "Version 2 has lost its tag team: remove on_hold only."
    assert registry.descriptions[None] == general, (
        "The description of the registered model was overwritten. Update the version's description."
    )
    assert registry.descriptions.get(2) == "Retrained on data until September.", (
        "Version 2 does not have the description 'Retrained on data until September.' A tag called description does not count."
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
    yield wrong("should be a tag of the registered model", on_the_version)
    yield wrong("every version seems to have passed", on_the_model)
    yield wrong("is still a tag: delete it", emptied)
    yield wrong("was overwritten", described_all)
    yield wrong("stamp raised AttributeError", invented)
    yield wrong("does not count", tagged_description)


# 10 promotion -------------------------------------------------------------------------------------------------------


@exercise(
    "8.10",
    objective="ASC-1.18",
    hint="Two conditions on `label_ts`: after the training data of both models, and at least 30 days before today.",
)
def only_fair_rows_judge(fair):
    assert isinstance(fair, pd.DataFrame), (
        f"fair should be a DataFrame with some of the rows of `rows`; it is a {type(fair).__name__}."
    )
    assert "label_ts" in fair.columns, "The column label_ts is missing: keep all columns of `rows`."
    dates = pd.to_datetime(fair["label_ts"], errors="coerce")
    assert len(dates), "fair has no rows. Two label dates are fair to both models."
    both = int((dates <= "2025-06-30").sum())
    assert both == 0, (
        f"{both:,} rows are from June or earlier: both models were trained on them, so both look too good."
    )
    one = int((dates <= "2025-09-22").sum())
    assert one == 0, (
        f"{one:,} rows are from July to September. They are new to version 1 but training data of version 2, which may "
        "have memorized them."
    )
    late = int((dates + pd.Timedelta(days=30) > "2025-12-20").sum())
    assert late == 0, (
        f"{late:,} rows have a label whose 30 days are not over on 20 December. A 0 there means 'has not left yet'."
    )
    missing = {"2025-10-20", "2025-11-17"} - set(dates.dt.strftime("%Y-%m-%d"))
    assert not missing, f"The label date {min(missing)} is new to both models and known today: include its rows."
    return f"{len(fair):,} rows that neither model has seen."


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
    yield wrong("may have memorized them", rows[rows["label_ts"] > "2025-06-30"])
    yield wrong("has not left yet", rows[rows["label_ts"] > "2025-09-22"])
    yield wrong("include its rows", fair.head(1))
    yield wrong("it is a Series", rows["label_ts"])


# 12 grants ----------------------------------------------------------------------------------------------------------

_LEVELS = ("catalog", "schema", "model")
_CONTAINERS = {("USE CATALOG", "catalog"), ("USE SCHEMA", "schema")}


@exercise(
    "8.11",
    objective="ASC-1.15",
    hint="Three pairs for each: one for the catalog, one for the schema, one for the action on the model.",
)
def least_privileges(grants):
    wanted = {
        "analyst": ("EXECUTE", "model"),
        "ci": ("CREATE MODEL VERSION", "model"),
        "validator": ("APPLY TAG", "model"),
        "release": ("MANAGE", "model"),
    }
    grants = answers_to(grants, list(wanted), "grants")
    for who, needed in wanted.items():
        given = grants[who]
        assert isinstance(given, list | tuple | set) and all(
            isinstance(pair, list | tuple) and len(pair) == 2 and all(isinstance(part, str) for part in pair)
            for pair in given
        ), f"{who}: the value should be a list of pairs such as ('USE CATALOG', 'catalog')."
        held = {(" ".join(what.upper().replace("_", " ").split()), where.lower()) for what, where in given}
        odd = sorted({where for _, where in held} - set(_LEVELS))
        assert not odd, f"{who}: {odd[0]!r} is not one of catalog, schema and model."
        assert ("USE CATALOG", "catalog") in held, (
            f"{who}: without USE CATALOG on the catalog, no other privilege in it has an effect."
        )
        assert ("USE SCHEMA", "schema") in held, f"{who}: USE SCHEMA on the schema is missing."
        own = held - _CONTAINERS
        names = {what for what, _ in own}
        assert "ALL PRIVILEGES" not in names, f"{who}: ALL PRIVILEGES is more than needed."
        assert who == "release" or "MANAGE" not in names, (
            f"{who}: MANAGE also allows granting privileges, renaming, deleting and moving aliases. A smaller privilege is "
            f"enough for {who}."
        )
        assert "CREATE MODEL" not in names, (
            f"{who}: CREATE MODEL allows creating other models in the schema, not adding versions to this one."
        )
        wide = sorted((what, where) for what, where in own if where != "model")
        assert not wide, f"{who}: {wide[0][0]} on a {wide[0][1]} applies to every model in it. Grant it on the model."
        assert needed in own, (
            f"{who}: a privilege for the action is missing. "
            + {
                "analyst": "Loading a model needs the privilege that functions have.",
                "ci": "Which privilege allows new versions of a model that somebody else owns?",
                "validator": "Which privilege allows setting a tag?",
                "release": "Neither a tag privilege nor that for new versions allows moving an alias.",
            }[who]
        )
        extra = sorted(names - {needed[0]})
        assert not extra, f"{who}: {extra[0]} is more than needed for this one action."


@trials("8.11")
def _(_spark):
    way_in = [("USE CATALOG", "catalog"), ("USE SCHEMA", "schema")]
    grants = {
        "analyst": [*way_in, ("EXECUTE", "model")],
        "ci": [*way_in, ("create_model_version", "model")],
        "validator": [*way_in, ("APPLY TAG", "model")],
        "release": [*way_in, ("MANAGE", "model")],
    }
    yield right(grants)
    yield wrong("no other privilege in it", grants | {"analyst": [("EXECUTE", "model")]})
    yield wrong("USE SCHEMA on the schema is missing", grants | {"analyst": [way_in[0], ("EXECUTE", "model")]})
    yield wrong("creating other models", grants | {"ci": [*way_in, ("CREATE MODEL", "schema")]})
    yield wrong("is enough for validator", grants | {"validator": [*way_in, ("MANAGE", "model")]})
    yield wrong(
        "ci: EXECUTE is more than needed",
        grants | {"ci": [*way_in, ("EXECUTE", "model"), ("CREATE MODEL VERSION", "model")]},
    )
    yield wrong("allows moving an alias", grants | {"release": [*way_in, ("APPLY TAG", "model")]})
    yield wrong("applies to every model in it", grants | {"analyst": [*way_in, ("EXECUTE", "schema")]})
    yield wrong("list of pairs", grants | {"analyst": "EXECUTE"})


# 14 webhooks --------------------------------------------------------------------------------------------------------


@exercise(
    "8.12",
    objective="PRO-2.02",
    hint="Sign the body's bytes as they arrived. `headers.get(name, '')` also works if a header is missing.",
)
def only_genuine_deliveries_pass(authentic):
    assert inspect.isfunction(authentic), (
        "authentic should be a function with the parameters secret, headers, body, now."
    )
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
        "A genuine delivery is refused. The signature is 'v1,' and the base64 of the HMAC-SHA256 of id, dot, timestamp, dot "
        "and the unchanged body."
    )
    assert not verdict(signed("guessed")), "A delivery signed with another secret is accepted."
    assert not verdict(signed(), body.replace(b'"3"', b'"9"')), (
        "A delivery whose body was changed, version 3 into 9, is accepted."
    )
    assert not verdict(signed(), now=sent_at + 301), (
        "A delivery that is 301 seconds old is accepted, so a recorded one can be sent again later."
    )
    assert not verdict(signed(), now=sent_at - 301), (
        "A delivery with a timestamp 301 seconds after `now` is accepted. The limit holds in both directions."
    )
    fresh = signed() | {"X-MLflow-Timestamp": str(sent_at + 3600)}
    assert not verdict(fresh, now=sent_at + 3602), (
        "An old delivery with a replaced timestamp is accepted: the timestamp is part of the signed text."
    )
    for now, when in ((sent_at + 300, "old"), (sent_at - 300, "in the future")):
        assert verdict(signed(), now=now), f"A delivery exactly 300 seconds {when} is refused. At most 300 are allowed."
    for missing in ("X-MLflow-Signature", "X-MLflow-Timestamp", "X-MLflow-Delivery-Id"):
        headers = {name: value for name, value in signed().items() if name != missing}
        try:
            accepted = authentic(secret, headers, body, sent_at)
        except Exception as error:
            raise AssertionError(
                f"A request without the header {missing} raises {type(error).__name__}. Return False: anybody can send one."
            ) from None
        assert not accepted, f"A request without the header {missing} is accepted."
    watched = signed()
    watched["X-MLflow-Signature"] = _Watched(watched["X-MLflow-Signature"])
    verdict(watched)
    assert not watched["X-MLflow-Signature"].compared, (
        "The signatures are compared with == or !=. The time that this takes tells an attacker how much of a guess is right: "
        "use hmac.compare_digest."
    )


class _Watched(str):
    """A string that notes whether it was compared by ``==`` with another of its length."""

    compared = False

    def __eq__(self, other: object) -> bool:
        self.compared |= isinstance(other, str) and len(other) == len(self)
        return str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


@trials("8.12")
def _(_spark):
    def tag(secret, said):
        return "v1," + b64encode(hmac.new(secret.encode(), said, hashlib.sha256).digest()).decode()

    def fields(headers):
        return (
            headers.get("X-MLflow-Signature", ""),
            headers.get("X-MLflow-Timestamp", ""),
            headers.get("X-MLflow-Delivery-Id", ""),
        )

    def good(secret, headers, body, now):
        signature, sent_at, delivery = fields(headers)
        expected = tag(secret, f"{delivery}.{sent_at}.".encode() + body)
        return hmac.compare_digest(expected, signature) and abs(now - float(sent_at)) <= 300

    def ageless(secret, headers, body, now):
        signature, sent_at, delivery = fields(headers)
        return tag(secret, f"{delivery}.{sent_at}.".encode() + body) == signature

    def one_sided(secret, headers, body, now):
        return ageless(secret, headers, body, now) and now - float(headers["X-MLflow-Timestamp"]) <= 300

    def equals(secret, headers, body, now):
        return ageless(secret, headers, body, now) and abs(now - float(headers["X-MLflow-Timestamp"])) <= 300

    def of_bytes(secret, headers, body, now):
        signature, sent_at, delivery = fields(headers)
        expected = tag(secret, f"{delivery}.{sent_at}.".encode() + body)
        same = hmac.compare_digest(expected.encode(), signature.encode())
        return same and sent_at != "" and -300 <= now - int(sent_at) <= 300

    def parses_first(secret, headers, body, now):
        return abs(now - float(headers.get("X-MLflow-Timestamp", ""))) <= 300 and good(secret, headers, body, now)

    def body_only(secret, headers, body, now):
        return tag(secret, body) == fields(headers)[0]

    def only_there(secret, headers, body, now):
        return headers.get("X-MLflow-Signature", "").startswith("v1,")

    def brittle(secret, headers, body, now):
        return headers["X-MLflow-Signature"] != "" and good(secret, headers, body, now)

    def quick(secret, headers, body, now):
        return good(secret, headers, body, now) and abs(now - float(headers["X-MLflow-Timestamp"])) <= 299

    yield right(good)
    yield right(of_bytes)
    yield wrong("can be sent again later", ageless)
    yield wrong("in both directions", one_sided)
    yield wrong("compared with == or !=", equals)
    yield wrong("A genuine delivery is refused", body_only)
    yield wrong("signed with another secret", only_there)
    yield wrong("without the header X-MLflow-Signature raises KeyError", brittle)
    yield wrong("without the header X-MLflow-Timestamp raises ValueError", parses_first)
    yield wrong("exactly 300 seconds old is refused", quick)
    yield wrong("True or False", lambda secret, headers, body, now: "yes")


# 15 code or model ---------------------------------------------------------------------------------------------------


@exercise(
    "8.13",
    objective="ASC-1.16",
    hint="Can the training run again in production, at an acceptable cost and with an equally good model?",
)
def code_or_model(moved):
    moved = answers_to(moved, "abcde", "moved", {"code", "model"})
    assert moved["a"] == "code", (
        "a: a model from development has learned from a masked sample. Training in production uses the full data, and 20 "
        "minutes are cheap."
    )
    assert moved["b"] == "model", (
        "b: training again costs three more weeks and gives another model, which nobody has tested. Copy the tested version."
    )
    assert moved["c"] == "code", "c: the data must stay in production, so the training has to run there."
    assert moved["d"] == "model", "d: there is no training code to promote. Copy the bought model."
    assert moved["e"] == "code", "e: scoring jobs and feature functions are code, however the model is promoted."


@trials("8.13")
def _(_spark):
    moved = {"a": "code", "b": "model", "c": "code", "d": "model", "e": "code"}
    yield right(moved)
    yield wrong("masked sample", moved | {"a": "model"})
    yield wrong("three more weeks", moved | {"b": "code"})
    yield wrong("must stay in production", moved | {"c": "model"})
    yield wrong("no training code", moved | {"d": "code"})
    yield wrong("however the model is promoted", moved | {"e": "model"})


# Checkpoint ---------------------------------------------------------------------------------------------------------


@exercise(
    "8.14",
    objective="ASC-1.18",
    hint="Check everything that can be refused before you change anything. Read where `Champion` points before you move it.",
)
def the_drill(promote, roll_back, audit):
    from course.ch08_model_registry.practice import NAME, PracticeRegistry

    for name, function in {"promote": promote, "roll_back": roll_back, "audit": audit}.items():
        assert inspect.isfunction(function), f"{name} should be a function."
    registry = PracticeRegistry(
        11,
        tags={1: {"validation": "passed"}, 2: {"validation": "failed"}, 3: {"validation": "passed"}},
    )

    def refuses(what: str, call: Callable[[], Any]) -> None:
        before = registry.state()
        try:
            call()
        except ValueError:
            pass
        except Exception as error:
            raise AssertionError(f"{what} should raise a ValueError; it raised {type(error).__name__}.") from None
        else:
            raise AssertionError(f"{what} should raise a ValueError; it raised nothing.")
        assert registry.state() == before, f"{what} raised a ValueError, but had changed an alias or a tag before that."

    _works(lambda: promote(registry, NAME, "1", "10:00"), "promote, when no version is Champion yet,")
    assert registry.aliases.get("champion") == 1, "After the first promotion, Champion does not point at version 1."
    refuses("promote of version 2, whose validation failed,", lambda: promote(registry, NAME, "2", "10:05"))
    refuses("promote of version 4, which has no tag validation,", lambda: promote(registry, NAME, "4", "10:05"))
    registry.history.clear()
    _works(lambda: promote(registry, NAME, "3", "10:10"), "promote")
    assert all("champion" in aliases for aliases in registry.history), (
        "Between two calls of promote there was no Champion. A job that starts then fails. Setting an alias moves it."
    )
    assert registry.aliases.get("champion") == 3, "After the second promotion, Champion does not point at version 3."
    assert registry.aliases.get("previous") != 3, (
        "Previous points at the new Champion, so the old one is lost. Read the old one before you move Champion."
    )
    assert registry.aliases.get("previous") == 1, "After the second promotion, Previous does not point at version 1."
    moved = next(aliases for aliases in registry.history if aliases["champion"] == 3)
    assert moved.get("previous") == 1, (
        "promote moved Champion before Previous pointed at the old version. If the script stops between the two calls, "
        "nobody can roll back: set Previous first."
    )
    assert registry.tags[3].get("promoted") == "10:10", "Version 3 has no tag promoted = 10:10."
    assert registry.tags[1].get("promoted") == "10:00", "Version 1 has lost its tag promoted = 10:00."
    refuses("promote of version 3, which is the Champion already,", lambda: promote(registry, NAME, "3", "10:15"))

    registry.history.clear()
    _works(lambda: roll_back(registry, NAME, "10:20"), "roll_back")
    assert 3 in registry.versions, (
        "roll_back deleted version 3 and with it the evidence. Move the alias, keep the version."
    )
    assert all("champion" in aliases for aliases in registry.history), (
        "Between two calls of roll_back there was no Champion."
    )
    assert registry.aliases.get("champion") == 1, "After roll_back, Champion does not point at version 1."
    assert registry.aliases.get("previous") == 1, (
        "After roll_back, Previous no longer points at version 1. roll_back only moves Champion and deletes nothing."
    )
    assert "rolled_back" not in registry.tags[1], (
        "The tag rolled_back is on version 1, the good one. Read which version is Champion before you move the alias."
    )
    assert registry.tags[3].get("rolled_back") == "10:20", "Version 3 has no tag rolled_back = 10:20."
    refuses("A second roll_back, with nothing to go back to,", lambda: roll_back(registry, NAME, "10:25"))

    table = _works(lambda: audit(registry, NAME), "audit")
    assert isinstance(table, list) and all(isinstance(row, dict) for row in table), (
        "audit should return a list of dictionaries."
    )
    keys = {"version", "aliases", "validation", "promoted", "rolled_back"}
    missing = sorted(set.union(set(), *[keys - set(row) for row in table]))
    assert table and not missing, f"Each dictionary of audit should have the keys {', '.join(sorted(keys))}."
    assert all(str(row["version"]).isdecimal() for row in table), "version should be an integer in each dictionary."
    numbers = [int(row["version"]) for row in table]
    assert sorted(numbers) == list(range(1, 12)), f"audit should list the versions 1 to 11; it lists {sorted(numbers)}."
    assert numbers == sorted(numbers), (
        f"audit lists the versions in the order {numbers}. Version numbers are strings, and '10' sorts before '2': sort by "
        "int."
    )
    third, first = table[2], table[0]
    assert isinstance(first["aliases"], list | tuple | set), "aliases should be a list in each dictionary."
    assert {str(alias).lower() for alias in first["aliases"]} == {"champion", "previous"}, (
        f"audit shows the aliases {list(first['aliases'])} for version 1; it has champion and previous. get_model_version "
        "returns them."
    )
    found = [third["validation"], third["promoted"], third["rolled_back"]]
    assert found == ["passed", "10:10", "10:20"], (
        f"audit shows {found} for version 3; its tags are passed, 10:10 and 10:20."
    )
    assert table[1]["promoted"] is None, "audit should show None where a version has no such tag."
    return "Promoted, refused, rolled back and audited; there was a Champion at every moment."


@trials("8.14")
def _(_spark):
    def promote(client, name, version, when):
        if client.get_model_version(name, version).tags.get("validation") != "passed":
            raise ValueError(version)
        champion = client.get_registered_model(name).aliases.get("champion")
        if champion == str(version):
            raise ValueError(version)
        if champion is not None:
            client.set_registered_model_alias(name, "Previous", champion)
        client.set_registered_model_alias(name, "Champion", version)
        client.set_model_version_tag(name, version, "promoted", when)

    def roll_back(client, name, when):
        broken = client.get_model_version_by_alias(name, "Champion").version
        previous = client.get_model_version_by_alias(name, "Previous").version
        if broken == previous:
            raise ValueError(name)
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

    def champion_first(client, name, version, when):
        if client.get_model_version(name, version).tags.get("validation") != "passed":
            raise ValueError(version)
        champion = client.get_registered_model(name).aliases.get("champion")
        client.set_registered_model_alias(name, "Champion", version)
        if champion is not None:
            client.set_registered_model_alias(name, "Previous", champion)
        client.set_model_version_tag(name, version, "promoted", when)

    def twice(client, name, version, when):
        if client.get_model_version(name, version).tags.get("validation") != "passed":
            raise ValueError(version)
        champion = client.get_registered_model(name).aliases.get("champion", version)
        client.set_registered_model_alias(name, "Previous", champion)
        client.set_registered_model_alias(name, "Champion", version)
        client.set_model_version_tag(name, version, "promoted", when)

    def drops_previous(client, name, when):
        roll_back(client, name, when)
        client.delete_registered_model_alias(name, "Previous")

    def again(client, name, when):
        broken = client.get_model_version_by_alias(name, "Champion").version
        client.set_registered_model_alias(name, "Champion", client.get_model_version_by_alias(name, "Previous").version)
        client.set_model_version_tag(name, broken, "rolled_back", when)

    def hasty(client, name, version, when):
        client.set_model_version_tag(name, version, "promoted", when)
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
    yield wrong("whose validation failed, should raise a ValueError", blind, roll_back, audit)
    yield wrong("the old one is lost", late, roll_back, audit)
    yield wrong("set Previous first", champion_first, roll_back, audit)
    yield wrong("which is the Champion already, should raise", twice, roll_back, audit)
    yield wrong("had changed an alias or a tag", hasty, roll_back, audit)
    yield wrong("there was no Champion. A job", gap, roll_back, audit)
    yield wrong("no version is Champion yet", only_later, roll_back, audit)
    yield wrong("the evidence", promote, delete, audit)
    yield wrong("only moves Champion", promote, drops_previous, audit)
    yield wrong("nothing to go back to", promote, again, audit)
    yield wrong("the good one", promote, tags_the_wrong_one, audit)
    yield wrong("sort by int", promote, roll_back, lambda client, name: rows(client, name, str))
    yield wrong("audit raised", promote, roll_back, from_search)
