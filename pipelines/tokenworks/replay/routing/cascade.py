"""Cascades: a first answer, a verifier that accepts or rejects it, and a second answer if not.

Every attempt is charged, and the second starts when the first and its verification are over. A
verifier is known by two rates: how many good first answers it accepts (hits) and how many bad ones
(false accepts). One that never errs is a bound, not an estimate, and is called so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.spool import kept

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Keep = Literal["second", "better"]


@dataclass(frozen=True)
class Verifier:
    """How well first answers are judged.

    Attributes:
        hit_rate: share of good first answers that are accepted.
        false_accept_rate: share of bad first answers that are accepted.
    """

    hit_rate: float
    false_accept_rate: float

    @property
    def is_perfect(self) -> bool:
        """Whether it never errs: then what comes out is a bound."""
        return self.hit_rate == 1.0 and self.false_accept_rate == 0.0

    def accept_rate(self, right: float) -> float:
        """Share of first answers that are accepted where a share of them is right."""
        return self.hit_rate * right + self.false_accept_rate * (1.0 - right)

    def accepts(self, right: Mask, luck: Floats) -> Mask:
        """Which first answers are accepted, where it is known which are right.

        Args:
            right: first answers that are good.
            luck: a number in [0, 1) for each request, as `draws.luck` gives it.

        Returns:
            Accepted first answers. With the same luck a higher rate accepts a superset.
        """
        accepted: Mask = luck < np.where(right, self.hit_rate, self.false_accept_rate)
        return accepted


@dataclass(frozen=True)
class Outcome:
    """What a cascade made of prompts whose labels are known.

    Attributes:
        quality: mean score of the answers that were kept.
        cost: total cost, every attempt charged.
        escalated: share of prompts that needed a second answer.
        scores: score of the answer that each prompt kept.
        is_bound: whether it rests on knowledge that no verifier has.
    """

    quality: float
    cost: float
    escalated: float
    scores: Floats
    is_bound: bool


def cascade(
    accepted: Mask,
    scores: tuple[Floats, Floats],
    costs: tuple[Floats, Floats],
    keep: Keep = "second",
    is_bound: bool = False,
) -> Outcome:
    """Quality and cost of a cascade over paired labels.

    Args:
        accepted: first answers that the verifier accepts.
        scores: of the first and of the second model's answer to each prompt.
        costs: of the first and of the second model's answer to each prompt.
        keep: what an escalated prompt is answered with: the second answer, or the better of both,
            which takes a judge of answers and is a bound.
        is_bound: whether the verifier is one that never errs.

    Returns:
        The outcome.
    """
    first, second = scores
    kept = np.maximum(first, second) if keep == "better" else second
    answers = np.where(accepted, first, kept)
    return Outcome(
        quality=float(answers.mean()),
        cost=float(costs[0].sum() + costs[1][~accepted].sum()),
        escalated=float((~accepted).mean()),
        scores=answers,
        is_bound=is_bound or keep == "better",
    )


@dataclass(frozen=True)
class Attempts:
    """The attempts of all requests, first attempts first, each request's in order.

    Attributes:
        request: row of the request that each attempt belongs to.
        deployment: where each attempt runs.
        is_first: whether it is the request's first attempt.
    """

    request: Ints
    deployment: Ints
    is_first: Mask

    @classmethod
    def of(cls, first: Ints, second: Ints, escalated: Mask) -> Attempts:
        """One attempt per request, and one more for those that escalate."""
        again = np.flatnonzero(escalated)
        rows = np.arange(first.size)
        return cls(
            request=kept(np.concatenate([rows, again]).astype(np.int64, copy=False)),
            deployment=kept(np.concatenate([first, second[again]]).astype(np.int64, copy=False)),
            is_first=np.arange(first.size + again.size) < first.size,
        )

    @property
    def requests(self) -> int:
        """Number of requests."""
        return int(self.is_first.sum())

    def where(self, rows: Mask) -> Attempts:
        """Some of the attempts."""
        return Attempts(
            kept(self.request[rows]), kept(self.deployment[rows]), kept(self.is_first[rows])
        )

    def spread(self, values: Floats) -> Floats:
        """A quantity of each request, for each of its attempts."""
        spread: Floats = values[self.request]
        return spread

    def arrivals(self, arrived: Floats, first_seconds: Floats, verify_seconds: float) -> Floats:
        """When each attempt starts: the second when the first and its verification are over.

        Args:
            arrived: arrival of each request.
            first_seconds: how long each request's first attempt takes, as an earlier play found.
            verify_seconds: how long verification takes.
        """
        starts: Floats = arrived[self.request]
        later = ~self.is_first
        starts[later] += first_seconds[self.request[later]] + verify_seconds
        return starts

    def summed(self, amounts: Floats) -> Floats:
        """Cost or energy of each request: the sum over its attempts, null if one is unknown."""
        sums = np.bincount(self.request, weights=amounts, minlength=self.requests)
        return sums.astype(np.float64)

    def latencies(
        self, ttft: Floats, e2e: Floats, verified: Mask, verify_seconds: float
    ) -> tuple[Floats, Floats]:
        """Time to first token and end to end of each request, from those of its attempts.

        A first answer is shown only when it is whole and accepted, so its first token comes with
        its last; that of a second answer comes as it is made.

        Args:
            ttft: time to first token of each attempt.
            e2e: duration of each attempt.
            verified: requests whose first answer is verified (all others stream as ever).
            verify_seconds: how long verification takes.

        Returns:
            Seconds to the first shown token and to the last, of each request.
        """
        first_ttft, first_e2e = ttft[self.is_first], e2e[self.is_first]
        whole = first_e2e + np.where(verified, verify_seconds, 0.0)
        shown = np.where(verified, whole, first_ttft)
        again = self.request[~self.is_first]
        total = whole.copy()
        shown[again] = whole[again] + ttft[~self.is_first]
        total[again] = whole[again] + e2e[~self.is_first]
        return shown, total
