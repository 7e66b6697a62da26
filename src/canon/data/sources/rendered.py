"""A dataset that the program draws: chairs and solids from all sides, in all colours."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from canon.data.dataset import Dataset, Split
from canon.data.images.collection import ArrayImages
from canon.data.sources.solids import Body, objects
from canon.data.targets.attributes import Attributes, encode

RENDERED = {"chairs": 64, "chairs-128": 128}  # datasets, and pixels per side of their pictures
SIDE = RENDERED["chairs"]
AZIMUTHS, ELEVATIONS = 31, (20.0, 40.0)  # 62 views, as in the paper
FINER = 3  # drawn so many times larger, and reduced
LIGHT = np.array([0.35, -0.55, 0.76])  # direction to the light, as the camera sees it
COPIES = 6  # pictures of each view to train on, with different transformations

Picture = tuple[NDArray[np.uint8], NDArray[np.uint8]]  # (H, W, 3) on black, and the mask (H, W)


def render(
    bodies: list[Body],
    azimuth: float,
    elevation: float,
    transformation: NDArray[np.float32],
    side: int = SIDE,
) -> Picture:
    """Draw bodies, the farthest face first.

    Args:
        bodies: what to draw.
        azimuth: of the camera, degrees.
        elevation: of the camera, degrees.
        transformation: (12,) colour and place, see `Attributes`.
        side: of the picture, pixels.
    """
    red, green, blue, saturation, brightness, zoom, stretch, aspect, *place = transformation
    color = np.array([red, green, blue])
    color = (color.mean() + saturation * (color - color.mean())) * brightness
    faces = sorted(_faces(bodies, azimuth, elevation), key=lambda face: face[0])
    large = side * FINER
    picture, mask = Image.new("RGB", (large, large)), Image.new("L", (large, large))
    draw, cover = ImageDraw.Draw(picture), ImageDraw.Draw(mask)
    shift_x, shift_y, sine, cosine = place
    turn = np.array([[cosine, -sine], [sine, cosine]])
    for _, points, light in faces:
        flat = points * [stretch * aspect, stretch / aspect]
        flat = (flat @ turn.T) * zoom * 0.42 + [0.5 + shift_x, 0.5 + shift_y]
        corners = [tuple(corner) for corner in (flat * large).tolist()]
        shade = tuple(np.clip(255 * color * light, 0, 255).astype(int).tolist())
        draw.polygon(corners, fill=shade)
        cover.polygon(corners, fill=255)
    small = (side, side)
    reduced = picture.resize(small, Image.Resampling.BOX), mask.resize(small, Image.Resampling.BOX)
    return np.asarray(reduced[0]).copy(), np.asarray(reduced[1]).copy()


def _faces(
    bodies: list[Body], azimuth: float, elevation: float
) -> Iterator[tuple[float, NDArray[np.float64], float]]:
    """Of each visible face: its nearness, its corners in the plane, and how light it is."""
    a, e = np.radians([azimuth, elevation])
    around = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    # Seen by the camera: x to the right, y down, z towards it.
    camera = np.array([[1, 0, 0], [0, -np.sin(e), -np.cos(e)], [0, -np.cos(e), np.sin(e)]])
    everything = np.concatenate([body.points for body in bodies])
    middle = np.array([0, 0, (everything[:, 2].min() + everything[:, 2].max()) / 2])
    for body in bodies:
        seen = (body.points - middle) @ around.T @ camera.T
        for face in body.faces:
            points = seen[list(face)]
            normal = np.cross(points[1] - points[0], points[2] - points[0])
            length = np.linalg.norm(normal)
            # y points down, so the plane is mirrored and so is the order of the corners.
            normal = -normal / max(length, 1e-9)
            if normal[2] > 1e-6:
                light = 0.4 + 0.6 * max(0.0, float(normal @ LIGHT))
                yield float(points[:, 2].mean()), points[:, :2], light


def random_transformation(draw: np.random.Generator) -> NDArray[np.float32]:
    """A colour, and small changes of size, place and direction."""
    turn = np.radians(draw.uniform(-8, 8))
    color = draw.uniform(0.25, 1.0, 3)
    change = [draw.uniform(0.7, 1.2), draw.uniform(0.85, 1.1), draw.uniform(0.85, 1.1),
              draw.uniform(0.95, 1.05), draw.uniform(0.95, 1.05)]  # fmt: skip
    shift = draw.uniform(-0.05, 0.05, 2)
    return np.array([*color, *change, *shift, np.sin(turn), np.cos(turn)], np.float32)


def held_out(view: int) -> bool:
    """Whether an azimuth, by its number, is for testing: every fourth."""
    return view % 4 == 2


def azimuth_of(view: int) -> float:
    """Degrees of an azimuth by its number."""
    return 360.0 * view / AZIMUTHS


def nearest_shown(values: NDArray[np.float32], side: int = SIDE) -> NDArray[np.uint8]:
    """What attributes of `chairs` look like from the nearest azimuth to train on.

    The measure of a generator: it has learned views if it draws others better than this.

    Shape: (N, K + 16) -> (N, H, W, 3)
    """
    bodies, shown = [*objects().values()], [i for i in range(AZIMUTHS) if not held_out(i)]
    pictures = []
    for row in values:
        code, view, change = np.split(row, [len(bodies), len(bodies) + 4])
        azimuth = np.degrees(np.arctan2(view[0], view[1])) % 360
        elevation = np.degrees(np.arctan2(view[2], view[3]))
        apart = [abs((azimuth_of(i) - azimuth + 180) % 360 - 180) for i in shown]
        near = azimuth_of(shown[int(np.argmin(apart))])
        pictures.append(render(bodies[int(code.argmax())], near, elevation, change, side)[0])
    return np.stack(pictures)


def rendered_chairs(name: str = "chairs", count: int | None = None) -> Dataset:
    """12 chairs and 8 solids; three of four azimuths to train on, the others to test.

    Args:
        name: of the dataset, which decides how large pictures are.
        count: of objects that are drawn, the first ones; None means all.
    """
    bodies, side = objects(), RENDERED[name]
    draw = np.random.default_rng(0)
    rows: dict[str, list[tuple[NDArray[np.float32], Picture]]] = {"train": [], "test": []}
    for number, body in enumerate([*bodies.values()][:count]):
        for view in range(AZIMUTHS):
            split = "test" if held_out(view) else "train"
            for elevation in ELEVATIONS:
                for _ in range(1 if split == "test" else COPIES):
                    change = random_transformation(draw)
                    picture = render(body, azimuth_of(view), elevation, change, side)
                    code = encode(number, len(bodies), azimuth_of(view), elevation, change)
                    rows[split].append((code, picture))
    return Dataset(name, {part: _split(found, tuple(bodies)) for part, found in rows.items()})


def _split(rows: list[tuple[NDArray[np.float32], Picture]], classes: tuple[str, ...]) -> Split:
    codes = np.stack([code for code, _ in rows])
    pictures = np.stack([picture for _, (picture, _) in rows])
    masks = np.stack([mask for _, (_, mask) in rows])
    return Split(ArrayImages.of(pictures), Attributes(codes, classes, masks))
