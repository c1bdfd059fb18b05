using Tuna.Llama.Managed.Kernels;
using Tuna.Policies;

namespace Tuna.Llama.Managed.Model;

/// <summary>What a head reads of a response.</summary>
internal enum HeadRows
{
    /// <summary>The rows that predict its tokens: the prompt's last and its own but the last.</summary>
    EveryTarget,

    /// <summary>The row of its last token.</summary>
    LastToken,

    /// <summary>All rows, those of the prompt too.</summary>
    EveryRow,
}

/// <summary>Which token rows a micro-batch computes, and which of them predict what.</summary>
/// <remarks>
/// A group's prompt is there once, then its responses one after the other. The prompt's last row predicts every response's first token;
/// a response's last token predicts nothing, so that its row is left out unless the head reads it. Arrays are reused from batch to batch.
/// </remarks>
internal sealed class BatchLayout
{
    private int[] _tokens = [];
    private int[] _positions = [];
    private int[] _rows = [];
    private int[] _headRows = [];
    private int[] _targetStarts = [];
    private int[] _targetTokens = [];
    private int[] _targetResponses = [];
    private GroupSpan[] _groups = [];
    private ResponseSpan[] _responses = [];
    private int[] _responseTokens = [];
    private int _groupCount, _responseCount, _responseTokenCount, _headCount, _targetCount;

    /// <summary>Token rows, N.</summary>
    public int RowCount { get; private set; }

    /// <summary>Responses of the micro-batch that this layout was made for, whether or not they are in it, R.</summary>
    public int TotalResponses { get; private set; }

    /// <summary>Longest sequence, in positions.</summary>
    public int LongestSequence { get; private set; }

    /// <summary>Token id of each row, [N].</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, RowCount);

    /// <summary>Position of each row in its sequence, [N].</summary>
    public ReadOnlySpan<int> Positions => _positions.AsSpan(0, RowCount);

    /// <summary>All rows: 0 to N - 1.</summary>
    public ReadOnlySpan<int> Rows => _rows.AsSpan(0, RowCount);

    public ReadOnlySpan<GroupSpan> Groups => _groups.AsSpan(0, _groupCount);

    public ReadOnlySpan<ResponseSpan> Responses => _responses.AsSpan(0, _responseCount);

    /// <summary>The rows as attention sees them.</summary>
    public AttentionRows Attention => new(Groups, Responses, RowCount, LongestSequence);

    /// <summary>Rows that the head reads, increasing.</summary>
    public ReadOnlySpan<int> HeadRows => _headRows.AsSpan(0, _headCount);

    /// <summary>First target of each of <see cref="HeadRows"/> and the total.</summary>
    public ReadOnlySpan<int> TargetStarts => _targetStarts.AsSpan(0, _headCount + 1);

    /// <summary>Token ids of a response.</summary>
    public ReadOnlySpan<int> ResponseTokens(in ResponseSpan response) => _responseTokens.AsSpan(response.FirstToken, response.Length);

    /// <summary>What the head rows predict: token ids.</summary>
    public ReadOnlySpan<int> TargetTokens => _targetTokens.AsSpan(0, _targetCount);

    /// <summary>The response that each target belongs to.</summary>
    public ReadOnlySpan<int> TargetResponses => _targetResponses.AsSpan(0, _targetCount);

    /// <summary>Lays out whole groups.</summary>
    /// <param name="groups">The micro-batch.</param>
    /// <param name="head">What the head reads.</param>
    public void Build(IReadOnlyList<TokenGroup> groups, HeadRows head) => Build(groups, 0, groups.Count, head);

    /// <summary>Lays out the groups <paramref name="from"/> .. <paramref name="to"/>; responses are numbered from 0.</summary>
    public void Build(IReadOnlyList<TokenGroup> groups, int from, int to, HeadRows head)
    {
        Clear();
        for (int g = from; g < to; g++)
        {
            TokenGroup group = groups[g];
            BeginGroup(group.Prompt.Span);
            for (int r = 0; r < group.Responses.Count; r++)
                AddResponse(group.Responses[r].Span, TotalResponses++, group.Prompt.Length, head);
            EndGroup(head);
        }
    }

    /// <summary>Lays out one sequence without a response; <see cref="Model.HeadRows.EveryTarget"/> is its last row.</summary>
    public void BuildPrompt(ReadOnlySpan<int> tokens, HeadRows head)
    {
        Clear();
        AddPrompt(tokens, head);
    }

    /// <summary>Appends a sequence without a response to those there are.</summary>
    public void AddPrompt(ReadOnlySpan<int> tokens, HeadRows head)
    {
        BeginGroup(tokens);
        EndGroup(head);
    }

    /// <summary>Lays out the responses of another layout whose gradient is not zero, with their prompts; all others are left out.</summary>
    /// <param name="source">The layout of the forward pass.</param>
    /// <param name="gradient">dL/d(output) of each response, [R].</param>
    /// <param name="head">What the head reads.</param>
    /// <param name="rows">Receives the row of <paramref name="source"/> for each row here; at least as long as the source has rows.</param>
    /// <param name="headPlaces">Receives the place among the source's <see cref="HeadRows"/> for each of those here; at least as long as
    /// they are.</param>
    public void BuildActive(BatchLayout source, ReadOnlySpan<double> gradient, HeadRows head, Span<int> rows, Span<int> headPlaces)
    {
        Clear();
        TotalResponses = source.TotalResponses;
        foreach (GroupSpan group in source.Groups)
        {
            ReadOnlySpan<ResponseSpan> responses = source.Responses.Slice(group.FirstResponse, group.ResponseCount);
            bool active = false;
            foreach (ResponseSpan response in responses)
                active |= gradient[response.Index] != 0;
            if (!active)
                continue;
            Map(rows, group.PromptStart, group.PromptLength);
            BeginGroup(source.Tokens.Slice(group.PromptStart, group.PromptLength));
            foreach (ResponseSpan response in responses)
            {
                if (gradient[response.Index] == 0)
                    continue;
                Map(rows, response.Start, response.Rows);
                AddResponse(source.ResponseTokens(response), response.Index, group.PromptLength, head);
            }

            EndGroup(head);
        }

        for (int u = 0, place = 0; u < _headCount; u++, place++)
        {
            while (source.HeadRows[place] != rows[_headRows[u]])
                place++;
            headPlaces[u] = place;
        }
    }

    private void Map(Span<int> rows, int start, int count)
    {
        for (int i = 0; i < count; i++)
            rows[RowCount + i] = start + i;
    }

    private void Clear()
    {
        RowCount = LongestSequence = TotalResponses = 0;
        _groupCount = _responseCount = _responseTokenCount = _headCount = _targetCount = 0;
        Grow(ref _targetStarts, 1);
        _targetStarts[0] = 0;
    }

    private void BeginGroup(ReadOnlySpan<int> prompt)
    {
        Grow(ref _groups, _groupCount + 1);
        _groups[_groupCount] = new GroupSpan(RowCount, prompt.Length, _responseCount, 0, 0);
        AddRows(prompt, 0);
    }

    /// <summary>Closes a group: now that its responses are known, lists what the head reads.</summary>
    private void EndGroup(HeadRows head)
    {
        GroupSpan group = _groups[_groupCount];
        group = group with { RowCount = RowCount - group.PromptStart, ResponseCount = _responseCount - group.FirstResponse };
        _groups[_groupCount++] = group;
        if (head == Model.HeadRows.LastToken)
        {
            for (int r = group.FirstResponse; r < _responseCount; r++)
            {
                AddHeadRow(_responses[r].Start + _responses[r].Rows - 1);
                AddTarget(0, _responses[r].Index);
                CloseHeadRow();
            }

            return;
        }

        if (head == Model.HeadRows.EveryRow)
        {
            for (int i = 0; i < group.RowCount; i++)
            {
                AddHeadRow(group.PromptStart + i);
                CloseHeadRow();
            }

            return;
        }

        AddHeadRow(group.PromptStart + group.PromptLength - 1);
        for (int r = group.FirstResponse; r < _responseCount; r++)
            AddTarget(_responseTokens[_responses[r].FirstToken], _responses[r].Index);
        CloseHeadRow();
        for (int r = group.FirstResponse; r < _responseCount; r++)
        {
            ResponseSpan response = _responses[r];
            for (int i = 0; i < response.Rows; i++)
            {
                AddHeadRow(response.Start + i);
                AddTarget(_responseTokens[response.FirstToken + i + 1], response.Index);
                CloseHeadRow();
            }
        }
    }

    private void AddResponse(ReadOnlySpan<int> tokens, int index, int promptLength, HeadRows head)
    {
        Grow(ref _responses, _responseCount + 1);
        Grow(ref _responseTokens, _responseTokenCount + tokens.Length);
        tokens.CopyTo(_responseTokens.AsSpan(_responseTokenCount));
        int rows = head == Model.HeadRows.LastToken ? tokens.Length : tokens.Length - 1;
        _responses[_responseCount++] = new ResponseSpan(RowCount, rows, index, _responseTokenCount, tokens.Length);
        _responseTokenCount += tokens.Length;
        LongestSequence = Math.Max(LongestSequence, promptLength + tokens.Length);
        AddRows(tokens[..rows], promptLength);
    }

    private void AddRows(ReadOnlySpan<int> tokens, int position)
    {
        Grow(ref _tokens, RowCount + tokens.Length);
        Grow(ref _positions, RowCount + tokens.Length);
        Grow(ref _rows, RowCount + tokens.Length);
        tokens.CopyTo(_tokens.AsSpan(RowCount));
        for (int i = 0; i < tokens.Length; i++)
            (_positions[RowCount + i], _rows[RowCount + i]) = (position + i, RowCount + i);
        RowCount += tokens.Length;
        LongestSequence = Math.Max(LongestSequence, position + tokens.Length);
    }

    private void AddHeadRow(int row)
    {
        Grow(ref _headRows, _headCount + 1);
        _headRows[_headCount] = row;
    }

    private void AddTarget(int token, int response)
    {
        Grow(ref _targetTokens, _targetCount + 1);
        Grow(ref _targetResponses, _targetCount + 1);
        _targetTokens[_targetCount] = token;
        _targetResponses[_targetCount++] = response;
    }

    private void CloseHeadRow()
    {
        Grow(ref _targetStarts, _headCount + 2);
        _targetStarts[++_headCount] = _targetCount;
    }

    private static void Grow<T>(ref T[] array, int count)
    {
        if (array.Length < count)
            Array.Resize(ref array, Math.Max(count, Math.Max(16, 2 * array.Length)));
    }
}
