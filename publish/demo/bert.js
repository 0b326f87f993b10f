// BERT in plain JavaScript: the same model a third time, after your own in notebook 05 and transformers' beside it.
// No library. A matrix is a Float32Array, row after row; every function says the shapes that come and go.
// A model is { config, vocab, tensors }: vocab maps a token to its id, tensors maps transformers' names to arrays.
"use strict";

// ---------------------------------------------------------------- from text to ids
const SPECIAL = /(\[(?:PAD|UNK|CLS|SEP|MASK)\])/;
const CONTROL = /(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\ufffd]/gu;
const HAN = /[㐀-䶿一-鿿\uf900-\ufaff\u{20000}-\u{2a6df}\u{2a700}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu;
const PUNCTUATION_OR_WORD = /[!-/:-@[-`{-~\p{P}]|[^\s!-/:-@[-`{-~\p{P}]+/gu;

// Clean, lower-case, drop accents, and split a text into words and punctuation (depth notebook 03, WordPiece).
function splitWords(text) {
  const clean = text.replace(CONTROL, "").replace(HAN, " $& ");
  const bare = clean.normalize("NFD").replace(/\p{Mn}/gu, "");
  const lower = [...bare].map((letter) => letter.toLowerCase()).join(""); // one by one: no final sigma
  return lower.match(PUNCTUATION_OR_WORD) ?? [];
}

// Split a word into the longest pieces that the vocabulary has, from the left (depth notebook 03, WordPiece).
function wordPieces(word, vocab) {
  const letters = [...word], found = [];
  if (letters.length > 100) return ["[UNK]"];
  for (let start = 0, end; start < letters.length; start = end) {
    const piece = () => (start ? "##" : "") + letters.slice(start, end).join("");
    for (end = letters.length; end > start && !vocab.has(piece()); end--);
    if (end === start) return ["[UNK]"];
    found.push(piece());
  }
  return found;
}

// Split a text into tokens; [MASK] and the other special tokens may stand in it.
function tokenize(text, vocab) {
  return text.split(SPECIAL).flatMap((part) =>
    SPECIAL.test(part) ? [part] : splitWords(part).flatMap((word) => wordPieces(word, vocab)));
}

// Lay out [CLS] A [SEP] or [CLS] A [SEP] B [SEP]; segment 0 is A, segment 1 is B (notebook 04, build_inputs).
// → { tokens, ids, segments }, each (n)
function encode(text, second, vocab) {
  const first = ["[CLS]", ...tokenize(text, vocab), "[SEP]"];
  const rest = second?.trim() ? [...tokenize(second, vocab), "[SEP]"] : [];
  const tokens = [...first, ...rest];
  return { tokens, ids: tokens.map((t) => vocab.get(t)), segments: tokens.map((_, i) => +(i >= first.length)) };
}

// ---------------------------------------------------------------- what a layer is made of
// x W^T + b (nn.Linear, notebook 01). x (n, inner), weight (outer, inner), bias (outer), even sizes → (n, outer)
function linear(x, weight, bias) {
  const outer = bias.length, inner = weight.length / outer, n = x.length / inner, y = new Float32Array(n * outer);
  for (let o = 0; o < outer; o += 2) { // two rows of the weight stay in the cache while every token passes by
    const row = o * inner, next = row + inner;
    for (let t = 0; t < n; t++) {
      let a = bias[o], b = bias[o + 1], c = 0, d = 0; // four sums, so that no addition waits for the one before it
      for (let i = 0, at = t * inner; i < inner; i += 2) {
        a += x[at + i] * weight[row + i], b += x[at + i] * weight[next + i];
        c += x[at + i + 1] * weight[row + i + 1], d += x[at + i + 1] * weight[next + i + 1];
      }
      [y[t * outer + o], y[t * outer + o + 1]] = [a + c, b + d];
    }
  }
  return y;
}

// Give each token mean 0 and variance 1, scale and shift (nn.LayerNorm, 05). x (n, h), weight and bias (h) → (n, h)
function layerNorm(x, weight, bias, epsilon) {
  const h = weight.length, y = new Float32Array(x.length);
  for (let at = 0; at < x.length; at += h) {
    const row = x.subarray(at, at + h);
    const mean = row.reduce((sum, value) => sum + value, 0) / h;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / h;
    for (let i = 0; i < h; i++) y[at + i] = ((row[i] - mean) / Math.sqrt(variance + epsilon)) * weight[i] + bias[i];
  }
  return y;
}

// x Φ(x), GELU (F.gelu, notebook 05); Φ by formula 7.1.26 of Abramowitz and Stegun, whose error is below 1e-7.
function gelu(x) {
  return x.map((value) => {
    const z = Math.abs(value) / Math.SQRT2, t = 1 / (1 + 0.3275911 * z);
    const series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
    const tail = 0.5 * series * Math.exp(-z * z); // how much of the normal distribution lies beyond |value|
    return value * (value < 0 ? tail : 1 - tail);
  });
}

// Numbers to weights that add up to 1 (notebook 01). (n) → (n)
function softmax(scores) {
  const peak = scores.reduce((a, b) => Math.max(a, b)), exps = scores.map((score) => Math.exp(score - peak));
  const sum = exps.reduce((a, b) => a + b);
  return exps.map((value) => value / sum);
}

const add = (x, y) => x.map((value, i) => value + y[i]); // (n, h) and (n, h) → (n, h)

// softmax(Q K^T / sqrt(d)) V in every head (notebook 01, scaled_dot_product_attention and MultiHeadAttention).
// query, key, value (n, h); causal: token i attends to tokens 0 … i only → mixed (n, h), weights[head][i] (n)
function attend(query, key, value, n, heads, causal) {
  const h = query.length / n, d = h / heads, mixed = new Float32Array(query.length), weights = [];
  for (let head = 0; head < heads; head++) {
    weights.push([]);
    for (let i = 0; i < n; i++) {
      const scores = new Float32Array(n).fill(-Infinity), from = i * h + head * d;
      for (let j = 0; j < (causal ? i + 1 : n); j++) {
        let dot = 0;
        for (let k = 0, to = j * h + head * d; k < d; k++) dot += query[from + k] * key[to + k];
        scores[j] = dot / Math.sqrt(d);
      }
      const row = (weights[head][i] = softmax(scores));
      for (let j = 0; j < n; j++) // a weighted sum of the values: this is all that attention returns
        for (let k = 0, to = j * h + head * d; k < d; k++) mixed[from + k] += row[j] * value[to + k];
    }
  }
  return { mixed, weights };
}

// ---------------------------------------------------------------- the model
// A linear layer and a LayerNorm with the parameters of this name.
const dense = (model, name, x) => linear(x, model.tensors.get(`${name}.weight`), model.tensors.get(`${name}.bias`));
const norm = (model, name, x) =>
  layerNorm(x, model.tensors.get(`${name}.weight`), model.tensors.get(`${name}.bias`), model.config.layer_norm_eps);

// Word + position + segment, then LayerNorm (notebook 05, Embeddings). ids and segments (n) → (n, h)
function embed(model, ids, segments) {
  const h = model.config.hidden_size, x = new Float32Array(ids.length * h), name = "bert.embeddings";
  const table = (kind) => model.tensors.get(`${name}.${kind}_embeddings.weight`);
  const word = table("word"), position = table("position"), segment = table("token_type");
  ids.forEach((id, t) => {
    for (let i = 0; i < h; i++) x[t * h + i] = word[id * h + i] + position[t * h + i] + segment[segments[t] * h + i];
  });
  return norm(model, `${name}.LayerNorm`, x);
}

// Attention, then two linear layers; each adds to its input and is normalized (notebook 05, EncoderLayer).
// x (n, h) → hidden (n, h), weights[head][i] (n)
function encoderLayer(model, layer, x, causal) {
  const name = `bert.encoder.layer.${layer}`, n = x.length / model.config.hidden_size;
  const project = (kind) => dense(model, `${name}.attention.self.${kind}`, x);
  const [query, key, value] = ["query", "key", "value"].map(project);
  const { mixed, weights } = attend(query, key, value, n, model.config.num_attention_heads, causal);
  const output = dense(model, `${name}.attention.output.dense`, mixed);
  const middle = norm(model, `${name}.attention.output.LayerNorm`, add(x, output));
  const wide = gelu(dense(model, `${name}.intermediate.dense`, middle)); // (n, 4 h)
  return [norm(model, `${name}.output.LayerNorm`, add(middle, dense(model, `${name}.output.dense`, wide))), weights];
}

// Embeddings and every layer (notebook 05, Encoder). → hidden (n, h), attentions[layer][head][i] (n)
function encoder(model, ids, segments, causal = false) {
  let hidden = embed(model, ids, segments), attentions = [];
  for (let layer = 0; layer < model.config.num_hidden_layers; layer++)
    [hidden, attentions[layer]] = encoderLayer(model, layer, hidden, causal);
  return { hidden, attentions };
}

// A score for every word of the vocabulary (notebook 05, MaskedLMHead). hidden (n, h) → (n, vocabulary)
function maskedWordLogits(model, hidden) {
  const name = "cls.predictions", x = gelu(dense(model, `${name}.transform.dense`, hidden));
  const words = model.tensors.get("bert.embeddings.word_embeddings.weight"); // used again: the weights are tied
  return linear(norm(model, `${name}.transform.LayerNorm`, x), words, model.tensors.get(`${name}.bias`));
}

// Two scores from the pooled [CLS]: B follows A, B is from elsewhere (the head that 04 asks). hidden (n, h) → (2)
function nextSentenceLogits(model, hidden) {
  const pooled = dense(model, "bert.pooler.dense", hidden.subarray(0, model.config.hidden_size)).map(Math.tanh);
  return dense(model, "cls.seq_relationship", pooled);
}

// The k largest of some probabilities, as [index, probability].
const largest = (probabilities, k) => [...probabilities.entries()].sort((a, b) => b[1] - a[1]).slice(0, k);

// ---------------------------------------------------------------- from bytes to weights
// Every float16 as a number: a sign, five bits of exponent, ten of fraction. (65536)
const HALF = Float32Array.from({ length: 65536 }, (_, bits) => {
  const exponent = (bits >> 10) & 31, fraction = (bits & 1023) / 1024;
  return (bits >> 15 ? -1 : 1) * (exponent ? (1 + fraction) * 2 ** (exponent - 15) : fraction * 2 ** -14);
});

// Widen what publish/demo packed, in the order of `tensors`: [name, rows, columns, kind]. An int8 tensor starts with a
// float32 scale for each row, and a weight is scale × integer. → Map from name to (rows, columns)
function unpack(bytes, tensors) {
  const widened = new Map();
  let at = 0;
  const read = (Kind, length) => // from a copy, since an array of floats must be aligned
    new Kind(bytes.slice(at, (at += length * Kind.BYTES_PER_ELEMENT)).buffer);
  for (const [name, rows, columns, kind] of tensors) {
    const scale = kind === "int8" && read(Float32Array, rows);
    const values = read({ int8: Int8Array, float16: Uint16Array, float32: Float32Array }[kind], rows * columns);
    const widen = { int8: (n, i) => n * scale[Math.floor(i / columns)], float16: (n) => HALF[n], float32: (n) => n };
    widened.set(name, new Float32Array(values).map(widen[kind]));
  }
  return widened;
}
