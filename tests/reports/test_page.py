"""The report of a run: one self-contained page."""

from html.parser import HTMLParser

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
    assert page.tags.count("img") == min(24, wrong) > 0
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
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
    assert page.count('<img alt="') == 3 * 6


def test_the_report_gives_the_figures_of_the_result(digits_run):
    text = Page((digits_run.path / REPORT).read_text()).text
    top1 = digits_run.record.result["top1"]
    assert f"top-1 on val{100 * top1:.2f} %" in text
    low, high = (100 * end for end in digits_run.record.result["top1_interval"])
    assert f"95 % interval {low:.2f} % to {high:.2f} %" in text


def test_the_report_draws_one_curve_of_loss_and_one_of_error(digits_run):
    page = (digits_run.path / REPORT).read_text()
    assert all(text in page for text in ("training and validation loss", "error, %"))
