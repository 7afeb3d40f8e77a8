"""A client's end of both versions, as transcripts."""

import base64
import json

import pytest

from tzafonwright import actions, protocol
from tzafonwright.errors import ActionFailed, ActionTimeout, InvalidAction, ProtocolError, Unsupported
from tzafonwright.exchange import Answer, Exchange, Underway
from tzafonwright.v1 import ActionType, Command


def second() -> Exchange:
    return Exchange(protocol.SUBPROTOCOL)


def test_answers_come_in_any_order() -> None:
    exchange = second()
    first, _ = exchange.send(actions.Goto(url="http://a.example"), 5)
    other, _ = exchange.send(actions.Screenshot(), 5)
    assert exchange.underway == "goto, screenshot"
    assert exchange.receive(protocol.pack(protocol.Done(other), b"image")) == Answer(other, b"image")
    page = {"url": "u", "title": "t", "status": 200}
    assert exchange.receive(protocol.pack(protocol.Done(first, page))) == Answer(first, actions.Page("u", "t", 200))
    assert exchange.underway == ""


def test_progress_then_a_download() -> None:
    exchange = second()
    number, _ = exchange.send(actions.Fetch(url="http://a.example/f"), 5)
    progress = protocol.Progress(number, "downloading", 1, 2)
    assert exchange.receive(protocol.pack(progress)) == Underway(number, "downloading", 1, 2)
    done = protocol.Done(number, {"name": "f", "url": "u", "size": 2})
    assert exchange.receive(protocol.pack(done, b"ab")) == Answer(number, actions.Download("f", "u", 2, b"ab"))


@pytest.mark.parametrize(("code", "kind"), [("timeout", ActionTimeout), ("not_found", ActionFailed)])
def test_failures(code: str, kind: type[ActionFailed]) -> None:
    exchange = second()
    number, _ = exchange.send(actions.Click(target="#a"), 5)
    answer = exchange.receive(protocol.pack(protocol.Failed(number, code, "no", "try again")))
    assert isinstance(answer, Answer)
    assert type(answer.error) is kind
    assert str(answer.error) == "cannot click: no; try again"
    assert (answer.error.code, answer.error.hint) == (code, "try again")


def test_cancelling() -> None:
    exchange = second()
    number, _ = exchange.send(actions.WaitFor(target="#a"), 5)
    assert exchange.cancel(number) == protocol.pack(protocol.Cancel(number))
    exchange.receive(protocol.pack(protocol.Failed(number, "cancelled", "it was cancelled")))
    assert exchange.cancel(number) is None
    assert exchange.receive(protocol.pack(protocol.Done(number))) is None


def test_happenings() -> None:
    happening = actions.Happening("console", "t1", {"text": "hello"})
    assert second().receive(protocol.pack(protocol.Told(happening))) == happening


def test_answers_that_make_no_sense() -> None:
    exchange = second()
    number, _ = exchange.send(actions.Tabs(), 5)
    with pytest.raises(ProtocolError, match="cannot read the answer to tabs"):
        exchange.receive(protocol.pack(protocol.Done(number, "no list")))
    with pytest.raises(ProtocolError, match="text frame"):
        exchange.receive("text")


@pytest.mark.parametrize(
    ("action", "command"),
    [
        (actions.Goto(url="u"), {"action_type": "goto", "url": "u"}),
        (actions.Click(x=1, y=2), {"action_type": "click", "x": 1, "y": 2}),
        (actions.Type(text="a"), {"action_type": "type", "text": "a"}),
        (actions.Scroll(delta_y=5), {"action_type": "scroll", "delta_x": 0, "delta_y": 5}),
        (actions.Screenshot(format="jpeg"), {"action_type": "screenshot"}),
        (actions.SetViewport(width=5, height=6), {"action_type": "set_viewport_size", "width": 5, "height": 6}),
    ],
)
def test_what_the_first_version_has(action: actions.Action, command: dict[str, object]) -> None:
    _, frame = Exchange(None).send(action, 5)
    assert json.loads(frame) == {**command, "timeout": 5000}


@pytest.mark.parametrize(
    "action",
    [actions.Back(), actions.Click(target="#a"), actions.Screenshot(), actions.Goto(url="u", referer="r")],
)
def test_what_the_first_version_has_not(action: actions.Action) -> None:
    with pytest.raises(Unsupported, match=f"cannot {action.name} in this way"):
        Exchange(None).send(action, 5)


def test_results_of_the_first_version_come_in_order() -> None:
    exchange = Exchange(None)
    first, _ = exchange.send_command(Command(ActionType.GOTO, url="u"))
    second, _ = exchange.send_command(Command(ActionType.SCREENSHOT))
    third, _ = exchange.send_command(Command(ActionType.CLICK, x=1, y=1))
    image = base64.b64encode(b"jpeg").decode()
    assert exchange.receive(b'{"success": true}') == Answer(first, actions.Page("u"))
    assert exchange.receive(json.dumps({"success": True, "image": image})) == Answer(second, b"jpeg")
    failed = exchange.receive(b'{"success": false, "error_message": "no"}')
    assert isinstance(failed, Answer)
    assert failed.id == third
    assert str(failed.error) == "cannot click: no"
    with pytest.raises(ProtocolError, match="it answers nothing"):
        exchange.receive(b'{"success": true}')


@pytest.mark.parametrize("exchange", [second(), Exchange(None)])
@pytest.mark.parametrize(
    "command",
    [
        Command(ActionType.GOTO),
        Command(ActionType.CLICK, x=1),
        Command(ActionType.TYPE),
        Command(ActionType.SCROLL),
        Command(ActionType.SET_VIEWPORT_SIZE, width=5),
        Command(ActionType.CLICK, x="1", y=2),  # type: ignore[arg-type]
    ],
)
def test_commands_without_their_arguments_are_not_sent(exchange: Exchange, command: Command) -> None:
    with pytest.raises(InvalidAction, match="cannot "):
        exchange.send_command(command)
