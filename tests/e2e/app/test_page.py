"""The app's page in Chromium: the whole way as a person goes it, by mouse and keyboard, and what it looks like."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

pytest.importorskip("websockets", reason="the app's extra is not installed")

from rtdenoise.arrays import Bytes
from tests.rtdenoise_app.conftest import CAMERA, App

if TYPE_CHECKING:
    from .chromium import Chromium

STEPS = ("camera", "film", "calibrate", "use")
SIZE = "640x360"
# The part of the picture that is looked at, as shares of its width and height: between the split's two places, and
# below what the page says over it.
PART = (0.3, 0.7, 0.3, 0.85)
FEW, MANY = 0.2, 0.8


def visible(selector: str) -> str:
    return f"document.querySelector({json.dumps(selector)})?.offsetParent != null"


def opened(app: App, page: Chromium, width: int = 1440, height: int = 900) -> None:
    page.window(width, height)
    page.open("about:blank")
    page.open(app.address["address"])
    page.until("document.querySelector('.steps [aria-current]') !== null")


def picture(page: Chromium) -> Bytes:
    """What the page shows of the camera, (rows, columns, BGR), without what lies over its edges."""
    x, y, width, height = page.box("#viewport")
    seen = page.picture()
    return seen[round(y) : round(y + height), round(x) : round(x + width)]


def newer(page: Chromium, pictures: int = 8) -> None:
    """Waits until what is shown was asked for after what was done last."""
    drawn = page.value("rtdenoise.drawn")
    page.until(f"rtdenoise.drawn >= {drawn + pictures}")


def part(seen: Bytes) -> Bytes:
    """What is looked at of a picture."""
    height, width = seen.shape[:2]
    left, right, top, bottom = PART
    return seen[int(top * height) : int(bottom * height), int(left * width) : int(right * width)]


def grain(seen: Bytes) -> float:
    """How much the looked-at part differs from its smoothed self where it is flattest, in levels."""
    grey = part(seen).mean(axis=2).astype(np.float32)
    squares = (grey - cv2.blur(grey, (17, 17))) ** 2
    blocks = cv2.resize(squares, (16, 16), interpolation=cv2.INTER_AREA).ravel()
    return float(np.sort(blocks)[:50].mean() ** 0.5)


def split_to(page: Chromium, share: float) -> None:
    """Drags the split, as a hand does."""
    x, y, width, height = page.box("#viewport")
    at = float(page.value("document.querySelector('#split').getAttribute('aria-valuenow')")) / 100
    way = np.linspace(at, share, 5)
    page.drag([(x + float(place) * width, y + 0.3 * height) for place in way])
    newer(page, 2)


def test_the_whole_way(app: App, chromium: Chromium) -> None:
    page = chromium
    opened(app, page)
    page.click("[data-go=camera]")
    page.click("input[name=camera]")  # the first: that of the command line
    page.choose("#size", SIZE)
    slow_down(app)
    page.click("#camera-next")
    page.until(visible("#view-film"))

    page.choose("#scenes", "1")
    page.choose("#seconds", "10")
    page.click("#film-start")
    page.until(visible("#film-now"))
    page.until("document.querySelector('#film-good').textContent !== '0'")
    page.until(visible("#film-next"), 120)
    assert "fit – " in page.value("document.querySelector('#series').innerText")
    page.click("#film-next")

    # The page is closed and opened again: it stands where it was left.
    page.open("about:blank")
    page.open(app.address["address"])
    page.until(visible("#view-calibrate"))
    page.choose("#minutes", "0.3333")
    page.click("#calibrate-start")
    page.until("/left/.test(document.querySelector('#calibrate-left').textContent)")
    page.until(visible("#calibrate-next"), 400)
    assert page.value("document.querySelector('#gain').textContent").startswith("+")
    page.until(visible("#split"))  # before and after lie on each other
    assert page.value("fetch(document.querySelector('#report').href).then(answer => answer.ok)")

    page.click("#calibrate-next")
    page.until("document.querySelector('#doing').textContent === 'On'")
    newer(page)
    check_picture(page)

    page.click("#power")
    page.until("document.querySelector('#doing').textContent === 'Off'")
    page.until(f"!({visible('#split')})")
    assert picture(page)[::8, ::8].mean() < 60  # nothing is shown of the room any more
    assert page.complaints == []


def slow_down(app: App) -> None:
    """Makes the camera as slow as webcams are in dim rooms, so that a busy machine keeps up."""
    page = app.page()
    camera = page.until(lambda state: state["settings"]["size"] == SIZE)["camera"]
    page.send(do="choose", camera=camera, fps=10)
    page.until(lambda state: state["settings"]["fps"] == 10)
    page.close()


def check_picture(page: Chromium) -> None:
    """The cleaned side is less noisy, the split moves by mouse and keys, strength 0 is the camera's picture."""
    split_to(page, MANY)
    camera = grain(picture(page))
    split_to(page, FEW)
    cleaned = grain(picture(page))
    assert cleaned < 0.6 * camera, (cleaned, camera)

    page.value("document.querySelector('#split').focus()")
    page.press("End", "ArrowLeft", "ArrowLeft")
    assert page.value("document.querySelector('#split').getAttribute('aria-valuenow')") == "96"
    newer(page, 2)
    assert grain(picture(page)) > 0.8 * camera
    page.press("Home")
    newer(page, 2)
    assert grain(picture(page)) < 0.6 * camera

    # What is removed is noise around grey, and nothing at strength 0: then the camera's picture is published.
    page.click("input[name=view][value=removed]")
    newer(page)
    assert grain(picture(page)) > 4
    page.value("document.querySelector('#strength').focus()")
    page.press("Home")
    page.until("document.querySelector('#fig-noise').textContent === '0.0 dB'")
    newer(page)
    nothing = part(picture(page)).astype(float)
    assert abs(nothing.mean() - 128) < 1.5
    assert nothing.std() < 1.0
    page.click("input[name=view][value=split]")
    newer(page)
    assert grain(picture(page)) > 0.8 * camera  # the cleaned side alone is shown

    page.click("[data-strength='75']")
    page.until("document.querySelector('#strength').value === '75'")
    page.until("document.querySelector('#fig-noise').textContent !== '0.0 dB'")
    newer(page)
    assert grain(picture(page)) < 0.8 * camera


def test_it_is_zoomed_to_pixels(app: App, chromium: Chromium) -> None:
    page = chromium
    opened(app, page)
    live(page)
    page.click("input[name=zoom][value='8']")
    newer(page)
    page.value("document.querySelector('#split').focus()")
    page.press("End")
    newer(page, 3)
    seen = picture(page)[60:-60, 60:-60].astype(int)
    # A pixel of the camera is a square of 8 × 8: within it nothing changes.
    steps = np.abs(np.diff(seen[:, :, 1], axis=1)).mean(axis=0)
    edge = int(steps[:8].argmax())
    inside = np.delete(steps, np.arange(edge, len(steps), 8))
    assert inside.mean() < 0.05 * steps[edge::8].mean()
    before = picture(page)
    page.click("[data-move='1,0']")
    newer(page)
    assert np.abs(picture(page).astype(int) - before).mean() > 5
    page.click("input[name=zoom][value='0']")


def live(page: Chromium) -> None:
    page.click("[data-go=use]")
    page.until("!document.querySelector('#power').disabled")
    if page.value("document.querySelector('#power').getAttribute('aria-checked')") == "false":
        page.click("#power")
    page.until("document.querySelector('#doing').textContent === 'On'")
    newer(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_is_found_by_axe(
    app: App, chromium: Chromium, axe: str, scheme: str
) -> None:
    page = chromium
    opened(app, page)
    page.window(1440, 900, scheme)
    page.value(f"{axe}; 0")
    for step in STEPS:
        page.click(f".steps [data-go={step}]")
        check_accessible(page, step)
    live(page)
    check_accessible(page, "live")
    page.click("input[name=zoom][value='2']")
    page.value("document.querySelectorAll('details').forEach(more => more.open = true)")
    newer(page, 3)
    check_accessible(page, "zoomed")
    page.window(390, 844, scheme)
    check_accessible(page, "narrow")
    page.click("#power")
    page.until("document.querySelector('#doing').textContent === 'Off'")
    page.click(".steps [data-go=film]")
    page.choose("#seconds", "3")
    page.click("#film-start")
    page.until(visible("#film-now"))
    check_accessible(page, "filming")
    page.until(visible("#film-after"), 120)
    check_accessible(page, "filmed")
    page.click("#quit")
    check_accessible(page, "the question before the end")
    page.value("document.querySelector('#quit-ask').close('no')")


def check_accessible(page: Chromium, where: str) -> None:
    found = page.value(
        "new Promise(done => setTimeout(done, 300)).then(() => axe.run(document, {resultTypes: ['violations']}))"
        ".then(({violations}) => violations.map(v => [v.impact, v.id, v.nodes.map(n => n.html).slice(0, 3)]))"
    )
    serious = [violation for violation in found if violation[0] in ("serious", "critical")]
    assert serious == [], where


@pytest.mark.parametrize("width", [390, 768, 1024, 1440, 2560])
def test_it_fits_every_width(app: App, chromium: Chromium, width: int) -> None:
    page = chromium
    opened(app, page, width, 900)
    for step in STEPS:
        page.click(f".steps [data-go={step}]")
        page.until(visible(f"#view-{step}"))
        assert page.value("document.documentElement.scrollWidth") <= width, step
        # No word of a button is cut off.
        cut = page.value(
            "[...document.querySelectorAll('button')].filter(b => b.offsetParent && b.scrollWidth > b.clientWidth + 1)"
            ".map(b => b.textContent)"
        )
        assert cut == [], step


def test_keys_alone_reach_everything(app: App, chromium: Chromium) -> None:
    page = chromium
    opened(app, page)
    live(page)
    page.value("document.querySelector('.skip').focus()")
    reached = []
    for _ in range(60):
        page.press("Tab")
        reached.append(
            page.value(
                "(({id, dataset, name}) => id || dataset.go || name || '')(document.activeElement)"
            )
        )
        if reached[-1] == "quit":
            break
    wanted = {"camera", "film", "calibrate", "use", "power", "split", "view", "zoom", "strength"}
    wanted |= {"output", "on-demand", "mirror", "brighten", "network", "mains", "quit"}
    assert wanted <= set(reached), wanted - set(reached)
    page.value("document.querySelector('.steps [data-go=film]').focus()")
    page.press("Enter")
    page.until("document.activeElement.id === 'h-film'")  # a screen reader goes on there


def test_it_says_that_the_app_is_gone_and_comes_back(app: App, chromium: Chromium) -> None:
    page = chromium
    opened(app, page)
    page.click(".steps [data-go=use]")
    app.process.kill()
    app.stop()
    page.until(visible("#gone"))
    assert "isn't there" in page.value("document.querySelector('#gone').innerText")
    assert page.value(
        "document.querySelector('#main').inert && document.querySelector('#power').disabled"
    )
    app.process = app.start("--camera", CAMERA)
    assert app.process.stdout is not None
    assert json.loads(app.process.stdout.readline())["token"] == app.address["token"]
    page.until(f"!({visible('#gone')})")
    assert not page.value("document.querySelector('#main').inert")
    live(page)
    page.click("#quit")
    page.click("#quit-ask button[value=yes]")
    assert app.process.wait(60) == 0
    page.until("/has ended/.test(document.querySelector('#gone').innerText)")
