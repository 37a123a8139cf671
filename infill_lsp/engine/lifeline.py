"""Makes an engine end with the process that started it, whatever the engine is doing at that time.

An engine notices the end of its standard input, but not while native code keeps Python from running, nor while it is
stopped. On Linux the kernel ends it.
"""

import ctypes
import select
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def end_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends; has no effect on systems other than Linux."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    poll = select.poll()
    poll.register(0, 0)
    if any(event & select.POLLHUP for _, event in poll.poll(0)):
        sys.exit("The server has ended already.")
