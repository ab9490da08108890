"""Train and evaluate one small model on scikit-learn's handwritten digits (1,797 images of 8 x 8).

Prints a line for each round. The outcome goes to the termination log as one line of JSON, which
Kubernetes keeps in the Pod's status and an MLTask in `status.result`.
"""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

TERMINATION_LOG = Path("/dev/termination-log")
EXIT_DIVERGED = 3
LARGEST_LOSS = 100  # that of plain guessing is 2.3, the logarithm of ten classes

Round = tuple[str, ClassifierMixin]  # what to say of the progress, and the model so far


class Diverged(Exception):
    """The training lost its way; the text says why and what to try."""


def mlp(options: Namespace, images: np.ndarray, labels: np.ndarray) -> Iterator[Round]:
    """A neural network with one hidden layer, one pass over the data per round."""
    model = MLPClassifier(
        hidden_layer_sizes=(options.hidden,),
        learning_rate_init=options.learning_rate,
        solver="sgd",
        batch_size=16,
        random_state=options.seed,
    )
    for _ in range(options.rounds):
        model.partial_fit(images, labels, classes=range(10))
        if not model.loss_ < LARGEST_LOSS:
            raise Diverged(
                f"the loss is {model.loss_:.0f} with --learning-rate={options.learning_rate:g}: "
                "the training has diverged; try a smaller one, such as 0.01"
            )
        yield f"loss {model.loss_:.4f}", model


def forest(options: Namespace, images: np.ndarray, labels: np.ndarray) -> Iterator[Round]:
    """A random forest, grown by as many trees per round."""
    model = RandomForestClassifier(
        n_estimators=0, max_depth=options.depth, warm_start=True, random_state=options.seed
    )
    for _ in range(options.rounds):
        model.n_estimators += options.trees
        model.fit(images, labels)
        yield f"{model.n_estimators} trees", model


def main() -> int:
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", choices=["mlp", "forest"], required=True)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--hidden", type=int, default=32, help="mlp: units of the hidden layer")
    parser.add_argument("--learning-rate", type=float, default=0.01, help="mlp: size of a step")
    parser.add_argument("--trees", type=int, default=20, help="forest: trees added per round")
    parser.add_argument("--depth", type=int, default=None, help="forest: depth of a tree at most")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    digits = load_digits()
    images, held_out, labels, truth = train_test_split(
        digits.data,
        digits.target,
        test_size=0.25,
        stratify=digits.target,
        random_state=options.seed,
    )
    scaler = StandardScaler().fit(images)
    images, held_out = scaler.transform(images), scaler.transform(held_out)
    print(f"{options.model}: {len(images)} images to learn from, {len(held_out)} held out")

    train = {"mlp": mlp, "forest": forest}[options.model]
    accuracy = 0.0
    try:
        for number, (progress, model) in enumerate(train(options, images, labels), start=1):
            accuracy = model.score(held_out, truth)
            print(f"round {number}/{options.rounds}: {progress}, accuracy {accuracy:.4f}")
    except Diverged as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_DIVERGED

    result = json.dumps({"accuracy": round(accuracy, 4)})
    print(result)
    if TERMINATION_LOG.exists():
        TERMINATION_LOG.write_text(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
