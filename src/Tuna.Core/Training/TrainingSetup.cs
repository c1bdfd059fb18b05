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

    public required HeldOutRows? HeldOut { get; init; }

    public required ITrainingObserver? Observer { get; init; }

    public bool Evaluates => Evaluate is not null || HeldOut is not null;

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
                + $"{nameof(ReferenceLogProbs)}.{nameof(ReferenceLogProbs.GetOrScore)}.", nameof(Reference));
        CheckRows(Groups, Reference, needs, loss.Name, "");
        CheckEvaluation(needs, loss.Name);
        Fingerprint = Options.Fingerprint();
        Fingerprint["Loss"] = loss.ToString();
        Fingerprint["Policy"] = $"{Model.Info.ParameterCount} parameters, vocabulary {Model.Info.VocabularySize}";
        if (HeldOut is not null)
            Fingerprint["HeldOut"] =
                $"{HeldOut.GroupsPerPass} "
                    + $"{GroupHash.DataSet(HeldOut.Groups, needs.ReferencePolicy ? HeldOut.Reference : null, needs.OldPolicy)}";
        DataFingerprint = GroupHash.DataSet(Groups, needs.ReferencePolicy ? Reference : null, needs.OldPolicy);
        return this;
    }

    private void CheckEvaluation(LossNeeds needs, string loss)
    {
        if (HeldOut is { } rows)
        {
            ArgumentNullException.ThrowIfNull(rows.Groups, nameof(HeldOut));
            ArgumentOutOfRangeException.ThrowIfLessThan(rows.GroupsPerPass, 1, nameof(HeldOutRows.GroupsPerPass));
            if (rows.Groups.Count == 0)
                throw new ArgumentException("There are no held-out rows to measure on; give some, or null to measure on none.");
            if (needs.ReferencePolicy && rows.Reference is null)
                throw new ArgumentException($"{loss} needs the reference policy's log-probabilities of the held-out rows too.");
            CheckRows(rows.Groups, rows.Reference, needs, loss, "held-out ");
        }
        if (Options.WatchedMetric is not { } metric)
            return;
        if (!Evaluates)
            throw new ArgumentException(
                $"{nameof(TrainerOptions.WatchedMetric)} is '{metric}', but there is no evaluation: give held-out rows or an evaluation.");
        if (Evaluate is null && !HeldOutRows.Names.Contains(metric, StringComparer.Ordinal))
            throw new ArgumentException($"{nameof(TrainerOptions.WatchedMetric)} is '{metric}', which held-out rows do not give; they give "
                + $"{string.Join(", ", HeldOutRows.Names)}.");
    }

    private void CheckRows(IReadOnlyList<TokenGroup> groups, ReferenceLogProbs? reference, LossNeeds needs, string loss, string which)
    {
        if (reference is not null && reference.Count != groups.Count)
            throw new ArgumentException(
                $"There are {groups.Count} {which}groups, but reference log-probabilities of {reference.Count}.", nameof(reference));
        Model.Info.CheckGroups(groups);
        for (int i = 0; i < groups.Count; i++)
        {
            TokenGroup group = groups[i];
            string named = which.Length == 0 ? "Group" : "Held-out group";
            if (Missing(group, needs) is { } missing)
                throw new ArgumentException(
                    $"{named} '{group.Id}': {missing}, which {loss} needs. Leave the row out or complete it; nothing was trained.",
                    nameof(groups));
            if (reference is not null && reference[i].Length != group.Responses.Count)
                throw new ArgumentException(
                    $"{named} '{group.Id}' has {group.Responses.Count} responses, but {reference[i].Length} reference log-probabilities.",
                    nameof(reference));
        }
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
