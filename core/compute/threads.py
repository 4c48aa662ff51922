"""How many CPU threads share one operation of PyTorch."""

from core.compute.cores import cpu_cores
from core.models.networks import Network

# Below this, one operation is too short for a second thread: on 2 cores, linear (7,850) trains as
# fast on one thread as on two, quick (72,010) 1.2 to 1.5 times as fast on two, mlp 1.4, cnn 1.7.
ONE_THREAD_PARAMETERS = 70_000


def choose_threads(wanted: int | str, network: Network, processes: int = 1) -> int:
    """Return the threads for one operation, where `processes` share this machine.

    auto is 1 for a small network, else this process's share of the cores.
    """
    if wanted != "auto":
        return int(wanted)
    small = network.parameters < ONE_THREAD_PARAMETERS
    return 1 if small else max(1, cpu_cores() // processes)
