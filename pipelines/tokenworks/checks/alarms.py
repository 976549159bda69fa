"""Alarms as asset checks of what is published, and how old assets may become.

Belongs here: the shell. All of them warn and stop nothing: what is published is true, and the alarm is part
of it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from tokenworks.alarms import KINDS, Alarm, behind, of_kind, read_alarms
from tokenworks.markdown import table
from tokenworks.resources import SettingsResource

CURRENT = "books_are_current"
SHOWN_ALARMS = 20
# The refresh starts at five past each hour and takes minutes; after a day a night was lost.
PUBLISHED_FRESHNESS = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(hours=26), warn_window=timedelta(hours=2)
)
# Of what a running fleet feeds every day, yesterday's file lands today.
LANDED_FRESHNESS = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(days=3), warn_window=timedelta(hours=30)
)


def alarm_checks(asset: dg.AssetKey) -> dg.AssetChecksDefinition:
    """One check per kind of alarm, and one of how far the books reach."""
    specs = [
        dg.AssetCheckSpec(kind, asset=asset, description=words) for kind, words in KINDS.items()
    ]
    specs.append(
        dg.AssetCheckSpec(CURRENT, asset=asset, description="The books reach to yesterday.")
    )

    @dg.multi_asset_check(name="published_alarms", specs=specs, can_subset=True)
    def published_alarms(
        context: dg.AssetCheckExecutionContext, settings: SettingsResource
    ) -> Iterator[dg.AssetCheckResult]:
        found = read_alarms(settings.get().published_database)
        recent = found.recent()
        for key in sorted(context.selected_asset_check_keys):
            if key.name == CURRENT:
                yield current_result(key, behind(found.newest, datetime.now(UTC).date()))
            else:
                yield alarm_result(key, of_kind(recent, key.name))

    return published_alarms


def alarm_result(key: dg.AssetCheckKey, alarms: list[Alarm]) -> dg.AssetCheckResult:
    """The result of one kind: cause, size and since of each, and the query that shows the latest."""
    metadata: dict[str, Any] = {"alarms": len(alarms)}
    if alarms:
        rows = [
            {
                "since": f"{alarm.since:%Y-%m-%d %H:%M}",
                "subject": alarm.subject,
                "cause": alarm.cause,
                "size": alarm.sized,
                "query": alarm.query,
            }
            for alarm in alarms[:SHOWN_ALARMS]
        ]
        metadata["shown"] = dg.MetadataValue.md(table(rows, tuple(rows[0])))
        metadata["query"] = dg.MetadataValue.text(alarms[0].query)
    return dg.AssetCheckResult(
        passed=not alarms,
        severity=dg.AssetCheckSeverity.WARN,
        asset_key=key.asset_key,
        check_name=key.name,
        description="\n".join(alarm.message for alarm in alarms[:SHOWN_ALARMS]) or "no alarm",
        metadata=metadata,
    )


def current_result(key: dg.AssetCheckKey, sentence: str | None) -> dg.AssetCheckResult:
    """Whether the books reach to yesterday."""
    return dg.AssetCheckResult(
        passed=sentence is None,
        severity=dg.AssetCheckSeverity.WARN,
        asset_key=key.asset_key,
        check_name=key.name,
        description=sentence or "the books are current",
        metadata={"query": "select max(event_date) from fct_requests"},
    )
