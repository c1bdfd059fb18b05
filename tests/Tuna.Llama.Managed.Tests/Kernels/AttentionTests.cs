using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Model;
using Tuna.Llama.Managed.Threading;
using Tuna.Policies;

namespace Tuna.Llama.Managed.Tests.Kernels;

public sealed unsafe class AttentionTests : IDisposable
{
    private readonly WorkerPool _pool = new(2);

    public void Dispose() => _pool.Dispose();

    [Theory]
    [InlineData(2, 2, 4)]
    [InlineData(4, 2, 6)]
    [InlineData(3, 1, 16)]
    public void ForwardAndBackward_SharedPrompts_MatchTheReference(int heads, int keyValueHeads, int dimension)
    {
        var shape = new AttentionShape(heads, keyValueHeads, dimension);
        var layout = new BatchLayout();
        layout.Build([Models.Group("a", 3, 1, 4, 1, 2), Models.Group("b", 1, 2, 5)], HeadRows.EveryTarget);
        int n = layout.RowCount;
        using var qkv = new TestMatrix(n, shape.RowWidth, 1);
        using var output = new TestMatrix(n, shape.QueryWidth, 2);
        using var dOutput = new TestMatrix(n, shape.QueryWidth, 3);
        using var dQkv = new TestMatrix(n, shape.RowWidth, 4);
        using var logSum = new TestMatrix(n, heads, 5);
        double[,] inputs = qkv.ToDoubles(), g = dOutput.ToDoubles();
        int[][] visible = Visible(layout);

        Attention.Forward(_pool, layout.Attention, shape, qkv.Matrix, output.Matrix, logSum.Data);
        output.AssertClose(Reference(inputs, shape, visible), 2e-6);

        Attention.Backward(_pool, layout.Attention, shape, qkv.Matrix, output.Matrix, logSum.Data, dOutput.Matrix, dQkv.Matrix);
        var expected = new double[n, shape.RowWidth];
        for (int t = 0; t < n; t++)
        {
            for (int j = 0; j < shape.RowWidth; j++)
            {
                const double H = 1e-5;
                double kept = inputs[t, j];
                inputs[t, j] = kept + H;
                double up = Inner(Reference(inputs, shape, visible), g);
                inputs[t, j] = kept - H;
                double down = Inner(Reference(inputs, shape, visible), g);
                inputs[t, j] = kept;
                expected[t, j] = (up - down) / (2 * H);
            }
        }

        dQkv.AssertClose(expected, 2e-6);
    }

    [Fact]
    public void Forward_LongSequences_MatchTheReferenceAcrossBlocks()
    {
        var shape = new AttentionShape(1, 1, 8);
        var layout = new BatchLayout();
        layout.Build([Models.Group("long", 200, 1, 205, 193, 194)], HeadRows.EveryTarget);
        using var qkv = new TestMatrix(layout.RowCount, shape.RowWidth, 1);
        using var output = new TestMatrix(layout.RowCount, shape.QueryWidth, 2);
        using var logSum = new TestMatrix(layout.RowCount, 1, 5);
        Attention.Forward(_pool, layout.Attention, shape, qkv.Matrix, output.Matrix, logSum.Data);
        output.AssertClose(Reference(qkv.ToDoubles(), shape, Visible(layout)), 2e-6);
    }

    [Fact]
    public void CachedForward_OneQuery_MatchesTheReference()
    {
        var shape = new AttentionShape(4, 2, 5);
        const int Prompt = 7, Own = 4;
        using var prompt = new TestMatrix(Prompt, 2 * shape.KeyValueWidth, 1);
        using var own = new TestMatrix(Own, 2 * shape.KeyValueWidth, 2);
        using var query = new TestMatrix(1, shape.RowWidth, 3);
        using var output = new TestMatrix(1, shape.QueryWidth, 4);
        using var cachedPrompt = new TestMatrix(Prompt, 2 * shape.KeyValueWidth, 5);
        using var cachedOwn = new TestMatrix(Own + 3, 2 * shape.KeyValueWidth, 6);
        var sequence = new CachedSequence(new CachedTokens(cachedPrompt.Data, Prompt, Prompt),
            new CachedTokens(cachedOwn.Data, Own + 3, Own));
        for (int t = 0; t < Prompt; t++)
            sequence.Prompt.Store(shape, t, prompt.Matrix.Row(t));
        for (int t = 0; t < Own; t++)
            sequence.Own.Store(shape, t, own.Matrix.Row(t));
        CachedAttention.Forward(_pool, shape, query.Matrix, [sequence], output.Matrix);

        var rows = new double[Prompt + Own, shape.RowWidth];
        for (int j = 0; j < 2 * shape.KeyValueWidth; j++)
        {
            for (int t = 0; t < Prompt + Own; t++)
                rows[t, shape.QueryWidth + j] = t < Prompt ? prompt[t, j] : own[t - Prompt, j];
        }

        for (int j = 0; j < shape.QueryWidth; j++)
            rows[Prompt + Own - 1, j] = query[0, j];
        int[][] visible = [.. Enumerable.Range(0, Prompt + Own)
            .Select(t => t == Prompt + Own - 1 ? Enumerable.Range(0, t + 1).ToArray() : [t])];
        double[,] reference = Reference(rows, shape, visible), last = new double[1, shape.QueryWidth];
        for (int j = 0; j < shape.QueryWidth; j++)
            last[0, j] = reference[Prompt + Own - 1, j];
        output.AssertClose(last, 2e-6);
    }

    /// <summary>The rows that each row attends to.</summary>
    private static int[][] Visible(BatchLayout layout)
    {
        var visible = new int[layout.RowCount][];
        foreach (GroupSpan group in layout.Groups)
        {
            int[] prompt = [.. Enumerable.Range(group.PromptStart, group.PromptLength)];
            for (int i = 0; i < group.PromptLength; i++)
                visible[group.PromptStart + i] = prompt[..(i + 1)];
            foreach (ResponseSpan response in layout.Responses.Slice(group.FirstResponse, group.ResponseCount))
            {
                for (int i = 0; i < response.Rows; i++)
                    visible[response.Start + i] = [.. prompt, .. Enumerable.Range(response.Start, i + 1)];
            }
        }

        return visible;
    }

    private static double[,] Reference(double[,] qkv, AttentionShape shape, int[][] visible)
    {
        int n = qkv.GetLength(0), d = shape.Dimension;
        var output = new double[n, shape.QueryWidth];
        for (int t = 0; t < n; t++)
        {
            for (int h = 0; h < shape.Heads; h++)
            {
                int q = h * d, k = shape.QueryWidth + (h / shape.Sharing * d), v = k + shape.KeyValueWidth;
                double[] p = [.. visible[t].Select(s => Enumerable.Range(0, d).Sum(i => qkv[t, q + i] * qkv[s, k + i]) / Math.Sqrt(d))];
                double max = p.Max(), sum = p.Sum(x => Math.Exp(x - max));
                for (int s = 0; s < p.Length; s++)
                {
                    for (int i = 0; i < d; i++)
                        output[t, q + i] += Math.Exp(p[s] - max) / sum * qkv[visible[t][s], v + i];
                }
            }
        }

        return output;
    }

    private static double Inner(double[,] a, double[,] b)
    {
        double sum = 0;
        for (int i = 0; i < a.GetLength(0); i++)
        {
            for (int j = 0; j < a.GetLength(1); j++)
                sum += a[i, j] * b[i, j];
        }

        return sum;
    }
}
