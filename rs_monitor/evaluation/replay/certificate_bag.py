# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A recording of certificates, to be played beside the recording of the images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import Writer
from rosbags.rosbag2.enums import StoragePlugin

from .columns import CERTIFICATE, certificate_store, message_from

TOPIC = "/rs/certificate"

# As the node offers them: the safety monitor takes none without its lease. No deadline, since
# whoever plays a recording may pause.
_FOREVER = QosTime(9223372036, 854775807)
_OFFERED = Qos(
    QosHistory.KEEP_LAST,
    10,
    QosReliability.RELIABLE,
    QosDurability.VOLATILE,
    _FOREVER,
    _FOREVER,
    QosLiveliness.AUTOMATIC,
    QosTime(1, 0),
    False,
)


def topics_for(image_topics: Iterable[str]) -> dict[str, str]:
    """Return the topic of the certificates by image topic: TOPIC, where there is one of them."""
    names = list(dict.fromkeys(image_topics))
    if len(names) == 1:
        return {names[0]: TOPIC}
    # Several cameras: each has its certifier in a namespace of its own.
    return {name: f"/rs/{name.strip('/')}/certificate" for name in names}


class CertificateBag:
    """Writes a rosbag2 mcap directory of Certificate messages, with their definition inside.

    Parameters
    ----------
    path : Path
        Must not exist.
    image_topics : iterable of str
    """

    def __init__(self, path: Path, image_topics: Iterable[str]) -> None:
        self._store = certificate_store()
        self._writer = Writer(path, version=9, storage_plugin=StoragePlugin.MCAP)
        self._writer.open()
        definition, _ = self._store.generate_msgdef(CERTIFICATE, ros_version=2)
        self._connections = {
            images: self._writer.add_connection(
                topic,
                CERTIFICATE,
                msgdef=definition,
                rihs01=self._store.hash_rihs01(CERTIFICATE),
                offered_qos_profiles=[_OFFERED],
            )
            for images, topic in topics_for(image_topics).items()
        }

    def add(self, row: Mapping[str, Any]) -> None:
        """Write the certificate of a row, recorded when its image was."""
        content = self._store.serialize_cdr(message_from(row), CERTIFICATE)
        self._writer.write(self._connections[row["topic"]], row["log_time_ns"], content)

    def close(self) -> None:
        """Finish the recording."""
        self._writer.close()

    def abort(self) -> None:
        """Close the files of a recording that is given up."""
        self._writer.abort()
