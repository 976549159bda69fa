"""Replicas that come and go with the load, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tokenworks.replay.serving.steps import Autoscale, Limits, StepLaw, Work, simulate

LAW, LIMITS = StepLaw(1.0), Limits(max_num_seqs=1)


def work(arrivals: list[float], output: list[int]) -> Work:
    """Requests of one prompt token; a token is a second."""
    return Work(np.array(arrivals), np.ones(len(arrivals), dtype=np.int64), np.array(output))


def scaling(lowest: int, highest: int, **more: float) -> Autoscale:
    """One request per replica, looked at every 10 s, cold starts of 5 s, gone after 20 s."""
    return Autoscale(
        lowest,
        highest,
        target=1,
        interval_seconds=more.get("interval_seconds", 10.0),
        cold_start_seconds=5.0,
        scale_down_delay_seconds=more.get("scale_down_delay_seconds", 20.0),
    )


def test_a_cold_start_is_waited_for_when_it_had_scaled_to_zero() -> None:
    # The first finds none: on at 0, ready at 5, ends at 8. Looks at 10, 20, 30: none needed since
    # 10, so off at 30. The next at 100 starts cold again: 105 to 107.
    served = simulate(work([0.0, 100.0], [3, 2]), LAW, LIMITS, scaling(0, 2))
    assert served.admitted.tolist() == [5.0, 105.0]
    assert served.ended.tolist() == [8.0, 107.0]
    assert served.cold_starts.tolist() == [2, 0]
    # 0 to 30, and 100 to the end of all at 107.
    assert served.on_seconds.tolist() == [37.0, 0.0]
    assert served.busy_seconds.tolist() == [5.0, 0.0]


def test_a_second_replica_opens_when_two_are_in_flight_at_a_look() -> None:
    # Both queue on replica 0 (40 s each). The look at 10 opens replica 1, ready at 15; the third,
    # at 12, still goes to the only ready one; the fourth, at 16, to the new one.
    served = simulate(work([0.0, 1.0, 12.0, 16.0], [40, 40, 1, 1]), LAW, LIMITS, scaling(1, 2))
    assert served.replica.tolist() == [0, 0, 0, 1]
    assert served.ended.tolist() == [40.0, 80.0, 81.0, 17.0]
    assert served.cold_starts.tolist() == [0, 1]


def test_replicas_stay_when_the_load_comes_back_before_the_delay_is_over() -> None:
    # Two in flight at 10: replica 1 on from 10. One in flight from 20 on; the delay of 20 s would
    # be over at 40, but at 38 a second request comes, so the look at 40 wants two again.
    asked = work([0.0, 1.0, 16.0, 38.0], [12, 60, 1, 40])
    calm = simulate(asked, LAW, LIMITS, scaling(1, 2))
    assert calm.cold_starts.tolist() == [0, 1]
    assert calm.on_seconds.tolist() == [78.0, 68.0]
    assert calm.ended.max() == 78.0


def test_a_closed_replica_ends_its_work_when_the_load_falls() -> None:
    # 0: 0 to 12. 1 opens at 10, serves one from 16 for 50 s, to 66. The looks see one in flight
    # from 20 on and close, at 20 + 10, the idle replica 0, though it was there first.
    served = simulate(
        work([0.0, 1.0, 16.0], [11, 1, 50]),
        LAW,
        LIMITS,
        scaling(1, 2, scale_down_delay_seconds=10.0),
    )
    assert served.replica.tolist() == [0, 0, 1]
    assert served.on_seconds.tolist() == [30.0, 56.0]
    assert served.ended.max() == 66.0


def test_one_replica_more_opens_for_each_target_waiting_when_waiting_counts() -> None:
    # At 10: one runs, three wait: 1 busy + 3 / 2, rounded up: 3 replicas.
    by_waiting = Autoscale(1, 5, target=2, counts="waiting", interval_seconds=10.0)
    served = simulate(work([0.0, 1.0, 2.0, 3.0], [60] * 4), LAW, LIMITS, by_waiting)
    assert served.cold_starts.tolist() == [0, 1, 1, 0, 0]


def test_replica_seconds_are_the_span_when_the_number_is_fixed() -> None:
    served = simulate(work([2.0, 3.0], [3, 1]), LAW, LIMITS, 3)
    assert served.on_seconds.tolist() == [3.0, 3.0, 3.0]
    assert served.cold_starts.tolist() == [0, 0, 0]


def test_a_named_replica_is_refused_when_replicas_come_and_go() -> None:
    asked = Work(np.zeros(1), np.ones(1, int), np.ones(1, int), replica=np.zeros(1, int))
    with pytest.raises(ValueError, match="cannot name one"):
        simulate(asked, LAW, LIMITS, scaling(0, 2))


@pytest.mark.parametrize(
    ("field", "value"),
    [("lowest", -1), ("highest", 0), ("target", 0.0), ("interval_seconds", 0.0)],
)
def test_a_scaler_is_refused_when_a_bound_is_broken(field: str, value: float) -> None:
    given: dict[str, float] = {"lowest": 0, "highest": 1, "target": 1.0} | {field: value}
    with pytest.raises(ValueError, match=field):
        Autoscale(**given)  # type: ignore[arg-type]
