namespace Tuna.Losses.Tests;

/// <summary>What may be added to a group's log-probabilities without changing a loss.</summary>
internal enum Shift
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>The same number for every candidate.</summary>
    Sum,

    /// <summary>The same number per token for every candidate.</summary>
    Mean,
}

/// <summary>A loss with the plain formula it must equal.</summary>
internal sealed record LossCase(string Name, IRankingLoss Loss, Func<IReadOnlyList<TestGroup>, double> Reference, Shift Shift = Shift.None)
{
    /// <summary>Whether the gradient is that of the value: not where what is constant for it depends on the policy.</summary>
    public bool HasIntegral { get; init; } = true;

    /// <summary>Whether the value is at least 0 for log-probabilities: not that of a policy gradient.</summary>
    public bool IsPenalty { get; init; } = true;

    public static IReadOnlyList<LossCase> All { get; } =
    [
        new("margin", new MarginRankingLoss(), g => MarginRankingLossTests.Paper(g, 0.1, 1)),
        new("margin, lambda 0", new MarginRankingLoss(0.5, 0), g => MarginRankingLossTests.Paper(g, 0.5, 0), Shift.Mean),
        new("margin, released", new MarginRankingLoss(0.1, 1, MarginReduction.Released), g => MarginRankingLossTests.Released(g, 0.1, 1)),
        new("margin, released, lambda 0", new MarginRankingLoss(0.2, 0, MarginReduction.Released),
            g => MarginRankingLossTests.Released(g, 0.2, 0), Shift.Mean),
        new("mle", new MaximumLikelihoodLoss(), g => g.Average(MaximumLikelihoodLossTests.OfReference)),
        new("mle, best", new MaximumLikelihoodLoss(MaximumLikelihoodTarget.BestCandidate),
            g => g.Average(MaximumLikelihoodLossTests.OfBest)),
        new("mle, all", new MaximumLikelihoodLoss(MaximumLikelihoodTarget.AllResponses), g => g.Average(MaximumLikelihoodLossTests.OfAll)),
        new("rrhf", new RrhfLoss(), g => g.Average(RrhfLossTests.Reference)),
        .. Pairwise("slic-hf", p => new SlicHfLoss(5, 0.3, p), (p, g) => SlicHfLossTests.Reference(g, 5, 0.3, p)),
        .. Pairwise("dpo", p => new DpoLoss(0.1, p), (p, g) => DpoLossTests.Reference(g, 0.1, p), Shift.Sum),
        .. Pairwise("ipo", p => new IpoLoss(0.2, p), (p, g) => IpoLossTests.Reference(g, 0.2, p), Shift.Sum),
        .. Pairwise("rso", p => new RsoHingeLoss(0.3, p), (p, g) => RsoHingeLossTests.Reference(g, 0.3, p), Shift.Sum),
        .. Pairwise("simpo", p => new SimPoLoss(2.5, 0.7, p), (p, g) => SimPoLossTests.Reference(g, 2.5, 0.7, p), Shift.Mean),
        .. Pairwise("own, mean", p => new OwnLoss(ResponseMeasure.MeanLogProb, p, 2.5, 0.7),
            (p, g) => SimPoLossTests.Reference(g, 2.5, 0.7, p), Shift.Mean),
        .. Pairwise("own, ratio", p => new OwnLoss(ResponseMeasure.LogRatio, p, 0.1, 0), (p, g) => DpoLossTests.Reference(g, 0.1, p),
            Shift.Sum),
        .. Pairwise("own, value", p => new OwnLoss(ResponseMeasure.Value, p, 1, 0), (p, g) => PairwiseLogisticLossTests.Reference(g, p),
            Shift.Sum),
        .. Pairwise("orpo", p => new OrpoLoss(0.4, p), (p, g) => OrpoLossTests.Reference(g, 0.4, p)),
        .. Pairwise("bradley-terry", p => new PairwiseLogisticLoss(p), (p, g) => PairwiseLogisticLossTests.Reference(g, p), Shift.Sum),
        new("listmle, mean", ListMleLoss.OnMeanLogProbs(), g => g.Average(x => ListMleLossTests.Reference(x, x.Mean)), Shift.Mean),
        new("listmle, ratio", ListMleLoss.OnLogRatios(0.2), g => g.Average(x => ListMleLossTests.Reference(x, k => 0.2 * x.Ratio(k))),
            Shift.Sum),
        new("listmle, raw", ListMleLoss.OnRawValues(), g => g.Average(x => ListMleLossTests.Reference(x, k => x.LogProbs[k])), Shift.Sum),
        new("pro", new ProLoss(0.7), g => g.Average(x => ProLossTests.Reference(x, 0.7, false))),
        new("pro, beta 0", new ProLoss(0), g => g.Average(x => ProLossTests.Reference(x, 0, false)), Shift.Mean),
        new("pro, temperatures", new ProLoss(0.05, true), g => g.Average(x => ProLossTests.Reference(x, 0.05, true))),
        new("lipo-lambda", new LipoLambdaLoss(0.1), g => g.Average(x => LipoLambdaLossTests.Reference(x, 0.1)), Shift.Sum),
        new("rloo, beta 0", new RlooLoss(0), g => g.Average(x => RlooLossTests.Reference(x, 0)), Shift.Sum) { IsPenalty = false },
        new("rloo", new RlooLoss(0.2), g => g.Average(x => RlooLossTests.Reference(x, 0.2)), Shift.Sum)
        {
            HasIntegral = false,
            IsPenalty = false,
        },
        new("gspo", new GspoLoss(0.2, 0.3), g => g.Average(x => GspoLossTests.Reference(x, 0.2, 0.3, 0, true))) { IsPenalty = false },
        new("gspo, kl", new GspoLoss(0.1, 0.1, 0.7), g => g.Average(x => GspoLossTests.Reference(x, 0.1, 0.1, 0.7, true)))
        {
            IsPenalty = false,
        },
        new("gspo, not normalized", new GspoLoss(0.2, 0.2, 0, false), g => g.Average(x => GspoLossTests.Reference(x, 0.2, 0.2, 0, false)))
        {
            IsPenalty = false,
        },
        new("mixed, dpo and mle", new MixedLoss((1, new DpoLoss(0.1)), (0.2, new MaximumLikelihoodLoss())),
            g => g.Average(x => DpoLossTests.Reference(x, 0.1, PairSelection.AllPairs)
                + (0.2 * MaximumLikelihoodLossTests.OfReference(x)))),
        new("mixed, three", new MixedLoss((0.5, new SimPoLoss(2.5, 0.7)), (2, new RrhfLoss()), (1e-3, new LipoLambdaLoss(0.1))),
            g => g.Average(x => (0.5 * SimPoLossTests.Reference(x, 2.5, 0.7, PairSelection.AllPairs)) + (2 * RrhfLossTests.Reference(x))
                + (1e-3 * LipoLambdaLossTests.Reference(x, 0.1)))),
        new("mixed, rewards and mle", new MixedLoss((1, new GspoLoss(0.2, 0.3)), (0.2, new MaximumLikelihoodLoss())),
            g => g.Average(x => GspoLossTests.Reference(x, 0.2, 0.3, 0, true) + (0.2 * MaximumLikelihoodLossTests.OfReference(x))))
        {
            IsPenalty = false,
        },
    ];

    public static TheoryData<string> Names => [.. All.Select(c => c.Name)];

    public static LossCase Get(string name) => All.Single(c => c.Name == name);

    private static IEnumerable<LossCase> Pairwise(string name, Func<PairSelection, IRankingLoss> loss,
        Func<PairSelection, TestGroup, double> reference, Shift shift = Shift.None) =>
        Enum.GetValues<PairSelection>().Select(p => new LossCase($"{name}, {p}", loss(p), g => g.Average(x => reference(p, x)), shift));
}
