"""Where a JSON object or list ends, in bytes that may stop anywhere."""

from __future__ import annotations

import re

# Everything up to the next bracket outside of strings, to a string that is cut, or to the end. One
# match a bracket; whatever lies between is never seen by Python.
_NEXT = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+([{}\[\]"]|\Z)', re.DOTALL)
_STEPS = {b"{": 1, b"[": 1, b"}": -1, b"]": -1}


def end_of_container(buffer: bytes, position: int, depth: int = 0) -> tuple[int | None, int, int]:
    """Where an object or list ends.

    Args:
        buffer: what has been read.
        position: where it begins, or how far it was followed.
        depth: how many containers are open there.

    Returns:
        The position behind its last bracket, None where more must be read first; how far it was
        followed; how deep it is there. Follow it from there when more has been read.
    """
    for match in _NEXT.finditer(buffer, position):
        step = _STEPS.get(match[1])
        if step is None:
            return None, match.start(1), depth
        depth += step
        if depth <= 0:
            return match.end(), match.end(), depth
    return None, len(buffer), depth


def is_balanced(text: bytes) -> bool:
    """Whether every bracket and string of a text is closed."""
    depth = 0
    for match in _NEXT.finditer(text):
        if match[1] == b'"':
            return False
        depth += _STEPS.get(match[1], 0)
    return depth <= 0
