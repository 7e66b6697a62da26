"""Drawings of networks: what is drawn is what the papers say, and nothing overlaps."""

import xml.etree.ElementTree as ET
from itertools import combinations

import pytest

import canon
from canon.analysis.drawing.block import block_of
from canon.analysis.drawing.block_layout import lay_out_block
from canon.analysis.drawing.graph import graph_of, with_numbers
from canon.analysis.drawing.svg import draw, laid_out, layout_of, legend
from canon.cli import main
from canon.errors import InputError

SVG = "{http://www.w3.org/2000/svg}"


def nodes_of(model):
    return {node.name: node for node in graph_of(model).nodes}


def overlaps(layout):
    """Pairs of captions, or of a caption and a box, that cover one another."""
    texts = [(text.text, text.box) for text in (*layout.texts, *legend([layout]))]
    boxes = [("a box", (b.x, b.y, b.x + b.width, b.y + b.height)) for b in layout.boxes]
    pairs = [*combinations(texts, 2), *((t, b) for t in texts for b in boxes)]
    return [
        (first[0], second[0])
        for first, second in pairs
        if first[1][0] < second[1][2] and second[1][0] < first[1][2]
        and first[1][1] < second[1][3] and second[1][1] < first[1][3]
    ]  # fmt: skip


SHOWN = {"lenet5", "alexnet", "vgg16", "googlenet", "resnet34", "xception", "fcn8s", "segnet",
         "unet", "encoder-decoder", "deconvnet", "chairs", "idec-ae"}  # fmt: skip


@pytest.mark.parametrize(
    "model", [pytest.param(n, marks=[] if n in SHOWN else pytest.mark.slow) for n in canon.names()]
)
def test_nothing_overlaps_and_all_is_on_the_page(model):
    layout = laid_out(model)
    assert overlaps(layout) == []
    assert layout.width <= 1450  # a page
    for text in layout.texts:
        left, top, right, bottom = text.box
        assert 0 <= left <= right <= layout.width
        assert 0 <= top <= bottom <= layout.height
    for box in layout.boxes:
        assert 0 <= box.x <= box.x + box.width <= layout.width
        assert 40 <= box.y <= box.y + box.height <= layout.height
    for arrow in layout.arrows:
        assert min(y for _, y in arrow.points) > 44  # below the title


def test_u_net_is_a_u_with_four_copies():
    """Figure 1 of Ronneberger et al.: four grey arrows, five levels."""
    graph = graph_of("unet")
    names = [node.name for node in graph.nodes]
    pairs = {(names[a], names[b]) for a, b in graph.skips}
    assert pairs == {(f"down{i}", f"up{i}") for i in range(4)}
    boxes = dict(zip(names, laid_out("unet").boxes, strict=True))
    middles = [boxes[name].y + boxes[name].height / 2
               for name in ("down0", "down1", "down2", "down3", "bottom")]  # fmt: skip
    assert middles == sorted(middles)
    assert boxes["up0"].y < boxes["up3"].y < boxes["bottom"].y


def test_the_blocks_of_resnet_50():
    """Table 1 of He et al.: 3, 4, 6 and 3 blocks of 1 x 1, 3 x 3 and 1 x 1 convolutions."""
    nodes = nodes_of("resnet50")
    for stage, count, channels, side in (
        ("conv2_x", 3, 256, 56), ("conv3_x", 4, 512, 28), ("conv4_x", 6, 1024, 14),
        ("conv5_x", 3, 2048, 7),
    ):  # fmt: skip
        assert nodes[stage].captions == ("1×1 3×3 1×1", f"× {count} residual blocks")
        assert nodes[stage].shape == (channels, side, side)
        assert nodes[stage].residual
    for model in ("plain34", "unet", "fcn8s", "googlenet", "inception-v4"):
        assert not any(node.residual for node in nodes_of(model).values())
    for model, stage in (("xception", "middle"), ("inception-resnet-v2", "inception_b")):
        assert nodes_of(model)[stage].residual
    assert nodes_of("plain34")["conv4_x"].captions == ("3×3 conv × 2", "× 6 blocks")


def test_google_net_has_nine_modules_of_four_branches():
    modules = [n for n in graph_of("googlenet").nodes if n.captions == ("4 branches",)]
    assert len(modules) == 9
    assert nodes_of("googlenet")["conv2"].notes == ("LRN",)


def test_kinds_and_captions():
    lenet, alexnet = nodes_of("lenet5"), nodes_of("alexnet")
    kinds = [lenet[name].kind for name in ("c1", "s2", "c3", "s4", "c5", "f6", "output")]
    assert kinds == ["convolution", "pooling"] * 2 + ["convolution", "linear", "linear"]
    assert alexnet["conv1"].captions == ("11×11 conv", "stride 4")
    assert nodes_of("vgg16")["stage5"].captions == ("3×3 conv × 3", "2×2 pool, / 2")
    assert nodes_of("segnet")["decode5"].kind == "enlarging"


def test_two_streams_are_not_joined():
    graph = graph_of("chairs")
    second = [i for i, node in enumerate(graph.nodes) if node.name == "fc5"][1]
    assert not graph.nodes[second].linked
    assert (2, second) in graph.skips  # from fc4
    assert len(laid_out("chairs").lines) == len(graph.nodes) - 2


def test_height_is_resolution_and_width_is_channels():
    for model in ("alexnet", "resnet50", "segnet", "xception"):
        graph, layout = graph_of(model), laid_out(model)
        drawn = [(n.shape, b) for n, b in zip(graph.nodes, layout.boxes, strict=True)
                 if len(n.shape) == 3]  # fmt: skip
        by_side = sorted((shape[1], box.height) for shape, box in drawn)
        by_channels = sorted((shape[0], box.width) for shape, box in drawn)
        assert [h for _, h in by_side] == sorted(h for _, h in by_side)
        assert [w for _, w in by_channels] == sorted(w for _, w in by_channels)


def test_the_svg_holds_every_stage_as_text():
    root = ET.fromstring(draw("resnet34", "plain34"))
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert texts.count("conv4_x") == 2
    assert {"resnet34", "plain34", "× 6 residual blocks", "× 6 blocks"} <= set(texts)
    assert "prefers-color-scheme: dark" in draw("lenet5")
    assert "LeCun et al., " in "".join(t for t in [*texts, draw("lenet5")] if t)


def test_commands_write_drawings(tmp_path, capsys):
    one, two = tmp_path / "one.svg", tmp_path / "two.svg"
    assert main(["show", "unet-same", "--width", "8", "--image", "128", "--svg", str(one)]) == 0
    assert "8 × 128 × 128" in one.read_text()
    assert main(["compare", "resnet18", "resnet34", "--svg", str(two)]) == 0
    assert "resnet34" in two.read_text()
    capsys.readouterr()
    assert main(["show", "resnet99", "--svg", str(one)]) == 2
    assert "resnet" in capsys.readouterr().err


def test_a_module_without_stages_is_refused():
    import torch

    with pytest.raises(InputError, match="no stages to draw"):
        graph_of(torch.nn.Sequential(), 8)


class TestBlocks:
    """Blocks by themselves: as the figures of their papers."""

    def lines(self, model, stage):
        return [part.lines for part in block_of(model, stage).parts]

    def test_an_inception_module_is_figure_2b(self):
        block = block_of("googlenet", "inception3a")
        convolutions = [part.lines[:2] for part in block.parts if part.kind == "convolution"]
        assert sorted(convolutions) == sorted([
            ("1×1 conv", "64 maps"), ("1×1 conv", "96 maps"), ("3×3 conv", "128 maps"),
            ("1×1 conv", "16 maps"), ("5×5 conv", "32 maps"), ("1×1 conv", "32 maps"),
        ])  # fmt: skip
        *_, join = block.parts
        assert join.lines == ("concatenation", "256 × 28 × 28")
        assert len(join.takes) == 4
        assert sum(part.takes == (0,) for part in block.parts) == 4

    def test_residual_blocks_are_figure_5(self):
        basic = block_of("resnet34", "conv2_x")
        assert basic.count == 3
        assert [part.lines[0] for part in basic.parts] == ["input", "3×3 conv", "3×3 conv", "+"]
        *_, join = basic.parts
        assert set(join.takes) == {0, 2}  # the input itself, and the last convolution
        assert join.lines[-1] == "ReLU"  # after the addition
        wide = [part.lines[:2] for part in block_of("resnet50", "conv2_x").parts[1:-1]]
        assert wide == [("1×1 conv", "64 maps"), ("3×3 conv", "64 maps"), ("1×1 conv", "256 maps")]

    def test_a_projection_is_a_branch(self):
        parts = block_of("xception", "entry1").parts
        assert ("1×1 conv, / 2", "128 maps", "BN") in [part.lines for part in parts]
        assert 0 not in parts[-1].takes

    def test_xceptions_middle_is_eight_blocks_of_three_separable_convolutions(self):
        block = block_of("xception", "middle")
        assert block.count == 8
        names = [part.lines[0] for part in block.parts if part.kind == "convolution"]
        assert names == ["3×3 depthwise", "1×1 conv"] * 3

    def test_a_gate_multiplies(self):
        joins = [part.join for part in block_of("se-resnet50", "conv2_x").parts if part.join]
        assert joins == ["×", "+"]

    @pytest.mark.parametrize(
        ("model", "stage"),
        [("googlenet", "inception3a"), ("googlenet-naive", "inception5b"), ("resnet34", "conv2_x"),
         ("resnet50", "conv3_x"), ("resnet34-c", "conv3_x"), ("xception", "middle"),
         ("xception", "entry1"), ("senet154", "conv2_x"), ("se-resnet50", "conv5_x"),
         ("preact-resnet164", "stage1"), ("wrn-28-10", "conv3"), ("inception-v4", "inception_c"),
         ("inception-v4", "stem"), ("inception-v3", "mixed7b"), ("bn-inception", "inception3c"),
         ("inception-resnet-v2", "inception_a"), ("vgg16", "stage3"), ("unet", "down0")],
    )  # fmt: skip
    def test_nothing_overlaps(self, model, stage):
        layout = lay_out_block(block_of(model, stage), stage, model)
        texts = [text.box for text in layout.texts]
        boxes = [(b.x, b.y, b.x + b.width, b.y + b.height) for b in layout.boxes]
        for several in (texts, boxes):
            for a, b in combinations(several, 2):
                apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
                assert apart
        for left, top, right, bottom in (*texts, *boxes):
            assert 0 <= left <= right <= layout.width
            assert 0 <= top <= bottom <= layout.height

    def test_a_stage_that_is_not_there_is_refused(self):
        with pytest.raises(InputError, match="Did you mean 'conv2_x'"):
            block_of("resnet50", "conv2_y")

    def test_a_stage_that_computes_nothing_is_refused(self):
        with pytest.raises(InputError, match="no layers that compute"):
            block_of("resnet50", "flatten")

    def test_a_stage_of_several_inputs_is_refused(self, capsys):
        with pytest.raises(InputError, match="it takes several maps"):
            block_of("unet", "up0")
        assert capsys.readouterr() == ("", "")


def test_google_net_is_drawn_with_one_of_its_nine_modules():
    text = draw("googlenet")
    assert "inception3a, one of 9 modules" in text
    assert text.count(">concatenation<") == 1


@pytest.mark.parametrize("model", ["resnet50", "vgg16", "segnet", "unet", "lenet5"])
def test_numbers_are_written_under_the_stages(model):
    graph = with_numbers(graph_of(model), ("field", "parameters", "multiplications"))
    layout = layout_of(graph, model)
    assert overlaps(layout) == []
    texts = [text.text for text in layout.texts]
    assert any(text.startswith("sees ") for text in texts)
    if model == "vgg16":
        assert "103 M params" in texts  # fc6: 25088 x 4096 + 4096
        assert "sees 212 px" in texts  # of stage 5


def test_places_of_maxima_have_arrows_of_their_own():
    """SegNet and DeconvNet hand indices over, U-Net maps."""
    for model, count in (("segnet", 5), ("deconvnet", 5)):
        arrows = [a for a in laid_out(model).arrows if a.style == "index"]
        assert len(arrows) == count
        assert "places of maxima" in draw(model)
    assert all(arrow.style == "skip" for arrow in laid_out("unet").arrows)
    assert "places of maxima" not in draw("unet")
