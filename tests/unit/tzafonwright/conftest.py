import pytest


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy of this machine stands between a client and its server."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
