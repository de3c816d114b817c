# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import pytest
import yaml
from small_models import write_model

from rs_monitor.families import load_family
from rs_monitor.models import ModelError


def family(folder, *sigmas, **more):
    names = []
    for sigma in sigmas:
        names.append(write_model(folder, f"s{sigma}", sigma=sigma, **more).name)
    path = folder / "family.yaml"
    path.write_text(yaml.safe_dump({"members": names}))
    return load_family(path)


def test_family_picks_the_nearest_sigma(tmp_path):
    members = family(tmp_path, 0.12, 0.25, 0.5, 1.0)
    for sigma, expected, near in [
        (0.25, 0.25, True),
        (0.27, 0.25, True),
        (0.17, 0.12, False),
        (0.18, 0.25, False),
        (0.36, 0.5, False),
        (3.0, 1.0, False),
        (0.01, 0.12, False),
    ]:
        card, warning = members.select(sigma, "full")
        assert card.sigma == expected
        assert (warning == "") == near
        assert near or f"sigma {sigma:g}" in warning


def test_family_without_a_member_for_the_resolution(tmp_path):
    members = family(tmp_path, 0.25, dynamic_size=False)
    with pytest.raises(ModelError, match="no member takes half resolution"):
        members.select(0.25, "half")
    members = family(tmp_path, 0.25)
    assert "not trained for half" in members.select(0.25, "half")[1]


def test_family_of_one_card(tmp_path):
    assert load_family(write_model(tmp_path)).members[0].name == "color"


def test_family_with_other_labels(tmp_path):
    names = [
        write_model(tmp_path, "a").name,
        write_model(tmp_path, "b", labels=["x", "y", "z"], reference=None).name,
    ]
    path = tmp_path / "family.yaml"
    path.write_text(yaml.safe_dump({"members": names}))
    with pytest.raises(ModelError, match=r"b\.yaml has other labels"):
        load_family(path)
    for members in ([], "a.yaml", [1], ["../a.yaml"], ["missing.yaml"]):
        path.write_text(yaml.safe_dump({"members": members}))
        with pytest.raises(ModelError):
            load_family(path)
