"""``mw ci``: workflows for continuous integration, and reports where its providers show them."""
