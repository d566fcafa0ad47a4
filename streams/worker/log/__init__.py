"""The partition log: exactly-once reading, folding and writing of partitions, over aiokafka."""
