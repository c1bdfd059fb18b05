using System.Diagnostics.Metrics;
using Tuna.Losses;
using Tuna.Policies;
using Tuna.Testing;
using Tuna.Training;

namespace Tuna.Core.Tests.Training;

public class RankingTrainerTests
{
    private static readonly TrainerOptions Options = TrainingFixtures.Options;

    private static (BigramPolicy Policy, TrainingResult Result) Train(TrainerOptions options, TokenGroup[] groups,
        IRankingLoss? loss = null, BigramPolicy? policy = null)
    {
        policy ??= new BigramPolicy();
        return (policy, new RankingTrainer(policy, loss ?? new HingeLoss(), options).Train(groups));
    }

    [Fact]
    public void Train_SeveralEpochs_LowersTheLossAndRanksBetter()
    {
        TokenGroup[] groups = TrainingFixtures.Groups(12);
        (_, TrainingResult result) = Train(Options with { Epochs = 40, MicroBatchesPerStep = 6 }, groups);
        Assert.Equal(40, result.Steps);
        Assert.True(result.FinalLoss < 0.8 * result.History[0].Loss, $"{result.History[0].Loss} -> {result.FinalLoss}");
        Assert.True(result.History[^1].PairAccuracy > result.History[0].PairAccuracy);
        Assert.True(result.History[^1].Margin > result.History[0].Margin);
    }

    [Theory]
    [InlineData(1, 5)]
    [InlineData(2, 3)]
    [InlineData(3, 2)]
    public void Train_AccumulatedMicroBatches_EqualOneBigBatch(int perMicroBatch, int microBatches)
    {
        // Five groups: the last micro-batch is smaller, and each group must still weigh a fifth.
        TokenGroup[] groups = TrainingFixtures.Groups(5);
        TrainerOptions big = Options with { GroupsPerMicroBatch = 5, MicroBatchesPerStep = 1, MaxGradientNorm = double.PositiveInfinity };
        (BigramPolicy a, TrainingResult whole) = Train(big, groups);
        (BigramPolicy b, TrainingResult parts) =
            Train(big with { GroupsPerMicroBatch = perMicroBatch, MicroBatchesPerStep = microBatches }, groups);
        Assert.Equal(whole.Steps, parts.Steps);
        foreach ((TrainingStep x, TrainingStep y) in whole.History.Zip(parts.History))
        {
            Assert.Equal(x.Loss, y.Loss, 1e-6 * Math.Abs(x.Loss));
            Assert.Equal(x.GradientNorm, y.GradientNorm, 1e-5 * x.GradientNorm); // gradients are summed in single precision
            Assert.Equal((x.Groups, x.Responses, x.Tokens, x.ActiveFraction), (y.Groups, y.Responses, y.Tokens, y.ActiveFraction));
        }
        // Adam divides by the gradient's size, so rounding of tiny gradients shows; 1e-3 of one update is far below any real difference.
        for (int i = 0; i < a.Table.Length; i++)
            Assert.Equal(a.Table[i], b.Table[i], 1e-3 * big.LearningRate);
    }

    [Fact]
    public void Train_MicroBatchesByTokens_TakeTheSameSteps()
    {
        TokenGroup[] groups = TrainingFixtures.Groups(17);
        (BigramPolicy byCount, TrainingResult counted) = Train(Options, groups);
        int passes = 0;
        var policy = new BigramPolicy();
        policy.At = at => passes += at == "forward" ? 1 : 0;
        (BigramPolicy byTokens, TrainingResult packed) = Train(Options with { MicroBatchTokens = 40 }, groups, policy: policy);
        Assert.Equal(counted.History.Select(s => (s.Groups, s.Responses, s.Tokens)),
            packed.History.Select(s => (s.Groups, s.Responses, s.Tokens)));
        for (int s = 0; s < counted.History.Count; s++)
            Assert.Equal(counted.History[s].Loss, packed.History[s].Loss, 1e-6);
        for (int i = 0; i < byCount.Table.Length; i++)
            Assert.Equal(byCount.Table[i], byTokens.Table[i], 1e-3f);
        Assert.NotEqual(2 * 9, passes); // by count there are 9 micro-batches an epoch
    }

    [Fact]
    public void MicroBatch_ByTokens_HoldsAsManyGroupsAsFit()
    {
        TokenGroup[] groups = TrainingFixtures.Groups(40);
        foreach (int most in new[] { 1, 12, 30, 1000 })
        {
            TrainerOptions options = Options with { MicroBatchTokens = most, GroupsPerMicroBatch = 3, MicroBatchesPerStep = 5 };
            var plan = new TrainingPlan(groups, options);
            Assert.Equal(3, plan.StepsPerEpoch);
            for (long step = 0; step < plan.TotalSteps; step++)
            {
                StepRange range = plan.Range(step);
                int[] whole = plan.Order(range.Epoch).Slice(range.First, range.Count).ToArray();
                List<int[]> batches = [.. Enumerable.Range(0, range.MicroBatches).Select(m => plan.MicroBatch(range, m).ToArray())];
                Assert.Equal(whole, batches.SelectMany(b => b));
                int Tokens(IEnumerable<int> batch) => batch.Sum(i => groups[i].TokenCount);
                Assert.All(batches, b => Assert.True(b.Length == 1 || Tokens(b) <= most));
                // None of the next one's groups would have fitted.
                Assert.All(batches.Zip(batches.Skip(1)), p => Assert.True(Tokens(p.First) + groups[p.Second[0]].TokenCount > most));
            }
        }
    }

    [Fact]
    public void Train_RowLacksWhatTheLossNeeds_IsNamedBeforeTheFirstStep()
    {
        var policy = new BigramPolicy { At = at => Assert.Fail($"{at}: nothing may be computed") };
        TokenGroup[] groups = TrainingFixtures.Groups(30); // every third has no reference response
        Refused("'g0'", new() { ReferenceResponse = true });
        Refused($"'{groups.First(g => g.CandidateCount < 3).Id}'", new() { LeastCandidates = 3 });
        var high = new TokenGroup("too high", new[] { 1 }, [new[] { 1 }, new[] { 2 }], new double[] { 2000, 1 });
        Refused("'too high'", new() { ScoresBelow = 1024 }, [.. groups, high]);
        Refused("reference policy", new() { ReferencePolicy = true });

        void Refused(string expected, LossNeeds needs, TokenGroup[]? data = null)
        {
            var trainer = new RankingTrainer(policy, new NeedyLoss(needs), Options);
            Assert.Contains(expected, Assert.Throws<ArgumentException>(() => trainer.Train(data ?? groups)).Message,
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Train_LossRefusesAMicroBatch_NamesItsRows()
    {
        TokenGroup[] groups = TrainingFixtures.Groups(6);
        var trainer = new RankingTrainer(new BigramPolicy(), new NeedyLoss(LossNeeds.Nothing, "Group 1: it cannot be."), Options with
        {
            Shuffle = false,
        });
        string message = Assert.Throws<ArgumentException>(() => trainer.Train(groups)).Message;
        Assert.Contains("Step 1", message, StringComparison.Ordinal);
        Assert.Contains("1 is 'g1'", message, StringComparison.Ordinal);
    }

    private sealed class NeedyLoss(LossNeeds needs, string? refusal = null) : IRankingLoss
    {
        public LossNeeds Needs => needs;

        public double Evaluate(in RankingBatch batch, Span<double> gradient) =>
            throw new ArgumentException(refusal ?? "no such call is expected");

        public LossDescription Describe() => new(nameof(NeedyLoss));
    }

    [Fact]
    public void Train_ScoreFirst_EqualsFusedAndPassesOnlyActiveResponses()
    {
        TokenGroup[] groups = TrainingFixtures.Groups(11);
        (BigramPolicy a, TrainingResult fused) = Train(Options, groups);
        int forwards = 0;
        var policy = new BigramPolicy();
        policy.At = at => forwards += at == "forward" ? 1 : 0;
        (BigramPolicy b, TrainingResult first) = Train(Options with { PassMode = PassMode.ScoreFirst }, groups, policy: policy);
        Assert.Equal(fused.History, first.History);
        Assert.True(a.Table.SequenceEqual(b.Table));
        int active = (int)first.History.Sum(s => Math.Round(s.ActiveFraction * s.Responses));
        Assert.Equal(active, forwards);
        Assert.True(active < first.History.Sum(s => s.Responses));
        Assert.Equal(a.BackwardResponses, b.BackwardResponses);
    }

    [Fact]
    public void Train_NothingActive_CostsNoBackward()
    {
        var policy = new BigramPolicy { At = at => Assert.NotEqual("backward", at) };
        (_, TrainingResult result) = Train(Options, TrainingFixtures.Groups(4), new HingeLoss(margin: -1e6, likelihood: 0), policy);
        Assert.All(result.History, s => Assert.Equal((0, 0, 0), (s.Loss, s.ActiveFraction, s.GradientNorm)));
    }

    [Fact]
    public void Train_GradientAboveTheLimit_IsScaledToIt()
    {
        TokenGroup[] groups = TrainingFixtures.Groups(6);
        (BigramPolicy policy, TrainingResult result) = Train(Options with { MaxGradientNorm = 0.01 }, groups);
        Assert.All(policy.Updates.Zip(result.History), u => Assert.Equal(0.01 / u.Second.GradientNorm, u.First.GradientScale, 1e-15));
        (policy, _) = Train(Options with { MaxGradientNorm = 1e9 }, groups);
        Assert.All(policy.Updates, u => Assert.Equal(1, u.GradientScale));
    }

    [Fact]
    public void Train_Schedule_ReachesTheOptimizer()
    {
        var schedule = LearningRateSchedule.Cosine with { WarmupSteps = 1, MinimumFactor = 0.1 };
        (BigramPolicy policy, TrainingResult result) = Train(Options with { Schedule = schedule, Epochs = 3 }, TrainingFixtures.Groups(7));
        Assert.Equal(6, policy.Updates.Count); // 7 groups, 6 per step: two steps an epoch
        for (int s = 0; s < 6; s++)
        {
            Assert.Equal(0.05 * schedule.Factor(s + 1, 6), policy.Updates[s].LearningRate);
            Assert.Equal(policy.Updates[s].LearningRate, result.History[s].LearningRate);
            Assert.Equal(s + 1, policy.Updates[s].Step);
            Assert.Equal((s / 2) + 1, result.History[s].Epoch);
            Assert.Equal(s % 2 == 0 ? 6 : 1, result.History[s].Groups);
        }
    }

    [Fact]
    public void Train_Shuffle_VisitsEachGroupOncePerEpochInAnOrderOfItsOwn()
    {
        var plan = new TrainingPlan(50, Options);
        int[] first = plan.Order(0).ToArray(), second = plan.Order(1).ToArray();
        Assert.Equal(Enumerable.Range(0, 50), first.Order());
        Assert.Equal(Enumerable.Range(0, 50), second.Order());
        Assert.NotEqual(first, second);
        Assert.Equal(first, plan.Order(0).ToArray());
        Assert.NotEqual(first, new TrainingPlan(50, Options with { Seed = 4 }).Order(0).ToArray());
        Assert.Equal(Enumerable.Range(0, 50), new TrainingPlan(50, Options with { Shuffle = false }).Order(1).ToArray());
    }

    [Theory]
    [InlineData(false, double.NaN)]
    [InlineData(false, double.PositiveInfinity)]
    [InlineData(true, double.NaN)]
    public void Train_NonFiniteLossOrGradient_ThrowsAndKeepsTheWeights(bool gradientOnly, double value)
    {
        TokenGroup[] groups = TrainingFixtures.Groups(12);
        float[] afterFirst = [];
        var policy = new BigramPolicy();
        policy.At = at => afterFirst = at == "applied" ? policy.Table.ToArray() : afterFirst;
        // Fourth micro-batch of three a step: the first of step 2.
        var loss = new SpoiltLoss(new HingeLoss(), call => call == 3, value, gradientOnly);
        var error = Assert.Throws<NonFiniteTrainingException>(() => Train(Options, groups, loss, policy));
        Assert.Equal(2, error.Step);
        Assert.Single(policy.Updates);
        Assert.True(policy.Table.SequenceEqual(afterFirst));
        Assert.Equal(0, policy.GradientNorm());
        var plan = new TrainingPlan(12, Options);
        string[] batch = plan.MicroBatch(plan.Range(1), 0).ToArray().Select(i => groups[i].Id).ToArray();
        Assert.Equal(gradientOnly ? batch[..1] : batch, error.GroupIds);
        Assert.Contains($"'{batch[0]}'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Train_NaNWeights_AreNoticedThoughAHingeHidesThem()
    {
        var policy = new BigramPolicy();
        policy.Table.Fill(float.NaN);
        // max(0, NaN) may well be 0: the log-probabilities themselves are looked at.
        Assert.Throws<NonFiniteTrainingException>(() => Train(Options, TrainingFixtures.Groups(6), new HingeLoss(likelihood: 0), policy));
        Assert.Empty(policy.Updates);
    }

    [Fact]
    public void Train_GradientNormOverflows_NamesTheStepsGroups()
    {
        TokenGroup[] groups = TrainingFixtures.Groups(6);
        // 1e300 is finite in double but infinite in the engine's single precision.
        var loss = new SpoiltLoss(new HingeLoss(), _ => true, 1e300, spoilGradientOnly: true);
        var policy = new BigramPolicy();
        var error = Assert.Throws<NonFiniteTrainingException>(() => Train(Options, groups, loss, policy));
        Assert.Equal(groups.Select(g => g.Id).Order(), error.GroupIds.Order());
        Assert.Empty(policy.Updates);
    }

    /// <summary>A checkpoint within a step once held an accumulated gradient that no engine loads again.</summary>
    [Fact]
    public void Train_GradientOverflowsBeforeACheckpointWithinTheStep_LeavesTheStepOutAndNeverSavesIt()
    {
        using var temp = new TempFolder(inMemory: true);
        TrainerOptions options = Options with
        {
            RunFolder = temp["run"],
            CheckpointEveryMicroBatches = 1,
            OnNonFinite = NonFiniteAction.SkipStep,
            KeepCheckpoints = 100,
        };
        // Fourth micro-batch of three a step: the first of step 2.
        (_, TrainingResult result) =
            Train(options, TrainingFixtures.Groups(12), new SpoiltLoss(new HingeLoss(), call => call == 3, 1e300, spoilGradientOnly: true));
        Assert.Equal(1, result.SkippedSteps);
        Assert.Contains("gradient norm", result.History[1].Skipped, StringComparison.Ordinal);
        IReadOnlyList<string> checkpoints = TrainingCheckpoint.Folders(temp["run"]);
        Assert.DoesNotContain(TrainingCheckpoint.FolderName(1, 1), checkpoints.Select(Path.GetFileName));
        Assert.Contains(TrainingCheckpoint.FolderName(2, 1), checkpoints.Select(Path.GetFileName));
        using var policy = new BigramPolicy();
        foreach (string checkpoint in checkpoints)
        {
            policy.LoadTrainingState(checkpoint);
            Assert.True(double.IsFinite(policy.GradientNorm()), checkpoint);
        }
    }

    [Fact]
    public void Train_SkipStep_LeavesTheStepOutWithinTheLimit()
    {
        TokenGroup[] groups = TrainingFixtures.Groups(12);
        TrainerOptions options = Options with { OnNonFinite = NonFiniteAction.SkipStep, MaxSkippedSteps = 1 };
        var policy = new BigramPolicy();
        // Call 4 is the second micro-batch of step 2; the rest of that step is left out, so call 5 belongs to step 3.
        TrainingResult result = new RankingTrainer(policy, new SpoiltLoss(new HingeLoss(), call => call == 4), options).Train(groups);
        Assert.Equal((4, 1), (result.Steps, result.SkippedSteps));
        Assert.NotNull(result.History[1].Skipped);
        Assert.True(double.IsNaN(result.History[1].Loss));
        Assert.All(result.History.Where(s => s.Step != 2), s => Assert.Null(s.Skipped));
        Assert.Equal([1, 2, 3], policy.Updates.Select(u => u.Step)); // the bias correction counts updates
        Assert.Throws<NonFiniteTrainingException>(() => Train(options, groups, new SpoiltLoss(new HingeLoss(), call => call % 3 == 0)));
    }

    [Fact]
    public void Train_Cancelled_ThrowsWithTheWeightsOfTheLastFinishedStep()
    {
        TokenGroup[] groups = TrainingFixtures.Groups(12);
        using var cancel = new CancellationTokenSource();
        float[] afterFirst = [];
        int forwards = 0;
        var policy = new BigramPolicy();
        policy.At = at =>
        {
            if (at == "applied")
                afterFirst = policy.Table.ToArray();
            if (at == "forward" && ++forwards == 5)
                cancel.Cancel();
        };
        var trainer = new RankingTrainer(policy, new HingeLoss(), Options);
        Assert.ThrowsAny<OperationCanceledException>(() => trainer.Train(groups, cancellationToken: cancel.Token));
        Assert.True(policy.Table.SequenceEqual(afterFirst));
        Assert.Equal(0, policy.GradientNorm());
    }

    [Fact]
    public void Train_Progress_ReportsSpeedAndRemainingTimeOfTheGivenClock()
    {
        var clock = new SteppingClock(TimeSpan.FromSeconds(2));
        var reports = new List<TrainingProgress>();
        TokenGroup[] groups = TrainingFixtures.Groups(12);
        var trainer = new RankingTrainer(new BigramPolicy(), new HingeLoss(), Options, timeProvider: clock);
        trainer.Train(groups, progress: new Collect(reports));
        Assert.Equal([1, 2, 3, 4], reports.Select(r => r.Metrics.Step));
        Assert.All(reports, r => Assert.Equal((4, 3.0, r.Metrics.Tokens / 2.0), (r.TotalSteps, r.GroupsPerSecond, r.TokensPerSecond)));
        Assert.Equal([6, 4, 2, 0], reports.Select(r => (int)r.Remaining.TotalSeconds));
    }

    [Fact]
    public void Train_Meter_CountsStepsGroupsAndTokens()
    {
        var totals = new Dictionary<string, double>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter.Name == TunaTelemetry.Name)
                l.EnableMeasurementEvents(instrument);
        };
        int thread = Environment.CurrentManagedThreadId; // other tests train at the same time
        void Add(Instrument instrument, double value)
        {
            if (Environment.CurrentManagedThreadId == thread)
                totals[instrument.Name] = totals.GetValueOrDefault(instrument.Name) + value;
        }
        listener.SetMeasurementEventCallback<long>((i, v, _, _) => Add(i, v));
        listener.SetMeasurementEventCallback<double>((i, v, _, _) => Add(i, v));
        listener.Start();
        (_, TrainingResult result) = Train(Options, TrainingFixtures.Groups(7));
        Assert.Equal(4, totals["tuna.training.steps"]);
        Assert.Equal(14, totals["tuna.training.groups"]);
        Assert.Equal(result.History.Sum(s => s.Tokens), totals["tuna.training.tokens"]);
        Assert.Equal(result.History.Sum(s => s.Loss), totals["tuna.training.loss"], 1e-9);
        Assert.True(totals["tuna.training.step.duration"] > 0);
    }

    [Fact]
    public void Train_Evaluation_RunsOnScheduleAndAtTheEnd()
    {
        var options = Options with { EvaluateEverySteps = 3 };
        TrainingResult result = new RankingTrainer(new BigramPolicy(), new HingeLoss(), options)
            .Train(TrainingFixtures.Groups(12), evaluate: (step, _) => new Dictionary<string, double> { ["twice"] = 2 * step });
        Assert.Equal([(3, 6), (4, 8)], result.Evaluations.Select(e => (e.Step, e.Evaluation["twice"])));
    }

    [Fact]
    public void Train_BadData_SaysWhichGroup()
    {
        var trainer = new RankingTrainer(new BigramPolicy(context: 5), new HingeLoss(), Options);
        Assert.Throws<ArgumentException>(() => trainer.Train([]));
        var outside = new TokenGroup("outside", new[] { 1 }, [new[] { 8 }], new double[1]);
        Assert.Contains("'outside'", Assert.Throws<ArgumentException>(() => trainer.Train([outside])).Message, StringComparison.Ordinal);
        var negative = new TokenGroup("negative", new[] { -1 }, [new[] { 7 }], new double[1]);
        Assert.Contains("'negative'", Assert.Throws<ArgumentException>(() => trainer.Train([negative])).Message, StringComparison.Ordinal);
        var tooLong = new TokenGroup("long", new[] { 1, 1, 1 }, [new[] { 1, 1, 1 }], new double[1]);
        Assert.Contains("'long'", Assert.Throws<ArgumentException>(() => trainer.Train([tooLong])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Train_LossNeedsReference_GetsEachGroupsOwnValues()
    {
        TokenGroup[] groups = TrainingFixtures.Groups(9);
        using var frozen = new BigramPolicy(seed: 9);
        ReferenceLogProbs reference = ReferenceLogProbs.Score(frozen, groups, groupsPerPass: 2);
        Assert.Throws<ArgumentException>(() => new RankingTrainer(new BigramPolicy(), new ReferenceLoss(), Options).Train(groups));
        Assert.Throws<ArgumentException>(() => new RankingTrainer(new BigramPolicy(), new ReferenceLoss(), Options)
            .Train(groups[1..], reference));

        using var policy = new BigramPolicy();
        double[] logProbs = new double[groups.Sum(g => g.Responses.Count)], frozenLogProbs = new double[logProbs.Length];
        policy.Score(groups, logProbs);
        frozen.Score(groups, frozenLogProbs);
        double expected = logProbs.Zip(frozenLogProbs, (p, q) => (p - (2 * q)) * (p - (2 * q)) / 2).Sum() / groups.Length;
        TrainingResult result = new RankingTrainer(policy, new ReferenceLoss(), Options with { MicroBatchesPerStep = 5 })
            .Train(groups, reference);
        Assert.Equal(expected, result.History[0].Loss, 1e-9 * expected);
    }

    private sealed class Collect(List<TrainingProgress> reports) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => reports.Add(value);
    }

    /// <summary>A clock that moves by a fixed time at each look.</summary>
    private sealed class SteppingClock(TimeSpan step) : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now += step.Ticks;
    }
}
