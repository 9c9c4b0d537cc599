"""A checkpoint is written in a thread of its own, from host copies, while the training goes on."""

import threading
from collections.abc import Callable


class Background:
    """One piece of work at a time; its error is raised by the next call."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def start(self, work: Callable[[], None]) -> None:
        """Starts a piece of work, after the one before it has ended."""
        self.wait()
        self._thread = threading.Thread(target=self._run, args=(work,), name='retrax checkpoint')
        self._thread.start()

    def wait(self) -> None:
        """Waits for the end of the work, and raises what it has raised."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _run(self, work):
        try:
            work()
        except BaseException as error:  # of any kind: it is raised where it can be told
            self._error = error
