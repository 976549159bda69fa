"""Replays of the ready scenarios: what history would have cost under another policy."""

import dagster as dg

from tokenworks.resources import SettingsResource

KEY = dg.AssetKey(["replay", "outcome"])


def replay_asset(
    published: dg.AssetKey, scenarios: dg.StaticPartitionsDefinition
) -> dg.AssetsDefinition:
    """One partition per ready scenario."""

    @dg.asset(
        key=KEY,
        deps=[published],
        partitions_def=scenarios,
        group_name="replay",
        kinds={"parquet", "numba"},
        description="Outcome per request and summary of a scenario, beside no change and history.",
    )
    def replay(
        context: dg.AssetExecutionContext, settings: SettingsResource
    ) -> dg.MaterializeResult[None]:
        from tokenworks.replay.run import run_replay
        from tokenworks.replay.scenario import load_scenario, ready_scenarios

        scenario = load_scenario(ready_scenarios()[context.partition_key])
        result = run_replay(settings.get(), scenario)
        return dg.MaterializeResult(metadata={"folder": dg.MetadataValue.path(str(result.folder))})

    return replay
