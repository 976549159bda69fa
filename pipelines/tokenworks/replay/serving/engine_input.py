"""From the shapes of `work.py` to the records and tables that compiled code reads."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.serving import routing_kernel
from tokenworks.replay.serving.arrivals_kernel import POSITION, Coming
from tokenworks.replay.serving.engine_state import (
    NEVER,
    Bounds,
    Coefficients,
    new_requests,
    referenced,
)
from tokenworks.replay.serving.routing_kernel import Router
from tokenworks.replay.serving.scaling_kernel import CLOCK, Scaler
from tokenworks.replay.serving.work import (
    Autoscale,
    Limits,
    Policy,
    PrefixCaches,
    Routing,
    StepLaw,
    Work,
    at_least,
)
from tokenworks.replay.serving.worker_cache_kernel import Caches, new_caches, no_caches
from tokenworks.replay.spool import kept
from tokenworks_sources.jit import kernel

Ints = NDArray[np.int64]

COLUMNS = (
    "prompt",
    "output",
    "cached",
    "replica",
    "previous",
    "think_seconds",
    "session",
    "prefilled",
)
POLICIES: dict[Policy, int] = {
    "least_loaded": routing_kernel.LEAST_LOADED,
    "round_robin": routing_kernel.ROUND_ROBIN,
    "session": routing_kernel.SESSION,
    "prefix": routing_kernel.PREFIX,
    "power_of_two": routing_kernel.POWER_OF_TWO,
}
#: Draws are whole numbers below this.
DRAWN_BELOW = 1 << 31


def requests_of(work: Work) -> NDArray[np.void]:
    """Records of the work, with the turns that follow each request.

    A prefilled request holds its prompt and has its first token still to enter, which counts as
    prompt from here on.
    """
    records = kept(new_requests(work.count))
    records["arrived"], records["prompt"], records["output"] = (
        work.arrivals,
        work.prompt,
        work.output,
    )
    for name, column in (("replica", work.replica), ("think", work.think_seconds)):
        if column is not None:
            records[name] = column
    if work.cached is not None:
        records["cached"] = np.minimum(work.cached, work.prompt - 1)
    records["left"] = records["prompt"] - records["cached"]
    if work.prefilled is not None:
        records["prefilled"] = work.prefilled
        records["prompt"] += work.prefilled
        records["cached"][work.prefilled] = work.prompt[work.prefilled]
        records["left"][work.prefilled] = 1
    if work.previous is not None:
        records["child"], records["sibling"] = _turns_after(_plain(work.previous, np.int64))
    return records


@kernel
def _turns_after(previous: Ints) -> tuple[Ints, Ints]:
    """The first turn that follows each request, and the next that follows the same; -1 for none."""
    child, sibling = np.full(previous.size, -1), np.full(previous.size, -1)
    # From the last to the first, so that several turns after one end keep their order.
    for row in range(previous.size - 1, -1, -1):
        before = previous[row]
        if before >= 0:
            sibling[row] = child[before]
            child[before] = row
    return child, sibling


def coming_of(work: Work, clients: int | None) -> Coming:
    """Requests that wait for no other, in order of arrival, and an empty heap for the others."""
    roots = np.arange(work.count) if work.previous is None else np.flatnonzero(work.previous < 0)
    roots = roots[np.argsort(work.arrivals[roots], kind="stable")]
    position = np.zeros(1, dtype=POSITION)
    position["opening"] = position["issued"] = min(len(roots), clients or len(roots))
    room = work.count + 1 - len(roots) if clients is None else work.count + 1
    return Coming(roots, np.empty(room), np.empty(room, dtype=np.int64), referenced(position))


def coefficients_of(law: StepLaw) -> Coefficients:
    """The law, field by field."""
    return Coefficients(
        float(law.base),
        float(law.per_running),
        float(law.per_kv_token),
        float(law.per_prefill_token),
        float(law.with_prefill),
        float(law.per_longest),
        int(law.longest_from),
    )


def bounds_of(limits: Limits) -> Bounds:
    """The limits, with `NEVER` for none."""
    return Bounds(
        limits.max_num_seqs,
        NEVER if limits.token_budget is None else limits.token_budget,
        NEVER if limits.kv_blocks is None else limits.kv_blocks,
        limits.block_tokens,
        limits.admission_lag_steps,
        NEVER if limits.max_in_flight is None else limits.max_in_flight,
    )


def _plain(column: NDArray[Any], kind: type[np.generic]) -> NDArray[Any]:
    """A column as the compiled kernels know it: of another type they would be compiled again."""
    return np.require(column, kind, ["C", "W"])


def router_of(routing: Routing, work: Work) -> Router:
    """The policy with nothing to remember yet."""
    none = np.zeros(0, dtype=np.int64)
    sessions, draws = none, np.zeros((0, 2), dtype=np.int64)
    if routing.policy == "session":
        if work.session is None:
            raise ValueError("routing by session needs the session of each request")
        sessions = _plain(work.session, np.int64)
    if routing.policy == "power_of_two":
        generator = np.random.default_rng(routing.seed)
        draws = generator.integers(0, DRAWN_BELOW, (work.count, 2))
    homes = np.full(int(sessions.max(initial=-1)) + 1, -1, dtype=np.int64)
    turn = np.zeros(1, dtype=np.int64)
    return Router(POLICIES[routing.policy], routing.request_tokens, sessions, homes, draws, turn)


def caches_of(caches: PrefixCaches | None, work: Work, routing: Routing, replicas: int) -> Caches:
    """Empty caches."""
    if caches is None:
        if routing.policy == "prefix":
            raise ValueError("routing by prefix needs prefix caches")
        return no_caches()
    prompts = caches.prompts
    if len(prompts.offsets) != work.count + 1:
        raise ValueError(f"{len(prompts.offsets) - 1} prompts for {work.count} requests")
    capacity = min(caches.capacity_blocks, max(1, prompts.block_count))
    return new_caches(
        _plain(prompts.ids, np.int32),
        _plain(prompts.offsets, np.int64),
        capacity,
        prompts.block_tokens,
        prompts.block_count,
        replicas,
    )


def scaler_of(replicas: int | Autoscale, start: float) -> Scaler:
    """The scaler; of a fixed number of replicas one that never looks."""
    clock = np.zeros(1, dtype=CLOCK)
    clock["below_since"] = np.inf
    if isinstance(replicas, int):
        clock["tick"] = np.inf
        return Scaler(-1, replicas, 1.0, 0, 1.0, 0.0, 0.0, referenced(clock))
    clock["tick"] = start + replicas.interval_seconds
    return Scaler(
        replicas.lowest,
        replicas.highest,
        float(replicas.target),
        1 if replicas.counts == "waiting" else 0,
        float(replicas.interval_seconds),
        float(replicas.cold_start_seconds),
        float(replicas.scale_down_delay_seconds),
        referenced(clock),
    )


def check(work: Work, limits: Limits, replicas: int | Autoscale, clients: int | None) -> None:
    """Refuse what no replica can serve.

    Raises:
        ValueError: the message names the field.
    """
    most = replicas if isinstance(replicas, int) else replicas.highest
    at_least("replicas", most, 1)
    at_least("clients", 1 if clients is None else clients, 1)
    for name in COLUMNS:
        column = getattr(work, name)
        if column is not None and len(column) != work.count:
            raise ValueError(f"{name} has {len(column)} entries for {work.count} arrivals")
    if work.count:
        named = work.replica is not None and int(work.replica.max()) >= 0
        if named and isinstance(replicas, Autoscale):
            raise ValueError("replica: requests cannot name one where replicas come and go")
        _check_values(work, most)
        _check_memory(work, limits)


def _check_values(work: Work, replicas: int) -> None:
    if not np.isfinite(work.arrivals).all():
        raise ValueError("arrivals must be finite")
    at_least("prompt", int(work.prompt.min()), 1)
    at_least("output", int(work.output.min()), 0)
    if work.cached is not None:
        at_least("cached", int(work.cached.min()), 0)
    if work.replica is not None and int(work.replica.max()) >= replicas:
        raise ValueError(f"replica {int(work.replica.max())} named, but there are {replicas}")
    if work.think_seconds is not None and not (work.think_seconds >= 0).all():
        raise ValueError("think_seconds must be 0 or more")
    if work.previous is not None and (work.previous >= np.arange(work.count)).any():
        raise ValueError("previous must name an earlier row")


def _check_memory(work: Work, limits: Limits) -> None:
    if limits.kv_blocks is None:
        return
    tokens = work.prompt + np.maximum(work.output, 1) - 1
    most = int((tokens if work.prefilled is None else tokens + work.prefilled).max())
    if -(-most // limits.block_tokens) > limits.kv_blocks:
        raise ValueError(
            f"kv_blocks: {limits.kv_blocks} blocks of {limits.block_tokens} tokens cannot "
            f"hold a request of {most} tokens"
        )
