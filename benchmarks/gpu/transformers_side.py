"""The other side of the comparisons: Transformers, as the paper's released code uses it. Prints one JSON line.

step:    a training step of groups of ranked responses, one group a micro-batch: every response with a copy of its prompt, padded to the
         longest, logits of every position, the margin loss over length-normalized log-probabilities plus the likelihood of the responses
         (arXiv 2310.13385, equations 5 and 6); on a GPU autocast to bfloat16 over float32 weights and fused AdamW.
sample:  model.generate, several samples of each prompt.

The weights are random; only shapes matter. `Tuna.Llama.Benchmarks step` and `sample` take the same options.
"""

import argparse
import json
import statistics
import time

import torch
from transformers import LlamaConfig, LlamaForCausalLM


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["step", "sample"])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--config", default="2048,22,32,4,5632,32000", help="width, layers, heads, key heads, MLP width, vocabulary")
    parser.add_argument("--tied", type=int, default=0)
    parser.add_argument("--groups", type=int, default=8)
    parser.add_argument("--prompt", type=int, default=256)
    parser.add_argument("--lengths", default="128,192,224,256", help="tokens of each response")
    parser.add_argument("--prompts", type=int, default=16)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--new-tokens", type=int, default=128)
    parser.add_argument("--reps", type=int, default=6)
    parser.add_argument("--threads", type=int, default=0)
    return parser.parse_args()


def synchronize(device):
    if device == "cuda":
        torch.cuda.synchronize()


def create(args, dtype):
    width, layers, heads, key_heads, mlp, vocabulary = map(int, args.config.split(","))
    config = LlamaConfig(
        hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=key_heads, intermediate_size=mlp,
        vocab_size=vocabulary, tie_word_embeddings=bool(args.tied), max_position_embeddings=4096, attn_implementation="sdpa")
    with torch.device(args.device):
        torch.set_default_dtype(dtype)
        model = LlamaForCausalLM(config)
        torch.set_default_dtype(torch.float32)
    return model


def batch(args, vocabulary):
    """Token ids and labels, [groups, N, T]; labels are -100 over prompts and padding."""
    lengths = [int(n) for n in args.lengths.split(",")]
    ids = torch.zeros(args.groups, len(lengths), args.prompt + max(lengths), dtype=torch.long)
    labels = torch.full_like(ids, -100)
    for group in range(args.groups):
        prompt = torch.randint(3, vocabulary, (args.prompt,))
        for k, length in enumerate(lengths):
            response = torch.randint(3, vocabulary, (length,))
            ids[group, k, :args.prompt + length] = torch.cat([prompt, response])
            labels[group, k, args.prompt:args.prompt + length] = response
    return ids.to(args.device), labels.to(args.device)


def loss_of(model, args, ids, labels):
    """One group's, [N, T]."""
    with torch.autocast("cuda", dtype=torch.bfloat16, enabled=args.device == "cuda"):
        out = model(input_ids=ids, attention_mask=ids.ne(0).long(), labels=labels)
    logs = out.logits.float().log_softmax(-1)[:, :-1]
    targets = labels[:, 1:]
    kept = targets.ne(-100)
    tokens = logs.gather(-1, targets.clamp(min=0).unsqueeze(-1)).squeeze(-1) * kept
    scores = tokens.sum(-1) / kept.sum(-1)
    margins = sum(torch.relu(scores[k:] - scores[:-k] + 0.1 * k).mean() for k in range(1, len(scores)))
    return (margins + out.loss) / args.groups


def step(args):
    model = create(args, torch.float32).train()
    model.config.use_cache = False
    ids, labels = batch(args, model.config.vocab_size)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=args.device == "cuda")
    seconds = []
    for rep in range(args.reps + 2):
        synchronize(args.device)
        start = time.perf_counter()
        for group in range(args.groups):
            loss_of(model, args, ids[group], labels[group]).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        synchronize(args.device)
        if rep >= 2:  # two to warm up
            seconds.append(time.perf_counter() - start)
    reserved = torch.cuda.max_memory_reserved() >> 20 if args.device == "cuda" else None
    return {"step_s": statistics.median(seconds), "step_min_s": min(seconds), "reserved_mib": reserved}


def sample(args):
    model = create(args, torch.bfloat16 if args.device == "cuda" else torch.float32).eval()
    ids = torch.randint(3, model.config.vocab_size, (args.prompts, args.prompt), device=args.device)
    settings = dict(
        attention_mask=torch.ones_like(ids), do_sample=True, temperature=1.0, top_k=0, top_p=1.0, eos_token_id=None, pad_token_id=0,
        num_return_sequences=args.samples, use_cache=True)
    seconds = []
    with torch.no_grad():
        model.generate(ids, max_new_tokens=4, min_new_tokens=4, **settings)
        for _ in range(max(2, args.reps // 2)):
            synchronize(args.device)
            start = time.perf_counter()
            model.generate(ids, max_new_tokens=args.new_tokens, min_new_tokens=args.new_tokens, **settings)
            synchronize(args.device)
            seconds.append(time.perf_counter() - start)
    tokens = args.prompts * args.samples * args.new_tokens
    return {"total_s": min(seconds), "tokens_per_s": tokens / min(seconds)}


def main():
    args = arguments()
    torch.manual_seed(0)
    if args.threads:
        torch.set_num_threads(args.threads)
    result = step(args) if args.mode == "step" else sample(args)
    print(json.dumps({"side": "transformers", "torch": torch.__version__, **vars(args), **result}), flush=True)


main()
