"""Sweeps: the grid, what is refused, the frontier, and going on after a kill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tokenworks.replay import study
from tokenworks.replay.errors import ScenarioError
from tokenworks.replay.language.scenario import Scenario, parse_scenario
from tokenworks.replay.results.compare import NotComparableError, compare
from tokenworks.replay.results.frontier import frontier
from tokenworks.replay.run import run_replay
from tokenworks.replay.study import run_sweep

SWEEP = """
name: lengths
routing: {rules: [{when: {tier: large}, to_tier: small}]}
sweep: {routing.rules.0.when.input_total_tokens.below: [50, 150, 2000]}
"""


def scenario(text: str) -> Scenario:
    return parse_scenario(text, "s.yaml")


def test_the_grid_is_the_product_when_two_paths_are_swept() -> None:
    asked = scenario(
        "name: x\nsweep: {prefix_cache.capacity_factor: [1, 2], prefix_cache.policy: [lru, fifo]}"
    )
    assert [point.label for point, _ in asked.points()] == [
        "prefix_cache.capacity_factor = 1, prefix_cache.policy = lru",
        "prefix_cache.capacity_factor = 1, prefix_cache.policy = fifo",
        "prefix_cache.capacity_factor = 2, prefix_cache.policy = lru",
        "prefix_cache.capacity_factor = 2, prefix_cache.policy = fifo",
    ]
    last = asked.points()[-1][1].prefix_cache
    assert last is not None
    assert (last.capacity_factor, last.policy) == (2, "fifo")


MISTAKES = [
    (
        "sweep: {prefix_cache.capacity_facto: [1]}",
        "prefix_cache.capacity_facto: not a known key. Allowed here: capacity_tokens, ",
    ),
    (
        "sweep: {prefix_cache.capacity_factor: [1, -2]}",
        (
            "sweep (prefix_cache.capacity_factor = -2): prefix_cache.capacity_factor: "
            "Input should be greater than or equal to 0 (given: -2)."
        ),
    ),
    ("sweep: {name: [a, b]}", "sweep: name: a sweep cannot change name, description, "),
    ("sweep: {seed: [1, 1]}", "sweep.seed: a value is given twice."),
    ("sweep: {seed: [[1]]}", "sweep.seed: a sweep goes over numbers, words and yes or no"),
    ("sweep: {seed: []}", "sweep.seed: "),
    ("sweep: {seed.x: [1]}", "seed: Input should be a valid integer."),
    (f"sweep: {{seed: {list(range(101))}}}", "sweep: 101 points; a sweep has at most 100"),
]


@pytest.mark.parametrize(("text", "said"), MISTAKES)
def test_the_path_and_what_is_allowed_are_named_when_a_sweep_is_wrong(text: str, said: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario(f"name: x\n{text}")
    assert said in str(caught.value)


def test_points_cost_what_they_cost_by_hand_when_swept(hand_world: Any, tmp_path: Path) -> None:
    """Below 150 or 2,000 tokens the ten short requests move: 312.44 becomes 305.09 USD."""
    result = run_sweep(scenario(SWEEP), hand_world.publish(), tmp_path / "out")
    table = pl.read_parquet(result.folder / "sweep.parquet")
    assert table["cost"].to_list() == pytest.approx([312.44, 305.08633947, 305.08633947])
    assert table["cost_delta"].to_list() == pytest.approx([0.0, -7.35366053, -7.35366053])
    # Moved requests are faster too, so what moves none is beaten; two equal points both stay.
    assert table["is_on_frontier"].to_list() == [False, True, True]
    assert result.made == 3
    assert "not known" not in (result.folder / "page.html").read_text()


def test_the_axes_are_those_of_the_frontier_when_it_names_metrics(
    hand_world: Any, tmp_path: Path
) -> None:
    """Marginal cost of 15.622 falls by 4 / 163 of 15.54 and grows by 0.4 / 2.4 of 0.082."""
    asked = scenario(f"{SWEEP}frontier: {{cost: cost_marginal_usd, latency: ttft_mean_seconds}}\n")
    document = run_sweep(asked, hand_world.publish(), tmp_path / "out").document
    costs = [point["cost"] for point in document["points"]]
    assert costs == pytest.approx([15.622, 15.25431697, 15.25431697])
    assert [point["latency"] for point in document["points"]] == pytest.approx(
        [1.9575, 1.935, 1.935]
    )


def test_a_killed_sweep_goes_on_when_it_is_run_again(
    hand_world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marts, calls = hand_world.publish(), []

    def dies_at_the_second(*given: Any, **options: Any) -> Any:
        calls.append(given)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return run_replay(*given, **options)

    monkeypatch.setattr(study, "run_replay", dies_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        run_sweep(scenario(SWEEP), marts, tmp_path / "out")
    monkeypatch.undo()
    resumed = run_sweep(scenario(SWEEP), marts, tmp_path / "out")
    assert resumed.made == 2
    whole = run_sweep(scenario(SWEEP), marts, tmp_path / "other")
    assert whole.made == 3
    for name in ("sweep.json", "sweep.parquet", "page.html"):
        assert (resumed.folder / name).read_bytes() == (whole.folder / name).read_bytes()


def test_a_refused_point_is_named_and_off_the_frontier_when_its_lever_cannot_be_carried(
    hand_world: Any, tmp_path: Path
) -> None:
    asked = scenario(
        "name: tiers\nrouting: {rules: [{when: {tier: large, input_total_tokens: {below: 150}}, to_tier: small}]}\n"
        "sweep: {routing.rules.0.to_tier: [small, tiny]}"
    )
    document = run_sweep(asked, hand_world.publish(), tmp_path / "out").document
    assert document["refused_count"] == 1
    assert document["frontier_labels"] == ["routing.rules.0.to_tier = small"]
    assert "no deployment has the tier 'tiny'" in document["points"][1]["refusal"]


def test_one_replay_refuses_a_sweep_and_a_sweep_refuses_one_replay(
    hand_world: Any, tmp_path: Path
) -> None:
    marts = hand_world.publish()
    with pytest.raises(ScenarioError, match="tokenworks replay sweep"):
        run_replay(scenario(SWEEP), marts, tmp_path)
    with pytest.raises(ScenarioError, match="sweep: required here"):
        run_sweep(scenario("name: x"), marts, tmp_path)
    with pytest.raises(ScenarioError, match=r"frontier\.cost: there is no metric 'cost'"):
        run_sweep(scenario("name: x\nsweep: {seed: [1]}\nfrontier: {cost: cost}"), marts, tmp_path)


def test_no_point_beats_one_on_the_frontier_when_axes_are_known() -> None:
    points = [
        (1.0, 5.0, None),
        (2.0, 4.0, None),
        (2.0, 5.0, None),
        (3.0, 4.0, 0.9),
        (3.0, 6.0, 0.9),
        (None, 1.0, None),
    ]
    assert frontier(points) == [True, True, False, True, False, False]


def test_a_comparison_is_the_difference_when_both_speak_of_one_traffic(
    hand_world: Any, tmp_path: Path
) -> None:
    marts = hand_world.publish()
    texts = (
        "name: same",
        "name: route\nrouting: {rules: [{when: {input_total_tokens: {below: 150}}, to_tier: small}]}",
    )
    first, second = (run_replay(scenario(text), marts, tmp_path).summary for text in texts)
    rows = {row.metric: row for row in compare(first, second) if row.segment == "all"}
    cost = rows["cost_active_usd"]
    assert (cost.first, cost.second, cost.delta) == pytest.approx(
        (312.44, 305.08633947, -7.35366053)
    )
    # No change differs from itself by nothing, so the interval is that of the second alone.
    whole = {row["metric"]: row for row in second["metrics"] if row["segment"] == "all"}
    assert cost.delta_p10 == pytest.approx(whole["cost_active_usd"]["delta_p10"])
    hand_world.requests.pop()
    other = run_replay(scenario("name: same"), hand_world.publish(), tmp_path).summary
    with pytest.raises(NotComparableError, match="differ in traffic"):
        compare(first, other)
