"""The TFT itself: built and trained with torch, handed on as ONNX. Only training imports this machinery."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from models.errors import ConfigError, DataQualityError
from models.ml.base import Index, Progress
from models.ml.trainers._tft_windows import CALENDAR, CATEGORIES, KNOWN, STATIC, Singles, Whole

QUANTILES = (0.1, 0.5, 0.9)
OPSET = 17  # the oldest with all the operators; any onnxruntime of the last years reads it
MAX_GRADIENT = 0.1  # the norm that pytorch-forecasting's own examples clip at
Batch = tuple[Whole, Singles, Singles]  # categories, numbers, targets [W, steps]
Train = Callable[[Index], Batch]


@dataclass(frozen=True)
class Shape:
    """What a network is built for."""

    features: tuple[str, ...]
    symbols: int
    sectors: int
    encoder: int
    steps: int


@dataclass(frozen=True)
class Course:
    """How a network is trained; see the trainer's parameters."""

    hidden: int
    heads: int
    dropout: float
    learning_rate: float
    epochs: int
    batch: int
    windows: int
    gpu: bool


def load(name: str) -> Any:
    """Import a package that only training needs.

    Raises:
        ConfigError: when it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(f"training a TFT needs {name}", stage="training", key="package", value=str(error),
                          remedy="pip install -r requirements.txt -c deploy/constraints.txt") from error  # fmt: skip


def build(shape: Shape, course: Course) -> Any:
    """Build pytorch-forecasting's TemporalFusionTransformer (Lim and others 2021) with fresh weights."""
    torch, forecasting = load("torch"), load("pytorch_forecasting")
    numbers = [*shape.features, *KNOWN]
    sizes = dict(zip(CATEGORIES, (shape.symbols, shape.sectors, 7, 12), strict=True))
    width = forecasting.utils.get_embedding_size
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lightning on modules among saved parameters: nothing is saved so
        network = forecasting.TemporalFusionTransformer(
            hidden_size=course.hidden, lstm_layers=1, dropout=course.dropout, output_size=len(QUANTILES),
            loss=forecasting.QuantileLoss(list(QUANTILES)), attention_head_size=course.heads,
            max_encoder_length=shape.encoder, hidden_continuous_size=max(course.hidden // 2, 1),
            static_categoricals=list(STATIC), static_reals=[],
            time_varying_categoricals_encoder=list(CALENDAR), time_varying_categoricals_decoder=list(CALENDAR),
            time_varying_reals_encoder=numbers, time_varying_reals_decoder=list(KNOWN),
            x_reals=numbers, x_categoricals=list(CATEGORIES), categorical_groups={},
            embedding_sizes={name: (size, width(size)) for name, size in sizes.items()},
        )  # fmt: skip
    for part in (network.lstm_encoder, network.lstm_decoder):
        # Windows are complete; packing them by length would only cost time, and is badly exported.
        part.forward = partial(_unpacked, torch, part)
    network.output_transformer = _prediction  # targets are scaled before and after, not by the network
    return network


def train(shape: Shape, course: Course, take: Train, count: int, seed: int, progress: Progress) -> Any:
    """Train a network on windows 0 to ``count``, in an order that the seed decides.

    Args:
        shape: of the network.
        course: of the training; an epoch sees at most ``windows`` windows, others each time.
        take: returns the inputs and targets of the windows with these numbers.
        count: windows there are.
        seed: of weights, order and dropout.
        progress: told after each epoch.

    Returns:
        The network on the CPU, ready to predict; the same bits for the same data and seed on a CPU.

    Raises:
        ConfigError: torch or pytorch-forecasting is not installed.
        DataQualityError: the loss is not finite.
    """
    torch = load("torch")
    with _settled(torch, seed):
        network = build(shape, course)
        device = "cuda" if course.gpu and torch.cuda.is_available() else "cpu"
        network.to(device).train()
        order = np.random.default_rng(seed)
        optimiser = torch.optim.Adam(network.parameters(), lr=course.learning_rate)
        for epoch in range(1, course.epochs + 1):
            chosen = order.permutation(count)[: course.windows]
            losses = []
            for begin in range(0, len(chosen), course.batch):
                *inputs, targets = (
                    torch.from_numpy(a).to(device) for a in take(chosen[begin : begin + course.batch])
                )
                loss = network.loss.loss(_forward(torch, network, shape, *inputs), targets).mean()
                optimiser.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(network.parameters(), MAX_GRADIENT)
                optimiser.step()
                losses.append(float(loss.detach()) * len(targets))
            mean = sum(losses) / len(chosen)
            if not np.isfinite(mean):
                raise DataQualityError("the loss is not finite", stage="training", key="loss", value=mean,
                                       remedy="lower learning_rate, and look at the features")  # fmt: skip
            progress(f"epoch {epoch} of {course.epochs}: quantile loss {mean:.4f} on {device}")
        return network.to("cpu").eval()


def importances(network: Any, shape: Shape, batch: Batch) -> dict[str, float]:
    """Return the mean weight of each past feature in the network's own variable selection, adding up to 1."""
    torch = load("torch")
    with torch.no_grad():
        said = network(_named(torch, shape, *(torch.from_numpy(a) for a in batch[:2])))
    weights = said["encoder_variables"].mean(dim=(0, 1)).reshape(-1).tolist()
    by_name = dict(zip(network.encoder_variables, weights, strict=True))
    total = sum(by_name[name] for name in shape.features)
    return {name: by_name[name] / total for name in shape.features}


def predict(network: Any, shape: Shape, categories: Whole, numbers: Singles) -> Singles:
    """Return the network's own output [W, steps, 3], in units of risk: what its export has to equal."""
    torch = load("torch")
    with torch.no_grad():
        inputs = (torch.from_numpy(a) for a in (categories, numbers))
        return np.asarray(_forward(torch, network, shape, *inputs).numpy())


def export(network: Any, shape: Shape) -> bytes:
    """Return the network as ONNX: ``categories`` and ``numbers`` of one window in, ``quantiles`` out.

    One window a call, as matrix products round by a row's place among the others: with several, what is said
    of a symbol would depend on which others are asked for in the same call.
    """
    torch = load("torch")

    class Plain(torch.nn.Module):  # type: ignore[name-defined]
        """Plain tensors in and out, which is all the exporter follows."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, categories: Any, numbers: Any) -> Any:
            return _forward(torch, self.network, shape, categories, numbers)

    length = shape.encoder + shape.steps
    example = (
        torch.zeros((1, length, len(CATEGORIES)), dtype=torch.int64),
        torch.zeros((1, length, len(shape.features) + len(KNOWN))),
    )
    load("onnx")
    written = _Memory()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about traced lengths: they are constants here
        torch.onnx.export(
            Plain().eval(), example, written, dynamo=False, opset_version=OPSET,
            input_names=["categories", "numbers"], output_names=["quantiles"],
        )  # fmt: skip
    return bytes(written.content)


class _Memory:
    """The file the exporter writes to, in memory."""

    def __init__(self) -> None:
        self.content = bytearray()

    def write(self, part: bytes) -> None:
        self.content += part

    def flush(self) -> None:
        pass


def _forward(torch: Any, network: Any, shape: Shape, categories: Any, numbers: Any) -> Any:
    return network(_named(torch, shape, categories, numbers))["prediction"]


def _named(torch: Any, shape: Shape, categories: Any, numbers: Any) -> dict[str, Any]:
    """Name the tensors as the network reads them; every window is complete, so lengths are constants."""
    cut, count = shape.encoder, categories.shape[0]
    lengths = {
        f"{part}_lengths": torch.full((count,), steps, dtype=torch.int64, device=categories.device)
        for part, steps in (("encoder", cut), ("decoder", shape.steps))
    }
    return {
        "encoder_cat": categories[:, :cut], "decoder_cat": categories[:, cut:],
        "encoder_cont": numbers[:, :cut], "decoder_cont": numbers[:, cut:],
        "target_scale": numbers[:, 0, :2], **lengths,
    }  # fmt: skip


def _unpacked(torch: Any, lstm: Any, x: Any, hx: Any = None, **lengths: Any) -> Any:
    return torch.nn.LSTM.forward(lstm, x, hx)


def _prediction(outcome: dict[str, Any]) -> Any:
    return outcome["prediction"]


@contextmanager
def _settled(torch: Any, seed: int) -> Iterator[None]:
    """Make torch deterministic inside the block; the caller's random state and switches come back after it."""
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        torch.set_num_threads(1)  # sums then do not depend on how many cores a machine has
        torch.use_deterministic_algorithms(True, warn_only=True)  # some of a GPU's have no such form
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(strict)
