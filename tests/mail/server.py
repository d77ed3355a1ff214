"""A mail server that takes orders. Each line on standard input is what happens to the next mails, one word each:

    take        the mail is taken (when nothing else is ordered)
    451, 550    the mail is answered so when it has been handed over
    rcpt-550    the recipient is answered so
    lose        the mail is taken, and the connection closed without an answer
    stall       the mail is taken, and no answer comes
    close       the mail is taken, and the connection closed after the answer

Each mail that was handed over becomes a line of JSON on standard output, as Python's own `email` package and `dkimpy` see it.
"""

import asyncio
import email
import email.policy
import json
import logging
import pathlib
import ssl
import sys
import warnings

import dkim
from aiosmtpd.smtp import SMTP, AuthResult

# Broken handshakes are among the tests.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)
warnings.simplefilter("ignore")

folder, way = pathlib.Path(sys.argv[1]), sys.argv[2]
records = json.loads((folder / "dns.json").read_text())
orders: list[str] = []
sessions = 0


def dns(query, timeout=5):
    return records.get(query.decode() if isinstance(query, bytes) else query, "").encode()


def tell(**what):
    print(json.dumps(what), flush=True)


def part(message, kind):
    found = message.get_body(preferencelist=(kind,))
    return found.get_content().replace("\r\n", "\n") if found else None


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if orders and orders[0].startswith("rcpt-"):
            tell(refused=address)
            return orders.pop(0).removeprefix("rcpt-") + " no"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        raw = envelope.original_content
        message = email.message_from_bytes(raw, policy=email.policy.default)
        order = orders.pop(0) if orders else "take"
        tell(
            order=order,
            sender=envelope.mail_from,
            to=envelope.rcpt_tos,
            user=getattr(session.auth_data, "login", b"").decode() if session.auth_data else None,
            encrypted=session.ssl is not None or way == "implicit",
            session=session.number,
            headers={name.lower(): [str(value) for value in message.get_all(name)] for name in message.keys()},
            defects=[str(defect) for one in message.walk() for defect in one.defects],
            text=part(message, "plain"),
            html=part(message, "html"),
            dkim=dkim.verify(raw, dnsfunc=dns) if "dkim-signature" in message else None,
            raw=raw.decode("ascii", "backslashreplace"),
        )
        if order == "lose":
            server.transport.abort()
        elif order == "stall":
            await asyncio.sleep(3600)
        elif order == "close":
            asyncio.get_running_loop().call_later(0.05, server.transport.abort)
        elif order != "take":
            return f"{order} no"
        return "250 OK"


class Server(SMTP):
    def _create_session(self):
        global sessions
        sessions += 1
        session = super()._create_session()
        session.number = sessions
        return session

    def connection_lost(self, error):
        super().connection_lost(error)
        tell(closed=True)


def authenticate(server, session, envelope, mechanism, data):
    good = (data.login, data.password) == (b"cadenza", b"s3cret pass")
    return AuthResult(success=good, auth_data=data if good else None)


async def main():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem")
    loop = asyncio.get_running_loop()
    clear = way == "none"

    def session():
        return Server(
            Handler(),
            hostname="localhost",
            authenticator=authenticate,
            auth_required=not clear,
            auth_require_tls=way == "starttls",
            require_starttls=way == "starttls",
            tls_context=context if way == "starttls" else None,
        )

    server = await loop.create_server(session, "127.0.0.1", 0, ssl=context if way == "implicit" else None)
    tell(port=server.sockets[0].getsockname()[1])
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        orders[:] = line.split()
        tell(ordered=orders)


asyncio.run(main())
