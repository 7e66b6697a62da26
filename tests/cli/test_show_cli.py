"""`canon show`: layer tables and what-if tables, as text, CSV and JSON."""

import csv
import io
import json
import re
import subprocess
import sys

from tests.helpers.commands import refused


def test_show_prints_the_table_as_text_csv_and_json(printed):
    text = printed("show", "alexnet")
    assert "Krizhevsky" in text
    assert re.search(r"total +60,965,224 +724,406,816", text)
    assert "the paper prints 60,000,000 (abstract)" in text
    assert "layers with weights: 58; the paper counts 22" in printed("show", "googlenet")
    rows = list(csv.DictReader(io.StringIO(printed("show", "alexnet", "--csv"))))
    assert sum(int(row["parameters"]) for row in rows) == 60_965_224
    table = json.loads(printed("show", "alexnet", "--json", "--image", "224"))
    assert table["layers"][0]["exact"] == 54.25
    assert table["input"] == [3, 224, 224]


def test_show_prints_the_receptive_field_of_each_layer(printed):
    table = json.loads(printed("show", "resnet18", "--json"))
    assert table["field"] == {
        "size": [435, 435],
        "jump": [32, 32],
        "offset": [0.0, 0.0],
        "whole": False,
    }
    first = table["layers"][0]
    assert (first["kernel"], first["field"]["size"]) == ([7, 7], [7, 7])
    text = printed("show", "resnet18")
    assert "receptive field of the last feature map: 435 px, jump 32 px" in text
    assert "75.0 %" in text  # not seen by the strided shortcuts
    whole = "receptive field of the last feature map: the whole image"
    assert whole in printed("show", "se-resnet18")


def test_sizes_that_are_not_integers_are_explained(printed):
    text = printed("show", "alexnet", "--image", "224")  # (224 - 11)/4 + 1
    assert "54.25 outputs per side, rounded to 54; no window covers the last row and column" in text
    text = printed("show", "resnet20")  # (32 + 2 - 3)/2 + 1
    covered = "every pixel is covered, and the last window has less padding"
    assert f"stage2.0.branch.0.0: 16.50 outputs per side, rounded to 16; {covered}" in text


def test_show_by_stage_has_a_row_for_each_named_stage(printed):
    text = printed("show", "googlenet", "--by", "stage", "--csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    stages = {row["layer"]: row for row in rows}
    assert stages["inception3a"]["output"] == "256 x 28 x 28"
    assert stages["inception3a"]["multiplications"] == "128049152"
    assert stages["inception5b"]["output"] == "1024 x 7 x 7"
    assert sum(int(row["parameters"]) for row in rows) == 6_998_552


def test_show_counts_the_parameters_that_only_training_uses(printed):
    line = "auxiliary heads, for training only: 6,379,728 more"
    assert line in printed("show", "googlenet")


def test_a_segmentation_network_shows_its_map(printed):
    assert "2 x 388 x 388" in printed("show", "unet")


def test_what_if_prints_each_convolution_and_the_total(printed):
    text = printed("show", "alexnet", "--what-if", "separable")
    assert "105,415,200" in text
    assert "1,098,075 + 871,200" in text
    record = json.loads(printed("show", "alexnet", "--what-if", "separable", "--json"))
    assert record["total"]["macs"] == 724_406_816
    assert record["total"]["macs_after"] == 139_961_051
    text = printed("show", "vgg16", "--what-if", "bottleneck=16")
    assert text.splitlines()[-1] == "not replaced: stage1.0"


def test_an_impossible_what_if_gives_one_line(capsys):
    line = refused(capsys, "show", "vgg16", "--what-if", "groups=7")
    assert "groups=7 fits none of the 13 convolutions" in line
    assert "Did you mean 'separable'" in refused(capsys, "show", "vgg16", "--what-if", "seperable")


def test_showing_a_table_does_not_import_matplotlib():
    code = (
        "import sys; from canon.cli import main; main(['show', 'lenet5']); "
        "sys.exit('matplotlib' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_classifier_is_shown_as_a_fully_convolutional_network(printed):
    """Long et al. 2015, section 4.1: a net of stride 32 scores a 500 x 500 image on a grid.

    VGG-16 on 224 + 32 x 3 = 320 pixels gives 4 x 4 scores, each of one crop of 224 pixels.
    """
    text = printed("show", "vgg16", "--fully-convolutional", "320")
    assert "scores: 4 x 4, one every 32 px, each of 224 x 224 px" in text
    assert f"crop by crop {16 * 15_470_264_320:,}" in text
    table = json.loads(printed("show", "vgg16", "--fully-convolutional", "224", "--json"))
    assert table["multiplications"] == table["multiplications_of_crops"] == 15_470_264_320
    assert table["parameters"] == 138_357_544


def test_fully_convolutional_needs_a_classifier_and_a_larger_image(capsys):
    small = refused(capsys, "show", "vgg16", "--fully-convolutional", "100")
    assert "expected 224 or more" in small
    assert "is not a classifier" in refused(capsys, "show", "unet", "--fully-convolutional", "600")
    flags = ("--fully-convolutional", "500", "--svg", "x.svg")
    assert "cannot be combined with --svg" in refused(capsys, "show", "vgg16", *flags)


def test_a_block_and_numbers_are_drawn(printed, tmp_path):
    printed("show", "resnet50", "--svg", tmp_path / "block.svg", "--block", "conv3_x")
    assert "conv3_x, one of 4 blocks" in (tmp_path / "block.svg").read_text()
    printed("show", "vgg16", "--svg", tmp_path / "vgg.svg", "--numbers", "field", "parameters")
    text = (tmp_path / "vgg.svg").read_text()
    assert "sees 212 px" in text
    assert "mults" not in text


def test_flags_of_drawings_need_a_file(capsys):
    assert "expected --svg" in refused(capsys, "show", "vgg16", "--block", "stage1")
    assert "expected --svg" in refused(capsys, "show", "vgg16", "--numbers", "field")
