"""What several replays of one published traffic share: it is read and learned from once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tokenworks.held import Held
from tokenworks.replay.answer import Answer, Progress, answer
from tokenworks.replay.language.scenario import Scenario
from tokenworks.replay.prepare import Prepared
from tokenworks.replay.traffic.marts import traffic_digest
from tokenworks.replay.traffic.requests import Traffic, load_traffic


@dataclass
class Session:
    """Published marts, and the last replay of no change made of them.

    All of it is of the version that is published when it is first asked for, whatever is published
    meanwhile; that version stays as long as the session, or traffic of it.

    Attributes:
        marts: folder of published Parquet, one folder per mart.
    """

    marts: Path
    _held: Held | None = field(default=None, init=False)
    _digest: str | None = field(default=None, init=False)
    _window: str | None = field(default=None, init=False)
    _traffic: Traffic | None = field(default=None, init=False)
    _prepared: Prepared | None = field(default=None, init=False)

    @property
    def folder(self) -> Path:
        """The version that is read."""
        if self._held is None:
            self._held = Held(self.marts)
        return self._held.folder

    @property
    def digest(self) -> str:
        """Digest of the marts, read once."""
        if self._digest is None:
            self._digest = traffic_digest(self.folder)
        return self._digest

    def traffic(self, scenario: Scenario) -> Traffic:
        """The traffic of a scenario; the last one is kept."""
        window = scenario.window.model_dump_json()
        if self._traffic is None or self._window != window:
            self._traffic, self._window = load_traffic(self.folder, scenario, self.digest), window
            self._prepared = None
        return self._traffic

    def answer(self, scenario: Scenario, progress: Progress, folder: Path = Path()) -> Answer:
        """Replay a scenario beside no change, which is replayed once."""
        traffic = self.traffic(scenario)
        known = self._prepared if self._prepared and self._prepared.serves(scenario) else None
        found = answer(scenario, traffic, progress, known, folder)
        self._prepared = found.prepared
        return found
