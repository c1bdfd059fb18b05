using Tuna.Losses;
using Tuna.Cli.Hosting;

namespace Tuna.Cli.Training;

/// <summary>A training objective by name.</summary>
/// <param name="Name">As on the command line.</param>
/// <param name="About">What it is.</param>
/// <param name="Create">Makes it.</param>
/// <param name="LearnsReference">Whether every row must have its original response; null when it never must.</param>
internal sealed record Objective(string Name, string About, Func<ObjectiveSettings, IRankingLoss> Create, Func<ObjectiveSettings, bool>? LearnsReference = null);

/// <summary>Constants of objectives; null takes the objective's own default.</summary>
internal sealed record ObjectiveSettings(double? Margin, double? Lambda, double? Beta, double? Gamma, MarginReduction Reduction);

/// <summary>The objectives of `tuna train`.</summary>
internal static class Objectives
{
    public static IReadOnlyList<Objective> All { get; } =
    [
        new("tuna", "margin ranking loss + lambda x MLE of the original response (Eq. 4-6); --margin 0.1 --lambda 1", s => new MarginRankingLoss(s.Margin ?? 0.1, s.Lambda ?? 1, s.Reduction),
            s => s.Lambda != 0 && s.Reduction == MarginReduction.Paper),
        new("mle", "MLE of the original response (Eq. 2)", _ => new MaximumLikelihoodLoss(MaximumLikelihoodTarget.Reference), _ => true),
        new("mle-best", "MLE of the best candidate", _ => new MaximumLikelihoodLoss(MaximumLikelihoodTarget.BestCandidate)),
        new("mle-all", "MLE of all responses, the paper's Alpaca-Mul", _ => new MaximumLikelihoodLoss(MaximumLikelihoodTarget.AllResponses)),
        new("rrhf", "RRHF", _ => new RrhfLoss()),
        new("slic", "SLiC-HF; --margin is its delta, --lambda its regularizer", s => new SlicHfLoss(s.Margin ?? 1, s.Lambda ?? 0.1), s => s.Lambda != 0),
        new("dpo", "DPO over all pairs; --beta 0.1", s => new DpoLoss(s.Beta ?? 0.1)),
        new("ipo", "IPO; --beta is its tau, 0.1", s => new IpoLoss(s.Beta ?? 0.1)),
        new("simpo", "SimPO; --beta 2 --gamma 1", s => new SimPoLoss(s.Beta ?? 2, s.Gamma ?? 1)),
        new("orpo", "ORPO; --lambda 0.1", s => new OrpoLoss(s.Lambda ?? 0.1)),
        new("pro", "PRO; --beta 0.05", s => new ProLoss(s.Beta ?? 0.05)),
        new("rso", "RSO hinge; --gamma 0.05", s => new RsoHingeLoss(s.Gamma ?? 0.05)),
        new("lipo", "LiPO-lambda; --beta 0.1", s => new LipoLambdaLoss(s.Beta ?? 0.1)),
        new("listmle", "ListMLE on mean log-probabilities", _ => ListMleLoss.OnMeanLogProbs()),
    ];

    public static Objective Find(string name) => All.FirstOrDefault(o => o.Name == name) ?? throw new StageException($"There is no objective '{name}'.", ExitCodes.Usage);
}
