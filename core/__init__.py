"""Trains networks on handwritten digits, and knows nothing of any screen."""

import os

# Before torch is loaded: how long one of its threads spins while it waits for another. Its own
# default is to spin on, which on 2 cores makes training 15 times slower (mlp 675 samples/s instead
# of 10,000) as soon as anything else wants a core, and a screen does. A thousand turns cost nothing
# where nothing else runs.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
# So that cuBLAS adds up in one order, and a run on a GPU is the same twice:
# https://docs.nvidia.com/cuda/cublas/#results-reproducibility
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
