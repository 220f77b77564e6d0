"""What this machine is, and how much of it is used: read from the system, without waiting.

The names are those that MLflow gives system metrics (``cpu_utilization_percentage``), so that the
same charts show them.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_MB = 1e6


def processor() -> str:
    """The processor's name, as far as the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def memory_bytes() -> int | None:
    """The machine's memory."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


def gpu_names() -> tuple[str, ...]:
    """The names of NVIDIA's GPUs; none where ``pynvml`` is not installed or sees none."""
    nvml = _nvml()
    if nvml is None:
        return ()
    names = []
    for place in range(nvml.nvmlDeviceGetCount()):
        name = nvml.nvmlDeviceGetName(nvml.nvmlDeviceGetHandleByIndex(place))
        names.append(name.decode() if isinstance(name, bytes) else str(name))
    return tuple(names)


class Gauges:
    """Reads how the machine is used; rates are of the time between two readings."""

    def __init__(self) -> None:
        self._cpu = _cpu_times()
        self._network = _network_bytes()
        self._nvml = _nvml()

    def read(self) -> dict[str, float]:
        """Everything that can be read here, by name."""
        found: dict[str, float] = {}
        for part in (self._processor, _memory, _disk, self._traffic, self._gpus):
            try:
                found.update(part())
            except (OSError, ValueError, KeyError, IndexError):
                continue
        return found

    def _processor(self) -> dict[str, float]:
        now = _cpu_times()
        if now is None or self._cpu is None:
            return {}
        busy, total = now[0] - self._cpu[0], now[1] - self._cpu[1]
        self._cpu = now
        return {"cpu_utilization_percentage": 100.0 * busy / total} if total > 0 else {}

    def _traffic(self) -> dict[str, float]:
        """Megabytes received and sent since the run began."""
        now, before = _network_bytes(), self._network
        if now is None or before is None:
            return {}
        return {
            "network_receive_megabytes": (now[0] - before[0]) / _MB,
            "network_transmit_megabytes": (now[1] - before[1]) / _MB,
        }

    def _gpus(self) -> dict[str, float]:
        if self._nvml is None:
            return {}
        found: dict[str, float] = {}
        for place in range(self._nvml.nvmlDeviceGetCount()):
            found.update(_gpu(self._nvml, place))
        return found


def _gpu(nvml: Any, place: int) -> dict[str, float]:
    handle = nvml.nvmlDeviceGetHandleByIndex(place)
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    readings: dict[str, Callable[[], float]] = {
        "memory_usage_megabytes": lambda: memory.used / _MB,
        "memory_usage_percentage": lambda: 100.0 * memory.used / memory.total,
        "utilization_percentage": lambda: nvml.nvmlDeviceGetUtilizationRates(handle).gpu,
        "power_usage_watts": lambda: nvml.nvmlDeviceGetPowerUsage(handle) / 1000,
        "power_usage_percentage": lambda: (
            100.0
            * nvml.nvmlDeviceGetPowerUsage(handle)
            / nvml.nvmlDeviceGetEnforcedPowerLimit(handle)
        ),
    }
    found = {}
    for name, reading in readings.items():
        try:
            found[f"gpu_{place}_{name}"] = float(reading())
        except nvml.NVMLError:
            # Some cards do not tell everything.
            continue
    return found


def _nvml() -> Any:
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def _cpu_times() -> tuple[float, float] | None:
    """Busy and total seconds of all processors since the machine started."""
    try:
        words = Path("/proc/stat").read_text("utf-8").split("\n", 1)[0].split()[1:9]
    except OSError:
        return None
    times = [float(word) for word in words]
    idle = times[3] + times[4]
    return sum(times) - idle, sum(times)


def _memory() -> dict[str, float]:
    sizes = {}
    for line in Path("/proc/meminfo").read_text("utf-8").splitlines():
        name, _, rest = line.partition(":")
        sizes[name] = int(rest.split()[0]) * 1024
    used = sizes["MemTotal"] - sizes["MemAvailable"]
    return {
        "system_memory_usage_megabytes": used / _MB,
        "system_memory_usage_percentage": 100.0 * used / sizes["MemTotal"],
        "process_memory_usage_megabytes": _resident_bytes() / _MB,
    }


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text("utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _disk() -> dict[str, float]:
    usage = shutil.disk_usage(Path.cwd())
    return {
        "disk_usage_megabytes": usage.used / _MB,
        "disk_usage_percentage": 100.0 * usage.used / usage.total,
        "disk_available_megabytes": usage.free / _MB,
    }


def _network_bytes() -> tuple[int, int] | None:
    if sys.platform != "linux":
        return None
    try:
        lines = Path("/proc/net/dev").read_text("utf-8").splitlines()[2:]
    except OSError:
        return None
    received = sent = 0
    for line in lines:
        name, _, rest = line.partition(":")
        if name.strip() != "lo":
            words = rest.split()
            received, sent = received + int(words[0]), sent + int(words[8])
    return received, sent
