"""Shared by all commands: the progress bar, Ctrl-C, and errors as sentences."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from core import unexpected
from core.errors import CoreError

if TYPE_CHECKING:
    from core.records import ReportProgress


def run(app: typer.Typer) -> None:
    """Run the command that the user typed. A CoreError becomes one sentence and exit status 2, without a traceback.

    An unexpected error shows its whole traceback on a terminal. Elsewhere the output is a log, so it holds no values.
    """
    try:
        app()
    except CoreError as error:
        typer.echo(str(error), err=True)
        sys.exit(2)
    except Exception as error:
        if sys.stderr.isatty():
            raise
        typer.echo(unexpected.log_entry(error, unexpected.new_reference()), err=True)
        sys.exit(1)


@contextmanager
def progress_bar(report: "ReportProgress" = lambda share, text: None) -> "Iterator[ReportProgress]":
    """Give a function that draws a progress bar and passes its arguments (share from 0 to 1, text) to `report`.

    Outside a terminal it draws nothing.
    """
    from tqdm import tqdm

    with tqdm(total=100, unit="%", bar_format="{l_bar}{bar}| {elapsed}<{remaining}", disable=None) as drawn:

        def draw_and_report(share: float, text: str) -> None:
            drawn.set_description_str(text)
            drawn.update(round(100 * share) - drawn.n)
            report(share, text)

        yield draw_and_report


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C end the block cleanly, with a sentence and exit status 130.

    A second Ctrl-C is ignored: stopping the workers and releasing the lock of the run takes a few seconds and must not
    be cut short.
    """

    def on_ctrl_c(*_: Any) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    def on_ignored_error(ignored: Any) -> None:
        # Python ignores errors in finalizers and in callbacks of its garbage collection. If Ctrl-C fell into one of
        # them, the run would go on. So the signal is sent again when that callback is over.
        if issubclass(ignored.exc_type, KeyboardInterrupt):
            signal.signal(signal.SIGINT, on_ctrl_c)
            main = threading.main_thread().ident or 0
            threading.Timer(0.05, signal.pthread_kill, (main, signal.SIGINT)).start()
        else:
            ignored_before(ignored)

    in_main_thread = threading.current_thread() is threading.main_thread()  # only there can a handler be set
    ignored_before = sys.unraisablehook
    before = signal.signal(signal.SIGINT, on_ctrl_c) if in_main_thread else None
    if in_main_thread:
        sys.unraisablehook = on_ignored_error
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("\nStopped. The results so far are stored; run the same command again to continue.", err=True)
        raise typer.Exit(130) from None
    finally:
        if in_main_thread:
            sys.unraisablehook = ignored_before
            signal.signal(signal.SIGINT, before)
