"""Mistakes in folders of images and masks: one line each, and nothing is written."""

import numpy as np
from PIL import Image

from canon.cli import main
from tests.helpers.commands import refused
from tests.helpers.synthetic import shape_folder


def test_a_mistake_in_masks_gives_one_line(tmp_path, capsys):
    def fresh(name):
        return shape_folder(tmp_path / name, 6, test=1)

    def message(folder, *more):
        return refused(capsys, "train", "unet-same", folder, "--out", tmp_path / "never", *more)

    lonely = fresh("lonely")
    for name in ("train", "test"):
        (lonely / f"{name}.txt").unlink()
    (lonely / "masks" / "003.png").unlink()
    assert "003" in message(lonely)

    bare = fresh("bare")
    for file in (bare / "masks").iterdir():
        file.unlink()
    assert "masks" in message(bare)

    sized = fresh("sized")
    Image.fromarray(np.zeros((32, 32), np.uint8)).save(sized / "masks" / "001.png")
    assert "32" in message(sized)
    assert main(["check", str(sized)]) == 1
    assert "001.png" in capsys.readouterr().out

    strange = fresh("strange")
    Image.fromarray(np.full((64, 64), 77, np.uint8)).save(strange / "masks" / "001.png")
    assert "77" in message(strange)

    painted = fresh("painted")
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(
        painted / "masks" / "001.png"
    )
    assert "is in colour" in message(painted)

    line = refused(capsys, "train", "unet", fresh("u"), "--image", "100", "--out", tmp_path / "n")
    assert "188 + 16k" in line
    assert "--image 188" in line
    assert not (tmp_path / "never").exists()
