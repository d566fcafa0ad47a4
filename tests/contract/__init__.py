"""What others rely on: topics, schemas, examples, and that the decoder says what the schemas say."""
