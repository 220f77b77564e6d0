"""A process of its own for what scores requests beside their answers."""
