"""Values and the state of the pipeline as Prometheus text."""
