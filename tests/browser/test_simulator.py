"""The exam simulator in a real browser: whole exams, the clock, what is kept, what is refused, and who can use it."""

from __future__ import annotations

import json
import os
import re
import uuid
import webbrowser
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import browsers
import pytest
from axe_playwright_python.sync_playwright import Axe
from grading_vectors import PATH as VECTORS
from grading_vectors import outcome, read_bank, vectors
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from questions import plain_item
from typer.testing import CliRunner

from workbook import cli
from workbook.quiz import exchange, simulator
from workbook.quiz.banks import Forms, draw, read_forms, whole_bank
from workbook.quiz.forms import BLUEPRINTS, Form, band
from workbook.quiz.grading import grade
from workbook.quiz.items import LETTERS, shuffled_letters
from workbook.quiz.sealed import Bank, SealedItem, seal

EXAM = "pro-1"
LIMIT = 1_500_000


@dataclass(frozen=True)
class Site:
    """The page of the real bank and its forms."""

    url: str
    text: str
    bank: Bank
    forms: Forms

    @property
    def exam(self) -> Form:
        return self.forms.fixed[EXAM]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    bank, forms = whole_bank(), read_forms()
    path = tmp_path_factory.mktemp("simulator") / "simulator.html"
    text = simulator.page(bank, forms)
    path.write_text(text, encoding="utf-8")
    return Site(path.as_uri(), text, bank, forms)


# Of the module, not of the session: while playwright runs, no other test can run an event loop.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    try:
        path = browsers.find()
    except LookupError as error:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(error))
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(**browsers.options(path))
        yield found
        found.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a page in a context of its own; in the end it must have asked nothing of a network and reported no error."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def visit(url: str, context: BrowserContext | None = None, script: str = "", clock: bool = False, **kinds) -> Page:
        if context is None:
            context = browser.new_context(**{"viewport": {"width": 1200, "height": 850}} | kinds)
            contexts.append(context)
            context.set_default_timeout(10_000)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda asked: (
                complaints.append(asked.url) if not asked.url.startswith(("file:", "data:", "blob:")) else None
            ),
        )
        if script:
            page.add_init_script(script)
        if clock:
            page.clock.install(time="2026-11-21T10:00:00Z")
        page.goto(url)
        expect(page.locator("#loading")).to_have_count(0)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.getbasetemp() / "simulator-screens"
    folder.mkdir(exist_ok=True)
    return folder


def begin(page: Page, site: Site, form: str = EXAM, mode: str = "exam") -> None:
    page.goto(f"{site.url}#{form}")
    page.get_by_role("button", name=f"Begin {mode}").click()
    expect(page.locator("#question")).to_be_visible()


def stored(page: Page) -> list[dict[str, Any]]:
    """The sittings in the page's storage, oldest first."""
    return page.evaluate("allSittings()")


def number(page: Page) -> int:
    """The number of the question on screen."""
    return int(re.match(r"Question (\d+)", page.locator("h1").inner_text())[1])


def keys_of(item: SealedItem, seed: int, letters: str) -> list[str]:
    """The keys that choose these letters of the bank, as shown in a sitting of that seed."""
    order = shuffled_letters(item.id, item.letters, seed)
    return [str(order.index(letter) + 1) for letter in letters]


def tab_to(page: Page, selector: str, key: str = "Tab") -> None:
    for _ in range(150):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{selector} cannot be reached by {key}")


def plain(text: str) -> str:
    """A text of the bank as it reads on screen."""
    return " ".join(text.replace("`", "").split())


def end_and_grade(page: Page) -> None:
    page.evaluate("go(sat.items.length)")
    page.locator("#grade").click()
    page.locator("dialog").get_by_role("button", name="Grade").click()
    expect(page.locator(".score")).to_be_visible()


# The page as a file -----------------------------------------------------------------------------------------------------


def test_the_page_is_one_file_that_may_load_nothing(site: Site):
    assert len(site.text.encode()) < LIMIT
    assert simulator.page(site.bank, site.forms) == site.text
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', site.text)[1]
    assert policy.startswith("default-src 'none';") and "unsafe" not in policy and "http" not in policy
    head = site.text.replace(re.search(r'id="content">(.*?)</script>', site.text)[1], "")
    assert not re.search(r"""(src|href)=["'](?!#)|https?://|@import|url\(""", head)
    assert "innerHTML" not in head


def test_a_bank_of_500_items_stays_below_the_limit(site: Site):
    per_item = len(json.dumps(simulator._content(site.bank, site.forms)["items"]).encode()) / len(site.bank.items)
    assert len(site.text.encode()) + (500 - len(site.bank.items)) * per_item < LIMIT


@pytest.mark.parametrize(
    ("code", "coloured"),
    [
        ("import x  # why", {("k", "import"), ("c", "# why")}),
        ("SELECT 'a' FROM t", {("k", "SELECT"), ("s", "'a'"), ("k", "FROM")}),
        ("resources:\n  jobs: {}", {("k", "resources")}),
        ('{"a": 1}', {("m", "1")}),
        ("count   mean\n1       2.0", set()),
    ],
)
def test_code_is_split_into_pieces_of_one_colour(code: str, coloured: set[tuple[str, str]]):
    pieces = list(simulator._coloured(code))
    assert "".join(piece if isinstance(piece, str) else piece[1] for piece in pieces) == code
    assert coloured <= {(piece[0], piece[1].strip()) for piece in pieces if not isinstance(piece, str)}
    if not coloured:
        assert pieces == [code]


def test_the_code_of_every_question_is_whole(site: Site):
    for each in site.bank.items.values():
        if each.code:
            pieces = simulator._coloured(each.code.rstrip())
            assert "".join(piece if isinstance(piece, str) else piece[1] for piece in pieces) == each.code.rstrip(), (
                each.id
            )


def test_markup_in_a_question_stays_text(visit, tmp_path: Path):
    bad = "</script><img src=x onerror=alert(1)>`<b>`"
    strange = plain_item(1, "B").model_copy(update={"stem": bad, "code": bad, "ask": bad})
    bank = seal([strange])
    path = tmp_path / "page.html"
    form = Form(name="one", title=bad, items=(strange.id,))
    path.write_text(simulator.page(bank, Forms({"one": form}, {})), encoding="utf-8")
    page = visit(f"{path.as_uri()}#one")
    page.get_by_role("button", name="Begin practice").click()
    expect(page.locator("#question > p").first).to_have_text(plain(bad))
    expect(page.locator("#question pre")).to_have_text(bad)
    assert page.locator("img").count() == 0


# Grading ----------------------------------------------------------------------------------------------------------------


def test_the_vectors_are_those_of_this_program():
    assert json.loads(VECTORS.read_text(encoding="utf-8")) == json.loads(json.dumps(vectors()))


def test_python_gives_the_vectors():
    content = json.loads(VECTORS.read_text(encoding="utf-8"))
    bank = read_bank(content["items"])
    assert bank.version == content["version"]
    assert {each["id"]: (each["key"], each["version"]) for each in content["items"]} == {
        each.id: (each.key(), each.version) for each in bank.items.values()
    }
    for case in content["cases"]:
        expected = {name: case[name] for name in ("result", "error") if name in case}
        assert json.loads(json.dumps(outcome(bank, case["answers"], case["version"]))) == expected, case["name"]
    for each in content["orders"]:
        assert shuffled_letters(each["item"], bank.items[each["item"]].letters, each["seed"]) == each["order"]


def test_the_browser_gives_the_vectors(visit, site: Site):
    content = json.loads(VECTORS.read_text(encoding="utf-8"))
    found = visit(site.url).evaluate(
        """async ({ items, cases, orders }) => ({
          version: await versionOf(items),
          keys: await Promise.all(items.map(keyOf)),
          reasons: await Promise.all(
            items.map((item) => Promise.all(Array.from(lettersOf(item), (letter) => reasonOf(item, letter))))),
          orders: await Promise.all(
            orders.map(({ item, seed }) => shuffledLetters(items.find((each) => each.id === item), seed))),
          cases: await Promise.all(cases.map(async ({ answers, version }) => {
            try { return { result: await grade(items, answers, version) }; }
            catch (error) { return { error: error.message, kind: error.constructor.name }; }
          })),
        })""",
        content,
    )
    assert found["version"] == content["version"]
    assert found["keys"] == [each["key"] for each in content["items"]]
    assert found["reasons"] == list(content["reasons"].values())
    assert found["orders"] == [each["order"] for each in content["orders"]]
    for case, got in zip(content["cases"], found["cases"], strict=True):
        expected = {"error": case["error"], "kind": "AnswerError"} if "error" in case else {"result": case["result"]}
        assert got == expected, case["name"]


def test_bands_are_those_of_python(visit, site: Site):
    scores = [(right, of) for of in (0, 5, 10, 48, 59, 60) for right in range(of + 1)]
    found = visit(site.url).evaluate("scores => scores.map(([right, of]) => bandOf({ right, of }))", scores)
    assert found == [band(right, of) for right, of in scores]


def test_keys_and_reasons_of_the_whole_bank(visit, site: Site):
    found = visit(site.url).evaluate(
        """async () => Promise.all([...bank.items.values()].map(async (item) => [
          await keyOf(item), ...await Promise.all(Array.from(lettersOf(item), (letter) => reasonOf(item, letter)))]))"""
    )
    assert found == [
        [each.key(), *(each.reason(letter) for letter in each.letters)] for each in site.bank.items.values()
    ]


# A whole exam -----------------------------------------------------------------------------------------------------------


def test_a_whole_exam_by_keyboard_alone(visit, site: Site):
    page = visit(site.url)
    tab_to(page, f"a[href='#{EXAM}']")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(site.exam.title)
    tab_to(page, ".modes .card:first-child button")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_be_focused()
    seed = stored(page)[0]["seed"]
    wanted: dict[str, str] = {}
    for n, name in enumerate(site.exam.items):
        asked = site.bank.items[name]
        wrong = next(letter for letter in asked.letters if letter not in asked.key())
        # In turn a wrong letter, or one too few where there are several, then two right answers; each tenth is left out.
        given = asked.key() if n % 3 else asked.key()[:-1] or wrong
        given = "" if n % 10 == 9 else given
        for key in keys_of(asked, seed, given):
            # By number and by letter in turn.
            page.keyboard.press(key if n % 2 or key == "6" else "abcde"[int(key) - 1])
        if n % 7 == 0:
            page.keyboard.press("f")
        wanted[name] = "".join(sorted(given))
        page.keyboard.press(("n", "ArrowRight")[n % 2])
    expect(page.locator("h1")).to_have_text("The end")
    open_ = sum(len(given) < site.bank.items[name].select for name, given in wanted.items())
    assert f"Without a complete answer: {open_}" in page.locator("main").inner_text()
    assert "Flagged for review: 9" in page.locator("main").inner_text()
    tab_to(page, "#grade")
    page.keyboard.press("Enter")
    tab_to(page, "dialog button.main", "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".score")).to_be_visible()

    asked_bank = site.bank.only(site.exam.items)
    result = grade(asked_bank, wanted)
    (sitting,) = stored(page)
    assert (sitting["version"], sitting["items"], sitting["minutes"]) == (
        asked_bank.version,
        list(site.exam.items),
        120,
    )
    assert page.evaluate("answersOf(allSittings()[0])") == wanted
    text = page.locator("main").inner_text()
    assert f"{result.score.right} of 59 right" in text
    assert band(result.score.right, 59) in text.lower()
    assert f"{result.partial:.1f}" in text
    for domain, share in result.by_domain.items():
        expect(page.get_by_role("row", name=re.compile(domain))).to_contain_text(f"{share.right} of {share.of}")
    assert [
        re.match(r"\S+", each)[0] for each in page.locator(".weak li p:first-child").all_inner_texts()
    ] == result.weakest()


def test_n_and_p_arrows_navigator_and_escape(visit, site: Site):
    page = visit(site.url)
    begin(page, site)
    page.keyboard.press("p")
    assert number(page) == 1
    page.keyboard.press("n")
    page.keyboard.press("ArrowRight")
    assert number(page) == 3
    expect(page.locator("h1")).to_be_focused()
    page.keyboard.press("1")
    # From within a group of radio buttons too.
    page.keyboard.press("ArrowLeft")
    assert number(page) == 2
    page.keyboard.press("g")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Question 2, not answered"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert number(page) == 3
    page.keyboard.press("g")
    page.keyboard.press("Escape")
    expect(page.locator("h1")).to_be_focused()
    page.keyboard.press("?")
    expect(page.locator("dialog")).to_be_visible()
    page.keyboard.press("n")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_be_hidden()
    assert number(page) == 3


def test_shortcuts_leave_fields_and_the_browsers_own_keys_alone(visit, site: Site):
    page = visit(site.url)
    begin(page, site)
    for key in ("Control+f", "Alt+n", "Meta+p", "Control+1"):
        page.evaluate(
            """key => { const [held, name] = key.split("+");
              document.body.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true,
                ctrlKey: held === "Control", altKey: held === "Alt", metaKey: held === "Meta" })); }""",
            key,
        )
    page.evaluate("n => go(n)", next(n for n, each in enumerate(site.exam.items) if site.bank.items[each].code))
    shown = number(page)
    page.locator("#question pre").focus()
    page.keyboard.press("ArrowRight")  # scrolls the code
    assert number(page) == shown
    page.evaluate("go(0)")
    page.evaluate("document.querySelector('#main').append(document.createElement('input'))")
    page.locator("#main > input").focus()
    page.keyboard.type("n1fg?")
    assert page.locator("#main > input").input_value() == "n1fg?"
    assert number(page) == 1
    assert not any(answer["given"] or answer["flagged"] for answer in stored(page)[0]["answers"])
    expect(page.locator("dialog")).to_be_hidden()
    page.get_by_role("button", name="Keys").click()
    page.get_by_role("button", name="Turn single keys off").click()
    page.keyboard.press("n")
    page.keyboard.press("1")
    assert (number(page), page.locator(".choice input:checked").count()) == (1, 0)


# What is kept -----------------------------------------------------------------------------------------------------------


def test_a_reload_half_way_goes_on_with_answers_order_and_time(visit, site: Site):
    page = visit(site.url, clock=True)
    begin(page, site)
    for _ in range(29):
        page.keyboard.press("1")
        page.keyboard.press("n")
    page.keyboard.press("2")
    page.clock.fast_forward(90_000)
    texts = page.locator(".choice .text").all_inner_texts()
    before, left = page.evaluate("answersOf(sat.sitting)"), page.evaluate("secondsLeft()")
    assert 7050 < left < 7111
    page.reload()
    expect(page.locator("#question")).to_be_visible()
    assert number(page) == 30
    assert page.locator(".choice .text").all_inner_texts() == texts
    assert page.evaluate("answersOf(sat.sitting)") == before
    assert sum(bool(given) for given in before.values()) == 30
    assert page.evaluate("secondsLeft()") == pytest.approx(left, abs=3)
    assert page.locator(".choice input:checked").get_attribute("value") in before[site.exam.items[29]]


def test_a_closed_tab_stops_the_clock(visit, site: Site):
    page = visit(site.url, clock=True)
    begin(page, site)
    page.keyboard.press("1")
    page.clock.fast_forward(600_000)
    url, left = page.url, page.evaluate("secondsLeft()")
    context = page.context
    page.close(run_before_unload=False)
    again = visit(url, context)
    assert again.evaluate("secondsLeft()") == pytest.approx(left, abs=7)
    again.goto(f"{site.url}#")
    expect(again.get_by_role("link", name=f"Go on with {site.exam.title}")).to_be_visible()
    again.get_by_role("link", name=f"Go on with {site.exam.title}").click()
    expect(again.locator("#question")).to_be_visible()


def test_while_paused_the_question_is_hidden_and_time_stands(visit, site: Site):
    page = visit(site.url, clock=True)
    begin(page, site)
    page.keyboard.press("n")
    page.clock.pause_at("2026-11-21T10:10:00Z")
    left = page.evaluate("secondsLeft()")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("h1")).to_have_text("Paused")
    assert page.locator("#question").count() == 0
    page.clock.fast_forward(3_600_000)
    page.clock.run_for(5_000)
    page.keyboard.press("n")
    assert page.evaluate("secondsLeft()") == pytest.approx(left, abs=0.2)
    page.clock.resume()
    page.reload()
    expect(page.locator("h1")).to_have_text("Paused")
    page.get_by_role("button", name="Go on").click()
    assert number(page) == 2
    assert page.evaluate("secondsLeft()") == pytest.approx(left, abs=3)


def test_time_is_warned_of_and_when_it_is_over_the_exam_is_graded(visit, site: Site):
    page = visit(site.url, clock=True)
    begin(page, site)
    first = site.bank.items[site.exam.items[0]]
    for key in keys_of(first, stored(page)[0]["seed"], first.key()):
        page.keyboard.press(key)
    status = page.get_by_role("status")
    page.clock.fast_forward("01:50:01")
    expect(status).to_have_text("10 minutes left.")
    page.clock.fast_forward("09:00")
    expect(status).to_have_text("1 minute left.")
    page.clock.fast_forward("01:30")
    expect(page.locator(".score")).to_contain_text("1 of 59 right")
    expect(status).to_contain_text("Time is over")
    (sitting,) = stored(page)
    assert sitting["finished"]
    assert sum(answer["seconds"] for answer in sitting["answers"]) == pytest.approx(7200, abs=0.2)


def test_an_answer_after_the_time_does_not_count(visit, site: Site):
    page = visit(site.url, clock=True)
    begin(page, site)
    page.clock.pause_at("2026-11-21T12:30:00Z")  # jumps: the tick that would end it has not come yet
    page.keyboard.press("1")
    expect(page.locator(".score")).to_contain_text("0 of 59 right")
    assert not any(stored(page)[0]["answers"][n]["given"] for n in range(len(stored(page)[0]["answers"])))


def test_a_storage_that_refuses_is_said_and_the_exam_goes_on(visit, site: Site):
    page = visit(
        site.url,
        script="Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }",
    )
    begin(page, site, "quiz-04")
    expect(page.get_by_role("alert")).to_contain_text("does not store your answers (QuotaExceededError)")
    page.keyboard.press("1")
    page.keyboard.press("n")
    end_and_grade(page)
    assert len(stored(page)) == 1


def test_a_blocked_storage_is_said(visit, site: Site):
    script = (
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError') } })"
    )
    page = visit(site.url, script=script)
    expect(page.get_by_role("alert")).to_contain_text("SecurityError")
    begin(page, site, "quiz-04")


def test_a_damaged_entry_is_left_alone_and_said(visit, site: Site):
    page = visit(site.url)
    page.evaluate("localStorage.setItem('lakehouse-ml-workbook:sitting:x', '{\"uid\": 1')")
    page.reload()
    expect(page.get_by_role("status")).to_contain_text("cannot be read")
    assert page.evaluate("localStorage.getItem('lakehouse-ml-workbook:sitting:x')") == '{"uid": 1'


def test_two_tabs_on_one_sitting(visit, site: Site):
    one = visit(site.url)
    begin(one, site)
    other = visit(one.url, one.context)
    one.keyboard.press("1")
    one.keyboard.press("n")
    expect(other.get_by_role("status")).to_contain_text("another tab")
    other.keyboard.press("n")
    other.keyboard.press("2")
    other.keyboard.press("n")
    expect(one.locator("#answered")).to_contain_text("2 of 59")
    one.wait_for_function(
        "wanted => JSON.stringify(answersOf(readSitting(sat.sitting.uid))) === JSON.stringify(wanted)",
        arg=other.evaluate("answersOf(sat.sitting)"),
    )


def test_without_crypto_the_page_says_so(browser: Browser, site: Site):
    page = browser.new_context().new_page()
    page.add_init_script("Object.defineProperty(crypto, 'subtle', { value: undefined })")
    page.goto(site.url)
    expect(page.locator("#loading")).to_contain_text("crypto.subtle")
    page.context.close()


def test_delete_all_asks_first(visit, site: Site):
    page = visit(site.url)
    begin(page, site)
    page.goto(f"{site.url}#")
    page.get_by_role("button", name="Delete all").click()
    page.keyboard.press("Escape")
    assert len(stored(page)) == 1
    page.get_by_role("button", name="Delete all").click()
    page.locator("dialog").get_by_role("button", name="Delete all").click()
    expect(page.get_by_role("status")).to_have_text("All sittings were deleted.")
    assert stored(page) == []


# Practice ---------------------------------------------------------------------------------------------------------------


def test_practice_gives_the_reason_of_every_choice_after_each_answer(visit, site: Site):
    page = visit(site.url)
    begin(page, site, "quiz-04", "practice")
    asked = site.bank.items[site.forms.fixed["quiz-04"].items[0]]
    assert page.locator(".reason").count() == 0 and page.locator("#clock").count() == 0
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("status")).to_contain_text("first")
    for key in keys_of(asked, stored(page)[0]["seed"], asked.key()):
        page.keyboard.press(key)
    page.reload()  # what was ticked and not checked is kept too
    expect(page.locator(".choice input:checked")).to_have_count(asked.select)
    page.locator(".choice input:checked").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#verdict")).to_contain_text("Right.")
    expect(page.locator("#verdict")).to_be_focused()
    assert page.locator(".reason").count() == len(asked.choices)
    assert stored(page)[0]["answers"][-1]["given"] == asked.key()
    page.keyboard.press("1")  # an answer that was checked stands
    assert stored(page)[0]["answers"][-1]["given"] == asked.key()


def test_what_was_missed_is_practised(visit, site: Site):
    page = visit(site.url)
    begin(page, site, "quiz-04")
    names = site.forms.fixed["quiz-04"].items
    seed = stored(page)[0]["seed"]
    for n, name in enumerate(names):
        asked = site.bank.items[name]
        wrong = next(letter for letter in asked.letters if letter not in asked.key())
        for key in keys_of(asked, seed, asked.key() if n % 2 else wrong + asked.key()[1:]):
            page.keyboard.press(key)
        page.keyboard.press("n")
    end_and_grade(page)
    page.get_by_role("button", name="Review what was missed (5)").click()
    expect(page.locator("#question")).to_be_visible()
    review = page.evaluate("sat.sitting")
    assert (review["items"], review["minutes"]) == (list(names[::2]), None)
    page.goto(f"{site.url}#missed")
    expect(page.locator("h1")).to_have_text("What you missed")
    expect(page.locator(".lead")).to_have_text("5 questions")


def test_of_several_choices_one_too_many_is_refused(visit, site: Site):
    two = next(each for each in site.bank.items.values() if each.select == 2)
    page = visit(site.url)
    page.evaluate("id => start({ name: 'one', title: 'One', minutes: null, items: [id] }, false)", two.id)
    expect(page.locator("#question")).to_be_visible()
    assert page.locator("input[type=checkbox]").count() == len(two.choices)
    for key in "123":
        page.keyboard.press(key)
    expect(page.get_by_role("status")).to_contain_text("Choose 2: take one back")
    expect(page.locator(".choice input:checked")).to_have_count(2)
    expect(page.locator("#count")).to_have_text("2 of 2 chosen")
    page.keyboard.press("1")
    page.keyboard.press("3")
    expect(page.locator(".choice input:checked")).to_have_count(2)
    order = shuffled_letters(two.id, two.letters, page.evaluate("sat.sitting.seed"))
    assert page.evaluate("answersOf(sat.sitting)")[two.id] == "".join(sorted(order[1] + order[2]))
    page.keyboard.press("2")
    expect(page.locator("#navigator [aria-current]")).to_have_attribute("aria-label", "Question 1, not complete")


def test_a_shuffle_never_parts_a_reason_from_its_choice(visit, site: Site):
    reasons = {
        each.id: {
            plain(choice.text): (plain(each.reason(letter)), letter in each.key())
            for letter, choice in zip(each.letters, each.choices, strict=True)
        }
        for each in site.bank.items.values()
    }
    page = visit(site.url)
    for seed in (1, 77, 2**31 - 1):
        shown = page.evaluate(
            """async (seed) => {
              const form = { name: "all", title: "All", minutes: null, items: [...bank.items.keys()] };
              const sitting = { ...(await newSitting(form, true)), seed, finished: now() };
              await showResult(sitting);
              return [...document.querySelectorAll(".review")].map((review) => [
                review.id.slice("review-".length),
                [...review.querySelectorAll(".choice")].map((choice) =>
                  [".text", ".reason", ".mark", ".letter"].map((part) => choice.querySelector(part).textContent)),
              ]);
            }""",
            seed,
        )
        assert len(shown) == len(reasons)
        for name, choices in shown:
            assert {text: (reason, mark == "Right") for text, reason, mark, _ in choices} == reasons[name], name
            texts = [plain(choice.text) for choice in site.bank.items[name].choices]
            order = shuffled_letters(name, site.bank.items[name].letters, seed)
            assert [text for text, *_ in choices] == [texts[LETTERS.index(letter)] for letter in order]
            assert "".join(letter for *_, letter in choices) == LETTERS[: len(choices)]


# Random exams -----------------------------------------------------------------------------------------------------------


def test_random_exams_keep_weights_spread_objectives_and_what_is_apart(visit, site: Site):
    page = visit(site.url)
    first, *others = list(site.bank.items.values())
    blueprint = BLUEPRINTS["pro"]
    pairs = [[first.id, each.id] for each in others if each.domain == first.domain][:5]
    told = page.evaluate(
        """([seeds, pairs]) => {
          for (const [one, other] of pairs) { (bank.apart[one] ??= []).push(other); (bank.apart[other] ??= []).push(one); }
          const exam = bank.exams.find((each) => each.name === "pro");
          return Promise.all(seeds.map(async (seed) => (await drawExam(exam, seed)).items));
        }""",
        [[1, 1, 2, 3], pairs],
    )
    assert told[0] == told[1] != told[2]
    for items in told:
        assert len(set(items)) == 59
        assert Counter(site.bank.items[each].domain for each in items) == Counter(dict(blueprint.domains))
        assert not any({one, other} <= set(items) for one, other in pairs)
        for domain in blueprint.domains:
            pool = Counter(
                each.objectives[0] for each in site.bank.items.values() if each.exam and each.domain == domain
            )
            drawn = Counter(
                site.bank.items[each].objectives[0] for each in items if site.bank.items[each].domain == domain
            )
            # An objective has fewer than another only when the bank, less what must not meet, has no more of it.
            assert all(drawn[each] >= min(pool[each] - 1, max(drawn.values()) - 1) for each in pool)


@pytest.mark.parametrize("exam", BLUEPRINTS)
def test_equal_seeds_draw_the_same_exam_as_in_the_terminal(visit, site: Site, exam: str):
    drawn = visit(site.url).evaluate(
        """([name, seeds]) => {
          const exam = bank.exams.find((each) => each.name === name);
          return Promise.all(seeds.map((seed) => drawExam(exam, seed)));
        }""",
        [exam, [1, 7, 2**31 - 1]],
    )
    for form, seed in zip(drawn, (1, 7, 2**31 - 1), strict=True):
        assert Form.model_validate(form) == draw(exam, seed, site.bank, site.forms)


def test_a_random_exam_can_be_sat(visit, site: Site):
    page = visit(site.url)
    page.get_by_role("link", name="Machine Learning Professional, random exam").click()
    page.get_by_role("button", name="Begin exam").click()
    expect(page.locator("h1")).to_have_text("Question 1 of 59")
    assert re.fullmatch(r"pro-seed-\d+", stored(page)[0]["form"])


def test_an_unknown_address_leads_to_the_first_screen(visit, site: Site):
    for address, message in (("nothing", 'no form "nothing"'), ("sitting=1", "no such sitting"), ("%", "malformed")):
        page = visit(f"{site.url}#{address}")
        expect(page.locator("h1")).to_have_text("Exam simulator")
        expect(page.get_by_role("status")).to_contain_text(message)


# Files ------------------------------------------------------------------------------------------------------------------


def export(page: Page) -> str:
    page.goto(f"{page.url.split('#')[0]}#")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    return download.value.path().read_text(encoding="utf-8")


def import_(page: Page, text: str) -> str:
    page.goto(f"{page.url.split('#')[0]}#")
    page.locator("#import").set_input_files({"name": "a.json", "mimeType": "application/json", "buffer": text.encode()})
    expect(page.get_by_role("status")).to_contain_text("mported")
    return page.get_by_role("status").inner_text()


def sitting(site: Site, form: str = "quiz-04", **changes: Any) -> dict[str, Any]:
    """A finished sitting as a file has it."""
    items = site.forms.fixed[form].items
    return {
        "uid": str(uuid.UUID(int=1, version=4)),
        "form": form,
        "title": "Feature store",
        "version": site.bank.only(items).version,
        "items": list(items),
        "seed": 123,
        "minutes": None,
        "begun": "2026-11-21T10:00:00+00:00",
        "finished": "2026-11-21T10:20:00+00:00",
        "answers": [
            {"item": items[0], "given": "A", "flagged": False, "seconds": 31.5, "at": "2026-11-21T10:01:00+00:00"}
        ],
    } | changes


def file(*sittings: dict[str, Any], **changes: Any) -> str:
    return json.dumps({"format": "lakehouse-ml-workbook sittings", "version": 1, "sittings": list(sittings)} | changes)


def test_an_exported_file_gives_the_same_history_elsewhere(visit, site: Site):
    page = visit(site.url)
    begin(page, site, "quiz-04")
    page.keyboard.press("1")
    page.keyboard.press("f")
    end_and_grade(page)
    begin(page, site)
    page.keyboard.press("2")
    text = export(page)
    other = visit(site.url)
    assert import_(other, text).startswith("Imported a.json: 2 added, 0 replaced")
    history = page.locator("table").last.inner_text()
    assert other.locator("table").last.inner_text() == history
    assert json.loads(export(other)) == json.loads(text)
    assert "0 added, 0 replaced by longer ones, 2 known already" in import_(other, text)
    # The Python side reads the same file, and what it writes is read here.
    found = exchange.from_json(text)
    assert {each.form.name for each in found} == {"quiz-04", EXAM}
    assert "0 added" in import_(other, exchange.to_json(found))


def test_of_two_versions_of_a_sitting_the_longer_log_stays(visit, site: Site):
    page = visit(site.url)
    short, long = sitting(site, answers=[]), sitting(site)
    assert "1 added" in import_(page, file(short))
    assert "1 replaced" in import_(page, file(long))
    assert "1 known already" in import_(page, file(short))
    assert len(stored(page)[0]["answers"]) == 1


def test_answers_to_questions_that_have_changed_are_kept_and_not_graded(visit, site: Site):
    page = visit(site.url)
    import_(page, file(sitting(site, version="0123456789ab")))
    expect(page.locator("main")).to_contain_text("its questions have changed since")
    page.goto(f"{site.url}#result={stored(page)[0]['uid']}")
    expect(page.get_by_role("status")).to_contain_text("have changed since")


def _bad_files(site: Site) -> list[tuple[str, str]]:
    good = sitting(site)
    answer = good["answers"][0]
    changed: Callable[..., str] = lambda **changes: file(good | changes)  # noqa: E731
    answered: Callable[..., str] = lambda **changes: changed(answers=[answer | changes])  # noqa: E731
    single = next(each for each in good["items"] if site.bank.items[each].select == 1)
    return [
        ("{", "not JSON"),
        ("[]", "the file must be an object"),
        (file(good, format="other"), "the file.format must be"),
        (file(good, version=2), "the file.version must be 1, not 2"),
        (file(good, more=1), "the file.more: there is no such field"),
        (json.dumps({"format": "lakehouse-ml-workbook sittings", "version": 1}), "the file.sittings is missing"),
        (file(good, sitting(site)), "sittings[1].uid stands in the file twice"),
        (file(1), "sittings[0] must be an object"),
        (changed(uid="x"), "sittings[0].uid"),
        (changed(form=""), "sittings[0].form"),
        (changed(title=None), "sittings[0].title"),
        (changed(version="V"), "sittings[0].version"),
        (changed(items=[]), "sittings[0].items"),
        (changed(items=[*good["items"], good["items"][0]]), "sittings[0].items"),
        (changed(seed=-1), "sittings[0].seed"),
        (changed(seed=1.5), "sittings[0].seed"),
        (changed(minutes=0), "sittings[0].minutes"),
        (changed(minutes="120"), "sittings[0].minutes"),
        (changed(begun="2026-11-21 10:00"), "sittings[0].begun"),
        (changed(finished="2026-13-41T10:00:00+00:00"), "sittings[0].finished"),
        (changed(answers={}), "sittings[0].answers"),
        (changed(extra=1), "sittings[0].extra: there is no such field"),
        (answered(item="fs-none-001"), "sittings[0].answers[0].item: fs-none-001 is not asked"),
        (answered(given="AX"), "sittings[0].answers[0].given"),
        (answered(given=None), "sittings[0].answers[0].given"),
        (answered(flagged=0), "sittings[0].answers[0].flagged"),
        (answered(seconds=-1), "sittings[0].answers[0].seconds"),
        (answered(seconds="1"), "sittings[0].answers[0].seconds"),
        (answered(at="today"), "sittings[0].answers[0].at"),
        (answered(item=single, given="F"), f"sittings[0].answers[0].given: {single}: there is no choice 'F'"),
        (answered(item=single, given="AB"), f"{single}: 'AB' has 2 letters, and the item asks for 1"),
        (answered(given="AA"), "names a letter twice"),
    ]


def test_a_bad_file_is_refused_by_field_and_nothing_is_recorded(visit, site: Site):
    page = visit(site.url)
    for text, message in _bad_files(site):
        said = import_(page, text)
        assert said.startswith("Nothing was imported from a.json: ") and message in said, (said, message)
        assert stored(page) == []
    # A good sitting before a bad one is not taken either.
    other = sitting(site, uid=str(uuid.UUID(int=2, version=4)))
    assert "sittings[1].seed" in import_(page, file(other, sitting(site, seed=-1)))
    assert stored(page) == []


def test_a_storage_that_refuses_half_way_takes_nothing(visit, site: Site):
    page = visit(site.url)
    two = [sitting(site, uid=str(uuid.UUID(int=n, version=4))) for n in (1, 2)]
    page.evaluate(
        """() => { const write = Storage.prototype.setItem; let n = 0;
          Storage.prototype.setItem = function (...entry) {
            n += 1; if (n === 2) throw new DOMException("full", "QuotaExceededError"); write.apply(this, entry); }; }"""
    )
    assert "storage refused" in import_(page, file(*two))
    assert stored(page) == []


# For everybody ----------------------------------------------------------------------------------------------------------


def _screens(page: Page, site: Site) -> Iterator[str]:
    """Every screen of the page, with something to see on each."""
    yield "home-empty"
    page.goto(f"{site.url}#{EXAM}")
    expect(page.locator(".modes")).to_be_visible()
    yield "start"
    page.get_by_role("button", name="Begin exam").click()
    coded = next(n for n, each in enumerate(site.exam.items) if site.bank.items[each].code)
    page.evaluate("n => go(n)", coded)
    page.keyboard.press("1")
    page.keyboard.press("f")
    expect(page.locator("#question pre").first).to_be_visible()
    yield "exam"
    page.keyboard.press("?")
    yield "keys"
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Pause").click()
    yield "pause"
    # A short one: in a long result every question looks like the others, and axe reads each.
    begin(page, site, "quiz-04")
    for n in range(0, 10, 2):
        page.evaluate("n => go(n)", n)
        page.keyboard.press("2")
        page.keyboard.press("f")
    page.evaluate("go(sat.items.length)")
    yield "end"
    page.locator("#grade").click()
    yield "confirm"
    page.locator("dialog").get_by_role("button", name="Grade").click()
    page.locator(".review summary").nth(1).click()
    yield "result"
    begin(page, site, "quiz-05", "practice")
    for key in "123":
        page.keyboard.press(key)
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#verdict")).to_be_visible()
    yield "practice"
    page.goto(f"{site.url}#")
    expect(page.get_by_role("heading", name="Where you stand")).to_be_visible()
    yield "home"


def test_every_screen_passes_axe_in_both_themes(visit, site: Site, shots: Path):
    page = visit(site.url, color_scheme="light", reduced_motion="reduce")
    # Only contrast differs between the themes.
    rules = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}
    for name, theme in ((name, theme) for name in _screens(page, site) for theme in rules):
        page.emulate_media(color_scheme=theme)
        page.screenshot(path=shots / f"{theme}-{name}.png")
        found = Axe().run(page, options={"resultTypes": ["violations"], **rules[theme]}).response["violations"]
        bad = [
            (each["id"], [node["html"] for node in each["nodes"]][:3])
            for each in found
            if each["impact"] in ("serious", "critical")
        ]
        assert bad == [], (name, theme, bad)


def test_a_phone_shows_every_screen_without_scrolling_sideways(visit, site: Site, shots: Path):
    page = visit(site.url, viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    small = """() => [...document.querySelectorAll("button, .button, .file, summary, .choice label, .cards a")]
      .filter((each) => each.checkVisibility() && !each.closest(".hidden"))
      .map((each) => [each.className || each.textContent, each.getBoundingClientRect(), each])
      .filter(([, box, each]) => !each.matches(".cards a") && (box.height < 44 || box.width < 44))
      .map(([name, box]) => [name, box.width, box.height])"""
    for name in _screens(page, site):
        page.screenshot(path=shots / f"phone-{name}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, name
        assert page.evaluate(small) == [], name


def test_the_chosen_theme_is_kept(visit, site: Site):
    page = visit(site.url, color_scheme="light")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.get_by_role("button", name="Dark theme").click()
    dark = page.evaluate(background)
    assert dark != light
    page.reload()
    assert page.evaluate(background) == dark
    page.get_by_role("button", name="Light theme").click()
    assert page.evaluate(background) == light


def test_on_paper_every_reason_is_open(visit, site: Site, shots: Path):
    page = visit(site.url)
    begin(page, site, "quiz-04")
    end_and_grade(page)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".reason:visible").count() == sum(
        len(site.bank.items[each].choices) for each in site.forms.fixed["quiz-04"].items
    )
    expect(page.get_by_role("button", name="Print")).to_be_hidden()
    page.screenshot(path=shots / "print.png", full_page=True)
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator(".reason:visible").count() == 0


# The command ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The addresses that a browser was asked to open; the page is a made-up file."""
    asked: list[str] = []
    path = tmp_path / "simulator.html"
    path.touch()
    monkeypatch.setattr(simulator, "open_page", partial(simulator.open_page, path=path))
    monkeypatch.setattr(webbrowser, "open", lambda url: asked.append(url) or True)
    return asked


@pytest.mark.parametrize(
    ("command", "anchor"),
    [(["exam"], ""), (["quiz"], ""), (["quiz", "04"], "quiz-04"), (["exam", "pro", "--seed", "3"], "pro-seed-3")],
)
def test_the_command_opens_the_page_at_a_form(opened: list[str], command: list[str], anchor: str):
    done = CliRunner().invoke(cli.app, [*command, "--browser"])
    assert done.exit_code == 0, done.output
    assert [url.rpartition("#")[2] for url in opened] == [anchor]
    assert done.output.strip().endswith("simulator.html")


def test_without_a_browser_the_command_says_what_to_do(opened: list[str], monkeypatch: pytest.MonkeyPatch):
    def fail(url: str) -> bool:
        raise webbrowser.Error("could not locate runnable browser")

    for broken in (fail, lambda url: False):
        monkeypatch.setattr(webbrowser, "open", broken)
        done = CliRunner().invoke(cli.app, ["quiz", "04", "--browser"])
        assert done.exit_code == 0
        assert "No browser could be opened" in done.output and "choose quiz-04" in done.output


def test_unknown_names_are_refused_and_a_missing_page_too(opened: list[str], monkeypatch: pytest.MonkeyPatch):
    done = CliRunner().invoke(cli.app, ["exam", "nothing", "--browser"])
    assert (done.exit_code, opened) == (2, [])
    assert "there is no form 'nothing'" in done.output
    monkeypatch.setattr(simulator, "open_page", partial(simulator.open_page.func, path=Path("gone.html")))
    done = CliRunner().invoke(cli.app, ["quiz", "04", "--browser"])
    assert done.exit_code == 2
    assert "`wb build` makes it" in done.output
