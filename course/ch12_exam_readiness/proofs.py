"""Proofs of chapter 12: decisions under exam conditions, most of them over several chapters.

Plans and orders of steps are played through in small simulations; registry, feature client and SDK are the real calls.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from workbook.proofs import Lab, holds, works

# --- time and effort --------------------------------------------------------------------------------------------------


def ready_time_003(lab: Lab) -> set[str]:
    from random import Random

    short, long = (1.5, 0.85), (4.0, 0.65)

    def points(questions: list[tuple[float, float]], guess: float) -> float:
        left, total = 50.0, 0.0
        for minutes, chance in questions:
            done = minutes <= left
            left -= minutes if done else left
            total += chance if done else guess
        return total

    mixed = [short] * 20 + [long] * 8
    rng, orders = Random(1), 400
    as_they_come = sum(points(rng.sample(mixed, len(mixed)), 0.25) for _ in range(orders)) / orders
    plans = {
        "A": points([long] * 8 + [short] * 20, 0.25),
        "B": as_they_come,
        "C": points([short] * 20 + [long] * 8, 0.0),
        "D": points([short] * 20 + [long] * 8, 0.25),
    }
    return holds({letter: plan == max(plans.values()) for letter, plan in plans.items()})


def ready_plan_004(lab: Lab) -> set[str]:
    questions = {"A": 26 * 10 / 20, "B": 26 * 4 / 20, "C": 26 * 7 / 22, "D": 7 * 5 / 5}
    right = {"A": 0.55, "B": 0.40, "C": 0.70, "D": 0.40}
    gains = {letter: questions[letter] * (1 - right[letter]) / 2 for letter in questions}
    return holds({letter: gain == max(gains.values()) for letter, gain in gains.items()})


def ready_qualifier_012(lab: Lab) -> set[str]:
    computes = {"A": (4, 3, 1), "B": (32, 6, 10), "C": (16, 3, 4), "D": (8, 3, 2)}  # cores, start, DBU per hour
    minutes = {letter: start + math.ceil(60 / cores) * 2 for letter, (cores, start, _) in computes.items()}
    cost = {letter: minutes[letter] / 60 * computes[letter][2] for letter in computes if minutes[letter] <= 30}
    return holds({letter: letter in cost and cost[letter] == min(cost.values()) for letter in computes})


# --- promotion and the way back ---------------------------------------------------------------------------------------


def ready_order_005(lab: Lab) -> set[str]:
    orders = {
        "A": ("validate", "alias", "canary", "full"),
        "B": ("canary", "validate", "full", "alias"),
        "C": ("validate", "canary", "full", "alias"),
        "D": ("alias", "validate", "canary", "full"),
    }

    def keeps_the_rules(order: tuple[str, ...]) -> bool:
        done: set[str] = set()
        for step in order:
            requests_to_8 = step in ("canary", "full") or bool(done & {"canary", "full"})
            if requests_to_8 and "validate" not in done:
                return False
            if step == "alias" and "canary" not in done:  # the file's next run uses version 8
                return False
            if step == "canary" and done - {"validate"}:  # its failure would leave more to undo than the split
                return False
            done.add(step)
        return True

    return holds({letter: keeps_the_rules(order) for letter, order in orders.items()})


@functools.cache
def _sources(lab: Lab) -> tuple[str, str]:
    """Two saved models with a signature: the first answers 7, the second 8."""
    import mlflow.pyfunc
    import pandas as pd
    from mlflow.models import infer_signature
    from mlflow.pyfunc.model import PythonModel

    class Says(PythonModel):
        def __init__(self, number: float) -> None:
            self.number = number

        def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
            return [self.number] * len(model_input)

    def save(number: float) -> str:
        path = str(lab.folder() / "model")
        signature = infer_signature(pd.DataFrame({"x": [1.0]}), pd.Series([1.0]))
        mlflow.pyfunc.save_model(path, python_model=Says(number), signature=signature, pip_requirements=["mlflow"])
        return path

    return save(7.0), save(8.0)


def _churn(lab: Lab) -> str:
    """A model of two versions: 1 stands for version 7 and answers 7, 2 stands for version 8 and answers 8."""
    name = lab.table("churn")
    lab.client.create_registered_model(name)
    for source in _sources(lab):
        lab.client.create_model_version(name, source)
    return name


def _answer(uri: str) -> float | None:
    """What a job gets that loads this address, None if it cannot load it."""
    import mlflow
    import pandas as pd
    from mlflow.exceptions import MlflowException

    try:
        return float(mlflow.pyfunc.load_model(uri).predict(pd.DataFrame({"x": [1.0]}))[0])
    except MlflowException:
        return None


class _Wire:
    """Takes the place of the SDK's HTTP client and keeps the configuration of one endpoint."""

    class _Config:
        workspace_id = None

    def __init__(self) -> None:
        self._cfg = self._Config()
        self.version = "2"

    def do(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        if (method, path) == ("PUT", "/api/2.0/serving-endpoints/churn/config"):
            (entity,) = request["body"]["served_entities"]
            self.version = entity["entity_version"]
        return {"name": "churn"}


def ready_rollback_006(lab: Lab) -> set[str]:
    from databricks.sdk.service.serving import ServedEntityInput, ServingEndpointsAPI

    client = lab.client
    calls: dict[str, Callable[[str, Any], Any]] = {
        "A": lambda name, api: client.set_registered_model_alias(name, "Champion", "1"),
        "B": lambda name, api: client.delete_model_version(name, "2"),
        "C": lambda name, api: client.set_model_version_tag(name, "2", "status", "rejected"),
        "D": lambda name, api: client.copy_model_version(f"models:/{name}/1", name),
        "E": lambda name, api: api.update_config(
            "churn",
            served_entities=[ServedEntityInput(entity_name=name, entity_version="1", workload_size="Small")],
        ),
    }
    name = _churn(lab)

    def brings_one_back(call: Callable[[str, Any], Any]) -> bool:
        """Whether a consumer is on version 7 afterwards, and version 8 still there."""
        client.set_registered_model_alias(name, "Champion", "2")
        wire = _Wire()
        assert _answer(f"models:/{name}@Champion") == 8.0
        call(name, ServingEndpointsAPI(wire))
        job, kept = _answer(f"models:/{name}@Champion"), _answer(f"models:/{name}/2") == 8.0
        return kept and (job == 7.0 or wire.version == "1")

    # the deletion comes last, as it cannot be undone
    return holds({letter: brings_one_back(calls[letter]) for letter in "ACDEB"})


def ready_old_009(lab: Lab) -> set[str]:
    from databricks.sdk.service.serving import ServedEntityInput

    client, name, t = lab.client, _churn(lab), lab.table("features")
    rows = lab.spark.sql("SELECT 1L AS id, 2.0D AS n")

    def mode_refused() -> bool:
        """The client looks at the mode before it looks for the table, so none is needed."""
        try:
            lab.fe.write_table(name=t, df=rows, mode="overwrite")
        except ValueError as error:
            return "mode must be 'merge'" in str(error)
        return False

    def entity() -> dict[str, Any]:
        return ServedEntityInput(entity_name=name, entity_version="2").as_dict()

    client.set_registered_model_alias(name, "Champion", "2")
    return holds(
        {
            "A": _answer(f"models:/{name}@Champion") == 8.0,
            "B": int(client.get_model_version_by_alias(name, "Champion").version) == 2,
            "C": _answer(f"models:/{name}/Champion") == 8.0,
            "D": not mode_refused(),
            "E": works(entity, TypeError) and entity() == {"entity_name": name, "entity_version": "2"},
        }
    )


# --- causes and evidence ----------------------------------------------------------------------------------------------


def ready_cause_007(lab: Lab) -> set[str]:
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.tree import DecisionTreeClassifier

    rng = np.random.default_rng(12)

    def customers(n: int, weights: tuple[float, float]) -> tuple[Any, Any]:
        """Two features, and who leaves: about 3 %, the more surely the greater the weights."""
        x = rng.normal(size=(n, 2))
        risk = x @ np.array(weights) + rng.logistic(size=n)
        return x, risk > np.quantile(risk, 0.97)

    def psi(base: Any, now: Any) -> float:
        edges = np.quantile(base, np.linspace(0, 1, 11))[1:-1]
        p, q = (np.bincount(np.searchsorted(edges, values), minlength=10) / len(values) for values in (base, now))
        q = np.maximum(q, 1e-6)
        return float(np.sum((q - p) * np.log(q / p)))

    def fits(cause: str) -> bool:
        weak, strong = (0.6, 0.6), (2.2, 2.2)
        weights = weak if cause in ("leak", "by heart") else strong
        x, y = customers(24_000, weights)
        if cause == "leak":  # the value was written after the leavers had left
            x[y, 0] += 1.4
        model: Any = DecisionTreeClassifier(random_state=0) if cause == "by heart" else LogisticRegression()
        model.fit(x[:12_000], y[:12_000])

        def auc(x: Any, y: Any) -> float:
            return float(roc_auc_score(y, model.predict_proba(x)[:, 1]))

        offline, live, shift = auc(x[12_000:], y[12_000:]), [], 0.0
        for month in range(4):
            turned = strong[0] - 1.4 * month if cause == "behaviour" else weights[0]
            now, left = customers(12_000, (turned, weights[1]))
            if cause == "unit":
                now[:, 0] *= 60
            live.append(auc(now, left))
            shift = max(shift, *(psi(x[:, column], now[:, column]) for column in (0, 1)))
        return offline > 0.88 and max(live) < 0.8 and max(live) - min(live) < 0.08 and shift < 0.03

    causes = {"A": "behaviour", "B": "leak", "C": "unit", "D": "by heart"}
    return holds({letter: fits(cause) for letter, cause in causes.items()})


def ready_audit_008(lab: Lab) -> set[str]:
    import pickle

    import numpy as np
    import pandas as pd
    from sklearn.linear_model import LinearRegression

    # each version was fitted to another state of the training table, and is kept as the bytes of the fitted model
    seen = np.random.default_rng(8).normal(size=(50, 2))
    truths = {11: (0.02, 0.30), 12: (0.03, 0.10), 13: (0.01, 0.20)}
    tables = {number: (seen, seen @ truth) for number, truth in truths.items()}
    versions = {4: 11, 5: 12, 6: 13}
    registry = {number: pickle.dumps(LinearRegression().fit(*tables[table])) for number, table in versions.items()}
    champion, served_in_march = 6, 4
    rows = pd.DataFrame(
        {"customer_id": 5, "ts": pd.to_datetime(["2026-01-10", "2026-02-20", "2026-08-01"]), "late_payments": [0, 3, 1]}
    )
    asked = pd.DataFrame({"customer_id": [5], "ts": pd.to_datetime(["2026-03-03"])})
    then = pd.merge_asof(asked, rows, on="ts", by="customer_id")["late_payments"].item()
    now = rows["late_payments"].iloc[-1]
    logged_request, told_in_november = {"amount": 12.0}, {"amount": 9.0}

    def score(version: int, late_payments: int, request: dict[str, float]) -> float:
        return float(pickle.loads(registry[version]).predict([[request["amount"], late_payments]])[0])

    logged = score(served_in_march, then, logged_request)

    def gives(*arguments: Any) -> bool:
        return math.isclose(score(*arguments), logged)

    claims = {
        "A": gives(champion, then, logged_request),
        "B": not gives(served_in_march, then, told_in_november),
        "C": not gives(champion, then, logged_request) and gives(served_in_march, then, logged_request),
        "D": not gives(served_in_march, now, logged_request),
    }
    tables.clear()  # no state of the training table can be read any more
    claims["E"] = not gives(served_in_march, then, logged_request)
    return holds(claims)


# --- elimination ------------------------------------------------------------------------------------------------------


def ready_eliminate_011(lab: Lab) -> set[str]:
    from pyspark.ml.feature import TargetEncoder

    def frame(rows: str) -> Any:
        return lab.spark.sql(f"SELECT * FROM VALUES {rows} AS t(shop, `left`)").coalesce(1)

    train = frame("(0D, 1D), (0D, 0D), (1D, 1D), (1D, 1D)")
    test = frame("(0D, 0D), (1D, 0D)")
    enc: Any = TargetEncoder(inputCol="shop", outputCol="shop_rate", labelCol="left", targetType="binary")
    lines: dict[str, Callable[[], Any]] = {
        "A": lambda: enc.fit(train).transform(test),
        "B": lambda: enc.transform(test, train),
        "C": lambda: enc.fit_transform(train, test),
        "D": lambda: enc.fit(test).transform(test),
    }

    def learnt_from_train(line: Callable[[], Any]) -> bool:
        try:
            got = sorted(line().collect())
        except AttributeError:
            return False
        return [row["shop_rate"] for row in got] == [0.5, 1.0]

    return holds({letter: learnt_from_train(line) for letter, line in lines.items()})
