"""support-roi: live return on investment of customer service, from events in Kafka."""

__version__ = "0.1.0"
