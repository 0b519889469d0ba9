"""The site as a reader meets it: built, served under a sub-path, and opened in a browser; the studio's numbers are torch's.

`make test` builds it with two shapes in the studio and opens a few pages, `make site-test` (SITE_PAGES=all) opens all of them. Pictures of
what was to be seen are left in build/screenshots/site. Without Sphinx, Node's packages or a browser this is skipped.
"""

import functools
import html
import os
import re
import shutil
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.browser import BROWSER, FLAGS
from tools.website import book

ROOT = Path(__file__).resolve().parents[2]
ALL = os.environ.get("SITE_PAGES") == "all"
SITE = ROOT / "build" / ("site" if ALL else "site-sample")  # of the sample nobody shall think that it is the whole
SCREENSHOTS, MODULES = ROOT / "build" / "screenshots" / "site", ROOT / "site" / "node_modules"
SAMPLE = ["index.html", "13_cam_and_grad_cam.html", "methods.html"]
LOOKS = [(width, light) for width in (320, 390, 1280) for light in ("light", "dark")] if ALL else [(320, "dark"), (1280, "light")]
NETWORKS = ("robust", "ordinary", "biased")

pytestmark = [
    pytest.mark.skipif(find_spec("sphinx") is None or find_spec("myst_nb") is None, reason="the extra `site` is not installed"),
    pytest.mark.skipif(not (MODULES / "onnxruntime-web").exists(), reason="there are no npm packages in site/node_modules: make site fetches them"),
]
needs_browser = pytest.mark.skipif(BROWSER is None or find_spec("playwright") is None, reason="there is no Chrome or Chromium, or no playwright")


@pytest.fixture(scope="module")
def site():
    if not ALL:
        run = subprocess.run([sys.executable, "-m", "tools.website", "--to", SITE, "--shapes", "horse", "dog"], cwd=ROOT, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr
    return SITE


def pages(site):
    return sorted(path for path in site.rglob("*.html") if "_static" not in path.parts)


# Without a browser


def test_every_notebook_and_every_road_is_a_page(site):
    names = {path.relative_to(site).as_posix() for path in pages(site)}
    assert {f"{path.stem}.html" for path in book.notebooks()} <= names
    assert {"methods.html", "truth.html", "errata.html", "run.html", "cite.html", "search.html", "reference/attribution.html", "studio/index.html"} <= names


def test_every_link_leads_somewhere(site):
    """Sphinx checks its own; this finds those in HTML of ours, and all files that pages ask for."""
    for path in pages(site):
        for address in re.findall(r'(?:href|src)="([^"]+)"', path.read_text("utf-8")):
            parts = urlsplit(html.unescape(address))
            if not parts.scheme and parts.path:
                assert (path.parent / unquote(parts.path)).exists(), f"{path.name} asks for {address}"


def test_nothing_is_fetched_from_elsewhere(site):
    """Links may lead out; scripts, styles and pictures may not come in."""
    for path in pages(site):
        text = path.read_text("utf-8")
        assert re.findall(r'<(?:script|img|iframe|source)[^>]+src="(?:https?:)?//[^"]+', text) == []
        assert re.findall(r'<link[^>]+rel="(?:stylesheet|preload|icon)"[^>]+href="(?:https?:)?//[^"]+', text) == []


def test_every_picture_has_words_and_a_size(site):
    number = 0
    for path in pages(site):
        for tag in re.findall(r"<img\b[^>]*>", path.read_text("utf-8")):
            has = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
            assert len(has.get("alt", "")) > 10 and has.get("width", "").isdigit() and has.get("height", "").isdigit(), f"{path.name}: {tag[:200]}"
            number += 1
    assert number > 150


def test_the_page_without_its_runtime_is_small(site):
    sizes = {path: path.stat().st_size for path in (site / "studio").rglob("*") if path.is_file() and "runtime" not in path.parts}
    animals = sum(size for path, size in sizes.items() if path.parent.name == "animals")
    assert sum(sizes.values()) + (0 if ALL else 3 * animals) < 8e6  # here two of eight shapes are there


# In a browser


@pytest.fixture(scope="module")
def address(site):
    """The site, served below a folder as GitHub Pages does."""
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site.parent))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/{site.name}"
    server.shutdown()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def contexts(browser):
    """A profile for each look, so that the runtime is fetched and compiled once."""
    found = {}

    def context(width, light):
        if (width, light) not in found:
            found[width, light] = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=light, reduced_motion="reduce")
            found[width, light].set_default_timeout(120_000)
        return found[width, light]

    yield context
    for one in found.values():
        one.close()


@pytest.fixture
def opened(contexts, address):
    """`opened(width, light)` is an empty page; whatever it complains of, or asks others for, is an error at the end."""
    pages, complaints = [], []

    def make(width=1280, light="light"):
        page = contexts(width, light).new_page()
        listen(page, address, complaints)
        pages.append(page)
        return page

    yield make
    for page in pages:
        page.close()
    assert complaints == []


def listen(page, address: str, complaints: list[str]) -> None:
    """Note each error of a page, and each request to somebody else, which is not let through."""
    def refuse(route):
        complaints.append(f"asked for {route.request.url}")
        route.abort()

    page.route(lambda url: not url.startswith((address, "data:", "blob:")), refuse)
    page.on("console", lambda message: message.type == "error" and complaints.append(f"{page.url}: {message.text}"))
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))


def violations(page) -> list[str]:
    """What axe-core finds that keeps people out."""
    page.add_script_tag(path=MODULES / "axe-core" / "axe.min.js")
    found = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']}).then(r => r.violations)")
    return [f"{page.url}: {one['id']}: {one['help']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}" for one in found for node in one["nodes"]]


def photograph(page, name: str, width: int, light: str) -> None:
    page.evaluate("document.querySelectorAll('img').forEach(image => { image.loading = 'eager'; })")
    page.wait_for_function("[...document.images].every(image => image.complete && image.naturalWidth)")
    if ALL:
        page.screenshot(path=SCREENSHOTS / f"{name}-{width}-{light}.png", full_page=True)


@needs_browser
@pytest.mark.parametrize("width, light", LOOKS)
def test_pages(site, opened, address, width, light):
    page, checked = opened(width, light), set()
    for name in [path.relative_to(site).as_posix() for path in pages(site)] if ALL else SAMPLE:
        if name.startswith("studio/"):
            continue
        page.goto(f"{address}/{name}")
        if page.locator(".math").count():
            page.wait_for_function("document.querySelectorAll('mjx-container').length >= document.querySelectorAll('.math').length")
        assert page.locator("mjx-merror, [data-mjx-error]").count() == 0, f"{name}: a formula is wrong"
        assert not page.evaluate("[...document.querySelectorAll('.bd-article .math')].some(e => /\\\\[([]/.test(e.textContent))"), f"{name}: a formula is left as TeX"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is wider than {width} pixels"
        assert page.evaluate("[...document.images].every(e => e.hasAttribute('alt'))"), name
        kind = "notebook" if name[0].isdigit() else name.split("/")[0]
        if kind not in checked or not ALL:  # one page of each kind: axe takes a second
            checked.add(kind)
            assert violations(page) == []
        photograph(page, name.replace("/", "-").removesuffix(".html"), width, light)


@needs_browser
def test_the_search_finds_words_of_the_notebooks(opened, address):
    page = opened()
    page.goto(f"{address}/search.html?q=conservation")
    page.locator("#search-results li a", has_text="Relevance propagation").first.wait_for()


@needs_browser
def test_tables_are_sorted_filtered_and_chosen(opened, address):
    page = opened()
    page.goto(f"{address}/methods.html")
    rows = page.locator(".sortable tbody tr:visible")
    number = rows.count()
    page.get_by_role("button", name="class contrast").click()
    numbers = [float(text.split()[0].replace("−", "-")) for text in page.locator(".sortable tbody tr:visible td:nth-child(2)").all_text_contents()]
    assert numbers == sorted(numbers, reverse=True) and page.locator("th[aria-sort=descending]").count() == 1
    page.get_by_label("Filter the rows").fill("grad-cam")
    assert rows.count() == 2
    page.get_by_label("Filter the rows").fill("")
    page.get_by_label("network", exact=True).select_option("menagerie_vgg")
    assert 0 < rows.count() < number  # CAM does not fit


@needs_browser
def test_without_a_server_the_book_is_readable_and_the_studio_says_what_to_do(browser, site):
    page = browser.new_page()  # whatever is asked of others here is seen in the other tests
    page.goto((site / "methods.html").as_uri())
    assert page.get_by_label("Filter the rows").count() == 1
    page.goto((site / "studio" / "index.html").as_uri())
    assert "make site-open" in page.locator("#trouble").inner_text()
    page.close()


# The studio


def studio(opened, address, link="#method=cam", **look):
    """The studio, once it has answered; by default with a method that needs one pass."""
    page = opened(**look)
    page.goto(f"{address}/studio/index.html{link}")
    page.wait_for_selector("body[data-ready]")
    return page


def settled(page, action):
    """What the page says once it has answered to `action`."""
    page.evaluate("delete document.body.dataset.ready")
    action()
    page.wait_for_selector("body[data-ready]")
    return page.inner_text("#says")


ASK = """async ([name, pictures]) => {
  const [{ network }, { METHODS }] = await Promise.all([import('./network.js'), import('./methods.js')]);
  const asked = network(name, await (await fetch('studio.json')).json());
  const plain = (found) => Object.fromEntries(Object.entries(found).map(([key, values]) => [key, [...values]]));
  const found = [];
  for (const [x, target] of pictures) {
    const given = Float32Array.from(x);
    found.push({ ...plain(await asked.explain(given, target)), answer: [...await asked.answer(given)] });
  }
  const [x, target] = [Float32Array.from(pictures[0][0]), pictures[0][1]];
  const maps = {};
  for (const method of name === 'robust' ? ['integrated_gradients', 'occlusion', 'grad_cam'] : []) maps[method] = [...(await METHODS[method].run(asked, x, target, async () => {})).values];
  const times = [];
  for (let i = 0; i < 5; i++) { const start = performance.now(); await asked.explain(x, target); times.push(performance.now() - start); }
  return { found, maps, milliseconds: times.sort((a, b) => a - b)[2] };
}"""


@needs_browser
@pytest.mark.parametrize("name", NETWORKS)
def test_the_networks_in_the_page_are_torchs(opened, address, name):
    """Logits, gradient and CAM of a random picture to 1e-4, and whole methods; how long an answer takes is printed."""
    import torch

    from xaitutor import attribution
    from xaitutor.networks.models import load_model
    from xaitutor.studio import truths

    model = load_model(truths.NETWORKS[name])[0]
    x, targets = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(8 + NETWORKS.index(name))), [1]
    page = opened()
    page.goto(f"{address}/studio/places.webp")  # beside the modules; the page itself would ask its own questions first
    given = page.evaluate(ASK, [name, [[picture.flatten().tolist(), target] for picture, target in zip(x, targets)]])
    gradient, cam, logits = attribution.gradient(model, x, targets), attribution.cam(model, x, targets), model(x)
    for found, *expected in zip(given["found"], logits, gradient, cam, logits):
        for key, values in zip(("logits", "gradient", "cam", "answer"), expected):
            torch.testing.assert_close(torch.tensor(found[key]), values.flatten(), atol=1e-4, rtol=1e-4)
    if given["maps"]:
        whole = {"integrated_gradients": attribution.integrated_gradients(model, x, targets, steps=16, rule="midpoint"),
                 "occlusion": attribution.occlusion(model, x, targets, window=16, stride=8, fill="grey"), "grad_cam": attribution.grad_cam(model, x, targets)}
        for method, expected in whole.items():
            assert expected.any(), method
            torch.testing.assert_close(torch.tensor(given["maps"][method], dtype=torch.float), expected.flatten(), atol=1e-4, rtol=1e-3)
    print(f"{name}: an answer with its gradient takes {given['milliseconds']:.0f} ms")


@needs_browser
def test_a_reader_plays(opened, address):
    page = studio(opened, address, link="")
    assert "It says zebra" in page.inner_text("#says")
    assert "striped horse" in page.get_attribute("#picture", "aria-label") and "zebra" in page.get_attribute("#map", "aria-label")
    assert "rank correlation" in page.inner_text("#verdict")
    assert "horse" in settled(page, lambda: page.get_by_role("radio", name="plain", exact=True).check(force=True))
    page.wait_for_function("location.hash.includes('coat=plain')")
    settled(page, lambda: page.get_by_role("button", name="take the head away").click())
    assert "without its head" in page.get_attribute("#picture", "aria-label")
    settled(page, lambda: page.get_by_role("button", name="put the head back").click())
    assert page.locator("#regions tbody tr").count() == 6


@needs_browser
def test_the_cheat_says_wolf_on_snow_and_the_check_shows_the_snow(opened, address):
    page = studio(opened, address)  # the situation brings its own method
    says = settled(page, lambda: page.get_by_role("link", name="Right for the wrong reason").first.click())
    assert "wolf" in says
    background = page.locator("#regions tbody tr").last
    assert int(re.search(r"\+(\d+)", background.inner_text())[1]) > 40
    assert "husky" in settled(page, lambda: page.get_by_role("radio", name="forest").check(force=True))


@needs_browser
def test_fingers_and_keys_change_the_picture_and_the_link_keeps_it(opened, address):
    page = studio(opened, address)
    page.get_by_role("radio", name="eraser").check(force=True)
    page.locator("#picture").scroll_into_view_if_needed()
    box = page.locator("#picture").bounding_box()
    spot = lambda share: (box["x"] + share * box["width"], box["y"] + 0.55 * box["height"])  # noqa: E731
    page.mouse.move(*spot(0.3))
    page.mouse.down()
    page.mouse.move(*spot(0.7), steps=8)
    page.mouse.up()
    page.wait_for_function("location.hash.includes('touch=e')")
    page.locator("#picture").focus()
    page.keyboard.press("ArrowRight")
    before = page.url
    settled(page, lambda: page.keyboard.press("Space"))
    page.wait_for_function("before => location.href !== before", arg=before)
    assert "touched the picture" in page.inner_text("#verdict")
    pixels = "[...document.getElementById('picture').getContext('2d').getImageData(0, 0, 128, 128).data].join()"
    again = studio(opened, address, "#" + page.url.split("#")[1])
    page.wait_for_function(f"shown => {pixels} === shown", arg=again.evaluate(pixels))  # on a busy machine the first page may still be drawing
    settled(page, lambda: page.get_by_role("button", name="undo all", exact=True).last.click())
    assert "rank correlation" in page.inner_text("#verdict")


@needs_browser
def test_a_photo_is_read_in_the_page(opened, address):
    page = studio(opened, address)
    settled(page, lambda: page.set_input_files("#photo", ROOT / "data" / "menagerie_sheet.png"))
    assert "nobody knows the truth" in page.inner_text("#verdict") and page.get_attribute("#picture", "aria-label") == "Your own photo."
    settled(page, lambda: page.get_by_role("radio", name="snow").check(force=True))
    assert "in the snow" in page.get_attribute("#picture", "aria-label")


@needs_browser
def test_the_game_has_one_map_that_knows_nothing(opened, address):
    page = studio(opened, address, "#method=gradient")
    page.get_by_role("button", name="Deal three maps").click()
    page.wait_for_function("document.getElementById('result').textContent === 'Choose one.'")
    page.locator("#cards [data-network=scrambled]").click()
    assert "1 of 1" in page.inner_text("#result") and page.locator("#cards button:disabled").count() == 3


@needs_browser
@pytest.mark.parametrize("width, light", LOOKS)
def test_the_studio_keeps_nobody_out(opened, address, width, light):
    page = studio(opened, address, width=width, light=light)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(page) == []
    photograph(page, "studio", width, light)


@needs_browser
def test_that_each_of_these_would_be_noticed(contexts, address):
    """On a page with everything wrong."""
    page, complaints = contexts(1280, "light").new_page(), []
    listen(page, address, complaints)
    page.set_content("<img src='https://example.org/1.png'><script>nothing()</script><p style='color: #ccc; background: #fff'>pale</p>")
    found = "\n".join(violations(page))
    page.close()
    assert "image-alt" in found and "color-contrast" in found and "html-has-lang" in found
    assert "asked for https://example.org/1.png" in complaints and any("nothing is not defined" in one for one in complaints)


if not ALL:
    shutil.rmtree(SCREENSHOTS, ignore_errors=True)
