"""Bookings, and the panes and windows in which they add up. Independent of tickets and every other entity."""
