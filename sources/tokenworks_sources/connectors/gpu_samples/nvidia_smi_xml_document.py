"""One document of `nvidia-smi -q -x`: which element is what, and the texts of each GPU in it.

Belongs here: elements. Times, hosts, rows and files belong to `nvidia_smi_xml.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tokenworks_sources.connectors.safe_xml import SafeXml
from tokenworks_sources.errors import LandingFileError

ROOT = "nvidia_smi_log"
# No board has more than seven GPU instances of seven compute instances.
MOST_DEVICES = 64
# Elements below `gpu`, as --query-gpu names their values; in this order the first of a column wins.
_POWER = ("gpu_power_readings", "power_readings")
ELEMENTS = {
    "uuid": "uuid",
    "product_name": "name",
    "utilization/gpu_util": "utilization.gpu",
    "utilization/memory_util": "utilization.memory",
    "fb_memory_usage/used": "memory.used",
    "fb_memory_usage/free": "memory.free",
    "fb_memory_usage/reserved": "memory.reserved",
    **{f"{group}/power_draw": "power.draw" for group in _POWER},
    **{f"{group}/average_power_draw": "power.draw.average" for group in _POWER},
    **{f"{group}/instant_power_draw": "power.draw.instant" for group in _POWER},
    "clocks/sm_clock": "clocks.current.sm",
    "clocks/mem_clock": "clocks.current.memory",
    "temperature/gpu_temp": "temperature.gpu",
    "temperature/memory_temp": "temperature.memory",
}
_NO_VALUE = re.compile(r"N/A|Unknown.*|ERR!|Not Supported|Requested functionality.*|\[.*\]|")
_REASON = re.compile(r"clocks_(?:event|throttle)_reasons/clocks_(?:event|throttle)_reason_(\w+)")
# Bits of NVML's nvmlClocksEventReasons.
_BITS = {
    "gpu_idle": 0x1,
    "applications_clocks_setting": 0x2,
    "sw_power_cap": 0x4,
    "hw_slowdown": 0x8,
    "sync_boost": 0x10,
    "sw_thermal_slowdown": 0x20,
    "hw_thermal_slowdown": 0x40,
    "hw_power_brake_slowdown": 0x80,
    "display_clocks_setting": 0x100,
}


@dataclass
class Gpu:
    """Texts of one GPU, by element, and of its MIG devices."""

    bus: str | None
    texts: dict[str, str] = field(default_factory=dict)
    devices: list[dict[str, str]] = field(default_factory=list)
    reasons: int | None = None


class Document:
    """Handlers of one document: a stack of names tells where a text stands."""

    def __init__(
        self,
        path: Path,
        add: Callable[[Gpu, str | None, str | None], None],
        declare: Callable[[str], None],
    ) -> None:
        """Prepares a parser.

        Args:
            path: the file, for errors.
            add: takes each GPU, with the document's timestamp and driver version.
            declare: takes each comment.
        """
        self.xml = SafeXml(path, "nvidia-smi")
        self._path, self._add = path, add
        self._stack: list[str] = []
        self._stamp: str | None = None
        self._driver: str | None = None
        self._gpu: Gpu | None = None
        refuse = self.xml.parser.StartDoctypeDeclHandler

        def doctype(name: str, system: str | None, public: str | None, declares: bool) -> None:
            if declares or name != ROOT:
                refuse(name, system, public, declares)  # type: ignore[misc]

        # The emitter's own document type declares nothing, and is never loaded.
        self.xml.parser.StartDoctypeDeclHandler = doctype
        self.xml.parser.StartElementHandler = self._start
        self.xml.parser.EndElementHandler = self._end
        self.xml.parser.CommentHandler = declare

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._stack.append(name)
        self.xml.check_depth(len(self._stack))
        self.xml.texts.clear()
        if self._stack == [ROOT, "gpu"]:
            self._gpu = Gpu(attributes.get("id"))
        elif self._gpu and self._stack[2:] == ["mig_devices", "mig_device"]:
            self._gpu.devices.append({})
            if len(self._gpu.devices) > MOST_DEVICES:
                hint = "nvidia-smi never writes that; take the reading again."
                raise LandingFileError(self._path, "a GPU has too many MIG devices.", hint)

    def _end(self, name: str) -> None:
        text = "".join(self.xml.texts).strip()
        self.xml.texts.clear()
        inside = self._stack[2:]
        if self._stack == [ROOT, "timestamp"]:
            self._stamp = text
        elif self._stack == [ROOT, "driver_version"]:
            self._driver = text
        elif self._stack == [ROOT, "gpu"] and self._gpu:
            self._add(self._gpu, self._stamp, self._driver)
            self._gpu = None
        elif self._gpu and inside[:2] == ["mig_devices", "mig_device"]:
            self._keep(self._gpu.devices[-1], "/".join(inside[2:]), text)
        elif self._gpu:
            self._keep(self._gpu.texts, "/".join(inside), text)
            self._flag(self._gpu, "/".join(inside), text)
        self._stack.pop()

    @staticmethod
    def _keep(texts: dict[str, str], path: str, text: str) -> None:
        is_wanted = path in ELEMENTS or path == "gpu_instance_id"
        if is_wanted and not _NO_VALUE.fullmatch(text):
            texts.setdefault(path, text)

    @staticmethod
    def _flag(gpu: Gpu, path: str, text: str) -> None:
        match = _REASON.fullmatch(path)
        if match and match[1] in _BITS and text in ("Active", "Not Active"):
            gpu.reasons = (gpu.reasons or 0) | (_BITS[match[1]] if text == "Active" else 0)
