"""The values and warnings that one of several boards writes to Kafka."""
