"""What a play shows that a reader of its result must know, in words."""

from __future__ import annotations

import numpy as np

from tokenworks.replay.routing.herding import herding
from tokenworks.replay.serving.changes import Serving
from tokenworks.replay.stage import Played, Stage


def refused(played: Played) -> tuple[str, ...]:
    """Requests that nobody served."""
    if played.turned_away is None:
        return ()
    said = (
        f"{int(played.turned_away.sum()):,} requests are turned away at capacity.max_in_flight: "
        "nobody serves them or asks again, they cost nothing and stand outside the latencies of "
        "both replays; objectives count them as missed."
    )
    return (said,)


def herded(stage: Stage, serving: Serving, played: Played) -> tuple[str, ...]:
    """Deployments where a balancer that looks at no load sends all of it to one replica."""
    if played.ran is None:
        return ()
    runs, request = played.ran.runs, played.ran.request
    work = (played.input_tokens - played.cached)[request].astype(np.float64)
    found = []
    for position, routing in serving.balancing.items():
        rows, replicas = runs.deployment == position, int(stage.fleet.replicas[position])
        is_prefix = routing.policy == "prefix"
        said = herding(runs.replica[rows], work[rows], replicas, is_prefix, routing.request_tokens)
        if said is not None:
            found.append(f"{stage.fleet.ids[position]}: {said}")
    return tuple(found)
