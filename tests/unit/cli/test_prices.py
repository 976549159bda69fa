"""`tokenworks prices`: from the models that requests name to their prices in the lake, offline."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from tokenworks.cli import main, show

runner = CliRunner()

WATCHED = """
import sys
opened = []
sys.addaudithook(lambda event, _: opened.append(event) if event.startswith("socket.") else None)
from tokenworks.cli.main import app
app(["prices"], standalone_mode=False)
assert not opened, opened
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOKENWORKS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(show.console, "width", 400)
    return tmp_path / "home"


def run(*arguments: str) -> str:
    result = runner.invoke(main.app, list(arguments))
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def spend_log(path: Path, models: list[tuple[str, str, str]]) -> Path:
    rows = [
        {
            "request_id": f"r{number}",
            "call_type": "acompletion",
            "api_key": "k",
            "spend": 0,
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 15,
            "startTime": "2026-09-01T00:00:00Z",
            "endTime": "2026-09-01T00:00:05Z",
            "model": served,
            "model_group": asked_for,
            "custom_llm_provider": provider,
            "metadata": {},
        }
        for number, (provider, served, asked_for) in enumerate(models)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_models_of_requests_get_prices_when_the_list_is_ingested(
    home: Path, tmp_path: Path
) -> None:
    log = spend_log(
        tmp_path / "log.jsonl",
        [
            ("anthropic", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5-20250929"),
            ("hosted_vllm", "llama-3.1-8b-instruct", "llama-3.1-8b-instruct"),
        ],
    )
    run("ingest", str(log))
    printed = run("prices")
    assert "2 models in requests: 1 in the list, 0 not, 1 of no vendor" in printed
    assert "`tokenworks ingest` brings them into the lake" in printed
    assert "1 file ingested" in run("ingest")
    rows = pl.read_parquet(home / "lake" / "prices" / "*" / "*.parquet").filter(
        model="claude-sonnet-4-5-20250929", provider="anthropic", token_class="output"
    )
    assert 15 in rows["price_per_million_tokens"].to_list()
    assert "unchanged" in run("prices")
    assert "0 files ingested" in run("ingest")


def test_ten_names_are_listed_when_more_are_unknown(tmp_path: Path) -> None:
    models = [("openai", f"own-{number:02}", f"own-{number:02}") for number in range(12)]
    run("ingest", str(spend_log(tmp_path / "log.jsonl", models)))
    printed = run("prices")
    assert "12 models in requests: 0 in the list, 12 not, 0 of no vendor" in printed
    assert "not in the list: own-09 of openai … and 2 more" in printed
    assert "own-10" not in printed


def test_no_socket_is_opened_when_the_list_is_written(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WATCHED], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "The lake has no requests yet" in done.stdout
    assert len(list((home / "landing" / "prices" / "genai_prices").iterdir())) == 1
