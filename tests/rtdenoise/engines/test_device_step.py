from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from rtdenoise.engines.device_step import DeviceStep
from rtdenoise.networks.live import SIZES, LiveNetwork

GRID = (8, 12)


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes which devices tensors are on that operations read or make, and those not channels last."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.devices: set[str] = set()
        self.names: set[str] = set()
        self.flat: list[str] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        self.names.add(str(func))
        self._note(str(func), tree_leaves((args, kwargs, result)))
        return result

    def _note(self, name: str, values: Iterable[Any]) -> None:
        for value in values:
            if isinstance(value, torch.Tensor):
                self.devices.add(value.device.type)
                other = not value.is_contiguous(memory_format=torch.channels_last)
                if "conv" in name and value.dim() == 4 and other:
                    self.flat.append(f"{name} {tuple(value.shape)}")


@pytest.mark.parametrize("size", SIZES)
def test_what_a_graph_holds_never_touches_the_host(size: str) -> None:
    """On the device without memory: whatever reads a value, or comes from the host, would show."""
    step = DeviceStep(LiveNetwork(SIZES[size]), GRID, torch.device("meta"), torch.float16)
    with torch.inference_mode(), Watch() as watch:
        step.analyse()
        step.step(0)
        step.step(1)
    assert watch.devices == {"meta"}
    # What was made of numbers on the host, kornia's kernels for one.
    assert not {name for name in watch.names if "lift_fresh" in name or "scalar_dense" in name}


@pytest.mark.parametrize("size", SIZES)
def test_convolutions_are_in_half_precision_and_channels_last(size: str) -> None:
    step = DeviceStep(LiveNetwork(SIZES[size]), GRID, torch.device("cpu"), torch.bfloat16)
    seen: list[tuple[torch.dtype, ...]] = []

    class Convolutions(Watch):  # type: ignore[no-untyped-call]
        def _note(self, name: str, values: Iterable[Any]) -> None:
            if "conv" in name:
                seen.append(tuple(v.dtype for v in values if isinstance(v, torch.Tensor)))
            super()._note(name, values)

    with torch.inference_mode(), Convolutions() as watch:
        step.analyse()
        step.step(0)
    assert seen
    assert {dtype for dtypes in seen for dtype in dtypes} == {torch.bfloat16}
    assert not watch.flat
    assert step.coefficients.dtype == torch.float32
