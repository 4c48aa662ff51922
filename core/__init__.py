"""Train neural networks on images of digits; nothing here draws on a screen."""

import os

from core.compute.cores import limit_threads
from core.compute.import_guard import guard_imports
from core.user import set_missing_name

# Before torch is loaded: how long one of its threads spins while it waits for another. By default
# it spins without end, which on 2 cores makes training 15 times slower (mlp 675 samples/s instead
# of 10,000) as soon as another thread uses a core, such as the screen's. A limit of 1,000 turns
# costs nothing on an idle machine.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
# Deterministic sums in cuBLAS, so that a run on a GPU can be repeated exactly:
# https://docs.nvidia.com/cuda/cublas/#results-reproducibility
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
# onnxruntime, which checks exports, would report its use to its vendor, and prints a warning for a
# user without a home folder to note an identifier in.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
limit_threads()
guard_imports()
set_missing_name()
