"""smtpd.py DIR: a mail server on 127.0.0.1 that keeps what it is given and fails on demand. Started by `mail`.

Two ports, chosen by the system and written to DIR/ports when both listen: STARTTLS, then implicit TLS. Neither takes
mail before TLS and AUTH (user "mailer", password in DIR/password). An accepted message is kept in DIR/maildir/new,
byte for byte; DIR/log.jsonl has a line for each: its file, envelope and port.

A recipient whose name begins with one of these, alone or followed by "+anything", gets
  reject      550 at RCPT
  tempfail    451 at RCPT, always
  greylist    451 at RCPT the first time this address is tried, then accepted
  slow        accepted after 5 seconds
  drop        the connection closed at RCPT
  datafail    554 after the message was sent
  lostreply   the message kept, but the connection closed instead of the reply: the sender cannot know
"""

import asyncio
import json
import logging
import mailbox
import pathlib
import ssl
import sys
import time
import warnings

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

LIFETIME_SECONDS = 4 * 3600  # ends by itself should nobody stop it

folder = pathlib.Path(sys.argv[1])
password = (folder / "password").read_text().strip()
maildir = mailbox.Maildir(folder / "maildir")
log = (folder / "log.jsonl").open("a", buffering=1)
tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
tls.load_cert_chain(folder / "tls/server.pem", folder / "tls/server.key")
seen = set()  # grey-listed addresses that were turned away once


def fault(address):
    return address.split("@")[0].split("+")[0].lower()


def hang_up(server):
    server.transport.abort()
    return "421 4.3.0 never sent"


class Keeper:
    def __init__(self, port):
        self.port = port

    async def handle_RCPT(self, server, session, envelope, address, options):
        match fault(address):
            case "reject":
                return "550 5.1.1 no such user"
            case "tempfail":
                return "451 4.3.0 try again later"
            case "greylist" if address not in seen:
                seen.add(address)
                return "451 4.7.1 try again later"
            case "slow":
                await asyncio.sleep(5)
            case "drop":
                return hang_up(server)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        faults = [fault(address) for address in envelope.rcpt_tos]
        if "datafail" in faults:
            return "554 5.6.0 message refused"
        key = maildir.add(envelope.original_content)
        line = {
            "file": str(folder / "maildir/new" / key),
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "port": self.port,
            "bytes": len(envelope.original_content),
            "time": time.time(),
        }
        log.write(json.dumps(line) + "\n")
        if "lostreply" in faults:
            return hang_up(server)
        return "250 2.0.0 kept as " + key


def authenticate(server, session, envelope, mechanism, login):
    good = isinstance(login, LoginPassword) and login.login == b"mailer" and login.password == password.encode()
    return AuthResult(success=good, handled=False)  # not handled: the server itself answers 535


async def serve():
    common = dict(
        hostname="smtp.example.test", auth_required=True, authenticator=authenticate, enable_SMTPUTF8=True
    )

    def starttls():
        return SMTP(Keeper("starttls"), tls_context=tls, require_starttls=True, **common)

    def implicit():  # the library counts only STARTTLS as TLS: hence the False, and the warning about it
        return SMTP(Keeper("tls"), auth_require_tls=False, **common)

    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(starttls, "127.0.0.1", 0),
        await loop.create_server(implicit, "127.0.0.1", 0, ssl=tls),
    ]
    ports = " ".join(str(server.sockets[0].getsockname()[1]) for server in servers)
    (folder / "ports.new").write_text(ports + "\n")
    (folder / "ports.new").rename(folder / "ports")
    await asyncio.sleep(LIFETIME_SECONDS)


logging.basicConfig(level=logging.ERROR)
warnings.filterwarnings("ignore", "Requiring AUTH while not requiring TLS")
asyncio.run(serve())
