"""What the step engine keeps: one record per request, replica and batch slot.

Records, since compiled code passes them by reference and finds the fields of one thing beside
each other in memory. Times are seconds, counts are whole numbers.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

#: Phases of a replica, in the order in which they happen at one moment. Arrivals of that moment
#: come between the two.
ENDS, STARTS = 0, 1
#: Stands for no limit and for no end.
NEVER = np.iinfo(np.int64).max

RowT_co = TypeVar("RowT_co", covariant=True)


class Coefficients(NamedTuple):
    """The step law, as compiled code reads it: seconds per step and per unit."""

    base: float
    per_running: float
    per_kv_token: float
    per_prefill_token: float
    with_prefill: float
    per_longest: float
    longest_from: int


class Bounds(NamedTuple):
    """The limits of one replica, with `NEVER` for none."""

    seqs: int
    budget: int
    blocks: int
    block_tokens: int
    lag: int
    in_flight: int


class Request(Protocol):
    """What one request asks and what became of it.

    `child` and `sibling` list the turns that wait for its end, `following` is the next one in
    the same queue; `left` are prefill tokens to compute, `made` the output tokens that it had at
    its last admission; a `prefilled` one was computed elsewhere and enters as a decoding request.
    """

    arrived: float
    admitted: float
    first_token: float
    ended: float
    think: float
    prompt: int
    output: int
    cached: int
    left: int
    made: int
    replica: int
    preemptions: int
    child: int
    sibling: int
    following: int
    prefilled: int


class Replica(Protocol):
    """Where one replica stands.

    The batch: `size` requests in order of admission, of which only the last may still prefill
    (`partial`); a decoding one holds `base + clock` tokens and ends when `clock`, the number of
    steps so far, reaches its `ends`, the least of which is `soonest`; `kv` tokens in all.

    The queue: a linked list of `waiting` requests from `head` to `tail`.

    The stretch that it is in: step `i` lasts `step + growth * i` seconds; `kv_at_start` tokens
    and `decoding` requests at its start, `prefill` tokens computed, `fresh` the first slot that
    ends its prefill. `ended` requests and `freed` blocks were given back by the stretch before,
    whose last step began at `last_start`. `moment` and `phase` say what comes next.

    Its life: requests are sent to it while it is `open`, it serves from `ready` on, and is paid
    for since `on_since` (NaN while off) after `on_seconds` before.
    """

    moment: float
    start: float
    step: float
    growth: float
    last_start: float
    ready: float
    on_since: float
    on_seconds: float
    busy: float
    running: float
    kv_seconds: float
    phase: int
    open: int
    cold_starts: int
    size: int
    partial: int
    clock: int
    kv: int
    soonest: int
    head: int
    tail: int
    waiting: int
    steps: int
    prefill: int
    decoding: int
    fresh: int
    kv_at_start: int
    ended: int
    freed: int
    all_steps: int
    prefill_steps: int
    prefill_tokens: int


class Slot(Protocol):
    """One running request of a replica."""

    base: int
    ends: int
    row: int


class Records(Protocol[RowT_co]):
    """A structured array, one-dimensional, whose elements are references."""

    @property
    def size(self) -> int:
        """Number of elements."""

    def __getitem__(self, index: int) -> RowT_co: ...


class Table(Protocol[RowT_co]):
    """A structured array of two dimensions, replica and slot."""

    def __getitem__(self, index: tuple[int, int]) -> RowT_co: ...


class Engine(NamedTuple):
    """Everything the event loop reads and writes."""

    law: Coefficients
    bounds: Bounds
    requests: Records[Request]
    replicas: Records[Replica]
    slots: Table[Slot]


def layout(record: type, narrow: bool) -> np.dtype[np.void]:
    """Fields of a record; whole numbers in 4 bytes where there may be millions of records."""
    whole = np.int32 if narrow else np.int64
    kinds = {"float": np.float64, "int": whole}
    return np.dtype([(name, kinds[kind]) for name, kind in record.__annotations__.items()])


def referenced(array: NDArray[np.void]) -> Any:
    """A structured array as the records that compiled code sees in it."""
    return array


REQUEST = layout(Request, narrow=True)
REPLICA = layout(Replica, narrow=False)
SLOT = layout(Slot, narrow=False)


def new_requests(count: int) -> NDArray[np.void]:
    """Records of requests that have neither arrived nor found a replica."""
    records = np.zeros(count, dtype=REQUEST)
    for name in ("arrived", "admitted", "first_token", "ended"):
        records[name] = np.nan
    for name in ("replica", "child", "sibling", "following"):
        records[name] = -1
    return records


def new_replicas(count: int, on: int, start: float) -> NDArray[np.void]:
    """Records of replicas at rest, the first `on` of which are on and open since `start`."""
    records = np.zeros(count, dtype=REPLICA)
    records["moment"], records["last_start"] = np.inf, -np.inf
    records["phase"], records["soonest"] = STARTS, NEVER
    records["ready"], records["on_since"] = -np.inf, np.nan
    records["open"][:on], records["on_since"][:on] = 1, start
    records["head"] = records["tail"] = -1
    return records


def new_engine(
    law: Coefficients, bounds: Bounds, requests: NDArray[np.void], replicas: NDArray[np.void]
) -> Engine:
    """An engine over these records, with empty batches."""
    slots = new_slots(len(replicas), max(1, min(bounds.seqs, len(requests))))
    return Engine(law, bounds, referenced(requests), referenced(replicas), referenced(slots))


def new_slots(replicas: int, each: int) -> NDArray[np.void]:
    """Empty batches."""
    return np.zeros((replicas, each), dtype=SLOT)
