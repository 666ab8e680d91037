"""facesql chart: charts of a finished analysis, drawn again."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from facesql.analyze import analyze_faces
from facesql.charts import CHARTS
from facesql.database import connect_to
from facesql.errors import FacesqlError
from facesql.redraw import draw_charts, list_charts, read_report
from tests.conftest import Run, faces_table, some_people


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("redraw")
    pq.write_table(faces_table(*some_people(12, 4)), folder / "faces.parquet")
    analyze_faces(folder / "faces.parquet", folder / "report", formats=[])
    return folder / "report"


def test_redrawn_charts_are_those_of_the_analysis(report: Path, tmp_path: Path) -> None:
    files = draw_charts(report, output=tmp_path / "again", formats=[])
    assert [path.name for path in files] == sorted(f"{name}.vl.json" for name in CHARTS)
    for path in files:
        assert path.read_text() == (report / path.name).read_text()


def test_one_chart_in_every_format_size_and_with_a_title(report: Path, tmp_path: Path) -> None:
    title = '</script><b>Ours & "theirs"'
    draw_charts(report, ["normal"], tmp_path, formats=["html", "png", "svg"], width=300, height=200, title=title)
    specification = json.loads((tmp_path / "normal.vl.json").read_text())
    assert (specification["width"], specification["height"], specification["title"]["text"]) == (300, 200, title)
    assert specification["title"]["subtitle"][0] == "1,128 comparisons, 72 of the same person: 48 photos of 12 people"
    page = (tmp_path / "normal.html").read_text()
    assert "<b>" not in page
    assert page.count("</script>") == 2
    assert "<title>&lt;/script&gt;&lt;b&gt;Ours &amp; &#34;theirs&#34;</title>" in page
    plain = draw_charts(report, ["normal"], tmp_path / "plain", formats=["png"])
    with Image.open(tmp_path / "normal.png") as small, Image.open(plain[0]) as large:
        assert small.width < large.width
        assert small.height < large.height


def test_by_default_all_charts_are_drawn_into_the_report(run: Run, report: Path) -> None:
    done = run("chart", "--report", report, "--formats", "svg", cwd=report.parent)
    assert done.stdout.split() == sorted(
        str(report / f"{name}.{kind}") for name in CHARTS for kind in ("svg", "vl.json")
    )
    assert all(Path(name).is_file() for name in done.stdout.split())


def test_the_list_names_every_chart_with_a_sentence(run: Run, tmp_path: Path) -> None:
    lines = run("chart", "--list", cwd=tmp_path).stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(CHARTS)
    assert all(sentence.endswith(".") for sentence in list_charts().values())


def test_what_is_asked_wrongly_is_told_in_one_sentence(report: Path, tmp_path: Path) -> None:
    with pytest.raises(FacesqlError, match=r"There is no chart 'dot'; choose from distribution, .*, calibration\.$"):
        draw_charts(report, ["dot"])
    with pytest.raises(FacesqlError, match="A title is for one chart; name which"):
        draw_charts(report, title="x")
    with pytest.raises(FacesqlError, match=r"holds no facesql\.duckdb; make it with: facesql analyze -o"):
        draw_charts(tmp_path)
    with pytest.raises(FacesqlError, match="is no report; name the folder that facesql analyze wrote"):
        read_report(report.parent / "faces.parquet")
    with pytest.raises(FacesqlError, match="does not exist"):
        draw_charts(tmp_path / "nowhere")


@pytest.mark.parametrize("title", ["a\x01b", "a\udcffb", "a\nb"])
def test_a_title_that_cannot_be_drawn_is_told(report: Path, title: str) -> None:
    with pytest.raises(FacesqlError, match="holds what is not printable; leave that out"):
        draw_charts(report, ["roc"], title=title)


@pytest.mark.parametrize(
    "change",
    ["delete from summary", "alter table summary drop column auc", "alter table precision_recall drop column fmr"],
)
def test_a_report_whose_tables_were_changed_is_told(report: Path, tmp_path: Path, change: str) -> None:
    shutil.copytree(report, tmp_path / "report")
    with connect_to(tmp_path / "report" / "facesql.duckdb", write=True) as connection:
        connection.execute(change)
    with pytest.raises(FacesqlError, match="have been changed; make the report again with facesql analyze"):
        draw_charts(tmp_path / "report", formats=[])


def test_figures_that_nothing_tells_stay_untold(tmp_path: Path) -> None:
    pq.write_table(faces_table(*some_people(3, 1)), tmp_path / "faces.parquet")
    analysis = analyze_faces(tmp_path / "faces.parquet", tmp_path / "report", formats=[])
    data = read_report(tmp_path / "report")
    assert data.figures == analysis.figures
    assert data.figures.auc is None
    assert data.table.equals(analysis.table)
    assert (data.photos, data.people) == (3, 3)
    draw_charts(tmp_path / "report", formats=[])
