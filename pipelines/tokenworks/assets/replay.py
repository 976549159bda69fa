"""Replays of the ready scenarios by day, and the laws of the deployments.

A day is replayed after the day before has warmed its caches and queues. Calibration reads the whole
published traffic.
"""

import dagster as dg

from tokenworks.markdown import table
from tokenworks.partitions import DAY, SCENARIO
from tokenworks.resources import SettingsResource

RESULT_COLUMNS = ("segment", "metric", "unit", "history", "no_change", "scenario", "delta")
KEY = dg.AssetKey(["replay", "outcome"])
CALIBRATION_KEY = dg.AssetKey(["replay", "calibration"])


def replay_asset(
    published: dg.AssetKey, partitions: dg.MultiPartitionsDefinition
) -> dg.AssetsDefinition:
    """One partition per day and ready scenario."""

    @dg.asset(
        key=KEY,
        deps=[published],
        partitions_def=partitions,
        group_name="replay",
        kinds={"parquet", "numba"},
        description="Outcome per request and summary of a scenario on a day, beside no change.",
    )
    def replay(
        context: dg.AssetExecutionContext, settings: SettingsResource
    ) -> dg.MaterializeResult[None]:
        from tokenworks.replay.daily import of_day
        from tokenworks.replay.language.scenario import ready_scenarios
        from tokenworks.replay.run import run_replay

        home = settings.get()
        if not isinstance(context.partition_key, dg.MultiPartitionKey):
            raise TypeError("the replay is partitioned by day and scenario")
        chosen = context.partition_key.keys_by_dimension
        path = ready_scenarios()[chosen[SCENARIO]]
        result = run_replay(
            of_day(path, chosen[DAY]), home.published_parquet, home.replay, beside=path.parent
        )
        return dg.MaterializeResult(
            metadata={
                "folder": dg.MetadataValue.path(str(result.folder)),
                "page": dg.MetadataValue.path(str(result.folder / "page.html")),
                "requests": result.summary["traffic"]["reported"],
                "rerouted": result.summary["traffic"]["rerouted"],
                "result": dg.MetadataValue.md(table(result.summary["metrics"], RESULT_COLUMNS)),
                "backtest": dg.MetadataValue.json(result.backtest),
                "assumptions": dg.MetadataValue.json(result.assumptions),
            }
        )

    return replay


def calibration_asset(published: dg.AssetKey) -> dg.AssetsDefinition:
    """The step law of every deployment, learnt anew from what is published."""

    @dg.asset(
        key=CALIBRATION_KEY,
        deps=[published],
        group_name="replay",
        kinds={"json", "numba"},
        description="Seconds of a step by deployment: a file and a page each, with standard errors.",
    )
    def calibration(settings: SettingsResource) -> dg.MaterializeResult[None]:
        from tokenworks.replay.calibration.warehouse import calibrate_fleet
        from tokenworks.replay.language.scenario import Scenario
        from tokenworks.replay.prepare import open_stage
        from tokenworks.replay.session import Session

        home = settings.get()
        asked = Scenario(name="calibration")
        stage = open_stage(asked, Session(home.published_parquet).traffic(asked))
        found = calibrate_fleet(stage, home.calibrations)
        rows = [
            {
                "deployment": one.deployment,
                "requests": one.stored.learnt.requests if one.stored else None,
                "misfit": one.stored.learnt.misfit if one.stored else None,
                "refusal": one.refusal,
            }
            for one in found
        ]
        return dg.MaterializeResult(
            metadata={
                "folder": dg.MetadataValue.path(str(home.calibrations)),
                "laws": dg.MetadataValue.md(table(rows, tuple(rows[0]) if rows else ())),
            }
        )

    return calibration
