"""A calibration as a file and as a page."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from tests.replay.planted_runs import planted_run, scrapes
from tokenworks.replay.calibration.artefact import (
    StoredCalibration,
    read_calibration,
    write_calibration,
)
from tokenworks.replay.calibration.power_law import PowerChoice, PowerLaw
from tokenworks.replay.calibration.report import calibration_page, write_report
from tokenworks.replay.calibration.step_law import StepCalibration, calibrate_steps
from tokenworks.replay.errors import TrafficError

WINDOW = (datetime(2026, 2, 1), datetime(2026, 2, 3, 12))


@pytest.fixture(scope="module")
def learnt() -> StepCalibration:
    hidden = planted_run(8, name="hidden")
    hidden = replace(hidden, series=scrapes(hidden, share=2.0))
    return calibrate_steps([planted_run(16), planted_run(64), hidden], passes=1)


@pytest.fixture(scope="module")
def stored(learnt: StepCalibration, tmp_path_factory: pytest.TempPathFactory) -> StoredCalibration:
    folder = tmp_path_factory.mktemp("calibration")
    return read_calibration(write_calibration(folder / "d.json", learnt, WINDOW))


def test_what_is_read_is_what_was_written(
    learnt: StepCalibration, stored: StoredCalibration, tmp_path: Path
) -> None:
    assert stored.window == WINDOW
    assert stored.learnt.law == learnt.law
    assert stored.learnt.hull == learnt.hull
    assert stored.learnt.spreads == learnt.spreads
    assert stored.learnt.screened == learnt.screened
    assert stored.learnt.choice == learnt.choice
    again = write_calibration(tmp_path / "again.json", stored.learnt, WINDOW)
    first = write_calibration(tmp_path / "first.json", learnt, WINDOW)
    assert again.read_bytes() == first.read_bytes()


def test_the_law_of_power_is_kept_or_why_there_is_none(
    learnt: StepCalibration, stored: StoredCalibration, tmp_path: Path
) -> None:
    assert stored.power is None
    assert stored.why_no_power == "no log of its GPUs was given"
    assert "as recorded: no log of its GPUs was given" in calibration_page(stored)
    plain = PowerChoice(("idle", "busy"), 0.02)
    law = PowerLaw(
        idle=84.0,
        busy=205.5,
        running=0.0,
        doublings=0.0,
        prefill_tokens=0.0,
        standard_errors={"idle": 0.5, "busy": 1.5},
        choice=plain,
        rejected=(PowerChoice(("idle", "busy", "running"), 0.03),),
        hours=72,
    )
    every = ("running", "doublings", "prefill_tokens")
    law = replace(law, standard_errors={**law.standard_errors, **dict.fromkeys(every, math.nan)})
    read = read_calibration(write_calibration(tmp_path / "p.json", learnt, WINDOW, law))
    assert read.why_no_power is None
    assert read.power is not None
    assert (read.power.busy, read.power.choice, read.power.rejected) == (
        205.5,
        plain,
        law.rejected,
    )
    assert math.isnan(read.power.standard_errors["running"])
    page = calibration_page(read)
    assert "Learnt from 72 hours" in page
    assert '<td class="n">205.5</td><td class="n">1.5</td>' in page


def test_the_file_says_what_was_refused_and_what_is_unknown(
    learnt: StepCalibration, tmp_path: Path
) -> None:
    pinned = replace(learnt, standard_errors={**learnt.standard_errors, "base": math.nan})
    content = json.loads(write_calibration(tmp_path / "d.json", pinned).read_text())
    assert content["kind"] == "tokenworks step calibration"
    assert content["version"] == 2
    assert content["window"] is None
    assert content["learnt"]["standard_errors"]["base"] is None
    refused = {one["name"]: one["reasons"] for one in content["learnt"]["screened"]}
    assert refused["clients 16"] == []
    assert "traffic that the log hides" in refused["hidden"][0]
    assert len(content["learnt"]["residuals"]["ttft"]) == 99
    assert math.isnan(read_calibration(tmp_path / "d.json").learnt.standard_errors["base"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "line 1 is no JSON"),
        ('{"kind": "something"}', "this is no calibration"),
        ('{"kind": "tokenworks step calibration", "version": 9}', "its version is 9, and 2 is"),
        (
            '{"kind": "tokenworks step calibration", "version": 2, "learnt": {}}',
            "does not hold what it should: 'deployment'",
        ),
    ],
)
def test_a_file_is_refused_with_what_to_do_when_it_cannot_be_read(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "d.json"
    path.write_text(text)
    with pytest.raises(TrafficError, match=said) as caught:
        read_calibration(path)
    assert str(path) in str(caught.value)
    assert "tokenworks replay calibrate" in str(caught.value)


def test_an_absent_file_is_named() -> None:
    with pytest.raises(TrafficError, match="there is no calibration here"):
        read_calibration(Path("nowhere.json"))


def test_the_page_shows_law_bands_hull_and_refusals(
    stored: StoredCalibration, tmp_path: Path
) -> None:
    page = write_report(tmp_path / "d.html", stored).read_text()
    assert page == calibration_page(stored)
    for said in (
        "Learnt from",
        "per_prefill_token",
        "Predicted against measured means of each run",
        "Measured over predicted by percentile of the requests",
        "2026-02-01T00:00:00 to 2026-02-03T12:00:00",
        "from 2.5 times the highest on nothing is answered",
        "2 used, 1 refused",
        "traffic that the log hides",
    ):
        assert said in page, said
    assert page.count("<svg") == 2
    assert "<script" not in page
