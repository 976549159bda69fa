"""The published run of a real server that LLMServingSim ships, as a log."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np

from tokenworks.replay.calibration.runs import EngineLimits, RunLog

#: Below the folder of shared files.
RUN = "replay/llmservingsim/RTXPRO6000_Llama-3.1-8B/requests.jsonl.gz"


def llmservingsim(data: Path) -> RunLog:
    """300 requests on one server of 128 slots and a budget of 2,048, overloaded for a while.

    Args:
        data: the folder of shared files, which has to hold `RUN`.
    """
    with gzip.open(data / RUN, "rt") as lines:
        rows = sorted((json.loads(line) for line in lines), key=lambda row: row["queued_ts"])
    column = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    start, count = column["queued_ts"], len(rows)
    return RunLog(
        name="llmservingsim Llama-3.1-8B",
        arrivals=start - start[0],
        ttft=column["first_token_ts"] - start,
        e2e=column["last_token_ts"] - start,
        input=column["input_toks"],
        output=column["output_toks"],
        cached=np.zeros(count, dtype=np.int64),
        client=np.full(count, -1),
        failed=np.zeros(count, dtype=np.bool_),
        limits=EngineLimits(max_num_seqs=128, token_budget=2048),
    )
