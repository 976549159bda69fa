"""The last look at every row before it becomes part of the lake: no e-mail and no key stays in it.

Belongs here: the rule of `connectors/free_text.py` applied to the texts of a contract, to frames and
to DuckDB queries alike. An identifier becomes its pseudonym as a whole, since a mark would make one
of two; any other text keeps its words around the mark. Outcomes and hosts are one word; some emitters
put the text of the error, or a whole request, there, and of that nothing stays.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from tokenworks_sources.connectors.free_text import MARK, SECRET, secret_in, shielded, suspect
from tokenworks_sources.contracts.model import Contract
from tokenworks_sources.normalise import pseudonym
from tokenworks_sources.pseudonyms import pseudonym_of

# Where few of so many values differ, each different one is looked at once.
_SAMPLE = 1_000
_FEW = 100
_ONE_WORD = frozenset({"error_type", "finish_reason", "endpoint"})
_LONGEST_WORD = 128
_NAMES, _WORDS = "_names_apart", "_words_apart"


def texts_of(contract: Contract) -> dict[str, bool]:
    """The columns that may hold anything, and whether each is an identifier."""
    own = [column for column in contract.columns if column.type == "string" and not column.allowed]
    return {
        column.name: column.name in contract.key or column.name.endswith("_id")
        for column in own
        if not column.name.endswith("_pseudonym")
    }


def shield_rows(contract: Contract, rows: pl.DataFrame, key: Callable[[], bytes]) -> pl.DataFrame:
    """The rows without e-mails and keys.

    Args:
        contract: the table's contract.
        rows: rows that conform to it.
        key: the secret of the pseudonyms, asked for only where one is needed.
    """
    for name, identifies in texts_of(contract).items():
        if name in _ONE_WORD:
            prose = pl.col(name).str.contains(" ", literal=True) | (
                pl.col(name).str.len_bytes() > _LONGEST_WORD
            )
            rows = rows.with_columns(pl.when(prose).then(pl.lit(MARK)).otherwise(name).alias(name))
        values = rows[name]
        if not _holds_secret(values):
            continue
        if identifies:
            found = values.filter(values.str.contains(SECRET)).unique().to_list()
            names = {value: pseudonym(value, key()) for value in found}
            rows = rows.with_columns(pl.col(name).replace(names))
        else:
            rows = rows.with_columns(pl.col(name).str.replace_all(SECRET, MARK))
    return rows


def _holds_secret(values: pl.Series) -> bool:
    if values.null_count() == len(values):
        return False
    if len(values) > _SAMPLE and values.head(_SAMPLE).n_unique() < _FEW:
        values = values.unique()
    return bool(values.str.contains(SECRET).any())


def shielded_rows(contract: Contract, query: str) -> tuple[str, dict[str, str]]:
    """SQL of rows without e-mails and keys; the connection needs `remember_key` first.

    Few rows hold any: all texts of a row are looked at as one, and each apart only where that one
    holds a secret. No secret goes over the line that stands between two texts.

    Args:
        contract: the table's contract.
        query: rows with its columns.

    Returns:
        the rows with more columns, and the SQL of those of the contract that may hold anything.
    """
    texts = texts_of(contract)
    names = [name for name, identifies in texts.items() if identifies]
    words = [name for name, identifies in texts.items() if not identifies]
    pieces = {
        _NAMES: _each(names, f"case when {secret_in('x')} then {pseudonym_of('x')} else x end"),
        _WORDS: _each(words, shielded("x")),
    }
    apart = ", ".join(f"case when _secret then {sql} end as {name}" for name, sql in pieces.items())
    # A look at the texts without a line between them may suspect too much, at a third of the cost.
    lines = f"concat_ws(chr(10), {', '.join(texts)})"
    rows = (
        f"select *, {apart} from (select * exclude (_texts), case when {suspect('_texts')} "
        f"then {secret_in(lines)} else false end as _secret "
        f"from (select *, concat({', '.join(texts)}) as _texts from ({query})))"
    )
    columns = {
        name: f"case when _secret then {kind}[{place}] else {name} end"
        for kind, group in ((_NAMES, names), (_WORDS, words))
        for place, name in enumerate(group, start=1)
    }
    return rows, {name: _one_word(name, sql) for name, sql in columns.items()}


def _each(columns: list[str], sql: str) -> str:
    return f"list_transform([{', '.join(columns)}]::varchar[], lambda x: {sql})"


def _one_word(name: str, sql: str) -> str:
    if name not in _ONE_WORD:
        return sql
    prose = f"contains({name}, ' ') or strlen({name}) > {_LONGEST_WORD}"
    return f"case when {prose} then '{MARK}' else {sql} end"
