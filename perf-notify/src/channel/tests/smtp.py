"""A mail server for tests: takes mails and writes each as a line of JSON. Arguments: port, tls (starttls, tls or none), folder."""

import json
import ssl
import sys
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

port, tls, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]


def say(**line):
    print(json.dumps(line), flush=True)


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        content = envelope.content.decode("utf-8", "replace")
        say(sender=envelope.mail_from, to=envelope.rcpt_tos, content=content, tls=session.ssl is not None or tls == "tls",
            login=session.auth_data.login.decode() if session.auth_data else None)
        return "250 taken as 4711"


def authenticate(server, session, envelope, mechanism, data):
    right = data.login == b"perf" and data.password == b"p4ss-s3cret"
    # A server that repeats what it was sent.
    text = "535 wrong: " + data.password.decode()
    return AuthResult(success=right, auth_data=data) if right else AuthResult(success=False, handled=False, message=text)


context = None
if tls != "none":
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder + "/cert.pem", folder + "/key.pem")
options = {"authenticator": authenticate, "auth_required": True}
if tls == "starttls":
    options.update(tls_context=context, require_starttls=True)
elif tls == "tls":
    options.update(ssl_context=context)
if tls != "starttls":
    options.update(auth_require_tls=False)
controller = Controller(Handler(), hostname="127.0.0.1", port=port, **options)
controller.start()
say(ready=True)
threading.Event().wait()
