## Messages of the lab area. Keys start with the area or noun they speak of.
