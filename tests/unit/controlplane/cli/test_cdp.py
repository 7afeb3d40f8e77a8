"""A browser's DevTools connection that ends under a command."""

import threading
from collections.abc import Iterator

import pytest
from websockets.sync.server import ServerConnection, serve

from waypoint_controlplane.cli.cdp import attached
from waypoint_controlplane.cli.failures import Failure


@pytest.fixture
def ending() -> Iterator[str]:
    """The URL of a browser whose session ends at once."""

    def end(connection: ServerConnection) -> None:
        connection.close(1008, "host is drained")

    with serve(end, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/"
        server.shutdown()
        thread.join()


def test_a_session_that_has_ended_is_no_traceback(ending: str) -> None:
    with attached(ending, 10) as browser:
        with pytest.raises(Failure, match=r"^cannot wait for it: the session ended: host is drained$"):
            browser.wait_for(lambda _: False, "it")
        with pytest.raises(Failure, match=r"^cannot do Page\.enable: the session ended: host is drained$"):
            browser.call("Page.enable")
