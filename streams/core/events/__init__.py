"""The input events: one class an event type, their keys and order, their decoding."""
