"""Text as an output can show it: without characters that its encoding lacks, or that would act on the terminal.

A pipe on Windows is cp1252, a machine without a locale has ASCII, and names of files may hold any byte at all.
"""

from __future__ import annotations

import codecs
import re

ERRORS = "rtdenoise"
"""The name of the handler for what can't be encoded, after :func:`register`."""

_SPELLED = {
    "✓": "+",
    "✗": "x",
    "×": "x",
    "→": "->",
    "…": "...",
    "·": "-",
    "−": "-",
    "–": "-",
    "—": "-",
    "━": "=",
    "⅓": "1/3",
    "≥": ">=",
    "≤": "<=",
    "μ": "mu",
    "σ": "sigma",
    "±": "+-",
    "²": "2",
    "°": "deg",
    "’": "'",
    "“": '"',
    "”": '"',
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def narrow(text: str, encoding: str) -> str:
    """``text`` with what ``encoding`` can't say spelled otherwise: ``✓`` as ``+``, a byte of a name as ``\\xff``."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        register()
        return text.encode(encoding, ERRORS).decode(encoding)
    except LookupError:  # an encoding that Python doesn't know
        pass
    return text


def visible(text: str) -> str:
    """``text`` on one line: line breaks and other control characters as they are written in programs."""
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


def register() -> None:
    """Makes :data:`ERRORS` known to Python; safe to call again."""
    codecs.register_error(ERRORS, _spell)


def _spell(error: UnicodeError) -> tuple[str, int]:
    """What is written in place of characters that an encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(map(_spelled, missing)), error.end


def _spelled(character: str) -> str:
    spelled = _SPELLED.get(character)
    if spelled is not None:
        return spelled
    if "\udc80" <= character <= "\udcff":  # a byte of a name that isn't UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return "?"
