using Tuna.Llama.Heads;
using Tuna.Policies;

namespace Tuna.Llama.Batches;

/// <summary>Groups laid out as rows without padding: each prompt once, then its responses; without their last tokens, which predict nothing, unless the head reads those.</summary>
/// <remarks>
/// The rows that the head reads and what it reads them for are listed once each, so that no two writes of a gradient meet in one place: sums stay
/// in one order on a GPU too.
/// </remarks>
internal sealed class PackedBatch
{
    private readonly HeadRows _head;

    private PackedBatch(HeadRows head, List<Segment> segments, int[] tokens, int[] positions, int[]? sourceRows, int responseCount)
    {
        _head = head;
        Segments = segments;
        Tokens = tokens;
        Positions = positions;
        SourceRows = sourceRows;
        ResponseCount = responseCount;
        Targets = head == HeadRows.LastToken ? PredictionTable.OfLastTokens(segments, responseCount) : PredictionTable.Build(segments, responseCount);
    }

    /// <summary>The groups.</summary>
    public IReadOnlyList<Segment> Segments { get; }

    /// <summary>Token id of every row, [N].</summary>
    public int[] Tokens { get; }

    /// <summary>Position of every row in its sequence, [N].</summary>
    public int[] Positions { get; }

    /// <summary>For a restricted batch, the row of each of its rows in the batch it was taken from, [N]; else null.</summary>
    public int[]? SourceRows { get; }

    /// <summary>Responses of the whole micro-batch, R, also of a restricted one.</summary>
    public int ResponseCount { get; }

    /// <summary>Which rows the head reads, and for what.</summary>
    public PredictionTable Targets { get; }

    /// <summary>Number of rows, N.</summary>
    public int RowCount => Tokens.Length;

    /// <summary>Lays out groups.</summary>
    public static PackedBatch Of(IReadOnlyList<TokenGroup> groups, HeadRows head)
    {
        var builder = new Builder(head);
        int response = 0;
        foreach (TokenGroup group in groups)
        {
            builder.StartGroup(group.Prompt.Span);
            foreach (ReadOnlyMemory<int> tokens in group.Responses)
                builder.AddResponse(response++, tokens);
            builder.EndGroup();
        }

        return builder.Build(null, response);
    }

    /// <summary>Lays out prompts alone.</summary>
    public static PackedBatch OfPrompts(IEnumerable<ReadOnlyMemory<int>> prompts)
    {
        var builder = new Builder(HeadRows.Predicting);
        foreach (ReadOnlyMemory<int> prompt in prompts)
        {
            builder.StartGroup(prompt.Span);
            builder.EndGroup();
        }

        return builder.Build(null, 0);
    }

    /// <summary>The batch without the responses that are not active, and without prompts that have none left.</summary>
    public PackedBatch Restrict(ReadOnlySpan<bool> active)
    {
        var builder = new Builder(_head);
        var rows = new List<int>(RowCount);
        foreach (Segment segment in Segments)
        {
            bool any = false;
            foreach (ResponseRows r in segment.Responses)
                any |= active[r.Index];
            if (!any)
                continue;
            builder.StartGroup(Tokens.AsSpan(segment.Start, segment.PromptLength));
            rows.AddRange(Enumerable.Range(segment.Start, segment.PromptLength));
            foreach (ResponseRows r in segment.Responses)
            {
                if (!active[r.Index])
                    continue;
                builder.AddResponse(r.Index, r.Tokens);
                rows.AddRange(Enumerable.Range(r.Start, r.Length));
            }

            builder.EndGroup();
        }

        return builder.Build([.. rows], ResponseCount);
    }

    private sealed class Builder(HeadRows head)
    {
        private readonly int _left = head == HeadRows.LastToken ? 0 : 1; // last tokens of a response that have no row
        private readonly List<int> _tokens = [];
        private readonly List<int> _positions = [];
        private readonly List<Segment> _segments = [];
        private readonly List<ResponseRows> _responses = [];
        private int _start;
        private int _promptLength;

        public void StartGroup(ReadOnlySpan<int> prompt)
        {
            _start = _tokens.Count;
            _promptLength = prompt.Length;
            AddRows(prompt, 0);
        }

        public void AddResponse(int index, ReadOnlyMemory<int> tokens)
        {
            ReadOnlySpan<int> rows = tokens.Span[..^_left];
            _responses.Add(new ResponseRows(index, _tokens.Count, rows.Length, tokens));
            AddRows(rows, _promptLength);
        }

        public void EndGroup()
        {
            _segments.Add(new Segment(_start, _promptLength, [.. _responses]));
            _responses.Clear();
        }

        public PackedBatch Build(int[]? sourceRows, int responseCount) => new(head, _segments, [.. _tokens], [.. _positions], sourceRows, responseCount);

        private void AddRows(ReadOnlySpan<int> tokens, int firstPosition)
        {
            for (int i = 0; i < tokens.Length; i++)
            {
                _tokens.Add(tokens[i]);
                _positions.Add(firstPosition + i);
            }
        }
    }
}

/// <summary>One group's rows.</summary>
/// <param name="Start">First row of the prompt.</param>
/// <param name="PromptLength">Prompt rows, P.</param>
/// <param name="Responses">The responses' rows, right after the prompt's.</param>
internal sealed record Segment(int Start, int PromptLength, IReadOnlyList<ResponseRows> Responses)
{
    /// <summary>Rows of the prompt and all responses.</summary>
    public int RowCount => PromptLength + Responses.Sum(r => r.Length);
}

/// <summary>One response's rows.</summary>
/// <param name="Index">The response's place in the micro-batch.</param>
/// <param name="Start">Its first row.</param>
/// <param name="Length">Its rows: T, or T - 1 where the last token has none.</param>
/// <param name="Tokens">All its tokens, [T].</param>
internal sealed record ResponseRows(int Index, int Start, int Length, ReadOnlyMemory<int> Tokens);
