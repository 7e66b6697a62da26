"""The page of an image: what a network sees in it, its numbers, and the images that are like it."""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from torch import nn

from canon.app.edge import Edge, edge
from canon.app.image_view import image_view
from canon.app.neighbours import Gallery, gallery, neighbours
from canon.app.network_page import whole_number
from canon.app.pages import COMPUTING, page, refusal
from canon.app.subject import Subject, Subjects
from canon.data.images.reader import is_image
from canon.errors import CanonError, DataError, InputError
from canon.interpret.pictures import enlarged, grid, projection
from canon.layers.stages import stage_names
from canon.models import model_info, names
from canon.types import Images
from canon.workflows.explain_inputs import inputs
from canon.workflows.explain_network import strongest_patches

Form = Mapping[str, Any]
CHANNELS = 8  # whose patches are shown


class ImagePages:
    """The endpoints of the page of an image.

    Args:
        subjects: the networks.
    """

    def __init__(self, subjects: Subjects) -> None:
        self.subjects = subjects
        self.gallery: Callable[[], Gallery] = lru_cache(1)(lambda: gallery(subjects.own))
        self.patches_of = lru_cache(32)(self._patches_of)

    async def whole(self, request: Request) -> Response:
        """The page."""
        del request
        return page("image", active="image", own=self.subjects.own, names=networks_of_images())

    async def explain(self, request: Request) -> Response:
        """Classes, heat map, mask and maps of the file of the form."""
        return await self._answer(request, self._explain)

    async def numbers(self, request: Request) -> Response:
        """One edge, number by number."""
        return await self._answer(request, self._numbers)

    async def neighbours(self, request: Request) -> Response:
        """The nearest images of the run's data."""
        return await self._answer(request, self._neighbours)

    async def patches(self, request: Request) -> Response:
        """The strongest patches of a stage."""
        return await self._answer(request, self._patches)

    async def _answer(
        self, request: Request, answer: Callable[[Subject, Form, Path], Response]
    ) -> Response:
        """What a form asks for; its file is gone afterwards."""
        async with request.form(max_files=1, max_fields=20) as form:
            upload = form.get("file")
            content, name = b"", ""
            if isinstance(upload, UploadFile):
                content, name = await upload.read(), upload.filename or ""
            fields = {key: value for key, value in form.items() if isinstance(value, str)}
        return await run_in_threadpool(self._with_file, fields, content, name, answer)

    def _with_file(
        self, form: Form, content: bytes, name: str,
        answer: Callable[[Subject, Form, Path], Response],
    ) -> Response:  # fmt: skip
        try:
            subject = self.subjects.get(form.get("network", "").strip())
            with COMPUTING, TemporaryDirectory() as folder:
                file = _file(subject, form, content, name, Path(folder))
                try:
                    return answer(subject, form, file)
                except DataError as reason:  # named as the sender named it
                    raise DataError(str(reason).replace(str(file), name or "the sample")) from None
        except CanonError as reason:
            return refusal(str(reason))

    def _explain(self, subject: Subject, form: Form, file: Path) -> Response:
        view = image_view(subject, file, form.get("stage", ""), form.get("target", ""))
        known = stage_names(subject.model.net)
        return page("_image_view", subject=subject, view=view, announced=True,
                    stages=[one.name for one in view.maps if one.name in known])  # fmt: skip

    def _numbers(self, subject: Subject, form: Form, file: Path) -> Response:
        net, x = subject.model.net, inputs(subject.model, file)[1]
        maps = [whole_number(f"the {key}", form.get(key.replace(" ", "-"), "0") or "0")
                for key in ("input map", "output map")]  # fmt: skip
        found, note = _edge_or_first(net, x, form.get("layer", ""), maps)
        return page("_edge", edge=found, data=json.dumps(found.data), note=note)

    def _neighbours(self, subject: Subject, form: Form, file: Path) -> Response:
        del form
        images = self.gallery() if subject is self.subjects.own else gallery(subject)
        return page("_neighbours", found=neighbours(subject, images, file))

    def _patches(self, subject: Subject, form: Form, file: Path) -> Response:
        del file
        if subject.run is None:
            raise InputError(
                f"{subject.name} has not been trained on any data; expected a run. Choose the run "
                "to see patches."
            )
        stage, several = self.patches_of(form.get("stage", "") or None)
        return page("_patches", stage=stage, several=several)

    def _patches_of(self, stage: str | None) -> tuple[str, list[dict[str, Any]]]:
        """The stage, and the patches of its first channels with their projections."""
        stage, found = strongest_patches(self.subjects.run, stage=stage)
        several = []
        for one in found[:CHANNELS]:
            top = max(float(abs(part).max()) for part in one.projections)
            crops = [enlarged(crop, 48) for crop in one.crops]
            back = [enlarged(projection(part, top), 48) for part in one.projections]
            several.append({"channel": one.channel, "crops": grid(crops, 3), "back": grid(back, 3)})
        return stage, several


def networks_of_images() -> list[str]:
    """The registered networks that take images."""
    return [name for name in names() if model_info(name).task != "generate"]


def _edge_or_first(net: nn.Module, x: Images, layer: str, maps: list[int]) -> tuple[Edge, str]:
    """An edge; or that of the first maps, if the layer has no such maps, and a note."""
    try:
        return edge(net, x, layer, *maps), ""
    except InputError as reason:
        if maps == [0, 0]:
            raise
        return edge(net, x, layer, 0, 0), str(reason)


def _file(subject: Subject, form: Form, content: bytes, name: str, folder: Path) -> Path:
    """The file of a form, or a sample of the data if there is none."""
    if not content:
        if name:
            raise DataError(f"{name} is empty; expected an image. Choose another file.")
        return subject.sample(whole_number("the sample", form.get("sample", "0") or "0"), folder)
    suffix = Path(name).suffix.lower()
    if not is_image(Path(name)):
        raise DataError(
            f"{name} has no suffix of an image; expected one such as .png or .jpg. Choose another "
            "file."
        )
    file = folder / f"image{suffix}"
    file.write_bytes(content)
    return file
