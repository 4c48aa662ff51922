"""The presets: named sets of settings. To add one: an entry of PRESETS."""

from typing import Any

# The settings in which each preset differs from the defaults below.
PRESETS: dict[str, dict[str, Any]] = {
    "article": {},
    # Tuned by training on 50,000 training images and evaluating on the other 10,000, never on test
    # images. Label smoothing is what lets so small a network reach 99% in one epoch.
    "speedrun": {
        "arch": "quick",
        "epochs": 1,
        "batch_size": 256,
        "learning_rate": 0.015,
        "momentum": 0.7,
        "beta2": 0.9,
        "schedule": "onecycle",
        "label_smoothing": 0.1,
        "precision": "auto",
    },
    # About as many epochs as fit in 90 seconds on two cores of an AMD EPYC.
    "accurate": {
        "arch": "convnet",
        "epochs": 19,
        "batch_size": 128,
        "learning_rate": 0.01,
        "beta2": 0.99,
        "schedule": "onecycle",
        "label_smoothing": 0.1,
        "shift": 2,
        "precision": "auto",
    },
    # The smallest network that reaches 99%; batch normalization is what lets it learn that fast.
    "tiny": {
        "arch": "tiny",
        "epochs": 24,
        "batch_size": 128,
        "learning_rate": 0.02,
        "beta2": 0.99,
        "schedule": "onecycle",
        "shift": 1,
    },
}
