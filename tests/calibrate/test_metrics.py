from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from calibrate.metrics import BLOCK, block_sums, gain_of_sums, psnr_db, umse_map, upsnr_db

Floats = NDArray[np.float64]
SHAPE = (3, 96, 128)


def scene() -> Floats:
    rows, columns = np.mgrid[:96, :128]
    one = 0.5 + 0.3 * np.sin(rows / 9) * np.cos(columns / 13)
    return np.stack([one, one * 0.8, one * 0.6])


def noise(random: np.random.Generator, std: float) -> Floats:
    """Noise that neighbours share, as a camera's is."""
    white = random.normal(size=SHAPE)
    soft = white + np.roll(white, 1, axis=-1) + np.roll(white, 1, axis=-2)
    scaled: Floats = std * soft / np.sqrt(3)
    return scaled


def test_psnr_of_a_known_difference() -> None:
    a = np.zeros((3, 8, 8))
    assert psnr_db(a, a + 0.1) == pytest.approx(20)
    assert psnr_db(np.zeros((8, 8), np.uint8), np.full((8, 8), 255, np.uint8)) == pytest.approx(0)
    assert psnr_db(a, a) == float("inf")
    mask = np.zeros((8, 8), bool)
    mask[:4] = True
    b = a.copy()
    b[:, :4] += 0.01
    b[:, 4:] += 0.5
    assert psnr_db(a, b, mask) == pytest.approx(40, abs=1e-4)


@pytest.mark.parametrize("left", [0.3, 1.0])
def test_upsnr_is_that_against_the_clean_picture(left: float) -> None:
    """``left`` is how much of the noise a denoiser leaves; PSNR against a noisy mean would be too low."""
    clean, random = scene(), np.random.default_rng(5)
    inside, errors = 0, []
    for seed in range(20):
        x, a, b, c = (clean + noise(random, 0.02) for _ in range(4))
        output = clean + left * (x - clean)
        truth = psnr_db(output, clean)
        value, low, high = upsnr_db(output, [a, b, c], seed=seed, resamples=400)
        assert low < value < high
        inside += low <= truth <= high
        errors.append(value - truth)
        assert psnr_db(output, a) < truth - 0.3
    assert inside >= 16  # 95 % of 20 is 19
    assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(20) + 0.02


def test_interval_knows_that_neighbours_share_noise() -> None:
    clean, random = scene(), np.random.default_rng(6)
    values, widths = [], []
    for seed in range(25):
        x, a, b, c = (clean + noise(random, 0.02) for _ in range(4))
        value, low, high = upsnr_db(x, [a, b, c], seed=seed, resamples=300)
        values.append(value)
        widths.append((high - low) / (2 * 1.96))
    assert 0.6 < np.mean(widths) / np.std(values) < 1.7


def test_gain_of_a_known_denoiser() -> None:
    clean, random = scene(), np.random.default_rng(7)
    x, a, b, c = (clean + noise(random, 0.02) for _ in range(4))
    everywhere = np.ones(SHAPE[1:], bool)

    def sums(output: Floats) -> Floats:
        return block_sums(umse_map(output, [a, b, c]), everywhere, BLOCK)[0]

    value, low, high = gain_of_sums(sums(x), sums(clean + 0.5 * (x - clean)))
    assert low < 20 * np.log10(2) < high
    assert value == pytest.approx(20 * np.log10(2), abs=0.5)
    same = gain_of_sums(sums(x), sums(x))
    assert same == (0, 0, 0)


def test_mask_and_frames_axes() -> None:
    clean, random = scene(), np.random.default_rng(8)
    frames = np.stack([[clean + noise(random, 0.02) for _ in range(4)] for _ in range(3)])
    x, a, b, c = np.moveaxis(frames, 1, 0)  # each (3, 3, 96, 128)
    mask = np.zeros(SHAPE[1:], bool)
    mask[:, :64] = True
    x[..., 64:] += 0.3  # outside the mask: must not matter
    assert upsnr_db(x, [a, b, c], mask).value == pytest.approx(34, abs=0.3)
    assert umse_map(x, [a, b, c]).shape == SHAPE[1:]


def test_bytes_are_levels_of_255() -> None:
    random = np.random.default_rng(9)
    frames = [np.clip(np.round(scene() * 255 + noise(random, 5)), 0, 255) for _ in range(4)]
    x, a, b, c = (f.astype(np.uint8) for f in frames)
    as_bytes = upsnr_db(x, [a, b, c])
    as_floats = upsnr_db(x / 255, [a / 255, b / 255, c / 255])
    assert as_bytes == pytest.approx(as_floats, abs=1e-3)


def test_nothing_left_of_the_error_is_infinite() -> None:
    random = np.random.default_rng(10)
    b = random.normal(size=SHAPE)
    assert upsnr_db(np.zeros(SHAPE), [b, np.zeros(SHAPE), -b]).value == float("inf")


def test_noise_that_neighbouring_frames_share_adds_no_bias() -> None:
    """A camera that averages over time: lag-1 correlation 0.5, none beyond."""
    clean, random = scene(), np.random.default_rng(11)
    fresh = [noise(random, 0.02) for _ in range(11)]
    shared = [(one + other) / np.sqrt(2) for one, other in pairwise(fresh)]
    x, references = clean + shared[0], [clean + n for n in shared[1:]]
    truth = psnr_db(x, clean)
    apart = upsnr_db(x, references[1:])
    assert apart.low < truth < apart.high
    assert apart.value == pytest.approx(truth, abs=0.3)
    # By differences of neighbours, noise comes out at half its variance.
    assert umse_map(x, references[1:]).mean() > 0.9 * np.mean((x - clean) ** 2)


def test_fewer_than_three_references_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 3"):
        umse_map(scene(), [scene(), scene()])
