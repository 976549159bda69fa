"""Scrapes of nvidia_gpu_exporter, which runs `nvidia-smi --query-gpu`, into `gpu_samples`; and of the
older nvidia_gpu_prometheus_exporter, which asks the driver (`nvidia_gpu_`, milliwatts and percent).

Files and times are as for any scrape (`prometheus/scan.py`): `# scraped_at` lines, timestamps, or the
time in the file name.

What the emitter gets wrong: the label `uuid` lacks the `GPU-` that nvidia-smi and DCGM write, and it is
added, so that one board has one name; a masked UUID of zeros is no identity, and the board is then named
by the file and its index. `power_draw_watts` is the average on newer boards and a sample on older ones,
beside `_average_` and `_instant_`; it is taken first, as in logs of nvidia-smi. The memory of MIG
devices is of the GPU instance. What has no value is not exported; XID counters count since the
exporter's start and are not the last error. The older exporter's `minor_number` is no index. Of the command lines of processes nothing is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.engine_samples.engines.table import engine_scraped
from tokenworks_sources.connectors.gpu_samples.dcgm_prometheus import names_dcgm
from tokenworks_sources.connectors.prometheus.catalogue import (
    Catalogue,
    Kind,
    Target,
    Unused,
    Use,
)
from tokenworks_sources.connectors.prometheus.clock import instance_of_path
from tokenworks_sources.connectors.prometheus.exposition import Series
from tokenworks_sources.connectors.prometheus.scan import Batch, scan
from tokenworks_sources.connectors.prometheus.select import select
from tokenworks_sources.contracts.gpu_samples import CONTRACT

PREFIX = "nvidia_smi_"
OLDER = "nvidia_gpu_"
TABLE = CONTRACT.table
INFO = "gpu_info"
_ROW = ["scrape", "entity"]
_MASKED = "GPU-00000000-0000-0000-0000-000000000000"
_HERTZ = 1e6
_MIG = re.compile(r"mig_(memory_\w+)")
_SAMPLE = re.compile(
    rf"(?m)^(?:# (?:HELP|TYPE) )?"
    rf"({PREFIX}(?=gpu_info|power_draw|utilization_gpu)|{OLDER}(?=duty_cycle|power_usage_milliwatts))"
)


@dataclass(frozen=True)
class Field:
    """A metric without its prefix: its column, its unit over the contract's, its rank."""

    column: str
    divisor: float = 1.0
    rank: int = 0


FIELDS = {
    "utilization_gpu_ratio": Field("gpu_util_ratio"),
    "utilization_memory_ratio": Field("mem_copy_util_ratio"),
    "memory_used_bytes": Field("memory_used_bytes"),
    "memory_free_bytes": Field("memory_free_bytes"),
    "memory_reserved_bytes": Field("memory_reserved_bytes"),
    "power_draw_watts": Field("power_watts"),
    "power_draw_average_watts": Field("power_watts", rank=1),
    "power_draw_instant_watts": Field("power_watts", rank=2),
    "energy_joules_total": Field("energy_joules_total"),
    "clocks_current_sm_clock_hz": Field("sm_clock_mhz", _HERTZ),
    "clocks_current_memory_clock_hz": Field("mem_clock_mhz", _HERTZ),
    "temperature_gpu": Field("gpu_temperature_celsius"),
    "temperature_memory": Field("memory_temperature_celsius"),
    "clocks_event_reasons_active": Field("throttle_reasons"),
    "clocks_throttle_reasons_active": Field("throttle_reasons", rank=1),
    "index": Field("gpu_index"),
}
FIELDS_OF_OLDER = {
    "duty_cycle": Field("gpu_util_ratio", 100.0),
    "memory_used_bytes": Field("memory_used_bytes"),
    "power_usage_milliwatts": Field("power_watts", 1000.0),
    "temperature_celsius": Field("gpu_temperature_celsius"),
}


class NvidiaGpuExporter:
    """Connector of nvidia_gpu_exporter's /metrics."""

    name = "nvidia_gpu_exporter"
    table = "gpu_samples"
    tables: tuple[str, ...] = ("gpu_samples",)
    version = "2"
    summary = "nvidia_gpu_exporter /metrics, one scrape or many a file"

    def recognise(self, preview: Preview) -> str | None:
        """Samples of the exporter, and none of DCGM or an engine, which would be a dump."""
        text = preview.text or ""
        own = _SAMPLE.search(text)
        is_alone = own and not names_dcgm(text) and not engine_scraped(text)
        return f"metrics named {own[1]}*" if own and is_alone else None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one sample line."""
        catalogue = Catalogue(target_of)
        host = instance_of_path(file.name, (NvidiaGpuExporter.name, NvidiaGpuExporter.table))
        for batch in scan(file, catalogue, sink):
            used = select(batch, catalogue, sink)
            if used.height:
                sink.write(TABLE, _rows(used, batch, catalogue, host))


CONNECTOR = NvidiaGpuExporter()


def target_of(series: Series) -> Use:
    """Where the samples of a series go. The entity is (table, board, MIG instance)."""
    is_older = series.name.startswith(OLDER)
    name = series.name.removeprefix(OLDER if is_older else PREFIX)
    if name == series.name:
        return Unused("a metric that no column holds")
    board = _board(series.labels.get("uuid", ""))
    mig = None if is_older else _MIG.fullmatch(name)
    field = (FIELDS_OF_OLDER if is_older else FIELDS).get(mig[1] if mig else name)
    if field is None and (is_older or name != INFO):
        return Unused("a metric of nvidia-smi that no column holds")
    if board is None:
        return Unused("no UUID", rejected=True)
    instance = series.labels.get("gpu_instance_id", "") if mig else ""
    if field is None:
        labels = ("name", "driver_version")
        about = tuple(series.labels.get(label) for label in labels)
        return Target((TABLE, board, instance), Kind.INFO, INFO, attributes=about)
    column = CONTRACT.column(field.column)
    return Target(
        (TABLE, board, instance),
        Kind.SAMPLE,
        field.column,
        divisor=field.divisor,
        rank=field.rank,
        minimum=column.minimum if column.type != "string" else 0,
        maximum=column.maximum,
    )


def _board(uuid: str) -> str | None:
    if not uuid:
        return None
    return uuid if uuid.upper().startswith("GPU-") else f"GPU-{uuid}"


def _rows(used: pl.DataFrame, batch: Batch, catalogue: Catalogue, host: str | None) -> pl.DataFrame:
    rows = used.group_by(_ROW, maintain_order=True).agg(
        pl.col("line").min().alias("source_line"), pl.col("records").sum().alias("_records")
    )
    samples = used.filter(pl.col("kind") == Kind.SAMPLE)
    wide = samples.pivot(on="field", index=_ROW, values="value", aggregate_function="first")
    rows = rows.join(wide, on=_ROW, how="left", maintain_order="left")
    rows = rows.join(_about(used, catalogue), on=_ROW, how="left", maintain_order="left")
    entities = pl.DataFrame(
        [entity[1:] for entity in catalogue.entities],
        schema={"gpu_uuid": pl.String, "mig_instance_id": pl.String},
        orient="row",
    )
    times = pl.Series("sampled_at", [scrape.time for scrape in batch.scrapes], pl.Int64)
    rows = pl.concat([rows, entities[rows["entity"]]], how="horizontal").with_columns(
        times[rows["scrape"]].cast(pl.Datetime("us"))
    )
    if "gpu_index" in rows.columns:
        rows = rows.with_columns(pl.col("gpu_index").cast(pl.Int64, strict=False))
    return rows.with_columns(_named(rows, host), *_mask(rows)).drop(_ROW)


def _about(used: pl.DataFrame, catalogue: Catalogue) -> pl.DataFrame:
    """Model and driver of each row that has an info sample."""
    info = used.filter(pl.col("kind") == Kind.INFO).select(*_ROW, "series")
    uses = [catalogue.uses[number] for number in info["series"]]
    labels = [use.attributes if isinstance(use, Target) else (None, None) for use in uses]
    about = pl.DataFrame(
        labels, schema={"gpu_model": pl.String, "driver_version": pl.String}, orient="row"
    )
    return pl.concat([info.drop("series"), about], how="horizontal").unique(
        _ROW, keep="first", maintain_order=True
    )


def _named(rows: pl.DataFrame, host: str | None) -> pl.Expr:
    """The UUID, or host and index where it is masked."""
    uuid = pl.col("gpu_uuid")
    if "gpu_index" not in rows.columns:
        return uuid
    place = pl.format("{}:{}", pl.lit(host), pl.col("gpu_index"))
    named = pl.when(uuid == _MASKED).then(pl.coalesce(place, uuid)).otherwise(uuid)
    return named.alias("gpu_uuid")


def _mask(rows: pl.DataFrame) -> list[pl.Series]:
    """The bit mask as nvidia-smi writes it."""
    if "throttle_reasons" not in rows.columns:
        return []
    texts = [
        None if value is None else f"0x{int(value):016X}" for value in rows["throttle_reasons"]
    ]
    return [pl.Series("throttle_reasons", texts, pl.String)]
