"""`canon evaluate`, of classifiers and of segmentation runs."""

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from canon.cli import main
from tests.helpers.synthetic import shape_folder

CPU = ("--device", "cpu")


def test_evaluate_prints_figures_and_classes(digits_run, printed):
    run = digits_run.path
    figures = json.loads(printed("evaluate", run, "--json", *CPU))
    assert figures["count"] == 359 == sum(map(sum, figures["confusion"]))
    assert figures["top1_interval"][0] < figures["top1"] < figures["top1_interval"][1]
    text = printed("evaluate", run, "--split", "train", *CPU)
    assert "\ntrain:\n  top-1 " in text
    low, high = (100 * end for end in figures["top1_interval"])
    top1 = f"top-1 {100 * figures['top1']:.2f} % (95 % interval {low:.2f} % to {high:.2f} %)"
    assert f"\nval:\n  {top1}\n" in printed("evaluate", run, *CPU)


def test_a_long_protocol_is_announced_in_a_pipe_too(digits_run, capsys):
    capsys.readouterr()
    argv = ["evaluate", str(digits_run.path), "--protocol", "10-crop", *CPU]
    assert main(argv) == 0
    output = capsys.readouterr()
    assert "10-crop: 10 crops of each of 359 images" in output.err
    assert "\nval, 10-crop:\n  top-1 " in output.out


def test_json_names_the_protocol(pictures_run, printed):
    flags = ["--protocol", "multi-crop", *CPU, "--json"]
    figures = json.loads(printed("evaluate", pictures_run.path, *flags))
    found = figures["protocol"], figures["split"], figures["count"]
    assert found == ("multi-crop", "val", 4)


def test_a_segmentation_run_prints_its_mean_iou_and_that_of_a_constant(shapes_run, printed):
    text = printed("evaluate", shapes_run.path, *CPU)
    assert re.search(r"^test:\n  mean IoU \d+\.\d\d %$", text, re.MULTILINE)
    assert "  mean IoU of the best constant prediction " in text
    figures = json.loads(printed("evaluate", shapes_run.path, "--json", *CPU))
    assert [row["class"] for row in figures["classes"]] == ["ground", "disc", "square"]
    assert np.sum(figures["confusion"]) == figures["pixels"]


def test_figures_that_cannot_be_computed_are_null_in_json(shapes_run, tmp_path, printed):
    folder = shape_folder(tmp_path / "plain", 4, test=2)
    for file in (folder / "masks").glob("*.png"):  # no square anywhere
        mask = np.asarray(Image.open(file)).copy()
        mask[mask == 2] = 0
        Image.fromarray(mask).save(file)
    text = printed("evaluate", shapes_run.path, folder, "--json", *CPU)
    square = json.loads(text, parse_constant=pytest.fail)["classes"][2]
    assert square["pixels"] == 0
    assert square["recall"] is None


def test_a_copied_run_folder_is_evaluated_like_the_original(shapes_run, tmp_path, printed):
    copy = shutil.copytree(shapes_run.path, tmp_path / "copy")
    flags = "--json", *CPU
    assert printed("evaluate", copy, *flags) == printed("evaluate", shapes_run.path, *flags)
