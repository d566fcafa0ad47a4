"""A real Kafka, one node, started from its jars: no container, no installation.

    with KafkaServer() as kafka:
        kafka.create_topics({"events": 4}, {"retention.ms": "-1"})
        ... kafka.bootstrap ...

The jars come from Maven once (43 MB) and are kept in SUPPORT_ROI_KAFKA_JARS or the user's cache folder.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

VERSION = "4.1.0"
# the jars bring SLF4J's plain logger along, which writes to stderr, and so into our file
JAVA = ["java", "-Xmx512m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
READY_SECONDS = 60.0  # it takes four; a machine busy with other tests needs more


class KafkaUnavailable(RuntimeError):
    """No broker can be had here; the message names the remedy."""


def jars() -> Path:
    """The folder with the jars, filled on first use."""
    default = Path.home() / ".cache" / "support-roi" / f"kafka-{VERSION}"
    folder = Path(os.environ.get("SUPPORT_ROI_KAFKA_JARS", default))
    if shutil.which("java") is None:
        raise KafkaUnavailable("java is missing: install a JRE, 17 or later")
    if any(folder.glob("kafka_2.13-*.jar")):
        return folder
    if shutil.which("mvn") is None:
        raise KafkaUnavailable(
            f"mvn is missing: install Maven, or put the jars of Kafka {VERSION} into {folder} "
            "(SUPPORT_ROI_KAFKA_JARS names another folder)"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    # into a fresh folder first: half a download must not pass for the whole
    fresh = Path(tempfile.mkdtemp(dir=folder.parent))
    pom = Path(__file__).with_name("pom.xml")
    command = ["mvn", "-q", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={fresh}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(fresh)
        raise KafkaUnavailable(f"maven could not fetch Kafka {VERSION}:\n{done.stdout}{done.stderr}")
    fresh.rename(folder) if not folder.exists() else shutil.rmtree(fresh)
    return folder


def tool(main: str) -> list[str]:
    """The command line of one of Kafka's own tools; its jar is fetched on first use, beside the broker's."""
    broker = jars()
    folder = broker.with_name(f"{broker.name}-tools")
    if not any(folder.glob("kafka-tools-*.jar")):
        if shutil.which("mvn") is None:
            raise KafkaUnavailable(f"mvn is missing: install Maven, or put kafka-tools-{VERSION}.jar into {folder}")
        artifact = f"org.apache.kafka:kafka-tools:{VERSION}"
        command = ["mvn", "-q", "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={folder}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise KafkaUnavailable(f"maven could not fetch {artifact}:\n{done.stdout}{done.stderr}")
    return [*JAVA, "-cp", f"{broker}/*:{folder}/*", main]


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class KafkaServer:
    """Start, stop, kill, pause and resume, all on the same data, in a folder that goes with the server."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="kafka-"))
        self.port, self._controller = free_port(), free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.log = self.folder / "kafka.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._jars = jars()

    def __enter__(self) -> KafkaServer:
        try:
            self._format()
            self.start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    def _remove(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def properties(self) -> dict[str, object]:
        """What the broker is configured with."""
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self._controller}",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://127.0.0.1:{self._controller}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": self.folder / "data",
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 4,
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,  # or every lost worker costs a test six seconds
            "auto.create.topics.enable": "false",
            "log.retention.ms": -1,  # tests write old timestamps
        }

    def _format(self) -> None:
        self._config().write_text("\n".join(f"{key}={value}" for key, value in self.properties().items()))
        cluster = uuid.uuid4().hex[:22]
        done = subprocess.run(
            self._java("kafka.tools.StorageTool", "format", "--standalone", "-t", cluster, "-c"),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"formatting Kafka's storage failed:\n{done.stdout}{done.stderr}")

    def _config(self) -> Path:
        return self.folder / "server.properties"

    def _java(self, main: str, *arguments: str) -> list[str]:
        return [*JAVA, "-cp", f"{self._jars}/*", main, *arguments, str(self._config())]

    def start(self) -> None:
        """Returns when the broker answers."""
        assert self._process is None
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(self._java("kafka.Kafka"), stdout=output, stderr=output, cwd=self.folder)
        deadline = time.monotonic() + READY_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"Kafka did not start:\n{self.tail()}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def tail(self, lines: int = 60) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> None:
        self._signal(signal.SIGTERM)
        self._wait()

    def kill(self) -> None:
        self._signal(signal.SIGKILL)
        self._wait()

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _wait(self) -> None:
        if self._process is not None:
            self._process.wait(60)
            self._process = None

    def create_topics(self, topics: Mapping[str, int], config: Mapping[str, str] | None = None) -> None:
        """Creates topics, by name and number of partitions."""
        asyncio.run(self._create_topics(topics, {"retention.ms": "-1", **(config or {})}))

    async def _create_topics(self, topics: Mapping[str, int], config: Mapping[str, str]) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            new = [NewTopic(name, count, 1, topic_configs=dict(config)) for name, count in topics.items()]
            answer = await admin.create_topics(new)
            if failed := [error for error in answer.topic_errors if error[1]]:
                raise RuntimeError(f"creating topics failed: {failed}")
            while not set(topics) <= set(await admin.list_topics()):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        finally:
            await admin.close()
