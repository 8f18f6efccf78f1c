## Messages of the agent area. Keys start with the area or noun they speak of.
