"""`flott` on a terminal of its own, as a person sees it."""
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading

from flott_cluster import FLOTT, SLOW_MACHINE, until

ALTERNATE_SCREEN, NORMAL_SCREEN, HIDE_CURSOR, SHOW_CURSOR = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25l", "\x1b[?25h"


class Terminal:
    """Runs the command until it is told to end; `text` is all that was written. `test` cleans up."""

    def __init__(self, test, *arguments, rows=24, columns=120):
        self._ours, self._its = pty.openpty()
        self._chunks = []
        self.resize(rows, columns)
        self.settings = termios.tcgetattr(self._its)
        self.process = subprocess.Popen([FLOTT, *map(str, arguments)], stdin=self._its, stdout=self._its, stderr=self._its,
                                        start_new_session=True, env={**os.environ, "TERM": "xterm"},
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        test.addCleanup(self.close)

    def _read(self):
        while True:
            try:
                chunk = os.read(self._ours, 65536)
            except OSError:
                return
            self._chunks.append(chunk)

    @property
    def text(self):
        return b"".join(self._chunks).decode(errors="replace")

    @property
    def screen(self):
        """The lines of the last whole picture."""
        pictures = self.text.split("\x1b[H")
        whole = [picture for picture in pictures if "\x1b[J" in picture]
        return [re.sub("\x1b\\[[0-9;?]*[a-zA-Z]", "", line) for line in whole[-1].split("\n")] if whole else []

    def wait_for(self, what):
        """Until this stands on the screen."""
        until(lambda: any(what in line for line in self.screen), lambda: f"{what!r} on the screen:\n" + "\n".join(self.screen))

    def press(self, keys):
        os.write(self._ours, keys.encode())

    def resize(self, rows, columns):
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait(self, seconds=30):
        return self.process.wait(seconds * SLOW_MACHINE)

    def restored(self):
        """Whether the terminal is as it was before."""
        until(lambda: NORMAL_SCREEN in self.text, "the normal screen")
        return (termios.tcgetattr(self._its) == self.settings and
                self.text.rindex(NORMAL_SCREEN) > self.text.rindex(ALTERNATE_SCREEN) and
                self.text.rindex(SHOW_CURSOR) > self.text.rindex(HIDE_CURSOR))

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._its)                        # then the reader's end is reached
        self._reader.join(10)
        os.close(self._ours)
