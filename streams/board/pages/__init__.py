"""The board's pages: the wall, its event stream, the values as JSON, the documents behind the links."""
