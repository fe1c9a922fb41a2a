"""Reading GPUs through the functions of NVIDIA's library; the cards are simulated, the reader is the real one."""

from __future__ import annotations

import pytest

from tasks.contracts import GpuState
from tasks.gpu import gpu_of_slot, load_nvml, read_gpus
from tests.farm.nvml import SimulatedNvml


def test_every_card_is_told_with_use_memory_temperature_and_encoder_sessions() -> None:
    nvml = SimulatedNvml(2)

    gpus = read_gpus(nvml)

    assert gpus[1] == GpuState(
        uuid="GPU-0001",
        index=1,
        name="Test Card",
        driver="580.126",
        memory_used=2 << 30,
        memory_total=24 << 30,
        use_percent=37,
        encoder_percent=12,
        temperature_c=61,
        encoder_sessions=2,
        power_w=87.5,
    )
    assert nvml.open == 0
    assert (gpu_of_slot(gpus, 0), gpu_of_slot(gpus, 5)) == ("GPU-0000", "")


@pytest.mark.parametrize(
    ("mute", "column"),
    [("use", "use_percent"), ("sessions", "encoder_sessions"), ("temperature", "temperature_c"), ("power", "power_w")],
)
def test_what_a_card_does_not_tell_is_unknown_and_the_rest_is_told(mute: str, column: str) -> None:
    (gpu,) = read_gpus(SimulatedNvml(1, mute=(mute,)))

    assert getattr(gpu, column) is None
    assert gpu.memory_total == 24 << 30


def test_a_lost_card_is_left_out_and_a_host_without_a_driver_has_none() -> None:
    assert [gpu.index for gpu in read_gpus(SimulatedNvml(3, broken=(1,)))] == [0, 2]
    assert read_gpus(SimulatedNvml(0)) == ()
    assert read_gpus(None) == ()


def test_the_installed_library_has_every_function_that_is_used() -> None:
    library = load_nvml()

    assert library is not None
    used = [name for name in vars(SimulatedNvml) if name.startswith("nvml")]
    assert [name for name in used if not callable(getattr(library, name, None))] == []
