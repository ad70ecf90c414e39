"""A self-signed certificate for a scene, made by openssl, in the layout that the switch reads."""

import os
import ssl
import subprocess


class Tls:
	def __init__(self, folder):
		self.folder = os.path.join(folder, "tls")
		os.mkdir(self.folder)
		key, certificate = os.path.join(self.folder, "key.pem"), os.path.join(self.folder, "cafile.pem")
		subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
			"-nodes", "-days", "2", "-subj", "/CN=wire", "-addext", "subjectAltName=IP:127.0.0.1,IP:::1",
			"-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=20)
		with open(os.path.join(self.folder, "agent.pem"), "w") as agent:
			for name in (certificate, key):
				with open(name) as part:
					agent.write(part.read())
		self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
		self.server.load_cert_chain(certificate, key)
		self.client = ssl.create_default_context(cafile=certificate)
		self.arguments = ("--tls-dir", self.folder)
