"""The report of a run: one self-contained page."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
from PIL import Image

from canon.runs.folder import REPORT
from tests.helpers.synthetic import CLASSES


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.sources, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [v for k, v in attrs if k in ("src", "href") and not v.startswith("#")]

    def handle_data(self, data):
        self.text += data


def test_the_report_is_one_page_with_curves_confusion_worst_samples_and_layers(digits_run):
    page = Page((digits_run.path / REPORT).read_text())
    assert page.tags.count("svg") == 3
    wrong = round((1 - digits_run.record.result["top1"]) * 359)
    assert page.tags.count("img") == 2 * min(21, wrong) + 2 > 2  # with heat maps; the network
    assert all(source.startswith("data:image/") for source in page.sources)
    for text in (
        "61,706",
        "Confusion matrix on val",
        "c3.0",
        "LeCun",
        "AdamW",
        f"{wrong}",
        "digits",
    ):
        assert text in page.text
    assert "http://" not in page.text


def test_the_report_of_a_segmentation_shows_worst_images_and_classes(shapes_run):
    page = (shapes_run.path / "report.html").read_text()
    for text in ("mean IoU on test", "best constant prediction", "Worst images", *CLASSES):
        assert text in page
    assert page.count('<img alt="') == 3 * 6 + 1  # and the filters


def test_the_report_gives_the_figures_of_the_result(digits_run):
    text = Page((digits_run.path / REPORT).read_text()).text
    top1 = digits_run.record.result["top1"]
    assert f"top-1 on val{100 * top1:.2f} %" in text
    low, high = (100 * end for end in digits_run.record.result["top1_interval"])
    assert f"95 % interval {low:.2f} % to {high:.2f} %" in text


def test_the_report_draws_one_curve_of_loss_and_one_of_error(digits_run):
    page = (digits_run.path / REPORT).read_text()
    assert all(text in page for text in ("training and validation loss", "error, %"))


def test_the_report_shows_the_network_its_filters_and_what_misled_it(digits_run):
    """The drawing and the filters are images; a misclassified sample has a heat map of its size."""
    page = (digits_run.path / "report.html").read_text()
    drawing = base64.b64decode(re.search(r'svg\+xml;base64,([^"]+)', page)[1]).decode()
    assert "s4" in drawing
    assert "120 × 1 × 1" in drawing
    assert "prefers-color-scheme" not in drawing  # the page itself is light
    assert "The 6 learned filters of the first convolution, 5 x 5 pixels" in page
    samples = re.findall(r"<figure title=.*?</figure>", page, re.DOTALL)
    assert samples
    for sample in samples:
        plain, heat = map(picture, re.findall(r'png;base64,([^"]+)', sample))
        assert plain.size == (28, 28)
        assert heat.size == (32, 32)  # with its border
        assert np.asarray(heat).std(2).max() > 0  # in colour


def picture(base: str):
    return Image.open(io.BytesIO(base64.b64decode(base)))
