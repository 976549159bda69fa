"""Flags a routing between replicas that sends everything to one of them.

A policy that follows the longest cached prefix and looks at no load feeds the cache that has most:
all else stays cold, and one worker gets all requests.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: From this share of the work on, one worker has all the load.
ALL_LOAD = 0.9
LEAST_REQUESTS = 20


def herding(
    replica: Ints, work: Floats, replicas: int, follows_prefix: bool, load_weight: float
) -> str | None:
    """What is wrong with a prefix policy without a load term, if one worker got all load.

    Args:
        replica: replica that served each request of one deployment; negative where unknown.
        work: how much each request loads it: seconds, or tokens that are not cached.
        replicas: how many the deployment has.
        follows_prefix: whether the policy prefers replicas that hold the request's prefix.
        load_weight: weight of load in the policy; 0 for none.

    Returns:
        A sentence, or null where nothing is to say.
    """
    known = replica >= 0
    total = float(work[known].sum())
    quiet = int(known.sum()) < LEAST_REQUESTS or replicas < 2 or total <= 0
    if quiet or not follows_prefix or load_weight > 0:
        return None
    load = np.bincount(replica[known], weights=work[known], minlength=replicas)
    share = float(load.max()) / total
    if share < ALL_LOAD:
        return None
    return (
        f"replica {int(load.argmax())} of {replicas} gets {share:.0%} of the load: a prefix policy "
        "without a load term sends everything to the cache that holds most. Give it a load term."
    )
