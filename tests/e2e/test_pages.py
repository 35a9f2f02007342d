"""Each kind of page in Chromium, without a network, on a phone and a desktop, in light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from calibrate.evaluate.page import write_page as write_evaluation
from calibrate.report import write_report
from capture.clip import Clip
from capture.page import write_page as write_capture
from rtdenoise.cli import run
from rtdenoise.profile import profiles
from tests.browser import Browser, Tab, chromium, why_not
from tests.calibrate.evaluate.evaluations import crop, evaluation
from tests.calibrate.outcomes import outcome

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "it runs")

# Text with less contrast than WCAG 2.2 asks for.
PALE = """(() => {
  const parts = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (let one = element; one; one = one.parentElement) {
      const colour = parts(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const pale = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    if (!own || ["SCRIPT", "STYLE"].includes(element.tagName) || !element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const drawn = element instanceof SVGElement ? style.fill : style.color;
    const [a, b] = [light(parts(drawn)), light(behind(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) pale.push([element.textContent.trim().slice(0, 30), drawn, contrast]);
  }
  return pale;
})()"""
WIDER = """[...document.querySelectorAll("body *")].filter(one => {
  const scrolls = one.closest(".scroll, nav, .frame, .skip, .unseen");
  return !scrolls && one.getClientRects().length && one.getBoundingClientRect().right > innerWidth + 1;
}).map(one => one.outerHTML.slice(0, 80))"""
# Scale, and offset in widths and heights of the frame.
TRANSFORMS = """[...document.querySelectorAll(".zoom img")].map(one => {
  const {a, e, f} = new DOMMatrix(getComputedStyle(one).transform);
  const {width, height} = one.parentElement.getBoundingClientRect();
  return [a, e / width, f / height].map(value => value.toFixed(3)).join();
})"""
KINDS = ("capture", "calibrate", "evaluate")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("chromium")) as started:
        yield started


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of each kind, of a camera whose name has no place to break and is HTML."""
    folder = tmp_path_factory.mktemp("pages")
    name = "<script>document.title='taken'</script>" + "LongName" * 12
    camera = ("--camera", "simulated:desk?noise=high&motion=subject", "--size", "320x180")
    assert run(["--home", str(folder), "capture", *camera, "--seconds", "0.6"]) == 0
    (clip,) = (Clip.load(path) for profile in profiles(folder) for path in profile.clips())
    capture = folder / "capture.html"
    bad = replace(clip.series[0], accepted=False, reason="It moved; put it on a shelf.", sigma=0.02)
    named = replace(clip.camera, name=name)
    write_capture(replace(clip, camera=named, series=(*clip.series, bad)), capture)
    calibrate, *_ = write_report(outcome(folder, name=name), folder / "report")
    value = evaluation(name)
    value["crops"] = [crop(folder / "crops", number) for number in range(2)]
    write_evaluation(value, folder / "crops", folder / "evaluate.html")
    return dict(zip(KINDS, (capture, calibrate, folder / "evaluate.html"), strict=True))


def centre(tab: Tab, selector: str) -> tuple[float, float]:
    """The middle of an element, after it was scrolled into view."""
    box = tab.value(
        f"""(() => {{ const one = document.querySelector({selector!r});
        one.scrollIntoView({{block: "center", behavior: "instant"}});
        const box = one.getBoundingClientRect();
        return [box.x + box.width / 2, box.y + box.height / 2]; }})()"""
    )
    return box[0], box[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("kind", KINDS)
def test_a_page_fits_and_can_be_read(
    browser: Browser, pages: dict[str, Path], kind: str, width: int, scheme: str
) -> None:
    tab = browser.tab()
    tab.show(pages[kind], width, scheme)
    tab.value("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert tab.value("document.documentElement.scrollWidth") == width
    assert tab.value(WIDER) == []
    assert tab.value(PALE) == []
    asked = [address for address in tab.requests if not address.startswith("data:")]
    assert asked == [pages[kind].as_uri()]
    assert tab.complaints == []
    assert tab.value("[...document.images].filter(one => !one.naturalWidth).length") == 0
    assert "taken" not in tab.value("document.title").removesuffix("– rtdenoise")[:5]
    back = tab.value("getComputedStyle(document.body).backgroundColor")
    levels = [int(part) for part in back[4:-1].split(",")]
    assert (max(levels) < 60) == (scheme == "dark")


@pytest.mark.parametrize("kind", KINDS)
def test_all_crops_are_zoomed_and_moved_together(
    browser: Browser, pages: dict[str, Path], kind: str
) -> None:
    tab = browser.tab()
    tab.show(pages[kind], 1440)
    tab.value(
        """document.querySelectorAll(".zoom").forEach(one => {
        if (one.dataset.zoom !== document.querySelector(".zoom").dataset.zoom) one.remove(); })"""
    )

    def transform() -> list[float]:
        (found,) = set(tab.value(TRANSFORMS))  # all alike
        return [float(value) for value in found.split(",")]

    assert transform()[0] == 1
    x, y = centre(tab, ".zoom .frame")
    tab.mouse("mouseWheel", x, y, deltaX=0, deltaY=0)
    tab.value("document.querySelector('.views').focus({preventScroll: true})")
    tab.mouse("mouseWheel", x, y, deltaX=0, deltaY=-300)
    wheel = transform()
    assert wheel[0] > 2
    # The middle stays where it is.
    assert wheel[1:] == pytest.approx([(1 - wheel[0]) / 2] * 2, abs=0.01)
    tab.mouse("mousePressed", x, y, button="left", buttons=1, clickCount=1)
    tab.mouse("mouseMoved", x + 20, y + 10, button="left", buttons=1)
    tab.mouse("mouseReleased", x + 20, y + 10, button="left", clickCount=1)
    dragged = transform()
    width, height = tab.value(
        "(({clientWidth, clientHeight}) => [clientWidth, clientHeight])(document.querySelector('.frame'))"
    )
    moved = [dragged[1] - wheel[1], dragged[2] - wheel[2]]
    assert moved == pytest.approx([20 / width, 10 / height], abs=0.01)
    tab.press("ArrowRight")
    assert transform()[1] < dragged[1]
    tab.press("+")
    assert transform()[0] > wheel[0]
    tab.press("0")
    assert transform()[0] == 1
    tab.value("document.querySelector('.zoom [data-by=\"2\"]').focus()")
    tab.press("Enter")
    assert transform()[0] == 2
    assert tab.value("document.querySelector('.zoom output').textContent") == "200 %"


def test_two_fingers_zoom(browser: Browser, pages: dict[str, Path]) -> None:
    tab = browser.tab()
    tab.show(pages["evaluate"], 390)
    tab.call("Emulation.setTouchEmulationEnabled", enabled=True, maxTouchPoints=2)
    x, y = centre(tab, ".zoom .frame")
    for kind, apart in (("touchStart", 10), ("touchMove", 20), ("touchMove", 40)):
        points = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        tab.call("Input.dispatchTouchEvent", type=kind, touchPoints=points)
    tab.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    (found,) = set(tab.value(TRANSFORMS))
    assert float(found.split(",")[0]) == pytest.approx(4, rel=0.1)


def test_the_wheel_scrolls_the_page_until_a_picture_is_clicked(
    browser: Browser, pages: dict[str, Path]
) -> None:
    tab = browser.tab()
    tab.show(pages["evaluate"], 1440)
    x, y = centre(tab, ".zoom .frame")
    before = tab.value("scrollY")
    tab.mouse("mouseWheel", x, y, deltaX=0, deltaY=-200)
    tab.value("new Promise(done => setTimeout(done, 400))")
    assert tab.value("scrollY") < before
    assert set(tab.value(TRANSFORMS)) == {"1.000,0.000,0.000"}


def test_the_table_is_sorted_by_click_and_by_key(browser: Browser, pages: dict[str, Path]) -> None:
    tab = browser.tab()
    tab.show(pages["evaluate"], 1440)
    rows = """[...document.querySelectorAll("#table tbody th")].map(one => one.firstChild.data)"""
    head = """[...document.querySelectorAll("#table thead button")]
        .find(one => one.textContent === %r)"""
    assert tab.value(rows)[0] == "Paper's network"
    tab.value(head % "Time" + ".focus()")
    tab.press("Enter")
    quickest = tab.value(rows)
    assert quickest[0] == "Paper's network"  # in the figures that this page was made of
    assert quickest[-1] == "Camera"  # which takes no time, has no figure
    tab.press("Enter")
    assert tab.value(rows)[0] == "Noise2Void"
    assert tab.value(rows)[-1] == "Camera"
    assert tab.value(head % "Time" + ".closest('th').ariaSort") == "descending"
    tab.value(head % "Gain" + ".click()")
    assert tab.value(rows)[0] == "Paper's network"
    assert tab.value(rows)[-1] == "Noise2Void"


def test_the_slider_follows_the_keyboard(browser: Browser, pages: dict[str, Path]) -> None:
    tab = browser.tab()
    tab.show(pages["calibrate"], 1440)
    shown = "getComputedStyle(document.querySelector('.over')).clipPath"
    assert "50%" in tab.value(shown)
    tab.value("document.querySelector('.slider input').focus()")
    tab.press("End")
    assert tab.value(shown) in ("inset(0px 0% 0px 0px)", "inset(0px)")


def test_a_page_can_be_printed(browser: Browser, pages: dict[str, Path]) -> None:
    tab = browser.tab()
    tab.show(pages["evaluate"], 1440, "dark")
    tab.call("Emulation.setEmulatedMedia", media="print", features=[])
    assert tab.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.value("getComputedStyle(document.querySelector('.tools')).display") == "none"
    assert tab.value(PALE) == []
    assert tab.call("Page.printToPDF")["data"]
