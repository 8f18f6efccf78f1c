## Messages of the replication area. Keys start with the area or noun they speak of.
