"""Makes the folders beside this file: tiny random models of each family, saved by Transformers, with what Transformers and PyTorch compute from them.

python3 make.py        (Transformers 5.12, PyTorch 2.14, float32 on one thread)

NAME/config.json, NAME/model.safetensors   the model
NAME/expected.safetensors                  for the group in group.json, responses weighted by its weights, L = sum of weight x output:
    outputs [R]                            log p(response | prompt), or the reward, of each response
    logits [T, V]                          of the prompt with the first response (language models)
    grad.PARAMETER                         dL/d(parameter)
    after.PARAMETER                        the parameter after one step of PyTorch's AdamW with that gradient and the settings in group.json (language models)
    greedy [G]                             the likeliest tokens after the prompt, up to the end of sequence (language models)
"""
import json
import pathlib
import shutil

import torch
from safetensors.torch import save_file
from transformers import (
    LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification, MistralConfig, MistralForCausalLM,
    Qwen2Config, Qwen2ForCausalLM, Qwen2ForSequenceClassification, Qwen3Config, Qwen3ForCausalLM,
)

torch.set_num_threads(1)
HERE = pathlib.Path(__file__).parent
GROUP = {"prompt": [1, 9, 4, 22, 17], "responses": [[3, 8, 30, 2], [3, 2], [40, 41, 12, 12, 5, 2]], "weights": [0.7, -0.4, 0.25],
         "adamw": {"lr": 1e-3, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01}}
SIZE = dict(vocab_size=48, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            max_position_embeddings=64, initializer_range=0.3, pad_token_id=0, bos_token_id=1, eos_token_id=2)
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16, rope_theta=10000.0)
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=16, rope_theta=10000.0)
MODELS = {
    "mistral": (MistralForCausalLM, MistralConfig(**SIZE, head_dim=6, sliding_window=None)),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config(**SIZE, tie_word_embeddings=True)),
    "llama_linear_rope": (LlamaForCausalLM, LlamaConfig(**SIZE, rope_parameters=dict(rope_type="linear", factor=4.0, rope_theta=10000.0))),
    "llama_all_biases": (LlamaForCausalLM, LlamaConfig(**SIZE, attention_bias=True, mlp_bias=True, rope_parameters=LLAMA3)),
    "llama_reward": (LlamaForSequenceClassification, LlamaConfig(**SIZE, num_labels=1)),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config(**SIZE, head_dim=8, tie_word_embeddings=True)),
    "qwen3_biases_yarn": (Qwen3ForCausalLM, Qwen3Config(**SIZE, head_dim=8, attention_bias=True, rope_parameters=YARN)),
    "llama3": (LlamaForCausalLM, LlamaConfig(**SIZE, tie_word_embeddings=True, rope_parameters=LLAMA3 | dict(rope_theta=500000.0))),
    "llama_yarn": (LlamaForCausalLM, LlamaConfig(**SIZE, head_dim=12, rope_parameters=YARN | dict(beta_fast=8.0, beta_slow=2.0, truncate=False, mscale=0.7, mscale_all_dim=0.3))),
    "llama_dynamic_rope": (LlamaForCausalLM, LlamaConfig(**SIZE, rope_parameters=dict(rope_type="dynamic", factor=2.0, rope_theta=10000.0))),
    "smollm2": (LlamaForCausalLM, LlamaConfig(**(SIZE | dict(num_attention_heads=3, num_key_value_heads=1, hidden_size=18)), tie_word_embeddings=True, rms_norm_eps=1e-5,
                                              rope_parameters=dict(rope_type="default", rope_theta=100000.0))),
    "qwen2_reward": (Qwen2ForSequenceClassification, Qwen2Config(**SIZE, num_labels=1)),
}


SEEDS = dict(mistral=0, qwen2=1, llama_linear_rope=2, llama_all_biases=3, llama_reward=4, qwen2_reward=5)


def greedy(model, prompt, count):
    tokens = list(prompt)
    for _ in range(count):
        tokens.append(int(model(input_ids=torch.tensor([tokens]), use_cache=False).logits[0, -1].argmax()))
        if tokens[-1] == model.config.eos_token_id:
            break
    return tokens[len(prompt):]


def output(model, prompt, response):
    ids = torch.tensor([prompt + response])
    logits = model(input_ids=ids, use_cache=False).logits
    if logits.dim() == 2:  # [1, 1]: a classifier's
        return logits[0, 0]
    rows = logits[0, len(prompt) - 1:-1].log_softmax(-1)
    return rows.gather(1, torch.tensor(response).unsqueeze(1)).sum()


def main():
    (HERE / "group.json").write_text(json.dumps(GROUP) + "\n")
    for name, (cls, config) in MODELS.items():
        torch.manual_seed(SEEDS.get(name, sum(name.encode())))
        model = cls(config).float().eval()
        with torch.no_grad():
            for parameter_name, parameter in model.named_parameters():
                if parameter_name.endswith("bias"):
                    parameter.normal_(0, 0.3)
                if "norm" in parameter_name:
                    parameter.normal_(1, 0.2)
        folder = HERE / name
        shutil.rmtree(folder, ignore_errors=True)
        model.save_pretrained(folder, safe_serialization=True)
        (folder / "generation_config.json").unlink(missing_ok=True)
        outputs = torch.stack([output(model, GROUP["prompt"], r) for r in GROUP["responses"]])
        (outputs * torch.tensor(GROUP["weights"])).sum().backward()
        tensors = {"outputs": outputs.detach()}
        if "reward" not in name:
            tensors["logits"] = model(input_ids=torch.tensor([GROUP["prompt"] + GROUP["responses"][0]])).logits[0].detach().contiguous()
        tensors |= {f"grad.{n}": p.grad.contiguous() for n, p in model.named_parameters()}
        if "reward" not in name:
            with torch.no_grad():
                tensors["greedy"] = torch.tensor(greedy(model, GROUP["prompt"], 24), dtype=torch.int32)
            torch.optim.AdamW(model.parameters(), **GROUP["adamw"]).step()
            tensors |= {f"after.{n}": p.detach().contiguous() for n, p in model.named_parameters()}
        save_file(tensors, folder / "expected.safetensors")
        print(name, outputs.tolist())


main()
