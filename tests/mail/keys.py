"""Makes what a mail server and its senders need: a certificate for localhost with its authority, and DKIM keys with their DNS records."""

import base64
import datetime
import ipaddress
import json
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

folder = pathlib.Path(sys.argv[1])


def pem(key, form=serialization.PrivateFormat.PKCS8):
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(subject, issuer, key, signer, extensions):
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=2))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


authority, server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
(folder / "authority.pem").write_bytes(
    certificate("Test", "Test", authority, authority, [(x509.BasicConstraints(ca=True, path_length=None), True)])
)
(folder / "server.pem").write_bytes(certificate("localhost", "Test", server, authority, [(names, False)]) + pem(server))

rsa_key, ed_key = rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate()
(folder / "rsa.pem").write_bytes(pem(rsa_key))
(folder / "rsa-pkcs1.pem").write_bytes(pem(rsa_key, serialization.PrivateFormat.TraditionalOpenSSL))
(folder / "ed25519.pem").write_bytes(pem(ed_key))
public = rsa_key.public_key().public_bytes(
    serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
)
raw = ed_key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
records = {
    "r1._domainkey.acme.example.": "v=DKIM1; k=rsa; p=" + base64.b64encode(public).decode(),
    "e1._domainkey.acme.example.": "v=DKIM1; k=ed25519; p=" + base64.b64encode(raw).decode(),
}
(folder / "dns.json").write_text(json.dumps(records))
