"""The pages of the library's functions, written by pdoc from their docstrings.

pdoc alone shows what a package holds once it is imported; facesql's verbs are imported when they are first used, and so
they are used here. Run it with: python -m tests.api_pages FOLDER
"""

import sys
from pathlib import Path
from pkgutil import iter_modules

import pdoc

import facesql


def write_pages(folder: Path) -> list[str]:
    """Write a page for each module but that of the commands; returns the modules."""
    for verb in facesql.__all__:
        getattr(facesql, verb)
    modules = sorted(f"facesql.{module.name}" for module in iter_modules(facesql.__path__) if module.name != "cli")
    pdoc.pdoc("facesql", *modules, output_directory=folder)
    return ["facesql", *modules]


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
