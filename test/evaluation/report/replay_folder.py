# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A folder as `rs_monitor replay` fills it, made up: what the report is to show is known."""

import json

import cv2
import numpy as np
import pyarrow
import pyarrow.parquet

from rs_monitor.certification import lower_bound, radius

PERIOD_NS = 40_000_000
NS = (25, 100, 200)


def column_values(
    frames, *, bag="front.mcap", topic="/camera", n=200, sigma=0.25, seed=0, point=0, labels=True
):
    """Return columns of one recording: a scene whose certainty rises and falls."""
    random = np.random.default_rng(seed)
    time = np.arange(frames)
    certainty = np.clip(0.86 + 0.16 * np.sin(time / 35) + 0.03 * random.normal(size=frames), 0, 1)
    votes = random.binomial(n, certainty)
    table = np.array([radius(float(p), sigma) for p in lower_bound(np.arange(n + 1), n, 0.001)])
    radii = np.where(table > 0, table, 0.0)[votes]
    certified = radii > 0
    status = np.where(certified, "CERTIFIED", "ABSTAINED").astype(object)
    classes = (time // 90) % 3
    wrong = certified & (random.random(frames) < 0.01)
    return {
        "bag": [bag] * frames,
        "topic": [topic] * frames,
        "index": time,
        "log_time_ns": 1_700_000_000_000_000_000 + time * PERIOD_NS,
        "stamp_ns": 1_700_000_000_000_000_000 + time * PERIOD_NS,
        "point": np.full(frames, point),
        "n": np.full(frames, n),
        "resolution": ["full"] * frames,
        "sigma": np.full(frames, sigma),
        "status": status,
        "reason": np.where(certified, "", "142 votes of the 126 needed").astype(object),
        "class_id": np.where(certified, classes + wrong, -1),
        "class_name": np.where(
            certified, np.array(["stop", "yield", "30", "50"], object)[classes + wrong], ""
        ),
        "radius": radii,
        "radius_cap": np.full(frames, table[-1]),
        "n_used": np.full(frames, n),
        "label": classes if labels else np.full(frames, -1),
        "label_name": np.array(["stop", "yield", "30"], object)[classes]
        if labels
        else [""] * frames,
        "correct": (certified & ~wrong) if labels else [None] * frames,
        "thumbnail": [""] * frames,
        "processing_time_ns": (30e6 + 2e6 * random.gamma(2.0, size=frames)).astype(np.int64),
    }


def point_entry(columns):
    """Return the summary's entry of a point, from the columns of its recordings."""
    radii = np.concatenate([part["radius"] for part in columns])
    status = np.concatenate([part["status"] for part in columns])
    first = columns[0]
    names, counts = np.unique(status.astype(str), return_counts=True)
    counts = dict(zip(names.tolist(), counts.tolist()))
    labelled = any((np.asarray(part["label"]) >= 0).any() for part in columns)
    mean, error = float(radii.mean()), float(radii.std() / len(radii) ** 0.5)
    accuracy = {f"{r:g}": float((radii > r).mean()) for r in (0, 0.1, 0.25, 0.5)}
    return {
        "n": int(first["n"][0]),
        "sigma": float(first["sigma"][0]),
        "resolution": first["resolution"][0],
        "frames": len(radii),
        "certified": counts.pop("CERTIFIED", 0),
        "abstained": counts.pop("ABSTAINED", 0),
        "failures": counts,
        "average_radius": mean,
        "average_radius_standard_error": error,
        "average_certified_radius": mean if labelled else None,
        "standard_error": error if labelled else None,
        "certified_accuracy": accuracy if labelled else None,
        "smoothed_accuracy": 0.91 if labelled else None,
    }


def write_folder(folder, points, **summary):
    """Write frames.parquet and summary.json; `points` has, of each, its recordings' columns."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = [part for columns in points for part in columns]
    names = sorted(set().union(*parts))
    tables = [
        pyarrow.table({k: pyarrow.array(list(v)) for k, v in part.items()}) for part in parts
    ]
    whole = pyarrow.concat_tables(tables, promote_options="permissive").select(names)
    pyarrow.parquet.write_table(whole, folder / "frames.parquet")
    content = {
        "settings": {
            "ns": [25, 100, 200],
            "alpha": 0.001,
            "procedure": "single_pass",
            "required_radius": 0.1,
            "frame_period": 0.04,
            "seed": 1,
        },
        "mode": "offline",
        "model": {
            "0.25 full": {
                "name": "traffic_signs",
                "model_id": "1a2b3c4d5e6f",
                "sha256": "1a2b3c4d" * 8,
            }
        },
        "engine": {"backend": "openvino", "precision": "bf16", "device": "AMD EPYC"},
        "machine": {"machine": "x86_64", "system": "Linux 6.1", "cores": 2},
        "clusters": {"of": "recordings", "count": 2},
        "warnings": [],
        "points": [point_entry(columns) for columns in points],
    }
    settings = content["settings"] | summary.pop("settings", {})
    (folder / "summary.json").write_text(json.dumps(content | summary | {"settings": settings}))
    return folder


def add_thumbnails(folder, columns, count=24, side=160):
    """Draw pictures for the first frames that are not certified, then for others."""
    (folder / "thumbnails").mkdir(parents=True, exist_ok=True)
    order = np.argsort(columns["radius"], kind="stable")[:count]
    random = np.random.default_rng(1)
    for row in order.tolist():
        picture = random.integers(0, 255, (12, 16, 3)).astype(np.uint8)
        picture = cv2.resize(picture, (side * 4 // 3, side), interpolation=cv2.INTER_CUBIC)
        name = f"thumbnails/{columns['index'][row]:06d}.jpg"
        cv2.imwrite(str(folder / name), picture)
        columns["thumbnail"][row] = name


def drive(folder, frames=1000, *, labels=True, ns=NS):
    """Write a swept drive of two cameras with every kind of event."""
    points = []
    for index, n in enumerate(ns):
        options = {"n": n, "point": index, "labels": labels}
        front = column_values(frames - frames // 3, seed=3, **options)
        rear = column_values(frames // 3, bag="rear.mcap", topic="/rear/image", seed=2, **options)
        if index == len(ns) - 1:
            add_thumbnails(folder, front)
            mark(front, slice(40, 52), "DEADLINE_MISSED", "6 ms late")
            mark(front, slice(300, 301), "DEADLINE_MISSED", "12 ms late")
            mark(rear, slice(100, 104), "ENGINE_ERROR", "7 outputs were not finite")
        points.append([front, rear])
    return write_folder(folder, points)


def mark(columns, rows, status, reason):
    """Turn frames into failures."""
    columns["status"][rows] = status
    columns["reason"][rows] = reason
    columns["radius"][rows] = 0.0
    columns["class_name"][rows] = ""
