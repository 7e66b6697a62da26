"""Networks side by side, and the pictures of them."""

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from canon.analysis.charts import DEPTH, OUTSIDE, cost, revolution_of_depth
from canon.analysis.compare import by_benchmark, summarize


@pytest.fixture(scope="module")
def rows():
    return [summarize(name) for name in ("alexnet", "vgg16", "resnet50", "resnet20", "wrn-28-10")]


def test_a_row_holds_what_is_counted_and_what_is_published(rows):
    alexnet = rows[0]
    assert (alexnet.params, alexnet.macs, alexnet.layers) == (60_965_224, 724_406_816, 8)
    assert (alexnet.top1, alexnet.top5, alexnet.field) == (0.407, 0.182, 195)
    assert alexnet.paper == "Krizhevsky 2012"


def test_measured_errors_take_the_place_of_published_ones():
    row = summarize("resnet20", name="mine", image=16, errors=(0.2, None, "photos, test"))
    assert (row.name, row.image, row.top1, row.where) == ("mine", 16, 0.2, "photos, test")


def test_networks_measured_on_other_images_are_not_drawn_together(rows):
    scales = by_benchmark(rows)
    assert {scale: [row.name for row in some] for scale, some in scales.items()} == {
        "ILSVRC": ["alexnet", "vgg16", "resnet50"], "CIFAR-10": ["resnet20", "wrn-28-10"],
    }  # fmt: skip


def test_the_picture_of_cost_has_a_point_for_each_network_at_its_error(rows):
    figure = cost(rows[:3], "ILSVRC")
    points = figure.axes[0].collections[0].get_offsets()
    assert points[:, 1].tolist() == pytest.approx([40.7, 24.8, 22.85])
    assert points[:, 0].tolist() == pytest.approx([0.724406816, 15.47026432, 3.857973248])
    names = {text.get_text() for text in figure.axes[0].texts}
    assert names == {"alexnet", "vgg16", "resnet50"}


def test_names_in_the_picture_do_not_cover_each_other(rows):
    crowd = [summarize(f"resnet{depth}") for depth in (18, 34, 50, 101, 152)] + rows[:3]
    figure = cost([row for row in crowd if row.top1], "ILSVRC")
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [text.get_window_extent(renderer) for text in figure.axes[0].texts]
    overlaps = [
        (i, j) for i, a in enumerate(boxes) for j, b in enumerate(boxes[:i]) if a.overlaps(b)
    ]
    assert overlaps == []


def test_the_revolution_of_depth_shows_every_winner_with_its_error():
    figure = revolution_of_depth()
    bars = [patch.get_height() for patch in figure.axes[0].patches]
    assert bars == pytest.approx([28.2, 25.8, 16.4, 11.7, 7.3, 6.7, 5.1, 3.57, 2.99, 5.5, 2.25])
    errors = [row[3] for row in DEPTH if row[1] not in OUTSIDE]
    assert errors == sorted(errors, reverse=True)
    assert [row[2] for row in DEPTH if row[2]] == [8, 8, 19, 22, 152, 36, 154]
