"""The Kafka client behind plain functions and types. Only this room and ``worker.log`` import aiokafka."""
