"""Customers as wholes: spells, segments, what entities say of them, and what is made of that."""
