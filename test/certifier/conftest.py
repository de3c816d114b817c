# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import time

import pytest
from certifying import CHUNK
from small_models import write_model

from rs_monitor.certification import SinglePassTable
from rs_monitor.certifier import Certifier
from rs_monitor.engines import open_engine
from rs_monitor.models import load_card, load_model


@pytest.fixture
def table():
    with SinglePassTable() as table:
        yield table


@pytest.fixture
def make(tmp_path, table):
    engines = []

    def build(clock=time.monotonic, **model):
        card = load_card(write_model(tmp_path, **model))
        engine = open_engine(
            load_model(card), backend="openvino", precision="fp32", max_batch=CHUNK
        )
        engines.append(engine)
        return Certifier(engine, table, clock)

    yield build
    for engine in engines:
        engine.close()
