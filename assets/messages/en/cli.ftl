## Messages of the cli area. Keys start with the area or noun they speak of.
