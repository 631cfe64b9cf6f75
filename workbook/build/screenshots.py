"""Screenshots of pages for lessons and documents, small enough to commit.

For authors: needs a Chromium, and the extras ``lab`` and ``test``. The README's picture of a lesson is made by
``./wb run --only 04`` and ``./wb python -m workbook.build.screenshots EXECUTED "4 · Point in time" chapters/images/lesson.png``,
where EXECUTED is the notebook below ``.workbook/run/notebooks/``.
"""

from __future__ import annotations

import argparse
import io
import shutil
import tempfile
from pathlib import Path

from lakehouse.errors import InvalidValue

LARGEST = 60_000
"""Bytes of a PNG."""
WIDTH = 1000
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")


def save(picture: bytes, path: Path) -> None:
    """Write a screenshot 1,000 pixels wide, with as many colours as :data:`LARGEST` allows.

    Parameters
    ----------
    picture : bytes
        A PNG.
    path : Path

    Raises
    ------
    InvalidValue
        If even 16 colours are too many.
    """
    from PIL import Image

    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image = image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS)
    for colours in (256, 128, 64, 32, 16):
        file = io.BytesIO()
        image.quantize(colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
        if len(file.getvalue()) <= LARGEST:
            path.write_bytes(file.getvalue())
            return
    raise InvalidValue(f"{path.name} has more than {LARGEST:,} bytes with 16 colours: crop it.")


def section(notebook: Path, heading: str, *, height: int = 900) -> bytes:
    """Photograph a section of an executed notebook, rendered as a page.

    Parameters
    ----------
    notebook : Path
    heading : str
        Text of the heading with which the picture begins.
    height : int
        Pixels.

    Returns
    -------
    bytes
        A PNG.
    """
    from nbconvert import HTMLExporter
    from playwright.sync_api import sync_playwright

    html, _ = HTMLExporter().from_filename(str(notebook))
    found = [path for name in BROWSERS if (path := shutil.which(name))]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder, "page.html")
        file.write_text(html, encoding="utf-8")
        browser = playwright.chromium.launch(
            executable_path=found[0] if found else None, args=["--no-sandbox"] if found else []
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": height})
        page.goto(file.as_uri())
        page.wait_for_timeout(1500)
        box = page.locator(f"text={heading}").first.bounding_box()
        if box is None:
            raise InvalidValue(f"{notebook.name} shows no heading {heading!r}.")
        top = max(box["y"] - 12, 0)
        picture = page.screenshot(clip={"x": 0, "y": top, "width": WIDTH, "height": height}, full_page=True)
        browser.close()
    return picture


def main() -> None:
    """Photograph the section that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m workbook.build.screenshots", description=__doc__)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("heading")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--height", type=int, default=900)
    given = parser.parse_args()
    save(section(given.notebook, given.heading, height=given.height), given.picture)


if __name__ == "__main__":
    main()
