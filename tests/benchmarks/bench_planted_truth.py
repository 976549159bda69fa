"""How often the printed interval holds the true effect of a planted policy change.

Run it with `python tests/benchmarks/bench_planted_truth.py [seeds]` from the repository's root. Each
seed is a small fleet of the sample's engines, served as it is and with short requests of the large
tier on the small one. The replay sees the first log alone.

Two truths stand side by side, each with the interval that speaks of it. The generator's effect is the
mean over all seeds: what the change does to traffic like this, of which a log shows one draw, and
delta_p10 to delta_p90 are to hold it. The effect on the very requests of a seed is what
delta_window_p10 to delta_window_p90 are to hold. Both for 85 to 97 % of the seeds, over the metrics
together.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.replay.planted import METRICS, Planted, planted


def main(seeds: int) -> None:
    """Print coverage, width and bias by metric."""
    held: dict[str, list[Planted]] = {name: [] for name in METRICS}
    for seed in range(1, seeds + 1):
        with tempfile.TemporaryDirectory() as folder:
            one = planted(seed, Path(folder))
        for name in METRICS:
            held[name].append(one)
    print(f"{'':28} {'traffic like this':^38} {'these very requests':^29}")
    print(
        f"{'metric':28} {'effect':>12} {'held':>6} {'half width':>10} {'bias':>7} "
        f"{'held':>8} {'half width':>10} {'wider':>8}"
    )
    every: list[list[bool]] = [[], [], []]
    for name, found in held.items():
        effect = float(np.mean([one.truth[name] for one in found]))
        size = float(np.mean([abs(one.truth[name]) for one in found]))
        bias = np.mean([one.printed[name]["delta"] - one.truth[name] for one in found]) / size
        like = [_holds(one, name, "delta", effect) for one in found]
        own = [_holds(one, name, "delta_window", one.truth[name]) for one in found]
        wider = [_holds(one, name, "delta", one.truth[name]) for one in found]
        for kept, now in zip(every, (like, own, wider), strict=True):
            kept.extend(now)
        print(
            f"{name:28} {effect:12.5g} {np.mean(like):6.0%} {_half(found, name, 'delta') / size:10.1%} "
            f"{bias:7.1%} {np.mean(own):8.0%} {_half(found, name, 'delta_window') / size:10.1%} "
            f"{np.mean(wider):8.0%}"
        )
    likes, owns, widers = (np.mean(kept) for kept in every)
    print(
        f"{'all metrics together':28} {'':12} {likes:6.0%} {'':18} {owns:8.0%} {'':10} {widers:8.0%}"
    )


def _holds(one: Planted, name: str, interval: str, truth: float) -> bool:
    row = one.printed[name]
    return bool(row[f"{interval}_p10"] <= truth <= row[f"{interval}_p90"])


def _half(found: list[Planted], name: str, interval: str) -> float:
    wide = [
        one.printed[name][f"{interval}_p90"] - one.printed[name][f"{interval}_p10"] for one in found
    ]
    return float(np.mean(wide)) / 2


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
