"""The page in a real browser: Chromium, steered by playwright."""

import shutil

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("playwright")
from playwright.sync_api import expect, sync_playwright

pytestmark = pytest.mark.slow
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def browser():
    """Chromium, or a skip."""
    if CHROMIUM is None:
        pytest.skip("chromium is needed: apt install chromium")
    with sync_playwright() as play:
        found = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(params=["wide", "phone"])
def tab(browser, page, request):
    """A tab with the page open; it fails if a request leaves the machine or a script fails."""
    size = {"wide": (1360, 900), "phone": (390, 844)}[request.param]
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    tab = context.new_page()
    elsewhere, failures = [], []
    tab.on("request", lambda r: elsewhere.append(r.url) if foreign(r.url, page) else None)
    tab.on("pageerror", lambda e: failures.append(str(e)))
    tab.goto(page.address)
    yield tab
    assert elsewhere == []
    assert failures == []
    context.close()


def foreign(url, page):
    """Whether an address is neither of the page nor in it."""
    return not url.startswith((f"http://127.0.0.1:{page.port}/", "data:"))


def test_a_network_is_chosen_and_an_illegal_stride_explained(tab):
    expect(tab.get_by_role("heading", level=1)).to_have_text("alexnet")
    assert "token" not in tab.url
    tab.get_by_label("Network", exact=True).fill("zfnet")
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("heading", level=1)).to_have_text("zfnet")
    expect(tab.get_by_alt_text("Drawing of zfnet")).to_be_visible()

    tab.get_by_role("slider", name="Stride").focus()
    tab.keyboard.press("ArrowRight")  # from 2 to 3: (224 - 7 + 2)/3 + 1 = 74
    expect(tab.locator(".verdict")).to_contain_text("74 × 74")
    tab.keyboard.press("ArrowRight")  # to 4: 55.75
    expect(tab.locator(".verdict.bad")).to_contain_text("55.75")
    legal = tab.locator(".legal button[aria-label^=stride]")
    assert legal.all_inner_texts() == ["1", "3"]  # divisors of 219 up to 7
    legal.last.click()
    expect(tab.locator(".verdict.good")).to_contain_text("74 × 74")
    expect(tab.get_by_role("slider", name="Stride")).to_have_value("3")


def test_an_image_is_dropped_and_explained(tab, page, tmp_path):
    bar = np.zeros((8, 8), np.uint8)
    bar[1:7, 3:5] = 255
    Image.fromarray(bar).save(tmp_path / "bar.png")
    tab.get_by_role("link", name="Image").click()
    expect(tab.locator(".edge[data-ready]")).to_be_visible()
    with tab.expect_response("**/image/numbers"):
        tab.locator("#file").set_input_files(tmp_path / "bar.png")
    expect(tab.locator(".top tbody tr")).to_have_count(5)
    expect(tab.get_by_alt_text("The image under the Grad-CAM")).to_be_visible()

    canvas = tab.locator("canvas[data-map=output]")
    expect(tab.locator(".edge[data-ready]")).to_be_visible()
    expect(tab.locator(".sum")).to_contain_text("= ")
    before = tab.locator(".sum").inner_text()
    canvas.focus()
    tab.keyboard.press("ArrowLeft")
    expect(tab.locator(".sum")).not_to_have_text(before)
    expect(tab.locator(".sum")).to_contain_text("= ")

    tab.get_by_role("button", name="c1").click()
    expect(tab.locator("figcaption", has_text="at c1")).to_be_visible()
    (tmp_path / "bad.png").write_bytes(b"nothing")
    tab.locator("#file").set_input_files(tmp_path / "bad.png")
    expect(tab.locator("#seen [role=alert]")).to_contain_text("bad.png is not a readable image")


def test_networks_are_compared(tab):
    tab.get_by_role("link", name="Compare").click()
    tab.get_by_label("Second").fill("resnet152")
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("cell", name="60,192,808")).to_be_visible()
    width = tab.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert width <= 0  # nothing makes the page itself wider than the window
