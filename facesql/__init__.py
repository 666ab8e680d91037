"""facesql: which cut-off, what will it cost, and how sure can I be? Answered from your own photos.

The public verbs, imported when they are first used:

- ``encode_photos``: photos, in folders or listed by a manifest, to the table faces.parquet
- ``import_faces``, ``write_faces``: encodings of other programs, in a file or in memory, to that table
- ``analyze_faces``: that table to the cut-off table, its figures and its charts
- ``find_pairs``: the pairs themselves, closest or farthest, of that table
- ``find_suspects``: photos in that table that are probably mislabelled, there twice or of the wrong face
- ``run_protocol``: a list of pairs to accuracy by folds, as LFW's View 2 asks for it
- ``compare_tables``: two tables of the same photos to the differences of their rates
- ``compare_photos``, ``identify_photo``: two photos, or a photo and that table, to what their distances mean
- ``draw_charts``: the charts of a finished analysis, drawn again
- ``map_faces``, ``draw_names``, ``write_projector``: the table to a map, a chart of first names, files for
  TensorBoard
- ``forget_people``: people out of all of these files
- ``run_demo``: all of it on drawn people, and the analysis of real ones

Where a verb takes a table of faces it takes a path, an address, or a table of polars, Arrow or DuckDB; see
``facesql.tables.files_of``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facesql.analyze import analyze_faces
    from facesql.demo import run_demo
    from facesql.encode import encode_photos
    from facesql.forget import forget_people
    from facesql.identifying import identify_photo
    from facesql.importing import import_faces, write_faces
    from facesql.lookalikes import find_pairs
    from facesql.mapping import map_faces
    from facesql.naming import draw_names
    from facesql.projector import write_projector
    from facesql.protocol import run_protocol
    from facesql.redraw import draw_charts
    from facesql.suspects import find_suspects
    from facesql.twophotos import compare_photos
    from facesql.twotables import compare_tables

__version__ = "0.1.0"
__all__ = [
    "__version__",
    "analyze_faces",
    "compare_photos",
    "compare_tables",
    "draw_charts",
    "draw_names",
    "encode_photos",
    "find_pairs",
    "find_suspects",
    "forget_people",
    "identify_photo",
    "import_faces",
    "map_faces",
    "run_demo",
    "run_protocol",
    "write_faces",
    "write_projector",
]

_VERBS = {
    "analyze_faces": "facesql.analyze",
    "compare_tables": "facesql.twotables",
    "compare_photos": "facesql.twophotos",
    "draw_charts": "facesql.redraw",
    "draw_names": "facesql.naming",
    "encode_photos": "facesql.encode",
    "find_pairs": "facesql.lookalikes",
    "find_suspects": "facesql.suspects",
    "forget_people": "facesql.forget",
    "identify_photo": "facesql.identifying",
    "import_faces": "facesql.importing",
    "map_faces": "facesql.mapping",
    "run_demo": "facesql.demo",
    "run_protocol": "facesql.protocol",
    "write_faces": "facesql.importing",
    "write_projector": "facesql.projector",
}


def __getattr__(name: str) -> Any:
    if name not in _VERBS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    verb = globals()[name] = getattr(import_module(_VERBS[name]), name)
    return verb
