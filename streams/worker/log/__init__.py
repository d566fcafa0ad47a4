"""The partition log: exactly-once reading, processing and writing of partitions, over aiokafka."""
