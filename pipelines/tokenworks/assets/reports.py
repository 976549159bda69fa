"""Monthly reports: the workbook for finance and the page for everyone."""

from dataclasses import asdict, fields

import dagster as dg

from tokenworks.markdown import table
from tokenworks.reports.headline import HeadlineRow
from tokenworks.resources import SettingsResource

HEADLINE = tuple(field.name for field in fields(HeadlineRow))
KEY = dg.AssetKey(["reports", "month"])


def report_asset(
    published: dg.AssetKey, months: dg.MonthlyPartitionsDefinition
) -> dg.AssetsDefinition:
    """One partition per month."""

    @dg.asset(
        key=KEY,
        deps=[published],
        partitions_def=months,
        group_name="reports",
        kinds={"excel", "html"},
        description="Unit cost, chargeback, reconciliation and idle of one month.",
    )
    def report(
        context: dg.AssetExecutionContext, settings: SettingsResource
    ) -> dg.MaterializeResult[None]:
        from tokenworks.reports.build import build_report

        built = build_report(settings.get(), context.partition_key[:7])
        return dg.MaterializeResult(
            metadata={
                "workbook": dg.MetadataValue.path(str(built.workbook_path)),
                "page": dg.MetadataValue.path(str(built.page_path)),
                "coverage": built.first_line,
                "headline": dg.MetadataValue.md(table(map(asdict, built.headline), HEADLINE)),
            }
        )

    return report
