"""How ready a learner is, by exam domain: the latest answer to every question, weighted as the exam weighs its domains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from workbook.manifest import Exam
from workbook.objectives import DOMAINS, OBJECTIVES
from workbook.quiz.forms import BLUEPRINTS
from workbook.quiz.grading import GradedItem, Result, Share
from workbook.quiz.sealed import Bank
from workbook.quiz.sittings import Sitting, graded

#: Fewer answers than these say nothing about a domain.
ENOUGH = 10


@dataclass(frozen=True)
class Readiness:
    """What the answers so far say about one exam.

    Attributes
    ----------
    exam : Exam
    domains : dict of str to Share
        Of the questions answered at least once, those whose latest answer was right.
    percent : float or None
        Mean of the domains' shares, each weighted by its part of the exam; None until every domain has
        :data:`ENOUGH` answers.
    """

    exam: Exam
    domains: dict[str, Share]

    @property
    def percent(self) -> float | None:
        if any(share.of < ENOUGH for share in self.domains.values()):
            return None
        total = sum(self.exam.domains.values())
        return sum(weight * self.domains[domain].percent / total for domain, weight in self.exam.domains.items())


def latest(sittings: Sequence[Sitting], bank: Bank) -> dict[str, GradedItem]:
    """The latest answer to every item that was answered in a finished sitting, by item, in the bank's order.

    Sittings whose questions have changed since are left out.
    """
    found: dict[str, GradedItem] = {}
    for sitting in sittings:
        result = graded(sitting, bank) if sitting.finished else None
        found |= {item.id: item for item in result.items if item.given} if result else {}
    return {item: found[item] for item in bank.items if item in found}


def readiness(answers: dict[str, GradedItem]) -> list[Readiness]:
    """Readiness for each exam, from :func:`latest`."""
    shares = Result("", tuple(answers.values())).by_domain
    return [
        Readiness(exam, {domain: shares.get(domain, Share(0, 0)) for domain in exam.domains})
        for exam in BLUEPRINTS.values()
    ]


def show(console: Console, sittings: Sequence[Sitting], bank: Bank) -> None:
    """Print readiness and the weakest objectives: the second part of ``wb progress``."""
    answers = latest(sittings, bank)
    if not answers:
        console.print("No quiz was finished yet: `wb quiz` lists them.")
        return
    table = Table("Exam", "Domain", "Weight", "Right", "Ready", box=None, padding=(0, 2, 0, 0))
    for each in readiness(answers):
        whole = "not known yet" if each.percent is None else f"{each.percent:.0f} %"
        table.add_row(each.exam.title, "", "", "", whole, style="bold")
        size = sum(each.exam.domains.values())
        for domain, weight in each.exam.domains.items():
            share = each.domains[domain]
            told = f"{share.percent:.0f} %" if share.of >= ENOUGH else f"{ENOUGH - share.of} more answers"
            table.add_row(
                "", f"{domain} {DOMAINS[domain]}", f"{100 * weight / size:.0f} %", f"{share.right} of {share.of}", told
            )
    console.print(table)
    result = Result("", tuple(answers.values()))
    for objective in result.weakest():
        share = result.by_objective[objective]
        console.print(f"weak: {objective} {OBJECTIVES[objective]} ({share.right} of {share.of})", highlight=False)
    changed = sum(graded(sitting, bank) is None for sitting in sittings if sitting.finished)
    if changed:
        console.print(f"{changed} sittings do not count: their questions have changed since.")
