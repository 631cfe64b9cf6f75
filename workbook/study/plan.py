"""The plan: which chapter, quiz, review and exam on which day, from what is done already.

Chapters keep their order, because each builds on those before. Every study day begins with a review, and the last days
belong to the full exams, which take as long as they take. If there is not enough time for everything, the work that brings
the fewest questions for its minutes is left out, and the plan says so. If there is more than enough, quizzes come again.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass

from workbook.manifest import manifest
from workbook.progress import summary
from workbook.quiz import banks, sittings
from workbook.quiz.readiness import latest
from workbook.study.profile import WEEKDAYS, Profile, weight

CHAPTER_MINUTES = 90
_SHARE_OF_LEVEL = {0: 1.0, 1: 1.0, 2: 0.7, 3: 0.4}
_QUIZ_MINUTES, _REVIEW_MINUTES, _AFTER_EXAM_MINUTES, _LEAST_BLOCK = 30, 15, 60, 20
#: A quiz is worth this part of its chapter: a little more for its minutes, since it shows what to repeat.
_QUIZ_VALUE = 0.4
#: From so many answers on, quizzes say more than a self-assessment.
_ENOUGH = 5
_GOOD, _POOR = 0.85, 0.6


@dataclass(frozen=True)
class Block:
    """Something to do on a day.

    Attributes
    ----------
    day : datetime.date
    kind : {"chapter", "quiz", "review", "exam"}
    what : str
        In words.
    minutes : int
    command : str
        What to type for it.
    """

    day: dt.date
    kind: str
    what: str
    minutes: int
    command: str


@dataclass(frozen=True)
class Work:
    """A chapter or a quiz that is not done yet, and what it is worth.

    Attributes
    ----------
    number : str
        Of the chapter.
    kind : {"chapter", "quiz"}
    what, command : str
    minutes : int
    value : float
        Questions of the exam that its objectives stand for, less what the learner knows of them already.
    """

    number: str
    kind: str
    what: str
    command: str
    minutes: int
    value: float


@dataclass(frozen=True)
class Plan:
    """The blocks in the order of their days, and the work for which there was no time."""

    blocks: tuple[Block, ...]
    left_out: tuple[Work, ...]


def plan(profile: Profile, today: dt.date | None = None) -> Plan:
    """Plan the days from today to the exam, from the progress of today.

    Parameters
    ----------
    profile : Profile
    today : datetime.date, optional

    Returns
    -------
    Plan
        Empty if no study day is left.
    """
    now = today or dt.date.today()
    span = (profile.exam_date - now).days
    days = [now + dt.timedelta(days=offset) for offset in range(max(span, 0))]
    days = [each for each in days if WEEKDAYS[each.weekday()] in profile.weekdays]
    work = _open_work(profile)
    if not days:
        return Plan((), tuple(work))
    exams = _exam_blocks(profile, days)
    free = [each for each in days if each not in {block.day for block in exams}]
    review = _REVIEW_MINUTES if profile.minutes >= _REVIEW_MINUTES + _LEAST_BLOCK else 0
    kept, left_out = _fitting(work, len(free) * (profile.minutes - review))
    blocks, unfinished = _spread(kept, free, profile.minutes, review)
    blocks += _second_round(profile, free, blocks)
    return Plan(
        tuple(sorted(blocks + exams, key=lambda block: block.day)),
        tuple(work for work in work if work in left_out + unfinished),
    )


def _open_work(profile: Profile) -> list[Work]:
    passed = {each.chapter: each.passed / each.total for each in summary() if each.total}
    answered = _right_of_chapters()
    found = []
    for chapter in manifest().written():
        number = chapter.number
        level = profile.levels.get(number, 1)
        right, of = answered.get(number, (0, 0))
        if of >= _ENOUGH:
            level = 3 if right / of >= _GOOD else min(level, 1) if right / of < _POOR else level
        # What a chapter stands for counts less the more of it is known. One outside the exam's domains is a little worth.
        value = (weight(chapter, profile.blueprint) + 0.5) * (1 - level / 4)
        minutes = round(CHAPTER_MINUTES * _SHARE_OF_LEVEL[level] * (1 - passed.get(number, 0)) / 5) * 5
        if minutes:
            found.append(
                Work(number, "chapter", f"chapter {number}, {chapter.title}", f"wb lab {number}", minutes, value)
            )
        if of < _ENOUGH:
            worth = value * _QUIZ_VALUE
            found.append(Work(number, "quiz", f"quiz {number}", f"wb quiz {number}", _QUIZ_MINUTES, worth))
    return found


def _right_of_chapters() -> dict[str, tuple[int, int]]:
    bank = banks.whole_bank()
    counted: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for item in latest(sittings.finished(), bank).values():
        # A question names the section of a lesson that it is about.
        counts = counted[bank.items[item.id].see[:2]]
        counts[0] += item.right
        counts[1] += 1
    return {number: (right, of) for number, (right, of) in counted.items()}


def _exam_blocks(profile: Profile, days: list[dt.date]) -> list[Block]:
    """The full exams, each followed by a day to read what was missed: the last day before the exam is such a day."""
    exam = profile.blueprint
    count = min(exam.fixed, (len(days) + 2) // 4)
    blocks = []
    for number, day in zip(range(count, 0, -1), days[-2::-2], strict=False):
        name = f"{exam.name}-{number}"
        following = days[days.index(day) + 1]
        blocks.append(Block(day, "exam", f"full exam {name}", exam.minutes, f"wb exam {name}"))
        minutes = min(profile.minutes, _AFTER_EXAM_MINUTES)
        blocks.append(Block(following, "review", f"what {name} missed", minutes, "wb review"))
    return blocks


def _second_round(profile: Profile, days: list[dt.date], blocks: list[Block]) -> list[Block]:
    """Quizzes again, those of the heaviest chapters first, for the days on which nothing else is left."""
    if profile.minutes < _QUIZ_MINUTES:
        return []
    busy = {block.day for block in blocks if block.kind != "review"}
    spare = [day for day in days if not busy or day > max(busy)]
    heaviest = sorted(manifest().written(), key=lambda chapter: -weight(chapter, profile.blueprint))
    return [
        Block(day, "quiz", f"quiz {chapter.number} again", _QUIZ_MINUTES, f"wb quiz {chapter.number}")
        for day, chapter in zip(spare, heaviest, strict=False)
    ]


def _fitting(work: list[Work], minutes: int) -> tuple[list[Work], list[Work]]:
    """The work that fits into the minutes, best value first, in its own order; and the rest."""
    kept: dict[int, Work] = {}
    for place, each in sorted(enumerate(work), key=lambda pair: -pair[1].value / pair[1].minutes):
        if each.minutes <= minutes:
            kept[place] = each
            minutes -= each.minutes
    return [kept[place] for place in sorted(kept)], [each for place, each in enumerate(work) if place not in kept]


def _spread(work: list[Work], days: list[dt.date], minutes: int, review: int) -> tuple[list[Block], list[Work]]:
    """The blocks of the days, and the work that did not come to an end."""
    blocks: list[Block] = []
    waiting = [(each, each.minutes) for each in work]
    for number, day in enumerate(days):
        left = minutes - review
        if review and number:
            blocks.append(Block(day, "review", "repeat what is due", review, "wb review"))
        while waiting and left >= min(_LEAST_BLOCK, waiting[0][1]):
            each, rest = waiting.pop(0)
            # A quiz is one sitting, and so is a last piece that is too short to come back for.
            whole = each.kind == "quiz" or rest - left < _LEAST_BLOCK
            now = rest if whole else left
            ending = "" if now == each.minutes else ", the rest" if whole else ", a part"
            blocks.append(Block(day, each.kind, each.what + ending, now, each.command))
            left -= now
            if not whole:
                waiting.insert(0, (each, rest - now))
    return blocks, [each for each, _ in waiting]
