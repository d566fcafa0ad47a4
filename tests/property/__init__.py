"""The laws (docs/architecture.md#the-laws), each as a property; `harness.py` runs events through every engine."""
