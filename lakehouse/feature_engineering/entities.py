"""What a user declares (lookups, functions) and what the client tells about a table or a spec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from lakehouse.public_call import public_call

MAX_TABLES = 50
MAX_FUNCTIONS = 100
MAX_FEATURES = 1000


def as_list(value: str | Sequence[str] | None, argument: str) -> list[str]:
    """One name or several, as a list of strings; None is the empty list."""
    if value is None:
        return []
    names = [value] if isinstance(value, str) else list(value)
    for name in names:
        if not isinstance(name, str) or not name:
            raise ValueError(f"{argument} must be a column name or a list of column names, got {name!r} in {value!r}.")
    return names


class FeatureLookup:
    """Columns to fetch from one feature table.

    Parameters
    ----------
    table_name
        Feature table, ``catalog.schema.table``.
    lookup_key
        Columns of the training frame, in the order of the table's primary key without its time-series column.
    feature_names
        Columns to fetch; None means every column that is not a key, as the table is when the training set is created.
    rename_outputs
        ``{feature: output}``. Needed when two lookups would give one name.
    timestamp_lookup_key
        Column of the training frame with the moment as of which to look. Mandatory for a time-series table, refused
        for any other.
    lookback_window
        A row older than this, seen from ``timestamp_lookup_key``, is not used. The window is inclusive.
    default_values
        ``{output: value}`` instead of null, both for a key that is not there and for a null that is stored.

    Raises
    ------
    ValueError
        When an argument contradicts itself. What depends on the table is checked when a training set is created.
    """

    @public_call
    def __init__(
        self,
        table_name: str,
        lookup_key: str | list[str],
        *,
        feature_names: str | list[str] | None = None,
        rename_outputs: dict[str, str] | None = None,
        timestamp_lookup_key: str | list[str] | None = None,
        lookback_window: timedelta | None = None,
        default_values: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        # The singular spellings are deprecated on the platform, and still accepted there.
        feature_name, output_name = kwargs.pop("feature_name", None), kwargs.pop("output_name", None)
        if kwargs:
            raise TypeError(f"FeatureLookup() got an unexpected keyword argument {next(iter(kwargs))!r}")
        if feature_name is not None and feature_names is not None:
            raise ValueError("Give feature_names or the deprecated feature_name, not both.")
        if output_name is not None:
            if feature_name is None or rename_outputs:
                raise ValueError("The deprecated output_name goes with feature_name only; use rename_outputs.")
            rename_outputs = {feature_name: output_name}

        self.table_name = table_name
        self.lookup_key = lookup_key
        self.feature_name = feature_name
        self.output_name = output_name
        # A time-series key as a list of one is accepted, as it was by the legacy client.
        timestamp_keys = as_list(timestamp_lookup_key, "timestamp_lookup_key")
        if len(timestamp_keys) > 1:
            raise ValueError(f"timestamp_lookup_key must be one column, got {timestamp_keys}.")
        self.timestamp_lookup_key = timestamp_keys[0] if timestamp_keys else None
        self.lookback_window = lookback_window
        self.default_values = dict(default_values or {})
        self.rename_outputs = dict(rename_outputs or {})
        names = feature_name if feature_names is None else feature_names
        self.feature_names = None if names is None else as_list(names, "feature_names")
        self._check()

    def _check(self) -> None:
        if not isinstance(self.table_name, str) or not self.table_name:
            raise ValueError(f"table_name must be a name like 'main.churn.usage', got {self.table_name!r}.")
        if not self.lookup_keys:
            raise ValueError(f"lookup_key of {self.table_name} is empty: name the columns that hold its primary key.")
        if self.lookback_window is not None:
            if self.timestamp_lookup_key is None:
                raise ValueError("lookback_window needs timestamp_lookup_key: there is no moment to look back from.")
            if self.lookback_window < timedelta(0):
                raise ValueError(f"lookback_window must not be negative, got {self.lookback_window!r}.")
        if self.feature_names is not None:
            unknown = sorted(set(self.rename_outputs) - set(self.feature_names))
            if unknown:
                raise ValueError(
                    f"rename_outputs names {unknown}, which are not in feature_names {self.feature_names}."
                )

    @property
    def lookup_keys(self) -> list[str]:
        """``lookup_key`` as a list."""
        return as_list(self.lookup_key, "lookup_key")

    @classmethod
    def from_dictionary(cls, the_dict: Mapping[str, Any]) -> FeatureLookup:
        """A lookup from its arguments by name."""
        return cls(**the_dict)

    def __repr__(self) -> str:
        return f"<FeatureLookup: table_name={self.table_name!r}, lookup_key={self.lookup_key!r}>"


class FeatureFunction:
    """An on-demand feature: the result of a Python function that is registered in a schema.

    Parameters
    ----------
    udf_name
        Registered function, ``catalog.schema.function``.
    input_bindings
        ``{parameter: column}``; a column of the training frame, a looked-up feature or the output of another function.
    output_name
        Column for the result; the full name of the function when absent.
    """

    @public_call
    def __init__(
        self, *, udf_name: str, input_bindings: dict[str, str] | None = None, output_name: str | None = None
    ) -> None:
        if not isinstance(udf_name, str) or not udf_name:
            raise ValueError(f"udf_name must be a name like 'main.churn.tenure_days', got {udf_name!r}.")
        if output_name == "":
            raise ValueError("output_name is empty: leave it out, or name the column.")
        self.udf_name = udf_name
        self.input_bindings = dict(input_bindings or {})
        self.output_name = output_name or udf_name

    @classmethod
    def from_dictionary(cls, the_dict: Mapping[str, Any]) -> FeatureFunction:
        """A function from its arguments by name."""
        return cls(**the_dict)

    def __repr__(self) -> str:
        return f"<FeatureFunction: udf_name={self.udf_name!r}, output_name={self.output_name!r}>"


@dataclass(frozen=True)
class FeatureTable:
    """Metadata of a feature table: any Delta table with a primary key.

    Attributes
    ----------
    primary_keys
        Key columns without the time-series column, in the order that a ``lookup_key`` follows.
    timestamp_keys
        The time-series column, or an empty list.
    features
        Columns that are not keys.
    creation_timestamp
        Milliseconds since 1970-01-01 UTC.
    """

    name: str
    table_id: str
    description: str | None
    primary_keys: list[str]
    partition_columns: list[str]
    features: list[str]
    creation_timestamp: int | None = None
    timestamp_keys: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> list[str]:
        """All key columns, the time-series column last."""
        return self.primary_keys + self.timestamp_keys


@dataclass(frozen=True)
class FeatureSpecInfo:
    """A stored feature spec: who made it, and when (milliseconds since 1970-01-01 UTC)."""

    name: str
    creator: str
    creation_timestamp_ms: int
