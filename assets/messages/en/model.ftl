## Messages of the model area. Keys start with the area or noun they speak of.
