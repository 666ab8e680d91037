"""The page of a report: what it says, that it loads nothing, and how it behaves in a browser."""

import io
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route

from facesql import answertext, grouptext
from facesql.analyze import Analysis, analyze_faces
from facesql.charts import CHARTS
from facesql.notes import RunNotes, TableNotes
from facesql.page import ShownFace, ShownPair
from facesql.redraw import read_report
from facesql.story import NO_PICTURES, Faces, ShownChart, story
from facesql.wanted import Wanted
from tests.conftest import Run, faces_table, some_people
from tests.test_charts import strict

HARMFUL = '<script>alert("x")</script>'
RUN = RunNotes([TableNotes(Path(HARMFUL), {"photos": 50, "no_face": 2}, {})], {"faces compared": 48}, {}, {}, {})


class Parsed(HTMLParser):
    """The text of a page, its elements, and what its script elements hold."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = "" if tag == self._inside else self._inside

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts.append((self.elements[-1][1], data))
        elif self._inside != "style":
            self.text += data


def plain_text(page: str) -> str:
    return " ".join(Parsed(page).text.split())


@pytest.fixture(scope="module")
def analysis(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    """Two groups of people, of whom one has a name that would be a script, and makes many of the pairs."""
    folder = tmp_path_factory.mktemp("story")
    people, encodings = some_people(12, 4)
    names = [HARMFUL if person in ("p0", "p1") else person for person in people]
    pq.write_table(faces_table(names, encodings), folder / "faces.parquet")
    groups = pl.DataFrame({"person": sorted(set(names))})
    groups.with_row_index().with_columns(
        group=pl.when(pl.col("index") % 2 == 0).then(pl.lit("<b>a")).otherwise(pl.lit("c"))
    ).select("person", "group").write_csv(folder / "groups.csv")
    return analyze_faces(
        folder / "faces.parquet",
        folder / "report",
        formats=[],
        by=str(folder / "groups.csv"),
        wanted=Wanted(max_fmr=0.5, gallery=50),
    )


def written(analysis: Analysis) -> str:
    return (analysis.report / "report.html").read_text(encoding="utf-8")


def picture() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(content, "JPEG")
    return content.getvalue()


def shown_faces() -> Faces:
    pair = ShownPair(ShownFace("a/1.jpg", HARMFUL, picture()), ShownFace(f"{HARMFUL}/2.jpg", "b", picture()), 0.25, "x")
    gone = ShownPair(ShownFace("c/1.jpg", "c"), ShownFace("d/2.jpg", "d"), 0.5)
    chart = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.1.0.json",
        "title": {"text": "A map", "subtitle": "48 faces of 11 people"},
        "width": 300,
        "data": {"values": [{"x": 1, "y": 2, "person": HARMFUL}]},
        "mark": "point",
        "encoding": {"x": {"field": "x", "type": "quantitative"}, "y": {"field": "y", "type": "quantitative"}},
    }
    return Faces(
        lookalikes=[pair],
        lookalikes_note="Alike <i>",
        suspects=[gone],
        charts=[ShownChart("map", chart, "Faces that are alike lie near each other.")],
        no_pictures="The photos of some are gone.",
    )


def test_the_page_says_what_the_command_prints(analysis: Analysis) -> None:
    told = plain_text(written(analysis))
    bins, answers = analysis.bins, analysis.answers
    assert answers.recommended.bin is not None
    sentences = [
        *answertext.advice(answers, bins),
        *answertext.attempts_and_searches(answers),
        *answertext.compared(analysis),
        *answertext.remarks(analysis),
        *answertext.operating_notes(answers),
        *answertext.more_data(answers, bins),
    ]
    assert any(HARMFUL in sentence for sentence in sentences)
    assert "A search among 50 others finds" in told
    for sentence in sentences:
        assert " ".join(sentence.split()) in told, sentence
    rates = analysis.groups
    assert rates is not None
    tables = [
        answertext.operating(answers, bins),
        answertext.cutoffs(analysis.key_table, bins),
        answertext.intervals(answers, analysis.key_table, bins),
        answertext.figure_intervals(answers),
        answertext.optimism(answers, bins),
        *(cells for _, cells in grouptext.group_tables(rates)),
    ]
    for cells in tables:
        for row in cells.rows:
            assert "".join(row).replace(" ", "") in told.replace(" ", ""), row
    for sentence in [grouptext.who(rates), *grouptext.differences(rates)]:
        assert sentence in told
    assert NO_PICTURES in told


def test_a_refusal_is_what_the_page_begins_with(tmp_path: Path, small_table: Path) -> None:
    refused = analyze_faces(small_table, tmp_path / "report", formats=[])
    told = plain_text(written(refused))
    reason, advice = answertext.advice(refused.answers, refused.bins)
    assert advice.startswith("So no cut-off is recommended")
    assert told.index(reason) < told.index(advice) < told.index("The data")
    assert "of the comparisons of one person are missed" not in told


def test_text_from_names_is_text_and_nothing_is_loaded(analysis: Analysis) -> None:
    page = story(analysis, read_report(analysis.report), RUN, shown_faces())
    assert HARMFUL not in page
    assert "<b>a" not in page
    assert "<i>" not in page
    told = plain_text(page)
    assert f"compared the faces of {HARMFUL} on" in told
    assert "photos found50" in told.replace(" ", "").replace("photosfound", "photos found")
    parsed = Parsed(page)
    addresses = [attrs.get(name) for _, attrs in parsed.elements for name in ("src", "href", "action") if name in attrs]
    assert addresses
    assert all(str(address).startswith(("#", "data:image/jpeg;")) for address in addresses)
    assert "@import" not in re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    ids = [attrs["id"] for _, attrs in parsed.elements if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_headings_descend_by_one_and_every_chart_is_there_with_words_and_strict(analysis: Analysis) -> None:
    page = story(analysis, read_report(analysis.report), RUN, shown_faces())
    parsed = Parsed(page)
    levels = [int(tag[1]) for tag, _ in parsed.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    held = {str(attrs["data-chart"]): strict(text) for attrs, text in parsed.scripts if "data-chart" in attrs}
    assert list(held) == [
        "cutoff",
        *(name for name in CHARTS if name != "distribution"),
        "group_fmr",
        "group_rates",
        "map",
    ]
    for name, chart in held.items():
        specification = chart["specification"]
        assert specification["description"]
        assert specification["title"]["subtitle"]
        if "group" not in name:
            assert specification["width"] == "container"


def test_pictures_that_are_not_there_are_explained(analysis: Analysis) -> None:
    data = read_report(analysis.report)
    some = shown_faces()
    assert "The photos of some are gone." in story(analysis, data, RUN, some)
    whole = Faces(lookalikes=some.lookalikes)
    assert NO_PICTURES not in story(analysis, data, RUN, whole)
    assert "Look-alikes" in story(analysis, data, RUN, whole)
    assert "Suspects" not in story(analysis, data, RUN, whole)


def test_the_page_is_written_without_charts_too_and_anew_by_the_next_analysis(run: Run, small_table: Path) -> None:
    page = small_table.parent / "report" / "report.html"
    run("analyze", "--formats", "", cwd=small_table.parent)
    assert "An FMR of at most 0.001 needs about" in page.read_text(encoding="utf-8")
    run("analyze", "--formats", "", "--max-fmr", "0.5", cwd=small_table.parent)
    assert "at most 0.5 match there" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(("works", "said"), [("true", ""), ("false", "no browser could be opened; open '")])
def test_open_shows_the_page_or_says_that_it_cannot(run: Run, small_table: Path, works: str, said: str) -> None:
    program = shutil.which(works)
    if program is None:
        pytest.skip(f"needs the program {works}")
    done = run("analyze", "--formats", "", "--open", cwd=small_table.parent, BROWSER=f"{program} %s")
    assert "48 faces of 12 people" in done.stdout
    assert ("no browser could be opened" in done.stderr) is bool(said)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


# What follows needs a browser.


@pytest.fixture
def opened(browser: Browser, analysis: Analysis, tmp_path: Path) -> Iterator[Page]:
    """The page with faces, opened from a file without a network; it may load nothing else, nor complain."""
    path = tmp_path / "report.html"
    path.write_text(story(analysis, read_report(analysis.report), RUN, shown_faces()), encoding="utf-8")
    asked, complaints = [], []

    def refuse(route: Route) -> None:
        address = route.request.url
        if address.startswith(("data:", "blob:")) or address == path.as_uri():
            route.continue_()
        else:
            asked.append(address)
            route.abort()

    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.route("**/*", refuse)
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.goto(path.as_uri())
    page.wait_for_function(
        "document.querySelectorAll('.vega-actions').length == document.querySelectorAll('[data-chart]').length"
    )
    yield page
    context.close()
    assert asked == []
    assert complaints == []


def numbers(page: Page) -> dict[str, str]:
    names = ("chosen", "precision", "recall", "fmr", "fnmr", "fmr_of_others", "false_matches")
    return {name: page.inner_text(f"#{name}") for name in names}


def expected(analysis: Analysis, cutoff: str, gallery: int = 50) -> dict[str, str]:
    """What the tables say of a cut-off."""
    [row] = analysis.table.filter((pl.col("cutoff") - float(cutoff)).abs() < 1e-9).to_dicts()
    of_fmr = (pl.col("bin") == row["bin"]) & (pl.col("rate") == "fmr") & (pl.col("weighting") == "people")
    [fmr] = analysis.answers.intervals.filter(of_fmr).to_dicts()
    false_matches = [_two_digits(gallery * fmr[end]) for end in ("value", "low", "high")]
    return {
        "chosen": cutoff,
        "precision": f"{row['precision']:.4f}",
        "recall": f"{row['recall']:.4f}",
        "fmr": f"{row['fmr']:.2e}",
        "fnmr": f"{row['fnmr']:.2e}",
        "fmr_of_others": f"{fmr['value']:.1e} [{fmr['low']:.1e}, {fmr['high']:.1e}]{'*' if fmr['bound'] else ''}",
        "false_matches": f"{false_matches[0]} [{false_matches[1]}, {false_matches[2]}]",
    }


def _two_digits(value: float) -> str:
    return f"{float(f'{value:.2g}'):,g}"


def wait_for(page: Page, cutoff: str) -> None:
    page.wait_for_function("expected => document.querySelector('#chosen').textContent == expected", arg=cutoff)


def test_the_slider_moves_the_cutoff_by_keys_and_tells_what_the_table_does(opened: Page, analysis: Analysis) -> None:
    start = f"{analysis.answers.a_cutoff(analysis.bins):.3f}"
    assert numbers(opened) == expected(analysis, start)
    opened.focus("#cutoff")
    for _ in range(3):
        opened.keyboard.press("ArrowRight")
    after = f"{float(start) + 0.003:.3f}"
    wait_for(opened, after)
    assert numbers(opened) == expected(analysis, after)
    assert f"Cut-off {after}" in (opened.text_content("#chart-cutoff svg") or "")
    opened.keyboard.press("Home")
    wait_for(opened, "0.000")
    assert numbers(opened) == expected(analysis, "0.000")


def test_the_line_is_dragged_over_the_chart(opened: Page, analysis: Analysis) -> None:
    plot = opened.locator("#chart-cutoff .role-frame.root > g > path.background").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    end = float(opened.get_attribute("#cutoff", "max") or 0)
    middle = box["y"] + box["height"] / 2

    def x_of(cutoff: float) -> float:
        return box["x"] + cutoff / end * box["width"]

    opened.mouse.move(x_of(0.2), middle)
    opened.mouse.down()
    pressed = float(opened.inner_text("#chosen"))
    opened.mouse.move(x_of(0.4), middle - 5, steps=4)
    opened.mouse.move(x_of(0.6), middle, steps=4)
    opened.mouse.up()
    opened.wait_for_timeout(100)
    told = numbers(opened)
    assert pressed == pytest.approx(0.2, abs=0.01)
    assert float(told["chosen"]) == pytest.approx(0.6, abs=0.005)
    assert told == expected(analysis, told["chosen"])
    assert opened.input_value("#cutoff") == str(float(told["chosen"]))
    opened.mouse.move(x_of(0.3), middle)
    assert numbers(opened) == told


def test_false_matches_are_those_of_as_many_others_as_are_typed(opened: Page, analysis: Analysis) -> None:
    start = f"{analysis.answers.a_cutoff(analysis.bins):.3f}"
    opened.fill("#gallery", "3000")
    opened.wait_for_timeout(100)
    assert numbers(opened) == expected(analysis, start, 3000)
    opened.fill("#gallery", "")
    opened.wait_for_timeout(100)
    assert "NaN" not in opened.inner_text("#false_matches")


def test_pictures_load_names_are_text_and_a_chart_can_be_saved(opened: Page) -> None:
    assert opened.locator("ul.pairs img").count() == 2
    opened.locator("ul.pairs").first.scroll_into_view_if_needed()  # until then they need not be loaded
    opened.wait_for_function("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    assert HARMFUL in opened.inner_text("ul.pairs >> nth=0")
    menu = opened.locator("#chart-roc details")
    menu.locator("summary").click()
    assert menu.locator("a").all_inner_texts() == ["Save as SVG", "Save as PNG", "Save as JSON"]
    for label, beginning in (("SVG", b"<svg"), ("PNG", b"\x89PNG"), ("JSON", b"{")):
        with opened.expect_download() as download:
            menu.locator("a", has_text=label).click()
        assert Path(download.value.path()).read_bytes().startswith(beginning)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_and_its_words_can_be_read(opened: Page, width: int, scheme: Any) -> None:
    opened.emulate_media(color_scheme=scheme)
    opened.set_viewport_size({"width": width, "height": 844})
    opened.wait_for_timeout(300)
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    for drawing in opened.locator(".chart:not(.wide) svg").all():
        box = drawing.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= width
    paper, *inks = (
        opened.evaluate(
            """selector => {
                const style = getComputedStyle(document.querySelector(selector));
                if (selector == "body") return style.backgroundColor;
                return selector.endsWith(" text") ? style.fill : style.color;
            }""",
            selector,
        )
        for selector in ("body", "p.lead", "p.quiet", "nav a", "#chart-roc .role-axis-label text")
    )
    for ink in inks:
        assert contrast(ink, paper) >= 4.5, (ink, paper)


def contrast(one: str, other: str) -> float:
    """WCAG's contrast of two colours, as browsers write them."""
    lights = []
    for colour in (one, other):
        channels = [int(number) / 255 for number in re.findall(r"\d+", colour)[:3]]
        linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
        lights.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(lights) + 0.05) / (min(lights) + 0.05)
