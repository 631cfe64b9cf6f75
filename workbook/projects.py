"""Projects and their assets: what a notebook expects to find, and how it is made when it is missing.

A project is declared in ``project.py`` of its folder, as ``PROJECT``. The manifest says which assets a notebook needs.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from lakehouse.errors import InvalidValue
from lakehouse.files import locked
from lakehouse.paths import home, on_databricks
from workbook.manifest import manifest
from workbook.parameters import Kind, identifier

if TYPE_CHECKING:
    from workbook.workspace import Workspace


@dataclass(frozen=True)
class Asset:
    """Something that a notebook makes and others use: tables, a training set, a registered model.

    Attributes
    ----------
    name : str
        As the manifest's ``needs`` lists it.
    title : str
        What it is, in words, for the line that says that it is being made.
    made_from : tuple of str
        The assets that have to be there first.
    present : callable
        Whether it is there.
    make : callable
        Makes it. Nothing else makes it at the same time in this schema.
    """

    name: str
    title: str
    present: Callable[[Workspace], bool]
    make: Callable[[Workspace], object]
    made_from: tuple[str, ...] = ()


@dataclass(frozen=True)
class Project:
    """A project.

    Attributes
    ----------
    name : str
        Name of its folder.
    schema : str
        The schema of its tables when a notebook names none.
    parameters : mapping of str to Kind
        Its parameters beside ``catalog`` and ``schema``.
    assets : tuple of Asset
    schema_of : callable
        From the parameters in force to the name of the schema that holds the tables made with them. Other parameters
        give another schema, so that no notebook ever replaces the tables of another.
    """

    name: str
    schema: str
    parameters: Mapping[str, Kind]
    assets: tuple[Asset, ...]
    schema_of: Callable[[SimpleNamespace], str] = field(default=lambda params: params.schema)

    def asset(self, name: str) -> Asset:
        """The asset of this name. Raises InvalidValue when there is none."""
        for asset in self.assets:
            if asset.name == name:
                return asset
        known = ", ".join(asset.name for asset in self.assets)
        raise InvalidValue(f"project {self.name} has no asset {name!r}: use one of {known}.")


def project_named(name: str) -> Project:
    """Import the project of this name."""
    found = importlib.import_module(f"{manifest().package}.{name}.project").PROJECT
    assert isinstance(found, Project)
    return found


def make_missing(ws: Workspace, project: Project, needs: tuple[str, ...]) -> None:
    """Make the assets that are missing, and what they are made from, in that order; leave the others alone.

    Processes that need the same asset wait for the one that makes it.

    Parameters
    ----------
    ws : Workspace
    project : Project
    needs : tuple of str
        Names of assets.
    """
    for name in needs:
        asset = project.asset(name)
        if asset.present(ws):
            continue
        with alone_in(ws.schema_name):
            make_missing(ws, project, asset.made_from)
            if not asset.present(ws):
                print(f"Making {asset.title} in {ws.schema_name} ...", flush=True)
                asset.make(ws)


_held: dict[str, threading.RLock] = {}
_depth: dict[str, int] = {}


@contextlib.contextmanager
def alone_in(schema: str) -> Iterator[None]:
    """Keep other processes and threads of this home from making tables in a schema meanwhile.

    May be entered again by the thread that is in it. On Databricks it does nothing: there each table is replaced in one
    commit, and two notebooks that make the same table make the same rows.

    Parameters
    ----------
    schema : str
        ``catalog.schema``.
    """
    if on_databricks():
        yield
        return
    with _held.setdefault(schema, threading.RLock()):
        if _depth.get(schema):
            yield
            return
        with locked(home() / "locks" / f"{schema}.lock"):
            _depth[schema] = 1
            try:
                yield
            finally:
                _depth[schema] = 0


def parameters_of(project: Project | None) -> dict[str, Kind]:
    """The parameters that ``start`` takes for a project, or for none."""
    return {"catalog": identifier, "schema": identifier, **(project.parameters if project else {})}


def checked(kinds: Mapping[str, Kind], values: Mapping[str, Any]) -> SimpleNamespace:
    """The values in force.

    Raises
    ------
    InvalidValue
        If a parameter is unknown, of another kind, or out of range.
    """
    unknown = sorted(set(values) - set(kinds))
    if unknown:
        raise InvalidValue(f"unknown parameter {', '.join(unknown)}: this notebook may have {', '.join(kinds)}.")
    return SimpleNamespace(**{name: kinds[name](name, value) for name, value in values.items()})
