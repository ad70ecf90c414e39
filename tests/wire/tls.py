"""Certificates for a scene, made by openssl, in the layout that the switch reads."""

import datetime
import hashlib
import os
import ssl
import subprocess

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def openssl(*arguments):
	subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=20)


def read(path):
	with open(path) as file:
		return file.read()


def write(path, *texts):
	"""At once, as one who renews a certificate should."""
	with open(path + ".new", "w") as file:
		file.write("".join(texts))
	os.rename(path + ".new", path)


def stamp(days):
	when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
	return when.strftime("%Y%m%d%H%M%SZ")


class Certificate:
	"""A file with certificate and key, and what a peer needs to show it."""

	def __init__(self, path):
		self.path = path

	@property
	def fingerprint(self):
		return hashlib.sha256(ssl.PEM_cert_to_DER_cert(read(self.path).split("-----BEGIN PRIVATE")[0])).hexdigest()

	def server(self, authority=None):
		"""A context that shows it to those who connect; with an authority they must show one of it."""
		context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
		context.load_cert_chain(self.path)
		if authority:
			context.load_verify_locations(authority.path)
			context.verify_mode = ssl.CERT_REQUIRED
		return context


class Authority:
	def __init__(self, folder, name):
		self.folder = os.path.join(folder, name)
		os.mkdir(self.folder)
		self.path, self.key = self.file("authority.pem"), self.file("authority.key")
		openssl("req", "-x509", *KEY, "-days", "2", "-subj", "/CN=" + name, "-keyout", self.key, "-out", self.path)
		write(self.file("index"))
		write(self.file("config"), "[ca]\ndefault_ca=a\n[a]\ndatabase=%s\nnew_certs_dir=%s\nrand_serial=yes\n"
			"default_md=sha256\nunique_subject=no\npolicy=p\n[p]\ncommonName=optional\n" % (
			self.file("index"), self.folder))

	def file(self, name):
		return os.path.join(self.folder, name)

	def issue(self, name, san="", days=(-1, 1), extensions=""):
		"""A certificate with these alternative names ("DNS:gw.test"), valid from and until so many days from now."""
		request, key, signed, more = (self.file(name + suffix) for suffix in (".csr", ".key", ".crt", ".cnf"))
		openssl("req", "-new", *KEY, "-subj", "/CN=" + name, "-keyout", key, "-out", request)
		write(more, "basicConstraints=CA:FALSE\n", "subjectAltName=%s\n" % san if san else "", extensions)
		openssl("ca", "-batch", "-notext", "-config", self.file("config"), "-cert", self.path, "-keyfile", self.key,
			"-startdate", stamp(days[0]), "-enddate", stamp(days[1]), "-extfile", more, "-in", request, "-out", signed)
		path = self.file(name + ".pem")
		write(path, read(signed), read(key))
		return Certificate(path)


def self_signed(path, san):
	openssl("req", "-x509", *KEY, "-days", "2", "-subj", "/CN=wire", "-addext", "subjectAltName=" + san,
		"-keyout", path + ".key", "-out", path)
	write(path, read(path), read(path + ".key"))
	return Certificate(path)


class Tls:
	"""The folder of the switch. What it shows, peers show, too: it is for 127.0.0.1, and its own authority."""

	def __init__(self, folder):
		self.folder = os.path.join(folder, "tls")
		os.mkdir(self.folder)
		own = self_signed(self.file("agent.pem"), "IP:127.0.0.1,IP:::1")
		write(self.file("cafile.pem"), read(own.path).split("-----BEGIN PRIVATE")[0])
		self.server = own.server()
		self.client = ssl.create_default_context(cafile=self.file("cafile.pem"))
		self.arguments = ("--tls-dir", self.folder)

	def file(self, name):
		return os.path.join(self.folder, name)
