"""Cache policies in plain Python, written for clarity and from their papers, to test kernels by."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence

Accesses = Sequence[int]
Oracle = Callable[[Accesses, int], list[bool]]


def lru(accesses: Accesses, capacity: int) -> list[bool]:
    held: OrderedDict[int, None] = OrderedDict()
    hits = []
    for block in accesses:
        hits.append(block in held)
        if block not in held and len(held) == capacity:
            held.popitem(last=False)
        held[block] = None
        held.move_to_end(block)
    return hits


def fifo(accesses: Accesses, capacity: int) -> list[bool]:
    queue: deque[int] = deque()
    hits = []
    for block in accesses:
        hits.append(block in queue)
        if block in queue:
            continue
        if len(queue) == capacity:
            queue.popleft()
        queue.append(block)
    return hits


def lfu(accesses: Accesses, capacity: int) -> list[bool]:
    """Fewest uses since it came in; of several, the one used longest ago."""
    held: dict[int, tuple[int, int]] = {}
    hits = []
    for now, block in enumerate(accesses):
        hits.append(block in held)
        uses = held[block][0] if block in held else 0
        if block not in held and len(held) == capacity:
            del held[min(held, key=lambda one: held[one])]
        held[block] = (uses + 1, now)
    return hits


def sieve(accesses: Accesses, capacity: int) -> list[bool]:
    """A list from newest to oldest, and a hand that moves towards the newest (NSDI 2024)."""
    order: list[int] = []
    visited: set[int] = set()
    hand: int | None = None
    hits = []
    for block in accesses:
        hits.append(block in order)
        if block in order:
            visited.add(block)
            continue
        if len(order) == capacity:
            at = order.index(hand) if hand is not None else len(order) - 1
            while order[at] in visited:
                visited.remove(order[at])
                at = at - 1 if at > 0 else len(order) - 1
            hand = order[at - 1] if at > 0 else None
            del order[at]
        order.insert(0, block)
    return hits


def s3fifo(accesses: Accesses, capacity: int) -> list[bool]:
    """Small, main and ghost queues (SOSP 2023), two uses to move, as libCacheSim fills them."""
    small: OrderedDict[int, int] = OrderedDict()
    main: OrderedDict[int, int] = OrderedDict()
    ghost: OrderedDict[int, None] = OrderedDict()
    small_size = max(1, capacity // 10)
    main_size, ghost_size = capacity - small_size, capacity * 9 // 10
    hits, has_evicted = [], False
    for block in accesses:
        hits.append(block in small or block in main)
        if hits[-1]:
            queue = small if block in small else main
            queue[block] += 1
            continue
        is_known = block in ghost
        ghost.pop(block, None)
        while len(small) + len(main) >= capacity:
            has_evicted = True
            if len(main) > main_size or not small:
                _leave_main(main)
            else:
                _leave_small(small, main, ghost, ghost_size)
        if is_known or (not has_evicted and len(small) >= small_size):
            main[block] = 0
        else:
            small[block] = 0
    return hits


def _leave_main(main: OrderedDict[int, int]) -> None:
    while True:
        block, uses = main.popitem(last=False)
        if uses == 0:
            return
        main[block] = min(uses, 3) - 1


def _leave_small(
    small: OrderedDict[int, int], main: OrderedDict[int, int], ghost: OrderedDict[int, None],
    ghost_size: int,
) -> None:  # fmt: skip
    while small:
        block, uses = small.popitem(last=False)
        if uses < 2:
            ghost[block] = None
            if len(ghost) > ghost_size:
                ghost.popitem(last=False)
            return
        main[block] = 0


def arc(accesses: Accesses, capacity: int) -> list[bool]:  # noqa: C901
    """Figure 4 of Megiddo and Modha (FAST 2003); lists from oldest to newest."""
    once, often, lost_once, lost_often = [], [], [], []  # type: ignore[var-annotated]
    goal = 0.0
    hits = []

    def replace(is_lost_often: bool) -> None:
        if once and (len(once) > goal or (is_lost_often and len(once) == goal)):
            lost_once.append(once.pop(0))
        else:
            lost_often.append(often.pop(0))

    for block in accesses:
        hits.append(block in once or block in often)
        if hits[-1]:
            (once if block in once else often).remove(block)
        elif block in lost_once:
            goal = min(goal + max(len(lost_often) / len(lost_once), 1), capacity)
            replace(is_lost_often=False)
            lost_once.remove(block)
        elif block in lost_often:
            goal = max(goal - max(len(lost_once) / len(lost_often), 1), 0)
            replace(is_lost_often=True)
            lost_often.remove(block)
        else:
            if len(once) + len(lost_once) == capacity:
                if len(once) < capacity:
                    lost_once.pop(0)
                    replace(is_lost_often=False)
                else:
                    once.pop(0)
            elif len(once) + len(often) + len(lost_once) + len(lost_often) >= capacity:
                if len(once) + len(often) + len(lost_once) + len(lost_often) == 2 * capacity:
                    lost_often.pop(0)
                replace(is_lost_often=False)
            once.append(block)
            continue
        often.append(block)
    return hits


def belady(accesses: Accesses, capacity: int) -> list[bool]:
    held: set[int] = set()
    hits = []
    for now, block in enumerate(accesses):
        hits.append(block in held)
        if block not in held and len(held) == capacity:
            next_use = dict.fromkeys(held, now)
            for later in range(len(accesses) - 1, now, -1):
                next_use[accesses[later]] = later
            never = [one for one in held if next_use[one] == now]
            held.remove(never[0] if never else max(held, key=lambda one: next_use[one]))
        held.add(block)
    return hits


ORACLES: dict[str, Oracle] = {
    "lru": lru,
    "lfu": lfu,
    "fifo": fifo,
    "sieve": sieve,
    "s3fifo": s3fifo,
    "arc": arc,
    "belady": belady,
}


def trie_lru(prompts: Sequence[Sequence[int]], capacity: int) -> list[int]:
    """Leading runs of a cache of whole prefixes that gives up leaves only, oldest use first."""
    used: dict[tuple[int, ...], int] = {}
    runs, clock = [], 0
    for prompt in prompts:
        paths = [tuple(prompt[: length + 1]) for length in range(len(prompt))]
        run = 0
        while run < len(paths) and paths[run] in used:
            run += 1
        protected = set(paths[:run])
        for path in paths[:run]:
            clock += 1
            used[path] = clock
        runs.append(run)
        for path in paths[run:]:
            if len(used) == capacity:
                parents = {held[:-1] for held in used}
                leaves = [held for held in used if held not in parents and held not in protected]
                if not leaves:
                    break
                del used[min(leaves, key=lambda held: used[held])]
            if path[:-1] and path[:-1] not in used:
                break
            clock += 1
            used[path] = clock
    return runs
