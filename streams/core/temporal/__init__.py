"""Time: instants, local days, the business clock, windows and periods."""
