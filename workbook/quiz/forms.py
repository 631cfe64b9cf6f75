"""Exams and quizzes: which items, in which order, for how long, and what a score means.

Fixed forms stand in ``authoring/quizzes/exams.yaml``; the two practice papers and the quizzes of the old blueprint follow
from the seed questions that items stand for; a random form follows from a blueprint and a seed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from workbook.quiz.bank import SOURCE_FOLDER, BankError, Item, read_list
from workbook.quiz.lint import give_aways, twins
from workbook.quiz.sealed import SealedItem


@dataclass(frozen=True)
class Blueprint:
    """An exam: items for each domain, and minutes.

    The weights are those of the guides in force: Professional of September 2025, Associate of March 2025.
    """

    name: str
    title: str
    domains: Mapping[str, int]
    minutes: int


BLUEPRINTS = {
    blueprint.name: blueprint
    for blueprint in (
        Blueprint("pro", "Machine Learning Professional", {"PRO-1": 26, "PRO-2": 26, "PRO-3": 7}, 120),
        Blueprint("assoc", "Machine Learning Associate", {"ASC-1": 18, "ASC-2": 9, "ASC-3": 15, "ASC-4": 6}, 90),
    )
}

#: Lowest score of each band, of 60: those of the seeds' practice papers.
BANDS = (
    (54, "well prepared"),
    (48, "good, with areas to review"),
    (42, "solid, with several areas to review"),
    (0, "study the weak objectives before sitting the exam"),
)
CHAPTER_QUIZ = 10
_TITLES = {
    "01_exam_map": "Exam map",
    "02_delta_tables": "Delta tables",
    "03_data_preparation": "Data preparation",
    "04_feature_store": "Feature store",
    "05_spark_ml": "Spark ML",
    "06_scaling_and_tuning": "Scaling and tuning",
    "07_mlflow_tracking": "MLflow tracking",
    "08_model_registry": "Model registry",
    "09_mlops_pipelines": "MLOps pipelines",
    "10_model_serving": "Model serving",
    "11_monitoring": "Monitoring",
    "12_exam_readiness": "Exam readiness",
}


class Form(BaseModel):
    """A list of items to be answered in one sitting.

    Attributes
    ----------
    name, title : str
    minutes : int or None
        None for a quiz without a clock.
    items : tuple of str
        Ids; every item once.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    minutes: int | None = None
    items: tuple[str, ...]


def band(right: int, of: int) -> str:
    """What a score means: the bands of the seeds' papers of 60, for any length by the share of right items.

    No cut score of the real exams is published.
    """
    return next(words for least, words in BANDS if right * 60 >= least * of)


def assemble(
    items: Sequence[Item | SealedItem],
    blueprint: Blueprint,
    seed: int,
    apart: Mapping[str, Collection[str]],
    *,
    avoid: Collection[str] = (),
    spare: Collection[str] = (),
    number: int | None = None,
) -> Form:
    """Draw a form by a blueprint.

    Objectives are spread: in each domain an objective gets its next item only when the others have as many. No two
    near-duplicates come together, and no item that gives another one away. The order is random.

    Parameters
    ----------
    items : sequence of Item or SealedItem
        The bank.
    seed : int
        Equal seeds and banks give equal forms.
    apart : mapping of str to collection of str
        For an id those that may not be in one form with it: :func:`not_together`.
    avoid : collection of str
        Ids that are taken only when a domain has too few others.
    spare : collection of str
        Ids that are taken only when their objective has no others.
    number : int, optional
        Of a fixed exam, for its name and title; by default these are made from the seed.

    Raises
    ------
    BankError
        When a domain has too few items.
    """
    rank = {item.id: _rank(item.id, seed) for item in items}
    chosen: list[str] = []
    for domain, wanted in blueprint.domains.items():
        pool = {item.id: item.objectives[0] for item in items if item.exam and item.domain == domain}
        try:
            _draw(pool, wanted, chosen, apart, rank, avoid, spare)
        except LookupError:
            raise BankError(f"{domain} has {len(pool)} items in the bank: too few for a form with {wanted}") from None
    name, title = (f"seed-{seed}", f"drawn from seed {seed}") if number is None else (f"{number}", f"exam {number}")
    return Form(
        name=f"{blueprint.name}-{name}",
        title=f"{blueprint.title}, {title}",
        minutes=blueprint.minutes,
        items=tuple(sorted(chosen, key=rank.__getitem__)),
    )


def chapter_quiz(
    chapter: str,
    title: str,
    items: Sequence[Item],
    apart: Mapping[str, Collection[str]],
    seed: int = 1,
    *,
    avoid: Collection[str] = (),
    spare: Collection[str] = (),
) -> Form:
    """Draw the quiz of a chapter: ten of its items, its objectives spread, in the order of the bank.

    ``avoid`` and ``spare`` are those of :func:`assemble`.

    Raises
    ------
    BankError
        When the chapter has too few items.
    """
    chosen: list[str] = []
    try:
        _draw(
            {item.id: item.objectives[0] for item in items},
            CHAPTER_QUIZ,
            chosen,
            apart,
            {item.id: _rank(item.id, seed) for item in items},
            avoid,
            spare,
        )
    except LookupError:
        raise BankError(f"{chapter} has {len(items)} items: too few for a quiz of {CHAPTER_QUIZ}") from None
    ordered = tuple(item.id for item in items if item.id in chosen)
    return Form(name=f"quiz-{chapter[:2]}", title=title, items=ordered)


def _rank(item_id: str, seed: int) -> bytes:
    """The place of an item among others, by digest, which the browser computes too: equal seeds give equal exams there."""
    return sha256(f"{seed}:{item_id}".encode()).digest()


def not_together(items: Sequence[Item]) -> dict[str, set[str]]:
    """For an id those that may not be in one form with it: near-duplicates, and items that give it away."""
    apart: dict[str, set[str]] = defaultdict(set)
    for one, other in [*((a, b) for a, b, _ in twins(items)), *give_aways(items)]:
        apart[one].add(other)
        apart[other].add(one)
    return dict(apart)


def _draw(
    pool: Mapping[str, str],
    wanted: int,
    chosen: list[str],
    apart: Mapping[str, Collection[str]],
    rank: Mapping[str, bytes],
    avoid: Collection[str],
    spare: Collection[str],
) -> None:
    """Add ``wanted`` ids of a pool (id to objective) to those chosen. A LookupError when there are too few."""
    times: Counter[str] = Counter()
    for _ in range(wanted):
        free = [each for each in pool if each not in chosen and not set(apart.get(each, ())) & set(chosen)]
        if not free:
            raise LookupError
        best = min(free, key=lambda each: (each in avoid, times[pool[each]], each in spare, rank[each]))
        times[pool[best]] += 1
        chosen.append(best)


def forms_from_seeds(items: Sequence[Item]) -> list[Form]:
    """The forms that follow the seeds' own papers, with the items that stand for their questions, in their order.

    A paper for which the bank lacks an item is left out; the lint of the bank names the questions that nothing stands for.
    """
    by_source = {source: item.id for item in items for source in item.source}

    def form(name: str, title: str, sources: Sequence[str], minutes: int | None = None) -> Form | None:
        if any(source not in by_source for source in sources):
            return None
        return Form(name=name, title=title, minutes=minutes, items=tuple(by_source[source] for source in sources))

    stations = ("foundations", "features", "tracking", "registry", "serving", "the whole pipeline")
    domains = ("experimentation and data", "model lifecycle", "deployment", "monitoring")
    classics = [
        form(
            f"classic-{paper}",
            f"Old blueprint, practice paper {paper}, put right",
            [f"003/PE{paper}-{number}" for number in range(1, 61)],
            minutes=120,
        )
        for paper in (1, 2)
    ]
    quizzes = [
        form(f"domain-{quiz}", f"Old blueprint, {title}", [f"003/Q{quiz}-{number}" for number in range(1, 11)])
        for quiz, title in enumerate(domains, start=1)
    ]
    lifecycle = [
        form(f"lifecycle-{part}", f"Lifecycle, {title}", [f"002/{part}.{number}" for number in range(1, 6)])
        for part, title in enumerate(stations, start=1)
    ]
    return [each for each in classics + quizzes + lifecycle if each is not None]


def all_forms(items: Sequence[Item], path: Path) -> list[Form]:
    """The fixed forms of a file and those that follow from the seeds, as far as the bank has their items.

    Raises
    ------
    BankError
        For the faults of :func:`read_forms` and :func:`faults_of_form`, and for a name that is used twice.
    """
    by_id = {item.id: item for item in items}
    found = (read_forms(path) if path.exists() else []) + forms_from_seeds(items)
    faults = [f"{name} names two forms" for name, count in Counter(form.name for form in found).items() if count > 1]
    faults += [fault for form in found for fault in faults_of_form(form, by_id)]
    if faults:
        raise BankError("\n".join(faults))
    return found


def read_forms(path: Path = SOURCE_FOLDER / "exams.yaml") -> list[Form]:
    """Read the fixed forms. Errors as for :func:`workbook.quiz.bank.read_list`."""
    return read_list(path, Form, "name")


def faults_of_form(form: Form, items: Mapping[str, Item]) -> list[str]:
    """What is wrong with a form: unknown or repeated items, near-duplicates, items that give others away."""
    unknown = [each for each in form.items if each not in items]
    if unknown:
        return [f"{form.name}: {unknown} are not in the bank"]
    asked = [items[each] for each in form.items]
    repeated = [each for each, count in Counter(form.items).items() if count > 1]
    faults = [f"{form.name}: {each} is asked more than once" for each in repeated]
    faults += [f"{form.name}: {one} and {other} ask nearly the same" for one, other, _ in twins(asked) if one != other]
    return faults + [f"{form.name}: {other} gives {one} away" for one, other in give_aways(asked)]


def draw_fixed(bank: Mapping[str, Sequence[Item]]) -> list[Form]:
    """Draw the fixed forms anew: two Professional exams, one Associate, and a quiz for each chapter.

    They share no item with each other nor with the forms that follow from the seeds, as far as the bank allows: who has
    sat one is still measured by the next.

    ``python -m workbook.quiz.forms`` writes them to ``authoring/quizzes/exams.yaml``. Who has sat a form has sat these
    items, so that is for the day when the bank has changed much.
    """
    items = [item for own in bank.values() for item in own]
    apart = not_together(items)
    old = {each for form in forms_from_seeds(items) for each in form.items}
    first = assemble(items, BLUEPRINTS["pro"], 1, apart, spare=old, number=1)
    second = assemble(items, BLUEPRINTS["pro"], 2, apart, avoid=first.items, spare=old, number=2)
    taken = first.items + second.items
    associate = assemble(items, BLUEPRINTS["assoc"], 3, apart, avoid=taken, spare=old, number=1)
    taken += associate.items
    quizzes = [
        chapter_quiz(chapter, _TITLES[chapter], own, apart, avoid=taken, spare=old) for chapter, own in bank.items()
    ]
    return [first, second, associate, *quizzes]


if __name__ == "__main__":
    from workbook.quiz.bank import read_bank

    drawn = [form.model_dump(mode="json") for form in draw_fixed(read_bank())]
    (SOURCE_FOLDER / "exams.yaml").write_text(yaml.safe_dump(drawn, sort_keys=False, width=120), encoding="utf-8")
