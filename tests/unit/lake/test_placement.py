"""Files on their way into the landing folder: nothing is overwritten that was not meant."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.ingest import ingest_landing
from tokenworks_sources.placement import place_path
from tokenworks_sources.settings import Settings

HEADER = "id,when,ttft,tokens"
MAPPING = """
table: requests
format: csv
columns:
  emitter: {{constant: mine}}
  request_id: id
  started_at: {{from: when, time: iso}}
  ttft_seconds: {{from: ttft, unit: {unit}}}
  clock: {{constant: utc}}
  status: {{constant: success}}
  input_total_tokens: tokens
"""


def _file(folder: Path, name: str, *lines: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("\n".join((HEADER, *lines)) + "\n")
    return path


def _mapping(folder: Path, name: str, unit: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(MAPPING.format(unit=unit))
    return path


def _ttft(settings: Settings) -> dict[str, float]:
    ingest_landing(settings)
    frame = pl.read_parquet(str(settings.lake / "requests" / "*" / "*.parquet"))
    return dict(frame.select("request_id", "ttft_seconds").rows())


def test_two_mappings_read_their_own_files(settings: Settings, tmp_path: Path) -> None:
    jan = _file(tmp_path / "jan", "log.csv", "r1,2026-01-05T10:00:00Z,250,7")
    feb = _file(tmp_path / "feb", "log.csv", "r2,2026-02-05T10:00:00Z,0.25,7")
    for path, unit in ((jan, "ms"), (feb, "s")):
        mapping = _mapping(tmp_path / "maps", f"gateway.{unit}.yaml", unit)
        placements, refused = place_path(settings, path, mapping=mapping)
        assert (len(placements), refused) == (1, [])
    assert _ttft(settings) == {"r1": 0.25, "r2": 0.25}


def test_mapping_beside_other_files_leaves_them_to_their_connectors(
    settings: Settings, tmp_path: Path
) -> None:
    """A fleet and a price sheet in the folder of a log that has a mapping."""
    folder = tmp_path / "day"
    _file(folder, "log.csv", "r1,2026-01-05T10:00:00Z,250,7")
    _mapping(folder, "mapping.yaml", "ms")
    (folder / "fleet.yaml").write_text("valid_from: 2026-01-01\nsites: []\nservers: []\n")
    (folder / "prices.csv").write_text(
        "provider,model,token_class,valid_from,price_per_million_tokens,currency\n"
        "us,m,output,2026-01-01,2.19,USD\n"
    )
    placements, refused = place_path(settings, folder)
    assert refused == []
    found = {done.source.name: (done.connector, done.reason) for done in placements}
    assert found == {
        "fleet.yaml": ("fleet_yaml", "a YAML mapping with sites and servers or deployments"),
        "log.csv": ("mapped", "mapping mapping.yaml"),
        "prices.csv": ("mapped", "mapping prices_same_names"),
    }
    assert _ttft(settings) == {"r1": 0.25}
    assert pl.read_parquet(str(settings.lake / "prices" / "*" / "*.parquet")).height == 1


def test_file_beside_a_mapping_is_its_when_nobody_else_knows_it(
    settings: Settings, tmp_path: Path
) -> None:
    """The error is about the mapping then, since it is what the file was meant for."""
    folder = tmp_path / "day"
    path = _file(folder, "log.csv", "r1,2026-01-05T10:00:00Z,250,7")
    _mapping(folder, "mapping.yaml", "ms")
    path.write_text(path.read_text().replace("ttft", "first"))
    (placement,), refused = place_path(settings, folder)
    assert (placement.reason, refused) == ("mapping mapping.yaml", [])


def test_other_mapping_beside_the_data_is_refused(settings: Settings, tmp_path: Path) -> None:
    for month, unit in (("a", "ms"), ("b", "s")):
        folder = tmp_path / month / "logs"
        _file(folder, f"{month}.csv", f"{month},2026-01-05T10:00:00Z,250,7")
        _mapping(folder, "mapping.yaml", unit)
    assert place_path(settings, tmp_path / "a" / "logs" / "a.csv")[1] == []
    (error,) = place_path(settings, tmp_path / "b" / "logs" / "b.csv")[1]
    assert "a different mapping.yaml already lies at" in str(error)
    assert _ttft(settings) == {"a": 0.25}


def test_mapping_stays_as_it_was_when_its_data_is_refused(
    settings: Settings, tmp_path: Path
) -> None:
    path = _file(tmp_path / "x", "log.csv", "r1,2026-01-05T10:00:00Z,250,7")
    mapping = _mapping(tmp_path / "maps", "own.yaml", "ms")
    place_path(settings, path, mapping=mapping)
    assert _ttft(settings) == {"r1": 0.25}
    _file(tmp_path / "x", "log.csv", "r1,2026-01-05T10:00:00Z,999,7")
    _mapping(tmp_path / "maps", "own.yaml", "s")
    assert len(place_path(settings, path, mapping=mapping)[1]) == 1
    assert _ttft(settings) == {"r1": 0.25}
    assert place_path(settings, path, mapping=mapping, replace=True)[1] == []
    assert _ttft(settings) == {"r1": 999.0}


def test_damaged_file_may_be_shipped_again_without_asking(
    settings: Settings, tmp_path: Path
) -> None:
    mapping = _mapping(tmp_path / "maps", "own.yaml", "ms")
    path = tmp_path / "x" / "log.csv"
    path.parent.mkdir()
    path.write_text("who,knows\n1,2\n")
    folder = settings.landing / "requests" / "mapped" / "own" / "x"
    folder.mkdir(parents=True)
    (folder / "log.csv").write_text("half")
    _file(tmp_path / "x", "log.csv", "r1,2026-01-05T10:00:00Z,250,7")
    assert place_path(settings, path, mapping=mapping)[1] == []
    assert _ttft(settings) == {"r1": 0.25}


def test_corrected_fleet_takes_the_place_of_the_first_one(
    settings: Settings, tmp_path: Path
) -> None:
    for zone in ("Europe/Paris", "Europe/Rome"):
        path = tmp_path / zone.replace("/", "-") / "fleet.yaml"
        path.parent.mkdir()
        path.write_text(
            "valid_from: 2026-01-01\nservers: []\n"
            f"sites: [{{id: a, region: a, time_zone: {zone}, currency: EUR}}]\n"
        )
        assert place_path(settings, path)[1] == []
        ingest_landing(settings)
    sites = pl.read_parquet(str(settings.lake / "fleet_sites" / "*" / "*.parquet"))
    assert sites["time_zone"].to_list() == ["Europe/Rome"]


def test_path_that_is_not_there_is_an_error(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(LandingFileError, match="there is no such file or folder"):
        place_path(settings, tmp_path / "nothing.csv")
