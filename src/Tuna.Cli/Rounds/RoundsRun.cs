using Tuna.Cli.Hosting;
using Tuna.Cli.Recipes;
using Tuna.Cli.Terminal;
using Tuna.Data;

namespace Tuna.Cli.Rounds;

/// <summary>Runs the rounds, one after the other, each from the policy of the one before; what is finished is skipped.</summary>
internal sealed class RoundsRun(RoundsSettings settings, SharedBudget budget, RecipeRunner runner, StageUi ui)
{
    private readonly List<RoundFigures> _figures = [];
    private int _ran, _skipped;

    public async Task<RoundsOutcome> ExecuteAsync(IReadOnlyList<InstructionExample> rows, CancellationToken cancellationToken)
    {
        bool answers = RoundData.Prepare(settings, rows);
        runner.Check(RoundStages.All(settings, answers));
        if (answers && await RunAsync([RoundStages.Answers(settings, 0)], 0, cancellationToken) is { } early)
            return early;
        for (int round = 1; round <= settings.Rounds; round++)
        {
            if (await RunAsync(RoundStages.Learning(settings, round), round, cancellationToken) is { } stopped)
                return stopped;
            if (answers && await CompareAsync(round, cancellationToken) is { } halted)
                return halted;
            // After every round, so that a run under way can be looked at.
            _figures.Add(RoundFigures.Of(settings, round, budget));
            Report.Save();
        }

        return new(Report, _ran, _skipped, null, ExitCodes.Ok);
    }

    private RoundsReport Report => new(settings, _figures, budget);

    private async Task<RoundsOutcome?> CompareAsync(int round, CancellationToken cancellationToken) =>
        await RunAsync([RoundStages.Answers(settings, round)], round, cancellationToken) is { } stopped ? stopped
        : settings.Compares && RoundData.WritePairs(settings, round) > 0
            ? await RunAsync([RoundStages.Verdicts(settings, round)], round, cancellationToken)
        : null;

    private async Task<RoundsOutcome?> RunAsync(IReadOnlyList<PlannedStage> stages, int round, CancellationToken cancellationToken)
    {
        foreach (PlannedStage stage in stages)
        {
            (bool ran, int code) = await runner.RunAsync(stage, $"[round {round}/{settings.Rounds}] {stage.Name}", ui, cancellationToken);
            if (code != ExitCodes.Ok)
                return new(Report, _ran, _skipped, stage.Name, code);
            _ran += ran ? 1 : 0;
            _skipped += ran ? 0 : 1;
        }

        return null;
    }
}

/// <summary>How the rounds ended.</summary>
/// <param name="Report">Of the rounds that are finished.</param>
/// <param name="Ran">Stages that ran.</param>
/// <param name="Skipped">Stages that were finished before.</param>
/// <param name="FailedStage">The stage that stopped them, or null.</param>
/// <param name="Code">Its exit code, or 0.</param>
internal sealed record RoundsOutcome(RoundsReport Report, int Ran, int Skipped, string? FailedStage, int Code);
