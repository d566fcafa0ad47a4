"""Values and the pipeline's own state as Prometheus text."""
