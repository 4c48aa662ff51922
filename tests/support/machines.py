"""Facts about machines for doctor's tests."""

from core.doctor.compatibility import judge_versions
from core.doctor.gpu_facts import GpuFacts, NvidiaFacts
from core.doctor.versions_probe import CudaDevice, TorchFacts, VisionFacts

H100 = GpuFacts(
    "NVIDIA H100",
    uuid="GPU-1234-5678",
    capability=(9, 0),
    memory_total=80 * 10**9,
    memory_used=10**9,
    watts=71.0,
    watts_limit=700.0,
    celsius=34.0,
    celsius_slow=90.0,
    utilisation=0.0,
)


BOX = NvidiaFacts(
    card=True, driver="550.54.15", nodes=True, cuda=(12, 4), gpus=(H100,), source="nvml"
)


TORCH = TorchFacts(
    "2.6.0+cu124",
    cuda="12.4",
    archs=("sm_50", "sm_80", "sm_86", "sm_90"),
    available=True,
    devices=(CudaDevice("NVIDIA H100", (9, 0), 80 * 10**9),),
)


VISION = VisionFacts("0.21.0+cu124", requires="==2.6.0")


NO_GPU = NvidiaFacts()


def find_problems(checks) -> dict[str, tuple[str, str]]:
    """Return verdict and text, by name, of the checks that are not ok."""
    return {
        each.name: (each.verdict, f"{each.what} | {each.advice}")
        for each in checks
        if each.verdict != "ok"
    }


def check_versions(torch=TORCH, vision=VISION, nvidia=BOX):
    return list(judge_versions(torch, vision, nvidia))
