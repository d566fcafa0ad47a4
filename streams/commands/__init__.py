"""What the commands do; ``streams.cli`` says which there are."""
