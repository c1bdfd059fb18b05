using System.Globalization;
using System.Text;

namespace Tuna.Data.Groups;

/// <summary>What kept a row or a response out of the token groups, or changed it.</summary>
public enum TokenizationIssueKind
{
    /// <summary>Row rejected: the prompt leaves no room for a response.</summary>
    PromptTooLong,

    /// <summary>A candidate was left out: it does not fit.</summary>
    CandidateDropped,

    /// <summary>A candidate was cut at the budget and ends without an end-of-sequence token.</summary>
    CandidateTruncated,

    /// <summary>The reference response was left out: it does not fit.</summary>
    ReferenceDropped,

    /// <summary>The reference response was cut at the budget.</summary>
    ReferenceTruncated,

    /// <summary>A candidate without a score was left out.</summary>
    ScoreMissing,

    /// <summary>A candidate that repeats a better one was left out.</summary>
    DuplicateDropped,

    /// <summary>Row rejected: an over-long response or a missing score, by the options.</summary>
    RowRejected,

    /// <summary>Row rejected: too few candidates are left, or nothing at all.</summary>
    TooFewCandidates,

    /// <summary>Row rejected: the prompt template refuses its text, which holds one of the template's own markers.</summary>
    PromptRefused,

    /// <summary>Row rejected: a reference response is required, and there is none that fits.</summary>
    ReferenceMissing,

    /// <summary>A candidate was left out: the row has no log-probability of just these tokens.</summary>
    LogProbMissing,
}

/// <summary>One issue.</summary>
/// <param name="Id">The row.</param>
/// <param name="Kind">What happened.</param>
/// <param name="Candidate">The candidate's index in the row, or null when it concerns the prompt, the reference or the row.</param>
/// <param name="Tokens">The length in tokens that did not fit, or the number that fell short; 0 where there is none.</param>
/// <param name="Limit">The limit it met.</param>
/// <param name="Message">All of it as a sentence.</param>
public sealed record TokenizationIssue(string Id, TokenizationIssueKind Kind, int? Candidate, int Tokens, int Limit, string Message);

/// <summary>Counts what tokenization did. A mutable class, used by one thread.</summary>
public sealed class TokenizationReport
{
    private readonly int[] _counts = new int[Enum.GetValues<TokenizationIssueKind>().Length];
    private readonly List<TokenizationIssue> _issues = [];
    private readonly int _keep;

    /// <summary>Creates an empty report.</summary>
    /// <param name="keep">How many issues to keep in full, >= 0; all are counted. Default 100.</param>
    public TokenizationReport(int keep = 100)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(keep);
        _keep = keep;
    }

    /// <summary>Rows seen.</summary>
    public int Rows { get; private set; }

    /// <summary>Rows that became groups.</summary>
    public int Groups { get; private set; }

    /// <summary>Rows that did not.</summary>
    public int Rejected => Rows - Groups;

    /// <summary>Responses in the groups, references included.</summary>
    public long Responses { get; private set; }

    /// <summary>Tokens in the groups, each prompt counted once.</summary>
    public long Tokens { get; private set; }

    /// <summary>Length of the longest prompt with its longest response.</summary>
    public int LongestSequence { get; private set; }

    /// <summary>The first issues, in order.</summary>
    public IReadOnlyList<TokenizationIssue> Issues => _issues;

    /// <summary>How often something happened.</summary>
    public int Count(TokenizationIssueKind kind) => _counts[(int)kind];

    /// <inheritdoc/>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture,
            $"{Rows} rows: {Groups} groups, {Rejected} rejected; {Responses} responses, {Tokens} tokens, longest sequence "
            + $"{LongestSequence}");
        for (int kind = 0; kind < _counts.Length; kind++)
        {
            if (_counts[kind] > 0)
                text.Append(CultureInfo.InvariantCulture, $"; {(TokenizationIssueKind)kind}: {_counts[kind]}");
        }

        return text.ToString();
    }

    internal void Add(TokenizedExample example)
    {
        Rows++;
        foreach (TokenizationIssue issue in example.Issues)
        {
            _counts[(int)issue.Kind]++;
            if (_issues.Count < _keep)
                _issues.Add(issue);
        }

        if (example.Group is not { } group)
            return;
        Groups++;
        Responses += group.Responses.Count;
        Tokens += group.TokenCount;
        foreach (ReadOnlyMemory<int> response in group.Responses)
            LongestSequence = Math.Max(LongestSequence, group.Prompt.Length + response.Length);
    }
}
