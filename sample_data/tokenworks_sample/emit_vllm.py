"""vLLM `/metrics` scrapes: one file per replica and day, one scrape every half hour.

Belongs here: the exposition text. A replica that is down gives no scrape. Series are those that
matter for utilisation and latency, with vLLM's own names, labels and (selected) bounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tokenworks_sample.clock import QUARTER, START_EPOCH, day_name, iso
from tokenworks_sample.histograms import BOUNDS
from tokenworks_sample.landing import write_gzip
from tokenworks_sample.records import Scrape
from tokenworks_sample.serving import Engine
from tokenworks_sample.world import BLOCK_TOKENS

INTERVAL = 2 * QUARTER
PLAIN_COUNTERS = (
    "num_preemptions", "prompt_tokens", "prompt_tokens_cached", "generation_tokens",
    "prefix_cache_queries", "prefix_cache_hits",
)  # fmt: skip


def shipped(scrapes: Sequence[Scrape]) -> list[Scrape]:
    """The scrapes that are written: every half hour, while the replica is up.

    The closing scrape of the sample lies off the grid and is kept.
    """
    return [s for s in scrapes if s.up and (s.at % INTERVAL == 0 or s.at % QUARTER != 0)]


def write_day(folder: Path, engine: Engine, day: int, up: Sequence[Scrape]) -> None:
    """The file of one replica for one day; none where it was never up."""
    if up:
        path = folder / engine.replica.id / f"{engine.replica.id}_{day_name(day)}.prom.gz"
        write_gzip(path, (_text(engine, scrape) for scrape in up))


def _text(engine: Engine, scrape: Scrape) -> str:
    return "\n".join(_lines(engine, scrape)) + "\n"


def _lines(engine: Engine, scrape: Scrape) -> Iterator[str]:
    deployment = engine.deployment
    labels = f'engine="0",model_name="{deployment.model}"'
    created = f"{float(START_EPOCH + round(scrape.created)):.1f}"
    yield f"# scraped_at {iso(scrape.at)}"
    yield f"# instance {engine.replica.endpoint}"
    usage = round(scrape.kv_tokens / engine.capacity, 4)
    gauges = (
        ("num_requests_running", float(scrape.running)),
        ("num_requests_waiting", float(scrape.waiting)),
        ("kv_cache_usage_perc", min(1.0, usage)),
    )
    for name, value in gauges:
        yield f"# TYPE vllm:{name} gauge"
        yield f"vllm:{name}{{{labels}}} {value}"
    yield "# TYPE vllm:cache_config_info gauge"
    blocks = f'block_size="{BLOCK_TOKENS}",engine="0",num_gpu_blocks="{deployment.kv_blocks}"'
    yield f"vllm:cache_config_info{{{blocks}}} 1.0"
    for name in PLAIN_COUNTERS:
        yield f"# TYPE vllm:{name}_total counter"
        yield f"vllm:{name}_total{{{labels}}} {float(scrape.counters[name])}"
        yield f"vllm:{name}_created{{{labels}}} {created}"
    yield "# TYPE vllm:request_success_total counter"
    for reason in ("stop", "length"):
        count = float(scrape.counters[f"success_{reason}"])
        yield f'vllm:request_success_total{{{labels},finished_reason="{reason}"}} {count}'
    for name, (counts, total) in scrape.histograms.items():
        yield from _histogram(name, labels, counts, total)


def _histogram(name: str, labels: str, counts: tuple[int, ...], total: float) -> Iterator[str]:
    yield f"# TYPE vllm:{name} histogram"
    cumulative = 0
    bounds = [*(f"{bound}" for bound in BOUNDS[name]), "+Inf"]
    for bound, count in zip(bounds, counts, strict=True):
        cumulative += count
        yield f'vllm:{name}_bucket{{{labels},le="{bound}"}} {float(cumulative)}'
    yield f"vllm:{name}_sum{{{labels}}} {round(total, 3)}"
    yield f"vllm:{name}_count{{{labels}}} {float(cumulative)}"
