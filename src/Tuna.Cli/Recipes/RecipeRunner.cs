using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Terminal;

namespace Tuna.Cli.Recipes;

/// <summary>Runs the stages of a plan one after the other and skips those that are finished.</summary>
/// <remarks>
/// A finished stage leaves <c>WORK/.stages/NAME.json</c>: its options and the hashes of the files it read. It is skipped when these are
/// unchanged and its output exists, so that changing one parameter runs again only what depends on it.
/// </remarks>
/// <param name="app">Runs the stages.</param>
/// <param name="work">The folder of all files in between.</param>
/// <param name="allowPartial">Whether a stage that could not do all rows lets the next one begin.</param>
/// <param name="inherited">Options of the recipe's command that hold for each stage.</param>
internal sealed class RecipeRunner(App app, string work, bool allowPartial = false, IReadOnlyList<string>? inherited = null)
{
    /// <summary>Arguments for a stage that are known only when it begins: what is left of a common budget.</summary>
    public Func<PlannedStage, IEnumerable<string>> Late { get; init; } = _ => [];

    public async Task<RecipeRun> RunAsync(IReadOnlyList<PlannedStage> stages, StageUi ui, CancellationToken cancellationToken)
    {
        Check(stages);
        int skipped = 0, ran = 0;
        foreach ((int index, PlannedStage stage) in stages.Index())
        {
            (bool done, int code) = await RunAsync(stage, $"[{index + 1}/{stages.Count}] {stage.Name}", ui, cancellationToken);
            if (code != ExitCodes.Ok)
                return new(ran, skipped, stage.Name, code);
            ran += done ? 1 : 0;
            skipped += done ? 0 : 1;
        }

        return new(ran, skipped, null, ExitCodes.Ok);
    }

    /// <summary>Runs a stage, unless it is finished.</summary>
    /// <param name="stage">The stage, checked before.</param>
    /// <param name="title">Names it to a person.</param>
    /// <param name="ui">Tells what is done.</param>
    /// <param name="cancellationToken">Stops the stage at its next safe point.</param>
    /// <returns>Whether it ran, and its exit code; that of a part is 0 where parts are accepted.</returns>
    public async Task<(bool Ran, int Code)> RunAsync(PlannedStage stage, string title, StageUi ui, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        string stamp = Path.Combine(work, ".stages", stage.Name + ".json");
        if (IsFinished(stage, stamp))
        {
            ui.Note($"{title}: finished before, skipped");
            return (false, ExitCodes.Ok);
        }

        ui.Note($"{title}: {stage}");
        int code = await app.RunAsync([.. stage.Arguments, .. stage.Course, .. Late(stage), .. ModeArguments(ui.Mode), .. inherited ?? []],
            cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        if (code == ExitCodes.Partial && (stage.AllowPartial || allowPartial))
            ui.Note($"{title}: some rows could not be done, which the recipe accepts; {FailureFile.PathFor(stage.Output)} names them.");
        else if (code != ExitCodes.Ok)
            return (true, code);
        if (!Exists(stage.Output))
            throw new StageException($"Stage '{stage.Name}' ended well but its output {stage.Output} is not there.", ExitCodes.Defect);
        Inputs(stage).Save(stamp);
        return (true, ExitCodes.Ok);
    }

    // A mistake in the last stage is told before the first one has taken its hours.
    public void Check(IEnumerable<PlannedStage> stages)
    {
        foreach (PlannedStage stage in stages)
        {
            if (app.Check([.. stage.Arguments, .. stage.Course]) is { Count: > 0 } errors)
                throw new StageException($"Stage '{stage.Name}' cannot be run ({stage}): {string.Join(" ", errors)}");
        }
    }

    private static bool IsFinished(PlannedStage stage, string stamp) =>
        File.Exists(stamp) && Exists(stage.Output) && Inputs(stage).Difference(stamp) is null;

    private static Fingerprint Inputs(PlannedStage stage)
    {
        var inputs = new Fingerprint().With("command", string.Join(' ', stage.Command));
        foreach ((int i, (string option, string? value)) in stage.Options.Index())
        {
            inputs.With($"{i:00} {option}", value ?? "");
            if (value is not null && option != "--out" && Exists(value))
                inputs.WithContent($"{i:00} {option} content", value);
        }

        return inputs;
    }

    private static bool Exists(string path) => File.Exists(path) || Directory.Exists(path);

    private static IEnumerable<string> ModeArguments(OutputMode mode)
    {
        if (mode.Quiet)
            yield return "--quiet";
        if (mode.Json)
            yield return "--json";
    }
}

/// <summary>What a run of a recipe did.</summary>
/// <param name="Ran">Stages that ran.</param>
/// <param name="Skipped">Stages that were finished before.</param>
/// <param name="FailedStage">The stage that stopped it, or null.</param>
/// <param name="ExitCode">The exit code of that stage, or 0.</param>
internal sealed record RecipeRun(int Ran, int Skipped, string? FailedStage, int ExitCode);
