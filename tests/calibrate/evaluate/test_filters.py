"""Other programs' filters: their strength is chosen on frames that aren't judged, and none sees a reference."""

from dataclasses import replace

import numpy as np
import pytest

from calibrate.evaluate import filters
from calibrate.evaluate.kept import Cleaned
from calibrate.evaluate.material import Material, luma
from calibrate.evaluate.streams import clean as clean_stream
from calibrate.evaluate.streams import stream
from calibrate.evaluate.truth import truth
from rtdenoise.errors import NetworkError


def error(cleaned: Cleaned, material: Material, place: int) -> float:
    clean = truth(material.places[place])
    assert clean is not None
    return float(np.square(luma(cleaned.frames[:1]) - luma(clean)).mean())


def test_a_part_gives_the_same_pixels_as_the_whole(
    material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, setting = material.places[0], filters.settings("nlmeans")[1]
    part = filters.clean(setting, place)
    monkeypatch.setattr(filters, "_MARGIN", 1000)
    whole = filters.clean(setting, place)
    assert np.array_equal(part.frames, whole.frames)
    assert part.ms_per_frame > 0


def test_the_best_strength_is_that_of_the_frames_that_are_learned_from(material: Material) -> None:
    tried = filters.settings("atadenoise")
    words = [one.words for one in tried]
    chosen = words.index(filters.best_setting("atadenoise", material.tuning).words)
    errors = [error(filters.clean(one, material.places[0]), material, 0) for one in tried]
    noisy = Cleaned(np.stack([material.places[0].footage().frame(9)]), 0.0)
    assert errors[chosen] <= 1.1 * min(errors)
    assert errors[chosen] < 0.5 * error(noisy, material, 0)
    assert filters.best_setting("atadenoise", []).words == words[len(words) // 2]


def test_several_frames_of_non_local_means_are_none_that_come_later(material: Material) -> None:
    place = material.places[0]
    setting = filters.settings("opencv-nlmeans-multi")[2]
    made = filters.clean(setting, place)
    # What comes after the cleaned frames changes nothing.
    shorter = replace(place, count=place.cleaned[-1] + 1)
    assert np.array_equal(filters.clean(setting, shorter).frames, made.frames)
    single = filters.settings("opencv-nlmeans")[2]
    assert error(made, material, 0) < error(filters.clean(single, place), material, 0)


def test_streams_see_what_came_before(material: Material) -> None:
    place = material.places[0]
    method = stream("recursive", noise=None, device="cpu")
    made = clean_stream(method, place)
    assert made.frames.shape[0] == len(place.cleaned)
    noisy = Cleaned(np.stack([place.footage().frame(9)]), 0.0)
    assert error(made, material, 0) < 0.3 * error(noisy, material, 0)
    base = stream("nano-base", noise=None, device="cpu")
    assert error(clean_stream(base, place), material, 0) < 0.3 * error(noisy, material, 0)
    with pytest.raises(NetworkError, match="no method"):
        stream("nonesuch", noise=None, device="cpu")
