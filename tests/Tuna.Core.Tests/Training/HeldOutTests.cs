using Tuna.Losses;
using Tuna.Policies;
using Tuna.Testing;
using Tuna.Training;

namespace Tuna.Core.Tests.Training;

/// <summary>Measuring on rows that training does not see, keeping the best checkpoint and stopping early.</summary>
public sealed class HeldOutTests : IDisposable
{
    private static readonly TokenGroup[] Groups = TrainingFixtures.Groups(11);
    private static readonly TokenGroup[] Rows = TrainingFixtures.Groups(5, seed: 9);

    private readonly TempFolder _temp = new(inMemory: true);

    private TrainerOptions Watching => TrainingFixtures.Options with
    {
        Epochs = 8,
        LearningRate = 0.4,
        EvaluateEverySteps = 1,
        CheckpointEverySteps = 1,
        KeepCheckpoints = 1,
        WatchedMetric = HeldOutRows.Loss,
        RunFolder = _temp["run"],
    };

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void IsHeldOut_ManyIds_IsTheFractionAndDependsOnTheSeed()
    {
        string[] ids = [.. Enumerable.Range(0, 10_000).Select(i => "row-" + i)];
        int held = ids.Count(id => HeldOutRows.IsHeldOut(id, 0.2));
        Assert.InRange(held, 1880, 2120); // three standard deviations of a fair draw are 120
        int both = ids.Count(id => HeldOutRows.IsHeldOut(id, 0.2) && HeldOutRows.IsHeldOut(id, 0.2, 1));
        Assert.InRange(both, 340, 460);
        Assert.DoesNotContain(ids, id => HeldOutRows.IsHeldOut(id, 0));
        Assert.All(ids, id => Assert.True(HeldOutRows.IsHeldOut(id, 1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => HeldOutRows.IsHeldOut("x", double.NaN));
    }

    [Fact]
    public void Train_HeldOutRows_GivesWhatTheFinalWeightsGive()
    {
        using var policy = new BigramPolicy();
        TrainingResult result = new RankingTrainer(policy, new HingeLoss(), TrainingFixtures.Options)
            .Train(Groups, heldOut: new(Rows) { GroupsPerPass = 2 });
        IReadOnlyDictionary<string, double> found = result.Evaluations.Single().Evaluation;
        Assert.Equal(result.Steps, result.Evaluations[0].Step);

        double loss = 0, margin = 0, nll = 0;
        int pairs = 0, right = 0, tokens = 0;
        foreach (TokenGroup row in Rows)
        {
            double[] values = new double[row.Responses.Count];
            double[] scores = [.. row.Scores.Span, .. row.HasReference ? [double.NaN] : Array.Empty<double>()];
            policy.Score([row], values);
            int[] lengths = [.. row.Responses.Select(r => r.Length)];
            loss += new HingeLoss().Evaluate(new RankingBatch
            {
                Offsets = [0, values.Length],
                CandidateCounts = [row.CandidateCount],
                Values = values,
                Lengths = lengths,
                Scores = scores,
            }, new double[values.Length]) / Rows.Length;
            nll -= values[row.HasReference ? ^1 : 0];
            tokens += lengths[row.HasReference ? ^1 : 0];
            for (int j = 0; j < row.CandidateCount; j++)
            {
                for (int k = j + 1; k < row.CandidateCount; k++)
                {
                    if (scores[j] == scores[k])
                        continue;
                    double difference = (values[j] / lengths[j]) - (values[k] / lengths[k]);
                    pairs++;
                    right += difference > 0 ? 1 : 0;
                    margin += difference;
                }
            }
        }

        Assert.InRange(pairs, 2, 40);
        Assert.Equal(loss, found[HeldOutRows.Loss], 1e-12);
        Assert.Equal((double)right / pairs, found[HeldOutRows.PairAccuracy], 1e-12);
        Assert.Equal(margin / pairs, found[HeldOutRows.Margin], 1e-12);
        Assert.Equal(nll / tokens, found[HeldOutRows.Nll], 1e-12);
    }

    [Fact]
    public void Train_HeldOutRows_AreMeasuredAtTheirStepsWithoutChangingTraining()
    {
        using BigramPolicy plain = new(), measured = new();
        TrainingResult without = new RankingTrainer(plain, new HingeLoss(), TrainingFixtures.Options).Train(Groups);
        TrainingResult with = new RankingTrainer(measured, new HingeLoss(), TrainingFixtures.Options with
        {
            EvaluateEverySteps = 3,
            RunFolder = _temp["run"],
        }).Train(Groups, evaluate: (step, _) => new Dictionary<string, double> { ["own"] = step }, heldOut: new(Rows));
        Assert.Equal(without.History, with.History);
        Assert.True(plain.Table.SequenceEqual(measured.Table));
        Assert.Equal([3L, 4L], with.Evaluations.Select(e => e.Step));
        Assert.Equal([3.0, 4.0], with.Evaluations.Select(e => e.Evaluation["own"]));
        Assert.Equal(with.Evaluations.Select(e => e.Evaluation[HeldOutRows.Loss]),
            MetricsFile.Read(_temp["run", MetricsFile.FileName]).Evaluations.Select(e => e.Evaluation[HeldOutRows.Loss]));
    }

    [Fact]
    public void Train_LossWithAFrozenPolicy_MeasuresWithItsLogProbs()
    {
        using BigramPolicy policy = new(), frozen = new(seed: 2);
        TrainingResult result = new RankingTrainer(policy, new ReferenceLoss(), TrainingFixtures.Options with { LearningRate = 1e-6 })
            .Train(Groups, ReferenceLogProbs.Score(frozen, Groups), heldOut: new(Rows)
            {
                Reference = ReferenceLogProbs.Score(frozen, Rows),
            });
        double[] values = new double[Rows.Sum(r => r.Responses.Count)], reference = new double[values.Length];
        policy.Score(Rows, values);
        frozen.Score(Rows, reference);
        Assert.Equal(values.Zip(reference).Sum(p => Math.Pow(p.First - (2 * p.Second), 2)) / 2 / Rows.Length,
            result.Evaluations.Single().Evaluation[HeldOutRows.Loss], 1e-9);
    }

    [Fact]
    public void Train_BestIsLongAgo_ItIsKeptAndGivesTheWeights()
    {
        using var policy = new BigramPolicy();
        TrainingResult result = new RankingTrainer(policy, new HingeLoss(), Watching with { EndWithBest = true })
            .Train(Groups, heldOut: new(Rows));
        TrainingEvaluation best = result.Evaluations.MinBy(e => e.Evaluation[HeldOutRows.Loss])!;
        Assert.InRange(best.Step, 1, result.Steps - 3);
        Assert.Equal((best.Step, best.Evaluation[HeldOutRows.Loss], false), (result.BestStep, result.BestValue, result.StoppedEarly));
        Assert.Equal([TrainingCheckpoint.FolderName(result.Steps, 0), TrainingCheckpoint.FolderName(best.Step, 0)],
            TrainingCheckpoint.Folders(_temp["run"]).Select(f => Path.GetFileName(f)));
        using BigramPolicy kept = BigramPolicy.Load(_temp["run", TrainingCheckpoint.FolderName(best.Step, 0)]);
        Assert.True(kept.Table.SequenceEqual(policy.Table));
    }

    [Fact]
    public void Train_EndWithLast_LeavesTheLastWeights()
    {
        using BigramPolicy plain = new(), watched = new();
        new RankingTrainer(plain, new HingeLoss(), Watching with { WatchedMetric = null, RunFolder = null }).Train(Groups);
        new RankingTrainer(watched, new HingeLoss(), Watching).Train(Groups, heldOut: new(Rows));
        Assert.True(plain.Table.SequenceEqual(watched.Table));
    }

    [Fact]
    public void Train_RisingMetric_KeepsTheHighest()
    {
        double[] values = [1, 3, 2, 5, 4, 0, 1, 2, 3, 4, 4, 4, 4, 4, 4, 4];
        TrainingResult result = new RankingTrainer(new BigramPolicy(), new HingeLoss(), Watching with
        {
            WatchedMetric = "own",
            WatchedMetricRises = true,
        }).Train(Groups, evaluate: (step, _) => new Dictionary<string, double> { ["own"] = values[step - 1] });
        Assert.Equal((4, 5), (result.BestStep, result.BestValue));
        Assert.Contains(TrainingCheckpoint.FolderName(4, 0), TrainingCheckpoint.Folders(_temp["run"]).Select(f => Path.GetFileName(f)));
    }

    [Fact]
    public void Train_NewestCheckpointDamaged_TheBestOfTheOneBeforeIsStillThere()
    {
        double[] values = [9, 1, 5, 5, 5, 0.5, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6];
        TrainerOptions options = Watching with { WatchedMetric = "own", KeepCheckpoints = 2, EndWithBest = true };
        var evaluate = (long step, CancellationToken _) => (IReadOnlyDictionary<string, double>)new Dictionary<string, double>
        {
            ["own"] = step == 7 ? throw new IOException("stopped") : values[step - 1],
        };
        Assert.Throws<IOException>(() =>
            new RankingTrainer(new BigramPolicy(), new HingeLoss(), options).Train(Groups, evaluate: evaluate));
        // Of the two newest, 6 is the best by itself and 5 names 2.
        Assert.Equal(["checkpoint-00000006", "checkpoint-00000005", "checkpoint-00000002"],
            TrainingCheckpoint.Folders(_temp["run"]).Select(f => Path.GetFileName(f)));
        File.Delete(_temp["run", "checkpoint-00000006", "model.safetensors"]);
        TrainingResult result = new RankingTrainer(new BigramPolicy(), new HingeLoss(), options)
            .Train(Groups, evaluate: (step, _) => new Dictionary<string, double> { ["own"] = step == 6 ? 7 : values[step - 1] });
        Assert.Equal((5, 2), (result.ResumedFromStep, result.BestStep));
    }

    [Theory]
    [InlineData(new[] { 5.0, 4, 4, 4, 3 }, 2, 0.0, 4)]
    [InlineData(new[] { 5.0, 4, 4, 3, 3, 3 }, 2, 0.0, 6)]
    [InlineData(new[] { 5.0, double.NaN, double.PositiveInfinity, 1 }, 2, 0.0, 3)]
    [InlineData(new[] { 5.0, 4.7, 4.4, 4.1, 3.8, 3.5 }, 3, 0.5, 0)] // two small steps make one that counts
    [InlineData(new[] { 5.0, 4.9, 4.8, 4.7, 4.6 }, 3, 0.5, 4)]
    [InlineData(new[] { double.NaN, double.NaN, double.NaN }, 3, 0.0, 3)]
    public void After_Values_StopWhenPatienceIsOver(double[] values, int patience, double improvement, int stops)
    {
        var options = new TrainerOptions { WatchedMetric = "x", Patience = patience, MinimumImprovement = improvement };
        var state = new WatchState();
        int stopped = 0;
        for (int i = 0; i < values.Length && stopped == 0; i++)
        {
            state = state.After(i + 1, values[i], options);
            stopped = state.Stopped ? i + 1 : 0;
        }

        Assert.Equal(stops, stopped);
    }

    [Fact]
    public void Train_NothingBetterForLong_StopsAndStaysStopped()
    {
        TrainerOptions options = Watching with { WatchedMetric = "own", Patience = 3 };
        static IReadOnlyDictionary<string, double> Evaluate(long step, CancellationToken token) =>
            new Dictionary<string, double> { ["own"] = Math.Abs(step - 4) };
        TrainingResult result = new RankingTrainer(new BigramPolicy(), new HingeLoss(), options).Train(Groups, evaluate: Evaluate);
        Assert.Equal((7, 4, true), (result.Steps, result.BestStep, result.StoppedEarly));
        TrainingResult again = new RankingTrainer(new BigramPolicy(), new HingeLoss(), options)
            .Train(Groups, evaluate: (_, _) => throw new InvalidOperationException("The run is over."));
        Assert.Equal((7, 7, 4, true), (again.ResumedFromStep, again.Steps, again.BestStep, again.StoppedEarly));
        Assert.Equal(result.History, again.History);
    }

    [Fact]
    public void Train_BestCheckpointGone_IsSaidBeforeAnyStep()
    {
        TrainerOptions options = Watching with { EndWithBest = true };
        TrainingResult result = new RankingTrainer(new BigramPolicy(), new HingeLoss(), options).Train(Groups, heldOut: new(Rows));
        Directory.Delete(_temp["run", TrainingCheckpoint.FolderName(result.BestStep, 0)], recursive: true);
        var trainer = new RankingTrainer(new BigramPolicy(), new HingeLoss(), options);
        Assert.Contains("best checkpoint", Assert.Throws<InvalidDataException>(() => trainer.Train(Groups, heldOut: new(Rows))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Train_BestCheckpointDamaged_IsNotUsed()
    {
        TrainerOptions options = Watching with { EndWithBest = true };
        TrainingResult result = new RankingTrainer(new BigramPolicy(), new HingeLoss(), options).Train(Groups, heldOut: new(Rows));
        string file = _temp["run", TrainingCheckpoint.FolderName(result.BestStep, 0), "model.safetensors"];
        byte[] bytes = File.ReadAllBytes(file);
        bytes[^1] ^= 1;
        File.WriteAllBytes(file, bytes);
        var trainer = new RankingTrainer(new BigramPolicy(), new HingeLoss(), options);
        Assert.Contains("model.safetensors", Assert.Throws<InvalidDataException>(() => trainer.Train(Groups, heldOut: new(Rows))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Train_OtherHeldOutRows_AreRefused()
    {
        TrainingFixturesRun(new(Rows));
        foreach (HeldOutRows? other in new HeldOutRows?[] { null, new(Rows[1..]), new(Rows) { GroupsPerPass = 3 } })
            Assert.Contains("HeldOut", Assert.Throws<InvalidOperationException>(() => TrainingFixturesRun(other)).Message,
                StringComparison.Ordinal);

        void TrainingFixturesRun(HeldOutRows? rows) =>
            new RankingTrainer(new BigramPolicy(), new HingeLoss(), TrainingFixtures.Options with { RunFolder = _temp["run"] })
                .Train(Groups, heldOut: rows);
    }

    [Fact]
    public void Train_WhatCannotBeMeasured_IsRefusedBeforeTheFirstStep()
    {
        using var policy = new BigramPolicy { At = at => Assert.Fail(at) };
        var loss = new MeanOfReferences();
        TokenGroup[] complete = [.. Groups.Where(g => g.HasReference)];
        string lacking = Rows.First(r => !r.HasReference).Id;
        Refused($"Held-out group '{lacking}'", new(Rows), Watching, loss, complete);
        Refused("no held-out rows", new([]), Watching);
        Refused("no evaluation", null, Watching);
        Refused("'speed'", new(Rows), Watching with { WatchedMetric = "speed" });
        Refused("held-out rows too", new(Rows), Watching, new ReferenceLoss(),
            reference: ReferenceLogProbs.Score(new BigramPolicy(), Groups));

        void Refused(string expected, HeldOutRows? rows, TrainerOptions options, IRankingLoss? with = null, TokenGroup[]? groups = null,
            ReferenceLogProbs? reference = null) =>
            Assert.Contains(expected, Assert.Throws<ArgumentException>(() => new RankingTrainer(policy, with ?? new HingeLoss(), options)
                .Train(groups ?? Groups, reference, heldOut: rows)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Train_EvaluationWithoutTheWatchedMetric_SaysWhatItGives()
    {
        var trainer = new RankingTrainer(new BigramPolicy(), new HingeLoss(), Watching with { WatchedMetric = "accuracy" });
        Assert.Contains("gives speed", Assert.Throws<InvalidOperationException>(
            () => trainer.Train(Groups, evaluate: (_, _) => new Dictionary<string, double> { ["speed"] = 1 })).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Train_Observer_IsToldOfTheRunSoFarAndOfEachStep()
    {
        TrainerOptions options = Watching with { Epochs = 2, EvaluateEverySteps = 2 };
        using var cancel = new CancellationTokenSource();
        var first = new Told { OnStep = step => { if (step == 3) cancel.Cancel(); } };
        Assert.ThrowsAny<OperationCanceledException>(() => new RankingTrainer(new BigramPolicy(), new HingeLoss(), options)
            .Train(Groups, heldOut: new(Rows), observer: first, cancellationToken: cancel.Token));
        Assert.Equal("started 0 0, step 1, step 2, evaluation 2, step 3", string.Join(", ", first.Heard));
        var second = new Told();
        new RankingTrainer(new BigramPolicy(), new HingeLoss(), options).Train(Groups, heldOut: new(Rows), observer: second);
        Assert.Equal("started 3 1, step 4, evaluation 4", string.Join(", ", second.Heard));
    }

    private sealed class Told : ITrainingObserver
    {
        public List<string> Heard { get; } = [];

        public Action<long>? OnStep { get; init; }

        public void Started(IReadOnlyList<TrainingStep> steps, IReadOnlyList<TrainingEvaluation> evaluations) =>
            Heard.Add($"started {steps.Count} {evaluations.Count}");

        public void StepDone(TrainingStep step)
        {
            Heard.Add($"step {step.Step}");
            OnStep?.Invoke(step.Step);
        }

        public void Evaluated(TrainingEvaluation evaluation) => Heard.Add($"evaluation {evaluation.Step}");
    }

    private sealed class MeanOfReferences : IRankingLoss
    {
        public LossNeeds Needs { get; } = new() { ReferenceResponse = true };

        public LossDescription Describe() => new(nameof(MeanOfReferences));

        public double Evaluate(in RankingBatch batch, Span<double> gradient) => throw new InvalidOperationException("Nothing is trained.");
    }
}
