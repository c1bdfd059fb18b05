using System.Diagnostics.CodeAnalysis;
using Tuna.Data;
using Tuna.Policies;
using Tuna.Data.Prompts;
using Tuna.Tokenization;

namespace Tuna.Data.Groups;

/// <summary>Turns rows of text into token groups.</summary>
/// <remarks>
/// The prompt is encoded once, with the begin token in front; each response is encoded by itself and ends with the end-of-sequence token,
/// and their ids are joined. So the boundary between prompt and response is exact and every response of a group continues the same prompt
/// ids, which separate tokenizations of prompt and prompt + response do not guarantee. An empty response is the end-of-sequence token
/// alone: its length is 1, never 0. Immutable and thread-safe.
/// </remarks>
public sealed class GroupTokenizer
{
    private readonly ITokenizer _tokenizer;
    private readonly IPromptTemplate _template;
    private readonly IChatFormat? _chat;

    /// <summary>Creates a group tokenizer.</summary>
    /// <param name="tokenizer">Text to ids.</param>
    /// <param name="template">The prompt's form; Alpaca's when null. An <see cref="IChatFormat"/> is given the row's turns and writes all
    /// tokens itself.</param>
    /// <param name="options">Lengths and rules; the defaults when null.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public GroupTokenizer(ITokenizer tokenizer, IPromptTemplate? template = null, GroupTokenizerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        _tokenizer = tokenizer;
        _template = template ?? AlpacaPromptTemplate.Instance;
        _chat = _template as IChatFormat;
        Options = options ?? new();
        Options.Validate();
    }

    /// <summary>Lengths and rules.</summary>
    public GroupTokenizerOptions Options { get; }

    /// <summary>The prompt's ids, the begin token in front when the tokenizer has one, [P].</summary>
    /// <exception cref="ArgumentException">The template refuses the text, such as one with its own markers.</exception>
    public int[] EncodePrompt(string instruction, string? input = null) =>
        _chat is null ? EncodeFormatted(_template.Format(instruction, input))
            : _chat.EncodePrompt(Conversations.Question(instruction, input));

    /// <summary>The ids of a row's prompt, [P]: of its turns where the template knows turns.</summary>
    /// <exception cref="ArgumentException">The template refuses the prompt.</exception>
    public int[] EncodePrompt(InstructionExample row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return _chat is null ? EncodePrompt(row.Instruction, row.Input) : _chat.EncodePrompt(row.Turns());
    }

    /// <summary>The prompt's ids as <see cref="EncodePrompt(string, string?)"/> gives them, unless the template refuses the text: then the
    /// row is to be left out and named, and the others go on.</summary>
    /// <param name="instruction">The instruction.</param>
    /// <param name="input">Its input, or null.</param>
    /// <param name="prompt">The ids, [P]; empty where the text is refused.</param>
    /// <param name="refusal">Why it is refused: a sentence; null where it is not.</param>
    public bool TryEncodePrompt(string instruction, string? input, out int[] prompt, [NotNullWhen(false)] out string? refusal) =>
        TryEncode(() => EncodePrompt(instruction, input), out prompt, out refusal);

    /// <summary>The ids of a row's prompt as <see cref="EncodePrompt(InstructionExample)"/> gives them, unless the template refuses
    /// it.</summary>
    /// <param name="row">The row.</param>
    /// <param name="prompt">The ids, [P]; empty where the prompt is refused.</param>
    /// <param name="refusal">Why it is refused: a sentence; null where it is not.</param>
    public bool TryEncodePrompt(InstructionExample row, out int[] prompt, [NotNullWhen(false)] out string? refusal)
    {
        ArgumentNullException.ThrowIfNull(row);
        return TryEncode(() => EncodePrompt(row), out prompt, out refusal);
    }

    /// <summary>A response's ids, the end-of-sequence token last, [T], T >= 1.</summary>
    public int[] EncodeResponse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return [.. _tokenizer.Encode(text), _tokenizer.EosId];
    }

    /// <summary>Tokenizes a ranked row: its scored candidates best first, those of equal score in the row's order, then the
    /// reference.</summary>
    public TokenizedExample Tokenize(RankedExample row)
    {
        ArgumentNullException.ThrowIfNull(row);
        IReadOnlyList<ChatTurn>? turns = _chat is null ? null : row.Turns();
        return TryBuild(row.Id, () => Prompt(row.Instruction, row.Input, turns), build => Fill(row, turns, build));
    }

    private TokenizedExample Fill(RankedExample row, IReadOnlyList<ChatTurn>? turns, GroupBuilder build)
    {
        foreach ((int k, double score) in RankedCandidates(row, build))
            build.AddCandidate(k, Response(turns, row.Outputs[k]), score,
                (row.LogProbs.ElementAtOrDefault(k), row.TokenCounts.ElementAtOrDefault(k)));
        if (build.Rejected)
            return build.Result();
        build.RequireCandidates();
        if (Options.Reference != ReferenceSource.None && row.Reference is { } reference)
            build.SetReference(Response(turns, reference));
        build.CompleteReference();
        return build.Result();
    }

    /// <summary>Tokenizes an instruction-tuning row: a group with the reference response alone.</summary>
    /// <param name="row">The row.</param>
    /// <param name="id">Names the group when the row has no id.</param>
    public TokenizedExample Tokenize(InstructionExample row, string? id = null)
    {
        ArgumentNullException.ThrowIfNull(row);
        IReadOnlyList<ChatTurn>? turns = _chat is null ? null : row.Turns();
        return TryBuild(row.Id ?? id ?? "", () => Prompt(row.Instruction, row.Input, turns), build =>
        {
            build.SetReference(Response(turns, row.Output));
            return build.Result();
        });
    }

    /// <summary>Tokenizes every answer of the assistant in a conversation: a group for each, learned from what stands before it.</summary>
    /// <remarks>Where the chat format marks what the assistant writes (<see cref="IChatFormat.EncodeMarked"/>), the whole conversation is
    /// written once and the groups are its marks, named <c>id/answer-k</c>, the last one as the row. Elsewhere each answer is the last of
    /// a conversation of its own (<see cref="Conversations.EachAnswer"/>).</remarks>
    /// <param name="row">The row.</param>
    /// <param name="id">Names the groups when the row has no id.</param>
    public IEnumerable<TokenizedExample> TokenizeAnswers(InstructionExample row, string? id = null)
    {
        ArgumentNullException.ThrowIfNull(row);
        MarkedConversation? marked;
        try
        {
            marked = _chat?.EncodeMarked([.. row.Turns(), new("assistant", row.Output)]);
        }
        catch (ArgumentException e)
        {
            return [Refused(row.Id ?? id ?? "", Reason(e))];
        }

        return marked is null ? row.EachAnswer().Select(answer => Tokenize(answer, id)) : Answers(row.Id ?? id ?? "", marked);
    }

    private IEnumerable<TokenizedExample> Answers(string id, MarkedConversation conversation)
    {
        int[] ids = conversation.Ids.ToArray();
        if (conversation.Answers.Count == 0)
            yield return Refused(id, "the chat template marks nothing that the assistant writes.");
        for (int k = 0; k < conversation.Answers.Count; k++)
        {
            Range answer = conversation.Answers[k];
            // The very first token is drawn from nothing, so it is given.
            int start = Math.Max(1, answer.Start.GetOffset(ids.Length)), end = answer.End.GetOffset(ids.Length);
            if (start >= end)
                continue;
            string name = k == conversation.Answers.Count - 1 ? id
                : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{id}/answer-{k}");
            var build = new GroupBuilder(name, ids[..start], Options);
            if (!build.Rejected)
                build.SetReference(ids[start..end]);
            yield return build.Result();
        }
    }

    /// <summary>Tokenizes many ranked rows; rows that cannot be used are left out and reported.</summary>
    /// <param name="rows">The rows; they are read as the groups are taken.</param>
    /// <param name="report">Receives what happened.</param>
    public IEnumerable<TokenGroup> Tokenize(IEnumerable<RankedExample> rows, TokenizationReport? report = null)
    {
        ArgumentNullException.ThrowIfNull(rows);
        return Groups(rows.Select(Tokenize), report);
    }

    /// <summary>Tokenizes many instruction-tuning rows; a row without an id is named by its position.</summary>
    /// <inheritdoc cref="Tokenize(IEnumerable{RankedExample}, TokenizationReport)"/>
    public IEnumerable<TokenGroup> Tokenize(IEnumerable<InstructionExample> rows, TokenizationReport? report = null)
    {
        ArgumentNullException.ThrowIfNull(rows);
        return Groups(rows.Select((row, i) => Tokenize(row, i.ToString(System.Globalization.CultureInfo.InvariantCulture))), report);
    }

    /// <summary>Tokenizes every answer of many conversations, as <see cref="TokenizeAnswers(InstructionExample, string?)"/> does.</summary>
    /// <inheritdoc cref="Tokenize(IEnumerable{RankedExample}, TokenizationReport)" path="/param"/>
    public IEnumerable<TokenGroup> TokenizeAnswers(IEnumerable<InstructionExample> rows, TokenizationReport? report = null)
    {
        ArgumentNullException.ThrowIfNull(rows);
        return Groups(rows.SelectMany((row, i) => TokenizeAnswers(row, i.ToString(System.Globalization.CultureInfo.InvariantCulture))),
            report);
    }

    private int[] Prompt(string instruction, string? input, IReadOnlyList<ChatTurn>? turns) =>
        turns is null ? EncodePrompt(instruction, input) : _chat!.EncodePrompt(turns);

    private int[] Response(IReadOnlyList<ChatTurn>? turns, string text)
    {
        if (turns is null)
            return EncodeResponse(text);
        try
        {
            return _chat!.EncodeResponse(turns, text);
        }
        catch (ArgumentException e)
        {
            throw new RefusedException(e);
        }
    }

    // A template refuses text with its own markers. That concerns one row, which is named and left out like one that is too long.
    private TokenizedExample TryBuild(string id, Func<int[]> prompt, Func<GroupBuilder, TokenizedExample> fill)
    {
        if (!TryEncode(prompt, out int[] ids, out string? refusal))
            return Refused(id, refusal);
        var build = new GroupBuilder(id, ids, Options);
        if (build.Rejected)
            return build.Result();
        try
        {
            return fill(build);
        }
        catch (RefusedException e)
        {
            return Refused(id, Reason((ArgumentException)e.InnerException!));
        }
    }

    private static bool TryEncode(Func<int[]> encode, out int[] prompt, [NotNullWhen(false)] out string? refusal)
    {
        try
        {
            (prompt, refusal) = (encode(), null);
            return true;
        }
        catch (ArgumentException e)
        {
            (prompt, refusal) = ([], Reason(e));
            return false;
        }
    }

    private static string Reason(ArgumentException e) =>
        e.ParamName is { } name ? e.Message.Replace($" (Parameter '{name}')", "", StringComparison.Ordinal) : e.Message;

    private static TokenizedExample Refused(string id, string reason) =>
        new(null, [new(id, TokenizationIssueKind.PromptRefused, null, 0, 0, $"Row '{id}': {reason} The row was rejected.")]);

    private int[] EncodeFormatted(string prompt)
    {
        int[] ids = _tokenizer.Encode(prompt);
        return _tokenizer.BosId is { } bos ? [bos, .. ids] : ids;
    }

    private static IEnumerable<TokenGroup> Groups(IEnumerable<TokenizedExample> examples, TokenizationReport? report)
    {
        foreach (TokenizedExample example in examples)
        {
            report?.Add(example);
            if (example.Group is { } group)
                yield return group;
        }
    }

    private List<(int Candidate, double Score)> RankedCandidates(RankedExample row, GroupBuilder build)
    {
        if (row.Scores.Count != 0 && row.Scores.Count != row.Outputs.Count)
            throw new ArgumentException($"Row '{row.Id}' has {row.Outputs.Count} candidates but {row.Scores.Count} scores.", nameof(row));
        var ranked = new List<(int, double)>(row.Outputs.Count);
        double worst = 0;
        foreach (int k in row.Order())
        {
            worst = row.Scores[k]!.Value;
            ranked.Add((k, worst));
        }

        for (int k = 0; k < row.Outputs.Count && ranked.Count < row.Outputs.Count; k++)
        {
            if (k < row.Scores.Count && row.Scores[k] is not null)
                continue;
            if (Options.MissingScores == MissingScore.TieWithWorst)
                ranked.Add((k, worst));
            else
                build.MissingScore(k);
        }

        return ranked;
    }

    // A response that the chat format refuses; other errors of arguments are faults of the caller.
    private sealed class RefusedException(ArgumentException inner) : Exception(inner.Message, inner);
}

/// <summary>What became of a row.</summary>
/// <param name="Group">Its token group, or null when it was rejected.</param>
/// <param name="Issues">What was dropped, cut or rejected, and why.</param>
public sealed record TokenizedExample(TokenGroup? Group, IReadOnlyList<TokenizationIssue> Issues);
