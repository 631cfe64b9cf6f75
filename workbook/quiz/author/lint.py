"""What a bank must hold beyond its schema, as figures to print and as faults.

A learner who knows nothing must not score: neither by a favourite letter, nor by the longest choice, nor by what another
question lets slip.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from workbook.objectives import OBJECTIVES
from workbook.quiz.author.bank import PROVED_TIERS, SEED_QUESTIONS, TIERS, Item
from workbook.quiz.items import LETTERS, shuffled_letters

LEAST_ITEMS = 400
LEAST_PER_OBJECTIVE = 3
LEAST_SHARES = {"multi-select": 0.15, "code": 0.25, "scenario": 0.20, "proved": 0.55}
LEAST_P = 0.05
MOST_LONGEST = 0.30
LEAST_REASON = 40
ALIKE = 0.85

#: Choices are shuffled, so nothing may point at a place; and "all of the above" rewards counting, not knowing.
_POSITIONAL = re.compile(
    r"\b(all|none|any|both) of the (above|below|others?)\b|\b(the )?(first|second|third|last|previous|next) (choice|option|answer)\b"
    r"|\b(choices?|options?|answers?) [A-F]\b|\bboth [A-F] and [A-F]\b|\b(above|below) (choices?|options?)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Figures:
    """A bank in numbers.

    Attributes
    ----------
    items : int
    tiers, objectives, positions : dict
        Items of each tier, of each objective, and single-select items with the key at each letter.
    p_authored, p_shuffled : float
        p-value of the key positions under equal chances, as written and in the order of a shuffled form.
    longest : float
        Share of single-select items whose right choice is longer than every other.
    shares : dict of str to float
        Of multi-select items, of items with code, of scenarios, of proved items.
    missing_seeds : tuple of str
        Seed questions that no item stands for.
    """

    items: int
    tiers: dict[str, int]
    objectives: dict[str, int]
    positions: dict[str, int]
    p_authored: float
    p_shuffled: float
    longest: float
    shares: dict[str, float]
    missing_seeds: tuple[str, ...]


def figures(items: Sequence[Item], seed: int = 1) -> Figures:
    """Count. ``seed`` is that of the shuffle."""
    tiers: Counter[str] = Counter(item.tier for item in items)
    objectives = Counter(objective for item in items for objective in item.objectives)
    single = [item for item in items if item.select == 1]
    positions = Counter(item.key for item in single)
    shuffled = Counter(LETTERS[shuffled_letters(item.id, item.letters, seed).index(item.key)] for item in single)
    n = max(len(items), 1)
    kinds = {
        "multi-select": sum(item.select > 1 for item in items),
        "code": sum(item.code is not None for item in items),
        "scenario": sum(item.scenario for item in items),
        "proved": sum(item.tier in PROVED_TIERS for item in items),
    }
    stood_for = {source for item in items for source in item.source}
    return Figures(
        items=len(items),
        tiers={tier: tiers[tier] for tier in TIERS},
        objectives={objective: objectives[objective] for objective in OBJECTIVES},
        positions=dict(sorted(positions.items())),
        p_authored=_p_uniform(single, positions),
        p_shuffled=_p_uniform(single, shuffled),
        longest=sum(map(_right_is_longest, single)) / max(len(single), 1),
        shares={kind: count / n for kind, count in kinds.items()},
        missing_seeds=tuple(seed for seed in SEED_QUESTIONS if seed not in stood_for),
    )


def faults_of_items(items: Iterable[Item]) -> list[str]:
    """What is wrong with items by themselves: wording, reasons that do not teach."""
    faults = []
    for item in items:
        for text in (item.stem, item.ask or "", *(part for each in item.choices for part in (each.text, each.reason))):
            if found := _POSITIONAL.search(text):
                faults.append(f"{item.id}: {found.group()!r} points at a place, and choices are shuffled")
        if item.select > 1 and not re.search(r"\b(two|three|2|3)\b", f"{item.stem} {item.ask}", re.IGNORECASE):
            faults.append(f"{item.id}: the question does not say how many to choose")
        for choice in item.choices:
            if len(choice.reason) < LEAST_REASON:
                faults.append(f"{item.id}: the reason {choice.reason!r} is too short to teach")
            if _plain(choice.reason) == _plain(choice.text):
                faults.append(f"{item.id}: the reason repeats the choice {choice.text!r}")
    return faults


def faults_of_bank(items: Sequence[Item]) -> list[str]:
    """What the bank as a whole lacks."""
    found = figures(items)
    faults = []
    if found.items < LEAST_ITEMS:
        faults.append(f"{found.items} items, at least {LEAST_ITEMS} are wanted")
    faults += [
        f"{objective}: {count} items, at least {LEAST_PER_OBJECTIVE} are wanted"
        for objective, count in found.objectives.items()
        if count < LEAST_PER_OBJECTIVE
    ]
    faults += [
        f"{kind}: {100 * found.shares[kind]:.0f} % of the items, at least {100 * least:.0f} % are wanted"
        for kind, least in LEAST_SHARES.items()
        if found.shares[kind] < least
    ]
    faults += [f"no item stands for {seed}" for seed in found.missing_seeds]
    for order, p in (("authored", found.p_authored), ("shuffled", found.p_shuffled)):
        if p <= LEAST_P:
            faults.append(f"key positions as {order} are not uniform: {found.positions}, p = {p:.3f}")
    if found.longest > MOST_LONGEST:
        faults.append(f"the right choice is the longest in {100 * found.longest:.0f} % of the single-select items")
    return faults + [f"{one} and {other} ask nearly the same ({alike:.2f})" for one, other, alike in twins(items)]


def twins(items: Sequence[Item], alike: float = ALIKE) -> list[tuple[str, str, float]]:
    """Pairs of items whose questions are near-duplicates, by cosine of the character n-grams of stem, code and ask."""
    if len(items) < 2:
        return []
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = ["\n".join(filter(None, (item.stem, item.code, item.ask))) for item in items]
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True).fit_transform(texts)
    cosine = (vectors @ vectors.T).tocoo()
    return [
        (items[i].id, items[j].id, float(value))
        for i, j, value in zip(cosine.row, cosine.col, cosine.data, strict=True)
        if i < j and value >= alike
    ]


def give_aways(form: Sequence[Item]) -> list[tuple[str, str]]:
    """Pairs ``(item, other)`` of a form where the other's text holds a right choice of the item word for word.

    Choices of one or two words (``"merge"``) are left out: a form has to be able to speak of things.
    """
    told = {
        item.id: _plain(" ".join([item.stem, item.ask or "", *(choice.reason for choice in item.choices)]))
        for item in form
    }
    found = []
    for item in form:
        right = [_plain(choice.text) for choice in item.choices if choice.correct]
        for other, text in told.items():
            if other != item.id and any(len(each.split()) > 4 and each in text for each in right):
                found.append((item.id, other))
    return found


def _right_is_longest(item: Item) -> bool:
    right = len(item.choices[LETTERS.index(item.key)].text)
    return all(len(choice.text) < right for choice in item.choices if not choice.correct)


def _p_uniform(items: Sequence[Item], positions: Mapping[str, int]) -> float:
    """p-value of the chi-square test that each of an item's letters is the key with equal chance."""
    from scipy.stats import chisquare

    expected = {
        letter: sum(1 / len(item.choices) for item in items if letter in LETTERS[: len(item.choices)])
        for letter in LETTERS
    }
    used = [letter for letter in LETTERS if expected[letter] > 0]
    if len(used) < 2:
        return 1.0
    return float(chisquare([positions.get(letter, 0) for letter in used], [expected[letter] for letter in used]).pvalue)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[\w.@/%]+", text.casefold()))
