"""Rejects keep the shape of a record and none of its words; users keep no name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tokenworks_sources.normalise import pseudonym, pseudonym_key, redact
from tokenworks_sources.settings import Settings, SettingsError


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('{"model": "call 555 123", "n": 12.5}', '{"model": ‹14›, "n": 12.5}'),
        ('{"t": "2026-10-19T10:00:00Z", "ok": true}', '{"t": "2026-10-19T10:00:00Z", "ok": true}'),
        ('{"p": "card 4111 1111 1111 1111, cvv 123', '{"p": ‹34›'),
        ('{"sk-1234567890abcdef": 1}', "{‹21›: 1}"),
        ("2026-10-20,EUR,my secret is swordfish 42,7", "2026-10-20,‹3›,‹2› ‹6› ‹2› ‹9› ‹2›,7"),
        ("jane@corp.com 0612345678", "‹13› ‹10›"),
        ('{"q": "she said \\"my pin is 9876\\" ok", "n": 1}', '{"q": ‹32›, "n": 1}'),
    ],
)
def test_words_become_their_length(text: str, kept: str) -> None:
    assert redact(text) == kept


@pytest.mark.parametrize("secret", ["4111 1111 1111 1111", "+31612345678", "swordfish", "9876"])
def test_nothing_of_a_text_survives_when_a_record_is_cut(secret: str) -> None:
    for record in (
        f'{{"prompt": "it is {secret} ok", "n": 1}}',
        f'{{"a": "x {secret}',
        f"a {secret}",
    ):
        assert secret not in redact(record)


def test_pseudonym_is_keyed_and_stable() -> None:
    """HMAC-SHA-256 of "jane" under "key", its first 32 digits, as openssl prints it."""
    assert pseudonym("jane", b"key") == "7e024875be2f82307efd9e99d8a6bbd5"
    assert pseudonym("jane", b"key") != pseudonym("jane", b"other")


def test_key_is_made_once_and_kept_private(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOKENWORKS_PSEUDONYM_KEY", raising=False)
    first = pseudonym_key(settings)
    assert pseudonym_key(settings) == first
    assert settings.pseudonym_key_file.stat().st_mode & 0o777 == 0o600


KILLED = """
import os, sys
sys.path.insert(0, {sources!r})
from tokenworks_sources import normalise
from tokenworks_sources.settings import Settings
calls = 0
def dying(real):
    def call(*args):
        global calls
        calls += 1
        if calls == {at}:
            os.kill(os.getpid(), 9)
        return real(*args)
    return call
for name in ("open", "fdopen", "fsync", "replace"):
    setattr(os, name, dying(getattr(os, name)))
os.write(1, normalise.pseudonym_key(Settings.at({home!r})))
"""


def _first(settings: Settings, root: Path, at: int = 0) -> subprocess.Popen[bytes]:
    code = KILLED.format(sources=str(root / "sources"), at=at, home=str(settings.home))
    env = {name: value for name, value in os.environ.items() if "PSEUDONYM" not in name}
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=env)


@pytest.mark.parametrize("at", [1, 2, 3, 4, 5])
def test_no_short_key_is_left_when_its_maker_is_killed(
    settings: Settings, root: Path, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOKENWORKS_PSEUDONYM_KEY", raising=False)
    process = _first(settings, root, at)
    process.communicate()
    assert process.returncode == -9
    assert not settings.pseudonym_key_file.exists()
    key = pseudonym_key(settings)
    assert len(key) == 64
    assert [path.name for path in settings.home.iterdir()] == ["pseudonym.key"]
    assert pseudonym_key(settings) == key


def test_two_first_processes_have_one_key(settings: Settings, root: Path) -> None:
    keys = {process.communicate()[0] for process in [_first(settings, root) for _ in range(4)]}
    assert keys == {settings.pseudonym_key_file.read_bytes()}


def test_empty_key_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKENWORKS_PSEUDONYM_KEY", raising=False)
    settings.home.mkdir()
    settings.pseudonym_key_file.touch()
    with pytest.raises(SettingsError, match="put the key back"):
        pseudonym_key(settings)


def test_short_key_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENWORKS_PSEUDONYM_KEY", "short")
    with pytest.raises(SettingsError, match="shorter than 16 characters"):
        pseudonym_key(settings)
