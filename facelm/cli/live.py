"""The command that shows the camera."""

from __future__ import annotations

from typing import Annotated

import typer

from facelm.cli.options import CLIPS_MODEL, DeviceOption, FlipOption, ModelOption, load_parser


def live(
    model: ModelOption = CLIPS_MODEL,
    device: DeviceOption = "auto",
    flip: FlipOption = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of 127.0.0.1; 0 takes one that is free.")] = 8765,
) -> None:
    """Show the camera of your browser with mask and points drawn over it, hands too: a page on 127.0.0.1, until Ctrl-C.

    Nothing leaves the machine. On another one: ssh -L 8765:127.0.0.1:8765 HOST facelm live
    """
    from facelm.cli.signals import Stop
    from facelm.engines.weights import find_shipped
    from facelm.landmarks import learned
    from facelm.video.live import LiveView
    from facelm.video.server import LiveServer

    Stop()  # a signal ends the program at once: nothing is written
    learned.prepare()
    first = load_parser(model, device, 1, flip)
    view = LiveView(lambda name: first if name == model else load_parser(name, device, 1, flip))
    try:
        server = LiveServer(view, list(dict.fromkeys([model, *sorted(find_shipped())])), port)
    except OSError as error:
        raise typer.BadParameter(f"--port {port}: cannot be listened on ({error.strerror})") from None
    print(f"{server.url}  (Ctrl-C ends it)", flush=True)
    with server:
        server.serve_forever()
