"""Tickets: events read into what they book, their service levels, handlings and breaches."""
