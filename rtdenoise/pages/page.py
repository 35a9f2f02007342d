"""Makes a page of a template, and writes it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ..charset import visible
from ..files import write_bytes
from ..version import __version__

MOST_BYTES = 8_000_000
"""About as large as a page may become: phones open it, and mail takes it along."""
_HERE = "rtdenoise.pages"
_NONE = "–"


def render(package: str, template: str, values: Mapping[str, Any]) -> str:
    """Makes a page.

    Args:
        package: The package whose folder ``templates`` holds the template.
        template: Its name there.
        values: What it is given. Text is escaped.

    Returns:
        HTML that refers to nothing outside itself.

    Raises:
        jinja2.UndefinedError: the template asks for a value that it isn't given.
    """
    return _environment(package).get_template(template).render(**values)


def write_page(path: Path, package: str, template: str, values: Mapping[str, Any]) -> None:
    """Makes a page (see :func:`render`) and writes it to ``path``, whole or not at all.

    Raises:
        StorageError: ``path`` can't be written.
    """
    # A byte of a file's name that isn't UTF-8 is a lone surrogate, which no page can hold.
    write_bytes(path, render(package, template, values).encode("utf-8", "replace"))


@lru_cache(maxsize=8)
def _environment(package: str) -> Environment:
    loader = ChoiceLoader([PackageLoader(package), PackageLoader(_HERE)])
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    parts = files(_HERE) / "templates"
    style, script = (
        Markup((parts / name).read_text(encoding="utf-8")) for name in ("page.css", "page.js")
    )
    environment.globals.update(page_style=style, page_script=script, version=__version__)
    environment.filters.update(
        db=decibel,
        signed_db=signed_decibel,
        figure=counted_number,
        visible=lambda value: visible(str(value)),
    )
    return environment


def decibel(value: float | None, digits: int = 2) -> str:
    """A figure in dB; a dash where there is none."""
    return _with_unit(counted_number(value, digits))


def signed_decibel(value: float | None, digits: int = 2) -> str:
    """A difference in dB, with its sign."""
    text = counted_number(value, digits)
    return _with_unit(text if text[0] in "–−" else f"+{text}")


def counted_number(value: float | None, digits: int = 2) -> str:
    """A figure without a unit; a dash where there is none."""
    if value is None or math.isnan(value):
        return _NONE
    # Adding zero makes a zero of a negative one.
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def _with_unit(text: str) -> str:
    return text if text == _NONE else f"{text} dB"
