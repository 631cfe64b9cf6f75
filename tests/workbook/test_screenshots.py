"""Screenshots are committed, so they are made small."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from workbook.build import screenshots


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_a_page_keeps_its_rare_colours_and_gets_the_width_of_all(tmp_path):
    page = np.full((800, 1600, 3), 255, dtype=np.uint8)
    page[100:130, 100:130] = (0xD9, 0x82, 0x2B)
    screenshots.save(png(page), tmp_path / "page.png")
    saved = Image.open(tmp_path / "page.png")
    assert saved.size == (screenshots.WIDTH, 500)
    assert (tmp_path / "page.png").stat().st_size <= screenshots.LARGEST
    seen = np.asarray(saved.convert("RGB"), dtype=int)[70, 70]
    assert np.abs(seen - (0xD9, 0x82, 0x2B)).max() <= 8


def test_what_stays_too_large_is_refused(tmp_path):
    noise = np.random.default_rng(1).integers(0, 256, (1500, 1000, 3), dtype=np.uint8)
    with pytest.raises(ValueError, match="crop it"):
        screenshots.save(png(noise), tmp_path / "noise.png")
    assert not (tmp_path / "noise.png").exists()
