## Messages of the engine area. Keys start with the area or noun they speak of.
