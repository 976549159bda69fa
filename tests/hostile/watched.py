"""Variants of a file in processes that may crash, hang or take too much memory: which one did it?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.copies import COPIES
from tests.hostile.ingest_variants import Told, ingest_variants

AT_ONCE = 50
# Of a batch that waits for something; one that computes is stopped from within, long before.
WALL_SECONDS = 900
PEAK_MB = 1500


def wrong_variants(
    path: Path, scratch: Path, numbers: Sequence[int], at_once: int = AT_ONCE
) -> list[str]:
    """What is wrong with variants of a file; a batch that kills its process is parted until one is left."""
    wrong: list[str] = []
    left = numbers
    while left:
        told, ended = _watched(path, scratch, left, at_once)
        wrong += [problem for batch in told for problem in batch.wrong]
        left = left[sum(batch.variants for batch in told) :]
        if told and (peak := told[-1].peak_mb) > PEAK_MB:
            wrong.append(f"{peak} MiB of memory")
        if not left:
            break
        fatal, left = left[:at_once], left[at_once:]
        alone = wrong_variants(path, scratch, fatal, len(fatal) // 4 or 1) if at_once > 1 else []
        wrong += alone or [f"{fatal[0]} to {fatal[-1]}: {ended}"]
    return wrong


def _watched(
    path: Path, scratch: Path, numbers: Sequence[int], at_once: int
) -> tuple[list[Told], str]:
    """What a process told batch by batch, and how it ended."""
    reading, writing = COPIES.Pipe(duplex=False)
    arguments = (path, scratch, numbers, at_once, writing)
    child = COPIES.Process(target=ingest_variants, args=arguments)
    child.start()
    writing.close()
    told: list[Told] = []
    try:
        while reading.poll(WALL_SECONDS):
            told.append(reading.recv())
        child.kill()
    except EOFError:
        pass
    child.join()
    return told, f"the process ended with {child.exitcode}"
