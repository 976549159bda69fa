"""Folders of published runs, as their clients and engines write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tokenworks.replay.calibration.engine_clock import computed_tokens
from tokenworks.replay.calibration.run_folder import engine_key, read_run, run_folders
from tokenworks.replay.errors import TrafficError

CLIENT = (
    "start_time_ms,ttft_ms,tpot_ms,latency_ms,input_num_tokens,output_num_tokens,"
    "approx_cached_percent,client_id\n"
)
SERVER = (
    "timestamp_sec,kv_cache_usage_pct,num_requests_running,num_requests_waiting,"
    "prefix_cache_hits,prefix_cache_queries,prompt_tokens_total,generation_tokens_total,"
    "num_preemptions_total,request_success_total\n"
)
COMMAND = (
    "vllm serve org/model --host 0.0.0.0 --port 8888 --config x/config.yaml --max-num-seqs 4 "
    "--tensor-parallel-size 2 --kv_offloading_size 75 --disable-hybrid-kv-cache-manager\n"
)


def multi_turn(folder: Path, server: bool = True) -> Path:
    """Two clients of two turns each; the second turn's history makes half of its prompt.

    The client's clock starts at 5,000 s, the engine's at 1,000,000 s, half a second earlier. The
    engine counts 10 tokens more for each prompt, and finds half of what the histories allow.
    """
    folder.mkdir()
    rows = [
        "5000000,100,50,2050,100,40,0,7",
        "5000000,200,50,3150,100,60,0,9",
        "5002060,100,50,2050,200,40,50,7",
        "5003160,100,50,2050,200,40,50,9",
    ]
    (folder / "metrics_client_metrics.csv").write_text(CLIENT + "\n".join(rows) + "\n")
    (folder / "vllm_command.txt").write_text(COMMAND)
    if server:
        ends = [2.05, 3.15, 4.11, 5.21]
        firsts = [(0.1, 110), (0.2, 110), (2.16, 210), (3.26, 210)]
        lines = []
        for second in np.arange(0.0, 8.0, 0.25):
            now = second - 0.5
            prompts = sum(tokens for moment, tokens in firsts if moment <= now)
            done = sum(end <= now for end in ends)
            hits = 50 * sum(moment <= now for moment, tokens in firsts if tokens == 210)
            lines.append(f"{1_000_000 + second},1,2,0,{hits},{prompts},{prompts},0,0,{done}")
        (folder / "metrics_server_metrics.csv").write_text(SERVER + "\n".join(lines) + "\n")
    return folder


def test_a_run_is_read_on_one_clock_when_client_and_engine_have_their_own(tmp_path: Path) -> None:
    run = read_run(multi_turn(tmp_path / "run"))
    assert run.arrivals.tolist() == pytest.approx([0.0, 0.0, 2.06, 3.16])
    assert run.ttft.tolist() == [0.1, 0.2, 0.1, 0.1]
    assert run.series is not None
    assert run.series.seconds[0] == pytest.approx(-0.5, abs=0.25)
    assert run.input.tolist() == [110, 110, 210, 210]
    assert run.limits.max_num_seqs == 4
    # 10.0 ms after the end of its first turn each client asks again.
    assert run.think_seconds[2:] == pytest.approx([0.01, 0.01])


def test_cached_tokens_are_scaled_when_the_engine_found_half(tmp_path: Path) -> None:
    # The histories allow 200 of 640 prompt tokens; the engine found 100: half of 100 each.
    run = read_run(multi_turn(tmp_path / "run"))
    assert run.cached.tolist() == [0, 0, 50, 50]
    assert run.uncached.tolist() == [110, 110, 160, 160]


def test_a_log_without_an_engine_is_taken_as_it_is(tmp_path: Path) -> None:
    run = read_run(multi_turn(tmp_path / "run", server=False))
    assert run.series is None
    assert run.input.tolist() == [100, 100, 200, 200]
    assert run.cached.tolist() == [0, 0, 100, 100]


def test_requests_without_a_start_are_left_out_and_said(tmp_path: Path) -> None:
    folder = multi_turn(tmp_path / "run", server=False)
    with (folder / "metrics_client_metrics.csv").open("a") as log:
        log.write(",100,50,2050,200,40,50,9\n")
    run = read_run(folder)
    assert run.count == 4
    assert run.notes == ("1 requests bear no start and are left out",)


@pytest.mark.parametrize("row", ["5003200,100,50,2050,,40,50,9", "5003200,100,50,2050,200,40,,9"])
def test_requests_without_a_count_are_load_and_not_learnt_from(tmp_path: Path, row: str) -> None:
    folder = multi_turn(tmp_path / "run", server=False)
    with (folder / "metrics_client_metrics.csv").open("a") as log:
        log.write(row + "\n")
    run = read_run(folder)
    assert run.cached.tolist() == [0, 0, 100, 100, 0]
    assert run.usable.tolist() == [True, True, True, True, False]
    assert run.notes == ("1 requests lack a token count and are not learnt from",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("start_time_ms,ttft_ms\n1,2\n", "not found"),
        (CLIENT + "1,x,50,2050,100,40,0,7\n", "ttft_ms"),
    ],
)
def test_a_file_is_named_when_it_cannot_be_read(tmp_path: Path, text: str, said: str) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "metrics_client_metrics.csv").write_text(text)
    with pytest.raises(TrafficError, match=said) as caught:
        read_run(folder)
    assert str(folder) in str(caught.value)


def test_a_folder_is_refused_when_it_holds_no_run(tmp_path: Path) -> None:
    with pytest.raises(TrafficError, match="neither a client's log nor scrapes"):
        read_run(tmp_path)
    assert run_folders(tmp_path) == []


def test_a_deployment_is_known_by_what_changes_its_steps() -> None:
    assert engine_key(COMMAND) == "org/model --tensor-parallel-size 2"


def test_computed_tokens_grow_by_the_misses_when_waiting_requests_ask_again() -> None:
    # First interval: 100 prompt tokens, 30 hits in 60 queries: half is computed. Second: 100 more
    # with 10 hits in 1,000 queries, most of them repeated: 99 are computed.
    found = computed_tokens(
        np.array([0.0, 100.0, 200.0]), np.array([0.0, 30.0, 40.0]), np.array([0.0, 60.0, 1060.0])
    )
    assert found.tolist() == pytest.approx([0.0, 50.0, 149.0])
