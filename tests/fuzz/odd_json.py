"""JSON with values that nobody expects, chosen by a random generator that is given."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

from .mutation import damaged

_TEXTS: tuple[str, ...] = (
    "",
    " ",
    "x" * 5000,
    "\0",
    "\n",
    "\x1b[31m",
    "[/x]",
    "[red]",
    "../../..",
    "/",
    "é†🎥",
)
_TEXTS += (
    "NaN",
    "1/0",
    "-1",
    "30",
    "9" * 400,
    "1e999",
    "1e999999999",
    "inf",
    "%s{}",
    "\udcff",
    "yuv420p",
)
_TEXTS += ("simulated:desk", "file:/dev/zero")
_VALUES = (None, True, False, 0, 1, -1, 2, 255, 65535, 2**31, 2**63, 10**30, -(10**30), 10**400)
_FLOATS = (0.5, -0.5, 1e-320, 1e-30, 1e30, 1e308, float("nan"), float("inf"), -float("inf"))


def value(random: Random) -> Any:
    """A JSON value that nobody expects."""
    kind = random.randrange(6)
    if kind == 0:
        return random.choice(_TEXTS)
    if kind == 1:
        return random.choice(_FLOATS)
    if kind == 2:
        return random.choice(([], {}, [[]], [None], {"": None}, [0] * 3000, {"id": []}))
    if kind == 3:
        return random.choice((10, 100, 1000, 5000)) * random.choice((1, -1)) * random.random()
    return random.choice(_VALUES)


def damaged_value(tree: Any, random: Random) -> Any:
    """A JSON value with one to three of its parts changed."""
    result = json.loads(json.dumps(tree))
    for _ in range(random.choice((1, 1, 2, 3))):
        result = _changed(result, random)
    return result


def _changed(tree: Any, random: Random) -> Any:
    places = list(_places(tree))
    if not places or random.random() < 0.03:
        return value(random)
    parent, key = random.choice(places)
    how = random.random()
    if how < 0.15:
        del parent[key]
    elif how < 0.25 and isinstance(parent, dict):
        parent[f"{key}x"] = parent.pop(key)
    elif how < 0.35 and isinstance(parent[key], list):
        parent[key] = parent[key] * random.choice((2, 3, 100))
    elif how < 0.45 and isinstance(parent[key], list) and parent[key]:
        random.shuffle(parent[key])
        parent[key].pop()
    elif how < 0.6 and isinstance(parent[key], (int, float)) and abs(parent[key]) < 1e300:
        parent[key] = parent[key] * random.choice((-1, 0, 2, 1e6, 1e-6, 1e40, 1000))
    else:
        parent[key] = value(random)
    return tree


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    keys = (
        tree.keys()
        if isinstance(tree, dict)
        else range(len(tree))
        if isinstance(tree, list)
        else ()
    )
    for key in list(keys):
        yield tree, key
        yield from _places(tree[key])


def damaged_json(tree: Any, random: Random) -> bytes:
    """JSON with wrong values; now and then not even JSON."""
    how = random.random()
    if how < 0.75:
        return json.dumps(damaged_value(tree, random), ensure_ascii=True).encode()
    data = json.dumps(tree, indent=2).encode()
    if how < 0.8:
        depth = random.choice((50, 2000, 200_000))
        return data[: data.index(b":") + 1] + b"[" * depth + b"]" * random.choice((0, depth)) + b"}"
    if how < 0.85:
        key = random.choice(
            (b"-" * 3, b"1" * 10_000, b"1e99999", b"\xff\xfe", b"NaN", b'"\\ud800"')
        )
        return data[: data.index(b":") + 1] + key + b"}"
    if how < 0.88:
        return random.choice(
            (
                b"",
                b"\xef\xbb\xbf" + data,
                data.decode().encode("utf-16"),
                b"null",
                b"[]",
                b"\0" * 64,
            )
        )
    return damaged(data, random, [])
