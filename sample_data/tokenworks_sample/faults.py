"""What goes wrong on purpose, as plain data.

Belongs here: the plan. `cluster` makes the outage happen, `emit_litellm` the faults of files,
`emit_focus` the price change; `truth` writes down what was done.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tokenworks_sample.clock import DAY, HOUR


@dataclass(frozen=True)
class Outage:
    """A replica whose process dies; its host and GPUs stay up."""

    replica: str
    start: float
    end: float


@dataclass(frozen=True)
class Late:
    """Rows of a gateway that end in a window and are delivered in a file of their own, later."""

    gateway: str
    start: float
    end: float
    delivered: str


@dataclass(frozen=True)
class PriceChange:
    """A lease whose contracted GPU-hour costs something else from a day on."""

    server: str
    day: int
    before: Decimal
    after: Decimal


@dataclass(frozen=True)
class FaultPlan:
    """All planted faults.

    Attributes:
        duplicates: (gateway, day, rows): the last rows of that day's file are shipped again at the
            head of the next day's file.
        bad_lines: (gateway, day, after how many rows, text); text None truncates a real row.
    """

    outage: Outage
    late: tuple[Late, ...]
    price_change: PriceChange
    duplicates: tuple[tuple[str, int, int], ...]
    bad_lines: tuple[tuple[str, int, int, str | None], ...]


PLAN = FaultPlan(
    outage=Outage("medium-us-1", 10.0 * DAY + 14.96 * HOUR, 10.0 * DAY + 17.96 * HOUR),
    late=(
        Late("eu", 8.0 * DAY + 9 * HOUR, 8.0 * DAY + 11 * HOUR, "2026-10-30"),
        Late("us", 4.0 * DAY + 14 * HOUR, 4.0 * DAY + 15 * HOUR, "2026-10-26"),
    ),
    price_change=PriceChange("srv-eu-a", 9, Decimal("1.40"), Decimal("1.55")),
    duplicates=(("us", 1, 40), ("eu", 4, 25), ("us", 11, 30)),
    bad_lines=(
        ("us", 2, 100, None),
        ("us", 2, 300, "connection reset by peer"),
        ("eu", 3, 50, '{"request_id": "chatcmpl-eu-lost", "startTime": null, "model": "qwen3-8b"}'),
        ("eu", 7, 200, None),
        ("us", 9, 10, "\ufffd\ufffd\ufffd"),
    ),
)
