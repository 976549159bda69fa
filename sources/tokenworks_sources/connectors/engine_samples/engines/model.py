"""The shape of an engine's table of aliases.

Belongs here: the classes. The names of one engine live in the module of that engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# Labels that scrapers, Kubernetes and Dynamo's workers add to a series; they name no part of a value.
SCRAPER_LABELS = frozenset(
    {"instance", "exported_instance", "job", "exported_job", "pod", "exported_pod", "namespace",
     "exported_namespace", "container", "exported_container", "node", "endpoint",
     "exported_endpoint", "service", "exported_service", "cluster", "prometheus",
     "prometheus_replica", "replica", "receive_replica", "monitor", "host", "hostname", "nodename", "region", "zone",
     "worker_addr", "ReplicaId", "WorkerId", "Component", "SessionName", "Version", "NodeAddress"}
)  # fmt: skip
DYNAMO_LABELS = frozenset(
    {"dynamo_namespace", "dynamo_component", "dynamo_endpoint", "worker_id", "worker_type"}
)
RANK_LABELS = ("tp_rank", "pp_rank", "moe_ep_rank", "moe_dp_rank", "attn_cp_rank")


@dataclass(frozen=True)
class Alias:
    """One exported metric that gives a column of `engine_samples`.

    Attributes:
        metric: name without the engine's prefix and without `_total`.
        column: column of the contract.
        releases: releases that export the name, as far as known; for the reader.
        rank: 0 for the name that wins where a release exports both.
        only: label values that the series must have ("" is an absent label); other values belong to
            other aliases.
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
        prefix: of all its metrics; aliases are written without it.
        aliases: gauges and counters.
        index_label: label of the data-parallel index; "0" where a series has none.
        families: beginnings of the names that are the engine's; the prefix where there are none.
        other_prefixes: prefixes of the same names in other releases.
        renamed_prefixes: prefix in other releases to what stands for it behind the prefix now.
        model_labels: labels of the model, the first that a series has.
        renamed_histograms: exported name of a histogram to the canonical one.
        columns_of_histograms: canonical histogram to the columns of its sum and count.
        infos: info metric to label to column, for values that stand in labels.
        added_labels: labels that split a histogram into parts to add up.
        scraper_labels: labels of its own that scrapers have too, which then rename them `exported_…`.
        unusable: metric to the reason why it must not be read as what it looks like.
        is_host: it serves requests through another engine, whose own series win.
    """

    name: str
    prefix: str
    aliases: tuple[Alias, ...]
    index_label: str
    families: tuple[str, ...] = ()
    other_prefixes: tuple[str, ...] = ()
    renamed_prefixes: Mapping[str, str] = field(default_factory=dict)
    model_labels: tuple[str, ...] = ("model_name", "model")
    renamed_histograms: Mapping[str, str] = field(default_factory=dict)
    columns_of_histograms: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)
    infos: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    added_labels: frozenset[str] = frozenset()
    scraper_labels: frozenset[str] = frozenset()
    unusable: Mapping[str, str] = field(default_factory=dict)
    is_host: bool = False

    def aliases_of(self, metric: str) -> tuple[Alias, ...]:
        """The aliases of a metric given without prefix and `_total`."""
        return tuple(alias for alias in self.aliases if alias.metric == metric)

    def metric_of(self, name: str) -> str | None:
        """An exported name without its prefix, None where it is not the engine's."""
        if not name.startswith(self.families or (self.prefix, *self.other_prefixes)):
            return None
        for prefix, now in self.renamed_prefixes.items():
            if name.startswith(prefix):
                return now + name.removeprefix(prefix)
        for prefix in (self.prefix, *self.other_prefixes):
            if name.startswith(prefix):
                return name.removeprefix(prefix)
        return None

    def model_of(self, labels: Mapping[str, str]) -> str | None:
        """The model that a series is about."""
        return next((labels[label] for label in self.model_labels if label in labels), None)


def one_of(**values: tuple[str, ...]) -> dict[str, frozenset[str]]:
    """Label values as `Alias.only` wants them."""
    return {label: frozenset(texts) for label, texts in values.items()}
