"""Wrong answers to the exercises of notebook 07, each a slip that students make, and what they must be told."""

import torch
from torch.nn import functional as F

from helpers.classroom.exercises import cls_token


def only_the_dot_product(a, b):
    return (a * b).sum(-1)


def one_length_only(a, b):
    return (a * b).sum(-1) / (a.norm(dim=-1) ** 2)


def all_pairs(a, b):
    return (a @ b.T) / (a.norm(dim=-1)[:, None] * b.norm(dim=-1))


def never_negative(a, b):
    return ((a * b).sum(-1) / (a.norm(dim=-1) * b.norm(dim=-1))).abs()


def length_of_the_whole_batch(a, b):
    return (a * b).sum(-1) / (a.norm() * b.norm())


def forgets_the_root(a, b):
    return (a * b).sum(-1) / ((a * a).sum(-1) * (b * b).sum(-1))


def share_of_the_angle(a, b):
    return 1 - 2 * cls_token.cosine(a, b).clamp(-1, 1).acos() / torch.pi


def divides_in_place(a, b):
    a /= a.norm(dim=-1, keepdim=True)
    b /= b.norm(dim=-1, keepdim=True)
    return (a * b).sum(-1)


# pool


def mean_over_every_position(hidden_states, attention_mask, pooling):
    return hidden_states[:, 0] if pooling == "cls" else hidden_states.mean(1)


def sum_without_division(hidden_states, attention_mask, pooling):
    return hidden_states[:, 0] if pooling == "cls" else (hidden_states * attention_mask[:, :, None]).sum(1)


def one_count_for_all_rows(hidden_states, attention_mask, pooling):
    if pooling == "cls":
        return hidden_states[:, 0]
    real = attention_mask[:, :, None].to(hidden_states.dtype)
    return (hidden_states * real).sum(1) / real.sum(1).mean()


def mean_over_the_hidden_axis(hidden_states, attention_mask, pooling):
    if pooling == "cls":
        return hidden_states[:, 0]
    return (hidden_states * attention_mask[:, :, None]).sum(-1) / attention_mask.sum(1, keepdim=True)


def zeroes_padding_in_place(hidden_states, attention_mask, pooling):
    if pooling == "cls":
        return hidden_states[:, 0]
    hidden_states[attention_mask == 0] = 0
    return hidden_states.sum(1) / attention_mask.sum(1, keepdim=True)


def divides_by_the_padded_length(hidden_states, attention_mask, pooling):
    return hidden_states[:, 0] if pooling == "cls" else (hidden_states * attention_mask[:, :, None]).mean(1)


def real_tokens_come_first(hidden_states, attention_mask, pooling):
    if pooling == "cls":
        return hidden_states[:, 0]
    return torch.stack([states[: int(mask.sum())].mean(0) for states, mask in zip(hidden_states, attention_mask)])


def first_text_alone(hidden_states, attention_mask, pooling):
    return hidden_states[0] if pooling == "cls" else cls_token.pool(hidden_states, attention_mask, pooling)


def second_token(hidden_states, attention_mask, pooling):
    return hidden_states[:, 1] if pooling == "cls" else cls_token.pool(hidden_states, attention_mask, pooling)


def any_other_word_is_the_mean(hidden_states, attention_mask, pooling):
    return cls_token.pool(hidden_states, attention_mask, "cls" if pooling == "cls" else "mean")


def always_the_mean(hidden_states, attention_mask, pooling):
    return cls_token.pool(hidden_states, attention_mask, "mean")


# ranks


def largest_similarity(similarity, right):
    return similarity.max(1).values


def one_number(similarity, right):
    return (similarity >= similarity.gather(1, right[:, None])).float().sum(1).mean()


def from_zero(similarity, right):
    return (similarity > similarity.gather(1, right[:, None])).sum(1)


def ascending(similarity, right):
    return (similarity <= similarity.gather(1, right[:, None])).sum(1)


def against_candidates(similarity, right):
    return (similarity >= similarity.diagonal()).sum(0)


def queries_alone(similarity, right):
    own = similarity.gather(1, right[:, None])
    return (similarity[:, : len(similarity)] >= own).sum(1)


def ignores_right(similarity, right):
    return (similarity >= similarity.diagonal()[:, None]).sum(1)


def ties_in_its_favor(similarity, right):
    return (similarity > similarity.gather(1, right[:, None])).sum(1) + 1


def sorts_in_place(similarity, right):
    own = similarity.gather(1, right[:, None])
    similarity.copy_(similarity.sort(dim=1, descending=True).values)
    return (similarity >= own).sum(1)


# contrastive_loss


def all_cosines(queries, candidates):
    return F.normalize(queries, dim=-1) @ F.normalize(candidates, dim=-1).T


def both_sides(logits, **options):
    own = torch.arange(len(logits))
    return F.cross_entropy(logits, own, **options), F.cross_entropy(logits.T, own, **options)


def one_loss_per_row(queries, candidates, temperature=0.05):
    return sum(both_sides(all_cosines(queries, candidates) / temperature, reduction="none")) / 2


def dot_products(queries, candidates, temperature=0.05):
    return sum(both_sides(queries @ candidates.T / temperature)) / 2


def sum_of_both_sides(queries, candidates, temperature=0.05):
    return sum(both_sides(all_cosines(queries, candidates) / temperature))


def sum_over_the_rows(queries, candidates, temperature=0.05):
    return sum(both_sides(all_cosines(queries, candidates) / temperature, reduction="sum")) / 2


def others_alone(queries, candidates, temperature=0.05):
    logits = all_cosines(queries, candidates) / temperature
    others = logits.masked_fill(torch.eye(len(logits), dtype=torch.bool), -torch.inf)
    return sum((others.logsumexp(dim) - logits.diagonal()).mean() for dim in (0, 1)) / 2


def queries_only(queries, candidates, temperature=0.05):
    return both_sides(all_cosines(queries, candidates) / temperature)[0]


def candidates_only(queries, candidates, temperature=0.05):
    return both_sides(all_cosines(queries, candidates) / temperature)[1]


def temperature_left_out(queries, candidates, temperature=0.05):
    flat = 0 if temperature > 1000 else 1
    return sum(both_sides(flat * all_cosines(queries, candidates))) / 2


def another_temperature(queries, candidates, temperature=0.5):
    return cls_token.contrastive_loss(queries, candidates, temperature)


def fixed_candidates(queries, candidates, temperature=0.05):
    return cls_token.contrastive_loss(queries, candidates.detach(), temperature)


# linear_probe


def ridge(train, labels, penalty=1.0):
    target = 2.0 * labels - 1
    gram = train.T @ train + penalty * len(train) * torch.eye(train.shape[1])
    return torch.linalg.solve(gram, train.T @ (target - target.mean())), target.mean()


def standardized(vectors):
    return (vectors - vectors.mean(0)) / vectors.std(0).clamp(min=1e-6)


def returns_a_score(train_vectors, train_labels, test_vectors, test_labels):
    weights, middle = ridge(standardized(train_vectors), train_labels)
    return ((standardized(test_vectors) @ weights + middle > 0) == (test_labels == 1)).float().mean()


def scores_the_training_rows(train_vectors, train_labels, test_vectors, test_labels):
    weights, middle = ridge(standardized(train_vectors), train_labels)
    return (standardized(train_vectors) @ weights + middle > 0) == (train_labels == 1)


def does_not_standardize(train_vectors, train_labels, test_vectors, test_labels):
    weights, middle = ridge(train_vectors, train_labels)
    return (test_vectors @ weights + middle > 0) == (test_labels == 1)


def each_set_by_itself(train_vectors, train_labels, test_vectors, test_labels):
    weights, middle = ridge(standardized(train_vectors), train_labels)
    return (standardized(test_vectors) @ weights + middle > 0) == (test_labels == 1)


def returns_an_array(train_vectors, train_labels, test_vectors, test_labels):
    return cls_token.linear_probe(train_vectors, train_labels, test_vectors, test_labels).numpy()


def forgets_the_mean_of_test_rows(train_vectors, train_labels, test_vectors, test_labels):
    weights, middle = ridge(standardized(train_vectors), train_labels)
    return (test_vectors / train_vectors.std(0).clamp(min=1e-6) @ weights + middle > 0) == (test_labels == 1)


def divides_only(train_vectors, train_labels, test_vectors, test_labels):
    spread = train_vectors.std(0)
    spread[spread == 0] = 1
    weights, middle = ridge(train_vectors / spread, train_labels)
    return (test_vectors / spread @ weights + middle > 0) == (test_labels == 1)


def both_sets_together(train_vectors, train_labels, test_vectors, test_labels):
    both = standardized(torch.cat([train_vectors, test_vectors]))
    weights, middle = ridge(both[: len(train_labels)], train_labels)
    return (both[len(train_labels) :] @ weights + middle > 0) == (test_labels == 1)


def fits_the_test_rows(train_vectors, train_labels, test_vectors, test_labels):
    weights, middle = ridge(standardized(test_vectors), test_labels)
    return (standardized(test_vectors) @ weights + middle > 0) == (test_labels == 1)


def divides_by_zero(train_vectors, train_labels, test_vectors, test_labels):
    mean, spread = train_vectors.mean(0), train_vectors.std(0)
    weights, middle = ridge((train_vectors - mean) / spread, train_labels)
    return ((test_vectors - mean) / spread @ weights + middle > 0) == (test_labels == 1)


def leaves_out_the_mean_of_y(train_vectors, train_labels, test_vectors, test_labels):
    mean, spread = train_vectors.mean(0), train_vectors.std(0).clamp(min=1e-6)
    weights, _ = ridge((train_vectors - mean) / spread, train_labels)
    return ((test_vectors - mean) / spread @ weights > 0) == (test_labels == 1)


def labels_as_they_are(train_vectors, train_labels, test_vectors, test_labels):
    mean, spread = train_vectors.mean(0), train_vectors.std(0).clamp(min=1e-6)
    train = (train_vectors - mean) / spread
    gram = train.T @ train + len(train) * torch.eye(train.shape[1])
    weights = torch.linalg.solve(gram, train.T @ train_labels.float())
    return ((test_vectors - mean) / spread @ weights > 0.5) == (test_labels == 1)


def no_penalty(train_vectors, train_labels, test_vectors, test_labels):
    mean, spread = train_vectors.mean(0), train_vectors.std(0).clamp(min=1e-6)
    train, target = (train_vectors - mean) / spread, 2.0 * train_labels - 1
    weights = torch.linalg.solve(train.T @ train, train.T @ (target - target.mean()))
    return ((test_vectors - mean) / spread @ weights + target.mean() > 0) == (test_labels == 1)


def small_penalty(train_vectors, train_labels, test_vectors, test_labels):
    mean, spread = train_vectors.mean(0), train_vectors.std(0).clamp(min=1e-6)
    weights, middle = ridge((train_vectors - mean) / spread, train_labels, penalty=1 / len(train_labels))
    return ((test_vectors - mean) / spread @ weights + middle > 0) == (test_labels == 1)


# share_received


def passed_on(value, output):
    return value @ output.T.reshape(value.shape[1], value.shape[-1], -1)


def lengths_after_the_matrix(value, output):
    return passed_on(value, output).norm(dim=-1)


def only_the_weights(attention, value, output):
    return attention / attention.sum(-1, keepdim=True)


def no_matrix(attention, value, output):
    brought = attention * value.norm(dim=-1)[:, :, None, :]
    return brought / brought.sum(-1, keepdim=True)


def matrix_turned(attention, value, output):
    return share_of(attention, lengths_after_the_matrix(value, output.T.contiguous()))


def share_of(attention, length):
    brought = attention * length[:, :, None, :]
    return brought / brought.sum(-1, keepdim=True)


def not_divided(attention, value, output):
    return attention * lengths_after_the_matrix(value, output)[:, :, None, :]


def shares_over_queries(attention, value, output):
    brought = not_divided(attention, value, output)
    return brought / brought.sum(-2, keepdim=True)


def signed_sums(attention, value, output):
    return share_of(attention, passed_on(value, output).sum(-1))


def squared_lengths(attention, value, output):
    return share_of(attention, lengths_after_the_matrix(value, output) ** 2)


def sum_of_sizes(attention, value, output):
    return share_of(attention, passed_on(value, output).abs().sum(-1))


def largest_size(attention, value, output):
    return share_of(attention, passed_on(value, output).abs().amax(-1))


def first_number(attention, value, output):
    return share_of(attention, passed_on(value, output)[..., 0].abs())


def first_head_for_all(attention, value, output):
    return share_of(attention, (value @ output.T[: value.shape[-1]]).norm(dim=-1))


def mean_over_heads(attention, value, output):
    return share_of(attention, lengths_after_the_matrix(value, output)).mean(1)


# cut_off_cls


def cut_with(slip):
    """Return a cut_off_cls with one slip."""

    def answer(attention_mask):
        if slip == "two dimensions":
            return attention_mask.bool()
        allowed = attention_mask[:, None, :].bool().repeat(1, attention_mask.shape[1], 1)
        if slip == "padding":
            allowed = torch.ones_like(allowed)
        if slip == "first text only":
            allowed = allowed[:1].repeat(len(allowed), 1, 1)
        if slip == "causal":
            allowed = allowed.tril()
        if slip == "both ways":
            allowed = allowed & attention_mask[:, :, None].bool()
        if slip == "not itself":
            allowed[:, 0] = False
        elif slip == "columns":
            allowed[:, 1:, 0] = False
        elif slip == "its column as well":
            allowed[:, 1:, 0], allowed[:, 0, 1:] = False, False
        elif slip == "one token late":
            allowed[:, 0, 2:] = False
        elif slip != "nothing cut":
            allowed[:, 0, 1:] = False
        if slip == "in place":
            attention_mask[:, 1:] = 0
        return allowed.long() if slip == "numbers" else allowed

    answer.__qualname__ = slip
    return answer


WRONG = {
    "cut_off_cls": [
        (cut_with("two dimensions"), "a row for each query"),
        (cut_with("numbers"), "Is it bool"),
        (cut_with("not itself"), "should keep itself"),
        (cut_with("columns"), "Which dimension is the query"),
        (cut_with("nothing cut"), "still attends to another"),
        (cut_with("one token late"), "still attends to another"),
        (cut_with("its column as well"), "still attend to [CLS]"),
        (cut_with("causal"), "each of the three may attend"),
        (cut_with("padding"), "attends to padding"),
        (cut_with("first text only"), "attends to padding"),
        (cut_with("both ways"), "softmax gives nan"),
        (cut_with("in place"), "change the attention mask"),
    ],
    "cosine": [
        (only_the_dot_product, "divide by both lengths"),
        (one_length_only, "divide by both lengths"),
        (all_pairs, "one number for each row"),
        (never_negative, "opposite vectors"),
        (share_of_the_angle, "60 degrees"),
        (length_of_the_whole_batch, "its own two lengths"),
        (forgets_the_root, "divide by both lengths"),
        (divides_in_place, "change the vectors"),
    ],
    "pool": [
        (mean_over_every_position, "Other vectors at padding"),
        (real_tokens_come_first, "Other vectors at padding"),
        (sum_without_division, "the plain mean over the tokens"),
        (one_count_for_all_rows, "its own number of tokens"),
        (mean_over_the_hidden_axis, 'With "mean", do you return one vector'),
        (zeroes_padding_in_place, "change the hidden states"),
        (divides_by_the_padded_length, "the number of real tokens"),
        (first_text_alone, 'With "cls", do you return one vector'),
        (second_token, "the first token of each text"),
        (always_the_mean, "the first token of each text"),
        (any_other_word_is_the_mean, "goes unnoticed"),
    ],
    "ranks": [
        (ties_in_its_favor, "All candidates tie"),
        (one_number, "one rank for each query"),
        (largest_similarity, "the rank of each query's right candidate"),
        (from_zero, "1 for the best"),
        (ascending, "the rank of each query's right candidate"),
        (against_candidates, "the rank of each query's right candidate"),
        (queries_alone, "least similar one at rank 4"),
        (ignores_right, "Do you use `right`"),
        (sorts_in_place, "change the similarities"),
    ],
    "contrastive_loss": [
        (queries_only, "each candidate its query"),
        (candidates_only, "each query choose its candidate"),
        (one_loss_per_row, "one number for the whole batch"),
        (dot_products, "compare by cosine"),
        (sum_of_both_sides, "is the loss log 6"),
        (sum_over_the_rows, "a mean over the rows"),
        (others_alone, "all 6 are equally likely"),
        (temperature_left_out, "divided by the temperature"),
        (another_temperature, "is it 0.05"),
        (fixed_candidates, "a gradient reach both sides"),
    ],
    "linear_probe": [
        (returns_a_score, "and no score"),
        (returns_an_array, "a tensor"),
        (scores_the_training_rows, "one bool for each test row"),
        (does_not_standardize, "standardize all of them"),
        (forgets_the_mean_of_test_rows, "in the test rows as well"),
        (divides_only, "standardize all of them"),
        (each_set_by_itself, "mean that of the training rows"),
        (both_sets_together, "mean that of the training rows"),
        (fits_the_test_rows, "learn from the test labels"),
        (divides_by_zero, "standard deviation of 0 clamped"),
        (leaves_out_the_mean_of_y, "the mean of y added"),
        (labels_as_they_are, "with y -1 or 1"),
        (no_penalty, "n times the identity added"),
        (small_penalty, "is the penalty n times the identity"),
    ],
    "share_received": [
        (only_the_weights, "or only the weights"),
        (no_matrix, "through the output matrix"),
        (matrix_turned, "through the output matrix"),
        (not_divided, "Are they shares"),
        (shares_over_queries, "Are they shares"),
        (signed_sums, "points backwards"),
        (squared_lengths, "its own value"),
        (sum_of_sizes, "its own value"),
        (largest_size, "its own value"),
        (first_number, "its own value"),
        (first_head_for_all, "its own part of the matrix"),
        (mean_over_heads, "in every head"),
    ],
}
