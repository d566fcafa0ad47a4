from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings

# One profile, the same examples on every machine: a red run can be run again.
settings.register_profile(
    "ci",
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    derandomize=True,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("ci")
