"""What a board reads besides the panes: annotations, breaches, and how far the workers are."""
