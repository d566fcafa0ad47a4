"""The board: reads the panes topic, evaluates the catalogue, shows and publishes the values. Stateless."""
