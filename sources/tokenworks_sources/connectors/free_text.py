"""E-mails and keys in text that people or their tools wrote: tags, names, ids, descriptions.

The one rule for what the lake keeps in clear. Prompts, answers, tool arguments and error texts are
never read into a row. Every other text of a row (model, tenant, tag, session, endpoint, finish
reason, ...) stays as it is, since costs are counted by it, but for what looks like an e-mail or a
secret: that becomes a mark in a text, and turns an identifier into its pseudonym, so that two
identifiers stay two. `lake/shield.py` applies the rule to all rows, whatever connector they come from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import polars as pl

# One alternation that `re`, DuckDB's RE2 and the regular expressions of Polars read alike.
SECRET = (
    r"[A-Za-z0-9._%+'-]+(?:@|%40|\\u0040)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"  # e-mail
    r"|\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,}"  # OpenAI, Anthropic, Langfuse, LiteLLM, Stripe
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"  # AWS
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}"
    r"|\bglpat-[A-Za-z0-9_-]{20,}|\bxox[abprs]-[A-Za-z0-9-]{10,}|\bhf_[A-Za-z0-9]{20,}"
    r"|\bAIza[A-Za-z0-9_-]{30,}"  # Google
    r"|\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]*"  # JWT
    r"|(?i:bearer) +[A-Za-z0-9._~+/-]{16,}=*"
)
MARK = "‹redacted›"
_SECRET = re.compile(SECRET)
# From each character of a long word `re` looks for an `@` again; Polars goes through it once.
_LONG = 1_000
# What every secret but an e-mail has: this length, and one of these. Characters that ids and names seldom
# hold come first, since a search stops at each; where few texts hold the first, the others are not
# looked for.
_SHORTEST = 15
_TRACES: dict[str, tuple[str, ...]] = {
    "_": ("k_", "gh", "_pat_", "hf_"),
    "A": ("AKIA", "ASIA", "AIza"),
    " ": ("r ", "R "),
    **dict.fromkeys(("k-", "glpat-", "xox", "yJ"), ()),
}
_AT: dict[str, tuple[str, ...]] = {"@": (), "%": ("%40",), "\\": ("u0040",)}


def shield(text: str) -> str:
    """The text with each e-mail and key replaced by a mark.

    >>> shield("owner ada@example.org of team chat")
    'owner ‹redacted› of team chat'
    """
    if len(text) > _LONG:
        return str(pl.Series([text]).str.replace_all(SECRET, MARK).item())
    return _SECRET.sub(MARK, text)


def shielded(sql: str) -> str:
    """`shield` as an expression of DuckDB over the text `sql`."""
    marked = f"regexp_replace({sql}, '{_PATTERN}', '{MARK}', 'g')"
    return f"case when {suspect(sql)} then {marked} else {sql} end"


def secret_in(sql: str) -> str:
    """Whether the text `sql` holds an e-mail or a key, as a condition of DuckDB."""
    return f"regexp_matches({sql}, '{_PATTERN}')"


_PATTERN = SECRET.replace("'", "''")


def suspect(sql: str) -> str:
    """A condition that holds wherever `secret_in` does, and seldom elsewhere."""
    return f"({_any_of(sql, _AT)} or (strlen({sql}) >= {_SHORTEST} and ({_any_of(sql, _TRACES)})))"


def _any_of(sql: str, traces: Mapping[str, Sequence[str]]) -> str:
    return " or ".join(
        f"(contains({sql}, '{first}') and ({_any_of(sql, dict.fromkeys(others, ()))}))"
        if others
        else f"contains({sql}, '{first}')"
        for first, others in traces.items()
    )
