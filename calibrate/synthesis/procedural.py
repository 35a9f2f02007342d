"""Drawn pictures for training: flat walls, shades, hard edges, writing, stripes, natural textures."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from rtdenoise.arrays import Floats

SIDE = 800  # pixels
_LETTERS = list("abcdefghijklmnopqrstuvwxyz ABCDEFGHIKLMNOPRSTUVWXYZ0123456789.,;:+-/()")


def procedural_picture(random: np.random.Generator) -> NDArray[np.uint8]:
    """A square picture, (800, 800, 3) in sRGB bytes."""
    picture = _shade(random)
    for _ in range(int(random.choice([0, 0, 1, 2, 3]))):
        _texture_somewhere(random, picture)
    if random.random() < 0.2:
        picture = _foliage(random, picture)
    drawn = int(random.integers(2, 14))
    for _ in range(drawn):
        draw = (_shape, _shape, _writing, _stripes)[int(random.integers(4))]
        picture = draw(random, picture)
    if random.random() < 0.15:
        picture += 0.1 * _noise(random, float(random.uniform(0.8, 1.6)))[..., None]
    if random.random() < 0.3:
        soft = cv2.GaussianBlur(picture, (0, 0), float(random.uniform(0.6, 2.5)))
        picture = np.asarray(soft, np.float32)
    return np.asarray(np.clip(picture, 0, 1) * 255 + 0.5, np.uint8)


def letters(random: np.random.Generator, side: int) -> Floats:
    """Lines of writing in a square of so many pixels, (side, side): 1 where there is ink."""
    ink = np.zeros((side, side), np.uint8)
    size = float(random.uniform(0.5, 1.6))
    for line in range(int(random.integers(1, 4))):
        words = "".join(random.choice(_LETTERS, 16))
        at = (side // 12, round(side / 4 + 32 * size * line))
        cv2.putText(ink, words, at, int(random.integers(0, 5)), size, 255, 2, cv2.LINE_AA)
    edge = max(1, side // 16)  # nothing is cut off at the patch's edge
    ink[:edge], ink[-edge:], ink[:, :edge], ink[:, -edge:] = 0, 0, 0, 0
    return ink.astype(np.float32) * np.float32(1 / 255)


def _colour(random: np.random.Generator) -> Floats:
    """Mostly dull colours, as rooms have them."""
    grey = random.uniform(0.05, 0.95)
    spread = random.choice([0.03, 0.1, 0.35])
    return np.clip(grey + random.normal(0, spread, 3), 0, 1).astype(np.float32)


def _shade(random: np.random.Generator) -> Floats:
    """A smooth shade between two or three colours."""
    rows, columns = np.mgrid[0 : 1 : SIDE * 1j, 0 : 1 : SIDE * 1j].astype(np.float32)
    angle = random.uniform(0, 2 * np.pi)
    along = np.cos(angle) * columns + np.sin(angle) * rows
    along = (along - along.min()) / np.ptp(along)
    first = _colour(random)
    near = np.clip(first + random.normal(0, 0.12, 3), 0, 1).astype(np.float32)
    picture = first + along[..., None] * (near - first)
    if random.random() < 0.5:  # a lamp
        x, y, width = *random.uniform(0, 1, 2), random.uniform(0.1, 0.6)
        glow = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * width**2))
        picture = picture + random.uniform(0.05, 0.4) * glow[..., None] * _colour(random)
    return np.asarray(picture, np.float32)


def _noise(random: np.random.Generator, slope: float) -> Floats:
    """A texture with a power spectrum of 1/f^(2·slope), (SIDE, SIDE), standard deviation 1."""
    fy = np.fft.fftfreq(SIDE)[:, None]
    fx = np.fft.rfftfreq(SIDE)[None, :]
    frequency = np.hypot(fx, fy)
    frequency[0, 0] = 1
    white = np.fft.rfft2(random.standard_normal((SIDE, SIDE), np.float32))
    field = np.fft.irfft2(white / frequency**slope, s=(SIDE, SIDE))
    field -= field.mean()
    return np.asarray(field / field.std(), np.float32)


def _region(random: np.random.Generator) -> tuple[slice, slice]:
    tall, wide = (int(random.integers(60, SIDE // 2)) for _ in range(2))
    top, left = (int(random.integers(0, SIDE - n)) for n in (tall, wide))
    return slice(top, top + tall), slice(left, left + wide)


def _texture_somewhere(random: np.random.Generator, picture: Floats) -> None:
    everywhere = random.random() < 0.3
    where = (slice(None), slice(None)) if everywhere else _region(random)
    field = _noise(random, float(random.uniform(0.5, 1.8)))[where]
    strength = np.exp(random.uniform(np.log(0.005), np.log(0.06 if everywhere else 0.2)))
    picture[where] += strength * field[..., None] * (0.5 + _colour(random))


def _foliage(random: np.random.Generator, picture: Floats) -> Floats:
    """Leaves over each other, light and dark, in a part of the picture or everywhere."""
    where = _region(random) if random.random() < 0.5 else (slice(0, SIDE), slice(0, SIDE))
    part = picture[where].copy()
    tall, wide = part.shape[:2]
    long = np.exp(random.uniform(np.log(4), np.log(24)))
    green = _colour(random)
    for _ in range(min(2500, round(2 * tall * wide / long**2))):
        middle = [int(random.integers(wide)), int(random.integers(tall))]
        axes = [max(1, round(long * n)) for n in random.uniform(0.25, 1, 2)]
        shade = np.clip(green * random.uniform(0.3, 1.6), 0, 1)
        turn = float(random.uniform(0, 180))
        cv2.ellipse(part, middle, axes, turn, 0, 360, shade.tolist(), -1, cv2.LINE_AA)
    picture[where] = part
    return picture


def _shape(random: np.random.Generator, picture: Floats) -> Floats:
    """A box, ellipse or polygon with a shade of its own, hard or soft at the edge."""
    mask = np.zeros((SIDE, SIDE), np.float32)
    centre = random.integers(0, SIDE, 2)
    kind = int(random.integers(3))
    if kind == 0:
        half = random.integers(15, 260, 2)
        box = cv2.boxPoints(
            (
                centre.astype(float).tolist(),
                half.astype(float).tolist(),
                float(random.uniform(0, 180)),
            )
        )
        cv2.fillPoly(mask, [box.astype(np.int32)], 1.0, cv2.LINE_AA)
    elif kind == 1:
        axes = [int(n) for n in random.integers(10, 150, 2)]
        middle = [int(n) for n in centre]
        cv2.ellipse(mask, middle, axes, float(random.uniform(0, 180)), 0, 360, 1.0, -1, cv2.LINE_AA)
    else:
        corners = centre + random.integers(-170, 170, (int(random.integers(3, 8)), 2))
        cv2.fillPoly(mask, [corners.astype(np.int32)], 1.0, cv2.LINE_AA)
    if random.random() < 0.4:
        soft = cv2.GaussianBlur(mask, (0, 0), float(np.exp(random.uniform(0, 3))))
        mask = np.asarray(soft, np.float32)
    fill = _shade(random) if random.random() < 0.4 else _colour(random)
    return np.asarray(picture + mask[..., None] * (fill - picture), np.float32)


def _writing(random: np.random.Generator, picture: Floats) -> Floats:
    """Lines of letters or single strokes."""
    ink = np.zeros((SIDE, SIDE), np.uint8)
    if random.random() < 0.5:
        size = float(random.uniform(0.35, 2.2))
        left, top = (int(n) for n in random.integers(0, SIDE - 100, 2))
        for line in range(int(random.integers(1, 9))):
            words = "".join(random.choice(_LETTERS, int(random.integers(6, 30))))
            at = (left, int(top + line * 32 * size))
            thick = 1 + int(size > 1) + int(random.integers(2))
            cv2.putText(ink, words, at, int(random.integers(0, 5)), size, 255, thick, cv2.LINE_AA)
    else:
        for _ in range(int(random.integers(3, 40))):
            start = random.integers(0, SIDE, 2)
            end = start + random.integers(-160, 160, 2)
            ends = [[int(n) for n in point] for point in (start, end)]
            cv2.line(ink, ends[0], ends[1], 255, int(random.integers(1, 5)), cv2.LINE_AA)
    share = (ink.astype(np.float32) * np.float32(1 / 255))[..., None]
    return np.asarray(picture + share * (_colour(random) - picture), np.float32)


def _stripes(random: np.random.Generator, picture: Floats) -> Floats:
    """Stripes or checks in a part of the picture."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    angle = random.uniform(0, np.pi) if random.random() < 0.6 else 0.0
    period = np.exp(random.uniform(np.log(5), np.log(80)))
    along = np.cos(angle) * columns + np.sin(angle) * rows
    wave = np.sin(2 * np.pi * along / period)
    if random.random() < 0.4:
        wave = wave * np.sin(2 * np.pi * (np.cos(angle) * rows - np.sin(angle) * columns) / period)
    # A slope of one pixel at the edges, so that they are sharp without steps.
    steep = period / (2 * np.pi) if random.random() < 0.7 else 0.5
    amount = (np.clip(wave * steep, -1, 1) + 1) / 2 * random.uniform(0.1, 0.9)
    where = _region(random)
    picture[where] += amount[where][..., None] * (_colour(random) - picture[where])
    return picture
