"""A Dask cluster: the connection to its scheduler, and whether its workers are fit for the work."""

import importlib.util
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb

import facesql
from facesql.errors import FacesqlError, MissingPackageError

if TYPE_CHECKING:
    from distributed import Client

INSTALL = "pip install 'facesql[cluster]'"
# How many seconds a scheduler has to answer, and its first worker to be there.
CONNECT, _FIRST_WORKER = 5, 5
# What Dask logs stands in sentences of our own, and would otherwise break the progress bar; its loop logs a
# traceback where Ctrl-C meets a question that is not asked yet.
_LOGGERS = ("distributed", "distributed.client", "tornado.application")


def is_installed() -> bool:
    """Whether the package that talks to a cluster is there."""
    return importlib.util.find_spec("distributed") is not None


def require() -> None:
    """Raise MissingPackageError, with the command that mends it, where the package for clusters is missing."""
    if not is_installed():
        raise MissingPackageError(f"A cluster needs distributed; run: {INSTALL}")


@contextmanager
def connected(address: str) -> Iterator["Client"]:
    """A client of the scheduler at an address such as tcp://10.0.0.1:8786, which is closed when the block ends.

    There is one worker at least, and all have this version of facesql and of DuckDB. Nothing but the scheduler is
    spoken to. TLS is as Dask's own configuration says.

    Raises MissingPackageError without distributed; FacesqlError where no scheduler answers within seconds, no worker is
    there, or one has another version.
    """
    require()
    with quiet():
        client = _client(address)
        try:
            _require_fit(client, address)
            yield client
        finally:
            client.close(timeout=CONNECT)


def versions() -> dict[str, str]:
    """What must be equal on the driver and its workers, for counts to be the same: versions by package."""
    return {"facesql": facesql.__version__, "duckdb": duckdb.__version__}


def refuse_other(here: Mapping[str, str], there: Mapping[str, str], where: str) -> None:
    """Raise FacesqlError where a worker, at address ``where``, has other versions than ``here`` or lacks a package."""
    for package, version in here.items():
        found = there.get(package)
        if found != version:
            has = f"has {package} {found}" if found else f"lacks {package}"
            raise FacesqlError(
                f"The worker at {where} {has}, and here is {version}; install the same version on all workers, restart "
                "them and run again."
            )


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back what Dask logs."""
    import distributed  # noqa: F401 - sets the levels when it is first imported

    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _client(address: str) -> "Client":
    from distributed import Client

    try:
        return Client(address, timeout=CONNECT, set_as_default=False)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        raise FacesqlError(
            f"No Dask scheduler answers at {address!r}; check the address, such as tcp://10.0.0.1:8786, and that it "
            "runs, or start one on this machine by: facesql cluster"
        ) from error


def _require_fit(client: "Client", address: str) -> None:
    try:
        _require_workers(client, address)
        _require_versions(client)
    except OSError as error:
        raise FacesqlError(
            f"The scheduler at {address!r} stopped answering; see that it runs, and try again."
        ) from error


def _require_workers(client: "Client", address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=_FIRST_WORKER)
    except TimeoutError as error:
        raise FacesqlError(
            f"The scheduler at {address!r} has no worker; start some by: dask worker {address}"
        ) from error


def _require_versions(client: "Client") -> None:
    def found() -> dict[str, str]:  # sent as it is, for a worker may lack this module
        from importlib import import_module

        present = {}
        for package in packages:
            try:
                present[package] = str(import_module(package).__version__)
            except ImportError:
                continue
        return present

    here, packages = versions(), list(versions())
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    told: Any = client.get_versions()
    for where, tells in told["workers"].items():
        there = ".".join(tells["packages"]["python"].split(".")[:2])
        refuse_other({"Python": python}, {"Python": there}, where)
    for where, present in client.run(found, on_error="ignore").items():
        refuse_other(here, present, where)
