from __future__ import annotations

import numpy as np
import pytest

from rtdenoise import pages
from rtdenoise.arrays import Bytes
from tests.html import Page, picture


def noise(height: int = 40, width: int = 60) -> Bytes:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)


def test_png_keeps_every_pixel_and_jpeg_the_colours() -> None:
    pixels = noise()
    np.testing.assert_array_equal(picture(pages.encoded(pixels)), pixels)
    smooth = np.zeros((40, 60, 3), np.uint8) + np.array([200, 60, 20], np.uint8)
    source = pages.encoded(smooth, 90)
    assert source.startswith("data:image/jpeg;base64,")
    np.testing.assert_allclose(picture(source), smooth, atol=4)


def test_wide_pictures_become_smaller_and_others_stay() -> None:
    assert pages.shrunk(noise(40, 60), 30).shape == (20, 30, 3)
    assert pages.shrunk(noise(40, 60), 60).shape == (40, 60, 3)


def test_differences_have_the_colour_of_their_sign() -> None:
    levels = np.array([[-12, -6, 0, 6, 12, 40]], np.float32)
    known = np.array([[True, True, True, True, True, False]])
    colours = pages.diverging(levels, 12, known)[0].astype(int)
    assert (colours[2] == 255).all()
    assert (colours[:2, 2] > colours[:2, 0]).all()
    assert (colours[3:5, 0] > colours[3:5, 2]).all()
    assert (colours[0] <= colours[1]).all()
    assert len(set(colours[5])) == 1


def test_residuals_are_amplified_around_grey() -> None:
    difference = np.array([[[-2.0, 0, 2]]], np.float32)
    assert pages.amplified(difference, 10).tolist() == [[[108, 128, 148]]]
    assert pages.amplified(difference, 1000).tolist() == [[[0, 128, 255]]]


def test_what_is_marked_becomes_red() -> None:
    grey = np.full((2, 2, 3), 100, np.uint8)
    marked = np.array([[True, False], [False, False]])
    result = pages.overlaid(grey, marked).astype(int)
    assert result[0, 0, 0] > result[0, 0, 1] + 50
    assert (result[1] == 100).all()
    assert (grey == 100).all()


def test_charts_take_the_page_s_colours_and_names() -> None:
    drawn = []
    for name in ("one", "two"):
        figure, axes = pages.chart()
        axes.plot([0, 1], [0, 1], color=pages.charts.GOOD, label="a < b & c")
        axes.legend()
        axes.set_title("title", color=pages.charts.BAD)
        drawn.append(pages.svg(figure, name, 'said "aloud" <b>'))
    assert drawn[0] != drawn[1]
    assert "var(--good)" in drawn[0]
    assert "var(--bad)" in drawn[0]
    for colour in ("#000000", pages.charts.GOOD, pages.charts.GRID):
        assert colour not in drawn[0]
    page = Page(f"<div>{drawn[0]}{drawn[1]}</div>")
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert all(link.startswith("#") for link in page.links)
    assert page.tags["b"] == page.tags["style"] == 0
    assert page.says("a < b & c")


def test_a_chart_is_the_same_every_time() -> None:
    def once() -> str:
        figure, axes = pages.chart()
        axes.plot([0, 1], [1, 0])
        return pages.svg(figure, "one", "text")

    assert once() == once()


def test_quality_is_worth_its_bytes() -> None:
    sizes = [len(pages.encoded(noise(), quality)) for quality in (95, 80, 50)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[2] < len(pages.encoded(noise()))


@pytest.mark.parametrize("shape", [(1, 1), (3, 200)])
def test_tiny_pictures_can_be_encoded(shape: tuple[int, int]) -> None:
    pixels = noise(*shape)
    np.testing.assert_array_equal(picture(pages.encoded(pixels)), pixels)
