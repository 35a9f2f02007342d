"""How long a frame takes on an accelerator, and how far that is from what the machine can do at best.

    python -m benchmarks.speed.accelerator [--device cuda] [--networks nano,small,base,large] [--json figures.json]

Times are of a whole step as a call sees it: planes in the host's memory to clean planes in the host's memory, both
copies included, one frame after the other. "and its grids" adds the copies of the small grids that the search for
movement and light needs; the search itself runs on the CPU and is not in it. Where no network of a size is
shipped it has random weights, on which speed does not depend.

The floor is measured on the same machine: what has to be copied between host and device, at the speed of one large
copy; and the longer of what the step has to read and write in the device's memory (bytes, both states), at
the speed of a large copy there, and its multiplications, at the speed of a large product of matrices in half
precision (in float32 where the device has none to rely on). Only copies beside other frames' work would go below that.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from rtdenoise.denoisers.paper import PaperDenoiser
from rtdenoise.engines.torch_engine import TorchEngine
from rtdenoise.files import write_json
from rtdenoise.frames import Bytes, PlaneFormat, Planes
from rtdenoise.networks.card import load_network
from rtdenoise.networks.device import half_dtype, hardware_name, pick_device
from rtdenoise.networks.live import GATES, SIZES, LiveNetwork, macs_per_pixel
from rtdenoise.networks.paper import PaperNetwork
from rtdenoise.networks.shipped import base_network_path, shipped_sizes
from rtdenoise.noise import NoiseCurve, NoiseModel, PlaneNoise
from rtdenoise.noise.dct import BLOCK, COEFFICIENTS, MEANS
from rtdenoise.noise.normalised import Normalised, band_std_of

_CURVE = PlaneNoise(NoiseCurve((0.0, 255.0), (9.0, 25.0)))
_MODEL = NoiseModel(_CURVE, _CURVE, _CURVE, chroma="420")
_GRID = 4  # blocks: what a network's strides need
_ROUNDS = 5
_PAPER_MACS = 511_390  # per pixel: each weight once


@dataclass(frozen=True)
class Machine:
    """What the machine can do at best.

    Attributes:
        up: Bytes per second to the device.
        down: And from it.
        memory: Bytes per second that are read and written in its memory, together.
        products: Multiplications with their additions per second.
    """

    up: float
    down: float
    memory: float
    products: float

    def floor_ms(self, sent: float, fetched: float, moved: float, macs: float) -> float:
        """The least that a frame takes, by bytes copied to and from the device, bytes moved on it, and products."""
        copies = sent / self.up + fetched / self.down
        return 1e3 * (copies + max(moved / self.memory, macs / self.products))


@dataclass(frozen=True)
class Timing:
    """How long one thing took.

    Attributes:
        what: It.
        how: What ran it.
        median_ms: per frame.
        p95_ms: 95 % of the frames took no longer.
        floor_ms: What the machine needs at least.
    """

    what: str
    how: str
    median_ms: float
    p95_ms: float
    floor_ms: float


def synchronise(device: torch.device) -> None:
    """Waits until the device has done all that it was given."""
    if device.type != "cpu":
        getattr(torch, device.type).synchronize()


def seconds(work: Callable[[], object], device: torch.device, repeats: int) -> float:
    """The quickest of a few rounds, per repeat."""
    work()
    best = float("inf")
    for _ in range(_ROUNDS):
        synchronise(device)
        start = time.perf_counter()
        for _ in range(repeats):
            work()
        synchronise(device)
        best = min(best, (time.perf_counter() - start) / repeats)
    return best


def measure_machine(device: torch.device, megabytes: int, side: int, repeats: int) -> Machine:
    """Large copies and one large product.

    Args:
        device: Which.
        megabytes: of a copy.
        side: of the square matrices.
        repeats: in each of a few rounds.
    """
    pinned = device.type == "cuda"
    host = torch.ones(megabytes << 20, dtype=torch.uint8, pin_memory=pinned)
    near, far = (torch.ones(megabytes << 20, dtype=torch.uint8, device=device) for _ in range(2))
    up = seconds(lambda: near.copy_(host, non_blocking=pinned), device, repeats)
    down = seconds(lambda: host.copy_(near, non_blocking=pinned), device, repeats)
    inside = seconds(lambda: far.copy_(near), device, repeats)
    dtype = half_dtype(device) or torch.float32
    one, two = (torch.ones(side, side, dtype=dtype, device=device) for _ in range(2))
    out = torch.empty_like(one)
    product = seconds(lambda: torch.mm(one, two, out=out), device, repeats)
    size = float(megabytes << 20)
    return Machine(size / up, size / down, 2 * size / inside, side**3 / product)


def frame_of(width: int, height: int, seed: int) -> list[Bytes]:
    """Smooth planes with noise."""
    random = np.random.default_rng(seed)
    planes = []
    for n in (1, 2, 2):
        mean = np.linspace(40, 200, width // n)[None] + np.zeros((height // n, 1))
        noisy = mean + random.normal(0, 4, mean.shape)
        planes.append(noisy.clip(0, 255).astype(np.uint8))
    return planes


def quantiles(times: Sequence[float]) -> tuple[float, float]:
    """Median and 95 %, in milliseconds."""
    median, most = np.quantile(np.array(times) * 1e3, [0.5, 0.95])
    return float(median), float(most)


def time_frames(work: Callable[[int], object], frames: int, warm_up: int) -> tuple[float, float]:
    """Median and 95 % of the milliseconds that ``work`` takes, called with 0, 1, 2 …; it returns when it is done."""
    times = []
    for index in range(warm_up + frames):
        start = time.perf_counter()
        work(index)
        times.append(time.perf_counter() - start)
    return quantiles(times[warm_up:])


def live_network(size: str) -> LiveNetwork:
    """The shipped one, or one with random weights."""
    if size in shipped_sizes():
        network, _ = load_network(base_network_path(size))
        assert isinstance(network, LiveNetwork)
        return network
    torch.manual_seed(0)
    return LiveNetwork(SIZES[size])


def time_live(
    size: str,
    device: torch.device,
    picture: tuple[int, int],
    frames: int,
    warm_up: int,
    machine: Machine,
) -> list[Timing]:
    """A live network with graphs, without them, and with the grids for the search besides."""
    step = BLOCK * _GRID
    width, height = (-(-n // step) * step for n in picture)
    rows, columns = height // BLOCK, width // BLOCK
    seen = [frame_of(width, height, seed) for seed in range(4)]
    normalised, band_std = Normalised(_MODEL), band_std_of(_MODEL)
    # The frame's bytes read and the clean ones written; one state read and one written, in float32.
    moved = rows * columns * (2 * COEFFICIENTS + 2 * 4 * (COEFFICIENTS + 2 * GATES))
    macs = macs_per_pixel(SIZES[size]) * width * height
    sent = rows * columns * COEFFICIENTS
    grids = rows * columns * 4 * (2 * len(MEANS) + 1)
    floors = [machine.floor_ms(sent, sent + more, moved, macs) for more in (0, grids)]
    timings = []
    for graphs in (True, False) if device.type == "cuda" else (False,):
        engine = TorchEngine(live_network(size), (rows, columns), device, graphs=graphs)
        engine.set_noise(normalised, band_std)
        if graphs and engine.no_graphs:
            print(f"{size}: no graphs, for {engine.no_graphs}")

        def clean(index: int, engine: TorchEngine = engine) -> None:
            engine.analyse(seen[index % len(seen)])
            engine.step()

        def clean_with_grids(index: int, engine: TorchEngine = engine) -> None:
            engine.analyse(seen[index % len(seen)])
            for grids in (engine.means, engine.state_means, engine.residual):
                grids()
            engine.step()

        whats, works = (size, f"{size} and its grids"), (clean, clean_with_grids)
        for what, work, floor in zip(whats, works, floors, strict=True):
            timings.append(Timing(what, engine.name, *time_frames(work, frames, warm_up), floor))
    return timings


def time_paper(
    device: torch.device,
    picture: tuple[int, int],
    frames: int,
    warm_up: int,
    machine: Machine,
    tta: bool,
) -> Timing:
    """The paper's network as a denoiser: one view, or the mean over eight."""
    width, height = picture
    layout = PlaneFormat(width, height, "420", full_range=True, matrix="bt601")
    y, u, v = frame_of(width, height, 0)
    planes = Planes(y, u, v, layout, 0.0)
    torch.manual_seed(0)
    denoiser = PaperDenoiser.of(PaperNetwork(), device.type, tta=tta)
    views = 8 if tta else 1
    found = time_frames(lambda _: denoiser(planes), frames, warm_up)
    pixels = width * height
    # Three colours of float32, read and written.
    copied, macs = 3 * pixels / 2, views * _PAPER_MACS * pixels
    floor = machine.floor_ms(copied, copied, 2 * 3 * 4 * pixels, macs)
    half = str(half_dtype(device) or torch.float32).removeprefix("torch.")
    how = f"PyTorch, {half}, {device}"
    return Timing(f"the paper's, {views} view{'s' * tta}", how, *found, floor)


def report(machine: Machine, timings: Sequence[Timing]) -> str:
    """A plain table."""
    lines = [
        f"copies to the device {machine.up / 1e9:.1f} GB/s, from it {machine.down / 1e9:.1f} GB/s; "
        f"in its memory {machine.memory / 1e9:.1f} GB/s; "
        f"{machine.products / 1e12:.3f} T multiplications with addition per second",
        f"{'network':24}{'how':36}{'median ms':>10}{'95 % ms':>10}{'floor ms':>10}{'ratio':>8}",
    ]
    for t in timings:
        ratio = t.median_ms / t.floor_ms
        lines.append(
            f"{t.what:24}{t.how:36}{t.median_ms:10.3f}{t.p95_ms:10.3f}{t.floor_ms:10.3f}{ratio:8.1f}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--networks", default=",".join(SIZES), help="sizes, by comma")
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--warm-up", type=int, default=20)
    parser.add_argument("--no-paper", action="store_true", help="leave the paper's network out")
    parser.add_argument("--views", action="store_true", help="the paper's eight views, too")
    parser.add_argument("--megabytes", type=int, default=256, help="of the large copies")
    parser.add_argument("--side", type=int, default=8192, help="of the large matrices")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    options = parser.parse_args(arguments)
    device = pick_device(options.device)
    width, height = (int(n) for n in options.size.split("x"))
    machine = measure_machine(device, options.megabytes, options.side, repeats=10)
    timings: list[Timing] = []
    for size in filter(None, options.networks.split(",")):
        timings += time_live(
            size, device, (width, height), options.frames, options.warm_up, machine
        )
    if not options.no_paper:
        frames, warm_up = max(options.frames // 10, 1), max(options.warm_up // 10, 1)
        for tta in (False, True) if options.views else (False,):
            timings.append(time_paper(device, (width, height), frames, warm_up, machine, tta))
    name = hardware_name(device) or platform.processor() or platform.machine()
    print(f"{name}, PyTorch {torch.__version__}, {options.size}, {options.frames} frames")
    print(report(machine, timings))
    if options.json is not None:
        figures = {
            "device": name,
            "torch": torch.__version__,
            "size": options.size,
            "frames": options.frames,
            "machine": asdict(machine),
            "timings": [asdict(t) for t in timings],
        }
        write_json(options.json, figures)


if __name__ == "__main__":
    main()
