"""Tickets: events read into views and bookings; service levels, handlings and breaches."""
