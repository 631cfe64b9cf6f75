"""The exam simulator in a browser: time to its first screen, time to grade an exam, and its size, against their targets."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, sync_playwright

from workbook.quiz import simulator
from workbook.quiz.banks import read_forms, whole_bank

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "browser"))

import browsers  # noqa: E402

#: Items of a Professional exam.
EXAM = 59

# Copies of the items: the page remembers the seals that it has opened.
GRADE = """async ([count, turns]) => {
  const times = [];
  for (let turn = 0; turn < turns; turn += 1) {
    const items = [...bank.items.values()].slice(0, count).map((item) => ({ ...item }));
    const answers = Object.fromEntries(items.map((item) => [item.id, lettersOf(item).slice(0, item.select)]));
    const begin = performance.now();
    await grade(items, answers);
    times.push(performance.now() - begin);
  }
  return times;
}"""


def first_screen(browser: Browser, url: str) -> float:
    """Milliseconds from the start of the navigation to the first screen, in a fresh profile."""
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script(
        "new MutationObserver((_, observer) => { if (document.querySelector('#main section')) {"
        " observer.disconnect(); requestAnimationFrame(() => setTimeout(() => { window.shown = performance.now() })) } })"
        ".observe(document, { childList: true, subtree: true })"
    )
    page.goto(url)
    found = page.wait_for_function("window.shown").json_value()
    context.close()
    return found


def report(what: str, found: float, target: float, unit: str) -> None:
    verdict = "ok" if found < target else "MISSED"
    print(f"{what:44} {found:8.1f} {unit:2}   target < {target:g} {unit:2}   {verdict}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loads", type=int, default=5)
    parser.add_argument("--turns", type=int, default=20, help="how often the exam is graded")
    asked = parser.parse_args()
    bank = whole_bank()
    text = simulator.page(bank, read_forms())
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / simulator.FILE
        path.write_text(text, encoding="utf-8")
        browser = playwright.chromium.launch(**browsers.options(browsers.find()))
        screens = [first_screen(browser, path.as_uri()) for _ in range(asked.loads)]
        page = browser.new_page()
        page.goto(path.as_uri())
        page.wait_for_selector("#main section")
        grades = page.evaluate(GRADE, [EXAM, asked.turns])
        print(f"{len(bank.items)} items, {browser.browser_type.name} {browser.version}, medians")
        browser.close()
    report(f"first screen, of {asked.loads} loads", median(screens), 1000, "ms")
    report(f"grading {min(EXAM, len(bank.items))} items, of {asked.turns} turns", median(grades), 50, "ms")
    report("size of the page", len(text.encode()) / 1000, 1500, "kB")


if __name__ == "__main__":
    main()
