"""The pictures that the program draws: views, masks, attributes."""

import numpy as np
import pytest

from canon.data.sources.rendered import (
    AZIMUTHS,
    azimuth_of,
    held_out,
    nearest_shown,
    random_transformation,
    render,
)
from canon.data.sources.solids import box, objects, prism
from canon.data.targets.attributes import (
    TRANSFORMATION,
    Attributes,
    Transformation,
    encode,
)

RED = Transformation((1, 0, 0)).values()


def outward(body):
    """Whether the normals of all faces point away from the middle."""
    middle = body.points.mean(0)
    for face in body.faces:
        a, b, c = body.points[list(face[:3])]
        if np.dot(np.cross(b - a, c - a), body.points[list(face)].mean(0) - middle) <= 0:
            return False
    return True


def test_faces_are_seen_from_outside():
    assert outward(box(0, 0, 0, 1, 2, 3))
    assert outward(prism(5, 1, 1))
    assert outward(prism(20, 1, 1, 0.01))
    assert all(outward(body) for bodies in objects().values() for body in bodies)


def test_a_cube_shows_its_top_and_two_sides_in_three_shades():
    picture, mask = render([box(0, 0, 0, 1, 1, 1)], 30, 30, RED)
    shades, counts = np.unique(picture[mask == 255][:, 0], return_counts=True)
    assert len(shades[counts > 30]) == 3
    assert picture[mask == 0].max() == 0
    assert picture[..., 1:].max() == 0


def test_the_top_is_seen_from_above_and_the_front_is_not_seen_from_behind():
    low, high = box(0, -1, 0, 1, 0.2, 0.2), box(0, 1, 0, 1, 0.2, 1.0)
    front, _ = render([low], 0, 20, RED)
    assert np.flatnonzero(front.any((1, 2))).max() > 32  # in front is lower in the picture
    behind, _ = render([low, high], 180, 20, RED)
    only, _ = render([high], 180, 20, RED)
    assert (behind != only).sum() < (only > 0).sum() / 2  # the wall hides most of the low box


def test_a_quarter_turn_of_a_cube_changes_nothing_and_an_eighth_does():
    cube = [box(0, 0, 0, 1, 1, 1)]
    first, quarter, eighth = (render(cube, a, 30, RED)[1].astype(int) for a in (10, 100, 55))
    assert np.abs(first - quarter).mean() < 1
    assert np.abs(first - eighth).mean() > 5


def test_the_mask_is_where_the_object_is():
    picture, mask = render(objects()["chair3"], 40, 30, Transformation((1, 1, 1)).values())
    inside = mask == 255
    assert (picture[inside] > 0).all()
    assert 0.05 < inside.mean() < 0.5


@pytest.mark.parametrize(("name", "value", "grows"), [("zoom", 0.8, False), ("stretch", 1.2, True)])
def test_the_transformation_changes_the_size(name, value, grows):
    changed = RED.copy()
    changed[TRANSFORMATION.index(name)] = value
    plain, other = (render([box(0, 0, 0, 1, 1, 1)], 30, 30, t)[1].mean() for t in (RED, changed))
    assert (other > plain) == grows


def test_attributes_are_a_class_a_view_and_a_transformation():
    code = encode(1, 3, 90.0, 30.0, RED)
    np.testing.assert_allclose(code[:7], [0, 1, 0, 1, 0, 0.5, np.sqrt(0.75)], atol=1e-6)
    np.testing.assert_array_equal(code[7:], RED)
    assert len(code) == 3 + 4 + len(TRANSFORMATION)


def test_a_quarter_of_the_azimuths_is_held_out_and_none_is_in_both():
    shown = [azimuth_of(i) for i in range(AZIMUTHS) if not held_out(i)]
    hidden = [azimuth_of(i) for i in range(AZIMUTHS) if held_out(i)]
    assert (len(shown), len(hidden)) == (23, 8)
    assert not set(shown) & set(hidden)
    assert min(abs(a - b) for a in shown for b in hidden) == pytest.approx(360 / 31)


def test_selected_and_joined_attributes_have_their_masks():
    values, masks = np.arange(8, dtype=np.float32).reshape(4, 2), np.arange(4, dtype=np.uint8)
    targets = Attributes(values, ("a",), masks[:, None, None])
    first, last = targets.select(np.array([3, 1])), targets.select(np.array([0]))
    assert first.masks.ravel().tolist() == [3, 1]
    both = first.joined(last)
    assert both.masks.ravel().tolist() == [3, 1, 0]
    assert both.values[:, 0].tolist() == [6, 2, 0]


def test_transformations_stay_within_their_ranges():
    draw = np.random.default_rng(0)
    drawn = np.stack([random_transformation(draw) for _ in range(200)])
    low, high = drawn.min(0), drawn.max(0)
    names = {name: (low[i], high[i]) for i, name in enumerate(TRANSFORMATION)}
    assert names["red"][0] >= 0.25
    assert names["zoom"][1] <= 1.1
    np.testing.assert_allclose(drawn[:, -2] ** 2 + drawn[:, -1] ** 2, 1, rtol=1e-5)


def test_the_nearest_view_that_was_shown_is_one_step_away():
    names = list(objects())
    hidden = next(i for i in range(AZIMUTHS) if held_out(i))
    code = encode(names.index("cube"), len(names), azimuth_of(hidden), 20.0, RED)
    found = nearest_shown(code[None])[0]
    step = 360 / AZIMUTHS
    before, itself, after = (
        render(objects()["cube"], azimuth_of(hidden) + turn, 20.0, RED)[0].astype(int)
        for turn in (-step, 0, step)
    )
    assert min(np.abs(found - before).mean(), np.abs(found - after).mean()) < 0.1
    assert np.abs(found - itself).mean() > 1
