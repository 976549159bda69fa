"""Lines, clocks and scrapes of the Prometheus text exposition."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworks_sources.connectors.base import LandingFile
from tokenworks_sources.connectors.prometheus.catalogue import Catalogue, Kind, Target
from tokenworks_sources.connectors.prometheus.clock import (
    instance_of_path,
    parse_time,
    time_in_name,
)
from tokenworks_sources.connectors.prometheus.exposition import (
    Series,
    parse_series,
    split_sample,
)
from tokenworks_sources.connectors.prometheus.scan import Batch, scan
from tokenworks_sources.errors import LandingFileError

TIME = 1_790_813_100_000_000  # 2026-10-01T00:05:00Z


class MemorySink:
    """A sink that remembers what it was told."""

    pseudonym_key = b"unused"

    def __init__(self) -> None:
        self.rejects: list[tuple[int, str]] = []
        self.skipped: dict[str, int] = {}
        self.expected = 0

    def write(self, table: str, frame: pl.DataFrame) -> None:
        """Scans write nothing."""
        raise AssertionError

    def copy(self, table: str, connection: object, query: str) -> int:
        """Scans copy nothing."""
        raise AssertionError

    def reject(self, line: int, reason: str, raw: str | bytes, records: int = 1) -> None:
        """Remembers line and reason."""
        self.rejects.append((line, reason))

    def skip(self, reason: str, records: int) -> None:
        """Adds up by reason."""
        self.skipped[reason] = self.skipped.get(reason, 0) + records

    def expect(self, records: int) -> None:
        """Remembers the count."""
        self.expected += records


def scanned(path: Path, name: str = "t/c/i/x.prom") -> tuple[list[Batch], Catalogue, MemorySink]:
    """All batches of a file whose every series is taken."""
    catalogue = Catalogue(lambda series: Target((series.name,), Kind.SAMPLE, series.name))
    sink = MemorySink()
    return list(scan(LandingFile(path, name, "0"), catalogue, sink)), catalogue, sink


def written(tmp_path: Path, text: str) -> Path:
    """A file of that text."""
    path = tmp_path / "x.prom"
    path.write_text(text)
    return path


def values_of(batches: list[Batch], catalogue: Catalogue) -> list[tuple[int, str, float]]:
    """Time, series as written and value of every sample."""
    return [
        (batch.scrapes[scrape].time, catalogue.texts[series], value)
        for batch in batches
        for scrape, series, value in batch.samples.select("scrape", "series", "value").iter_rows()
    ]


def test_labels_are_unescaped_when_they_hold_quotes_backslashes_and_newlines() -> None:
    assert parse_series(r'vllm:x{a="q\"b\\c\nd",b="}, {",}') == Series(
        "vllm:x", {"a": 'q"b\\c\nd', "b": "}, {"}
    )


@pytest.mark.parametrize(
    "key",
    [
        'x{a="b}',
        "x{a=b}",
        'x{1a="b"}',
        'x{a="b" c="d"}',
        'x{a="b",a="c"}',
        r'x{a="\q"}',
        "{}",
        "x{a}",
    ],
)
def test_series_is_refused_when_labels_are_malformed(key: str) -> None:
    assert parse_series(key) is None


def test_name_is_found_when_it_is_quoted_inside_the_braces() -> None:
    assert parse_series('{"http.server.duration", path="/"}') == Series(
        "http.server.duration", {"path": "/"}
    )


def test_label_is_absent_when_its_value_is_empty() -> None:
    assert parse_series('x{pod="",gpu="0"}') == Series("x", {"gpu": "0"})


def test_exemplar_is_dropped_when_an_openmetrics_line_has_one() -> None:
    sample = split_sample('a_bucket{le="1.0"} 5 # {trace_id="a b"} 0.67 1520879607.789')
    assert sample is not None
    assert (sample.key, sample.value, sample.stamp) == ('a_bucket{le="1.0"}', "5", None)


@given(
    name=st.from_regex(r"\A[a-zA-Z_:][a-zA-Z0-9_:]{0,20}\Z"),
    labels=st.dictionaries(
        st.from_regex(r"\A[a-zA-Z_][a-zA-Z0-9_]{0,10}\Z"),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1),
        max_size=5,
    ),
    value=st.floats(allow_nan=False),
    stamp=st.none() | st.integers(10**12, 4 * 10**12),
)
def test_series_and_value_come_back_when_any_labels_are_written_with_escapes(
    name: str, labels: dict[str, str], value: float, stamp: int | None
) -> None:
    def escaped(text: str) -> str:
        return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    inside = ",".join(f'{label}="{escaped(text)}"' for label, text in labels.items())
    line = f"{name}{{{inside}}} {value!r}" + ("" if stamp is None else f" {stamp}")
    sample = split_sample(line)
    assert sample is not None
    assert parse_series(sample.key) == Series(name, labels)
    assert float(sample.value) == value
    assert sample.stamp == (None if stamp is None else str(stamp))


@pytest.mark.parametrize(
    "text",
    [
        "2026-10-01T00:05:00Z",
        "2026-10-01T02:05:00+02:00",
        "20261001T000500Z",
        "1790813100",
        "1790813100.000",
        "1790813100000",
        "1790813100000000",
        "1790813100000000000",
    ],
)
def test_time_is_the_same_when_written_in_any_unit(text: str) -> None:
    assert parse_time(text) == TIME


@pytest.mark.parametrize(
    "text", ["2026-10-01T00:05:00", "0", "9999999999", "nan", "soon", "-1", "1e400"]
)
def test_time_is_none_when_it_has_no_zone_or_lies_outside_the_century(text: str) -> None:
    assert parse_time(text) is None


@pytest.mark.parametrize(
    ("name", "instance"),
    [
        ("t/c/engine-0/20261001T000500Z.prom", "engine-0"),
        ("t/c/20261001T000500Z_engine-0.prom.gz", "engine-0"),
        ("t/c/engine-0.2026-10-01T00-05-00Z.txt.zst", "engine-0"),
        ("t/c/engine-0-1790813100.prom", "engine-0"),
        ("t/c/engine-0_1790813100000.metrics", "engine-0"),
    ],
)
def test_time_and_instance_are_found_when_the_path_holds_them(name: str, instance: str) -> None:
    assert time_in_name(name) == TIME
    assert instance_of_path(name, ("c", "t")) == instance


def test_no_time_is_read_when_ten_digits_could_be_a_date_and_an_hour() -> None:
    assert time_in_name("engine-0/2026100100.prom") is None


def test_instance_is_unknown_when_the_path_holds_only_a_time() -> None:
    assert instance_of_path("t/c/20261001T000500Z.prom", ("c", "t")) is None


def test_scrapes_are_told_apart_when_headers_stand_between_them(tmp_path: Path) -> None:
    text = (
        "# scraped_at 2026-10-01T00:05:00Z\n# instance a:1\nx 1\n# HELP y text\ny 2\n# EOF\n"
        '# scraped_at 2026-10-01T00:05:15Z\nx 3 # {trace_id="t"} 1\n'
    )
    batches, catalogue, sink = scanned(written(tmp_path, text))
    assert values_of(batches, catalogue) == [
        (TIME, "x", 1),
        (TIME, "y", 2),
        (TIME + 15_000_000, "x", 3),
    ]
    assert [scrape.instance for scrape in batches[0].scrapes] == ["a:1", "a:1"]
    assert batches[0].samples["line"].to_list() == [3, 5, 8]
    assert (sink.expected, sink.rejects) == (3, [])


def test_timestamps_decide_when_there_is_no_header(tmp_path: Path) -> None:
    text = "x 1 1790813100000\ny 2 1790813100000\nx 3 1790813115.000\nx 4 1790813100000\n"
    batches, catalogue, _ = scanned(written(tmp_path, text), "t/c/i/20200101T000000Z.prom")
    assert values_of(batches, catalogue) == [
        (TIME, "x", 1),
        (TIME, "y", 2),
        (TIME + 15_000_000, "x", 3),
        (TIME, "x", 4),
    ]


def test_file_is_refused_when_nothing_gives_the_time(tmp_path: Path) -> None:
    with pytest.raises(
        LandingFileError, match=r"line 2: the scrape has no time\. Put a line '# scraped_at"
    ):
        scanned(written(tmp_path, "# HELP x y\nx 1\n"))


def test_file_is_refused_when_a_header_is_no_time(tmp_path: Path) -> None:
    with pytest.raises(LandingFileError, match="scraped_at: no time of a scrape"):
        scanned(written(tmp_path, "# scraped_at 2026-10-01T00:05:00\nx 1\n"))


def test_malformed_lines_are_rejected_with_their_line_when_others_are_fine(tmp_path: Path) -> None:
    lines = [
        "# scraped_at 1790813100",
        "x 1",
        'x{a="b} 2',
        "x twelve",
        "x 1_000",
        "x 1 soon",
        'x{a="1",a="2"} 3',
        "just words",
        "------",
        "x{} NaN",
        'y{le="+Inf"} +Inf',
    ]
    path = tmp_path / "x.prom"
    path.write_bytes("\r\n".join(lines).encode() + b'\nz{a="\xff"} 1\n')
    batches, catalogue, sink = scanned(path)
    assert [text for _, text, _ in values_of(batches, catalogue)] == ["x", "x{}", 'y{le="+Inf"}']
    assert sink.rejects == [
        (3, "not a sample line"),
        (4, "the value is not a number"),
        (5, "the value is not a number"),
        (6, "the timestamp is no time between 2000 and 2100"),
        (7, "the labels are malformed"),
        (8, "the value is not a number"),
        (12, "not UTF-8 text"),
    ]
    assert sink.skipped == {"separator line": 1}
    assert sink.expected == 3 + 7 + 1


def test_title_is_skipped_when_it_is_the_first_line(tmp_path: Path) -> None:
    _, _, sink = scanned(
        written(tmp_path, "Active 1g.5gb\n\n# scraped_at 1790813100\nx 1\nIdle too\n")
    )
    assert sink.skipped == {"title line": 1}
    assert sink.rejects == [(5, "the value is not a number")]


def test_the_rest_of_a_sample_is_rejected_when_it_stands_first(tmp_path: Path) -> None:
    _, _, sink = scanned(written(tmp_path, 'pod=""} 585\n# scraped_at 1790813100\nx 1\n'))
    assert sink.rejects == [(1, "not a sample line")]


def test_clear_error_when_gzip_ends_early(tmp_path: Path) -> None:
    path = tmp_path / "x.prom.gz"
    path.write_bytes(gzip.compress(b"# scraped_at 1790813100\n" + b"x 1\n" * 1000)[:-20])
    with pytest.raises(LandingFileError, match="damaged or ends early"):
        scanned(path)


def test_clear_error_when_file_is_binary(tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    path.write_bytes(b"x 1\n\0\1\2")
    with pytest.raises(LandingFileError, match="the file is binary"):
        scanned(path)


def test_clear_error_when_file_is_empty(tmp_path: Path) -> None:
    with pytest.raises(LandingFileError, match="the file is empty"):
        scanned(written(tmp_path, ""))


def test_clear_error_when_a_line_never_ends(tmp_path: Path) -> None:
    with pytest.raises(LandingFileError, match="a line is longer than 16 MiB"):
        scanned(written(tmp_path, "x" * (21 << 20)))


def test_last_sample_is_read_when_no_newline_ends_the_file(tmp_path: Path) -> None:
    batches, catalogue, _ = scanned(written(tmp_path, "# scraped_at 1790813100\nx 1"))
    assert values_of(batches, catalogue) == [(TIME, "x", 1)]


def test_batches_hold_whole_scrapes_when_the_file_is_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokenworks_sources.connectors.prometheus.scan.BLOCK_BYTES", 64)
    monkeypatch.setattr("tokenworks_sources.connectors.prometheus.scan.BATCH_SAMPLES", 7)
    text = "".join(f"# scraped_at {1790813100 + 15 * n}\nx {n}\ny {n}\nz {n}\n" for n in range(20))
    batches, _, sink = scanned(written(tmp_path, text))
    assert len(batches) > 3
    seen = [set(batch.samples["scrape"]) for batch in batches]
    assert sum(len(scrapes) for scrapes in seen) == 20
    assert sum(batch.samples.height for batch in batches) == 60
    assert sink.expected == 60


def test_batches_follow_the_timestamps_when_there_is_no_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokenworks_sources.connectors.prometheus.scan.BLOCK_BYTES", 256)
    monkeypatch.setattr("tokenworks_sources.connectors.prometheus.scan.BATCH_SAMPLES", 9)
    lines = [
        f"{metric} {n} {1790813100 + 60 * n}\n" for n in range(30) for metric in ("x", "y", "z")
    ]
    batches, _, _ = scanned(written(tmp_path, "".join(lines)))
    assert len(batches) > 3
    assert sum(len(set(batch.samples["scrape"])) for batch in batches) == 30
    with pytest.raises(LandingFileError, match="go back in time by more than two minutes"):
        scanned(written(tmp_path, "".join([*lines, lines[0]])))


def test_all_is_one_batch_when_timestamps_are_in_order_of_series(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokenworks_sources.connectors.prometheus.scan.BLOCK_BYTES", 256)
    monkeypatch.setattr("tokenworks_sources.connectors.prometheus.scan.BATCH_SAMPLES", 1000)
    text = "".join(
        f"{metric} {n} {1790813100 + 60 * n}\n" for metric in ("x", "y") for n in range(30)
    )
    batches, _, _ = scanned(written(tmp_path, text))
    assert [batch.samples.height for batch in batches] == [60]
    assert len(batches[0].scrapes) == 30


def test_label_of_megabytes_takes_little_more_memory_than_itself() -> None:
    label = "A" * 1_000_000
    tracemalloc.start()
    try:
        sample = split_sample(f'a{{b="{label}"}} 1')
        assert sample is not None
        series = parse_series(sample.key)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert series == Series("a", {"b": label})
    assert peak < 20 * len(label)
