"""What a learner says of himself: a level for each row of the rubric, the exam, its date, and the time to study."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lakehouse.errors import InvalidValue
from lakehouse.files import write_atomically
from lakehouse.paths import home
from workbook.checks import strict
from workbook.manifest import Chapter, Exam, manifest
from workbook.objectives import DOMAINS, domain_of
from workbook.parameters import day, one_of, whole_number

LEVELS = {
    0: "new to me",
    1: "I can explain it",
    2: "I have done it, with notes",
    3: "I do it without notes, and can explain the common failures",
}
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SHORTEST, _LONGEST = 15, 480


@dataclass(frozen=True)
class Profile:
    """A self-assessment and the time there is.

    Attributes
    ----------
    levels : dict of str to int
        Number of a chapter of the rubric (``"04"``) to a key of :data:`LEVELS`.
    exam : str
        Name of an exam of the manifest.
    exam_date : datetime.date
    weekdays : tuple of str
        Days on which to study, of :data:`WEEKDAYS`.
    minutes : int
        Time to study on such a day, 15 to 480.

    Raises
    ------
    InvalidValue
        If a field cannot be used. The message names it, its value and the remedy.
    """

    levels: dict[str, int]
    exam: str
    exam_date: dt.date
    weekdays: tuple[str, ...]
    minutes: int

    def __post_init__(self) -> None:
        known = rubric()
        if not isinstance(self.levels, Mapping):
            raise InvalidValue(f"levels must be a dictionary from chapter to level, not {self.levels!r}.")
        missing, unknown = sorted(set(known) - set(self.levels)), sorted(set(self.levels) - set(known))
        if missing or unknown:
            what = f"lacks {', '.join(missing)}" if missing else f"names {', '.join(map(str, unknown))}"
            raise InvalidValue(f"levels {what}: rate each of {', '.join(known)} once.")
        for chapter, level in self.levels.items():
            if isinstance(level, bool) or level not in LEVELS:
                raise InvalidValue(f"levels[{chapter!r}]={level!r} is not a level: use 0, 1, 2 or 3.")
        one_of(*(exam.name for exam in manifest().exams))("exam", self.exam)
        object.__setattr__(self, "exam_date", day("exam_date", self.exam_date))
        if isinstance(self.weekdays, str) or not isinstance(self.weekdays, Sequence) or not self.weekdays:
            raise InvalidValue(f'weekdays={self.weekdays!r} must be a list such as ["Tue", "Sat"].')
        # "Tuesday" and "tue" are clear enough.
        named = {one_of(*WEEKDAYS)("weekdays", str(weekday).strip().title()[:3]) for weekday in self.weekdays}
        object.__setattr__(self, "weekdays", tuple(each for each in WEEKDAYS if each in named))
        object.__setattr__(self, "minutes", whole_number(_SHORTEST, _LONGEST)("minutes", self.minutes))

    @property
    def blueprint(self) -> Exam:
        """The exam's entry of the manifest."""
        return next(exam for exam in manifest().exams if exam.name == self.exam)


@dataclass(frozen=True)
class Grade:
    """What a self-assessment is worth in an exam.

    Attributes
    ----------
    domains : dict of str to float
        Mean level of each domain, in percent of the highest.
    percent : float
        Mean of the domains, each weighted as the exam weighs it.
    """

    domains: dict[str, float]
    percent: float

    def __str__(self) -> str:
        rows = [f"{name} {DOMAINS[name]}: {percent:.0f} %" for name, percent in self.domains.items()]
        return "\n".join([*rows, f"all, by the exam's weights: {self.percent:.0f} %"])


def rubric() -> dict[str, str]:
    """The rows of the rubric: number of a chapter to the task that shows what it teaches."""
    return {chapter.number: chapter.task for chapter in manifest().chapters if chapter.task is not None}


def beginner(today: dt.date | None = None) -> Profile:
    """A profile of somebody to whom all is new, with ten weeks left: an example to draw."""
    exam_date = (today or dt.date.today()) + dt.timedelta(weeks=10)
    return Profile(dict.fromkeys(rubric(), 0), manifest().exams[0].name, exam_date, ("Tue", "Thu", "Sat"), 90)


def weight(chapter: Chapter, exam: Exam) -> float:
    """Questions of an exam that a chapter's objectives stand for. Chapters that share an objective share its questions."""
    return sum(_part(chapter, exam, domain) for domain in exam.domains)


def grade(profile: Profile) -> Grade:
    """Grade a self-assessment by the blueprint of its exam."""
    exam = profile.blueprint
    rated = [chapter for chapter in manifest().chapters if chapter.number in profile.levels]
    domains = {}
    for domain in exam.domains:
        parts = {chapter.number: _part(chapter, exam, domain) for chapter in rated}
        reached = sum(part * profile.levels[number] / max(LEVELS) for number, part in parts.items())
        domains[domain] = 100 * reached / sum(parts.values())
    total = sum(exam.domains.values())
    return Grade(domains, sum(exam.domains[domain] * percent / total for domain, percent in domains.items()))


def keep_profile(
    levels: Any, *, exam: Any, exam_date: Any, weekdays: Any, minutes: Any, today: dt.date | None = None
) -> Profile | None:
    """Keep a profile for ``wb plan``, replacing an earlier one.

    Parameters
    ----------
    levels, exam, exam_date, weekdays, minutes
        As of :class:`Profile`.
    today : datetime.date, optional

    Returns
    -------
    Profile or None
        None while a value is still ``...``. A run that validates the course (``WORKBOOK_STRICT=1``) keeps nothing.

    Raises
    ------
    InvalidValue
        As for :class:`Profile`, or if the exam is not after today.
    OSError
        If the file cannot be written.
    """
    if any(value is ... for value in (levels, exam, exam_date, weekdays, minutes)):
        return None
    profile = Profile(levels, exam, exam_date, weekdays, minutes)
    now = today or dt.date.today()
    if profile.exam_date <= now:
        raise InvalidValue(f"exam_date={profile.exam_date} is not after today, {now}: a plan needs at least one day.")
    if not strict():
        write_atomically(_path(), json.dumps(asdict(profile), indent=1, default=dt.date.isoformat) + "\n")
    return profile


def read_profile() -> Profile | None:
    """The profile that was kept; None if there is none.

    Raises
    ------
    InvalidValue
        If the file is damaged.
    """
    path = _path()
    if not path.exists():
        return None
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        return Profile(**fields)
    except (ValueError, TypeError, OSError) as error:
        raise InvalidValue(f"{path} cannot be used ({error}): delete it, or make it again with `wb plan`.") from None


def _path() -> Path:
    return home() / "profile.json"


def _part(chapter: Chapter, exam: Exam, domain: str) -> float:
    names = [name for name in manifest().objectives if domain_of(name) == domain]
    homes = {name: sum(name in each.objectives for each in manifest().chapters) for name in chapter.objectives}
    share = sum(1 / homes[name] for name in chapter.objectives if domain_of(name) == domain)
    return exam.domains[domain] * share / len(names)
