"""What a law says about a run: its requests served again by the step engine.

Closed loop: every client asks again the recorded think time after its own answer. Open loop: at
the recorded arrivals. A log that was made in a closed loop and is replayed in an open one
explodes as soon as the law is a little too slow, so that the loop is taken from the log unless
it is named.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tokenworks.replay.calibration.runs import Floats, RunLog
from tokenworks.replay.serving.steps import Limits, Served, StepLaw, Work, simulate

#: Tokens of a KV block where nobody says otherwise.
BLOCK_TOKENS = 16


@dataclass(frozen=True)
class Predicted:
    """A run as the law tells it.

    Attributes:
        ttft, e2e, tpot: seconds, as the client sees them; TPOT is NaN below 2 tokens.
        served: what the engine did.
        closed_loop: whether clients waited for answers.
    """

    ttft: Floats
    e2e: Floats
    tpot: Floats
    served: Served
    closed_loop: bool


def predict(
    run: RunLog, law: StepLaw, overhead: float, lag: int = 1, closed_loop: bool | None = None
) -> Predicted:
    """Serve a run again.

    Args:
        run: requests and limits.
        law: seconds of a step.
        overhead: seconds of a request outside the engine (network, tokeniser).
        lag: steps by which admission lags, 1 where scheduling is asynchronous.
        closed_loop: whether clients wait for answers; null takes it from the log.
    """
    closed = run.waits_for_answers if closed_loop is None else closed_loop
    served = simulate(work_of(run, overhead, closed), law, limits_of(run, lag))
    steps = run.output - 1
    decode = served.ended - served.first_token
    return Predicted(
        ttft=served.ttft_seconds + overhead,
        e2e=served.e2e_seconds + overhead,
        tpot=np.where(steps > 0, decode / np.maximum(steps, 1), np.nan),
        served=served,
        closed_loop=closed,
    )


def work_of(run: RunLog, overhead: float, closed_loop: bool) -> Work:
    """The run as the engine takes it; what is spent outside the engine counts as thinking."""
    think = np.maximum(np.nan_to_num(run.think_seconds), 0.0) + overhead
    return Work(
        arrivals=run.arrivals,
        prompt=np.maximum(run.input, 1),
        output=np.maximum(run.output, 1),
        cached=run.cached,
        previous=run.previous if closed_loop else None,
        think_seconds=think if closed_loop else None,
    )


def limits_of(run: RunLog, lag: int) -> Limits:
    """The run's limits; one that is unknown does not bind."""
    seqs = run.limits.max_num_seqs or max(1, run.count)
    budget = run.limits.token_budget
    blocks = None
    if run.limits.kv_tokens is not None:
        longest = int((run.input + run.output).max()) // BLOCK_TOKENS + 1
        blocks = max(run.limits.kv_tokens // BLOCK_TOKENS, longest)
    return Limits(
        max_num_seqs=seqs,
        token_budget=max(budget, seqs) if budget is not None else None,
        kv_blocks=blocks,
        block_tokens=BLOCK_TOKENS,
        admission_lag_steps=1 if lag else 0,
    )
