"""The lab's own certificate authority, and what it issues: to hosts on a cable, and to who administers them."""

from __future__ import annotations

import datetime
import fcntl
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from waypoint_lab.paths import TRUST

_LIFE = datetime.timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Files:
    """What a client of the lab's hosts needs."""

    ca: Path
    certificate: Path
    key: Path


def administrator() -> Files:
    """The client certificate of this machine, with the authority to trust; made when it is missing."""
    files = Files(TRUST / "ca.pem", TRUST / "administrator.pem", TRUST / "administrator-key.pem")
    TRUST.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (TRUST / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not files.key.exists():
            _found(files)
    return files


def issue(name: str, address: str) -> tuple[str, str, str]:
    """A host's certificate, its key, and the authority's certificate, each as PEM."""
    ca = administrator().ca
    authority = x509.load_pem_x509_certificate(ca.read_bytes())
    signer = load_pem_private_key((TRUST / "ca-key.pem").read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName(name), x509.DNSName("localhost")]
    addresses = [x509.IPAddress(ipaddress.ip_address(each)) for each in (address, "127.0.0.1")]
    certificate = (
        _unsigned(name, authority.subject, key, authority=False)
        .add_extension(x509.SubjectAlternativeName([*names, *addresses]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM).decode(), _pem(key).decode(), ca.read_text()


def _found(files: Files) -> None:
    signer = ec.generate_private_key(ec.SECP256R1())
    name = _name("waypoint lab")
    authority = _unsigned("waypoint lab", name, signer, authority=True).sign(signer, hashes.SHA256())
    key = ec.generate_private_key(ec.SECP256R1())
    own = _unsigned("administrator", name, key, authority=False).sign(signer, hashes.SHA256())
    _write(TRUST / "ca-key.pem", _pem(signer))
    _write(files.ca, authority.public_bytes(Encoding.PEM))
    _write(files.certificate, own.public_bytes(Encoding.PEM))
    _write(files.key, _pem(key))


def _unsigned(
    subject: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, *, authority: bool
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + _LIFE)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, data: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(data)
