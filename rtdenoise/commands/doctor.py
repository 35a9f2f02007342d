"""`rtdenoise doctor`: what works here, and what mends the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..cli import Settings

_MARKS = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[dim]·[/]"}


@click.command(name="doctor")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for scripts.")
@click.pass_obj
def command(settings: Settings, as_json: bool) -> None:
    """Look at what works on this machine.

    Prints the exact command that mends what does not. Ends with 0 in any case.

    \b
      rtdenoise doctor
      rtdenoise doctor --json
    """
    from ..console import show, show_json
    from ..diagnosis import diagnose

    checks = []
    for check in diagnose(settings.home):
        checks.append(check)
        if as_json:
            continue
        show(_MARKS[check.ok] + " [bold]{}[/]  {}", check.name, check.text)
        if check.cure and not check.ok:
            show("    [cyan]{}[/]", check.cure)
    wrong = sum(check.ok is False for check in checks)
    if as_json:
        show_json({"ok": wrong == 0, "checks": [check.to_json() for check in checks]})
    elif wrong:
        show(f"\n{wrong} of {len(checks)} need something; what mends it stands below each.")
    else:
        show("\nAll is well.")
