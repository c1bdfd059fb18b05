"""Writes the references of the losses on rewards: values by the papers' formulas, gradients by PyTorch's autograd, in float64.

    python3 make.py > reward_losses.json

One case is a batch of prompts. policy, old and reference are summed token log-probabilities of the responses, lengths token counts, rewards the
ranker's scores; grad is d loss / d policy. Natural logarithms; a batch's loss is the mean over its prompts.
"""
import json, random
import torch

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
random.seed(20240214)


def rloo(group, beta):
    """arXiv 2402.14740: the leave-one-out baseline by its definition, the KL penalty inside the reward, which is a constant for the gradient."""
    policy, k = group["policy"], len(group["rewards"])
    reward = torch.tensor(group["rewards"])
    if beta > 0:
        reward = reward - beta * (policy.detach() - torch.tensor(group["reference"]))
    loss = torch.zeros(())
    if k < 2:
        return loss
    for i in range(k):
        others = torch.cat([reward[:i], reward[i + 1:]])
        loss = loss - (reward[i] - others.mean()) * policy[i] / k
    return loss


def gspo(group, low, high, beta, normalize):
    """arXiv 2507.18071, the sequence-level ratio; advantages and k3 of arXiv 2402.03300, the latter on the mean log ratio per token."""
    policy, rewards, k = group["policy"], torch.tensor(group["rewards"]), len(group["rewards"])
    lengths, old = torch.tensor(group["lengths"], dtype=torch.float64), torch.tensor(group["old"])
    advantage = rewards - rewards.mean()
    if rewards.max() == rewards.min():
        advantage = torch.zeros(k)
    elif normalize:
        advantage = advantage / rewards.std()
    ratio = torch.exp((policy - old) / lengths)
    surrogate = torch.minimum(ratio * advantage, torch.clamp(ratio, 1 - low, 1 + high) * advantage)
    if beta > 0:
        d = (torch.tensor(group["reference"]) - policy) / lengths
        surrogate = surrogate - beta * (torch.exp(d) - d - 1)
    return -surrogate.mean()


def group(k, drift=0.3, rewards=None, scale=1.0, shift=0.0):
    lengths = [random.randint(1, 60) for _ in range(k)]
    policy = [-n * (0.05 + 2.5 * random.random()) for n in lengths]
    return {
        "policy": policy, "lengths": lengths,
        "old": [p + n * random.gauss(0, drift) for p, n in zip(policy, lengths)],
        "reference": [p + n * random.gauss(0, 0.4) for p, n in zip(policy, lengths)],
        "rewards": rewards if rewards is not None else [shift + scale * random.gauss(0, 1) for _ in range(k)],
    }


def on_policy(g):
    return {**g, "old": list(g["policy"])}


def case(name, groups, loss, settings):
    leaves = [{**g, "policy": torch.tensor(g["policy"], requires_grad=True)} for g in groups]
    total = sum(loss(g, **settings) for g in leaves) / len(leaves)
    if total.requires_grad:
        total.backward()
    grads = [g["policy"].grad.tolist() if g["policy"].grad is not None else [0.0] * len(g["rewards"]) for g in leaves]
    return {"name": name, **settings, "groups": [{**g, "grad": d} for g, d in zip(groups, grads)], "loss": total.item()}


def shapes():
    yield "one prompt", [group(4)]
    yield "ragged", [group(k) for k in (2, 5, 1, 8)]
    yield "two candidates", [group(2)]
    yield "ties", [group(4, rewards=[1.0, 1.0, 0.0, 0.0]), group(3, rewards=[2.5, 2.5, 2.5])]
    yield "shifted rewards", [group(4, shift=1000.0), group(6, shift=-250.0, scale=0.01)]
    yield "large rewards", [group(4, scale=1e6)]
    yield "small rewards", [group(4, scale=1e-6)]
    yield "binary", [group(16, rewards=[float(random.random() < 0.3) for _ in range(16)])]
    yield "far from the old policy", [group(6, drift=3.0)]
    yield "on policy", [on_policy(group(4)), on_policy(group(4))]


losses = {
    "rloo": {"loss": rloo, "settings": [{"beta": 0.0}, {"beta": 0.05}, {"beta": 1.5}], "paper": "arXiv 2402.14740"},
    "gspo": {"loss": gspo, "settings": [
        {"low": 3e-4, "high": 4e-4, "beta": 0.0, "normalize": True},
        {"low": 0.2, "high": 0.28, "beta": 0.04, "normalize": True},
        {"low": 0.2, "high": 0.2, "beta": 0.5, "normalize": False},
        {"low": 1.0, "high": 1e9, "beta": 0.0, "normalize": True}], "paper": "arXiv 2507.18071, 2402.03300"},
}
result = {"made_with": f"PyTorch {torch.__version__}, float64", "losses": {}}
for name, entry in losses.items():
    cases = [case(f"{shape}, {i}", groups, entry["loss"], settings)
             for shape, groups in shapes() for i, settings in enumerate(entry["settings"])]
    result["losses"][name] = {"paper": entry["paper"], "cases": cases}


def text(value, depth=0):
    """Objects a key a line, numbers of a list in one line."""
    pad = " " * (depth + 1)
    if isinstance(value, dict):
        return "{\n" + ",\n".join(f"{pad}{json.dumps(k)}: {text(v, depth + 1)}" for k, v in value.items()) + "\n" + " " * depth + "}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(pad + text(v, depth + 1) for v in value) + "\n" + " " * depth + "]"
    return json.dumps(value)


print(text(result))
