"""`mw demo`: a real year in the life of a model, told as it happens."""
