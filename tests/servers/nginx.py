"""A real nginx on loopback ports of its own, with one configuration that shows its many ways.

Its sockets are bound here and handed over, so that no port can be taken in between and several
test workers run side by side.

On `http`, `https` (certificate of `ca`) and `no_keepalive` (closes after each response) alike:

    /files/0 /files/40 /files/1k /files/64k /files/1m /files/10m    static, with a length
    /chunked/NAME            the same file with chunked transfer coding
    /until-close/NAME        the same file delimited by the connection's end
    /gzip/text               text, compressed for whoever accepts gzip
    /proxied/NAME            the same file through a proxied server, unbuffered
    /redirect                302 to /files/40;  /redirect/301 ... /redirect/308 likewise
    /status/204 /status/304 /status/404 /status/500
    /upload/NAME             PUT, DELETE (WebDAV)
    /inspect                 text of method, target, protocol and a few headers
    /hang-up                 closes the connection without an answer
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from httptrace.testing.certificates import CertificateAuthority

FILE_SIZES = {
    "0": 0,
    "40": 40,
    "1k": 2**10,
    "64k": 2**16,
    "1m": 2**20,
    "10m": 10 * 2**20,
}
TEXT = "a line that compresses well\n" * 400

_CONFIGURATION = """
daemon off;
worker_processes 1;
{user}
error_log stderr warn;
pid {directory}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    default_type application/octet-stream;
    client_max_body_size 0;
    client_body_temp_path {directory}/client;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    keepalive_timeout 60s;
    keepalive_requests 1000000;
    server {{
        listen 127.0.0.1:{http_port};
        listen 127.0.0.1:{https_port} ssl;
        ssl_certificate {directory}/certificate.pem;
        ssl_certificate_key {directory}/key.pem;
        include {directory}/locations.conf;
    }}
    server {{
        listen 127.0.0.1:{no_keepalive_port};
        keepalive_timeout 0;
        include {directory}/locations.conf;
    }}
}}
"""

_LOCATIONS = r"""
location /files/ {{ alias {directory}/files/; }}
location /chunked/ {{ alias {directory}/files/; ssi on; ssi_types *; }}
location /until-close/ {{
    alias {directory}/files/;
    ssi on; ssi_types *;
    chunked_transfer_encoding off;
}}
location /gzip/ {{ alias {directory}/files/; gzip on; gzip_types *; default_type text/plain; }}
location /proxied/ {{
    proxy_pass http://127.0.0.1:{http_port}/chunked/;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_buffering off;
}}
location = /redirect {{ return 302 /files/40; }}
location ~ ^/redirect/301$ {{ return 301 /files/40; }}
location ~ ^/redirect/302$ {{ return 302 /files/40; }}
location ~ ^/redirect/303$ {{ return 303 /files/40; }}
location ~ ^/redirect/307$ {{ return 307 /files/40; }}
location ~ ^/redirect/308$ {{ return 308 /files/40; }}
location = /status/204 {{ return 204; }}
location = /status/304 {{ return 304; }}
location = /status/404 {{ return 404 "not here"; }}
location = /status/500 {{ return 500 "broken"; }}
location /upload/ {{ alias {directory}/upload/; dav_methods PUT DELETE; }}
location = /inspect {{
    default_type text/plain;
    return 200 "$request_method $request_uri $server_protocol
host: $http_host
user-agent: $http_user_agent
content-length: $http_content_length
connection: $http_connection
";
}}
location = /hang-up {{ return 444; }}
"""


class NginxMissing(RuntimeError):
    """nginx is not installed, or does not start."""


class Nginx:
    """One running nginx; `http`, `https`, `no_keepalive` are its origins."""

    def __init__(self, directory: Path, ca: CertificateAuthority) -> None:
        program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            raise NginxMissing("nginx is not installed")
        self._program = program
        self.directory = directory
        self._sockets = [_listening_socket() for _ in range(3)]
        ports = [sock.getsockname()[1] for sock in self._sockets]
        self.http = f"http://127.0.0.1:{ports[0]}"
        self.https = f"https://127.0.0.1:{ports[1]}"
        self.no_keepalive = f"http://127.0.0.1:{ports[2]}"
        self._write_configuration(*ports)
        self._write_files()
        ca.issue().save(directory)

    def _write_configuration(self, http: int, https: int, no_keepalive: int) -> None:
        values = {
            "directory": self.directory,
            "user": f"user {_own_name()};" if os.geteuid() == 0 else "",
            "http_port": http,
            "https_port": https,
            "no_keepalive_port": no_keepalive,
        }
        (self.directory / "nginx.conf").write_text(_CONFIGURATION.format(**values))
        (self.directory / "locations.conf").write_text(_LOCATIONS.format(**values))

    def _write_files(self) -> None:
        files = self.directory / "files"
        files.mkdir()
        (self.directory / "upload").mkdir()
        (files / "text").write_text(TEXT)
        for name, size in FILE_SIZES.items():
            (files / name).write_bytes(file_content(size))

    @property
    def log(self) -> str:
        """The error log of nginx."""
        return (self.directory / "stderr.log").read_text()

    def __enter__(self) -> Self:
        numbers = [sock.fileno() for sock in self._sockets]
        command = [self._program, "-p", str(self.directory), "-c", "nginx.conf", "-e", "stderr"]
        with (self.directory / "stderr.log").open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=numbers,
                # By this variable an nginx takes over the sockets of the one before it.
                env={**os.environ, "NGINX": "".join(f"{number};" for number in numbers)},
            )
        for sock in self._sockets:
            sock.close()
        self._wait_until_it_answers()
        return self

    def _wait_until_it_answers(self) -> None:
        """Send a request: the listening sockets hold it until nginx reads."""
        port = int(self.http.rpartition(":")[2])
        deadline = time.monotonic() + 10
        with socket.create_connection(("127.0.0.1", port), timeout=0.1) as client:
            client.sendall(b"GET /status/204 HTTP/1.0\r\n\r\n")
            while self._process.poll() is None and time.monotonic() < deadline:
                try:
                    if client.recv(1):
                        return
                except TimeoutError:
                    continue
                except OSError:
                    break
        self._stop()
        raise RuntimeError(f"nginx does not start: {self.log}")

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()


def file_content(size: int) -> bytes:
    """Return the content of the file of this size."""
    return (b"0123456789abcdef" * (size // 16 + 1))[:size]


def _own_name() -> str:
    """Return the user that a root nginx must keep, to have access to the tests' directory."""
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name


def _listening_socket() -> socket.socket:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen(511)
    sock.setblocking(False)  # nginx leaves a socket that it takes over as it is.
    return sock
