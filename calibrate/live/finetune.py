"""Fine-tunes a base network to one camera, and keeps the better of the two.

A network that stands halfway between the two is judged as well (:mod:`.between`): most of what was learned from few
scenes is kept there, and what the base network knew of all others, too. On a nearly clean real clip the end of a
training gained 1.05 dB on still frames and lost 0.18 where something moves; halfway it gained 0.86 and lost nothing.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from rtdenoise.denoisers.live_network import LiveNetworkDenoiser
from rtdenoise.networks.live import LiveNetwork
from rtdenoise.networks.shipped import load_base
from rtdenoise.noise import NoiseModel

from ..progress import Progress, note
from ..quality import Example, Quality, judge_streams
from ..sources import Source
from ..synthesis import SeriesClips
from .batches import Pool, PreparedClip, Units, prepare
from .between import between
from .finetune_data import Footage, divide
from .finetune_judging import FineTuning, choose, judge_motion
from .training import LiveRecipe, LiveTrained, LiveTrainer

RECIPE = LiveRecipe(
    learning_rate=5e-4,
    # The camera's noise isn't the same along rows and columns.
    turn=False,
    warm_up=20,
    average=0.99,
)
"""How to fine-tune: with a small rate, since the base network is nearly right."""

_FRAMES = 24  # of a clip
_MOVING_CLIPS, _STILL_CLIPS = 24, 8  # made before the training begins
_RENEWED_EVERY, _RENEWED_MOVING, _RENEWED_STILL = 12, 3, 1
_MOST_CLIPS = 160
_WATCHED_CLIPS = 8  # clips of the training's places that show how it goes
_JUDGED_CLIPS = 24
_SHARES = (1.0, 0.5)  # how far from the base network to the end of the training


@dataclass(frozen=True)
class FineTuned:
    """A fine-tuned network, or the base network where that is better, and how both did.

    ``network`` is the one to keep, ``quality`` and ``example`` show what it does; ``places`` says where both were
    judged.
    """

    network: LiveNetwork
    trained: LiveTrained
    tuning: FineTuning
    quality: Quality
    example: Example
    places: str


def fine_tune(
    source: Source,
    noise: NoiseModel,
    *,
    size: str,
    minutes: float,
    device: torch.device,
    progress: Progress,
    say: Callable[[str], None],
) -> FineTuned:
    """Fine-tunes the base network of a size on the source's series, and judges both.

    A training that was stopped goes on; what it goes on from is kept until the caller has saved the network.

    Raises:
        ClipError: the series are too short, or their frames too small.
        NetworkError: there is no such base network.
        StorageError: the profile can't be written.
    """
    base = load_base(size)
    clip, profile = source.clip, source.profile
    with progress("Reading the series", sum(s.count for s in clip.accepted)) as ticker:
        footage = divide(clip, ticker)
    recipe = replace(RECIPE, minutes=minutes)
    folder = profile.training_folder(size)
    trained = _train(base, footage, noise, recipe, device, folder, progress, say)
    tuned = {share: between(base, trained.network, share) for share in _SHARES}
    found, example = _judged(base, tuned, footage, noise, source, device, progress)
    kept, quality = (tuned[found.share], found.tuned) if found.kept else (base, found.base)
    return FineTuned(kept, trained, found, quality, example, footage.places)


def _train(
    base: LiveNetwork,
    footage: Footage,
    noise: NoiseModel,
    recipe: LiveRecipe,
    device: torch.device,
    folder: Path,
    progress: Progress,
    say: Callable[[str], None],
) -> LiveTrained:
    network = copy.deepcopy(base).to(device)
    units = Units.of_model(noise)
    watched = footage.training.clips(noise, _FRAMES, recipe.seed + 2, device)
    pool = Pool(most=_MOST_CLIPS)
    trainer = LiveTrainer(
        network,
        pool,
        prepare(watched.batch(_WATCHED_CLIPS), network, units),
        recipe,
        renew=lambda step: _renew(clips, pool, network, units, step),
        folder=folder,
        mark=_mark(base, footage, noise),
        say=say,
    )
    # Other clips than before the training was stopped.
    seed = recipe.seed + 1 + 1000 * trainer.resumed_from
    clips = footage.training.clips(noise, _FRAMES, seed, device)
    with progress("Making clips", _MOVING_CLIPS + _STILL_CLIPS, "clips") as ticker:
        for _ in range(_MOVING_CLIPS):
            pool.add(prepare(clips.batch(1), network, units))
            ticker.advance()
        pool.add(_still(clips, _STILL_CLIPS, network, units))
        ticker.advance(_STILL_CLIPS)
    with progress("Fine-tuning", recipe.minutes * 60, "s") as ticker:
        ticker.advance(trainer.elapsed_s)
        return trainer.run(lambda seconds, judgement: ticker.advance(seconds, note(judgement)))


def _renew(clips: SeriesClips, pool: Pool, network: LiveNetwork, units: Units, step: int) -> None:
    """Puts a few new clips into the pool now and then: one scene gives endless movements."""
    if step and step % _RENEWED_EVERY == 0:
        pool.add(prepare(clips.batch(_RENEWED_MOVING), network, units))
        pool.add(_still(clips, _RENEWED_STILL, network, units))


def _still(
    clips: SeriesClips, count: int, network: LiveNetwork, units: Units
) -> list[PreparedClip]:
    return prepare(clips.still(count), network, units, still=True)


def _mark(base: LiveNetwork, footage: Footage, noise: NoiseModel) -> str:
    """What is trained on what."""
    digest = hashlib.sha256(footage.fingerprint().encode())
    for tensor in base.state_dict().values():
        digest.update(tensor.numpy().tobytes())
    digest.update(repr(noise).encode())
    return digest.hexdigest()


def _judged(
    base: LiveNetwork,
    tuned: Mapping[float, LiveNetwork],
    footage: Footage,
    noise: NoiseModel,
    source: Source,
    device: torch.device,
    progress: Progress,
) -> tuple[FineTuning, Example]:
    """The networks as they are used, where none has learned: on real frames, and on motion with its truth.

    Returns:
        What was found of the fine-tuned network that was chosen, beside the base network, and a frame to show.
    """
    makers = {
        share: partial(_denoiser, network, noise, device)
        for share, network in {0.0: base, **tuned}.items()
    }
    names = {share: f"{share:g}" for share in makers}
    with progress("Judging on real frames", None) as ticker:
        named = {names[share]: make for share, make in makers.items()}
        streams = judge_streams(source, named, footage.judged, footage.places, ticker)
    batch = footage.held.clips(noise, _FRAMES, 77, torch.device("cpu")).batch(_JUDGED_CLIPS)
    with progress("Judging on synthetic motion", len(makers) * len(batch), "clips") as ticker:
        motion = {
            share: judge_motion(make(), batch, ticker.advance) for share, make in makers.items()
        }
    found = [
        FineTuning(
            share,
            streams.quality(names[0.0]),
            streams.quality(names[share]),
            streams.over(names[share], names[0.0]),
            motion[0.0],
            motion[share],
        )
        for share in tuned
    ]
    best = choose(found)
    ours, base_frame = ((names[best.share], "fine-tuned"), (names[0.0], "base"))
    kept, other = (ours, base_frame) if best.kept else (base_frame, ours)
    return best, streams.example(*kept, rival=other)


def _denoiser(network: LiveNetwork, noise: NoiseModel, device: torch.device) -> LiveNetworkDenoiser:
    # A copy, since a denoiser may turn its network into half precision.
    return LiveNetworkDenoiser(copy.deepcopy(network), noise, device.type)
