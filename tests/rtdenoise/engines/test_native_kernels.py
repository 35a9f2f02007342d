"""The functions that the compiled engine's passes consist of, against their definitions, for each kind of processor."""

import ctypes

import numpy as np
import pytest

from rtdenoise.engines.native_library import Constants
from rtdenoise.noise.dct import transform

from . import reference
from .kernels import Floats, at, elementwise

RANDOM = np.random.default_rng(8)
INT16_MOST = 16383  # what int16 inputs go up to


def layer(
    kernels: ctypes.CDLL,
    x: Floats,
    weight: Floats,
    bias: Floats,
    *,
    most: float = 0,
    plainly: bool = False,
    halving: bool = False,
) -> tuple[Floats, bool]:
    """What the compiled code makes of a layer, and whether it did it with int16."""
    outputs, inputs, side, _ = weight.shape
    _, h, w = x.shape
    part = 2 if halving else 1
    found = np.zeros((outputs, h // part, w // part), np.float32)
    shape = np.array([outputs, inputs, side * side], np.int32)
    how = kernels.kernel_layer(
        *(at(shape), ctypes.c_float(most), int(plainly), at(weight), at(bias), int(halving)),
        *(at(x), h, w, at(found)),
    )
    assert how >= 0
    return found, bool(how)


def random_layer(outputs: int, inputs: int, side: int) -> tuple[Floats, Floats]:
    weight = RANDOM.normal(0, 0.3, (outputs, inputs, side, side)).astype(np.float32)
    return weight, RANDOM.normal(0, 1, outputs).astype(np.float32)


def as_int16(x: Floats, weight: Floats, bias: Floats, most: float) -> tuple[Floats, float]:
    """A layer whose inputs and weights are rounded as int16 are, and how far its results may be from that."""
    to_int16 = INT16_MOST / most
    whole = np.rint(np.clip(x * np.float32(to_int16), -INT16_MOST, INT16_MOST))
    sums, largest = np.abs(weight).sum((1, 2, 3)), np.abs(weight).max((1, 2, 3))
    room = (2**31 - 1) / INT16_MOST - weight[0].size
    scale = np.minimum(32767 / largest, room / sums)[:, None, None, None]
    rounded = np.trunc(weight * scale + np.copysign(0.5, weight))
    # A weight that lies just between two whole numbers may be rounded either way.
    off = np.abs(x).max() / scale.min() + 1e-4
    values = reference.convolution(whole / to_int16, rounded / scale, bias)
    return values.astype(np.float32), float(off)


def test_logarithms(kernels: ctypes.CDLL) -> None:
    x = np.exp(RANDOM.uniform(-80, 80, 4096)).astype(np.float32)
    x[:64] = 1 + np.linspace(-1e-3, 1e-3, 64)
    exact = np.log(x.astype(float))
    apart = np.abs(elementwise(kernels, "vlog", x) - exact)
    assert np.all(apart <= 3e-7 * np.maximum(np.abs(exact), 1))


def test_powers(kernels: ctypes.CDLL) -> None:
    x = np.linspace(-80, 80, 4096, dtype=np.float32)
    # Beyond what a float's exponent resolves: x itself has an error of 80 · 2^-24.
    assert np.allclose(elementwise(kernels, "vexp", x), np.exp(x.astype(float)), rtol=8e-6, atol=0)
    small = np.linspace(-1, 1, 4096, dtype=np.float32)
    exact = np.exp(small.astype(float))
    assert np.allclose(elementwise(kernels, "vexp", small), exact, rtol=4e-7, atol=0)


def test_inverses_and_roots(kernels: ctypes.CDLL) -> None:
    x = np.exp(RANDOM.uniform(-20, 20, 4096)).astype(np.float32)
    assert np.allclose(elementwise(kernels, "inverse", x), 1 / x.astype(float), rtol=3e-7, atol=0)
    assert np.allclose(elementwise(kernels, "vsqrt", x), np.sqrt(x.astype(float)), rtol=1e-7)


def test_activations(kernels: ctypes.CDLL) -> None:
    x = np.linspace(-100, 100, 4096, dtype=np.float32)
    assert np.allclose(elementwise(kernels, "sigmoid", x), reference.sigmoid(x), atol=1e-6)
    exact = reference.softplus(x)
    assert np.allclose(elementwise(kernels, "softplus", x), exact, rtol=1e-6, atol=3e-7)


def test_transforms_of_blocks(kernels: ctypes.CDLL) -> None:
    assert np.allclose(reference.transform(), transform(), atol=1e-6)
    pixels = RANDOM.uniform(-10, 250, (24, 48)).astype(np.float32)
    found, back = np.empty_like(pixels), np.empty_like(pixels)
    kernels.kernel_dct(at(pixels), at(found), 48, 0)
    assert np.allclose(found, reference.dct(pixels), atol=1e-4)
    kernels.kernel_dct(at(found), at(back), 48, 1)
    assert np.allclose(back, reference.inverse_dct(found), atol=1e-3)
    assert np.allclose(back, pixels, atol=1e-3)


@pytest.mark.parametrize("width", [1, 5, 16, 40])
def test_rows_are_deinterleaved_and_doubled(kernels: ctypes.CDLL, width: int) -> None:
    row = RANDOM.normal(size=2 * width).astype(np.float32)
    even, odd = np.zeros(width, np.float32), np.zeros(width, np.float32)
    kernels.kernel_deinterleave(at(row), at(even), at(odd), width)
    assert np.array_equal(even, row[::2])
    assert np.array_equal(odd, row[1::2])
    twice = np.zeros_like(row)
    kernels.kernel_upsample2x(at(even), at(twice), width)
    assert np.array_equal(twice, even.repeat(2))


# Panels of 12, 10, 8 and 4 outputs, and their ends.
SHAPES = [(1, 3), (4, 8), (7, 5), (8, 14), (10, 24), (12, 12), (14, 9), (23, 2), (34, 28), (61, 7)]


@pytest.mark.parametrize("side", [1, 3])
@pytest.mark.parametrize(("outputs", "inputs"), SHAPES)
def test_convolutions(kernels: ctypes.CDLL, outputs: int, inputs: int, side: int) -> None:
    weight, bias = random_layer(outputs, inputs, side)
    for h, w in ((1, 4), (3, 12), (2, 16), (4, 60), (2, 132)):
        x = RANDOM.normal(0, 2, (inputs, h, w)).astype(np.float32)
        exact = reference.convolution(x, weight, bias)
        found, in_int16 = layer(kernels, x, weight, bias)
        assert not in_int16
        assert np.allclose(found, exact, atol=1e-4)


@pytest.mark.parametrize("side", [1, 3])
@pytest.mark.parametrize(("outputs", "inputs"), SHAPES)
def test_convolutions_of_int16(kernels: ctypes.CDLL, outputs: int, inputs: int, side: int) -> None:
    weight, bias = random_layer(outputs, inputs, side)
    x = RANDOM.normal(0, 2, (inputs, 3, 36)).astype(np.float32)  # some are cut off
    found, in_int16 = layer(kernels, x, weight, bias, most=5)
    if not in_int16:
        assert kernels.rtdenoise_lanes() < 8
        pytest.skip("this build computes all layers in floats")
    exact, off = as_int16(x, weight, bias, 5)
    assert np.allclose(found, exact, atol=off)
    cut_off = reference.convolution(np.clip(x, -5, 5), weight, bias)
    assert np.allclose(found, cut_off, atol=0.02)


@pytest.mark.parametrize("side", [1, 3])
@pytest.mark.parametrize(("outputs", "inputs"), SHAPES)
def test_avx_vnni_changes_no_bit(
    kernels: ctypes.CDLL, outputs: int, inputs: int, side: int
) -> None:
    weight, bias = random_layer(outputs, inputs, side)
    x = RANDOM.normal(0, 2, (inputs, 3, 36)).astype(np.float32)
    found, plain = (layer(kernels, x, weight, bias, most=5, plainly=p)[0] for p in (False, True))
    assert np.array_equal(found, plain)


def test_sums_of_int16_do_not_overflow(kernels: ctypes.CDLL) -> None:
    weight = np.full((4, 96, 3, 3), 0.7, np.float32)
    x = np.full((96, 3, 16), 9, np.float32)
    found, _ = layer(kernels, x, weight, np.zeros(4, np.float32), most=9)
    assert np.allclose(found[:, 1, 1:-1], 96 * 9 * 9 * 0.7, rtol=5e-3)


@pytest.mark.parametrize("most", [0, 12])
@pytest.mark.parametrize(("outputs", "inputs"), SHAPES)
def test_halving_convolutions(kernels: ctypes.CDLL, outputs: int, inputs: int, most: float) -> None:
    weight, bias = random_layer(outputs, inputs, 3)
    for h, w in ((2, 4), (4, 12), (6, 72)):
        x = RANDOM.normal(0, 2, (inputs, h, w)).astype(np.float32)
        found, in_int16 = layer(kernels, x, weight, bias, most=most, halving=True)
        exact = reference.relu(reference.convolution(x, weight, bias, 2))
        assert np.allclose(found, exact, atol=0.03 if in_int16 else 1e-4)


def test_constants_lie_where_python_puts_them(kernels: ctypes.CDLL) -> None:
    for name, _ in Constants._fields_:
        offset = kernels.kernel_constant_offset(name.encode())
        assert offset == getattr(Constants, name).offset, name
    assert kernels.kernel_constant_offset(b"nothing") == -1
