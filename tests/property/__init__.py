"""The laws of design.md, each as a property; `harness.py` runs the same events through every engine there is."""
