"""E-mails and keys in text that people wrote: tags, names and descriptions that a bill carries.

The one rule for such text: what looks like an e-mail or a secret becomes a mark, the rest stays, since
a tag that names a team is what costs are counted by.
"""

from __future__ import annotations

import re

# One alternation that both `re` and DuckDB's RE2 read.
SECRET = (
    r"[A-Za-z0-9._%+'-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"  # e-mail
    r"|\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,}"  # OpenAI, Anthropic, Langfuse, LiteLLM, Stripe
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"  # AWS
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}"
    r"|\bglpat-[A-Za-z0-9_-]{20,}|\bxox[abprs]-[A-Za-z0-9-]{10,}|\bhf_[A-Za-z0-9]{20,}"
    r"|\bAIza[A-Za-z0-9_-]{30,}"  # Google
    r"|\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]*"  # JWT
    r"|(?i:bearer)\s+[A-Za-z0-9._~+/-]{16,}=*"
)
MARK = "‹redacted›"
_SECRET = re.compile(SECRET)


def shield(text: str) -> str:
    """The text with each e-mail and key replaced by a mark.

    >>> shield("owner ada@example.org of team chat")
    'owner ‹redacted› of team chat'
    """
    return _SECRET.sub(MARK, text)


def shielded(sql: str) -> str:
    """`shield` as an expression of DuckDB over the text `sql`."""
    pattern = SECRET.replace("'", "''")
    return f"regexp_replace({sql}, '{pattern}', '{MARK}', 'g')"
