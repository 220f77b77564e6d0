"""Where else a model can be served: an image, a cluster, a cloud; each from one registered version."""
