"""The plan as a picture: one bar for each study day, coloured by what is done."""

from __future__ import annotations

import datetime as dt

from matplotlib.dates import DateFormatter, DayLocator, WeekdayLocator, date2num
from matplotlib.patches import Patch

from workbook import pictures
from workbook.study.plan import plan
from workbook.study.profile import Profile

_COLOURS = {"chapter": pictures.BLUE, "quiz": pictures.GREEN, "review": pictures.GREY, "exam": pictures.ORANGE}


def calendar(profile: Profile) -> pictures.Picture:
    """Draw the plan of a profile.

    Parameters
    ----------
    profile : Profile

    Returns
    -------
    Picture
    """
    found = plan(profile)
    total = {kind: sum(block.minutes for block in found.blocks if block.kind == kind) for kind in _COLOURS}
    hours = ", ".join(f"{minutes / 60:.0f} hours of {kind}" for kind, minutes in total.items())
    days = len({block.day for block in found.blocks})
    title = f"{days} study days until {profile.exam_date:%d %B %Y}"
    figure, axes = pictures.draw(alt=f"{title}: {hours}.", size=(9, 2.8))
    height: dict[object, int] = {}
    for block in found.blocks:
        at = height.get(block.day, 0)
        axes.bar(
            date2num(block.day), block.minutes, bottom=at, width=0.8, color=_COLOURS[block.kind], edgecolor="white"
        )
        if block.kind == "chapter" and block.minutes >= 30:
            number = block.what.split()[1].rstrip(",")
            place = (date2num(block.day), at + block.minutes / 2)
            axes.text(*place, number, ha="center", va="center", fontsize=8, color="white", rotation=90)
        height[block.day] = at + block.minutes
    axes.axvline(date2num(profile.exam_date), color="black", linestyle="--")
    weeks = max(1, (profile.exam_date - dt.date.today()).days // 7)
    axes.xaxis.set_major_locator(DayLocator(interval=2) if weeks < 4 else WeekdayLocator(0, interval=1 + weeks // 12))
    axes.xaxis.set_major_formatter(DateFormatter("%d %b"))
    axes.set(ylabel="minutes", title=title)
    handles = [Patch(color=colour, label=kind) for kind, colour in _COLOURS.items() if total[kind]]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
    return figure
