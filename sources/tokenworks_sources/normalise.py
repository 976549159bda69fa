"""Rules that every connector shares: pseudonyms, redaction, text that is no value.

Pure functions, but for the key, which is read from the environment or the home folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tokenworks_sources.settings import PSEUDONYM_VARIABLE, Settings, SettingsError

MISSING_TEXTS = frozenset({"", "null", "none", "nan", "n/a", "[n/a]", "[not supported]", "-"})

SHORTEST_KEY = 16
REDACTED_LIMIT = 2_000
_TIMESTAMP = r"\d{4}-\d{2}-\d{2}(?:[T ][0-9:.]+(?:Z|[+-]\d{2}:?\d{2})?)?"
_NUMBER = r"[-+]?\d{1,19}(?:\.\d{1,12})?(?:[eE][-+]?\d{1,3})?"
_PIECES = re.compile(
    rf"""
    (?P<key>"[A-Za-z_][A-Za-z0-9_]{{0,40}}"(?=\s*:))
    | (?P<time>"{_TIMESTAMP}")
    | (?P<quoted>"(?:[^"\\]|\\.)*"?)
    | (?P<value>(?:(?<=[,:;|\[{{])|^)\s*(?:{_TIMESTAMP}|{_NUMBER}|true|false|null|NULL)(?=\s*(?:[,;|}}\]]|$)))
    | (?P<mark>[{{}}\[\]:,;|\s])
    """,
    re.VERBOSE | re.MULTILINE,
)


def pseudonym(value: str, key: bytes) -> str:
    """Keyed pseudonym of a user, key or e-mail: HMAC-SHA-256, hex, 32 characters.

    The same value and key give the same pseudonym, so that usage can be counted per user.
    """
    return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()[:32]


def pseudonym_key(settings: Settings) -> bytes:
    """The secret of the pseudonyms: the environment's, else one made once for the home folder."""
    from_environment = os.environ.get(PSEUDONYM_VARIABLE)
    if from_environment:
        if len(from_environment) < SHORTEST_KEY:
            raise SettingsError(
                f"{PSEUDONYM_VARIABLE} is shorter than {SHORTEST_KEY} characters; use a longer "
                "secret."
            )
        return from_environment.encode()
    path = settings.pseudonym_key_file
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone_in(path.parent):
            if not path.exists():
                _make_key(path)
    return _key_in(path)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _make_key(path: Path) -> None:
    """Whole before it has its name: a process that is killed on the way leaves no shorter key."""
    beside = path.with_name(f".{path.name}.next")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(secrets.token_hex(32))
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(beside, path)


def _key_in(path: Path) -> bytes:
    key = path.read_text().strip()
    if len(key) < SHORTEST_KEY:
        raise SettingsError(
            f"{path} holds fewer than {SHORTEST_KEY} characters; put the key back, or remove the "
            "file: then users get other pseudonyms from now on."
        )
    return key.encode()


def redact(text: str | bytes, limit: int = REDACTED_LIMIT) -> str:
    """The shape of a record without its words, for rejects.

    Keeps JSON keys, punctuation, and numbers and timestamps that are a whole value; everything else
    becomes `‹n›`, its length. Nothing that a person wrote survives, numbers inside a text included.

    >>> redact('{"model": "call 555 123", "prompt_tokens": 12.5}')
    '{"model": ‹14›, "prompt_tokens": 12.5}'
    """
    if isinstance(text, bytes):
        text = text[: limit * 4].decode("utf-8", "replace")
    text = text[: limit * 4]
    pieces: list[str] = []
    position = 0
    for match in _PIECES.finditer(text):
        if match.start() > position:
            pieces.append(f"‹{match.start() - position}›")
        is_words = match.lastgroup == "quoted"
        pieces.append(f"‹{len(match.group())}›" if is_words else match.group())
        position = match.end()
    if position < len(text):
        pieces.append(f"‹{len(text) - position}›")
    return "".join(pieces)[:limit]
