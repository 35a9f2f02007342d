"""The error left in a still series, against known truth: brightness steps, noisy edges, a person's choice of frames."""

import numpy as np
import pytest
from numpy.typing import NDArray

from calibrate.still_errors import Judged, Series, StillErrors, Yuv, classes, planes_of_rgb

Floats = NDArray[np.float32]
SHAPE = (96, 160)
EVERYWHERE = np.ones(SHAPE, bool)


def scene() -> Floats:
    """Stripes of 60 levels: edges; and a soft wave."""
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return np.asarray(90 + 60 * (columns // 20 % 2) + 8 * np.sin(rows / 20), np.float32)


def deviation(edge_std: float) -> Floats:
    """Of the noise, (H, W): 1 level, and ``edge_std`` at the stripes' edges."""
    near = (np.arange(SHAPE[1]) % 20 < 2) | (np.arange(SHAPE[1]) % 20 > 17)
    return np.broadcast_to(np.where(near, edge_std, 1.0).astype(np.float32), SHAPE)


def frames_of(gains: NDArray[np.float64], edge_std: float = 12.0) -> list[Yuv]:
    """Noise of 1 level, and of ``edge_std`` at the stripes' edges, in pictures of these brightnesses."""
    random = np.random.default_rng(1)
    std = deviation(edge_std)
    half = (SHAPE[0] // 2, SHAPE[1] // 2)
    frames = []
    for gain in gains:
        luma = np.clip(np.rint(gain * (scene() + std * random.normal(size=SHAPE))), 0, 255)
        chroma = [np.clip(np.rint(128 + random.normal(size=half)), 0, 255) for _ in range(2)]
        u, v = (plane.astype(np.uint8) for plane in chroma)
        frames.append((luma.astype(np.uint8), u, v))
    return frames


@pytest.mark.parametrize("step", [0.0, 0.03, 0.09])
def test_the_gain_where_only_flat_places_are_cleaned(step: float) -> None:
    """Taking out half of the noise where it is faint is worth 6 dB there and next to nothing in all."""
    gains = 1 + step * np.random.default_rng(2).uniform(-1, 1, 40)
    frames = frames_of(gains)
    judged = Judged.of(len(frames), 4)
    errors = StillErrors(frames, judged, {"still": EVERYWHERE}, EVERYWHERE)
    steep = errors.places["still"]
    errors.add("noisy", [frames[k] for k in judged.frames])
    cleaned: list[Yuv] = []
    for k in judged.frames:
        truth = gains[k] * scene()
        half = truth + (frames[k][0] - truth) / 2
        u, v = frames[k][1:]
        cleaned.append((np.where(steep["flat"], half, frames[k][0]), u, v))
    errors.add("half", cleaned)
    figures = Series([errors]).figures("half", "noisy", "still")
    assert figures["flat"].gain_db.value == pytest.approx(6.02, abs=0.4)
    assert figures["edge"].gain_db == (0, 0, 0)
    assert figures["chroma"].gain_db == (0, 0, 0)
    assert 0 < figures["all"].gain_db.value < 0.6
    # A few of the places that are flat in the mean lie beside an edge.
    noise = (np.square(deviation(12.0)[steep["flat"]]).mean() + 1 / 12) / 255**2
    before = figures["flat"].before_db.value
    assert before == pytest.approx(-10 * np.log10(noise), abs=0.7 + 10 * step)
    assert sum(figures[name].share for name in ("flat", "textured", "edge")) == pytest.approx(
        figures["all"].share, abs=0.01
    )


def test_grey_in_a_format_with_colour_has_no_chroma_to_judge() -> None:
    grey = np.full((SHAPE[0] // 2, SHAPE[1] // 2), 128, np.uint8)
    frames: list[Yuv] = [(y, grey, grey) for y, _, _ in frames_of(np.ones(30))]
    judged = Judged.of(len(frames), 4)
    errors = StillErrors(frames, judged, {"still": EVERYWHERE}, EVERYWHERE)
    for name in ("noisy", "same"):
        errors.add(name, [frames[k] for k in judged.frames])
    assert "chroma" not in Series([errors]).figures("same", "noisy", "still")


def test_classes_too_small_are_left_out() -> None:
    mean = np.full(SHAPE, 100, np.float32)
    assert set(classes(EVERYWHERE, mean)) == {"all", "flat"}
    mean[:48] = 5  # black shows no noise
    places = classes(EVERYWHERE, mean)
    assert not places["all"][:48].any()
    assert places["all"][48:].all()


@pytest.mark.parametrize(
    ("count", "first", "frames", "gap"),
    [
        (45, None, (29, 30, 31, 32), 7),
        (240, None, (29, 30, 31, 32), 7),
        (20, None, (6, 7, 8, 9), 7),
        (14, None, (2, 3, 4, 5), 5),
        (5, None, (1,), 1),
        (45, 34, (34, 35, 36, 37), 4),
        (20, 15, (15,), 1),
    ],
)
def test_references_come_well_after_what_is_judged(
    count: int, first: int | None, frames: tuple[int, ...], gap: int
) -> None:
    judged = Judged.of(count, 4, first)
    assert (judged.frames, judged.gap) == (frames, gap)
    for k in frames:
        references = judged.references(k, count)
        assert references[0] == k + gap
        assert len(references) >= 3
        assert references[-1] < count


def test_a_series_too_short_to_judge_is_refused() -> None:
    with pytest.raises(ValueError, match="three references"):
        Judged.of(8, 4, 6)


def test_luma_of_rgb_is_that_of_bt601() -> None:
    grey = planes_of_rgb(np.full((3, 2, 2), 0.5, np.float32))
    assert grey[0] == pytest.approx(127.5)
    assert grey[1] == pytest.approx(128)
    red = planes_of_rgb(np.stack([np.ones((2, 2)), np.zeros((2, 2)), np.zeros((2, 2))]))
    assert red[0] == pytest.approx(0.299 * 255, abs=0.01)
    assert red[2] == pytest.approx(255.5, abs=0.5)
