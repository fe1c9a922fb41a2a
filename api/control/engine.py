"""The engine as a process: ``python -m api.control.engine`` runs the loops of :mod:`api.control.rounds`.

It runs until SIGTERM. Any number of engines may run, on any hosts with the API's environment. Each survives restarts of
PostgreSQL and Redis.
"""

from __future__ import annotations

import gc
import logging
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from api.control.loops import LoopRunner

logger = logging.getLogger(__name__)


def main() -> int:
    """Run until SIGTERM or SIGINT; return the exit code."""
    gc.disable()  # what is loaded now stays: looking for garbage in it takes a fifth of the start
    from api.config import read_api_settings
    from tasks.errors import ConfigurationError
    from tasks.logs import configure_logging

    try:
        settings = read_api_settings()
    except ConfigurationError as error:
        sys.stderr.write(f"{error.detail}\n")
        return 2
    configure_logging(settings.log_level, settings.log_format)
    from api import create_app
    from api.control.rounds import build_runner

    run(build_runner(create_app(settings, serves=False)))
    return 0


def run(runner: LoopRunner) -> None:
    """Run loops until a signal ends them."""

    def stop(number: int, frame: FrameType | None) -> None:
        runner.ask_to_stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    gc.collect()
    gc.freeze()
    gc.enable()
    runner.start()
    logger.info("engine started")
    runner.join()
    logger.info("engine stopped")


if __name__ == "__main__":
    sys.exit(main())
