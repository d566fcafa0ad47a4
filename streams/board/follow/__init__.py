"""The topics that a board follows: panes, annotations, breaches, and the workers' progress with the inputs."""
