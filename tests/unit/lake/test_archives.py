"""Archives: members become landing files; tricks and bombs are refused in bounded time and space."""

from __future__ import annotations

import gzip
import stat
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from tests.unit.lake.rates import HEADER, RateLines, rows
from tokenworks_sources import archives
from tokenworks_sources.connectors import registry
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.ingest import ingest_landing
from tokenworks_sources.landing import open_decompressed, preview_of
from tokenworks_sources.placement import place_path
from tokenworks_sources.settings import Settings

ONE = f"{HEADER}\n2026-10-19,EUR,USD,1.08\n"
TWO = f"{HEADER}\n2026-10-20,EUR,USD,1.09\n"


@pytest.fixture(autouse=True)
def rate_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "CONNECTORS", (RateLines(),))


def _read_whole(path: Path) -> None:
    with open_decompressed(path) as stream:
        while stream.read(1 << 16):
            pass


def _zip(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def test_each_member_is_a_landing_file_when_an_archive_has_several(
    settings: Settings, tmp_path: Path
) -> None:
    path = _zip(
        tmp_path / "rates.zip",
        **{
            "a/one.csv": ONE,
            "b/two.csv": TWO,
            "__MACOSX/a/._one.csv": "x",
            ".hidden": "x",
            "plot.py": "print()",
        },
    )
    placements, refused = place_path(settings, path)
    folder = settings.landing / "fx_rates" / "rate_lines" / tmp_path.name / "rates"
    assert [placed.target for placed in placements] == [
        folder / "a" / "one.csv",
        folder / "b" / "two.csv",
    ]
    assert [placed.source for placed in placements] == [path / "a/one.csv", path / "b/two.csv"]
    assert [Path(error.path).name for error in refused] == ["plot.py"]
    ingest_landing(settings)
    assert [row[0] for row in rows(settings)] == ["2026-10-19", "2026-10-20"]
    assert [path.name for path in settings.home.iterdir() if path.name.startswith(".")] == []


def test_archive_with_one_member_reads_like_gzip_when_it_lies_in_the_landing_folder(
    settings: Settings, tmp_path: Path
) -> None:
    path = _zip(tmp_path / "one.zip", **{"x/one.csv": ONE})
    with open_decompressed(path) as stream:
        assert stream.read() == ONE.encode()
    several = _zip(tmp_path / "two.zip", **{"one.csv": ONE, "two.csv": TWO})
    with pytest.raises(LandingFileError, match="an archive of 2 files"):
        preview_of(several)


@pytest.mark.parametrize(
    "name",
    ["../out.csv", "/etc/out.csv", "a/../../out.csv", "a\\..\\out.csv", "C:/out.csv", "a/./b.csv"],
)
def test_archive_is_refused_when_a_name_leads_out_of_it(
    name: str, settings: Settings, tmp_path: Path
) -> None:
    path = _zip(tmp_path / "x.zip", **{name: ONE, "fine.csv": TWO})
    placements, (error,) = place_path(settings, path)
    assert (placements, error.what) == ([], "the name of a member leads out of it.")
    assert not list(tmp_path.rglob("out.csv"))


def test_archive_is_refused_when_a_member_is_a_link(settings: Settings, tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    placements, (error,) = place_path(settings, tmp_path / "x.zip")
    assert (placements, error.what) == ([], "a member is a link or a device.")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("other", ["one.csv", "ONE.CSV"])
def test_archive_is_refused_when_two_members_share_a_name(
    other: str, settings: Settings, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("one.csv", ONE)
        archive.writestr(other, TWO)
    placements, (error,) = place_path(settings, tmp_path / "x.zip")
    assert (placements, error.what) == ([], "two of its members have the same name.")


def test_inner_archive_is_not_opened(settings: Settings, tmp_path: Path) -> None:
    inner = _zip(tmp_path / "inner.zip", **{"one.csv": ONE}).read_bytes()
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("inner.zip", inner)
    placements, (error,) = place_path(settings, tmp_path / "x.zip")
    assert (placements, error.what) == ([], "it holds another archive.")


@pytest.mark.parametrize("cut", [10, 60, -30])
def test_archive_is_an_error_when_it_is_cut(cut: int, settings: Settings, tmp_path: Path) -> None:
    whole = _zip(tmp_path / "x.zip", **{"one.csv": ONE * 40, "two.csv": TWO}).read_bytes()
    (tmp_path / "x.zip").write_bytes(whole[:cut])
    placements, refused = place_path(settings, tmp_path / "x.zip")
    assert (placements, len(refused)) == ([], 1)


@pytest.mark.parametrize("kind", ["gz", "zst", "zip"])
def test_bomb_is_refused_in_bounded_space(
    kind: str, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "ALWAYS_ALLOWED_BYTES", 1 << 20)
    path = tmp_path / f"x.{kind}"
    text = ONE.encode() + b"0" * (32 << 20)
    if kind == "gz":
        path.write_bytes(gzip.compress(text))
    elif kind == "zst":
        with pa.output_stream(str(path), compression="zstd") as stream:
            stream.write(text)
    else:
        _zip(path, **{"one.csv": text.decode()})
        placements, (error,) = place_path(settings, path)
        assert placements == []
        assert "250 times its size" in error.what
    with pytest.raises(LandingFileError, match="250 times its size"):
        _read_whole(path)
    assert sum(found.stat().st_size for found in settings.home.rglob("*") if found.is_file()) == 0


def test_real_archive_of_benchmark_runs_is_placed(settings: Settings, shared_data: Path) -> None:
    """aibrix: 71 files beside as many of the Finder's; nothing of the Finder's is a file."""
    path = next((shared_data / "llm_traces" / "aibrix").glob("*.zip"))
    _, refused = place_path(settings, path)
    assert len(refused) > 60
    assert not [error for error in refused if "__MACOSX" in str(error.path)]
