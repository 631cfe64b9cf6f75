"""From a self-assessment to a plan: what a learner can do, when the exam is, and what to do on which day until then."""

from __future__ import annotations

from workbook.study.calendar import calendar
from workbook.study.plan import Block, Plan, plan
from workbook.study.profile import (
    LEVELS,
    Grade,
    Profile,
    beginner,
    grade,
    keep_profile,
    read_profile,
    rubric,
)

__all__ = [
    "LEVELS",
    "Block",
    "Grade",
    "Plan",
    "Profile",
    "beginner",
    "calendar",
    "grade",
    "keep_profile",
    "plan",
    "read_profile",
    "rubric",
]
