"""Write data/notebook.ipynb: its cells, and what they give when they are run.

    python -m tests.notebook [FILE]

A notebook is JSON, which nobody likes to review; this is where it is changed.
"""

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "data" / "notebook.ipynb"
CELLS = (
    """# Which cut-off?

Two photos are taken for one person where the distance of their encodings is at most a cut-off. This is a walk through
facesql as a library: a table of faces, the cut-off to take and what it costs, charts, SQL and polars. The faces are
those of the sample that comes with facesql, Labeled Faces in the Wild under pseudonyms; for your own, name the
`faces.parquet` that `facesql encode` wrote.""",
    """>from pathlib import Path

import altair as alt
import duckdb
import polars as pl

import facesql
from facesql.sources import sample_faces

faces = pl.read_parquet(sample_faces("lfw"))
faces.select("id", "person", pl.col("encoding").list.head(3).alias("first of 128 numbers")).head(3)""",
    """## The cut-off to take

All faces are compared with each other. A table of polars is taken as a file is; the report's folder holds a page, a
database and tables.""",
    """>analysis = facesql.analyze_faces(faces, Path("report"), formats=[])
points = analysis.answers.operating
points.select("point", "recommended", "cutoff", pl.col("fmr", "fmr_low", "fmr_high", "fnmr").round(5))""",
    """The first row is the recommended one: at that cut-off at most one comparison of two people in a thousand
matches, also for other people than these, at 95% confidence (`fmr_low` to `fmr_high`). `fnmr` is the share of the
comparisons of one person that it misses.""",
    """>table = analysis.key_table
table.select("cutoff", "genuine_matched", "impostor_matched", pl.col("precision", "recall").round(4))""",
    """## Charts

They are altair's. As SVG they are drawn on this machine, and nothing is fetched from the network.""",
    """>alt.renderers.enable("svg")
charts = analysis.charts()
charts["distribution"]""",
    """## Charts of your own

The tables are polars', and altair takes them as they are.""",
    """>near = analysis.table.filter(pl.col("cutoff").is_between(0.4, 0.7), pl.col("bin") % 10 == 0)
rates = near.select("cutoff", "fmr", "fnmr").unpivot(index="cutoff", variable_name="rate", value_name="share")
alt.Chart(rates).mark_line().encode(
    x=alt.X("cutoff", scale=alt.Scale(zero=False)),
    y=alt.Y("share", scale=alt.Scale(type="symlog", constant=1e-4)),
    color="rate",
)""",
    """## SQL

What the report counted is in a DuckDB database, with facesql's functions such as `face_distance`.""",
    '''>with duckdb.connect("report/facesql.duckdb", read_only=True) as report:
    relation = report.sql("""
        select a.id as photo, b.id as other, round(face_distance(a.encoding, b.encoding), 3) as distance
        from faces as a
        join faces as b on a.person = b.person and a.id < b.id
        where a.person = 'person_1401' or a.person = 'person_1525'
        order by distance desc, photo, other
        limit 3
    """)
    farthest = relation.pl()
farthest''',
    """## Any table, in and out

Filter with polars, or hand over a relation of DuckDB or a table of Arrow; what comes back is polars again.""",
    """>often = faces.filter(pl.len().over("person") >= 20)
found = facesql.find_pairs(often, most=3)
found.table.with_columns(pl.col("distance").round(3))""",
    """These are the people who are taken for each other first. An encoding identifies a person as a fingerprint does:
delete `report` when you have chosen your cut-off.""",
)


def notebook() -> NotebookNode:
    """The notebook before it is run: code where a cell begins with >, else text."""
    cells = [
        new_code_cell(cell.removeprefix(">")) if cell.startswith(">") else new_markdown_cell(cell) for cell in CELLS
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    book: NotebookNode = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    return book


def run(book: NotebookNode, folder: Path) -> None:
    """Run a notebook's cells in a folder, by this Python, and keep what they give.

    Nothing of the user's Jupyter is read or written. Raises nbclient's CellExecutionError where a cell fails.
    """
    own = folder / "jupyter"
    own.mkdir()
    os.environ.update({f"JUPYTER_{name}_DIR": str(own) for name in ("CONFIG", "DATA", "RUNTIME")}, IPYTHONDIR=str(own))
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    client = NotebookClient(
        book,
        km=_ThisPython(transport="ipc", ip=str(own / "kernel")),
        timeout=300,
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    book["metadata"].pop("language_info", None)  # which Python it was is no matter


class _ThisPython(AsyncKernelManager):
    """Kernels of this very Python, whatever is called python on the path."""

    @property
    def kernel_spec(self) -> KernelSpec:
        """How a kernel is started."""
        arguments = [sys.executable, "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=arguments, display_name="Python 3", language="python")


def write(target: Path) -> None:
    """Run the notebook and write it."""
    book = notebook()
    with tempfile.TemporaryDirectory() as folder:
        run(book, Path(folder))
    nbformat.write(book, target)


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else NOTEBOOK)
