"""GPUs of this host, as NVIDIA's driver tells of them (ring 1).

NVML sees every card of the host whatever CUDA_VISIBLE_DEVICES says, so each node shows them all and names its own.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from tasks.contracts.farm import GpuState

T = TypeVar("T")
_log = logging.getLogger(__name__)
os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # CUDA then counts as NVML and nvidia-smi do


class Nvml(Protocol):
    """The functions of ``pynvml`` that are used here; handles are opaque."""

    NVMLError: type[Exception]
    NVML_TEMPERATURE_GPU: int

    def nvmlInit(self) -> None: ...  # noqa: N802  NVIDIA's names
    def nvmlShutdown(self) -> None: ...  # noqa: N802
    def nvmlSystemGetDriverVersion(self) -> Any: ...  # noqa: N802
    def nvmlDeviceGetCount(self) -> int: ...  # noqa: N802
    def nvmlDeviceGetHandleByIndex(self, index: int) -> Any: ...  # noqa: N802
    def nvmlDeviceGetUUID(self, handle: Any) -> Any: ...  # noqa: N802
    def nvmlDeviceGetName(self, handle: Any) -> Any: ...  # noqa: N802
    def nvmlDeviceGetMemoryInfo(self, handle: Any) -> Any: ...  # noqa: N802
    def nvmlDeviceGetUtilizationRates(self, handle: Any) -> Any: ...  # noqa: N802
    def nvmlDeviceGetEncoderUtilization(self, handle: Any) -> Any: ...  # noqa: N802
    def nvmlDeviceGetEncoderStats(self, handle: Any) -> Any: ...  # noqa: N802
    def nvmlDeviceGetTemperature(self, handle: Any, sensor: int) -> int: ...  # noqa: N802
    def nvmlDeviceGetPowerUsage(self, handle: Any) -> int: ...  # noqa: N802


def load_nvml() -> Nvml | None:
    """Return NVIDIA's library, or None where the package is not installed."""
    try:
        import pynvml  # type: ignore[import-untyped]
    except ImportError:
        return None
    library: Nvml = pynvml
    return library


def read_gpus(nvml: Nvml | None) -> tuple[GpuState, ...]:
    """Return every GPU of the host; none without a driver. A card that does not answer is left out."""
    if nvml is None:
        return ()
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return ()
    try:
        driver = _text(nvml.nvmlSystemGetDriverVersion())
        found = [_read_one(nvml, index, driver) for index in range(nvml.nvmlDeviceGetCount())]
        return tuple(gpu for gpu in found if gpu is not None)
    except nvml.NVMLError as error:
        _log.warning("GPUs cannot be read", extra={"error": str(error)})
        return ()
    finally:
        nvml.nvmlShutdown()


def gpu_of_slot(gpus: tuple[GpuState, ...], index: int) -> str:
    """Return the id of the GPU that a slot works on, or nothing."""
    card = card_of_slot(index, os.environ.get("CUDA_VISIBLE_DEVICES"))
    return next((gpu.uuid for gpu in gpus if card == str(gpu.index) or gpu.uuid.startswith(card)), "")


def card_of_slot(index: int, visible: str | None) -> str:
    """Name the card that CUDA means by an index: its own number on the host, or its id, as CUDA_VISIBLE_DEVICES has it.

    :param visible: CUDA_VISIBLE_DEVICES, None when it is not set; CUDA counts among these only.
    """
    if visible is None:
        return str(index)
    cards = [card.strip() for card in visible.split(",")]
    return cards[index] if index < len(cards) and cards[index] else "none"


def _read_one(nvml: Nvml, index: int, driver: str) -> GpuState | None:
    try:
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        uuid, name = _text(nvml.nvmlDeviceGetUUID(handle)), _text(nvml.nvmlDeviceGetName(handle))
    except nvml.NVMLError as error:
        _log.warning("GPU does not answer", extra={"gpu": index, "error": str(error)})
        return None

    def ask(question: Callable[[], T]) -> T | None:
        try:
            return question()
        except nvml.NVMLError:  # cards differ in what they tell
            return None

    return GpuState(
        uuid=uuid,
        index=index,
        name=name,
        driver=driver,
        memory_used=int(memory.used),
        memory_total=int(memory.total),
        use_percent=ask(lambda: int(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)),
        encoder_percent=ask(lambda: int(nvml.nvmlDeviceGetEncoderUtilization(handle)[0])),
        temperature_c=ask(lambda: int(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))),
        encoder_sessions=ask(lambda: int(nvml.nvmlDeviceGetEncoderStats(handle)[0])),
        power_w=ask(lambda: nvml.nvmlDeviceGetPowerUsage(handle) / 1000.0),
    )


def _text(value: Any) -> str:
    """Return a string of the driver; older versions of its library give bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)
