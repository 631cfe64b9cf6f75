"""What was missed comes back: questions answered wrong at least once, spaced by FSRS.

Nothing is stored for this: the schedule follows from the answers kept in ``progress.db``, replayed in their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from workbook.quiz import sittings
from workbook.quiz.forms import Form
from workbook.quiz.sealed import Bank
from workbook.quiz.sittings import Sitting, graded

NAME = "review"
MOST = 20
#: A question that was missed may come back after a minute, and after a right answer only when FSRS says.
_STEP = timedelta(minutes=1)


def schedule(found: Sequence[Sitting], bank: Bank) -> dict[str, datetime]:
    """When each question that was ever missed is due, the earliest first.

    Parameters
    ----------
    found : sequence of Sitting
        Finished ones count, as far as their questions have not changed since. An item that was left out of an exam counts
        as missed, for the exam counts it so.
    """
    from fsrs import Card, Rating, Scheduler

    scheduler = Scheduler(learning_steps=[_STEP], relearning_steps=[_STEP], enable_fuzzing=False)
    cards: dict[str, Card] = {}
    missed = set()
    for sitting in sorted((each for each in found if each.finished), key=lambda each: each.finished or ""):
        result = graded(sitting, bank)
        at = datetime.fromisoformat(sitting.finished or "").astimezone(UTC)
        for item in result.items if result else ():
            card = cards.get(item.id) or Card(card_id=len(cards) + 1, due=at)
            rating = Rating.Good if item.right else Rating.Again
            cards[item.id], _ = scheduler.review_card(card, rating, review_datetime=at)
            if not item.right:
                missed.add(item.id)
    due = {item: card.due for item, card in cards.items() if item in missed}
    return dict(sorted(due.items(), key=lambda pair: pair[1]))


def due_form(bank: Bank, at: datetime | None = None) -> tuple[Form | None, datetime | None]:
    """The questions to repeat now, at most :data:`MOST`, and otherwise when the next one is due.

    A review that was begun is gone on with.
    """
    found = sittings.every()
    for sitting in reversed(found):
        if sitting.form.name == NAME and sitting.finished is None and graded(sitting, bank) is not None:
            return sitting.form, None
    when = schedule(found, bank)
    now = at or datetime.now(UTC)
    due = [item for item, moment in when.items() if moment <= now][:MOST]
    if due:
        return Form(name=NAME, title="Review of what was missed", items=tuple(due)), None
    return None, next(iter(when.values()), None)
