using Tuna.Data.Groups;
using Tuna.Policies;

namespace Tuna.Data.Groups;

/// <summary>Collects one group's responses under the options' rules and says what it left out.</summary>
internal sealed class GroupBuilder
{
    private readonly string _id;
    private readonly int[] _prompt;
    private readonly GroupTokenizerOptions _options;
    private readonly int _budget;
    private readonly List<ReadOnlyMemory<int>> _candidates = [];
    private readonly List<double> _scores = [];
    private readonly List<TokenizationIssue> _issues = [];
    private readonly List<double> _oldPolicy = [];
    private ReadOnlyMemory<int>? _reference;

    public GroupBuilder(string id, int[] prompt, GroupTokenizerOptions options)
    {
        _id = id;
        _prompt = prompt;
        _options = options;
        int room = options.MaxLength - prompt.Length;
        _budget = Math.Min(room, options.MaxResponseLength ?? int.MaxValue);
        if (prompt.Length == 0)
            Reject(TokenizationIssueKind.RowRejected, null, 0, 1, "the prompt has no tokens");
        else if (room < options.MinResponseRoom)
            Reject(TokenizationIssueKind.PromptTooLong, null, prompt.Length, options.MaxLength - options.MinResponseRoom,
                $"the prompt has {prompt.Length} tokens; at most {options.MaxLength - options.MinResponseRoom} leave room for a response "
                    + $"within {options.MaxLength}");
    }

    public bool Rejected { get; private set; }

    /// <summary>Adds a candidate, unless it does not fit.</summary>
    /// <param name="k">Its place in the row.</param>
    /// <param name="ids">Its tokens.</param>
    /// <param name="score">Its score.</param>
    /// <param name="drawn">Its log-probability and its length under the policy that drew it, where they are asked for.</param>
    public void AddCandidate(int k, int[] ids, double score, (double? LogProb, int? Tokens) drawn = default)
    {
        if (!double.IsFinite(score))
            throw new ArgumentException($"Row '{_id}': the score of candidate {k} is {score}; scores are finite.", nameof(score));
        if (Fit(ids, k, "candidate " + k, TokenizationIssueKind.CandidateDropped, TokenizationIssueKind.CandidateTruncated)
            is not { } response)
            return;
        if (_options.Duplicates == DuplicateCandidate.Drop && _candidates.Exists(c => c.Span.SequenceEqual(response.Span)))
        {
            Report(TokenizationIssueKind.DuplicateDropped, k, response.Length, 0, $"candidate {k} repeats a better one and was left out");
            return;
        }

        if (_options.OldPolicy)
        {
            if (drawn.LogProb is not { } logProb || drawn.Tokens != response.Length)
            {
                Report(TokenizationIssueKind.LogProbMissing, k, response.Length, drawn.Tokens ?? 0, drawn.LogProb is null
                    ? $"candidate {k} has no log-probability of the policy that drew it and was left out"
                    : $"candidate {k} has {response.Length} tokens here, its log-probability is that of {drawn.Tokens ?? 0}: left out");
                return;
            }

            _oldPolicy.Add(logProb);
        }

        _candidates.Add(response);
        _scores.Add(score);
    }

    public void SetReference(int[] ids) =>
        _reference = Fit(ids, null, "the reference", TokenizationIssueKind.ReferenceDropped, TokenizationIssueKind.ReferenceTruncated);

    /// <summary>Looks for a reference elsewhere, or rejects the row, where the row's own is missing or did not fit.</summary>
    public void CompleteReference()
    {
        if (Rejected || _reference is not null)
            return;
        if (_options.Reference == ReferenceSource.Required)
            Reject(TokenizationIssueKind.ReferenceMissing, null, 0, 0, "there is no reference response that fits");
        else if (_options.Reference == ReferenceSource.GivenOrBest && _candidates.Count > 0)
            _reference = _candidates[0];
    }

    public void MissingScore(int k)
    {
        if (_options.MissingScores == Groups.MissingScore.RejectRow)
            Reject(TokenizationIssueKind.RowRejected, k, 0, 0, $"candidate {k} has no score");
        else
            Report(TokenizationIssueKind.ScoreMissing, k, 0, 0, $"candidate {k} has no score and was left out");
    }

    public void RequireCandidates()
    {
        if (_candidates.Count < _options.MinCandidates)
            Reject(TokenizationIssueKind.TooFewCandidates, null, _candidates.Count, _options.MinCandidates,
                $"{_candidates.Count} candidates are left; at least {_options.MinCandidates} are needed");
    }

    public TokenizedExample Result()
    {
        if (!Rejected && _candidates.Count == 0 && _reference is null)
            Reject(TokenizationIssueKind.TooFewCandidates, null, 0, 1, "no response is left");
        return new(Rejected ? null : Group(), _issues);
    }

    private TokenGroup Group()
    {
        var group = new TokenGroup(_id, _prompt, _candidates, _scores.ToArray(), _reference);
        return _options.OldPolicy ? group.WithOldPolicy(_oldPolicy.ToArray()) : group;
    }

    private ReadOnlyMemory<int>? Fit(int[] ids, int? candidate, string what, TokenizationIssueKind dropped, TokenizationIssueKind truncated)
    {
        if (ids.Length <= _budget)
            return ids;
        string numbers = $"{what} has {ids.Length} tokens; {_budget} fit after a prompt of {_prompt.Length}";
        switch (_options.Overlong)
        {
            case OverlongResponse.Truncate:
                Report(truncated, candidate, ids.Length, _budget, numbers + ": cut there, without an end token");
                return ids.AsMemory(0, _budget);
            case OverlongResponse.RejectRow:
                Reject(TokenizationIssueKind.RowRejected, candidate, ids.Length, _budget, numbers);
                return null;
            default:
                Report(dropped, candidate, ids.Length, _budget, numbers + ": left out");
                return null;
        }
    }

    private void Reject(TokenizationIssueKind kind, int? candidate, int tokens, int limit, string text)
    {
        Rejected = true;
        Report(kind, candidate, tokens, limit, text + ": the row was rejected");
    }

    private void Report(TokenizationIssueKind kind, int? candidate, int tokens, int limit, string text) =>
        _issues.Add(new(_id, kind, candidate, tokens, limit, $"Row '{_id}': {text}."));
}
