"""Shared fixtures: an empty cache for every session, real data where $CANON_DATA has it."""

import os
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import pytest

from tests.helpers.synthetic import make_folder

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
