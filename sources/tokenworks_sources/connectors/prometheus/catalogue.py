"""What becomes of each distinct series of a file: its target, or why it has none.

A file of a million samples has a few hundred series; everything that depends on the labels alone is
worked out here, once per series, and gathered by number afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from enum import StrEnum

import polars as pl

from tokenworks_sources.connectors.prometheus.exposition import Series


class Kind(StrEnum):
    """What a sample is to its row."""

    SAMPLE = "sample"
    BUCKET = "bucket"
    SUM = "sum"
    COUNT = "count"
    CREATED = "created"
    INFO = "info"


@dataclass(frozen=True)
class Target:
    """Where the samples of a series go.

    Attributes:
        entity: what the row is about: the table, then what tells its rows apart (an engine core, a
            GPU), hashable.
        kind: what the sample is to the row.
        field: column of the contract, or metric of a histogram.
        bound: upper bound of a bucket.
        divisor: exported unit over the contract's unit.
        rank: 0 for the name that wins where one value is exported under several names.
        part: which part of the value the series is, where a value is the sum of several; series of one
            part compete, as those of one value do.
        minimum, maximum: inclusive bounds of the value in the contract's unit.
        blank_from: exported values from here on mean that there is no value.
        attributes: further facts about the entity that the labels give.
    """

    entity: tuple[Hashable, ...]
    kind: Kind
    field: str
    bound: float | None = None
    divisor: float = 1.0
    rank: int = 0
    part: Hashable | None = None
    minimum: float | None = None
    maximum: float | None = None
    blank_from: float | None = None
    attributes: tuple[str | None, ...] = ()


@dataclass(frozen=True)
class Unused:
    """Why the samples of a series go nowhere.

    Attributes:
        reason: as counted in the manifest.
        rejected: they ought to have been usable.
    """

    reason: str
    rejected: bool = False


Use = Target | Unused


@dataclass
class Catalogue:
    """The distinct series of one file, numbered as they were met.

    Attributes:
        use: the connector's decision about a series.
        texts: name and labels as written, by number.
        series: the same, parsed.
        uses: the decisions, by number.
        entities: distinct entities, by number.
    """

    use: Callable[[Series], Use]
    texts: list[str] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    entities: dict[tuple[Hashable, ...], int] = field(default_factory=dict)
    _slots: dict[Hashable, int] = field(default_factory=dict)
    _rows: list[tuple[object, ...]] = field(default_factory=list)

    def add(self, text: str, series: Series) -> int:
        """Number of a series that was not met before."""
        use = self.use(series)
        self.texts.append(text)
        self.series.append(series)
        self.uses.append(use)
        self._rows.append(self._row(use))
        return len(self.texts) - 1

    def drop(self, number: int, reason: str) -> None:
        """Takes a series out of use; its samples are skipped by that reason from now on."""
        self.uses[number] = Unused(reason)
        self._rows[number] = self._row(self.uses[number])

    def _row(self, use: Use) -> tuple[object, ...]:
        if isinstance(use, Unused):
            return (False, -1, None, None, None, 1.0, 0, False, -1, None, None, None)
        slot = (use.entity, use.kind, use.field, use.bound, use.part)
        return (
            True,
            self.entities.setdefault(use.entity, len(self.entities)),
            str(use.kind),
            use.field,
            use.bound,
            use.divisor,
            use.rank,
            use.part is not None,
            self._slots.setdefault(slot, len(self._slots)),
            use.minimum,
            use.maximum,
            use.blank_from,
        )

    @property
    def slots(self) -> int:
        """Number of distinct values that one scrape can hold."""
        return len(self._slots)

    def of_table(self, used: pl.DataFrame, table: str) -> pl.DataFrame:
        """Those of the selected samples that go to a table."""
        numbers = [number for entity, number in self.entities.items() if entity[0] == table]
        if len(numbers) == len(self.entities):
            return used
        return used.filter(pl.col("entity").is_in(numbers))

    def frame(self) -> pl.DataFrame:
        """One row per series, in the order of their numbers."""
        return pl.DataFrame(self._rows, schema=_SCHEMA, orient="row")


_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "is_used": pl.Boolean,
    "entity": pl.Int32,
    "kind": pl.Enum([kind.value for kind in Kind]),
    "field": pl.String,
    "bound": pl.Float64,
    "divisor": pl.Float64,
    "rank": pl.Int32,
    "is_added": pl.Boolean,
    "slot": pl.Int64,
    "minimum": pl.Float64,
    "maximum": pl.Float64,
    "blank_from": pl.Float64,
}
