"""The input events: one class a type, their keys and order, their decoding."""
