using Tuna.Llama.Batches;
using Tuna.Llama.Tensors;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Tuna.Llama.Model;

/// <summary>Attention within a packed batch with libtorch's differentiable operations: prompts attend to themselves, responses to their
/// prompt and to themselves; never across.</summary>
internal sealed class RecordedAttention : IDisposable
{
    private readonly PackedBatch _batch;
    private readonly HeadShape _shape;
    private readonly ResponseBlock?[] _blocks;
    private readonly Tensor? _order; // where each row's result is among the parts; null when it is in its place
    private readonly Rotary _angles;

    public RecordedAttention(PackedBatch batch, HeadShape shape, Rotary angles, Device device, HostLink link)
    {
        (_batch, _shape, _angles) = (batch, shape, angles);
        _blocks = [.. batch.Segments.Select(s => s.Start < batch.SharedRows ? new ResponseBlock(s, shape.Fold, device, link) : null)];
        var order = new long[batch.RowCount];
        long next = 0;
        foreach (Segment segment in batch.Segments)
        {
            Place(segment.Start, segment.PromptLength);
            foreach (ResponseRows r in segment.Responses)
                Place(r.Start, r.Length);
        }

        if (order.Where((o, row) => o != row).Any())
            _order = link.Write(order, device).DetachFromDisposeScope();

        void Place(int start, int length)
        {
            for (int i = 0; i < length; i++)
                order[start + i] = next++;
        }
    }

    /// <summary>Attention of queries, [N, H, E], to keys and values, [N, K, E]. Returns [N, H E].</summary>
    public Tensor Attend(Tensor q, Tensor k, Tensor v)
    {
        var parts = new List<Tensor>(_blocks.Length * 2);
        for (int g = 0; g < _blocks.Length; g++)
        {
            Segment segment = _batch.Segments[g];
            ResponseBlock? block = _blocks[g];
            // A single response continues its prompt's rows: one causal block.
            int causal = block is null ? segment.RowCount : segment.PromptLength;
            parts.Add(Causal(q, k, v, segment.Start, causal));
            if (block is not null)
                parts.Add(block.Attend(q, k, v, segment, _shape.KeyHeads));
        }

        Tensor all = parts.Count == 1 ? parts[0] : cat(parts.ToArray(), 0);
        return _order is null ? all : all.index_select(0, _order);
    }

    /// <summary>Rotary embedding, rotate-half form: (x1, x2) becomes (x1 cos - x2 sin, x2 cos + x1 sin). [N, *, E].</summary>
    public Tensor Rotate(Tensor x)
    {
        long half = _shape.Width / 2;
        Tensor x1 = x.narrow(2, 0, half), x2 = x.narrow(2, half, half), cos = _angles.Cos.unsqueeze(1), sin = _angles.Sin.unsqueeze(1);
        return cat([(x1 * cos) - (x2 * sin), (x2 * cos) + (x1 * sin)], 2);
    }

    private Tensor Causal(Tensor q, Tensor k, Tensor v, int start, int length)
    {
        // [1, H, length, dh]
        Tensor one = scaled_dot_product_attention(Heads(q, 1), Heads(k, _shape.Fold), Heads(v, _shape.Fold), is_casual: true);
        return one.squeeze(0).transpose(0, 1).reshape(length, _shape.Heads * _shape.Width);

        Tensor Heads(Tensor x, int repeat)
        {
            Tensor heads = x.narrow(0, start, length).transpose(0, 1).unsqueeze(0);
            return repeat == 1 ? heads : heads.repeat_interleave(repeat, 1);
        }
    }

    public void Dispose()
    {
        _order?.Dispose();
        foreach (ResponseBlock? block in _blocks)
            block?.Dispose();
    }

    /// <summary>The responses of one group side by side, padded to the longest at the right, which a causal mask hides by itself.</summary>
    private sealed class ResponseBlock : IDisposable
    {
        private readonly int _count;
        private readonly int _longest;
        private readonly int _fold;
        private readonly Tensor _gather; // [R T] rows of the batch; padding repeats a row, and gets no gradient
        private readonly Tensor _mask;   // [G T, P + T]
        private readonly Tensor? _valid; // places in [R T] that are no padding

        public ResponseBlock(Segment segment, int fold, Device device, HostLink link)
        {
            List<ResponseRows> responses = [.. segment.Responses.Where(r => r.Length > 0)];
            _count = responses.Count;
            _longest = responses.Max(r => r.Length);
            _fold = fold;
            var gather = new long[_count * _longest];
            var valid = new List<long>(gather.Length);
            for (int r = 0; r < _count; r++)
            {
                for (int t = 0; t < _longest; t++)
                {
                    gather[(r * _longest) + t] = responses[r].Start + Math.Min(t, responses[r].Length - 1);
                    if (t < responses[r].Length)
                        valid.Add((r * _longest) + t);
                }
            }

            using DisposeScope scope = NewDisposeScope();
            _gather = scope.Detach(link.Write(gather, device));
            _valid = valid.Count == gather.Length ? null : scope.Detach(link.Write(valid.ToArray(), device));
            Tensor causal = ones(_longest, segment.PromptLength + _longest, ScalarType.Bool, device).tril(segment.PromptLength);
            _mask = scope.Detach(causal.repeat(_fold, 1));
        }

        public Tensor Attend(Tensor q, Tensor k, Tensor v, Segment segment, int heads)
        {
            long width = q.shape[2];
            // The G query heads that share a key head stand below each other as rows, so that keys are never repeated.
            Tensor queries = q.index_select(0, _gather).view(_count, _longest, heads, _fold, width).permute(0, 2, 3, 1, 4).reshape(_count,
                heads, _fold * _longest, width);
            Tensor mixed = scaled_dot_product_attention(queries, Own(k), Own(v), _mask); // [R, Hkv, G T, dh]
            Tensor rows = mixed.view(_count, heads, _fold, _longest, width).permute(0, 3, 1, 2, 4).reshape(_count * _longest,
                heads * _fold * width);
            return _valid is null ? rows : rows.index_select(0, _valid);

            Tensor Own(Tensor x)
            {
                Tensor prompt = x.narrow(0, segment.Start, segment.PromptLength).transpose(0, 1).unsqueeze(0).expand(_count, heads,
                    segment.PromptLength, width);
                Tensor own = x.index_select(0, _gather).view(_count, _longest, heads, width).transpose(1, 2);
                return cat([prompt, own], 2); // [R, Hkv, P + T, dh]
            }
        }

        public void Dispose()
        {
            _gather.Dispose();
            _mask.Dispose();
            _valid?.Dispose();
        }
    }
}
