"""Another chip, precision, model size or drafter, as a change of the step law.

What a term of the law waits for decides how it scales. Reading the weights (`base`) and the keys
and values (`per_kv_token`, `per_longest`) waits for memory; computing prompt tokens and each
request's share of a step wait for arithmetic; what a step with prefill costs more is overhead of
the engine and stays. This is the roofline's word, not a measurement: a stated factor replaces it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tokenworks.replay.serving.work import StepLaw


@dataclass(frozen=True)
class LawFactors:
    """Factors on the coefficients of a law: 2 takes twice as long."""

    base: float = 1.0
    per_running: float = 1.0
    per_kv_token: float = 1.0
    per_prefill_token: float = 1.0
    with_prefill: float = 1.0
    per_longest: float = 1.0

    def times(self, other: LawFactors) -> LawFactors:
        """Both changes, one after the other."""
        return LawFactors(**{name: value * vars(other)[name] for name, value in vars(self).items()})


@dataclass(frozen=True)
class Speeds:
    """What one replica's chips do.

    Attributes:
        flops: operations per second at the precision that the model computes in.
        memory_bytes_per_second: to and from device memory.
        weight_bytes: bytes of the weights that a step reads.
        kv_bytes_per_token: bytes of one token's keys and values.
        active_parameters: parameters that one token passes through.
    """

    flops: float
    memory_bytes_per_second: float
    weight_bytes: float
    kv_bytes_per_token: float
    active_parameters: float


def factors_of(now: Speeds, then: Speeds) -> LawFactors:
    """Factors that facts give for a change of chip, precision or model.

    Args:
        now: the deployment that the law was learnt on.
        then: the one asked for.
    """
    bandwidth = now.memory_bytes_per_second / then.memory_bytes_per_second
    computing = now.flops / then.flops * (then.active_parameters / now.active_parameters)
    reading_kv = bandwidth * (then.kv_bytes_per_token / now.kv_bytes_per_token)
    return LawFactors(
        base=bandwidth * (then.weight_bytes / now.weight_bytes),
        per_running=computing,
        per_kv_token=reading_kv,
        per_prefill_token=computing,
        per_longest=reading_kv,
    )


def scaled(law: StepLaw, factors: LawFactors) -> StepLaw:
    """The law with every coefficient times its factor."""
    return replace(
        law, **{name: getattr(law, name) * factor for name, factor in vars(factors).items()}
    )


def with_drafter(
    law: StepLaw,
    tokens_per_step: float,
    draft_seconds: float = 0.0,
    verification_factor: float = 1.0,
) -> StepLaw:
    """The law under speculative decoding, per token of a request rather than per step.

    A step of the engine then stands for a `tokens_per_step`-th of a verification step, so that
    decoding gets faster by what is accepted. A step that computes prompt tokens is a whole one:
    `with_prefill` makes up for the rest of its base. What its running requests cost in it stays
    divided, which flatters the first token by at most that.

    Args:
        law: without a drafter.
        tokens_per_step: mean tokens that one verification yields, the target's own included.
        draft_seconds: what drafting adds to every step.
        verification_factor: what checking several tokens costs of a request's share, against one.

    Raises:
        ValueError: fewer than one token per step.
    """
    if not tokens_per_step >= 1:
        raise ValueError(f"tokens_per_step must be at least 1, not {tokens_per_step}")
    whole = law.base + draft_seconds
    return replace(
        law,
        base=whole / tokens_per_step,
        per_running=law.per_running * verification_factor / tokens_per_step,
        per_kv_token=law.per_kv_token / tokens_per_step,
        per_longest=law.per_longest / tokens_per_step,
        with_prefill=law.with_prefill + whole * (1 - 1 / tokens_per_step),
    )


def tokens_per_step(acceptance_rate: float, drafted: int) -> float:
    """Mean tokens that one verification yields when each draft is accepted by chance alone.

    Args:
        acceptance_rate: chance that a drafted token is accepted, if the one before it was.
        drafted: tokens drafted per step.
    """
    if acceptance_rate == 1:
        return drafted + 1.0
    return (1 - acceptance_rate ** (drafted + 1)) / (1 - acceptance_rate)
