"""The demonstration: a simulated desk, an embedded broker, and what carries events from one to the other."""
