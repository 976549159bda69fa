"""The scenario language: what a `scenario.yaml` may say.

Belongs here: the shape, the reading and the errors. What a lever does lives in `routing` and
`caches`.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from tokenworks.replay.errors import ScenarioError
from tokenworks.replay.language.balancing import Balancing
from tokenworks.replay.language.base import Match, Strict, Window
from tokenworks.replay.language.capacity import Capacity
from tokenworks.replay.language.chips import ChipChange
from tokenworks.replay.language.disaggregation import Disaggregation
from tokenworks.replay.language.explain import explain, explain_yaml
from tokenworks.replay.language.power import Power
from tokenworks.replay.language.prefix_cache import PrefixCache
from tokenworks.replay.language.regions import RegionRouting
from tokenworks.replay.language.response_cache import ResponseCache, SemanticCache
from tokenworks.replay.language.routing import Quality, TierRouting
from tokenworks.replay.language.sweep import Frontier, Grid, Point, check_size, points_of

READY = Path(__file__).parents[1] / "scenarios"
#: Sections that change something; the others say what is asked, and of which requests.
LEVERS = (
    "routing",
    "regions",
    "prefix_cache",
    "response_cache",
    "semantic_cache",
    "capacity",
    "chips",
    "power",
    "balancing",
    "disaggregation",
)


class Limits(Strict):
    """Largest error of the no-change replay against history before the result is refused."""

    cost_ratio: float = Field(default=0.05, ge=0)
    energy_ratio: float = Field(default=0.05, ge=0)
    hit_rate_points: float = Field(default=0.05, ge=0)
    mean_latency_ratio: float = Field(default=0.15, ge=0)
    p50_latency_ratio: float = Field(default=0.20, ge=0)
    p95_latency_ratio: float = Field(default=0.30, ge=0)


class Scenario(Strict):
    """One what-if. Without a lever it is the replay of no change."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    description: str = ""
    window: Window = Window()
    report_on: Match = Field(
        default=Match(),
        description="Requests that the result speaks of; all are replayed, since they share GPUs.",
    )
    routing: TierRouting | None = Field(
        default=None, description="Which tier answers which request."
    )
    regions: RegionRouting | None = Field(
        default=None, description="Which region answers which request."
    )
    prefix_cache: PrefixCache | None = None
    response_cache: ResponseCache | None = Field(
        default=None, description="Exact answers kept at the gateway."
    )
    semantic_cache: SemanticCache | None = Field(
        default=None, description="Answers to similar questions kept at the gateway."
    )
    capacity: Capacity | None = Field(
        default=None, description="Replicas, engine limits, autoscaling, scale to zero."
    )
    chips: ChipChange | None = Field(
        default=None, description="Other chips, precision, a drafter or a smaller model."
    )
    power: Power | None = Field(
        default=None, description="Another tariff, deferrable work that waits, power from load."
    )
    balancing: Balancing | None = Field(
        default=None, description="Which replica of a deployment answers which request."
    )
    disaggregation: Disaggregation | None = Field(
        default=None, description="Prompts and tokens on replicas of their own."
    )
    quality: Quality | None = Field(
        default=None, description="What the result may say of quality, and from what."
    )
    loop: Literal["auto", "open", "closed"] = Field(
        default="auto",
        description="open: requests arrive when they did. closed: a turn of a session waits for "
        "the answer before it, and the recorded think time. auto: closed where turns waited.",
    )
    limits: Limits = Limits()
    seed: int = Field(default=20260901, ge=0)
    sweep: Grid = Field(
        default={},
        description="Values by path, such as `prefix_cache.capacity_factor: [0.5, 1, 2]`: the "
        "scenario is replayed at every point of the grid.",
    )
    frontier: Frontier = Field(
        default=Frontier(), description="What a sweep's points are held against each other by."
    )

    @model_validator(mode="after")
    def _small_sweep(self) -> Self:
        check_size(self.sweep)
        return self

    @property
    def is_no_change(self) -> bool:
        """Whether nothing differs from history."""
        return not self.levers

    @property
    def levers(self) -> tuple[str, ...]:
        """Sections that change something, in the order of the language."""
        return tuple(name for name in LEVERS if getattr(self, name))

    def points(self) -> list[tuple[Point, Scenario]]:
        """The scenario at every point of its sweep; without one, itself alone.

        Raises:
            ScenarioError: a point that the language does not allow, with its values.
        """
        document = self.model_dump(mode="json", exclude_unset=True)
        return _points(document, self.sweep, self.name)

    def canonical(self) -> str:
        """The scenario as sorted JSON, the same for every way of writing it."""
        document = self.model_dump(mode="json", exclude_none=True)
        return json.dumps(document, sort_keys=True, separators=(",", ":"))

    def digest(self) -> str:
        """Hex digest of `canonical`."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()


class _UniqueKeyLoader(yaml.SafeLoader):
    """A YAML loader that refuses a key given twice instead of keeping the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                line = key_node.start_mark.line + 1
                raise yaml.YAMLError(f"line {line}: the key {key!r} is given twice; keep one")
            seen.add(key)
        return super().construct_mapping(node, deep)


def parse_scenario(text: str, origin: Path | str) -> Scenario:
    """Read a scenario from YAML text; every problem is named with its path."""
    try:
        document = yaml.load(text, Loader=_UniqueKeyLoader)
    except yaml.YAMLError as error:
        raise ScenarioError(origin, [f"not valid YAML: {explain_yaml(error)}"]) from error
    if not isinstance(document, dict):
        raise ScenarioError(origin, ["a scenario is a mapping that starts with `name: ...`"])
    return read_document(document, origin)


def read_document(document: dict[str, Any], origin: Path | str) -> Scenario:
    """Read a scenario from plain data; a sweep's paths need no value beside the sweep."""
    grid = document.get("sweep")
    filled = document
    if isinstance(grid, dict) and all(map(_is_values, grid.values())):
        filled = {**document, **_first_point(document, grid, origin)}
    try:
        scenario = Scenario.model_validate(filled)
    except ValidationError as error:
        raise ScenarioError(origin, explain(error, Scenario, filled)) from error
    if scenario.sweep:
        _points(document, scenario.sweep, origin)
    return scenario


def _is_values(values: object) -> bool:
    return isinstance(values, list) and bool(values) and not isinstance(values[0], list | dict)


def _first_point(
    document: dict[str, Any], grid: dict[str, list[Any]], origin: Path | str
) -> dict[str, Any]:
    try:
        check_size({str(path): values for path, values in grid.items()})
        return next(
            points_of(document, {str(path): one[:1] for path, one in grid.items()})
        ).document
    except ValueError as error:
        raise ScenarioError(origin, [f"sweep: {error}."]) from error


def _points(
    document: dict[str, Any], grid: dict[str, list[Any]], origin: Path | str
) -> list[tuple[Point, Scenario]]:
    found: list[tuple[Point, Scenario]] = []
    problems: list[str] = []
    for point in points_of(document, grid):
        try:
            found.append((point, Scenario.model_validate(point.document)))
        except ValidationError as error:
            said = explain(error, Scenario, point.document)
            problems += [f"sweep ({point.label}): {line}" for line in said]
    if problems:
        raise ScenarioError(origin, problems)
    return found


def load_scenario(path: Path) -> Scenario:
    """Read a scenario file."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        ready = ", ".join(sorted(ready_scenarios()))
        raise ScenarioError(path, [f"no such file; ready scenarios: {ready}"]) from error
    except UnicodeDecodeError as error:
        raise ScenarioError(path, ["not UTF-8 text; save it as UTF-8"]) from error
    return parse_scenario(text, path)


def ready_scenarios() -> dict[str, Path]:
    """The scenarios that come with the product, by name."""
    return {path.stem: path for path in sorted(READY.glob("*.yaml"))}


def json_schema() -> dict[str, Any]:
    """The language as JSON Schema, for editors that complete and check YAML."""
    return Scenario.model_json_schema()
