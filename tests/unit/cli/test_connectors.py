"""`tokenworks connectors`: a line for each connector and each mapping, and all about one of them."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from tokenworks.cli import main, show
from tokenworks_sources.connectors.mapped.resolve import library
from tokenworks_sources.connectors.registry import CONNECTORS
from tokenworks_sources.errors import TokenworksError

runner = CliRunner()


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A screen on which no line is broken."""
    monkeypatch.setattr(show.console, "width", 400)


def test_each_connector_and_mapping_has_one_line_when_all_are_listed() -> None:
    printed = runner.invoke(main.app, ["connectors"]).stdout
    names = [line.split()[1] for line in printed.splitlines() if line.startswith("│")]
    own = [connector.name for connector in CONNECTORS if connector.name != "mapped"]
    assert sorted(names) == sorted([*own, *library()])
    assert "docs/mapping.md" in printed


def test_mapping_is_listed_with_its_first_sentence_when_its_summary_is_long() -> None:
    printed = runner.invoke(main.app, ["connectors"]).stdout
    (line,) = [line for line in printed.splitlines() if " mooncake " in line]
    cells = [cell.strip() for cell in line.strip("│").split("│")]
    assert cells == ["mooncake", "requests", "Mooncake traces"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("llmperf", ("What the emitter gets wrong", "landing/requests/llmperf/")),
        ("vllm_prometheus", ("vLLM", "engine_samples, engine_histograms")),
        ("mapped", ("landing/<table>/mapped/", "docs/mapping.md")),
        ("burstgpt", ("seconds", "Recognised by:  csv", "2023-01-01T00:00:00+00:00")),
        ("aibrix_client", ("clock of an event loop", "each run needs one")),
    ],
)
def test_all_is_said_when_one_is_named(name: str, said: tuple[str, ...]) -> None:
    printed = runner.invoke(main.app, ["connectors", name]).stdout
    assert all(text.lower() in printed.lower() for text in said), printed


def test_every_connector_says_what_it_reads_when_it_is_named() -> None:
    for connector in CONNECTORS:
        printed = runner.invoke(main.app, ["connectors", connector.name]).stdout
        assert len(printed.splitlines()) > 5, connector.name


def test_names_are_listed_when_one_is_unknown() -> None:
    result = runner.invoke(main.app, ["connectors", "moon"])
    assert isinstance(result.exception, TokenworksError)
    assert "There is no connector 'moon'. Use one of: " in str(result.exception)
