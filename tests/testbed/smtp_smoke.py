"""smtp_smoke.py DIR: does the mail server of DIR let in and refuse whom it should? Started by `mail smoke`."""

import pathlib
import smtplib
import ssl
import sys

folder = pathlib.Path(sys.argv[1])
password = (folder / "password").read_text().strip()
starttls_port, tls_port = map(int, (folder / "ports").read_text().split())
ours = ssl.create_default_context(cafile=folder / "tls/ca.pem")
failed = False


def starttls(context=ours):
    client = smtplib.SMTP("127.0.0.1", starttls_port, timeout=15)
    client.starttls(context=context)
    return client


def tls(context=ours):
    return smtplib.SMTP_SSL("127.0.0.1", tls_port, timeout=15, context=context)


def expect(wanted, what, attempt):
    """The reply code of the attempt, or the kind of error that it ended in, is what is wanted."""
    global failed
    try:
        got = attempt()
    except smtplib.SMTPRecipientsRefused as error:
        got = next(iter(error.recipients.values()))[0]
    except smtplib.SMTPResponseException as error:
        got = error.smtp_code
    except (smtplib.SMTPException, ssl.SSLError) as error:
        got = type(error)
    failed |= got != wanted
    print(f"ok    {what}" if got == wanted else f"FAIL  {what}: {got}, not {wanted}")


def send(connect, recipient):
    with connect() as client:
        client.login("mailer", password)
        return client.sendmail("countersign@example.test", [recipient], "Subject: smoke\r\n\r\nHello\r\n") or 250


expect(250, "STARTTLS, AUTH, mail", lambda: send(starttls, "anna@example.test"))
expect(250, "implicit TLS, AUTH, mail", lambda: send(tls, "anna@example.test"))
in_the_clear = smtplib.SMTP("127.0.0.1", starttls_port, timeout=15)
expect(530, "mail before STARTTLS is refused", lambda: in_the_clear.ehlo() and in_the_clear.mail("a@b.test")[0])
for name, connect in {"STARTTLS": starttls, "implicit TLS": tls}.items():
    expect(530, f"{name}: mail before AUTH is refused", lambda: (c := connect()).ehlo() and c.mail("a@b.test")[0])
    expect(535, f"{name}: wrong password", lambda: connect().login("mailer", "wrong"))
    expect(
        ssl.SSLCertVerificationError,
        f"{name}: a certificate by another authority",
        lambda: connect(ssl.create_default_context()),
    )
expect(550, "reject@", lambda: send(tls, "reject@example.test"))
expect(451, "tempfail+x@", lambda: send(tls, "tempfail+x@example.test"))
expect(451, "greylist@, first try", lambda: send(tls, "greylist@example.test"))
expect(250, "greylist@, second try", lambda: send(tls, "greylist@example.test"))
expect(554, "datafail@", lambda: send(tls, "datafail@example.test"))
expect(smtplib.SMTPServerDisconnected, "drop@", lambda: send(tls, "drop@example.test"))
kept = len(list((folder / "maildir/new").iterdir()))
expect(smtplib.SMTPServerDisconnected, "lostreply@", lambda: send(starttls, "lostreply@example.test"))
expect(kept + 1, "lostreply@ was kept all the same", lambda: len(list((folder / "maildir/new").iterdir())))
expect(250, "slow@", lambda: send(starttls, "slow@example.test"))
sys.exit(failed)
