"""A run that is killed and resumed writes the same bytes as one that is not."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from canon.inference import writer as writer_module
from canon.inference.writer import open_writer
from tests.helpers import outputs
from tests.helpers.outputs import MASKS, contents, write

pytest.importorskip("tifffile")
pytest.importorskip("zarr")


@pytest.fixture
def source(tmp_path):
    (tmp_path / "image.tif").write_bytes(b"pixels")
    return tmp_path / "image.tif"


def run_and_be_killed(target, source, extent, rows, finishing):
    """A process that writes so many rows, and is killed then or while it finishes."""
    program = (
        "import os, signal, sys; from pathlib import Path; "
        "from canon.inference.writer import open_writer; from tests.helpers import outputs as t\n"
        "def die(files, n):\n"
        "    for i, file in enumerate(files):\n"
        "        if i == n // 2: os.kill(os.getpid(), signal.SIGKILL)\n"
        "        yield file\n"
        f"writer = open_writer(Path({str(target)!r}), t.{extent}, Path({str(source)!r}))\n"
        f"t.write(writer, t.{extent}, {rows})\n"
        f"if {finishing}: writer.finish(die)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, check=False)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize("name", ["a.tif", "a.zarr"])
@pytest.mark.parametrize("extent", ["MASKS", "CHANCES"])
def test_a_killed_run_resumes_to_the_same_bytes(tmp_path, source, name, extent):
    size = getattr(outputs, extent)
    straight = open_writer(tmp_path / "straight" / name, size, source)
    write(straight, size)
    expected = contents(straight.finish())
    target = tmp_path / name
    run_and_be_killed(target, source, extent, rows=4, finishing=False)
    assert not target.exists()
    writer = open_writer(target, size, source)
    assert [writer.done(page) for page in range(size.pages)] == [3, 1, 0][: size.pages]
    run_and_be_killed(target, source, extent, rows=None, finishing=True)
    assert not target.exists()
    writer = open_writer(target, size, source)
    assert [writer.done(page) for page in range(size.pages)] == [3] * size.pages
    assert contents(writer.finish()) == expected
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("name", ["a.tif", "a.zarr"])
def test_a_run_killed_between_its_last_two_steps_resumes_to_the_same_bytes(
    tmp_path, source, name, monkeypatch
):
    writer = open_writer(tmp_path / name, MASKS, source)
    write(writer, MASKS)
    with monkeypatch.context() as patch:
        patch.setattr(writer_module.shutil, "rmtree", lambda *_, **__: None)
        expected = contents(writer.finish())
    again = open_writer(tmp_path / name, MASKS, source)
    assert [again.done(page) for page in range(3)] == [3, 3, 3]
    assert contents(again.finish()) == expected
    assert not list(tmp_path.glob(".*"))


def test_a_row_that_was_being_written_is_not_done(tmp_path, source):
    writer = open_writer(tmp_path / "a.tif", MASKS, source)
    write(writer, MASKS, 2)
    (writer.partial.folder / ".page000000-row000002.zip.4711").write_bytes(b"PK")
    assert open_writer(tmp_path / "a.tif", MASKS, source).done(0) == 2
