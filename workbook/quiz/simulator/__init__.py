"""The exam simulator: all questions, forms and code in one page that a browser opens from a folder, without a server."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import webbrowser
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

from pygments.lexer import Lexer
from pygments.lexers import JsonLexer, PythonLexer, SqlLexer, TextLexer, YamlLexer
from pygments.token import Token

from workbook.objectives import DOMAINS, OBJECTIVES
from workbook.pages import templates
from workbook.quiz.banks import FOLDER, Forms
from workbook.quiz.forms import BANDS, BLUEPRINTS
from workbook.quiz.items import BankError
from workbook.quiz.readiness import ENOUGH
from workbook.quiz.sealed import Bank, SealedItem

FILE = "simulator.html"
#: Where `wb build` puts the page.
PATH = FOLDER.parent / FILE

_SOURCES = Path(__file__).parent
#: In the order in which they use each other.
_SCRIPTS = (
    "grading.js",
    "forms.js",
    "store.js",
    "view.js",
    "standing.js",
    "home.js",
    "start.js",
    "sitting.js",
    "question.js",
    "result.js",
    "app.js",
)

#: Kinds of words of a program that have a colour of their own, and the class that style.css gives it.
_COLOURS = (
    (Token.Comment, "c"),
    (Token.Literal.String, "s"),
    (Token.Literal.Number, "m"),
    (Token.Keyword, "k"),
    (Token.Operator.Word, "k"),
    (Token.Name.Tag, "k"),
    (Token.Name.Function, "f"),
    (Token.Name.Class, "f"),
    (Token.Name.Decorator, "f"),
    (Token.Name.Builtin, "b"),
)


def page(bank: Bank, forms: Forms) -> str:
    """The page. Equal banks and forms give equal text.

    Parameters
    ----------
    bank : Bank
        Every question, with the keys sealed.
    forms : Forms
        May ask only what the bank holds.

    Returns
    -------
    str
        HTML that loads nothing: its policy lets a browser run this one script and reach no address.
    """
    style = (_SOURCES / "style.css").read_text(encoding="utf-8")
    script = "\n".join((_SOURCES / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    content = json.dumps(_content(bank, forms), ensure_ascii=False, separators=(",", ":"))
    return (
        templates(_SOURCES)
        .get_template("page.html")
        .render(
            style=style,
            style_hash=_hash(style),
            script=script,
            script_hash=_hash(script),
            # Nothing in a question may end the element that holds it.
            content=content.replace("<", r"\u003c"),
        )
    )


def open_page(name: str = "", path: Path = PATH) -> None:
    """Open the page in a browser, and print where it is.

    Parameters
    ----------
    name : str
        The form to begin with; the first screen without one.

    Raises
    ------
    BankError
        When the page is missing.
    """
    if not path.exists():
        raise BankError(f"there is no {path}: `wb build` makes it")
    print(path)
    try:
        opened = webbrowser.open(f"{path.as_uri()}#{name}")
    except webbrowser.Error:
        opened = False
    if not opened:
        chosen = f" and choose {name}" if name else ""
        print(
            f"No browser could be opened from here. Open this file in one{chosen}; it needs no server and no network."
        )


def _content(bank: Bank, forms: Forms) -> dict[str, Any]:
    used = {objective for item in bank.items.values() for objective in item.objectives}
    return {
        "items": [_item(item) for item in bank.items.values()],
        "forms": [form.model_dump() for form in forms.fixed.values()],
        "apart": forms.apart,
        "exams": [
            {"name": each.name, "title": each.title, "domains": dict(each.domains), "minutes": each.minutes}
            for each in BLUEPRINTS.values()
        ],
        "bands": BANDS,
        "enough": ENOUGH,
        "objectives": {name: words for name, words in OBJECTIVES.items() if name in used},
        "domains": DOMAINS,
    }


def _item(item: SealedItem) -> dict[str, Any]:
    code = None if item.code is None else list(_coloured(item.code.rstrip()))
    return asdict(item) | {"code": code, "version": item.version, "domain": item.domain}


def _coloured(code: str) -> Iterator[str | tuple[str, str]]:
    """A program as pieces of text, those with a colour as a pair of class and text."""
    found = ((_colour(kind), text) for kind, text in _lexer(code).get_tokens(code))
    for colour, pieces in groupby(found, key=lambda piece: piece[0]):
        text = "".join(text for _, text in pieces)
        yield (colour, text) if colour else text


def _colour(kind: Any) -> str:
    return next((colour for family, colour in _COLOURS if kind in family), "")


def _lexer(code: str) -> Lexer:
    """The lexer of the language that a piece of code looks like. Tables of output stay plain."""
    first = code.split("\n", 1)[0]
    if re.match(r"[A-Z]{3,} ", first):
        kind: type[Lexer] = SqlLexer
    elif code.startswith("{"):
        kind = JsonLexer
    elif re.fullmatch(r"[\w-]+:", first.split("#")[0].strip()):
        kind = YamlLexer
    elif re.search(r"\S {2,}\S", first) and not re.search("[(=#]", first):
        kind = TextLexer
    else:
        kind = PythonLexer
    return kind(stripnl=False, ensurenl=False)


def _hash(text: str) -> str:
    """A text as a content security policy names it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
