from types import SimpleNamespace

import pytest
import torch

from core.compute.cores import describe_cores
from core.compute.devices import choose_device, list_devices, list_precisions
from core.errors import DeviceError
from core.models.networks import resolve_network


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    card = SimpleNamespace(name="Big Card", total_memory=80 * 2**30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: card)


def test_cpu_is_always_listed_last():
    last = list_devices()[-1]
    assert (last.name, last.available, last.reason) == ("cpu", True, None)
    assert last.description == f"CPU, {describe_cores()}"


def test_unavailable_devices_have_a_reason():
    devices = list_devices()
    assert {device.name.split(":")[0] for device in devices} == {"cpu", "cuda", "mps"}
    for device in devices:
        assert (device.reason is None) == device.available
        assert len((device.reason or device.description).splitlines()) == 1


def test_auto_without_gpu_is_cpu(no_gpu):
    assert choose_device("auto") == torch.device("cpu")
    assert choose_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:7", "mps"])
def test_unavailable_device_is_refused_with_reason(no_gpu, name):
    family = name.split(":")[0]
    reason = next(device.reason for device in list_devices() if device.name == family)
    with pytest.raises(DeviceError) as refused:
        choose_device(name)
    assert str(refused.value) == f"device {name} is not available: {reason}"


@pytest.mark.parametrize(
    ("built", "reason"),
    [(False, "this PyTorch was built without CUDA"), (True, "no NVIDIA GPU with a working driver")],
)
def test_missing_gpu_and_cpu_build_differ(no_gpu, monkeypatch, built, reason):
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: built)
    with pytest.raises(DeviceError, match=reason):
        choose_device("cuda")


def test_gpus_are_listed_with_name_and_memory(two_gpus):
    first, second = list_devices()[:2]
    assert (first.name, second.name) == ("cuda:0", "cuda:1")
    assert first.description == "Big Card, 80 GiB"
    assert first.available


def test_auto_and_cuda_are_first_gpu(two_gpus):
    assert choose_device("auto") == torch.device("cuda:0")
    assert choose_device("cuda") == torch.device("cuda:0")
    assert choose_device("cuda:1") == torch.device("cuda:1")
    assert choose_device("cpu") == torch.device("cpu")


def test_unknown_gpu_number_lists_available(two_gpus):
    with pytest.raises(DeviceError, match=r"cuda:5 is not available: .* has cuda:0, cuda:1"):
        choose_device("cuda:5")


@pytest.mark.parametrize(
    ("built", "reason"),
    [(False, "this PyTorch was built without Metal"), (True, "Metal needs a Mac")],
)
def test_missing_metal_and_other_build_differ(no_gpu, monkeypatch, built, reason):
    monkeypatch.setattr(torch.backends.mps, "is_built", lambda: built)
    with pytest.raises(DeviceError, match=f"device mps is not available: {reason}"):
        choose_device("mps")


def test_auto_on_mac_is_mps(no_gpu, monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto") == choose_device("mps") == torch.device("mps")
    assert choose_device("cpu") == torch.device("cpu")


def test_auto_prefers_cuda_then_mps(two_gpus, monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert [device.name for device in list_devices()] == ["cuda:0", "cuda:1", "mps", "cpu"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_auto_prefers_real_gpu():
    assert choose_device("auto").type == "cuda"
    assert list_devices()[0].available


CPU, GPU = torch.device("cpu"), torch.device("cuda:0")


def processor_with(monkeypatch, *features):
    has = dict.fromkeys(features, True)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has, raising=False)


@pytest.mark.parametrize(
    ("cpu", "feature"), [("AMD EPYC", "avx512_bf16"), ("Intel Xeon", "amx_bf16")]
)
def test_auto_precision_is_bf16_where_faster(monkeypatch, cpu, feature):
    processor_with(monkeypatch, feature)
    monkeypatch.setattr("core.compute.devices.cpu_name", lambda: cpu)
    found = {
        arch: list_precisions("auto", resolve_network(arch), CPU)[0]
        for arch in ("linear", "mlp", "cnn")
    }
    assert found == {"linear": "fp32", "mlp": "fp32", "cnn": "bf16"}
    assert list_precisions("bf16", resolve_network("mlp"), CPU) == ("bf16",), (
        "who asks for it gets it"
    )
    assert list_precisions("fp32", resolve_network("cnn"), CPU) == ("fp32",)


def test_slow_bf16_is_measured_but_not_the_default(monkeypatch):
    processor_with(monkeypatch, "avx512_bf16")
    monkeypatch.setattr("core.compute.devices.cpu_name", lambda: "Intel Xeon")
    assert list_precisions("auto", resolve_network("cnn"), CPU) == ("fp32", "bf16")


def test_cpu_without_bf16_refuses_it(monkeypatch):
    processor_with(monkeypatch, "avx512_f")
    assert list_precisions("auto", resolve_network("cnn"), CPU) == ("fp32",)
    with pytest.raises(DeviceError, match=r"^--precision bf16 is not available: this CPU"):
        list_precisions("bf16", resolve_network("cnn"), CPU)


@pytest.mark.parametrize(("capability", "found"), [((9, 0), "bf16"), ((7, 5), "fp32")])
def test_bf16_needs_ampere(monkeypatch, capability, found):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert list_precisions("auto", resolve_network("cnn"), GPU)[0] == found
    if found == "fp32":
        with pytest.raises(DeviceError, match="older than NVIDIA's Ampere"):
            list_precisions("bf16", resolve_network("cnn"), GPU)
