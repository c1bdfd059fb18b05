using Microsoft.Extensions.Logging;
using Tuna.Distributed;
using Tuna.Losses;
using Tuna.Policies;

namespace Tuna.Training;

/// <summary>What a run is given, checked.</summary>
internal sealed record TrainingSetup
{
    public required ITrainableScorer Model { get; init; }

    public required IRankingLoss Loss { get; init; }

    public required TrainerOptions Options { get; init; }

    public required ILogger Logger { get; init; }

    public required TimeProvider Time { get; init; }

    public required IReadOnlyList<TokenGroup> Groups { get; init; }

    public required ReferenceLogProbs? Reference { get; init; }

    public required Func<long, CancellationToken, IReadOnlyDictionary<string, double>>? Evaluate { get; init; }

    public required IProgress<TrainingProgress>? Progress { get; init; }

    /// <summary>The processes that train together.</summary>
    public required IProcessGroup Group { get; init; }

    /// <summary>What decides the course of the run besides the data.</summary>
    public SortedDictionary<string, string> Fingerprint { get; private set; } = [];

    public string DataFingerprint { get; private set; } = "";

    /// <summary>Finds what would otherwise fail hours into a run, and fingerprints the rest.</summary>
    public TrainingSetup Check()
    {
        CheckGroup();
        if (Groups.Count == 0)
            throw new ArgumentException("There are no groups to train on.", nameof(Groups));
        LossDescription loss = Loss.Describe();
        LossNeeds needs = Loss.Needs;
        if (needs.ReferencePolicy && Reference is null)
            throw new ArgumentException(
                $"{loss.Name} needs the reference policy's log-probabilities; give them, for instance from a "
                + $"{nameof(ReferencePolicyCache)}.", nameof(Reference));
        if (Reference is not null && Reference.Count != Groups.Count)
            throw new ArgumentException($"There are {Groups.Count} groups, but reference log-probabilities of {Reference.Count}.",
                nameof(Reference));
        PolicyGuard.CheckGroups(Groups, Model.Info);
        for (int i = 0; i < Groups.Count; i++)
        {
            TokenGroup group = Groups[i];
            if (Missing(group, needs) is { } missing)
                throw new ArgumentException(
                    $"Group '{group.Id}': {missing}, which {loss.Name} needs. Leave the row out or complete it; nothing was trained.",
                    nameof(Groups));
            if (Reference is not null && Reference[i].Length != group.Responses.Count)
                throw new ArgumentException(
                    $"Group '{group.Id}' has {group.Responses.Count} responses, but {Reference[i].Length} reference log-probabilities.",
                    nameof(Reference));
        }

        Fingerprint = Options.Fingerprint();
        Fingerprint["Loss"] = loss.ToString();
        Fingerprint["Policy"] = $"{Model.Info.ParameterCount} parameters, vocabulary {Model.Info.VocabularySize}";
        DataFingerprint = GroupHash.DataSet(Groups, needs.ReferencePolicy ? Reference : null, needs.OldPolicy);
        return this;
    }

    private void CheckGroup()
    {
        if (Options.GradientLeaves % Group.Size != 0)
            throw new ArgumentException(
                $"{nameof(TrainerOptions.GradientLeaves)} is {Options.GradientLeaves}, which {Group.Size} processes cannot share; set it "
                + $"to {Group.Size}, or to a larger power of two.");
        if (Options.GradientLeaves > 1 && Model is not IDataParallelScorer)
            throw new ArgumentException(
                $"{nameof(TrainerOptions.GradientLeaves)} is {Options.GradientLeaves}, but {Model.GetType().Name} is no "
                + $"{nameof(IDataParallelScorer)}: it cannot sum leaves.");
    }

    private static string? Missing(TokenGroup group, LossNeeds needs)
    {
        if (needs.ReferenceResponse && !group.HasReference)
            return "there is no reference response";
        if (group.CandidateCount < needs.LeastCandidates)
            return $"there are {group.CandidateCount} candidates, fewer than the {needs.LeastCandidates}";
        if (needs.OldPolicy && group.OldPolicyLogProbs.Length != group.CandidateCount)
            return "there are no log-probabilities of the policy that drew its candidates (WithOldPolicy)";
        ReadOnlySpan<double> scores = group.Scores.Span;
        for (int k = 0; k < scores.Length; k++)
        {
            if (!(scores[k] < needs.ScoresBelow))
                return $"the score of candidate {k} is {scores[k]}, not below the {needs.ScoresBelow}";
        }
        return null;
    }
}
