"""Miss counts of every policy against the libcachesim package, exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tokenworks.replay.caches.policies import Policy, access_hits

libcachesim = pytest.importorskip(
    "libcachesim", reason="needs the libcachesim package, which has wheels for x86-64 Linux only"
)

CLASSES: dict[Policy, str] = {
    "lru": "LRU",
    "lfu": "LFU",
    "fifo": "FIFO",
    "sieve": "Sieve",
    "s3fifo": "S3FIFO",
    "arc": "ARC",
    "belady": "Belady",
}
RECORD = [("time", "<u4"), ("id", "<u8"), ("size", "<u4"), ("next", "<i8")]


def peer_trace(ids: np.ndarray, path: Path) -> Path:
    """Write accesses of unit size as libCacheSim's binary format, with each next use."""
    records = np.zeros(len(ids), dtype=RECORD)
    records["time"], records["id"], records["size"] = np.arange(len(ids)), ids + 1, 1
    upcoming: dict[int, int] = {}
    for position in range(len(ids) - 1, -1, -1):
        records["next"][position] = upcoming.get(int(ids[position]), -1)
        upcoming[int(ids[position])] = position
    records.tofile(path)
    return path


def peer_misses(trace: Path, count: int, capacity: int, policy: Policy) -> int:
    reader = libcachesim.TraceReader(
        str(trace),
        trace_type=libcachesim.TraceType.ORACLE_GENERAL_TRACE,
        reader_init_params=libcachesim.ReaderInitParam(ignore_obj_size=True),
    )
    cache = getattr(libcachesim, CLASSES[policy])(capacity, hashpower=16)
    return round(cache.process_trace(reader)[0] * count)


@pytest.fixture(scope="module")
def zipf(tmp_path_factory: pytest.TempPathFactory) -> tuple[np.ndarray, Path]:
    """Popular ids, a scan in the middle, and a change of what is popular."""
    generator = np.random.default_rng(11)
    first, last = generator.zipf(1.2, (2, 20_000)) % 3_000
    ids = np.concatenate([first, np.arange(3_000, 5_000), 3_000 - last])
    return ids, peer_trace(ids, tmp_path_factory.mktemp("peer") / "zipf.bin")


@pytest.fixture(scope="module")
def mooncake(
    shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[np.ndarray, Path]:
    path = shared_data / "llm_traces" / "mooncake_conversation_trace.jsonl.gz"
    if not path.exists():
        pytest.skip(f"needs {path.name} among the shared public files")
    ids = pl.read_ndjson(path)["hash_ids"].explode().to_numpy()
    return ids, peer_trace(ids, tmp_path_factory.mktemp("peer") / "mooncake.bin")


@pytest.mark.parametrize("policy", CLASSES)
@pytest.mark.parametrize("capacity", [20, 137, 1_000, 4_000])
def test_misses_equal_libcachesim_when_the_trace_is_made(
    zipf: tuple[np.ndarray, Path], policy: Policy, capacity: int
) -> None:
    ids, trace = zipf
    assert _misses(ids, capacity, policy) == peer_misses(trace, len(ids), capacity, policy)


@pytest.mark.parametrize("policy", CLASSES)
@pytest.mark.parametrize("capacity", [1_000, 30_000])
def test_misses_equal_libcachesim_when_the_trace_is_real(
    mooncake: tuple[np.ndarray, Path], policy: Policy, capacity: int
) -> None:
    ids, trace = mooncake
    assert _misses(ids, capacity, policy) == peer_misses(trace, len(ids), capacity, policy)


def _misses(ids: np.ndarray, capacity: int, policy: Policy) -> int:
    distinct, dense = np.unique(ids, return_inverse=True)
    found = access_hits(dense.astype(np.int32), len(distinct), capacity, policy)
    return int((~found).sum())
