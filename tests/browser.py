"""A page in headless Chromium, driven by keys and mouse; nothing but the browser is needed."""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser')
_OPTIONS = (
    *('--headless=new', '--no-sandbox', '--disable-gpu', '--remote-debugging-pipe'),
    *('--no-first-run', '--disable-extensions', '--disable-background-networking'),
)
# Chromium reads commands from 3 and answers at 4. In a process of its own: jax may not be forked.
_START = (
    'import os, sys; a, b = (os.dup(int(fd)) for fd in sys.argv[1:3]); '
    'os.dup2(a, 3); os.dup2(b, 4); [os.set_inheritable(fd, True) for fd in (3, 4)]; '
    'os.execv(sys.argv[3], sys.argv[3:])'
)


class Browser:
    """Speaks the DevTools protocol over the pipe that Chromium was started with."""

    def __init__(self, to: Any, of: Any):
        self._to, self._of, self._count, self._session = to, of, 0, None
        self.problems: list[str] = []  # errors of scripts, and what was refused or asked for
        self._unread = b''

    def tell(self, method: str, **parameters: Any) -> Any:
        """Returns what Chromium answers."""
        self._count += 1
        message = {'id': self._count, 'method': method, 'params': parameters}
        if self._session:
            message['sessionId'] = self._session
        self._to.write(json.dumps(message).encode() + b'\0')
        self._to.flush()
        while True:
            answer = self._next()
            if answer.get('id') == self._count:
                assert 'error' not in answer, answer
                return answer['result']
            self._hear(answer)

    def open(self, file: Path, width: int, height: int, dark: bool = False) -> None:
        """Opens a file in a window of a size."""
        self._session = None
        target = self.tell('Target.createTarget', url='about:blank')['targetId']
        attached = self.tell('Target.attachToTarget', targetId=target, flatten=True)
        self._session = attached['sessionId']
        for domain in ('Page', 'Runtime', 'Log', 'Network'):
            self.tell(f'{domain}.enable')
        self.tell(
            'Emulation.setDeviceMetricsOverride',
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {'name': 'prefers-color-scheme', 'value': 'dark' if dark else 'light'}
        self.tell('Emulation.setEmulatedMedia', features=[scheme])
        self._scripts(True)
        self._go(file)

    def reopen_without_scripts(self, file: Path) -> None:
        """Opens a file as in a browser that runs no scripts."""
        self._scripts(False)
        self._go(file)

    def see(self, expression: str) -> Any:
        """Returns the value of an expression in the page."""
        found = self.tell('Runtime.evaluate', expression=expression, returnByValue=True)
        assert 'exceptionDetails' not in found, found
        return found['result'].get('value')

    def press(self, *keys: str) -> None:
        """Presses keys, one after another."""
        for key in keys:
            for kind in ('keyDown', 'keyUp'):
                self.tell('Input.dispatchKeyEvent', type=kind, key=key)

    def click(self, selector: str, dx: float = 0.5, dy: float = 0.5) -> None:
        """Clicks into an element, at a part of its width and height."""
        box = self.see(
            f'(() => {{ const e = document.querySelector({json.dumps(selector)});'
            "e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect();"
            'return [b.x, b.y, b.width, b.height] })()'
        )
        place = {'x': box[0] + dx * box[2], 'y': box[1] + dy * box[3]}
        for kind in ('mousePressed', 'mouseReleased'):
            self.tell('Input.dispatchMouseEvent', type=kind, button='left', clickCount=1, **place)

    def picture(self, whole: bool = False) -> bytes:
        """Returns a PNG of the window, or of the whole page."""
        found = self.tell('Page.captureScreenshot', format='png', captureBeyondViewport=whole)
        return base64.b64decode(found['data'])

    def _scripts(self, run):
        self.tell('Emulation.setScriptExecutionDisabled', value=not run)

    def _go(self, file):
        self.tell('Page.navigate', url=file.absolute().as_uri())
        while (answer := self._next()).get('method') != 'Page.loadEventFired':
            self._hear(answer)

    def _hear(self, event):
        method, said = event.get('method'), event.get('params', {})
        if method in ('Runtime.exceptionThrown', 'Log.entryAdded', 'Runtime.consoleAPICalled'):
            self.problems.append(json.dumps(said)[:500])
        if method == 'Network.requestWillBeSent':
            url = said['request']['url']
            if not url.startswith(('file:', 'about:')):
                self.problems.append(f'asked for {url}')

    def _next(self):
        while b'\0' not in self._unread:
            more = os.read(self._of.fileno(), 1 << 16)
            assert more, 'Chromium is gone'
            self._unread += more
        message, _, self._unread = self._unread.partition(b'\0')
        return json.loads(message)


@contextlib.contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A browser that ends with the block."""
    read_commands, write_commands = os.pipe()
    read_answers, write_answers = os.pipe()

    given = (read_commands, write_answers)
    process = subprocess.Popen(
        [sys.executable, '-c', _START, *map(str, given), str(CHROMIUM), *_OPTIONS]
        + [f'--user-data-dir={profile}'],
        pass_fds=given,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(read_commands)
    os.close(write_answers)
    try:
        with os.fdopen(write_commands, 'wb') as to, os.fdopen(read_answers, 'rb') as of:
            yield Browser(to, of)
    finally:
        process.terminate()
        process.wait(timeout=20)
