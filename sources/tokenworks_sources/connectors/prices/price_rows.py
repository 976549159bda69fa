"""Rows of `prices` from lists that hold many prices per model.

Belongs here: what the lists share. A record is one price, so that a list may sell a model by the image
as well as by the token, and only the former is skipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tokenworks_sources.connectors.base import Sink
from tokenworks_sources.connectors.exact import NOT_AN_AMOUNT, amount_of
from tokenworks_sources.connectors.rows import Rows

MILLION = 1_000_000
STANDARD = "standard"
OTHER_UNIT = "priced by something other than tokens"
NO_PRICE = "a model without a price of tokens"


@dataclass(frozen=True, slots=True)
class Listed:
    """One price as a list has it.

    Attributes:
        field: its name in the list, for rejects.
        token_class: the lake's class.
        value: the amount as read.
        tokens: how many tokens it is for.
    """

    field: str
    token_class: str
    value: object
    tokens: int
    above_input_tokens: int = 0
    service_tier: str = STANDARD


class PriceRows:
    """Collects prices and hands them to the sink in blocks."""

    def __init__(self, sink: Sink, price_list: str, currency: str) -> None:
        self._sink = sink
        self._rows = Rows(sink, "prices", {"price_list": price_list, "currency": currency})

    def add(
        self, line: int, provider: str, models: Sequence[str], valid_from: datetime, price: Listed
    ) -> None:
        """One price under each name that the list has for the model."""
        amount = amount_of(price.value, MILLION // price.tokens)
        if amount is None:
            self.reject(line, price.field, NOT_AN_AMOUNT)
            return
        raw = f'{{"{price.field}": {amount}}}'
        for number, model in enumerate(models):
            row = {
                "provider": provider,
                "model": model,
                "token_class": price.token_class,
                "above_input_tokens": price.above_input_tokens,
                "service_tier": price.service_tier,
                "valid_from": valid_from,
                "price_per_million_tokens": amount,
            }
            self._rows.add(line, raw, row, 0 if number else 1)

    def reject(self, line: int, field: str, what: str, raw: str = "") -> None:
        """A price that cannot be used."""
        self._sink.reject(line, f"{field}: {what}", raw)

    def skip(self, reason: str, records: int = 1) -> None:
        """Prices that are not of tokens."""
        self._sink.skip(reason, records)

    def close(self) -> None:
        """Hands over what is left."""
        self._rows.close()
