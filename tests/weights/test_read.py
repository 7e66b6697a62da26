"""Reading checkpoints without executing code in them."""

import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import canon
from canon.errors import InputError, WeightsError
from canon.models import build
from canon.weights import read


@pytest.fixture
def net():
    return build("resnet20", seed=1)


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
def test_a_state_dict_is_read_from_every_kind_of_file(net, tmp_path, suffix):
    path, state = tmp_path / f"net{suffix}", net.state_dict()
    if suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    other = canon.create("resnet20", weights=path)
    assert all(torch.equal(other.state_dict()[k], state[k]) for k in state)


def test_prefixes_and_averages_without_tensors_do_not_matter(net, tmp_path):
    state = net.state_dict()
    save_file({f"module.{k}": v for k, v in state.items()}, tmp_path / "a.safetensors")
    torch.save({"model": state, "ema": {"decay": 0.999}}, tmp_path / "a.pth")
    for name in ("a.safetensors", "a.pth"):
        assert read(tmp_path / name).state.keys() == state.keys()


@pytest.mark.parametrize("wrapped", ["state_dict", "model", "module."])
def test_wrappers_of_training_scripts_are_removed(net, tmp_path, wrapped):
    state = net.state_dict()
    if wrapped == "module.":
        content = {f"module.{k}": v for k, v in state.items()}
    else:
        content = {wrapped: state, "epoch": 3}
    torch.save(content, tmp_path / "net.pth")
    assert read(tmp_path / "net.pth").state.keys() == state.keys()


class Evil:
    def __reduce__(self):
        return (print, ("executed",))


def test_a_pickle_that_is_not_a_state_dict_is_refused_and_not_executed(tmp_path, capsys):
    for name, content in (
        ("whole.pth", nn.Linear(2, 2)),
        ("number.pth", 3),
        ("words.pth", {"epoch": 3, "name": "x"}),
        ("empty.pth", {}),
    ):
        torch.save(content, tmp_path / name)
        with pytest.raises(WeightsError, match="expected a state dict") as error:
            read(tmp_path / name)
        assert "\n" not in str(error.value)
    (tmp_path / "evil.pth").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(WeightsError):
        read(tmp_path / "evil.pth")
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
@pytest.mark.parametrize("share", [0, 0.0001, 0.3, 0.99])
def test_a_truncated_file_is_refused_as_damaged(net, tmp_path, suffix, share):
    path = tmp_path / f"net{suffix}"
    if suffix == ".safetensors":
        save_file(net.state_dict(), path)
    else:  # torch's new form and its old one
        torch.save(net.state_dict(), path, _use_new_zipfile_serialization=suffix == ".pth")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(WeightsError, match=r"net\.\w+ is damaged.*Copy it again") as error:
        read(path)
    assert "\n" not in str(error.value)


def test_a_web_page_saved_as_a_checkpoint_is_refused_as_damaged(tmp_path):
    (tmp_path / "net.pth").write_text("<!DOCTYPE html><html>404 Not Found</html>")
    with pytest.raises(WeightsError, match="is damaged, truncated, or not a torch checkpoint"):
        read(tmp_path / "net.pth")


def test_a_run_folder_is_read(net, tmp_path):
    save_file(net.state_dict(), tmp_path / "model.safetensors", metadata={"model": "resnet20"})
    assert read(tmp_path).model == "resnet20"


def test_sparse_tensors_are_read_as_dense_ones(net, tmp_path):
    state = net.state_dict()
    torch.save(state | {"head.fc.weight": state["head.fc.weight"].to_sparse()}, tmp_path / "s.pth")
    assert torch.equal(read(tmp_path / "s.pth").state["head.fc.weight"], state["head.fc.weight"])


def test_a_missing_file_and_a_misspelt_name_are_refused():
    with pytest.raises(WeightsError, match=r"no/such\.pth is not a file; expected"):
        read("no/such.pth")
    message = "no weights file is named 'torchvision/resnet5o'. Did you mean 'torchvision/resnet50'"
    with pytest.raises(InputError, match=message):
        read("torchvision/resnet5o")
