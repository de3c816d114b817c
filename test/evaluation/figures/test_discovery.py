# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import os

import pytest
from small_logs import write_log

from rs_monitor.evaluation.figures.discovery import find_logs, setting_of


@pytest.mark.parametrize(
    ("parts", "setting"),
    [
        (("cifar10-gaussian", "sigma_0.25.tsv"), "cifar10-gaussian"),
        (("CIFAR-10_Cohen", "0.25", "sigma_0.25.TSV"), "cifar10-gaussian"),
        (("imagenet", "salman", "noise_0.50", "test", "sigma_0.50"), "imagenet-salman"),
        (("cifar10_smoothadv_sigma_1.00.tsv",), "cifar10-salman"),
        (("cifar100-gaussian", "sigma_0.25.tsv"), "cifar100-gaussian"),
        (("cifar10-consistency", "sigma_0.25.tsv"), "cifar10-consistency"),
        (("sigma_0.25.tsv",), "log"),
    ],
)
def test_names_tell_the_setting(parts, setting):
    assert setting_of(parts) == setting


def test_logs_are_found_and_the_rest_is_told(tmp_path):
    first = write_log(tmp_path / "cifar10-cohen" / "sigma_0.25.tsv", sigma=0.25)
    write_log(tmp_path / "cifar10-cohen" / "sigma_0.12", sigma=0.12)
    again = write_log(tmp_path / "gaussian-cifar10" / "sigma_0.25.tsv", sigma=0.25)
    write_log(tmp_path / "mine" / "sigma_0.50.tsv", sigma=0.5)
    (tmp_path / "README.md").write_text("radius of an image\n")
    (tmp_path / ".hidden.tsv").write_text("nothing")
    found = find_logs(tmp_path, n=1_000)
    assert found.settings() == ["cifar10-gaussian", "mine"]
    assert [log.sigma for log in found.of("cifar10-gaussian")] == [0.12, 0.25]
    assert found.get("cifar10-gaussian", 0.25).path == first
    assert found.missing("cifar10-gaussian") == (0.5, 1.0)
    assert found.missing("imagenet-salman") == (0.25, 0.5, 1.0)
    assert sorted(found.unused) == [
        f"{tmp_path / 'README.md'}: no certification log",
        f"{again}: cifar10-gaussian at sigma 0.25, as {first} is",
    ]


def test_a_folder_of_one_setting_names_it(tmp_path):
    folder = tmp_path / "imagenet-salman"
    write_log(folder / "sigma_0.50.tsv", sigma=0.5)
    assert find_logs(folder, n=1_000).settings() == ["imagenet-salman"]


@pytest.mark.parametrize("name", [b"\xff", b"a\nb"])
def test_a_name_that_cannot_be_printed_is_refused(tmp_path, name):
    write_log(tmp_path / os.fsdecode(name) / "sigma_0.25.tsv", sigma=0.25)
    with pytest.raises(ValueError, match="^rename '.*cannot be printed$"):
        find_logs(tmp_path, n=1_000)


def test_sigma_is_that_of_the_name_or_of_the_cap(tmp_path):
    write_log(tmp_path / "a" / "plain.tsv", sigma=0.5)  # the cap tells
    one = tmp_path / "b" / "sigma_0.25.tsv"  # one radius, which is also the cap of another sigma
    one.parent.mkdir()
    one.write_text("idx\tlabel\tpredict\tradius\tcorrect\n0\t1\t1\t0.2\t1\n")
    found = find_logs(tmp_path, n=1_000)
    assert [log.sigma for setting in found.settings() for log in found.of(setting)] == [0.5, 0.25]


def test_what_is_wrong_is_named(tmp_path):
    with pytest.raises(ValueError, match=f"no such folder: {tmp_path}/no"):
        find_logs(tmp_path / "no", n=1_000)
    with pytest.raises(ValueError, match=f"no certification log in {tmp_path}"):
        find_logs(tmp_path, n=1_000)
    bad = tmp_path / "sigma_0.25.tsv"
    bad.write_text("idx\tlabel\tcorrect\n0\t1\t1\n")
    with pytest.raises(ValueError, match=f"log {bad}: .*predict, radius"):
        find_logs(tmp_path, n=1_000)
