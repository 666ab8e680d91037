"""The commands: parse, call, print. What a command needs is imported when it runs, so that --help answers at once."""

import io
import signal
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from facesql import __version__
from facesql.errors import FacesqlError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

DEFAULT_FACES = Path("faces.parquet")
DEFAULT_REPORT = Path("report")
DEFAULT_DEMO = Path("facesql-demo")
# The exit codes of a shell for Ctrl-C and for a plain kill.
INTERRUPTED, TERMINATED = 130, 143


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"facesql {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Which face-distance cut-off, what will it cost, and how sure can you be? Answered from your own photos."""


@app.command()
def encode(
    photos: Annotated[Path, typer.Argument(help="A folder that holds a folder of photos for each person.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The table to write.")] = DEFAULT_FACES,
    faces: Annotated[
        str,
        typer.Option(
            metavar="match|central|largest|only|all",
            help="Whose face is it, when a photo holds several? match: the one nearest to the person's other photos; "
            "central or largest: by its box; only: leave such photos out; all: a row for each.",
        ),
    ] = "match",
    exclude: Annotated[
        Path | None, typer.Option(help="A file of photos to leave out, a path a line, relative to the folder.")
    ] = None,
    relabel: Annotated[
        Path | None, typer.Option(help="A CSV file with the columns person,same_as: people who are one.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many people.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes.", show_default="one a core")] = None,
    max_megapixels: Annotated[float, typer.Option(min=0.001, help="Skip photos larger than this.")] = 120.0,
    *,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing tables.")] = False,
) -> None:
    """Turn a folder of photos into a table of faces: id, person and 128 numbers."""
    from facesql import encoder

    encoder.require()
    from facesql.encode import encode_photos
    from facesql.selection import parse_rule
    from facesql.text import encoded

    summary = encode_photos(
        photos,
        output,
        rule=parse_rule(faces),
        exclude=exclude,
        relabel=relabel,
        limit=limit,
        workers=workers,
        max_megapixels=max_megapixels,
        overwrite=overwrite,
        progress=True,
    )
    print(encoded(summary))


@app.command()
def analyze(
    faces: Annotated[Path, typer.Argument(help="A table of faces, as encode writes it.")] = DEFAULT_FACES,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write to.")] = DEFAULT_REPORT,
    cutoffs: Annotated[
        str | None, typer.Option(help="The cut-offs to print, such as 0.4,0.6.", show_default="0 to 1.5, ten of them")
    ] = None,
    formats: Annotated[str, typer.Option(help="What charts are written as, beside Vega-Lite JSON.")] = "html,png,svg",
    threads: Annotated[int | None, typer.Option(min=1, help="Threads that compare.", show_default="one a core")] = None,
    *,
    skip_invalid: Annotated[
        bool, typer.Option("--skip-invalid", help="Go on without the rows that cannot be compared.")
    ] = False,
) -> None:
    """Compare all faces with each other: precision, recall, FMR and FNMR at each cut-off."""
    from facesql.analyze import analyze_faces
    from facesql.metrics import KEY_CUTOFFS, parse_cutoffs
    from facesql.report import parse_formats
    from facesql.text import analyzed

    analysis = analyze_faces(
        faces,
        output,
        cutoffs=parse_cutoffs(cutoffs) if cutoffs else KEY_CUTOFFS,
        formats=parse_formats(formats),
        skip_invalid=skip_invalid,
        threads=threads,
        progress=True,
    )
    print(analyzed(analysis))


@app.command()
def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write to.")] = DEFAULT_DEMO,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes.", show_default="one a core")] = None,
) -> None:
    """Draw twenty people, encode their photos and analyze them: the whole job in a minute."""
    from facesql import encoder

    encoder.require()
    from facesql.demo import run_demo
    from facesql.text import analyzed, demonstrated, encoded

    result = run_demo(output, workers=workers, progress=True)
    print(encoded(result.encoded), analyzed(result.analyzed), demonstrated(result), sep="\n\n")


def main() -> NoReturn:
    """Run the command line. What a user can mend is one sentence on stderr and exit code 1; a wrong usage is 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal cannot show is no reason to fail
            stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        app()
    except FacesqlError as error:
        print(f"facesql: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        print(f"facesql: {error.filename!r}: {error.strerror}; check the name and your rights.", file=sys.stderr)
        sys.exit(1)
    except SystemExit as stop:
        if stop.code == INTERRUPTED:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # once is enough
            print("facesql: stopped; nothing is half-written", file=sys.stderr)
        raise
    sys.exit(0)


if __name__ == "__main__":
    main()
