"""`rtdenoise denoise --recursive`: all recordings and pictures below a folder, into another one."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..archive.work import How as How
from ..errors import SinkError
from ..files import user_path

if TYPE_CHECKING:
    from ..archive.run import Pool, Report

_TOLD = 5  # reasons in the terminal; all are in the report


def denoise_archive(
    source: str, output: str, how: How, *, jobs: int | None, cluster: str | None, as_json: bool
) -> None:
    """Cleans what is left of an archive, shows how it goes, and says at the end what became of it.

    Args:
        source: The folder of the recordings.
        output: The folder of the clean ones.
        how: How they are cleaned.
        jobs: How many processes of this machine; None: one for each core.
        cluster: The address of a Dask scheduler, in place of this machine's processes.
        as_json: Whether the report is printed as JSON.

    Raises:
        RtdenoiseError: nothing can be cleaned at all.
        click.exceptions.Exit: it was stopped, or files were refused.
    """
    from ..archive.ledger import Ledger
    from ..archive.run import REPORT, Report, clean_all, finish, plan
    from ..archive.walk import walk
    from ..console import progress, say, show_json
    from ..denoisers.recording import calibrated_camera

    if cluster is not None and jobs is not None:
        raise click.UsageError("--jobs is for this machine; on a cluster its workers say how many.")
    started = time.monotonic()
    folder, target = (Path(user_path(name)).absolute() for name in (source, output))
    if how.camera is not None:  # rather at once than of each file
        calibrated_camera(how.camera, Path(how.home))
    if target.exists() and not target.is_dir():
        raise SinkError(f"{output} is no folder.", "Name a folder for the clean files.")
    found = walk(folder, target)
    ledger = Ledger(target, how.mark())
    report = Report()
    stopped = False
    try:
        left = plan(found, ledger, folder, target, how, report)
        if left:
            pool = _pool(cluster, jobs, folder, target, how, len(left))
            total = sum(item.size for item, _ in left.values()) / 1e6
            try:
                with progress(f"Cleaning {len(left)} files", total, "MB") as ticker:
                    clean_all(left, pool, ledger, report, ticker)
            except KeyboardInterrupt:
                stopped = True
            finally:
                pool.close()
                finish(report, target, started)
        else:
            finish(report, target, started)
    finally:
        ledger.close()
    if as_json:
        show_json(report.to_json())
    else:
        _tell(report, output, str(Path(output) / REPORT))
    if stopped:
        say("Stopped. The same command goes on: what is done is kept.")
    if stopped or report.refused:
        raise click.exceptions.Exit(1)


def _pool(
    cluster: str | None, jobs: int | None, folder: Path, target: Path, how: How, files: int
) -> Pool:
    from ..archive.cluster import ClusterPool
    from ..archive.local import LocalPool
    from ..console import say
    from ..cores import available_cores

    if cluster is not None:
        return ClusterPool(cluster, folder, target, Path(how.home), say)
    return LocalPool(min(jobs or available_cores(), files))


def _tell(report: Report, output: str, place: str) -> None:
    from ..console import counted, say, show

    notes = [f"{counted(len(report.cleaned), 'file')} cleaned"]
    if report.frames:
        rate = report.frames / max(report.seconds, 1e-9)
        notes[0] += (
            f", {counted(report.frames, 'frame')} in {report.seconds:.0f} s ({rate:.1f} frames/s)"
        )
    if report.skipped:
        notes.append(f"{len(report.skipped)} done before")
    if report.refused:
        notes.append(f"{len(report.refused)} refused")
    if report.left:
        notes.append(f"{report.left} left")
    if report.passed_over:
        notes.append(f"{len(report.passed_over)} passed over")
    reasons = Counter(report.refused.values()).most_common()
    for reason, number in reasons[:_TOLD]:
        name = next(name for name, why in report.refused.items() if why == reason)
        say("[yellow]Refused[/] {}: {}", name if number == 1 else f"{number} files", reason)
    if len(reasons) > _TOLD:
        say("… and for {} more reasons.", len(reasons) - _TOLD)
    for what, number in Counter(
        what for one in report.cleaned.values() for what in one.lost
    ).most_common(_TOLD):
        say("Not carried over in {}: {}.", counted(number, "file"), what)
    done = not report.refused and not report.left
    show(("[green]✓[/] " if done else "") + "{}: {}", output, "; ".join(notes))
    show("report {}", place)
