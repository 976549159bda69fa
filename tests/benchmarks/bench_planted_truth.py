"""How often the printed interval holds the true effect of a planted policy change.

Run it with `python tests/benchmarks/bench_planted_truth.py [seeds]` from the repository's root. Each
seed is a small fleet of the sample's engines, served as it is and with short requests of the large
tier on the small one. The replay sees the first log alone.

Two truths stand side by side. The generator's effect is the mean over all seeds: what the change does
to traffic like this, of which a log shows one draw. That is what p10 to p90 speak of, and they are to
hold it for 85 to 97 % of the seeds, over the metrics together. The effect on the very requests of a seed is
known with less doubt, so that the same interval holds it nearly always.
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
    print(
        f"{'metric':28} {'held':>6} {'own':>6} {'truth':>12} {'bias':>8} {'half width':>10}  of |truth|"
    )
    every: list[bool] = []
    for name, found in held.items():
        own = np.mean([one.holds(name) for one in found])
        effect = float(np.mean([one.truth[name] for one in found]))
        holds = [
            one.printed[name]["delta_p10"] <= effect <= one.printed[name]["delta_p90"]
            for one in found
        ]
        every += holds
        truth = np.array([one.truth[name] for one in found])
        printed = np.array([one.printed[name]["delta"] for one in found])
        wide = np.array(
            [one.printed[name]["delta_p90"] - one.printed[name]["delta_p10"] for one in found]
        )
        size = np.abs(truth).mean()
        print(
            f"{name:28} {np.mean(holds):6.0%} {own:6.0%} {effect:12.5g} {(printed - truth).mean() / size:8.1%} "
            f"{wide.mean() / 2 / size:10.1%}"
        )
    print(f"{'all metrics together':28} {np.mean(every):6.0%}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
