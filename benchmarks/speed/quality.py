"""How good each method is: luma PSNR on the judged frames of the clips, several processes side by side.

Nothing is timed here, so it doesn't matter what else the machine does.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rtdenoise.noise import NoiseModel

from ..live.clips import BenchClip, clip
from ..live.peers import Figures, Kept, figures_at, judge, mean_figures, search, start_worker
from .methods import METHODS, PAPER, denoiser_of
from .peers import FFDNET
from .rows import Quality

ONE_FRAME = (FFDNET, PAPER)
"""Methods that take so long that they are judged on one frame of each clip, the middle one."""
Tick = Callable[[str], None]


@dataclass
class Judged:
    """All that was found: by method and clip; ``noisy`` by clip; and how long the paper's networks were trained."""

    quality: dict[str, dict[str, Quality]] = field(default_factory=dict)
    noisy: dict[str, Figures] = field(default_factory=dict)
    paper_s: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def middle(judged: Sequence[int]) -> tuple[int]:
    """The one frame on which strengths are searched for, and slow methods judged."""
    return (judged[len(judged) // 2],)


def model_path(scratch: Path, clip: BenchClip) -> Path:
    """Where the noise is that was measured for a clip."""
    return scratch / f"{clip.name}.json"


def prepare(
    scene: str,
    noise: str,
    size: tuple[int, int],
    cache: Path,
    scratch: Path,
    judged: tuple[int, ...],
) -> tuple[BenchClip, Figures]:
    """Renders a clip, where the cache has none, and measures its camera's noise."""
    found = clip(scene, noise, size, cache)
    found.model.save(model_path(scratch, found))
    return found, mean_figures(judge(found.frame(i), found, i) for i in judged)


def judge_ours(name: str, clip: BenchClip, model: Path, judged: tuple[int, ...]) -> Quality:
    """Cleans a clip from its first frame on, as the live loop would."""
    import torch

    torch.set_num_threads(1)
    denoiser = denoiser_of(name, NoiseModel.load(model))
    figures = []
    for index in range(max(judged) + 1):
        result = denoiser(clip.frame(index).copy())
        if index in judged:
            figures.append(judge(result, clip, index))
    return Quality(mean_figures(figures), len(judged))


def judge_peer(
    name: str, clip: BenchClip, judged: tuple[int, ...]
) -> tuple[Quality, dict[str, list[float]]]:
    """Finds a peer's best strengths on one frame, and judges it there on all; also all that is to be kept."""
    if name == FFDNET:
        import torch

        torch.set_num_threads(1)
    peer, kept = METHODS[name].peer, Kept(clip)
    assert peer is not None
    best = search(peer, clip, middle(judged), kept)
    frames = middle(judged) if name in ONE_FRAME else judged
    whole = figures_at(peer, best.strength, clip, frames, kept)
    subject = figures_at(peer, best.subject_strength, clip, frames, kept)
    figures = Figures(whole.whole, subject.subject, whole.still)
    return Quality(figures, len(frames), best.strength, best.subject_strength), kept.known


def judge_paper(
    clip: BenchClip, minutes: float, judged: tuple[int, ...]
) -> tuple[Quality, dict[str, list[float]], float]:
    """The paper's network on one frame, in one view; it is trained where the cache has none."""
    import torch

    from rtdenoise.denoisers.paper import PaperDenoiser

    from .paper import trained_paper

    torch.set_num_threads(1)
    path, seconds = trained_paper(clip, minutes)
    kept, (index,) = Kept(clip), middle(judged)
    figures = kept.get(PAPER, seconds, index)
    if figures is None:
        result = PaperDenoiser(path, "cpu", tta=False)(clip.frame(index).copy())
        figures = judge(result, clip, index)
        kept.put(PAPER, seconds, index, figures)
    return Quality(figures, 1), kept.known, seconds


def task_count(names: Sequence[str], clips: int) -> int:
    """How often :func:`judge_all` ticks."""
    return clips * (1 + len(names))


def judge_all(
    names: Sequence[str],
    scenes: Sequence[tuple[str, str]],
    size: tuple[int, int],
    judged: tuple[int, ...],
    *,
    cache: Path,
    scratch: Path,
    paper_minutes: float,
    processes: int = 2,
    tick: Tick = lambda _: None,
) -> tuple[list[BenchClip], Judged]:
    """Judges methods on clips; what peers reached at each strength is kept beside each clip.

    Args:
        names: Of the methods.
        scenes: Scenes with their noise levels, such as ("desk", "high").
        size: Width and height.
        judged: The judged frames.
        cache: For clips, trained networks of the paper, and what peers reached.
        scratch: For the noise as it is measured now.
        paper_minutes: How long the paper's network is trained for a clip.
        processes: Side by side.
        tick: Told of what is done, :func:`task_count` times.
    """
    found = Judged()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=start_worker) as pool:
        first = [pool.submit(prepare, *one, size, cache, scratch, judged) for one in scenes]
        clips = []
        for prepared in first:
            one, noisy = prepared.result()
            clips.append(one)
            found.noisy[one.name] = noisy
            tick(one.name)
        tasks: dict[Future[Any], tuple[str, BenchClip]] = {}
        # What takes longest begins first, so that no core waits at the end.
        for name in sorted(names, key=lambda n: n not in ONE_FRAME):
            for one in clips:
                tasks[_submit(pool, name, one, judged, scratch, paper_minutes)] = (name, one)
        for future in as_completed(tasks):
            name, one = tasks[future]
            _take(found, name, one, future)
            tick(f"{name}, {one.name}")
    return clips, found


def _submit(
    pool: ProcessPoolExecutor,
    name: str,
    clip: BenchClip,
    judged: tuple[int, ...],
    scratch: Path,
    minutes: float,
) -> Future[Any]:
    if name == PAPER:
        return pool.submit(judge_paper, clip, minutes, judged)
    if METHODS[name].peer is not None:
        return pool.submit(judge_peer, name, clip, judged)
    return pool.submit(judge_ours, name, clip, model_path(scratch, clip), judged)


def _take(found: Judged, name: str, clip: BenchClip, future: Future[Any]) -> None:
    try:
        result = future.result()
    except Exception as error:  # one method's failure is not the others'
        found.failed[name] = f"{type(error).__name__}: {error}"
        return
    if isinstance(result, Quality):
        quality = result
    else:
        assert isinstance(result, tuple)
        quality, known = result[:2]
        kept = Kept(clip)
        kept.add(known)
        kept.save()
        if name == PAPER:
            found.paper_s[clip.name] = result[2]
    found.quality.setdefault(name, {})[clip.name] = quality
