using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>Log-probabilities of target tokens under softmax(x W^T), with no more of the logits in memory than allowed, and none of the
/// probabilities.</summary>
/// <remarks>
/// Logits are made for some rows and some of the vocabulary at a time. Forward keeps the running maximum and sum of exponentials of each
/// row (the online softmax of Milakov and Gimelshein, arXiv 1805.02867) and the targets' logits, and the first blocks of logits where
/// they are given a place; backward makes the others again, turns each into the gradient of the logits and multiplies it into dX and dW.
/// Going along the vocabulary, a block of W and dW is used while it is in the cache.
/// </remarks>
internal sealed unsafe class LogProbs
{
    /// <summary>Tokens of the vocabulary whose logits are made at a time: for all rows before the next.</summary>
    public const int BlockTokens = 1024;

    private const int BlockRows = 1024;

    // No multiple of a page, or the rows of a tile would share one set of the cache.
    private const int Stride = BlockTokens + 16;

    private nint[] _kept = []; // each [rows, Stride]
    private int _keptBlocks;
    private double[] _max = [];
    private double[] _sum = [];

    /// <summary>Blocks of a vocabulary.</summary>
    public static int Blocks(int vocabulary) => (vocabulary + BlockTokens - 1) / BlockTokens;

    /// <summary>Floats of a block of logits that is kept.</summary>
    public static long BlockFloats(int rows) => (long)rows * Stride;

    /// <summary>Floats of a block of logits that is not kept.</summary>
    public static long RoomFloats(int rows) => (long)Math.Min(rows, BlockRows) * Stride;

    /// <summary>Computes the targets' log-probabilities.</summary>
    /// <param name="pool">Workers.</param>
    /// <param name="x">Inputs, [U, D].</param>
    /// <param name="weight">Output embedding, [V, D].</param>
    /// <param name="starts">First target of each row and the total, [U + 1].</param>
    /// <param name="tokens">Target ids, [E].</param>
    /// <param name="logProbs">Receives log p(target), nats, [E].</param>
    /// <param name="logSum">Receives the log of each row's sum of exponentials, [U].</param>
    /// <param name="room">Room for a block of logits that is not kept, <see cref="RoomFloats"/>.</param>
    /// <param name="kept">Places for the first blocks of logits, <see cref="BlockFloats"/> each, which <see cref="Backward"/> reads and
    /// overwrites; it makes the others again.</param>
    public void Forward(WorkerPool pool, in Matrix x, in Matrix weight, ReadOnlySpan<int> starts, ReadOnlySpan<int> tokens,
        Span<double> logProbs, Span<double> logSum, float* room, ReadOnlySpan<nint> kept = default)
    {
        Check(x, weight, starts, tokens, logProbs, logSum);
        if (_kept.Length < kept.Length)
            _kept = new nint[kept.Length];
        kept.CopyTo(_kept);
        _keptBlocks = kept.Length;
        if (_max.Length < x.Rows)
            (_max, _sum) = (new double[x.Rows], new double[x.Rows]);
        _max.AsSpan().Fill(double.NegativeInfinity);
        _sum.AsSpan().Clear();
        fixed (double* max = _max, sum = _sum, targets = logProbs)
        fixed (int* s = starts, t = tokens)
        {
            for (int v0 = 0; v0 < weight.Rows; v0 += BlockTokens)
            {
                for (int r0 = 0; r0 < x.Rows; r0 += BlockRows)
                {
                    Matrix rows = x.SliceRows(r0, Math.Min(BlockRows, x.Rows - r0));
                    Matrix logits = Block(r0, rows.Rows, v0, weight.Rows, room);
                    Gemm.Multiply(pool, rows, weight.SliceRows(v0, logits.Columns).T, logits, Update.Set);
                    var job = new ForwardJob
                    {
                        Logits = logits,
                        FirstToken = v0,
                        Starts = s + r0,
                        Tokens = t,
                        Max = max + r0,
                        Sum = sum + r0,
                        Targets = targets,
                    };
                    pool.For(logits.Rows, Grain.Of(2 * logits.Columns), ref job);
                }
            }
        }

        for (int u = 0; u < x.Rows; u++)
        {
            logSum[u] = _max[u] + Math.Log(_sum[u]);
            for (int e = starts[u]; e < starts[u + 1]; e++)
                logProbs[e] -= logSum[u];
        }
    }

    /// <summary>Leaves out the rows of the last <see cref="Forward"/> that have no gradient, before <see cref="Backward"/> is called with
    /// the others.</summary>
    /// <param name="from">A row that is left.</param>
    /// <param name="to">Its number among those that are left, at most <paramref name="from"/>; rows move in order.</param>
    public void MoveRow(int from, int to)
    {
        for (int b = 0; b < _keptBlocks && from != to; b++)
        {
            float* block = (float*)_kept[b];
            new ReadOnlySpan<float>(block + ((long)from * Stride), BlockTokens)
                .CopyTo(new Span<float>(block + ((long)to * Stride), BlockTokens));
        }
    }

    /// <summary>Computes the gradients of the weight and of the inputs.</summary>
    /// <param name="pool">Workers.</param>
    /// <param name="x">As in forward.</param>
    /// <param name="weight">As in forward.</param>
    /// <param name="starts">As in forward.</param>
    /// <param name="tokens">As in forward.</param>
    /// <param name="coefficients">dL/d(log-probability) of each target, [E].</param>
    /// <param name="logSum">From forward, [U].</param>
    /// <param name="dx">Receives the gradient of <paramref name="x"/>.</param>
    /// <param name="dWeight">Gradient of the weight, [V, D]. It is written block after block: the place of a block that is kept may lie in
    /// what is written after that block.</param>
    /// <param name="room">As in forward.</param>
    /// <param name="update">Whether to add to <paramref name="dWeight"/> or to overwrite it.</param>
    public void Backward(
        WorkerPool pool, in Matrix x, in Matrix weight, ReadOnlySpan<int> starts, ReadOnlySpan<int> tokens,
            ReadOnlySpan<double> coefficients, ReadOnlySpan<double> logSum,
        in Matrix dx, in Matrix dWeight, float* room, Update update)
    {
        Check(x, weight, starts, tokens, coefficients, logSum);
        if (dx.Rows != x.Rows || dx.Columns != x.Columns || dWeight.Rows != weight.Rows || dWeight.Columns != weight.Columns)
            throw new ArgumentException("The gradients do not have the shapes of what they are gradients of.", nameof(dx));
        fixed (double* c = coefficients, sum = logSum)
        fixed (int* s = starts, t = tokens)
        {
            for (int v0 = 0; v0 < weight.Rows; v0 += BlockTokens)
            {
                for (int r0 = 0; r0 < x.Rows; r0 += BlockRows)
                {
                    int count = Math.Min(BlockRows, x.Rows - r0);
                    Matrix rows = x.SliceRows(r0, count), dRows = dx.SliceRows(r0, count);
                    Matrix logits = Block(r0, rows.Rows, v0, weight.Rows, room);
                    if (v0 / BlockTokens >= _keptBlocks)
                        Gemm.Multiply(pool, rows, weight.SliceRows(v0, logits.Columns).T, logits, Update.Set);
                    var job = new BackwardJob
                    {
                        Logits = logits,
                        FirstToken = v0,
                        Starts = s + r0,
                        Tokens = t,
                        Coefficients = c,
                        LogSum = sum + r0,
                    };
                    pool.For(logits.Rows, Grain.Of(2 * logits.Columns), ref job);
                    Gemm.Multiply(pool, logits, weight.SliceRows(v0, logits.Columns), dRows, v0 > 0 ? Update.Add : Update.Set);
                    Gemm.Multiply(pool, logits.T, rows, dWeight.SliceRows(v0, logits.Columns), r0 > 0 ? Update.Add : update);
                }
            }
        }

        _keptBlocks = 0; // they are gradients now
    }

    // Where the logits of some rows and the tokens from v0 on belong.
    private Matrix Block(int r0, int rows, int v0, int vocabulary, float* room)
    {
        int block = v0 / BlockTokens, count = Math.Min(BlockTokens, vocabulary - v0);
        float* data = block < _keptBlocks ? (float*)_kept[block] + ((long)r0 * Stride) : room;
        return new Matrix(data, rows, count, Stride);
    }

    private static void Check(in Matrix x, in Matrix weight, ReadOnlySpan<int> starts, ReadOnlySpan<int> tokens,
        ReadOnlySpan<double> perTarget, ReadOnlySpan<double> perRow)
    {
        if (x.Columns != weight.Columns || starts.Length != x.Rows + 1 || perTarget.Length < tokens.Length || perRow.Length < x.Rows
            || starts[^1] != tokens.Length)
            throw new ArgumentException(
                $"[{x.Rows}, {x.Columns}], [{weight.Rows}, {weight.Columns}] and {tokens.Length} targets do not fit.", nameof(x));
        foreach (int token in tokens)
        {
            if ((uint)token >= (uint)weight.Rows)
                throw new ArgumentOutOfRangeException(nameof(tokens), token, $"The vocabulary has {weight.Rows} tokens.");
        }
    }

    private struct ForwardJob : IRangeJob
    {
        public Matrix Logits;
        public int FirstToken;
        public int* Starts, Tokens;
        public double* Max, Sum, Targets;

        public readonly void Execute(int from, int to, int worker)
        {
            for (int u = from; u < to; u++)
            {
                float* row = Logits.Row(u);
                double max = Math.Max(Max[u], VectorMath.Max(row, Logits.Columns));
                Sum[u] = (Sum[u] * Math.Exp(Max[u] - max)) + VectorMath.SumExp(row, Logits.Columns, 1, (float)max);
                Max[u] = max;
                for (int e = Starts[u]; e < Starts[u + 1]; e++)
                {
                    int v = Tokens[e] - FirstToken;
                    if ((uint)v < (uint)Logits.Columns)
                        Targets[e] = row[v];
                }
            }
        }
    }

    private struct BackwardJob : IRangeJob
    {
        public Matrix Logits;
        public int FirstToken;
        public int* Starts, Tokens;
        public double* Coefficients, LogSum;

        // d log p(target) / d logit[v] = [v = target] - p(v), summed over the row's targets.
        public readonly void Execute(int from, int to, int worker)
        {
            for (int u = from; u < to; u++)
            {
                float* row = Logits.Row(u);
                double total = 0;
                for (int e = Starts[u]; e < Starts[u + 1]; e++)
                    total += Coefficients[e];
                VectorMath.ExpScaled(row, Logits.Columns, (float)LogSum[u], (float)-total);
                for (int e = Starts[u]; e < Starts[u + 1]; e++)
                {
                    int v = Tokens[e] - FirstToken;
                    if ((uint)v < (uint)Logits.Columns)
                        row[v] += (float)Coefficients[e];
                }
            }
        }
    }
}
