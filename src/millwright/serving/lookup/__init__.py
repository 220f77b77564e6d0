"""Fields of a model that are looked up by the ids of entities, when a request comes."""
