"""Settings: ``roi.toml``, overridden by ``SUPPORT_ROI_…`` variables. The only reader of the environment.

Every key has a default, so that no file at all is a valid configuration. A wrong key or value raises ``ConfigError``,
whose message has the key, the expected form and the nearest right name.

``tables`` and ``settings`` define the keys. ``loading`` reads file and environment. ``vocabulary``, ``consistency`` and
``goal_checks`` refuse wrong settings. ``parameters`` makes the core's parameters.
"""

from __future__ import annotations

from streams.config.errors import ConfigError
from streams.config.loading import FILE_VARIABLE, PREFIX, load, paths
from streams.config.settings import Settings
from streams.config.tables import KafkaTable, ServiceLevelTable

__all__ = ["FILE_VARIABLE", "PREFIX", "ConfigError", "KafkaTable", "ServiceLevelTable", "Settings", "load", "paths"]
