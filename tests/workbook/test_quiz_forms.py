"""Forms: blueprint weights, spread objectives, nothing twice, the same form for the same seed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from questions import choices, worded_item
from small_course import chapter, write_course

from workbook.manifest import Exam, manifest
from workbook.objectives import OBJECTIVES
from workbook.quiz.author.bank import SEED_QUESTIONS, Item, read_bank
from workbook.quiz.author.fixed_forms import (
    all_forms,
    chapter_quiz,
    draw_fixed,
    faults_of_form,
    forms_from_papers,
    not_together,
    read_forms,
)
from workbook.quiz.forms import BLUEPRINTS, Form, assemble, band
from workbook.quiz.items import BankError

#: Four items of each objective of the Professional exam.
ITEMS = [
    worded_item(number, objectives=[objective])
    for number, objective in enumerate(
        [each for each in OBJECTIVES if each.startswith("PRO") for _ in range(4)], start=1
    )
]


def blueprint(name: str, domains: dict[str, int]) -> Exam:
    return Exam(name=name, title=name, domains=domains, minutes=10, fixed=1)


def domains(form: Form, items: list[Item]) -> Counter[str]:
    by_id = {each.id: each for each in items}
    return Counter(by_id[each].domain for each in form.items)


def test_a_form_keeps_the_weights_and_spreads_the_objectives():
    form = assemble(ITEMS, BLUEPRINTS["pro"], 1, {})
    assert len(set(form.items)) == len(form.items) == 59
    assert domains(form, ITEMS) == {"PRO-1": 26, "PRO-2": 26, "PRO-3": 7}
    by_id = {each.id: each.objectives[0] for each in ITEMS}
    times = Counter(by_id[each] for each in form.items)
    assert set(times) == {each for each in OBJECTIVES if each.startswith("PRO")}
    assert max(times.values()) == 2


def test_equal_seeds_give_equal_forms_and_others_give_others():
    first, again, other = (assemble(ITEMS, BLUEPRINTS["pro"], seed, {}) for seed in (3, 3, 4))
    assert first == again
    assert set(first.items) != set(other.items)


def test_a_second_form_avoids_the_items_of_the_first_while_there_are_others():
    first = assemble(ITEMS, BLUEPRINTS["pro"], 1, {})
    second = assemble(ITEMS, BLUEPRINTS["pro"], 2, {}, avoid=first.items)
    assert not set(first.items) & set(second.items)
    small = [each for each in ITEMS if each.domain == "PRO-3"][:7]
    seven = blueprint("small", {"PRO-3": 7})
    assert set(assemble(small, seven, 1, {}, avoid=[small[0].id]).items) == {each.id for each in small}


def test_near_duplicates_and_give_aways_never_meet():
    told = "The endpoint keeps serving version 3 until somebody updates it"
    asked = worded_item(900, objectives=["PRO-3.02"], choices=choices(told, "No", "Maybe"))
    telling = worded_item(901, objectives=["PRO-3.02"], choices=choices("x", "y", "z", reason=f"Here {told.lower()}."))
    ten = blueprint("small", {"PRO-3": 10})
    serving = [each for each in ITEMS if each.domain == "PRO-3"]
    for seed in range(20):
        items = [asked, telling, *serving]
        form = assemble(items, ten, seed, not_together(items))
        assert not {asked.id, telling.id} <= set(form.items)


def test_too_small_a_bank_is_refused_by_domain():
    with pytest.raises(BankError, match="PRO-3 has 20 items in the bank: too few for a form with 21"):
        assemble(ITEMS, blueprint("large", {"PRO-3": 21}), 1, {})


def test_an_item_is_drawn_only_for_the_domain_of_its_first_objective():
    both = [worded_item(n, objectives=["PRO-3.01", "ASC-4.06"]) for n in range(6)]
    assert len(assemble(both, blueprint("p", {"PRO-3": 6}), 1, {}).items) == 6
    with pytest.raises(BankError, match="ASC-4 has 0 items"):
        assemble(both, blueprint("a", {"ASC-4": 6}), 1, {})


def test_a_question_about_preparing_is_in_no_exam():
    serving = [each for each in ITEMS if each.domain == "PRO-3"]
    craft = [each.model_copy(update={"id": f"map-craft-{n:03}", "exam": False}) for n, each in enumerate(serving)]
    form = assemble(craft + serving, blueprint("p", {"PRO-3": 20}), 1, {})
    assert set(form.items) == {each.id for each in serving}
    with pytest.raises(BankError, match="PRO-3 has 0 items"):
        assemble(craft, blueprint("p", {"PRO-3": 1}), 1, {})


def test_a_chapter_quiz_has_ten_items_of_all_its_objectives_in_their_order():
    chapter = [each for each in ITEMS if each.objectives[0] in {"PRO-1.18", "PRO-1.19", "PRO-1.22"}]
    form = chapter_quiz("04_feature_store", chapter, {})
    assert (form.name, len(form.items)) == ("quiz-04", 10)
    assert list(form.items) == sorted(form.items)
    assert {each.objectives[0] for each in chapter if each.id in form.items} == {"PRO-1.18", "PRO-1.19", "PRO-1.22"}
    with pytest.raises(BankError, match="04_feature_store has 3 items"):
        chapter_quiz("04_feature_store", chapter[:3], {})


def test_the_fixed_forms_share_no_item_where_the_bank_allows():
    pro = [
        worded_item(n, objectives=[each]) for n, each in enumerate([o for o in OBJECTIVES for _ in range(4)], start=1)
    ]
    bank = {"04_feature_store": pro[:188], "05_spark_ml": pro[188:]}
    forms = {form.name: form for form in draw_fixed(bank)}
    assert list(forms) == ["pro-1", "pro-2", "assoc-1", "quiz-04", "quiz-05"]
    assert [len(form.items) for form in forms.values()] == [59, 59, 48, 10, 10]
    assert len({*forms["pro-1"].items, *forms["pro-2"].items, *forms["assoc-1"].items}) == 59 + 59 + 48


def test_the_seeds_papers_follow_from_the_sources():
    items = [worded_item(n, source=[source]) for n, source in enumerate(SEED_QUESTIONS, start=1)]
    forms = {form.name: form for form in forms_from_papers(items, manifest().papers)}
    assert len(forms) == 12
    assert [len(forms[name].items) for name in ("classic-1", "classic-2", "domain-3", "lifecycle-6")] == [60, 60, 10, 5]
    assert forms["classic-2"].minutes == 120
    assert forms["domain-1"].items[0] == items[SEED_QUESTIONS.index("003/Q1-1")].id
    assert {form.name for form in forms_from_papers(items[:-1], manifest().papers)} == set(forms) - {"lifecycle-6"}


@pytest.mark.parametrize(
    ("right", "of", "words"),
    [
        (54, 60, "well"),
        (53, 60, "good"),
        (48, 60, "good"),
        (47, 60, "solid"),
        (41, 60, "study"),
        (9, 10, "well"),
        (0, 5, "study"),
    ],
)
def test_bands_are_those_of_the_papers(right: int, of: int, words: str):
    assert band(right, of).startswith(words)


def test_faults_of_a_form_are_named():
    by_id = {each.id: each for each in ITEMS}
    form = Form(name="pro-1", title="t", items=(ITEMS[0].id, ITEMS[0].id, ITEMS[1].id))
    assert faults_of_form(form, by_id)[0] == f"pro-1: {ITEMS[0].id} is asked more than once"
    assert faults_of_form(Form(name="x", title="t", items=("no-such-001",)), by_id) == [
        "x: ['no-such-001'] are not in the bank"
    ]


def test_fixed_forms_are_read_and_refused_by_name(tmp_path: Path):
    exam = {"name": "pro", "title": "Paper", "domains": {"PRO-1": 1}, "minutes": 120, "fixed": 1}
    course = write_course(tmp_path, chapter("04_usage"), exams=[exam])
    path = tmp_path / "course" / "forms.yaml"
    path.write_text("- {name: pro-1, items: [fs-pit-001]}\n- {name: quiz-04, items: [fs-pit-001]}\n")
    assert read_forms(course) == [
        Form(name="pro-1", title="Paper, exam 1", minutes=120, items=("fs-pit-001",)),
        Form(name="quiz-04", title="Usage", items=("fs-pit-001",)),
    ]
    path.write_text("- {name: pro-1, minutes: 120, items: [fs-pit-001]}\n")
    with pytest.raises(BankError, match=r"forms.yaml, pro-1, minutes: "):
        read_forms(course)
    path.write_text("- {name: quiz-99, items: [fs-pit-001]}\n")
    with pytest.raises(BankError, match="quiz-99: use quiz-<chapter> or one of pro with a number"):
        read_forms(course)


# The forms of the course

BANK = [each for chapter in read_bank().values() for each in chapter]
FIXED = {form.name: form for form in all_forms(BANK)}


@pytest.mark.parametrize(
    ("name", "minutes", "weights"),
    [
        ("pro-1", 120, {"PRO-1": 26, "PRO-2": 26, "PRO-3": 7}),
        ("pro-2", 120, {"PRO-1": 26, "PRO-2": 26, "PRO-3": 7}),
        ("assoc-1", 90, {"ASC-1": 18, "ASC-2": 9, "ASC-3": 15, "ASC-4": 6}),
    ],
)
def test_an_exam_has_the_weights_of_its_guide_and_asks_for_every_objective(name, minutes, weights):
    assert FIXED[name].minutes == minutes
    assert domains(FIXED[name], BANK) == weights
    asked = {each.objectives[0] for each in BANK if each.id in FIXED[name].items}
    assert asked == {each for each in OBJECTIVES if each.startswith(name[:3].upper().replace("ASS", "ASC"))}


def test_the_exams_share_no_item():
    exams = [set(FIXED[name].items) for name in ("pro-1", "pro-2", "assoc-1")]
    assert len(set.union(*exams)) == sum(map(len, exams))


def test_every_form_of_the_seeds_is_there():
    sizes = {name: len(form.items) for name, form in FIXED.items() if name[0] in "cdlq"}
    assert sizes == {
        **{f"quiz-{chapter:02}": 10 for chapter in range(1, 13)},
        **{f"classic-{paper}": 60 for paper in (1, 2)},
        **{f"domain-{quiz}": 10 for quiz in range(1, 5)},
        **{f"lifecycle-{part}": 5 for part in range(1, 7)},
    }


@pytest.mark.parametrize(("exam", "size"), [("pro", 59), ("assoc", 48)])
def test_exams_drawn_from_seeds_are_sound(exam, size):
    by_id = {each.id: each for each in BANK}
    apart = not_together(BANK)
    for seed in range(10):
        form = assemble(BANK, BLUEPRINTS[exam], seed, apart)
        assert len(form.items) == size
        assert faults_of_form(form, by_id) == []
