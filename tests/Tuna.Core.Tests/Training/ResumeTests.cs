using System.Text.Json.Nodes;
using Tuna.IO;
using Tuna.Losses;
using Tuna.Policies;
using Tuna.Testing;
using Tuna.Training;

namespace Tuna.Core.Tests.Training;

/// <summary>A run that is stopped anywhere and started again must end with the bytes of one that was not.</summary>
public sealed class ResumeTests : IDisposable
{
    // 11 groups, 2 per micro-batch, 3 micro-batches a step, 2 epochs: steps of 6 and 5 groups, the last micro-batch a single one.
    private static readonly TokenGroup[] Groups = TrainingFixtures.Groups(11);
    private static readonly TrainerOptions Options = TrainingFixtures.Options
        with { EvaluateEverySteps = 2, CheckpointEveryMicroBatches = 1, KeepCheckpoints = 2 };

    private readonly TempFolder _temp = new(inMemory: true);

    public void Dispose() => _temp.Dispose();

    public static TheoryData<string> Variants =>
        ["every micro-batch", "every step", "every third step", "at the end", "score first", "released at once", "by tokens", "watched"];

    private static TrainerOptions Variant(string name) => name switch
    {
        "every step" => Options with { CheckpointEveryMicroBatches = 0 },
        "every third step" => Options with { CheckpointEveryMicroBatches = 0, CheckpointEverySteps = 3, KeepCheckpoints = 1 },
        "asynchronous" => Options with { AsyncCheckpoints = true },
        "at the end" => Options with { CheckpointEveryMicroBatches = 0, CheckpointEverySteps = 0 },
        "score first" => Options with { PassMode = PassMode.ScoreFirst },
        "by tokens" => Options with { MicroBatchTokens = 25 },
        // Stops early, with its best checkpoint far behind the newest one.
        "watched" => Options with
        {
            CheckpointEveryMicroBatches = 0,
            CheckpointEverySteps = 3,
            KeepCheckpoints = 1,
            Epochs = 8,
            LearningRate = 0.4,
            EvaluateEverySteps = 1,
            WatchedMetric = HeldOutRows.Loss,
            Patience = 5,
            EndWithBest = true,
        },
        "released at once" => Options with { KeepCheckpoints = 1, CheckpointOnCancellation = false },
        _ => Options,
    };

    /// <summary>Between the moments that are tried: 1 tries each one; where there are hundreds that differ little, an odd stride still
    /// meets every kind.</summary>
    private static int Stride(string variant) => variant switch
    {
        "score first" => 7,
        "released at once" or "by tokens" => 3,
        "watched" => 2,
        _ => 1,
    };

    private static TrainingResult Run(string folder, TrainerOptions options, BigramPolicy policy,
        CancellationToken cancellationToken = default) =>
        new RankingTrainer(policy, new HingeLoss(), options with { RunFolder = folder })
            .Train(Groups, evaluate: (_, token) => Evaluate(policy, token),
                heldOut: options.WatchedMetric is null ? null : new(TrainingFixtures.Groups(5, seed: 9)),
                cancellationToken: cancellationToken);

    private static Dictionary<string, double> Evaluate(BigramPolicy policy, CancellationToken cancellationToken)
    {
        double[] logProbs = new double[Groups.Sum(g => g.Responses.Count)];
        policy.Score(Groups, logProbs, cancellationToken);
        return new() { ["logProb"] = logProbs.Sum() };
    }

    /// <summary>All that a finished run leaves, as bytes: metrics, the last checkpoint's files, the weights in memory, the
    /// history.</summary>
    private static Dictionary<string, string> Outcome(string folder, BigramPolicy policy, TrainingResult result)
    {
        var outcome = new Dictionary<string, string>
        {
            ["metrics"] = File.ReadAllText(Path.Combine(folder, MetricsFile.FileName)),
            ["weights"] = Convert.ToHexString(System.Runtime.InteropServices.MemoryMarshal.AsBytes(policy.Table)),
            ["history"] = string.Join('\n', result.History),
            ["evaluations"] = string.Join(' ', result.Evaluations.Select(e => $"{e.Step}:{e.Evaluation["logProb"]:R}")),
            ["checkpoint"] = Path.GetFileName(result.Checkpoint!),
            ["best"] = $"{result.BestStep} {result.BestValue:R} {result.StoppedEarly}",
        };
        if (result.BestStep > 0)
        {
            foreach (string file in Directory.GetFiles(Path.Combine(folder, TrainingCheckpoint.FolderName(result.BestStep, 0))))
                outcome["best " + Path.GetFileName(file)] = Convert.ToHexString(File.ReadAllBytes(file));
        }
        foreach (string file in Directory.GetFiles(result.Checkpoint!))
            outcome[Path.GetFileName(file)] = Convert.ToHexString(File.ReadAllBytes(file));
        return outcome;
    }

    private Dictionary<string, string> Uninterrupted(TrainerOptions options)
    {
        string folder = _temp["whole"];
        using var policy = new BigramPolicy();
        return Outcome(folder, policy, Run(folder, options, policy));
    }

    private static void AssertResumes(string folder, TrainerOptions options, Dictionary<string, string> expected)
    {
        using var policy = new BigramPolicy();
        Dictionary<string, string> found = Outcome(folder, policy, Run(folder, options, policy));
        Assert.Equal(expected["metrics"], found["metrics"]);
        Assert.Equal(expected, found);
        Assert.Empty(Directory.GetFileSystemEntries(folder, "*" + AtomicFile.PartialSuffix));
        Assert.Empty(Directory.GetFileSystemEntries(folder, "*" + FileLock.Suffix));
    }

    [Theory]
    [MemberData(nameof(Variants))]
    [InlineData("asynchronous")] // killed ones are in AsyncCheckpointTests
    public void Train_CancelledAtAnyMoment_ResumesToTheSameBytes(string variant)
    {
        TrainerOptions options = Variant(variant);
        Dictionary<string, string> expected = Uninterrupted(options);
        bool done = false;
        for (int moment = 1; !done; moment += Stride(variant))
        {
            string folder = _temp[$"{moment}"];
            using var cancel = new CancellationTokenSource();
            using var policy = new BigramPolicy();
            int left = moment;
            policy.At = _ =>
            {
                if (--left == 0)
                    cancel.Cancel();
            };
            try
            {
                Run(folder, options, policy, cancel.Token);
                done = left > 0; // the run ended before that moment
            }
            catch (OperationCanceledException)
            {
                Assert.Equal(0, policy.GradientNorm());
                if (options.CheckpointOnCancellation && TrainingCheckpoint.FindLatest(folder) is { } checkpoint)
                    Assert.Equal(checkpoint.State.MetricsLength, new FileInfo(Path.Combine(folder, MetricsFile.FileName)).Length);
            }
            AssertResumes(folder, options, expected);
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Train_KilledAtAnyMoment_ResumesToTheSameBytes(string variant)
    {
        TrainerOptions options = Variant(variant);
        Dictionary<string, string> expected = Uninterrupted(options);
        // What a killed process leaves is the run folder as it was at that moment, side folders and torn lines included: copy it at every
        // one.
        var snapshots = new List<string>();
        string folder = _temp["run"];
        int moment = 0;
        using (var policy = new BigramPolicy())
        {
            policy.At = _ =>
            {
                if (moment++ % Stride(variant) == 0)
                    snapshots.Add(Copy(folder, _temp[$"snapshot{moment}"]));
            };
            Run(folder, options, policy);
        }
        Assert.True(snapshots.Count > 15);
        foreach (string snapshot in snapshots)
            AssertResumes(snapshot, options, expected);
    }

    [Fact]
    public void Train_Watched_StopsEarlyWithItsBestFarBehind()
    {
        string[] best = Uninterrupted(Variant("watched"))["best"].Split(' ');
        Assert.Equal("True", best[2]);
        Assert.InRange(long.Parse(best[0], System.Globalization.CultureInfo.InvariantCulture), 1, 8);
    }

    [Fact]
    public void Train_FaultAtAnyMoment_ResumesToTheSameBytes()
    {
        Dictionary<string, string> expected = Uninterrupted(Options);
        bool done = false;
        for (int moment = 1; !done; moment += 2)
        {
            string folder = _temp[$"{moment}"];
            using var policy = new BigramPolicy();
            int left = moment;
            policy.At = at =>
            {
                if (--left == 0)
                    throw new IOException($"No space left at {at}.");
            };
            try
            {
                Run(folder, Options, policy);
                done = true;
            }
            catch (IOException)
            {
                Assert.Equal(0, policy.GradientNorm());
            }
            AssertResumes(folder, Options, expected);
        }
    }

    [Fact]
    public void Train_KilledAgainAndAgain_ResumesToTheSameBytes()
    {
        Dictionary<string, string> expected = Uninterrupted(Options);
        string folder = _temp["run"];
        for (int attempt = 0; ; attempt++)
        {
            Assert.True(attempt < 100, "The run makes no progress.");
            using var policy = new BigramPolicy();
            // Each attempt gets only as far as its second micro-batch. Its folder is then taken as it is, without the cleaning up that an
            // exception brings.
            int forwards = 0;
            string killed = _temp[$"killed{attempt}"];
            policy.At = at =>
            {
                if (at != "forward" || ++forwards != 3)
                    return;
                Copy(folder, killed);
                throw new OperationCanceledException();
            };
            try
            {
                Assert.Equal(expected, Outcome(folder, policy, Run(folder, Options, policy)));
                break;
            }
            catch (OperationCanceledException)
            {
                folder = killed;
            }
        }
    }

    [Fact]
    public void Train_FinishedRun_ReturnsItsResultAndWeightsAtOnce()
    {
        Dictionary<string, string> expected = Uninterrupted(Options);
        using var policy = new BigramPolicy { At = at => Assert.True(at is "load", at) };
        TrainingResult result = Run(_temp["whole"], Options, policy);
        Assert.Equal(4, result.ResumedFromStep);
        Assert.Equal(expected, Outcome(_temp["whole"], policy, result));
    }

    [Fact]
    public void Train_SkippedSteps_AreRememberedAcrossAResume()
    {
        TrainerOptions options = Options with { OnNonFinite = NonFiniteAction.SkipStep, EvaluateEverySteps = 0 };
        // The group itself spoils the loss, so that the fault does not depend on how often the process started.
        var loss = new PoisonedLoss(length: Groups[0].Responses[0].Length, prompt: Groups[0].Responses.Count);
        TrainingResult whole = new RankingTrainer(new BigramPolicy(), loss, options with { RunFolder = _temp["a"] }).Train(Groups);
        Assert.InRange(whole.SkippedSteps, 1, 3);
        using var cancel = new CancellationTokenSource();
        var policy = new BigramPolicy();
        policy.At = at =>
        {
            if (policy.Updates.Count == 1)
                cancel.Cancel();
        };
        Assert.ThrowsAny<OperationCanceledException>(() => new RankingTrainer(policy, loss, options with { RunFolder = _temp["b"] })
            .Train(Groups, cancellationToken: cancel.Token));
        var resumed = new BigramPolicy();
        TrainingResult result = new RankingTrainer(resumed, loss, options with { RunFolder = _temp["b"] }).Train(Groups);
        Assert.Equal((whole.SkippedSteps, whole.Steps), (result.SkippedSteps, result.Steps));
        Assert.Equal(File.ReadAllBytes(Path.Combine(whole.Checkpoint!, "model.safetensors")),
            File.ReadAllBytes(Path.Combine(result.Checkpoint!, "model.safetensors")));
        Assert.Equal(File.ReadAllBytes(_temp["a", MetricsFile.FileName]), File.ReadAllBytes(_temp["b", MetricsFile.FileName]));
    }

    [Fact]
    public void Train_DamagedNewestCheckpoint_FallsBackToTheOneBefore()
    {
        TrainerOptions options = Options with { KeepCheckpoints = 100 };
        Dictionary<string, string> expected = Uninterrupted(options);
        foreach (string file in new[] { "trainer.json", "model.safetensors", "bigram_state.safetensors", "config.json" })
        {
            foreach (bool delete in new[] { true, false })
            {
                string folder = Copy(_temp["whole"], _temp[$"{file}{delete}"]);
                string path = Path.Combine(TrainingCheckpoint.FindLatest(folder)!.Folder, file);
                if (delete)
                    File.Delete(path);
                else
                    File.WriteAllBytes(path, File.ReadAllBytes(path)[..^3]);
                Assert.NotEqual(Path.GetFileName(Path.GetDirectoryName(path)),
                    Path.GetFileName(TrainingCheckpoint.FindLatest(folder)!.Folder));
                AssertResumes(folder, options, expected);
            }
        }
    }

    [Fact]
    public void Train_OtherDataOrOptions_IsRefusedWithWhatDiffers()
    {
        Uninterrupted(Options);
        void Refused(string expected, TrainerOptions? options = null, TokenGroup[]? groups = null, IRankingLoss? loss = null,
            BigramPolicy? policy = null)
        {
            var trainer = new RankingTrainer(policy ?? new BigramPolicy(), loss ?? new HingeLoss(), (options ?? Options) with
            {
                RunFolder = _temp["whole"],
            });
            Assert.Contains(expected, Assert.Throws<InvalidOperationException>(() => trainer.Train(groups ?? Groups)).Message,
                StringComparison.Ordinal);
        }
        Refused("LearningRate was '0.05' and is '0.06'", Options with { LearningRate = 0.06 });
        Refused("Epochs was '2' and is '3'", Options with { Epochs = 3 });
        Refused("Seed", Options with { Seed = 4 });
        Refused("WeightDecay", Options with { Optimizer = new AdamWSettings() });
        Refused("Schedule", Options with { Schedule = LearningRateSchedule.Linear });
        Refused("PassMode", Options with { PassMode = PassMode.ScoreFirst });
        Refused("had 11 groups and has 10", groups: Groups[..10]);
        Refused("other groups", groups: [.. Groups.Reverse()]);
        Refused("Loss", loss: new HingeLoss(margin: 0.2));
        Refused("Policy", policy: new BigramPolicy(vocabulary: 9));
        Refused("Resume", Options with { Resume = false });
        // How often to save is no such difference.
        Assert.Equal(4, new RankingTrainer(new BigramPolicy(), new HingeLoss(),
            Options with { RunFolder = _temp["whole"], CheckpointEverySteps = 7, KeepCheckpoints = 1 }).Train(Groups).Steps);
    }

    [Fact]
    public void Train_RunOfVersionOne_IsResumedToTheSameBytes()
    {
        Dictionary<string, string> expected = Uninterrupted(Options with { KeepCheckpoints = 100 });
        foreach (string checkpoint in TrainingCheckpoint.Folders(_temp["whole"]))
        {
            // What version 1 wrote: the loss by what it makes of made-up batches, no option that came later, lengths in place of checksums.
            File.Delete(Path.Combine(checkpoint, CheckpointChecksums.FileName));
            File.Delete(Path.Combine(checkpoint, MetricsFile.FileName));
            string path = Path.Combine(checkpoint, TrainingCheckpoint.StateFile);
            JsonNode state = JsonNode.Parse(File.ReadAllText(path))!;
            state["version"] = 1;
            state["options"]!["Loss"] = LossProbe.Of(new HingeLoss());
            state["options"]!.AsObject().Remove(nameof(TrainerOptions.MicroBatchTokens));
            state["files"] = new JsonObject(Directory.GetFiles(checkpoint)
                .Where(f => f != path)
                .Select(f => KeyValuePair.Create(Path.GetFileName(f), (JsonNode?)new FileInfo(f).Length)));
            File.WriteAllText(path, state.ToJsonString());
        }

        foreach (string later in TrainingCheckpoint.Folders(_temp["whole"]).SkipLast(5))
            Directory.Delete(later, recursive: true);
        AssertRefused("Loss", new HingeLoss(margin: 0.2), Options);
        AssertRefused("MicroBatchTokens was '0' and is '9'", new HingeLoss(), Options with { MicroBatchTokens = 9 });
        using var policy = new BigramPolicy();
        TrainingResult result = Run(_temp["whole"], Options with { KeepCheckpoints = 100 }, policy);
        Assert.InRange(result.ResumedFromStep, 1, 3);
        Dictionary<string, string> found = Outcome(_temp["whole"], policy, result);
        Assert.Equal(expected, found);

        void AssertRefused(string difference, IRankingLoss loss, TrainerOptions options)
        {
            var trainer = new RankingTrainer(new BigramPolicy(), loss, options with { RunFolder = _temp["whole"] });
            Assert.Contains(difference, Assert.Throws<InvalidOperationException>(() => trainer.Train(Groups)).Message,
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Train_ResumeOffAndEmptyFolder_Starts() =>
        Assert.Equal(4, Run(_temp["new", "run"], Options with { Resume = false }, new BigramPolicy()).Steps);

    [Fact]
    public void Train_KeepCheckpoints_KeepsTheNewestOnes()
    {
        Uninterrupted(Options with { KeepCheckpoints = 3, CheckpointEveryMicroBatches = 0 });
        Assert.Equal(["checkpoint-00000004", "checkpoint-00000003", "checkpoint-00000002"],
            TrainingCheckpoint.Folders(_temp["whole"]).Select(f => Path.GetFileName(f)));
    }

    [Fact]
    public void Read_MetricsWithATornLastLine_PassesOverItAndNamesOtherDamage()
    {
        Uninterrupted(Options);
        string path = _temp["whole", MetricsFile.FileName];
        string[] lines = File.ReadAllLines(path);
        File.WriteAllText(path, string.Join('\n', lines) + "\n{\"step\":5,\"ep");
        (IReadOnlyList<TrainingStep> steps, IReadOnlyList<TrainingEvaluation> evaluations) = MetricsFile.Read(path);
        Assert.Equal((4, 2), (steps.Count, evaluations.Count));
        File.WriteAllText(path, $"{lines[0]}\nnonsense\n{lines[1]}\n");
        Assert.Contains("line 2", Assert.Throws<InvalidDataException>(() => MetricsFile.Read(path)).Message, StringComparison.Ordinal);
    }

    private static string Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string folder in Directory.GetDirectories(from, "*", SearchOption.AllDirectories))
            Directory.CreateDirectory(Path.Combine(to, Path.GetRelativePath(from, folder)));
        foreach (string file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            if (file.EndsWith(FileLock.Suffix, StringComparison.Ordinal))
            {
                // Held by the trainer, and so not to be read; what a killed one leaves is stale.
                File.WriteAllText(Path.Combine(to, Path.GetRelativePath(from, file)), "process 1 (killed)");
                continue;
            }
            // Opened for sharing: the trainer still writes the metrics.
            using var source = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var destination = new FileStream(Path.Combine(to, Path.GetRelativePath(from, file)), FileMode.Create);
            source.CopyTo(destination);
        }
        return to;
    }

    private sealed class PoisonedLoss(int length, int prompt) : IRankingLoss
    {
        private readonly HingeLoss _inner = new();

        public LossNeeds Needs => LossNeeds.Nothing;

        public LossDescription Describe() => new(nameof(PoisonedLoss), ("Length", length), ("Prompt", prompt));

        public double Evaluate(in RankingBatch batch, Span<double> gradient)
        {
            double loss = _inner.Evaluate(batch, gradient);
            return batch.Lengths[0] == length && batch.Offsets[1] == prompt ? double.NaN : loss;
        }
    }
}
