"""Ctrl-C and SIGTERM while a run trains: noted at once, obeyed where nothing is half done."""

import contextlib
import signal
import threading
from collections.abc import Iterator

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(KeyboardInterrupt):
    """A run was asked to stop.

    Attributes:
      signum: by which signal.
    """

    def __init__(self, signum: int):
        super().__init__(f'stopped by {signal.Signals(signum).name}')
        self.signum = signum


class StopRequest:
    """Whether a run was asked to stop: false until a signal came."""

    def __init__(self):
        self.signum: int | None = None

    def __bool__(self):
        return self.signum is not None

    def receive(self, signum: int, frame: object) -> None:
        """Handles a signal; the second one does not wait for a good moment.

        Raises:
          Stopped: it is the second.
        """
        if self.signum is not None:
            raise Stopped(signum)
        self.signum = signum

    def obey(self) -> None:
        """Raises Stopped if a signal came."""
        if self.signum is not None:
            raise Stopped(self.signum)


@contextlib.contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Collects the signals of a block of code; only the main thread can."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {signum: signal.signal(signum, request.receive) for signum in SIGNALS}
    try:
        yield request
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler if handler is not None else signal.SIG_DFL)
