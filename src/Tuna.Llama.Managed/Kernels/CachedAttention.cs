using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>Cached keys and values of some consecutive tokens in one layer: head by head, so that attention reads each as one
/// stream.</summary>
/// <param name="data">[KeyValueHeads, 2, capacity, d]: of each head the keys, then the values.</param>
/// <param name="capacity">Tokens that there is room for.</param>
/// <param name="count">Tokens that are there.</param>
internal readonly unsafe struct CachedTokens(float* data, int capacity, int count)
{
    public int Count => count;

    /// <summary>Keys of a head, [count, d].</summary>
    public float* Keys(int keyValueHead, int dimension) => data + (2L * keyValueHead * capacity * dimension);

    /// <summary>Values of a head, [count, d].</summary>
    public float* Values(int keyValueHead, int dimension) => data + (((2L * keyValueHead) + 1) * capacity * dimension);

    /// <summary>Puts a token's keys and values, [2 * KeyValueWidth], in place.</summary>
    public void Store(AttentionShape shape, int token, float* keysAndValues)
    {
        int d = shape.Dimension;
        for (int head = 0; head < shape.KeyValueHeads; head++, keysAndValues += d)
        {
            new ReadOnlySpan<float>(keysAndValues, d).CopyTo(new Span<float>(Keys(head, d) + ((long)token * d), d));
            new ReadOnlySpan<float>(keysAndValues + shape.KeyValueWidth, d).CopyTo(new Span<float>(Values(head, d) + ((long)token * d), d));
        }
    }
}

/// <summary>What one query row of <see cref="CachedAttention"/> sees: its prompt and its own tokens, itself included.</summary>
internal readonly record struct CachedSequence(CachedTokens Prompt, CachedTokens Own);

/// <summary>Attention of one new token per sequence over cached keys and values.</summary>
internal static unsafe class CachedAttention
{
    // 4 KiB: the memory answers in the time of some keys.
    private const int Ahead = 1024;

    /// <summary>o = softmax(q K^T / sqrt(d)) V for each row and head.</summary>
    /// <param name="pool">Workers.</param>
    /// <param name="shape">Heads.</param>
    /// <param name="queries">Queries, turned by their positions, in the front of each row, [M, >= QueryWidth].</param>
    /// <param name="sequences">What each row sees, [M].</param>
    /// <param name="output">Receives the heads' outputs, [M, QueryWidth].</param>
    public static void Forward(WorkerPool pool, AttentionShape shape, in Matrix queries, ReadOnlySpan<CachedSequence> sequences,
        in Matrix output)
    {
        if (queries.Rows != sequences.Length || output.Rows != sequences.Length || queries.Columns < shape.QueryWidth
            || output.Columns != shape.QueryWidth)
            throw new ArgumentException(
                $"[{queries.Rows}, {queries.Columns}], [{output.Rows}, {output.Columns}] and {sequences.Length} sequences do not fit "
                + $"{shape}.", nameof(queries));
        fixed (CachedSequence* s = sequences)
        {
            if (Avx512DotTile.IsSupported)
                Run<Avx512DotTile>(pool, shape, queries, s, output);
            else
                Run<PortableDotTile>(pool, shape, queries, s, output);
        }
    }

    private static void Run<TTile>(WorkerPool pool, AttentionShape shape, in Matrix queries, CachedSequence* sequences, in Matrix output)
        where TTile : struct, IDotTile
    {
        var job = new Job<TTile> { Pool = pool, Shape = shape, Queries = queries, Sequences = sequences, Output = output };
        pool.For(queries.Rows * shape.Heads, grain: 2, ref job);
    }

    private struct Job<TTile> : IRangeJob
        where TTile : struct, IDotTile
    {
        public WorkerPool Pool;
        public AttentionShape Shape;
        public Matrix Queries, Output;
        public CachedSequence* Sequences;

        public readonly void Execute(int from, int to, int worker)
        {
            int d = Shape.Dimension;
            float scale = 1 / MathF.Sqrt(d);
            for (int unit = from; unit < to; unit++)
            {
                int row = unit / Shape.Heads, head = unit % Shape.Heads, keyValueHead = head / Shape.Sharing;
                CachedTokens prompt = Sequences[row].Prompt, own = Sequences[row].Own;
                int count = prompt.Count + own.Count;
                // In steps, so that a growing sequence does not ask for new memory at every token.
                float* scores = Pool.Scratch(worker, ScratchSlot.Scores).Ensure((count + 1023) / 1024 * 1024);
                float* query = Queries.Row(row) + (head * d), output = Output.Row(row) + (head * d);
                Scores(query, prompt.Keys(keyValueHead, d), prompt.Count, scores);
                Scores(query, own.Keys(keyValueHead, d), own.Count, scores + prompt.Count);
                double sum = VectorMath.ExpSum(scores, scores, count, scale, VectorMath.Max(scores, count) * scale);
                VectorMath.Scale((float)(1 / sum), scores, count);
                new Span<float>(output, d).Clear();
                Values(prompt.Values(keyValueHead, d), prompt.Count, scores, output);
                Values(own.Values(keyValueHead, d), own.Count, scores + prompt.Count, output);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Scores(float* query, float* keys, int count, float* scores)
        {
            float* four = stackalloc float[4];
            int d = Shape.Dimension, j = 0;
            for (; j + 4 <= count; j += 4, keys += 4 * d)
            {
                TTile.Row<Float32Format>(query, (byte*)keys, d * sizeof(float), (byte*)(keys + Ahead), d, four);
                Vector128.Load(four).Store(scores + j);
            }

            for (; j < count; j++, keys += d)
            {
                TTile.Row<Float32Format>(query, (byte*)keys, 0, (byte*)keys, d, four); // the same key four times
                scores[j] = four[0];
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Values(float* values, int count, float* p, float* output)
        {
            int d = Shape.Dimension, j = 0;
            for (; j + 4 <= count; j += 4, values += 4 * d)
            {
                VectorMath.AddScaled(p + j, values, d, output, d);
                for (int i = 0; Sse.IsSupported && i < 4 * d; i += 16)
                    Sse.Prefetch0(values + Ahead + i);
            }

            for (; j < count; j++, values += d)
                VectorMath.AddScaled(p[j], values, output, d);
        }
    }
}
