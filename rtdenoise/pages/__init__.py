"""Pages: reports as one HTML file each, which opens offline, in light and dark, on phones and desktops.

A page is a Jinja2 template of the room that it reports on; ``page.html`` and ``parts.html`` here are what all share.
Everything that a template is given is text, and escaped; what is HTML already says so (:class:`markupsafe.Markup`).
"""

from __future__ import annotations

from .charts import Chart, chart, svg
from .page import counted_number, decibel, render, signed_decibel, write_page
from .pictures import View, amplified, diverging, encoded, overlaid, shrunk

__all__ = [
    "Chart",
    "View",
    "amplified",
    "chart",
    "counted_number",
    "decibel",
    "diverging",
    "encoded",
    "overlaid",
    "render",
    "shrunk",
    "signed_decibel",
    "svg",
    "write_page",
]
