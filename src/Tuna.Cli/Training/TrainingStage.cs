using System.Globalization;
using System.Text.Json.Nodes;
using Tuna.IO;
using Tuna.Cli.Models;
using Tuna.Losses;
using Tuna.Policies;
using Tuna.Data.Groups;
using Tuna.Tokenization;
using Tuna.Training;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Terminal;

namespace Tuna.Cli.Training;

/// <summary>Trains a model and puts it in place when it is finished.</summary>
internal sealed record TrainingStage
{
    /// <summary>The model's folder to appear.</summary>
    public required string Out { get; init; }

    /// <summary>The folder that the training started from; its tokenizer's files go along.</summary>
    public required string Initial { get; init; }

    /// <summary>All that decides the result.</summary>
    public required Fingerprint Settings { get; init; }

    public required TrainerOptions Options { get; init; }

    public required IRankingLoss Loss { get; init; }

    /// <summary>What became of the data's rows.</summary>
    public required TokenizationReport Tokenization { get; init; }

    /// <summary>Figures to take of the trained model, for its record.</summary>
    public Func<JsonObject>? Measure { get; init; }

    private string RunFolder => Options.RunFolder!;

    /// <param name="policy">The model with its initial weights.</param>
    /// <param name="groups">The data.</param>
    /// <param name="reference">For objectives that need a frozen policy: its log-probabilities.</param>
    /// <param name="ui">Shows progress.</param>
    /// <param name="cancellationToken">Stops between micro-batches; a checkpoint is written first.</param>
    public StageResult Run(ITrainablePolicy policy, IReadOnlyList<TokenGroup> groups, Func<ReferenceLogProbs?> reference, StageUi ui, CancellationToken cancellationToken)
    {
        if (groups.Count == 0)
            throw new StageException($"No row can be trained on. {Tokenization}{Environment.NewLine}{string.Join(Environment.NewLine, Tokenization.Issues.Take(5).Select(i => i.Message))}");
        if (Tokenization.Issues.Count > 0)
            ui.Warn($"{Tokenization}. For example: {Tokenization.Issues[0].Message}");
        using FileLock held = FileLock.Acquire(Out);
        Settings.CheckOrSave(Path.Combine(RunFolder, "settings.json"), Out);

        ReferenceLogProbs? frozen = reference();
        var trainer = new RankingTrainer(policy, Loss, Options, timeProvider: ui.Time);
        TrainingResult result;
        try
        {
            long steps = ((groups.Count + (long)Options.GroupsPerMicroBatch * Options.MicroBatchesPerStep - 1) / ((long)Options.GroupsPerMicroBatch * Options.MicroBatchesPerStep)) * Options.Epochs;
            long before = TrainingCheckpoint.FindLatest(RunFolder, out IReadOnlyList<string> damaged)?.Step ?? 0;
            foreach (string passedOver in damaged)
                ui.Warn($"A damaged checkpoint is passed over. {passedOver}");
            if (before > 0)
                ui.Note($"Going on from the checkpoint after step {before} of {steps} in {RunFolder}.");
            result = ui.Measure("training", "steps", steps, before, meter => trainer.Train(groups, frozen, progress: new MeterProgress(meter), cancellationToken: cancellationToken));
        }
        catch (InvalidOperationException e)
        {
            throw new StageException($"{RunFolder}: {e.Message}", inner: e);
        }
        catch (NonFiniteTrainingException e)
        {
            throw new StageException($"{e.Message} Try a smaller --learning-rate.", inner: e);
        }

        JsonObject facts = Facts(result, groups, policy.Info);
        foreach ((string name, JsonNode? value) in Measure?.Invoke() ?? [])
            facts[name] = value?.DeepClone();
        AtomicFolder.Write(held, partial =>
        {
            policy.SaveModel(partial);
            ModelFolder.CopyTokenizer(Initial, partial);
            File.Copy(Path.Combine(RunFolder, "metrics.jsonl"), Path.Combine(partial, ModelRecord.MetricsName));
            ModelRecord.Write(partial, Settings, facts);
        });
        // All that matters lies in the model's folder now; checkpoints are several times its size.
        Directory.Delete(RunFolder, recursive: true);
        facts["out"] = Out;
        return new(string.Create(CultureInfo.InvariantCulture, $"{Out}: {result.Steps} steps over {groups.Count} groups, last loss {result.FinalLoss:0.####}"), facts);
    }

    /// <summary>What to say when a finished model is asked for again.</summary>
    public static StageResult AlreadyThere(string folder)
    {
        // Killed between its last two acts, a run leaves its folder beside the finished model.
        if (Directory.Exists(TrainingOptions.RunFolder(folder)))
        {
            using FileLock held = FileLock.Acquire(folder);
            AtomicFolder.RemoveLeftovers(held);
            Directory.Delete(TrainingOptions.RunFolder(folder), recursive: true);
        }
        JsonObject facts = ModelRecord.Facts(folder);
        facts["out"] = folder;
        return new($"{folder} is finished already; nothing to do", facts);
    }

    private JsonObject Facts(TrainingResult result, IReadOnlyList<TokenGroup> groups, PolicyInfo info)
    {
        TrainingStep? last = result.History.LastOrDefault(s => s.Skipped is null);
        return new()
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
    }

    private static double? Finite(double? value) => value is { } v && double.IsFinite(v) ? v : null;

    private sealed class MeterProgress(Meter meter) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            TrainingStep step = value.Metrics;
            string status = step.Skipped is { } why
                ? $"step skipped: {why}"
                : string.Create(CultureInfo.InvariantCulture, $"loss {step.Loss:0.####}{(step.PairAccuracy is { } pairs ? $", pairs {pairs:P0}" : "")}, {value.TokensPerSecond:0} tokens/s");
            meter.At(step.Step, status);
        }
    }
}
