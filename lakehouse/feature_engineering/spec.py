"""The feature spec: how to compute a model's inputs, frozen when the training set is created.

It is plain data. The same spec drives training (``load_df``) and scoring (``score_batch``), and travels with the model
as ``feature_spec.yaml``; that both run the same steps is what ends training/serving skew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import yaml

FILE_NAME = "feature_spec.yaml"
_FORMAT = 1


@dataclass(frozen=True)
class Input:
    """A column that a step reads: bound to a key column of a table or to a parameter of a function.

    Types are Spark's simple strings (``bigint``, ``array<string>``).
    """

    column: str
    bound_to: str
    type: str


@dataclass(frozen=True)
class LookedUpFeature:
    """One column of a feature table, the name it gets, and the value instead of null (None: null stays)."""

    feature: str
    output: str
    type: str
    default: Any = None


@dataclass(frozen=True)
class LookupStep:
    """Fetch features from one table by key, as of a moment when the table is a time series.

    Attributes
    ----------
    table_id
        Delta's id of the table at training time: another one later means that the table was recreated.
    lookback_us
        Inclusive lookback window in microseconds.
    """

    table: str
    table_id: str
    keys: tuple[Input, ...]
    features: tuple[LookedUpFeature, ...]
    timestamp: Input | None = None
    lookback_us: int | None = None

    @property
    def inputs(self) -> tuple[Input, ...]:
        return self.keys if self.timestamp is None else (*self.keys, self.timestamp)

    @property
    def needed_online(self) -> list[str]:
        """Columns that an online lookup needs: there is no moment in it."""
        return [key.column for key in self.keys]

    @property
    def outputs(self) -> dict[str, str]:
        """Name and type of every column that the step adds."""
        return {feature.output: feature.type for feature in self.features}


@dataclass(frozen=True)
class FunctionStep:
    """Call a registered Python function on columns."""

    function: str
    inputs: tuple[Input, ...]
    output: str
    type: str

    @property
    def needed_online(self) -> list[str]:
        """Columns that the call needs."""
        return [source.column for source in self.inputs]

    @property
    def outputs(self) -> dict[str, str]:
        """Name and type of the column that the step adds."""
        return {self.output: self.type}


Step = LookupStep | FunctionStep


@dataclass(frozen=True)
class FeatureSpec:
    """Everything that turns a frame with keys into a frame with features.

    Attributes
    ----------
    lookups, functions
        Steps in the order in which they were declared, which is the order of their columns.
    exclude_columns
        Columns that take part in the steps but do not reach the model.
    source_columns
        Columns of the training frame with their types, without labels. Empty in a spec that was not bound to a frame.
    """

    lookups: tuple[LookupStep, ...]
    functions: tuple[FunctionStep, ...]
    exclude_columns: tuple[str, ...] = ()
    source_columns: tuple[tuple[str, str], ...] = ()

    @property
    def steps(self) -> list[Step]:
        """All steps, as declared."""
        return [*self.lookups, *self.functions]

    @property
    def outputs(self) -> dict[str, str]:
        """Name and type of every computed column: looked-up features first, on-demand features after them."""
        return {name: kind for step in self.steps for name, kind in step.outputs.items()}

    @property
    def model_inputs(self) -> list[str]:
        """Columns that reach the model: those of the frame, looked-up features, on-demand features."""
        columns = [name for name, _ in self.source_columns] + list(self.outputs)
        return [name for name in columns if name not in self.exclude_columns]

    @property
    def required_columns(self) -> list[str]:
        """Columns that a frame must bring to be scored: the model's own, and what the steps read."""
        read = {source.column for step in self.steps for source in step.inputs}
        sources = [name for name, _ in self.source_columns]
        kept = [name for name in sources if name in read or name not in self.exclude_columns]
        return kept + sorted(read - set(sources) - set(self.outputs))

    @property
    def known_types(self) -> dict[str, str]:
        """Type of every column that the spec reads or makes."""
        read = {source.column: source.type for step in self.steps for source in step.inputs}
        return {**read, **dict(self.source_columns), **self.outputs}

    def needed_steps(self, present: Collection[str]) -> list[Step]:
        """The steps that are to be run for a frame that has these columns: those with an output that it lacks."""
        given = {name.lower() for name in present}
        return [step for step in self.steps if any(name.lower() not in given for name in step.outputs)]

    def bound_to(self, source_columns: tuple[tuple[str, str], ...], exclude_columns: tuple[str, ...]) -> FeatureSpec:
        """The spec for one training frame."""
        return replace(self, source_columns=source_columns, exclude_columns=exclude_columns)

    def execution_order(self) -> Iterator[Step]:
        """The steps so that each comes after those whose output it reads.

        Raises
        ------
        ValueError
            When steps wait for each other.
        """
        waiting = self.steps
        while waiting:
            missing = {name for step in waiting for name in step.outputs}
            ready = [step for step in waiting if not any(source.column in missing for source in step.inputs)]
            if not ready:
                raise ValueError(f"The features {sorted(missing)} need each other's outputs: break the circle.")
            yield from ready
            waiting = [step for step in waiting if step not in ready]

    def to_yaml(self) -> str:
        """The spec as text."""
        return yaml.safe_dump({"format": _FORMAT, **_plain(asdict(self))}, sort_keys=False)

    @classmethod
    def from_yaml(cls, text: str) -> FeatureSpec:
        """The spec from its text.

        Raises
        ------
        ValueError
            When the text was written in another format.
        """
        stored = yaml.safe_load(text)
        found = stored.pop("format", None)
        if found != _FORMAT:
            raise ValueError(f"{FILE_NAME} has format {found!r}; this version reads format {_FORMAT}.")
        return cls(
            lookups=tuple(_lookup(step) for step in stored["lookups"]),
            functions=tuple(
                FunctionStep(**(step | {"inputs": tuple(Input(**i) for i in step["inputs"])}))
                for step in stored["functions"]
            ),
            exclude_columns=tuple(stored["exclude_columns"]),
            source_columns=tuple((name, kind) for name, kind in stored["source_columns"]),
        )


def _lookup(step: dict[str, Any]) -> LookupStep:
    timestamp = step["timestamp"]
    return LookupStep(
        **step
        | {
            "keys": tuple(Input(**key) for key in step["keys"]),
            "features": tuple(LookedUpFeature(**feature) for feature in step["features"]),
            "timestamp": None if timestamp is None else Input(**timestamp),
        }
    )


def _plain(value: Any) -> Any:
    """YAML's safe writer knows lists, not tuples."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
