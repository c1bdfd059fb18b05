using System.Globalization;
using System.Text.Json.Nodes;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Models;
using Tuna.Cli.Terminal;
using Tuna.Data.Groups;
using Tuna.Distributed;
using Tuna.Evaluation.TensorBoard;
using Tuna.IO;
using Tuna.Losses;
using Tuna.Policies;
using Tuna.Training;

namespace Tuna.Cli.Training;

/// <summary>Trains a model and puts it in place when it is finished.</summary>
internal sealed record TrainingStage
{
    // Steps below which a learning-rate schedule has hardly begun.
    private const int FewSteps = 10;

    // Rows of the training data that are measured where none was held out.
    private const int MeasuredRows = 64;

    /// <summary>The model's folder to appear.</summary>
    public required string Out { get; init; }

    /// <summary>The folder that the training started from; its tokenizer's files go along.</summary>
    public required string Initial { get; init; }

    /// <summary>All that decides the result.</summary>
    public required Fingerprint Settings { get; init; }

    public required TrainerOptions Options { get; init; }

    public required IRankingLoss Loss { get; init; }

    public required EngineChoice Engine { get; init; }

    /// <summary>What became of the data's rows.</summary>
    public required TokenizationReport Tokenization { get; init; }

    /// <summary>The processes that train together; the first one writes, measures and reports.</summary>
    public required IProcessGroup Group { get; init; }

    /// <summary>Whether the trained model gives rewards in place of log-probabilities.</summary>
    public bool IsRewardModel { get; init; }

    /// <summary>Takes answers before and after training; null for none.</summary>
    public SampleTaker? Samples { get; init; }

    /// <summary>The run's folder for TensorBoard; null for none.</summary>
    public string? TensorBoard { get; init; }

    /// <summary>Rows that training does not see; the model is measured on them.</summary>
    public IReadOnlyList<TokenGroup> HeldOut { get; init; } = [];

    /// <summary>Figures to take of the trained model, for its record, in place of the usual ones; with their text.</summary>
    public Func<ITrainableScorer, (JsonObject Facts, string Text)>? Measure { get; init; }

    /// <summary>For objectives with a ratio to the policy that drew the responses: its log-probabilities of rows; null where the rows have
    /// them.</summary>
    public Func<IReadOnlyList<TokenGroup>, ReferenceLogProbs?>? OldPolicy { get; init; }

    private bool IsFirst => Group.Rank == 0;

    private string RunFolder => Options.RunFolder!;

    private int GroupsPerStep => Options.GroupsPerMicroBatch * Options.MicroBatchesPerStep;

    /// <param name="groups">The data.</param>
    /// <param name="reference">For objectives that need a frozen policy: its log-probabilities of rows.</param>
    /// <param name="ui">Shows progress.</param>
    /// <param name="cancellationToken">Stops between micro-batches; a checkpoint is written first.</param>
    public StageResult Run(IReadOnlyList<TokenGroup> groups, Func<IReadOnlyList<TokenGroup>, ReferenceLogProbs?> reference, StageUi ui,
        CancellationToken cancellationToken)
    {
        if (File.Exists(Out))
            throw new StageException($"--out {Out} is a file; name the folder of the trained model.");
        if (Options.EvaluateEverySteps > 0 && HeldOut.Count == 0)
            throw new StageException(
                "--eval-every measures on held-out rows, and there are none: hold some out with --held-out 0.1, or give --held-out FILE.",
                ExitCodes.Usage);
        if (groups.Count == 0)
            throw new StageException(
                $"No row can be trained on. "
                + $"{Tokenization}{Environment.NewLine}{IssueSummary.Text(Tokenization.Issues.Select(i => i.Message))}");
        if (Tokenization.Issues.Count > 0)
            ui.Warn($"{Tokenization}. For example: {Tokenization.Issues[0].Message}");
        using FileLock? held = IsFirst ? FileLock.Acquire(Out) : null;
        if (IsFirst)
            Settings.CheckOrSave(Path.Combine(RunFolder, "settings.json"), Out);

        MemoryPlan? plan = Engine.Plan(Initial, IsRewardModel, groups, Options);
        if (plan is not null)
            ui.Note($"{Engine.Name}; {plan.Text}");
        (ReferenceLogProbs? frozen, HeldOutRows? watched) = Frozen(groups, reference);
        (groups, watched) = WithOldPolicy(groups, watched);
        using ITrainableScorer policy = IsRewardModel
            ? Engine.LoadRewardModel(Initial, Options.Seed, trainable: true, plan)
            : Engine.LoadPolicy(Initial, Options.Seed, trainable: true, plan);
        IReadOnlyList<TokenGroup> measured = HeldOut.Count > 0 ? HeldOut : [.. groups.Take(MeasuredRows)];
        Outcome? before = Measure is null && IsFirst ? Before(policy, measured, ui, cancellationToken) : null;
        IReadOnlyList<string>? answers =
            IsFirst ? Samples?.Before(Path.Combine(RunFolder, "samples-before.json"), policy, measured, ui, cancellationToken) : null;
        TrainingResult result = Train(policy, groups, frozen, watched, plan, ui, cancellationToken);
        if (held is null)
            return new("", []);

        JsonObject facts = Facts(result, groups, policy.Info);
        string outcome;
        if (Measure is not null)
        {
            (JsonObject own, outcome) = Measure(policy);
            foreach ((string name, JsonNode? value) in own)
                facts[name] = value?.DeepClone();
        }
        else
        {
            Outcome after = MeasureOutcome("measuring", policy, measured, ui, cancellationToken);
            outcome = Outcome.Text(before!, after, HeldOut.Count > 0);
            facts["held_out_rows"] = HeldOut.Count;
            facts["before"] = before!.ToJson();
            facts["after"] = after.ToJson();
        }

        Save(held, policy, facts, answers is null ? null : Samples!.Lines(answers, policy, measured, ui, cancellationToken));
        facts["out"] = Out;
        return new(string.Create(CultureInfo.InvariantCulture,
            $"{Out}: {result.Steps} steps over {groups.Count} groups, last loss {result.FinalLoss:0.####}{Best(result)}")
            + Environment.NewLine + outcome,
            facts);
    }

    /// <summary>What to say when a finished model is asked for again.</summary>
    public static StageResult AlreadyThere(string folder, IProcessGroup group)
    {
        if (group.Rank > 0)
            return new("", []);
        // Killed between its last two acts, a run leaves its folder beside the finished model.
        if (Directory.Exists(TrainingOptions.RunFolder(folder)))
        {
            using FileLock held = FileLock.Acquire(folder);
            AtomicFolder.RemoveLeftovers(held);
            Directory.Delete(TrainingOptions.RunFolder(folder), recursive: true);
        }

        JsonObject facts = ModelRecord.Facts(folder);
        facts["out"] = folder;
        string outcome = Outcome.Of(facts["before"]) is { } before && Outcome.Of(facts["after"]) is { } after
            ? Environment.NewLine + Outcome.Text(before, after, facts["held_out_rows"]?.GetValue<int>() > 0)
            : "";
        return new($"{folder} is finished already; nothing to do{outcome}", facts);
    }

    private TrainingResult Train(ITrainableScorer policy, IReadOnlyList<TokenGroup> groups, ReferenceLogProbs? frozen, HeldOutRows? watched,
        MemoryPlan? plan, StageUi ui, CancellationToken cancellationToken)
    {
        TrainerOptions options = plan is { ScoreFirst: true } ? Options with { PassMode = PassMode.ScoreFirst } : Options;
        long steps = (groups.Count + (long)GroupsPerStep - 1) / GroupsPerStep * options.Epochs;
        if (steps < FewSteps)
            ui.Warn($"{groups.Count} groups make {steps} {(steps == 1 ? "step" : "steps")} of --batch {GroupsPerStep} in {options.Epochs} "
                + $"{(options.Epochs == 1 ? "epoch" : "epochs")}: little is learned in so few. A smaller --batch or more --epochs makes "
                + $"more of them.");
        try
        {
            using TensorBoardLog? curves = IsFirst && TensorBoard is not null ? new(TensorBoard, ui.Time) : null;
            ITrainingObserver? observer = !IsFirst ? null : new Observers([new RunNotes(ui), .. curves is null
                ? [] : (ITrainingObserver[])[curves]]);
            return ui.Measure("training", "steps", steps, 0,
                meter => new RankingTrainer(policy, Loss, options, new TrainerNotes(ui, meter), ui.Time, group: Group)
                    .Train(groups, frozen, progress: new MeterProgress(meter), heldOut: watched, observer: observer,
                        cancellationToken: cancellationToken));
        }
        catch (InvalidOperationException e)
        {
            throw new StageException($"{RunFolder}: {e.Message}", inner: e);
        }
        catch (NonFiniteTrainingException e)
        {
            throw new StageException($"{e.Message} Try a smaller --learning-rate.", inner: e);
        }
    }

    // The frozen policy scores all rows at once: it is loaded once, and a resumed run finds them all.
    private (ReferenceLogProbs? Frozen, HeldOutRows? Watched) Frozen(IReadOnlyList<TokenGroup> groups,
        Func<IReadOnlyList<TokenGroup>, ReferenceLogProbs?> reference)
    {
        HeldOutRows? watched = Options.EvaluateEverySteps > 0 ? new HeldOutRows(HeldOut) : null;
        if (!Loss.Needs.ReferencePolicy)
            return (null, watched);
        if (IsFirst && watched is not null)
            reference([.. groups, .. HeldOut]);
        ReferenceLogProbs frozen = ReferenceLogProbs.Share(Group, groups, IsFirst ? reference(groups) : null);
        if (watched is not null)
            watched = watched with { Reference = ReferenceLogProbs.Share(Group, HeldOut, IsFirst ? reference(HeldOut) : null) };
        return (frozen, watched);
    }

    private (IReadOnlyList<TokenGroup> Groups, HeldOutRows? Watched) WithOldPolicy(IReadOnlyList<TokenGroup> groups, HeldOutRows? watched)
    {
        if (!Loss.Needs.OldPolicy || OldPolicy is null)
            return (groups, watched);
        if (IsFirst && watched is not null)
            OldPolicy([.. groups, .. HeldOut]);
        if (watched is not null)
            watched = watched with { Groups = Drawn(HeldOut) };
        return (Drawn(groups), watched);

        IReadOnlyList<TokenGroup> Drawn(IReadOnlyList<TokenGroup> rows) =>
            ReferenceLogProbs.Share(Group, rows, IsFirst ? OldPolicy(rows) : null).AsOldPolicy(rows);
    }

    // What became of the metric that was watched.
    private string Best(TrainingResult result)
    {
        if (Options.WatchedMetric is not { } metric)
            return "";
        string ended = result.StoppedEarly
            ? $"{Environment.NewLine}ended early: {WatchOptions.NameOf(metric)} did not improve in {Options.Patience} measurements" : "";
        if (result.BestStep == 0)
            return ended;
        string best = $"{Environment.NewLine}best {HeldOutMetric.Text(metric, result.BestValue)}, after step {result.BestStep}";
        return ended + best + (Options.EndWithBest ? ": these weights are saved"
            : result.BestStep < result.Steps ? "; the last step's weights are saved (--save best saves those)" : "");
    }

    // Kept in the run's folder: a resumed run has other weights, and need not measure twice.
    private Outcome Before(ITrainableScorer policy, IReadOnlyList<TokenGroup> measured, StageUi ui, CancellationToken cancellationToken)
    {
        string file = Path.Combine(RunFolder, "before.json");
        if (File.Exists(file) && Outcome.Of(JsonNode.Parse(File.ReadAllText(file))) is { } known)
            return known;
        Outcome before = MeasureOutcome("measuring the model as it is", policy, measured, ui, cancellationToken);
        AtomicFile.WriteAllText(file, before.ToJson().ToJsonString());
        return before;
    }

    private static Outcome MeasureOutcome(string what, ITrainableScorer policy, IReadOnlyList<TokenGroup> measured, StageUi ui,
        CancellationToken cancellationToken) =>
        ui.Measure(what, "rows", measured.Count, 0, meter => Outcome.Measure(policy, measured, new CountMeter(meter), cancellationToken));

    private void Save(FileLock held, ITrainableScorer policy, JsonObject facts, string? samples)
    {
        AtomicFolder.Write(held, partial =>
        {
            policy.SaveModel(partial);
            ModelFolder.CopyTokenizer(Initial, partial);
            if (Engine.Lora is not null)
                Engine.SaveAdapter(policy, Directory.CreateDirectory(Path.Combine(partial, "adapter")).FullName, Initial);
            File.Copy(Path.Combine(RunFolder, "metrics.jsonl"), Path.Combine(partial, ModelRecord.MetricsName));
            if (samples is not null)
                File.WriteAllText(Path.Combine(partial, SampleTaker.FileName), samples);
            ModelRecord.Write(partial, Settings, facts, Versions.ToJson(Engine.Name));
        });
        // All that matters lies in the model's folder now; checkpoints are several times its size.
        Directory.Delete(RunFolder, recursive: true);
    }

    private JsonObject Facts(TrainingResult result, IReadOnlyList<TokenGroup> groups, PolicyInfo info)
    {
        TrainingStep? last = result.History.LastOrDefault(s => s.Skipped is null);
        JsonObject facts = new()
        {
            ["steps"] = result.Steps,
            ["skipped_steps"] = result.SkippedSteps,
            ["groups"] = groups.Count,
            ["rows"] = Tokenization.Rows,
            ["rejected_rows"] = Tokenization.Rejected,
            ["tokens"] = Tokenization.Tokens,
            ["parameters"] = info.ParameterCount,
            ["first_loss"] = Finite(result.History.FirstOrDefault(s => s.Skipped is null)?.Loss),
            ["last_loss"] = Finite(last?.Loss),
            ["last_margin"] = Finite(last?.Margin),
            ["last_pair_accuracy"] = Finite(last?.PairAccuracy),
        };
        if (Options.WatchedMetric is { } metric)
        {
            facts["best_by"] = WatchOptions.NameOf(metric);
            facts["best_step"] = result.BestStep;
            facts["best_value"] = Finite(result.BestValue);
            facts["stopped_early"] = result.StoppedEarly;
            facts["saved"] = Options.EndWithBest && result.BestStep > 0 ? "best" : "last";
        }
        return facts;
    }

    private static double? Finite(double? value) => value is { } v && double.IsFinite(v) ? v : null;

    private sealed class MeterProgress(Meter meter) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            TrainingStep step = value.Metrics;
            string status = step.Skipped is { } why
                ? $"step skipped: {why}"
                : string.Create(CultureInfo.InvariantCulture,
                    $"loss {step.Loss:0.####}{(step.PairAccuracy is { } pairs ? $", pairs {pairs:P0}" : "")}, {value.TokensPerSecond:0} "
                    + $"tokens/s");
            meter.At(step.Step, status);
        }
    }
}
