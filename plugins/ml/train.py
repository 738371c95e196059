"""`make train MODEL= [PARAMETERS= SYMBOLS= START= END= FOLDS= MODE= SEED= ...]`: one training, from a shell."""

from __future__ import annotations

import getpass
import uuid

from data_layer.runtime.console import ends, say
from data_layer.runtime.home import Home
from data_layer.settings import given_values, load_settings
from plugins.ml.asked import NAMES, Asked, read_asked
from plugins.ml.training import Training


def train(training: Training, asked: Asked) -> str:
    """Take the steps that the tasks of model_training take; return the gate's decision."""
    run_id = training.build_dataset(asked)
    try:
        training.run_walk_forward(run_id)
        training.evaluate(run_id)
        training.register_version(run_id)
        return training.promote_or_refuse(run_id)
    except BaseException as error:  # Ctrl-C too: the run says how it ended
        training.fail(run_id, error)
        raise


def main() -> int:
    """Train with what the command line names, in this home; a refusal of the gate is no failure of the command."""
    settings = load_settings()
    asked = read_asked(given_values(names=NAMES), f"command__{uuid.uuid4().hex}", getpass.getuser())
    uri = Home(settings.almanac_home).uri("quant_trainer")
    train(Training(uri, settings, say), asked)
    return 0


if __name__ == "__main__":
    ends(main)
