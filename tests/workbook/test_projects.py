"""Projects: what is missing is made, once, and nobody's tables are replaced."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from lakehouse.errors import InvalidValue
from workbook.projects import Asset, Project, alone_in, make_missing

WS: Any = SimpleNamespace(schema_name="main.t_projects")


def project(made: list[str], *, there: tuple[str, ...] = (), seconds: float = 0.0) -> Project:
    """Three assets in a chain: model from features from tables."""

    def asset(name: str, *made_from: str) -> Asset:
        def make(ws: Any) -> None:
            time.sleep(seconds)
            made.append(name)

        return Asset(name, f"the {name}", lambda ws: name in (*there, *made), make, made_from)

    chain = (asset("tables"), asset("features", "tables"), asset("model", "features"))
    return Project("small", "small", {}, chain)


def test_what_is_missing_is_made_from_what_it_needs_and_nothing_else():
    made: list[str] = []
    make_missing(WS, project(made), ("features",))
    assert made == ["tables", "features"]


def test_what_is_there_is_left_alone():
    made: list[str] = []
    make_missing(WS, project(made, there=("tables", "features")), ("model", "tables"))
    assert made == ["model"]


def test_one_who_waits_finds_what_the_other_made(capsys: pytest.CaptureFixture[str]):
    made: list[str] = []
    shared = project(made, seconds=0.05)
    threads = [threading.Thread(target=make_missing, args=(WS, shared, ("model",))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == ["tables", "features", "model"]
    assert "Making the model in main.t_projects ..." in capsys.readouterr().out


def test_who_is_alone_in_a_schema_may_enter_it_again():
    with alone_in("main.t_a"), alone_in("main.t_a"), alone_in("main.t_b"):
        pass


def test_an_asset_that_is_not_declared_is_refused():
    with pytest.raises(InvalidValue, match="project small has no asset 'scores': use one of tables, features, model"):
        make_missing(WS, project([]), ("scores",))
