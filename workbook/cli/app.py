"""The application that the command modules add to, and what they share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from lakehouse.errors import InvalidValue, UserError


class _Commands(TyperGroup):
    """Shows what a user can act on as one message. Any other error is a fault of the program and keeps its traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            typer.echo(f"wb: {error}", err=True)
            raise typer.Exit(2) from None


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The lakehouse ML workbook. `wb python ...` runs its Python; `wb lock` makes requirements.lock from pyproject.toml.",
)

#: For a command that hands its arguments on.
HANDED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def commands() -> dict[str, str]:
    """Name of each command to the first sentence of what it says about itself, for documents that list them."""
    found = {}
    for command in app.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__
        found[name] = (command.callback.__doc__ or "").split(". ")[0].rstrip(".")
    return found


@contextlib.contextmanager
def named_by_user(path: Path) -> Iterator[None]:
    """Refuse in words what the system refuses about a path that the user gave."""
    try:
        yield
    except OSError as error:
        raise InvalidValue(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise InvalidValue(f"{path} is not text in UTF-8") from None
