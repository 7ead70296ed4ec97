"""Just enough SMTP behind TLS for tests that send themselves mail: each recipient gets what follows DATA."""

import re
import socketserver
import ssl
import subprocess


class Submission(socketserver.ThreadingTCPServer):
    """Listens on a free port; `deliver(recipient, octets)` has returned before the client hears that the message is taken."""

    daemon_threads = True

    def __init__(self, folder, deliver):
        key, certificate = str(folder / "smtp.key"), str(folder / "smtp.pem")
        make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
        subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, stderr=subprocess.DEVNULL)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, key)
        self.deliver = deliver
        super().__init__(("127.0.0.1", 0), Conversation)
        self.port = self.server_address[1]


class Conversation(socketserver.StreamRequestHandler):
    def setup(self):
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def handle(self):
        self.say("220 localhost")
        recipients = []
        for line in self.rfile:
            command = line.decode().strip()
            verb = command[:4].upper()
            if verb == "EHLO":
                self.say("250-localhost\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN")
            elif verb == "AUTH":
                self.say("235 whoever you are")
            elif verb == "MAIL":
                recipients = []
                self.say("250 ok")
            elif verb == "RCPT":
                recipients.append(re.search("<(.*)>", command)[1])
                self.say("250 ok")
            elif verb == "DATA":
                self.say("354 go on")
                message = self.data()
                for recipient in recipients:
                    self.server.deliver(recipient, message)
                self.say("250 taken")
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def data(self):
        """To the line with a dot, without the dots that RFC 5321, section 4.5.2, puts before others."""
        lines = iter(self.rfile.readline, b".\r\n")
        return b"".join(line[1:] if line.startswith(b".") else line for line in lines)
