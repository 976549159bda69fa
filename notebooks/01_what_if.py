"""What if: one replay result beside history, from the published files alone."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="What if")


@app.cell
def imports():
    import json

    import altair as alt
    import marimo as mo
    import polars as pl

    from tokenworks_sources.settings import Settings

    return Settings, alt, json, mo, pl


@app.cell
def results(Settings, mo):
    folder = Settings.from_environment().replay
    found = {path.parent.name: path.parent for path in sorted(folder.glob("[!.]*/summary.json"))}
    mo.stop(
        not found,
        mo.md(
            "There is no replay result yet. Run `tokenworks replay run route_short_requests` first."
        ),
    )
    chosen = mo.ui.dropdown(options=found, value=next(reversed(found)), label="Replay")
    mo.vstack([mo.md("# What would history have cost under another policy?"), chosen])
    return (chosen,)


@app.cell
def load(chosen, json, pl):
    summary = json.loads((chosen.value / "summary.json").read_text(encoding="utf-8"))
    backtest = json.loads((chosen.value / "backtest.json").read_text(encoding="utf-8"))
    metrics = pl.read_parquet(chosen.value / "summary.parquet")
    outcomes = pl.read_parquet(chosen.value / "outcomes.parquet")
    return backtest, metrics, outcomes, summary


@app.cell
def headline(metrics, mo, summary):
    traffic = summary["traffic"]
    warning = "**Forced**: " + "; ".join(summary["refusal_reasons"]) if summary["is_forced"] else ""
    mo.vstack(
        [
            mo.md(
                f"{summary['scenario'].get('description', '')} "
                f"{traffic['replayed']:,} requests replayed, {traffic['rerouted']:,} rerouted. "
                f"{warning}"
            ),
            mo.ui.table(
                metrics.filter(segment="all").drop(
                    "segment", "run_id", "scenario_name", "is_forced", "loop"
                ),
                selection=None,
                page_size=25,
            ),
        ]
    )
    return


@app.cell
def intervals(alt, metrics, pl):
    _share = pl.col("delta", "delta_p10", "delta_p90", "delta_window_p10", "delta_window_p90")
    _known = metrics.filter(
        pl.col("delta_p10").is_not_null(), pl.col("no_change") != 0, segment="all"
    ).with_columns(_share / pl.col("no_change").abs())
    _base = alt.Chart(_known, title="Change in shares of no change, p10 to p90").encode(
        y=alt.Y("metric:N", title=None, sort=None, axis=alt.Axis(labelLimit=320))
    )
    _wide = _base.mark_bar(opacity=0.35, size=6).encode(
        x=alt.X("delta_p10:Q", title="traffic like this (light), these very requests (dark)"),
        x2="delta_p90",
    )
    _own = _base.mark_bar(size=6).encode(x="delta_window_p10:Q", x2="delta_window_p90")
    _point = _base.mark_point(filled=True).encode(x=alt.X("delta:Q", axis=alt.Axis(format="%")))
    _wide + _own + _point
    return


@app.cell
def cost_by_tier(alt, metrics, pl):
    _costs = (
        metrics.filter(pl.col("segment").str.starts_with("tier:"), metric="cost_active_usd")
        .with_columns(tier=pl.col("segment").str.strip_prefix("tier:"))
        .unpivot(["history", "no_change", "scenario"], index="tier", variable_name="play")
    )
    alt.Chart(_costs, title="Active cost by serving tier, USD").mark_bar().encode(
        x=alt.X("play:N", title=None, sort=["history", "no_change", "scenario"]),
        y=alt.Y("value:Q", title="USD"),
        color="play:N",
        column="tier:N",
    )
    return


@app.cell
def latency(alt, outcomes, pl):
    _shares = [share / 100 for share in range(1, 100)]
    _curves = pl.DataFrame(
        [
            {
                "share": share,
                "play": play,
                "seconds": outcomes[f"{play}_e2e_seconds"].quantile(share, "linear"),
            }
            for play in ("no_change", "scenario")
            for share in _shares
        ]
    )
    alt.Chart(_curves, title="End-to-end time by share of requests").mark_line().encode(
        x=alt.X("seconds:Q", scale=alt.Scale(type="log")),
        y=alt.Y("share:Q", axis=alt.Axis(format="%")),
        color="play:N",
    )
    return


@app.cell
def capacity(alt, mo, pl, summary):
    _curve = pl.DataFrame(
        summary["prefix_capacity_curve"],
        schema={"capacity_tokens": pl.Int64, "hit_ratio": pl.Float64},
    )
    (
        mo.md("Without prefix hashes in the log, what a larger cache would hit is unknown.")
        if _curve.is_empty()
        else alt.Chart(_curve, title="Hit ratio by LRU capacity of each replica")
        .mark_line(point=True)
        .encode(
            x=alt.X("capacity_tokens:Q", scale=alt.Scale(type="log"), title="tokens per replica"),
            y=alt.Y("hit_ratio:Q", axis=alt.Axis(format="%"), title="cached / input tokens"),
        )
    )
    return


@app.cell
def sharing(mo, pl, summary):
    _shown = [
        mo.vstack(
            [
                mo.md(f"**{_name.replace('_', ' ')}**: {_cache['definition']}"),
                mo.ui.table(pl.DataFrame(_cache["tenants"]), selection=None),
            ]
        )
        for _name, _cache in summary["cache_sharing"].items()
        if _cache
    ]
    mo.vstack(
        [
            mo.md("## Who fills the caches, and who profits"),
            *(_shown or [mo.md("This scenario asks for no cache whose requests are known.")]),
        ]
    )
    return


@app.cell
def trust(backtest, mo, pl, summary):
    mo.vstack(
        [
            mo.md("## How far to trust it\n\nNo change, replayed, against history:"),
            mo.ui.table(
                pl.DataFrame(backtest["metrics"], infer_schema_length=None),
                selection=None,
                page_size=25,
            ),
            mo.md("\n".join(f"- {sentence}" for sentence in summary["assumptions"])),
        ]
    )
    return


@app.cell
def sweeps(Settings, mo):
    _folder = Settings.from_environment().replay
    _found = {path.parent.name: path for path in sorted(_folder.glob("[!.]*/sweep.json"))}
    mo.stop(
        not _found,
        mo.md("There is no sweep yet. Run `tokenworks replay sweep prefix_cache_sizes` for one."),
    )
    swept = mo.ui.dropdown(options=_found, value=next(reversed(_found)), label="Sweep")
    mo.vstack([mo.md("## The frontier of a sweep"), swept])
    return (swept,)


@app.cell
def frontier(alt, json, mo, pl, swept):
    _sweep = json.loads(swept.value.read_text(encoding="utf-8"))
    _points = pl.DataFrame(
        [
            {name: one for name, one in point.items() if name != "values"}
            for point in _sweep["points"]
        ],
        infer_schema_length=None,
    )
    _axes = _sweep["frontier"]
    _placed = _points.filter(pl.col("cost").is_not_null(), pl.col("latency").is_not_null())
    mo.vstack(
        [
            mo.md(f"{_sweep['description']} {_sweep['rule']}"),
            alt.Chart(_placed)
            .mark_point(size=80)
            .encode(
                x=alt.X("cost:Q", title=_axes["cost"], scale=alt.Scale(zero=False)),
                y=alt.Y("latency:Q", title=_axes["latency"], scale=alt.Scale(zero=False)),
                fill=alt.Fill("is_on_frontier:N", title="no other beats it"),
                tooltip=["label:N", "cost:Q", "latency:Q", "refusal:N"],
            ),
            mo.ui.table(_points, selection=None, page_size=25),
        ]
    )
    return


if __name__ == "__main__":
    app.run()
