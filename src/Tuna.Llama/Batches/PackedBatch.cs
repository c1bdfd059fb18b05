using Tuna.Policies;

namespace Tuna.Llama.Batches;

/// <summary>Groups laid out as rows without padding: each prompt once, and its responses without their last tokens, which predict nothing,
/// unless the head reads those.</summary>
/// <remarks>
/// First the prompts that several responses share, then those responses, then the groups of one response or none, whose rows are one
/// sequence each. So one attention over all the sequences, and one of the shared prompts' responses to their prompts, are all that a layer
/// needs, whatever the groups. The rows that the head reads and what it reads them for are listed once each, so that no two writes of a
/// gradient meet in one place: sums stay in one order on a GPU too.
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
        Targets = head == HeadRows.LastToken
            ? PredictionTable.OfLastTokens(segments, responseCount) : PredictionTable.Build(segments, responseCount);
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

    /// <summary>Rows of the prompts that several responses share, from row 0 on.</summary>
    public int SharedRows { get; private init; }

    /// <summary>Rows of those responses, right after.</summary>
    public int SharingRows { get; private init; }

    /// <summary>Lays out groups.</summary>
    public static PackedBatch Of(IReadOnlyList<TokenGroup> groups, HeadRows head)
    {
        int response = 0;
        return Lay([.. groups.Select(g => new Group(g.Prompt, [.. g.Responses.Select(r => (response++, r))], null))], head, response);
    }

    /// <summary>Lays out prompts alone.</summary>
    public static PackedBatch OfPrompts(IEnumerable<ReadOnlyMemory<int>> prompts) =>
        Lay([.. prompts.Select(p => new Group(p, [], null))], HeadRows.Predicting, 0);

    /// <summary>The batch without the responses that are not active, and without prompts that have none left.</summary>
    public PackedBatch Restrict(ReadOnlySpan<bool> active)
    {
        var groups = new List<Group>();
        foreach (Segment segment in Segments)
        {
            var kept = new List<(int, ReadOnlyMemory<int>)>();
            var rows = new Dictionary<int, int>();
            foreach (ResponseRows r in segment.Responses)
            {
                if (!active[r.Index])
                    continue;
                kept.Add((r.Index, r.Tokens));
                rows[r.Index] = r.Start;
            }

            if (kept.Count > 0)
                groups.Add(new Group(Tokens.AsMemory(segment.Start, segment.PromptLength), kept, new Source(segment.Start, rows)));
        }

        return Lay(groups, _head, ResponseCount);
    }

    private static PackedBatch Lay(List<Group> groups, HeadRows head, int responseCount)
    {
        int left = head == HeadRows.LastToken ? 0 : 1; // last tokens of a response that have no row
        var rows = new Rows(groups.Count > 0 && groups[0].Source is not null);
        var starts = new int[groups.Count];
        var responses = new ResponseRows[groups.Count][];
        int shared = 0, sharing = 0;
        for (int g = 0; g < groups.Count; g++)
        {
            responses[g] = new ResponseRows[groups[g].Responses.Count];
            if (Shares(groups[g]))
                starts[g] = rows.Add(groups[g].Prompt.Span, 0, groups[g].Source?.Prompt);
        }

        shared = rows.Count;
        foreach (bool several in new[] { true, false })
        {
            for (int g = 0; g < groups.Count; g++)
            {
                if (Shares(groups[g]) != several)
                    continue;
                if (!several)
                    starts[g] = rows.Add(groups[g].Prompt.Span, 0, groups[g].Source?.Prompt);
                for (int r = 0; r < responses[g].Length; r++)
                {
                    (int index, ReadOnlyMemory<int> tokens) = groups[g].Responses[r];
                    int start = rows.Add(tokens.Span[..^left], groups[g].Prompt.Length, groups[g].Source?.Responses[index]);
                    responses[g][r] = new ResponseRows(index, start, tokens.Length - left, tokens);
                }
            }

            if (several)
                sharing = rows.Count - shared;
        }

        List<Segment> segments = [.. groups.Select((g, i) => new Segment(starts[i], g.Prompt.Length, responses[i]))];
        return new PackedBatch(head, segments, rows.Tokens, rows.Positions, rows.Sources, responseCount)
        {
            SharedRows = shared,
            SharingRows = sharing,
        };

        bool Shares(Group group) => group.Responses.Count(r => r.Tokens.Length > left) > 1;
    }

    /// <summary>Lengths of the sequences that see themselves causally, in the order of their rows: shared prompts, their responses, the
    /// other groups whole.</summary>
    public List<int> SequenceLengths()
    {
        List<int> lengths = [.. Shared().Select(s => s.PromptLength)];
        lengths.AddRange(Shared().SelectMany(s => s.Responses).Select(r => r.Length).Where(n => n > 0));
        lengths.AddRange(Segments.Where(s => s.Start >= SharedRows).Select(s => s.RowCount));
        return lengths;
    }

    /// <summary>The groups whose prompt several responses share, in the order of their rows.</summary>
    public IEnumerable<Segment> Shared() => Segments.Where(s => s.Start < SharedRows);

    private sealed record Group(ReadOnlyMemory<int> Prompt, IReadOnlyList<(int Index, ReadOnlyMemory<int> Tokens)> Responses,
        Source? Source);

    /// <summary>Where a group's rows were in the batch that it is taken from.</summary>
    private sealed record Source(int Prompt, Dictionary<int, int> Responses);

    private sealed class Rows(bool restricted)
    {
        private readonly List<int> _tokens = [];
        private readonly List<int> _positions = [];
        private readonly List<int> _sources = [];

        public int Count => _tokens.Count;

        public int[] Tokens => [.. _tokens];

        public int[] Positions => [.. _positions];

        public int[]? Sources => restricted ? [.. _sources] : null;

        public int Add(ReadOnlySpan<int> tokens, int firstPosition, int? source)
        {
            int start = _tokens.Count;
            for (int i = 0; i < tokens.Length; i++)
            {
                _tokens.Add(tokens[i]);
                _positions.Add(firstPosition + i);
                _sources.Add((source ?? 0) + i);
            }

            return start;
        }
    }
}

/// <summary>One group's rows.</summary>
/// <param name="Start">First row of the prompt.</param>
/// <param name="PromptLength">Prompt rows, P.</param>
/// <param name="Responses">The responses' rows; right after the prompt's where there is one response.</param>
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
