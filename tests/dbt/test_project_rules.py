"""Rules of the dbt project, read from its manifest."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tokenworks.dbt_project import ensure_manifest
from tokenworks.made import kept_marts
from tokenworks.publish import MART_PREFIXES
from tokenworks.restatement import BY_DATE
from tokenworks.warehouse import BuildResult
from tokenworks_sources.settings import Settings

MAX_LINES = 150
# Whose dates models keep, from the first that is known to the last.
DATES = (
    "int_requests__restated_dates",
    "int_gpu__restated_dates",
    "int_costs__restated_dates",
    "int_books__restated_dates",
)
# What alarms are held against follows from the last of them.
STAGES = {name: stage for stage, name in enumerate(DATES)} | {
    "int_alarms__restated_dates": len(DATES) - 1
}


@pytest.fixture(scope="module")
def manifest(small_home: Settings, build_result: BuildResult) -> dict[str, Any]:
    assert build_result.models > 0
    parsed: dict[str, Any] = json.loads(ensure_manifest(small_home).read_text())
    return parsed


@pytest.fixture(scope="module")
def models(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


def _layer(model: dict[str, Any]) -> str:
    return str(model["fqn"][1])


def test_only_staging_reads_sources(models: list[dict[str, Any]]) -> None:
    offenders = [
        model["name"] for model in models if model["sources"] and _layer(model) != "staging"
    ]
    assert offenders == []


def test_every_source_has_exactly_one_staging_model(
    manifest: dict[str, Any], models: list[dict[str, Any]]
) -> None:
    expected = {
        f"stg_{source['source_name']}__{source['name']}" for source in manifest["sources"].values()
    }
    staging = {model["name"]: model for model in models if _layer(model) == "staging"}
    assert set(staging) == expected
    assert {model["config"]["materialized"] for model in staging.values()} == {
        "view",
        "incremental",
    }


def test_staging_keeps_the_dates_that_a_build_is_told_of(models: list[dict[str, Any]]) -> None:
    forgotten = {
        model["name"].removeprefix("stg_lake__"): [
            hook["sql"] for hook in model["config"]["pre-hook"]
        ]
        for model in models
        if _layer(model) == "staging" and model["config"]["materialized"] == "incremental"
    }
    assert "charges" in forgotten
    assert forgotten == {
        table: [f"{{{{ forget_restated('event_date', '{table}') }}}}"] for table in forgotten
    }
    assert set(forgotten) <= set(BY_DATE)


def test_names_carry_their_layer(models: list[dict[str, Any]]) -> None:
    prefixes = {"staging": ("stg_",), "intermediate": ("int_",), "marts": MART_PREFIXES}
    offenders = [m["name"] for m in models if not m["name"].startswith(prefixes[_layer(m)])]
    assert offenders == []


def test_marts_do_not_read_staging(models: list[dict[str, Any]]) -> None:
    offenders = [
        model["name"]
        for model in models
        if _layer(model) == "marts" and any(".stg_" in up for up in model["depends_on"]["nodes"])
    ]
    assert offenders == []


def test_marts_have_contracts_and_describe_every_column(models: list[dict[str, Any]]) -> None:
    for mart in (model for model in models if _layer(model) == "marts"):
        assert mart["contract"]["enforced"], mart["name"]
        assert mart["access"] == "public", mart["name"]
        assert mart["description"], mart["name"]
        undescribed = [
            name for name, column in mart["columns"].items() if not column["description"]
        ]
        assert undescribed == [], mart["name"]


def test_marts_have_a_key_test(manifest: dict[str, Any], models: list[dict[str, Any]]) -> None:
    tested = {
        node["attached_node"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        and (node.get("test_metadata") or {}).get("name") in ("unique", "unique_combination")
    }
    marts = {model["unique_id"] for model in models if _layer(model) == "marts"}
    assert marts - tested == set()


def test_tested_models_that_keep_dates_forget_them_as_marts_do(
    manifest: dict[str, Any], models: list[dict[str, Any]]
) -> None:
    """Their tests look at the dates that `int_books__restated_dates` names, by `event_date`."""
    tested = {
        node["attached_node"] for node in manifest["nodes"].values() if "attached_node" in node
    }
    forgotten = {
        hook["sql"]
        for model in models
        if model["config"]["materialized"] == "incremental" and model["unique_id"] in tested
        for hook in model["config"]["pre-hook"]
    }
    assert forgotten == {"{{ forget_restated_mart() }}"}


def test_publishing_knows_which_marts_keep_dates(models: list[dict[str, Any]]) -> None:
    """It looks at no other dates of theirs than those that builds made again."""
    kept = {
        model["name"]
        for model in models
        if _layer(model) == "marts" and model["config"]["materialized"] == "incremental"
    }
    assert kept == kept_marts()
    assert {model["config"]["materialized"] for model in models if _layer(model) == "marts"} == {
        "incremental",
        "table",
    }


def test_models_are_short(models: list[dict[str, Any]]) -> None:
    long = [model["name"] for model in models if len(model["raw_code"].splitlines()) > MAX_LINES]
    assert long == []


def test_no_model_calls_what_differs_by_thread_or_run(models: list[dict[str, Any]]) -> None:
    banned = ("approx_", "random(", "now()", "current_timestamp", "current_date", "uuid(")
    offenders = [
        (model["name"], word)
        for model in models
        for word in banned
        if word in model["raw_code"].lower()
    ]
    assert offenders == []


def test_nothing_comes_from_a_package(manifest: dict[str, Any]) -> None:
    packages = {node["package_name"] for node in manifest["nodes"].values()}
    assert packages == {"tokenworks"}


def _told_by_stage(parents: dict[str, list[str]]) -> list[set[str]]:
    """What tells, by the dates that a model keeps, of a change in the rows of a date."""
    # A change of the fleet or of a seed makes all dates again; the dates themselves are made anew in each build.
    told = {key for key in parents if ".int_fleet__" in key or ".stg_lake__fleet_" in key}
    told |= {key for above in parents.values() for key in above if key.startswith("seed.")}
    told -= {_id("int_fleet__window")}
    told |= {_id(dates) for dates in STAGES}
    # Shared ids are made anew for the dates that are made again, and only for them. What is seen of an attempt
    # is told by its date's lake files and sightings, of which the first dates know.
    seen = ("int_requests__shared_ids", "int_requests__seen", "int_requests__attempts")
    told |= {_id(name) for name in seen}
    stages = [set(told)]
    for dates in DATES[1:]:
        told |= set(parents[_id(dates.replace("restated_dates", "fingerprints"))])
        stages.append(set(told))
    stages[-1] |= set(parents[_id("int_prices__days")])
    return stages


def _id(name: str) -> str:
    return f"model.tokenworks.{name}"


def test_what_restated_models_read_is_restated_or_fingerprinted(
    models: list[dict[str, Any]],
) -> None:
    """A model that keeps the rows of other dates may read only what tells of a change of theirs."""
    by_id = {model["unique_id"]: model for model in models}
    parents = {key: model["depends_on"]["nodes"] for key, model in by_id.items()}
    told = _told_by_stage(parents)
    stages = {
        key: max([STAGES[by_id[up]["name"]] for up in parents[key] if _is_dates(up)], default=0)
        for key, model in by_id.items()
        # Lake tables that are kept, and hours that are kept by line, tell nothing: what follows from them is held by
        # fingerprints.
        if model["config"]["materialized"] == "incremental"
        and _layer(model) != "staging"
        and model["name"] != "int_costs__line_hours"
    }

    def is_told(key: str, stage: int) -> bool:
        if key in stages:
            return stages[key] <= stage
        above = parents.get(key, [])
        return key in told[stage] or (bool(above) and all(is_told(up, stage) for up in above))

    offenders = {
        (by_id[key]["name"], up)
        for key, stage in stages.items()
        for up in parents[key]
        if not is_told(up, stage)
    }
    # These read the lake itself, for the dates whose files changed.
    assert offenders == {
        ("int_requests__ids", _id("stg_lake__requests")),
        ("int_requests__sightings", _id("stg_lake__requests")),
        ("int_requests__superseded", _id("stg_lake__requests")),
        ("int_engine__scrapes", _id("stg_lake__engine_samples")),
        ("int_gpu__board_samples", _id("stg_lake__gpu_samples")),
        ("int_latency__histogram_scrapes", _id("stg_lake__engine_histograms")),
    }


def _is_dates(key: str) -> bool:
    return key in {_id(dates) for dates in STAGES}
