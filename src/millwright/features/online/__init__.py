"""Features handed out one entity at a time, while a model is asked."""
