"""What networks cost, as a user asks for it: show, compare, list; and ensembles."""

import csv
import io
import json
import subprocess
import sys

import pytest

from canon.cli import main
from canon.models import names
from tests.helpers.commands import refused


def out_of(capsys, *argv):
    assert main([str(word) for word in argv]) == 0
    return capsys.readouterr().out


def test_show_tells_what_each_layer_sees(capsys):
    told = out_of(capsys, "show", "resnet18", "--json")
    table = json.loads(told)
    assert table["field"] == {
        "size": [435, 435],
        "jump": [32, 32],
        "offset": [0.0, 0.0],
        "whole": False,
    }
    first = table["layers"][0]
    assert (first["kernel"], first["field"]["size"]) == ([7, 7], [7, 7])
    text = out_of(capsys, "show", "resnet18")
    assert "an output of the last map sees 435 pixels a side, its neighbour 32 further on" in text
    assert "75.0 %" in text  # of what the strided shortcuts leave out
    assert "sees the whole image" in out_of(capsys, "show", "se-resnet18")


def test_show_by_stage_has_a_row_for_each_named_stage(capsys):
    rows = list(csv.DictReader(io.StringIO(out_of(capsys, "show", "googlenet", "--by", "stage",
                                                  "--csv"))))  # fmt: skip
    stages = {row["layer"]: row for row in rows}
    assert stages["inception3a"]["output"] == "256 x 28 x 28"
    assert stages["inception3a"]["multiplications"] == "128049152"
    assert stages["inception5b"]["output"] == "1024 x 7 x 7"
    assert sum(int(row["parameters"]) for row in rows) == 6_998_552


def test_show_says_how_many_parameters_only_training_uses(capsys):
    assert "auxiliary heads, for training only: 6,379,728 more" in out_of(
        capsys, "show", "googlenet"
    )


def test_what_if_prints_each_convolution_and_the_total(capsys):
    text = out_of(capsys, "show", "alexnet", "--what-if", "separable")
    assert "105,415,200" in text
    assert "1,098,075 + 871,200" in text
    record = json.loads(out_of(capsys, "show", "alexnet", "--what-if", "separable", "--json"))
    assert record["total"]["multiplications"] == 724_406_816
    assert record["total"]["instead"] == 139_961_051
    assert "left as they are, where it does not fit: stage1.0" in out_of(
        capsys, "show", "vgg16", "--what-if", "bottleneck=16"
    )


def test_an_impossible_what_if_is_one_line(capsys):
    line = refused(capsys, "show", "vgg16", "--what-if", "groups=7")
    assert "groups=7 fits none of the 13 convolutions" in line
    assert "Did you mean 'separable'" in refused(capsys, "show", "vgg16", "--what-if", "seperable")


def test_compare_puts_networks_side_by_side_and_draws_them(capsys, tmp_path):
    chosen = ("alexnet", "vgg16", "resnet20")
    text = out_of(capsys, "compare", *chosen, "--out", tmp_path / "pictures")
    assert all(name in text for name in chosen)
    assert "138,357,544" in text
    drawn = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert drawn == ["cost-cifar-10.svg", "cost-ilsvrc.svg", "depth.svg"]
    assert all("<svg" in path.read_text() for path in (tmp_path / "pictures").iterdir())


def test_compare_tells_a_misspelt_name_before_it_counts(capsys):
    assert "Did you mean 'vgg16'" in refused(capsys, "compare", "resnet152", "vgg166")


def test_a_run_stands_among_networks_with_its_own_error(capsys, tmp_path):
    run = tmp_path / "run"
    main(["train", "lenet5-modern", "--epochs", "1", "--out", str(run), "--device", "cpu"])
    capsys.readouterr()
    mine, paper = json.loads(out_of(capsys, "compare", run, "lenet5", "--json"))
    record = json.loads((run / "run.json").read_text())
    assert mine["top1"] == pytest.approx(1 - record["result"]["top1"])
    assert mine["where"] == "digits, val"
    assert paper["top1"] == 0.0095


def test_runs_are_fused_evaluated_and_predicted_with(capsys, tmp_path):
    for seed in ("0", "1"):
        main(["train", "lenet5-modern", "--epochs", "1", "--seed", seed, "--device", "cpu", "--out",
              str(tmp_path / seed)])  # fmt: skip
    capsys.readouterr()
    members = tmp_path / "0", tmp_path / "1"
    text = out_of(capsys, "ensemble", *members, "--out", tmp_path / "fused", "--weights", "equal")
    assert text.count("0.5000") == 2
    assert "top-1 on val" in out_of(capsys, "evaluate", tmp_path / "fused", "--device", "cpu")
    assert "is an ensemble; expected networks" in refused(capsys, "compare", tmp_path / "fused")
    assert "are no weights; expected accuracy" in refused(
        capsys, "ensemble", *members, "--weights", "much"
    )
    assert "1 run(s) are no ensemble" in refused(capsys, "ensemble", members[0])


def test_the_lists_hold_models_sets_and_weights(capsys):
    models = json.loads(out_of(capsys, "list", "--json"))
    assert [row["model"] for row in models] == list(names())
    by_name = {row["model"]: row for row in models}
    assert by_name["senet154"]["multiplications"] == 20_688_363_520
    assert by_name["senet154"]["top-1 error"] == "18.68 %"
    (trimps,) = json.loads(out_of(capsys, "list", "sets", "--json"))
    assert trimps["members"].count(",") == 4
    assert trimps["top-5 error"] == "2.99 %"
    weights = json.loads(out_of(capsys, "list", "weights", "--json"))
    assert {"weights", "model", "file"} <= set(weights[0])
    assert len(weights) == 23


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["train", "resnet20", "--weights", "torchvision/resnet5o"], "Did you mean 'torchvision/"),
        (["train", "resnet20", "--weights", "no.pth"], "no.pth is not a file; expected"),
    ],
)
def test_weights_that_are_not_there_are_one_line(capsys, argv, said, tmp_path):
    assert said in refused(capsys, *argv, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_two_forms_of_output_at_once_are_refused(capsys):
    assert "--json and --csv" in refused(capsys, "list", "--json", "--csv")


def test_a_long_protocol_says_so_in_a_pipe_too(capsys, tmp_path):
    run = tmp_path / "run"
    main(["train", "lenet5-modern", "--epochs", "1", "--out", str(run), "--device", "cpu"])
    capsys.readouterr()
    assert main(["evaluate", str(run), "--protocol", "10-crop", "--device", "cpu"]) == 0
    said = capsys.readouterr()
    assert "10-crop: 10 crops of each of " in said.err
    assert "top-1 on val, 10-crop" in said.out


def test_showing_a_table_does_not_import_what_draws():
    code = (
        "import sys; from canon.cli import main; main(['show', 'lenet5']); "
        "sys.exit('matplotlib' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
