"""Which sample of a scrape gives which value; every other one is skipped or rejected by reason.

What exporters get wrong, and what is done about it: one value under an old and a new name (the new
one wins), the same series twice in a scrape (an equal value counts once, another value is rejected),
several series that are parts of one value (added up), sentinels for "no value" (null), values that
the contract cannot hold (that sample is rejected, not its row).
"""

from __future__ import annotations

import polars as pl

from tokenworks_sources.connectors.base import Sink
from tokenworks_sources.connectors.prometheus.catalogue import Catalogue, Kind, Unused
from tokenworks_sources.connectors.prometheus.scan import Batch

SUPERSEDED = "the same value under another name"
REPEATED = "the same sample again"
CONFLICT = "another value of the same sample came earlier in the scrape"
SMALLER = "the same sample by another scraper, which saw a smaller value"


def select(
    batch: Batch, catalogue: Catalogue, sink: Sink, *, is_scraped_often: bool = False
) -> pl.DataFrame:
    """The samples of a batch that give a value, one row per value.

    Args:
        batch: the samples.
        catalogue: what becomes of their series.
        sink: is told of the samples that give none.
        is_scraped_often: the samples are of several scrapers that scrape the same targets, each at
            its own time: of their values the largest is taken.

    Returns:
        columns scrape, series, entity, kind, field, bound, value (null where the exporter has none),
        line, and records: the number of samples that the value stands for.
    """
    about = catalogue.frame()
    samples = pl.concat([batch.samples, about[batch.samples["series"]]], how="horizontal")
    used = samples.filter("is_used")
    if used.height < samples.height:
        _report_unused(samples.filter(~pl.col("is_used")), catalogue, sink)
    used = _in_range(used.with_columns(value=_VALUE), catalogue, sink)
    used = _unrepeated(used, catalogue, sink, is_scraped_often=is_scraped_often)
    columns = ["scrape", "series", "entity", "kind", "field", "bound", "value", "line"]
    single = used.filter(~pl.col("is_added")).select(*columns, records=pl.lit(1, pl.Int64))
    if single.height == used.height:
        return single
    return pl.concat([single, _added(used.filter("is_added")).select(single.columns)])


_VALUE = (
    pl.when(pl.col("value").is_nan() | (pl.col("value") >= pl.col("blank_from")))
    .then(pl.lit(None, pl.Float64))
    .otherwise(pl.col("value") / pl.col("divisor"))
)


def _report_unused(samples: pl.DataFrame, catalogue: Catalogue, sink: Sink) -> None:
    rejected: list[int] = []
    skipped: dict[str, int] = {}
    for series, records in samples.group_by("series").len().sort("series").iter_rows():
        use = catalogue.uses[series]
        assert isinstance(use, Unused)
        if use.rejected:
            rejected.append(series)
        else:
            skipped[use.reason] = skipped.get(use.reason, 0) + records
    for reason, records in skipped.items():
        sink.skip(reason, records)
    reasons = pl.col("series").replace_strict(
        {
            series: use.reason
            for series in rejected
            if isinstance(use := catalogue.uses[series], Unused)
        },
        return_dtype=pl.String,
    )
    if rejected:
        bad = samples.filter(pl.col("series").is_in(rejected))
        _reject(bad.with_columns(reason=reasons), catalogue, sink)


def _in_range(used: pl.DataFrame, catalogue: Catalogue, sink: Sink) -> pl.DataFrame:
    value = pl.col("value")
    reason = (
        pl.when(value.is_infinite())
        .then(pl.col("field") + ": not a finite number")
        .when(value < pl.col("minimum"))
        .then(pl.format("{}: below {}", "field", "minimum"))
        .when(value > pl.col("maximum"))
        .then(pl.format("{}: above {}", "field", "maximum"))
    )
    is_bad = value.is_infinite() | (value < pl.col("minimum")) | (value > pl.col("maximum"))
    is_bad = is_bad.fill_null(False)
    bad = used.filter(is_bad).with_columns(reason=reason)
    if bad.is_empty():
        return used
    _reject(bad, catalogue, sink)
    return used.filter(~is_bad)


def _unrepeated(
    used: pl.DataFrame, catalogue: Catalogue, sink: Sink, *, is_scraped_often: bool
) -> pl.DataFrame:
    key = pl.col("scrape").cast(pl.Int64) * catalogue.slots + pl.col("slot")
    is_repeated = used.select(key.is_duplicated()).to_series()
    if not is_repeated.any():
        return used
    group = [pl.col("scrape"), pl.col("slot")]
    order = [pl.col("rank"), *([-pl.col("value")] if is_scraped_often else []), pl.col("line")]
    repeated = (
        used.filter(is_repeated)
        .sort("scrape", "slot", *order, nulls_last=True)
        .with_columns(
            is_first=pl.int_range(pl.len()).over(group) == 0,
            best=pl.col("rank").first().over(group),
            kept=pl.col("value").first().over(group),
        )
    )
    is_older = pl.col("rank") > pl.col("best")
    is_equal = pl.col("value").eq_missing(pl.col("kept"))
    others = repeated.filter(~pl.col("is_first"))
    older, same = others.filter(is_older).height, others.filter(~is_older & is_equal).height
    if older:
        sink.skip(SUPERSEDED, older)
    if same:
        sink.skip(REPEATED, same)
    conflicts = others.filter(~is_older & ~is_equal)
    if is_scraped_often and conflicts.height:
        sink.skip(SMALLER, conflicts.height)
    else:
        _reject(conflicts.with_columns(reason=pl.lit(CONFLICT)), catalogue, sink)
    first = repeated.filter("is_first").select(used.columns)
    return pl.concat([used.filter(~is_repeated), first])


def _reject(samples: pl.DataFrame, catalogue: Catalogue, sink: Sink) -> None:
    columns = ("line", "reason", "series", "value", "divisor")
    for line, reason, series, value, divisor in samples.select(columns).iter_rows():
        exported = "NaN" if value is None else f"{value * divisor:.17g}"
        sink.reject(line, reason, f"{catalogue.texts[series]} {exported}")


def _added(used: pl.DataFrame) -> pl.DataFrame:
    parts = used.group_by("scrape", "entity", "kind", "field", "bound", maintain_order=True)
    value = pl.col("value")
    is_time = pl.col("kind").first() == Kind.CREATED
    total = pl.when(is_time).then(value.min()).when(value.is_not_null().any()).then(value.sum())
    return parts.agg(
        pl.col("series").first(),
        total.alias("value"),
        pl.col("line").min(),
        pl.len().cast(pl.Int64).alias("records"),
    )
