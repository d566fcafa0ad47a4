"""The work of the commands; ``streams.cli`` has their arguments."""
