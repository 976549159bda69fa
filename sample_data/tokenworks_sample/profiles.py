"""How the tenants use the fleet: lengths, sessions, hours, as numbers.

Belongs here: the published facts that the traffic follows, and the assumptions where nothing is
published. Drawing from them is in `traffic`.

Facts that were carried over (numbers only):

- Azure LLM inference trace 2023, code (8,819 requests): the two quantile tables below are measured
  on the trace; median 1,469 tokens in, 13 out, mean 2,048 in, 27.9 out. Requests per minute have
  a variance of 160 times their mean, so arrivals are far burstier than Poisson.
- Azure 2023, conversation, as its paper (Splitwise, arXiv 2311.18677) states: median 1,020 in,
  129 out. The spread around the medians is an assumption.
- Mooncake conversation trace (12,031 requests, arXiv 2407.00079): input quantiles measured on the
  trace (median 6,909, mean 12,035) and halved here to fit a context of 16,384; output quantiles
  as measured (median 350, mean 343). With an infinite cache 37 % of its input tokens are reused.
- BurstGPT (arXiv 2401.17644): inter-arrivals follow a Gamma law burstier than Poisson, and
  conversations come with failures; hence the hourly bursts and the failed share.
- Weekday office hours carry most interactive traffic and nights carry batch work: the usual shape
  of the diurnal plots of those papers; the 24 weights are an assumption.

Assumptions: thinking tokens, think times, session lengths, and all tenant names.
"""

from __future__ import annotations

from dataclasses import dataclass

PROBABILITIES = (0.0, 0.01, 0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99, 1.0)
Quantiles = tuple[float, ...]

AZURE_CODE_IN: Quantiles = (3, 17, 75, 147, 578, 1469, 2744, 5187, 7303, 7436, 7437)
AZURE_CODE_OUT: Quantiles = (6, 6, 6, 7, 9, 13, 24, 55, 90, 251, 1899)
CONVERSATION_IN: Quantiles = (20, 45, 90, 160, 430, 1020, 1900, 3000, 3900, 5200, 6000)
CONVERSATION_OUT: Quantiles = (4, 10, 22, 35, 68, 129, 270, 420, 520, 760, 1000)
MOONCAKE_IN: Quantiles = (445, 447, 450, 482, 1153, 3454, 7683, 11500, 13200, 14200, 14600)
MOONCAKE_OUT: Quantiles = (1, 3, 10, 24, 156, 350, 472, 597, 698, 1118, 2000)
THINKING_OUT: Quantiles = (90, 160, 280, 430, 780, 1500, 2700, 4300, 5500, 7600, 9000)
DEEP_THINKING_OUT: Quantiles = (
    300, 500, 900, 1400, 2300, 3700, 5600, 7700, 9000, 11000, 12000,
)  # fmt: skip
BRIEF_THINKING_OUT: Quantiles = (60, 90, 140, 190, 300, 480, 760, 1150, 1500, 2400, 3500)
NO_THINKING: Quantiles = (0,) * 11
FAQ_IN: Quantiles = (12, 25, 48, 70, 120, 210, 340, 480, 590, 800, 980)
FAQ_OUT: Quantiles = (8, 15, 28, 40, 70, 110, 170, 240, 300, 420, 600)
RECORD_IN: Quantiles = (200, 260, 420, 560, 900, 1400, 2100, 3000, 3600, 4800, 5600)
RECORD_OUT: Quantiles = (60, 90, 150, 210, 340, 560, 850, 1200, 1450, 1900, 2400)
FOLLOW_UP_IN: Quantiles = (4, 8, 14, 20, 38, 75, 150, 310, 480, 900, 1500)
TOOL_RESULT_IN: Quantiles = (30, 50, 90, 140, 280, 520, 950, 1700, 2400, 3800, 5000)
SHORT_THINK: Quantiles = (2.0, 2.2, 2.8, 3.5, 6, 14, 35, 90, 180, 500, 900)
AGENT_THINK: Quantiles = (2.0, 2.1, 2.2, 2.4, 3.0, 4.5, 8, 16, 30, 90, 200)
LONG_THINK: Quantiles = (4, 6, 10, 15, 28, 55, 140, 900, 5400, 36_000, 72_000)
BURST: Quantiles = (0.15, 0.2, 0.3, 0.4, 0.6, 0.85, 1.2, 1.75, 2.3, 4.2, 6.0)

OFFICE = (
    0.10, 0.06, 0.04, 0.04, 0.05, 0.10, 0.30, 0.90, 2.00, 2.60, 2.70, 2.40,
    1.80, 2.30, 2.60, 2.40, 2.00, 1.30, 0.70, 0.50, 0.40, 0.35, 0.22, 0.14,
)  # fmt: skip
NIGHT = (
    2.60, 2.80, 2.80, 2.60, 2.20, 1.60, 0.80, 0.30, 0.20, 0.20, 0.20, 0.20,
    0.20, 0.20, 0.20, 0.20, 0.20, 0.20, 0.30, 0.50, 0.90, 1.40, 2.00, 2.40,
)  # fmt: skip
SHOP = (
    0.25, 0.15, 0.10, 0.10, 0.10, 0.20, 0.40, 0.70, 1.10, 1.40, 1.50, 1.50,
    1.40, 1.40, 1.40, 1.40, 1.40, 1.50, 1.70, 1.90, 1.90, 1.50, 0.90, 0.50,
)  # fmt: skip


@dataclass(frozen=True)
class Workload:
    """One way in which one tenant uses one tier.

    Attributes:
        sessions: sessions on a weekday, by short name of the site, at scale 1.
        weekend: share of a weekday's sessions on Saturday and Sunday.
        prefix: tokens of the shared system prompt, a multiple of the block size.
        first, follow: new input tokens of the first and of later turns, beyond the prefix.
        answer, thinking: visible and reasoning output tokens.
        think: seconds from an answer to the next turn.
        mean_turns: mean number of turns of a session (geometric).
        streaming, cancelled: shares of requests.
    """

    id: str
    tenant: str
    tier: str
    sessions: dict[str, float]
    hours: tuple[float, ...]
    weekend: float
    prefix: int
    first: Quantiles
    follow: Quantiles
    answer: Quantiles
    thinking: Quantiles
    think: Quantiles
    mean_turns: float
    streaming: float
    cancelled: float
    users: int


WORKLOADS = (
    Workload("ide", "acme", "small", {"us": 115, "eu": 65}, OFFICE, 0.12, 512, AZURE_CODE_IN,
             FOLLOW_UP_IN, AZURE_CODE_OUT, NO_THINKING, SHORT_THINK, 2.4, 1.0, 0.05, 23),
    Workload("records", "delta", "small", {"us": 135, "eu": 100}, NIGHT, 0.80, 1024, RECORD_IN,
             FOLLOW_UP_IN, RECORD_OUT, NO_THINKING, SHORT_THINK, 1.0, 0.0, 0.0, 2),
    Workload("assistant", "borealis", "medium", {"us": 98, "eu": 78}, OFFICE, 0.10, 768,
             CONVERSATION_IN, FOLLOW_UP_IN, CONVERSATION_OUT, THINKING_OUT, LONG_THINK, 3.4,
             1.0, 0.03, 61),
    Workload("agent", "cobalt", "medium", {"us": 22, "eu": 15}, OFFICE, 0.25, 1536, MOONCAKE_IN,
             TOOL_RESULT_IN, MOONCAKE_OUT, THINKING_OUT, AGENT_THINK, 8.0, 0.7, 0.02, 9),
    Workload("helpdesk", "evergreen", "large", {"us": 52, "eu": 40}, SHOP, 1.10, 256, FAQ_IN,
             FOLLOW_UP_IN, FAQ_OUT, BRIEF_THINKING_OUT, SHORT_THINK, 1.5, 1.0, 0.02, 40),
    Workload("research", "delta", "large", {"us": 44, "eu": 32}, OFFICE, 0.20, 512,
             CONVERSATION_IN, FOLLOW_UP_IN, CONVERSATION_OUT, DEEP_THINKING_OUT, LONG_THINK, 2.0,
             1.0, 0.04, 12),
    Workload("planner", "cobalt", "large", {"us": 6, "eu": 4}, OFFICE, 0.25, 1536, MOONCAKE_IN,
             TOOL_RESULT_IN, MOONCAKE_OUT, DEEP_THINKING_OUT, AGENT_THINK, 4.0, 0.7, 0.02, 9),
)  # fmt: skip
