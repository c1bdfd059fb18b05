using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>Rows of the embedding by token id.</summary>
internal static unsafe class Embedding
{
    /// <summary>x[t] = table[tokens[t]].</summary>
    /// <param name="pool">Workers.</param>
    /// <param name="tokens">Ids below V, [T].</param>
    /// <param name="table">Embedding, [V, D].</param>
    /// <param name="x">Output, [T, D].</param>
    public static void Forward(WorkerPool pool, ReadOnlySpan<int> tokens, in Matrix table, in Matrix x)
    {
        Check(tokens, table, x);
        fixed (int* t = tokens)
        {
            var job = new ForwardJob { Tokens = t, Table = table, X = x };
            pool.For(x.Rows, Grain.Of(x.Columns), ref job);
        }
    }

    /// <summary>dTable[tokens[t]] += dx[t].</summary>
    /// <remarks>Workers take columns, not rows: a token that occurs twice is then summed by one worker, in order.</remarks>
    public static void Backward(WorkerPool pool, ReadOnlySpan<int> tokens, in Matrix dx, in Matrix dTable)
    {
        Check(tokens, dTable, dx);
        fixed (int* t = tokens)
        {
            var job = new BackwardJob { Tokens = t, Dx = dx, DTable = dTable };
            pool.For(dx.Columns, Math.Max(64, Grain.Of(dx.Rows)), ref job);
        }
    }

    private static void Check(ReadOnlySpan<int> tokens, in Matrix table, in Matrix x)
    {
        if (tokens.Length != x.Rows || table.Columns != x.Columns)
            throw new ArgumentException($"{tokens.Length} tokens of [{table.Rows}, {table.Columns}] are not [{x.Rows}, {x.Columns}].",
                nameof(x));
        foreach (int token in tokens)
        {
            if ((uint)token >= (uint)table.Rows)
                throw new ArgumentOutOfRangeException(nameof(tokens), token, $"The table has {table.Rows} rows.");
        }
    }

    private struct ForwardJob : IRangeJob
    {
        public int* Tokens;
        public Matrix Table, X;

        public readonly void Execute(int from, int to, int worker)
        {
            for (int t = from; t < to; t++)
                Table.RowSpan(Tokens[t]).CopyTo(X.RowSpan(t));
        }
    }

    private struct BackwardJob : IRangeJob
    {
        public int* Tokens;
        public Matrix Dx, DTable;

        public readonly void Execute(int from, int to, int worker)
        {
            for (int t = 0; t < Dx.Rows; t++)
                VectorMath.AddScaled(1, Dx.Row(t) + from, DTable.Row(Tokens[t]) + from, to - from);
        }
    }
}
