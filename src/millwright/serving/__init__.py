"""The inference server: one model, one port, no database.

It runs alone, in its own process, and imports nothing but the kernel. What it should serve comes
as a ``ServerConfig``; what it predicted leaves as segments of the prediction log.
"""

from millwright.serving.config import ServerConfig, VariantConfig

__all__ = ["ServerConfig", "VariantConfig"]
