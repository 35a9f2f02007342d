import sys

import pytest

from rtdenoise.networks import memory


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
def test_glibc_takes_the_settings() -> None:
    memory.keep_freed_memory.cache_clear()
    assert memory.keep_freed_memory()


def test_elsewhere_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    memory.keep_freed_memory.cache_clear()
    assert not memory.keep_freed_memory()
    memory.keep_freed_memory.cache_clear()
