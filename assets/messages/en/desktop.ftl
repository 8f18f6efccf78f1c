## Messages of the desktop area. Keys start with the area or noun they speak of.
