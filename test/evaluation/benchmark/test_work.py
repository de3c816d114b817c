# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import pytest
from small_models import color_network

from rs_monitor.engines import EngineError
from rs_monitor.evaluation.benchmark.work import (
    LIMIT_CLASSES,
    LIMIT_SIZE,
    convolution_network,
    count_work,
)


def test_limit_network_is_counted_as_by_hand():
    work = count_work(convolution_network(), LIMIT_SIZE, LIMIT_SIZE)
    pixels, channels = LIMIT_SIZE**2, LIMIT_CLASSES
    assert work.operations == 2 * pixels * (3 * channels + 4 * 9 * channels**2)
    assert work.values == 3 * pixels + 2 * pixels * channels


def test_networks_count_as_the_literature_says():
    pytest.importorskip("torch", reason="architectures need PyTorch: pip install torch")
    from rs_monitor.training.networks import make_network
    from rs_monitor.training.onnx_export import export_onnx

    content = export_onnx(make_network("cifar_resnet20", 10), 32, 32).content
    whole, half = (count_work(content, size, size).operations for size in (32, 16))
    assert whole == pytest.approx(2 * 40.8e6, rel=0.02)  # 41 million multiply-adds
    assert half == pytest.approx(whole / 4, rel=0.01)


def test_a_network_without_products_has_no_work():
    assert count_work(color_network(), 8, 8).operations == 0


def test_what_is_no_network_is_refused():
    with pytest.raises(EngineError, match="work cannot be counted"):
        count_work(b"no onnx", 8, 8)
