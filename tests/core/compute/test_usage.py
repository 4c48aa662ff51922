"""The machine's usage, with a fake of NVIDIA's library."""

import sys
import time
from types import SimpleNamespace

import pytest

from core.compute import usage as machine
from core.compute.usage import Gpu, Machine, read_gpus, read_machine
from tui.widgets.run.machine_usage import format_usage


class NVMLError(Exception):
    pass


class FakeNvml:
    """Two GPUs; the second is a part of one and reports little."""

    NVML_TEMPERATURE_GPU = 0

    def __init__(self, begins=True):
        self.begun, self._begins = 0, begins

    def nvmlInit(self):
        self.begun += 1
        if not self._begins:
            raise NVMLError("driver not loaded")

    def nvmlDeviceGetCount(self):
        return 2

    def nvmlDeviceGetHandleByIndex(self, number):
        return number

    def nvmlDeviceGetName(self, handle):
        return ["NVIDIA H100", b"NVIDIA part"][handle]

    def _only_of_the_first(self, handle, value):
        if handle:
            raise NVMLError("not supported")
        return value

    def nvmlDeviceGetUtilizationRates(self, handle):
        return self._only_of_the_first(handle, SimpleNamespace(gpu=97))

    def nvmlDeviceGetMemoryInfo(self, handle):
        return SimpleNamespace(used=3 * 10**9, total=80 * 10**9)

    def nvmlDeviceGetPowerUsage(self, handle):
        return self._only_of_the_first(handle, 412_345)

    def nvmlDeviceGetTemperature(self, handle, sensor):
        return self._only_of_the_first(handle, 61)


@pytest.fixture
def nvml(monkeypatch):
    """Puts a library in place, or None for a machine without it."""

    def put(library):
        monkeypatch.setitem(sys.modules, "pynvml", library)
        machine._nvml.cache_clear()

    yield put
    machine._nvml.cache_clear()


def test_gpus_report_values_initialised_once(nvml):
    library = FakeNvml()
    nvml(library)
    first, second = read_gpus()
    assert first == Gpu("NVIDIA H100", 97.0, 3 * 10**9, 80 * 10**9, 412.345, 61.0)
    assert second == Gpu("NVIDIA part", None, 3 * 10**9, 80 * 10**9, None, None)
    assert read_gpus() == (first, second)
    assert library.begun == 1


@pytest.mark.parametrize("library", [None, FakeNvml(begins=False)], ids=["missing", "no driver"])
def test_missing_nvml_lists_no_gpus(nvml, library):
    nvml(library)
    assert read_gpus() == ()


def test_machine_is_read_fast(nvml):
    nvml(None)
    read_machine()
    began = time.perf_counter()
    for _ in range(20):
        now = read_machine()
    assert (time.perf_counter() - began) / 20 < 0.01  # a tenth of a ms where nothing else runs
    assert now.cpu
    assert now.cores >= 1
    assert 0 < now.own_memory < now.memory_total
    assert now.own_load is not None


def test_usage_line_fits_its_width():
    gpu = Gpu("NVIDIA H100", 97.0, 3 * 10**9, 80 * 10**9, 412.3, 61.0)
    all_of_it = Machine("AMD EPYC", 2, 187.2, 95.0, 612_000_000, 4 * 10**9, 8 * 10**9, (gpu,))
    assert format_usage(all_of_it, 200) == (
        "AMD EPYC · 2 cores · CPU 187% · all CPUs 95% · memory 612 MB · 4.0 GB of 8.0 GB in use"
        " · NVIDIA H100 · GPU 97% · 3.0 GB of 80 GB · 412 W · 61 °C"
    )
    for width in range(150):
        assert len(format_usage(all_of_it, width)) <= width
    assert format_usage(all_of_it, 30) == "CPU 187% · GPU 97%"
