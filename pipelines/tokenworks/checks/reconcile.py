"""What is published, against the bills and the meters.

Belongs here: reading `rpt_reconciliation` from the published file, once more, after the swap. The
identities themselves are dbt models and tests.
"""

from collections.abc import Iterator

import dagster as dg

from tokenworks.reconciliation import Line, unbalanced
from tokenworks.resources import SettingsResource

BOOKS, METERS = "books_balance", "meters_agree"
SHOWN_LINES = 20


def reconciliation_checks(asset: dg.AssetKey) -> dg.AssetChecksDefinition:
    """What the marts call blocking blocks; meters that disagree warn, as clocks and crashes differ."""
    specs = [
        dg.AssetCheckSpec(
            BOOKS,
            asset=asset,
            blocking=True,
            description="Every bill is allocated and every GPU-hour has a state, to the last unit.",
        ),
        dg.AssetCheckSpec(
            METERS,
            asset=asset,
            description="Gateway tokens agree with engine counters, and meters with GPU energy.",
        ),
    ]

    @dg.multi_asset_check(name="published_reconciliation", specs=specs, can_subset=True)
    def published_reconciliation(
        context: dg.AssetCheckExecutionContext, settings: SettingsResource
    ) -> Iterator[dg.AssetCheckResult]:
        total, lines = unbalanced(settings.get().published_database)
        for key in sorted(context.selected_asset_check_keys):
            yield reconciliation_result(key, total, lines)

    return published_reconciliation


def reconciliation_result(
    key: dg.AssetCheckKey, total: int, lines: list[Line]
) -> dg.AssetCheckResult:
    """The result of one of the two checks. Books without a bill or meter warn and go on."""
    is_books = key.name == BOOKS
    failing = [line for line in lines if line.is_blocking == is_books]
    nothing = is_books and not total
    sentences = [line.message for line in failing[:SHOWN_LINES]]
    if nothing:
        sentences = ["nothing was reconciled: no bill, no counter and no meter has landed"]
    is_error = is_books and not nothing
    return dg.AssetCheckResult(
        passed=not sentences,
        severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
        asset_key=key.asset_key,
        check_name=key.name,
        description="\n".join(sentences) or f"{total} lines, all balanced",
        metadata={"lines": total, "unbalanced": len(failing)},
    )
