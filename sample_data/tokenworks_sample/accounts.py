"""Plain accounting of what happened, from which `truth.json` is made.

Belongs here: counting of attempts, tokens, latencies, and of cost weights by hour. Money is in
`costs`. Nothing here is SQL or code of the product; the rules are written out in the README of the
sample.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from tokenworks_sample.clock import HOUR
from tokenworks_sample.emit_litellm import Row
from tokenworks_sample.records import Attempt
from tokenworks_sample.world import Deployment

SHORT_INPUT = 1000


@dataclass
class Tokens:
    """Token classes of a group of attempts."""

    requests: int = 0
    input_total: int = 0
    input_cache_read: int = 0
    output_total: int = 0

    def add(self, row: Row) -> None:
        """Count one attempt."""
        self.requests += 1
        self.input_total += row.input_tokens
        self.input_cache_read += row.cached_tokens
        self.output_total += row.output_tokens

    def table(self) -> dict[str, int]:
        """The classes under the names of the lake."""
        return {
            "requests": self.requests,
            "input_total_tokens": self.input_total,
            "input_cache_read_tokens": self.input_cache_read,
            "input_uncached_tokens": self.input_total - self.input_cache_read,
            "output_total_tokens": self.output_total,
        }


def sum_of(parts: Sequence[Tokens]) -> Tokens:
    """The sum of several groups."""
    return Tokens(
        sum(part.requests for part in parts),
        sum(part.input_total for part in parts),
        sum(part.input_cache_read for part in parts),
        sum(part.output_total for part in parts),
    )


@dataclass
class DeploymentAccount:
    """What one deployment did."""

    served: Tokens = field(default_factory=Tokens)
    cancelled: Tokens = field(default_factory=Tokens)
    gateway_hits: Tokens = field(default_factory=Tokens)
    short: Tokens = field(default_factory=Tokens)
    lost: Tokens = field(default_factory=Tokens)
    ttft_ms: Counter[int] = field(default_factory=Counter)
    # Weight by (hour, tenant), in GPU-seconds of the deployment's weights.
    served_weight: dict[tuple[int, str], float] = field(default_factory=lambda: defaultdict(float))
    waste_weight: dict[tuple[int, str], float] = field(default_factory=lambda: defaultdict(float))


@dataclass
class Accounts:
    """All counts of a sample."""

    deployments: dict[str, DeploymentAccount] = field(
        default_factory=lambda: defaultdict(DeploymentAccount)
    )
    statuses: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    served_by_tenant: dict[str, Tokens] = field(default_factory=lambda: defaultdict(Tokens))

    def add(self, attempt: Attempt, row: Row, deployment: Deployment) -> None:
        """Count one attempt that ended."""
        account = self.deployments[deployment.id]
        self.statuses[attempt.status] += 1
        self.retries += attempt.attempt > 1
        if attempt.error:
            self.errors[attempt.error] += 1
        if attempt.status == "failure":
            _lost(account, attempt)
        elif attempt.replica is None:
            account.gateway_hits.add(row)
        elif attempt.status == "cancelled":
            account.cancelled.add(row)
            spread(account.waste_weight, row, attempt.session.workload.tenant, deployment)
        else:
            self._served(account, attempt, row, deployment)

    def _served(
        self, account: DeploymentAccount, attempt: Attempt, row: Row, deployment: Deployment
    ) -> None:
        tenant = attempt.session.workload.tenant
        account.served.add(row)
        self.served_by_tenant[tenant].add(row)
        spread(account.served_weight, row, tenant, deployment)
        if row.input_tokens < SHORT_INPUT:
            account.short.add(row)
        # Where nothing was streamed the log does not know the first token.
        if attempt.turn.is_streaming and row.first is not None and row.first < row.end:
            account.ttft_ms[round((row.first - row.start) * 1000)] += 1


def _lost(account: DeploymentAccount, attempt: Attempt) -> None:
    """Tokens that the engine counted and the log does not, because the attempt failed."""
    if attempt.generated > 0:
        row = Row(0, 0, 0, attempt.turn.input_tokens, attempt.cached, attempt.generated)
        account.lost.add(row)


def spread(
    weights: dict[tuple[int, str], float], row: Row, tenant: str, deployment: Deployment
) -> None:
    """What a request weighs in each hour, by the deployment's method.

    The prompt and the first token count where the first token falls, the other output tokens evenly
    from there to the end.
    """
    if row.first is None:
        return
    prefill, decode, cache_read = deployment.shares
    hour = int(row.first // HOUR)
    uncached = row.input_tokens - row.cached_tokens
    weights[hour, tenant] += uncached * prefill + row.cached_tokens * cache_read + decode
    rest = row.output_tokens - 1
    seconds = row.end - row.first
    if rest <= 0 or seconds <= 0:
        weights[hour, tenant] += max(0, rest) * decode
        return
    for h in range(hour, int(row.end // HOUR) + 1):
        overlap = min(row.end, (h + 1) * HOUR) - max(row.first, h * HOUR)
        weights[h, tenant] += rest * decode * overlap / seconds


def percentile(counts: Counter[int], share: float) -> float | None:
    """Linear interpolation between the two nearest ranks, as `quantile_cont` does; in seconds."""
    total = sum(counts.values())
    if total == 0:
        return None
    rank = share * (total - 1)
    low = int(rank)
    values = [_ranked(counts, low), _ranked(counts, min(low + 1, total - 1))]
    return (values[0] + (values[1] - values[0]) * (rank - low)) / 1000


def _ranked(counts: Counter[int], rank: int) -> int:
    seen = 0
    for value in sorted(counts):
        seen += counts[value]
        if seen > rank:
            return value
    raise ValueError(f"there is no rank {rank} among {seen} values")
