"""What a play does with the traffic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.caches.prefix import CachePlan
from tokenworks.replay.routing.decision import Decision
from tokenworks.replay.serving.changes import Serving

#: Filler of a request that no response cache answers.
SERVED = -1

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Policy:
    """What a play does with the traffic.

    Attributes:
        decision: where each request goes; null where everything stays.
        prefix: prefix caches to simulate, or null to keep the recorded cached tokens.
        serving: how the fleet serves.
        answered: request whose answer each request gets from a response cache, `SERVED` where it
            is served itself; null without such a cache.
        hit_seconds: how long an answer from a response cache takes.
    """

    serving: Serving
    decision: Decision | None = None
    prefix: CachePlan | None = None
    answered: Ints | None = None
    hit_seconds: float = 0.0
