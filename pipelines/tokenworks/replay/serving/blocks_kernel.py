"""KV blocks of one replica: what its batch holds, and how far it can go before they run out.

Compiled callers keep their own copy of this code in their cache: after a change here, delete the
`__pycache__` folders.
"""

from __future__ import annotations

from tokenworks.replay.serving.engine_state import NEVER, Engine, Request
from tokenworks_sources.jit import bare_kernel


@bare_kernel
def context(request: Request) -> int:
    """Tokens that a request (re)admitted must hold before it makes its next one."""
    return request.prompt + request.made


@bare_kernel
def blocks_of(engine: Engine, tokens: int) -> int:
    """Blocks that hold so many tokens of one request."""
    size = engine.bounds.block_tokens
    return (tokens + size - 1) // size


@bare_kernel
def _blocks(engine: Engine, replica: int, ahead: int) -> int:
    """Blocks that the batch needs for its step after the next `ahead - 1` ones."""
    one = engine.replicas[replica]
    decoding = one.size - one.partial
    reach = one.clock + ahead
    total = 0
    for slot in range(decoding):
        total += blocks_of(engine, engine.slots[replica, slot].base + reach)
    if one.partial == 1:
        last = engine.requests[engine.slots[replica, decoding].row]
        total += blocks_of(engine, context(last))
    return total


@bare_kernel
def fits(engine: Engine, replica: int, ahead: int, more: int) -> bool:
    """Whether the batch and `more` blocks fit `ahead` steps on.

    An upper bound first, since it costs nothing.
    """
    limit = engine.bounds.blocks
    if limit == NEVER:
        return True
    one = engine.replicas[replica]
    tokens = one.kv + one.prefill + one.size * ahead
    if one.partial == 1:
        tokens += context(engine.requests[engine.slots[replica, one.size - 1].row])
    if tokens // engine.bounds.block_tokens + one.size + more <= limit:
        return True
    return _blocks(engine, replica, ahead) + more <= limit


@bare_kernel
def steps_that_fit(engine: Engine, replica: int, wanted: int) -> int:
    """Steps up to `wanted` before KV runs out; the first one is known to fit."""
    if fits(engine, replica, wanted, 0):
        return wanted
    enough, short = 1, wanted
    while short - enough > 1:
        middle = (enough + short) // 2
        if fits(engine, replica, middle, 0):
            enough = middle
        else:
            short = middle
    return enough
