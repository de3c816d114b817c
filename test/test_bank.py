# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import importlib.util

import pytest
import yaml
from slowed_engine import Slowness
from small_models import color_network, write_model

from rs_monitor.bank import CertifierBank
from rs_monitor.engines import EngineError
from rs_monitor.families import load_family, shipped_family
from rs_monitor.models import ModelError
from rs_monitor.pacing import RESERVE
from rs_monitor.settings import Settings


def open_bank(path, **change):
    options = {
        "backend": "auto",
        "precision": "auto",
        "settings": Settings(n=50),
        "resolution": "full",
        "budget": 0.05,
    } | change
    return CertifierBank(path, **options)


def test_all_members_are_open_and_sigma_switches(tmp_path):
    cards = [write_model(tmp_path, f"s{s}", sigma=s) for s in (0.25, 0.5)]
    family = tmp_path / "family.yaml"
    family.write_text(yaml.safe_dump({"members": [card.name for card in cards]}))
    bank = open_bank(family)
    assert len(bank.loaded) == 2
    quarter, half = bank.select(0.25, "full")[0], bank.select(0.5, "full")[0]
    assert quarter.engine.model.card.name == "s0.25"
    assert half.engine.model.card.name == "s0.5"
    with pytest.raises(ModelError, match="not loaded at half"):
        bank.select(0.25, "half")
    bank.close()
    with pytest.raises(EngineError, match="closed"):
        quarter.engine.warm_up()


def test_half_resolution_of_a_dynamic_card(tmp_path):
    bank = open_bank(write_model(tmp_path), resolution="half")
    certifier, warning = bank.select(0.25, "half")
    assert certifier.engine.model.height == 4
    assert "not trained for half" in warning
    bank.close()


def test_half_resolution_of_a_fixed_card(tmp_path):
    card = write_model(tmp_path, onnx_bytes=color_network(height=8, width=8), dynamic_size=False)
    open_bank(card).close()
    with pytest.raises(ModelError, match="half resolution.*fixed"):
        open_bank(card, resolution="half")


def test_wrong_reference_class(tmp_path):
    card = write_model(tmp_path, onnx_bytes=color_network(order=(2, 1, 0)), reference="red")
    with pytest.raises(ModelError, match="reference image .* should be red"):
        open_bank(card)


@pytest.mark.parametrize("reference", ["red", None])
def test_logits_that_are_not_finite_are_told_before_the_first_frame(tmp_path, reference):
    content = color_network(nan_above=-10.0)  # of every image
    card = write_model(tmp_path, onnx_bytes=content, reference=reference)
    with pytest.raises(ModelError, match="64 of 64 noisy copies of .* non-finite .* in fp32: "):
        open_bank(card, precision="fp32")


def test_chunk_is_measured_or_given(tmp_path):
    card = write_model(tmp_path)
    bank = open_bank(card, chunk=5)
    assert bank.select(0.25, "full")[0].engine.max_batch == 5
    bank.close()
    for n, chunk in ((0, 64), (50, 50), (200, 50)):
        bank = open_bank(card, budget=10.0, settings=Settings(n=n))
        assert bank.select(0.25, "full")[0].engine.max_batch == chunk
        bank.close()


def test_what_cannot_be_had_is_refused(tmp_path):
    card = write_model(tmp_path)
    with pytest.raises(EngineError, match="fp16|precision"):
        open_bank(card, precision="fp64")
    with pytest.raises(EngineError, match="int8"):
        open_bank(card, precision="int8")


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="PyTorch is here")
def test_a_backend_that_is_not_installed_is_refused(tmp_path):
    with pytest.raises(EngineError, match="torch"):
        open_bank(write_model(tmp_path), backend="torch")


def test_shipped_family_opens():
    family = load_family(shipped_family())
    assert all(len(card.labels) == 43 for card in family.members)
    bank = open_bank("")
    for sigma, resolution in (
        (0.12, "full"), (0.25, "full"), (0.5, "full"), (1.0, "full"), (0.25, "half"),
    ):  # fmt: skip
        certifier, warning = bank.select(sigma, resolution)
        card = certifier.engine.model.card
        assert (card.sigma, card.resolution, warning) == (sigma, resolution, "")
    bank.close()


def test_engines_are_opened_again_from_what_was_checked(tmp_path):
    card = write_model(tmp_path)
    bank = open_bank(card)
    bank.close_engines()
    for file in tmp_path.iterdir():
        file.unlink()
    again = bank.reopened(Settings(n=50), 0.05)  # nothing is read from files any more
    model = again.select(0.25, "full")[0].engine.model
    again.close_engines()
    object.__setattr__(model, "onnx", model.onnx[:-1] + b"x")  # as by a memory that fails
    with pytest.raises(ModelError, match="sha256 is .* vouches for"):
        again.reopened(Settings(n=50), 0.05)
    again.close()


def test_a_member_is_opened_once_more_with_other_chunks_and_exchanged(tmp_path):
    cards = [write_model(tmp_path, f"s{s}", sigma=s) for s in (0.25, 0.5)]
    family = tmp_path / "family.yaml"
    family.write_text(yaml.safe_dump({"members": [card.name for card in cards]}))
    opener, settings = Slowness(), Settings(n=50)
    bank = open_bank(family, opener=opener)
    old, other = bank.select(0.25, "full")[0], bank.select(0.5, "full")[0]
    new = bank.resized(old, 4, settings, 0.05)
    assert (new.engine.max_batch, new.engine.model) == (4, old.engine.model)
    assert new.pace.typical > 0  # it is warm
    assert bank.select(0.25, "full")[0] is old
    old.engine.run_network()
    bank.exchange(old, new)
    assert bank.select(0.25, "full")[0] is new
    assert bank.select(0.5, "full")[0] is other
    assert new.pace.reserve == old.pace.reserve
    old.engine.close()
    bank.close_engines()
    again = bank.reopened(settings, 0.05)
    assert again.select(0.25, "full")[0].engine.max_batch == 4
    again.close()
    for engine in opener.opened:
        with pytest.raises(EngineError, match="closed"):
            engine.run_network()


def test_an_engine_that_fails_when_it_is_opened_once_more_is_closed(tmp_path):
    opener = Slowness()
    bank = open_bank(write_model(tmp_path), opener=opener)
    certifier = bank.select(0.25, "full")[0]
    opener.sample = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        bank.resized(certifier, 4, Settings(n=50), 0.05)
    assert opener.opened[-1].max_batch == 4
    with pytest.raises(EngineError, match="closed"):
        opener.opened[-1].run_network()
    certifier.engine.run_network()
    bank.close()


def test_the_chunk_asked_for_follows_the_pace(tmp_path):
    bank = open_bank(write_model(tmp_path), budget=0.105)
    settings = Settings(n=0)

    def asked(certifier, *seconds):
        certifier.pace._chunks.clear()
        certifier.pace._chunks.extend((0.0, duration) for duration in seconds)
        return bank.asked_chunk(certifier, settings, 0.105)

    old = bank.select(0.25, "full")[0]
    assert asked(old, 0.01) == 50  # it was opened for n = 50
    assert asked(old, 0.14) == 16
    new = bank.resized(old, 16, settings, 0.105)
    new.pace._chunks.clear()
    new.pace._chunks.append((0.0, 0.07))  # half the time that 50 take
    bank.exchange(old, new)
    assert asked(new, 0.021) == 16  # 50 would take 42 ms
    assert asked(new, 0.019) == 50
    third = bank.resized(new, 50, settings, 0.105)
    bank.exchange(new, third)
    assert asked(third, 0.019) == 50
    for engine in (old.engine, new.engine):
        engine.close()
    bank.close()


def test_a_chunk_is_measured_however_short_a_frame_is(tmp_path):
    bank = open_bank(write_model(tmp_path), budget=RESERVE + 1e-4, chunk=16)
    assert bank.select(0.25, "full")[0].pace.typical > 0
    bank.close()
