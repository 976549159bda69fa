"""The step engine: small cases by hand, and a loop that takes every step."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.replay.step_reference import serve_step_by_step
from tokenworks.replay.serving.steps import Limits, StepLaw, Work, simulate

LAW = st.builds(
    StepLaw,
    base=st.floats(0.001, 0.05),
    per_running=st.floats(0, 0.01),
    per_kv_token=st.floats(0, 1e-3),
    per_prefill_token=st.floats(0, 1e-2),
    with_prefill=st.floats(0, 0.05),
    per_longest=st.floats(0, 1e-3),
    longest_from=st.integers(0, 6),
)


@st.composite
def limits(draw: st.DrawFn) -> Limits:
    seqs = draw(st.integers(1, 6))
    return Limits(
        max_num_seqs=seqs,
        token_budget=draw(st.none() | st.integers(seqs, 40)),
        kv_blocks=draw(st.none() | st.integers(27, 60)),
        block_tokens=4,
        admission_lag_steps=draw(st.sampled_from([0, 1])),
        max_in_flight=draw(st.none() | st.integers(1, 8)),
    )


def random_work(seed: int, replicas: int, closed: bool, handed_over: float) -> Work:
    """60 requests of up to 60 prompt and 40 output tokens; closed loops in sessions."""
    generator = np.random.default_rng(seed)
    count = 60
    session = generator.integers(0, 12, count)
    last: dict[int, int] = {}
    previous = np.full(count, -1)
    for row in range(count):
        previous[row] = last.get(int(session[row]), -1) if closed else -1
        last[int(session[row])] = row
    prompt = generator.integers(1, 61, count)
    return Work(
        arrivals=np.cumsum(generator.exponential(generator.choice([0.02, 0.3]), count)),
        prompt=prompt,
        output=generator.integers(0, 41, count),
        cached=(prompt * generator.random(count) * (generator.random(count) < 0.5)).astype(int),
        replica=generator.integers(0, replicas, count),
        previous=previous,
        think_seconds=generator.exponential(0.3, count),
        prefilled=generator.random(count) < handed_over,
    )


@given(
    seed=st.integers(0, 100_000),
    replicas=st.integers(1, 3),
    law=LAW,
    limit=limits(),
    closed=st.booleans(),
    clients=st.none() | st.integers(1, 8),
    handed_over=st.sampled_from([0.0, 0.3, 1.0]),
)
@settings(max_examples=200, deadline=None)
def test_everything_equals_the_step_by_step_loop_when_work_is_random(
    seed: int,
    replicas: int,
    law: StepLaw,
    limit: Limits,
    closed: bool,
    clients: int | None,
    handed_over: float,
) -> None:
    work = random_work(seed, replicas, closed, handed_over)
    served = simulate(work, law, limit, replicas, clients=clients)
    expected = serve_step_by_step(work, law, limit, replicas, clients)
    found = np.column_stack([served.arrived, served.admitted, served.first_token, served.ended])
    wanted = [[job.arrived, job.admitted, job.first, job.ended] for job in expected.jobs]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-9)
    assert served.preemptions.tolist() == [job.preempted for job in expected.jobs]
    assert served.steps.tolist() == [server.steps for server in expected.servers]
    assert served.prefill_tokens.tolist() == [server.prefilled for server in expected.servers]
    for name, sums in (
        ("busy_seconds", [server.busy for server in expected.servers]),
        ("running_seconds", [server.running for server in expected.servers]),
        ("kv_token_seconds", [server.kv for server in expected.servers]),
    ):
        np.testing.assert_allclose(getattr(served, name), sums, rtol=1e-9, atol=1e-9)
