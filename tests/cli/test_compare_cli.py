"""`canon compare`."""

import json

import pytest

from tests.helpers.commands import refused


def test_compare_puts_networks_side_by_side_and_draws_them(printed, tmp_path):
    chosen = ("alexnet", "vgg16", "resnet20")
    text = printed("compare", *chosen, "--out", tmp_path / "pictures")
    assert all(name in text for name in chosen)
    assert "138,357,544" in text
    drawn = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert drawn == ["cost-cifar-10.svg", "cost-ilsvrc.svg", "depth.svg"]
    assert all("<svg" in path.read_text() for path in (tmp_path / "pictures").iterdir())


def test_a_table_has_one_line_for_each_network_and_the_count_of_its_paper(printed):
    lines = printed("compare", "inception-resnet-v2-printed", "se-resnext101-32x4d").splitlines()
    assert [line.split()[0] for line in lines] == [
        "network", "inception-resnet-v2-printed", "se-resnext101-32x4d",
    ]  # fmt: skip
    rows = json.loads(printed("compare", "senet154", "googlenet", "alexnet-tv", "--json"))
    assert [(row["layers"], row["counted"]) for row in rows] == [(258, 154), (58, 22), (8, None)]


def test_compare_refuses_a_misspelt_name_before_it_measures(capsys):
    assert "Did you mean 'vgg16'" in refused(capsys, "compare", "resnet152", "vgg166")


def test_compare_takes_segmentation_networks(printed):
    assert "unet" in printed("compare", "unet", "segnet", "--csv")


def test_a_run_is_compared_by_its_own_error(printed, digits_run):
    own, paper = json.loads(printed("compare", digits_run.path, "lenet5", "--json"))
    assert own["top1"] == pytest.approx(1 - digits_run.record.result["top1"])
    assert own["where"] == "digits, val"
    assert paper["top1"] == 0.0095


def test_a_top_5_error_needs_more_than_five_classes(printed, digits_run, pictures_run):
    ten, two = json.loads(printed("compare", digits_run.path, pictures_run.path, "--json"))
    assert ten["top5"] == pytest.approx(1 - digits_run.record.result["top5"])
    assert two["top5"] is None


def test_a_path_that_is_no_run_is_refused_as_one(capsys):
    assert "runs/nope is not a folder" in refused(capsys, "compare", "vgg16", "runs/nope")


def test_networks_are_multiples_of_the_first(printed):
    """The course: AlexNet has as many parameters as 1016 LeNets."""
    lenet, alexnet = printed("compare", "lenet5", "alexnet").splitlines()[-2:]
    assert "x 1,016" in alexnet
    assert lenet.count("x 1 ") == 2
    rows = json.loads(printed("compare", "resnet50", "xception", "--json"))
    assert rows[1]["params_of_first"] == pytest.approx(22_855_952 / 25_557_032)
