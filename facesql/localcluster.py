"""A Dask cluster on this machine, to try one out: a scheduler and worker processes, until they are told to stop."""

import importlib.util
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from facesql.errors import FacesqlError
from facesql.scheduler import quiet, require

LOOPBACK = "127.0.0.1"
# A terminal's Ctrl-C goes to the workers, too, who must wait for this process to end them.
_PRELOAD = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"


@dataclass(frozen=True)
class Started:
    """Where a cluster listens, and what it has."""

    address: str
    dashboard: str | None
    """None where the package that draws it is not installed."""
    workers: int
    threads: int
    """Those of each worker."""


@contextmanager
def local_cluster(
    *,
    workers: int | None = None,
    threads: int = 1,
    port: int = 0,
    dashboard_port: int = 0,
    host: str = LOOPBACK,
) -> Iterator[Started]:
    """A scheduler and so many worker processes (None: one a core) on this machine, which end with the block.

    They listen on ``host`` alone, at a free port where ``port`` is 0. There is no authentication and no encryption,
    unless Dask's own configuration says so.

    Raises MissingPackageError without distributed, FacesqlError where a port cannot be had.
    """
    require()
    from distributed import LocalCluster

    with quiet():
        try:
            cluster = LocalCluster(
                n_workers=workers or os.cpu_count() or 1,
                threads_per_worker=threads,
                host=host,
                scheduler_port=port,
                dashboard_address=f"{host}:{dashboard_port}",
                worker_dashboard_address=f"{host}:0",
                silence_logs=logging.CRITICAL,
                preload=[_PRELOAD],
            )
        except (OSError, RuntimeError, UserWarning) as error:
            raise FacesqlError(
                f"No cluster can listen on {host!r}, port {port} ({error}); name other ones with --host and --port."
            ) from error
        with cluster:
            drawn = importlib.util.find_spec("bokeh") is not None
            yield Started(
                cluster.scheduler_address, cluster.dashboard_link if drawn else None, len(cluster.workers), threads
            )
