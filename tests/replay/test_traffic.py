"""Which requests take part in a replay, and what the marts must hold."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tokenworks.replay.errors import TrafficError
from tokenworks.replay.language.scenario import Scenario, parse_scenario
from tokenworks.replay.traffic.exclusions import advice, in_words
from tokenworks.replay.traffic.marts import traffic_digest
from tokenworks.replay.traffic.requests import load_traffic

SAME = Scenario(name="same")


def test_every_row_is_replayed_or_excluded_once_when_rows_are_unfit(hand_world: Any) -> None:
    changes: list[dict[str, Any]] = [
        {"is_gateway_cache_hit": True},
        {"status": "failure", "output_total_tokens": None},
        {"status": "failure", "output_total_tokens": 0, "deployment_id": None},
        {"status": "cancelled", "output_total_tokens": 0},
        {"status": "rejected"},
        {"deployment_id": None},
        {"deployment_id": "gone"},
        {"input_total_tokens": None},
        {"output_total_tokens": None},
        {"e2e_seconds": None},
    ]
    for request, change in zip(hand_world.requests, changes, strict=False):
        request.update(change)
    traffic = load_traffic(hand_world.publish(), SAME)
    assert traffic.excluded == {
        "answered_by_gateway_cache": 1,
        "deployment_not_in_fleet": 1,
        "deployment_unknown": 1,
        "status_cancelled": 1,
        "status_failure": 2,
        "status_rejected": 1,
        "times_unknown": 1,
        "tokens_unknown": 2,
    }
    assert traffic.count == 70
    assert traffic.rows_in == 80


def test_rows_outside_are_counted_when_a_window_is_given(hand_world: Any) -> None:
    """Large requests arrive at 0, 100, ... s; the small ones 50 s later each."""
    asked = parse_scenario(
        "name: x\nwindow: {start: 2026-09-01T00:01:40, end: 2026-09-01T00:05:00}", "s"
    )
    traffic = load_traffic(hand_world.publish(), asked)
    assert traffic.arrivals().tolist() == [0.0, 50.0, 100.0, 150.0]
    assert traffic.excluded == {"outside_window": 76}


def test_advice_follows_the_reasons_when_nothing_is_left(hand_world: Any) -> None:
    for request in hand_world.requests[:50]:
        request["status"] = "unknown"
    for request in hand_world.requests[50:]:
        request["deployment_id"] = None
    marts = hand_world.publish()
    with pytest.raises(TrafficError) as caught:
        load_traffic(marts, SAME)
    assert str(caught.value) == (
        f"{marts / 'fct_requests'}: the scenario same finds no request to replay: "
        "50 have no recorded outcome; 30 belong to no known deployment. "
        "The log has no outcomes: log whether a request succeeded, or map it to `status` "
        "(docs/mapping.md). Describe their endpoint or key under `deployments` in fleet.yaml "
        "(docs/fleet.md) and build again."
    )


@pytest.mark.parametrize(
    ("excluded", "what", "todo"),
    [
        (
            {"outside_window": 8819},
            "8,819 arrived outside the scenario's window",
            "Widen `window` in the scenario.",
        ),
        (
            {"status_failure": 2, "status_rejected": 3},
            (
                "3 ended as rejected before their first token; "
                "2 ended as failure before their first token"
            ),
            "Replay a log or a time in which requests succeeded.",
        ),
        ({}, "there is none", "Ingest a request log and run `tokenworks build`."),
    ],
)
def test_reasons_are_said_in_words_when_requests_are_left_out(
    excluded: dict[str, int], what: str, todo: str
) -> None:
    assert (in_words(excluded), advice(excluded)) == (what, todo)


def test_file_order_breaks_ties_when_timestamps_are_equal(hand_world: Any) -> None:
    start = hand_world.requests[0]["started_at"]
    for request in hand_world.requests:
        request["started_at"] = start
    hand_world.requests.reverse()
    traffic = load_traffic(hand_world.publish(), SAME)
    assert traffic.series("source_line").to_list() == list(range(80))


def test_the_missing_column_is_named_when_a_mart_is_of_another_version(
    hand_world: Any, tmp_path: Path
) -> None:
    marts = hand_world.publish()
    path = marts / "dim_deployments" / "data.parquet"
    pl.read_parquet(path).drop("max_num_seqs").write_parquet(path)
    with pytest.raises(TrafficError, match="the mart lacks max_num_seqs"):
        load_traffic(marts, SAME)


def test_what_to_run_is_said_when_nothing_is_published(tmp_path: Path) -> None:
    with pytest.raises(TrafficError, match="tokenworks build"):
        load_traffic(tmp_path, SAME)


def test_the_digest_changes_only_when_the_content_does(hand_world: Any) -> None:
    marts = hand_world.publish()
    first = traffic_digest(marts)
    (marts / "fct_requests" / "data.parquet").rename(marts / "fct_requests" / "other.parquet")
    assert traffic_digest(marts) == first
    (marts / "fct_requests" / "other.parquet").unlink()
    hand_world.requests[0]["started_at"] += timedelta(microseconds=1)
    hand_world.publish()
    assert traffic_digest(marts) != first


def test_coverage_is_unknown_when_no_engine_counter_is(hand_world: Any) -> None:
    traffic = load_traffic(hand_world.publish(), SAME)
    assert traffic.token_coverage is None
    assert traffic.hashed_tokens_ratio == 0.0
