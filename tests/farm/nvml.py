"""NVIDIA's library as a machine with cards would have it: the same functions, made-up cards."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


class NVMLError(Exception):
    """What the library raises."""


class SimulatedNvml:
    """A driver with ``count`` cards; ``mute`` names functions that they do not support."""

    NVMLError: type[Exception] = NVMLError
    NVML_TEMPERATURE_GPU = 0

    def __init__(self, count: int, *, mute: tuple[str, ...] = (), broken: tuple[int, ...] = ()) -> None:
        self.count = count
        self.mute = mute
        self.broken = broken
        self.open = 0

    def nvmlInit(self) -> None:  # noqa: N802
        if not self.count:
            raise NVMLError("NVML Shared Library Not Found")
        self.open += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.open -= 1

    def nvmlSystemGetDriverVersion(self) -> bytes:  # noqa: N802
        return b"580.126"

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return self.count

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        if index in self.broken:
            raise NVMLError("GPU is lost")
        return index

    def nvmlDeviceGetUUID(self, handle: int) -> str:  # noqa: N802
        return f"GPU-{handle:04d}"

    def nvmlDeviceGetName(self, handle: int) -> bytes:  # noqa: N802
        return b"Test Card"

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:  # noqa: N802
        return SimpleNamespace(used=(handle + 1) << 30, total=24 << 30)

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:  # noqa: N802
        self._may("use")
        return SimpleNamespace(gpu=37)

    def nvmlDeviceGetEncoderUtilization(self, handle: int) -> list[int]:  # noqa: N802
        self._may("encoder")
        return [12, 1000]

    def nvmlDeviceGetEncoderStats(self, handle: int) -> list[int]:  # noqa: N802
        self._may("sessions")
        return [2, 60, 5]

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:  # noqa: N802
        self._may("temperature")
        return 61

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:  # noqa: N802
        self._may("power")
        return 87_500

    def _may(self, what: str) -> None:
        if what in self.mute:
            raise NVMLError("Not Supported")
