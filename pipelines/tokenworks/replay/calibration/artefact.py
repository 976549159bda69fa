"""A calibration as a file: JSON that says what was learnt, from what, and how sure it is.

    write_calibration(path, learnt, window=(start, end), power=law_of_power)
    law = read_calibration(path).learnt.law

The file is plain JSON with one object per part, so that another tool can read it; unknown is
null. Its version changes when a field changes its meaning, and another version is refused.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from tokenworks.replay.calibration.power_law import PowerLaw
from tokenworks.replay.calibration.step_law import StepCalibration
from tokenworks.replay.errors import TrafficError

VERSION = 2
KIND = "tokenworks step calibration"


@dataclass(frozen=True)
class StoredCalibration:
    """What a calibration file holds.

    Attributes:
        learnt: the calibration.
        power: what the GPUs draw; null where their hours do not tell it.
        why_no_power: why not, in words; null where they do.
        window: first and last moment of the data; null where the logs have no date.
        version: version of the file's layout.
    """

    learnt: StepCalibration
    power: PowerLaw | None
    why_no_power: str | None
    window: tuple[datetime, datetime] | None
    version: int


def write_calibration(
    path: Path,
    learnt: StepCalibration,
    window: tuple[datetime, datetime] | None = None,
    power: PowerLaw | str = "no log of its GPUs was given",
) -> Path:
    """Write the artefact; the same calibration gives the same bytes.

    Args:
        path: where.
        learnt: the law of a step.
        window: first and last moment of the data.
        power: the law of what the GPUs draw, or why there is none.
    """
    law = power if isinstance(power, PowerLaw) else None
    content = {
        "kind": KIND,
        "version": VERSION,
        "window": [moment.isoformat() for moment in window] if window else None,
        "learnt": _plain(asdict(learnt)),
        "power": _plain(asdict(law)) if law else None,
        "why_no_power": None if law else power,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".next")
    beside.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")
    beside.replace(path)
    return path


def read_calibration(path: Path) -> StoredCalibration:
    """Read an artefact.

    Raises:
        TrafficError: if it is absent, no calibration, or of another version.
    """
    advice = "Run `tokenworks replay calibrate` to write it anew."
    if not path.exists():
        raise TrafficError(path, "there is no calibration here.", advice)
    try:
        content = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise TrafficError(path, f"line {error.lineno} is no JSON: {error.msg}.", advice) from error
    if not isinstance(content, dict) or content.get("kind") != KIND:
        raise TrafficError(path, "this is no calibration.", advice)
    if content.get("version") != VERSION:
        raise TrafficError(
            path, f"its version is {content.get('version')}, and {VERSION} is read.", advice
        )
    try:
        learnt = _built(StepCalibration, content["learnt"])
        power = _built(PowerLaw | None, content["power"])
        why_no_power = _built(str | None, content["why_no_power"])
    except (KeyError, TypeError, ValueError) as error:
        raise TrafficError(path, f"it does not hold what it should: {error}.", advice) from error
    window = content["window"]
    return StoredCalibration(
        learnt=learnt,
        power=power,
        why_no_power=why_no_power,
        window=(datetime.fromisoformat(window[0]), datetime.fromisoformat(window[1]))
        if window
        else None,
        version=VERSION,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _built(kind: Any, value: Any) -> Any:
    """A value of a declared type from what JSON holds; a float that is null is unknown."""
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        return kind(
            **{field.name: _built(hints[field.name], value[field.name]) for field in fields(kind)}
        )
    if kind is float:
        return math.nan if value is None else float(value)
    arguments = get_args(kind)
    if type(None) in arguments:
        return None if value is None else _built(arguments[0], value)
    origin = get_origin(kind)
    if origin is tuple:
        inner = arguments[0]
        return tuple(_built(inner, item) for item in value)
    if origin is not None and isinstance(value, dict):
        return {key: _built(arguments[1], item) for key, item in value.items()}
    return value
