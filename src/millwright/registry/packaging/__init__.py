"""From a fitted estimator to a verifiable folder: ONNX, reference sample, environment, card."""

from __future__ import annotations

from millwright.registry.packaging.export import export_onnx
from millwright.registry.packaging.package import Fitted, build_package
from millwright.registry.packaging.parity import Parity, parity, require_parity

__all__ = ["Fitted", "Parity", "build_package", "export_onnx", "parity", "require_parity"]
