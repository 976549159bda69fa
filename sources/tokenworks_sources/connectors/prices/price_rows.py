"""Rows of `prices` from lists that hold many prices per model.

Belongs here: what the lists share. A record is one price, so that a list may sell a model by the image
as well as by the token, and only the former is skipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from tokenworks_sources.connectors.amounts import NOT_AN_AMOUNT, amount_of
from tokenworks_sources.connectors.base import Sink

MILLION = 1_000_000
BLOCK_ROWS = 20_000
STANDARD = "standard"
OTHER_UNIT = "priced by something other than tokens"
NO_PRICE = "a model without a price of tokens"
SCHEMA = pl.Schema(
    {
        "price_list": pl.String(),
        "provider": pl.String(),
        "model": pl.String(),
        "token_class": pl.String(),
        "above_input_tokens": pl.Int64(),
        "service_tier": pl.String(),
        "valid_from": pl.Datetime("us"),
        "price_per_million_tokens": pl.Decimal(38, 12),
        "currency": pl.String(),
        "source_line": pl.Int64(),
        "_raw": pl.String(),
        "_records": pl.Int64(),
    }
)


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
        self._price_list = price_list
        self._currency = currency
        self._rows: list[tuple[object, ...]] = []

    def add(
        self, line: int, provider: str, models: Sequence[str], valid_from: datetime, price: Listed
    ) -> None:
        """One price under each name that the list has for the model."""
        amount = amount_of(price.value, MILLION // price.tokens)
        if amount is None:
            self.reject(line, price.field, NOT_AN_AMOUNT)
            return
        for number, model in enumerate(models):
            self._rows.append(
                (
                    self._price_list,
                    provider,
                    model,
                    price.token_class,
                    price.above_input_tokens,
                    price.service_tier,
                    valid_from,
                    amount,
                    self._currency,
                    line,
                    f'{{"{price.field}": {amount}}}',
                    0 if number else 1,
                )
            )
        if len(self._rows) >= BLOCK_ROWS:
            self.close()

    def reject(self, line: int, field: str, what: str, raw: str = "") -> None:
        """A price that cannot be used."""
        self._sink.reject(line, f"{field}: {what}", raw)

    def skip(self, reason: str, records: int = 1) -> None:
        """Prices that are not of tokens."""
        self._sink.skip(reason, records)

    def close(self) -> None:
        """Hands over what is left."""
        if self._rows:
            frame = pl.DataFrame(self._rows, schema=SCHEMA, orient="row")
            self._sink.write("prices", frame)
            self._rows.clear()
