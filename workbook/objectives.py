"""The exam objectives that lessons, exercises and questions refer to by id: ``objectives.yaml`` of the course."""

from __future__ import annotations

from workbook.manifest import manifest

OBJECTIVES: dict[str, str] = manifest().objectives
DOMAINS: dict[str, str] = {name: domain.title for name, domain in manifest().domains.items()}


def domain_of(objective: str) -> str:
    """The exam domain of an objective: ``PRO-2`` of ``PRO-2.03``."""
    return objective.partition(".")[0]
