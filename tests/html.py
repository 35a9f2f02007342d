"""What an HTML page says, by Python's own parser."""

from __future__ import annotations

import base64
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np

from rtdenoise.arrays import Bytes

_VOID = {"meta", "img", "input", "br", "link", "hr"}


class Page(HTMLParser):
    """A page's tags, text and pictures; refuses one whose tags are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.source = text
        self.tags: Counter[str] = Counter()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.pictures: dict[str, str] = {}
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    @classmethod
    def of(cls, path: Path) -> Page:
        return cls(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        if tag not in _VOID:
            self._open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name in ("src", "href", "xlink:href", "srcset", "action"):
                self.links.append(value or "")
            assert not name.startswith("on")
        given = dict(attrs)
        if tag == "img":
            self.pictures[given["alt"] or ""] = given["src"] or ""

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("style", "script"):
            self.text += data

    def says(self, sentence: str) -> bool:
        return sentence in re.sub(r"[ \n]+", " ", self.text)


def picture(source: str) -> Bytes:
    """The pixels of a data URI, (H, W, 3) in R'G'B'."""
    data = np.frombuffer(base64.b64decode(source.split(",", 1)[1]), np.uint8)
    pixels = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert pixels is not None
    return np.asarray(pixels[..., ::-1], np.uint8)


def check(page: Page) -> None:
    """What holds for every page: it is whole by itself, and nothing in it is named twice."""
    assert page.tags["h1"] == page.tags["main"] == page.tags["title"] == 1
    # One script and one style, ours: nothing that was given has become a tag.
    assert page.tags["script"] == page.tags["style"] == 1
    assert len(page.ids) == len(set(page.ids))
    outside = [link for link in page.links if not link.startswith(("#", "data:image/"))]
    assert outside == []
    inside = {link[1:] for link in page.links if link.startswith("#")}
    assert inside <= set(page.ids)
    assert len(page.source) < 8_000_000
