"""The larger pictures of chapter 08. The lesson computes the numbers; each function draws them and writes the alt text."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from workbook import pictures

SHADE = "#f3e6d4"


def batch_scaling(by_size: Mapping[int, Sequence[float]], steady: float) -> pictures.Picture:
    """Draw the scores of one customer in files of several sizes.

    Parameters
    ----------
    by_size : mapping of int to sequence of float
        Rows in the file, and her score in each file of that size. An empty sequence: no file gave a score.
    steady : float
        Her score from the model whose scaler was fitted in training.
    """
    top = max(steady, *(max(found) for found in by_size.values() if found))
    below = -0.14 * top
    spans = [f"{min(found):.2f} to {max(found):.2f} in files of {size}" for size, found in by_size.items() if found]
    none = [str(size) for size, found in by_size.items() if not found]
    figure, axes = pictures.draw(
        alt=f"Probability for one customer. Scaled by the batch: no score in a file of {', '.join(none)} row; "
        f"{', '.join(spans)} rows. Scaler fitted in training: {steady:.2f} in every file.",
        size=(8, 3.4),
    )
    axes.axhline(steady, color=pictures.BLUE, label="scaler fitted in training: the same in every file")
    axes.axhline(0, color="#999999", linewidth=0.8)
    for place, found in enumerate(by_size.values()):
        offsets = np.linspace(-0.18, 0.18, max(len(found), 1))
        if found:
            label = "scaled by the batch: one point for each file" if place == 1 else None
            axes.scatter(place + offsets, found, color=pictures.ORANGE, label=label)
        else:
            axes.scatter([place], [below], marker="x", s=70, color=pictures.RED)
    ticks = [round(tick, 1) for tick in np.arange(0, top + 0.1, 0.1)]
    axes.set(
        xticks=range(len(by_size)),
        xticklabels=list(by_size),
        yticks=[below, *ticks],
        yticklabels=["no score", *(f"{tick:.1f}" for tick in ticks)],
        ylim=(1.8 * below, top * 1.3),
        xlabel="rows in the file",
        ylabel="probability for one customer",
        title="One customer, one model, files of five sizes",
    )
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    return figure


def replays(days: Sequence[int], by_the_clock: Sequence[float], from_the_request: float) -> pictures.Picture:
    """Draw the scores of one logged request that is replayed later and later.

    Parameters
    ----------
    days : sequence of int, shape (n,)
        Days between the request and its replay.
    by_the_clock : sequence of float, shape (n,)
        Scores of the model that reads the clock.
    from_the_request : float
        The score of the model that reads the time from the request.
    """
    figure, axes = pictures.draw(
        alt=f"One request, replayed up to {days[-1]} days later. The model that reads the clock: probability "
        f"{by_the_clock[0]:.3f} on the day, {by_the_clock[-1]:.3f} at the end. The model that reads the request: "
        f"{from_the_request:.3f} each time.",
        size=(8, 2.8),
    )
    axes.plot(days, by_the_clock, marker="o", color=pictures.ORANGE, label="reads the clock")
    axes.plot(
        days,
        [from_the_request] * len(days),
        marker="s",
        linestyle="--",
        color=pictures.BLUE,
        label="reads the time from the request",
    )
    axes.set(
        title="One logged request, replayed through one version",
        xlabel="days between the request and the replay",
        ylabel="probability",
    )
    axes.legend(frameon=False)
    return figure


def who_follows(day: Sequence[Mapping[str, int]]) -> pictures.Picture:
    """Draw the version behind each consumer in each hour of a day, one bar for each stretch.

    Parameters
    ----------
    day : sequence of mapping of str to int
        One mapping for each hour: consumer to version.
    """
    seen = pd.DataFrame(day)
    colours = {1: "#c9dbea", 2: "#f0b57a"}
    said = []
    figure, axes = pictures.draw(alt="Filled in below.", size=(8, 2.9))
    for row, who in enumerate(seen):
        starts = [0, *(hour for hour in range(1, len(seen)) if seen[who][hour] != seen[who][hour - 1]), len(seen)]
        stretches = []
        for start, end in itertools.pairwise(starts):
            version = int(seen[who][start])
            axes.barh(row, end - start, left=start, height=0.6, color=colours[version], edgecolor="white")
            axes.text((start + end) / 2, row, f"version {version}", ha="center", va="center", fontsize=9)
            stretches.append(f"version {version} from {start:02d}:00 to {end:02d}:00")
        said.append(f"{who}: {', '.join(stretches)}.")
    figure.alt = " ".join(said)
    first, second = list(seen)[:2]
    false = [hour for hour in range(len(seen)) if seen[first][hour] != seen[second][hour]]
    if false:
        bottom = (seen.shape[1] - 0.5 - 1.42) / (seen.shape[1] + 0.4)  # below the second bar, as a part of the height
        frame = {"facecolor": "none", "edgecolor": pictures.RED, "linestyle": "--", "linewidth": 1.5}
        axes.axvspan(false[0], false[-1] + 1, ymin=bottom, **frame)
        axes.text((false[0] + false[-1] + 1) / 2, -0.62, "false records", ha="center", fontsize=9, color=pictures.RED)
    axes.set(
        xticks=range(0, len(seen) + 1, 2),
        xticklabels=[f"{hour:02d}:00" for hour in range(0, len(seen) + 1, 2)],
        yticks=range(seen.shape[1]),
        yticklabels=[who.replace(", ", ",\n") for who in seen],
        xlim=(0, len(seen)),
        ylim=(seen.shape[1] - 0.5, -0.9),
        xlabel="time of day",
        title="Who follows the alias?",
    )
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    return figure


def auc_by_date(
    dates: Sequence[pd.Timestamp], by_candidate: Mapping[str, Sequence[float]], last_seen: Mapping[str, str]
) -> pictures.Picture:
    """Draw the AUC of some candidates by label date, with the end of their training.

    Parameters
    ----------
    dates : sequence of Timestamp, shape (n,)
    by_candidate : mapping of str to sequence of float, shape (n,)
        Candidate to its AUC on each date.
    last_seen : mapping of str to str
        Text and the last label date that it was trained on.
    """
    dates = [pd.Timestamp(date) for date in dates]
    newest = max(pd.Timestamp(day) for day in last_seen.values())
    said = []
    for title, values in by_candidate.items():
        before = np.mean([value for value, date in zip(values, dates, strict=True) if date <= newest])
        after = np.mean([value for value, date in zip(values, dates, strict=True) if date > newest])
        said.append(f"Version {title}: mean {before:.2f} up to {newest:%d %B}, {after:.2f} later.")
    figure, axes = pictures.draw(alt="AUC by label date. " + " ".join(said), size=(8, 3.6))
    looks = [("o", "-", pictures.BLUE), ("s", "--", pictures.RED), ("^", ":", pictures.GREEN)]
    for (title, values), (marker, line, colour) in zip(by_candidate.items(), looks, strict=True):
        axes.plot(range(len(dates)), values, marker=marker, linestyle=line, color=colour, label=f"version {title}")
    for text, day in last_seen.items():
        place = sum(date <= pd.Timestamp(day) for date in dates) - 0.5
        axes.axvline(place, color="#888888", linewidth=1, linestyle="--")
        axes.text(place - 0.06, 0.46, text, ha="right", va="bottom", fontsize=8, color="#555555")
    axes.axvspan(sum(date <= newest for date in dates) - 0.5, len(dates) - 0.5, color=SHADE, zorder=0)
    axes.text(len(dates) - 0.55, 1.03, "new to all three", ha="right", va="top", fontsize=9)
    axes.set(
        xticks=range(len(dates)),
        xticklabels=[f"{date:%d %b}" for date in dates],
        ylim=(0.45, 1.04),
        xlim=(-0.5, len(dates) - 0.5),
        xlabel="label date, 2025",
        ylabel="AUC (0.5 = random)",
        title="The deep tree only memorized its training months",
    )
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0.0, 0.06), fontsize=8)
    return figure


def permissions(may: Mapping[str, Mapping[str, bool]]) -> pictures.Picture:
    """Draw who may do what as a table of yes and no.

    Parameters
    ----------
    may : mapping of str to mapping of str to bool
        Row label (role and privilege) to action to whether it was allowed; may be empty.
    """
    actions = list(next(iter(may.values()), {}))
    allowed = [
        f"{role}: {', '.join(action for action in actions if line[action]) or 'nothing'}." for role, line in may.items()
    ]
    figure, axes = pictures.draw(alt="Who may do what. " + (" ".join(allowed) or "Not run here."), size=(8, 2.8))
    for y, line in enumerate(may.values()):
        for x, action in enumerate(actions):
            axes.scatter(x, y, s=420, marker="s", color="#dcebdd" if line[action] else "#f4e3e2")
            weight = "bold" if line[action] else None
            axes.text(x, y, "yes" if line[action] else "no", ha="center", va="center", fontsize=9, weight=weight)
    axes.set(
        xticks=range(len(actions)),
        xticklabels=actions,
        yticks=range(len(may)),
        yticklabels=list(may),
        xlim=(-0.5, max(len(actions), 1) - 0.5),
        ylim=(max(len(may), 1) - 0.5, -0.5),
        title="What each role may do with one privilege",
    )
    axes.tick_params(length=0)
    axes.spines[["left", "bottom"]].set_visible(False)
    return figure
