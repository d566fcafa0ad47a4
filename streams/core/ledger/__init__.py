"""Bookings, and the panes and windows that they add up in. Knows no ticket."""
