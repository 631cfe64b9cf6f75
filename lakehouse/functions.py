"""Python functions with a three-level name, for on-demand features: one call on this machine and on Databricks.

On Databricks a Python function of Unity Catalog is made by SQL DDL; open Spark has no such DDL. ``function_ddl`` shows
the statement, ``register_python_function`` executes it there and stores the same content in the lake here.

========================  ================
annotation                SQL type
========================  ================
``bool``                  BOOLEAN
``int``                   BIGINT
``float``                 DOUBLE
``str``                   STRING
``bytes``                 BINARY
``datetime.date``         DATE
``datetime.datetime``     TIMESTAMP
``list[T]``               ARRAY<T>
``Annotated[T, "TYPE"]``  the type named, for columns of another width: ``Annotated[int, "INT"]``
========================  ================

``T | None`` means the same as ``T``: every SQL value may be null, and null reaches the function as None.
"""

from __future__ import annotations

import ast
import builtins
import datetime as dt
import dis
import inspect
import json
import numbers
import textwrap
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from lakehouse import sql
from lakehouse.files import write_atomically
from lakehouse.paths import home, on_databricks
from lakehouse.public_call import public_call

_SQL_TYPES: dict[Any, str] = {
    bool: "BOOLEAN",
    int: "BIGINT",
    float: "DOUBLE",
    str: "STRING",
    bytes: "BINARY",
    dt.date: "DATE",
    dt.datetime: "TIMESTAMP",
}
#: What a function may return for a SQL type, and how it becomes what Spark expects.
_RESULTS: dict[str, tuple[type, Callable[[Any], Any]]] = {
    "BOOLEAN": (bool, bool),
    "TINYINT": (numbers.Integral, int),
    "SMALLINT": (numbers.Integral, int),
    "INT": (numbers.Integral, int),
    "BIGINT": (numbers.Integral, int),
    "FLOAT": (numbers.Real, float),
    "DOUBLE": (numbers.Real, float),
    "STRING": (str, str),
}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a registered function."""

    name: str
    type: str


@dataclass(frozen=True)
class PythonFunction:
    """A registered function: what Unity Catalog would keep of it.

    Attributes
    ----------
    body
        Statements of the function, without ``def`` line and docstring; the parameters are in scope.
    """

    name: str
    parameters: tuple[Parameter, ...]
    return_type: str
    body: str
    comment: str | None = None

    def compiled(self) -> Callable[..., Any]:
        """The function alone: nothing but built-ins and its own body is in reach."""
        module = ast.parse(f"def function({', '.join(parameter.name for parameter in self.parameters)}): pass")
        # Put in as a tree, because indenting the text would change strings that span lines.
        module.body[0].body = ast.parse(self.body).body  # type: ignore[attr-defined]
        scope: dict[str, Any] = {"__builtins__": builtins, "__name__": self.name}
        exec(compile(module, self.name, "exec"), scope)
        return scope["function"]

    def ddl(self, *, replace: bool = True) -> str:
        """The statement that makes the function on Databricks."""
        parameters = ", ".join(f"{parameter.name} {parameter.type}" for parameter in self.parameters)
        lines = [
            f"CREATE {'OR REPLACE ' if replace else ''}FUNCTION {self.name}({parameters})",
            f"RETURNS {self.return_type}",
            "LANGUAGE PYTHON",
        ]
        if self.comment:
            lines.append(f"COMMENT {sql.literal(self.comment)}")
        return "\n".join([*lines, f"AS $$\n{self.body}\n$$"])

    def on_columns(self, *columns: Column) -> Column:
        """The function applied to columns, row by row, in the order of its parameters."""
        call = _checked(self.compiled(), self.name, self.return_type)
        # Not by Arrow: that would turn a list of null into NaN and an exception's text into a Java trace.
        return F.udf(call, self.return_type, useArrow=False)(*columns)


@public_call
def register_python_function(
    fn: Callable[..., Any], *, name: str, spark: SparkSession | None = None, replace: bool = True
) -> str:
    """Register a typed Python function as ``catalog.schema.name``, to be used in a ``FeatureFunction``.

    Parameters
    ----------
    fn
        Every parameter and the result annotated (the module's docstring has the types); imports inside the body.
    name
        Three-level name; the schema must exist.
    spark
        Session; the one of this process when absent.
    replace
        Whether an existing function of this name is replaced.

    Returns
    -------
    str
        The full name, for ``FeatureFunction(udf_name=...)``.

    Raises
    ------
    TypeError
        When ``fn`` is not a function written with ``def``.
    ValueError
        When the function is not self-contained, an annotation is missing or has no SQL type, the schema does not
        exist, or the name is taken and ``replace`` is False.
    """
    if spark is None:
        from lakehouse.spark import get_spark

        spark = get_spark()
    function = _described(fn, sql.three_levels(name, spark))
    if on_databricks():
        spark.sql(function.ddl(replace=replace))
        return function.name
    schema = function.name.rpartition(".")[0]
    if not spark.catalog.databaseExists(sql.table(schema)):
        raise ValueError(f"Schema '{schema}' does not exist: run CREATE SCHEMA {schema} first.")
    path = object_path(function.name)
    if path.exists() and not replace:
        raise ValueError(f"Function '{function.name}' exists already: pass replace=True to replace it.")
    write_object(path, {"kind": "python_function", **asdict(function)})
    return function.name


def function_ddl(fn: Callable[..., Any], name: str) -> str:
    """The SQL statement that registers ``fn`` on Databricks, ready for a SQL cell there."""
    return _described(fn, name).ddl()


def get_python_function(name: str) -> PythonFunction:
    """A registered function by its full name.

    Raises
    ------
    ValueError
        When there is none.
    """
    stored = read_object(name)
    if stored.pop("kind", None) != "python_function":
        raise ValueError(
            f"Python function '{name}' does not exist. Register it: "
            f"lakehouse.functions.register_python_function(fn, name={name!r})."
        )
    parameters = tuple(Parameter(**parameter) for parameter in stored.pop("parameters"))
    return PythonFunction(parameters=parameters, **stored)


def object_path(name: str) -> Path:
    """File of a function or a feature spec: both are functions of a schema in Unity Catalog and share its names."""
    catalog, schema, function = name.split(".")
    return home() / "lake" / catalog / schema / "_functions" / f"{function}.json"


def read_object(name: str) -> dict[str, Any]:
    """Content of such a file; empty when there is none."""
    try:
        return json.loads(object_path(name).read_text())
    except FileNotFoundError:
        return {}


def write_object(path: Path, content: dict[str, Any]) -> None:
    """Write such a file so that a reader sees the old or the new content, never a part."""
    path.parent.mkdir(exist_ok=True)  # and not the schema around it
    write_atomically(path, json.dumps(content, indent=2))


def _described(fn: Callable[..., Any], name: str) -> PythonFunction:
    if not inspect.isfunction(fn) or fn.__name__ == "<lambda>":
        raise TypeError(f"{fn!r} is not a function written with def: give it a name and annotations.")
    what = f"Function {fn.__name__}()"
    if fn.__closure__:
        raise ValueError(
            f"{what} uses {list(fn.__code__.co_freevars)} of the function around it: pass them as parameters."
        )
    node, body = _definition(fn, what)
    function = PythonFunction(
        name=name,
        parameters=tuple(_parameters(fn, what)),
        return_type=_sql_type(_annotations(fn, what).get("return", inspect.Parameter.empty), f"{what}, its result"),
        body=body,
        comment=ast.get_docstring(node),
    )
    outside = sorted(set(_global_names(function.compiled().__code__)) - set(dir(builtins)))
    if outside:
        raise ValueError(
            f"{what} uses {outside}, defined outside of it. A registered function runs alone: "
            "import modules inside the body, and pass values as parameters."
        )
    return function


def _definition(fn: Callable[..., Any], what: str) -> tuple[ast.FunctionDef, str]:
    try:
        source = textwrap.dedent(inspect.getsource(fn))
    except OSError as error:
        raise ValueError(f"The source of {what} cannot be read: define it in a file or a notebook cell.") from error
    node = ast.parse(source).body[0]
    if not isinstance(node, ast.FunctionDef) or inspect.isgeneratorfunction(fn):
        raise ValueError(f"{what} must be a plain def that returns a value.")
    if node.decorator_list:
        raise ValueError(f"{what} is decorated; register the function without its decorators.")
    statements = node.body[1:] if ast.get_docstring(node) is not None else node.body
    if not statements:
        raise ValueError(f"{what} has no statement besides its docstring.")
    if statements[0].lineno == node.lineno:
        raise ValueError(f"{what} has its body on the line of the def: write it on lines of its own.")
    # Lines up to the first statement are the header, comments above that statement belong to the body.
    previous = node.body[0].end_lineno if len(statements) < len(node.body) else _header_end(node, statements[0])
    lines = source.splitlines()[previous : statements[-1].end_lineno]
    body = textwrap.dedent("\n".join(lines)).strip("\n")
    if "$$" in body:
        raise ValueError(f"{what} has '$$' in its body, which ends the body in the SQL statement.")
    return node, body


def _header_end(node: ast.FunctionDef, first: ast.stmt) -> int:
    ends = [node.lineno, *(argument.end_lineno or 0 for argument in node.args.args)]
    if node.returns is not None:
        ends.append(node.returns.end_lineno or 0)
    return min(max(ends), first.lineno - 1)


def _parameters(fn: Callable[..., Any], what: str) -> Iterator[Parameter]:
    annotations = _annotations(fn, what)
    for parameter in inspect.signature(fn).parameters.values():
        if parameter.kind is not parameter.POSITIONAL_OR_KEYWORD:
            raise ValueError(f"{what}: parameter '{parameter}' must be a plain one; SQL has no * or / parameters.")
        if parameter.default is not parameter.empty:
            raise ValueError(f"{what}: parameter '{parameter.name}' has a default; a feature binds every parameter.")
        annotation = annotations.get(parameter.name, parameter.empty)
        yield Parameter(parameter.name, _sql_type(annotation, f"{what}, parameter '{parameter.name}'"))


def _annotations(fn: Callable[..., Any], what: str) -> dict[str, Any]:
    try:
        return typing.get_type_hints(fn, include_extras=True)
    except NameError as error:
        raise ValueError(f"{what}: an annotation cannot be resolved, {error}.") from error


def _sql_type(annotation: Any, where: str) -> str:
    if annotation is inspect.Parameter.empty:
        raise ValueError(f"{where}, has no type annotation; the SQL type follows from it, for example int -> BIGINT.")
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return str(arguments[1]).upper()
    if origin in (typing.Union, types.UnionType):
        kept = [argument for argument in arguments if argument is not types.NoneType]
        if len(kept) == 1:
            return _sql_type(kept[0], where)
    if origin is list and arguments:
        return f"ARRAY<{_sql_type(arguments[0], where)}>"
    if annotation not in _SQL_TYPES:
        known = ", ".join(f"{kind.__name__} -> {name}" for kind, name in _SQL_TYPES.items())
        raise ValueError(
            f"{where}, has the annotation {annotation!r}, which has no SQL type. Known: {known}, list[...]."
        )
    return _SQL_TYPES[annotation]


def _global_names(code: types.CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL"):
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _global_names(constant)


def _checked(call: Callable[..., Any], name: str, return_type: str) -> Callable[..., Any]:
    """``call`` with its result held to the declared type: Spark turns a float for BIGINT into null without a word."""
    accepted, convert = _RESULTS.get(return_type, (object, lambda value: value))

    def checked(*values: Any) -> Any:
        result = call(*values)
        if result is None:
            return None
        if not isinstance(result, accepted):
            raise TypeError(f"{name} returned {result!r} ({type(result).__name__}), but it is declared {return_type}.")
        return convert(result)

    return checked
