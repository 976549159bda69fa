"""Selected samples of engine scrapes as rows of `engine_samples` and `engine_histograms`.

Pure but for the sink, which is told of the samples that end in no row.
"""

from __future__ import annotations

import polars as pl

from tokenworks_sources.connectors.base import Sink
from tokenworks_sources.connectors.engine_samples.engines.table import ENGINES, engine_named
from tokenworks_sources.connectors.engine_samples.targets import TABLE
from tokenworks_sources.connectors.prometheus.catalogue import Catalogue, Kind, Target
from tokenworks_sources.connectors.prometheus.scrapes import Scrape

ROW = ["scrape", "entity"]
_TIMESTAMP = pl.Datetime("us")
NO_ENGINE = "no other metric of this engine in the scrape"
NO_BUCKETS = "sum, count or start of a metric without buckets"


def sample_rows(used: pl.DataFrame, catalogue: Catalogue, sink: Sink) -> pl.DataFrame:
    """One row per scrape and engine core: gauges and counters by column.

    Returns:
        columns scrape, entity, source_line, _records and the columns of the contract that occur.
    """
    of_row = used.filter(
        (pl.col("kind") == Kind.SAMPLE)
        | ((pl.col("kind") == Kind.CREATED) & (pl.col("field") == ""))
    )
    rows = of_row.group_by(ROW, maintain_order=True).agg(
        pl.col("line").min().alias("source_line"),
        pl.col("records").sum().alias("_records"),
        _as_time(pl.col("value").filter(pl.col("kind") == Kind.CREATED).min()).alias(
            "counters_created_at"
        ),
    )
    values = of_row.filter((pl.col("kind") == Kind.SAMPLE) & pl.col("value").is_not_null())
    if values.height:
        wide = values.pivot(on="field", index=ROW, values="value", aggregate_function="first")
        rows = rows.join(wide, on=ROW, how="left", maintain_order="left")
    rows = _with_histogram_columns(rows, used, catalogue)
    return _with_infos(rows, used.filter(pl.col("kind") == Kind.INFO), catalogue, sink)


def _with_histogram_columns(
    rows: pl.DataFrame, used: pl.DataFrame, catalogue: Catalogue
) -> pl.DataFrame:
    """Counts that an engine exports as the sum or the count of a histogram only."""
    totals = used.filter(pl.col("kind").is_in([Kind.SUM, Kind.COUNT]))
    engine_of = [str(entity[1]) for entity in catalogue.entities]
    for engine in ENGINES:
        if not engine.columns_of_histograms or engine.name not in engine_of:
            continue
        numbers = [number for number, name in enumerate(engine_of) if name == engine.name]
        own = totals.filter(pl.col("entity").is_in(numbers))
        for metric, columns in engine.columns_of_histograms.items():
            for kind, column in zip((Kind.SUM, Kind.COUNT), columns, strict=True):
                if column is not None:
                    rows = _coalesced(rows, own, metric, kind, column)
    return rows


def _coalesced(
    rows: pl.DataFrame, totals: pl.DataFrame, metric: str, kind: Kind, column: str
) -> pl.DataFrame:
    """Rows with a column filled from a histogram where no metric of its own filled it."""
    is_it = (pl.col("field") == metric) & (pl.col("kind") == kind)
    part = totals.filter(is_it).select(*ROW, pl.col("value").alias("_total"))
    if part.is_empty():
        return rows
    rows = rows.join(part, on=ROW, how="left", maintain_order="left")
    known = [column] if column in rows.columns else []
    return rows.with_columns(pl.coalesce(*known, "_total").alias(column)).drop("_total")


def _with_infos(
    rows: pl.DataFrame, infos: pl.DataFrame, catalogue: Catalogue, sink: Sink
) -> pl.DataFrame:
    """Values that stand in the labels of an info metric, which may carry no model name."""
    if infos.is_empty():
        return rows
    cores = list(catalogue.entities)
    found: dict[tuple[object, ...], list[int]] = {}
    for position, (scrape, entity) in enumerate(rows.select(ROW).iter_rows()):
        found.setdefault((scrape, *cores[entity][1:4]), []).append(position)
    columns: dict[str, list[float | None]] = {}
    extra = [0] * rows.height
    for scrape, series, entity, line in infos.select(
        "scrape", "series", "entity", "line"
    ).iter_rows():
        _, name, *_, model = cores[entity]
        positions = [
            position
            for position in found.get((scrape, *cores[entity][1:4]), [])
            if model is None or cores[rows["entity"][position]][4] == model
        ]
        if not positions:
            sink.reject(line, NO_ENGINE, catalogue.texts[series])
            continue
        extra[positions[0]] += 1
        use = catalogue.uses[series]
        assert isinstance(use, Target)
        labels = engine_named(str(name)).infos[use.field]
        for column, text in zip(labels.values(), use.attributes, strict=True):
            values = columns.setdefault(column, [None] * rows.height)
            for position in positions:
                values[position] = None if text is None else float(text)
    return rows.with_columns(
        pl.col("_records") + pl.Series("extra", extra, pl.Int64),
        *(pl.Series(column, values, pl.Float64) for column, values in columns.items()),
    )


def histogram_rows(used: pl.DataFrame, sink: Sink) -> pl.DataFrame:
    """One row per scrape, engine core and histogram, with its bounds.

    Returns:
        columns scrape, entity, source_line, _records and the histogram columns of the contract.
    """
    of_histogram = used.filter(
        pl.col("kind").is_in([Kind.BUCKET, Kind.SUM, Kind.COUNT])
        | ((pl.col("kind") == Kind.CREATED) & (pl.col("field") != ""))
    )
    by = [*ROW, "field"]
    is_bucket = pl.col("kind") == Kind.BUCKET
    value = pl.col("value")
    rows = (
        of_histogram.sort(*by, "bound", nulls_last=True)
        .group_by(by, maintain_order=True)
        .agg(
            pl.col("line").min().alias("source_line"),
            pl.col("records").sum().alias("_records"),
            pl.col("bound").filter(is_bucket).alias("bucket_upper_bounds"),
            value.filter(is_bucket).alias("counts"),
            value.filter(pl.col("kind") == Kind.SUM).first().alias("observation_sum"),
            value.filter(pl.col("kind") == Kind.COUNT).first().alias("observations"),
            _as_time(value.filter(pl.col("kind") == Kind.CREATED).min()).alias(
                "counters_created_at"
            ),
        )
    )
    rows = _checked(rows, sink)
    return rows.select(
        *ROW,
        "source_line",
        "_records",
        pl.col("field").alias("metric"),
        "bucket_upper_bounds",
        pl.col("counts").cast(pl.List(pl.Int64)).alias("bucket_cumulative_counts"),
        "observation_sum",
        pl.col("observations").cast(pl.Int64).alias("observation_count"),
        "counters_created_at",
    )


def _checked(rows: pl.DataFrame, sink: Sink) -> pl.DataFrame:
    counts = pl.col("counts")
    whole = counts.list.eval((pl.element() % 1 == 0).fill_null(False)).list.all()
    reason = (
        pl.when(pl.col("bucket_upper_bounds").list.last() != float("inf"))
        .then(pl.lit("histogram without a +Inf bucket"))
        .when(~whole | (pl.col("observations") % 1 != 0))
        .then(pl.lit("histogram with counts that are no whole numbers"))
        .when(counts.list.diff().list.min() < 0)
        .then(pl.lit("histogram whose cumulative counts decrease"))
    )
    is_bare = counts.list.len() == 0
    bare = sum(rows.filter(is_bare)["_records"].to_list())
    if bare:
        sink.skip(NO_BUCKETS, bare)
    judged = rows.filter(~is_bare).with_columns(reason=reason)
    for line, why, metric, records in (
        judged.filter(pl.col("reason").is_not_null())
        .select("source_line", "reason", "field", "_records")
        .iter_rows()
    ):
        sink.reject(line, why, metric, records)
    return judged.filter(pl.col("reason").is_null())


def with_identity(
    rows: pl.DataFrame,
    catalogue: Catalogue,
    scrapes: list[Scrape],
    path_instance: str | None,
) -> pl.DataFrame:
    """Rows with their scrape time, engine, instance, index and model instead of numbers.

    The instance is the `# instance` header's, else the label's, else the path's.
    """
    names = ("engine", "labelled", "engine_index", "model_name")
    about = pl.DataFrame(
        [entity[1:] if entity[0] == TABLE else (None,) * 4 for entity in catalogue.entities],
        schema=dict.fromkeys(names, pl.String),
        orient="row",
    )
    times = pl.DataFrame(
        {
            "scraped_at": [scrape.time for scrape in scrapes],
            "header": [scrape.instance for scrape in scrapes],
        },
        schema={"scraped_at": pl.Int64, "header": pl.String},
    )
    joined = pl.concat([rows, about[rows["entity"]], times[rows["scrape"]]], how="horizontal")
    instance = pl.coalesce("header", "labelled", pl.lit(path_instance, pl.String))
    return joined.with_columns(
        pl.col("scraped_at").cast(_TIMESTAMP),
        instance.alias("instance"),
    ).drop(*ROW, "labelled", "header")


def _as_time(seconds: pl.Expr) -> pl.Expr:
    return (seconds * 1_000_000).round().cast(pl.Int64).cast(_TIMESTAMP)
