"""Cleans an archive: what is left of it, with a report of all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ..console import Ticker
from ..errors import StorageError, writing
from ..files import write_json
from .ledger import Ledger
from .walk import Found, Item
from .work import How, Job, Outcome

REPORT = "rtdenoise-archive.json"
"""The report's name in the folder of the clean files."""


class Pool(Protocol):
    """What cleans files: processes, or a cluster."""

    def run(self, jobs: Iterator[Job]) -> Iterator[tuple[Job, Outcome]]:
        """The outcomes, in the order in which they come."""

    def close(self) -> None:
        """Ends what is still at work."""


@dataclass
class Report:
    """What became of each file, by its path in the archive.

    ``skipped`` were done before; ``refused`` and ``passed_over`` say why; ``left`` weren't begun.
    """

    cleaned: dict[str, Outcome] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    passed_over: dict[str, str] = field(default_factory=dict)
    left: int = 0
    seconds: float = 0.0

    @property
    def frames(self) -> int:
        """Cleaned in this run."""
        return sum(outcome.frames for outcome in self.cleaned.values())

    def to_json(self) -> dict[str, Any]:
        """For the report on disk and for scripts."""
        cleaned = {
            name: {
                "frames": one.frames,
                "seconds": round(one.seconds, 3),
                "not_carried_over": list(one.lost),
                "remarks": list(one.remarks),
            }
            for name, one in sorted(self.cleaned.items())
        }
        return {
            "cleaned": cleaned,
            "skipped": sorted(self.skipped),
            "refused": dict(sorted(self.refused.items())),
            "passed_over": dict(sorted(self.passed_over.items())),
            "left": self.left,
            "frames": self.frames,
            "seconds": round(self.seconds, 3),
        }


def plan(
    found: Found, ledger: Ledger, source: Path, target: Path, how: How, report: Report
) -> dict[str, tuple[Item, Job]]:
    """What is left to do, by the path of the clean file; the rest is noted in the report."""
    report.passed_over.update(found.passed_over)
    left = {}
    for item in found.items:
        job = Job(str(source / item.source), str(target / item.target), how)
        if ledger.is_done(item):
            report.skipped.append(item.source)
        elif not ledger.is_ours(item):
            report.refused[item.source] = (
                f"{job.target} is there and wasn't made from it. Move it away."
            )
        else:
            left[job.target] = item, job
    return left


def clean_all(
    left: dict[str, tuple[Item, Job]], pool: Pool, ledger: Ledger, report: Report, ticker: Ticker
) -> None:
    """Cleans what is left; ``ticker`` counts megabytes of the archive.

    Raises:
        StorageError: the disk is full: the others would fare alike.
    """

    def jobs() -> Iterator[Job]:
        for item, job in left.values():
            ledger.begin(item)
            yield job

    ended = 0
    try:
        for job, outcome in pool.run(jobs()):
            item, _ = left[job.target]
            if outcome.ends:
                raise StorageError(outcome.reason)
            ended += 1
            ledger.end(item, "refused" if outcome.reason else "cleaned")
            if outcome.reason:
                report.refused[item.source] = outcome.reason
            else:
                report.cleaned[item.source] = outcome
            ticker.advance(item.size / 1e6, item.source)
    finally:
        report.left = len(left) - ended


def finish(report: Report, target: Path, started: float) -> None:
    """Writes the report beside the clean files."""
    report.seconds = time.monotonic() - started
    with writing(target):
        write_json(target / REPORT, report.to_json())
