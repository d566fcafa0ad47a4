"""The step from events to bookings: a customer's entities, what depends on what, the difference."""
