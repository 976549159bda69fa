"""Contract of `gpu_samples`: one GPU or MIG instance at one time."""

from tokenworks_sources.contracts.model import Column, Contract


def _ratio(name: str, description: str) -> Column:
    return Column(name, "double", description, "1", minimum=0, maximum=1)


CONTRACT = Contract(
    table="gpu_samples",
    grain="one GPU, or one MIG instance of it, at one time",
    description="GPU telemetry by meaning, from DCGM, NVML and vendor tools. Sentinels and N/A are null. Board values (power, energy) repeat on every MIG instance.",
    event_time="sampled_at",
    key=("gpu_uuid", "mig_instance_id", "sampled_at"),
    columns=(
        Column("sampled_at", "timestamp", "Time of the sample.", "UTC", required=True),
        Column(
            "gpu_uuid",
            "string",
            "UUID of the board; host and index where the tool gives none.",
            required=True,
        ),
        Column("mig_instance_id", "string", "GPU_I_ID; empty for a whole GPU.", required=True),
        Column("mig_profile", "string", "GPU_I_PROFILE, for example 1g.5gb."),
        Column("gpu_index", "bigint", "Index on its host; not an identity.", minimum=0),
        Column("hostname", "string", "Host of the GPU."),
        Column("gpu_model", "string", "Product name."),
        Column("driver_version", "string", "Driver version."),
        Column("pod", "string", "Kubernetes pod that holds the GPU."),
        Column("namespace", "string", "Kubernetes namespace of the pod."),
        _ratio(
            "gpu_util_ratio", "DCGM_FI_DEV_GPU_UTIL (203): time with at least one kernel running."
        ),
        _ratio(
            "mem_copy_util_ratio",
            "DCGM_FI_DEV_MEM_COPY_UTIL (204): time memory was read or written.",
        ),
        _ratio("gr_engine_active_ratio", "DCGM_FI_PROF_GR_ENGINE_ACTIVE (1001)."),
        _ratio("sm_active_ratio", "DCGM_FI_PROF_SM_ACTIVE (1002)."),
        _ratio("sm_occupancy_ratio", "DCGM_FI_PROF_SM_OCCUPANCY (1003)."),
        _ratio("tensor_active_ratio", "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE (1004)."),
        _ratio("dram_active_ratio", "DCGM_FI_PROF_DRAM_ACTIVE (1005)."),
        Column("memory_used_bytes", "double", "Frame buffer in use (FB_USED).", "By", minimum=0),
        Column("memory_free_bytes", "double", "Frame buffer free (FB_FREE).", "By", minimum=0),
        Column(
            "memory_reserved_bytes",
            "double",
            "Frame buffer reserved (FB_RESERVED).",
            "By",
            minimum=0,
        ),
        Column(
            "power_watts", "double", "Board power (155), a sample or a 1 s mean.", "W", minimum=0
        ),
        Column(
            "energy_joules_total",
            "double",
            "Board energy counter (156), since driver load.",
            "J",
            minimum=0,
        ),
        Column("sm_clock_mhz", "double", "SM clock.", "MHz", minimum=0),
        Column("mem_clock_mhz", "double", "Memory clock.", "MHz", minimum=0),
        Column("gpu_temperature_celsius", "double", "GPU temperature.", "Cel"),
        Column("memory_temperature_celsius", "double", "Memory temperature.", "Cel"),
        Column("pcie_tx_bytes_per_second", "double", "PCIe transmit rate.", "By/s", minimum=0),
        Column("pcie_rx_bytes_per_second", "double", "PCIe receive rate.", "By/s", minimum=0),
        Column("xid_last", "bigint", "Last XID error; sticky, not a count.", minimum=0),
        Column("throttle_reasons", "string", "Active clock event reasons, as reported."),
    ),
)
