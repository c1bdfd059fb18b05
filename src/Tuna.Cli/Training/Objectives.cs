using System.Globalization;
using Tuna.Cli.Hosting;
using Tuna.Losses;

namespace Tuna.Cli.Training;

/// <summary>A training objective by name.</summary>
/// <param name="Name">As on the command line.</param>
/// <param name="About">What it is.</param>
/// <param name="Constants">Its constants by the names of their options, with its own values.</param>
/// <param name="Create">Makes it.</param>
internal sealed record Objective(string Name, string About, IReadOnlyList<(string Name, double Value)> Constants,
    Func<ObjectiveSettings, IRankingLoss> Create)
{
    /// <summary>Whether it compares pairs of candidates that can be selected.</summary>
    public bool TakesPairs { get; init; }

    /// <summary>Whether it sums in two ways.</summary>
    public bool TakesReduction { get; init; }

    /// <summary>Name, meaning and constants.</summary>
    public string Help =>
        $"{Name} ({About}{string.Concat(Constants.Select(c => string.Create(CultureInfo.InvariantCulture, $"; --{c.Name} {c.Value}")))})";

    /// <summary>The options that it takes, for a message.</summary>
    public string Takes
    {
        get
        {
            string[] options = [.. Constants.Select(c => "--" + c.Name), .. TakesPairs
                ? ["--pairs"] : Array.Empty<string>(), .. TakesReduction ? ["--reduction"] : Array.Empty<string>()];
            return options.Length == 0 ? "it takes none of these" : "it takes " + string.Join(", ", options);
        }
    }
}

/// <summary>Settings of an objective: what was given, its own values otherwise.</summary>
internal sealed record ObjectiveSettings(IReadOnlyDictionary<string, double> Constants, PairSelection Pairs, MarginReduction Reduction)
{
    public double Margin => Constants["margin"];

    public double Lambda => Constants["lambda"];

    public double Beta => Constants["beta"];

    public double Gamma => Constants["gamma"];

    public double ClipLow => Constants["clip-low"];

    public double ClipHigh => Constants["clip-high"];
}

/// <summary>The objectives of `tuna train`.</summary>
internal static class Objectives
{
    /// <summary>The paper's.</summary>
    public const string Usual = "tuna";

    public static IReadOnlyList<Objective> All { get; } =
    [
        new("tuna", "margin ranking loss + lambda x MLE of the reference response, Eq. 4 to 6", [("margin", 0.1), ("lambda", 1)],
            s => new MarginRankingLoss(s.Margin, s.Lambda, s.Reduction))
        {
            TakesReduction = true,
        },
        new("mle", "MLE of the reference response, Eq. 2", [], _ => new MaximumLikelihoodLoss(MaximumLikelihoodTarget.Reference)),
        new("mle-best", "MLE of the best candidate", [], _ => new MaximumLikelihoodLoss(MaximumLikelihoodTarget.BestCandidate)),
        new("mle-all", "MLE of all responses, the paper's Alpaca-Mul", [],
            _ => new MaximumLikelihoodLoss(MaximumLikelihoodTarget.AllResponses)),
        new("rrhf", "RRHF", [], _ => new RrhfLoss()),
        new("slic", "SLiC-HF; --margin is its delta", [("margin", 1), ("lambda", 0.1)], s => new SlicHfLoss(s.Margin, s.Lambda, s.Pairs))
        {
            TakesPairs = true,
        },
        new("dpo", "DPO", [("beta", 0.1)], s => new DpoLoss(s.Beta, s.Pairs)) { TakesPairs = true },
        new("ipo", "IPO; --beta is its tau", [("beta", 0.1)], s => new IpoLoss(s.Beta, s.Pairs)) { TakesPairs = true },
        new("simpo", "SimPO", [("beta", 2), ("gamma", 1)], s => new SimPoLoss(s.Beta, s.Gamma, s.Pairs)) { TakesPairs = true },
        new("orpo", "ORPO", [("lambda", 0.1)], s => new OrpoLoss(s.Lambda, s.Pairs)) { TakesPairs = true },
        new("pro", "PRO", [("beta", 0.05)], s => new ProLoss(s.Beta)),
        new("pro-scores", "PRO with temperatures from the scores", [("beta", 0.05)], s => new ProLoss(s.Beta, useTemperatures: true)),
        new("rso", "RSO hinge", [("gamma", 0.05)], s => new RsoHingeLoss(s.Gamma, s.Pairs)) { TakesPairs = true },
        new("lipo", "LiPO-lambda", [("beta", 0.1)], s => new LipoLambdaLoss(s.Beta)),
        new("listmle", "ListMLE on mean log-probabilities", [], _ => ListMleLoss.OnMeanLogProbs()),
        new("listmle-ratio", "ListMLE on log-ratios to a frozen policy", [("beta", 0.1)], s => ListMleLoss.OnLogRatios(s.Beta)),
        new("rloo", "REINFORCE with a leave-one-out baseline on the scores as rewards; --beta weighs the KL penalty", [("beta", 0.05)],
            s => new RlooLoss(s.Beta)),
        new("gspo", "GRPO at the level of sequences; --beta weighs a KL term", [("clip-low", 3e-4), ("clip-high", 4e-4), ("beta", 0)],
            s => new GspoLoss(s.ClipLow, s.ClipHigh, s.Beta)),
        new("gspo-unscaled", "gspo with rewards that are centred but not divided by their deviation",
            [("clip-low", 3e-4), ("clip-high", 4e-4), ("beta", 0)],
            s => new GspoLoss(s.ClipLow, s.ClipHigh, s.Beta, normalize: false)),
    ];

    /// <summary>What objectives need with the constants that were given, as options.</summary>
    /// <param name="mix">The objectives.</param>
    /// <param name="given">Options of a training; those that are no constants of an objective are passed over.</param>
    /// <exception cref="ArgumentOutOfRangeException">A constant is outside its range.</exception>
    public static LossNeeds NeedsOf(ObjectiveMix mix, IEnumerable<(string Option, string? Value)> given)
    {
        var values = given.ToList();
        return mix.Create(objective =>
        {
            Dictionary<string, double> constants = objective.Constants.ToDictionary(c => c.Name, c => c.Value, StringComparer.Ordinal);
            foreach ((string option, string? value) in values)
            {
                if (constants.ContainsKey(option.TrimStart('-'))
                    && double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double number))
                    constants[option.TrimStart('-')] = number;
            }

            return new(constants, PairSelection.AllPairs, MarginReduction.Paper);
        }).Needs;
    }
}
