"""What a recording says about its picture beside the bytes: colours, shape of a pixel, fields, which way is up.

Numbers are those of ITU-T H.273, which FFmpeg uses too; 2 is "not said" (for the range: 0).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from .orientation import UPRIGHT, Orientation

UNSAID = 2
_PQ, _HLG = 16, 18
# Matrices whose planes are no luma and colour differences as R'G'B' is turned into here: YCgCo, ICtCp, IPT, …
_FOREIGN_MATRICES = frozenset((0, 3, 8, *range(11, 256)))

FieldOrder = Literal["progressive", "top", "bottom"]


@dataclass(frozen=True)
class ColourTags:
    """Primaries, transfer and matrix (2: not said) and the range (0: not said, 1: limited, 2: full)."""

    primaries: int = UNSAID
    transfer: int = UNSAID
    matrix: int = UNSAID
    range: int = 0

    @property
    def hdr(self) -> str:
        """What kind of high dynamic range it is, "PQ" or "HLG"; empty where it is none."""
        return {_PQ: "PQ", _HLG: "HLG"}.get(self.transfer, "")

    @property
    def foreign(self) -> bool:
        """Whether its matrix is one that isn't known here: planes can be kept, but not turned into R'G'B'."""
        return self.matrix in _FOREIGN_MATRICES

    @property
    def unsaid(self) -> bool:
        """Whether nothing is said that a player wouldn't take for granted."""
        return (self.primaries, self.transfer, self.matrix) == (UNSAID,) * 3 and self.range < 2


@dataclass(frozen=True)
class PictureNotes:
    """What a picture file says beside EXIF and colour profile.

    ``xmp`` and ``iptc`` are as in Adobe's specifications (XML; IIM's records), ``comment`` is JPEG's; ``texts`` are
    PNG's chunks, (kind, content), and so are ``colours``, those on its colour space; ``density`` is (across, down) in
    pixels per metre, None where it isn't said; ``unkept`` names what no output takes; ``further`` is how many pictures
    the file holds beside the first.
    """

    xmp: bytes = b""
    iptc: bytes = b""
    comment: bytes = b""
    texts: tuple[tuple[bytes, bytes], ...] = ()
    density: tuple[Fraction, Fraction] | None = None
    unkept: tuple[str, ...] = ()
    further: int = 0
    colours: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True)
class VideoFacts:
    """What a recording says about its picture.

    ``aspect`` is a pixel's width to its height, None where it isn't said; ``fields`` tells which field of an
    interlaced picture comes first; ``bits`` is the depth of a sample; ``chroma`` how many samples a
    plane of colour has to one of luma (1, 1/2, 1/4; 0: there is none); ``inks`` tells that it is stored as CMYK;
    ``mastering`` and ``light`` describe the display that HDR was graded on, in the words of x265; ``uneven`` tells that
    the rate varies, where that was looked for; ``metadata`` is that of the video stream, ``disposition`` FFmpeg's bits;
    ``exif``, ``icc`` and ``notes`` come from pictures.
    """

    colour: ColourTags = ColourTags()
    aspect: Fraction | None = None
    fields: FieldOrder = "progressive"
    orientation: Orientation = UPRIGHT
    bits: int = 8
    chroma: float = 0.0
    rgb: bool = False
    alpha: bool = False
    inks: bool = False
    mastering: str = ""
    light: str = ""
    dolby_vision: bool = False
    uneven: bool = False
    metadata: dict[str, str] = field(default_factory=dict)
    disposition: int = 0
    exif: bytes = b""
    icc: bytes = b""
    notes: PictureNotes = PictureNotes()

    def upright(self) -> VideoFacts:
        """The same of the picture once it has been turned the right way up."""
        way = self.orientation
        if way == UPRIGHT:
            return self
        fields = self.fields
        if fields != "progressive" and way.transposed:
            fields = "progressive"  # lines became columns
        elif fields != "progressive" and way.flip_y:
            fields = "bottom" if fields == "top" else "top"
        aspect = 1 / self.aspect if self.aspect and way.transposed else self.aspect
        notes = self.notes
        if notes.density is not None and way.transposed:
            notes = replace(notes, density=notes.density[::-1])
        return replace(self, orientation=UPRIGHT, fields=fields, aspect=aspect, notes=notes)
