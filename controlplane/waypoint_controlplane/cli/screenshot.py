"""waypointctl screenshot."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

import click

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli import cdp
from waypoint_controlplane.cli.ages import Span, size
from waypoint_controlplane.cli.connection import connect
from waypoint_controlplane.cli.failures import Failure
from waypoint_controlplane.cli.labels import label_option
from waypoint_controlplane.cli.names import host_option
from waypoint_controlplane.cli.output import document
from waypoint_controlplane.cli.verb import Invocation, Verb

_EXAMPLES = """
    waypointctl screenshot https://example.com/
    waypointctl screenshot example.com -O - --full-page | display
"""


@click.command("screenshot", cls=Verb, examples=_EXAMPLES)
@click.argument("url")
@click.option(
    "-O", "--output-file", metavar="FILE", help="where to put the PNG, - for standard output; else named for the page"
)
@click.option("--full-page", is_flag=True, help="the whole page, not only what a window shows of it")
@click.option("--load-timeout", type=Span(), default="30s", show_default=True, help="longest wait for the page")
@host_option
@label_option
@click.pass_obj
def command(  # noqa: PLR0917 - click passes them by name
    invocation: Invocation,
    url: str,
    output_file: str | None,
    full_page: bool,
    load_timeout: float,
    host: str,
    labels: tuple[tuple[str, str], ...],
) -> None:
    """Take a picture of a page in a session of its own.

    The browser is gone afterwards.
    """
    page = url if re.match(r"^[a-z][a-z0-9+.-]*:", url) and not re.match(r"^[^/]+:\d+(/|$)", url) else f"http://{url}"
    with connect(invocation) as plane:
        session = plane.sessions.open(pb.OpenSessionRequest(host=host, labels=dict(labels), by=invocation.by))
    with cdp.attached(session.url, load_timeout) as browser:
        png = cdp.picture(browser, page, full_page=full_page)
    path = output_file or f"{urlsplit(page).hostname or 'page'}.png"
    if path == "-":
        sys.stdout.buffer.write(png)
        return
    try:
        Path(path).write_bytes(png)
    except OSError as error:
        raise Failure(f"cannot write the picture: {error}") from error
    if invocation.plain:
        click.echo(f"{path}: {size(len(png))}")
    else:
        document(invocation, {"file": path, "bytes": len(png), "url": page, "instance": session.instance})
