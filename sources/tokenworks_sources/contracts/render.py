"""What is rendered from a contract: Polars and Arrow schemas, dbt sources, the docs page.

Pure: a contract in, a schema or a text out. Checks are rendered in `tokenworks.checks.suites`.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl
import pyarrow as pa
import yaml

from tokenworks_sources.contracts.model import Column, ColumnType, Contract

GENERATED = "Generated from the contracts by `tokenworks contracts --write`; do not edit."

_POLARS: dict[ColumnType, pl.DataType] = {
    "string": pl.String(),
    "bigint": pl.Int64(),
    "double": pl.Float64(),
    "boolean": pl.Boolean(),
    "timestamp": pl.Datetime("us"),
    "date": pl.Date(),
    "decimal(38,12)": pl.Decimal(38, 12),
    "list<bigint>": pl.List(pl.Int64()),
    "list<double>": pl.List(pl.Float64()),
}

_ARROW: dict[ColumnType, pa.DataType] = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
    "decimal(38,12)": pa.decimal128(38, 12),
    "list<bigint>": pa.list_(pa.int64()),
    "list<double>": pa.list_(pa.float64()),
}

DUCKDB_TYPES: dict[ColumnType, str] = {
    "string": "VARCHAR",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP",
    "date": "DATE",
    "decimal(38,12)": "DECIMAL(38,12)",
    "list<bigint>": "BIGINT[]",
    "list<double>": "DOUBLE[]",
}

DBT_TYPES: dict[ColumnType, str] = {**{kind: kind for kind in DUCKDB_TYPES}}


def polars_schema(contract: Contract) -> dict[str, pl.DataType]:
    """Column names and Polars types, in the order of the lake."""
    return {column.name: _POLARS[column.type] for column in contract.all_columns}


def arrow_schema(contract: Contract) -> pa.Schema:
    """Arrow schema with description and unit in each field's metadata."""
    return pa.schema(
        [
            pa.field(
                column.name,
                _ARROW[column.type],
                nullable=not column.required,
                metadata=_field_metadata(column),
            )
            for column in contract.all_columns
        ],
        metadata={"table": contract.table, "grain": contract.grain},
    )


def _field_metadata(column: Column) -> dict[str, str]:
    metadata = {"description": column.description}
    if column.unit:
        metadata["unit"] = column.unit
    return metadata


def dbt_sources(contracts: Iterable[Contract]) -> str:
    """The source YAML of dbt: one source `lake`, one table per contract."""
    source = {
        "name": "lake",
        "description": "Typed, dated Parquet written by ingest.",
        "schema": "{{ 'parquet' if target.type == 'spark' else 'main' }}",
        "config": {
            "meta": {
                "external_location": (
                    "read_parquet('{{ env_var(\"TOKENWORKS_LAKE\") }}/{name}/*/*.parquet', "
                    "hive_partitioning=true, union_by_name=true)"
                )
            }
        },
        "tables": [_dbt_table(contract) for contract in contracts],
    }
    body = yaml.safe_dump({"version": 2, "sources": [source]}, sort_keys=False, width=100)
    return f"# {GENERATED}\n{body}"


def _dbt_table(contract: Contract) -> dict[str, object]:
    partition = {
        "name": "event_date",
        "data_type": "date",
        "description": f"UTC date of {contract.event_time}; the partition.",
    }
    return {
        "name": contract.table,
        "description": f"{contract.grain[0].upper()}{contract.grain[1:]}. {contract.description}",
        "config": {"event_time": contract.event_time},
        "columns": [*(_dbt_column(column) for column in contract.all_columns), partition],
    }


def _dbt_column(column: Column) -> dict[str, object]:
    return {
        "name": column.name,
        "data_type": DBT_TYPES[column.type],
        "description": f"{column.description} [{column.unit}]"
        if column.unit
        else column.description,
    }


def docs_page(contracts: Iterable[Contract]) -> str:
    """The reference page of all lake tables, as Markdown."""
    lines = ["# Tables of the lake", "", f"<!-- {GENERATED} -->", ""]
    for contract in contracts:
        lines += [
            f"## {contract.table}",
            "",
            f"One row is {contract.grain}. {contract.description}",
            "",
            (
                f"Partition: UTC date of `{contract.event_time}`. "
                f"Key: {', '.join(f'`{name}`' for name in contract.key)}."
            ),
            "",
            "| column | type | unit | rule | meaning |",
            "|---|---|---|---|---|",
            *(_docs_row(column) for column in contract.all_columns),
            "",
        ]
    return "\n".join(lines)


def _docs_row(column: Column) -> str:
    cells = (
        f"`{column.name}`",
        column.type,
        column.unit or "",
        rule_text(column),
        column.description,
    )
    return "| " + " | ".join(cells) + " |"


def rule_text(column: Column) -> str:
    """The rules of a column in a few words."""
    rules = ["required"] if column.required else []
    if column.minimum is not None:
        rules.append(f"≥ {column.minimum:g}")
    if column.maximum is not None:
        rules.append(f"≤ {column.maximum:g}")
    if column.allowed:
        rules.append("one of " + ", ".join(column.allowed))
    return "; ".join(rules)
