"""A slow, obvious, independent re-computation of the metrics: what the fast engine is compared with."""

from .compute import NOT_SUPPORTED, SUPPORTED, oracle
from .model import Result

__all__ = ["NOT_SUPPORTED", "SUPPORTED", "Result", "oracle"]
