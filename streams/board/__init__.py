"""The board: reads the panes topic, evaluates the catalogue, serves and publishes the values. Stateless."""
