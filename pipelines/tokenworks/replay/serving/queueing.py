"""Textbook queues with known answers, against which the simulation is held."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class ErlangC:
    """M/M/c: Poisson arrivals, exponential service, c servers, one queue.

    Attributes:
        wait_probability: share of arrivals that wait.
        mean_wait_seconds: mean time in queue over all arrivals (Wq).
        mean_in_system: mean number waiting and in service (L).
        wait_p99_seconds: time in queue that 1 in 100 arrivals exceeds.
    """

    wait_probability: float
    mean_wait_seconds: float
    mean_in_system: float
    wait_p99_seconds: float


def erlang_c(arrival_rate: float, service_rate: float, servers: int) -> ErlangC:
    """Exact values of M/M/c through the stable Erlang B recursion.

    Args:
        arrival_rate: arrivals per second.
        service_rate: completions per second of one busy server.
        servers: number of servers.

    Returns:
        The steady state.

    Raises:
        ValueError: the queue grows without end.
    """
    offered = arrival_rate / service_rate
    if offered >= servers:
        raise ValueError(f"{servers} servers cannot carry an offered load of {offered:g}")
    blocked = 1.0
    for server in range(1, servers + 1):
        blocked = offered * blocked / (server + offered * blocked)
    waiting = blocked / (1 - offered / servers * (1 - blocked))
    drain = servers * service_rate - arrival_rate
    mean_wait = waiting / drain
    return ErlangC(
        wait_probability=waiting,
        mean_wait_seconds=mean_wait,
        mean_in_system=arrival_rate * (mean_wait + 1 / service_rate),
        wait_p99_seconds=max(0.0, math.log(waiting / 0.01) / drain),
    )


def finite_queue_blocking(arrival_rate: float, service_rate: float, places: int) -> float:
    """M/M/1/K: share of arrivals that find all `places` (in service and waiting) taken.

    Args:
        arrival_rate: arrivals per second, turned away or not.
        service_rate: completions per second of the busy server.
        places: K, the one in service included.
    """
    load = arrival_rate / service_rate
    return load**places / math.fsum(load**count for count in range(places + 1))


def single_server_wait(arrival_rate: float, mean_service: float, squared_variation: float) -> float:
    """M/G/1: mean seconds in queue, by Pollaczek and Khinchine.

    Args:
        arrival_rate: arrivals per second.
        mean_service: seconds.
        squared_variation: variance of the service time over its squared mean; 0 for M/D/1.

    Raises:
        ValueError: the queue grows without end.
    """
    load = arrival_rate * mean_service
    if load >= 1:
        raise ValueError(f"one server cannot carry an offered load of {load:g}")
    return load * mean_service * (1 + squared_variation) / (2 * (1 - load))
