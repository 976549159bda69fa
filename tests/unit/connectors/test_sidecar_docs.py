"""docs/sidecars.md: every block is read, names all there is to say, and does what the page says."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from tests.unit.connectors.test_mapping_docs import blocks
from tokenworks_sources.connectors.about import About, beside
from tokenworks_sources.connectors.energy_readings import utility_csv
from tokenworks_sources.connectors.mapped.resolve import library
from tokenworks_sources.connectors.prices import litellm_prices
from tokenworks_sources.connectors.registry import SIDECARS
from tokenworks_sources.errors import LandingFileError

PRICE_MAP = {"pro": {"litellm_provider": "acme", "input_cost_per_token": 1e-06}}
USAGE = (
    "TYPE,DATE,START TIME,END TIME,USAGE (kWh),COST,NOTES\n"
    "Electric usage,03/02/2026,00:00,00:14,0.30,$0.09,\n"
)


@pytest.fixture
def page(root: Path) -> Path:
    return root / "docs" / "sidecars.md"


def sections(page: Path) -> dict[str, str]:
    """Text of each sidecar's section, by its name."""
    parts = page.read_text().split("\n## `")[1:]
    return dict(part.split("`\n", 1) for part in parts)


def said(page: Path, sidecar: str) -> dict[str, object]:
    (text,) = (
        text for text in blocks(page, "yaml") if f"```yaml\n{text}" in sections(page)[sidecar]
    )
    found: dict[str, object] = yaml.safe_load(text)
    return found


def test_every_sidecar_has_a_section_when_the_page_is_read(page: Path) -> None:
    assert set(sections(page)) == set(SIDECARS)


def test_all_keys_stand_on_the_page_when_they_are_valid(page: Path, tmp_path: Path) -> None:
    about = said(page, "about.yaml")
    assert set(about) == set(About.model_fields)
    (tmp_path / "about.yaml").write_text(yaml.safe_dump(about))
    facts = beside(tmp_path / "any.csv")
    assert facts.valid_from == datetime(2026, 9, 1)
    assert facts.anchor == datetime(2026, 5, 29, 11, 35, 48)


def test_mapping_gives_its_anchor_when_the_built_in_one_needs_it(page: Path) -> None:
    mapping = said(page, "mapping.yaml")
    assert library()[str(mapping["extends"])].needs_anchor
    assert mapping["anchor"] == datetime(2026, 5, 29, 11, 35, 48, tzinfo=UTC)


def test_price_map_holds_from_the_day_when_about_says_so(
    page: Path, tmp_path: Path, ingest_file: Callable
) -> None:
    path, sidecar = tmp_path / "prices.json", tmp_path / "about.yaml"
    path.write_text(json.dumps(PRICE_MAP))
    sidecar.write_text(yaml.safe_dump(said(page, "about.yaml")))
    rows = ingest_file(path, litellm_prices.CONNECTOR, (sidecar,)).frames["prices"]
    assert rows.select("valid_from", "currency").rows() == [(datetime(2026, 9, 1), "USD")]


def test_price_map_is_refused_when_about_has_a_key_that_is_not_known(
    tmp_path: Path, ingest_file: Callable
) -> None:
    path, sidecar = tmp_path / "prices.json", tmp_path / "about.yaml"
    path.write_text(json.dumps(PRICE_MAP))
    sidecar.write_text("valid_form: 2026-09-01\n")
    with pytest.raises(LandingFileError, match="valid_form is no key of it"):
        ingest_file(path, litellm_prices.CONNECTOR, (sidecar,))


def test_usage_is_placed_by_zone_and_order_when_about_says_both(
    page: Path, tmp_path: Path, ingest_file: Callable
) -> None:
    path, sidecar = tmp_path / "usage.csv", tmp_path / "about.yaml"
    path.write_text(USAGE)
    sidecar.write_text(yaml.safe_dump(said(page, "about.yaml")))
    rows = ingest_file(path, utility_csv.CONNECTOR, (sidecar,)).frames["energy_readings"]
    assert rows.select("interval_start", "currency").rows() == [(datetime(2026, 3, 2, 8), "USD")]
