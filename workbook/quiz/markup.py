"""The simple markdown of questions: paragraphs, and spans of code between backticks. Everything else is plain text."""

from __future__ import annotations

import html
from collections.abc import Iterator

from workbook.quiz.sealed import SealedItem


def spans(text: str) -> Iterator[tuple[bool, str]]:
    """Pieces of a text with whether each is code; paragraphs are apart by an empty line, their lines joined."""
    paragraphs = (" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n"))
    for number, piece in enumerate("\n\n".join(paragraphs).split("`")):
        yield bool(number % 2), piece


def prose_html(text: str) -> str:
    """A text as HTML."""
    pieces = (
        f"<code>{html.escape(piece)}</code>" if is_code else html.escape(piece).replace("\n\n", "<br><br>")
        for is_code, piece in spans(text)
    )
    return "".join(pieces)


def question_html(item: SealedItem) -> str:
    """A question with its choices as HTML, key and reasons left out."""
    code = code_html(item.code) if item.code else ""
    choices = "".join(f"<li>{prose_html(choice.text)}</li>" for choice in item.choices)
    return f'<p>{prose_html(item.stem)}</p>{code}<p><b>{prose_html(item.ask or "")}</b></p><ol type="A">{choices}</ol>'


def code_html(code: str) -> str:
    """A block of code as HTML."""
    return f"<pre><code>{html.escape(code.rstrip())}</code></pre>"
