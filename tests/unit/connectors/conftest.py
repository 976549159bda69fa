"""Fixtures that tests of several connectors share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.connectors.results import Land
from tests.unit.connectors.spans import Read
from tokenworks_sources.connectors.base import Connector
from tokenworks_sources.connectors.requests import litellm_engine, otlp_json


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ingest_file: Any) -> Read:
    """Ingests requests of spans, one per line."""
    monkeypatch.setenv("TOKENWORKS_PSEUDONYM_KEY", "a key of the tests")

    def run(*requests: dict[str, Any]) -> Any:
        path = tmp_path / "in" / "traces.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(one) + "\n" for one in requests))
        return ingest_file(path, otlp_json.CONNECTOR)

    return run


@pytest.fixture(params=[0, 1 << 62], ids=["kernel", "duckdb"])
def spend_log_reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spend logs of any size are read by the kernel, and by DuckDB."""
    for size in ("SMALLEST_BYTES", "SMALLEST_TO_COMPILE_BYTES"):
        monkeypatch.setattr(litellm_engine, size, request.param)


@pytest.fixture
def land(tmp_path: Path, ingest_file: Any) -> Land:
    """Ingests a text, or a value as JSON, with what an `about.yaml` beside it says."""

    def run(
        connector: Connector, content: Any, said: str | None = None, name: str = "run.json"
    ) -> Any:
        path, sidecar = tmp_path / name, tmp_path / "about.yaml"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        if said is None:
            return ingest_file(path, connector)
        sidecar.write_text(said)
        return ingest_file(path, connector, (sidecar,))

    return run
