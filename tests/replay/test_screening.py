"""Which runs may be learnt from: one fault planted in each, and the published runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.replay.planted_runs import planted_run, scrapes
from tokenworks.replay.calibration.run_folder import read_run, run_folders
from tokenworks.replay.calibration.runs import RunLog
from tokenworks.replay.calibration.screening import is_closed_loop, screen


@pytest.fixture(scope="module")
def clean() -> RunLog:
    return planted_run(clients=16)


def reasons(*runs: RunLog) -> tuple[str, ...]:
    """Why the last of the runs is refused."""
    return screen(runs)[runs[-1].name].reasons


def test_a_run_is_accepted_when_log_and_engine_agree(clean: RunLog) -> None:
    found = screen([clean])[clean.name]
    assert found.accepted
    assert found.is_closed_loop is True
    assert found.in_flight_ratio == pytest.approx(1.0, abs=0.01)


def test_hidden_traffic_is_named_when_the_engine_counts_twice_the_log(clean: RunLog) -> None:
    doubled = replace(clean, series=scrapes(clean, share=2.0))
    found = reasons(doubled)
    assert screen([doubled])[clean.name].in_flight_ratio == pytest.approx(2.0, abs=0.02)
    assert [reason for reason in found if "times the log's requests in flight" in reason]
    assert [reason for reason in found if "2.00 times the log's prompt tokens" in reason]


def test_a_log_that_another_engine_served_is_named_when_counts_fall_short(clean: RunLog) -> None:
    found = reasons(replace(clean, series=scrapes(clean, share=0.5)))
    assert [reason for reason in found if "0.50 of the log's output tokens" in reason]


def test_a_restart_is_named_when_a_counter_falls(clean: RunLog) -> None:
    assert clean.series is not None
    counter = clean.series.generation_tokens.copy()
    counter[50:] -= counter[50]
    broken = replace(clean, series=replace(clean.series, generation_tokens=counter))
    assert [reason for reason in reasons(broken) if "restarted during the run" in reason]


def test_failures_are_counted_when_many_requests_failed(clean: RunLog) -> None:
    failed = np.arange(clean.count) % 10 == 0
    assert reasons(replace(clean, failed=failed)) == ("60 of 600 requests failed (10%)",)


def test_nothing_is_learnt_when_the_log_is_absent(clean: RunLog) -> None:
    none = np.empty(0)
    whole = np.empty(0, dtype=np.int64)
    empty = RunLog("empty", none, none, none, whole, whole, whole, whole, none.astype(bool))
    assert reasons(empty)[0].startswith("the log of the requests is absent")


def test_both_are_refused_when_one_run_bears_two_names(clean: RunLog) -> None:
    found = screen([clean, replace(clean, name="copy")])
    assert found["copy"].reasons == ("its records are those of clients 16 under another name",)
    assert found["clients 16"].reasons == ("its records are those of copy under another name",)


def test_a_run_is_far_too_slow_when_one_with_more_load_is_faster(clean: RunLog) -> None:
    # Every time ten times as long: nothing in the log or the engine's counters disagrees.
    slow = replace(
        clean, name="slow", arrivals=10 * clean.arrivals, ttft=10 * clean.ttft, e2e=10 * clean.e2e
    )
    slow = replace(slow, series=scrapes(slow))
    found = reasons(planted_run(clients=48), slow)
    assert len(found) == 1
    assert "clients 48 leads to expect at most" in found[0]


def test_a_larger_run_is_not_too_slow_when_its_load_explains_it(clean: RunLog) -> None:
    assert reasons(clean, planted_run(clients=64)) == ()


def test_the_loop_is_open_when_arrivals_come_at_random() -> None:
    generator = np.random.default_rng(1)
    closed = planted_run(clients=16)
    arrivals = np.cumsum(generator.exponential(1.0, closed.count))
    assert is_closed_loop(closed) is True
    assert is_closed_loop(replace(closed, arrivals=arrivals)) is False


@pytest.fixture(scope="module")
def published(shared_data: Path) -> Path:
    root = shared_data / "llm_traces"
    if not (root / "inferencex_feb2026").is_dir():
        pytest.skip("needs the InferenceX runs among the shared public files")
    return root


def test_only_four_runs_of_tp4_are_clean_when_twelve_are_published(published: Path) -> None:
    runs = [read_run(folder) for folder in run_folders(published / "inferencex_feb2026")]
    found = screen(runs)
    accepted = {name for name, one in found.items() if one.accepted}
    assert {name for name in accepted if name.startswith("tp4")} == {
        "tp4_bs16_offloadoff",
        "tp4_bs16_offloadon",
        "tp4_bs32_offloadon",
        "tp4_bs512_offloadoff",
    }
    assert len([name for name in accepted if name.startswith("tp1")]) == 12
    assert not [name for name in accepted if name.startswith("tp2")]
    assert all(found[name].is_closed_loop for name in accepted)
    assert [r for r in found["tp4_bs32_offloadoff"].reasons if "163 ms a token" in r]
    assert [r for r in found["tp4_bs256_offloadoff"].reasons if "did not serve all" in r]


def test_three_logs_of_april_are_clean_when_thirty_three_runs_are_published(
    published: Path,
) -> None:
    found = screen([read_run(folder) for folder in run_folders(published / "inferencex_apr2026")])
    accepted = [name for name, one in found.items() if one.accepted]
    assert [name.split("_offload")[0] for name in accepted] == [
        "agentic_dsr1_tp4_bs1",
        "agentic_dsr1_tp8_bs1",
        "agentic_dsr1_tp8_bs2",
    ]
    twins = [name for name, one in found.items() if "another name" in "".join(one.reasons)]
    assert len(twins) == 4
    assert [r for one in found.values() for r in one.reasons if "493 of 537" in r]
