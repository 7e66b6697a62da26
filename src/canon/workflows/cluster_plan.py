"""Resolve the configuration of a clustering: preprocessing, recipes, what is refused."""

from collections.abc import Iterator
from dataclasses import replace
from math import ceil
from numbers import Integral
from typing import Any, Literal

from canon.data import DataReport, Dataset, Preprocessing
from canon.errors import DataError, InputError, require_positive
from canon.models import model_info
from canon.registry import smallest_image
from canon.runs.cluster_config import ClusterConfig
from canon.runs.clustering import ClusterRun
from canon.runs.plan import largest_batch
from canon.tasks.clustering import starts
from canon.tasks.clustering.job import repeats
from canon.tasks.clustering.methods import ImageRecipe, Method, augmentation_of, method_named
from canon.utils.tables import counted

FEWEST_TO_COUNT = 10  # different images for -k auto
LARGEST = 128  # side that is not reduced, pixels: auto-encoders grow with its square
COUNTS = ("epochs", "pretraining_epochs", "image", "seeds")
# Of small datasets, which are therefore trained for more epochs.
LEAST_STEPS = {"pretraining": 2000, "warming": 1000, "training": 1000}


def require_ranges(config: ClusterConfig) -> None:
    """Refuse numbers out of range.

    Raises:
        InputError: one is.
    """
    k: Any = config.k
    if k != "auto" and not (isinstance(k, Integral) and int(k) >= 2):
        raise InputError(
            f"-k is {config.k}; expected 2 clusters or more, or auto. Pass -k 10 or -k auto."
        )
    counts = {name: getattr(config, name) for name in COUNTS}
    require_positive(**{name: value for name, value in counts.items() if value is not None})
    if not 0 <= config.seed < 2**63 - config.seeds:
        raise InputError(f"--seed is {config.seed}; expected 0 to 2^63. Pass 0.")


def chosen_method(config: ClusterConfig, recorded: ClusterRun | None = None) -> Method:
    """The method of a configuration, or of the clustering that is resumed.

    Raises:
        InputError: no method has its name, it needs umap-learn, which is not installed, or it and
            `weights` do not belong together.
    """
    if recorded is not None:
        assert recorded.record.clustering is not None
        config = replace(config, method=recorded.record.clustering.method)
    if config.weights is None and config.stage is not None:
        raise InputError(
            "--stage is of the network that --weights names, which is missing; expected both. Pass "
            "--weights, or leave --stage out."
        )
    if config.weights is not None:
        if config.method not in ("auto", "features"):
            raise InputError(
                f"--method is {config.method}, which trains its own network; expected features "
                "with --weights. Leave one of them out."
            )
        return method_named("features")
    method = method_named(config.method)
    if method.name == "features":
        raise InputError(
            "--method is features, but --weights is missing; expected a trained network. Pass "
            "--weights RUN, or a name from `canon list weights`."
        )
    if method.needs_umap and not starts.has_umap():
        raise starts.missing_umap()
    return method


def different_images(report: DataReport) -> int:
    """How many of the images differ."""
    return len({d for digests in report.images.digests.values() for d in digests if d})


def require_enough(k: int | Literal["auto"], data: Dataset, report: DataReport) -> None:
    """Refuse fewer images, or fewer different ones, than clusters."""
    count, different = sum(data.sizes.values()), different_images(report)
    if k == "auto":
        require_countable(data.source, different, "image")
        return
    if count < k:
        raise DataError(
            f"{data.source} has {counted(count, 'image')}, fewer than the {k} clusters; expected "
            "several for each cluster. Pass a smaller -k, or add images."
        )
    if different < k:
        raise DataError(
            f"{data.source} has {counted(count, 'image')}, but only {different} that differ; "
            f"expected {k} different ones or more. Pass a smaller -k, or other images."
        )


def require_countable(source: str, different: int, noun: str) -> None:
    """Refuse to find a number of clusters of a few samples.

    Raises:
        DataError: there are fewer than ten that differ.
    """
    if different < FEWEST_TO_COUNT:
        raise DataError(
            f"{source} has {counted(different, f'different {noun}')}; expected {FEWEST_TO_COUNT} "
            f"or more to find a number of clusters. Pass a number, or add {noun}s."
        )


def preprocessing(
    config: ClusterConfig, method: Method, data: Dataset, report: DataReport
) -> Preprocessing:
    """Squares of one side, in fractions of white.

    Raises:
        DataError: the images are of several sizes or no squares, and no side is given.
        InputError: the side is too small for the networks.
    """
    images = report.images
    own = images.side if images.side and images.side <= LARGEST else None
    if config.image is None and own is None and config.weights is None:
        raise DataError(
            f"{data.source} has images of {images.size_in_words}; expected squares of one size, of "
            f"{LARGEST} pixels at most. Pass --image 64, or another side in pixels: images are "
            "resized and cropped to it."
        )
    channels = config.channels or images.channels
    side = config.image or own or (64 if config.weights else 0)
    networks = [name for name in (method.network, method.classifier) if name]
    smallest = max(map(smallest_image, networks))
    if config.image and config.image < smallest:
        raise InputError(
            f"--image is {config.image}, too small for {' and '.join(networks)}; expected "
            f"{smallest} pixels or more. Pass --image {smallest}, or another --method."
        )
    if side < smallest:
        side = model_info(method.network).published.image
    mean, std = (0.5, 0.5) if method.centered else (0.0, 1.0)
    return Preprocessing(
        side, channels, images.bits, mean=(mean,) * channels, std=(std,) * channels
    )


def recipes_of(
    method: Method,
    samples: int,
    side: int,
    epochs: int | None = None,
    pretraining_epochs: int | None = None,
) -> dict[str, ImageRecipe | None]:
    """How each phase trains: as the method says, for so many samples.

    Args:
        method: the method.
        samples: N.
        side: of the images in pixels, for the augmentation.
        epochs: with the clustering loss; None means the method's, or more for small datasets.
        pretraining_epochs: of the auto-encoder; None in the same way.
    """

    def fitted(phase: str, given: int | None) -> ImageRecipe | None:
        recipe: ImageRecipe | None = getattr(method, phase)
        if recipe is None:
            return None
        batch = min(recipe.batch, largest_batch(samples))
        steps = ceil(samples / batch) * repeats(samples, batch)
        usual = max(recipe.epochs, ceil(LEAST_STEPS[phase] / steps))
        augmentation = augmentation_of(method, side, pretraining=phase == "pretraining")
        images = replace(recipe.images, augmentation=augmentation)
        return replace(recipe, batch=batch, epochs=given or usual, images=images)

    return {
        "pretraining": fitted("pretraining", pretraining_epochs),
        "warming": fitted("warming", epochs),
        "training": fitted("training", epochs),
    }


def notes_of(
    config: ClusterConfig,
    method: Method,
    data: Dataset,
    report: DataReport,
    prep: Preprocessing,
    recipes: dict[str, ImageRecipe | None],
    *,
    resumed: bool,
) -> Iterator[str]:
    """What a user should know before it starts."""
    if resumed:
        yield f"resuming {config.out}"
    sizes = ", ".join(f"{count:,} {name}" for name, count in data.sizes.items())
    clusters = "as many clusters as are found" if config.k == "auto" else f"{config.k} clusters"
    yield f"{method.name} on {data.source}: {sizes} images, {clusters}"
    if data.classes:
        yield f"{len(data.classes)} labels are used for scores only"
    yield from data.notes
    if report.faults:
        yield f"{counted(len(report.faults), 'unreadable file')} left out"
    if report.images.side != prep.image:
        yield f"images of {report.images.size_in_words} are resized to {prep.image} x {prep.image}"
    if config.method == "auto" and not method.needs_umap:
        yield (
            "umap-learn is not installed, so this is dcec-da; pip install 'canon-nets[cluster]' "
            "allows self-label, which finds better clusters"
        )
    pretraining, recipe = recipes["pretraining"], recipes["training"]
    assert pretraining is not None
    yield f"pre-training of {method.network}: {counted(pretraining.epochs, 'epoch')}"
    if recipe is not None:
        yield (
            f"clustering by {method.loss}: {counted(recipe.epochs, 'epoch')}"
            f"{', twice if that is better' if method.again and method.classifier else ''}, "
            f"{recipe.optimizer}, "
            f"lr {recipe.lr:g}, batch {recipe.batch}, augmentation {recipe.images.augmentation}"
        )
