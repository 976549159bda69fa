"""Replays of the ready scenarios: what history would have cost under another policy."""

import dagster as dg

from tokenworks.assets.markdown import table
from tokenworks.resources import SettingsResource

RESULT_COLUMNS = ("segment", "metric", "unit", "history", "no_change", "scenario", "delta")
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
        from tokenworks.replay.language.scenario import ready_scenarios
        from tokenworks.replay.run import run_replay

        home = settings.get()
        scenario = ready_scenarios()[context.partition_key]
        result = run_replay(scenario, home.published_parquet, home.replay)
        return dg.MaterializeResult(
            metadata={
                "folder": dg.MetadataValue.path(str(result.folder)),
                "requests": result.summary["traffic"]["replayed"],
                "rerouted": result.summary["traffic"]["rerouted"],
                "result": dg.MetadataValue.md(table(result.summary["metrics"], RESULT_COLUMNS)),
                "backtest": dg.MetadataValue.json(result.backtest),
                "assumptions": dg.MetadataValue.json(result.assumptions),
            }
        )

    return replay
