"""The picture of the course in the README: its chapters in order, what each leaves, and the projects that run them whole.

It is drawn as SVG, which is text: a build gives the same file on every machine.
"""

from __future__ import annotations

import textwrap
from xml.sax.saxutils import escape

from workbook.manifest import Manifest

FILE = "chapters/images/course.svg"
_COLUMNS, _WIDTH, _HEIGHT, _GAP, _MARGIN = 4, 218, 104, 22, 12
_WRITTEN, _PLANNED = ("#d7e3f0", "#3b6ea5"), ("#f2f2f2", "#9a9a9a")


def overview(course: Manifest) -> str:
    """The SVG, with a title and a description for those who cannot see it."""
    written = course.written()
    rows = -(-len(course.chapters) // _COLUMNS)
    top = rows * (_HEIGHT + _GAP)
    width = 2 * _MARGIN + _COLUMNS * (_WIDTH + _GAP) - _GAP
    height = _MARGIN + top + (38 + 8) * max(len(course.projects), 0) + _MARGIN
    parts = []
    for place, chapter in enumerate(course.chapters):
        x = _MARGIN + place % _COLUMNS * (_WIDTH + _GAP)
        y = _MARGIN + place // _COLUMNS * (_HEIGHT + _GAP)
        fill, edge = _WRITTEN if chapter in written else _PLANNED
        parts.append(
            f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="8" fill="{fill}" stroke="{edge}"/>'
        )
        parts.append(_text(x + 12, y + 22, f"{chapter.number} · {chapter.title}", size=15, weight="bold"))
        for line, words in enumerate(textwrap.wrap(chapter.question, 32)):
            parts.append(_text(x + 12, y + 42 + 15 * line, words, size=11))
        for line, words in enumerate(textwrap.wrap(f"leaves {chapter.leaves}", 33)[:2]):
            parts.append(_text(x + 12, y + 80 + 14 * line, words, size=11, fill="#555555"))
        if place + 1 < len(course.chapters):
            parts.append(_arrow(x, y, last=place % _COLUMNS == _COLUMNS - 1))
    for number, project in enumerate(course.projects):
        y = _MARGIN + top + number * 46
        parts.append(
            f'<rect x="{_MARGIN}" y="{y}" width="{width - 2 * _MARGIN}" height="38" rx="8" fill="#f6e3cf" stroke="#b5651d"/>'
        )
        parts.append(_text(_MARGIN + 12, y + 24, f"{project.title}: {project.about}", size=14))
    said = ", ".join(f"{chapter.number} {chapter.title}" for chapter in course.chapters)
    title = f"The course: {len(course.chapters)} chapters in order, and what each leaves for those after it"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'role="img" font-family="system-ui, sans-serif">\n'
        f"<title>{escape(title)}</title>\n<desc>{escape(said)}.</desc>\n"
        f'<rect width="{width}" height="{height}" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _text(x: int, y: int, words: str, *, size: float, weight: str = "normal", fill: str = "#1a1a1a") -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{fill}">{escape(words)}</text>'


def _arrow(x: int, y: int, *, last: bool) -> str:
    """To the right neighbour, or from the end of a row to the beginning of the next."""
    if not last:
        start, middle = x + _WIDTH + 3, y + _HEIGHT // 2
        return _line(f"M{start} {middle} h{_GAP - 10}", f"M{start + _GAP - 6} {middle} l-7 -4 v8 z")
    left, below = _MARGIN + _WIDTH // 2, y + _HEIGHT
    half = _GAP // 2
    path = f"M{x + _WIDTH // 2} {below + 3} v{half - 3} H{left} v{half - 8}"
    return _line(path, f"M{left} {below + _GAP - 2} l-4 -7 h8 z")


def _line(path: str, head: str) -> str:
    return f'<path d="{path}" fill="none" stroke="#777777"/><path d="{head}" fill="#777777"/>'
