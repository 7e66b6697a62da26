"""Run the quick benchmarks, an epoch and dense evaluation: `python -m benchmarks`.

`benchmarks.train_step` and `benchmarks.tiles` take longer and are run by name.
"""

from benchmarks import epoch, fully_convolutional

if __name__ == "__main__":
    epoch.main()
    fully_convolutional.main()
