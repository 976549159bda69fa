"""Recognition meets every kind of file: it never raises and never takes long."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tokenworks_sources.connectors import registry
from tokenworks_sources.connectors.base import Preview

OPENERS = (
    b"[",
    b'{"a":',
    b"<a>",
    b'[{"a":',
    b'"',
    b"(",
    b"a,",
    b"{",
    b"\x00",
    b"\xff",
    b"# ",
    b"\n",
)
# Linear work on 64 KiB takes milliseconds; quadratic work takes minutes.
CPU_SECONDS = 3.0


@pytest.mark.parametrize("opener", OPENERS, ids=repr)
@pytest.mark.parametrize(
    "connector", registry.CONNECTORS, ids=lambda one: f"{one.table}-{one.name}"
)
def test_head_that_never_closes_is_judged_at_once(
    connector: registry.Connector, opener: bytes
) -> None:
    preview = Preview(Path("nothing"), (opener * 65536)[:65536])
    started = time.process_time()
    assert connector.recognise(preview) is None
    assert time.process_time() - started < CPU_SECONDS
