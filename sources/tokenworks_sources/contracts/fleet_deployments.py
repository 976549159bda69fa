"""Contracts of what is served: replicas, deployments, and how their cost is split."""

from typing import get_args

from tokenworks_sources.allocation import Headroom, Method, WeightSource
from tokenworks_sources.contracts.model import Column, Contract
from tokenworks_sources.contracts.validity import VALID_FROM, VALID_TO

MODEL_COUNTS = (
    ("parameters_active", "Parameters that one token passes, embeddings left out."),
    ("parameters_total", "Parameters that lie in memory."),
    ("layers", "Layers of the model."),
    ("heads", "Attention heads."),
    ("kv_heads", "Heads of keys and values."),
    ("head_dim", "Width of a head."),
    ("hidden", "Width of the model."),
    ("vocabulary", "Tokens of the vocabulary."),
)
MODEL_BYTES = (
    ("bytes_per_weight", "Bytes of one weight."),
    ("bytes_per_kv_value", "Bytes of one number in the KV cache."),
)

REPLICAS = Contract(
    table="fleet_replicas",
    grain="one GPU of one replica over a period",
    description="Which GPUs form which replica of which deployment, and when.",
    event_time="valid_from",
    key=("replica_id", "gpu_uuid", "valid_from"),
    columns=(
        Column("replica_id", "string", "Replica: one engine process group.", required=True),
        Column("deployment_id", "string", "Deployment that the replica serves.", required=True),
        Column("gpu_uuid", "string", "One GPU of the replica.", required=True),
        Column("endpoint", "string", "host[:port] under which gateways and scrapers know it."),
        Column(
            "role",
            "string",
            "unified: does both phases; prefill and decode: one pool of a disaggregated deployment.",
            allowed=("unified", "prefill", "decode"),
        ),
        Column("mig_profile", "string", "MIG slice of the GPU, for example 3g.40gb; null is all."),
        Column(
            "gpu_share_ratio",
            "double",
            "Share of the GPU that the replica takes: of a slice the larger of compute and memory.",
            "1",
            minimum=0,
            maximum=1,
        ),
        VALID_FROM,
        VALID_TO,
    ),
)

DEPLOYMENTS = Contract(
    table="fleet_deployments",
    grain="one deployment",
    description="A model served in one region at one tier.",
    event_time="valid_from",
    key=("deployment_id",),
    columns=(
        Column("deployment_id", "string", "Deployment.", required=True),
        Column("deployment_key", "string", "The gateway's id of the deployment, where it has one."),
        Column("model", "string", "Model served.", required=True),
        Column("tier", "string", "Tier of the model.", required=True),
        Column("site_id", "string", "Site of the replicas.", required=True),
        Column("precision", "string", "Weight precision, for example fp8."),
        Column("max_num_seqs", "bigint", "Largest batch of one replica.", "{request}", minimum=1),
        Column(
            "max_num_batched_tokens", "bigint", "Token budget of one step.", "{token}", minimum=1
        ),
        Column(
            "prefill_weight",
            "double",
            "Cost weight of one uncached input token (metrics §5.4, M7), in GPU-seconds.",
            "s",
            minimum=0,
        ),
        Column(
            "decode_weight",
            "double",
            "Cost weight of one output token, in GPU-seconds.",
            "s",
            minimum=0,
        ),
        Column(
            "cache_read_weight",
            "double",
            "Cost weight of one cached input token, in GPU-seconds.",
            "s",
            minimum=0,
        ),
        Column(
            "idle_power_watts",
            "double",
            "Power of one GPU of the replica when empty.",
            "W",
            minimum=0,
        ),
        Column(
            "idle_limit_ratio",
            "double",
            "Idle share of a day above which an alarm is raised; null: the limit of all.",
            "1",
            minimum=0,
            maximum=1,
        ),
        *(Column(f"model_{name}", "bigint", text, minimum=1) for name, text in MODEL_COUNTS),
        *(Column(f"model_{name}", "double", text, "By", minimum=0) for name, text in MODEL_BYTES),
        VALID_FROM,
        VALID_TO,
    ),
)

ALLOCATIONS = Contract(
    table="fleet_allocations",
    grain="one deployment from a date on",
    description="How the cost of a deployment is split between its requests.",
    event_time="valid_from",
    key=("deployment_id", "valid_from"),
    columns=(
        Column("deployment_id", "string", "Deployment.", required=True),
        Column(
            "method",
            "string",
            "Method of metrics §5.4 by name.",
            required=True,
            allowed=get_args(Method),
        ),
        Column(
            "weight_source",
            "string",
            "Where phase weights come from; auto: stated, else measured, else fitted.",
            required=True,
            allowed=get_args(WeightSource),
        ),
        Column(
            "headroom",
            "string",
            "measure: a busy hour is active cost; idle: what a fuller batch could carry is idle.",
            required=True,
            allowed=get_args(Headroom),
        ),
        VALID_FROM,
    ),
)
