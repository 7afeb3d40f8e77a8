"""From when until when a certificate is valid, which the standard library tells only of those that it has verified.

Source: RFC 5280, 4.1: Certificate ::= { tbs { [0] version?, serial, algorithm, issuer, { notBefore, notAfter }, ... } }
"""

from __future__ import annotations

import datetime
import ssl

_SEQUENCE = 0x30
_VERSION = 0xA0
_UTC_TIME = 0x17


def validity(pem: str) -> tuple[datetime.datetime, datetime.datetime]:
    """First and last moment of one certificate, in UTC. ValueError when it is none."""
    try:
        return _validity(ssl.PEM_cert_to_DER_cert(pem))
    except IndexError:
        raise ValueError("it ends too early") from None


def _validity(der: bytes) -> tuple[datetime.datetime, datetime.datetime]:
    to_be_signed, _ = _inside(_inside(der)[0])
    rest = _after(to_be_signed) if to_be_signed[0] == _VERSION else to_be_signed
    for _ in ("serial", "algorithm", "issuer"):
        rest = _after(rest)
    times, _ = _inside(rest)
    return _time(times), _time(_after(times))


def _read(der: bytes) -> tuple[int, bytes, bytes]:
    """The first value's tag and content, and what follows it."""
    length, start = der[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[2:start], "big")
    if len(der) < start + length:
        raise IndexError
    return der[0], der[start : start + length], der[start + length :]


def _inside(der: bytes) -> tuple[bytes, bytes]:
    tag, content, rest = _read(der)
    if tag != _SEQUENCE:
        raise ValueError("it is no certificate")
    return content, rest


def _after(der: bytes) -> bytes:
    return _read(der)[2]


def _time(der: bytes) -> datetime.datetime:
    tag, content, _ = _read(der)
    text = content.decode("ascii")
    if tag == _UTC_TIME:
        text = ("20" if text < "50" else "19") + text
    return datetime.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=datetime.UTC)
