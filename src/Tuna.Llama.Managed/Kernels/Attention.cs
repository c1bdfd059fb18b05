using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>Heads of an attention layer and how they lie in a row of queries, keys and values.</summary>
/// <param name="Heads">Query heads, H.</param>
/// <param name="KeyValueHeads">Key/value heads; each is shared by H / KeyValueHeads query heads.</param>
/// <param name="Dimension">Width of a head, d.</param>
internal readonly record struct AttentionShape(int Heads, int KeyValueHeads, int Dimension)
{
    /// <summary>Width of the queries of a row, and of attention's output.</summary>
    public int QueryWidth => Heads * Dimension;

    /// <summary>Width of the keys of a row, and of its values.</summary>
    public int KeyValueWidth => KeyValueHeads * Dimension;

    /// <summary>Width of a row: queries, keys, values.</summary>
    public int RowWidth => QueryWidth + (2 * KeyValueWidth);

    /// <summary>Query heads per key/value head.</summary>
    public int Sharing => Heads / KeyValueHeads;

    /// <summary>Queries and keys of all heads: what turns with the position.</summary>
    public Matrix QueriesAndKeys(in Matrix rows) => rows.SliceColumns(0, QueryWidth + KeyValueWidth);

    public Matrix Queries(in Matrix rows, int head) => rows.SliceColumns(head * Dimension, Dimension);

    public Matrix Keys(in Matrix rows, int keyValueHead) => rows.SliceColumns(QueryWidth + (keyValueHead * Dimension), Dimension);

    public Matrix Values(in Matrix rows, int keyValueHead) =>
        rows.SliceColumns(QueryWidth + KeyValueWidth + (keyValueHead * Dimension), Dimension);
}

/// <summary>Causal softmax attention in which the responses of a group share their prompt's keys and values.</summary>
/// <remarks>
/// A response's token attends to the whole prompt and to its own response up to itself. Blocks of queries are handled one head at a time:
/// their probabilities are the only score matrix there ever is, and backward recomputes them from the log of the sum of exponentials that
/// forward keeps.
/// </remarks>
internal static unsafe class Attention
{
    // Queries per block: a multiple of every micro-kernel's rows, and few enough for the block of scores to stay in the second-level cache.
    private const int BlockQueries = 192;

    /// <summary>o = softmax(q k^T / sqrt(d)) v.</summary>
    /// <param name="pool">Workers.</param>
    /// <param name="rows">Which rows attend to which.</param>
    /// <param name="shape">Heads.</param>
    /// <param name="qkv">Queries, keys and values of each row, turned by their positions, [N, RowWidth].</param>
    /// <param name="output">Receives the heads' outputs, [N, QueryWidth].</param>
    /// <param name="logSum">Receives the log of the sum of exponentials of each row and head, [N, H].</param>
    public static void Forward(WorkerPool pool, in AttentionRows rows, AttentionShape shape, in Matrix qkv, in Matrix output, float* logSum)
    {
        Check(rows, shape, qkv, output);
        fixed (GroupSpan* groups = rows.Groups)
        fixed (ResponseSpan* responses = rows.Responses)
        {
            var job = new ForwardJob
            {
                Pass = new Pass(pool, groups, rows.Groups.Length, responses, rows.LongestSequence, shape, qkv, output, logSum),
            };
            pool.For(rows.Groups.Length * shape.Heads, grain: 1, ref job);
        }
    }

    /// <summary>Computes the gradient of queries, keys and values, and the output again, so that it need not be kept from the forward
    /// pass.</summary>
    /// <param name="pool">Workers.</param>
    /// <param name="rows">As in the forward pass.</param>
    /// <param name="shape">Heads.</param>
    /// <param name="qkv">As in the forward pass.</param>
    /// <param name="output">Receives the forward pass's output, [N, QueryWidth].</param>
    /// <param name="logSum">From the forward pass.</param>
    /// <param name="dOutput">Gradient of the output, [N, QueryWidth].</param>
    /// <param name="dQkv">Receives the gradient of <paramref name="qkv"/>.</param>
    public static void Backward(WorkerPool pool, in AttentionRows rows, AttentionShape shape, in Matrix qkv, in Matrix output,
        float* logSum, in Matrix dOutput, in Matrix dQkv)
    {
        Check(rows, shape, qkv, output);
        Check(rows, shape, dQkv, dOutput);
        fixed (GroupSpan* groups = rows.Groups)
        fixed (ResponseSpan* responses = rows.Responses)
        {
            var pass = new Pass(pool, groups, rows.Groups.Length, responses, rows.LongestSequence, shape, qkv, output, logSum);
            var job = new BackwardJob { Pass = pass, DOutput = dOutput, DQkv = dQkv };
            pool.For(rows.Groups.Length * shape.KeyValueHeads, grain: 1, ref job);
        }
    }

    private static void Check(in AttentionRows rows, AttentionShape shape, in Matrix qkv, in Matrix output)
    {
        if (qkv.Rows != rows.RowCount || output.Rows != rows.RowCount || qkv.Columns != shape.RowWidth
            || output.Columns != shape.QueryWidth)
            throw new ArgumentException(
                $"[{qkv.Rows}, {qkv.Columns}] and [{output.Rows}, {output.Columns}] do not fit {rows.RowCount} rows of {shape}.",
                nameof(qkv));
    }

    /// <summary>What forward and backward share.</summary>
    private readonly struct Pass(
        WorkerPool pool, GroupSpan* groups, int groupCount, ResponseSpan* responses, int longest, AttentionShape shape, Matrix qkv,
            Matrix output, float* logSum)
    {
        public readonly WorkerPool Pool = pool;
        public readonly AttentionShape Shape = shape;
        public readonly Matrix Qkv = qkv, Output = output;
        public readonly float* LogSum = logSum;

        public float Scale => 1 / MathF.Sqrt(Shape.Dimension);

        /// <summary>Head and group of a unit of work. Heads go first: they cost the same, groups do not.</summary>
        public (int Head, GroupSpan Group) Unit(int unit) => (unit / groupCount, groups[unit % groupCount]);

        public ReadOnlySpan<ResponseSpan> Responses(in GroupSpan group) => new(responses + group.FirstResponse, group.ResponseCount);

        /// <summary>Scores q k^T of a block: the prompt's keys first, then the sequence's own.</summary>
        public Matrix Scores(int worker, in Block block, int head)
        {
            int keyHead = head / Shape.Sharing;
            Matrix scores = Room(worker, ScratchSlot.Scores, block);
            Matrix q = Shape.Queries(Qkv, head).SliceRows(block.Queries, block.Count), k = Shape.Keys(Qkv, keyHead);
            if (block.SharedCount > 0)
                Gemm.MultiplyOnWorker(Pool, worker, q, k.SliceRows(block.Shared, block.SharedCount).T,
                    scores.SliceColumns(0, block.SharedCount), Update.Set);
            Matrix own = scores.SliceColumns(block.SharedCount, block.OwnCount);
            Gemm.MultiplyOnWorker(Pool, worker, q, k.SliceRows(block.Own, block.OwnCount).T, own, Update.Set,
                block.Mask(CausalMaskKind.Product));
            return scores;
        }

        /// <summary>The output of a block, p v.</summary>
        public Matrix Multiply(int worker, in Block block, int head, in Matrix p)
        {
            Matrix v = Shape.Values(Qkv, head / Shape.Sharing);
            Matrix o = Output.SliceColumns(head * Shape.Dimension, Shape.Dimension).SliceRows(block.Queries, block.Count);
            Matrix own = p.SliceColumns(block.SharedCount, block.OwnCount);
            Gemm.MultiplyOnWorker(Pool, worker, own, v.SliceRows(block.Own, block.OwnCount), o, Update.Set,
                block.Mask(CausalMaskKind.Left));
            if (block.SharedCount > 0)
                Gemm.MultiplyOnWorker(Pool, worker, p.SliceColumns(0, block.SharedCount), v.SliceRows(block.Shared, block.SharedCount), o,
                    Update.Add);
            return o;
        }

        public Matrix Room(int worker, ScratchSlot slot, in Block block)
        {
            // For the longest sequence at once, so that the block does not grow step by step.
            float* data = Pool.Scratch(worker, slot).Ensure((long)BlockQueries * longest);
            return new Matrix(data, block.Count, block.SharedCount + block.OwnCount);
        }
    }

    /// <summary>Some consecutive queries of one sequence and the keys that the last of them sees.</summary>
    /// <param name="Queries">First query row.</param>
    /// <param name="Count">Number of queries.</param>
    /// <param name="Shared">First row of the prompt.</param>
    /// <param name="SharedCount">Prompt keys, all of which every query sees; 0 within the prompt itself.</param>
    /// <param name="Own">First own key row.</param>
    /// <param name="OwnCount">Own keys that the last query sees.</param>
    private readonly record struct Block(int Queries, int Count, int Shared, int SharedCount, int Own, int OwnCount)
    {
        /// <summary>Keys that query <paramref name="i"/> of the block sees.</summary>
        public int Visible(int i) => SharedCount + OwnCount - Count + i + 1;

        /// <summary>What of its own keys the block sees.</summary>
        public CausalMask Mask(CausalMaskKind kind) => new(kind, OwnCount - Count);

        public static Block Of(in GroupSpan group, int start, int rows, int offset)
        {
            int count = Math.Min(BlockQueries, rows - offset);
            bool prompt = start == group.PromptStart;
            return new Block(start + offset, count, group.PromptStart, prompt ? 0 : group.PromptLength, start, offset + count);
        }
    }

    private struct ForwardJob : IRangeJob
    {
        public Pass Pass;

        public readonly void Execute(int from, int to, int worker)
        {
            for (int unit = from; unit < to; unit++)
            {
                (int head, GroupSpan group) = Pass.Unit(unit);
                Sequence(worker, group, head, group.PromptStart, group.PromptLength);
                foreach (ResponseSpan response in Pass.Responses(group))
                    Sequence(worker, group, head, response.Start, response.Rows);
            }
        }

        private readonly void Sequence(int worker, in GroupSpan group, int head, int start, int rows)
        {
            for (int offset = 0; offset < rows; offset += BlockQueries)
                Forward(worker, Block.Of(group, start, rows, offset), head);
        }

        private readonly void Forward(int worker, in Block block, int head)
        {
            Matrix p = Pass.Scores(worker, block, head);
            for (int i = 0; i < block.Count; i++)
            {
                float* row = p.Row(i);
                int visible = block.Visible(i);
                float shift = VectorMath.Max(row, visible) * Pass.Scale;
                double sum = VectorMath.ExpSum(row, row, visible, Pass.Scale, shift);
                VectorMath.Scale((float)(1 / sum), row, visible);
                new Span<float>(row + visible, p.Columns - visible).Clear();
                Pass.LogSum[((long)(block.Queries + i) * Pass.Shape.Heads) + head] = shift + (float)Math.Log(sum);
            }

            Pass.Multiply(worker, block, head, p);
        }
    }

    private struct BackwardJob : IRangeJob
    {
        public Pass Pass;
        public Matrix DOutput, DQkv;

        public readonly void Execute(int from, int to, int worker)
        {
            AttentionShape shape = Pass.Shape;
            for (int unit = from; unit < to; unit++)
            {
                (int keyHead, GroupSpan group) = Pass.Unit(unit);
                Clear(shape.Keys(DQkv, keyHead).SliceRows(group.PromptStart, group.RowCount));
                Clear(shape.Values(DQkv, keyHead).SliceRows(group.PromptStart, group.RowCount));
                for (int head = keyHead * shape.Sharing; head < (keyHead + 1) * shape.Sharing; head++)
                {
                    Sequence(worker, group, head, group.PromptStart, group.PromptLength);
                    foreach (ResponseSpan response in Pass.Responses(group))
                        Sequence(worker, group, head, response.Start, response.Rows);
                }
            }
        }

        private static void Clear(in Matrix matrix)
        {
            for (int i = 0; i < matrix.Rows; i++)
                matrix.RowSpan(i).Clear();
        }

        private readonly void Sequence(int worker, in GroupSpan group, int head, int start, int rows)
        {
            for (int offset = 0; offset < rows; offset += BlockQueries)
                Backward(worker, Block.Of(group, start, rows, offset), head);
        }

        // p = softmax(s): ds = p * (dp - sum(p * dp)), and sum(p * dp) = do . o (Dao et al., arXiv 2205.14135, section B.2).
        private readonly void Backward(int worker, in Block block, int head)
        {
            AttentionShape shape = Pass.Shape;
            int keyHead = head / shape.Sharing, d = shape.Dimension;
            Matrix p = Pass.Scores(worker, block, head);
            for (int i = 0; i < block.Count; i++)
            {
                int visible = block.Visible(i);
                float* row = p.Row(i);
                VectorMath.ExpSum(row, row, visible, Pass.Scale, Pass.LogSum[((long)(block.Queries + i) * shape.Heads) + head]);
                new Span<float>(row + visible, p.Columns - visible).Clear();
            }

            Matrix output = Pass.Multiply(worker, block, head, p);
            Matrix dOutput = DOutput.SliceColumns(head * d, d).SliceRows(block.Queries, block.Count);
            Matrix ds = Pass.Room(worker, ScratchSlot.ScoreGradients, block);
            Matrix v = shape.Values(Pass.Qkv, keyHead);
            Matrix dsShared = ds.SliceColumns(0, block.SharedCount), dsOwn = ds.SliceColumns(block.SharedCount, block.OwnCount);
            if (block.SharedCount > 0)
                Gemm.MultiplyOnWorker(Pass.Pool, worker, dOutput, v.SliceRows(block.Shared, block.SharedCount).T, dsShared, Update.Set);
            Gemm.MultiplyOnWorker(Pass.Pool, worker, dOutput, v.SliceRows(block.Own, block.OwnCount).T, dsOwn, Update.Set,
                block.Mask(CausalMaskKind.Product));
            for (int i = 0; i < block.Count; i++)
            {
                int visible = block.Visible(i);
                float* gradient = ds.Row(i);
                VectorMath.SoftmaxBackward(p.Row(i), gradient, visible, VectorMath.Dot(output.Row(i), dOutput.Row(i), d), Pass.Scale);
                new Span<float>(gradient + visible, ds.Columns - visible).Clear();
            }

            Matrix dq = shape.Queries(DQkv, head).SliceRows(block.Queries, block.Count);
            Matrix pOwn = p.SliceColumns(block.SharedCount, block.OwnCount);
            CausalMask left = block.Mask(CausalMaskKind.Left), leftTransposed = block.Mask(CausalMaskKind.LeftTransposed);
            Gemm.MultiplyOnWorker(Pass.Pool, worker, dsOwn, shape.Keys(Pass.Qkv, keyHead).SliceRows(block.Own, block.OwnCount), dq,
                Update.Set, left);
            Keys(worker, head, block, pOwn, dsOwn, dOutput, block.Own, leftTransposed);
            if (block.SharedCount == 0)
                return;
            Gemm.MultiplyOnWorker(Pass.Pool, worker, dsShared, shape.Keys(Pass.Qkv, keyHead).SliceRows(block.Shared, block.SharedCount), dq,
                Update.Add);
            Keys(worker, head, block, p.SliceColumns(0, block.SharedCount), dsShared, dOutput, block.Shared, default);
        }

        /// <summary>The block's part in the gradients of keys and values from row <paramref name="start"/> on, as many as
        /// <paramref name="p"/> has columns.</summary>
        private readonly void Keys(int worker, int head, in Block block, in Matrix p, in Matrix ds, in Matrix dOutput, int start,
            CausalMask mask)
        {
            AttentionShape shape = Pass.Shape;
            int keyHead = head / shape.Sharing, count = p.Columns;
            Matrix q = shape.Queries(Pass.Qkv, head).SliceRows(block.Queries, block.Count);
            Gemm.MultiplyOnWorker(Pass.Pool, worker, ds.T, q, shape.Keys(DQkv, keyHead).SliceRows(start, count), Update.Add, mask);
            Gemm.MultiplyOnWorker(Pass.Pool, worker, p.T, dOutput, shape.Values(DQkv, keyHead).SliceRows(start, count), Update.Add, mask);
        }
    }
}
