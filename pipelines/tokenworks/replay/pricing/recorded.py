"""What requests cost and drew in history, as published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.pricing.rates import CARBON, ENERGY, PRICED, Rates
from tokenworks.replay.spool import by_piece
from tokenworks.replay.traffic.requests import Traffic

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Recorded(Mapping[str, Floats]):
    """Recorded amount of each request, by priced column; read when it is asked for, and not kept.

    Attributes:
        traffic: the requests.
        deployment: where each ran.
        rates: with the carbon of their facility energy.
    """

    traffic: Traffic
    deployment: Ints
    rates: Rates

    def __getitem__(self, name: str) -> Floats:
        if name not in self:
            raise KeyError(name)
        if name != CARBON:
            return self.traffic.numbers(name)
        joules, grams, days = (
            self.traffic.numbers(ENERGY),
            self.rates.grams_per_joule,
            self.rates.days,
        )

        def carbon(rows: slice) -> Floats:
            found: Floats = joules[rows] * grams[self.deployment[rows], days[rows]]
            return found

        return by_piece(len(joules), carbon)

    def __contains__(self, name: object) -> bool:
        return name in (*PRICED, CARBON)

    def __iter__(self) -> Iterator[str]:
        yield from (*PRICED, CARBON)

    def __len__(self) -> int:
        return len(PRICED) + 1
