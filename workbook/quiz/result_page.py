"""A result as HTML, for a notebook: score, band, domains, what to repeat, and the reasons."""

from __future__ import annotations

import html

from workbook.objectives import DOMAINS, OBJECTIVES
from workbook.quiz.forms import Form, band
from workbook.quiz.grading import Result, to_repeat
from workbook.quiz.markup import code_html, prose_html
from workbook.quiz.sealed import Bank, SealedItem


def result_html(form: Form, bank: Bank, result: Result) -> str:
    """A result as HTML that takes the page's own colours: score, band, domains, what to repeat, reasons."""
    score = result.score
    rows = "".join(
        f"<tr><td>{domain} {html.escape(DOMAINS[domain])}</td><td>{share.right} of {share.of}</td></tr>"
        for domain, share in result.by_domain.items()
    )
    partial = (
        f"<p>With partial credit, which the exam does not give: {result.partial:.1f}</p>"
        if result.partial > score.right
        else ""
    )
    weakest = "".join(_weak(objective, bank, result) for objective in result.weakest())
    repeat = f"<p>Repeat first:</p><ul>{weakest}</ul>" if weakest else ""
    items = "".join(
        f"<details><summary>{'Right' if graded.right else '<b>Not right</b>'}: {number} · {graded.id}, "
        f"your answer: {graded.given or 'none'}</summary>{explained(bank.items[graded.id], graded.given)}</details>"
        for number, graded in enumerate(result.items, start=1)
    )
    return (
        f'<div role="status"><h3>{html.escape(form.title)}: {score.right} of {score.of} right ({score.percent:.0f} %)</h3>'
        f"<p>{html.escape(band(score.right, score.of)).capitalize()}.</p>{partial}<table>{rows}</table>{repeat}{items}</div>"
    )


def explained(item: SealedItem, given: str) -> str:
    """A question with key and reasons, after it was answered."""
    code = code_html(item.code) if item.code else ""
    choices = "".join(
        f"<li>{'<b>right</b>' if item.is_right(letter) else 'wrong'}{', your answer' if letter in given else ''}: "
        f"{prose_html(item.choices[n].text)}<br><i>{prose_html(item.reason(letter))}</i></li>"
        for n, letter in enumerate(item.letters)
    )
    return (
        f"<p>{prose_html(item.stem)}</p>{code}<p>{prose_html(item.ask or '')}</p>"
        f'<ol type="A">{choices}</ol><p>See {html.escape(item.see)}</p>'
    )


def _weak(objective: str, bank: Bank, result: Result) -> str:
    share = result.by_objective[objective]
    sections = ", ".join(to_repeat(bank, result, objective))
    return f"<li>{objective} {html.escape(OBJECTIVES[objective])} ({share.right} of {share.of}): {html.escape(sections)}</li>"
