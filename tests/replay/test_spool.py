"""Columns on disk: the same numbers, little memory, and nothing left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tokenworks.replay import spool
from tokenworks.replay.language.scenario import parse_scenario
from tokenworks.replay.run import run_replay
from tokenworks.replay.spool import by_piece, kept, on_disk, room
from tokenworks.replay.traffic.numbering import Numbering

KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from tokenworks.replay.spool import kept, on_disk
with on_disk(Path(sys.argv[1])):
    column = kept(np.arange(1 << 20))
    assert column[-1] == (1 << 20) - 1
    os.kill(os.getpid(), signal.SIGKILL)
"""
ROUTED = """
name: routed
routing: {rules: [{when: {tier: large, input_total_tokens: {below: 1500}}, to_tier: small}]}
prefix_cache: {capacity_factor: 2.0}
"""


def test_a_long_column_lies_on_disk_when_there_is_a_folder(tmp_path: Path) -> None:
    values = np.arange(1 << 20)
    with on_disk(tmp_path / "new"):
        column = kept(values)
    assert column is not values
    assert kept(column) is column
    assert column.dtype == values.dtype
    assert column.tolist() == values.tolist()
    column[3] = 30
    spool.let_go()
    assert (column[3], values[3]) == (30, 3)


def test_a_column_is_as_it_was_given_when_it_is_short_or_there_is_no_folder(
    tmp_path: Path,
) -> None:
    short, long = np.arange(10), np.arange(1 << 20)
    assert kept(long) is long
    with on_disk(tmp_path):
        assert kept(short) is short


def test_a_column_stays_read_only_when_it_was(tmp_path: Path) -> None:
    values = np.arange(1 << 20)
    values.flags.writeable = False
    with on_disk(tmp_path):
        assert not kept(values).flags.writeable


def test_pieces_fill_a_column_when_they_do_not_divide_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "LEAST_BYTES", 1)
    monkeypatch.setattr(spool, "AT_ONCE", 7)
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0])
    with on_disk(tmp_path):
        doubled = by_piece(9, lambda rows: 2 * values[rows])
        assert room(3, np.int64).tolist() == [0, 0, 0]
    assert doubled.tolist() == [2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0, 18.0]


def test_no_file_has_a_name_when_columns_lie_on_disk(tmp_path: Path) -> None:
    with on_disk(tmp_path):
        column = kept(np.arange(1 << 20))
    assert list(tmp_path.iterdir()) == []
    assert column[-1] == 1048575


def test_nothing_is_left_behind_when_the_process_is_killed(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []


def test_a_result_is_the_same_when_its_columns_lay_on_disk(
    busy_marts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = parse_scenario(ROUTED, "test.yaml")
    monkeypatch.setattr(spool, "LEAST_BYTES", 1 << 60)
    held = run_replay(asked, busy_marts, tmp_path / "held", force=True)
    monkeypatch.setattr(spool, "LEAST_BYTES", 1)
    monkeypatch.setattr(spool, "AT_ONCE", 7)
    spooled = run_replay(asked, busy_marts, tmp_path / "spooled", force=True)
    assert [path.name for path in (tmp_path / "spooled").iterdir()] == [spooled.run_id]
    for name in ("summary.json", "backtest.json", "outcomes.parquet"):
        assert (held.folder / name).read_bytes() == (spooled.folder / name).read_bytes()


def test_hashes_keep_their_numbers_when_the_table_grows() -> None:
    numbering = Numbering()
    first = numbering.of(np.arange(7_000_000_000, 7_000_003_000))
    later = numbering.of(np.arange(7_000_002_998, 7_000_052_998))
    assert (first == np.arange(3000)).all()
    assert (later == np.arange(2998, 52_998)).all()
    assert numbering.of(np.array([7_000_000_007, 5, 7_000_052_997])).tolist() == [7, 52_998, 52_997]
    assert numbering.hashes[[0, 52_997, 52_998]].tolist() == [7_000_000_000, 7_000_052_997, 5]
