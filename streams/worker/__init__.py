"""The worker: Faust as host, the partition log, and the state of each partition. The only part that knows Faust."""
