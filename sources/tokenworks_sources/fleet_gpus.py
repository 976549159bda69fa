"""GPUs that a `fleet.yaml` does not name one by one: so many of a server, and all of a server in a replica."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenworks_sources.fleet import Fleet, Replica

MOST_GPUS = 100_000


def named_after_server(server: Any) -> Any:
    """`gpus: 8` of server `a` as `a/0` to `a/7`.

    Raises:
        ValueError: a number of GPUs that cannot be.
    """
    count = server.get("gpus") if isinstance(server, dict) else None
    if not isinstance(count, int) or isinstance(count, bool):
        return server
    if not 1 <= count <= MOST_GPUS:
        raise ValueError(f"gpus: {count} is no number from 1 to {MOST_GPUS:,}")
    return {**server, "gpus": [f"{server.get('id')}/{number}" for number in range(count)]}


def with_whole_servers(fleet: Fleet) -> Fleet:
    """The fleet whose replicas name GPUs, where they named servers."""
    of_server = {server.id: server.gpus for server in fleet.servers}
    own = {gpu for server in fleet.servers for gpu in server.gpus}

    def spelled_out(replica: Replica) -> Replica:
        gpus = [
            gpu
            for name in replica.gpus
            for gpu in ([name] if name in own else of_server.get(name, [name]))
        ]
        return replica.model_copy(update={"gpus": gpus})

    deployments = [
        deployment.model_copy(
            update={"replicas": [spelled_out(replica) for replica in deployment.replicas]}
        )
        for deployment in fleet.deployments
    ]
    return fleet.model_copy(update={"deployments": deployments})
