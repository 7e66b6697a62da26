"""Run every benchmark: `python -m benchmarks`."""

from benchmarks import epoch

if __name__ == "__main__":
    epoch.main()
