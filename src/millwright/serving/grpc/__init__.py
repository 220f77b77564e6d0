"""The Open Inference Protocol over gRPC (extra ``grpc``)."""

from __future__ import annotations
