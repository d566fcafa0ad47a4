"""The board's pages: the wall, its event stream, the values as JSON, and the documents that dashboards link to."""
