"""Scrapes of dcgm-exporter into `gpu_samples`.

Files and times are as for any scrape (`prometheus/scan.py`): `# scraped_at` lines, timestamps, or the
time in the file name. A first line of plain words and lines of dashes, which people add when they
save scrapes by hand, are skipped by reason; any other line that is no sample is rejected.

What the emitter gets wrong: names and units change between releases (`dcgm_fields.py`); a field that
the GPU does not have is exported as a huge number (null here); energy is in millijoules; the label
`Hostname` became `hostname`; the XID is the last one, not a count. On a MIG board utilisation is
missing, and power and energy of the whole board repeat on each of its instances, not always with one
value: they stay on their rows, and whoever sums must take one per board. A GPU that several pods
share has one series per pod: equal values count once, a deviating one is rejected, and the pods are
joined by commas.
"""

from __future__ import annotations

import re

import polars as pl

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.engine_samples.engines.table import engine_scraped
from tokenworks_sources.connectors.gpu_samples.dcgm_fields import FIELDS, PERCENT, UTIL_RATIO
from tokenworks_sources.connectors.prometheus.catalogue import (
    Catalogue,
    Kind,
    Target,
    Unused,
    Use,
)
from tokenworks_sources.connectors.prometheus.exposition import Series
from tokenworks_sources.connectors.prometheus.scan import Batch, scan
from tokenworks_sources.connectors.prometheus.select import select
from tokenworks_sources.contracts.gpu_samples import CONTRACT

AMBIGUOUS = f"{UTIL_RATIO} 1: a ratio or a percentage, and nothing tells which"
TABLE = CONTRACT.table
_ROW = ["scrape", "entity"]
_LABELS = {
    "mig_profile": ("GPU_I_PROFILE",),
    "gpu_index": ("gpu",),
    "hostname": ("Hostname", "hostname"),
    "gpu_model": ("modelName",),
    "driver_version": ("DCGM_FI_DRIVER_VERSION", "DCGM_FI_SYSTEM_DRIVER_VERSION"),
    # Prometheus renames the exporter's labels where they collide with those of the target.
    "pod": ("exported_pod", "pod"),
    "namespace": ("exported_namespace", "namespace"),
}
GPU_LABELS = frozenset(
    {"UUID", "uuid", "GPU_I_ID", *(label for labels in _LABELS.values() for label in labels)}
)


class DcgmPrometheus:
    """Connector of dcgm-exporter's /metrics."""

    name = "dcgm_prometheus"
    table = "gpu_samples"
    tables: tuple[str, ...] = ("gpu_samples",)
    version = "4"
    summary = "dcgm-exporter /metrics, one scrape or many a file"

    def recognise(self, preview: Preview) -> str | None:
        """A sample or declaration of a DCGM field; with an engine's beside it, it is a dump."""
        text = preview.text or ""
        return "metrics named DCGM_*" if names_dcgm(text) and not engine_scraped(text) else None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one sample line."""
        catalogue = Catalogue(target_of)
        for batch in scan(file, catalogue, sink):
            write_gpus(select(batch, catalogue, sink), batch, catalogue, sink)


CONNECTOR = DcgmPrometheus()


def names_dcgm(text: str) -> bool:
    """A line of the text is a sample or declaration of a DCGM field."""
    return bool(_DCGM.search(text))


# Names before 2.0 are words that others could use too, so only the known ones count.
_FIRST = "|".join(name for name in FIELDS if name.startswith("dcgm_"))
_DCGM = re.compile(
    rf"(?m)^(?:# (?:HELP|TYPE) (?:DCGM_|(?:{_FIRST}) )|(?:DCGM_\w+|{_FIRST})(?:\{{| +[-+.\dN]))"
)


def write_gpus(used: pl.DataFrame, batch: Batch, catalogue: Catalogue, sink: Sink) -> None:
    """Selected samples of GPUs as rows."""
    own = _utilisation(catalogue.of_table(used, TABLE), catalogue, sink)
    if own.height:
        sink.write(TABLE, _rows(own, batch, catalogue))


def target_of(series: Series) -> Use:
    """Where the samples of a series go. The entity is (table, board, MIG instance)."""
    field = FIELDS.get(series.name)
    if field is None:
        what = "a DCGM field" if series.name.startswith("DCGM_") else "a metric"
        return Unused(f"{what} that no column holds")
    board = _board(series)
    if board is None:
        return Unused("neither a UUID nor a host and an index", rejected=True)
    column = CONTRACT.column(field.column)
    return Target(
        (TABLE, board, series.labels.get("GPU_I_ID", "")),
        Kind.SAMPLE,
        field.column,
        divisor=field.divisor,
        rank=field.rank,
        minimum=column.minimum,
        maximum=None if series.name == UTIL_RATIO else column.maximum,
        blank_from=field.blank_from,
        attributes=tuple(_first(series, labels) for labels in _LABELS.values()),
    )


def _board(series: Series) -> str | None:
    uuid = _first(series, ("UUID", "uuid"))
    if uuid:
        return uuid
    host, index = _first(series, _LABELS["hostname"]), series.labels.get("gpu")
    return f"{host}:{index}" if host and index else None


def _first(series: Series, labels: tuple[str, ...]) -> str | None:
    return next((series.labels[label] for label in labels if label in series.labels), None)


def _rows(used: pl.DataFrame, batch: Batch, catalogue: Catalogue) -> pl.DataFrame:
    rows = used.group_by(_ROW, maintain_order=True).agg(
        pl.col("line").min().alias("source_line"), pl.col("records").sum().alias("_records")
    )
    wide = used.pivot(on="field", index=_ROW, values="value", aggregate_function="first")
    rows = rows.join(wide, on=_ROW, how="left", maintain_order="left")
    rows = rows.join(_attributes(used, catalogue), on=_ROW, how="left", maintain_order="left")
    entities = pl.DataFrame(
        [entity[1:] if entity[0] == TABLE else (None, None) for entity in catalogue.entities],
        schema={"gpu_uuid": pl.String, "mig_instance_id": pl.String},
        orient="row",
    )
    times = pl.Series("sampled_at", [scrape.time for scrape in batch.scrapes], pl.Int64)
    rows = pl.concat([rows, entities[rows["entity"]]], how="horizontal").with_columns(
        times[rows["scrape"]].cast(pl.Datetime("us"))
    )
    return rows.with_columns(
        pl.col("gpu_index").cast(pl.Int64, strict=False),
        *(_whole(rows, "xid_last")),
        *(_mask(rows, "throttle_reasons")),
    ).drop(_ROW)


def _utilisation(used: pl.DataFrame, catalogue: Catalogue, sink: Sink) -> pl.DataFrame:
    """Percentages of DCGM 4.6 under the name that is a ratio in DCGM 4.7.

    A fraction, or any field that only 4.7 has, shows that the file is of 4.7; a value above 1, that
    it is of 4.6. Where nothing shows it, 1 is either 1 % or all: no value. 0 is 0 in both.
    """
    names = [series.name for series in catalogue.series]
    numbers = [number for number, name in enumerate(names) if name == UTIL_RATIO]
    if not numbers:
        return used
    is_ratio = pl.col("series").is_in(numbers)
    is_new = any(name in FIELDS and FIELDS[name].is_base_unit for name in names)
    fractions = used.filter(is_ratio & (pl.col("value") % 1 != 0)).height
    if is_new or fractions:
        return used
    if not used.filter(is_ratio & (pl.col("value") > 1)).height:
        ambiguous = is_ratio & (pl.col("value") == 1)
        sink.skip(AMBIGUOUS, int(used.filter(ambiguous)["records"].sum()))
        return used.filter(ambiguous.not_() | pl.col("value").is_null())
    percent = pl.when(is_ratio).then(pl.col("value") / PERCENT).otherwise(pl.col("value"))
    return used.with_columns(percent.alias("value"))


def _attributes(used: pl.DataFrame, catalogue: Catalogue) -> pl.DataFrame:
    """What the labels say about each row: the first value of each, all pods."""
    targets = [
        use.attributes
        if isinstance(use, Target) and use.entity[0] == TABLE
        else (None,) * len(_LABELS)
        for use in catalogue.uses
    ]
    # Series of one GPU carry the same labels, so few distinct sets are joined, not every sample.
    numbers = {labels: number for number, labels in enumerate(dict.fromkeys(targets))}
    sets = pl.DataFrame(list(numbers), schema=dict.fromkeys(_LABELS, pl.String), orient="row")
    set_of = pl.Series("set", [numbers[labels] for labels in targets], pl.Int32)
    distinct = used.select(*_ROW, set_of[used["series"]]).unique(maintain_order=True)
    about = pl.concat([distinct.select(_ROW), sets[distinct["set"]]], how="horizontal")
    joined = ("pod", "namespace")
    return about.group_by(_ROW, maintain_order=True).agg(
        *(pl.col(name).drop_nulls().first() for name in _LABELS if name not in joined),
        *(_listed(name) for name in joined),
    )


def _listed(name: str) -> pl.Expr:
    values = pl.col(name).drop_nulls().unique().sort()
    return pl.when(values.len() > 0).then(values.str.join(","))


def _whole(rows: pl.DataFrame, name: str) -> list[pl.Expr]:
    return [pl.col(name).cast(pl.Int64)] if name in rows.columns else []


def _mask(rows: pl.DataFrame, name: str) -> list[pl.Series]:
    """The bit mask as nvidia-smi writes it."""
    if name not in rows.columns:
        return []
    texts = [None if value is None else f"0x{int(value):016X}" for value in rows[name]]
    return [pl.Series(name, texts, pl.String)]
