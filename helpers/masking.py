"""Masked language modeling: choose 15 % of the real tokens, then 80/10/10 (Devlin et al. 2019, section 3.1, task
1)."""

import numpy as np
import torch
from torch import Tensor

from .device import check_generator, check_int, check_number, check_tensor

IGNORE = -100  # the label where there is no target: PyTorch's cross_entropy leaves it out of the loss
MASK_PROBABILITY = 0.15
MIX = (0.8, 0.1, 0.1)  # of the chosen tokens: [MASK], a random word, left as it is


def mask_tokens(
    input_ids: Tensor,
    special_tokens_mask: Tensor,
    *,
    mask_token_id: int,
    replacement_ids: Tensor,
    generator: torch.Generator,
    mask_probability: float = MASK_PROBABILITY,
    mix: tuple[float, float, float] = MIX,
    word_ids: Tensor | None = None,
    predictions_per_row: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Return a masked copy of `input_ids` and the `labels`: the original id at chosen slots, -100 elsewhere.

    input_ids: int64 (batch, seq); special_tokens_mask: (batch, seq), 1 at [CLS], [SEP] and padding, which are never
    chosen; replacement_ids: int64 (n,), the ids a random replacement is drawn from. Each real token is chosen with
    `mask_probability` on its own.
    `word_ids`: int64 (batch, seq), the index of the word a piece belongs to: then whole words are chosen (BERT's 2019
    whole-word release).
    A batch in which no draw falls below `mask_probability` gives its lowest draw: there is always something to learn.
    `predictions_per_row`: choose exactly so many tokens of every row, or all that a shorter row has, so that shapes
    can be static (max_predictions_per_seq there). Draws come from `generator` alone. Raises ValueError for rates or
    shapes that cannot be, and TypeError for what is no tensor of whole numbers.
    """
    check_masking(mask_probability, mix, predictions_per_row, word_ids is not None)
    check_rows(input_ids, special_tokens_mask, mask_token_id, replacement_ids, generator, word_ids)
    input_ids = input_ids.long()  # int32 is read as well
    eligible = ~special_tokens_mask.bool()
    draw = torch.rand(input_ids.shape, generator=generator)
    if word_ids is not None:
        draw = draw.gather(1, word_ids.clamp(min=0))  # all pieces of a word share one draw: all are chosen, or none
    if predictions_per_row is None:
        chosen = (draw < mask_probability) & eligible
    else:
        smallest = draw.masked_fill(~eligible, 2.0).topk(min(predictions_per_row, draw.shape[1]), largest=False).indices
        chosen = torch.zeros_like(eligible).scatter_(1, smallest, True) & eligible
    places = np.flatnonzero(chosen.numpy())  # in the whole batch, row after row
    if predictions_per_row is None and not len(places):  # in a very small batch
        chosen = (draw == draw.masked_fill(~eligible, 2.0).min()) & eligible
        places = np.flatnonzero(chosen.numpy())
    # Everything from here on touches only the chosen slots, about one in seven.
    slots, count = torch.from_numpy(places), len(places)
    original = input_ids.take(slots)
    action = torch.rand(count, generator=generator)
    random_ids = replacement_ids.take(torch.randint(len(replacement_ids), (count,), generator=generator))
    new_ids = torch.where(action < mix[0] + mix[1], random_ids, original).masked_fill_(action < mix[0], mask_token_id)
    labels = torch.full_like(input_ids, IGNORE).put_(slots, original)
    masked = input_ids.clone().put_(slots, new_ids)
    return masked, labels


def mask_positions(labels: Tensor, predictions_per_row: int) -> tuple[Tensor, Tensor]:
    """Return the masked slots as static shapes: positions (batch, predictions_per_row) and their labels, -100 where a
    row has fewer. (Rows shorter than that give (batch, seq).)

    Raises ValueError if a row has more masked slots than `predictions_per_row`: none may be lost.
    """
    check_tensor(labels, "labels", "whole", dims=("batch", "seq"))
    check_int(predictions_per_row, "predictions_per_row", 1)
    if 0 in labels.shape:
        raise ValueError(f"labels has shape {tuple(labels.shape)}: there is no row.")
    chosen = labels != IGNORE
    most = int(chosen.sum(1).max())
    if most > predictions_per_row:
        raise ValueError(f"A row has {most} masked slots, more than {predictions_per_row}.")
    positions = chosen.int().argsort(dim=1, descending=True, stable=True)[:, :predictions_per_row]
    return positions, labels.gather(1, positions)


# ---------------------------------------------------------------- input checks


def check_masking(mask_probability: float, mix, predictions_per_row: int | None, whole_words: bool) -> None:
    """Raise ValueError for settings of masking that cannot be, TypeError for what are no numbers."""
    check_number(mask_probability, "mask_probability")
    if not isinstance(mix, tuple | list) or len(mix) != 3:
        raise ValueError(f"mix is {mix!r:.40}; it must be three shares: [MASK], a random word, kept.")
    for share in mix:
        check_number(share, "A share of mix")
    if not 0 < mask_probability <= 1 or min(mix) < 0 or abs(sum(mix) - 1) > 1e-9:
        raise ValueError(f"mask_probability {mask_probability} must lie in (0, 1] and mix {mix} must sum to 1.")
    if predictions_per_row is not None:
        check_int(predictions_per_row, "predictions_per_row", 1)
        if whole_words:
            raise ValueError("Choose whole words or a fixed number of predictions, not both.")


def check_rows(
    input_ids: Tensor,
    special_tokens_mask: Tensor,
    mask_token_id: int,
    replacement_ids: Tensor,
    generator: torch.Generator,
    word_ids: Tensor | None,
) -> None:
    """Raise ValueError for rows that cannot be masked, TypeError for what are no tensors of whole numbers."""
    check_tensor(input_ids, "input_ids", "whole", dims=("batch", "seq"))
    check_tensor(special_tokens_mask, "special_tokens_mask")
    if word_ids is not None:
        check_tensor(word_ids, "word_ids", "whole")
    for name, given in (("special_tokens_mask", special_tokens_mask), ("word_ids", word_ids)):
        if given is not None and given.shape != input_ids.shape:
            raise ValueError(f"{name} has shape {tuple(given.shape)}; input_ids has {tuple(input_ids.shape)}.")
    if 0 in input_ids.shape:
        raise ValueError(f"input_ids has shape {tuple(input_ids.shape)}: there is no token to mask.")
    check_int(mask_token_id, "mask_token_id", 0)
    check_tensor(replacement_ids, "replacement_ids", "whole", dims=("n",))
    if not len(replacement_ids):
        raise ValueError("replacement_ids is empty: a random replacement has nothing to be drawn from.")
    check_generator(generator)
    if word_ids is not None and int(word_ids.max()) >= input_ids.shape[1]:
        raise ValueError(f"word_ids holds {int(word_ids.max())}; a row of {input_ids.shape[1]} has fewer words.")
