"""Calibrates with a recording of one's own, and cleans another recording of the same camera with the result.

    python examples/train_on_series.py still.mkv talk.mkv clean.mp4 --minutes 3

So it goes without the command line: the recording is split into still series, these are judged, the noise is measured,
a live network is fine-tuned, and what it learned lies in a profile from which any program can take it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from calibrate import calibrate, find_source
from capture import judge_clip
from rtdenoise import RtdenoiseError, make_denoiser, open_camera, transcode


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("still", type=Path, help="a recording in which nothing moves")
    parser.add_argument("film", type=Path, help="what is to be cleaned")
    parser.add_argument("output", type=Path)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--home", type=Path, default=None, help="where profiles are")
    words = parser.parse_args()
    try:
        clip = judge_clip(words.still)
        for series in clip.series:
            verdict = "fit" if series.accepted else series.reason
            print(f"frames {series.first} to {series.stop - 1}: {verdict}")
        source = find_source(None, words.still, words.home)
        outcome = calibrate(source, network="nano", minutes=words.minutes, device="auto")
        gain = outcome.quality.gain_db
        print(f"{gain.value:+.1f} dB ({gain.low:+.1f} … {gain.high:+.1f}) where it did not learn")
        denoiser = make_denoiser("nano", profile=source.profile, camera=clip.camera, mode=clip.mode)
        report = transcode(open_camera(f"file:{words.film}"), denoiser, str(words.output))
    except RtdenoiseError as error:
        raise SystemExit(str(error)) from error
    print(f"{report.frames} frames written to {words.output}")


if __name__ == "__main__":
    main()
