"""The commands: parse, call, print. What a command needs is imported when it runs, so that --help answers at once."""

import atexit
import gc
import io
import os
import shlex
import shutil
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TypedDict

import typer

from facesql import __version__
from facesql.errors import FacesqlError, parse_choice, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from decimal import Decimal

    from facesql.analyze import Analysis
    from facesql.binning import Metric
    from facesql.cluster import Size
    from facesql.pairs import Plan
    from facesql.sampled import SamplePlan
    from facesql.sampling import SampleWanted
    from facesql.sources import Source
    from facesql.wanted import Wanted


class _How(TypedDict):
    """What analyze_faces and plan_analysis share."""

    metric: "Metric | None"
    bin_width: "Decimal | None"
    max_distance: "Decimal | None"
    skip_invalid: bool
    exclude: Path | None
    relabel: Path | None
    drop_duplicates: bool
    threads: int | None
    memory_limit: int | None
    fresh: bool


app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

DEFAULT_FACES = Path("faces.parquet")
DEFAULT_REPORT = Path("report")
DEFAULT_DEMO = Path("facesql-demo")
DEFAULT_MAP = Path("faces-map.html")
DEFAULT_PROJECTOR = Path("projector")
DEFAULT_NAMES = Path("names.html")
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


# Under what the help lists commands, and options of analyze.
_FIRST, _BEHIND = "From photos to a cut-off", "The faces behind the numbers"
_ASKED, _TABLES = "Two photos, lists of pairs, two tables", "Tables and SQL"
_WANTED, _DRAWN, _SPREAD = (
    "What a cut-off is to meet",
    "A sample in place of all pairs",
    "A cluster in place of this machine",
)

Exclude = Annotated[
    Path | None, typer.Option(help="A file of photos or folders to leave out, a path a line, as ids have them.")
]
Relabel = Annotated[Path | None, typer.Option(help="A CSV file with the columns person,same_as: people who are one.")]
TablesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FACES]...", help="Tables of faces, taken as one; files or addresses.", show_default=str(DEFAULT_FACES)
    ),
]
PhotosOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--photos", metavar="FOLDER", help="A folder of the photos, where they are not where they were encoded."
    ),
]
NoPhotos = Annotated[bool, typer.Option("--no-photos", help="Show no pictures of faces.")]
SkipInvalid = Annotated[bool, typer.Option("--skip-invalid", help="Go on without the rows that cannot be compared.")]
PagePhotos = Annotated[
    list[Path] | None,
    typer.Option(
        "--photos",
        metavar="FOLDER",
        help="Where the photos are, for the faces on the page; may be given again.",
        show_default="where encode found them",
    ),
]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads that compare.", show_default="one a core")]
MemoryLimit = Annotated[
    str | None,
    typer.Option(
        help="Memory that the program may take, such as 2GB; what does not fit goes to disk.",
        show_default="750MB and the size of the encodings",
    ),
]
SchedulerOption = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=_SPREAD,
        metavar="ADDRESS",
        help="Let the workers of a Dask cluster do the work: its scheduler's address, such as tcp://10.0.0.1:8786.",
        show_default="this process",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing output.")]


@app.command(rich_help_panel=_FIRST)
def encode(
    photos: Annotated[
        list[Path],
        typer.Argument(
            help="A folder that holds a folder of photos for each person, or several of them; or a manifest, a CSV or "
            "Parquet file with the columns path, person and any others, which the table gets, too."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The table to write.",
            show_default=f"{DEFAULT_FACES}, or the folder {DEFAULT_FACES.stem} with --partitioned",
        ),
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(
            help="Where in their names photos say whom they show, such as '{person}_{n}.jpg' or '{year}/{person}/{n}': "
            "{n} is a number, and any other field a column of the table. Without a suffix, photos of each kind fit."
        ),
    ] = None,
    faces: Annotated[
        str,
        typer.Option(
            metavar="match|central|largest|only|all",
            help="Whose face is it, when a photo holds several? match: the one nearest to the person's other photos; "
            "central or largest: by its box; only: leave such photos out; all: a row for each.",
        ),
    ] = "match",
    exclude: Exclude = None,
    relabel: Relabel = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many people.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes.", show_default="one a core")] = None,
    max_megapixels: Annotated[float, typer.Option(min=0.001, help="Skip photos larger than this.")] = 120.0,
    backend: Annotated[
        str,
        typer.Option(
            metavar="onnx|face_recognition",
            help="What runs the network. Both give the same encodings; face_recognition, the reference, is slower.",
        ),
    ] = "onnx",
    detector: Annotated[
        str, typer.Option(metavar="hog|cnn", help="What finds the faces; cnn finds more, and takes far longer.")
    ] = "hog",
    upsample: Annotated[
        int, typer.Option(min=0, max=4, help="How many times a photo is doubled for the detector: finds smaller faces.")
    ] = 1,
    detect_size: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="PIXELS",
            help="Look for faces in a copy of the photo whose longest side is at most this, and encode them from the "
            "photo itself. Less is faster, and misses smaller faces in large photos; 0: look in the photo itself.",
        ),
    ] = 2000,
    landmarks: Annotated[
        str, typer.Option(metavar="small|large", help="Align a face by 5 points, or by 68.")
    ] = "small",
    jitters: Annotated[
        int,
        typer.Option(
            min=1,
            help="Above 1, encode so many randomly changed copies of a face and take the mean, by face_recognition.",
        ),
    ] = 1,
    threads: Annotated[int, typer.Option(min=1, help="Threads that run the network, in each worker.")] = 1,
    pseudonyms: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="SEED",
            help="Write numbers in place of people and ids, dealt by this seed. Keep it to yourself: with the names it "
            "leads back.",
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=1, help="Seconds that a photo may take; what takes longer is left out and counted.")
    ] = 120.0,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Encode on the workers of this Dask scheduler, such as tcp://10.0.0.1:8786, which see the photos at "
            "the same paths.",
        ),
    ] = None,
    *,
    partitioned: Annotated[
        bool, typer.Option("--partitioned", help="Write a folder of Parquet files, of a 64th of the people each.")
    ] = False,
    follow_links: Annotated[
        bool, typer.Option("--follow-links", help="Follow links to folders, and links that leave the folder.")
    ] = False,
    drop_duplicates: Annotated[
        bool, typer.Option("--drop-duplicates", help="Leave out pictures that are nearly the same as another one.")
    ] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Try photos again that failed in an earlier run.")] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Let photos leave the table though more than a tenth of them are gone.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Encode all photos again, and replace the tables.")] = False,
) -> None:
    """Turn photos into a table of faces: id, person and 128 numbers.

    Run it again after a stop, and it goes on; after the folder has changed, and only what is new is encoded.
    """
    from facesql import encoder

    name = encoder.parse_backend(backend)
    encoder.require(name)
    from facesql.encode import encode_photos
    from facesql.selection import parse_rule
    from facesql.text import encoded

    summary = encode_photos(
        photos,
        output or (DEFAULT_FACES.with_suffix("") if partitioned else DEFAULT_FACES),
        layout=layout,
        rule=parse_rule(faces),
        exclude=exclude,
        relabel=relabel,
        limit=limit,
        workers=workers,
        max_megapixels=max_megapixels,
        backend=name,
        settings=encoder.parse_settings(detector, upsample, jitters, landmarks, detect_size),
        threads=threads,
        pseudonyms=pseudonyms,
        timeout=timeout,
        scheduler=scheduler,
        partitioned=partitioned,
        follow_links=follow_links,
        drop_duplicates=drop_duplicates,
        retry=retry,
        prune=prune,
        fresh=fresh,
        progress=True,
    )
    print(encoded(summary))


TableMetric = Annotated[
    str | None,
    typer.Option(
        metavar="euclidean|sqeuclidean|cosine|inner",
        help="How far two encodings are apart, as for analyze.",
        show_default="what import has noted, or else euclidean",
    ),
]
Sample = Annotated[
    str | None, typer.Option("--sample", metavar="lfw", help="Take the table of faces that comes with facesql.")
]


@app.command(rich_help_panel=_FIRST)
def analyze(
    faces: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FACES]...",
            help="Tables of faces, as encode writes them, or their addresses; several are compared as one.",
            show_default=str(DEFAULT_FACES),
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write to.")] = DEFAULT_REPORT,
    metric: Annotated[
        str | None,
        typer.Option(
            metavar="euclidean|sqeuclidean|cosine|inner",
            help="How far two encodings are apart: the length of their difference, its square, 1 - cos of their angle, "
            "or their negative inner product. face_recognition's encodings are made for the first.",
            show_default="what import has noted, or else euclidean",
        ),
    ] = None,
    bin_width: Annotated[
        str | None,
        typer.Option(
            metavar="WIDTH",
            help="Cut-offs are multiples of this; at most 20,000.",
            show_default="what fits metric and faces, often 0.001",
        ),
    ] = None,
    max_distance: Annotated[
        str | None,
        typer.Option(
            metavar="DISTANCE",
            help="The largest cut-off.",
            show_default="what fits metric and faces, often 2",
        ),
    ] = None,
    cutoffs: Annotated[
        str | None, typer.Option(help="The cut-offs to print, such as 0.4,0.6.", show_default="about ten of them")
    ] = None,
    max_fmr: Annotated[
        float,
        typer.Option(
            rich_help_panel=_WANTED,
            metavar="RATE",
            help="The false match rate that the recommended cut-off has at most, every two people counting the same.",
        ),
    ] = 0.001,
    max_fnmr: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=_WANTED,
            metavar="RATE",
            help="Say also which cut-off misses at most this, and what it costs.",
        ),
    ] = None,
    min_recall: Annotated[
        float | None,
        typer.Option(rich_help_panel=_WANTED, metavar="RATE", help="Say also which cut-off finds at least this."),
    ] = None,
    min_precision: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=_WANTED, metavar="RATE", help="Say also at which cut-off at least this share is right."
        ),
    ] = None,
    cost_false_match: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=_WANTED,
            metavar="COST",
            help="Recommend the cut-off that costs least, a false match costing this.",
        ),
    ] = None,
    cost_miss: Annotated[
        float | None, typer.Option(rich_help_panel=_WANTED, metavar="COST", help="And a miss this, in the same unit.")
    ] = None,
    genuine_share: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=_WANTED,
            metavar="SHARE",
            help="How many of your own comparisons are of one person: for precision and costs.",
            show_default="that of the photos",
        ),
    ] = None,
    gallery: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=_WANTED, metavar="N", help="Say what a search among the photos of N others finds wrongly."
        ),
    ] = None,
    confidence: Annotated[
        float, typer.Option(rich_help_panel=_WANTED, metavar="SHARE", help="How sure intervals are to be.")
    ] = 0.95,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN|CSV",
            help="Compare groups of people, too: by a column of the tables, or by a file of columns person,group.",
        ),
    ] = None,
    sample_pairs: Annotated[
        str | None,
        typer.Option(
            "--pairs",
            rich_help_panel=_DRAWN,
            metavar="N",
            help="Compare all pairs of one person, and a random sample of about so many of two, such as 1e9: for "
            "tables too large for every pair.",
        ),
    ] = None,
    sample_seconds: Annotated[
        float | None,
        typer.Option(
            "--seconds", rich_help_panel=_DRAWN, metavar="S", help="The same, as many as are compared in that time."
        ),
    ] = None,
    relative_error: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=_DRAWN,
            metavar="SHARE",
            help="The same, until the sampling's standard error of an FMR of --max-fmr is at most that share of it, "
            "such as 5%.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(rich_help_panel=_DRAWN, min=0, help="Another seed draws another sample.")] = 0,
    formats: Annotated[str, typer.Option(help="What charts are written as, beside Vega-Lite JSON.")] = "html,png,svg",
    threads: Threads = None,
    memory_limit: MemoryLimit = None,
    scheduler: SchedulerOption = None,
    shared: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=_SPREAD,
            metavar="FOLDER|URL",
            help="Where the workers of --scheduler read the faces, which are there until they are compared: a folder "
            "that all see at the same path, or object storage.",
            show_default="beside the report",
        ),
    ] = None,
    sample: Sample = None,
    exclude: Exclude = None,
    relabel: Relabel = None,
    photos: PagePhotos = None,
    *,
    skip_invalid: SkipInvalid = False,
    drop_duplicates: Annotated[
        bool, typer.Option("--drop-duplicates", help="Leave out faces of pictures that are nearly the same as another.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Compare all again, whatever earlier runs have left.")] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say how the faces would be compared, and compare nothing.")
    ] = False,
    no_photos: Annotated[bool, typer.Option("--no-photos", help="Show no pictures of faces on the page.")] = False,
    no_faces: Annotated[
        bool,
        typer.Option("--no-faces", help="Look for no look-alikes, suspects and the like; the page does without them."),
    ] = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the report's page in your browser.")] = False,
) -> None:
    """Compare all faces with each other: precision, recall, FMR and FNMR at each cut-off.

    Run it again after a stop, and it goes on; after faces were added, and only what they touch is compared.
    """
    from facesql.analyze import analyze_faces
    from facesql.binning import Metric, parse_number
    from facesql.encodingfiles import is_address, without_secrets
    from facesql.memory import parse_memory
    from facesql.metrics import parse_cutoffs
    from facesql.page import Show
    from facesql.report import PAGE, parse_formats
    from facesql.sampling import parse_sample
    from facesql.text import analyzed, explained
    from facesql.wanted import Wanted

    wanted = Wanted(
        max_fmr=max_fmr,
        max_fnmr=max_fnmr,
        min_recall=min_recall,
        min_precision=min_precision,
        cost_false_match=cost_false_match,
        cost_miss=cost_miss,
        genuine_share=genuine_share,
        gallery=gallery,
        confidence=confidence,
    )

    drawn = parse_sample(sample_pairs, sample_seconds, relative_error, seed)
    tables = _tables(faces, sample)
    how = _How(
        metric=parse_choice(metric, Metric, "metric") if metric else None,
        bin_width=parse_number(bin_width, "bin width") if bin_width is not None else None,
        max_distance=parse_number(max_distance, "distance") if max_distance is not None else None,
        skip_invalid=skip_invalid,
        exclude=exclude,
        relabel=relabel,
        drop_duplicates=drop_duplicates,
        threads=threads,
        memory_limit=parse_memory(memory_limit) if memory_limit else None,
        fresh=fresh,
    )
    if shared is not None and scheduler is None:
        raise typer.BadParameter("--shared is for the workers of a cluster; name it with --scheduler")
    if explain:
        print(explained(*_plan(scheduler, tables, output, drawn, wanted, how)))
        return
    chosen = parse_cutoffs(cutoffs) if cutoffs else None

    def tell(analysis: "Analysis") -> None:
        _say_doubts(analysis.doubts)
        print(analyzed(analysis), flush=True)

    analysis = analyze_faces(
        tables,
        output,
        cutoffs=chosen,
        wanted=wanted,
        by=by,
        sample=drawn,
        formats=parse_formats(formats),
        show=None if no_faces else Show(photos or (), pictures=not no_photos),
        tell=tell,
        command=shlex.join(
            ["facesql", *(without_secrets(word) if is_address(word) else word for word in sys.argv[1:])]
        ),
        progress=True,
        scheduler=scheduler,
        shared=shared,
        **how,
    )
    if open_page:
        _open(analysis.report / PAGE)


@app.command(rich_help_panel=_BEHIND)
def pairs(
    faces: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FACES]...",
            help="Tables of faces, as encode writes them, or their addresses; several are searched as one.",
            show_default=str(DEFAULT_FACES),
        ),
    ] = None,
    below: Annotated[
        str | None,
        typer.Option(
            metavar="DISTANCE", help="All pairs of different people who match at that cut-off, closest first."
        ),
    ] = None,
    above: Annotated[
        str | None,
        typer.Option(metavar="DISTANCE", help="All pairs of one person who do not match there, farthest first."),
    ] = None,
    person: Annotated[str | None, typer.Option(metavar="NAME", help="Only pairs with this person.")] = None,
    most: Annotated[int, typer.Option("-n", min=1, metavar="N", help="How many pairs at most.")] = 60,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="A file to write to: .csv, .parquet or .json, or .html, a page with the faces side by side.",
            show_default="print",
        ),
    ] = None,
    photos: PagePhotos = None,
    metric: TableMetric = None,
    threads: Threads = None,
    memory_limit: MemoryLimit = None,
    sample: Sample = None,
    *,
    closest: Annotated[
        bool, typer.Option("--closest", help="Look-alikes: the closest photos of any two people. The default.")
    ] = False,
    farthest: Annotated[
        bool, typer.Option("--farthest", help="The farthest photos of each person, the farthest first.")
    ] = False,
    no_photos: Annotated[bool, typer.Option("--no-photos", help="Show no faces on the page.")] = False,
    skip_invalid: SkipInvalid = False,
    overwrite: Overwrite = False,
) -> None:
    """Show the pairs themselves: who is taken for whom, and whose photos differ most."""
    from facesql.binning import Metric
    from facesql.crops import Crops
    from facesql.lookalikes import find_pairs, parse_kind
    from facesql.memory import parse_memory
    from facesql.pairfiles import refuse_pairs_file, write_pairs
    from facesql.pairtext import listed, saved
    from facesql.tables import files_of

    kind, cutoff = parse_kind(closest=closest, farthest=farthest, below=below, above=above)
    with files_of(_tables(faces, sample), skip_invalid=skip_invalid) as tables:
        if output is not None:
            refuse_pairs_file(output, tables.files, overwrite=overwrite)
        found = find_pairs(
            tables,
            kind,
            cutoff=cutoff,
            person=person,
            most=most,
            metric=parse_choice(metric, Metric, "metric") if metric else None,
            skip_invalid=skip_invalid,
            threads=threads,
            memory_limit=parse_memory(memory_limit) if memory_limit else None,
            progress=True,
        )
        _say_doubts(found.doubts)
        if output is None:
            print(listed(found))
            return
        crops = Crops.of(tables.files, photos or (), wanted=not no_photos, names=tables.copies)
        write_pairs(found, output, crops, progress=True)
        print(saved(found, output, crops))


@app.command("map", rich_help_panel=_BEHIND)
def map_(
    faces: TablesArgument = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write: .html, .png, .svg, .vl.json, .csv or .parquet.")
    ] = DEFAULT_MAP,
    limit: Annotated[int, typer.Option(min=1, help="The most points, those of the people with most photos.")] = 6000,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="The same seed draws the same map.")] = 0,
    photos: PhotosOption = None,
    sample: Sample = None,
    *,
    each_face: Annotated[bool, typer.Option("--each-face", help="A point a face, not a person.")] = False,
    no_photos: NoPhotos = False,
    skip_invalid: SkipInvalid = False,
) -> None:
    """Draw a map on which people who look alike to the network stand side by side."""
    from facesql.mapping import map_faces
    from facesql.maptext import mapped

    drawn, why = map_faces(
        _tables(faces, sample),
        output,
        each_face=each_face,
        limit=limit,
        seed=seed,
        photos=photos or (),
        pictures=not no_photos,
        skip_invalid=skip_invalid,
        progress=True,
    )
    print(mapped(drawn, output, why))


@app.command(rich_help_panel=_BEHIND)
def projector(
    faces: TablesArgument = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write to.")] = DEFAULT_PROJECTOR,
    photos: PhotosOption = None,
    sample: Sample = None,
    *,
    no_photos: NoPhotos = False,
    skip_invalid: SkipInvalid = False,
) -> None:
    """Write the encodings as TensorBoard's Embedding Projector reads them, to look at them in three dimensions."""
    from facesql.maptext import projected
    from facesql.projector import write_projector

    result = write_projector(
        _tables(faces, sample),
        output,
        photos=photos or (),
        pictures=not no_photos,
        skip_invalid=skip_invalid,
        progress=True,
    )
    print(projected(result))


@app.command(rich_help_panel=_BEHIND)
def names(
    faces: TablesArgument = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write: .html, .png, .svg, .vl.json, .csv or .parquet.")
    ] = DEFAULT_NAMES,
    sample: Sample = None,
    *,
    skip_invalid: SkipInvalid = False,
) -> None:
    """Draw the most frequent first names, of people named like George_W_Bush."""
    from facesql.maptext import named
    from facesql.naming import draw_names

    found, people = draw_names(_tables(faces, sample), output, skip_invalid=skip_invalid)
    print(named(found, people, output))


ReportOption = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FOLDER",
        help="The folder of a finished analysis, which tells what distances mean.",
        show_default=f"{DEFAULT_REPORT}, if there is one",
    ),
]
NoReport = Annotated[bool, typer.Option("--no-report", help="Do without a report.")]
GenuineShare = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="How many of your own comparisons are of one person.",
        show_default="as in the report",
    ),
]
MaxMegapixels = Annotated[float, typer.Option(min=0.001, help="Refuse photos larger than this.")]
RowsOutput = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE.csv|.parquet|.json", help="A file to write to, too, a row a line of the answer."
    ),
]


@app.command(rich_help_panel=_ASKED)
def compare(
    first: Annotated[Path, typer.Argument(metavar="PHOTO", help="A photo.")],
    second: Annotated[Path, typer.Argument(metavar="PHOTO", help="Another one.")],
    report: ReportOption = None,
    genuine_share: GenuineShare = None,
    output: RowsOutput = None,
    max_megapixels: MaxMegapixels = 120.0,
    *,
    no_report: NoReport = False,
    overwrite: Overwrite = False,
) -> None:
    """Say how far apart the faces of two photos are, and what that means. 1 is the exit code where one has no face."""
    from facesql import encoder

    encoder.require()
    from facesql.phototext import compared
    from facesql.rowfiles import refuse_file, write_rows
    from facesql.twophotos import compare_photos

    if output is not None:
        refuse_file(output, overwrite=overwrite)
    found = compare_photos(
        first,
        second,
        _report(report, no_report=no_report),
        genuine_share=genuine_share,
        max_megapixels=max_megapixels,
    )
    _say_doubts(found.doubts)
    print(compared(found))
    if output is not None:
        write_rows(found.table, output)


@app.command(rich_help_panel=_ASKED)
def identify(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="A photo.")],
    faces: TablesArgument = None,
    report: ReportOption = None,
    most: Annotated[int, typer.Option("-n", min=1, metavar="N", help="How many people at most, for each face.")] = 5,
    genuine_share: GenuineShare = None,
    output: RowsOutput = None,
    max_megapixels: MaxMegapixels = 120.0,
    sample: Sample = None,
    *,
    no_report: NoReport = False,
    skip_invalid: SkipInvalid = False,
    overwrite: Overwrite = False,
) -> None:
    """Say who of a table is nearest to each face of a photo, and what that means. 1 is the exit code without a face."""
    from facesql import encoder

    encoder.require()
    from facesql.identifying import identify_photo
    from facesql.phototext import identified
    from facesql.rowfiles import refuse_file, write_rows

    if output is not None:
        refuse_file(output, overwrite=overwrite)
    found = identify_photo(
        photo,
        _tables(faces, sample),
        _report(report, no_report=no_report),
        most=most,
        genuine_share=genuine_share,
        skip_invalid=skip_invalid,
        max_megapixels=max_megapixels,
    )
    _say_doubts(found.doubts)
    print(identified(found))
    if output is not None:
        write_rows(found.table, output)


@app.command(rich_help_panel=_ASKED)
def protocol(
    pairs: Annotated[
        Path,
        typer.Argument(help="A list of pairs: LFW's pairs.txt, or a .csv with the columns a,b,same and perhaps fold."),
    ],
    faces: TablesArgument = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER|FILE",
            help="A folder for tables, charts and figures; or a file for the ROC alone: .html, .png, .svg, .vl.json, "
            ".csv or .parquet.",
            show_default="print",
        ),
    ] = None,
    metric: TableMetric = None,
    cutoff: Annotated[
        str | None,
        typer.Option(metavar="DISTANCE", help="A cut-off for all folds.", show_default="0.6 for euclidean, else none"),
    ] = None,
    suffix: Annotated[str, typer.Option(help="How the names of the photos of pairs.txt end.")] = ".jpg",
    folds: Annotated[
        str,
        typer.Option(
            metavar="order|people",
            help="How a list without folds is cut: in its order, or by people, nobody being in two if that can be.",
        ),
    ] = "order",
    sample: Sample = None,
    *,
    skip_invalid: SkipInvalid = False,
) -> None:
    """Decide the pairs of a list, as LFW's View 2 does: the cut-off chosen on nine folds, judged on the tenth."""
    from facesql.binning import Metric
    from facesql.protocol import FoldRule, parse_fixed, run_protocol
    from facesql.protocoltext import told

    found = run_protocol(
        pairs,
        _tables(faces, sample),
        output,
        metric=parse_choice(metric, Metric, "metric") if metric else None,
        cutoff=parse_fixed(cutoff),
        suffix=suffix,
        folds=parse_choice(folds, FoldRule, "rule for folds"),
        skip_invalid=skip_invalid,
    )
    _say_doubts(found.doubts)
    print(told(found, output))


@app.command("compare-tables", rich_help_panel=_ASKED)
def compare_tables(
    a: Annotated[str, typer.Argument(help="A table of faces, or its address.")],
    b: Annotated[str, typer.Argument(help="Another one of the same photos, such as by another encoder.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="A folder for tables and charts.", show_default="print"),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            metavar="euclidean|sqeuclidean|cosine|inner",
            help="How far two encodings are apart, in both tables.",
            show_default="what import has noted in each, or else euclidean",
        ),
    ] = None,
    metric_b: Annotated[
        str | None, typer.Option(metavar="METRIC", help="That of table B.", show_default="as --metric says")
    ] = None,
    max_fmr: Annotated[
        float, typer.Option(metavar="RATE", help="The false match rate at which misses decide which is better.")
    ] = 0.001,
    confidence: Annotated[float, typer.Option(metavar="SHARE", help="How sure intervals are to be.")] = 0.95,
    threads: Threads = None,
    *,
    skip_invalid: SkipInvalid = False,
) -> None:
    """Say which of two tables of the same photos tells people apart better, and whether that is sure."""
    from facesql.binning import Metric
    from facesql.comparisontext import differing
    from facesql.twotables import compare_tables as compare

    found = compare(
        _table(a),
        _table(b),
        output,
        metric_a=parse_choice(metric, Metric, "metric") if metric else None,
        metric_b=parse_choice(other, Metric, "metric") if (other := metric_b or metric) else None,
        max_fmr=max_fmr,
        confidence=confidence,
        skip_invalid=skip_invalid,
        threads=threads,
        progress=True,
    )
    print(differing(found, output))


@app.command("import", rich_help_panel=_TABLES)
def import_(
    source: Annotated[
        str,
        typer.Argument(
            help="Encodings that another program made: a CSV, JSON, Parquet, .npy or .npz file, or the address of one "
            "of the first three."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The table to write.")] = DEFAULT_FACES,
    id_: Annotated[
        str | None, typer.Option("--id", metavar="COLUMN", help="The id.", show_default="id, img_path and the like")
    ] = None,
    person: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Whom it shows.",
            show_default="person, label and the like, or else the first folder of the id",
        ),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="The list of numbers; or, of a column a number, what their names begin with, such as e of e0, e1, ...",
            show_default="encoding, embedding and the like, or else columns that are numbered",
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The id and the person of each encoding of a .npy or .npz file, a line each."
        ),
    ] = None,
    root: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="The folder in which ids have a folder for each person; it is left out."),
    ] = None,
    leave_out: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="A column not to carry along; may be given again.")
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            metavar="euclidean|sqeuclidean|cosine|inner",
            help="What the encodings are made for, noted in the table: all commands but sql and shell go by it.",
        ),
    ] = None,
    *,
    skip_invalid: SkipInvalid = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing table.")] = False,
) -> None:
    """Turn encodings that another program made into a table of faces."""
    from facesql.binning import Metric
    from facesql.importing import import_faces
    from facesql.importtext import imported

    summary = import_faces(
        source,
        output,
        id_column=id_,
        person_column=person,
        encoding_column=encoding,
        labels=labels,
        root=root,
        leave_out=leave_out or (),
        metric=parse_choice(metric, Metric, "metric") if metric else None,
        skip_invalid=skip_invalid,
        overwrite=overwrite,
        progress=True,
    )
    print(imported(summary))


@app.command(rich_help_panel=_FIRST)
def cluster(
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes.", show_default="one a core")] = None,
    threads_per_worker: Annotated[int, typer.Option(min=1, help="Threads of each worker.")] = 1,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The scheduler's port; 0: a free one.")] = 8786,
    dashboard_port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port of the dashboard, if bokeh is installed; 0: a free one.")
    ] = 8787,
    host: Annotated[
        str,
        typer.Option(
            help="The address to listen on. Whoever can reach it can run programs as you: Dask's connections are "
            "neither authenticated nor encrypted, unless Dask's own configuration says so (TLS)."
        ),
    ] = "127.0.0.1",
) -> None:
    """Start a Dask cluster on this machine, for --scheduler to try out, until Ctrl-C."""
    from time import sleep

    from facesql.localcluster import local_cluster
    from facesql.text import started

    try:
        with local_cluster(
            workers=workers, threads=threads_per_worker, port=port, dashboard_port=dashboard_port, host=host
        ) as running:
            print(started(running), flush=True)
            while True:  # a wait without end would not see the signal where another thread gets it
                sleep(0.2)
    except KeyboardInterrupt:
        print("facesql: the cluster has ended", file=sys.stderr)


@app.command(rich_help_panel=_FIRST)
def chart(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="The charts to draw.", show_default="all")
    ] = None,
    report: Annotated[Path, typer.Option(help="The folder of a finished analysis.")] = DEFAULT_REPORT,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The folder to write to.", show_default="the report's")
    ] = None,
    formats: Annotated[str, typer.Option(help="What charts are written as, beside Vega-Lite JSON.")] = "html,png,svg",
    width: Annotated[int | None, typer.Option(min=100, max=5000, help="Of the plot, in pixels.")] = None,
    height: Annotated[int | None, typer.Option(min=100, max=5000, help="Of the plot, in pixels.")] = None,
    title: Annotated[str | None, typer.Option(help="The title of one chart.")] = None,
    *,
    list_names: Annotated[bool, typer.Option("--list", help="Say which charts there are.")] = False,
) -> None:
    """Draw the charts of a finished analysis again: others, larger, or in other formats."""
    from facesql.redraw import draw_charts, list_charts
    from facesql.report import parse_formats

    if list_names:
        print("\n".join(f"{name:20} {what}" for name, what in list_charts().items()))
        return
    files = draw_charts(
        report, names or (), output, formats=parse_formats(formats), width=width, height=height, title=title
    )
    print("\n".join(plain(str(path)) for path in files))


SOURCE_HELP = "A Parquet file of faces, or its address, or the folder of a report."
SOURCE_DEFAULT = f"{DEFAULT_REPORT}, or else {DEFAULT_FACES}"
SourceArgument = Annotated[
    str | None,
    typer.Argument(metavar="[FACES|REPORT]", help=SOURCE_HELP, show_default=SOURCE_DEFAULT),
]
Write = Annotated[bool, typer.Option("--write", help="Let SQL change the report's database.")]


@app.command(rich_help_panel=_TABLES)
def sql(
    query: Annotated[str | None, typer.Argument(help="SQL; of several statements the last is shown.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="A file of SQL instead; - reads stdin.")] = None,
    params: Annotated[
        list[str] | None,
        typer.Option("--param", metavar="NAME=VALUE", help="What $name stands for, or the variable name; repeatable."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="FACES|REPORT", help=SOURCE_HELP, show_default=SOURCE_DEFAULT),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="table|csv|json|markdown|parquet",
            help="How the result is written.",
            show_default="by the output's suffix, or else table",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file to write to.", show_default="print")
    ] = None,
    sample: Sample = None,
    *,
    overwrite: Overwrite = False,
    write: Write = False,
) -> None:
    """Ask one question in SQL, of a report or of a table of faces."""
    from facesql.parameters import parse_parameters
    from facesql.query import parse_format, refuse_output, run_query, write_result
    from facesql.sources import opened, warn_of_doubts
    from facesql.textfile import read_stdin, read_text

    if (query is None) == (file is None):
        raise typer.BadParameter("give either a query or --file")
    wanted = parse_format(form, output)
    if wanted == "parquet" and output is None and sys.stdout.isatty():
        raise typer.BadParameter("Parquet is not for a terminal; name a file with --output")
    parameters = parse_parameters(params or ())
    text = (read_stdin() if str(file) == "-" else read_text(file)) if file is not None else query or ""
    with _source(source, sample) as asked:
        if output is not None:
            refuse_output(output, asked.file, overwrite=overwrite)
        with opened(asked, write=write) as connection:
            warn_of_doubts(asked, connection)
            width = shutil.get_terminal_size().columns if output is None and sys.stdout.isatty() else None
            result = run_query(connection, text, wanted, width, parameters)
    if output is None:
        _print_bytes(result)
    elif result:
        write_result(result, output)


@app.command(rich_help_panel=_TABLES)
def shell(source: SourceArgument = None, sample: Sample = None, *, write: Write = False) -> None:
    """Open the DuckDB shell on a report or on a table of faces, with facesql's SQL loaded."""
    from facesql.shell import run_shell

    with _source(source, sample) as asked:
        code = run_shell(asked, write=write)
    raise typer.Exit(code)


@app.command(rich_help_panel=_TABLES)
def forget(
    people: Annotated[list[str], typer.Argument(metavar="PERSON", help="Whom to remove, as their folders are named.")],
    faces: Annotated[
        Path | None,
        typer.Option(help="The table that encode wrote.", show_default=f"{DEFAULT_FACES}, if there is one"),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="The folder of a finished analysis.", show_default=f"{DEFAULT_REPORT}, if there is one"),
    ] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and change nothing.")] = False,
) -> None:
    """Remove people from the tables, the work of a stopped run and a report. Photos are not touched."""
    from facesql.forget import forget_people, keeps
    from facesql.sources import DATABASE
    from facesql.text import forgotten

    if faces is None and keeps(DEFAULT_FACES):
        faces = DEFAULT_FACES
    if report is None and (DEFAULT_REPORT / DATABASE).exists():
        report = DEFAULT_REPORT
    print(forgotten(forget_people(people, faces, report, dry_run=dry_run)))


@app.command(rich_help_panel=_BEHIND)
def suspects(
    faces: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FACES]...",
            help="Tables of faces, as encode writes them, or their addresses; several are compared as one.",
            show_default=str(DEFAULT_FACES),
        ),
    ] = None,
    most: Annotated[
        int | None,
        typer.Option(
            "-n", min=1, metavar="N", help="Only the first N.", show_default="all, of which the first 20 are printed"
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE.csv|.parquet|.json|.html", help="A file to write all that is known to."
        ),
    ] = None,
    accept: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Write exclude.txt and relabel.csv there, for encode and analyze. Edit them first."
        ),
    ] = None,
    cutoff: Annotated[
        str | None,
        typer.Option(
            metavar="DISTANCE",
            help="The cut-off that errors are counted at.",
            show_default=f"that which {DEFAULT_REPORT} beside the table recommends, or else 0.6",
        ),
    ] = None,
    probability: Annotated[
        float, typer.Option(metavar="SHARE", help="How probable it is, at least, that it is an error.")
    ] = 0.1,
    photos: Annotated[
        list[Path] | None,
        typer.Option(help="Where the photos are, for a page.", show_default="where they were when they were encoded"),
    ] = None,
    threads: Threads = None,
    sample: Sample = None,
    *,
    no_photos: Annotated[bool, typer.Option("--no-photos", help="Show no pictures on the page.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")] = False,
) -> None:
    """List photos that are probably mislabelled, there twice or of the wrong face, those first that do most harm."""
    from facesql.binning import parse_number
    from facesql.crops import Crops
    from facesql.output import refuse_existing
    from facesql.suspectfiles import parse_output, refuse_corrections, write_corrections, write_suspects
    from facesql.suspects import find_suspects
    from facesql.suspecttext import accepted, suspected
    from facesql.tables import files_of

    if output is not None:
        parse_output(output)
        refuse_existing(output, overwrite=overwrite)
    if accept is not None:
        refuse_corrections(accept, overwrite=overwrite)
    with files_of(_tables(faces, sample)) as tables:
        found = find_suspects(
            tables,
            cutoff=parse_number(cutoff, "cut-off") if cutoff is not None else None,
            most=most,
            probability=probability,
            threads=threads,
            progress=True,
        )
        print(suspected(found, most))
        if output is not None:
            write_suspects(
                found, output, Crops.of(tables.files, photos or (), wanted=not no_photos, names=tables.copies)
            )
    if accept is not None:
        print(accepted(str(accept), write_corrections(found, accept)))


@app.command(rich_help_panel=_FIRST)
def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write to.")] = DEFAULT_DEMO,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes.", show_default="one a core")] = None,
) -> None:
    """Draw twenty people, encode and analyze them, then analyze real people: the whole job in a minute."""
    from facesql import encoder

    encoder.require()
    from facesql.demo import run_demo
    from facesql.text import analyzed, compared, demonstrated, encoded

    result = run_demo(output, workers=workers, progress=True)
    print(encoded(result.encoded), analyzed(result.analyzed), demonstrated(result), compared(result), sep="\n\n")


def _say_doubts(doubts: "Sequence[str]") -> None:
    for doubt in doubts:
        print(f"facesql: {plain(doubt)}", file=sys.stderr)


def _open(page: Path) -> None:
    """Open a page in the user's browser; where there is none, a sentence says so."""
    import webbrowser

    try:
        opened = webbrowser.open(page.resolve().as_uri())
    except (OSError, webbrowser.Error):
        opened = False
    if not opened:
        print(f"facesql: no browser could be opened; open {plain(repr(str(page)))} yourself.", file=sys.stderr)


def _print_bytes(content: bytes) -> None:
    """Print all of it, however little an unbuffered stdout takes at a time."""
    sys.stdout.flush()
    left = memoryview(content)
    while left:
        left = left[sys.stdout.buffer.write(left) :]


def _named(table: str | None, sample: str | None) -> Path | str | None:
    """The table of a sample, or else the path or the address that was named."""
    if sample is None:
        return table if table is None else _table(table)
    if table is not None:
        raise typer.BadParameter("name a table or --sample, not both")
    from facesql.sources import sample_faces

    return sample_faces(sample)


def _table(named: str) -> Path | str:
    """A path, or an address, which as a path would lose a slash."""
    return named if "://" in named else Path(named)


def _tables(faces: list[str] | None, sample: str | None) -> list[Path | str]:
    """The tables of faces that are named, that of a sample, or the default."""
    first = _named(faces[0] if faces else None, sample) or DEFAULT_FACES
    return [first, *map(_table, (faces or [])[1:])]


def _plan(
    scheduler: str | None,
    tables: list[Path | str],
    output: Path,
    sample: "SampleWanted | None",
    wanted: "Wanted",
    how: _How,
) -> "tuple[Plan | SamplePlan, Size | None]":
    """How the tables would be compared, and the size of the cluster that would do so."""
    from facesql.analyze import plan_analysis
    from facesql.comparing import working_for
    from facesql.pairs import Plan

    with working_for(scheduler) as workers:
        plan = plan_analysis(tables, output, sample=sample, wanted=wanted, **how)
        if workers is None:
            return plan, None
        from facesql.cluster import larger

        return larger(plan, workers.size) if isinstance(plan, Plan) else plan, workers.size


def _report(named: Path | None, *, no_report: bool) -> Path | None:
    """The report that is named, or else the default, if there is one."""
    if no_report:
        if named is not None:
            raise typer.BadParameter("name a report or --no-report, not both")
        return None
    from facesql.sources import DATABASE

    return DEFAULT_REPORT if named is None and (DEFAULT_REPORT / DATABASE).exists() else named


@contextmanager
def _source(named: str | None, sample: str | None) -> "Iterator[Source]":
    """What SQL is asked of; what is at an address is a file meanwhile."""
    from facesql.sources import find_source
    from facesql.tables import files_of

    table = _named(named, sample)
    with files_of([] if table is None else table) as tables:
        yield find_source(next(iter(tables.files), None), (DEFAULT_REPORT, DEFAULT_FACES))


def main() -> NoReturn:
    """Run the command line. What a user can mend is one sentence on stderr and exit code 1; a wrong usage is 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal cannot show is no reason to fail
            stream.reconfigure(errors="backslashreplace")
    # A command's packages are a million objects: to look for garbage among them again and again, and at the end once
    # more, takes most of a second.
    gc.set_threshold(200_000)
    atexit.register(gc.freeze)
    os.umask(0o077)  # what DuckDB and others leave beside our files is biometric data, too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        app()
    except FacesqlError as error:
        print(f"facesql: {plain(str(error))}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        where = "stdout" if error.filename is None else repr(error.filename)
        print(f"facesql: {plain(where)}: {error.strerror}; check the name and your rights.", file=sys.stderr)
        sys.exit(1)
    except SystemExit as stop:
        if stop.code == INTERRUPTED:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # once is enough
            print("facesql: stopped; nothing is half-written", file=sys.stderr)
        raise
    sys.exit(0)


if __name__ == "__main__":
    main()
