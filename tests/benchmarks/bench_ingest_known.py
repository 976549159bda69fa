"""Ten thousand landing files that the lake knows, through the command line.

Run it with `python tests/benchmarks/bench_ingest_known.py [files]`. Each file holds one row; the first
ingest brings them in, and the ones after it find nothing to do. `one more` is the ingest that finds one
new file among them. Figures are wall and CPU seconds of the whole process, start of Python included.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FILES = 10_000
ROUNDS = 5
GOAL_SECONDS = 2.0
ROW = (
    '{{"request_id": "r{0}", "call_type": "acompletion", "startTime": "2026-09-01T10:00:00Z", '
    '"endTime": "2026-09-01T10:00:01Z", "model": "small", "prompt_tokens": {0}, '
    '"completion_tokens": 1, "spend": 0, "status": "success"}}\n'
)


def ingest(home: Path) -> tuple[float, float]:
    """Wall and CPU seconds of `tokenworks ingest`."""
    command = [sys.executable, "-c", "from tokenworks.cli.main import run; run()", "ingest"]
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        command, env={**os.environ, "TOKENWORKS_HOME": str(home)}, check=True, capture_output=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - wall, cpu


def main() -> int:
    """Prints the figures; whether the goal is met."""
    files = int(sys.argv[1]) if len(sys.argv) > 1 else FILES
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "landing" / "requests" / "litellm"
        folder.mkdir(parents=True)
        for number in range(files):
            (folder / f"{number:06d}.jsonl").write_text(ROW.format(number))
        first = ingest(Path(name))
        again = [ingest(Path(name)) for _ in range(ROUNDS)]
        (folder / "more.jsonl").write_text(ROW.format(files))
        more = ingest(Path(name))
    known = tuple(statistics.median(values) for values in zip(*again, strict=True))
    for what, (wall, cpu) in (("first", first), ("known", known), ("one more", more)):
        print(f"{files:,} files, {what:8} {wall:6.2f} s wall {cpu:6.2f} s CPU")
    print(f"goal for known files: {GOAL_SECONDS} s wall")
    return 0 if known[0] < GOAL_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
