"""What one of several boards writes to Kafka: values, warnings, and the lease that says which board."""
