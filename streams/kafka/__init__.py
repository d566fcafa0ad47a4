"""Kafka for the rest of the program: connection, topics, reading. aiokafka is here and in ``worker.log`` alone."""
