## Messages of the fabric area. Keys start with the area or noun they speak of.
