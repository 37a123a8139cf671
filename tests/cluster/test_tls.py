"""HTTPS by the two flags, with a certificate that the test makes."""

import shutil
import ssl
import subprocess
from dataclasses import replace

import httpx
import pytest
from conftest import prepared


def test_a_certificate_and_its_key_serve_https() -> None:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl, which makes the certificate")
    with prepared() as server:
        certificate, key = server.folder / "server.pem", server.folder / "server.key"
        make = (
            "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
        )
        files = ["-out", str(certificate), "-keyout", str(key)]
        subprocess.run([*make.split(), *files], capture_output=True, timeout=60, check=True)
        server.flags += ["--tls-certificate", str(certificate), "--tls-key", str(key)]
        server.ca = ssl.create_default_context(cafile=str(certificate))
        server.start()
        assert server.url.startswith("https://")
        assert f"Serving embedded on {server.url} " in server.log
        answer = server.post("/v1/completions", {"prompt": "x = ", "suffix": "\n"})
        assert answer.status_code == httpx.codes.OK
        assert answer.json()["object"] == "text_completion"
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            replace(server, ca=ssl.create_default_context()).post("/v1/completions", {"prompt": "x = "})
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{server.port}/health", timeout=10)
        assert server.stop() == 0
