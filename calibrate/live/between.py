"""Networks between two others."""

from __future__ import annotations

import copy

from rtdenoise.networks.live import LiveNetwork


def between(one: LiveNetwork, other: LiveNetwork, share: float) -> LiveNetwork:
    """The network that lies ``share`` of the way from one to the other, on the device of the first.

    Between a network and what further training made of it lie networks that keep most of what both know (Wortsman et
    al., "Robust fine-tuning of zero-shot models", CVPR 2022).
    """
    network = copy.deepcopy(one)
    there = other.state_dict()
    network.load_state_dict(
        {name: w.lerp(there[name].to(w.device), share) for name, w in one.state_dict().items()}
    )
    return network
