"""A local certificate authority and the server's certificate: phones give their camera and place only over https.

The authority's certificate is installed on the phones once; its key stays in `VAR/tls` and can sign again when the
server's certificate ends (397 days at most is what browsers take, CA/Browser Forum baseline requirements 6.3.2).
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from data.errors import InputRejected
from web.deps import utc_now

SERVER_DAYS = 397
AUTHORITY_DAYS = 3650
_SLACK = timedelta(hours=1)  # clocks differ


@dataclass(frozen=True, slots=True)
class MadeFiles:
    """Where they lie. `authority` is what phones install; the keys never leave the machine."""

    certificate: Path
    key: Path
    authority: Path
    authority_key: Path
    ends_at: datetime


def init(var_dir: Path, names: Sequence[str], addresses: Sequence[str], *, now: datetime | None = None) -> MadeFiles:
    """Make the server's certificate for these host names and IP addresses, and the authority if there is none.

    localhost and 127.0.0.1 are always in it. Raises InputRejected for what is no name or no address, and for an
    authority that has ended.
    """
    now = utc_now() if now is None else now
    folder = var_dir / "tls"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    subjects = _subjects(names, addresses)
    authority, authority_key = _authority(folder, now)
    key = ec.generate_private_key(ec.SECP256R1())
    ends_at = min(now + timedelta(days=SERVER_DAYS) - _SLACK, authority.not_valid_after_utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_name("Yiping server"))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SLACK)
        .not_valid_after(ends_at)
        .add_extension(x509.SubjectAlternativeName(subjects), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_signed_by(authority_key), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    made = MadeFiles(
        folder / "server.crt",
        folder / "server.key",
        folder / "ca.crt",
        folder / "ca.key",
        certificate.not_valid_after_utc,
    )
    _write(made.key, _private(key), 0o600)
    _write(made.certificate, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    return made


def _subjects(names: Sequence[str], addresses: Sequence[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for name in dict.fromkeys(("localhost", *names)):
        try:
            found.append(x509.DNSName(name.encode("idna").decode()))
        except UnicodeError as error:
            raise InputRejected(f"{name!r} is no host name") from error
    for address in dict.fromkeys(("127.0.0.1", *addresses)):
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(address)))
        except ValueError as error:
            raise InputRejected(f"{address!r} is no IP address") from error
    return found


def _authority(folder: Path, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """The authority that is there, else a new one."""
    certificate_path, key_path = folder / "ca.crt", folder / "ca.key"
    if certificate_path.exists() and key_path.exists():
        return _loaded(certificate_path, key_path, now)
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Yiping local authority")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SLACK)
        .not_valid_after(now + timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(key_path, _private(key), 0o600)
    _write(certificate_path, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    return certificate, key


def _loaded(
    certificate_path: Path, key_path: Path, now: datetime
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
        key = serialization.load_pem_private_key(key_path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise InputRejected(f"{certificate_path.parent}: the authority's files cannot be read") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise InputRejected(f"{key_path} is not the key of {certificate_path.name}")
    if certificate.not_valid_after_utc <= now:
        raise InputRejected(f"{certificate_path} ended on {certificate.not_valid_after_utc:%Y-%m-%d}: move it away")
    return certificate, key


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _signed_by(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def _write(path: Path, content: bytes, mode: int) -> None:
    """Replace the file in one step; a key is never readable by others, not even for a moment."""
    new = path.with_suffix(path.suffix + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    new.replace(path)
