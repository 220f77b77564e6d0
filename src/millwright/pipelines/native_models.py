"""Models in the format of the library that made them, which runs no code when it is read.

LightGBM's text, XGBoost's UBJSON and ONNX's protocol buffers. A library is not imported to find out
that a value is not its own.
"""

from __future__ import annotations

import sys
from typing import Any

from millwright.kernel.errors import Corrupt

MAGIC = b"millwright native model\n"


def is_onnx(value: object) -> bool:
    """Whether a value is an ONNX model, which neither predicts nor transforms by itself."""
    onnx = sys.modules.get("onnx")
    return onnx is not None and isinstance(value, onnx.ModelProto)


def native_bytes(value: Any) -> bytes | None:
    """The model in its library's own format; None where it has none that is safe to read."""
    if is_onnx(value):
        return MAGIC + b"onnx\n" + bytes(value.SerializeToString(deterministic=True))
    lightgbm, xgboost = sys.modules.get("lightgbm"), sys.modules.get("xgboost")
    if lightgbm is not None and isinstance(value, lightgbm.Booster):
        return MAGIC + b"lightgbm\n" + str(value.model_to_string()).encode()
    if xgboost is not None and isinstance(value, xgboost.Booster):
        return MAGIC + b"xgboost\n" + bytes(value.save_raw("ubj"))
    return None


def read_native(content: bytes) -> Any:
    """The model of ``native_bytes``.

    Raises:
        Corrupt: it is of no format that is known here.
    """
    kind, _, stored = content[len(MAGIC) :].partition(b"\n")
    if kind == b"onnx":
        import onnx

        return onnx.load_model_from_string(stored)
    if kind == b"lightgbm":
        import lightgbm

        return lightgbm.Booster(model_str=stored.decode())
    if kind == b"xgboost":
        import xgboost

        booster = xgboost.Booster()
        booster.load_model(bytearray(stored))
        return booster
    raise Corrupt("pipelines.bad_artifact", f"A stored model is of the unknown format {kind!r}.")
