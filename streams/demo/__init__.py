"""The demonstration: an embedded broker, a simulated desk, and both roles in one process."""
