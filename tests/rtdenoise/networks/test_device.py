import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch

from rtdenoise.errors import NetworkError
from rtdenoise.networks import device
from rtdenoise.networks.device import hardware_name, pick_device, pick_kind


def built(**told: object) -> ModuleType:
    module = ModuleType("version")
    for name, value in {"cuda": None, "hip": None, "xpu": None, **told}.items():
        if value != "absent":
            setattr(module, name, value)
    return module


def may_be(
    monkeypatch: pytest.MonkeyPatch,
    version: ModuleType | None,
    *,
    platform: str = "linux",
    driver: bool = False,
) -> set[str]:
    monkeypatch.setattr(device, "_torch_version", lambda: version)
    monkeypatch.setattr(device, "sys", SimpleNamespace(platform=platform))
    monkeypatch.setattr(device, "_loads", lambda _: driver)
    return {name for name in ("cuda", "xpu", "mps") if device._may_be_there(name)}


def test_pytorch_is_asked_only_where_an_accelerator_may_be_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert may_be(monkeypatch, built()) == set()
    assert may_be(monkeypatch, built(cuda="12.8")) == set()  # there is no driver
    assert may_be(monkeypatch, built(cuda="12.8"), driver=True) == {"cuda"}
    assert may_be(monkeypatch, built(cuda="12.8"), platform="win32") == set()
    assert may_be(monkeypatch, built(hip="6.2")) == {"cuda"}
    assert may_be(monkeypatch, built(xpu="20250000")) == {"xpu"}
    assert may_be(monkeypatch, built(), platform="darwin") == {"mps"}


def test_what_is_not_told_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert may_be(monkeypatch, None) == {"cuda", "xpu"}
    assert may_be(monkeypatch, built(xpu="absent")) == {"xpu"}
    assert may_be(monkeypatch, built(hip="absent")) == {"cuda"}


def test_without_pytorch_there_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "find_spec", lambda _: None)
    assert pick_kind() == "cpu"
    assert device.devices() == ["cpu"]


def test_what_pytorch_was_built_with_is_read_without_it() -> None:
    version = device._torch_version()
    assert version is not None
    assert version.__version__ == torch.__version__
    assert version.cuda == torch.version.cuda


def test_the_answer_is_pytorchs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_may_be_there", lambda _: True)
    asked = {
        "cuda": torch.cuda.is_available(),
        "xpu": torch.xpu.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    best = next((name for name, there in asked.items() if there), "cpu")
    assert pick_kind() == best
    assert pick_device().type == best


def test_a_device_that_is_missing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_may_be_there", lambda _: False)
    with pytest.raises(NetworkError, match=rf"PyTorch {re.escape(torch.__version__)} finds no xpu"):
        pick_kind("xpu")
    with pytest.raises(NetworkError, match="no wonderful device"):
        pick_kind("wonderful")
    assert hardware_name("cpu") == hardware_name(torch.device("cpu")) == ""


def test_a_library_that_is_missing_does_not_load(tmp_path: Path) -> None:
    assert not device._loads(str(tmp_path / "libcuda.so.1"))
    assert not device._loads("librtdenoise-missing.so.1")


def test_the_module_is_light() -> None:
    code = (
        "import sys, rtdenoise.networks.device as device; device.pick_kind('cpu'); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
