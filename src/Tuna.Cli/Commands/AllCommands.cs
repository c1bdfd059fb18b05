using Tuna.Cli.Hosting;

namespace Tuna.Cli.Commands;

/// <summary>The commands, in the order of the recipe.</summary>
internal static class AllCommands
{
    public static IReadOnlyList<StageCommand> Create(App app) =>
    [
        new NewCommand(app),
        new SftCommand(app),
        new SampleCommand(app),
        new RankCommand(app),
        new TrainCommand(app),
        new PrmCommand(app),
        new GenerateCommand(app),
        new ChatCommand(app),
        new EvaluateCommand(app),
        new ExportCommand(app),
        new PushCommand(app),
        new ConvertCommand(app),
        new MergeCommand(app),
        new StatsCommand(app),
        new ScaleCommand(app),
        new ReportCommand(app),
        new RecipeCommand(app),
        new RunCommand(app),
        new RoundsCommand(app),
    ];
}
