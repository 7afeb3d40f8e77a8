"""Certificates from files to contexts, and every way in which the files can be wrong."""

import datetime
import ssl
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from functional.etcd.certificates import Authority
from waypoint_core.errors import ConfigError
from waypoint_core.settings import EtcdSettings, TlsSettings
from waypoint_core.tls import (
    channel_credentials,
    client_context,
    etcd_credentials,
    expires,
    is_loopback,
    server_context,
    server_credentials,
)
from waypoint_core.validity import validity

MAKERS = [server_context, client_context, server_credentials, channel_credentials]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "fleet")


@pytest.fixture
def good(authority: Authority) -> TlsSettings:
    pair = authority.issue("host-a")
    return TlsSettings(str(pair.certificate), str(pair.key), str(authority.certificate))


def test_without_certificates_there_is_no_tls() -> None:
    assert [make(TlsSettings()) for make in MAKERS] == [None] * 4  # type: ignore[operator]


def test_with_all_there_is_mutual_tls(good: TlsSettings) -> None:
    serving, asking = server_context(good), client_context(good)
    assert serving is not None
    assert asking is not None
    assert (serving.verify_mode, asking.verify_mode) == (ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED)
    assert asking.check_hostname
    assert server_credentials(good) is not None
    assert channel_credentials(good) is not None


def test_with_a_ca_alone_one_can_ask_and_not_serve(good: TlsSettings) -> None:
    only = TlsSettings(ca_file=good.ca_file)
    assert server_context(only) is server_credentials(only) is None
    assert client_context(only) is not None
    assert channel_credentials(only) is not None


def test_without_a_ca_nobody_is_asked_for_a_certificate(good: TlsSettings) -> None:
    context = server_context(replace(good, ca_file=""))
    assert context is not None
    assert context.verify_mode == ssl.CERT_NONE
    assert client_context(replace(good, ca_file="")) is not None


def encrypted(key: str) -> bytes:
    loaded = load_pem_private_key(Path(key).read_bytes(), None)
    return loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))


def broken(good: TlsSettings, authority: Authority, tmp_path: Path) -> list[tuple[TlsSettings, str]]:
    """Settings that cannot work, and what is to be said of them."""
    other, old, soon = (
        authority.issue("other"),
        authority.issue("old", days=-1),
        authority.issue("soon", days=9, begin=2),
    )
    files = {
        "text": b"nothing",
        "damaged": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "cut": Path(good.cert_file).read_bytes()[:200] + b"\n-----END CERTIFICATE-----\n",
        "locked": encrypted(good.key_file),
        "badkey": b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    at = {name: str(tmp_path / name) for name in [*files, "gone"]}
    expired = replace(good, cert_file=str(old.certificate), key_file=str(old.key))
    future = replace(good, cert_file=str(soon.certificate), key_file=str(soon.key))
    return [
        (replace(good, key_file=""), "tls.cert_file and tls.key_file go together"),
        (replace(good, cert_file=""), "tls.cert_file and tls.key_file go together"),
        (replace(good, cert_file=at["gone"]), f"cannot read certificate {at['gone']}: No such file"),
        (replace(good, key_file=at["gone"]), f"cannot read key {at['gone']}: No such file"),
        (replace(good, cert_file=at["text"]), f"cannot use certificate {at['text']}: it is not a PEM file"),
        (replace(good, cert_file=good.key_file), f"cannot use certificate {good.key_file}: it is not a PEM file"),
        (replace(good, cert_file=at["damaged"]), f"cannot use certificate {at['damaged']}: it is damaged"),
        (replace(good, cert_file=at["cut"]), f"cannot use certificate {at['cut']}: it is damaged"),
        (replace(good, key_file=at["text"]), f"cannot use key {at['text']}: it is not a PEM file"),
        (replace(good, key_file=at["locked"]), f"with key {at['locked']}: "),
        (replace(good, key_file=at["badkey"]), f"with key {at['badkey']}: "),
        (replace(good, key_file=str(other.key)), f"cannot use key {other.key}: it does not belong to"),
        (expired, f"cannot use certificate {old.certificate}: it expired on 20"),
        (future, f"cannot use certificate {soon.certificate}: it is not valid before 20"),
    ]


def test_wrong_files_are_named(good: TlsSettings, authority: Authority, tmp_path: Path) -> None:
    for settings, message in broken(good, authority, tmp_path):
        for make in MAKERS:
            with pytest.raises(ConfigError) as raised:
                make(settings)  # type: ignore[operator]
            assert str(raised.value).startswith("cannot ")
            assert message in str(raised.value)


@pytest.mark.parametrize("make", MAKERS)
def test_a_wrong_ca_is_named(good: TlsSettings, authority: Authority, tmp_path: Path, make: object) -> None:
    old = authority.issue("old", days=-1)
    (tmp_path / "text").write_text("nothing")
    for path, message in (
        (old.certificate, f"cannot use certificate {old.certificate}: it expired on 20"),
        (tmp_path / "text", "it is not a PEM file"),
        (tmp_path / "gone", "cannot read certificate"),
    ):
        with pytest.raises(ConfigError, match=message):
            make(replace(good, ca_file=str(path)))  # type: ignore[operator]


def for_etcd(files: TlsSettings) -> EtcdSettings:
    return EtcdSettings(ca_file=files.ca_file, cert_file=files.cert_file, key_file=files.key_file)


def test_wrong_files_for_etcd_are_named_with_their_settings(
    good: TlsSettings, authority: Authority, tmp_path: Path
) -> None:
    pair, ca = "; see etcd.cert_file and etcd.key_file", "; see etcd.ca_file"
    given = broken(good, authority, tmp_path)[2:-2]
    wrong = [(for_etcd(files), message, pair) for files, message in given if "it is damaged" not in message]
    wrong += [
        (for_etcd(replace(good, cert_file=str(tmp_path / name))), f"certificate {tmp_path / name} with key ", pair)
        for name in ("damaged", "cut")
    ]
    wrong += [
        (for_etcd(replace(good, ca_file=str(tmp_path / name))), f"certificate {tmp_path / name}{reason}", ca)
        for name, reason in (("text", ": it is not a PEM file"), ("damaged", ": it is damaged"), ("gone", ": No such"))
    ]
    for settings, message, named in wrong:
        with pytest.raises(ConfigError, match=r"^cannot ") as raised:
            etcd_credentials(settings)
        assert message in str(raised.value)
        assert str(raised.value).endswith(named)


def test_certificates_for_etcd_that_are_not_valid_now_are_left_to_the_handshake(
    good: TlsSettings, authority: Authority
) -> None:
    """A daemon must start though it cannot reach etcd yet."""
    old = authority.issue("old", days=-1)
    assert etcd_credentials(for_etcd(good))
    assert etcd_credentials(for_etcd(TlsSettings(str(old.certificate), str(old.key), str(old.certificate))))
    assert etcd_credentials(EtcdSettings())


def test_when_it_expires(authority: Authority) -> None:
    left = expires(authority.issue("a", days=40).certificate) - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(days=39.9) < left <= datetime.timedelta(days=40)
    later = expires(authority.issue("b", days=20_000).certificate)
    assert later.year > 2050
    with pytest.raises(ConfigError, match="cannot read certificate /nowhere: No such file"):
        expires("/nowhere")


@pytest.mark.parametrize("content", ["", "MAIwAA==", "AgEB", "MIIB", "MAQwAgIA", "!"])
def test_what_is_no_certificate_has_no_times(content: str) -> None:
    with pytest.raises(ValueError, match=r"it ends too early|it is no certificate"):
        validity(f"-----BEGIN CERTIFICATE-----\n{content}\n-----END CERTIFICATE-----\n")


@pytest.mark.parametrize(
    ("listen", "expected"),
    [("127.0.0.1:1", True), ("[::1]:1", True), ("localhost:1", True), ("0.0.0.0:1", False), ("[::]:1", False)],
)
def test_is_loopback(listen: str, expected: bool) -> None:
    assert is_loopback(listen) is expected
