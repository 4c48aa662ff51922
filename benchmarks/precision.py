"""Compare the test accuracy of fp32 and --precision auto over the same seeds.

python benchmarks/precision.py [--data DIR] [--seeds N] [--epochs N] [ARCH ...]
"""

import argparse
import statistics

from throughput import find_mnist
from time_to_accuracy import ours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("archs", nargs="*", default=["cnn"], metavar="ARCH")
    parser.add_argument("--data", default=find_mnist(), help="folder that holds MNIST/raw")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=1)
    options = parser.parse_args()
    if options.seeds < 2:
        parser.error("--seeds must be 2 or more, to measure their spread")
    if options.data is None:
        parser.error("MNIST was not found: pass its folder with --data")
    for arch in options.archs:
        found = {"fp32": [], "auto": []}
        for seed in range(options.seeds):
            for precision, accuracies in found.items():
                chosen = ("--arch", arch, "--precision", precision, "--epochs", str(options.epochs))
                accuracies.append(ours(options.data, seed, *chosen)[1])
        for precision, accuracies in found.items():
            each = " ".join(f"{accuracy:.2%}" for accuracy in accuracies)
            mean, spread = statistics.mean(accuracies), statistics.stdev(accuracies)
            print(f"{arch} {precision}: mean {mean:.3%}, standard deviation {spread:.3%}: {each}")


if __name__ == "__main__":
    main()
