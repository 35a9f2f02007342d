"""How the frames of a video file are stored: codec, layout, tags, and the grid of its times."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from ..errors import SinkError
from ..frames import Chroma, PlaneFormat
from ..frames.facts import UNSAID, ColourTags, FieldOrder, VideoFacts
from ..frames.pyav import MATRIX_CODES, assumed_matrix

VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".avi", ".nut")
_TICK = Fraction(1, 90_000)
_FINE_TICK = Fraction(1, 1_000_000)
_FINE_GRID_FPS = Fraction(240)  # of .avi, whose times are whole frames, where the rate varies
_SMALLEST_HEVC = 64  # x265 takes nothing below its coding units
_X264_FIELDS = {"top": "tff=1", "bottom": "bff=1"}
_LOSSLESS_VP9 = {"lossless": "1", "deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
_NO_FACTS = VideoFacts()


@dataclass(frozen=True)
class Storage:
    """How frames are stored.

    ``layout`` is what 8-bit frames become; ``deep`` tells samples of 10 bits; ``fields`` the order to mark frames with.
    """

    codec: str
    time_base: Fraction
    layout: PlaneFormat
    colour: ColourTags
    deep: bool = False
    tag: str = ""
    options: dict[str, str] = field(default_factory=dict)
    fields: FieldOrder = "progressive"

    @property
    def pixel_format(self) -> str:
        """FFmpeg's name of it."""
        grey = self.layout.chroma == "gray"
        name = "gray" if grey else f"yuv{self.layout.chroma}p"
        return name + "10le" * self.deep


def holds_depth(suffix: str) -> bool:
    """Whether files of that suffix can hold samples of 10 bits."""
    return suffix.lower() in (".mp4", ".mov", ".mkv", ".nut")


def refuse_colours(name: str, suffix: str, facts: VideoFacts) -> None:
    """Refuses an output whose colours would be wrong.

    Args:
        name: What it is called.
        suffix: Its suffix; empty for a virtual camera.
        facts: What the recording says.

    Raises:
        SinkError: it can't say what its values mean.
    """
    if holds_depth(suffix):
        return
    cure = "Name an output that ends in .mp4, .mov or .mkv."
    if not suffix:
        cure = "Clean it with rtdenoise denoise into a file that ends in .mp4, .mov or .mkv."
    if facts.colour.hdr:
        raise SinkError(
            f"The recording is HDR ({facts.colour.hdr}), and {name} can't show that: it would look washed out.",
            cure,
        )
    if facts.colour.foreign and not facts.rgb:
        raise SinkError(f"The recording's colours are coded in a way that {name} can't hold.", cure)


def storage_of(
    suffix: str,
    source: PlaneFormat,
    rate_fps: Fraction,
    facts: VideoFacts | None = None,
    *,
    preset: str = "ultrafast",
    deep: bool = False,
) -> Storage:
    """How frames of ``source`` are stored in a file of that suffix.

    H.264 is 4:2:0 (4:4:4 at odd sizes, which 4:2:0 can't have there); samples of 10 bits become HEVC, or H.264
    where they are interlaced. JPEG is full-range BT.601. ``.nut`` keeps the planes, bit for bit: raw where
    that means what players take raw video for (limited range, the matrix that goes with the size), else as
    lossless H.264 (VP9 at odd sizes), which says what it is.

    Args:
        suffix: One of ``VIDEO_SUFFIXES``.
        source: What the frames are.
        rate_fps: Their nominal rate.
        facts: What the recording says about them; None where the format is all that is known.
        preset: How much time the encoder takes.
        deep: Samples have 10 bits.
    """
    known = facts or _NO_FACTS
    colour = _tags(source, facts)
    if suffix == ".avi":
        chroma: Chroma = "420" if source.chroma == "gray" else source.chroma
        layout = PlaneFormat(source.width, source.height, chroma, True, "bt601")
        colour = ColourTags(matrix=MATRIX_CODES["bt601"], range=2)
        grid_fps = max(rate_fps, _FINE_GRID_FPS) if known.uneven else rate_fps
        return Storage("mjpeg", 1 / grid_fps, layout, colour)
    if suffix == ".nut":
        if not deep and _raw_is_right(source, colour, facts):
            return Storage("rawvideo", _FINE_TICK, source, colour)
        layout = source
        if _odd(source) and source.chroma in ("420", "422"):
            if not deep:  # H.264 can't have half a sample
                return Storage("libvpx-vp9", _FINE_TICK, source, colour, options=_LOSSLESS_VP9)
            layout = _with_chroma(source, "444")
        options = {"qp": "0", "preset": "ultrafast"}
        return _h264(layout, _FINE_TICK, colour, known, options, deep)
    chroma = "444" if _odd(source) else "420"
    if known.fields != "progressive" and source.chroma == "422" and not _odd(source):
        chroma = "422"  # half as many lines of chroma would mix those of both fields
    layout = _with_chroma(source, chroma)
    small = min(source.width, source.height) < _SMALLEST_HEVC
    if not deep or known.fields != "progressive" or small:
        options = {"crf": "14", "preset": preset}
        return _h264(layout, _TICK, colour, known, options, deep)
    words = ["log-level=none"]
    if known.mastering:
        words += ["hdr10=1", f"master-display={known.mastering}"]
    if known.light:
        words += [f"max-cll={known.light}"]
    options = {"crf": "15", "preset": preset, "x265-params": ":".join(words)}
    tag = "" if suffix == ".mkv" else "hvc1"  # the one that Apple's players know
    return Storage("libx265", _TICK, layout, colour, True, tag, options)


def _h264(
    layout: PlaneFormat,
    time_base: Fraction,
    colour: ColourTags,
    facts: VideoFacts,
    options: dict[str, str],
    deep: bool,
) -> Storage:
    if facts.fields in _X264_FIELDS:
        options = {**options, "x264-params": _X264_FIELDS[facts.fields]}
    # The header goes by the options, each frame by its own mark.
    return Storage("libx264", time_base, layout, colour, deep, "", options, facts.fields)


def _tags(source: PlaneFormat, facts: VideoFacts | None) -> ColourTags:
    """What the file says: what the recording said, and nothing where it said nothing."""
    matrix = MATRIX_CODES[source.matrix]
    if facts is None:
        return ColourTags(matrix=matrix, range=2 if source.full_range else 1)
    said = facts.colour
    guessed = said.matrix == UNSAID and source.matrix == assumed_matrix(source.width, source.height)
    if not facts.rgb and (said.matrix != UNSAID or guessed):
        matrix = said.matrix
    limited = 1 if said.range == 1 else 0
    return ColourTags(said.primaries, said.transfer, matrix, 2 if source.full_range else limited)


def _raw_is_right(source: PlaneFormat, colour: ColourTags, facts: VideoFacts | None) -> bool:
    """Whether a raw frame, which says nothing, is shown as it is meant."""
    if source.chroma == "gray":  # shown in full range whatever it says
        return facts is None or facts.fields == "progressive"
    if facts is not None:
        plain = facts.fields == "progressive" and facts.aspect is None
        return plain and colour.unsaid
    usual = source.matrix == assumed_matrix(source.width, source.height)
    return usual and not source.full_range


def _odd(layout: PlaneFormat) -> bool:
    return bool(layout.width % 2 or layout.height % 2)


def _with_chroma(layout: PlaneFormat, chroma: Chroma) -> PlaneFormat:
    return PlaneFormat(layout.width, layout.height, chroma, layout.full_range, layout.matrix)
