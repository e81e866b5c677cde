"""The Open Inference Protocol (version 2) over the 50 features, for clients of that protocol."""

from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from core.access import Action
from core.api.callers import Caller, allowed
from core.api.openapi import problems
from core.api.problems import NOT_FOUND, NOT_VALID, ApiError
from core.api.routes.health import Live, Ready, readiness
from core.api.work import in_line, room_to_work, service_of
from core.models.prediction import LARGEST, probabilities
from core.models.reference import MOST_MISSING, unlike_rows
from core.schema import COLUMNS, EMOTIONS
from core.source_note import VERSION
from core.store import Scope

router = APIRouter(prefix="/v2", tags=["open inference protocol"])
MODEL = "turkish-music-emotion"
MOST_ROWS = 10_000
Reading = Annotated[Caller, Depends(allowed(Action.SEE_RESULTS, Scope.READ))]
Named = Annotated[str, Path(max_length=100, description=f"Always {MODEL}.")]
OfVersion = Annotated[str, Path(max_length=100, description="Version of the model in use.")]


class ServerAnswer(BaseModel):
    """The server, as the protocol describes it."""

    name: str
    version: str
    extensions: list[str]


class Tensor(BaseModel):
    """The description of a tensor. A -1 in the shape is any number of rows."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(BaseModel):
    """The model, as the protocol describes it. The features are in the order of the published table."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[Tensor]
    outputs: list[Tensor]
    parameters: dict[str, list[str]]


class InputTensor(BaseModel):
    """The features, row by row: a flat list, or a list for each row. null is a value that was not measured."""

    name: Literal["features"]
    shape: Annotated[list[Annotated[int, Field(ge=0, le=MOST_ROWS)]], Field(min_length=2, max_length=2)]
    datatype: Literal["FP64", "FP32"]
    data: list[float | None] | list[list[float | None]]
    parameters: dict[str, Any] = {}


class OutputRequest(BaseModel):
    """An output that the client wants."""

    name: Literal["probabilities", "emotion", "unlike"]
    parameters: dict[str, Any] = {}


class InferRequest(BaseModel):
    """A request of the protocol."""

    id: str = Field("", max_length=100)
    inputs: list[InputTensor] = Field(min_length=1, max_length=1)
    outputs: list[OutputRequest] = Field([], max_length=3)
    parameters: dict[str, Any] = {}


class OutputTensor(BaseModel):
    """A tensor of the answer, as a flat list."""

    name: str
    datatype: str
    shape: list[int]
    data: list[bool] | list[float] | list[str]


class InferAnswer(BaseModel):
    """An answer of the protocol."""

    model_name: str
    model_version: str
    id: str
    outputs: list[OutputTensor]


@router.get("/health/live", name="v2_live", summary="Is the process alive?")
async def live() -> Live:
    """Say that the process is alive."""
    return Live()


@router.get(
    "/health/ready",
    name="v2_ready",
    summary="Can the server answer?",
    response_model=Ready,
    responses={503: {"model": Ready}},
)
async def ready(request: Request) -> Response:
    """Say whether the server can answer."""
    found = await readiness(request)
    return JSONResponse(found.model_dump(), status_code=200 if found.ready else 503)


@router.get("", name="v2_server", summary="Describe the server", responses=problems())
def server(caller: Reading) -> ServerAnswer:
    """Return name and version of the server."""
    return ServerAnswer(name=MODEL, version=VERSION, extensions=[])


@router.get("/models/{name}", name="v2_model", summary="Describe the model", responses=problems(404))
@router.get(
    "/models/{name}/versions/{version}",
    name="v2_model_version",
    summary="Describe a version of the model",
    responses=problems(404),
)
def metadata(name: Named, request: Request, caller: Reading, version: str = "") -> ModelMetadata:
    """Return the inputs and outputs of the model."""
    return ModelMetadata(
        name=MODEL,
        versions=[_version_in_use(request, name, version)],
        platform="scikit-learn",
        inputs=[Tensor(name="features", datatype="FP64", shape=[-1, len(COLUMNS)])],
        outputs=[
            Tensor(name="probabilities", datatype="FP64", shape=[-1, len(EMOTIONS)]),
            Tensor(name="emotion", datatype="BYTES", shape=[-1]),
            Tensor(name="unlike", datatype="BOOL", shape=[-1]),
        ],
        parameters={"features": list(COLUMNS), "emotions": list(EMOTIONS)},
    )


@router.get(
    "/models/{name}/ready",
    name="v2_model_ready",
    summary="Is the model ready?",
    response_model=Ready,
    responses=problems(404),
)
async def model_ready(name: Named, request: Request, caller: Reading) -> Response:
    """Say whether the model can answer."""
    _require_name(name)
    found = await readiness(request)
    return JSONResponse(found.model_dump(), status_code=200 if found.ready else 503)


@router.post(
    "/models/{name}/infer",
    name="v2_infer",
    summary="Predict",
    responses=problems(404),
    dependencies=[Depends(room_to_work)],
)
@router.post(
    "/models/{name}/versions/{version}/infer",
    name="v2_infer_version",
    summary="Predict with a version",
    responses=problems(404),
    dependencies=[Depends(room_to_work)],
)
async def infer(
    name: Named,
    body: InferRequest,
    request: Request,
    caller: Annotated[Caller, Depends(allowed(Action.BRING_TABLE, Scope.SCORE))],
    version: str = "",
) -> InferAnswer:
    """Predict the probabilities of the four emotions from the 50 features. Nothing is stored.

    The output `unlike` says for each row whether it is unlike the training music: do not trust its emotion then.
    """
    in_use = _version_in_use(request, name, version)
    values, service = _values(body.inputs[0]), service_of(request)

    def work() -> tuple[np.ndarray, np.ndarray]:
        if not len(values):
            return np.empty((0, len(EMOTIONS))), np.empty(0, dtype=bool)
        served = service.served()
        table = pd.DataFrame(values, columns=list(COLUMNS))
        return probabilities(served.model, table), unlike_rows(values, served.reference)

    proba, unlike = await in_line(request, work)
    emotions = [EMOTIONS[k] for k in proba.argmax(axis=1)] if len(proba) else []
    tensors = {
        "probabilities": OutputTensor(
            name="probabilities", datatype="FP64", shape=list(proba.shape), data=proba.reshape(-1).tolist()
        ),
        "emotion": OutputTensor(name="emotion", datatype="BYTES", shape=[len(emotions)], data=emotions),
        "unlike": OutputTensor(name="unlike", datatype="BOOL", shape=[len(unlike)], data=unlike.tolist()),
    }
    wanted: list[str] = [one.name for one in body.outputs] or list(tensors)
    return InferAnswer(
        model_name=MODEL, model_version=in_use, id=body.id, outputs=[tensors[one] for one in dict.fromkeys(wanted)]
    )


def _values(tensor: InputTensor) -> np.ndarray:
    """Return the features, shape (n, 50); NaN is a value that was not measured."""
    rows, columns = tensor.shape
    flat = [v for row in tensor.data for v in (row if isinstance(row, list) else [row])]
    if columns != len(COLUMNS) or len(flat) != rows * columns:
        raise ApiError(
            NOT_VALID,
            f"The tensor must have the shape [n, {len(COLUMNS)}] and as many values; it has the shape {tensor.shape} "
            f"and {len(flat)} values.",
        )
    values = np.array([np.nan if value is None else value for value in flat], dtype=float).reshape(rows, columns)
    if (np.abs(values) > LARGEST).any():
        raise ApiError(
            NOT_VALID, f"A feature is infinite or beyond {LARGEST:g}. Send null for a value that was not measured."
        )
    missing = np.isnan(values).sum(axis=1)
    if (missing > MOST_MISSING).any():
        row = int(np.argmax(missing > MOST_MISSING))
        raise ApiError(
            NOT_VALID,
            f"Row {row + 1} has {missing[row]} values that were not measured; at most {MOST_MISSING} of the "
            f"{len(COLUMNS)} may be missing. Leave this row out.",
        )
    return values


def _require_name(name: str) -> None:
    if name != MODEL:
        raise ApiError(NOT_FOUND, f"There is no model {name[:80]!r}. The model of this server is {MODEL}.")


def _version_in_use(request: Request, name: str, version: str) -> str:
    _require_name(name)
    in_use = service_of(request).description().version
    if version not in ("", in_use):
        raise ApiError(NOT_FOUND, f"The model in use has the version {in_use}, not {version[:80]!r}.")
    return in_use
