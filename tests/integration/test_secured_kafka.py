"""A Kafka that wants certificates and passwords: every command reaches it, and says what is wrong where it does not."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka.broker import KafkaServer, free_port
from system import Board, System

pytestmark = pytest.mark.timeout(180)

USER, PASSWORD, STORE = "roi", "right 1", "storepass"


class SecuredKafka(KafkaServer):
    """Plain for the tests' own clients, and a second listener with TLS and passwords."""

    def __init__(self) -> None:
        super().__init__()
        self.secured = f"127.0.0.1:{free_port()}"
        self.authority = self.folder / "authority.pem"

    def properties(self) -> dict[str, object]:
        plain, login = super().properties(), "org.apache.kafka.common.security.plain.PlainLoginModule"
        return plain | {
            "listeners": f"{plain['listeners']},SASL_SSL://{self.secured}",
            "advertised.listeners": f"{plain['advertised.listeners']},SASL_SSL://{self.secured}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL",
            "ssl.keystore.location": self._keystore(),
            "ssl.keystore.type": "PKCS12",
            "ssl.keystore.password": STORE,
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl_ssl.plain.sasl.jaas.config": f'{login} required user_{USER}="{PASSWORD}";',
        }

    def _keystore(self) -> Path:
        keytool, store = shutil.which("keytool"), self.folder / "keys.p12"
        assert keytool is not None, "keytool is missing: it comes with the Java runtime"
        where = ["-keystore", store, "-storetype", "PKCS12", "-storepass", STORE, "-alias", "broker"]
        made = ["-keyalg", "RSA", "-dname", "CN=localhost", "-ext", "SAN=ip:127.0.0.1", "-validity", "2"]
        subprocess.run([keytool, "-genkeypair", *where, *made], check=True, capture_output=True)
        export = [keytool, "-exportcert", "-rfc", *where]
        self.authority.write_bytes(subprocess.run(export, check=True, capture_output=True).stdout)
        return store


@pytest.fixture(scope="module")
def secured() -> Iterator[SecuredKafka]:
    with SecuredKafka() as server:
        yield server


@pytest.fixture
def system(secured: SecuredKafka, tmp_path: Path) -> Iterator[System]:
    with System(secured, tmp_path / "system") as made:
        made.environ |= {
            "SUPPORT_ROI_KAFKA_BOOTSTRAP_SERVERS": secured.secured,
            "SUPPORT_ROI_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "SUPPORT_ROI_KAFKA_SSL_CA_FILE": str(secured.authority),
            "SUPPORT_ROI_KAFKA_SASL_USERNAME": USER,
            "SUPPORT_ROI_KAFKA_SASL_PASSWORD": PASSWORD,
        }
        yield made


def test_every_client_of_ours_gets_in(system: System) -> None:
    event = {"event_id": "1", "type": "ticket.created", "occurred_at": "2026-01-01T00:00:00Z", "customer_id": "c"}
    file = system.folder / "events.jsonl"
    file.write_text(json.dumps(event | {"ticket_id": "t", "channel": "chat"}))
    system.run("topics")
    assert "kafka       ok" in system.cli("check").ends_with(1).out, "no targets are set, and nothing else"
    system.run("send", file)
    system.run("annotate", "--kind", "training", "New macros")
    worker = system.worker()
    system.wait_until_done()
    board = Board(system.cli("board", "--port", "0"))  # with its publishers
    assert board.rows()["tickets_created", "365d", None, "all", "all"]["value"] == 1
    assert board.health()["data"]["inputs"]["state"] in ("live", "catching_up")
    board.process.terminate()
    worker.terminate()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("SASL_PASSWORD", "wrong", "uthentication"),
        ("SECURITY_PROTOCOL", "PLAINTEXT", "now PLAINTEXT"),
        ("SSL_CA_FILE", "", "certificate verify failed"),
    ],
)
def test_who_does_not_get_in_is_told_why(system: System, name: str, value: str, message: str) -> None:
    system.environ[f"SUPPORT_ROI_KAFKA_{name}"] = value
    if name == "SECURITY_PROTOCOL":
        for other in ("SSL_CA_FILE", "SASL_USERNAME", "SASL_PASSWORD"):
            del system.environ[f"SUPPORT_ROI_KAFKA_{other}"]
    for command in ("worker", "board", "topics"):
        process = system.cli(command).ends_with(1)
        assert message in process.err, process.err
        assert "kafka.security_protocol" in process.err, "the remedy"
        assert "Traceback" not in process.err, process.err
        assert PASSWORD not in process.err
