"""No canary stands in what Dagster keeps of a run: metadata, check results, event log."""

from __future__ import annotations

from datetime import date

import dagster as dg

from tests.hostile.canaries import leaks_in
from tests.hostile.planting import STRANGERS, variants
from tests.hostile.samples import SAMPLES
from tokenworks.assets.lake import lake_assets
from tokenworks.assets.landing import LandingGroup
from tokenworks.checks.assets import contract_checks
from tokenworks.checks.volume import volume_checks
from tokenworks.partitions import days
from tokenworks.resources import SettingsResource
from tokenworks_sources.settings import Settings

GROUP = LandingGroup("requests", ("requests",), ("requests",))
EMITTERS = ("litellm", "langfuse", "otlp_json", "usage_bodies")


def _plant(settings: Settings) -> None:
    """Good, broken and strange files of some emitters, all of them full of canaries."""
    for emitter in EMITTERS:
        root = settings.landing / "requests" / emitter
        for number, sample in enumerate(SAMPLES[emitter]):
            for kind, data in variants(sample.name, sample.data):
                folder = root / f"{number} {kind}" / sample.folder
                folder.mkdir(parents=True)
                (folder / sample.name).write_bytes(data)
        for name, data in STRANGERS.items():
            (root / name).write_bytes(data)


def test_event_log_quotes_nothing_when_files_are_full_of_canaries(settings: Settings) -> None:
    _plant(settings)
    defs = dg.Definitions(
        assets=lake_assets([GROUP], days(date(2026, 9, 1))),
        asset_checks=[contract_checks(GROUP.tables), volume_checks(GROUP.tables)],
        jobs=[dg.define_asset_job("job", "*")],
        resources={"settings": SettingsResource.of(settings)},
    )
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def("job").execute_in_process(
            instance=instance, raise_on_error=False, partition_key="2026-09-02"
        )
        told = [entry.to_json() for entry in instance.all_logs(result.run_id)]
    made = [event.materialization for event in result.get_asset_materialization_events()]
    texts = [str(value.value) for one in made for value in one.metadata.values()]
    # Rows were written and files failed: there was something to tell.
    assert sum(int(str(one.metadata["rows_added"].value)) for one in made) > 0
    assert any("cannot be" in text or "is not" in text for text in texts)
    assert leaks_in("\n".join([*told, *texts])) == set()
