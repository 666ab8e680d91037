"""The commands: parse, call, print."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from facesql import __version__
from facesql.errors import FacesqlError

app = typer.Typer(
    name="facesql",
    help="Which face-distance cut-off, what will it cost, and how sure can you be? Answered from your own photos.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"facesql {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Which face-distance cut-off, what will it cost, and how sure can you be? Answered from your own photos."""


DEFAULT_FACES = Path("faces.parquet")


@app.command()
def encode(
    photos: Annotated[Path, typer.Argument(help="A folder with a folder of photos for each person.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The table to write.")] = DEFAULT_FACES,
    faces: Annotated[
        str, typer.Option(help="Which face is the person's: match, central, largest, only or all.")
    ] = "match",
    exclude: Annotated[Path | None, typer.Option(help="A file of photos or folders to leave out, a line each.")] = None,
    relabel: Annotated[Path | None, typer.Option(help="A CSV file person,same_as of people to merge.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N people.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes. Default: one a core.")] = None,
    max_megapixels: Annotated[float, typer.Option(min=0.01, help="Photos larger than this are skipped.")] = 120.0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing tables.")] = False,
) -> None:
    """Turn a folder of photos into a table of faces: id, person and 128 numbers."""
    from facesql import encoder

    encoder.require()
    from facesql.encode import describe, encode_photos
    from facesql.selection import FaceRule

    summary = encode_photos(
        photos,
        output,
        rule=FaceRule(faces),
        exclude=exclude,
        relabel=relabel,
        limit=limit,
        workers=workers,
        max_megapixels=max_megapixels,
        overwrite=overwrite,
        progress=True,
    )
    print(describe(summary))


def main() -> None:
    """Run the command line: errors a user can mend are one sentence on stderr and exit code 1."""
    try:
        sys.exit(app(standalone_mode=False))
    except FacesqlError as error:
        print(f"facesql: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
