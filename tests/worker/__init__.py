"""A partition's state and the agent, without Kafka."""
