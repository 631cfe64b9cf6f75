"""The fixed forms: exams and quizzes that are the same for everybody.

Most stand in ``forms.yaml`` of the course; those of the old papers follow from the questions that items stand for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence

import yaml
from pydantic import BaseModel, ConfigDict

from workbook.manifest import Manifest, Paper, manifest
from workbook.quiz.author.bank import Item, read_bank, read_list
from workbook.quiz.author.lint import give_aways, twins
from workbook.quiz.forms import Form, assemble, draw, exam_title, rank_of
from workbook.quiz.items import BankError

FILE = "forms.yaml"
CHAPTER_QUIZ = 10


class FixedForm(BaseModel):
    """An entry of the file. Title and minutes are those of its chapter or exam."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    items: tuple[str, ...]


def chapter_quiz(
    chapter: str,
    items: Sequence[Item],
    apart: Mapping[str, Collection[str]],
    seed: int = 1,
    *,
    avoid: Collection[str] = (),
    spare: Collection[str] = (),
) -> FixedForm:
    """Draw the quiz of a chapter: ten of its items, its objectives spread, in the order of the bank.

    ``avoid`` and ``spare`` are those of :func:`workbook.quiz.forms.assemble`.

    Raises
    ------
    BankError
        When the chapter has too few items.
    """
    chosen: list[str] = []
    try:
        draw(
            {item.id: item.objectives[0] for item in items},
            CHAPTER_QUIZ,
            chosen,
            apart,
            {item.id: rank_of(item.id, seed) for item in items},
            avoid,
            spare,
        )
    except LookupError:
        raise BankError(f"{chapter} has {len(items)} items: too few for a quiz of {CHAPTER_QUIZ}") from None
    ordered = tuple(item.id for item in items if item.id in chosen)
    return FixedForm(name=f"quiz-{chapter[:2]}", items=ordered)


def not_together(items: Sequence[Item]) -> dict[str, set[str]]:
    """For an id those that may not be in one form with it: near-duplicates, and items that give it away."""
    apart: dict[str, set[str]] = defaultdict(set)
    for one, other in [*((a, b) for a, b, _ in twins(items)), *give_aways(items)]:
        apart[one].add(other)
        apart[other].add(one)
    return dict(apart)


def forms_from_papers(items: Sequence[Item], papers: Sequence[Paper]) -> list[Form]:
    """The forms that follow the old papers, with the items that stand for their questions, in their order.

    A paper for which the bank lacks an item is left out; the lint of the bank names the questions that nothing stands for.
    """
    by_source = {source: item.id for item in items for source in item.source}
    return [
        Form(
            name=paper.form,
            title=paper.title,
            minutes=paper.minutes,
            items=tuple(by_source[source] for source in paper.names),
        )
        for paper in papers
        if all(source in by_source for source in paper.names)
    ]


def all_forms(items: Sequence[Item], course: Manifest | None = None) -> list[Form]:
    """The forms of the file and those that follow from the old papers, as far as the bank has their items.

    Raises
    ------
    BankError
        For the faults of :func:`read_forms` and :func:`faults_of_form`, and for a name that is used twice.
    """
    by_id = {item.id: item for item in items}
    course = course or manifest()
    found = read_forms(course) + forms_from_papers(items, course.papers)
    faults = [f"{name} names two forms" for name, count in Counter(form.name for form in found).items() if count > 1]
    faults += [fault for form in found for fault in faults_of_form(form, by_id)]
    if faults:
        raise BankError("\n".join(faults))
    return found


def read_forms(course: Manifest) -> list[Form]:
    """Read the forms of the file, titles and minutes from the manifest.

    Raises
    ------
    BankError
        For the faults of :func:`workbook.quiz.author.bank.read_list`, and for a name that is neither ``quiz-<chapter>`` nor
        ``<exam>-<number>``.
    """
    path = course.folder / FILE
    quizzes = {f"quiz-{chapter.number}": chapter.title for chapter in course.chapters}
    exams = {exam.name: exam for exam in course.exams}
    found = []
    for form in read_list(path, FixedForm, "name") if path.exists() else []:
        exam_name, _, number = form.name.rpartition("-")
        if form.name in quizzes:
            found.append(Form(name=form.name, title=quizzes[form.name], items=form.items))
        elif exam_name in exams:
            exam = exams[exam_name]
            title = exam_title(exam, number)
            found.append(Form(name=form.name, title=title, minutes=exam.minutes, items=form.items))
        else:
            raise BankError(f"{FILE}, {form.name}: use quiz-<chapter> or one of {', '.join(exams)} with a number")
    return found


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


def draw_fixed(bank: Mapping[str, Sequence[Item]], course: Manifest | None = None) -> list[FixedForm]:
    """Draw the forms of the file: the fixed exams of each blueprint, and a quiz for each chapter.

    They share no item with each other nor with the forms that follow from the old papers, as far as the bank allows: who
    has sat one is still measured by the next.

    ``python -m workbook.quiz.author.fixed_forms`` writes them to the file. Who has sat a form has sat these items, so
    that is for the day when the bank has changed much.
    """
    course = course or manifest()
    items = [item for own in bank.values() for item in own]
    apart = not_together(items)
    old = {each for form in forms_from_papers(items, course.papers) for each in form.items}
    drawn: list[FixedForm] = []
    taken: list[str] = []
    for exam in course.exams:
        for number in range(1, exam.fixed + 1):
            form = assemble(items, exam, len(drawn) + 1, apart, avoid=taken, spare=old, number=number)
            drawn.append(FixedForm(name=form.name, items=form.items))
            taken += form.items
    drawn += [chapter_quiz(chapter, own, apart, avoid=taken, spare=old) for chapter, own in bank.items()]
    return drawn


if __name__ == "__main__":
    forms = [form.model_dump(mode="json") for form in draw_fixed(read_bank())]
    (manifest().folder / FILE).write_text(yaml.safe_dump(forms, sort_keys=False, width=120), encoding="utf-8")
