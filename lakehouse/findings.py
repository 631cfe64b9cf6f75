"""What ``wb doctor`` found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that ``wb doctor`` looked at.

    Attributes
    ----------
    name, found : str
        What was looked at, and what is there.
    remedy : str
        What to do; empty when all is well.
    wrong : bool
        Whether the course cannot be expected to work. A remedy without it is advice.
    """

    name: str
    found: str
    remedy: str = ""
    wrong: bool = False
