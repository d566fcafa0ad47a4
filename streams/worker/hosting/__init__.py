"""Faust as the host: application, agent, channel. The only room that imports it."""
