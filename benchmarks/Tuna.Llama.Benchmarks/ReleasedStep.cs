using Tuna.Llama.Model;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Policies;
using static TorchSharp.torch;

namespace Tuna.Llama.Benchmarks;

/// <summary>
/// One training step with plain TorchSharp operations in the released code's way: every response with a copy of its prompt, padded to the
/// longest, logits of every position, log_softmax over all of them, the loss on tensors, <c>optim.AdamW</c>. On the weights of a
/// <see cref="LlamaModel"/>.
/// </summary>
internal sealed class ReleasedStep : IDisposable
{
    private readonly LlamaConfig _config;
    private readonly Dictionary<string, Tensor> _weights;
    private readonly Tensor _ids;       // [B N, T]
    private readonly Tensor _responses; // 1 where the next token is a response's, [B N, T - 1]
    private readonly Tensor _cos;       // [T, dh]
    private readonly Tensor _sin;
    private readonly int _groups;
    private readonly optim.Optimizer _optimizer;

    public ReleasedStep(LlamaModel model, IReadOnlyList<TokenGroup> groups)
    {
        _config = model.Config;
        _groups = groups.Count;
        _weights = model.named_parameters().ToDictionary(p => p.name, p => (Tensor)p.parameter);
        _optimizer = optim.AdamW(model.parameters(), 1e-5, weight_decay: 0);
        int[][] rows = [.. groups.SelectMany(g => g.Responses.Select(r => (int[])[.. g.Prompt.Span, .. r.Span]))];
        int[] prompts = [.. groups.SelectMany(g => g.Responses.Select(_ => g.Prompt.Length))];
        int longest = rows.Max(r => r.Length);
        var ids = new long[rows.Length, longest];
        var responses = new float[rows.Length, longest - 1];
        for (int b = 0; b < rows.Length; b++)
        {
            for (int t = 0; t < rows[b].Length; t++)
            {
                ids[b, t] = rows[b][t];
                if (t >= prompts[b])
                    responses[b, t - 1] = 1;
            }
        }

        _ids = tensor(ids, device: model.Device);
        _responses = tensor(responses, device: model.Device);
        int half = _config.HeadDimension / 2;
        var angles = new float[longest, 2 * half];
        for (int t = 0; t < longest; t++)
        {
            for (int i = 0; i < 2 * half; i++)
                angles[t, i] = (float)(t * Math.Pow(_config.RopeTheta, -2.0 * (i % half) / _config.HeadDimension));
        }

        using Tensor table = tensor(angles, device: model.Device);
        (_cos, _sin) = (table.cos().to(model.DType), table.sin().to(model.DType));
    }

    public double Run()
    {
        using DisposeScope scope = NewDisposeScope();
        _optimizer.zero_grad();
        Tensor logits = Forward(_ids).to(ScalarType.Float32);
        Tensor log = nn.functional.log_softmax(logits.narrow(1, 0, logits.shape[1] - 1), 2);
        Tensor tokens = log.gather(2, _ids.narrow(1, 1, _ids.shape[1] - 1).unsqueeze(2)).squeeze(2) * _responses; // [B N, T - 1]
        Tensor scores = (tokens.sum(1) / _responses.sum(1)).view(_groups, -1);                                   // [B, N]
        Tensor loss = -tokens.sum() / _responses.sum();
        for (int d = 1; d < scores.shape[1]; d++)
        {
            Tensor better = scores.narrow(1, 0, scores.shape[1] - d), worse = scores.narrow(1, d, scores.shape[1] - d);
            loss = loss + nn.functional.relu(worse - better + (0.1 * d)).mean();
        }

        loss.backward();
        _optimizer.step();
        return loss.item<float>();
    }

    private Tensor Forward(Tensor ids)
    {
        Tensor x = _weights["model.embed_tokens.weight"].index_select(0, ids.view(-1)).view(ids.shape[0], ids.shape[1], -1);
        for (int l = 0; l < _config.LayerCount; l++)
        {
            string p = $"model.layers.{l}.";
            Tensor h = Norm(x, p + "input_layernorm.weight");
            Tensor q = Rotate(Heads(h, p + "self_attn.q_proj.weight", _config.HeadCount)),
                k = Rotate(Heads(h, p + "self_attn.k_proj.weight", _config.KeyValueHeadCount)),
                v = Heads(h, p + "self_attn.v_proj.weight", _config.KeyValueHeadCount);
            if (_config.KeyValueHeadCount < _config.HeadCount)
                (k, v) = (k.repeat_interleave(_config.HeadCount / _config.KeyValueHeadCount, 1),
                    v.repeat_interleave(_config.HeadCount / _config.KeyValueHeadCount, 1));
            Tensor attention = nn.functional.scaled_dot_product_attention(q, k, v, is_casual: true).transpose(1, 2).reshape(x.shape[0],
                x.shape[1], -1);
            x = x + Linear(attention, p + "self_attn.o_proj.weight");
            h = Norm(x, p + "post_attention_layernorm.weight");
            x = x + Linear(nn.functional.silu(Linear(h, p + "mlp.gate_proj.weight")) * Linear(h, p + "mlp.up_proj.weight"),
                p + "mlp.down_proj.weight");
        }

        return Linear(Norm(x, "model.norm.weight"), "lm_head.weight");
    }

    private Tensor Linear(Tensor x, string weight) => nn.functional.linear(x, _weights[weight]);

    private Tensor Heads(Tensor x, string weight, int heads) => Linear(x, weight).view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2);

    private Tensor Rotate(Tensor x)
    {
        Tensor[] halves = x.chunk(2, -1);
        return (x * _cos) + (cat([-halves[1], halves[0]], -1) * _sin);
    }

    private Tensor Norm(Tensor x, string weight)
    {
        Tensor wide = x.to(ScalarType.Float32);
        return _weights[weight] * (wide * (wide.pow(2).mean([-1L], keepdim: true) + _config.RmsNormEpsilon).rsqrt()).to(x.dtype);
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        foreach (Tensor t in new[] { _ids, _responses, _cos, _sin })
            t.Dispose();
    }
}
