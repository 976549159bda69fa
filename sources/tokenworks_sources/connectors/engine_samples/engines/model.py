"""The shape of an engine's table of aliases.

Belongs here: the classes. The names of one engine live in the module of that engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Alias:
    """One exported metric that gives a column of `engine_samples`.

    Attributes:
        metric: name without the engine's prefix and without `_total`.
        column: column of the contract.
        releases: releases that export the name, as far as known; for the reader.
        rank: 0 for the name that wins where a release exports both.
        only: label values that the series must have; other values belong to other aliases.
        added: series with other label values are parts of the same count.
    """

    metric: str
    column: str
    releases: str = "all"
    rank: int = 0
    only: Mapping[str, frozenset[str]] = field(default_factory=dict)
    added: bool = False


@dataclass(frozen=True)
class Engine:
    """What one engine exports.

    Attributes:
        name: as in the contract's `engine`.
        prefix: of all its metrics.
        aliases: gauges and counters.
        index_label: label of the data-parallel index; "0" where a series has none.
        renamed_histograms: earlier name of a histogram to its present one.
        infos: info metric to label to column, for values that stand in labels.
        only_labels: series with another value of these labels repeat the ones that are read.
        added_labels: labels that split a histogram into parts to add up.
        unusable: metric to the reason why it must not be read as what it looks like.
    """

    name: str
    prefix: str
    aliases: tuple[Alias, ...]
    index_label: str
    renamed_histograms: Mapping[str, str] = field(default_factory=dict)
    infos: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    only_labels: Mapping[str, str] = field(default_factory=dict)
    added_labels: frozenset[str] = frozenset()
    unusable: Mapping[str, str] = field(default_factory=dict)

    def aliases_of(self, metric: str) -> tuple[Alias, ...]:
        """The aliases of a metric given without prefix and `_total`."""
        return tuple(alias for alias in self.aliases if alias.metric == metric)
