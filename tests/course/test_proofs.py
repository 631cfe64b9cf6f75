"""The keys of the bank against the software: every proof is run, and never sees the key."""

from __future__ import annotations

import importlib
import re
from types import SimpleNamespace

import pytest

from workbook import proofs
from workbook.proofs import Lab, holds, proof_of, prove, raises, works
from workbook.quiz.author.bank import read_bank

BANK = read_bank()
PROVED = [(chapter, item) for chapter, items in BANK.items() for item in items if item.proof]


@pytest.fixture(scope="module")
def lab(spark) -> Lab:
    return Lab()


@pytest.mark.parametrize(("chapter", "item"), PROVED, ids=lambda value: getattr(value, "id", ""))
def test_the_key_is_what_the_proof_returns(chapter, item, lab):
    found = prove(chapter, item, lab)
    assert found == item.key, f"{item.id}: the key is {item.key}, and running the choices gives {found or 'none'}"


@pytest.mark.parametrize("chapter", BANK)
def test_every_proof_belongs_to_an_item(chapter):
    module = importlib.import_module(f"course.ch{chapter}.proofs")
    named_like_items = {name for name in vars(module) if re.search(r"_\d{3}$", name)}
    assert named_like_items == {item.proof for item in BANK[chapter] if item.proof}


def test_letters_are_sorted_and_a_missing_proof_is_named(monkeypatch):
    item = SimpleNamespace(id="fs-pit-001", proof="fs_pit_001")
    monkeypatch.setattr(
        proofs.importlib, "import_module", lambda name: SimpleNamespace(fs_pit_001=lambda lab: ["C", "A"])
    )
    assert prove("04_feature_store", item, Lab()) == "AC"
    monkeypatch.undo()
    with pytest.raises(LookupError, match=r"fs-pit-001: there is no proof 'fs_pit_001' in course.ch99_nowhere.proofs"):
        proof_of("99_nowhere", item)


def test_helpers_of_proofs():
    assert holds({"A": True, "B": False, "C": 1 == 1}) == {"A", "C"}
    assert raises(ZeroDivisionError, lambda: 1 / 0)
    assert not raises(ZeroDivisionError, lambda: 1 / 1)
    assert works(lambda: 1) and not works(lambda: 1 / 0, ZeroDivisionError)
    with pytest.raises(KeyError):
        works(lambda: {}[1], ZeroDivisionError)
