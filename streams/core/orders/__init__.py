"""Orders and carts: what was paid, what is left of it, and to which touches it is credited."""
