"""LiteLLM spend logs: which files are taken for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenworks_sources.connectors.base import Preview
from tokenworks_sources.connectors.requests import litellm


@pytest.mark.parametrize(
    ("head", "is_claimed"),
    [
        (
            b'{"request_id": "x", "call_type": "acompletion", "startTime": "2026-09-01T00:00:00Z"}',
            True,
        ),
        (b"\xef\xbb\xbfrequest_id,call_type,startTime\r\n", True),
        (b'{"request_id": "x"}', False),
        (b"TIMESTAMP,ContextTokens,GeneratedTokens\r\n", False),
        (b"\x00\x01\x02", False),
    ],
)
def test_file_is_recognised_when_it_has_the_keys_of_a_spend_log(
    head: bytes, is_claimed: bool, tmp_path: Path
) -> None:
    assert bool(litellm.CONNECTOR.recognise(Preview(tmp_path / "x", head))) == is_claimed
