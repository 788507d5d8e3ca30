"""Apache Kafka's jars, fetched into the cache by Maven: a real broker needs only these and Java 17."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from ops.assets.cache import exclusive

KAFKA_VERSION = "4.1.0"
_LEAST_JAVA = 17
_FETCH_SECONDS = 600.0
_JAVA_VERSION = re.compile(r'version "(\d+)')
_POM = f"""\
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>vidsignal</groupId>
  <artifactId>local-kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{KAFKA_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""


class KafkaUnavailable(RuntimeError):
    """A requirement of a real Kafka is missing; the message names it."""


def missing_requirement(cache_dir: Path) -> str | None:
    """Return what prevents a real Kafka from running here.

    Args:
        cache_dir: folder of the jars.

    Returns:
        A sentence without a full stop, or None if nothing is missing.
    """
    java = _java_major_version()
    if java is None:
        return f"there is no `java` (Java {_LEAST_JAVA} or newer is needed)"
    if java < _LEAST_JAVA:
        return f"`java` is version {java} (Java {_LEAST_JAVA} or newer is needed)"
    if not jar_dir(cache_dir).is_dir() and shutil.which("mvn") is None:
        return "there is no `mvn` (Maven fetches Kafka's jars)"
    return None


def jar_dir(cache_dir: Path) -> Path:
    """Return the folder of the jars; it exists only when it is complete."""
    return cache_dir / f"kafka-{KAFKA_VERSION}" / "libs"


def fetch_jars(cache_dir: Path) -> Path:
    """Fetch Kafka's jars if they are missing; several processes may call it at once.

    Returns:
        The folder that contains them.

    Raises:
        KafkaUnavailable: something is missing, or Maven failed; the message contains its output.
    """
    missing = missing_requirement(cache_dir)
    if missing:
        raise KafkaUnavailable(missing)
    jars = jar_dir(cache_dir)
    with exclusive(jars.parent):
        if not jars.is_dir():
            _run_maven(jars.parent)
    return jars


def _run_maven(folder: Path) -> None:
    partial = folder / "libs.partial"
    shutil.rmtree(partial, ignore_errors=True)
    pom = folder / "pom.xml"
    pom.write_text(_POM, encoding="utf-8")
    copy = ["dependency:copy-dependencies", f"-DoutputDirectory={partial}", "-DincludeScope=runtime"]
    outcome = subprocess.run(
        ["mvn", "-q", "-B", "-f", str(pom), *copy],
        capture_output=True,
        text=True,
        timeout=_FETCH_SECONDS,
        check=False,
    )
    if outcome.returncode != 0:
        said = (outcome.stdout + outcome.stderr).strip()[-2000:]
        raise KafkaUnavailable(f"Maven could not fetch Kafka {KAFKA_VERSION}:\n{said}")
    partial.rename(folder / "libs")  # last, so that a killed fetch leaves no half-filled folder


def _java_major_version() -> int | None:
    if shutil.which("java") is None:
        return None
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    found = _JAVA_VERSION.search(said)
    return int(found.group(1)) if found else None
