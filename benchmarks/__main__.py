"""Run every benchmark: `python -m benchmarks`."""

from benchmarks import dense, epoch

if __name__ == "__main__":
    epoch.main()
    dense.main()
