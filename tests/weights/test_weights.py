"""Reading checkpoints safely, adapting their ends, and what is said of those that do not fit."""

import hashlib
import logging
import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import canon
from canon.errors import CanonError, InputError, WeightsError
from canon.models import build, names
from canon.weights import PUBLISHED, Checkpoint, PublishedWeights, load, read
from canon.weights.key_rules import DIALECTS
from canon.weights.translate import rename_keys


@pytest.fixture
def net():
    return build("resnet20", seed=1)


INVERSE = {f"features.conv{i + 1}_x.": f"layer{i}." for i in range(1, 5)}
INVERSE |= {f"branch.{2 * i - 2}.0.": f"conv{i}." for i in (1, 2, 3)}
INVERSE |= {f"branch.{2 * i - 2}.1.": f"bn{i}." for i in (1, 2, 3)}
INVERSE |= {"features.conv1.0.0.": "conv1.", "features.conv1.0.1.": "bn1."}
INVERSE |= {"shortcut.": "downsample.", "head.fc.": "fc."}


def foreign(name: str, model: str, **numbers) -> dict[str, torch.Tensor]:
    """A state dict in another library's keys, made by asking each rule for its inverse."""
    dialect = next(d for d in DIALECTS if model in d.models)
    assert dialect.library == name
    ours = build(model, **numbers).state_dict()
    theirs = {}
    for key, tensor in ours.items():
        other = key
        for ours_is, theirs_is in INVERSE.items():
            other = other.replace(ours_is, theirs_is)
        theirs[other] = tensor
    assert rename_keys(theirs, dialect.key).keys() == ours.keys()
    return theirs


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
def test_a_state_dict_is_read_from_every_kind_of_file(net, tmp_path, suffix):
    path, state = tmp_path / f"net{suffix}", net.state_dict()
    if suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    other = canon.create("resnet20", weights=path)
    assert all(torch.equal(other.state_dict()[k], state[k]) for k in state)


@pytest.mark.parametrize("wrapped", ["state_dict", "model", "module."])
def test_what_training_scripts_wrap_around_a_state_dict_is_taken_off(net, tmp_path, wrapped):
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


def test_a_pickle_that_is_no_state_dict_is_refused_and_not_run(tmp_path, capsys):
    for name, content in (
        ("whole.pth", nn.Linear(2, 2)),
        ("number.pth", 3),
        ("words.pth", {"epoch": 3, "name": "x"}),
        ("empty.pth", {}),
    ):
        torch.save(content, tmp_path / name)
        with pytest.raises(WeightsError, match="expected a state dict") as told:
            read(tmp_path / name)
        assert "\n" not in str(told.value)
    (tmp_path / "evil.pth").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(WeightsError):
        read(tmp_path / "evil.pth")
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
@pytest.mark.parametrize("share", [0, 0.0001, 0.3, 0.99])
def test_a_truncated_file_says_so(net, tmp_path, suffix, share):
    path = tmp_path / f"net{suffix}"
    if suffix == ".safetensors":
        save_file(net.state_dict(), path)
    else:  # torch's new form and its old one
        torch.save(net.state_dict(), path, _use_new_zipfile_serialization=suffix == ".pth")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(WeightsError, match=r"net\.\w+ is damaged.*Copy it again") as told:
        read(path)
    assert "\n" not in str(told.value)


def test_a_page_that_was_saved_in_place_of_a_file_is_damaged(tmp_path):
    (tmp_path / "net.pth").write_text("<!DOCTYPE html><html>404 Not Found</html>")
    with pytest.raises(WeightsError, match="is damaged, cut off, or no checkpoint of torch"):
        read(tmp_path / "net.pth")


def test_a_run_folder_is_read_too(net, tmp_path):
    save_file(net.state_dict(), tmp_path / "model.safetensors", metadata={"model": "resnet20"})
    assert read(tmp_path).model == "resnet20"


def test_weights_for_another_image_say_which_to_pass():
    with pytest.raises(
        WeightsError, match=r"for images of another size: head.fc6.*Pass --image 224"
    ):
        load(build("vgg11", image=32), "vgg11", Checkpoint("v", build("vgg11").state_dict()))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda w: w.int(), "is torch.int32 instead of torch.float32"),
        (lambda w: w * float("nan"), "has values that are not finite"),
    ],
)
def test_numbers_that_cannot_be_weights_are_refused(net, spoil, said):
    state = dict(net.state_dict())
    state["head.fc.weight"] = spoil(state["head.fc.weight"])
    with pytest.raises(WeightsError, match=f"head.fc.weight {said}"):
        load(build("resnet20"), "resnet20", Checkpoint("x.pth", state))


def test_sparse_tensors_are_read_as_what_they_are(net, tmp_path):
    state = net.state_dict()
    torch.save(state | {"head.fc.weight": state["head.fc.weight"].to_sparse()}, tmp_path / "s.pth")
    assert torch.equal(read(tmp_path / "s.pth").state["head.fc.weight"], state["head.fc.weight"])


def test_a_strange_prefix_is_shown_beside_what_is_missing(net):
    state = {f"xx.{k}": v for k, v in net.state_dict().items()}
    with pytest.raises(WeightsError, match=r"is missing; .*xx\.features\.conv1.* is not in the"):
        load(build("resnet20"), "resnet20", Checkpoint("x.pth", state))


def test_a_missing_file_and_a_misspelt_record_say_where_to_look():
    with pytest.raises(WeightsError, match=r"no/such\.pth is not a file; expected"):
        read("no/such.pth")
    said = "no set of weights is named 'torchvision/resnet5o'. Did you mean 'torchvision/resnet50'"
    with pytest.raises(InputError, match=said):
        read("torchvision/resnet5o")


def test_missing_extra_and_misshapen_keys_are_named_at_most_five_with_a_count(net):
    state = dict(net.state_dict())
    missing = {k: v for k, v in state.items() if not k.startswith("features.stage1")}
    with pytest.raises(WeightsError) as told:
        load(build("resnet20"), "resnet20", Checkpoint("x.pth", missing))
    assert str(told.value).count(" is missing") == 5
    assert "and 25 more; expected the same keys" in str(told.value)
    extra = state | {"surprise": torch.zeros(1)}
    with pytest.raises(WeightsError, match="surprise is not in the network;"):
        load(build("resnet20"), "resnet20", Checkpoint("x.pth", extra))
    key = "features.stage2.0.branch.0.0.weight"
    bent = state | {key: torch.zeros(32, 16, 5, 5)}
    with pytest.raises(WeightsError, match=f"{key} is 32 x 16 x 5 x 5 instead of 32 x 16 x 3 x 3"):
        load(build("resnet20"), "resnet20", Checkpoint("x.pth", bent))


def test_the_weights_of_another_network_are_recognised_by_their_keys():
    state = foreign("torchvision", "resnet18")
    with pytest.raises(
        WeightsError, match=r"trained for 'resnet18', not 'resnet34'\. Build 'resnet18' instead"
    ):
        load(build("resnet34"), "resnet34", Checkpoint("r18.pth", state))


def test_a_canon_file_knows_what_it_was_trained_as(tmp_path):
    path = tmp_path / "model.safetensors"
    save_file(build("plain20").state_dict(), path, metadata={"model": "plain20"})
    with pytest.raises(WeightsError, match="'plain20', not 'resnet20': the keys fit, the function"):
        canon.create("resnet20", weights=path)


def test_other_channels_and_classes_adapt_the_first_and_the_last_layer_and_say_so(tmp_path, caplog):
    state = foreign("torchvision", "resnet18")
    torch.save(state, tmp_path / "r18.pth")
    with caplog.at_level(logging.WARNING, "canon"):
        grey = canon.create("resnet18", weights=tmp_path / "r18.pth", channels=1, classes=7)
    first = state["conv1.weight"]
    torch.testing.assert_close(
        grey.features.conv1[0][0].weight.detach(), first.sum(1, keepdim=True)
    )
    assert "features.conv1.0.0.weight: colours of the weights fitted" in caplog.text
    assert "new weights for head.fc.weight, head.fc.bias" in caplog.text
    assert grey.head.fc.weight.shape == (7, 512)
    assert torch.equal(grey.features.conv5_x[0].branch[0][0].weight, state["layer4.0.conv1.weight"])
    five = canon.create("resnet18", weights=tmp_path / "r18.pth", channels=5)
    kernel = five.features.conv1[0][0].weight.detach()
    torch.testing.assert_close(kernel[:, 3:], first[:, :2] * 0.6)
    torch.testing.assert_close(kernel[:, :3], first * 0.6)


def test_an_image_of_one_value_gives_a_grey_network_what_the_coloured_one_said(tmp_path):
    torch.save(foreign("torchvision", "resnet18"), tmp_path / "r18.pth")
    colour, grey = (
        canon.create("resnet18", weights=tmp_path / "r18.pth", channels=c).eval() for c in (3, 1)
    )
    x = torch.rand(2, 1, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(grey(x), colour(x.expand(-1, 3, -1, -1)), rtol=1e-4, atol=1e-4)


def test_an_auxiliary_head_for_another_image_keeps_its_initial_weights():
    ours = build("inception-v3").state_dict()
    net = build("inception-v3", image=224)
    loaded = load(net, "inception-v3", Checkpoint("v3.pth", ours, "inception-v3"))
    assert {k.rpartition(".")[0] for k in loaded.replaced} == {"aux.conv1.0"}
    assert torch.equal(net.features.conv1a[0].weight, ours["features.conv1a.0.weight"])


def test_old_files_without_counters_of_batches_load():
    state = {k: v for k, v in build("resnet20").state_dict().items() if "num_batches" not in k}
    assert load(build("resnet20"), "resnet20", Checkpoint("old.pth", state)).replaced == ()


def test_records_name_registered_networks_and_carry_their_hash():
    assert len(PUBLISHED) == 23
    for known in PUBLISHED.values():
        assert known.model in names()
        assert len(known.sha256) == 8
        assert int(known.sha256, 16) >= 0
        assert 0.5 < known.top1 < known.top5 < 1
        assert known.url.startswith("https://")
    assert PUBLISHED["torchvision/resnet50"].model == "resnet50-tv"
    assert PUBLISHED["torchvision/googlenet"].mean == (0.5, 0.5, 0.5)
    assert PUBLISHED["torchvision/inception-v3"].image == 299


def test_a_file_with_a_published_name_but_other_content_is_refused(net, tmp_path):
    torch.save(net.state_dict(), tmp_path / "resnet18-f37072fd.pth")
    with pytest.raises(WeightsError, match=r"its SHA-256 begins with \w{8}, expected f37072fd"):
        read(tmp_path / "resnet18-f37072fd.pth")


@pytest.fixture
def published(monkeypatch, tmp_path):
    """A record of a file that lies in $CANON_DATA."""
    torch.save(foreign("torchvision", "resnet18"), tmp_path / "made.pth")
    digest = hashlib.sha256((tmp_path / "made.pth").read_bytes()).hexdigest()[:8]
    known = PublishedWeights("torchvision/made", "resnet18", f"made-{digest}.pth", 0.7, 0.9)
    folder = tmp_path / "data" / "weights"
    folder.mkdir(parents=True)
    (tmp_path / "made.pth").rename(folder / known.file)
    monkeypatch.setitem(PUBLISHED, known.name, known)
    monkeypatch.setenv("CANON_DATA", str(tmp_path / "data"))
    return known


def test_published_weights_are_looked_for_in_canon_data_and_verified(published, tmp_path):
    assert read("torchvision/made").record is published
    net = canon.create("resnet18", weights="torchvision/made")
    assert net.head.fc.weight.shape == (1000, 512)
    with pytest.raises(WeightsError, match="trained for 'resnet18', not 'resnet18-a'"):
        canon.create("resnet18-a", weights="torchvision/made")
    (tmp_path / "data" / "weights" / published.file).write_bytes(b"other")
    with pytest.raises(WeightsError, match="is not the published file"):
        read("torchvision/made")


def test_published_weights_are_fetched_once_to_the_cache(published, tmp_path, monkeypatch):
    served = tmp_path / "data" / "weights"
    monkeypatch.setattr("canon.weights.catalog.HOST", f"{served.as_uri()}/")
    monkeypatch.delenv("CANON_DATA")
    monkeypatch.setenv("CANON_CACHE", str(tmp_path / "cache"))
    first = read("torchvision/made").state
    kept = tmp_path / "cache" / "weights" / published.file
    assert kept.is_file()
    (served / published.file).unlink()
    assert read("torchvision/made").state.keys() == first.keys()
    kept.write_bytes(kept.read_bytes()[:-1])
    with pytest.raises(CanonError, match="cannot be fetched"):
        read("torchvision/made")


def test_training_from_published_weights_normalises_as_they_expect(published, pictures, tmp_path):
    from canon.weights.catalog import MEAN, STD

    asked = canon.TrainConfig("resnet18", str(pictures), out=tmp_path / "run", epochs=1, image=64,
                           weights="torchvision/made", device="cpu")  # fmt: skip
    run = canon.train(asked)
    assert (run.preprocessing.mean, run.preprocessing.std) == (MEAN, STD)
    assert run.facts["weights"] == {
        "from": "torchvision/made", "replaced": ["head.fc.weight", "head.fc.bias"], "adapted": None,
    }  # fmt: skip


def test_classes_below_one_are_refused_before_weights_are_read():
    with pytest.raises(CanonError, match="classes is 0; expected 1 or more"):
        canon.create("resnet20", weights="no/such.pth", classes=0)
