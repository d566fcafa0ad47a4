"""Own data in: a file a source, each a pure function from foreign records to events."""
