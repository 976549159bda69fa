"""The scenario language: what is read, and what a mistake is answered with."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from tokenworks.replay.errors import ScenarioError
from tokenworks.replay.language.scenario import (
    LEVERS,
    Scenario,
    json_schema,
    load_scenario,
    parse_scenario,
    ready_scenarios,
)


def test_ready_scenarios_are_read_when_listed() -> None:
    found = {name: load_scenario(path) for name, path in ready_scenarios().items()}
    assert {f"q{number}" for number in range(1, 6)} <= {name[:2] for name in found}
    levers = {lever for scenario in found.values() for lever in scenario.levers}
    assert levers == set(LEVERS)
    assert all(scenario.description.endswith(".") for scenario in found.values())
    assert all(name == scenario.name for name, scenario in found.items())
    assert found["no_change"].is_no_change
    assert not found["route_and_cache"].is_no_change


def test_every_part_is_read_when_given() -> None:
    scenario = parse_scenario(
        """
        name: all-parts
        window: {start: 2026-09-01, end: "2026-09-02T12:00:00+02:00"}
        report_on: {tenant_id: acme}
        routing:
          rules:
            - when: {tier: [large, medium], is_streaming: true, input_total_tokens: {below: 100}}
              to_tier: small
        prefix_cache: {capacity_gib: 40, kv_bytes_per_token: 131072, scope: deployment}
        seed: 3
        """,
        "s.yaml",
    )
    assert scenario.window.start == datetime(2026, 9, 1)
    assert scenario.window.end == datetime(2026, 9, 2, 10)
    assert scenario.report_on.tenant_id == ["acme"]
    assert scenario.routing is not None
    assert scenario.routing.rules[0].when.tier == ["large", "medium"]
    assert scenario.prefix_cache is not None
    assert scenario.prefix_cache.capacity_gib == 40
    assert scenario.prefix_cache.policy == "lru"


MISTAKES = [
    ("name: x\nroutin: 3", "s.yaml: routin: not a known key. Allowed here: name, description, "),
    (
        "name: x\nrouting: {rules: [{when: {input_total_tokens: {beow: 3}}, to_tier: small}]}",
        (
            "s.yaml: routing.rules.0.when.input_total_tokens.beow: not a known key. "
            "Allowed here: below, at_most, above, at_least."
        ),
    ),
    (
        "name: x\nrouting: {rules: [{when: {output_total_tokens: {below: 3}}, to_tier: small}]}",
        (
            "routing.rules.0.when.output_total_tokens: not a known key. It is not known yet when a router "
            "decides."
        ),
    ),
    (
        "name: x\nrouting: {rules: [{when: {tier: large}}]}",
        "routing.rules.0: give either to_tier or keep: true.",
    ),
    (
        "name: x\nrouting: {rules: [{when: {}, to_tier: s}]}",
        "routing.rules.0: when: name at least one condition.",
    ),
    (
        "name: x\nrouting: {rules: [{to_tier: s}]}",
        "routing.rules.0.when: required, but not given. Keys here: when, to_tier, keep.",
    ),
    ("name: x\nprefix_cache: {}", "prefix_cache: give exactly one of capacity_tokens"),
    ("name: x\nprefix_cache: {capacity_gib: 4}", "capacity_gib and kv_bytes_per_token go together"),
    (
        "name: x\nprefix_cache: {capacity_tokens: 4, scope: rack}",
        "prefix_cache.scope: Input should be 'replica', 'deployment' or 'global' (given: 'rack').",
    ),
    ("name: x\nwindow: {start: 2026-09-02, end: 2026-09-01}", "window: end must lie after start."),
    ("name: x\nbalancing: {policy: prefix}", "balancing: prefix and request_tokens go together"),
    ("name: x\nname: y", "line 2: the key 'name' is given twice; keep one"),
    (
        "name: Big Cache",
        (
            "s.yaml: name: use lower case letters, digits, - and _, starting with a letter or "
            "digit, at most 64 characters (given: 'Big Cache')."
        ),
    ),
    ("- 1", "a scenario is a mapping that starts with `name: ...`"),
    (
        "name: [\n a: b: c",
        "s.yaml: not valid YAML: line 2, column 6: expected ',' or ']', but got ':'.",
    ),
]


@pytest.mark.parametrize(("text", "said"), MISTAKES)
def test_the_path_and_what_is_allowed_are_named_when_a_scenario_is_wrong(
    text: str, said: str
) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, "s.yaml")
    assert said in str(caught.value)


def test_all_mistakes_are_named_when_there_are_several() -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario("name: x\nseed: -1\nfoo: 1", "s.yaml")
    assert len(caught.value.problems) == 2
    assert str(caught.value).splitlines() == [
        "s.yaml: 2 mistakes:",
        "  - seed: Input should be greater than or equal to 0 (given: -1).",
        (
            "  - foo: not a known key. Allowed here: name, description, window, report_on, "
            "routing, regions, prefix_cache, response_cache, semantic_cache, capacity, chips, power, balancing, disaggregation, "
            "quality, "
            "loop, limits, seed, sweep, frontier."
        ),
    ]


def test_ready_scenarios_are_named_when_the_file_is_absent(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="ready scenarios: another_tariff, autoscale, bigger"):
        load_scenario(tmp_path / "nothing.yaml")


def test_the_digest_is_the_same_when_only_the_writing_differs() -> None:
    one = parse_scenario("name: x\nreport_on: {tier: large}\nseed: 1", "a")
    two = parse_scenario("seed: 1\nreport_on:\n  tier:\n  - large\nname: x", "b")
    assert one.digest() == two.digest()
    assert one.digest() != Scenario(name="x", seed=2).digest()


def test_the_published_schema_is_current_when_compared_with_the_language() -> None:
    """Rewrite it with json_schema() from tokenworks.replay.language.scenario when this fails."""
    path = next(iter(ready_scenarios().values())).with_name("scenario.schema.json")
    assert json.loads(path.read_text(encoding="utf-8")) == json_schema()
