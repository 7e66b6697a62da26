"""Shared fixtures: an empty cache for every session, short runs, real data where $CANON_DATA is."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import pytest
from filelock import FileLock

from canon.runs.folder import Run
from tests.helpers.synthetic import make_folder, shape_folder

mpl.use("Agg")


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory):
    """No test reads or fills the user's cache."""
    os.environ["CANON_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def real_data():
    """The folder of real data sets, or a skip."""
    folder = os.environ.get("CANON_DATA")
    if not folder or not Path(folder, "mnist").is_dir():
        pytest.skip(
            "real data is needed: set CANON_DATA to a folder with mnist, ants_bees, cifar10"
        )
    return Path(folder)


@pytest.fixture(scope="session")
def cifar10(real_data, tmp_path_factory):
    """CIFAR-10 as an npz, unpacked once, or a skip."""
    script = real_data / "cifar10" / "unpack.py"
    if not script.is_file():
        pytest.skip("CIFAR-10 is needed: CANON_DATA has no cifar10/unpack.py")
    path = tmp_path_factory.mktemp("cifar10") / "cifar10.npz"
    subprocess.run([sys.executable, script, path], check=True, capture_output=True)
    return path


@pytest.fixture
def pictures(tmp_path):
    """A folder of two classes with twelve pictures each."""
    return make_folder(tmp_path / "pictures")


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that one worker makes and all workers share."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder, finished = base / name, base / f"{name}.finished"
    with FileLock(base / f"{name}.lock"):
        if not finished.exists():
            folder.mkdir()
            make(folder)
            finished.touch()
    return folder


def opened(path: Path) -> Run:
    from canon.runs.open import open_run

    return open_run(path)


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory):
    """Four epochs of lenet5-modern on the digits: arrays, a border, 359 validation images.

    Tests that change the folder of a session's run copy it first.
    """
    from canon.runs.config import TrainConfig
    from canon.workflows.train import train

    def make(folder):
        train(TrainConfig("lenet5-modern", "digits", out=folder / "run", epochs=4, device="cpu"))

    return opened(made_once(tmp_path_factory, "digits_run", make) / "run")


@pytest.fixture(scope="session")
def pictures_run(tmp_path_factory):
    """Six epochs of resnet20 on pictures larger than its input, by relative paths.

    The data is the folder pictures next to the run: 20 images train, 4 validate.
    """
    from canon.runs.config import TrainConfig
    from canon.workflows.train import train

    def make(folder):
        make_folder(folder / "pictures")
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            config = TrainConfig(
                "resnet20", "pictures", out=Path("run"), epochs=6, image=16, device="cpu"
            )
            train(config)

    return opened(made_once(tmp_path_factory, "pictures_run", make) / "run")


@pytest.fixture(scope="session")
def shapes_run(tmp_path_factory):
    """A small U-Net on shapes, trained far beyond a constant prediction.

    The data is the folder shapes next to the run: 24 images of 64 x 64, of which 6 test.
    """
    from canon.runs.config import TrainConfig
    from canon.workflows.train import train

    def make(folder):
        data = shape_folder(folder / "shapes")
        size = {"width": 8, "depth": 2, "image": 64, "batch": 6}
        train(TrainConfig("unet-same", str(data), out=folder / "run", epochs=40, lr=5e-3,
                          device="cpu", **size))  # fmt: skip

    return opened(made_once(tmp_path_factory, "shapes_run", make) / "run")
