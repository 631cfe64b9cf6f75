"""Pictures of the lessons: they show themselves, and the same numbers give the same bytes."""

from __future__ import annotations

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from workbook import pictures

ROWS = pd.DataFrame({"ts": pd.to_datetime(["2026-05-04", "2026-05-20", "2026-06-09"]), "n": [1, 2, 3]})


def chosen(figure) -> list[int]:
    """Positions of the dots drawn in the colour of the row that a lookup takes."""
    colour = to_rgba(pictures._CHOSEN)
    return [i for i, dot in enumerate(figure.axes[0].collections) if tuple(dot.get_facecolor()[0]) == colour]


@pytest.mark.parametrize(
    ("label", "lookback", "taken"),
    [("2026-06-01", None, [1]), ("2026-05-20", None, [1]), ("2026-05-01", None, []), ("2026-06-05", 14, [])],
)
def test_the_timeline_marks_the_row_that_a_lookup_takes(label, lookback, taken):
    window = pd.Timedelta(days=lookback) if lookback else None
    assert chosen(pictures.timeline(ROWS, ts="ts", value="n", label_ts=label, lookback=window)) == taken


def test_a_picture_shows_itself_and_is_the_same_every_time():
    first, second = (pictures.bars({"a": 0.5, "b": 0.8}, title="AUC", limit=("best", 0.9)) for _ in range(2))
    assert first.png().startswith(b"\x89PNG")
    assert first.png() == second.png()
    assert first.alt == "AUC: a 0.500, b 0.800, best 0.900."


def test_a_notebook_gets_the_picture_with_its_text_even_after_pyplot_was_imported(monkeypatch):
    shell = InteractiveShell()
    # As the inline backend does.
    shell.display_formatter.formatters["image/png"].for_type(Figure, lambda _figure: b"by pyplot")
    shown = []
    monkeypatch.setattr(pictures, "display", lambda data, **rest: shown.append((data, rest)))
    picture = pictures.bars({"a": 0.5}, title="AUC")
    assert shell.display_formatter.format(picture) == ({}, {})
    ((data, rest),) = shown
    assert data["image/png"] == picture.png()
    assert rest == {"metadata": {"image/png": {"alt": "AUC: a 0.500."}}, "raw": True}


def test_every_picture_says_what_it_shows():
    timeline = pictures.timeline(ROWS, ts="ts", value="n", label_ts="2026-06-01", title="Tickets")
    assert timeline.alt == (
        "Tickets: 1 at 2026-05-04, 2 at 2026-05-20, 3 at 2026-06-09. The label is at 2026-06-01; a lookup takes 2."
    )
    lines = pictures.lines([1, 2], {"a": [1, 2.5]}, title="t", unit="minutes")
    assert lines.alt == "t: a goes from 1 to 2.5 (minutes)."
    with pytest.raises(ValueError, match="alt is empty"):
        pictures.draw(alt=" ")


def test_lines_draw_one_series_for_each_name():
    figure = pictures.lines([1, 2, 3], {"a": [1, 2, 3], "b": [3, 2, 1]}, title="t", unit="minutes")
    assert len(figure.axes[0].lines) == 2
