"""Starting the server: a free port on the loopback interface, a fresh token, an address to click on."""

import secrets
import socket
import threading
from pathlib import Path
from types import FrameType

from starlette.types import ASGIApp

from latebloom.errors import LatebloomError
from latebloom.view.assets import Assets, built
from latebloom.view.lab import Lab
from latebloom.view.server.app import build
from latebloom.view.server.guard import Guard

HTTP = 80  # the port that browsers do not name
LOOPBACK = ("127.0.0.1", "localhost", "::1")
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # all interfaces, which no browser can open -> one of them here


def guarded(
    lab: Lab, assets: Assets, token: str, host: str, port: int, ending: threading.Event | None = None
) -> ASGIApp:
    """The whole application behind its guard; once `ending` is set, streams of events come to their end."""
    names = {*addresses(host), *(LOOPBACK if host in LOOPBACK or host in EVERYWHERE else ())}
    shown = [bracketed(name) for name in names]
    hosts = frozenset([f"{name}:{port}" for name in shown] + (shown if port == HTTP else []))
    return Guard(build(lab, assets, ending), token, hosts, cookie=f"latebloom-{port}")


def addresses(host: str) -> list[str]:
    """Names that a browser can open: the interface itself; of all interfaces one of this machine, and its name."""
    return [EVERYWHERE[host], socket.gethostname().lower()] if host in EVERYWHERE else [host]


def bracketed(name: str) -> str:
    """A name or number as it stands in an address."""
    return f"[{name}]" if ":" in name else name


def serve(home: Path, ledger: Path, host: str = "127.0.0.1", port: int = 0, browser: bool = True) -> None:
    """Shows the lab until interrupted.

    Args:
        home: folder of runs.
        ledger: folder of the ledger.
        host: the interface to listen on; anything but loopback lets other machines on the network ask.
        port: 0 for any that is free.
        browser: whether to open a browser window.

    Raises `LatebloomError` if the address cannot be listened on.
    """
    import webbrowser

    import uvicorn

    assets = built()
    listening = _listen(host, port)
    port = listening.getsockname()[1]
    token = secrets.token_urlsafe(32)
    ending = threading.Event()
    app = guarded(Lab(home, ledger), assets, token, host, port, ending)
    address, *elsewhere = [f"http://{bracketed(name)}:{port}/?token={token}" for name in addresses(host)]
    print(f"The lab is at {address}\nRuns: {home}   Ledger: {ledger}/   Ctrl-C ends it.", flush=True)
    for other in elsewhere:
        print(f"From other machines: {other}", flush=True)
    if host not in LOOPBACK:
        print(f"Note: {host} can be reached from other machines, without encryption.", flush=True)
    if browser:
        webbrowser.open(address)
    settings = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, lifespan="off", timeout_graceful_shutdown=1
    )

    class Server(uvicorn.Server):
        """Tells open pages that it ends: their streams would otherwise be broken off, with a traceback each."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            ending.set()
            super().handle_exit(sig, frame)

    Server(settings).run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except (OSError, OverflowError) as error:
        listening.close()
        raise LatebloomError(
            f"Cannot listen on {host}, port {port}: {error}. Take another --port (0: any that is free) or --host."
        ) from None
    return listening
