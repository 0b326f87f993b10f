"""The course against what people would otherwise use: the rows of the table that `make bench` measures and prints.

Both sides of a row do the same work in one process, with the same threads, in turns: a b, b a, a b, … The first turn
warms up and is dropped. A ratio is that of the two medians; beside it stand the lowest and the highest of a single
turn. The other side gets its fast tokenizer, its fused attention and optimizer, and the same start. On a CPU both sides
compute in float32, since bfloat16 is no faster without matrix units; on CUDA both use bfloat16.
"""
