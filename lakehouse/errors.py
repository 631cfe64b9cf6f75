"""Errors that a user can act on.

The command line catches :class:`UserError` and prints its message; every other exception is a fault of the program and
keeps its traceback. The feature client and the registry raise the platform's own
exceptions instead.
"""

from __future__ import annotations


class UserError(Exception):
    """Something that the user can mend; the message names what was given and the remedy."""


class InvalidValue(UserError, ValueError):
    """An argument, a setting or a file whose value cannot be used."""


class Unavailable(UserError, RuntimeError):
    """Something that the program needs and this machine does not offer now: Java, a folder, a server, another's lock."""


class UnusableFolder(UserError, OSError):
    """A folder that cannot be written to, or a disk that is full."""
