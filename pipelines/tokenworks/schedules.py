"""Jobs, and the hours at which they start by themselves.

Belongs here: which assets run together, and when. What starts on new files lives in `sensors.py`.
"""

from datetime import timedelta
from typing import Any, TypeAlias

import dagster as dg

from tokenworks.partitions import DAY, SCENARIO

# Dagster exports no name for what `define_asset_job` returns.
AssetJob: TypeAlias = Any

INGEST_JOB, REFRESH_JOB, REPORT_JOB = "ingest", "refresh", "report"
REPLAY_JOB, CALIBRATE_JOB = "replay", "calibrate"
# The scenario whose error against history says whether replays may still be trusted.
WATCHED = "no_change"
LAKE = dg.AssetSelection.groups("lake")
BOOKS = LAKE | dg.AssetSelection.groups(
    "staging", "intermediate", "marts", "seeds", "snapshots", "publish"
)


def jobs() -> dict[str, AssetJob]:
    """All jobs by name; Dagster takes their partitions from their assets."""
    return {
        INGEST_JOB: dg.define_asset_job(
            INGEST_JOB,
            LAKE,
            description="New landing files into the lake, and the checks of the days they touch.",
        ),
        REFRESH_JOB: dg.define_asset_job(
            REFRESH_JOB,
            BOOKS,
            description="Landing files, lake, warehouse, publish: the books as of now.",
        ),
        REPORT_JOB: dg.define_asset_job(
            REPORT_JOB,
            dg.AssetSelection.groups("reports"),
            description="Workbook and page of one month.",
        ),
        REPLAY_JOB: dg.define_asset_job(
            REPLAY_JOB,
            dg.AssetSelection.assets(["replay", "outcome"]),
            description="Ready scenarios of one day.",
        ),
        CALIBRATE_JOB: dg.define_asset_job(
            CALIBRATE_JOB,
            dg.AssetSelection.assets(["replay", "calibration"]),
            description="The step law of every deployment, learnt anew.",
        ),
    }


def schedules(
    by_name: dict[str, AssetJob],
) -> list[dg.ScheduleDefinition]:
    """Hourly, daily, weekly and monthly; all are off until they are switched on."""

    @dg.schedule(
        name="hourly",
        job=by_name[REFRESH_JOB],
        # Shippers that rotate at the hour have five minutes.
        cron_schedule="5 * * * *",
        execution_timezone="UTC",
        description="Ingest, build and publish, for the day of the hour that ended.",
    )
    def hourly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        ended = context.scheduled_execution_time - timedelta(hours=1)
        return dg.RunRequest(
            run_key=f"hourly-{ended:%Y-%m-%dT%H}", partition_key=f"{ended:%Y-%m-%d}"
        )

    @dg.schedule(
        name="monthly",
        job=by_name[REPORT_JOB],
        # Late files of the last day and the utility's readings have a day to land.
        cron_schedule="0 6 2 * *",
        execution_timezone="UTC",
        description="The report of the previous month.",
    )
    def monthly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        first = context.scheduled_execution_time.replace(day=1)
        month = (first - timedelta(days=1)).replace(day=1)
        return dg.RunRequest(run_key=f"monthly-{month:%Y-%m}", partition_key=f"{month:%Y-%m-%d}")

    @dg.schedule(
        name="daily",
        job=by_name[REPLAY_JOB],
        # The books of a day are as good as whole two hours after it.
        cron_schedule="0 2 * * *",
        execution_timezone="UTC",
        description="The replay of no change of the day before: does it still meet history?",
    )
    def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        before = context.scheduled_execution_time - timedelta(days=1)
        key = dg.MultiPartitionKey({DAY: f"{before:%Y-%m-%d}", SCENARIO: WATCHED})
        return dg.RunRequest(run_key=f"daily-{before:%Y-%m-%d}", partition_key=key)

    @dg.schedule(
        name="weekly",
        job=by_name[CALIBRATE_JOB],
        cron_schedule="0 4 * * 1",
        execution_timezone="UTC",
        description="Calibration of every deployment on what is published.",
    )
    def weekly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(run_key=f"weekly-{context.scheduled_execution_time:%Y-%m-%d}")

    return [hourly, daily, weekly, monthly]
