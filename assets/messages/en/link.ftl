## Messages of the link area. Keys start with the area or noun they speak of.
