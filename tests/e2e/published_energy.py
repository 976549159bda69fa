"""Google's median prompt as the files of an hour: a log, a board's counter and the site's meter.

Source: Google, “Measuring the environmental impact of delivering AI at Google Scale”, August 2025, arXiv 2508.15734:
0.24 Wh a prompt, of which 58 % accelerators, 25 % hosts, 10 % idle machines and 8 % overhead, so 0.14, 0.06, 0.02 and
0.02. A hundred such prompts in an hour.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

PROMPTS = 100
BEGINS = datetime(2025, 5, 5, 3)
ENDS = BEGINS + timedelta(hours=1)
ACCELERATOR_WH, FACILITY_WH, PUE = 0.14, 0.24, 1.09
_GPU_MAPPING = {
    "table": "gpu_samples",
    "format": "csv",
    "columns": {
        "sampled_at": {"from": "at", "time": "iso"},
        "gpu_uuid": {"constant": "google/0"},
        "mig_instance_id": {"constant": ""},
        "energy_joules_total": "joules",
    },
}
_METER_MAPPING = {
    "table": "energy_readings",
    "format": "csv",
    "columns": {
        "meter_id": {"constant": "google-meter"},
        "flow_direction": {"constant": "import"},
        "interval_start": {"from": "at", "time": "iso"},
        "interval_seconds": {"constant": 3600},
        "energy_kwh": "kwh",
        "quality": {"constant": "valid"},
    },
}


def fleet() -> dict[str, list[dict[str, Any]]]:
    """One board at a site with a meter, for the hour."""
    held = {"valid_from": f"{BEGINS.isoformat()}Z", "valid_to": f"{ENDS.isoformat()}Z"}
    return {
        "sites": [{"id": "google", "region": "google", "time_zone": "UTC", "currency": "USD", "pue": PUE,
                   "facility_meter": "google-meter"}],
        "servers": [{"id": "google", "site": "google", "gpu_model": "TPU", "gpus": 1, "ownership": "leased",
                     **held}],
        "tenants": [{"id": "google", "name": "google"}],
        "deployments": [{"id": "google", "key": "google", "model": "gemini", "tier": "all", "site": "google",
                         "allocation": {"method": "equal-share"},
                         "replicas": [{"id": "google", "gpus": ["google"], **held}], **held}],
    }  # fmt: skip


def write_prompts(landing: Path) -> None:
    """The hour's log, samples and reading."""
    log = landing / "requests" / "litellm" / "google.jsonl"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("".join(f"{json.dumps(_prompt(number))}\n" for number in range(PROMPTS)))
    per_minute = ACCELERATOR_WH * 3600 * PROMPTS / 60
    samples = [
        f"{(BEGINS + timedelta(minutes=n)).isoformat()}Z,{per_minute * n:.1f}" for n in range(61)
    ]
    _write(landing / "gpu_samples" / "mapped" / "google", _GPU_MAPPING, ["at,joules", *samples])
    reading = f"{BEGINS.isoformat()}Z,{FACILITY_WH * PROMPTS / 1000}"
    _write(landing / "energy_readings" / "mapped" / "google", _METER_MAPPING, ["at,kwh", reading])


def _prompt(number: int) -> dict[str, Any]:
    start = BEGINS + timedelta(seconds=36 * number)
    return {
        "request_id": f"google-{number:03d}", "call_type": "acompletion", "model": "gemini", "model_id": "google",
        "startTime": f"{start.isoformat()}Z", "endTime": f"{(start + timedelta(seconds=36)).isoformat()}Z",
        "status": "success", "prompt_tokens": 100, "completion_tokens": 100, "total_tokens": 200,
        "organization_id": "google",
    }  # fmt: skip


def _write(folder: Path, mapping: dict[str, Any], lines: list[str]) -> None:
    folder.mkdir(parents=True)
    (folder / "mapping.yaml").write_text(json.dumps(mapping))
    (folder / "hour.csv").write_text("\n".join(lines) + "\n")
